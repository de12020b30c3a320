"""What the smaller rooms promise: accounts, kept answers, audit lines, capture jobs and the outbox."""

import dataclasses
import threading
from datetime import UTC, datetime, timedelta

import pytest
from greenlane.adapters.sql.accounts import ApiKeyTaken
from greenlane.adapters.sql.jobs import CaptureJobTaken
from greenlane.adapters.sql.outbox import NonceUsed, PurposePending
from greenlane.core.units import Address, CenterId, ChainId, MemberId, TxHash
from greenlane.ports.accounts import ApiKey, KeyRole, Member, MemberRole, Visibility
from greenlane.ports.answers import IdempotencyKeyReused, Once
from greenlane.ports.audit import AuditLine
from greenlane.ports.jobs import CapturedEvent, CaptureJob
from greenlane.ports.outbox import OutboxRow, OutboxState, SignedTransaction
from greenlane.ports.store import Store, Transaction

LIMA, TIANJIN = CenterId("lima"), CenterId("tianjin")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(microseconds=1)
CHAIN, OTHER_CHAIN = ChainId(1337), ChainId(1)
SIGNER, OTHER_SIGNER = Address(b"s" * 20), Address(b"o" * 20)


def member(member_id: str, **facts: object) -> Member:
    plain = Member(
        center=LIMA,
        id=MemberId(member_id),
        name="Ñandú & Cía",
        roles=frozenset({MemberRole.ENTERPRISE, MemberRole.BUYER}),
        visibility=Visibility.PRIVATE,
        created_at=NOON,
    )
    return dataclasses.replace(plain, **facts)  # type: ignore[arg-type]


def api_key(key_id: str, **facts: object) -> ApiKey:
    plain = ApiKey(
        id=key_id,
        secret_digest=b"d" * 32,
        role=KeyRole.OPERATOR,
        center=LIMA,
        member=None,
        label="label",
        created_at=NOON,
        expires_at=None,
        revoked_at=None,
    )
    return dataclasses.replace(plain, **facts)  # type: ignore[arg-type]


def test_members_stand_by_center_and_id_and_keep_their_first_day(store: Store) -> None:
    with store.write() as transaction:
        for one in (member("b"), member("a-1", roles=frozenset()), member("a"), member("a", center=TIANJIN)):
            transaction.accounts.put_member(one)
        changed = member("b", name="New", roles=frozenset({MemberRole.AGENCY}), visibility=Visibility.PUBLIC, created_at=LATER)
        transaction.accounts.put_member(changed)
    with store.read() as reader:
        assert reader.accounts.member(LIMA, MemberId("b")) == dataclasses.replace(changed, created_at=NOON)
        assert [one.id for one in reader.accounts.members(LIMA)] == ["a", "a-1", "b"]
        assert reader.accounts.member(TIANJIN, MemberId("a")) == member("a", center=TIANJIN)
        assert reader.accounts.member(LIMA, MemberId("none")) is None
        assert reader.accounts.member(CenterId("hanoi"), MemberId("a")) is None
        assert list(reader.accounts.members(CenterId("hanoi"))) == []


def test_an_api_key_is_added_once_and_revoked_once(store: Store) -> None:
    first = api_key("a" * 16, created_at=LATER)
    second = api_key("b" * 16, role=KeyRole.MEMBER, member=MemberId("m"), expires_at=LATER)
    with store.write() as transaction:
        transaction.accounts.add_api_key(first)
        transaction.accounts.add_api_key(second)
        transaction.accounts.add_api_key(api_key("c" * 16, center=TIANJIN))
    with pytest.raises(ApiKeyTaken), store.write() as transaction:
        transaction.accounts.add_api_key(api_key("a" * 16, secret_digest=b"x" * 32))
    with store.write() as transaction:
        assert transaction.accounts.revoke_api_key(second.id, LATER)
        assert not transaction.accounts.revoke_api_key(second.id, NOON)
        assert not transaction.accounts.revoke_api_key("f" * 16, NOON)
    with store.read() as reader:
        assert reader.accounts.api_key(first.id) == first
        assert reader.accounts.api_key("f" * 16) is None
        assert list(reader.accounts.api_keys(LIMA)) == [dataclasses.replace(second, revoked_at=LATER), first]


