"""Highlight JSON as HTML without changing its text: colours for its tokens, links for its URLs.

This is one pass over the text, so the time is linear in its length.
"""

import re
from html import escape

#: Longer texts get links but no colours, whose markup would more than double them.
MAX_COLOURED_LENGTH = 1_000_000
#: Excludes what no URL contains, and whatever a JSON string escapes.
_WEB_URL = re.compile(r"https?://[^\s\"\\<>]+", re.IGNORECASE)
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_NUMBER = r"-?[0-9][0-9.eE+-]*"
_STRINGS = re.compile(_STRING)
#: A row of numbers is one token: the 52 weeks of a package need no 52 elements.
_TOKENS = re.compile(
    rf"(?P<string>{_STRING})(?P<colon>:)?"
    rf"|(?P<number>{_NUMBER}(?:,\s*{_NUMBER})*)"
    r"|(?P<word>true|false|null|NaN|-?Infinity)"
)


def is_web_url(text: object) -> bool:
    """Return whether a value is an absolute http or https URL, which may become a link.

    A URL with invisible characters is refused, because it could disguise where it leads.
    """
    return isinstance(text, str) and bool(_WEB_URL.fullmatch(text)) and text.isprintable()


def highlight_json(text: str, own_prefix: str) -> str:
    """Return the HTML of JSON ``text``, which has no markup characters outside of strings.

    Links that begin with ``own_prefix`` lead to this site. External links get
    ``rel="noreferrer noopener"``.
    """
    if len(text) > MAX_COLOURED_LENGTH:
        return _STRINGS.sub(lambda match: _link_string(match[0], own_prefix), text)

    def colour(match: re.Match[str]) -> str:
        if match["number"]:
            return f'<span class="n">{match[0]}</span>'
        if match["word"]:
            return f'<span class="w">{match[0]}</span>'
        if match["colon"]:
            return f'<span class="k">{escape(match["string"], quote=False)}</span>:'
        return f'<span class="s">{_link_string(match[0], own_prefix)}</span>'

    return _TOKENS.sub(colour, text)


def _link_string(literal: str, own_prefix: str) -> str:
    """Return a JSON string as HTML, linked if it is a URL; the quotation marks stay outside."""
    if literal[1:5].lower() == "http":
        url = literal[1:-1]
        if is_web_url(url):
            rel = "" if url.startswith(own_prefix) else ' rel="noreferrer noopener"'
            return f'"<a href="{escape(url)}"{rel}>{escape(url, quote=False)}</a>"'
    return escape(literal, quote=False)
