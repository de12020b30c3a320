"""Files with tokens for RPC nodes: made once, made anew before they end, and never for another node than their own."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from greenlane.adapters.home import Home
from greenlane.adapters.keystore import Keystore
from greenlane.core.errors import NotFound
from greenlane.core.units import CenterId

from greenlane_node.besu.access import API_PERMISSIONS, RENEWAL_DAYS, TOKEN_DAYS, Clock, RpcAccess, TokenRefused
from greenlane_node.besu.config import Placement
from greenlane_node.founding.home_files import HomeFiles
from greenlane_node.founding.network_description import rpc_url
from greenlane_node.layout import NetworkLayout
from greenlane_node.nodes.own_nodes import OwnNode, own_nodes
from greenlane_node.planning.plan import NodeRole, PlannedCenter

_RPC_NODE: Final = f"{NodeRole.RPC.value}-"
_BEARER = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestToken:
    """A token for somebody else.

    Attributes:
        node: name of the RPC node that it opens.
        url: where others reach that node, unless something stands before it.
        token: a secret.
        permissions: what its bearer may ask.
        ends: aware.
        path: where it is to be written.
    """

    node: str
    url: str
    token: str = field(repr=False)
    permissions: tuple[str, ...]
    ends: datetime
    path: Path


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


def guest_token(
    home: Home, bearer: str, days: int, *, node: str | None, path: Path | None, keystore: Keystore, clock: Clock
) -> GuestToken:
    """A new token for somebody else, which lets them read and send, and not keep the node; nothing is written yet.

    Args:
        bearer: who gets it: 1 to 64 lower-case letters, digits, hyphens and dots.
        days: until it ends; 1 to MAX_TOKEN_DAYS.
        node: name of the RPC node; None: the only one of this home.
        path: where it is to be written; None: tokens/for-BEARER.

    Raises:
        NotFound: the home has no Besu node, none of this name that wants tokens, or several of which none is named.
        TokenRefused: bearer or days cannot be, the node checks tokens with another key, or something else is at the path.
        KeyMissing, KeyFileInvalid, WrongPassword: the key that signs cannot be used.
    """
    if _BEARER.fullmatch(bearer) is None:
        raise TokenRefused("This is no name for who gets the token.", where="--for", remedy="Write letters, digits, - and .")
    chosen = _rpc_node(home, node)
    access = RpcAccess.of_center(keystore, CenterId(chosen.name.removeprefix(_RPC_NODE)), clock=clock)
    if chosen.folder.jwt_key.read_bytes() != access.public_key_pem():
        raise TokenRefused(
            f"{chosen.name} checks tokens with another key than this home signs them with.",
            where=str(chosen.folder.jwt_key),
            remedy="Write it anew (`greenlane-node init network --rewrite`) and start the node again.",
        )
    target = NetworkLayout(home).token(f"for-{bearer}") if path is None else path
    _require_own_token(target, access)
    token = access.issue_token(API_PERMISSIONS, days)
    told = tomllib.loads(chosen.folder.config.read_text(encoding="utf-8"))
    host = str(told.get("p2p-host"))
    return GuestToken(
        node=chosen.name,
        url=f"http://{f'[{host}]' if ':' in host else host}:{told.get('rpc-http-port')}",
        token=token,
        permissions=API_PERMISSIONS,
        ends=access.ends_at(token),
        path=target,
    )


def _rpc_node(home: Home, name: str | None) -> OwnNode:
    there = [node for node in own_nodes(home) if node.name.startswith(_RPC_NODE) and node.folder.jwt_key.exists()]
    chosen = [node for node in there if name in (None, node.name)]
    if len(chosen) != 1:
        names = ", ".join(node.name for node in there) or "none"
        raise NotFound(
            "This home has no such RPC node, or several of which one must be named.",
            where=str(home.directory),
            remedy=f"Name one with --node; here are: {names}.",
        )
    return chosen[0]


def _require_own_token(path: Path, access: RpcAccess) -> None:
    """Only a token of the same node may be replaced."""
    try:
        access.ends_at(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return
    except (UnicodeDecodeError, TokenRefused) as error:
        raise TokenRefused(
            "There is a file that is no token of this node.", where=str(path), remedy="Name another with --output."
        ) from error
