"""Default deny: each route is guarded by one permission, or stands in the list of public ones."""

from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from greenlane.ports.accounts import KeyRole
from greenlane.settings import read_settings
from greenlane.web.app import create_app
from greenlane.web.auth import GRANTS, Guard, Permission, count_address, count_asker, page_reader_of, reader_of
from starlette.routing import Route
from worlds.deployment import LIMA, World
from worlds.events import CONTEXT, GTIN, event_document
from worlds.web import Site, services_of

# Public because it answers with nothing but what the center shows to everyone. Additions are decisions: docs/trust.md.
_PUBLIC = {
    ("GET", "/"),
    ("GET", "/find"),
    ("GET", "/verify/{event_hash:path}"),
    ("GET", "/documents"),
    ("GET", "/documents/{cid}"),
    ("GET", "/problems"),
    ("GET", "/problems/{code}"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/supply"),
    ("GET", "/retirements/{retirement_id}"),
    ("GET", "/v1/retirements/{retirement_id}/certificate"),
    ("GET", "/v1/retirements/{retirement_id}/certificate.pdf"),
    ("GET", "/v1/receipts/{event_hash:path}"),
    ("GET", "/v1/centers"),
    ("GET", "/v1/centers/{center_id}"),
    ("GET", "/v1/centers/{center_id}/log/checkpoint"),
    ("GET", "/v1/centers/{center_id}/log/tile/entries/{path:path}"),
    ("GET", "/v1/centers/{center_id}/log/tile/{path:path}"),
    ("GET", "/v1/trust"),
    ("GET", "/v1/documents"),
    ("GET", "/v1/documents/{cid}"),
    ("GET", "/v1/documents/{cid}/about"),
    ("GET", "/v1/documents/{cid}/receipt"),
    ("GET", "/v1/documents/{cid}/receipt.age"),
    *(("GET", f"/v1/{path}") for path in ("asset-classes", "asset-classes/{class_id}", "supply", "assets/{token}")),
    *(("GET", f"/v1/evidence/{{digest}}{path}") for path in ("", "/receipt")),
    ("GET", "/v1/retirements/{retirement_id}"),
    ("GET", "/v1/labels"),
    ("GET", "/v1/labels/{label_id}"),
    ("GET", "/v1/labels/{label_id}/validity"),
    ("GET", "/health/ready"),
    # To the addresses that the operator names, and to no other: see test_metrics.
    ("GET", "/metrics"),
    *(("GET", f"/{ai}/{{value:path}}") for ai in ("00", "01", "253", "255", "401", "402", "414", "417")),
    *(("GET", f"/{ai}/{{value:path}}") for ai in ("8003", "8004", "8006", "8010", "8017", "8018")),
}
# Public, and not even counted by address: they read no data.
_UNCOUNTED = {
    ("GET", "/static/greenlane.css"),
    ("GET", "/static/{name}"),
    ("GET", "/health/live"),
    ("OPTIONS", "/epcis/v2"),
    ("OPTIONS", "/epcis/v2/capture"),
    ("OPTIONS", "/epcis/v2/capture/{capture_id}"),
    ("OPTIONS", "/epcis/v2/events"),
    ("OPTIONS", "/epcis/v2/events/{event_id:path}"),
    ("OPTIONS", "/v1/uploads"),
    ("OPTIONS", "/v1/uploads/{upload_id}"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
}
_GUARDED = {
    ("POST", "/epcis/v2/capture"): Permission.CAPTURE,
    ("POST", "/epcis/v2/events"): Permission.CAPTURE,
    ("GET", "/epcis/v2/capture/{capture_id}"): Permission.SEE_CAPTURE,
    ("GET", "/epcis/v2/events"): Permission.READ,
    ("GET", "/epcis/v2/events/{event_id:path}"): Permission.READ,
    ("POST", "/v1/centers/{center_id}/log/{leaf_index}/forget-salt"): Permission.FORGET,
    ("POST", "/v1/uploads"): Permission.STORE,
    ("GET", "/v1/uploads/{upload_id}"): Permission.STORE,
    ("PATCH", "/v1/uploads/{upload_id}"): Permission.STORE,
    ("POST", "/v1/uploads/{upload_id}"): Permission.STORE,
    ("DELETE", "/v1/uploads/{upload_id}"): Permission.STORE,
    ("POST", "/v1/documents"): Permission.STORE,
    ("GET", "/v1/members/{member}/reader-keys"): Permission.SEE_READERS,
    ("POST", "/v1/members/{member}/reader-keys"): Permission.STORE,
    ("DELETE", "/v1/members/{member}/reader-keys/{recipient}"): Permission.STORE,
    ("GET", "/v1/holds"): Permission.HOLD,
    ("POST", "/v1/holds"): Permission.HOLD,
    ("DELETE", "/v1/holds/{cid}"): Permission.HOLD,
    ("GET", "/v1/me"): Permission.SEE_SELF,
    ("GET", "/sign-out"): Permission.SEE_SELF,
    ("POST", "/sign-out"): Permission.SEE_SELF,
    ("GET", "/purchases"): Permission.ORDER,
    ("GET", "/purchases/{purchase_id}"): Permission.ORDER,
    ("GET", "/purchases/{purchase_id}/cancel"): Permission.ORDER,
    ("POST", "/purchases/{purchase_id}/cancel"): Permission.ORDER,
    **{
        (method, f"/purchases/{{purchase_id}}/lines/{{number}}/{verb}"): Permission.TRADE
        for method in ("GET", "POST")
        for verb in ("accept", "return", "retire")
    },
    ("GET", "/acts/{digest}"): Permission.SEE_TRADE,
    ("GET", "/reports/spend"): Permission.ORDER,
    ("GET", "/reports/spend.xlsx"): Permission.ORDER,
    ("GET", "/reports/spend.csv"): Permission.ORDER,
    **{
        ("POST", f"/v1/{path}"): Permission.TRADE
        for path in ("transfers", "key-followings", "cancellations", "escrows", "retirements", "evidence")
    },
    **{("POST", f"/v1/escrows/{{escrow_id}}/{path}"): Permission.TRADE for path in ("acceptance", "return")},
    ("POST", "/v1/evidence/{digest}/issuances"): Permission.TRADE,
    ("PUT", "/v1/evidence/{digest}"): Permission.TRADE,
    ("DELETE", "/v1/evidence/{digest}"): Permission.TRADE,
    **{("POST", f"/v1/evidence/{{digest}}/{path}"): Permission.CERTIFY for path in ("signature", "refusal", "revocation")},
    **{("GET", f"/v1/{path}"): Permission.SEE_TRADE for path in ("acts", "acts/{digest}", "escrows", "holdings", "evidence")},
    ("GET", "/v1/assets/{token}/holders"): Permission.SEE_TRADE,
    ("GET", "/v1/escrows/{escrow_id}"): Permission.SEE_TRADE,
    ("POST", "/v1/purchases"): Permission.ORDER,
    ("POST", "/v1/purchases/{purchase_id}/cancellation"): Permission.ORDER,
    ("PUT", "/v1/purchases/{purchase_id}/lines/{number}"): Permission.ORDER,
    **{("GET", f"/v1/purchases{path}"): Permission.ORDER for path in ("", "/{purchase_id}", "/{purchase_id}/check")},
    ("GET", "/v1/balances"): Permission.READ,
    ("GET", "/v1/conversion-factors"): Permission.READ,
    ("POST", "/v1/conversion-factors"): Permission.DECLARE,
    ("POST", "/v1/labels"): Permission.DECLARE,
}


def _calls(dependant: Dependant) -> list[Any]:
    return [call for part in dependant.dependencies for call in (part.call, *_calls(part))]


def _routes(routes: Any) -> list[Any]:
    """Every route, those of included routers too."""
    found: list[Any] = []
    for route in routes:
        # FastAPI keeps an included router whole, and reads its routes when the first request comes.
        inner = getattr(route, "original_router", None)
        found.extend([route] if inner is None else _routes(inner.routes))
    return found


def test_every_route_is_guarded_by_one_permission_or_known_to_be_public(world: World) -> None:
    app = create_app(services_of(world), read_settings({}))
    public: set[tuple[str, str]] = set()
    uncounted: set[tuple[str, str]] = set()
    guarded: dict[tuple[str, str], Permission] = {}
    for route in _routes(app.routes):
        assert isinstance(route, Route), f"{route} is no plain route: nobody has looked at who may use it"
        calls = _calls(route.dependant) if isinstance(route, APIRoute) else []
        guards = [call for call in calls if isinstance(call, Guard)]
        for method in cast(set[str], route.methods):
            if guards:
                (guard,) = guards
                guarded[method, route.path] = guard.permission
            elif {reader_of, page_reader_of, count_address, count_asker} & set(calls):
                public.add((method, route.path))
            else:
                uncounted.add((method, route.path))
    assert guarded == _GUARDED
    assert public == _PUBLIC
    assert uncounted == _UNCOUNTED


@pytest.mark.parametrize("role", list(KeyRole))
def test_each_role_may_do_what_it_is_granted_and_nothing_else(site: Site, role: KeyRole) -> None:
    key = {
        KeyRole.OPERATOR: site.operator,
        KeyRole.FACILITATOR: site.facilitator,
        KeyRole.MEMBER: site.member,
        KeyRole.READER: site.reader,
        KeyRole.PARTNER: site.partner,
    }[role]
    uses = {
        Permission.CAPTURE: ("POST", "/epcis/v2/events"),
        Permission.SEE_CAPTURE: ("GET", "/epcis/v2/capture/none"),
        Permission.READ: ("GET", "/epcis/v2/events"),
        Permission.FORGET: ("POST", "/v1/centers/lima/log/0/forget-salt"),
        Permission.HOLD: ("GET", "/v1/holds"),
        Permission.STORE: ("GET", f"/v1/uploads/{'0' * 32}"),
        Permission.SEE_READERS: ("GET", "/v1/members/cooperative/reader-keys"),
        Permission.SEE_SELF: ("GET", "/v1/me"),
        Permission.DECLARE: ("POST", "/v1/labels"),
        Permission.TRADE: ("POST", "/v1/transfers"),
        Permission.SEE_TRADE: ("GET", f"/v1/acts/0x{'0' * 64}"),
        Permission.CERTIFY: ("POST", f"/v1/evidence/0x{'0' * 64}/refusal"),
        Permission.ORDER: ("GET", "/v1/purchases"),
    }
    assert set(uses) == set(Permission)
    for permission, (method, path) in uses.items():
        answer = site.send(method, path, key=key)
        is_refused = answer.status_code == 403 and answer.json()["code"] == "permission-missing"
        assert is_refused != (permission in GRANTS[role]), permission


def test_every_live_key_is_told_whose_it_is_and_nobody_else_is(site: Site) -> None:
    told = {key: site.get("/v1/me", key=key).json() for key in (site.member, site.operator, site.reader, site.partner)}
    assert [(each["role"], each["member"]) for each in told.values()] == [
        ("member", "cooperative"),
        ("operator", None),
        ("reader", None),
        ("partner", None),
    ]
    assert {each["center"] for each in told.values()} == {LIMA}
    assert all(key.startswith(f"gl_{each['keyId']}_") and key not in str(each) for key, each in told.items())
    soon = site.world.clock.now + timedelta(days=1)
    _, text = site.world.enrol.issue_key(
        center=LIMA, role=KeyRole.PARTNER, member=None, label="hanoi", expires_at=soon, actor="console"
    )
    answer = site.get("/v1/me", key=text)
    assert answer.headers["cache-control"] == "private, no-store"
    assert (answer.json()["label"], datetime.fromisoformat(answer.json()["expiresAt"])) == ("hanoi", soon)
    site.world.clock.now = soon
    refused = [site.get("/v1/me", key=key) for key in (text, None, "gl_0000000000000000_" + "A" * 43)]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(401, "unauthenticated")] * 3


def _document(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-06-01T00:00:00Z",
        "epcisBody": {"eventList": [event]},
    }


def test_a_members_key_reads_no_other_members_private_events_and_its_center_reads_all(site: Site) -> None:
    kept = site.post("/epcis/v2/events", key=site.roaster, json=event_document(1))
    digest = kept.json()["eventHash"].partition(";")[2].partition("?")[0]
    job = site.post("/epcis/v2/capture", key=site.roaster, json=_document(event_document(2))).headers["location"]
    site.world.settle()
    paths = [
        f"/epcis/v2/events/{digest}",
        f"/v1/receipts/{digest}",
        f"/verify/{digest}",
        f"/01/{GTIN}/21/1",
        f"/epcis/v2/capture/{job.rpartition('/')[2]}",
    ]
    seen = {
        key: [site.get(path, key=key, headers={"Accept": "application/json"}).status_code for path in paths]
        for key in (site.roaster, site.member, site.reader, site.operator, site.stranger)
    }
    assert seen[site.roaster] == seen[site.reader] == seen[site.operator] == [200] * 5
    assert seen[site.member] == seen[site.stranger] == [404] * 5
    listed = {key: site.get("/epcis/v2/events", key=key).json() for key in (site.roaster, site.member, site.reader)}
    counts = [len(answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) for answer in listed.values()]
    assert counts == [2, 0, 2]


def test_a_salt_is_forgotten_by_the_operator_of_its_center_once_and_for_ever(site: Site) -> None:
    site.post("/epcis/v2/events", key=site.roaster, json=event_document(1))
    site.world.settle()
    path = f"/v1/centers/{LIMA}/log/0/forget-salt"
    assert site.post(path).status_code == 401
    assert site.post(path, key=site.roaster).status_code == 403
    wrong = site.post(path, key=site.stranger)
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong-center")
    assert site.post(f"/v1/centers/{LIMA}/log/x/forget-salt", key=site.operator).status_code == 400
    assert site.post(f"/v1/centers/{LIMA}/log/7/forget-salt", key=site.operator).status_code == 404
    assert site.post(path, key=site.operator, once="k").status_code == 204
    assert site.post(path, key=site.operator, once="k").status_code == 204
    again = site.post(path, key=site.operator)
    assert (again.status_code, again.json()["code"]) == (404, "nothing-to-forget")
    with site.world.store.read() as tx:
        lines = [line for _, line in tx.audit.lines(LIMA, limit=1000) if line.action == "salt.forget"]
    assert [line.subject for line in lines] == ["0"]


def test_pages_forbid_scripts_frames_and_guessing_and_anyone_may_fetch_what_is_public(site: Site) -> None:
    headers = site.get("/").headers
    assert "script-src" not in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in site.post("/epcis/v2/events", key=site.member, json=event_document(1)).headers
