"""Names in docs/security.md and docs/operating.md exist in the tree or in the template."""

import json
import re
from typing import Any

import pytest

from deploy.package import ROOT
from tests.integration.deploy.conftest import Packaged

SECURITY = (ROOT / "docs" / "security.md").read_text()
OPERATING = (ROOT / "docs" / "operating.md").read_text()
DISPOSITIONS = {"met", "accepted", "not applicable"}
_NAME = re.compile(r"`([^`]+)`")


def section(text: str, title: str) -> str:
    """What is below a heading, up to the next of its level or above."""
    _, heading, rest = text.partition(f"# {title}\n")
    assert heading, f"there is no section {title}"
    return re.split(r"^##? |^### ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of all tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = {at for at, row in enumerate(cells) if set("".join(row)) <= set("-: ")}
    return [row for at, row in enumerate(cells) if at not in rules and at + 1 not in rules]


def is_there(name: str, template: dict[str, Any]) -> bool:
    """Whether a name is a file, a test (``file::name``), or a place in the template."""
    path, _, test = name.partition("::")
    if (ROOT / path).is_file():
        return not test or f"def {test}(" in (ROOT / path).read_text()
    first, *rest = name.split(".")
    if first in template["Resources"]:
        resource = template["Resources"][first]
        place: Any = resource if rest and rest[0] in resource else resource.get("Properties", {})
    else:
        place = template.get(first)
    for part in rest:
        if not isinstance(place, dict) or part not in place:
            return False
        place = place[part]
    return place is not None


def test_every_name_in_the_tables_of_security_is_there(prod: Packaged) -> None:
    named = {name for row in rows(SECURITY) for cell in row for name in _NAME.findall(cell)}
    # What a row says may be code, too.
    named -= {"/", "prod"}
    assert len(named) > 70
    assert sorted(name for name in named if not is_there(name, prod.template)) == []


@pytest.mark.parametrize(
    "name",
    [
        "chalicelib/api/nothing.py",
        "tests/integration/deploy/test_functions.py::test_the_api_can_write",
        "RestAPI.Nothing",
        "Nothing.Properties",
        "CdnDistribution.DistributionConfig.DefaultCacheBehavior.Nothing",
        "RestAPI.MethodSettings.Nothing",
    ],
)
def test_what_is_not_there_is_found(name: str, prod: Packaged) -> None:
    assert not is_there(name, prod.template)


def test_every_threat_and_risk_says_where_it_is_met() -> None:
    for title in ("Threats", "OWASP API Security Top 10 (2023)"):
        found = rows(section(SECURITY, title))
        assert len(found) >= 10
        assert [row[0] for row in found if not _NAME.search(row[-1])] == []
    risks = [
        row[0].split()[0] for row in rows(section(SECURITY, "OWASP API Security Top 10 (2023)"))
    ]
    assert risks == [f"API{number}" for number in range(1, 11)]


def test_every_control_has_one_disposition_and_what_is_met_says_where() -> None:
    found = rows(section(SECURITY, "AWS Foundational Security Best Practices"))
    controls = [row[0].strip("()") for row in found]
    assert len(controls) == len(set(controls)) > 50
    assert all(re.fullmatch(r"[A-Za-z0-9]+\.\d+", control) for control in controls)
    assert {row[2] for row in found} == DISPOSITIONS
    assert all(row[3] for row in found)
    assert [row[0] for row in found if row[2] == "met" and not _NAME.search(row[3])] == []


def test_every_parameter_is_in_operating_with_its_default(prod: Packaged) -> None:
    found = {
        name: row[1]
        for row in rows(section(OPERATING, "Parameters"))
        for name in _NAME.findall(row[0])
    }
    parameters = prod.template["Parameters"]
    assert found.keys() == parameters.keys()
    # Packaging takes this address from pip, so that no document has to name it.
    assert found["PublicIndexUrl"] == "set by packaging"
    assert parameters["PublicIndexUrl"]["Default"].startswith("https://")
    for name in parameters.keys() - {"Stage", "PublicIndexUrl"}:
        assert found[name] == (parameters[name]["Default"] or "empty"), name


def test_every_alarm_is_in_operating(prod: Packaged) -> None:
    named = {name for row in rows(section(OPERATING, "Watch")) for name in _NAME.findall(row[0])}
    assert named == set(prod.of_type("AWS::CloudWatch::Alarm"))


def test_schedules_are_those_of_the_stages(prod: Packaged) -> None:
    stages = prod.template["Mappings"]["Stages"]
    found = rows(section(OPERATING, "First steps"))
    assert len(found) == 4
    for row in found:
        (name,) = _NAME.findall(row[0])
        assert [stages[stage][name] for stage in ("prod", "dev")] == [
            f"rate({row[1]})",
            f"rate({row[2]})",
        ]


def test_outputs_that_are_named_exist(prod: Packaged) -> None:
    named = set(re.findall(r"`(\w+)` \(output\)|output `(\w+)`", OPERATING))
    outputs = {one or other for one, other in named}
    assert outputs
    assert outputs <= prod.template["Outputs"].keys()


def test_the_event_that_calls_a_schedule_by_hand_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chalice wants all that EventBridge sends."""
    from chalice.app import CloudWatchEvent

    text = re.search(r"<<'END'\n(.+?)\n +END\n", OPERATING, re.DOTALL)
    assert text is not None
    assert CloudWatchEvent(json.loads(text[1]), None).event_id == "by-hand"
    assert "fileb://event.json" in OPERATING
