"""Bundles what the pages use of others' JavaScript, each bundle one file of package data with its licences before it.

The pages' own modules are served as they are written. The same locked packages always give the same bytes.

    python scripts/pages/bundle.py            write
    python scripts/pages/bundle.py --check    exit 1 where what is written differs
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).parent
BUNDLES = ROOT / "api" / "greenlane" / "web" / "pages" / "static"
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
NAMES = ("age", "sha256")
# Two years behind: X25519 in the browser is younger, and what lacks it computes it by itself.
_FLAGS = ("--bundle", "--format=esm", "--minify", "--target=es2022", "--legal-comments=none", "--charset=ascii")


def bundles() -> dict[str, bytes]:
    """The bytes of each bundle, by the name of its file.

    Raises:
        SystemExit: the packages are not installed, or cannot be bundled.
    """
    return {f"{name}.js": _bundle(SOURCES / f"{name}.js") for name in NAMES}


def _bundle(source: Path) -> bytes:
    if not ESBUILD.exists():
        raise SystemExit(f"{ESBUILD.relative_to(ROOT)} is not there: run 'make setup'.")
    with tempfile.TemporaryDirectory() as folder:
        out, told = Path(folder) / "out.js", Path(folder) / "meta.json"
        command = [str(ESBUILD), source.relative_to(ROOT).as_posix(), *_FLAGS, f"--outfile={out}", f"--metafile={told}"]
        done = subprocess.run([*command, "--log-level=warning"], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0 or done.stderr:
            raise SystemExit(done.stderr)
        packages = _packages(json.loads(told.read_bytes()))
        return _licences(packages) + out.read_bytes()


def _packages(told: dict[str, Any]) -> list[Path]:
    """The packages whose code is in a bundle, by the files that went into it."""
    folders: set[Path] = set()
    for name in next(iter(told["outputs"].values()))["inputs"]:
        before, is_package, inside = name.rpartition("node_modules/")
        if is_package:
            parts = inside.split("/")
            folders.add(Path(before, "node_modules", *parts[: 2 if inside.startswith("@") else 1]))
    return sorted(folders)


def _licences(packages: list[Path]) -> bytes:
    """A comment with the name, version and licence of each package, as their licences ask of whoever hands them on."""
    lines = ["/*!", "Bundled by scripts/pages/bundle.py, as package-lock.json has them:", ""]
    for folder in packages:
        package = json.loads((ROOT / folder / "package.json").read_bytes())
        lines += [f"{package['name']} {package['version']} ({package['license']})", ""]
        lines += [*(ROOT / folder / "LICENSE").read_text(encoding="utf-8").strip().splitlines(), ""]
    text = "\n".join([*(line.rstrip() for line in lines), "*/", ""])
    return text.encode()


def main() -> int:
    """Writes, or compares; the process's exit code."""
    parser = argparse.ArgumentParser(description="Bundle what the pages use of others' JavaScript.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where what is written differs")
    is_checking: bool = parser.parse_args().check
    differs = []
    for name, data in bundles().items():
        file = BUNDLES / name
        if not file.exists() or file.read_bytes() != data:
            differs.append(name)
            if not is_checking:
                file.write_bytes(data)
                print(f"wrote {file.relative_to(ROOT)}, {len(data):,} bytes")
    if is_checking and differs:
        print(f"not what its source makes: {', '.join(differs)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
