"""JSON text as HTML whose text is that very JSON: colours for its parts, links for its URLs.

One pass over the text, so the time is linear in its length.
"""

import re
from html import escape

#: Longer texts get their links, but no colours: those would more than double them.
LONGEST_COLOURED = 1_000_000
#: What no URL holds is left out, and so is whatever a quoted string in JSON had to escape.
_WEB_ADDRESS = re.compile(r"https?://[^\s\"\\<>]+", re.IGNORECASE)
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_NUMBER = r"-?[0-9][0-9.eE+-]*"
_STRINGS = re.compile(_STRING)
#: A row of numbers is one part: the 52 weeks of a package need no 52 elements.
_PARTS = re.compile(
    rf"(?P<string>{_STRING})(?P<colon>:)?"
    rf"|(?P<number>{_NUMBER}(?:,\s*{_NUMBER})*)"
    r"|(?P<word>true|false|null|NaN|-?Infinity)"
)


def is_web_address(text: object) -> bool:
    """Whether it is an absolute http or https URL, and so may become a link.

    Invisible characters, which could show another address than the one it leads to, may not
    be in it.
    """
    return isinstance(text, str) and bool(_WEB_ADDRESS.fullmatch(text)) and text.isprintable()


def highlighted(text: str, own: str) -> str:
    """The HTML of JSON ``text``; outside of strings it has nothing that HTML takes for markup.

    ``own`` is what links to this site start with. Other hosts are not told whence people come.
    """
    if len(text) > LONGEST_COLOURED:
        return _STRINGS.sub(lambda found: _linked(found[0], own), text)

    def marked(found: re.Match[str]) -> str:
        if found["number"]:
            return f'<span class="n">{found[0]}</span>'
        if found["word"]:
            return f'<span class="w">{found[0]}</span>'
        if found["colon"]:
            return f'<span class="k">{escape(found["string"], quote=False)}</span>:'
        return f'<span class="s">{_linked(found[0], own)}</span>'

    return _PARTS.sub(marked, text)


def _linked(literal: str, own: str) -> str:
    """A string of JSON, as a link if it is a URL; the quotation marks stay outside."""
    if literal[1:5].lower() == "http":
        url = literal[1:-1]
        if is_web_address(url):
            rel = "" if url.startswith(own) else ' rel="noreferrer noopener"'
            return f'"<a href="{escape(url)}"{rel}>{escape(url, quote=False)}</a>"'
    return escape(literal, quote=False)
