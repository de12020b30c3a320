"""docker-compose.yml runs what is here: every path, port, secret, address and variable that it names is one that exists.

No container is started: the founding is run as the container would run it, and what the services mount and read is held against
what it left.
"""

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from greenlane.adapters.home import Home
from greenlane.adapters.network_file import load_network
from greenlane.adapters.partners import load_partners
from greenlane.settings import read_settings
from greenlane.web.routes import uploads
from greenlane_node.besu.config import besu_command, besu_environment
from greenlane_node.cli.program import build_parser as build_node_parser
from greenlane_node.kubo.config import kubo_environment
from greenlane_node.layout import BesuFolder
from greenlane_node.nodes.own_nodes import own_nodes

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
KEPT = ROOT / "node" / "compose"
NODES = sorted(name for name in SERVICES if name.startswith(("validator-", "rpc-")))
SERVERS = sorted(name for name in SERVICES if name.startswith(("api-", "worker-")))
WORKERS = {name for name in SERVICES if name.startswith("worker-")}
DOCUMENTS = sorted(name for name in SERVICES if name.startswith("documents-"))
ONCE = {"found", "node", "partners"}
FOUND = "./var/network"
_VARIABLE = re.compile(r"(?<!\$)\$\{?([A-Za-z_][A-Za-z0-9_]*)")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `docker compose run found` leaves in ./var/network, made by the same script."""
    home = tmp_path_factory.mktemp("compose") / "network"
    home.mkdir(mode=0o755)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = [str(KEPT / "found.sh")]
    environment = {"PATH": path, "GREENLANE_HOME": str(home)}
    for _ in range(2):
        done = subprocess.run(["sh", *script], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    _make_partners(home, tmp_path_factory.mktemp("databases"))
    return home


def _make_partners(home: Path, databases: Path) -> subprocess.CompletedProcess[str]:
    """What the service `partners` does, over databases of files."""
    for center in ("tianjin", "lima"):
        (databases / f"{center}_database_url").write_text(f"sqlite:///{databases / center}.sqlite3\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOMES": str(home / "servers"), "SECRETS": str(databases)}
    script = ["sh", str(KEPT / "partners.sh")]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def _on_disk(source: str, founded: Path) -> Path:
    return founded / source.removeprefix(FOUND).lstrip("/") if source.startswith(FOUND) else ROOT / source


def _mounts(service: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for mount in service.get("volumes", ()):
        source, target, *mode = mount.split(":")
        yield source, target, mode[0] if mode else "rw"


def _addresses(name: str) -> dict[str, str]:
    networks = SERVICES[name].get("networks", {})
    given = networks if isinstance(networks, dict) else {network: {} for network in networks}
    return {network: options["ipv4_address"] for network, options in given.items() if options and "ipv4_address" in options}


def _config(founded: Path, node: str) -> dict[str, Any]:
    return tomllib.loads((founded / "besu" / node / "config.toml").read_text())


def test_there_is_everything_that_was_asked_for() -> None:
    of = {
        profile: {name for name, each in SERVICES.items() if profile in each["profiles"]}
        for profile in ("embedded", "network", "observe")
    }
    assert of["embedded"] == {"embedded"}
    assert len([name for name in of["network"] if name.startswith("validator-")]) == 4
    assert len([name for name in of["network"] if name.startswith("rpc-")]) == 1
    assert len([name for name in of["network"] if name.startswith("documents-")]) == 2
    assert {"permissions", "postgres", "proxy", "api-tianjin", "worker-tianjin", "api-lima", "worker-lima"} < of["network"]
    assert of["observe"] == {"prometheus", "grafana"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_path_that_is_mounted_is_there(name: str, founded: Path) -> None:
    for source, target, _ in _mounts(SERVICES[name]):
        assert target.startswith("/")
        if source.startswith("."):
            assert _on_disk(source, founded).exists(), source
        else:
            assert source in COMPOSE["volumes"]


def test_every_secret_is_a_file_that_founding_makes_and_somebody_reads(founded: Path) -> None:
    used = set()
    for service in SERVICES.values():
        for secret in service.get("secrets", ()):
            used.add(secret if isinstance(secret, str) else secret["source"])
    assert used == set(COMPOSE["secrets"])
    for secret in COMPOSE["secrets"].values():
        assert _on_disk(secret["file"], founded).read_text().strip()
    for service in SERVICES.values():
        given = {secret if isinstance(secret, str) else secret["target"] for secret in service.get("secrets", ())}
        named = {Path(path).name for path in re.findall(r"/run/secrets/[a-z_]+", json.dumps(service))}
        assert named <= given


def test_nobody_but_its_owner_reads_what_is_secret(founded: Path) -> None:
    # Passwords are read through a mount by services that run as users of their own; the folder keeps everybody else out.
    shared = {path for path in (founded / "secrets").iterdir() if path.name.endswith("_password")}
    assert founded.stat().st_mode & 0o077 == 0
    for path in founded.rglob("*"):
        is_secret = path.name in {"key", "password", "swarm.key", "config"} or path.parent.name in {
            "keys", "tokens", "secrets", "partners",
        }  # fmt: skip
        if path.is_file() and is_secret and path not in shared:
            assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_held_in_bounds(name: str) -> None:
    service = SERVICES[name]
    user = re.sub(r"\$\{NETWORK_OWNER:-(.*)\}", r"\1", service["user"])
    assert not user.startswith(("0:", "root"))
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert {"cpus", "memory"} == set(service["deploy"]["resources"]["limits"])
    # Those that end by themselves need none; who tells of a worker is another: see below.
    assert ("test" in service["healthcheck"]) is (name not in ONCE and name not in WORKERS)
    assert service["healthcheck"].get("disable", False) is (name in ONCE or name in WORKERS)
    assert service["logging"]["options"]["max-size"]
    assert not any("docker.sock" in source for source, _, _ in _mounts(service))
    for _, target, mode in _mounts(service):
        assert mode == "ro" or not target.startswith("/etc/")


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    if "build" in SERVICES[name]:
        version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        assert image == f"greenlane:{version}"
    else:
        assert re.fullmatch(r"[a-z./-]+:v?\d+\.\d+(\.\d+)?(@sha256:[0-9a-f]{64})?", image)


def test_every_image_that_ours_is_built_on_is_pinned_to_a_patch() -> None:
    stages, built_on = set(), []
    for line in (KEPT / "Dockerfile").read_text().splitlines():
        if line.startswith("FROM "):
            _, image, *stage = line.split()
            built_on += [image] if image not in stages else []
            stages |= set(stage[1:])
    assert len(built_on) >= 2
    for image in built_on:
        assert re.fullmatch(r"[a-z./-]+:\d+\.\d+\.\d+(-[a-z-]+)?(@sha256:[0-9a-f]{64})?", image), image


@pytest.mark.parametrize("name", sorted(WORKERS))
def test_of_a_worker_its_server_tells_and_somebody_listens(name: str) -> None:
    server = SERVICES[f"api-{name.partition('-')[2]}"]
    # One record: the backlog that the server looks at is the worker's.
    assert server["volumes"] == SERVICES[name]["volumes"]
    assert server["secrets"] == SERVICES[name]["secrets"]
    aliases = server["networks"]["watch"]["aliases"]
    jobs = yaml.safe_load((KEPT / "observe" / "prometheus.yml").read_text())["scrape_configs"]
    scraped = {target.partition(":")[0] for job in jobs for group in job["static_configs"] for target in group["targets"]}
    assert set(aliases) <= scraped
    alerts = yaml.safe_load((KEPT / "observe" / "alerts.yml").read_text())
    assert any("greenlane_log_behind" in rule["expr"] for group in alerts["groups"] for rule in group["rules"])
    assert "greenlane_log_behind" in (ROOT / "tests" / "integration" / "web" / "metrics.txt").read_text()


def test_what_lets_in_who_joins_keeps_all_nodes_that_were_founded_and_reaches_them(founded: Path) -> None:
    service = SERVICES["permissions"]
    assert list(_mounts(service)) == [(FOUND, service["environment"]["GREENLANE_HOME"], "rw")]
    kept = own_nodes(Home(founded))
    assert sorted(node.name for node in kept) == NODES == sorted(service["depends_on"])
    for node in kept:
        assert node.rpc_url == f"http://{_addresses(node.name)['chain']}:8545"
    assert "chain" in service["networks"]
    goes_on, looks = service["command"], service["healthcheck"]["test"][1:]
    for program, *words in (goes_on, looks):
        assert program == "greenlane-node"
        assert build_node_parser().parse_args(words).command == "sync-permissions"
    assert build_node_parser().parse_args(goes_on[1:]).watch == 60
    assert build_node_parser().parse_args(looks[1:]).check is True


def test_everything_published_is_published_on_this_machine_alone() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    hosts = [port.split(":")[1] for port in published]
    assert len(hosts) == len(set(hosts))


def test_who_publishes_a_port_stands_on_a_network_with_a_way_out() -> None:
    for name, service in SERVICES.items():
        networks = set(service.get("networks", ["default"]))
        if service.get("ports"):
            assert any(not COMPOSE["networks"].get(network, {}).get("internal") for network in networks), name
        elif name not in ONCE:
            assert all(COMPOSE["networks"][network]["internal"] for network in networks), name


def test_addresses_lie_in_their_networks_and_none_is_given_twice() -> None:
    subnets = {
        name: ipaddress.ip_network(network["ipam"]["config"][0]["subnet"])
        for name, network in COMPOSE["networks"].items()
        if "ipam" in network
    }
    given = [(network, address) for name in SERVICES for network, address in _addresses(name).items()]
    assert len(given) == len(set(given))
    for network, address in given:
        assert ipaddress.ip_address(address) in subnets[network]


@pytest.mark.parametrize("name", NODES)
def test_a_chain_node_is_started_as_its_own_files_say(name: str, founded: Path) -> None:
    service, config = SERVICES[name], _config(founded, name)
    folder = BesuFolder(Path("/greenlane/besu") / name)
    assert tuple(service["command"]) == besu_command(Path("besu"), folder)[1:]
    assert service["environment"]["LOG4J_CONFIGURATION_FILE"] == besu_environment(folder)["LOG4J_CONFIGURATION_FILE"]
    address = _addresses(name)["chain"]
    assert address == config["p2p-host"] == config["rpc-http-host"] == service["environment"]["NODE_HOST"]
    assert f"/{config['rpc-http-port']} " in service["healthcheck"]["test"][-1]
    assert "localhost" in config["host-allowlist"]
    targets = [target for _, target, _ in _mounts(service)]
    for option, path in config.items():
        if isinstance(path, str) and path.startswith("/"):
            assert any(path == target or path.startswith(f"{target}/") for target in targets), option


def test_every_chain_node_that_was_founded_has_a_service(founded: Path) -> None:
    assert sorted(path.name for path in (founded / "besu").iterdir() if path.is_dir()) == NODES


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_documents_node_is_started_as_its_own_files_say(name: str, founded: Path) -> None:
    service = SERVICES[name]
    config = json.loads((founded / "kubo" / name / "config").read_bytes())
    wanted = kubo_environment(Path("/documents"))
    assert {variable: service["environment"][variable] for variable in wanted} == wanted
    address = _addresses(name)["chain"]
    assert config["Addresses"]["API"] == [f"/ip4/{address}/tcp/5001"]
    assert service["environment"]["NODE_HOST"] == address
    token = (founded / "tokens" / name).read_text().strip()
    assert config["API"]["Authorizations"]["greenlane"]["AuthSecret"] == f"bearer:{token}"
    assert "token" not in json.dumps(service["healthcheck"]["test"])


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_understands_its_variables_and_finds_its_network(name: str, founded: Path, tmp_path: Path) -> None:
    service, center = SERVICES[name], name.partition("-")[2]
    home = _on_disk(next(_mounts(service))[0], founded)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for secret in service["secrets"]:
        shutil.copy(_on_disk(COMPOSE["secrets"][secret["source"]]["file"], founded), secrets / secret["target"])
    environment = {
        variable: value.replace("/run/secrets", str(secrets)).replace("/greenlane", str(home))
        for variable, value in service["environment"].items()
    }
    settings = read_settings(environment)
    assert settings.home == home
    assert f"@postgres/{center}" in settings.database_url
    network = load_network(Home(home).network_file)
    assert network.hosted == (center,)
    assert network.sealing is not None
    nodes = {f"http://{_addresses(node)['chain']}:8545" for node in NODES}
    assert set(network.rpc_urls) <= nodes
    assert "chain" in service["networks"] and "data" in service["networks"]
    node = next(each for each in DOCUMENTS if settings.documents_url == f"http://{_addresses(each)['chain']}:5001")
    assert node == f"documents-{center}"
    assert settings.documents_token_file is not None
    assert settings.documents_token_file.read_text() == (founded / "tokens" / node).read_text()
    # What is on its way in lies in the home folder, the one place beside /tmp that the service can write.
    assert Home(settings.home).uploads.is_relative_to(home)
    assert list(_mounts(service)) == [(f"{FOUND}/servers/{center}", service["environment"]["GREENLANE_HOME"], "rw")]
    assert settings.trusted_proxies and str(_addresses("proxy")["front"]) in str(settings.trusted_proxies)


def test_each_center_asks_the_other_to_hold_its_documents(founded: Path) -> None:
    for center, other in (("tianjin", "lima"), ("lima", "tianjin")):
        home = founded / "servers" / center
        (partner,) = load_partners(home / "partners.toml")
        assert partner.center == other
        (entry,) = tomllib.loads((home / "partners.toml").read_text())["partner"]
        service = f"api-{other}"
        assert entry["url"] == f"http://{service}:{SERVICES[service]['environment']['GREENLANE_PORT']}"
        assert set(SERVICES[f"worker-{center}"]["networks"]) & set(SERVICES[service]["networks"])
        assert SERVICES[f"api-{center}"]["depends_on"]["partners"] == {"condition": "service_completed_successfully"}
        asked = SERVICES[f"worker-{center}"]["environment"]["GREENLANE_PARTNERS_FILE"]
        assert asked == f"{SERVICES[f'worker-{center}']['environment']['GREENLANE_HOME']}/partners.toml"


@pytest.mark.slow
def test_a_partners_key_stays_while_it_lives_and_is_made_anew_where_the_database_is_new(founded: Path, tmp_path: Path) -> None:
    home = tmp_path / "network"
    shutil.copytree(founded / "servers", home / "servers")

    def keys() -> set[str]:
        return {path.read_text() for path in home.glob("servers/*/partners/*.key")}

    before = keys()
    assert len(before) == 2
    first = tmp_path / "databases"
    first.mkdir()
    _make_partners(home, first)
    made = keys()
    assert len(made) == 2 and not made & before
    assert _make_partners(home, first).stdout == ""
    assert keys() == made


def test_the_door_lets_through_what_the_server_behind_takes() -> None:
    text = (KEPT / "Caddyfile").read_text()
    unit = {"MB": 10**6, "MiB": 2**20}
    most = {
        name: int(count) * unit[word] for name, count, word in re.findall(r"request_body @(\w+) \{\s+max_size (\d+)(\w+)", text)
    }
    (environment,) = {json.dumps({k: v for k, v in SERVICES[n]["environment"].items() if "_MAX_" in k}) for n in SERVERS}
    settings = read_settings(json.loads(environment))
    assert settings.max_document_bytes <= most["uploads"] <= 1.01 * settings.max_document_bytes
    assert settings.max_body_bytes <= most["others"] < most["uploads"]
    assert f"@uploads path {uploads.PREFIX} {uploads.PREFIX}/*" in text
    assert f"@others not path {uploads.PREFIX} {uploads.PREFIX}/*" in text
    # A document comes as it is: another encoding has another ETag, and no ranges.
    assert "@words not path /v1/documents/*" in text and re.findall(r"encode (\S+)", text) == ["@words"]
    # Over a line of 1 Mbit/s the largest document takes this long, and the server behind ends who is slower than he may be.
    longest_s = 8 * settings.max_document_bytes / 1_000_000
    for name in ("read_body", "write"):
        (hours,) = re.findall(rf"{name} (\d+)h\n", text)
        assert int(hours) * 3_600 > longest_s


def test_the_one_container_keeps_its_documents_on_its_volume() -> None:
    service = SERVICES["embedded"]
    settings = read_settings(service["environment"])
    assert settings.documents_url is None
    volumes = [Path(target) for source, target, mode in _mounts(service) if source in COMPOSE["volumes"] and mode == "rw"]
    for folder in (Home(settings.home).documents, Home(settings.home).uploads):
        assert any(folder.is_relative_to(volume) for volume in volumes)


def test_the_door_leads_to_services_that_are_there_on_the_port_they_listen_on() -> None:
    text = (KEPT / "Caddyfile").read_text()
    behind = re.findall(r"reverse_proxy ([a-z-]+):(\d+)", text)
    assert {name for name, _ in behind} == {name for name in SERVERS if name.startswith("api-")}
    for name, port in behind:
        assert SERVICES[name]["environment"]["GREENLANE_PORT"] == port
        assert "front" in SERVICES[name]["networks"]
        public = SERVICES[name]["environment"]["GREENLANE_PUBLIC_URL"].removeprefix("https://")
        assert f"{public} {{" in text
        assert SERVICES["proxy"]["ports"] == [f"127.0.0.1:{public.partition(':')[2]}:{public.partition(':')[2]}"]


def test_everything_that_is_watched_is_there_and_can_be_reached(founded: Path) -> None:
    jobs = yaml.safe_load((KEPT / "observe" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {job["job_name"]: [each for group in job["static_configs"] for each in group["targets"]] for job in jobs}
    assert sorted(target.partition(":")[0] for target in targets["besu"]) == NODES
    assert all(_config(founded, target.partition(":")[0])["metrics-port"] == 9545 for target in targets["besu"])
    aliases = {
        alias
        for name in SERVERS
        if isinstance(SERVICES[name]["networks"], dict)
        for alias in (SERVICES[name]["networks"].get("watch") or {}).get("aliases", ())
    }
    assert {target.partition(":")[0] for target in targets["greenlane"]} == aliases
    watch = COMPOSE["networks"]["watch"]["ipam"]["config"][0]["subnet"]
    assert {SERVICES[name]["environment"]["GREENLANE_METRICS_ALLOWED"] for name in SERVERS} == {watch}


def test_documents_are_watched() -> None:
    known = (ROOT / "tests" / "integration" / "web" / "metrics.txt").read_text()
    told = {
        name for name in re.findall(r"greenlane_[a-z_]+", known) if name.startswith(("greenlane_documents", "greenlane_partner"))
    }
    assert len(told) >= 6
    board = (KEPT / "observe" / "grafana" / "dashboards" / "greenlane.json").read_text()
    alerts = (KEPT / "observe" / "alerts.yml").read_text()
    for text in (board, alerts):
        assert {name for name in re.findall(r"greenlane_[a-z_]+", text) if name in told} == told
    panels = json.loads(board)["panels"]
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels]
    assert len(set(places)) == len(places)
    assert len({p["id"] for p in panels}) == len(panels)


def test_green_assets_are_watched() -> None:
    known = (ROOT / "tests" / "integration" / "web" / "metrics.txt").read_text()
    told = set(re.findall(r"greenlane_(?:acts|assets)_[a-z_]+", known))
    board = (KEPT / "observe" / "grafana" / "dashboards" / "greenlane.json").read_text()
    assert len(told) >= 4 and told <= set(re.findall(r"greenlane_[a-z_]+", board))
    rules = [rule for group in yaml.safe_load((KEPT / "observe" / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    for moment in (name for name in told if name.endswith("_timestamp_seconds")):
        (rule,) = (each for each in rules if moment in each["expr"])
        assert rule["annotations"]["remedy"]
        # Old is not yet wrong: a moment is compared with now.
        assert re.match(r"time\(\) - (?:min|max) by \(instance\) \(" + moment + r"\) > \d+$", rule["expr"])


def test_dashboard_and_alerts_ask_for_metrics_that_there_are() -> None:
    board = json.loads((KEPT / "observe" / "grafana" / "dashboards" / "greenlane.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    alerts = yaml.safe_load((KEPT / "observe" / "alerts.yml").read_text())
    asked += [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for text in asked for name in re.findall(r"greenlane_[a-z_]+", text)}
    known = (ROOT / "tests" / "integration" / "web" / "metrics.txt").read_text()
    assert [name for name in sorted(ours) if name.removesuffix("_total") not in known] == []
    assert all(rule["annotations"].keys() >= {"summary"} for group in alerts["groups"] for rule in group["rules"])


def test_every_variable_of_the_file_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    named = {found for line in lines for found in _VARIABLE.findall(line)}
    assert named == {"NETWORK_OWNER"}
    assert "${NETWORK_OWNER:-" in text


def test_the_image_is_built_of_files_that_are_there_and_let_in() -> None:
    lines = (KEPT / "Dockerfile").read_text().splitlines()
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    for sources in copied:
        for source in sources:
            assert (ROOT / source).exists()
            assert source in let_in
    assert "USER 10001:10001" in lines


@pytest.mark.parametrize("script", sorted(KEPT.glob("*.sh")), ids=lambda path: path.name)
def test_every_script_is_one(script: Path) -> None:
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    assert os.access(script, os.X_OK)


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not here")
def test_docker_compose_calls_it_valid(founded: Path) -> None:
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if asked.returncode != 0:
        pytest.skip("docker is here without its compose plugin")
    done = subprocess.run(
        ["docker", "compose", "--profile", "*", "config", "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
