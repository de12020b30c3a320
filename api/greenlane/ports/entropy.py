"""Randomness, as something that can be given."""

from collections.abc import Callable

Entropy = Callable[[int], bytes]
"""Answers with that many unpredictable bytes, from the operating system's generator."""
