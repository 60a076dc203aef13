"""Rate limits as the hosts apply them."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class FixedWindow:
    """A limit in a window that begins with its first unit (GitHub's hourly limits)."""

    limit: int
    seconds: int
    used: int = 0
    ends: float = 0.0

    def get_remaining(self, now: float) -> int:
        """Return the number of units that remain."""
        if now >= self.ends:
            self.used, self.ends = 0, int(now) + self.seconds
        return max(0, self.limit - self.used)

    def spend(self, units: int) -> None:
        """Charge units, even if none remain."""
        self.used += units


@dataclass(slots=True)
class RollingWindow:
    """A limit in any span of a number of seconds."""

    limit: int
    seconds: float
    used: int = 0
    _spent: deque[tuple[float, int]] = field(default_factory=deque)

    def get_remaining(self, now: float) -> int:
        """Return the number of units that remain."""
        while self._spent and self._spent[0][0] <= now - self.seconds:
            self.used -= self._spent.popleft()[1]
        return max(0, self.limit - self.used)

    def spend(self, units: int, now: float) -> None:
        """Charge units, even if none remain."""
        self.used += units
        self._spent.append((now, units))

    def get_wait(self, now: float) -> float:
        """Return the seconds until the oldest unit is free again."""
        return self._spent[0][0] + self.seconds - now if self._spent else 0.0
