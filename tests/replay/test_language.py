"""What rules may say and none that ships does: as a stream, as the oracle reads it, and broken on purpose.

The rules are those of `tests/fixtures/rules` on several fields together, days of the calendar, what closes, and ranges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.catalogue.copying import MORE_RULES
from tests.replay.running import World, arrivals, cut, disagreement, outputs, received, result_of, small_world
from tests.replay.universes import universes

from safety_stream.catalogue import conditions, load_catalogue
from safety_stream.catalogue.examples import story_of
from safety_stream.catalogue.loading import load_with_files
from safety_stream.core.model import times
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import DAY_LENGTH, HOUR
from safety_stream.core.rules import all_of, calendar, condition, count, distinct, near, share, windows

SPOKEN = (
    *("distinct-together", "count-calendar", "absent-calendar", "count-range"),
    *("all-of-until", "ordered-until", "near-until", "share-until", "calendar-until"),
    *("count-until", "finding-absent", "finding-until"),
)
Patch = pytest.MonkeyPatch
Mutant = Callable[[Patch], None]
GAPS = st.lists(st.sampled_from((0, 0, 1, HOUR, DAY_LENGTH)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The small catalogue with these rules and no others."""
    folder = tmp_path_factory.mktemp("spoken") / "catalogue"
    small_world(folder)
    for rule in (folder / "rules").glob("*.yaml"):
        rule.unlink()
    for name in SPOKEN:
        (folder / "rules" / f"{name}.yaml").write_text((MORE_RULES / f"{name}.yaml").read_text(encoding="utf-8"))
    return World(load_catalogue(folder), folder)


@settings(max_examples=80)
@given(reports=universes(), gaps=GAPS, sizes=st.lists(st.integers(1, 6), min_size=1, max_size=3), order=st.randoms())
def test_what_stands_is_what_the_oracle_recomputes(
    spoken: World, reports: list[Report], gaps: list[int], sizes: list[int], order: Any
):
    mixed = list(reports)
    order.shuffle(mixed)
    told = received(mixed, gaps)
    result = result_of(outputs(spoken, cut(arrivals(told), sizes)))

    assert disagreement(spoken, told, result) == []


# --- broken on purpose --------------------------------------------------------------------------------------

MUTANTS: dict[str, tuple[str, Mutant]] = {}


def mutant_of(rule: str) -> Callable[[Mutant], Mutant]:
    """Register a defect that the examples of a rule must notice; its name says what is wrong."""

    def register(broken: Mutant) -> Mutant:
        MUTANTS[broken.__name__.replace("_", " ")] = rule, broken
        return broken

    return register


@mutant_of("distinct-together")
def what_two_reports_say_of_one_occurrence_is_mixed(patch: Patch) -> None:
    def values_in(fields: Any) -> Any:
        each = [distinct.reader_of(field) for field in fields]

        def values(sightings: Any, ignored: frozenset[str]) -> frozenset[str]:
            said = [{part for one in sightings for part in distinct._said(one, read, ignored)} for read in each]
            return frozenset(map(distinct._BETWEEN.join, distinct.product(*said)))

        return values

    patch.setattr(distinct, "_values_in", values_in)


@mutant_of("distinct-together")
def the_first_of_several_fields_will_do(patch: Patch) -> None:
    right = distinct._values_in
    patch.setattr(distinct, "_values_in", lambda fields: right(fields[:1]))


@mutant_of("distinct-together")
def an_ignored_part_is_no_hindrance(patch: Patch) -> None:
    right = distinct._said
    patch.setattr(distinct, "_said", lambda sighting, read, _: right(sighting, read, frozenset()))


def _exact_days(instant: int, days: int) -> int:
    return instant + days * DAY_LENGTH


@mutant_of("count-calendar")
def days_of_the_calendar_are_exact(patch: Patch) -> None:
    patch.setattr(times, "_days_away", _exact_days)


@mutant_of("absent-calendar")
def deadlines_in_days_of_the_calendar_are_exact(patch: Patch) -> None:
    patch.setattr(times, "_days_away", _exact_days)


