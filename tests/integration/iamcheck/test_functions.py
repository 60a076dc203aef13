"""What functions do only now and then, so that the policies are held to that, too.

Each test makes a function do it as Lambda calls it; the plugin fails it if the policy forbids
any of it, and the whole suite fails if nothing ever needs what a policy allows.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from chalice.test import Client

import app
from chalicelib import clock
from chalicelib.catalog import changes
from chalicelib.catalog.entities import Package
from chalicelib.refresh import enrolment, tokens
from chalicelib.refresh.batch import Batch, parse_message
from chalicelib.refresh.fetch_result import PROJECT
from chalicelib.settings import Upstreams
from chalicelib.storage import objects, refresh_state, sources
from chalicelib.storage.models import MembershipItem
from tests.integration.refresh.test_lambda import GRAPHQL, Context, event, repositories, tick
from tests.support import entities
from tests.support.fixtures import category, grid, package
from tests.support.fixtures import row as row_of
from tests.support.index_documents import document, root
from tests.support.queues import Queues, queues
from tests.support.races import before_each
from tests.support.refresh_site import Site, read, row
from tests.support.upstream.asking import TODAY
from tools.fakehosts.replay import Replay, Routes

pytestmark = pytest.mark.usefixtures("tables", "bucket")

NONE_FAILED: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, TODAY.isoformat())
    return Client(app.app)


@pytest.fixture
def both(engine: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    with queues(monkeypatch) as found:
        yield found


@pytest.fixture
def parameters(engine: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A token of each host in Parameter Store, and no process that has read it."""
    store = boto3.session.Session().client("ssm")
    names = []
    for host in ("github", "gitlab", "bitbucket"):
        names.append(f"/packgrid/test/{host}")
        store.put_parameter(Name=names[-1], Value=f"token-of-{host}", Type="SecureString")
        monkeypatch.setenv(f"{host.upper()}_TOKEN_PARAMETER", names[-1])
    monkeypatch.setattr(tokens, "_cache", {})
    yield names
    store.delete_parameters(Names=names)


