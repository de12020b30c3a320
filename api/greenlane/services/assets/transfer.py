"""Gives units to another member."""

from greenlane.core.documents.description import MemberName
from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActKind, KeptAct
from greenlane.ports.answers import Once
from greenlane.ports.asset_ledger import AssetContract, AssetLedger, Touched
from greenlane.ports.store import Store
from greenlane.services.assets.acting import Acting, Asker, OwnSignature, Wanted
from greenlane.services.assets.members import Members
from greenlane.services.assets.tokens import known_token


class Transfer:
    """The use case."""

    def __init__(self, *, store: Store, ledger: AssetLedger, members: Members, acting: Acting) -> None:
        self._store = store
        self._ledger = ledger
        self._members = members
        self._acting = acting

    def __call__(
        self,
        asker: Asker,
        *,
        token: bytes,
        quantity: str,
        receiver: MemberName,
        own: OwnSignature | None = None,
        once: Once | None = None,
    ) -> KeptAct:
        """Keeps the act that gives units of a token to `receiver`.

        Raises:
            AssetUnknown, QuantityInvalid, MemberUnknown, MemberNotInGoodStanding: the request cannot be.
            and as `Acting.draft` and `Acting.keep` say.
        """
        earlier = self._acting.earlier(once)
        if earlier is not None:
            return earlier
        known = known_token(self._store, self._ledger, token)
        units = known.quantity(quantity)
        draft = self._acting.draft(asker, own)
        account = self._members.taking(receiver, where="/to")
        wanted = Wanted(
            kind=ActKind.TRANSFER,
            contract=AssetContract.GREEN_ASSET,
            call=self._ledger.calls.transfer(sender=draft.account, receiver=account, token=token, quantity=units),
            subject=encode_hex(token),
            asked={"token": encode_hex(token), "quantity": quantity, "to": str(receiver)},
            touched=Touched(tokens=(token,), holdings=((draft.account, token), (account, token))),
        )
        return self._acting.keep(asker, draft, wanted, once=once)
