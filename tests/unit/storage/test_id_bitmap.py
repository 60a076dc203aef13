"""Bitmaps of ids: the laws of a set, the order of a page, and the size on disk."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.storage import id_bitmap

LAWS = settings(deadline=None, derandomize=True, max_examples=60)
PLACES = st.integers(0, id_bitmap.BLOCK_SIZE - 1)
#: Few ids spread over the whole block, and many close together.
SETS = st.one_of(
    st.sets(PLACES, max_size=60),
    st.sets(st.integers(0, 700), max_size=300),
    st.builds(
        lambda a, b: set(range(a, min(a + b, id_bitmap.BLOCK_SIZE))), PLACES, st.integers(0, 3000)
    ),
)
BLOCKS = st.integers(0, 2**40)


def bits_of(ids: set[int]) -> int:
    return sum(1 << identifier for identifier in ids)


@LAWS
@given(ids=SETS)
def test_unpacking_is_the_inverse_of_packing(ids: set[int]) -> None:
    assert id_bitmap.unpack(id_bitmap.pack(bits_of(ids))) == bits_of(ids)


@LAWS
@given(
    block=BLOCKS,
    before=SETS,
    changes=st.dictionaries(PLACES, st.booleans(), max_size=80),
)
def test_changes_act_as_on_a_set(block: int, before: set[int], changes: dict[int, bool]) -> None:
    expected = set(before)
    for place, listed in changes.items():
        (expected.add if listed else expected.discard)(place)
    start = block * id_bitmap.BLOCK_SIZE
    after = id_bitmap.apply_changes(bits_of(before), {start + n: on for n, on in changes.items()})
    assert after == bits_of(expected)


@LAWS
@given(
    block=BLOCKS,
    ids=SETS,
    skip=st.integers(0, 4000),
    take=st.integers(0, 1000),
)
def test_a_stretch_is_that_of_the_sorted_ids(
    block: int, ids: set[int], skip: int, take: int
) -> None:
    start = block * id_bitmap.BLOCK_SIZE
    expected = [start + n for n in sorted(ids, reverse=True)][skip : skip + take]
    assert id_bitmap.list_descending(block, bits_of(ids), skip, take) == expected


@pytest.mark.parametrize(
    "skip", [0, 1, 511, 512, 513, id_bitmap.BLOCK_SIZE - 1, id_bitmap.BLOCK_SIZE]
)
def test_a_full_block_is_cut_at_any_place(skip: int) -> None:
    full = (1 << id_bitmap.BLOCK_SIZE) - 1
    expected = list(range(id_bitmap.BLOCK_SIZE - 1 - skip, -1, -1))[:20]
    assert id_bitmap.list_descending(0, full, skip, 20) == expected


@LAWS
@given(identifier=st.integers(0, 2**63 - 1))
def test_an_id_is_found_in_its_own_block(identifier: int) -> None:
    block = id_bitmap.get_block(identifier)
    assert id_bitmap.list_descending(
        block, id_bitmap.apply_changes(0, {identifier: True}), 0, 2
    ) == [identifier]


def test_100_000_ids_with_gaps_take_two_small_blocks() -> None:
    # One id in fifty was deleted, which is more than a catalogue loses.
    ids = [n for n in range(1, 102_041) if n % 50]
    blocks: dict[int, int] = {}
    for identifier in ids:
        block = id_bitmap.get_block(identifier)
        bit = 1 << (identifier % id_bitmap.BLOCK_SIZE)
        blocks[block] = blocks.get(block, 0) | bit
    sizes = [len(id_bitmap.pack(bits)) for bits in blocks.values()]
    assert len(ids) == 100_000
    assert len(sizes) == 2
    # Both are read in one request of one unit at most.
    assert sum(sizes) < 4096


@LAWS
@given(seed=st.integers(0, 2**32))
def test_no_block_is_larger_than_its_bits_and_a_little(seed: int) -> None:
    worst = Random(seed).getrandbits(id_bitmap.BLOCK_SIZE)
    assert len(id_bitmap.pack(worst)) < id_bitmap.BLOCK_SIZE // 8 + 64
