"""What the contracts of green assets refuse, in words: for each of their errors one sentence that says what, and one that helps.

The table is closed: a test holds it against the errors of the contracts themselves, their arguments and types. Whoever decodes a
refusal, or foresees one, takes the words from here, so that pages, answers and commands say the same.
Source: contracts/interfaces/{IMediated,ICenterQuorum,IEvidenceRegister,IGreenAsset}.sol; ERC-6093; OpenZeppelin.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import day_of
from greenlane.core.assets.quantity import Unit, quantity_words
from greenlane.core.errors import Conflict
from greenlane.core.wire import encode_hex, encode_time

Argument = int | str | bytes
"""An argument of an error: a number or a bool, a text or an address in hexadecimal, or bytes."""

_LAST_SECOND = 253_402_300_799
_LAST_DAY = 2_932_896
_MAX_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One error of the contracts.

    Attributes:
        arguments: name and meaning of each, in the contract's order; the meanings are the keys of MEANINGS.
        detail: what is wrong; may name arguments in braces.
        remedy: what to do.
    """

    arguments: tuple[tuple[str, str], ...]
    detail: str
    remedy: str


class AssetRefused(Conflict):
    """The rules of green assets refuse it; nothing was changed.

    Attributes:
        contract_error: name of the contract's error.
        arguments: as the contract gives them, in its order.
    """

    code = "asset-refused"

    def __init__(self, contract_error: str, *arguments: Argument) -> None:
        detail, remedy = refusal(contract_error, arguments)
        super().__init__(detail, remedy=remedy)
        self.contract_error = contract_error
        self.arguments = arguments


def refusal(name: str, arguments: Sequence[Argument], unit: Unit | None = None) -> tuple[str, str]:
    """The words for an error of the contracts.

    Args:
        name: of the error, e.g. "MoreThanEvidenced"; "" where a contract gave none.
        arguments: as decoded, in the contract's order.
        unit: what quantities count, where it is known; otherwise they are told in smallest units.

    Returns:
        detail and remedy; for an error that is not of these contracts, or whose arguments are not its own, words that say so.
    """
    known = REFUSALS.get(name)
    if known is None or len(known.arguments) != len(arguments):
        named = f" ({name[:_MAX_SHOWN]})" if name.isprintable() and name else ""
        return (
            f"The contract refused it without words that are known here{named}.",
            "Look at what was asked for once more; where all of it is right, tell the operator of your center.",
        )
    texts = {
        argument: _shown(meaning, value, unit) for (argument, meaning), value in zip(known.arguments, arguments, strict=True)
    }
    return known.detail.format_map(texts), known.remedy.format_map(texts)


def _shown(meaning: str, value: Argument, unit: Unit | None) -> str:
    if meaning == "quantity" and isinstance(value, int):
        return quantity_words(value, unit) if unit is not None else f"{value} of the smallest units"
    try:
        return _SHOW[meaning](value)
    except (ValueError, TypeError, OverflowError):
        # What a stranger's contract puts here need not mean what it should.
        return encode_hex(value) if isinstance(value, bytes) else str(value)[:_MAX_SHOWN]


def _hex(value: Argument) -> str:
    if isinstance(value, int):
        return encode_hex(value.to_bytes(32, "big"))
    return encode_hex(value) if isinstance(value, bytes) else value[:_MAX_SHOWN].lower()


def _name(value: Argument) -> str:
    text = _bytes(value).rstrip(b"\x00").decode("ascii")
    if not text.isprintable() or not text:
        raise ValueError(text)
    return text


def _day(value: Argument) -> str:
    number = int(value)
    if not 0 <= number <= _LAST_DAY:
        raise ValueError(number)
    return day_of(number).isoformat()


def _time(value: Argument) -> str:
    number = int(value)
    if not 0 <= number <= _LAST_SECOND:
        raise ValueError(number)
    return encode_time(datetime.fromtimestamp(number, UTC))


def _model(value: Argument) -> str:
    return CustodyModel(int(value)).slug


def _bytes(value: Argument) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(value)
    return value


