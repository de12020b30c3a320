"""A journey as a line of stations, for people who would rather look than read.

Positions only; the template draws them. Events that one member captured at one place in a row are one station. The line runs in
rows, left to right and back, so that it fits a phone.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from greenlane.web.pages.journey import JudgedEvent
from greenlane.web.pages.words import ECONOMY_COLORS

WIDTH = 360
_COLUMNS = 3
_STEP_X = 108
_FIRST_X = 72
_STEP_Y = 132
_LABEL_Y, _LABEL_STEP_Y = 34, 14
_FOOT_Y = 12
_LABEL_COLUMNS = 14
_LABEL_LINES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """One line under a station; `kind` is "label" for who, "note" for what."""

    y: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One stop; coordinates in the units of the drawing, captions already short enough to stand under it.

    Attributes:
        captions: who and what, line by line.
    """

    x: int
    y: int
    economy: str
    color: int
    captions: tuple[Caption, ...]
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The whole drawing: `line` is the SVG path through the stations, `words` what it shows for those who cannot see it."""

    width: int
    height: int
    line: str
    stations: tuple[Station, ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One station before it has its place.

    Attributes:
        code: two letters or so, inside.
        kind: stations of one kind have one color.
        who, what: under it.
    """

    code: str
    kind: str
    who: str
    what: str
    title: str


def picture_of(events: Sequence[JudgedEvent]) -> Picture:
    """Draws the events of a journey, at least one, in time order."""
    return drawn(stops_of(events))


def stops_of(events: Sequence[JudgedEvent]) -> tuple[Stop, ...]:
    """The stations of a journey."""
    stops: list[list[JudgedEvent]] = []
    for event in events:
        if stops and _site(stops[-1][-1]) == _site(event):
            stops[-1].append(event)
        else:
            stops.append([event])
    return tuple(
        Stop(
            code=stop[0].economy,
            kind=stop[0].economy,
            who=stop[0].member,
            what=stop[-1].step,
            title=f"{stop[0].member} ({stop[0].center}): {', '.join(dict.fromkeys(each.step for each in stop))}",
        )
        for stop in stops
    )


def drawn(stops: Sequence[Stop]) -> Picture:
    """A line through stations, at least one, in their order."""
    colors: dict[str, int] = {}
    stations: list[Station] = []
    for place, stop in enumerate(stops):
        row, column = divmod(place, _COLUMNS)
        y = 34 + _STEP_Y * row
        stations.append(
            Station(
                x=_FIRST_X + _STEP_X * (column if row % 2 == 0 else _COLUMNS - 1 - column),
                y=y,
                economy=stop.code,
                color=colors.setdefault(stop.kind, len(colors) % ECONOMY_COLORS),
                captions=_captions(y, stop.who, stop.what),
                title=stop.title,
            )
        )
    return Picture(
        width=WIDTH,
        height=max(station.captions[-1].y if station.captions else station.y + _LABEL_Y for station in stations) + _FOOT_Y,
        line=_line(stations),
        stations=tuple(stations),
        words=f"{len(stations)} {'station' if len(stations) == 1 else 'stations'}: "
        + "; ".join(station.title for station in stations),
    )


def _site(event: JudgedEvent) -> tuple[str, str, str]:
    """Who and where, an area of a place being the same place."""
    return event.event.center, event.event.member, (event.place or "").partition(", area ")[0]


def _line(stations: Sequence[Station]) -> str:
    parts = [f"M{stations[0].x} {stations[0].y}"]
    for before, after in pairwise(stations):
        if before.y == after.y:
            parts.append(f"H{after.x}")
        else:
            # Around the outside of the labels, so that the line crosses no word.
            bend = 64 if before.x > WIDTH // 2 else -64
            parts.append(f"h{bend} V{after.y} H{after.x}")
    return " ".join(parts)


def _captions(y: int, who: str, what: str) -> tuple[Caption, ...]:
    lines = [("label", line) for line in wrapped(who)] + [("note", line) for line in wrapped(what)]
    return tuple(
        Caption(y=y + _LABEL_Y + _LABEL_STEP_Y * place, kind=kind, text=line) for place, (kind, line) in enumerate(lines)
    )


def wrapped(text: str) -> tuple[str, ...]:
    """A text in at most two lines that fit under a station, cut where it is longer still."""
    lines: list[str] = []
    for piece in _pieces(text.strip()):
        if lines and (len(lines) == _LABEL_LINES or _columns(f"{lines[-1]}{piece}".rstrip()) <= _LABEL_COLUMNS):
            lines[-1] += piece
        else:
            lines.append(piece)
    return tuple(_shortened(line.rstrip()) for line in lines)


def _pieces(text: str) -> list[str]:
    """Where lines may break: behind a space, and on either side of a wide character unless punctuation follows."""
    pieces: list[str] = []
    for character in text:
        is_mark = character.isspace() or unicodedata.category(character)[0] in "PM"
        before = pieces[-1][-1] if pieces else " "
        if not pieces or (not is_mark and (before.isspace() or _columns(before) == 2 or _columns(character) == 2)):
            pieces.append(character)
        else:
            pieces[-1] += character
    return pieces


def _columns(text: str) -> int:
    """How wide a text is: a wide character counts twice, one that combines with the one before it not at all."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in {"W", "F"} else 1 for each in text
    )


def _shortened(text: str) -> str:
    """Cuts a text to the width under a station."""
    if _columns(text) <= _LABEL_COLUMNS:
        return text
    while _columns(text) >= _LABEL_COLUMNS:
        text = text[:-1]
    return text.rstrip() + "…"
