"""A step's selector: from the tests of a file to those the core runs, each held against the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

import msgspec

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.formats.conditions import RangeEntry, SelectEntry, StepEntry
from safety_stream.catalogue.passable import check_step
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.vocabulary import GRADES, ROLES, Vocabulary
from safety_stream.core.rules.chains import found_elsewhere
from safety_stream.core.rules.rule import FactTest, Field, Selector, Test


def selector_of(at: Place, where: Where, entry: StepEntry, vocabulary: Vocabulary) -> Selector:
    """What a step selects: reports, or findings of other rules."""
    if entry.finding is not None and entry.model_fields_set != {"finding"}:
        at.error((*where, "finding"), "a finding is no report to be tested", "let finding stand alone in its step")
    if entry.finding_elsewhere is not None:
        if entry.model_fields_set != {"finding_elsewhere"}:
            what = "a finding is no report to be tested"
            at.error((*where, "finding_elsewhere"), what, "let finding_elsewhere stand alone in its step")
        return Selector(tests=found_elsewhere(entry.finding_elsewhere))
    check_step(at, where, entry, vocabulary)
    unless = SelectEntry() if entry.none_of is None else entry.none_of
    return Selector(
        tests=_tests(at, where, entry, vocabulary),
        none_of=_tests(at, (*where, "not"), unless, vocabulary),
        facts=tuple(_fact_tests(at, (*where, "facts"), entry, vocabulary)),
        none_of_facts=tuple(_fact_tests(at, (*where, "not", "facts"), unless, vocabulary)),
        reported_within=entry.reported_within,
        finding=frozenset(entry.finding or ()),
    )


def certain_only(selector: Selector) -> Selector:
    """The same, of reports that no unconfirmed match puts there; what means findings stays as it is."""
    if selector.finding:
        return selector
    return msgspec.structs.replace(selector, tests=(*selector.tests, _IS_CERTAIN))


_IS_CERTAIN = Test("match", frozenset({"certain"}))


def selector_of_reports(at: Place, where: Where, entry: StepEntry, vocabulary: Vocabulary) -> Selector:
    """What an indicator counts."""
    if entry.means_findings:
        means = "finding" if entry.finding is not None else "finding_elsewhere"
        at.error((*where, means), "an indicator counts reports, not findings", "test the reports' fields")
    return selector_of(at, where, entry, vocabulary)


_STATED: tuple[Field, ...] = tuple(field for field in get_args(Field) if field != "match")
"""What a file may test: whether possible matches count is no matter of single steps."""


def _tests(at: Place, where: Where, entry: SelectEntry, vocabulary: Vocabulary) -> tuple[Test, ...]:
    known = _values_of(vocabulary)
    tests = []
    for field in _STATED:
        values = getattr(entry, field)
        for value in values or ():
            if field == "flag":
                vocabulary.know_flag(at, (*where, field), value)
            elif field == "subtype":
                vocabulary.know_subtype(at, (*where, field), value, _categories_of(entry, vocabulary))
            else:
                at.know((*where, field), field, value, known.get(field))
        if values:
            tests.append(Test(field, frozenset(values)))
    return tuple(tests)


def _categories_of(entry: SelectEntry, vocabulary: Vocabulary) -> frozenset[str] | None:
    """The categories of the reports these tests let through; None where they may be of any."""
    if vocabulary.categories is None or not (entry.category or entry.family):
        return None
    return frozenset(
        one.id
        for one in vocabulary.categories.by_id.values()
        if (not entry.category or one.id in entry.category) and (not entry.family or one.family in entry.family)
    )


def _values_of(vocabulary: Vocabulary) -> dict[Field, Iterable[str] | None]:
    """What each field may be; the fields left out may be anything."""
    categories = vocabulary.categories
    return {
        "kind": vocabulary.kinds(),
        "category": None if categories is None else categories.by_id,
        "family": None if categories is None else {one.family for one in categories.by_id.values()},
        "theme": None if categories is None else categories.themes(),
        "origin": ("reported", "discovered"),
        "grade": GRADES,
        "role": ROLES,
        "organisation": vocabulary.organisations(),
        "source": vocabulary.sources,
        "child": ("true", "false"),
    }


def _fact_tests(at: Place, where: Where, entry: SelectEntry, vocabulary: Vocabulary) -> Iterator[FactTest]:
    for name, wanted in entry.facts.items():
        if isinstance(wanted, RangeEntry):
            _check_range(at, (*where, name), name, wanted, vocabulary)
            yield FactTest(name, None, wanted.at_least, wanted.at_most)
        else:
            vocabulary.know_values(at, (*where, name), name, wanted)
            yield FactTest(name, frozenset(wanted))


def _check_range(at: Place, where: Where, name: str, wanted: RangeEntry, vocabulary: Vocabulary) -> None:
    at.know(where, "fact", name, vocabulary.facts)
    known = (vocabulary.facts or {}).get(name)
    if known is not None and known.type != "number":
        at.error(where, f"fact {name} is a word, which is neither more nor less", "name the words that are meant")
    if wanted.at_least is None and wanted.at_most is None:
        at.error(where, f"the test of fact {name} tests nothing", "say at_least, at_most, or a value")
    elif wanted.at_least is not None and wanted.at_most is not None and wanted.at_least > wanted.at_most:
        at.error(where, f"no number passes the test of fact {name}", "at_least is not above at_most")
