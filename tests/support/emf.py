"""Lines that a function printed, as CloudWatch takes metrics from them.

The rules are those of "Specification: Embedded metric format" (Amazon CloudWatch, User Guide)
and of PutMetricData (units, names of dimensions).
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

#: Those of PutMetricData that count anything here.
_UNITS = {"Seconds", "Milliseconds", "Bytes", "Count", "Percent", "None"}
Dimensions = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Printed:
    """``metrics``: the values of each metric by its dimensions; ``lines``: those of the log."""

    metrics: dict[Dimensions, dict[str, list[float]]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def of(self, **dimensions: str) -> dict[str, float]:
        """The metrics with exactly these dimensions, added up."""
        found = self.metrics.get(tuple(sorted(dimensions.items())), {})
        return {name: sum(values) for name, values in found.items()}

    def line(self, event: str) -> dict[str, Any]:
        """The one line of this event."""
        (line,) = [one for one in self.lines if one["event"] == event]
        return line


def read(text: str) -> Printed:
    """All of an output, which must be lines of JSON; what is a document of metrics is checked."""
    printed = Printed()
    for line in text.splitlines():
        assert line.isascii() and line.isprintable()
        root = json.loads(line)
        assert isinstance(root, dict)
        if "_aws" in root:
            _take(printed, root, len(line))
        else:
            assert {"level", "event", "stage"} <= set(root)
            printed.lines.append(root)
    return printed


def _take(printed: Printed, root: dict[str, Any], size: int) -> None:
    assert size < 256 << 10
    metadata = root["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(metadata["Timestamp"], int)
    assert 10**12 < metadata["Timestamp"] < 10**13, "milliseconds since 1970"
    assert metadata["CloudWatchMetrics"]
    seen = set()
    for directive in metadata["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert directive["Namespace"] == "Packgrid"
        assert directive["Dimensions"] and 1 <= len(directive["Metrics"]) <= 100
        for names in directive["Dimensions"]:
            dimensions = _dimensions(root, names)
            values = printed.metrics.setdefault(dimensions, defaultdict(list))
            for definition in directive["Metrics"]:
                name = _checked(root, definition)
                assert (dimensions, name) not in seen, "told twice"
                seen.add((dimensions, name))
                values[name].append(root[name])
    assert set(root) - {"_aws", *(name for _, name in seen)} == {
        name for dimensions, _ in seen for name, _ in dimensions
    }


def _dimensions(root: dict[str, Any], names: list[str]) -> Dimensions:
    assert isinstance(names, list) and 1 <= len(names) <= 30
    assert len(set(names)) == len(names)
    for name in names:
        value = root[name]
        assert isinstance(value, str) and 1 <= len(value) <= 1024
        assert not value.startswith(":") and value.strip()
    return tuple(sorted((name, root[name]) for name in names))


def _checked(root: dict[str, Any], definition: dict[str, Any]) -> str:
    assert set(definition) == {"Name", "Unit"}
    name: str = definition["Name"]
    assert 1 <= len(name) <= 1024
    assert definition["Unit"] in _UNITS
    assert type(root[name]) in {int, float}, "a number, and no boolean"
    return name
