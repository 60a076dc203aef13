"""The simulated hosts keep the limits of the real ones, and say so as they do."""

from collections.abc import Iterator

import pytest
import requests

from tests.support.upstream.asking import FakeTime
from tools.fakehosts import World, builder
from tools.fakehosts.hosts.github_graphql import TIMEOUT_S
from tools.fakehosts.server import Headers, Request

TOKEN = {"Authorization": "Bearer github-token"}


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def world(time: FakeTime) -> Iterator[World]:
    with World(seed=5, packages=40, clock=time) as world:
        yield world


def _path(world: World, host: str) -> str:
    return next(found.path for found in world.repositories.values() if found.host == host)


def _get(world: World, host: str, path: str, **headers: str) -> requests.Response:
    return requests.get(world.urls[host] + path, headers=headers, timeout=10)


def _violated(world: World) -> list[tuple[str, str]]:
    return [(found.host, found.limit) for found in world.violations]


def _pass(world: World, host: str, count: int, target: str, **headers: str) -> int:
    """Ask so often without a socket; how many requests were refused."""
    named = Headers({name.lower(): value for name, value in headers.items()})
    request = Request("GET", target, named)
    asked = (world.hosts[host].check_limits(request, world.now, 1) for _ in range(count))
    return sum(refusal is not None for refusal in asked)


