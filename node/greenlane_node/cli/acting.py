"""What the commands that speak with the registry share: which node is asked, whose key signs, how an answer is written."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.core.units import center_id

from greenlane_node.cli.program import add_common_arguments, home_of, tell_table

if TYPE_CHECKING:
    from greenlane.adapters.keystore import Keystore

    from greenlane_node.nodes.chain_access import ChainAccess
    from greenlane_node.registry.acts import Acted, RegistryActs
    from greenlane_node.registry.governance import OpenProposals, ProposalView

SHOWN_ID_DIGITS = 10


def add_node_arguments(parser: argparse.ArgumentParser) -> None:
    """`--home`, `--json`, and which node is asked."""
    add_common_arguments(parser)
    parser.add_argument("--rpc", metavar="URL", help="a node to ask (default: those of network.json)")
    parser.add_argument("--token-file", metavar="FILE", help="opens the node's RPC (default: our own node's token)")


def add_acting_arguments(parser: argparse.ArgumentParser) -> None:
    """What a command needs that sends by an operator's key."""
    add_node_arguments(parser)
    parser.add_argument("--center", metavar="ID", help="act for this center (default: the only one whose keys are here)")
    add_password_argument(parser)
    parser.add_argument(
        "--timeout", type=_seconds, default=120, metavar="SECONDS", help="wait so long for a block (default: 120)"
    )


def add_password_argument(parser: argparse.ArgumentParser) -> None:
    """What opens the keystore."""
    text = "opens the keystore (default: GREENLANE_PASSWORD_FILE, else in the home)"
    parser.add_argument("--password-file", metavar="FILE", help=text)


@contextmanager
def chain_of(args: argparse.Namespace) -> Iterator["ChainAccess"]:
    """The chain that the arguments name; a node that goes away meanwhile is one fault."""
    from greenlane.adapters.home import Home

    from greenlane_node.nodes.chain_access import open_chain, reached

    urls = [args.rpc] if args.rpc else []
    with reached(args.rpc):
        yield open_chain(Home(home_of(args)), urls, Path(args.token_file) if args.token_file else None)


def keystore_of_arguments(args: argparse.Namespace, *, scrypt_n: int | None = None) -> "Keystore":
    """The keystore of the home, with the password that the arguments or the environment name."""
    from greenlane.adapters.home import Home
    from greenlane.adapters.keystore import SCRYPT_N_STRONG

    from greenlane_node.nodes.chain_access import keystore_of

    named = args.password_file or os.environ.get("GREENLANE_PASSWORD_FILE")
    return keystore_of(Home(home_of(args)), Path(named) if named else None, scrypt_n=scrypt_n or SCRYPT_N_STRONG)


def acts_of(args: argparse.Namespace, chain: "ChainAccess") -> "RegistryActs":
    """The acts of the center that the arguments name."""
    from greenlane_node.registry.acts import open_acts

    center = center_id(args.center) if args.center else None
    return open_acts(chain, keystore_of_arguments(args), center, timeout_s=args.timeout)


def tell_report(args: argparse.Namespace, facts: Mapping[str, object], **tables: Sequence[Mapping[str, object]]) -> None:
    """Writes names and values, then tables under their names; with --json one object that holds both.

    Texts may be what another center wrote into the registry: none of them steers the terminal, or breaks a line.
    """
    if args.json:
        told = json.dumps({**facts, **{name: list(rows) for name, rows in tables.items()}}, ensure_ascii=False)
        sys.stdout.write(harmless(told) + "\n")
        return
    for name, value in facts.items():
        if value is not None:
            sys.stdout.write(f"{name}: {('no', 'yes')[value] if isinstance(value, bool) else harmless(str(value))}\n")
    for name, rows in tables.items():
        sys.stdout.write(f"\n{name}:\n" if len(tables) > 1 or facts else "")
        tell_table(
            args,
            [{key: harmless(value) if isinstance(value, str) else value for key, value in row.items()} for row in rows],
        )


def harmless(text: str) -> str:
    """A text with every character that is not seen as itself written as JSON's escape: controls, and what turns a line around.

    JSON stays the JSON it was.
    """
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def short_enode(enode: str) -> str:
    """An enode URL with the beginning of its id only."""
    return f"{enode[:16]}…{enode[136:]}" if len(enode) > 136 else enode


def proposal_row(view: "ProposalView", voter: str | None, *, is_whole: bool) -> dict[str, object]:
    """A proposal as a row.

    Args:
        voter: whose vote is told.
        is_whole: the id whole, as for programs.
    """
    from greenlane_node.registry.governance import ProposalState
    from greenlane_node.registry.refusals import time_text

    id_ = "0x" + view.id.hex()
    return {
        "proposal": id_ if is_whole else id_[: 2 + SHOWN_ID_DIGITS],
        "motion": view.motion.value,
        "center": view.center,
        "state": view.state.value,
        "votes": view.votes,
        # Of what is carried out nothing more is needed, and the number of centers has changed since.
        "needed": None if view.state is ProposalState.CARRIED else view.needed,
        "voters": list(view.voters) if is_whole else ", ".join(view.voters),
        "voted": None if voter is None else voter in view.voters,
        "expires": time_text(view.expires_at),
        "operator": None if view.operator is None else "0x" + view.operator.hex(),
    }


def older_row(found: "OpenProposals") -> dict[str, object]:
    """How many proposals a list leaves out, and how they are seen; nothing where it is whole."""
    if not found.older:
        return {}
    return {"older_not_shown": found.older, "see_them": f"greenlane-node vote --skip {found.next_skip}"}


def acted(done: "Acted") -> dict[str, object]:
    """What came of an act, for an answer."""
    return {"was_so": done.was_so, "transaction": None if done.transaction is None else "0x" + done.transaction.hex()}


def _seconds(text: str) -> int:
    seconds = int(text)
    if not 1 <= seconds <= 3_600:
        raise argparse.ArgumentTypeError("give 1 to 3600 seconds")
    return seconds
