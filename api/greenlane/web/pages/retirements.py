"""A retirement as its public page tells it."""

from dataclasses import dataclass

from greenlane.core.balance.custody import CUSTODY_WORDS, CustodyWords
from greenlane.core.documents.description import MemberName
from greenlane.core.units import Address
from greenlane.core.wire import encode_hex
from greenlane.ports.certificate_drawing import CertificateNames
from greenlane.ports.purchases import KeptRetirement
from greenlane.services.assets.look import ShownRetirement
from greenlane.web.pages.amounts import amount_words, span_words
from greenlane.web.pages.purchases import class_of, followed_words
from greenlane.web.pages.words import item_words, local_path, time_words
from greenlane.web.services import WebServices


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRetirement:
    """A retirement in words.

    Attributes:
        beneficiary: None where this center does not know the name behind its digest.
        challenged: why its evidence was revoked; None while it stands.
        certificate: path of its certificate; None where this center made none.
        facts: name, words and a path or None.
    """

    id: str
    amount: str
    class_name: str
    beneficiary: str | None
    span: str
    custody: CustodyWords
    challenged: str | None
    facts: tuple[tuple[str, str, str | None], ...]
    certificate: str | None
    followed: str | None


def told_retirement(services: WebServices, shown: ShownRetirement) -> ToldRetirement:
    """A retirement for anybody."""
    facts, of, certified = shown.facts, shown.asset_class, shown.certified
    statement = None if certified is None else certified.statement
    evidence = None if statement is None else statement.statement
    name = encode_hex(facts.id)
    token = encode_hex(facts.token)
    rows: list[tuple[str, str, str | None]] = [
        ("For the days", span_words(facts.claim_from, facts.claim_to), None),
        ("Claimed by", _account_words(services, facts.claimant), None),
        ("Retired by", f"{_account_words(services, facts.holder)}, on {time_words(facts.retired_at, None)}", None),
    ]
    if evidence is not None:
        rows.append(("Made on", span_words(evidence.vintage_from, evidence.vintage_to), None))
        if evidence.lot is not None:
            rows.append(("Lot", item_words(evidence.lot), local_path(evidence.lot)))
        place = f"{item_words(evidence.facility)} ({evidence.economy})"
        rows.append(("Made at", place, local_path(evidence.facility)))
        rows.append(("Certified by", _account_words(services, evidence.certifier), None))
    if statement is not None and statement.line is not None:
        line = statement.line.line
        rows.append(("Purchase", f"{line.description} (line {line.number})", None))
    rows.append(("Units", f"token {token}", f"/v1/assets/{token}"))
    return ToldRetirement(
        id=name,
        amount=amount_words(facts.quantity, of.unit),
        class_name=of.name,
        beneficiary=None if statement is None else statement.beneficiary,
        span=span_words(facts.claim_from, facts.claim_to),
        custody=CUSTODY_WORDS[of.custody_model if evidence is None else evidence.custody_model],
        challenged=shown.challenged,
        facts=tuple(rows),
        certificate=None if certified is None else f"/v1/retirements/{name}/certificate",
        followed=followed_words(shown.followed),
    )


def certificate_names(services: WebServices, kept: KeptRetirement, public_url: str) -> CertificateNames:
    """What a drawn certificate says beside its own words."""
    of = class_of(services, kept.statement.statement.class_id)
    center = next((each for each in services.centers if each.id == kept.center), None)
    member = services.look_up.member(kept.center, kept.member)
    return CertificateNames(
        class_name=kept.statement.statement.class_id if of is None else of.name,
        center_name=kept.center if center is None else center.name,
        center_economy="" if center is None else center.economy,
        holder_name=kept.member if member is None else member.name,
        page_url=f"{public_url}/retirements/{encode_hex(kept.id)}",
    )


def _account_words(services: WebServices, account: Address) -> str:
    """Whose account it is, as far as anybody can tell now."""
    found = services.assets.look.name_of(account)
    if found is None:
        return f"account {encode_hex(account)}"
    member = services.look_up.member(found.center, found.member)
    return str(MemberName(center=found.center, member=found.member)) if member is None else member.name
