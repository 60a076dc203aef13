"""``make cost``: the monthly bill of two scenarios.

    python -m bench.cost [--stage prod] [--json]

Requests, read and write units, bytes and S3 operations are counted; CPU is that of this machine;
the rest is in ``assumptions``. Figures never fail: the exit code is 0.
"""

import argparse
import json
import sys
from dataclasses import fields
from typing import Any

from bench.cost.assumptions import REASONS, Assumptions
from bench.cost.bill import Bill, table
from bench.cost.deployed import Deployed, deployed
from bench.cost.measuring import Measured, measure
from bench.cost.mix import MIX
from bench.cost.prices import prices
from bench.cost.scenarios import FIRST, SECOND, Month


def main() -> int:
    """Measure, and print the bills; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.cost")
    parser.add_argument("--packages", type=int, default=FIRST.packages)
    parser.add_argument("--refreshed", type=int, default=250, help="packages of the day measured")
    parser.add_argument("--count", type=int, default=10, help="requests of each kind")
    parser.add_argument("--stage", default="prod")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    stage = deployed(options.stage)
    found = measure(options.packages, options.refreshed, options.count)
    bills = [Month(found, stage, scenario).bill() for scenario in (FIRST, SECOND)]
    print(as_json(found, stage, bills) if options.json else as_text(found, stage, bills))
    return 0


def as_text(found: Measured, stage: Deployed, bills: list[Bill]) -> str:
    """The bills as Markdown, and what they were made of."""
    lines = []
    for bill in bills:
        lines += [f"## {bill.title}", "", *table(bill), ""]
        free = f"{bill.usd_beyond_free:,.2f} USD"
        lines += [f"To pay, less what every account has for nothing each month: {free}.", ""]
        for note in bill.notes:
            lines += [note, ""]
    return "\n".join([*lines, *_explained(found, stage)])


def as_json(found: Measured, stage: Deployed, bills: list[Bill]) -> str:
    """All of it, for machines."""
    content = {
        "bills": [bill.as_json() for bill in bills],
        "measured": found,
        "deployed": stage,
        "assumed": Assumptions(),
    }
    return json.dumps(content, indent=1, default=_fields)


def _fields(value: Any) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _explained(found: Measured, stage: Deployed) -> list[str]:
    first, last = prices().dates
    days = str(first) if first == last else f"{first} to {last}"
    day = found.day
    used = day.plan + day.work
    lines = [
        f"Prices: {prices().region}, looked up {days} in stored public pages: "
        "bench/cost/prices.json.",
        "The bills leave free tiers out.",
        f"Template: {stage.source}.",
        f"Measured: {len(MIX)} kinds of requests to a catalogue of {found.packages:,}; one publish "
        f"({found.publish.reads:,.0f} read units, {found.publish.cpu:.1f} s CPU, a segment of "
        f"{found.segment:,} bytes) and one enrolment ({found.enrol.reads:,.0f}).",
        f"Measured and scaled by package: a round of the refresh over {day.packages:,} packages, "
        f"{day.changed} of them changed: {used.writes:,.0f} write units "
        f"({used.writes / day.packages:.1f} a package), {used.reads:,.0f} read units, "
        f"{day.messages} messages, {day.requests} requests to hosts.",
        "Its write units: "
        + ", ".join(f"{name} {units:,}" for name, units in used.written.most_common())
        + ".",
        "Of the requests:",
    ]
    for kind, each in zip(MIX, found.served, strict=True):
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
