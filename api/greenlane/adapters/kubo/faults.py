"""What goes wrong on the way to a node, or in it, in the words of the port.

Kubo gives all errors of its commands one code, so that their words decide; what they mean stands in one table.
Source: the errors of a recorded Kubo 0.42.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Final, NoReturn

import requests
import urllib3
from ipfshttpclient import exceptions as client_exceptions  # type: ignore[import-untyped]

from greenlane.adapters.kubo.wire import Failed, NoKubo, object_or_none
from greenlane.core.documents.car import CarInvalid
from greenlane.core.documents.cid import Cid
from greenlane.core.documents.unixfs import BlockMismatch, NoDocument
from greenlane.ports.documents import BytesRefused, DocumentMissing, DocumentsFull, DocumentsUnavailable


class _Meaning(Enum):
    NOT_PINNED = auto()
    FULL = auto()
    MISSING = auto()


_MEANINGS: Final = (
    (re.compile(r"is not pinned|not pinned or pinned indirectly"), _Meaning.NOT_PINNED),
    (re.compile(r"no space left|quota exceeded|storage limit|StorageMax|disk is full", re.IGNORECASE), _Meaning.FULL),
    (
        re.compile(r"could not find|not found locally|context deadline exceeded|failed to fetch", re.IGNORECASE),
        _Meaning.MISSING,
    ),
)
"""The first line that fits counts."""
_GET_TOKEN = "Put the token of this node's RPC (API.Authorizations in its configuration) where this deployment reads it."  # noqa: S105
_GET_NODE = "Start the center's documents node, or give the address of its RPC; what was uploaded is kept."
_OTHER_NODE = "Give the address of the RPC of Kubo 0.42 or later."


class NotPinned(Exception):
    """The answer to a question about one pin."""


class Faults:
    """The faults of one node."""

    def __init__(self, url: str) -> None:
        """Args:
        url: where it stands, for whoever has to look there.
        """
        self._url = url

    @contextmanager
    def told(self, what: str, *, missing: Cid | None = None, is_of_pin: bool = False) -> Iterator[None]:
        """Tells whatever goes wrong on the way to a node, or in it, in our words.

        Args:
            what: was not done, as a sentence.
            missing: what the node may lack.
            is_of_pin: whether the node may say that there is no such pin.
        """
        try:
            yield
        except client_exceptions.ErrorResponse as error:
            if is_of_pin and _meaning(str(error)) is _Meaning.NOT_PINNED:
                raise NotPinned from error
            self.fail(what, str(error), missing, error)
        except client_exceptions.StatusError as error:
            self._raise_status(what, error.original)
        except requests.HTTPError as error:
            self._raise_status(what, error)
        except Failed as error:
            self.fail(what, str(error), missing, error)
        except (client_exceptions.TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
            raise DocumentsUnavailable(f"{what} The documents node does not answer in time.", where=self._url) from error
        except (
            client_exceptions.EncoderError,
            NoKubo,
            AssertionError,
            LookupError,
            TypeError,
            ValueError,
            RecursionError,
        ) as error:
            words = f"{what} Something answers at this address, but not as a documents node does."
            raise DocumentsUnavailable(words, where=self._url, remedy=_OTHER_NODE) from error
        except (client_exceptions.Error, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise DocumentsUnavailable(
                f"{what} The documents node cannot be reached.", where=self._url, remedy=_GET_NODE
            ) from error

    def _raise_status(self, what: str, error: object) -> None:
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        cause = error if isinstance(error, BaseException) else None
        words = "" if response is None else response.words()
        match object_or_none(words):
            case {"Message": str(message)} if status == 500:
                self.fail(what, message, None, cause)
        if status == 403:
            detail = f"{what} The documents node refuses our token."
            raise DocumentsUnavailable(detail, where=self._url, remedy=_GET_TOKEN) from cause
        detail = f"{what} The documents node answers with {status}: {_line_of(words)}"
        raise DocumentsUnavailable(detail, where=self._url, remedy=_OTHER_NODE) from cause

    def fail(self, what: str, words: str, missing: Cid | None, cause: BaseException | None = None) -> NoReturn:
        """Raises what the words of a command's error mean.

        Args:
            what: was not done, as a sentence.
            missing: what the node may lack; None: nothing can be missing.
        """
        meaning = _meaning(words)
        if meaning is _Meaning.FULL:
            raise DocumentsFull(f"{what} The documents node has no room left: {_line_of(words)}", where=self._url) from cause
        if meaning is _Meaning.MISSING and missing is not None:
            raise DocumentMissing(f"{missing.text}, or a part of it, is not here and did not come in time.") from cause
        raise DocumentsUnavailable(f"{what} The documents node says: {_line_of(words)}", where=self._url) from cause


def _meaning(words: str) -> _Meaning | None:
    return next((meaning for pattern, meaning in _MEANINGS if pattern.search(words)), None)


def _line_of(words: str) -> str:
    """The words of a node, which may be anything."""
    return "".join(sign if sign.isprintable() else " " for sign in words[:200]).strip() or "nothing"


@contextmanager
def refusing() -> Iterator[None]:
    """Blocks that do not match their names, or that no document has, are refused in the words of the port."""
    try:
        yield
    except (BlockMismatch, NoDocument, CarInvalid) as error:
        raise BytesRefused(error.detail, remedy=error.remedy) from error
