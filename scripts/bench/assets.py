"""Green assets: gas whatever the number of issuances, the supply recounted, and a purchase checked among many.

Gas: whole transactions among 1, 1,000 and 100,000 issuances, beside those of a bare ERC-1155 token of OpenZeppelin without rules,
evidence or sums, by forge (contracts/test/AssetGas.t.sol). Supply: `judge_supply` over a node that tells lives of tokens, ten
events each; the time in which the node makes up its answers is left out, and the floor beside it is one SHA-256 of every event.
Check: see purchases.py. Nothing is asserted.

    python -m scripts.bench.assets gas supply check
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from eth_abi.abi import encode as abi_encode
from greenlane.core.assets import supply
from greenlane.core.assets.places import AssetContracts
from greenlane.core.crypto import keccak256
from greenlane.core.trust import TrustFile
from greenlane.core.units import Address, BlockNumber, ChainId
from greenlane.verify.judgement import Verdict
from greenlane.verify.supply import judge_supply

from scripts.bench.purchases import measure_checks
from scripts.bench.report import Table

_GAS_LINE = re.compile(r"GAS (\S+) ([\d,]+) ([\d,]+)")
_COUNTS = (1, 1_000, 100_000)
_BARE = {"issue": "bare-mint", "transfer": "bare-transfer", "escrow": "bare-transfer", "accept": "bare-transfer"} | {
    "retire": "bare-burn"
}
_REGISTER, _ASSET = Address(b"\x70" * 20), Address(b"\x71" * 20)
_MILL, _CITY, _NOBODY = b"\x01" * 20, b"\x02" * 20, bytes(20)
_CLASS = b"cocoa".ljust(32, b"\x00")
_EVENTS_A_TOKEN = 10
_EVENTS_A_BLOCK = 20
Event = tuple[list[bytes], bytes]


def main() -> int:
    """Runs the parts that are asked for; the exit code."""
    parts: dict[str, Callable[[], int]] = {"gas": _gas, "supply": _supply, "check": measure_checks}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *parts], help="only these (default: all)")
    chosen = parser.parse_args().parts or list(parts)
    print(f"  load of this machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return max([parts[part]() for part in chosen])


# ---- gas ----


def _gas() -> int:
    """What forge measures, as a table."""
    command = [
        "scripts/contracts/forge.sh",
        "test",
        "--match-contract",
        "^AssetGas(OfMany)?$",
        "--match-test",
        "test_with_",
        "-vv",
    ]
    environment = {
        **os.environ,
        "FOUNDRY_PROFILE": "gas",
        "FOUNDRY_GAS_SNAPSHOT_CHECK": "false",
        "FOUNDRY_GAS_SNAPSHOT_EMIT": "false",
    }
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    found: dict[tuple[str, int], int] = {}
    for what, count, gas in _GAS_LINE.findall(told.stdout):
        found[what, int(count.replace(",", ""))] = int(gas.replace(",", ""))
    if told.returncode or len(found) < len(_BARE) * len(_COUNTS):
        print(f"bench: forge measured nothing (exit code {told.returncode}):\n{told.stdout[-2000:]}{told.stderr[-2000:]}")
        return 1
    columns = [f"among {count:,}" for count in _COUNTS]
    table = Table("gas of whole transactions", "", *columns, "spread", "aim", "bare ERC-1155", "ratio")
    for what, bare in _BARE.items():
        used = [found[what, count] for count in _COUNTS]
        floor = found[bare, _COUNTS[-1]]
        spread = (max(used) - min(used)) / min(used)
        name = f"{what} / {bare.removeprefix('bare-')}"
        table.row(name, *(f"{gas:,}" for gas in used), f"{spread:.2%}", "5 %", f"{floor:,}", f"{used[-1] / floor:.1f}×")
    table.print()
    return 0


# ---- supply ----


class _Node:
    """A node that tells the lives of so many tokens; counts the time in which it makes them up."""

    name = "bench"

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.seconds = 0.0
        self._life = list(_life())
        quantity = 900 * tokens
        self._kept = (quantity, 50 * tokens, 200 * tokens, 40 * tokens)

    def chain_id(self) -> ChainId:
        return ChainId(1)

    def genesis_hash(self) -> bytes:
        return bytes(32)

    def head(self) -> BlockNumber:
        return BlockNumber(self.tokens * _EVENTS_A_TOKEN // _EVENTS_A_BLOCK - 1)

    def logs(self, _contracts: object, _topics: object, first: BlockNumber, last: BlockNumber) -> list[Event]:
        began = time.perf_counter()
        tokens = _EVENTS_A_BLOCK // _EVENTS_A_TOKEN
        told = [event for token in range(first * tokens, (last + 1) * tokens) for event in self._of(token)]
        self.seconds += time.perf_counter() - began
        return told

    def _of(self, number: int) -> Iterator[Event]:
        token = number.to_bytes(32, "big")
        for topics, data, at in self._life:
            if at is None:
                yield topics, token + data[32:]
            else:
                yield [*topics[:at], token, *topics[at + 1 :]], data

    def call(self, _contract: Address, data: bytes, _block: BlockNumber) -> bytes:
        answers = {
            "classCount()": abi_encode(["uint256"], [1]),
            "classIds(uint256,uint256)": abi_encode(["bytes32[]"], [[_CLASS]]),
            "totals(bytes32)": abi_encode(["uint256"] * 4, list(self._kept)),
            "assetClass(bytes32)": abi_encode(
                ["(bytes32,bytes32,bytes32,uint8,uint8,bool,uint32,string)"],
                [(_CLASS, b"claimed".ljust(32, b"\x00"), b"KGM".ljust(32, b"\x00"), 3, 2, True, 365, "Cocoa")],
            ),
        }
        return next(answer for signature, answer in answers.items() if data[:4] == keccak256(signature.encode())[:4])


def _life() -> Iterator[tuple[list[bytes], bytes, int | None]]:
    """The events of one token in the order of the chain, and at which topic it stands; None: it is the first word of the data."""

    def moved(source: bytes, target: bytes, quantity: int) -> tuple[list[bytes], bytes, None]:
        topics = [supply.topic(supply.TRANSFER_SINGLE), *(_word(account) for account in (source, source, target))]
        return topics, abi_encode(["uint256", "uint256"], [0, quantity]), None

    def told(
        signature: str, at: int, topics: list[bytes], types: list[str], values: list[object]
    ) -> tuple[list[bytes], bytes, int]:
        return [supply.topic(signature), *topics], abi_encode(types, values), at

    mill, city = "0x" + _MILL.hex(), "0x" + _CITY.hex()
    stated: tuple[object, ...] = (bytes(32), bytes(32), mill, mill, _CLASS, bytes(32), bytes(32), 3, 1_000, bytes(32), bytes(32))
    stated += (1, 2, 1, bytes(32), 0, 0, bytes(32), b"PE")
    fields = (
        "(bytes32,bytes32,address,address,bytes32,bytes32,bytes32,uint8,uint128,bytes32,bytes32,uint32,uint32,uint8,bytes32,uint64,"
        "uint64,bytes32,bytes2)"
    )
    yield told(supply.EVIDENCE_ADMITTED, 1, [bytes(32), _CLASS, _word(bytes(_ASSET))], [fields], [stated])
    yield moved(_NOBODY, _MILL, 900)
    yield told(supply.ISSUED, 1, [bytes(32), _CLASS, _word(_MILL)], ["uint128"], [900])
    yield moved(_MILL, bytes(_ASSET), 50)
    escrowed = ["address", "uint128", "bytes32", "uint64"]
    yield told(supply.ESCROWED, 2, [bytes(32), bytes(32), _word(_MILL)], escrowed, [city, 50, bytes(32), 9])
    yield moved(_MILL, _CITY, 300)
    yield moved(_CITY, _NOBODY, 200)
    request = "(uint256,uint128,address,bytes32,uint32,uint32,bytes32,bytes32,bytes32)"
    asked = (0, 200, city, bytes(32), 1, 2, bytes(32), bytes(32), bytes(32))
    yield told(supply.RETIRED, 2, [bytes(32), bytes(32), _word(_CITY)], [request], [asked])
    yield moved(_MILL, _NOBODY, 40)
    yield told(supply.CANCELLED, 1, [bytes(32), _word(_MILL)], ["uint128", "string"], [40, "spoilt"])


def _word(account: bytes) -> bytes:
    return account.rjust(32, b"\x00")


def _supply() -> int:
    """Seconds of a recount, by the number of movements."""
    trust = TrustFile(
        chain_id=ChainId(1),
        genesis_hash=bytes(32),
        pilot_registry=Address(bytes(20)),
        anchor_log=Address(bytes(20)),
        assets=AssetContracts(green_asset=_ASSET, evidence_register=_REGISTER),
        sealing=None,
        centers=(),
    )
    headings = ("movements", "tokens", "seconds", "µs a movement", "against the first", "SHA-256 of each", "ratio")
    table = Table("the supply, recounted from events", *headings)
    first = 0.0
    for movements in (100_000, 1_000_000):
        node = _Node(movements // _EVENTS_A_TOKEN)
        began = time.perf_counter()
        judgement = judge_supply(trust, node, tell=_tell)
        seconds = time.perf_counter() - began - node.seconds
        if judgement.verdict is not Verdict.PASSED or judgement.movements != movements:
            print(f"bench: the supply does not add up: {judgement.words}")
            return 1
        each = seconds / movements
        first = first or each
        floor = _hashed(node)
        table.row(
            f"{movements:,}",
            f"{node.tokens:,}",
            f"{seconds:.2f}",
            f"{each * 1e6:.1f}",
            f"{each / first:.2f}×",
            f"{floor:.2f} s",
            f"{seconds / floor:.1f}×",
        )
    if sys.stdout.isatty():
        print("\r\x1b[K", end="")
    table.print()
    return 0


def _hashed(node: _Node) -> float:
    """Seconds that one hash of every event takes."""
    total, step = 0.0, 1_000
    for first in range(0, node.head() + 1, step):
        told = node.logs(None, None, BlockNumber(first), BlockNumber(min(first + step - 1, node.head())))
        began = time.perf_counter()
        for topics, data in told:
            hashlib.sha256(b"".join(topics) + data).digest()
        total += time.perf_counter() - began
    return total


def _tell(block: BlockNumber, last: BlockNumber) -> None:
    if sys.stdout.isatty():
        print(f"\r  recounting: block {block:,} of {last:,}", end="", flush=True)


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    sys.exit(main())
