"""Who verifies a receipt without seals does not wait for what judges seals; who verifies one with seals gets it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlane.core.receipt import encode_receipt
from greenlane.core.seals import Seals, ValidatorMode
from greenlane.core.trust import encode_trust_file
from worlds.sealed_chain import SealedChain

if TYPE_CHECKING:
    # The conftest is no module that could be imported; the checker knows it by its path.
    World = Any

HEAVY = {"rlp", "trie", "coincurve", "eth_utils", "pydantic"}
SCRIPT = (
    "import sys\n"
    "from greenlane.cli.program import main\n"
    "try: code = main(sys.argv[1:])\n"
    "except SystemExit as left: code = left.code\n"
    f"print(code, sorted({HEAVY} & set(sys.modules)), file=sys.stderr)\n"
)


def test_the_command_imports_what_judges_seals_only_where_there_are_any(world: "World", tmp_path: Path) -> None:
    chain = SealedChain(ValidatorMode.CONTRACT)
    chain.block()
    seals = Seals(changes=(), anchored=chain.sealed_anchor("lima", 3))
    trust = replace(world.trust, sealing=chain.sealing())
    (tmp_path / "trust.json").write_bytes(encode_trust_file(trust))
    said = {}
    for name, receipt in {"unsealed": world.receipt, "sealed": replace(world.receipt, seals=seals)}.items():
        (tmp_path / "receipt.json").write_bytes(encode_receipt(receipt))
        words = ["verify", str(tmp_path / "receipt.json"), "--trust", str(tmp_path / "trust.json")]
        done = subprocess.run([sys.executable, "-c", SCRIPT, *words], capture_output=True, text=True, check=True)
        said[name] = done.stderr.strip()
    # The seals are of a chain that holds no such root: judged, and refused.
    assert said == {"unsealed": "3 []", "sealed": f"1 {sorted(HEAVY)}"}
