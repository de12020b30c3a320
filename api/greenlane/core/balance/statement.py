"""Whether a statement of evidence rests on something: the books of its facility, material and vintage, with the sum shown.

A statement takes from the book of its lot's material, and along the declared conversion factors from the books of what stands
behind it. In each book three things are asked, and the first that lacks is told with every line of its sum:
- the lot itself, where one is named, had as much as is stated of it;
- in every span of days from the first day of an earlier statement's vintage (or this one's) to the last day of one, what is
  stated for vintages inside the span is not more than the sources of the span leave. So no order of overlapping vintages counts
  one kilogram twice;
- of what stands behind it, stock may be carried over into a later vintage, so that there each span begins with the book; and
  what is claimed of one material as itself and as an input is together no more than came.
Only statements of the same attribute take from one another. A mass-balance claim on something that was made here out of other
materials needs a declared factor (ISO 22095:2020, 5.4.2): else nobody can tell how much had to stand behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from greenlane.core.assets.custody import CustodyModel
from greenlane.core.assets.evidence import EvidenceStatement
from greenlane.core.assets.quantity import unit_words
from greenlane.core.balance.amounts import ZERO, amount_text, base_unit, in_base, minus, plus, scaled, total
from greenlane.core.balance.book import Node, Source, nodes_of, sources_of
from greenlane.core.balance.factors import ConversionFactor, factor_on
from greenlane.core.balance.materials import canonical_facility, material_of
from greenlane.core.balance.movements import Movement, MovementKind
from greenlane.core.epcis.identifiers import to_digital_link
from greenlane.core.errors import Conflict
from greenlane.core.wire import FieldInvalid, shown

MAX_LINKS: Final = 8
"""Factors that may follow one another; a chain of production in one facility has fewer steps."""


class FactorMissing(Conflict):
    """A claim by mass balance needs a conversion factor that nobody declared."""

    code = "factor-missing"


class FactorsCircular(Conflict):
    """The declared conversion factors lead back to where they began, or on and on."""

    code = "factors-circular"
    default_remedy = "Declare a new version of one of them that ends, so that no material stands behind itself."


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a statement takes.

    Attributes:
        statement_id: for words.
        attribute: short name.
        lot: canonical identifier.
        amount: of `unit`; above 0.
        vintage_from, vintage_to: days, both included.
    """

    statement_id: str
    attribute: str
    lot: str
    amount: Decimal
    unit: str
    vintage_from: date
    vintage_to: date
    custody_model: CustodyModel

    @property
    def node(self) -> Node:
        """The book it takes from first."""
        return Node(material=material_of(self.lot), unit=base_unit(self.unit))


def claim_of(statement: EvidenceStatement) -> Claim | None:
    """What a statement takes from the books; None where it rests on an external registry's serials alone.

    Raises:
        FieldInvalid: lot or facility is not in its one spelling, by which it is counted once.
    """
    facility = canonical_facility(statement.facility)
    if statement.facility != facility:
        raise _misspelt(statement.facility, facility, "/facility")
    if statement.lot is None:
        return None
    lot = to_digital_link(statement.lot)
    if statement.lot != lot:
        raise _misspelt(statement.lot, lot, "/lot")
    return Claim(
        statement_id=statement.id,
        attribute=statement.attribute,
        lot=lot,
        amount=scaled(statement.quantity, statement.unit.decimals),
        unit=statement.unit.code,
        vintage_from=statement.vintage_from,
        vintage_to=statement.vintage_to,
        custody_model=statement.custody_model,
    )


