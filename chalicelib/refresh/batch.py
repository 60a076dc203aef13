"""A batch of packages to refresh, and its form as a message of the queue."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

_VERSION = 1
_MAX_EARLY = timedelta(hours=2)


def get_early_limit(interval: timedelta) -> timedelta:
    """Return how long before its time a source may be refreshed to fill a batch.

    ``interval`` is how often a source is refreshed. The planner and the worker must agree on the
    limit: a source that is sent early has to be refreshed in full, or it would only come again.
    """
    return min(_MAX_EARLY, interval / 10)


class BadMessage(ValueError):
    """A message that does not contain a batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Packages of one host to refresh, and when that was planned.

    If ``is_full`` is true, every figure is read, whether or not it is due yet.
    """

    host: str
    kind: str
    planned: datetime
    packages: tuple[int, ...]
    is_full: bool = False

    def split(self) -> tuple["Batch", "Batch"]:
        """Return two batches with half of the packages each."""
        middle = len(self.packages) // 2
        first, second = self.packages[:middle], self.packages[middle:]
        return replace(self, packages=first), replace(self, packages=second)

    def to_message(self) -> str:
        """Return the batch as the text of a message."""
        return json.dumps(
            {
                "version": _VERSION,
                "host": self.host,
                "kind": self.kind,
                "planned": self.planned.isoformat(),
                "packages": list(self.packages),
                "is_whole": self.is_full,
            }
        )


def parse_message(text: str) -> Batch:
    """Return the batch of a message; raises BadMessage."""
    try:
        content = json.loads(text)
        if content["version"] != _VERSION:
            raise BadMessage(f"version {content['version']}")
        return Batch(
            host=str(content["host"]),
            kind=str(content["kind"]),
            planned=datetime.fromisoformat(content["planned"]).astimezone(UTC),
            packages=tuple(int(package_id) for package_id in content["packages"]),
            is_full=bool(content["is_whole"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise BadMessage(f"not a batch: {type(error).__name__}") from error
