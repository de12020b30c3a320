"""With validators' seals the ladder is climbed without asking anybody, and whatever contradicts them fails."""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from greenlane.core.checkpoint import sign_checkpoint
from greenlane.core.crypto import sha256
from greenlane.core.receipt import Receipt, encode_receipt
from greenlane.core.seals import SealedState, Seals, ValidatorMode
from greenlane.core.trust import TrustFile, encode_trust_file
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, TxHash
from greenlane.verify.command import add_arguments, run
from greenlane.verify.ladder import Judgement, NodeAway, Rung, Verdict, judge
from greenlane.verify.report import remarks, report_text, report_value, sealed_words, summary
from greenlane.verify.sealed import _mode_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from worlds.sealed_chain import SealedChain

if TYPE_CHECKING:
    # The conftest is no module that could be imported; the checker knows it by its path.
    World = Any

PASSED, FAILED, NOT_CHECKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_CHECKED
ANCHORED_AT = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
SEALED_AT = ANCHORED_AT + timedelta(hours=1)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
HINTLESS: dict[str, Any] = {"block_number": None, "block_time": None, "transaction": None}


@dataclass
class Sealed:
    """The receipt of the world, anchored in block 7 of a chain of validators and proven by its block 8."""

    world: Any
    chain: SealedChain
    trust: TrustFile
    receipt: Receipt

    def node(self, name: str = "node-a", **changed: Any) -> Any:
        return self.world.node(name, **changed)

    def judged(self, *nodes: Any, receipt: Receipt | None = None, trust: TrustFile | None = None) -> Judgement:
        data = encode_receipt(self.receipt if receipt is None else receipt)
        return judge(data, self.trust if trust is None else trust, event=None, ask=nodes)

    def with_seals(self, **changed: Any) -> Receipt:
        assert self.receipt.seals is not None
        return replace(self.receipt, seals=replace(self.receipt.seals, **changed))

    def with_term(self, valid_from: datetime, valid_until: datetime | None) -> TrustFile:
        return replace(self.trust, centers=self.world.with_term(valid_from, valid_until).centers)


def sealed_world(world: "World", mode: ValidatorMode) -> Sealed:
    anchor = world.receipt.anchor
    chain = SealedChain(mode, registry=world.trust.pilot_registry, anchor_log=anchor.contract)
    chain.blocks(5)
    chain.block(timestamp=int(ANCHORED_AT.timestamp()) - 2)
    assert chain.anchor(anchor.center, anchor.tree_size, anchor.root) == 7
    chain.block(timestamp=int(SEALED_AT.timestamp()))
    seals = chain.seals(anchor.center, anchor.tree_size)
    return Sealed(
        world=world,
        chain=chain,
        trust=replace(world.trust, sealing=chain.sealing()),
        receipt=replace(world.receipt, anchor=replace(anchor, **HINTLESS), seals=seals),
    )


@pytest.fixture(scope="module", params=list(ValidatorMode))
def sealed(request: pytest.FixtureRequest, world: "World") -> Sealed:
    return sealed_world(world, request.param)


@pytest.fixture(scope="module")
def followed(world: "World") -> dict[ValidatorMode, tuple[Receipt, TrustFile]]:
    """For each mode a receipt that carries a change of the set, and a trust file that does not know it."""
    made = {}
    for mode in ValidatorMode:
        sealed = sealed_world(world, mode)
        sealed.chain.change_validators(sealed.chain.members(5))
        sealed.chain.block()
        anchor = sealed.receipt.anchor
        receipt = replace(sealed.receipt, seals=(seals := sealed.chain.seals(anchor.center, anchor.tree_size)))
        assert len(seals.changes) == 1
        assert sealed.judged(receipt=receipt).verdict is PASSED
        made[mode] = receipt, sealed.trust
    return made


def verdicts(judgement: Judgement) -> list[Verdict]:
    return [step.verdict for step in judgement.steps]


