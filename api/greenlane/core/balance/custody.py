"""The custody model of a lot along its journey, and what may be said of goods of each model.

A lot's model is the weakest of its inputs' and of how they were brought together: it only ever goes down, because what was mixed
once stays mixed. The words are one table, which pages and certificates use alike. Source: ISO 22095:2020, clause 5.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from greenlane.core.assets.custody import CustodyModel


class Mixing(IntEnum):
    """How inputs were brought together, by the weakest promise that it leaves; numbers as in CustodyModel.

    not_mixed: one source alone. same_kind: several sources, all with the attribute. known_share: with others, in a share that is
    known of each lot. by_balance: with others, and only the quantities over a time agree. decoupled: the claim leaves the goods.
    """

    NOT_MIXED = 1
    SAME_KIND = 2
    KNOWN_SHARE = 3
    BY_BALANCE = 4
    DECOUPLED = 5


def model_of_output(inputs: Iterable[CustodyModel | None], mixing: Mixing) -> CustodyModel | None:
    """The model of what comes out; None where one input's is not known: nothing can be promised of it then.

    Args:
        inputs: of every lot that went in; none where the lot begins here.
    """
    weakest = int(mixing)
    for model in inputs:
        if model is None:
            return None
        weakest = max(weakest, int(model))
    return CustodyModel(weakest)


def model_along(steps: Iterable[tuple[Iterable[CustodyModel | None], Mixing]]) -> CustodyModel | None:
    """The model of a lot at the end of its journey.

    Args:
        steps: in their order; of each the models of what was added to the lot (nothing where it only moved), and how.

    Returns:
        None where one of them is not known, or there is no step.
    """
    model: CustodyModel | None = None
    is_first = True
    for added, mixing in steps:
        model = model_of_output(added if is_first else (model, *added), mixing)
        if model is None:
            return None
        is_first = False
    return model


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyWords:
    """What may be said of a model.

    Attributes:
        name: as people call it.
        verb: what stands between the goods and their attribute in a claim.
        meaning: one sentence for a buyer.
        may_not_say: one sentence: what would promise too much.
    """

    name: str
    verb: str
    meaning: str
    may_not_say: str

    def claim(self, attribute: str) -> str:
        """The claim in as many words as it may have, for an attribute like "deforestation-free cocoa"."""
        return f"{self.verb} {attribute}"


CUSTODY_WORDS: Mapping[CustodyModel, CustodyWords] = MappingProxyType(
    {
        CustodyModel.IDENTITY_PRESERVED: CustodyWords(
            name="Identity preserved",
            verb="Is",
            meaning="The goods come from the one source that is named, and were mixed with nothing else on their way.",
            may_not_say="Nothing more than this source and this attribute is promised.",
        ),
        CustodyModel.SEGREGATED: CustodyWords(
            name="Segregated",
            verb="Contains only",
            meaning="All of the goods have the attribute; they may come from several sources that all have it.",
            may_not_say="Do not name one source: several may have been mixed.",
        ),
        CustodyModel.CONTROLLED_BLENDING: CustodyWords(
            name="Controlled blending",
            verb="Contains a known share of",
            meaning="The goods were mixed with others in a share that is known of each lot.",
            may_not_say="Do not say that all of it has the attribute: only the share that is told has.",
        ),
        CustodyModel.MASS_BALANCE: CustodyWords(
            name="Mass balance",
            verb="Supports the sourcing of",
            meaning="As much with the attribute went into the facility as is claimed of what came out; what is in these very "
            "goods nobody can tell.",
            may_not_say="Do not say that the goods contain it.",
        ),
        CustodyModel.BOOK_AND_CLAIM: CustodyWords(
            name="Book and claim",
            verb="Supports the making of",
            meaning="Somewhere as much with the attribute was made as is claimed here; it did not travel with these goods.",
            may_not_say="Do not say that the goods contain it, or come from where it was made.",
        ),
    }
)
"""Every model has its words."""
