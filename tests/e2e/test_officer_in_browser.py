"""The officer's way in a real browser: from the sign-in to the certificate, on a phone, by keyboard alone, in the dark."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from greenlane.adapters.pdf_attachment import attached_certificate
from greenlane.core.assets.purchase import Price
from greenlane.core.assets.retirement import parse_certificate
from worlds.browser import OpenBrowser, Page, open_browser
from worlds.deployment import close_world, make_world
from worlds.officer import Office, make_office
from worlds.web import Site, serve

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE, DESK = 360, 1_280
_CUT = """[...document.querySelectorAll('main *')].filter((each) => {
  const box = each.getBoundingClientRect();
  return box.width > 1 && box.right > innerWidth + 1 && !each.closest('.wide, .away, svg');
}).map((each) => each.outerHTML.slice(0, 80))"""
_SIDEWAYS = """[...document.querySelectorAll('main *')].filter((each) =>
  each.scrollWidth > each.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(each).overflowX)
).map((each) => each.outerHTML.slice(0, 80))"""
_FIELD = "input:not([type=hidden]):not([hidden])"
_UNFOLDED = "[...document.querySelectorAll('.line details')].map((each) => each.open)"
_STANDINGS = ("Retired", "Accepted", "Offered", "Ordered", "Ordered")
_UNLABELLED = f"""[...document.querySelectorAll('{_FIELD}, button, select, a[href]')].filter((each) =>
  !(each.labels?.length || each.textContent.trim() || each.getAttribute('aria-label'))).map((each) => each.outerHTML)"""
_SMALL = f"""[...document.querySelectorAll('main button, main .button, main {_FIELD}')].filter((each) =>
  each.getBoundingClientRect().height < 24).map((each) => each.outerHTML)"""


@dataclass
class Visit:
    """An office that is served, and a page in a browser."""

    office: Office
    site: Site
    page: Page

    def sign_in(self, path: str = "/purchases") -> None:
        """As the city's officer; ends at `path`."""
        self.page.go(f"{self.site.url}/sign-in?next={path}")
        self.page.value("document.querySelector('#key').focus()")
        self.page.type(self.office.city_key)
        self.page.press("Enter")
        self.at(path)

    def led_to_sign_in(self, path: str) -> None:
        """Opens a path at which nobody is signed in."""
        self.page.send("Page.navigate", url=self.site.url + path)
        self.at("/sign-in")

    def at(self, path: str) -> None:
        """Waits until the browser is at a path."""
        self.page.wait(f"document.readyState === 'complete' && location.pathname.startsWith({json.dumps(path)})")

    def click(self, words: str) -> None:
        """Clicks what bears these words."""
        found = (
            f"[...document.querySelectorAll('main a, main button')].find((each) => each.innerText.includes({json.dumps(words)}))"
        )
        self.page.wait(found)
        self.page.value(f"{found}.click()")

    def tab_to(self, words: str, *, most: int = 60) -> None:
        """Presses Tab until what bears these words has the focus, which can be seen.

        Raises:
            AssertionError: nothing of the kind is reached.
        """
        for _ in range(most):
            self.page.press("Tab")
            label = (
                "document.activeElement.innerText + ' ' + [...document.activeElement.labels ?? []].map((each) => each.innerText)"
            )
            if words in str(self.page.value(label)):
                seen = self.page.value("getComputedStyle(document.activeElement).outlineStyle")
                assert seen == "solid", f"the focus on {words!r} cannot be seen"
                return
        raise AssertionError(f"{words!r} is not reached by Tab: {self.page.text()}")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBrowser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH: the officer's pages are not looked at with a real browser")
    with open_browser(CHROMIUM, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def visit(tmp_path: Path, browser: OpenBrowser) -> Iterator[Visit]:
    world = make_world(tmp_path)
    office = make_office(world)
    with serve(world) as site:
        page = browser.page(width=DESK)
        page.send("Network.clearBrowserCookies")
        yield Visit(office=office, site=site, page=page)
    close_world(world)


@pytest.mark.parametrize(
    ("width", "has_scripts"),
    [
        (PHONE, True),
        pytest.param(PHONE, False, marks=pytest.mark.slow),
        pytest.param(DESK, True, marks=pytest.mark.slow),
        (DESK, False),
    ],
)
def test_an_officer_goes_the_whole_way_from_sign_in_to_certificate(visit: Visit, width: int, has_scripts: bool) -> None:
    page, office = visit.page, visit.office
    page.resize(width, 844)
    if not has_scripts:
        page.scripts_off()
    purchase = office.order()
    office.offer(purchase)
    # Whoever is not signed in is led there, and back.
    visit.led_to_sign_in(f"/purchases/{purchase.id}")
    page.value("document.querySelector('#key').focus()")
    page.type(office.city_key)
    page.press("Enter")
    visit.at(f"/purchases/{purchase.id}")
    assert "Offered" in page.text() and "your turn" in page.text()
    assert page.value("document.querySelectorAll('.check').length") == 4
    assert page.value("document.querySelectorAll('.way circle').length") == 5

    visit.click("Accept…")
    visit.at(f"/purchases/{purchase.id}/lines/1/accept")
    assert "not claimed yet" in page.text()
    visit.click("Accept the units")
    visit.at("/acts/")
    assert "will be brought to the chain" in page.text()
    office.work()
    # It looks again by itself, also without scripts.
    page.wait("document.querySelector('main')?.innerText.includes('Done')")

    visit.click("Retire the units…")
    visit.at(f"/purchases/{purchase.id}/lines/1/retire")
    visit.click("Go on to confirm")
    page.wait("document.querySelector('#understood')")
    assert "This cannot be undone" in page.text()
    # The browser itself asks for the tick.
    visit.click("Retire for ever")
    assert page.value("document.querySelector('#understood').validity.valueMissing") is True
    page.value("document.querySelector('#understood').click()")
    visit.click("Retire for ever")
    visit.at("/acts/")
    office.work()
    page.wait("document.querySelector('main')?.innerText.includes('Done')")
    visit.click("The retirement and its certificate")
    visit.at("/retirements/")
    assert "Municipalidad de Lima" in page.text() and "once and for ever" in page.text()
    address = str(page.value("[...document.querySelectorAll('a')].find((each) => each.innerText.startsWith('PDF')).href"))
    with urllib.request.urlopen(address, timeout=30) as answer:
        certificate = parse_certificate(attached_certificate(answer.read()))
    assert certificate.statement.beneficiary == "Municipalidad de Lima"
    assert page.complaints == []


def test_an_officer_needs_no_mouse(visit: Visit) -> None:
    page, office = visit.page, visit.office
    purchase = office.order()
    office.offer(purchase)
    visit.led_to_sign_in(f"/purchases/{purchase.id}")
    # The field has the focus already.
    page.type(office.city_key)
    visit.tab_to("Sign in")
    page.press("Enter")
    visit.at(f"/purchases/{purchase.id}")
    page.press("Tab")
    assert page.value("document.activeElement.innerText") == "Skip to the content"
    page.press("Enter")
    visit.tab_to("Accept…", most=6)
    page.press("Enter")
    visit.at(f"/purchases/{purchase.id}/lines/1/accept")
    visit.tab_to("Accept the units")
    page.press("Enter")
    visit.at("/acts/")
    office.work()
    page.wait("document.querySelector('main')?.innerText.includes('Done')")
    visit.tab_to("Retire the units…")
    page.press("Enter")
    visit.at(f"/purchases/{purchase.id}/lines/1/retire")
    visit.tab_to("For whom is it claimed?")
    page.value("document.activeElement.select()")
    page.type("Escuela Nº 7")
    visit.tab_to("Go on to confirm")
    page.press("Enter")
    page.wait("document.querySelector('#understood')")
    visit.tab_to("I have read this")
    page.press(" ")
    visit.tab_to("Retire for ever")
    page.press("Enter")
    visit.at("/acts/")
    office.work()
    page.wait("document.querySelector('main')?.innerText.includes('Done')")
    visit.tab_to("The retirement and its certificate")
    page.press("Enter")
    visit.at("/retirements/")
    assert "Escuela Nº 7" in page.text()


def test_back_reload_and_a_second_tab_retire_once(visit: Visit, browser: OpenBrowser) -> None:
    page, office = visit.page, visit.office
    purchase = office.order()
    office.offer(purchase)
    office.accept(purchase)
    visit.sign_in()
    path = f"/purchases/{purchase.id}/lines/1/retire"
    other = Visit(office=office, site=visit.site, page=browser.page(width=PHONE))
    for each in (visit, other):
        each.page.go(visit.site.url + path)
        each.click("Go on to confirm")
        each.page.wait("document.querySelector('#understood')")
        each.page.value("document.querySelector('#understood').click()")
    for each in (visit, other):
        each.click("Retire for ever")
        each.at("/acts/")
    assert page.value("location.pathname") == other.page.value("location.pathname")
    page.value("history.back()")
    page.wait("!location.pathname.startsWith('/acts/')")
    page.send("Page.reload")
    office.work()
    with office.world.store.read() as tx:
        (retired,) = tx.assets.retirements_of_line(purchase.lines[0].digest)
    assert retired.quantity == 1_500


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_page_fits_is_labelled_and_is_nowhere_cut(visit: Visit, width: int, scheme: str) -> None:
    page, office = visit.page, visit.office
    page.resize(width, 844)
    page.color_scheme(scheme)
    long = "Furniture-for-the-department-of-" + "x" * 60
    offered = office.order(office.line(category=long, description=long, price=Price(amount="123456789012.99", currency="PEN")))
    office.offer(offered)
    done = office.order(reference="W" * 100)
    office.offer(done)
    office.accept(done)
    half = office.order()
    office.offer(half)
    office.accept(half)
    retirement = office.retire(done)
    page.go(f"{visit.site.url}/sign-in")
    _looked_at(page, "/sign-in", width)
    visit.sign_in()
    for path in (
        "/purchases",
        f"/purchases/{offered.id}",
        f"/purchases/{done.id}",
        f"/purchases/{offered.id}/lines/1/accept",
        f"/purchases/{offered.id}/lines/1/return",
        f"/purchases/{half.id}/lines/1/retire",
        "/reports/spend",
        "/supply",
        f"/retirements/{retirement}",
        "/sign-out",
    ):
        page.go(visit.site.url + path)
        _looked_at(page, path, width)
    assert page.complaints == []


@pytest.mark.parametrize("has_scripts", [True, False])
def test_of_many_lines_only_those_that_need_the_reader_are_unfolded(visit: Visit, has_scripts: bool) -> None:
    page, office = visit.page, visit.office
    page.resize(PHONE, 844)
    if not has_scripts:
        page.scripts_off()
    purchase = office.order(*(office.line(description=f"Cocoa {number}", quantity="0.5") for number in range(1, 6)))
    for number in (1, 2, 3):
        office.offer(purchase, number)
    for number in (1, 2):
        office.accept(purchase, number)
    office.retire(purchase, 1)
    path = f"/purchases/{purchase.id}"
    visit.sign_in(path)
    assert page.value(_UNFOLDED) == [False, True, True, False, False]
    # Folded or not, a line tells its goods, where it stands, and its four marks.
    told = page.value("[...document.querySelectorAll('.line summary')].map((each) => each.innerText)")
    for number, (words, standing) in enumerate(zip(told, _STANDINGS, strict=True), 1):
        assert f"{number}. Cocoa {number} 0.5 kg" in words and standing in words
        assert [title in words for title in ("Token", "Lot", "Certificate", "Purchase line")] == [True] * 4
    assert page.value("document.querySelectorAll('.line summary .mark').length") == 20
    # By keyboard, and by a link to the line itself.
    visit.tab_to("Cocoa 4")
    page.press("Enter")
    page.wait("document.querySelectorAll('.line details')[3].open")
    page.go("about:blank")
    page.go(f"{visit.site.url}{path}#line-5")
    page.wait("document.querySelectorAll('.line details')[4].open")
    assert page.value(_UNFOLDED) == [False, True, True, False, True]
    _looked_at(page, path, PHONE)
    visit.click("Accept…")
    visit.at(f"{path}/lines/3/accept")


def _looked_at(page: Page, path: str, width: int) -> None:
    # Not innerWidth: what is too wide makes a phone's window wider.
    assert page.value("document.documentElement.scrollWidth") <= width, f"{path} is wider than the window"
    if width == PHONE:
        assert page.value(_SIDEWAYS) == [], f"{path} has to be moved sideways"
    assert page.value(_CUT) == [], path
    assert page.value(_UNLABELLED) == [], path
    assert page.value(_SMALL) == [], path
    assert page.value("document.querySelectorAll('h1').length") == 1, path
    assert page.value("document.title").endswith("Greenlane"), path
