"""The allowlists of our Besu nodes, kept equal to the registry's active centers.

Besu permits nodes and accounts by two files of each node; the registry says who belongs to the network. Between the two stands
this room: what the registry says is written into the files and told to the node that runs.

- Nodes: the validators of all active centers, and the nodes of this home. An RPC node hears of blocks through its own center's
  validator, and through any other that has it on its list.
- Accounts: operators and anchorers of all active centers. Members need none: they sign acts, and an anchorer sends them. This is
  a first fence only: Besu holds it against what its own RPC, gossip and proposals bring, not against a block that others made.
  Who may do what is for the contracts.
- Static nodes are whom a node calls: the same validators, without itself.

What the registry says is asked of the node that has seen most of the chain (freshest.py), and not while that one is still
fetching it: an old registry knows no center that joined since, and its nodes would be cut off. Where its newest block is old, the
chain stands still or the node is cut off, and nobody here can tell which. Then lists only grow: whoever belongs to the network is
let in, so that a chain can be brought back by it, and nobody is taken off until blocks come.

Where validators vote in headers, a center that left, or a key that was replaced, seals until it is voted out: without it a quorum
may be lost. So whoever seals the next block stays on the lists of nodes.

A node refuses to start where a static node is not on its allowlist. So at every moment the static nodes are among the allowed
ones: what is new is allowed before it is called, and no more called before it is no more allowed.
Source: Besu 26.8.0, local permissioning (permissions-nodes-config-file, PERM API).
"""

import json
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from greenlane.adapters.evm.bindings import CenterRecord, CenterStatus
from greenlane.adapters.evm.tokens import RpcTokenFileInvalid
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import replace_file
from greenlane.core.anchoring import ADDRESS_BYTES
from greenlane.core.crypto import keccak256
from greenlane.core.errors import GreenlaneError
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex

from greenlane_node.keys import EnodeInvalid, parse_enode
from greenlane_node.nodes.chain_access import ChainAccess, reached
from greenlane_node.nodes.freshest import Freshest, freshest_chain
from greenlane_node.nodes.node_view import sealing_sets
from greenlane_node.nodes.own_nodes import NodeConfigInvalid, OwnNode, own_nodes
from greenlane_node.nodes.rpc import NodeRefused, NodeRpc, NodeSilent
from greenlane_node.registry.governance import all_centers

_NODES, _ACCOUNTS = "nodes-allowlist", "accounts-allowlist"


