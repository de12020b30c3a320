"""The demo's input: two supply chains, told as the EPCIS 2.0 documents that their firms would send.

One chain carries cocoa from plots in San Martín to a gift box sold in Tianjin, the other acacia from plantations in
Quảng Trị to desks installed in a city near Lima. Firms, products, certificates and sums are invented; identifiers are
well formed on company prefixes within 952, which GS1 keeps for demonstrations; domains end in `.example`. No person
is named: plots and forest lots stand for those who work them.

Rules: what this file makes is committed beside it under `chains/`, and a test holds the two equal, so a change here is
a change of the files too (`python -m scripts.demo.make_chains`). Firms spell alike things differently, as firms do:
some by EPC URN, some by GS1 Digital Link, two on their own resolver; some give event ids, some leave them out; some
write local time, some UTC. One event is wrong and is corrected as EPCIS asks: sent again with an error declaration.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.demo.cast import DESK, GIFT_BOX
from scripts.demo.cocoa import HEADLINE_BOX, cocoa_books
from scripts.demo.furniture import HEADLINE_DESK, furniture_books
from scripts.demo.story import CENTERS, Book, Json, digital_link

CHAINS = Path(__file__).parent / "chains"


def members_file(books: Sequence[Book]) -> Json:
    """Who captures what: centers, their members with roles and visibility, their documents, and the headline items."""
    centers: list[Json] = []
    for center in CENTERS:
        members: list[Json] = [
            {
                "id": book.firm.id,
                "name": book.firm.name,
                "roles": list(book.firm.roles),
                "visibility": "private" if book.firm.is_private else "public",
                "documents": [book.path],
            }
            for book in books
            if book.firm.center is center
        ]
        centers.append({"id": center.id, "name": center.name, "economy": center.economy, "members": members})
    headline = [
        {"chain": chain, "title": title, "path": digital_link(key, resolver="")}
        for chain, title, key in (
            ("cocoa", GIFT_BOX.name, HEADLINE_BOX),
            ("furniture", DESK.name, HEADLINE_DESK),
        )
    ]
    return {"centers": centers, "headline": headline}


def make_files() -> dict[str, bytes]:
    """Every file of the demo's input: its path under `chains/`, and its bytes."""
    books = (*cocoa_books(), *furniture_books())
    files = {book.path: book.document() for book in books} | {"members.json": members_file(books)}
    return {path: (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode() for path, value in sorted(files.items())}


def main() -> int:
    """Write the files, or with `--check` say which differ; 0 good, 1 some differ."""
    parser = argparse.ArgumentParser(description="Make the demo's EPCIS documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; name the files that differ")
    arguments = parser.parse_args()
    files = make_files()
    strays = {path.relative_to(CHAINS).as_posix() for path in CHAINS.rglob("*.json*")} - files.keys()
    if arguments.check:
        changed = [path for path, data in files.items() if _read(CHAINS / path) != data]
        for path in sorted([*changed, *strays]):
            print(f"differs: {path}")
        return 1 if changed or strays else 0
    for path in strays:
        (CHAINS / path).unlink()
    for path, data in files.items():
        (CHAINS / path).parent.mkdir(parents=True, exist_ok=True)
        (CHAINS / path).write_bytes(data)
    print(f"{len(files)} files in {CHAINS}")
    return 0


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
