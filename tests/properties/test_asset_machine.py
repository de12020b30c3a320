"""Whatever is done with green assets, and in whatever order, nothing counts twice and everything adds up."""

from collections import Counter

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from worlds.asset_machine import AssetMachine

WORTH_REACHING = {
    *("admit", "issue", "transfer", "escrow", "accept", "give_back", "retire", "follow_key", "revoke", "vote_pause"),
    *("Frozen", "Paused", "LotCounted", "NotMember", "EscrowEnded"),
}


def test_nothing_counts_twice_and_everything_adds_up_in_any_order() -> None:
    reached: Counter[str] = Counter()

    class Counted(AssetMachine):
        def teardown(self) -> None:
            reached.update(self.steps)

    deep = settings().max_examples > settings.get_profile("greenlane").max_examples
    run_state_machine_as_test(Counted, settings=settings(max_examples=400 if deep else 60, stateful_step_count=50))
    assert WORTH_REACHING - set(reached) == set()
