"""`greenlane-node doctor`: is everything in order, and if not, what is to do."""

import argparse
import sys

from greenlane.core.exits import Exit, one_line

from greenlane_node.cli.program import add_common_arguments, home_of, tell_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from greenlane.adapters.home import Home

    from greenlane_node.doctor import Finding, examine

    looks = examine(Home(home_of(args)))
    findings = {look.finding for look in looks}
    if args.json:
        rows = [
            {"name": one.name, "finding": one.finding.value, "words": one.words, "remedy": one.remedy or None} for one in looks
        ]
        tell_table(args, rows)
    else:
        marks = {Finding.GOOD: "ok ", Finding.BAD: "BAD", Finding.NOT_CHECKED: "?  "}
        for one in looks:
            sys.stdout.write(f"{marks[one.finding]}  {one_line(f'{one.name}: {one.words}')}\n")
            if one.remedy:
                sys.stdout.write(f"       -> {one_line(one.remedy)}\n")
        count = sum(one.finding is Finding.BAD for one in looks)
        sys.stdout.write(f"{count} of {len(looks)} looks are bad.\n" if count else "Nothing bad was found.\n")
    if Finding.BAD in findings:
        return Exit.NO
    return Exit.UNCHECKED if Finding.NOT_CHECKED in findings else Exit.GOOD
