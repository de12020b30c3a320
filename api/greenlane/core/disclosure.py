"""What an entry of a log stands for, as far as the bearer of a receipt may know it: its shape belongs to the kind of the entry.

An event is disclosed whole, and its hash and content digest are recomputed from it. Of a document its description is disclosed:
the bytes travel beside the receipt, for they may be large, and the description holds their digests. Entries of other kinds
disclose nothing in this version.

Each part may be null: a salt that is withheld or forgotten, an event or a description that travels beside the receipt or that the
bearer may not know.
"""

from dataclasses import dataclass

from greenlane.core.canonical import JsonValue
from greenlane.core.documents.description import Description, description_value, read_description
from greenlane.core.entry import SALT_BYTES, EntryKind
from greenlane.core.epcis.eventhash import CbvVersion
from greenlane.core.units import Salt
from greenlane.core.wire import FieldInvalid, encode_base64, read_base64, read_line, read_object, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What an entry of the kind event stands for.

    Attributes:
        event: the whole event as accepted, its own "@context" included; None where it is withheld or travels beside the receipt.
        cbv_version: the rules by which the entry's event hash was made.
        salt: for a blinded entry its salt, or None where that is withheld or forgotten; None for a plain one.
    """

    event: dict[str, JsonValue] | None
    cbv_version: CbvVersion
    salt: Salt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDisclosure:
    """What an entry of the kind document stands for.

    Attributes:
        description: what is stated of the document; None where it is withheld.
        salt: for a blinded entry its salt, or None where that is withheld or forgotten; None for a plain one.
    """

    description: Description | None
    salt: Salt | None


_SHAPES: dict[EntryKind, type[Disclosure] | type[DocumentDisclosure]] = {
    EntryKind.EVENT: Disclosure,
    EntryKind.DOCUMENT: DocumentDisclosure,
}


def fits_kind(disclosure: Disclosure | DocumentDisclosure | None, kind: EntryKind) -> bool:
    """Whether this stands beside an entry of that kind; of kinds that disclose nothing only None does."""
    shape = _SHAPES.get(kind)
    return disclosure is None if shape is None else isinstance(disclosure, shape)


def disclosure_value(disclosure: Disclosure | DocumentDisclosure) -> dict[str, JsonValue]:
    """The JSON form; every key is always there, and null says that there is nothing."""
    salt = None if disclosure.salt is None else encode_base64(disclosure.salt)
    if isinstance(disclosure, DocumentDisclosure):
        stated = disclosure.description
        return {"document": None if stated is None else description_value(stated), "salt": salt}
    return {"event": disclosure.event, "cbvVersion": disclosure.cbv_version.value, "salt": salt}


def read_disclosure(value: JsonValue, kind: EntryKind, where: str) -> Disclosure | DocumentDisclosure:
    """Reads the JSON form that belongs to a kind of entry.

    Args:
        where: JSON pointer of the value, for errors.

    Raises:
        FieldInvalid: the kind discloses nothing, or a field is missing, unknown, or not as it must be.
        CidInvalid, DescriptionInvalid: the description of a document does not read well.
    """
    if kind is EntryKind.EVENT:
        return _read_event(value, where)
    if kind is EntryKind.DOCUMENT:
        return _read_document(value, where)
    raise FieldInvalid("An entry of this kind discloses nothing: null is expected.", where=where)


def _read_event(value: JsonValue, where: str) -> Disclosure:
    fields = read_object(value, ("event", "cbvVersion", "salt"), where)
    event = fields["event"]
    if event is not None and not isinstance(event, dict):
        raise FieldInvalid("An object, or null, is expected.", where=f"{where}/event")
    version = read_line(fields["cbvVersion"], f"{where}/cbvVersion", longest=16)
    if version not in list(CbvVersion):
        raise FieldInvalid(f"No version {shown(version)} of the event hash is known.", where=f"{where}/cbvVersion")
    return Disclosure(event=event, cbv_version=CbvVersion(version), salt=_read_salt(fields["salt"], f"{where}/salt"))


def _read_document(value: JsonValue, where: str) -> DocumentDisclosure:
    fields = read_object(value, ("document", "salt"), where)
    stated = fields["document"]
    return DocumentDisclosure(
        description=None if stated is None else read_description(stated, f"{where}/document"),
        salt=_read_salt(fields["salt"], f"{where}/salt"),
    )


def _read_salt(value: JsonValue, where: str) -> Salt | None:
    return None if value is None else Salt(read_base64(value, where, length=SALT_BYTES))
