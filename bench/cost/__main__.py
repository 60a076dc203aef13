"""``make cost``: the monthly bill of two scenarios.

    python -m bench.cost [--stage prod] [--json]

Requests, read and write units, bytes and S3 operations are counted, CPU is measured on this
machine, and everything else is in ``assumptions``. The exit code is always 0.
"""

import argparse
import json
import sys
from dataclasses import fields
from typing import Any

from bench.cost.assumptions import REASONS, Assumptions
from bench.cost.bill import Bill, format_table
from bench.cost.measurements import Measurements, measure
from bench.cost.prices import read_prices
from bench.cost.request_mix import REQUEST_MIX
from bench.cost.scenarios import FIRST, SECOND, Month
from bench.cost.stage_config import StageConfig, read_stage_config


def main() -> int:
    """Measure and print the bills; return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.cost")
    parser.add_argument("--packages", type=int, default=FIRST.packages)
    parser.add_argument("--refreshed", type=int, default=250, help="packages of the day measured")
    parser.add_argument("--count", type=int, default=10, help="requests of each kind")
    parser.add_argument("--stage", default="prod")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    stage = read_stage_config(options.stage)
    measurements = measure(options.packages, options.refreshed, options.count)
    bills = [Month(measurements, stage, scenario).build_bill() for scenario in (FIRST, SECOND)]
    print(
        format_json(measurements, stage, bills)
        if options.json
        else format_text(measurements, stage, bills)
    )
    return 0


def format_text(measurements: Measurements, stage: StageConfig, bills: list[Bill]) -> str:
    """Return the bills as Markdown, with the measurements behind them."""
    lines = []
    for bill in bills:
        lines += [f"## {bill.title}", "", *format_table(bill), ""]
        free = f"{bill.usd_beyond_free:,.2f} USD"
        lines += [f"To pay after the monthly allowances that never end: {free}.", ""]
        for note in bill.notes:
            lines += [note, ""]
    return "\n".join([*lines, *_explain(measurements, stage)])


def format_json(measurements: Measurements, stage: StageConfig, bills: list[Bill]) -> str:
    """Return bills, measurements and assumptions as JSON."""
    content = {
        "bills": [bill.to_json() for bill in bills],
        "measured": measurements,
        "deployed": stage,
        "assumed": Assumptions(),
    }
    return json.dumps(content, indent=1, default=_get_fields)


def _get_fields(value: Any) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _explain(measurements: Measurements, stage: StageConfig) -> list[str]:
    first, last = read_prices().dates
    days = str(first) if first == last else f"{first} to {last}"
    day = measurements.day
    used = day.plan + day.work
    lines = [
        f"Prices: {read_prices().region}, looked up {days} in stored public pages: "
        "bench/cost/prices.json.",
        "The bills leave free tiers out.",
        f"Template: {stage.source}.",
        f"Measured: {len(REQUEST_MIX)} kinds of requests to a catalogue of "
        f"{measurements.packages:,}; one publish ({measurements.publish.reads:,.0f} read units, "
        f"{measurements.publish.cpu:.1f} s CPU, an index file of {measurements.index_bytes:,} "
        f"bytes) and one enrolment ({measurements.enrol.reads:,.0f}).",
        f"Measured and scaled by package: a round of the refresh over {day.packages:,} packages, "
        f"{day.changed} of them changed: {used.writes:,.0f} write units "
        f"({used.writes / day.packages:.1f} a package), {used.reads:,.0f} read units, "
        f"{day.messages} messages, {day.requests} requests to hosts.",
        "Its write units: "
        + ", ".join(f"{name} {units:,}" for name, units in used.written.most_common())
        + ".",
        "Of the requests:",
    ]
    for kind, each in zip(REQUEST_MIX, measurements.served, strict=True):
        lines.append(
            f"  {kind.share:4.0%} {kind.name}: {each.used.reads:g} read units, "
            f"{each.used.cpu * 1000:.1f} ms CPU, {each.bytes:,.0f} bytes "
            f"({each.gzipped:,.0f} gzipped); {kind.reason}"
        )
    lines.append("Assumed:")
    assumed = Assumptions()
    lines += [f"  {getattr(assumed, f.name):g} {REASONS[f.name]}" for f in fields(assumed)]
    return lines


if __name__ == "__main__":
    sys.exit(main())
