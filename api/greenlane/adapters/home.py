"""Where a deployment keeps its things: one home folder, and the name of each file in it.

network.json    the network as this deployment knows it (network_file.py)
trust.json      what a verifier starts from; to be given to whoever asks
embedded.json      how the embedded chain is run: genesis time, block time, port
password        opens the keystore; 0600
keys/           the keystore
documents/      the bytes of documents, where no Kubo node keeps them
documents.kind  which store the documents lie in: embedded or kubo (documents_place.py)
uploads/        bytes on their way in
chain/          the embedded chain: state, the last good copy of it, log, and who runs it

Where the database lies, and whether the password lies elsewhere, is for the settings to say.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """The home folder of one deployment."""

    directory: Path

    @property
    def network_file(self) -> Path:
        return self.directory / "network.json"

    @property
    def trust_file(self) -> Path:
        return self.directory / "trust.json"

    @property
    def embedded_file(self) -> Path:
        return self.directory / "embedded.json"

    @property
    def password_file(self) -> Path:
        return self.directory / "password"

    @property
    def keys(self) -> Path:
        return self.directory / "keys"

    @property
    def documents(self) -> Path:
        return self.directory / "documents"

    @property
    def documents_kind_file(self) -> Path:
        return self.directory / "documents.kind"

    @property
    def uploads(self) -> Path:
        return self.directory / "uploads"

    @property
    def chain(self) -> Path:
        return self.directory / "chain"

    @property
    def lock_file(self) -> Path:
        """Held while somebody starts, stops or resets the chain."""
        return self.directory / ".lock"
