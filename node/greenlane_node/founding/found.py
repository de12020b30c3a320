"""What `init` does: out of a plan and the keys of a home folder it makes the files of this home's nodes, once.

- Run again it changes nothing: what is there stays, and what is missing is made. A key is never made twice, and a plan never
  replaced by another: that would be another network.
- A home folder serves one or more centers of the plan: those whose keys lie in its keystore. Their keys must be those that the
  plan names, or nothing is written. A center that joined stands in no plan but in its own center.toml: once `join` has made its
  nodes, all that is done here is done for it too.
- network.toml is the first file and network.json the last, so that a folder without network.json was not finished. The next run
  goes on from there.
- Allowlists and static nodes are made for the founders, and afterwards belong to `sync-permissions`. One that cannot be read is
  told, and where files are written anew it is made as for the founders again: `sync-permissions` goes on from there.
- genesis.json is the plan's in everything, not in block 0 alone, whose hash covers neither chain id nor block time nor timeouts.
  Only `config.transitions` may be there beside it, by which a lost quorum is overridden.
"""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenlane.adapters.entropy import random_bytes
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import KeyMissing, Keystore, KeyUse, write_new_file
from greenlane.adapters.network_file import encode_network, load_network
from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.errors import Conflict, Faults, GreenlaneError, InvalidInput
from greenlane.core.trust import encode_trust_file
from greenlane.core.units import CenterId
from greenlane.core.wire import shown

from greenlane_node.besu.access import Clock
from greenlane_node.besu.config import Placement, founding_accounts, founding_validators
from greenlane_node.founding.genesis import genesis_bytes, genesis_hash, genesis_value
from greenlane_node.founding.home_files import OTHER_FOLDER, AnotherPlan, HomeFiles, make_private
from greenlane_node.founding.network_description import network_of, trust_of
from greenlane_node.founding.node_files import NetworkFacts, SwarmKeyMissing, write_nodes
from greenlane_node.founding.sites import CENTER_FILE_SUFFIX, center_file
from greenlane_node.keys import center_public_keys, key_name
from greenlane_node.layout import NetworkLayout
from greenlane_node.peer_identity import SWARM_KEY_BYTES, encode_swarm_key, parse_swarm_key
from greenlane_node.planning.plan import NetworkPlan, NodeRole, PlannedCenter
from greenlane_node.planning.plan_file import encode_plan, load_center, load_plan

_MOST_PLACES = 6
_TRANSITIONS = "config.transitions"
_ACCOUNTS = "alloc"


class GenesisDiffers(Conflict):
    """The genesis in this folder is not the one that the plan makes, though it may begin with the same block 0."""

    code = "genesis-differs"
    default_remedy = (
        "Nothing was written. Move it away and run this again: it is made anew out of the plan. "
        f"What a running network changes stands in {_TRANSITIONS}, and nowhere else."
    )


