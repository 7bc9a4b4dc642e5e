"""A limb's condition: from the words of a file to the value the core tests, and what each type asks of its limb.

Here is all that the reading of a catalogue knows of single condition types.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.formats.conditions import (
    AbsentEntry,
    AllOfEntry,
    CalendarEntry,
    ConditionEntry,
    DayAhead,
    NearEntry,
    OrderedEntry,
    ShareEntry,
    SignalEntry,
    StepEntry,
    Windowed,
)
from safety_stream.catalogue.formats.rules import LimbEntry, OverrideValues
from safety_stream.catalogue.linking import check_age, check_two_ends, in_all, longest_of, times_over
from safety_stream.catalogue.passable import check_feeds
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.model.open_days import Ahead, OpenDays
from safety_stream.core.model.stretches import STRETCHED
from safety_stream.core.model.times import DAY_LENGTH, Duration, length_in_words
from safety_stream.core.rules.carrying import FINDING_FACTS
from safety_stream.core.rules.condition import Terms, with_closing
from safety_stream.core.rules.registry import condition_type
from safety_stream.core.rules.rule import (
    Absent,
    AllOf,
    Calendar,
    Condition,
    Count,
    Distinct,
    Limb,
    Near,
    Ordered,
    Share,
    Signalled,
    Sum,
)

_STRETCH = "a stretch of an LSOA"

_TEXT_FIELDS = frozenset({"kind", "subtype", "category", "family", "origin", "grade", "organisation", "source", "area"})
_UNTOLD_OF_FINDINGS = frozenset(f"facts.{name}" for name in FINDING_FACTS)
_FINDING_FIELDS = frozenset({"subtype", "area"}) | _UNTOLD_OF_FINDINGS
_LISTED_FIELDS = frozenset({"themes", "flags", "roles", "persons", "complainants", "victims", "children"})


_REASONS = {
    "rarer-than-red": "rarer than chance explains",
    "rarer-than-amber": "rare",
    "alone-in-its-batch": "rare, but so many weeks judged at once bring one such by chance",
    "two-of-three": "far above in two of three weeks",
    "run-above": "above in every one of the last weeks",
}
"""What a signal rests on, as an alert says it."""


def condition_of(entry: LimbEntry, vocabulary: Vocabulary) -> Condition:  # noqa: C901, PLR0911 - a line per type
    """The condition a limb states."""
    stated = entry.condition
    match stated.type:
        case "count":
            return Count(
                of=stated.of,
                at_least=stated.at_least,
                at_most=stated.at_most,
                within=stated.window,
                same=tuple(stated.same),
                until=stated.until,
                chain=stated.chain,
            )
        case "distinct":
            return Distinct(
                of=stated.of,
                field=stated.field[0],
                together=tuple(stated.field[1:]),
                at_least=stated.at_least,
                occurrences=stated.occurrences,
                within=stated.window,
                same=tuple(stated.same),
                ignore=tuple(stated.ignore),
                until=stated.until,
                also=tuple(stated.also),
                unconnected=stated.unconnected,
            )
        case "sum":
            return Sum(
                of=stated.of,
                field=stated.field,
                at_least=stated.at_least,
                within=stated.window,
                same=tuple(stated.same),
                until=stated.until,
            )
        case "all_of":
            needed = {step: stated.at_least.get(step, 1) for step in stated.steps}
            return AllOf(
                steps=needed,
                within=stated.window,
                needed=stated.needed,
                always=tuple(stated.always),
                until=stated.until,
            )
        case "ordered":
            # That nothing closes any link before e is that nothing closes the first of them.
            none_of = with_closing(stated.none_of, stated.until)
            return Ordered(steps=tuple(stated.steps), within=stated.window, runs=stated.runs, none_of=none_of)
        case "absent":
            return Absent(
                after=stated.after,
                unless=stated.unless,
                within=stated.window,
                feeds=tuple(stated.feeds),
                before=None if stated.before is None else _ahead(stated.before, vocabulary),
            )
        case "near":
            return Near(
                of=stated.of,
                metres=stated.metres,
                within=stated.window,
                at_least=stated.at_least,
                after=stated.after,
                until=stated.until,
                chain=stated.chain,
            )
        case "share":
            return Share(
                of=stated.of,
                also=stated.also,
                at_least=stated.at_least,
                percent=stated.percent,
                within=stated.window,
                until=stated.until,
            )
        case "calendar":
            return Calendar(
                per=stated.per,
                at_least=stated.at_least,
                of=stated.of,
                indicator=entry.indicator,
                until=stated.until,
            )
        case "signal":
            return Signalled(reaches=stated.reaches, indicator=entry.indicator)


def _ahead(stated: DayAhead, vocabulary: Vocabulary) -> Ahead:
    days = (vocabulary.calendars or {}).get(stated.of)
    return Ahead(days or OpenDays(id=stated.of, opens=0, closed=(), known_from=0, known_to=0), stated.number)


def _until(stated: ConditionEntry) -> str | None:
    """The step that closes; nothing where none does."""
    return None if isinstance(stated, AbsentEntry | SignalEntry) else stated.until


def counted_steps(entry: LimbEntry) -> tuple[str, ...]:
    """The steps that make a limb fire; those that close, cancel or rule out are not among them."""
    stated = entry.condition
    match stated.type:
        case "count" | "distinct" | "sum" | "share":
            return (stated.of,)
        case "all_of" | "ordered":
            return tuple(dict.fromkeys(stated.steps))
        case "absent":
            return (stated.after,)
        case "calendar":
            return () if stated.of is None else (stated.of,)
        case "signal":
            return ()
        case "near":
            return tuple(dict.fromkeys((stated.of, stated.after or stated.of)))


def names_of(condition: Condition, vocabulary: Vocabulary) -> dict[str, str]:
    """How a condition's values are called in explanations: areas have names, indicators titles, reasons words."""
    if isinstance(condition, Signalled):
        areas = {} if vocabulary.areas is None else vocabulary.areas.by_code
        indicators = vocabulary.indicators or {}
        return {
            **_REASONS,
            **{code: area.name for code, area in areas.items()},
            **{one.id: one.title for one in indicators.values()},
        }
    if not isinstance(condition, Distinct) or "area" not in condition.fields or vocabulary.areas is None:
        return {}
    return {code: area.name for code, area in vocabulary.areas.by_code.items()}


