"""The fixtures of the unit tests of the simulated hosts."""

from tests.unit.fakehosts.conftest import time, world

__all__ = ["time", "world"]
