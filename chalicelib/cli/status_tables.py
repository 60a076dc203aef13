"""Tables of a refresh: its plan, its results, and how things stand."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from chalicelib.cli.output import plain
from chalicelib.cli.progress_board import WORDS, Board
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.fetch_result import Host
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.status import Left, Standing
from chalicelib.storage import sources
from chalicelib.storage.refresh_models import SourceItem

_MOST_REASONS = 20
#: Of a file, which has no width: enough that nothing is cut.
_WIDTH = 240


def print_plan(hosts: Mapping[str, Host], batches: Sequence[Batch]) -> None:
    """What would be asked of each host."""
    packages: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    for batch in batches:
        packages[batch.host] += len(batch.packages)
        groups[batch.host] += 1
    _print(
        ("host", "sources", "batches"),
        [(host, packages[host], groups[host]) for host in hosts if packages[host]],
    )
    print("dry run: nothing was asked and nothing written")


def print_results(board: Board) -> None:
    """What became of the packages of each host, and why of those that failed."""
    rows = [
        (host, *(counts[result] for result in RefreshStatus), board.requests[host])
        for host, counts in board.counts.items()
    ]
    if not rows:
        print("nothing is due")
        return
    _print(("host", *(WORDS[result] for result in RefreshStatus), "requests"), rows)
    _print_reasons(board.reasons())


def print_standing(found: Standing, left: Iterable[Left], now: float) -> None:
    """Ages, failures and budgets."""
    rows: list[tuple[object, ...]] = []
    for host in sorted(found.asked):
        ages = [_age(found.age(host, share)) for share in (0.5, 0.99, 1.0)]
        counts = [table[host] for table in (found.due, found.never, found.failing, found.gone)]
        rows.append((host, found.asked[host], *ages, *counts))
    every = [_age(found.age(None, share)) for share in (0.5, 0.99, 1.0)]
    sums = [sum(t.values()) for t in (found.due, found.never, found.failing, found.gone)]
    rows.append(("all", sum(found.asked.values()), *every, *sums))
    head = ("host", "sources", "age p50", "p99", "oldest", "due", "never", "failing", "gone")
    _print(head, rows)
    print(f"repositories that no host of ours has: {found.unsupported}")
    _print_reasons(found.reasons)
    _print(
        ("host", "budget", "left", "of", "full again", "blocked until"),
        [
            (
                one.host,
                one.meter,
                one.remaining,
                one.limit,
                _instant(one.reset),
                _instant(one.blocked_until),
            )
            for one in left
        ],
    )


def print_package(rows: Sequence[SourceItem], now: float) -> None:
    """Where the figures of one package are from."""
    if not rows:
        print("no source is known of this package")
    for row in rows:
        print(plain(f"{row.kind}: {row.host} {row.address}"))
        for name in ("checked", "due", "failed_at", "gone_since"):
            if (instant := sources.instant(row, name)) is not None:
                print(f"  {name}: {_instant(instant)}")
        if row.reason:
            print(plain(f"  reason: {row.reason} ({int(row.failures or 0)} times)"))
        table = [(name, *mark) for name, mark in sorted((row.provenance or {}).items())]
        _print(("figure", "source", "fetched at", "token"), table)


def _print_reasons(reasons: Counter[tuple[str, str]]) -> None:
    for (host, reason), number in reasons.most_common(_MOST_REASONS):
        print(plain(f"{host}: {number} x {reason}"))
    if len(reasons) > _MOST_REASONS:
        print(f"and {len(reasons) - _MOST_REASONS} other reasons")


def _print(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if not rows:
        return
    table = Table(*head)
    numbers = [any(isinstance(row[place], int) for row in rows) for place in range(len(head))]
    for column, is_number in zip(table.columns, numbers, strict=True):
        # Nothing is cut: numbers have their width, and of texts what has no room is below.
        column.no_wrap, column.overflow = is_number, "fold"
        column.justify = "right" if is_number else "left"
    # Of texts the first, a name, is the last to go on below.
    table.columns[0].no_wrap = not all(numbers[1:])
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else plain(cell) for cell in row))
    console = Console(file=sys.stdout, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    if console.measure(table, options=console.options.update(width=_WIDTH)).maximum > console.width:
        table.padding = (0, 0)
    console.print(table)


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86400:.1f} d"


def _instant(seconds: float | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
