"""A chain's standstill is told by its own pace, within bounds that hold for every chain."""

import pytest
from greenlane.core.pace import standstill_s


@pytest.mark.parametrize(("block_time_s", "bound_s"), [(0, 30), (2, 30), (3.75, 30), (4, 32), (60, 480), (75, 600), (3_600, 600)])
def test_a_standstill_is_eight_block_times_within_half_a_minute_and_ten(block_time_s: float, bound_s: float) -> None:
    assert standstill_s(block_time_s) == bound_s
