"""Keys that the encryption library stumbles over are refused like any other bad input on the member's machine."""

import io

import pyrage  # type: ignore[import-untyped]
import pytest
from greenlane.cli.document.age import AgeDamaged, decrypt, encrypt, new_identity, read_identity
from greenlane.core.errors import InvalidInput
from worlds.descriptions import recipient_of


class PanicException(BaseException):
    """As the library's, which is written in another language: no Exception."""


def test_where_the_library_panics_it_is_a_refusal_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*_: object) -> None:
        raise PanicException("impossible")

    secret, recipient = new_identity()
    monkeypatch.setattr(pyrage, "encrypt_io", panic)
    monkeypatch.setattr(pyrage, "decrypt_io", panic)
    with pytest.raises(AgeDamaged) as refused:
        encrypt(io.BytesIO(b"x"), io.BytesIO(), [recipient])
    assert refused.value.remedy
    with pytest.raises(AgeDamaged):
        decrypt(io.BytesIO(b"x"), io.BytesIO(), [read_identity(secret, where="")])


def test_a_key_that_leads_to_no_secret_is_refused_before_anything_is_read() -> None:
    source = io.BytesIO(b"x")
    for key in (bytes(32), b"\1" + bytes(31)):
        with pytest.raises(InvalidInput) as refused:
            encrypt(source, io.BytesIO(), [recipient_of(key)])
        assert refused.value.remedy and source.tell() == 0
