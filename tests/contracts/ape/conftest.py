"""A small network on ape's in-process chain: five founders, each with an account for every duty.

Run by scripts/contracts/unit.sh. A pytest that has not loaded ape's plugin passes this folder by.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FOUNDERS = 5
MINIMUM = 3
TERM_S = 365 * 24 * 3600
VOTING_S = 7 * 24 * 3600

Candidate = dict[str, Any]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves the tests out where the plugin that makes their fixtures is not there."""
    is_test = collection_path.name.startswith("test_")
    return True if is_test and not config.pluginmanager.has_plugin("ape_test") else None


def key(text: str) -> bytes:
    """An id as the contracts know it."""
    return text.encode().ljust(32, b"\x00")


class Network:
    """A registry, and who is who in it: center number n has accounts 3n (operator), 3n + 1 (anchorer), 3n + 2 (validator)."""

    def __init__(self, registry: Any, accounts: Any) -> None:
        self.registry = registry
        self.accounts = accounts

    def id(self, number: int) -> bytes:
        return key(f"center-{number}")

    def operator(self, number: int) -> Any:
        return self.accounts[3 * number]

    def anchorer(self, number: int) -> Any:
        return self.accounts[3 * number + 1]

    def validator(self, number: int) -> Any:
        return self.accounts[3 * number + 2]

    def carry(self, proposal_id: bytes, *numbers: int) -> Any:
        """Lets centers vote, one after the other; the last vote's receipt."""
        return [self.registry.vote(proposal_id, sender=self.operator(number)) for number in numbers][-1]

    def latest_proposal(self) -> bytes:
        found: list[bytes] = self.registry.proposalIds(self.registry.proposalCount() - 1, 1)
        return found[0]

    def suspend(self, number: int) -> None:
        """Has as many of the other centers as it takes suspend one."""
        first, *others = [other for other in range(FOUNDERS) if other != number]
        self.registry.proposeSuspension(self.id(number), sender=self.operator(first))
        while self.registry.isActive(self.id(number)):
            self.carry(self.latest_proposal(), others.pop(0))


@pytest.fixture(scope="session")
def candidate(accounts: Any) -> Callable[..., Candidate]:
    """Makes up center number n; any field can be given another value."""

    def make(number: int, **changes: Any) -> Candidate:
        made = {
            "id": key(f"center-{number}"),
            "logKey": bytes([number + 1]) * 32,
            "economy": b"PE",
            "operator": accounts[3 * number],
            "anchorer": accounts[3 * number + 1],
            "validator": accounts[3 * number + 2],
            "name": f"Center {number}",
            "origin": f"log.center-{number}.example",
            "endpoint": f"https://center-{number}.example",
            "enode": "",
        }
        return made | changes

    return make


@pytest.fixture(scope="session")
def network(project: Any, accounts: Any, candidate: Callable[..., Candidate]) -> Network:
    founders = [candidate(number) for number in range(FOUNDERS)]
    registry = project.PilotRegistry.deploy(founders, (MINIMUM, TERM_S, VOTING_S, 0), sender=accounts[-1])
    return Network(registry, accounts)


@pytest.fixture
def found(project: Any, accounts: Any, candidate: Callable[..., Candidate]) -> Callable[[int], Network]:
    """Founds a network of that many centers, which may shrink to one."""

    def make(size: int) -> Network:
        founders = [candidate(number) for number in range(size)]
        return Network(project.PilotRegistry.deploy(founders, (1, TERM_S, VOTING_S, 0), sender=accounts[-1]), accounts)

    return make


@pytest.fixture(scope="session")
def registry(network: Network) -> Any:
    return network.registry


@pytest.fixture(scope="session")
def log(project: Any, registry: Any, accounts: Any) -> Any:
    return project.AnchorLog.deploy(registry, sender=accounts[-1])


@pytest.fixture
def later(chain: Any) -> Callable[[int], None]:
    """Lets that many seconds go by."""

    def pass_time(seconds: int) -> None:
        chain.mine(1, timestamp=chain.blocks.head.timestamp + seconds)

    return pass_time
