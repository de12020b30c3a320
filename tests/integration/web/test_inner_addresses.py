"""Whoever asks is told that something inside is away: neither where it stands, nor what its keeper is to do to it."""

from collections.abc import Iterator

import pytest
from greenlane.ports.documents import DocumentsFull, DocumentsUnavailable
from worlds.web import Site

PDF = b"%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"
INNER, ASIDE = "http://10.3.7.11:5001", "GREENLANE_DOCUMENTS_URL"


def stored(site: Site) -> str:
    """The CID of a document that was stored."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(PDF)), "Content-Type": "application/offset+octet-stream"}
    upload = site.post("/v1/uploads", key=site.member, headers=headers, content=PDF).headers["Location"].rpartition("/")[2]
    about = ["https://id.gs1.org/01/09521321000018/10/LOT-7"]
    description = {"mediaType": "application/pdf", "name": "audit.pdf", "documentType": "audit", "about": about}
    answer = site.post("/v1/documents", key=site.member, json={"upload": upload, "description": description})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["description"]["cid"])


@pytest.mark.parametrize("fault", [DocumentsUnavailable, DocumentsFull])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_node_that_is_away_is_told_without_its_address_and_with_words_for_whoever_asks(
    site: Site, monkeypatch: pytest.MonkeyPatch, fault: type[DocumentsUnavailable | DocumentsFull], accept: str
) -> None:
    cid = stored(site)

    def fail(*_: object, **__: object) -> Iterator[bytes]:
        raise fault("The documents node is of no use now.", where=INNER, remedy=f"Compare {ASIDE} with the node.")

    monkeypatch.setattr(site.world.documents, "size", fail)
    # The page of a document that is stated reads nothing of it: the address of its bytes does.
    answer = site.get(f"/v1/documents/{cid}", headers={"Accept": accept})
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert "10.3.7.11" not in answer.text and ASIDE not in answer.text
    value = answer.json()
    assert (value["code"], value["remedy"]) == (fault.code, fault.default_remedy) and "errors" not in value


def test_a_page_names_no_place_within_either(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> object:
        raise DocumentsUnavailable("The documents node is of no use now.", where=INNER, remedy=f"Compare {ASIDE}.")

    monkeypatch.setattr(site.world.documents, "size", fail)
    cid = stored(site)
    monkeypatch.setattr(type(site.world.store), "read", fail)
    page = site.get(f"/documents/{cid}", headers={"Accept": "text/html"})
    assert page.status_code == 503 and "text/html" in page.headers["Content-Type"]
    assert "10.3.7.11" not in page.text and ASIDE not in page.text and "Retry-After" in page.text
