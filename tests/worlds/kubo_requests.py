"""What Kubo 0.42's RPC understands: its commands, what each wants, and every option with its kind.

A real Kubo ignores an option that it does not know: who misspells one is told nothing, and gets another document's CID. So the
servers of the tests read requests by this list and refuse what stands in no line of it. Source: `ipfs commands --flags` and the
RPC reference of Kubo, as far as documents need it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

BASE = "/api/v0/"
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+")
_GO_KINDS = {"int": "int", "int64": "int64", "bool": "bool"}


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command.

    Attributes:
        argument: its name, as Kubo's refusal writes it; None where there is none.
        most: how many of them.
        is_required: whether one must be given.
        takes_files: whether a multipart body must come.
        options: kinds by name: bool, int, int64, string, duration.
    """

    argument: str | None = None
    most: int = 1
    is_required: bool = True
    takes_files: bool = False
    options: Mapping[str, str]


def _options(**kinds: str) -> dict[str, str]:
    return {name.replace("_", "-"): kind for kind, names in kinds.items() for name in names.split()}


GLOBAL_OPTIONS = _options(
    string="enc encoding cid-base api-auth", bool="stream-channels offline upgrade-cidv0-in-output debug", duration="timeout"
)
_PROVIDE = "fast-provide-root fast-provide-dag fast-provide-wait"
COMMANDS = {
    "version": Command(options=_options(bool="number commit repo all")),
    "id": Command(argument="peerid", is_required=False, options=_options(string="format peerid-base")),
    "add": Command(
        takes_files=True,
        options=_options(
            bool="quiet quieter silent progress trickle only-hash wrap-with-directory pin raw-leaves nocopy fscache inline"
            f" recursive dereference-args hidden preserve-mode preserve-mtime empty-dirs {_PROVIDE}",
            string="chunker hash to-files pin-name stdin-name ignore ignore-rules-path mode mtime",
            int="cid-version inline-limit max-file-links max-directory-links max-hamt-fanout mtime-nsecs",
        ),
    ),
    "cat": Command(argument="ipfs-path", most=64, options=_options(int64="offset length", bool="progress")),
    "ls": Command(argument="ipfs-path", most=64, options=_options(bool="headers resolve-type size stream")),
    "pin/add": Command(argument="ipfs-path", most=64, options=_options(bool=f"recursive progress {_PROVIDE}", string="name")),
    "pin/ls": Command(
        argument="ipfs-path", most=64, is_required=False, options=_options(string="type name", bool="quiet stream names")
    ),
    "pin/rm": Command(argument="ipfs-path", most=64, options=_options(bool="recursive")),
    "pin/update": Command(argument="from-path", most=2, options=_options(bool=f"unpin {_PROVIDE}")),
    "block/get": Command(argument="cid", options={}),
    "block/stat": Command(argument="cid", options={}),
    "block/put": Command(
        takes_files=True, options=_options(string="cid-codec mhtype format", int="mhlen", bool="pin allow-big-block")
    ),
    "block/rm": Command(argument="cid", most=64, options=_options(bool="force quiet")),
    "dag/put": Command(takes_files=True, options=_options(string="store-codec input-codec hash", bool="pin allow-big-block")),
    "dag/get": Command(argument="ref", options=_options(string="output-codec")),
    "dag/stat": Command(argument="root", most=64, options=_options(bool="progress")),
    "dag/export": Command(argument="root", options=_options(bool="progress local-only")),
    "dag/import": Command(
        takes_files=True, options=_options(bool=f"pin-roots silent stats allow-big-block local-only {_PROVIDE}")
    ),
    "files/stat": Command(argument="path", options=_options(string="format", bool="hash size with-local")),
    "repo/stat": Command(options=_options(bool="size-only human")),
    "repo/gc": Command(options=_options(bool="stream-errors quiet silent")),
    "repo/verify": Command(options=_options(bool="drop heal", duration="heal-timeout")),
    "swarm/peers": Command(options=_options(bool="verbose streams latency direction identify")),
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that was understood.

    Attributes:
        unknown: options that Kubo would have passed over in silence.
    """

    command: str
    arguments: Sequence[str]
    options: Mapping[str, str]
    unknown: Sequence[str] = ()

    def flag(self, name: str, default: bool) -> bool:
        """A bool option."""
        return self.options[name] in _TRUE if name in self.options else default

    def number(self, name: str, default: int) -> int:
        """An int option."""
        return int(self.options.get(name, default))

    @property
    def is_offline(self) -> bool:
        return self.flag("offline", False)

    @property
    def timeout_s(self) -> float | None:
        """None: for ever."""
        return _seconds(self.options["timeout"]) if "timeout" in self.options else None


@dataclass(frozen=True, kw_only=True)
class NotUnderstood:
    """How Kubo refuses a request before any command runs."""

    status: int
    words: str
    allow: str | None = None


def read_request(method: str, target: str, content_type: str | None) -> Asked | NotUnderstood:
    """Reads a request's line as Kubo does.

    Args:
        target: path and query.
        content_type: of its body; None where it has none.
    """
    parts = urlsplit(target)
    if method != "POST":
        return NotUnderstood(status=405, words="405 - Method Not Allowed\n", allow="OPTIONS, POST")
    name = parts.path.removeprefix(BASE)
    if not parts.path.startswith(BASE) or name not in COMMANDS:
        return NotUnderstood(status=404, words="404 page not found\n")
    command = COMMANDS[name]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    arguments = [value for key, value in pairs if key == "arg"]
    options = {key: value for key, value in pairs if key != "arg"}
    kinds = {**GLOBAL_OPTIONS, **command.options}
    for key, value in options.items():
        if not _is_of(kinds.get(key, "string"), value):
            kind = _GO_KINDS.get(kinds[key], kinds[key])
            return NotUnderstood(status=400, words=f'could not convert value "{value}" to type "{kind}" (for option "-{key}")\n')
    if command.argument is not None and command.is_required and not arguments:
        return NotUnderstood(status=400, words=f'argument "{command.argument}" is required\n')
    if len(arguments) > (command.most if command.argument is not None else 0):
        return NotUnderstood(status=400, words=f"expected at most {command.most} arguments\n")
    if command.takes_files and not (content_type or "").startswith("multipart/form-data; boundary="):
        return NotUnderstood(status=400, words='file argument "path" is required\n')
    unknown = [key for key in options if key not in kinds]
    return Asked(command=name, arguments=arguments, options=options, unknown=unknown)


class MultipartMalformed(Exception):
    """A body is no multipart body of files."""


def read_files(body: bytes, content_type: str) -> list[tuple[str, bytes]]:
    """The files of a whole multipart body: name and bytes of each.

    Raises:
        MultipartMalformed: anything in it is not as RFC 7578 has it, or its end is missing.
    """
    boundary = b"--" + content_type.partition("boundary=")[2].strip('"').encode()
    if len(boundary) < 3 or not body.startswith(boundary + b"\r\n"):
        raise MultipartMalformed("the body does not begin with the boundary")
    head, end, rest = body.rpartition(b"\r\n" + boundary + b"--")
    if not end or rest not in (b"", b"\r\n"):
        raise MultipartMalformed("the last boundary is missing")
    files = []
    for part in head[len(boundary) + 2 :].split(b"\r\n" + boundary + b"\r\n"):
        lines, gap, data = part.partition(b"\r\n\r\n")
        headers = {
            key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines.decode().split("\r\n"))
        }
        found = re.fullmatch(r'form-data; name="([^"]+)"; filename="([^"]*)"', headers.get("content-disposition", ""))
        if not gap or found is None:
            raise MultipartMalformed(f"a part begins with {lines[:200]!r}")
        files.append((found[2], data))
    return files


def _is_of(kind: str, value: str) -> bool:
    if kind == "bool":
        return value in (*_TRUE, *_FALSE)
    if kind in ("int", "int64"):
        return re.fullmatch(r"[+-]?[0-9]+", value) is not None
    return kind == "string" or _DURATION.fullmatch(value) is not None


def _seconds(duration: str) -> float:
    units = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3_600.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([0-9.]+)(ns|us|µs|ms|s|m|h)", duration))
