"""A Django JSON fixture read as a stream: one record in memory at a time, plain or gzipped."""

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_CHUNK_BYTES = 1 << 18
#: The longest record that is read, in characters. DynamoDB holds 400 KB in an item.
MAX_RECORD_CHARS = 1 << 20
#: Characters that may be read again in search of the next record after ones that were too long.
_MAX_REREAD_CHARS = 32 * MAX_RECORD_CHARS
#: Characters kept of a window in which no record begins: one may begin across its end.
_OVERLAP_CHARS = 64
#: The most bytes that are read of a file, unpacked: gzip packs a thousand of them into one.
MAX_BYTES = 4 << 30
_SPACE = re.compile(r"[ \t\n\r]*")
#: How a record begins; Django before 1.7 wrote the primary key first.
_NEXT_RECORD = re.compile(r'\{\s*"(?:model|pk|fields)"\s*:')


class InvalidFixture(ValueError):
    """The file as a whole cannot be read as a JSON array of records, or changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Position:
    """The place of a record: its number, and the line and character that it begins at, from 1."""

    record: int
    line: int
    character: int

    def __str__(self) -> str:
        return f"record {self.record} (line {self.line}, character {self.character})"


@dataclass(frozen=True, slots=True)
class Record:
    """One element of the array; if it could not be read, ``error`` says why, without a value."""

    position: Position
    value: Any = None
    error: str | None = None


class Fixture:
    """A fixture file. Iterating reads it from the start; it may be read many times."""

    def __init__(
        self, path: Path, chunk_bytes: int = _CHUNK_BYTES, max_bytes: int | None = None
    ) -> None:
        """Limit the file to ``max_bytes`` unpacked; reading a larger one raises InvalidFixture."""
        self.path = path
        self._chunk_bytes = chunk_bytes
        self._max_bytes = MAX_BYTES if max_bytes is None else max_bytes
        self._state = _get_state(path)
        self.size = path.stat().st_size
        #: Bytes of the file, compressed if it is, that the present iteration has read.
        self.bytes_read = 0

    def check(self) -> None:
        """Raise InvalidFixture if the file has changed since this object was made."""
        if _get_state(self.path) != self._state:
            raise InvalidFixture(
                f"{self.path.name}: the file was changed while it was being loaded"
            )

    def __iter__(self) -> Iterator[Record]:
        return self.iter_records(lambda: None)

    def iter_records(self, on_read: Callable[[], None]) -> Iterator[Record]:
        """Yield the records; ``on_read`` is called before each piece of the file is read.

        So it can see ``bytes_read`` grow, and stop the reading by raising, even where the file
        has no records.
        """
        self.check()
        with self.path.open("rb") as raw:
            is_gzip = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)

            def before_read() -> None:
                self.bytes_read = raw.tell()
                on_read()

            observed: Any = _ObservedFile(raw, before_read)
            binary: Any = gzip.GzipFile(fileobj=observed) if is_gzip else raw
            read_bytes = self._limit_reads(binary, before_read)
            yield from self._iter_records(_JsonWindow(read_bytes, self._chunk_bytes), raw)

    def _limit_reads(self, stream: Any, before_read: Callable[[], None]) -> Callable[[int], bytes]:
        """Return a function that reads up to so many bytes, and raises beyond the maximum."""
        total = 0

        def read_bytes(amount: int) -> bytes:
            nonlocal total
            before_read()
            data: bytes = stream.read1(amount)
            total += len(data)
            if total > self._max_bytes:
                raise InvalidFixture(
                    f"{self.path.name}: more than {self._max_bytes:,} bytes when it is unpacked"
                )
            return data

        return read_bytes

    def _iter_records(self, text: "_JsonWindow", raw: IO[bytes]) -> Iterator[Record]:
        if text.skip_space() != "[":
            raise InvalidFixture(f"{self.path.name}: {text.fault or 'not a JSON array of records'}")
        text.advance(1)
        number = 1
        while (at := text.skip_space()) and at != "]":
            position = Position(number, text.line, text.character)
            value, error = text.read_value()
            yield Record(position, value, error)
            number += 1
            self.bytes_read = raw.tell()
            if error and not text.skip_to_record():
                return
            if not error and text.skip_space() == ",":
                text.advance(1)
        fault = text.fault or "the file ends before its array does"
        if at:
            text.advance(1)
            # Read to the very end, where gzip keeps its checksum.
            after = text.skip_space()
            fault = text.fault or ("something after the end of the array" if after else "")
        if fault:
            yield Record(Position(number, text.line, text.character), error=fault)


def _get_state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


class _ObservedFile:
    """A file that calls back before every read: gzip may read much that unpacks to nothing."""

    def __init__(self, raw: Any, before_read: Callable[[], None]) -> None:
        self._raw = raw
        self._before_read = before_read

    def read(self, amount: int) -> bytes:
        """Read up to ``amount`` bytes."""
        self._before_read()
        data: bytes = self._raw.read(amount)
        return data


class _JsonWindow:
    """A moving window over the characters of a stream of JSON, and the place of its start.

    ``read_bytes`` reads up to so many bytes of the stream, none at its end.
    """

    def __init__(self, read_bytes: Callable[[int], bytes], chunk_bytes: int) -> None:
        self._read_bytes = read_bytes
        self._chunk_bytes = chunk_bytes
        self._decoder = json.JSONDecoder()
        self._codec = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._window = ""
        self._at = 0
        self._ended = False
        self._reread_chars = 0
        self.line = 1
        self._line_start = 0
        self._consumed = 0
        self.fault: str | None = None

    @property
    def character(self) -> int:
        """The place of the window's start in its line, from 1."""
        return self._consumed + self._at - self._line_start + 1

    def _fill(self, amount: int = 0) -> bool:
        """Read on; returns False at the end of the stream or at a fault (see ``fault``)."""
        if self._ended:
            return False
        data = b"".join(self._iter_pieces(max(amount, self._chunk_bytes)))
        self._window += self._codec.decode(data, final=self._ended)
        return bool(data)

    def _iter_pieces(self, amount: int) -> Iterator[bytes]:
        """Yield about ``amount`` bytes, piece by piece, so that a fault loses nothing before it."""
        while amount > 0:
            try:
                piece = self._read_bytes(amount)
            except (EOFError, OSError, zlib.error) as error:
                self.fault, piece = f"the file is broken here: {error}", b""
            if not piece:
                self._ended = True
                return
            amount -= len(piece)
            yield piece

    def advance(self, length: int) -> None:
        """Move on by ``length`` characters of the window."""
        end = self._at + length
        lines = self._window.count("\n", self._at, end)
        if lines:
            self.line += lines
            self._line_start = self._consumed + self._window.rindex("\n", self._at, end) + 1
        self._at = end
        if self._at >= self._chunk_bytes:
            self._consumed += self._at
            self._window, self._at = self._window[self._at :], 0

    def skip_space(self) -> str:
        """Move to the next character that is not white space and return it ('' at the end)."""
        while True:
            match = _SPACE.match(self._window, self._at)
            assert match is not None
            self.advance(match.end() - self._at)
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._fill():
                return ""

    def read_value(self) -> tuple[Any, str | None]:
        """Return the JSON value that begins here, and move past it.

        Where there is none, return ``None`` and the reason, and stay.
        """
        while True:
            try:
                value, end = self._decoder.raw_decode(self._window, self._at)
            except RecursionError:
                return None, "not readable: nested too deeply"
            except ValueError as error:
                reason = re.sub(r"( starting)? at$", "", getattr(error, "msg", str(error)))
            else:
                # A number may go on in what is not read yet.
                if end < len(self._window) or not self._fill():
                    self.advance(end - self._at)
                    return value, None
                continue
            if len(self._window) - self._at > MAX_RECORD_CHARS:
                self._skip_if_reread_too_often()
                return None, f"not JSON ({reason}), or longer than {MAX_RECORD_CHARS} characters"
            if not self._fill(len(self._window) - self._at):
                return None, self.fault or f"not JSON ({reason}), or cut off by the file's end"

    def _skip_if_reread_too_often(self) -> None:
        """Move past a record that is too long, if too much of such has been searched already."""
        self._reread_chars += len(self._window) - self._at
        if self._reread_chars > _MAX_REREAD_CHARS:
            self.advance(len(self._window) - self._at - _OVERLAP_CHARS)

    def skip_to_record(self) -> bool:
        """Move past an unreadable value to where the next record seems to begin, if any does."""
        self.advance(1)
        while True:
            match = _NEXT_RECORD.search(self._window, self._at)
            if match:
                self.advance(match.start() - self._at)
                return True
            self.advance(max(0, len(self._window) - self._at - _OVERLAP_CHARS))
            if not self._fill():
                return False
