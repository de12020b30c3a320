"""The names by which events and documents are found, in the one narrow form that the tables keep."""

from greenlane.core.crypto import sha256

NAME_DIGEST_BYTES = 16


def name_digest(kind: str, name: str) -> bytes:
    """The first 16 bytes of SHA-256 over the kind, a zero byte and the name: of one length, and no two names share it."""
    return sha256(f"{kind}\0{name}".encode())[:NAME_DIGEST_BYTES]
