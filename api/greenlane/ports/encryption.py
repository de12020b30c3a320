"""Encrypting for readers, in the age format."""

from collections.abc import Callable, Sequence

from greenlane.core.errors import InvalidInput


class NoRecipient(InvalidInput):
    """A recipient reads like an age key, and no key lies behind it."""

    code = "recipient-invalid"
    default_remedy = "Give the public key as age-keygen or `greenlane document keygen` printed it."


EncryptFor = Callable[[bytes, Sequence[str]], bytes]
"""An age file of the bytes, readable by each of the recipients ("age1…"); NoRecipient where one is no key."""
