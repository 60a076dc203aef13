"""Search over HTTP: what is asked, what is answered, and what cannot be."""

import json
from urllib.parse import quote

import pytest
from chalice.test import Client
from hypothesis import given
from hypothesis import strategies as st

import app
from chalicelib.search import index_manifest
from chalicelib.search.cache import IndexCache
from chalicelib.storage import objects
from tests.support.api_client import ask
from tests.support.bucket import client_error, failing

KEYS = [
    "description",
    "title",
    "title_no_prefix",
    "slug_no_prefix",
    "clean_title",
    "absolute_url",
    "created",
    "modified",
    "weight",
    "item_type",
    "slug",
    "category",
    "repo_watchers",
    "repo_forks",
    "pypi_downloads",
    "score",
    "usage",
    "participants",
    "last_committed",
    "last_released",
]
SEARCH = "/api/v4/search/"


def _slugs(port: int, query: str) -> list[str]:
    reply = ask(port, SEARCH + query)
    assert reply.status == 200
    return [entry["slug"] for entry in reply.json]


def test_entries_have_the_originals_keys(searchable: int) -> None:
    entries = ask(searchable, f"{SEARCH}?q=chat").json
    assert {entry["item_type"] for entry in entries} == {"package", "grid"}
    for entry in entries:
        assert list(entry) == KEYS
        site_path = {"package": "/packages/p/", "grid": "/grids/g/"}[entry["item_type"]]
        assert entry["absolute_url"] == f"{site_path}{entry['slug']}/"
        assert entry["created"] == entry["modified"]


@pytest.mark.parametrize("query", ["", "?", "?q=", "?q=%20%0A", "?Q=chat", "?q=chat&q=", "?q=%20"])
def test_a_blank_query_finds_nothing_and_needs_no_index(site: int, query: str) -> None:
    with failing(client_error("NoSuchBucket")):
        assert _slugs(site, query) == []


@pytest.mark.parametrize("query", ["?q=zebra&q=chat", "?q=+chat%20", "?limit=1&q=chat&offset=5"])
def test_the_last_q_counts_and_limits_do_not(searchable: int, query: str) -> None:
    assert _slugs(searchable, query) == _slugs(searchable, "?q=chat")
    assert len(_slugs(searchable, "?q=chat")) > 1


def test_words_forms_phrases_and_slips(searchable: int) -> None:
    assert "wagtail" in _slugs(searchable, "?q=wagtial")
    assert _slugs(searchable, "?q=testing")[:1] == _slugs(searchable, "?q=tests")[:1]
    everything = _slugs(searchable, "?q=django")
    assert len(everything) == 20
    either = set(_slugs(searchable, "?q=celery%20or%20redis"))
    assert either >= set(_slugs(searchable, "?q=%22celery%22")) | {"django-redis"}


def test_all_methods_formats_and_validators_are_those_of_the_other_views(searchable: int) -> None:
    assert ask(searchable, f"{SEARCH}?q=chat", "POST").status == 405
    assert ask(searchable, "/api/v4/search?q=chat").headers["location"] == f"{SEARCH}?q=chat"
    assert ask(searchable, f"{SEARCH}?q=chat&format=xml").status == 404
    first = ask(searchable, f"{SEARCH}?q=chat")
    head = ask(searchable, f"{SEARCH}?q=chat", "HEAD")
    assert (head.status, head.headers["etag"]) == (200, first.headers["etag"])
    assert head.headers["content-length"] == str(len(first.body))
    again = {"If-None-Match": first.headers["etag"]}
    assert ask(searchable, f"{SEARCH}?q=chat", headers=again).status == 304
    assert ask(searchable, "/api/v4/search.json?q=chat").body == first.body
    indented = ask(searchable, f"{SEARCH}?q=chat", headers={"Accept": "application/json; indent=2"})
    assert indented.json == first.json
    assert indented.body.startswith(b"[\n  {")


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_has_an_answer(searchable: int, text: str) -> None:
    reply = ask(searchable, f"{SEARCH}?q={quote(text, safe='')}")
    assert reply.status == 200
    assert len(reply.json) <= 20


@given(raw=st.text(alphabet="%0123456789abcdefABCDEF\"-:|&!<>()*'\\or~", max_size=60))
def test_any_bytes_have_an_answer(searchable: int, raw: str) -> None:
    reply = ask(searchable, f"{SEARCH}?q={quote(raw, safe='%')}")
    assert reply.status == 200
    assert isinstance(reply.json, list)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 8000,
        "django " * 1200,
        " ".join(f"w{n}" for n in range(1500)),
        '"' + "django rest " * 700 + '"',
        "_".join(["django"] * 1200),
        "-" * 4000,
        "x or " * 1500,
        '"' * 5000,
        "-x " * 2000,
        "/".join(["a.b"] * 1500),
    ],
)
def test_long_queries_are_answered(searchable: int, text: str) -> None:
    assert len(_slugs(searchable, f"?q={quote(text)}")) <= 20


def test_without_an_index_the_answer_is_to_try_again(
    searchable: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.search.cache.INDEX_CACHE", IndexCache())
    for code in ("NoSuchKey", "NoSuchBucket", "AccessDenied", "SlowDown"):
        with failing(client_error(code)):
            reply = ask(searchable, f"{SEARCH}?q=chat")
        assert reply.status == 503
        assert reply.headers["retry-after"] == "1"
        assert reply.detail == "Service temporarily unavailable, try again later."
        assert b"secret" not in reply.body
    assert "chat" in _slugs(searchable, "?q=chat")


def test_the_schedule_publishes_what_changed(
    searchable: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, _ in objects.iter_keys(""):
        objects.delete(key)
    # Chalice's client sets the stage's prefix, from which another bucket's name would follow.
    monkeypatch.setenv("PACKGRID_BUCKET", objects.get_bucket_name())
    with Client(app.app) as client:
        event = client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])
        client.lambda_.invoke("publish", event)
    found = objects.read(index_manifest.MANIFEST_KEY)
    assert found is not None
    assert json.loads(found.body)["segments"]
