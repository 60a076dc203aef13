"""Reading a fixture: every whole record, where it stands, and what is broken around it."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.importer.fixture import MAX_RECORD_CHARS, Fixture, InvalidFixture, Record
from tests.support import fixtures

_SETTINGS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
_WHOLE_NUMBERS = st.integers(-(10**30), 10**30)
_JSON = st.recursive(
    st.none() | st.booleans() | _WHOLE_NUMBERS | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
_SPACE = st.text(" \t\r\n", max_size=4)
#: A value, the space before and after it, and whether non-ASCII is escaped in it.
_ELEMENTS = st.lists(st.tuples(_JSON, _SPACE, _SPACE, st.booleans()), max_size=8)


def _read(path: Path, chunk: int = 1 << 18) -> list[Record]:
    return list(Fixture(path, chunk))


def _values(records: list[Record]) -> list[Any]:
    return [record.value for record in records if record.error is None]


def _errors(records: list[Record]) -> list[str]:
    return [record.error for record in records if record.error is not None]


def _place(text: str, offset: int) -> tuple[int, int]:
    """Line and character of an offset, from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


@_SETTINGS
@given(_ELEMENTS, st.integers(1, 90), st.booleans(), st.booleans())
def test_a_fixture_gives_exactly_its_records_and_their_places(
    tmp_path: Path,
    elements: list[tuple[Any, str, str, bool]],
    chunk: int,
    zipped: bool,
    marked: bool,
) -> None:
    text, places = "[", []
    for number, (value, before, after, escaped) in enumerate(elements):
        text += ("," if number else "") + before
        places.append((number + 1, *_place(text, len(text))))
        text += json.dumps(value, ensure_ascii=escaped) + after
    data = (text + "]\n").encode("utf-8-sig" if marked else "utf-8")
    path = tmp_path / "fixture"
    path.write_bytes(gzip.compress(data) if zipped else data)
    records = _read(path, chunk)
    assert _errors(records) == []
    assert _values(records) == [value for value, *_ in elements]
    assert [(r.position.record, r.position.line, r.position.character) for r in records] == places


@_SETTINGS
@given(st.data(), st.integers(1, 200), st.booleans())
def test_a_broken_record_costs_only_itself(
    tmp_path: Path, data: st.DataObject, chunk: int, pk_first: bool
) -> None:
    lines = [json.dumps(_ordered(fixtures.package(pk), pk_first)) for pk in range(1, 7)]
    broken = data.draw(st.integers(0, 5))
    cut = data.draw(st.integers(1, len(lines[broken]) - 1))
    lines[broken] = lines[broken][:cut]
    path = tmp_path / "fixture.json"
    path.write_text("[" + ",\n".join(lines) + "]")
    records = _read(path, chunk)
    assert [value["pk"] for value in _values(records)] == [
        pk for pk in range(1, 7) if pk != broken + 1
    ]
    first = next(record for record in records if record.error)
    assert first.position.record == broken + 1
    assert first.position.line == broken + 1


def _ordered(record: dict[str, Any], pk_first: bool) -> dict[str, Any]:
    """Django before 1.7 wrote the primary key first."""
    return dict(sorted(record.items(), reverse=True)) if pk_first else record


@_SETTINGS
@given(st.integers(0, 2000), st.integers(1, 300), st.booleans())
def test_a_truncated_file_gives_what_was_whole_and_one_error(
    tmp_path: Path, cut: int, chunk: int, zipped: bool
) -> None:
    whole = "[" + ",\n".join(json.dumps(fixtures.package(pk)) for pk in range(1, 6)) + "]"
    kept = whole[: 1 + cut % (len(whole) - 2)]
    path = tmp_path / "fixture"
    path.write_bytes(_cut_gzip(kept) if zipped else kept.encode())
    records = _read(path, chunk)
    complete = kept.count("}}")
    assert [value["pk"] for value in _values(records)] == [*range(1, complete + 1)]
    assert len(_errors(records)) == 1
    assert records[-1].error is not None


def _cut_gzip(text: str) -> bytes:
    """What is left of a gzip file whose end, with its checksum, was lost."""
    return gzip.compress(text.encode())[:-8]


def test_a_gzip_cut_in_its_middle_loses_only_what_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "fixture.json.gz"
    fixtures.generate(path, 3000)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    records = _read(path)
    assert len(_values(records)) > 2500
    (error,) = _errors(records)
    assert error == (
        "the file is broken here: Compressed file ended before the end-of-stream marker was reached"
    )


def test_a_gzip_with_a_wrong_checksum_is_said_though_its_records_read_well(tmp_path: Path) -> None:
    path = tmp_path / "fixture.json.gz"
    data = bytearray(gzip.compress(b'[{"model": "a"}]'))
    data[-8] ^= 1
    path.write_bytes(data)
    records = _read(path)
    assert _values(records) == [{"model": "a"}]
    assert [error[:36] for error in _errors(records)] == ["the file is broken here: CRC check f"]


