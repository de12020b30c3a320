"""The environment, read once, as one frozen value; every fault is reported at once.

A secret never stands in a variable of its own: `GREENLANE_DATABASE_URL_FILE` names a file that holds the URL with its password,
`GREENLANE_PASSWORD_FILE` one that holds the keystore's password, `GREENLANE_RPC_TOKEN_FILE` one with tokens for nodes,
`GREENLANE_DOCUMENTS_TOKEN_FILE` one with Kubo's bearer token, `GREENLANE_PARTNERS_FILE` one with other centers' API keys.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from greenlane.core.errors import Faults, GreenlaneError, InvalidInput

_NUMBER = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)
_COUNT = re.compile(r"\d{1,15}", re.ASCII)
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}", re.ASCII)
# Nothing that runs, unpacks or scripts: an operator who wants more names the whole list.
_DOCUMENT_TYPES = (
    "application/pdf,image/jpeg,image/png,image/webp,image/gif,image/heic,image/tiff,"
    "text/plain,text/csv,application/json,application/xml,text/xml,"
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet,"
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document,"
    "application/vnd.oasis.opendocument.spreadsheet,application/vnd.oasis.opendocument.text"
)
_THIS_MACHINE = "127.0.0.0/8,::1"
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadSetting(InvalidInput):
    """A variable of the environment has a value that cannot be used."""

    code = "bad-setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this deployment runs.

    Attributes:
        home: folder with network.json, keys/ and, by default, the database.
        database_url: SQLAlchemy URL; sqlite or postgresql+psycopg.
        rpc_urls: nodes of the chain, in order of preference; empty: those that network.json names.
        rpc_token_file: bearer tokens for nodes that want one, as adapters/evm/tokens.py reads them; None: no node wants any.
        password_file: holds the password of the keystore.
        host, port: where to listen.
        public_url: what buyers reach this server by; goes into QR codes and links. Without a slash at the end.
        max_body_bytes: largest request body.
        max_events: most events in one capture.
        max_unpublished: entries of one center that may wait for the worker before captures get 503.
        documents_url: RPC of the Kubo node that keeps documents; None: the block store in the home folder.
        documents_token_file: bearer token for that node; None: it wants none.
        max_document_bytes: largest document.
        max_uploads: uploads of one center that may be open at once.
        max_staged_bytes: bytes of one center that may be on their way at once.
        upload_kept_s: how long an upload may be gone on with.
        document_types: media types of documents that are taken.
        partners_file: the centers that hold our documents, and whose we hold; None: there are none.
        max_held_bytes: how much one partner may ask this deployment to hold.
        reconcile_interval_s: how often the worker compares what is pinned with what should be.
        key_rate, public_rate: requests a minute for one API key, and for one address without a key.
        trusted_proxies: addresses whose X-Forwarded-For is believed.
        metrics_allowed: who may read /metrics; nobody where empty. By default this machine, and nobody where `public_url` is of
            another host: a proxy may then stand before this server, by which every stranger seems to be of this machine.
        poll_interval_s: pause of the worker between two looks for work.
        recheck_interval_s: how often the worker compares an idle log with the chain.
        log_level: DEBUG, INFO, WARNING or ERROR.
    """

    home: Path
    database_url: str
    rpc_urls: tuple[str, ...]
    rpc_token_file: Path | None
    password_file: Path
    host: str
    port: int
    public_url: str
    max_body_bytes: int
    max_events: int
    max_unpublished: int
    documents_url: str | None
    documents_token_file: Path | None
    max_document_bytes: int
    max_uploads: int
    max_staged_bytes: int
    upload_kept_s: int
    document_types: frozenset[str]
    partners_file: Path | None
    max_held_bytes: int
    reconcile_interval_s: float
    key_rate: int
    public_rate: int
    trusted_proxies: tuple[str, ...]
    metrics_allowed: tuple[IpNetwork, ...]
    poll_interval_s: float
    recheck_interval_s: float
    log_level: str


