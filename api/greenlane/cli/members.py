"""`greenlane members`: enrols and lists the members of a center."""

import argparse
import json
import sys

from greenlane.cli.deployment import CONSOLE, add_home_argument, chosen_centers, opened
from greenlane.core.exits import Exit
from greenlane.core.units import center_id, member_id
from greenlane.ports.accounts import Member, MemberRole, Visibility


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    put = actions.add_parser("put", help="enrol a member, or change its name, roles and visibility")
    put.add_argument("member", metavar="MEMBER", help="short name: lower-case letters, digits and hyphens")
    put.add_argument("--center", required=True)
    put.add_argument("--name", required=True, help="the name that buyers read")
    put.add_argument("--role", action="append", choices=[role.value for role in MemberRole], help="may be given several times")
    put.add_argument(
        "--visibility",
        default=Visibility.PRIVATE.value,
        choices=[each.value for each in Visibility],
        help="whether anyone may read its events, from now on (default: %(default)s; what was public once stays so)",
    )
    listing = actions.add_parser("list", help="list members")
    listing.add_argument("--center", help="of this center only")
    for part in (put, listing):
        part.add_argument("--json", action="store_true", help="print JSON")
        add_home_argument(part)


def run(args: argparse.Namespace) -> int:
    with opened(args) as deployment:
        if args.action == "put":
            center = deployment.signer.center(center_id(args.center)).id
            members = [
                deployment.enrol.member(
                    center=center,
                    member=member_id(args.member),
                    name=args.name,
                    roles=frozenset(MemberRole(role) for role in args.role or ["enterprise"]),
                    visibility=Visibility(args.visibility),
                    actor=CONSOLE,
                )
            ]
        else:
            with deployment.store.read() as tx:
                members = [each for center in chosen_centers(deployment, args.center) for each in tx.accounts.members(center)]
    if args.json:
        sys.stdout.write(json.dumps([_as_json(member) for member in members], ensure_ascii=False, indent=2) + "\n")
    else:
        for member in members:
            roles = ", ".join(sorted(member.roles))
            sys.stdout.write(f"{member.center}/{member.id}  {member.name}  ({roles}; {member.visibility})\n")
    return Exit.GOOD


def _as_json(member: Member) -> dict[str, object]:
    return {
        "center": member.center,
        "id": member.id,
        "name": member.name,
        "roles": sorted(member.roles),
        "visibility": member.visibility,
        "createdAt": member.created_at.isoformat(),
    }
