"""Short names of centers and members have one alphabet and one length."""

import pytest
from greenlane.core.errors import InvalidInput
from greenlane.core.units import center_id, member_id


@pytest.mark.parametrize("text", ["a", "lima", "ho-chi-minh", "a" * 31, "z9-"])
def test_a_short_name_is_taken_as_it_is(text: str) -> None:
    assert center_id(text) == text
    assert member_id(text) == text


@pytest.mark.parametrize("text", ["", "a" * 32, "Lima", "9a", "-a", "a_b", "lima\n", "ñandú", "a b"])
def test_anything_else_is_refused_with_its_mend(text: str) -> None:
    with pytest.raises(InvalidInput, match="no center id") as of_center:
        center_id(text)
    with pytest.raises(InvalidInput, match="no member id"):
        member_id(text)
    assert "lower-case" in of_center.value.remedy
