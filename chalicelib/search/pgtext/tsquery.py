"""What a query is once it is parsed (PostgreSQL's ``tsquery``)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Lexeme:
    """Matches a lexeme; with ``prefix``, every lexeme that starts with ``text``."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """Matches where ``operand`` does not."""

    operand: "Query"


@dataclass(frozen=True, slots=True)
class And:
    """Matches where both match."""

    left: "Query"
    right: "Query"


@dataclass(frozen=True, slots=True)
class Or:
    """Matches where either matches."""

    left: "Query"
    right: "Query"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Matches where ``right`` stands ``distance`` positions behind ``left``.

    ``right`` is a lexeme, or several joined by ``And`` that must stand at one position; ``left``
    may be a phrase too.
    """

    left: "Query"
    right: "Query"
    distance: int = 1


Query = Lexeme | Not | And | Or | Phrase


def fold(query: Query, combine: Callable[[Query, list[_R]], _R]) -> _R:
    """The result of ``combine`` for a query, which gets the results of its operands.

    A query may be thousands of words deep, deeper than Python lets functions call each other.
    """
    results: list[_R] = []
    waiting: list[tuple[Query, bool]] = [(query, False)]
    while waiting:
        node, is_ready = waiting.pop()
        operands = operands_of(node)
        if is_ready or not operands:
            start = len(results) - len(operands)
            results[start:] = [combine(node, results[start:])]
            continue
        waiting.append((node, True))
        waiting += [(operand, False) for operand in reversed(operands)]
    return results[0]


def operands_of(query: Query) -> tuple[Query, ...]:
    """What a query is made of, from left to right."""
    match query:
        case Lexeme():
            return ()
        case Not(operand):
            return (operand,)
        case _:
            return (query.left, query.right)
