"""The header of an age file, read strictly: for how many keys a document is encrypted.

An age file names no recipient, but it has one stanza for each. Who can read a confidential document must be whom its description
names, so the stanzas are counted against that. Only X25519 stanzas may stand there: a passphrase (scrypt) is a key that nobody
named, and stanzas of SSH or of plugins open for keys of other kinds. A stanza of a type that ends in "-grease", which age puts in
to keep programs from expecting too much and which nothing opens, is passed over.

What is read here is the form alone. The header is authenticated by a key that only readers have: whoever can decrypt the
file with a key verifies that.
Source: age-encryption.org/v1 (C2SP), sections "Header", "X25519 recipient stanza" and "Grease".
"""

import re

from greenlane.core.errors import InvalidInput

AGE_MAGIC = b"age-encryption.org/v1\n"
MAX_HEADER_BYTES = 65_536
"""The largest header that is read: 64 readers have one of some 8 KiB."""

_ARGUMENT = rb"[!-~]+"
_STANZA = re.compile(rb"-> (%b)((?: %b)*)" % (_ARGUMENT, _ARGUMENT))
_BODY_LINE = re.compile(rb"[A-Za-z0-9+/]*")
_MAC = re.compile(rb"--- [A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]")
_SHARE = re.compile(rb" [A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]")
_BODY_COLUMNS = 64
_WRAPPED_KEY = re.compile(rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]")
_GREASE = b"-grease"


class AgeInvalid(InvalidInput):
    """Bytes do not begin as an age file for X25519 keys does."""

    code = "age-file-invalid"
    default_remedy = "Encrypt with the public keys (age1…) of the readers: `greenlane document add --for` does."


def count_recipients(head: bytes) -> int:
    """How many X25519 keys a file is encrypted for, by its header; at least one.

    Args:
        head: the file's first bytes: the whole file, or at least its whole header; MAX_HEADER_BYTES are always enough.

    Raises:
        AgeInvalid: no age file of version 1, a header that is cut off, too long or malformed, or a stanza of another kind.
    """
    if not head.startswith(AGE_MAGIC):
        raise AgeInvalid("It does not begin as an age file of version 1 does.")
    lines = _header_lines(head)
    count, at = 0, 0
    while at < len(lines):
        stanza = _STANZA.fullmatch(lines[at])
        if stanza is None:
            raise AgeInvalid(f"Line {at + 2} of its header begins no stanza.")
        body, following = _body(lines, at + 1)
        kind = stanza[1]
        if kind == b"X25519":
            # Exactly one share, and the wrapped file key of 32 bytes.
            if _SHARE.fullmatch(stanza[2]) is None or _WRAPPED_KEY.fullmatch(body) is None:
                raise AgeInvalid(f"The stanza in line {at + 2} of its header is none for an X25519 key.")
            count += 1
        elif not kind.endswith(_GREASE):
            shown = kind[:40].decode("ascii")
            raise AgeInvalid(f"It can be opened with a key of the kind {shown!r}, and only X25519 keys may be readers.")
        at = following
    if count == 0:
        raise AgeInvalid("It is encrypted for no X25519 key.")
    return count


def _header_lines(head: bytes) -> list[bytes]:
    """The lines between the first one and the MAC."""
    header = head[len(AGE_MAGIC) : MAX_HEADER_BYTES]
    lines: list[bytes] = []
    start = 0
    while True:
        end = header.find(b"\n", start)
        if end < 0:
            raise AgeInvalid("Its header has no end, or one that lies too far on.")
        line = header[start:end]
        if line.startswith(b"---"):
            if _MAC.fullmatch(line) is None:
                raise AgeInvalid("Its header does not end with a MAC.")
            return lines
        lines.append(line)
        start = end + 1


def _body(lines: list[bytes], at: int) -> tuple[bytes, int]:
    """A stanza's body in base64, and the line after it: full lines of 64 columns, then one that is shorter, maybe empty."""
    body = bytearray()
    while at < len(lines):
        line = lines[at]
        if _BODY_LINE.fullmatch(line) is None or len(line) > _BODY_COLUMNS:
            break
        body += line
        at += 1
        if len(line) < _BODY_COLUMNS:
            return bytes(body), at
    raise AgeInvalid(f"The stanza before line {at + 2} of its header has no end.")
