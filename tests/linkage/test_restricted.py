"""The restricted store: what is read of a partner's file, and what is put together."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.edge.tokens.making import a_person

from safety_stream.edge.tokens import tokens as made
from safety_stream.linkage.restricted import KINDS, LINE_AT_MOST, BadStore, Line, read_store
from safety_stream.testing.labelled import labelled


def written(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def test_every_kind_that_may_be_shared_is_one_that_tokens_are_made_of():
    assert {*KINDS} == {*made.KINDS} - {"vehicle", "phone"}
    assert a_person().surname, "persons nobody is"


def test_what_is_read_is_what_was_written(tmp_path: Path):
    truth = labelled(40, 1)
    middle = len(truth.lines) // 2
    files = [written(tmp_path / "a", *truth.lines[:middle]), written(tmp_path / "b", b"", *truth.lines[middle:])]
    read = read_store(files)

    assert (read.records, read.without_token) == (truth.store.records, truth.store.without_token)
    assert read.beside == truth.store.beside
    assert read.beside.keys() == truth.owners.keys()


def test_what_two_records_say_of_one_token_is_put_together(tmp_path: Path):
    one, other = (
        msgspec.json.encode(Line("e.person.1", secondary=(f"e.area.{end}",), places=("e.uprn.1", "of-another-make")))
        for end in "12"
    )
    read = read_store([written(tmp_path / "a", one, other, b'{"line": 3, "secondary": ["e.area.1"]}')])

    assert read.beside == {
        "e.person.1": {"person": {"e.person.1"}, "area": {"e.area.1", "e.area.2"}, "uprn": {"e.uprn.1"}}
    }
    assert (read.records, read.without_token) == (3, 1)


def test_who_nothing_stands_for_is_left_out():
    store = labelled(20, 1).store
    first, *_ = sorted(store.beside)
    known = store.known_as({first: "sealed.1"})

    assert known.beside == {"sealed.1": store.beside[first]}


@pytest.mark.parametrize(
    "line", [b"no json", b"[1]", b'{"token": 1}', b'{"token": "\xff"}', b"{" + b" " * LINE_AT_MOST]
)
def test_a_line_that_is_none_is_told_by_its_place_and_never_shown(tmp_path: Path, line: bytes):
    path = written(tmp_path / "a", b"{}", line)

    with pytest.raises(BadStore) as said:
        read_store([path])
    assert str(said.value) == f"{path}:2 is no line of tokens make --linking: get the file again from its partner"
    assert said.value.__cause__ is None
