"""The configuration of a deployed stage, read from Chalice's and the stack's files."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from chalicelib import telemetry

ROOT = Path(__file__).resolve().parents[2]
_MINUTES = {"minute": 1, "hour": 60, "day": 1440}
_CONTEXT = re.compile(r"\$context\.[\w.]+")
#: Average length of a value in the access log; the id alone has 36 characters.
_VALUE_BYTES = 14
#: CloudWatch Logs adds this many bytes to each event.
_EVENT_BYTES = 26
_ID = "x" * 36
_PLATFORM_LINES = (
    f"START RequestId: {_ID} Version: $LATEST\n",
    f"END RequestId: {_ID}\n",
    f"REPORT RequestId: {_ID}\tDuration: 10.45 ms\tBilled Duration: 11 ms\t"
    "Memory Size: 1024 MB\tMax Memory Used: 120 MB\t\n",
)


class _Loader(yaml.SafeLoader):
    """Loads CloudFormation's short tags as plain mappings."""


def _construct_tag(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _construct_tag)


@dataclass(frozen=True, slots=True)
class StageConfig:
    """The figures of a stage's template and configuration that affect the bill.

    ``memory`` is in MB by function, ``metrics`` counts the series of custom metrics, ``pollers``
    read an empty queue, and ``access_log_bytes`` and ``platform_log_bytes`` are for one request.
    """

    source: str
    alarms: int = 0
    composites: int = 0
    dashboards: int = 0
    metrics: int = 0
    traced: float = 0.0
    pollers: int = 2
    access_log_bytes: int = 0
    platform_log_bytes: int = 0
    log_days: int = 30
    version_days: int = 0
    export_days: int = 35
    recovery: bool = False
    compressed: bool = False
    minutes: dict[str, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)


def read_stage_config(stage: str, root: Path = ROOT) -> StageConfig:
    """Return the configuration of ``stage``."""
    path = _find_template(root)
    template = yaml.load(path.read_text(), _Loader) if path else {}
    config = json.loads((root / ".chalice" / "config.json").read_text())
    figures = _read_template(template, stage)
    return StageConfig(
        source=str(path.relative_to(root)) if path else ".chalice/config.json alone",
        metrics=len(telemetry.METRICS),
        compressed="minimum_compression_size" in config,
        memory=_read_memory(config, stage),
        **figures,
    )


def _find_template(root: Path) -> Path | None:
    path = root / ".chalice" / "resources.yaml"
    return path if path.exists() else None


def _read_template(template: dict[str, Any], stage: str) -> dict[str, Any]:
    resources: dict[str, Any] = template.get("Resources", {})
    mapped = template.get("Mappings", {}).get("Stages", {}).get(stage, {})
    types = [each.get("Type") for each in resources.values()]
    text = json.dumps(resources, default=str)
    rules = [
        raw["Properties"]["SamplingRule"]
        for raw in _iter_resources(resources, "AWS::XRay::SamplingRule")
    ]
    default = template.get("Parameters", {}).get("Tracing", {}).get("Default")
    traced = float(rules[0]["FixedRate"]) if rules else 0.05
    return {
        "alarms": types.count("AWS::CloudWatch::Alarm"),
        "composites": types.count("AWS::CloudWatch::CompositeAlarm"),
        "dashboards": types.count("AWS::CloudWatch::Dashboard"),
        "traced": traced if default == "Active" else 0.0,
        # "Configuring scaling behavior for SQS event source mappings", AWS Lambda.
        "pollers": 5 if "MaximumConcurrency" in text else 2,
        "access_log_bytes": _count_access_log_bytes(resources),
        "platform_log_bytes": _count_platform_log_bytes(template),
        "log_days": int(mapped.get("LogDays", 30)),
        **_read_lifecycle(resources),
        "recovery": "PointInTimeRecoveryEnabled" in text,
        "minutes": {
            name.lower(): _parse_rate(str(mapped[name]))
            for name in ("Plan", "Publish", "Enrol", "Export")
            if name in mapped
        },
    }


def _iter_resources(resources: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    return (each for each in resources.values() if each.get("Type") == kind)


def _parse_rate(rate: str) -> float:
    """Return the minutes of ``rate(10 minutes)``."""
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", rate)
    if match is None:
        raise ValueError(f"not a rate: {rate!r}")
    return float(int(match[1]) * _MINUTES[match[2]])


def _count_access_log_bytes(resources: dict[str, Any]) -> int:
    api = resources.get("RestAPI", {}).get("Properties", {})
    format_ = api.get("AccessLogSetting", {}).get("Format")
    return len(_CONTEXT.sub("x" * _VALUE_BYTES, format_)) + _EVENT_BYTES if format_ else 0


def _count_platform_log_bytes(template: dict[str, Any]) -> int:
    defaults = template.get("Globals", {}).get("Function", {})
    if defaults.get("LoggingConfig", {}).get("SystemLogLevel") == "WARN":
        return 0
    return sum(len(line) + _EVENT_BYTES for line in _PLATFORM_LINES)


def _read_lifecycle(resources: dict[str, Any]) -> dict[str, int]:
    days_kept = {"version_days": 0, "export_days": 35}
    for raw in _iter_resources(resources, "AWS::S3::Bucket"):
        for rule in raw["Properties"].get("LifecycleConfiguration", {}).get("Rules", ()):
            expiration = rule.get("NoncurrentVersionExpiration")
            # The rule for index files takes precedence over that for all versions.
            prefix = str(rule.get("Prefix", ""))
            if expiration and (not prefix or prefix.startswith("search")):
                days = int(expiration["NoncurrentDays"])
                days_kept["version_days"] = days if prefix else days_kept["version_days"] or days
            if str(rule.get("Prefix", "")).startswith("exports"):
                days_kept["export_days"] = int(rule["ExpirationInDays"])
    return days_kept


def _read_memory(config: dict[str, Any], stage: str) -> dict[str, int]:
    own = config["stages"][stage]
    general = own.get("lambda_memory_size", config.get("lambda_memory_size", 128))
    functions = config.get("lambda_functions", {})
    names = {*functions, "api_handler", "plan", "work", "enrol", "publish", "export", "load"}
    return {
        name: int(
            own.get("lambda_functions", {}).get(name, {}).get("lambda_memory_size")
            or functions.get(name, {}).get("lambda_memory_size")
            or general
        )
        for name in names
    }
