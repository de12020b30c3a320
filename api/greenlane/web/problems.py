"""What goes wrong, as HTTP says it: one table from error class to status, and problem details for programs.

The last part of a problem's `type` is the error's code and never changes; a page for people stands at that address.
Source: RFC 9457; RFC 9110 for the statuses.
"""

import inspect
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from greenlane.core.errors import (
    Conflict,
    Faults,
    Forbidden,
    GreenlaneError,
    InvalidInput,
    NotFound,
    ProofRefused,
    Unavailable,
)
from greenlane.core.wire import encode_hex
from greenlane.ports.asset_ledger import ActWouldFail, AssetsMissing
from greenlane.ports.documents import BytesRefused, DocumentWithdrawn
from greenlane.ports.ledger import LedgerMismatch
from greenlane.ports.signing import LogKeyRetired
from greenlane.ports.uploads import UploadBusy
from greenlane.services.assets.acting import SignatureNeeded
from greenlane.services.identify import Unauthenticated
from greenlane.services.prove import SaltForgotten
from greenlane.services.sign_evidence import CertifierSignatureNeeded
from greenlane.services.upload import DocumentTooLarge, UploadOverrun

PROBLEM_JSON = "application/problem+json"
_MAX_ERRORS = 100
_MAX_DETAIL = 1_000
_AGAIN = "Send the same request again after the time in Retry-After."


class BadRequest(InvalidInput):
    """A header, parameter or part of the address cannot be used."""

    code = "bad-request"


class MemberMissing(InvalidInput):
    """The key speaks for several members, and the request does not say for which."""

    code = "member-missing"
    default_remedy = "Name the member in the header Greenlane-Member."


class ParameterUnknown(InvalidInput):
    """The query has a parameter that this server does not know; ignoring it would answer another question."""

    code = "parameter-unknown"


class BodyTooLarge(InvalidInput):
    """The request's body has more bytes than this server takes."""

    code = "body-too-large"
    default_remedy = "Send the events in several smaller requests."


class HeadTooLarge(InvalidInput):
    """The request's address and headers have more bytes, or more lines, than this server takes."""

    code = "head-too-large"
    default_remedy = "Ask for less at once, and leave out headers that are not needed."


class TooManyEvents(InvalidInput):
    """The request has more events than this server takes at once."""

    code = "too-many-events"
    default_remedy = "Send the events in several smaller requests."


class BodyTooSlow(InvalidInput):
    """The request's body did not arrive in time."""

    code = "body-too-slow"
    default_remedy = "Send the same request again over a better connection, or in smaller parts."


class ContentCodingUnsupported(InvalidInput):
    """The body is compressed; a small body that unpacks to a huge one is a known attack."""

    code = "content-coding-unsupported"
    default_remedy = "Send the body as it is, without Content-Encoding."


class MediaTypeUnsupported(InvalidInput):
    """The body is of a media type that this address does not take."""

    code = "media-type-unsupported"
    default_remedy = "Send JSON with Content-Type application/json or application/ld+json."


class ChecksumMismatch(InvalidInput):
    """The bytes of a part of an upload are not those that its checksum was made of; nothing of the part was taken."""

    code = "upload-checksum-mismatch"
    default_remedy = "Send the same part again."


class TusVersionUnsupported(InvalidInput):
    """The request speaks no version of the upload protocol that is spoken here."""

    code = "tus-version-unsupported"
    default_remedy = "Send the header Tus-Resumable: 1.0.0."


class RangeNotSatisfiable(InvalidInput):
    """The document has no byte in the range that is asked for.

    Attributes:
        size: of the document, in bytes.
    """

    code = "range-not-satisfiable"
    default_remedy = "Ask for a range that begins before the document's end."

    def __init__(self, size: int) -> None:
        super().__init__(f"The document has {size} bytes.")
        self.size = size


class NotAcceptable(InvalidInput):
    """The answer cannot be given in the form or version asked for."""

    code = "not-acceptable"


class NotSupported(GreenlaneError):
    """The standard has this; this server does not."""

    code = "not-supported"


class PathUnknown(NotFound):
    """Nothing has this address."""

    code = "path-unknown"
    default_remedy = "Compare the address with /openapi.json."


class MethodNotAllowed(GreenlaneError):
    """The address exists and does not take this method."""

    code = "method-not-allowed"
    default_remedy = "Use one of the methods in the Allow header."


class TooManyRequests(Unavailable):
    """More requests came from one API key or address than this server answers in a minute."""

    code = "too-many-requests"
    default_remedy = "Wait for the time in Retry-After."


class ChainUnusable(Unavailable):
    """The chain that this server asks is not the one its network belongs to, or answers what cannot be."""

    code = "chain-unusable"


class Busy(Unavailable):
    """The answer took longer than this server lets one request take."""

    code = "busy"
    default_remedy = "Send the same request again later; with the same Idempotency-Key it takes effect once."


class InternalFault(GreenlaneError):
    """A fault of this server; the request may be right.

    Attributes:
        error_id: names the fault in this server's log.
    """

    code = "internal-fault"
    default_remedy = "Send the same request again later; tell the operator the error id."

    def __init__(self, error_id: str) -> None:
        super().__init__(f"Something went wrong inside this server (error id {error_id}).")
        self.error_id = error_id


