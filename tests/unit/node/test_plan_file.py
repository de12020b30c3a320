"""A plan is read strictly: every fault is told at once, each with its place and how to mend it."""

from dataclasses import replace
from pathlib import Path

import pytest
from greenlane.core.assets.places import AssetContracts
from greenlane.core.exits import Exit, exit_code_of
from greenlane.core.units import ChainId
from greenlane_node.planning.economies import ECONOMIES
from greenlane_node.planning.plan import EVIDENCE_REGISTER, GREEN_ASSET
from greenlane_node.planning.plan_file import (
    MAX_PLAN_BYTES,
    PlanInvalid,
    encode_center,
    encode_plan,
    load_center,
    load_plan,
    parse_center,
    parse_plan,
)
from worlds.plan_files import sound_center, sound_plan

PLAN = encode_plan(sound_plan())
TEXT = PLAN.decode()


def faults(data: bytes | str) -> list[tuple[str | None, str, str]]:
    with pytest.raises(PlanInvalid) as caught:
        parse_plan(data.encode() if isinstance(data, str) else data)
    assert exit_code_of(caught.value) is Exit.USAGE
    return [(one.where, one.detail, one.remedy) for one in caught.value.faults]


def changed(old: str, new: str, count: int = 1) -> str:
    assert old in TEXT, old
    return TEXT.replace(old, new, count)


def test_what_is_written_reads_the_same() -> None:
    assert parse_plan(PLAN) == sound_plan()
    center = sound_center(5, rpc_node=True, documents=True)
    assert parse_center(encode_center(center)) == center


def test_the_file_says_what_it_is_and_its_times_can_be_read() -> None:
    assert TEXT.startswith("# The network as all its centers agree on it.")
    assert "genesis_time = 2027-01-15 08:00:00+00:00\n" in TEXT
    assert "term_length_days = 365\nvoting_period_days = 7\n" in TEXT


def test_centers_of_a_plan_are_the_centers_files_one_after_another() -> None:
    whole = encode_plan(sound_plan())
    for center in sound_plan().centers:
        (_, _, own) = encode_center(center).partition(b"[[center]]")
        assert b"[[center]]" + own in whole


