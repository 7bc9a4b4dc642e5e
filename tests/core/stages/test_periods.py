"""Of two counts of the same people the second is refused; which it is, what frees a period, and what does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import a_record, a_report, at

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.stages import intake
from safety_stream.core.stages.periods import NAMED_AT_MOST, Periods, period_covered
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.data_files import catalogue_folder
from safety_stream.testing.oracle import counting_nobody_twice

SOURCE = "partnership-counts"
BURNLEY, HYNDBURN = "E07000117", "E07000120"
RECEIVED = at("2027-01-05T12:00")
SECOND = 1_000


def a_count(ref: str, begins: str, ends: str | None = None, **changes: Any) -> Report:
    """A survey of Burnley, from an instant until just before another."""
    given_so: dict[str, Any] = {
        "source": SOURCE,
        "source_ref": ref,
        "kind": "aggregate-count",
        "category": "aggregate",
        "subtype": "survey",
        "occurred_from": at(begins),
        "occurred_to": None if ends is None else at(ends) - SECOND,
        "precision": "day",
        "reported_at": RECEIVED,
        "facts": (Fact("survey-asked", "250"),),
    }
    return a_report(**(given_so | changes))


def again(report: Report, version: int, **changes: Any) -> Report:
    return msgspec.structs.replace(report, source_version=version, **changes)


FIRST_QUARTER = a_count("q1", "2026-01-01", "2026-04-01")
FEBRUARY = a_count("february", "2026-02-01", "2026-03-01")
APRIL = a_count("april", "2026-04-01", "2026-05-01")


class Intake:
    """Intake's one partition: what it takes and what it refuses, over any number of batches."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._step = intake.make_step(catalogue, 1)
        self.rows = MemoryRows()

    def take(self, *reports: Report) -> list[DeadLetter | IncidentVersion]:
        records = [a_record(one, f"partner.{one.source}", received_at=RECEIVED) for one in reports]
        outputs = self._step(self.rows, records, None)
        return [one.value for one in outputs if not isinstance(one.value, FeedStatus | AuditRecord)]

    def takes(self, *reports: Report) -> list[bool]:
        """Of each report, taken in a batch of its own, whether it is."""
        return [isinstance(value, IncidentVersion) for one in reports for value in self.take(one)]


@pytest.fixture
def there(catalogue: Catalogue) -> Intake:
    return Intake(catalogue)


def test_a_quarter_sent_again_as_a_month_is_refused_and_names_the_quarter(there: Intake):
    taken, letter = there.take(FIRST_QUARTER, FEBRUARY)

    assert isinstance(taken, IncidentVersion)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.value) == ("overlapping-period", b"as it came")
    assert letter.detail == (
        f"fields occurred_from and occurred_to: the period overlaps that of incident {incident_id(SOURCE, 'q1')}, "
        f"which counts the same in the same area; withdraw or correct that one and put this one back, or send one that "
        f"adds the two up, or give what counts something else a subtype of its own"
    )


def test_what_is_refused_says_nothing_of_its_feed(there: Intake, catalogue: Catalogue):
    there.take(FIRST_QUARTER)
    step = intake.make_step(catalogue, 1)

    outputs = step(there.rows, [a_record(FEBRUARY, f"partner.{SOURCE}", received_at=RECEIVED)], None)

    assert [output.topic for output in outputs] == ["dead-letters.intake", "audit.collection"]


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({}, False),
        ({"subtype": "prevent"}, True),
        ({"category": "overdose"}, True),
        ({"place": ReportedPlace(area=HYNDBURN)}, True),
        ({"place": ReportedPlace(lsoa="E01024855")}, False),
        ({"source": "health-aggregates"}, True),
        ({"facts": (Fact("survey-felt-safe", "1"),)}, False),
        ({"flags": ("alcohol",), "count": 2}, False),
    ],
)
def test_another_count_is_one_of_something_else_or_of_others(there: Intake, changes: dict[str, Any], is_taken: bool):
    assert there.takes(FIRST_QUARTER, msgspec.structs.replace(FEBRUARY, **changes)) == [True, is_taken]


def test_neighbourhoods_are_counted_beside_one_another_and_not_beside_their_district(there: Intake):
    def of(lsoa: str, ref: str) -> Report:
        return a_count(ref, "2026-02-01", "2026-03-01", place=ReportedPlace(lsoa=lsoa))

    assert there.takes(of("E01024855", "a"), of("E01024875", "b"), of("E01024855", "c")) == [True, True, False]
    assert there.takes(FIRST_QUARTER) == [False]


