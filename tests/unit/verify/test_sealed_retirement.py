"""A certificate that carries the validators' seals proves its retirement with no node, and nothing but its own."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from eth_abi.abi import encode
from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.assets.chain_places import retirement_slot
from greenlane.core.assets.places import AssetContracts
from greenlane.core.assets.retirement import (
    RetirementCertificate,
    encode_certificate,
    parse_certificate,
    retirement_digest,
)
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.crypto import sha256
from greenlane.core.seals import SealedState, Seals, ValidatorMode
from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, BlockNumber, ChainId, TreeSize
from greenlane.verify.anchor import NodeAway
from greenlane.verify.judgement import Judgement, Rung, Verdict
from greenlane.verify.report import report_text, report_value, summary
from greenlane.verify.retirement import judge_certificate
from worlds import green_assets as world
from worlds.sealed_chain import SealedChain

PASSED, FAILED, NOT_CHECKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_CHECKED
SEALED_AT = datetime(2026, 9, 23, tzinfo=UTC)
NOW = SEALED_AT + timedelta(days=3)
BARE = RetirementCertificate(statement=world.retirement(), receipt=world.retirement_receipt(world.retirement()))
FACTS = BARE.statement.facts
SLOT, DIGEST = retirement_slot(FACTS.id), retirement_digest(FACTS)


@dataclass
class FakeNode:
    """A node that holds the retirement and its log's root; where a field is an exception, it raises that."""

    name: str = "node-a"
    retirement: Any = DIGEST
    challenged: str | None = None

    def chain_id(self) -> ChainId:
        return world.CHAIN

    def genesis_hash(self) -> bytes:
        return world.trust_file().genesis_hash

    def storage_at(self, contract: Address, slot: bytes) -> bytes:
        if contract != world.GREEN_ASSET:
            return bytes(BARE.receipt.anchor.root)
        if isinstance(self.retirement, Exception):
            raise self.retirement
        return bytes(self.retirement)

    def anchoring(self, *_: object) -> None:
        return None

    def head(self) -> BlockNumber:
        return BlockNumber(9)

    def call(self, *_: object) -> bytes:
        return encode(["bool", "string"], [self.challenged is not None, self.challenged or ""])


@cache
def chain_of(mode: ValidatorMode) -> SealedChain:
    """Block 2 holds the root, block 4 the retirement; in block 5 there are five validators, and block 6 is the newest."""
    trust = world.trust_file()
    chain = SealedChain(mode, registry=trust.pilot_registry, anchor_log=trust.anchor_log)
    chain.block()
    chain.anchor(world.LIMA, 1, BARE.receipt.anchor.root)
    for number in range(24):
        chain.write(world.GREEN_ASSET, sha256(b"neighbour %d" % number), number + 1)
    chain.block()
    chain.write(world.GREEN_ASSET, SLOT, int.from_bytes(DIGEST, "big"))
    chain.block()
    chain.change_validators(chain.members(5))
    chain.block(timestamp=int(SEALED_AT.timestamp()))
    return chain


def shown(chain: SealedChain, *, number: int | None = None, slot: bytes = SLOT, contract: Address = world.GREEN_ASSET) -> Seals:
    at = chain.head.number if number is None else number
    return Seals(changes=chain.changes(before=at), anchored=chain.sealed_state(at, contract, [slot]))


@pytest.fixture(params=list(ValidatorMode))
def chain(request: pytest.FixtureRequest) -> SealedChain:
    return chain_of(request.param)


def trust_of(chain: SealedChain) -> TrustFile:
    return replace(world.trust_file(), sealing=chain.sealing())


def certificate(chain: SealedChain, seals: Seals | None = None) -> bytes:
    receipt = replace(BARE.receipt, seals=chain.seals(world.LIMA, 1))
    return encode_certificate(replace(BARE, receipt=receipt, seals=shown(chain) if seals is None else seals))


def judged(chain: SealedChain, *nodes: FakeNode, seals: Seals | None = None, trust: TrustFile | None = None) -> Judgement:
    return judge_certificate(certificate(chain, seals), trust_of(chain) if trust is None else trust, ask=nodes)


def test_a_sealed_certificate_passes_every_step_with_nobody_asked(chain: SealedChain) -> None:
    judgement = judged(chain)
    assert [step.verdict for step in judgement.steps] == [PASSED] * 9, [step.words for step in judgement.steps]
    assert (judgement.verdict, judgement.nodes, judgement.evidence_stands) == (PASSED, (), False)
    proven = judgement.retired
    assert proven is not None
    assert (proven.block_number, proven.sealed_at, proven.validator_count) == (chain.head.number, SEALED_AT, 5)
    words = judgement.step(Rung.RETIRED).words
    assert "bears the seals of 4 of 5 validators, and the state it seals holds this retirement" in words
    assert words.endswith("only a node of today can tell (--rpc).")


