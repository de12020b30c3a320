"""What an event says that its event hash leaves out: that it was wrong, and by which certificates it was made.

The event hash is one for every spelling of an event and for every declaration about it. So two captures of one hash are told
apart by this digest: a declaration of error is another thing said about the same event.
"""

from collections.abc import Mapping
from typing import Final

from greenlane.core.canonical import JsonValue, content_digest

DECLARATIONS: Final = ("errorDeclaration", "certificationInfo")
"""The fields that have meaning and no place in the event hash. recordTime has none: the repository sets it."""


def variant_digest(event_document: Mapping[str, JsonValue]) -> bytes:
    """SHA-256 over the RFC 8785 bytes of the event's declarations alone; 32 bytes, the same for all events without any."""
    return content_digest({name: event_document[name] for name in DECLARATIONS if name in event_document})
