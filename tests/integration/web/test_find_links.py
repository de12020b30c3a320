"""A link to a document, pasted where numbers are looked up, leads to its page; the key behind its # goes no further."""

import re

import pytest
from worlds.web import Site

CID = "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"
KEY = "AGE-SECRET-KEY-1" + "Q" * 58


@pytest.mark.parametrize("path", ["/documents/", "/v1/documents/"])
@pytest.mark.parametrize("behind", ["", "/", "?center=lima&leaf=0", f"#{KEY}", f"?center=lima&leaf=0#{KEY}"])
def test_a_pasted_link_leads_to_the_page_of_the_document_without_its_key(site: Site, path: str, behind: str) -> None:
    answer = site.get("/find", params={"q": f" https://greenlane.example{path}{CID}{behind} "})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/documents/{CID}")


@pytest.mark.parametrize("asked", [f"#{KEY}", f"anything#{KEY}", f"https://greenlane.example/elsewhere#{KEY}", f"ni:///x#{KEY}"])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_key_that_was_sent_is_never_told_again(site: Site, asked: str, accept: str) -> None:
    answer = site.get("/find", params={"q": asked}, headers={"Accept": accept})
    assert answer.status_code == 400
    assert KEY not in answer.text and KEY not in str(answer.headers)


def test_a_cid_that_is_mistyped_is_told_so(site: Site) -> None:
    answer = site.get("/find", params={"q": f"https://greenlane.example/documents/{CID[:-3]}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "cid-invalid")


def test_no_form_lets_a_browser_send_what_stands_behind_a_number_sign(site: Site) -> None:
    """The browser itself refuses to send it, before any script and without one."""
    page = site.get("/", headers={"Accept": "text/html"}).text
    fields = re.findall(r"<input[^>]*name=\"q\"[^>]*>", page)
    assert len(fields) == 2
    for field in fields:
        pattern = re.search(r"pattern=\"([^\"]*)\"", field)
        assert pattern is not None and "key must not be sent" in field
        assert re.fullmatch(pattern[1], f"https://greenlane.example/documents/{CID}#{KEY}") is None
        assert re.fullmatch(pattern[1], "https://id.gs1.org/01/09521321000018/21/1?a=b") is not None


@pytest.mark.parametrize(
    ("cid", "status", "words"),
    [(CID[:-3], 400, "Scan the QR code again, or copy the whole link."), (CID, 404, "ask whoever gave you the link")],
)
def test_whoever_has_half_a_link_in_the_hand_is_told_so_in_plain_words(site: Site, cid: str, status: int, words: str) -> None:
    page = site.get(f"/documents/{cid}", headers={"Accept": "text/html"})
    assert page.status_code == status and words in page.text
    assert "Cid invalid" not in page.text and "Document missing" not in page.text