class RegistryUnusable(GreenlaneError):
    """What the registry says makes no allowlist that a network could live with; nothing was changed."""

    code = "registry-unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the registry permits.

    Attributes:
        validators: enode URLs of the active centers' validators, sorted.
        accounts: of operators and anchorers of active centers, 0x-hex in lower case, sorted.
        left_out: active centers whose enode in the registry is none, and why: their nodes can't be let in.
        sealing: who seals the next block: whose enode is on a list of nodes stays there.
        only_grows: what the registry says may be old: nothing is taken off any list.
    """

    validators: tuple[str, ...]
    accounts: tuple[str, ...]
    left_out: tuple[str, ...]
    sealing: frozenset[Address] = frozenset()
    only_grows: bool = False

    def nodes_beside(self, has: Iterable[str], should: Iterable[str]) -> tuple[str, ...]:
        """What a list of nodes should be that has these entries now.

        Args:
            should: what the registry makes of it; who is named there is not kept under another address.
        """
        named = {_id(one) for one in should}
        kept = (one for one in has if self.only_grows or (_address(one) in self.sealing and _id(one) not in named))
        return tuple(sorted({*should, *kept}))

    def accounts_beside(self, has: Iterable[str]) -> tuple[str, ...]:
        """What a list of accounts should be that has these entries now."""
        return tuple(sorted({*self.accounts, *(has if self.only_grows else ())}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How one list of one node differed from the registry, or still does.

    Attributes:
        node: name.
        list: `nodes`, `accounts` or `static nodes`, in the file or as the running node has it.
        missing, surplus: what the registry has and the list had not, and the other way round.
        note: what is left to do, or why it could not be done; empty where nothing.
    """

    node: str
    list: str
    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one look or one sync found.

    Attributes:
        changes: what differed.
        left_out: centers that can't be let in.
        strangers: nodes that were asked and are of another chain.
        old: why nothing was taken off the lists; empty where what the registry says is of now.
    """

    changes: tuple[Change, ...]
    left_out: tuple[str, ...]
    strangers: tuple[str, ...] = ()
    old: str = ""


def look(home: Home, *, now: Callable[[], float] = time.time) -> Found:
    """How the lists of our nodes differ from the registry, in the files and in the nodes that run; nothing is changed.

    Args:
        now: unix seconds of this machine.

    Raises:
        NotFound, NodeConfigInvalid: there are no nodes here, or their files cannot be read.
        NodeSilent, NodeRefused, ChainBehind, LedgerMismatch: there is no node whose registry can be believed.
        RegistryUnusable: the registry permits nobody.
    """
    nodes = own_nodes(home)
    own, freshest = own_enodes(nodes), freshest_chain(home, now=now)
    permitted = permitted_by(freshest.chain, only_grows=freshest.is_old)
    changes: list[Change] = []
    for node in nodes:
        changes += differences(node, own, permitted)
        with suppress(NodeSilent):
            changes += running_differences(node, own, permitted)
    return _found(changes, permitted, freshest)


def sync(home: Home, *, now: Callable[[], float] = time.time) -> Found:
    """Makes the lists of our nodes equal to the registry; what differed, and with a note what differs still.

    Args:
        now: unix seconds of this machine.

    Raises:
        NotFound, NodeConfigInvalid, NodeSilent, NodeRefused, ChainBehind, LedgerMismatch, RegistryUnusable: as for `look`; then
            nothing was changed.
    """
    nodes = own_nodes(home)
    own, freshest = own_enodes(nodes), freshest_chain(home, now=now)
    permitted = permitted_by(freshest.chain, only_grows=freshest.is_old)
    changes: list[Change] = []
    for node in nodes:
        differed = differences(node, own, permitted)
        if differed:
            write_lists(node, own, permitted)
        try:
            left = tell_node(node, own, permitted)
        except NodeSilent:
            left = ()
        except (NodeRefused, RpcTokenFileInvalid) as error:
            left = (Change(node=node.name, list="running", missing=(), surplus=(), note=error.detail),)
        changes += [*differed, *left]
    return _found(changes, permitted, freshest)


def _found(changes: Sequence[Change], permitted: Wanted, freshest: Freshest) -> Found:
    old = (
        f"The newest block, {freshest.head}, is {freshest.age_s} seconds old: nobody is taken off the lists until blocks come."
        if freshest.is_old
        else ""
    )
    return Found(changes=tuple(changes), left_out=permitted.left_out, strangers=freshest.strangers, old=old)


def permitted_by(chain: ChainAccess, *, only_grows: bool = False) -> Wanted:
    """What the registry permits now.

    Args:
        only_grows: see `Wanted`.

    Raises:
        NodeSilent, NodeRefused: the node does not tell.
        RegistryUnusable: the registry permits nobody.
    """
    with reached(chain.rpc.url):
        # The set first: whoever is voted in between is on the lists of the next run.
        sealing = frozenset(sealing_sets(chain).seals_next)
        centers = all_centers(chain.registry, chain.web3.eth.block_number)
    return wanted(centers, sealing=sealing, only_grows=only_grows)


def wanted(centers: Iterable[CenterRecord], *, sealing: frozenset[Address] = frozenset(), only_grows: bool = False) -> Wanted:
    """What the centers make of the allowlists.

    Args:
        centers: all of the registry's, at one block; those that are not active count where they still seal.
        sealing, only_grows: see `Wanted`.

    Raises:
        RegistryUnusable: no center has a node that could be let in: such a list would cut every node off.
    """
    validators, accounts, left_out = set[str](), set[str](), []
    for center in centers:
        is_active, fault = center.status is CenterStatus.ACTIVE, _enode_fault(center)
        if is_active:
            accounts |= {encode_hex(account) for account in (center.operator, center.anchorer) if any(account)}
        if fault is None and (is_active or center.validator in sealing):
            validators.add(center.enode)
        elif is_active:
            left_out.append(f"{center.id}: {fault}")
    if not validators:
        raise RegistryUnusable(
            "No active center has a node's enode in the registry.", remedy="Centers set it with `greenlane-node endpoints`."
        )
    return Wanted(
        validators=tuple(sorted(validators)),
        accounts=tuple(sorted(accounts)),
        left_out=tuple(left_out),
        sealing=sealing,
        only_grows=only_grows,
    )


def _enode_fault(center: CenterRecord) -> str | None:
    """Why a center's node can't be let in, or None. A center writes its enode itself; it must be that of its own validator."""
    if not center.enode:
        return "the registry has no enode of it"
    try:
        public_key, _, _ = parse_enode(center.enode)
    except EnodeInvalid:
        return "what the registry has is no enode URL with an IP address"
    if _address_of(public_key) != center.validator:
        return "the registry's enode is another node's than its validator"
    return None


def differences(node: OwnNode, own: Sequence[str], permitted: Wanted) -> tuple[Change, ...]:
    """How the files of one node differ from the registry; empty where they do not.

    Args:
        own: enodes of this home's nodes.

    Raises:
        NodeConfigInvalid: a list of the node cannot be read.
    """
    lists = zip(("nodes", "accounts", "static nodes"), _files(node), _files_wanted(node, own, permitted), strict=True)
    return tuple(change for name, has, should in lists if (change := _change(node.name, name, has, should)) is not None)


def write_lists(node: OwnNode, own: Sequence[str], permitted: Wanted) -> None:
    """Makes the files of one node equal to the registry; whole or not at all, each, and in an order that any crash may cut."""
    before, _, _ = _files(node)
    nodes, accounts, static = _files_wanted(node, own, permitted)
    _write_list(node.folder.allowed_nodes, _NODES, sorted({*before, *nodes}))
    replace_file(node.folder.static_nodes, (json.dumps(static, indent=2) + "\n").encode())
    _write_list(node.folder.allowed_nodes, _NODES, nodes)
    _write_list(node.folder.allowed_accounts, _ACCOUNTS, accounts)


def running_differences(node: OwnNode, own: Sequence[str], permitted: Wanted) -> tuple[Change, ...]:
    """How the lists that the running node goes by differ from the registry.

    Raises:
        NodeSilent, NodeRefused: it does not run, or does not tell.
    """
    rpc = node.rpc()
    nodes, accounts = _told(rpc, "perm_getNodesAllowlist"), _told(rpc, "perm_getAccountsAllowlist")
    lists = (
        ("nodes (running)", nodes, permitted.nodes_beside(nodes, _allowed(own, permitted))),
        ("accounts (running)", accounts, permitted.accounts_beside(accounts)),
    )
    return tuple(change for name, has, should in lists if (change := _change(node.name, name, has, should)) is not None)


def tell_node(node: OwnNode, own: Sequence[str], permitted: Wanted) -> tuple[Change, ...]:
    """Makes the running node take what is new and drop what is gone; what it still has otherwise, with the reason.

    Raises:
        NodeSilent: it does not run: it reads the files when it starts.
    """
    rpc = node.rpc()
    notes: list[str] = []
    for change in running_differences(node, own, permitted):
        what = "Nodes" if change.list.startswith("nodes") else "Accounts"
        for verb, items in (("add", change.missing), ("remove", change.surplus)):
            if items:
                preposition = "To" if verb == "add" else "From"
                try:
                    rpc.call(f"perm_{verb}{what}{preposition}Allowlist", list(items))
                except NodeRefused as error:
                    # A node keeps those it was started with as static nodes until it is started again.
                    notes.append(error.detail)
    # The node writes its lists into the same files, in an order of its own.
    write_lists(node, own, permitted)
    left = running_differences(node, own, permitted)
    note = " ".join(notes) + " It takes effect when the node is started again." if notes else ""
    return tuple(
        Change(node=one.node, list=one.list, missing=one.missing, surplus=one.surplus, note=note.strip()) for one in left
    )


def own_enodes(nodes: Iterable[OwnNode]) -> tuple[str, ...]:
    """Enodes of this home's nodes: as their files tell them."""
    found: list[str] = []
    for node in nodes:
        path = node.folder.enode
        try:
            text = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NodeConfigInvalid(f"The enode of {node.name} cannot be read: {error}.", where=str(path)) from error
        try:
            parse_enode(text)
        except EnodeInvalid as error:
            raise NodeConfigInvalid(error.detail, where=str(path)) from error
        found.append(text)
    return tuple(found)