def test_a_sealed_receipt_passes_every_step_with_nobody_asked(sealed: Sealed) -> None:
    judgement = sealed.judged()
    assert verdicts(judgement) == [PASSED] * 8
    assert judgement.verdict is PASSED
    assert judgement.anchored_at is None
    proven = judgement.sealed
    assert proven is not None
    assert (proven.block_number, proven.sealed_at, proven.round) == (8, SEALED_AT, 0)
    assert (proven.seal_count, proven.validator_count) == (3, 4)
    assert judgement.step(Rung.SEALED).words == (
        "Block 8 of 2026-07-01T09:30:00Z bears the seals of 3 of 4 validators, and the state it seals holds this root."
    )
    assert judgement.step(Rung.ANCHORED).words == (
        "The seals prove that the chain held this root in block 8 of 2026-07-01T09:30:00Z. No node of the chain was given to ask."
    )


def test_a_node_that_confirms_adds_since_when(sealed: Sealed) -> None:
    judgement = sealed.judged(sealed.node())
    assert verdicts(judgement) == [PASSED] * 8
    assert judgement.anchored_at == ANCHORED_AT
    assert "node-a: It holds this root since 2026-07-01T08:30:00Z, block 7." in judgement.step(Rung.ANCHORED).words


@pytest.mark.parametrize("changed", [{"chain": NodeAway("It could not be reached.")}, {"chain": 1}, {"genesis": bytes(32)}])
def test_a_node_that_is_away_or_of_another_chain_takes_nothing_from_the_seals(sealed: Sealed, changed: dict[str, Any]) -> None:
    judgement = sealed.judged(sealed.node("node-x", **changed))
    assert judgement.verdict is PASSED
    assert "node-x: It" in judgement.step(Rung.ANCHORED).words


CONTRADICTIONS: dict[str, Callable[[Sealed], Any]] = {
    "no anchor": lambda sealed: sealed.node("node-x", storage={}),
    "another root": lambda sealed: sealed.node("node-x", storage=dict.fromkeys(sealed.node().storage, sha256(b"another"))),
    "anchored after the seal": lambda sealed: sealed.node(
        "node-x", event=replace(sealed.node().event, block_time=SEALED_AT + SECOND)
    ),
}


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_a_node_that_contradicts_the_seals_fails_the_whole_and_is_named(sealed: Sealed, contradiction: str) -> None:
    liar = CONTRADICTIONS[contradiction](sealed)
    for nodes in ([liar], [sealed.node(), liar], [liar, sealed.node("node-b", chain=NodeAway("It is away."))]):
        judgement = sealed.judged(*nodes)
        step = judgement.step(Rung.ANCHORED)
        assert (judgement.verdict, step.verdict, step.code) == (FAILED, FAILED, "seals-contradicted")
        assert "contradicted by node-x, which lies, or lags behind" in step.words
        # The seals are as they were: it is the node's word that stands against them.
        assert judgement.step(Rung.SEALED).verdict is PASSED


def test_a_node_that_dates_the_anchor_into_the_sealed_block_contradicts_nothing(sealed: Sealed) -> None:
    assert sealed.judged(sealed.node(event=replace(sealed.node().event, block_time=SEALED_AT))).verdict is PASSED


def test_two_nodes_that_date_the_anchor_differently_disagree_also_beside_seals(sealed: Sealed) -> None:
    other = sealed.node("node-b", event=replace(sealed.node().event, block_time=ANCHORED_AT - SECOND))
    assert sealed.judged(sealed.node(), other).step(Rung.ANCHORED).code == "nodes-disagree"


def test_a_trust_file_without_validators_leaves_the_seals_open_and_a_node_is_needed(sealed: Sealed) -> None:
    unsealing = replace(sealed.trust, sealing=None)
    alone = sealed.judged(trust=unsealing)
    assert verdicts(alone)[6:] == [NOT_CHECKED, NOT_CHECKED]
    assert "names no validators" in alone.step(Rung.SEALED).words
    assert alone.sealed is None
    asked = sealed.judged(sealed.node(), trust=unsealing)
    assert verdicts(asked)[6:] == [PASSED, NOT_CHECKED]
    assert asked.verdict is PASSED


