"""A small network in memory: two centers, one log with three events in it, and a chain that holds its root."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.canonical import JsonValue, content_digest
from greenlane.core.checkpoint import Checkpoint, sign_checkpoint
from greenlane.core.crypto import ed25519_public_key, sha256
from greenlane.core.entry import Entry, EntryKind
from greenlane.core.epcis.eventhash import CbvVersion, event_hash, event_hash_digest
from greenlane.core.merkle import inclusion_proof, leaf_hash, root_of
from greenlane.core.note import VerifierKey
from greenlane.core.receipt import Anchor, Disclosure, Inclusion, Receipt
from greenlane.core.trust import LogKeyTerm, TrustedCenter, TrustFile
from greenlane.core.units import (
    Address,
    BlockNumber,
    CenterId,
    ChainId,
    LeafIndex,
    RootHash,
    Salt,
    TreeSize,
    TxHash,
)
from greenlane.verify.ladder import Anchoring, NodeAway

LIMA = CenterId("lima")
ORIGIN = "greenlane.example/lima"
SEED = sha256(b"log key of lima")
ANCHORED_AT = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)


@dataclass
class FakeNode:
    """A node that says what a test makes it say; where a field is an exception, it raises that."""

    name: str
    chain: Any
    genesis: Any
    storage: Any
    event: Any
    asked: list[str] = field(default_factory=list)

    def _say(self, question: str, answer: Any) -> Any:
        self.asked.append(question)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def chain_id(self) -> ChainId:
        return ChainId(self._say("chain", self.chain))

    def genesis_hash(self) -> bytes:
        return bytes(self._say("genesis", self.genesis))

    def storage_at(self, contract: Address, slot: bytes) -> bytes:
        return bytes(self._say("storage", self.storage).get((contract, slot), bytes(32)))

    def anchoring(self, contract: Address, center: CenterId, tree_size: TreeSize, hint: BlockNumber | None) -> Anchoring | None:
        found: Anchoring | None = self._say("event", self.event)
        return found


@dataclass
class World:
    """What the tests of the ladder shape."""

    trust: TrustFile
    receipt: Receipt
    event: dict[str, JsonValue]
    private_receipt: Receipt
    away: Callable[[str], NodeAway] = NodeAway

    def node(self, name: str = "node-a", **changed: Any) -> FakeNode:
        anchor = self.receipt.anchor
        said: dict[str, Any] = {
            "chain": self.trust.chain_id,
            "genesis": self.trust.genesis_hash,
            "storage": {(anchor.contract, anchored_root_slot(anchor.center, anchor.tree_size)): anchor.root},
            "event": Anchoring(
                root=anchor.root,
                block_number=BlockNumber(7),
                block_time=ANCHORED_AT,
                transaction=TxHash(sha256(b"transaction")),
            ),
        }
        return FakeNode(name=name, **{**said, **changed})

    def with_term(self, valid_from: datetime, valid_until: datetime | None) -> TrustFile:
        center = self.trust.centers[0]
        term = replace(center.log_keys[0], valid_from=valid_from, valid_until=valid_until)
        return replace(self.trust, centers=(replace(center, log_keys=(term,)), *self.trust.centers[1:]))


def _event(serial: int) -> dict[str, JsonValue]:
    return {
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "type": "ObjectEvent",
        "eventTime": "2026-06-30T10:00:00.000Z",
        "eventTimeZoneOffset": "-05:00",
        "epcList": [f"https://id.gs1.org/01/09521321000016/21/{serial}"],
        "action": "OBSERVE",
        "bizStep": "shipping",
        # Where sensors speak, the two versions of the event hash part.
        "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 4.5, "uom": "CEL"}]}],
        "certificationInfo": "https://certifier.example/certificates/17",
    }


@pytest.fixture(scope="session")
def world() -> World:
    event = _event(2)
    public = [
        Entry(
            kind=EntryKind.EVENT,
            is_blinded=False,
            subject=event_hash_digest(event_hash(_event(serial), CbvVersion.V2_0)),
            content=content_digest(_event(serial)),
        )
        for serial in range(3)
    ]
    salt = Salt(sha256(b"salt"))
    entries = [*public, public[2].blinded(salt)]
    leaves = [leaf_hash(entry.encode()) for entry in entries]
    root = root_of(leaves)
    size = TreeSize(len(leaves))
    anchor = Anchor(
        chain_id=ChainId(88_017),
        contract=Address(sha256(b"anchor log")[:20]),
        center=LIMA,
        tree_size=size,
        root=root,
        block_number=BlockNumber(7),
        block_time=ANCHORED_AT,
        transaction=TxHash(sha256(b"transaction")),
    )

    def receipt(index: int, salt: Salt | None) -> Receipt:
        return Receipt(
            entry=entries[index],
            disclosure=Disclosure(event=event, cbv_version=CbvVersion.V2_0, salt=salt),
            inclusion=Inclusion(leaf_index=LeafIndex(index), tree_size=size, hashes=inclusion_proof(leaves, LeafIndex(index))),
            checkpoint=sign_checkpoint(Checkpoint(origin=ORIGIN, tree_size=size, root=RootHash(root)), SEED),
            anchor=anchor,
        )

    def center(id_: CenterId, name: str, economy: str, seed: bytes) -> TrustedCenter:
        origin = f"greenlane.example/{id_}"
        key = VerifierKey(name=origin, public_key=ed25519_public_key(seed))
        term = LogKeyTerm(key=key, valid_from=datetime(2026, 1, 1, tzinfo=UTC), valid_until=None)
        return TrustedCenter(id=id_, name=name, economy=economy, origin=origin, log_keys=(term,))

    trust = TrustFile(
        chain_id=anchor.chain_id,
        genesis_hash=sha256(b"genesis"),
        pilot_registry=Address(sha256(b"registry")[:20]),
        anchor_log=anchor.contract,
        assets=None,
        sealing=None,
        centers=(
            center(LIMA, "Centro Piloto de Lima", "PE", SEED),
            center(CenterId("tianjin"), "天津试点中心", "CN", sha256(b"log key of tianjin")),
        ),
    )
    return World(trust=trust, receipt=receipt(2, None), event=event, private_receipt=receipt(3, salt))