def _allowed(own: Sequence[str], permitted: Wanted) -> tuple[str, ...]:
    return tuple(sorted({*own, *permitted.validators}))


def _files(node: OwnNode) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Nodes, accounts and static nodes, as the files have them."""
    folder = node.folder
    nodes, accounts = _read_list(folder.allowed_nodes, _NODES), _read_list(folder.allowed_accounts, _ACCOUNTS)
    return nodes, accounts, _read_static(folder.static_nodes)


def _files_wanted(node: OwnNode, own: Sequence[str], permitted: Wanted) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Nodes, accounts and static nodes, as the files should have them."""
    nodes, accounts, static = _files(node)
    (itself,) = own_enodes([node])
    others = [one for one in permitted.validators if _id(one) != _id(itself)]
    called = permitted.nodes_beside([one for one in static if _id(one) != _id(itself)], others)
    # Whom a node calls it allows, also where that one stands among the static nodes only.
    return (
        sorted({*permitted.nodes_beside(nodes, _allowed(own, permitted)), *called}),
        permitted.accounts_beside(accounts),
        called,
    )


def _address(enode: str) -> Address | None:
    try:
        public_key, _, _ = parse_enode(enode)
    except EnodeInvalid:
        return None
    return _address_of(public_key)


def _address_of(public_key: bytes) -> Address:
    return Address(keccak256(public_key)[-ADDRESS_BYTES:])


