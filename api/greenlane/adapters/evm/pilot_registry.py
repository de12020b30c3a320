"""The PilotRegistry contract as a typed class."""

from collections.abc import Sequence
from typing import Any, Final

from web3.types import BlockIdentifier

from greenlane.adapters.evm.artifacts import WORD_BYTES, AbiArgument, artifact, hex_bytes, slug_of
from greenlane.adapters.evm.contract import Contract
from greenlane.adapters.evm.records import (
    NOBODY,
    CenterCandidate,
    CenterRecord,
    CenterStatus,
    LogKeyRecord,
    MemberRecord,
    MemberRole,
    MemberStatus,
    ProposalId,
    ProposalKind,
    ProposalRecord,
    RegistryParameters,
    Tally,
    UnixSeconds,
)
from greenlane.core.anchoring import center_key
from greenlane.core.units import (
    Address,
    CenterId,
    MemberId,
    center_id,
    member_id,
)

# 9999-12-31T23:59:59Z.
_LAST_SECOND: Final = 253_402_300_799


class PilotRegistry(Contract):
    """The pilot centers, their keys and members; contracts/interfaces/IPilotRegistry.sol tells what each call means."""

    _name = "PilotRegistry"

    # ---- what anybody may ask ----

    def validators(self, block: BlockIdentifier = "latest") -> tuple[Address, ...]:
        """The validators of the active centers; never empty."""
        (validators,) = self._read(block, "getValidators")
        return tuple(Address(hex_bytes(one)) for one in validators)

    def parameters(self, block: BlockIdentifier = "latest") -> RegistryParameters:
        """What the network agreed on at genesis."""
        ((minimum_centers, term_length_s, voting_period_s, term_start),) = self._read(block, "parameters")
        return RegistryParameters(
            minimum_centers=minimum_centers,
            term_length_s=term_length_s,
            voting_period_s=voting_period_s,
            term_start=UnixSeconds(term_start),
        )

    def active_count(self, block: BlockIdentifier = "latest") -> int:
        """How many centers are active."""
        (count,) = self._read(block, "activeCount")
        return int(count)

    def quorum(self, block: BlockIdentifier = "latest") -> int:
        """Votes that carry a motion among all active centers: ceil(2n/3)."""
        (votes,) = self._read(block, "quorum")
        return int(votes)

    def center(self, center: CenterId, block: BlockIdentifier = "latest") -> CenterRecord | None:
        """A center, a nominated one too; None where there is none."""
        (told,) = self._read(block, "center", center_key(center))
        with self._believed("center"):
            return _center_record(told)

    def center_count(self, block: BlockIdentifier = "latest") -> int:
        """How many centers were ever admitted."""
        (count,) = self._read(block, "centerCount")
        return int(count)

    def center_ids(self, offset: int, limit: int, block: BlockIdentifier = "latest") -> tuple[CenterId, ...]:
        """Ids of centers ever admitted, oldest first, from `offset`, at most `limit`."""
        (ids,) = self._read(block, "centerIds", offset, limit)
        with self._believed("centerIds"):
            return tuple(center_id(slug_of(one)) for one in ids)

    def log_keys(self, center: CenterId, block: BlockIdentifier = "latest") -> tuple[LogKeyRecord, ...]:
        """Every key a center's log was ever signed with, oldest first."""
        (terms,) = self._read(block, "logKeys", center_key(center))
        with self._believed("logKeys"):
            return tuple(
                LogKeyRecord(key=key, valid_from=_block_time(valid_from), valid_until=_block_time(valid_until) or None)
                for key, valid_from, valid_until in terms
            )

    def is_active(self, center: CenterId, block: BlockIdentifier = "latest") -> bool:
        """Whether a center is active."""
        (answer,) = self._read(block, "isActive", center_key(center))
        return bool(answer)

    def is_in_good_standing(self, center: CenterId, block: BlockIdentifier = "latest") -> bool:
        """Whether a center is active and within its term."""
        (answer,) = self._read(block, "isInGoodStanding", center_key(center))
        return bool(answer)

    def center_of_anchorer(self, account: Address, block: BlockIdentifier = "latest") -> CenterId | None:
        """The center an account anchors for, or None."""
        return self._center_of("centerOfAnchorer", account, block)

    def center_of_operator(self, account: Address, block: BlockIdentifier = "latest") -> CenterId | None:
        """The center an account governs, or None."""
        return self._center_of("centerOfOperator", account, block)

    def center_of_validator(self, account: Address, block: BlockIdentifier = "latest") -> CenterId | None:
        """The center an account seals blocks for, active or not, or None."""
        return self._center_of("centerOfValidator", account, block)

    def center_of_log_key(self, log_key: bytes, block: BlockIdentifier = "latest") -> CenterId | None:
        """The center a log key serves or served, or None."""
        return self._center_of("centerOfLogKey", log_key, block)

    def proposal(self, proposal: ProposalId, block: BlockIdentifier = "latest") -> ProposalRecord | None:
        """A proposal, or None where there is none."""
        (told,) = self._read(block, "proposal", proposal)
        with self._believed("proposal"):
            return _proposal_record(proposal, told)

    def proposals(self, ids: Sequence[ProposalId], block: BlockIdentifier = "latest") -> tuple[ProposalRecord | None, ...]:
        """Several proposals, in the order of their ids, in few round trips."""
        answers = self._read_many(block, "proposal", [(one,) for one in ids])
        with self._believed("proposal"):
            return tuple(_proposal_record(one, told) for one, (told,) in zip(ids, answers, strict=True))

    def proposal_count(self, block: BlockIdentifier = "latest") -> int:
        """How many proposals were ever made."""
        (count,) = self._read(block, "proposalCount")
        return int(count)

    def proposal_ids(self, offset: int, limit: int, block: BlockIdentifier = "latest") -> tuple[ProposalId, ...]:
        """Ids of proposals ever made, oldest first, from `offset`, at most `limit`."""
        (ids,) = self._read(block, "proposalIds", offset, limit)
        return tuple(ProposalId(one) for one in ids)

    def tally(self, proposal: ProposalId, block: BlockIdentifier = "latest") -> Tally:
        """Votes that count now and votes needed now.

        Raises:
            ContractRefused: UnknownProposal.
        """
        votes, needed = self._read(block, "tally", proposal)
        return Tally(votes=votes, needed=needed)

    def tallies(self, proposals: Sequence[ProposalId], block: BlockIdentifier = "latest") -> tuple[Tally, ...]:
        """The tally of each of several proposals that are there, in few round trips."""
        answers = self._read_many(block, "tally", [(one,) for one in proposals])
        return tuple(Tally(votes=votes, needed=needed) for votes, needed in answers)

    def have_voted(
        self, proposals: Sequence[ProposalId], centers: Sequence[CenterId], block: BlockIdentifier = "latest"
    ) -> tuple[tuple[CenterId, ...], ...]:
        """For each proposal those of the centers that voted for it, in few round trips."""
        asked = [(proposal, center) for proposal in proposals for center in centers]
        answers = self._read_many(block, "hasVoted", [(proposal, center_key(center)) for proposal, center in asked])
        voted = {pair for pair, (answer,) in zip(asked, answers, strict=True) if answer}
        return tuple(tuple(center for center in centers if (proposal, center) in voted) for proposal in proposals)

    def has_voted(self, proposal: ProposalId, center: CenterId, block: BlockIdentifier = "latest") -> bool:
        """Whether a center voted for a proposal."""
        (answer,) = self._read(block, "hasVoted", proposal, center_key(center))
        return bool(answer)

    def member(self, center: CenterId, member: MemberId, block: BlockIdentifier = "latest") -> MemberRecord | None:
        """A member of a center, or None where there is none."""
        (told,) = self._read(block, "member", center_key(center), _member_key(member))
        with self._believed("member"):
            return _member_record(told)

    def member_of(self, account: Address, block: BlockIdentifier = "latest") -> MemberRecord | None:
        """The member an account signs for, or None."""
        (told,) = self._read(block, "memberOf", account)
        with self._believed("memberOf"):
            return _member_record(told)

    def member_count(self, center: CenterId, block: BlockIdentifier = "latest") -> int:
        """How many members a center ever vouched for."""
        (count,) = self._read(block, "memberCount", center_key(center))
        return int(count)

    def member_ids(self, center: CenterId, offset: int, limit: int, block: BlockIdentifier = "latest") -> tuple[MemberId, ...]:
        """Ids of a center's members, oldest first, from `offset`, at most `limit`."""
        (ids,) = self._read(block, "memberIds", center_key(center), offset, limit)
        with self._believed("memberIds"):
            return tuple(member_id(slug_of(one)) for one in ids)

    def is_member_in_good_standing(self, account: Address, role: MemberRole, block: BlockIdentifier = "latest") -> bool:
        """Whether an account is a member's with every role asked for, within its term, by a center in good standing."""
        (answer,) = self._read(block, "isMemberInGoodStanding", account, int(role))
        return bool(answer)

    def _center_of(self, function: str, key: bytes, block: BlockIdentifier) -> CenterId | None:
        (center,) = self._read(block, function, key)
        with self._believed(function):
            return center_id(slug_of(center)) if any(center) else None

    # ---- what an operator may send ----

    @staticmethod
    def encode_nominate(candidate: CenterCandidate) -> bytes:
        """Call data that proposes a new center."""
        return _registry_call("nominate", candidate)

    @staticmethod
    def encode_propose_suspension(center: CenterId) -> bytes:
        """Call data that proposes to suspend an active center."""
        return _registry_call("proposeSuspension", center_key(center))

    @staticmethod
    def encode_propose_reinstatement(center: CenterId) -> bytes:
        """Call data that proposes to make a suspended or ended center active again."""
        return _registry_call("proposeReinstatement", center_key(center))

    @staticmethod
    def encode_propose_renewal(center: CenterId) -> bytes:
        """Call data that proposes a new term for an active center."""
        return _registry_call("proposeRenewal", center_key(center))

    @staticmethod
    def encode_propose_operator(center: CenterId, operator: Address) -> bytes:
        """Call data that proposes a new operator for a center whose key is lost."""
        return _registry_call("proposeOperator", center_key(center), operator)

    @staticmethod
    def encode_vote(proposal: ProposalId) -> bytes:
        """Call data that votes for a proposal."""
        return _registry_call("vote", proposal)

    @staticmethod
    def encode_leave_network() -> bytes:
        """Call data by which a center leaves for good."""
        return _registry_call("leaveNetwork")

    @staticmethod
    def encode_end_term(center: CenterId) -> bytes:
        """Call data, for anybody to send, that takes a center whose term is over out of the active ones."""
        return _registry_call("endTerm", center_key(center))

    @staticmethod
    def encode_rotate_operator(operator: Address) -> bytes:
        """Call data that hands the center to another account."""
        return _registry_call("rotateOperator", operator)

    @staticmethod
    def encode_rotate_anchorer(anchorer: Address) -> bytes:
        """Call data that lets another account anchor."""
        return _registry_call("rotateAnchorer", anchorer)

    @staticmethod
    def encode_rotate_validator(validator: Address) -> bytes:
        """Call data that lets another key seal blocks."""
        return _registry_call("rotateValidator", validator)

    @staticmethod
    def encode_rotate_log_key(log_key: bytes) -> bytes:
        """Call data that names the log's new Ed25519 public key, 32 bytes."""
        return _registry_call("rotateLogKey", log_key)

    @staticmethod
    def encode_set_endpoints(endpoint: str, enode: str) -> bytes:
        """Call data that says where the center is reached; up to 256 bytes each."""
        return _registry_call("setEndpoints", endpoint, enode)

    @staticmethod
    def encode_vouch(
        member: MemberId,
        account: Address,
        roles: MemberRole,
        term_start: UnixSeconds,
        term_end: UnixSeconds | None,
    ) -> bytes:
        """Call data that vouches for a new member; term_end None is open."""
        return _registry_call("vouch", _member_key(member), account, int(roles), term_start, term_end or 0)

    @staticmethod
    def encode_set_member_roles(member: MemberId, roles: MemberRole) -> bytes:
        """Call data that changes what a member may do."""
        return _registry_call("setMemberRoles", _member_key(member), int(roles))

    @staticmethod
    def encode_set_member_term(member: MemberId, term_start: UnixSeconds, term_end: UnixSeconds | None) -> bytes:
        """Call data that changes when a member is in good standing; term_end None is open."""
        return _registry_call("setMemberTerm", _member_key(member), term_start, term_end or 0)

    @staticmethod
    def encode_suspend_member(member: MemberId) -> bytes:
        """Call data that stops vouching for a member."""
        return _registry_call("suspendMember", _member_key(member))

    @staticmethod
    def encode_reinstate_member(member: MemberId) -> bytes:
        """Call data that vouches again for a suspended member."""
        return _registry_call("reinstateMember", _member_key(member))

    @staticmethod
    def encode_rotate_member_key(member: MemberId, account: Address) -> bytes:
        """Call data that gives a member another account."""
        return _registry_call("rotateMemberKey", _member_key(member), account)


