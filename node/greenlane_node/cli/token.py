"""`greenlane-node token --for NAME`: a token that lets somebody else read through our RPC node and send what they have signed.

The node keeps no list of tokens: one that was given away is good until it ends (besu/access.py), so give it few days.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from greenlane.core.exits import Exit

from greenlane_node.cli.acting import add_password_argument, keystore_of_arguments
from greenlane_node.cli.program import add_common_arguments, home_of, tell

_PRINTED = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--for", dest="bearer", required=True, metavar="NAME", help="who gets it: of the file, for you to know")
    parser.add_argument("--days", type=int, required=True, metavar="N", help="until it ends, 1 to 3660; until then it is good")
    parser.add_argument("--node", metavar="NAME", help="of the RPC node (default: the only one of this home)")
    parser.add_argument(
        "--output", metavar="FILE", help="where to write it; - prints it (default: tokens/for-NAME in the home folder)"
    )
    add_password_argument(parser)
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane.adapters.home import Home

    from greenlane_node.founding.home_files import HomeFiles, held
    from greenlane_node.founding.token_files import guest_token

    home = Home(home_of(args))
    path = None if args.output in (None, _PRINTED) else Path(args.output)
    keystore = keystore_of_arguments(args)
    given = guest_token(
        home, args.bearer, args.days, node=args.node, path=path, keystore=keystore, clock=lambda: datetime.now(UTC)
    )
    told: dict[str, object] = {"node": given.node, "url": given.url, "ends": given.ends.isoformat().replace("+00:00", "Z")}
    if args.output == _PRINTED:
        sys.stdout.write(json.dumps({**told, "token": given.token}) + "\n" if args.json else f"{given.token}\n")
        return Exit.GOOD
    with held(home):
        HomeFiles().replaced(given.path, given.token.encode("ascii") + b"\n")
    tell(args, {"file": str(given.path), **told, "may": ", ".join(given.permissions)})
    return Exit.GOOD
