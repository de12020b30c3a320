"""The JSON of green assets and purchases that goes out, as pydantic models for OpenAPI, and the functions that write it.

Tokens, digests and ids are 0x and 64 lower-case hex digits; quantities are decimal text in the class's unit.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import Field
from starlette.responses import Response

from greenlane.core.assets.evidence import evidence_value
from greenlane.core.assets.facts import AssetClass, EscrowState, HoldingFacts, IssuanceFacts, Totals
from greenlane.core.assets.purchase import line_value, open_line_value, price_value
from greenlane.core.assets.quantity import decimal_text
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex, encode_time
from greenlane.ports.acts import ActState, KeptAct
from greenlane.ports.asset_index import FollowedTo
from greenlane.ports.asset_ledger import ChainMember
from greenlane.ports.evidence_index import EvidenceState, KeptEvidence
from greenlane.ports.purchases import KeptLine, Purchase
from greenlane.services.assets.look import ShownAsset, ShownEscrow, ShownHolding, ShownRetirement, Supply
from greenlane.services.check_purchase import LineCheck, LineStanding, PurchaseCheck
from greenlane.web.schemas import Answer, JsonAnswer, Problem, time_text

_NOT_TRIED = "The chain is away: the act is kept, and what the contract makes of it is told once it is back."


class FollowedAnswer(Answer):
    """How far the chain was followed."""

    block: int
    block_hash: str
    at: datetime = Field(description="when, by this server's clock")


class TotalsAnswer(Answer):
    """issued = tradable + escrowed + retired + cancelled, always."""

    issued: str
    tradable: str
    escrowed: str
    retired: str
    cancelled: str


class AssetClassAnswer(Answer):
    """A class of green assets; nothing of it ever changes but its sums."""

    id: str
    name: str
    attribute: str
    unit: str = Field(description="UN/CEFACT Recommendation 20")
    decimals: int = Field(description="quantities count 10^-decimals of the unit")
    custody_model: str = Field(description="ISO 22095: the weakest that the class promises")
    is_tradable: bool
    claim_days: int = Field(description="days after a vintage's end in which it may be claimed")
    totals: TotalsAnswer


class AssetClassesAnswer(Answer):
    """Every class, and how far the chain was followed for the sums; null before the first time."""

    classes: list[AssetClassAnswer]
    is_paused: bool | None = Field(description="a quorum of centers stopped all movements; null: nobody can tell now")
    followed: FollowedAnswer | None


class MemberAtAnswer(Answer):
    """An account, and the member whose it is; null where nobody can say."""

    account: str
    center: str | None
    member: str | None


class EvidenceAnswer(Answer):
    """A statement of evidence and where it stands."""

    digest: str = Field(description="EIP-712; the token's id")
    state: str = Field(description="drafted, logged or refused; elsewhere: logged by another center")
    center: str
    holder: str = Field(description="center/member whose units these are")
    certifier: str = Field(description="center/member that signs")
    statement: dict[str, Any] = Field(description="GreenlaneEvidence")
    signature: str | None
    leaf_index: int | None = Field(description="of its entry here; null before it is signed, and elsewhere")
    drafted_at: datetime
    decided_at: datetime | None
    refused_because: str | None
    warnings: list[str] = Field(description="what the certifier should look at now: of a draft alone, and when it is signed")
    to_sign: dict[str, Any] | None = Field(description="EIP-712 typed data for the certifier's key; null once decided")
    receipt: str | None = Field(description="address of its entry's receipt")


class StatedEvidenceAnswer(Answer):
    """Statements, newest first."""

    evidence: list[EvidenceAnswer]


class AssetAnswer(Answer):
    """All units issued out of one statement."""

    token: str
    class_id: str = Field(alias="class")
    unit: str
    evidenced: str
    totals: TotalsAnswer
    lot: str | None = Field(description="SHA-256 of the lot's identifier")
    vintage_from: str
    vintage_to: str
    custody_model: str
    is_frozen: bool
    revoked: str | None = Field(description="why its evidence was revoked; null while it stands")
    evidence: EvidenceAnswer | None = Field(description="null where the statement is kept at another center")
    followed: FollowedAnswer | None


class HolderAnswer(MemberAtAnswer):
    """What an account has of a token."""

    tradable: str
    escrowed: str
    retired: str
    cancelled: str


class HoldersAnswer(Answer):
    """Who has or had units of a token."""

    holders: list[HolderAnswer]
    next_page_token: str | None


class HoldingAnswer(Answer):
    """What a member has or had of a token."""

    token: str
    class_id: str = Field(alias="class")
    unit: str
    tradable: str
    escrowed: str
    retired: str
    cancelled: str
    vintage_from: str
    vintage_to: str
    custody_model: str
    is_frozen: bool


class HoldingsAnswer(Answer):
    """What a member has or had, by token."""

    center: str
    member: str
    account: str
    holdings: list[HoldingAnswer]
    next_page_token: str | None


class LinePlace(Answer):
    """A line of a purchase."""

    purchase: str
    number: int


class ActAnswer(Answer):
    """An act on its way to the chain, and what became of it."""

    digest: str
    kind: str = Field(description="issue, transfer, escrow, accept, give-back, retire, cancel, follow-key or revoke")
    contract: str
    center: str
    member: str
    account: str
    subject: str = Field(description="what it is about: a token, an escrow's or retirement's id, or a statement's id")
    line: LinePlace | None
    asked: dict[str, Any] = Field(description="the request as it was understood")
    state: str = Field(description="kept (waits for the chain), done, refused or expired")
    is_tried: bool = Field(description="whether the chain was asked before what it would make of it")
    kept_at: datetime
    brought_at: datetime | None
    decided_at: datetime | None
    not_after: datetime = Field(description="it is too late from here on")
    refusal: str = Field(description="the contract's error by name; empty unless refused")
    detail: str
    remedy: str
    replaced_by: str | None = Field(description="digest of the act that was made in its place")


class ActsAnswer(Answer):
    """A member's acts, newest first."""

    acts: list[ActAnswer]


