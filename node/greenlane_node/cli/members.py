"""`greenlane-node members list|vouch|roles|suspend|reinstate`: the members a center vouches for on the chain.

Not the members of the center's server (`greenlane members`), who capture: these have accounts, and hold green assets or sign for
them.
"""

import argparse
import time
from typing import TYPE_CHECKING

from greenlane.core.exits import Exit, WrongUse
from greenlane.core.units import center_id, member_id

from greenlane_node.cli.acting import acted, acts_of, add_acting_arguments, add_node_arguments, chain_of, tell_report
from greenlane_node.cli.propose import account_argument

if TYPE_CHECKING:
    from greenlane.adapters.evm.bindings import MemberRecord

_ROLES = ("enterprise", "certifier", "buyer", "agency")
_DAY_S = 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list a center's members")
    listing.add_argument("--center", metavar="ID", help="of this center (default: the only one whose keys are here)")
    add_node_arguments(listing)
    vouch = actions.add_parser("vouch", help="vouch for a new member")
    roles = actions.add_parser("roles", help="change what a member may do")
    suspend = actions.add_parser("suspend", help="stop vouching for a member")
    reinstate = actions.add_parser("reinstate", help="vouch again for a suspended member")
    for part in (vouch, roles, suspend, reinstate):
        part.add_argument("member", metavar="MEMBER", help="short name, unique within the center")
        add_acting_arguments(part)
    vouch.add_argument(
        "--account", metavar="0x…", required=True, help="the account that signs for it; one member's in the whole network"
    )
    vouch.add_argument("--days", type=int, help="of its term, from now (default: open)")
    for part in (vouch, roles):
        part.add_argument("--role", action="append", required=True, choices=_ROLES, help="may be given several times")


def run(args: argparse.Namespace) -> int:
    if args.action == "list":
        return _list(args)
    from greenlane.adapters.evm.bindings import MemberRole, UnixSeconds

    member = member_id(args.member)
    roles = MemberRole(0)
    for role in getattr(args, "role", ()):
        roles |= MemberRole[role.upper()]
    with chain_of(args) as chain:
        acts = acts_of(args, chain)
        match args.action:
            case "vouch":
                if args.days is not None and not 1 <= args.days <= 36_500:
                    raise WrongUse("The number of days is not from 1 to 36500.", where="--days")
                # From the start of the day: saying the same twice on one day is saying it once.
                start = min(int(chain.now()), int(time.time()) // _DAY_S * _DAY_S)
                end = None if args.days is None else UnixSeconds(start + args.days * _DAY_S)
                done = acts.vouch(member, account_argument(args.account), roles, UnixSeconds(start), end)
            case "roles":
                done = acts.set_member_roles(member, roles)
            case "suspend":
                done = acts.suspend_member(member)
            case _:
                done = acts.reinstate_member(member)
        found = chain.registry.member(acts.center, member)
    tell_report(args, {**({} if found is None else _row(found)), **acted(done)})
    return Exit.GOOD


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
