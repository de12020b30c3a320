"""States a retirement in its center's log, with the texts behind the digests that the chain keeps, and hands out its certificate.

It is done once the chain holds the retirement and before the act that asked for it is closed: whatever dies in between is done
again, and finds what is there. Entry, statement and audit line are one transaction. A retirement that the chain lost with its
newest blocks and then did again has another time, and is stated again; the entry that proves nothing any more stays in the log.

Where the statement behind the units is kept at another deployment's center, and not known here yet, the retirement is noted and
certified once somebody brought the statement: `catch_up` looks for that.

Where validators seal the chain, the worker's lane of seals brings the block that proves the retirement a moment later, and
certificates carry it from then on; until then, and where nobody seals, they go out without.
"""

from dataclasses import dataclass
from datetime import UTC
from typing import Final

from greenlane.core.assets.chain_places import retirement_slot
from greenlane.core.assets.retirement import (
    RetirementFacts,
    RetirementStatement,
    retirement_digest,
    retirement_entry,
)
from greenlane.core.documents.description import MemberName
from greenlane.core.errors import GreenlaneError, NotFound, ProofRefused, Unavailable
from greenlane.core.sealing import verify_sealed_slot
from greenlane.core.seals import Seals
from greenlane.core.units import CenterId, LeafIndex
from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActKind, KeptAct
from greenlane.ports.asset_ledger import AssetLedger
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.log import QueueFull
from greenlane.ports.purchases import KeptRetirement, LeftRetirement
from greenlane.ports.seals import SealedChain, carried_seals
from greenlane.ports.store import Store, Transaction

_ACTOR: Final = "worker"
_LEFT_A_CALL: Final = 16


class RetirementUnknown(NotFound):
    """No retirement of that id is certified here."""

    code = "retirement-unknown"
    default_remedy = (
        "Compare the id. A retirement is certified by the center that brought it, a moment after the chain holds it, once the "
        "statement of its units is known there; GET /v1/retirements/{id} tells what the chain holds."
    )


class RetirementSealsDamaged(ProofRefused):
    """What the store holds as the seals of a retirement does not prove it; no certificate of it was handed out."""

    code = "retirement-seals-damaged"
    default_remedy = "The center's operator runs `greenlane fsck`, and restores from a backup what it names."


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp:
    """What one look at the retirements that were left did.

    Attributes:
        certified: how many were certified now.
        has_more: there may be more behind those that were looked at, whether these could be certified or not.
    """

    certified: int
    has_more: bool


