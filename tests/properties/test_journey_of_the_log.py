"""Any order of captures, publishing, anchoring, losses and crashes ends in one history.

What must hold at every moment: each acknowledged event stands in the log exactly once, at the place that was answered; what the
chain takes extends what it took before; fsck is clean but for anchors that the chain has lost and nobody has looked since.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

from greenlane.core.errors import Unavailable
from greenlane.core.receipt import encode_receipt
from greenlane.core.units import LeafIndex
from greenlane.ports.events import Reader
from greenlane.services.anchor import AnchorStep
from greenlane.services.prove import ReceiptNotReady, SaltForgotten
from greenlane.verify.ladder import Verdict, judge
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from worlds.deployment import COOPERATIVE, LIMA, ROASTER, close_world, make_world
from worlds.storms import BreakingStore, Crash

SERIALS = st.integers(0, 40)
MEMBERS = st.sampled_from([COOPERATIVE, ROASTER])


class History(RuleBasedStateMachine):
    """A center's life, with all that can happen to it."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="greenlane-history-"))
        self.world = make_world(self.folder)
        self.world.ledger.is_automine = False
        self.acknowledged: dict[tuple[str, int], tuple[int, str]] = {}
        self.forgotten: set[int] = set()
        self.may_have_lost = False

    def teardown(self) -> None:
        if hasattr(self, "world"):
            close_world(self.world)
            shutil.rmtree(self.folder)

    @rule(first=SERIALS, count=st.integers(1, 9), member=MEMBERS)
    def capture(self, first: int, count: int, member: str) -> None:
        job = self.world.take(count, first=first, member=COOPERATIVE if member == COOPERATIVE else ROASTER)
        for serial, event in zip(range(first, first + count), job.events, strict=True):
            before = self.acknowledged.setdefault((member, serial), (event.leaf_index, event.event_hash))
            assert before == (event.leaf_index, event.event_hash)

    @rule(first=SERIALS, member=MEMBERS, at=st.integers(0, 9))
    def capture_and_crash(self, first: int, member: str, at: int) -> None:
        breaking = self.world.over(BreakingStore(self.world.store, at))
        try:
            job = breaking.take(2, first=first, member=COOPERATIVE if member == COOPERATIVE else ROASTER)
        except Crash:
            return
        for serial, event in zip((first, first + 1), job.events, strict=True):
            self.acknowledged.setdefault((member, serial), (event.leaf_index, event.event_hash))

    @rule()
    def publish(self) -> None:
        self.world.publish(LIMA)

    @rule(at=st.integers(0, 8))
    def publish_and_crash(self, at: int) -> None:
        with contextlib.suppress(Crash):
            self.world.over(BreakingStore(self.world.store, at)).publish(LIMA)

    @rule()
    def anchor(self) -> None:
        try:
            self.world.anchor(LIMA)
        except Unavailable:
            assert self.world.ledger.is_away
        else:
            self.may_have_lost = False

    @rule(at=st.integers(0, 3))
    def anchor_and_crash(self, at: int) -> None:
        with contextlib.suppress(Crash, Unavailable):
            self.world.over(BreakingStore(self.world.store, at)).anchor(LIMA)

    @rule()
    def mine(self) -> None:
        self.world.ledger.mine()

    @rule(blocks=st.integers(0, 6))
    def lose(self, blocks: int) -> None:
        self.world.ledger.lose_to(self.world.ledger.block_number - blocks)
        self.may_have_lost = True

    @rule()
    def lose_waiting(self) -> None:
        self.world.ledger.lose_waiting()

    @rule()
    def go_away_or_come_back(self) -> None:
        self.world.ledger.is_away = not self.world.ledger.is_away

    @precondition(lambda self: any(member == ROASTER for member, _ in self.acknowledged))
    @rule(which=st.integers(0, 1_000))
    def forget(self, which: int) -> None:
        private = sorted(leaf for (member, _), (leaf, _) in self.acknowledged.items() if member == ROASTER)
        leaf = private[which % len(private)]
        if leaf not in self.forgotten:
            self.world.forget(center=LIMA, leaf_index=LeafIndex(leaf), actor="console")
            self.forgotten.add(leaf)

    @precondition(lambda self: self.acknowledged and not self.may_have_lost)
    @rule(which=st.integers(0, 1_000))
    def prove(self, which: int) -> None:
        places = sorted((leaf, event_hash) for leaf, event_hash in self.acknowledged.values())
        _, event_hash = places[which % len(places)]
        try:
            receipt = self.world.receipt(event_hash, reader=Reader(center=LIMA))
        except (ReceiptNotReady, SaltForgotten):
            return
        judgement = judge(encode_receipt(receipt), self.world.ledger.trust_file, event=None, ask=[self.world.ledger.node()])
        expected = Verdict.NOT_CHECKED if self.world.ledger.is_away else Verdict.PASSED
        assert judgement.verdict is expected, judgement.steps

    @rule()
    def settle(self) -> None:
        self.world.ledger.is_away = False
        self.world.settle()
        self.may_have_lost = False
        assert self.world.anchor(LIMA).step is AnchorStep.CURRENT
        report = self.world.fsck()
        assert report.faults == []
        with self.world.store.read() as tx:
            head = tx.log.head(LIMA)
        assert head.captured == head.published == self.world.ledger._head(LIMA).tree_size

    @invariant()
    def every_acknowledged_event_stands_exactly_once(self) -> None:
        if not hasattr(self, "world"):
            return
        with self.world.store.read() as tx:
            events = tx.events.walk(LIMA, start=LeafIndex(0), limit=10_000)
            head = tx.log.head(LIMA)
        assert [event.leaf_index for event in events] == list(range(head.captured))
        stored = {(event.leaf_index, event.event_hash) for event in events}
        assert set(self.acknowledged.values()) <= stored
        assert len({(event.member, event.identity) for event in events}) == len(events)

    @invariant()
    def what_the_store_holds_adds_up(self) -> None:
        if hasattr(self, "world"):
            report = self.world.fsck(is_asking_chain=False)
            assert report.faults == []
            assert report.forgotten == len(self.forgotten)

    @invariant()
    def what_the_chain_holds_only_grows(self) -> None:
        if not hasattr(self, "world"):
            return
        standing = self.world.ledger.anchored
        assert [one.tree_size for one in standing] == sorted({one.tree_size for one in standing})
        with self.world.store.read() as tx:
            for one in self.world.ledger.history:
                checkpoint = tx.log.checkpoint(LIMA, one.tree_size)
                assert checkpoint is not None
                assert checkpoint.root == one.root


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
