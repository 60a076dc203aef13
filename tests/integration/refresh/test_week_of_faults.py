"""A week on which three in ten answers of every host are faults of all kinds."""

from tests.support.upstream.week_process import lived
from tools.fakehosts.faults import KINDS


def test_faults_delay_nothing_for_more_than_a_day_and_spoil_nothing(engine: object) -> None:
    report = lived("--packages", "100", "--faults", "0.3", prefix="faults-")
    total = sum(report.requests.values())
    # Three in ten; the last day has none, and where a redirect leads is answered as it is.
    assert sum(report.faults.values()) > 0.2 * total > 100
    assert {*report.faults} >= {*KINDS} - {"bomb"}
    assert report.late == {}
    assert report.backwards == []
    assert report.wrong == []
    assert report.limits == []
    assert report.peak_mb < 200
