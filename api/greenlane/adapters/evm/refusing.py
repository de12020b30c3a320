"""What the contracts of green assets refuse, in words: quantities in the unit of their class, as far as that can be known."""

from typing import Final

from web3 import Web3

from greenlane.adapters.evm.artifacts import ContractRefused, NotThisContract, artifact
from greenlane.adapters.evm.green_asset import GreenAsset
from greenlane.adapters.evm.mediated import asset_refusal, short_name
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.refusals import REFUSALS, refusal
from greenlane.core.errors import InvalidInput
from greenlane.ports.asset_ledger import AssetPlaces

_UNIT, _DECIMALS = 6, 7
"""Places in a statement, as `issue` takes it first."""
_COUNTING: Final = frozenset(name for name, one in REFUSALS.items() if any(meaning == "quantity" for _, meaning in one.arguments))
_WORD_BYTES: Final = 32


def refusal_words(web3: Web3, places: AssetPlaces, told: ContractRefused, *, call: bytes = b"") -> tuple[str, str, str]:
    """Name, detail and remedy of what a contract refuses, also what it passes on of another.

    Args:
        call: what was refused, where that is known.
    """
    known = asset_refusal(told.data) if told.data else told
    name = "" if known.name == "Unknown" else known.name
    unit = _unit(web3, places, known, call) if name in _COUNTING else None
    detail, remedy = refusal(name, known.values, unit)
    return name, detail, remedy


def _unit(web3: Web3, places: AssetPlaces, told: ContractRefused, call: bytes) -> Unit | None:
    """What the quantities of a refusal count: one argument is the token, or the digest that a token will have."""
    asset = GreenAsset(web3, places.green_asset)
    token = _token(told)
    issuance = None if token is None else asset.issuance(token)
    if issuance is not None:
        asset_class = asset.asset_class(issuance.class_id)
        return None if asset_class is None else asset_class.unit
    try:
        statement = artifact("GreenAsset").decode_call("issue", call)[0]
        return Unit(code=short_name(statement[_UNIT]), decimals=statement[_DECIMALS])
    except (NotThisContract, InvalidInput):
        # Not of an issuance, or of one that has no unit.
        return None


def _token(told: ContractRefused) -> bytes | None:
    meanings = [meaning for _, meaning in REFUSALS[told.name].arguments]
    for meaning, value in zip(meanings, told.values, strict=False):
        if meaning == "token" and isinstance(value, int):
            return value.to_bytes(_WORD_BYTES, "big")
        if meaning == "digest" and isinstance(value, bytes):
            return value
    return None
