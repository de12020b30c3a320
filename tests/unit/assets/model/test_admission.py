"""Statements: what counts, once, by whose hands, and what is revoked."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.units import LeafIndex, NodeHash, TreeSize
from worlds.asset_rules import BUYER, JUDGE, SELLER, STRANGER, refused
from worlds.green_assets import (
    ACCRA,
    CERTIFIER,
    COMMUTES,
    COOPERATIVE,
    GREEN_ASSET,
    LIMA,
    OTHER_LOT,
    Network,
    day_after,
    member_account,
    operator,
    origin,
    secret_of,
    sign_evidence,
    statement,
)


def test_a_lot_counts_once_whatever_registry_names_it(network: Network) -> None:
    network.issue(statement(origin=origin(1, 9)))
    again = {"id": "urn:uuid:2", "quantity": 1}
    for changes in (
        {},
        {"origin": origin(1, 9, "gec")},
        {"vintage_from": date(2026, 6, 30), "vintage_to": date(2026, 7, 31)},
        {"vintage_from": date(2026, 1, 1), "vintage_to": date(2026, 4, 1)},
        {"vintage_from": date(2026, 5, 1), "vintage_to": date(2026, 5, 1)},
        {"class_id": "other"},
    ):
        other = statement(**(again | changes))
        refused("LotCounted", partial(network.issue, other, 1))
    network.issue(statement(**again, vintage_from=date(2026, 7, 1), vintage_to=date(2026, 7, 31)), 1)
    network.issue(statement(id="urn:uuid:3", lot=OTHER_LOT), 1)
    network.world.check()


def test_serials_never_overlap_whatever_they_are_claimed_for(network: Network) -> None:
    network.issue(statement(lot=None, origin=origin(10, 19)), 1)
    for number, (first, last) in enumerate([(10, 19), (1, 10), (19, 30), (12, 13), (1, 99)]):
        other = statement(id=f"urn:uuid:{number}", lot=OTHER_LOT, origin=origin(first, last))
        refused("SerialsCounted", partial(network.issue, other, 1))
    for number, of in enumerate([origin(20, 20), origin(1, 9), origin(10, 19, "gec")]):
        network.issue(statement(id=f"urn:uuid:1{number}", lot=None, origin=of), 1)
    network.world.check()


def test_a_lot_that_was_mixed_stays_mixed(network: Network) -> None:
    later = {"vintage_from": date(2026, 7, 1), "vintage_to": date(2026, 7, 31)}
    network.issue(statement(custody_model=CustodyModel.SEGREGATED))
    better = statement(id="urn:uuid:2", custody_model=CustodyModel.IDENTITY_PRESERVED, **later)
    assert refused("CustodyUpgraded", lambda: network.issue(better)).arguments[1:] == (2, 1)
    network.issue(statement(id="urn:uuid:3", custody_model=CustodyModel.SEGREGATED, **later))
    network.world.check()


def test_a_vintage_has_ended_before_it_is_counted(network: Network) -> None:
    network.world.now = day_after(statement()) - 1
    refused("InvalidVintage", network.issue)
    network.world.now += 1
    network.issue(statement(id="urn:uuid:2"))


def test_two_hands_stand_behind_a_statement(network: Network) -> None:
    stated = statement()
    signature, inclusion = network.proof(stated)
    world = network.world

    def admit(**changes: Any) -> bytes:
        asked: dict[str, Any] = {"statement": stated, "signature": signature, "inclusion": inclusion}
        return world.admit(**({"caller": GREEN_ASSET} | asked | changes))

    forged = sign_evidence(stated, secret=secret_of("a stranger"))
    refused("InvalidCertifierSignature", lambda: admit(signature=forged))
    refused("InvalidCertifierSignature", lambda: admit(statement=statement(quantity=12_501)))
    refused("NotIncluded", lambda: admit(inclusion=replace(inclusion, leaf_index=LeafIndex(1))))
    refused("NotIncluded", lambda: admit(inclusion=replace(inclusion, hashes=(NodeHash(bytes(32)),))))
    refused("NotAnchored", lambda: admit(inclusion=replace(inclusion, tree_size=TreeSize(9))))
    for changes in ({"is_active": False}, {"is_within_term": False}):
        network.set_center(LIMA, **changes)
        refused("CenterNotInGoodStanding", admit)
        network.set_center(LIMA, is_active=True, is_within_term=True)
    for changes in ({"is_certifier": False}, {"is_vouched": False}):
        network.set_member(CERTIFIER, **changes)
        refused("NotCertifier", admit)
        network.set_member(CERTIFIER, is_certifier=True, is_vouched=True)
    network.set_center(ACCRA, is_within_term=False)
    refused("NotCertifier", admit)
    network.set_center(ACCRA, is_within_term=True)
    assert admit() == stated.digest(world.domain)
    assert admit() == stated.digest(world.domain)
    assert list(world.evidence) == [stated.digest(world.domain)]


def test_whoever_asks_counts_for_itself_alone(network: Network) -> None:
    world, stated = network.world, statement(origin=origin(1, 9))
    signature, inclusion = network.proof(stated)
    digest = world.admit(STRANGER, stated, signature, inclusion)
    assert not world.evidence
    network.issue(statement(id="urn:uuid:2", origin=origin(1, 9)))
    refused("LotCounted", lambda: world.issue(SELLER, stated, signature, inclusion, 1))
    world.revoke(member_account(CERTIFIER), stated, "an error")
    refused("Revoked", lambda: world.admit(STRANGER, stated, signature, inclusion))
    assert list(world.counted_for(STRANGER).evidence) == [digest]
    world.check()


def test_a_lot_is_one_member_s_of_one_facility(network: Network) -> None:
    later = {"vintage_from": date(2026, 7, 1), "vintage_to": date(2026, 7, 31)}
    network.issue()
    refused("LotOfAnother", lambda: network.issue(statement(id="urn:uuid:2", holder=BUYER, **later)))
    refused("LotOfAnother", lambda: network.issue(statement(id="urn:uuid:3", facility="https://id.gs1.org/414/1", **later)))
    # Another attribute is another thing, and is kept as it is kept.
    other = {"class_id": COMMUTES.id, "attribute": COMMUTES.attribute, "unit": COMMUTES.unit}
    network.issue(statement(id="urn:uuid:4", holder=BUYER, **other))
    sellers = member_account(COOPERATIVE, 1)
    network.set_member(COOPERATIVE, account=sellers)
    network.issue(statement(id="urn:uuid:5", holder=sellers, **later))
    network.world.check()


def test_a_holder_has_an_account_when_it_is_counted(network: Network) -> None:
    network.set_member(COOPERATIVE, account=member_account(COOPERATIVE, 1))
    refused("UnknownHolder", lambda: network.issue(caller=member_account(COOPERATIVE, 1)))
    network.issue(statement(id="urn:uuid:2", holder=member_account(COOPERATIVE, 1)))


def test_no_statement_uses_up_years_or_a_whole_registry(network: Network) -> None:
    first = date(2026, 6, 30) - timedelta(days=1_100)
    refused("InvalidVintage", lambda: network.issue(statement(vintage_from=first)))
    refused("InvalidSerials", lambda: network.issue(statement(origin=origin(1, 2**32 + 1))))
    network.issue(statement(vintage_from=first + timedelta(days=1), origin=origin(1, 2**32)))


@pytest.mark.parametrize("registry", ["i-rec-", "i--rec", "i-"])
def test_a_registry_has_one_spelling(network: Network, registry: str) -> None:
    refused("InvalidName", lambda: network.issue(statement(origin=origin(1, 2, registry))))


def test_a_statement_is_revoked_before_it_is_admitted_and_never_comes(network: Network) -> None:
    network.world.revoke(JUDGE, statement(), "a slip")
    refused("Revoked", network.issue)


def test_a_certifier_revokes_with_its_account_of_today(network: Network) -> None:
    network.issue()
    network.set_member(CERTIFIER, account=member_account(CERTIFIER, 1))
    refused("NotItsCertifier", lambda: network.world.revoke(JUDGE, statement(), "stolen key"))
    network.world.revoke(member_account(CERTIFIER, 1), statement(), "wrong")


def test_a_quorum_revokes_what_was_admitted(network: Network) -> None:
    world = network.world
    digest = statement().digest(world.domain)
    refused("UnknownEvidence", lambda: world.vote_revocation(operator(LIMA), digest, "why"))
    network.issue()
    refused("InvalidReason", lambda: world.vote_revocation(operator(LIMA), digest, ""))
    network.by_quorum(lambda center: world.vote_revocation(operator(center), digest, f"{center} says so"))
    assert world.revocations[digest] == "tianjin says so"
    refused("Revoked", lambda: world.vote_revocation(operator(ACCRA), digest, "too"))
