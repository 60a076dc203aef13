"""Sets of entries as integers: bit ``n`` is set if entry ``n`` is in the set.

Union, intersection and complement of thousands of entries are then one operation each.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

_LIST, _BITMAP = b"\0", b"\1"
#: Sets of up to this many members are built faster by adding them one by one.
_MAX_SHIFTED_MEMBERS = 4
_IS_BIG_ENDIAN = sys.byteorder == "big"
_N = TypeVar("_N", int, float)
_BITS_BY_BYTE = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))


def from_members(members: Iterable[int]) -> int:
    """Return the set of ``members``."""
    numbers = members if isinstance(members, Sequence | array) else list(members)
    if len(numbers) <= _MAX_SHIFTED_MEMBERS:
        bits = 0
        for member in numbers:
            bits |= 1 << member
        return bits
    data = bytearray((max(numbers) >> 3) + 1)
    for member in numbers:
        data[member >> 3] |= 1 << (member & 7)
    return int.from_bytes(data, "little")


def get_members(bits: int) -> list[int]:
    """Return the members of a set, in ascending order."""
    data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    return [
        (place << 3) + bit for place, byte in enumerate(data) if byte for bit in _BITS_BY_BYTE[byte]
    ]


def pack(members: Sequence[int]) -> bytes:
    """Return a set of ascending members as bytes: a list or a bitmap, whichever is shorter."""
    numbers = array("I", members)
    if not members or len(numbers) * numbers.itemsize <= (members[-1] >> 3) + 1:
        return _LIST + to_little_endian(numbers)
    bits = from_members(members)
    return _BITMAP + bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def union(sets: Iterable[int]) -> int:
    """Return the union of sets."""
    bits = 0
    for entries in sets:
        bits |= entries
    return bits


def unpack(data: bytes) -> int:
    """Return the set that ``pack`` wrote."""
    if data[:1] == _BITMAP:
        return int.from_bytes(data[1:], "little")
    return from_members(unpack_integers("I", data[1:]))


def unpack_members(data: bytes) -> Sequence[int]:
    """Return the members of the set that ``pack`` wrote, in ascending order."""
    return unpack_integers("I", data[1:]) if data[:1] == _LIST else get_members(unpack(data))


def to_little_endian(values: "array[int] | array[float]") -> bytes:
    """Return the bytes of an array in little-endian order, which index files use."""
    if _IS_BIG_ENDIAN:
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def unpack_integers(typecode: str, data: bytes) -> "array[int]":
    """Return the integers that ``to_little_endian`` wrote."""
    values: array[int] = array(typecode)
    return _fill(values, data)


def unpack_doubles(data: bytes) -> "array[float]":
    """Return the double-precision numbers that ``to_little_endian`` wrote."""
    values: array[float] = array("d")
    return _fill(values, data)


def _fill(values: "array[_N]", data: bytes) -> "array[_N]":
    values.frombytes(data)
    if _IS_BIG_ENDIAN:
        values.byteswap()
    return values


def count_planes(sets: Iterable[int]) -> list[int]:
    """Count for all entries at once how many of ``sets`` contain them.

    The result is a list of bit planes: the first plane holds the lowest bit of every entry's
    count. Adding a set is a carry through the planes.
    """
    planes: list[int] = []
    for carry in sets:
        for number, plane in enumerate(planes):
            planes[number], carry = plane ^ carry, plane & carry
            if not carry:
                break
        else:
            if carry:
                planes.append(carry)
    return planes


def select_by_count(planes: Sequence[int], count: int, all_entries: int) -> int:
    """Return the entries of ``all_entries`` whose count is ``count``."""
    selected = all_entries
    for number, plane in enumerate(planes):
        selected &= plane if count >> number & 1 else ~plane
    return selected if count >> len(planes) == 0 else 0


def iter_counts(planes: Sequence[int], members: Iterable[int]) -> Iterator[int]:
    """Yield the count of each of ``members``."""
    size = max((plane.bit_length() for plane in planes), default=0) // 8 + 1
    data = [plane.to_bytes(size, "little") for plane in planes]
    for member in members:
        place, bit = member >> 3, member & 7
        yield sum(
            (plane[place] >> bit & 1) << number for number, plane in enumerate(data) if place < size
        )
