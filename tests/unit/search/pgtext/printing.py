"""Writes documents and queries the way PostgreSQL shows a ``tsvector`` and a ``tsquery``."""

from collections.abc import Mapping, Sequence

from chalicelib.search.pgtext.tsquery import And, Lexeme, Not, Or, Phrase, Query

_PRIORITY: dict[type[Query], int] = {Or: 1, And: 2, Phrase: 3, Not: 4, Lexeme: 5}


def shown_document(vector: Mapping[str, Sequence[tuple[int, str]]]) -> str:
    """Shorter lexemes in byte order; the weight D goes without saying."""
    entries = sorted(vector.items(), key=lambda entry: entry[0].encode("utf-8", "surrogatepass"))
    return " ".join(
        _quoted(lexeme)
        + ":"
        + ",".join(f"{position}{'' if weight == 'D' else weight}" for position, weight in places)
        for lexeme, places in entries
    )


def shown_query(query: Query | None, outer: int = 0, right_of_phrase: bool = False) -> str:
    """Infix, with brackets where they are needed; empty for None."""
    if query is None:
        return ""
    if isinstance(query, Lexeme):
        return _quoted(query.text) + (":*" if query.is_prefix else "")
    priority = _PRIORITY[type(query)]
    if isinstance(query, Not):
        shown = "!" + shown_query(query.operand, priority)
    else:
        operator = {And: "&", Or: "|"}.get(type(query), "<->")
        if isinstance(query, Phrase) and query.distance != 1:
            operator = f"<{query.distance}>"
        left = shown_query(query.left, priority)
        right = shown_query(query.right, priority, isinstance(query, Phrase))
        shown = f"{left} {operator} {right}"
    return f"( {shown} )" if priority < outer or (right_of_phrase and priority == 3) else shown


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
