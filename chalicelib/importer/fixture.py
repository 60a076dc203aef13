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

_CHUNK = 1 << 18
#: The longest record that is read, in characters. DynamoDB holds 400 KB in an item.
MAX_RECORD = 1 << 20
#: So many characters are read twice in search of the next record after one that was too long.
_MAX_READ_TWICE = 32 * MAX_RECORD
_TAIL = 64
#: So many bytes are read of a file, unpacked: gzip packs a thousand of them into one.
MAX_BYTES = 4 << 30
_SPACE = re.compile(r"[ \t\n\r]*")
#: How a record begins; Django before 1.7 wrote the primary key first.
_NEXT_RECORD = re.compile(r'\{\s*"(?:model|pk|fields)"\s*:')


class NotAFixture(ValueError):
    """The file as a whole cannot be read as a JSON array of records, or changes meanwhile."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stands: its number, and the line and character that it begins at, from 1."""

    record: int
    line: int
    character: int

    def __str__(self) -> str:
        return f"record {self.record} (line {self.line}, character {self.character})"


@dataclass(frozen=True, slots=True)
class Record:
    """One element of the array, or why it could not be read (``error``, then no ``value``)."""

    position: Position
    value: Any = None
    error: str | None = None


class Fixture:
    """A fixture file. Iterating reads it from the start; it may be read many times."""

    def __init__(self, path: Path, chunk: int = _CHUNK, most: int | None = None) -> None:
        """``most`` bytes are read of it, unpacked; more raise NotAFixture when read."""
        self.path = path
        self.chunk = chunk
        self.most = MAX_BYTES if most is None else most
        self._state = _state(path)
        self.size = path.stat().st_size
        #: Bytes of the file (compressed, if it is) read so far in the present iteration.
        self.done = 0

    def check(self) -> None:
        """Raise NotAFixture if the file is no longer the one that was read first."""
        if _state(self.path) != self._state:
            raise NotAFixture(f"{self.path.name}: the file was changed while it was being loaded")

    def __iter__(self) -> Iterator[Record]:
        return self.read(lambda: None)

    def read(self, watch: Callable[[], None]) -> Iterator[Record]:
        """The records. ``watch`` is called before each piece of the file is read.

        So it can see ``done`` grow, and end the reading by raising, where there are no records.
        """
        self.check()
        with self.path.open("rb") as raw:
            is_gzip = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)

            def look() -> None:
                self.done = raw.tell()
                watch()

            watched: Any = _Watched(raw, look)
            binary: Any = gzip.GzipFile(fileobj=watched) if is_gzip else raw
            yield from self._records(_Text(self._pieces(binary, look), self.chunk), raw)

    def _pieces(self, stream: Any, look: Callable[[], None]) -> Callable[[int], bytes]:
        """What reads up to so many bytes of the stream, and counts them."""
        read = 0

        def piece(amount: int) -> bytes:
            nonlocal read
            look()
            found: bytes = stream.read1(amount)
            read += len(found)
            if read > self.most:
                raise NotAFixture(
                    f"{self.path.name}: more than {self.most:,} bytes when it is unpacked"
                )
            return found

        return piece

    def _records(self, text: "_Text", raw: IO[bytes]) -> Iterator[Record]:
        if text.skip_space() != "[":
            raise NotAFixture(f"{self.path.name}: {text.fault or 'not a JSON array of records'}")
        text.advance(1)
        number = 1
        while (at := text.skip_space()) and at != "]":
            position = Position(number, text.line, text.character)
            value, error = text.take_value()
            yield Record(position, value, error)
            number += 1
            self.done = raw.tell()
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


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


class _Watched:
    """A file that tells of every read: gzip may read much that unpacks to nothing."""

    def __init__(self, raw: Any, look: Callable[[], None]) -> None:
        self._raw = raw
        self._look = look

    def read(self, amount: int) -> bytes:
        """As a file does."""
        self._look()
        found: bytes = self._raw.read(amount)
        return found


class _Text:
    """Characters of a stream with a moving window over them, and the place of its start.

    ``piece`` reads up to so many bytes of it, none at its end.
    """

    def __init__(self, piece: Callable[[int], bytes], chunk: int) -> None:
        self._piece = piece
        self._chunk = chunk
        self._decoder = json.JSONDecoder()
        self._codec = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._window = ""
        self._at = 0
        self._ended = False
        self._read_twice = 0
        self.line = 1
        self._line_start = 0
        self._consumed = 0
        self.fault: str | None = None

    @property
    def character(self) -> int:
        """The place in its line, from 1."""
        return self._consumed + self._at - self._line_start + 1

    def _fill(self, amount: int = 0) -> bool:
        """Read on; False at the end of the stream (or where it is broken: see ``fault``)."""
        if self._ended:
            return False
        data = b"".join(self._pieces(max(amount, self._chunk)))
        self._window += self._codec.decode(data, final=self._ended)
        return bool(data)

    def _pieces(self, amount: int) -> Iterator[bytes]:
        """About ``amount`` bytes. Piece by piece, so that a fault loses nothing before it."""
        while amount > 0:
            try:
                piece = self._piece(amount)
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
        if self._at >= self._chunk:
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

    def take_value(self) -> tuple[Any, str | None]:
        """The JSON value that begins here, moved past; or (None, why not), left where it was."""
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
            if len(self._window) - self._at > MAX_RECORD:
                self._give_up_on_much()
                return None, f"not JSON ({reason}), or longer than {MAX_RECORD} characters"
            if not self._fill(len(self._window) - self._at):
                return None, self.fault or f"not JSON ({reason}), or cut off by the file's end"

    def _give_up_on_much(self) -> None:
        """After a record that is too long: go on within it, but not for ever."""
        self._read_twice += len(self._window) - self._at
        if self._read_twice > _MAX_READ_TWICE:
            self.advance(len(self._window) - self._at - _TAIL)

    def skip_to_record(self) -> bool:
        """After a value that could not be read: move to where the next record seems to begin."""
        self.advance(1)
        while True:
            match = _NEXT_RECORD.search(self._window, self._at)
            if match:
                self.advance(match.start() - self._at)
                return True
            # Keep a tail: a record may begin across the end of the window.
            self.advance(max(0, len(self._window) - self._at - _TAIL))
            if not self._fill():
                return False