def test_the_report_says_how_old_the_proof_is_and_what_it_cannot_tell(chain: SealedChain) -> None:
    said = report_text(judged(chain), now=NOW)
    assert "The retirement: Sealed on 2026-09-23 00:00 UTC, 3 days ago, by 4 of 5 validators" in said
    assert "Whether its evidence was revoked since then, only a node of today can tell (--rpc)." in said
    assert "PASSED: these units are retired, and the certificate stands in the log" in said
    assert "whether their evidence was revoked after 2026-09-23T00:00:00Z, no node told" in said
    value: Any = report_value(judged(chain), now=NOW)
    assert (value["retired"]["ageSeconds"], value["retired"]["seals"], value["evidenceStands"]) == (3 * 86_400, 4, False)


def test_a_node_that_confirms_says_that_the_evidence_stands(chain: SealedChain) -> None:
    judgement = judged(chain, FakeNode())
    assert (judgement.verdict, judgement.evidence_stands) == (PASSED, True)
    assert "node-a: It holds this retirement, and the evidence behind it stands." in judgement.step(Rung.RETIRED).words
    said = report_text(judgement, now=NOW)
    assert "their evidence stands" in summary(judgement)
    assert "Whether its evidence was revoked" not in said
    value: Any = report_value(judgement, now=NOW)
    assert value["evidenceStands"] is True


def test_a_node_that_is_away_takes_nothing_from_the_seals(chain: SealedChain) -> None:
    judgement = judged(chain, FakeNode(retirement=NodeAway("It is away.")))
    assert (judgement.verdict, judgement.evidence_stands) == (PASSED, False)
    assert "node-a: It is away." in judgement.step(Rung.RETIRED).words
    assert "no node told" in summary(judgement)


@pytest.mark.parametrize("held", [bytes(32), b"\x01" * 32])
def test_a_node_that_contradicts_the_seals_fails_the_whole_and_is_named(chain: SealedChain, held: bytes) -> None:
    liar = FakeNode(name="node-x", retirement=held)
    for nodes in ([liar], [FakeNode(), liar], [FakeNode(challenged="drained"), liar]):
        judgement = judged(chain, *nodes)
        step = judgement.step(Rung.RETIRED)
        assert (judgement.verdict, step.verdict, step.code) == (FAILED, FAILED, "seals-contradicted")
        assert "contradicted by node-x, which lies, or lags behind" in step.words
        assert "The retirement:" not in report_text(judgement, now=NOW)


def test_a_challenge_since_then_fails_with_its_reason_and_contradicts_nothing(chain: SealedChain) -> None:
    step = judged(chain, FakeNode(challenged="the farm was burnt forest")).step(Rung.RETIRED)
    assert (step.verdict, step.code) == (FAILED, "retirement-challenged")
    assert "'the farm was burnt forest'" in step.words
    assert "contradicted" not in step.words


def faulty(chain: SealedChain, fault: str) -> Seals:
    """The certificate's seals with one thing wrong."""
    honest, head = shown(chain), chain.head
    validators = chain.set_of(head.number)
    sealers = {"too few": validators[:3], "a stranger": (*validators[:3], chain.member(30))}
    if fault in sealers:
        header = chain.sealed(head, sealers[fault]).encode()
    elif fault == "no header":
        header = b"\x01"
    else:
        others = {
            "not retired yet": lambda: shown(chain, number=3),
            "another retirement's": lambda: shown(chain, slot=sha256(b"neighbour 1")),
            "the log's": lambda: shown(chain, slot=anchored_root_slot(world.LIMA, TreeSize(1)), contract=chain.anchor_log),
            "nothing shown": lambda: replace(honest, anchored=replace(honest.anchored, witness=())),
        }
        return others[fault]()
    return replace(honest, anchored=replace(honest.anchored, header=header))


