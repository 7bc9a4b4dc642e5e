"""What waits for an agreement is what the newest record of an audience and an alert says."""

from __future__ import annotations

import msgspec
import pytest

from safety_stream.core.audit import FIRST_HASH, Chain, Checkpoint, Mark, chained, verified
from safety_stream.core.model.sharing import Withheld
from safety_stream.core.withholding import StillWithheld

WAITS = Withheld(
    seq=1, audience="duty-officer", alert_id="alert-a", version=1, change="raised", why="not in force: isa",
    agreements=("isa",), as_of=7, state="waits", priority="P1", previous_hash=FIRST_HASH,
)  # fmt: skip


def withheld(**changes: object) -> Withheld:
    return msgspec.structs.replace(WAITS, **changes)


def counted(*records: Withheld) -> dict[tuple[str, tuple[str, ...]], dict[str, int]]:
    still = StillWithheld()
    for one in records:
        still.take(one)
    return {of: dict(waiting) for of, waiting in still.counts().items()}


def test_what_waits_is_counted_by_audience_agreement_and_priority() -> None:
    more = [withheld(alert_id="alert-b", priority="P3"), withheld(audience="analyst"), withheld(version=2)]

    assert counted(WAITS, *more) == {
        ("analyst", ("isa",)): {"P1": 1},
        ("duty-officer", ("isa",)): {"P1": 1, "P3": 1},
    }


@pytest.mark.parametrize("state", ["told", "over", "barred"])
def test_what_was_told_or_is_over_or_barred_waits_no_more(state: str) -> None:
    assert counted(WAITS, withheld(state=state, agreements=())) == {}


def test_what_an_earlier_version_wrote_is_left_aside() -> None:
    assert counted(withheld(state=None, priority=None)) == {}


# --- the chain ----------------------------------------------------------------------------------------------


def chain_of(*records: Withheld) -> list[Withheld]:
    """The records, numbered and chained."""
    made: list[Withheld] = []
    for number, one in enumerate(records, 1):
        previous = made[-1].hash if made else FIRST_HASH
        linked = msgspec.structs.replace(one, seq=number, previous_hash=previous, hash=None)
        made.append(msgspec.structs.replace(linked, hash=chained(linked)))
    return made


RECORDS = chain_of(WAITS, withheld(alert_id="alert-b"), withheld(state="told", told_as=3), withheld(version=2))


def faults(records: list[Withheld], *checkpoints: Checkpoint) -> list[tuple[str, int]]:
    found = verified(Chain("withheld", 0), records, checkpoints).faults
    return [(fault.kind, fault.seq) for fault in found]


def test_a_whole_chain_of_what_was_withheld_is_whole() -> None:
    assert faults(RECORDS) == []


@pytest.mark.parametrize(
    "spoilt",
    [
        {"why": "another"},
        {"audience": "analyst"},
        {"priority": "P4"},
        {"state": "over"},
        {"told_as": 9},
        {"hash": None},
    ],
)
def test_whatever_is_changed_in_it_is_found(spoilt: dict[str, object]) -> None:
    records = [*RECORDS[:2], msgspec.structs.replace(RECORDS[2], **spoilt), RECORDS[3]]

    assert ("edited", 3) in faults(records)


def test_what_is_left_out_or_cut_off_is_found() -> None:
    end = Checkpoint(9, (Mark("withheld", 0, 4, RECORDS[3].hash or ""),))

    assert faults([*RECORDS[:1], *RECORDS[2:]]) == [("dropped", 2)]
    assert faults(RECORDS[:3], end) == [("truncated", 4)]
    assert faults(RECORDS, end) == []


def test_the_chain_begins_with_the_first_record_that_has_a_hash() -> None:
    """What version 1 wrote has none: its numbers are looked at, and a checkpoint of that time stands."""
    old = [withheld(seq=number, state=None, priority=None, previous_hash=None) for number in (1, 2)]
    first = withheld(seq=3, hash=None)
    new = msgspec.structs.replace(first, hash=chained(first))
    early = Checkpoint(9, (Mark("withheld", 0, 2, FIRST_HASH),))

    assert faults([*old, new], early) == []
    assert faults([old[1], new]) == [("dropped", 1)]
    assert ("rewritten", 2) in faults(chain_of(*old, new), early)
