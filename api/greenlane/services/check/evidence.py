"""Recomputes evidence statements, and compares them with their entries and with their certifiers' signatures."""

from greenlane.core.assets.evidence import evidence_entry
from greenlane.core.assets.typed_data import Domain, signer_of
from greenlane.core.errors import GreenlaneError
from greenlane.core.units import TreeSize
from greenlane.ports.asset_ledger import AssetContract, AssetPlaces
from greenlane.ports.evidence_index import KeptEvidence
from greenlane.ports.store import Store
from greenlane.services.check.entries import Plain, Room, check_room, compare_entry
from greenlane.services.check.report import CheckReport, Missing, Progress


def check_evidence(
    store: Store, report: CheckReport, captured: TreeSize, missing: Missing, places: AssetPlaces | None, progress: Progress
) -> None:
    """Recomputes every logged statement of a center.

    Args:
        places: the contracts, whose addresses stand in each digest; None where the network has none, and so no such entries.
    """
    if places is None:
        for index in missing:
            report.blame(f"Entry {index} is of evidence, and this network has no contracts of green assets.")
        return
    domain = places.domain(AssetContract.EVIDENCE_REGISTER)

    def judge(statement: Plain[KeptEvidence]) -> None:
        _statement(report, statement, domain)
        report.evidence += 1

    statements = Room(
        what="Evidence statement",
        walk=lambda tx, center, start, limit: [
            Plain(kept=each, leaf_index=each.leaf_index)
            for each in tx.evidence.walk(center, start=start, limit=limit)
            if each.leaf_index is not None
        ],
        judge=judge,
        compare=lambda statement, encoded: _entry(report, statement, encoded, domain),
        done=lambda last: progress("evidence", min(last + 1, captured), captured),
    )
    check_room(store, report, missing, statements)
    for index in missing:
        report.blame(f"Entry {index} is of evidence, and no statement is stored for it.")


def _entry(report: CheckReport, statement: Plain[KeptEvidence], encoded: bytes | None, domain: Domain) -> None:
    place = f"Evidence statement at leaf {statement.leaf_index}: "
    try:
        plain = evidence_entry(statement.kept.statement, domain)
    except GreenlaneError as fault:
        report.blame(f"{place}{fault.detail}")
        return
    compare_entry(report, place, encoded, plain, is_blinded=False, salt=None)


def _statement(report: CheckReport, statement: Plain[KeptEvidence], domain: Domain) -> None:
    place, kept = f"Evidence statement at leaf {statement.leaf_index}", statement.kept
    try:
        if kept.statement.digest(domain) != kept.digest:
            report.blame(f"{place}: it does not give the digest, and token, by which it is found.")
        if kept.signature is None or signer_of(kept.digest, kept.signature) != kept.statement.certifier:
            report.blame(f"{place}: the signature that is kept is not of the certifier whom it names.")
    except GreenlaneError as fault:
        report.blame(f"{place}: {fault.detail}")
