"""A trust file is read as it was written, and every fault points at its field."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from greenlane.core.assets.places import AssetContracts
from greenlane.core.crypto import ed25519_public_key, sha256
from greenlane.core.errors import InvalidInput
from greenlane.core.note import Note, VerifierKey, parse_note, sign_note
from greenlane.core.seals import MAX_VALIDATOR_SETS, Sealing, ValidatorMode, ValidatorSet
from greenlane.core.trust import (
    MAX_TRUST_FILE_BYTES,
    LogKeyTerm,
    TrustedCenter,
    TrustFile,
    TrustFileInvalid,
    encode_trust_file,
    parse_trust_file,
)
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId
from hypothesis import given
from hypothesis import strategies as st

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
TIMES = st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0))


@st.composite
def sealings(draw: st.DrawFn) -> Sealing:
    first_blocks = draw(st.lists(st.integers(1, 2**53 - 1), min_size=1, max_size=4, unique=True))
    return Sealing(
        mode=draw(st.sampled_from(ValidatorMode)),
        sets=tuple(
            ValidatorSet(
                seals_from=BlockNumber(block), validators=tuple(draw(st.lists(ADDRESSES, min_size=1, max_size=4, unique=True)))
            )
            for block in sorted(first_blocks)
        ),
    )


@st.composite
def terms(draw: st.DrawFn, origin: str, seed: bytes) -> LogKeyTerm:
    first, second = sorted(draw(st.lists(TIMES, min_size=2, max_size=2, unique=True)))
    key = VerifierKey(name=origin, public_key=ed25519_public_key(seed))
    return LogKeyTerm(key=key, valid_from=first, valid_until=draw(st.sampled_from([None, second])))


def asset_contracts() -> st.SearchStrategy[AssetContracts]:
    pairs = st.lists(ADDRESSES, min_size=2, max_size=2, unique=True)
    return pairs.map(lambda pair: AssetContracts(green_asset=pair[0], evidence_register=pair[1]))


@st.composite
def trust_files(draw: st.DrawFn) -> TrustFile:
    names = draw(st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True), min_size=1, max_size=3, unique=True))
    return TrustFile(
        chain_id=ChainId(draw(st.integers(1, 2**53 - 1))),
        genesis_hash=draw(st.binary(min_size=32, max_size=32)),
        pilot_registry=draw(ADDRESSES),
        anchor_log=draw(ADDRESSES),
        assets=draw(st.none() | asset_contracts()),
        sealing=draw(st.none() | sealings()),
        centers=tuple(
            TrustedCenter(
                id=CenterId(name),
                name=draw(st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=20)),
                economy=draw(st.from_regex(r"[A-Z]{2}", fullmatch=True)),
                origin=f"log.example/{name}",
                log_keys=tuple(
                    draw(terms(f"log.example/{name}", sha256(bytes([number])))) for number in range(draw(st.integers(1, 2)))
                ),
            )
            for name in names
        ),
    )


def term(seed: int, valid_until: datetime | None) -> LogKeyTerm:
    key = VerifierKey(name="log.example/lima", public_key=ed25519_public_key(sha256(bytes([seed]))))
    return LogKeyTerm(key=key, valid_from=BEGIN, valid_until=valid_until)


LIMA = TrustedCenter(
    id=CenterId("lima"),
    name="Centro Piloto de Lima",
    economy="PE",
    origin="log.example/lima",
    log_keys=(term(1, BEGIN + YEAR), term(2, None)),
)
SEALING = Sealing(
    mode=ValidatorMode.CONTRACT,
    sets=(
        ValidatorSet(seals_from=BlockNumber(1), validators=(Address(bytes(20)),)),
        ValidatorSet(seals_from=BlockNumber(7), validators=(Address(bytes(20)), Address(b"\x01" * 20))),
    ),
)
ASSETS = AssetContracts(green_asset=Address(b"\x04" * 20), evidence_register=Address(b"\x03" * 20))
TRUST = TrustFile(
    chain_id=ChainId(1),
    genesis_hash=bytes(32),
    pilot_registry=Address(bytes(20)),
    anchor_log=Address(bytes(20)),
    assets=ASSETS,
    sealing=SEALING,
    centers=(LIMA,),
)


@given(trust_files())
def test_a_trust_file_is_read_as_it_was_written(trust: TrustFile) -> None:
    data = encode_trust_file(trust)
    assert parse_trust_file(data) == trust
    assert encode_trust_file(parse_trust_file(data)) == data


def broken(path: list[str | int], value: Any) -> bytes:
    document: Any = json.loads(encode_trust_file(TRUST))
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return json.dumps(document).encode()


SET: dict[str, Any] = json.loads(encode_trust_file(TRUST))["sealing"]["sets"][0]
CENTER: dict[str, Any] = json.loads(encode_trust_file(TRUST))["centers"][0]
CALLAO_KEY = VerifierKey(name="log.example/callao", public_key=ed25519_public_key(bytes(32))).encode()
CALLAO: dict[str, Any] = {
    **CENTER,
    "id": "callao",
    "origin": "log.example/callao",
    "logKeys": [{**CENTER["logKeys"][0], "key": CALLAO_KEY}],
}


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (["type"], "GreenlaneReceipt", "/type"),
        (["version"], 0, "/version"),
        (["more"], 1, "/more"),
        (["chainId"], 0, "/chainId"),
        (["genesisHash"], "0x00", "/genesisHash"),
        (["pilotRegistry"], None, "/pilotRegistry"),
        (["anchorLog"], 5, "/anchorLog"),
        (["assets"], [], "/assets"),
        (["assets"], {"greenAsset": "0x" + "01" * 20}, "/assets"),
        (["assets", "more"], 1, "/assets/more"),
        (["assets", "greenAsset"], None, "/assets/greenAsset"),
        (["assets", "greenAsset"], "0x" + "03" * 20, "/assets/evidenceRegister"),
        (["assets", "evidenceRegister"], "0x00", "/assets/evidenceRegister"),
        (["sealing"], [], "/sealing"),
        (["sealing"], {"mode": "contract"}, "/sealing"),
        (["sealing", "more"], 1, "/sealing/more"),
        (["sealing", "mode"], "votes", "/sealing/mode"),
        (["sealing", "mode"], None, "/sealing/mode"),
        (["sealing", "sets"], {}, "/sealing/sets"),
        (["sealing", "sets"], [], "/sealing/sets"),
        (["sealing", "sets"], [SET] * (MAX_VALIDATOR_SETS + 1), "/sealing/sets"),
        (["sealing", "sets"], [SET, SET], "/sealing/sets/1/sealsFrom"),
        (["sealing", "sets", 0], None, "/sealing/sets/0"),
        (["sealing", "sets", 0, "sealsFrom"], 0, "/sealing/sets/0/sealsFrom"),
        (["sealing", "sets", 1, "sealsFrom"], 1, "/sealing/sets/1/sealsFrom"),
        (["sealing", "sets", 0, "validators"], [], "/sealing/sets/0/validators"),
        (["sealing", "sets", 0, "validators"], [f"0x{number:040x}" for number in range(101)], "/sealing/sets/0/validators"),
        (["sealing", "sets", 0, "validators"], ["0x00"], "/sealing/sets/0/validators/0"),
        (["sealing", "sets", 0, "validators"], ["0x" + "00" * 20] * 2, "/sealing/sets/0/validators/1"),
        (["centers"], [], "/centers"),
        (["centers"], [CENTER, CENTER], "/centers/1"),
        (["centers"], [CENTER, {**CENTER, "id": "callao"}], "/centers/1"),
        (["centers"], [CENTER, {**CALLAO, "id": "lima"}], "/centers/1"),
        (["centers", 0, "id"], "Lima", "/centers/0/id"),
        (["centers", 0, "name"], "two\nlines", "/centers/0/name"),
        (["centers", 0, "name"], "\u001b[2J", "/centers/0/name"),
        (["centers", 0, "economy"], "pe", "/centers/0/economy"),
        (["centers", 0, "origin"], "two words", "/centers/0/origin"),
        (["centers", 0, "origin"], "log.example/callao", "/centers/0/logKeys/0/key"),
        (["centers", 0, "logKeys"], [], "/centers/0/logKeys"),
        (["centers", 0, "logKeys"], [CENTER["logKeys"][0]] * 2, "/centers/0/logKeys/1"),
        (["centers", 0, "logKeys", 0, "key"], "key", "/centers/0/logKeys/0/key"),
        (["centers", 0, "logKeys", 0, "validFrom"], "2026-01-01", "/centers/0/logKeys/0/validFrom"),
        (["centers", 0, "logKeys", 0, "validUntil"], "2026-01-01T00:00:00Z", "/centers/0/logKeys/0/validUntil"),
    ],
)
def test_a_fault_points_at_its_field(path: list[str | int], value: Any, where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_trust_file(broken(path, value))
    assert caught.value.where == where


@given(trust_files())
def test_a_file_of_an_earlier_release_is_one_of_a_network_without_green_assets(trust: TrustFile) -> None:
    document: Any = json.loads(encode_trust_file(trust))
    del document["assets"]
    assert parse_trust_file(json.dumps(document).encode()) == replace(trust, assets=None)
    # It is written as such from then on.
    assert json.loads(encode_trust_file(replace(trust, assets=None)))["assets"] is None


@pytest.mark.parametrize("data", [b"[]", b"null", b'"assets"', b"{}"])
def test_what_lacks_more_than_that_field_is_no_older_file(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_trust_file(data)


def test_two_centers_stand_side_by_side() -> None:
    trust = parse_trust_file(broken(["centers"], [CENTER, CALLAO]))
    assert trust.center(CenterId("callao")) == trust.centers[1]
    assert trust.center(CenterId("atlantis")) is None


def test_what_is_too_large_or_would_read_otherwise_is_refused() -> None:
    with pytest.raises(TrustFileInvalid):
        parse_trust_file(bytes(MAX_TRUST_FILE_BYTES + 1))
    listed: Any = list(SEALING.sets)
    with pytest.raises(TrustFileInvalid):
        encode_trust_file(replace(TRUST, sealing=replace(SEALING, sets=listed)))


def test_a_term_begins_with_its_first_second_and_ends_before_its_last() -> None:
    ended, current = LIMA.log_keys
    second = timedelta(seconds=1)
    assert not ended.covers(BEGIN - second)
    assert ended.covers(BEGIN)
    assert ended.covers(BEGIN + YEAR - second)
    assert not ended.covers(BEGIN + YEAR)
    assert current.covers(BEGIN + 100 * YEAR)


def test_of_two_keys_that_signed_the_one_without_an_end_counts() -> None:
    notes = [parse_note(sign_note("text\n", LIMA.origin, sha256(bytes([seed])))) for seed in (1, 2, 3)]
    by_ended, by_current, by_stranger = notes
    both = Note(text="text\n", signatures=by_ended.signatures + by_current.signatures)
    assert LIMA.key_claimed_by(by_ended) == LIMA.log_keys[0]
    assert LIMA.key_claimed_by(both) == LIMA.log_keys[1]
    assert LIMA.key_claimed_by(by_stranger) is None
