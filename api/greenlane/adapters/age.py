"""Encrypting in the age format, by the kept library pyrage. Source: age-encryption.org/v1."""

from collections.abc import Sequence

import pyrage  # type: ignore[import-untyped]

from greenlane.core.documents.recipient import is_recipient
from greenlane.ports.encryption import NoRecipient

_PANIC = "PanicException"


def encrypt_for(plain: bytes, recipients: Sequence[str]) -> bytes:
    """An age file of the bytes for X25519 recipients ("age1…"); see `ports.encryption.EncryptFor`.

    Raises:
        NoRecipient: one of them is no key, or there is none at all.
    """
    for at, recipient in enumerate(recipients):
        if not is_recipient(recipient):
            raise NoRecipient(f"Recipient {at + 1} is no age key.")
    if not recipients:
        raise NoRecipient("There is nobody to encrypt for.")
    try:
        return bytes(pyrage.encrypt(plain, [pyrage.x25519.Recipient.from_str(each) for each in recipients]))
    except (pyrage.RecipientError, pyrage.EncryptError) as cause:
        raise NoRecipient("One of the recipients cannot be encrypted for.") from cause
    except BaseException as cause:
        # The library is written in another language, and what it holds to be impossible is no Exception here.
        if type(cause).__name__ != _PANIC:
            raise
        raise NoRecipient("One of the recipients cannot be encrypted for.") from cause
