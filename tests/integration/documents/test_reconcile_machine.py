"""Whatever two centers do and suffer, in any order: after quiet rounds, every wanted document is where it should be.

Members state and withdraw; disks lose single blocks, documents or everything; bits rot; partners are away, lie and come back;
garbage is collected; processes die at any point; a partner names what somebody else keeps in the same store. As long as one live
center still has a wanted document, none is lost; and no center holds for another what a member of its own withdrew.
"""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.unixfs import walk
from greenlane.ports.documents import BytesRefused, DocumentMissing
from greenlane.services.reconcile import ReconcilePace
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from worlds.document_store import DocumentsWorld
from worlds.holding import Center, Neighbour, befriend, close_center, open_center

FOREIGN = b"somebody else's, in the same node"
WHO = st.sampled_from([0, 1])
WHICH = st.integers(0, 5)


def content(which: int) -> bytes:
    """One of a few documents, so that centers state the same ones; every third has several blocks."""
    line = b"document %d\n" % which
    return line * (150_000 if which % 3 == 0 else 1)


class Holding(RuleBasedStateMachine):
    """Two centers that are partners, and what each is known to have stated."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(mkdtemp(prefix="greenlane-holding-"))
        # So small that a round takes several calls, and a death between them is tried.
        pace = ReconcilePace(looked=3, brought=2, asked=2, checked=3, wait_s=0.0)
        self.centers: list[Center] = [open_center(self.folder / name, name, pace=pace) for name in ("lima", "tianjin")]
        self.roads: list[Neighbour] = list(befriend(*self.centers))
        self.stated: list[Counter[Cid]] = [Counter(), Counter()]
        self.ever: list[set[Cid]] = [set(), set()]
        self.foreign = Cid.of(Codec.RAW, FOREIGN)
        for center in self.centers:
            store(center).blocks[self.foreign] = FOREIGN
            store(center).pinned.add(self.foreign)
        self.count = 0

    def teardown(self) -> None:
        for center in getattr(self, "centers", ()):
            close_center(center)
        if hasattr(self, "folder"):
            rmtree(self.folder)

    @rule(who=WHO, which=WHICH)
    def state(self, who: int, which: int) -> None:
        self.count += 1
        cid = self.centers[who].store(content(which), name=f"{self.count}.txt")
        self.stated[who][cid] += 1
        self.ever[who].add(cid)

    @rule(who=WHO, which=WHICH)
    def withdraw(self, who: int, which: int) -> None:
        known = sorted(self.stated[who], key=lambda cid: cid.text)
        if known:
            cid = known[which % len(known)]
            self.centers[who].withdraw(cid)
            del self.stated[who][cid]

    @rule(who=WHO, is_asked=st.booleans())
    def name_what_is_not_ours(self, who: int, is_asked: bool) -> None:
        center, asker = self.centers[who], self.roads[1 - who].asker
        if is_asked:
            center.hold(asker, self.foreign, len(FOREIGN))
        else:
            center.hold.release(asker, self.foreign)

    @rule(who=WHO)
    def leave_an_upload(self, who: int) -> None:
        """Dies between keeping the bytes and stating them."""
        center = self.centers[who]
        self.count += 1
        data = b"never stated %d" % self.count
        upload, cid = center.begin(data), Cid.of(Codec.RAW, data)
        with center.world.store.write() as tx:
            tx.holds.note_pinned(cid, False)
            tx.uploads.mean(upload, cid)
        store(center).blocks[cid] = data
        store(center).pinned.add(cid)

    @rule(who=WHO, calls=st.integers(1, 4))
    def work(self, who: int, calls: int) -> None:
        for _ in range(calls):
            self.centers[who].reconcile()

    @rule(who=WHO, after=st.integers(0, 6))
    def die(self, who: int, after: int) -> None:
        """Dies in the midst of its work: at the n-th write or read of its store of documents."""
        center = self.centers[who]
        dying = Dying(store(center), after)
        center.documents = dying  # type: ignore[assignment]
        center.restart()
        try:
            for _ in range(3):
                center.reconcile()
        except Death:
            pass
        center.documents = dying.whole
        center.restart()

    @rule(who=WHO, is_away=st.booleans(), is_lying=st.booleans())
    def meet_another_road(self, who: int, is_away: bool, is_lying: bool) -> None:
        self.roads[who].is_away, self.roads[who].is_lying = is_away, is_lying

    @rule(who=WHO)
    def collect(self, who: int) -> None:
        store(self.centers[who]).collect_garbage()

    @rule(who=WHO, hours=st.integers(1, 60))
    def wait(self, who: int, hours: int) -> None:
        self.centers[who].wait(timedelta(hours=hours))
        self.centers[who].sweep()

    def _is_elsewhere(self, who: int) -> bool:
        """Whether the other one has everything that this one should have, whole."""
        other = self.centers[1 - who]
        needed = set(self.stated[0]) | set(self.stated[1])
        return all(is_sound(other, cid) for cid in needed)

    def _needed(self, who: int) -> set[Cid]:
        """What one of them should have: its own, and the other's but for what a member of its own withdrew."""
        withdrawn = self.ever[who] - set(self.stated[who])
        return set(self.stated[who]) | (set(self.stated[1 - who]) - withdrawn)

    @precondition(lambda self: self._is_elsewhere(0) or self._is_elsewhere(1))
    @rule(who=WHO, which=WHICH, is_rot=st.booleans())
    def lose_a_block(self, who: int, which: int, is_rot: bool) -> None:
        blocks = store(self.centers[who]).blocks
        mortal = sorted(set(blocks) - {self.foreign}, key=lambda cid: cid.text)
        if mortal and self._is_elsewhere(who):
            cid = mortal[which % len(mortal)]
            if is_rot:
                blocks[cid] = b"rotten" + blocks[cid][6:] + b"."
            else:
                del blocks[cid]

    @precondition(lambda self: self._is_elsewhere(0) or self._is_elsewhere(1))
    @rule(who=WHO)
    def lose_everything(self, who: int) -> None:
        if self._is_elsewhere(who):
            kept = store(self.centers[who])
            kept.blocks = {self.foreign: FOREIGN}
            kept.pinned = {self.foreign}
            self.centers[who].restart()

    @rule()
    def settle(self) -> None:
        """The roads open, nobody lies, time passes, and everybody works until nothing is left to do."""
        for who in (0, 1):
            self.name_what_is_not_ours(who, False)
        for road in self.roads:
            road.is_away = road.is_lying = False
        for center in self.centers:
            # Beyond every pause, and beyond the time that a partner's word is good for.
            center.wait(timedelta(hours=30))
        for _ in range(3):
            for center in self.centers:
                center.round()
        for center in self.centers:
            # A partner that was found to have lost it is asked again; so it may take one round more.
            center.wait(timedelta(minutes=1))
        standings = [center.round() for _ in range(3) for center in self.centers][-2:]
        for who, center in enumerate(self.centers):
            assert [cid.text for cid in self._needed(who) if not is_sound(center, cid)] == []
            assert standings[who].missing == standings[who].damaged == 0
            assert standings[who].wanted == len(self.stated[who])
            held_there = Counter(int(cid in self._needed(1 - who)) for cid in self.stated[who])
            assert standings[who].replicas == tuple(sorted(held_there.items()))
            center.sweep()
        self._nothing_else_is_kept()

    def _nothing_else_is_kept(self) -> None:
        for center in self.centers:
            center.wait(timedelta(days=3))
            center.sweep()
        for _ in range(3):
            for center in self.centers:
                center.round()
        for who, center in enumerate(self.centers):
            needed = self._needed(who)
            assert store(center).pinned == needed | {self.foreign}
            center.wait(timedelta(hours=2))
            center.round()
            kept = {block.cid for cid in needed for block in walk(cid, store(center).block)}
            assert set(store(center).blocks) == kept | {self.foreign}

    @invariant()
    def nobody_touches_what_is_not_ours(self) -> None:
        for center in getattr(self, "centers", ()):
            assert self.foreign in store(center).pinned
            assert store(center).blocks[self.foreign] == FOREIGN
            with center.world.store.read() as tx:
                assert not tx.holds.is_held(self.foreign), "it is handed out to nobody"


class Death(BaseException):
    """Nobody catches it, as nobody catches a kill."""


class Dying:
    """A store of documents whose process dies at the n-th use of it."""

    def __init__(self, whole: DocumentsWorld, after: int) -> None:
        self.whole = whole
        self._left = after

    def __getattr__(self, name: str) -> object:
        if name in {"is_held", "pin", "unpin", "import_car", "collect_garbage", "read"}:
            if self._left == 0:
                raise Death
            self._left -= 1
        return getattr(self.whole, name)


def store(center: Center) -> DocumentsWorld:
    documents = center.documents
    assert isinstance(documents, DocumentsWorld)
    return documents


def is_sound(center: Center, cid: Cid) -> bool:
    try:
        for _ in walk(cid, store(center).block):
            pass
    except (DocumentMissing, BytesRefused):
        return False
    return cid in store(center).pinned


TestHolding = pytest.mark.slow(Holding.TestCase)
TestHolding.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