def _misspelt(text: str, canonical: str, where: str) -> FieldInvalid:
    return FieldInvalid(f"{shown(text)} is not in its one spelling.", where=where, remedy=f"Write {canonical}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SumLine:
    """One line of a sum: what it is, and by how much it raises (or, below 0, lowers) what is left."""

    words: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSum:
    """How much of one book a statement may take, and how much it asks.

    Attributes:
        lot: where the sum is of one lot alone.
        from_day: None where the span begins with the book.
        left: the lines together.
        asked: in the node's unit.
        by_factors: words of each factor that led from the statement to this book.
    """

    node: Node
    lot: str | None
    from_day: date | None
    to_day: date
    lines: tuple[SumLine, ...]
    left: Decimal
    asked: Decimal
    by_factors: tuple[str, ...]

    @property
    def is_enough(self) -> bool:
        """Whether as much is left as is asked."""
        return self.asked <= self.left

    def words(self) -> str:
        """The sum in one sentence, as a person would write it on paper."""
        what = self.node.material if self.lot is None else f"lot {self.lot}"
        span = f"up to {self.to_day}" if self.from_day is None else f"from {self.from_day} to {self.to_day}"
        sums = " ".join(
            f"{'−' if line.amount < 0 else '+'} {amount_text(line.amount.copy_abs())} {line.words}" for line in self.lines
        )
        chain = f" ({'; '.join(self.by_factors)})" if self.by_factors else ""
        return (
            f"{amount_text(self.asked)} {unit_words(self.node.unit)} of {what} are asked{chain}, "
            f"and {amount_text(self.left)} are left {span}: {sums} = {amount_text(self.left)}."
        )


class BeyondBalance(Conflict):
    """A statement asks for more than the books of its facility leave.

    Attributes:
        sum: the book that does not suffice.
    """

    code = "beyond-balance"
    default_remedy = "State no more than is left, or capture the events that are missing; then state it again."

    def __init__(self, found: StatementSum, *, remedy: str | None = None) -> None:
        super().__init__(found.words(), where="/quantity", remedy=remedy)
        self.sum = found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taking:
    """What a claim takes from one book.

    Attributes:
        is_input: another material than the claimed one.
    """

    node: Node
    amount: Decimal
    is_input: bool
    by_factors: tuple[str, ...]


def judge_statement(
    asked: Claim,
    *,
    movements: Sequence[Movement],
    stated: Iterable[Claim],
    factors: Sequence[ConversionFactor],
) -> tuple[StatementSum, ...]:
    """The sums that a statement rests on: its lot's, its material's, and those of what stands behind it.

    Args:
        movements: all of the holder's facility.
        stated: earlier statements of the same holder and facility that stand, of any attribute; the asked one is left out.
        factors: all versions that the holder declared for the facility.

    Raises:
        BeyondBalance: a book does not suffice.
        FactorMissing, FactorsCircular: as their names say.
    """
    earlier = [each for each in stated if each.attribute == asked.attribute and each.statement_id != asked.statement_id]
    books = nodes_of(movements)
    takings = _takings(asked, factors)
    # In the first book only what converts units of the same material may stand; the claim rests on the last of these.
    resting = next(taking for taking in reversed(takings) if not taking.is_input)
    sources = sources_of(books.get(resting.node, ()), is_input=False)
    if asked.custody_model is CustodyModel.MASS_BALANCE:
        _require_factor(asked, takings, sources)
    earlier_takings = [(each, taking) for each in earlier for taking in _takings(each, factors)]
    sums: list[StatementSum] = []
    if asked.lot != resting.node.material:
        own = [source for source in sources if source.identifier == asked.lot]
        same = [(each, taking) for each, taking in earlier_takings if each.lot == asked.lot and taking.node == resting.node]
        sums.append(_tightest(asked, resting, own, same, lot=asked.lot))
    for taking in takings:
        if taking is not resting and not taking.is_input:
            continue
        there = [(each, other) for each, other in earlier_takings if other.node == taking.node]
        alike = [(each, other) for each, other in there if other.is_input == taking.is_input]
        found = sources if taking is resting else sources_of(books.get(taking.node, ()), is_input=True)
        sums.append(_tightest(asked, taking, found, alike, lot=None))
        if len(alike) < len(there):
            # Claimed as itself by one statement and as the input of another: each has its bound, and both together have one.
            either = sources_of(books.get(taking.node, ()), is_input=True, is_claimed=True)
            sums.append(_tightest(asked, replace(taking, is_input=True), either, there, lot=None))
    for each in sums:
        if not each.is_enough:
            raise BeyondBalance(each, remedy=_remedy(each, books))
    return tuple(sums)


def _takings(claim: Claim, factors: Sequence[ConversionFactor]) -> list[_Taking]:
    amount = in_base(claim.amount, claim.unit)
    takings = [_Taking(node=claim.node, amount=amount, is_input=False, by_factors=())]
    while (factor := factor_on(factors, takings[-1].node, attribute=claim.attribute, day=claim.vintage_to)) is not None:
        last = takings[-1]
        if factor.needs_node in {each.node for each in takings} or len(takings) > MAX_LINKS:
            raise FactorsCircular(f"The conversion factors of {claim.node.material} lead on without an end.")
        words = (
            f"1 {unit_words(factor.unit)} of {factor.material} needs "
            f"{amount_text(factor.quantity)} {unit_words(factor.needs_unit)} of {factor.needs_material}, "
            f"by version {factor.number}"
        )
        takings.append(
            _Taking(
                node=factor.needs_node,
                amount=factor.needed(last.amount),
                is_input=factor.needs_material != claim.node.material,
                by_factors=(*last.by_factors, words),
            )
        )
    return takings


def _require_factor(asked: Claim, takings: Sequence[_Taking], sources: Iterable[Source]) -> None:
    made_of = frozenset[str]().union(*(each.made_of for each in sources if each.identifier == asked.lot))
    if made_of and not any(taking.is_input for taking in takings):
        raise FactorMissing(
            f"{asked.lot} was made here out of {', '.join(sorted(made_of))[:400]}, and no conversion factor says how much had to "
            f"stand behind it on {asked.vintage_to}.",
            where="/custodyModel",
            remedy="Declare the factor (POST /v1/conversion-factors), then state it again.",
        )


def _tightest(
    asked: Claim, taking: _Taking, sources: Sequence[Source], earlier: Sequence[tuple[Claim, _Taking]], *, lot: str | None
) -> StatementSum:
    """The sum of the span that leaves least."""
    before = {each.vintage_from for each, _ in earlier if each.vintage_from < asked.vintage_from}
    starts: list[date | None] = [None] if taking.is_input else [*sorted(before | {asked.vintage_from})]
    ends = sorted({asked.vintage_to, *(each.vintage_to for each, _ in earlier if each.vintage_to > asked.vintage_to)})
    # Summed up by their days: of a hundred thousand sources there are but some thousand days, and each start goes through all.
    by_days: dict[tuple[date, date], Decimal] = {}
    for source in sources:
        by_days[source.day, source.day] = plus(by_days.get((source.day, source.day), ZERO), source.left)
    for each, other in earlier:
        days = (each.vintage_to, each.vintage_from)
        by_days[days] = minus(by_days.get(days, ZERO), other.amount)
    changes = sorted((last, first, amount) for (last, first), amount in by_days.items())
    # Of spans that leave the same the statement's own is told.
    own = (None if taking.is_input else asked.vintage_from, asked.vintage_to)
    found: list[tuple[Decimal, bool, date | None, date]] = []
    for start in starts:
        left, at = ZERO, 0
        inside = [(last, amount) for last, first, amount in changes if start is None or start <= first]
        for end in ends:
            while at < len(inside) and inside[at][0] <= end:
                left = plus(left, inside[at][1])
                at += 1
            found.append((left, (start, end) != own, start, end))
    _, _, start, end = min(found, key=lambda each: each[:2])
    return _span(taking, sources, earlier, lot, start, end)


def _span(
    taking: _Taking,
    sources: Iterable[Source],
    earlier: Iterable[tuple[Claim, _Taking]],
    lot: str | None,
    start: date | None,
    end: date,
) -> StatementSum:
    within = [each for each in sources if (start is None or start <= each.day) and each.day <= end]
    taken = [other.amount for each, other in earlier if (start is None or start <= each.vintage_from) and each.vintage_to <= end]
    came = {kind: total(each.amount for each in within if each.kind is kind) for kind in MovementKind}
    lines = (
        SumLine(words="opening count", amount=came[MovementKind.OPENING]),
        SumLine(words="made", amount=came[MovementKind.MADE]),
        SumLine(words="received", amount=came[MovementKind.RECEIVED]),
        SumLine(words="sent", amount=_less(each.passed_on for each in within)),
        SumLine(words="consumed", amount=_less(each.consumed for each in within)),
        SumLine(words="lost", amount=_less(each.lost for each in within)),
        SumLine(words="stated already", amount=_less(taken)),
    )
    return StatementSum(
        node=taking.node,
        lot=lot,
        from_day=start,
        to_day=end,
        lines=lines,
        left=total(line.amount for line in lines),
        asked=taking.amount,
        by_factors=taking.by_factors,
    )


def _less(amounts: Iterable[Decimal]) -> Decimal:
    return minus(ZERO, total(amounts))


def _remedy(found: StatementSum, books: Mapping[Node, Sequence[Movement]]) -> str | None:
    """Where the book counts the material in another unit, how to bring the two together."""
    others = sorted(node.unit for node in books if node.material == found.node.material and node.unit != found.node.unit)
    if found.node in books or not others:
        return None
    return (
        f"The events count {found.node.material} in {', '.join(others)}: declare how much of that 1 {found.node.unit} of it is "
        "(POST /v1/conversion-factors), then state it again."
    )
