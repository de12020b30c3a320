"""Plans of 1 to 21 centers: what is written reads the same, and every file of every node follows from the plan alone."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import ChainId
from greenlane_node.besu.config import (
    Placement,
    allowed_accounts_file,
    allowed_nodes_file,
    besu_config,
    founding_accounts,
    founding_validators,
    log_config,
    static_nodes_file,
)
from greenlane_node.besu.options import FILE_OPTIONS
from greenlane_node.founding.network_description import sealing_of, trust_of
from greenlane_node.keys import parse_enode
from greenlane_node.kubo.config import kubo_config
from greenlane_node.planning.plan import NetworkPlan
from greenlane_node.planning.plan_file import GAS_LIMITS, PlanInvalid, encode_plan, parse_plan
from hypothesis import example, given, settings
from hypothesis import strategies as st
from worlds.plan_files import DAY_S, secret, sound_center, sound_plan

MOST = 21
NAMES = st.text(st.characters(blacklist_categories=("C", "Z"), blacklist_characters='"'), min_size=1, max_size=40)


@st.composite
def plans(draw: st.DrawFn) -> NetworkPlan:
    count = draw(st.integers(1, MOST))
    is_on_loopback = draw(st.booleans())
    with_rpc_node = draw(st.sets(st.integers(0, count - 1)))
    with_documents = draw(st.sets(st.integers(0, count - 1)))
    centers = tuple(
        replace(
            sound_center(
                number,
                host="127.0.0.1" if is_on_loopback else None,
                rpc_node=number in with_rpc_node,
                documents=number in with_documents,
            ),
            name=draw(NAMES) if number == 0 else f"Center {number}",
        )
        for number in range(count)
    )
    block_time_s = draw(st.integers(2, 60))
    is_production = count >= 4 and draw(st.booleans())
    return replace(
        sound_plan(*centers, mode=draw(st.sampled_from(ValidatorMode))),
        chain_id=ChainId(draw(st.integers(100_000, 250_000))),
        genesis_time=draw(st.integers(1, 4_000_000_000)),
        block_time_s=block_time_s,
        request_timeout_s=draw(st.integers(block_time_s + 1, 600)),
        gas_limit=draw(st.integers(*GAS_LIMITS)),
        is_production=is_production,
        minimum_centers=draw(st.integers(4 if is_production else 1, count)),
        term_length_s=draw(st.integers(0, 3_650)) * DAY_S,
        voting_period_s=draw(st.integers(1, 365)) * DAY_S,
    )


def files(plan: NetworkPlan, placement: Placement) -> dict[str, bytes]:
    """Every file of every node, by name."""
    validators, accounts = founding_validators(plan), founding_accounts(plan.centers)
    made = {"network.toml": encode_plan(plan)}
    for node in plan.nodes():
        made[f"{node.name}/config.toml"] = besu_config(node, placement)
        made[f"{node.name}/log.xml"] = log_config(node.name, placement)
        made[f"{node.name}/static-nodes.json"] = static_nodes_file(node, validators)
        made[f"{node.name}/nodes.toml"] = allowed_nodes_file([*validators, node.enode])
        made[f"{node.name}/accounts.toml"] = allowed_accounts_file(accounts)
    for place, documents in enumerate(plan.documents()):
        seed = secret(place, "documents")
        made[f"{documents.name}/config"] = kubo_config(documents, plan.documents(), seed=seed, token="token")
    return made


@given(plans())
@settings(max_examples=40)
def test_what_is_written_reads_the_same(plan: NetworkPlan) -> None:
    assert parse_plan(encode_plan(plan)) == plan


@given(plans())
@settings(max_examples=25)
def test_every_file_follows_from_the_plan_alone(plan: NetworkPlan) -> None:
    placement = Placement(root=Path("/greenlane"))
    made = files(plan, placement)
    assert files(parse_plan(encode_plan(plan)), placement) == made
    for name, data in made.items():
        if name.endswith("/config.toml"):
            assert set(tomllib.loads(data.decode())) <= set(FILE_OPTIONS)


@given(plans())
@settings(max_examples=25)
def test_no_two_things_listen_at_one_place_and_no_two_nodes_have_one_name(plan: NetworkPlan) -> None:
    listens = [(node.host, port) for node in plan.nodes() for port in (node.p2p_port, node.rpc_port, node.metrics_port)]
    listens += [(node.host, port) for node in plan.documents() for port in (node.swarm_port, node.rpc_port)]
    assert len(set(listens)) == len(listens)
    names = [node.name for node in plan.nodes()] + [node.name for node in plan.documents()]
    assert len(set(names)) == len(names)
    for node in plan.nodes():
        assert parse_enode(node.enode) == (node.public_key, node.host, node.p2p_port)


@given(plans(), st.data())
@settings(max_examples=40)
def test_two_things_at_one_place_are_always_told(plan: NetworkPlan, data: st.DataObject) -> None:
    nodes = plan.nodes()
    node = data.draw(st.sampled_from(nodes))
    rpc = replace(node, rpc_port=node.p2p_port), "rpc_port"
    metrics = replace(node, metrics_port=node.p2p_port), "metrics_port"
    broken, port = data.draw(st.sampled_from((rpc, metrics)))
    centers = [
        replace(
            center,
            validator=broken if node == center.validator else center.validator,
            rpc_node=broken if node == center.rpc_node else center.rpc_node,
        )
        for center in plan.centers
    ]
    with pytest.raises(PlanInvalid) as caught:
        encode_plan(replace(plan, centers=tuple(centers)))
    assert all("is taken" in fault.detail for fault in caught.value.faults)
    assert any((fault.where or "").endswith(port) for fault in caught.value.faults)


@given(plans())
@settings(max_examples=25)
def test_the_first_validators_are_the_founders_in_the_order_that_the_chain_names_them(plan: NetworkPlan) -> None:
    sealing = sealing_of(plan)
    founders = [center.validator.address for center in plan.centers]
    (first,) = sealing.sets
    assert first.seals_from == 1
    expected = founders if plan.validator_mode is ValidatorMode.CONTRACT else sorted(founders)
    assert list(first.validators) == expected
    trust = trust_of(plan, bytes(32))
    assert trust.sealing == sealing
    assert [int(term.valid_from.timestamp()) for center in trust.centers for term in center.log_keys] == [
        plan.genesis_time
    ] * len(plan.centers)


@given(st.binary(max_size=200))
@example(b"[[center]]\n[[center]]\n[network]")
@example(b"center = [[]]")
@example(b"center.rpc_node = 1\nnetwork.name.x = 2")
@example(b"[[center]]\nid = 5\nhost = 1979-05-27\nrpc_node = 3\ndocuments = []\n")
def test_any_bytes_are_a_plan_or_a_list_of_faults(data: bytes) -> None:
    with pytest.raises(PlanInvalid) as caught:
        parse_plan(data)
    assert caught.value.faults
    assert all(fault.detail for fault in caught.value.faults)


PLAN = encode_plan(sound_plan())


@given(st.integers(0, len(PLAN) - 1), st.integers(0, 255))
@settings(max_examples=150)
def test_any_changed_byte_is_another_plan_or_told_or_means_nothing(place: int, byte: int) -> None:
    changed = PLAN[:place] + bytes([byte]) + PLAN[place + 1 :]
    try:
        plan = parse_plan(changed)
    except PlanInvalid as fault:
        assert fault.faults
        return
    if plan == sound_plan():
        assert sorted(tomllib.loads(changed.decode())) == ["center", "network"]
    else:
        assert parse_plan(encode_plan(plan)) == plan
