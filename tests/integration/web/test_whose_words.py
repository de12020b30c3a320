"""Whose words and whose bytes: what a member withdrew stays so, its readers get its words, and nobody floods another's page."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pyrage  # type: ignore[import-untyped]
from greenlane.core.receipt import DocumentDisclosure, parse_receipt
from greenlane.core.units import LeafIndex
from worlds.deployment import COOPERATIVE, LIMA, ROASTER
from worlds.web import Site

PDF = b"%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"
LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"


def posted(site: Site, data: bytes, *, key: str, **description: Any) -> httpx.Response:
    """Stores bytes under a statement."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(data)), "Content-Type": "application/offset+octet-stream"}
    upload = site.post("/v1/uploads", key=key, headers=headers, content=data).headers["Location"].rpartition("/")[2]
    facts = {"mediaType": "application/pdf", "name": "audit.pdf", "documentType": "audit", "about": [LOT]} | description
    return site.post("/v1/documents", key=key, json={"upload": upload, "description": facts})


def secret(data: bytes, plain: bytes, recipients: Mapping[str, str | None]) -> dict[str, Any]:
    """What a statement says of an age file."""
    readers = [{"recipient": each, "name": name} for each, name in recipients.items()]
    format_ = "age-encryption.org/v1"
    return {
        "digest": "0x" + hashlib.sha256(plain).hexdigest(),
        "confidential": {"format": format_, "digest": "0x" + hashlib.sha256(data).hexdigest(), "readers": readers},
    }


def sealed(plain: bytes, *keys: Any) -> tuple[bytes, list[str]]:
    """An age file for some keys, and their public halves."""
    return pyrage.encrypt(plain, [key.to_public() for key in keys]), [str(key.to_public()) for key in keys]


def cid_of(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json()["description"]["cid"])


def test_what_its_owner_withdrew_comes_back_by_nobody_and_leads_to_nobody_elses_document(site: Site) -> None:
    link, second, own = (pyrage.x25519.Identity.generate() for _ in range(3))
    data, (recipient,) = sealed(PDF, link)
    old = cid_of(posted(site, data, key=site.member, **secret(data, PDF, {recipient: None})))
    kept = site.get(f"/v1/documents/{old}").content
    new_data, (new_recipient,) = sealed(PDF, second)
    new = cid_of(posted(site, new_data, key=site.member, **secret(new_data, PDF, {new_recipient: None}), replaces=old))
    # Whoever kept the public ciphertext can say what they like of it; it is not handed out for that.
    mine = {str(own.to_public()): None}
    again = posted(site, kept, key=site.roaster, **secret(kept, b"other", mine))
    assert (again.status_code, again.json()["code"]) == (410, "document-withdrawn")
    evil_data, (evil_recipient,) = sealed(b"evil", own)
    stated = posted(site, evil_data, key=site.roaster, **secret(evil_data, b"evil", {evil_recipient: None}), replaces=old)
    assert (stated.status_code, stated.json()["code"]) == (403, "not-their-document")
    gone = site.get(f"/v1/documents/{old}")
    assert (gone.status_code, gone.headers["Link"]) == (410, f'</v1/documents/{new}>; rel="successor-version"')
    page = site.get(f"/documents/{old}", headers={"Accept": "text/html"})
    assert page.status_code == 410 and f'href="/documents/{new}"' in page.text


def test_a_reader_who_stated_it_too_keeps_no_withdrawn_document_alive_and_the_link_goes_on_telling_its_owners_words(
    site: Site,
) -> None:
    link, reader, later = (pyrage.x25519.Identity.generate() for _ in range(3))
    data, (to_link, to_reader) = sealed(PDF, link, reader)
    readers = {to_link: None, to_reader: f"{LIMA}/{ROASTER}"}
    cid = cid_of(posted(site, data, key=site.member, **secret(data, PDF, readers)))
    false = posted(site, data, key=site.roaster, **secret(data, PDF, readers), name="false.pdf", issuer="Bureau of Nothing")
    assert cid_of(false) == cid and site.get(f"/v1/documents/{cid}").status_code == 200
    new_data, (to_later,) = sealed(PDF, later)
    cid_of(posted(site, new_data, key=site.member, **secret(new_data, PDF, {to_later: None}), replaces=cid))
    assert site.get(f"/v1/documents/{cid}").status_code == 410
    site.world.settle()
    receipt = parse_receipt(pyrage.decrypt(site.get(f"/v1/documents/{cid}/receipt.age").content, [link]))
    assert isinstance(receipt.disclosure, DocumentDisclosure) and receipt.disclosure.description is not None
    told = receipt.disclosure.description
    assert (str(told.stated_by), told.name, told.issuer) == (f"{LIMA}/{COOPERATIVE}", "audit.pdf", None)


def test_every_statement_comes_once_over_the_pages_of_what_is_stated_of_a_document(site: Site) -> None:
    for number in range(7):
        cid = cid_of(posted(site, PDF, key=(site.member, site.roaster)[number % 2], name=f"name-{number}.pdf"))
    found: list[str] = []
    path = f"/v1/documents/{cid}/about?perPage=3"
    while path:
        answer = site.get(path)
        assert len(answer.json()["statements"]) <= 3
        found += [each["description"]["name"] for each in answer.json()["statements"]]
        link = re.search(r"<[a-z]+://[^/]+([^>]+)>", answer.headers.get("Link", ""))
        path = "" if link is None else link[1]
    assert found == [f"name-{number}.pdf" for number in (0, 2, 4, 6, 1, 3, 5)]
    for query in ("nextPageToken=x", "nextPageToken=-1", "perPage=0", "perPage=3&perPage=3", "page=2"):
        assert site.get(f"/v1/documents/{cid}/about?{query}").status_code == 400, query
    assert site.get(f"/v1/documents/{cid}/about?nextPageToken=99999999").status_code == 404


def test_a_stranger_who_states_much_pushes_nothing_off_the_page_of_anybodys_goods(site: Site) -> None:
    site.world.take(1)
    with site.world.store.read() as tx:
        (event,) = tx.events.walk(LIMA, start=LeafIndex(0), limit=1)
    item = next(each.identifier for each in event.items)
    path = item.removeprefix("https://id.gs1.org")
    for number in range(55):
        cid_of(posted(site, PDF + b"%d" % number, key=site.roaster, name=f"spam-{number}.pdf", about=[item]))
    cid_of(posted(site, PDF, key=site.member, name="genuine.pdf", about=[item]))
    for number in range(55, 60):
        cid_of(posted(site, PDF + b"%d" % number, key=site.roaster, name=f"spam-{number}.pdf", about=[item]))
    page = site.get(path, headers={"Accept": "text/html"}).text
    shown = re.findall(r'data-shown="name">([^<]*)<', page)
    assert shown == ["genuine.pdf", "spam-59.pdf", "spam-58.pdf", "spam-57.pdf"] and "More documents" in page
