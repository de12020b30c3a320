"""Votes of centers on green assets, each sent by an operator's key: classes, pauses, and evidence that is to be revoked.

A motion is a hash over all it would do, so centers vote together where each asks for the same. Its first vote opens a round; a
quorum within it carries the motion, and the vote that completes it carries it out. The evidence register counts the votes of both
contracts. A vote is sent as every act of an operator is
(registry/acts.py): what is so already is not sent again, and a refusal comes before anything is sent, in words.
Source: contracts/interfaces/ICenterQuorum.sol.
"""

from dataclasses import dataclass

from greenlane.adapters.evm.bindings import ContractRefused, EvidenceRegister, GreenAsset, UnixSeconds
from greenlane.adapters.evm.mediated import asset_refusal
from greenlane.core.assets.facts import AssetClass
from greenlane.core.assets.places import AssetContracts
from greenlane.core.assets.refusals import refusal
from greenlane.core.units import Address, CenterId
from greenlane.ports.asset_ledger import AssetsMissing

from greenlane_node.nodes.chain_access import ChainAccess
from greenlane_node.registry.acts import Acted, CalledContract, RegistryActs
from greenlane_node.registry.governance import active_ids
from greenlane_node.registry.refusals import RegistryRefused

_PAGE = 100


class AssetVoteRefused(RegistryRefused):
    """A contract of green assets refuses a vote; nothing was sent, or what was sent changed nothing."""

    code = "asset-vote-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionView:
    """A motion as it stands now.

    Attributes:
        motion: 32 bytes; centers that see the same vote for the same.
        is_carried: it is so, by this motion or another.
        votes, needed: as counted now; of what is so no votes are counted any more.
        voters: active centers that voted in the open round.
        expires_at: where the open round ends; None where none is open.
    """

    motion: bytes
    is_carried: bool
    votes: int
    needed: int
    voters: tuple[CenterId, ...]
    expires_at: UnixSeconds | None


def assets_of(chain: ChainAccess) -> tuple[GreenAsset, EvidenceRegister]:
    """The contracts of a network's green assets.

    Raises:
        AssetsMissing: the network has none.
    """
    places = asset_places(chain)
    return GreenAsset(chain.web3, places.green_asset), EvidenceRegister(chain.web3, places.evidence_register)


def asset_places(chain: ChainAccess) -> AssetContracts:
    """Where they stand.

    Raises:
        AssetsMissing: the network has none.
    """
    if chain.network.assets is None:
        # An embedded network of an earlier release gets them at its next start.
        remedy = "Start it once more: greenlane-node embedded up." if chain.home.embedded_file.exists() else None
        raise AssetsMissing("This network has no contracts of green assets.", where=str(chain.home.network_file), remedy=remedy)
    return chain.network.assets


def all_classes(asset: GreenAsset) -> tuple[AssetClass, ...]:
    """Every class that was admitted, oldest first."""
    ids: list[str] = []
    while page := asset.class_ids(len(ids), _PAGE):
        ids.extend(page)
    return tuple(found for id_ in ids if (found := asset.asset_class(id_)) is not None)


def view_class(chain: ChainAccess, asset_class: AssetClass) -> MotionView:
    """The motion to admit a class.

    Raises:
        AssetsMissing: the network has none.
    """
    asset, _ = assets_of(chain)
    is_carried = asset.asset_class(asset_class.id) == asset_class
    return view_motion(chain, asset.address, GreenAsset.class_motion(asset_class), is_carried=is_carried)


def view_pause(chain: ChainAccess, *, should_pause: bool) -> MotionView:
    """The motion to stop all movements, or to let them go on.

    Raises:
        AssetsMissing: the network has none.
    """
    asset, _ = assets_of(chain)
    return view_motion(chain, asset.address, GreenAsset.pause_motion(should_pause), is_carried=asset.is_paused() is should_pause)


def view_revocation(chain: ChainAccess, digest: bytes) -> MotionView:
    """The motion to revoke a statement.

    Raises:
        AssetsMissing: the network has none.
    """
    _, register = assets_of(chain)
    return view_motion(
        chain, register.address, EvidenceRegister.revocation_motion(digest), is_carried=register.is_revoked(digest)
    )


def vote_class(acts: RegistryActs, asset_class: AssetClass) -> Acted:
    """Votes for a class; the vote that completes the quorum admits it.

    Raises:
        AssetVoteRefused, ActUnsettled, ActReplaced, AssetsMissing.
        NotEncodable: a value is larger than the contract can keep.
    """
    asset, register = assets_of(acts.chain)
    motion = GreenAsset.class_motion(asset_class)

    def is_done() -> bool:
        return asset.asset_class(asset_class.id) == asset_class or register.has_voted(motion, acts.center, asker=asset.address)

    return acts.do(GreenAsset.encode_vote_class(asset_class), is_done, _on(asset))


def vote_pause(acts: RegistryActs, *, should_pause: bool) -> Acted:
    """Votes to stop all movements, or to let them go on; the vote that completes the quorum does it.

    Raises:
        AssetVoteRefused, ActUnsettled, ActReplaced, AssetsMissing.
    """
    asset, register = assets_of(acts.chain)
    motion = GreenAsset.pause_motion(should_pause)

    def is_done() -> bool:
        return asset.is_paused() is should_pause or register.has_voted(motion, acts.center, asker=asset.address)

    return acts.do(GreenAsset.encode_vote_pause(should_pause), is_done, _on(asset))


def vote_revocation(acts: RegistryActs, digest: bytes, reason: str) -> Acted:
    """Votes to revoke a statement; the vote that completes the quorum does it, and its reason stands.

    Raises:
        AssetVoteRefused, ActUnsettled, ActReplaced, AssetsMissing.
    """
    _, register = assets_of(acts.chain)
    motion = EvidenceRegister.revocation_motion(digest)

    def is_done() -> bool:
        return register.is_revoked(digest) or register.has_voted(motion, acts.center)

    return acts.do(EvidenceRegister.encode_vote_revocation(digest, reason), is_done, _on(register))


def view_motion(chain: ChainAccess, asker: Address, motion: bytes, *, is_carried: bool) -> MotionView:
    """A motion by its hash.

    Args:
        asker: the contract whose motion it is.
        is_carried: whether what it would do is so.

    Raises:
        AssetsMissing: the network has none.
    """
    _, register = assets_of(chain)
    tally = register.tally(motion, asker=asker)
    voters = (one for one in active_ids(chain.registry) if tally.votes and register.has_voted(motion, one, asker=asker))
    return MotionView(
        motion=motion,
        is_carried=is_carried,
        votes=tally.votes,
        needed=tally.needed,
        voters=tuple(voters),
        expires_at=tally.expires_at,
    )


def _on(contract: GreenAsset | EvidenceRegister) -> CalledContract:
    return CalledContract(contract=contract, in_words=_in_words)


def _in_words(refused: ContractRefused) -> RegistryRefused:
    if refused.data:
        # The register counts the votes, and one contract passes on what the other refuses.
        refused = asset_refusal(refused.data)
    detail, remedy = refusal(refused.name, refused.values)
    return AssetVoteRefused(detail, name=refused.name, remedy=remedy)
