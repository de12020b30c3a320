"""`greenlane-node assets classes|status|propose-class|pause|resume|challenge`: what centers decide about green assets.

Whoever runs the same command in another center's home votes for the same; the vote that completes the quorum carries it out.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.core.exits import Exit, WrongUse
from greenlane.core.wire import decode_hex

from greenlane_node.cli.acting import acted, acts_of, add_acting_arguments, add_node_arguments, chain_of, tell_report
from greenlane_node.cli.program import number

if TYPE_CHECKING:
    from greenlane.core.assets.facts import AssetClass

    from greenlane_node.assets.motions import OpenMotion
    from greenlane_node.assets.votes import MotionView
    from greenlane_node.nodes.chain_access import ChainAccess
    from greenlane_node.registry.acts import Acted, RegistryActs

_DIGEST_BYTES = 32
_MODELS = ("identity-preserved", "segregated", "controlled-blending", "mass-balance", "book-and-claim")
_ENDINGS = (".toml", ".json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    classes = actions.add_parser("classes", help="list the classes, and how much of each there is")
    status = actions.add_parser("status", help="how the contracts stand, with the open motions, or how a statement does")
    status.add_argument("digest", nargs="?", metavar="DIGEST", help="of a statement: 0x and 64 hex digits")
    for part in (classes, status):
        add_node_arguments(part)
    propose = actions.add_parser("propose-class", help="vote for a class, as a file or these options describe it")
    propose.add_argument("asset_class", metavar="CLASS", help="a file .toml or .json, or the class's id and all of the options")
    propose.add_argument("--attribute", metavar="NAME", help="what is claimed, as a short name: deforestation-free")
    propose.add_argument("--unit", metavar="CODE", help="UN/CEFACT Recommendation 20: KGM")
    propose.add_argument("--decimals", type=number, metavar="N", help="of the unit that count: 3 of KGM are grams")
    propose.add_argument("--custody-model", choices=_MODELS, help="the weakest that the class promises (ISO 22095)")
    trade = propose.add_mutually_exclusive_group()
    trade.add_argument("--tradable", action="store_const", const=True, dest="tradable", help="units may change hands")
    trade.add_argument("--not-tradable", action="store_const", const=False, dest="tradable", help="only their holder uses them")
    propose.add_argument("--claim-days", type=number, metavar="DAYS", help="after a vintage, in which it may be claimed")
    propose.add_argument("--name", metavar="TEXT", help="for people")
    propose.add_argument("--only-look", action="store_true", help="say how the votes stand, and do not vote")
    pause = actions.add_parser("pause", help="vote to stop all movements of green assets")
    resume = actions.add_parser("resume", help="vote to let them go on")
    challenge = actions.add_parser("challenge", help="vote to revoke a statement, so that its units no longer move")
    challenge.add_argument("digest", metavar="DIGEST", help="of the statement, which is its token too: 0x and 64 hex digits")
    challenge.add_argument("--reason", metavar="TEXT", required=True, help="1 to 256 bytes; the last voter's stands for ever")
    for part in (propose, pause, resume, challenge):
        add_acting_arguments(part)


def run(args: argparse.Namespace) -> int:
    # Judged before any node is asked.
    asset_class = _asset_class(args) if args.action == "propose-class" else None
    digest = _digest(args.digest) if getattr(args, "digest", None) is not None else None
    with chain_of(args) as chain:
        match args.action:
            case "classes":
                _tell_classes(args, chain)
            case "status" if digest is not None:
                _tell_statement(args, chain, digest)
            case "status":
                _tell_status(args, chain)
            case "propose-class" if asset_class is not None and args.only_look:
                _tell_only_look(args, chain, asset_class)
            case _:
                _vote(args, chain, asset_class, digest)
    return Exit.GOOD


def _vote(args: argparse.Namespace, chain: "ChainAccess", asset_class: "AssetClass | None", digest: bytes | None) -> None:
    from greenlane_node.assets import votes

    # Also before keys are opened: a network without green assets has nothing to vote on.
    votes.asset_places(chain)
    acts = acts_of(args, chain)
    if asset_class is not None:
        _tell_vote(
            args,
            acts,
            votes.vote_class(acts, asset_class),
            votes.view_class(chain, asset_class),
            {"class": asset_class.id},
            f"The class {asset_class.id} is admitted.",
        )
    elif digest is not None:
        done = votes.vote_revocation(acts, digest, args.reason)
        carried = "The statement is revoked: its units no longer move, and what was claimed of it is marked."
        _tell_vote(args, acts, done, votes.view_revocation(chain, digest), {"statement": "0x" + digest.hex()}, carried)
    else:
        should_pause = args.action == "pause"
        done = votes.vote_pause(acts, should_pause=should_pause)
        carried = "All movements are stopped." if should_pause else "Movements go on."
        _tell_vote(args, acts, done, votes.view_pause(chain, should_pause=should_pause), {}, carried)


def _tell_vote(
    args: argparse.Namespace, acts: "RegistryActs", done: "Acted", view: "MotionView", about: dict[str, object], carried: str
) -> None:
    if view.is_carried:
        result = carried
    else:
        result = f"{view.votes} of {view.needed} votes: other centers' operators run the same command."
    tell_report(args, {**about, **_motion(args, view), "voter": acts.center, **acted(done), "result": result})


def _motion(args: argparse.Namespace, view: "MotionView") -> dict[str, object]:
    from greenlane_node.registry.refusals import time_text

    return {
        "motion": "0x" + view.motion.hex(),
        "carried": view.is_carried,
        # Of what is so nothing more is needed, and its votes are counted no longer.
        "votes": None if view.is_carried else view.votes,
        "needed": None if view.is_carried else view.needed,
        "voters": list(view.voters) if args.json else ", ".join(view.voters) or None,
        "expires": time_text(view.expires_at),
    }


def _tell_only_look(args: argparse.Namespace, chain: "ChainAccess", asset_class: "AssetClass") -> None:
    from greenlane_node.assets.votes import view_class

    tell_report(args, {**_class_row(asset_class), **_motion(args, view_class(chain, asset_class))})


def _tell_classes(args: argparse.Namespace, chain: "ChainAccess") -> None:
    from greenlane.core.assets.quantity import decimal_text

    from greenlane_node.assets.votes import all_classes, assets_of

    asset, _ = assets_of(chain)
    rows = []
    for one in all_classes(asset):
        totals = asset.totals(one.id)
        sums = {name: getattr(totals, name) for name in ("issued", "tradable", "escrowed", "retired", "cancelled")}
        # `tradable` tells units here, and whether the class is traded above.
        told = {f"units_{name}": decimal_text(quantity, one.unit) for name, quantity in sums.items()}
        rows.append({**_class_row(one), **told})
    tell_report(args, {}, classes=rows)


def _class_row(one: "AssetClass") -> dict[str, object]:
    return {
        "class": one.id,
        "name": one.name,
        "attribute": one.attribute,
        "unit": one.unit.code,
        "decimals": one.unit.decimals,
        "custody_model": one.custody_model.slug,
        "tradable": one.is_tradable,
        "claim_days": one.claim_days,
    }


def _tell_status(args: argparse.Namespace, chain: "ChainAccess") -> None:
    from greenlane.adapters.evm.standing import contracts_of_other_code

    from greenlane_node.assets.motions import open_motions
    from greenlane_node.assets.votes import asset_places, assets_of, view_pause

    places = asset_places(chain)
    asset, register = assets_of(chain)
    is_paused = asset.is_paused()
    others = contracts_of_other_code(chain.web3, places)
    facts: dict[str, object] = {
        "green_asset": "0x" + places.green_asset.hex(),
        "evidence_register": "0x" + places.evidence_register.hex(),
        "code_of_this_release": not others,
        "paused": is_paused,
        "classes": asset.class_count(),
        "statements": register.evidence_count(places.green_asset),
        "issuances": asset.issuance_count(),
        "retirements": asset.retirement_count(),
    }
    # What is not so yet is what can be voted for.
    view = view_pause(chain, should_pause=not is_paused)
    motion = {"motion_to": "resume" if is_paused else "pause", **_motion(args, view)}
    found = open_motions(chain)
    rows = [_motion_row(args, one) for one in found.motions]
    cut: dict[str, object] = {"older_votes_not_looked_at": True} if found.is_cut else {}
    tables = {"open_motions": rows} if rows or args.json else {}
    tell_report(args, {**facts, **(motion if args.json else {}), **cut}, **tables)


def _motion_row(args: argparse.Namespace, motion: "OpenMotion") -> dict[str, object]:
    """An open motion as a row; for people with what it would do in a few words, and last, for it may be long."""
    told, of = _motion(args, motion.view), None if motion.asset_class is None else _class_row(motion.asset_class)
    if args.json:
        return {"to": motion.proposed.value, "about": motion.about, "class": of, "reason": motion.reason, **told}
    what = motion.reason
    if of is not None:
        trade = "tradable" if of["tradable"] else "not tradable"
        unit = f"{of['unit']} with {of['decimals']} decimals"
        what = f"{of['attribute']}, {unit}, {of['custody_model']}, {trade}, {of['claim_days']} claim days, {of['name']}"
    elif motion.proposed.value == "propose-class":
        what = "its content is not to be seen here: ask who voted"
    return {
        "to": motion.proposed.value,
        "votes": f"{told['votes']} of {told['needed']}",
        "until": told["expires"],
        "voters": told["voters"],
        "what": ": ".join(one for one in (motion.about, what) if one) or "all movements",
    }


def _tell_statement(args: argparse.Namespace, chain: "ChainAccess", digest: bytes) -> None:
    from greenlane.core.errors import NotFound

    from greenlane_node.assets.votes import assets_of, view_revocation
    from greenlane_node.registry.refusals import time_text

    asset, register = assets_of(chain)
    found, reason = register.evidence(asset.address, digest), register.revocation(digest)
    if found is None and reason is None:
        raise NotFound(f"No statement 0x{digest.hex()} was ever admitted.", remedy="Compare the digest: 0x and 64 hex digits.")
    facts: dict[str, object] = {"statement": "0x" + digest.hex(), "revoked": reason is not None, "reason": reason}
    if found is not None:
        issued = asset.issuance(digest)
        facts |= {
            "class": found.class_id,
            "certifier": f"{found.certifier_member} of {found.certifier_center}",
            "holder": "0x" + found.holder.hex(),
            "admitted": time_text(found.admitted_at),
            "smallest_units": found.quantity,
            "issued": 0 if issued is None else issued.totals.issued,
            "retired": 0 if issued is None else issued.totals.retired,
        }
    tell_report(args, {**facts, **_motion(args, view_revocation(chain, digest))})


def _asset_class(args: argparse.Namespace) -> "AssetClass":
    """The class of the file or the options.

    Raises:
        WrongUse: both, or not all of the options.
        InvalidInput: a value is not as it must be.
    """
    from greenlane_node.assets.class_file import NAMES, load_class, read_class

    options = {name: getattr(args, name) for name in NAMES if name != "id"}
    given = {name: value for name, value in options.items() if value is not None}
    if args.asset_class.lower().endswith(_ENDINGS):
        if given:
            raise WrongUse("A file says all of a class: no option goes with it.", remedy="Leave the options or the file out.")
        return load_class(Path(args.asset_class))
    missing = [name for name in options if name not in given]
    if missing:
        wanted = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise WrongUse(
            f"Of the class {args.asset_class[:40]!r} these are missing: {wanted}.",
            remedy="Give them, or a file whose name ends in .toml or .json.",
        )
    return read_class({"id": args.asset_class, **given}, "")


def _digest(text: str) -> bytes:
    digest = decode_hex(text.lower(), where="DIGEST")
    if len(digest) != _DIGEST_BYTES:
        raise WrongUse(f"{text[:70]!r} is no digest.", where="DIGEST", remedy="Give 0x and 64 hex digits.")
    return digest
