"""How much there is of every green asset, as a bar and as numbers that add up."""

from dataclasses import dataclass

from greenlane.core.assets.facts import AssetClass, Totals
from greenlane.core.assets.quantity import unit_words
from greenlane.core.balance.custody import CUSTODY_WORDS, CustodyWords
from greenlane.services.assets.look import Supply
from greenlane.web.pages.amounts import SUPPLY_PLACES, amount_words
from greenlane.web.pages.purchases import followed_words

BAR_WIDTH = 600
FILLS = {"tradable": "", "escrowed": "url(#p-stripes)", "retired": "url(#p-cross)", "cancelled": "url(#p-dots)"}
"""How each place looks in a bar; the first is plain color."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One place of units: its share of a bar, in the units of the drawing, and its amount.

    Attributes:
        share: of all that was issued, in words: "12 %".
    """

    name: str
    words: str
    amount: str
    share: str
    fill: str
    x: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldClass:
    """A class and its sums.

    Attributes:
        evidenced: what certifiers stated, where it was added up.
        adds_up: whether the four places are what was issued, and no more was issued than evidenced.
    """

    id: str
    name: str
    attribute: str
    unit: str
    custody: CustodyWords
    is_tradable: bool
    issued: str
    evidenced: str | None
    pieces: tuple[Piece, ...]
    adds_up: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSupply:
    """All classes."""

    classes: tuple[ToldClass, ...]
    followed: str | None
    is_paused: bool


def told_supply(supply: Supply) -> ToldSupply:
    """The supply in words."""
    return ToldSupply(
        classes=tuple(
            _told(of, totals, None if supply.evidenced is None else supply.evidenced.get(of.id, 0))
            for of, totals in supply.classes
        ),
        followed=followed_words(supply.followed),
        is_paused=supply.is_paused is True,
    )


def _told(of: AssetClass, totals: Totals, evidenced: int | None) -> ToldClass:
    pieces = _pieces(of, totals)
    issued = amount_words(totals.issued, of.unit)
    return ToldClass(
        id=of.id,
        name=of.name,
        attribute=of.attribute,
        unit=unit_words(of.unit.code),
        custody=CUSTODY_WORDS[of.custody_model],
        is_tradable=of.is_tradable,
        issued=issued,
        evidenced=None if evidenced is None else amount_words(evidenced, of.unit),
        pieces=pieces,
        adds_up=totals.tradable >= 0 and (evidenced is None or totals.issued <= evidenced),
        words=f"Of {issued} issued: " + ", ".join(f"{piece.amount} {piece.words}" for piece in pieces),
    )


def _pieces(of: AssetClass, totals: Totals) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    x = 0
    passed = 0
    for name, words in SUPPLY_PLACES.items():
        quantity = max(0, getattr(totals, name))
        passed += quantity
        # Ends are counted from the left, so that no rounding opens a gap.
        end = BAR_WIDTH * passed // totals.issued if totals.issued else 0
        pieces.append(
            Piece(
                name=name,
                words=words,
                amount=amount_words(quantity, of.unit),
                share=share_words(quantity, totals.issued),
                fill=FILLS[name],
                x=x,
                width=end - x,
            )
        )
        x = end
    return tuple(pieces)


def share_words(part: int, whole: int) -> str:
    """A share in whole percent; nothing is called nothing that is something, nor all that is not all."""
    if not part or not whole:
        return "0 %"
    percent = 100 * part / whole
    if percent < 1:
        return "less than 1 %"
    return "more than 99 %" if 99 < percent < 100 else f"{percent:.0f} %"