def test_a_block_older_than_every_known_set_is_not_checked_and_never_failed(sealed: Sealed) -> None:
    assert sealed.trust.sealing is not None
    (first,) = sealed.trust.sealing.sets
    later = replace(sealed.trust, sealing=replace(sealed.trust.sealing, sets=(replace(first, seals_from=BlockNumber(100)),)))
    judgement = sealed.judged(trust=later)
    assert verdicts(judgement)[6:] == [NOT_CHECKED, NOT_CHECKED]
    assert judgement.verdict is NOT_CHECKED
    assert sealed.judged(sealed.node(), trust=later).verdict is PASSED


def test_a_receipt_without_seals_is_judged_as_on_a_chain_without_them(sealed: Sealed) -> None:
    bare = replace(sealed.receipt, seals=None)
    assert verdicts(sealed.judged(receipt=bare))[6:] == [NOT_CHECKED, NOT_CHECKED]
    assert verdicts(sealed.judged(sealed.node(), receipt=bare))[6:] == [PASSED, NOT_CHECKED]


def faulty(sealed: Sealed, fault: str) -> Seals:
    """The receipt's seals with one thing wrong."""
    chain, anchor = sealed.chain, sealed.receipt.anchor
    honest = chain.seals(anchor.center, anchor.tree_size)
    validators = chain.set_of(8)
    sealers = {
        "too few": validators[:2],
        "one twice": (*validators[:2], validators[1]),
        "a stranger": (*validators[:2], chain.member(30)),
    }
    if fault in sealers:
        header = chain.sealed(chain.headers[8], sealers[fault]).encode()
    elif fault == "no header":
        header = b"\x01"
    else:
        # A block before the anchor, of which the sealers are honest.
        return Seals(changes=(), anchored=chain.sealed_anchor(anchor.center, anchor.tree_size, 6))
    return replace(honest, anchored=replace(honest.anchored, header=header))


