"""Whatever may be stated, ordered or claimed is read as it was written, in one spelling, and any other byte is noticed."""

from datetime import UTC, date, datetime, timedelta

from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, Origin, evidence_value, read_evidence, text_digest
from greenlane.core.assets.purchase import (
    OpenLine,
    Price,
    PurchaseLine,
    line_digest,
    open_line_value,
    priced_line,
    read_open_line,
)
from greenlane.core.assets.quantity import MAX_QUANTITY, Unit
from greenlane.core.assets.retirement import (
    RetirementCertificate,
    RetirementFacts,
    RetirementStatement,
    encode_certificate,
    encode_retirement,
    parse_certificate,
    read_retirement,
    retirement_id,
)
from greenlane.core.assets.typed_data import Domain
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.documents.description import MemberName
from greenlane.core.errors import GreenlaneError
from greenlane.core.units import Address, CenterId, ChainId, MemberId, Salt
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.green_assets import retirement_receipt

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)
ACCOUNTS = st.binary(min_size=20, max_size=20).filter(any).map(Address)
DIGESTS = st.binary(min_size=32, max_size=32).filter(any)
SALTS = st.binary(min_size=32, max_size=32).map(Salt)
DAYS = st.dates(date(1970, 1, 1), date(2105, 1, 1))
UNITS = st.builds(Unit, code=st.from_regex(r"[A-Z0-9]{1,3}", fullmatch=True), decimals=st.integers(0, 18))
ECONOMIES = st.from_regex(r"[A-Z]{2}", fullmatch=True)
LOTS = st.from_regex(r"urn:uuid:[0-9a-f]{8}", fullmatch=True) | st.sampled_from(
    ["https://id.gs1.org/01/09521321000018/10/LOT-7", "https://id.gs1.org/01/09521321000018"]
)
WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40) | st.just("Ñandú & Cía.")
MEMBERS = st.builds(MemberName, center=NAMES.map(CenterId), member=NAMES.map(MemberId))
AMOUNTS = st.from_regex(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,4})?", fullmatch=True)


@st.composite
def statements(draw: st.DrawFn) -> EvidenceStatement:
    serials = sorted((draw(st.integers(1, 2**53 - 1)), draw(st.integers(1, 2**53 - 1))))
    origin = draw(st.none() | st.builds(Origin, registry=NAMES, serial_from=st.just(serials[0]), serial_to=st.just(serials[1])))
    certifier = draw(ACCOUNTS)
    first = draw(DAYS)
    return EvidenceStatement(
        id=draw(LOTS),
        center=draw(NAMES.map(CenterId)),
        certifier=certifier,
        holder=draw(ACCOUNTS.filter(lambda account: account != certifier)),
        class_id=draw(NAMES),
        attribute=draw(NAMES),
        unit=draw(UNITS),
        quantity=draw(st.integers(1, MAX_QUANTITY)),
        lot=draw(LOTS if origin is None else st.none() | LOTS),
        facility=draw(LOTS),
        vintage_from=first,
        vintage_to=first + timedelta(days=draw(st.integers(0, 300))),
        custody_model=draw(st.sampled_from(CustodyModel)),
        origin=origin,
        certificate_digest=draw(DIGESTS),
        economy=draw(ECONOMIES),
    )


@st.composite
def lines(draw: st.DrawFn) -> OpenLine:
    buyer, account = draw(MEMBERS), draw(ACCOUNTS)
    label = draw(st.none() | NAMES)
    line = PurchaseLine(
        purchase_id=draw(st.from_regex(r"[0-9a-f]{32}", fullmatch=True)),
        number=draw(st.integers(1, 200)),
        buyer=buyer,
        supplier=draw(MEMBERS.filter(lambda name: name != buyer)),
        buyer_account=account,
        supplier_account=draw(ACCOUNTS.filter(lambda other: other != account)),
        category=draw(WORDS),
        description=draw(WORDS),
        product=draw(st.none() | LOTS),
        lot=draw(st.none() | LOTS),
        class_id=draw(NAMES),
        unit=draw(UNITS),
        quantity=draw(st.integers(1, MAX_QUANTITY)),
        label=label,
        model=None if label is None else draw(st.sampled_from(["https://id.gs1.org/01/09521321000018", "desk-7"])),
        economy=draw(ECONOMIES),
        ordered_on=draw(DAYS),
    )
    price = Price(amount=draw(AMOUNTS), currency=draw(st.from_regex(r"[A-Z]{3}", fullmatch=True)))
    return priced_line(line, price, salt=draw(SALTS), price_salt=draw(SALTS))


@st.composite
def retirements(draw: st.DrawFn) -> RetirementStatement:
    """Those whose words are behind their facts."""
    evidence = draw(statements())
    line = draw(st.none() | lines().map(OpenLine.without_price))
    if line is not None and (line.line.class_id != evidence.class_id or line.line.lot not in (None, evidence.lot)):
        line = None
    domain = Domain(chain_id=draw(st.integers(1, 2**53 - 1).map(ChainId)), contract=draw(ACCOUNTS))
    holder, ref, beneficiary = draw(ACCOUNTS), draw(DIGESTS), draw(WORDS)
    facts = RetirementFacts(
        id=retirement_id(holder, ref),
        holder=holder,
        claimant=draw(ACCOUNTS),
        token=evidence.digest(domain),
        quantity=draw(st.integers(1, evidence.quantity)),
        beneficiary=text_digest(beneficiary),
        claim_from=evidence.vintage_from,
        claim_to=evidence.vintage_to,
        lot=bytes(32) if evidence.lot is None else text_digest(evidence.lot),
        line_digest=bytes(32) if line is None else line_digest(line),
        ref=ref,
        retired_at=draw(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))).replace(  # noqa: DTZ001
            microsecond=0
        ),
    )
    return RetirementStatement(
        chain_id=domain.chain_id,
        green_asset=draw(ACCOUNTS),
        evidence_register=domain.contract,
        facts=facts,
        holder=draw(st.none() | MEMBERS),
        claimant=draw(st.none() | MEMBERS),
        beneficiary=beneficiary,
        statement=evidence,
        line=line,
    )


@given(statements())
def test_any_statement_is_read_as_it_was_written(stated: EvidenceStatement) -> None:
    assert read_evidence(parse_json(canonical_bytes(evidence_value(stated)))) == stated


@given(lines())
def test_any_line_is_read_as_it_was_written_and_its_digest_does_not_hang_on_being_told_the_price(line: OpenLine) -> None:
    assert read_open_line(parse_json(canonical_bytes(open_line_value(line)))) == line
    told = read_open_line(parse_json(canonical_bytes(open_line_value(line.without_price()))))
    assert told == line.without_price()
    assert line_digest(told) == line_digest(line)


@given(retirements())
@settings(max_examples=30)
def test_any_certificate_is_read_as_it_was_written(stated: RetirementStatement) -> None:
    assert read_retirement(parse_json(encode_retirement(stated))) == stated
    certificate = RetirementCertificate(statement=stated, receipt=retirement_receipt(stated))
    assert parse_certificate(encode_certificate(certificate)) == certificate


@given(retirements(), st.integers(0, 10**6), st.integers(0, 7))
@settings(max_examples=60)
def test_a_certificate_with_a_flipped_bit_is_another_or_none(stated: RetirementStatement, place: int, bit: int) -> None:
    certificate = RetirementCertificate(statement=stated, receipt=retirement_receipt(stated))
    data = bytearray(encode_certificate(certificate))
    data[place % len(data)] ^= 1 << bit
    try:
        read = parse_certificate(bytes(data))
    except GreenlaneError:
        return
    assert read != certificate
