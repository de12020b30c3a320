"""`greenlane supply`: how much there is of every green asset, recomputed from a node with no help from any server.

Exit codes: 0 it adds up, 1 it does not, 2 wrong use or an unusable file, 3 it could not be checked.
"""

import argparse
import json
import sys

from greenlane.core.assets.facts import Totals
from greenlane.core.assets.quantity import Unit, decimal_text
from greenlane.core.canonical import JsonValue
from greenlane.core.exits import WrongUse, one_line
from greenlane.core.units import BlockNumber
from greenlane.verify.command import EXIT_CODES, read_trust
from greenlane.verify.judgement import Verdict
from greenlane.verify.nodes import JsonRpcNode
from greenlane.verify.supply import ClassSupply, SupplyJudgement, judge_supply

# Many events fit into one answer; the window of blocks is narrowed where they do not.
_MAX_ANSWER_BYTES = 64 * 1_048_576
_TIMEOUT_S = 60.0
_COLUMNS = ("class", "unit", "evidenced", "issued", "tradable", "escrowed", "retired", "cancelled", "tokens")
_VERDICTS = {Verdict.PASSED: "PASSED", Verdict.FAILED: "FAILED", Verdict.NOT_CHECKED: "NOT CHECKED"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tells a parser what `run` takes."""
    parser.add_argument("--trust", metavar="FILE", required=True, help="the trust file to start from: it names the contracts")
    parser.add_argument("--rpc", metavar="URL", required=True, help="the node of the chain to ask")
    parser.add_argument("--class", dest="class_id", metavar="ID", help="show this class alone; all is checked all the same")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def run(args: argparse.Namespace) -> int:
    """Recomputes and prints; the exit code."""
    node = JsonRpcNode(args.rpc, timeout_s=_TIMEOUT_S, max_answer_bytes=_MAX_ANSWER_BYTES)
    judgement = judge_supply(read_trust(args.trust), node, tell=_progress)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    shown = [one for one in judgement.classes if args.class_id in (None, one.asset_class.id)]
    if args.class_id is not None and not shown:
        raise WrongUse(f"There is no class {args.class_id!r} on this chain.", where="--class")
    print(json.dumps(_value(judgement, shown), indent=2) if args.json else _text(judgement, shown))
    return EXIT_CODES[judgement.verdict]


def _progress(block: BlockNumber, last: BlockNumber) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\rfollowed {block} of {last} blocks")
        sys.stderr.flush()


def _text(judgement: SupplyJudgement, shown: list[ClassSupply]) -> str:
    rows = [_COLUMNS, *(_row(one) for one in shown)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    lines = ["  ".join(_cell(cell, width, at) for at, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in rows]
    followed = f"{judgement.movements} events up to block {judgement.block} followed, with no help from any server."
    return "\n".join([*(line.rstrip() for line in lines), "", followed, f"{_VERDICTS[judgement.verdict]}: {judgement.words}"])


def _cell(cell: str, width: int, at: int) -> str:
    return cell.ljust(width) if at < 2 else cell.rjust(width)


def _row(one: ClassSupply) -> tuple[str, ...]:
    numbers = _numbers(one.totals, one.asset_class.unit)
    return (
        one_line(one.asset_class.id),
        one_line(one.asset_class.unit.code),
        decimal_text(one.evidenced, one.asset_class.unit),
        *numbers.values(),
        str(one.tokens),
    )


def _numbers(totals: Totals, unit: Unit) -> dict[str, str]:
    tradable = f"-{decimal_text(-totals.tradable, unit)}" if totals.tradable < 0 else decimal_text(totals.tradable, unit)
    return {
        "issued": decimal_text(totals.issued, unit),
        "tradable": tradable,
        "escrowed": decimal_text(totals.escrowed, unit),
        "retired": decimal_text(totals.retired, unit),
        "cancelled": decimal_text(totals.cancelled, unit),
    }


def _value(judgement: SupplyJudgement, shown: list[ClassSupply]) -> dict[str, JsonValue]:
    return {
        "type": "GreenlaneSupply",
        "verdict": judgement.verdict.value,
        "words": judgement.words,
        "block": judgement.block,
        "movements": judgement.movements,
        "classes": [
            {
                "class": one.asset_class.id,
                "name": one.asset_class.name,
                "attribute": one.asset_class.attribute,
                "unit": one.asset_class.unit.code,
                "custodyModel": one.asset_class.custody_model.slug,
                "isTradable": one.asset_class.is_tradable,
                "evidenced": decimal_text(one.evidenced, one.asset_class.unit),
                **_numbers(one.totals, one.asset_class.unit),
                "contractSums": dict(_numbers(one.kept, one.asset_class.unit)),
                "tokens": one.tokens,
            }
            for one in shown
        ],
    }
