"""What every suite shares: where the outside test material lies, and how hypothesis behaves on a busy machine."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A deadline for each example measures the neighbours on the machine, not the code. The examples are the same in every run: what
# passes here passes everywhere, and no branch is covered by luck. `make test-deep` takes many more, and by chance unless in CI.
settings.register_profile("greenlane", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("deep", deadline=None, max_examples=300, derandomize=os.environ.get("CI") == "true")
settings.load_profile("greenlane")

_DEFAULT_SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test material that other people published; a test that uses it is marked `conformance`.

    Skipped where the folder is absent; in CI its absence is a failure, so that conformance never lapses unseen.
    """
    folder = Path(os.environ.get("GREENLANE_SHARED_DATA", _DEFAULT_SHARED_DATA))
    if folder.is_dir():
        return folder
    reason = f"GREENLANE_SHARED_DATA: no folder at {folder}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that is run inside a test sets up logging for its process; the tests after it get back what was there."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
