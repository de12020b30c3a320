"""The HTTP application over a world's services, served on loopback by a real server.

    with serve(world) as site:
        answer = site.get("/v1/centers")
        answer = site.post("/epcis/v2/capture", key=site.operator, member=COOPERATIVE, json=document)

Real sockets, so that what a client can do to a body (leave out its length, drip it, compress it) can be done here.
"""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from greenlane.adapters.age import encrypt_for
from greenlane.bootstrap import draw_certificate, followed_seals, report_spend_of, write_spreadsheet
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.accounts import KeyRole
from greenlane.ports.holds import DocumentsStanding
from greenlane.settings import Settings, read_settings
from greenlane.web.app import WebServices, create_app
from greenlane.web.heads import BoundedHeads
from worlds.deployment import COOPERATIVE, HOSTED, LIMA, ROASTER, TIANJIN, World

_PATIENCE_S = 10.0
_LOOK_S = 0.005
# Reading a machine's certificates takes longer than many a test, and nothing here speaks TLS.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(kw_only=True)
class Site:
    """A running server, and the API keys of Lima that tests speak with.

    Attributes:
        operator, facilitator, member, roaster, reader: keys of Lima by role; `roaster` is the private member's.
        stranger: an operator's key of Tianjin.
        partner: Lima's key for Tianjin.
    """

    world: World
    url: str
    settings: Settings
    operator: str
    facilitator: str
    member: str
    roaster: str
    reader: str
    stranger: str
    partner: str
    client: httpx.Client = field(default_factory=httpx.Client)

    def send(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        member: str | None = None,
        once: str | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> httpx.Response:
        """One request; `once` is its Idempotency-Key."""
        given = dict(headers or {})
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        if member is not None:
            given["Greenlane-Member"] = member
        if once is not None:
            given["Idempotency-Key"] = once
        return self.client.request(method, self.url + path, headers=given, **body)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.send("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.send("POST", path, **more)

    def captured(self) -> int:
        """How many entries Lima's log holds."""
        with self.world.store.read() as tx:
            return tx.log.head(LIMA).captured


def services_of(world: World) -> WebServices:
    """What the web needs of a world; its node reads the world's chain."""

    def probe_store() -> None:
        with world.store.read() as tx:
            tx.log.head(LIMA)

    def count_pending() -> int:
        with world.store.read() as tx:
            return tx.outbox.count_pending(world.ledger.trust_file.chain_id)

    def documents_standing() -> DocumentsStanding | None:
        with world.store.read() as tx:
            return tx.holds.noted()

    return WebServices(
        capture=world.capture,
        trace=world.trace,
        prove=world.prove,
        forget=world.forget,
        identify=world.identify,
        sign_in=world.sign_in,
        read_log=world.read_log,
        look_up=world.look_up,
        receive_upload=world.receive_upload,
        store_document=world.store_document,
        fetch_document=world.fetch_document,
        list_documents=world.list_documents,
        register_reader=world.register_reader,
        hold=world.hold,
        assets=world.assets,
        report_spend=report_spend_of(world.store, world.assets.check_purchase, world.clock),
        draw_certificate=draw_certificate,
        write_spreadsheet=write_spreadsheet,
        balance=world.balance,
        declare_factor=world.declare_factor,
        register_label=world.register_label,
        encrypt_for=encrypt_for,
        centers=HOSTED,
        probe_store=probe_store,
        probe_ledger=world.ledger.health,
        probe_documents=world.documents.check,
        documents_standing=documents_standing,
        trust=world.watch_keys,
        judge_nodes=[world.ledger.node("chain.example")],
        count_pending=count_pending,
        followed_seals=None if world.seal is None else followed_seals(world.seal),
        clock=world.clock,
    )


class _PromptServer(uvicorn.Server):
    """Ends when it is told to; uvicorn's own looks for that ten times a second, and takes a tenth of a second more."""

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            next_tick_s = time.monotonic() + 0.1
            while not self.should_exit and time.monotonic() < next_tick_s:
                await asyncio.sleep(_LOOK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(_LOOK_S)
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()


@contextmanager
def serve(world: World, *, port: int = 0, services: WebServices | None = None, **settings: Any) -> Iterator[Site]:
    """Serves a world on loopback; `settings` replace those that the environment would give.

    Args:
        port: 0 takes a free one.
        services: others than the world's own.
    """
    listener = socket.create_server(("127.0.0.1", port))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    chosen = replace(read_settings({}, read_file=Path.read_text), public_url=url, **settings)
    config = uvicorn.Config(
        create_app(services or services_of(world), chosen),
        http=BoundedHeads,
        log_config=None,
        access_log=False,
        proxy_headers=bool(chosen.trusted_proxies),
        forwarded_allow_ips=list(chosen.trusted_proxies),
    )
    server = _PromptServer(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    end_s = time.monotonic() + _PATIENCE_S
    while not server.started:
        if time.monotonic() > end_s:
            raise AssertionError("the server never started")
        time.sleep(_LOOK_S)
    with httpx.Client(timeout=30, verify=_NO_CERTIFICATES) as client:
        try:
            yield Site(
                world=world,
                url=url,
                settings=chosen,
                operator=issue(world, KeyRole.OPERATOR),
                facilitator=issue(world, KeyRole.FACILITATOR),
                member=issue(world, KeyRole.MEMBER, member=COOPERATIVE),
                roaster=issue(world, KeyRole.MEMBER, member=ROASTER),
                reader=issue(world, KeyRole.READER),
                stranger=issue(world, KeyRole.OPERATOR, center=TIANJIN),
                partner=issue(world, KeyRole.PARTNER, label=TIANJIN),
                client=client,
            )
        finally:
            server.should_exit = True
            thread.join(_PATIENCE_S)
            listener.close()


def issue(world: World, role: KeyRole, *, center: CenterId = LIMA, member: MemberId | None = None, label: str = "test") -> str:
    """A new API key, as its bearer sends it."""
    _, text = world.enrol.issue_key(center=center, role=role, member=member, label=label, expires_at=None, actor="console")
    return text
