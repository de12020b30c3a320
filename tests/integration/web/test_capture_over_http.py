"""Capturing over HTTP: who may, what is taken, and what a repeat gets."""

from typing import Any
from urllib.parse import quote

from worlds.deployment import COOPERATIVE, LIMA, ROASTER
from worlds.events import CONTEXT, event_document, item
from worlds.web import Site, serve


def document(*events: dict[str, Any]) -> dict[str, Any]:
    return {
        "@context": [CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-06-01T00:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }


def test_a_document_is_taken_whole_and_its_job_tells_each_event(site: Site) -> None:
    answer = site.post("/epcis/v2/capture", key=site.member, json=document(event_document(1), event_document(2)))
    assert answer.status_code == 202
    assert answer.headers["gs1-epcis-version"] == "2.0.0"
    job = answer.json()
    assert [event["leafIndex"] for event in job["events"]] == [0, 1]
    assert job["success"] is True and job["running"] is False and job["captureErrorBehaviour"] == "rollback"
    again = site.get(answer.headers["location"], key=site.reader)
    assert again.json() == job
    assert site.captured() == 2


def test_the_same_event_again_is_one_entry_and_says_so(site: Site) -> None:
    first = site.post("/epcis/v2/events", key=site.member, json=event_document(1))
    second = site.post("/epcis/v2/events", key=site.member, json=event_document(1))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["isNew"] is True
    assert second.json() == {**first.json(), "isNew": False}
    assert second.headers["location"] == f"/epcis/v2/events/{quote(first.json()['eventHash'], safe='')}"
    assert site.captured() == 1


def test_a_repeat_with_the_same_key_gets_the_first_answer_and_another_body_a_conflict(site: Site) -> None:
    first = site.post("/epcis/v2/capture", key=site.member, once="order-7", json=document(event_document(1)))
    again = site.post("/epcis/v2/capture", key=site.member, once="order-7", json=document(event_document(1)))
    assert again.status_code == first.status_code
    assert again.content == first.content
    kept = ("location", "content-type", "gs1-epcis-version", "gs1-cbv-version", "cache-control")
    assert [again.headers[name] for name in kept] == [first.headers[name] for name in kept]
    other = site.post("/epcis/v2/capture", key=site.member, once="order-7", json=document(event_document(2)))
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-reused")
    assert site.captured() == 1


def test_a_repeat_of_one_event_gets_its_first_answer(site: Site) -> None:
    first = site.post("/epcis/v2/events", key=site.member, once="k", json=event_document(1))
    again = site.post("/epcis/v2/events", key=site.member, once="k", json=event_document(1))
    assert (again.status_code, again.content, again.headers["location"]) == (201, first.content, first.headers["location"])


def test_the_same_key_for_another_member_is_another_request(site: Site) -> None:
    first = site.post("/epcis/v2/events", key=site.operator, member=COOPERATIVE, once="k", json=event_document(1))
    other = site.post("/epcis/v2/events", key=site.operator, member=ROASTER, once="k", json=event_document(1))
    assert (first.status_code, other.status_code) == (201, 409)


def test_an_idempotency_key_that_is_empty_or_overlong_is_refused(site: Site) -> None:
    for key in ("", "x" * 256, "two words"):
        answer = site.post("/epcis/v2/events", key=site.member, once=key, json=event_document(1))
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-request"), key
    assert site.captured() == 0


def test_a_key_of_several_members_must_name_one_and_a_members_key_may_name_no_other(site: Site) -> None:
    def send(key: str, member: str | None) -> tuple[int, str | None]:
        answer = site.post("/epcis/v2/events", key=key, member=member, json=event_document(1))
        return answer.status_code, answer.json().get("code")

    assert send(site.facilitator, None) == (400, "member-missing")
    assert send(site.operator, None) == (400, "member-missing")
    assert send(site.facilitator, "nobody") == (404, "member-unknown")
    assert send(site.facilitator, "No Slug!") == (400, "member-missing")
    assert send(site.member, ROASTER) == (403, "wrong-member")
    assert send(site.reader, COOPERATIVE) == (403, "permission-missing")
    assert site.captured() == 0
    assert send(site.facilitator, COOPERATIVE) == (201, None)
    assert send(site.member, COOPERATIVE) == (201, None)


def test_an_unknown_key_is_401_and_says_how_to_authenticate(site: Site) -> None:
    tampered = site.member[:-1] + ("A" if site.member[-1] != "A" else "B")
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {tampered}"},
        {"Authorization": f"Basic {site.member}"},
    ):
        answer = site.post("/epcis/v2/events", headers=headers, json=event_document(1))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert site.captured() == 0


