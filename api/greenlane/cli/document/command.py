"""`greenlane document`: puts the actions together; what each needs beside the base install it imports when it runs."""

import argparse
import importlib
from typing import Protocol, cast

# Name, module, one line of help.
_ACTIONS = (
    ("add", "greenlane.cli.document.add", "store a document at a center, and anchor what is stated of it"),
    ("get", "greenlane.cli.document.get", "fetch a document, every byte checked, and decrypt it where it is confidential"),
    ("list", "greenlane.cli.document.list_about", "list the documents about a product, lot, event, credential or member"),
    ("share", "greenlane.cli.document.share", "let more members read a confidential document"),
    ("revoke", "greenlane.cli.document.revoke", "take a confidential document back from a reader"),
    ("keygen", "greenlane.cli.document.keygen", "make the key with which you read confidential documents"),
    (
        "register-key",
        "greenlane.cli.document.register_key",
        "tell your center your public key, for others to share with you",
    ),
    ("keys", "greenlane.cli.document.list_keys", "list the public keys of a member"),
    ("revoke-key", "greenlane.cli.document.revoke_key", "have nothing more encrypted for one of your public keys"),
    ("holds", "greenlane.cli.document.holds", "operator: what other centers have this one hold, and the end of it"),
    ("export", "greenlane.cli.document.export_store", "operator: write documents of this deployment to CAR files"),
    ("import", "greenlane.cli.document.import_store", "operator: take documents out of CAR files into this deployment's store"),
)


class _Action(Protocol):
    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, args: argparse.Namespace) -> int: ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, module, text in _ACTIONS:
        part = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        part.set_defaults(run_action=module)
        _module(module).add_arguments(part)


def run(args: argparse.Namespace) -> int:
    return _module(args.run_action).run(args)


def _module(name: str) -> _Action:
    return cast(_Action, importlib.import_module(name))