def test_a_gzip_broken_in_its_middle_ends_with_an_error_there(tmp_path: Path) -> None:
    path = tmp_path / "fixture.json.gz"
    fixtures.generate(path, 2000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = b"\xff" * 64
    path.write_bytes(data)
    records = _read(path)
    assert len(_values(records)) > 1000
    assert any(error.startswith("the file is broken here") for error in _errors(records))


def test_many_gzip_members_are_one_file(tmp_path: Path) -> None:
    path = tmp_path / "fixture.json.gz"
    path.write_bytes(gzip.compress(b'[{"model":') + gzip.compress(b' "a"}]'))
    assert _values(_read(path)) == [{"model": "a"}]


@pytest.mark.parametrize("text", ["[]", " [ \n ] ", "\ufeff[]", "[\t]\n\n"])
def test_an_empty_array_is_a_fixture(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fixture.json"
    path.write_text(text, encoding="utf-8")
    assert _read(path) == []


_NOT_FIXTURES = [
    b"",
    b"  \n",
    b'{"model": "package.package", "pk": 1, "fields": {}}',
    b"null",
    b"Loading settings...\n[]",
    b"- model: package.category\n  pk: 1\n",
    b"PK\x03\x04",
    b"\x1f\x8b",
    gzip.compress(b"", mtime=0),
    # What redirecting into a file gives in some shells: UTF-16.
    "[]".encode("utf-16"),
]


@pytest.mark.parametrize("data", _NOT_FIXTURES)
def test_what_is_no_array_of_records_is_no_fixture(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "dump.json"
    path.write_bytes(data)
    with pytest.raises(InvalidFixture, match=r"^dump\.json: "):
        _read(path)


def test_a_fixture_can_be_read_again(tmp_path: Path) -> None:
    fixture = Fixture(fixtures.write(tmp_path / "fixture.json", [fixtures.category()]))
    assert list(fixture) == list(fixture)
    assert fixture.bytes_read == fixture.size


@pytest.mark.parametrize("tail", ['[{"model": "b"}]', "}", "x"])
def test_what_comes_after_the_array_is_said(tmp_path: Path, tail: str) -> None:
    path = tmp_path / "fixture.json"
    path.write_text('[{"model": "a"}]\n' + tail)
    records = _read(path)
    assert _values(records) == [{"model": "a"}]
    assert records[-1].error == "something after the end of the array"
    assert str(records[-1].position) == "record 2 (line 2, character 1)"


@pytest.mark.parametrize("depth", [500, 5_000, 200_000])
def test_nesting_of_any_depth_costs_at_most_its_record(tmp_path: Path, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    path = tmp_path / "fixture.json"
    path.write_text(f'[{{"model": "a"}}, {{"model": {nested}}}, {{"model": "b"}}]')
    values = _values(_read(path))
    assert (values[0], values[-1]) == ({"model": "a"}, {"model": "b"})


def test_a_record_that_is_too_long_costs_only_itself(tmp_path: Path) -> None:
    long = json.dumps({"model": "x" * (3 * MAX_RECORD_CHARS)})
    path = tmp_path / "fixture.json"
    path.write_text(f'[{{"model": "a"}},\n{long},\n{{"model": "b"}}]')
    records = _read(path)
    assert _values(records) == [{"model": "a"}, {"model": "b"}]
    (error,) = _errors(records)
    assert f"longer than {MAX_RECORD_CHARS} characters" in error
    assert records[-1].position.line == 3


def test_a_number_of_too_many_digits_costs_only_its_record(tmp_path: Path) -> None:
    path = tmp_path / "fixture.json"
    path.write_text(f'[{{"model": "a", "pk": {"9" * 5000}}},\n{{"model": "b"}}]')
    records = _read(path)
    assert _values(records) == [{"model": "b"}]
    assert len(_errors(records)) == 1


def test_bytes_that_are_not_utf8_never_pass_as_text(tmp_path: Path) -> None:
    path = tmp_path / "fixture.json"
    path.write_bytes(b'[{"model": "caf\xe9"}, {"model": "b"}]')
    first, second = _values(_read(path))
    with pytest.raises(UnicodeEncodeError):
        first["model"].encode()
    assert second == {"model": "b"}


def test_records_that_never_end_do_not_cost_more_with_each(tmp_path: Path) -> None:
    """Each opening is a record that goes on to the end of the file; reading stays bounded."""
    file = tmp_path / "nested.json"
    opening = '{"model":[' + "1," * 5_000
    file.write_text("[" + opening * 450)
    read = 0

    class Counting(json.JSONDecoder):
        def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
            nonlocal read
            read += len(s) - idx
            return super().raw_decode(s, idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json, "JSONDecoder", Counting)
        assert all(found.error for found in Fixture(file))
    assert read < 100 * MAX_RECORD_CHARS
