"""A simulated world of code hosts and a package index, over real HTTP; begin at ``World``."""

from tests.upstream.world.faults import Faults
from tests.upstream.world.log import Original, Violation, original
from tests.upstream.world.truth import Truth
from tests.upstream.world.world import World

__all__ = ["Faults", "Original", "Truth", "Violation", "World", "original"]
