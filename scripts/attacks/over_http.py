"""The same attacks as a member's program would try them: over HTTP, with an API key, at a center's server.

Here a server stands before the contracts, and may refuse sooner and by a name of its own.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from greenlane.bootstrap import open_deployment
from greenlane.core.documents.description import MemberName
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from greenlane.settings import read_settings
from greenlane_node.embedded.anvil import free_port
from greenlane_node.embedded.network import RunningNetwork

from scripts.attacks.market import (
    CERTIFIER,
    CITY,
    COCOA,
    COOPERATIVE,
    FORMER,
    FRAUDSTER,
    VINTAGE,
    AttackFailed,
    Market,
    progress,
)
from scripts.demo.asking import Server, until
from scripts.running import BIN, Child

_LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"
_FACILITY = "https://id.gs1.org/414/9521321000018"
_MEMBERS = (COOPERATIVE, CITY, FORMER, CERTIFIER, FRAUDSTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How the server refused: HTTP status, the name of the refusal, and its words."""

    status: int
    error: str
    words: str


@dataclass
class OverHttp:
    """A center's server with members, evidence and units of its own."""

    market: Market
    server: Server
    keys: dict[MemberName, Path]
    _tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def serving(cls, network: RunningNetwork, market: Market) -> Iterator["OverHttp"]:
        """A server of the network's home, as long as the block runs."""
        home, port = network.home.directory, free_port()
        url = f"http://127.0.0.1:{port}"
        progress("starting a center's server")
        more = {"GREENLANE_PORT": str(port), "GREENLANE_POLL_INTERVAL_S": "0.1"}
        child = Child("server", [BIN / "greenlane", "serve", "--home", home], log=home / "server.log", environment=more)
        try:
            keys = _enrolled(home)
            child.wait_ready(f"{url}/health/ready")
            made = cls(market=market, server=Server(url), keys=keys)
            made.found()
            yield made
        finally:
            child.stop()

    def found(self) -> None:
        """An event of a lot, statements that are signed and anchored, and units of two of them."""
        progress("stating evidence at the server")
        until("the class", lambda: self.server.must("classes", "/v1/supply")["classes"] or None)
        self.server.must("capture", "/epcis/v2/events", key=self.keys[COOPERATIVE], body=_event())
        self._state("lot", lot=_LOT, origin=_origin("b-registry", 1, 100))
        self._state("serials", origin=_origin("b-registry", 201, 300))
        self._state("serials again", origin=_origin("b-registry", 50, 150))
        self._state("lot again", lot=_LOT, origin=_origin("another-registry", 1, 9))
        for name in ("lot", "serials"):
            self._do(COOPERATIVE, f"/v1/evidence/{self._tokens[name]}/issuances", {"quantity": "6"})
        for member in (CITY, FORMER):
            self._do(COOPERATIVE, "/v1/transfers", self._units("lot", "1", to=str(member)))

    def all(self) -> Sequence[tuple[str, Callable[[], Answered]]]:
        """What is asked, and how."""
        return (
            ("the same lot again under another registry's name", self._lot_again),
            ("overlapping serials", self._serials_again),
            ("more than evidenced", self._more),
            ("a statement by an uncertified member", self._by_no_certifier),
            ("a forged signature", self._forged),
            ("transfer to a stranger", self._to_a_stranger),
            ("retire twice: the same units", self._same_units),
            ("retire another's", self._another_s),
            ("a claim period outside the vintage", self._outside_the_vintage),
            ("spend escrow twice: accept again", self._accept_again),
            ("move a frozen unit", self._move_frozen),
            ("an ex-member", self._ex_member),
        )

    # ---- the attacks ----

    def _lot_again(self) -> Answered:
        path = f"/v1/evidence/{self._tokens['lot again']}/issuances"
        return self._refused("LotCounted", COOPERATIVE, path, {"quantity": "1"})

    def _serials_again(self) -> Answered:
        path = f"/v1/evidence/{self._tokens['serials again']}/issuances"
        return self._refused("SerialsCounted", COOPERATIVE, path, {"quantity": "1"})

    def _more(self) -> Answered:
        path = f"/v1/evidence/{self._tokens['lot']}/issuances"
        return self._refused("MoreThanEvidenced", COOPERATIVE, path, {"quantity": "4.001"})

    def _by_no_certifier(self) -> Answered:
        asked = _statement(origin=_origin("c-registry", 1, 9)) | {"certifier": str(FRAUDSTER)}
        return self._refused("no-certifier", COOPERATIVE, "/v1/evidence", asked)

    def _forged(self) -> Answered:
        asked = _statement(origin=_origin("d-registry", 1, 9))
        drafted = self.server.must("a draft", "/v1/evidence", key=self.keys[COOPERATIVE], body=asked)
        forged = self.market.sign(self.market.statement(), "a forger")
        path = f"/v1/evidence/{drafted['digest']}/signature"
        return self._refused("evidence-signature-wrong", COOPERATIVE, path, {"signature": "0x" + forged.hex()})

    def _to_a_stranger(self) -> Answered:
        asked = self._units("lot", "1", to="lima/stranger")
        return self._refused("member-unknown", COOPERATIVE, "/v1/transfers", asked)

    def _same_units(self) -> Answered:
        self._do(CITY, "/v1/retirements", self._claim("lot", "1"))
        return self._refused("TooFewUnits", CITY, "/v1/retirements", self._claim("lot", "1"))

    def _another_s(self) -> Answered:
        return self._refused("TooFewUnits", FRAUDSTER, "/v1/retirements", self._claim("lot", "1"))

    def _outside_the_vintage(self) -> Answered:
        early = (VINTAGE[0] - timedelta(days=1)).isoformat()
        return self._refused("InvalidClaimPeriod", COOPERATIVE, "/v1/retirements", self._claim("lot", "1") | {"claimFrom": early})

    def _accept_again(self) -> Answered:
        asked = self._units("lot", "1", buyer=str(CITY)) | {
            "lineDigest": "0x" + sha256(b"line").hexdigest(),
            "deadline": (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        escrow = self._do(COOPERATIVE, "/v1/escrows", asked)["asked"]["escrow"]
        self._do(CITY, f"/v1/escrows/{escrow}/acceptance", {})
        return self._refused("EscrowEnded", CITY, f"/v1/escrows/{escrow}/acceptance", {})

    def _move_frozen(self) -> Answered:
        self._do(COOPERATIVE, "/v1/transfers", self._units("serials", "1", to=str(CITY)))
        self._do(CERTIFIER, f"/v1/evidence/{self._tokens['serials']}/revocation", {"reason": "The lot was mixed"})
        return self._refused("Frozen", COOPERATIVE, "/v1/transfers", self._units("serials", "1", to=str(CITY)))

    def _ex_member(self) -> Answered:
        asked = self._units("lot", "0.5", to=str(CITY))
        self._do(FORMER, "/v1/transfers", asked)
        self.market.suspend(FORMER)
        return self._refused("member-not-in-good-standing", FORMER, "/v1/transfers", asked)

    # ---- inside ----

    def _state(self, name: str, **what: Any) -> None:
        drafted = self.server.must(name, "/v1/evidence", key=self.keys[COOPERATIVE], body=_statement(**what))
        token = self._tokens[name] = drafted["digest"]
        self.server.must(f"signing {name}", f"/v1/evidence/{token}/signature", key=self.keys[CERTIFIER], body={})
        path = f"/v1/evidence/{token}/receipt"

        def look() -> bool | None:
            return True if self.server.ask(path)[0] == 200 else None

        until(f"the anchor of {name}", look)

    def _do(self, by: MemberName, path: str, body: Any) -> dict[str, Any]:
        (act,) = self.server.carried_out((path, self.keys[by], path, body))
        return act

    def _refused(self, error: str, by: MemberName, path: str, body: Any) -> Answered:
        status, answer = self.server.ask(path, key=self.keys[by], body=body)
        problem = json.loads(answer)
        told = str(problem.get("refusal") or problem.get("code"))
        if status < 400:
            raise AttackFailed(f"it was taken (HTTP {status})")
        if told != error:
            raise AttackFailed(f"it was refused as {told}, not as {error}: {problem.get('detail')}")
        return Answered(status=status, error=told, words=str(problem["detail"]))

    def _units(self, name: str, quantity: str, **more: str) -> dict[str, Any]:
        return {"token": self._tokens[name], "quantity": quantity, **more}

    def _claim(self, name: str, quantity: str) -> dict[str, Any]:
        first, last = VINTAGE
        more = {"beneficiary": "Municipalidad", "claimFrom": first.isoformat(), "claimTo": last.isoformat()}
        return self._units(name, quantity, **more)


def _enrolled(home: Path) -> dict[MemberName, Path]:
    """The members, enrolled at the server, and a file with the API key of each."""
    keys: dict[MemberName, Path] = {}
    folder = home / "api-keys"
    folder.mkdir(mode=0o700)
    roles = {CITY: MemberRole.BUYER, CERTIFIER: MemberRole.CERTIFIER}
    with open_deployment(read_settings({"GREENLANE_HOME": str(home)})) as deployment:
        for name in _MEMBERS:
            deployment.enrol.member(
                center=name.center,
                member=name.member,
                name=name.member.title(),
                roles=frozenset({roles.get(name, MemberRole.ENTERPRISE)}),
                visibility=Visibility.PUBLIC,
                actor="console",
            )
            _, text = deployment.enrol.issue_key(
                center=name.center, role=KeyRole.MEMBER, member=name.member, label="attacks", expires_at=None, actor="console"
            )
            keys[name] = folder / f"{name.member}.key"
            keys[name].touch(mode=0o600)
            keys[name].write_text(text)
    return keys


def _event() -> dict[str, Any]:
    """The lot came to be: 20 kg."""
    return {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "ObjectEvent",
        "action": "ADD",
        "bizStep": "commissioning",
        "eventTime": "2024-01-02T10:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "bizLocation": {"id": _FACILITY},
        "readPoint": {"id": _FACILITY},
        "quantityList": [{"epcClass": _LOT, "quantity": 20, "uom": "KGM"}],
    }


def _origin(registry: str, first: int, last: int) -> dict[str, Any]:
    return {"registry": registry, "serialFrom": first, "serialTo": last}


def _statement(*, origin: dict[str, Any], lot: str | None = None) -> dict[str, Any]:
    return {
        "certifier": str(CERTIFIER),
        "class": COCOA.id,
        "quantity": "10",
        "lot": lot,
        "facility": _FACILITY,
        "vintageFrom": VINTAGE[0].isoformat(),
        "vintageTo": VINTAGE[1].isoformat(),
        "custodyModel": "segregated",
        "origin": origin,
        "certificateDigest": "0x" + sha256(b"certificate").hexdigest(),
        "economy": "PE",
    }
