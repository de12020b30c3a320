"""Documents on the pages: which are listed, in which words, and what everybody may not know of confidential ones."""

import re
from io import BytesIO
from typing import Any

import pytest
from greenlane.core.units import CenterId
from greenlane.ports.holds import HeldDocument
from greenlane.services.list_documents import member_uri
from greenlane.services.store import AlreadyReplaced, TooManyStatements
from worlds.attached import attach, attach_secret
from worlds.deployment import COOPERATIVE, LIMA, ROASTER, TIANJIN, World
from worlds.events import GTIN, event_document, item, parsed
from worlds.web import Site

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
JSON = {"Accept": "application/json"}
PAGE = f"/01/{GTIN}/21/1"
PDF = b"%PDF-1.7\n"
PLACE = "https://id.gs1.org/414/9521321000018/254/dock-3"


def _journey(world: World) -> str:
    """An item that was shipped from a place, inside a pallet; the hash of its shipping."""
    pallet = "https://id.gs1.org/00/095213210000000018"
    packing = event_document(
        type="AggregationEvent", action="ADD", epcList=None, parentID=pallet, childEPCs=[item(1), item(2)], bizStep="packing"
    )
    shipping = event_document(1, bizLocation={"id": PLACE}, eventTime="2026-05-31T10:00:00Z")
    job = world.take_these(*parsed(packing, shipping))
    return job.events[1].event_hash


def _listed(site: Site, path: str = PAGE, **more: Any) -> list[str]:
    answer = site.get(path, headers=JSON, **more)
    assert answer.status_code == 200, answer.text
    return [each["description"]["name"] for each in answer.json()["documents"]]


def test_what_concerns_an_item_is_listed_newest_first_and_nothing_else(site: Site) -> None:
    world = site.world
    shipping = _journey(world)
    subjects = {
        "item": item(1),
        "class": f"https://id.gs1.org/01/{GTIN}",
        "pallet": "https://id.gs1.org/00/095213210000000018",
        "event": shipping,
        "place": "https://id.gs1.org/414/9521321000018",
        "dock": PLACE,
        "member": member_uri(LIMA, COOPERATIVE),
    }
    for name, subject in subjects.items():
        attach(world, PDF + name.encode(), about=(subject,), name=f"{name}.pdf")
    others = (item(2), member_uri(LIMA, ROASTER), member_uri(TIANJIN, COOPERATIVE), "https://id.gs1.org/01/09521321000025")
    for number, other in enumerate(others):
        attach(world, PDF + b"other %d" % number, about=(other,), name=f"other-{number}.pdf")
    assert _listed(site) == [f"{name}.pdf" for name in reversed(subjects)]
    assert _listed(site, f"/documents?about={item(1)}") == [f"{name}.pdf" for name in reversed(subjects)]
    assert _listed(site, f"/documents?about={shipping}") == ["member.pdf", "dock.pdf", "place.pdf", "event.pdf"]


def test_a_listed_document_is_told_in_plain_words(site: Site) -> None:
    _journey(site.world)
    stored = attach(site.world, PDF + bytes(47_000), about=(item(1),))
    text = site.get(PAGE, headers=HTML).text
    entry = re.search(r'<li class="document".*?</li>', text, re.DOTALL)
    assert entry is not None
    words = " ".join(re.sub(r"<[^>]+>", " ", entry[0]).split())
    assert "Certificate organic-2026.pdf Issued by Certificadora Ejemplo" in words
    assert "20 May 2026" in words and "47 kB" in words
    assert "by Cooperative of Centro Piloto de Lima, for Centro Piloto de Lima" in words
    # Without JavaScript it says that nothing was checked, never that something was.
    assert "Not checked Your browser checks it with JavaScript, which is off here or did not start." in words
    assert f'data-cid="{stored.description.cid.text}"' in entry[0] and f'data-leaf="{stored.leaf_index}"' in entry[0]