@pytest.mark.parametrize(
    ("first", "second", "is_taken"),
    [
        # [-------- January --------)[---- ...
        (("2026-01-01", "2026-02-01", "day"), ("2026-02-01", "2026-03-01", "day"), True),
        (("2026-01-01", "2026-02-01", "day"), ("2026-01-31", "2026-03-01", "day"), False),
        (("2026-02-01", "2026-03-01", "day"), ("2026-01-01", "2026-02-01", "day"), True),
        # By the month: whichever day of it is stated.
        (("2026-01-31", None, "month"), ("2026-01-01", None, "month"), False),
        (("2026-01-31", None, "month"), ("2026-02-01", None, "month"), True),
        (("2026-01-15", "2026-03-15", "month"), ("2026-03-31", None, "day"), False),
        # Told by the instant: a wave is one however often it is told that day, and hours are what they are.
        (("2026-01-01T10:00", None, "instant"), ("2026-01-01T10:01", None, "instant"), False),
        (("2026-01-01T23:59", None, "instant"), ("2026-01-02", None, "instant"), True),
        (
            ("2026-01-01T10:00", "2026-01-01T11:00", "instant"),
            ("2026-01-01T11:00", "2026-01-01T12:00", "instant"),
            True,
        ),
        (("2026-01-01T10:00", None, "instant"), ("2026-01-01T10:00", None, "instant"), False),
        (("2026-01-01T10:00", None, "instant"), ("2026-01-01", None, "day"), False),
    ],
)
def test_periods_are_as_stated_their_end_out(
    there: Intake, first: tuple[str, str, Any], second: tuple[str, str, Any], is_taken: bool
):
    reports = [
        a_count(ref, begins, ends, precision=precision)
        for ref, (begins, ends, precision) in (("a", first), ("b", second))
    ]

    assert there.takes(*reports) == [True, is_taken]


def test_periods_before_1970_are_told_apart_like_any(there: Intake):
    (survey,) = there.take(FIRST_QUARTER)
    assert isinstance(survey, IncidentVersion)
    periods = Periods(MemoryRows())

    def over(ref: str, begins: str, ends: str) -> IncidentVersion:
        return msgspec.structs.replace(survey, incident_id=ref, occurred_from=at(begins), occurred_to=at(ends))

    periods.take(over("winter", "1969-12-01", "1970-02-01"))
    periods.take(over("autumn", "1969-09-01", "1969-12-01"))
    for begins, ends in (("1969-11-30", "1969-12-01"), ("1970-01-31", "1970-02-01")):
        with pytest.raises(Refused, match="overlapping-period"):
            periods.take(over("other", begins, ends))
    periods.take(over("spring", "1970-02-01", "1970-03-01"))


def test_an_end_stated_as_the_next_beginning_is_none_of_it(there: Intake):
    to_april = msgspec.structs.replace(FIRST_QUARTER, occurred_to=at("2026-04-01"))

    assert there.takes(to_april, APRIL) == [True, True]
    by_the_second = [
        msgspec.structs.replace(one, source="health-aggregates", precision="instant") for one in (to_april, APRIL)
    ]
    assert there.takes(*by_the_second) == [True, True]
    assert period_covered(there.take(to_april)[0]) == (at("2026-01-01"), at("2026-04-01"))


@pytest.mark.parametrize("action", ["withdraw", "erase", "restrict"])
def test_what_takes_the_first_back_frees_its_period(there: Intake, action: Any):
    taken_back = again(FIRST_QUARTER, 2, action=action, place=None, facts=())

    assert there.takes(FIRST_QUARTER, FEBRUARY, taken_back, FEBRUARY) == [True, False, True, True]
    # Older versions of what was taken back stand for nothing, however late they come.
    assert there.takes(FIRST_QUARTER, again(FIRST_QUARTER, 3, action="correct")) == [True, action == "erase"]


def test_a_disputed_count_stands(there: Intake):
    assert there.takes(FIRST_QUARTER, again(FIRST_QUARTER, 2, action="dispute"), FEBRUARY) == [True, True, False]


def test_a_report_is_not_in_its_own_way(there: Intake):
    longer = again(FIRST_QUARTER, 2, action="correct", occurred_to=at("2026-05-01") - SECOND)

    assert there.takes(FIRST_QUARTER, FIRST_QUARTER, longer, longer, FIRST_QUARTER, APRIL) == [True] * 5 + [False]


def test_a_correction_moves_the_period_and_leaves_the_old_one_free(there: Intake):
    moved = again(FIRST_QUARTER, 2, action="correct", occurred_from=at("2026-03-01"))

    assert there.takes(FIRST_QUARTER, moved, FEBRUARY) == [True, True, True]


