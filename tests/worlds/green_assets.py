"""Statements, purchase lines and retirements for tests: one of cocoa, and a small network in which it may be issued.

The model's network has the same keys and names as any chain that a test sets beside it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from eth_account import Account
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, Origin, day_number, evidence_entry, text_digest
from greenlane.core.assets.facts import AssetClass
from greenlane.core.assets.model import DAY_S, AssetWorld, CenterStanding, MemberStanding, Surroundings
from greenlane.core.assets.places import AssetContracts
from greenlane.core.assets.purchase import OpenLine, Price, PurchaseLine, line_digest, priced_line
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.retirement import RetirementFacts, RetirementStatement, retirement_entry, retirement_id
from greenlane.core.assets.typed_data import Domain
from greenlane.core.checkpoint import Checkpoint, sign_checkpoint
from greenlane.core.crypto import ed25519_public_key, sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.entry import Entry
from greenlane.core.merkle import inclusion_proof, leaf_hash, root_of
from greenlane.core.note import VerifierKey
from greenlane.core.receipt import Anchor, Inclusion, Receipt
from greenlane.core.trust import LogKeyTerm, TrustedCenter, TrustFile
from greenlane.core.units import Address, CenterId, ChainId, LeafIndex, MemberId, RootHash, Salt, TreeSize

CHAIN = ChainId(20_777)
REGISTER = Address(bytes([0xE1] * 20))
GREEN_ASSET = Address(bytes([0xA5] * 20))
DOMAIN = Domain(chain_id=CHAIN, contract=REGISTER)
KILOGRAMS = Unit(code="KGM", decimals=3)
LIMA, ACCRA, OSAKA, TIANJIN = (CenterId(name) for name in ("lima", "accra", "osaka", "tianjin"))
CENTERS = (ACCRA, LIMA, OSAKA, TIANJIN)
ORIGIN = "greenlane.example/lima"
LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"
OTHER_LOT = "https://id.gs1.org/01/09521321000018/10/LOT-8"
FACILITY = "https://id.gs1.org/414/9521321000018"
NOW = 1_790_000_000
"""22 September 2026."""
COCOA = AssetClass(
    id="cocoa-df",
    attribute="deforestation-free",
    unit=KILOGRAMS,
    custody_model=CustodyModel.SEGREGATED,
    is_tradable=True,
    claim_days=365,
    name="Cocoa, free of deforestation",
)
COMMUTES = AssetClass(
    id="commutes",
    attribute="car-free",
    unit=Unit(code="KMT", decimals=0),
    custody_model=CustodyModel.BOOK_AND_CLAIM,
    is_tradable=False,
    claim_days=30,
    name="Ways to work without a car",
)


def secret_of(name: str) -> bytes:
    """The key of whoever bears that name."""
    return sha256(b"green assets: " + name.encode())


@cache
def account_of(name: str) -> Address:
    """The account of whoever bears that name."""
    return Address(bytes.fromhex(Account.from_key(secret_of(name)).address[2:]))


COOPERATIVE = MemberName(center=LIMA, member=MemberId("cooperativa-norandino"))
CITY = MemberName(center=LIMA, member=MemberId("city"))
ROASTER = MemberName(center=TIANJIN, member=MemberId("roaster"))
CERTIFIER = MemberName(center=ACCRA, member=MemberId("certifier"))
MEMBERS = (COOPERATIVE, CITY, ROASTER, CERTIFIER)


def member_account(name: MemberName, generation: int = 0) -> Address:
    """The account of a member; a later generation is that of another key."""
    return account_of(f"{name}#{generation}")


def operator(center: CenterId) -> Address:
    """The account that governs a center."""
    return account_of(f"operator of {center}")


def statement(**changes: Any) -> EvidenceStatement:
    """What the certifier states of a lot of cocoa: 12.5 kg."""
    return replace(
        EvidenceStatement(
            id="urn:uuid:6f9619ff-8b86-4d11-b42d-00c04fc964ff",
            center=LIMA,
            certifier=member_account(CERTIFIER),
            holder=member_account(COOPERATIVE),
            class_id=COCOA.id,
            attribute=COCOA.attribute,
            unit=KILOGRAMS,
            quantity=12_500,
            lot=LOT,
            facility=FACILITY,
            vintage_from=date(2026, 4, 1),
            vintage_to=date(2026, 6, 30),
            custody_model=CustodyModel.IDENTITY_PRESERVED,
            origin=None,
            certificate_digest=sha256(b"certificate"),
            economy="PE",
        ),
        **changes,
    )


def origin(first: int, last: int, registry: str = "i-rec") -> Origin:
    """Serials of an external registry."""
    return Origin(registry=registry, serial_from=first, serial_to=last)


def sign_evidence(of: EvidenceStatement, *, domain: Domain = DOMAIN, secret: bytes | None = None) -> bytes:
    """The certifier's signature, 65 bytes."""
    key = secret_of(f"{CERTIFIER}#0") if secret is None else secret
    return bytes(Account.unsafe_sign_hash(of.digest(domain), key).signature)


