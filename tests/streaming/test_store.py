"""One contract for both stores; and what only files can suffer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.streaming.store import TRUSTED_SECONDS, LmdbStore, MemoryStore, Overlay, Store

IDENTITY = "toy|0|cluster/changelog/id"


@pytest.fixture(params=["lmdb", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path):
    one = LmdbStore(tmp_path / "0", IDENTITY) if request.param == "lmdb" else MemoryStore()
    yield one
    one.close()


def rows_of(store: Store):
    with store.snapshot() as snapshot:
        return dict(snapshot.scan(b"", b"\xff" * 600))


def test_a_new_store_is_empty_and_at_the_start(store: Store):
    assert (rows_of(store), store.mark, store.position, store.rows) == ({}, {}, 0, 0)


def test_changes_mark_and_position_go_in_together(store: Store):
    assert store.apply([(b"a", b"1"), (b"b", b"2")], {"inputs": 7}, base=0, position=3)
    assert store.apply([(b"a", None), (b"c", b""), (b"never", None)], None, base=3, position=5)

    assert (rows_of(store), store.mark, store.position, store.rows) == (
        {b"b": b"2", b"c": b""},
        {"inputs": 7},
        5,
        2,
    )


def test_changes_it_already_has_are_left_out(store: Store):
    store.apply([(b"a", b"1")], {"inputs": 1}, base=0, position=3)

    assert not store.apply([(b"a", b"old")], {"inputs": 0}, base=0, position=3)
    assert (rows_of(store), store.mark) == ({b"a": b"1"}, {"inputs": 1})


def test_changes_whose_ground_is_gone_are_left_out(store: Store):
    store.apply([(b"a", b"1")], {"inputs": 1}, base=0, position=3)
    store.clear()

    assert not store.apply([(b"a", b"2")], {"inputs": 2}, base=3, position=6)
    assert (rows_of(store), store.mark, store.position, store.rows) == ({}, {}, 0, 0)


def test_a_snapshot_stays_as_it_was(store: Store):
    store.apply([(b"a", b"1")], None, base=0, position=1)
    with store.snapshot() as snapshot:
        store.apply([(b"a", b"2"), (b"b", b"3")], None, base=1, position=2)

        assert (snapshot.get(b"a"), snapshot.get(b"b")) == (b"1", None)


def test_whoever_keeps_what_read_a_snapshot_keeps_no_other_from_reading(tmp_path: Path):
    store = LmdbStore(tmp_path / "store", "changelog")
    kept = []
    for _ in range(200):  # more than the table of readers has places
        with store.snapshot() as snapshot:
            overlay = Overlay(snapshot)
            assert list(overlay.scan(b"a", b"z")) == []
            kept.append(overlay)
    assert overlay.changes == {}


def test_a_scan_takes_the_start_and_leaves_the_stop(store: Store):
    store.apply([(key, key) for key in (b"a", b"b", b"b1", b"c")], None, base=0, position=1)
    with store.snapshot() as snapshot:
        assert list(snapshot.scan(b"b", b"c")) == [(b"b", b"b"), (b"b1", b"b1")]
        assert list(snapshot.scan(b"x", b"z")) == []


KEYS = st.binary(min_size=1, max_size=3).filter(lambda key: key[0] != 0)
ROWS = st.dictionaries(KEYS, st.binary(max_size=3), max_size=12)
WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=3)),
        st.tuples(st.just("delete"), KEYS, st.just(b"")),
        st.tuples(st.just("scan"), KEYS, KEYS),
    ),
    max_size=25,
)


@given(ROWS, WRITES)
def test_an_overlay_reads_like_one_ordered_map(below: dict[bytes, bytes], writes: list[tuple[str, bytes, bytes]]):
    store = MemoryStore()
    store.apply(below.items(), None, base=0, position=1)
    model = dict(below)
    with store.snapshot() as snapshot:
        overlay = Overlay(snapshot)
        for what, key, other in writes:
            if what == "put":
                overlay.put(key, other)
                model[key] = other
            elif what == "delete":
                overlay.delete(key)
                model.pop(key, None)
            else:
                inside = sorted((one, value) for one, value in model.items() if key <= one < other)
                assert list(overlay.scan(key, other)) == inside
                assert overlay.get(key) == model.get(key)
        store.apply(overlay.changes.items(), None, base=1, position=2)

    assert rows_of(store) == model


def test_a_scan_sees_the_rows_as_they_stood_when_it_began(store: Store):
    store.apply([(b"a", b"1"), (b"c", b"3")], None, base=0, position=1)
    with store.snapshot() as snapshot:
        overlay = Overlay(snapshot)
        overlay.put(b"b", b"2")
        scan = overlay.scan(b"a", b"z")
        overlay.put(b"b", b"changed")
        overlay.delete(b"c")

        assert list(scan) == [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]


@pytest.mark.parametrize("key", [b"", b"\x00mine", b"k" * 512])
def test_a_key_no_store_can_hold_is_refused_at_once(key: bytes):
    with pytest.raises(ValueError, match="row key"):
        Overlay(None).put(key, b"")


def filled(folder: Path, rows: int = 200):
    store = LmdbStore(folder, IDENTITY)
    store.apply([(b"key-%d" % n, b"value-%d" % n) for n in range(rows)], {"inputs": 9}, base=0, position=300)
    store.close()


def test_a_store_opened_again_has_what_it_had(tmp_path: Path):
    filled(tmp_path)
    store = LmdbStore(tmp_path, IDENTITY)

    assert (store.rows, store.position, store.mark) == (200, 300, {"inputs": 9})


def foreign(_folder: Path):
    return IDENTITY + "-recreated"


def too_old(folder: Path):
    long_ago = time.time() - TRUSTED_SECONDS - 60
    os.utime(folder / "data.mdb", (long_ago, long_ago))
    return IDENTITY


def cut_short(folder: Path):
    os.truncate(folder / "data.mdb", 3 * 4096)
    return IDENTITY


def one_value_changed(folder: Path):
    data = (folder / "data.mdb").read_bytes()
    (folder / "data.mdb").write_bytes(data.replace(b"value-77", b"value-78"))
    return IDENTITY


def no_lmdb_file_at_all(folder: Path):
    (folder / "data.mdb").write_bytes(b"x" * 100_000)
    return IDENTITY


def check_that_never_ended(folder: Path):
    (folder / "checking").touch()
    return IDENTITY


@pytest.mark.parametrize(
    "happen", [foreign, too_old, cut_short, one_value_changed, no_lmdb_file_at_all, check_that_never_ended]
)
def test_a_store_in_doubt_is_emptied_and_usable(tmp_path: Path, happen: Callable[[Path], str]):
    filled(tmp_path)
    identity = happen(tmp_path)
    store = LmdbStore(tmp_path, identity)

    assert (rows_of(store), store.position, store.mark) == ({}, 0, {})
    assert store.apply([(b"a", b"1")], {"inputs": 1}, base=0, position=3)
    store.close()
    again = LmdbStore(tmp_path, identity)
    assert rows_of(again) == {b"a": b"1"}
    again.close()