def _registry_call(function: str, *arguments: AbiArgument) -> bytes:
    return artifact("PilotRegistry").encode_call(function, *arguments)


def _proposal_record(proposal: ProposalId, told: tuple[Any, ...]) -> ProposalRecord | None:
    kind, is_executed, expires_at, revision, operator, center, content_hash = told
    if kind == ProposalKind.NONE:
        return None
    return ProposalRecord(
        id=proposal,
        kind=ProposalKind(kind),
        center=center_id(slug_of(center)),
        is_executed=is_executed,
        expires_at=UnixSeconds(expires_at),
        revision=revision,
        operator=Address(hex_bytes(operator)) if hex_bytes(operator) != NOBODY else None,
        content_hash=content_hash if any(content_hash) else None,
    )


def _center_record(told: tuple[Any, ...]) -> CenterRecord | None:
    (id_, log_key, economy, operator, status, term_start, anchorer, term_end, revision) = told[:9]
    (validator, rotated_at, name, origin, endpoint, enode) = told[9:]
    if status == CenterStatus.NONE:
        return None
    return CenterRecord(
        id=center_id(slug_of(id_)),
        status=CenterStatus(status),
        economy=economy.decode("ascii", errors="replace"),
        operator=Address(hex_bytes(operator)),
        anchorer=Address(hex_bytes(anchorer)),
        validator=Address(hex_bytes(validator)),
        log_key=log_key,
        name=name,
        origin=origin,
        endpoint=endpoint,
        enode=enode,
        term_start=UnixSeconds(term_start),
        term_end=_open_ended(term_end),
        revision=revision,
        validator_rotated_at=_open_ended(rotated_at),
    )


def _member_record(told: tuple[Any, ...]) -> MemberRecord | None:
    center, id_, account, roles, status, term_start, term_end = told
    if status == MemberStatus.NONE:
        return None
    return MemberRecord(
        center=center_id(slug_of(center)),
        id=member_id(slug_of(id_)),
        account=Address(hex_bytes(account)),
        roles=MemberRole(roles),
        status=MemberStatus(status),
        term_start=UnixSeconds(term_start),
        term_end=_open_ended(term_end),
    )


def _member_key(member: MemberId) -> bytes:
    return member_id(member).encode("ascii").ljust(WORD_BYTES, b"\x00")


def _block_time(seconds: int) -> UnixSeconds:
    # A block of a year that no calendar has; the contract takes these times from blocks and the plan alone.
    if seconds > _LAST_SECOND:
        raise ValueError(seconds)
    return UnixSeconds(seconds)


def _open_ended(time: int) -> UnixSeconds | None:
    return UnixSeconds(time) if time else None
