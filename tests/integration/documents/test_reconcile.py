"""What is missing, rotten or no more wanted is found and mended, whoever is away, lies or dies meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.units import CenterId
from greenlane.ports.documents import DocumentMissing, DocumentsFull, DocumentsUnavailable
from greenlane.ports.holds import HeldDocument
from greenlane.services.hold import HoldLimits
from greenlane.services.reconcile import FindingKind, ReconcilePace
from worlds.deployment import LIMA
from worlds.document_store import DocumentsWorld
from worlds.holding import Center, Neighbour, befriend, close_center, open_center, settle

DATA = b"what a certificate says"
DAY = timedelta(days=1, seconds=1)


@pytest.fixture
def centers(tmp_path: Path) -> Iterator[tuple[Center, Center, Center]]:
    """Lima, Tianjin and Ho Chi Minh City, strangers to one another."""
    made = tuple(open_center(tmp_path / name, name) for name in ("lima", "tianjin", "ho-chi-minh"))
    yield made  # type: ignore[misc]
    for center in made:
        close_center(center)


@pytest.fixture
def lima(centers: tuple[Center, Center, Center]) -> Center:
    return centers[0]


@pytest.fixture
def tianjin(centers: tuple[Center, Center, Center]) -> Center:
    return centers[1]


@pytest.fixture
def hcmc(centers: tuple[Center, Center, Center]) -> Center:
    return centers[2]


def memory(center: Center) -> DocumentsWorld:
    assert isinstance(center.documents, DocumentsWorld)
    return center.documents


def text(size: int) -> bytes:
    """Bytes that are text, and of which no two chunks are the same."""
    return b"".join(b"%07x\n" % line for line in range(-(-size // 8)))[:size]


def lose_all(center: Center) -> None:
    memory(center).blocks.clear()
    memory(center).pinned.clear()


def look_at_no_bytes(center: Center) -> None:
    """Has its store see whether blocks are there and not what they hold, as a store on a disk does."""
    memory(center).is_held = lambda cid: cid in memory(center).pinned  # type: ignore[method-assign]


def kinds(center: Center) -> list[FindingKind]:
    return [finding.kind for finding in center.findings]


def test_what_a_member_states_is_held_by_every_partner_and_each_says_so(lima: Center, tianjin: Center, hcmc: Center) -> None:
    befriend(lima, tianjin)
    befriend(lima, hcmc)
    cid = lima.store(DATA)
    first = lima.round()
    assert [(each.center, each.waiting) for each in first.partners] == [("tianjin", 1), ("ho-chi-minh", 1)]
    assert (first.wanted, first.wanted_here, first.replicas) == (1, 1, ((0, 1),))
    standing = settle(tianjin, hcmc, lima)[-1]
    for partner in (tianjin, hcmc):
        assert partner.documents.is_held(cid)
        assert b"".join(partner.documents.read(cid)) == DATA
    assert lima.replicas(cid) == ["ho-chi-minh", "tianjin"]
    assert standing.replicas == ((2, 1),)
    assert [each.waiting for each in standing.partners] == [0, 0]


def test_a_center_that_lost_everything_gets_it_back_byte_for_byte(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    own = {lima.store(DATA + b"%d" % number): DATA + b"%d" % number for number in range(20)}
    large = text((3 << 20) + 3)
    own[lima.store(large)] = large
    others = {tianjin.store(b"theirs %d" % number): b"theirs %d" % number for number in range(5)}
    settle(lima, tianjin)
    lose_all(lima)
    lima.restart()
    standing = settle(lima)[0]
    assert (standing.missing, standing.damaged) == (0, 0)
    for cid, data in (own | others).items():
        assert lima.documents.is_held(cid)
        assert b"".join(lima.documents.read(cid)) == data


def test_of_several_partners_a_liar_is_refused_and_the_next_is_asked(lima: Center, tianjin: Center, hcmc: Center) -> None:
    liar, _ = befriend(lima, hcmc)
    befriend(lima, tianjin)
    cids = [lima.store(DATA + b"%d" % number) for number in range(3)]
    settle(lima, tianjin, hcmc)
    lose_all(lima)
    liar.is_lying = True
    lima.findings.clear()
    lima.round()
    assert all(lima.documents.is_held(cid) for cid in cids)
    (refused,) = lima.told(FindingKind.REFUSED_BYTES)
    assert refused.partner == "ho-chi-minh", "it rests from being fetched from, and the others do not wait for it"
    assert [finding.partner for finding in lima.told(FindingKind.BROUGHT)] == ["tianjin"] * 3
    assert [what for what, _ in liar.asked].count("fetch") == 1


def test_where_only_a_liar_has_it_nothing_is_taken_and_it_is_told_once(lima: Center, tianjin: Center) -> None:
    liar, _ = befriend(lima, tianjin)
    cid = lima.store(DATA)
    settle(lima, tianjin)
    lose_all(lima)
    liar.is_lying = True
    lima.findings.clear()
    standings = [lima.round() for _ in range(5)]
    assert [standing.missing for standing in standings] == [1] * 5
    assert not lima.documents.is_held(cid)
    assert memory(lima).blocks == {}
    assert len(lima.told(FindingKind.MISSING)) == 1
    liar.is_lying = False
    lima.wait(timedelta(hours=1))
    assert lima.round().missing == 0


def test_a_partner_that_was_away_for_an_hour_is_asked_again_and_holds_up_no_other(
    lima: Center, tianjin: Center, hcmc: Center
) -> None:
    away, _ = befriend(lima, tianjin)
    befriend(lima, hcmc)
    away.is_away = True
    cid = lima.store(DATA)
    for _ in range(60):
        standing = lima.round()
        hcmc.round()
        lima.wait(timedelta(minutes=1))
    assert lima.replicas(cid) == ["ho-chi-minh"]
    assert len(away.asked) < 15, "it is asked less and less"
    (told,) = lima.told(FindingKind.PARTNER_AWAY)
    assert told.partner == "tianjin"
    assert [each.away_since is not None for each in standing.partners] == [True, False]
    away.is_away = False
    lima.wait(timedelta(hours=1))
    settle(lima, tianjin)
    assert lima.replicas(cid) == ["ho-chi-minh", "tianjin"]
    assert len(lima.told(FindingKind.PARTNER_BACK)) == 1


def test_a_partner_that_lost_it_is_found_out_when_it_is_asked_again_and_gets_it_again(lima: Center, tianjin: Center) -> None:
    there, _ = befriend(lima, tianjin)
    cid = lima.store(DATA)
    settle(lima, tianjin)
    lose_all(tianjin)
    asked = len(there.asked)
    settle(lima, rounds=3)
    assert len(there.asked) == asked, "its word is good for a day"
    lima.wait(DAY)
    lima.round()
    assert lima.replicas(cid) == []
    assert [finding.cid for finding in lima.told(FindingKind.REPLICA_LOST)] == [cid]
    settle(tianjin, lima)
    assert lima.replicas(cid) == ["tianjin"]
    assert tianjin.documents.is_held(cid)


def test_what_is_withdrawn_is_unpinned_at_once_and_released_at_partners(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    cid, kept = lima.store(DATA), lima.store(b"another")
    settle(lima, tianjin)
    lima.withdraw(cid)
    settle(lima, tianjin)
    for center in (lima, tianjin):
        assert not center.documents.is_held(cid)
        assert center.documents.is_held(kept)
        assert cid not in set(center.documents.pins())
    assert lima.replicas(cid) == []
    lima.wait(timedelta(hours=2))
    tianjin.wait(timedelta(hours=2))
    settle(lima, tianjin)
    for center in (lima, tianjin):
        assert cid not in memory(center).blocks, "garbage collection took it"


def test_what_is_withdrawn_while_a_partner_is_away_goes_here_at_once_and_there_when_it_is_back(
    lima: Center, tianjin: Center
) -> None:
    away, _ = befriend(lima, tianjin)
    cid = lima.store(DATA)
    settle(lima, tianjin)
    away.is_away = True
    lima.withdraw(cid)
    settle(lima, rounds=3)
    assert cid not in memory(lima).pinned
    assert tianjin.documents.is_held(cid)
    lima.restart()
    away.is_away = False
    lima.wait(timedelta(hours=1))
    settle(lima, tianjin)
    assert cid not in memory(tianjin).pinned
    with lima.world.store.read() as tx:
        assert tx.documents.unwanted(after=None, limit=9) == ()


def test_what_is_stated_again_after_it_was_let_go_is_kept_and_asked_for_again(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    cid = lima.store(DATA)
    settle(lima, tianjin)
    lima.withdraw(cid)
    settle(lima, tianjin)
    assert lima.store(DATA, name="again.txt") == cid
    settle(lima, tianjin)
    for center in (lima, tianjin):
        assert center.documents.is_held(cid)
    assert lima.replicas(cid) == ["tianjin"]


class _Unpinning:
    """The store's unpinning, during which something happens: before the pin goes, and after."""

    def __init__(self, center: Center, patch: pytest.MonkeyPatch) -> None:
        self._unpin = memory(center).unpin
        self.before: Callable[[], object] = int
        self.after: Callable[[], object] = int
        patch.setattr(memory(center), "unpin", self)

    def __call__(self, cid: Cid) -> bool:
        before, self.before = self.before, int
        before()
        was_pinned = self._unpin(cid)
        after, self.after = self.after, int
        after()
        return was_pinned


