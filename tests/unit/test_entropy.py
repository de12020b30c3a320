"""What is random has its length and is never twice the same."""

from greenlane.adapters.entropy import random_bytes
from greenlane.ports.entropy import Entropy


def test_random_bytes_have_their_length_and_differ() -> None:
    draw: Entropy = random_bytes
    assert len(draw(32)) == 32
    assert draw(32) != draw(32)
