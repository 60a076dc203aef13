"""The arithmetic of a bill, the list of prices, and what is read from the template."""

import json
from datetime import date
from pathlib import Path

import pytest

from bench.cost.bill import Bill, format_table
from bench.cost.prices import PRICES_FILE, read_prices
from bench.cost.request_mix import REQUEST_MIX
from bench.cost.stage_config import read_stage_config


def usd(key: str, quantity: float) -> float:
    return read_prices()[key].compute_usd(quantity)


def test_each_tier_has_its_own_price() -> None:
    assert usd("gateway.requests", 1e6) == pytest.approx(3.50)
    assert usd("gateway.requests", 333e6) == pytest.approx(333 * 3.50)
    assert usd("gateway.requests", 400e6) == pytest.approx(333 * 3.50 + 67 * 2.80)
    expected = 333 * 3.50 + 667 * 2.80 + 19_000 * 2.38 + 1_000 * 1.51
    assert usd("gateway.requests", 21e9) == pytest.approx(expected)
    assert usd("gateway.requests", 0) == 0


def test_every_price_has_a_date_a_source_a_unit_and_tiers_that_rise() -> None:
    rows = json.loads(PRICES_FILE.read_text())["prices"]
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
    printed = "\n".join(format_table(bill))
    assert "| Reads | 8 | million read request units | 0.125 | 1.00 | 12% |" in printed
    assert "**8.00**" in printed
    assert bill.to_json()["usd"] == pytest.approx(8.0)


def test_an_allowance_is_given_once_for_all_lines_of_a_price() -> None:
    bill = Bill("title")
    bill.add("One", "sqs.requests", 800_000)
    bill.add("Other", "sqs.requests", 700_000)
    assert bill.usd == pytest.approx(0.6)
    assert bill.usd_beyond_free == pytest.approx(0.2)


def test_the_mix_is_whole() -> None:
    assert sum(kind.share for kind in REQUEST_MIX) == pytest.approx(1.0)
    assert all(kind.reason for kind in REQUEST_MIX)


def test_what_is_deployed_is_read_from_the_template(tmp_path: Path) -> None:
    (tmp_path / ".chalice").mkdir()
    config = {"stages": {"prod": {"lambda_memory_size": 512}}, "minimum_compression_size": 0}
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(config))
    assert read_stage_config("prod", tmp_path).alarms == 0
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
    read = read_stage_config("prod", tmp_path)
    assert (read.alarms, read.dashboards, read.pollers, read.traced) == (2, 0, 5, 0.01)
    assert (read.log_days, read.minutes["plan"], read.memory["work"]) == (7, 10, 512)
    assert read.compressed
