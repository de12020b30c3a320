"""A PostgreSQL cluster of one's own, on loopback, in a temporary folder, gone at the end."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from greenlane_node.embedded.anvil import free_port


def server_binaries() -> Path | None:
    """The folder with initdb and postgres, or None where PostgreSQL's server is not installed."""
    # Debian keeps them off PATH, one folder a version; the newest serves.
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True)
    found = shutil.which("initdb")
    if found is not None:
        folders.insert(0, Path(found).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def _place_for_others() -> str:
    """A folder for temporary files that another user can pass through: root's own may be closed to the server's user."""
    for place in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):
        if all(each.stat().st_mode & 0o001 for each in (place, *place.parents) if each.exists()) and place.is_dir():
            return str(place)
    return tempfile.gettempdir()


@contextmanager
def temporary_postgres(*, is_durable: bool = True) -> Iterator[str | None]:
    """A running cluster's URL "postgresql://…", or None where the server is not installed.

    Args:
        is_durable: it waits for the disk at every commit; without, a suite of many small databases is several times faster.
    """
    binaries = server_binaries()
    if binaries is None:
        yield None
        return
    # PostgreSQL refuses to run as root: then its own user runs it.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    user = "postgres" if as_user else pwd.getpwuid(os.geteuid()).pw_name
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="greenlane-postgres-", dir=_place_for_others() if as_user else None) as folder:
        if as_user:
            Path(folder).chmod(0o755)
            data = Path(folder) / "data"
            data.mkdir()
            shutil.chown(data, "postgres", "postgres")
        else:
            data = Path(folder) / "data"

        def run(*command: str) -> None:
            subprocess.run([*as_user, *command], check=True, capture_output=True, cwd="/")

        run(str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "-U", user)
        durable = "on" if is_durable else "off"
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= "
            f"-c fsync={durable} -c synchronous_commit={durable}"
        )
        run(str(binaries / "pg_ctl"), "-D", str(data), "-w", "-o", options, "-l", str(data / "server.log"), "start")
        try:
            yield f"postgresql://{user}@127.0.0.1:{port}/postgres"
        finally:
            run(str(binaries / "pg_ctl"), "-D", str(data), "-w", "-m", "fast" if is_durable else "immediate", "stop")