FAULTS = ["too few", "one twice", "a stranger", "no header", "not there yet"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_seals_fails_step_eight_by_name_whatever_nodes_say(sealed: Sealed, fault: str) -> None:
    receipt = replace(sealed.receipt, seals=faulty(sealed, fault))
    alone = sealed.judged(receipt=receipt)
    step = alone.step(Rung.SEALED)
    assert (alone.verdict, step.verdict) == (FAILED, FAILED)
    assert step.code not in (None, "proof-refused", "invalid-input")
    assert alone.sealed is None
    # Seals that prove nothing prove no anchor either; a node's word stays what it is.
    assert alone.step(Rung.ANCHORED).verdict is NOT_CHECKED
    asked = sealed.judged(sealed.node(), receipt=receipt)
    assert (asked.verdict, asked.step(Rung.ANCHORED).verdict) == (FAILED, PASSED)


def test_every_fault_of_seals_has_a_name_of_its_own(sealed: Sealed) -> None:
    codes = {
        fault: sealed.judged(receipt=replace(sealed.receipt, seals=faulty(sealed, fault))).step(Rung.SEALED).code
        for fault in FAULTS
    }
    assert len(set(codes.values())) == len(FAULTS), codes


@pytest.mark.parametrize("fault", FAULTS)
def test_refused_seals_say_first_what_they_mean_and_what_to_try(sealed: Sealed, fault: str) -> None:
    words = sealed.judged(receipt=replace(sealed.receipt, seals=faulty(sealed, fault))).step(Rung.SEALED).words
    plain, _, detail = words.partition(" In detail: ")
    assert detail
    assert not re.search("0x|Block|witness|trie", plain), plain
    if fault in ("too few", "a stranger"):
        assert "the receipt is forged, or the trust file is older than a change of the validators" in plain
        assert "Take a newer trust file" in plain
    else:
        assert "was damaged on the way, or is forged" in plain
    assert "etch it again" in plain or "etch the receipt again" in plain


def test_a_witness_with_a_node_missing_is_told_in_plain_words_first(sealed: Sealed) -> None:
    assert sealed.receipt.seals is not None
    anchored = sealed.receipt.seals.anchored
    receipt = sealed.with_seals(anchored=replace(anchored, witness=anchored.witness[1:]))
    words = sealed.judged(receipt=receipt).step(Rung.SEALED).words
    assert words.startswith("What the receipt carries as the validators' proof was damaged on the way, or is forged.")
    assert words.endswith("In detail: A node on the way from the root is not in the witness.")


def test_a_header_that_cannot_be_read_names_no_kind_of_network(sealed: Sealed) -> None:
    seals = sealed.receipt.seals
    assert seals is not None
    assert _mode_of(seals) is sealed.chain.mode
    assert _mode_of(replace(seals, anchored=replace(seals.anchored, header=b"\x01"))) is None


def test_a_trust_file_of_the_other_kind_of_network_is_told_as_that(world: "World") -> None:
    kinds = {mode: sealed_world(world, mode) for mode in ValidatorMode}
    contract, header = kinds[ValidatorMode.CONTRACT], kinds[ValidatorMode.HEADER]
    for sealed, other, in_receipt, in_trust in (
        (contract, header, "a contract", "the headers of its blocks"),
        (header, contract, "the headers of its blocks", "a contract"),
    ):
        step = sealed.judged(trust=replace(sealed.trust, sealing=other.trust.sealing)).step(Rung.SEALED)
        assert step.verdict is FAILED
        assert step.words.startswith("Receipt and trust file are of two different kinds of networks"), step.words
        assert f"the receipt's chain keeps its validators in {in_receipt}, that of the trust file in {in_trust}" in step.words


def test_seals_of_another_root_tree_or_center_prove_nothing_of_this_one(world: "World") -> None:
    for mode in ValidatorMode:
        sealed = sealed_world(world, mode)
        chain, anchor = sealed.chain, sealed.receipt.anchor
        chain.anchor("tianjin", anchor.tree_size, anchor.root)
        chain.anchor("lima", 3, anchor.root)
        for center, tree_size in (("tianjin", anchor.tree_size), ("lima", 3)):
            foreign = replace(sealed.receipt, seals=chain.seals(center, tree_size))
            assert sealed.judged(receipt=foreign).step(Rung.SEALED).verdict is FAILED


def test_a_set_that_changed_is_followed_from_an_old_trust_file_and_known_to_a_new_one(world: "World") -> None:
    for mode in ValidatorMode:
        sealed = sealed_world(world, mode)
        chain, anchor = sealed.chain, sealed.receipt.anchor
        chain.change_validators(chain.members(5))
        chain.change_validators(chain.members(6)[1:])
        chain.blocks(2)
        receipt = replace(sealed.receipt, seals=chain.seals(anchor.center, anchor.tree_size))
        for known_to in (1, chain.sets[1].seals_from, chain.head.number):
            judgement = sealed.judged(receipt=receipt, trust=replace(sealed.trust, sealing=chain.sealing(known_to)))
            assert verdicts(judgement) == [PASSED] * 8, judgement.step(Rung.SEALED).words
            assert judgement.sealed is not None
            assert judgement.sealed.validator_count == 5
        # Without the changes the new validators are strangers to the old file.
        unled = replace(receipt, seals=Seals(changes=(), anchored=chain.sealed_anchor(anchor.center, anchor.tree_size)))
        assert sealed.judged(receipt=unled).step(Rung.SEALED).verdict is FAILED
        assert (
            sealed.judged(receipt=unled, trust=replace(sealed.trust, sealing=chain.sealing(chain.head.number))).verdict is PASSED
        )


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"chain_id": ChainId(1)}, "another chain"),
        ({"contract": Address(bytes(20))}, "another chain"),
        ({"center": CenterId("atlantis")}, "checkpoint"),
    ],
)
def test_seals_are_not_looked_at_where_their_ground_has_failed(sealed: Sealed, changed: dict[str, Any], word: str) -> None:
    judgement = sealed.judged(receipt=replace(sealed.receipt, anchor=replace(sealed.receipt.anchor, **changed)))
    assert judgement.verdict is FAILED
    assert judgement.step(Rung.SEALED).verdict is NOT_CHECKED
    assert word in judgement.step(Rung.SEALED).words
    assert judgement.sealed is None