class EscrowAnswer(Answer):
    """Units that wait, or waited, for a buyer."""

    id: str
    state: str = Field(description="open, accepted or returned")
    token: str
    class_id: str = Field(alias="class")
    unit: str
    quantity: str
    seller: MemberAtAnswer
    buyer: MemberAtAnswer
    line_digest: str
    line: LinePlace | None = Field(description="where the line is kept here and is the asker's")
    deadline: datetime


class EscrowsAnswer(Answer):
    """What a member set aside or has waiting for it; what ends first comes first."""

    escrows: list[EscrowAnswer]
    next_page_token: str | None


class RetirementAnswer(Answer):
    """A claim, one way."""

    id: str
    token: str
    class_id: str = Field(alias="class")
    unit: str
    quantity: str
    holder: MemberAtAnswer
    claimant: MemberAtAnswer
    beneficiary_digest: str = Field(description="SHA-256 of the beneficiary's name")
    beneficiary: str | None = Field(description="the name, where this center certified the retirement")
    claim_from: str
    claim_to: str
    lot: str | None
    line_digest: str | None
    retired_at: datetime
    is_challenged: bool
    challenged: str | None = Field(description="why its evidence was revoked since; null while it stands")
    certificate: str | None = Field(description="address of its certificate, where this center made one")
    followed: FollowedAnswer | None


class PurchaseLineAnswer(Answer):
    """A line of a purchase, to its buyer."""

    number: int
    digest: str = Field(description="blinded digest: what is to stand on the chain for the line; give it to the supplier")
    standing: str | None = Field(
        description="ordered, offered, overdue, returned, accepted, retired or cancelled; null where not asked"
    )
    is_fixed: bool = Field(description="whether it never changes any more")
    fixed_at: datetime | None
    warnings: list[str] | None = Field(
        description="what the register of labels has against the line, as the check will judge it; null where not asked"
    )
    line: dict[str, Any] = Field(description="GreenlanePurchaseLine")
    price: dict[str, Any] | None
    open_line: dict[str, Any] = Field(description="the line with its salt and without its price, for whom it is opened to")


class PurchaseAnswer(Answer):
    """A purchase, to its buyer and the buyer's center."""

    id: str
    center: str
    buyer: str
    reference: str
    ordered_on: str
    created_at: datetime
    cancelled_at: datetime | None = Field(description="when its buyer took it back")
    lines: list[PurchaseLineAnswer]


