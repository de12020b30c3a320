"""What the containers run at their start does here what it does there: the same scripts, as processes."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from greenlane_node.embedded.network import EmbeddedNetwork
from worlds.machine import free_port

ROOT = Path(__file__).parents[3]
_PATIENCE_S = 90


@pytest.mark.chain
@pytest.mark.slow
def test_the_embedded_container_serves_and_stops_its_chain_whole_when_it_is_told_to(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "GREENLANE_HOME": str(home), "GREENLANE_PORT": str(port), "HOME": str(tmp_path)}
    with (tmp_path / "log").open("wb") as log:
        container = subprocess.Popen(
            ["sh", str(ROOT / "node" / "compose" / "embedded.sh")],
            env=environment,
            stdout=log,
            stderr=log,
            cwd=tmp_path,
            start_new_session=True,
        )
        try:
            assert _answers(f"http://127.0.0.1:{port}/health/ready"), (tmp_path / "log").read_text()
            assert EmbeddedNetwork.status(home).process is not None
            container.send_signal(signal.SIGTERM)
            assert container.wait(timeout=_PATIENCE_S) == 0, (tmp_path / "log").read_text()
            assert EmbeddedNetwork.status(home).process is None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(container.pid, signal.SIGKILL)
            container.wait()
            EmbeddedNetwork.stop(home)


def _answers(url: str) -> bool:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
        time.sleep(0.2)
    return False
