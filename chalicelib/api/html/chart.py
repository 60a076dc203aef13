"""Commits by week: the bar chart of a package, and the small one in a table's row."""

from collections.abc import Sequence
from dataclasses import dataclass

#: The most weeks that are drawn, about a year.
MAX_WEEKS = 52
#: Geometry in the units of the view box.
WIDTH, HEIGHT = 520, 160
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 2, 10, 28
#: Higher counts are drawn as high as this.
_MAX_COUNT = 10**18
SPARK_WIDTH, SPARK_HEIGHT = 2 * MAX_WEEKS, 20


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of a week; ``age`` is in weeks before the latest one."""

    x: float
    y: float
    width: float
    height: float
    count: int
    age: int

    @property
    def when(self) -> str:
        """The week's age in words."""
        return {0: "the latest week", 1: "1 week before"}.get(self.age, f"{self.age} weeks before")

    @property
    def label(self) -> str:
        """The tooltip."""
        return f"{self.count:,} {'commit' if self.count == 1 else 'commits'}, {self.when}"


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of an axis; ``at`` is its x or y."""

    at: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars, oldest week first, and the labels of both axes."""

    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    total: int
    peak: int

    left = _LEFT
    right = WIDTH - _RIGHT
    top = _TOP
    bottom = HEIGHT - _BOTTOM
    width = WIDTH
    height = HEIGHT

    @property
    def title(self) -> str:
        """The caption."""
        return f"Commits in the last {self._weeks}"

    @property
    def empty_title(self) -> str:
        """The caption if there were no commits."""
        return f"No commits in the last {self._weeks}"

    @property
    def _weeks(self) -> str:
        return f"{len(self.bars)} weeks" if len(self.bars) > 1 else "week"

    @property
    def summary(self) -> str:
        """The total and the peak in words, also for people who cannot see the bars."""
        return f"{self.total:,} in all, {self.peak:,} in the busiest week"


def get_weeks(value: object) -> list[int]:
    """Return the counts in a package's ``commits_over_52``, oldest first; other values count 0."""
    if not isinstance(value, list):
        return []
    return [
        count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 0
        for count in value[-MAX_WEEKS:]
    ]


def build_chart(weeks: Sequence[int]) -> Chart | None:
    """Return the chart of the weeks; ``None`` if there are none."""
    if not weeks:
        return None
    peak = max(weeks)
    step = _choose_step(min(peak, _MAX_COUNT))
    ceiling = step * max(1, -(-min(peak, _MAX_COUNT) // step))
    plot_height = HEIGHT - _TOP - _BOTTOM
    slot = (WIDTH - _LEFT - _RIGHT) / len(weeks)
    bars = []
    for index, count in enumerate(weeks):
        height = round(plot_height * min(count, _MAX_COUNT) / ceiling, 2)
        x = round(_LEFT + slot * index, 2)
        age = len(weeks) - 1 - index
        bars.append(Bar(x, HEIGHT - _BOTTOM - height, round(slot * 0.78, 2), height, count, age))
    y_ticks = tuple(
        Tick(
            round(HEIGHT - _BOTTOM - plot_height * count / ceiling, 2), _format_count(count), "end"
        )
        for count in range(0, ceiling + 1, step)
    )
    return Chart(tuple(bars), _build_x_ticks(len(weeks), slot), y_ticks, sum(weeks), peak)


def build_sparkline(weeks: Sequence[int]) -> str:
    """Return the path of an SVG of ``SPARK_WIDTH`` x ``SPARK_HEIGHT``.

    Weeks without commits are left out; any other is at least 1 high.
    """
    peak = max(weeks, default=0)
    return "".join(
        f"M{2 * index + 1} {SPARK_HEIGHT}v-{max(1.0, round(SPARK_HEIGHT * count / peak, 1)):g}"
        for index, count in enumerate(weeks)
        if count
    )


def _build_x_ticks(count: int, slot: float) -> tuple[Tick, ...]:
    """Return a tick for about every quarter of a year, counted back from the latest week."""
    middle = slot * 0.39
    ticks = [
        Tick(round(WIDTH - _RIGHT - slot * (age + 1) + middle, 2), f"\u2212{age}")
        for age in range(0, count, 13)
        if age
    ]
    first = Tick(_LEFT, f"{count - 1} weeks before", "start")
    latest = Tick(WIDTH - _RIGHT, "latest week", "end")
    inner = [tick for tick in reversed(ticks) if _LEFT + 110 < tick.at < WIDTH - _RIGHT - 90]
    return (first, *inner, latest) if count > 1 else (latest,)


def _choose_step(peak: int) -> int:
    """Return the distance of grid lines: 1, 2 or 5 times a power of ten, at most five lines."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if peak <= 4 * power * factor:
                return power * factor
        power *= 10


def _format_count(count: int) -> str:
    return f"{count:,}" if count < 100_000 else f"{count:.2g}"
