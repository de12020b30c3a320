"""A fresh world for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds.deployment import World, close_world, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A deployment with its services over an empty log; see `worlds.deployment`."""
    made = make_world(tmp_path)
    yield made
    close_world(made)
