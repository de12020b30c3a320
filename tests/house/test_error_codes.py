"""An error's code is for ever: one class, one code, and a code that comes, goes or changes is seen in this list."""

import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import greenlane
import greenlane_node
from greenlane.core.errors import Faults, GreenlaneError, InvalidInput

LIST = Path(__file__).with_name("error-codes.txt")
# It is several faults of one input, and answers as the first of them.
SHARED = {InvalidInput.code: {InvalidInput, Faults}}


def test_no_two_classes_share_a_code() -> None:
    by_code = defaultdict(set)
    for each in _errors():
        by_code[each.code].add(each)
    assert {code: classes for code, classes in by_code.items() if len(classes) > 1} == SHARED


def test_the_codes_are_those_of_the_list() -> None:
    """After a new error: add its code to error-codes.txt, in its place. A code that was released is never changed or reused."""
    listed = LIST.read_text(encoding="ascii").splitlines()
    assert sorted({each.code for each in _errors()}) == listed


def test_a_code_can_stand_in_an_address() -> None:
    assert [each.code for each in _errors() if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", each.code) is None] == []


def _errors() -> set[type[GreenlaneError]]:
    for package in (greenlane, greenlane_node):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # Migrations run where Alembic loads them, and nowhere else.
            if ".migrations" not in module.name:
                importlib.import_module(module.name)
    ours = set(_descendants(GreenlaneError))
    return {each for each in ours if each.__module__.partition(".")[0] in {"greenlane", "greenlane_node"}}


def _descendants(family: type[GreenlaneError]) -> Iterator[type[GreenlaneError]]:
    yield family
    for child in family.__subclasses__():
        yield from _descendants(child)
