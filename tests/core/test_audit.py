"""A chain of audit records that somebody has touched is never taken for a whole one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.audit import (
    FIRST_HASH,
    Chain,
    Checkpoint,
    Mark,
    Verified,
    chained,
    signed_part,
    subject_of,
    verified,
)
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.stages.recording import Trail, numbers_of
from safety_stream.core.stages.rows import MemoryRows

CHAIN = Chain("audit.alerts", 0)


def a_chain(length: int) -> list[AuditRecord]:
    """Records as a stage writes them: disclosures of two audiences, an erasure and a consultation among them."""
    rows = MemoryRows()
    trail = Trail(numbers_of(rows), CHAIN.topic)
    given_to = {"analyst": 0, "duty-officer": 0}
    records = []
    for number in range(1, length + 1):
        if number % 5 == 4:
            out = trail.put_on_record("erasure", number, incident=str(UUID(int=number)), actor="housing", count=1)
        elif number % 5 == 3:
            out = trail.put_on_record("consultation", number, subject=subject_of("tok-a"), actor="dpo", reason="access")
        else:
            to = "analyst" if number % 2 else "duty-officer"
            given_to[to] += 1
            span = (given_to[to], given_to[to])
            out = trail.put_on_record("disclosure-transfers", number, audience=to, topic=f"alerts.{to}", span=span)
        records.append(out.value)
    return records


def checkpoint(*records: AuditRecord) -> Checkpoint:
    """What somebody holds who was told how far the chain was at some of its records."""
    return Checkpoint(0, tuple(Mark(CHAIN.topic, CHAIN.partition, one.seq, one.hash) for one in records))


def kinds(found: Verified) -> set[str]:
    return {fault.kind for fault in found.faults}


def rechained(records: list[AuditRecord]) -> list[AuditRecord]:
    """The records made anew, numbers and hashes and all: what whoever may write to the topic can do."""
    before, made = FIRST_HASH, []
    for seq, record in enumerate(records, 1):
        new = msgspec.structs.replace(record, seq=seq, previous_hash=before)
        new = msgspec.structs.replace(new, hash=chained(new))
        made.append(new)
        before = new.hash
    return made


WHOLE = a_chain(40)
AT = st.integers(0, len(WHOLE) - 1)


def test_a_whole_chain_has_no_fault_and_says_where_it_ends():
    found = verified(CHAIN, WHOLE, [checkpoint(WHOLE[0], WHOLE[20]), checkpoint(WHOLE[-1])])

    assert (found.faults, found.first, found.last, found.hash) == ((), 1, 40, WHOLE[-1].hash)
    assert found.mark == Mark("audit.alerts", 0, 40, WHOLE[-1].hash)


def test_an_empty_chain_is_whole_where_no_checkpoint_says_otherwise():
    assert verified(CHAIN, []).faults == ()
    assert kinds(verified(CHAIN, [], [checkpoint(WHOLE[0])])) == {"truncated"}


CHANGED: list[dict[str, Any]] = [
    {"audience": "somebody-else"},
    {"verb": "collection"},
    {"topic": "alerts.other"},
    {"from_seq": 77},
    {"to_seq": 77},
    {"alert_id": str(UUID(int=9))},
    {"fields": ("title",)},
    {"as_of": 77_777},
    {"incident_id": str(UUID(int=9_999))},
    {"subject": "somebody"},
    {"actor": "nobody"},
    {"reason": "none"},
    {"count": 77},
]


@pytest.mark.parametrize("changes", CHANGED, ids=[next(iter(one)) for one in CHANGED])
@given(at=AT)
def test_whatever_is_edited_is_found_at_its_number(changes: dict[str, Any], at: int):
    records = [*WHOLE]
    records[at] = msgspec.structs.replace(records[at], **changes)

    assert ("edited", at + 1) in {(fault.kind, fault.seq) for fault in verified(CHAIN, records).faults}


@given(at=AT)
def test_an_edit_that_was_given_its_own_new_hash_shows_at_the_next_record(at: int):
    records = [*WHOLE]
    new = msgspec.structs.replace(records[at], as_of=77_777)
    records[at] = msgspec.structs.replace(new, hash=chained(new))

    found = verified(CHAIN, records, [checkpoint(WHOLE[-1])])

    expected = "rewritten" if at == len(WHOLE) - 1 else "edited"
    assert expected in kinds(found)


@given(at=st.integers(0, len(WHOLE) - 2), length=st.integers(1, 5))
def test_what_is_dropped_is_found_and_its_numbers_named(at: int, length: int):
    stop = min(at + length, len(WHOLE) - 1)

    found = verified(CHAIN, WHOLE[:at] + WHOLE[stop:])

    assert [(fault.kind, fault.seq) for fault in found.faults if fault.kind == "dropped"] == [("dropped", at + 1)]


@given(at=AT, where=AT)
def test_what_is_inserted_is_found(at: int, where: int):
    records = [*WHOLE]
    records.insert(where, msgspec.structs.replace(WHOLE[at], as_of=77_777))

    assert kinds(verified(CHAIN, records)) & {"inserted", "edited", "reordered"}


@given(at=AT, later=AT)
def test_what_comes_twice_is_found(at: int, later: int):
    records = [*WHOLE]
    records.insert(max(at, later) + 1, WHOLE[at])

    assert kinds(verified(CHAIN, records)) == {"inserted"}


@given(at=AT, to=AT)
def test_what_is_moved_is_found(at: int, to: int):
    records = [*WHOLE]
    records.insert(to, records.pop(at))

    assert ("reordered" in kinds(verified(CHAIN, records))) == (at != to)


@given(kept=AT)
def test_a_chain_that_was_cut_off_is_found_by_whoever_holds_a_checkpoint(kept: int):
    cut = WHOLE[:kept]

    assert verified(CHAIN, cut).faults == (), "nothing in the chain itself shows it"
    assert kinds(verified(CHAIN, cut, [checkpoint(WHOLE[-1])])) == {"truncated"}


@given(at=AT, data=st.data())
def test_a_chain_made_anew_from_a_record_on_is_found_by_any_later_checkpoint(at: int, data: st.DataObject):
    made = rechained([*WHOLE[:at], *WHOLE[at + 1 :], WHOLE[at]] if at < len(WHOLE) - 1 else WHOLE[:-1] + WHOLE[:1])
    held = data.draw(st.integers(at, len(WHOLE) - 1))

    found = verified(CHAIN, made, [checkpoint(WHOLE[held])])

    assert ("rewritten", held + 1) in {(fault.kind, fault.seq) for fault in found.faults}


def test_of_two_checkpoints_that_differ_one_is_of_another_chain():
    other = msgspec.structs.replace(checkpoint(WHOLE[9]), marks=(Mark(CHAIN.topic, 0, 10, "0" * 64),))

    assert kinds(verified(CHAIN, WHOLE, [checkpoint(WHOLE[9]), other])) == {"rewritten"}


def test_a_checkpoint_of_another_chain_says_nothing():
    assert verified(Chain(CHAIN.topic, 1), WHOLE[:3], [checkpoint(WHOLE[-1])]).faults == ()


def test_numbers_of_a_feed_that_were_given_to_nobody_on_record_are_found():
    """Each link of the chain is whole: whoever wrote it left a disclosure out."""
    made = rechained([one for one in WHOLE if (one.audience, one.from_seq) != ("analyst", 3)])

    assert kinds(verified(CHAIN, made)) == {"undisclosed"}


@given(first=AT, data=st.data())
def test_a_part_of_a_chain_can_be_verified_for_itself(first: int, data: st.DataObject):
    last = data.draw(st.integers(first, len(WHOLE) - 1))
    part = WHOLE[first : last + 1]

    found = verified(CHAIN, part, [checkpoint(WHOLE[last])], is_whole=False)

    assert (found.faults, found.first, found.last) == ((), first + 1, last + 1)


def test_a_record_of_before_the_newest_fields_keeps_its_hash():
    """What version 1 of the schema wrote: the hash of a record it could say is over the same bytes."""
    record = AuditRecord(
        seq=1, previous_hash=FIRST_HASH, hash="", verb="disclosure-transfers", audience="analyst",
        topic="alerts.analyst", from_seq=1, to_seq=1, alert_id=None, fields=("area",), as_of=1,
    )  # fmt: skip

    assert chained(record) == "4cfb7912aadcf8d702e5fcccedcd753da0f17ebc89910941fc48fa83702bb2b1"


def test_everything_a_checkpoint_says_is_signed():
    said = checkpoint(WHOLE[3])
    others = [
        msgspec.structs.replace(said, at=1),
        msgspec.structs.replace(said, marks=()),
        msgspec.structs.replace(said, key_id="another"),
    ]

    assert len({signed_part(one) for one in (said, *others)}) == 4
    assert signed_part(msgspec.structs.replace(said, signature="ab")) == signed_part(said)
