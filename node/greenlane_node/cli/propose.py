"""`greenlane-node propose suspension|reinstatement|renewal|operator CENTER`: puts something about a center to the vote."""

import argparse

from greenlane.core.exits import Exit, WrongUse
from greenlane.core.units import Address, center_id
from greenlane.core.wire import decode_hex

from greenlane_node.cli.acting import acted, acts_of, add_acting_arguments, chain_of, proposal_row, tell_report

_MOTIONS = ("suspension", "reinstatement", "renewal", "operator")
_ADDRESS_BYTES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("motion", choices=_MOTIONS, help="what is to be done")
    parser.add_argument("about", metavar="CENTER", help="about which center")
    parser.add_argument("--account", metavar="0x…", help="of `operator`: the new operator's account")
    add_acting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane_node.registry.governance import Motion

    motion, about = Motion(args.motion), center_id(args.about)
    if (motion is Motion.OPERATOR) != (args.account is not None):
        raise WrongUse(
            "--account goes with `propose operator`, and is needed there.", remedy="See `greenlane-node propose --help`."
        )
    account = None if args.account is None else account_argument(args.account)
    with chain_of(args) as chain:
        acts = acts_of(args, chain)
        done, view = acts.propose(motion, about, account)
    tell_report(args, {**proposal_row(view, None, is_whole=args.json), "proposer": acts.center, **acted(done)})
    return Exit.GOOD


def account_argument(text: str) -> Address:
    """An account, as people write it: 0x and 40 hex digits.

    Raises:
        InvalidInput: it is none.
    """
    account = decode_hex(text.lower(), where="--account")
    if len(account) != _ADDRESS_BYTES:
        raise WrongUse(f"{text[:50]!r} is no account.", remedy="Give 0x and 40 hex digits.")
    return Address(account)
