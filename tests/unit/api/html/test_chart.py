"""The geometry of the commit chart, and data that is no chart."""

import pytest

from chalicelib.api.html import chart


@pytest.mark.parametrize("peak", [0, 1, 4, 5, 8, 9, 99, 1000, 2**63 - 1, 10**400])
def test_every_bar_is_within_the_axes(peak: int) -> None:
    drawn = chart.build_chart([peak, 0, peak // 2])
    assert drawn is not None
    for bar in drawn.bars:
        assert chart.Chart.top - 0.01 <= bar.y <= chart.Chart.bottom
        assert bar.y + bar.height == pytest.approx(chart.Chart.bottom)
        assert chart.Chart.left <= bar.x < bar.x + bar.width <= chart.Chart.right
    assert 2 <= len(drawn.y_ticks) <= 5


def test_what_is_no_list_of_counts_is_no_chart() -> None:
    assert chart.get_weeks("1,2") == chart.get_weeks(None) == chart.get_weeks({}) == []
    assert chart.get_weeks([1, "2", None, -3, True, 2.5, [4]]) == [1, 0, 0, 0, 0, 0, 0]
    assert chart.build_chart([]) is None
