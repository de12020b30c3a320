"""Two deployments on one chain: units issued through Lima's are bought, checked and claimed through Tianjin's.

with two_deployments(site, tmp_path / "tianjin") as two:
    token = two.lima.issued("10")
    purchase = two.bought(token)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from greenlane.bootstrap import assemble_assets
from greenlane.core.documents.description import MemberName
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from greenlane.services.bring import BringStep
from worlds.deployment import TIANJIN, World, close_world, make_world
from worlds.trade import CITY, Trade
from worlds.web import Site, issue, serve

BUYER = MemberName(center=TIANJIN, member=CITY)


@dataclass
class Two:
    """Lima's market, and the buyer's deployment."""

    lima: Trade
    tianjin: Site
    buyer: str

    def run(self) -> None:
        """Brings and follows at the buyer's until nothing is left to do."""
        for _ in range(20):
            work = self.tianjin.world.asset_work
            step = work.bring(TIANJIN).step
            if work.follow() and step is BringStep.CURRENT:
                return
        raise AssertionError("the acts were never settled")

    def put(self, digest: str, *, key: str | None = None, **changes: Any) -> httpx.Response:
        """Makes Lima's statement known to Tianjin."""
        told = self.lima.site.get(f"/v1/evidence/{digest}", key=self.lima.seller).json()
        body = {"statement": told["statement"], "signature": told["signature"]} | changes
        return self.tianjin.send("PUT", f"/v1/evidence/{digest}", key=key or self.buyer, json=body)

    def accepted(self, answer: httpx.Response) -> dict[str, Any]:
        """An act of the buyer's that the chain carried out."""
        assert answer.status_code == 202, answer.text
        self.run()
        act: dict[str, Any] = self.tianjin.get(f"/v1/acts/{answer.json()['digest']}", key=self.buyer).json()
        assert act["state"] == "done", act
        return act

    def checks(self, purchase: str) -> dict[str, Any]:
        (line,) = self.tianjin.get(f"/v1/purchases/{purchase}/check", key=self.buyer).json()["lines"]
        return {check["name"]: check for check in line["checks"]}

    def bought(self, token: str, **line: Any) -> str:
        """A purchase of the buyer's, whose line has accepted units."""
        self.run()
        body = {"reference": "PO 115", "lines": [self.lima.line(**line)]}
        ordered = self.tianjin.post("/v1/purchases", key=self.buyer, json=body)
        assert ordered.status_code == 201, ordered.text
        digest = ordered.json()["lines"][0]["digest"]
        set_aside = self.lima.set_aside(token, digest, buyer=str(BUYER))
        escrow = self.lima.accepted(set_aside)["asked"]["escrow"]
        self.run()
        self.accepted(self.tianjin.post(f"/v1/escrows/{escrow}/acceptance", key=self.buyer))
        return str(ordered.json()["id"])

    def retired(self, token: str, line: dict[str, Any] | None = None, quantity: str = "1.5") -> str:
        """Units that the buyer has, retired; the retirement's id."""
        asked = {
            "token": token,
            "quantity": quantity,
            "beneficiary": "Tianjin",
            "claimFrom": "2026-01-01",
            "claimTo": "2026-05-31",
        }
        answer = self.tianjin.post("/v1/retirements", key=self.buyer, json=asked | ({} if line is None else {"line": line}))
        return str(self.accepted(answer)["asked"]["retirement"])


def beside(world: World, folder: Path) -> World:
    """Another deployment on the same chain: its own store and log, the other's contracts."""
    own = make_world(folder)
    assets, work = assemble_assets(
        store=own.store,
        ledger=world.asset_ledger,
        keys=world.member_keys,
        clock=world.clock,
        entropy=own.entropy,
        judge=own.balance.judge,
        economies={TIANJIN: "CN"},
        max_unpublished=1_000,
        has_contracts=True,
    )
    return replace(own, asset_ledger=world.asset_ledger, assets=assets, asset_work=work, clock=world.clock)


@contextmanager
def two_deployments(site: Site, folder: Path) -> Iterator[Two]:
    """Lima's market over a served world, and the buyer's deployment beside it in a new folder."""
    folder.mkdir()
    lima = Trade.over(site)
    world = beside(site.world, folder)
    world.enrol.member(
        center=TIANJIN,
        member=CITY,
        name="City",
        roles=frozenset({MemberRole.BUYER}),
        visibility=Visibility.PUBLIC,
        actor="console",
    )
    world.asset_ledger.vouch(BUYER, MemberRole.BUYER)
    with serve(world) as other:
        yield Two(lima=lima, tianjin=other, buyer=issue(world, KeyRole.MEMBER, center=TIANJIN, member=CITY))
    close_world(world)
