"""Tokens, classes and ids as requests name them."""

from dataclasses import dataclass

from greenlane.core.assets.facts import AssetClass, IssuanceFacts
from greenlane.core.assets.quantity import read_quantity
from greenlane.core.errors import NotFound
from greenlane.core.wire import encode_hex
from greenlane.ports.asset_ledger import AssetLedger
from greenlane.ports.store import Store


class AssetUnknown(NotFound):
    """No unit of this token was ever issued, as far as the chain was followed."""

    code = "asset-unknown"
    default_remedy = "Compare the token with the statement's digest; what was issued a moment ago is known after a block or two."


class AssetClassUnknown(NotFound):
    """There is no such class of green assets."""

    code = "asset-class-unknown"
    default_remedy = "GET /v1/asset-classes lists them; a quorum of centers admits new ones."


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownToken:
    """An issuance and its class."""

    facts: IssuanceFacts
    asset_class: AssetClass

    def quantity(self, text: str, where: str = "/quantity") -> int:
        """A quantity in smallest units.

        Raises:
            QuantityInvalid: it cannot be in this class's unit.
        """
        return read_quantity(text, where, self.asset_class.unit)


def known_token(store: Store, ledger: AssetLedger, token: bytes) -> KnownToken:
    """What is known of a token: of the read model, or, where it is newer than that, of the chain.

    Raises:
        AssetUnknown: nothing was issued under it.
        LedgerUnavailable: it is not known here, and the chain is away.
    """
    with store.read() as tx:
        facts = tx.assets.issuance(token)
        asset_class = None if facts is None else tx.assets.asset_class(facts.class_id)
    if facts is None:
        facts = ledger.issuance(token)
    if facts is None:
        raise AssetUnknown(f"Nothing was issued under {encode_hex(token)}.", where="/token")
    return KnownToken(facts=facts, asset_class=asset_class or known_class(store, ledger, facts.class_id, where="/token"))


def known_class(store: Store, ledger: AssetLedger, class_id: str, *, where: str | None) -> AssetClass:
    """A class, as for `known_token`.

    Raises:
        AssetClassUnknown: there is none.
        LedgerUnavailable: it is not known here, and the chain is away.
    """
    with store.read() as tx:
        known = tx.assets.asset_class(class_id)
    found = known or ledger.asset_class(class_id)
    if found is None:
        raise AssetClassUnknown(f"There is no class {class_id!r}.", where=where)
    return found
