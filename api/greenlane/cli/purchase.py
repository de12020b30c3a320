"""`greenlane purchase check`: asks a center's server where a purchase stands, and what speaks for and against it."""

import argparse
import json
import re
import sys
from typing import Any

from greenlane.cli.server import add_server_arguments, json_object, send, shown_on_terminal
from greenlane.core.errors import CannotCheck
from greenlane.core.exits import Exit, WrongUse

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_MARKS = {"passed": "passed", "failed": "FAILED", "not-checked": "not checked"}
_EXITS = {"passed": Exit.GOOD, "failed": Exit.NO}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    asked = parser.add_subparsers(dest="asked", metavar="WHAT", required=True)
    check = asked.add_parser("check", help="check a purchase: token, lot, certificate and purchase line of each line")
    check.add_argument("purchase", metavar="PURCHASE", help="its id, 32 hex digits")
    add_server_arguments(check)


def run(args: argparse.Namespace) -> int:
    if _ID.fullmatch(args.purchase) is None:
        raise WrongUse("A purchase's id has 32 lower-case hex digits.", where="PURCHASE", remedy="Copy it from the purchase.")
    answer = json_object(send(args, "GET", f"/v1/purchases/{args.purchase}/check"))
    if args.json:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    else:
        try:
            words = _words(answer)
        except (KeyError, TypeError, AttributeError) as error:
            raise CannotCheck(
                "What the server answers is no check of a purchase.",
                remedy="Compare its release with this one: greenlane --version.",
            ) from error
        sys.stdout.write(shown_on_terminal("\n".join(words) + "\n"))
    return _EXITS.get(str(answer.get("verdict")), Exit.UNCHECKED)


def _words(answer: dict[str, Any]) -> list[str]:
    words = [f"Purchase {answer.get('purchase')}: {_MARKS.get(str(answer.get('verdict')), 'not checked')}"]
    for line in answer.get("lines", []):
        words.append(f"Line {line['number']}: {line['standing']}. Next: {line['next']['words']}")
        for check in line["checks"]:
            words.append(f"  {check['name']:<14}{_MARKS[check['verdict']]:<12}{check['reason']}")
            if check["remedy"]:
                words.append(f"{'':<28}{check['remedy']}")
    return words