def test_a_capture_job_is_for_its_own_center(site: Site) -> None:
    job = site.post("/epcis/v2/capture", key=site.member, json=document(event_document(1)))
    assert site.get(job.headers["location"], key=site.stranger).status_code == 404
    assert site.get("/epcis/v2/capture/none", key=site.member).status_code == 404


def test_only_rollback_is_offered_and_the_answer_says_so(site: Site) -> None:
    answer = site.post(
        "/epcis/v2/capture",
        key=site.member,
        headers={"GS1-Capture-Error-Behaviour": "proceed"},
        json=document(event_document(1)),
    )
    assert (answer.status_code, answer.json()["code"]) == (501, "not-supported")
    assert site.captured() == 0
    fine = {"GS1-Capture-Error-Behaviour": "rollback", "GS1-EPCIS-Version": "2.0"}
    answer = site.post("/epcis/v2/capture", key=site.member, headers=fine, json=document(event_document(1)))
    assert answer.status_code == 202


def test_another_version_of_the_standard_is_406(site: Site) -> None:
    for header in ("GS1-EPCIS-Version", "GS1-CBV-Version"):
        answer = site.post("/epcis/v2/events", key=site.member, headers={header: "1.2"}, json=event_document(1))
        assert (answer.status_code, answer.json()["code"]) == (406, "not-acceptable")


def test_options_tell_versions_and_limits(site: Site) -> None:
    answer = site.send("OPTIONS", "/epcis/v2/capture")
    assert answer.status_code == 204
    assert answer.headers["gs1-epcis-capture-limit"] == str(site.settings.max_events)
    assert answer.headers["gs1-epcis-capture-file-size-limit"] == str(site.settings.max_body_bytes)
    assert "POST" in answer.headers["allow"]
    for path in ("/epcis/v2", "/epcis/v2/events", "/epcis/v2/events/x", "/epcis/v2/capture/x"):
        assert site.send("OPTIONS", path).headers["gs1-epcis-min"] == "2.0.0"