def read_settings(environment: Mapping[str, str], *, read_file: Callable[[Path], str] = Path.read_text) -> Settings:
    """Reads the variables that begin with GREENLANE_.

    Args:
        environment: names and values; variables of other programs are ignored.
        read_file: how a named file is read.

    Raises:
        Faults: every variable that is unknown or unusable, each with its remedy.
    """
    reader = _Reader(environment, read_file)
    home = Path(reader.text("HOME", "var/greenlane")).absolute()
    host = reader.text("HOST", "127.0.0.1")
    port = reader.count("PORT", 8600, 1, 65_535)
    shown_host = f"[{host}]" if ":" in host else host
    public_url = reader.url("PUBLIC_URL", f"http://{shown_host}:{port}").rstrip("/")
    settings = Settings(
        home=home,
        database_url=reader.database_url(f"sqlite:///{home / 'greenlane.sqlite3'}"),
        rpc_urls=tuple(reader.url_list("RPC_URLS")),
        rpc_token_file=reader.secret_file("RPC_TOKEN_FILE"),
        password_file=Path(reader.text("PASSWORD_FILE", str(home / "password"))),
        host=host,
        port=port,
        public_url=public_url,
        max_body_bytes=reader.count("MAX_BODY_BYTES", 10 * 1024 * 1024, 1024, 1024**3),
        max_events=reader.count("MAX_EVENTS", 5_000, 1, 1_000_000),
        max_unpublished=reader.count("MAX_UNPUBLISHED", 500_000, 1, 100_000_000),
        documents_url=reader.optional_url("DOCUMENTS_URL"),
        documents_token_file=reader.secret_file("DOCUMENTS_TOKEN_FILE"),
        max_document_bytes=reader.count("MAX_DOCUMENT_BYTES", 1024**3, 1024, 64 * 1024**3),
        max_uploads=reader.count("MAX_UPLOADS", 100, 1, 100_000),
        max_staged_bytes=reader.count("MAX_STAGED_BYTES", 8 * 1024**3, 1024, 100 * 1024**4),
        upload_kept_s=reader.count("UPLOAD_KEPT_S", 86_400, 60, 30 * 86_400),
        document_types=reader.media_types("DOCUMENT_TYPES", _DOCUMENT_TYPES),
        partners_file=reader.secret_file("PARTNERS_FILE"),
        max_held_bytes=reader.count("MAX_HELD_BYTES", 100 * 1024**3, 1024, 100 * 1024**4),
        reconcile_interval_s=reader.number("RECONCILE_INTERVAL_S", 60, 1, 86_400),
        key_rate=reader.count("KEY_RATE", 6_000, 1, 10_000_000),
        public_rate=reader.count("PUBLIC_RATE", 600, 1, 10_000_000),
        trusted_proxies=tuple(reader.words("TRUSTED_PROXIES")),
        metrics_allowed=tuple(reader.networks("METRICS_ALLOWED", _THIS_MACHINE if _is_of_this_machine(public_url) else "")),
        poll_interval_s=reader.number("POLL_INTERVAL_S", 0.1, 0.01, 60),
        recheck_interval_s=reader.number("RECHECK_INTERVAL_S", 10, 1, 3600),
        log_level=reader.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    )
    reader.finish()
    return settings


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # The port is read only when it is asked for.
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_of_this_machine(web_url: str) -> bool:
    # Only what no other machine can reach: 0.0.0.0 is every address, and a name under localhost may be a proxy's.
    host = urlsplit(web_url).hostname if _is_web_url(web_url) else None
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


