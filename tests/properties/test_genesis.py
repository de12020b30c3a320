"""Networks of 1 to 21 centers: one plan, one genesis; another plan, another chain."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from greenlane.core.crypto import keccak256
from greenlane.core.header import decode_extra
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address, ChainId
from greenlane_node.founding.genesis import genesis_block, genesis_bytes, genesis_hash, genesis_value
from greenlane_node.planning.plan import ANCHOR_LOG, EVIDENCE_REGISTER, GREEN_ASSET, PILOT_REGISTRY, NetworkPlan, PlannedCenter
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.plans import planned_center, planned_network

# Each makes whole geneses, of up to 21 centers.
few = settings(max_examples=20)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=64)


@st.composite
def networks(draw: st.DrawFn, *modes: ValidatorMode) -> NetworkPlan:
    """Networks whose centers were drawn from a hundred, in any order, with any texts."""
    numbers = draw(st.lists(st.integers(0, 99), min_size=1, max_size=21, unique=True))
    centers = [replace(planned_center(n), name=draw(TEXT), origin=f"{n} {draw(TEXT)}"[:64], endpoint=draw(TEXT)) for n in numbers]
    return planned_network(
        *centers,
        mode=draw(st.sampled_from(modes or tuple(ValidatorMode))),
        minimum_centers=draw(st.integers(1, len(centers))),
        term_length_s=draw(st.integers(0, 10**9)),
    )


@few
@given(networks(ValidatorMode.HEADER))
def test_in_header_mode_the_extra_data_names_exactly_the_validators_sorted(plan: NetworkPlan) -> None:
    extra = genesis_block(genesis_value(plan)).extra
    assert extra.validators == tuple(sorted(center.validator.address for center in plan.centers))
    assert (extra.vanity, extra.vote, extra.round, extra.seals) == (bytes(32), None, 0, ())


@few
@given(networks(ValidatorMode.CONTRACT))
def test_in_contract_mode_the_registry_names_exactly_the_validators(plan: NetworkPlan) -> None:
    value: Any = genesis_value(plan)
    assert decode_extra(bytes.fromhex(value["extraData"][2:])).validators == ()
    storage = value["alloc"][PILOT_REGISTRY.hex()]["storage"]
    first = int.from_bytes(keccak256(bytes(32)), "big")
    seats = [storage[f"0x{first + seat:064x}"] for seat in range(int(storage["0x" + "00" * 32], 16))]
    assert [bytes.fromhex(seat[-40:]) for seat in seats] == [center.validator.address for center in plan.centers]
    assert f"0x{first + len(seats):064x}" not in storage


@few
@given(networks())
def test_the_same_plan_gives_the_same_bytes_and_no_word_is_zero(plan: NetworkPlan) -> None:
    assert genesis_bytes(plan) == genesis_bytes(replace(plan, centers=tuple(replace(center) for center in plan.centers)))
    value: Any = genesis_value(plan)
    for account in (PILOT_REGISTRY, ANCHOR_LOG, EVIDENCE_REGISTER, GREEN_ASSET):
        storage = value["alloc"][account.hex()]["storage"]
        assert storage
        assert [slot for slot, word in storage.items() if not int(word, 16)] == []
        assert {(len(slot), len(word)) for slot, word in storage.items()} == {(66, 66)}
        assert list(storage) == sorted(storage)


def _at(number: int, change: Callable[[PlannedCenter], PlannedCenter]) -> Callable[[NetworkPlan], NetworkPlan]:
    def changed(plan: NetworkPlan) -> NetworkPlan:
        at = number % len(plan.centers)
        return replace(plan, centers=(*plan.centers[:at], change(plan.centers[at]), *plan.centers[at + 1 :]))

    return changed


CHANGES: dict[str, Callable[[PlannedCenter], PlannedCenter]] = {
    "id": lambda center: replace(center, id=planned_center(500).id),
    "name": lambda center: replace(center, name=f"{center.name}x"),
    "economy": lambda center: replace(center, economy="ID"),
    "origin": lambda center: replace(center, origin=f"{center.origin}x"),
    "endpoint": lambda center: replace(center, endpoint=f"{center.endpoint}x"),
    "operator": lambda center: replace(center, operator=Address(b"\x01" * 20)),
    "anchorer": lambda center: replace(center, anchorer=Address(b"\x01" * 20)),
    "log key": lambda center: replace(center, log_key=b"\x01" * 32),
    "validator key": lambda center: replace(center, validator=replace(center.validator, public_key=b"\x01" * 64)),
    "host": lambda center: replace(center, validator=replace(center.validator, host="10.9.9.9")),
    "port": lambda center: replace(center, validator=replace(center.validator, p2p_port=30999)),
}
OF_THE_PLAN: dict[str, Callable[[NetworkPlan], NetworkPlan]] = {
    "genesis time": lambda plan: replace(plan, genesis_time=plan.genesis_time + 1),
    "gas limit": lambda plan: replace(plan, gas_limit=plan.gas_limit + 1),
    "term": lambda plan: replace(plan, term_length_s=plan.term_length_s + 1),
    "voting": lambda plan: replace(plan, voting_period_s=plan.voting_period_s + 1),
    "green assets": lambda plan: replace(plan, has_green_assets=not plan.has_green_assets),
    "one more center": lambda plan: replace(plan, centers=(*plan.centers, planned_center(600))),
    "mode": lambda plan: replace(
        plan,
        validator_mode=ValidatorMode.HEADER if plan.validator_mode is ValidatorMode.CONTRACT else ValidatorMode.CONTRACT,
    ),
}


@few
@given(networks(), st.integers(0, 20), st.sampled_from([*CHANGES, *OF_THE_PLAN]))
def test_whatever_changes_in_what_centers_agree_on_changes_the_hash(plan: NetworkPlan, number: int, what: str) -> None:
    change = OF_THE_PLAN[what] if what in OF_THE_PLAN else _at(number, CHANGES[what])
    assert genesis_hash(change(plan)) != genesis_hash(plan)


@few
@given(networks(), st.sampled_from(["chain id", "block time", "request timeout"]))
def test_what_block_0_does_not_hold_changes_the_file(plan: NetworkPlan, what: str) -> None:
    """A node with another of these is of another chain, or out of step, and has the same block 0: so files are compared too."""
    changed = {
        "chain id": replace(plan, chain_id=ChainId(plan.chain_id + 1)),
        "block time": replace(plan, block_time_s=plan.block_time_s + 1),
        "request timeout": replace(plan, request_timeout_s=plan.request_timeout_s + 1),
    }[what]
    assert genesis_hash(changed) == genesis_hash(plan)
    assert genesis_bytes(changed) != genesis_bytes(plan)


@few
@given(networks(), st.data())
def test_what_is_no_center_s_affair_changes_nothing(plan: NetworkPlan, data: st.DataObject) -> None:
    """Where a node answers its own center, and what a network is called, is in no genesis."""
    number = data.draw(st.integers(0, 20))
    moved = _at(number, lambda center: replace(center, validator=replace(center.validator, rpc_port=9, metrics_port=8)))(plan)
    assert genesis_bytes(replace(moved, name="another")) == genesis_bytes(plan)
