"""A stand-in for Kubo 0.42: its RPC over blocks and pins of its own, its answers byte for byte as a real one gives them.

    with stand_in_kubo() as kubo, stand_in_kubo(token="secret") as other:
        befriend(kubo, other)                    # one private swarm: each asks the others for blocks it lacks
        Kubo(kubo.url)…
        kubo.misbehave(block="lie")              # see `Misbehaviour`

It makes CIDs by code of its own, so an adapter whose CIDs it confirms did not confirm itself. A request that no real Kubo would
have understood, or would have understood otherwise than whoever sent it, is refused and kept in `misunderstood`; when the world
ends, such a one is an error. The process of that name (stand_in_nodes/ipfs.py) runs the same over a folder.
What is not here: CIDs of version 0, folders deeper than one, IPNS, MFS, and time.
"""

import base64
import hashlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from worlds.kubo_requests import Asked, MultipartMalformed, NotUnderstood, read_files, read_request

VERSION = {"Version": "0.42.0", "Commit": "", "Repo": "18", "System": "amd64/linux", "Golang": "go1.26.8"}
DENIED = (
    "Kubo RPC Access Denied: Please provide a valid authorization token as defined in the API.Authorizations configuration.\n"
)
RAW, DAG_PB = 0x55, 0x70
_NOT_HERE = "block was not found locally (offline): ipld: could not find {cid}"
_LONGEST_S = 60.0
"""How long "for ever" is."""
_LOOK_S = 0.02
_PIECE = 1 << 16

Fetch = Callable[[str], bytes | None]
"""Asks a peer for a block; None: it lacks it, or is away."""


@dataclass(frozen=True, kw_only=True)
class Misbehaviour:
    """What is wrong with a node.

    Attributes:
        every: "hang" (answers nothing), "drop" (hangs up), "redirect" (with words without end), "garbage" (200, no JSON), or a
            status with words, like "500 no space left on device" or "403 …"; of every command.
        block: of block/get: "lie" (another byte), "short" (half, and an X-Stream-Error), "endless", "drip", "cut" (hangs up).
        add: of add: "die" (hangs up after `after` bytes), "other" (tells another CID), or words of an error.
        pins: of pin/ls: "endless" (one line without end), "failing" (an X-Stream-Error after the first).
        after: see `add`.
        location: see "redirect".
    """

    every: str = ""
    block: str = ""
    add: str = ""
    pins: str = ""
    after: int = 0
    location: str = ""


@dataclass(frozen=True, kw_only=True)
class AddDefaults:
    """What add does where it is not told, as Import in the configuration has it; the defaults are those of a plain Kubo."""

    cid_version: int = 0
    raw_leaves: bool = False
    chunker: str = "size-262144"
    max_links: int = 174


PROFILE = AddDefaults(cid_version=1, raw_leaves=True, chunker="size-1048576", max_links=1_024)


class Failed(Exception):
    """A command ends with an error: 500, or a trailer where it has begun to answer."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Whom a node asks."""

    fetch: Fetch
    is_up: Callable[[], bool]


