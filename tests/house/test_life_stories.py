"""The files in which a story of a document or an event tells people to read are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STORIES = sorted((ROOT / "docs").glob("life-of-*.md"))
_FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`")


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_every_file_that_a_story_names_is_there(story: Path) -> None:
    rows = "\n".join(line for line in story.read_text().splitlines() if line.startswith("|"))
    named = _FILE.findall(rows)
    assert len(named) > 5
    homes = (ROOT, ROOT / "api" / "greenlane", ROOT / "contracts")
    assert [name for name in named if not any((home / name).exists() for home in homes)] == []