def test_others_write_while_the_store_unpins_and_what_they_want_meanwhile_stays(
    lima: Center, tianjin: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    befriend(lima, tianjin)
    cid = lima.store(DATA)
    settle(lima, tianjin)
    unpinning = _Unpinning(lima, monkeypatch)
    for number, moment in enumerate(("before", "after")):
        lima.withdraw(cid)
        # A database with one writer would answer that it is locked, were a transaction open here.
        setattr(unpinning, moment, lambda number=number: lima.store(DATA, name=f"again-{number}.txt"))
        lima.round()
        assert lima.documents.is_held(cid), moment
        assert lima.told(FindingKind.BROUGHT) == [], "it was pinned at once, and never found missing"
        lima.wait(timedelta(hours=2))
        settle(lima, tianjin)
        assert b"".join(lima.documents.read(cid)) == DATA, "nothing of it was collected"
        assert lima.replicas(cid) == ["tianjin"]


def test_what_is_wanted_again_is_pinned_before_garbage_goes_where_the_store_fails_while_it_unpins(
    lima: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    cid = lima.store(DATA)
    lima.round()
    lima.wait(timedelta(hours=2))
    unpinning = _Unpinning(lima, monkeypatch)

    def gone() -> None:
        raise DocumentsUnavailable("The documents node does not answer in time.")

    lima.withdraw(cid)
    unpinning.before, unpinning.after = (lambda: lima.store(DATA, name="again.txt")), gone
    with pytest.raises(DocumentsUnavailable):
        lima.round()
    assert cid not in memory(lima).pinned, "the answer was lost, and the pin with it"
    lima.reconcile(tell=lima.findings.append)
    assert lima.documents.is_held(cid)
    assert lima.told(FindingKind.BROUGHT) == [], "it was pinned before all else, and never found missing"


def test_what_the_store_failed_to_unpin_goes_later(lima: Center, monkeypatch: pytest.MonkeyPatch) -> None:
    cid = lima.store(DATA)
    lima.round()
    lima.withdraw(cid)
    unpinning = _Unpinning(lima, monkeypatch)

    def gone() -> None:
        raise DocumentsUnavailable("The documents node does not answer in time.")

    unpinning.before = gone
    with pytest.raises(DocumentsUnavailable):
        lima.round()
    assert cid in memory(lima).pinned
    settle(lima)
    assert cid not in memory(lima).pinned
    with lima.world.store.read() as tx:
        assert tx.documents.unwanted(after=None, limit=9) == ()


def test_pins_that_were_never_ours_are_never_touched(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    foreign = Cid.of(Codec.RAW, b"somebody else's")
    memory(lima).blocks[foreign] = b"somebody else's"
    memory(lima).pinned.add(foreign)
    cid = lima.store(DATA)
    settle(lima, tianjin)
    lima.withdraw(cid)
    for _ in range(3):
        lima.wait(timedelta(hours=2))
        settle(lima, tianjin)
    assert memory(lima).pinned == {foreign}
    assert memory(lima).blocks == {foreign: b"somebody else's"}
    assert foreign not in memory(tianjin).blocks


def test_bytes_of_an_upload_that_never_became_a_document_go_when_its_time_is_over(lima: Center) -> None:
    upload = lima.begin(DATA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(lima.storing), "_append", None, raising=False)
        cid = Cid.of(Codec.RAW, DATA)
        with lima.world.store.write() as tx:
            tx.holds.note_pinned(cid, False)
            tx.uploads.mean(upload, cid)
        memory(lima).blocks[cid] = DATA
        memory(lima).pinned.add(cid)
    settle(lima)
    assert cid in memory(lima).pinned, "it may still be stored"
    lima.wait(timedelta(days=2))
    lima.sweep()
    settle(lima)
    assert cid not in memory(lima).pinned


def test_bytes_that_rotted_are_found_and_brought_again(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    cid = lima.store(DATA)
    settle(lima, tianjin)
    memory(lima).blocks[cid] = b"what a certificate says not"
    look_at_no_bytes(lima)
    standing = settle(lima, rounds=1)[0]
    assert kinds(lima)[-3:] == [FindingKind.DAMAGED, FindingKind.BROUGHT, FindingKind.MENDED]
    assert standing.damaged == 0
    assert b"".join(lima.documents.read(cid)) == DATA


def test_a_store_that_looks_into_its_blocks_and_refuses_them_has_them_brought_again(lima: Center, tianjin: Center) -> None:
    there, _ = befriend(lima, tianjin)
    cid = lima.store(DATA)
    settle(lima, tianjin)
    memory(lima).blocks[cid] = b"rotten"
    there.is_away = True
    assert [lima.round().missing for _ in range(2)] == [1, 1], "no fault of its own ends the round"
    there.is_away = False
    lima.wait(timedelta(hours=1))
    assert lima.round().missing == 0
    assert b"".join(lima.documents.read(cid)) == DATA


def test_bytes_that_rotted_where_nobody_else_has_them_are_told_until_somebody_has(lima: Center, tianjin: Center) -> None:
    there, _ = befriend(lima, tianjin)
    cid = lima.store(DATA)
    settle(lima, tianjin)
    there.is_away = True
    memory(lima).blocks[cid] = b"rotten"
    look_at_no_bytes(lima)
    standings = [lima.round() for _ in range(3)]
    assert [(standing.missing, standing.damaged) for standing in standings] == [(0, 1), (1, 1), (1, 1)]
    assert len(lima.told(FindingKind.DAMAGED)) == 1
    there.is_away = False
    lima.wait(timedelta(hours=1))
    lima.round()
    assert lima.round().damaged == 0


def test_a_large_document_is_read_again_over_several_rounds(tmp_path: Path) -> None:
    lima = open_center(tmp_path / "lima", "lima", pace=ReconcilePace(checked_bytes=1 << 20, wait_s=0.0))
    lima.store(text((4 << 20) + 7))
    read: list[tuple[int, int | None]] = []
    whole = lima.documents.read

    def watched(cid: Cid, *, offset: int = 0, length: int | None = None, wait_s: float | None = None) -> Iterator[bytes]:
        read.append((offset, length))
        return whole(cid, offset=offset, length=length, wait_s=wait_s)

    lima.documents.read = watched  # type: ignore[method-assign]
    for _ in range(12):
        lima.round()
    assert [offset for offset, _ in read[:6]] == [0, 1 << 20, 2 << 20, 3 << 20, 4 << 20, 0]
    assert all(length is not None and length <= 1 << 20 for _, length in read)
    close_center(lima)


def test_a_store_that_is_away_is_no_document_that_is_missing_and_the_round_goes_on_where_it_was(
    lima: Center, tianjin: Center
) -> None:
    befriend(lima, tianjin)
    cids = [lima.store(DATA + b"%d" % number) for number in range(3)]
    memory(lima).is_away = True
    for _ in range(9):
        with pytest.raises(DocumentsUnavailable):
            lima.round()
    memory(lima).is_away = False
    assert lima.round().missing == 0
    settle(tianjin, lima)
    assert all(lima.replicas(cid) == ["tianjin"] for cid in cids)


def test_a_store_without_room_is_told_and_stops_nothing_else(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    theirs, gone = tianjin.store(DATA), lima.store(b"mine")
    settle(lima)

    def full(*_: object, **__: object) -> None:
        raise DocumentsFull("There is no room.")

    kept = lima.documents.import_car
    lima.documents.import_car = full  # type: ignore[method-assign]
    tianjin.round()
    lima.withdraw(gone)
    standing = settle(lima, rounds=3)[0]
    assert (standing.holds, standing.holds_here) == (1, 0)
    assert len(lima.told(FindingKind.NO_ROOM)) == 1
    assert gone not in memory(lima).pinned
    lima.documents.import_car = kept  # type: ignore[method-assign]
    assert lima.round().missing == 0
    assert lima.documents.is_held(theirs)


def test_whoever_asks_with_a_small_size_gets_no_large_document_held(lima: Center, tianjin: Center) -> None:
    there, _ = befriend(lima, tianjin)
    cid = lima.store(text(3 << 20))
    assert there.ask_to_hold(cid, 2 << 20) is False
    for _ in range(3):
        assert tianjin.round().holds_here == 0
        tianjin.wait(timedelta(hours=1))
    assert memory(tianjin).blocks == {}
    (ended,) = tianjin.told(FindingKind.HOLD_ENDED)
    assert (ended.partner, "3145728" in ended.detail) == ("lima", True)
    assert tianjin.told(FindingKind.REFUSED_BYTES) == [], "who sends what it has is not to blame"


def test_a_pin_over_the_swarm_is_bounded_by_what_was_asked_for_too(tmp_path: Path) -> None:
    lima = open_center(tmp_path / "lima", "lima", pace=ReconcilePace(collect_every=None, wait_s=0.0))
    data = b"from another node"
    cid = Cid.of(Codec.RAW, data)
    memory(lima).blocks[cid] = data
    for asked_by, size in (("tianjin", 3), ("ho-chi-minh", len(data))):
        held = HeldDocument(center=LIMA, asked_by=CenterId(asked_by), cid=cid, size=size, asked_at=lima.world.clock())
        with lima.world.store.write() as tx:
            tx.holds.release(CenterId("tianjin"), cid)
            tx.holds.ask(held)
        assert lima.round().holds_here == (size == len(data))
    assert [finding.partner for finding in lima.told(FindingKind.HOLD_ENDED)] == ["tianjin"]
    close_center(lima)


def test_a_partner_whose_limits_it_breaks_is_asked_for_the_others_all_the_same(tmp_path: Path) -> None:
    lima = open_center(tmp_path / "lima", "lima")
    small = open_center(tmp_path / "tianjin", "tianjin", limits=HoldLimits(document_bytes=100, partner_bytes=1_000))
    befriend(lima, small)
    large = lima.store(b"x" * 101)
    fitting = [lima.store(b"%03d" % number) for number in range(5)]
    settle(lima, small)
    assert lima.replicas(large) == []
    assert all(lima.replicas(cid) == ["tianjin"] for cid in fitting)
    (told,) = lima.told(FindingKind.ASK_REFUSED)
    assert (told.cid, told.partner) == (large, "tianjin")
    for center in (lima, small):
        close_center(center)


def test_a_round_over_many_documents_is_done_in_bounded_parts(tmp_path: Path) -> None:
    pace = ReconcilePace(looked=7, brought=3, asked=5, checked=4, wait_s=0.0)
    lima = open_center(tmp_path / "lima", "lima", pace=pace)
    tianjin = open_center(tmp_path / "tianjin", "tianjin", pace=pace)
    there, _ = befriend(lima, tianjin)
    cids = [lima.store(b"%d" % number) for number in range(20)]
    settle(lima, tianjin)
    assert all(tianjin.documents.is_held(cid) for cid in cids)
    lose_all(lima)
    there.asked.clear()
    calls = 0
    while lima.reconcile(tell=lima.findings.append) is None:
        calls += 1
        assert len([one for one in there.asked if one[0] == "fetch"]) <= 3 * calls
    assert calls >= 20 // 3
    assert all(lima.documents.is_held(cid) for cid in cids)
    for center in (lima, tianjin):
        close_center(center)


def test_a_defect_met_with_one_document_is_met_once_a_round_and_the_others_are_served(
    lima: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    cids = sorted((lima.store(b"%d" % number) for number in range(9)), key=lambda cid: cid.encode())
    lose_all(lima)
    for number in range(9):
        data = b"%d" % number
        memory(lima).blocks[Cid.of(Codec.RAW, data)] = data
    whole = memory(lima).is_held

    def defective(cid: Cid) -> bool:
        if cid == cids[3]:
            raise ValueError("a defect that nobody foresaw")
        return whole(cid)

    monkeypatch.setattr(memory(lima), "is_held", defective)
    with pytest.raises(ValueError, match="nobody foresaw"):
        lima.round()
    lima.round()
    assert memory(lima).pinned == set(cids) - {cids[3]}


def test_whoever_tells_it_to_stop_waits_for_no_document(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    cid = lima.store(DATA)
    settle(lima, tianjin)
    lose_all(lima)
    asked: list[None] = []

    def stopping() -> bool:
        asked.append(None)
        return len(asked) > 1

    assert lima.reconcile(is_stopping=stopping) is None
    assert memory(lima).pinned == set()
    assert settle(lima, rounds=2)[0].missing == 0
    assert lima.documents.is_held(cid)


def test_garbage_goes_after_a_whole_round_only_and_never_what_is_wanted(lima: Center) -> None:
    cid = lima.store(DATA)
    memory(lima).pinned.clear()
    stray = Cid.of(Codec.RAW, b"of an import that was cut off")
    memory(lima).blocks[stray] = b"of an import that was cut off"
    lima.round()
    assert memory(lima).blocks == {cid: DATA}, "its pin was put back before the garbage was taken"
    assert [finding.count for finding in lima.told(FindingKind.COLLECTED)] == [1]
    memory(lima).blocks[stray] = b"again"
    lima.round()
    assert stray in memory(lima).blocks, "not in every round"


def test_a_store_that_collects_by_itself_is_not_told_to(tmp_path: Path) -> None:
    lima = open_center(tmp_path / "lima", "lima", pace=ReconcilePace(collect_every=None, wait_s=0.0))
    stray = Cid.of(Codec.RAW, b"stray")
    memory(lima).blocks[stray] = b"stray"
    lima.round()
    assert stray in memory(lima).blocks
    close_center(lima)


def test_what_a_partner_sends_is_gone_where_it_was_withdrawn_there(lima: Center, tianjin: Center) -> None:
    there, _ = befriend(lima, tianjin)
    cid = tianjin.store(DATA)
    tianjin.withdraw(cid)
    with pytest.raises(DocumentMissing):
        list(there.fetch_car(cid))
    with suppress(DocumentMissing):
        assert isinstance(there, Neighbour)
