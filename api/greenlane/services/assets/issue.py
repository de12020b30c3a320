"""Issues units out of a statement that stands in an anchored log.

Where the statement's ranges belong among those that are used is looked up now and may be out of date when the act is decided,
because another statement was admitted meanwhile. The contract then refuses it and nothing is lost: where the member's key is kept
here another act is made in its place, a few times at most.
"""

from greenlane.core.assets.quantity import read_quantity
from greenlane.core.errors import Conflict, Forbidden, GreenlaneError, NotFound, ProofRefused, Unavailable
from greenlane.core.merkle import leaf_hash, verify_inclusion
from greenlane.core.tiles import inclusion_proof_from_tiles
from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActKind, KeptAct
from greenlane.ports.answers import Once
from greenlane.ports.asset_ledger import AssetContract, AssetLedger, EvidenceProof, Placement, Touched
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.ports.ledger import LedgerUnavailable
from greenlane.ports.member_keys import MemberKeys
from greenlane.ports.store import Store, Transaction
from greenlane.services.assets.acting import Acting, Asker, OwnSignature, Replaced, Wanted

_MOST_ATTEMPTS = 5
STALE = "WrongPlacement"
"""How the contract refuses a placement that is out of date."""


class EvidenceNotReady(Conflict):
    """No units can be issued out of the statement yet: it is not signed, or its entry is not anchored."""

    code = "evidence-not-ready"
    default_remedy = "Ask again once it is anchored, which takes a block or two after it was signed."


class NotItsHolder(Forbidden):
    """The statement names another member as the one whose units these will be."""

    code = "not-its-holder"
    default_remedy = "The member that the statement names as holder issues units out of it."


class Issue:
    """The use case."""

    def __init__(self, *, store: Store, ledger: AssetLedger, acting: Acting, keys: MemberKeys) -> None:
        self._store = store
        self._ledger = ledger
        self._acting = acting
        self._keys = keys

    def __call__(
        self, asker: Asker, *, digest: bytes, quantity: str, own: OwnSignature | None = None, once: Once | None = None
    ) -> KeptAct:
        """Keeps the act that issues units.

        Args:
            digest: of the statement, kept here.

        Raises:
            NotFound: no such statement is kept here.
            NotItsHolder, EvidenceNotReady, QuantityInvalid: as their names say.
            and as `Acting.draft` and `Acting.keep` say.
        """
        earlier = self._acting.earlier(once)
        if earlier is not None:
            return earlier
        return self._issued(asker, digest, quantity, own, once, None)

    def again(self, act: KeptAct, *, detail: str) -> bool:
        """Makes another act in the place of one that was refused because its placement was out of date.

        Args:
            detail: the contract's words.

        Returns:
            Whether one was made; the first is closed then.

        Raises:
            LedgerUnavailable, StoreUnavailable: call again later.
        """
        attempt = act.keeping.attempt + 1
        if attempt > _MOST_ATTEMPTS or self._keys.account(act.center, act.member) is None:
            return False
        asker = Asker(center=act.center, member=act.member, actor="worker")
        digest, quantity = bytes.fromhex(str(act.asked["evidence"])[2:]), str(act.asked["quantity"])
        replaced = Replaced(act=act, attempt=attempt, detail=detail)
        try:
            self._issued(asker, digest, quantity, None, None, replaced)
        except Unavailable:
            raise
        except GreenlaneError:
            # What hinders now is told by the contract's first words; nobody waits here for others.
            return False
        return True

    def _issued(
        self,
        asker: Asker,
        digest: bytes,
        quantity: str,
        own: OwnSignature | None,
        once: Once | None,
        replaced: Replaced | None,
    ) -> KeptAct:
        with self._store.read() as tx:
            kept = tx.evidence.get(digest)
            if kept is None:
                raise NotFound(
                    f"No statement {encode_hex(digest)} is kept here.", remedy="Ask the center in whose log it stands."
                )
            if (kept.holder_center, kept.holder) != (asker.center, asker.member):
                raise NotItsHolder(f"{kept.holder_center}/{kept.holder} holds it, not {asker.name}.")
            proof = _proof(tx, kept)
        statement = kept.statement
        units = read_quantity(quantity, "/quantity", statement.unit)
        draft = self._acting.draft(asker, own)
        try:
            placement = self._ledger.placement(statement)
        except LedgerUnavailable:
            # Right where nothing was counted before; where it is not, another act is made in this one's place.
            placement = Placement(vintage_after=0, serial_after=0)
        wanted = Wanted(
            kind=ActKind.ISSUE,
            contract=AssetContract.GREEN_ASSET,
            call=self._ledger.calls.issue(statement, proof, placement, units),
            subject=statement.id,
            asked={"evidence": encode_hex(digest), "quantity": quantity},
            touched=Touched(classes=(statement.class_id,), tokens=(digest,), holdings=((draft.account, digest),)),
        )
        return self._acting.keep(asker, draft, wanted, once=once, replaced=replaced)


def _proof(tx: Transaction, kept: KeptEvidence) -> EvidenceProof:
    """Signature and inclusion in the smallest anchored tree, verified here before the contract is asked to."""
    words = "The statement"
    if kept.state is EvidenceState.REFUSED:
        raise EvidenceNotReady(
            f"{words} was refused by its certifier: {kept.refused_because}", remedy="State it anew as the certifier asks."
        )
    if kept.state is EvidenceState.ELSEWHERE:
        remedy = f"Issue it at the center {kept.center}: only the log that holds the entry proves it to the contract."
        raise EvidenceNotReady(f"{words} is an entry of the log of {kept.center}, which is kept elsewhere.", remedy=remedy)
    if kept.leaf_index is None or kept.signature is None:
        certifier = f"{kept.certifier_center}/{kept.certifier}"
        remedy = f"Have {certifier} sign it: POST /v1/evidence/{encode_hex(kept.digest)}/signature."
        raise EvidenceNotReady(f"{words} waits for the signature of {certifier}.", remedy=remedy)
    anchor = tx.log.anchor_covering(kept.center, kept.leaf_index)
    if anchor is None:
        is_published = kept.leaf_index < tx.log.head(kept.center).published
        stage = "published" if is_published else "captured"
        raise EvidenceNotReady(f"{words} is signed, its entry is {stage}, and not anchored yet.")
    center = kept.center
    path = inclusion_proof_from_tiles(
        kept.leaf_index, anchor.tree_size, lambda tile, width: tx.log.read_tile(center, tile, width)
    )
    entries = tx.log.entries(center, kept.leaf_index, 1)
    if not entries:
        raise ProofRefused(f"The log of {center!r} holds no entry {kept.leaf_index}.")
    verify_inclusion(leaf=leaf_hash(entries[0]), index=kept.leaf_index, tree_size=anchor.tree_size, proof=path, root=anchor.root)
    return EvidenceProof(signature=kept.signature, tree_size=anchor.tree_size, leaf_index=kept.leaf_index, path=path)