@mutant_of("count-calendar")
def days_of_the_calendar_are_never_shorter(patch: Patch) -> None:
    right = windows.shortest
    patch.setattr(windows, "shortest", lambda length: length.days * DAY_LENGTH if length.days else right(length))


@mutant_of("count-calendar")
def days_of_the_calendar_are_never_longer(patch: Patch) -> None:
    right = windows.longest
    patch.setattr(windows, "longest", lambda length: length.days * DAY_LENGTH if length.days else right(length))


@mutant_of("all-of-until")
def nothing_closes_before_all_of_it(patch: Patch) -> None:
    patch.setattr(all_of, "first_open", lambda moments, last, length, _: windows.first_within(moments, last, length))


@mutant_of("share-until")
def nothing_closes_before_a_share(patch: Patch) -> None:
    patch.setattr(share, "first_open", lambda moments, last, length, _: windows.first_within(moments, last, length))


@mutant_of("near-until")
def nothing_closes_near_by(patch: Patch) -> None:
    patch.setattr(near, "since_closing", lambda *_: -(10**18))


@mutant_of("near-until")
def what_closes_may_be_anywhere(patch: Patch) -> None:
    right = near.NearCondition.completions

    def completions(self: Any, view: Any, span: Any) -> Any:
        everywhere = [one.occurrence.time for one in view.matching("visit")]
        patch.setattr(near, "since_closing", lambda _, last: windows.since_closing(everywhere, last))
        return right(self, view, span)

    patch.setattr(near.NearCondition, "completions", completions)


@mutant_of("calendar-until")
def nothing_closes_in_a_week(patch: Patch) -> None:
    patch.setattr(calendar, "since_closing", lambda *_: -(10**18))


@mutant_of("calendar-until")
def what_closes_at_the_end_of_a_week_is_in_it(patch: Patch) -> None:
    right = windows.since_closing
    patch.setattr(calendar, "since_closing", lambda closings, last: right(closings, last + 1))


@mutant_of("finding-until")
def a_finding_closes_nothing(patch: Patch) -> None:
    right = condition.View.closings
    patch.setattr(
        condition.View, "closings", lambda self, until: [] if until == "alone" else right(self, until)
    )  # fmt: skip


@mutant_of("ordered-until")
def until_is_passed_over_in_an_order(patch: Patch) -> None:
    patch.setattr(conditions, "with_closing", lambda steps, _: tuple(steps))


@mutant_of("count-range")
def there_is_no_such_thing_as_too_many(patch: Patch) -> None:
    right = count.CountCondition.__init__

    def unlimited(self: Any, stated: Any) -> None:
        right(self, stated)
        self._at_most = None

    patch.setattr(count.CountCondition, "__init__", unlimited)


@mutant_of("count-range")
def one_too_many_will_do(patch: Patch) -> None:
    right = count.CountCondition.__init__

    def generous(self: Any, stated: Any) -> None:
        right(self, stated)
        self._at_most = stated.at_most and stated.at_most + 1

    patch.setattr(count.CountCondition, "__init__", generous)


def fails(spoken: World, rule_id: str) -> bool:
    """Whether any example of a rule does not come out as it says."""
    catalogue, files = load_with_files(spoken.folder)
    (rule,) = [rule for rule in catalogue.rules if rule.id == rule_id]
    return any(
        [found.completed_at for found in story_of(rule, example, catalogue).found()]
        != [fires.at for fires in example.fires]
        for example in files[rule_id].examples
    )


@pytest.mark.parametrize("rule_id", SPOKEN)
def test_nothing_is_noticed_where_nothing_is_broken(spoken: World, rule_id: str):
    assert not fails(spoken, rule_id)


@pytest.mark.parametrize(("rule_id", "broken"), MUTANTS.values(), ids=MUTANTS.keys())
def test_an_example_notices_that(spoken: World, monkeypatch: Patch, rule_id: str, broken: Mutant):
    broken(monkeypatch)

    assert fails(spoken, rule_id)
