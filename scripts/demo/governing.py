"""What the operators of two centers do on the chain: they vote for the classes, and vouch for the members that trade.

Every act is a command of `greenlane-node`, as an operator gives it. All those of one center run in one process, one after another
(`python -m scripts.demo.governing HOME CENTER`): a start of Python for each would take longer than what it does.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Self

from greenlane_node.cli.program import main as node_main

from scripts.demo.cast import ALAMEDA, AN_PHU, BOSQUE, LA_RUNG, VALLE
from scripts.demo.story import HO_CHI_MINH, LIMA
from scripts.demo.telling import DemoFailed, progress

TRADERS = (VALLE, AN_PHU, BOSQUE, LA_RUNG, ALAMEDA)
"""Who has an account on the chain, and an API key of its own."""
COCOA_CLASS, WOOD_CLASS = "cocoa-deforestation-free", "office-furniture-legal-wood"
CLASSES = {
    WOOD_CLASS: """\
id = "office-furniture-legal-wood"
attribute = "legal-wood"
unit = "H87"
decimals = 0
custody_model = "identity-preserved"
tradable = true
claim_days = 1825
name = "Office furniture of legally harvested wood"
""",
    COCOA_CLASS: """\
id = "cocoa-deforestation-free"
attribute = "deforestation-free"
unit = "KGM"
decimals = 3
custody_model = "segregated"
tradable = true
claim_days = 365
name = "Cocoa free of deforestation"
""",
}
_ROLES = {BOSQUE: "certifier", LA_RUNG: "certifier", ALAMEDA: "buyer"}
_PATIENCE_S = 120


class Governing:
    """Both centers' commands. They begin at once and go on beside everything else, for each waits for a block of the chain."""

    def __init__(self, home: Path) -> None:
        folder = _classes(home)
        folder.mkdir(mode=0o700)
        for name, text in CLASSES.items():
            (folder / f"{name}.toml").write_text(text)
        self._running = [
            Popen([sys.executable, "-m", "scripts.demo.governing", home, center.id], stdout=PIPE, stderr=STDOUT, text=True)
            for center in (LIMA, HO_CHI_MINH)
        ]

    def wait(self) -> None:
        """Until all of it is done.

        Raises:
            DemoFailed: a command did not end well.
        """
        progress("waiting for the operators of two centers")
        for each in self._running:
            told, _ = each.communicate(timeout=_PATIENCE_S)
            if each.returncode:
                raise DemoFailed(f"an operator's command (exit code {each.returncode}):\n{told}")
        progress("")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends what still runs, where the demo ends before."""
        for each in self._running:
            if each.poll() is None:
                each.terminate()
            each.communicate()


def commands(home: Path, center: str) -> Iterator[list[str]]:
    """What the operator of a center types, without the program's name."""
    place = ["--home", str(home), "--center", center]
    for name in CLASSES:
        yield ["assets", "propose-class", str(_classes(home) / f"{name}.toml"), *place]
    for firm in TRADERS:
        if firm.center.id == center:
            yield ["members", "vouch", firm.id, "--make-key", "--role", _ROLES.get(firm, "enterprise"), *place]


def _classes(home: Path) -> Path:
    return home / "classes"


def main() -> int:
    """Runs the commands of one center; the exit code of the first that does not end well."""
    home, center = sys.argv[1:]
    for command in commands(Path(home), center):
        print(f"greenlane-node {' '.join(command)}", flush=True)
        if code := node_main(command):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
