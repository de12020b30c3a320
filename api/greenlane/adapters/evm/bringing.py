"""Acts of members in transactions of their center: which of them go together, and what became of such a transaction.

What an act did is judged by the contract's storage alone (`actState`), for a chain may lose receipts and events and keep what
they told of. Within one transaction every act is carried out by itself; two things would undo it as a whole: an act that is too
late, and one whose signature is not its account's. Such acts are found by running it before it is kept, and are left out.
"""

from collections.abc import Sequence
from typing import Final

from eth_typing import HexStr
from web3 import Web3
from web3.exceptions import TransactionNotFound

from greenlane.adapters.evm.artifacts import ContractRefused
from greenlane.adapters.evm.evidence_register import EvidenceRegister
from greenlane.adapters.evm.green_asset import GreenAsset
from greenlane.adapters.evm.mediated import ActState, Mediated
from greenlane.adapters.evm.sender import Verdict, call_of
from greenlane.core.assets.typed_data import Domain
from greenlane.core.units import Address, CenterId
from greenlane.core.wire import encode_hex
from greenlane.ports.acts import ActState as KeptState
from greenlane.ports.asset_ledger import AssetContract, SignedAct
from greenlane.ports.ledger import LedgerMismatch
from greenlane.ports.outbox import OutboxRow, OutboxState
from greenlane.ports.store import Transaction

ACTS: Final = "acts"
"""Kind of the purposes that `acts_purpose` writes."""
ACTS_GAS: Final = 8_000_000
"""Limit of one bringing of acts. Each act must find 3.1 million left (`IMediated.ACT_GAS` and its share), whatever it uses in the
end; into the rest go eight issuances, or some forty-five transfers. A block of any plan holds twice as much,
and takes such transactions until half of it is used.
"""
_TRIED_GAS: Final = ACTS_GAS * 15 // 16
"""What it is tried with: in a block, where others came before, an act may cost somewhat more than in the trial."""
MOST_ACTS: Final = 64
_MOST_CALL_BYTES: Final = 65_536
"""Of all acts of a transaction together: half of what nodes take for one."""
_NEVER_TAKEN: Final = frozenset({"ActTooLate", "InvalidActSignature"})
_BINDINGS: Final[dict[AssetContract, type[Mediated]]] = {
    AssetContract.GREEN_ASSET: GreenAsset,
    AssetContract.EVIDENCE_REGISTER: EvidenceRegister,
}


def acts_purpose(center: CenterId, first: bytes) -> str:
    """The purpose of a transaction that brings acts, by the digest of the first of them, e.g. "acts:lima:6f1d52c07ab34e98"."""
    return f"{ACTS}:{center}:{first.hex()[:16]}"


def mediated(web3: Web3, contract: AssetContract, address: Address) -> Mediated:
    """The contract that acts are for."""
    return _BINDINGS[contract](web3, address)


def brought_digests(row: OutboxRow) -> tuple[bytes, ...]:
    """Digests of the acts that a kept transaction brings, in their order."""
    call = call_of(row)
    # Both contracts are brought acts in the same way.
    domain = Domain(chain_id=row.chain_id, contract=call.to)
    return tuple(act.digest(domain) for act, _ in GreenAsset.decode_bring(call.data))


def first_group(acts: Sequence[SignedAct]) -> tuple[SignedAct, ...]:
    """The first acts that may go together: for one contract, in the order given, no more than a transaction is to hold."""
    group: list[SignedAct] = []
    size = 0
    for one in acts[:MOST_ACTS]:
        size += len(one.act.call)
        if one.contract is not acts[0].contract or (group and size > _MOST_CALL_BYTES):
            break
        group.append(one)
    return tuple(group)


def fitting(
    contract: Mediated, acts: Sequence[SignedAct], domain: Domain, *, sender: Address
) -> tuple[tuple[SignedAct, ...], int]:
    """Which of the first acts one transaction brings, by running it.

    Args:
        acts: a group, as `first_group` gives it.
        sender: the account that would send it.

    Returns:
        Those to be brought, and how many of the first acts are dealt with by that: decided ones, and those that the contract
        would never take, need no bringing.

    Raises:
        LedgerMismatch: not even one act fits.
        ContractRefused: the contract would refuse it for another reason than an act's time, signature or gas.
    """
    digests = [one.act.digest(domain) for one in acts]
    states = contract.act_states(digests)
    tried = {digest: one for digest, one, state in zip(digests, acts, states, strict=True) if state is ActState.NONE}
    dealt_with = len(acts)
    while tried:
        chosen = tuple(tried.values())
        data = type(contract).encode_bring([one.act for one in chosen], [one.signature for one in chosen])
        try:
            contract.simulate(data, sender=sender, gas=_TRIED_GAS)
        except ContractRefused as told:
            digest = told.values[0] if told.values else b""
            if digest in tried and told.name in _NEVER_TAKEN:
                del tried[digest]
            elif digest in tried and told.name == "TooLittleGas":
                dealt_with = digests.index(digest)
                tried = {one: tried[one] for one in digests[:dealt_with] if one in tried}
                if not tried:
                    raise LedgerMismatch(
                        f"A contract gives each act more gas than the {ACTS_GAS} that a transaction has.",
                        where=encode_hex(contract.address),
                        remedy="Update this program.",
                    ) from told
            else:
                raise
        else:
            break
    return tuple(tried.values()), dealt_with


def judge_acts(web3: Web3, row: OutboxRow) -> Verdict:
    """What a transaction that brings acts has done: its work, where all of them are decided."""
    call = call_of(row)
    contract = GreenAsset(web3, call.to)
    are_decided = ActState.NONE not in contract.act_states(brought_digests(row))
    try:
        is_reverted = web3.eth.get_transaction_receipt(HexStr(encode_hex(row.tx_hash)))["status"] == 0
        has_receipt = True
    except TransactionNotFound:
        is_reverted = has_receipt = False
    if are_decided:
        return Verdict(state=OutboxState.SUPERSEDED if is_reverted else OutboxState.DONE)
    if is_reverted:
        return Verdict(state=OutboxState.FAILED, note=_reason(contract, call.data, row.signer))
    if has_receipt:
        return Verdict(state=OutboxState.FAILED, note="The chain has lost its effect.")
    note = "The chain has lost it, or its nonce was used for something else."
    return Verdict(state=OutboxState.FAILED, note=note, is_replaced=True)


def reopen_acts(transaction: Transaction, row: OutboxRow) -> None:
    """Has the acts of a transaction that the chain lost wait again; whether another brought them is asked as ever."""
    for digest in brought_digests(row):
        act = transaction.acts.get(digest)
        if act is not None and act.state is KeptState.DONE:
            transaction.acts.reopen(digest)


def _reason(contract: Mediated, data: bytes, signer: Address) -> str:
    """Why it would be refused now, which is why it was unless something has changed since."""
    try:
        contract.simulate(data, sender=signer, gas=ACTS_GAS)
    except ContractRefused as told:
        return told.detail
    return "Reverted, for a reason that is gone."
