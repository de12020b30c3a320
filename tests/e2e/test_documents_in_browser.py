"""Documents as a real browser checks and opens them: marks that turn, keys that stay in the browser, words for what is wrong."""

import hashlib
import json
import shutil
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pyrage  # type: ignore[import-untyped]
import pytest
from greenlane.adapters.sql.names import name_digest
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import CHUNK_BYTES, identify
from greenlane.services.fetch import FetchDocument
from worlds.attached import attach, attach_secret
from worlds.browser import OpenBrowser, Page, open_browser
from worlds.deployment import World, close_world, make_world
from worlds.events import GTIN, event_document, item, parsed
from worlds.web import Site, serve, services_of

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAGE = f"/01/{GTIN}/21/1"
PDF = b"%PDF-1.7\n"
CHECKED = "document.querySelector('[data-mark]')?.dataset.verdict === 'passed'"
FAILED = "document.querySelector('[data-mark]')?.dataset.verdict === 'failed'"
NOT_CHECKED = "document.querySelector('[data-mark]')?.dataset.verdict === 'not_checked'"


def png(width: int = 240, height: int = 120) -> bytes:
    """A picture of a green band."""
    rows = b"".join(b"\0" + bytes([20, 120 + row % 100, 60]) * width for row in range(height))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


class FlippedBit(FetchDocument):
    """Hands out every document with its last bit turned, as a server that lies would."""

    def read(self, cid: Cid, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        data = b"".join(super().read(cid, offset=offset, length=length))
        yield data[:-1] + bytes([data[-1] ^ 1])


class HonestOnce(FlippedBit):
    """Hands out the right bytes the first time, and others from then on."""

    was_honest = False

    def read(self, cid: Cid, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        if self.was_honest:
            yield from super().read(cid, offset=offset, length=length)
            return
        self.was_honest = True
        yield from FetchDocument.read(self, cid, offset=offset, length=length)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBrowser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH: the documents are not looked at with a real browser")
    with open_browser(CHROMIUM, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    made.take_these(*parsed(event_document(1)))
    yield made
    close_world(made)


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    with serve(world) as served:
        yield served


@pytest.fixture
def liar(world: World) -> Iterator[Site]:
    """Serves the same world, and flips a bit of every document."""
    fetch = FlippedBit(store=world.store, documents=world.documents, wait_s=None)
    with serve(world, services=replace(services_of(world), fetch_document=fetch)) as served:
        yield served


def _marks(page: Page) -> list[str]:
    marks = page.value("Array.from(document.querySelectorAll('[data-mark]'), (mark) => mark.dataset.verdict)")
    assert isinstance(marks, list)
    return marks


def _fits(page: Page) -> bool:
    return bool(page.value("document.documentElement.scrollWidth <= innerWidth"))


def test_a_browser_computes_the_mark_and_says_what_it_compared(site: Site, browser: OpenBrowser) -> None:
    data = PDF + Random(1).randbytes(3 * CHUNK_BYTES + 5)
    stored = attach(site.world, data, about=(item(1),))
    attach(site.world, PDF + b"small", about=(item(1),), name="small.pdf", issuer=None, issuedOn=None, documentType="bol")
    site.world.settle()
    page = browser.page()
    page.go(site.url + PAGE)
    page.wait("document.querySelectorAll('[data-verdict=passed]').length === 2")
    assert page.text("[data-summary]") == "2 of 2 checked here"
    page.value("document.querySelectorAll('.integrity details').forEach((each) => { each.open = true; })")
    told = page.text(".documents")
    assert told.count("Integrity checked") == 2 and "they are, to the last bit, what stands as entry 1 in the log" in told
    assert stored.description.cid.text in told and hashlib.sha256(data).hexdigest() in told
    assert f"{len(data):,} bytes were read and hashed here" in told
    assert "Your browser cannot ask the chain" in told
    assert page.complaints == []
    assert {url.partition("/v1/")[0] for url in page.asked if "/v1/" in url} == {site.url}


def test_one_flipped_bit_turns_the_mark_to_failed_in_words_that_nobody_overlooks(liar: Site, browser: OpenBrowser) -> None:
    stored = attach(liar.world, PDF + b"honest", about=(item(1),))
    liar.world.settle()
    page = browser.page()
    for path in (PAGE, f"/documents/{stored.description.cid.text}", f"/documents?about={item(1)}"):
        page.go(liar.url + path)
        page.wait(FAILED)
        told = page.text("[data-mark]")
        assert "FAILED" in told and "Do not rely on this document. The bytes are not the ones that were logged" in told
        assert page.value("document.querySelector('[data-mark] [role=alert]') !== null")
        assert "Integrity checked" not in page.text("[data-document]")
    page.resize(360, 800)
    page.go(liar.url + PAGE)
    page.value("document.querySelector('[data-mark]').scrollIntoView()")
    page.wait(FAILED)
    assert page.text("[data-summary]") == "1 of 1 FAILED the check"
    assert "1 document of this page FAILED the check in your browser." in page.text("[data-alarm]")
    assert _fits(page)


def test_a_statement_that_was_changed_behind_the_logs_back_is_failed(site: Site, browser: OpenBrowser) -> None:
    attach(site.world, PDF + b"honest", about=(item(1),))
    site.world.settle()
    with site.world.store.read() as tx:
        (stored,) = tx.documents.about((item(1),), reader=None, limit=1).documents
    changed = site.world.damage(
        "UPDATE document SET description = CAST(replace(CAST(description AS TEXT), 'Certificadora', 'Zertifizierer') AS BLOB)"
    )
    assert changed == 1
    page = browser.page()
    page.go(f"{site.url}/documents/{stored.description.cid.text}")
    page.wait(FAILED)
    assert "The server's own log does not prove this document" in page.text("[data-mark]")


def test_what_is_not_anchored_yet_is_not_checked_until_asked_again_by_keyboard(site: Site, browser: OpenBrowser) -> None:
    attach(site.world, PDF + b"new", about=(item(1),))
    page = browser.page()
    page.go(site.url + PAGE)
    page.wait("document.querySelector('[data-mark] button')")
    told = page.text("[data-mark]")
    assert (
        "Not checked" in told
        and "not yet anchored on the chain" in told
        and "The bytes are the ones that this CID names." in told
    )
    site.world.settle()
    _tab_to(page, "Check again (organic-2026.pdf)")
    page.press("Enter")
    page.wait(CHECKED)
    assert page.value("document.activeElement.tagName") == "SUMMARY"


def _tab_to(page: Page, words: str) -> None:
    for _ in range(80):
        page.press("Tab")
        if page.value("document.activeElement.textContent.trim()") == words:
            return
    raise AssertionError(f"no key leads to {words!r}: {page.text()}")


def test_a_large_document_is_checked_when_asked_and_says_how_much_it_reads(site: Site, browser: OpenBrowser) -> None:
    data = PDF + Random(2).randbytes(5_300_000)
    cid = attach(site.world, data, about=(item(1),)).description.cid.text
    site.world.settle()
    page = browser.page()
    page.go(site.url + PAGE)
    page.wait("document.querySelector('[data-mark] button')")
    assert f"{site.url}/v1/documents/{cid}" not in page.asked
    assert "it reads all 5.3 MB for that" in page.text("[data-mark]")
    _tab_to(page, "Check now, 5.3 MB (organic-2026.pdf)")
    page.press(" ")
    page.wait(CHECKED)
    assert f"{site.url}/v1/documents/{cid}" in page.asked


def test_without_javascript_the_list_reads_well_and_nothing_is_called_checked(site: Site, browser: OpenBrowser) -> None:
    attach(site.world, PDF, about=(item(1),))
    site.world.settle()
    page = browser.page(width=390)
    page.scripts_off()
    page.go(site.url + PAGE)
    told = page.text(".documents")
    assert "organic-2026.pdf" in told and "Issued by Certificadora Ejemplo" in told
    assert "Not checked" in told and "JavaScript, which is off here" in told
    assert "Integrity checked" not in told


def test_a_page_that_did_not_come_over_https_says_that_it_cannot_check(site: Site, browser: OpenBrowser) -> None:
    attach(site.world, PDF, about=(item(1),))
    site.world.settle()
    page = browser.page()
    page.go(site.url.replace("127.0.0.1", "plain-http.example") + PAGE)
    page.wait(NOT_CHECKED)
    assert "did not come over HTTPS" in page.text("[data-mark]")


@pytest.mark.parametrize("width", [360, 390])
def test_documents_fit_a_phone(site: Site, browser: OpenBrowser, width: int) -> None:
    long = "Certificado-de-conformidad-orgánica-exportación-" * 4
    photo = attach(site.world, png(), about=(item(1),), mediaType="image/png", name="patio.png", documentType="photo")
    attach(site.world, PDF, about=(item(1),), name=f"{long[:190]}.pdf", issuer="Certificadora " * 12 + "S.A.")
    secret, key = attach_secret(site.world, png(), about=(item(1),), name="secret.png", mediaType="image/png")
    site.world.settle()
    page = browser.page(width=width, height=800)
    for path in (PAGE, f"/documents?about={item(1)}", f"/documents/{photo.description.cid.text}", "/documents"):
        page.go(site.url + path)
        if path != "/documents":
            # Marks are computed as one comes to them.
            page.value("document.querySelector('[data-mark]').scrollIntoView()")
            page.wait(CHECKED)
            page.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert _fits(page), path
    page.go(f"{site.url}/documents/{secret.description.cid.text}")
    assert _fits(page)
    page.go(f"{site.url}/documents/{secret.description.cid.text}#{key}")
    page.wait(CHECKED)
    page.wait("document.querySelector('img.preview')?.naturalWidth === 240")
    assert _fits(page)


def _saved(page: Page, folder: Path) -> bytes:
    """What the page saves when it is told to."""
    folder.mkdir()
    page.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    page.value("document.querySelector('a[download]').click()")
    end_s = time.monotonic() + 20
    while not (found := [file for file in folder.iterdir() if file.suffix != ".crdownload"]):
        assert time.monotonic() < end_s, "nothing was saved"
        time.sleep(0.05)
    return found[0].read_bytes()


def test_what_is_shown_and_saved_of_a_document_are_the_bytes_that_were_checked(
    world: World, browser: OpenBrowser, tmp_path: Path
) -> None:
    data = png(320, 100)
    cid = attach(world, data, about=(item(1),), mediaType="image/png", name="patio.png").description.cid.text
    world.settle()
    fetch = HonestOnce(store=world.store, documents=world.documents, wait_s=None)
    with serve(world, services=replace(services_of(world), fetch_document=fetch)) as site:
        page = browser.page()
        page.go(f"{site.url}/documents/{cid}")
        page.wait(CHECKED)
        page.wait("document.querySelector('img.preview')?.naturalWidth === 320")
        assert _saved(page, tmp_path / "saved") == data
        # Whoever asks the server again gets other bytes.
        assert site.get(f"/v1/documents/{cid}").content != data


def test_a_link_with_a_key_opens_and_checks_and_the_key_reaches_no_server(site: Site, browser: OpenBrowser) -> None:
    plain = png(600, 400)
    stored, key = attach_secret(site.world, plain, about=(item(1),), name="prices.png", mediaType="image/png", issuer="Somebody")
    site.world.settle()
    page = browser.page()
    page.go(f"{site.url}/documents/{stored.description.cid.text}#{key}")
    page.wait(CHECKED)
    told = page.text()
    assert "Your browser opened it, and it is, to the last bit, what stands in the log" in told
    assert "prices.png" in told and "Somebody" in told and "whoever holds a link with a key" in told
    page.wait("document.querySelector('img.preview')?.naturalWidth === 600")
    assert page.value("document.querySelector('[data-opened] a[download]').download") == "prices.png"
    assert page.complaints == []
    secret = key.removeprefix("AGE-SECRET-KEY-")
    assert not any(secret in url.partition("#")[0] for url in page.asked) and page.referrers == []
    _tab_to(page, "Take the key out of the address bar")
    page.press("Enter")
    assert page.value("location.hash") == "" and secret not in page.value("document.documentElement.outerHTML")


def test_what_is_opened_is_what_was_encrypted_also_over_many_chunks(site: Site, browser: OpenBrowser, tmp_path: Path) -> None:
    plain = PDF + Random(3).randbytes(2 * CHUNK_BYTES + 333)
    stored, key = attach_secret(site.world, plain, about=(item(1),))
    site.world.settle()
    page = browser.page()
    page.go(f"{site.url}/documents/{stored.description.cid.text}#{key}")
    page.wait(CHECKED)
    assert _saved(page, tmp_path / "saved") == plain


def test_a_key_that_is_wrong_cut_off_or_mistyped_is_told_as_that_and_a_pasted_one_opens(site: Site, browser: OpenBrowser) -> None:
    stored, key = attach_secret(site.world, PDF + b"secret", about=(item(1),))
    site.world.settle()
    path = f"{site.url}/documents/{stored.description.cid.text}"
    other = str(pyrage.x25519.Identity.generate())
    mistyped = key[:40] + ("Q" if key[40] != "Q" else "P") + key[41:]
    page = browser.page(width=390)
    told = {other: "does not open this document", key[:50]: "has 50 of 74 characters", mistyped: "mistyped", "main": "is no key"}
    for fragment, words in told.items():
        page.go("about:blank")
        page.go(f"{path}#{fragment}")
        page.wait(f"document.querySelector('[data-mark]').innerText.includes({json.dumps(words)})")
        assert _marks(page) == ["not_checked"]
        assert "Integrity checked" not in page.text()
    page.value("document.querySelector('#key').focus()")
    page.type(f"{path}#{key}")
    page.press("Enter")
    page.wait(CHECKED)
    assert page.value("location.hash") == "#main"


def test_without_a_key_a_confidential_document_says_what_it_is_and_nothing_more(site: Site, browser: OpenBrowser) -> None:
    stored, _ = attach_secret(site.world, PDF + b"secret", about=(item(1),), name="prices.pdf")
    page = browser.page()
    page.go(f"{site.url}/documents/{stored.description.cid.text}")
    page.wait("!document.querySelector('form.key').hidden")
    told = page.text()
    assert "The bytes here are encrypted. Whoever has the key can read them." in told and "prices" not in told


def test_encrypted_bytes_with_a_flipped_bit_are_failed_and_nothing_is_handed_over(liar: Site, browser: OpenBrowser) -> None:
    stored, key = attach_secret(liar.world, PDF + b"secret", about=(item(1),))
    liar.world.settle()
    page = browser.page()
    page.go(f"{liar.url}/documents/{stored.description.cid.text}#{key}")
    page.wait(FAILED)
    assert "Do not rely on this document. The bytes are not the ones that were logged" in page.text("[data-mark]")
    assert page.text("[data-opened]") == ""


def test_a_confidential_document_opens_before_it_is_anchored_and_is_not_called_checked(site: Site, browser: OpenBrowser) -> None:
    stored, key = attach_secret(site.world, PDF + b"secret", about=(item(1),))
    page = browser.page()
    page.go(f"{site.url}/documents/{stored.description.cid.text}#{key}")
    page.wait("document.querySelector('[data-opened] a[download]')")
    assert _marks(page) == ["not_checked"]
    assert "Whether it is what was logged is not checked: It is logged and not yet anchored" in page.text("[data-mark]")
    page.value(f"location.hash = {json.dumps(str(pyrage.x25519.Identity.generate()))}")
    page.wait("document.querySelector('[data-mark]').innerText.includes('does not open this document')")
    assert page.text("[data-opened]") == "" and not page.value("document.querySelector('form.key').hidden")


def test_the_policy_of_a_page_lets_no_inline_script_run_and_nothing_be_sent_elsewhere(site: Site, browser: OpenBrowser) -> None:
    stored = attach(site.world, PDF, about=(item(1),))
    page = browser.page()
    page.go(f"{site.url}/documents/{stored.description.cid.text}")
    page.value(
        "(() => { const s = document.createElement('script'); s.textContent = 'self.ran = 1'; document.body.append(s); })()"
    )
    assert page.value("self.ran ?? null") is None
    elsewhere = site.url.replace("127.0.0.1", "plain-http.example")
    assert page.value(f"fetch('{elsewhere}/').then(() => 'sent', () => 'refused')") == "refused"


def test_a_browser_gives_every_border_of_chunks_the_cid_that_core_gives_it(site: Site, browser: OpenBrowser) -> None:
    page = browser.page()
    page.go(f"{site.url}/documents?about={item(1)}")
    sizes = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 1]
    script = """
    (async () => {
      const { Identifier } = await import("/static/unixfs.js");
      const found = [];
      for (const size of SIZES) {
        const identifier = new Identifier();
        await identifier.add(Uint8Array.from({ length: size }, (_, place) => (place * 7 + (place >>> 9)) & 255));
        found.push((await identifier.finish()).cid);
      }
      return found;
    })()
    """
    whole = bytes((place * 7 + (place >> 9)) & 255 for place in range(sizes[-1]))
    expected: list[Any] = [identify([whole[:size]])[0].text for size in sizes]
    assert page.value(script.replace("SIZES", json.dumps(sizes))) == expected


def test_a_certificate_hung_on_another_lot_in_the_database_fails_the_check(site: Site, browser: OpenBrowser) -> None:
    attach(site.world, PDF + b"of this one", about=(item(1),))
    attach(site.world, PDF + b"of another", about=(item(2),), name="others.pdf")
    site.world.settle()
    changed = site.world.damage(
        "INSERT INTO document_about (name_digest, stored_at, center, leaf_index) SELECT DISTINCT ?1, b.stored_at, b.center, "
        "b.leaf_index FROM document_about a, document_about b WHERE a.name_digest = ?1 AND a.leaf_index < b.leaf_index",
        name_digest("about", item(1)),
    )
    assert changed == 1
    page = browser.page()
    page.go(f"{site.url}/documents?about={item(1)}")
    page.wait("document.querySelectorAll('[data-verdict=failed]').length === 1")
    page.wait("document.querySelectorAll('[data-verdict=passed]').length === 1")
    assert "By the log the document is not about what this page shows it for." in page.text(".documents")


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("[data-heading]", "textContent = 'WITHDRAWN.pdf'"),
        ("[data-shown=name]", "textContent = 'WITHDRAWN.pdf'"),
        ("[data-also=mediaType]", "textContent = 'text/plain'"),
        ("[data-also=replaces]", "dataset.value = 'bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4'"),
        ("[data-also=digest]", "dataset.value = '0x00'"),
        ("[data-document]", "dataset.statedBy = 'lima/roaster'"),
    ],
)
def test_a_page_that_shows_anything_else_than_what_was_logged_fails_the_check(
    site: Site, browser: OpenBrowser, place: str, change: str
) -> None:
    old = attach(site.world, PDF + b"old", about=(item(1),)).description.cid.text
    new = attach(site.world, PDF + b"new", about=(item(1),), replaces=old).description.cid.text
    page = browser.page()
    page.go(f"{site.url}/documents/{new}")
    page.wait("document.querySelector('[data-mark] button')")
    page.value(f"document.querySelector({place!r}).{change}")
    site.world.settle()
    page.value("document.querySelector('[data-mark] button').click()")
    page.wait(FAILED)
