"""`make attacks`: what fraudsters try with green assets, each refused by the contract itself, with no server in between.

A network of its own is started, with a center that anchors whatever it is given. Each attack is shown beside what is honest and
passes, is asked of the node and then sent as a transaction from the attacker's account; where a center's server could be asked
for the same, it is asked too. Exit code 1: one succeeds, or is refused for another reason than its own.
"""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from greenlane.cli.program import main as greenlane_main
from greenlane.core.errors import GreenlaneError
from greenlane_node.embedded.anvil import ChainNotStarted, free_port, mine
from greenlane_node.embedded.network import EmbeddedNetwork, RunningNetwork

from scripts.attacks.market import AttackFailed, Market, Refused, progress
from scripts.attacks.over_http import Answered, OverHttp
from scripts.attacks.tries import Tries, judge
from scripts.demo.telling import DemoFailed
from scripts.running import NotReady

_HOME = Path("var/attacks").absolute()
_BLOCK_S = 0.1


def main() -> int:
    """Tries everything; the process's exit code."""
    began = time.monotonic()
    try:
        EmbeddedNetwork.stop(_HOME)
        if _HOME.exists():
            shutil.rmtree(_HOME)
        with EmbeddedNetwork.start(_HOME, port=free_port()) as network, _blocks(network.rpc_url):
            failed = _try_all(network)
    except (AttackFailed, DemoFailed, NotReady, ChainNotStarted, GreenlaneError) as fault:
        print(f"\n✘ {fault}")
        return 1
    seconds = f"{time.monotonic() - began:.0f} s"
    if failed:
        print(f"\n✘ {failed} of these did not come as it must, in {seconds}")
        return 1
    print(f"\n✔ every attack is refused, each for its own reason, in {seconds}")
    return 0


def _try_all(network: RunningNetwork) -> int:
    market = Market(network)
    tries = Tries(market)
    progress("founding a market: members, a class, evidence, units")
    tries.found()
    failed = 0
    print("\nStraight to the node, from the attacker's account, with no server in between")
    for attack in tries.all():
        progress(f"trying: {attack.what}")
        try:
            failed += _tell(attack.what, judge(market, attack))
        except AttackFailed as fault:
            failed += _tell(attack.what, str(fault))
    print("\nThe same of a center's server, by the API keys of its members")
    with OverHttp.serving(network, market) as server:
        for what, ask in server.all():
            progress(f"asking: {what}")
            try:
                failed += _tell(what, ask())
            except (AttackFailed, DemoFailed) as fault:
                failed += _tell(what, str(fault))
    print("\nAfter all of it, as anyone can recount")
    progress("")
    code = greenlane_main(["supply", "--trust", str(network.home.trust_file), "--rpc", network.rpc_url])
    return failed + (code != 0)


def _tell(what: str, came: Refused | Answered | str) -> int:
    """One row; 1 where it is a failure."""
    progress("")
    if isinstance(came, str):
        print(f"  ✘ {what:<50} {came}", flush=True)
        return 1
    where = came.contract if isinstance(came, Refused) else f"HTTP {came.status}"
    print(f"  ✔ {what:<50} {where:<17} {came.error}\n      {came.words}", flush=True)
    return 0


@contextmanager
def _blocks(url: str) -> Iterator[None]:
    """Blocks come faster than on other chains, as long as it runs."""
    ended = threading.Event()

    def make() -> None:
        while not ended.wait(_BLOCK_S):
            with suppress(OSError, ChainNotStarted):
                mine(url)

    miner = threading.Thread(target=make, daemon=True)
    miner.start()
    try:
        yield
    finally:
        ended.set()
        miner.join()


if __name__ == "__main__":
    sys.exit(main())