def test_a_forged_checkpoint_is_not_mended_by_honest_seals(sealed: Sealed) -> None:
    forged = sign_checkpoint(sealed.receipt.claimed_checkpoint(), sha256(b"thief"))
    judgement = sealed.judged(receipt=replace(sealed.receipt, checkpoint=forged))
    assert verdicts(judgement)[5:] == [FAILED, NOT_CHECKED, NOT_CHECKED]


@pytest.mark.parametrize(
    ("hint", "verdict"),
    [
        ({"block_number": BlockNumber(7)}, NOT_CHECKED),
        ({"block_number": BlockNumber(8)}, NOT_CHECKED),
        ({"block_number": BlockNumber(9)}, FAILED),
        ({"block_time": SEALED_AT}, NOT_CHECKED),
        ({"block_time": SEALED_AT + SECOND}, FAILED),
        ({"transaction": TxHash(bytes(32))}, NOT_CHECKED),
    ],
)
def test_a_hint_of_when_needs_a_node_and_may_not_lie_behind_the_sealed_block(
    sealed: Sealed, hint: dict[str, Any], verdict: Verdict
) -> None:
    receipt = replace(sealed.receipt, anchor=replace(sealed.receipt.anchor, **hint))
    assert sealed.judged(receipt=receipt).step(Rung.ANCHORED).verdict is verdict
    assert sealed.judged(sealed.node(chain=NodeAway("It is away.")), receipt=receipt).step(Rung.ANCHORED).verdict is verdict


# A thief of a retired key can sign what he likes, and with a stolen anchorer key even anchor it, but only from now on.


def test_a_retired_key_is_taken_where_the_block_was_sealed_before_its_end(sealed: Sealed) -> None:
    for begin in (SEALED_AT, ANCHORED_AT, ANCHORED_AT - DAY):
        assert sealed.judged(trust=sealed.with_term(begin, SEALED_AT + SECOND)).verdict is PASSED


def test_a_block_sealed_at_or_after_the_end_of_a_key_leaves_open_whether_the_root_is_older(sealed: Sealed) -> None:
    for end in (SEALED_AT, ANCHORED_AT + SECOND, ANCHORED_AT - DAY):
        trust = sealed.with_term(ANCHORED_AT - 10 * DAY, end)
        judgement = sealed.judged(trust=trust)
        assert verdicts(judgement)[5:] == [PASSED, NOT_CHECKED, PASSED]
        assert judgement.verdict is NOT_CHECKED
        assert "only a node can tell" in judgement.step(Rung.ANCHORED).words
    # A node that dates the anchor closes it: before the end it is good, after it a thief's.
    assert sealed.judged(sealed.node(), trust=sealed.with_term(ANCHORED_AT - DAY, ANCHORED_AT + SECOND)).verdict is PASSED
    late = sealed.judged(sealed.node(), trust=sealed.with_term(ANCHORED_AT - DAY, ANCHORED_AT))
    assert late.step(Rung.ANCHORED).code == "key-term-refused"


def test_a_thief_of_a_retired_key_who_can_also_anchor_gets_no_pass_out_of_old_blocks(sealed: Sealed) -> None:
    """The forged root stands on the chain, sealed by honest validators, but after the key's end; before it, it stands nowhere."""
    chain, anchor = sealed.chain, sealed.receipt.anchor
    trust = sealed.with_term(ANCHORED_AT - DAY, SEALED_AT + SECOND)
    assert sealed.judged(trust=trust).verdict is PASSED
    thief = sealed_world(sealed.world, chain.mode)
    thief.chain.block(timestamp=int((SEALED_AT + DAY).timestamp()))
    late = thief.chain.seals(anchor.center, anchor.tree_size)
    assert sealed.judged(receipt=replace(sealed.receipt, seals=late), trust=trust).verdict is NOT_CHECKED
    # With the header of a block from before the end, the witness is another state's.
    mixed = replace(late, anchored=SealedState(header=chain.raw(6), witness=late.anchored.witness))
    assert sealed.judged(receipt=replace(sealed.receipt, seals=mixed), trust=trust).verdict is FAILED
    # And the time cannot be turned back under the seals.
    turned = replace(thief.chain.head, timestamp=int(SEALED_AT.timestamp()))
    backdated = replace(late, anchored=replace(late.anchored, header=turned.encode()))
    assert sealed.judged(receipt=replace(sealed.receipt, seals=backdated), trust=trust).verdict is FAILED


