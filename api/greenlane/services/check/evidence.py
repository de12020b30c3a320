"""Recomputes evidence statements, and compares them with their entries and with their certifiers' signatures."""

from greenlane.core.assets.evidence import evidence_entry
from greenlane.core.assets.typed_data import Domain, signer_of
from greenlane.core.errors import GreenlaneError, Unavailable
from greenlane.core.units import TreeSize
from greenlane.core.wire import encode_hex
from greenlane.ports.asset_ledger import AssetContract, AssetPlaces
from greenlane.ports.evidence_index import KeptEvidence
from greenlane.ports.store import Store
from greenlane.services.check.entries import PAGE, Plain, Room, check_room, compare_entry
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
    _from_elsewhere(store, report, domain)


def _from_elsewhere(store: Store, report: CheckReport, domain: Domain) -> None:
    """Statements of other deployments' centers, which have no entry here: whether they are still what was signed."""
    after = b""
    while True:
        try:
            with store.read() as tx:
                page = tx.evidence.walk_elsewhere(after=after, limit=PAGE)
        except Unavailable:
            raise
        except GreenlaneError as fault:
            report.blame(f"Evidence statements from elsewhere after 0x{after.hex()} cannot be read: {fault.detail}")
            return
        for kept in page:
            _judge(report, f"Evidence statement {encode_hex(kept.digest)} from elsewhere", kept, domain)
        if not page:
            return
        after = page[-1].digest


def _entry(report: CheckReport, statement: Plain[KeptEvidence], encoded: bytes | None, domain: Domain) -> None:
    place = f"Evidence statement at leaf {statement.leaf_index}: "
    try:
        plain = evidence_entry(statement.kept.statement, domain)
    except GreenlaneError as fault:
        report.blame(f"{place}{fault.detail}")
        return
    compare_entry(report, place, encoded, plain, is_blinded=False, salt=None)


def _statement(report: CheckReport, statement: Plain[KeptEvidence], domain: Domain) -> None:
    _judge(report, f"Evidence statement at leaf {statement.leaf_index}", statement.kept, domain)


def _judge(report: CheckReport, place: str, kept: KeptEvidence, domain: Domain) -> None:
    try:
        if kept.statement.digest(domain) != kept.digest:
            report.blame(f"{place}: it does not give the digest, and token, by which it is found.")
        if kept.signature is None or signer_of(kept.digest, kept.signature) != kept.statement.certifier:
            report.blame(f"{place}: the signature that is kept is not of the certifier whom it names.")
    except GreenlaneError as fault:
        report.blame(f"{place}: {fault.detail}")
