"""Encrypting in the age format, by the kept library pyrage. Source: age-encryption.org/v1."""

from collections.abc import Sequence

import pyrage  # type: ignore[import-untyped]

from greenlane.ports.encryption import NoRecipient


def encrypt_for(plain: bytes, recipients: Sequence[str]) -> bytes:
    """An age file of the bytes for X25519 recipients ("age1…"); see `ports.encryption.EncryptFor`.

    Raises:
        NoRecipient: one of them is no key, or there is none at all.
    """
    keys = []
    for at, recipient in enumerate(recipients):
        try:
            keys.append(pyrage.x25519.Recipient.from_str(recipient))
        except pyrage.RecipientError as cause:
            raise NoRecipient(f"Recipient {at + 1} is no age key.") from cause
    if not keys:
        raise NoRecipient("There is nobody to encrypt for.")
    return bytes(pyrage.encrypt(plain, keys))
