"""What a document is to full-text search: PostgreSQL's ``tsvector``."""

from collections.abc import Sequence

from chalicelib.search.pgtext.lexemes import LAST_POSITION, lexemes

_MOST_IN_FIELD = 255
_MOST_IN_ALL = 256


def document(fields: Sequence[tuple[str, str]]) -> dict[str, list[tuple[int, str]]]:
    """Lexeme -> [(position, weight), ...] in order of position.

    ``fields`` are texts with their weights, A to D. Positions go on from field to field, behind
    the greatest one so far that a lexeme holds. A lexeme keeps its first 256 positions (255 of
    one field), none above 16,383.
    """
    vector: dict[str, list[tuple[int, str]]] = {}
    last = 0
    for text, weight in fields:
        greatest = last
        for lexeme, positions in _field(text).items():
            held = vector.setdefault(lexeme, [])
            for position in positions:
                if len(held) == _MOST_IN_ALL or (held and held[-1][0] == LAST_POSITION):
                    break
                held.append((min(last + position, LAST_POSITION), weight))
            greatest = max(greatest, held[-1][0])
        last = greatest
    return vector


def _field(text: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for position, lexeme in lexemes(text):
        positions = found.setdefault(lexeme, [])
        full = len(positions) == _MOST_IN_FIELD
        if not full and (not positions or positions[-1] < position):
            positions.append(position)
    return found
