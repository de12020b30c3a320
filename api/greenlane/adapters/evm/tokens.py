"""Bearer tokens for nodes that want one, read from a file that somebody keeps fresh.

    # a line for each node, and one for all others
    https://rpc-1.lima.example:8545 eyJhbGciOi...
    eyJhbGciOi...

A line of one word is a token for every node that no other line names; so a file of one line serves all nodes. A line of two words
begins with a node's address, of which scheme, host and port count: a token meant for one node is never sent to another. Empty
lines and those that begin with # are passed over.

The file is looked at before each question, so that a token put into it counts at once, and read once more when a node refuses
one: tokens end after minutes or days, and no restart must be needed for a fresh one. A file that is away or damaged for a moment
leaves what was read before.
"""

import logging
import re
import threading
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from greenlane.core.errors import InvalidInput

MAX_TOKEN_FILE_BYTES: Final = 65_536
# RFC 6750, section 2.1: what may stand behind "Bearer".
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,8192}=*", re.ASCII)
_PORTS: Final = {"http": 80, "https": 443}

log = logging.getLogger(__name__)


class RpcTokenFileInvalid(InvalidInput):
    """The file of tokens cannot be read, or holds something else; `where` names it and the line."""

    code = "rpc-token-file-invalid"
    default_remedy = "Write a token alone on a line, or a node's address, a space and its token."


class RpcTokens:
    """The tokens of one file. Safe for threads."""

    def __init__(self, file: Path) -> None:
        """Reads the file for the first time.

        Raises:
            RpcTokenFileInvalid: it cannot be read, or holds something else.
        """
        self._file = file
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._tokens = _read(file)

    def token(self, url: str) -> str | None:
        """What to show the node at this address; None where the file has nothing for it."""
        if self._look() != self._stamp:
            self.renew()
        tokens = self._tokens
        return tokens.get(node_name(url), tokens.get(""))

    def renew(self) -> None:
        """Reads the file again, whatever its time says."""
        with self._lock:
            self._stamp = self._look()
            try:
                self._tokens = _read(self._file)
            except RpcTokenFileInvalid as fault:
                log.warning("rpc_tokens.unreadable", extra={"code": fault.code, "detail": fault.detail, "where": fault.where})

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def node_name(url: str) -> str:
    """Scheme, host and port of a node's address: what may be shown of it, and what tells nodes apart."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "a node whose address cannot be read"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port is None or port == _PORTS.get(parts.scheme) else f":{port}")


def _read(file: Path) -> dict[str, str]:
    """Tokens by the node's name; "" for every other node."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_TOKEN_FILE_BYTES + 1)
        text = data.decode("ascii")
    except (OSError, UnicodeDecodeError) as cause:
        raise RpcTokenFileInvalid(f"The file cannot be read ({type(cause).__name__}).", where=str(file)) from None
    if len(data) > MAX_TOKEN_FILE_BYTES:
        raise RpcTokenFileInvalid(f"The file has more than {MAX_TOKEN_FILE_BYTES} bytes.", where=str(file))
    tokens: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"{file}:{number}"
        *address, token = words
        # Never the line's own words: they are secret.
        if len(address) > 1 or _TOKEN.fullmatch(token) is None:
            raise RpcTokenFileInvalid("This line is neither a token nor an address with one.", where=where)
        if address and not address[0].startswith(("http://", "https://")):
            raise RpcTokenFileInvalid("This line begins with what is no http or https address.", where=where)
        name = node_name(address[0]) if address else ""
        if name in tokens:
            raise RpcTokenFileInvalid("This line names what an earlier one has named.", where=where)
        tokens[name] = token
    if not tokens:
        raise RpcTokenFileInvalid("The file holds no token.", where=str(file))
    return tokens
