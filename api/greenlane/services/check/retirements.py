"""Recomputes certified retirements, and compares them with their entries; whether the chain keeps their facts is not asked."""

from greenlane.core.assets.retirement import disagreements, retirement_entry
from greenlane.core.documents.description import MemberName
from greenlane.core.errors import GreenlaneError
from greenlane.core.units import TreeSize
from greenlane.ports.asset_ledger import AssetPlaces
from greenlane.ports.purchases import KeptRetirement
from greenlane.ports.store import Store
from greenlane.services.check.entries import Plain, Room, check_room, compare_entry
from greenlane.services.check.report import CheckReport, Missing, Progress


def check_retirements(
    store: Store, report: CheckReport, captured: TreeSize, missing: Missing, places: AssetPlaces | None, progress: Progress
) -> None:
    """Recomputes every certified retirement of a center.

    Args:
        places: as for `check_evidence`.
    """
    if places is None:
        for index in missing:
            report.blame(f"Entry {index} is of a retirement, and this network has no contracts of green assets.")
        return

    def judge(retirement: Plain[KeptRetirement]) -> None:
        _retirement(report, retirement.kept, places)
        report.retirements += 1

    retirements = Room(
        what="Retirement",
        walk=lambda tx, center, start, limit: [
            Plain(kept=each, leaf_index=each.leaf_index)
            for each in tx.purchases.walk_retirements(center, start=start, limit=limit)
        ],
        judge=judge,
        compare=lambda retirement, encoded: _entry(report, retirement.kept, encoded),
        done=lambda last: progress("retirements", min(last + 1, captured), captured),
    )
    check_room(store, report, missing, retirements)
    for index in missing:
        report.blame(f"Entry {index} is of a retirement, and nothing is stored for it.")


def _entry(report: CheckReport, retirement: KeptRetirement, encoded: bytes | None) -> None:
    place = f"Retirement at leaf {retirement.leaf_index}: "
    compare_entry(report, place, encoded, retirement_entry(retirement.statement), is_blinded=False, salt=None)


def _retirement(report: CheckReport, retirement: KeptRetirement, places: AssetPlaces) -> None:
    place = f"Retirement at leaf {retirement.leaf_index}"
    stated = retirement.statement
    named = (stated.chain_id, stated.green_asset, stated.evidence_register)
    if named != (places.chain_id, places.green_asset, places.evidence_register):
        report.blame(f"{place}: it names other contracts than this network's.")
    if stated.facts.id != retirement.id:
        report.blame(f"{place}: it is found by another id than its own.")
    if stated.holder not in (None, MemberName(center=retirement.center, member=retirement.member)):
        report.blame(f"{place}: it is kept as of {retirement.center}/{retirement.member}, and says {stated.holder}.")
    line = None if stated.line is None else (stated.line.line.purchase_id, stated.line.line.number)
    if None not in (line, retirement.line) and line != retirement.line:
        report.blame(f"{place}: it is kept as for another purchase line than it says.")
    try:
        for wrong in disagreements(stated):
            report.blame(f"{place}: {wrong.detail}")
    except GreenlaneError as fault:
        report.blame(f"{place}: {fault.detail}")
