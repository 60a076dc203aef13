"""Sets of entries as whole numbers: bit ``n`` is set where entry ``n`` is in the set.

Union, intersection and complement of thousands of entries are then one operation each.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

_LIST, _BITMAP = b"\0", b"\1"
#: Up to so many members, a set is faster made one by one.
_FEW = 4
_IS_BIG_ENDIAN = sys.byteorder == "big"
_N = TypeVar("_N", int, float)
_IN_BYTE = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))


def from_members(members: Iterable[int]) -> int:
    """The set of ``members``."""
    known = members if isinstance(members, Sequence | array) else list(members)
    if len(known) <= _FEW:
        found = 0
        for member in known:
            found |= 1 << member
        return found
    data = bytearray((max(known) >> 3) + 1)
    for member in known:
        data[member >> 3] |= 1 << (member & 7)
    return int.from_bytes(data, "little")


def members_of(bits: int) -> list[int]:
    """The members of a set, ascending."""
    data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    return [(place << 3) + bit for place, byte in enumerate(data) if byte for bit in _IN_BYTE[byte]]


def pack(members: Sequence[int]) -> bytes:
    """A set as bytes, its members ascending: as a list or as a bitmap, whichever is shorter."""
    listed = array("I", members)
    if not members or len(listed) * listed.itemsize <= (members[-1] >> 3) + 1:
        return _LIST + little_endian(listed)
    bits = from_members(members)
    return _BITMAP + bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def unpack(data: bytes) -> int:
    """The set that ``pack`` wrote."""
    if data[:1] == _BITMAP:
        return int.from_bytes(data[1:], "little")
    return from_members(numbers("I", data[1:]))


def unpack_members(data: bytes) -> Sequence[int]:
    """The members of the set that ``pack`` wrote, ascending."""
    return numbers("I", data[1:]) if data[:1] == _LIST else members_of(unpack(data))


def little_endian(values: "array[int] | array[float]") -> bytes:
    """The bytes of an array as a segment keeps them, whatever machine writes it."""
    if _IS_BIG_ENDIAN:
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def numbers(typecode: str, data: bytes) -> "array[int]":
    """The whole numbers that ``little_endian`` wrote."""
    values: array[int] = array(typecode)
    return _filled(values, data)


def floats(data: bytes) -> "array[float]":
    """The double-precision numbers that ``little_endian`` wrote."""
    values: array[float] = array("d")
    return _filled(values, data)


def _filled(values: "array[_N]", data: bytes) -> "array[_N]":
    values.frombytes(data)
    if _IS_BIG_ENDIAN:
        values.byteswap()
    return values


def count_planes(sets: Iterable[int]) -> list[int]:
    """In how many of ``sets`` each entry is: its count's lowest bit is in the first plane, ...

    Adding a set is a carry through the planes, so the counts of all entries are taken at once.
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


def with_count(planes: Sequence[int], count: int, everything: int) -> int:
    """The entries whose count is ``count``."""
    found = everything
    for number, plane in enumerate(planes):
        found &= plane if count >> number & 1 else ~plane
    return found if count >> len(planes) == 0 else 0


def counts(planes: Sequence[int], members: Iterable[int]) -> Iterator[int]:
    """The count of each of ``members``."""
    size = max((plane.bit_length() for plane in planes), default=0) // 8 + 1
    data = [plane.to_bytes(size, "little") for plane in planes]
    for member in members:
        place, bit = member >> 3, member & 7
        yield sum(
            (plane[place] >> bit & 1) << number for number, plane in enumerate(data) if place < size
        )
