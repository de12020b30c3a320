"""The public keys by which a member reads confidential documents: registered at its center, for whoever encrypts."""

from collections.abc import Sequence

from greenlane.core.errors import NotFound
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import MemberUnknown
from greenlane.ports.audit import AuditLine
from greenlane.ports.clock import Clock
from greenlane.ports.encryption import EncryptFor
from greenlane.ports.reader_keys import ReaderKey
from greenlane.ports.store import Store, Transaction


class ReaderKeyMissing(NotFound):
    """The member has no such reader key, or it was revoked before."""

    code = "reader-key-missing"
    default_remedy = "GET the member's reader keys to see those it has."


class RegisterReader:
    """The use case. The identity that opens what is encrypted never comes here."""

    def __init__(self, *, store: Store, clock: Clock, encrypt_for: EncryptFor) -> None:
        self._store = store
        self._clock = clock
        self._encrypt_for = encrypt_for

    def keys(self, center: CenterId, member: MemberId) -> Sequence[ReaderKey]:
        """All reader keys of a member, oldest first, revoked ones included.

        Raises:
            MemberUnknown: the center has no such member.
        """
        with self._store.read() as tx:
            _require_member(tx, center, member)
            return tx.reader_keys.of_member(center, member)

    def add(self, center: CenterId, member: MemberId, recipient: str, *, actor: str) -> Sequence[ReaderKey]:
        """Registers a key; all of the member's then. One that it has already changes nothing; a revoked one stays revoked.

        Args:
            recipient: "age1…", as `read_recipient` takes it.

        Raises:
            NoRecipient: no key lies behind it.
            MemberUnknown: the center has no such member.
        """
        # Whoever cannot be encrypted for must not stand among the readers.
        self._encrypt_for(b"", [recipient])
        with self._store.write() as tx:
            _require_member(tx, center, member)
            now = self._clock()
            if tx.reader_keys.add(ReaderKey(center=center, member=member, recipient=recipient, added_at=now)):
                line = AuditLine(at=now, actor=actor, center=center, member=member, action="reader-key.add", subject=recipient)
                tx.audit.add(line)
            return tx.reader_keys.of_member(center, member)

    def revoke(self, center: CenterId, member: MemberId, recipient: str, *, actor: str) -> None:
        """Nothing new is encrypted for the key from now on; what was read stays read.

        Raises:
            MemberUnknown: the center has no such member.
            ReaderKeyMissing: the member has no such key, or it was revoked before.
        """
        with self._store.write() as tx:
            _require_member(tx, center, member)
            now = self._clock()
            if not tx.reader_keys.revoke(center, member, recipient, now):
                raise ReaderKeyMissing(f"{center}/{member} has no such reader key, or it was revoked before.")
            line = AuditLine(at=now, actor=actor, center=center, member=member, action="reader-key.revoke", subject=recipient)
            tx.audit.add(line)


def _require_member(tx: Transaction, center: CenterId, member: MemberId) -> None:
    if tx.accounts.member(center, member) is None:
        raise MemberUnknown(f"Center {center!r} has no member {member!r}.")
