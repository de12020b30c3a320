"""The application as a deployment's folder makes it, with its real adapters, and no chain."""

import asyncio
from pathlib import Path

import httpx
import pytest
from greenlane.bootstrap import open_deployment
from greenlane.settings import read_settings
from worlds.home import NOBODY, make_home


@pytest.mark.parametrize(
    ("urls", "names"),
    [
        ("", [NOBODY]),
        ("http://127.0.0.1:7,https://two.example/secret-key", ["http://127.0.0.1:7", "https://two.example"]),
    ],
)
def test_pages_ask_every_node_that_the_deployment_knows(tmp_path: Path, urls: str, names: list[str]) -> None:
    variables = {"GREENLANE_HOME": str(make_home(tmp_path / "home"))} | ({"GREENLANE_RPC_URLS": urls} if urls else {})
    with open_deployment(read_settings(variables)) as deployment:
        nodes = deployment.app().state.web.services.judge_nodes
    assert [node.name for node in nodes] == names


def test_a_deployment_whose_chain_nobody_runs_is_ready_and_says_what_is_away(tmp_path: Path) -> None:
    async def asked(app: object) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test.example") as client:
            return await client.get("/health/ready")

    with open_deployment(read_settings({"GREENLANE_HOME": str(make_home(tmp_path / "home"))})) as deployment:
        answer = asyncio.run(asked(deployment.app()))
    assert answer.status_code == 200
    verdicts = {probe["name"]: probe["verdict"] for probe in answer.json()["probes"]}
    expected = {"database": "passed", "chain": "failed", "logs": "passed", "documents": "passed", "green-assets": "passed"}
    assert verdicts == expected
    assert [log["captured"] for log in answer.json()["logs"]] == [0, 0, 0]
