"""`greenlane serve`: the HTTP server; on the embedded default the worker runs beside it in the same process."""

import argparse
import gc
import os
import threading
from typing import TYPE_CHECKING, Any

from greenlane.cli.deployment import add_home_argument, opened
from greenlane.cli.logs import start_logging
from greenlane.core.exits import Exit

if TYPE_CHECKING:
    from fastapi import FastAPI

# A document of a thousand events makes some 50,000 objects, all of them trees that end with the request: by Python's own
# thresholds their every collection would walk through them, and through the whole program beside them.
_GC_THRESHOLDS = (50_000, 20, 50)
_MAX_CONNECTIONS = 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-worker", action="store_true", help="leave publishing and anchoring to `greenlane worker`")
    parser.add_argument("--processes", type=int, default=1, help="server processes; more than one needs --no-worker")
    add_home_argument(parser)


def create_app() -> "FastAPI":
    """The application of one of several server processes, made from its environment."""
    from greenlane.bootstrap import create_app_from_environment
    from greenlane.settings import read_settings

    start_logging(read_settings(os.environ).log_level)
    app = create_app_from_environment()
    _spare_collections()
    return app


def _spare_collections() -> None:
    """Lets the garbage collector leave alone what stays until the end, and look less often at what comes and goes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def run(args: argparse.Namespace) -> int:
    import uvicorn

    from greenlane.core.errors import InvalidInput
    from greenlane.web.heads import BoundedHeads

    if not 1 <= args.processes <= 64:
        raise InvalidInput("The number of processes is not from 1 to 64.", where="--processes")
    if args.processes > 1 and not args.no_worker:
        raise InvalidInput(
            "Several server processes and the worker do not run in one command.",
            where="--processes",
            remedy="Add --no-worker and run `greenlane worker` beside it.",
        )
    if args.home:
        os.environ["GREENLANE_HOME"] = args.home
    with opened(args) as deployment:
        settings = deployment.settings
        start_logging(settings.log_level)
        common: dict[str, Any] = {
            "host": settings.host,
            "port": settings.port,
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "proxy_headers": bool(settings.trusted_proxies),
            "forwarded_allow_ips": list(settings.trusted_proxies) or None,
            "http": BoundedHeads,
            "limit_concurrency": _MAX_CONNECTIONS,
            "timeout_keep_alive": 15,
        }
        if args.processes > 1:
            # Each process opens the deployment for itself: connections and keys are not shared over a fork.
            uvicorn.run("greenlane.cli.serve:create_app", factory=True, workers=args.processes, **common)
            return Exit.GOOD
        stop = threading.Event()
        worker = None if args.no_worker else threading.Thread(target=deployment.worker().run, args=(stop,), name="worker")
        if worker is not None:
            worker.start()
        app = deployment.app()
        _spare_collections()
        try:
            uvicorn.run(app, **common)
        finally:
            stop.set()
            if worker is not None:
                worker.join()
    return Exit.GOOD