class CertifyRetirement:
    """The use case; one instance serves all threads."""

    def __init__(
        self, *, store: Store, ledger: AssetLedger, clock: Clock, max_unpublished: int, sealed: SealedChain | None = None
    ) -> None:
        """Args:
        max_unpublished: entries of one center that may wait to be published before statements are pushed back.
        sealed: the chain where validators seal it; None where nobody does.
        """
        self._sealed = sealed
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._max_unpublished = max_unpublished
        self._looked_to: dict[CenterId, bytes] = {}

    def __call__(self, act: KeptAct) -> KeptRetirement | None:
        """Certifies what an act has retired.

        Args:
            act: one that the chain carried out.

        Returns:
            What is kept; None where the act retired nothing, or its units stand on a statement that is not known here: that is
            noted.

        Raises:
            QueueFull: the log's backlog is at its limit; nothing was written.
            LedgerUnavailable, StoreUnavailable: as their names say.
        """
        if act.kind is not ActKind.RETIRE:
            return None
        retirement_id = bytes.fromhex(act.subject[2:])
        facts = self._ledger.retirement(retirement_id)
        if facts is None:
            return None
        claimant = self._ledger.member_at(facts.claimant)
        with self._store.write() as tx:
            head = tx.log.lock(act.center)
            known = tx.purchases.retirement(retirement_id)
            # Other facts under one id: the chain lost the retirement and did it again, in a later block.
            if known is not None and known.statement.facts == facts:
                return known
            statement = self._statement(
                tx, act, facts, None if claimant is None else MemberName(center=claimant.center, member=claimant.member)
            )
            if statement is None:
                if known is None:
                    left = LeftRetirement(id=retirement_id, center=act.center, token=facts.token, act=act.digest)
                    tx.purchases.leave_retirement(left)
                return None
            if head.captured - head.published >= self._max_unpublished:
                raise QueueFull(f"{head.captured - head.published} entries of {act.center!r} wait to be published.")
            now = self._clock().astimezone(UTC)
            kept = KeptRetirement(
                id=retirement_id,
                center=act.center,
                member=act.member,
                statement=statement,
                leaf_index=LeafIndex(head.captured),
                line=act.line,
                stated_at=now,
            )
            tx.log.append(act.center, [retirement_entry(statement).encode()])
            if known is None:
                tx.purchases.add_retirement(kept)
            else:
                tx.purchases.add_retirement_again(kept)
            subject = encode_hex(retirement_id)
            tx.audit.add(
                AuditLine(
                    at=now, actor=_ACTOR, center=act.center, member=act.member, action="retirement.certify", subject=subject
                )
            )
        return kept

    def catch_up(self, center: CenterId) -> CaughtUp:
        """Certifies retirements of a center's members that were left, and whose statement is known by now; some in one call.

        One that the chain has lost goes on waiting, and keeps no other from its turn. It may die anywhere, and be called by
        several at once: each is certified once.

        Raises:
            QueueFull, LedgerUnavailable, StoreUnavailable: as for a call; those before it are certified.
            GreenlaneError: one cannot be certified; the others were.
        """
        certified, faults = 0, list[GreenlaneError]()
        with self._store.read() as tx:
            left = tx.purchases.left_retirements(center, after=self._looked_to.get(center, b""), limit=_LEFT_A_CALL)
            acts = [tx.acts.get(each.act) for each in left]
        for each, act in zip(left, acts, strict=True):
            try:
                certified += act is not None and self(act) is not None
            except Unavailable:
                raise
            except GreenlaneError as fault:
                faults.append(fault)
            self._looked_to[center] = each.id
        if faults:
            raise faults[0]
        has_more = len(left) == _LEFT_A_CALL
        if not has_more:
            self._looked_to.pop(center, None)
        return CaughtUp(certified=certified, has_more=has_more)

    def known(self, retirement_id: bytes) -> KeptRetirement:
        """What was certified.

        Raises:
            RetirementUnknown: nothing of that id.
        """
        with self._store.read() as tx:
            kept = tx.purchases.retirement(retirement_id)
        if kept is None:
            raise RetirementUnknown(f"No retirement {encode_hex(retirement_id)} is certified here.")
        return kept

    def seals(self, kept: KeptRetirement) -> Seals | None:
        """What proves a certified retirement without asking the chain, verified as any stranger would; None where it is not kept
        yet, or nobody seals the chain.

        Raises:
            RetirementSealsDamaged, StoreUnavailable: as their names say.
        """
        chain = self._sealed
        if chain is None or chain.green_asset is None:
            return None
        with self._store.read() as tx:
            try:
                shown = tx.purchases.retirement_seal(kept.id)
                if shown is None:
                    return None
                seals, sealing = carried_seals(tx.seals, chain, shown)
                verify_sealed_slot(
                    seals,
                    sealing=sealing,
                    registry=chain.pilot_registry,
                    contract=chain.green_asset,
                    slot=retirement_slot(kept.id),
                    value=retirement_digest(kept.statement.facts),
                )
            except Unavailable:
                raise
            except GreenlaneError as fault:
                words = f"What is kept as the seals of the retirement {encode_hex(kept.id)} does not prove it: {fault.detail}"
                raise RetirementSealsDamaged(words) from fault
        return seals

    def _statement(
        self, tx: Transaction, act: KeptAct, facts: RetirementFacts, claimant: MemberName | None
    ) -> RetirementStatement | None:
        evidence = tx.evidence.get(facts.token)
        if evidence is None:
            return None
        purchase = None if act.line is None else tx.purchases.get(act.line[0])
        lines = () if purchase is None else purchase.lines
        line = next((one.open_line.without_price() for one in lines if one.digest == facts.line_digest), None)
        places = self._ledger.places
        return RetirementStatement(
            chain_id=places.chain_id,
            green_asset=places.green_asset,
            evidence_register=places.evidence_register,
            facts=facts,
            holder=MemberName(center=act.center, member=act.member),
            claimant=claimant,
            beneficiary=str(act.asked["beneficiary"]),
            statement=evidence.statement,
            line=line,
        )
