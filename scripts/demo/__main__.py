"""`make demo`: three pilot centers, two supply chains, documents, a green purchase, and lies that a stranger catches.

Everything a user would do goes through the same commands and the same HTTP interface that a user has. The stranger is a separate
process with the base install alone, a trust file and the address of a node.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from greenlane.bootstrap import Deployment, open_deployment
from greenlane.core.errors import GreenlaneError
from greenlane.core.units import CenterId, MemberId, center_id, member_id
from greenlane.ports.accounts import KeyRole, MemberRole, Visibility
from greenlane.settings import read_settings
from greenlane_node.embedded.anvil import ChainNotStarted
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork

from scripts.demo.cast import LA_RUNG
from scripts.demo.cocoa import DRY_LOT
from scripts.demo.documents import OWNERS, Documents, Shelf
from scripts.demo.governing import TRADERS, Governing
from scripts.demo.story import digital_link
from scripts.demo.telling import DemoFailed, must, must_member, progress, say, say_more, tell
from scripts.demo.trade import ENTRIES, Trade
from scripts.running import BIN, Child, NotReady, is_answering

_HOME = Path("var/demo").absolute()
_CHAINS = Path(__file__).parent / "chains"
_STRANGER = Path(".build/stranger/bin/greenlane").absolute()
_PAGES = _HOME / "pages-to-look-at"
_PORT = 8600
_PATIENCE_S = 60


def main() -> int:
    """Runs the demo; the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the network and the server running until Ctrl-C")
    keep: bool = parser.parse_args().keep
    began = time.monotonic()
    url = f"http://127.0.0.1:{_PORT}"
    if is_answering(f"{url}/health/live"):
        print(f"demo: something serves {url} already (make up?). Stop it first.")
        return 2
    try:
        is_new = not (keep and _PAGES.exists())
        if is_new and _HOME.exists():
            EmbeddedNetwork.stop(_HOME)
            shutil.rmtree(_HOME)
        with EmbeddedNetwork.start(_HOME) as network:
            say(
                "a local chain with the registry of three pilot centers",
                f"chain id {network.network.chain_id} at {network.rpc_url}",
            )
            server = Child(
                "server",
                [BIN / "greenlane", "serve", "--home", _HOME],
                log=_HOME / "server.log",
                environment={"GREENLANE_PORT": str(_PORT)},
            )
            try:
                if is_new:
                    _run(network, server, url)
                else:
                    server.wait_ready(f"{url}/health/ready")
                print(f"\n✔ done in {time.monotonic() - began:.0f} s")
                _point_the_way(keep=keep)
                if keep:
                    _wait_for_ctrl_c(server)
            finally:
                server.stop()
    except (DemoFailed, NotReady, ChainNotStarted, GreenlaneError) as fault:
        print(f"\n✘ {fault}")
        return 1
    return 0


def _run(network: RunningNetwork, server: Child, url: str) -> None:
    world = json.loads((_CHAINS / "members.json").read_text())
    with open_deployment(read_settings({"GREENLANE_HOME": str(_HOME)})) as deployment:
        keys = _enrol(deployment, world)
        server.wait_ready(f"{url}/health/ready")
        say("the server listens, and its worker publishes, anchors, and brings what members sign", url)
        with Governing(_HOME) as governing:
            hashes = _capture(world, keys, url)
            documents = Documents(_HOME, keys=keys, url=url)
            # The certifier's last event is its judgement of the lot.
            shelf = documents.store(hashes["cocoa/bosque-vivo.jsonld"][-1])
            _wait_until_anchored(deployment)
            receipt = _fetch_receipt(_headline_event(world, url), url)
            documents.fetch(shelf)
            say("receipts of an event and of documents fetched, and the documents with them", str(_HOME.relative_to(Path.cwd())))
            _verify(network, receipt)
            _tamper(network, receipt)
            documents.check(shelf, stranger=_STRANGER, trust=network.home.trust_file, rpc=network.rpc_url)
            governing.wait()
        trade = Trade(_HOME, keys=keys, url=url)
        trade.run()
        trade.verify(stranger=_STRANGER, trust=network.home.trust_file, rpc=network.rpc_url)
        trade.count(stranger=_STRANGER, trust=network.home.trust_file, rpc=network.rpc_url)
        trade.check()
        _fsck()
        _summary(deployment, sum(map(len, hashes.values())), shelf.statements + ENTRIES)
    # Last of all: where it lies, the demo was done.
    _PAGES.touch(mode=0o600)
    _PAGES.write_text("\n".join([*_pages(world, shelf, url), *trade.pages()]) + "\n")