@pytest.mark.parametrize(
    ("old", "new", "where", "told", "mend"),
    [
        ('name = "sound"', 'name = "No Name"', "network: name", "no name of a network", "lower-case"),
        ("chain_id = 77001", "chain_id = 1", "network: chain_id", "chain id of Ethereum", "no known chain"),
        ("chain_id = 77001", "chain_id = 10", "network: chain_id", "OP Mainnet", "no known chain"),
        ("chain_id = 77001", "chain_id = 137", "network: chain_id", "Polygon", "no known chain"),
        ("chain_id = 77001", "chain_id = 20261", "network: chain_id", "embedded", "no known chain"),
        ("chain_id = 77001", "chain_id = 0", "network: chain_id", "0 is too small", "from 1 to"),
        ("chain_id = 77001", "chain_id = 4503599627370477", "network: chain_id", "too large", "from 1 to"),
        ("chain_id = 77001", f"chain_id = {'9' * 900}", "network: chain_id", "out of bounds", "from 1 to"),
        ("chain_id = 77001", 'chain_id = "77001"', "network: chain_id", "not a text", "whole number"),
        ("chain_id = 77001", "chain_id = true", "network: chain_id", "not true or false", "whole number"),
        ("chain_id = 77001", "chain_id = 7.5", "network: chain_id", "number with a point", "whole number"),
        (
            "genesis_time = 2027-01-15 08:00:00+00:00",
            "genesis_time = 2027-01-15T08:00:00",
            "network: genesis_time",
            "zone",
            "UTC",
        ),
        ("genesis_time = 2027-01-15 08:00:00+00:00", "genesis_time = 1800000000", "network: genesis_time", "number", "UTC"),
        ("08:00:00+00:00", "08:00:00.5+00:00", "network: genesis_time", "Whole seconds", "UTC"),
        ("2027-01-15 08", "1969-01-15 08", "network: genesis_time", "after 1970", "UTC"),
        ("gas_limit = 30000000", "gas_limit = 15999999", "network: gas_limit", "too small", "from 16000000 to 60000000"),
        ("gas_limit = 30000000", "gas_limit = 60000001", "network: gas_limit", "too large", "from 16000000 to 60000000"),
        ("request_timeout_s = 4", "request_timeout_s = 2", "network: request_timeout_s", "no block would be made", "twice"),
        ('validators = "contract"', 'validators = "both"', "network: validators", "none of the choices", "contract or header"),
        ("green_assets = true", "green_assets = 1", "network: green_assets", "true or false", "without quotes"),
        ("green_assets = true", "green_asset = true", "network: green_asset", "No such name is known", "Is green_assets meant?"),
        ("production = true", 'production = "yes"', "network: production", "true or false", "without quotes"),
        ("minimum_centers = 4", "minimum_centers = 3", "network: minimum_centers", "at least 4", "production = false"),
        ("minimum_centers = 4", "minimum_centers = 5", "network: minimum_centers", "the centers are 4", "more centers"),
        ("block_time_s = 2", "block_time_s = 1", "network: block_time_s", "at least 2 s", "Write 2"),
        ("voting_period_days = 7", "voting_period_days = 0", "network: voting_period_days", "too small", "from 1"),
        ('id = "center-1"', 'id = "Lima"', 'center 2 "Lima": id', "no center id", "lower-case"),
        ('id = "center-1"', 'id = "center-0"', 'center 2 "center-0": id', 'center 1 "center-0": id', "its own id"),
        ('name = "Pilot Center 1"', 'name = ""', 'center 2 "center-1": name', "cannot stand as a name", "one line"),
        ('name = "Pilot Center 1"', f'name = "{"é" * 129}"', 'center 2 "center-1": name', "cannot stand", "256 bytes"),
        ('economy = "PE"', 'economy = "XX"', 'center 2 "center-1": economy', "no known economy code", "ISO 3166-1"),
        ('economy = "PE"', 'economy = "pe"', 'center 2 "center-1": economy', "no known economy code", "Or is PE meant?"),
        (
            'origin = "center-1.example/log"',
            'origin = "center-0.example/log"',
            'center 2 "center-1": origin',
            'center 1 "center-0": origin',
            "its own origin",
        ),
        ('endpoint = "https://center-1.example"', 'endpoint = "ftp://x"', 'center 2 "center-1": endpoint', "URL", "https://"),
        ('host = "10.0.0.2"', 'host = "lima.example"', 'center 2 "center-1": host', "no IP address", "addresses only"),
        ('host = "10.0.0.2"', 'host = "0.0.0.0"', 'center 2 "center-1": host', "no peer can reach", "that peers reach"),
        ('host = "10.0.0.2"', 'host = "2001:0db8::1"', 'center 2 "center-1": host', "shorter spelling", "2001:db8::1"),
        ("p2p_port = 30303", "p2p_port = 0", 'center 1 "center-0": p2p_port', "too small", "from 1 to 65535"),
        ("p2p_port = 30303", "p2p_port = 65536", 'center 1 "center-0": p2p_port', "too large", "from 1 to 65535"),
        ("rpc_port = 30304", "rpc_port = 30303", 'center 1 "center-0": rpc_port', "10.0.0.1:30303 is taken", "port of its own"),
        ("gas_limit =", "gaslimit =", "network: gaslimit", "No such name is known", "Is gas_limit meant?"),
        ("[center.rpc_node]", "[center.rpcnode]", 'center 1 "center-0": rpcnode', "No such name", "Is rpc_node meant?"),
        ("[center.documents]", "[centre.documents]", "centre", "No such table", "Is center meant?"),
        ("swarm_port = 30309", "", 'center 1 "center-0": documents.swarm_port', "missing", "every name"),
        ("peer_id = ", 'peer_id = "12D3"  # ', 'center 1 "center-0": documents.peer_id', "no peer id", "ipfs id"),
    ],
)
def test_each_fault_has_its_place_and_its_remedy(old: str, new: str, where: str, told: str, mend: str) -> None:
    found = [one for one in faults(changed(old, new)) if one[0] == where]
    assert found, faults(changed(old, new))
    assert any(told in detail and mend in remedy for _, detail, remedy in found), found


