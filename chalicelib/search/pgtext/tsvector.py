"""The lexemes of a document with positions and weights, like PostgreSQL's ``tsvector``."""

from collections.abc import Sequence

from chalicelib.search.pgtext.lexemes import LAST_POSITION, iter_lexemes

_MAX_POSITIONS_IN_FIELD = 255
_MAX_POSITIONS = 256


def build_tsvector(fields: Sequence[tuple[str, str]]) -> dict[str, list[tuple[int, str]]]:
    """Return {lexeme: [(position, weight), ...]} in order of position.

    ``fields`` are texts with their weights, A to D. The positions of a field continue after the
    greatest position that a lexeme has so far. A lexeme keeps its first 256 positions (255 of
    one field), none above 16,383.
    """
    vector: dict[str, list[tuple[int, str]]] = {}
    last = 0
    for text, weight in fields:
        greatest = last
        for lexeme, positions in _get_positions(text).items():
            places = vector.setdefault(lexeme, [])
            for position in positions:
                if len(places) == _MAX_POSITIONS or (places and places[-1][0] == LAST_POSITION):
                    break
                places.append((min(last + position, LAST_POSITION), weight))
            greatest = max(greatest, places[-1][0])
        last = greatest
    return vector


def _get_positions(text: str) -> dict[str, list[int]]:
    positions_by_lexeme: dict[str, list[int]] = {}
    for position, lexeme in iter_lexemes(text):
        positions = positions_by_lexeme.setdefault(lexeme, [])
        is_full = len(positions) == _MAX_POSITIONS_IN_FIELD
        if not is_full and (not positions or positions[-1] < position):
            positions.append(position)
    return positions_by_lexeme
