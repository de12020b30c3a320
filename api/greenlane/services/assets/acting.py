"""Makes an act of what a member wants: signed by the member's account, tried against the chain, and kept before it is brought.

A member needs no node and no transactions. Where its center keeps its key, a request is enough; where it keeps the key itself,
the request is answered with what is to be signed, and comes again with the signature. What the contract would refuse is refused
here in the contract's words, before anything is kept. While the chain is away nothing can be tried: the act is kept all the same
where the member's account is known, and says so.

The act, its audit line and the request's answer are one transaction: whoever repeats a request gets the first one's act.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from greenlane.core.assets.act import SALT_BYTES, Act
from greenlane.core.assets.typed_data import signer_of
from greenlane.core.canonical import JsonValue
from greenlane.core.documents.description import MemberName
from greenlane.core.errors import Conflict, NotFound, Unavailable
from greenlane.core.units import Address, CenterId, MemberId
from greenlane.core.wire import FieldInvalid, encode_hex
from greenlane.ports.acts import ActKind, ActState, Keeping, KeptAct
from greenlane.ports.answers import Once
from greenlane.ports.asset_ledger import ActWouldFail, AssetContract, AssetLedger, SignedAct, Touched
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.entropy import Entropy
from greenlane.ports.ledger import LedgerUnavailable
from greenlane.ports.member_keys import MemberKeys
from greenlane.ports.store import Store, Transaction
from greenlane.services.assets.members import Members

LIFETIME = timedelta(days=1)
"""How long an act may wait for the chain before it is too late."""
_LONGEST_LIFETIME = timedelta(days=30)
_SHORTEST_LIFETIME = timedelta(minutes=1)
MAX_WAITING_OF_MEMBER = 100
"""Acts of one member that may wait for the chain: whoever asks for more fills no queue of others."""


class SignatureNeeded(Conflict):
    """The member keeps its key itself, and the request brings no signature of what is to be done.

    Attributes:
        act: what is to be signed.
        contract: whose typed data that is.
        to_sign: the same as EIP-712 typed data, as wallets take it.
    """

    code = "signature-needed"
    default_remedy = "Sign `toSign` with the member's key (EIP-712), and send the same request with salt, notAfter and signature."

    def __init__(self, detail: str, *, act: Act, contract: AssetContract, to_sign: dict[str, JsonValue]) -> None:
        super().__init__(detail, where="/act")
        self.act = act
        self.contract = contract
        self.to_sign = to_sign


class MemberKeyDiffers(Conflict):
    """The key that the center keeps for the member is not the one of the account that the registry names."""

    code = "member-key-differs"
    default_remedy = "The center's operator gives the keystore the registered account's key, or the registry the kept one's."


class ActsFull(Unavailable):
    """As many acts of the center, or of the member, wait to be brought as this deployment keeps."""

    code = "acts-full"
    default_remedy = "Send the same request again after the time in Retry-After; nothing of it was kept."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """In whose name something is done.

    Attributes:
        actor: who asks, as audit lines name it.
    """

    center: CenterId
    member: MemberId
    actor: str

    @property
    def name(self) -> MemberName:
        return MemberName(center=self.center, member=self.member)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSignature:
    """What a member that keeps its own key sends along.

    Attributes:
        salt: 32 bytes.
        not_after: unix seconds.
        signature: 65 bytes over the act's digest.
    """

    salt: bytes
    not_after: int
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An act before it is known what it does.

    Attributes:
        is_key_here: whether the center signs for the member.
        own: the member's signature, where it came along.
    """

    account: Address
    salt: bytes
    not_after: int
    is_key_here: bool
    own: OwnSignature | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an act is to do.

    Attributes:
        subject, line, asked: see `KeptAct`.
    """

    kind: ActKind
    contract: AssetContract
    call: bytes
    subject: str
    asked: dict[str, JsonValue]
    touched: Touched
    line: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The act in whose place another is made.

    Attributes:
        attempt: how often that is for this request, from 2.
    """

    act: KeptAct
    attempt: int
    detail: str


