"""`greenlane-node rotate-key operator|anchorer|validator|log`: a new key in the place of an old one; run again, it goes on."""

import argparse
import sys
from typing import TYPE_CHECKING

from greenlane.core.exits import Exit
from greenlane.core.units import center_id
from greenlane.core.wire import decode_hex

from greenlane_node.cli.acting import acted, add_acting_arguments, chain_of, keystore_of_arguments, tell_report

if TYPE_CHECKING:
    from greenlane.adapters.keystore import Keystore
    from greenlane.adapters.network_file import NetworkCenter

    from greenlane_node.membership.key_rotation import Rotation

_LET_IN = (
    "The nodes take transactions only of the accounts they list: run `greenlane-node sync-permissions` at every center, or the "
    "new key can send nothing."
)
_WHAT_REMAINS = {
    "operator": (
        _LET_IN,
        "Then vote, nominate and vouch as before: network.json names the new key. The old one can do nothing any more.",
    ),
    "anchorer": (
        _LET_IN,
        "Restart the center's server (greenlane serve, greenlane worker): it opens its keys when it starts.",
        "Until both are done it takes captures and anchors none; what waits is anchored then.",
    ),
    "log": (
        "Restart the center's server (greenlane serve, greenlane worker): it opens its keys when it starts.",
        "Until then it takes captures and signs no checkpoint. What the old key signed stays provable; trust.json has both keys.",
        "Give trust.json to whoever asks for it: an older one does not know the new key.",
    ),
    "validator": (
        "Restart this center's validator: greenlane-node restart --node validator-{center}, or as you run it.",
        "Until it seals, this center's seat is empty and the network seals without it: restart no other validator meanwhile.",
        "Its id has changed: every other center runs `greenlane-node sync-permissions`, or its node is not let in.",
        "Where headers name the validators, every center also runs `greenlane-node validators --align`.",
        "The next rotation of this key is possible after an hour.",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", choices=sorted(_WHAT_REMAINS), help="which of the center's keys")
    parser.add_argument(
        "--public",
        metavar="0x…",
        help="register a key that lies elsewhere: its address, node id or public key; nothing is made here",
    )
    add_acting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane.adapters.keystore import KeyUse

    from greenlane_node.membership.key_rotation import register_key, rotate_key
    from greenlane_node.nodes.chain_access import chosen_center

    use = KeyUse(args.key)
    with chain_of(args) as chain:
        center = chosen_center(chain.network, center_id(args.center) if args.center else None)
        keystore = _keystore_at_same_cost(args, center)
        if args.public is not None:
            public = decode_hex(args.public.lower(), where="--public")
            return _tell(args, register_key(chain, keystore, center, use, public, timeout_s=args.timeout))
        return _tell(args, rotate_key(chain, keystore, center, use, timeout_s=args.timeout))


def _keystore_at_same_cost(args: argparse.Namespace, center: "NetworkCenter") -> "Keystore":
    keystore = keystore_of_arguments(args)
    names = (center.keys.operator, center.keys.anchorer, center.keys.validator, center.keys.log)
    known = [name for name in names if name is not None and keystore.has(name)]
    return keystore_of_arguments(args, scrypt_n=keystore.describe(known[0]).scrypt_n) if known else keystore


def _tell(args: argparse.Namespace, rotation: "Rotation") -> Exit:
    public = "0x" + rotation.public.hex()
    node_id = None if rotation.node_id is None else "0x" + rotation.node_id.hex()
    if rotation.is_registered:
        remains = [line.replace("{center}", rotation.center) for line in _WHAT_REMAINS[args.key]]
    else:
        remains = [
            f"The new key lies in the keystore and is not used yet. Where the operator's key of {rotation.center} is, run: "
            f"greenlane-node rotate-key {args.key} --center {rotation.center} --public {node_id or public}",
            "Then run this again here.",
        ]
    if rotation.lost is not None:
        remains.insert(0, _lost(args.key, rotation))
    facts = {
        "center": rotation.center,
        "key": args.key,
        "old": rotation.old,
        "new": rotation.new,
        "public": public,
        "lost": None if rotation.lost is None else "0x" + rotation.lost.hex(),
        "node_id": node_id,
        "registered": rotation.is_registered,
        "finished_an_interrupted_one": rotation.was_interrupted,
        **({} if rotation.acted is None else acted(rotation.acted)),
    }
    if args.json:
        tell_report(args, {**facts, "remains": remains})
    else:
        tell_report(args, facts)
        sys.stdout.writelines(f"-> {line}\n" for line in remains)
    return Exit.GOOD if rotation.is_registered else Exit.NO


def _lost(key: str, rotation: "Rotation") -> str:
    said = f"The {key} key that the registry had, 0x{(rotation.lost or b'').hex()}, is not in this keystore"
    if not rotation.is_registered:
        return f"{said}: what was made here takes its place, without it."
    return {
        "anchorer": f"{said}: another one took its place without it, and it can anchor nothing any more.",
        "validator": f"{said}: another one takes its seat, without it.",
        "log": f"{said}: another one took its place without it. The log stays the same, with its origin and all that it holds; "
        "what the lost key signed until now stays provable, and what it signs from now on is not believed.",
    }[key]
