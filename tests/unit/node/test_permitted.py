"""The registry lets in only nodes whose enode every node takes: a list with another one keeps them all from starting."""

import pytest
from greenlane.adapters.evm.bindings import CenterRecord, CenterStatus, UnixSeconds
from greenlane.core.crypto import keccak256, secp256k1_public_key
from greenlane.core.units import Address, CenterId
from greenlane_node.keys import parse_enode
from greenlane_node.membership.permissions import Wanted, wanted
from hypothesis import example, given
from hypothesis import strategies as st

LIMA, TIANJIN = CenterId("lima"), CenterId("tianjin")
LIMAS, TIANJINS = (secp256k1_public_key(bytes([number]) * 32) for number in (1, 2))
GOOD = f"enode://{TIANJINS.hex()}@10.0.0.2:30303"


def record(id_: CenterId, node_key: bytes, enode: str) -> CenterRecord:
    return CenterRecord(
        id=id_,
        status=CenterStatus.ACTIVE,
        economy="PE",
        operator=Address(bytes([1] * 20)),
        anchorer=Address(bytes(20)),
        validator=Address(keccak256(node_key)[-20:]),
        log_key=bytes(32),
        name=id_.title(),
        origin=f"{id_}.example/log",
        endpoint="",
        enode=enode,
        term_start=UnixSeconds(1),
        term_end=None,
        revision=0,
        validator_rotated_at=None,
    )


def permitted(enode: str) -> Wanted:
    """Where lima wrote this enode."""
    return wanted([record(LIMA, LIMAS, enode), record(TIANJIN, TIANJINS, GOOD)])


@pytest.mark.parametrize(
    "host",
    ["999.1.1.1", ".......", "1.2.3.4.5.6.7", "[::::::]", "0.0.0.0", "[::]", "224.0.0.1", "255.255.255.255", "[::ffff:1.2.3.4]"],
)
def test_an_address_that_no_node_takes_stands_on_no_list(host: str) -> None:
    found = permitted(f"enode://{LIMAS.hex()}@{host}:30303")
    assert found.validators == (GOOD,)
    assert [one.partition(":")[0] for one in found.left_out] == [LIMA]


@given(
    host=st.one_of(st.text("0123456789.", max_size=15), st.text("0123456789abcdef:.[]%", max_size=20), st.text(max_size=10)),
    port=st.one_of(st.integers(-1, 70_000).map(str), st.text("0123456789", max_size=6)),
    key=st.sampled_from([LIMAS.hex(), LIMAS.hex().upper(), TIANJINS.hex()]),
)
@example(host="10.0.0.1", port="30303", key=LIMAS.hex())
@example(host="[2001:db8::1]", port="30303", key=LIMAS.hex())
def test_whatever_a_center_writes_the_others_lists_hold_what_reads_and_is_its_own(host: str, port: str, key: str) -> None:
    written = f"enode://{key}@{host}:{port}"
    found = permitted(written)
    assert set(found.validators) in ({GOOD}, {GOOD, written})
    assert (written in found.validators) is not bool(found.left_out)
    for enode in found.validators:
        public_key, read_host, read_port = parse_enode(enode)
        bracketed = f"[{read_host}]" if ":" in read_host else read_host
        assert enode == f"enode://{public_key.hex()}@{bracketed}:{read_port}"
        assert public_key in (LIMAS, TIANJINS)
