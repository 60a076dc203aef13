"""A simulated world of code hosts and a package index, over real HTTP; begin at ``World``."""

from tools.fakehosts.faults import Faults
from tools.fakehosts.log import Original, Violation, original
from tools.fakehosts.truth import Truth
from tools.fakehosts.world import World

__all__ = ["Faults", "Original", "Truth", "Violation", "World", "original"]