class PurchasesAnswer(Answer):
    """Purchases, newest first."""

    purchases: list[PurchaseAnswer]
    next_page_token: str | None


class CheckEvidenceAnswer(Answer):
    """Something that a check rests on."""

    kind: str
    id: str
    link: str | None


class CheckAnswer(Answer):
    """One of the four checks."""

    name: str = Field(description="token, lot, certificate or purchase-line")
    verdict: str = Field(description="passed, failed or not-checked")
    reason: str
    remedy: str
    evidence: list[CheckEvidenceAnswer]


class NextStepAnswer(Answer):
    """What is to be done next, and by whom: supplier, buyer, center or nobody."""

    whose: str
    words: str


class LineCheckAnswer(Answer):
    """A line, where it stands, and its checks."""

    number: int
    digest: str
    standing: str
    next: NextStepAnswer
    tokens: list[str]
    escrow: str | None
    retirements: list[str]
    waiting: list[str] = Field(description="digests of acts that the chain has not decided")
    checks: list[CheckAnswer]


class PurchaseCheckAnswer(Answer):
    """A purchase, checked."""

    purchase: str
    verdict: str = Field(description="failed where one check failed, passed where all passed, else not-checked")
    lines: list[LineCheckAnswer]
    followed: FollowedAnswer | None


ACT_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": ActAnswer, "description": "The act is durable; its address tells what becomes of it"},
    400: {"model": Problem, "description": "The request cannot be; `errors` says where"},
    404: {"model": Problem, "description": "Something that it names is not known"},
    409: {
        "model": Problem,
        "description": (
            "The contract would refuse it (act-refused, with `refusal`); the member is not in good standing; or it keeps its key "
            "itself (signature-needed, with `act` and `toSign`)"
        ),
    },
    501: {"model": Problem, "description": "The network has no contracts of green assets"},
    503: {"model": Problem, "description": "Too many acts wait, or the chain is away and the member is not known here"},
}
"""What an address that makes an act answers with."""


def followed_value(followed: FollowedTo | None) -> dict[str, Any] | None:
    """How far the chain was followed."""
    if followed is None:
        return None
    return {
        "block": followed.block.number,
        "blockHash": encode_hex(followed.block.block_hash),
        "at": time_text(followed.at),
    }


def totals_value(totals: Totals, of: AssetClass) -> dict[str, str]:
    """Sums."""
    sums = {
        "issued": totals.issued,
        "tradable": totals.tradable,
        "escrowed": totals.escrowed,
        "retired": totals.retired,
        "cancelled": totals.cancelled,
    }
    return {name: decimal_text(value, of.unit) for name, value in sums.items()}


def class_value(of: AssetClass, totals: Totals) -> dict[str, Any]:
    """A class."""
    return {
        "id": of.id,
        "name": of.name,
        "attribute": of.attribute,
        "unit": of.unit.code,
        "decimals": of.unit.decimals,
        "custodyModel": of.custody_model.slug,
        "isTradable": of.is_tradable,
        "claimDays": of.claim_days,
        "totals": totals_value(totals, of),
    }


def supply_value(supply: Supply) -> dict[str, Any]:
    """All classes."""
    return {
        "classes": [class_value(of, totals) for of, totals in supply.classes],
        "isPaused": supply.is_paused,
        "followed": followed_value(supply.followed),
    }


def member_value(account: bytes, member: ChainMember | None) -> dict[str, Any]:
    """An account with its member's name."""
    return {
        "account": encode_hex(account),
        "center": None if member is None else member.center,
        "member": None if member is None else member.member,
    }


