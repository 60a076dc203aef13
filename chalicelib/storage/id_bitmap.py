"""Sets of ids as compressed bitmaps: the contents of one block of the directory.

A block covers ``BLOCK_SIZE`` consecutive ids; bit *n* is set when id ``block * BLOCK_SIZE + n``
is live. A catalogue's ids are dense, so a block is at most 8 KB and mostly far less, adding or
removing an id changes one bit, and counting bits finds the ids at an offset.
"""

import zlib

BLOCK_SIZE = 1 << 16
_CHUNK_BYTES = 64


def get_block(identifier: int) -> int:
    """Return the block that covers ``identifier`` (an id of 0 or more)."""
    return identifier // BLOCK_SIZE


def pack(bits: int) -> bytes:
    """Return the stored form of a bitmap held as one integer."""
    return zlib.compress(_to_bytes(bits), 9)


def unpack(blob: bytes) -> int:
    """Return the bitmap of a stored form; the inverse of ``pack``."""
    return int.from_bytes(zlib.decompress(blob), "little")


def apply_changes(bits: int, changes: dict[int, bool]) -> int:
    """Return ``bits`` with each id in ``changes`` added (``True``) or removed (``False``)."""
    for identifier, listed in changes.items():
        mask = 1 << (identifier % BLOCK_SIZE)
        bits = bits | mask if listed else bits & ~mask
    return bits


def list_descending(block: int, bits: int, skip: int, take: int) -> list[int]:
    """Return the ids of a block, highest first, from the ``skip``-th on, at most ``take``.

    Whole chunks before ``skip`` are only counted, so the work hardly depends on the offset.
    """
    content = _to_bytes(bits)
    ids: list[int] = []
    for start in range((len(content) - 1) // _CHUNK_BYTES * _CHUNK_BYTES, -1, -_CHUNK_BYTES):
        chunk = int.from_bytes(content[start : start + _CHUNK_BYTES], "little")
        count = chunk.bit_count()
        if count <= skip:
            skip -= count
            continue
        while chunk and len(ids) < take:
            top = chunk.bit_length() - 1
            chunk ^= 1 << top
            if skip:
                skip -= 1
            else:
                ids.append(block * BLOCK_SIZE + start * 8 + top)
        if len(ids) >= take:
            break
    return ids


def _to_bytes(bits: int) -> bytes:
    return bits.to_bytes((bits.bit_length() + 7) // 8 or 1, "little")
