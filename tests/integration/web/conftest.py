"""A served world for each test that asks for one."""

from collections.abc import Iterator

import pytest
from worlds.deployment import World
from worlds.web import Site, serve


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    """The application over a fresh world, served on loopback; see `worlds.web`."""
    with serve(world) as served:
        yield served
