"""Four founding centers that share a real chain with a registry, each with a home folder of its own; a fifth may come.

with registry_world(folder) as world:
    home = world.home("lima")        # network.json, password and the keys of lima alone
    main(["vote", "--home", str(home)])

Blocks come every few hundredths of a second. The chain's clock runs ahead by a second a block at least.
"""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
from eth_abi.abi import encode
from greenlane.adapters.evm.bindings import CenterCandidate, PilotRegistry
from greenlane.adapters.keystore import Keystore, KeyUse
from greenlane.adapters.network_file import CenterKeyNames, Network, NetworkCenter, encode_network
from greenlane.core.crypto import keccak256
from greenlane.core.note import VerifierKey
from greenlane.core.seals import ValidatorMode
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId, center_id
from greenlane_node.embedded.anvil import ChainSettings, start_anvil
from greenlane_node.founding.genesis import candidate_of, genesis_value
from greenlane_node.keys import center_public_keys, key_name, make_center_keys
from greenlane_node.planning.plan import ANCHOR_LOG, PILOT_REGISTRY, NetworkPlan, NodeRole, PlannedCenter, PlannedNode
from greenlane_node.planning.plan_file import encode_center
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint
from worlds.machine import free_port

CHAIN = ChainId(20_777)
MINIMUM = 4
FOUNDERS = ("accra", "lima", "osaka", "tianjin")
NEWCOMER = "valparaiso"
_ECONOMIES = {"accra": "GH", "lima": "PE", "osaka": "JP", "tianjin": "CN", NEWCOMER: "CL"}
GENESIS_TIME = 1_790_000_000
_BLOCK_S = 0.03
_CHEAP_SCRYPT = 2
_GAS = 3_000_000
_ACT_S = 20.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    def is_one_fault(self, *words: str) -> bool:
        """Whether it is one line on standard error that holds these words, and nothing else was said."""
        lines = self.err.splitlines()
        return self.out == "" and len(lines) == 1 and "Traceback" not in self.err and all(word in lines[0] for word in words)

    def json(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)


Command = Callable[..., Said]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryWorld:
    """One chain, and the homes as they were founded, of which each test takes copies."""

    folder: Path
    url: str
    web3: Web3
    registry: PilotRegistry
    plan: NetworkPlan
    is_going: threading.Event

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """No block is made meanwhile."""
        self.is_going.clear()
        # One may be on its way.
        time.sleep(3 * _BLOCK_S)
        try:
            yield
        finally:
            self.is_going.set()

    def home(self, center: str, place: Path) -> Path:
        """A copy of one center's home, made at `place`."""
        shutil.copytree(self.folder / center, place / center)
        return place / center

    def call(self, method: str, *params: object) -> Any:
        """Asks the chain's own program."""
        answer = self.web3.provider.make_request(RPCEndpoint(method), list(params))
        assert "error" not in answer, answer
        return answer["result"]

    def let_pass(self, seconds: int) -> None:
        """Moves the chain's clock on, into a block of its own: what is asked next is asked of a chain that knows."""
        self.call("evm_increaseTime", seconds)
        self.call("evm_mine")

    def act(self, center: str, data: bytes, *, to: Address | None = None) -> None:
        """A call of a center's operator, of the registry or another contract, whatever its program is; it must not be refused."""
        record = self.registry.center(center_id(center))
        assert record is not None
        operator = "0x" + record.operator.hex()
        self.call("anvil_impersonateAccount", operator)
        call = {"from": operator, "to": "0x" + (to or self.registry.address).hex(), "data": "0x" + data.hex()}
        transaction = self.call("eth_sendTransaction", {**call, "gas": hex(_GAS), "gasPrice": "0x0"})
        end = time.monotonic() + _ACT_S
        while (receipt := self.call("eth_getTransactionReceipt", transaction)) is None:
            assert time.monotonic() < end
            time.sleep(_BLOCK_S)
        assert receipt["status"] == "0x1"


def set_endpoints(endpoint: bytes, enode: bytes) -> bytes:
    """Call data that no program of ours makes: texts of any bytes. A `string` and `bytes` are the same on the wire."""
    return keccak256(b"setEndpoints(string,string)")[:4] + encode(["bytes", "bytes"], [endpoint, enode])


def planned(name: str, keystore: Keystore, number: int) -> PlannedCenter:
    """A center as its own file describes it, with the keys of its keystore."""
    id_ = center_id(name)
    public = center_public_keys(keystore, id_)
    return PlannedCenter(
        id=id_,
        name=f"Pilot Center {name.title()}",
        economy=_ECONOMIES[name],
        origin=f"{name}.example/log",
        endpoint=f"https://{name}.example",
        operator=public.operator,
        anchorer=public.anchorer,
        log_key=public.log_key,
        validator=PlannedNode(
            center=id_,
            role=NodeRole.VALIDATOR,
            public_key=public.validator,
            host=f"10.20.30.{number}",
            p2p_port=30_303,
            rpc_port=8_545,
            metrics_port=9_545,
        ),
        rpc_node=None,
        documents=None,
    )