def check_kind_of_limb(at: Place, where: Where, entry: LimbEntry, vocabulary: Vocabulary) -> None:
    """That the condition may be asked of such keys, and is given what it needs there."""
    if isinstance(entry.condition, SignalEntry):
        _check_limb_of_signals(at, where, entry, vocabulary)
    elif "area" in entry.key:
        if entry.key != ["area"] or not isinstance(entry.condition, CalendarEntry) or entry.indicator is None:
            at.error((*where, "key"), "key area needs an indicator and a calendar condition", "see district-count.yaml")
        elif entry.select or entry.condition.of is not None or entry.condition.until is not None:
            place = "select" if entry.select else "condition"
            at.error((*where, place), "an area's indicator has its own select", "leave select, of and until out")
        if entry.indicator is not None:
            at.know((*where, "indicator"), "indicator", entry.indicator, vocabulary.indicators)
    else:
        _check_limb_of_timeline(at, where, entry, vocabulary)


def _check_limb_of_timeline(at: Place, where: Where, entry: LimbEntry, vocabulary: Vocabulary) -> None:
    if entry.indicator is not None:
        at.error((*where, "indicator"), "only key area has an indicator", "leave it out")
    if isinstance(entry.condition, NearEntry):
        _check_limb_of_near(at, where, entry)
    elif "cell" in entry.key:
        at.error((*where, "key"), "of a cell only near may be asked", "choose another kind of key")
    if "lsoa" in entry.key:
        _check_limb_of_lsoa(at, where, entry, vocabulary)
    if isinstance(entry.condition, CalendarEntry) and entry.condition.of is None:
        at.error((*where, "condition"), "a calendar condition on a timeline needs a step to count", "add `of`")


def _check_limb_of_signals(at: Place, where: Where, entry: LimbEntry, vocabulary: Vocabulary) -> None:
    if entry.key != ["area"]:
        at.error((*where, "key"), "only areas have signals", "write `key: area`")
    if entry.select:
        at.error((*where, "select"), "a signal is of an indicator, which has its own select", "leave select out")
    if vocabulary.judged is not None and not vocabulary.judged:
        what = "no signals.yaml says which indicators are judged"
        at.error((*where, "condition"), what, "write it, or count instead")
    elif entry.indicator is not None:
        at.know((*where, "indicator"), "judged indicator", entry.indicator, vocabulary.judged)


