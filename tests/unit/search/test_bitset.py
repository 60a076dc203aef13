"""Sets of entries as numbers behave as sets do."""

from collections import Counter
from functools import reduce
from operator import or_

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.search.index_file import bitset

SETS = st.frozensets(st.integers(0, 300))


@given(SETS)
def test_members_come_back_in_order(members: frozenset[int]) -> None:
    assert bitset.get_members(bitset.from_members(members)) == sorted(members)


@given(SETS | st.frozensets(st.integers(0, 100_000), max_size=3))
def test_packing_loses_nothing_and_takes_the_shorter_form(members: frozenset[int]) -> None:
    packed = bitset.pack(sorted(members))
    assert bitset.get_members(bitset.unpack(packed)) == sorted(members)
    assert list(bitset.unpack_members(packed)) == sorted(members)
    as_list, as_bitmap = 4 * len(members), max(members, default=-8) // 8 + 1
    assert len(packed) == 1 + min(as_list, as_bitmap)


@given(st.lists(SETS, max_size=40))
def test_counting_in_planes_is_counting(sets: list[frozenset[int]]) -> None:
    expected = Counter(member for members in sets for member in members)
    planes = bitset.count_planes(map(bitset.from_members, sets))
    assert list(bitset.iter_counts(planes, range(400))) == [
        expected[member] for member in range(400)
    ]
    everything = (1 << 400) - 1
    by_count = [bitset.select_by_count(planes, count, everything) for count in range(len(sets) + 3)]
    assert reduce(or_, by_count) == everything
    for count, bits in enumerate(by_count):
        assert bitset.get_members(bits) == [n for n in range(400) if expected[n] == count]
