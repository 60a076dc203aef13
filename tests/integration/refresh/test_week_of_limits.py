"""A week without tokens, when the hosts' limits are as low as they get, with four workers."""

import json

from tests.support.upstream.week_process import lived
from tools.fakehosts.builder import BITBUCKET, CODEBERG, GITHUB, GITLAB


def test_no_request_is_past_a_limit(engine: object) -> None:
    shares = json.dumps({GITHUB: 0.6, GITLAB: 0.15, BITBUCKET: 0.15, CODEBERG: 0.1})
    report = lived("--packages", "80", "--no-tokens", "--shares", shares, prefix="limits-")
    assert report.limits == []
    # Both allow 60 an hour: what was asked took hours of waiting, so the limits were felt.
    assert report.requests[GITHUB] > 3 * 60
    assert report.requests[BITBUCKET] > 2 * 60
    assert report.late == {}
    assert report.wrong == []
