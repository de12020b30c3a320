"""Judges a certificate of retirement: its words against its facts, its receipt as any other, and its facts against the chain.

The log proves what the center stated, and that it states one thing to everybody; only the chain knows that the units were
retired, and whether the evidence behind them was revoked since. So the last step is asked of the validators' seals where the
certificate carries them, and of nodes. Seals prove that the units were retired by the block's time, which nothing undoes; that
the evidence stands today, only a node of today can tell. One that contradicts what the seals prove fails the whole.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from greenlane.core.assets.chain_places import challenge_call, read_challenge, retirement_slot
from greenlane.core.assets.retirement import (
    RetirementCertificate,
    RetirementStatement,
    disagreements,
    parse_certificate,
    retirement_digest,
    retirement_entry,
)
from greenlane.core.errors import InvalidInput, ProofRefused
from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, BlockNumber
from greenlane.core.wire import encode_hex, encode_time, shown
from greenlane.verify.anchor import AnotherChain, Node, NodeAway, SealsContradicted, chain_steps
from greenlane.verify.judgement import Judgement, NodeAnswer, Rung, Step, Verdict, failed, not_checked, passed, unread
from greenlane.verify.log import checkpoint_step, inclusion_step
from greenlane.verify.sealed import judge_seals

if TYPE_CHECKING:
    from greenlane.core.sealing import SealedRoot

_NOT_SINCE = "Whether the evidence behind it was revoked since then, only a node of today can tell (--rpc)."
_AS_IT_WAS = "Use the file as it was handed out; do not open and save it in an editor."
_OTHER_STEPS = (
    Rung.RETIREMENT,
    Rung.WORDS,
    Rung.OPENED,
    Rung.INCLUSION,
    Rung.CHECKPOINT,
    Rung.ANCHORED,
    Rung.SEALED,
    Rung.RETIRED,
)


class RetirementRefused(ProofRefused):
    """What a certificate says of a retirement is not what was logged, or its words and facts contradict each other."""

    code = "retirement-refused"
    default_remedy = "Fetch the certificate again from its center, and compare who gave you this one."


class NotRetired(ProofRefused):
    """The chain holds no such retirement."""

    code = "not-retired"
    default_remedy = "Ask another node; if it says the same, the certificate claims what was never retired."


class RetirementChallenged(ProofRefused):
    """The units were retired, and the evidence that they stood on was revoked since."""

    code = "retirement-challenged"
    default_remedy = "Do not count these units; ask the holder for units whose evidence stands."


class CertificateNode(Node, Protocol):
    """A node that is asked for a retirement too."""

    def head(self) -> BlockNumber:
        """Number of its latest block; NodeAway where it could not be asked."""

    def call(self, contract: Address, data: bytes, block: BlockNumber) -> bytes:
        """What a contract answers after a block; NodeAway where it could not be asked."""


def judge_certificate(data: bytes, trust: TrustFile, *, ask: Sequence[CertificateNode]) -> Judgement:
    """Climbs the ladder of a certificate; raises nothing, whatever the bytes.

    Args:
        data: as received.
        trust: what the asker trusts.
        ask: the nodes to ask; every one is.
    """
    try:
        certificate = parse_certificate(data)
    except InvalidInput as error:
        place = f" (at {error.where})" if error.where else ""
        words = f"It does not read well{place}: {error.detail} {_AS_IT_WAS}"
        return unread("certificate", words, error.code, _OTHER_STEPS)
    receipt = certificate.receipt
    center = trust.center(receipt.anchor.center)
    checkpoint, term = checkpoint_step(receipt, center)
    chain = chain_steps(receipt, trust, term, ask)
    retired, answers, proven = _retired_step(certificate, trust, ask)
    steps = (
        passed(Rung.READS_WELL, "It is a certificate of version 1, and every field is as it must be."),
        _logged_step(certificate),
        _words_step(certificate.statement),
        passed(Rung.OPENED, "It is public."),
        inclusion_step(receipt),
        checkpoint,
        chain.anchored,
        chain.sealed,
        retired,
    )
    return Judgement(
        receipt=receipt,
        center=center,
        steps=steps,
        event_hash=None,
        description=None,
        given=None,
        nodes=(*chain.nodes, *answers),
        anchored_at=chain.anchored_at,
        sealed=chain.proven,
        retirement=certificate.statement,
        retired=proven,
        evidence_stands=any(answer.verdict is Verdict.PASSED for answer in answers),
    )


def _logged_step(certificate: RetirementCertificate) -> Step:
    if certificate.receipt.entry == retirement_entry(certificate.statement):
        return passed(Rung.RETIREMENT, "The receipt's entry is that of this retirement, word for word.")
    words = "The receipt is of another retirement, or a word of this one was changed since it was logged."
    return failed(Rung.RETIREMENT, words, RetirementRefused.code)


def _words_step(statement: RetirementStatement) -> Step:
    wrong = disagreements(statement)
    if not wrong:
        return passed(Rung.WORDS, "Beneficiary, lot, evidence and purchase line are those whose digests the chain was given.")
    return failed(Rung.WORDS, " ".join(one.detail for one in wrong), RetirementRefused.code)


def _retired_step(
    certificate: RetirementCertificate, trust: TrustFile, ask: Sequence[CertificateNode]
) -> tuple[Step, tuple[NodeAnswer, ...], "SealedRoot | None"]:
    """The step, what each node said, and what the certificate's seals prove."""
    rung, statement, places = Rung.RETIRED, certificate.statement, trust.assets
    if places is None:
        return not_checked(rung, "The trust file names no contracts of green assets; take a newer one."), (), None
    told = (statement.chain_id, statement.green_asset, statement.evidence_register)
    if told != (trust.chain_id, places.green_asset, places.evidence_register):
        return failed(rung, "The certificate names other contracts than the trust file.", NotRetired.code), (), None
    sealed, proven = _sealed(certificate, trust, places.green_asset)
    answers = tuple(_asked(node, statement, trust, places.green_asset) for node in ask)
    said = " ".join(f"{answer.name}: {answer.words}" for answer in answers)
    if sealed is not None and sealed.verdict is Verdict.FAILED:
        return failed(rung, f"{sealed.words} {said}".rstrip(), sealed.code), answers, None
    refusing = [answer for answer in answers if answer.verdict is Verdict.FAILED]
    if refusing:
        return _refused(refusing, said, proven), answers, proven
    confirmed = any(answer.verdict is Verdict.PASSED for answer in answers)
    if proven is not None and sealed is not None:
        return passed(rung, f"{sealed.words} {said if confirmed else f'{_NOT_SINCE} {said}'.rstrip()}"), answers, proven
    if confirmed:
        return passed(rung, said), answers, None
    why = said or "No node of the chain was given to ask (--rpc)."
    if sealed is not None:
        why = f"{sealed.words.removeprefix('Not checked: ')} {why}"
    return not_checked(rung, why), answers, None


