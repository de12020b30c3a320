"""`greenlane keys`: creates, lists and revokes the API keys by which people and machines write to a center."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from greenlane.cli.deployment import CONSOLE, add_home_argument, chosen_centers, opened
from greenlane.core.errors import InvalidInput
from greenlane.core.exits import Exit
from greenlane.core.units import center_id, member_id
from greenlane.ports.accounts import ApiKey, KeyRole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="create a key; its text is shown or written once and kept nowhere")
    create.add_argument("--center", required=True)
    create.add_argument("--role", required=True, choices=[role.value for role in KeyRole])
    create.add_argument("--member", help="the member it speaks for; needed for role member")
    create.add_argument(
        "--label", default="", help="a word that tells people what it is for; for role partner: the other center's short name"
    )
    create.add_argument("--days", type=int, help="how many days it is good for (default: until it is revoked)")
    create.add_argument("--output", "-o", metavar="FILE", help="write the key's text there, readable by you alone")
    listing = actions.add_parser("list", help="list keys, without their secrets")
    listing.add_argument("--center", help="of this center only")
    revoke = actions.add_parser("revoke", help="take a key back, at once and for ever")
    revoke.add_argument("key_id", metavar="KEY-ID", help="the 16 hex digits that `keys list` shows")
    for part in (create, listing, revoke):
        part.add_argument("--json", action="store_true", help="print JSON")
        add_home_argument(part)


def run(args: argparse.Namespace) -> int:
    if args.action == "create":
        return _create(args)
    with opened(args) as deployment:
        if args.action == "revoke":
            deployment.enrol.revoke_key(key_id=args.key_id, actor=CONSOLE)
            sys.stdout.write(json.dumps({"revoked": args.key_id}) + "\n" if args.json else f"Key {args.key_id} is revoked.\n")
            return Exit.GOOD
        with deployment.store.read() as tx:
            keys = [key for center in chosen_centers(deployment, args.center) for key in tx.accounts.api_keys(center)]
    if args.json:
        sys.stdout.write(json.dumps([_as_json(key) for key in keys], ensure_ascii=False, indent=2) + "\n")
    else:
        for key in keys:
            state = "revoked" if key.revoked_at else f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "live"
            sys.stdout.write(f"{key.id}  {key.center}  {key.role}  {key.member or '-'}  {state}  {key.label}\n")
    return Exit.GOOD


def _create(args: argparse.Namespace) -> int:
    if args.days is not None and not 1 <= args.days <= 3650:
        raise InvalidInput("The number of days is not from 1 to 3650.", where="--days")
    expires_at = None if args.days is None else datetime.now(UTC) + timedelta(days=args.days)
    output = Path(args.output) if args.output else None
    with opened(args) as deployment, _written_once(output) as file:
        key, text = deployment.enrol.issue_key(
            center=deployment.signer.center(center_id(args.center)).id,
            role=KeyRole(args.role),
            member=None if args.member is None else member_id(args.member),
            label=args.label,
            expires_at=expires_at,
            actor=CONSOLE,
        )
        if file is not None:
            file.write(text + "\n")
    shown = None if output else text
    if args.json:
        sys.stdout.write(json.dumps(_as_json(key) | ({"key": shown} if shown else {}), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"{shown}\n" if shown else f"Key {key.id} is written to {args.output}\n")
    return Exit.GOOD


@contextmanager
def _written_once(output: Path | None) -> Iterator[TextIO | None]:
    """A new file for a key's text, there before the key is: a key whose text could not be written would be lost."""
    if output is None:
        yield None
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as cause:
        raise InvalidInput(
            "That file exists already.", where=str(output), remedy="Name a new one; keys are not overwritten."
        ) from cause
    except OSError as cause:
        raise InvalidInput(f"The file cannot be written: {cause.strerror}.", where=str(output)) from cause
    try:
        with os.fdopen(descriptor, "w") as file:
            yield file
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _as_json(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "center": key.center,
        "role": key.role,
        "member": key.member,
        "label": key.label,
        "createdAt": key.created_at.isoformat(),
        "expiresAt": None if key.expires_at is None else key.expires_at.isoformat(),
        "revokedAt": None if key.revoked_at is None else key.revoked_at.isoformat(),
    }