def _enrol(deployment: Deployment, world: dict[str, Any]) -> dict[str, Path]:
    """Members of each center, a facilitator's key for each, and own keys for those who have documents; where the keys lie."""
    keys: dict[str, Path] = {}
    folder = _HOME / "api-keys"
    folder.mkdir(mode=0o700)
    members = 0
    for center in world["centers"]:
        of = center_id(center["id"])
        for member in center["members"]:
            deployment.enrol.member(
                center=of,
                member=member_id(member["id"]),
                name=member["name"],
                roles=frozenset(MemberRole(role) for role in member["roles"]),
                visibility=Visibility(member["visibility"]),
                actor="console",
            )
            members += 1
        _issue_key(deployment, keys, folder / f"{of}.key", of, None)
    # Who opens the name of a label for everybody.
    labeller = center_id(LA_RUNG.center.id)
    _issue_key(deployment, keys, folder / f"{labeller}-operator.key", labeller, None, role=KeyRole.OPERATOR)
    for firm in dict.fromkeys((*OWNERS, *TRADERS)):
        _issue_key(deployment, keys, folder / f"{firm.id}.key", center_id(firm.center.id), member_id(firm.id))
    say(f"{members} firms, certifiers, agencies and buyers enrolled, and {len(keys)} API keys issued", str(folder))
    return keys


def _issue_key(
    deployment: Deployment,
    keys: dict[str, Path],
    file: Path,
    center: CenterId,
    member: MemberId | None,
    *,
    role: KeyRole | None = None,
) -> None:
    role = role or (KeyRole.FACILITATOR if member is None else KeyRole.MEMBER)
    _, text = deployment.enrol.issue_key(center=center, role=role, member=member, label="demo", expires_at=None, actor="console")
    file.touch(mode=0o600)
    file.write_text(text + "\n")
    keys[file.stem] = file


def _capture(world: dict[str, Any], keys: dict[str, Path], url: str) -> dict[str, list[str]]:
    """Sends every member's EPCIS documents by the command line; the hashes of the events of each."""
    total = 0
    hashes: dict[str, list[str]] = {}
    for center in world["centers"]:
        for member in center["members"]:
            for document in member["documents"]:
                told = must_member(
                    f"capture of {document}",
                    "capture", _CHAINS / document, "--member", member["id"],
                    "--key-file", keys[center["id"]], "--url", url, "--json",
                )  # fmt: skip
                hashes[document] = [event["eventHash"] for event in json.loads(told)["events"]]
                total += len(hashes[document])
                progress(f"captured {total} events: {member['name']}, {document}")
    progress("")
    say(f"{total} events of a cocoa and a furniture chain captured over HTTP", "farm, plantation → factory → retail, office")
    return hashes


def _wait_until_anchored(deployment: Deployment) -> None:
    end_s = time.monotonic() + _PATIENCE_S
    began = time.monotonic()
    waiting = [center.id for center in deployment.signer.centers()]
    while waiting:
        if time.monotonic() > end_s:
            raise DemoFailed(f"not anchored within {_PATIENCE_S} s: {', '.join(waiting)}; see {_HOME / 'server.log'}")
        waiting = [center for center in waiting if not _is_anchored(deployment, center)]
        progress(f"waiting for {', '.join(waiting)}")
        time.sleep(0.1)
    progress("")
    say(
        "every log is published, and its root anchored in the contract",
        f"{time.monotonic() - began:.1f} s after the last document",
    )


def _is_anchored(deployment: Deployment, center: CenterId) -> bool:
    with deployment.store.read() as tx:
        anchor = tx.log.newest_anchor(center)
        return anchor is not None and anchor.tree_size == tx.log.head(center).captured


