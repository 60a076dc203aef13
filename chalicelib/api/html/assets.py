"""Style, script and templates of the page, and the policy that lets a browser use just those."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chalicelib.api.html import highlight

_FOLDER = Path(__file__).parent
STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")
SCRIPT = (_FOLDER / "script.js").read_text(encoding="utf-8")
#: What a source in a policy may look like here; anything else could end the directive.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]+)?", re.IGNORECASE)


def _environment() -> Environment:
    """Templates are compiled once a process: they do not change under a running one.

    Whatever is put into them is escaped. ``safe`` are the style, the script, and the JSON, which
    ``highlighting`` has escaped.
    """
    made = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["style"] = STYLE
    made.globals["script"] = SCRIPT
    made.tests["web_address"] = highlight.is_web_address
    return made


def _source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


ENVIRONMENT = _environment()
_POLICY = "; ".join(
    [
        "default-src 'none'",
        f"style-src {_source(STYLE)}",
        f"script-src {_source(SCRIPT)}",
        "img-src data:",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ]
)


def policy(base_url: str | None) -> str:
    """The Content-Security-Policy of a page; ``base_url`` is that of the settings.

    The search form leads to the base URL, which may be another origin than the page's.
    """
    parts = urlsplit(base_url or "")
    origin = f"{parts.scheme}://{parts.netloc}"
    return f"{_POLICY} {origin}" if _ORIGIN.fullmatch(origin) else _POLICY
