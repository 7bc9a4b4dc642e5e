"""Every value of every subject comes back as it went; nothing that is broken comes back as anything."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.strategies import values_of

from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.incidents import Place
from safety_stream.core.model.sightings import SightingChange
from safety_stream.core.model.tallies import Tally
from safety_stream.wire.check import Reference, samples
from safety_stream.wire.codecs import STRUCTS, Codecs, shipped_codecs
from safety_stream.wire.framing import HEADER_LENGTH, header
from safety_stream.wire.general import General
from safety_stream.wire.registry import Registered, Registry
from safety_stream.wire.reports import SUBJECT, shipped_registry
from safety_stream.wire.schema import Field, Primitive, Record
from safety_stream.wire.specialised import Unsuitable

REGISTRY = shipped_registry()
CODECS = shipped_codecs()
GENERAL = {one.id: General(one.schema) for name in REGISTRY.subjects() for one in REGISTRY.versions(name)}
GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())
INTERNAL = sorted(STRUCTS)
VALUES = {subject: values_of(STRUCTS[subject], REGISTRY.newest(subject).schema) for subject in INTERNAL}


def framed(subject: str, sample: str = "full") -> bytes:
    newest = REGISTRY.newest(subject)
    return header(newest.id) + GENERAL[newest.id].write(samples(newest.schema)[sample])


def refusal(subjects: tuple[str, ...], raw: bytes | None, limit: int | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        CODECS.decode(subjects, raw, limit)
    return caught.value


@pytest.mark.parametrize("subject", INTERNAL)
@given(data=st.data())
def test_every_struct_reads_back_as_it_was_written(subject: str, data: st.DataObject):
    value = data.draw(VALUES[subject])

    assert value == CODECS.decode((subject,), CODECS.encode(value))


@pytest.mark.parametrize("subject", INTERNAL)
@given(data=st.data())
def test_our_bytes_are_the_ones_fastavro_writes(subject: str, data: st.DataObject):
    raw = CODECS.encode(data.draw(VALUES[subject]))
    general = GENERAL[REGISTRY.newest(subject).id]

    assert raw[HEADER_LENGTH:] == general.write(general.read(raw[HEADER_LENGTH:]))


@pytest.mark.parametrize("subject", REGISTRY.subjects())
def test_the_bytes_of_a_sample_never_change(subject: str):
    """Records written by an earlier release are kept for years."""
    for one in REGISTRY.versions(subject):
        for name, datum in samples(one.schema).items():
            golden = bytes.fromhex(GOLDEN[f"{subject}/v{one.version} {name}"])

            assert golden == header(one.id) + GENERAL[one.id].write(datum)
            assert golden[HEADER_LENGTH:] == Reference(one.schema).write(datum)


@pytest.mark.parametrize("subject", [*INTERNAL, SUBJECT])
def test_a_record_cut_anywhere_is_refused_and_nothing_else(subject: str):
    whole = framed(subject)

    for length in range(HEADER_LENGTH, len(whole)):
        assert refusal((subject,), whole[:length]).reason == "schema-violation"


@pytest.mark.parametrize("subject", [*INTERNAL, SUBJECT])
def test_bytes_after_the_end_are_refused(subject: str):
    assert refusal((subject,), framed(subject) + b"\0").reason == "schema-violation"


@pytest.mark.parametrize("subject", [*INTERNAL, SUBJECT])
@given(data=st.data())
def test_damaged_bytes_give_a_value_or_a_refusal(subject: str, data: st.DataObject):
    whole = bytearray(framed(subject, data.draw(st.sampled_from(("full", "bare")))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(HEADER_LENGTH, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=12))
    reason = None
    try:
        CODECS.decode((subject,), bytes(whole))
    except Refused as refused:
        reason = refused.reason

    assert reason in (None, "schema-violation")


@pytest.mark.parametrize(
    ("raw", "limit", "reason"),
    [
        pytest.param(None, None, "empty", id="no value"),
        pytest.param(b"", None, "empty", id="nothing in it"),
        pytest.param(b"\0" * 11, 10, "oversize", id="longer than allowed"),
        pytest.param(b"\1\0\0\0\1rest", None, "unreadable-framing", id="another magic byte"),
        pytest.param(b'{"json": 1}', None, "unreadable-framing", id="JSON"),
        pytest.param(b"\0\0\0", None, "unreadable-framing", id="shorter than its framing"),
        pytest.param(header(4_000_000_000) + b"rest", None, "unknown-schema", id="an id nobody registered"),
        pytest.param(header(REGISTRY.newest("alert").id) + b"rest", None, "unknown-schema", id="another subject's id"),
        pytest.param(header(REGISTRY.newest("tally").id) + b"rest", None, "schema-violation", id="other bytes"),
    ],
)
def test_a_refusal_names_its_reason(raw: bytes | None, limit: int | None, reason: str):
    assert reason == refusal(("tally",), raw, limit).reason


def test_an_oversize_record_is_refused_as_oversize_even_when_it_would_be_readable():
    raw = framed("tally")

    assert "oversize" == refusal(("tally",), raw, len(raw) - 1).reason
    assert isinstance(CODECS.decode(("tally",), raw, len(raw)), Tally)


def test_a_topic_may_carry_several_subjects():
    decode = CODECS.decoder(("sighting-change", "feed-status"))

    assert isinstance(decode(framed("sighting-change")), SightingChange)
    assert isinstance(decode(framed("feed-status")), FeedStatus)


def test_a_refusal_names_the_field_and_no_value():
    newest = REGISTRY.newest("sighting-change")
    datum = samples(newest.schema)["full"]
    datum["sign"] = 3
    raw = header(newest.id) + GENERAL[newest.id].write(datum)

    assert refusal(("sighting-change",), raw).detail.startswith("sign: a number that has no meaning here")


def test_a_symbol_for_readers_only_is_refused():
    newest = REGISTRY.newest("sighting-change")
    datum = samples(newest.schema)["full"]
    datum["sighting"]["origin"] = "UNKNOWN"
    raw = header(newest.id) + GENERAL[newest.id].write(datum)

    assert refusal(("sighting-change",), raw).detail.startswith("sighting.origin: not a symbol that may be written")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(b"\x04\xff\xfe", "area", id="no UTF-8"),
        pytest.param(b"\x01", "area", id="a negative length"),
        pytest.param(b"\xff" * 11, "area", id="a number without end"),
        pytest.param(b"\x02a\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "event_day", id="a length beyond everything"),
    ],
)
def test_malice_is_refused_at_once(body: bytes, field: str):
    raw = header(REGISTRY.newest("tally").id) + body

    assert refusal(("tally",), raw).detail.startswith(f"{field}:")


def test_an_array_in_several_blocks_with_their_sizes_reads_like_any_other():
    """Avro lets a writer cut an array into blocks; a negative count is followed by the size of its block in bytes."""
    newest = REGISTRY.newest("alert")
    body = GENERAL[newest.id].write(samples(newest.schema)["full"] | {"audiences": []})
    before, after = body.split(b"\0\x16marking")
    two, one, end = b"\x03\x08\x02b\x02c", b"\x02\x02d", b"\0"

    value = CODECS.decode(("alert",), header(newest.id) + before + two + one + end + b"\x16marking" + after)

    assert ("b", "c", "d") == value.audiences


def test_an_array_that_claims_more_items_than_there_are_bytes_is_refused_at_once():
    newest = REGISTRY.newest("alert")
    body = GENERAL[newest.id].write(samples(newest.schema)["full"] | {"audiences": []})
    before, after = body.split(b"\0\x16marking")

    raw = header(newest.id) + before + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f" + after

    assert refusal(("alert",), raw).detail.startswith("audiences: more items than there are bytes")


def test_the_same_value_gives_the_same_bytes_whatever_was_remembered_before():
    value = CODECS.decode(("sighting-change",), framed("sighting-change"))
    fresh = Codecs(REGISTRY)
    for number in range(200):
        CODECS.encode(msgspec.structs.replace(value, key=f"victim:{number}"))

    assert fresh.encode(value) == CODECS.encode(value) == framed("sighting-change")


def test_a_number_too_wide_for_its_field_is_a_defect_and_not_a_record():
    value = CODECS.decode(("indicator",), framed("indicator"))

    with pytest.raises(Unsuitable, match="32 bits"):
        CODECS.encode(msgspec.structs.replace(value, revision=2**31))


def older_and_newest(subject: str, older: Record) -> tuple[Codecs, int, General]:
    newest = REGISTRY.newest(subject)
    codecs = Codecs(
        Registry(
            [
                Registered(id=901, subject=subject, version=1, schema=older),
                Registered(id=902, subject=subject, version=2, schema=newest.schema),
            ]
        )
    )
    return codecs, 901, General(older)


def test_an_older_version_without_a_field_reads_with_the_default():
    newest = REGISTRY.newest("dead-letter").schema
    older = Record(newest.name, newest.doc, tuple(field for field in newest.fields if field.name != "attempts"))
    codecs, old_id, general = older_and_newest("dead-letter", older)
    raw = header(old_id) + general.write(samples(older)["full"])

    value = codecs.decode(("dead-letter",), raw)

    assert isinstance(value, DeadLetter)
    assert 1 == value.attempts
    assert value == codecs.decode(("dead-letter",), codecs.encode(value))


def test_an_older_version_with_a_narrower_type_is_resolved_to_the_newest():
    newest = REGISTRY.newest("dead-letter").schema
    narrow = [Field("offset", Primitive("int"), "doc") if field.name == "offset" else field for field in newest.fields]
    codecs, old_id, general = older_and_newest("dead-letter", Record(newest.name, newest.doc, tuple(narrow)))
    raw = header(old_id) + general.write(samples(newest)["full"])

    assert 1 == codecs.decode(("dead-letter",), raw).offset
    with pytest.raises(Refused) as caught:
        codecs.decode(("dead-letter",), raw[:-3])
    assert caught.value.reason == "schema-violation"


def test_a_struct_that_is_not_its_schema_is_found_when_the_codecs_are_made():
    tally = REGISTRY.newest("tally").schema
    swapped = Record(tally.name, tally.doc, (tally.fields[1], tally.fields[0], *tally.fields[2:]))

    with pytest.raises(Unsuitable, match="same order"):
        Codecs(Registry([Registered(id=1, subject="tally", version=1, schema=swapped)]))


def test_a_place_without_anything_and_a_full_one_are_told_apart():
    value = CODECS.decode(("sighting-change",), framed("sighting-change", "bare"))

    assert Place() == value.sighting.place
