"""A purchase checked among 100,000, beside the bare SELECT of one row by its key; both on the same SQLite file.

Each purchase has one line that went the whole way: ordered, set aside, accepted, retired. Its checks all pass: they read the
line's acts, escrow and retirement, the issuance and its signed statement, the certificate, and the events of its lot.
"""

import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount
from greenlane.adapters.sql.store import SqlStore, open_store
from greenlane.core.assets.act import Act
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, text_digest
from greenlane.core.assets.facts import EscrowFacts, EscrowState, IssuanceFacts, Totals
from greenlane.core.assets.purchase import Price, PurchaseLine, line_digest, priced_line
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.retirement import RetirementFacts
from greenlane.core.assets.typed_data import Domain
from greenlane.core.documents.cid import Cid, Codec
from greenlane.core.documents.description import Description, MemberName, document_entry
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, LeafIndex, MemberId, RootHash, Salt, TreeSize
from greenlane.ports.accounts import Visibility
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.asset_index import FollowedTo
from greenlane.ports.asset_ledger import AssetContract, BlockRef, SignedAct
from greenlane.ports.document_index import StoredDocument
from greenlane.ports.events import EventIdentity, ItemKey, StoredEvent
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.ports.log import StoredAnchor
from greenlane.ports.purchases import KeptLine, Purchase
from greenlane.ports.store import Transaction
from greenlane.services.check_purchase import CheckPurchase, CheckVerdict

from scripts.bench.report import Table

_PURCHASES, _TOKENS, _BATCH = 100_000, 100, 1_000
_EVENTS_OF_A_LOT = 10
_ASKED = 1_000
_AIM_MS = 50
_LIMA = CenterId("lima")
_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
_COOPERATIVE = MemberName(center=_LIMA, member=MemberId("cooperative"))
_CITY = MemberName(center=_LIMA, member=MemberId("city"))
_CERTIFIER = MemberName(center=_LIMA, member=MemberId("certifier"))
_SELLER, _BUYER = Address(b"\x01" * 20), Address(b"\x02" * 20)
_DOMAIN = Domain(chain_id=ChainId(1), contract=Address(b"\x70" * 20))
_UNIT = Unit(code="KGM", decimals=3)
_CERTIFICATE = b"a certificate"
_SCOPE = (date(2026, 1, 1), date(2026, 3, 31))
_KEY: LocalAccount = Account.from_key(sha256(b"bench").digest())


