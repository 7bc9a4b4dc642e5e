"""Defects put into the core, one at a time: the comparison with the oracle must notice each.

A check that nothing can fail proves nothing. The gallery has a scene for each of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.replay.gallery import gallery, persons
from tests.replay.running import Decided, Told, World, accepted, arrivals, cut, decisions, outputs, result_of

from safety_stream.core import linking, timeline
from safety_stream.core import persons as who_is_who
from safety_stream.core import register as claims
from safety_stream.core.alerts import condition as alerts
from safety_stream.core.alerts import cut as cutting
from safety_stream.core.catalogue import Areas, Bounds
from safety_stream.core.model import open_days, times
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.grid import to_grid
from safety_stream.core.model.incidents import OUTSIDE, UNLOCATED
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import DAY_LENGTH, HOUR
from safety_stream.core.rules import (
    absent,
    besides,
    carrying,
    condition,
    count,
    distinct,
    engine,
    findings,
    linked,
    near,
    ordered,
    selectors,
    share,
    windows,
)
from safety_stream.core.rules.changing import Counted
from safety_stream.core.rules.rule import Rule, Safeguards
from safety_stream.core.rules.signal import asks_for_signals
from safety_stream.core.stages import alert, counts, detect, intake, link, measure, register, stage
from safety_stream.testing.comparison import differences
from safety_stream.testing.histories import history_faults
from safety_stream.testing.oracle import Truth, recompute
from safety_stream.testing.verdict import compare

Patch = pytest.MonkeyPatch
Mutant = Callable[[Patch, World], World | None]
MUTANTS: dict[str, Mutant] = {}


def mutant(broken: Mutant) -> Mutant:
    """Register a defect; its name says what is wrong."""
    MUTANTS[broken.__name__.replace("_", " ")] = broken
    return broken


@pytest.fixture(scope="module")
def small(small: World) -> World:
    """With steps made anew in each run, since what they are made of is broken."""
    return World(small.catalogue, small.folder)


@pytest.fixture(scope="module")
def told() -> list[Told]:
    return gallery()


@pytest.fixture(scope="module")
def truth(small: World, told: list[Told]) -> Truth:
    return recompute(accepted(told), small.folder, to_grid=to_grid)


TOGETHER, ONE_BY_ONE = 1_000, 1
"""How many reports go through at once. Most defects show when all do, which is the quicker by far."""


def disagreement(world: World, told: list[Told], truth: Truth, size: int) -> list[str]:
    result = result_of(outputs(world, cut(arrivals(told), (size,))))
    assert result.dead_letters == []
    return [
        *differences(truth, *map(plain, (result.findings, result.alerts, result.indicators))),
        *history_faults(truth.rules, [msgspec.to_builtins(version) for version in result.versions]),
    ]


def plain(standing: dict[Any, Any]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(value) for value in standing.values()]


@pytest.mark.parametrize("size", [TOGETHER, ONE_BY_ONE])
def test_nothing_is_noticed_where_nothing_is_broken(small: World, told: list[Told], truth: Truth, size: int):
    assert disagreement(small, told, truth, size) == []


def test_nothing_is_noticed_where_alerts_show_less_and_say_what_else_they_rest_on(
    small: World, told: list[Told], truth: Truth, monkeypatch: Patch
):
    monkeypatch.setattr(alerts, "SHOWN_EVIDENCE", 1)

    assert disagreement(small, told, truth, ONE_BY_ONE) == []


def test_every_rule_has_a_scene(small: World, truth: Truth):
    found = {rule for rule, *_ in truth.findings}

    # Those that ask for signals find nothing in a gallery, nor would the oracle: see tests/replay/test_signals.py.
    rules = {rule.id for rule in small.catalogue.rules} - asks_for_signals(small.catalogue.rules)
    assert rules | {"hub"} == found


# --- rules --------------------------------------------------------------------------------------------------


@mutant
def a_finding_is_marked_as_its_rule_alone(patch: Patch, world: World) -> None:
    del world
    patch.setattr(findings, "highest_marking", lambda markings: markings[0])


@mutant
def an_alert_is_marked_as_its_rule_alone(patch: Patch, world: World) -> None:
    del world
    patch.setattr(alerts, "highest_marking", lambda markings: markings[0])


@mutant
def windows_leave_out_their_first_instant(patch: Patch, _: World) -> None:
    def first_after(moments: list[int], last: int, length: times.Duration) -> int:
        return min(bisect_right(moments, times.before(moments[last], length)), last)

    patch.setattr(windows, "first_within", first_after)


@mutant
def a_window_of_days_is_a_millisecond_longer(patch: Patch, _: World) -> None:
    right = windows.first_within

    def first_within(moments: list[int], last: int, length: times.Duration) -> int:
        longer = msgspec.structs.replace(length, millis=length.millis + 1) if length.millis else length
        return right(moments, last, longer)

    patch.setattr(windows, "first_within", first_within)


@mutant
def what_is_told_besides_leaves_out_the_last(patch: Patch, _: World) -> None:
    right = besides.number_within
    patch.setattr(besides, "number_within", lambda moments, end, length: right(moments, end - 1, length))


@mutant
def what_was_seen_to_is_as_urgent_as_ever(patch: Patch, _: World) -> None:
    patch.setattr(findings, "_is_quietened", lambda *_: False)


@mutant
def what_is_said_at_that_instant_was_known_before(patch: Patch, _: World) -> None:
    right = besides._latest
    patch.setattr(besides, "_latest", lambda matching, fact, at, within: right(matching, fact, at + 1, within))


@mutant
def what_was_known_is_never_forgotten(patch: Patch, _: World) -> None:
    right = besides._latest
    patch.setattr(
        besides, "_latest", lambda matching, fact, at, _: right(matching, fact, at, times.Duration(months=1_200))
    )


@mutant
def who_accuses_back_is_a_victim_of_their_own(patch: Patch, _: World) -> None:
    patch.setattr(distinct, "persons_of", lambda _: frozenset())


@mutant
def everybody_of_a_home_counts(_: Patch, world: World) -> World:
    return with_condition(world, "serial-perpetrator", unconnected=False)


@mutant
def who_is_harmed_is_who_saw_it(patch: Patch, _: World) -> None:
    right = claims.sightings_of
    patch.setattr(
        claims,
        "sightings_of",
        lambda claim: {key: msgspec.structs.replace(one, victims=one.persons) for key, one in right(claim).items()},
    )


@mutant
def months_have_thirty_days(patch: Patch, _: World) -> None:
    patch.setattr(times, "_months_away", lambda instant, months: instant + months * 30 * DAY_LENGTH)


@mutant
def late_reports_change_nothing_that_came_after_them(patch: Patch, _: World) -> None:
    patch.setattr(engine, "longest", lambda _: 0)


@mutant
def what_began_before_the_change_is_too_long_ago_to_count(patch: Patch, _: World) -> None:
    right = engine._Plan.may_find

    def may_find(plan: Any, key: str, told: timeline.Timeline, span: condition.Span) -> bool:
        if plan.carried_to:
            # What another key was told must be taken back as it was said, or detect itself notices.
            return right(plan, key, told, span)
        return sum(one.occurred_from >= span.first for one in told.sightings) >= plan.fewest

    patch.setattr(engine._Plan, "may_find", may_find)


@mutant
def complaints_of_different_problems_count_together(_: Patch, world: World) -> World:
    return with_condition(world, "asb-case-review", same=())


@mutant
def other_countys_areas_count_as_districts(_: Patch, world: World) -> World:
    return with_condition(world, "soc-cross-district", ignore=())


@mutant
def two_kinds_of_one_organisation_will_do_for_two_organisations(_: Patch, world: World) -> World:
    guards = Safeguards(organisations_or_kinds=2, grades_alone=("D", "E"))
    return with_rule(world, "soc-cuckooing", lambda rule: msgspec.structs.replace(rule, safeguards=guards))


@mutant
def burnley_has_the_limb_it_never_published(_: Patch, world: World) -> World:
    return with_rule(world, "asb-case-review", lambda rule: msgspec.structs.replace(rule, overrides=()))


@mutant
def chains_may_begin_and_end_at_one_instant(patch: Patch, _: World) -> None:
    patch.setattr(ordered, "bisect_left", bisect_right)


@mutant
def absence_ignores_feeds(patch: Patch, _: World) -> None:
    patch.setattr(condition.Now, "awaited_clock", lambda self, deadline, _: "as_of" if self.as_of < deadline else None)


@mutant
def an_answer_at_the_last_instant_is_too_late(patch: Patch, _: World) -> None:
    patch.setattr(absent, "bisect_right", lambda moments, at: bisect_right([moment + 1 for moment in moments], at + 1))
    patch.setattr(absent, "after", lambda at, length: times.after(at, length) - 1)


@mutant
def schools_are_open_on_saturdays(patch: Patch, _: World) -> None:
    patch.setattr(open_days, "_FRIDAY", 6)


@mutant
def schools_have_no_holidays(patch: Patch, _: World) -> None:
    patch.setattr(open_days, "bisect_right", lambda *_, **__: 0)


@mutant
def schools_begin_by_the_clock_of_the_night_before(patch: Patch, _: World) -> None:
    patch.setattr(open_days.OpenDays, "opening", lambda self, day: times.start_of(day - 9) + 9 * DAY_LENGTH + 9 * HOUR)


@mutant
def nobody_wakes_at_a_deadline(patch: Patch, _: World) -> None:
    patch.setattr(stage.Wakes, "due", lambda *_: [])


@mutant
def one_noisy_feed_is_enough(patch: Patch, _: World) -> None:
    patch.setattr(findings, "_is_safe", lambda *_: True)


@mutant
def a_child_raises_nothing(patch: Patch, _: World) -> None:
    right = findings.priority_of
    patch.setattr(findings, "priority_of", lambda words, number, *, child, flags: right(
        words, number, child=False, flags=flags
    ))  # fmt: skip


@mutant
def a_weapon_raises_nothing(patch: Patch, _: World) -> None:
    patch.setattr(findings, "_flags", lambda _: frozenset())


@mutant
def complaints_told_too_late_count(patch: Patch, _: World) -> None:
    patch.setattr(selectors, "_is_in_time", lambda *_: True)


@mutant
def what_was_found_counts_as_told(patch: Patch, _: World) -> None:
    patch.setitem(selectors._TESTS, "origin", lambda _: lambda _: True)


@mutant
def facts_are_tested_one_too_low(patch: Patch, _: World) -> None:
    patch.setattr(selectors, "number_of", lambda value: None if value is None else int(value) + 1)


@mutant
def facts_are_tested_one_too_high(patch: Patch, _: World) -> None:
    patch.setattr(selectors, "number_of", lambda value: None if value is None else int(value) - 1)


@mutant
def whatever_a_fact_says_is_meant(patch: Patch, _: World) -> None:
    right = selectors._fact_predicate
    patch.setattr(selectors, "_fact_predicate", lambda test: right(
        msgspec.structs.replace(test, values=frozenset({"true", "false"})) if test.values else test
    ))  # fmt: skip


@mutant
def facts_are_lost_on_the_way(patch: Patch, _: World) -> None:
    patch.setattr(intake, "_facts_of", lambda *_: ())


@mutant
def a_correction_of_facts_alone_changes_nothing(patch: Patch, _: World) -> None:
    right = claims._same_said

    def same_said(one: Any, other: Any) -> bool:
        both = one is not None and other is not None
        return right(one, msgspec.structs.replace(other, facts=one.facts) if both else other)

    patch.setattr(claims, "_same_said", same_said)


@mutant
def what_is_remembered_of_reports_leaves_out_their_facts(patch: Patch, _: World) -> None:
    patch.setattr(selectors, "_traits_of", lambda attributes, _: attributes)


@mutant
def a_level_is_said_beyond_the_highest(patch: Patch, _: World) -> None:
    patch.setattr(count, "_TOP_LEVEL", 99)


@mutant
def who_complained_is_said(patch: Patch, _: World) -> None:
    patch.setattr(distinct, "_UNTOLD", frozenset())


@mutant
def districts_are_said_by_their_codes(patch: Patch, _: World) -> None:
    patch.setattr(findings, "_called", lambda text, _: text)


@mutant
def what_is_left_out_is_not_said(patch: Patch, _: World) -> None:
    patch.setattr(condition.View, "excluded", lambda *_: ())


@mutant
def the_hub_bound_is_off_by_one(_: Patch, world: World) -> World:
    bounds = world.catalogue.bounds
    return with_catalogue(world, bounds=msgspec.structs.replace(bounds, hub=bounds.hub + 1))


@mutant
def a_corner_of_the_map_is_forgotten(patch: Patch, _: World) -> None:
    patch.setattr(claims, "_AROUND", tuple(way for way in claims._AROUND if way != (1, 1)))


@mutant
def a_side_of_the_map_is_forgotten(patch: Patch, _: World) -> None:
    patch.setattr(claims, "_AROUND", tuple(way for way in claims._AROUND if way != (-1, 0)))


@mutant
def a_stretch_of_time_knows_nothing_of_the_one_before(patch: Patch, _: World) -> None:
    patch.setattr(claims, "STRETCHES", (0,))


@mutant
def an_lsoa_knows_nothing_of_the_stretch_before(patch: Patch, _: World) -> None:
    right = claims.Scope.lsoas
    patch.setattr(claims.Scope, "lsoas", lambda self, code, at: [*right(self, code, at)][:1])


@mutant
def what_was_a_stretch_ago_is_found_again_in_an_lsoa(patch: Patch, _: World) -> None:
    patch.setattr(engine, "is_stretched", lambda key: key.startswith("cell:"))


@mutant
def each_stretch_of_an_lsoa_has_an_alert_of_its_own(patch: Patch, _: World) -> None:
    for of in (alert, alerts):
        patch.setattr(of, "subject_of", lambda key: key)


@mutant
def lsoas_of_one_district_are_one(patch: Patch, _: World) -> None:
    right = claims.Scope.lsoas
    patch.setattr(claims.Scope, "lsoas", lambda self, _, at: right(self, "E01000000", at))


@mutant
def reports_are_shared_and_not_occurrences(patch: Patch, _: World) -> None:
    right = share.ShareCondition.completions

    class ByReport:
        """A view that takes each report for an occurrence."""

        def __init__(self, view: condition.View) -> None:
            self._view = view

        def __getattr__(self, name: str) -> Any:
            return getattr(self._view, name)

        def matching(self, step: str) -> list[condition.Matched]:
            return [
                condition.Matched(one.occurrence, (sighting,))
                for one in self._view.matching(step)
                for sighting in one.sightings
            ]

    patch.setattr(share.ShareCondition, "completions", lambda self, view, span: right(self, ByReport(view), span))


@mutant
def what_could_not_be_matched_is_counted(patch: Patch, _: World) -> None:
    patch.setattr(share, "is_somewhere", lambda _: True)


@mutant
def three_of_five_are_few_enough(_: Patch, world: World) -> World:
    return with_condition(world, "soc-violence-unreported", percent=60)


@mutant
def a_percent_less_is_too_many(_: Patch, world: World) -> World:
    return with_condition(world, "soc-violence-unreported", percent=39)


@mutant
def kinds_alone_make_a_spot(_: Patch, world: World) -> World:
    return with_condition(world, "soc-drug-cluster", occurrences=2)


@mutant
def an_occurrence_is_alike_in_what_its_earliest_report_says_alone(patch: Patch, _: World) -> None:
    right = count.alike_in
    patch.setattr(count, "alike_in", lambda fields: lambda sightings: right(fields)(sightings[:1]))


@mutant
def of_two_groups_that_are_met_the_latter_is_told(patch: Patch, _: World) -> None:
    patch.setattr(count, "first_met", lambda completions: list(filter(None, completions))[-1:])


@mutant
def an_occurrence_is_where_its_earliest_report_says_alone(patch: Patch, _: World) -> None:
    right = near._points_of
    patch.setattr(near, "_points_of", lambda sightings: right(sightings)[:1])


@mutant
def the_last_metre_is_too_far(patch: Patch, _: World) -> None:
    right = near._square
    patch.setattr(near, "_square", lambda one, other: right(one, other) + 1)


@mutant
def a_metre_more_is_near(patch: Patch, _: World) -> None:
    patch.setattr(
        near.NearCondition, "_is_near", lambda self, one, other: near._square(one, other) <= (self._metres + 1) ** 2
    )


@mutant
def a_chain_goes_back_a_link_less(_: Patch, world: World) -> World:
    return with_condition(world, "soc-retaliation", chain=1)


@mutant
def a_chain_goes_back_a_link_more(_: Patch, world: World) -> World:
    return with_condition(world, "soc-retaliation", chain=3)


@mutant
def what_nearly_counts_in_a_chain_is_near_to_any_link_at_any_time(patch: Patch, _: World) -> None:
    right = near.NearCondition._would_have_mattered

    def mattered(self: Any, e: Any, links: Any, step: str, sighting: Any, _: Any) -> bool:
        return any(right(self, e, [link], step, sighting, link[1]) for link in links)

    patch.setattr(near.NearCondition, "_would_have_mattered", mattered)


@mutant
def a_link_of_a_chain_may_be_as_long_as_the_chain(patch: Patch, _: World) -> None:
    right = linked._Reach.__init__

    def reach(self: Any, view: Any, window: Any, e: Any, within: Any, length: Any) -> None:
        right(self, view, window, e, within, msgspec.structs.replace(length, millis=2 * length.millis))

    patch.setattr(linked._Reach, "__init__", reach)


@mutant
def what_happens_at_one_instant_was_before_it(patch: Patch, _: World) -> None:
    right = near.bisect_left
    patch.setattr(near, "bisect_left", lambda moments, at: right(moments, at + 1))


@mutant
def what_lies_nearby_completes(patch: Patch, _: World) -> None:
    patch.setattr(engine, "_is_here", lambda _: True)


@mutant
def a_moved_point_is_where_it_says(patch: Patch, _: World) -> None:
    right = intake._place_of
    patch.setattr(intake, "_place_of", lambda stated: msgspec.structs.replace(right(stated), exact=True))


@mutant
def a_crowded_cell_is_suspended(patch: Patch, _: World) -> None:
    patch.setattr(Bounds, "of_key", lambda self, _: self)


@mutant
def what_was_found_is_put_on_no_cell_nor_lsoa(patch: Patch, _: World) -> None:
    right = claims.Scope.is_sought
    patch.setattr(
        claims.Scope,
        "is_sought",
        lambda self, kind, version: version.origin == "reported" and right(self, kind, version),
    )


# --- occurrences --------------------------------------------------------------------------------------------


@mutant
def reports_of_one_organisation_merge(patch: Patch, _: World) -> None:
    patch.setattr(
        timeline, "_may_join", lambda sighting, group: any(timeline._tell_of_one(one, sighting) for one in group)
    )


@mutant
def nothing_merges(patch: Patch, _: World) -> None:
    patch.setattr(timeline, "_may_join", lambda *_: False)


@mutant
def a_place_reaches_a_metre_less(patch: Patch, _: World) -> None:
    patch.setattr(timeline, "MERGE_DISTANCE_M", 99)


@mutant
def a_place_reaches_a_metre_more(patch: Patch, _: World) -> None:
    patch.setattr(timeline, "MERGE_DISTANCE_M", 101)


@mutant
def an_hour_of_slack_is_a_millisecond_short(patch: Patch, _: World) -> None:
    patch.setattr(timeline, "MERGE_SLACK", HOUR - 1)


@mutant
def an_hour_of_slack_is_a_millisecond_long(patch: Patch, _: World) -> None:
    patch.setattr(timeline, "MERGE_SLACK", HOUR + 1)


@mutant
def moved_points_are_places(patch: Patch, _: World) -> None:
    right = intake._place_of
    patch.setattr(intake, "_place_of", lambda stated: right(msgspec.structs.replace(stated, snapped=False)))


# --- links --------------------------------------------------------------------------------------------------


@mutant
def a_group_is_called_after_who_came_first(patch: Patch, _: World) -> None:
    right = linking.Groups.place

    def place(self: Any, incident: str) -> Any:
        key, placed = right(self, incident)
        first = min(map(self._web.report, self.of(incident) or ()), key=lambda one: one.received_at, default=placed)
        return linking.linked_key(first.incident_id) if key else "", placed

    patch.setattr(linking.Groups, "place", place)


def with_terms(world: World, **changes: Any) -> World:
    return with_catalogue(world, linked=msgspec.structs.replace(world.catalogue.linked, **changes))


@mutant
def hubs_link(_: Patch, world: World) -> World:
    return with_terms(world, degree_cap=999)


@mutant
def a_hub_needs_one_more(_: Patch, world: World) -> World:
    return with_terms(world, degree_cap=world.catalogue.linked.degree_cap + 1)


@mutant
def a_group_may_have_one_more(_: Patch, world: World) -> World:
    return with_terms(world, reports_at_most=world.catalogue.linked.reports_at_most + 1)


@mutant
def links_do_not_grow_old(_: Patch, world: World) -> World:
    return with_terms(world, age=999 * DAY_LENGTH)


@mutant
def links_are_not_chained(patch: Patch, _: World) -> None:
    right = linking.Groups._search

    def search(self: Any, incident: str) -> Any:
        found, is_whole = right(self, incident)
        first = min(self._web.report(one).occurred_from for one in found)
        return {one for one in found if self._web.report(one).occurred_from - first <= self._terms.age}, is_whole

    patch.setattr(linking.Groups, "_search", search)


@mutant
def a_split_is_forgotten(patch: Patch, _: World) -> None:
    patch.setattr(link._Partition, "_members", lambda *_: iter(()))


@mutant
def a_hub_that_is_none_any_more_stays_one(patch: Patch, _: World) -> None:
    most = Counter[str]()
    right = link._Partition._number

    def number(self: Any, entity: str) -> int:
        most[entity] = max(most[entity], right(self, entity))
        return most[entity]

    patch.setattr(link._Partition, "_number", number)


@mutant
def a_hub_is_a_way(patch: Patch, _: World) -> None:
    right = linking.Groups.place
    patch.setattr(
        linking.Groups, "place", lambda self, incident: (right(self, incident)[0], self._web.report(incident))
    )


@mutant
def links_are_told_of_the_wrong_reports(patch: Patch, _: World) -> None:
    right = linked._links
    patch.setattr(linked, "_links", lambda ways, evidence: right(ways, evidence[::-1]))


@mutant
def whatever_is_in_a_group_counts_together(patch: Patch, _: World) -> None:
    patch.setattr(linked, "_shared", lambda *_: [])
    patch.setattr(linked, "_entities", lambda _: {"place:everywhere"})


@mutant
def links_lead_one_less_far(_: Patch, world: World) -> World:
    return with_limbs(world, "soc-retaliation", linked_within=1)


@mutant
def what_is_far_off_in_the_group_hides_what_is_near(patch: Patch, _: World) -> None:
    right = linked.linked_completions

    def completions(condition: Any, view: Any, span: Any, within: int) -> Any:
        whole = {one.occurrence_id: len(one.evidence) for one in condition.completions(view, span)}
        for one in right(condition, view, span, within):
            if one.number == whole[one.occurrence_id]:
                yield one

    patch.setattr(engine, "linked_completions", completions)


@mutant
def what_lies_on_the_way_is_not_shown(patch: Patch, _: World) -> None:
    right = engine.linked_completions

    def completions(*given: Any) -> Any:
        for one in right(*given):
            yield msgspec.structs.replace(one, evidence=tuple(at for at in one.evidence if at.sightings))

    patch.setattr(engine, "linked_completions", completions)


@mutant
def who_saw_it_is_a_link(patch: Patch, _: World) -> None:
    patch.setattr(linking, "_IN_IT", linking._IN_IT | {"witness"})


# --- versions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["withdraw", "erase", "restrict"])
def test_an_ignored_action_is_noticed(small: World, told: list[Told], truth: Truth, monkeypatch: Patch, action: str):
    monkeypatch.setattr(claims, "_OUT", claims._OUT - {action})

    assert disagreement(small, told, truth, TOGETHER)


@mutant
def disputed_reports_are_taken_out(patch: Patch, _: World) -> None:
    patch.setattr(claims, "_OUT", claims._OUT | {"dispute"})


@mutant
def ties_between_versions_go_the_other_way(patch: Patch, _: World) -> None:
    right = register.outranks
    patch.setattr(register, "outranks", lambda new, old: right(new, old) != (new.source_version == old.source_version))


@mutant
def whatever_comes_last_counts(patch: Patch, _: World) -> None:
    patch.setattr(register, "outranks", lambda *_: True)


@mutant
def the_first_to_come_counts(patch: Patch, _: World) -> None:
    patch.setattr(register, "outranks", lambda *_: False)


# --- counts -------------------------------------------------------------------------------------------------


@mutant
def the_whole_county_misses_from_the_roll_up(patch: Patch, _: World) -> None:
    right = Areas.roll_ups
    patch.setattr(
        Areas, "roll_ups", lambda self, code, day: tuple(area for area in right(self, code, day) if area != "L-14")
    )


@mutant
def nobody_is_said_to_have_told(patch: Patch, _: World) -> None:
    right = findings._evidence
    patch.setattr(
        findings,
        "_evidence",
        lambda completion, **of: (msgspec.structs.replace(one, told=()) for one in right(completion, **of)),
    )


@mutant
def in_which_role_somebody_stands_is_not_said(patch: Patch, _: World) -> None:
    patch.setattr(findings, "is_of_one_person", lambda _: False)


@mutant
def a_thing_is_said_to_stand_in_a_role(patch: Patch, _: World) -> None:
    patch.setattr(findings, "is_of_one_person", lambda _: True)


@mutant
def the_divisions_miss_from_the_roll_up(patch: Patch, _: World) -> None:
    right = Areas.roll_ups
    patch.setattr(
        Areas, "roll_ups", lambda self, code, day: tuple(area for area in right(self, code, day) if area[:2] != "D-")
    )


@mutant
def all_crimes_weigh_one(patch: Patch, _: World) -> None:
    patch.setattr(claims, "added_by", lambda version, _: version.count)


@mutant
def what_is_counted_by_lsoa_is_counted_under_one_name(patch: Patch, _: World) -> None:
    patch.setattr(claims, "lsoa_area", lambda _: "lsoa:E01000000")


@mutant
def what_is_counted_by_ward_is_counted_under_one_name(patch: Patch, _: World) -> None:
    patch.setattr(claims, "ward_area", lambda _: "ward:E05000000")


@mutant
def findings_once_counted_stay_counted(patch: Patch, _: World) -> None:
    right = detect._Partition._count
    patch.setattr(detect._Partition, "_count", lambda self, _before, *more: right(self, {}, *more))


@mutant
def findings_are_counted_where_they_are_found_and_nowhere_above(patch: Patch, _: World) -> None:
    right = detect._count_of

    def count_of(counted: Counted) -> detect.FindingCount:
        count = right(counted)
        return lambda finding: [cell for cell in count(finding) if cell[0] == finding.area]

    patch.setattr(detect, "_count_of", count_of)


@mutant
def outside_is_no_place(patch: Patch, _: World) -> None:
    right = Areas.district

    def district(self: Areas, *where: Any) -> str:
        found = right(self, *where)
        return UNLOCATED if found == OUTSIDE else found

    patch.setattr(Areas, "district", district)


@mutant
def corrections_count_twice(patch: Patch, _: World) -> None:
    right = register._count
    patch.setattr(register, "_count", lambda cells, _old, *more: right(cells, None, *more))


@mutant
def what_is_known_to_the_month_counts_in_weeks(patch: Patch, _: World) -> None:
    right = claims.Series

    def to_the_day(area: str, indicator: str, event_day: int, _: bool, count: int) -> claims.Series:
        return right(area, indicator, event_day, by_month=False, count=count)

    patch.setattr(claims, "Series", to_the_day)


@mutant
def days_begin_at_midnight_in_greenwich(patch: Patch, _: World) -> None:
    patch.setattr(claims, "day_of", lambda instant: instant // DAY_LENGTH)


@mutant
def a_week_needs_one_more(_: Patch, world: World) -> World:
    def harder(rule: Rule) -> Rule:
        overrides = tuple(
            msgspec.structs.replace(over, at_least=over.at_least + 1) if over.at_least else over
            for over in rule.overrides
        )
        return msgspec.structs.replace(rule, overrides=overrides)

    return with_rule(world, "district-count", harder)


@mutant
def values_are_never_restated(patch: Patch, _: World) -> None:
    right = measure._Partition._publish

    def publish(self: Any, series: Any, period: times.Period) -> None:
        if self._published.get(series.key_of(period)) is None:
            right(self, series, period)

    patch.setattr(measure._Partition, "_publish", publish)


@mutant
def values_are_never_final(patch: Patch, _: World) -> None:
    patch.setattr(measure._Partition, "_is_final", lambda *_: False)


@mutant
def values_are_those_of_the_row_before_the_batch(patch: Patch, _: World) -> None:
    patch.setattr(counts.Counts, "_summed", lambda self, starts: counts._sums_of(self._rows.get(self._row(starts))))


# --- alerts -------------------------------------------------------------------------------------------------


@mutant
def alerts_are_never_withdrawn(patch: Patch, _: World) -> None:
    right = alert.advance
    patch.setattr(
        alert, "advance", lambda state, change, *more: None if change.change == "withdrawn" else right(
            state, change, *more
        )
    )  # fmt: skip


@mutant
def an_alert_has_the_lowest_priority_of_its_findings(patch: Patch, _: World) -> None:
    patch.setattr(alerts, "highest", lambda standing: max(finding.priority for finding in standing))


@mutant
def an_alert_shows_its_newest_finding_alone(patch: Patch, _: World) -> None:
    patch.setattr(alerts, "SHOWN_FINDINGS", 1)


@mutant
def an_alert_does_not_say_which_reports_it_rests_on_besides(patch: Patch, _: World) -> None:
    patch.setattr(alerts, "SHOWN_EVIDENCE", 1)
    with_versions(patch, lambda version: msgspec.structs.replace(version, also_rests_on=()))


@mutant
def what_was_cut_from_a_finding_is_forgotten_with_the_next(patch: Patch, _: World) -> None:
    right = cutting.Cut.but
    patch.setattr(alerts, "SHOWN_EVIDENCE", 1)
    patch.setattr(cutting.Cut, "but", lambda _, finding_id, reports: right(cutting.Cut(), finding_id, reports))


@mutant
def two_subjects_share_an_alert(patch: Patch, _: World) -> None:
    shared = Counter[str]()
    right = alert.alert_id

    def alert_id(rule_id: str, subject: str) -> str:
        shared[rule_id] += 1
        return right(rule_id, "" if rule_id == "rv-graded" else subject)

    patch.setattr(alert, "alert_id", alert_id)
    patch.setattr(alerts, "alert_id", alert_id)


def with_versions(patch: Patch, change: Callable[[AlertVersion], AlertVersion]) -> None:
    """Every version of an alert goes out changed; what is remembered stays right."""
    right = alert.advance

    def advance(*given: Any) -> Any:
        advanced = right(*given)
        return None if advanced is None else (advanced[0], change(advanced[1]))

    patch.setattr(alert, "advance", advance)


@mutant
def an_alert_speaks_in_the_words_of_its_first_finding(patch: Patch, _: World) -> None:
    with_versions(
        patch,
        lambda version: msgspec.structs.replace(
            version, explanation=version.findings[0].explanation if version.findings else version.explanation
        ),
    )


@mutant
def an_alert_does_not_say_that_it_is_about_a_child(patch: Patch, _: World) -> None:
    with_versions(patch, lambda version: msgspec.structs.replace(version, child=False))


@mutant
def alerts_are_named_by_their_rule(patch: Patch, _: World) -> None:
    with_versions(patch, lambda version: msgspec.structs.replace(version, title=version.rule_id))


@mutant
def episodes_are_not_counted(patch: Patch, _: World) -> None:
    with_versions(patch, lambda version: msgspec.structs.replace(version, episode=1))


@mutant
def versions_begin_anew_with_each_episode(patch: Patch, _: World) -> None:
    right = alert.advance
    patch.setattr(
        alert, "advance", lambda state, *more: right(
            state if state.findings else msgspec.structs.replace(state, version=0), *more
        )
    )  # fmt: skip


@mutant
def everything_is_told(patch: Patch, _: World) -> None:
    patch.setattr(alerts, "_must_be_heard", lambda *_: True)


@mutant
def nothing_is_told(patch: Patch, _: World) -> None:
    patch.setattr(alerts, "_must_be_heard", lambda *_: False)


@mutant
def withdrawals_are_told_to_nobody(patch: Patch, _: World) -> None:
    right = alerts._must_be_heard
    patch.setattr(
        alerts, "_must_be_heard", lambda state, reason, *more: reason != "withdrawn" and right(state, reason, *more)
    )


@mutant
def what_was_told_in_the_last_episode_still_counts(patch: Patch, _: World) -> None:
    right = alert.advance

    def advance(state: alerts.AlertState, *more: Any) -> Any:
        advanced = right(state, *more)
        if advanced is None or advanced[0].findings:
            return advanced
        kept = msgspec.structs.replace(advanced[0], told_at=state.told_at, told_priority=state.told_priority)
        return kept, advanced[1]

    patch.setattr(alert, "advance", advance)


# --- what is found elsewhere --------------------------------------------------------------------------------


@mutant
def what_is_withdrawn_here_stays_elsewhere(patch: Patch, _: World) -> None:
    right = detect._Partition._carry
    stayed = set[tuple[str, str]]()

    def carry(self: Any, before: engine.Carried, after: engine.Carried, *causes: Any) -> None:
        stayed.update(before.keys() - after.keys())
        there = {to: said for to, said in before.items() if to in after}
        again = {to: said for to, said in after.items() if to in stayed and to not in there}
        right(self, there | again, after, *causes)

    patch.setattr(detect._Partition, "_carry", carry)


@mutant
def what_changes_here_is_said_elsewhere_as_it_was(patch: Patch, _: World) -> None:
    right = detect._Partition._carry

    def carry(self: Any, before: engine.Carried, after: engine.Carried, *causes: Any) -> None:
        right(self, before, {to: before.get(to, said) for to, said in after.items()}, *causes)

    patch.setattr(detect._Partition, "_carry", carry)


@mutant
def a_finding_is_said_to_whom_it_is_about(patch: Patch, _: World) -> None:
    patch.setattr(carrying, "own_entities", lambda key: frozenset())


@mutant
def a_finding_is_elsewhere_on_its_day_and_not_at_its_time(patch: Patch, _: World) -> None:
    right = carrying.seen_elsewhere

    def seen(finding_id: str, rule_id: str, completed_at: int, **more: Any) -> Sighting:
        return right(finding_id, rule_id, completed_at // DAY_LENGTH * DAY_LENGTH, **more)

    patch.setattr(carrying, "seen_elsewhere", seen)


@mutant
def what_one_report_says_of_two_joins_them(_: Patch, world: World) -> World:
    return with_condition(world, "soc-hub", also=())


@mutant
def two_findings_of_one_are_of_two(patch: Patch, _: World) -> None:
    right = carrying.seen_elsewhere

    def seen(finding_id: str, *given: Any, **more: Any) -> Sighting:
        return right(finding_id, *given, **(more | {"subject": finding_id}))

    patch.setattr(carrying, "seen_elsewhere", seen)


@mutant
def only_reports_that_tell_who_it_was_say_what_they_name(patch: Patch, _: World) -> None:
    patch.setattr(claims, "_of_anybody", lambda selector: selector)


@mutant
def nobody_hears_what_reports_name(patch: Patch, _: World) -> None:
    patch.setattr(claims.Scope, "is_followed", lambda self, version: False)


@mutant
def more_of_the_same_is_told_at_once(_: Patch, world: World) -> World:
    return with_rule(world, "rv-graded", lambda rule: msgspec.structs.replace(rule, suppress_for=times.Duration()))


@mutant
def nothing_is_known_too_late(_: Patch, world: World) -> World:
    never = times.Duration(months=1200)
    return with_rule(world, "rv-graded", lambda rule: msgspec.structs.replace(rule, action_time=never))


@pytest.mark.parametrize("broken", MUTANTS.values(), ids=MUTANTS.keys())
def test_the_oracle_notices_that(small: World, told: list[Told], truth: Truth, monkeypatch: Patch, broken: Mutant):
    world = broken(monkeypatch, small) or small

    assert disagreement(world, told, truth, TOGETHER) or disagreement(world, told, truth, ONE_BY_ONE)


# --- persons ------------------------------------------------------------------------------------------------

PERSON_MUTANTS: dict[str, Mutant] = {}


def mutant_of_persons(broken: Mutant) -> Mutant:
    """Register a defect that shows only where somebody decides about persons."""
    PERSON_MUTANTS[broken.__name__.replace("_", " ")] = broken
    return broken


@pytest.fixture(scope="module")
def decided() -> list[Told | Decided]:
    return persons()


def in_disagreement(world: World, told: list[Told | Decided]) -> list[str]:
    result = result_of(outputs(world, [arrivals([one]) for one in told]))
    assert result.dead_letters == []
    return compare(result, accepted(told), world.folder, decisions(told))


def test_nothing_is_noticed_of_persons_where_nothing_is_broken(small: World, decided: list[Told | Decided]):
    assert in_disagreement(small, decided) == []


@mutant_of_persons
def decisions_are_for_later_reports_alone(patch: Patch, _: World) -> None:
    patch.setattr(register._Claims, "_naming", lambda *_: [])


@mutant_of_persons
def decisions_are_for_earlier_reports_alone(patch: Patch, _: World) -> None:
    right = register._Claims.make

    def make(self: Any, version: Any, old: Any) -> Any:
        with pytest.MonkeyPatch.context() as within:
            within.setattr(self, "_who", lambda _: who_is_who.STRANGERS)
            return right(self, version, old)

    patch.setattr(register._Claims, "make", make)


@mutant_of_persons
def a_person_goes_by_the_token_that_was_linked_last(patch: Patch, _: World) -> None:
    right = who_is_who.Persons.tokens
    patch.setattr(who_is_who.Persons, "tokens", lambda self, token: right(self, token)[::-1])


@mutant_of_persons
def the_decision_that_comes_last_stands(patch: Patch, _: World) -> None:
    patch.setattr(register, "supersedes", lambda *_: True)


@mutant_of_persons
def the_decision_that_comes_first_stands(patch: Patch, _: World) -> None:
    patch.setattr(register, "supersedes", lambda *_: False)


@mutant_of_persons
def links_lead_no_further_than_one_step(patch: Patch, _: World) -> None:
    patch.setattr(
        who_is_who.Persons, "_reached", lambda self, token: {token, *self._linked_directly(token)}
    )  # fmt: skip


@mutant_of_persons
def any_number_of_tokens_is_one_person(patch: Patch, _: World) -> None:
    patch.setattr(who_is_who.Persons, "tokens", who_is_who.Persons.linked)


@mutant_of_persons
def anybody_may_be_any_number_of_others(patch: Patch, _: World) -> None:
    patch.setattr(who_is_who.Persons, "possible", who_is_who.Persons.maybe)


@mutant_of_persons
def who_may_be_whom_is_handed_on(patch: Patch, _: World) -> None:
    right = who_is_who.Persons.maybe

    def further(self: Any, token: str) -> tuple[str, ...]:
        reached = {other for one in right(self, token) for other in (one, *right(self, one))}
        return tuple(sorted(reached - {token}))

    patch.setattr(who_is_who.Persons, "maybe", further)


@mutant_of_persons
def pairs_are_possible_on_one_side_alone(patch: Patch, _: World) -> None:
    patch.setattr(claims, "_keys_of_other_pairs", lambda *_: ())


@mutant_of_persons
def a_possible_answer_cancels(_: Patch, world: World) -> World:
    def any_answer(rule: Rule) -> Rule:
        limbs = tuple(
            msgspec.structs.replace(
                limb,
                steps={
                    name: msgspec.structs.replace(
                        step, tests=tuple(test for test in step.tests if test.field != "match")
                    )
                    for name, step in limb.steps.items()
                },
            )
            for limb in rule.limbs
        )
        return msgspec.structs.replace(rule, limbs=limbs)

    return with_rule(world, "missing-no-return-interview", any_answer)


@mutant_of_persons
def every_rule_counts_possible_matches(patch: Patch, _: World) -> None:
    patch.setitem(selectors._TESTS, "match", lambda _: lambda _: True)


@mutant_of_persons
def no_rule_counts_possible_matches(patch: Patch, _: World) -> None:
    patch.setattr(claims, "_keys_of_others", lambda *_, **__: ())
    patch.setattr(claims, "_keys_of_other_pairs", lambda *_: ())


@mutant_of_persons
def nobody_says_that_a_match_is_unconfirmed(patch: Patch, _: World) -> None:
    patch.setattr(findings, "UNCONFIRMED", "")


@mutant_of_persons
def possible_and_certain_reports_are_one_occurrence(patch: Patch, _: World) -> None:
    right = timeline._tell_of_one
    patch.setattr(timeline, "_tell_of_one", lambda one, other: right(
        msgspec.structs.replace(one, possible=False), msgspec.structs.replace(other, possible=False)
    ))  # fmt: skip


@mutant_of_persons
def reports_name_persons_as_partners_do(patch: Patch, _: World) -> None:
    patch.setattr(claims, "told_of_persons", lambda version, _: version)


@pytest.mark.parametrize("broken", PERSON_MUTANTS.values(), ids=PERSON_MUTANTS.keys())
def test_the_oracle_notices_of_persons_that(
    small: World, decided: list[Told | Decided], monkeypatch: Patch, broken: Mutant
):
    world = broken(monkeypatch, small) or small

    assert in_disagreement(world, decided)


# --- another catalogue than the oracle's --------------------------------------------------------------------


def with_catalogue(world: World, **changes: Any) -> World:
    return World(msgspec.structs.replace(world.catalogue, **changes), world.folder)


def with_rule(world: World, rule_id: str, change: Callable[[Rule], Rule]) -> World:
    rules = tuple(change(rule) if rule.id == rule_id else rule for rule in world.catalogue.rules)
    return with_catalogue(world, rules=rules)


def with_limbs(world: World, rule_id: str, **changes: Any) -> World:
    def other(rule: Rule) -> Rule:
        limbs = tuple(
            limb if limb.linked_within is None else msgspec.structs.replace(limb, **changes) for limb in rule.limbs
        )
        return msgspec.structs.replace(rule, limbs=limbs)

    return with_rule(world, rule_id, other)


def with_condition(world: World, rule_id: str, **changes: Any) -> World:
    def other(rule: Rule) -> Rule:
        limbs = tuple(
            msgspec.structs.replace(limb, condition=msgspec.structs.replace(limb.condition, **changes))
            if all(hasattr(limb.condition, name) for name in changes)
            else limb
            for limb in rule.limbs
        )
        return msgspec.structs.replace(rule, limbs=limbs)

    return with_rule(world, rule_id, other)