def _fsck() -> None:
    told = must("fsck", BIN / "greenlane", "fsck", "--documents", "--home", _HOME)
    say("fsck recomputed every event, document, statement, claim, leaf, tile and checkpoint, and found each root on the chain")
    say_more("\n".join(told.splitlines()[:-1]))


def _headline_event(world: dict[str, Any], url: str) -> str:
    """The event hash of the newest public event of the first headline item, as the public page gives it."""
    item = world["headline"][0]
    request = urllib.request.Request(url + item["path"], headers={"Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["events"][-1]["eventHash"])
    except (OSError, ValueError, LookupError) as cause:
        raise DemoFailed(f"the page of {item['title']}: {cause}") from cause


def _fetch_receipt(event_hash: str, url: str) -> Path:
    file = _HOME / "receipt.json"
    must("receipt", BIN / "greenlane", "receipt", event_hash, "--url", url, "--output", file)
    return file


def _verify(network: RunningNetwork, receipt: Path) -> None:
    told = must(
        "the stranger does not agree", _STRANGER, "verify", receipt, "--trust", network.home.trust_file, "--rpc", network.rpc_url
    )
    say("a stranger with the base install, the trust file and a node checks the event", "exit code 0")
    say_more(told)


def _tamper(network: RunningNetwork, receipt: Path) -> None:
    """Changes one byte of the event inside the receipt; the stranger must refuse it and say why."""
    data = receipt.read_bytes()
    place = data.index(b'"eventTime":"20') + len(b'"eventTime":"2026-0')
    forged = data[:place] + (b"1" if data[place : place + 1] != b"1" else b"2") + data[place + 1 :]
    file = receipt.with_name("forged.json")
    file.write_bytes(forged)
    told = tell(_STRANGER, "verify", file, "--trust", network.home.trust_file, "--rpc", network.rpc_url)
    if told.code != 1:
        raise DemoFailed(f"a forged receipt was not refused (exit code {told.code}):\n{told.out}{told.err}")
    say("one byte of it changed: the stranger refuses", "exit code 1")
    say_more(told.out)


def _summary(deployment: Deployment, events: int, statements: int) -> None:
    print("\n  center         entries   anchored   root of the log                 block")
    print("  ─────────────  ───────   ────────   ─────────────────────────────   ─────")
    total = 0
    for center in deployment.signer.centers():
        with deployment.store.read() as tx:
            head, anchor = tx.log.head(center.id), tx.log.newest_anchor(center.id)
        if anchor is None:
            raise DemoFailed(f"{center.id} has no anchor")
        total += head.captured
        block = "–" if anchor.block_number is None else str(anchor.block_number)
        root = anchor.root.hex()[:28]
        print(f"  {center.id:<13}  {head.captured:>7}   {anchor.tree_size:>8}   {root}…   {block:>5}")
    if total != events + statements:
        raise DemoFailed(f"{events} events and {statements} statements were taken, the logs hold {total} entries")


def _pages(world: dict[str, Any], shelf: Shelf, url: str) -> list[str]:
    return [
        *(f"{item['title']}: {url}{item['path']}" for item in world["headline"]),
        f"Dry cocoa beans, with their certificate and test results: {url}{digital_link(DRY_LOT, resolver='')}",
        f"The audit report, for whoever has this link: {shelf.link}",
    ]


def _point_the_way(*, keep: bool) -> None:
    print("".join(f"  {line}\n" for line in _PAGES.read_text().splitlines()), end="")
    print("  Press Ctrl-C to stop." if keep else "  `make up` keeps the server running, so that these pages can be looked at.")


def _wait_for_ctrl_c(server: Child) -> None:
    stop = False

    def ask_to_stop(*_: object) -> None:
        nonlocal stop
        stop = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    while not stop:
        if not server.is_running:
            raise DemoFailed(f"the server ended:\n{server.log_end()}")
        time.sleep(0.2)
    print("\n── stopping")


if __name__ == "__main__":
    os.environ.pop("GREENLANE_HOME", None)
    sys.exit(main())
