"""The program's clock. ``PACKGRID_NOW`` freezes it, for tests and reproducible builds."""

import os
from datetime import UTC, datetime

FREEZE_VARIABLE = "PACKGRID_NOW"


class BadClock(ValueError):
    """``PACKGRID_NOW`` is not an ISO 8601 instant with an offset."""


def now() -> datetime:
    """Return the current instant in UTC, or that of ``PACKGRID_NOW``.

    The variable is read at each call, so that a test or the build of a search index can pin the
    time. Raises ``BadClock`` if its value is not an instant.
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
