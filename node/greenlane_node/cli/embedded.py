"""`greenlane-node embedded up|down|status|reset`: the network of one anvil."""

import argparse
from typing import TYPE_CHECKING

from greenlane.core.exits import Exit, WrongUse

from greenlane_node.cli.program import add_common_arguments, home_of, number, tell

if TYPE_CHECKING:
    from greenlane_node.embedded.network import RunningNetwork


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    up = actions.add_parser("up", help="start it; the first time, make keys and deploy the contracts")
    up.add_argument("--port", type=_port, help="port of 127.0.0.1 (default: as before, at first 20261 or any free one)")
    up.add_argument("--block-time", type=_seconds, metavar="SECONDS", help="between blocks (default: as before, at first 1)")
    down = actions.add_parser("down", help="stop it, its state whole on the disk")
    status = actions.add_parser("status", help="say whether it runs (exit code 1: it does not)")
    reset = actions.add_parser("reset", help="begin again")
    reset.add_argument("--chain", action="store_true", help="an empty chain with the same keys, genesis and addresses")
    reset.add_argument("--everything", action="store_true", help="remove keys, chain and description for ever")
    for one in (up, down, status, reset):
        add_common_arguments(one)


def run(args: argparse.Namespace) -> int:
    if args.action == "reset" and args.everything == args.chain:
        raise WrongUse("reset needs --chain or --everything, and not both.", remedy="See `greenlane-node embedded reset --help`.")
    code, told = _act(args)
    tell(args, told)
    return code


def _act(args: argparse.Namespace) -> tuple[Exit, dict[str, object]]:
    from greenlane_node.embedded.network import EmbeddedNetwork

    home = home_of(args)
    match args.action:
        case "up":
            running = EmbeddedNetwork.start(home, port=args.port, block_time_s=args.block_time)
            return Exit.GOOD, {**_told(running), "note": _note(running, args.port)}
        case "down":
            return Exit.GOOD, {"stopped": EmbeddedNetwork.stop(home), "home": str(home)}
        case "reset" if args.everything:
            EmbeddedNetwork.remove(home)
            return Exit.GOOD, {"removed": str(home)}
        case "reset":
            return Exit.GOOD, _told(EmbeddedNetwork.reset_chain(home))
    status = EmbeddedNetwork.status(home)
    return (Exit.NO if status.process is None else Exit.GOOD), {
        "home": str(home),
        "running": status.process is not None,
        "pid": None if status.process is None else status.process.pid,
        "rpc": None if status.process is None else status.process.url,
        "head": status.head,
        "centers": None if status.network is None else ", ".join(one.id for one in status.network.centers),
    }


def _told(running: "RunningNetwork") -> dict[str, object]:
    assets = running.network.assets
    return {
        "home": str(running.home.directory),
        "started": not running.was_running,
        "pid": running.process.pid,
        "rpc": running.rpc_url,
        "chain": running.network.chain_id,
        "genesis": "0x" + running.network.genesis_hash.hex(),
        "registry": "0x" + running.network.pilot_registry.hex(),
        "anchors": "0x" + running.network.anchor_log.hex(),
        "green_asset": None if assets is None else "0x" + assets.green_asset.hex(),
        "evidence": None if assets is None else "0x" + assets.evidence_register.hex(),
        "centers": ", ".join(one.id for one in running.network.centers),
    }


def _note(running: "RunningNetwork", port: int | None) -> str | None:
    """That it could not be given the port that was asked for; None where it has it."""
    if port is None or not running.was_running or running.process.port == port:
        return None
    return (
        f"It was running already, on port {running.process.port}, and still is; to move it to {port}, "
        "run `greenlane-node embedded down` first."
    )


def _port(text: str) -> int:
    port = number(text)
    if not 1 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return port


def _seconds(text: str) -> int:
    seconds = number(text)
    if not 1 <= seconds <= 3_600:
        raise argparse.ArgumentTypeError("give 1 to 3600 seconds")
    return seconds
