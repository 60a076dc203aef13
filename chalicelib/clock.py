"""The one clock of the program, so that any command can be run at a frozen instant."""

import os
from datetime import UTC, datetime

FREEZE_VARIABLE = "PACKGRID_NOW"


class BadClock(ValueError):
    """``PACKGRID_NOW`` is not an ISO 8601 instant with an offset."""


def now() -> datetime:
    """The current instant in UTC, or the one that ``PACKGRID_NOW`` names.

    The variable is read at each call: it is how a test, or the build of a search index, pins
    time. Raises ``BadClock`` when it is set to something that is not an instant.
    """
    frozen = os.environ.get(FREEZE_VARIABLE)
    if not frozen:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(frozen)
    except ValueError as error:
        raise BadClock(f"{FREEZE_VARIABLE}={frozen!r} is not an ISO 8601 instant") from error
    if instant.tzinfo is None:
        raise BadClock(f"{FREEZE_VARIABLE}={frozen!r} has no offset (write ...Z or ...-05:00)")
    return instant.astimezone(UTC)