_SHOW: Mapping[str, Callable[[Argument], str]] = {
    "digest": _hex,
    "token": _hex,
    "account": _hex,
    "name": _name,
    "economy": _name,
    "number": str,
    "quantity": str,
    "day": _day,
    "time": _time,
    "model": _model,
    "field": lambda value: str(value)[:_MAX_SHOWN],
    "flag": lambda value: "stopped" if value else "going on",
}
MEANINGS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "digest": frozenset({"bytes32"}),
        "token": frozenset({"uint256"}),
        "account": frozenset({"address"}),
        "name": frozenset({"bytes32"}),
        "economy": frozenset({"bytes2"}),
        "number": frozenset({"uint64", "uint256"}),
        "quantity": frozenset({"uint128", "uint256"}),
        "day": frozenset({"uint32"}),
        "time": frozenset({"uint64"}),
        "model": frozenset({"uint8"}),
        "field": frozenset({"string"}),
        "flag": frozenset({"bool"}),
    }
)
"""What an argument means, and the types that it may have in a contract."""

_RESTATE = "Have the certifier state it anew, with what is right."
_ASK_CENTER = "Ask your center's operator."


def _refusal(arguments: str, detail: str, remedy: str) -> Refusal:
    pairs = (pair.partition(":") for pair in arguments.split())
    return Refusal(arguments=tuple((name, meaning or name) for name, _, meaning in pairs), detail=detail, remedy=remedy)


REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {
        # ---- acts and votes ----
        "InvalidActSignature": _refusal(
            "actDigest:digest account",
            "The act is not signed by {account}.",
            "Sign exactly what you were given, with the key of that account.",
        ),
        "ActTooLate": _refusal(
            "actDigest:digest notAfter:time",
            "The act could be brought until {notAfter} only.",
            "Ask for it again; nothing of it was done.",
        ),
        "SignaturesMissing": _refusal(
            "acts:number signatures:number",
            "{acts} acts came with {signatures} signatures.",
            "Give one signature for each act.",
        ),
        "TooLittleGas": _refusal(
            "actDigest:digest",
            "The act was brought with too little gas, and is not decided.",
            "Nothing need be done: it is brought again with more.",
        ),
        "InvalidContract": _refusal(
            "account",
            "No contract of this network stands at {account}.",
            "Compare the addresses with network.json.",
        ),
        "NotActiveOperator": _refusal(
            "caller:account",
            "The account {caller} governs no active center.",
            "Vote with the operator's key of an active center.",
        ),
        "VotedAlready": _refusal(
            "motion:digest centerId:name",
            "The center {centerId} voted for this already.",
            "Wait for the votes of other centers.",
        ),
        "ReentrancyGuardReentrantCall": _refusal(
            "",
            "A contract that receives units tried to act in between.",
            "Let the receiver be an account that does not.",
        ),
        # ---- evidence ----
        "NothingEvidenced": _refusal(
            "digest", "The statement names neither a lot nor serials of an external registry.", _RESTATE
        ),
        "InvalidVintage": _refusal(
            "vintageFrom:day vintageTo:day",
            "The vintage {vintageFrom} to {vintageTo} is reversed, has not ended yet, or has more than 1,100 days.",
            "State a vintage once its last day is over, the first day first; a longer one in several statements.",
        ),
        "InvalidSerials": _refusal(
            "serialFrom:number serialTo:number",
            "The serials {serialFrom} to {serialTo} cannot be.",
            "Give the first serial, then the last, and the registry that gave them; at most 4,294,967,296 in one statement.",
        ),
        "InvalidCustodyModel": _refusal("", "The statement names no custody model.", _RESTATE),
        "InvalidEconomy": _refusal("economy", "{economy} is no code of an economy.", "Write two upper-case letters, like PE."),
        "InvalidName": _refusal(
            "name",
            "The name {name} is no short name.",
            "Use 1 to 31 lower-case letters, digits or hyphens, a letter first; in a registry no hyphen last, nor two in a row.",
        ),
        "InvalidCertifierSignature": _refusal(
            "digest certifier:account",
            "The statement is not signed by its certifier {certifier}.",
            "Have the certifier sign exactly this statement.",
        ),
        "NotCertifier": _refusal(
            "account",
            "{account} is no certifier in good standing.",
            "Turn to a certifier whose center vouches for it today.",
        ),
        "UnknownHolder": _refusal(
            "digest account",
            "The statement names {account} as holder, which is no member's account today.",
            "Have the certifier state it anew for the account that the member has today; nothing of the lot is used up.",
        ),
        "OwnCertifier": _refusal("account", "{account} would certify for itself.", "Have another member, a certifier, state it."),
        "CenterNotInGoodStanding": _refusal(
            "centerId:name",
            "The center {centerId}, whose log holds the statement, is not in good standing.",
            "Have the statement entered into the log of a center that is.",
        ),
        "NotAnchored": _refusal(
            "centerId:name treeSize:number",
            "The center {centerId} has anchored no log of {treeSize} entries.",
            "Wait until the center has anchored its log, then ask again.",
        ),
        "NotIncluded": _refusal(
            "digest centerId:name treeSize:number leafIndex:number",
            "The log that {centerId} anchored at {treeSize} entries does not hold this statement at entry {leafIndex}.",
            "Use the proof as the center gives it, for the statement as it was signed.",
        ),
        "LotOfAnother": _refusal(
            "attribute:name lot:digest",
            "What is claimed here ({attribute}) of this lot is another's: a statement of another member or facility was first.",
            "Look for that statement; what came of the lot since counts by its units. Give another lot another identifier.",
        ),
        "LotCounted": _refusal(
            "attribute:name lot:digest vintageFrom:day vintageTo:day",
            "What is claimed here ({attribute}) was counted already for this lot in days between {vintageFrom} and {vintageTo}.",
            "Look for the statement that counted it; a lot counts once, whatever registry names it.",
        ),
        "SerialsCounted": _refusal(
            "originRegistry:name serialFrom:number serialTo:number",
            "Serials of {originRegistry} between {serialFrom} and {serialTo} were counted already.",
            "Look for the statement that counted them, and give the serials that are left.",
        ),
        "WrongPlacement": _refusal(
            "key:digest afterStart:number",
            "Other evidence was admitted in the meantime.",
            "Ask again: the place of the statement is looked up anew.",
        ),
        "CustodyUpgraded": _refusal(
            "lot:digest known:model stated:model",
            "The lot was kept as {known} before, and the statement says {stated}.",
            "A lot that was mixed stays mixed: state the weaker model.",
        ),
        "Revoked": _refusal("digest", "The statement was revoked.", "Have what is right certified by another statement."),
        "NotItsCertifier": _refusal(
            "digest account",
            "The statement is not {account}'s to revoke.",
            "Ask its certifier, or have a quorum of centers revoke it.",
        ),
        "UnknownEvidence": _refusal("digest", "No such statement was ever admitted.", "Compare the digest."),
        "InvalidReason": _refusal("", "A reason has 1 to 256 bytes.", "Say why, in one or two sentences."),
        # ---- classes and issuances ----
        "UnknownClass": _refusal(
            "classId:name", "There is no class {classId}.", "Use one of the classes that the centers admitted."
        ),
        "ClassExists": _refusal(
            "classId:name", "There is a class {classId} already.", "Nothing of a class changes: choose another name."
        ),
        "InvalidClass": _refusal(
            "field", "The class cannot be: {field} is not as it must be.", "Mend that field and vote again."
        ),
        "ClassDiffers": _refusal(
            "classId:name field",
            "The statement does not fit the class {classId}: its {field} is another, or says less than the class promises.",
            "Have the certifier state it with what the class has, or for another class.",
        ),
        "NotItsHolder": _refusal(
            "digest caller:account",
            "The statement names another holder than the member of {caller}.",
            "Let the member that the statement names issue the units, by its account of today.",
        ),
        "MoreThanEvidenced": _refusal(
            "digest left:quantity asked:quantity",
            "The evidence leaves {left}; asked for were {asked}.",
            "Ask for no more than it leaves, or have more certified.",
        ),
        "UnknownIssuance": _refusal("tokenId:token", "No unit of this token was ever issued.", "Compare the token's id."),
        # ---- units ----
        "ZeroQuantity": _refusal("", "Nothing was asked for.", "Give a quantity above 0."),
        "NotMember": _refusal(
            "account", "{account} is no member in good standing.", "Units go to members whose center vouches for them today."
        ),
        "NotTradable": _refusal(
            "classId:name",
            "Units of the class {classId} never change hands.",
            "Its holder may retire or cancel them.",
        ),
        "Frozen": _refusal(
            "tokenId:token",
            "The evidence behind these units was revoked, so they do not move.",
            "Look at the reason that was given with the revocation, and turn to the certifier.",
        ),
        "Paused": _refusal("", "A quorum of centers has stopped all movements.", "Wait until the centers let them go on."),
        "PauseUnchanged": _refusal("isPaused:flag", "Movements are {isPaused} already.", "There is nothing to vote on."),
        "TooFewUnits": _refusal(
            "tokenId:token account tradable:quantity asked:quantity",
            "{account} can move {tradable} of this issuance; asked for were {asked}.",
            "Ask for no more than that; what waits for a buyer comes back when it is returned.",
        ),
        "NotItsFormerAccount": _refusal(
            "previous:account account",
            "{previous} is not the account that the member of {account} had before.",
            "Name the account that your center replaced.",
        ),
        "AccountOfAnother": _refusal(
            "account",
            "{account} is known as another member's account, and nothing is sent to it.",
            "Let its member issue or accept units with its own key first, or name an account that was nobody's.",
        ),
        # ---- escrows ----
        "InvalidDeadline": _refusal(
            "deadline:time",
            "{deadline} is over, or more than 366 days away.",
            "Give the buyer some days, a year at most.",
        ),
        "OwnBuyer": _refusal("account", "{account} would sell to itself.", "Name the member that buys."),
        "ZeroLineDigest": _refusal("", "The purchase line is missing.", "Name the line that the units are for."),
        "EscrowExists": _refusal(
            "escrowId:digest",
            "Units were set aside for this line and buyer once already.",
            "Look where that stands; for a second delivery write another line.",
        ),
        "UnknownEscrow": _refusal(
            "escrowId:digest", "No units were ever set aside so.", "Compare seller, buyer and purchase line."
        ),
        "EscrowEnded": _refusal(
            "escrowId:digest",
            "The units were accepted or returned already.",
            "Nothing need be done; look at what you hold.",
        ),
        "NotItsBuyer": _refusal(
            "escrowId:digest caller:account",
            "The units wait for another buyer than {caller}.",
            "Let the member that they wait for accept them.",
        ),
        "DeadlineNotOver": _refusal(
            "escrowId:digest deadline:time",
            "The buyer has time until {deadline}.",
            "Wait for that, or let the buyer give the units back.",
        ),
        "DeadlineOver": _refusal(
            "escrowId:digest deadline:time",
            "The units could be accepted until {deadline} only.",
            "Have the seller take them back and set them aside anew, for another line.",
        ),
        # ---- retirements ----
        "InvalidClaimPeriod": _refusal(
            "claimFrom:day claimTo:day earliest:day latest:day",
            "The claim {claimFrom} to {claimTo} is reversed, or not within {earliest} to {latest}.",
            "Claim for days of the vintage, or of the time of grace that its class gives.",
        ),
        "LotDiffers": _refusal(
            "tokenId:token lot:digest",
            "The units are not of the lot that was named.",
            "Name the lot of the units, or retire units of that lot.",
        ),
        "ZeroBeneficiary": _refusal("", "The beneficiary is missing.", "Name who is to have the claim."),
        "RetirementExists": _refusal(
            "retirementId:digest",
            "Something was retired under this reference already.",
            "Look at that retirement; for another one use another reference.",
        ),
        # ---- ERC-1155, and what OpenZeppelin's parts say ----
        "ERC1155InsufficientBalance": _refusal(
            "sender:account balance:quantity needed:quantity tokenId:token",
            "{sender} has {balance} of this issuance; needed are {needed}.",
            "Ask for no more than that.",
        ),
        "ERC1155InvalidSender": _refusal(
            "sender:account", "Nothing can be taken from {sender}.", "Name the account that holds the units."
        ),
        "ERC1155InvalidReceiver": _refusal(
            "receiver:account",
            "{receiver} does not take units.",
            "Name an account of a member that does.",
        ),
        "ERC1155MissingApprovalForAll": _refusal(
            "operator:account owner:account",
            "{operator} may not move what {owner} holds.",
            "Let the holder itself move its units.",
        ),
        "ERC1155InvalidApprover": _refusal("approver:account", "{approver} cannot give leave.", _ASK_CENTER),
        "ERC1155InvalidOperator": _refusal(
            "operator:account", "{operator} cannot be given leave.", "Name the account of a member."
        ),
        "ERC1155InvalidArrayLength": _refusal(
            "idsLength:number valuesLength:number",
            "{idsLength} tokens came with {valuesLength} quantities.",
            "Give one quantity for each token.",
        ),
    }
)
"""Each error of the contracts and its words."""
