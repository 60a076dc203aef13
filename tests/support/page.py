"""What a person reads on an HTML page."""

import html
import re

_BLOCK = re.compile(r"<pre[^>]*>(.*?)</pre>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def response_info(page: str) -> str | None:
    """The text of the block that shows the answer: status line, headers, JSON; or ``None``."""
    for block in _BLOCK.findall(page):
        text = html.unescape(_TAG.sub("", block)).strip()
        if text.startswith("HTTP "):
            return text
    return None
