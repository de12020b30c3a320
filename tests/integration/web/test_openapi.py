"""The committed snapshot of the interface, and the pages of problems, follow the source."""

import runpy
from importlib.metadata import version
from pathlib import Path

import httpx
from greenlane.web.problems import problem_kinds
from worlds.web import Site

_SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "openapi.py"


def test_the_openapi_snapshot_is_what_the_application_says(site: Site) -> None:
    script = runpy.run_path(str(_SCRIPT))
    assert script["SNAPSHOT"].read_bytes() == script["snapshot"](), "run `python scripts/openapi.py` and look at the difference"
    served = site.get("/openapi.json").json()
    assert served["info"]["version"] == version("greenlane")
    assert set(served["paths"]) >= {"/epcis/v2/capture", "/v1/receipts/{event_hash}", "/verify/{event_hash}", "/01/{value}"}


def test_every_kind_of_problem_has_a_page_that_says_what_it_means(site: Site) -> None:
    kinds = problem_kinds()
    assert {"wrong-check-digit", "idempotency-key-reused", "receipt-not-ready", "body-too-large"} <= set(kinds)
    for kind in kinds.values():
        assert kind.meaning.endswith("."), f"{kind.code} has no sentence that says what it means"
    code = "idempotency-key-reused"
    page: httpx.Response = site.get(f"/problems/{code}", headers={"Accept": "text/html"})
    assert page.status_code == 200 and kinds[code].meaning in page.text and "409" in page.text
    assert site.get(f"/problems/{code}", headers={"Accept": "application/json"}).json()["code"] == code
    assert code in site.get("/problems").text
