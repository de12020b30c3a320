"""Files with tokens for RPC nodes: made once, made anew before they end, and never for another node than their own."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from greenlane.adapters.keystore import Keystore

from greenlane_node.besu.access import API_PERMISSIONS, RENEWAL_DAYS, TOKEN_DAYS, Clock, RpcAccess, TokenRefused
from greenlane_node.besu.config import Placement
from greenlane_node.home_files import HomeFiles
from greenlane_node.layout import NetworkLayout
from greenlane_node.network_description import rpc_url
from greenlane_node.plan import PlannedCenter


def write_token(path: Path, access: RpcAccess, permissions: Sequence[str], clock: Clock, files: HomeFiles) -> None:
    """One line, the token alone; one that is good for another RENEWAL_DAYS stays."""
    with suppress(FileNotFoundError, UnicodeDecodeError, TokenRefused):
        if access.ends_at(path.read_text(encoding="ascii").strip()) > clock() + timedelta(days=RENEWAL_DAYS):
            files.kept.append(path)
            return
    files.replaced(path, access.issue_token(permissions, TOKEN_DAYS).encode() + b"\n")


def write_api_tokens(
    layout: NetworkLayout, own: Iterable[PlannedCenter], keystore: Keystore, clock: Clock, files: HomeFiles, placement: Placement
) -> None:
    """A line for each RPC node, so that a token meant for one node is never sent to another."""
    lines = layout.api_tokens.read_text(encoding="ascii").splitlines() if layout.api_tokens.exists() else []
    kept = dict(line.rsplit(maxsplit=1) for line in lines if len(line.split()) == 2)
    wanted = dict(kept)
    for center in own:
        if center.rpc_node is None:
            continue
        access, url = RpcAccess.of_center(keystore, center.id, clock=clock), rpc_url(center.rpc_node, placement)
        with suppress(TokenRefused):
            if access.ends_at(kept.get(url, "")) > clock() + timedelta(days=RENEWAL_DAYS):
                continue
        wanted[url] = access.issue_token(API_PERMISSIONS, TOKEN_DAYS)
    if wanted != kept:
        files.replaced(layout.api_tokens, "".join(f"{url} {token}\n" for url, token in sorted(wanted.items())).encode())
    elif wanted:
        files.kept.append(layout.api_tokens)
