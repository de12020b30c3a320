"""Purchases while everything is killed: members whose keys their centers keep trade with each other, and what must hold then.

Two sellers state evidence, have it signed, issue, and set units aside; their buyers accept and retire them, or give them back.
Each request has an Idempotency-Key and is sent again until it is answered; an act is followed until it is decided. A chain that
lost its newest blocks has lost what was told to be done: it is done again without anybody asking, and stands in the end as told.
"""

import http.client
import json
import random
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from greenlane.bootstrap import Deployment
from greenlane.core.documents.description import MemberName
from greenlane.core.trust import parse_trust_file
from greenlane.core.units import CenterId, LeafIndex, MemberId
from greenlane.core.wire import encode_hex
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from greenlane.ports.acts import ActKind, ActState
from greenlane.ports.asset_ledger import AssetContract, ChainActState
from greenlane.verify.ladder import Verdict
from greenlane.verify.nodes import JsonRpcNode
from greenlane.verify.retirement import judge_certificate

from scripts.running import BIN

CLASS: Final = "chaos-cocoa"
_DECIMALS: Final = 3
_LIMA, _TIANJIN = CenterId("lima"), CenterId("tianjin")
SELLERS: Final = (MemberName(center=_LIMA, member=MemberId("seller")), MemberName(center=_TIANJIN, member=MemberId("grower")))
BUYERS: Final = (MemberName(center=_TIANJIN, member=MemberId("buyer")), MemberName(center=_LIMA, member=MemberId("city")))
CERTIFIERS: Final = (
    MemberName(center=_TIANJIN, member=MemberId("certifier")),
    MemberName(center=_LIMA, member=MemberId("assessor")),
)
_ROLES: Final = {
    **dict.fromkeys(SELLERS, MemberRole.ENTERPRISE),
    **dict.fromkeys(BUYERS, MemberRole.BUYER),
    **dict.fromkeys(CERTIFIERS, MemberRole.CERTIFIER),
}
_CLASS_FILE: Final = f"""\
id = "{CLASS}"
attribute = "deforestation-free"
unit = "KGM"
decimals = {_DECIMALS}
custody_model = "mass-balance"
tradable = true
claim_days = 3650
name = "Cocoa of the crash runs"
"""
_AGAIN: Final = frozenset({"act-refused", "asset-unknown", "escrow-unknown", "evidence-not-ready"})
"""What is said of things that a chain lost a moment ago and will have again."""
_PATIENCE_S: Final = 120.0
_PAUSE_S: Final = 0.2
_ATTEMPTS: Final = 20
_PAGE: Final = 500
_NEAR: Final = 2
_GIVES_BACK_OF_TEN: Final = 2


class PurchasesBroken(Exception):
    """A promise about green assets was broken; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One act that a client was told is done.

    Attributes:
        name: what it was to do, once.
        token: whose units, 32 bytes.
        quantity: in smallest units.
        subject: as the act names it.
    """

    name: str
    kind: ActKind
    digest: bytes
    token: bytes
    quantity: int
    subject: str


