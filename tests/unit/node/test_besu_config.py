"""A Besu node's files: known options only, listening where it should and nowhere else, and speaking with the right nodes."""

import json
import re
import tomllib
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from greenlane.core.errors import InvalidInput
from greenlane_node.besu.access import API_PERMISSIONS, RpcAccess, TokenRefused
from greenlane_node.besu.config import (
    PROFILE,
    Placement,
    allowed_accounts_file,
    allowed_nodes_file,
    besu_command,
    besu_config,
    besu_environment,
    enode_file,
    founding_accounts,
    founding_validators,
    log_config,
    static_nodes_file,
)
from greenlane_node.besu.options import COMMAND_OPTIONS, FILE_OPTIONS, NEVER_WRITTEN, PAGES
from greenlane_node.layout import BesuFolder
from greenlane_node.planning.plan import NodeRole, PlannedNode
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from worlds.plan_files import secret, sound_node, sound_plan

HERE = Placement.here(Path("/home/center/var"))
CONTAINED = Placement(root=PurePosixPath("/greenlane"), is_contained=True)
VALIDATOR = sound_node(1, NodeRole.VALIDATOR, host="10.0.0.2", first_port=30_303)
RPC = sound_node(1, NodeRole.RPC, host="10.0.0.2", first_port=30_306)
LOCAL = sound_node(1, NodeRole.VALIDATOR, host="127.0.0.1", first_port=21_300)
NOW = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)


def told(node: PlannedNode, placement: Placement) -> dict[str, Any]:
    return tomllib.loads(besu_config(node, placement).decode())


@pytest.mark.parametrize("node", [VALIDATOR, RPC, LOCAL, sound_node(2, NodeRole.RPC, host="2001:db8::1", first_port=1)])
@pytest.mark.parametrize("placement", [HERE, CONTAINED])
def test_every_option_is_documented_for_the_version_and_none_stops_the_node(node: PlannedNode, placement: Placement) -> None:
    written = set(told(node, placement))
    assert written - set(FILE_OPTIONS) == set()
    assert written & set(NEVER_WRITTEN) == set()


def test_every_option_of_the_list_is_written_somewhere_and_has_a_page() -> None:
    written = set(told(VALIDATOR, HERE)) | set(told(RPC, HERE))
    assert set(FILE_OPTIONS) - written == set()
    assert {*FILE_OPTIONS.values(), *COMMAND_OPTIONS.values()} == set(PAGES)
    assert set(FILE_OPTIONS) & set(NEVER_WRITTEN) == set()


def test_the_command_gives_the_profile_where_it_is_read() -> None:
    command = besu_command(Path("/opt/besu/bin/besu"), BesuFolder(Path("/home/center/besu/validator-lima")))
    assert command == (
        "/opt/besu/bin/besu",
        f"--profile={PROFILE}",
        "--config-file=/home/center/besu/validator-lima/config.toml",
    )
    named = {argument.lstrip("-").partition("=")[0] for argument in command[1:]}
    assert named == set(COMMAND_OPTIONS)


@pytest.mark.parametrize("role", NodeRole)
def test_a_node_on_loopback_listens_nowhere_else(role: NodeRole) -> None:
    options = told(sound_node(1, role, host="127.0.0.1", first_port=21_300), HERE)
    listens = {name: value for name, value in options.items() if name.endswith(("-host", "-interface"))}
    assert set(listens.values()) == {"127.0.0.1"}
    assert set(listens) == {"p2p-host", "p2p-interface", "rpc-http-host", "metrics-host"}


def test_a_validator_of_a_server_is_met_by_peers_and_asked_on_loopback() -> None:
    options = told(VALIDATOR, HERE)
    assert (options["p2p-host"], options["p2p-interface"]) == ("10.0.0.2", "0.0.0.0")
    assert (options["rpc-http-host"], options["metrics-host"]) == ("127.0.0.1", "127.0.0.1")


