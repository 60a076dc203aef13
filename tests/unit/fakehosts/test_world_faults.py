"""Injected faults come at their rate and are what they are called."""

import pytest
import requests
from urllib3.exceptions import HTTPError

from tests.support.upstream.visiting import Asking, package_of
from tools.fakehosts import Faults, World, builder
from tools.fakehosts.faults import KINDS


def test_faults_come_at_their_rate_and_are_no_violations(world: World) -> None:
    world.faults = Faults(0.3, seed=1, max_retry_after=5)
    package = package_of(world, builder.GITHUB)
    url = f"{world.urls[builder.GITHUB]}/repos/{world.get_truth(package).address}"
    headers = {"Authorization": f"Bearer {world.tokens[builder.GITHUB]}"}
    good = 0
    for _ in range(700):
        try:
            answer = requests.get(
                url, headers=headers, timeout=5, allow_redirects=False, stream=True
            )
            # Not decoded: a bomb stays small.
            good += answer.raw.read(decode_content=False).startswith(b'{"id": ')
            if answer.status_code in {403, 429} and "Retry-After" in answer.headers:
                assert 1 <= int(answer.headers["Retry-After"]) <= 5
        except (requests.RequestException, HTTPError):
            continue
    injected = world.log.faults.total()
    assert 160 <= injected <= 260
    assert set(world.log.faults) >= set(KINDS) - {"bomb"}
    # Half of a right answer begins like one, too.
    assert 0 <= good - (700 - injected) <= world.log.faults["truncated"]
    assert not world.violations


def test_each_fault_is_what_it_is_called(world: World) -> None:
    package = package_of(world, builder.GITHUB)
    github = Asking(world, builder.GITHUB)
    path = f"/repos/{world.get_truth(package).address}"

    def only(kind: str) -> requests.Response:
        world.faults = Faults(1.0, kinds=[kind])
        return github.get(path)

    for kind in ("timeout", "reset"):
        with pytest.raises(requests.RequestException):
            only(kind)
    with pytest.raises(ValueError, match="char"):
        only("truncated").json()
    assert only("html").headers["Content-Type"].startswith("text/html")
    looping = only("loop").headers["Location"]
    world.faults = None
    assert github.get(looping).headers["Location"] == looping
    assert only("403 primary").headers["X-RateLimit-Remaining"] == "0"
    assert "secondary" in only("403 secondary").text
    assert only("429").headers["Retry-After"]
    assert [only(kind).status_code for kind in ("500", "502", "503")] == [500, 502, 503]
    assert len(only("bomb").content) == 40 << 20
    assert only("drip").json()["full_name"] == world.get_truth(package).address