_STATUS: Mapping[type[GreenlaneError], int] = {
    InvalidInput: 400,
    BodyTooSlow: 408,
    BodyTooLarge: 413,
    DocumentTooLarge: 413,
    UploadOverrun: 413,
    RangeNotSatisfiable: 416,
    TusVersionUnsupported: 412,
    ChecksumMismatch: 460,
    TooManyEvents: 413,
    HeadTooLarge: 431,
    ContentCodingUnsupported: 415,
    MediaTypeUnsupported: 415,
    NotAcceptable: 406,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    UploadBusy: 423,
    SaltForgotten: 410,
    DocumentWithdrawn: 410,
    TooManyRequests: 429,
    NotSupported: 501,
    AssetsMissing: 501,
    Unavailable: 503,
    LogKeyRetired: 503,
    LedgerMismatch: 503,
    # Whoever keeps the bytes lied or rots; this server told it from the CID.
    BytesRefused: 502,
    # What is left is a fault of this server or of its data: a proof that does not hold, a tile that is gone.
    ProofRefused: 500,
    GreenlaneError: 500,
}


# Of tus 1.0.0, and so known to no library.
_OWN_PHRASES = {460: "Checksum Mismatch"}


def status_of(error: type[GreenlaneError]) -> int:
    """The HTTP status of an error: that of the nearest class above it which has one."""
    return next(_STATUS[each] for each in error.__mro__ if each in _STATUS)


def title_of(code: str) -> str:
    """The code as a title for people."""
    return code.replace("-", " ").capitalize()


def as_told(error: GreenlaneError) -> GreenlaneError:
    """The error as whoever asked may know it.

    Of what is away inside, the place is an address of this deployment's own network or disk, and the remedy speaks to whoever
    keeps that; whoever asked can only ask again.
    """
    if not isinstance(error, Unavailable) or error.where is None:
        return error
    told = copy(error)
    told.where, told.remedy = None, error.default_remedy or _AGAIN
    return told


def problem_value(error: GreenlaneError, *, public_url: str, instance: str) -> dict[str, Any]:
    """The problem details of an error."""
    error = as_told(error)
    faults = error.faults if isinstance(error, Faults) else (error,)
    code = faults[0].code if len(faults) == 1 else error.code
    value: dict[str, Any] = {
        "type": f"{public_url}/problems/{code}",
        "title": title_of(code),
        "status": status_of(type(error)),
        "detail": str(error.detail)[:_MAX_DETAIL],
        "instance": instance,
        "code": code,
        "remedy": error.remedy,
    }
    if any(fault.where is not None for fault in faults):
        value["errors"] = [
            {
                "pointer": fault.where or "",
                "code": fault.code,
                "detail": fault.detail[:_MAX_DETAIL],
                "remedy": fault.remedy,
            }
            for fault in faults[:_MAX_ERRORS]
        ]
    if isinstance(error, InternalFault):
        value["errorId"] = error.error_id
    if isinstance(error, ActWouldFail):
        value["refusal"] = error.refusal
    if isinstance(error, SignatureNeeded):
        act = error.act
        value["act"] = {
            "account": encode_hex(act.account),
            "salt": encode_hex(act.salt),
            "notAfter": act.not_after,
            "contract": error.contract.value,
        }
    if isinstance(error, SignatureNeeded | CertifierSignatureNeeded):
        value["toSign"] = error.to_sign
    return value


def problem_headers(error: GreenlaneError) -> dict[str, str]:
    """The headers that belong to an error's status."""
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(max(1, error.retry_after_s))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="greenlane"'
    if isinstance(error, TusVersionUnsupported):
        headers["Tus-Version"] = "1.0.0"
    if isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, DocumentWithdrawn) and error.replaced_by is not None:
        headers["Link"] = f'</v1/documents/{error.replaced_by.text}>; rel="successor-version"'
    return headers


class ProblemAnswer(Response):
    """Problem details, as RFC 9457 has them."""

    media_type = PROBLEM_JSON

    def __init__(self, error: GreenlaneError, *, public_url: str, instance: str) -> None:
        value = problem_value(error, public_url=public_url, instance=instance)
        body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str)
        super().__init__(body, status_code=value["status"], headers=problem_headers(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """One kind of problem, for its page."""

    code: str
    title: str
    status: str
    meaning: str
    remedy: str


def problem_kinds() -> dict[str, ProblemKind]:
    """Every kind of problem this server can answer with, by code."""
    kinds: dict[str, ProblemKind] = {}
    waiting: list[type[GreenlaneError]] = [GreenlaneError]
    while waiting:
        error = waiting.pop(0)
        if error.code not in kinds:
            status = status_of(error)
            kinds[error.code] = ProblemKind(
                code=error.code,
                title=title_of(error.code),
                status=f"{status} {_OWN_PHRASES.get(status) or HTTPStatus(status).phrase}",
                # The docstring's first paragraph is the meaning; what follows are attributes, for programmers.
                meaning=" ".join((inspect.getdoc(error) or "").partition("\n\n")[0].split()),
                remedy=error.default_remedy,
            )
        waiting.extend(error.__subclasses__())
    return dict(sorted(kinds.items()))
