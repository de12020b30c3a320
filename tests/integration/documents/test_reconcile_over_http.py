"""Deployments that hold documents for one another over real HTTP, with the adapters that they run with."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from shutil import rmtree

import pytest
from greenlane.adapters.blocks import BlockStore
from greenlane.adapters.partners import load_partners
from greenlane.core.documents.cid import Cid
from greenlane.core.errors import Unavailable
from greenlane.services.reconcile import FindingKind
from worlds.holding import Center, close_center, open_center, settle
from worlds.web import Site, serve, services_of

NAMES = ("lima", "tianjin", "ho-chi-minh")


@dataclass(kw_only=True)
class Served:
    """A center with its blocks in a folder, on loopback."""

    center: Center
    folder: Path
    site: Site


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, Served]]:
    """Three deployments, each with a partners file that names the two others."""
    with ExitStack() as stack:
        made: dict[str, Served] = {}
        for name in NAMES:
            folder = tmp_path / name / "documents"
            center = open_center(tmp_path / name, name, documents=BlockStore(folder))
            stack.callback(close_center, center)
            # No rate: every center asks from one address here.
            services = replace(services_of(center.world), hold=center.hold, fetch_document=center.fetch)
            site = stack.enter_context(serve(center.world, services=services, public_rate=1_000_000))
            made[name] = Served(center=center, folder=folder, site=site)
        for one in made.values():
            entries = ""
            for other in made.values():
                if other is not one:
                    name = other.center.name
                    (tmp_path / one.center.name / f"{name}.key").write_text(other.center.key_for(one.center.name)[1])
                    entries += f'[[partner]]\ncenter = "{name}"\nurl = "{other.site.url}"\ntoken_file = "{name}.key"\n'
            file = tmp_path / one.center.name / "partners.toml"
            file.write_text(entries)
            one.center.partners.extend(load_partners(file))
            one.center.restart()
        yield made


def text(size: int) -> bytes:
    """Bytes that are text, and of which no two chunks are the same."""
    return b"".join(b"%07x\n" % line for line in range(-(-size // 8)))[:size]


def settled(served: dict[str, Served], *, rounds: int = 3) -> None:
    settle(*(each.center for each in served.values()), rounds=rounds)


def lose_folder(served: Served) -> None:
    """Its disk is gone, and its processes start again over an empty one."""
    rmtree(served.folder)
    served.center.documents = BlockStore(served.folder)
    served.center.findings.clear()
    served.center.restart()


def read(center: Center, cid: Cid) -> bytes:
    return b"".join(center.documents.read(cid))


def test_a_center_that_lost_its_whole_folder_gets_every_document_back_byte_for_byte(served: dict[str, Served]) -> None:
    lima = served["lima"]
    own = {lima.center.store(data): data for data in (b"", b"a", text(1 << 20), text((2 << 20) + 1), text(70_000))}
    theirs = {served["tianjin"].center.store(b"theirs"): b"theirs"}
    settled(served)
    for each in served.values():
        assert {cid: read(each.center, cid) for cid in own | theirs} == own | theirs
    lose_folder(lima)
    standing = lima.center.round()
    assert (standing.missing, standing.damaged) == (0, 0)
    assert {cid: read(lima.center, cid) for cid in own | theirs} == own | theirs
    assert {finding.partner for finding in lima.center.told(FindingKind.BROUGHT)} <= {"tianjin", "ho-chi-minh"}


def test_a_folder_that_vanishes_under_running_processes_fills_again_without_a_restart(served: dict[str, Served]) -> None:
    lima = served["lima"]
    own = {lima.center.store(data): data for data in (b"", b"a", text((2 << 20) + 1), text(70_000))}
    theirs = {served["tianjin"].center.store(b"theirs"): b"theirs"}
    settled(served)
    held = own | theirs
    worker = replace(lima.center, documents=BlockStore(lima.folder), findings=[])
    worker.round()
    ends, troubles = threading.Event(), list[str]()

    def reconcile() -> None:
        while not ends.is_set():
            try:
                worker.reconcile(tell=worker.findings.append)
            except Unavailable as fault:
                # As the worker's lane does: it waits, and goes on.
                troubles.append(fault.detail)
                worker.wait(timedelta(minutes=5))

    running = threading.Thread(target=reconcile)
    running.start()
    try:
        for turn in range(2):
            lima.folder.rename(lima.folder.with_name(f"away-{turn}"))
            until = time.monotonic() + 20
            while not all(lima.center.documents.is_held(cid) for cid in held):
                assert time.monotonic() < until, (troubles, worker.findings[-3:])
                assert running.is_alive()
                time.sleep(0.01)
    finally:
        ends.set()
        running.join(20)
    # The server never opened another store either.
    for cid, data in held.items():
        assert lima.site.get(f"/v1/documents/{cid.text}").content == data
    assert lima.center.documents.is_held(lima.center.store(b"stored after it"))
    assert {finding.partner for finding in worker.told(FindingKind.BROUGHT)} <= {"tianjin", "ho-chi-minh"}


def test_a_bit_that_rotted_on_the_disk_is_found_by_reading_and_mended(served: dict[str, Served]) -> None:
    lima = served["lima"].center
    data = text((2 << 20) + 5)
    cid = lima.store(data)
    settled(served)
    block = max((file for file in served["lima"].folder.rglob("baf*") if not file.suffix), key=lambda file: file.stat().st_size)
    rotten = bytearray(block.read_bytes())
    rotten[len(rotten) // 2] ^= 1
    block.chmod(0o600)
    block.write_bytes(rotten)
    lima.findings.clear()
    settle(lima, rounds=2)
    assert FindingKind.DAMAGED in [finding.kind for finding in lima.findings]
    assert read(lima, cid) == data
    assert lima.documents.is_held(cid)


def test_a_partner_whose_blocks_are_other_bytes_is_refused_and_the_next_is_asked(served: dict[str, Served]) -> None:
    lima, liar = served["lima"], served["ho-chi-minh"]
    data = text(3_000)
    cid = lima.center.store(data)
    settled(served)
    other, honest = liar.center.store(b"another document"), liar.center.documents.export_car
    liar.center.documents.export_car = lambda cid: honest(other)  # type: ignore[method-assign]
    lose_folder(lima)
    lima.center.round()
    assert read(lima.center, cid) == data
    assert [finding.partner for finding in lima.center.told(FindingKind.REFUSED_BYTES)] == ["ho-chi-minh"]
    assert [finding.partner for finding in lima.center.told(FindingKind.BROUGHT)] == ["tianjin"]


def test_a_withdrawn_document_goes_everywhere_and_its_blocks_with_the_garbage(served: dict[str, Served]) -> None:
    lima = served["lima"].center
    cid, kept = lima.store(text(5_000)), lima.store(b"kept")
    settled(served)
    lima.withdraw(cid)
    settled(served)
    for each in served.values():
        each.center.wait(timedelta(hours=2))
    settled(served, rounds=1)
    for each in served.values():
        assert set(each.center.documents.pins()) == {kept}
        assert not list(each.folder.rglob(f"*{cid.text}*"))
    assert served["tianjin"].site.get(f"/v1/documents/{cid.text}").status_code == 404


def test_a_key_that_was_revoked_makes_a_partner_one_that_is_away_until_another_is_given(served: dict[str, Served]) -> None:
    lima, tianjin = served["lima"].center, served["tianjin"].center
    with tianjin.world.store.read() as tx:
        keys = [key for key in tx.accounts.api_keys(tianjin.name) if key.label == "lima"]
    for key in keys:
        tianjin.world.enrol.revoke_key(key_id=key.id, actor="console")
    cid = lima.store(b"a document")
    settled(served)
    assert lima.replicas(cid) == ["ho-chi-minh"]
    (told,) = lima.told(FindingKind.PARTNER_AWAY)
    assert (told.partner, "401" in told.detail) == ("tianjin", True)
    (served["lima"].folder.parent / "tianjin.key").write_text(tianjin.key_for(lima.name)[1])
    lima.wait(timedelta(hours=1))
    settled(served)
    assert lima.replicas(cid) == ["ho-chi-minh", "tianjin"]


def test_memory_stays_flat_however_large_a_document_is_brought(served: dict[str, Served]) -> None:
    import tracemalloc

    lima, tianjin = served["lima"].center, served["tianjin"].center
    cid = lima.store(text(24 << 20))
    lima.round()
    tracemalloc.start()
    try:
        tianjin.round()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tianjin.documents.is_held(cid)
    assert peak < 16 << 20


def test_two_workers_of_one_center_mend_together(served: dict[str, Served]) -> None:
    lima = served["lima"]
    cids = [lima.center.store(b"%d" % number) for number in range(6)]
    settled(served)
    lose_folder(lima)
    twin = replace(lima.center, findings=[])
    threads = [threading.Thread(target=each.round) for each in (lima.center, twin)]
    began_s = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert time.monotonic() - began_s < 30
    assert all(lima.center.documents.is_held(cid) for cid in cids)