@contextmanager
def registry_world(folder: Path) -> Iterator[RegistryWorld]:
    """Makes keys, chain, contracts and homes; ends the chain at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    centers = {name: _made(folder / name, name, number) for number, name in enumerate((*FOUNDERS, NEWCOMER), 1)}
    plan = NetworkPlan(
        name="made-up",
        chain_id=CHAIN,
        genesis_time=GENESIS_TIME,
        block_time_s=2,
        request_timeout_s=4,
        gas_limit=30_000_000,
        validator_mode=ValidatorMode.CONTRACT,
        is_production=True,
        minimum_centers=MINIMUM,
        term_length_s=0,
        voting_period_s=7 * 24 * 3600,
        has_green_assets=True,
        centers=tuple(centers[name] for name in FOUNDERS),
    )
    settings = ChainSettings(chain_id=CHAIN, genesis_time=GENESIS_TIME, block_time_s=1, port=free_port())
    process = start_anvil(folder / "chain", settings)
    ended, is_going = threading.Event(), threading.Event()
    is_going.set()
    miner = threading.Thread(target=_mine, args=(process.url, is_going, ended), daemon=True)
    try:
        web3 = Web3(HTTPProvider(process.url, exception_retry_configuration=None))
        web3.provider.make_request(RPCEndpoint("evm_setIntervalMining"), [0])
        web3.provider.make_request(RPCEndpoint("evm_setAutomine"), [False])
        miner.start()
        _place(web3, plan)
        network = Network(
            chain_id=CHAIN,
            genesis_hash=bytes(web3.eth.get_block(0)["hash"]),
            sealing=None,
            rpc_urls=(process.url,),
            pilot_registry=PILOT_REGISTRY,
            anchor_log=ANCHOR_LOG,
            assets=plan.assets(),
            deploy_block=BlockNumber(0),
            centers=(),
            hosted=(),
        )
        for name in (*FOUNDERS, NEWCOMER):
            own = [_described(centers[one], has_keys=one == name) for one in dict.fromkeys((*FOUNDERS, name))]
            described = replace(network, centers=tuple(own), hosted=(CenterId(name),))
            (folder / name / "network.json").write_bytes(encode_network(described))
        registry = PilotRegistry(web3, PILOT_REGISTRY)
        yield RegistryWorld(folder=folder, url=process.url, web3=web3, registry=registry, plan=plan, is_going=is_going)
    finally:
        ended.set()
        if miner.is_alive():
            miner.join()
        process.kill()


def newcomer(world: RegistryWorld) -> CenterCandidate:
    """The fifth center."""
    home = world.folder / NEWCOMER
    return candidate_of(planned(NEWCOMER, Keystore(home / "keys", home / "password"), len(FOUNDERS) + 1))


def _made(home: Path, name: str, number: int) -> PlannedCenter:
    home.mkdir(mode=0o700)
    (home / "password").write_text("correct horse\n")
    keystore = Keystore(home / "keys", home / "password", scrypt_n=_CHEAP_SCRYPT)
    make_center_keys(keystore, center_id(name), rpc_node=False, documents=False)
    center = planned(name, keystore, number)
    (home / "center.toml").write_bytes(encode_center(center))
    return center


def _described(center: PlannedCenter, *, has_keys: bool = False) -> NetworkCenter:
    uses = (KeyUse.OPERATOR, KeyUse.ANCHORER, KeyUse.VALIDATOR, KeyUse.LOG)
    names = {use.value: key_name(center.id, use) if has_keys else None for use in uses}
    return NetworkCenter(
        id=center.id,
        name=center.name,
        economy=center.economy,
        origin=center.origin,
        endpoint=center.endpoint,
        operator=center.operator,
        anchorer=center.anchorer,
        validator=Address(center.validator.address),
        log_key=VerifierKey(name=center.origin, public_key=center.log_key),
        keys=CenterKeyNames(**names),
    )


def _place(web3: Web3, plan: NetworkPlan) -> None:
    """The contracts as the plan's genesis has them, on a chain whose genesis had nothing."""
    alloc: Any = genesis_value(plan)["alloc"]
    for address, account in alloc.items():
        place = address if address.startswith("0x") else f"0x{address}"
        requests = [("anvil_setCode", [place, account["code"]])]
        requests += [("anvil_setStorageAt", [place, slot, word]) for slot, word in account["storage"].items()]
        for method, params in requests:
            answer = web3.provider.make_request(RPCEndpoint(method), params)
            assert "error" not in answer, answer


def _mine(url: str, is_going: threading.Event, ended: threading.Event) -> None:
    # Another test of this process may set a proxy in the environment meanwhile.
    session = requests.Session()
    session.trust_env = False
    provider = HTTPProvider(url, exception_retry_configuration=None, session=session)
    while not ended.wait(_BLOCK_S):
        if not is_going.is_set():
            continue
        provider.make_request(RPCEndpoint("evm_mine"), [])
