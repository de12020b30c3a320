"""Takes back a statement: its units do not move any more, and its retirements are challenged. Nothing brings it back."""

from greenlane.core.errors import Forbidden, NotFound
from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActKind, KeptAct
from greenlane.ports.answers import Once
from greenlane.ports.asset_ledger import AssetContract, AssetLedger, Touched
from greenlane.ports.store import Store
from greenlane.services.assets.acting import Acting, Asker, OwnSignature, Wanted


class NotItsCertifier(Forbidden):
    """The statement names another member as its certifier."""

    code = "not-its-certifier"
    default_remedy = "Only the member that signed a statement takes it back; centers do it by a vote of a quorum."


class Revoke:
    """The use case."""

    def __init__(self, *, store: Store, ledger: AssetLedger, acting: Acting) -> None:
        self._store = store
        self._ledger = ledger
        self._acting = acting

    def __call__(
        self, asker: Asker, *, digest: bytes, reason: str, own: OwnSignature | None = None, once: Once | None = None
    ) -> KeptAct:
        """Keeps the act that revokes a statement kept here, with its reason, 1 to 256 bytes.

        Raises:
            NotFound: no such statement is kept here.
            NotItsCertifier: as its name says.
            and as `Acting.draft` and `Acting.keep` say.
        """
        earlier = self._acting.earlier(once)
        if earlier is not None:
            return earlier
        with self._store.read() as tx:
            kept = tx.evidence.get(digest)
        if kept is None:
            raise NotFound(f"No statement {encode_hex(digest)} is kept here.", remedy="Ask the center in whose log it stands.")
        if (kept.certifier_center, kept.certifier) != (asker.center, asker.member):
            raise NotItsCertifier(f"{kept.certifier_center}/{kept.certifier} certified it, not {asker.name}.")
        draft = self._acting.draft(asker, own)
        wanted = Wanted(
            kind=ActKind.REVOKE,
            contract=AssetContract.EVIDENCE_REGISTER,
            call=self._ledger.calls.revoke(kept.statement, reason),
            subject=kept.statement.id,
            asked={"evidence": encode_hex(digest), "reason": reason},
            touched=Touched(tokens=(digest,)),
        )
        return self._acting.keep(asker, draft, wanted, once=once)
