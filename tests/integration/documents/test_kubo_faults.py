"""A documents node that lies, hangs, dies, is full, is another program or is away: a clear fault, and nothing half-stored."""

import io
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests
from greenlane.adapters.kubo import ADD_OPTIONS, Kubo
from greenlane.core.documents.cid import Cid, Codec, parse_cid
from greenlane.core.documents.unixfs import CHUNK_BYTES, identify
from greenlane.core.errors import GreenlaneError, InvalidInput
from greenlane.ports.documents import BytesRefused, DocumentMissing, DocumentsFull, DocumentsUnavailable
from worlds.kubo import DAG_PB, RAW, Failed, KuboServer, befriend, node_block, stand_in_kubo, varint
from worlds.kubo_requests import COMMANDS
from worlds.kubo_trial import Pattern

NINE = Pattern(9 * CHUNK_BYTES - 5, "nine").read()
ABSENT = Cid.of(Codec.RAW, b"nobody has this")


@dataclass(frozen=True, kw_only=True)
class World:
    """A node, an adapter that is impatient with it, and a document of nine chunks in it."""

    kubo: KuboServer
    store: Kubo
    cid: Cid


@pytest.fixture
def world() -> Iterator[World]:
    with stand_in_kubo(token="a token") as kubo:
        # What is put there first may take its time on a busy machine.
        patient = Kubo(kubo.url, token="a token")
        cid = patient.add(io.BytesIO(NINE)).cid
        patient.close()
        store = Kubo(kubo.url, token="a token", timeout_s=1.5)
        yield World(kubo=kubo, store=store, cid=cid)
        store.close()


def test_a_lying_node_is_found_at_the_first_wrong_block(world: World) -> None:
    world.kubo.misbehave(block="lie")
    with pytest.raises(BytesRefused):
        next(world.store.read(world.cid))
    with pytest.raises(BytesRefused):
        world.store.size(world.cid)
    with pytest.raises(BytesRefused):
        list(world.store.export_car(world.cid))
    assert not world.store.is_held(world.cid)


def test_a_lie_in_the_middle_ends_the_reading_there(world: World) -> None:
    leaf = next(cid for cid, data in world.kubo.node.blocks.items() if data == NINE[3 * CHUNK_BYTES : 4 * CHUNK_BYTES])
    world.kubo.node.blocks[leaf] = b"something else"
    read = bytearray()
    with pytest.raises(BytesRefused):
        for piece in world.store.read(world.cid):
            read += piece
    assert bytes(read) == NINE[: 3 * CHUNK_BYTES]
    assert not world.store.is_held(world.cid), "its size is another"


@pytest.mark.parametrize("how", ["hang", "drop", "garbage", "500 something broke", "502 bad gateway", "404 page not found"])
def test_whatever_a_node_does_it_is_told_as_the_node_s_fault_and_in_time(how: str, world: World) -> None:
    world.kubo.misbehave(every=how)
    # No answer is ever right here: nobody need wait long for one.
    store = Kubo(world.kubo.url, token="a token", timeout_s=0.3)
    acts: list[Callable[[], object]] = [
        store.check,
        lambda: store.block(world.cid),
        lambda: store.is_held(world.cid),
        lambda: list(store.pins()),
        lambda: store.unpin(world.cid),
        lambda: store.pin(world.cid, wait_s=0.1),
        lambda: store.add(io.BytesIO(b"new")),
    ]
    for act in acts:
        began = time.monotonic()
        with pytest.raises((DocumentsUnavailable, BytesRefused)) as fault:
            act()
        assert time.monotonic() - began < 8
        # What comes for a block is hashed, whatever it says.
        assert isinstance(fault.value, DocumentsUnavailable) or (how, act) == ("garbage", acts[1])
        assert isinstance(fault.value, BytesRefused) or world.kubo.url in (fault.value.where or "")
        assert fault.value.remedy
    store.close()


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ("short", DocumentMissing),
        ("cut", DocumentsUnavailable),
        ("endless", DocumentsUnavailable),
        ("drip", DocumentsUnavailable),
    ],
)
def test_an_answer_that_is_cut_short_or_never_ends_costs_little(how: str, fault: type[GreenlaneError], world: World) -> None:
    world.kubo.misbehave(block=how)
    began = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(fault):
            world.store.block(world.cid)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 8
    assert peak < 16 * CHUNK_BYTES


