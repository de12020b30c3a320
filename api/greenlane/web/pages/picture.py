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
_STEP_Y = 104
_LABEL_COLUMNS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One stop; coordinates in the units of the drawing, labels already short enough to stand under it."""

    x: int
    y: int
    economy: str
    color: int
    label: str
    note: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The whole drawing: `line` is the SVG path through the stations, `words` what it shows for those who cannot see it."""

    width: int
    height: int
    line: str
    stations: tuple[Station, ...]
    words: str


def picture_of(events: Sequence[JudgedEvent]) -> Picture:
    """Draws the events of a journey, at least one, in time order."""
    stops: list[list[JudgedEvent]] = []
    for event in events:
        if stops and _site(stops[-1][-1]) == _site(event):
            stops[-1].append(event)
        else:
            stops.append([event])
    colors: dict[str, int] = {}
    stations: list[Station] = []
    for place, stop in enumerate(stops):
        row, column = divmod(place, _COLUMNS)
        first = stop[0]
        color = colors.setdefault(first.economy, len(colors) % ECONOMY_COLORS)
        stations.append(
            Station(
                x=_FIRST_X + _STEP_X * (column if row % 2 == 0 else _COLUMNS - 1 - column),
                y=34 + _STEP_Y * row,
                economy=first.economy,
                color=color,
                label=_shortened(first.member),
                note=_shortened(stop[-1].step),
                title=f"{first.member} ({first.center}): {', '.join(dict.fromkeys(each.step for each in stop))}",
            )
        )
    rows = -(-len(stations) // _COLUMNS)
    return Picture(
        width=WIDTH,
        height=rows * _STEP_Y - 4,
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


def _shortened(text: str) -> str:
    """Cuts a text to the width under a station; a wide character counts twice."""
    room = _LABEL_COLUMNS
    for place, character in enumerate(text):
        room -= 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
        if room < 0:
            return text[: max(1, place - 1)].rstrip() + "…"
    return text
