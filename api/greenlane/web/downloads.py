"""What routes that hand out documents and their receipts say alike: which statement is meant, and what a browser saves it as.

Source: RFC 6266.
"""

import re
from typing import Any
from urllib.parse import quote

BYTES_TYPE = "application/octet-stream"
_PLAIN_NAME = re.compile(r'[^\x20-\x7e]|["\\%]')
PLACE_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "center",
        "in": "query",
        "required": False,
        "description": "the center of the statement, where several state something of the document",
        "schema": {"type": "string"},
    },
    {
        "name": "leaf",
        "in": "query",
        "required": False,
        "description": "with `center`: the leaf index of the statement's entry in that center's log",
        "schema": {"type": "integer", "minimum": 0},
    },
]
"""Which statement is meant, where several stand: see `addresses.place_of`."""


def disposition(kind: str, name: str) -> str:
    """How an answer says its name: in plain letters, and in all of them."""
    plain = _PLAIN_NAME.sub("_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
