"""A network for each test of the rules."""

import pytest
from worlds.green_assets import Network


@pytest.fixture
def network() -> Network:
    return Network().with_classes()
