"""The replay server: order, keys, unknown routes, and answers that are broken on purpose."""

import http.client
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tools.fakehosts.replay import Replay, Routes
from tools.fakehosts.server import DRIP, RESET, SILENCE, Response


def _entry(url: str, status: int, text: str, method: str = "GET", **headers: str) -> Any:
    named = [{"name": name, "value": value} for name, value in headers.items()]
    return {
        "request": {"method": method, "url": url},
        "response": {"status": status, "headers": named, "content": {"text": text}},
    }


def _har(folder: Path, *entries: Any) -> Path:
    path = folder / "scenario.har"
    path.write_text(json.dumps({"log": {"entries": entries}}))
    return path


def test_entries_of_a_url_come_in_their_order_and_the_last_stays(tmp_path: Path) -> None:
    har = _har(
        tmp_path,
        _entry("https://api.example/a", 202, "{}"),
        _entry("https://api.example/b", 200, '"b"'),
        _entry("https://api.example/a", 200, '"a"', ETag='W/"1"'),
    )
    with Replay.from_har(har) as replay:
        answers = [requests.get(replay.url + "/a", timeout=5) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 200, 200]
    assert answers[1].headers["ETag"] == 'W/"1"'
    assert answers[2].json() == "a"
    assert replay.count("GET /a") == 3


def test_paths_are_compared_decoded_and_queries_without_order(tmp_path: Path) -> None:
    har = _har(tmp_path, _entry("https://api.example/p/a%2Fb?x=1&y=%3A", 200, "[]"))
    with Replay.from_har(har) as replay:
        asked = requests.get(replay.url + "/p/a/b?y=:&x=1", timeout=5)
        other = requests.get(replay.url + "/p/a/b?x=2&y=:", timeout=5)
    assert asked.json() == []
    assert (other.status_code, other.headers["X-Replay"]) == (404, "unknown")
    assert [request.target for request in replay.unknown] == ["/p/a/b?x=2&y=:"]


def test_parameters_can_be_ignored_and_routes_added(tmp_path: Path) -> None:
    har = _har(tmp_path, _entry("https://api.example/a", 200, "1"))
    routes: Routes = {"GET /b": [(200, {}, {"b": 2})]}
    with Replay.from_har(har, routes, ignored_parameters=["per_page"]) as replay:
        assert requests.get(replay.url + "/a?per_page=100", timeout=5).json() == 1
        assert requests.get(replay.url + "/b", timeout=5).json() == {"b": 2}


def test_graphql_is_answered_in_order_whatever_is_asked(tmp_path: Path) -> None:
    har = _har(
        tmp_path,
        _entry("https://api.example/graphql", 502, "{}", method="POST"),
        _entry("https://api.example/graphql", 200, '{"data": {}}', method="POST"),
    )
    with Replay.from_har(har) as replay:
        first = requests.post(replay.url + "/graphql", json={"query": "a"}, timeout=5)
        second = requests.post(replay.url + "/graphql", json={"query": "b"}, timeout=5)
    assert (first.status_code, second.status_code) == (502, 200)
    assert [request.json["query"] for request in replay.requests] == ["a", "b"]


def test_links_stay_as_recorded(tmp_path: Path) -> None:
    link = '<https://api.example/repositories/1?page=2>; rel="next"'
    har = _har(tmp_path, _entry("https://api.example/a", 200, "[]", Link=link))
    with Replay.from_har(har) as replay:
        assert requests.get(replay.url + "/a", timeout=5).headers["Link"] == link


def test_a_connection_is_kept_for_many_requests_of_any_kind() -> None:
    routes: Routes = {
        "GET /none": [(204, {}, "")],
        "GET /same": [(304, {"ETag": '"1"'}, "")],
        "POST /echo": lambda request: (200, {"Content-Type": "text/plain"}, request.body),
    }
    asked = [("GET", "/none", 204, b""), ("GET", "/same", 304, b""), ("POST", "/echo", 200, b"abc")]
    with Replay.from_routes(routes) as replay:
        connection = http.client.HTTPConnection(replay.url.removeprefix("http://"), timeout=5)
        connection.connect()
        opened = connection.sock
        for method, path, status, body in asked * 2:
            connection.request(method, path, body=body or None)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (status, body)
        assert connection.sock is opened
        connection.close()


def test_silence_and_resets_are_broken_connections() -> None:
    long = b"x" * 100_000
    routes: Routes = {
        "GET /silence": [Response(fault=SILENCE)],
        "GET /reset": [Response(body=long, fault=RESET)],
    }
    with Replay.from_routes(routes) as replay:
        for path in ("/silence", "/reset"):
            with pytest.raises(requests.RequestException):
                requests.get(replay.url + path, timeout=5)


def test_a_drip_comes_whole_in_the_end() -> None:
    routes = {"GET /": [Response(body={"a": 1}, fault=DRIP, seconds=0.02)]}
    with Replay.from_routes(routes) as replay:
        assert requests.get(replay.url + "/", timeout=5).json() == {"a": 1}


def test_a_mistake_in_a_route_is_seen() -> None:
    with Replay.from_routes({"GET /": lambda request: request.json}) as replay:
        answer = requests.get(replay.url + "/", timeout=5)
    assert (answer.status_code, answer.headers["X-Replay"]) == (500, "broken")
