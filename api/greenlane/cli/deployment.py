"""Opens this machine's deployment for a command that works on it directly."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager

from greenlane.bootstrap import Deployment, open_deployment
from greenlane.core.units import CenterId, center_id
from greenlane.settings import Settings, read_settings

CONSOLE = "console"
"""Who acts, in the audit record, when a command of this machine does."""


def add_home_argument(parser: argparse.ArgumentParser) -> None:
    """The argument that says which deployment."""
    parser.add_argument("--home", help="the deployment's folder (default: GREENLANE_HOME, or var/greenlane)")


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Deployment]:
    """The deployment, for as long as the block runs.

    Raises:
        Faults: the environment has settings that cannot be used.
        InvalidInput: the home folder holds no deployment.
    """
    with open_deployment(read_environment(args)) as deployment:
        yield deployment


def read_environment(args: argparse.Namespace) -> Settings:
    """The settings of the deployment that the command works on.

    Raises:
        Faults: the environment has settings that cannot be used.
    """
    environment = dict(os.environ)
    if args.home:
        environment["GREENLANE_HOME"] = args.home
    return read_settings(environment)


def chosen_centers(deployment: Deployment, named: str | None) -> list[CenterId]:
    """The center that was named, or all that are hosted here.

    Raises:
        NotFound: the named center is not hosted here.
    """
    if named is not None:
        return [deployment.signer.center(center_id(named)).id]
    return [center.id for center in deployment.signer.centers()]
