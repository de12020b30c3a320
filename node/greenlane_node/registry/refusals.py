"""What the registry's refusals mean to the people who run a center: one sentence and one remedy for each error it declares.

contracts/interfaces/IPilotRegistry.sol declares them. An error that is not in the table keeps its name and facts.
"""

from datetime import UTC, datetime
from typing import Final

from greenlane.adapters.evm.bindings import CenterStatus, ContractRefused
from greenlane.core.errors import Conflict
from greenlane.core.units import CenterId, MemberId

_DUTIES: Final = ("nobody", "operator", "anchorer", "validator", "member")

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "NotOperator": ("The account {caller} is no center's operator.", "Use the operator's key of an admitted center."),
    "NotActive": ("The center {centerId} is not active, so it has no say.", "It must be endorsed, or reinstated, first."),
    "NotInGoodStanding": (
        "The center {centerId} is not in good standing: it is not active, or its term has not begun or is over.",
        "Have it renewed: greenlane-node propose renewal {centerId}.",
    ),
    "WrongStatus": ("This cannot be done to the center {centerId}, which is {status}.", "See greenlane-node validators --all."),
    "InvalidId": ("{id} is no short name.", "Use 1 to 31 lower-case letters, digits or hyphens, a letter first."),
    "InvalidEconomy": ("{economy} is no economy code.", "Use two upper-case letters of ISO 3166-1."),
    "InvalidTextLength": ("The {field} has {length} bytes.", "Up to 256 are taken, and a name and an origin may not be empty."),
    "ZeroAccount": ("Zero is nobody's account.", ""),
    "ZeroLogKey": ("Zero is no log key.", ""),
    "AccountTaken": (
        "The account {account} is {duty} of {centerId} already; one account has one duty in the whole network.",
        "Make another key.",
    ),
    "LogKeyTaken": ("The log key {logKey} serves or served {centerId}; a log key never comes back.", "Make another key."),
    "OriginTaken": ("The origin {origin} is the log's of {centerId}.", "Choose another origin: it is unique for ever."),
    "TooManyCenters": ("The network has all the {maximum} centers it can hold.", ""),
    "BelowMinimum": (
        "{remaining} active centers would remain, and the network agreed at genesis to keep {minimum}.",
        "Admit another center first: nominate it and endorse it.",
    ),
    "ValidatorSetMoved": (
        "The validator set changed in block {blockNumber} already; it moves one seat a block.",
        "Run it again.",
    ),
    "TooManyLogKeys": (
        "The center {centerId} has had all the {maximum} log keys it can have.",
        "It leaves, and another is admitted in its place.",
    ),
    "RotationTooSoon": ("The key of {centerId} was changed a short while ago.", "Run it again after {notBefore}."),
    "TermNotOver": ("The term of {centerId} is open or not over yet (ends: {termEnd}).", ""),
    "InvalidTerm": ("A term must end after it begins ({termStart} to {termEnd}).", "Give a later end."),
    "InvalidParameter": ("The parameter {field} is out of bounds.", ""),
    "UnknownProposal": ("There is no proposal {proposalId}.", "See greenlane-node vote."),
    "ProposalExpired": ("The time to vote on {proposalId} was over at {expiresAt}.", "Propose or nominate anew."),
    "ProposalDone": ("The proposal {proposalId} is carried out already.", ""),
    "ProposalStale": ("The center has changed its standing since {proposalId} was proposed.", "Propose anew."),
    "VotedAlready": ("The center {centerId} voted for {proposalId} already.", ""),
    "OwnCause": ("The center {centerId} has no vote in its own cause.", ""),
    "NominationOpen": ("A nomination of {centerId} is open until {expiresAt}.", "See greenlane-node vote."),
    "NominatesAlready": (
        "The center {centerId} has a nomination open until {expiresAt}, and may have one at a time.",
        "Wait until it is endorsed or expires, or have another center nominate.",
    ),
    "ReservedForNominee": (
        "An open nomination ({proposalId}) holds {what} until {expiresAt}.",
        "Use another account, log key or origin, or wait.",
    ),
    "UnknownMember": ("The center {centerId} vouches for no member {memberId}.", "See greenlane-node members list."),
    "MemberExists": (
        "The center {centerId} has a member {memberId} already, with another account, roles or term.",
        "Change those: greenlane-node members roles, or suspend.",
    ),
    "InvalidRoles": ("{roles} is no sum of roles.", "Roles are enterprise, certifier, buyer and agency."),
    "MemberUnchanged": ("The member {memberId} of {centerId} is so already.", ""),
}
_TIMES: Final = frozenset({"notBefore", "termEnd", "termStart", "expiresAt"})


class RegistryRefused(Conflict):
    """The registry refuses an act; nothing was sent, or what was sent changed nothing.

    Attributes:
        name: the error's name in the contract's ABI.
    """

    code = "registry-refused"

    def __init__(self, detail: str, *, name: str, remedy: str) -> None:
        super().__init__(detail, remedy=remedy)
        self.name = name


def in_words(refused: ContractRefused) -> RegistryRefused:
    """The same refusal as a sentence and a remedy."""
    known = _WORDS.get(refused.name)
    if known is None:
        return RegistryRefused(refused.detail, name=refused.name, remedy="")
    facts = {name: _fact(name, value) for name, value in refused.arguments.items()}
    try:
        detail, remedy = (text.format_map(facts) for text in known)
    except KeyError:
        # A registry of another release may give other facts with the same name.
        return RegistryRefused(refused.detail, name=refused.name, remedy="")
    return RegistryRefused(detail, name=refused.name, remedy=remedy)


def unknown_member(center: CenterId, member: MemberId) -> RegistryRefused:
    """The refusal of whatever is asked for a member that there is not."""
    return in_words(ContractRefused("UnknownMember", {"centerId": center, "memberId": member}))


def time_text(seconds: int | None) -> str | None:
    """A time of the chain for people: UTC, to the second; None is open."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fact(name: str, value: object) -> object:
    if name in _TIMES and isinstance(value, int):
        return time_text(value) if value else "never"
    if name == "status" and isinstance(value, int):
        return CenterStatus(value).name.lower() if value in list(CenterStatus) else value
    if name == "duty" and isinstance(value, int) and value < len(_DUTIES):
        return _DUTIES[value]
    return value
