"""What is withdrawn leaves the disk of a Kubo node too, and a node is not swept while there is nothing to sweep."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from greenlane.bootstrap import open_deployment
from greenlane.core.documents.cid import Cid, Codec
from greenlane.ports.documents import DocumentsUnavailable
from greenlane.services.reconcile import FindingKind, ReconcilePace
from greenlane.settings import read_settings
from worlds.deployment import close_world
from worlds.document_store import DocumentsWorld
from worlds.holding import Center, close_center, open_center
from worlds.home import fill_home, make_home
from worlds.kubo import stand_in_kubo

PACE = ReconcilePace(collects_idle=False, wait_s=0.0)


@pytest.fixture
def lima(tmp_path: Path) -> Iterator[Center]:
    center = open_center(tmp_path / "lima", "lima", pace=PACE)
    yield center
    close_center(center)


def memory(center: Center) -> DocumentsWorld:
    assert isinstance(center.documents, DocumentsWorld)
    return center.documents


def stray(center: Center, word: bytes) -> Cid:
    cid = Cid.of(Codec.RAW, word)
    memory(center).blocks[cid] = word
    return cid


def test_garbage_is_collected_after_a_start_and_where_something_was_let_go_and_else_not(lima: Center) -> None:
    kept, withdrawn = lima.store(b"kept"), lima.store(b"withdrawn")
    old = stray(lima, b"of before the start")
    lima.round()
    assert old not in memory(lima).blocks
    idle = stray(lima, b"of somebody else's reading")
    for _ in range(5):
        lima.wait(timedelta(hours=2))
        lima.round()
    assert idle in memory(lima).blocks, "nothing was let go"
    lima.withdraw(withdrawn)
    lima.round()
    assert set(memory(lima).blocks) == {kept}
    assert len(lima.told(FindingKind.COLLECTED)) == 2


def test_a_collection_that_failed_is_made_up_for(lima: Center, monkeypatch: pytest.MonkeyPatch) -> None:
    lima.round()
    withdrawn = lima.store(b"withdrawn")
    lima.withdraw(withdrawn)
    lima.wait(timedelta(hours=2))

    def away() -> int:
        raise DocumentsUnavailable("The documents node does not answer in time.")

    with monkeypatch.context() as broken:
        broken.setattr(memory(lima), "collect_garbage", away)
        with pytest.raises(DocumentsUnavailable):
            lima.round()
    assert withdrawn in memory(lima).blocks
    lima.wait(timedelta(hours=2))
    lima.round()
    assert withdrawn not in memory(lima).blocks


def test_a_deployment_sweeps_its_kubo_node_and_leaves_the_pins_of_others(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    close_world(fill_home(home))
    with stand_in_kubo() as kubo:
        settings = read_settings({"GREENLANE_HOME": str(home), "GREENLANE_DOCUMENTS_URL": kubo.url})
        with open_deployment(settings) as deployment:
            theirs = deployment.documents.add(io.BytesIO(b"pinned by another program")).cid
            loose = deployment.documents.add(io.BytesIO(b"pinned by nobody any more")).cid
            deployment.documents.unpin(loose)
            while deployment.reconcile() is None:
                pass
            assert deployment.documents.is_held(theirs)
            assert set(deployment.documents.pins()) == {theirs}
            assert deployment.documents.collect_garbage() == 0, "the worker has taken it"
