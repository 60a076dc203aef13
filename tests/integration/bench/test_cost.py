"""The monthly bill: its arithmetic, prices and counted units, and its target."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.cost.__main__ import format_json, format_text
from bench.cost.bill import GATEWAY
from bench.cost.measurements import Measurements, measure_on_engine
from bench.cost.prices import read_prices
from bench.cost.request_mix import REQUEST_MIX
from bench.cost.scenarios import FIRST, SECOND, Month, Scenario
from bench.cost.stage_config import ROOT, StageConfig, read_stage_config
from bench.cost.usage_meter import measure_table, measure_usage
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
    "Search index reads",
}


@pytest.fixture(scope="module")
def measurements(
    engine: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Measurements]:
    yield measure_on_engine(tmp_path_factory.mktemp("cost"), packages=120, refreshed=60, count=2)


@pytest.fixture(scope="module")
def stage() -> StageConfig:
    return read_stage_config("prod")


def usd(key: str, quantity: float) -> float:
    return read_prices()[key].compute_usd(quantity)


@pytest.mark.usefixtures("tables")
def test_writes_are_counted_by_size_with_their_indexes_and_twice_in_a_transaction() -> None:
    changes.create(category())
    with measure_usage() as used:
        changes.create(package(repo_description="x" * 3000))
    names = PackageItem.Meta.table_name
    size = measure_table(names)
    # The item has the description twice, its body once; the index has the body.
    assert 6 * 1024 < size.scan_bytes < 9 * 1024
    assert used.written[names] == 2 * -(-size.scan_bytes // 1024)
    index = size.stored_bytes - size.scan_bytes - 200
    assert used.written[f"{names} by-slug"] == -(-index // 1024)
    assert used.writes == used.written.total()
    assert used.operations["TransactWriteItems"] == 1


def test_requests_and_packages_scale_what_is_theirs(
    measurements: Measurements, stage: StageConfig
) -> None:
    def lines(scenario: Scenario) -> dict[str, float]:
        bill = Month(measurements, stage, scenario, request_seconds=SLOW).build_bill()
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


def test_both_scenarios_have_all_their_lines(
    measurements: Measurements, stage: StageConfig
) -> None:
    for scenario in (FIRST, SECOND):
        bill = Month(measurements, stage, scenario, request_seconds=SLOW).build_bill()
        assert len(bill.lines) > 20


def test_what_is_printed_has_every_line_for_people_and_for_machines(
    measurements: Measurements, stage: StageConfig
) -> None:
    bills = [Month(measurements, stage, scenario).build_bill() for scenario in (FIRST, SECOND)]
    text = format_text(measurements, stage, bills)
    content = json.loads(format_json(measurements, stage, bills))
    for bill, raw in zip(bills, content["bills"], strict=True):
        assert bill.title in text
        assert f"**{bill.usd:,.2f}**" in text
        assert [line["what"] for line in raw["lines"]] == [line.what for line in bill.lines]
        assert raw["usd"] == pytest.approx(sum(line["usd"] for line in raw["lines"]), abs=0.001)
    assert all(kind.reason in text for kind in REQUEST_MIX)
    assert content["measured"]["day"]["work"]["writes"] == measurements.day.work.writes > 0
    assert content["deployed"]["alarms"] == stage.alarms


def test_what_cannot_be_done_at_that_size_is_said(
    measurements: Measurements, stage: StageConfig
) -> None:
    assert Month(measurements, stage, FIRST).build_bill().notes == []
    assert any(
        "index file" in note for note in Month(measurements, stage, SECOND).build_bill().notes
    )


def test_the_first_scenario_is_under_its_target(
    measurements: Measurements, stage: StageConfig
) -> None:
    """The target is of what an account is asked for that has nothing else in it."""
    bill = Month(measurements, stage, FIRST, request_seconds=SLOW).build_bill()
    assert bill.usd_beyond_free < 6
    assert bill.sum_usd(GATEWAY) > bill.usd_beyond_free / 2


def test_the_document_has_the_lines_of_the_template(stage: StageConfig) -> None:
    text = (ROOT / "docs" / "cost.md").read_text()
    builds = 24 * 60 * 30.5 / stage.minutes["publish"]
    for start in (
        f"| Alarms | {stage.alarms} | ",
        f"| Dashboards | {stage.dashboards} | ",
        f"| Metrics of our own | {stage.metrics} | ",
    ):
        assert text.count(start) == 2, start
    assert text.count("times: reads |") == 2
    documented = int(text.split("Publish, ")[1].split()[0])
    assert abs(documented - builds) < 10