def test_github_without_a_token_gives_60_an_hour(world: World, time: FakeTime) -> None:
    path = f"/repos/{_path(world, builder.GITHUB)}"
    left = [_get(world, builder.GITHUB, path) for _ in range(60)]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in left[::59]] == ["59", "0"]
    refused = _get(world, builder.GITHUB, path)
    assert (refused.status_code, refused.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert "Retry-After" not in refused.headers
    assert _violated(world) == [(builder.GITHUB, "requests an hour")]
    ends = int(refused.headers["X-RateLimit-Reset"])
    time.advance(seconds=ends - time.now().timestamp() - 1)
    assert _get(world, builder.GITHUB, path).status_code == 403
    time.advance(seconds=1)
    assert _get(world, builder.GITHUB, path).status_code == 200


def test_github_with_a_token_gives_5000_an_hour(world: World, time: FakeTime) -> None:
    for _ in range(10):
        assert _pass(world, builder.GITHUB, 500, "/repos/a/b", **TOKEN) == 0
        time.advance(minutes=1)
    assert _pass(world, builder.GITHUB, 3, "/repos/a/b", **TOKEN) == 3
    assert _pass(world, builder.GITHUB, 1, "/rate_limit", **TOKEN) == 0
    answer = _get(world, builder.GITHUB, "/rate_limit", **TOKEN)
    assert answer.json()["resources"]["core"]["remaining"] == 0


def test_github_gives_900_points_a_minute_whatever_the_hour(world: World, time: FakeTime) -> None:
    path = f"/repos/{_path(world, builder.GITHUB)}"
    assert _pass(world, builder.GITHUB, 900, path, **TOKEN) == 0
    refused = [_get(world, builder.GITHUB, path, **TOKEN) for _ in range(3)]
    assert {answer.status_code for answer in refused} == {403, 429}
    assert [answer.headers.get("Retry-After") for answer in refused] == ["61", "61", None]
    assert all(int(answer.headers["X-RateLimit-Remaining"]) > 0 for answer in refused)
    assert _violated(world) == [(builder.GITHUB, "points a minute")] * 3
    time.advance(seconds=61)
    assert _get(world, builder.GITHUB, path, **TOKEN).status_code == 200


def test_github_takes_a_hundred_requests_at_a_time(world: World) -> None:
    request = Request("GET", "/repos/a/b", Headers({"authorization": "Bearer github-token"}))
    host = world.hosts[builder.GITHUB]
    assert host.check_limits(request, world.now, 100) is None
    assert host.check_limits(request, world.now, 101) is not None


def test_a_wrong_token_of_github_is_401_and_costs_nothing(world: World) -> None:
    path = f"/repos/{_path(world, builder.GITHUB)}"
    wrong = _get(world, builder.GITHUB, path, Authorization="Bearer wrong")
    assert (wrong.status_code, wrong.json()) == (401, {"message": "Bad credentials"})
    url = world.urls[builder.GITHUB] + "/graphql"
    assert requests.post(url, json={"query": "{ a }"}, timeout=10).status_code == 401


def _points(world: World, query: str) -> requests.Response:
    url = world.urls[builder.GITHUB] + "/graphql"
    return requests.post(url, json={"query": query}, headers=TOKEN, timeout=10)


def test_graphql_gives_5000_points_an_hour(world: World) -> None:
    few = min(
        (one for one in world.repositories.values() if one.host == builder.GITHUB),
        key=lambda one: one.total,
    )
    owner, name = few.path.split("/")
    below = "defaultBranchRef { target { history(first: 100) { nodes { parents(first: 1) "
    below += "{ totalCount } } } } }"
    # Each alias needs 1 + 100 requests: 99 of them are 100 points.
    aliases = (f'r{n}: repository(owner: "{owner}", name: "{name}") {{ ...F }}' for n in range(99))
    query = f"fragment F on Repository {{ {below} }} query {{ {' '.join(aliases)} }}"
    left = [_points(world, query).headers["X-RateLimit-Remaining"] for _ in range(50)]
    assert (left[0], left[-1]) == ("4900", "0")
    refused = [_points(world, query) for _ in range(2)]
    assert [answer.status_code for answer in refused] == [200, 200]
    kinds = {answer.json()["errors"][0]["type"] for answer in refused}
    assert kinds == {"RATE_LIMITED", "RATE_LIMIT"}
    assert all("data" not in answer.json() for answer in refused)
    assert _violated(world) == [(builder.GITHUB, "GraphQL points an hour")] * 2


def test_graphql_ends_a_query_that_takes_too_long(world: World) -> None:
    heavy = next(one for one in world.repositories.values() if one.host == builder.GITHUB)
    heavy.older = 300_000
    light = [one.path for one in world.repositories.values() if one.host == builder.GITHUB]
    light.remove(heavy.path)
    below = "defaultBranchRef { target { history(first: 1) { totalCount } } }"

    def asked(paths: list[str]) -> requests.Response:
        aliases = (
            f'r{place}: repository(owner: "{owner}", name: "{name}") {{ {below} }}'
            for place, (owner, name) in enumerate(path.split("/") for path in paths)
        )
        return _points(world, f"{{ {' '.join(aliases)} }}")

    assert TIMEOUT_S == 10
    assert asked([heavy.path]).json()["data"]["r0"]
    partial = asked([heavy.path, *(light * 3)[:48]]).json()
    assert partial["errors"][0]["type"] == "RESOURCE_LIMITS_EXCEEDED"
    assert partial["errors"][0]["path"] == ["r0"]
    assert partial["data"]["r0"] is None
    assert partial["data"]["r1"]
    timeout = asked([heavy.path, *(light * 4)[:90]])
    assert timeout.status_code == 502
    assert timeout.json()["data"] is None
    assert asked((light * 4)[:100]).status_code == 200


def test_gitlab_gives_400_projects_and_2000_requests_a_minute(world: World, time: FakeTime) -> None:
    name = _path(world, builder.GITLAB).replace("/", "%2F")
    path = f"/api/v4/projects/{name}"
    assert _pass(world, builder.GITLAB, 400, path) == 0
    refused = _get(world, builder.GITLAB, path)
    assert refused.status_code == 429
    assert refused.json()
    assert "Retry-After" not in refused.headers
    commits = _get(world, builder.GITLAB, f"{path}/repository/commits")
    assert commits.headers["RateLimit-Limit"] == "2000"
    assert int(commits.headers["RateLimit-Remaining"]) == 2000 - 402
    assert _pass(world, builder.GITLAB, 1598, "/api/v4/version") == 0
    refused = _get(world, builder.GITLAB, f"{path}/repository/commits")
    assert (refused.status_code, refused.text) == (429, "Retry later\n")
    assert refused.headers["Retry-After"] == "61"
    assert [what for _, what in _violated(world)] == ["projects a minute", "requests a minute"]
    time.advance(minutes=1)
    assert _get(world, builder.GITLAB, path).status_code == 200


def test_bitbucket_gives_60_in_any_hour_and_1000_with_a_token(world: World, time: FakeTime) -> None:
    path = f"/2.0/repositories/{_path(world, builder.BITBUCKET)}"
    assert _pass(world, builder.BITBUCKET, 30, path) == 0
    time.advance(minutes=30)
    assert _pass(world, builder.BITBUCKET, 29, path) == 0
    last = _get(world, builder.BITBUCKET, path)
    assert last.headers["X-RateLimit-Limit"] == "60, 60;w=3600"
    assert last.headers["X-RateLimit-Remaining"] == "0"
    assert last.headers["X-RateLimit-Reset"] == "1801"
    assert _get(world, builder.BITBUCKET, path).status_code == 429
    assert _violated(world) == [(builder.BITBUCKET, "requests an hour")]
    token = {"Authorization": "Bearer bitbucket-token"}
    assert _pass(world, builder.BITBUCKET, 1001, path, **token) == 1
    time.advance(minutes=30)
    assert _get(world, builder.BITBUCKET, path).status_code == 200


def test_codeberg_gives_4000_in_half_an_hour(world: World, time: FakeTime) -> None:
    path = f"/api/v1/repos/{_path(world, builder.CODEBERG)}"
    assert _pass(world, builder.CODEBERG, 4000, path) == 0
    refused = _get(world, builder.CODEBERG, path)
    assert refused.status_code == 429
    assert "Retry-After" not in refused.headers
    assert _violated(world) == [(builder.CODEBERG, "requests in 30 minutes")]
    time.advance(minutes=30)
    assert _get(world, builder.CODEBERG, path).status_code == 200


@pytest.mark.parametrize("host", [builder.FORGEJO, builder.OWN_GITLAB, builder.INDEX])
def test_self_hosted_ones_and_the_index_have_no_limit(world: World, host: str) -> None:
    assert _pass(world, host, 10_000, "/api/v4/projects/1") == 0


def test_limits_can_be_left_off(time: FakeTime) -> None:
    with World(seed=5, packages=40, clock=time, has_limits=False) as world:
        path = f"/repos/{_path(world, builder.GITHUB)}"
        assert {_get(world, builder.GITHUB, path).status_code for _ in range(70)} == {200}
        assert not world.violations
