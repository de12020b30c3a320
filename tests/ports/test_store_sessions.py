"""What the room of sign-ins promises: each is there until it ends, and ends once."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from greenlane.adapters.sql.faults import WriteRefused
from greenlane.adapters.sql.sessions import SessionTaken
from greenlane.core.crypto import sha256
from greenlane.ports.sessions import Session
from greenlane.ports.store import Store

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def signed_in(cookie: bytes, *, lasts: timedelta = HOUR) -> Session:
    return Session(
        token_digest=sha256(cookie),
        key_id="k" * 16,
        form_digest=sha256(b"form of " + cookie),
        created_at=NOON,
        expires_at=NOON + lasts,
    )


def test_a_sign_in_is_there_until_it_ends_and_ends_once(store: Store) -> None:
    first, second = signed_in(b"1"), signed_in(b"2")
    with store.write() as tx:
        assert tx.sessions.get(first.token_digest) is None
        tx.sessions.add(first)
        tx.sessions.add(second)
    with store.write() as tx:
        assert tx.sessions.get(first.token_digest) == first
        assert tx.sessions.end(first.token_digest)
        assert not tx.sessions.end(first.token_digest)
    with store.read() as tx:
        assert tx.sessions.get(first.token_digest) is None
        assert tx.sessions.get(second.token_digest) == second
    with pytest.raises(WriteRefused), store.read() as tx:
        tx.sessions.end(second.token_digest)


def test_a_token_stands_for_one_sign_in(store: Store) -> None:
    with store.write() as tx:
        tx.sessions.add(signed_in(b"1"))
    with pytest.raises(SessionTaken) as refused, store.write() as tx:
        tx.sessions.add(dataclasses.replace(signed_in(b"1"), key_id="z" * 16))
    assert sha256(b"1").hex() not in str(refused.value)
    with store.read() as tx:
        assert tx.sessions.get(sha256(b"1")) == signed_in(b"1")


def test_those_that_ended_before_are_dropped_and_later_ones_stay(store: Store) -> None:
    with store.write() as tx:
        for number in range(5):
            tx.sessions.add(signed_in(bytes([number]), lasts=number * HOUR))
    with store.write() as tx:
        assert tx.sessions.drop_expired(NOON) == 0
        assert tx.sessions.drop_expired(NOON + 3 * HOUR) == 3
        assert tx.sessions.drop_expired(NOON + 3 * HOUR) == 0
        assert [tx.sessions.get(sha256(bytes([n]))) is not None for n in range(5)] == [False, False, False, True, True]
