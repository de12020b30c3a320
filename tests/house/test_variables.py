"""A variable that one part of the project sets or reads stops no other part."""

import re
import subprocess
from pathlib import Path

import pytest
from greenlane.adapters.sql.store import StoreUrlInvalid, open_store
from greenlane.core.errors import Faults
from greenlane.settings import read_settings

ROOT = Path(__file__).parents[2]
# Wrong on purpose, to see it refused.
MISSPELT = {"GREENLANE_COLOUR"}


def _variables() -> set[str]:
    places = ["api", "node", "scripts", "contracts", "tests", "Makefile", ".ci"]
    told = subprocess.run(["git", "grep", "-hoE", "GREENLANE_[A-Z][A-Z_]*[A-Z]", "--", *places], cwd=ROOT, capture_output=True)
    return set(told.stdout.decode().split()) - MISSPELT


def test_no_variable_of_the_project_is_an_unknown_setting() -> None:
    variables = _variables()
    assert {"GREENLANE_HOME", "GREENLANE_SHARED_DATA"} <= variables
    try:
        read_settings(dict.fromkeys(variables, "0"))
    except Faults as refused:
        assert [fault.where for fault in refused.faults if "no such setting" in fault.detail] == []


def test_an_address_of_a_database_has_one_spelling_in_every_remedy() -> None:
    with pytest.raises(Faults) as of_settings:
        read_settings({"GREENLANE_DATABASE_URL": "mysql://host/name"})
    with pytest.raises(StoreUrlInvalid) as of_store:
        open_store("mysql://host/name")
    assert [fault.remedy for fault in of_settings.value.faults] == [of_store.value.remedy]
    (spelt,) = re.findall(r"postgresql\S+HOST/NAME", of_store.value.remedy)
    assert read_settings({"GREENLANE_DATABASE_URL": spelt}).database_url == spelt