@dataclass(slots=True)
class Till:
    """What was acknowledged: every act by its digest, those that were told to be done, and how often requests went again."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: dict[bytes, str] = field(default_factory=dict)
    done: list[Told] = field(default_factory=list)
    holders: dict[bytes, tuple[MemberName, MemberName]] = field(default_factory=dict)
    repeats: int = 0
    refused: int = 0
    purchases: int = 0


class TradeRefused(Exception):
    """The client was refused what it may do; the message says what."""


class Trader(threading.Thread):
    """Sells to one buyer, one purchase after another, until it is told to stop; the purchase that is on its way is brought to an
    end."""

    def __init__(
        self,
        *,
        seller: MemberName,
        buyer: MemberName,
        certifier: MemberName,
        keys: Mapping[MemberName, str],
        url: str,
        till: Till,
        seed: int,
    ) -> None:
        super().__init__(name=f"purchases from {seller}", daemon=True)
        self._seller, self._buyer, self._certifier = seller, buyer, certifier
        self._keys = keys
        self._url = url
        self._till = till
        self._random = random.Random(seed)
        self._stop_asked = threading.Event()
        self.fault: str | None = None

    def stop(self) -> None:
        self._stop_asked.set()

    def run(self) -> None:
        number = 0
        while not self._stop_asked.is_set() and self.fault is None:
            number += 1
            try:
                self._trade(f"{self._seller.center}-{number}", number)
            except TradeRefused as refusal:
                self.fault = str(refusal)
            except (KeyError, TypeError, ValueError) as strange:
                self.fault = f"an answer about a purchase of {self._seller} is none: {strange!r}"

    def _trade(self, name: str, number: int) -> None:
        in_all = self._random.randint(2, 9)
        some = self._random.randint(1, in_all)
        stated = {
            "id": f"urn:example:chaos:{name}",
            "certifier": str(self._certifier),
            "class": CLASS,
            "quantity": str(in_all),
            "lot": None,
            "facility": "https://id.gs1.org/414/9521321000018",
            "vintageFrom": "2025-01-01",
            "vintageTo": "2025-06-30",
            "custodyModel": "mass-balance",
            "origin": {"registry": f"chaos-{self._seller.center}", "serialFrom": number, "serialTo": number},
            "certificateDigest": "0x" + "5a" * 32,
            "economy": "PE",
        }
        token = self._ask(self._seller, "/v1/evidence", stated, once=f"{name}-state")["digest"]
        self._ask(self._certifier, f"/v1/evidence/{token}/signature", {}, once=f"{name}-sign")
        with self._till.lock:
            self._till.holders[bytes.fromhex(token[2:])] = (self._seller, self._buyer)
        self._carry_out(
            self._seller, f"/v1/evidence/{token}/issuances", {"quantity": str(in_all)}, f"{name}-issue", token, in_all
        )
        line = {
            "supplier": str(self._seller),
            "category": "catering",
            "description": "Cocoa",
            "product": None,
            "lot": None,
            "class": CLASS,
            "quantity": str(some),
            "label": None,
            "model": None,
            "economy": "CN",
            "price": {"amount": "12.50", "currency": "PEN"},
        }
        purchase = self._ask(self._buyer, "/v1/purchases", {"reference": name, "lines": [line]}, once=f"{name}-order")
        aside = {
            "token": token,
            "quantity": str(some),
            "buyer": str(self._buyer),
            "lineDigest": purchase["lines"][0]["digest"],
            "deadline": (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        escrow = self._carry_out(self._seller, "/v1/escrows", aside, f"{name}-aside", token, some)["asked"]["escrow"]
        if self._random.randrange(10) < _GIVES_BACK_OF_TEN:
            self._carry_out(self._buyer, f"/v1/escrows/{escrow}/return", {}, f"{name}-back", token, some)
        else:
            self._carry_out(self._buyer, f"/v1/escrows/{escrow}/acceptance", {}, f"{name}-accept", token, some)
            claim = {
                "token": token,
                "quantity": str(some),
                "beneficiary": f"School {number}",
                "claimFrom": "2025-01-01",
                "claimTo": "2026-12-31",
                "line": {"purchase": purchase["id"], "number": 1},
            }
            self._carry_out(self._buyer, "/v1/retirements", claim, f"{name}-retire", token, some)
        with self._till.lock:
            self._till.purchases += 1

    def _carry_out(self, who: MemberName, path: str, body: Any, name: str, token: str, quantity: int) -> dict[str, Any]:
        """Asks for an act until it is done: once it is refused, which the loss of what it built on may bring about, anew."""
        for attempt in range(_ATTEMPTS):
            act: dict[str, Any] = self._ask(who, path, body, once=f"{name}-{attempt}")
            while True:
                digest = bytes.fromhex(act["digest"][2:])
                with self._till.lock:
                    self._till.kept[digest] = name
                if act["state"] == "done":
                    told = Told(
                        name=name,
                        kind=ActKind(act["kind"]),
                        digest=digest,
                        token=bytes.fromhex(token[2:]),
                        quantity=quantity * 10**_DECIMALS,
                        subject=act["subject"],
                    )
                    with self._till.lock:
                        self._till.done.append(told)
                    return act
                if act["state"] != "kept" and act["replacedBy"] is None:
                    break
                time.sleep(_PAUSE_S)
                act = self._ask(who, f"/v1/acts/{act['replacedBy'] or act['digest']}")
            if act["state"] != "refused":
                raise TradeRefused(f"{name}: {act['state']}")
            with self._till.lock:
                self._till.refused += 1
            time.sleep(_PAUSE_S)
        raise TradeRefused(f"{name} was refused {_ATTEMPTS} times, at last: {act['detail']}")

    def _ask(self, who: MemberName, path: str, body: Any = None, *, once: str | None = None) -> Any:
        """Sends one request until it is answered."""
        headers = {"Authorization": f"Bearer {self._keys[who]}", "Content-Type": "application/json"}
        if once is not None:
            headers["Idempotency-Key"] = once
        data = None if body is None else json.dumps(body).encode()
        refused_since_s: float | None = None
        while True:
            request = urllib.request.Request(f"{self._url}{path}", data=data, headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=15) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refusal:
                told = refusal.read(4_000)
                if refusal.code not in {429, 503}:
                    refused_since_s = refused_since_s or time.monotonic()
                    is_for_good = time.monotonic() - refused_since_s > _PATIENCE_S
                    if not any(f'"{code}"'.encode() in told for code in _AGAIN) or is_for_good:
                        raise TradeRefused(f"{path} ({once}) of {who} was refused with {refusal.code}: {told!r}") from refusal
            except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError, EOFError):
                # No answer, or half of one: nobody knows whether it took effect.
                pass
            with self._till.lock:
                self._till.repeats += 1
            time.sleep(_PAUSE_S)


def found_market(home: Path) -> None:
    """Operators of two centers vote for the class and vouch for the members, whose keys the keystore keeps.

    Raises:
        PurchasesBroken: a command did not end well.
    """
    file = home.parent / f"{CLASS}.toml"
    file.write_text(_CLASS_FILE)

    def govern(center: CenterId) -> None:
        place = ["--home", str(home), "--center", center]
        commands = [["assets", "propose-class", str(file), *place]]
        commands += [
            ["members", "vouch", name.member, "--make-key", "--role", role.value, *place]
            for name, role in _ROLES.items()
            if name.center == center
        ]
        for command in commands:
            asked = [str(BIN / "greenlane-node"), *command]
            done = subprocess.run(asked, capture_output=True, text=True, timeout=180, check=False)
            if done.returncode != 0:
                raise PurchasesBroken(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")

    with ThreadPoolExecutor() as together:
        list(together.map(govern, (_LIMA, _TIANJIN)))


def enrol_traders(deployment: Deployment, *, url: str, till: Till, choose: random.Random) -> list[Trader]:
    """The traders with API keys of their own."""
    keys: dict[MemberName, str] = {}
    for name, role in _ROLES.items():
        deployment.enrol.member(
            center=name.center,
            member=name.member,
            name=str(name),
            roles=frozenset({role}),
            visibility=Visibility.PUBLIC,
            actor="console",
        )
        _, keys[name] = deployment.enrol.issue_key(
            center=name.center, role=KeyRole.MEMBER, member=name.member, label="chaos", expires_at=None, actor="console"
        )
    return [
        Trader(seller=seller, buyer=buyer, certifier=certifier, keys=keys, url=url, till=till, seed=choose.randrange(2**32))
        for seller, buyer, certifier in zip(SELLERS, BUYERS, CERTIFIERS, strict=True)
    ]


def look_at_acts(deployment: Deployment, till: Till, *, newest: int | None = 60) -> None:
    """Every acknowledged act is kept here, and none was told to be done twice.

    Raises:
        PurchasesBroken: one is not.
    """
    with till.lock:
        kept, done = list(till.kept.items()), list(till.done)
    with deployment.store.read() as tx:
        for digest, name in kept if newest is None else kept[-newest:]:
            if tx.acts.get(digest) is None:
                raise PurchasesBroken(f"the act {encode_hex(digest)} ({name}) was acknowledged, and is not kept")
    twice = [name for name, count in Counter(told.name for told in done).items() if count > 1]
    if twice:
        raise PurchasesBroken(f"{twice[0]} was told to be done twice")


def wait_until_decided(deployment: Deployment, *, patience_s: float) -> None:
    """Until no act waits and the chain was followed to its head.

    Raises:
        PurchasesBroken: acts are left.
    """
    end_s = time.monotonic() + patience_s
    while True:
        with deployment.store.read() as tx:
            left = sum(tx.acts.count_waiting(center) for center in (_LIMA, _TIANJIN))
            followed = tx.assets.followed_to()
        head = deployment.asset_ledger.head()
        is_near = followed is not None and head.number - followed.block.number <= _NEAR
        if not left and followed is not None and is_near:
            there = deployment.asset_ledger.block_hash(followed.block.number)
            if there == followed.block.block_hash:
                return
        if time.monotonic() > end_s:
            raise PurchasesBroken(f"{left} acts are not decided after {patience_s:.0f} s; followed {followed} of {head}")
        time.sleep(_PAUSE_S)


def check_acts(deployment: Deployment, till: Till) -> None:
    """What was told to be done is done on the chain, once each, and its sums are those of what was told; every act is decided.

    Raises:
        PurchasesBroken: something is not.
    """
    ledger = deployment.asset_ledger
    with till.lock:
        kept, done = dict(till.kept), list(till.done)
    digests = list(kept)
    states = ledger.act_states(AssetContract.GREEN_ASSET, digests)
    with deployment.store.read() as tx:
        for digest, state in zip(digests, states, strict=True):
            act = tx.acts.get(digest)
            if act is not None and (act.state, state) == (ActState.REFUSED, ChainActState.OPEN):
                # The chain has lost the refusal. It stays refused here, for its member was told, and nobody brings it again.
                continue
            if act is None or act.state.value != state.value:
                here = "nowhere" if act is None else act.state.value
                raise PurchasesBroken(f"{kept[digest]} ({encode_hex(digest)}) is {state.value} on the chain and {here} here")
    on_chain = dict(zip(digests, states, strict=True))
    in_its_place = _in_its_place(deployment)
    for digest, name in list(kept.items()):
        # What was lost may have been done again by another act, which nobody was told of.
        last = _last(digest, in_its_place)
        if last not in on_chain:
            kept[last] = name
            on_chain[last] = ledger.outcome(AssetContract.GREEN_ASSET, last).state
    for told in done:
        last = _last(told.digest, in_its_place)
        if on_chain[last] is not ChainActState.DONE:
            raise PurchasesBroken(f"{told.name} was told to be done, and is {on_chain[last].value}")
    finished = Counter(kept[digest] for digest, state in on_chain.items() if state is ChainActState.DONE)
    for name, count in finished.items():
        if count > 1:
            raise PurchasesBroken(f"{name} was done {count} times")
    _check_sums(deployment, till, done)


def _in_its_place(deployment: Deployment) -> dict[bytes, bytes]:
    """By the digest of an act that was replaced, the one that was made in its place: where other evidence came between."""
    found: dict[bytes, bytes] = {}
    for seller in SELLERS:
        last: bytes | None = None
        while True:
            with deployment.store.read() as tx:
                page = tx.acts.of_member(seller.center, seller.member, limit=_PAGE, before=last)
            found |= {act.keeping.replaces: act.digest for act in page if act.keeping.replaces is not None}
            if len(page) < _PAGE:
                break
            last = page[-1].digest
    return found


def _last(digest: bytes, in_its_place: Mapping[bytes, bytes]) -> bytes:
    while digest in in_its_place:
        digest = in_its_place[digest]
    return digest


def _check_sums(deployment: Deployment, till: Till, done: Sequence[Told]) -> None:
    ledger = deployment.asset_ledger
    by_kind: dict[ActKind, Counter[bytes]] = {kind: Counter() for kind in ActKind}
    for told in done:
        by_kind[told.kind][told.token] += told.quantity
    issued, retired = by_kind[ActKind.ISSUE], by_kind[ActKind.RETIRE]
    escrowed = by_kind[ActKind.ESCROW] - by_kind[ActKind.ACCEPT] - by_kind[ActKind.GIVE_BACK]
    tokens = list(issued)
    for token, facts in zip(tokens, ledger.issuances(tokens), strict=True):
        wanted = (issued[token], escrowed[token], retired[token])
        found = None if facts is None else (facts.totals.issued, facts.totals.escrowed, facts.totals.retired)
        if found != wanted:
            raise PurchasesBroken(f"of {encode_hex(token)} issued, escrowed and retired were {wanted}, and the chain has {found}")
        with deployment.store.read() as tx:
            shown = tx.assets.issuance(token)
        if shown != facts:
            raise PurchasesBroken(f"of {encode_hex(token)} pages tell {shown}, and the chain {facts}")
    accounts = {name: _account(deployment, name) for name in (*SELLERS, *BUYERS)}
    places = [(accounts[name], token) for token in tokens for name in till.holders[token]]
    sums: Counter[str] = Counter()
    for place, holding in zip(places, ledger.holdings(places), strict=True):
        with deployment.store.read() as tx:
            shown_holding = tx.assets.holding(*place)
        if shown_holding != holding and (shown_holding is not None or any((holding.tradable, holding.escrowed, holding.retired))):
            raise PurchasesBroken(f"pages tell {shown_holding}, and the chain {holding}")
        sums.update(tradable=holding.tradable, escrowed=holding.escrowed, retired=holding.retired)
    totals = ledger.class_totals(CLASS)
    if (totals.tradable, totals.escrowed, totals.retired) != (sums["tradable"], sums["escrowed"], sums["retired"]):
        raise PurchasesBroken(f"the class has {totals}, and its holders {dict(sums)}")
    if totals.issued != sum(issued.values()) or totals.cancelled:
        raise PurchasesBroken(f"the class has {totals}, and {sum(issued.values())} were told to be issued")


def check_certificates(deployment: Deployment, till: Till, *, url: str, trust_file: Path, rpc_url: str) -> None:
    """Every retirement has one certificate, which verifies against the chain, and there is none of anything else.

    Raises:
        PurchasesBroken: one has not.
    """
    trust, node = parse_trust_file(trust_file.read_bytes()), JsonRpcNode(rpc_url)
    told = sorted(bytes.fromhex(act.subject[2:]) for act in till.done if act.kind is ActKind.RETIRE)
    # One that the chain lost and did again later is stated again; what the older entry says proves nothing any more.
    certified = sorted({each for center in (_LIMA, _TIANJIN) for each in _certified(deployment, center)})
    if told != certified:
        raise PurchasesBroken(f"{len(told)} retirements were told to be done, and {len(certified)} are certified")

    def check(retirement_id: bytes) -> None:
        name = encode_hex(retirement_id)
        with urllib.request.urlopen(f"{url}/v1/retirements/{name}/certificate", timeout=15) as answer:
            judgement = judge_certificate(answer.read(), trust, ask=[node])
        if judgement.verdict is not Verdict.PASSED:
            raise PurchasesBroken(f"the certificate of {name}: {judgement.verdict.value}: {judgement}")

    with ThreadPoolExecutor(4) as together:
        list(together.map(check, told))


def _certified(deployment: Deployment, center: CenterId) -> list[bytes]:
    found: list[bytes] = []
    start = LeafIndex(0)
    while True:
        with deployment.store.read() as tx:
            page = tx.purchases.walk_retirements(center, start=start, limit=_PAGE)
        found += [each.id for each in page]
        if len(page) < _PAGE:
            return found
        start = LeafIndex(page[-1].leaf_index + 1)


def _account(deployment: Deployment, name: MemberName) -> Any:
    member = deployment.asset_ledger.member_named(name.center, name.member)
    if member is None:
        raise PurchasesBroken(f"the registry has lost {name}")
    return member.account