def _id(enode: str) -> str:
    return enode.partition("@")[0]


def _change(node: str, name: str, has: Iterable[str], should: Iterable[str]) -> Change | None:
    missing, surplus = set(should) - set(has), set(has) - set(should)
    if not missing and not surplus:
        return None
    return Change(node=node, list=name, missing=tuple(sorted(missing)), surplus=tuple(sorted(surplus)))


def _told(rpc: NodeRpc, method: str) -> list[str]:
    told = rpc.call(method)
    if not isinstance(told, list):
        raise NodeSilent(f"The answer to {method} is no list.", where=rpc.url)
    return [str(one) for one in told]


def _read_list(path: Path, key: str) -> list[str]:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))[key]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise NodeConfigInvalid(f"The allowlist cannot be read: {error}.", where=str(path)) from error
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        raise NodeConfigInvalid("The allowlist is no list of texts.", where=str(path))
    return told


def _read_static(path: Path) -> list[str]:
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise NodeConfigInvalid(f"The static nodes cannot be read: {error}.", where=str(path)) from error
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        raise NodeConfigInvalid("The static nodes are no list of texts.", where=str(path))
    return told


def _write_list(path: Path, key: str, items: Sequence[str]) -> None:
    replace_file(path, tomli_w.dumps({key: list(items)}, multiline_strings=False).encode())
