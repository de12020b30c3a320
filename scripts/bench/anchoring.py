"""Gas for each event, and the time from capture to anchored, on the embedded chain.

Gas: what the contract used for anchors of 1, 100 and 1,000 events, read from the chain's receipts, beside one transaction for
each event: once by the same contract, once as the cheapest transaction that carries an entry's 65 bytes and does nothing else.
Time: the worker runs beside; each capture comes at a random moment of a block.
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path

from greenlane.bootstrap import Deployment, open_deployment
from greenlane.core.epcis.event import parse_document
from greenlane.core.units import CenterId, LeafIndex, member_id
from greenlane.ports.accounts import MemberRole, Visibility
from greenlane.settings import read_settings
from greenlane_node.embedded.anvil import free_port
from greenlane_node.embedded.network import EmbeddedNetwork
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3

from scripts.bench.events import document_of
from scripts.bench.report import Table

_CENTER = CenterId("lima")
_MEMBER = member_id("bench")
_ROUNDS = 4
_BASE_GAS = 21_000
_GAS_A_BYTE = 16
_ENTRY_BYTES = 65


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captures", type=int, default=40, help="how many captures are timed")
    captures: int = parser.parse_args().captures
    with tempfile.TemporaryDirectory() as folder, EmbeddedNetwork.start(Path(folder) / "home", port=free_port()) as network:
        settings = read_settings({"GREENLANE_HOME": str(network.home.directory), "GREENLANE_POLL_INTERVAL_S": "0.05"})
        with open_deployment(settings) as deployment:
            deployment.enrol.member(
                center=_CENTER, member=_MEMBER, name="Bench", roles=frozenset({MemberRole.ENTERPRISE}),
                visibility=Visibility.PUBLIC, actor="console",
            )  # fmt: skip
            _gas(deployment, Web3(HTTPProvider(network.rpc_url)))
            _time(deployment, captures)


class _Source:
    """Events that no capture had before."""

    next_number = 0

    @classmethod
    def capture(cls, deployment: Deployment, count: int) -> LeafIndex:
        events = parse_document(document_of(cls.next_number, count)).events
        cls.next_number += count
        job = deployment.capture(center=_CENTER, member=_MEMBER, events=events, actor="console")
        return LeafIndex(job.events[-1].leaf_index)


def _gas(deployment: Deployment, web3: Web3) -> None:
    worker = deployment.worker()
    measured: dict[int, float] = {}
    for batch in (1, 100, 1_000):
        used = []
        # The first anchor of all fills empty slots and costs more: it is not counted.
        for _ in range(_ROUNDS + 1):
            _Source.capture(deployment, batch)
            if not worker.run_until_current(patience_s=30):
                raise SystemExit("bench: nothing was anchored within 30 s")
            with deployment.store.read() as tx:
                anchor = tx.log.newest_anchor(_CENTER)
            if anchor is None or anchor.transaction is None:
                raise SystemExit("bench: the chain does not tell which transaction anchored")
            used.append(int(web3.eth.get_transaction_receipt(HexBytes(anchor.transaction))["gasUsed"]))
        measured[batch] = statistics.mean(used[1:])
    bare = _BASE_GAS + _ENTRY_BYTES * _GAS_A_BYTE
    table = Table(
        "gas for each event", "events in an anchor", "gas of the anchor", "gas an event", "× cheaper than an anchor each",
        "× cheaper than a bare transaction each",
    )  # fmt: skip
    for batch, gas in measured.items():
        table.row(
            f"{batch:,}", f"{gas:,.0f}", f"{gas / batch:,.1f}", f"{measured[1] * batch / gas:.1f}×", f"{bare * batch / gas:.1f}×"
        )
    table.print()


def _time(deployment: Deployment, captures: int) -> None:
    stop = threading.Event()
    worker = threading.Thread(target=deployment.worker().run, args=(stop,))
    worker.start()
    times = []
    choose = random.Random(11)
    try:
        for number in range(captures):
            print(f"\r  timing capture {number + 1} of {captures}", end="", flush=True)
            time.sleep(choose.uniform(0, 1))
            began = time.perf_counter()
            leaf = _Source.capture(deployment, 1)
            while not _is_anchored(deployment, leaf):
                time.sleep(0.01)
            times.append(time.perf_counter() - began)
    finally:
        stop.set()
        worker.join()
    times.sort()
    table = Table("capture → anchored, blocks of 1 s", "captures", "p50", "p95", "longest", "aim for p95: 2 blocks + 0.5 s")
    p50, p95 = (times[int(len(times) * share)] for share in (0.5, 0.95))
    print("\r" + " " * 40 + "\r", end="")
    table.row(str(captures), f"{p50:.2f} s", f"{p95:.2f} s", f"{times[-1]:.2f} s", f"{p95 / 2.5:.2f} of it")
    table.print()


def _is_anchored(deployment: Deployment, leaf: LeafIndex) -> bool:
    with deployment.store.read() as tx:
        return tx.log.anchor_covering(_CENTER, leaf) is not None


if __name__ == "__main__":
    main()
