"""A rule as the engine runs it: the file's words turned into values, with nothing left to look up.

A rule has one limb or several; each limb reads the timelines of its keys, picks sightings by named selectors and tests
one condition. Only parameters may differ by area and date (`Override`), never the meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.markings import Marking
from safety_stream.core.model.open_days import Ahead
from safety_stream.core.model.sightings import KeyKind
from safety_stream.core.model.times import Day, Duration, PeriodKind

Field = Literal[
    "kind",
    "subtype",
    "category",
    "family",
    "theme",
    "flag",
    "origin",
    "grade",
    "role",
    "organisation",
    "source",
    "child",
    "match",
]
"""What a selector may test. A list-valued field (theme, flag, role) passes when any of its values does.

`match` is `possible` of a report that only an unconfirmed match of persons puts there, else `certain`. No rule file
tests it: it follows from what the rule says of possible matches.
"""


class Test(msgspec.Struct, frozen=True, gc=False):
    """The field has one of `values`; text, with `true`/`false` for `child`. A missing field passes no test."""

    field: Field
    values: frozenset[str]


class FactTest(msgspec.Struct, frozen=True, gc=False):
    """The fact `name` has one of `values`, or is a number from `at_least` to `at_most`: whichever is not None.

    A missing fact passes no test, nor does a word pass one of a number.
    """

    name: str
    values: frozenset[str] | None = None
    at_least: int | None = None
    at_most: int | None = None


class Selector(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A step's test of one report: all of `tests`, none of `none_of`, reported within `reported_within` of it.

    The same of its facts: all of `facts`, none of `none_of_facts`. Where `finding` names rules, the step means no
    report but what those rules find on the same key.
    """

    tests: tuple[Test, ...] = ()
    none_of: tuple[Test, ...] = ()
    facts: tuple[FactTest, ...] = ()
    none_of_facts: tuple[FactTest, ...] = ()
    reported_within: Duration | None = None
    finding: frozenset[str] = frozenset()


class Count(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="count"):
    """At least `at_least` selected occurrences in the window ending at e, all alike in the fields `same`.

    And at most `at_most`, if that is not None. None counts that has an occurrence of the step `until` strictly between
    it and e. With `chain` 2 also what lies in the window that ends at the first of those counts, and so on.
    """

    of: str
    at_least: int
    within: Duration
    same: tuple[str, ...] = ()
    until: str | None = None
    at_most: int | None = None
    chain: int = 1


class Distinct(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="distinct"):
    """At least `at_least` different values of `field` in the window ending at e; values in `ignore` do not count.

    With `together` a value is what one report says in `field` and in each of these, none of them missing or ignored.
    Nor do those of an occurrence that has one of the step `until` strictly between it and e. The window holds at least
    `occurrences` with a value that counts, and as many different values of each field in `also`. `unconnected` takes
    values that one occurrence has together for one.
    """

    of: str
    field: str
    at_least: int
    occurrences: int = 1
    within: Duration
    same: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    until: str | None = None
    also: tuple[str, ...] = ()
    unconnected: bool = False
    together: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """The field whose values are counted, or the fields whose values are counted together."""
        return (self.field, *self.together)


class Sum(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="sum"):
    """`field` adds up to at least `at_least` in the window ending at e, over occurrences alike in the fields `same`.

    Of an occurrence told by several reports the largest value counts; one without a value is not in the window, nor is
    one that has an occurrence of the step `until` strictly between it and e.
    """

    of: str
    field: str
    at_least: int
    within: Duration
    same: tuple[str, ...] = ()
    until: str | None = None


class AllOf(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="all_of"):
    """Each of `steps` at least so many times in the window ending at e, in any order, by different occurrences.

    Of the steps so many are `needed`, those in `always` among them; None: all. None counts that has an occurrence of
    the step `until` strictly between it and e.
    """

    steps: Mapping[str, int]
    within: Duration
    needed: int | None = None
    always: tuple[str, ...] = ()
    until: str | None = None


class Ordered(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="ordered"):
    """`steps` in strict order of time, the last at e, first to last within the window; the latest such chain.

    The last step comes `runs` times; strictly between first and last is no sighting of any step in `none_of`.
    """

    steps: tuple[str, ...]
    within: Duration
    runs: int = 1
    none_of: tuple[str, ...] = ()


