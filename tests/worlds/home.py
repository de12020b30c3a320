"""A deployment's folder as `greenlane-node embedded up` leaves it, whose chain nobody runs: for commands that need no chain.

home = make_home(tmp_path / "home")
main(["members", "list", "--home", str(home)])
"""

from pathlib import Path

from greenlane.adapters.keystore import Keystore, KeyUse
from greenlane.adapters.network_file import CenterKeyNames, Network, NetworkCenter, encode_network
from greenlane.core.crypto import sha256
from greenlane.core.trust import encode_trust_file
from greenlane.core.units import Address, BlockNumber
from worlds.deployment import CHAIN, HOSTED, World, log_seed, make_world, trust_file

NOBODY = "http://127.0.0.1:9"
"""Where no node answers."""
_CHEAP_SCRYPT = 2


def make_home(home: Path) -> Path:
    """Makes a deployment with an enrolled, otherwise empty database; the folder must not exist."""
    home.mkdir(mode=0o700)
    (home / "password").write_text("correct horse\n")
    keystore = Keystore(home / "keys", home / "password", scrypt_n=_CHEAP_SCRYPT)
    trust = trust_file()
    centers = []
    for hosted in HOSTED:
        keystore.add(f"{hosted.id}-log", KeyUse.LOG, log_seed(hosted.id))
        anchorer = keystore.add(f"{hosted.id}-anchorer", KeyUse.ANCHORER, sha256(f"anchorer of {hosted.id}".encode()))
        assert anchorer.address is not None
        centers.append(
            NetworkCenter(
                id=hosted.id,
                name=hosted.name,
                economy=hosted.economy,
                origin=hosted.origin,
                endpoint=None,
                operator=Address(sha256(f"operator of {hosted.id}".encode())[:20]),
                anchorer=anchorer.address,
                validator=Address(sha256(f"validator of {hosted.id}".encode())[:20]),
                log_key=hosted.key,
                keys=CenterKeyNames(operator=None, anchorer=f"{hosted.id}-anchorer", validator=None, log=f"{hosted.id}-log"),
            )
        )
    network = Network(
        chain_id=CHAIN.chain_id,
        genesis_hash=trust.genesis_hash,
        sealing=None,
        rpc_urls=(NOBODY,),
        pilot_registry=trust.pilot_registry,
        anchor_log=CHAIN.anchor_log,
        assets=trust.assets,
        deploy_block=BlockNumber(1),
        centers=tuple(centers),
        hosted=tuple(hosted.id for hosted in HOSTED),
    )
    (home / "network.json").write_bytes(encode_network(network))
    (home / "trust.json").write_bytes(encode_trust_file(trust))
    return home


def fill_home(home: Path) -> World:
    """The services over the home's database, which is made now; close what is returned by `close_world`."""
    world = make_world(home)
    assert world.file == home / "greenlane.sqlite3"
    return world
