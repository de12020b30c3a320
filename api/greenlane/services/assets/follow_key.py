"""Brings a member's units from the account that it had before its center gave the registry another.

Only the account of today may, and only from one that was the same member's before: the contract judges that. What is
set aside under the former account needs nothing of this, for it goes back to the account of today.
"""

from greenlane.core.units import Address
from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActKind, KeptAct
from greenlane.ports.answers import Once
from greenlane.ports.asset_ledger import AssetContract, AssetLedger, Touched
from greenlane.ports.store import Store
from greenlane.services.assets.acting import Acting, Asker, OwnSignature, Wanted
from greenlane.services.assets.tokens import known_token


class FollowKey:
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
        previous: Address,
        own: OwnSignature | None = None,
        once: Once | None = None,
    ) -> KeptAct:
        """Keeps the act that brings all tradable units of a token from `previous` to the member's account of today.

        Raises:
            AssetUnknown: nothing was issued under the token.
            and as `Acting.draft` and `Acting.keep` say.
        """
        earlier = self._acting.earlier(once)
        if earlier is not None:
            return earlier
        known_token(self._store, self._ledger, token)
        draft = self._acting.draft(asker, own)
        wanted = Wanted(
            kind=ActKind.FOLLOW_KEY,
            contract=AssetContract.GREEN_ASSET,
            call=self._ledger.calls.follow_key(previous=previous, token=token),
            subject=encode_hex(token),
            asked={"token": encode_hex(token), "previous": encode_hex(previous)},
            touched=Touched(tokens=(token,), holdings=((previous, token), (draft.account, token))),
        )
        return self._acting.keep(asker, draft, wanted, once=once)
