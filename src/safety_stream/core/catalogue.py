"""The reviewed data that drives the stages, as values: sources, areas, categories, indicators, rules, audiences.

Files under `catalogue/` are read and checked by `safety_stream.catalogue`; here is only what they mean. Domain numbers
live in those files with their source, never in code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from safety_stream.core.alerts.handling import Policy
from safety_stream.core.judgements.settings import Settings
from safety_stream.core.judging import Judging
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.incidents import OUTSIDE, UNLOCATED, IdentityClass
from safety_stream.core.model.markings import Marking
from safety_stream.core.model.sharing import Sharing
from safety_stream.core.model.stretches import is_stretched
from safety_stream.core.model.times import DAY_LENGTH, Day, PeriodKind
from safety_stream.core.oversight import Oversight
from safety_stream.core.retention import Retention
from safety_stream.core.rules.rule import Rule, Selector


class Source(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A partner's feed: whose it is, which kinds it may send, what it may say of people.

    `usual_latency` is in milliseconds: the feed counts as complete up to its newest `reported_at` less this. From the
    day `covers_from` on it tells of everything; of what was before it may tell, too, and nobody knows of how much.
    `expected_within` is how many milliseconds after its last new report another should have come; see `silent_after`.
    """

    id: str
    organisation: str
    title: str
    kinds: tuple[str, ...]
    identity: IdentityClass
    usual_latency: int
    covers_from: Day
    expected_within: int | None = None

    @property
    def silent_after(self) -> int:
        """How long it may say nothing new; where that is not said, as long as it is usually late, a day at least."""
        return max(self.usual_latency, DAY_LENGTH) if self.expected_within is None else self.expected_within


