"""`greenlane worker`: publishes and anchors until it is told to stop by SIGTERM or SIGINT."""

import argparse
import signal
import sys
import threading

from greenlane.cli.deployment import add_home_argument, opened
from greenlane.cli.logs import start_logging
from greenlane.core.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--until-current",
        metavar="SECONDS",
        type=float,
        help="stop as soon as everything captured is anchored, or after this time",
    )
    add_home_argument(parser)


def run(args: argparse.Namespace) -> int:
    with opened(args) as deployment:
        start_logging(deployment.settings.log_level)
        worker = deployment.worker()
        if args.until_current is not None:
            if worker.run_until_current(patience_s=args.until_current):
                sys.stdout.write("Everything captured is anchored.\n")
                return Exit.GOOD
            sys.stderr.write(f"greenlane: not everything was anchored within {args.until_current:g} s.\n")
            return Exit.UNCHECKED
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        worker.run(stop)
    return Exit.GOOD
