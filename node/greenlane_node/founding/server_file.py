"""What a home's server must be told of the nodes beside it, as variables for a shell or a service manager.

The file is made once. From then on it is its operator's, who adds what docs/operations.md lists. Of secrets it has
paths alone.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from greenlane_node.founding.home_files import HomeFiles
from greenlane_node.layout import NetworkLayout
from greenlane_node.planning.plan import PlannedCenter

_LOOPBACK = "127.0.0.1"


def write_server_environment(layout: NetworkLayout, centers: Sequence[PlannedCenter], files: HomeFiles) -> None:
    """Writes it where it is not there yet.

    Args:
        centers: whose nodes are in this home; the server keeps its documents in the first documents node of them.
    """
    home = layout.home.directory.absolute()
    settings = {"GREENLANE_HOME": str(home)}
    if layout.api_tokens.exists():
        settings["GREENLANE_RPC_TOKEN_FILE"] = str(layout.api_tokens.absolute())
    documents = next((center.documents for center in centers if center.documents is not None), None)
    if documents is not None:
        # kubo/config.py has every RPC of a Kubo node outside of containers on loopback.
        settings["GREENLANE_DOCUMENTS_URL"] = f"http://{_LOOPBACK}:{documents.rpc_port}"
        settings["GREENLANE_DOCUMENTS_TOKEN_FILE"] = str(layout.token(documents.name).absolute())
    lines = [
        "# What the server of this home must know of the nodes beside it. Made once, and yours now: docs/operations.md has more.",
        f"# In a shell: {serving_words(layout.server_environment)}",
        "# In a systemd service: EnvironmentFile= with the path of this file.",
        *(f"{name}={shlex.quote(value)}" for name, value in settings.items()),
    ]
    files.once(layout.server_environment, "".join(f"{line}\n" for line in lines).encode())


def serving_words(file: Path) -> str:
    """How a shell starts the server by such a file."""
    return f"set -a; . {shlex.quote(str(file.absolute()))}; set +a; greenlane serve"
