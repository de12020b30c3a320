"""Each attack, against a market where it would pay, and the error by which the contracts refuse it.

An attack says first what is honest beside it, which must pass: so what is refused is refused for what is wrong with it alone.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from greenlane.adapters.evm.bindings import EvidenceRegister, GreenAsset, MemberRole
from greenlane.core.assets.evidence import EvidenceStatement, Origin
from greenlane.core.crypto import keccak256
from greenlane.core.units import NodeHash, TreeSize

from scripts.attacks.market import (
    CERTIFIER,
    CITY,
    COOPERATIVE,
    FRAUDSTER,
    LEAVING,
    OTHER_CERTIFIER,
    RECEIVER,
    VINTAGE,
    AttackFailed,
    Call,
    Market,
    Refused,
    address_of,
    key_of,
)
from scripts.contracts.compile import compile_sources

_RECEIVERS = Path("contracts/test/Receivers.sol")
_REASON = "The lot was mixed with others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Something that is tried.

    Attributes:
        what: in a few words.
        error: name of the contract's error that must refuse it.
        prepare: does what is honest beside it and gives the fraud; or tries by itself, and gives why it was refused.
    """

    what: str
    error: str
    prepare: Callable[[], Call | Refused]


class Tries:
    """All attacks, in their order; each leaves the market as it needs the next one to be."""

    def __init__(self, market: Market) -> None:
        self.market = market
        made = market.statement
        self._main, self._frozen, self._fresh = made(), made(), made()
        self._same_lot = made(
            certifier=address_of(OTHER_CERTIFIER),
            lot=self._main.lot,
            origin=Origin(registry="another-registry", serial_from=1, serial_to=9),
        )
        self._other_lot = replace(self._same_lot, id="urn:example:other-lot", lot="urn:example:lot:other")
        taken = self._main.origin.serial_to if self._main.origin is not None else 0
        self._overlapping = made(origin=Origin(registry="a-registry", serial_from=taken, serial_to=taken + 400_000))
        free = Origin(registry="a-registry", serial_from=900_000, serial_to=900_009)
        self._beside = replace(self._overlapping, id="urn:example:beside", origin=free)
        self._uncertified = made(certifier=address_of(FRAUDSTER))
        self._certified = replace(self._uncertified, id="urn:example:certified", certifier=address_of(CERTIFIER))

    def found(self) -> None:
        """Members, evidence in an anchored log, units, and a contract that receives."""
        market = self.market
        market.found()
        market.anchor(
            [
                *((one, CERTIFIER) for one in (self._main, self._frozen, self._fresh)),
                *((one, OTHER_CERTIFIER) for one in (self._same_lot, self._other_lot)),
                *((one, CERTIFIER) for one in (self._overlapping, self._beside)),
                (self._uncertified, FRAUDSTER),
                (self._certified, CERTIFIER),
            ]
        )
        market.do(market.issue(self._main, 6_000))
        market.do(market.issue(self._frozen, 6_000))
        for name in (CITY, LEAVING, FRAUDSTER):
            market.do(market.transfer(COOPERATIVE, name, self.token, 50))

    @property
    def token(self) -> bytes:
        """The units that most of them are about."""
        return self.market.token(self._main)

    def all(self) -> Sequence[Attack]:
        """In the order in which they are tried."""
        return (
            Attack(what="the same lot again under another registry's name", error="LotCounted", prepare=self._lot_again),
            Attack(what="overlapping serials", error="SerialsCounted", prepare=self._serials_again),
            Attack(what="more than evidenced", error="MoreThanEvidenced", prepare=self._more),
            Attack(what="a statement by an uncertified member", error="NotCertifier", prepare=self._by_no_certifier),
            Attack(what="a forged signature", error="InvalidCertifierSignature", prepare=self._forged),
            Attack(what="a proof with one bit changed", error="NotIncluded", prepare=self._bit_changed),
            Attack(what="a checkpoint never anchored", error="NotAnchored", prepare=self._never_anchored),
            Attack(what="transfer to a stranger", error="NotMember", prepare=self._to_a_stranger),
            Attack(what="retire twice: the same claim", error="RetirementExists", prepare=self._same_claim),
            Attack(what="retire twice: the same units", error="TooFewUnits", prepare=self._same_units),
            Attack(what="retire another's", error="TooFewUnits", prepare=self._another_s),
            Attack(what="a claim period outside the vintage", error="InvalidClaimPeriod", prepare=self._outside_the_vintage),
            Attack(what="spend escrow twice: accept again", error="EscrowEnded", prepare=self._accept_again),
            Attack(what="spend escrow twice: have it back too", error="EscrowEnded", prepare=self._back_too),
            Attack(
                what="re-entrancy through a receiver contract",
                error="ReentrancyGuardReentrantCall",
                prepare=self._re_enter,
            ),
            Attack(what="move a frozen unit", error="Frozen", prepare=self._move_frozen),
            Attack(what="an ex-member", error="NotMember", prepare=self._ex_member),
        )

    # ---- evidence ----

    def _lot_again(self) -> Call:
        self._passes(self.market.issue(self._other_lot))
        return self.market.issue(self._same_lot)

    def _serials_again(self) -> Call:
        self._passes(self.market.issue(self._beside))
        return self.market.issue(self._overlapping)

    def _more(self) -> Call:
        left = self._main.quantity - 6_000
        self._passes(self.market.issue(self._main, left))
        return self.market.issue(self._main, left + 1)

    def _by_no_certifier(self) -> Call:
        self._passes(self.market.issue(self._certified))
        return self.market.issue(self._uncertified)

    def _forged(self) -> Call:
        honest = self._passes_fresh()
        forged = replace(self.market.proof(honest), signature=self.market.sign(honest, "a forger"))
        return self.market.issue(honest, proof=forged)

    def _bit_changed(self) -> Call:
        honest = self._passes_fresh()
        proof = self.market.proof(honest)
        first = NodeHash(bytes([proof.path[0][0] ^ 1]) + proof.path[0][1:])
        return self.market.issue(honest, proof=replace(proof, path=(first, *proof.path[1:])))

    def _never_anchored(self) -> Call:
        honest = self._passes_fresh()
        return self.market.issue(honest, proof=replace(self.market.proof(honest), tree_size=TreeSize(1_000)))

    def _passes_fresh(self) -> EvidenceStatement:
        self._passes(self.market.issue(self._fresh))
        return self._fresh

    # ---- units ----

    def _to_a_stranger(self) -> Call:
        self._passes(self.market.transfer(COOPERATIVE, CITY, self.token))
        return self.market.transfer(COOPERATIVE, "a stranger", self.token)

    def _same_claim(self) -> Call:
        claim = self.market.retire(COOPERATIVE, self._main, "first")
        self.market.do(claim)
        self._passes(self.market.retire(COOPERATIVE, self._main, "second"))
        return claim

    def _same_units(self) -> Call:
        self.market.do(self.market.retire(CITY, self._main, "all of them", 50))
        return self.market.retire(CITY, self._main, "all of them again", 50)

    def _another_s(self) -> Call:
        # What the fraudster has, it may claim; one unit more is another's.
        self._passes(self.market.retire(FRAUDSTER, self._main, "its own", 50))
        return self.market.retire(FRAUDSTER, self._main, "another's", 51)

    def _outside_the_vintage(self) -> Call:
        self._passes(self.market.retire(COOPERATIVE, self._main, "inside"))
        early = VINTAGE[0] - timedelta(days=1)
        return self.market.retire(COOPERATIVE, self._main, "outside", claim_from=early)

    def _accept_again(self) -> Call:
        set_aside, escrow_id = self.market.escrow(COOPERATIVE, CITY, self.token, "line 1")
        self.market.do(set_aside)
        accept = self.market.call(CITY, GreenAsset.encode_accept(escrow_id))
        self.market.do(accept)
        return accept

    def _back_too(self) -> Call:
        set_aside, escrow_id = self.market.escrow(COOPERATIVE, CITY, self.token, "line 2")
        self.market.do(set_aside)
        back = self.market.call(CITY, GreenAsset.encode_give_back(escrow_id))
        self._passes(back)
        self.market.do(self.market.call(CITY, GreenAsset.encode_accept(escrow_id)))
        return back

    def _move_frozen(self) -> Call:
        move = self.market.transfer(COOPERATIVE, CITY, self.market.token(self._frozen))
        self._passes(move)
        revoke = EvidenceRegister.encode_revoke(self._frozen, _REASON)
        self.market.do(self.market.call(CERTIFIER, revoke, self.market.register.address))
        return move

    def _ex_member(self) -> Call:
        move = self.market.transfer(LEAVING, CITY, self.token)
        self._passes(move)
        self.market.suspend(LEAVING)
        return move

    def _re_enter(self) -> Refused:
        """A member whose account is a contract gets units, and gives them away again before it has them for good."""
        market, by = self.market, key_of(FRAUDSTER)
        receiver = market.deploy(_compiled("Receiver"), by)
        market.vouch(RECEIVER, receiver, MemberRole.ENTERPRISE)
        # It has units already, so that the same call is right at any other time.
        market.do(market.transfer(COOPERATIVE, receiver, self.token))
        steal = GreenAsset.encode_transfer(sender=receiver, receiver=address_of(FRAUDSTER), token=self.token, quantity=5)
        act = _call_of("act(address,bytes)", ["address", "bytes"], market.asset.address, steal)
        self._passes(market.call(FRAUDSTER, act, receiver))
        plan = _call_of("plan(address,bytes[])", ["address", "bytes[]"], market.asset.address, [steal])
        market.do(market.call(FRAUDSTER, plan, receiver))
        before = market.asset.balance_of(address_of(FRAUDSTER), self.token)
        market.do(market.transfer(COOPERATIVE, receiver, self.token))
        if market.asset.balance_of(address_of(FRAUDSTER), self.token) != before:
            raise AttackFailed("a receiver moved units while it was given some")
        answer = market.rpc(
            "eth_call", {"to": "0x" + receiver.hex(), "data": "0x" + _call_of("lastAnswer()", []).hex()}, "latest"
        )
        (told,) = abi_decode(["bytes"], bytes.fromhex(answer["result"][2:]))
        return market.refusal(told, steal)

    def _passes(self, call: Call) -> None:
        why = self.market.refused(call)
        if why is not None:
            raise AttackFailed(f"what is honest beside it is refused: {why.error}: {why.words}")


def judge(market: Market, attack: Attack) -> Refused:
    """Tries an attack, first asked of the node and then as a transaction of the attacker; why it was refused.

    Raises:
        AttackFailed: it was carried out, or refused for another reason.
    """
    tried = attack.prepare()
    if isinstance(tried, Call):
        why = market.refused(tried)
        if market.send(tried) != 0 or why is None:
            raise AttackFailed("it was carried out")
    else:
        why = tried
    if why.error != attack.error:
        raise AttackFailed(f"it was refused as {why.error or 'nothing that is known'}, not as {attack.error}: {why.words}")
    return why


def _compiled(name: str) -> bytes:
    """The creation code of one of the tests' contracts."""
    path = _RECEIVERS.as_posix()
    made = compile_sources({path: {"content": _RECEIVERS.read_text()}}, {name: path})
    return bytes.fromhex(json.loads(made[name])["bytecode"][2:])


def _call_of(signature: str, types: Sequence[str], *values: object) -> bytes:
    return keccak256(signature.encode())[:4] + abi_encode(types, values)
