"""What the rooms of documents promise: found by those who may read, wanted by whom they are wanted, and let go by nobody else."""

import base64
import copy
import dataclasses
import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from greenlane.adapters.sql.faults import RowDamaged, RowRefused
from greenlane.adapters.sql.page_tokens import TokenInvalid
from greenlane.adapters.sql.store import SqlStore
from greenlane.adapters.sql.uploads import UploadTaken
from greenlane.core.crypto import sha256
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.description import (
    Confidential,
    Description,
    DocumentReader,
    MemberName,
    document_entry,
    encode_description,
)
from greenlane.core.errors import InvalidInput
from greenlane.core.units import CenterId, LeafIndex, MemberId, Salt
from greenlane.ports.document_index import DocumentPage, StoredDocument
from greenlane.ports.documents import DocumentWithdrawn
from greenlane.ports.events import EventFilter, Reader
from greenlane.ports.holds import HeldDocument, Replica
from greenlane.ports.reader_keys import ReaderKey
from greenlane.ports.store import Store, Transaction
from greenlane.ports.uploads import Upload, UploadMissing
from worlds.descriptions import LOT, OTHER_RECIPIENT, RECIPIENT, confidential_description, description, recipient_of
from worlds.query_plans import analyze, explained, whole_tables_read

LIMA, TIANJIN, HANOI = CenterId("lima"), CenterId("tianjin"), CenterId("hanoi")
FARM, ROASTER, SHOP = MemberId("farm"), MemberId("roaster"), MemberId("shop")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OTHER_LOT = "https://id.gs1.org/01/09521321000018/10/LOT-8"

State = Callable[..., StoredDocument]


def stated(data: bytes = b"a certificate", *, center: CenterId = LIMA, member: MemberId = FARM, **facts: Any) -> Description:
    return dataclasses.replace(description(data), stated_by=MemberName(center=center, member=member), **facts)


def secret(
    data: bytes = b"its age file",
    *,
    center: CenterId = LIMA,
    member: MemberId = FARM,
    to: tuple[MemberName | None, ...] = (None,),
) -> Description:
    """A confidential description whose readers are some members and, for each None, whoever holds a link."""
    readers = tuple(DocumentReader(recipient=recipient_of(bytes([9 + at] * 32)), name=name) for at, name in enumerate(to))
    return dataclasses.replace(
        confidential_description(b"plain " + data, data),
        stated_by=MemberName(center=center, member=member),
        confidential=Confidential(digest=sha256(data), readers=readers),
    )


def cid_of(data: bytes) -> Cid:
    return Cid.of(Codec.RAW, data)


def in_order_of_cid(*data: bytes) -> tuple[Cid, ...]:
    return tuple(sorted((cid_of(each) for each in data), key=Cid.encode))


def put(tx: Transaction, wanted: Description, *, salt: bytes = b"s" * 32, at: datetime = NOON) -> StoredDocument:
    """Stores a statement as a service does."""
    center, member = wanted.stated_by.center, wanted.stated_by.member
    blinds = None if wanted.confidential is None else Salt(salt)
    tx.log.lock(center)
    entry = document_entry(wanted)
    document = StoredDocument(
        center=center,
        member=member,
        description=wanted,
        content_digest=sha256(encode_description(wanted)),
        leaf_index=tx.log.append(center, [(entry if blinds is None else entry.blinded(blinds)).encode()]),
        salt=blinds,
        is_blinded=blinds is not None,
        stored_at=at,
    )
    tx.documents.add(document)
    return document


@pytest.fixture
def state(store: Store) -> State:
    """Stores one statement in a transaction of its own."""

    def alone(wanted: Description, **facts: Any) -> StoredDocument:
        with store.write() as tx:
            return put(tx, wanted, **facts)

    return alone


def every_page(ask: Callable[[str | None], DocumentPage]) -> list[StoredDocument]:
    found: list[StoredDocument] = []
    token = None
    while True:
        page = ask(token)
        assert page.documents or page.next_token is None
        found += page.documents
        token = page.next_token
        if token is None:
            return found


def about(store: Store, *subjects: str, reader: Reader | None = None, limit: int = 2) -> list[StoredDocument]:
    with store.read() as tx:
        return every_page(lambda token: tx.documents.about(subjects, reader=reader, limit=limit, token=token))


def of_center(store: Store, center: CenterId, *, reader: Reader | None = None, limit: int = 2) -> list[StoredDocument]:
    with store.read() as tx:
        return every_page(lambda token: tx.documents.of_center(center, reader=reader, limit=limit, token=token))


def test_a_statement_comes_back_as_it_went_in(store: Store, state: State) -> None:
    public = state(stated())
    hidden = state(secret(to=(None, MemberName(center=TIANJIN, member=ROASTER))), salt=bytes(range(32)), at=NOON + MINUTE)
    with store.read() as tx:
        assert [tx.documents.at(LIMA, LeafIndex(n)) for n in range(3)] == [public, hidden, None]
        assert tx.documents.at(TIANJIN, LeafIndex(0)) is None
        assert tx.documents.known(LIMA, FARM, hidden.content_digest) == hidden
        assert tx.documents.known(LIMA, SHOP, hidden.content_digest) is None
        assert tx.documents.known(TIANJIN, FARM, hidden.content_digest) is None
        assert tx.documents.walk(LIMA, start=LeafIndex(0), limit=9) == (public, hidden)
        assert tx.documents.walk(LIMA, start=LeafIndex(1), limit=9) == (hidden,)
        assert tx.documents.walk(LIMA, start=LeafIndex(0), limit=1) == (public,)
        assert tx.documents.walk(TIANJIN, start=LeafIndex(0), limit=9) == ()


