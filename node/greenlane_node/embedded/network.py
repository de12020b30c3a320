"""The embedded network: one anvil on this machine, three pilot centers, everything made at the first start and found at the next.

Everything that must last is fixed before the chain first runs: keys, genesis time, and with them the genesis hash and the
contracts' addresses. The chain may lose any part of its state after that, even all of it, and can still be the same network:
what the contracts held is anchored again from the database.

The order of a first start is an order of what a crash may interrupt: keys and embedded.json, chain, contracts, trust.json, and
network.json last. A folder without network.json was not finished, and every step finds what the one before has left.

A network of an earlier release has no contracts of green assets. Its next start deploys them where its deployer has sent nothing
since, in the same order: a crash before network.json names them leaves a chain on which the next start finds them.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import requests
from greenlane.adapters.entropy import random_bytes
from greenlane.adapters.evm.bindings import CenterCandidate, PilotRegistry, RegistryParameters, UnixSeconds
from greenlane.adapters.evm.standing import check_contracts
from greenlane.adapters.evm.trust import read_trust
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import (
    SCRYPT_N_LOCAL,
    KeyFileInvalid,
    Keystore,
    KeyUse,
    replace_file,
    write_new_file,
)
from greenlane.adapters.network_file import CenterKeyNames, Network, NetworkCenter, encode_network, load_network
from greenlane.core.canonical import canonical_bytes, parse_json
from greenlane.core.errors import Conflict, InvalidInput, NotFound
from greenlane.core.note import VerifierKey
from greenlane.core.trust import TrustFile, encode_trust_file
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId
from greenlane.core.wire import read_constant, read_count, read_object
from greenlane.ports.ledger import LedgerMismatch
from web3 import HTTPProvider, Web3

from greenlane_node.embedded.anvil import (
    AnvilProcess,
    ChainNotStarted,
    ChainSettings,
    free_port,
    mine,
    running_anvil,
    set_going,
    start_anvil,
)
from greenlane_node.embedded.deploy import asset_addresses, can_deploy_assets, contract_addresses, deploy_assets, deploy_contracts

CHAIN_ID: Final = ChainId(20261)
"""Of every embedded network; of no public chain."""
DEFAULT_PORT: Final = 20261
_DEPLOYER = "deployer"
_VOTING_PERIOD_S = 7 * 24 * 3600
_EMBEDDED_TYPE = "GreenlaneEmbeddedChain"
_PASSWORD_BYTES = 32
_RESET = "Run `greenlane-node embedded reset --chain`: it starts the chain anew with the same keys, genesis and addresses."


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterPlan:
    """A founding center of a new network.

    Attributes:
        economy: ISO 3166-1 alpha-2.
        origin: of its log (C2SP).
        endpoint: URL of its API; None where it has none yet.
    """

    id: CenterId
    name: str
    economy: str
    origin: str
    endpoint: str | None = None


PILOT_CENTERS: Final = (
    CenterPlan(id=CenterId("tianjin"), name="Pilot Center Tianjin", economy="CN", origin="tianjin.greenlane.example/log"),
    CenterPlan(id=CenterId("lima"), name="Pilot Center Lima", economy="PE", origin="lima.greenlane.example/log"),
    CenterPlan(
        id=CenterId("ho-chi-minh"),
        name="Pilot Center Ho Chi Minh City",
        economy="VN",
        origin="ho-chi-minh.greenlane.example/log",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningNetwork:
    """An embedded network that runs. As a context manager it stops at the end of the block.

    Attributes:
        was_running: it ran before it was asked to start.
    """

    home: Home
    network: Network
    trust: TrustFile
    process: AnvilProcess
    was_running: bool

    @property
    def rpc_url(self) -> str:
        return self.process.url

    def keystore(self) -> Keystore:
        """The keys of this network."""
        return _keystore(self.home)

    def stop(self) -> None:
        """Ends the chain so that its state is whole on the disk.

        Raises:
            ChainNotStopped: it does not end.
        """
        self.process.stop()

    def kill(self) -> None:
        """Ends the chain without warning, as a crash would."""
        self.process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedStatus:
    """What stands in a home folder; `network` is None where no network was ever started, `process` where none runs."""

    network: Network | None
    process: AnvilProcess | None
    head: BlockNumber | None


class EmbeddedNetwork:
    """Starts, stops and mends the embedded network of a home folder."""

    @staticmethod
    def start(
        directory: Path,
        centers: Sequence[CenterPlan] | None = None,
        *,
        hosted: Sequence[CenterId] | None = None,
        port: int | None = None,
        block_time_s: int | None = None,
    ) -> RunningNetwork:
        """Starts the network of a home folder, making it where there is none. What runs already is left running.

        Args:
            directory: the home folder; made where it is missing.
            centers: founders of a new network; PILOT_CENTERS where None. For a network that exists: the same ids, or None.
            hosted: whose logs this deployment writes; all of them where None. Only for a new network.
            port: to listen on; None: as before, at first 20261 or else any free one.
            block_time_s: seconds between blocks; None: as before, at first 1.

        Raises:
            ChainNotStarted: anvil is missing, its port is taken, or it ends at once.
            LedgerMismatch: the chain is not the one network.json describes; the remedy says what to do.
            Conflict: the network exists and has other founders, or the folder holds a center of a network of nodes.
            NetworkFileInvalid, KeyFileInvalid, WrongPassword: a file of the folder is damaged.
        """
        home = Home(directory)
        _require_embedded(home)
        with _held(home):
            return _start(home, centers, hosted, port, block_time_s)

    @staticmethod
    def stop(directory: Path) -> bool:
        """Stops the chain of a home folder; False where none runs.

        Raises:
            ChainNotStopped: it does not end.
        """
        home = Home(directory)
        if not directory.is_dir():
            return False
        with _held(home):
            process = running_anvil(home.chain)
            if process is None:
                return False
            process.stop()
            return True

    @staticmethod
    def status(directory: Path) -> EmbeddedStatus:
        """What stands in a home folder and whether it runs.

        Raises:
            NetworkFileInvalid: network.json is damaged.
        """
        home = Home(directory)
        network = load_network(home.network_file) if home.network_file.exists() else None
        process = running_anvil(home.chain)
        head = None if process is None else BlockNumber(_web3(process).eth.block_number)
        return EmbeddedStatus(network=network, process=process, head=head)

    @staticmethod
    def reset_chain(directory: Path) -> RunningNetwork:
        """Gives the network a new, empty chain with the same keys, genesis and contract addresses, and starts it.

        The old chain folder is kept beside it under a name of its own. What was anchored is anchored again by whoever serves the
        centers: their databases hold every transaction.

        Raises:
            NotFound: there is no network in this folder.
            As `start`.
        """
        home = Home(directory)
        _require_embedded(home)
        if not home.embedded_file.exists():
            raise NotFound("There is no embedded network here.", where=str(directory), remedy="Start one first.")
        with _held(home):
            process = running_anvil(home.chain)
            if process is not None:
                process.stop()
            if home.chain.exists():
                home.chain.rename(_unused(home.directory, "chain.old"))
            # Without network.json the start is a first one: it deploys, and then must find what the file said.
            described = load_network(home.network_file) if home.network_file.exists() else None
            started = _start(home, None, None, None, None, is_reset=True)
            # One of an earlier release gets the contracts of green assets now.
            if described is not None and described.assets is None:
                described = replace(described, assets=started.network.assets)
            if described is not None and _identity(started.network) != _identity(described):
                started.stop()
                raise LedgerMismatch(
                    "The new chain has another genesis or other addresses than network.json says: anvil may be another version.",
                    remedy="Use the version of anvil this network was made with (`make setup`), or begin a new home folder.",
                )
            return started

    @staticmethod
    def remove(directory: Path) -> None:
        """Removes the whole home folder, keys included, after stopping its chain. There is no way back.

        Raises:
            NotFound: the folder holds no embedded network.
        """
        home = Home(directory)
        _require_embedded(home)
        if not home.embedded_file.exists():
            raise NotFound("There is no embedded network here.", where=str(directory), remedy="")
        EmbeddedNetwork.stop(directory)
        for path in (home.keys, home.chain, *directory.glob("chain.old*")):
            shutil.rmtree(path, ignore_errors=True)
        for path in (home.network_file, home.trust_file, home.embedded_file, home.password_file, home.lock_file):
            path.unlink(missing_ok=True)


def _require_embedded(home: Home) -> None:
    """Leaves alone what is another kind of network's: its keys are not ours to use, and not ours to remove.

    Raises:
        Conflict: the folder holds a center of a network of nodes.
    """
    others = [*home.directory.glob("*.center.toml"), *home.directory.glob("network.toml")]
    if home.network_file.exists() and not home.embedded_file.exists():
        others.append(home.network_file)
    if others:
        raise Conflict(
            "This folder holds a center of a network of nodes, and no embedded network.",
            where=str(others[0]),
            remedy="Choose another folder with --home; for this one's nodes see `greenlane-node up` and `greenlane-node join`.",
        )


def _start(
    home: Home,
    centers: Sequence[CenterPlan] | None,
    hosted: Sequence[CenterId] | None,
    port: int | None,
    block_time_s: int | None,
    *,
    is_reset: bool = False,
) -> RunningNetwork:
    described = load_network(home.network_file) if home.network_file.exists() else None
    if described is not None and centers is not None and [one.id for one in centers] != [one.id for one in described.centers]:
        raise Conflict(
            "The network in this folder has other founders.", where=str(home.network_file), remedy="Choose another folder."
        )
    plans = tuple(centers or PILOT_CENTERS) if described is None else tuple(map(_plan, described.centers))
    settings = _settings(home, port, block_time_s)
    keystore = _keystore(home)
    if described is None or is_reset:
        _make_keys(home, keystore, plans)
    process = running_anvil(home.chain)
    was_running = process is not None
    if process is None:
        process = start_anvil(home.chain, settings)
    else:
        set_going(process.url, settings.block_time_s)
    try:
        if described is None or is_reset:
            network = _found(process, settings, keystore, plans, hosted, described)
            # Stopped once, so that what was deployed is whole on the disk before network.json says it is there.
            process.stop()
            process = start_anvil(home.chain, settings)
        else:
            network = replace(described, rpc_urls=(process.url,))
            if network.assets is None:
                process, network = _with_assets(home, process, settings, keystore, network)
        trust = _checked(process, network)
    except BaseException:
        if not was_running:
            process.stop()
        raise
    replace_file(home.trust_file, encode_trust_file(trust))
    if network != described:
        replace_file(home.network_file, encode_network(network))
    return RunningNetwork(home=home, network=network, trust=trust, process=process, was_running=was_running)


def _settings(home: Home, port: int | None, block_time_s: int | None) -> ChainSettings:
    """How the chain is run: as embedded.json says, but for what is asked for now; written where it is new."""
    try:
        known: ChainSettings | None = _read_settings(home.embedded_file)
    except FileNotFoundError:
        known = None
    running = running_anvil(home.chain)
    if running is not None:
        port = running.port
    settings = ChainSettings(
        chain_id=CHAIN_ID,
        genesis_time=int(time.time()) if known is None else known.genesis_time,
        block_time_s=block_time_s or (1 if known is None else known.block_time_s),
        port=port or (free_port(DEFAULT_PORT) if known is None else known.port),
    )
    if settings != known:
        replace_file(
            home.embedded_file,
            canonical_bytes(
                {
                    "type": _EMBEDDED_TYPE,
                    "version": 1,
                    "chainId": settings.chain_id,
                    "genesisTime": settings.genesis_time,
                    "blockTimeS": settings.block_time_s,
                    "port": settings.port,
                }
            ),
        )
    return settings


def _read_settings(path: Path) -> ChainSettings:
    try:
        names = ("type", "version", "chainId", "genesisTime", "blockTimeS", "port")
        fields = read_object(parse_json(path.read_bytes()), names, "")
        read_constant(fields["type"], "/type", _EMBEDDED_TYPE)
        read_constant(fields["version"], "/version", 1)
        read_constant(fields["chainId"], "/chainId", CHAIN_ID)
        return ChainSettings(
            chain_id=CHAIN_ID,
            genesis_time=read_count(fields["genesisTime"], "/genesisTime", least=1),
            block_time_s=read_count(fields["blockTimeS"], "/blockTimeS", least=1),
            port=read_count(fields["port"], "/port", least=1),
        )
    except InvalidInput as error:
        raise ChainNotStarted(
            f"How the chain is run cannot be read: {error.detail}",
            where=f"{path}{error.where or ''}",
            remedy="Restore the file from a backup: the genesis time in it cannot be guessed.",
        ) from error


def _keystore(home: Home) -> Keystore:
    # Keys of an embedded network guard nothing but a chain that its own machine can rewrite at will.
    return Keystore(home.keys, home.password_file, scrypt_n=SCRYPT_N_LOCAL)


def _make_keys(home: Home, keystore: Keystore, plans: Sequence[CenterPlan]) -> None:
    if not home.password_file.exists():
        if keystore.files():
            raise KeyFileInvalid(
                "There are keys and no password.", where=str(home.password_file), remedy="Restore the file from a backup."
            )
        write_new_file(home.password_file, random_bytes(_PASSWORD_BYTES).hex().encode() + b"\n")
    wanted = [(_DEPLOYER, KeyUse.DEPLOYER)]
    for plan in plans:
        wanted += [(f"{plan.id}-{use}", use) for use in (KeyUse.OPERATOR, KeyUse.ANCHORER, KeyUse.VALIDATOR, KeyUse.LOG)]
    for name, use in wanted:
        if not keystore.has(name):
            keystore.create(name, use)


def _found(
    process: AnvilProcess,
    settings: ChainSettings,
    keystore: Keystore,
    plans: Sequence[CenterPlan],
    hosted: Sequence[CenterId] | None,
    described: Network | None,
) -> Network:
    """Deploys the contracts where they do not stand yet, and describes the network."""
    centers = tuple(_center(plan, keystore) for plan in plans) if described is None else described.centers
    web3 = _web3(process)
    parameters = RegistryParameters(
        minimum_centers=1,
        term_length_s=0,
        voting_period_s=_VOTING_PERIOD_S,
        # Not the time of deployment: the log keys' terms must read the same after the contracts were deployed again.
        term_start=UnixSeconds(settings.genesis_time),
    )
    deployer = keystore.account(_DEPLOYER, KeyUse.DEPLOYER)
    founders = [_candidate(center) for center in centers]
    deploy_contracts(web3, deployer, founders, parameters, after_sending=lambda: mine(process.url))
    pilot_registry, anchor_log = contract_addresses(deployer.address)
    if described is not None:
        hosted = described.hosted
    return Network(
        chain_id=ChainId(settings.chain_id),
        genesis_hash=bytes(web3.eth.get_block(0)["hash"]),
        sealing=None,
        rpc_urls=(process.url,),
        pilot_registry=pilot_registry,
        anchor_log=anchor_log,
        assets=asset_addresses(deployer.address),
        # Lower than it could be, for it must hold also after a reset has deployed them earlier or later.
        deploy_block=BlockNumber(0),
        centers=centers,
        hosted=tuple(one.id for one in centers) if hosted is None else tuple(hosted),
    )


def _with_assets(
    home: Home, process: AnvilProcess, settings: ChainSettings, keystore: Keystore, network: Network
) -> tuple[AnvilProcess, Network]:
    """A network of an earlier release with the contracts of green assets, which are deployed now; the same where it cannot be."""
    deployer = keystore.account(_DEPLOYER, KeyUse.DEPLOYER)
    web3 = _web3(process)
    # What stands at another deployer's addresses, or on a chain that lost its state, is no ground to build on.
    _checked(process, network)
    if (network.pilot_registry, network.anchor_log) != contract_addresses(deployer.address):
        return process, network
    if not can_deploy_assets(web3, deployer.address):
        return process, network
    if deploy_assets(web3, deployer, after_sending=lambda: mine(process.url)):
        # As at a first start: whole on the disk before network.json says it is there.
        process.stop()
        process = start_anvil(home.chain, settings)
    return process, replace(network, assets=asset_addresses(deployer.address))


def _checked(process: AnvilProcess, network: Network) -> TrustFile:
    web3 = _web3(process)
    genesis_hash = bytes(web3.eth.get_block(0)["hash"])
    if (web3.eth.chain_id, genesis_hash) != (network.chain_id, network.genesis_hash):
        raise LedgerMismatch(
            f"The chain begins with the block 0x{genesis_hash.hex()}, and network.json says 0x{network.genesis_hash.hex()}.",
            where=process.url,
            remedy=_RESET,
        )
    try:
        check_contracts(web3, network.pilot_registry, network.anchor_log, network.assets)
    except LedgerMismatch as error:
        raise LedgerMismatch(error.detail, where=process.url, remedy=_RESET) from error
    return read_trust(
        PilotRegistry(web3, network.pilot_registry),
        chain_id=network.chain_id,
        genesis_hash=network.genesis_hash,
        anchor_log=network.anchor_log,
        assets=network.assets,
        sealing=network.sealing,
        block=BlockNumber(web3.eth.block_number),
    )


def _identity(network: Network) -> tuple[object, ...]:
    return network.chain_id, network.genesis_hash, network.pilot_registry, network.anchor_log, network.assets


def _plan(center: NetworkCenter) -> CenterPlan:
    return CenterPlan(id=center.id, name=center.name, economy=center.economy, origin=center.origin, endpoint=center.endpoint)


def _center(plan: CenterPlan, keystore: Keystore) -> NetworkCenter:
    def address(use: KeyUse) -> Address:
        found = keystore.describe(f"{plan.id}-{use}").address
        if found is None:
            raise KeyFileInvalid(f"The key {plan.id}-{use} is no account's.")
        return found

    log_key = keystore.describe(f"{plan.id}-{KeyUse.LOG}").log_key
    if log_key is None:
        raise KeyFileInvalid(f"The key {plan.id}-{KeyUse.LOG} is no log's.")
    return NetworkCenter(
        id=plan.id,
        name=plan.name,
        economy=plan.economy,
        origin=plan.origin,
        endpoint=plan.endpoint,
        operator=address(KeyUse.OPERATOR),
        anchorer=address(KeyUse.ANCHORER),
        validator=address(KeyUse.VALIDATOR),
        log_key=VerifierKey(name=plan.origin, public_key=log_key),
        keys=CenterKeyNames(
            operator=f"{plan.id}-operator",
            anchorer=f"{plan.id}-anchorer",
            validator=f"{plan.id}-validator",
            log=f"{plan.id}-log",
        ),
    )


def _candidate(center: NetworkCenter) -> CenterCandidate:
    return CenterCandidate(
        id=center.id,
        log_key=center.log_key.public_key,
        economy=center.economy,
        operator=center.operator,
        anchorer=center.anchorer,
        validator=center.validator,
        name=center.name,
        origin=center.origin,
        endpoint=center.endpoint or "",
    )


def _web3(process: AnvilProcess) -> Web3:
    session = requests.Session()
    # Our own chain is named by its address: no proxy of the environment stands between.
    session.trust_env = False
    provider = HTTPProvider(process.url, request_kwargs={"timeout": 10}, session=session, exception_retry_configuration=None)
    return Web3(provider)


def _unused(directory: Path, name: str) -> Path:
    number = 1
    while (directory / f"{name}.{number}").exists():
        number += 1
    return directory / f"{name}.{number}"


@contextmanager
def _held(home: Home) -> Iterator[None]:
    """Holds the folder against others who would start, stop or reset it; they wait."""
    home.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
