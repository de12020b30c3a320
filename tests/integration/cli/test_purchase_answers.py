"""`greenlane purchase check` says in one line what it cannot make of an answer."""

import argparse

import pytest
from greenlane.cli import purchase
from greenlane.cli.server import Answer
from greenlane.core.errors import CannotCheck


@pytest.mark.parametrize(
    "body",
    [
        b'{"verdict":"passed","lines":[{}]}',
        b'{"verdict":"passed","lines":[{"number":1,"standing":"ordered","next":{"words":"x"},"checks":[{"name":"lot"}]}]}',
        b'{"verdict":"passed","lines":7}',
    ],
)
def test_an_answer_that_is_no_check_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(purchase, "send", lambda *_: Answer(status=200, headers={}, body=body))
    with pytest.raises(CannotCheck, match="no check of a purchase"):
        purchase.run(argparse.Namespace(purchase="a" * 32, json=False))
