"""One center that writes nonsense into the registry takes the trust file away from nobody."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from greenlane.adapters.evm.bindings import (
    CenterRecord,
    CenterStatus,
    LogKeyRecord,
    NotThisContract,
    PilotRegistry,
    UnixSeconds,
)
from greenlane.adapters.evm.trust import UNKNOWN_ECONOMY, read_trust
from greenlane.core.crypto import ed25519_public_key, sha256
from greenlane.core.trust import MAX_LOG_KEYS, TrustFile, encode_trust_file, parse_trust_file
from greenlane.core.units import Address, BlockNumber, CenterId, ChainId
from greenlane.ports.ledger import LedgerMismatch
from web3.types import BlockIdentifier

LIMA, TIANJIN = CenterId("lima"), CenterId("tianjin")
_NOBODY = Address(bytes(20))


def key(number: int) -> bytes:
    return ed25519_public_key(sha256(number.to_bytes(4, "big")))


def term(key_: bytes, start: int, end: int | None = None) -> LogKeyRecord:
    return LogKeyRecord(key=key_, valid_from=UnixSeconds(start), valid_until=None if end is None else UnixSeconds(end))


def record(id_: CenterId, **changes: str) -> CenterRecord:
    plain = CenterRecord(
        id=id_,
        status=CenterStatus.ACTIVE,
        economy="PE",
        operator=_NOBODY,
        anchorer=_NOBODY,
        validator=_NOBODY,
        log_key=key(0),
        name=id_.title(),
        origin=f"{id_}.example/log",
        endpoint="",
        enode="",
        term_start=UnixSeconds(1),
        term_end=None,
        revision=0,
        validator_rotated_at=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # only texts are changed


@dataclass
class Registry(PilotRegistry):
    """A registry that holds what a test says; None stands for an answer that is none of the registry's contract."""

    centers: Mapping[CenterId, CenterRecord | None]
    keys: Mapping[CenterId, list[LogKeyRecord]]
    address: Address = field(default=_NOBODY)

    def center_ids(self, offset: int, limit: int, block: BlockIdentifier = "latest") -> tuple[CenterId, ...]:
        return tuple(self.centers)[offset : offset + limit]

    def center(self, center: CenterId, block: BlockIdentifier = "latest") -> CenterRecord | None:
        if self.centers[center] is None:
            raise NotThisContract("100 bytes are no answer of PilotRegistry.center.")
        return self.centers[center]

    def log_keys(self, center: CenterId, block: BlockIdentifier = "latest") -> tuple[LogKeyRecord, ...]:
        return tuple(self.keys[center])


def trust_of(lima: list[LogKeyRecord], lima_record: CenterRecord | None = None, *, is_unreadable: bool = False) -> TrustFile:
    centers = {TIANJIN: record(TIANJIN), LIMA: None if is_unreadable else lima_record or record(LIMA)}
    registry = Registry(centers=centers, keys={TIANJIN: [term(key(0), 1)], LIMA: lima})
    trust = read_trust(
        registry,
        chain_id=ChainId(1),
        genesis_hash=bytes(32),
        anchor_log=_NOBODY,
        assets=None,
        sealing=None,
        block=BlockNumber(1),
    )
    assert parse_trust_file(encode_trust_file(trust)) == trust
    assert trust.centers[0].id == TIANJIN
    return trust


def lima_keys(trust: TrustFile) -> list[bytes]:
    center = trust.center(LIMA)
    return [] if center is None else [one.key.public_key for one in center.log_keys]


_NO_KEY = b"\x01" + bytes(31)


@pytest.mark.parametrize(
    ("terms", "left"),
    [
        ([term(key(1), 1)], [1]),
        ([term(key(1), 1, 5), term(_NO_KEY, 5)], [1]),
        ([term(key(1), 1, 5), term(_NO_KEY, 5, 9), term(key(2), 9)], [1, 2]),
        ([term(key(1), 1, 5), term(key(2), 5, 5), term(key(3), 5)], [1, 3]),
        ([term(key(1), 5, 5), term(key(2), 5)], [2]),
        ([term(key(1), 1, 5), term(key(1), 5)], [1]),
        ([term(_NO_KEY, 1)], []),
        ([], []),
        ([term(key(n), n, n + 1) for n in range(1, 200)] + [term(key(200), 200)], list(range(201 - MAX_LOG_KEYS, 201))),
    ],
)
def test_only_log_keys_that_no_signature_can_fit_are_left_out(terms: list[LogKeyRecord], left: list[int]) -> None:
    assert lima_keys(trust_of(terms)) == [key(number) for number in left]