FAULTS = {
    "too few": "seals-too-few",
    "a stranger": "seal-foreign",
    "no header": "header-invalid",
    "not retired yet": "sealed-root-absent",
    "another retirement's": "state-proof-refused",
    "the log's": "state-proof-refused",
    "nothing shown": "state-proof-refused",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_seals_fails_step_nine_by_name_whatever_nodes_say(chain: SealedChain, fault: str) -> None:
    seals = faulty(chain, fault)
    for nodes in ([], [FakeNode()]):
        judgement = judged(chain, *nodes, seals=seals)
        step = judgement.step(Rung.RETIRED)
        assert (judgement.verdict, step.verdict, step.code) == (FAILED, FAILED, FAULTS[fault])
        assert judgement.retired is None
        assert "certificate" in step.words and "receipt" not in step.words


def test_other_facts_under_the_same_seals_are_refused(chain: SealedChain) -> None:
    stated = world.retirement(facts=replace(FACTS, claimant=world.member_account(world.ROASTER)))
    receipt = replace(world.retirement_receipt(stated), seals=chain.seals(world.LIMA, 1))
    data = encode_certificate(RetirementCertificate(statement=stated, receipt=receipt, seals=shown(chain)))
    step = judge_certificate(data, trust_of(chain), ask=[]).step(Rung.RETIRED)
    assert (step.verdict, step.code) == (FAILED, "sealed-root-absent")


@pytest.mark.parametrize("mode", list(ValidatorMode))
@pytest.mark.parametrize("part", ["header", "witness", "change"])
def test_no_bit_of_the_seals_may_be_another(mode: ValidatorMode, part: str) -> None:
    chain = chain_of(mode)
    honest = shown(chain)
    if part == "header":
        broken = [replace(honest, anchored=replace(honest.anchored, header=each)) for each in flipped(honest.anchored.header, 7)]
    elif part == "change":
        (change,) = honest.changes
        broken = [replace(honest, changes=(replace(change, header=each),)) for each in flipped(change.header, 11)]
    else:
        witness = honest.anchored.witness
        broken = [
            replace(
                honest, anchored=SealedState(header=honest.anchored.header, witness=(*witness[:at], each, *witness[at + 1 :]))
            )
            for at, node in enumerate(witness)
            for each in flipped(node, 61)
        ]
    for seals in broken:
        judgement = judged(chain, seals=seals)
        assert judgement.step(Rung.RETIRED).verdict is FAILED
        assert judgement.retired is None


def flipped(data: bytes, step: int) -> list[bytes]:
    """The same bytes with one bit changed, at places that far apart, each bit of a byte in its turn."""
    return [data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :] for at in range(0, len(data), step)]


def test_a_change_that_is_missing_leaves_strangers_and_fails() -> None:
    chain = chain_of(ValidatorMode.CONTRACT)
    assert judged(chain, seals=replace(shown(chain), changes=())).step(Rung.RETIRED).verdict is FAILED


def test_a_trust_file_without_validators_leaves_the_step_open_and_a_node_is_needed(chain: SealedChain) -> None:
    unsealing = replace(trust_of(chain), sealing=None)
    alone = judged(chain, trust=unsealing).step(Rung.RETIRED)
    assert alone.verdict is NOT_CHECKED
    assert alone.words == (
        "Not checked: the certificate carries seals, and the trust file names no validators whose seals count. "
        "No node of the chain was given to ask (--rpc)."
    )
    assert judged(chain, FakeNode(), trust=unsealing).verdict is PASSED


def test_a_block_older_than_every_known_set_is_not_checked_and_never_failed(chain: SealedChain) -> None:
    (first,) = chain.sealing().sets
    later = replace(trust_of(chain), sealing=replace(chain.sealing(), sets=(replace(first, seals_from=BlockNumber(100)),)))
    assert judged(chain, trust=later).step(Rung.RETIRED).verdict is NOT_CHECKED
    assert judged(chain, FakeNode(), trust=later).verdict is PASSED


def test_seals_of_other_contracts_than_the_trusted_ones_are_not_even_read(chain: SealedChain) -> None:
    places = AssetContracts(green_asset=Address(b"\x01" * 20), evidence_register=world.REGISTER)
    judgement = judged(chain, trust=replace(trust_of(chain), assets=places))
    assert (judgement.step(Rung.RETIRED).code, judgement.retired) == ("not-retired", None)
    older = judged(chain, trust=replace(trust_of(chain), assets=None))
    assert (older.step(Rung.RETIRED).verdict, older.retired) == (NOT_CHECKED, None)


def test_seals_come_back_from_a_certificate_as_they_went_in(chain: SealedChain) -> None:
    data = certificate(chain)
    read = parse_certificate(data)
    assert read.seals == shown(chain)
    assert encode_certificate(read) == data


def test_a_certificate_whose_seals_are_left_out_is_another_certificate(chain: SealedChain) -> None:
    value = parse_json(certificate(chain))
    assert isinstance(value, dict)
    bare = canonical_bytes(value | {"seals": None})
    judgement = judge_certificate(bare, trust_of(chain), ask=[])
    assert (judgement.verdict, judgement.step(Rung.RETIRED).verdict) == (NOT_CHECKED, NOT_CHECKED)
    del value["seals"]
    assert judge_certificate(canonical_bytes(value), trust_of(chain), ask=[]).verdict is FAILED