def test_a_correction_into_anothers_period_is_refused_and_what_it_corrects_stands(there: Intake):
    into_april = again(FIRST_QUARTER, 2, action="correct", occurred_to=at("2026-05-01") - SECOND)

    assert there.takes(FIRST_QUARTER, APRIL, into_april, FEBRUARY) == [True, True, False, False]
    # A later version is taken, and the refused one, put back, takes nothing from it.
    assert there.takes(again(FIRST_QUARTER, 3, action="correct"), into_april, APRIL) == [True, True, True]


def test_a_withdrawal_that_comes_first_withdraws(there: Intake):
    assert there.takes(again(FIRST_QUARTER, 2, action="withdraw"), FIRST_QUARTER, FEBRUARY) == [True, True, True]


def test_a_refused_report_that_is_withdrawn_does_not_come_back(there: Intake):
    gone = again(FEBRUARY, 2, action="withdraw")

    assert there.takes(FIRST_QUARTER, FEBRUARY, gone) == [True, False, True]
    assert there.takes(again(FIRST_QUARTER, 2, action="withdraw"), FEBRUARY) == [True, True]
    assert there.takes(a_count("other", "2026-02-03", "2026-02-09")) == [True]


def test_a_refusal_names_ten_and_says_how_many_more(there: Intake):
    days = [a_count(f"day-{number}", f"2026-01-{number:02}") for number in range(1, 13)]

    *_, letter = there.take(*days, FIRST_QUARTER)

    assert isinstance(letter, DeadLetter)
    assert [incident_id(SOURCE, f"day-{number}") in letter.detail for number in range(1, 13)] == [True] * 10 + [
        False
    ] * 2
    assert f" and {12 - NAMED_AT_MOST} more, which" in letter.detail


def test_reports_of_no_counts_are_not_remembered(there: Intake):
    there.take(a_report(), a_report(source_ref="C/2"))

    assert [key for key, _ in there.rows.scan(b"", b"~") if not key.startswith(b"number/")] == []


# --- against the oracle, which works everything out anew for each report ----------------------------------------------

DAYS = ("2026-01-01", "2026-01-15", "2026-02-01", "2026-02-02", "2026-03-01")
PLACES = (
    ReportedPlace(area=BURNLEY),
    ReportedPlace(area=HYNDBURN),
    ReportedPlace(lsoa="E01024855"),
    ReportedPlace(area=BURNLEY, lsoa="E01024875"),
)


@st.composite
def counts(draw: st.DrawFn) -> Report:
    begins, ends = sorted(draw(st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS))))
    return a_count(
        draw(st.sampled_from("abcd")),
        begins,
        draw(st.sampled_from((None, ends))) if begins < ends else None,
        source_version=draw(st.integers(1, 3)),
        action=draw(st.sampled_from(("new", "new", "correct", "withdraw", "dispute", "erase"))),
        precision=draw(st.sampled_from(("instant", "day", "month"))),
        subtype=draw(st.sampled_from(("survey", "survey", "prevent"))),
        place=draw(st.sampled_from(PLACES)),
    )


def cut(reports: Sequence[Report], sizes: Sequence[int]) -> Iterable[Sequence[Report]]:
    done = 0
    for size in [*sizes, len(reports)]:
        yield reports[done : done + size]
        done += size


@given(st.lists(counts(), max_size=14), st.lists(st.integers(1, 4), max_size=5))
def test_what_is_taken_is_what_the_oracle_takes_however_it_is_cut(
    catalogue: Catalogue, reports: list[Report], sizes: list[int]
):
    there = Intake(catalogue)
    taken = [
        report
        for batch in cut(reports, sizes)
        for report, value in zip(batch, there.take(*batch), strict=True)
        if isinstance(value, IncidentVersion)
    ]

    expected = counting_nobody_twice([msgspec.to_builtins(one) for one in reports], catalogue_folder())
    assert [msgspec.to_builtins(one) for one in taken] == expected
    # So whatever was taken is taken again, alone and in the same order.
    assert all(Intake(catalogue).takes(*taken))


@given(st.lists(counts(), max_size=10), st.randoms(use_true_random=False))
def test_reports_that_are_in_nobodys_way_are_taken_in_any_order(
    catalogue: Catalogue, reports: list[Report], chance: Any
):
    """The order decides which of two that overlap is the second, and nothing else."""
    folder, told = catalogue_folder(), [msgspec.to_builtins(one) for one in reports]
    assumed = all(len(counting_nobody_twice([*pair], folder)) == 2 for pair in combinations(told, 2))
    shuffled = list(reports)
    chance.shuffle(shuffled)

    if assumed:
        assert all(Intake(catalogue).takes(*shuffled))
