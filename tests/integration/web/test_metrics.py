"""What an operator's Prometheus reads is what is so, and nobody else reads it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from greenlane.core.assets.act import Act
from greenlane.core.units import Address, CenterId, TreeSize, TxHash
from greenlane.ports.acts import ActKind, ActState, KeptAct
from greenlane.ports.asset_ledger import AssetContract, SignedAct
from greenlane.ports.errors import StoreUnavailable
from greenlane.ports.holds import DocumentsStanding, PartnerStanding
from greenlane.ports.outbox import SignedTransaction, anchor_purpose
from greenlane.settings import IpNetwork, read_settings
from greenlane.web import metrics, readiness
from greenlane.web.readiness import BEHIND_S
from prometheus_client.parser import text_string_to_metric_families
from worlds.deployment import COOPERATIVE, LIMA, START, TIANJIN, World, close_world, make_world, sealed_chain
from worlds.events import event_document
from worlds.web import Site, serve

NAMES = Path(__file__).with_name("metrics.txt")


@pytest.fixture
def site(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A served world that is looked at anew for each scrape."""
    for module in (readiness, metrics):
        monkeypatch.setattr(module, "_FRESH_S", 0.0)
    with serve(world) as served:
        yield served


@pytest.fixture
def sealed_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The same over a chain whose validators seal it."""
    for module in (readiness, metrics):
        monkeypatch.setattr(module, "_FRESH_S", 0.0)
    world = make_world(tmp_path, sealed=sealed_chain())
    world.ledger.mine(round=1)
    world.clock.now = world.ledger.health().head_at
    with serve(world) as served:
        yield served
    close_world(world)


Sample = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(site: Site) -> Sample:
    """Every series of one scrape, by name and labels; those of a process without its number."""
    answer = site.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.headers["cache-control"] == "no-store"
    found: Sample = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation and family.type != "unknown", family.name
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "process"}
            found[sample.name, tuple(sorted(labels.items()))] = sample.value
    return found


def value(found: Sample, name: str, **labels: str) -> float | None:
    return found.get((f"greenlane_{name}", tuple(sorted(labels.items()))))


def names(found: Sample) -> set[str]:
    return {name for name, _ in found}


def test_logs_outbox_and_chain_are_told_as_they_are(sealed_site: Site) -> None:
    world = sealed_site.world
    world.take(3)
    world.settle()
    world.gather_seals()
    world.take(1, first=3)
    world.settle()
    world.take(2, first=4)
    world.publish(LIMA)
    world.take(4, first=6)
    head = world.ledger.health()
    world.clock.now = head.head_at + timedelta(seconds=9)
    signer = Address(bytes(20))
    with world.store.write() as tx:
        tx.outbox.add(
            chain_id=world.ledger.trust_file.chain_id,
            signer=signer,
            nonce=tx.outbox.lock_signer(world.ledger.trust_file.chain_id, signer),
            purpose=anchor_purpose(LIMA, TreeSize(6)),
            sign=lambda _nonce: SignedTransaction(tx_hash=TxHash(bytes(32)), raw=b"signed"),
            at=world.clock.now,
        )
    found = scrape(sealed_site)
    stages = {
        stage: value(found, "log_entries", center=LIMA, stage=stage) for stage in ("captured", "published", "anchored", "sealed")
    }
    assert stages == {"captured": 10, "published": 6, "anchored": 4, "sealed": 3}
    assert value(found, "log_entries", center=TIANJIN, stage="captured") == 0
    assert (value(found, "log_behind", center=LIMA), value(found, "log_waiting_seconds", center=TIANJIN)) == (0, 0)
    assert (value(found, "ready"), value(found, "chain_answers"), value(found, "outbox_pending")) == (1, 1, 1)
    assert {probe: value(found, "probe_passed", probe=probe) for probe in ("database", "chain", "logs")} == {
        "database": 1,
        "chain": 1,
        "logs": 1,
    }
    assert value(found, "chain_head_number") == head.head_number
    assert value(found, "chain_head_timestamp_seconds") == head.head_at.timestamp()
    assert 9 <= (value(found, "chain_head_age_seconds") or 0) <= 12
    assert (value(found, "chain_head_round"), value(found, "chain_stands_still")) == (0, 0)
    assert value(found, "chain_validators") == 4
    assert 0 < (value(found, "chain_followed_to_block") or 0) <= head.head_number
    assert value(found, "chain_nodes_agree") is None
    world.ledger.is_agreed = False
    world.ledger.mine(round=3)
    world.clock.now = world.ledger.health().head_at + timedelta(seconds=BEHIND_S + 20)
    found = scrape(sealed_site)
    assert (value(found, "chain_nodes_agree"), value(found, "chain_head_round"), value(found, "chain_stands_still")) == (0, 3, 1)
    assert (value(found, "probe_passed", probe="chain"), value(found, "ready")) == (0, 1)
    assert (value(found, "log_waiting_seconds", center=LIMA) or 0) > 0


def test_what_is_not_known_is_absent_and_not_nought(site: Site) -> None:
    found = scrape(site)
    of_seals = {f"greenlane_chain_{name}" for name in ("head_round", "stands_still", "validators", "followed_to_block")}
    assert not names(found) & of_seals, "nobody seals this chain"
    assert value(found, "log_entries", center=LIMA, stage="sealed") is None
    site.world.ledger.is_away = True
    found = scrape(site)
    assert value(found, "chain_answers") == 0
    assert not names(found) & {"greenlane_chain_head_number", "greenlane_chain_nodes_agree"}
    assert value(found, "log_entries", center=LIMA, stage="captured") == 0


def test_a_chain_that_is_another_is_told_as_nodes_that_do_not_agree(site: Site) -> None:
    site.world.ledger.is_other_chain = True
    found = scrape(site)
    assert (value(found, "chain_answers"), value(found, "chain_nodes_agree")) == (1, 0)
    assert value(found, "probe_passed", probe="chain") == 0


def test_without_its_database_a_server_still_tells_that_it_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise StoreUnavailable("The disk is gone.")

    with serve(world) as site:
        monkeypatch.setattr(world.store, "read", away)
        found = scrape(site)
    assert (value(found, "ready"), value(found, "probe_passed", probe="database")) == (0, 0)
    assert not names(found) & {"greenlane_log_entries", "greenlane_outbox_pending", "greenlane_documents_store_up"}


def test_requests_are_counted_by_the_template_of_their_route(site: Site) -> None:
    for path in ("/v1/centers/lima", "/v1/centers/tianjin", "/v1/centers/nowhere", "/no/such/path", "/v1/receipts/" + "0" * 64):
        site.get(path)
    site.send("HEAD", "/v1/centers")
    site.send("DELETE", "/v1/centers")
    site.send("PROPFIND", "/v1/centers")
    site.post("/epcis/v2/events", key=site.member, json={})
    found = scrape(site)

    def requests(method: str, route: str, status: str) -> float | None:
        return value(found, "http_requests_total", method=method, route=route, status=status)

    assert requests("GET", "/v1/centers/{center_id}", "2xx") == 2
    assert requests("GET", "/v1/centers/{center_id}", "4xx") == 1
    assert requests("GET", "/v1/receipts/{event_hash:path}", "4xx") == 1
    assert requests("GET", "unmatched", "4xx") == 1
    assert requests("HEAD", "/v1/centers", "2xx") == 1
    assert requests("POST", "/epcis/v2/events", "4xx") == 1
    methods = {dict(labels)["method"] for name, labels in found if name == "greenlane_http_requests_total"}
    assert methods == {"GET", "HEAD", "POST", "DELETE", "other"}, "a method that nobody takes makes no series of its own"
    assert value(found, "http_request_seconds_count", route="/v1/centers/{center_id}") == 3
    assert value(found, "http_request_seconds_bucket", route="/v1/centers/{center_id}", le="+Inf") == 3
    assert not any(name.endswith("_created") for name in names(found))


def test_captured_events_are_counted_new_ones_and_known_ones(site: Site) -> None:
    document = event_document(1)
    for _ in range(2):
        assert site.post("/epcis/v2/events", key=site.member, json=document).status_code == 201
    assert site.post("/epcis/v2/events", key=site.operator, member=COOPERATIVE, json=event_document(2)).status_code == 201
    found = scrape(site)
    assert value(found, "captured_events_total", center=LIMA, kind="new") == 2
    assert value(found, "captured_events_total", center=LIMA, kind="known") == 1


def test_each_application_counts_for_itself(world: World) -> None:
    with serve(world) as one, serve(world) as other:
        for _ in range(3):
            one.get("/v1/centers")
        counts = [
            value(scrape(each), "http_requests_total", method="GET", route="/v1/centers", status="2xx") for each in (one, other)
        ]
    assert counts == [3, None]


def test_documents_are_told_as_the_last_comparison_found_them_and_not_before(site: Site) -> None:
    before = names(scrape(site))
    told = {name for name in before if name.startswith(("greenlane_document", "greenlane_partner"))}
    assert told == {"greenlane_documents_store_up"}
    note(site.world)
    found = scrape(site)
    states = {
        (kept_for, state): value(found, "documents", kept_for=kept_for, state=state)
        for kept_for in ("members", "partners")
        for state in ("wanted", "held", "missing")
    }
    assert states == {
        ("members", "wanted"): 9,
        ("members", "held"): 7,
        ("members", "missing"): 2,
        ("partners", "wanted"): 4,
        ("partners", "held"): 4,
        ("partners", "missing"): 0,
    }
    assert [value(found, "documents_replicated", partners=str(copies)) for copies in range(4)] == [8, 0, 1, None]
    assert value(found, "documents_damaged") == 3
    assert value(found, "documents_compared_timestamp_seconds") == START.timestamp()
    assert [value(found, "partner_answers", partner=partner) for partner in ("hanoi", "callao")] == [1, 0]
    assert [value(found, "partner_waiting", partner=partner) for partner in ("hanoi", "callao")] == [0, 5]


def test_while_their_store_is_away_documents_are_told_neither_as_held_nor_as_missing(site: Site) -> None:
    note(site.world)
    counted = {"greenlane_documents", "greenlane_documents_damaged"}
    found = scrape(site)
    assert (value(found, "documents_store_up"), value(found, "probe_passed", probe="documents")) == (1, 0)
    assert counted <= names(found)
    site.world.documents.is_away = True
    found = scrape(site)
    assert (value(found, "documents_store_up"), value(found, "ready")) == (0, 1)
    assert not counted & names(found), "what it held when it was compared last says nothing"
    assert value(found, "documents_compared_timestamp_seconds") == START.timestamp()
    assert value(found, "documents_replicated", partners="2") == 1, "what partners hold is no worse"
    site.world.documents.is_away = False
    assert counted <= names(scrape(site))


def note(world: World) -> None:
    """Has a comparison of documents end."""
    partners = (
        PartnerStanding(center=CenterId("hanoi"), waiting=0, away_since=None),
        PartnerStanding(center=CenterId("callao"), waiting=5, away_since=START),
    )
    standing = DocumentsStanding(
        at=START, wanted=9, wanted_here=7, holds=4, holds_here=4, damaged=3, replicas=((0, 8), (2, 1)), partners=partners
    )
    with world.store.write() as tx:
        tx.holds.note(standing)


def keep_act(world: World) -> None:
    """An act of the cooperative that waits for the chain."""
    act = Act(account=Address(bytes(range(20))), salt=bytes(32), not_after=2_000_000_000, call=b"")
    kept = KeptAct(
        digest=bytes(range(32)),
        center=LIMA,
        member=COOPERATIVE,
        kind=ActKind.TRANSFER,
        signed=SignedAct(contract=AssetContract.GREEN_ASSET, act=act, signature=bytes(65)),
        subject="0x",
        line=None,
        asked={},
        state=ActState.KEPT,
        kept_at=world.clock(),
    )
    with world.store.write() as tx:
        tx.acts.add(kept)


def test_acts_that_wait_and_how_far_assets_were_followed_are_told(site: Site) -> None:
    def probe() -> dict[str, object]:
        probes = {each["name"]: each for each in site.get("/health/ready").json()["probes"]}
        found: dict[str, object] = probes["green-assets"]
        return found

    found = scrape(site)
    assert names(found) & {"greenlane_acts_oldest_kept_timestamp_seconds", "greenlane_assets_followed_block"} == set()
    assert (probe()["verdict"], probe()["isNeeded"]) == ("passed", False)
    site.world.asset_work.follow()
    keep_act(site.world)
    site.world.clock.now += timedelta(seconds=600)
    late = probe()
    assert late["verdict"] == "failed" and "1 acts wait" in str(late["words"]) and "worker" in str(late["words"])
    found = scrape(site)
    assert (value(found, "acts_waiting", center=LIMA), value(found, "acts_waiting", center=TIANJIN)) == (1, 0)
    assert site.get("/health/ready").status_code == 200


def test_every_metric_is_in_the_list_that_dashboards_are_made_of(sealed_site: Site) -> None:
    note(sealed_site.world)
    sealed_site.world.ledger.is_agreed = True
    sealed_site.post("/epcis/v2/events", key=sealed_site.member, json=event_document(1))
    sealed_site.world.asset_work.follow()
    keep_act(sealed_site.world)
    text = sealed_site.get("/metrics").text
    told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    assert sorted(told) == NAMES.read_text(encoding="utf-8").split()
    assert all(re.fullmatch(r"greenlane_[a-z_]+", name) for name in told)


def allowed(text: str) -> tuple[IpNetwork, ...]:
    return read_settings({"GREENLANE_METRICS_ALLOWED": text}).metrics_allowed


def test_metrics_are_for_addresses_that_are_named(world: World) -> None:
    for named, status in (("127.0.0.1", 200), ("10.0.0.0/8,::1", 403), ("", 403), ("0.0.0.0/0", 200)):
        with serve(world, metrics_allowed=allowed(named)) as site:
            answer = site.get("/metrics")
            assert answer.status_code == status, named
            if status == 403:
                assert answer.json()["code"] == "metrics-forbidden"
                assert "greenlane_" not in answer.text
                assert site.get("/health/ready").status_code == 200


def test_a_proxy_that_nobody_named_lends_its_address_to_no_stranger(world: World) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        with serve(world) as site:
            assert site.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403
    with serve(world, trusted_proxies=("127.0.0.1",)) as site:
        assert site.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 403
        assert site.get("/metrics", headers={"X-Forwarded-For": "127.0.0.9"}).status_code == 200


def test_a_proxy_that_says_nothing_of_strangers_lets_none_in_where_a_server_is_public(world: World) -> None:
    """As nginx and HAProxy do unless told otherwise: the request comes from this machine and no header tells of anybody else."""
    for public_url, status in (("https://greenlane.example", 403), ("http://127.0.0.1:8600", 200)):
        settings = read_settings({"GREENLANE_PUBLIC_URL": public_url})
        with serve(world, metrics_allowed=settings.metrics_allowed) as site:
            answer = site.get("/metrics")
            assert answer.status_code == status, public_url
            assert status == 200 or "GREENLANE_METRICS_ALLOWED" in answer.json()["remedy"]
    named = read_settings({"GREENLANE_PUBLIC_URL": "https://greenlane.example", "GREENLANE_METRICS_ALLOWED": "127.0.0.1"})
    with serve(world, metrics_allowed=named.metrics_allowed) as site:
        assert site.get("/metrics").status_code == 200


@pytest.mark.parametrize(
    ("environment", "is_for_this_machine"),
    [
        ({}, True),
        ({"PUBLIC_URL": "http://localhost:8600/"}, True),
        ({"PUBLIC_URL": "http://[::1]:8600"}, True),
        ({"PUBLIC_URL": "http://127.8.0.1"}, True),
        ({"HOST": "::1"}, True),
        ({"HOST": "0.0.0.0"}, False),
        ({"HOST": "::"}, False),
        ({"HOST": "10.0.0.7"}, False),
        ({"PUBLIC_URL": "https://greenlane.example"}, False),
        ({"PUBLIC_URL": "https://lima.localhost:8443"}, False),
        ({"PUBLIC_URL": "http://localhost.greenlane.example"}, False),
        ({"HOST": "127.0.0.1", "PUBLIC_URL": "https://10.0.0.7"}, False),
    ],
)
def test_by_default_metrics_are_for_this_machine_where_the_server_is_and_else_for_nobody(
    environment: dict[str, str], is_for_this_machine: bool
) -> None:
    given = {f"GREENLANE_{name}": value for name, value in environment.items()}
    assert read_settings(given).metrics_allowed == (allowed("127.0.0.0/8,::1") if is_for_this_machine else ())
    assert read_settings({**given, "GREENLANE_METRICS_ALLOWED": "10.0.0.0/8"}).metrics_allowed == allowed("10.0.0.0/8")


def test_who_scrapes_too_often_is_told_to_wait(world: World) -> None:
    with serve(world, public_rate=3) as site:
        assert [site.get("/metrics").status_code for _ in range(4)] == [200, 200, 200, 429]