@pytest.mark.parametrize(
    ("changes", "name", "economy"),
    [
        ({"name": "two\nlines"}, "lima", "PE"),
        ({"name": "\u202eamil"}, "lima", "PE"),
        ({"name": "\x1b[2J"}, "lima", "PE"),
        ({"name": "\ud800"}, "lima", "PE"),
        ({"name": ""}, "lima", "PE"),
        ({"name": "n" * 201}, "lima", "PE"),
        ({"name": "Lim\ufffd"}, "Lim\ufffd", "PE"),
        ({"economy": "\ufffd\ufffd"}, "lima", UNKNOWN_ECONOMY),
        ({"economy": "", "name": "\x00"}, "lima", UNKNOWN_ECONOMY),
        ({"endpoint": "\ufffd\x1b[2J", "enode": "\x00"}, "Lima", "PE"),
    ],
    ids=repr,
)
def test_a_text_that_cannot_be_shown_takes_no_centers_keys_away(changes: dict[str, str], name: str, economy: str) -> None:
    trust = trust_of([term(key(1), 1, 5), term(key(2), 5)], record(LIMA, **changes))
    assert lima_keys(trust) == [key(1), key(2)]
    center = trust.center(LIMA)
    assert center is not None
    assert (center.name, center.economy, center.origin) == (name, economy, "lima.example/log")


def test_a_name_that_gave_way_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        trust_of([term(key(1), 1)], record(LIMA, name="n" * 777))
        trust_of([term(key(1), 1)], record(LIMA, name="n" * 777))
    (line,) = caplog.records
    assert (line.message, line.__dict__["center"], line.__dict__["code"]) == ("trust.center_text_replaced", LIMA, "field-invalid")


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "with space"},
        {"origin": "a+b"},
        {"origin": ""},
        {"origin": "o" * 256},
        {"origin": "lima.example/\x1b[2J"},
        {"origin": "lima.example/\ufffd"},
        {"origin": "tianjin.example/log"},
    ],
    ids=repr,
)
def test_a_center_with_an_origin_that_names_no_log_is_left_out_and_told(
    changes: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert lima_keys(trust_of([term(key(1), 1)], record(LIMA, **changes))) == []
    # Of the same fault nothing is told twice.
    assert {line.__dict__["center"] for line in caplog.records} <= {LIMA}


def test_a_node_that_gives_no_answer_about_a_center_does_not_make_it_unknown() -> None:
    with pytest.raises(NotThisContract):
        trust_of([term(key(1), 1)], is_unreadable=True)


def test_what_is_left_out_after_a_key_was_changed_leaves_what_was_proven_before() -> None:
    before = lima_keys(trust_of([term(key(1), 1)]))
    for later in (_NO_KEY, key(1)):
        trust = trust_of([term(key(1), 1, 5), term(later, 5)], record(LIMA, endpoint="\ufffd", enode="\ufffd"))
        assert lima_keys(trust) == before


def test_what_is_left_out_is_told_by_name_and_once(caplog: pytest.LogCaptureFixture) -> None:
    fresh = b"\x01" + bytes(30) + b"\x80"
    for _ in range(3):
        trust_of([term(key(1), 1, 5), term(fresh, 5)])
    (line,) = caplog.records
    assert (line.message, line.__dict__["center"], fresh.hex() in line.__dict__["detail"]) == (
        "trust.log_key_left_out",
        LIMA,
        True,
    )


def test_a_registry_without_any_usable_center_is_no_ones_input_fault() -> None:
    registry = Registry(centers={LIMA: record(LIMA)}, keys={LIMA: [term(_NO_KEY, 1)]})
    with pytest.raises(LedgerMismatch):
        read_trust(
            registry,
            chain_id=ChainId(1),
            genesis_hash=bytes(32),
            anchor_log=_NOBODY,
            assets=None,
            sealing=None,
            block=BlockNumber(1),
        )