def test_a_list_of_pins_that_ends_in_an_error_or_never_is_no_list(world: World) -> None:
    for how in ("failing", "endless"):
        world.kubo.misbehave(pins=how)
        with pytest.raises(DocumentsUnavailable):
            list(world.store.pins())


def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(world: World) -> None:
    with stand_in_kubo() as elsewhere:
        world.kubo.misbehave(every="redirect", location=f"{elsewhere.url}/api/v0/id")
        tracemalloc.start()
        try:
            with pytest.raises(DocumentsUnavailable, match="307"):
                world.store.check()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert elsewhere.asked == []
        assert peak < 16 * CHUNK_BYTES


def test_a_proxy_of_the_environment_stands_nowhere_between(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    world.store.check()
    assert world.store.is_held(world.cid)


def test_a_wrong_token_is_told_with_its_remedy_and_never_written(world: World) -> None:
    for token in (None, "not this one"):
        with pytest.raises(DocumentsUnavailable, match="refuses our token") as refusal:
            Kubo(world.kubo.url, token=token).add(io.BytesIO(b"x"))
        assert "API.Authorizations" in refusal.value.remedy
        assert "not this one" not in str(refusal.value)


def test_a_full_node_is_told_apart(world: World) -> None:
    for words in ("write /blocks/X: no space left on device", "maximum storage limit exceeded. Try to unpin some files"):
        world.kubo.misbehave(add=words)
        with pytest.raises(DocumentsFull):
            world.store.add(io.BytesIO(b"one more"))


def test_another_tree_than_ours_is_refused_and_not_pinned(world: World) -> None:
    before = set(world.store.pins())
    world.kubo.misbehave(add="other")
    with pytest.raises(BytesRefused):
        world.store.add(io.BytesIO(NINE[5:]))
    world.kubo.misbehave()
    assert set(world.store.pins()) - before <= {identify([NINE[5:]])[0]}


def test_a_source_that_changes_while_it_is_sent_is_broken_off_and_nothing_is_pinned(world: World) -> None:
    before = set(world.store.pins())
    with pytest.raises(BytesRefused):
        world.store.add(io.BytesIO(NINE[:-1] + b"?"), expected=identify([NINE[:-1] + b"!"])[0])
    assert set(world.store.pins()) == before
    with pytest.raises(BytesRefused):
        world.store.add(io.BytesIO(NINE[:-1]), expected=world.cid)


def test_a_node_that_dies_in_mid_upload_has_pinned_nothing_and_the_same_request_finishes(world: World) -> None:
    other = NINE[7:]
    world.kubo.misbehave(add="die", after=4 * CHUNK_BYTES)
    with pytest.raises(DocumentsUnavailable):
        world.store.add(io.BytesIO(other))
    world.kubo.misbehave()
    cid = identify([other])[0]
    assert cid not in set(world.store.pins())
    assert world.store.collect_garbage() > 0, "orphan blocks go"
    told: list[int] = []
    assert world.store.add(io.BytesIO(other), told=told.append).cid == cid
    assert told == sorted(told)
    assert told[-1] == len(other)
    assert world.store.is_held(world.cid), "and nothing else went"


def test_of_what_was_broken_off_no_thread_is_left(world: World) -> None:
    world.kubo.misbehave(add="die", after=2 * CHUNK_BYTES)
    with pytest.raises(DocumentsUnavailable):
        world.store.add(io.BytesIO(NINE[3:]))
    world.kubo.misbehave()
    with pytest.raises(BytesRefused):
        world.store.add(io.BytesIO(NINE[3:]), expected=ABSENT)

    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 5 * CHUNK_BYTES:
                raise OSError("the disk is gone")
            return super().read(size)

    with pytest.raises(OSError, match="the disk is gone"):
        world.store.add(Torn(NINE[3:]), expected=identify([NINE[3:]])[0])
    assert not [one.name for one in threading.enumerate() if one.name == "documents-beside"]
    assert set(world.store.pins()) == {world.cid}


def test_the_same_bytes_again_are_not_sent_again(world: World) -> None:
    world.kubo.asked.clear()
    told: list[int] = []
    assert world.store.add(io.BytesIO(NINE), told=told.append).cid == world.cid
    assert "add" not in {one.command for one in world.kubo.asked}
    assert told[-1] == len(NINE)


def test_every_option_that_has_a_say_is_given_whatever_the_node_does_by_itself(world: World) -> None:
    [added] = [one for one in world.kubo.asked if one.command == "add"]
    assert added.options == ADD_OPTIONS
    unsaid = set(COMMANDS["add"].options) - set(ADD_OPTIONS)
    assert unsaid == {
        # What these say, they say by being there.
        *("pin-name", "to-files", "mode", "mtime", "mtime-nsecs"),
        # They shape folders.
        *("empty-dirs", "max-directory-links", "max-hamt-fanout"),
        # The command line takes them for itself, before anything is sent.
        *("recursive", "dereference-args", "hidden", "ignore", "ignore-rules-path", "stdin-name"),
    }
    assert not unsaid & set(added.options)
    assert {name: ADD_OPTIONS[name] for name in ("cid-version", "raw-leaves", "chunker", "max-file-links", "pin")} == {
        "cid-version": "1",
        "raw-leaves": "true",
        "chunker": "size-1048576",
        "max-file-links": "1024",
        "pin": "true",
    }


def test_what_is_kept_is_announced_by_its_root_and_no_answer_waits_for_that(world: World) -> None:
    car = b"".join(world.store.export_car(world.cid))
    with stand_in_kubo() as other:
        Kubo(other.url).import_car(iter([car]), root=world.cid, max_bytes=len(car))
        Kubo(other.url).pin(world.cid, wait_s=1)
        asked = {one.command: one for one in (*world.kubo.asked, *other.asked)}
    for command in ("add", "dag/import", "pin/add"):
        told = {name: value for name, value in asked[command].options.items() if name.startswith("fast-provide")}
        assert told == {"fast-provide-root": "true", "fast-provide-dag": "false", "fast-provide-wait": "false"}, command


def test_every_command_whose_blocks_may_be_missing_says_how_long_the_swarm_is_asked(world: World) -> None:
    with pytest.raises(DocumentMissing):
        world.store.block(ABSENT)
    with pytest.raises(DocumentMissing):
        world.store.block(ABSENT, wait_s=0.3)
    with pytest.raises(DocumentMissing):
        world.store.pin(ABSENT, wait_s=0.3)
    for one in world.kubo.asked:
        if one.command in ("block/get", "block/stat", "pin/add"):
            assert one.is_offline or one.timeout_s is not None, one


def test_a_part_asks_for_the_blocks_it_needs_and_no_others(world: World) -> None:
    world.kubo.asked.clear()
    part = b"".join(world.store.read(world.cid, offset=3 * CHUNK_BYTES - 10, length=20))
    assert part == NINE[3 * CHUNK_BYTES - 10 : 3 * CHUNK_BYTES + 10]
    assert [one.command for one in world.kubo.asked] == ["block/get"] * 3, "the root and two chunks"


def test_a_reader_who_goes_away_leaves_nothing_behind(world: World) -> None:
    reading = world.store.read(world.cid)
    assert next(reading) == NINE[:CHUNK_BYTES]
    reading.close()  # type: ignore[attr-defined]
    assert b"".join(world.store.read(world.cid)) == NINE


def test_equal_chunks_are_read_in_their_places(world: World) -> None:
    equal = bytes(6 * CHUNK_BYTES) + b"end"
    cid = world.store.add(io.BytesIO(equal)).cid
    assert b"".join(world.store.read(cid)) == equal
    assert b"".join(world.store.read(cid, offset=2 * CHUNK_BYTES + 1)) == equal[2 * CHUNK_BYTES + 1 :]
    assert len(b"".join(world.store.export_car(cid))) < 2 * CHUNK_BYTES, "each block once"
    assert world.store.is_held(cid)


def test_a_missing_chunk_means_that_it_is_not_held_and_a_peer_mends_it(world: World) -> None:
    with stand_in_kubo() as other:
        befriend(world.kubo, other)
        Kubo(other.url).add(io.BytesIO(NINE))
        leaf = next(cid for cid, data in world.kubo.node.blocks.items() if data == NINE[8 * CHUNK_BYTES :])
        del world.kubo.node.blocks[leaf]
        assert not world.store.is_held(world.cid)
        with pytest.raises(DocumentMissing):
            list(world.store.read(world.cid))
        world.store.pin(world.cid, wait_s=5)
        assert world.store.is_held(world.cid)


def test_an_import_whose_pin_fails_is_told_in_the_node_s_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    car = b"".join(world.store.export_car(world.cid))
    world.store.unpin(world.cid)

    def fails(*_: object) -> None:
        raise Failed("pin: the datastore is closed")

    monkeypatch.setattr(world.kubo.node, "pin", fails)
    with pytest.raises(DocumentsUnavailable, match="datastore is closed"):
        world.store.import_car(iter([car]), root=world.cid, max_bytes=2 * len(car))


def test_a_node_that_is_away_and_comes_back_is_used_again(world: World) -> None:
    world.kubo.stop()
    with pytest.raises(DocumentsUnavailable) as fault:
        world.store.add(io.BytesIO(b"later"))
    assert "Start the center's documents node" in fault.value.remedy
    world.kubo.start()
    assert world.store.add(io.BytesIO(b"later")).size == 5


@pytest.mark.parametrize(
    "url", ["127.0.0.1:5001", "ftp://127.0.0.1", "http://", "http://user:secret@127.0.0.1:5001", "http://h:x", "http://999.1.1.1"]
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Kubo(url)
    assert "http://127.0.0.1:5001" in refusal.value.remedy
    assert "secret" not in str(refusal.value)


def test_a_request_that_kubo_would_have_passed_over_is_an_error_of_the_test() -> None:
    with pytest.raises(AssertionError, match="Kubo knows no raw_leaves of add"), stand_in_kubo() as kubo:
        answer = requests.post(f"{kubo.url}/api/v0/add?raw_leaves=true", files={"file": b"x"}, timeout=10)
        assert answer.status_code == 400


def test_a_document_of_more_than_one_row_of_nodes_is_read_in_parts_and_carried(world: World) -> None:
    # 1,025 MiB of zeros: four blocks. The tree is put together here, without the code under test.
    leaf = bytes(CHUNK_BYTES)
    leaf_cid = world.kubo.node.put(RAW, leaf)
    first = _node_over([(leaf_cid, CHUNK_BYTES, CHUNK_BYTES)] * 1_024)
    second = _node_over([(leaf_cid, CHUNK_BYTES, CHUNK_BYTES)])
    rows = [(first, 1_024 * CHUNK_BYTES), (second, CHUNK_BYTES)]
    trees = [(world.kubo.node.put(DAG_PB, node), size, len(node) + size) for node, size in rows]
    root = parse_cid(world.kubo.node.put(DAG_PB, _node_over(trees)))
    world.kubo.node.pins[root.text] = b""
    assert world.store.size(root) == 1_025 * CHUNK_BYTES
    world.kubo.asked.clear()
    assert b"".join(world.store.read(root, offset=1_024 * CHUNK_BYTES - 10, length=20)) == bytes(20)
    assert len(world.kubo.asked) == 5, "the root, two nodes and a chunk of each"
    world.kubo.asked.clear()
    assert len(b"".join(world.store.read(root, offset=1_022 * CHUNK_BYTES + 1))) == 3 * CHUNK_BYTES - 1
    assert len(world.kubo.asked) == 6
    assert world.store.is_held(root)
    car = b"".join(world.store.export_car(root))
    assert len(car) < 2 * CHUNK_BYTES
    with stand_in_kubo() as other:
        Kubo(other.url).import_car(iter([car]), root=root, max_bytes=len(car))
        assert Kubo(other.url).is_held(root)


def _node_over(children: list[tuple[str, int, int]]) -> bytes:
    """A node of a file; of each child its CID, its size, and the bytes of its tree."""
    sizes = b"".join(b"\x20" + varint(size) for _, size, _ in children)
    unixfs = b"\x08\x02\x18" + varint(sum(size for _, size, _ in children)) + sizes
    return node_block([(cid, "", tree_bytes) for cid, _, tree_bytes in children], unixfs)