def _sealed(certificate: RetirementCertificate, trust: TrustFile, contract: Address) -> tuple[Step | None, "SealedRoot | None"]:
    """What the seals come to by themselves; None where there are none."""
    if certificate.seals is None:
        return None, None
    facts = certificate.statement.facts
    return judge_seals(
        certificate.seals,
        trust,
        Rung.RETIRED,
        file="certificate",
        what="this retirement",
        contract=contract,
        slot=retirement_slot(facts.id),
        value=retirement_digest(facts),
    )


def _refused(refusing: Sequence[NodeAnswer], said: str, proven: "SealedRoot | None") -> Step:
    """The step where a node says no: a challenge came after the seals, and anything else contradicts them."""
    liars = [answer.name for answer in refusing if answer.code != RetirementChallenged.code]
    if proven is None or not liars:
        return failed(Rung.RETIRED, said, refusing[0].code)
    words = (
        f"The validators' seals are contradicted by {', '.join(liars)}, which lies, or lags behind, or follows another history "
        f"that they sealed too. The seals prove that the chain held this retirement in block {proven.block_number} of "
        f"{encode_time(proven.sealed_at)}. {said}"
    )
    return failed(Rung.RETIRED, words, SealsContradicted.code)


def _asked(node: CertificateNode, statement: RetirementStatement, trust: TrustFile, contract: Address) -> NodeAnswer:
    try:
        words = _confirmed(node, statement, trust, contract)
        return NodeAnswer(name=node.name, verdict=Verdict.PASSED, words=words)
    except ProofRefused as error:
        return NodeAnswer(name=node.name, verdict=Verdict.FAILED, words=error.detail, code=error.code)
    except NodeAway as error:
        return NodeAnswer(name=node.name, verdict=Verdict.NOT_CHECKED, words=error.detail)


def _confirmed(node: CertificateNode, statement: RetirementStatement, trust: TrustFile, contract: Address) -> str:
    """What a node that confirms the retirement says.

    Raises:
        NotRetired, RetirementChallenged: it does not.
        NodeAway: it could not be asked, or serves another chain.
    """
    if node.chain_id() != trust.chain_id or node.genesis_hash() != trust.genesis_hash:
        raise AnotherChain("It serves another chain than the trust file names.")
    facts = statement.facts
    held = node.storage_at(contract, retirement_slot(facts.id))
    if not any(held):
        raise NotRetired(f"It knows no retirement {encode_hex(facts.id)}.")
    if held != retirement_digest(facts):
        raise NotRetired("It holds a retirement of this id with other facts.")
    try:
        reason = read_challenge(node.call(contract, challenge_call(facts.id), node.head()))
    except ValueError as error:
        raise NodeAway("It holds this retirement; whether it is challenged, its answer does not tell.") from error
    if reason is not None:
        raise RetirementChallenged(f"It holds this retirement, and its evidence was revoked: {shown(reason)}.")
    return "It holds this retirement, and the evidence behind it stands."
