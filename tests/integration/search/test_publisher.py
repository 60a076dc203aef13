"""Publishing: what is found afterwards, two publishers at once, and one that dies."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.catalog import changes
from chalicelib.catalog.entities import Package
from chalicelib.search import index_manifest
from chalicelib.search.cache import IndexCache
from chalicelib.search.publisher import is_published, publish
from chalicelib.search.searcher import search
from chalicelib.storage import objects
from tests.support import entities
from tests.support.aws import Died
from tests.support.bucket import around_calls, client_error, dying, failing

EARLIER, NOON, LATER = (f"2026-11-23T{hour}:00:00+00:00" for hour in (11, 12, 13))


def _found(text: str) -> list[str]:
    """The slugs that a process finds which starts now."""
    with IndexCache().acquire(0) as index:
        return [json.loads(body)["slug"] for body in search(index, text)]


def _get_index_keys() -> set[str]:
    return {key for key, _ in objects.iter_keys(index_manifest.INDEX_FILES_PREFIX)}


def test_what_is_published_is_found(catalogue: None) -> None:
    assert not is_published()
    published = publish()
    assert is_published()
    assert published.entries == 4
    assert published.is_current
    assert _found("cat") == ["cat-tables", "django-cats", "pets"]
    assert _found("tables") == ["cat-tables"]


def test_an_empty_directory_can_be_searched(tables: None, bucket: None) -> None:
    assert publish().entries == 0
    assert _found("cat") == []
    assert _found("-cat") == []


def test_a_newer_index_file_takes_the_place_of_an_older(
    catalogue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, NOON)
    first = publish()
    changes.create(entities.package(9, title="catkin", slug="catkin"))
    monkeypatch.setenv(clock.FREEZE_VARIABLE, LATER)
    second = publish()
    assert _found("catkin") == ["catkin"]
    # The one before stays, for a reader that cannot use the newest.
    assert _get_index_keys() == {
        index_manifest.build_index_key(first.sha256),
        index_manifest.build_index_key(second.sha256),
    }


def test_an_older_index_file_does_not_take_the_place_of_a_newer(
    catalogue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, NOON)
    publish()
    changes.delete(Package, 3)
    monkeypatch.setenv(clock.FREEZE_VARIABLE, EARLIER)
    assert not publish().is_current
    assert "cat-tables" in _found("cat")


def test_publishing_the_same_again_changes_nothing(
    catalogue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, NOON)
    first, before = publish(), objects.read(index_manifest.MANIFEST_KEY)
    second, after = publish(), objects.read(index_manifest.MANIFEST_KEY)
    assert first == second
    assert before is not None
    assert after is not None
    assert index_manifest.parse_manifest(before.body) == index_manifest.parse_manifest(after.body)
    assert len(_get_index_keys()) == 1


def test_index_files_that_are_not_named_go_after_a_day(
    catalogue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for instant in (EARLIER, NOON, LATER):
        monkeypatch.setenv(clock.FREEZE_VARIABLE, instant)
        publish()
    assert len(_get_index_keys()) == 3
    # The bucket's clock is the real one; look at it from long after.
    monkeypatch.setenv(clock.FREEZE_VARIABLE, "2100-01-01T00:00:00+00:00")
    last = publish()
    assert index_manifest.build_index_key(last.sha256) in _get_index_keys()
    assert len(_get_index_keys()) == 2
    assert "pets" in _found("cat")


def test_a_publisher_that_is_overtaken_looks_again(
    catalogue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, NOON)
    other = index_manifest.IndexManifest(("0" * 64,), EARLIER)
    is_overtaken = False

    def overtake(operation: str, arguments: Any, call: Callable[[], Any]) -> Any:
        nonlocal is_overtaken
        if (
            operation == "PutObject"
            and arguments["Key"] == index_manifest.MANIFEST_KEY
            and not is_overtaken
        ):
            is_overtaken = True
            assert objects.replace(
                index_manifest.MANIFEST_KEY, index_manifest.format_manifest(other), None
            )
        return call()

    with around_calls(overtake):
        published = publish()
    assert is_overtaken
    assert published.is_current
    stored = objects.read(index_manifest.MANIFEST_KEY)
    assert stored is not None
    assert index_manifest.parse_manifest(stored.body).digests == (published.sha256, "0" * 64)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"segments":[],"built":""}', b"\xff"])
def test_a_manifest_that_cannot_be_read_is_replaced(catalogue: None, body: bytes) -> None:
    assert objects.replace(index_manifest.MANIFEST_KEY, body, None)
    assert publish().is_current
    assert "pets" in _found("cat")


@pytest.mark.parametrize("after", [False, True])
def test_a_publisher_that_dies_leaves_the_old_or_the_new(
    catalogue: None, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, NOON)
    publish()
    changes.create(entities.package(9, title="catkin", slug="catkin"))
    monkeypatch.setenv(clock.FREEZE_VARIABLE, LATER)
    outcomes = []
    for at in range(100):
        try:
            with dying(at, after) as operations:
                publish()
        except Died:
            outcomes.append(_found("catkin"))
            assert "pets" in _found("cat")
            continue
        break
    assert at == len(operations) > 3
    assert _found("catkin") == ["catkin"]
    assert [] in outcomes
    assert ["catkin"] in outcomes


@pytest.mark.parametrize("code", ["SlowDown", "AccessDenied", "NoSuchBucket", "InternalError"])
def test_a_bucket_that_refuses_is_a_clear_error(catalogue: None, code: str) -> None:
    with failing(client_error(code)), pytest.raises(objects.ObjectError, match=code):
        publish()
