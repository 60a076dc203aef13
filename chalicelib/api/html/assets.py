"""Style, script and templates of the page, and the security policy that allows just those."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chalicelib.api.html.highlight import is_web_url

_FOLDER = Path(__file__).parent
STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")
SCRIPT = (_FOLDER / "script.js").read_text(encoding="utf-8")
#: What a source in a policy may look like here; anything else could end the directive.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]+)?", re.IGNORECASE)


def _build_environment() -> Environment:
    """Build Jinja's environment; templates are compiled once per process.

    All values are escaped. ``safe`` are only the style, the script and the JSON, which
    ``highlight`` has escaped.
    """
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["style"] = STYLE
    environment.globals["script"] = SCRIPT
    environment.tests["web_url"] = is_web_url
    return environment


def _hash_source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


ENVIRONMENT = _build_environment()
_POLICY = "; ".join(
    [
        "default-src 'none'",
        f"style-src {_hash_source(STYLE)}",
        f"script-src {_hash_source(SCRIPT)}",
        "img-src data:",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ]
)


def build_policy(base_url: str | None) -> str:
    """Return the Content-Security-Policy of a page; ``base_url`` is the setting.

    The search form leads to the base URL, whose origin may differ from the page's.
    """
    parts = urlsplit(base_url or "")
    origin = f"{parts.scheme}://{parts.netloc}"
    return f"{_POLICY} {origin}" if _ORIGIN.fullmatch(origin) else _POLICY
