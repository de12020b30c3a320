"""Randomness from the operating system: the `Entropy` of every deployment."""

import secrets


def random_bytes(length: int) -> bytes:
    """`length` bytes nobody can foretell."""
    return secrets.token_bytes(length)