class Node:
    """The repository of one node and what its commands do."""

    def __init__(
        self,
        *,
        peer_id: str,
        blocks: MutableMapping[str, bytes] | None = None,
        pins: MutableMapping[str, bytes] | None = None,
        defaults: AddDefaults = AddDefaults(),
    ) -> None:
        self.peer_id = peer_id
        self.blocks: MutableMapping[str, bytes] = {} if blocks is None else blocks
        self.pins: MutableMapping[str, bytes] = {} if pins is None else pins
        self.defaults = defaults
        self.known: dict[str, Peer] = {}
        self.lock = threading.RLock()
        self._adding = 0
        self._is_quiet = threading.Condition(self.lock)

    def peers(self) -> dict[str, Peer]:
        """Those that run, by their ids."""
        return {name: peer for name, peer in tuple(self.known.items()) if peer.is_up()}

    # Blocks

    def put(self, codec: int, data: bytes) -> str:
        cid = cid_of(codec, data)
        self.blocks[cid] = data
        return cid

    def get(self, asked: Asked, cid: str) -> bytes:
        """A block, from peers where it is not here, as long as the request may take."""
        codec_of(cid)
        end_s = time.monotonic() + min(asked.timeout_s or _LONGEST_S, _LONGEST_S)
        while True:
            data = self.blocks.get(cid)
            if data is not None:
                return data
            if asked.is_offline:
                raise Failed(_NOT_HERE.format(cid=cid))
            for peer in self.peers().values():
                data = peer.fetch(cid)
                if data is not None and cid_of(codec_of(cid), data) == cid:
                    self.blocks[cid] = data
                    return data
            if time.monotonic() > end_s:
                raise Failed("context deadline exceeded")
            time.sleep(_LOOK_S)

    def tree(self, asked: Asked, cid: str) -> Iterator[tuple[str, bytes]]:
        """Every block under a CID, each once, depth first."""
        seen, stack = set[str](), [cid]
        while stack:
            one = stack.pop()
            if one in seen:
                continue
            seen.add(one)
            data = self.get(asked, one)
            yield one, data
            stack += reversed(links_of(one, data))

    # Commands

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Garbage collection waits for whoever is in here."""
        with self._is_quiet:
            self._adding += 1
        try:
            yield
        finally:
            with self._is_quiet:
                self._adding -= 1
                self._is_quiet.notify_all()

    def add(self, asked: Asked, files: list[tuple[str, bytes]]) -> Iterator[dict[str, Any]]:
        options = asked.options
        version = asked.number("cid-version", self.defaults.cid_version)
        if version != 1 or not asked.flag("raw-leaves", version == 1 or self.defaults.raw_leaves):
            raise Failed("this stand-in makes CIDs of version 1 with raw leaves only; what was asked for is another document")
        if asked.flag("trickle", False) or asked.flag("inline", False) or options.get("hash", "sha2-256") != "sha2-256":
            raise Failed("this stand-in makes no such trees")
        kind, _, size = options.get("chunker", self.defaults.chunker).partition("-")
        if kind != "size" or not size.isdigit():
            raise Failed(f"unrecognized chunker option: {kind}")
        stays = not asked.flag("only-hash", False)
        made: dict[str, bytes] = {}
        wraps = asked.flag("wrap-with-directory", False)
        roots = []
        for name, data in files:
            root, tree_bytes = file_blocks(data, int(size), asked.number("max-file-links", self.defaults.max_links), made)
            roots.append((unquote(name), root, tree_bytes))
            if asked.flag("progress", False):
                yield {"Name": unquote(name), "Bytes": len(data)}
            yield {"Name": unquote(name), "Hash": root, "Size": str(tree_bytes)}
        if wraps:
            folder = node_block([(root, name, tree_bytes) for name, root, tree_bytes in sorted(roots)], b"\x08\x01")
            made[cid_of(DAG_PB, folder)] = folder
            size_of_all = len(folder) + sum(tree_bytes for *_, tree_bytes in roots)
            yield {"Name": "", "Hash": cid_of(DAG_PB, folder), "Size": str(size_of_all)}
        if stays:
            self.blocks.update(made)
            if asked.flag("pin", True):
                for root in [cid_of(DAG_PB, folder)] if wraps else [root for _, root, _ in roots]:
                    self.pins[root] = b""

    def cat(self, asked: Asked) -> Iterator[bytes]:
        [path] = asked.arguments
        cid = path.removeprefix("/ipfs/")
        offset = asked.number("offset", 0)
        end = min(self.size(asked, cid), offset + asked.number("length", 1 << 60))
        at = 0
        yield b""
        for leaf in self.leaves(asked, cid):
            if at < end and at + len(leaf) > offset:
                yield leaf[max(0, offset - at) : end - at]
            at += len(leaf)
            if at >= end:
                return

    def leaves(self, asked: Asked, cid: str) -> Iterator[bytes]:
        """The chunks of a file in their order."""
        try:
            data = self.get(asked, cid)
        except Failed as fault:
            raise Failed("failed to fetch all nodes" if asked.is_offline else str(fault)) from fault
        links = links_of(cid, data)
        if not links and codec_of(cid) == RAW:
            yield data
        for link in links:
            yield from self.leaves(asked, link)

    def size(self, asked: Asked, cid: str) -> int:
        """How many bytes a file has."""
        data = self.get(asked, cid)
        if codec_of(cid) == RAW:
            return len(data)
        unixfs = next(value for tag, value in fields_of(data) if tag == 1)
        told = {tag: value for tag, value in fields_of(unixfs) if tag != 4}
        if told[1] == 1:
            raise Failed("this dag node is a directory")
        return int(told[3])

    def pin(self, asked: Asked, cid: str) -> None:
        # Kubo looks past `offline` here: it fetches what is missing as long as it may.
        fetching = replace(asked, options={key: value for key, value in asked.options.items() if key != "offline"})
        try:
            for _ in self.tree(fetching, cid):
                pass
        except Failed as fault:
            raise Failed(f"pin: {fault}") from fault
        self.pins[cid] = b""

    def pin_ls(self, asked: Asked) -> list[str]:
        if asked.options.get("type", "all") != "recursive":
            raise Failed("this stand-in lists recursive pins only")
        if not asked.arguments:
            return sorted(self.pins)
        missing = [cid for cid in asked.arguments if cid not in self.pins]
        if missing:
            raise Failed(f"path '{missing[0]}' is not pinned")
        return list(asked.arguments)

    def unpin(self, cid: str) -> None:
        if cid not in self.pins:
            raise Failed("not pinned or pinned indirectly")
        del self.pins[cid]

    def stat(self, asked: Asked, cid: str) -> dict[str, Any]:
        blocks = dict(self.tree(asked, cid))
        size = sum(map(len, blocks.values()))
        return {
            "UniqueBlocks": len(blocks),
            "TotalSize": size,
            "Ratio": 1,
            "DagStats": [{"Cid": cid, "Size": size, "NumBlocks": len(blocks)}],
        }

    def remove(self, cid: str) -> dict[str, str]:
        if cid in self.pins:
            return {"Hash": cid, "Error": "pinned: recursive"}
        if cid not in self.blocks:
            return {"Hash": cid, "Error": f"ipld: could not find {cid}"}
        del self.blocks[cid]
        return {"Hash": cid}

    def export(self, asked: Asked, cid: str) -> Iterator[bytes]:
        name = cid_bytes(cid)
        header = b"\xa2eroots\x81\xd8*X%\x00" + name + b"gversion\x01"
        yield varint(len(header)) + header
        try:
            for one, data in self.tree(asked, cid):
                yield varint(len(name) + len(data)) + cid_bytes(one) + data
        except Failed as fault:
            raise Failed(f"walk failed: {fault} (currently offline, perhaps retry without the offline flag)") from fault

    def import_cars(self, asked: Asked, files: list[tuple[str, bytes]]) -> Iterator[dict[str, Any]]:
        roots = []
        for _, car in files:
            at, sections = 0, []
            while at < len(car):
                length, at = read_varint(car, at)
                if at + length > len(car):
                    raise Failed("unexpected EOF")
                sections.append(car[at : at + length])
                at += length
            if not sections or not sections[0].startswith(b"\xa2eroots\x81\xd8*X%\x00"):
                raise Failed("invalid car header")
            roots.append(cid_text(sections[0][13:49]))
            for section in sections[1:]:
                cid = cid_text(section[:36])
                if cid_of(codec_of(cid), section[36:]) != cid:
                    raise Failed(f"mismatch in content integrity, expected: {cid}")
                self.blocks[cid] = section[36:]
        if not asked.flag("pin-roots", True):
            return
        failed = 0
        for root in roots:
            words = ""
            try:
                with self.adding():
                    self.pin(asked, root)
            except Failed as fault:
                words, failed = str(fault), failed + 1
            yield {"Root": {"Cid": {"/": root}, "PinErrorMsg": words}}
        if failed:
            raise Failed(f"unable to pin all roots: {failed} out of {len(roots)} failed")

    def collect(self) -> Iterator[dict[str, Any]]:
        with self._is_quiet:
            assert self._is_quiet.wait_for(lambda: not self._adding, _LONGEST_S)
            local = Asked(command="repo/gc", arguments=(), options={"offline": "true"})
            kept = set[str]()
            for pin in self.pins:
                with suppress(Failed):
                    for cid, _ in self.tree(local, pin):
                        kept.add(cid)
            gone = [cid for cid in self.blocks if cid not in kept]
            for cid in gone:
                del self.blocks[cid]
        for cid in gone:
            # It knows blocks by their hash alone.
            yield {"Key": {"/": cid_text(bytes([1, RAW]) + cid_bytes(cid)[2:])}}

    def run(self, asked: Asked, files: list[tuple[str, bytes]]) -> "Answer":
        """One command, until it has something to say."""
        first = asked.arguments[0].removeprefix("/ipfs/") if asked.arguments else ""
        about: dict[str, Any]
        match asked.command:
            case "version":
                return Answer.of(VERSION)
            case "id":
                about = {"ID": self.peer_id, "PublicKey": "", "Addresses": [], "AgentVersion": "kubo/0.42.0", "Protocols": []}
                return Answer.of(about)
            case "add":
                with self.adding():
                    return Answer.stream(list(self.add(asked, files)))
            case "cat":
                try:
                    size = self.size(asked, first)
                except ValueError as error:
                    raise Failed(f'invalid path "{first}": path does not have enough components') from error
                wanted = max(0, min(asked.number("length", size), size - asked.number("offset", 0)))
                return Answer(
                    pieces=self.cat(asked), kind="text/plain", more={"X-Stream-Output": "1", "X-Content-Length": str(wanted)}
                )
            case "pin/add":
                for cid in asked.arguments:
                    with self.adding():
                        self.pin(asked, cid)
                return Answer.of({"Pins": list(asked.arguments)})
            case "pin/ls":
                found = self.pin_ls(asked)
                if asked.flag("stream", False):
                    return Answer.stream([{"Cid": cid, "Type": "recursive"} for cid in found])
                return Answer.of({"Keys": {cid: {"Type": "recursive", "Name": ""} for cid in found}})
            case "pin/rm":
                for cid in asked.arguments:
                    self.unpin(cid)
                return Answer.of({"Pins": list(asked.arguments)})
            case "pin/update":
                old, new = asked.arguments
                if old not in self.pins:
                    raise Failed("'from' cid was not recursively pinned already")
                self.pin(asked, new)
                self.unpin(old)
                return Answer.of({"Pins": [old, new]})
            case "block/put":
                codec = {"raw": RAW, "dag-pb": DAG_PB}[asked.options.get("cid-codec", "raw")]
                return Answer.stream([{"Key": self.put(codec, data), "Size": len(data)} for _, data in files])
            case "block/get":
                data = self.get(asked, first)
                return Answer(pieces=iter([data]), kind="application/vnd.ipld.raw", more={"X-Stream-Output": "1"})
            case "block/stat":
                return Answer.of({"Key": first, "Size": len(self.get(asked, first))})
            case "block/rm":
                return Answer.stream([self.remove(cid) for cid in asked.arguments])
            case "dag/stat":
                if asked.flag("progress", True):
                    raise Failed("this stand-in tells no progress")
                return Answer.stream([self.stat(asked, first)])
            case "dag/export":
                return Answer(pieces=self.export(asked, first), kind="application/vnd.ipld.car", more={"X-Stream-Output": "1"})
            case "dag/import":
                lines = map(_line, self.import_cars(asked, files))
                return Answer(pieces=lines, kind="application/json", more={"X-Chunked-Output": "1"})
            case "files/stat":
                blocks = len(links_of(first, self.get(asked, first)))
                tree_bytes = tree_bytes_of(first, self.get(asked, first))
                about = {"Hash": first, "Size": self.size(asked, first), "CumulativeSize": tree_bytes, "Blocks": blocks}
                return Answer.of({**about, "Type": "file"})
            case "repo/stat":
                size = sum(len(self.blocks[cid]) for cid in list(self.blocks))
                about = {"RepoSize": size, "StorageMax": 10_000_000_000, "NumObjects": 0, "RepoPath": "", "Version": ""}
                return Answer.of(about)
            case "repo/gc":
                return Answer.stream(list(self.collect()))
            case "repo/verify":
                for cid in list(self.blocks):
                    if cid_of(codec_of(cid), self.blocks[cid]) != cid:
                        raise Failed(f"verify complete, some blocks were corrupt: {cid}")
                steps = [{"Msg": "", "Progress": number} for number in range(1, len(self.blocks) + 1)]
                return Answer.stream([*steps, {"Msg": "verify complete, all blocks validated.", "Progress": 0}])
            case "swarm/peers":
                return Answer.of({"Peers": [{"Peer": peer} for peer in self.peers()] or None})
        raise Failed(f"this stand-in does not know {asked.command}")


@dataclass(kw_only=True)
class Answer:
    """What a command says with 200."""

    pieces: Iterator[bytes]
    kind: str
    more: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object) -> "Answer":
        return cls(pieces=iter([_line(value)]), kind="application/json")

    @classmethod
    def stream(cls, values: list[dict[str, Any]]) -> "Answer":
        return cls(pieces=iter([_line(value) for value in values]), kind="application/json", more={"X-Chunked-Output": "1"})


class KuboServer:
    """The RPC of a node on a port of loopback.

    Attributes:
        token: None: everybody may ask.
        allowed: paths that the token opens.
        is_strict: whether what Kubo would have passed over in silence is refused.
        misunderstood: such requests.
        asked: every command that was understood, in order.
    """

    def __init__(self, node: Node, *, port: int = 0, token: str | None = None, is_strict: bool = True) -> None:
        self.node = node
        self.token = token
        self.allowed: tuple[str, ...] = ("/api/v0",)
        self.is_strict = is_strict
        self.wrong = Misbehaviour()
        self.misunderstood: list[str] = []
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self._port = port
        self._server: ThreadingHTTPServer | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def misbehave(self, **ways: Any) -> None:
        """From now on this is wrong with it, and nothing else."""
        self.wrong = Misbehaviour(**ways)

    def start(self) -> None:
        """Begins to listen, on the same port as before."""
        self.over.clear()
        server = _Server(("127.0.0.1", self._port), _Handler)
        server.kubo = self
        self._server, self._port = server, server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Nobody is here any more: connections are refused, and peers get nothing."""
        self.over.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def is_running(self) -> bool:
        return self._server is not None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    kubo: KuboServer

    def handle_error(self, *_: Any) -> None:
        """Whoever hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        kubo, wrong = self.server.kubo, self.server.kubo.wrong
        if not kubo.is_running:
            self.close_connection = True
            return
        if wrong.every:
            self._wrong_in_all(wrong)
            return
        if self.command == "POST" and not self._may():
            self._refuse(403, DENIED)
            return
        asked = read_request(self.command, self.path, self.headers.get("Content-Type"))
        if isinstance(asked, NotUnderstood):
            kubo.misunderstood.append(f"{self.command} {self.path}: {asked.words.strip()}")
            self._refuse(asked.status, asked.words, asked.allow)
            return
        if asked.unknown and kubo.is_strict:
            kubo.misunderstood.append(f"{self.path}: Kubo knows no {', '.join(asked.unknown)} of {asked.command}")
            self._refuse(400, f"unknown options: {', '.join(asked.unknown)}\n")
            return
        kubo.asked.append(asked)
        try:
            body = self._body(wrong if asked.command == "add" else Misbehaviour())
            if body is None:
                return
            files = read_files(body, self.headers["Content-Type"]) if self.headers.get("Content-Type") else []
        except MultipartMalformed as fault:
            kubo.misunderstood.append(f"{self.path}: {fault}")
            self._refuse(400, f"multipart: {fault}\n")
            return
        try:
            if asked.command == "add" and wrong.add not in ("", "die", "other"):
                raise Failed(wrong.add)
            answer = kubo.node.run(asked, files)
            if asked.command == "add" and wrong.add == "other":
                answer = Answer.stream([{"Name": "bytes", "Hash": cid_of(RAW, b"another"), "Size": "7"}])
            self._say(self._worsened(asked, answer, wrong))
        except (Failed, ValueError) as fault:
            self._chunked(
                500, {"Content-Type": "application/json"}, iter([_line({"Message": str(fault), "Code": 0, "Type": "error"})])
            )

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST  # noqa: N815

    def _may(self) -> bool:
        kubo = self.server.kubo
        if kubo.token is None:
            return True
        sent = self.headers.get("Authorization")
        return sent == f"Bearer {kubo.token}" and any(self.path.startswith(one) for one in kubo.allowed)

    def _body(self, wrong: Misbehaviour) -> bytes | None:
        """The whole body; None where the node dies in it. What comes of a file stays as orphan blocks then, as with Kubo."""
        data = bytearray()
        for piece in self._pieces():
            data += piece
            if wrong.add == "die" and len(data) > wrong.after:
                for at in range(0, len(data) - (1 << 20), 1 << 20):
                    self.server.kubo.node.put(RAW, bytes(data[at : at + (1 << 20)]))
                self._hang_up()
                return None
        return bytes(data)

    def _pieces(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while True:
                line = self.rfile.readline(64)
                if not line:
                    raise ConnectionError
                size = int(line, 16)
                left = size
                while left:
                    piece = self.rfile.read1(min(left, _PIECE))
                    if not piece:
                        raise ConnectionError
                    left -= len(piece)
                    yield piece
                self.rfile.readline(64)
                if not size:
                    return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            piece = self.rfile.read1(min(left, _PIECE))
            if not piece:
                raise ConnectionError
            left -= len(piece)
            yield piece

    def _worsened(self, asked: Asked, answer: Answer, wrong: Misbehaviour) -> Answer:
        if asked.command == "block/get" and wrong.block:
            return replace(answer, pieces=self._wrong_block(b"".join(answer.pieces), wrong.block))
        if asked.command == "pin/ls" and wrong.pins:
            return replace(answer, pieces=self._wrong_pins(list(answer.pieces), wrong.pins))
        return answer

    def _wrong_block(self, data: bytes, how: str) -> Iterator[bytes]:
        if how == "lie":
            yield bytes([data[0] ^ 1]) + data[1:] if data else b"lie"
        elif how == "cut":
            yield data[: len(data) // 2]
            self._hang_up()
        elif how == "short":
            yield data[: len(data) // 2]
            raise Failed("context deadline exceeded")
        while how in ("endless", "drip") and not self.server.kubo.over.is_set():
            yield bytes(_PIECE if how == "endless" else 1)
            self.server.kubo.over.wait(0.1 if how == "drip" else 0)

    def _wrong_pins(self, lines: list[bytes], how: str) -> Iterator[bytes]:
        if how == "failing":
            yield lines[0]
            raise Failed("the datastore is closed")
        while not self.server.kubo.over.is_set():
            yield b'{"Cid":"' * 1_024

    def _wrong_in_all(self, wrong: Misbehaviour) -> None:
        self.close_connection = True
        if wrong.every == "hang":
            self.server.kubo.over.wait(_LONGEST_S)
        elif wrong.every == "redirect":
            self.send_response(307)
            self.send_header("Location", wrong.location)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while not self.server.kubo.over.is_set():
                self._chunk(bytes(_PIECE))
        elif wrong.every == "garbage":
            self._chunked(200, {"Content-Type": "application/json"}, iter([b"<html>what?</html>"]))
        elif wrong.every != "drop":
            status, _, words = wrong.every.partition(" ")
            if status == "500":
                told = _line({"Message": words, "Code": 0, "Type": "error"})
                self._chunked(500, {"Content-Type": "application/json"}, iter([told]))
            else:
                self._refuse(int(status), words)

    def _refuse(self, status: int, words: str, allow: str | None = None) -> None:
        # What is still to come of a body is not read, so nothing more can be understood on this connection.
        self.close_connection = True
        body = words.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if allow is not None:
            self.send_header("Allow", allow)
        self.end_headers()
        self.wfile.write(body)

    def _say(self, answer: Answer) -> None:
        self._chunked(200, {"Content-Type": answer.kind, **answer.more}, answer.pieces)

    def _chunked(self, status: int, headers: dict[str, str], pieces: Iterator[bytes]) -> None:
        # The first piece is waited for: until then a command can still end with 500.
        first = next(pieces, b"")
        self.send_response(status)
        for name, value in {**headers, "Trailer": "X-Stream-Error", "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        fault = None
        try:
            self._chunk(first)
            for piece in pieces:
                self._chunk(piece)
        except Failed as failed:
            fault = str(failed)
        self.wfile.write(b"0\r\n" + (b"" if fault is None else f"X-Stream-Error: {fault}\r\n".encode()) + b"\r\n")

    def _chunk(self, piece: bytes) -> None:
        if piece:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionError

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def stand_in_kubo(
    *, token: str | None = None, is_strict: bool = True, defaults: AddDefaults = AddDefaults()
) -> Iterator[KuboServer]:
    """One node, empty, without peers. What was misunderstood is an error at the end."""
    name = base64.b32encode(hashlib.sha256(str(time.monotonic_ns()).encode()).digest()).decode()
    server = KuboServer(Node(peer_id=f"12D3KooW{name[:44]}", defaults=defaults), token=token, is_strict=is_strict)
    try:
        yield server
    finally:
        server.stop()
    assert not is_strict or not server.misunderstood, f"no Kubo would have understood: {server.misunderstood}"


def befriend(*servers: KuboServer) -> None:
    """Makes one swarm of them: each asks each other one that runs."""

    def known(other: KuboServer) -> Peer:
        return Peer(fetch=other.node.blocks.get, is_up=lambda: other.is_running)

    for server in servers:
        server.node.known.update({one.node.peer_id: known(one) for one in servers if one is not server})


class Folder(MutableMapping[str, bytes]):
    """Names and bytes as files of a folder: they outlive the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / quote(name, safe="")

    def __getitem__(self, name: str) -> bytes:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError as error:
            raise KeyError(name) from error

    def __setitem__(self, name: str, data: bytes) -> None:
        draft = self._folder / f".{threading.get_ident()}"
        draft.write_bytes(data)
        draft.rename(self._path(name))

    def __delitem__(self, name: str) -> None:
        self._path(name).unlink()

    def __iter__(self) -> Iterator[str]:
        return iter([unquote(path.name) for path in self._folder.iterdir() if not path.name.startswith(".")])

    def __len__(self) -> int:
        return sum(1 for _ in self)