def test_a_page_without_documents_runs_no_script_and_one_with_them_only_this_servers_files(site: Site) -> None:
    _journey(site.world)
    plain = site.get(PAGE, headers=HTML)
    assert "<script" not in plain.text and "script-src" not in plain.headers["content-security-policy"]
    stored = attach(site.world, PDF, about=(item(1),))
    for path in (PAGE, f"/documents?about={item(1)}", f"/documents/{stored.description.cid.text}"):
        answer = site.get(path, headers=HTML)
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'" and policy["connect-src"] == "'self'"
        assert policy["img-src"] == "'self' data: blob:" and policy["base-uri"] == "'none'"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        scripts = re.findall(r"<script[^>]*>.*?</script>", answer.text, re.DOTALL)
        assert scripts == ['<script type="module" src="/static/marks.js"></script>']
        assert re.search(r"\son[a-z]+=", answer.text) is None


def test_modules_are_served_as_they_are_and_asked_for_anew(site: Site) -> None:
    answer = site.get("/static/marks.js")
    assert answer.headers["content-type"].startswith("text/javascript") and answer.headers["cache-control"] == "no-cache"
    again = site.get("/static/marks.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("nothing.js", "..%2Frender.py", "greenlane.css.js", "greenlane.py"):
        assert site.get(f"/static/{name}").status_code == 404


def test_confidential_documents_are_listed_for_nobody_but_those_who_may_know(site: Site) -> None:
    _journey(site.world)
    stored, _ = attach_secret(site.world, PDF + b"prices", about=(item(1),), name="prices.pdf", issuer="Somebody Secret")
    assert _listed(site) == []
    assert _listed(site, key=site.operator) == ["prices.pdf"]
    page = site.get(f"/documents/{stored.description.cid.text}", headers=HTML)
    assert page.status_code == 200
    for secret in ("prices", "Somebody Secret", ">Certificate<", COOPERATIVE.title(), item(1)):
        assert secret not in page.text
    assert "The bytes here are encrypted. Whoever has the key can read them." in page.text
    known = site.get(f"/documents/{stored.description.cid.text}", headers=HTML, key=site.operator).text
    assert "prices.pdf" in known and "whoever holds a link with a key" in known


def test_a_replaced_document_says_so_and_leads_to_the_newer_one(site: Site) -> None:
    _journey(site.world)
    old = attach(site.world, PDF + b"2025", about=(item(1),), name="organic-2025.pdf").description.cid.text
    new = attach(site.world, PDF + b"2026", about=(item(1),), name="organic-2026.pdf", replaces=old).description.cid.text
    assert _listed(site) == ["organic-2026.pdf", "organic-2025.pdf"]
    text = site.get(PAGE, headers=HTML).text
    assert text.count("older version") == 1
    assert text.index("organic-2026.pdf") < text.index("older version") < text.index("organic-2025.pdf")
    page = site.get(f"/documents/{old}", headers=HTML).text
    assert "A newer version took its place" in page and f'href="/documents/{new}"' in page
    assert f'href="/documents/{old}"' in site.get(f"/documents/{new}", headers=HTML).text


def test_a_withdrawn_document_answers_410_with_the_newer_one(site: Site) -> None:
    old, key = attach_secret(site.world, PDF + b"2025", about=(item(1),))
    cid = old.description.cid.text
    new, _ = attach_secret(site.world, PDF + b"2026", about=(item(1),), key=key, replaces=cid)
    answer = site.get(f"/documents/{cid}", headers=HTML)
    assert answer.status_code == 410
    assert f'href="/documents/{new.description.cid.text}"' in answer.text and "What was read stays read" in answer.text
    told = site.get(f"/documents/{cid}", headers=JSON)
    assert (told.status_code, told.json()["code"]) == (410, "document-withdrawn")
    mine = site.get(f"/documents/{cid}", headers=HTML, key=site.operator)
    assert mine.status_code == 200 and "no longer handed out" in mine.text


def test_more_than_a_page_of_documents_go_on_behind_a_link(site: Site) -> None:
    _journey(site.world)
    for number in range(52):
        attach(site.world, PDF + b"%d" % number, about=(item(1),), name=f"{number}.pdf")
    first = site.get(PAGE, headers=JSON).json()
    assert len(first["documents"]) == 50
    page = site.get(first["moreDocuments"].removeprefix(site.url), headers=JSON).json()
    assert [each["description"]["name"] for each in page["documents"]][:2] == ["51.pdf", "50.pdf"]
    rest = page["moreDocuments"].removeprefix(site.url)
    assert _listed(site, rest) == ["1.pdf", "0.pdf"]
    # Meanwhile the journey has grown: the place in the list is of another question, and it begins anew.
    site.world.take_these(*parsed(event_document(1, bizStep="receiving", eventTime="2026-06-01T00:00:00Z")))
    answer = site.get(rest, headers=HTML)
    assert answer.status_code == 303 and "after" not in answer.headers["location"]


def test_what_is_no_document_is_told_as_that(site: Site) -> None:
    unknown = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    for path, status in ((f"/documents/{unknown}", 404), ("/documents/nonsense", 400), ("/documents?about=nonsense", 400)):
        answer = site.get(path, headers=HTML)
        assert (answer.status_code, "<h1>" in answer.text) == (status, True), path
    assert "No document that everybody may read" in site.get(f"/documents?about={item(9)}", headers=HTML).text
    assert "Integrity checked" in site.get("/documents", headers=HTML).text


def _page(site: Site, path: str) -> str:
    answer = site.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", answer.text)


def test_no_member_speaks_over_another_on_the_page_of_a_document(site: Site) -> None:
    stored = attach(site.world, PDF, about=(item(1),))
    cid = stored.description.cid.text
    attach(site.world, PDF, about=(item(1),), member=ROASTER, name="WITHDRAWN certificate.pdf")
    attach(site.world, PDF + b"decoy", about=(item(1),), member=ROASTER, name="decoy.pdf", replaces=cid)
    page = _page(site, f"/documents/{cid}")
    assert "<h1>A document that several state something of</h1>" in page
    assert "<title>Document ·" in page and "Go to the newer version" not in page
    assert page.index("organic-2026.pdf") < page.index("WITHDRAWN certificate.pdf"), "who stated it first comes first"
    answer = site.get(f"/v1/documents/{cid}")
    assert "WITHDRAWN" not in answer.headers["Content-Disposition"] and "Link" not in answer.headers
    named = site.get(f"/v1/documents/{cid}?center={LIMA}&leaf={stored.leaf_index}")
    assert "organic-2026.pdf" in named.headers["Content-Disposition"] and "Link" not in named.headers


def test_what_is_only_held_for_another_center_is_never_called_confidential(site: Site) -> None:
    public, secret = PDF + b"theirs", b"age-encryption.org/v1\n-> X25519 \n"
    for data in (public, secret):
        cid = site.world.documents.add(BytesIO(data)).cid
        with site.world.store.write() as tx:
            tx.holds.ask(
                HeldDocument(center=LIMA, asked_by=CenterId("hanoi"), cid=cid, size=len(data), asked_at=site.world.clock())
            )
            tx.holds.note_pinned(cid, False)
            tx.holds.bring(cid)
        page = _page(site, f"/documents/{cid.text}")
        assert ("Confidential document" in page, "encrypted" in page) == (data is secret, data is secret)
        assert ("It is kept here for another center." in page) == (data is public)


def test_a_document_is_replaced_once_and_stated_a_bounded_number_of_times(site: Site) -> None:
    first = attach(site.world, PDF, about=(item(1),)).description.cid
    second = attach(site.world, PDF + b"2", about=(item(1),), replaces=first.text).description.cid
    with pytest.raises(AlreadyReplaced) as refused:
        attach(site.world, PDF + b"3", about=(item(1),), replaces=first.text)
    assert second.text in str(refused.value)
    for number in range(15):
        attach(site.world, PDF, about=(f"urn:example:{number}",))
    with pytest.raises(TooManyStatements):
        attach(site.world, PDF, about=("urn:example:one-too-many",))
    answer = site.get(f"/v1/documents/{first.text}/about?perPage=5")
    assert len(answer.json()["statements"]) == 5 and 'rel="next"' in answer.headers["Link"]


def test_what_a_credential_is_evidenced_by_is_found_by_its_uri(site: Site) -> None:
    credential = "urn:uuid:0f6d7e1c-2f0e-4a52-9d55-2b5f3a0f7a11"
    attach(site.world, PDF, about=(credential,))
    assert _listed(site, f"/documents?about={credential}") == ["organic-2026.pdf"]
    found = site.get(f"/v1/documents?about={credential}").json()["statements"]
    assert [each["description"]["about"] for each in found] == [[credential]]
