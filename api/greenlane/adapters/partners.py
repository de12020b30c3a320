"""Other centers' servers, that hold our documents and whose documents are held here, asked over HTTP.

    [[partner]]
    center = "hanoi"
    url = "https://hanoi.example"
    token_file = "hanoi.key"          # an API key of role partner that its operator gave; beside this file

Only the addresses of that file are ever asked: what a partner, a member or a request says leads to no other. Redirects are not
followed, since the key would go with them, and no proxy of the environment stands between.

Nothing a partner sends is trusted to be short, timely or true. An answer in JSON has one deadline and a bound. A document is
streamed, each MiB of it has a deadline, and whoever takes it bounds and hashes it. The key's file is read anew for each question,
so that a new key counts at once; no error and no log line holds it.
Source: RFC 9110; RFC 9457 for refusals.
"""

import json
import re
import socket
import threading
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.documents.cid import Cid
from greenlane.core.errors import Faults, GreenlaneError, InvalidInput
from greenlane.core.units import CenterId, center_id
from greenlane.core.wire import shown
from greenlane.ports.documents import DocumentMissing
from greenlane.ports.holds import PartnerRefused, PartnerUnavailable

MAX_PARTNERS: Final = 100
MAX_PARTNERS_FILE_BYTES: Final = 262_144
MAX_ANSWER_BYTES: Final = 65_536
TIMEOUT_S: Final = 10.0
"""For one whole answer in JSON, and for each piece of a document: 1 GiB comes within three hours, or not from there."""
PIECE_BYTES: Final = 1_048_576
_CAR: Final = "application/vnd.ipld.car"
_KEY: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,512}=*", re.ASCII)
_FIELDS: Final = ("center", "url", "token_file")


class PartnersFileInvalid(InvalidInput):
    """The file of partners cannot be read, or an entry of it cannot be used; `where` names the file and the place in it."""

    code = "partners-file-invalid"
    default_remedy = "Write for each partner a [[partner]] with center, url and token_file; docs/operations.md has an example."


