"""A certificate of retirement is a yes only where every word, the log and the chain say the same; each lie has its step."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from greenlane.core.anchoring import anchored_root_slot
from greenlane.core.assets.chain_places import challenge_call, read_challenge, retirement_slot
from greenlane.core.assets.places import AssetContracts
from greenlane.core.assets.retirement import (
    RetirementCertificate,
    RetirementStatement,
    encode_certificate,
    retirement_digest,
    retirement_value,
)
from greenlane.core.canonical import JsonValue, canonical_bytes, parse_json
from greenlane.core.receipt import encode_receipt
from greenlane.core.trust import TrustFile, encode_trust_file
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, TreeSize
from greenlane.verify.anchor import Anchoring, NodeAway
from greenlane.verify.command import run
from greenlane.verify.judgement import Judgement, Rung, Verdict
from greenlane.verify.report import report_text, report_value
from greenlane.verify.retirement import judge_certificate
from worlds import green_assets as world

NOW = datetime(2026, 10, 1, tzinfo=UTC)
TRUST = world.trust_file()


@dataclass
class FakeNode:
    """A node that holds one retirement; where a field is an exception, it raises that."""

    name: str = "node-a"
    chain: Any = world.CHAIN
    retirement: Any = None
    challenged: Any = None
    asked: list[str] = field(default_factory=list)

    def _say(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    def chain_id(self) -> ChainId:
        return ChainId(self._say(self.chain))

    def genesis_hash(self) -> bytes:
        return TRUST.genesis_hash

    def storage_at(self, contract: Address, slot: bytes) -> bytes:
        statement = world.retirement()
        if contract == TRUST.anchor_log:
            receipt = world.retirement_receipt(statement)
            return bytes(receipt.anchor.root) if slot == anchored_root_slot(world.LIMA, TreeSize(1)) else bytes(32)
        if (contract, slot) != (world.GREEN_ASSET, retirement_slot(statement.facts.id)):
            return bytes(32)
        return bytes(self._say(retirement_digest(statement.facts) if self.retirement is None else self.retirement))

    def anchoring(self, contract: Address, center: CenterId, tree_size: TreeSize, hint: BlockNumber | None) -> Anchoring | None:
        return None

    def head(self) -> BlockNumber:
        return BlockNumber(9)

    def call(self, contract: Address, data: bytes, block: BlockNumber) -> bytes:
        assert (contract, data[:4], block) == (world.GREEN_ASSET, challenge_call(bytes(32))[:4], 9)
        told = self._say(self.challenged)
        if isinstance(told, bytes):
            return told
        return encode(["bool", "string"], [told is not None, told or ""])


def certificate(statement: RetirementStatement | None = None) -> bytes:
    of = world.retirement() if statement is None else statement
    return encode_certificate(RetirementCertificate(statement=of, receipt=world.retirement_receipt(of)))


def forged(statement: RetirementStatement, *, logged: RetirementStatement | None = None) -> bytes:
    """As `certificate`, whatever contradicts itself in it; its receipt is of what was logged."""
    receipt = world.retirement_receipt(statement if logged is None else logged)
    value: dict[str, JsonValue] = {
        "type": "GreenlaneRetirementCertificate",
        "version": 1,
        "retirement": retirement_value(statement),
        "receipt": parse_json(encode_receipt(receipt)),
        "seals": None,
    }
    return canonical_bytes(value)


def judged(data: bytes, *nodes: FakeNode, trust: TrustFile = TRUST) -> Judgement:
    asked: Sequence[FakeNode] = nodes or (FakeNode(),)
    return judge_certificate(data, trust, ask=asked)


def first_failure(judgement: Judgement) -> tuple[Rung, str]:
    step = next(step for step in judgement.steps if step.verdict is Verdict.FAILED)
    return step.rung, step.words


def test_an_honest_certificate_passes_and_says_what_was_claimed() -> None:
    judgement = judged(certificate())
    assert judgement.verdict is Verdict.PASSED, [step.words for step in judgement.steps]
    assert [step.rung.number for step in judgement.steps] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    said = report_text(judgement, now=NOW)
    assert "1.5 kg of cocoa-df (deforestation-free) retired on" in said
    assert "for Municipalidad de Lima." in said
    assert f"Of the lot {world.LOT}." in said
    assert "For line 1 of the purchase" in said
    assert "PASSED: these units are retired, their evidence stands" in said
    assert report_value(judgement, now=NOW)["retirement"] == retirement_value(world.retirement())


def test_without_a_lot_and_a_line_less_is_said() -> None:
    stated = world.statement(lot=None, origin=world.origin(1, 9))
    facts = world.retirement_facts(token=stated.digest(world.DOMAIN), lot=bytes(32), line_digest=bytes(32))
    said = report_text(judged(certificate(world.retirement(statement=stated, facts=facts, line=None))), now=NOW)
    assert "Of the lot" not in said
    assert "For line" not in said


def test_without_a_node_the_chain_is_not_checked_and_nothing_is_said_against_it() -> None:
    judgement = judge_certificate(certificate(), TRUST, ask=[])
    assert judgement.verdict is Verdict.NOT_CHECKED
    assert judgement.step(Rung.RETIRED).words == "Not checked: no node of the chain was given to ask (--rpc)."
    assert "nothing speaks against this certificate" in report_text(judgement, now=NOW)


@pytest.mark.parametrize(
    ("changes", "rung"),
    [({"beneficiary": "Somebody else"}, Rung.WORDS), ({"holder": None}, Rung.RETIREMENT)],
)
def test_a_word_that_was_changed_after_it_was_logged_fails(changes: dict[str, Any], rung: Rung) -> None:
    data = forged(world.retirement(**changes), logged=world.retirement())
    judgement = judged(data)
    assert judgement.step(Rung.RETIREMENT).verdict is Verdict.FAILED
    assert judgement.step(rung).verdict is Verdict.FAILED


def test_words_that_are_not_behind_the_facts_fail_even_where_the_center_logged_them() -> None:
    rung, words = first_failure(judged(forged(world.retirement(beneficiary="Somebody else"))))
    assert rung is Rung.WORDS
    assert words == "The beneficiary is not who was named."


def test_what_the_chain_does_not_hold_fails() -> None:
    rung, words = first_failure(judged(certificate(), FakeNode(retirement=bytes(32))))
    assert (rung, "knows no retirement" in words) == (Rung.RETIRED, True)
    rung, words = first_failure(judged(certificate(), FakeNode(retirement=b"\x01" * 32)))
    assert (rung, "other facts" in words) == (Rung.RETIRED, True)


def test_a_challenge_fails_with_its_reason() -> None:
    judgement = judged(certificate(), FakeNode(challenged="the farm was burnt forest"))
    rung, words = first_failure(judgement)
    assert rung is Rung.RETIRED
    assert "'the farm was burnt forest'" in words
    assert judgement.step(Rung.RETIRED).code == "retirement-challenged"


def test_one_node_that_contradicts_outweighs_all_that_confirm() -> None:
    judgement = judged(certificate(), FakeNode(), FakeNode(name="node-b", retirement=bytes(32)))
    assert judgement.step(Rung.RETIRED).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    "node",
    [
        FakeNode(chain=1),
        FakeNode(chain=NodeAway("gone")),
        FakeNode(retirement=NodeAway("gone")),
        FakeNode(challenged=NodeAway("gone")),
        FakeNode(challenged=b""),
        FakeNode(challenged=b"\x00" * 95),
        FakeNode(challenged=encode(["uint256", "string"], [2, "x"])),
        FakeNode(challenged=encode(["bool", "uint256", "uint256"], [True, 32, 0])),
        FakeNode(challenged=encode(["bool", "uint256", "uint256"], [True, 64, 9])),
    ],
)
def test_a_node_that_cannot_be_asked_leaves_the_chain_open(node: FakeNode) -> None:
    judgement = judged(certificate(), node)
    assert judgement.step(Rung.RETIRED).verdict is Verdict.NOT_CHECKED
    assert judgement.verdict is Verdict.NOT_CHECKED


def test_other_contracts_than_the_trusted_ones_fail() -> None:
    places = AssetContracts(green_asset=Address(b"\x01" * 20), evidence_register=world.REGISTER)
    rung, words = first_failure(judged(certificate(), trust=replace(TRUST, assets=places)))
    assert (rung, "other contracts" in words) == (Rung.RETIRED, True)


def test_a_trust_file_without_green_assets_leaves_the_chain_open() -> None:
    judgement = judged(certificate(), trust=replace(TRUST, assets=None))
    assert judgement.step(Rung.RETIRED).verdict is Verdict.NOT_CHECKED


@pytest.mark.parametrize("damage", [b"", b"{}", certificate()[:-1], certificate() + b" "])
def test_what_does_not_read_well_is_a_no_and_nothing_else_is_asked(damage: bytes) -> None:
    judgement = judged(damage)
    assert judgement.verdict is Verdict.FAILED
    assert {step.verdict for step in judgement.steps[1:]} == {Verdict.NOT_CHECKED}
    assert [step.rung.number for step in judgement.steps] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert judgement.step(Rung.READS_WELL).words.endswith("do not open and save it in an editor.")


def test_every_changed_byte_of_a_certificate_is_refused() -> None:
    data = certificate()
    for place in range(0, len(data), 97):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert judged(changed).verdict is not Verdict.PASSED, place


def test_the_answer_to_a_challenge_is_read_with_its_reason() -> None:
    assert read_challenge(encode(["bool", "string"], [False, ""])) is None
    assert read_challenge(encode(["bool", "string"], [True, "drained"])) == "drained"


def test_the_command_judges_a_certificate_as_it_judges_a_receipt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.json").write_bytes(certificate())
    (tmp_path / "trust.json").write_bytes(encode_trust_file(TRUST))
    args = argparse.Namespace(
        receipt=str(tmp_path / "c.json"), trust=str(tmp_path / "trust.json"), rpc=[], event=None, document=None, json=True
    )
    assert run(args) == 3
    assert json.loads(capsys.readouterr().out)["verdict"] == "not_checked"
    args.document = str(tmp_path / "c.json")
    assert run(args) == 2
    assert "holds all that it is judged by" in capsys.readouterr().err
    args.document = None
    assert run(args, data=b"{}") == 1