def _check_limb_of_near(at: Place, where: Where, entry: LimbEntry) -> None:
    if entry.key != ["cell"]:
        at.error((*where, "key"), "near is asked of cells alone", "write `key: cell`")
    if entry.besides:
        at.error((*where, "besides"), "besides would count all that nine cells hold, near or not", "leave it out")
    for step, selected in entry.select.items():
        if selected.means_findings:
            at.error(
                (*where, "select", step),
                f"step {step} means a finding, which has no place",
                "let near speak of reports",
            )


def _check_limb_of_lsoa(at: Place, where: Where, entry: LimbEntry, vocabulary: Vocabulary) -> None:
    if entry.key != ["lsoa"]:
        at.error((*where, "key"), "key lsoa stands alone", "write a limb for each kind of key")
    if isinstance(entry.condition, AbsentEntry | CalendarEntry):
        what = f"of an LSOA {entry.condition.type} cannot be asked: it looks past the stretch of time a key holds"
        at.error((*where, "condition"), what, "ask for what ends at something that happens")
    elif not isinstance(entry.condition, NearEntry | SignalEntry):
        terms = condition_type(condition_of(entry, vocabulary)).terms
        _check_stretch(at, (*where, "condition", "within"), terms, _STRETCH, vocabulary)
    for name, one in entry.besides.items():
        _check_stretch(at, (*where, "besides", name, "within"), Terms(1, one.window), _STRETCH, vocabulary)
    for step, selected in entry.select.items():
        if selected.finding is not None:
            what = f"step {step} means a finding, which is told on one key and not on that of the next stretch"
            at.error((*where, "select", step), what, "let a rule on LSOAs speak of reports")


def check_condition(at: Place, where: Where, condition: Condition, entry: LimbEntry, vocabulary: Vocabulary) -> None:
    """That what a condition names is known and goes together."""
    _check_until(at, (*where, "until"), entry)
    if isinstance(condition, Count | Distinct | Sum):
        _check_window(at, where, condition, entry.select.get(condition.of), vocabulary)
    if isinstance(condition, Absent):
        for feed in condition.feeds:
            at.know((*where, "feeds"), "feed", feed, vocabulary.sources)
    if isinstance(entry.condition, Windowed | AbsentEntry):
        check_window(at, where, entry.condition)
    if isinstance(entry.condition, AbsentEntry):
        _check_deadline(at, where, entry.condition, vocabulary)
        check_feeds(at, where, entry.condition, entry, vocabulary)
    if isinstance(condition, Near):
        _check_reach(at, where, condition, vocabulary)
    if isinstance(condition, Share):
        _check_share(at, where, condition, entry)
    if isinstance(entry.condition, AllOfEntry):
        _check_all_of(at, where, entry.condition)
    if isinstance(entry.condition, OrderedEntry):
        _check_order(at, where, entry.condition)


def check_window(at: Place, where: Where, stated: Windowed | AbsentEntry) -> None:
    """That what counts days by the calendar is a number of days."""
    if not stated.calendar or stated.within is None or stated.within.is_whole_days:
        return
    if stated.within.months:
        at.error((*where, "calendar"), "months are those of the calendar anyway", "leave calendar out")
    else:
        what = f"{length_in_words(stated.within)} are no days to be counted by the calendar"
        at.error((*where, "calendar"), what, "ask for days, or leave calendar out")


def has_window(condition: Condition) -> bool:
    """Whether a condition looks back, or ahead, over a length of time that an area may have otherwise."""
    by_a_day = isinstance(condition, Absent) and condition.before is not None
    return not (by_a_day or isinstance(condition, Calendar | Signalled))


def counts_by_calendar(condition: Condition) -> bool:
    """Whether a condition's window is of days by the calendar."""
    within = getattr(condition, "within", None)
    return isinstance(within, Duration) and within.days > 0


def check_override(at: Place, where: Where, set_to: OverrideValues, limb: Limb, vocabulary: Vocabulary) -> None:
    """That a limb's condition has what an override sets in it, and may have it so."""
    if set_to.at_least is not None:
        _check_overridden_number(at, where, set_to.at_least, limb)
    if set_to.within is not None and not has_window(limb.condition):
        at.error(where, f"limb {limb.name} has no within", "leave it out")
    if set_to.within is None:
        return
    by_calendar = counts_by_calendar(limb.condition)
    if by_calendar and not (set_to.within.is_whole_days or set_to.within.months):
        what = f"limb {limb.name} counts days by the calendar, and {length_in_words(set_to.within)} are none"
        at.error(where, what, "ask for days or months")
    if STRETCHED.intersection(limb.keys):
        within = set_to.within.by_calendar if by_calendar else set_to.within
        of = "a cell" if "cell" in limb.keys else _STRETCH
        _check_stretch(at, where, _overridden(limb, within), of, vocabulary)
    if "linked" in limb.keys:
        check_age(at, where, _overridden(limb, set_to.within), vocabulary)


