"""RFC 8785's own examples."""

from pathlib import Path

import pytest
from greenlane.core.canonical import canonical_bytes, parse_json


@pytest.mark.conformance
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_each_example_of_the_rfc_is_written_as_published(shared_data: Path, name: str) -> None:
    folder = shared_data / "vc" / "jcs" / "testdata"
    written = canonical_bytes(parse_json((folder / "input" / f"{name}.json").read_bytes()))
    assert written == (folder / "output" / f"{name}.json").read_bytes()
    assert written == bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text())
