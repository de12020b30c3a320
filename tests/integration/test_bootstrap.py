"""A deployment opens with the keys that its network description names, and guesses none."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.blocks import BlockStore
from greenlane.adapters.keystore import KeyMissing
from greenlane.adapters.kubo import Kubo
from greenlane.bootstrap import open_deployment
from greenlane.core.errors import NotFound
from greenlane.core.units import CenterId, RootHash, TreeSize
from greenlane.ports.documents import DocumentsUnavailable
from greenlane.settings import read_settings
from worlds.home import make_home

LIMA = CenterId("lima")


def change(home: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    path = home / "network.json"
    network = json.loads(path.read_bytes())
    edit(network)
    path.write_text(json.dumps(network))


def keys_of(network: dict[str, Any], center: str) -> Any:
    return next(one for one in network["centers"] if one["id"] == center)["keys"]


def test_an_anchorer_that_is_kept_elsewhere_is_not_asked_for_and_nothing_is_sent(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    change(home, lambda network: keys_of(network, "lima").update(anchorer=None))
    (home / "keys" / "lima-anchorer.json").unlink()
    with open_deployment(read_settings({"GREENLANE_HOME": str(home)})) as deployment:
        assert LIMA in [center.id for center in deployment.signer.centers()]
        assert deployment.ledger.is_in_flight(LIMA) is False
        with pytest.raises(NotFound, match="'lima' is not anchored from here"):
            deployment.ledger.submit_anchor(LIMA, TreeSize(1), RootHash(bytes(32)), ())


def test_a_name_is_never_guessed_though_a_key_of_the_usual_name_is_there(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    change(home, lambda network: keys_of(network, "lima").update(log=None))
    assert (home / "keys" / "lima-log.json").exists()
    with (
        pytest.raises(KeyMissing, match="center lima here and says that its log key is kept elsewhere"),
        open_deployment(read_settings({"GREENLANE_HOME": str(home)})),
    ):
        pass


def test_a_key_that_is_named_and_not_there_is_missed_by_name(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    change(home, lambda network: keys_of(network, "lima").update(anchorer="lima-anchorer-2"))
    with pytest.raises(KeyMissing, match="lima-anchorer-2"), open_deployment(read_settings({"GREENLANE_HOME": str(home)})):
        pass


def test_documents_lie_in_the_home_folder_unless_a_node_is_named(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with open_deployment(read_settings({"GREENLANE_HOME": str(home)})) as deployment:
        assert isinstance(deployment.documents, BlockStore)
        deployment.documents.add(io.BytesIO(b"%PDF-1.7"))
        assert (home / "documents").is_dir() and deployment.sweep_uploads() == 0
    token = tmp_path / "token"
    token.write_text("secret\n")
    named = {"GREENLANE_DOCUMENTS_URL": "http://127.0.0.1:9", "GREENLANE_DOCUMENTS_TOKEN_FILE": str(token)}
    with open_deployment(read_settings({"GREENLANE_HOME": str(home), **named})) as deployment:
        assert isinstance(deployment.documents, Kubo)
        with pytest.raises(DocumentsUnavailable):
            deployment.documents.check()