def _check_overridden_number(at: Place, where: Where, at_least: int, limb: Limb) -> None:
    if isinstance(limb.condition, AllOf | Ordered | Absent | Signalled):
        at.error(where, f"limb {limb.name} has no at_least", "leave it out")
        return
    most = limb.condition.at_most if isinstance(limb.condition, Count) else None
    if most is not None and at_least > most:
        what = f"limb {limb.name} asks for at most {most}: with at least {at_least} it is never met"
        at.error(where, what, "ask for fewer, or leave it out")
    if "linked" in limb.keys:
        check_two_ends(at, where, condition_type(msgspec.structs.replace(limb.condition, at_least=at_least)))


def _overridden(limb: Limb, within: Duration) -> Terms:
    """The terms of a limb's condition where an override gives it another length."""
    return msgspec.structs.replace(condition_type(limb.condition).terms, within=within)


def _check_until(at: Place, where: Where, entry: LimbEntry) -> None:
    """That what closes is another step than those that are counted; `near` may close by what completes it."""
    stated = entry.condition
    until = _until(stated)
    closed = (stated.after or stated.of,) if isinstance(stated, NearEntry) else counted_steps(entry)
    if until is not None and until in (*closed, stated.also if isinstance(stated, ShareEntry) else None):
        at.error(where, f"step {until} is named twice", "close by another step")


def _check_window(
    at: Place, where: Where, condition: Count | Distinct | Sum, selected: StepEntry | None, vocabulary: Vocabulary
) -> None:
    if isinstance(condition, Count) and condition.at_most is not None and condition.at_most < condition.at_least:
        what = f"at most {condition.at_most} is fewer than at least {condition.at_least}: it is never met"
        at.error((*where, "at_most"), what, "let at_most be at_least or more")
    if selected is not None and selected.finding_elsewhere is not None:
        _check_window_of_findings(at, where, condition)
        return
    for field in condition.same:
        vocabulary.know_field(at, (*where, "same"), field, _TEXT_FIELDS)
    if isinstance(condition, Distinct):
        for field in (*condition.fields, *condition.also):
            vocabulary.know_field(at, (*where, "field"), field, _TEXT_FIELDS | _LISTED_FIELDS)
        _check_together(at, where, condition)
    if isinstance(condition, Sum):
        _check_summed(at, (*where, "field"), condition.field, vocabulary)
    if selected is not None and selected.finding is not None and (condition.same or not isinstance(condition, Count)):
        what = f"step {condition.of} means findings, which have no fields of their own"
        at.error((*where, "of"), what, "count them, without same")


def _check_window_of_findings(at: Place, where: Where, condition: Count | Distinct | Sum) -> None:
    """Of what is found elsewhere only that can be read which a finding says to other keys."""
    for field in condition.same:
        # The words of an alert repeat what is the same, and these are to be told to nobody.
        at.know((*where, "same"), "field of a finding", field, _FINDING_FIELDS - _UNTOLD_OF_FINDINGS)
    if isinstance(condition, Distinct):
        for field in (*condition.fields, *condition.also):
            at.know((*where, "field"), "field of a finding", field, _FINDING_FIELDS)
        _check_together(at, where, condition)
    if isinstance(condition, Sum):
        at.error((*where, "of"), f"step {condition.of} means findings, which have no numbers", "count them")


def _check_together(at: Place, where: Where, condition: Distinct) -> None:
    """That one report says what counts, in one field or in several together."""
    for index, field in enumerate(condition.fields):
        if field in condition.fields[:index]:
            at.error((*where, "field", index), f"field {field} is named twice", "name it once")
    lists = sorted(_LISTED_FIELDS.intersection(condition.fields))
    if condition.together and len(lists) > 1:
        what = f"{' and '.join(lists)} are lists: which of the one belongs to which of the other no report says"
        at.error((*where, "field"), what, "take one of them together with other fields")
    if condition.unconnected and (condition.together or not lists):
        said = "is a value of its own" if condition.together else f"has one {condition.field}"
        at.error((*where, "unconnected"), f"one report {said}, which connects it to nothing", "leave unconnected out")


