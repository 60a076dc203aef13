"""Check that the documents' links lead somewhere, and that the site loads nothing from elsewhere.

    python -m tools.check_docs [SITE]

Markdown files at the top of the repository and below ``docs/`` are checked for links to missing
files and headings; MkDocs itself checks only what is in ``docs/``. ``SITE`` is the folder of the
built site; its pages must not load scripts, styles, fonts or images from other hosts, so that it
can be read offline. Prints each fault; exits with 1 if there is one.
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
#: Kinds of <link> that only name an address.
_NOT_LOADED = {"canonical", "next", "prev"}


def get_documents(root: Path = ROOT) -> list[Path]:
    """Return the Markdown files of the repository that people read."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def iter_broken_links(document: Path) -> Iterator[str]:
    """Yield the relative links of a document that lead to no file or no heading."""
    text = _CODE.sub("", document.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = document.parent / unquote(parts.path) if parts.path else document
        if not target.exists():
            yield f"{link}: no such file"
        elif parts.fragment and parts.fragment not in _get_anchors(target):
            yield f"{link}: no such heading"


def _get_anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as Python-Markdown and GitHub make them."""
    headings = _HEADING.findall(document.read_text(encoding="utf-8"))
    plain = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"\s+", "-", heading) for heading in plain}


class _ResourceParser(HTMLParser):
    """Collects the addresses of what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        url = attributes.get(_LOADING.get(tag, ""))
        if url and attributes.get("rel") not in _NOT_LOADED:
            self.urls.append(url)


def iter_external_resources(site: Path) -> Iterator[str]:
    """Yield what the pages and styles of a built site load from other hosts."""
    for page in sorted(site.rglob("*.html")):
        parser = _ResourceParser()
        parser.feed(page.read_text(encoding="utf-8"))
        for url in parser.urls:
            if urlsplit(url).netloc:
                yield f"{page.relative_to(site)}: {url}"
    for style in sorted(site.rglob("*.css")):
        for url in re.findall(r"url\([\"']?((?:https?:)?//[^)\"']+)", style.read_text("utf-8")):
            yield f"{style.relative_to(site)}: {url}"


def main(arguments: list[str]) -> int:
    """Check the documents, and the site if its folder is named."""
    faults = [
        f"{document.relative_to(ROOT)}: {fault}"
        for document in get_documents()
        for fault in iter_broken_links(document)
    ]
    for folder in arguments:
        site = Path(folder)
        if not (site / "index.html").exists():
            faults.append(f"{site}: there is no site")
        faults += iter_external_resources(site)
    print("\n".join(faults) if faults else "Links are whole, and nothing is loaded from elsewhere.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
