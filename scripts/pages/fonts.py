"""Copies the fonts that certificates are set in out of the locked package, with their licence, as package data.

python scripts/pages/fonts.py            write
python scripts/pages/fonts.py --check    exit 1 where what is written differs
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "node_modules" / "dejavu-fonts-ttf"
FONTS = ROOT / "api" / "greenlane" / "adapters" / "certificate_pdf" / "fonts"
NAMES = {
    "DejaVuSans.ttf": "ttf/DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf": "ttf/DejaVuSans-Bold.ttf",
    "LICENSE-DejaVu": "LICENSE",
}


def main() -> int:
    """Writes or compares; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check: bool = parser.parse_args().check
    if not PACKAGE.exists():
        raise SystemExit(f"{PACKAGE.relative_to(ROOT)} is not there: run 'make setup'.")
    differing = []
    for name, source in NAMES.items():
        data, file = (PACKAGE / source).read_bytes(), FONTS / name
        if file.exists() and file.read_bytes() == data:
            continue
        differing.append(name)
        if not check:
            FONTS.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    if check and differing:
        print(f"differs from its package: {', '.join(differing)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
