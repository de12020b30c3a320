"""The JSON that goes out, as pydantic models for OpenAPI, and the functions that write it.

Events and receipts have schemas of their own (EPCIS 2.0; docs/trust.md): they pass as they are, and no model touches them. Keys
are camelCase, times RFC 3339 in UTC, bytes hex with 0x.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from greenlane.core.documents.cid import Cid
from greenlane.core.documents.description import description_value
from greenlane.core.units import CenterId
from greenlane.core.wire import encode_hex
from greenlane.ports.document_index import StoredDocument
from greenlane.ports.jobs import CaptureJob
from greenlane.ports.signing import HostedCenter
from greenlane.services.read_log import LogStanding


class JsonAnswer(Response):
    """A value as JSON."""

    media_type = "application/json"

    def __init__(
        self, value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str | None = None
    ) -> None:
        super().__init__(
            value if isinstance(value, bytes) else orjson.dumps(value),
            status_code=status,
            headers=dict(headers or {}),
            media_type=media_type,
        )


class Answer(BaseModel):
    """JSON that goes out: keys in camelCase, nothing else beside them."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class FaultPart(Answer):
    """One fault of a request."""

    pointer: str = Field(description="RFC 6901 JSON pointer into the request's body")
    code: str
    detail: str
    remedy: str


class Problem(Answer):
    """Problem details, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    remedy: str
    errors: list[FaultPart] | None = None
    error_id: str | None = None


class CapturedEventAnswer(Answer):
    """What became of one event, in the request's order."""

    event_hash: str
    leaf_index: int
    is_new: bool = Field(description="false where the member captured the same event before: it keeps its entry")


class CaptureJobAnswer(Answer):
    """A capture job; the fields up to `errors` are those of EPCIS 2.0."""

    capture_id: str = Field(alias="captureID")
    created_at: datetime
    finished_at: datetime
    running: bool
    success: bool
    capture_error_behaviour: Literal["rollback"]
    errors: list[Problem]
    id: str
    center: str
    member: str
    events: list[CapturedEventAnswer]


class LogAnswer(Answer):
    """How far a center's log has come."""

    captured: int
    published: int
    anchored: int
    anchored_at: datetime | None
    root: str | None = Field(description="of the newest checkpoint")
    url: str


class CenterAnswer(Answer):
    """A pilot center served here."""

    id: str
    name: str
    economy: str
    origin: str
    log_key: str = Field(description="C2SP verifier key of the log")
    log: LogAnswer


class CentersAnswer(Answer):
    """The pilot centers served here."""

    centers: list[CenterAnswer]


class HeldAnswer(Answer):
    """A document that a center asked this one to hold."""

    cid: str
    size: int = Field(description="of the stored bytes, in bytes")
    asked_by: str = Field(description="the center that asked")
    asked_at: datetime


class HoldAnswer(HeldAnswer):
    """What becomes of an ask."""

    is_held: bool = Field(description="whether every byte is here and pinned now")


class HoldsAnswer(Answer):
    """What this center is asked to hold."""

    holds: list[HeldAnswer]
    next_page_token: str | None = Field(description="null where there are no more")


class ProbeAnswer(Answer):
    """One part this server needs."""

    name: str
    verdict: Literal["passed", "failed"]
    words: str
    is_needed: bool = Field(description="where it failed, the server is not ready")


class BacklogAnswer(Answer):
    """How far a center's log has come, and for how long what is not anchored has waited."""

    center: str
    captured: int
    published: int
    anchored: int
    sealed: int = Field(description="tree size of the largest anchor whose seals are kept; 0 where nobody seals")
    waiting_seconds: float | None = Field(description="of the oldest entry without an anchor; null where none waits")
    is_behind: bool


class HealthAnswer(Answer):
    """Whether this server can do its work."""

    is_ready: bool
    probes: list[ProbeAnswer]
    logs: list[BacklogAnswer] = Field(description="empty where the database cannot tell")


class UploadAnswer(Answer):
    """An upload and how far it has come."""

    id: str
    center: str
    member: str
    length: int
    offset: int = Field(description="how many bytes are durable")
    expires_at: datetime
    cid: str | None = Field(description="of the document that was made of it; null before")


