"""What fsck promises of evidence and retirements: clean ones are called clean, and every damage to one is named."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from greenlane.core.assets.evidence import EvidenceStatement, evidence_entry
from greenlane.core.assets.retirement import RetirementStatement, retirement_entry
from greenlane.core.entry import Entry
from greenlane.core.units import Address, CenterId, ChainId, LeafIndex
from greenlane.ports.asset_ledger import AssetPlaces
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.ports.purchases import KeptRetirement
from greenlane.ports.store import Transaction
from greenlane.services.check import Check, CheckReport
from worlds.deployment import LIMA, World
from worlds.green_assets import (
    CERTIFIER,
    CHAIN,
    CITY,
    COOPERATIVE,
    DOMAIN,
    GREEN_ASSET,
    REGISTER,
    retirement,
    retirement_facts,
    sign_evidence,
    statement,
)

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
PLACES = AssetPlaces(chain_id=CHAIN, green_asset=GREEN_ASSET, evidence_register=REGISTER)
STATED = "Entry 300 is of evidence"


def fsck(world: World, places: AssetPlaces | None = PLACES, center: CenterId = LIMA) -> CheckReport:
    check = Check(store=world.store, signer=world.signer, sealed=None, documents=world.documents, assets=places)
    return check(center, ledger=None, progress=lambda _what, _done, _total: None)


def append(tx: Transaction, entry: Entry) -> LeafIndex:
    tx.log.lock(LIMA)
    return tx.log.append(LIMA, [entry.encode()])


def state(world: World, of: EvidenceStatement, *, entry: Entry | None = None, **facts: Any) -> None:
    """Logs a statement as its service does; or beside another entry, or with other facts."""
    signature = facts.pop("signature", sign_evidence(of))
    kept = KeptEvidence(
        digest=of.digest(DOMAIN),
        center=LIMA,
        holder_center=LIMA,
        holder=COOPERATIVE.member,
        certifier_center=CERTIFIER.center,
        certifier=CERTIFIER.member,
        statement=of,
        state=EvidenceState.DRAFTED,
        signature=None,
        leaf_index=None,
        drafted_at=NOON,
        decided_at=None,
        refused_because=None,
    )
    kept = replace(kept, **facts)
    with world.store.write() as tx:
        tx.evidence.add(kept)
        leaf_index = append(tx, evidence_entry(of, DOMAIN) if entry is None else entry)
        tx.evidence.log(kept.digest, signature=signature, leaf_index=leaf_index, at=NOON)


def certify(world: World, of: RetirementStatement, *, entry: Entry | None = None, **facts: Any) -> None:
    """Logs a retirement, as `state` does a statement."""
    with world.store.write() as tx:
        leaf_index = append(tx, retirement_entry(of) if entry is None else entry)
        kept = KeptRetirement(
            id=of.facts.id,
            center=LIMA,
            member=CITY.member,
            statement=of,
            leaf_index=leaf_index,
            line=("ab" * 16, 1),
            stated_at=NOON,
        )
        tx.purchases.add_retirement(replace(kept, **facts))


def fill(world: World) -> None:
    """Evidence at the leaves 300 and 303, a retirement at 301, events before and between; and one draft, which has no entry."""
    world.take(300)
    state(world, statement())
    certify(world, retirement())
    world.take(1, first=300)
    state(world, statement(id="urn:example:second", quantity=7))
    with world.store.write() as tx:
        of = statement(id="urn:example:draft")
        kept = tx.evidence.get(statement().digest(DOMAIN))
        assert kept is not None
        draft = replace(kept, statement=of, digest=of.digest(DOMAIN), state=EvidenceState.DRAFTED)
        tx.evidence.add(replace(draft, signature=None, leaf_index=None, decided_at=None))
    world.settle()


def test_evidence_and_retirements_among_events_are_clean(world: World) -> None:
    fill(world)
    report = fsck(world)
    assert (report.faults, report.events, report.evidence, report.retirements, report.entries) == ([], 301, 2, 1, 304)


def test_without_contracts_such_entries_are_faults(world: World) -> None:
    fill(world)
    report = fsck(world, None)
    assert [fault.partition(",")[0] for fault in report.faults] == [
        STATED,
        "Entry 303 is of evidence",
        "Entry 301 is of a retirement",
    ]
    assert (report.evidence, report.retirements) == (0, 0)


def test_a_network_with_other_contracts_is_not_theirs(world: World) -> None:
    fill(world)
    faults = fsck(world, replace(PLACES, evidence_register=Address(bytes(20)))).faults
    assert any("leaf 300: the log's entry is not that" in fault for fault in faults)
    assert any("leaf 300: it does not give the digest" in fault for fault in faults)
    for other in (replace(PLACES, green_asset=REGISTER), replace(PLACES, chain_id=ChainId(1))):
        assert any("leaf 301: it names other contracts" in fault for fault in fsck(world, other).faults)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("DELETE FROM evidence WHERE leaf_index = 300", "Entry 300 is of evidence, and no statement is stored for it."),
        ("DELETE FROM certified_retirement", "Entry 301 is of a retirement, and nothing is stored for it."),
        ("UPDATE evidence SET leaf_index = 302 WHERE leaf_index = 300", "leaf 302: the log's entry is not that"),
        ("UPDATE evidence SET leaf_index = 999 WHERE leaf_index = 303", "leaf 999: the log has no entry"),
        ("UPDATE certified_retirement SET leaf_index = 999", "Retirement at leaf 999: the log has no entry"),
        ("UPDATE certified_retirement SET leaf_index = 302", "Retirement at leaf 302: the log's entry is not that"),
        ("UPDATE evidence SET digest = zeroblob(32) WHERE leaf_index = 300", "leaf 300: it does not give the digest"),
        ("UPDATE evidence SET signature = zeroblob(65) WHERE leaf_index = 303", "leaf 303: the signature"),
        ("UPDATE evidence SET signature = x'00' WHERE leaf_index = 303", "leaf 303: the signature"),
        ("UPDATE evidence SET facility = 'urn:example:x' WHERE leaf_index = 300", "Evidence statements from leaf 0 on cannot"),
        ("UPDATE evidence SET statement = x'7b7d' WHERE leaf_index = 303", "Evidence statements from leaf 0 on cannot"),
        ("UPDATE certified_retirement SET statement = x'00'", "Retirements from leaf 0 on cannot be read"),
        ("UPDATE certified_retirement SET id = zeroblob(32)", "leaf 301: it is found by another id"),
        ("UPDATE certified_retirement SET member = 'other'", "leaf 301: it is kept as of lima/other, and says lima/city"),
        ("UPDATE certified_retirement SET line_number = 2", "leaf 301: it is kept as for another purchase line"),
        ("UPDATE entry_run SET entries = x'00'", "were not compared with their entries"),
    ],
)
def test_what_is_gone_or_changed_is_named(world: World, damage: str, named: str) -> None:
    fill(world)
    assert world.damage(damage) >= 1
    faults = fsck(world).faults
    assert any(named in fault for fault in faults), faults


def test_a_statement_beside_anothers_entry_or_signature_is_named(world: World) -> None:
    other = statement(id="urn:example:other")
    state(world, statement(), entry=evidence_entry(other, DOMAIN))
    state(world, other, signature=sign_evidence(statement()))
    faults = fsck(world).faults
    assert [fault.partition(":")[0] for fault in faults] == ["Evidence statement at leaf 0", "Evidence statement at leaf 1"]


def test_a_retirement_whose_words_are_not_behind_its_facts_is_named(world: World) -> None:
    certify(world, retirement(beneficiary="Somebody else"))
    certify(world, retirement(facts=retirement_facts(ref=bytes(31) + b"\x01", quantity=99_999_999)))
    faults = fsck(world).faults
    assert [fault.partition(":")[0] for fault in faults] == ["Retirement at leaf 0", "Retirement at leaf 1"]


def test_a_retirement_for_a_line_that_is_not_shown_is_clean(world: World) -> None:
    certify(world, retirement(line=None, holder=None))
    assert fsck(world).faults == []
