"""How a certified material is kept apart from others, from the strongest promise to the weakest.

The numbers are those of the contracts (`AssetTypes.sol`) and never change. A lot may only go down: once mixed, always mixed.
Source: ISO 22095:2020, chain of custody models.
"""

from enum import IntEnum

from greenlane.core.canonical import JsonValue
from greenlane.core.wire import FieldInvalid, read_line, shown


class CustodyModel(IntEnum):
    """A larger number says less."""

    IDENTITY_PRESERVED = 1
    SEGREGATED = 2
    CONTROLLED_BLENDING = 3
    MASS_BALANCE = 4
    BOOK_AND_CLAIM = 5

    @property
    def slug(self) -> str:
        """As JSON and addresses write it: "mass-balance"."""
        return self.name.lower().replace("_", "-")

    def may_become(self, other: "CustodyModel") -> bool:
        """Whether a lot of this model may be told as one of another: the same, or one that says less."""
        return other >= self


def read_custody_model(value: JsonValue, where: str) -> CustodyModel:
    """A model as `slug` writes it.

    Raises:
        FieldInvalid: anything else.
    """
    text = read_line(value, where, longest=64)
    for model in CustodyModel:
        if model.slug == text:
            return model
    remedy = "Write one of " + ", ".join(model.slug for model in CustodyModel) + "."
    raise FieldInvalid(f"{shown(text)} is no custody model.", where=where, remedy=remedy)
