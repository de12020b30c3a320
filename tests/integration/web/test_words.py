"""What pages say in plain words, and how a journey is drawn."""

from datetime import UTC, datetime

import pytest
from greenlane.core.epcis.vocabulary import VocabularyKind, standard_terms
from greenlane.web.pages.judging import judged_item
from greenlane.web.pages.picture import WIDTH, picture_of, wrapped
from greenlane.web.pages.words import item_words, local_path, quantity_words, step_words, time_words
from hypothesis import given
from hypothesis import strategies as st
from worlds.deployment import COOPERATIVE, HO_CHI_MINH, LIMA, ROASTER, TIANJIN, World, trust_file
from worlds.events import event_document, item, parsed
from worlds.web import services_of


def test_every_standard_step_has_plain_words() -> None:
    for word in standard_terms(VocabularyKind.BIZ_STEP):
        words = step_words("ObjectEvent", f"https://ref.gs1.org/cbv/BizStep-{word}")
        assert words[0].isupper() and "_" not in words


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("https://ns.example/steps/roasting", "Roasting"),
        ("urn:example:sun_drying", "Sun drying"),
        (None, "Made from other goods"),
    ],
)
def test_a_keepers_own_step_is_read_from_its_address(step: str | None, words: str) -> None:
    assert step_words("TransformationEvent", step) == words


@given(st.text(min_size=1, max_size=80))
def test_no_text_of_others_breaks_the_words(text: str) -> None:
    assert isinstance(step_words("ObjectEvent", text), str)
    assert item_words(text)
    assert local_path(text) is None or str(local_path(text)).startswith("/")
    assert time_words(datetime(2026, 5, 1, tzinfo=UTC), text)


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        ("+05:45", "1 May 2026, 02:45 (UTC+05:45)"),
        ("-03:30", "30 Apr 2026, 17:30 (UTC-03:30)"),
        (None, "30 Apr 2026, 21:00 (UTC)"),
    ],
)
def test_a_time_is_told_by_the_clock_of_its_place(offset: str | None, words: str) -> None:
    assert time_words(datetime(2026, 4, 30, 21, tzinfo=UTC), offset) == words


@pytest.mark.parametrize(
    ("quantity", "uom", "words"),
    [(1755.0, "KGM", "1,755 kg"), (0.125, "MTQ", "0.125 m³"), (24, None, "24 pieces"), (3, "XBX", "3 XBX"), (None, "KGM", None)],
)
def test_a_quantity_is_told_with_its_unit(quantity: float | None, uom: str | None, words: str | None) -> None:
    assert quantity_words(quantity, uom) == words


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 12])
def test_a_journey_of_any_length_is_drawn_within_its_frame(world: World, count: int) -> None:
    for n in range(count):
        changes = {"eventTime": f"2026-05-{n + 1:02}T10:00:00Z"}
        place = (TIANJIN, LIMA, HO_CHI_MINH)[n % 3]
        world.take_these(*parsed(event_document(1, **changes)), center=place, member=COOPERATIVE)
        # What a private member captured is no station of the public's line.
        world.take_these(*parsed(event_document(1, **changes, disposition="in_transit")), center=place, member=ROASTER)
    journey = judged_item(services_of(world), item(1), reader=None, trust=trust_file())
    assert journey is not None
    picture = picture_of(journey.events)
    assert len(picture.stations) == count
    assert len({(station.x, station.y) for station in picture.stations}) == count
    assert all(40 <= station.x <= WIDTH - 40 and station.y >= 17 for station in picture.stations)
    for station in picture.stations:
        ends = [caption.y for caption in station.captions]
        assert ends == sorted(ends) and station.y + 17 < ends[0] and ends[-1] <= picture.height
        assert all(abs(other.y - station.y) < 1 or other.y - 17 > ends[-1] or other.y < station.y for other in picture.stations)
    assert picture.line.startswith(f"M{picture.stations[0].x} ")
    assert picture.words.startswith(f"{count} station{'' if count == 1 else 's'}: Cooperative of")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Lima", ("Lima",)),
        ("Hợp tác xã Rừng Xanh", ("Hợp tác xã", "Rừng Xanh")),
        ("Handed over for transport", ("Handed over", "for transport")),
        ("Cooperativa Agroindustrial del Alto Mayo", ("Cooperativa", "Agroindustria…")),
        ("津禾可可原料加工厂", ("津禾可可原料加", "工厂")),
        ("渤海之门物流 Bohai", ("渤海之门物流", "Bohai")),
        ("Genossenschaftsverband", ("Genossenschaf…",)),
        ("可可（天津）原料加工", ("可可（天津）原", "料加工")),
    ],
)
def test_a_caption_takes_two_lines_before_it_is_cut(text: str, lines: tuple[str, ...]) -> None:
    assert wrapped(text) == lines


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "Z", "M")), max_size=60))
def test_a_caption_of_any_text_fits_and_loses_nothing_unsaid(text: str) -> None:
    lines = wrapped(text)
    assert len(lines) <= 2
    kept = "".join("".join(lines).split())
    assert kept == "".join(text.split()) or "…" in kept


@pytest.mark.parametrize(
    ("at", "offset"),
    [(datetime(9999, 12, 31, 14, tzinfo=UTC), "+14:00"), (datetime(1, 1, 1, 2, tzinfo=UTC), "-12:00")],
)
def test_a_time_at_the_ends_of_the_calendar_is_told_in_utc(at: datetime, offset: str) -> None:
    assert time_words(at, offset).endswith("(UTC)")