class KeysDiffer(Conflict):
    """The keys of this folder are not those that the plan names for a center."""

    code = "keys-differ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """What was done to a home folder.

    Attributes:
        own: the centers whose nodes it holds.
        written: files made or replaced now.
        kept: files that were there and stayed.
        differing: of the Besu nodes' configurations that stayed, those that are not as they would be made now.
        broken: allowlists and static nodes that no node can read.
    """

    plan: NetworkPlan
    genesis_hash: bytes
    own: tuple[CenterId, ...]
    written: tuple[Path, ...]
    kept: tuple[Path, ...]
    differing: tuple[Path, ...] = ()
    broken: tuple[Path, ...] = ()


def found_network(
    home: Home,
    plan: NetworkPlan,
    *,
    keystore: Keystore,
    clock: Clock,
    swarm_key: bytes | None = None,
    placement: Placement | None = None,
    opens_keys: bool = False,
    is_rewriting: bool = False,
) -> Founded:
    """Makes the files of all nodes whose centers' keys are in this home folder, founders' and those of centers that joined.

    Args:
        clock: aware; when tokens begin.
        swarm_key: the secret of the private swarm, SWARM_KEY_BYTES; None: as it lies here already, or a new one where all
            documents nodes of the plan are of this folder.
        placement: where the nodes see the folder; None: where it is.
        opens_keys: write the nodes' keys in the clear too, for containers and services that start without us.
        is_rewriting: configurations that are there are written anew, for instance after an upgrade.

    Raises:
        AnotherPlan: the folder holds another network, planned or embedded.
        GenesisDiffers: genesis.json is there, and not the plan's.
        KeysDiffer: a center's keys here are not those of the plan; Faults of these where it is so of several.
        KeyMissing: no center of the plan, and none that has joined, has its keys here, or one of them lacks one.
        SwarmKeyMissing: documents nodes elsewhere need the same secret.
        GenesisRefused: no network can begin with these founders.
        KeyFileInvalid, WrongPassword, WrongUse: a key cannot be opened.
    """
    layout, files = NetworkLayout(home), HomeFiles(is_rewriting=is_rewriting)
    encoded, hash_ = encode_plan(plan), genesis_hash(plan)
    placement = placement or Placement.here(home.directory)
    _require_same_network(layout, encoded, plan, hash_)
    founders, joined = _own_centers(home, keystore, plan)
    _require_same_genesis(layout, plan)
    own = (*founders, *joined)
    secret = _swarm_secret(layout, plan, own, swarm_key)
    files.once(layout.plan, encoded)
    facts = NetworkFacts(
        genesis=genesis_bytes(plan),
        validators=(*founding_validators(plan), *(center.validator.enode for center in joined)),
        own_enodes=tuple(node.enode for center in own for node in center.nodes()),
        accounts=founding_accounts((*plan.centers, *joined)),
        documents=(*plan.documents(), *(center.documents for center in joined if center.documents is not None)),
        swarm_secret=secret,
    )
    broken = _broken_lists(layout, own)
    if is_rewriting:
        for path in broken:
            path.unlink()
        broken = ()
    write_nodes(home, own, facts, files, keystore=keystore, clock=clock, placement=placement, opens_keys=opens_keys)
    files.once(home.trust_file, encode_trust_file(trust_of(plan, hash_)))
    # Where centers have only joined it is there, and what they were let in by is not in the plan.
    if founders:
        files.once(home.network_file, encode_network(network_of(plan, hash_, founders, placement)))
    return Founded(
        plan=plan,
        genesis_hash=hash_,
        own=tuple(center.id for center in own),
        written=tuple(files.written),
        kept=tuple(files.kept),
        # A documents node keeps its own copy of its configuration, and adds to it.
        differing=tuple(path for path in files.differing if path.is_relative_to(layout.genesis.parent)),
        broken=broken,
    )


def make_swarm_key(home: Home) -> tuple[Path, bool]:
    """Makes the secret of a private swarm, where there is none yet.

    Returns:
        Its file, and whether it was made now.
    """
    layout = NetworkLayout(home)
    is_new = not layout.swarm_key.exists()
    if is_new:
        make_private(home.directory)
        write_new_file(layout.swarm_key, encode_swarm_key(random_bytes(SWARM_KEY_BYTES)))
    return layout.swarm_key, is_new


def _require_same_network(layout: NetworkLayout, encoded: bytes, plan: NetworkPlan, hash_: bytes) -> None:
    if layout.home.embedded_file.exists():
        raise AnotherPlan("This folder holds an embedded network.", where=str(layout.home.embedded_file), remedy=OTHER_FOLDER)
    if layout.plan.exists() and layout.plan.read_bytes() != encoded and load_plan(layout.plan) != plan:
        raise AnotherPlan("This folder holds the plan of another network.", where=str(layout.plan), remedy=OTHER_FOLDER)
    if layout.home.network_file.exists():
        network = load_network(layout.home.network_file)
        if (network.chain_id, network.genesis_hash) != (plan.chain_id, hash_):
            raise AnotherPlan(
                "This folder describes a network that begins with another block.",
                where=str(layout.home.network_file),
                remedy=OTHER_FOLDER,
            )


def _require_same_genesis(layout: NetworkLayout, plan: NetworkPlan) -> None:
    if not layout.genesis.exists():
        return
    try:
        value = parse_json(layout.genesis.read_bytes())
    except InvalidInput as error:
        raise GenesisDiffers(f"The genesis cannot be read: {error.detail}", where=str(layout.genesis)) from error
    places = [place for place in _differing_places(value, genesis_value(plan), "") if place != _TRANSITIONS]
    if places:
        more = f" and {len(places) - _MOST_PLACES} more" if len(places) > _MOST_PLACES else ""
        raise GenesisDiffers(
            f"The genesis is not the one that the plan makes: {', '.join(map(shown, places[:_MOST_PLACES]))}{more}.",
            where=str(layout.genesis),
        )


def _differing_places(value: JsonValue, planned: JsonValue, place: str) -> Iterator[str]:
    """Where two values differ, names joined by points; what only one of them has is a place too."""
    if not isinstance(value, Mapping) or not isinstance(planned, Mapping) or place == _ACCOUNTS:
        if value != planned:
            yield place or "all of it"
        return
    for name in sorted({*value, *planned}):
        inner = f"{place}.{name}" if place else name
        if name in value and name in planned:
            yield from _differing_places(value[name], planned[name], inner)
        else:
            yield inner


def _broken_lists(layout: NetworkLayout, own: Sequence[PlannedCenter]) -> tuple[Path, ...]:
    lists: list[tuple[Path, Callable[[str], object]]] = []
    for center in own:
        for node in center.nodes():
            folder = layout.besu(node.name)
            lists.append((folder.allowed_nodes, lambda text: tomllib.loads(text)["nodes-allowlist"]))
            lists.append((folder.allowed_accounts, lambda text: tomllib.loads(text)["accounts-allowlist"]))
            lists.append((folder.static_nodes, json.loads))
    return tuple(path for path, read in lists if path.exists() and not _is_list_of_texts(path, read))


def _is_list_of_texts(path: Path, read: Callable[[str], object]) -> bool:
    try:
        value = read(path.read_text(encoding="utf-8"))
    # What a TOML or JSON text lacks or breaks off is one of these too.
    except (ValueError, KeyError, RecursionError):
        return False
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _own_centers(
    home: Home, keystore: Keystore, plan: NetworkPlan
) -> tuple[tuple[PlannedCenter, ...], tuple[PlannedCenter, ...]]:
    """The founders and the centers that came later whose keys are in this folder."""
    founders = tuple(center for center in plan.centers if keystore.has(key_name(center.id, KeyUse.VALIDATOR)))
    joined = tuple(_joined_centers(home, keystore, plan))
    if not founders and not joined:
        raise KeyMissing(
            f"This folder has the keys of no center of the plan: {', '.join(center.id for center in plan.centers)}.",
            remedy="Name the folder that `greenlane-node init center` made, with --home. "
            "A center that was no founder first runs `greenlane-node join`.",
        )
    _require_own_keys(keystore, (*founders, *joined))
    return founders, joined


def _joined_centers(home: Home, keystore: Keystore, plan: NetworkPlan) -> Iterator[PlannedCenter]:
    """Centers that no plan names: their own files do, and `join` has made their nodes and a description of the network."""
    if not home.network_file.exists():
        return
    planned = {center.id for center in plan.centers}
    for id_ in load_network(home.network_file).hosted:
        folder = NetworkLayout(home).besu(f"{NodeRole.VALIDATOR.value}-{id_}").directory
        is_ours = keystore.has(key_name(id_, KeyUse.VALIDATOR))
        if id_ not in planned and is_ours and folder.is_dir() and center_file(home, id_).exists():
            yield load_center(center_file(home, id_))


def _require_own_keys(keystore: Keystore, own: Sequence[PlannedCenter]) -> None:
    differ: list[GreenlaneError] = []
    for center in own:
        keys = center_public_keys(keystore, center.id)
        here: dict[str, object] = {
            "operator": keys.operator,
            "anchorer": keys.anchorer,
            "log_key": keys.log_key,
            "node_key": keys.validator,
        }
        named: dict[str, object] = {
            "operator": center.operator,
            "anchorer": center.anchorer,
            "log_key": center.log_key,
            "node_key": center.validator.public_key,
        }
        if center.rpc_node is not None:
            here["rpc_node.node_key"], named["rpc_node.node_key"] = keys.rpc_node, center.rpc_node.public_key
        if center.documents is not None:
            here["documents.peer_id"], named["documents.peer_id"] = keys.peer_id, center.documents.peer_id
        differing = [name for name in named if named[name] != here[name]]
        if differing:
            differ.append(
                KeysDiffer(
                    f"The keys of {center.id} in this folder are not those of the plan: {', '.join(differing)}.",
                    remedy="Name the right folder with --home, or have the plan mended by the one who put it together. "
                    f"Of a center that joined it is {center.id}{CENTER_FILE_SUFFIX} that must name them.",
                )
            )
    if len(differ) > 1:
        raise Faults(tuple(differ))
    if differ:
        raise differ[0]


def _swarm_secret(layout: NetworkLayout, plan: NetworkPlan, own: Sequence[PlannedCenter], given: bytes | None) -> bytes | None:
    # A node's copy is as good as ours, should that be lost.
    copies = [layout.swarm_key, *sorted(layout.kubo("x").parent.glob("*/repository/swarm.key"))]
    here = next((parse_swarm_key(path.read_bytes()) for path in copies if path.exists()), None)
    if given is not None and here is not None and given != here:
        raise AnotherPlan(
            "This folder holds another key of a swarm than the one given.",
            where=str(layout.swarm_key),
            remedy="Ask the one who puts the network together which one holds, and remove the other.",
        )
    secret = given or here
    if secret is not None or not any(center.documents is not None for center in own):
        return secret
    if {node.center for node in plan.documents()} <= {center.id for center in own}:
        return random_bytes(SWARM_KEY_BYTES)
    raise SwarmKeyMissing("The documents nodes of this network have one key, and it is not here.", where=str(layout.swarm_key))