def stated_value(
    kept: KeptEvidence, public_url: str, *, to_sign: dict[str, Any] | None = None, warnings: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A statement and where it stands."""
    digest = encode_hex(kept.digest)
    is_logged = kept.state is EvidenceState.LOGGED
    return {
        "digest": digest,
        "state": kept.state.value,
        "center": kept.center,
        "holder": f"{kept.holder_center}/{kept.holder}",
        "certifier": f"{kept.certifier_center}/{kept.certifier}",
        "statement": evidence_value(kept.statement),
        "signature": None if kept.signature is None else encode_hex(kept.signature),
        "leafIndex": kept.leaf_index,
        "draftedAt": time_text(kept.drafted_at),
        "decidedAt": None if kept.decided_at is None else time_text(kept.decided_at),
        "refusedBecause": kept.refused_because,
        "warnings": list(warnings),
        "toSign": to_sign if kept.state is EvidenceState.DRAFTED else None,
        "receipt": f"{public_url}/v1/evidence/{digest}/receipt" if is_logged else None,
    }


def asset_value(shown: ShownAsset, public_url: str) -> dict[str, Any]:
    """An issuance."""
    facts, of = shown.facts, shown.asset_class
    return {
        "token": encode_hex(facts.token),
        "class": facts.class_id,
        "unit": of.unit.code,
        "evidenced": decimal_text(facts.evidenced, of.unit),
        "totals": totals_value(facts.totals, of),
        "lot": _digest(facts.lot),
        **_vintage(facts),
        "revoked": facts.revoked,
        "evidence": None if shown.evidence is None else stated_value(shown.evidence, public_url),
        "followed": followed_value(shown.followed),
    }


def units_value(holding: HoldingFacts, of: AssetClass) -> dict[str, str]:
    """What an account has."""
    return {
        "tradable": decimal_text(holding.tradable, of.unit),
        "escrowed": decimal_text(holding.escrowed, of.unit),
        "retired": decimal_text(holding.retired, of.unit),
        "cancelled": decimal_text(holding.cancelled, of.unit),
    }


def holding_value(shown: ShownHolding) -> dict[str, Any]:
    """What a member has of a token."""
    return {
        "token": encode_hex(shown.holding.token),
        "class": shown.issuance.class_id,
        "unit": shown.asset_class.unit.code,
        **units_value(shown.holding, shown.asset_class),
        **_vintage(shown.issuance),
    }


def act_value(act: KeptAct, replaced_by: bytes | None = None) -> dict[str, Any]:
    """An act; one that is kept and was not tried says so."""
    is_open = act.state is ActState.KEPT
    return {
        "digest": encode_hex(act.digest),
        "kind": act.kind.value,
        "contract": act.signed.contract.value,
        "center": act.center,
        "member": act.member,
        "account": encode_hex(act.signed.act.account),
        "subject": act.subject,
        "line": _place(act.line),
        "asked": act.asked,
        "state": act.state.value,
        "isTried": act.keeping.is_tried,
        "keptAt": time_text(act.kept_at),
        "broughtAt": None if act.brought_at is None else time_text(act.brought_at),
        "decidedAt": None if act.decided_at is None else time_text(act.decided_at),
        "notAfter": time_text(datetime.fromtimestamp(act.signed.act.not_after, UTC)),
        "refusal": act.refusal,
        "detail": _NOT_TRIED if is_open and not act.keeping.is_tried else act.detail,
        "remedy": act.remedy,
        "replacedBy": None if replaced_by is None else encode_hex(replaced_by),
    }


def act_answer(kept: KeptAct) -> Response:
    """202 with the act and its address."""
    headers = {"Cache-Control": "private, no-store", "Location": f"/v1/acts/{encode_hex(kept.digest)}"}
    return JsonAnswer(act_value(kept), status=202, headers=headers)


def escrow_value(shown: ShownEscrow, *, tells_line: bool) -> dict[str, Any]:
    """An escrow."""
    facts, of = shown.facts, shown.asset_class
    return {
        "id": encode_hex(facts.id),
        "state": EscrowState(facts.state).name.lower(),
        "token": encode_hex(facts.token),
        "class": of.id,
        "unit": of.unit.code,
        "quantity": decimal_text(facts.quantity, of.unit),
        "seller": member_value(facts.seller, shown.seller),
        "buyer": member_value(facts.buyer, shown.buyer),
        "lineDigest": encode_hex(facts.line_digest),
        "line": _place(shown.line) if tells_line else None,
        "deadline": encode_time(facts.deadline),
    }


def retirement_answer(
    shown: ShownRetirement, public_url: str, *, name_of: Callable[[Address], ChainMember | None]
) -> dict[str, Any]:
    """A retirement.

    Args:
        name_of: whose account it is.
    """
    facts, of = shown.facts, shown.asset_class
    name = encode_hex(facts.id)
    return {
        "id": name,
        "token": encode_hex(facts.token),
        "class": of.id,
        "unit": of.unit.code,
        "quantity": decimal_text(facts.quantity, of.unit),
        "holder": member_value(facts.holder, name_of(facts.holder)),
        "claimant": member_value(facts.claimant, name_of(facts.claimant)),
        "beneficiaryDigest": encode_hex(facts.beneficiary),
        "beneficiary": None if shown.certified is None else shown.certified.statement.beneficiary,
        "claimFrom": facts.claim_from.isoformat(),
        "claimTo": facts.claim_to.isoformat(),
        "lot": _digest(facts.lot),
        "lineDigest": _digest(facts.line_digest),
        "retiredAt": encode_time(facts.retired_at),
        "isChallenged": shown.challenged is not None,
        "challenged": shown.challenged,
        "certificate": None if shown.certified is None else f"{public_url}/v1/retirements/{name}/certificate",
        "followed": followed_value(shown.followed),
    }


def purchase_line_value(
    kept: KeptLine, standing: LineStanding | None = None, warnings: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """A line, to its buyer."""
    line = kept.open_line
    return {
        "number": line.line.number,
        "digest": encode_hex(kept.digest),
        "standing": None if standing is None else standing.value,
        "isFixed": kept.fixed_at is not None,
        "fixedAt": None if kept.fixed_at is None else time_text(kept.fixed_at),
        "warnings": None if warnings is None else list(warnings),
        "line": line_value(line),
        "price": None if line.price is None else price_value(line.price),
        "openLine": open_line_value(line.without_price()),
    }


def purchase_value(
    purchase: Purchase,
    standings: tuple[LineStanding, ...] | None = None,
    warnings: tuple[tuple[str, ...], ...] | None = None,
) -> dict[str, Any]:
    """A purchase, to its buyer."""
    unasked = tuple(None for _ in purchase.lines)
    told = zip(purchase.lines, standings or unasked, warnings or unasked, strict=True)
    return {
        "id": purchase.id,
        "center": purchase.center,
        "buyer": purchase.buyer,
        "reference": purchase.reference,
        "orderedOn": purchase.ordered_on.isoformat(),
        "createdAt": time_text(purchase.created_at),
        "cancelledAt": None if purchase.cancelled_at is None else time_text(purchase.cancelled_at),
        "lines": [purchase_line_value(line, standing, about) for line, standing, about in told],
    }


def check_value(check: PurchaseCheck, public_url: str) -> dict[str, Any]:
    """A purchase, checked."""
    return {
        "purchase": check.purchase.id,
        "verdict": check.verdict.value,
        "lines": [_line_check(line, public_url) for line in check.lines],
        "followed": followed_value(check.followed),
    }


def _line_check(line: LineCheck, public_url: str) -> dict[str, Any]:
    return {
        "number": line.number,
        "digest": encode_hex(line.digest),
        "standing": line.standing.value,
        "next": {"whose": line.next_step.whose.value, "words": line.next_step.words},
        "tokens": [encode_hex(token) for token in line.tokens],
        "escrow": None if line.escrow is None else encode_hex(line.escrow.id),
        "retirements": [encode_hex(each.id) for each in line.retirements],
        "waiting": [encode_hex(act.digest) for act in line.waiting],
        "checks": [
            {
                "name": each.name.value,
                "verdict": each.verdict.value,
                "reason": each.reason,
                "remedy": each.remedy,
                "evidence": [
                    {"kind": one.kind, "id": one.id, "link": None if one.link is None else public_url + one.link}
                    for one in each.evidence
                ],
            }
            for each in line.checks
        ],
    }


def _vintage(facts: IssuanceFacts) -> dict[str, Any]:
    return {
        "vintageFrom": facts.vintage_from.isoformat(),
        "vintageTo": facts.vintage_to.isoformat(),
        "custodyModel": facts.custody_model.slug,
        "isFrozen": facts.revoked is not None,
    }


def _place(line: tuple[str, int] | None) -> dict[str, Any] | None:
    return None if line is None else {"purchase": line[0], "number": line[1]}


def _digest(digest: bytes) -> str | None:
    return encode_hex(digest) if any(digest) else None
