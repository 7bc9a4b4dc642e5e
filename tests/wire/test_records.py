"""What this process wrote is handed on when it comes back, from its own topic and once; all else is read."""

from __future__ import annotations

import pytest

from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.tallies import Tally
from safety_stream.wire import records
from safety_stream.wire.records import Records


def a_tally(count: int) -> Tally:
    return Tally(
        area="E07000117",
        indicator="violence",
        event_day=20_454,
        precision="day",
        report_day=20_455,
        count=count,
        as_of=1_767_614_400_000,
    )


def test_what_was_written_here_comes_back_as_it_was_and_then_is_read():
    wire, written = Records(), a_tally(1)
    raw = wire.encode("tallies", written)

    first, second = wire.value("tallies", raw), wire.value("tallies", raw)

    assert first is written
    assert second is not written
    assert second == written


def test_what_comes_from_elsewhere_is_read():
    raw = Records().encode("tallies", a_tally(1))

    assert Records().value("tallies", raw) == a_tally(1)


def test_what_was_written_for_another_topic_is_refused_as_ever():
    wire = Records()
    raw = wire.encode("tallies", a_tally(1))

    with pytest.raises(Refused, match="unknown-schema"):
        wire.value("sightings", raw)


def test_what_no_stage_here_reads_is_not_remembered():
    wire, written = Records(read_here=("sightings",)), a_tally(1)

    assert wire.value("tallies", wire.encode("tallies", written)) is not written


def test_what_never_comes_back_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    """Another worker reads it: the memory is bounded by bytes."""
    monkeypatch.setattr(records, "REMEMBERED_BYTES", 1_000)
    wire = Records()
    values = [a_tally(count) for count in range(100)]
    written = [wire.encode("tallies", value) for value in values]

    kept = [raw for raw, value in zip(written, values, strict=True) if wire.value("tallies", raw) is value]

    assert 0 < sum(map(len, kept)) <= 2_000


def test_a_refusal_that_is_a_value_keeps_nothing_of_how_it_came_about():
    """Its traceback would hold every record of the batch it was read in."""
    record = Records().record("partner.fire", 0, 0, 1_767_614_400_000, None, b"\x00\x00")

    assert isinstance(record.value, Refused)
    assert record.value.__traceback__ is None
    assert record.value.__context__ is None
