"""Enough of GraphQL (its specification, June 2018 and later) to answer what a client asks.

Queries with aliases, arguments, variables, fragments and inline fragments; no directives, no
mutations, no introspection but ``__typename``.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"[\s,\ufeff]+|#[^\n]*|([_A-Za-z]\w*|\.\.\.|[!$&()=:@\[\]{|}]"
    r'|"(?:\\.|[^"\\\n])*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'
)
_CONSTANTS = {"true": True, "false": False, "null": None}


class BadQuery(ValueError):
    """A query that no server would run; the text says why."""


@dataclass(frozen=True, slots=True)
class FieldSelection:
    """A field of a selection; fragments are already put in."""

    key: str
    name: str
    arguments: dict[str, Any]
    fields: "tuple[FieldSelection, ...]"


@dataclass(frozen=True, slots=True)
class Node:
    """An object: its fields are values, or callables of the arguments that give them.

    A value is a scalar, a Node, a list of either, or None.
    """

    type: str
    values: Mapping[str, Any]

    def resolve(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """The value of a field; raises KeyError."""
        value = self.values[name]
        return value(arguments) if callable(value) else value


class _Parser:
    """Reads a document from its tokens."""

    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens = [found for found in _tokenize(text) if found]
        self._place = 0
        self._variables = dict(variables)
        self._fragments: dict[str, int] = {}

    def query(self) -> tuple[FieldSelection, ...]:
        """The selection of the only operation of the document."""
        start = self._definitions()
        self._place = start
        return self._selection()

    def _definitions(self) -> int:
        """Where the query's selection begins; fragments are found on the way."""
        start = -1
        while self._place < len(self._tokens):
            if self._peek() == "fragment":
                self._fragments[self._tokens[self._place + 1]] = self._place + 4
                self._place += 4
            else:
                self._operation()
                start = self._place
            self._skip_selection()
        if start < 0:
            raise BadQuery("no operation")
        return start

    def _operation(self) -> None:
        if self._peek() == "{":
            return
        if self._take() != "query":
            raise BadQuery("not a query")
        if self._peek() not in {"(", "{"}:
            self._take()
        if self._peek() == "(":
            self._take()
            while self._peek() != ")":
                self._declaration()
            self._take()

    def _declaration(self) -> None:
        self._expect("$")
        name = self._take()
        self._expect(":")
        while self._peek() not in {"$", ")", "="}:
            self._take()
        if self._peek() == "=":
            self._take()
            self._variables.setdefault(name, self._value())
        self._variables.setdefault(name, None)

    def _skip_selection(self) -> None:
        depth = 0
        while True:
            token = self._take()
            depth += (token == "{") - (token == "}")
            if not depth:
                return

    def _selection(self) -> tuple[FieldSelection, ...]:
        self._expect("{")
        found: list[FieldSelection] = []
        while self._peek() != "}":
            if self._peek() == "...":
                found += self._spread()
            else:
                found.append(self._field())
        self._take()
        return tuple(found)

    def _spread(self) -> tuple[FieldSelection, ...]:
        self._take()
        name = self._take() if self._peek() != "{" else ""
        if name == "on":
            self._take()
            return self._selection()
        if not name:
            return self._selection()
        if name not in self._fragments:
            raise BadQuery(f"no fragment {name}")
        back, self._place = self._place, self._fragments[name]
        found = self._selection()
        self._place = back
        return found

    def _field(self) -> FieldSelection:
        key = name = self._take()
        if self._peek() == ":":
            self._take()
            name = self._take()
        arguments: dict[str, Any] = {}
        if self._peek() == "(":
            self._take()
            while self._peek() != ")":
                argument = self._take()
                self._expect(":")
                arguments[argument] = self._value()
            self._take()
        return FieldSelection(
            key, name, arguments, self._selection() if self._peek() == "{" else ()
        )

    def _value(self) -> Any:
        token = self._take()
        if token == "$":
            name = self._take()
            if name not in self._variables:
                raise BadQuery(f"no variable ${name}")
            return self._variables[name]
        if token == "[":
            return self._items()
        if token[0] == '"' or token[0] in "-0123456789":
            return json.loads(token)
        return _CONSTANTS.get(token, token)

    def _items(self) -> list[Any]:
        items = []
        while self._peek() != "]":
            items.append(self._value())
        self._take()
        return items

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self) -> str:
        if self._place >= len(self._tokens):
            raise BadQuery("the query ends too early")
        self._place += 1
        return self._tokens[self._place - 1]

    def _expect(self, token: str) -> None:
        if (found := self._take()) != token:
            raise BadQuery(f"{token} expected, not {found}")


def _tokenize(text: str) -> list[str]:
    found, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise BadQuery(f"unexpected {text[place]!r}")
        found.append(match[1] or "")
        place = match.end()
    return found


def parse_query(text: Any, variables: Any) -> tuple[FieldSelection, ...]:
    """The fields that a query asks for; raises BadQuery."""
    if not isinstance(text, str) or not isinstance(variables or {}, dict):
        raise BadQuery("a query string is needed")
    return _Parser(text, variables or {}).query()


def select_fields(node: Node, fields: tuple[FieldSelection, ...]) -> Any:
    """What the fields of a node are, as JSON; raises BadQuery."""
    answer: dict[str, Any] = {}
    for field in fields:
        if field.name == "__typename":
            answer[field.key] = node.type
            continue
        try:
            value = node.resolve(field.name, field.arguments)
        except KeyError:
            raise BadQuery(f"Field '{field.name}' doesn't exist on type '{node.type}'") from None
        answer[field.key] = _complete_value(value, field)
    return answer


def _complete_value(value: Any, field: FieldSelection) -> Any:
    if isinstance(value, list):
        return [_complete_value(item, field) for item in value]
    if not isinstance(value, Node):
        return value
    if not field.fields:
        raise BadQuery(f"Field '{field.name}' must have selections")
    return select_fields(value, field.fields)
