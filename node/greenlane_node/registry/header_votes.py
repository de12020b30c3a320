"""The votes of our validators, where the validator set stands in block headers: made to say what the registry says.

In the mode HEADER the registry decides who belongs to the network, and the validators themselves who seals: more than half must
vote for each change, and each proposer's block carries one vote. So after the registry has changed, every center has its own
validators vote for it. A vote that has taken effect, or that the registry no longer wants, is withdrawn: Besu would go on voting.
Source: Hyperledger Besu, QBFT API (qbft_proposeValidatorVote, qbft_discardValidatorVote, qbft_getPendingVotes).
"""

from collections.abc import Collection
from dataclasses import dataclass

from greenlane.core.errors import InvalidInput
from greenlane.core.units import Address
from greenlane.core.wire import decode_hex, encode_hex

from greenlane_node.nodes.own_nodes import OwnNode
from greenlane_node.nodes.rpc import NodeSilent


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderVote:
    """A vote of one of our validators, as it stands now.

    Attributes:
        is_for: to take the validator in; False: to drop it.
        became: "cast" or "withdrawn" by this run, "pending" from before.
    """

    node: str
    validator: Address
    is_for: bool
    became: str


def align_votes(node: OwnNode, *, registered: Collection[Address], sealing: Collection[Address]) -> tuple[HeaderVote, ...]:
    """Makes one validator's votes equal to the difference between the registry and the set that seals.

    Args:
        registered: validators of the active centers.
        sealing: the set of the newest header.

    Raises:
        NodeSilent, NodeRefused: the node does not answer, or not for these methods.
    """
    rpc = node.rpc()
    wanted = {one: one in registered for one in {*registered} ^ {*sealing}}
    pending = _pending(rpc.call("qbft_getPendingVotes"), rpc.url)
    votes = []
    for validator, is_for in sorted(pending.items()):
        if wanted.get(validator) is is_for:
            votes.append(HeaderVote(node=node.name, validator=validator, is_for=is_for, became="pending"))
        else:
            rpc.call("qbft_discardValidatorVote", encode_hex(validator))
            votes.append(HeaderVote(node=node.name, validator=validator, is_for=is_for, became="withdrawn"))
    for validator, is_for in sorted(wanted.items()):
        if pending.get(validator) is not is_for:
            rpc.call("qbft_proposeValidatorVote", encode_hex(validator), is_for)
            votes.append(HeaderVote(node=node.name, validator=validator, is_for=is_for, became="cast"))
    return tuple(votes)


def _pending(told: object, url: str) -> dict[Address, bool]:
    try:
        if not isinstance(told, dict):
            raise TypeError
        return {Address(decode_hex(str(validator).lower())): bool(is_for) for validator, is_for in told.items()}
    except (TypeError, InvalidInput) as error:
        raise NodeSilent("The node's pending votes cannot be read.", where=url) from error