def _check_deadline(at: Place, where: Where, stated: AbsentEntry, vocabulary: Vocabulary) -> None:
    if (stated.within is None) == (stated.before is None):
        what = "no deadline" if stated.within is None else "two deadlines, within and before"
        at.error(where, what, "say either within which time, or before which day")
    if stated.before is not None:
        at.know((*where, "before"), "calendar", stated.before.of, vocabulary.calendars)


def _check_summed(at: Place, where: Where, field: str, vocabulary: Vocabulary) -> None:
    if vocabulary.facts is None:
        return
    numbers = [f"facts.{fact.id}" for fact in vocabulary.facts.values() if fact.type == "number"]
    at.know(where, "number to add up:", field, numbers)


def _check_share(at: Place, where: Where, condition: Share, entry: LimbEntry) -> None:
    if condition.also == condition.of:
        at.error((*where, "also"), f"step {condition.of} is named twice", "let also be what another partner tells")
    for step in sorted({condition.of, condition.also}):
        selected = entry.select.get(step)
        if selected is not None and selected.finding is not None:
            what = f"step {step} means findings, which nobody else tells of"
            at.error(where, what, "let share speak of reports")


def _check_all_of(at: Place, where: Where, stated: AllOfEntry) -> None:
    _check_steps(at, (*where, "steps"), stated.steps)
    for step in stated.at_least:
        at.know((*where, "at_least", step), "step", step, stated.steps)
    _check_needed(at, where, stated)


def _check_needed(at: Place, where: Where, stated: AllOfEntry) -> None:
    _check_steps(at, (*where, "always"), stated.always)
    for step in stated.always:
        at.know((*where, "always"), "step", step, stated.steps)
    if stated.needed is None and stated.always:
        at.error((*where, "always"), "all steps are needed anyway", "say how many are needed, or leave always out")
    if stated.needed is not None and not len(stated.always) < stated.needed < len(stated.steps):
        at.error(
            (*where, "needed"),
            f"{stated.needed} needed of {len(stated.steps)} steps, {len(stated.always)} of them always",
            "let needed lie between the number always needed and the number of steps, or leave it out",
        )


def _check_order(at: Place, where: Where, stated: OrderedEntry) -> None:
    _check_steps(at, (*where, "none_of"), stated.none_of)
    if stated.until in stated.none_of:
        at.error((*where, "until"), f"step {stated.until} is named twice", "until and none_of say the same of an order")
    for step in sorted(set(stated.none_of).intersection(stated.steps)):
        at.error((*where, "none_of"), f"step {step} is asked for and ruled out", "keep it in one of both")
    meant = f"last {stated.steps[0]}"
    if stated.measured_from not in (None, meant):
        at.error((*where, "measured_from"), "an order is always measured from its first step", f"write {meant}")


def _check_steps(at: Place, where: Where, steps: Sequence[str]) -> None:
    for index, step in enumerate(steps):
        if step in steps[:index]:
            at.error((*where, index), f"step {step} is named twice", "name it once")


def _check_reach(at: Place, where: Where, condition: Near, vocabulary: Vocabulary) -> None:
    if condition.after == condition.of:
        at.error((*where, "after"), f"step {condition.of} is named twice", "leave after out: it is the same anyway")
    if condition.after is not None and condition.chain > 1:
        at.error((*where, "chain"), "a chain is of one step, and after names another", "leave chain or after out")
    categories = vocabulary.categories
    if categories is not None and condition.chain * condition.metres > categories.bounds.cell_metres:
        what = f"{times_over(condition.chain)}{condition.metres} metres is further than a cell is wide"
        at.error((*where, "metres"), what, "ask for less, or raise cell_metres in categories.yaml")
    _check_stretch(at, (*where, "within"), condition_type(condition).terms, "a cell", vocabulary)


def _check_stretch(at: Place, where: Where, terms: Terms, of: str, vocabulary: Vocabulary) -> None:
    categories = vocabulary.categories
    if categories is not None and longest_of(terms) > categories.bounds.cell_days * DAY_LENGTH:
        what = f"{in_all(terms)} may be longer than {of} lasts"
        at.error(where, what, "ask for less, or raise cell_days in categories.yaml")
