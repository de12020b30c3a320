"""A partner who lies, floods or names what is not its own harms nobody's documents but its own."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from greenlane.core.crypto import sha256
from greenlane.core.documents.car import write_car
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.unixfs import CHUNK_BYTES, FileBuilder, identify
from greenlane.core.units import CenterId
from greenlane.ports.documents import DocumentMissing, DocumentWithdrawn
from greenlane.services.hold import Asker, HoldLimits, HoldsFull, HoldSizeDiffers
from greenlane.services.reconcile import FindingKind
from worlds.document_store import DocumentsWorld
from worlds.holding import Center, befriend, close_center, open_center, settle
from worlds.web import serve, services_of

FOREIGN = b"somebody else's data in the same node"
FOREIGN_CID = Cid.of(Codec.RAW, FOREIGN)
# Before every honest name, in any order of names.
EVIL = CenterId("aaa-evil")


@pytest.fixture
def lima(tmp_path: Path) -> Iterator[Center]:
    center = open_center(tmp_path / "lima", "lima")
    yield center
    close_center(center)


@pytest.fixture
def tianjin(tmp_path: Path) -> Iterator[Center]:
    center = open_center(tmp_path / "tianjin", "tianjin")
    yield center
    close_center(center)


def memory(center: Center) -> DocumentsWorld:
    assert isinstance(center.documents, DocumentsWorld)
    return center.documents


def evil_at(center: Center) -> Asker:
    return center.key_for(EVIL)[0]


def document(number: int) -> bytes:
    return b"a certificate %d\n" % number * 20_000


def nobodys(number: int) -> Cid:
    """A CID that nobody has bytes for."""
    return Cid(codec=Codec.RAW, digest=sha256(b"nobody's %d" % number))


def asked_of(center: Center, cid: Cid) -> list[CenterId]:
    with center.world.store.read() as tx:
        return [ask.asked_by for ask in tx.holds.asks(cid)]


class Sender:
    """A partner that holds whatever it is asked to, and sends one CAR for everything."""

    def __init__(self, center: CenterId, car: bytes) -> None:
        self.center = center
        self.car = car
        self.sent = 0

    def ask_to_hold(self, cid: Cid, size: int) -> bool:
        return True

    def release(self, cid: Cid) -> None:
        return None

    def fetch_car(self, cid: Cid) -> Iterator[bytes]:
        self.sent += 1
        yield self.car


def test_a_partner_who_asks_with_wrong_sizes_keeps_nothing_of_anothers_from_being_held(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    evil = evil_at(tianjin)
    attacked = [lima.store(document(number)) for number in range(5)]
    for cid in attacked:
        tianjin.hold(evil, cid, 1)
    others = [lima.store(document(number)) for number in range(5, 10)]
    settle(lima, tianjin, rounds=2)
    assert all(tianjin.documents.is_held(cid) for cid in attacked + others)
    assert all(lima.replicas(cid) == ["tianjin"] for cid in attacked + others)
    assert tianjin.told(FindingKind.REFUSED_BYTES) == [], "lima sent what was asked of it"
    ended = tianjin.told(FindingKind.HOLD_ENDED)
    assert {(finding.cid, finding.partner) for finding in ended} == {(cid, EVIL) for cid in attacked}
    assert all(asked_of(tianjin, cid) == ["lima"] for cid in attacked), "a wrong ask counts for nothing any more"


def test_what_one_center_names_is_asked_of_no_other(lima: Center, tianjin: Center) -> None:
    _, back = befriend(lima, tianjin)
    cid = lima.store(document(1))
    tianjin.hold(evil_at(tianjin), cid, len(document(1)))
    for _ in range(3):
        assert tianjin.round().holds_here == 0
        tianjin.wait(timedelta(hours=1))
    assert back.asked == []
    tianjin.hold(tianjin.key_for(lima.name)[0], cid, len(document(1)))
    tianjin.round()
    assert tianjin.documents.is_held(cid), "of whoever asks it is fetched"


def test_an_ask_never_decides_the_size_of_what_is_kept_here(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    data = document(1)
    lima.hold(evil_at(lima), identify([data])[0], 7)
    cid = lima.store(data)
    with lima.world.store.read() as tx:
        assert tx.documents.wanted(after=None, limit=9) == ((cid, len(data)),)
    settle(lima, tianjin)
    assert lima.replicas(cid) == ["tianjin"]
    with pytest.raises(HoldSizeDiffers):
        lima.hold(evil_at(lima), cid, 8)
    memory(lima).blocks.clear()
    memory(lima).pinned.clear()
    assert settle(lima)[0].missing == 0
    assert b"".join(lima.documents.read(cid)) == data


def test_asks_for_what_nobody_has_delay_nothing_of_our_own_and_nothing_of_others(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    evil = evil_at(lima)
    for number in range(200):
        lima.hold(evil, nobodys(number), 1)
    theirs = tianjin.store(document(2))
    tianjin.reconcile()
    assert lima.reconcile() is None, "its asks are not through"
    assert lima.documents.is_held(theirs), "each partner has its share of a call"
    cid = lima.store(document(1))
    for center in (lima, lima, tianjin, lima, lima):
        center.wait(timedelta(minutes=1))
        center.reconcile()
    assert lima.replicas(cid) == ["tianjin"]
    with lima.world.store.read() as tx:
        noted = tx.holds.noted()
    assert noted is not None and noted.wanted == 1, "what it comes to is noted meanwhile"


def test_what_is_missing_for_another_rests_longer_and_longer_by_itself(lima: Center, tianjin: Center) -> None:
    sender = Sender(EVIL, b"")
    lima.partners[:] = [sender]
    lima.restart()
    evil = evil_at(lima)
    tried: list[Cid] = []
    whole = memory(lima).size

    def watched(cid: Cid, *, wait_s: float | None = None) -> int:
        tried.append(cid)
        return whole(cid, wait_s=wait_s)

    memory(lima).size = watched  # type: ignore[method-assign]
    lima.hold(evil, nobodys(1), 1)
    for _ in range(120):
        lima.round()
        lima.wait(timedelta(minutes=1))
    assert 3 <= len(tried) < 12
    assert len(lima.told(FindingKind.MISSING)) == 1


def test_asks_are_counted_and_have_the_size_of_something(tmp_path: Path) -> None:
    limits = HoldLimits(document_bytes=1 << 30, partner_bytes=1 << 33, partner_documents=3)
    lima = open_center(tmp_path / "lima", "lima", limits=limits)
    evil = evil_at(lima)
    empty = Cid.of(Codec.RAW, b"")
    for cid, size in ((nobodys(1), 0), (empty, 1), (nobodys(1), CHUNK_BYTES + 1), (identify([bytes(CHUNK_BYTES + 1)])[0], 1)):
        with pytest.raises(HoldSizeDiffers):
            lima.hold(evil, cid, size)
    lima.hold(evil, empty, 0)
    for number in range(2):
        lima.hold(evil, nobodys(number), 1)
    with pytest.raises(HoldsFull, match="3 documents"):
        lima.hold(evil, nobodys(2), 1)
    lima.hold(evil, nobodys(1), 1)
    lima.hold(lima.key_for(CenterId("tianjin"))[0], nobodys(2), 1)
    lima.hold.release(evil, empty)
    lima.hold(evil, nobodys(2), 1)
    close_center(lima)


def foreign_at(center: Center) -> None:
    memory(center).blocks[FOREIGN_CID] = FOREIGN
    memory(center).pinned.add(FOREIGN_CID)


def test_what_somebody_else_pinned_is_neither_told_of_nor_served_nor_unpinned_for_one_who_names_it(
    lima: Center, tianjin: Center
) -> None:
    befriend(lima, tianjin)
    foreign_at(lima)
    asker = lima.key_for(tianjin.name)[0]
    assert lima.hold(asker, FOREIGN_CID, len(FOREIGN) + 1).is_held is False, "not even its size is told"
    lima.hold.release(asker, FOREIGN_CID)
    lima.round()
    lima.hold(asker, FOREIGN_CID, len(FOREIGN))
    for _ in range(3):
        lima.round()
        lima.wait(timedelta(hours=2))
        assert lima.hold(asker, FOREIGN_CID, len(FOREIGN)).is_held is False
        with pytest.raises(DocumentMissing):
            lima.fetch.find(FOREIGN_CID)
    lima.hold.release(asker, FOREIGN_CID)
    for _ in range(2):
        lima.wait(timedelta(hours=2))
        lima.round()
    assert (memory(lima).pinned, memory(lima).blocks) == ({FOREIGN_CID}, {FOREIGN_CID: FOREIGN})
    with lima.world.store.read() as tx:
        assert tx.documents.unwanted(after=None, limit=9) == ()


def test_what_somebody_else_pinned_is_held_for_one_who_brings_it_and_stays_when_it_is_released(
    lima: Center, tianjin: Center
) -> None:
    befriend(lima, tianjin)
    foreign_at(lima)
    cid = tianjin.store(FOREIGN)
    settle(tianjin, lima)
    assert (cid, tianjin.replicas(cid)) == (FOREIGN_CID, ["lima"])
    assert lima.fetch.find(cid).size == len(FOREIGN)
    tianjin.withdraw(cid)
    settle(tianjin, lima)
    with pytest.raises(DocumentMissing):
        lima.fetch.find(cid)
    assert memory(lima).pinned == {FOREIGN_CID}


def test_bytes_that_somebody_else_pinned_stay_when_an_upload_of_them_is_given_up_or_withdrawn(lima: Center) -> None:
    foreign_at(lima)
    cid = lima.store(FOREIGN)
    assert lima.fetch.find(cid).size == len(FOREIGN)
    lima.withdraw(cid)
    for _ in range(2):
        lima.wait(timedelta(days=2))
        lima.sweep()
        lima.round()
    with pytest.raises(DocumentWithdrawn):
        lima.fetch.find(cid)
    assert memory(lima).pinned == {FOREIGN_CID}


def test_what_was_not_brought_yet_is_waited_for_by_nobody_who_reads(lima: Center, monkeypatch: pytest.MonkeyPatch) -> None:
    lima.hold(evil_at(lima), nobodys(1), 1)
    asked: list[Cid] = []
    monkeypatch.setattr(memory(lima), "size", lambda cid, *, wait_s=None: asked.append(cid))
    with pytest.raises(DocumentMissing):
        lima.fetch.find(nobodys(1))
    assert asked == []


def test_what_a_member_withdrew_is_held_for_nobody(lima: Center, tianjin: Center) -> None:
    befriend(lima, tianjin)
    asker = lima.key_for(tianjin.name)[0]
    data = document(1)
    cid = lima.store(data)
    assert lima.hold(asker, cid, len(data)).is_held
    lima.withdraw(cid)
    with pytest.raises(DocumentWithdrawn):
        lima.fetch.find(cid)
    with pytest.raises(DocumentWithdrawn):
        lima.hold(asker, cid, len(data))
    with pytest.raises(DocumentWithdrawn):
        lima.hold(evil_at(lima), cid, len(data))
    settle(lima, tianjin)
    assert asked_of(lima, cid) == [], "what was asked for before it was withdrawn ends"
    assert cid not in memory(lima).pinned


def test_a_small_car_of_a_document_that_is_far_larger_than_was_asked_for_is_not_held(lima: Center) -> None:
    builder = FileBuilder()
    blocks = {block.cid: block.data for _ in range(64) for block in builder.add(bytes(CHUNK_BYTES))}
    blocks |= {block.cid: block.data for block in builder.finish()}
    sender = Sender(EVIL, b"".join(write_car(builder.root, blocks.__getitem__)))
    assert len(sender.car) < 2 << 20, "one chunk, again and again"
    lima.partners[:] = [sender]
    lima.restart()
    lima.hold(evil_at(lima), builder.root, 2 << 20)
    assert lima.round().holds_here == 0
    assert sender.sent == 1
    assert (memory(lima).blocks, asked_of(lima, builder.root)) == ({}, [])
    with pytest.raises(DocumentMissing):
        lima.fetch.find(builder.root)


def test_a_partner_who_drips_is_left_after_a_while_and_asked_less_and_less(lima: Center) -> None:
    data = bytes(4 << 20)
    blocks = FileBuilder()
    known = {block.cid: block.data for block in (*blocks.add(data), *blocks.finish())}
    cid, car = blocks.root, b"".join(write_car(blocks.root, known.__getitem__))

    class Dripping(Sender):
        def fetch_car(self, cid: Cid) -> Iterator[bytes]:
            self.sent += 1
            for start in range(0, len(self.car), 1_000):
                lima.wait(timedelta(seconds=9))
                yield self.car[start : start + 1_000]

    sender = Dripping(EVIL, car)
    lima.partners[:] = [sender]
    lima.restart()
    lima.hold(evil_at(lima), cid, len(data))
    began = lima.world.clock.now
    lima.reconcile(tell=lima.findings.append)
    assert lima.world.clock.now - began < timedelta(minutes=2)
    assert (sender.sent, memory(lima).blocks) == (1, {})
    (away,) = lima.told(FindingKind.PARTNER_AWAY)
    assert "too slowly" in away.detail


def test_over_http_the_withdrawal_is_told_as_gone(lima: Center) -> None:
    cid = lima.store(b"withdrawn")
    lima.withdraw(cid)
    with serve(lima.world, services=replace(services_of(lima.world), hold=lima.hold)) as site:
        answer = site.post("/v1/holds", key=site.partner, json={"cid": cid.text, "size": 9})
        assert (answer.status_code, answer.json()["code"]) == (410, "document-withdrawn")