# How bytes become blocks: written for these tests, and not with the code under test.


def cid_of(codec: int, data: bytes) -> str:
    return cid_text(bytes([1, codec, 0x12, 0x20]) + hashlib.sha256(data).digest())


def cid_text(name: bytes) -> str:
    return "b" + base64.b32encode(name).decode().rstrip("=").lower()


def cid_bytes(cid: str) -> bytes:
    if len(cid) != 59 or not cid.startswith("b"):
        raise ValueError(f"invalid cid: {cid}")
    return base64.b32decode(cid[1:].upper() + "======")


def codec_of(cid: str) -> int:
    return cid_bytes(cid)[1]


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if at >= len(data):
            raise Failed("unexpected EOF")
        number |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 0x80:
            return number, at


def _part(tag: int, data: bytes) -> bytes:
    return bytes([tag << 3 | 2]) + varint(len(data)) + data


def node_block(links: list[tuple[str, str, int]], unixfs: bytes) -> bytes:
    """A DAG-PB node; of each link its CID, name and the bytes of its tree."""
    parts = (_part(1, cid_bytes(cid)) + _part(2, name.encode()) + b"\x18" + varint(size) for cid, name, size in links)
    return b"".join(_part(2, part) for part in parts) + _part(1, unixfs)


def file_blocks(data: bytes, chunk_bytes: int, max_links: int, made: dict[str, bytes]) -> tuple[str, int]:
    """Puts the blocks of a file into `made`; its root, and how many bytes its tree has."""
    row: list[tuple[str, int, int]] = []
    for at in range(0, max(len(data), 1), chunk_bytes):
        chunk = data[at : at + chunk_bytes]
        made[cid_of(RAW, chunk)] = chunk
        row.append((cid_of(RAW, chunk), len(chunk), len(chunk)))
    while len(row) > 1:
        above = []
        for at in range(0, len(row), max_links):
            group = row[at : at + max_links]
            size = sum(size for _, size, _ in group)
            unixfs = b"\x08\x02\x18" + varint(size) + b"".join(b"\x20" + varint(size) for _, size, _ in group)
            block = node_block([(cid, "", tree_bytes) for cid, _, tree_bytes in group], unixfs)
            made[cid_of(DAG_PB, block)] = block
            above.append((cid_of(DAG_PB, block), size, len(block) + sum(tree_bytes for *_, tree_bytes in group)))
        row = above
    [(root, _, tree_bytes)] = row
    return root, tree_bytes


def fields_of(data: bytes) -> list[tuple[int, Any]]:
    """Numbers and bytes of a protobuf message, by their tags."""
    found, at = list[tuple[int, Any]](), 0
    while at < len(data):
        key, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if key & 7 == 2:
            found.append((key >> 3, data[at : at + value]))
            at += value
        else:
            found.append((key >> 3, value))
    return found


def links_of(cid: str, data: bytes) -> list[str]:
    if codec_of(cid) == RAW:
        return []
    return [cid_text(dict(fields_of(link))[1]) for tag, link in fields_of(data) if tag == 2]


def tree_bytes_of(cid: str, data: bytes) -> int:
    if codec_of(cid) == RAW:
        return len(data)
    return len(data) + sum(int(dict(fields_of(link))[3]) for tag, link in fields_of(data) if tag == 2)


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
