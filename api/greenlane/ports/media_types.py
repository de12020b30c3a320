"""What bytes are, by looking at them."""

from typing import BinaryIO, Protocol

from greenlane.core.errors import InvalidInput


class TypeForbidden(InvalidInput):
    """The bytes are of a type that is not taken here, or not of the type that was stated."""

    code = "document-type-forbidden"


class Bomb(InvalidInput):
    """A small file that would unpack into a huge one."""

    code = "document-unpacks-too-large"
    default_remedy = "Send the documents in it one by one, unpacked."


class MediaTypes(Protocol):
    """Looks at bytes."""

    def check(self, source: BinaryIO, *, stated: str) -> None:
        """Refuses bytes that are not what they are said to be; leaves the source's place where it likes.

        Args:
            source: seekable, at its start.
            stated: the media type in the statement.

        Raises:
            TypeForbidden, Bomb: as their names say.
        """
