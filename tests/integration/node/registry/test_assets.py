"""Centers admit classes, stop all movements, and revoke evidence: each by its operator's own command, told in words."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.evm.bindings import EvidenceRegister, GreenAsset, NotThisContract
from greenlane.adapters.network_file import encode_network, load_network
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.facts import AssetClass
from greenlane.core.assets.quantity import Unit
from greenlane.core.exits import Exit
from greenlane_node.assets import motions
from greenlane_node.planning.plan import EVIDENCE_REGISTER, GREEN_ASSET
from worlds.registry import Command, RegistryWorld, Said

pytestmark = pytest.mark.chain

COCOA = AssetClass(
    id="cocoa-df",
    attribute="deforestation-free",
    unit=Unit(code="KGM", decimals=3),
    custody_model=CustodyModel.SEGREGATED,
    is_tradable=True,
    claim_days=365,
    name="Cocoa, free of deforestation",
)
OPTIONS = (
    *("--attribute", "deforestation-free", "--unit", "KGM", "--decimals", "3", "--custody-model", "segregated"),
    *("--tradable", "--claim-days", "365", "--name", "Cocoa, free of deforestation"),
)
TOML = """\
id = "cocoa-df"
attribute = "deforestation-free"
unit = "KGM"
decimals = 3
custody_model = "segregated"
tradable = true
claim_days = 365
name = "Cocoa, free of deforestation"
"""
AS_JSON = {
    "id": "cocoa-df",
    "attribute": "deforestation-free",
    "unit": "KGM",
    "decimals": 3,
    "custodyModel": "segregated",
    "isTradable": True,
    "claimDays": 365,
    "name": "Cocoa, free of deforestation",
}
NOBODYS = "0x" + "5a" * 32


@pytest.fixture
def asset(world: RegistryWorld) -> GreenAsset:
    return GreenAsset(world.web3, GREEN_ASSET)


def voted(said: Said) -> Any:
    assert said.code == Exit.GOOD, said.err
    return said.json()


def test_three_of_four_centers_admit_a_class_each_from_its_own_spelling(node: Command, asset: GreenAsset, tmp_path: Path) -> None:
    toml, as_json = tmp_path / "cocoa.toml", tmp_path / "cocoa.json"
    toml.write_text(TOML)
    as_json.write_text(json.dumps(AS_JSON))
    motions = []
    for center, words in (("lima", ["cocoa-df", *OPTIONS]), ("accra", [str(toml)]), ("osaka", [str(as_json)])):
        assert asset.asset_class("cocoa-df") is None
        told = voted(node(center, "assets", "propose-class", *words, "--json"))
        motions.append(told["motion"])
        assert (told["class"], told["voter"], told["was_so"]) == ("cocoa-df", center, False)
        if center != "osaka":
            assert told["carried"] is False
            assert told["voters"] == ["accra", "lima"][-len(motions) :]
            assert (told["votes"], told["needed"]) == (len(motions), 3)
            assert told["result"].startswith(f"{len(motions)} of 3 votes")
    assert len(set(motions)) == 1
    assert (told["carried"], told["result"]) == (True, "The class cocoa-df is admitted.")
    assert asset.asset_class("cocoa-df") == COCOA
    # Who comes too late, or again, sends nothing.
    for center in ("osaka", "tianjin"):
        again = voted(node(center, "assets", "propose-class", str(toml), "--json"))
        assert (again["carried"], again["was_so"], again["transaction"]) == (True, True, None)
    (row,) = voted(node("tianjin", "assets", "classes", "--json"))["classes"]
    assert row == {
        "class": "cocoa-df",
        "name": COCOA.name,
        "attribute": "deforestation-free",
        "unit": "KGM",
        "decimals": 3,
        "custody_model": "segregated",
        "tradable": True,
        "claim_days": 365,
        **{f"units_{name}": "0" for name in ("issued", "tradable", "escrowed", "retired", "cancelled")},
    }
    assert "Cocoa, free of deforestation" in node("tianjin", "assets", "classes").out


def test_a_vote_counts_once_and_another_content_is_another_motion(node: Command, asset: GreenAsset) -> None:
    words = ["assets", "propose-class", "cocoa-df", *OPTIONS]
    first = voted(node("lima", *words, "--json"))
    again = voted(node("lima", *words, "--json"))
    assert (again["was_so"], again["votes"]) == (True, 1)
    changed = list(words)
    changed[changed.index("365")] = "366"
    other = voted(node("accra", *changed, "--json"))
    assert other["motion"] != first["motion"]
    assert other["votes"] == 1
    look = voted(node("tianjin", *words, "--only-look", "--json"))
    assert (look["votes"], look["needed"], look["voters"], look["carried"]) == (1, 3, ["lima"], False)
    assert "votes: 1\n" in node("tianjin", *words, "--only-look").out
    assert asset.class_ids(0, 9) == ()


def test_a_class_of_that_name_with_another_content_is_refused_in_words(node: Command) -> None:
    words = ["assets", "propose-class", "cocoa-df", *OPTIONS]
    for center in ("lima", "accra", "osaka"):
        voted(node(center, *words, "--json"))
    words[words.index("365")] = "30"
    refused = node("tianjin", *words)
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("cocoa-df")


def test_a_pause_is_voted_and_ended(node: Command, asset: GreenAsset) -> None:
    for action, is_paused in (("pause", True), ("resume", False)):
        for votes, center in enumerate(("lima", "accra", "osaka"), 1):
            status = voted(node("tianjin", "assets", "status", "--json"))
            assert (status["paused"], status["motion_to"], status["votes"]) == (not is_paused, action, votes - 1)
            told = voted(node(center, "assets", action, "--json"))
            assert told["carried"] is (votes == 3)
        assert asset.is_paused() is is_paused
        assert voted(node("tianjin", "assets", action, "--json"))["was_so"] is True
    assert "All movements" not in node("tianjin", "assets", "resume").out


def test_votes_of_a_round_that_is_over_count_no_more(world: RegistryWorld, node: Command, asset: GreenAsset) -> None:
    assert voted(node("lima", "assets", "pause", "--json"))["expires"] is not None
    voted(node("accra", "assets", "pause", "--json"))
    world.let_pass(8 * 24 * 3600)
    told = voted(node("osaka", "assets", "pause", "--json"))
    assert (told["votes"], told["voters"]) == (1, ["osaka"])
    assert voted(node("lima", "assets", "pause", "--json"))["was_so"] is False
    assert not asset.is_paused()


def test_a_status_says_where_the_contracts_stand_and_that_their_code_is_ours(node: Command) -> None:
    told = voted(node("lima", "assets", "status", "--json"))
    assert (told["green_asset"], told["evidence_register"]) == ("0x" + GREEN_ASSET.hex(), "0x" + EVIDENCE_REGISTER.hex())
    assert (told["code_of_this_release"], told["paused"], told["classes"], told["statements"]) == (True, False, 0, 0)
    assert "paused: no\n" in node("lima", "assets", "status").out


def test_a_status_lists_every_open_motion_and_what_it_would_do(node: Command) -> None:
    assert voted(node("tianjin", "assets", "status", "--json"))["open_motions"] == []
    assert "motions" not in node("tianjin", "assets", "status").out
    motion = voted(node("lima", "assets", "propose-class", "cocoa-df", *OPTIONS, "--json"))["motion"]
    voted(node("accra", "assets", "propose-class", "cocoa-df", *OPTIONS, "--json"))
    shorter = [*OPTIONS]
    shorter[shorter.index("365")] = "30"
    other = voted(node("osaka", "assets", "propose-class", "cocoa-df", *shorter, "--json"))["motion"]
    pause = voted(node("osaka", "assets", "pause", "--json"))
    told = voted(node("tianjin", "assets", "status", "--json"))["open_motions"]
    # The newest vote first; two contents under one id are two motions.
    assert [(one["to"], one["about"], one["motion"]) for one in told] == [
        ("pause", None, pause["motion"]),
        ("propose-class", "cocoa-df", other),
        ("propose-class", "cocoa-df", motion),
    ]
    assert [(one["votes"], one["needed"], one["voters"]) for one in told] == [
        (1, 3, ["osaka"]),
        (1, 3, ["osaka"]),
        (2, 3, ["accra", "lima"]),
    ]
    assert [one["class"] and one["class"]["claim_days"] for one in told] == [None, 30, 365]
    assert told[2]["class"]["name"] == COCOA.name and told[2]["class"]["custody_model"] == "segregated"
    assert told[0]["expires"] == pause["expires"]
    words = node("tianjin", "assets", "status").out
    assert "2 of 3" in words and "accra, lima" in words
    assert "cocoa-df: deforestation-free, KGM with 3 decimals, segregated, tradable, 30 claim days, Cocoa, free" in words


def test_what_is_carried_overtaken_or_over_is_no_open_motion(world: RegistryWorld, node: Command) -> None:
    shorter = [*OPTIONS]
    shorter[shorter.index("365")] = "30"
    voted(node("tianjin", "assets", "propose-class", "cocoa-df", *shorter, "--json"))
    for center in ("lima", "accra", "osaka"):
        voted(node(center, "assets", "propose-class", "cocoa-df", *OPTIONS, "--json"))
    voted(node("lima", "assets", "pause", "--json"))
    # The class stands, so no other of its id can.
    (left,) = voted(node("tianjin", "assets", "status", "--json"))["open_motions"]
    assert left["to"] == "pause"
    world.let_pass(8 * 24 * 3600)
    assert voted(node("tianjin", "assets", "status", "--json"))["open_motions"] == []


def test_a_class_that_was_voted_for_by_no_call_of_ours_is_told_by_its_id(node: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    voted(node("lima", "assets", "propose-class", "cocoa-df", *OPTIONS, "--json"))
    # A call that describes another class than the one that was counted.
    monkeypatch.setattr(GreenAsset, "decode_vote_class", lambda data: replace(COCOA, claim_days=1))
    (told,) = voted(node("tianjin", "assets", "status", "--json"))["open_motions"]
    assert (told["about"], told["class"], told["votes"]) == ("cocoa-df", None, 1)
    assert "cocoa-df: its content is not to be seen here: ask who voted" in node("tianjin", "assets", "status").out


@pytest.mark.parametrize("data", [b"", b"\x12\x34\x56\x78", GreenAsset.encode_vote_pause(True)])
def test_what_is_no_vote_for_a_class_is_read_as_none(data: bytes) -> None:
    assert GreenAsset.decode_vote_class(GreenAsset.encode_vote_class(COCOA)) == COCOA
    with pytest.raises(NotThisContract):
        GreenAsset.decode_vote_class(data)
    with pytest.raises(NotThisContract):
        GreenAsset.decode_vote_class(GreenAsset.encode_vote_class(COCOA)[:-40])


def test_many_motions_are_listed_as_far_as_a_list_reaches(
    world: RegistryWorld, node: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(motions, "MOST_SHOWN", 2)
    monkeypatch.setattr(motions, "_WINDOW_BLOCKS", 2)
    for days in range(3):
        world.act("lima", GreenAsset.encode_vote_class(replace(COCOA, claim_days=days)), to=GREEN_ASSET)
    told = voted(node("tianjin", "assets", "status", "--json"))
    assert [one["class"]["claim_days"] for one in told["open_motions"]] == [2, 1]
    assert told["older_votes_not_looked_at"] is True


def test_motions_that_are_over_or_carried_hide_no_open_one(
    world: RegistryWorld, node: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(motions, "MOST_SHOWN", 2)
    voted(node("lima", "assets", "pause", "--json"))
    for days in (1, 2):
        world.act("lima", GreenAsset.encode_vote_class(replace(COCOA, claim_days=days)), to=GREEN_ASSET)
    for center in ("lima", "accra", "osaka"):
        voted(node(center, "assets", "propose-class", "cocoa-df", *OPTIONS, "--json"))
    # Three motions of the newest votes are carried or overtaken.
    told = voted(node("tianjin", "assets", "status", "--json"))
    assert [one["to"] for one in told["open_motions"]] == ["pause"]
    assert "older_votes_not_looked_at" not in told
    monkeypatch.setattr(motions, "MOST_LOOKED_AT", 3)
    told = voted(node("tianjin", "assets", "status", "--json"))
    assert (told["open_motions"], told["older_votes_not_looked_at"]) == ([], True)


def test_no_statement_that_was_never_admitted_is_challenged(node: Command) -> None:
    for words in (("challenge", NOBODYS, "--reason", "It is false."), ("status", NOBODYS)):
        said = node("lima", "assets", *words)
        assert said.code == Exit.USAGE
        assert said.is_one_fault("was ever admitted")


def test_a_center_that_is_out_has_no_vote(world: RegistryWorld, node: Command, admitted: None) -> None:
    """The fifth center keeps its key, and its vote counts only as long as it is active."""
    assert voted(node("valparaiso", "assets", "pause", "--json"))["votes"] == 1
    voted(node("lima", "propose", "suspension", "valparaiso", "--json"))
    for center in ("accra", "osaka", "tianjin"):
        node(center, "vote", "valparaiso")
    assert voted(node("lima", "assets", "status", "--json"))["votes"] == 0
    refused = node("valparaiso", "assets", "propose-class", "cocoa-df", *OPTIONS)
    assert refused.code == Exit.USAGE
    assert refused.is_one_fault("active center")


def test_a_network_of_an_earlier_release_has_nothing_to_vote_on(node: Command, homes: Callable[[str], Path]) -> None:
    file = homes("lima") / "network.json"
    file.write_bytes(encode_network(replace(load_network(file), assets=None)))
    for words in (["classes"], ["status"], ["status", NOBODYS], ["pause"], ["propose-class", "cocoa-df", *OPTIONS]):
        said = node("lima", "assets", *words)
        assert said.code == Exit.UNCHECKED
        assert said.is_one_fault("no contracts of green assets")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": "Cocoa"}, "no short name"),
        ({"attribute": ""}, "/attribute"),
        ({"unit": "kg"}, "/unit"),
        ({"decimals": 19}, "/unit"),
        ({"decimals": "3"}, "/decimals"),
        ({"custody_model": "pure"}, "mass-balance"),
        ({"tradable": "yes"}, "true or false"),
        ({"claim_days": 3_651}, "/claim_days"),
        ({"claim_days": -1}, "/claim_days"),
        ({"name": ""}, "/name"),
        ({"name": "é" * 65}, "128 bytes"),
        ({"name": "two\nlines"}, "/name"),
        ({"colour": "green"}, "colour"),
        ({"claim_days": None}, "/claim_days"),
    ],
    ids=str,
)
def test_what_is_no_class_is_refused_with_its_place_before_any_vote(
    node: Command, tmp_path: Path, change: dict[str, object], told: str
) -> None:
    plain = {**AS_JSON, "custody_model": "segregated", "tradable": True, "claim_days": 365} | change
    names = {"custody_model": "custodyModel", "tradable": "isTradable", "claim_days": "claimDays"}
    given = {name: value for name, value in plain.items() if name not in names and name not in names.values()}
    given |= {json_name: plain[name] for name, json_name in names.items()}
    file = tmp_path / "class.json"
    file.write_text(json.dumps(given))
    said = node("lima", "assets", "propose-class", str(file))
    assert said.code == Exit.USAGE
    assert said.is_one_fault(told) and str(file) in said.err


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("class.toml", b"id = ", "no TOML"),
        ("class.toml", b"\xff", "no TOML"),
        ("class.toml", b"id = 2026-01-01", "missing"),
        ("class.toml", TOML.replace("custody_model", "custodyModel").encode(), "custodyModel"),
        ("class.json", json.dumps({**AS_JSON, "claim_days": 3}).encode(), "claimDays for claim_days"),
        ("class.json", b"[]", "object"),
        ("class.json", b"{", "JSON"),
        ("class.json", b" " * 20_000, "16384"),
        ("missing.toml", None, "cannot be read"),
    ],
)
def test_a_file_that_holds_no_class_is_named(node: Command, tmp_path: Path, name: str, content: bytes | None, told: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    said = node("lima", "assets", "propose-class", str(file))
    assert said.code == Exit.USAGE
    assert said.is_one_fault(told) and str(file) in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("propose-class", "cocoa-df", *OPTIONS[2:]), "--attribute"),
        (("propose-class", "cocoa.toml", *OPTIONS), "no option goes with it"),
        (("propose-class", "Cocoa", *OPTIONS), "no short name"),
        (("propose-class", "cocoa-df", *OPTIONS[:-1], ""), "name"),
        (("propose-class",), "CLASS"),
        (("challenge", "0x12", "--reason", "no"), "no digest"),
        (("challenge", NOBODYS), "--reason"),
        (("status", "digest"), "hexadecimal"),
        ((), "ACTION"),
    ],
)
def test_wrong_words_are_one_line(node: Command, words: tuple[str, ...], told: str) -> None:
    said = node("lima", "assets", *words)
    assert said.code == Exit.USAGE
    assert said.is_one_fault(told)


def test_what_is_voted_for_is_what_the_contract_counts(asset: GreenAsset, world: RegistryWorld, node: Command) -> None:
    voted(node("lima", "assets", "propose-class", "cocoa-df", *OPTIONS, "--json"))
    register = EvidenceRegister(world.web3, EVIDENCE_REGISTER)
    assert register.tally(GreenAsset.class_motion(COCOA), asker=GREEN_ASSET).votes == 1
    assert register.tally(GreenAsset.class_motion(replace(COCOA, is_tradable=False)), asker=GREEN_ASSET).votes == 0
