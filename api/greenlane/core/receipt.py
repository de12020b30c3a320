"""What a buyer carries: an entry, what it stands for, and the way from it to a root on the chain.

One JSON form, versioned, in one spelling; every key is always there, and null says that there is nothing. What is proven is
base64, what the chain knows is hex. A receipt says nothing by itself: `greenlane.verify` judges it against a trust file. Its log
part alone is also written as a C2SP tlog-proof, for whoever verifies with other tools.

The shape of `disclosure` belongs to the kind of the entry (`core.disclosure`): this version discloses events and documents, and
carries an entry of another kind with `disclosure` null.

`seals` carries sealed blocks as bytes, and nothing here looks into them: `core.sealing` judges them. They share the receipt's
bound with the event, so a receipt of a large event has room for fewer changes of the validator set than MAX_SET_CHANGES.
Source: C2SP tlog-proof for the export; RFC 8785 for the bytes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.canonical import JsonValue, canonical_bytes, parse_json, pointer
from greenlane.core.checkpoint import Checkpoint, parse_checkpoint_body
from greenlane.core.disclosure import Disclosure, DocumentDisclosure, disclosure_value, fits_kind, read_disclosure
from greenlane.core.entry import ENTRY_BYTES, Entry
from greenlane.core.errors import InvalidInput
from greenlane.core.merkle import HASH_BYTES, MAX_PROOF_HASHES
from greenlane.core.note import MAX_NOTE_BYTES, parse_note
from greenlane.core.seals import (
    MAX_HEADER_BYTES,
    MAX_SET_CHANGES,
    MAX_WITNESS_NODE_BYTES,
    MAX_WITNESS_NODES,
    SealedState,
    Seals,
)
from greenlane.core.units import (
    Address,
    BlockNumber,
    CenterId,
    ChainId,
    LeafIndex,
    NodeHash,
    RootHash,
    TreeSize,
    TxHash,
)
from greenlane.core.wire import (
    FieldInvalid,
    decode_base64,
    encode_base64,
    encode_hex,
    encode_time,
    read_base64,
    read_center_id,
    read_constant,
    read_count,
    read_hex,
    read_line,
    read_list,
    read_object,
    read_text,
    read_time,
    shown,
)

__all__ = [
    "MAX_RECEIPT_BYTES",
    "RECEIPT_TYPE",
    "RECEIPT_VERSION",
    "Anchor",
    "Disclosure",
    "DocumentDisclosure",
    "Inclusion",
    "Receipt",
    "ReceiptInvalid",
    "TlogProof",
    "TlogProofInvalid",
    "encode_receipt",
    "encode_tlog_proof",
    "parse_receipt",
    "parse_tlog_proof",
    "read_seals",
    "seals_value",
    "to_tlog_proof",
]

RECEIPT_TYPE = "GreenlaneReceipt"
RECEIPT_VERSION = 1
MAX_RECEIPT_BYTES = 1_048_576
_TLOG_PROOF = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_EXTRA = "extra "
_MAX_TLOG_PROOF_CHARACTERS = 65_536


class ReceiptInvalid(InvalidInput):
    """Bytes are no receipt of this version, or values cannot stand together in one."""

    code = "receipt-invalid"


class TlogProofInvalid(InvalidInput):
    """A text is no C2SP tlog-proof."""

    code = "tlog-proof-invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """Where the entry stands in its log, and the hashes that show it.

    Attributes:
        leaf_index: from 0.
        tree_size: of the tree that the proof leads to, at least 1.
        hashes: siblings from the leaf upward, at most MAX_PROOF_HASHES of 32 bytes.
    """

    leaf_index: LeafIndex
    tree_size: TreeSize
    hashes: tuple[NodeHash, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Where the chain holds the root.

    Attributes:
        chain_id: of the chain.
        contract: its AnchorLog.
        center: whose log it is.
        tree_size: of the anchored tree, at least 1.
        root: 32 bytes.
        block_number, block_time, transaction: which block and transaction brought it; hints to find it, each may be None.
    """

    chain_id: ChainId
    contract: Address
    center: CenterId
    tree_size: TreeSize
    root: RootHash
    block_number: BlockNumber | None
    block_time: datetime | None
    transaction: TxHash | None

    @property
    def has_hints(self) -> bool:
        """Whether it says anything of when the root was anchored."""
        return any(hint is not None for hint in (self.block_number, self.block_time, self.transaction))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One entry and its way to the chain.

    Attributes:
        entry: as the log holds it.
        disclosure: what it stands for: of an event a Disclosure, of a document a DocumentDisclosure, of any other kind None.
        inclusion: its place in the log.
        checkpoint: the signed note, unread: nothing in it counts before its signature is checked.
        anchor: where the chain holds the checkpoint's root.
        seals: sealed blocks that show it without asking the chain; None where it carries none.
    """

    entry: Entry
    disclosure: Disclosure | DocumentDisclosure | None
    inclusion: Inclusion
    checkpoint: str
    anchor: Anchor
    seals: Seals | None = None

    def __post_init__(self) -> None:
        if not fits_kind(self.disclosure, self.entry.kind):
            raise ReceiptInvalid("What is disclosed is not of the kind of the entry.", where="/disclosure")
        if self.disclosure is not None and self.disclosure.salt is not None and not self.entry.is_blinded:
            raise ReceiptInvalid("A plain entry has no salt.", where="/disclosure/salt")

    def claimed_checkpoint(self) -> Checkpoint:
        """What the checkpoint says, no signature checked.

        Raises:
            NoteInvalid, CheckpointInvalid: it does not read well; never for a receipt that was parsed.
        """
        return parse_checkpoint_body(parse_note(self.checkpoint).text)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """A C2SP tlog-proof, read and not verified.

    Attributes:
        extra: bytes of the application's own meaning, not authenticated; here the encoded entry. None where there are none.
        index: the leaf's, from 0.
        hashes: siblings from the leaf upward.
        checkpoint: the signed note.
    """

    extra: bytes | None
    index: LeafIndex
    hashes: tuple[NodeHash, ...]
    checkpoint: str


def parse_receipt(data: bytes) -> Receipt:
    """Reads a receipt strictly; proves nothing.

    Args:
        data: canonical JSON of at most MAX_RECEIPT_BYTES, as `encode_receipt` writes it; one newline may end it.

    Raises:
        ReceiptInvalid: too large, not of this type and version, values that cannot stand together, or another spelling.
        FieldInvalid: a field is missing, unknown, or not as it must be; `where` points at it.
        InvalidInput: no JSON; or the entry, checkpoint or center does not read well; `where` points at it.
    """
    if len(data) > MAX_RECEIPT_BYTES:
        raise ReceiptInvalid(f"A receipt has at most {MAX_RECEIPT_BYTES} bytes, not {len(data)}.", where="")
    document = parse_json(data)
    value = read_object(
        document,
        ("type", "version", "entry", "disclosure", "inclusion", "checkpoint", "anchor", "seals"),
        "",
    )
    read_constant(value["type"], "/type", RECEIPT_TYPE)
    read_constant(value["version"], "/version", RECEIPT_VERSION)
    entry = _read_entry(value["entry"])
    disclosed = value["disclosure"]
    receipt = Receipt(
        entry=entry,
        disclosure=None if disclosed is None else read_disclosure(disclosed, entry.kind, "/disclosure"),
        inclusion=_read_inclusion(value["inclusion"]),
        checkpoint=_read_checkpoint(value["checkpoint"]),
        anchor=_read_anchor(value["anchor"]),
        seals=None if value["seals"] is None else read_seals(value["seals"], "/seals"),
    )
    # A value has many spellings (1e-7 and 1E-7): were they all taken, a byte could be changed and nobody would notice.
    # Asked last, so that a fault of one field is told as that.
    if data.removesuffix(b"\n") != canonical_bytes(document):
        raise ReceiptInvalid(
            "The receipt is not in its one spelling, canonical JSON: its bytes were changed on the way.",
            where="",
            remedy="Use the file as it was handed out.",
        )
    return receipt


def encode_receipt(receipt: Receipt) -> bytes:
    """The canonical JSON of a receipt, in UTF-8.

    Raises:
        InvalidInput: it would be a receipt that `parse_receipt` refuses: no such bytes are ever handed out.
    """
    data = canonical_bytes(
        {
            "type": RECEIPT_TYPE,
            "version": RECEIPT_VERSION,
            "entry": encode_base64(receipt.entry.encode()),
            "disclosure": None if receipt.disclosure is None else disclosure_value(receipt.disclosure),
            "inclusion": {
                "leafIndex": receipt.inclusion.leaf_index,
                "treeSize": receipt.inclusion.tree_size,
                "hashes": [encode_base64(hash_) for hash_ in receipt.inclusion.hashes],
            },
            "checkpoint": receipt.checkpoint,
            "anchor": _anchor_value(receipt.anchor),
            "seals": None if receipt.seals is None else seals_value(receipt.seals),
        }
    )
    if parse_receipt(data) != receipt:
        raise ReceiptInvalid("The receipt would read otherwise than it was written.", where="")
    return data


def to_tlog_proof(receipt: Receipt) -> str:
    """The log part of a receipt as a C2SP tlog-proof, its entry (65 bytes) as the extra data."""
    return encode_tlog_proof(
        TlogProof(
            extra=receipt.entry.encode(),
            index=receipt.inclusion.leaf_index,
            hashes=receipt.inclusion.hashes,
            checkpoint=receipt.checkpoint,
        )
    )


def encode_tlog_proof(proof: TlogProof) -> str:
    """The text that `parse_tlog_proof` reads as this proof."""
    lines = [_TLOG_PROOF]
    if proof.extra is not None:
        lines.append(_EXTRA + encode_base64(proof.extra))
    lines.append(f"index {proof.index}")
    lines.extend(encode_base64(hash_) for hash_ in proof.hashes)
    return "\n".join([*lines, "", proof.checkpoint])


def parse_tlog_proof(text: str) -> TlogProof:
    """Reads a C2SP tlog-proof; proves nothing.

    Raises:
        TlogProofInvalid: it is none.
        NoteInvalid, CheckpointInvalid: its checkpoint does not read well.
    """
    if len(text) > _MAX_TLOG_PROOF_CHARACTERS:
        raise TlogProofInvalid(f"A proof has at most {_MAX_TLOG_PROOF_CHARACTERS} characters, not {len(text)}.")
    head, separator, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines.pop(0) != _TLOG_PROOF:
        raise TlogProofInvalid(f"A proof begins with {_TLOG_PROOF} and ends with a checkpoint after an empty line.")
    extra = _tlog_base64(lines.pop(0).removeprefix(_EXTRA)) if lines and lines[0].startswith(_EXTRA) else None
    index = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if index is None:
        raise TlogProofInvalid("A proof tells the index of its leaf.")
    hashes = _tlog_hashes(lines)
    parse_checkpoint_body(parse_note(checkpoint).text)
    return TlogProof(extra=extra, index=LeafIndex(int(index[1])), hashes=hashes, checkpoint=checkpoint)


def _tlog_hashes(lines: Sequence[str]) -> tuple[NodeHash, ...]:
    hashes = tuple(NodeHash(_tlog_base64(line)) for line in lines)
    if len(hashes) > MAX_PROOF_HASHES or any(len(hash_) != HASH_BYTES for hash_ in hashes):
        raise TlogProofInvalid(f"A proof has at most {MAX_PROOF_HASHES} hashes of {HASH_BYTES} bytes each.")
    return hashes


def _tlog_base64(text: str) -> bytes:
    try:
        return decode_base64(text)
    except FieldInvalid as error:
        raise TlogProofInvalid(f"{shown(text)} is no standard base64 with padding.") from error


def _read_entry(value: JsonValue) -> Entry:
    data = read_base64(value, "/entry", length=ENTRY_BYTES)
    try:
        return Entry.decode(data)
    except InvalidInput as error:
        raise FieldInvalid(error.detail, where="/entry") from error


def _read_inclusion(value: JsonValue) -> Inclusion:
    where = "/inclusion"
    fields = read_object(value, ("leafIndex", "treeSize", "hashes"), where)
    hashes = read_list(fields["hashes"], f"{where}/hashes", longest=MAX_PROOF_HASHES)
    return Inclusion(
        leaf_index=LeafIndex(read_count(fields["leafIndex"], f"{where}/leafIndex")),
        tree_size=TreeSize(read_count(fields["treeSize"], f"{where}/treeSize", least=1)),
        hashes=tuple(
            NodeHash(read_base64(item, f"{where}/hashes{pointer(place)}", length=HASH_BYTES)) for place, item in enumerate(hashes)
        ),
    )


def _read_checkpoint(value: JsonValue) -> str:
    text = read_text(value, "/checkpoint", longest=MAX_NOTE_BYTES)
    try:
        parse_checkpoint_body(parse_note(text).text)
    except InvalidInput as error:
        raise FieldInvalid(error.detail, where="/checkpoint") from error
    return text


def _read_anchor(value: JsonValue) -> Anchor:
    where = "/anchor"
    fields = read_object(
        value,
        ("chainId", "contract", "center", "treeSize", "root", "blockNumber", "blockTime", "transaction"),
        where,
    )
    block_number, block_time, transaction = fields["blockNumber"], fields["blockTime"], fields["transaction"]
    return Anchor(
        chain_id=ChainId(read_count(fields["chainId"], f"{where}/chainId", least=1)),
        contract=Address(read_hex(fields["contract"], f"{where}/contract", length=ADDRESS_BYTES)),
        center=read_center_id(fields["center"], f"{where}/center"),
        tree_size=TreeSize(read_count(fields["treeSize"], f"{where}/treeSize", least=1)),
        root=RootHash(read_hex(fields["root"], f"{where}/root", length=HASH_BYTES)),
        block_number=None if block_number is None else BlockNumber(read_count(block_number, f"{where}/blockNumber")),
        block_time=None if block_time is None else read_time(block_time, f"{where}/blockTime"),
        transaction=None if transaction is None else TxHash(read_hex(transaction, f"{where}/transaction", length=HASH_BYTES)),
    )


def read_seals(value: JsonValue, where: str) -> Seals:
    """Reads the JSON form of seals strictly; what they hold stays bytes.

    Args:
        where: JSON pointer of the value, for errors.

    Raises:
        FieldInvalid: a part is missing, unknown, too large, or stands there twice.
    """
    fields = read_object(value, ("changes", "anchored"), where)
    changes = read_list(fields["changes"], f"{where}/changes", longest=MAX_SET_CHANGES)
    return Seals(
        changes=tuple(_read_sealed_state(item, f"{where}/changes{pointer(place)}") for place, item in enumerate(changes)),
        anchored=_read_sealed_state(fields["anchored"], f"{where}/anchored"),
    )


def _read_sealed_state(value: JsonValue, where: str) -> SealedState:
    fields = read_object(value, ("header", "witness"), where)
    witness: dict[bytes, None] = {}
    for place, item in enumerate(read_list(fields["witness"], f"{where}/witness", longest=MAX_WITNESS_NODES)):
        node = _read_bytes(item, f"{where}/witness{pointer(place)}", longest=MAX_WITNESS_NODE_BYTES)
        if node in witness:
            raise FieldInvalid("This node stands here twice.", where=f"{where}/witness{pointer(place)}")
        witness[node] = None
    return SealedState(
        header=_read_bytes(fields["header"], f"{where}/header", longest=MAX_HEADER_BYTES),
        witness=tuple(witness),
    )


def _read_bytes(value: JsonValue, where: str, *, longest: int) -> bytes:
    data = decode_base64(read_line(value, where, longest=4 * (longest // 3 + 1)), where=where)
    if len(data) > longest:
        raise FieldInvalid(f"At most {longest} bytes may stand here, not {len(data)}.", where=where)
    return data


def seals_value(seals: Seals) -> dict[str, JsonValue]:
    """The JSON form of seals, as receipts and certificates of retirement carry them."""
    return {
        "changes": [_sealed_state_value(change) for change in seals.changes],
        "anchored": _sealed_state_value(seals.anchored),
    }


def _sealed_state_value(state: SealedState) -> dict[str, JsonValue]:
    return {"header": encode_base64(state.header), "witness": [encode_base64(node) for node in state.witness]}


def _anchor_value(anchor: Anchor) -> dict[str, JsonValue]:
    return {
        "chainId": anchor.chain_id,
        "contract": encode_hex(anchor.contract),
        "center": anchor.center,
        "treeSize": anchor.tree_size,
        "root": encode_hex(anchor.root),
        "blockNumber": anchor.block_number,
        "blockTime": None if anchor.block_time is None else encode_time(anchor.block_time),
        "transaction": None if anchor.transaction is None else encode_hex(anchor.transaction),
    }