def measure_checks() -> int:
    """Fills a store, and measures; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "store.sqlite"
        store = open_store(f"sqlite:///{file}")
        store.migrate()
        try:
            began = time.perf_counter()
            ids = _filled(store)
            filled_s = time.perf_counter() - began
            return _measured(store, ids, filled_s, file)
        finally:
            store.close()


def _measured(store: SqlStore, ids: Sequence[str], filled_s: float, file: Path) -> int:
    check = CheckPurchase(store=store, clock=lambda: _NOON + timedelta(days=30))
    asked = random.Random(11).sample(ids, _ASKED + 20)

    def ask(purchase_id: str) -> None:
        with store.read() as tx:
            found = tx.purchases.get(purchase_id)
        if found is None or check(found).verdict is not CheckVerdict.PASSED:
            raise SystemExit(f"bench: the checks of {purchase_id} do not pass")

    with closing(sqlite3.connect(file)) as bare:

        def select(purchase_id: str) -> None:
            bare.execute("SELECT * FROM purchase_line WHERE purchase_id = ?", (purchase_id,)).fetchone()

        floor = _times(select, asked)
    ours = _times(ask, asked)
    table = Table(
        f"a purchase checked, among {_PURCHASES:,} (SQLite of {file.stat().st_size / 1e6:,.0f} MB, filled in {filled_s:.0f} s)",
        *("", "asked", "p50", "p95", "longest", "aim for p95"),
    )
    for name, times, aim in (("bare SELECT of its line", floor, ""), ("check with four checks", ours, f"{_AIM_MS} ms")):
        table.row(name, f"{len(times):,}", *(f"{one * 1e3:.3f} ms" for one in _quantiles(times)), aim)
    ratio = [mine / theirs for mine, theirs in zip(_quantiles(ours), _quantiles(floor), strict=True)]
    table.row("ratio", "", *(f"{one:,.0f}×" for one in ratio), "")
    table.print()
    return 0


def _times(ask: Callable[[str], None], asked: Sequence[str]) -> list[float]:
    for warm in asked[:20]:
        ask(warm)
    times = []
    for one in asked[20:]:
        began = time.perf_counter()
        ask(one)
        times.append(time.perf_counter() - began)
    return times


def _quantiles(times: Sequence[float]) -> tuple[float, float, float]:
    return statistics.median(times), sorted(times)[int(len(times) * 0.95)], max(times)


# ---- what is in the store ----


def _filled(store: SqlStore) -> list[str]:
    with store.write() as tx:
        tokens = [_token(tx, number) for number in range(_TOKENS)]
        head = tx.log.lock(_LIMA)
        tx.log.add_anchor(
            StoredAnchor(
                center=_LIMA,
                tree_size=TreeSize(head.captured),
                root=RootHash(bytes(32)),
                anchored_at=_NOON,
                block_number=BlockNumber(1),
                transaction=None,
            )
        )
        tx.assets.set_followed(FollowedTo(block=BlockRef(number=BlockNumber(9), block_hash=bytes(32)), at=_NOON))
    ids: list[str] = []
    for start in range(0, _PURCHASES, _BATCH):
        with store.write() as tx:
            numbers = range(start, start + _BATCH)
            ids.extend(_purchase(tx, number, tokens[number % _TOKENS], number % _TOKENS) for number in numbers)
        if sys.stdout.isatty():
            print(f"\r  writing purchases: {start + _BATCH:,} of {_PURCHASES:,}", end="", flush=True)
    if sys.stdout.isatty():
        print("\r\x1b[K", end="")
    return ids


def _lot(number: int) -> str:
    return f"https://id.gs1.org/01/09521321000018/10/LOT-{number}"


def _token(tx: Transaction, number: int) -> bytes:
    """A statement that is logged, its certificate, the events of its lot, and the issuance; the token."""
    lot = _lot(number)
    statement = EvidenceStatement(
        id=f"urn:example:{number}",
        center=_LIMA,
        certifier=Address(bytes.fromhex(_KEY.address[2:])),
        holder=_SELLER,
        class_id="cocoa-df",
        attribute="deforestation-free",
        unit=_UNIT,
        quantity=10**12,
        lot=lot,
        facility="https://id.gs1.org/414/9521321000018",
        vintage_from=_SCOPE[0],
        vintage_to=_SCOPE[1],
        custody_model=CustodyModel.SEGREGATED,
        origin=None,
        certificate_digest=sha256(_CERTIFICATE + str(number).encode()).digest(),
        economy="PE",
    )
    token = statement.digest(_DOMAIN)
    signature = bytes(Account.unsafe_sign_hash(token, _KEY.key).signature)
    tx.evidence.add(
        KeptEvidence(
            digest=token,
            center=_LIMA,
            holder_center=_LIMA,
            holder=_COOPERATIVE.member,
            certifier_center=_LIMA,
            certifier=_CERTIFIER.member,
            statement=statement,
            state=EvidenceState.DRAFTED,
            signature=None,
            leaf_index=None,
            drafted_at=_NOON,
            decided_at=None,
            refused_because=None,
        )
    )
    tx.evidence.log(token, signature=signature, leaf_index=_leaf(tx), at=_NOON)
    tx.documents.add(_document(tx, number, lot))
    tx.events.add([_event(tx, number, at, lot) for at in range(_EVENTS_OF_A_LOT)])
    tx.assets.put_issuance(
        IssuanceFacts(
            token=token,
            class_id="cocoa-df",
            evidenced=10**12,
            totals=Totals(issued=10**11, escrowed=0, retired=10**6, cancelled=0),
            lot=text_digest(lot),
            vintage_from=_SCOPE[0],
            vintage_to=_SCOPE[1],
            custody_model=CustodyModel.SEGREGATED,
            revoked=None,
        )
    )
    return token


def _leaf(tx: Transaction) -> LeafIndex:
    tx.log.lock(_LIMA)
    return tx.log.append(_LIMA, [bytes(65)])


def _document(tx: Transaction, number: int, lot: str) -> StoredDocument:
    data = _CERTIFICATE + str(number).encode()
    described = Description(
        stated_by=_COOPERATIVE,
        cid=Cid.of(Codec.RAW, data),
        size=len(data),
        digest=sha256(data).digest(),
        media_type="application/pdf",
        name="certificate.pdf",
        document_type="cert",
        issuer=None,
        issued_on=None,
        about=(lot,),
        confidential=None,
        replaces=None,
    )
    return StoredDocument(
        center=_LIMA,
        member=_COOPERATIVE.member,
        description=described,
        content_digest=document_entry(described).content,
        leaf_index=_leaf(tx),
        salt=None,
        is_blinded=False,
        stored_at=_NOON,
    )


def _event(tx: Transaction, number: int, at: int, lot: str) -> StoredEvent:
    digest = sha256(f"event {number} {at}".encode()).digest()
    return StoredEvent(
        center=_LIMA,
        member=_COOPERATIVE.member,
        event_hash=f"ni:///sha-256;{digest.hex()}?ver=CBV2.0",
        identity=EventIdentity(event_digest=digest, variant_digest=bytes(32)),
        content_digest=digest,
        document=b"{}".ljust(1_000),
        event_type="ObjectEvent",
        event_time=_NOON + timedelta(seconds=number * _EVENTS_OF_A_LOT + at),
        action="OBSERVE",
        biz_step="shipping",
        disposition=None,
        read_point=None,
        biz_location=None,
        event_id=None,
        is_error_declaration=False,
        visibility=Visibility.PUBLIC,
        captured_at=_NOON,
        leaf_index=_leaf(tx),
        is_blinded=False,
        salt=None,
        job_id=digest.hex()[:32],
        items=(ItemKey(role="epc", identifier=lot),),
    )


def _purchase(tx: Transaction, number: int, token: bytes, lot: int) -> str:
    """A purchase of one line that went the whole way; its id."""
    purchase_id = f"{number:032x}"
    line = PurchaseLine(
        purchase_id=purchase_id,
        number=1,
        buyer=_CITY,
        supplier=_COOPERATIVE,
        buyer_account=_BUYER,
        supplier_account=_SELLER,
        category="catering",
        description="Cocoa for school meals",
        product="https://id.gs1.org/01/09521321000018",
        lot=_lot(lot),
        class_id="cocoa-df",
        unit=_UNIT,
        quantity=10,
        label=None,
        model=None,
        economy="PE",
        ordered_on=_NOON.date(),
    )
    salts = [Salt(sha256(f"{which} {number}".encode()).digest()) for which in ("line", "price")]
    opened = priced_line(line, Price(amount="1299.90", currency="PEN"), salt=salts[0], price_salt=salts[1])
    digest = line_digest(opened)
    kept = KeptLine(open_line=opened, digest=digest, fixed_at=None)
    tx.purchases.add(
        Purchase(
            id=purchase_id,
            center=_LIMA,
            buyer=_CITY.member,
            reference=f"PO {number}",
            ordered_on=_NOON.date(),
            created_at=_NOON,
            lines=(kept,),
        )
    )
    for kind, facts in _facts(number, token, lot, digest):
        if isinstance(facts, EscrowFacts):
            tx.assets.put_escrow(facts)
        else:
            tx.assets.put_retirement(facts)
        tx.acts.add(_act(number, kind, facts.id, purchase_id, digest))
    return purchase_id


def _facts(number: int, token: bytes, lot: int, digest: bytes) -> Iterator[tuple[ActKind, EscrowFacts | RetirementFacts]]:
    yield (
        ActKind.ESCROW,
        EscrowFacts(
            id=sha256(f"escrow {number}".encode()).digest(),
            seller=_SELLER,
            buyer=_BUYER,
            token=token,
            quantity=10,
            deadline=_NOON + timedelta(days=90),
            state=EscrowState.ACCEPTED,
            line_digest=digest,
        ),
    )
    yield (
        ActKind.RETIRE,
        RetirementFacts(
            id=sha256(f"retirement {number}".encode()).digest(),
            holder=_BUYER,
            claimant=_BUYER,
            token=token,
            quantity=10,
            beneficiary=bytes(32),
            claim_from=_SCOPE[0],
            claim_to=_SCOPE[1],
            lot=text_digest(_lot(lot)),
            line_digest=digest,
            ref=sha256(f"ref {number}".encode()).digest(),
            retired_at=_NOON,
        ),
    )


def _act(number: int, kind: ActKind, subject: bytes, purchase_id: str, digest: bytes) -> KeptAct:
    salt = sha256(f"{kind} {number}".encode()).digest()
    act = Act(account=_SELLER if kind is ActKind.ESCROW else _BUYER, salt=salt, not_after=2_000_000_000, call=bytes(200))
    return KeptAct(
        digest=sha256(b"digest" + salt).digest(),
        center=_LIMA,
        member=_COOPERATIVE.member if kind is ActKind.ESCROW else _CITY.member,
        kind=kind,
        signed=SignedAct(contract=AssetContract.GREEN_ASSET, act=act, signature=bytes(65)),
        subject="0x" + subject.hex(),
        line=(purchase_id, 1),
        asked={"lineDigest": "0x" + digest.hex()},
        state=ActState.DONE,
        kept_at=_NOON,
        brought_at=_NOON,
        decided_at=_NOON,
    )