class StatementAnswer(Answer):
    """What a member states of a document, and where the statement stands."""

    center: str
    member: str
    leaf_index: int
    stored_at: datetime
    withdrawn_at: datetime | None = Field(description="since when the bytes are not handed out any more")
    replaced_by: str | None = Field(description="CID of the newest document that the member put in this one's place")
    is_confidential: bool = Field(description="whether the bytes are an age file, and the entry is blinded")
    description: dict[str, Any] = Field(description="GreenlaneDocument: the statement itself, whose digest is in the entry")
    bytes: str = Field(description="address of the bytes")
    receipt: str = Field(description="address of the receipt")
    receipt_for_readers: str | None = Field(description="of a confidential document: its receipt, encrypted for its readers")
    page: str = Field(description="address of the page for people")


class StatementsAnswer(Answer):
    """Statements about documents."""

    statements: list[StatementAnswer]


class DocumentAnswer(Answer):
    """One document and every statement about it that the asker may read."""

    cid: str
    size: int
    statements: list[StatementAnswer]


class ReaderKeyAnswer(Answer):
    """A public key by which a member reads."""

    recipient: str
    added_at: datetime
    revoked_at: datetime | None = Field(description="nothing new is encrypted for it since then")


class ReaderKeysAnswer(Answer):
    """The reader keys of one member, oldest first."""

    center: str
    member: str
    keys: list[ReaderKeyAnswer]


class MeAnswer(Answer):
    """Whose key a request was sent with."""

    key_id: str
    role: str
    center: str
    member: str | None = Field(description="null where the key speaks for no one member")
    label: str = Field(description="the operator's words of what the key is for; of a partner's key the center that asks")
    expires_at: datetime | None = Field(description="null where the key is good until it is revoked")


def time_text(at: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def job_value(job: CaptureJob) -> dict[str, Any]:
    """A capture job; the same bytes whenever it is told, so that a repeated request gets its first answer."""
    created_at = time_text(job.created_at)
    return {
        "captureID": job.id,
        "createdAt": created_at,
        "finishedAt": created_at,
        "running": False,
        "success": True,
        "captureErrorBehaviour": "rollback",
        "errors": [],
        "id": job.id,
        "center": job.center,
        "member": job.member,
        "events": [{"eventHash": event.event_hash, "leafIndex": event.leaf_index, "isNew": event.is_new} for event in job.events],
    }


def hold_value(asked_by: CenterId, cid: Cid, size: int, asked_at: datetime) -> dict[str, object]:
    """What was asked for."""
    return {"cid": cid.text, "size": size, "askedBy": asked_by, "askedAt": time_text(asked_at)}


def center_value(center: HostedCenter, standing: LogStanding, public_url: str) -> dict[str, Any]:
    """A center and how far its log has come."""
    anchor, checkpoint = standing.anchor, standing.checkpoint
    return {
        "id": center.id,
        "name": center.name,
        "economy": center.economy,
        "origin": center.origin,
        "logKey": center.key.encode(),
        "log": {
            "captured": standing.head.captured,
            "published": standing.head.published,
            "anchored": 0 if anchor is None else anchor.tree_size,
            "anchoredAt": None if anchor is None else time_text(anchor.anchored_at),
            "root": None if checkpoint is None else encode_hex(checkpoint.root),
            "url": f"{public_url}/v1/centers/{center.id}/log",
        },
    }


def statement_value(stored: StoredDocument, public_url: str) -> dict[str, Any]:
    """A statement about a document; the same bytes whenever it is told, until something takes its place."""
    description, cid = stored.description, stored.description.cid.text
    place = f"center={stored.center}&leaf={stored.leaf_index}"
    return {
        "center": stored.center,
        "member": stored.member,
        "leafIndex": stored.leaf_index,
        "storedAt": time_text(stored.stored_at),
        "withdrawnAt": None if stored.withdrawn_at is None else time_text(stored.withdrawn_at),
        "replacedBy": None if stored.replaced_by is None else stored.replaced_by.text,
        "isConfidential": description.confidential is not None,
        "description": description_value(description),
        "bytes": f"{public_url}/v1/documents/{cid}",
        "receipt": f"{public_url}/v1/documents/{cid}/receipt?{place}",
        "receiptForReaders": None if description.confidential is None else f"{public_url}/v1/documents/{cid}/receipt.age?{place}",
        "page": f"{public_url}/documents/{cid}",
    }
