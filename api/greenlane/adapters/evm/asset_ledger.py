"""The gateway to the contracts of green assets. Implements ports.asset_ledger.AssetLedger.

Everything is read at one block of one node for each question, and from storage: what an act did, what is held, what is revoked.
Events only name what is to be read, or the words of a refusal, and a lost one is no error (see following.py). Acts are brought by
the center's anchorer, one transaction of them at a time, beside its anchors (see chain.py); one that is decided is passed over by
the contract, so that bringing twice is harmless at every point.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from web3 import Web3
from web3.exceptions import BlockNotFound

from greenlane.adapters.evm.artifacts import ContractRefused
from greenlane.adapters.evm.asset_calls import EvmAssetCalls
from greenlane.adapters.evm.bringing import (
    ACTS,
    acts_purpose,
    brought_digests,
    first_group,
    fitting,
    mediated,
)
from greenlane.adapters.evm.chain import EvmChain, words_of_the_port
from greenlane.adapters.evm.evidence_register import EvidenceRegister
from greenlane.adapters.evm.following import block_ref, find_brought, read_everything, read_touched
from greenlane.adapters.evm.green_asset import GreenAsset, IssuanceRecord
from greenlane.adapters.evm.mediated import ActState, asset_refusal
from greenlane.adapters.evm.pilot_registry import PilotRegistry
from greenlane.adapters.evm.placing import Placing
from greenlane.adapters.evm.records import MemberRecord
from greenlane.adapters.evm.records import MemberRole as ChainRole
from greenlane.adapters.evm.refusing import refusal_words
from greenlane.adapters.evm.sender import Call, call_of
from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.assets.facts import AssetClass, EscrowFacts, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.errors import NotFound
from greenlane.core.units import Address, BlockNumber, CenterId, MemberId
from greenlane.ports.accounts import MemberRole
from greenlane.ports.asset_ledger import (
    ActOutcome,
    ActWouldFail,
    AssetContract,
    AssetPlaces,
    AssetsMissing,
    BlockRef,
    ChainActState,
    ChainMember,
    Look,
    Placement,
    SignedAct,
)
from greenlane.ports.ledger import LedgerUnavailable

T = TypeVar("T")

_STATES: Final = {
    ActState.NONE: ChainActState.OPEN,
    ActState.DONE: ChainActState.DONE,
    ActState.REFUSED: ChainActState.REFUSED,
}


class EvmAssetLedger:
    """See ports.asset_ledger.AssetLedger. Safe for threads."""

    def __init__(self, chain: EvmChain) -> None:
        """Takes the chain; no node is asked yet.

        Args:
            chain: of the `EvmLedger` beside this; both send with the same accounts.
        """
        self._chain = chain
        self._calls = EvmAssetCalls()
        self._placing = Placing()

    @property
    def places(self) -> AssetPlaces:
        """Where the contracts stand.

        Raises:
            AssetsMissing: the network has none.
        """
        assets = self._chain.network.assets
        if assets is None:
            raise AssetsMissing("The network has no contracts of green assets.")
        return AssetPlaces(
            chain_id=self._chain.network.chain_id,
            green_asset=assets.green_asset,
            evidence_register=assets.evidence_register,
        )

    @property
    def calls(self) -> EvmAssetCalls:
        """Call data; nothing is asked of any node."""
        return self._calls

    # ---- acts ----

    def simulate(self, contract: AssetContract, account: Address, call: bytes) -> None:
        """Runs a call as that account would make it, with the gas that the contract gives an act: one that needs more is refused
        there after it has used up what others could have had.

        Raises:
            ActWouldFail: the contract would refuse it, in words.
        """
        places = self.places

        def run(web3: Web3) -> tuple[str, str, str] | None:
            try:
                binding = mediated(web3, contract, places.domain(contract).contract)
                binding.simulate(call, sender=account, gas=binding.act_gas())
            except ContractRefused as told:
                return refusal_words(web3, places, told, call=call)
            return None

        refused = self._chain.ask(run)
        if refused is not None:
            name, detail, remedy = refused
            raise ActWouldFail(detail, refusal=name, remedy=remedy)

    def is_in_flight(self, center: CenterId) -> bool:
        """Whether what the center brought is not decided yet; settles what can be settled, sends again what nodes forgot.

        False for a center whose anchorer is not here.
        """
        sender = self._chain.senders.get(center)
        if sender is None:
            return False
        with words_of_the_port():
            return sender.settle(ACTS)

    def bring(self, center: CenterId, acts: Sequence[SignedAct]) -> int:
        """Brings the first acts, those for one contract that fit into one transaction, with the center's anchorer.

        Acts that are decided already need no bringing, and those that the contract would never take (too late, or not signed by
        their account) would undo all others: they are left out, and counted all the same. So nobody's act holds up another's.

        Returns:
            How many, as soon as a node took them.

        Raises:
            LedgerUnavailable: another transaction of the center's acts is on its way, or no node took it.
            NotFound: the center's anchorer is not here.
        """
        sender = self._chain.senders.get(center)
        if sender is None:
            raise NotFound(f"Acts of the center {center!r} are not brought from here.", remedy="Give its anchorer's key.")
        if not acts:
            return 0
        group = first_group(acts)
        domain = self.places.domain(group[0].contract)
        digests = [one.act.digest(domain) for one in group]
        purpose = acts_purpose(center, digests[0])
        with words_of_the_port():
            row = sender.pending_for(purpose)
            if row is None:
                if sender.settle(ACTS):
                    raise LedgerUnavailable(
                        f"Other acts of {center} are on their way to the chain.",
                        remedy="Ask again when they are settled.",
                        retry_after_s=1,
                    )
                contract = group[0].contract
                chosen, count = self._chain.nodes.ask(
                    lambda web3: fitting(mediated(web3, contract, domain.contract), group, domain, sender=sender.address)
                )
                if not chosen:
                    return count
                data = GreenAsset.encode_bring([one.act for one in chosen], [one.signature for one in chosen])
                row = sender.submit(purpose, Call(to=domain.contract, data=data))
                if call_of(row).data == data:
                    return count
        # Kept before, perhaps by another worker: what it lacks is brought next time.
        brought = set(brought_digests(row))
        return max((place for place, digest in enumerate(digests, 1) if digest in brought), default=0)

    def outcome(self, contract: AssetContract, digest: bytes) -> ActOutcome:
        """What the contract's storage says of an act, with the words of its refusal as far as an event still tells them."""
        places = self.places
        deploy_block = self._chain.network.deploy_block

        def look(web3: Web3) -> ActOutcome:
            binding = mediated(web3, contract, places.domain(contract).contract)
            state = binding.act_state(digest)
            event = find_brought(web3, binding, digest, deploy_block) if state is ActState.REFUSED else None
            if event is None or event.state is not ActState.REFUSED:
                return ActOutcome(state=_STATES[state])
            name, detail, remedy = refusal_words(web3, places, asset_refusal(event.reason))
            return ActOutcome(state=_STATES[state], refusal=name, detail=detail, remedy=remedy)

        return self._chain.ask(look)

    def act_states(self, contract: AssetContract, digests: Sequence[bytes]) -> tuple[ChainActState, ...]:
        """What the contract's storage says of many acts, in their order, without words."""
        address = self.places.domain(contract).contract
        found = self._chain.ask(lambda web3: mediated(web3, contract, address).act_states(digests))
        return tuple(_STATES[state] for state in found)

    # ---- what the chain keeps ----

    def member_at(self, account: Address) -> ChainMember | None:
        """Whose account it is."""
        return self._member(lambda registry, block: registry.member_of(account, block))

    def member_named(self, center: CenterId, member: MemberId) -> ChainMember | None:
        """The member of that name; None where the registry has none."""
        return self._member(lambda registry, block: registry.member(center, member, block))

    def asset_class(self, class_id: str) -> AssetClass | None:
        """A class; None where there is none."""
        return self._ask_asset(lambda asset: asset.asset_class(class_id))

    def class_totals(self, class_id: str) -> Totals:
        """Sums over a class; all zero where there is none."""
        return self._ask_asset(lambda asset: asset.totals(class_id))

    def issuance(self, token: bytes) -> IssuanceFacts | None:
        """All units issued out of one statement; None where none is."""
        (found,) = self.issuances([token])
        return found

    def issuances(self, tokens: Sequence[bytes]) -> tuple[IssuanceFacts | None, ...]:
        """The same of many statements, in their order."""
        places = self.places

        def look(web3: Web3) -> tuple[IssuanceFacts | None, ...]:
            block = BlockNumber(web3.eth.block_number)
            records = GreenAsset(web3, places.green_asset).issuances(tokens, block)
            reasons = EvidenceRegister(web3, places.evidence_register).revocations(tokens, block)
            return tuple(
                None if record is None else _issuance(token, record, revoked)
                for token, record, revoked in zip(tokens, records, reasons, strict=True)
            )

        return self._chain.ask(look)

    def holding(self, account: Address, token: bytes) -> HoldingFacts:
        """What an account has of an issuance; all zero where it never had any."""
        return self._ask_asset(lambda asset: asset.holding(account, token))

    def holdings(self, places: Sequence[tuple[Address, bytes]]) -> tuple[HoldingFacts, ...]:
        """What many accounts have, each of an issuance, in the order asked for."""
        return self._ask_asset(lambda asset: asset.holdings(places))

    def escrow(self, escrow_id: bytes) -> EscrowFacts | None:
        """An escrow; None where there is none."""
        return self._ask_asset(lambda asset: asset.escrow(escrow_id))

    def escrows(self, escrow_ids: Sequence[bytes]) -> tuple[EscrowFacts | None, ...]:
        """Many escrows, in the order of their ids; None for those that there are not."""
        return self._ask_asset(lambda asset: asset.escrows(escrow_ids))

    def retirement(self, retirement_id: bytes) -> RetirementFacts | None:
        """A retirement; None where there is none."""
        return self._ask_asset(lambda asset: asset.retirement(retirement_id))

    def retirements(self, retirement_ids: Sequence[bytes]) -> tuple[RetirementFacts | None, ...]:
        """Many retirements, in the order of their ids; None for those that there are not."""
        return self._ask_asset(lambda asset: asset.retirements(retirement_ids))

    def placement(self, statement: EvidenceStatement) -> Placement:
        """Where the statement's ranges belong now."""
        places = self.places
        return self._chain.ask(lambda web3: self._placing.find(web3, places, statement))

    def is_paused(self) -> bool:
        """Whether a quorum of centers has stopped all movements."""
        return self._ask_asset(lambda asset: asset.is_paused())

    # ---- following ----

    def head(self) -> BlockRef:
        """The newest block."""
        return self._chain.ask(block_ref)

    def block_hash(self, number: BlockNumber) -> bytes | None:
        """Hash of a block; None where the chain has none of that number."""

        def look(web3: Web3) -> bytes | None:
            try:
                return block_ref(web3, number).block_hash
            except BlockNotFound:
                return None

        return self._chain.ask(look)

    def touched(self, first: BlockNumber, last: BlockNumber) -> Look:
        """What events from block `first` on name, up to `last` or as far as one look reaches.

        Besides, the class of each token, whose sums a movement changes, and both sides of each escrow.
        """
        places = self.places
        return self._chain.ask(lambda web3: read_touched(web3, places, first, last))

    def everything(self) -> Look:
        """All that the contracts' storage lists now, whatever became of events; holdings and escrows as far as events tell.

        Of holdings also those of the holders that statements name, and of whoever retired.
        """
        places, deploy_block = self.places, self._chain.network.deploy_block
        return self._chain.ask(lambda web3: read_everything(web3, places, deploy_block))

    def _ask_asset(self, question: Callable[[GreenAsset], T]) -> T:
        address = self.places.green_asset
        return self._chain.ask(lambda web3: question(GreenAsset(web3, address)))

    def _member(self, find: Callable[[PilotRegistry, BlockNumber], MemberRecord | None]) -> ChainMember | None:
        address = self._chain.network.pilot_registry

        def look(web3: Web3) -> ChainMember | None:
            registry, block = PilotRegistry(web3, address), BlockNumber(web3.eth.block_number)
            record = find(registry, block)
            if record is None:
                return None
            return ChainMember(
                center=record.center,
                member=record.id,
                account=record.account,
                roles=frozenset(role for role in MemberRole if ChainRole[role.name] in record.roles),
                is_in_good_standing=registry.is_member_in_good_standing(record.account, record.roles, block),
            )

        return self._chain.ask(look)


def _issuance(token: bytes, record: IssuanceRecord, revoked: str | None) -> IssuanceFacts:
    return IssuanceFacts(
        token=token,
        class_id=record.class_id,
        evidenced=record.evidenced,
        totals=record.totals,
        lot=record.lot,
        vintage_from=record.vintage_from,
        vintage_to=record.vintage_to,
        custody_model=record.custody_model,
        revoked=revoked,
    )