def test_a_block_sealed_before_a_key_was_its_centers_is_refused_as_a_node_would(sealed: Sealed) -> None:
    step = sealed.judged(trust=sealed.with_term(SEALED_AT + SECOND, SEALED_AT + DAY)).step(Rung.ANCHORED)
    assert (step.verdict, step.code) == (FAILED, "key-term-refused")
    assert "at 2026-07-01T09:30:00Z or before" in step.words


def test_a_key_without_an_end_is_its_centers_today_whenever_the_block_was_sealed(sealed: Sealed) -> None:
    assert sealed.judged(trust=sealed.with_term(SEALED_AT + DAY, None)).verdict is PASSED


def test_every_changed_byte_of_a_sealed_receipt_is_refused(
    followed: dict[ValidatorMode, tuple[Receipt, TrustFile]],
) -> None:
    for mode, shift in zip(ValidatorMode, (0, 3), strict=True):
        receipt, trust = followed[mode]
        data = encode_receipt(receipt)
        for place in range(shift, len(data), 7):
            changed = bytearray(data)
            changed[place] ^= 1 << place % 7
            judgement = judge(bytes(changed), trust, event=None, ask=[])
            assert judgement.verdict is FAILED, data[max(0, place - 40) : place + 1]


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes | None]:
    """What befalls one header or node: taken out, cut, lengthened, overwritten, or replaced by noise."""
    noise = draw(st.binary(min_size=1, max_size=40))
    place = draw(st.integers(0, 10_000))
    changes: list[Callable[[bytes], bytes | None]] = [
        lambda _: None,
        lambda data: data[: place % len(data)] or None,
        lambda data: data + noise,
        lambda data: data[: place % len(data)] + noise + data[place % len(data) + len(noise) :],
        lambda _: noise,
    ]
    return draw(st.sampled_from(changes))


@settings(max_examples=150)
@given(mode=st.sampled_from(ValidatorMode), chosen=st.integers(0, 10_000), damage=damages())
def test_no_damage_to_a_header_or_node_passes_and_none_makes_the_ladder_raise(
    followed: dict[ValidatorMode, tuple[Receipt, TrustFile]],
    mode: ValidatorMode,
    chosen: int,
    damage: Callable[[bytes], bytes | None],
) -> None:
    receipt, trust = followed[mode]
    assert receipt.seals is not None
    states = [*receipt.seals.changes, receipt.seals.anchored]
    places = [(number, place) for number, state in enumerate(states) for place in range(-1, len(state.witness))]
    number, place = places[chosen % len(places)]
    state = states[number]
    was = state.header if place < 0 else state.witness[place]
    becomes = damage(was)
    assume(becomes != was and becomes not in state.witness)
    kept = () if becomes is None else (becomes,)
    if place < 0:
        states[number] = replace(state, header=b"".join(kept) or b"\0")
    else:
        states[number] = replace(state, witness=(*state.witness[:place], *kept, *state.witness[place + 1 :]))
    damaged = replace(receipt, seals=Seals(changes=tuple(states[:-1]), anchored=states[-1]))
    judgement = judge(encode_receipt(damaged), trust, event=None, ask=[])
    assert (judgement.verdict, judgement.step(Rung.SEALED).verdict) == (FAILED, FAILED)


# ---- what is told ----


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(0), "less than a minute ago"),
        (timedelta(seconds=59), "less than a minute ago"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47), "1 day ago"),
        (timedelta(days=3, hours=23), "3 days ago"),
        (timedelta(days=729), "729 days ago"),
        (timedelta(days=730), "2 years ago"),
        (timedelta(seconds=-1), "less than a minute ahead of the clock here, so one of the two clocks is wrong"),
        (timedelta(days=-3), "3 days ahead of the clock here, so one of the two clocks is wrong"),
    ],
)
def test_the_age_is_told_in_the_unit_people_would_use(sealed: Sealed, age: timedelta, words: str) -> None:
    proven = sealed.judged().sealed
    assert proven is not None
    said = sealed_words(proven, now=SEALED_AT + age)
    assert said == f"Sealed on 2026-07-01 09:30 UTC, {words}, by 3 of 4 validators, block 8"


