"""Metrics and log lines: their format, the secrets that they hide, and when they are written."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import clock, telemetry
from chalicelib.settings import BadSetting, from_environment
from chalicelib.telemetry import METRICS, Metric
from tests.integration.telemetry.conftest import PAGE
from tests.support import emf

Output = pytest.CaptureFixture[str]
SECRET = "secret-0123456789"


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKGRID_METRICS", "1")
    monkeypatch.setenv("PACKGRID_STAGE", "prod")


def test_a_document_of_every_metric_is_as_the_specification_wants_it(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(clock.FREEZE_VARIABLE, "2026-11-23T12:00:00.25Z")
    telemetry.write_metrics({metric: place + 0.5 for place, metric in enumerate(Metric)})
    text = capsys.readouterr().out
    printed = emf.read(text)
    assert json.loads(text)["_aws"]["Timestamp"] == 1795435200250
    wanted = {str(metric): place + 0.5 for place, metric in enumerate(Metric)}
    assert printed.of(Stage="prod") == wanted
    assert len(printed.metrics) == 1, "each set of dimensions is another metric to pay for"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_written(capsys: Output, value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        telemetry.write_metrics({Metric.STALENESS: value})
    assert capsys.readouterr().out == ""


def test_the_page_of_metrics_has_each_with_its_unit() -> None:
    assert dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE)) == METRICS


@pytest.mark.parametrize(
    ("environment", "is_written"),
    [
        ({}, False),
        ({"AWS_LAMBDA_FUNCTION_NAME": "packgrid-dev-plan"}, True),
        ({"AWS_LAMBDA_FUNCTION_NAME": "packgrid-dev-plan", "PACKGRID_METRICS": "0"}, False),
        ({"PACKGRID_METRICS": "0"}, False),
        ({"PACKGRID_METRICS": "1"}, True),
    ],
)
def test_lines_are_written_on_lambda_and_where_they_are_asked_for(
    environment: dict[str, str],
    is_written: bool,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PACKGRID_METRICS")
    monkeypatch.delenv("PACKGRID_STAGE")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    telemetry.write_metrics({Metric.STALENESS: 1})
    telemetry.log("INFO", "event")
    telemetry.log_error("event", ValueError())
    printed = emf.read(capsys.readouterr().out)
    assert (len(printed.lines), printed.of(Stage="local")) == (
        (2, {"StalenessSeconds": 1}) if is_written else (0, {})
    )


@pytest.mark.parametrize("stage", ["two words", "a/b", "-", ":a", "a" * 65, "größe", "a\n"])
def test_a_stage_is_a_plain_name(stage: str) -> None:
    with pytest.raises(BadSetting, match="PACKGRID_STAGE"):
        from_environment({"PACKGRID_STAGE": stage})


@given(text=st.text())
def test_whatever_a_stranger_says_stays_in_its_line(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []
        patch.setattr("sys.stdout", Recorder(written))
        telemetry.log("INFO", "event", text=text, nested={"list": [text]})
    printed = emf.read("".join(written))
    assert len(written) == 1 and written[0].count("\n") == 1
    assert printed.lines == [
        {
            "level": "INFO",
            "event": "event",
            "stage": "prod",
            "text": text,
            "nested": {"list": [text]},
        }
    ]


class Recorder:
    """In place of standard output, where there is none for each example."""

    def __init__(self, written: list[str]) -> None:
        self.write = written.append

    def flush(self) -> None:
        """Nothing is held back."""


def test_secrets_are_left_out_wherever_they_stand(capsys: Output) -> None:
    telemetry.add_secret(SECRET)
    telemetry.add_secret(f"{SECRET}-and-more")
    # Too short for a token: it would be found in other words.
    telemetry.add_secret("level")
    fields: Any = {"a": [f"Bearer {SECRET}"], "b": {SECRET: (SECRET,)}, "c": f"{SECRET}-and-more"}
    telemetry.log("INFO", "event", **fields)
    long = "x" * 490 + SECRET
    for error in (ValueError(long), OSError(f"https://me:{SECRET}@example.org/a: no")):
        telemetry.log_error("broken", error, place=1)
    telemetry.log_error("broken", ValueError("http://user:word@example.org and http://b@c/d@e"))
    text = capsys.readouterr().out
    assert "secret" not in text and "word" not in text
    event, first, second, third = emf.read(text).lines
    assert event["a"] == ["Bearer [token]"]
    assert event["b"] == {"[token]": ["[token]"]}
    assert event["c"] == "[token]"
    assert first["message"] == "x" * 490 + "[token]"
    assert second["message"] == "https://example.org/a: no"
    assert (second["level"], second["error"], second["place"]) == ("ERROR", "OSError", 1)
    assert second["causes"] == []
    assert third["message"] == "http://example.org and http://c/d@e"


def test_an_error_is_told_with_what_it_came_from(capsys: Output) -> None:
    telemetry.add_secret(SECRET)
    first, second = OSError(f"no {SECRET}"), KeyError("name")
    second.__context__ = first
    third, alone = ValueError("better"), ValueError("alone")
    third.__cause__ = second
    # As "from None" has it, and as "raise error from error" has.
    alone.__context__, alone.__suppress_context__ = first, True
    again = ValueError("again")
    again.__context__, again.__cause__ = first, again
    for error in (second, third, alone, again):
        telemetry.log_error("broken", error)
    causes = [line["causes"] for line in emf.read(capsys.readouterr().out).lines]
    assert causes == [
        ["OSError: no [token]"],
        ["KeyError: 'name'", "OSError: no [token]"],
        [],
        ["OSError: no [token]"],
    ]


def test_what_is_reported_says_how_it_ended(capsys: Output) -> None:
    with telemetry.log_run("good") as said:
        said["count"] = 3
    with pytest.raises(KeyError), telemetry.log_run("bad") as said:
        said["count"] = 4
        raise KeyError("name")
    printed = emf.read(capsys.readouterr().out)
    good, bad = printed.line("good"), printed.line("bad")
    assert (good["level"], good["count"]) == ("INFO", 3)
    assert (bad["level"], bad["count"], bad["error"]) == ("ERROR", 4, "KeyError")
    assert bad["message"] == "'name'"
    assert min(good["seconds"], bad["seconds"]) >= 0
