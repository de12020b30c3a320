"""`greenlane-node members list|vouch|roles|rotate-key|suspend|reinstate`: the members a center vouches for on the chain.

Not the members of the center's server (`greenlane members`), who capture: these have accounts, and hold green assets or sign for
them. A member keeps its key itself, or has its center keep it in the keystore of its home (`--make-key`).
"""

import argparse
import time
from typing import TYPE_CHECKING

from greenlane.core.exits import Exit, WrongUse
from greenlane.core.units import center_id, member_id

from greenlane_node.cli.acting import (
    acted,
    acts_of,
    add_acting_arguments,
    add_node_arguments,
    chain_of,
    keystore_of_arguments,
    tell_report,
)
from greenlane_node.cli.propose import account_argument

if TYPE_CHECKING:
    from greenlane.adapters.evm.bindings import MemberRecord, MemberRole
    from greenlane.adapters.keystore import Keystore
    from greenlane.core.units import Address, MemberId

    from greenlane_node.nodes.chain_access import ChainAccess
    from greenlane_node.registry.acts import Acted, RegistryActs

_ROLES = ("enterprise", "certifier", "buyer", "agency")
_DAY_S = 86_400
_MOST_DAYS = 36_500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list a center's members")
    listing.add_argument("--center", metavar="ID", help="of this center (default: the only one whose keys are here)")
    add_node_arguments(listing)
    vouch = actions.add_parser("vouch", help="vouch for a new member")
    roles = actions.add_parser("roles", help="change what a member may do")
    suspend = actions.add_parser("suspend", help="stop vouching for a member")
    reinstate = actions.add_parser("reinstate", help="vouch again for a suspended member")
    rotate = actions.add_parser("rotate-key", help="let another account sign for a member; units follow when it asks")
    for part in (vouch, roles, suspend, reinstate, rotate):
        part.add_argument("member", metavar="MEMBER", help="short name, unique within the center")
        add_acting_arguments(part)
    for part in (vouch, rotate):
        which = part.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "--account",
            metavar="0x…",
            help="account that signs for it by a key of its own; one member's in the whole network",
        )
        which.add_argument("--make-key", action="store_true", help="make its key, and keep it for it in this home's keystore")
    vouch.add_argument("--days", type=int, help="of its term, from now (default: open)")
    for part in (vouch, roles):
        part.add_argument("--role", action="append", required=True, choices=_ROLES, help="may be given several times")


def run(args: argparse.Namespace) -> int:
    if args.action == "list":
        return _list(args)
    from greenlane.adapters.evm.bindings import MemberRole

    from greenlane_node.registry.member_keys import rotate_member_key

    member = member_id(args.member)
    roles = MemberRole(0)
    for role in getattr(args, "role", ()):
        roles |= MemberRole[role.upper()]
    # Judged before any key is made.
    own = account_argument(args.account) if getattr(args, "account", None) else None
    if getattr(args, "days", None) is not None and not 1 <= args.days <= _MOST_DAYS:
        raise WrongUse(f"The number of days is not from 1 to {_MOST_DAYS}.", where="--days")
    with chain_of(args) as chain:
        acts, keystore = acts_of(args, chain), _keystore(args)
        match args.action:
            case "vouch":
                done = _vouch(args, chain, acts, member, roles, own)
            case "rotate-key":
                done = rotate_member_key(acts, keystore, member, own)
            case "roles":
                done = acts.set_member_roles(member, roles)
            case "suspend":
                done = acts.suspend_member(member)
            case _:
                done = acts.reinstate_member(member)
        found = chain.registry.member(acts.center, member)
    tell_report(args, {**({} if found is None else {**_row(found), **_kept(keystore, found)}), **acted(done)})
    return Exit.GOOD


def _vouch(
    args: argparse.Namespace,
    chain: "ChainAccess",
    acts: "RegistryActs",
    member: "MemberId",
    roles: "MemberRole",
    own: "Address | None",
) -> "Acted":
    from greenlane.adapters.evm.bindings import UnixSeconds

    from greenlane_node.registry.member_keys import vouch_with_kept_key

    # From the start of the day: saying the same twice on one day is saying it once.
    start = UnixSeconds(min(int(chain.now()), int(time.time()) // _DAY_S * _DAY_S))
    end = None if args.days is None else UnixSeconds(start + args.days * _DAY_S)
    if own is None:
        return vouch_with_kept_key(acts, _keystore(args), member, roles, start, end)
    return acts.vouch(member, own, roles, start, end)


def _keystore(args: argparse.Namespace) -> "Keystore":
    """The home's keystore; what is made in it costs as much to guess as its other keys."""
    keystore = keystore_of_arguments(args)
    made = keystore.files()
    return keystore_of_arguments(args, scrypt_n=max(key.scrypt_n for key in made)) if made else keystore


def _kept(keystore: "Keystore", member: "MemberRecord") -> dict[str, object]:
    """Who keeps the member's key, for an answer."""
    from greenlane_node.registry.member_keys import key_kept_here

    name = key_kept_here(keystore, member)
    return {"key": "kept by the member itself" if name is None else f"kept here by its center, as {name}"}


def _list(args: argparse.Namespace) -> Exit:
    from greenlane_node.nodes.chain_access import chosen_center

    rows: list[dict[str, object]] = []
    with chain_of(args) as chain:
        registry = chain.registry
        center = center_id(args.center) if args.center else chosen_center(chain.network, None).id
        seen = 0
        while page := registry.member_ids(center, seen, 100):
            seen += len(page)
            found = (registry.member(center, one) for one in page)
            rows += [_row(one) for one in found if one is not None]
    tell_report(args, {}, members=rows)
    return Exit.GOOD


def _row(member: "MemberRecord") -> dict[str, object]:
    from greenlane.adapters.evm.bindings import MemberRole

    from greenlane_node.registry.refusals import time_text

    return {
        "member": member.id,
        "center": member.center,
        "account": "0x" + member.account.hex(),
        "roles": ", ".join(role.name.lower() for role in MemberRole if role in member.roles and role.name),
        "status": member.status.name.lower(),
        "since": time_text(member.term_start),
        "until": time_text(member.term_end),
    }