class _Reader:
    """Takes one variable after another and gathers what is wrong with them."""

    _PREFIX = "GREENLANE_"
    # Read by the conformance tests: who has set it can still use every command. Tools' own variables have other prefixes.
    _FOREIGN = frozenset({"SHARED_DATA"})

    def __init__(self, environment: Mapping[str, str], read_file: Callable[[Path], str]) -> None:
        prefix = self._PREFIX
        self._given = {name[len(prefix) :]: value for name, value in environment.items() if name.startswith(prefix)}
        self._unused = set(self._given) - self._FOREIGN
        self._read_file = read_file
        self._faults: list[GreenlaneError] = []

    def text(self, name: str, default: str) -> str:
        self._unused.discard(name)
        return self._given.get(name, default)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        text = self.text(name, str(default))
        if _NUMBER.fullmatch(text) is None or not low <= float(text) <= high:
            self._fault(name, f"{text[:40]!r} is no number from {low:g} to {high:g}.", f"Leave it out for {default:g}.")
            return default
        return float(text)

    def count(self, name: str, default: int, low: int, high: int) -> int:
        text = self.text(name, str(default))
        if _COUNT.fullmatch(text) is None or not low <= int(text) <= high:
            self._fault(name, f"{text[:40]!r} is no whole number from {low} to {high}.", f"Leave it out for {default}.")
            return default
        return int(text)

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        text = self.text(name, default).upper()
        if text not in allowed:
            self._fault(name, f"{text[:40]!r} is not known.", f"Use one of {', '.join(allowed)}.")
            return default
        return text

    def url(self, name: str, default: str) -> str:
        text = self.text(name, default)
        if not _is_web_url(text):
            self._fault(name, "this is no http or https URL.", "Write it like https://host.example.")
            return default
        return text

    def optional_url(self, name: str) -> str | None:
        return self.url(name, "").rstrip("/") if self.text(name, "") else None

    def media_types(self, name: str, default: str) -> frozenset[str]:
        types = self.words(name, default)
        if not types or not all(_MEDIA_TYPE.fullmatch(each) for each in types):
            self._fault(name, "one of the values is no media type, or none is there.", "Write them like text/csv,image/png.")
        return frozenset(types)

    def words(self, name: str, default: str = "") -> list[str]:
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]

    def networks(self, name: str, default: str) -> list[IpNetwork]:
        try:
            return [ipaddress.ip_network(word) for word in self.words(name, default)]
        except ValueError:
            self._fault(name, "one of the values is no address or network.", "Write them like 10.0.0.7,172.16.0.0/12,::1.")
            return []

    def url_list(self, name: str) -> list[str]:
        urls = self.words(name)
        if not all(_is_web_url(url) for url in urls):
            self._fault(name, "one of the values is no http or https URL.", "Separate URLs by commas.")
        return urls

    def database_url(self, default: str) -> str:
        url = self.text("DATABASE_URL", default)
        file = self.text("DATABASE_URL_FILE", "")
        if file:
            try:
                url = self._read_file(Path(file)).strip()
            except (OSError, UnicodeDecodeError) as cause:
                self._fault("DATABASE_URL_FILE", f"the file cannot be read ({type(cause).__name__}).", "Check its path and mode.")
        if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            self._fault("DATABASE_URL", "its scheme is not known.", "Use sqlite:///PATH or postgresql+psycopg://HOST/NAME.")
        return url

    def secret_file(self, name: str) -> Path | None:
        """A file that will be read again and again; that it can be is seen at once."""
        text = self.text(name, "")
        if not text:
            return None
        try:
            is_empty = not self._read_file(Path(text)).strip()
        except (OSError, UnicodeDecodeError) as cause:
            self._fault(name, f"the file cannot be read ({type(cause).__name__}).", "Check its path and mode.")
        else:
            if is_empty:
                self._fault(name, "the file is empty.", "Put a token into it, or leave the variable out.")
        return Path(text)

    def finish(self) -> None:
        for name in sorted(self._unused):
            self._fault(name, "no such setting.", "Correct its name or remove it; docs/operations.md lists them all.")
        if self._faults:
            raise Faults(tuple(self._faults))

    def _fault(self, name: str, detail: str, remedy: str) -> None:
        self._faults.append(BadSetting(detail, where=self._PREFIX + name, remedy=remedy))
