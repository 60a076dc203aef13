"""Assumptions about things that cannot be measured here; every bill prints them."""

from dataclasses import dataclass, fields

DAYS = 30
HOURS = 24 * DAYS


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Assumed values; ``REASONS`` gives the unit and the meaning of each."""

    full_vcpu_mb: float = 1769
    dynamodb_wait: float = 0.005
    s3_wait: float = 0.03
    upstream_wait: float = 0.4
    cold_share: float = 0.01
    cold_seconds: float = 0.8
    warm_processes: float = 2.0
    poll_seconds: float = 20
    directory_bytes: float = 0.125
    export_ratio: float = 0.25
    export_bytes_a_second: float = 5e6
    history_days: float = 365
    function_log_bytes: float = 2000
    log_ratio: float = 0.15


REASONS = {
    "full_vcpu_mb": "MB at which Lambda gives one vCPU; it is taken as one core of this machine",
    "dynamodb_wait": "seconds a call to DynamoDB takes beyond our own CPU",
    "s3_wait": "seconds a request to S3 takes",
    "upstream_wait": "seconds a code host or the package index takes to answer",
    "cold_share": "of the API's requests that start a process (Lambda bills that, too)",
    "cold_seconds": "seconds such a start takes",
    "warm_processes": "processes of the API that live at once, for each million requests a month",
    "poll_seconds": "seconds one long poll of the queue takes when nothing comes",
    "directory_bytes": "bytes of the directory a package: those of a bitmap not compressed at all",
    "export_ratio": "size of an export in the bucket by that of the tables",
    "export_bytes_a_second": "bytes of tables that an export gets through in a second",
    "history_days": "days of history that are stored",
    "function_log_bytes": "bytes an invocation beside the API writes to its log, metrics included",
    "log_ratio": "size of a stored log by that of what was taken in (it is compressed)",
}
assert set(REASONS) == {each.name for each in fields(Assumptions)}
