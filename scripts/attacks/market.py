"""A market on a chain of its own: members, a class, evidence in a center's log, and hands that reach past every server.

The third center anchors whatever it is given, so what is refused here is refused by the contracts alone.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from greenlane.adapters.evm.artifacts import artifact
from greenlane.adapters.evm.bindings import AnchorLog, EvidenceRegister, GreenAsset, MemberRole, PilotRegistry, UnixSeconds
from greenlane.adapters.evm.mediated import asset_refusal
from greenlane.adapters.evm.refusing import refusal_words
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.member_keys import member_key_name
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, Origin, evidence_entry, text_digest
from greenlane.core.assets.facts import AssetClass
from greenlane.core.assets.quantity import Unit
from greenlane.core.documents.description import MemberName
from greenlane.core.merkle import inclusion_proof, leaf_hash, root_of
from greenlane.core.units import Address, CenterId, LeafIndex, MemberId, TreeSize
from greenlane.ports.asset_ledger import AssetContract, AssetPlaces, EvidenceProof, Placement, RetirementAsked
from greenlane_node.embedded.anvil import mine
from greenlane_node.embedded.network import RunningNetwork
from greenlane_node.keys import key_name
from web3 import HTTPProvider, Web3

LIMA, TIANJIN, CARELESS = CenterId("lima"), CenterId("tianjin"), CenterId("ho-chi-minh")


def _name(center: CenterId, member: str) -> MemberName:
    return MemberName(center=center, member=MemberId(member))


COOPERATIVE, CITY, FORMER = _name(LIMA, "cooperative"), _name(LIMA, "city"), _name(LIMA, "former")
CERTIFIER, FRAUDSTER, LEAVING = _name(TIANJIN, "certifier"), _name(TIANJIN, "fraudster"), _name(TIANJIN, "leaving")
OTHER_CERTIFIER, RECEIVER = _name(CARELESS, "other-certifier"), _name(CARELESS, "receiver")
ROLES = {
    COOPERATIVE: MemberRole.ENTERPRISE,
    CITY: MemberRole.BUYER,
    FORMER: MemberRole.ENTERPRISE,
    CERTIFIER: MemberRole.CERTIFIER,
    FRAUDSTER: MemberRole.ENTERPRISE,
    LEAVING: MemberRole.ENTERPRISE,
    OTHER_CERTIFIER: MemberRole.CERTIFIER,
}
COCOA = AssetClass(
    id="cocoa-df",
    attribute="deforestation-free",
    unit=Unit(code="KGM", decimals=3),
    custody_model=CustodyModel.SEGREGATED,
    is_tradable=True,
    claim_days=365,
    name="Cocoa, free of deforestation",
)
VINTAGE = (date(2024, 1, 1), date(2024, 6, 30))
_SINCE = UnixSeconds(1_700_000_000)
_GAS = 6_000_000


class AttackFailed(Exception):
    """Something was not as it must be: an attack succeeded, was refused for another reason, or its honest twin was refused."""


def key_of(name: MemberName | str) -> LocalAccount:
    """The key of a member, or of whoever bears that name; of this market alone."""
    account: LocalAccount = Account.from_key(sha256(f"attacks: {name}".encode()).digest())
    return account


def address_of(name: MemberName | str) -> Address:
    """Its account."""
    return Address(bytes.fromhex(key_of(name).address[2:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one account asks of one contract."""

    sender: LocalAccount
    to: Address
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a contract refuses: its error by name, in words, and which contract's error it is."""

    error: str
    words: str
    contract: str


