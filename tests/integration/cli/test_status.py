"""``status``, ``plan``, ``redrive``, and what a load does for the refresh."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.refresh.batch import parse_message
from chalicelib.storage import aws, sources
from tests.integration.cli.conftest import Site
from tests.support import printed, state
from tests.support.api_client import ask
from tests.support.fixtures import write
from tests.support.queues import Queues, event, queues
from tests.support.serving import answering
from tools.fakehosts import builder, events
from tools.fakehosts.replay import Replay

HEAD = ["host", "sources", "age p50", "p99", "oldest", "due", "never", "failing", "gone"]


@pytest.fixture
def both(engine: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    with queues(monkeypatch) as found:
        yield found


def test_an_empty_catalogue_has_a_status(
    tables: None, capsys: pytest.CaptureFixture[str], both: Queues
) -> None:
    from chalicelib.cli.__main__ import main

    assert main(["status"]) == 0
    ((row,),) = printed.tables(capsys.readouterr().out)
    assert row == dict(zip(HEAD, ["all", "0", "-", "-", "-", "0", "0", "0", "0"], strict=True))
    assert main(["refresh"]) == 0
    assert capsys.readouterr().out == "nothing is due\n"
    assert main(["plan"]) == 0
    assert capsys.readouterr().out == "planned 0 sources in 0 batches\n"
    assert main(["redrive"]) == 0
    assert capsys.readouterr().out == "0 dead letters are in the queue again\n"


def test_a_load_enrols_at_its_end(site: Site) -> None:
    known = {(row.kind, row.host): row for row in sources.iter_sources()}
    assert len([row for row in sources.iter_sources() if row.kind == "repository"]) == 24
    assert known["repository", "unsupported"].package_id == site.of(builder.OTHER)
    assert site.run("status") == 0
    row = site.table()["all"]
    assert (row["sources"], row["due"], row["never"]) == ("45", "45", "45")
    assert "repositories at unsupported hosts: 1" in site.out.splitlines()
    # A load of the same says nothing of the refresh, of one more package it does.
    records = site.world.build_records()
    fields = {"slug": "more", "repo_url": "", "pypi_url": "more"}
    more = dict(records[1], pk=99, fields=records[1]["fields"] | fields)
    file = write(site.folder / "more.json", [*records, more])
    assert site.run("load", "--strict", str(file)) == 0
    assert "refresh: 47 sources, 1 new, 0 removed" in site.out.splitlines()
    assert site.run("load", "--strict", str(file)) == 0
    assert "refresh:" not in site.out


def test_a_load_that_only_checks_enrols_nothing(site: Site) -> None:
    state.restore({})
    file = write(site.folder / "again.json", site.world.build_records())
    assert site.run("load", "--dry-run", str(file)) == 0
    assert state.rows() == {}


def test_ages_are_those_of_the_last_answers(site: Site) -> None:
    assert site.run("refresh", "--host", "index", "--limit", "11") == 0
    site.time.advance(hours=5)
    assert site.run("refresh", "--host", "index") == 0
    site.time.advance(hours=3)
    assert site.run("status") == 0
    row = site.table()["index"]
    # Eleven are 8 hours old and eleven are 3.
    assert [row[name] for name in HEAD[1:7]] == ["22", "8.0 h", "8.0 h", "8.0 h", "0", "0"]
    row = site.table()["all"]
    assert (row["oldest"], row["never"]) == ("8.0 h", "23")
    site.time.advance(days=3)
    site.run("refresh", "--host", "index", "--limit", "21")
    site.time.advance(minutes=30)
    site.run("status")
    row = site.table()["index"]
    assert [row[name] for name in HEAD[2:5]] == ["30 min", "3.1 d", "3.1 d"]


def test_failures_are_counted_by_reason(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/api/v1/repos/{site.world.get_truth(site.of(builder.CODEBERG)).address}"
    with Replay.from_routes({f"GET {path}": [(401, {}, b"")]}) as replay:
        monkeypatch.setenv("PACKAGE_INDEX_URL", replay.url)
        assert site.run("refresh", "--host", "index", "--limit", "5") == 0
        monkeypatch.setenv("CODEBERG_API_URL", replay.url)
        assert site.run("refresh", "--host", "codeberg") == 1
    site.run("status")
    assert "index: 5 x 404 Not Found" in site.out.splitlines()
    assert site.table()["index"]["gone"] == "5"
    assert site.table()["codeberg"]["failing"] == "1"
    assert "codeberg: 1 x 401 bad credentials" in site.out.splitlines()


def test_what_is_left_of_the_budgets_is_what_the_hosts_say(site: Site) -> None:
    site.run("refresh")
    site.run("status")
    left = {(row["host"], row["budget"]): row for row in printed.tables(site.out)[1]}
    asked = site.asked()
    core = left["github", "core"]
    spent = asked[builder.GITHUB] - site.world.log.counts[builder.GITHUB, "graphql", 200]
    assert (core["left"], core["of"]) == (f"{5000 - spent:,}", "5,000")
    assert core["full again"].startswith("2026-11-23 13:00")
    assert core["blocked until"] == ""
    # A host that says nothing is counted by ourselves.
    assert left["index", "requests"]["full again"] == ""
    assert int(left["index", "requests"]["left"]) < int(left["index", "requests"]["of"])
    site.time.advance(hours=2)
    site.run("status")
    again = {(row["host"], row["budget"]): row for row in printed.tables(site.out)[1]}
    assert again["github", "core"]["left"] == "5,000"


def test_where_the_figures_of_a_package_are_from(site: Site) -> None:
    package = next(id for id in site.world.projects if site.host(id) == builder.GITHUB)
    name = site.world.packages[package].name
    assert site.run("status", "--package", name) == 0
    assert f"repository: github {site.world.get_truth(package).address}" in site.out.splitlines()
    site.run("refresh", "--package", name)
    before = state.rows()
    assert site.run("status", "--package", name) == 0
    assert state.rows() == before
    rows = {row["figure"]: row for table in printed.tables(site.out) for row in table}
    assert rows["repo_watchers"]["fetched at"] == site.time.now().isoformat()
    assert rows["commit_count"]["token"] == f"oid:{site.world.get_truth(package).head}"
    truth = site.world.get_truth(package).project
    assert truth is not None
    assert rows["pypi_version"]["token"].startswith(("serial:", "etag:"))
    assert "  checked: 2026-11-23 12:00:00" in site.out.splitlines()


def test_the_reason_of_a_package_that_fails_is_told(site: Site) -> None:
    package = site.of(builder.CODEBERG)
    site.world.trigger(package, events.DELETE)
    site.run("refresh", "--host", "codeberg")
    site.run("status", "--package", site.world.packages[package].name)
    assert "  reason: 404 Not Found (1 times)" in site.out.splitlines()
    assert "  gone_since: 2026-11-23 12:00:00" in site.out.splitlines()


def test_the_status_of_no_package_is_said(site: Site) -> None:
    assert site.run("status", "--package", "no-such-thing") == 2
    assert (site.out, site.err) == ("", "packgrid: no package has the slug 'no-such-thing'\n")


def test_a_plan_sends_what_is_due_once(site: Site, both: Queues) -> None:
    assert site.run("plan") == 0
    assert site.out == "planned 45 sources in 7 batches\n"
    assert site.asked() == {}
    batches = [parse_message(message["Body"]) for message in both.receive()]
    assert len(batches) == 7
    assert sum(len(batch.packages) for batch in batches) == 45
    assert {batch.planned for batch in batches} == {site.time.now()}
    assert site.run("plan") == 0
    assert site.out == "planned 0 sources in 0 batches\n"
    # Were all messages lost, they would be due again.
    site.time.advance(hours=2)
    assert site.run("plan") == 0
    assert site.out == "planned 45 sources in 7 batches\n"


def test_a_dead_letter_comes_back_and_is_worked_on(site: Site, both: Queues) -> None:
    import app

    site.run("plan")
    for message in both.receive():
        batch = parse_message(message["Body"])
        if batch.host == "codeberg":
            aws.client("sqs").send_message(QueueUrl=both.dead, MessageBody=message["Body"])
        both.delete(message)
    assert site.run("redrive") == 0
    assert site.out == "1 dead letters are in the queue again\n"
    assert both.letters() == []
    (message,) = both.receive()
    answer = app.work(event(message), _Context())
    assert answer == {"batchItemFailures": []}
    package = site.of(builder.CODEBERG)
    with answering() as port:
        shown = ask(port, f"/api/v4/packages/{package}/").json
    assert shown["repo_watchers"] == site.world.get_truth(package).stars


@pytest.mark.parametrize(
    ("command", "variable"),
    [("plan", "PACKGRID_QUEUE_URL"), ("redrive", "PACKGRID_DEAD_LETTER_URL")],
)
def test_a_queue_that_is_not_named_is_said(
    site: Site, monkeypatch: pytest.MonkeyPatch, command: str, variable: str
) -> None:
    monkeypatch.delenv(variable, raising=False)
    before = state.rows()
    assert site.run(command) == 2
    assert (site.out, site.err) == ("", f"packgrid: {variable} is not set\n")
    assert state.rows() == before


def test_a_queue_that_does_not_exist_is_said(site: Site, both: Queues) -> None:
    before = state.rows()
    site.monkeypatch.setenv("PACKGRID_QUEUE_URL", both.url + "-no")
    assert site.run("plan") == 2
    assert site.out == ""
    (line,) = site.err.splitlines()
    assert line.startswith("packgrid: ")
    assert "queue does not exist" in line
    assert state.rows() == before


class _Context:
    """What Lambda tells a function of its time: it has a minute."""

    def get_remaining_time_in_millis(self) -> int:
        return round(timedelta(minutes=1) / timedelta(milliseconds=1))
