"""A batch: what one message of the queue asks for."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

_VERSION = 1
_LONGEST_AHEAD = timedelta(hours=2)


def ahead(every: timedelta) -> timedelta:
    """How long before its time a source may be asked, to fill a batch up.

    Sources are asked ``every`` so often. Who plans and who works must agree: what is sent before
    its time is to be asked in full, or it would only come again.
    """
    return min(_LONGEST_AHEAD, every / 10)


class BadMessage(ValueError):
    """A message that is none of ours."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Packages of one host to ask about, planned at an instant.

    ``is_whole``: ask in full, whether or not that is due yet.
    """

    host: str
    kind: str
    planned: datetime
    packages: tuple[int, ...]
    is_whole: bool = False

    def halves(self) -> tuple["Batch", "Batch"]:
        """The same as two batches."""
        middle = len(self.packages) // 2
        first, second = self.packages[:middle], self.packages[middle:]
        return replace(self, packages=first), replace(self, packages=second)

    def to_message(self) -> str:
        """As the text of a message."""
        return json.dumps(
            {
                "version": _VERSION,
                "host": self.host,
                "kind": self.kind,
                "planned": self.planned.isoformat(),
                "packages": list(self.packages),
                "is_whole": self.is_whole,
            }
        )


def from_message(text: str) -> Batch:
    """The batch of a message; raises BadMessage."""
    try:
        content = json.loads(text)
        if content["version"] != _VERSION:
            raise BadMessage(f"version {content['version']}")
        return Batch(
            host=str(content["host"]),
            kind=str(content["kind"]),
            planned=datetime.fromisoformat(content["planned"]).astimezone(UTC),
            packages=tuple(int(one) for one in content["packages"]),
            is_whole=bool(content["is_whole"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise BadMessage(f"not a batch: {type(error).__name__}") from error
