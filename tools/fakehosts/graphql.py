"""Enough of GraphQL (specification of June 2018 and later) to run a client's queries.

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
    """A query that no server would run; the text is the reason."""


@dataclass(frozen=True, slots=True)
class FieldSelection:
    """A field of a selection, with its fragments expanded."""

    key: str
    name: str
    arguments: dict[str, Any]
    fields: "tuple[FieldSelection, ...]"


@dataclass(frozen=True, slots=True)
class Node:
    """An object; each field is a value, or a callable from the field's arguments to its value.

    A value is a scalar, a Node, a list of either, or None.
    """

    type: str
    values: Mapping[str, Any]

    def resolve(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Return the value of a field; raises KeyError."""
        value = self.values[name]
        return value(arguments) if callable(value) else value


class _Parser:
    """Parses the tokens of a document."""

    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens = [token for token in _tokenize(text) if token]
        self._position = 0
        self._variables = dict(variables)
        self._fragments: dict[str, int] = {}

    def parse(self) -> tuple[FieldSelection, ...]:
        """Return the selection of the document's only operation."""
        start = self._definitions()
        self._position = start
        return self._selection()

    def _definitions(self) -> int:
        """Note where fragments begin; return where the query's selection begins."""
        start = -1
        while self._position < len(self._tokens):
            if self._peek() == "fragment":
                self._fragments[self._tokens[self._position + 1]] = self._position + 4
                self._position += 4
            else:
                self._operation()
                start = self._position
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
        fields: list[FieldSelection] = []
        while self._peek() != "}":
            if self._peek() == "...":
                fields += self._spread()
            else:
                fields.append(self._field())
        self._take()
        return tuple(fields)

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
        back, self._position = self._position, self._fragments[name]
        fields = self._selection()
        self._position = back
        return fields

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
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self) -> str:
        if self._position >= len(self._tokens):
            raise BadQuery("the query ends too early")
        self._position += 1
        return self._tokens[self._position - 1]

    def _expect(self, token: str) -> None:
        if (actual := self._take()) != token:
            raise BadQuery(f"{token} expected, not {actual}")


def _tokenize(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise BadQuery(f"unexpected {text[position]!r}")
        tokens.append(match[1] or "")
        position = match.end()
    return tokens


def parse_query(text: Any, variables: Any) -> tuple[FieldSelection, ...]:
    """Return the fields that a query selects; raises BadQuery."""
    if not isinstance(text, str) or not isinstance(variables or {}, dict):
        raise BadQuery("a query string is needed")
    return _Parser(text, variables or {}).parse()


def select_fields(node: Node, fields: tuple[FieldSelection, ...]) -> Any:
    """Return the selected fields of a node as JSON; raises BadQuery."""
    values: dict[str, Any] = {}
    for field in fields:
        if field.name == "__typename":
            values[field.key] = node.type
            continue
        try:
            value = node.resolve(field.name, field.arguments)
        except KeyError:
            raise BadQuery(f"Field '{field.name}' doesn't exist on type '{node.type}'") from None
        values[field.key] = _complete_value(value, field)
    return values


def _complete_value(value: Any, field: FieldSelection) -> Any:
    if isinstance(value, list):
        return [_complete_value(item, field) for item in value]
    if not isinstance(value, Node):
        return value
    if not field.fields:
        raise BadQuery(f"Field '{field.name}' must have selections")
    return select_fields(value, field.fields)
