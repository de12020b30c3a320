"""What is tried here is how networks are made and kept, not what guessing their passwords costs or how patiently one waits."""

from collections.abc import Iterator

import pytest
from greenlane_node.embedded import network as embedded_network
from greenlane_node.founding import trial
from greenlane_node.machine import running
from greenlane_node.registry.acts import RegistryActs, open_acts


@pytest.fixture(scope="session", autouse=True)
def _cheap_and_quick() -> Iterator[None]:
    """Keys of trial networks cost next to nothing, and nodes are looked at often; not so in processes of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "SCRYPT_N_LOCAL", 2)
        patch.setattr(embedded_network, "SCRYPT_N_LOCAL", 2)
        patch.setattr(running, "_LOOK_S", 0.02)
        for waiting in (RegistryActs.__init__, open_acts):
            defaults = waiting.__kwdefaults__
            assert defaults is not None
            patch.setitem(defaults, "poll_s", 0.02)
        yield
