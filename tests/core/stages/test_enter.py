"""What was done outside the stages goes on record once, in a chain, and nothing that people send stops the stage."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import NOON, a_record

from safety_stream.core.audit import Chain, subject_of, verified
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.erasing import Request, requests_in
from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.model.published import ORDERS, AuditEntry, AuditRecord, EntryKind
from safety_stream.core.model.times import DAY_LENGTH as DAY
from safety_stream.core.model.times import HOUR, MINUTE, Duration, to_instant, to_iso
from safety_stream.core.oversight import Oversight
from safety_stream.core.retention import Retention
from safety_stream.core.stages import enter
from safety_stream.core.stages.rows import MemoryRows

LOOKED = AuditEntry(
    entry_id=str(UUID(int=1)),
    kind="consultation",
    actor="data-protection-officer-1",
    acted_at=NOON,
    subject=subject_of("tok-a"),
    reason="subject-access",
)
ANSWERED = AuditEntry(
    entry_id=str(UUID(int=2)),
    kind="acknowledgement",
    actor="duty-officer-7",
    acted_at=NOON,
    alert_id=str(UUID(int=3)),
    audience="duty-officer",
    seq=4,
)


def topic_of(entry: Any) -> str:
    """Where an entry comes from, if all is well."""
    return "orders" if isinstance(entry, AuditEntry) and entry.kind in ORDERS else "audit-entries"


def entered(catalogue: Catalogue, *batches: list[Any]) -> list[Any]:
    step, rows = enter.make_step(catalogue, 1), MemoryRows()
    return [
        output.value
        for batch in batches
        for output in step(rows, [a_record(one, topic_of(one), received_at=NOON) for one in batch], None)
    ]


def test_a_consultation_says_who_looked_at_whom_and_why_and_names_nobody(catalogue: Catalogue):
    (record,) = entered(catalogue, [LOOKED])

    assert (record.verb, record.actor, record.reason) == ("consultation", LOOKED.actor, "subject-access")
    assert record.subject == subject_of("tok-a")
    assert "tok-a" not in str(record)


REQUESTED = msgspec.structs.replace(
    LOOKED, entry_id=str(UUID(int=5)), kind="erasure-request", reason="erasure", until=NOON + DAY
)
ERASED = msgspec.structs.replace(
    LOOKED, entry_id=str(UUID(int=6)), kind="erasure", reason="erasure", actor="data-protection-officer-2"
)


def test_an_erasure_is_requested_by_one_and_confirmed_by_another_and_both_are_on_record(catalogue: Catalogue):
    asked, done = entered(catalogue, [REQUESTED], [ERASED])

    assert (asked.verb, asked.actor, asked.reason) == ("alteration", REQUESTED.actor, "erasure-request: erasure")
    assert (asked.subject, asked.until) == (LOOKED.subject, NOON + DAY)
    assert (done.verb, done.actor, done.reason, done.subject) == (
        *("erasure", ERASED.actor, "erasure"),
        LOOKED.subject,
    )
    request = Request(REQUESTED.actor, "erasure", NOON + DAY)
    assert requests_in([asked]) == {LOOKED.subject: request}
    assert requests_in([asked, done]) == {LOOKED.subject: msgspec.structs.replace(request, has_begun=True)}


def test_nobody_confirms_their_own_request(catalogue: Catalogue):
    _, letter = entered(catalogue, [REQUESTED, msgspec.structs.replace(ERASED, actor=REQUESTED.actor)])

    assert isinstance(letter, DeadLetter)
    assert "somebody else confirms it" in letter.detail


def test_an_erasure_that_nobody_has_requested_is_refused(catalogue: Catalogue):
    other = msgspec.structs.replace(REQUESTED, subject=subject_of("tok-b"))
    for before in ([], [other]):
        *_, letter = entered(catalogue, [*before, ERASED])

        assert isinstance(letter, DeadLetter)
        assert "subject" in letter.detail


HOLD = msgspec.structs.replace(LOOKED, entry_id=str(UUID(int=9)), kind="hold", reason="court-order")
RELEASE = msgspec.structs.replace(HOLD, entry_id=str(UUID(int=10)), kind="release", reason="complaint")
SHORTER = msgspec.structs.replace(HOLD, entry_id=str(UUID(int=11)), until=NOON + 1)
LONGER = msgspec.structs.replace(HOLD, entry_id=str(UUID(int=12)), until=NOON + DAY)


@pytest.mark.parametrize(
    ("holds", "is_erased"),
    [
        ([HOLD], False),
        ([HOLD, RELEASE], True),
        ([HOLD, SHORTER], False),
        ([SHORTER, HOLD], False),
        ([SHORTER], True),
        ([SHORTER, LONGER], False),
        ([LONGER, SHORTER], False),
        ([msgspec.structs.replace(HOLD, subject=subject_of("tok-b"))], True),
        ([msgspec.structs.replace(HOLD, subject=None, topic="incidents")], True),
    ],
)
def test_whoever_is_under_a_legal_hold_is_not_erased_whoever_writes_it(
    catalogue: Catalogue, holds: list[AuditEntry], *, is_erased: bool
):
    step, rows = enter.make_step(catalogue, 1), MemoryRows()
    for one in (REQUESTED, *holds):
        step(rows, [a_record(one, "orders", received_at=NOON)], None)
    (output,) = step(rows, [a_record(ERASED, "orders", received_at=NOON + 1)], None)
    requested = msgspec.structs.replace(REQUESTED, entry_id=str(UUID(int=13)))
    (again,) = step(rows, [a_record(requested, "orders", received_at=NOON + 1)], None)

    assert isinstance(output.value, AuditRecord) == isinstance(again.value, AuditRecord) == is_erased
    assert is_erased or "under a legal hold" in output.value.detail


def of_seals(entry: AuditEntry, first_id: int, **changes: Any) -> dict[str, AuditEntry]:
    """An entry for each of two seals of one person."""
    return {
        seal: msgspec.structs.replace(
            entry, subject=subject_of(f"sealed.{seal}"), entry_id=str(UUID(int=first_id + number)), **changes
        )
        for number, seal in enumerate("ab")
    }


ASKED = of_seals(REQUESTED, 100)
CONFIRMED = of_seals(ERASED, 200)
AGAIN = of_seals(ERASED, 300, acted_at=NOON + 1)
HELD, OVER = of_seals(HOLD, 400), of_seals(RELEASE, 500)
ASKED_BEFORE = of_seals(REQUESTED, 600, until=NOON + DAY - 1)

a, b = "ab"


@pytest.mark.parametrize(
    ("orders", "erased"),
    [
        #  the hold   the confirmation
        ((), ([CONFIRMED[a], CONFIRMED[b]], "ab")),
        ([HELD[a]], ([CONFIRMED[a], CONFIRMED[b]], "")),
        ([HELD[b]], ([CONFIRMED[a], CONFIRMED[b]], "")),
        # In the middle of it: what comes first decides for all of it.
        ((), ([CONFIRMED[a], HELD[b], CONFIRMED[b]], "ab")),
        ([HELD[b]], ([CONFIRMED[a], OVER[b], CONFIRMED[b]], "")),
        # Whoever was stopped on the way does it again: what has begun comes to its end.
        ((), ([CONFIRMED[a], HELD[b], AGAIN[a], AGAIN[b]], "aab")),
        ((), ([CONFIRMED[a], HELD[b], AGAIN[b]], "ab")),
        # Whoever was refused is judged anew.
        ([HELD[b]], ([CONFIRMED[a], AGAIN[a], AGAIN[b]], "")),
        ([HELD[b]], ([CONFIRMED[a], CONFIRMED[b], OVER[b], AGAIN[a], AGAIN[b]], "ab")),
    ],
)
@pytest.mark.parametrize("batches", [1, 2], ids=["at once", "one after another"])
def test_a_person_of_several_seals_is_erased_whole_or_not_at_all(
    catalogue: Catalogue, orders: list[AuditEntry], erased: tuple[list[AuditEntry], str], batches: int
):
    entries = [*ASKED.values(), *orders, *erased[0]]
    found = entered(catalogue, *([entries] if batches == 1 else [[one] for one in entries]))

    on_record = [one.subject for one in found if isinstance(one, AuditRecord) and one.verb == "erasure"]
    assert on_record == [CONFIRMED[seal].subject for seal in erased[1]]


def test_a_request_refused_in_part_for_a_hold_erases_nothing_while_it_is_held(catalogue: Catalogue):
    found = entered(catalogue, [HELD[b], ASKED[a], ASKED[b], CONFIRMED[a]])

    assert [type(one).__name__ for one in found] == ["AuditRecord", "AuditRecord", "DeadLetter", "DeadLetter"]
    assert "under a legal hold" in found[-1].detail


def test_two_requests_are_two_and_a_hold_on_what_one_was_of_keeps_nothing_of_the_other(catalogue: Catalogue):
    """Somebody else's erasure, whom the same person has requested, waits for nobody."""
    found = entered(catalogue, [ASKED_BEFORE[a], ASKED[b], HELD[a], CONFIRMED[b]])

    assert found[-1].verb == "erasure"


