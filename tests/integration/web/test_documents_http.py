"""Documents over HTTP: stored once, handed out safely, found by whoever may know; and every kind of bad input with its words."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from typing import Any

import httpx
import pyrage  # type: ignore[import-untyped]
import pytest
from greenlane.core.documents.car import read_car
from greenlane.core.documents.cid import parse_cid
from greenlane.core.documents.unixfs import identify
from greenlane.core.receipt import DocumentDisclosure, parse_receipt
from worlds.deployment import COOPERATIVE, LIMA, ROASTER, World
from worlds.web import Site, serve

PDF = b"%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"
LOT = "https://id.gs1.org/01/09521321000018/10/LOT-7"
TUS = {"Tus-Resumable": "1.0.0"}


def uploaded(site: Site, data: bytes, *, key: str | None = None, length: int | None = None) -> str:
    headers = TUS | {"Upload-Length": str(len(data) if length is None else length)}
    if data:
        headers["Content-Type"] = "application/offset+octet-stream"
    answer = site.post("/v1/uploads", key=key or site.member, headers=headers, content=data)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"]).rpartition("/")[2]


def about(name: str = "audit-2026.pdf", media_type: str = "application/pdf", **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "name": name, "documentType": "audit", "about": [LOT], **more}


def posted(site: Site, upload: str, description: Mapping[str, Any], *, key: str | None = None) -> httpx.Response:
    return site.post("/v1/documents", key=key or site.member, json={"upload": upload, "description": description})


def stored(site: Site, data: bytes = PDF, *, key: str | None = None, **description: Any) -> dict[str, Any]:
    answer = posted(site, uploaded(site, data, key=key), about(**description), key=key)
    assert answer.status_code == 201, answer.text
    value = answer.json()
    assert isinstance(value, dict)
    return value


def confidential(
    site: Site, plain: bytes, recipients: Mapping[str, str | None], *, key: str | None = None, **more: Any
) -> httpx.Response:
    """Encrypts for recipients (with whose they are), and stores."""
    data = pyrage.encrypt(plain, [pyrage.x25519.Recipient.from_str(each) for each in recipients])
    secret = {
        "format": "age-encryption.org/v1",
        "digest": "0x" + hashlib.sha256(data).hexdigest(),
        "readers": [{"recipient": each, "name": name} for each, name in recipients.items()],
    }
    description = about(digest="0x" + hashlib.sha256(plain).hexdigest(), confidential=secret) | more
    return posted(site, uploaded(site, data, key=key), description, key=key)


def identity() -> Any:
    return pyrage.x25519.Identity.generate()


def problem(answer: httpx.Response) -> tuple[int, str]:
    value = answer.json()
    assert value["detail"] and value["remedy"], value
    return answer.status_code, str(value["code"])


def test_a_document_is_stored_under_its_name_and_its_statement_stands_in_the_log(site: Site) -> None:
    cid, size, digest = identify([PDF])
    answer = posted(site, uploaded(site, PDF), about())
    assert answer.headers["Location"] == f"/v1/documents/{cid.text}"
    value = answer.json()
    description = value["description"]
    assert (description["cid"], description["size"], description["digest"]) == (cid.text, size, "0x" + digest.hex())
    assert description["statedBy"] == f"{LIMA}/{COOPERATIVE}" and value["leafIndex"] == 0 and site.captured() == 1
    assert cid in site.world.documents.pinned and not site.world.staging.ids()
    got = site.get(f"/v1/documents/{cid.text}")
    assert got.content == PDF and got.headers["Content-Type"] == "application/pdf"
    with site.world.store.read() as tx:
        lines = [line for _, line in tx.audit.lines(LIMA, limit=1000) if line.action == "document.store"]
    assert [line.subject for line in lines] == [cid.text]


def test_the_same_request_again_gets_the_same_answer_and_does_nothing(site: Site) -> None:
    upload = uploaded(site, PDF)
    first = posted(site, upload, about())
    for _ in range(3):
        again = posted(site, upload, about())
        assert (again.status_code, again.content) == (201, first.content)
    assert site.captured() == 1
    other = posted(site, upload, about("other.pdf"))
    assert problem(other) == (409, "upload-already-stored")


def test_the_same_statement_in_another_upload_is_the_entry_there_was_and_another_is_another(site: Site) -> None:
    first = stored(site)
    assert stored(site) == first and site.captured() == 1
    second = stored(site, name="second.pdf")
    assert (second["leafIndex"], site.captured()) == (1, 2)
    assert second["description"]["cid"] == first["description"]["cid"]
    told = site.get(f"/v1/documents/{first['description']['cid']}/about").json()
    assert [each["leafIndex"] for each in told["statements"]] == [0, 1]


def test_a_receipt_of_a_document_carries_its_statement(site: Site) -> None:
    cid = stored(site)["description"]["cid"]
    assert problem(site.get(f"/v1/documents/{cid}/receipt")) == (503, "receipt-not-ready")
    site.world.settle()
    receipt = parse_receipt(site.get(f"/v1/documents/{cid}/receipt?center=lima&leaf=0").content)
    assert isinstance(receipt.disclosure, DocumentDisclosure)
    assert receipt.disclosure.description is not None and receipt.disclosure.description.cid.text == cid
    for query, code in {"sealed=maybe": "bad-request", "leaf=0": "bad-request", "sealed=required": "chain-not-sealed"}.items():
        assert problem(site.get(f"/v1/documents/{cid}/receipt?{query}")) == (400, code)


def test_ranges_conditions_and_heads_are_answered_as_http_has_them(site: Site) -> None:
    data = b"%PDF-" + bytes(range(256)) * 9000
    cid = stored(site, data)["description"]["cid"]
    path, tag = f"/v1/documents/{cid}", f'"{cid}"'
    whole = site.get(path)
    assert whole.content == data and whole.headers["ETag"] == tag and whole.headers["Accept-Ranges"] == "bytes"
    assert "immutable" in whole.headers["Cache-Control"]
    for text, (start, end) in {
        "bytes=0-0": (0, 1),
        "bytes=5-1048580": (5, 1048581),
        "bytes=1048570-": (1048570, len(data)),
        "bytes=-7": (len(data) - 7, len(data)),
        f"bytes=10-{10**17}": (10, len(data)),
        f"bytes=-{10**17}": (0, len(data)),
    }.items():
        part = site.get(path, headers={"Range": text})
        assert (part.status_code, part.content) == (206, data[start:end]), text
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(data)}"
    for text in ("bytes=0-1,5-6", "items=0-1", "bytes=5-2", "bytes=-", "bytes=x-"):
        assert site.get(path, headers={"Range": text}).status_code == 200, text
    beyond = site.get(path, headers={"Range": f"bytes={len(data)}-"})
    assert problem(beyond) == (416, "range-not-satisfiable") and beyond.headers["Content-Range"] == f"bytes */{len(data)}"
    assert site.get(path, headers={"Range": "bytes=0-0", "If-Range": tag}).status_code == 206
    assert site.get(path, headers={"Range": "bytes=0-0", "If-Range": '"other"'}).status_code == 200
    for told in (tag, f'"x", W/{tag}', "*"):
        same = site.get(path, headers={"If-None-Match": told})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    head = site.send("HEAD", path)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(data)))


def test_what_a_browser_shows_runs_nothing_and_has_a_name_that_is_no_path(site: Site) -> None:
    cid = stored(site, name="Auditoría “2026”;.pdf")["description"]["cid"]
    headers = site.get(f"/v1/documents/{cid}").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Content-Disposition"] == (
        "inline; filename=\"Auditor_a _2026_;.pdf\"; filename*=UTF-8''Auditor%C3%ADa%20%E2%80%9C2026%E2%80%9D%3B.pdf"
    )
    text = stored(site, b"lot,kg\n7,20\n", name="lots.csv", media_type="text/csv")["description"]["cid"]
    headers = site.get(f"/v1/documents/{text}").headers
    assert headers["Content-Disposition"].startswith("attachment;") and headers["Content-Type"] == "text/csv; charset=utf-8"
    assert headers["Content-Security-Policy"].startswith("sandbox;")


def test_a_document_goes_out_as_a_car_whose_every_block_can_be_checked(site: Site) -> None:
    data = b"%PDF-" + bytes(2_500_000)
    cid = stored(site, data)["description"]["cid"]
    answer = site.get(f"/v1/documents/{cid}?format=car")
    assert answer.headers["Content-Type"] == "application/vnd.ipld.car; version=1" and answer.headers["ETag"] == f'"{cid}.car"'
    blocks = list(read_car([answer.content], root=parse_cid(cid), max_bytes=len(answer.content)))
    assert b"".join(block.data for block in blocks if block.cid.codec == 0x55) == data
    assert problem(site.get(f"/v1/documents/{cid}?format=tar")) == (406, "not-acceptable")
    assert site.send("HEAD", f"/v1/documents/{cid}?format=car").content == b""


def test_documents_are_found_by_what_they_are_about_page_by_page(site: Site) -> None:
    for number in range(5):
        stored(site, name=f"{number}.pdf")
    stored(site, name="other.pdf", about=["https://id.gs1.org/01/09521321000018/10/LOT-8"])
    page = site.get("/v1/documents", params={"about": LOT, "perPage": 3})
    assert [each["description"]["name"] for each in page.json()["statements"]] == ["4.pdf", "3.pdf", "2.pdf"]
    onward = page.headers["Link"].partition(">")[0].removeprefix(f"<{site.url}")
    rest = site.get(onward)
    assert [each["description"]["name"] for each in rest.json()["statements"]] == ["1.pdf", "0.pdf"]
    assert "Link" not in rest.headers
    assert len(site.get("/v1/documents", params={"center": "lima"}).json()["statements"]) == 6
    for query, code in {
        "": "bad-request",
        "about=x": "field-invalid",
        "center=lima&about=" + LOT: "bad-request",
        "center=nowhere": "not-found",
        "about=" + LOT + "&perPage=0": "bad-request",
        "about=" + LOT + "&who=me": "parameter-unknown",
        "about=" + LOT + "&nextPageToken=zz": "",
    }.items():
        answer = site.get(f"/v1/documents?{query}")
        assert answer.status_code in {400, 404} and (not code or answer.json()["code"] == code), answer.text


def test_a_confidential_document_is_ciphertext_to_all_and_told_to_its_own_and_its_readers_only(site: Site) -> None:
    reader, link = identity(), identity()
    answer = confidential(site, PDF, {str(reader.to_public()): f"{LIMA}/{ROASTER}", str(link.to_public()): None})
    assert answer.status_code == 201 and answer.json()["isConfidential"] is True, answer.text
    cid = answer.json()["description"]["cid"]
    got = site.get(f"/v1/documents/{cid}")
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert "audit" not in str(got.headers) and "immutable" not in got.headers["Cache-Control"]
    assert pyrage.decrypt(got.content, [reader]) == pyrage.decrypt(got.content, [link]) == PDF
    seen = {key: site.get(f"/v1/documents/{cid}/about", key=key).status_code for key in (None, site.stranger)}
    assert set(seen.values()) == {404}
    for key in (site.member, site.operator, site.reader, site.roaster):
        assert site.get(f"/v1/documents/{cid}/about", key=key).status_code == 200
        assert len(site.get("/v1/documents", params={"about": LOT}, key=key).json()["statements"]) == 1
    assert site.get("/v1/documents", params={"about": LOT}).json()["statements"] == []
    site.world.settle()
    assert site.get(f"/v1/documents/{cid}/receipt").status_code == 404
    assert site.get(f"/v1/documents/{cid}/receipt", key=site.member).status_code == 200
    sealed = site.get(f"/v1/documents/{cid}/receipt.age?center=lima&leaf=0")
    receipt = parse_receipt(pyrage.decrypt(sealed.content, [link]))
    assert isinstance(receipt.disclosure, DocumentDisclosure) and receipt.disclosure.salt is not None
    public = stored(site)["description"]["cid"]
    site.world.settle()
    assert site.get(f"/v1/documents/{public}/receipt.age").status_code in {400, 404}


def test_a_confidential_document_that_is_replaced_ends_and_a_public_one_says_what_is_newer(site: Site) -> None:
    keep, drop = identity(), identity()
    old = confidential(site, PDF, {str(keep.to_public()): None, str(drop.to_public()): None}).json()["description"]["cid"]
    new = confidential(site, PDF, {str(keep.to_public()): None}, replaces=old).json()["description"]["cid"]
    gone = site.get(f"/v1/documents/{old}")
    assert problem(gone) == (410, "document-withdrawn") and new in gone.json()["detail"]
    assert gone.headers["Link"] == f'</v1/documents/{new}>; rel="successor-version"'
    assert site.get(f"/v1/documents/{old}?format=car").status_code == 410
    told = site.get(f"/v1/documents/{old}/about", key=site.member).json()["statements"][0]
    assert told["withdrawnAt"] and told["replacedBy"] == new
    assert pyrage.decrypt(site.get(f"/v1/documents/{new}").content, [keep]) == PDF
    first = stored(site)["description"]["cid"]
    second = stored(site, PDF + b"%2", replaces=first)["description"]["cid"]
    still = site.get(f"/v1/documents/{first}")
    assert still.content == PDF and still.headers["Link"] == f'</v1/documents/{second}>; rel="successor-version"'
    foreign = posted(site, uploaded(site, PDF, key=site.roaster), about(replaces=first), key=site.roaster)
    assert problem(foreign) == (403, "not-their-document")


def test_an_upload_that_is_cut_off_makes_no_document_until_the_rest_has_come(site: Site) -> None:
    upload = uploaded(site, PDF[:10], length=len(PDF))
    assert problem(posted(site, upload, about())) == (409, "upload-incomplete")
    headers = TUS | {"Upload-Offset": "10", "Content-Type": "application/offset+octet-stream"}
    site.send("PATCH", f"/v1/uploads/{upload}", key=site.member, headers=headers, content=PDF[10:])
    assert posted(site, upload, about()).status_code == 201


@pytest.mark.parametrize(
    ("declared", "where"),
    [
        ({"digest": "0x" + "0" * 64}, "/description/digest"),
        ({"size": 7}, "/description/size"),
        ({"cid": identify([b"other"])[0].text}, "/description/cid"),
    ],
)
def test_bytes_that_are_not_what_is_declared_are_stored_nowhere(site: Site, declared: dict[str, Any], where: str) -> None:
    answer = posted(site, uploaded(site, PDF), about(**declared))
    assert problem(answer) == (400, "document-not-as-declared")
    assert answer.json()["errors"][0]["pointer"] == where
    assert (site.captured(), site.world.documents.added) == (0, [])


def test_a_store_that_makes_another_name_of_the_bytes_is_believed_in_nothing(site: Site) -> None:
    upload = uploaded(site, PDF)
    site.world.documents.is_lying = True
    assert problem(posted(site, upload, about())) == (502, "document-bytes-refused")
    assert site.captured() == 0 and not site.world.documents.pinned
    site.world.documents.is_lying = False
    cid = posted(site, upload, about()).json()["description"]["cid"]
    site.world.documents.blocks[parse_cid(cid)] = b"%PDF-1.7 another"
    assert problem(site.get(f"/v1/documents/{cid}")) == (502, "document-bytes-refused")


def test_a_store_that_is_away_for_an_hour_costs_the_client_nothing_but_the_wait(site: Site) -> None:
    upload = uploaded(site, PDF)
    site.world.documents.is_away = True
    for _ in range(3):
        answer = posted(site, upload, about())
        assert problem(answer) == (503, "documents-unavailable") and int(answer.headers["Retry-After"]) > 0
        assert "kept" in answer.json()["remedy"]
    assert site.captured() == 0
    site.world.documents.is_away, site.world.documents.is_full = False, True
    assert problem(posted(site, upload, about())) == (503, "documents-full")
    site.world.documents.is_full = False
    assert posted(site, upload, about()).status_code == 201
    assert site.captured() == 1 and len(site.world.documents.added) == 1


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.writestr("xl/sheet.xml", bytes(30_000_000))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type", "code"),
    [
        (b"MZ\x90\x00 program", "application/pdf", "document-type-forbidden"),
        (b"<html><script>", "text/plain", "document-type-forbidden"),
        (PDF, "image/png", "document-type-forbidden"),
        (PDF, "application/x-msdownload", "document-type-forbidden"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "document-type-forbidden"),
        # An archive holds the time it was made at, by which processes that collect side by side would name it differently.
        pytest.param(
            bomb(),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "document-unpacks-too-large",
            id="an archive that unpacks too large",
        ),
    ],
)
def test_bytes_of_a_type_that_is_not_taken_are_refused_with_what_is(site: Site, data: bytes, media_type: str, code: str) -> None:
    answer = posted(site, uploaded(site, data), about("file", media_type))
    assert problem(answer) == (400, code)
    assert answer.json()["errors"][0]["pointer"] == "/description/mediaType"
    assert (site.captured(), site.world.documents.added) == (0, [])


NO_NAMES = ["../../etc/passwd", "a/b.pdf", "C:\\x.pdf", "..", ".hidden", "a\n.pdf", "", "x" * 201, "nul\x00.pdf"]


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_with_parts_of_a_path_is_refused(site: Site, name: str) -> None:
    answer = posted(site, uploaded(site, PDF), about(name))
    assert answer.status_code == 400 and answer.json()["errors"][0]["pointer"] == "/description/name"
    assert site.captured() == 0


def test_readers_of_an_age_file_are_those_that_are_named(site: Site) -> None:
    one, two = identity(), identity()
    data = pyrage.encrypt(PDF, [one.to_public()])
    secret = {
        "format": "age-encryption.org/v1",
        "digest": "0x" + hashlib.sha256(data).hexdigest(),
        "readers": [{"recipient": str(each.to_public()), "name": None} for each in (one, two)],
    }
    description = about(digest="0x" + hashlib.sha256(PDF).hexdigest(), confidential=secret)
    assert problem(posted(site, uploaded(site, data), description)) == (400, "document-readers-mismatch")
    open_file = PDF + b"% not encrypted"
    plain = description | {"confidential": secret | {"digest": "0x" + hashlib.sha256(open_file).hexdigest()}}
    assert problem(posted(site, uploaded(site, open_file), plain)) == (400, "age-file-invalid")
    missing = {name: value for name, value in description.items() if name != "digest"}
    assert posted(site, uploaded(site, data), missing).status_code == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"upload": 1, "description": {}}', b'{"upload": "x"}', b'{"upload":"x","description":[]}', b"\xff\xfe"],
)
def test_a_request_that_cannot_be_read_is_a_problem_and_no_fault(site: Site, body: bytes) -> None:
    answer = site.post("/v1/documents", key=site.member, headers={"Content-Type": "application/json"}, content=body)
    assert answer.status_code in {400, 404} and answer.json()["code"] != "internal-fault"
    wrong = site.post("/v1/documents", key=site.member, headers={"Content-Type": "application/pdf"}, content=PDF)
    assert problem(wrong) == (415, "media-type-unsupported") and "/v1/uploads" in wrong.json()["remedy"]


def test_nobody_stores_in_anothers_name(site: Site) -> None:
    upload = uploaded(site, PDF)
    assert problem(posted(site, upload, about(), key=site.roaster)) == (404, "upload-missing")
    assert problem(posted(site, upload, about(statedBy=f"{LIMA}/{ROASTER}"))) == (403, "stated-for-another")
    assert posted(site, upload, about(), key=site.reader).status_code == 403
    assert site.captured() == 0


def test_what_is_not_kept_here_is_not_handed_out_though_a_node_has_it(site: Site) -> None:
    site.world.documents.add(io.BytesIO(PDF))
    cid = identify([PDF])[0].text
    assert problem(site.get(f"/v1/documents/{cid}")) == (404, "document-missing")
    assert problem(site.get(f"/v1/documents/{cid}/about")) == (404, "document-missing")
    for wrong in ("x", cid.upper(), cid[:-1], "Qm" + "a" * 44, cid[:-1] + "b"):
        assert site.get(f"/v1/documents/{wrong}").status_code in {400, 404}


def test_a_document_of_which_a_block_is_lost_ends_early_and_is_never_taken_for_whole(site: Site) -> None:
    data = b"%PDF-" + bytes(range(250)) * 12_000
    cid = stored(site, data)["description"]["cid"]
    leaf = next(name for name, block in site.world.documents.blocks.items() if block == data[1_048_576:2_097_152])
    del site.world.documents.blocks[leaf]
    with pytest.raises(httpx.RemoteProtocolError):
        site.get(f"/v1/documents/{cid}")
    assert site.get(f"/v1/documents/{cid}", headers={"Range": "bytes=0-9"}).content == data[:10]


def test_a_member_registers_its_own_reader_keys_and_anyone_with_a_key_may_encrypt_for_it(site: Site) -> None:
    path = "/v1/members/roaster/reader-keys"
    key = str(identity().to_public())
    assert problem(site.post(path, key=site.member, json={"recipient": key})) == (403, "wrong-member")
    assert problem(site.post(path, key=site.facilitator, json={"recipient": key})) == (403, "wrong-member")
    for _ in range(2):
        added = site.post(path, key=site.roaster, json={"recipient": key})
        assert added.status_code == 201 and [each["recipient"] for each in added.json()["keys"]] == [key]
    for asker in (site.member, site.reader, site.facilitator, site.operator):
        assert [each["revokedAt"] for each in site.get(path, key=asker).json()["keys"]] == [None]
    assert site.get(f"{path}?center=lima", key=site.stranger).json()["keys"][0]["recipient"] == key
    assert site.get(path, key=site.stranger).json()["keys"] == []
    assert site.get(path).status_code == 401
    assert site.send("DELETE", f"{path}/{key}", key=site.operator).status_code == 204
    assert problem(site.send("DELETE", f"{path}/{key}", key=site.operator)) == (404, "reader-key-missing")
    assert site.get(path, key=site.roaster).json()["keys"][0]["revokedAt"] is not None
    for wrong in ("", "age1", key.upper(), key[:-1] + "b"):
        answer = site.post(path, key=site.roaster, json={"recipient": wrong})
        assert answer.status_code == 400, wrong
    assert problem(site.get("/v1/members/nobody/reader-keys", key=site.operator)) == (404, "member-unknown")


def test_a_document_without_a_byte_is_a_document(site: Site) -> None:
    cid = stored(site, b"", name="empty.txt", media_type="text/plain")["description"]["cid"]
    got = site.get(f"/v1/documents/{cid}")
    assert (got.status_code, got.content, got.headers["Content-Length"]) == (200, b"", "0")
    assert problem(site.get(f"/v1/documents/{cid}", headers={"Range": "bytes=0-"})) == (416, "range-not-satisfiable")


def test_a_facilitator_stores_in_the_name_of_the_member_it_names(site: Site) -> None:
    headers = TUS | {"Upload-Length": str(len(PDF)), "Content-Type": "application/offset+octet-stream"}
    nameless = site.post("/v1/uploads", key=site.facilitator, headers=headers, content=PDF)
    assert problem(nameless) == (400, "member-missing")
    unknown = site.post("/v1/uploads", key=site.facilitator, member="nobody", headers=headers, content=PDF)
    assert problem(unknown) == (404, "member-unknown")
    begun = site.post("/v1/uploads", key=site.facilitator, member=ROASTER, headers=headers, content=PDF)
    upload = begun.headers["Location"].rpartition("/")[2]
    assert posted(site, upload, about(), key=site.facilitator).json()["member"] == ROASTER


def test_a_live_key_fetches_at_its_own_rate_and_a_dead_one_not_at_all(world: World) -> None:
    with serve(world) as site:
        address = f"/v1/documents/{stored(site)['description']['cid']}"
    with serve(world, public_rate=2, key_rate=100) as site:
        assert [site.get(address).status_code for _ in range(3)] == [200, 200, 429]
        assert [site.get(address, key=site.partner).status_code for _ in range(5)] == [200] * 5
        assert problem(site.get(address, key="gl_0000000000000000_" + "0" * 64)) == (401, "unauthenticated")
