"""Writes the committed OpenAPI snapshot, or tells whether it is still right.

python scripts/openapi.py            writes api/greenlane/web/openapi.json
python scripts/openapi.py --check    exits with 1 where the application says otherwise
"""

import sys
from pathlib import Path
from typing import Any, cast

import orjson
from greenlane.settings import read_settings
from greenlane.web.app import WebServices, create_app

SNAPSHOT = Path(__file__).resolve().parents[1] / "api" / "greenlane" / "web" / "openapi.json"


def snapshot() -> bytes:
    """The OpenAPI document of the application as it stands in the source; no service is called for it."""
    unused = cast(WebServices, _Unused())
    document = create_app(unused, read_settings({})).openapi()
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


class _Unused:
    """Services that nothing asks for while a document is written."""

    def __getattr__(self, name: str) -> Any:
        return None


def main() -> int:
    current = snapshot()
    if sys.argv[1:] == ["--check"]:
        if SNAPSHOT.read_bytes() == current:
            print("The OpenAPI snapshot is right.")
            return 0
        print(
            "The OpenAPI snapshot is not what the application says; run `python scripts/openapi.py` and look at the difference."
        )
        return 1
    SNAPSHOT.write_bytes(current)
    print(f"Wrote {SNAPSHOT} ({len(current)} bytes).")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
