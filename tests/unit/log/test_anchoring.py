"""The chain keeps an anchored root where anybody can compute."""

import pytest
from greenlane.core.anchoring import anchored_root_slot, anchored_topics, center_key
from greenlane.core.crypto import keccak256
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, TreeSize

LIMA = CenterId("lima")


def test_a_center_is_its_letters_and_zeros() -> None:
    assert center_key(LIMA) == b"lima" + bytes(28)
    assert len(center_key(CenterId("a" * 31))) == 32
    with pytest.raises(InvalidInput):
        center_key(CenterId("Lima"))


def test_the_slot_is_that_of_soliditys_nested_mapping() -> None:
    inner = keccak256(b"lima" + bytes(28) + bytes(32))
    assert anchored_root_slot(LIMA, TreeSize(258)) == keccak256(bytes(30) + b"\x01\x02" + inner)


def test_no_two_anchors_share_a_slot() -> None:
    slots = {anchored_root_slot(CenterId(center), TreeSize(size)) for center in ("lima", "tianjin") for size in range(1, 100)}
    assert len(slots) == 198


def test_the_topics_are_those_of_the_event() -> None:
    signature, center, size = anchored_topics(LIMA, TreeSize(7))
    assert signature == keccak256(b"Anchored(bytes32,uint64,bytes32,uint64)")
    assert center == center_key(LIMA)
    assert size == bytes(31) + b"\x07"
