"""A market of green cocoa for each test that asks for one."""

import pytest
from worlds.trade import Trade
from worlds.web import Site


@pytest.fixture
def trade(site: Site) -> Trade:
    """Members, a class and a lot, over a served world; see `worlds.trade`."""
    return Trade.over(site)
