"""The bill: its arithmetic, its prices, what it counts, and what it must come to."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bench.cost.__main__ import as_json, as_text
from bench.cost.bill import GATEWAY, Bill, table
from bench.cost.deployed import ROOT, Deployed, deployed
from bench.cost.measuring import Measured, measured
from bench.cost.metering import metered, size_of
from bench.cost.mix import MIX
from bench.cost.prices import TABLE, prices
from bench.cost.scenarios import FIRST, SECOND, Month, Scenario
from chalicelib.catalog import changes
from chalicelib.storage.models import PackageItem
from tests.support.entities import category, package

#: More than a request takes on Lambda by any measurement; CPU here must decide nothing.
SLOW = 0.05
OF_REQUESTS = {
    "Requests to the API",
    "Invocations for them",
    "Duration for them, with cold starts",
    "Reads for them",
    "Answers sent out",
    "Requests traced",
    "Index looked after",
}


@pytest.fixture(scope="module")
def found(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    yield measured(tmp_path_factory.mktemp("cost"), packages=120, refreshed=60, count=2)


@pytest.fixture(scope="module")
def stage() -> Deployed:
    return deployed("prod")


def usd(key: str, quantity: float) -> float:
    return prices()[key].usd(quantity)


def test_each_tier_has_its_own_price() -> None:
    assert usd("gateway.requests", 1e6) == pytest.approx(3.50)
    assert usd("gateway.requests", 333e6) == pytest.approx(333 * 3.50)
    assert usd("gateway.requests", 400e6) == pytest.approx(333 * 3.50 + 67 * 2.80)
    expected = 333 * 3.50 + 667 * 2.80 + 19_000 * 2.38 + 1_000 * 1.51
    assert usd("gateway.requests", 21e9) == pytest.approx(expected)
    assert usd("gateway.requests", 0) == 0


def test_every_price_has_a_date_a_source_a_unit_and_tiers_that_rise() -> None:
    rows = json.loads(TABLE.read_text())["prices"]
    assert len({row["key"] for row in rows}) == len(rows)
    for row in rows:
        assert date(2024, 1, 1) < date.fromisoformat(row["looked_up"])
        assert row["source"]
        assert row["unit"]
        assert row["per"] > 0
        bounds = [tier["up_to"] for tier in row["tiers"]]
        assert bounds[-1] is None
        assert bounds[:-1] == sorted(set(bounds[:-1]))
        assert all(tier["usd"] >= 0 for tier in row["tiers"])


def test_a_bill_is_the_sum_of_its_lines_and_prints_all_of_them() -> None:
    bill = Bill("title")
    bill.add("Requests", "gateway.requests", 2e6)
    bill.add("Reads", "dynamodb.reads", 8e6)
    bill.add("Nothing", "dynamodb.writes", 0)
    assert [line.usd for line in bill.lines] == pytest.approx([7.0, 1.0])
    assert bill.usd == pytest.approx(8.0)
    assert bill.gateway_share == pytest.approx(7 / 8)
    printed = "\n".join(table(bill))
    assert "| Reads | 8 | million read request units | 0.125 | 1.00 | 12% |" in printed
    assert "**8.00**" in printed
    assert bill.as_json()["usd"] == pytest.approx(8.0)


def test_an_allowance_is_given_once_for_all_lines_of_a_price() -> None:
    bill = Bill("title")
    bill.add("One", "sqs.requests", 800_000)
    bill.add("Other", "sqs.requests", 700_000)
    assert bill.usd == pytest.approx(0.6)
    assert bill.usd_beyond_free == pytest.approx(0.2)


def test_the_mix_is_whole() -> None:
    assert sum(kind.share for kind in MIX) == pytest.approx(1.0)
    assert all(kind.reason for kind in MIX)


@pytest.mark.usefixtures("tables")
def test_writes_are_counted_by_size_with_their_indexes_and_twice_in_a_transaction() -> None:
    changes.create(category())
    with metered() as used:
        changes.create(package(repo_description="x" * 3000))
    names = PackageItem.Meta.table_name
    size = size_of(names)
    # The item has the description twice, its body once; the index has the body.
    assert 6 * 1024 < size.scan_bytes < 9 * 1024
    assert used.written[names] == 2 * -(-size.scan_bytes // 1024)
    index = size.stored_bytes - size.scan_bytes - 200
    assert used.written[f"{names} by-slug"] == -(-index // 1024)
    assert used.writes == used.written.total()
    assert used.operations["TransactWriteItems"] == 1


def test_requests_and_packages_scale_what_is_theirs(found: Measured, stage: Deployed) -> None:
    def lines(scenario: Scenario) -> dict[str, float]:
        bill = Month(found, stage, scenario, request_seconds=SLOW).bill()
        return {line.what: line.quantity for line in bill.lines}

    once = lines(FIRST)
    twice = lines(replace(FIRST, requests=2 * FIRST.requests))
    assert once.keys() >= OF_REQUESTS
    doubled = {what for what in once if twice[what] == pytest.approx(2 * once[what])}
    assert doubled == OF_REQUESTS
    larger = lines(replace(FIRST, packages=2 * FIRST.packages))
    assert larger["Refresh: writes"] == pytest.approx(2 * once["Refresh: writes"])
    assert larger["Tables and indexes"] == pytest.approx(2 * once["Tables and indexes"])
    assert larger["Requests to the API"] == once["Requests to the API"]


def test_both_scenarios_have_all_their_lines(found: Measured, stage: Deployed) -> None:
    for scenario in (FIRST, SECOND):
        bill = Month(found, stage, scenario, request_seconds=SLOW).bill()
        assert len(bill.lines) > 20


def test_what_is_printed_has_every_line_for_people_and_for_machines(
    found: Measured, stage: Deployed
) -> None:
    bills = [Month(found, stage, scenario).bill() for scenario in (FIRST, SECOND)]
    text = as_text(found, stage, bills)
    content = json.loads(as_json(found, stage, bills))
    for bill, raw in zip(bills, content["bills"], strict=True):
        assert bill.title in text
        assert f"**{bill.usd:,.2f}**" in text
        assert [line["what"] for line in raw["lines"]] == [line.what for line in bill.lines]
        assert raw["usd"] == pytest.approx(sum(line["usd"] for line in raw["lines"]), abs=0.001)
    assert all(kind.reason in text for kind in MIX)
    assert content["measured"]["day"]["work"]["writes"] == found.day.work.writes > 0
    assert content["deployed"]["alarms"] == stage.alarms


def test_what_cannot_be_done_at_that_size_is_said(found: Measured, stage: Deployed) -> None:
    assert Month(found, stage, FIRST).bill().notes == []
    assert any("segment" in note for note in Month(found, stage, SECOND).bill().notes)


def test_what_is_deployed_is_read_from_the_template(tmp_path: Path) -> None:
    (tmp_path / ".chalice").mkdir()
    config = {"stages": {"prod": {"lambda_memory_size": 512}}, "minimum_compression_size": 0}
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(config))
    assert deployed("prod", tmp_path).alarms == 0
    template = """
