"""What is known of an upload beside how far it has come: until when it is kept, and what its bytes turned out to be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from greenlane.core.documents.unixfs import identify
from greenlane.core.units import CenterId, MemberId
from greenlane.ports.store import Store
from greenlane.ports.uploads import FoundBytes, Upload, UploadMissing

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
CID, SIZE, DIGEST = identify([b"a certificate"])
FOUND = FoundBytes(cid=CID, digest=DIGEST)
UPLOAD = Upload(
    id="ab" * 16,
    center=CenterId("lima"),
    member=MemberId("farm"),
    key_id="k" * 16,
    length=SIZE,
    created_at=NOON,
    expires_at=NOON + timedelta(hours=1),
)


def test_what_an_upload_turned_out_to_be_is_kept_and_wanted_by_nobody(store: Store) -> None:
    with store.write() as tx:
        tx.uploads.add(UPLOAD)
        for _ in range(2):
            tx.uploads.find(UPLOAD.id, FOUND)
    with store.write() as tx:
        assert tx.uploads.get(UPLOAD.id) == replace(UPLOAD, found=FOUND)
        tx.uploads.drop(UPLOAD.id)
        assert not tx.documents.let_go(CID) and tx.documents.unwanted(after=None, limit=9) == ()
        again = replace(UPLOAD, id="cd" * 16, found=FOUND, meant=CID)
        tx.uploads.add(again)
        assert tx.uploads.get(again.id) == again


def test_an_uploads_end_is_put_off(store: Store) -> None:
    later = NOON + timedelta(days=1)
    with store.write() as tx:
        tx.uploads.add(UPLOAD)
        tx.uploads.extend(UPLOAD.id, later)
    with store.read() as tx:
        assert list(tx.uploads.expired(later - timedelta(microseconds=1))) == []
        assert list(tx.uploads.expired(later)) == [replace(UPLOAD, expires_at=later)]


def test_of_an_upload_that_is_gone_nothing_is_written_down(store: Store) -> None:
    with store.write() as tx:
        with pytest.raises(UploadMissing):
            tx.uploads.find(UPLOAD.id, FOUND)
        with pytest.raises(UploadMissing):
            tx.uploads.extend(UPLOAD.id, NOON)