class Acting:
    """The piece beneath every verb; one instance serves all threads."""

    def __init__(
        self,
        *,
        store: Store,
        ledger: AssetLedger,
        members: Members,
        keys: MemberKeys,
        clock: Clock,
        entropy: Entropy,
        max_waiting: int,
        max_waiting_of_member: int = MAX_WAITING_OF_MEMBER,
    ) -> None:
        """Args:
        max_waiting: acts of one center that may wait to be brought before more are pushed back.
        max_waiting_of_member: the same of one member.
        """
        self._store = store
        self._ledger = ledger
        self._members = members
        self._keys = keys
        self._clock = clock
        self._entropy = entropy
        self._max_waiting = max_waiting
        self._max_waiting_of_member = max_waiting_of_member

    def earlier(self, once: Once | None) -> KeptAct | None:
        """The act that the same request made before.

        Raises:
            IdempotencyKeyReused: the key came before with another request.
        """
        if once is None:
            return None
        with self._store.read() as tx:
            return _earlier(tx, once)

    def draft(self, asker: Asker, own: OwnSignature | None) -> Draft:
        """Who acts, with which salt and until when; verbs that need an id of their own make it of the salt.

        Raises:
            MemberUnknown: the registry knows no such member.
            MemberNotInGoodStanding: it does, and may not act.
            MemberKeyDiffers: the kept key is of another account than the registered one.
            LedgerUnavailable: the chain is away, and the member's account is not known here.
            FieldInvalid: the act's time that came along is over, or too far away.
        """
        kept = self._keys.account(asker.center, asker.member)
        account = self._members.acting(asker.name, otherwise=kept)
        if kept is not None and kept != account:
            raise MemberKeyDiffers(
                f"The registry names {encode_hex(account)} for {asker.name}, and the key kept here is of {encode_hex(kept)}."
            )
        now = self._clock()
        if own is not None:
            until = datetime.fromtimestamp(own.not_after, UTC) if own.not_after < 2**32 else None
            if until is None or not now + _SHORTEST_LIFETIME <= until <= now + _LONGEST_LIFETIME:
                remedy = f"Sign an act that ends between a minute and {_LONGEST_LIFETIME.days} days from now."
                raise FieldInvalid("The act's time is over, or too far away.", where="/act/notAfter", remedy=remedy)
        return Draft(
            account=account,
            salt=self._entropy(SALT_BYTES) if own is None else own.salt,
            not_after=int((now + LIFETIME).timestamp()) if own is None else own.not_after,
            is_key_here=kept is not None,
            own=own,
        )

    def keep(
        self,
        asker: Asker,
        draft: Draft,
        wanted: Wanted,
        *,
        once: Once | None,
        also: Callable[[Transaction, datetime], None] | None = None,
        replaced: Replaced | None = None,
    ) -> KeptAct:
        """Tries, signs and keeps an act.

        Args:
            also: what else is written in the same transaction.
            replaced: the act that ends in favour of this one.

        Returns:
            The act; the one that was kept before where the request is the same.

        Raises:
            ActWouldFail: the contract would refuse it; in its words.
            SignatureNeeded: the member keeps its key itself, and has not signed this.
            ActsFull: too many wait.
            IdempotencyKeyReused, StoreUnavailable: nothing was kept.
        """
        is_tried = self._is_tried(asker, draft, wanted)
        act = Act(account=draft.account, salt=draft.salt, not_after=draft.not_after, call=wanted.call)
        domain = self._ledger.places.domain(wanted.contract)
        digest = act.digest(domain)
        signature = self._signature(asker, draft, act, wanted.contract)
        now = self._clock()
        kept = KeptAct(
            digest=digest,
            center=asker.center,
            member=asker.member,
            kind=wanted.kind,
            signed=SignedAct(contract=wanted.contract, act=act, signature=signature),
            subject=wanted.subject,
            line=wanted.line,
            asked=wanted.asked,
            state=ActState.KEPT,
            kept_at=now,
            keeping=Keeping(
                touched=wanted.touched,
                is_tried=is_tried,
                attempt=1 if replaced is None else replaced.attempt,
                replaces=None if replaced is None else replaced.act.digest,
            ),
        )
        with self._store.write() as tx:
            # Of two equal requests at once the second must find the first one's act; the log's is the center's one lock.
            tx.log.lock(asker.center)
            if once is not None and (earlier := _earlier(tx, once)) is not None:
                return earlier
            same = tx.acts.get(digest)
            if same is not None:
                return same
            if replaced is not None:
                current = require_act(tx, replaced.act.digest)
                if current.state is not ActState.KEPT:
                    # Another worker has put one in its place: two would issue twice.
                    return current
            if replaced is None:
                self._require_room(tx, asker)
            tx.acts.add(kept)
            if replaced is not None:
                remedy = f"Follow the act {encode_hex(digest)}, which was made in its place."
                tx.acts.close(
                    replaced.act.digest,
                    ActState.REFUSED,
                    now,
                    refusal="WrongPlacement",
                    detail=replaced.detail,
                    remedy=remedy,
                )
            if also is not None:
                also(tx, now)
            tx.audit.add(
                AuditLine(
                    at=now,
                    actor=asker.actor,
                    center=asker.center,
                    member=asker.member,
                    action=f"asset.{wanted.kind.value}",
                    subject=encode_hex(digest),
                )
            )
            if once is not None:
                tx.answers.keep(once, digest)
        return kept

    def _require_room(self, tx: Transaction, asker: Asker) -> None:
        if tx.acts.count_waiting(asker.center) >= self._max_waiting:
            raise ActsFull(f"{self._max_waiting} acts of {asker.center!r} wait to be brought to the chain.", retry_after_s=10)
        if tx.acts.count_waiting(asker.center, asker.member) >= self._max_waiting_of_member:
            raise ActsFull(
                f"{self._max_waiting_of_member} acts of {asker.name} wait to be brought to the chain.", retry_after_s=30
            )

    def _is_tried(self, asker: Asker, draft: Draft, wanted: Wanted) -> bool:
        try:
            self._ledger.simulate(wanted.contract, draft.account, wanted.call)
        except LedgerUnavailable:
            return False
        except ActWouldFail as refused:
            waiting = self._waiting_of(asker)
            if waiting:
                raise ActWouldFail(
                    refused.detail,
                    refusal=refused.refusal,
                    where=refused.where,
                    remedy=f"{refused.remedy} {waiting} of the member's acts still wait to be brought: where this one builds on "
                    "them, send it again once they are done.".lstrip(),
                ) from refused
            raise
        return True

    def _waiting_of(self, asker: Asker) -> int:
        with self._store.read() as tx:
            return tx.acts.count_waiting(asker.center, asker.member)

    def _signature(self, asker: Asker, draft: Draft, act: Act, contract: AssetContract) -> bytes:
        domain = self._ledger.places.domain(contract)
        digest = act.digest(domain)
        if draft.own is None and draft.is_key_here:
            return self._keys.sign(asker.center, asker.member, digest)
        if draft.own is not None and signer_of(digest, draft.own.signature) == draft.account:
            return draft.own.signature
        words = (
            f"{asker.name} keeps its key itself, and signs what it does."
            if draft.own is None
            else f"The signature is not {encode_hex(draft.account)}'s over what is to be done now: the request, or what it "
            "builds on, has changed since it was signed."
        )
        raise SignatureNeeded(words, act=act, contract=contract, to_sign=act.typed().typed_data(domain))


def require_act(tx: Transaction, digest: bytes) -> KeptAct:
    """The act of that digest.

    Raises:
        NotFound: none is kept here.
    """
    act = tx.acts.get(digest)
    if act is None:
        raise NotFound(f"No act {encode_hex(digest)} is kept here.", remedy="Ask the member's own center.")
    return act


def _earlier(tx: Transaction, once: Once) -> KeptAct | None:
    digest = tx.answers.find(once)
    return None if digest is None else tx.acts.get(digest)