def once(key: str = "k", digest: bytes = b"1" * 32, scope: str = "scope", at: datetime = NOON) -> Once:
    return Once(scope=scope, key=key, request_digest=digest, at=at)


def test_the_first_answer_is_given_again_and_another_request_with_its_key_is_refused(store: Store) -> None:
    with store.write() as transaction:
        assert transaction.answers.find(once()) is None
        transaction.answers.keep(once(), b"\x00first")
    with store.read() as reader:
        assert reader.answers.find(once(at=LATER)) == b"\x00first"
        assert reader.answers.find(once(key="other")) is None
        assert reader.answers.find(once(scope="other")) is None
        with pytest.raises(IdempotencyKeyReused):
            reader.answers.find(once(digest=b"2" * 32))
    with pytest.raises(IdempotencyKeyReused), store.write() as transaction:
        transaction.answers.keep(once(), b"second")


def test_of_two_requests_with_one_key_at_once_one_takes_effect(store: Store) -> None:
    outcomes: list[str] = []
    both_began = threading.Barrier(2, timeout=20)

    def ask(body: bytes) -> None:
        with store.read() as reader:
            assert reader.answers.find(once(digest=body * 32)) is None
        both_began.wait()
        try:
            with store.write() as transaction:
                transaction.log.append(LIMA, [bytes(65)])
                transaction.answers.keep(once(digest=body * 32), body)
        except IdempotencyKeyReused:
            outcomes.append("refused")
        else:
            outcomes.append("answered")

    threads = [threading.Thread(target=ask, args=(body,)) for body in (b"1", b"2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["answered", "refused"]
    with store.read() as reader:
        assert reader.log.head(LIMA).captured == 1


def test_old_answers_are_dropped_and_younger_ones_stay(store: Store) -> None:
    with store.write() as transaction:
        transaction.answers.keep(once("old"), b"old")
        transaction.answers.keep(once("young", at=LATER), b"young")
        assert transaction.answers.drop_before(LATER) == 1
        assert transaction.answers.drop_before(LATER) == 0
    with store.read() as reader:
        assert reader.answers.find(once("old")) is None
        assert reader.answers.find(once("young")) == b"young"


def test_audit_lines_are_numbered_by_center_in_the_order_of_writing(store: Store) -> None:
    def line(center: CenterId, subject: str) -> AuditLine:
        return AuditLine(at=NOON, actor="console", center=center, member=MemberId("m"), action="key.create", subject=subject)

    with store.write() as transaction:
        for subject in ("1", "2"):
            transaction.audit.add(line(LIMA, subject))
        assert [number for number, _ in transaction.audit.lines(LIMA)] == [1, 2]
        transaction.audit.add(line(TIANJIN, "t1"))
        transaction.audit.add(line(LIMA, "3"))
    with pytest.raises(ZeroDivisionError), store.write() as transaction:
        transaction.audit.add(line(LIMA, "never"))
        raise ZeroDivisionError
    with store.write() as transaction:
        transaction.audit.add(line(LIMA, "4"))
    with store.read() as reader:
        assert list(reader.audit.lines(LIMA)) == [(n, line(LIMA, str(n))) for n in (1, 2, 3, 4)]
        assert list(reader.audit.lines(LIMA, after=1, limit=2)) == [(2, line(LIMA, "2")), (3, line(LIMA, "3"))]
        assert list(reader.audit.lines(TIANJIN)) == [(1, line(TIANJIN, "t1"))]
        assert list(reader.audit.lines(CenterId("hanoi"))) == []


def test_a_capture_job_comes_back_whole_and_its_id_is_taken(store: Store) -> None:
    job = CaptureJob(
        id="3d9f",
        center=LIMA,
        member=MemberId("m"),
        created_at=NOON,
        events=tuple(CapturedEvent(event_hash=f"ni:{n}", leaf_index=2**40 + n, is_new=n % 2 == 0) for n in range(3)),
    )
    with store.write() as transaction:
        transaction.jobs.add(job)
    with pytest.raises(CaptureJobTaken), store.write() as transaction:
        transaction.jobs.add(dataclasses.replace(job, events=()))
    with store.read() as reader:
        assert reader.jobs.get("3d9f") == job
        assert reader.jobs.get("none") is None


def sign(nonce: int) -> SignedTransaction:
    return SignedTransaction(tx_hash=TxHash(bytes([nonce]) * 32), raw=b"raw" + bytes([nonce]))


def send(transaction: Transaction, purpose: str, nonce: int | None = None) -> OutboxRow:
    at = transaction.outbox.lock_signer(CHAIN, SIGNER) if nonce is None else nonce
    return transaction.outbox.add(chain_id=CHAIN, signer=SIGNER, nonce=at, purpose=purpose, sign=sign, at=NOON)


def test_nonces_go_up_and_rows_come_back_in_their_order(store: Store) -> None:
    rows = []
    for purpose in ("c", "a", "b"):
        with store.write() as transaction:
            rows.append(send(transaction, purpose))
    with store.read() as reader:
        assert [row.nonce for row in rows] == [0, 1, 2]
        assert rows[1] == OutboxRow(
            chain_id=CHAIN,
            signer=SIGNER,
            nonce=1,
            purpose="a",
            tx_hash=TxHash(b"\x01" * 32),
            raw=b"raw\x01",
            state=OutboxState.PENDING,
            attempts=0,
            created_at=NOON,
            sent_at=None,
            note="",
        )
        assert reader.outbox.pending(CHAIN, SIGNER) == tuple(rows)
        assert reader.outbox.from_nonce(CHAIN, SIGNER, 1) == tuple(rows[1:])
        assert reader.outbox.pending(OTHER_CHAIN, SIGNER) == ()
        assert reader.outbox.pending(CHAIN, OTHER_SIGNER) == ()
    with store.write() as transaction:
        assert transaction.outbox.lock_signer(OTHER_CHAIN, SIGNER) == 0
        assert transaction.outbox.lock_signer(CHAIN, OTHER_SIGNER) == 0


def test_a_nonce_is_used_once_also_by_threads(store: Store) -> None:
    def work(name: str) -> None:
        for number in range(4):
            with store.write() as transaction:
                send(transaction, f"{name}.{number}")

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as reader:
        assert [row.nonce for row in reader.outbox.pending(CHAIN, SIGNER)] == list(range(16))
    for nonce in (0, 15):
        with pytest.raises(NonceUsed), store.write() as transaction:
            send(transaction, "again", nonce)


def test_one_purpose_is_pending_once_and_nothing_is_signed_for_it_meanwhile(store: Store) -> None:
    def never(nonce: int) -> SignedTransaction:
        raise AssertionError(f"signed with {nonce}")

    with store.write() as transaction:
        first = send(transaction, "anchor:lima:1")
    for signer in (SIGNER, OTHER_SIGNER):
        with pytest.raises(PurposePending), store.write() as transaction:
            nonce = transaction.outbox.lock_signer(CHAIN, signer)
            transaction.outbox.add(chain_id=CHAIN, signer=signer, nonce=nonce, purpose="anchor:lima:1", sign=never, at=NOON)
    with store.write() as transaction:
        transaction.outbox.close(first, OutboxState.FAILED, "NotActive")
        assert transaction.outbox.pending_for(CHAIN, "anchor:lima:1") is None
        second = send(transaction, "anchor:lima:1")
        assert transaction.outbox.pending_for(CHAIN, "anchor:lima:1") == second
        assert transaction.outbox.pending_for(OTHER_CHAIN, "anchor:lima:1") is None
    with pytest.raises(PurposePending), store.write() as transaction:
        transaction.outbox.reopen(first)
    with store.read() as reader:
        closed = dataclasses.replace(first, state=OutboxState.FAILED, note="NotActive")
        assert reader.outbox.from_nonce(CHAIN, SIGNER, 0) == (closed, second)


def test_a_row_is_sent_counted_closed_and_reopened(store: Store) -> None:
    with store.write() as transaction:
        row = send(transaction, "p")
        transaction.outbox.mark_sent(row, NOON)
        transaction.outbox.mark_sent(row, LATER)
        sent = dataclasses.replace(row, attempts=2, sent_at=LATER)
        assert transaction.outbox.pending_for(CHAIN, "p") == sent
        for state in (OutboxState.DONE, OutboxState.SUPERSEDED):
            transaction.outbox.close(sent, state)
            assert transaction.outbox.pending(CHAIN, SIGNER) == ()
            assert transaction.outbox.from_nonce(CHAIN, SIGNER, 0) == (dataclasses.replace(sent, state=state),)
            transaction.outbox.reopen(sent)
            assert transaction.outbox.pending(CHAIN, SIGNER) == (sent,)


def test_the_next_nonce_skips_forward_and_never_back(store: Store) -> None:
    with store.write() as transaction:
        transaction.outbox.skip_to(CHAIN, SIGNER, 7)
        assert transaction.outbox.lock_signer(CHAIN, SIGNER) == 7
        transaction.outbox.skip_to(CHAIN, SIGNER, 3)
        assert send(transaction, "p").nonce == 7
        assert transaction.outbox.lock_signer(CHAIN, SIGNER) == 8


def test_a_pending_row_is_signed_anew_in_its_place(store: Store) -> None:
    with store.write() as transaction:
        transaction.outbox.skip_to(CHAIN, SIGNER, 200)
        row = send(transaction, "p")
        transaction.outbox.mark_sent(row, NOON)
        fresh = transaction.outbox.sign_anew(row, nonce=5, sign=sign)
        assert fresh == dataclasses.replace(row, nonce=5, tx_hash=sign(5).tx_hash, raw=sign(5).raw)
        assert transaction.outbox.pending(CHAIN, SIGNER) == (fresh,)
        assert transaction.outbox.lock_signer(CHAIN, SIGNER) == 6
    with store.write() as transaction:
        other = send(transaction, "q")
        transaction.outbox.close(fresh, OutboxState.DONE)
        done = dataclasses.replace(fresh, state=OutboxState.DONE)
    for stale, nonce in ((row, 9), (done, 5), (done, 9), (other, 5)):
        with pytest.raises(NonceUsed), store.write() as transaction:
            transaction.outbox.sign_anew(stale, nonce=nonce, sign=sign)
    with store.read() as reader:
        assert reader.outbox.from_nonce(CHAIN, SIGNER, 0) == (done, other)


def test_pending_rows_of_a_chain_are_counted_whoever_signed_them(store: Store) -> None:
    with store.write() as transaction:
        rows = [send(transaction, purpose) for purpose in ("a", "b")]
        nonce = transaction.outbox.lock_signer(CHAIN, OTHER_SIGNER)
        transaction.outbox.add(chain_id=CHAIN, signer=OTHER_SIGNER, nonce=nonce, purpose="c", sign=sign, at=NOON)
        assert transaction.outbox.count_pending(CHAIN) == 3
        transaction.outbox.close(rows[0], OutboxState.DONE)
    with store.read() as reader:
        assert (reader.outbox.count_pending(CHAIN), reader.outbox.count_pending(OTHER_CHAIN)) == (2, 0)