class Category(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A normalised category of incident, the family that makes categories compatible, and the themes it belongs to."""

    id: str
    family: str
    themes: tuple[str, ...] = ()


class FactKind(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A name under which reports may say something, and what they may say: a whole number, or a word.

    The word is one of `values`, the number from `at_least` to `at_most`; None leaves it open. A number that is
    `part_of` another is stated with it, and is no more than it.
    """

    id: str
    type: Literal["number", "word"]
    title: str
    values: frozenset[str] | None = None
    at_least: int | None = None
    at_most: int | None = None
    part_of: str | None = None

    def is_within(self, number: int) -> bool:
        """Whether a number lies within the bounds."""
        return (self.at_least is None or self.at_least <= number) and (self.at_most is None or number <= self.at_most)


AreaKind = Literal["district", "division", "csp", "county", "reserved"]
"""What happens, happens in a district or in a reserved area; the other kinds group districts: police divisions,
community safety partnerships that several districts have together, and the county."""

GROUPINGS: frozenset[AreaKind] = frozenset({"division", "csp", "county"})


class Parent(msgspec.Struct, frozen=True, gc=False):
    """A grouping an area is in on days `[valid_from, valid_to)`; None means open."""

    code: str
    valid_from: Day | None = None
    valid_to: Day | None = None

    def is_valid_on(self, day: Day) -> bool:
        """Whether the area was in it on that day."""
        return _is_within(day, self.valid_from, self.valid_to)


class Area(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A district or a grouping of districts, valid on days `[valid_from, valid_to)`; None means open.

    `division` is the police division a district is in; None where nobody has said.
    """

    code: str
    name: str
    kind: AreaKind
    parents: tuple[Parent, ...] = ()
    valid_from: Day | None = None
    valid_to: Day | None = None
    division: str | None = None

    def is_valid_on(self, day: Day) -> bool:
        """Whether the area existed on that day."""
        return _is_within(day, self.valid_from, self.valid_to)


def _is_within(day: Day, first: Day | None, after: Day | None) -> bool:
    return (first is None or first <= day) and (after is None or day < after)


class Residents(msgspec.Struct, frozen=True, gc=False):
    """How many live in an area from a day on, until somebody counts again, and who counted."""

    valid_from: Day
    number: int
    source: str = ""


def _counted(residents: Residents) -> Day:
    return residents.valid_from


class Successor(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An area that takes the place of an old one, or of a part of it, from a day on.

    The part is some LSOAs, or so much of it in per cent; with neither it is the whole.
    """

    old: str
    new: str
    valid_from: Day
    percent: int | None = None
    lsoas: frozenset[str] | None = None


class Areas(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The county: its areas by code, the district of each LSOA, how many live where, and what takes the place of what.

    A district may be in several groupings at once, and these in others; what happens in it counts once in each. There
    is no area of everything: the areas nothing is above (the county, OUTSIDE and UNLOCATED) have each incident in
    exactly one of them, so their sum is the total. Wards are within a district, made of whole LSOAs (`ward_of` says of
    each in which it is), and are no areas that anything is in by itself: `wards` has their names.
    """

    county: str
    by_code: Mapping[str, Area]
    by_lsoa: Mapping[str, str]
    ward_of: Mapping[str, str] = {}
    wards: Mapping[str, str] = {}
    residents: Mapping[str, tuple[Residents, ...]] = {}
    successors: tuple[Successor, ...] = ()

    def district(self, code: str | None, lsoa: str | None, day: Day) -> str:
        """The district of a report: the stated code if it is ours, else its LSOA's, else OUTSIDE or UNLOCATED."""
        for candidate in (code, self.by_lsoa.get(lsoa) if lsoa else None):
            area = self.by_code.get(candidate) if candidate else None
            if area is not None and area.kind == "district" and area.is_valid_on(day):
                return area.code
        return OUTSIDE if code or lsoa else UNLOCATED

    def name_of(self, area: str) -> str:
        """An area's name, also that of a ward counted within a district; its code where it has none."""
        known = self.by_code.get(area)
        return self.wards.get(area.removeprefix("ward:"), area) if known is None else known.name

    def roll_ups(self, code: str, day: Day) -> tuple[str, ...]:
        """The area itself and every grouping above it on that day, each once, the area first."""
        found = [code]
        for at in found:
            area = self.by_code.get(at)
            for parent in area.parents if area else ():
                above = self.by_code.get(parent.code)
                if above and parent.code not in found and parent.is_valid_on(day) and above.is_valid_on(day):
                    found.append(parent.code)
        return tuple(found)

    def residents_on(self, code: str, day: Day) -> Residents | None:
        """How many lived in an area on a day, as last counted by then; None: unknown.

        A grouping has the sum of its districts, all as counted for one day, the last for which all of them were:
        numbers of different days do not add up to those of any. What was before the first count is unknown.
        """
        area = self.by_code.get(code)
        if area is None or area.kind not in GROUPINGS:
            return max(
                (one for one in self.residents.get(code, ()) if one.valid_from <= day), default=None, key=_counted
            )
        counts = [
            {one.valid_from: one for one in self.residents.get(district, ()) if one.valid_from <= day}
            for district in self._districts_of(code, day)
        ]
        common = set.intersection(*(set(one) for one in counts)) if counts else set()
        if not common:
            return None
        within = [one[max(common)] for one in counts]
        sources = dict.fromkeys(one.source for one in within)
        return Residents(max(common), sum(one.number for one in within), "; ".join(sources))

    def residents_now(self, code: str) -> Residents | None:
        """How many live in an area as counted last; None where nobody has counted."""
        newest = max((one.valid_from for counted in self.residents.values() for one in counted), default=0)
        return self.residents_on(code, newest)

    def _districts_of(self, code: str, day: Day) -> list[str]:
        return [
            one.code
            for one in self.by_code.values()
            if one.kind == "district" and one.is_valid_on(day) and code in self.roll_ups(one.code, day)
        ]


class Caveat(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What must be said beside an indicator, of some areas or (none named) of all, and who says so."""

    text: str
    areas: tuple[str, ...] = ()
    source: str


Drill = Literal["lsoa", "ward"]
"""What an indicator is counted by within a district. A report's ward is that of its LSOA."""

Adds = str
"""What a matching incident adds to its indicator: `one`; `weight`, the weight of its category; or the name of a fact,
the whole number it states in it, nothing if it states none."""

ONE, WEIGHT = "one", "weight"


class Indicator(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A count per area: of which incidents, resting on which feeds, in which periods.

    Or, with `rule`, of that rule's findings, each in the area and on the day it completed. `adds` is what each adds;
    `weights` are those of categories. `drill` says by which smaller areas it is counted besides, for inside alone.
    `tags` are what it measures of an agreement.
    """

    id: str
    title: str
    select: Selector
    feeds: tuple[str, ...]
    periods: tuple[PeriodKind, ...]
    adds: Adds = ONE
    weights: Mapping[str, int] = {}
    rule: str | None = None
    drill: tuple[Drill, ...] = ()
    tags: tuple[str, ...] = ()
    caveats: tuple[Caveat, ...] = ()

    @property
    def counts_incidents(self) -> bool:
        """Whether each count is one of incidents: a small number is a few people only then.

        One incident may weigh a thousand, and what rules find may count in an area it did not all happen in.
        """
        return self.adds == ONE and self.rule is None


class Share(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An indicator's part, in per cent, of another that holds it; said of none that is below `least_base`."""

    id: str
    title: str
    of: str
    among: str
    least_base: int
    tags: tuple[str, ...] = ()
    caveats: tuple[Caveat, ...] = ()


class Rate(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An indicator per so many of those who live in its area."""

    id: str
    title: str
    of: str
    per: Literal["residents"]
    times: int
    tags: tuple[str, ...] = ()
    caveats: tuple[Caveat, ...] = ()


AgreementPart = Literal["priority", "factor", "threat", "strategy", "evidence", "approach", "action"]


class Sentence(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A sentence of an agreement: what kind of part it is of it, and its own words.

    Indicators measure it by naming its id among their tags. `without` says why none need.
    """

    id: str
    part: AgreementPart
    words: str
    without: str | None = None


class Agreement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What partners have agreed to work for in some years, `[valid_from, valid_to)`: the sentences, in their order."""

    id: str
    title: str
    valid_from: Day
    valid_to: Day
    sentences: tuple[Sentence, ...]


Holder = Literal["police", "fire", "local-authority", "health"]
"""An authority that holds information it must disclose to the others."""


class Item(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Something an authority must disclose, in the words of who says so, and the indicators that answer it.

    `short` is what they leave open of it. `without` says why nothing answers it.
    """

    id: str
    holder: Holder
    words: str
    indicators: tuple[str, ...] = ()
    short: str | None = None
    without: str | None = None


class Extract(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What authorities must disclose to one another of each quarter, by the end of so many quarters after it.

    `form` is in what form it is answered at all. `sources` say, by holder, where the words of its items are from. Exact
    counts bear `marking`, and are for `readers` alone.
    """

    id: str
    title: str
    due_quarters_after: int
    form: str
    marking: Marking
    readers: tuple[Holder, ...]
    sources: Mapping[Holder, str]
    items: tuple[Item, ...]


Hears = Literal["always", "escalated"]
"""Whether an audience hears of every alert it may hear of, or of those alone that have gone up the ladder to it."""


AlertReader = Literal["analyst", "duty-officer", "supervisor"]
"""As what somebody reads alerts on the pages; who else signs in there reads none."""


class Audience(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Who may hear of which alerts. Of what is marked higher than `marked_at_most` they are told nothing.

    `fields` is all that some grant gives them of any alert, made of `Catalogue.sharing`: what they are told of one of
    them `core/policy.py` says. A `partner` works for another organisation, and is never shown exact numbers. `read_by`
    is as what somebody may read its alerts on the pages, and `stewards` whether those who do keep the data: they decide
    who is who.
    """

    id: str
    title: str
    families: tuple[Family, ...]
    priorities: tuple[Priority, ...]
    fields: tuple[str, ...] = ()
    hears: Hears = "always"
    marked_at_most: Marking = "OFFICIAL-SENSITIVE"
    partner: bool = False
    read_by: tuple[AlertReader, ...] = ()
    stewards: bool = False


class Profile(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A disclosure profile of indicator values.

    `areas` empty means all, and so does `indicators`; `suppress_below` is the smallest count shown as a number (0: all
    are), smaller ones but nought go out as None, and whatever would tell them; `round_to` rounds the others to the
    nearest multiple (1: exact). `shows` are the fields shown beside the value; all others are None. `readers` are the
    audiences that may see it, where it shows exact numbers.
    """

    id: str
    title: str
    areas: tuple[str, ...]
    indicators: tuple[str, ...] = ()
    periods: tuple[PeriodKind, ...]
    final_only: bool
    suppress_below: int
    round_to: int
    shows: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()

    @property
    def suppresses(self) -> bool:
        """Whether small counts are hidden, so that a whole table is looked at before any of it is shown."""
        return self.suppress_below > 0

    @property
    def hides(self) -> bool:
        """Whether it shows less than everything: then nothing within a district, whose counts are small, is shown."""
        return self.suppress_below > 0 or self.round_to > 1 or self.final_only

    def periods_of(self, indicator: Indicator) -> tuple[PeriodKind, ...]:
        """In which kinds of period it shows an indicator; in none where small counts are hidden and it has others."""
        if (self.indicators and indicator.id not in self.indicators) or (
            self.suppresses and not indicator.counts_incidents
        ):
            return ()
        return tuple(kind for kind in self.periods if kind in indicator.periods)


class Bounds(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How large things may grow: beyond `hub` live sightings a key's rules are suspended, `kept` are remembered.

    A cell is a square of `cell_metres` and a stretch of `cell_days`: nothing nearer than these is out of its reach.
    An LSOA is as long.
    """

    hub: int
    kept: int
    cell_metres: int
    cell_days: int

    def of_key(self, key: str) -> Bounds:
        """Those of one key. Much happens in a cell of a town centre, and it is a place all the same, up to `kept`."""
        return msgspec.structs.replace(self, hub=self.kept) if is_stretched(key) else self


class Linked(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Which reports lead from one to another, and where that ends.

    Two reports chosen by `select` are linked by an entity both name when they began at most `age` milliseconds apart.
    One that more than `degree_cap` of them name, or that is in `blocklist`, links nothing; and more than
    `reports_at_most` are no group. `within` are the entities on the way from evidence to evidence, where a rule does
    not say.
    """

    select: Selector
    age: int
    degree_cap: int
    blocklist: frozenset[str]
    reports_at_most: int
    within: int


NOTHING_LINKED = Linked(select=Selector(), age=0, degree_cap=0, blocklist=frozenset(), reports_at_most=0, within=1)
"""What holds where a catalogue says nothing of it: nothing leads anywhere."""


class PersonBounds(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How far stewards' decisions about persons reach.

    Tokens linked to more than `merged_at_most` together, or persons possibly the same as more than `possible_at_most`
    others, are left as if nobody had decided: nobody goes by so many, so something is wrong with the decisions.
    """

    merged_at_most: int
    possible_at_most: int


class Catalogue(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Everything the steps need to know, fixed for a run."""

    version: str
    sources: Mapping[str, Source]
    areas: Areas
    categories: Mapping[str, Category]
    kind_themes: Mapping[str, tuple[str, ...]]
    flag_themes: Mapping[str, tuple[str, ...]]
    indicators: tuple[Indicator, ...]
    rules: tuple[Rule, ...]
    audiences: tuple[Audience, ...]
    profiles: tuple[Profile, ...]
    bounds: Bounds
    persons: PersonBounds
    facts: Mapping[str, FactKind] = {}
    linked: Linked = NOTHING_LINKED
    judging: Judging = Judging()
    signals: Settings | None = None
    shares: tuple[Share, ...] = ()
    rates: tuple[Rate, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    extracts: tuple[Extract, ...] = ()
    handling: Policy = Policy()
    sharing: Sharing = Sharing()
    oversight: Oversight = Oversight()
    retention: Retention = Retention()
    purposes: Mapping[str, tuple[str, ...]] = {}
    """By rule what its alerts may be told for, as its file says under `lawful`; what is not here is told to nobody."""