class HttpPartner:
    """A `ports.holds.Partner` at an http or https address. Safe for threads; keeps no connection."""

    def __init__(self, center: CenterId, url: str, token_file: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        """Takes an address; nothing is asked yet.

        Args:
            url: http or https, with or without a path that its API stands under.
            token_file: holds the API key, alone on a line.
            timeout_s: for one whole answer in JSON, and for any one piece of a document.
        """
        self._center = center
        self._url = url.rstrip("/")
        self._token_file = token_file
        self._timeout_s = timeout_s

    @property
    def center(self) -> CenterId:
        """Its center."""
        return self._center

    def ask_to_hold(self, cid: Cid, size: int) -> bool:
        """`POST /v1/holds`; see `ports.holds.Partner`."""
        body = json.dumps({"cid": cid.text, "size": size}).encode()
        answer = self._told("POST", "/v1/holds", body)
        is_held = answer.get("isHeld") if isinstance(answer, dict) else None
        if not isinstance(is_held, bool) or answer.get("cid") != cid.text:
            raise self._away("answers with what is no answer of Greenlane")
        return is_held

    def release(self, cid: Cid) -> None:
        """`DELETE /v1/holds/{cid}`; see `ports.holds.Partner`."""
        self._told("DELETE", f"/v1/holds/{cid.text}")

    def fetch_car(self, cid: Cid) -> Iterator[bytes]:
        """`GET /v1/documents/{cid}?format=car`; see `ports.holds.Partner`."""
        with _Call(self, "GET", f"/v1/documents/{cid.text}?format=car", accept=_CAR) as call:
            call.let_wait(self._timeout_s)
            response = call.response()
            if response.status != 200:
                fault = self._refusal(response, call.read(MAX_ANSWER_BYTES))
                raise DocumentMissing(f"{self._center} has no {cid.text}.") if response.status in (404, 410) else fault
            received = 0
            while True:
                # Anew for each piece: time spent by whoever takes them is not the partner's.
                call.let_wait(self._timeout_s)
                piece = call.read(PIECE_BYTES)
                call.let_wait(None)
                if not piece:
                    break
                received += len(piece)
                yield piece
            if not call.is_whole(received):
                raise self._away("ends a document in the middle")

    def _told(self, method: str, path: str, body: bytes | None = None) -> Any:
        with _Call(self, method, path, body=body) as call:
            call.let_wait(self._timeout_s)
            response = call.response()
            answer = call.read(MAX_ANSWER_BYTES + 1)
            if response.status not in (200, 201, 202, 204):
                raise self._refusal(response, answer)
            if len(answer) > MAX_ANSWER_BYTES:
                raise self._away(f"answers with more than {MAX_ANSWER_BYTES} bytes")
        if response.status == 204:
            return None
        value = _json(answer)
        if value is None:
            raise self._away("answers with what is no JSON")
        return value

    def _refusal(self, response: HTTPResponse, answer: bytes) -> PartnerUnavailable:
        problem = _json(answer)
        told = problem if isinstance(problem, dict) else {}
        words = f"refuses with the HTTP status {response.status}"
        # Its own words help whoever reads them here, and may hold anything.
        if isinstance(code := told.get("code"), str):
            words += f" ({shown(code)}: {shown(str(told.get('detail', '')))})"
        if response.status in (400, 404, 409, 410, 413, 415, 422):
            return PartnerRefused(f"{self._center} {words}.")
        if response.status in (401, 403):
            return self._away(
                words, remedy=f"Ask {self._center}'s operator for a live key of role partner, for {self._token_file}."
            )
        return self._away(words)

    def _away(self, words: str, *, remedy: str | None = None) -> PartnerUnavailable:
        return PartnerUnavailable(f"{self._center} {words}.", remedy=remedy)

    def _connection(self) -> HTTPConnection:
        parts = urlsplit(self._url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self._timeout_s)

    def _path(self, path: str) -> str:
        return urlsplit(self._url).path + path

    def _token(self) -> str:
        try:
            return _read_token(self._token_file)
        except (OSError, ValueError) as error:
            words = f"cannot be asked: its key in {self._token_file} cannot be read ({_why(error)})"
            raise self._away(words, remedy="Check the file's path and mode, and that it holds one API key.") from None


class _Call:
    """One question and its answer, over a connection of its own, cut off when its time is over.

    A time-out of a socket counts from byte to byte: who drips would hold us for hours. So a timer cuts the line.
    """

    def __init__(self, partner: HttpPartner, method: str, path: str, *, body: bytes | None = None, accept: str = "*/*") -> None:
        self._partner = partner
        self._request = (method, partner._path(path), body)
        self._headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "greenlane"}
        self._headers["Authorization"] = f"Bearer {partner._token()}"
        if body is not None:
            self._headers["Content-Type"] = "application/json"
        self._connection = partner._connection()
        self._response: HTTPResponse | None = None
        self._length: int | None = None
        self._timer: threading.Timer | None = None
        self._is_cut_off = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_wait(None)
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def let_wait(self, timeout_s: float | None) -> None:
        """Gives whatever comes next that long; None: nothing is waited for now."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if timeout_s is not None:
            self._timer = threading.Timer(timeout_s, self._cut_off)
            self._timer.daemon = True
            self._timer.start()

    def response(self) -> HTTPResponse:
        """Asks, and waits for the head of the answer."""
        method, path, body = self._request
        try:
            self._connection.request(method, path, body, self._headers)
            response = self._response = self._connection.getresponse()
        except (OSError, HTTPException, ValueError) as error:
            raise self._unreached(error) from None
        self._length = response.length
        return response

    def read(self, most: int) -> bytes:
        """The next bytes of the answer that `response` began; none at its end."""
        try:
            data = b"" if self._response is None else self._response.read(most)
        except (OSError, HTTPException, ValueError) as error:
            raise self._unreached(error) from None
        if self._is_cut_off:
            raise self._unreached(TimeoutError())
        return data

    def is_whole(self, received: int) -> bool:
        """Whether all came that was announced. Where nothing was, a broken end is told by what was sent: a CAR has all or not."""
        return self._length is None or received == self._length

    def _cut_off(self) -> None:
        self._is_cut_off = True
        sock: socket.socket | None = self._connection.sock
        if sock is None and self._response is not None:
            # The connection gives its socket away where the answer ends it.
            sock = getattr(getattr(self._response.fp, "raw", None), "_sock", None)
        if sock is not None:
            with suppress(OSError):
                # That of the plain socket: a TLS socket's own would take its state away from under the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _unreached(self, error: Exception) -> PartnerUnavailable:
        if self._is_cut_off or isinstance(error, TimeoutError):
            return self._partner._away("did not answer in time")
        # Never the error's own words where they could hold what was sent: http.client quotes headers and paths it refuses.
        return self._partner._away(f"could not be reached ({_why(error)})")


def load_partners(path: Path) -> tuple[HttpPartner, ...]:
    """Reads the file of partners; nobody is asked yet.

    Args:
        path: TOML, as the module says; a token_file in it is taken from the file's folder.

    Raises:
        PartnersFileInvalid: the file cannot be read, or is no TOML.
        Faults: everything else that is wrong with it, at once.
    """
    reader = _PartnersReader(path)
    partners = reader.partners()
    if reader.faults:
        raise Faults(tuple(reader.faults))
    return partners


class _PartnersReader:
    """Takes one entry after another and gathers what is wrong with them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.faults: list[GreenlaneError] = []
        self._seen: dict[str, int] = {}

    def partners(self) -> tuple[HttpPartner, ...]:
        try:
            with self._path.open("rb") as opened:
                data = opened.read(MAX_PARTNERS_FILE_BYTES + 1)
            if len(data) > MAX_PARTNERS_FILE_BYTES:
                raise PartnersFileInvalid(f"The file has more than {MAX_PARTNERS_FILE_BYTES} bytes.", where=str(self._path))
            told = tomllib.loads(data.decode("utf-8"))
        except OSError as error:
            remedy = "Check the path and the mode of the file that GREENLANE_PARTNERS_FILE names."
            words = f"The file cannot be read ({_why(error)})."
            raise PartnersFileInvalid(words, where=str(self._path), remedy=remedy) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise PartnersFileInvalid(f"The file is no TOML ({shown(str(error))}).", where=str(self._path)) from None
        for key in told:
            if key != "partner":
                self._fault(f"/{key}", f"{shown(key)} is not known here.", "Take it out; each partner is a [[partner]].")
        entries = told.get("partner", [])
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            self._fault("/partner", "Partners do not stand in it one by one.", "Write each of them under a line [[partner]].")
            return ()
        if len(entries) > MAX_PARTNERS:
            self._fault("/partner", f"The file has {len(entries)} partners; {MAX_PARTNERS} are taken.", "Leave some out.")
            return ()
        read = [self._partner(entry, f"/partner/{place}", place) for place, entry in enumerate(entries)]
        return tuple(each for each in read if each is not None)

    def _partner(self, entry: dict[str, object], where: str, place: int) -> HttpPartner | None:
        known = len(self.faults)
        for key in entry:
            if key not in _FIELDS:
                self._fault(f"{where}/{key}", f"{shown(key)} is no field of a partner.", f"Use {', '.join(_FIELDS)} alone.")
        texts = {key: self._text(entry, key, where) for key in _FIELDS}
        center = self._center(texts["center"], f"{where}/center", place)
        url = self._url(texts["url"], f"{where}/url")
        token_file = self._token_file(texts["token_file"], f"{where}/token_file")
        if len(self.faults) > known or center is None or url is None or token_file is None:
            return None
        return HttpPartner(center, url, token_file)

    def _text(self, entry: dict[str, object], key: str, where: str) -> str | None:
        text = entry.get(key)
        if isinstance(text, str) and text:
            return text
        words = f"The partner has no {key}." if key not in entry else f"This {key} is no text."
        self._fault(f"{where}/{key}", words, f'Write {key} = "…".')
        return None

    def _center(self, text: str | None, where: str, place: int) -> CenterId | None:
        if text is None:
            return None
        try:
            center = center_id(text)
        except InvalidInput as error:
            self._fault(where, error.detail, error.remedy)
            return None
        if center in self._seen:
            self._fault(where, f"{center} stands in entry {self._seen[center]} already.", "Keep one of the two.")
            return None
        self._seen[center] = place
        return center

    def _url(self, text: str | None, where: str) -> str | None:
        if text is None:
            return None
        remedy = "Write it like https://center.example: no user name, query or fragment; the key has a file of its own."
        try:
            parts = urlsplit(text)
            is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            is_plain = parts.username is None and not parts.query and not parts.fragment and text.isascii() and text.isprintable()
        except ValueError:
            is_right = is_plain = False
        if is_right and is_plain and " " not in text:
            return text
        # Not the text itself: it may hold a password.
        self._fault(where, "This is no http or https URL that a server is reached by.", remedy)
        return None

    def _token_file(self, text: str | None, where: str) -> Path | None:
        if text is None:
            return None
        file = self._path.parent / text
        try:
            _read_token(file)
        except OSError as error:
            self._fault(where, f"{file} cannot be read ({_why(error)}).", "Check its path and mode.")
        except ValueError:
            remedy = "Put the API key into it that the partner's operator gave you, alone on a line."
            self._fault(where, f"{file} does not hold one API key.", remedy)
        else:
            return file
        return None

    def _fault(self, where: str, detail: str, remedy: str) -> None:
        self.faults.append(PartnersFileInvalid(detail, where=f"{self._path}#{where}", remedy=remedy))


def _why(error: Exception) -> str:
    """The system's words where it has some; never any other error's, which may hold a secret."""
    return error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__


def _read_token(file: Path) -> str:
    """The key in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds something else.
    """
    with file.open("rb") as opened:
        text = opened.read(1_024).decode("ascii").strip()
    if _KEY.fullmatch(text) is None:
        raise ValueError("no key")
    return text


def _json(data: bytes) -> JsonValue:
    try:
        return parse_json(data)
    except InvalidInput:
        return None