def test_of_a_request_by_an_older_version_each_is_judged_by_itself(catalogue: Catalogue):
    step, rows = enter.make_step(catalogue, 1), MemoryRows()
    step(rows, [a_record(ASKED[a], "orders", received_at=NOON)], None)
    (key,) = [key for key, _ in rows.scan(b"requested/", b"requested0")]
    rows.delete(key)
    (output,) = step(rows, [a_record(CONFIRMED[a], "orders", received_at=NOON)], None)

    assert output.value.verb == "erasure"


@pytest.mark.parametrize(("waits", "is_confirmed"), [(DAY - 1, True), (DAY, False)])
def test_a_request_ends_when_its_time_is_over(catalogue: Catalogue, waits: int, *, is_confirmed: bool):
    step, rows = enter.make_step(catalogue, 1), MemoryRows()
    step(rows, [a_record(REQUESTED, "orders", received_at=NOON)], None)
    (output,) = step(rows, [a_record(ERASED, "orders", received_at=NOON + waits)], None)

    assert isinstance(output.value, AuditRecord) == is_confirmed


def test_whoever_was_stopped_may_erase_again_and_a_request_that_is_over_is_forgotten(catalogue: Catalogue):
    again = msgspec.structs.replace(ERASED, entry_id=str(UUID(int=7)))
    assert [record.verb for record in entered(catalogue, [REQUESTED], [ERASED], [again])][1:] == ["erasure", "erasure"]

    step, rows = enter.make_step(catalogue, 1), MemoryRows()
    step(rows, [a_record(REQUESTED, "orders", received_at=NOON)], None)
    later = msgspec.structs.replace(
        REQUESTED, entry_id=str(UUID(int=8)), subject=subject_of("tok-b"), until=NOON + 3 * DAY
    )
    step(rows, [a_record(later, "orders", received_at=NOON + 2 * DAY)], None)
    assert [key for key, _ in rows.scan(b"asked/", b"asked0")] == [f"asked/{subject_of('tok-b')}".encode()]
    name = f"requested/{later.actor}/{later.until}".encode()
    assert [key for key, _ in rows.scan(b"requested/", b"requested0")] == [name]


