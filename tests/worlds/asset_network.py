"""A network with green assets, as its servers find it: a home folder with the keys of three centers and of their members.

with asset_network(folder) as made:                      # once for many tests; takes some seconds
    with made.fresh(tmp_path / "home") as network:       # for each test: the same chain, a home and a database of its own
        deployment = open_deployment(read_settings(network.environment()))
        network.member(LIMA, "bakery", MemberRole.ENTERPRISE)
        network.pass_days(40)

Members and classes are those of worlds.asset_chain: COOPERATIVE, CITY, ROASTER and CERTIFIER, whose keys their centers keep in
the home's keystore; COCOA, which is traded, and COMMUTES, which is not. Blocks come by themselves, unless a test asks for a
chain that stands still. Time goes as fast as it does, plus what a test lets pass; `clock` tells the chain's.
"""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount
from greenlane.adapters.evm.bindings import EvidenceRegister, GreenAsset, MemberRole, PilotRegistry, UnixSeconds
from greenlane.adapters.home import Home
from greenlane.adapters.keystore import SCRYPT_N_LOCAL, Keystore, KeyUse
from greenlane.adapters.member_keys import KeystoreMemberKeys, member_key_name
from greenlane.adapters.network_file import Network
from greenlane.core.assets.places import AssetContracts
from greenlane.core.crypto import sha256
from greenlane.core.documents.description import MemberName
from greenlane.core.units import Address, CenterId, MemberId
from greenlane_node.embedded.anvil import mine
from web3.exceptions import Web3Exception
from worlds.asset_chain import ROLES, AssetChain, address_of, asset_chain, key_of, undone

CENTERS = (CenterId("tianjin"), CenterId("lima"), CenterId("ho-chi-minh"))
BLOCK_S = 0.05
_DAY_S = 86_400
_BEGINS = UnixSeconds(1_700_000_000)


@dataclass
class AssetNetwork:
    """The chain, and one home folder out of which servers and commands serve all its centers.

    Attributes:
        home: its folder.
        chain: what tests do to the chain itself.
    """

    home: Path
    chain: AssetChain
    _passed_s: int = 0
    _own_keys: dict[MemberName, LocalAccount] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        return self.chain.network

    @property
    def assets(self) -> AssetContracts:
        assert self.network.assets is not None
        return self.network.assets

    @property
    def asset(self) -> GreenAsset:
        return self.chain.asset

    @property
    def register(self) -> EvidenceRegister:
        return self.chain.register

    @property
    def keystore(self) -> Keystore:
        """The home's, opened anew."""
        place = Home(self.home)
        return Keystore(place.keys, place.password_file, scrypt_n=SCRYPT_N_LOCAL)

    @property
    def keys(self) -> KeystoreMemberKeys:
        """Of the members, as a server has them."""
        return KeystoreMemberKeys(self.keystore)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a server of this home, with further variables of `GREENLANE_…` by their names."""
        return {"GREENLANE_HOME": str(self.home), **more}

    def clock(self) -> datetime:
        """The time as the chain has it, or will in its next block; aware."""
        return datetime.now(UTC) + timedelta(seconds=self._passed_s)

    # ---- members ----

    def member(self, center: CenterId, name: str, *roles: MemberRole, keeps_own_key: bool = False) -> MemberName:
        """Vouches for a member of a center, whose key the center keeps, or that keeps it itself."""
        made = MemberName(center=center, member=MemberId(name))
        account: LocalAccount = Account.from_key(sha256(f"key of {made}".encode()))
        granted = MemberRole(0)
        for role in roles:
            granted |= role
        data = PilotRegistry.encode_vouch(made.member, address_of(account), granted, _BEGINS, None)
        self.chain.govern(center, data)
        self._own_keys[made] = account
        if not keeps_own_key:
            _keep(self.keystore, made, account, granted)
        return made

    def key(self, name: MemberName) -> LocalAccount:
        """The key of a member, whoever keeps it."""
        return self._own_keys.get(name) or key_of(name)

    def account(self, name: MemberName) -> Address:
        """Its account."""
        return address_of(self.key(name))

    # ---- time ----

    def pass_days(self, days: int) -> None:
        """Lets days go by on the chain, and on `clock`."""
        self.pass_seconds(days * _DAY_S)

    def pass_seconds(self, seconds: int) -> None:
        """Lets seconds go by on the chain, and on `clock`."""
        self.chain.call("evm_increaseTime", seconds)
        self._passed_s += seconds
        self.mine()

    def mine(self) -> None:
        """Makes a block now."""
        self.chain.mine()

    # ---- one test's share ----

    @contextmanager
    def fresh(self, home: Path, *, block_s: float | None = BLOCK_S) -> Iterator["AssetNetwork"]:
        """The same network with a new home of its own at `home`; what is done to the chain within the block is undone after it.

        Args:
            block_s: seconds between blocks; None: they come when the test makes them.
        """
        place = Home(self.home)
        home.mkdir(mode=0o700, parents=True)
        shutil.copytree(place.keys, home / place.keys.name)
        for file in (place.network_file, place.trust_file, place.password_file):
            shutil.copy2(file, home / file.name)
        with undone(self.chain):
            # What was undone before took the chain's clock back with it.
            self.chain.call("evm_setTime", int(time.time()))
            self.chain.mine()
            with _blocks(self.chain, block_s):
                yield AssetNetwork(home=home, chain=self.chain)


@contextmanager
def asset_network(folder: Path) -> Iterator[AssetNetwork]:
    """Makes the network in a folder, and ends its chain at the end; no block comes by itself before `fresh`."""
    with asset_chain(folder) as chain:
        made = AssetNetwork(home=folder, chain=chain)
        for name, roles in ROLES.items():
            _keep(made.keystore, name, key_of(name), roles)
        yield made


def _keep(keystore: Keystore, name: MemberName, account: LocalAccount, roles: MemberRole) -> None:
    use = KeyUse.CERTIFIER if MemberRole.CERTIFIER in roles else KeyUse.MEMBER
    keystore.add(member_key_name(name.center, name.member), use, bytes(account.key))


@contextmanager
def _blocks(chain: AssetChain, block_s: float | None) -> Iterator[None]:
    if block_s is None:
        yield
        return
    ended = threading.Event()

    def make() -> None:
        while not ended.wait(block_s):
            # The test that ends the chain says so itself.
            with suppress(Web3Exception, OSError):
                mine(chain.running.rpc_url)

    miner = threading.Thread(target=make, daemon=True)
    miner.start()
    try:
        yield
    finally:
        ended.set()
        miner.join()