def test_an_rpc_node_of_a_server_answers_others_who_have_a_token() -> None:
    # Behind a router the address that is told is none of the machine's: so it is not listened on.
    options = told(RPC, HERE)
    assert (options["p2p-host"], options["rpc-http-host"], options["metrics-host"]) == ("10.0.0.2", "0.0.0.0", "127.0.0.1")
    assert options["rpc-http-authentication-enabled"] is True
    assert "10.0.0.2" in options["host-allowlist"]
    other = told(sound_node(2, NodeRole.RPC, host="2001:db8::1", first_port=1), HERE)
    assert (other["p2p-interface"], other["rpc-http-host"]) == ("::", "::")


def test_in_a_container_paths_are_as_the_node_sees_them_and_it_is_asked_at_its_own_address() -> None:
    options = told(RPC, CONTAINED)
    assert (options["rpc-http-host"], options["metrics-host"]) == ("10.0.0.2", "10.0.0.2")
    paths = {value for name, value in options.items() if name.endswith(("-file", "-path"))}
    assert len(paths) == 7
    assert all(path.startswith("/greenlane/besu/") for path in paths)
    assert set(options["host-allowlist"]) == {"localhost", "127.0.0.1", "10.0.0.2", "rpc-center-1"}


def test_only_the_rpc_node_wants_a_token_and_it_wants_one_for_everything() -> None:
    wanted = {name for name in FILE_OPTIONS if "authentication" in name}
    assert wanted & set(told(VALIDATOR, HERE)) == set()
    options = told(RPC, HERE)
    assert wanted <= set(options)
    assert options["rpc-http-authentication-enabled"] is True
    assert options["rpc-http-authentication-jwt-algorithm"] == "ES256"
    assert not any("no-auth" in name for name in options)


def test_permissions_are_on_for_nodes_and_accounts_and_nobody_is_discovered() -> None:
    for node in (VALIDATOR, RPC, LOCAL):
        options = told(node, HERE)
        assert options["permissions-nodes-config-file-enabled"] is True
        assert options["permissions-accounts-config-file-enabled"] is True
        assert options["discovery-enabled"] is False
        assert "*" not in options["host-allowlist"]
        assert "all" not in options["host-allowlist"]


def test_a_node_calls_all_validators_but_itself_and_may_speak_with_whom_it_calls() -> None:
    plan = sound_plan()
    validators = founding_validators(plan)
    for node in plan.nodes():
        called = json.loads(static_nodes_file(node, validators))
        expected = set(validators) - {node.enode}
        assert set(called) == expected
        assert len(called) == len(expected)
        allowed = tomllib.loads(allowed_nodes_file([*validators, node.enode]).decode())["nodes-allowlist"]
        # A node does not start where a static node is not on its allowlist.
        assert set(called) <= set(allowed)
        assert len(set(allowed)) == len(allowed)
        assert enode_file(node).decode() == f"{node.enode}\n"


def test_operators_and_anchorers_may_send_and_nobody_else() -> None:
    plan = sound_plan()
    allowed = tomllib.loads(allowed_accounts_file(founding_accounts(plan.centers)).decode())["accounts-allowlist"]
    expected = {"0x" + account.hex() for center in plan.centers for account in (center.operator, center.anchorer)}
    assert set(allowed) == expected
    assert len(allowed) == 8


def test_no_file_is_moved_by_the_order_in_which_others_are_named() -> None:
    plan = sound_plan()
    validators = founding_validators(plan)
    node = plan.centers[0].validator
    assert static_nodes_file(node, validators) == static_nodes_file(node, reversed(validators))
    assert allowed_nodes_file(validators) == allowed_nodes_file(reversed(validators))
    accounts = founding_accounts(plan.centers)
    assert allowed_accounts_file(accounts) == allowed_accounts_file(tuple(reversed(accounts)))


