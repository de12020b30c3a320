"""The few transactions that a center's operator sends, to the registry or to a contract of green assets: one way for all of them.

- What is already so is asked first: an act that has its effect is not sent again, whoever sent it.
- The call is simulated before it is sent, and a refusal is told in words; then nothing was sent.
- The price is 0, always: another price can never be paid here, and would hold up the account's nonce for ever.
- The nonce is the account's count at `latest`, and nothing is sent while another transaction of the account waits: a pool
  replaces a transaction of the same nonce without a word. Processes of one home take turns by a lock.
- What a transaction did is judged by the contract's storage and by the nonce, never by a receipt alone: a chain may lose the one
  and keep the other. A nonce used by another transaction than ours is told as that.
- Waiting is bounded. Whoever runs a command again after that finds what became of it, and sends nothing twice.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from eth_account.signers.local import LocalAccount
from eth_typing import HexStr
from greenlane.adapters.evm.bindings import (
    CenterCandidate,
    CenterRecord,
    CenterStatus,
    ContractRefused,
    MemberRole,
    MemberStatus,
    PilotRegistry,
    ProposalId,
    UnixSeconds,
    explain_revert,
)
from greenlane.adapters.evm.contract import Contract
from greenlane.adapters.keystore import Keystore, KeyUse
from greenlane.core.crypto import keccak256
from greenlane.core.errors import Conflict, NotFound, Unavailable
from greenlane.core.units import Address, CenterId, MemberId, TxHash
from greenlane.core.wire import encode_hex
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError
from web3.types import Nonce

from greenlane_node.nodes.chain_access import ChainAccess, chosen_center
from greenlane_node.registry.governance import Motion, ProposalState, ProposalView, find_same, is_about, view_proposal
from greenlane_node.registry.refusals import RegistryRefused, in_words

TIMEOUT_S: Final = 120.0
"""How long one act is waited for: on a network with a validator down a block comes every few seconds, on a stalled one none."""
_POLL_S: Final = 0.2
_TRIES: Final = 5
# A vote may turn out to be the one that carries the motion, which costs many times more than it did in the simulation.
_SPARE_GAS: Final = 2_000_000
_HAS_IT: Final = ("already known", "known transaction", "already imported", "already exists", "nonce too low")
# These say that an act comes a block too early.
_NEXT_BLOCK: Final = frozenset({"ValidatorSetMoved"})


class ActUnsettled(Unavailable):
    """An act was sent, or another one of the account waits, and no block tells yet what became of it."""

    code = "act-unsettled"


class ActReplaced(Unavailable):
    """Another transaction of the same account was taken instead of ours."""

    code = "act-replaced"


class WrongOperator(Conflict):
    """The key at hand is not the one that the registry knows as the center's operator."""

    code = "wrong-operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What came of an act.

    Attributes:
        was_so: it was so before; nothing was sent.
        transaction: ours, that brought it; None where nothing was sent.
    """

    was_so: bool
    transaction: TxHash | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledContract:
    """A contract that acts are sent to, and what its refusals mean to people."""

    contract: Contract
    in_words: Callable[[ContractRefused], RegistryRefused]


class RegistryActs:
    """Acts for one center, by its operator's key."""

    def __init__(
        self,
        chain: ChainAccess,
        center: CenterId,
        operator: LocalAccount,
        *,
        timeout_s: float = TIMEOUT_S,
        poll_s: float = _POLL_S,
    ) -> None:
        """Args:
        operator: signs; the registry says whether it may.
        timeout_s: until waiting for one act is given up.
        """
        self.chain = chain
        self.center = center
        self.address = Address(bytes.fromhex(operator.address[2:]))
        self._operator = operator
        self._registry = chain.registry
        self._timeout_s = timeout_s
        self._poll_s = poll_s

    # ---- proposals and votes ----

    def nominate(self, candidate: CenterCandidate) -> tuple[Acted, ProposalView]:
        """Proposes a new center; this center's vote counts at once. Where the same nomination is open, votes for it.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """
        return self._propose(
            Motion.NOMINATION, candidate.id, PilotRegistry.encode_nominate(candidate), content_of(candidate), None
        )

    def propose(self, motion: Motion, center: CenterId, operator: Address | None = None) -> tuple[Acted, ProposalView]:
        """Proposes something about a center; this center's vote counts at once. Where the same is open, votes for it.

        Args:
            motion: any but NOMINATION.
            operator: the new one; of OPERATOR alone.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """
        match motion:
            case Motion.SUSPENSION:
                self._require_above_minimum(center)
                data = PilotRegistry.encode_propose_suspension(center)
            case Motion.REINSTATEMENT:
                data = PilotRegistry.encode_propose_reinstatement(center)
            case Motion.RENEWAL:
                data = PilotRegistry.encode_propose_renewal(center)
            case Motion.OPERATOR if operator is not None:
                data = PilotRegistry.encode_propose_operator(center, operator)
            case _:
                raise ValueError(motion)
        return self._propose(motion, center, data, None, operator)

    def vote(self, proposal: ProposalView) -> Acted:
        """Votes for a proposal; the vote that completes the quorum carries it out.

        Args:
            proposal: as `governance` has read it, which believes only what the id proves: what is signed is the id alone.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced. Nothing is sent where the proposal is not open.
        """
        about: dict[str, object] = {"proposalId": encode_hex(proposal.id), "expiresAt": proposal.expires_at}
        closed = {
            ProposalState.CARRIED: "ProposalDone",
            ProposalState.EXPIRED: "ProposalExpired",
            ProposalState.STALE: "ProposalStale",
        }
        if proposal.state is not ProposalState.OPEN:
            raise in_words(ContractRefused(closed[proposal.state], about))
        return self.do(PilotRegistry.encode_vote(proposal.id), lambda: self._registry.has_voted(proposal.id, self.center))

    # ---- the center's own affairs ----

    def leave(self) -> Acted:
        """Leaves the network for good.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """
        return self.do(PilotRegistry.encode_leave_network(), lambda: self._own().status is CenterStatus.LEFT)

    def rotate_operator(self, operator: Address) -> Acted:
        """Hands the center to another account.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """
        return self.do(PilotRegistry.encode_rotate_operator(operator), lambda: self._own().operator == operator)

    def rotate_anchorer(self, anchorer: Address) -> Acted:
        """Lets another account anchor.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """
        return self.do(PilotRegistry.encode_rotate_anchorer(anchorer), lambda: self._own().anchorer == anchorer)

    def rotate_validator(self, validator: Address) -> Acted:
        """Lets another key seal blocks, from the block after this takes effect.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """
        return self.do(PilotRegistry.encode_rotate_validator(validator), lambda: self._own().validator == validator)

    def rotate_log_key(self, log_key: bytes) -> Acted:
        """Names the log's new Ed25519 public key.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """
        return self.do(PilotRegistry.encode_rotate_log_key(log_key), lambda: self._own().log_key == log_key)

    def set_endpoints(self, endpoint: str, enode: str) -> Acted:
        """Says where the center's API and validator are reached.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """

        def is_done() -> bool:
            own = self._own()
            return (own.endpoint, own.enode) == (endpoint, enode)

        return self.do(PilotRegistry.encode_set_endpoints(endpoint, enode), is_done)

    # ---- members ----

    def vouch(
        self, member: MemberId, account: Address, roles: MemberRole, term_start: UnixSeconds, term_end: UnixSeconds | None
    ) -> Acted:
        """Vouches for a new member; one of the same account and roles is so already, whenever its term began.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """

        def is_done() -> bool:
            found = self._registry.member(self.center, member)
            return (
                found is not None
                and (found.account, found.roles, found.term_end) == (account, roles, term_end)
                and found.status is MemberStatus.ACTIVE
            )

        return self.do(PilotRegistry.encode_vouch(member, account, roles, term_start, term_end), is_done)

    def set_member_roles(self, member: MemberId, roles: MemberRole) -> Acted:
        """Changes what a member may do.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """

        def is_done() -> bool:
            found = self._registry.member(self.center, member)
            return found is not None and found.roles == roles

        return self.do(PilotRegistry.encode_set_member_roles(member, roles), is_done)

    def suspend_member(self, member: MemberId) -> Acted:
        """Stops vouching for a member.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """
        return self.do(PilotRegistry.encode_suspend_member(member), lambda: self._is_member(member, MemberStatus.SUSPENDED))

    def reinstate_member(self, member: MemberId) -> Acted:
        """Vouches again for a suspended member.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """
        return self.do(PilotRegistry.encode_reinstate_member(member), lambda: self._is_member(member, MemberStatus.ACTIVE))

    def rotate_member_key(self, member: MemberId, account: Address) -> Acted:
        """Lets another account sign for a member.

        Raises:
            RegistryRefused, ActUnsettled, ActReplaced.
        """

        def is_done() -> bool:
            found = self._registry.member(self.center, member)
            return found is not None and found.account == account

        return self.do(PilotRegistry.encode_rotate_member_key(member, account), is_done)

    # ---- the one way ----

    def do(self, data: bytes, is_done: Callable[[], bool], on: CalledContract | None = None) -> Acted:
        """Sends one call of the registry, unless it has its effect already, and waits until it has.

        Args:
            data: the call.
            is_done: reads from the contract, at `latest`, whether it is so.
            on: another contract than the registry that is called.

        Raises:
            RegistryRefused: the contract would refuse it; nothing was sent, or it was reverted. Of another contract than the
                registry, what its words make of it.
            ActUnsettled: no block has told in time what became of it.
            ActReplaced: another transaction took its nonce.
        """
        if is_done():
            return Acted(was_so=True, transaction=None)
        on = on or CalledContract(contract=self._registry, in_words=in_words)
        deadline = time.monotonic() + self._timeout_s
        with self._turn():
            for _ in range(_TRIES):
                self._wait_for_the_pool(deadline)
                if is_done():
                    return Acted(was_so=True, transaction=None)
                try:
                    gas = self._gas(data, on)
                except RegistryRefused as refused:
                    # A simulation runs in the newest block; what this block forbids the next one may take.
                    if refused.name not in _NEXT_BLOCK:
                        raise
                    self._wait_for_a_block(deadline)
                    continue
                sent = self._send_and_wait(data, gas, is_done, deadline, on)
                if sent is not None:
                    return Acted(was_so=False, transaction=sent)
        raise ActUnsettled("Others changed the validator set in each block that was tried.", remedy="Run it again.")

    def _propose(
        self, motion: Motion, center: CenterId, data: bytes, content: bytes | None, operator: Address | None
    ) -> tuple[Acted, ProposalView]:
        found = find_same(self.chain, motion, center, content_hash=content, operator=operator)
        if found is not None:
            return self.vote(found), self.view(found.id)
        before = self._registry.proposal_count()

        def own() -> ProposalId | None:
            new = self._registry.proposal_ids(before, self._registry.proposal_count() - before)
            for record in self._registry.proposals(new):
                is_same = record is not None and is_about(record, motion, center, content_hash=content, operator=operator)
                if record is not None and is_same and self._registry.has_voted(record.id, self.center):
                    return record.id
            return None

        acted = self.do(data, lambda: own() is not None)
        made = own()
        # `do` returns when it is there, and nothing takes a proposal away.
        assert made is not None  # noqa: S101
        return acted, self.view(made)

    def view(self, proposal: ProposalId) -> ProposalView:
        """A proposal as it stands now; one that is known to be there."""
        return view_proposal(self.chain, proposal)

    def _own(self) -> CenterRecord:
        record = self._registry.center(self.center)
        if record is None:
            raise NotFound(f"The registry knows no center {self.center!r}.", remedy="Have it nominated first.")
        return record

    def _require_above_minimum(self, center: CenterId) -> None:
        """The contract would take the proposal, and refuse the vote that carries it: said before anybody votes."""
        remaining, minimum = self._registry.active_count() - 1, self._registry.parameters().minimum_centers
        if remaining < minimum and self._registry.is_active(center):
            raise in_words(ContractRefused("BelowMinimum", {"remaining": remaining, "minimum": minimum}))

    def _is_member(self, member: MemberId, status: MemberStatus) -> bool:
        found = self._registry.member(self.center, member)
        return found is not None and found.status is status

    def _gas(self, data: bytes, on: CalledContract) -> int:
        web3 = self.chain.web3
        try:
            on.contract.simulate(data, sender=self.address)
            estimate = web3.eth.estimate_gas(
                {
                    "from": Web3.to_checksum_address(self.address),
                    "to": Web3.to_checksum_address(on.contract.address),
                    "data": Web3.to_hex(data),
                    "gasPrice": Web3.to_wei(0, "wei"),
                }
            )
        except ContractRefused as refused:
            raise on.in_words(refused) from refused
        except ContractLogicError as error:
            told = error.data if isinstance(error.data, str) and error.data.startswith("0x") else "0x"
            raise RegistryRefused(explain_revert(bytes.fromhex(told[2:])), name="Unknown", remedy="") from error
        limit = web3.eth.get_block("latest")["gasLimit"]
        return int(min(estimate * 5 // 4 + _SPARE_GAS, limit))

    def _send_and_wait(
        self, data: bytes, gas: int, is_done: Callable[[], bool], deadline: float, on: CalledContract
    ) -> TxHash | None:
        """The transaction that brought it; None where it came a block too early and is to be tried again."""
        nonce = self._count("latest")
        signed = self._operator.sign_transaction(
            {
                "chainId": self.chain.network.chain_id,
                "nonce": nonce,
                "gas": gas,
                "gasPrice": 0,
                "value": 0,
                "to": Web3.to_checksum_address(on.contract.address),
                "data": Web3.to_hex(data),
            }
        )
        raw, tx_hash = bytes(signed.raw_transaction), TxHash(bytes(signed.hash))
        self._hand_over(raw)
        while self._count("latest") == nonce:
            if time.monotonic() > deadline:
                raise ActUnsettled(
                    f"The transaction {encode_hex(tx_hash)} was sent, and no block has taken it yet.",
                    where=self.chain.rpc.url,
                    remedy="See whether blocks are made (greenlane-node status), and run this again: nothing is done twice.",
                )
            time.sleep(self._poll_s)
            if not self._is_known(tx_hash) and self._count("pending") == nonce:
                # The node forgot it, and has nothing else of ours: the same bytes again can do no harm.
                self._hand_over(raw)
        if is_done():
            return tx_hash
        is_ours, is_reverted = self._receipt(tx_hash)
        if not is_ours:
            raise ActReplaced(
                f"Another transaction of the operator was taken in the place of {encode_hex(tx_hash)} (nonce {nonce}).",
                remedy="Somebody else uses this operator's key: find out who, and run this again.",
            )
        if not is_reverted:
            raise ActUnsettled(
                f"The transaction {encode_hex(tx_hash)} is in a block, and the contract does not show its effect (any more).",
                remedy="See greenlane-node status.",
            )
        try:
            on.contract.simulate(data, sender=self.address)
        except ContractRefused as refused:
            if refused.name in _NEXT_BLOCK:
                return None
            raise on.in_words(refused) from refused
        # What refused it is gone again; most likely the set had moved in its block.
        return None

    def _hand_over(self, raw: bytes) -> None:
        try:
            self.chain.web3.eth.send_raw_transaction(raw)
        except Web3RPCError as error:
            told = str(error)
            if not any(words in told.lower() for words in _HAS_IT):
                raise ActUnsettled(
                    f"The node does not take the transaction: {told[:200]}",
                    where=self.chain.rpc.url,
                    remedy="Ask another node: --rpc.",
                ) from error

    def _wait_for_the_pool(self, deadline: float) -> None:
        while (waiting := self._count("pending")) > self._count("latest"):
            if time.monotonic() > deadline:
                raise ActUnsettled(
                    f"A transaction of the operator {encode_hex(self.address)} waits in the pool (nonce {waiting - 1}).",
                    where=self.chain.rpc.url,
                    remedy="See whether blocks are made (greenlane-node status). One sent with a price above 0 waits for ever: "
                    "then hand the center to a new operator by vote (greenlane-node propose operator).",
                )
            time.sleep(self._poll_s)

    def _wait_for_a_block(self, deadline: float) -> None:
        head = self.chain.web3.eth.block_number
        while self.chain.web3.eth.block_number == head:
            if time.monotonic() > deadline:
                raise ActUnsettled("No block is made.", where=self.chain.rpc.url, remedy="See greenlane-node status.")
            time.sleep(self._poll_s)

    def _count(self, block: str) -> Nonce:
        at: HexStr | str = block
        return self.chain.web3.eth.get_transaction_count(Web3.to_checksum_address(self.address), at)  # type: ignore[arg-type]

    def _is_known(self, tx_hash: TxHash) -> bool:
        try:
            self.chain.web3.eth.get_transaction(HexStr(encode_hex(tx_hash)))
        except TransactionNotFound:
            return False
        return True

    def _receipt(self, tx_hash: TxHash) -> tuple[bool, bool]:
        """Whether a block holds it, and whether it was reverted there."""
        try:
            return True, self.chain.web3.eth.get_transaction_receipt(HexStr(encode_hex(tx_hash)))["status"] == 0
        except TransactionNotFound:
            return False, False

    @contextmanager
    def _turn(self) -> Iterator[None]:
        descriptor = os.open(self.chain.home.directory / f".acts-{self.center}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def open_acts(
    chain: ChainAccess, keystore: Keystore, center: CenterId | None, *, timeout_s: float = TIMEOUT_S, poll_s: float = _POLL_S
) -> RegistryActs:
    """The acts of the center that is named, or the only one of this home, by the operator's key in the keystore.

    Raises:
        NotFound: the home keeps no operator's key of that center, or the registry knows no such center.
        WrongOperator: the key is not the one the registry has.
        KeyMissing, KeyFileInvalid, WrongPassword: the key cannot be opened.
    """
    chosen = chosen_center(chain.network, center)
    if chosen.keys.operator is None:
        raise NotFound(
            f"The operator's key of {chosen.id} is kept elsewhere.",
            where=str(chain.home.network_file),
            remedy="Run this in the home folder that has it.",
        )
    record = chain.registry.center(chosen.id)
    if record is None:
        raise NotFound(f"The registry knows no center {chosen.id!r}.", remedy="Have it nominated first: greenlane-node join.")
    described = keystore.describe(chosen.keys.operator)
    if described.address != record.operator:
        raise WrongOperator(
            f"The key {described.name!r} is {encode_hex(described.address or b'')}, and the registry says that "
            f"{encode_hex(record.operator)} is the operator of {chosen.id}.",
            where=str(chain.home.network_file),
            remedy="If a rotation was interrupted, finish it: greenlane-node rotate-key operator. Else use the home of that key.",
        )
    operator = keystore.account(chosen.keys.operator, KeyUse.OPERATOR)
    return RegistryActs(chain, chosen.id, operator, timeout_s=timeout_s, poll_s=poll_s)


def content_of(candidate: CenterCandidate) -> bytes:
    """What a nomination's proposal is bound to: keccak-256 over the ABI-encoded candidate."""
    selector_bytes = 4
    return keccak256(PilotRegistry.encode_nominate(candidate)[selector_bytes:])
