"""A file of tokens is read strictly, each token goes to the node it is for, and nothing of it is ever told."""

from pathlib import Path

import pytest
from greenlane.adapters.evm.tokens import MAX_TOKEN_FILE_BYTES, RpcTokenFileInvalid, RpcTokens, node_name

ONE = "https://rpc-1.lima.example:8545"


def tokens(tmp_path: Path, text: str) -> RpcTokens:
    file = tmp_path / "tokens"
    file.write_text(text)
    return RpcTokens(file)


def test_a_token_alone_is_for_every_node(tmp_path: Path) -> None:
    read = tokens(tmp_path, "eyJhbGciOi.eyJwZXJt.c2ln-_=\n")
    assert read.token(ONE) == read.token("http://[::1]:1/x") == "eyJhbGciOi.eyJwZXJt.c2ln-_="


def test_a_token_with_an_address_is_for_that_node_and_others_get_the_one_alone(tmp_path: Path) -> None:
    read = tokens(tmp_path, f"# ours\n\n{ONE}/v1  one\nalone\n")
    assert read.token(ONE) == "one"
    assert read.token("HTTPS://rpc-1.LIMA.example:8545/other?x") == "one"
    assert read.token("http://rpc-1.lima.example:8545") == "alone"
    assert read.token("https://rpc-1.lima.example:8546") == "alone"


def test_without_a_token_alone_other_nodes_get_none(tmp_path: Path) -> None:
    assert tokens(tmp_path, f"{ONE} one").token("https://rpc-2.lima.example:8545") is None


def test_the_usual_port_may_be_left_out(tmp_path: Path) -> None:
    read = tokens(tmp_path, "https://a.example:443 one\nhttp://b.example two")
    assert (read.token("https://a.example"), read.token("http://b.example:80")) == ("one", "two")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n# only words\n",
        "s3cret two three",
        "s3cret two",
        f"{ONE} s3cr\u00e9t",
        f"{ONE} s3cret\n{ONE}/ s3cret",
        "s3cret\ns3cret",
        "s3cret!",
        "s3cret=x",
        "a" * 8_193,
        "a\n" * MAX_TOKEN_FILE_BYTES,
    ],
)
def test_what_is_no_file_of_tokens_is_refused_and_not_quoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(RpcTokenFileInvalid) as caught:
        tokens(tmp_path, text)
    assert "s3cr" not in str(caught.value)
    assert caught.value.remedy


def test_a_file_that_is_away_is_refused_at_first(tmp_path: Path) -> None:
    for file in (tmp_path / "none", tmp_path):
        with pytest.raises(RpcTokenFileInvalid):
            RpcTokens(file)


def test_a_file_that_changes_counts_at_once_and_one_that_breaks_leaves_what_was_read(tmp_path: Path) -> None:
    read = tokens(tmp_path, "one")
    fresh = tmp_path / "fresh"
    fresh.write_text("two")
    fresh.replace(tmp_path / "tokens")
    assert read.token(ONE) == "two"
    (tmp_path / "tokens").write_text("half a")
    assert read.token(ONE) == "two"
    (tmp_path / "tokens").unlink()
    assert read.token(ONE) == "two"
    (tmp_path / "tokens").write_text("three")
    assert read.token(ONE) == "three"


def test_what_is_shown_of_an_address_hides_its_secrets() -> None:
    assert node_name("https://user:pw@Node.example:8545/v1/key?x=y#z") == "https://node.example:8545"
    assert node_name("http://[::1]:8545") == "http://[::1]:8545"
    for url in ("http://[::1", "http://host:99999/secret"):
        assert "secret" not in node_name(url)
