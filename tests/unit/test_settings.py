"""The environment is read once and strictly: what is unknown or unusable stops the start, all of it in one message."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from greenlane.core.errors import Faults
from greenlane.settings import Settings, read_settings
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = {
    "PORT": (1, 65_535),
    "MAX_BODY_BYTES": (1024, 1024**3),
    "MAX_EVENTS": (1, 1_000_000),
    "MAX_UNPUBLISHED": (1, 100_000_000),
    "MAX_DOCUMENT_BYTES": (1024, 64 * 1024**3),
    "MAX_UPLOADS": (1, 100_000),
    "MAX_STAGED_BYTES": (1024, 100 * 1024**4),
    "UPLOAD_KEPT_S": (60, 2_592_000),
    "MAX_HELD_BYTES": (1024, 100 * 1024**4),
    "RECONCILE_INTERVAL_S": (1, 86_400),
    "KEY_RATE": (1, 10_000_000),
    "PUBLIC_RATE": (1, 10_000_000),
    "POLL_INTERVAL_S": (0.01, 60),
    "RECHECK_INTERVAL_S": (1, 3600),
}


def read(**given: str) -> Settings:
    return read_settings({f"GREENLANE_{name}": value for name, value in given.items()})


def faults(environment: Mapping[str, str]) -> list[str | None]:
    with pytest.raises(Faults) as refused:
        read_settings(environment)
    assert all(fault.detail and fault.remedy for fault in refused.value.faults)
    return [fault.where for fault in refused.value.faults]


def test_without_any_variable_the_defaults_serve_this_machine_alone() -> None:
    settings = read_settings({"PATH": "/bin", "GREENLAND_HOME": "elsewhere"})
    assert settings.host == "127.0.0.1"
    assert settings.home == Path("var/greenlane").absolute()
    assert settings.database_url == f"sqlite:///{settings.home / 'greenlane.sqlite3'}"
    assert settings.password_file == settings.home / "password"
    assert settings.public_url == "http://127.0.0.1:8600"
    assert (settings.rpc_urls, settings.trusted_proxies) == ((), ())
    assert settings.rpc_token_file is None


def test_metrics_are_for_this_machine_unless_addresses_and_networks_are_named() -> None:
    def allowed(**given: str) -> list[str]:
        return [str(network) for network in read(**given).metrics_allowed]

    assert allowed() == ["127.0.0.0/8", "::1/128"]
    assert allowed(PUBLIC_URL="https://greenlane.example") == []
    for host in ("]", "::g", "a b/["):
        assert faults({"GREENLANE_HOST": host, "GREENLANE_PORT": "0"})
    assert allowed(METRICS_ALLOWED="") == []
    assert allowed(METRICS_ALLOWED="10.0.0.7, 172.16.0.0/12,fd00::/8") == ["10.0.0.7/32", "172.16.0.0/12", "fd00::/8"]
    for wrong in ("prometheus", "10.0.0.7/8", "10.0.0.0/33", "10.0.0.1;10.0.0.2", "::1/129"):
        assert faults({"GREENLANE_METRICS_ALLOWED": wrong}) == ["GREENLANE_METRICS_ALLOWED"]


def test_every_fault_is_told_at_once_each_with_its_variable_and_remedy() -> None:
    told = faults(
        {
            "GREENLANE_PORT": "0",
            "GREENLANE_MAX_EVENTS": "many",
            "GREENLANE_PUBLIC_URL": "ftp://host",
            "GREENLANE_RPC_URLS": "http://node:8545,node:8545",
            "GREENLANE_DATABASE_URL": "mysql://host/x",
            "GREENLANE_LOG_LEVEL": "LOUD",
            "GREENLANE_COLOUR": "green",
        }
    )
    assert sorted(filter(None, told)) == sorted(
        f"GREENLANE_{name}" for name in ("PORT", "MAX_EVENTS", "PUBLIC_URL", "RPC_URLS", "DATABASE_URL", "LOG_LEVEL", "COLOUR")
    )


@pytest.mark.parametrize("name", ["HOMES", "home", "", "PORT ", "MAX_EVENT"])
def test_a_misspelt_variable_is_never_taken_for_a_default(name: str) -> None:
    assert faults({f"GREENLANE_{name}": "x"}) == [f"GREENLANE_{name}"]


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_hold_their_bounds(name: str) -> None:
    low, high = NUMBERS[name]
    attribute = name.lower()
    assert getattr(read(**{name: str(low)}), attribute) == low
    assert getattr(read(**{name: str(high)}), attribute) == high
    wrong = [f"{low - low / 2:f}".rstrip("0") if low < 1 else str(low - 1), str(high + 1)]
    for text in [*wrong, "-1", "", " ", "1e3", "0x10", "nan", "inf", "٣", "1_000", "9" * 400]:
        assert faults({f"GREENLANE_{name}": text}) == [f"GREENLANE_{name}"], text


@pytest.mark.parametrize("name", [name for name in NUMBERS if not name.endswith("INTERVAL_S")])
def test_half_a_port_or_event_is_refused_and_not_rounded(name: str) -> None:
    assert faults({f"GREENLANE_{name}": "2000.5"}) == [f"GREENLANE_{name}"]


@pytest.mark.parametrize(
    "url",
    ["", "host", "//host", "http://", "http://[::1", "http://host:port", "http://host:99999", "https:///path", "javascript:x"],
)
def test_what_is_no_url_is_a_fault_and_no_crash(url: str) -> None:
    assert faults({"GREENLANE_PUBLIC_URL": url}) == ["GREENLANE_PUBLIC_URL"]
    if url:
        assert faults({"GREENLANE_RPC_URLS": f"http://node:8545,{url}"}) == ["GREENLANE_RPC_URLS"]


def test_documents_lie_at_home_unless_a_node_is_named_and_only_types_that_run_nothing_are_taken(tmp_path: Path) -> None:
    settings = read()
    assert (settings.documents_url, settings.documents_token_file, settings.partners_file) == (None, None, None)
    assert {"application/pdf", "image/jpeg", "text/csv"} <= settings.document_types
    assert not {"text/html", "image/svg+xml", "application/zip", "application/x-sh"} & settings.document_types
    assert read(DOCUMENTS_URL="http://127.0.0.1:5001/").documents_url == "http://127.0.0.1:5001"
    assert faults({"GREENLANE_DOCUMENTS_URL": "kubo:5001"}) == ["GREENLANE_DOCUMENTS_URL"]
    assert read(DOCUMENT_TYPES="application/pdf, text/html").document_types == {"application/pdf", "text/html"}
    for wrong in ("", ",", "pdf", "application/pdf;v=1", "Application/PDF", "*/*"):
        assert faults({"GREENLANE_DOCUMENT_TYPES": wrong}) == ["GREENLANE_DOCUMENT_TYPES"], wrong
    for name in ("DOCUMENTS_TOKEN_FILE", "PARTNERS_FILE"):
        assert faults({f"GREENLANE_{name}": str(tmp_path / "none")}) == [f"GREENLANE_{name}"]


def test_lists_are_split_at_commas_in_order() -> None:
    settings = read(RPC_URLS="http://b:1 , http://a:2,", TRUSTED_PROXIES="10.0.0.1,10.0.0.2")
    assert settings.rpc_urls == ("http://b:1", "http://a:2")
    assert settings.trusted_proxies == ("10.0.0.1", "10.0.0.2")


def test_a_public_url_ends_without_a_slash_and_brackets_an_ipv6_address() -> None:
    assert read(PUBLIC_URL="https://lima.example/").public_url == "https://lima.example"
    assert read(HOST="::1").public_url == "http://[::1]:8600"


def test_a_database_url_with_a_password_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql+psycopg://greenlane:secret@db/greenlane\n")
    assert read(DATABASE_URL_FILE=str(file)).database_url == "postgresql+psycopg://greenlane:secret@db/greenlane"


def test_tokens_for_nodes_are_named_by_their_file_and_never_kept_in_settings(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("eyJhbGciOi.secret\n")
    settings = read(RPC_TOKEN_FILE=str(file))
    assert settings.rpc_token_file == file
    assert "secret" not in repr(settings)


def test_a_token_file_that_is_away_unreadable_or_empty_stops_the_start(tmp_path: Path) -> None:
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text(" \n")
    binary.write_bytes(b"\xff\xfe")
    for name in (tmp_path / "none", tmp_path, empty, binary):
        assert faults({"GREENLANE_RPC_TOKEN_FILE": str(name)}) == ["GREENLANE_RPC_TOKEN_FILE"]


def test_a_secret_file_that_cannot_be_read_is_a_fault_that_tells_no_secret(tmp_path: Path) -> None:
    binary = tmp_path / "url"
    binary.write_bytes(b"\xff\xfe")
    for name in (str(tmp_path / "none"), str(tmp_path), str(binary)):
        assert faults({"GREENLANE_DATABASE_URL_FILE": name}) == ["GREENLANE_DATABASE_URL_FILE"]
    wrong = tmp_path / "wrong"
    wrong.write_text("mysql://root:hunter2@db/x")
    with pytest.raises(Faults) as refused:
        read(DATABASE_URL_FILE=str(wrong))
    assert "hunter2" not in str(refused.value)


@given(
    st.dictionaries(
        st.sampled_from([*NUMBERS, "HOME", "HOST", "PUBLIC_URL", "RPC_URLS", "LOG_LEVEL", "DATABASE_URL", "TRUSTED_PROXIES"]),
        st.text(max_size=30),
    )
)
def test_any_text_is_read_or_refused_and_never_a_crash(given_texts: dict[str, str]) -> None:
    try:
        read(**given_texts)
    except Faults as refused:
        assert {fault.where for fault in refused.faults} <= {f"GREENLANE_{name}" for name in given_texts} | {
            "GREENLANE_PUBLIC_URL"
        }
