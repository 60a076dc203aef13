"""Fixtures: a clock that stands still, and a world in which each host has some packages."""

from collections.abc import Iterator

import pytest

from tests.support.upstream.asking import FakeTime
from tools.fakehosts import World


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def world(time: FakeTime) -> Iterator[World]:
    """Enough packages that each host has some."""
    with World(seed=5, packages=240, clock=time) as world:
        yield world
