"""Rows in files: what a stage sees of them is what it would see in memory."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safety_stream.cli import scratch
from safety_stream.cli.scratch import ScratchRows
from safety_stream.core.stages.rows import MemoryRows

KEYS = st.sampled_from([b"a/1", b"a/2", b"a/3", b"b/1", b"~i/1", b"~i/2", b"~i/3"])
DONE = st.lists(st.tuples(st.sampled_from(["put", "delete"]), KEYS, st.binary(max_size=3)), max_size=30)
RANGES = ((b"a/", b"a0"), (b"a/2", b"c"), (b"~i/", b"~i0"), (b"~i/2", b"~j"))


@given(DONE, st.sampled_from([1, 2, 5, 1_000]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_they_are_as_rows_in_memory(
    tmp_path_factory: pytest.TempPathFactory, done: list[tuple[Literal["put", "delete"], bytes, bytes]], fresh: int
):
    memory = MemoryRows()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "FRESH", fresh)
        rows = ScratchRows(tmp_path_factory.mktemp("rows"))
        for what, key, value in done:
            for each in (rows, memory):
                if what == "put":
                    each.put(key, value)
                else:
                    each.delete(key)
            assert rows.get(key) == memory.get(key)
            for start, stop in RANGES:
                assert list(rows.scan(start, stop)) == list(memory.scan(start, stop))
        rows.close()


def test_a_scan_gives_what_stood_when_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also when rows go to the file, and other pages are used, while it goes on."""
    monkeypatch.setattr(scratch, "FRESH", 3)
    rows = ScratchRows(tmp_path)
    for number in range(10):
        rows.put(b"a/%d" % number, b"old")
    scan = rows.scan(b"a/", b"a0")
    first = list(islice(scan, 2))
    for number in range(10):
        rows.put(b"a/%d" % number, b"new")

    assert [*first, *scan] == [(b"a/%d" % number, b"old") for number in range(10)]
    rows.close()


def test_nothing_is_left_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch.scratch() as make_rows:
        make_rows("register").put(b"claim/1", b"x")
        assert [file.parent.name for file in tmp_path.rglob("data.mdb")] == ["register"]

    assert list(tmp_path.iterdir()) == []


def test_only_what_was_written_last_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scratch, "FRESH", 10)
    rows = ScratchRows(tmp_path)
    for number in range(95):
        rows.put(b"a/%d" % number, b"x")

    assert len(vars(rows)["_fresh"]) == 5
    rows.close()
