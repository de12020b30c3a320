"""A node that holds a question up gets neither a thread nor a socket for it longer than was said."""

import json
import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from greenlane.verify.ladder import NodeAway
from greenlane.verify.nodes import MAX_OPEN_QUESTIONS, JsonRpcNode

TIMEOUT_S = 0.2
QUESTIONS = 3
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n"
ANSWER = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x7"}).encode()
Manner = Callable[[socket.socket], None]


@contextmanager
def served(manner: Manner) -> Iterator[int]:
    """A server on loopback that treats every connection in one manner; the port. It waits for the end of each."""
    threads = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def treat(connection: socket.socket) -> None:
            # Whoever was cut off is not spoken to any more.
            with connection, suppress(OSError):
                manner(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threads.append(threading.Thread(target=treat, args=(connection,)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(10)
                assert not thread.is_alive(), "the other side was never told that nobody listens"


def read_until(end: bytes, connection: socket.socket) -> bytes:
    heard = b""
    while end not in heard:
        more = connection.recv(65_536)
        if not more:
            raise ConnectionError
        heard += more
    return heard


def dripping(head: bytes, drop: bytes, *, until: bytes = b"\r\n\r\n") -> Manner:
    """Reads the question, says the head, and then a drop at a time without end."""

    def drip(connection: socket.socket) -> None:
        read_until(until, connection)
        connection.sendall(head)
        while True:
            connection.sendall(drop)
            time.sleep(0.02)

    return drip


def silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


MANNERS: dict[str, tuple[str, Manner]] = {
    "nothing": ("http", silent),
    "a status without end": ("http", dripping(b"", b"H")),
    "headers without end": ("http", dripping(HEAD, b"x")),
    "a body without end": ("http", dripping(HEAD + b"\r\n", b" ")),
    "a body whose length is not told": ("http", dripping(b"HTTP/1.1 200 OK\r\n\r\n", b" ")),
    "no hello": ("https", silent),
    # A record of TLS that says of itself that it is long.
    "a hello without end": ("https", dripping(b"\x16\x03\x03\x40\x00", b"\x02", until=b"\x16")),
}


def sockets() -> int:
    """How many this process has open."""
    found = 0
    for number in range(1024):
        with suppress(OSError):
            found += stat.S_ISSOCK(os.fstat(number).st_mode)
    return found


@contextmanager
def nothing_left(threads: set[threading.Thread], open_sockets: Callable[[], int]) -> Iterator[None]:
    """Soon after what is done inside, no other threads than those are there, and no more sockets."""
    before = open_sockets()
    yield
    give_up = time.monotonic() + 5
    while (set(threading.enumerate()) - threads or open_sockets() > before) and time.monotonic() < give_up:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= threads
    assert open_sockets() <= before


@contextmanager
def given_up(words: str = r"within 0\.2 seconds|timed out") -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(NodeAway, match=words):
        yield
    assert time.monotonic() - began < TIMEOUT_S + 5


@pytest.mark.parametrize("name", MANNERS)
def test_a_question_that_is_given_up_leaves_no_thread_and_no_socket_behind(name: str) -> None:
    scheme, manner = MANNERS[name]
    with nothing_left(set(threading.enumerate()), sockets), served(manner) as port:
        node = JsonRpcNode(f"{scheme}://127.0.0.1:{port}", timeout_s=TIMEOUT_S)
        for _ in range(QUESTIONS):
            with given_up():
                node.chain_id()


def test_a_proxy_that_drips_is_cut_off_as_a_node_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with nothing_left(set(threading.enumerate()), sockets), served(dripping(b"HTTP/1.1 200 OK\r\n", b"x")) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        for _ in range(QUESTIONS):
            with given_up():
                JsonRpcNode("https://node.example", timeout_s=TIMEOUT_S).chain_id()


def test_a_door_that_nobody_opens_is_left_in_time() -> None:
    with nothing_left(set(threading.enumerate()), sockets), socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = listening.getsockname()[1]
        # Whoever waits at the door already: the system lets no more in.
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        for _ in range(QUESTIONS):
            with given_up():
                JsonRpcNode(f"http://127.0.0.1:{port}", timeout_s=TIMEOUT_S).chain_id()
        for each in waiting:
            each.close()


def test_a_socket_that_comes_too_late_is_cut_off_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up, release, is_asked = socket.getaddrinfo, threading.Event(), threading.Event()

    def drip(connection: socket.socket) -> None:
        is_asked.set()
        MANNERS["a body without end"][1](connection)

    def late(*words: Any, **options: Any) -> Any:
        release.wait(10)
        return look_up(*words, **options)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    with nothing_left(set(threading.enumerate()), sockets), served(drip) as port:
        with given_up():
            JsonRpcNode(f"http://127.0.0.1:{port}", timeout_s=TIMEOUT_S).chain_id()
        release.set()
        assert is_asked.wait(10)


def test_names_that_are_looked_up_without_end_take_no_more_than_so_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up, release = socket.getaddrinfo, threading.Event()

    def stuck(*words: Any, **options: Any) -> Any:
        release.wait(10)
        return look_up(*words, **options)

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    before = set(threading.enumerate())
    with nothing_left(before, sockets), served(answering) as port:
        node = JsonRpcNode(f"http://127.0.0.1:{port}", timeout_s=0.02)
        among = len(threading.enumerate())
        for _ in range(MAX_OPEN_QUESTIONS):
            with given_up(r"within 0\.02 seconds"):
                node.chain_id()
        for _ in range(QUESTIONS):
            with given_up(f"left {MAX_OPEN_QUESTIONS} other questions"):
                node.chain_id()
        assert len(threading.enumerate()) == among + MAX_OPEN_QUESTIONS
        release.set()
        answers: list[int] = []
        give_up = time.monotonic() + 10
        while not answers and time.monotonic() < give_up:
            with suppress(NodeAway):
                answers.append(node.chain_id())
        assert answers == [7]


# ---- TLS that completes ----


def answering(connection: socket.socket) -> None:
    read_until(b"eth_chainId", connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER))


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manner:
    """Answers over TLS, by a certificate for node.example and 127.0.0.1 that the verifier is told to believe."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("node.example"), x509.IPAddress(ip_address("127.0.0.1"))]), critical=True
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "node.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain) + certificate.public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def speak(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            answering(secured)

    return speak


def test_a_node_answers_over_tls_and_no_other_than_the_named_one(tls: Manner, monkeypatch: pytest.MonkeyPatch) -> None:
    with nothing_left(set(threading.enumerate()), sockets), served(tls) as port:
        assert JsonRpcNode(f"https://127.0.0.1:{port}").chain_id() == 7
        with pytest.raises(NodeAway, match="could not be reached"):
            JsonRpcNode(f"https://localhost:{port}").chain_id()
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(NodeAway, match="could not be reached"):
            JsonRpcNode(f"https://127.0.0.1:{port}").chain_id()


def test_a_proxy_of_the_environment_stands_between_and_the_node_still_proves_its_name(
    tls: Manner, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def proxy(connection: socket.socket) -> None:
        asked.append(read_until(b"\r\n\r\n", connection).split(b"\r\n")[0].split()[:2])
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        tls(connection)

    with nothing_left(set(threading.enumerate()), sockets), served(proxy) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        assert JsonRpcNode("https://node.example:8545").chain_id() == 7
        with pytest.raises(NodeAway, match="could not be reached"):
            JsonRpcNode("https://other.example:8545").chain_id()
    assert asked == [[b"CONNECT", b"node.example:8545"], [b"CONNECT", b"other.example:8545"]]
