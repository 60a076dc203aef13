"""Tables of a refresh: its plan, its results, and the status of all sources."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from chalicelib.cli.output import plain
from chalicelib.cli.progress_board import WORDS, ProgressBoard
from chalicelib.refresh.batch import Batch
from chalicelib.refresh.hosts.base import Host
from chalicelib.refresh.result_writer import RefreshStatus
from chalicelib.refresh.status import MeterStatus, SourceStatistics
from chalicelib.storage import sources
from chalicelib.storage.refresh_models import SourceItem

_MAX_REASONS = 20
#: The width of a table in a file: enough that nothing is cut.
_FILE_WIDTH = 240


def print_plan(hosts: Mapping[str, Host], batches: Sequence[Batch]) -> None:
    """Print how many sources and batches each host would be asked about."""
    packages: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    for batch in batches:
        packages[batch.host] += len(batch.packages)
        groups[batch.host] += 1
    _print_table(
        ("host", "sources", "batches"),
        [(host, packages[host], groups[host]) for host in hosts if packages[host]],
    )
    print("dry run: nothing was asked and nothing written")


def print_results(board: ProgressBoard) -> None:
    """Print the packages of each host by status, and the reasons of those that failed."""
    rows = [
        (host, *(counts[result] for result in RefreshStatus), board.requests[host])
        for host, counts in board.counts.items()
    ]
    if not rows:
        print("nothing is due")
        return
    _print_table(("host", *(WORDS[result] for result in RefreshStatus), "requests"), rows)
    _print_reasons(board.reasons())


def print_standing(standing: SourceStatistics, budgets: Iterable[MeterStatus]) -> None:
    """Print the ages and failures of all sources, and what is left of the hosts' limits."""
    rows: list[tuple[object, ...]] = []
    counters = (standing.due, standing.never, standing.failing, standing.gone)
    for host in sorted(standing.asked):
        ages = [_format_age(standing.get_age(host, share)) for share in (0.5, 0.99, 1.0)]
        rows.append((host, standing.asked[host], *ages, *(counter[host] for counter in counters)))
    ages = [_format_age(standing.get_age(None, share)) for share in (0.5, 0.99, 1.0)]
    sums = [sum(counter.values()) for counter in counters]
    rows.append(("all", sum(standing.asked.values()), *ages, *sums))
    head = ("host", "sources", "age p50", "p99", "oldest", "due", "never", "failing", "gone")
    _print_table(head, rows)
    print(f"repositories at unsupported hosts: {standing.unsupported}")
    _print_reasons(standing.reasons)
    _print_table(
        ("host", "budget", "left", "of", "full again", "blocked until"),
        [
            (
                budget.host,
                budget.meter,
                budget.remaining,
                budget.limit,
                _format_instant(budget.reset),
                _format_instant(budget.blocked_until),
            )
            for budget in budgets
        ],
    )


def print_package(rows: Sequence[SourceItem]) -> None:
    """Print the sources of one package, and which call each figure came from."""
    if not rows:
        print("this package has no sources")
    for row in rows:
        print(plain(f"{row.kind}: {row.host} {row.address}"))
        for name in ("checked", "due", "failed_at", "gone_since"):
            if (instant := sources.get_timestamp(row, name)) is not None:
                print(f"  {name}: {_format_instant(instant)}")
        if row.reason:
            print(plain(f"  reason: {row.reason} ({int(row.failures or 0)} times)"))
        table = [(name, *mark) for name, mark in sorted((row.provenance or {}).items())]
        _print_table(("figure", "source", "fetched at", "token"), table)


def _print_reasons(reasons: Counter[tuple[str, str]]) -> None:
    for (host, reason), number in reasons.most_common(_MAX_REASONS):
        print(plain(f"{host}: {number} x {reason}"))
    if len(reasons) > _MAX_REASONS:
        print(f"and {len(reasons) - _MAX_REASONS} other reasons")


def _print_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table of which nothing is cut: numbers keep their width, and texts wrap."""
    if not rows:
        return
    table = Table(*head)
    numbers = [any(isinstance(row[place], int) for row in rows) for place in range(len(head))]
    for column, is_number in zip(table.columns, numbers, strict=True):
        column.no_wrap, column.overflow = is_number, "fold"
        column.justify = "right" if is_number else "left"
    # The first column, a name, wraps only if no other column can.
    table.columns[0].no_wrap = not all(numbers[1:])
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else plain(cell) for cell in row))
    console = Console(file=sys.stdout, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    options = console.options.update(width=_FILE_WIDTH)
    if console.measure(table, options=options).maximum > console.width:
        table.padding = (0, 0)
    console.print(table)


def _format_age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86400:.1f} d"


def _format_instant(seconds: float | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