@pytest.mark.parametrize("entry", [REQUESTED, HOLD, RELEASE, ERASED, LOOKED, ANSWERED], ids=lambda one: one.kind)
def test_orders_go_by_their_own_topic_and_nothing_else_does(catalogue: Catalogue, entry: AuditEntry):
    """So whoever may say what they have looked at cannot have anybody erased, nor a hold released."""
    step, rows = enter.make_step(catalogue, 1), MemoryRows()
    wrong = "audit-entries" if entry.kind in ORDERS else "orders"
    (output,) = step(rows, [a_record(entry, wrong, received_at=NOON)], None)

    assert isinstance(output.value, DeadLetter)
    assert output.value.detail == f"field kind: {entry.kind} does not go by {wrong}"
    assert not list(rows.scan(b"asked/", b"asked0")) + list(rows.scan(b"held/", b"held0"))


@pytest.mark.parametrize("kind", ["erasure", "erasure-request"])
def test_an_erasure_of_nobody_is_refused(catalogue: Catalogue, kind: EntryKind):
    erasure = msgspec.structs.replace(LOOKED, kind=kind, subject=None)

    (letter,) = entered(catalogue, [erasure])

    assert isinstance(letter, DeadLetter)
    assert "subject" in letter.detail


def test_an_acknowledgement_is_an_alteration_at_the_recipient(catalogue: Catalogue):
    (record,) = entered(catalogue, [ANSWERED])

    assert (record.verb, record.reason, record.actor) == ("alteration", enter.ACKNOWLEDGED, ANSWERED.actor)
    assert (record.audience, record.topic, record.from_seq) == ("duty-officer", "alerts.duty-officer", 4)


