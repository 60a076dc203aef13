"""What each deployed function tells of itself, as Lambda calls it."""

import re

import pytest
from chalice.test import Client

import app
from chalicelib.backup import manifest
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.fetch_result import REPOSITORY
from chalicelib.refresh.hosts.registry import build_hosts
from chalicelib.refresh.queue import QueueError
from chalicelib.refresh.tokens import TokenUnavailable
from chalicelib.settings import Upstreams
from chalicelib.storage import objects
from tests.integration.refresh.test_lambda import GRAPHQL, Context, event, repositories, tick
from tests.integration.telemetry.conftest import NOTHING, PAGE, TOKEN, Days, Told, documented
from tests.support.aws import failing
from tests.support.queues import Queues
from tests.support.refresh_site import Site
from tests.support.upstream.asking import TODAY
from tools.fakehosts.replay import Replay

pytestmark = pytest.mark.usefixtures("tables")


def test_work_tells_what_became_of_each_package_and_what_it_asked(
    client: Client, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(4).build()
    status, headers, content = repositories(7, 8)[GRAPHQL][0]  # type: ignore[index,misc]
    content["data"] |= {"r2": None, "r3": None}
    content["errors"] = [
        {"type": "NOT_FOUND", "path": ["r2"], "message": "no"},
        {"type": "FORBIDDEN", "path": ["r3"], "message": f"not with {TOKEN}"},
    ]
    with Replay.from_routes({GRAPHQL: [(status, headers, content)]}) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        message = event(client, site.batch().to_message())
        assert app.work(message, Context(60)) == {"batchItemFailures": []}
        requests = len(replay.requests)
    assert requests
    printed = told()
    assert printed.metrics == {}
    line, counts = printed.line("work"), {**NOTHING, "refreshed": 2, "changed": 2}
    counts |= {"failed": 1, "gone": 1, "requests": requests}
    assert line["hosts"] == {"github": counts}
    assert counts.items() <= line.items()
    assert (line["level"], line["failures"]) == ("INFO", [])
    # Delivered once more, it finds nothing to do.
    app.work(message, Context(60))
    assert NOTHING.items() <= told().line("work").items()


def test_each_host_is_counted_for_itself_and_all_together(
    client: Client, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Site(1).build().batch(), Batch("gitlab", REPOSITORY, TODAY, (1,))
    with Replay.from_routes(repositories(7)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        app.work(event(client, first.to_message(), second.to_message()), Context(60))
        requests = len(replay.requests)
    line = told().line("work")
    counts = {**NOTHING, "refreshed": 1, "changed": 1, "requests": requests}
    assert line["hosts"] == {"github": counts, "gitlab": NOTHING}
    assert counts.items() <= line.items()


def test_figures_that_are_as_they_were_are_refreshed_and_not_changed(
    days: Days, both: Queues
) -> None:
    Site(2).build()
    with Replay.from_routes(repositories(7, 8)) as replay:
        days.patch.setenv("GITHUB_API_URL", replay.url)
        days.staleness()
        (message,) = both.receive()
        days.work(message)
        days.advance(hours=23)
        days.staleness()
        *_, message = both.receive()
        counts = days.work(message)
    assert (counts["refreshed"], counts["unchanged"], counts["changed"]) == (2, 2, 0)


def test_a_message_that_fails_has_a_line_of_its_own(
    client: Client, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(1).build()
    with Replay.from_routes(repositories(7)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        message = event(client, "none of ours", site.batch().to_message())
        with failing("TransactWriteItems", lambda arguments: True):
            answer = app.work(message, Context(60))
    printed = told()
    assert printed.line("work")["failures"] == answer["batchItemFailures"]
    first, second = [line for line in printed.lines if line["event"] == "message"]
    assert (first["id"], first["level"], first["error"]) == ("m0", "ERROR", "BadMessage")
    assert second["id"] == "m1"
    assert second["error"] == "TransactWriteError"
    assert [cause for cause in second["causes"] if "EndpointConnectionError: " in cause]
    # What was asked before is told nevertheless.
    counts = {**NOTHING, "requests": len(replay.requests)}
    assert printed.line("work")["hosts"] == {"github": counts}


def test_a_token_that_an_error_quotes_is_left_out(client: Client, told: Told) -> None:
    text = Site(1).batch().to_message().replace("github", TOKEN)
    app.work(event(client, text), Context(60))
    assert told().line("message")["message"].startswith("no host [token]: ")


def test_what_makes_a_function_fail_is_told_and_raised(
    client: Client, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    Site(1).build()
    monkeypatch.delenv("PACKGRID_QUEUE_URL", raising=False)
    with pytest.raises(QueueError):
        client.lambda_.invoke("plan", tick(client))
    printed = told()
    assert printed.metrics == {}
    line = printed.line("plan")
    assert (line["level"], line["error"]) == ("ERROR", "QueueError")
    assert line["message"] == "PACKGRID_QUEUE_URL is not set"
    monkeypatch.setenv("GITHUB_TOKEN", f"two {TOKEN}")
    with pytest.raises(TokenUnavailable):
        app.work(event(client, Site(1).batch().to_message()), Context(60))
    assert told().line("work")["error"] == "TokenUnavailable"
    for name, operation in (("enrol", "Scan"), ("publish", "Scan")):
        with failing(operation, lambda arguments: True), pytest.raises(Exception, match="nowhere"):
            client.lambda_.invoke(name, tick(client))
        printed = told()
        assert (printed.line(name)["level"], printed.metrics) == ("ERROR", {})


def test_enrolling_tells_how_many_sources_there_are(client: Client, told: Told) -> None:
    Site(3).build()
    client.lambda_.invoke("enrol", tick(client))
    printed = told()
    assert printed.metrics == {}
    assert {"sources": 3, "written": 0, "removed": 0}.items() <= printed.line("enrol").items()


def test_publishing_tells_how_large_the_index_is(client: Client, bucket: None, told: Told) -> None:
    Site(3).build()
    client.lambda_.invoke("publish", tick(client))
    printed = told()
    line = printed.line("publish")
    (key,) = [key for key, _ in objects.iter_keys("") if line["sha256"] in key]
    segment = objects.read(key)
    assert segment is not None
    assert (line["entries"], line["size"], line["is_current"]) == (3, len(segment.body), True)
    assert printed.metrics == {}


def test_exporting_tells_where_to_and_how_much(client: Client, bucket: None, told: Told) -> None:
    Site(3).build()
    client.lambda_.invoke("export", tick(client))
    line = told().line("export")
    assert objects.read(line["prefix"] + manifest.MANIFEST_NAME) is not None
    assert line["items"] > 3


def test_loading_tells_what_became_of_each_file(client: Client, bucket: None, told: Told) -> None:
    objects.overwrite("catalogues/a.json", b"none of ours")
    uploaded = client.events.generate_s3_event(objects.get_bucket_name(), "catalogues/a.json")
    app.load(uploaded, Context(900))
    line = told().line("load")
    assert (line["key"], line["status"], line["refused"]) == ("catalogues/a.json", "refused", 0)
    assert line["error"]


def test_every_line_of_the_page_is_one_of_a_function() -> None:
    assert set(documented()) == {"plan", "work", "enrol", "publish", "export", "load"}


def test_the_queries_of_the_page_sum_what_a_worker_says() -> None:
    totals = re.findall(r"sum\((\w+)\)", PAGE)
    assert {"refreshed", "changed", "failed"} <= set(totals) <= set(NOTHING)
    by_host = re.findall(r"sum\(hosts\.(\w+)\.requests\)", PAGE)
    assert sorted(by_host) == sorted(build_hosts(Upstreams(), {}))


def test_off_lambda_and_for_requests_nothing_is_printed(
    client: Client,
    both: Queues,
    bucket: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(1).build()
    with client:
        headers = {"Host": "example.org", "Accept": "application/json"}
        assert client.http.get("/api/v4/packages/", headers=headers).status_code == 200
    assert capsys.readouterr().out == ""
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME")
    for name in ("plan", "enrol", "publish"):
        client.lambda_.invoke(name, tick(client))
    with Replay.from_routes(repositories(7)) as replay:
        monkeypatch.setenv("GITHUB_API_URL", replay.url)
        app.work(event(client, "none of ours", site.batch().to_message()), Context(60))
        assert replay.requests
    assert capsys.readouterr().out == ""
