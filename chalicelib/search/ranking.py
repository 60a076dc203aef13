"""PostgreSQL's ``ts_rank`` with its default weights and no normalisation.

PostgreSQL calculates in single precision; so do these functions, because entries that are alike
differ, or not, in the last digit. The rules are stated with https://www.postgresql.org/docs/15/
textsearch-controls.html.
"""

import math
import struct
from collections.abc import Iterable, Sequence

from chalicelib.search.index_file.file_format import ANY_WEIGHT, WEIGHT_BITS

_SINGLE = struct.Struct("<f")
#: The sum of 1 / n^2 for all n, to which the sums of a lexeme are related.
_BASEL = 1.64493406685
#: Beyond this distance two positions count next to nothing.
_FAR = 100
_NEXT_TO_NOTHING = 1e-30
NO_PAIR = 1e-20


def single(number: float) -> float:
    """The nearest number of single precision."""
    value: float = _SINGLE.unpack(_SINGLE.pack(number))[0]
    return value


#: By weight, 0 D to 3 A.
_WEIGHTS = tuple(map(single, (0.1, 0.2, 0.4, 1.0)))


def score(places: Sequence[int]) -> float:
    """What one lexeme of a document adds where ranks are summed."""
    weights = [_WEIGHTS[place & ANY_WEIGHT] for place in places]
    total = 0.0
    for number, weight in enumerate(weights, 1):
        total = single(total + single(weight / (number * number)))
    greatest = max(weights)
    first = weights.index(greatest) + 1
    rest = single(single(greatest + total) - single(greatest / (first * first)))
    return rest / _BASEL


def _closeness() -> list[list[float]]:
    """What a pair counts, by the two weights (one number of four bits) and by distance."""
    by_distance = [
        single(1.0 / (1.005 + 0.05 * math.exp(single(distance) / 1.5 - 2)))
        for distance in range(_FAR + 1)
    ]
    by_distance.append(single(_NEXT_TO_NOTHING))
    return [
        [single(math.sqrt(single(single(first * second) * near))) for near in by_distance]
        for first in _WEIGHTS
        for second in _WEIGHTS
    ]


_CLOSENESS = _closeness()


def rank_of_pairs(lexemes: Iterable[Sequence[Sequence[int]]]) -> float:
    """The rank of a document by the nearness of a query's lexemes to each other.

    ``lexemes`` are those of the query, in order; of each, the places of the lexemes of the
    document that it matches: one, or several if it is a prefix, or none.
    """
    rank = -1.0  # no pair yet
    before: list[Sequence[int]] = []
    for matched in lexemes:
        for places in matched:
            for others in before:
                rank = _with_pairs(rank, places, others)
        if matched:
            # Of a prefix, the last of those that it matches stands for all.
            before.append(matched[-1])
    return NO_PAIR if rank < 0 else rank


def _with_pairs(rank: float, places: Sequence[int], others: Sequence[int]) -> float:
    for place in places:
        position, weight = place >> WEIGHT_BITS, (place & ANY_WEIGHT) << WEIGHT_BITS
        for other in others:
            distance = abs(position - (other >> WEIGHT_BITS))
            if distance:
                near = _CLOSENESS[weight | other & ANY_WEIGHT][min(distance, _FAR + 1)]
                rank = near if rank < 0 else single(1.0 - (1.0 - rank) * (1.0 - near))
    return rank
