"""`greenlane-node vote [PROPOSAL]`: the open proposals, or a vote for one of them. `endorse` votes for nominations alone."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.core.exits import Exit, WrongUse
from greenlane.core.units import center_id

from greenlane_node.cli.acting import acted, acts_of, add_acting_arguments, chain_of, older_row, proposal_row, tell_report

if TYPE_CHECKING:
    from greenlane_node.nodes.chain_access import ChainAccess
    from greenlane_node.registry.governance import ProposalView


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "proposal", nargs="?", help="0x and first digits of its id, or the center it is about; without: list what is open"
    )
    parser.add_argument("--skip", type=_count, default=0, metavar="N", help="list without the newest N proposals")
    add_acting_arguments(parser)
    parser.set_defaults(candidate=None)


def run(args: argparse.Namespace) -> int:
    with chain_of(args) as chain:
        return _list(args, chain) if args.proposal is None else cast_vote(args, chain, None)


def cast_vote(args: argparse.Namespace, chain: "ChainAccess", candidate: Path | None) -> Exit:
    """Votes for the proposal that the arguments name; of nominations alone where the command is `endorse`.

    Args:
        candidate: the file that the nomination must be of; a nomination is voted for with it alone.
    """
    from greenlane_node.registry.candidate import require_same_candidate
    from greenlane_node.registry.governance import Motion, ProposalState, find_proposal

    motion = Motion.NOMINATION if args.command == "endorse" else None
    view = find_proposal(chain, args.proposal, motion)
    if candidate is not None:
        require_same_candidate(candidate, view)
    acts = acts_of(args, chain)
    if view.state is ProposalState.CARRIED:
        _tell(args, view, acts.center, {"was_so": True, "transaction": None}, "It was carried out already.")
        return Exit.GOOD
    if view.motion is Motion.NOMINATION and candidate is None:
        raise WrongUse(
            f"0x{view.id.hex()[:16]} nominates {view.center}: a name alone may be somebody else's nomination.",
            remedy=f"Vote with the file that {view.center} itself gave you: "
            f"greenlane-node endorse {view.center} --candidate {view.center}.center.toml.",
        )
    done = acts.vote(view)
    after = acts.view(view.id)
    missing = after.needed - after.votes
    words = (
        "Carried out."
        if after.state is ProposalState.CARRIED
        else f"{missing} more {'vote is' if missing == 1 else 'votes are'} needed."
    )
    _tell(args, after, acts.center, acted(done), words)
    return Exit.GOOD


def _tell(args: argparse.Namespace, view: "ProposalView", center: str, done: dict[str, object], words: str) -> None:
    tell_report(args, {**proposal_row(view, None, is_whole=args.json), "voter": center, **done, "result": words})


def _list(args: argparse.Namespace, chain: "ChainAccess") -> Exit:
    from greenlane_node.nodes.chain_access import centers_with_keys_here
    from greenlane_node.registry.governance import open_proposals

    own = [one.id for one in centers_with_keys_here(chain.network)]
    voter = center_id(args.center) if args.center else own[0] if len(own) == 1 else None
    found = open_proposals(chain, args.skip)
    rows = [proposal_row(view, voter, is_whole=args.json) for view in found.views]
    tell_report(args, older_row(found), proposals=rows)
    return Exit.GOOD


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("give 0 or more")
    return number
