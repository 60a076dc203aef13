"""Reading a fixture ends at a bound, and when who watches has had enough."""

import gzip
from pathlib import Path

import pytest

from chalicelib.importer.fixture import Fixture, InvalidFixture


def test_no_more_is_unpacked_than_the_bound(tmp_path: Path) -> None:
    content = b"[" + b" " * 200_000 + b'{"model": "a"}]'
    for name, packed in (("a.json", content), ("a.json.gz", gzip.compress(content))):
        path = tmp_path / name
        path.write_bytes(packed)
        (record,) = Fixture(path, max_bytes=len(content))
        assert record.value == {"model": "a"}
        looks = 0

        def watch() -> None:
            nonlocal looks
            looks += 1

        with pytest.raises(InvalidFixture) as refused:
            list(Fixture(path, 4096, max_bytes=100_000).iter_records(watch))
        assert str(refused.value) == f"{name}: more than 100,000 bytes when it is unpacked"
        # It was asked all the time whether to go on, and not after the bound.
        assert 12 < looks < 60


class _Enough(Exception):
    """Raised by who watches."""


@pytest.mark.parametrize(
    "content",
    [
        b"[" + b" " * 300_000,
        gzip.compress(b"[" + b" " * 3_000_000),
        # What unpacks to nothing: empty members, a name that does not end.
        gzip.compress(b"") * 20_000,
        b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * 300_000,
    ],
)
def test_who_watches_is_asked_though_there_is_no_record(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fixture"
    path.write_bytes(content)
    fixture = Fixture(path, 4096)
    seen: list[int] = []

    def watch() -> None:
        seen.append(fixture.bytes_read)
        if len(seen) == 10:
            raise _Enough

    with pytest.raises(_Enough):
        list(fixture.iter_records(watch))
    assert seen == sorted(seen)
