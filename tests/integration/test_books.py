"""Balances, conversion factors and labels over a real store: whose books they are, what they refuse, and what is done once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from greenlane.adapters.sql.factors import SqlFactors
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, Origin
from greenlane.core.assets.facts import IssuanceFacts, Totals
from greenlane.core.assets.label import LabelAnswer, LabelOutOfTurn, LabelRule, read_label
from greenlane.core.assets.quantity import Unit
from greenlane.core.balance.book import PeriodBalance
from greenlane.core.balance.factors import MAX_FACTOR_BYTES, FactorOutOfTurn, encode_factor, read_factor
from greenlane.core.balance.movements import BookEvent
from greenlane.core.balance.statement import BeyondBalance
from greenlane.core.canonical import JsonValue
from greenlane.core.documents.cid import Cid
from greenlane.core.units import Address, CenterId, MemberId
from greenlane.core.wire import FieldInvalid, encode_hex
from greenlane.ports.accounts import MemberRole, MemberUnknown, Visibility
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.services.balance import Balance, BookTooLarge, FacilityBook, StatementVerdict
from greenlane.services.factors import DeclareFactor, FactorDocumentInvalid, FactorNotStated, FactorOfAnother
from greenlane.services.labels import LabelMissing, LabelNotOpened, NotALabeller, NotTheirLabel, RegisterLabel
from worlds.books import BAR_LOT, BARS, BEANS, LOT_A, MILL, PALLET, book_event, made, quantity, received, sent, transformed
from worlds.deployment import COOPERATIVE, LIMA, ROASTER, TIANJIN, World

KEY = "00112233445566aa"
CERTIFIER = MemberId("bosque")
SERIALS = Origin(registry="i-rec", serial_from=1, serial_to=9)
JUNE = (date(2026, 6, 1), date(2026, 6, 30))
STATEMENT = EvidenceStatement(
    id="urn:example:statement:1",
    center=LIMA,
    certifier=Address(b"\x01" * 20),
    holder=Address(b"\x02" * 20),
    class_id="cocoa",
    attribute="deforestation-free",
    unit=Unit(code="KGM", decimals=3),
    quantity=100_000,
    lot=LOT_A,
    facility=MILL,
    vintage_from=JUNE[0],
    vintage_to=JUNE[1],
    custody_model=CustodyModel.SEGREGATED,
    origin=None,
    certificate_digest=bytes(32),
    economy="PE",
)


def take(world: World, *events: BookEvent, center: CenterId = LIMA, member: MemberId = COOPERATIVE) -> None:
    world.capture(center=center, member=member, events=tuple(each.event for each in events), actor="console")


def book_of(world: World, member: MemberId = COOPERATIVE, *, center: CenterId = LIMA, **more: Any) -> FacilityBook:
    return Balance(store=world.store)(center, member, facility=MILL, **more)


def told(balances: tuple[PeriodBalance, ...]) -> list[tuple[str, str, int]]:
    return [(each.node.material, each.node.unit, int(each.closing)) for each in balances]


def judge(
    world: World, statement: EvidenceStatement = STATEMENT, member: MemberId = COOPERATIVE, center: CenterId = LIMA
) -> StatementVerdict:
    with world.store.write() as tx:
        tx.log.lock(LIMA)
        return Balance(store=world.store).judge(tx, statement, holder_center=center, holder=member)


def state(world: World, statement: EvidenceStatement, member: MemberId = COOPERATIVE) -> bytes:
    """Keeps a statement that stands; its digest."""
    digest = statement.id.encode().ljust(32, b"\0")
    kept = KeptEvidence(
        digest=digest,
        center=LIMA,
        holder_center=LIMA,
        holder=member,
        certifier_center=LIMA,
        certifier=CERTIFIER,
        statement=statement,
        state=EvidenceState.DRAFTED,
        signature=None,
        leaf_index=None,
        drafted_at=datetime(2026, 7, 1, tzinfo=UTC),
        decided_at=None,
        refused_because=None,
    )
    with world.store.write() as tx:
        tx.evidence.add(kept)
    return digest


# ---- balances ----


def test_a_book_is_what_its_member_captured_at_the_facility_private_events_too(world: World) -> None:
    take(world, made(quantity(LOT_A, 100)), sent(quantity(LOT_A, 30), day="2026-07-02"))
    take(world, received(quantity(LOT_A, 7)), member=ROASTER)
    take(world, received(quantity(LOT_A, 9)), center=TIANJIN)
    assert told(book_of(world).balances) == [(BEANS, "KGM", 70)]
    assert told(book_of(world, to_day=JUNE[1]).balances) == [(BEANS, "KGM", 100)]
    assert told(book_of(world, ROASTER).balances) == [(BEANS, "KGM", 7)]
    assert told(book_of(world, center=TIANJIN).balances) == [(BEANS, "KGM", 9)]
    assert told(book_of(world, center=TIANJIN, member=ROASTER).balances) == []
    with pytest.raises(MemberUnknown):
        book_of(world, MemberId("nobody"))


def test_one_material_or_every_one_by_name(world: World) -> None:
    take(world, transformed([quantity(LOT_A, 10)], [quantity(BAR_LOT, 14), quantity(BAR_LOT, 140, None)]))
    assert told(book_of(world).balances) == [(BEANS, "KGM", -10), (BARS, "H87", 140), (BARS, "KGM", 14)]
    assert told(book_of(world, material=BEANS).balances) == [(BEANS, "KGM", -10)]


def test_what_cannot_be_counted_is_told_within_its_days(world: World) -> None:
    take(world, book_event(action="OBSERVE", bizStep="shipping", epcList=[PALLET]))
    assert [each.identifier for each in book_of(world).uncounted] == [PALLET]
    assert book_of(world, from_day=date(2026, 6, 2)).uncounted == ()
    assert book_of(world, to_day=date(2026, 5, 31)).uncounted == ()


def test_a_book_is_read_over_many_pages_and_not_without_bound(world: World) -> None:
    events = [received(quantity(LOT_A, 1), disposition=f"urn:example:{number}") for number in range(1_200)]
    take(world, *events)
    assert told(book_of(world).balances) == [(BEANS, "KGM", 1_200)]
    with pytest.raises(BookTooLarge) as caught:
        Balance(store=world.store, max_events=1_199)(LIMA, COOPERATIVE, facility=MILL)
    assert "1199" in caught.value.detail


def test_what_was_read_is_remembered_and_what_came_since_is_read(world: World) -> None:
    balance = Balance(store=world.store)
    take(world, made(quantity(LOT_A, 10)))
    balance.warm(LIMA, COOPERATIVE, MILL)
    assert told(balance(LIMA, COOPERATIVE, facility=MILL).balances) == [(BEANS, "KGM", 10)]
    # Earlier by its own time, and captured later.
    take(world, received(quantity(LOT_A, 5), day="2026-05-01"))
    take(world, received(quantity(LOT_A, 7)), member=ROASTER)
    assert told(balance(LIMA, COOPERATIVE, facility=MILL).balances) == [(BEANS, "KGM", 15)]
    assert told(balance(LIMA, ROASTER, facility=MILL).balances) == [(BEANS, "KGM", 7)]
    wrong = {"declarationTime": "2026-06-02T10:00:00Z", "reason": "did_not_occur"}
    take(world, made(quantity(LOT_A, 10), errorDeclaration=wrong))
    assert told(balance(LIMA, COOPERATIVE, facility=MILL).balances) == [(BEANS, "KGM", 5)]


def test_what_is_remembered_has_a_bound_and_answers_stay_the_same(world: World) -> None:
    balance = Balance(store=world.store, remembered_events=1)
    take(world, made(quantity(LOT_A, 10)), received(quantity(LOT_A, 5)))
    take(world, received(quantity(LOT_A, 7)), member=ROASTER)
    for _ in range(2):
        assert told(balance(LIMA, COOPERATIVE, facility=MILL).balances) == [(BEANS, "KGM", 15)]
        assert told(balance(LIMA, ROASTER, facility=MILL).balances) == [(BEANS, "KGM", 7)]


# ---- statements ----


def test_a_statement_is_judged_by_its_holders_book(world: World) -> None:
    take(world, made(quantity(LOT_A, 150)))
    verdict = judge(world)
    assert (verdict.is_checked, [int(each.left) for each in verdict.sums]) == (True, [150, 150])
    assert "100 kg of lot" in verdict.reason
    with pytest.raises(BeyondBalance) as caught:
        judge(world, member=ROASTER)
    assert caught.value.sum.left == 0


def test_what_stands_is_taken_off_and_what_was_revoked_is_given_back(world: World) -> None:
    take(world, made(quantity(LOT_A, 150)))
    digest = state(world, STATEMENT)
    second = replace(STATEMENT, id="urn:example:statement:2")
    with pytest.raises(BeyondBalance) as caught:
        judge(world, second)
    assert caught.value.sum.left == 50
    # Asked again, the first is not in its own way.
    assert judge(world).is_checked
    assert judge(world, replace(second, attribute="fair-wage")).is_checked
    with world.store.write() as tx:
        tx.assets.put_issuance(
            IssuanceFacts(
                token=digest,
                class_id="cocoa",
                evidenced=100_000,
                totals=Totals(issued=1, escrowed=0, retired=0, cancelled=0),
                lot=bytes(32),
                vintage_from=JUNE[0],
                vintage_to=JUNE[1],
                custody_model=CustodyModel.SEGREGATED,
                revoked="Plots were cleared",
            )
        )
    assert judge(world, second).is_checked


def test_serials_and_other_members_statements_take_nothing(world: World) -> None:
    take(world, made(quantity(LOT_A, 100)))
    state(world, replace(STATEMENT, id="urn:example:other"), member=ROASTER)
    state(world, replace(STATEMENT, id="urn:example:serials", lot=None, origin=SERIALS))
    assert judge(world).is_checked


def test_what_there_is_no_book_for_is_not_checked_and_not_passed(world: World) -> None:
    serials = replace(STATEMENT, lot=None, origin=SERIALS)
    assert judge(world, serials).is_checked is False
    verdict = judge(world, center=CenterId("hanoi"))
    assert (verdict.is_checked, verdict.sums) == (False, ())
    assert "kept by another center" in verdict.reason


def test_another_spelling_of_a_lot_is_refused_and_not_judged(world: World) -> None:
    take(world, made(quantity(LOT_A, 100)))
    with pytest.raises(FieldInvalid):
        judge(world, replace(STATEMENT, lot="urn:epc:class:lgtin:9506000.013437.A"))


# ---- conversion factors ----


def declaration(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "type": "GreenlaneConversionFactor",
        "version": 1,
        "declaredBy": "lima/cooperative",
        "facility": MILL,
        "attribute": None,
        "material": BARS,
        "unit": "KGM",
        "needs": {"material": BEANS, "quantity": "0.7", "unit": "KGM"},
        "validFrom": "2026-01-01",
        "validTo": None,
        "number": 1,
        "replaces": None,
    }
    return plain | changes


def stored(world: World, data: bytes, member: MemberId = COOPERATIVE) -> Cid:
    """Stores bytes as a public document of a member, as anybody does."""
    begun = world.receive_upload.begin(center=LIMA, member=member, key_id=KEY, length=len(data))
    world.receive_upload.append(begun.upload.id, key_id=KEY, offset=0, pieces=[data])
    statement: dict[str, JsonValue] = {
        "mediaType": "application/json",
        "name": "factor.json",
        "documentType": "declaration",
        "about": [BARS],
    }
    kept = world.store_document(begun.upload.id, statement, center=LIMA, key_id=KEY, actor="key:1")
    return kept.description.cid


def declare(world: World, cid: Cid, member: MemberId = COOPERATIVE) -> Any:
    use = DeclareFactor(store=world.store, documents=world.documents, clock=world.clock)
    return use(LIMA, member, cid, actor="key:1")


def declared(world: World, **changes: Any) -> Any:
    return declare(world, stored(world, encode_factor(read_factor(declaration(**changes)))))


def factors_of(world: World, **more: Any) -> list[int]:
    use = DeclareFactor(store=world.store, documents=world.documents, clock=world.clock)
    return [each.factor.number for each in use.declared(LIMA, COOPERATIVE, **more)]


def test_a_declared_factor_stands_behind_a_statement(world: World) -> None:
    take(world, received(quantity(LOT_A, 70)), transformed([quantity(LOT_A, 70)], [quantity(BAR_LOT, 120)]))
    bars = replace(STATEMENT, lot=BAR_LOT, quantity=110_000)
    assert judge(world, bars).is_checked
    kept = declared(world)
    with pytest.raises(BeyondBalance) as caught:
        judge(world, bars)
    assert (caught.value.sum.node.material, caught.value.sum.asked) == (BEANS, Decimal(77))
    assert judge(world, replace(bars, quantity=100_000)).is_checked
    with world.store.read() as tx:
        document = tx.documents.at(LIMA, kept.leaf_index)
        line = tx.audit.lines(LIMA)[-1][1]
    assert document is not None
    assert document.description.digest == kept.digest
    assert (line.action, line.member, line.subject) == ("factor.declare", COOPERATIVE, kept.cid.text)


def test_the_same_declaration_again_changes_nothing_and_the_next_one_follows(world: World) -> None:
    first = declared(world)
    assert declare(world, first.cid) == first
    today = world.clock.now.date().isoformat()
    with pytest.raises(FactorOutOfTurn):
        declared(world, validFrom="2026-02-01")
    with pytest.raises(FactorOutOfTurn):
        declared(world, number=2, replaces=encode_hex(first.digest), validFrom="2026-02-01")
    declared(world, number=2, replaces=encode_hex(first.digest), validFrom=today)
    declared(world, attribute="fair-wage")
    assert sorted(factors_of(world)) == [1, 1, 2]
    assert factors_of(world, facility="https://id.gs1.org/414/9506000134369") == []


def test_a_number_that_the_store_does_not_keep_is_not_said_to_be_declared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = declared(world)
    cid = stored(world, encode_factor(read_factor(declaration(validFrom="2026-02-01"))))
    with world.store.read() as tx:
        before = len(tx.audit.lines(LIMA))
    with monkeypatch.context() as meanwhile:
        # As where the version before was added after it was looked for.
        meanwhile.setattr(SqlFactors, "of_member", lambda *_, **__: [])
        with pytest.raises(FactorOutOfTurn) as refused:
            declare(world, cid)
    assert refused.value.where == "/number"
    with world.store.read() as tx:
        assert [each.digest for each in tx.factors.of_member(LIMA, COOPERATIVE)] == [first.digest]
        assert len(tx.audit.lines(LIMA)) == before


def test_a_factor_counts_only_as_its_own_members_public_document(world: World) -> None:
    data = encode_factor(read_factor(declaration()))
    with pytest.raises(FactorNotStated):
        declare(world, Cid.of(stored(world, b"{}").codec, data))
    cid = stored(world, data)
    with pytest.raises(FactorNotStated):
        declare(world, cid, member=ROASTER)
    with pytest.raises(MemberUnknown):
        declare(world, cid, member=MemberId("nobody"))
    stored(world, data, member=ROASTER)
    with pytest.raises(FactorOfAnother):
        declare(world, cid, member=ROASTER)
    with world.store.write() as tx:
        tx.documents.withdraw(LIMA, COOPERATIVE, cid, world.clock())
    with pytest.raises(FactorNotStated):
        declare(world, cid)
    use = DeclareFactor(store=world.store, documents=world.documents, clock=world.clock)
    with pytest.raises(MemberUnknown):
        use.declared(LIMA, MemberId("nobody"))


def test_a_declaration_has_one_spelling_and_a_bound(world: World) -> None:
    spaced = json.dumps(declaration(), indent=1).encode()
    with pytest.raises(FactorDocumentInvalid):
        declare(world, stored(world, spaced))
    long = json.dumps(declaration()).encode() + b" " * MAX_FACTOR_BYTES
    with pytest.raises(FactorDocumentInvalid):
        declare(world, stored(world, long))


# ---- labels ----


def label(**changes: Any) -> Any:
    plain: dict[str, Any] = {
        "id": "blue-leaf",
        "name": "Blue Leaf",
        "owner": "Blue Leaf Association",
        "categories": [],
        "models": [BARS],
        "economies": ["PE"],
        "validFrom": "2026-01-01",
        "validTo": None,
        "status": "active",
        "recognitions": [],
        "effectiveFrom": "2026-01-01",
    }
    return read_label(plain | changes)


@pytest.fixture
def register(world: World) -> Iterator[RegisterLabel]:
    world.enrol.member(
        center=LIMA,
        member=CERTIFIER,
        name="Bosque",
        roles=frozenset({MemberRole.CERTIFIER}),
        visibility=Visibility.PUBLIC,
        actor="console",
    )
    yield RegisterLabel(store=world.store, clock=world.clock)


def test_a_label_is_recorded_once_and_its_versions_are_kept(world: World, register: RegisterLabel) -> None:
    first, is_new = register(LIMA, CERTIFIER, label(), actor="key:1", is_operator=True)
    assert (first.number, is_new) == (1, True)
    assert register(LIMA, CERTIFIER, label(), actor="key:1") == (first, False)
    today = world.clock.now.date()
    second, is_new = register(LIMA, CERTIFIER, label(status="withdrawn", effectiveFrom=today.isoformat()), actor="key:1")
    assert (second.number, is_new) == (2, True)
    assert [each.number for each in register.versions("blue-leaf")] == [1, 2]
    with pytest.raises(LabelOutOfTurn):
        register(LIMA, CERTIFIER, label(status="withdrawn", effectiveFrom="2026-02-01", name="Other"), actor="key:1")
    before, on = register.validity("blue-leaf", model=BAR_LOT, economy="PE", day=date(2026, 5, 31))
    assert (before.answer, on) == (LabelAnswer.VALID, date(2026, 5, 31))
    after, on = register.validity("blue-leaf", model=BAR_LOT, economy="PE", day=None)
    assert (after.rule, on) == (LabelRule.WITHDRAWN, today)
    with world.store.read() as tx:
        line = tx.audit.lines(LIMA, limit=1_000)[-1][1]
    assert (line.action, line.subject) == ("label.record", "blue-leaf/2")


def test_labels_are_opened_by_operators_and_changed_by_who_recorded_them(register: RegisterLabel) -> None:
    for member in (COOPERATIVE, MemberId("nobody")):
        with pytest.raises(NotALabeller):
            register(LIMA, member, label(), actor="key:1")
    with pytest.raises(LabelNotOpened):
        register(LIMA, CERTIFIER, label(), actor="key:1")
    register(LIMA, None, label(), actor="key:1")
    with pytest.raises(NotTheirLabel):
        register(LIMA, CERTIFIER, label(), actor="key:1")
    with pytest.raises(NotTheirLabel):
        register(TIANJIN, None, label(), actor="key:1")
    with pytest.raises(LabelMissing):
        register.versions("nothing")


def test_labels_are_listed_by_id_page_by_page_each_by_its_newest_version(register: RegisterLabel) -> None:
    for name in ("c", "a", "b"):
        register(LIMA, None, label(id=name), actor="key:1")
    register(LIMA, None, label(id="b", status="suspended", effectiveFrom="2027-01-01"), actor="key:1")
    first = register.newest(after=None, limit=2)
    assert [(each.label.id, each.number) for each in first] == [("a", 1), ("b", 2)]
    assert [each.label.id for each in register.newest(after="b", limit=2)] == ["c"]
