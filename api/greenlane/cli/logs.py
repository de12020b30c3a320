"""Log lines as JSON, one event a line: an event name with fields. Ids whole, secrets never."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter


def start_logging(level: str) -> None:
    """Sends every log line of this process to standard error as JSON.

    Args:
        level: DEBUG, INFO, WARNING or ERROR.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "at", "levelname": "level", "name": "room", "message": "event"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # One line a request or statement from the libraries says nothing about a center's work.
    for noisy in ("httpx", "urllib3", "web3", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
