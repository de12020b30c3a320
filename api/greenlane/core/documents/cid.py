"""The name of bytes on IPFS: a CID of version 1 over SHA-256, in its one spelling.

Two codecs stand here: a document of one chunk is a raw block, a longer one hangs under DAG-PB nodes. Every other codec, hash,
version and base is refused: one document must not have two names. Source: the CID, multihash and multibase specifications.
"""

import base64
import binascii
from dataclasses import dataclass
from enum import IntEnum

from greenlane.core.crypto import sha256
from greenlane.core.errors import InvalidInput
from greenlane.core.wire import shown

CID_BYTES = 36
_DIGEST_BYTES = 32
_VERSION = 1
_SHA2_256 = 0x12
_CID_CHARACTERS = 59
_BASE32 = "b"


class CidInvalid(InvalidInput):
    """A text or bytes are no CID of a document."""

    code = "cid-invalid"
    default_remedy = "Give a CID of version 1 in lower-case base32, as it was handed out: 59 characters that begin with b."


class Codec(IntEnum):
    """What a block is: bytes of the document, or a node that names further blocks."""

    RAW = 0x55
    DAG_PB = 0x70


@dataclass(frozen=True, slots=True, kw_only=True)
class Cid:
    """The name of one block, and of all that hangs under it.

    Attributes:
        digest: SHA-256 of the block; 32 bytes.
    """

    codec: Codec
    digest: bytes

    def __post_init__(self) -> None:
        if len(self.digest) != _DIGEST_BYTES:
            raise CidInvalid(f"The digest in a CID has {_DIGEST_BYTES} bytes, not {len(self.digest)}.")

    @classmethod
    def of(cls, codec: Codec, block: bytes) -> "Cid":
        """The name of a block."""
        return cls(codec=codec, digest=sha256(block))

    @property
    def text(self) -> str:
        """As people and addresses write it: "b" and lower-case base32 without padding."""
        return _BASE32 + base64.b32encode(self.encode()).decode("ascii").lower().rstrip("=")

    def encode(self) -> bytes:
        """The 36 bytes: version, codec, hash function, length, digest."""
        return bytes([_VERSION, self.codec, _SHA2_256, _DIGEST_BYTES]) + self.digest

    @classmethod
    def decode(cls, data: bytes) -> "Cid":
        """Reads 36 bytes.

        Raises:
            CidInvalid: anything else.
        """
        if len(data) != CID_BYTES:
            raise CidInvalid(f"A CID of a document has {CID_BYTES} bytes, not {len(data)}.")
        version, codec, function, length = data[:4]
        if version != _VERSION or codec not in set(Codec) or function != _SHA2_256 or length != _DIGEST_BYTES:
            raise CidInvalid("These bytes are no CID of version 1 over SHA-256 of a raw or DAG-PB block.")
        return cls(codec=Codec(codec), digest=data[4:])


def parse_cid(text: str, *, where: str | None = None) -> Cid:
    """Reads a CID as `Cid.text` writes it.

    Raises:
        CidInvalid: anything else, also another spelling of the same bytes.
    """
    if len(text) != _CID_CHARACTERS or not text.isascii() or not text.startswith(_BASE32):
        raise CidInvalid(f"{shown(text)} is no CID of a document.", where=where)
    try:
        cid = Cid.decode(base64.b32decode(text[1:].upper() + "======"))
    except binascii.Error as error:
        raise CidInvalid(f"{shown(text)} is no CID of a document.", where=where) from error
    except CidInvalid as error:
        raise CidInvalid(error.detail, where=where) from error
    if cid.text != text:
        raise CidInvalid(f"{shown(text)} is another spelling of {cid.text}.", where=where)
    return cid
