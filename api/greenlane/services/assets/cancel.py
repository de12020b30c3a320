"""Takes units out of the world without a claim, for ever."""

from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActKind, KeptAct
from greenlane.ports.answers import Once
from greenlane.ports.asset_ledger import AssetContract, AssetLedger, Touched
from greenlane.ports.store import Store
from greenlane.services.assets.acting import Acting, Asker, OwnSignature, Wanted
from greenlane.services.assets.tokens import known_token


class Cancel:
    """The use case."""

    def __init__(self, *, store: Store, ledger: AssetLedger, acting: Acting) -> None:
        self._store = store
        self._ledger = ledger
        self._acting = acting

    def __call__(
        self,
        asker: Asker,
        *,
        token: bytes,
        quantity: str,
        reason: str,
        own: OwnSignature | None = None,
        once: Once | None = None,
    ) -> KeptAct:
        """Keeps the act that cancels units, with its reason, 1 to 256 bytes.

        Raises:
            AssetUnknown, QuantityInvalid: the request cannot be.
            and as `Acting.draft` and `Acting.keep` say.
        """
        earlier = self._acting.earlier(once)
        if earlier is not None:
            return earlier
        known = known_token(self._store, self._ledger, token)
        units = known.quantity(quantity)
        draft = self._acting.draft(asker, own)
        wanted = Wanted(
            kind=ActKind.CANCEL,
            contract=AssetContract.GREEN_ASSET,
            call=self._ledger.calls.cancel(token=token, quantity=units, reason=reason),
            subject=encode_hex(token),
            asked={"token": encode_hex(token), "quantity": quantity, "reason": reason},
            touched=Touched(tokens=(token,), holdings=((draft.account, token),)),
        )
        return self._acting.keep(asker, draft, wanted, once=once)