def line(**changes: Any) -> PurchaseLine:
    """The city buys cocoa."""
    return replace(
        PurchaseLine(
            purchase_id="ab" * 16,
            number=1,
            buyer=CITY,
            supplier=COOPERATIVE,
            buyer_account=member_account(CITY),
            supplier_account=member_account(COOPERATIVE),
            category="catering",
            description="Cocoa for school meals",
            product="https://id.gs1.org/01/09521321000018",
            lot=LOT,
            class_id=COCOA.id,
            unit=KILOGRAMS,
            quantity=1_500,
            label=None,
            model=None,
            economy="PE",
            ordered_on=date(2026, 7, 1),
        ),
        **changes,
    )


def open_line(of: PurchaseLine | None = None, *, amount: str = "1299.90") -> OpenLine:
    """The line with its price and salts."""
    return priced_line(
        line() if of is None else of,
        Price(amount=amount, currency="PEN"),
        salt=Salt(sha256(b"salt")),
        price_salt=Salt(sha256(b"price salt")),
    )


def retirement_facts(**changes: Any) -> RetirementFacts:
    """The city claims 1.5 kg of the cocoa for its line."""
    ref = changes.get("ref", sha256(b"ref"))
    holder = changes.get("holder", member_account(CITY))
    facts = RetirementFacts(
        id=retirement_id(holder, ref),
        holder=holder,
        claimant=member_account(CITY),
        token=statement().digest(DOMAIN),
        quantity=1_500,
        beneficiary=text_digest("Municipalidad de Lima"),
        claim_from=date(2026, 4, 1),
        claim_to=date(2026, 12, 31),
        lot=text_digest(LOT),
        line_digest=line_digest(open_line()),
        ref=ref,
        retired_at=datetime.fromtimestamp(NOW, UTC),
    )
    return replace(facts, **changes)


def retirement(**changes: Any) -> RetirementStatement:
    """What the certificate says of it."""
    return replace(
        RetirementStatement(
            chain_id=CHAIN,
            green_asset=GREEN_ASSET,
            evidence_register=REGISTER,
            facts=retirement_facts(),
            holder=CITY,
            claimant=CITY,
            beneficiary="Municipalidad de Lima",
            statement=statement(),
            line=open_line().without_price(),
        ),
        **changes,
    )


def receipt_of(entry: Entry) -> Receipt:
    """A receipt of an entry that stands alone in a log."""
    root = root_of([leaf_hash(entry.encode())])
    return Receipt(
        entry=entry,
        disclosure=None,
        inclusion=Inclusion(leaf_index=LeafIndex(0), tree_size=TreeSize(1), hashes=()),
        checkpoint=sign_checkpoint(Checkpoint(origin=ORIGIN, tree_size=TreeSize(1), root=root), secret_of("log key")),
        anchor=Anchor(
            chain_id=CHAIN,
            contract=Address(bytes([0xAC] * 20)),
            center=LIMA,
            tree_size=TreeSize(1),
            root=root,
            block_number=None,
            block_time=None,
            transaction=None,
        ),
    )


def retirement_receipt(of: RetirementStatement) -> Receipt:
    """A receipt of a retirement's entry."""
    return receipt_of(retirement_entry(of))


@dataclass(slots=True)
class Log:
    """Entries of statements in one center's log, and roots of it that are anchored."""

    domain: Domain
    entries: list[Entry]

    def enter(self, of: EvidenceStatement) -> int:
        """Appends a statement's entry; its index."""
        self.entries.append(evidence_entry(of, self.domain))
        return len(self.entries) - 1

    def root(self) -> RootHash:
        """The root over all entries."""
        return root_of([leaf_hash(entry.encode()) for entry in self.entries])

    def inclusion(self, index: int) -> Inclusion:
        """The proof for an entry in the whole log."""
        leaves = [leaf_hash(entry.encode()) for entry in self.entries]
        return Inclusion(
            leaf_index=LeafIndex(index),
            tree_size=TreeSize(len(leaves)),
            hashes=inclusion_proof(leaves, LeafIndex(index)),
        )


