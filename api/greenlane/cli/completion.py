"""`greenlane completion`: a completion script for bash, zsh or tcsh."""

import argparse
import sys

from greenlane.core.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=["bash", "zsh", "tcsh"], help="which shell the script is for")


def run(args: argparse.Namespace) -> int:
    import shtab

    from greenlane.cli.program import build_parser

    sys.stdout.write(shtab.complete(build_parser(), shell=args.shell))
    return Exit.GOOD