Mappings: {Stages: {prod: {Plan: rate(10 minutes), LogDays: 7}}}
Parameters: {Tracing: {Default: Active}}
Resources:
  One: {Type: AWS::CloudWatch::Alarm, Properties: {Dimensions: !Ref Other}}
  Two: {Type: AWS::CloudWatch::Alarm}
  Work: {Properties: {Events: {Q: {ScalingConfig: {MaximumConcurrency: 2}}}}}
  Rule: {Type: AWS::XRay::SamplingRule, Properties: {SamplingRule: {FixedRate: 0.01}}}
"""
    (tmp_path / ".chalice" / "resources.yaml").write_text(template)
    read = deployed("prod", tmp_path)
    assert (read.alarms, read.dashboards, read.pollers, read.traced) == (2, 0, 5, 0.01)
    assert (read.log_days, read.minutes["plan"], read.memory["work"]) == (7, 10, 512)
    assert read.compressed


def test_the_first_scenario_is_under_its_target(found: Measured, stage: Deployed) -> None:
    """The target is of what an account is asked for that has nothing else in it."""
    bill = Month(found, stage, FIRST, request_seconds=SLOW).bill()
    assert bill.usd_beyond_free < 6
    assert bill.usd_of(GATEWAY) > bill.usd_beyond_free / 2


def test_the_document_has_the_lines_of_the_template(stage: Deployed) -> None:
    text = (ROOT / "docs" / "cost.md").read_text()
    builds = 24 * 60 * 30.5 / stage.minutes["publish"]
    for start in (
        f"| Alarms | {stage.alarms} | ",
        f"| Dashboards | {stage.dashboards} | ",
        f"| Metrics of our own | {stage.metrics} | ",
    ):
        assert text.count(start) == 2, start
    assert text.count("times: reads |") == 2
    said = int(text.split("Publish, ")[1].split()[0])
    assert abs(said - builds) < 10
