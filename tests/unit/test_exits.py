"""A command's exit code says who must act, and a fault is said in one shape."""

import json

import pytest
from greenlane.core.errors import (
    CannotCheck,
    Conflict,
    Faults,
    Forbidden,
    GreenlaneError,
    InvalidInput,
    NotFound,
    ProofRefused,
    Unavailable,
)
from greenlane.core.exits import Exit, PackageMissing, exit_code_of, fault_text


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ProofRefused("x"), Exit.NO),
        (Unavailable("x"), Exit.UNCHECKED),
        (CannotCheck("x"), Exit.UNCHECKED),
        (InvalidInput("x"), Exit.USAGE),
        (NotFound("x"), Exit.USAGE),
        (Forbidden("x"), Exit.USAGE),
        (Conflict("x"), Exit.USAGE),
        (GreenlaneError("x"), Exit.USAGE),
        (PackageMissing("web3", extras="node"), Exit.USAGE),
    ],
)
def test_every_family_has_its_exit_code(fault: GreenlaneError, code: Exit) -> None:
    assert exit_code_of(fault) == code


def test_the_exit_codes_are_those_that_are_documented() -> None:
    assert [(each.name, int(each)) for each in Exit] == [("GOOD", 0), ("NO", 1), ("USAGE", 2), ("UNCHECKED", 3)]


def test_every_part_of_a_fault_is_one_line_that_steers_no_terminal() -> None:
    fault = Faults((InvalidInput("a\x1b[2J\nb.", where="/x"), InvalidInput("c.", remedy="Mend it.")))
    assert fault_text(fault, program="greenlane", as_json=False) == "greenlane: /x: a\ufffd[2J b.\ngreenlane: c. Mend it.\n"


def test_in_json_the_parts_are_one_list_of_one_shape() -> None:
    fault = Faults((InvalidInput("a", where="name\udcff"), InvalidInput("c", remedy="Mend it.")))
    text = fault_text(fault, program="greenlane", as_json=True)
    assert text.count("\n") == 1
    assert json.loads(text) == {
        "errors": [
            {"code": "invalid-input", "detail": "a", "where": "name\\udcff", "remedy": None},
            {"code": "invalid-input", "detail": "c", "where": None, "remedy": "Mend it."},
        ]
    }


def test_a_missing_package_names_what_to_install() -> None:
    said = fault_text(PackageMissing("web3", extras="node"), program="greenlane-node", as_json=False)
    assert "'web3'" in said
    assert "pip install '.[node]'" in said
