"""`greenlane document holds`: what other centers have this one hold, and the end of all that one of them asked for.

It works on the deployment, as fsck does: a partner who has left has no key any more that would release it.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenlane.cli.document.export_store import add_home_argument
from greenlane.cli.document.progress import counted, human_size
from greenlane.core.exits import Exit, WrongUse
from greenlane.core.units import CenterId, center_id
from greenlane.ports.holds import HeldDocument
from greenlane.ports.store import Store

if TYPE_CHECKING:
    from greenlane.bootstrap import Deployment

_PAGE = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--partner", metavar="CENTER", help="list each document of this center (default: sums of all)")
    parser.add_argument("--release-all", action="store_true", help="with --partner: hold nothing for it any more")
    parser.add_argument("--confirm", metavar="CENTER", help="the partner's short name again: what is released is removed")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_home_argument(parser)


def run(args: argparse.Namespace) -> int:
    partner = None if args.partner is None else center_id(args.partner)
    if args.release_all and partner is None:
        raise WrongUse("Nobody is named for whom nothing is to be held.", where="--release-all", remedy="Add --partner CENTER.")
    if args.confirm is not None and not args.release_all:
        raise WrongUse("There is nothing to confirm.", where="--confirm", remedy="It goes with --release-all.")
    # The whole server stands behind it, and a member's machine has none of that.
    from greenlane.cli.deployment import opened

    with opened(args) as deployment:
        if partner is None:
            return _tell_sums(args, deployment.store)
        held = list(held_for(deployment.store, partner))
        if not args.release_all:
            return _tell_held(args, partner, held)
        if args.confirm != partner:
            raise WrongUse(
                f"{counted(len(held), 'document')} of {partner} would be let go.",
                where="--confirm",
                remedy=f"If that is meant, add --confirm {partner}.",
            )
        return _tell_released(args, partner, _release(deployment, partner, held))


def held_for(store: Store, partner: CenterId) -> Iterator[HeldDocument]:
    """What one center has held here, by CID."""
    after = None
    while True:
        with store.read() as tx:
            page = tx.holds.held(asked_by=partner, after=after, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].cid


def _release(deployment: "Deployment", partner: CenterId, held: list[HeldDocument]) -> int:
    from greenlane.cli.deployment import CONSOLE
    from greenlane.ports.accounts import KeyRole
    from greenlane.services.hold import Asker

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Console(Asker):
        """The operator at the machine, who has no key."""

        @property
        def actor(self) -> str:
            return CONSOLE

    released = 0
    for each in held:
        asker = Console(key_id="", role=KeyRole.OPERATOR, center=each.center)
        released += deployment.hold.release(asker, each.cid, asked_by=partner)
    return released


def _tell_sums(args: argparse.Namespace, store: Store) -> int:
    with store.read() as tx:
        sums = [(partner, tx.holds.held_documents(partner), tx.holds.held_bytes(partner)) for partner in tx.holds.askers()]
    if args.json:
        told = [{"partner": partner, "documents": documents, "bytes": size} for partner, documents, size in sums]
        sys.stdout.write(json.dumps(told) + "\n")
        return Exit.GOOD
    for partner, documents, size in sums:
        sys.stdout.write(f"{partner}  {counted(documents, 'document')}  {human_size(size)}\n")
    if not sums:
        sys.stdout.write("Nothing is held for others.\n")
    return Exit.GOOD


def _tell_held(args: argparse.Namespace, partner: CenterId, held: list[HeldDocument]) -> int:
    if args.json:
        told = [{"cid": each.cid.text, "size": each.size, "askedAt": each.asked_at.isoformat()} for each in held]
        sys.stdout.write(json.dumps({"partner": partner, "holds": told}, indent=2) + "\n")
        return Exit.GOOD
    for each in held:
        sys.stdout.write(f"{each.cid.text}  {human_size(each.size)}  {each.asked_at:%Y-%m-%d}\n")
    if not held:
        sys.stdout.write(f"Nothing is held for {partner}.\n")
    return Exit.GOOD


def _tell_released(args: argparse.Namespace, partner: CenterId, released: int) -> int:
    if args.json:
        sys.stdout.write(json.dumps({"partner": partner, "released": released}) + "\n")
    else:
        words = f"{counted(released, 'document')} of {partner} released; the worker removes what nobody else wants."
        sys.stdout.write(f"{words}\n")
    return Exit.GOOD
