"""The pages: what a buyer reads, the verdict's three words, and the same as JSON."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from worlds.deployment import HO_CHI_MINH, LIMA, ROASTER, TIANJIN, World, trust_file
from worlds.events import GTIN, event_document, item, parsed
from worlds.ledger import LedgerWorld
from worlds.web import Site, serve, services_of

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
JSON = {"Accept": "application/json"}
PAGE = f"/01/{GTIN}/21/1"
LOT = f"https://id.gs1.org/01/{GTIN}/10/L1"


class _Outline(HTMLParser):
    """What an assistive reader gets of a page: tags open and closed, landmarks, labels, ids and links."""

    _VOID = frozenset({"meta", "link", "input", "br", "img", "path", "circle"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._VOID:
            return
        if not self.stack or self.stack.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def _make_journey(world: World) -> None:
    """A lot made in Ho Chi Minh City becomes an item in Tianjin, which is shipped and received in Lima."""
    made = event_document(
        type="ObjectEvent",
        action="ADD",
        epcList=None,
        quantityList=[{"epcClass": LOT, "quantity": 1755.5, "uom": "KGM"}],
        bizStep="commissioning",
        eventTime="2026-05-01T08:00:00Z",
        eventTimeZoneOffset="+07:00",
        bizLocation={"id": "https://id.gs1.org/414/9521321000018"},
    )
    turned = event_document(
        type="TransformationEvent",
        action=None,
        epcList=None,
        inputQuantityList=[{"epcClass": LOT, "quantity": 3, "uom": "KGM"}],
        outputEPCList=[item(1), item(2)],
        bizStep="commissioning",
        eventTime="2026-05-10T08:00:00Z",
    )
    world.take_these(*parsed(made), center=HO_CHI_MINH)
    world.take_these(*parsed(turned), center=TIANJIN)
    world.take_these(*parsed(event_document(1, bizStep="receiving", disposition="in_progress")), center=LIMA)


def _settle(world: World) -> None:
    for center in (TIANJIN, LIMA, HO_CHI_MINH):
        world.settle(center)


def _verdict(site: Site, path: str = PAGE) -> tuple[str, dict[str, Any]]:
    """The verdict that the page shows, and its JSON; both must say the same."""
    page = site.get(path, headers=HTML)
    assert page.status_code == 200
    value = site.get(path, headers=JSON).json()
    (shown,) = re.findall(r'<section class="verdict ([a-z_]+)"', page.text)
    heading = {"passed": "Verified", "not_checked": "Not fully checked yet", "failed": "Failed"}[shown]
    assert f'<h2 id="verdict">{heading}</h2>' in page.text
    if not path.startswith("/verify"):
        assert value["verdict"] == shown
    return shown, value


def test_a_journey_is_told_in_time_order_with_who_captured_each_step(site: Site) -> None:
    _make_journey(site.world)
    _settle(site.world)
    shown, value = _verdict(site)
    assert shown == "passed"
    assert [event["center"] for event in value["events"]] == [HO_CHI_MINH, TIANJIN, LIMA]
    assert all(event["judgement"]["verdict"] == "passed" for event in value["events"])
    text = site.get(PAGE, headers=HTML).text
    told = [text.index(words) for words in ("Came into being", "Made from other goods", "<h3>Received")]
    assert told == sorted(told)
    for words in ("Cooperative of Centro Piloto de Lima", "1,755.5 kg", "1 May 2026, 15:00 (UTC+07:00)", "in progress"):
        assert words in text
    assert "The chain holds this state of the log" in text
    assert "greenlane verify receipt.json --trust trust.json" in text
    assert f"{site.url}{PAGE}" in text and "<svg" in text


def test_what_is_not_anchored_yet_is_not_checked_and_never_failed(site: Site) -> None:
    _make_journey(site.world)
    site.world.settle(TIANJIN)
    shown, value = _verdict(site)
    assert shown == "not_checked"
    assert [event["verdict"] for event in value["events"]] == ["not_checked", "passed", "not_checked"]
    assert "is captured, and not anchored yet" in value["events"][0]["reason"]


def test_a_chain_that_is_away_is_not_checked_and_one_that_contradicts_is_failed(site: Site) -> None:
    _make_journey(site.world)
    _settle(site.world)
    assert _verdict(site)[0] == "passed"
    site.world.ledger.is_away = True
    assert _verdict(site)[0] == "not_checked"
    site.world.ledger.is_away = False
    site.world.ledger.anchored.clear()
    assert _verdict(site)[0] == "failed"


def test_a_page_still_answers_where_no_chain_ever_did(site: Site) -> None:
    _make_journey(site.world)
    _settle(site.world)
    site.world.ledger.is_away = True
    shown, value = _verdict(site)
    assert shown == "not_checked"
    assert all("chain" in event["reason"] for event in value["events"])


def test_a_node_of_another_chain_is_not_checked_with_the_reason_and_fails_nobody(site: Site) -> None:
    _make_journey(site.world)
    _settle(site.world)
    digest = _verdict(site)[1]["selected"].partition(";")[2].partition("?")[0]
    site.world.ledger.is_other_chain = True
    shown, value = _verdict(site)
    assert shown == "not_checked"
    assert all("serves the chain 20262, not 20261" in event["reason"] for event in value["events"])
    page = site.get(f"/verify/{digest}", headers=HTML)
    assert page.status_code == 200 and "serves the chain 20262, not 20261" in page.text


def test_a_ledger_of_another_chain_leaves_every_page_standing_where_no_trust_file_is_known(site: Site) -> None:
    _make_journey(site.world)
    _settle(site.world)
    site.world.ledger.is_other_chain = True
    shown, value = _verdict(site)
    assert shown == "not_checked"
    assert all("chain" in event["reason"] for event in value["events"])
    digest = value["selected"].partition(";")[2].partition("?")[0]
    assert _verdict(site, f"/verify/{digest}")[0] == "not_checked"


def test_every_node_is_asked_and_their_disagreement_is_shown(world: World) -> None:
    _make_journey(world)
    _settle(world)
    honest, liar = world.ledger.node("one.example"), LedgerWorld(trust_file()).node("two.example")
    for nodes, expected in (([honest], "passed"), ([honest, liar], "failed"), ([liar, honest], "failed")):
        with serve(world, services=replace(services_of(world), judge_nodes=nodes)) as site:
            shown, value = _verdict(site)
            assert shown == expected
            text = site.get(PAGE, headers=HTML).text
        assert ("The nodes disagree" in text) == (expected == "failed")
        assert all(node.name in text for node in nodes)
        assert all(("disagree" in str(event["reason"])) == (expected == "failed") for event in value["events"])


def test_a_node_that_is_away_leaves_the_word_to_the_others(world: World) -> None:
    _make_journey(world)
    _settle(world)
    away = LedgerWorld(trust_file(), is_away=True).node("away.example")
    with serve(world, services=replace(services_of(world), judge_nodes=[away, world.ledger.node("there.example")])) as site:
        assert _verdict(site)[0] == "passed"
        assert "away.example: It could not be reached" in site.get(PAGE, headers=HTML).text


def test_one_failed_event_fails_the_whole_item_and_its_ladder_is_the_one_shown(site: Site) -> None:
    _make_journey(site.world)
    _settle(site.world)
    site.world.ledger.anchored[:] = [one for one in site.world.ledger.anchored if one.center != TIANJIN]
    shown, value = _verdict(site)
    assert shown == "failed"
    assert [event["verdict"] for event in value["events"]] == ["passed", "failed", "passed"]
    assert value["selected"] == value["events"][1]["eventHash"]
    assert "not changed since" not in site.get(PAGE, headers=HTML).text
    digest = value["events"][0]["eventHash"].partition(";")[2].partition("?")[0]
    assert _verdict(site, f"/verify/{digest}")[0] == "passed"


def test_an_events_page_shows_its_own_ladder_in_the_journey_of_what_it_names(site: Site) -> None:
    _make_journey(site.world)
    _settle(site.world)
    value = site.get(PAGE, headers=JSON).json()
    for event in value["events"]:
        digest = event["eventHash"].partition(";")[2].partition("?")[0]
        page = site.get(f"/verify/{digest}?content={event['contentDigest']}", headers=JSON).json()
        assert page["selected"] == event["eventHash"]
        assert event["eventHash"] in [each["eventHash"] for each in page["events"]]


def test_private_events_are_on_no_public_page_and_on_their_centers_own(site: Site) -> None:
    site.world.take_these(*parsed(event_document(1)), member=ROASTER)
    _settle(site.world)
    assert site.get(PAGE, headers=HTML).status_code == 404
    assert site.get(PAGE, headers=JSON, key=site.stranger).status_code == 404
    (event,) = site.get(PAGE, headers=JSON, key=site.reader).json()["events"]
    assert event["isPrivate"] is True and event["verdict"] == "passed"


def test_what_is_unknown_is_said_to_be_unknown_and_no_verdict(site: Site) -> None:
    page = site.get(f"/01/{GTIN}/21/unheard-of", headers=HTML)
    assert page.status_code == 404
    assert "Nothing is known of this here" in page.text and "verdict" in page.text
    assert '<section class="verdict' not in page.text


def test_every_spelling_of_an_identifier_is_one_page(site: Site) -> None:
    _make_journey(site.world)
    for spelling in (PAGE, f"/01/{GTIN[1:]}/21/1", f"/01/{GTIN}/22/variant/21/1", f"{PAGE}?utm=x"):
        assert site.get(spelling, headers=JSON).json()["identifier"] == item(1)
    assert site.get(f"/01/{GTIN}/10/L1", headers=JSON).json()["identifier"] == LOT
    assert site.get("/414/9521321000018", headers=HTML).status_code in {200, 404}


def test_the_form_leads_from_whatever_was_typed_to_the_page(site: Site) -> None:
    digest = "ab" * 32
    for typed, path in (
        (item(1), PAGE),
        (f"https://shop.example/x/01/{GTIN}/21/1?a=b", PAGE),
        (f"01/{GTIN}/21/1", PAGE),
        (f" {PAGE} ", PAGE),
        (f"urn:epc:id:sgtin:{GTIN[1:8]}.{GTIN[0]}{GTIN[8:13]}.1", PAGE),
        (digest, f"/verify/{digest}"),
        (f"ni:///sha-256;{digest}?ver=CBV2.0", f"/verify/{digest}"),
    ):
        answer = site.get("/find", params={"q": typed})
        assert (answer.status_code, answer.headers.get("location")) == (303, path), typed
    # Never off this server, whatever was typed.
    for typed in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "x" * 501, "01/00000/21/1"):
        assert site.get("/find", params={"q": typed}).status_code == 400, typed


def test_an_item_has_a_linkset_and_answers_differ_by_what_is_accepted(site: Site) -> None:
    _make_journey(site.world)
    answer = site.get(PAGE, headers={"Accept": "application/linkset+json"})
    assert answer.headers["content-type"] == "application/linkset+json"
    (link,) = answer.json()["linkset"]
    assert link["anchor"] == item(1)
    assert link["https://ref.gs1.org/voc/defaultLink"][0]["href"] == f"{site.url}{PAGE}"
    assert "Accept" in answer.headers["vary"]
    assert site.get(PAGE).headers["content-type"].startswith("text/html")


def test_what_others_wrote_is_text_and_never_markup(site: Site) -> None:
    nasty = "https://x.example/<script>alert(1)</script>"
    site.world.take_these(*parsed(event_document(1, certificationInfo=["https://x.example/%3Cscript%3E?a=%22'"])))
    page = site.get(PAGE, headers=HTML).text
    assert "<script" not in page and "&#39;" in page
    missing = site.get(f"/find?q={nasty}", headers=HTML)
    assert missing.status_code == 400 and "<script" not in missing.text


@pytest.mark.parametrize("path", ["/", PAGE, "/problems", "/problems/not-found", "/nothing-here", f"/01/{GTIN[:-1]}7/21/1"])
def test_pages_can_be_read_by_machine_keyboard_and_phone(site: Site, path: str) -> None:
    _make_journey(site.world)
    _settle(site.world)
    outline = _Outline(site.get(path, headers=HTML).text)
    assert outline.faults == [] and outline.stack == []
    (root,) = outline.all("html")
    assert root["lang"] == "en"
    assert any(meta.get("name") == "viewport" for meta in outline.all("meta"))
    assert [len(outline.all(landmark)) for landmark in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
    assert outline.all("a")[0] == {"class": "skip", "href": "#main"}
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    labelled = {attrs["for"] for attrs in outline.all("label")}
    assert {attrs["id"] for attrs in outline.all("input")} <= labelled
    assert {attrs["aria-labelledby"] for attrs in outline.all("section")} <= set(ids)
    assert outline.all("script") == [] and all("style" not in attrs for _, attrs in outline.tags)
    assert all(
        attrs.get("aria-hidden") or attrs.get("role") == "img" or attrs.get("class") == "qr" for attrs in outline.all("svg")
    )


def _luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_pair_of_colors_that_makes_text_has_the_contrast_of_wcag_aa(site: Site) -> None:
    css = site.get("/static/greenlane.css").text
    schemes = [
        dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]
    assert len(schemes) == 2
    for colors in schemes:
        pairs = [(text, ground) for text in ("ink", "soft", "link") for ground in ("ground", "card")]
        pairs += [(kind, f"{kind}-ground") for kind in ("good", "open", "bad")]
        pairs += [("ink", f"{kind}-ground") for kind in ("good", "open", "bad")] + [("ground", "link"), ("bad", "card")]
        for text, ground in pairs:
            assert _contrast(colors[text], colors[ground]) >= 4.5, (text, ground, colors[text], colors[ground])
        for place in range(6):
            assert _contrast("#ffffff", colors[f"c{place}"]) >= 3.0, place  # bold code letters, and a shape besides