def test_a_plan_of_an_earlier_release_is_one_without_green_assets() -> None:
    older = parse_plan(changed("green_assets = true\n", "").encode())
    assert older == replace(sound_plan(), has_green_assets=False)
    assert parse_plan(encode_plan(older)) == older
    assert (older.assets(), sound_plan().assets()) == (
        None,
        AssetContracts(green_asset=GREEN_ASSET, evidence_register=EVIDENCE_REGISTER),
    )


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    text = changed("chain_id = 77001", "chain_id = 1").replace('"PE"', '"QQ"', 1).replace("10.0.0.3", "nowhere")
    assert [where for where, _, _ in faults(text)] == [
        "network: chain_id",
        'center 2 "center-1": economy',
        'center 3 "center-2": host',
    ]


def test_two_centers_on_one_port_name_each_other() -> None:
    told = faults(TEXT.replace("10.0.0.4", "10.0.0.3"))
    assert [where for where, _, _ in told] == [
        f'center 4 "center-3": {name}' for name in ("p2p_port", "rpc_port", "metrics_port")
    ]
    assert told[0][1] == 'The address 10.0.0.3:30303 is taken: it stands at center 3 "center-2": p2p_port too.'


def test_one_key_serves_one_purpose() -> None:
    plan = sound_plan()
    operator, other = (center.operator.hex() for center in plan.centers[:2])
    (told,) = faults(TEXT.replace(other, operator))
    assert told[0] == 'center 2 "center-1": operator'
    # An operator's account may not be a validator's either, though one is written as an address and the other as a key.
    validator = plan.centers[3].validator.address.hex()
    (told,) = faults(TEXT.replace(operator, validator))
    assert told[0] == 'center 4 "center-3": node_key'
    assert 'center 1 "center-0": operator' in told[1]


def test_a_node_key_off_the_curve_is_told() -> None:
    key = sound_plan().centers[2].validator.public_key.hex()
    digit = "0" if key[-1] != "0" else "1"
    (told,) = faults(TEXT.replace(key, key[:-1] + digit))
    assert told[0] == 'center 3 "center-2": node_key'
    assert "no point of the curve" in told[1]


def test_a_log_key_of_another_log_is_told() -> None:
    text = TEXT.replace('origin = "center-2.example/log"', 'origin = "lima.example/log"')
    (told,) = faults(text)
    assert told[0] == 'center 3 "center-2": log_key'


def test_a_production_network_has_four_centers_and_a_trial_may_have_one() -> None:
    one = encode_plan(sound_plan(sound_center(0))).decode()
    assert parse_plan(one.encode()).is_production is False
    told = faults(one.replace("production = false", "production = true"))
    assert [where for where, _, _ in told] == ["network: minimum_centers", "center"]
    assert "at least 4 centers, not 1" in told[1][1]
    # Whoever is at `init plan` has no file yet: the option stands beside the name.
    assert "`init plan`: --minimum-centers" in told[0][2]
    assert all("production = false (`init plan`: --trial)" in remedy for _, _, remedy in told)


def test_fewer_centers_than_must_remain_are_not_mended_into_another_fault() -> None:
    three = encode_plan(replace(sound_plan(*map(sound_center, range(3))), minimum_centers=3)).decode()
    too_many = three.replace("minimum_centers = 3", "minimum_centers = 4")
    (told,) = faults(too_many)
    assert told[2] == "Write 3 or less (`init plan`: --minimum-centers), or found with more centers."
    told, _ = faults(too_many.replace("production = false", "production = true"))
    assert told[0] == "network: minimum_centers"
    assert told[2] == "Found with 4 centers or more."


