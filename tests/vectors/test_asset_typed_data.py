"""What members sign for green assets is what EIP-712 says, by an implementation of others; so is the ABI beneath it."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from greenlane.core.assets.act import SALT_BYTES, SIGNATURE_BYTES, Act
from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement, evidence_entry, text_digest
from greenlane.core.assets.facts import escrow_id_of
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.retirement import retirement_digest, retirement_id
from greenlane.core.assets.typed_data import Domain, NotEncodable, TypedValue, signer_of, word
from greenlane.core.crypto import keccak256, sha256
from greenlane.core.units import Address, ChainId
from hypothesis import given
from hypothesis import strategies as st
from worlds.green_assets import (
    DOMAIN,
    OTHER_LOT,
    account_of,
    origin,
    retirement_facts,
    secret_of,
    sign_evidence,
    statement,
)

ACT = Act(account=account_of("somebody"), salt=bytes(range(SALT_BYTES)), not_after=1_790_000_600, call=b"\x01\x02\x03")
CASES: list[tuple[str, TypedValue]] = [
    ("act", ACT.typed()),
    ("act without a call", replace(ACT, call=b"").typed()),
    ("lot", statement().typed()),
    ("serials", statement(lot=None, origin=origin(1, 9_007_199_254_740_991)).typed()),
    ("both", statement(origin=origin(5, 5, "gec")).typed()),
    ("largest", statement(quantity=2**128 - 1, unit=Unit(code="KWH", decimals=18)).typed()),
]


def digest_by_others(typed: dict[str, Any]) -> bytes:
    """The same by eth_account."""
    signable = encode_typed_data(full_message=json.loads(json.dumps(typed)))
    return keccak256(b"\x19" + signable.version + signable.header + signable.body)


@pytest.mark.parametrize("typed", [typed for _, typed in CASES], ids=[name for name, _ in CASES])
def test_a_digest_is_that_of_a_wallet(typed: TypedValue) -> None:
    assert typed.digest(DOMAIN) == digest_by_others(typed.typed_data(DOMAIN))


def test_a_wallet_gets_numbers_and_bytes_as_text() -> None:
    message: Any = statement().typed().typed_data(DOMAIN)["message"]
    assert message["quantity"] == "12500"
    assert message["economy"] == "0x5045"
    assert message["centerId"] == "0x6c696d61" + "00" * 28


@given(
    account=st.binary(min_size=20, max_size=20),
    salt=st.binary(min_size=32, max_size=32),
    not_after=st.integers(0, 2**64 - 1),
    call=st.binary(max_size=200),
    chain_id=st.integers(1, 2**53 - 1),
    contract=st.binary(min_size=20, max_size=20),
)
def test_any_act_has_the_digest_of_a_wallet(
    account: bytes, salt: bytes, not_after: int, call: bytes, chain_id: int, contract: bytes
) -> None:
    act = Act(account=Address(account), salt=salt, not_after=not_after, call=call)
    domain = Domain(chain_id=ChainId(chain_id), contract=Address(contract))
    assert act.digest(domain) == digest_by_others(act.typed().typed_data(domain))


OTHERS: dict[str, Any] = {
    "id": "urn:uuid:0",
    "center": "accra",
    "certifier": account_of("another"),
    "holder": account_of("another"),
    "class_id": "cocoa",
    "attribute": "organic",
    "unit": Unit(code="TNE", decimals=3),
    "quantity": 12_501,
    "lot": OTHER_LOT,
    "facility": OTHER_LOT,
    "vintage_from": date(2026, 4, 2),
    "vintage_to": date(2026, 6, 29),
    "custody_model": CustodyModel.SEGREGATED,
    "origin": origin(1, 1),
    "certificate_digest": sha256(b"other"),
    "economy": "CO",
}


@pytest.mark.parametrize("field", EvidenceStatement.__dataclass_fields__)
def test_every_field_of_a_statement_changes_its_digest(field: str) -> None:
    changed = replace(statement(), **{field: OTHERS[field]})
    assert changed.digest(DOMAIN) != statement().digest(DOMAIN)


def test_decimals_and_each_part_of_an_origin_change_the_digest() -> None:
    told = statement(origin=origin(1, 9))
    others = [
        replace(told, unit=Unit(code="KGM", decimals=2)),
        replace(told, origin=origin(2, 9)),
        replace(told, origin=origin(1, 8)),
        replace(told, origin=origin(1, 9, "gec")),
        replace(told, lot=None),
    ]
    assert len({of.digest(DOMAIN) for of in (told, *others)}) == 1 + len(others)


@pytest.mark.parametrize(
    "changes",
    [{"account": account_of("x")}, {"salt": bytes(32)}, {"not_after": 1}, {"call": b"\x01\x02"}],
    ids=lambda changes: next(iter(changes)),
)
def test_every_field_of_an_act_changes_its_digest(changes: dict[str, Any]) -> None:
    assert replace(ACT, **changes).digest(DOMAIN) != ACT.digest(DOMAIN)


def test_a_signature_counts_for_one_contract_of_one_chain() -> None:
    other_chain = replace(DOMAIN, chain_id=ChainId(1))
    other_contract = replace(DOMAIN, contract=account_of("another contract"))
    assert len({ACT.digest(domain) for domain in (DOMAIN, other_chain, other_contract)}) == 3


def test_a_struct_is_hashed_as_the_contract_encodes_it() -> None:
    typed = statement(origin=origin(3, 4)).typed()
    types = ["bytes32", *(kind for kind, _, _ in typed.fields)]
    values = [keccak256(typed.type_text.encode()), *(value for _, _, value in typed.fields)]
    assert typed.struct_hash() == keccak256(encode(types, values))
    assert len(typed.fields) == 19


def test_a_retirement_has_the_id_and_the_digest_of_the_contract() -> None:
    facts = retirement_facts()
    assert facts.id == keccak256(encode(["address", "bytes32"], [facts.holder, facts.ref]))
    request = "(uint256,uint128,address,bytes32,uint32,uint32,bytes32,bytes32,bytes32)"
    asked = (
        int.from_bytes(facts.token, "big"),
        facts.quantity,
        facts.claimant,
        facts.beneficiary,
        (facts.claim_from - date(1970, 1, 1)).days,
        (facts.claim_to - date(1970, 1, 1)).days,
        facts.lot,
        facts.line_digest,
        facts.ref,
    )
    struct = (facts.holder, int(facts.retired_at.timestamp()), asked)
    assert retirement_digest(facts) == keccak256(encode([f"(address,uint64,{request})"], [struct]))
    others: list[dict[str, Any]] = [
        {"claimant": account_of("x")},
        {"token": bytes(32)},
        {"quantity": 1},
        {"beneficiary": sha256(b"x")},
        {"claim_from": date(2026, 4, 2)},
        {"claim_to": date(2026, 12, 30)},
        {"lot": bytes(32)},
        {"line_digest": bytes(32)},
        {"ref": bytes(32)},
    ]
    assert len({retirement_digest(replace(facts, **changes)) for changes in (*others, {})}) == 1 + len(others)


def test_an_escrow_has_the_id_of_the_contract() -> None:
    seller, buyer, line = account_of("seller"), account_of("buyer"), sha256(b"line")
    assert escrow_id_of(seller, buyer, line) == keccak256(encode(["address", "address", "bytes32"], [seller, buyer, line]))
    assert retirement_id(seller, line) != retirement_id(buyer, line)


def test_the_entry_of_a_statement_is_its_id_and_its_digest() -> None:
    entry = evidence_entry(statement(), DOMAIN)
    assert entry.encode() == b"\x05" + sha256(statement().id.encode()) + statement().digest(DOMAIN)
    assert text_digest("á") == sha256("á".encode())


def test_a_signature_names_its_signer_in_one_spelling_only() -> None:
    digest, signature = statement().digest(DOMAIN), sign_evidence(statement())
    assert signer_of(digest, signature) == statement().certifier
    assert signer_of(sha256(b"other"), signature) != statement().certifier
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    upper = (order - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
    spellings = [
        signature[:-1],
        signature + b"\x00",
        signature[:-1] + bytes([signature[-1] - 27]),
        signature[:-1] + b"\x1d",
        signature[:32] + upper + bytes([55 - signature[-1]]),
        bytes(64) + b"\x1b",
    ]
    assert [signer_of(digest, spelling) for spelling in spellings] == [None] * len(spellings)


def test_an_act_knows_its_account_s_signature() -> None:
    signature = bytes(Account.unsafe_sign_hash(ACT.digest(DOMAIN), secret_of("somebody")).signature)
    assert len(signature) == SIGNATURE_BYTES
    assert ACT.is_signed(DOMAIN, signature)
    assert not ACT.is_signed(replace(DOMAIN, chain_id=ChainId(1)), signature)
    assert not replace(ACT, account=account_of("another")).is_signed(DOMAIN, signature)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint8", 256),
        ("uint128", -1),
        ("uint128", 2**128),
        ("address", bytes(19)),
        ("address", bytes(32)),
        ("bytes32", bytes(31)),
        ("bytes2", b"PER"),
        ("bytes33", bytes(33)),
        ("uint8", b"\x01"),
        ("bytes2", 5),
        ("string", b"text"),
    ],
)
def test_what_does_not_fit_its_type_is_refused(kind: str, value: int | bytes) -> None:
    with pytest.raises(NotEncodable, match=kind):
        word(kind, value)


def test_a_value_stands_on_its_side_of_the_word() -> None:
    for kind, value in (("uint64", 7), ("address", account_of("x")), ("bytes2", b"PE"), ("bytes32", sha256(b""))):
        assert word(kind, value) == encode([kind], [value])
    assert word("bytes", b"abc") == keccak256(b"abc")
