"""Which motions on green assets are open: what is proposed, the votes so far, and until when the rest may come.

The contracts keep the votes of a motion under its hash alone. What a hash stands for is learnt from the events of its votes, and
of a class from the call that voted for it, and is believed only where it hashes to the motion. Votes are counted by the contract.
A round lasts as long as the registry's voting period, so no block before that holds a vote of an open round.

A chain may lose events while it keeps what they told of, as an embedded network does when it begins anew from its state: a motion
whose votes it lost is not listed, and its votes count all the same. Source: contracts/interfaces/ICenterQuorum.sol.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from eth_typing import HexStr
from greenlane.adapters.evm.bindings import (
    ContractEvent,
    EvidenceRegister,
    GreenAsset,
    NotThisContract,
    artifact,
)
from greenlane.core.assets.facts import AssetClass
from greenlane.core.units import BlockNumber
from greenlane.core.wire import decode_hex, encode_hex
from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.types import FilterParams, LogReceipt

from greenlane_node.assets.votes import MotionView, asset_places, assets_of, view_motion
from greenlane_node.nodes.chain_access import ChainAccess
from greenlane_node.nodes.rpc import NodeRefused, NodeSilent

MOST_SHOWN: Final = 50
"""Open motions in a list, newest first: to vote costs nothing, so there may be thousands."""
MOST_LOOKED_AT: Final = 1_000
"""Motions that are looked at, open or not; each costs a few questions to the node."""
_WINDOW_BLOCKS: Final = 5_000
"""Besu answers for this many blocks at most unless it is told otherwise (--rpc-max-logs-range)."""
_NARROWER: Final = 8


class Proposed(StrEnum):
    """What a motion would do, in the words of the commands that vote for it."""

    CLASS = "propose-class"
    PAUSE = "pause"
    RESUME = "resume"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMotion:
    """A motion on which votes are taken.

    Attributes:
        about: id of the class, or digest of the statement as 0x and 64 hex digits; None where it is about all movements.
        asset_class: as the call that voted has it; None where it is about none, or no call here shows it: two motions for a class
            of one id differ in content.
        reason: that the newest vote for a challenge gives; else None.
        view: its votes, as counted now.
    """

    proposed: Proposed
    about: str | None
    asset_class: AssetClass | None
    reason: str | None
    view: MotionView


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMotions:
    """The open ones of at most MOST_LOOKED_AT motions, that of the newest vote first, at most MOST_SHOWN.

    Attributes:
        is_cut: older votes were not looked at.
    """

    motions: tuple[OpenMotion, ...]
    is_cut: bool


def open_motions(chain: ChainAccess) -> OpenMotions:
    """The motions on which votes are taken.

    Raises:
        AssetsMissing: the network has no contracts of green assets.
    """
    found: list[OpenMotion] = []
    seen: set[tuple[bool, bytes]] = set()
    for log in _votes(chain):
        is_register = decode_hex(str(log["address"]).lower(), where="/address") == asset_places(chain).evidence_register
        event = (EvidenceRegister if is_register else GreenAsset).event(log)
        motion = None if event is None else _motion_of(event)
        if event is None or motion is None:
            raise NotThisContract(f"An event of block {log['blockNumber']} is none of the contract.")
        if (is_register, motion) in seen:
            continue
        # What is over or carried takes nobody's place, else throw-away motions would hide an older open one.
        if len(found) == MOST_SHOWN or len(seen) == MOST_LOOKED_AT:
            return OpenMotions(motions=tuple(found), is_cut=True)
        seen.add((is_register, motion))
        told = _told(chain, event, motion, log)
        if told is not None:
            found.append(told)
    return OpenMotions(motions=tuple(found), is_cut=False)


def _told(chain: ChainAccess, event: ContractEvent, motion: bytes, log: LogReceipt) -> OpenMotion | None:
    """The motion that was voted for; None where its round is over, or nothing is left to be voted for."""
    asset, register = assets_of(chain)
    proposed, about, asset_class, reason = _proposed(event), None, None, None
    match proposed:
        case Proposed.CLASS:
            about = str(event.arguments["classId"])
            asset_class = _class_voted(chain, log, motion)
            is_carried = asset_class is not None and asset.asset_class(asset_class.id) is not None
        case Proposed.CHALLENGE:
            about, reason = str(event.arguments["digest"]), str(event.arguments["reason"])
            is_carried = register.is_revoked(decode_hex(about, where="/digest"))
        case _:
            is_carried = asset.is_paused() is (proposed is Proposed.PAUSE)
    if is_carried:
        return None
    asker = register.address if proposed is Proposed.CHALLENGE else asset.address
    view = view_motion(chain, asker, motion, is_carried=False)
    if view.expires_at is None:
        return None
    return OpenMotion(proposed=proposed, about=about, asset_class=asset_class, reason=reason, view=view)


def _proposed(event: ContractEvent) -> Proposed:
    match event.name:
        case "ClassVoted":
            return Proposed.CLASS
        case "RevocationVoted":
            return Proposed.CHALLENGE
        case _:
            return Proposed.PAUSE if event.arguments["isPaused"] else Proposed.RESUME


def _motion_of(event: ContractEvent) -> bytes | None:
    """The hash that a vote was counted under; None where the event tells of no vote."""
    told: Mapping[str, object] = event.arguments
    match event.name:
        case "ClassVoted":
            return decode_hex(str(told["motion"]), where="/motion")
        case "RevocationVoted":
            return EvidenceRegister.revocation_motion(decode_hex(str(told["digest"]), where="/digest"))
        case "PauseVoted":
            return GreenAsset.pause_motion(bool(told["isPaused"]))
        case _:
            return None


def _class_voted(chain: ChainAccess, log: LogReceipt, motion: bytes) -> AssetClass | None:
    """The class that a vote was for; None where an operator's own contract passed it on, or the node has the call no longer."""
    try:
        sent = chain.web3.eth.get_transaction(HexStr(encode_hex(bytes(log["transactionHash"]))))
        asset_class = GreenAsset.decode_vote_class(bytes(sent["input"]))
    except (TransactionNotFound, NotThisContract):
        return None
    return asset_class if GreenAsset.class_motion(asset_class) == motion else None


def _votes(chain: ChainAccess) -> Iterator[LogReceipt]:
    """The votes that may belong to an open round, newest first."""
    places = asset_places(chain)
    oldest = chain.now() - chain.registry.parameters().voting_period_s
    topics = [artifact("GreenAsset").topic(name) for name in ("ClassVoted", "PauseVoted")]
    topics.append(artifact("EvidenceRegister").topic("RevocationVoted"))
    last, reach = int(chain.web3.eth.block_number), _WINDOW_BLOCKS
    while last >= chain.network.deploy_block:
        first = max(chain.network.deploy_block, last - reach + 1)
        wanted: FilterParams = {
            "address": [Web3.to_checksum_address(one) for one in (places.green_asset, places.evidence_register)],
            "topics": [[HexStr(encode_hex(topic)) for topic in topics]],
            "fromBlock": BlockNumber(first),
            "toBlock": BlockNumber(last),
        }
        try:
            logs = list(chain.web3.eth.get_logs(wanted))
        except (NodeRefused, NodeSilent, Web3RPCError):
            # So many events, or a node that answers for fewer blocks.
            if reach == 1:
                raise
            reach = max(1, reach // _NARROWER)
            continue
        yield from sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"]), reverse=True)
        if chain.web3.eth.get_block(first)["timestamp"] <= oldest:
            return
        last = first - 1