def work(client: Client, batch: Batch, deliveries: int = 1) -> Any:
    message = event(client, batch.to_message())
    message["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(deliveries)
    return app.work(message, Context(60))


def test_planning_reads_every_hosts_token(
    client: Client, both: Queues, parameters: list[str]
) -> None:
    client.lambda_.invoke("plan", tick(client))
    assert sorted(tokens._cache) == sorted(parameters)


def test_working_reads_every_hosts_token(
    client: Client, parameters: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(1).build()
    with Replay.from_routes(repositories(7)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        assert work(client, site.batch()) == NONE_FAILED
        assert replay.requests[0].headers["Authorization"] == "Bearer token-of-github"
    assert sorted(tokens._cache) == sorted(parameters)


def test_a_repository_that_moved(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "token")
    site = Site(1).build()
    routes = repositories(7)
    answer: Any = routes[GRAPHQL]
    answer[0][2]["data"]["r0"]["nameWithOwner"] = "owner/elsewhere"
    with Replay.from_routes(routes) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        assert work(client, site.batch()) == NONE_FAILED
    assert read(1).repo_url == "https://github.com/owner/elsewhere"


def test_a_package_that_was_deleted_while_its_host_was_asked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "token")
    site = Site(2).build()
    made: Any = repositories(7, 8)

    def deleting(request: Any) -> Any:
        changes.delete(Package, 1)
        return made[GRAPHQL][0]

    with Replay.from_routes({GRAPHQL: deleting}) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        assert work(client, site.batch()) == NONE_FAILED
    assert [item.package_id for item in sources.iter_sources()] == [2]
    assert read(2).repo_watchers == 8


def test_a_message_that_comes_again_is_sent_in_halves(client: Client, both: Queues) -> None:
    site = Site(2).build()
    assert work(client, site.batch(), deliveries=2) == NONE_FAILED
    halves = [parse_message(message["Body"]).packages for message in both.receive()]
    assert sorted(halves) == [(1,), (2,)]


def test_a_host_that_enough_workers_ask_already(client: Client, both: Queues) -> None:
    site = Site(1).build()
    until = (TODAY + timedelta(hours=1)).timestamp()
    others = 4
    for number in range(others):
        assert refresh_state.acquire_slot("github", others, str(number), TODAY.timestamp(), until)
    assert work(client, site.batch()) == NONE_FAILED
    assert row(1).handled == 0


def test_projects_of_the_package_index(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # So many that asking for the serials of all is worth it.
    names = {number: f"tool-{number}" for number in range(1, 22)}
    changes.create(entities.category())
    for number, name in names.items():
        url = f"http://pypi.python.org/pypi/{name}"
        changes.create(entities.package(number, repo_url=None, pypi_url=url))
    enrolment.enrol(Upstreams(), TODAY.timestamp())
    routes: Routes = {
        "GET /simple/": [(200, {}, root(dict.fromkeys(names.values(), 50) | {"tool-3": 51}))],
        "GET /pypi/tool-3/json": [(200, {}, document("tool-3", 51, requires_python=">=3.11"))],
    }
    with Replay.from_routes(routes) as replay:
        monkeypatch.setenv("PACKAGE_INDEX_URL", replay.url)
        for item in sources.iter_sources():
            item.state = {"serial": 50, "index": replay.url, "read_at": TODAY.isoformat()}
            sources.replace_source(item, int(item.version))
        batch = Batch("index", PROJECT, TODAY, tuple(names))
        assert work(client, batch) == NONE_FAILED
        assert replay.targets == ["GET /simple/", "GET /pypi/tool-3/json"]
    assert read(3).pypi_requires_python == ">=3.11"


def test_a_package_that_is_not_there_any_more_is_not_enrolled(client: Client) -> None:
    Site(2).build()
    changes.delete(Package, 1)
    client.lambda_.invoke("enrol", tick(client))
    assert [item.package_id for item in sources.iter_sources()] == [2]


def test_a_package_that_leads_elsewhere_is_enrolled_anew(client: Client) -> None:
    Site(1).build()
    elsewhere = "https://gitlab.com/owner/package-1"
    changes.update(Package, 1, lambda entity: replace(entity, repo_url=elsewhere))
    client.lambda_.invoke("enrol", tick(client))
    assert row(1).host == "gitlab"


def test_old_indexes_are_removed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    Site(1).build()
    for hour in ("10", "11", "12"):
        monkeypatch.setenv(clock.FREEZE_VARIABLE, f"2026-11-23T{hour}:00:00+00:00")
        client.lambda_.invoke("publish", tick(client))
    # The bucket's clock is the real one; look at it from long after.
    monkeypatch.setenv(clock.FREEZE_VARIABLE, "2100-01-01T00:00:00+00:00")
    client.lambda_.invoke("publish", tick(client))
    index_files = [key for key, _ in objects.iter_keys("search/") if key.endswith(".sqlite")]
    assert len(index_files) == 2


def load(*records: Any) -> Any:
    """Put a catalogue and have it loaded; the outcome."""
    objects.overwrite("catalogues/a.json", json.dumps(records).encode())
    made = Client(app.app).events.generate_s3_event(objects.get_bucket_name(), "catalogues/a.json")
    (done,) = app.load(made, Context(900))
    return done


def test_a_package_that_is_deleted_while_a_catalogue_is_loaded() -> None:
    def delete() -> None:
        with suppress(changes.WriteRefused):
            changes.delete(Package, 1)

    with before_each("TransactWriteItems", delete):
        done = load(category(), package(), grid(), row_of(7, 1, 1))
    (refusal,) = done["refusals"]
    assert "its grid or package was deleted meanwhile" in refusal
    assert list(MembershipItem.scan()) == []


def test_names_that_are_handed_on_in_a_catalogue() -> None:
    ids = range(1, 31)
    load(*map(grid, ids))
    done = load(*(grid(pk, slug=f"grid-{pk + 1}") for pk in ids))
    assert done["counts"]["grid.grid"] == {"changed": len(ids)}


def test_a_grid_that_would_be_too_large() -> None:
    large = 10**18
    rows = [row_of(large + number, 1, large) for number in range(5_400)]
    done = load(category(), package(large), grid(), *rows)
    assert done["refused"] == len(rows)
    assert "grid 1 would be too large" in done["refusals"][0]