def test_entries_are_one_chain_however_they_are_cut_and_each_is_in_it_once(catalogue: Catalogue):
    records = entered(catalogue, [LOOKED], [ANSWERED, LOOKED], [ANSWERED])

    assert [record.seq for record in records] == [1, 2]
    assert verified(Chain("audit.entries", 0), records).faults == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"entry_id": "7"}, "entry_id"),
        ({"actor": "Somebody With A Name"}, "actor"),
        ({"alert_id": "tok-a"}, "alert_id"),
        ({"reason": ""}, "reason"),
        ({"subject": "tok-a"}, "subject"),
        ({"subject": None}, "subject"),
        ({"kind": "break-glass", "alert_id": str(UUID(int=3))}, "audience"),
        ({"kind": "break-glass", "alert_id": str(UUID(int=3)), "audience": "duty-officer"}, "until"),
        ({"kind": "review"}, "seq"),
        ({"kind": "review", "seq": 9}, "seq"),
        ({"kind": "hold", "topic": "incidents"}, "topic"),
        ({"kind": "hold", "subject": None}, "incident_id"),
        ({"kind": "hold", "subject": None, "incident_id": "7"}, "incident_id"),
        ({"kind": "release", "subject": None, "topic": "Some Topic"}, "topic"),
        ({"kind": "hold", "until": NOON}, "until"),
        ({"kind": "erasure-request"}, "until"),
        ({"kind": "erasure-request", "until": NOON}, "until"),
        ({"kind": "acknowledgement"}, "audience"),
    ],
)
def test_what_says_less_than_it_must_is_a_dead_letter_that_names_the_field_alone(
    catalogue: Catalogue, changes: dict[str, Any], field: str
):
    letter, record = entered(catalogue, [msgspec.structs.replace(LOOKED, **changes), ANSWERED])

    assert isinstance(letter, DeadLetter)
    assert isinstance(record, AuditRecord)
    assert (letter.reason, field in letter.detail) == ("schema-violation", True)
    said = [str(value) for name, value in changes.items() if value and name != "kind" and field != "audience"]
    assert not any(value in letter.detail for value in said)


def test_bytes_that_nobody_can_read_are_a_dead_letter(catalogue: Catalogue):
    (letter,) = entered(catalogue, [Refused("empty", "there is nothing")])

    assert (letter.stage, letter.reason) == ("enter", "empty")


OPENED = AuditEntry(
    entry_id=str(UUID(int=4)),
    kind="break-glass",
    actor="duty-officer-7",
    acted_at=NOON,
    alert_id=str(UUID(int=3)),
    audience="duty-officer",
    reason="child-at-risk",
    until=NOON + 3_600_000,
)


AHEAD = 5 * MINUTE
"""So far may a sender's clock be ahead of the broker's."""
FOR_EVER = 2**62
HOLDS, WAITS = HOUR, 14 * DAY


@pytest.mark.parametrize(
    ("entry", "field", "latest"),
    [
        (OPENED, "until", NOON + AHEAD + HOLDS),
        (REQUESTED, "until", NOON + AHEAD + WAITS),
        (HOLD, "until", to_instant(datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC))),
        (RELEASE, "until", to_instant(datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC))),
        (LOOKED, "acted_at", NOON + AHEAD),
        (ANSWERED, "acted_at", NOON + AHEAD),
        (HOLD, "acted_at", NOON + AHEAD),
    ],
    ids=lambda one: getattr(one, "kind", None) or str(one)[:9],
)
def test_no_entry_claims_more_time_than_there_is_or_than_the_catalogue_gives(
    catalogue: Catalogue, entry: AuditEntry, field: str, latest: int
):
    assert catalogue.oversight.break_glass.holds == HOLDS
    assert catalogue.retention.confirm_within == Duration(millis=WAITS)

    for said, is_refused in ((latest, False), (latest + 1, True), (FOR_EVER, True), (-FOR_EVER, True)):
        (output,) = entered(catalogue, [msgspec.structs.replace(entry, **{field: said})])
        assert isinstance(output, DeadLetter) == is_refused, said
        assert not is_refused or field in output.detail


