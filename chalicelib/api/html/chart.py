"""Commits by week as bars: one chart of a package, and a row's small one of the same weeks."""

from collections.abc import Sequence
from dataclasses import dataclass

#: More weeks than a year has are not drawn.
WEEKS = 52
#: Geometry in the units of the view box.
WIDTH, HEIGHT = 520, 160
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 2, 10, 28
#: Counts above are drawn as high as this.
_HIGHEST = 10**18
SPARK_WIDTH, SPARK_HEIGHT = 2 * WEEKS, 20


@dataclass(frozen=True, slots=True)
class Bar:
    """A week: where its bar stands, and what it says of itself."""

    x: float
    y: float
    width: float
    height: float
    count: int
    age: int

    @property
    def when(self) -> str:
        """How long ago the week was."""
        return {0: "the latest week", 1: "1 week before"}.get(self.age, f"{self.age} weeks before")

    @property
    def label(self) -> str:
        """The tooltip."""
        return f"{self.count:,} {'commit' if self.count == 1 else 'commits'}, {self.when}"


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of an axis: ``at`` is its x or y."""

    at: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars, oldest week first, and the labels of both axes."""

    bars: tuple[Bar, ...]
    across: tuple[Tick, ...]
    upwards: tuple[Tick, ...]
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
        """What is drawn."""
        return f"Commits in the last {self._weeks}"

    @property
    def none(self) -> str:
        """What there is to say where there is nothing to draw."""
        return f"No commits in the last {self._weeks}"

    @property
    def _weeks(self) -> str:
        return f"{len(self.bars)} weeks" if len(self.bars) > 1 else "week"

    @property
    def summary(self) -> str:
        """What it comes to, for those who do not see the bars too."""
        return f"{self.total:,} in all, {self.peak:,} in the busiest week"


def weeks_of(value: object) -> list[int]:
    """The counts in a package's ``commits_over_52``, oldest first; what is no count is 0."""
    if not isinstance(value, list):
        return []
    return [
        count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 0
        for count in value[-WEEKS:]
    ]


def chart_of(weeks: Sequence[int]) -> Chart | None:
    """The chart of so many weeks, at least one."""
    if not weeks:
        return None
    peak = max(weeks)
    step = _step(min(peak, _HIGHEST))
    ceiling = step * max(1, -(-min(peak, _HIGHEST) // step))
    high = HEIGHT - _TOP - _BOTTOM
    slot = (WIDTH - _LEFT - _RIGHT) / len(weeks)
    bars = []
    for place, count in enumerate(weeks):
        height = round(high * min(count, _HIGHEST) / ceiling, 2)
        x = round(_LEFT + slot * place, 2)
        age = len(weeks) - 1 - place
        bars.append(Bar(x, HEIGHT - _BOTTOM - height, round(slot * 0.78, 2), height, count, age))
    upwards = tuple(
        Tick(round(HEIGHT - _BOTTOM - high * count / ceiling, 2), _short(count), "end")
        for count in range(0, ceiling + 1, step)
    )
    return Chart(tuple(bars), _across(len(weeks), slot), upwards, sum(weeks), peak)


def sparkline(weeks: Sequence[int]) -> str:
    """The weeks as the path of an SVG of ``SPARK_WIDTH`` x ``SPARK_HEIGHT``; none are zero high."""
    peak = max(weeks, default=0)
    return "".join(
        f"M{2 * place + 1} {SPARK_HEIGHT}v-{max(1.0, round(SPARK_HEIGHT * count / peak, 1)):g}"
        for place, count in enumerate(weeks)
        if count
    )


def _across(count: int, slot: float) -> tuple[Tick, ...]:
    """About every quarter of a year, counted back from the latest week."""
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


def _step(peak: int) -> int:
    """The distance of the lines: 1, 2 or 5 times a power of ten, for at most five lines."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if peak <= 4 * power * factor:
                return power * factor
        power *= 10


def _short(count: int) -> str:
    return f"{count:,}" if count < 100_000 else f"{count:.2g}"