def test_the_report_says_how_old_the_proof_is_and_what_was_not_asked(sealed: Sealed) -> None:
    judgement = sealed.judged()
    now = SEALED_AT + 3 * DAY
    text = report_text(judgement, now=now)
    assert "Sealed on 2026-07-01 09:30 UTC, 3 days ago, by 3 of 4 validators, block 8.\n" in text
    assert "only the center or somebody's newer receipt can tell" in text
    assert (
        text.splitlines()[-1]
        == summary(judgement)
        == ("PASSED: this event stands in the log of Centro Piloto de Lima, and the chain held that log at 2026-07-01T09:30:00Z.")
    )
    # A node that was asked can tell the rest.
    asked = sealed.judged(sealed.node())
    assert len(remarks(asked, now=now)) == 1
    assert "since 2026-07-01T08:30:00Z" in summary(asked)
    assert remarks(sealed.judged(receipt=replace(sealed.receipt, seals=None)), now=now) == []
    # Beside a failure the age of one part that holds would be taken for comfort.
    lied = sealed.judged(sealed.node(storage={}))
    assert (lied.verdict, remarks(lied, now=now)) == (FAILED, [])
    assert report_value(lied, now=now)["sealed"] is not None


def test_the_json_says_the_same(sealed: Sealed) -> None:
    value = report_value(sealed.judged(), now=SEALED_AT + 3 * DAY)
    assert json.loads(json.dumps(value))["sealed"] == {
        "sealedAt": "2026-07-01T09:30:00Z",
        "ageSeconds": 3 * 86_400,
        "blockNumber": 8,
        "round": 0,
        "seals": 3,
        "validators": 4,
    }
    assert value["remarks"] == remarks(sealed.judged(), now=SEALED_AT + 3 * DAY)
    ahead = report_value(sealed.judged(), now=SEALED_AT - DAY)
    assert json.loads(json.dumps(ahead))["sealed"]["ageSeconds"] == -86_400
    assert ahead["verdict"] == "passed"
    bare = report_value(sealed.judged(receipt=replace(sealed.receipt, seals=None)), now=SEALED_AT)
    assert (bare["sealed"], bare["remarks"]) == (None, [])


@pytest.fixture
def files(sealed: Sealed, tmp_path: Path) -> Path:
    (tmp_path / "receipt.json").write_bytes(encode_receipt(sealed.receipt))
    (tmp_path / "trust.json").write_bytes(encode_trust_file(sealed.trust))
    return tmp_path


def test_the_command_tells_the_age_by_its_own_clock(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = [str(files / "receipt.json"), "--trust", str(files / "trust.json")]
    assert run(parser.parse_args(words)) == 0
    assert "Sealed on 2026-07-01 09:30 UTC, " in capsys.readouterr().out
    before = datetime.now(UTC) - SEALED_AT
    assert run(parser.parse_args([*words, "--json"])) == 0
    told = json.loads(capsys.readouterr().out)["sealed"]["ageSeconds"]
    assert before <= timedelta(seconds=told + 1) <= datetime.now(UTC) - SEALED_AT + SECOND


def test_the_command_needs_no_network_for_a_sealed_receipt(files: Path) -> None:
    script = (
        "import os, sys\n"
        "def refuse(event, args):\n"
        "    if event.startswith('socket.'): os._exit(77)\n"
        "sys.addaudithook(refuse)\n"
        "from greenlane.cli.program import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", script, "verify", str(files / "receipt.json"), "--trust", str(files / "trust.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "PASSED: this event stands in the log of Centro Piloto de Lima" in done.stdout
    # The guard bites: with a node to ask, the same command asks for a socket and does not get one.
    assert subprocess.run([*command, "--rpc", "http://127.0.0.1:9"], capture_output=True, check=False).returncode == 77