class Absent(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="absent"):
    """After e (a sighting of `after`) no sighting of `unless` strictly later and up to e + `within`.

    Or, where `before` is given, up to the beginning of that open day after e. Completes at the deadline, once `as_of`
    and every feed in `feeds` have passed it.
    """

    after: str
    unless: str
    within: Duration = Duration()
    feeds: tuple[str, ...]
    before: Ahead | None = None


class Calendar(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="calendar"):
    """At least `at_least` in a calendar period; completes at the period's end. `of` is None on an area's indicator.

    None counts that has an occurrence of the step `until` strictly between it and that end.
    """

    per: PeriodKind
    at_least: int
    of: str | None = None
    indicator: str | None = None
    until: str | None = None


class Near(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="near"):
    """At least `at_least` of `after` strictly before e (a sighting of `of`), in its window, at most `metres` away.

    `after` None: the same step. None counts that has, strictly between it and e, an occurrence of the step `until` that
    is at most `metres` away from e too. With `chain` 2 what is as near to, and as soon before, one of those counts
    too, and so on.
    """

    of: str
    metres: int
    within: Duration
    at_least: int = 1
    after: str | None = None
    until: str | None = None
    chain: int = 1


class Share(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="share"):
    """Of at least `at_least` of `of` in the window ending at e, at most `percent` are told by a report of `also` too.

    An occurrence without a place by which two reports could be of one is not in the window, nor is one that has an
    occurrence of the step `until` strictly between it and e.
    """

    of: str
    also: str
    at_least: int
    percent: int
    within: Duration
    until: str | None = None


class Signalled(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag="signal"):
    """A breach by an area's indicator of what its weeks let expect is red, or amber and more; None: any indicator."""

    reaches: Literal["amber", "red"]
    indicator: str | None = None


Condition = Count | Distinct | Sum | AllOf | Ordered | Absent | Calendar | Near | Share | Signalled


class Override(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Other parameters for some areas, for completing days in `[valid_from, valid_to)`.

    `enabled` False switches the limb off there.
    """

    areas: frozenset[str]
    limb: str | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None
    at_least: int | None = None
    within: Duration | None = None
    enabled: bool = True


class Besides(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What to tell besides, whenever a limb is met: how many occurrences of a step the window before it holds.

    Or, where `latest` names a fact, what such an occurrence strictly before it last said under that name. With
    `quietens` one such occurrence is enough to let what is found be as little urgent as can be.
    """

    of: str
    within: Duration
    latest: str | None = None
    quietens: bool = False


class Limb(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One way to meet a rule: keys, selectors by step name, a condition, and the words for it.

    `besides` are facts the words may use, by name; they decide nothing but, of those that quieten, how urgent it is.
    `names` says how values of facts are called in those words: areas by their names, not their codes.
    On key `linked` only what is at most `linked_within` identifiers away from one another counts together.
    """

    name: str
    keys: tuple[KeyKind, ...]
    steps: Mapping[str, Selector]
    condition: Condition
    explain: str
    names: Mapping[str, str] = {}
    besides: Mapping[str, Besides] = {}
    linked_within: int | None = None


class PriorityRule(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The base priority, what replaces it from a count on (ascending), and what makes the result more urgent.

    Any of the flags `raise_when` by one tier, however many there are; a child by another, if `child_raises`.
    """

    base: Priority
    by_count: tuple[tuple[int, Priority], ...] = ()
    raise_when: tuple[str, ...] = ()
    child_raises: bool = False


class Safeguards(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """So many organisations, and so many organisations or kinds, in the evidence that matches.

    Evidence of the grades `grades_alone` never triggers alone.
    """

    organisations: int = 1
    organisations_or_kinds: int = 1
    grades_alone: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A released rule. `action_time` and `suppress_for` are what its findings are handled by (rules.md 3.6, 3.7)."""

    id: str
    version: int
    title: str
    status: Literal["stable", "trial", "retired"]
    family: Family
    limbs: tuple[Limb, ...]
    overrides: tuple[Override, ...]
    priority: PriorityRule
    safeguards: Safeguards
    action_time: Duration
    suppress_for: Duration
    audiences: tuple[str, ...]
    marking: Marking = "OFFICIAL-SENSITIVE"
