"""The node's command line: `greenlane-node local up|down|status|reset`.

Exit codes: 0 done; 1 there is no running network (status); 2 wrong use or unusable input; 3 it could not be done now, and the
sentence says why.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from greenlane.core.errors import GreenlaneError
from greenlane.core.exits import Exit, FileTrouble, PackageMissing, WrongUse, exit_code_of, fault_text

if TYPE_CHECKING:
    from greenlane_node.local import RunningNetwork

DEFAULT_HOME = Path("var") / "greenlane"


class _Parser(argparse.ArgumentParser):
    """Raises a wrong use, with where to read more."""

    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{message}.", remedy=f"See `{self.prog} --help`.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the arguments say; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        parser = _parser()
        chosen = parser.parse_args(given)
        if chosen.action == "reset" and chosen.everything == chosen.chain:
            parser.error("reset needs --chain or --everything, and not both")
        code, told = _act(chosen, Path(chosen.home or os.environ.get("GREENLANE_HOME") or DEFAULT_HOME))
    except GreenlaneError as fault:
        return _say(fault, given)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("greenlane"):
            raise
        return _say(PackageMissing(missing.name or "", extras="node"), given)
    except OSError as cause:
        name = None if cause.filename is None else os.fsdecode(cause.filename)
        return _say(FileTrouble(f"{cause.strerror or cause}.", where=name), given)
    if chosen.json:
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        sys.stdout.writelines(f"{name}: {value}\n" for name, value in told.items() if value is not None)
    return code


def _say(fault: GreenlaneError, given: Sequence[str]) -> Exit:
    sys.stderr.write(fault_text(fault, program="greenlane-node", as_json="--json" in given))
    return exit_code_of(fault)


def _act(chosen: argparse.Namespace, home: Path) -> tuple[Exit, dict[str, object]]:
    # What it needs is no part of the base install; help and wrong uses are told without it.
    from greenlane_node.local import LocalNetwork

    match chosen.action:
        case "up":
            return Exit.GOOD, _told(LocalNetwork.start(home, port=chosen.port, block_time_s=chosen.block_time))
        case "down":
            return Exit.GOOD, {"stopped": LocalNetwork.stop(home), "home": str(home)}
        case "reset" if chosen.everything:
            LocalNetwork.remove(home)
            return Exit.GOOD, {"removed": str(home)}
        case "reset":
            return Exit.GOOD, _told(LocalNetwork.reset_chain(home))
    status = LocalNetwork.status(home)
    return (Exit.NO if status.process is None else Exit.GOOD), {
        "home": str(home),
        "running": status.process is not None,
        "pid": None if status.process is None else status.process.pid,
        "rpc": None if status.process is None else status.process.url,
        "head": status.head,
        "centers": None if status.network is None else ", ".join(one.id for one in status.network.centers),
    }


def _told(running: "RunningNetwork") -> dict[str, object]:
    return {
        "home": str(running.home.directory),
        "started": not running.was_running,
        "pid": running.process.pid,
        "rpc": running.rpc_url,
        "chain": running.network.chain_id,
        "genesis": "0x" + running.network.genesis_hash.hex(),
        "registry": "0x" + running.network.pilot_registry.hex(),
        "anchors": "0x" + running.network.anchor_log.hex(),
        "centers": ", ".join(one.id for one in running.network.centers),
    }


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="greenlane-node",
        description="Runs the chain of a Greenlane network.",
        epilog="Exit codes: 0 done, 1 no network runs (status), 2 wrong use or unusable input, 3 it could not be done now.",
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    local = kinds.add_parser("local", help="an embedded network on this machine: one anvil, free gas, loopback only")
    actions = local.add_subparsers(dest="action", required=True)
    up = actions.add_parser("up", help="start it; the first time, make keys and deploy the contracts")
    up.add_argument("--port", type=_port, help="port of 127.0.0.1 (default: as before, at first 20261 or any free one)")
    up.add_argument("--block-time", type=_seconds, metavar="SECONDS", help="between blocks (default: as before, at first 1)")
    down = actions.add_parser("down", help="stop it, its state whole on the disk")
    status = actions.add_parser("status", help="say whether it runs")
    reset = actions.add_parser("reset", help="begin again")
    reset.add_argument("--chain", action="store_true", help="an empty chain with the same keys, genesis and addresses")
    reset.add_argument("--everything", action="store_true", help="remove keys, chain and description for ever")
    for one in (up, down, status, reset):
        one.add_argument("--home", metavar="DIRECTORY", help="home folder (default: GREENLANE_HOME, else var/greenlane)")
        one.add_argument("--json", action="store_true", help="answer in JSON")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return port


def _seconds(text: str) -> int:
    seconds = int(text)
    if not 1 <= seconds <= 3_600:
        raise argparse.ArgumentTypeError("give 1 to 3600 seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