def test_a_statement_of_another_member_or_digest_than_beside_it_is_refused(store: Store, state: State) -> None:
    good = state(stated())
    for wrong in ({"member": SHOP}, {"center": TIANJIN}, {"content_digest": bytes(32)}, {"description": stated(b"other")}):
        with pytest.raises(InvalidInput), store.write() as tx:
            tx.documents.add(dataclasses.replace(good, leaf_index=LeafIndex(7), **wrong))
    with store.read() as tx:
        assert tx.documents.walk(LIMA, start=LeafIndex(0), limit=9) == (good,)


def test_one_member_cannot_store_one_statement_twice_and_two_members_can_state_the_same_bytes(store: Store, state: State) -> None:
    first = state(stated())
    with pytest.raises(RowRefused):
        state(stated())
    second = state(stated(member=SHOP), at=NOON - MINUTE)
    third = state(stated(center=TIANJIN), at=NOON + MINUTE)
    with store.read() as tx:
        assert tx.log.head(LIMA).captured == 2
        assert tx.documents.by_cid(cid_of(b"a certificate"), reader=None, limit=99) == (second, first, third)
        assert tx.documents.wanted(after=None, limit=9) == ((cid_of(b"a certificate"), len(b"a certificate")),)


def test_of_two_equal_statements_at_once_one_becomes_an_entry(store: Store) -> None:
    both_began = threading.Barrier(2, timeout=20)
    places: list[LeafIndex] = []

    def once() -> None:
        both_began.wait()
        with store.write() as tx:
            tx.log.lock(LIMA)
            known = tx.documents.known(LIMA, FARM, sha256(encode_description(stated())))
            places.append((known or put(tx, stated())).leaf_index)

    threads = [threading.Thread(target=once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert places == [0, 0]
    with store.read() as tx:
        assert tx.log.head(LIMA).captured == 1


READERS = {
    "nobody": None,
    "the center": Reader(center=LIMA),
    "the owner": Reader(center=LIMA, member=FARM),
    "a named member of the center": Reader(center=LIMA, member=SHOP),
    "another member of the center": Reader(center=LIMA, member=ROASTER),
    "a named member elsewhere": Reader(center=TIANJIN, member=ROASTER),
    "the center of a named member": Reader(center=TIANJIN),
    "another member elsewhere, with an owner's name": Reader(center=TIANJIN, member=FARM),
    "another member elsewhere, with a named one's name": Reader(center=TIANJIN, member=SHOP),
    "a center that is not here": Reader(center=HANOI),
    "a named member of a center that is not here": Reader(center=HANOI, member=FARM),
}
MAY_READ = {
    "public": set(READERS),
    "for a link": {"the center", "the owner"},
    "for members": {
        "the center",
        "the owner",
        "a named member of the center",
        "a named member elsewhere",
        "a named member of a center that is not here",
    },
    "of Tianjin": {"the center of a named member", "a named member elsewhere"},
}


def test_a_confidential_statement_is_there_for_its_center_its_owner_and_whom_it_names_and_for_nobody_else(
    store: Store, state: State
) -> None:
    named = tuple(MemberName(center=c, member=m) for c, m in ((LIMA, SHOP), (TIANJIN, ROASTER), (HANOI, FARM)))
    documents = {
        "public": state(stated()),
        "for a link": state(secret(b"for a link"), at=NOON + MINUTE),
        "for members": state(secret(b"for members", to=(None, *named)), at=NOON + 2 * MINUTE),
        "of Tianjin": state(secret(b"of Tianjin", center=TIANJIN, member=ROASTER), at=NOON + 3 * MINUTE),
    }
    for who, reader in READERS.items():
        expected = [document for what, document in reversed(documents.items()) if who in MAY_READ[what]]
        for limit in (1, 9):
            assert about(store, LOT, reader=reader, limit=limit) == expected, who
            assert about(store, LOT, OTHER_LOT, reader=reader, limit=limit) == expected, who
            for center in (LIMA, TIANJIN, HANOI):
                here = [document for document in expected if document.center == center]
                assert of_center(store, center, reader=reader, limit=limit) == here, (who, center)
        with store.read() as tx:
            for document in documents.values():
                found = tx.documents.by_cid(document.description.cid, reader=reader, limit=99)
                assert found == ((document,) if document in expected else ()), who


def test_a_member_with_two_keys_is_named_once(store: Store, state: State) -> None:
    roaster = MemberName(center=TIANJIN, member=ROASTER)
    document = state(secret(to=(roaster, roaster, None)))
    assert about(store, LOT, reader=Reader(center=TIANJIN, member=ROASTER), limit=1) == [document]


def test_pages_run_from_the_newest_and_give_each_once_also_where_times_are_equal(store: Store, state: State) -> None:
    documents = []
    for number in range(11):
        subjects = ((LOT,), (OTHER_LOT,), (LOT, OTHER_LOT), ("urn:example:thing:1",))[number % 4]
        center = (LIMA, TIANJIN)[number % 2]
        wanted = stated(f"{number}".encode(), center=center, about=subjects)
        documents.append(state(wanted, at=NOON + number // 4 * MINUTE))
    numbers = {LIMA: 1, TIANJIN: 2}
    newest = sorted(documents, key=lambda one: (one.stored_at, numbers[one.center], one.leaf_index), reverse=True)
    for limit in (1, 2, 3, 10, 11, 12):
        assert about(store, LOT, limit=limit) == [one for one in newest if LOT in one.description.about]
        either = [one for one in newest if {LOT, OTHER_LOT} & set(one.description.about)]
        assert about(store, OTHER_LOT, LOT, LOT, limit=limit) == either
        for center in (LIMA, TIANJIN):
            assert of_center(store, center, limit=limit) == [one for one in reversed(documents) if one.center == center]
    assert about(store, "urn:example:thing:2") == []
    assert about(store) == []


def test_a_statement_that_comes_between_pages_moves_no_other(store: Store, state: State) -> None:
    first, second, third = (state(stated(f"{n}".encode()), at=NOON + n * MINUTE) for n in range(3))
    with store.read() as tx:
        page = tx.documents.about([LOT], reader=None, limit=1)
        whole = tx.documents.of_center(LIMA, reader=None, limit=1)
    assert page.documents == whole.documents == (third,)
    state(stated(b"later"), at=NOON + 9 * MINUTE)
    with store.read() as tx:
        assert tx.documents.about([LOT], reader=None, limit=9, token=page.next_token).documents == (second, first)
        assert tx.documents.of_center(LIMA, reader=None, limit=9, token=whole.next_token).documents == (second, first)


def _token(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    ["", "%", "é", "AAAA", "x" * 5000, _token([]), _token([1, 2, 3]), _token([1, True]), _token([1, 2**63]), _token(None)],
)
def test_a_token_that_was_never_given_out_is_refused(store: Store, state: State, token: str) -> None:
    state(stated())
    with store.read() as tx:
        with pytest.raises(TokenInvalid):
            tx.documents.about([LOT], reader=None, limit=1, token=token)
        with pytest.raises(TokenInvalid):
            tx.documents.of_center(LIMA, reader=None, limit=1, token=token)


def test_a_token_of_another_question_is_refused(store: Store, state: State) -> None:
    for number in range(3):
        for center in (LIMA, TIANJIN):
            state(stated(f"{number}".encode(), center=center, about=(LOT, OTHER_LOT)))
    with store.read() as tx:
        of_lot = tx.documents.about([LOT], reader=None, limit=1).next_token
        of_both = tx.documents.about([LOT, OTHER_LOT], reader=None, limit=1).next_token
        of_lima = tx.documents.of_center(LIMA, reader=None, limit=1).next_token
        assert None not in (of_lot, of_both, of_lima)
        for token in (of_both, of_lima):
            with pytest.raises(TokenInvalid):
                tx.documents.about([LOT], reader=None, limit=1, token=token)
        for center, token in ((TIANJIN, of_lima), (HANOI, of_lima), (LIMA, of_lot)):
            with pytest.raises(TokenInvalid):
                tx.documents.of_center(center, reader=None, limit=1, token=token)
        for token in (of_lot, of_both, of_lima):
            with pytest.raises(TokenInvalid):
                tx.events.find(EventFilter(reader=None), limit=1, token=token)
        # A time that no calendar has.
        asked = json.loads(base64.urlsafe_b64decode((of_lot or "") + "==="))
        with pytest.raises(TokenInvalid):
            tx.documents.about([LOT], reader=None, limit=1, token=_token([asked[0], 2**62, 1, 1]))


def test_what_is_withdrawn_is_no_longer_kept_listed_or_served_and_still_known(store: Store, state: State) -> None:
    kept, other = state(secret(b"first")), state(secret(b"second"), at=NOON + MINUTE)
    cid = cid_of(b"first")
    with store.write() as tx:
        assert tx.documents.is_served(cid) is True
        assert tx.documents.withdraw(LIMA, FARM, cid, NOON + 2 * MINUTE) == 1
        assert tx.documents.withdraw(LIMA, FARM, cid, NOON + 3 * MINUTE) == 0, "the first time stays"
    withdrawn = dataclasses.replace(kept, withdrawn_at=NOON + 2 * MINUTE)
    owner = Reader(center=LIMA, member=FARM)
    with store.read() as tx:
        assert tx.documents.is_served(cid) is False
        assert tx.documents.is_served(cid_of(b"second")) is True
        assert tx.documents.is_served(cid_of(b"never stated")) is None
        assert tx.documents.by_cid(cid, reader=owner, limit=99) == (withdrawn,)
        assert tx.documents.at(LIMA, kept.leaf_index) == withdrawn
        assert tx.documents.known(LIMA, FARM, kept.content_digest) == withdrawn
        assert tx.documents.wanted(after=None, limit=9) == ((cid_of(b"second"), 6),)
        assert tx.documents.unwanted(after=None, limit=9) == (cid,)
    assert about(store, LOT, reader=owner) == [other]
    assert of_center(store, LIMA, reader=owner) == [other, withdrawn]


def test_nobody_withdraws_what_another_states(store: Store, state: State) -> None:
    mine, theirs = state(stated()), state(stated(member=SHOP))
    cid = mine.description.cid
    with store.write() as tx:
        for center, member in ((LIMA, ROASTER), (TIANJIN, FARM), (HANOI, FARM)):
            assert tx.documents.withdraw(center, member, cid, NOON) == 0
        assert tx.documents.by_cid(cid, reader=None, limit=99) == (mine, theirs)
        assert tx.documents.withdraw(LIMA, SHOP, cid, NOON) == 1
    with store.read() as tx:
        assert tx.documents.is_served(cid) is True
        assert [one.withdrawn_at for one in tx.documents.by_cid(cid, reader=None, limit=99)] == [None, NOON]
        assert tx.documents.wanted(after=None, limit=9) == ((cid, mine.description.size),)
        assert tx.documents.unwanted(after=None, limit=9) == ()


def test_a_member_withdraws_all_that_it_states_of_some_bytes_and_may_state_them_again(store: Store, state: State) -> None:
    cid = cid_of(b"a certificate")
    state(stated())
    state(stated(about=(OTHER_LOT,)))
    with store.write() as tx:
        assert tx.documents.withdraw(LIMA, FARM, cid, NOON) == 2
        assert tx.documents.unwanted(after=None, limit=9) == (cid,)
        assert tx.documents.let_go(cid)
        assert tx.documents.unwanted(after=None, limit=9) == ()
    again = state(stated(about=("urn:example:thing:1",)))
    with store.read() as tx:
        assert tx.documents.is_served(cid) is True
        assert tx.documents.wanted(after=None, limit=9) == ((cid, 13),)
        assert tx.documents.by_cid(cid, reader=None, limit=99)[2] == again


def test_what_replaces_a_document_is_the_newest_that_its_own_member_put_there(store: Store, state: State) -> None:
    old = cid_of(b"a certificate")
    first, theirs = state(stated()), state(stated(member=SHOP))
    state(stated(b"of a stranger", member=ROASTER, replaces=old))
    with store.read() as tx:
        assert tx.documents.replaced_by(old) is None
        assert tx.documents.by_cid(old, reader=None, limit=99) == (first, theirs)
    for number in range(2):
        state(stated(f"new {number}".encode(), replaces=old), at=NOON + number * MINUTE)
    with store.read() as tx:
        replaced = [one.replaced_by for one in tx.documents.by_cid(old, reader=None, limit=99)]
        assert replaced == [cid_of(b"new 1"), None]
        assert tx.documents.replaced_by(old) == cid_of(b"new 1")
        assert tx.documents.replaced_by(cid_of(b"new 1")) is None
        assert tx.documents.is_served(old) is True, "a public document that is replaced stays"


def test_a_forgotten_salt_of_a_document_is_gone_once(store: Store, state: State) -> None:
    public, hidden = state(stated()), state(secret())
    with store.write() as tx:
        assert not tx.documents.forget_salt(LIMA, public.leaf_index, NOON)
        assert not tx.documents.forget_salt(TIANJIN, hidden.leaf_index, NOON)
        assert tx.documents.forget_salt(LIMA, hidden.leaf_index, NOON)
        assert not tx.documents.forget_salt(LIMA, hidden.leaf_index, NOON)
    with store.read() as tx:
        assert tx.documents.at(LIMA, hidden.leaf_index) == dataclasses.replace(hidden, salt=None)


def test_a_damaged_statement_is_told_as_such_and_where(store: SqlStore, state: State) -> None:
    document = state(stated())
    with store.write() as tx:
        driver = tx.log._work.driver()  # type: ignore[attr-defined]
        _unguard(store, driver)
        driver.execute("UPDATE document SET description = 'not JSON'::bytea" if store.is_postgres else _SPOIL)
    with pytest.raises(RowDamaged) as raised, store.read() as tx:
        tx.documents.at(LIMA, document.leaf_index)
    assert raised.value.where == "lima/0"


_SPOIL = "UPDATE document SET description = CAST('not JSON' AS BLOB)"


def _unguard(store: SqlStore, driver: Any) -> None:
    if store.is_postgres:
        driver.execute("DROP TRIGGER document_is_append_only ON document")
    else:
        driver.execute("DROP TRIGGER document_refuses_update")


def upload(number: int = 0, **facts: Any) -> Upload:
    plain = Upload(
        id=f"{number:032x}",
        center=LIMA,
        member=FARM,
        key_id="k" * 16,
        length=2**40,
        created_at=NOON + number * MINUTE,
        expires_at=NOON + (number + 1) * MINUTE,
    )
    return dataclasses.replace(plain, **facts)


def test_an_upload_is_begun_meant_finished_and_dropped(store: Store) -> None:
    first, second, elsewhere = upload(0), upload(1), upload(2, center=TIANJIN)
    cid = cid_of(b"a certificate")
    with store.write() as tx:
        for one in (second, first, elsewhere):
            tx.uploads.add(one)
        assert list(tx.uploads.of_center(LIMA)) == [first, second]
        assert list(tx.uploads.of_center(HANOI)) == []
        tx.uploads.mean(first.id, cid)
        tx.uploads.mean(first.id, cid)
        assert tx.uploads.get(first.id) == dataclasses.replace(first, meant=cid)
        tx.uploads.finish(first.id, LeafIndex(7))
        tx.uploads.finish(first.id, LeafIndex(8))
        finished = dataclasses.replace(first, meant=cid, stored_at=LeafIndex(7))
        assert tx.uploads.get(first.id) == finished
        assert list(tx.uploads.of_center(LIMA)) == [second]
        assert list(tx.uploads.of_center(TIANJIN)) == [elsewhere]
        tx.uploads.drop(second.id)
        tx.uploads.drop(second.id)
        assert tx.uploads.get(second.id) is None
    with pytest.raises(UploadTaken), store.write() as tx:
        tx.uploads.add(first)
    with pytest.raises(UploadMissing), store.write() as tx:
        tx.uploads.mean(second.id, cid)
    with pytest.raises(UploadMissing), store.write() as tx:
        tx.uploads.finish("none", LeafIndex(0))
    with store.read() as tx:
        assert tx.uploads.get(first.id) == finished


def test_uploads_expire_at_their_time_the_first_first_and_stored_ones_too(store: Store) -> None:
    late, early, stored = upload(3), upload(1), upload(2, meant=cid_of(b"x"), stored_at=LeafIndex(0))
    with store.write() as tx:
        for one in (late, early, stored):
            tx.uploads.add(one)
    with store.read() as tx:
        assert list(tx.uploads.expired(NOON)) == []
        assert list(tx.uploads.expired(early.expires_at - timedelta(microseconds=1))) == []
        assert list(tx.uploads.expired(early.expires_at)) == [early]
        assert list(tx.uploads.expired(NOON + 9 * MINUTE)) == [early, stored, late]


def test_bytes_of_an_upload_are_not_let_go_before_it_is_dropped_or_stored_and_withdrawn(store: Store) -> None:
    cid = cid_of(b"a certificate")
    with store.write() as tx:
        for number in range(3):
            tx.uploads.add(upload(number))
        assert not tx.documents.let_go(cid), "what was never wanted here is another's"
        tx.uploads.mean(upload(0).id, cid)
        tx.uploads.mean(upload(1).id, cid)
        assert tx.documents.wanted(after=None, limit=9) == (), "not before it is stored"
        assert not tx.documents.let_go(cid)
        tx.uploads.drop(upload(0).id)
        assert (tx.documents.unwanted(after=None, limit=9), tx.documents.let_go(cid)) == ((), False)
        put(tx, stated())
        tx.uploads.finish(upload(1).id, LeafIndex(0))
        assert not tx.documents.let_go(cid)
        tx.documents.withdraw(LIMA, FARM, cid, NOON)
        assert tx.documents.unwanted(after=None, limit=9) == (cid,)
        tx.uploads.mean(upload(2).id, cid)
        assert not tx.documents.let_go(cid)
        tx.uploads.mean(upload(2).id, cid_of(b"other"))
        assert tx.documents.unwanted(after=None, limit=9) == (cid,)
        tx.uploads.drop(upload(2).id)
        tx.uploads.drop(upload(1).id)
        assert tx.documents.unwanted(after=None, limit=9) == in_order_of_cid(b"a certificate", b"other")
        assert tx.documents.let_go(cid)
        assert not tx.documents.let_go(cid)
        assert tx.documents.unwanted(after=None, limit=9) == (cid_of(b"other"),)


def test_whoever_wants_bytes_waits_until_those_who_let_them_go_have_ended(store: Store) -> None:
    """Else they might be pinned, found to be there, and forgotten after that."""
    cid = cid_of(b"a certificate")
    with store.write() as tx:
        put(tx, stated())
        tx.documents.withdraw(LIMA, FARM, cid, NOON)
        tx.uploads.add(upload())
    order: list[str] = []
    is_let_go = threading.Event()

    def mean() -> None:
        is_let_go.wait(20)
        with store.write() as tx:
            tx.uploads.mean(upload().id, cid)
            order.append("meant")

    thread = threading.Thread(target=mean)
    thread.start()
    with store.write() as tx:
        assert tx.documents.let_go(cid)
        is_let_go.set()
        thread.join(0.3)
        order.append("let go")
    thread.join(20)
    assert order == ["let go", "meant"]
    with store.write() as tx:
        assert tx.documents.is_wanted(cid)
        assert tx.documents.unwanted(after=None, limit=9) == ()
        assert not tx.documents.let_go(cid)


def test_what_could_not_be_unpinned_stays_unwanted(store: Store, state: State) -> None:
    cid = state(stated()).description.cid
    with store.write() as tx:
        tx.documents.withdraw(LIMA, FARM, cid, NOON)
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        assert tx.documents.let_go(cid)
        raise ZeroDivisionError
    with store.read() as tx:
        assert tx.documents.unwanted(after=None, limit=9) == (cid,)
        assert not tx.documents.is_wanted(cid)


def test_wanted_is_what_a_statement_an_ask_or_an_upload_names_and_nothing_else(store: Store) -> None:
    cid = cid_of(b"a certificate")

    def is_wanted() -> bool:
        with store.read() as tx:
            return tx.documents.is_wanted(cid)

    assert not is_wanted(), "nobody ever wanted it"
    with store.write() as tx:
        tx.holds.note_pinned(cid, False)
    assert not is_wanted()
    with store.write() as tx:
        tx.uploads.add(upload())
        tx.uploads.mean(upload().id, cid)
    assert is_wanted()
    with store.write() as tx:
        tx.uploads.drop(upload().id)
    assert not is_wanted()
    with store.write() as tx:
        tx.holds.ask(held(b"a certificate"))
    assert is_wanted()
    with store.write() as tx:
        tx.holds.release(TIANJIN, cid)
        put(tx, stated())
    assert is_wanted()
    with store.write() as tx:
        tx.documents.withdraw(LIMA, FARM, cid, NOON)
    assert not is_wanted()


def held(data: bytes, asked_by: CenterId = TIANJIN, size: int = 5) -> HeldDocument:
    return HeldDocument(center=LIMA, asked_by=asked_by, cid=cid_of(data), size=size, asked_at=NOON)


def test_a_hold_is_asked_for_once_by_each_and_released_by_each(store: Store) -> None:
    ours, also, larger = held(b"one"), held(b"one", HANOI), held(b"two", size=2**40)
    with store.write() as tx:
        assert [tx.holds.ask(one) for one in (ours, also, larger, ours)] == [True, True, True, False]
        assert (tx.holds.held_bytes(TIANJIN), tx.holds.held_bytes(HANOI), tx.holds.held_bytes(LIMA)) == (2**40 + 5, 5, 0)
        assert tx.documents.wanted(after=None, limit=9) == (), "what is held is not ours to replicate"
        assert tx.holds.release(TIANJIN, ours.cid)
        assert not tx.holds.release(TIANJIN, ours.cid)
        assert not tx.holds.release(LIMA, also.cid)
        assert (tx.holds.held_bytes(TIANJIN), tx.holds.held_bytes(HANOI)) == (2**40, 5)
        assert tx.holds.bring(ours.cid)
        assert tx.holds.is_held(ours.cid)
        assert tx.documents.unwanted(after=None, limit=9) == ()
        assert tx.holds.release(HANOI, ours.cid)
        assert not tx.holds.is_held(ours.cid)
        assert tx.documents.unwanted(after=None, limit=9) == (ours.cid,)
        assert tx.holds.ask(ours)
        assert tx.documents.unwanted(after=None, limit=9) == ()
    with store.read() as tx:
        assert set(tx.holds.held(asked_by=TIANJIN, after=None, limit=9)) == {ours, larger}


def test_pages_of_holds_run_by_cid_and_give_each_cid_once(store: Store) -> None:
    names = [f"{number}".encode() for number in range(7)]
    with store.write() as tx:
        for number, name in enumerate(names):
            tx.holds.ask(held(name))
            if number % 2:
                tx.holds.ask(held(name, HANOI))
    asked: dict[CenterId | None, Sequence[bytes]] = {None: names, TIANJIN: names, HANOI: names[1::2], LIMA: []}
    for limit in (1, 2, 3, 7, 8):
        for asked_by, expected in asked.items():
            found: list[Cid] = []
            with store.read() as tx:
                while page := tx.holds.held(asked_by=asked_by, after=found[-1] if found else None, limit=limit):
                    assert len(page) <= limit
                    found += [one.cid for one in page]
            assert tuple(found) == in_order_of_cid(*expected)


def test_a_partner_is_asked_for_what_it_did_not_confirm_of_late(store: Store, state: State) -> None:
    for name in (b"1", b"2", b"3"):
        state(stated(name))
    first, second, third = in_order_of_cid(b"1", b"2", b"3")

    def confirm(tx: Transaction, cid: Cid, minutes: int) -> None:
        tx.holds.confirm(Replica(partner=TIANJIN, cid=cid, confirmed_at=NOON + minutes * MINUTE))

    def unconfirmed(tx: Transaction, minutes: int = 0, **facts: Any) -> list[Cid]:
        before = NOON + minutes * MINUTE
        return [cid for cid, size in tx.holds.unconfirmed(TIANJIN, before=before, **{"limit": 9} | facts) if size == 1]

    with store.write() as tx:
        tx.holds.ask(held(b"not ours"))
        assert unconfirmed(tx) == [first, second, third]
        confirm(tx, second, 5)
        confirm(tx, second, 3)
        assert list(tx.holds.holders(second)) == [Replica(partner=TIANJIN, cid=second, confirmed_at=NOON + 5 * MINUTE)]
        assert unconfirmed(tx, 5) == [first, third]
        assert unconfirmed(tx, 6) == [first, second, third]
        assert unconfirmed(tx, 6, limit=2) == [first, second]
        assert unconfirmed(tx, 6, after=first) == [second, third]
        assert [cid for cid, _ in tx.holds.unconfirmed(HANOI, before=NOON, limit=9)] == [first, second, third]
        confirm(tx, second, 9)
        assert unconfirmed(tx, 9) == [first, third]
        tx.holds.confirm(Replica(partner=HANOI, cid=second, confirmed_at=NOON))
        assert [one.partner for one in tx.holds.holders(second)] == [HANOI, TIANJIN]
        assert tx.holds.unconfirm(TIANJIN, second)
        assert not tx.holds.unconfirm(TIANJIN, second)
        assert unconfirmed(tx, 0) == [first, second, third]
        assert [one.partner for one in tx.holds.holders(second)] == [HANOI]
        tx.documents.withdraw(LIMA, FARM, third, NOON)
        assert unconfirmed(tx, 0) == [first, second]


def test_reader_keys_are_added_once_and_stay_revoked(store: Store) -> None:
    first = ReaderKey(center=LIMA, member=FARM, recipient=RECIPIENT, added_at=NOON)
    second = ReaderKey(center=LIMA, member=FARM, recipient=OTHER_RECIPIENT, added_at=NOON - MINUTE)
    with store.write() as tx:
        assert [tx.reader_keys.add(key) for key in (first, second, first)] == [True, True, False]
        assert tx.reader_keys.add(dataclasses.replace(first, member=SHOP))
        assert list(tx.reader_keys.of_member(LIMA, FARM)) == [second, first]
        assert tx.reader_keys.revoke(LIMA, FARM, RECIPIENT, NOON + MINUTE)
        assert not tx.reader_keys.revoke(LIMA, FARM, RECIPIENT, NOON + 2 * MINUTE)
        assert not tx.reader_keys.revoke(LIMA, FARM, "age1none", NOON)
        assert not tx.reader_keys.revoke(TIANJIN, FARM, RECIPIENT, NOON)
        assert not tx.reader_keys.add(first)
    with store.read() as tx:
        revoked = dataclasses.replace(first, revoked_at=NOON + MINUTE)
        assert list(tx.reader_keys.of_member(LIMA, FARM)) == [second, revoked]
        assert list(tx.reader_keys.of_member(LIMA, SHOP)) == [dataclasses.replace(first, member=SHOP)]
        assert list(tx.reader_keys.of_member(HANOI, FARM)) == []


class Wants:
    """Who wants which bytes, told the simple way."""

    def __init__(self) -> None:
        self.seen: set[Cid] = set()
        self.statements: set[tuple[Cid, MemberId]] = set()
        self.owners: dict[Cid, MemberId] = {}
        self.asks: set[tuple[CenterId, Cid]] = set()
        self.meant: dict[str, Cid] = {}

    def wanted(self) -> list[Cid]:
        return sorted({cid for cid, _ in self.statements}, key=Cid.encode)

    def unwanted(self) -> list[Cid]:
        claimed = {cid for cid, _ in self.statements} | {cid for _, cid in self.asks} | set(self.meant.values())
        return sorted(self.seen - claimed, key=Cid.encode)


@pytest.mark.parametrize("seed", range(3))
def test_after_any_sequence_of_writes_the_same_bytes_are_wanted_as_by_a_simple_count(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    wants, number = Wants(), 0
    names = [f"{n}".encode() for n in range(4)]
    for _ in range(25):
        try:
            with store.write() as tx:
                before = copy.deepcopy(wants)
                for _ in range(chance.randint(1, 6)):
                    number += 1
                    _write_something(tx, wants, chance, chance.choice(names), number)
                assert [cid for cid, _ in tx.documents.wanted(after=None, limit=9)] == wants.wanted()
                assert list(tx.documents.unwanted(after=None, limit=9)) == wants.unwanted()
                if chance.random() < 0.2:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            wants = before
    with store.read() as tx:
        everything = [*wants.wanted(), *wants.unwanted()]
        assert everything
        assert list(_walked(lambda after: [cid for cid, _ in tx.documents.wanted(after=after, limit=1)])) == wants.wanted()
        assert list(_walked(lambda after: list(tx.documents.unwanted(after=after, limit=1)))) == wants.unwanted()


def _walked(page: Callable[[Cid | None], list[Cid]]) -> Iterator[Cid]:
    after = None
    while found := page(after):
        yield from found
        after = found[-1]


def _write_something(tx: Transaction, wants: Wants, chance: random.Random, name: bytes, number: int) -> None:
    cid, member, center = cid_of(name), chance.choice((FARM, SHOP)), chance.choice((TIANJIN, HANOI))
    match chance.randrange(7):
        # What its first member withdrew stays so for everybody else.
        case 0 if wants.owners.get(cid, member) == member or (cid, wants.owners[cid]) in wants.statements:
            wants.owners.setdefault(cid, member)
            put(tx, stated(name, member=member, about=(f"urn:example:thing:{number}",)))
            wants.statements.add((cid, member))
            wants.seen.add(cid)
        case 1:
            count = tx.documents.withdraw(LIMA, member, cid, NOON)
            whose = (FARM, SHOP) if wants.owners.get(cid) == member else (member,)
            over = {(cid, one) for one in whose} & wants.statements
            assert (count > 0) == bool(over)
            wants.statements -= over
        case 2:
            assert tx.holds.ask(held(name, center)) == ((center, cid) not in wants.asks)
            wants.asks.add((center, cid))
            wants.seen.add(cid)
        case 3:
            assert tx.holds.release(center, cid) == ((center, cid) in wants.asks)
            wants.asks.discard((center, cid))
        case 4:
            tx.uploads.add(upload(number))
            tx.uploads.mean(upload(number).id, cid)
            wants.meant[upload(number).id] = cid
            wants.seen.add(cid)
        case 5 if wants.meant:
            ended = chance.choice(sorted(wants.meant))
            if chance.random() < 0.5:
                tx.uploads.finish(ended, LeafIndex(number))
            tx.uploads.drop(ended)
            del wants.meant[ended]
        case _:
            assert tx.documents.let_go(cid) == (cid in wants.unwanted())
            wants.seen.discard(cid) if cid in wants.unwanted() else None


def test_what_its_first_member_withdrew_is_made_to_be_handed_out_again_by_nobody_else(store: Store, state: State) -> None:
    cid = cid_of(b"an age file")
    state(stated(b"an age file"))
    state(stated(b"an age file", member=ROASTER))
    newer, decoy = cid_of(b"newer"), cid_of(b"decoy")
    state(stated(b"newer", replaces=cid))
    state(stated(b"decoy", member=ROASTER, replaces=cid))
    with store.write() as tx:
        assert tx.documents.withdraw(LIMA, FARM, cid, NOON) == 2
    with store.read() as tx:
        assert tx.documents.is_served(cid) is False
        assert tx.documents.replaced_by(cid) == newer != decoy
    with pytest.raises(DocumentWithdrawn) as refused:
        state(stated(b"an age file", member=ROASTER, about=("urn:example:again",)))
    assert refused.value.replaced_by == newer
    state(stated(b"an age file", about=("urn:example:again",)))
    with store.read() as tx:
        assert tx.documents.is_served(cid) is True


def test_nobody_pushes_a_members_statements_off_a_page_by_stating_much(store: Store, state: State) -> None:
    state(stated(b"the farm's own"))
    for number in range(9):
        state(stated(f"spam {number}".encode(), member=ROASTER), at=NOON + number * MINUTE)
    with store.read() as tx:
        found, is_all = tx.documents.chosen_about([LOT], first=[(LIMA, FARM)], each_other=3, reader=None, limit=5)
    assert ([one.member for one in found], is_all) == ([FARM, ROASTER, ROASTER, ROASTER], False)


def test_documents_are_found_by_the_digest_of_what_a_person_holds(store: Store) -> None:
    named = MemberName(center=TIANJIN, member=ROASTER)
    hidden = dataclasses.replace(secret(b"age", to=(named,)), digest=sha256(b"a certificate"))
    with store.write() as tx:
        first = put(tx, stated(b"a certificate", center=TIANJIN, member=ROASTER))
        second = put(tx, stated(b"a certificate"), at=NOON + MINUTE)
        blinded = put(tx, hidden, at=NOON + 2 * MINUTE)
        put(tx, stated(b"another"))
    digest = sha256(b"a certificate")
    with store.read() as tx:
        assert tx.documents.by_digest(digest, reader=None, limit=9) == (first, second)
        assert tx.documents.by_digest(digest, reader=None, limit=1) == (first,)
        for reader in (Reader(center=LIMA), Reader(center=LIMA, member=FARM), Reader(center=TIANJIN, member=ROASTER)):
            assert tx.documents.by_digest(digest, reader=reader, limit=9) == (first, second, blinded)
        assert tx.documents.by_digest(digest, reader=Reader(center=HANOI), limit=9) == (first, second)
        # The age file's digest is not what anybody holds.
        for other in (sha256(b"age"), bytes(32)):
            assert tx.documents.by_digest(other, reader=Reader(center=LIMA), limit=9) == ()
        # Listed, and yet about no such thing.
        assert tx.documents.about([digest.hex(), f"0x{digest.hex()}"], reader=None, limit=9).documents == ()
    with store.write() as tx:
        tx.documents.withdraw(TIANJIN, ROASTER, first.description.cid, NOON + MINUTE)
        # Withdrawn by whoever sent the bytes first, so by everybody.
        assert {one.withdrawn_at for one in tx.documents.by_digest(digest, reader=None, limit=9)} == {NOON + MINUTE}


def test_one_that_stands_comes_before_a_withdrawn_one_of_the_same_digest(store: Store) -> None:
    digest, named = sha256(b"a certificate"), MemberName(center=TIANJIN, member=ROASTER)
    with store.write() as tx:
        old = put(tx, stated(b"a certificate"))
        new = put(tx, dataclasses.replace(secret(b"age", to=(named,)), digest=digest), at=NOON + MINUTE)
        tx.documents.withdraw(LIMA, FARM, old.description.cid, NOON)
        found = tx.documents.by_digest(digest, reader=Reader(center=LIMA), limit=9)
    assert [(one.leaf_index, one.withdrawn_at) for one in found] == [(new.leaf_index, None), (old.leaf_index, NOON)]


def _many(store: SqlStore, count: int) -> None:
    named = (MemberName(center=TIANJIN, member=ROASTER), MemberName(center=LIMA, member=SHOP), None)
    with store.write() as tx:
        for number in range(count):
            name = f"{number}".encode()
            made = stated(name) if number % 2 else secret(name, to=named)
            put(tx, dataclasses.replace(made, about=(f"urn:example:thing:{number}", LOT)))
            if number % 4 != 1:
                tx.documents.withdraw(LIMA, FARM, cid_of(name), NOON)
            tx.holds.ask(held(name + b" held"))
            tx.holds.confirm(Replica(partner=TIANJIN, cid=cid_of(name), confirmed_at=NOON))


def test_no_question_reads_a_whole_table(store: SqlStore) -> None:
    """Neither before the planner knows anything of the tables, nor after."""
    _many(store, 1_000)
    middle = cid_of(b"500")
    some = [f"urn:example:thing:{number}" for number in range(1, 1_000, 200)]
    farm, roaster = Reader(center=LIMA, member=FARM), Reader(center=TIANJIN, member=ROASTER)
    walks: list[Callable[[Transaction], Any]] = [
        lambda tx: tx.documents.wanted(after=None, limit=10),
        lambda tx: tx.documents.wanted(after=middle, limit=10),
        lambda tx: tx.documents.unwanted(after=middle, limit=10),
        lambda tx: tx.holds.unconfirmed(TIANJIN, before=NOON + MINUTE, after=middle, limit=10),
        lambda tx: tx.holds.unconfirmed(HANOI, before=NOON, limit=10),
        lambda tx: tx.holds.held(asked_by=None, after=middle, limit=10),
    ]
    questions: list[Callable[[Transaction], Any]] = [
        *walks,
        lambda tx: tx.holds.held(asked_by=TIANJIN, after=None, limit=10),
        lambda tx: tx.documents.is_served(middle) is not None,
        lambda tx: tx.documents.by_cid(middle, reader=farm, limit=99),
        lambda tx: tx.documents.about([LOT], reader=roaster, limit=20).documents,
        *(
            lambda tx, reader=reader: tx.documents.of_center(LIMA, reader=reader, limit=5).documents
            for reader in (None, Reader(center=LIMA), farm, roaster)
        ),
        lambda tx: tx.documents.walk(LIMA, start=LeafIndex(900), limit=20),
        lambda tx: not tx.documents.replaced_by(middle),
        lambda tx: tx.documents.at(LIMA, LeafIndex(501)),
        lambda tx: tx.documents.by_digest(sha256(b"plain 500"), reader=Reader(center=LIMA), limit=20),
    ]
    # Of several names PostgreSQL believes, until it has looked, that they have much of all rows.
    later: list[Callable[[Transaction], Any]] = [
        lambda tx: tx.documents.about(some, reader=farm, limit=20).documents,
        lambda tx: tx.documents.about(some, reader=None, limit=20).documents,
    ]
    tables = ("document", "document_about", "document_bytes", "document_reader", "hold", "replica", "withdrawal")
    for is_analyzed in (False, True):
        if is_analyzed:
            analyze(store)
        for at, ask in enumerate([*questions, *later] if is_analyzed else questions):
            with explained(store) as (tx, plans):
                assert ask(tx), at
            plan = "\n".join(plans)
            assert plan
            assert whole_tables_read(plan, tables) == [], (at, plan)
            if at < len(walks):
                assert "Sort" not in plan, (at, plan)
                assert "TEMP B-TREE" not in plan, (at, plan)