def test_where_the_catalogue_gives_no_time_nothing_is_requested_and_nothing_opened(catalogue: Catalogue):
    bare = msgspec.structs.replace(catalogue, retention=Retention(), oversight=Oversight())

    for entry in (REQUESTED, OPENED):
        (letter,) = entered(bare, [entry])
        assert "until" in letter.detail


INSTANTS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([NOON, NOON + 1, NOON + HOUR])


@given(
    base=st.sampled_from([OPENED, REQUESTED, HOLD, RELEASE, LOOKED, ANSWERED]),
    acted_at=INSTANTS,
    until=st.none() | INSTANTS,
)
def test_whatever_goes_on_record_has_times_that_can_be_told(
    catalogue: Catalogue, base: AuditEntry, acted_at: int, until: int | None
):
    (output,) = entered(catalogue, [msgspec.structs.replace(base, acted_at=acted_at, until=until)])

    assert isinstance(output, DeadLetter) or output.until is None or to_iso(output.until)


def reviewed_by(actor: str, number: int = 1, entry: int = 5) -> AuditEntry:
    return AuditEntry(
        entry_id=str(UUID(int=entry)), kind="review", actor=actor, acted_at=NOON, seq=number, reason="justified"
    )


def test_what_is_opened_in_an_emergency_and_its_review_are_consultations_in_the_chain(catalogue: Catalogue):
    opened, review = entered(catalogue, [OPENED], [reviewed_by("officer-1")])

    assert (opened.verb, opened.reason, opened.audience) == (
        "consultation",
        "break-glass: child-at-risk",
        "duty-officer",
    )
    assert opened.until == OPENED.until
    assert (review.verb, review.reason, review.topic, review.from_seq) == (
        "consultation", "review: justified", "audit.entries", 1
    )  # fmt: skip
    assert review.alert_id == OPENED.alert_id
    assert verified(Chain("audit.entries", 0), [opened, review]).faults == ()


@pytest.mark.parametrize("batches", [1, 2], ids=["at once", "one after another"])
def test_nobody_reviews_themselves_nor_anything_twice_nor_what_nobody_opened(catalogue: Catalogue, batches: int):
    entries = [
        OPENED,
        reviewed_by("duty-officer-7", entry=5),
        reviewed_by("officer-1", number=2, entry=6),
        reviewed_by("officer-1", entry=7),
        reviewed_by("officer-2", entry=8),
    ]
    cut = [entries] if batches == 1 else [[one] for one in entries]
    outputs = entered(catalogue, *cut)

    assert [type(one).__name__ for one in outputs] == [
        "AuditRecord", "DeadLetter", "DeadLetter", "AuditRecord", "DeadLetter"
    ]  # fmt: skip
    assert outputs[3].actor == "officer-1"


@pytest.mark.parametrize(
    "held",
    [
        {"subject": subject_of("tok-a")},
        {"alert_id": str(UUID(int=3))},
        {"incident_id": str(UUID(int=4))},
        {"topic": "partner.police-crimes"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["hold", "release"])
def test_a_hold_and_its_release_are_on_record_with_what_is_held(catalogue: Catalogue, kind: str, held: dict[str, str]):
    entry = AuditEntry(
        entry_id=str(UUID(int=9)), kind=kind, actor="officer-1", acted_at=NOON, reason="court-order", **held
    )  # fmt: skip
    (record,) = entered(catalogue, [entry])

    assert (record.verb, record.reason, record.actor) == ("alteration", f"{kind}: court-order", "officer-1")
    assert {name: getattr(record, name) for name in held} == held