def surroundings() -> Surroundings:
    """Four centers, three members and a certifier."""
    return Surroundings(
        centers={name: CenterStanding(operator=operator(name)) for name in CENTERS},
        members={name: MemberStanding(account=member_account(name), is_certifier=name == CERTIFIER) for name in MEMBERS},
    )


class Network:
    """The model with its surroundings, and a hand for what a test does over and over."""

    def __init__(self, *, domain: Domain = DOMAIN, green_asset: Address = GREEN_ASSET, now: int = NOW) -> None:
        self.world = AssetWorld(domain=domain, green_asset=green_asset, now=now, around=surroundings())
        self.log = Log(domain=domain, entries=[])

    def with_classes(self) -> "Network":
        """Admits the two classes."""
        for asset_class in (COCOA, COMMUTES):
            self.by_quorum(lambda center, of=asset_class: self.world.vote_class(operator(center), of))
        return self

    def by_quorum(self, vote: Any) -> None:
        """Three of four centers vote."""
        for center in (LIMA, OSAKA, TIANJIN):
            vote(center)

    def proof(self, of: EvidenceStatement) -> tuple[bytes, Inclusion]:
        """Enters a statement and anchors the log; signature and inclusion."""
        inclusion = self.enter(of)
        return sign_evidence(of, domain=self.world.domain), inclusion

    def enter(self, of: EvidenceStatement) -> Inclusion:
        """Enters a statement and anchors the log of its center."""
        index = self.log.enter(of)
        inclusion = self.log.inclusion(index)
        self.world.around.roots[of.center, inclusion.tree_size] = self.log.root()
        return inclusion

    def issue(self, of: EvidenceStatement | None = None, quantity: int = 10_000, caller: Address | None = None) -> bytes:
        """Issues units; the token."""
        stated = statement() if of is None else of
        signature, inclusion = self.proof(stated)
        return self.world.issue(stated.holder if caller is None else caller, stated, signature, inclusion, quantity)

    def escrow(self, token: bytes, quantity: int = 1_500, **changes: Any) -> bytes:
        """The cooperative sets units aside for the city."""
        asked: dict[str, Any] = {
            "token": token,
            "quantity": quantity,
            "buyer": member_account(CITY),
            "line_digest": sha256(b"line"),
            "deadline": NOW + 30 * DAY_S,
        }
        caller = changes.pop("caller", member_account(COOPERATIVE))
        return self.world.escrow(caller, **(asked | changes))

    def retire(self, token: bytes, quantity: int = 1_000, **changes: Any) -> bytes:
        """The cooperative claims units for itself."""
        asked: dict[str, Any] = {
            "token": token,
            "quantity": quantity,
            "claimant": member_account(COOPERATIVE),
            "beneficiary": text_digest("Cooperativa"),
            "claim_from": date(2026, 4, 1),
            "claim_to": date(2026, 6, 30),
            "lot": text_digest(LOT),
            "line_digest": bytes(32),
            "ref": sha256(b"ref"),
        }
        caller = changes.pop("caller", member_account(COOPERATIVE))
        return self.world.retire(caller, **(asked | changes))

    def set_member(self, name: MemberName, **changes: Any) -> None:
        """Changes what the registry says of a member."""
        self.world.around.members[name] = replace(self.world.around.members[name], **changes)

    def set_center(self, name: CenterId, **changes: Any) -> None:
        """Changes what the registry says of a center."""
        self.world.around.centers[name] = replace(self.world.around.centers[name], **changes)


def day_after(of: EvidenceStatement) -> int:
    """Unix seconds where the vintage has ended."""
    return (day_number(of.vintage_to) + 1) * DAY_S


def trust_file() -> TrustFile:
    """What a stranger trusts, who judges `retirement_receipt`: one center, and the contracts."""
    key = VerifierKey(name=ORIGIN, public_key=ed25519_public_key(secret_of("log key")))
    term = LogKeyTerm(key=key, valid_from=datetime(2026, 1, 1, tzinfo=UTC), valid_until=None)
    return TrustFile(
        chain_id=CHAIN,
        genesis_hash=sha256(b"genesis"),
        pilot_registry=Address(sha256(b"registry")[:20]),
        anchor_log=Address(bytes([0xAC] * 20)),
        assets=AssetContracts(green_asset=GREEN_ASSET, evidence_register=REGISTER),
        sealing=None,
        centers=(TrustedCenter(id=LIMA, name="Centro Piloto de Lima", economy="PE", origin=ORIGIN, log_keys=(term,)),),
    )