def test_events_are_found_by_the_standards_parameters_and_paged(site: Site) -> None:
    site.post(
        "/epcis/v2/capture",
        key=site.member,
        json=document(*(event_document(n, eventTime=f"2026-05-30T10:00:0{n}.000Z") for n in range(5))),
    )
    found = site.get("/epcis/v2/events", key=site.reader, params={"perPage": 2})
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("application/ld+json")
    seen = found.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    while "next" in found.links:
        found = site.client.get(found.links["next"]["url"], headers={"Authorization": f"Bearer {site.reader}"})
        seen += found.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert [event["epcList"] for event in seen] == [[item(n)] for n in range(5)]
    assert all(event["recordTime"].endswith("Z") for event in seen)

    def count(**params: str) -> int:
        answer = site.get("/epcis/v2/events", key=site.reader, params=params)
        assert answer.status_code == 200, answer.text
        return len(answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"])

    assert count(MATCH_anyEPC=f"{item(1)}|{item(3)}") == 2
    assert count(EQ_bizStep="shipping") == 5
    assert count(EQ_bizStep="urn:epcglobal:cbv:bizstep:shipping|receiving") == 5
    assert count(EQ_bizStep="receiving") == 0
    assert count(eventType="AggregationEvent") == 0
    assert count(EQ_action="OBSERVE") == 5
    assert count(GE_eventTime="2026-05-30T10:00:02Z", LT_eventTime="2026-05-30T12:00:04+02:00") == 2


def test_a_query_that_cannot_be_answered_is_refused_never_widened(site: Site) -> None:
    for params, code in (
        ({"MATCH_unknown": "x"}, "parameter-unknown"),
        ({"GE_eventTime": "yesterday"}, "bad-request"),
        ({"GE_eventTime": "2026-05-30T10:00:02"}, "bad-request"),
        ({"eventType": "SomeEvent"}, "bad-request"),
        ({"EQ_action": "LOOK"}, "bad-request"),
        ({"EQ_bizStep": "a||b"}, "bad-request"),
        ({"perPage": "0"}, "bad-request"),
        ({"perPage": "9" * 5000}, "bad-request"),
        ({"nextPageToken": "invented"}, "page-token-invalid"),
        ({"MATCH_anyEPC": item(1), "MATCH_anyEPCClass": item(2)}, "bad-request"),
    ):
        answer = site.get("/epcis/v2/events", key=site.reader, params=params)
        assert (answer.status_code, answer.json()["code"]) == (400, code), params
        assert answer.json()["remedy"]


def test_one_event_is_found_by_its_id_and_its_hash_in_three_spellings(site: Site) -> None:
    given = event_document(1, eventID="urn:uuid:9a1b8f10-7d6c-4b5a-8e3f-2d1c0b9a8f7e")
    event_hash = site.post("/epcis/v2/events", key=site.member, json=given).json()["eventHash"]
    digest = event_hash.partition(";")[2].partition("?")[0]
    for name in (quote(event_hash, safe=""), digest, quote(str(given["eventID"]), safe=""), event_hash):
        answer = site.get(f"/epcis/v2/events/{name}", key=site.reader)
        assert answer.status_code == 200, name
        (event,) = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        assert {**event, "recordTime": None} == {**given, "recordTime": None}
    assert site.get(f"/epcis/v2/events/{'0' * 64}", key=site.reader).status_code == 404
    assert site.get("/epcis/v2/events/ni:%2F%2F%2Fsha-256;zz", key=site.reader).status_code == 400


def test_private_events_are_seen_by_their_own_center_alone(site: Site) -> None:
    event_hash = site.post("/epcis/v2/events", key=site.roaster, json=event_document(1)).json()["eventHash"]
    name = quote(event_hash, safe="")
    assert site.get(f"/epcis/v2/events/{name}", key=site.reader).status_code == 200
    assert site.get(f"/epcis/v2/events/{name}", key=site.stranger).status_code == 404
    assert site.get(f"/epcis/v2/events/{name}").status_code == 401
    hidden = site.get("/epcis/v2/events", key=site.stranger).json()
    assert hidden["epcisBody"]["queryResults"]["resultsBody"]["eventList"] == []


def test_every_write_leaves_a_line_in_the_audit_record(site: Site) -> None:
    job = site.post("/epcis/v2/capture", key=site.facilitator, member=COOPERATIVE, json=document(event_document(1))).json()
    with site.world.store.read() as tx:
        lines = [line for _, line in tx.audit.lines(LIMA, limit=1000)]
    (line,) = [line for line in lines if line.action == "event.capture"]
    assert line.actor == f"key:{site.facilitator.split('_')[1]}"
    assert (line.member, line.subject) == (COOPERATIVE, job["id"])


def test_a_full_queue_answers_503_with_a_time_to_come_back(site: Site) -> None:
    site.world.take(3)
    with serve(site.world.with_limit(3)) as full:
        answer = full.post("/epcis/v2/events", key=full.member, json=event_document(9))
    assert (answer.status_code, answer.json()["code"]) == (503, "queue-full")
    assert int(answer.headers["retry-after"]) > 0