def test_a_port_that_an_rpc_node_takes_says_where_its_ports_come_from() -> None:
    (told,) = faults(changed("rpc_port = 30304", "rpc_port = 30306"))
    assert told[0] == 'center 1 "center-0": rpc_node.p2p_port'
    assert "one above its validator's" in told[2] and "--rpc-node-p2p-port" in told[2]
    (plain,) = faults(changed("metrics_port = 30305", "metrics_port = 30304"))
    assert "RPC node" not in plain[2]


def test_loopback_and_other_addresses_do_not_meet() -> None:
    (told,) = faults(TEXT.replace("10.0.0.4", "127.0.0.1"))
    assert "could not reach each other" in told[1]
    assert parse_plan(encode_plan(sound_plan(*(sound_center(number, host="127.0.0.1") for number in range(4)))))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "table is missing"),
        (b"network = 3\ncenter = 4", "no table"),
        (b"center = [1]\n[network]", "no table"),
        (b"[network\n", "line 1"),
        (b"[network]\nname = \n", "line 2"),
        (b"[network]\nname = '\xff'\n", "no UTF-8"),
        (b"a = " + b"[" * 5_000, "nested"),
        (b"#" * (MAX_PLAN_BYTES + 1), "at most"),
        (b"[network]\nname = 'x'\nname = 'y'\n", "line 3"),
    ],
)
def test_what_is_no_plan_is_told_without_a_traceback(data: bytes, told: str) -> None:
    assert any(told in detail or told in (where or "") for where, detail, _ in faults(data)), faults(data)


def test_a_fault_of_syntax_names_line_and_column() -> None:
    ((_, told, _),) = faults(changed('economy = "PE"', "economy = PE"))
    line = TEXT[: TEXT.index('economy = "PE"')].count("\n") + 1
    assert f"at line {line}, column" in told


def test_a_file_that_is_loaded_is_named_in_each_fault(tmp_path: Path) -> None:
    path = tmp_path / "network.toml"
    with pytest.raises(PlanInvalid) as caught:
        load_plan(path)
    assert caught.value.faults[0].where == str(path)
    path.write_text(changed("chain_id = 77001", "chain_id = 1"))
    with pytest.raises(PlanInvalid) as caught:
        load_plan(path)
    assert [one.where for one in caught.value.faults] == [f"{path}: network: chain_id"]
    path.write_bytes(PLAN)
    assert load_plan(path) == sound_plan()


def test_a_center_file_holds_one_center(tmp_path: Path) -> None:
    path = tmp_path / "center.toml"
    path.write_bytes(encode_center(sound_center(1)) + b"\n" + encode_center(sound_center(2)))
    with pytest.raises(PlanInvalid) as caught:
        load_center(path)
    assert "There are 2 centers" in str(caught.value)
    path.write_bytes(encode_center(sound_center(1)))
    assert load_center(path) == sound_center(1)


def test_what_a_file_cannot_say_is_not_written() -> None:
    for broken in (
        replace(sound_plan(), voting_period_s=3_600),
        replace(sound_plan(), chain_id=ChainId(1)),
        replace(sound_plan(), centers=()),
        replace(sound_plan(), centers=(replace(sound_center(0), origin="two words"), *sound_plan().centers[1:])),
        replace(sound_plan(), centers=(replace(sound_center(0), name="\ud800"), *sound_plan().centers[1:])),
    ):
        with pytest.raises(PlanInvalid):
            encode_plan(broken)


def test_every_economy_of_apec_is_known() -> None:
    assert len(ECONOMIES) == 249
    apec = set("AU BN CA CL CN HK ID JP KR MX MY NZ PE PG PH RU SG TH TW US VN".split())  # noqa: SIM905
    assert len(apec) == 21
    assert apec <= ECONOMIES
    assert ECONOMIES & {"EU", "UK", "XX", "AA", "ZZ", "UN"} == set()
