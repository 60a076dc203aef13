"""A page as a browser reads it, for tests: elements, texts, and what must never be there."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser

from tests.support.api_client import Reply, ask

HTML = {"Accept": "text/html"}
_VOID = {"meta", "link", "input", "br", "hr", "img", "path", "rect"}
_ADDRESSES = {"href", "src", "action", "formaction", "xlink:href", "data", "poster", "srcset"}


@dataclass
class Element:
    """An element; ``children`` are elements and texts in their order."""

    tag: str
    attributes: dict[str, str]
    children: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.children)

    def walk(self) -> "Iterator[Element]":
        yield self
        for part in self.children:
            if isinstance(part, Element):
                yield from part.walk()

    def all(self, tag: str, **attributes: str) -> "list[Element]":
        """Elements below by tag and attributes; ``class_`` and ``aria_label`` as Python has it."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.walk()
            if element.tag == tag and wanted.items() <= element.attributes.items()
        ]

    def one(self, tag: str, **attributes: str) -> "Element":
        (element,) = self.all(tag, **attributes)
        return element


class Document(Element):
    """A whole page; making one fails if its elements are not properly nested."""

    def __init__(self, html: str) -> None:
        super().__init__("", {})
        parser = _Parser(self)
        parser.feed(html)
        parser.close()
        assert parser.open == [self], [element.tag for element in parser.open]

    @property
    def block(self) -> str:
        """The one text that holds status, headers and JSON."""
        return self.one("pre").text

    def assert_safe(self, policy: str) -> None:
        """Only our own style and script, and they are those of the policy; no other way in."""
        for tag in ("style", "script"):
            element = self.one(tag)
            assert element.attributes == {}
            digest = b64encode(sha256(element.text.encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}';" in policy
        assert self.one("link").attributes["href"].startswith("data:image/svg+xml,")
        forbidden = {"iframe", "object", "embed", "base", "img", "image", "use", "foreignobject"}
        for element in self.walk():
            assert element.tag not in forbidden
            for name, value in element.attributes.items():
                assert not name.startswith("on")
                assert name not in {"style", "http-equiv", "srcdoc"}
                if name in _ADDRESSES and element.tag != "link":
                    assert value.startswith(("http://", "https://", "HTTP", "#content")), value
                    assert value.isprintable()


class _Parser(HTMLParser):
    def __init__(self, root: Element) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        assert len(element.attributes) == len(attrs), "an attribute twice"
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def page(
    port: int, path: str, status: int = 200, headers: Mapping[str, str] = HTML, method: str = "GET"
) -> Document:
    """The page at a path of the API; fails if it is none, or not a safe one."""
    return document(ask(port, f"/api/v4/{path}", method, headers), status)


def document(reply: Reply, status: int = 200) -> Document:
    """An answer as a page; fails if it is none, or not a safe one."""
    assert reply.status == status
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    found = Document(reply.body.decode())
    found.assert_safe(reply.headers["content-security-policy"])
    return found
