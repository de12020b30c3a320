"""A real chain with the contracts of green assets, members that are vouched for, and two classes that its centers admitted.

with asset_chain(folder) as chain:
    ledger, assets = chain.gateways(store)
    stated, proof = chain.evidence()
    act = chain.act(COOPERATIVE, assets.calls.issue(stated, proof, assets.placement(stated), 1_000))
    chain.settle(assets, act)

Blocks come when a test makes them. Vintages lie years back, so that the chain's clock may be any of this age.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from greenlane.adapters.evm.asset_ledger import EvmAssetLedger
from greenlane.adapters.evm.bindings import AnchorLog, EvidenceRegister, GreenAsset, MemberRole, PilotRegistry, UnixSeconds
from greenlane.adapters.evm.ledger import EvmLedger
from greenlane.adapters.keystore import KeyUse
from greenlane.adapters.network_file import Network
from greenlane.adapters.sql.store import SqlStore
from greenlane.core.assets.act import Act
from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.assets.facts import AssetClass
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.merkle import consistency_proof, leaf_hash
from greenlane.core.units import Address, CenterId, MemberId, TreeSize
from greenlane.ports.asset_ledger import AssetContract, EvidenceProof, SignedAct
from greenlane.ports.store import Store
from greenlane_node.embedded.anvil import mine
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork
from greenlane_node.keys import key_name
from web3 import HTTPProvider, Web3
from web3.types import TxReceipt
from worlds.green_assets import COCOA, COMMUTES, Log, secret_of, sign_evidence, statement
from worlds.machine import free_port

LIMA, TIANJIN, HO_CHI_MINH = CenterId("lima"), CenterId("tianjin"), CenterId("ho-chi-minh")
COOPERATIVE = MemberName(center=LIMA, member=MemberId("cooperative"))
CITY = MemberName(center=LIMA, member=MemberId("city"))
ROASTER = MemberName(center=TIANJIN, member=MemberId("roaster"))
CERTIFIER = MemberName(center=TIANJIN, member=MemberId("certifier"))
ROLES = {
    COOPERATIVE: MemberRole.ENTERPRISE,
    CITY: MemberRole.BUYER | MemberRole.AGENCY,
    ROASTER: MemberRole.ENTERPRISE,
    CERTIFIER: MemberRole.CERTIFIER,
}
VINTAGE = (date(2024, 1, 1), date(2024, 6, 30))
LATE = 4_000_000_000
_FIRST_TERM = UnixSeconds(1_700_000_000)
_GAS = 6_000_000


def key_of(name: MemberName) -> LocalAccount:
    """The key of a member."""
    account: LocalAccount = Account.from_key(secret_of(f"{name}#0"))
    return account


def address_of(account: LocalAccount) -> Address:
    """An account's address."""
    return Address(bytes.fromhex(account.address[2:]))


