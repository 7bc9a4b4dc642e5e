"""The YAML a catalogue may use: no surprises, nothing indirect, bounded, and every value knows its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from safety_stream.catalogue.documents import UnreadableError, parse_document, read_document


def test_values_are_what_they_look_like():
    text = 'a: {no: no, on: on, n: 010, t: 1:30, d: 2026-01-05, i: -3, f: 1.5, b: true, z: null, q: "3", e: }'
    assert parse_document(text).value == {
        "a": {
            "no": "no",
            "on": "on",
            "n": "010",
            "t": "1:30",
            "d": "2026-01-05",
            "i": -3,
            "f": 1.5,
            "b": True,
            "z": None,
            "q": "3",
            "e": None,
        }
    }


def test_every_value_knows_its_line_and_a_missing_one_that_of_what_is_around_it():
    document = parse_document("a: 1\nb:\n  - c\n  - d: 2\n")
    assert [document.line_of(where) for where in [("a",), ("b", 1, "d"), ("b", 1, "x"), ("y",)]] == [1, 4, 4, 1]


def test_an_empty_file_is_nothing():
    assert parse_document("").value is None


BOMB = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(9))


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (BOMB, 1, "anchors and aliases are not read"),
        ("a: 1\nb: *a", 2, "anchors and aliases are not read"),
        ("a: !!python/object/apply:os.getcwd []", 1, "tags are not read"),
        ("a: 1\nb: 2\na: 3", 3, "the key a stands twice in one mapping"),
        ("? [a]\n: 1", 1, "a key is neither a word nor a whole number"),
        ("true: 1", 1, "a key is neither a word nor a whole number"),
        ("a: 1\n---\nb: 2", 2, "there is a second document in the file"),
        ("a: [1, 2", 1, "not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\n\tb: 2", 2, "there is a tab at the beginning of the line"),
        ("[" * 5_000, 1, "the file holds too much, or nests too deeply"),
        ("- " * 200 + "x", 1, "the file holds too much, or nests too deeply"),
        ("[" + "1," * 60_000 + "1]", 1, "the file holds too much, or nests too deeply"),
    ],
    ids=range(12),
)
def test_what_is_outside_the_subset_is_refused_with_its_line(text: str, line: int, what: str):
    with pytest.raises(UnreadableError) as refused:
        parse_document(text)
    assert (refused.value.line, refused.value.what) == (line, what)


def test_a_file_that_is_too_large_is_not_even_parsed(tmp_path: Path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a: 1\n" * 300_000)
    with pytest.raises(UnreadableError, match="more than 1000000 bytes"):
        read_document(path)


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path):
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(UnreadableError, match="not UTF-8") as refused:
        read_document(path)
    assert refused.value.line == 2
