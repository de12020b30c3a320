"""What one center writes into the registry past any program of ours keeps no other from deciding, reading and joining."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from greenlane.adapters.evm.bindings import CenterStatus, PilotRegistry
from greenlane.adapters.home import Home
from greenlane.core.exits import Exit
from greenlane.core.trust import parse_trust_file
from greenlane.core.units import Address, CenterId
from greenlane_node.nodes.chain_access import open_chain, refresh_trust
from worlds.registry import NEWCOMER, Command, RegistryWorld, newcomer, set_endpoints

pytestmark = pytest.mark.chain

LIMA = CenterId("lima")


@pytest.mark.parametrize("written", [b"\xff", b"\xed\xa0\x80", b"https://x\x1b[2J"], ids=repr)
@pytest.mark.usefixtures("admitted")
def test_a_center_that_writes_nonsense_is_suspended_like_any_other(world: RegistryWorld, node: Command, written: bytes) -> None:
    world.act(LIMA, set_endpoints(written, written))
    for words in (
        ["vote"],
        ["status"],
        ["validators"],
        ["validators", "--all"],
        ["members", "list"],
        ["endpoints"],
        ["endpoints", "--json"],
    ):
        said = node("accra", *words)
        assert (said.code, said.err) == (Exit.GOOD, ""), words
        assert "\x1b" not in said.out
    assert node("accra", "propose", "suspension", "lima").code == Exit.GOOD
    for voter in ("osaka", "tianjin", NEWCOMER):
        if world.registry.is_active(LIMA):
            assert node(voter, "vote", "lima").code == Exit.GOOD
    record = world.registry.center(LIMA)
    assert record is not None
    assert record.status is CenterStatus.SUSPENDED
    # Suspended, it may write still.
    world.act(LIMA, set_endpoints(b"\xfe" * 256, b""))
    assert node("osaka", "validators", "--all").code == Exit.GOOD


def test_nonsense_takes_no_receipt_its_center(world: RegistryWorld, homes: Callable[[str], Path]) -> None:
    chain = open_chain(Home(homes("accra")))

    def trusted() -> dict[str, list[bytes]]:
        refresh_trust(chain)
        centers = parse_trust_file(chain.home.trust_file.read_bytes()).centers
        return {one.id: [term.key.public_key for term in one.log_keys] for one in centers}

    before = trusted()
    assert "lima" in before
    world.act(LIMA, set_endpoints(b"\xff" * 256, b"\x80" * 256))
    assert trusted() == before


def test_a_nomination_in_bytes_that_are_no_text_stops_no_vote_and_no_other_nomination(
    world: RegistryWorld, node: Command
) -> None:
    honest = newcomer(world)
    puppet = replace(
        honest,
        id=CenterId("puppet"),
        operator=Address(b"\x01" * 20),
        anchorer=Address(b"\x02" * 20),
        validator=Address(b"\x03" * 20),
        log_key=b"\x11" * 32,
        name="n" * 32,
        origin="o" * 32,
        endpoint="e" * 32,
        enode="u" * 32,
    )
    data = PilotRegistry.encode_nominate(puppet)
    for letter in (b"n", b"o", b"e", b"u"):
        assert letter * 32 in data
        data = data.replace(letter * 32, b"\xff" * 32)
    world.act(LIMA, data)
    for words in (
        ["vote"],
        ["status"],
        ["propose", "renewal", "accra"],
        ["nominate", str(world.folder / NEWCOMER / "center.toml")],
        ["vote", "accra"],
    ):
        said = node("osaka", *words)
        assert (said.code, said.err) == (Exit.GOOD, ""), words
    refused = node("osaka", "endorse", "puppet", "--candidate", str(world.folder / NEWCOMER / "center.toml"))
    assert refused.is_one_fault("What was nominated is not what this file says")
    told = node("accra", "vote").out
    assert "puppet" in told
    assert NEWCOMER in told
