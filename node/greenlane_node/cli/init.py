"""`greenlane-node init center|plan|swarm-key|network|machine|containers`: keys, the plan, and the files of every node.

Run again, each of them changes nothing and says so; no key and no plan is ever overwritten.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.core.exits import Exit, UnreadableFile, WrongUse
from greenlane.core.units import CenterId, ChainId
from greenlane.core.wire import decode_time, encode_hex, encode_time

from greenlane_node.cli.acting import keystore_of_arguments
from greenlane_node.cli.program import add_common_arguments, home_of, number

if TYPE_CHECKING:
    from greenlane.adapters.home import Home

    from greenlane_node.founding.found import Founded
    from greenlane_node.planning.plan import NetworkPlan

_MAX_SWARM_KEY_BYTES = 1_024
_MOST_IN_A_LINE = 8
_LONGEST_AHEAD = timedelta(days=1)
_TOLD_ONLY_WHERE_THERE = ("differs", "broken", "warning")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_center(actions.add_parser("center", help="make a center's keys, and the file that tells the others of it"))
    _add_plan(actions.add_parser("plan", help="put network.toml together out of the founders' center.toml files"))
    swarm_key = actions.add_parser("swarm-key", help="make the secret that all documents nodes of a network share")
    add_common_arguments(swarm_key)
    network = actions.add_parser("network", help="write genesis and node files for the centers whose keys are in this home")
    network.add_argument("--plan", metavar="FILE", help="network.toml (default: the one in the home)")
    network.add_argument("--swarm-key", metavar="FILE", help="secret of the documents nodes (default: the one in the home)")
    network.add_argument(
        "--open-keys", action="store_true", help="write nodes' keys in the clear too, for containers and services"
    )
    network.add_argument("--rewrite", action="store_true", help="write configurations anew that differ, after an upgrade")
    _add_keystore(network)
    machine = actions.add_parser("machine", help="found a network of N centers on this machine, on loopback, to try it out")
    machine.add_argument("count", metavar="N", type=number, help="centers, 1 to 21; 4 is the least that bears a failure")
    _add_validators(machine)
    machine.add_argument("--port", type=number, help="the first port; each center takes ten (default: 21300)")
    machine.add_argument(
        "--documents", type=number, default=2, metavar="COUNT", help="centers with a documents node (default: 2)"
    )
    add_common_arguments(machine)
    containers = actions.add_parser("containers", help="found the network of docker-compose.yml, to try it out")
    _add_validators(containers)
    add_common_arguments(containers)


def run(args: argparse.Namespace) -> int:
    match args.action:
        case "center":
            _center(args)
        case "plan":
            _plan(args)
        case "swarm-key":
            _swarm_key(args)
        case "network":
            _network(args)
        case "machine":
            _machine(args)
        case _:
            _containers(args)
    return Exit.GOOD


def _add_center(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", required=True, help="short name: lower-case letters, digits, hyphens")
    parser.add_argument("--name", required=True, help="for people")
    parser.add_argument("--economy", required=True, help="ISO 3166-1 alpha-2, like PE")
    parser.add_argument("--origin", required=True, help="of its log, like lima.example/log; for ever")
    parser.add_argument("--endpoint", default="", metavar="URL", help="of its API (default: none yet)")
    parser.add_argument("--host", required=True, metavar="ADDRESS", help="IP address that peers reach its nodes at")
    parser.add_argument("--p2p-port", type=number, default=30_303, metavar="PORT", help="of its validator (default: 30303)")
    parser.add_argument("--rpc-port", type=number, default=8_545, metavar="PORT", help="of its validator (default: 8545)")
    parser.add_argument("--metrics-port", type=number, default=9_545, metavar="PORT", help="of its validator (default: 9545)")
    parser.add_argument("--rpc-node", action="store_true", help="it has a second node, which answers")
    parser.add_argument("--rpc-node-host", metavar="ADDRESS", help="where that is (default: as --host)")
    for name in ("p2p", "rpc", "metrics"):
        above = f"of its RPC node (default: one above --{name}-port)"
        parser.add_argument(f"--rpc-node-{name}-port", type=number, metavar="PORT", help=above)
    parser.add_argument("--documents", action="store_true", help="it has a documents node")
    parser.add_argument("--documents-host", metavar="ADDRESS", help="where that is (default: as --host)")
    parser.add_argument("--swarm-port", type=number, default=4_001, metavar="PORT", help="of its documents node (default: 4001)")
    parser.add_argument(
        "--documents-rpc-port", type=number, default=5_001, metavar="PORT", help="of its documents node (default: 5001)"
    )
    _add_keystore(parser)


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--center", action="append", required=True, metavar="FILE", help="a founder's center.toml; repeat it")
    parser.add_argument("--name", required=True, help="of the network: lower-case letters, digits, hyphens")
    parser.add_argument("--chain-id", required=True, type=number, metavar="NUMBER", help="one that no known chain has")
    parser.add_argument("--genesis-time", metavar="TIME", help="like 2026-07-01T08:30:00Z (default: now)")
    parser.add_argument("--block-time", type=number, default=2, metavar="SECONDS", help="between blocks (default: 2)")
    parser.add_argument("--request-timeout", type=number, metavar="SECONDS", help="of a round (default: twice the block time)")
    parser.add_argument("--gas-limit", type=number, default=30_000_000, metavar="GAS", help="of a block (default: 30000000)")
    _add_validators(parser)
    parser.add_argument("--trial", action="store_true", help="not for production: fewer than four centers are let through")
    parser.add_argument("--minimum-centers", type=number, metavar="COUNT", help="never fewer (default: 4, or all of a trial's)")
    parser.add_argument("--term-days", type=number, default=0, metavar="DAYS", help="of a center (default: 0, open)")
    parser.add_argument("--voting-days", type=number, default=7, metavar="DAYS", help="of a proposal (default: 7)")
    parser.add_argument("--out", default="network.toml", metavar="FILE", help="where to write it (default: network.toml)")
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def _add_validators(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--validators",
        choices=("contract", "header"),
        default="contract",
        help="where the validator set lies: in the registry, or in headers, changed by votes (default: contract); for ever",
    )


def _add_keystore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-file", metavar="FILE", help="opens the keystore (default: GREENLANE_PASSWORD_FILE, else in the home)"
    )
    add_common_arguments(parser)


def _center(args: argparse.Namespace) -> None:
    from greenlane_node.founding.home_files import held
    from greenlane_node.founding.sites import CenterSite, DocumentsPorts, NodePorts, center_file, found_center, require_sound
    from greenlane_node.keys import make_password

    named = (args.rpc_node_p2p_port, args.rpc_node_rpc_port, args.rpc_node_metrics_port)
    above = (args.p2p_port + 1, args.rpc_port + 1, args.metrics_port + 1)
    p2p_port, rpc_port, metrics_port = (own if one is None else one for one, own in zip(named, above, strict=True))
    rpc_node = NodePorts(host=args.rpc_node_host or args.host, p2p_port=p2p_port, rpc_port=rpc_port, metrics_port=metrics_port)
    has_rpc_node = args.rpc_node or bool(args.rpc_node_host) or any(one is not None for one in named)
    documents = DocumentsPorts(
        host=args.documents_host or args.host, swarm_port=args.swarm_port, rpc_port=args.documents_rpc_port
    )
    site = CenterSite(
        id=CenterId(args.id),
        name=args.name,
        economy=args.economy,
        origin=args.origin,
        endpoint=args.endpoint,
        validator=NodePorts(host=args.host, p2p_port=args.p2p_port, rpc_port=args.rpc_port, metrics_port=args.metrics_port),
        rpc_node=rpc_node if has_rpc_node else None,
        documents=documents if args.documents or args.documents_host else None,
    )
    require_sound(site)
    home, keystore = _home(args), keystore_of_arguments(args)
    has_password = args.password_file is not None or "GREENLANE_PASSWORD_FILE" in os.environ
    with held(home):
        is_new_password = not has_password and make_password(home, keystore)
        center, made = found_center(home, site, keystore=keystore)
    file = center_file(home, center.id)
    lines = [
        f"Send {file} to whoever puts the network together; nothing in it is secret.",
        f"Keep a copy of {home.keys} and of the password in a safe place: without them the center cannot act.",
    ]
    facts = {
        "center": center.id,
        "operator": encode_hex(center.operator),
        "anchorer": encode_hex(center.anchorer),
        "validator": encode_hex(center.validator.address),
        "enode": center.validator.enode,
        "peer": None if center.documents is None else center.documents.peer_id,
        "file": str(file),
        "keys made": list(made),
        "password made": is_new_password,
    }
    _tell(args, facts, lines)


def _plan(args: argparse.Namespace) -> None:
    from greenlane.adapters.keystore import write_new_file
    from greenlane.core.seals import ValidatorMode

    from greenlane_node.founding.home_files import AnotherPlan
    from greenlane_node.planning.plan import NetworkPlan
    from greenlane_node.planning.plan_file import LEAST_PRODUCTION_CENTERS, encode_plan, load_center, load_plan

    out = Path(args.out)
    begins = datetime.now(UTC) if args.genesis_time is None else decode_time(args.genesis_time, where="--genesis-time")
    if begins > datetime.now(UTC) + _LONGEST_AHEAD:
        raise WrongUse(
            f"{encode_time(begins)} is more than a day ahead, and no block comes before it.",
            where="--genesis-time",
            remedy="Name the time of now, or leave it out; the nodes may start whenever you are ready.",
        )
    centers = tuple(load_center(Path(name)) for name in args.center)
    least = min(LEAST_PRODUCTION_CENTERS, len(centers)) if args.trial else LEAST_PRODUCTION_CENTERS
    day_s = 24 * 3_600
    plan = NetworkPlan(
        name=args.name,
        chain_id=ChainId(args.chain_id),
        genesis_time=int(begins.timestamp()),
        block_time_s=args.block_time,
        request_timeout_s=2 * args.block_time if args.request_timeout is None else args.request_timeout,
        gas_limit=args.gas_limit,
        validator_mode=ValidatorMode(args.validators),
        is_production=not args.trial,
        minimum_centers=least if args.minimum_centers is None else args.minimum_centers,
        term_length_s=args.term_days * day_s,
        voting_period_s=args.voting_days * day_s,
        has_green_assets=True,
        centers=centers,
    )
    data = encode_plan(plan)
    try:
        write_new_file(out, data)
        is_new = True
    except FileExistsError as error:
        # The time of a plan is that of its making: with all else equal, the one that is there stays.
        there = load_plan(out)
        if there != plan and (args.genesis_time is not None or _without_time(there) != _without_time(plan)):
            raise AnotherPlan(
                "There is another plan.", where=str(out), remedy="Name another file with --out, or remove that one."
            ) from error
        plan, is_new = there, False
    lines = ["Send it to every founder: all read the same file, byte for byte."]
    if plan.documents():
        lines.append("Make the secret of the documents nodes (greenlane-node init swarm-key) and send it on a safe way.")
    lines.append(f"Each founder runs: greenlane-node init network --plan {out.name}")
    _tell(args, {"plan": str(out), "centers": [one.id for one in plan.centers], "made": is_new}, lines)


def _without_time(plan: "NetworkPlan") -> "NetworkPlan":
    return replace(plan, genesis_time=1)


def _swarm_key(args: argparse.Namespace) -> None:
    from greenlane_node.founding.found import make_swarm_key
    from greenlane_node.founding.home_files import held

    with held(_home(args)):
        path, is_new = make_swarm_key(_home(args))
    lines = [f"Send {path} to every founder with a documents node, on a way that nobody else reads.", "It stands in no plan."]
    _tell(args, {"file": str(path), "made": is_new}, lines)


def _network(args: argparse.Namespace) -> None:
    from greenlane_node.founding.found import found_network
    from greenlane_node.founding.home_files import held
    from greenlane_node.founding.server_file import serving_words
    from greenlane_node.layout import NetworkLayout
    from greenlane_node.peer_identity import parse_swarm_key
    from greenlane_node.planning.plan_file import load_plan

    home = _home(args)
    secret = None if args.swarm_key is None else parse_swarm_key(_read(Path(args.swarm_key)))
    plan = load_plan(Path(args.plan) if args.plan else NetworkLayout(home).plan)
    # A folder that is not there has no keys, and is not made to say so.
    with held(home) if home.directory.is_dir() else nullcontext():
        founded = found_network(
            home,
            plan,
            keystore=keystore_of_arguments(args),
            clock=_now,
            swarm_key=secret,
            opens_keys=args.open_keys,
            is_rewriting=args.rewrite,
        )
    lines = ["Compare the genesis with every founder's before the first node runs: it must be the same."]
    lines.append(f"Start this home's nodes: greenlane-node up --home {home.directory}")
    lines.append(f"Then its server: {serving_words(NetworkLayout(home).server_environment)}")
    _tell_founded(args, founded, lines)


def _machine(args: argparse.Namespace) -> None:
    from greenlane.core.seals import ValidatorMode

    from greenlane_node.founding.found import found_network
    from greenlane_node.founding.server_file import serving_words
    from greenlane_node.founding.trial import DEFAULT_BASE_PORT, found_on_machine, trial_keystore
    from greenlane_node.layout import NetworkLayout

    home = _home(args)
    port = DEFAULT_BASE_PORT if args.port is None else args.port
    plan = found_on_machine(home, args.count, ValidatorMode(args.validators), port, clock=_now, documents=args.documents)
    # Everything is there: this only says what.
    founded = found_network(home, plan, keystore=trial_keystore(home), clock=_now)
    serving = serving_words(NetworkLayout(home).server_environment)
    _tell_founded(args, founded, [f"Start it: greenlane-node up --home {home.directory}", f"Then its server: {serving}"])


def _containers(args: argparse.Namespace) -> None:
    from greenlane.core.seals import ValidatorMode

    from greenlane_node.founding.trial import found_for_containers

    founded = found_for_containers(_home(args), ValidatorMode(args.validators), clock=_now)
    _tell_founded(args, founded, ["Start it: docker compose --profile network up"])


def _tell_founded(args: argparse.Namespace, founded: "Founded", lines: Sequence[str]) -> None:
    lines, warnings = list(lines), list[str]()
    begins = datetime.fromtimestamp(founded.plan.genesis_time, UTC)
    if begins > _now():
        warnings.append(f"No block comes before {encode_time(begins)}, the genesis_time of the plan.")
    if founded.differing:
        lines.append("See what differs from what would be made now; --rewrite writes it anew.")
    if founded.broken:
        lines.append("No node can read what is broken: --rewrite makes it anew, then run `greenlane-node sync-permissions`.")
    facts = {
        "network": founded.plan.name,
        "chain": founded.plan.chain_id,
        "genesis": encode_hex(founded.genesis_hash),
        "validators": founded.plan.validator_mode.value,
        "own": list(founded.own),
        "written": [str(path) for path in founded.written],
        "kept": len(founded.kept),
        "differs": [str(path) for path in founded.differing],
        "broken": [str(path) for path in founded.broken],
        "warning": warnings,
    }
    _tell(args, facts, lines)


def _tell(args: argparse.Namespace, facts: Mapping[str, object], lines: Sequence[str]) -> None:
    if args.json:
        told = {name.replace(" ", "_"): value for name, value in facts.items()}
        sys.stdout.write(json.dumps({**told, "next": list(lines)}, ensure_ascii=False) + "\n")
        return
    for name, value in facts.items():
        if isinstance(value, bool):
            sys.stdout.write(f"{name}: {'yes' if value else 'no, it was there'}\n")
        elif isinstance(value, list) and (len(value) > _MOST_IN_A_LINE or name in _TOLD_ONLY_WHERE_THERE):
            sys.stdout.writelines(f"{name}: {one}\n" for one in value)
        elif isinstance(value, list):
            sys.stdout.write(f"{name}: {', '.join(value) or 'nothing, all was there'}\n")
        elif value is not None:
            sys.stdout.write(f"{name}: {value}\n")
    sys.stdout.writelines(f"next: {line}\n" for line in lines)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_SWARM_KEY_BYTES)
    except OSError as error:
        raise UnreadableFile(f"The file cannot be read: {error.strerror}.", where=str(path), remedy="Check its name.") from error


def _home(args: argparse.Namespace) -> "Home":
    from greenlane.adapters.home import Home

    return Home(home_of(args))


def _now() -> datetime:
    return datetime.now(UTC)
