"""A parsed query, like PostgreSQL's ``tsquery``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Lexeme:
    """Matches a lexeme; with ``is_prefix``, every lexeme that starts with ``text``."""

    text: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """Matches entries that ``operand`` does not match."""

    operand: "Query"


@dataclass(frozen=True, slots=True)
class And:
    """Matches entries that both operands match."""

    left: "Query"
    right: "Query"


@dataclass(frozen=True, slots=True)
class Or:
    """Matches entries that either operand matches."""

    left: "Query"
    right: "Query"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Matches entries with ``right`` exactly ``distance`` positions after ``left``.

    ``right`` is a lexeme, or several at one position, joined by ``And``; ``left`` may be a phrase
    too.
    """

    left: "Query"
    right: "Query"
    distance: int = 1


Query = Lexeme | Not | And | Or | Phrase


def fold_query(query: Query, combine: Callable[[Query, list[_R]], _R]) -> _R:
    """Return ``combine`` of a query and of the results for its operands.

    This is not recursive, because a query may be nested deeper than Python's recursion limit.
    """
    results: list[_R] = []
    stack: list[tuple[Query, bool]] = [(query, False)]
    while stack:
        node, is_ready = stack.pop()
        operands = get_operands(node)
        if is_ready or not operands:
            start = len(results) - len(operands)
            results[start:] = [combine(node, results[start:])]
            continue
        stack.append((node, True))
        stack += [(operand, False) for operand in reversed(operands)]
    return results[0]


def get_operands(query: Query) -> tuple[Query, ...]:
    """Return the operands of a query, from left to right."""
    match query:
        case Lexeme():
            return ()
        case Not(operand):
            return (operand,)
        case _:
            return (query.left, query.right)
