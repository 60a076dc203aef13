"""Simulated code hosts and a simulated package index, over real HTTP; ``World`` runs them."""

from tools.fakehosts.faults import Faults
from tools.fakehosts.request_log import OriginalRequests, Violation, count_original_requests
from tools.fakehosts.truth import Truth
from tools.fakehosts.world import World

__all__ = ["Faults", "OriginalRequests", "Truth", "Violation", "World", "count_original_requests"]
