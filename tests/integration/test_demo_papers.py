"""The demo's papers are PDF files that hold together, and say what the chain's events say."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from greenlane.adapters.media_types import SniffedTypes
from greenlane.core.documents.description import read_day, read_document_type, read_file_name, read_issuer
from greenlane.core.documents.unixfs import identify
from greenlane.ports.media_types import TypeForbidden

from scripts.demo.cast import AN_PHU, BOSQUE, TRUONG_SON
from scripts.demo.cocoa import DRY_LOT
from scripts.demo.papers import ALL_PAPERS, AUDIT_REPORT, CERTIFICATE, TEST_RESULTS, WOOD_CERTIFICATE, Paper, pdf_of
from scripts.demo.story import spell

ROOT = Path(__file__).parents[2]
CHAINS = ROOT / "scripts" / "demo" / "chains"
CIDS = ROOT / "tests" / "vectors" / "demo" / "papers.json"
ENDING = re.compile(rb"trailer\n<< /Size (\d+) /Root 1 0 R /Info \d+ 0 R >>\nstartxref\n(\d+)\n%%EOF\n\Z")


def texts(file: bytes) -> list[str]:
    """What stands on the page, found as a reader of PDF finds it: by the table of places at the end, then by each length.

    Raises:
        ValueError: a place or a length is not what lies there.
    """
    ending = ENDING.search(file)
    if ending is None:
        raise ValueError("no ending")
    count, start = int(ending[1]), int(ending[2])
    if not file.startswith(b"xref\n0 %d\n" % count, start):
        raise ValueError("no table of places")
    rows = file[start : ending.start()].split(b"\n")[2:-1]
    places = [int(row[:10]) for row in rows if row.endswith(b" n ")]
    if any(len(row) != 19 for row in rows) or len(places) != count - 1:
        raise ValueError("a row of the table")
    for number, place in enumerate(places, start=1):
        if not file.startswith(b"%d 0 obj\n" % number, place):
            raise ValueError(f"object {number}")
    stream = re.compile(rb"4 0 obj\n<< /Length (\d+) >>\nstream\n").match(file, places[3])
    if stream is None or not file.startswith(b"\nendstream", stream.end() + int(stream[1])):
        raise ValueError("the page's length")
    page = file[stream.end() : stream.end() + int(stream[1])].decode("cp1252")
    return [re.sub(r"\\(.)", r"\1", text) for text in re.findall(r"\(((?:\\.|[^()\\])*)\) Tj", page)]


def facts(paper: Paper) -> dict[str, str]:
    return dict(paper.facts)


@pytest.fixture(scope="module")
def inspection() -> Any:
    """The event that the test results are about: the certifier's last."""
    document = json.loads((CHAINS / "cocoa" / f"{BOSQUE.id}.jsonld").read_bytes())
    return document["epcisBody"]["eventList"][-1]


@pytest.mark.parametrize("paper", ALL_PAPERS, ids=lambda paper: paper.name)
def test_a_paper_is_a_pdf_whose_parts_are_where_it_says(paper: Paper) -> None:
    file = pdf_of(paper)
    said = texts(file)
    assert [paper.title, *(part for fact in paper.facts for part in fact), *paper.words] == [said[0], *said[2:-1]]
    assert all(words in said[1] for words in (paper.issuer, paper.number, paper.issued_on))
    SniffedTypes(frozenset({"application/pdf"})).check(io.BytesIO(file), stated="application/pdf")
    with pytest.raises(ValueError, match="no table of places"):
        texts(file.replace(b"%PDF-1.4\n", b"%PDF-1.4\n\n"))
    with pytest.raises(TypeForbidden):
        SniffedTypes(frozenset({"application/pdf"})).check(io.BytesIO(file[1:]), stated="application/pdf")


@pytest.mark.parametrize("paper", ALL_PAPERS, ids=lambda paper: paper.name)
def test_what_is_stated_of_a_paper_is_what_a_center_takes(paper: Paper) -> None:
    assert read_file_name(paper.name, "/name") == paper.name
    assert read_document_type(paper.document_type, "/documentType") == paper.document_type
    assert read_issuer(paper.issuer, "/issuer") == paper.issuer
    assert read_day(paper.issued_on, "/issuedOn").isoformat() == paper.issued_on


def test_a_paper_is_the_same_bytes_at_each_run_and_no_two_are_alike() -> None:
    assert {paper.name: identify([pdf_of(paper)])[0].text for paper in ALL_PAPERS} == json.loads(CIDS.read_bytes())
    assert len({pdf_of(paper) for paper in ALL_PAPERS}) == len(ALL_PAPERS)


def test_the_test_results_say_what_the_inspecting_event_says(inspection: Any) -> None:
    assert (inspection["bizStep"], inspection["disposition"]) == ("inspecting", facts(TEST_RESULTS)["Judgement"])
    (lot,) = inspection["quantityList"]
    assert (lot["epcClass"], f"{lot['quantity']:.0f}") == (
        spell(DRY_LOT, BOSQUE),
        facts(CERTIFICATE)["Net weight"][:5].replace(" ", ""),
    )
    cadmium, moisture = (report["value"] for report in inspection["sensorElementList"][0]["sensorReport"])
    assert facts(TEST_RESULTS)["Cadmium"] == f"{cadmium} mg/kg"
    assert facts(TEST_RESULTS)["Moisture"] == f"{moisture} %"
    assert inspection["bizTransactionList"][0]["bizTransaction"].endswith(TEST_RESULTS.number)
    assert inspection["eventTime"].startswith(TEST_RESULTS.issued_on)
    assert inspection["certificationInfo"] == [facts(CERTIFICATE)["Certificate"]]


def test_the_wood_s_certificate_says_what_the_desks_events_say() -> None:
    events = json.loads((CHAINS / "furniture" / f"{AN_PHU.id}.jsonld").read_bytes())["epcisBody"]["eventList"]
    made = [event for event in events if event["type"] == "TransformationEvent"]
    serials = [uri.rpartition("/")[2] for event in made for uri in event["outputEPCList"]]
    assert facts(WOOD_CERTIFICATE)["Pieces"].startswith(f"{len(serials)}, from {serials[0]} to {serials[-1]}")
    assert {certificate for event in made for certificate in event["certificationInfo"]} == {
        facts(WOOD_CERTIFICATE)["Certificate"]
    }
    assert made[-1]["eventTime"].startswith(WOOD_CERTIFICATE.issued_on)
    forest = json.loads((CHAINS / "furniture" / f"{TRUONG_SON.id}.jsonld").read_bytes())["epcisBody"]["eventList"]
    grown = [event for event in forest if event["action"] == "ADD"]
    assert ", ".join(event["ilmd"]["cbvmda:lotNumber"] for event in grown) == facts(WOOD_CERTIFICATE)["Wood from"]
    assert {certificate for event in grown for certificate in event["certificationInfo"]} == {facts(WOOD_CERTIFICATE)["Rests on"]}


def test_what_growers_were_paid_stands_in_the_confidential_paper_alone() -> None:
    public = "".join(text for paper in (CERTIFICATE, TEST_RESULTS) for text in texts(pdf_of(paper)))
    assert "PEN" in "".join(texts(pdf_of(AUDIT_REPORT)))
    assert "PEN" not in public
