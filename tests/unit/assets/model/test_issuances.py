"""Units come to be by their holder alone, never more than evidenced, and as their class says."""

from dataclasses import replace
from typing import Any

import pytest
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.quantity import Unit
from worlds.asset_rules import BUYER, SELLER, STRANGER, refused
from worlds.green_assets import CERTIFIER, COOPERATIVE, Network, member_account, statement


def test_more_is_never_issued_than_was_evidenced(network: Network) -> None:
    stated = statement()
    signature, inclusion = network.proof(stated)
    network.world.issue(SELLER, stated, signature, inclusion, 12_000)
    error = refused("MoreThanEvidenced", lambda: network.world.issue(SELLER, stated, signature, inclusion, 501))
    assert error.arguments[1:] == (500, 501)
    network.world.issue(SELLER, stated, signature, inclusion, 500)
    refused("MoreThanEvidenced", lambda: network.world.issue(SELLER, stated, signature, inclusion, 1))
    refused("ZeroQuantity", lambda: network.world.issue(SELLER, stated, signature, inclusion, 0))
    network.world.check()


def test_a_refused_issue_admits_nothing(network: Network) -> None:
    refused("MoreThanEvidenced", lambda: network.issue(quantity=12_501))
    assert network.world == replace(Network().with_classes().world, around=network.world.around)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"attribute": "organic"}, "attribute"),
        ({"unit": Unit(code="TNE", decimals=3)}, "unit"),
        ({"unit": Unit(code="KGM", decimals=2)}, "decimals"),
        ({"custody_model": CustodyModel.MASS_BALANCE}, "custodyModel"),
    ],
)
def test_a_statement_says_what_its_class_has(network: Network, changes: dict[str, Any], field: str) -> None:
    assert refused("ClassDiffers", lambda: network.issue(statement(**changes))).arguments[1] == field


def test_an_unknown_class_is_refused(network: Network) -> None:
    refused("UnknownClass", lambda: network.issue(statement(class_id="steel")))


def test_a_certifier_must_be_one_still_whenever_more_is_issued(network: Network) -> None:
    stated = statement()
    signature, inclusion = network.proof(stated)
    world = network.world
    world.issue(SELLER, stated, signature, inclusion, 1)
    network.set_member(CERTIFIER, account=member_account(CERTIFIER, 1))
    world.issue(SELLER, stated, signature, inclusion, 1)
    network.set_member(CERTIFIER, is_vouched=False)
    refused("NotCertifier", lambda: world.issue(SELLER, stated, signature, inclusion, 1))
    network.set_member(COOPERATIVE, account=member_account(COOPERATIVE, 1))
    network.set_member(CERTIFIER, is_vouched=True, account=stated.holder)
    refused("OwnCertifier", lambda: world.issue(member_account(COOPERATIVE, 1), stated, signature, inclusion, 1))
    del world.around.members[CERTIFIER]
    refused("NotCertifier", lambda: world.issue(member_account(COOPERATIVE, 1), stated, signature, inclusion, 1))


def test_a_holder_issues_and_nobody_else(network: Network) -> None:
    refused("NotItsHolder", lambda: network.issue(caller=BUYER))
    refused("NotMember", lambda: network.issue(caller=STRANGER))


def test_who_has_a_new_account_may_still_issue_what_it_holds(network: Network) -> None:
    network.issue(quantity=1)
    network.set_member(COOPERATIVE, account=member_account(COOPERATIVE, 1))
    network.issue(quantity=1, caller=member_account(COOPERATIVE, 1))
    network.world.check()
