"""A public key for age files as people write it, "age1…": read so that whoever encrypts for it can, and only its owner can read.

The text is Bech32 of the prefix "age" and the 32 bytes of an X25519 public key: 62 characters, the last six a checksum. Beside
the checksum the key itself is looked at: some thirty-two bytes are keys that lead to no secret, and libraries that are given one
do anything but answer.
Source: age-encryption.org/v1 (C2SP), "X25519 recipient stanza"; BIP 173 (Bech32).
"""

import re

from greenlane.core.crypto import is_x25519_public_key

RECIPIENT_CHARACTERS = 62
_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_SHAPE = re.compile(rf"age1[{_LETTERS}]{{58}}", re.ASCII)
_CHECKSUM_LETTERS = 6
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
# The prefix "age", spread over groups of five bits as BIP 173 has it.
_PREFIX = (3, 3, 3, 0, 1, 7, 5)
_KEY_BITS = 256
_SPARE_BITS = 4


def is_recipient(text: str) -> bool:
    """Whether a text is an age recipient behind which lies a key, in its one spelling."""
    if _SHAPE.fullmatch(text) is None:
        return False
    groups = [_LETTERS.index(letter) for letter in text[len("age1") :]]
    if _checksum([*_PREFIX, *groups]) != 1:
        return False
    number = 0
    for group in groups[:-_CHECKSUM_LETTERS]:
        number = number << 5 | group
    if number % (1 << _SPARE_BITS):
        return False
    return is_x25519_public_key((number >> _SPARE_BITS).to_bytes(_KEY_BITS // 8, "big"))


def _checksum(groups: list[int]) -> int:
    value = 1
    for group in groups:
        top = value >> 25
        value = (value & 0x1FFFFFF) << 5 ^ group
        for bit, generator in enumerate(_GENERATORS):
            if top >> bit & 1:
                value ^= generator
    return value
