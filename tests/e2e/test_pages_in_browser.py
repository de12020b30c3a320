"""The pages as a real browser shows them on a phone: nothing is blocked, nothing is cut, nothing is blank."""

import os
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from worlds.deployment import COOPERATIVE, HO_CHI_MINH, LIMA, TIANJIN, close_world, make_world
from worlds.events import GTIN, event_document, parsed
from worlds.web import Site, serve

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTH, HEIGHT = 390, 2400
PAGE = f"/01/{GTIN}/21/1"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", "--disable-extensions"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--hide-scrollbars", "--force-device-scale-factor=1", "--enable-logging=stderr"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """A headless Chromium with a profile of its own; each call starts and ends one."""

    program: str
    folder: Path

    def run(self, url: str, *flags: str) -> tuple[str, str]:
        """Opens a page; what it writes, and what the page complained of.

        Raises:
            AssertionError: it did not end well within a minute.
        """
        command = [self.program, *FLAGS, f"--user-data-dir={self.folder / 'profile'}", *flags, url]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment)
        words = done.stderr.decode("utf-8", "replace")
        assert done.returncode == 0, words
        # What the page's console says: blocked by its own policy, not found, wrongly written.
        return done.stdout.decode("utf-8"), "\n".join(line for line in words.splitlines() if "CONSOLE" in line)

    def picture(self, url: str) -> "Picture":
        """The page as a phone of 390 pixels shows it."""
        file = self.folder / "page.png"
        self.run(url, f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={file}")
        return read_png(file.read_bytes())


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Rows of pixels; each pixel its color's bytes."""

    width: int
    height: int
    rows: tuple[bytes, ...]
    depth: int

    def column(self, x: int) -> list[bytes]:
        """The colors of one column, from the top."""
        return [row[x * self.depth : (x + 1) * self.depth] for row in self.rows]

    def colors(self) -> set[bytes]:
        """All colors."""
        return set().union(*(self.column(x) for x in range(self.width)))


def read_png(data: bytes) -> Picture:
    """A PNG of eight bits a channel, without interlace: what Chromium writes. Source: the PNG specification, sections 5 and 9."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    place, packed, width, height, depth = 8, b"", 0, 0, 0
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            width, height, bits, color, _, _, interlace = struct.unpack(">IIBBBBB", content)
            assert (bits, interlace) == (8, 0)
            depth = {2: 3, 6: 4}[color]
        elif kind == b"IDAT":
            packed += content
        place += 12 + length
    raw, size = zlib.decompress(packed), width * depth
    rows: list[bytes] = []
    above = bytes(size)
    for number in range(height):
        start = number * (size + 1)
        above = _unfiltered(raw[start], raw[start + 1 : start + 1 + size], above, depth)
        rows.append(above)
    return Picture(width=width, height=height, rows=tuple(rows), depth=depth)


def _unfiltered(kind: int, line: bytes, above: bytes, depth: int) -> bytes:
    if kind == 0:
        return line
    out = bytearray(line)
    for place, byte in enumerate(line):
        left = out[place - depth] if place >= depth else 0
        up = above[place]
        corner = above[place - depth] if place >= depth else 0
        guess = left + up - corner
        nearest = min((left, up, corner), key=lambda each: abs(guess - each))
        out[place] = (byte + {1: left, 2: up, 3: (left + up) // 2, 4: nearest}[kind]) & 0xFF
    return bytes(out)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH: the pages are not looked at with a real browser")
    return Browser(program=CHROMIUM, folder=tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    """An item that three centers tell of, anchored in all of them."""
    world = make_world(tmp_path_factory.mktemp("world"))
    for day, (center, step) in enumerate(((HO_CHI_MINH, "commissioning"), (TIANJIN, "receiving"), (LIMA, "retail_selling"))):
        told = event_document(1, bizStep=step, eventTime=f"2026-05-0{day + 1}T08:00:00Z")
        world.take_these(*parsed(told), center=center, member=COOPERATIVE)
        world.settle(center)
    with serve(world) as served:
        yield served
    close_world(world)


def test_a_browser_shows_the_verdict_the_ladder_and_the_code_without_complaint(site: Site, browser: Browser) -> None:
    shown, complaints = browser.run(site.url + PAGE, "--dump-dom")
    assert complaints == ""
    assert re.search(r'<section class="verdict passed".*?<h2 id="verdict">Verified</h2>', shown, re.DOTALL)
    ladder = re.search(r'<ol class="ladder">(.*?)</ol>', shown, re.DOTALL)
    assert ladder is not None and ladder[1].count("<li ") == 8
    assert "<svg" in shown and 'class="qr"' in shown and site.url + PAGE in shown


def test_a_browser_says_of_an_unknown_item_that_it_is_unknown(site: Site, browser: Browser) -> None:
    shown, _ = browser.run(f"{site.url}/01/{GTIN}/21/unheard-of", "--dump-dom")
    assert "Nothing is known of this here" in shown


@pytest.mark.parametrize("path", [PAGE, "/", "/problems", f"/01/{GTIN}/21/unheard-of"])
def test_a_page_fits_a_phone_and_is_not_blank(site: Site, browser: Browser, path: str) -> None:
    picture = browser.picture(site.url + path)
    assert (picture.width, picture.height) == (WIDTH, HEIGHT)
    assert len(picture.colors()) > 30
    # Grounds and lines that span the page are the same on both edges; what is too wide for a phone runs over the right one.
    assert picture.column(WIDTH - 1) == picture.column(0), "something reaches over the right edge"