@dataclass
class AssetChain:
    """The chain, the keys of its centers, and a hand for what a test does over and over."""

    running: RunningNetwork
    entries: list[Any] = field(default_factory=list)
    drawn: int = 0
    keys: dict[tuple[CenterId, KeyUse], LocalAccount] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        return self.running.network

    @property
    def web3(self) -> Web3:
        return Web3(HTTPProvider(self.running.rpc_url, exception_retry_configuration=None))

    @property
    def asset(self) -> GreenAsset:
        assert self.network.assets is not None
        return GreenAsset(self.web3, self.network.assets.green_asset)

    @property
    def register(self) -> EvidenceRegister:
        assert self.network.assets is not None
        return EvidenceRegister(self.web3, self.network.assets.evidence_register)

    def call(self, method: str, *params: object) -> Any:
        answer = self.web3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    def mine(self) -> None:
        mine(self.running.rpc_url)

    def now(self) -> int:
        """The newest block's time."""
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def pass_to(self, time: int) -> None:
        """Makes a block of that time."""
        self.call("evm_setNextBlockTimestamp", time)
        self.mine()

    def key(self, center: CenterId, use: KeyUse) -> LocalAccount:
        """A center's key."""
        if (center, use) not in self.keys:
            # To open a key file is slow on purpose.
            self.keys[center, use] = self.running.keystore().account(key_name(center, use), use)
        return self.keys[center, use]

    def send(self, account: LocalAccount, to: Address, data: bytes) -> TxReceipt:
        """Sends as that account and makes a block; it must not revert."""
        signed = account.sign_transaction(
            {
                "chainId": self.network.chain_id,
                "nonce": self.web3.eth.get_transaction_count(account.address),
                "gas": _GAS,
                "gasPrice": 0,
                "to": Web3.to_checksum_address(to),
                "data": Web3.to_hex(data),
            }
        )
        sent = self.web3.eth.send_raw_transaction(signed.raw_transaction)
        self.mine()
        receipt = self.web3.eth.get_transaction_receipt(sent)
        assert receipt["status"] == 1, data[:4].hex()
        return receipt

    def govern(self, center: CenterId, data: bytes, to: Address | None = None) -> TxReceipt:
        """A center's operator sends to the registry, or to another contract."""
        return self.send(self.key(center, KeyUse.OPERATOR), self.network.pilot_registry if to is None else to, data)

    def by_quorum(self, to: Address, data: bytes) -> None:
        """Two of three centers vote."""
        for center in (LIMA, TIANJIN):
            self.govern(center, data, to)

    def found(self) -> None:
        """Vouches for the members, and admits the classes."""
        for name, roles in ROLES.items():
            data = PilotRegistry.encode_vouch(name.member, address_of(key_of(name)), roles, _FIRST_TERM, None)
            self.govern(name.center, data)
        for asset_class in (COCOA, COMMUTES):
            self.by_quorum(self.asset.address, GreenAsset.encode_vote_class(self.lasting(asset_class)))

    @staticmethod
    def lasting(asset_class: AssetClass) -> AssetClass:
        """The same class with all the days for claims that one may have."""
        return replace(asset_class, claim_days=3_650)

    def statement(self, **changes: Any) -> EvidenceStatement:
        """What the certifier states of a lot of the cooperative: 12.5 kg of cocoa; each with an id of its own."""
        self.drawn += 1
        first, last = VINTAGE
        given = {
            "id": f"urn:example:statement:{self.drawn}",
            "certifier": address_of(key_of(CERTIFIER)),
            "holder": address_of(key_of(COOPERATIVE)),
            "lot": f"urn:example:lot:{self.drawn}",
            "vintage_from": first,
            "vintage_to": last,
        }
        return statement(**(given | changes))

    def evidence(self, *stated: EvidenceStatement) -> list[tuple[EvidenceStatement, EvidenceProof]]:
        """Enters statements into the log of Lima, anchors it, and has the certifier sign them."""
        log = Log(domain=self.register_domain, entries=self.entries)
        old_size = TreeSize(len(self.entries))
        places = [log.enter(one) for one in stated]
        leaves = [leaf_hash(entry.encode()) for entry in self.entries]
        data = AnchorLog.encode_anchor(
            LIMA, TreeSize(len(leaves)), log.root(), consistency_proof(leaves, old_size) if old_size else ()
        )
        self.send(self.key(LIMA, KeyUse.ANCHORER), self.network.anchor_log, data)
        proofs = []
        for one, place in zip(stated, places, strict=True):
            inclusion = log.inclusion(place)
            signature = sign_evidence(one, domain=self.register_domain, secret=bytes(key_of(CERTIFIER).key))
            proofs.append(
                EvidenceProof(
                    signature=signature,
                    tree_size=inclusion.tree_size,
                    leaf_index=inclusion.leaf_index,
                    path=inclusion.hashes,
                )
            )
        return list(zip(stated, proofs, strict=True))

    @property
    def register_domain(self) -> Any:
        return self.reading().places.domain(AssetContract.EVIDENCE_REGISTER)

    def act(
        self,
        name: MemberName,
        call: bytes,
        *,
        contract: AssetContract = AssetContract.GREEN_ASSET,
        not_after: int = LATE,
        signer: LocalAccount | None = None,
    ) -> SignedAct:
        """An act that a member signs; each with a salt of its own."""
        self.drawn += 1
        account = key_of(name)
        act = Act(account=address_of(account), salt=sha256(b"salt %d" % self.drawn), not_after=not_after, call=call)
        digest = act.digest(self.reading().places.domain(contract))
        signature = Account.unsafe_sign_hash(digest, (signer or account).key).signature
        return SignedAct(contract=contract, act=act, signature=bytes(signature))

    def digest(self, act: SignedAct) -> bytes:
        """What names an act on the chain."""
        return act.act.digest(self.reading().places.domain(act.contract))

    def gateways(
        self, store: Store, *, centers: Sequence[CenterId] = (LIMA,), **options: Any
    ) -> tuple[EvmLedger, EvmAssetLedger]:
        """Both gateways as a process of this deployment has them."""
        anchorers = {center: self.key(center, KeyUse.ANCHORER) for center in centers}
        ledger = EvmLedger(
            options.pop("network", self.network),
            store=store,
            anchorers=anchorers,
            clock=options.pop("clock", lambda: datetime.now(UTC)),
            **options,
        )
        return ledger, EvmAssetLedger(ledger.chain)

    def reading(self) -> EvmAssetLedger:
        """A gateway that sends nothing."""
        # It looks into the store only to send, or where blocks are sealed.
        no_store: Any = None
        return self.gateways(no_store, centers=())[1]

    def settle(self, assets: EvmAssetLedger, *acts: SignedAct, center: CenterId = LIMA) -> None:
        """Does what a worker does until every act is decided; every step may be repeated."""
        waiting = list(acts)
        for _ in range(60):
            if assets.is_in_flight(center):
                self.mine()
                continue
            waiting = [one for one in waiting if assets.outcome(one.contract, self.digest(one)).state == "open"]
            if not waiting:
                return
            assets.bring(center, waiting)
        raise AssertionError(f"{len(waiting)} acts are never decided")


@cache
def _template() -> Path:
    """A migrated database, made once: to copy it is a hundred times faster than to make it."""
    folder = Path(tempfile.mkdtemp(prefix="greenlane-asset-chain-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    store = SqlStore(f"sqlite:///{folder / 'store.sqlite'}")
    store.migrate()
    store.close()
    return folder / "store.sqlite"


def open_store(folder: Path) -> SqlStore:
    """The store of a folder, made where it is missing."""
    file = folder / "store.sqlite"
    if not file.exists():
        shutil.copyfile(_template(), file)
    return SqlStore(f"sqlite:///{file}")


@contextmanager
def asset_chain(folder: Path) -> Iterator[AssetChain]:
    """A chain in a folder, as long as the block runs."""
    with EmbeddedNetwork.start(folder, port=free_port()) as running:
        chain = AssetChain(running)
        chain.call("evm_setIntervalMining", 0)
        chain.found()
        yield chain


@contextmanager
def undone(chain: AssetChain) -> Iterator[AssetChain]:
    """The chain as it is; whatever is done within the block is undone after it."""
    snapshot = chain.call("evm_snapshot")
    entries, drawn = list(chain.entries), chain.drawn
    try:
        yield chain
    finally:
        chain.entries[:], chain.drawn = entries, drawn
        chain.call("anvil_dropAllTransactions")
        chain.call("evm_revert", snapshot)
