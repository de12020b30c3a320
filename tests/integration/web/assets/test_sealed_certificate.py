"""On a sealed chain a certificate carries what proves its retirement, as soon as the lane of seals has brought it, and once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from greenlane.core.assets.retirement import parse_certificate, retirement_digest
from greenlane.core.errors import ProofRefused
from greenlane.core.seals import SealedState, ValidatorMode
from greenlane.ports.ledger import LedgerUnavailable
from greenlane.verify.judgement import Rung, Verdict
from greenlane.verify.retirement import judge_certificate
from worlds.deployment import LIMA, World, close_world, make_world, sealed_chain
from worlds.trade import Trade
from worlds.web import serve


@pytest.fixture(params=list(ValidatorMode))
def trade(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trade]:
    world = make_world(tmp_path, sealed=sealed_chain(request.param))
    world.ledger.mine()
    with serve(world) as site:
        yield Trade.over(site)
    close_world(world)


def retired(trade: Trade) -> str:
    """A retirement that is certified and anchored, and not sealed yet."""
    token = trade.issued("10")
    named = trade.accepted(trade.retire(token, key=trade.seller))["asked"]["retirement"]
    trade.site.world.settle()
    return str(named)


def certificate(trade: Trade, named: str) -> bytes:
    answer = trade.site.get(f"/v1/retirements/{named}/certificate")
    assert answer.status_code == 200, answer.text
    return answer.content


def kept(world: World, named: str) -> SealedState | None:
    with world.store.read() as tx:
        return tx.purchases.retirement_seal(bytes.fromhex(named[2:]))


def test_a_certificate_proves_itself_offline_once_its_seals_were_brought(trade: Trade) -> None:
    world, named = trade.site.world, retired(trade)
    before = certificate(trade, named)
    assert parse_certificate(before).seals is None
    trust = world.watch_keys()
    assert judge_certificate(before, trust, ask=[]).step(Rung.RETIRED).verdict is Verdict.NOT_CHECKED
    world.gather_seals()
    data = certificate(trade, named)
    judgement = judge_certificate(data, world.watch_keys(), ask=[])
    assert judgement.verdict is Verdict.PASSED, [step.words for step in judgement.steps]
    assert judgement.retired is not None
    assert world.fsck().faults == []


def test_seals_are_brought_once_and_followed_through_changes_of_the_validators(trade: Trade) -> None:
    world, named = trade.site.world, retired(trade)
    trust = world.watch_keys()
    for count in (5, 6):
        world.ledger.change_validators(count)
    world.ledger.mine()
    world.gather_seals()
    first, asked = kept(world, named), len(world.ledger.asked)
    assert first is not None
    world.ledger.mine()
    world.gather_seals()
    assert kept(world, named) == first
    assert "sealed_retirement" not in world.ledger.asked[asked:]
    seals = parse_certificate(certificate(trade, named)).seals
    assert seals is not None and len(seals.changes) == 2
    assert judge_certificate(certificate(trade, named), trust, ask=[]).verdict is Verdict.PASSED, "an old trust file follows"


def test_what_a_node_makes_up_is_not_kept_and_the_certificate_goes_out_without(trade: Trade) -> None:
    world, named = trade.site.world, retired(trade)
    chain, digits = world.ledger.sealed, bytes.fromhex(named[2:])
    assert chain is not None and world.seal is not None
    honest = world.ledger.sealed_retirement(digits)
    forged = chain.sealed(chain.head, chain.members(1)).encode()
    for bent in (
        SealedState(header=forged, witness=honest.witness),
        SealedState(header=honest.header, witness=honest.witness[:-1]),
        chain.sealed_anchor(LIMA, world.ledger.anchored[-1].tree_size),
    ):
        world.ledger.bent_states[digits] = bent
        with pytest.raises(ProofRefused):
            world.seal(LIMA)
        assert kept(world, named) is None
        assert parse_certificate(certificate(trade, named)).seals is None
    del world.ledger.bent_states[digits]
    world.gather_seals()
    assert kept(world, named) is not None


def test_a_chain_that_is_away_or_behind_holds_nothing_up(trade: Trade) -> None:
    world, named = trade.site.world, retired(trade)
    assert world.seal is not None
    world.ledger.is_away = True
    with pytest.raises(LedgerUnavailable):
        world.seal(LIMA)
    world.ledger.is_away = False
    world.ledger.retired.clear()
    assert world.seal(LIMA).kept > 0, "anchors are sealed though a node knows no such retirement yet"
    assert (world.seal(LIMA).is_current, kept(world, named)) == (True, None)
    world.ledger.retired.add(bytes.fromhex(named[2:]))
    assert (world.seal(LIMA).kept, world.seal(LIMA).kept) == (1, 0)


def test_seals_that_were_damaged_in_the_store_are_never_handed_out(trade: Trade) -> None:
    world, named = trade.site.world, retired(trade)
    world.gather_seals()
    good = kept(world, named)
    assert good is not None
    with world.store.write() as tx:
        other = tx.seals.sealed(LIMA, world.ledger.anchored[-1].tree_size)
    assert other is not None
    with world.store.read() as tx:
        (own,) = tx.purchases.walk_retirements(LIMA, start=0, limit=2)  # type: ignore[arg-type]
    assert retirement_digest(own.statement.facts) not in b"".join(other.witness)
    assert world.damage("UPDATE retirement_seal SET state = (SELECT sealed_state FROM anchor LIMIT 1)") == 1
    answer = trade.site.get(f"/v1/retirements/{named}/certificate")
    assert answer.json()["code"] == "retirement-seals-damaged"
    assert [fault for fault in world.fsck().faults if "seals kept of the retirement" in fault]