@dataclass
class Market:
    """The chain, and what is done to it over and over."""

    running: RunningNetwork
    drawn: int = 0
    _keys: dict[tuple[CenterId, KeyUse], LocalAccount] = field(default_factory=dict)
    _proofs: dict[str, EvidenceProof] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.web3 = Web3(HTTPProvider(self.running.rpc_url, exception_retry_configuration=None))
        assets = self.running.network.assets
        if assets is None:
            raise AttackFailed("the network has no contracts of green assets")
        self.asset = GreenAsset(self.web3, assets.green_asset)
        self.register = EvidenceRegister(self.web3, assets.evidence_register)
        self.places = AssetPlaces(
            chain_id=self.running.network.chain_id,
            green_asset=assets.green_asset,
            evidence_register=assets.evidence_register,
        )

    # ---- the chain ----

    def rpc(self, method: str, *params: Any) -> dict[str, Any]:
        """A node's whole answer."""
        return dict(self.web3.provider.make_request(method, list(params)))  # type: ignore[arg-type]

    def refused(self, call: Call) -> Refused | None:
        """How the node says that a call would end: None where it would be carried out."""
        asked = {"from": call.sender.address, "to": Web3.to_checksum_address(call.to), "data": Web3.to_hex(call.data)}
        answer = self.rpc("eth_call", asked, "latest")
        error = answer.get("error")
        if error is None:
            return None
        told = bytes.fromhex(str(error.get("data", "0x"))[2:])
        return self.refusal(told, call.data)

    def refusal(self, told: bytes, call: bytes = b"") -> Refused:
        """The words for the data of a revert."""
        name, detail, _remedy = refusal_words(self.web3, self.places, asset_refusal(told), call=call)
        # What the register refuses, the asset's contract passes on in the register's words.
        is_asset = artifact("GreenAsset").knows_error(told) or not artifact("EvidenceRegister").knows_error(told)
        return Refused(error=name, words=detail, contract="GreenAsset" if is_asset else "EvidenceRegister")

    def send(self, call: Call) -> int:
        """Sends it as a transaction, straight to the node; its status: 1 carried out, 0 refused."""
        return int(self._receipt(call.sender, call.to, call.data)["status"])

    def do(self, call: Call) -> None:
        """Sends what must be carried out.

        Raises:
            AttackFailed: it is refused.
        """
        why = self.refused(call)
        if why is not None or self.send(call) != 1:
            raise AttackFailed(f"something honest was refused: {why}")

    def deploy(self, code: bytes, by: LocalAccount) -> Address:
        """A new contract."""
        return Address(bytes.fromhex(str(self._receipt(by, None, code)["contractAddress"])[2:]))

    def _receipt(self, sender: LocalAccount, to: Address | None, data: bytes) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "chainId": self.places.chain_id,
            "nonce": self.web3.eth.get_transaction_count(sender.address),
            "gas": _GAS,
            "gasPrice": 0,
            "data": Web3.to_hex(data),
            "value": 0,
        }
        if to is not None:
            asked["to"] = Web3.to_checksum_address(to)
        sent = self.web3.eth.send_raw_transaction(sender.sign_transaction(asked).raw_transaction)
        mine(self.running.rpc_url)
        return dict(self.web3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02))

    # ---- who is there ----

    def found(self) -> None:
        """Vouches for the members, whose keys their centers keep, and admits the class."""
        keystore = self.running.keystore()
        for name, roles in ROLES.items():
            use = KeyUse.CERTIFIER if MemberRole.CERTIFIER in roles else KeyUse.MEMBER
            keystore.add(member_key_name(name.center, name.member), use, bytes(key_of(name).key))
            self.vouch(name, address_of(name), roles)
        for center in (LIMA, TIANJIN):
            self.govern(center, GreenAsset.encode_vote_class(COCOA), self.asset.address)

    def vouch(self, name: MemberName, account: Address, roles: MemberRole) -> None:
        """A center vouches for a member."""
        self.govern(name.center, PilotRegistry.encode_vouch(name.member, account, roles, _SINCE, None))

    def suspend(self, name: MemberName) -> None:
        """A center stops vouching for a member."""
        self.govern(name.center, PilotRegistry.encode_suspend_member(name.member))

    def govern(self, center: CenterId, data: bytes, to: Address | None = None) -> None:
        """A center's operator sends to the registry, or to another contract."""
        place = self.running.network.pilot_registry if to is None else to
        self.do(Call(sender=self._key(center, KeyUse.OPERATOR), to=place, data=data))

    def _key(self, center: CenterId, use: KeyUse) -> LocalAccount:
        if (center, use) not in self._keys:
            self._keys[center, use] = self.running.keystore().account(key_name(center, use), use)
        return self._keys[center, use]

    # ---- evidence ----

    def statement(self, **changes: Any) -> EvidenceStatement:
        """10 kg of a lot of the cooperative, with serials of a registry; each with an id, a lot and serials of its own."""
        self.drawn += 1
        plain = EvidenceStatement(
            id=f"urn:example:statement:{self.drawn}",
            center=CARELESS,
            certifier=address_of(CERTIFIER),
            holder=address_of(COOPERATIVE),
            class_id=COCOA.id,
            attribute=COCOA.attribute,
            unit=COCOA.unit,
            quantity=10_000,
            lot=f"urn:example:lot:{self.drawn}",
            facility="urn:example:facility",
            vintage_from=VINTAGE[0],
            vintage_to=VINTAGE[1],
            custody_model=CustodyModel.SEGREGATED,
            origin=Origin(registry="a-registry", serial_from=1_000 * self.drawn, serial_to=1_000 * self.drawn + 999),
            certificate_digest=sha256(b"certificate").digest(),
            economy="PE",
        )
        return replace(plain, **changes)

    def anchor(self, statements: Sequence[tuple[EvidenceStatement, MemberName]]) -> None:
        """The careless center enters statements into a log and anchors it; each is signed by the member beside it."""
        domain = self.places.domain(AssetContract.EVIDENCE_REGISTER)
        leaves = [leaf_hash(evidence_entry(one, domain).encode()) for one, _ in statements]
        size = TreeSize(len(leaves))
        self.do(
            Call(
                sender=self._key(CARELESS, KeyUse.ANCHORER),
                to=self.running.network.anchor_log,
                data=AnchorLog.encode_anchor(CARELESS, size, root_of(leaves), ()),
            )
        )
        for at, (one, signer) in enumerate(statements):
            index = LeafIndex(at)
            self._proofs[one.id] = EvidenceProof(
                signature=self.sign(one, signer), tree_size=size, leaf_index=index, path=inclusion_proof(leaves, index)
            )

    def sign(self, statement: EvidenceStatement, signer: MemberName | str) -> bytes:
        """Somebody's signature of a statement, 65 bytes."""
        digest = statement.digest(self.places.domain(AssetContract.EVIDENCE_REGISTER))
        return bytes(Account.unsafe_sign_hash(digest, key_of(signer).key).signature)

    def proof(self, statement: EvidenceStatement) -> EvidenceProof:
        """Its place in the anchored log, with its signature."""
        return self._proofs[statement.id]

    def token(self, statement: EvidenceStatement) -> bytes:
        """What names the units of a statement."""
        return statement.digest(self.places.domain(AssetContract.EVIDENCE_REGISTER))

    # ---- what members ask ----

    def call(self, by: MemberName | str, data: bytes, to: Address | None = None) -> Call:
        """A call of the asset contract, or of another."""
        return Call(sender=key_of(by), to=self.asset.address if to is None else to, data=data)

    def issue(self, statement: EvidenceStatement, quantity: int = 1_000, *, proof: EvidenceProof | None = None) -> Call:
        """The cooperative issues units."""
        start = Placement(vintage_after=0, serial_after=0)
        place, is_found = self.register.placement(self.asset.address, statement, after=start, steps=1_000)
        if not is_found:
            raise AttackFailed("no place for a statement was found")
        return self.call(COOPERATIVE, GreenAsset.encode_issue(statement, proof or self.proof(statement), place, quantity))

    def transfer(self, by: MemberName, to: MemberName | str | Address, token: bytes, quantity: int = 10) -> Call:
        """A member gives units away."""
        receiver = to if isinstance(to, bytes) else address_of(to)
        data = GreenAsset.encode_transfer(sender=address_of(by), receiver=Address(receiver), token=token, quantity=quantity)
        return self.call(by, data)

    def escrow(self, by: MemberName, buyer: MemberName, token: bytes, line: str, quantity: int = 10) -> tuple[Call, bytes]:
        """A member sets units aside; with what names the escrow."""
        digest = sha256(line.encode()).digest()
        deadline = datetime.fromtimestamp(self.web3.eth.get_block("latest")["timestamp"], UTC) + timedelta(days=30)
        data = GreenAsset.encode_escrow(
            token=token, quantity=quantity, buyer=address_of(buyer), line_digest=digest, deadline=deadline
        )
        return self.call(by, data), self.asset.escrow_id(address_of(by), address_of(buyer), digest)

    def retire(self, by: MemberName, statement: EvidenceStatement, ref: str, quantity: int = 10, **changes: Any) -> Call:
        """A member claims units."""
        asked = RetirementAsked(
            token=self.token(statement),
            quantity=quantity,
            claimant=address_of(by),
            beneficiary=text_digest("Municipalidad"),
            claim_from=VINTAGE[0],
            claim_to=VINTAGE[1],
            lot=text_digest(str(statement.lot)),
            line_digest=bytes(32),
            ref=sha256(ref.encode()).digest(),
        )
        return self.call(by, GreenAsset.encode_retire(replace(asked, **changes)))


def progress(text: str) -> None:
    """A line that the next one takes the place of; nothing where nobody looks."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True)
