"""XML from partners: what is taken of it, and that nothing in it is expanded, fetched or without bound."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.edge import markup
from safety_stream.edge.entries import Reject, UnreadableFile
from safety_stream.edge.markup import Element, elements, name_of


def read(text: str | bytes, *wanted: str) -> list[Element | Reject]:
    return list(elements(io.BytesIO(text.encode() if isinstance(text, str) else text), set(wanted or ("a",))))


def test_what_was_asked_for_is_given_with_its_parts_and_lines_that_rise():
    found = read("<all>\n<a><b>1</b><c><d> 2 </d></c></a><a/>\n<a>x</a></all>")

    assert [one.line for one in found] == [2, 3, 4]
    first, _, last = found
    assert isinstance(first, Element)
    assert isinstance(last, Element)
    assert (first.first("b"), first.first("d"), first.first("none"), last.text) == ("1", "2", "", "x")


def test_names_are_the_same_however_they_are_written():
    (found,) = read('<x:all xmlns:x="urn:x"><x:Assault_Method>1</x:Assault_Method></x:all>', "assaultmethod")

    assert isinstance(found, Element)
    assert {name_of("ns:Assault-Method"), name_of("{urn:x}AssaultMethod"), found.name} == {"assaultmethod"}


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>'
FETCHING = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
FETCHING_RULES = '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/rules.dtd"><a/>'


@pytest.mark.parametrize("text", [BOMB, FETCHING, FETCHING_RULES, "<!DOCTYPE a><a/>"])
def test_a_document_type_is_refused_at_once(text: str):
    with pytest.raises(UnreadableFile, match="it has a document type"):
        read(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<all>" * 20, "more than 16 elements within one another"),
        ("<a><b></a>", "no XML from line 1 on"),
        ("<a>&b;</a>", "no XML from line 1 on"),
        ("", "no XML from line 1 on"),
        ("<a>1</a><a>2</a>", "no XML from line 1 on"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "no XML from line 1 on|encoding that is not read"),
        (b"\x1f\x8b\x08\x00broken", "broken after line 1"),
    ],
)
def test_what_cannot_be_read_says_from_which_line_on(text: str | bytes, reason: str):
    with pytest.raises(UnreadableFile, match=reason):
        read(text)


def test_a_tag_without_an_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(markup, "TAG_AT_MOST", 200_000)
    with pytest.raises(UnreadableFile, match="longer than 200,000 bytes"):
        read('<a b="' + "x" * 1_000_000)


def test_an_element_that_holds_too_much_is_rejected_and_the_next_is_read():
    text = f"<all>\n<a>{'x' * 5_000}</a>\n<a>{'<b/>' * 2_000}</a>\n<a>y</a></all>"
    first, second, third = read(text)

    assert first == Reject(line=2, reason="it has a text of more than 4,000 characters")
    assert second == Reject(line=3, reason="it has more than 1,000 parts")
    assert isinstance(third, Element)


@given(st.binary(max_size=200), st.integers(0, 60))
def test_whatever_the_bytes_there_are_elements_or_an_unreadable_file(noise: bytes, at: int):
    good = b"<all><a><b>1</b></a><a>2</a></all>"
    try:
        read(good[:at] + noise + good[at:])
    except UnreadableFile:
        return
