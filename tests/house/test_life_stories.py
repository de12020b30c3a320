"""The files in which the story of an event, a document or a green asset tells people to read are there."""

import re
from pathlib import Path

import pytest
from greenlane.ports.acts import ActState
from greenlane.ports.evidence_index import EvidenceState
from greenlane.services.check_purchase import LineStanding

ROOT = Path(__file__).resolve().parents[2]
STORIES = sorted((ROOT / "docs").glob("life-of-*.md"))
STORIES_FIRST = ROOT / "docs" / "life-of-an-event.md"
_FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`")


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_every_file_that_a_story_names_is_there(story: Path) -> None:
    rows = "\n".join(line for line in story.read_text().splitlines() if line.startswith("|"))
    named = _FILE.findall(rows)
    assert len(named) > 5
    homes = (ROOT, ROOT / "api" / "greenlane", ROOT / "contracts")
    assert [name for name in named if not any((home / name).exists() for home in homes)] == []


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_every_story_is_named_in_the_readme_and_follows_the_first(story: Path) -> None:
    assert f"(docs/{story.name})" in (ROOT / "README.md").read_text()
    assert story == STORIES_FIRST or f"({story.name})" in STORIES_FIRST.read_text()


def test_the_states_of_a_green_asset_are_those_of_the_code() -> None:
    rows = [line for line in (ROOT / "docs" / "life-of-a-green-asset.md").read_text().splitlines() if line.startswith("|")]
    told = set(re.findall(r"\*\*([a-z]+)\*\*", "\n".join(rows)))
    assert told >= {state.value for state in (EvidenceState.DRAFTED, EvidenceState.LOGGED, EvidenceState.REFUSED)}
    on_its_way = LineStanding.ORDERED, LineStanding.OFFERED, LineStanding.RETURNED, LineStanding.ACCEPTED, LineStanding.RETIRED
    assert told >= {state.value for state in on_its_way}
    assert told >= {state.value for state in (ActState.KEPT, ActState.DONE)}
    assert told - {"anchored"} <= {state.value for kind in (EvidenceState, LineStanding, ActState) for state in kind}