@pytest.mark.parametrize(("placement", "outputs"), [(HERE, ["out", "file"]), (CONTAINED, ["out"])])
def test_logs_are_kept_at_info_and_rolled_outside_of_containers(placement: Placement, outputs: list[str]) -> None:
    root = ElementTree.fromstring(log_config("validator-lima", placement))
    (level,) = root.findall("./Loggers/Root")
    assert level.get("level") == "INFO"
    assert [one.get("ref") for one in level] == outputs
    assert [one.get("name") for one in root.findall("./Appenders/*")] == outputs
    assert {logger.tag for logger in root.findall("./Loggers/*")} == {"Root"}
    for rolling in root.findall("./Appenders/RollingFile"):
        assert rolling.get("fileName") == "/home/center/var/besu/validator-lima/logs/besu.log"
        policies = {policy.tag for policy in rolling.findall("./Policies/*")}
        assert policies == {"TimeBasedTriggeringPolicy", "SizeBasedTriggeringPolicy"}


def test_a_folder_with_odd_letters_does_not_break_the_log_configuration() -> None:
    placement = Placement.here(Path('/tmp/a & b/"<$${c}>'))
    root = ElementTree.fromstring(log_config("x", placement))
    (rolling,) = root.findall("./Appenders/RollingFile")
    # Log4j reads $$ as one dollar sign that looks nothing up.
    assert (rolling.get("fileName") or "").replace("$$", "$") == '/tmp/a & b/"<$${c}>/besu/x/logs/besu.log'


def test_the_environment_names_the_log_configuration_and_bounds_the_heap() -> None:
    folder = BesuFolder(Path("/home/center/besu/validator-lima"))
    assert besu_environment(folder, memory_mb=768) == {
        "LOG4J_CONFIGURATION_FILE": "/home/center/besu/validator-lima/log.xml",
        "BESU_OPTS": "-Xmx768m",
    }


def access(number: int = 1, now: datetime = NOW) -> RpcAccess:
    return RpcAccess(secret(number, "tokens"), clock=lambda: now)


def test_a_token_says_what_its_bearer_may_ask_and_until_when() -> None:
    maker = access()
    token = maker.issue_token(API_PERMISSIONS, 30)
    key = ECKey.import_key(maker.public_key_pem().decode())
    read = jwt.decode(token, key, algorithms=["ES256"])
    assert read.header == {"alg": "ES256", "typ": "JWT"}
    assert read.claims == {
        "permissions": ["eth:*", "net:*", "web3:*", "txpool:*", "qbft:*"],
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(days=30)).timestamp()),
    }
    assert maker.ends_at(token) == NOW + timedelta(days=30)


def test_what_the_node_gets_is_the_public_key_alone() -> None:
    pem = access().public_key_pem().decode()
    assert re.fullmatch(r"-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+-----END PUBLIC KEY-----\n", pem)
    assert not ECKey.import_key(pem).is_private


def test_a_token_of_another_center_or_a_changed_one_is_none_of_ours() -> None:
    token = access(1).issue_token(["eth:*"], 1)
    with pytest.raises(TokenRefused):
        access(2).ends_at(token)
    with pytest.raises(JoseError):
        jwt.decode(token, ECKey.import_key(access(2).public_key_pem().decode()), algorithms=["ES256"])
    head, claims, signature = token.split(".")
    for changed in (f"{head}.{claims}x.{signature}", f"{head}.{claims}.{signature[:-6]}AAAAAA", f"{head}.{claims}.", "", "a.b.c"):
        with pytest.raises(TokenRefused):
            access(1).ends_at(changed)


def test_a_token_that_ended_still_says_when() -> None:
    token = access(now=NOW - timedelta(days=100)).issue_token(["eth:*"], 1)
    assert access().ends_at(token) == NOW - timedelta(days=99)


@pytest.mark.parametrize(
    ("permissions", "days"),
    [([], 1), (["eth"], 1), (["eth:*", ""], 1), (["*"], 1), (["*:eth"], 1), (["eth:*\n"], 1), (["eth:*"], 0), (["eth:*"], 9_999)],
)
def test_what_no_node_understands_is_no_permission(permissions: list[str], days: int) -> None:
    with pytest.raises(TokenRefused):
        access().issue_token(permissions, days)


def test_the_signing_key_is_told_by_nothing() -> None:
    assert repr(access()) == "RpcAccess()"
    with pytest.raises(InvalidInput) as caught:
        RpcAccess(b"\xff" * 32, clock=lambda: NOW)
    assert "ff" * 4 not in str(caught.value)
