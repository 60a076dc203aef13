"""Sets of ids as compressed bitmaps: the contents of one segment of the directory.

A segment covers ``SPAN`` consecutive ids; bit *n* is set when id ``segment * SPAN + n`` lives.
Ids of a catalogue are dense, so a segment is at most 8 KB and mostly far less, adding or
removing an id is one bit, and the ids at an offset are found by counting bits.
"""

import zlib

SPAN = 1 << 16
_CHUNK = 64


def segment_of(identifier: int) -> int:
    """The segment that covers ``identifier`` (an id of 0 or more)."""
    return identifier // SPAN


def pack(bits: int) -> bytes:
    """The stored form of a bitmap held as one integer."""
    return zlib.compress(_raw(bits), 9)


def unpack(blob: bytes) -> int:
    """The bitmap of a stored form; the inverse of ``pack``."""
    return int.from_bytes(zlib.decompress(blob), "little")


def with_changes(bits: int, changes: dict[int, bool]) -> int:
    """``bits`` after each id in ``changes`` is listed (``True``) or taken off (``False``)."""
    for identifier, listed in changes.items():
        mask = 1 << (identifier % SPAN)
        bits = bits | mask if listed else bits & ~mask
    return bits


def descending(segment: int, bits: int, skip: int, take: int) -> list[int]:
    """The ids of a segment from the highest down, from the ``skip``-th on, at most ``take``.

    Whole chunks before ``skip`` are only counted, so the work hardly depends on the offset.
    """
    raw = _raw(bits)
    ids: list[int] = []
    for start in range((len(raw) - 1) // _CHUNK * _CHUNK, -1, -_CHUNK):
        chunk = int.from_bytes(raw[start : start + _CHUNK], "little")
        inside = chunk.bit_count()
        if inside <= skip:
            skip -= inside
            continue
        while chunk and len(ids) < take:
            top = chunk.bit_length() - 1
            chunk ^= 1 << top
            if skip:
                skip -= 1
            else:
                ids.append(segment * SPAN + start * 8 + top)
        if len(ids) >= take:
            break
    return ids


def _raw(bits: int) -> bytes:
    return bits.to_bytes((bits.bit_length() + 7) // 8 or 1, "little")
