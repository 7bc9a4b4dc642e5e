"""A stage whose outputs cannot be sealed waits with nothing begun, for as long as its partition is its own."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Condition, Event, Thread
from typing import Any

import msgspec

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.stages.stage import Output, Record, Rows
from safety_stream.data_files import catalogue_folder
from safety_stream.streaming.feed import Batch, Part
from safety_stream.streaming.ownership import Ownership, Tenure
from safety_stream.streaming.ports import Incoming, Retriable, Unobserved
from safety_stream.streaming.spec import Encoded, LoopSettings, Screen, Seal, StageSpec, as_it_is, as_they_came
from safety_stream.streaming.store import MemoryStore
from safety_stream.streaming.transaction import Transaction
from safety_stream.streaming.wiring import stage_specs
from safety_stream.wire.topology import STAGES

TOPIC, CHANGELOG = "partner.police-crimes", "changelog.intake"
STATUS = FeedStatus(as_of=1, newest={}, partition=0)


class Heard:
    """A producer and a consumer in one that note what is asked of them."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.sent: list[str] = []
        self.keys: list[bytes | None] = []
        self.times: list[int] = []

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any) -> Any:
            self.calls.append(name)
            if name == "produce":
                self.sent.append(given[0].topic)
                self.keys.append(given[0].key)
                self.times.append(given[0].timestamp)
                for delivered in given[1:]:
                    delivered(0)
            return 1

        return call


def a_stage(seal: Seal, screen: Screen = as_they_came) -> StageSpec:
    def decode(incoming: Incoming) -> Record:
        return Record(topic=TOPIC, partition=0, offset=incoming.offset, received_at=1, value=STATUS)

    return StageSpec(
        name="intake",
        inputs=(TOPIC,),
        changelog=CHANGELOG,
        step=lambda _rows, records, _idle_at: [
            Output(topic="incidents", key=None, value=STATUS, received_at=one.received_at) for one in records
        ],
        decode=decode,
        encode=lambda _: Encoded(None, b""),
        seal=seal,
        screen=screen,
    )


def owned(ownership: Ownership) -> Tenure:
    tenure = ownership.begin(0, (TOPIC,))
    tenure.store, tenure.ready = MemoryStore(), True
    return tenure


def running(seal: Seal, ownership: Ownership, heard: Heard, screen: Screen = as_they_came) -> Thread:
    transaction = Transaction(a_stage(seal, screen), heard, heard, ownership, LoopSettings(), lambda: 0.0, Unobserved())
    (tenure,) = ownership.tenures()
    batch = Batch([Part(tenure, [Incoming(TOPIC, 0, 0, 1, None, b"")])])
    thread = Thread(target=transaction.run, args=(batch,))
    thread.start()
    return thread


def test_nothing_is_begun_before_it_is_sealed_and_then_it_is_committed():
    ownership, heard, tries = Ownership(Condition()), Heard(), []
    owned(ownership)

    def seal(_: Rows, outputs: Sequence[Output]) -> Sequence[Output]:
        tries.append(list(heard.calls))
        if len(tries) < 4:
            raise Retriable("away")
        return outputs

    running(seal, ownership, heard).join()

    assert tries == [[]] * 4, "asked four times, with nothing begun"
    assert heard.sent == ["incidents", CHANGELOG]
    assert heard.calls[-1] == "commit"


def test_what_whoever_seals_writes_down_is_committed_with_the_outputs():
    ownership, heard = Ownership(Condition()), Heard()
    tenure = owned(ownership)

    def seal(rows: Rows, outputs: Sequence[Output]) -> Sequence[Output]:
        rows.put(b"sealed", b"by-this-store")
        return outputs

    running(seal, ownership, heard).join()

    assert heard.sent == ["incidents", CHANGELOG, CHANGELOG]
    assert heard.keys[1] == b"sealed"
    with tenure.memory().snapshot() as rows:
        assert rows.get(b"sealed") == b"by-this-store"


def test_nothing_is_begun_before_it_is_screened_and_the_step_sees_what_came_of_that():
    ownership, heard, tries = Ownership(Condition()), Heard(), []
    owned(ownership)

    def screen(_: Rows, records: Sequence[Record]) -> Sequence[Record]:
        tries.append(list(heard.calls))
        if len(tries) < 3:
            raise Retriable("away")
        return [msgspec.structs.replace(record, received_at=77) for record in records]

    running(as_it_is, ownership, heard, screen).join()

    assert tries == [[]] * 3, "asked three times, with nothing begun"
    assert heard.times[0] == 77
    assert heard.calls[-1] == "commit"


def test_the_door_is_at_intake_and_nowhere_else():
    class Door:
        def screen(self, _: Rows, records: Sequence[Record]) -> Sequence[Record]:
            return records

        def seal(self, _: Rows, outputs: Sequence[Output]) -> Sequence[Output]:
            return outputs

    door, catalogue = Door(), load_catalogue(catalogue_folder())

    by_name = {spec.name: (spec.screen, spec.seal) for spec in stage_specs(STAGES, catalogue, 1, door)}

    assert by_name.pop("intake") == (door.screen, door.seal)
    assert {*by_name.values()} == {(as_they_came, as_it_is)}
    assert {(spec.screen, spec.seal) for spec in stage_specs(STAGES, catalogue, 1)} == {(as_they_came, as_it_is)}


def test_a_partition_that_goes_meanwhile_goes_at_once_and_nothing_of_it_is_begun():
    ownership, heard, was_asked = Ownership(Condition()), Heard(), Event()
    owned(ownership)

    def seal(_: Rows, __: Sequence[Output]) -> Sequence[Output]:
        was_asked.set()
        raise Retriable("away")

    thread = running(seal, ownership, heard)
    was_asked.wait()
    ended = ownership.end([0], lost=False)

    assert ownership.wait_out(ended, 60), "it is not waited for"
    thread.join()
    assert heard.calls == []
