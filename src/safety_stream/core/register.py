"""From a version of an incident to what it puts on timelines and into series: signed differences.

Theory of operation
-------------------
An incident is what a source's reference names. Its partner may send any number of versions, in any order, some twice.
The register remembers, per incident, which version it went by last and what that version put where (its *claim*). When
a version of higher rank arrives the old claim is taken back and the new one made; what both hold alike stays untouched.
A withdrawn, erased or restricted version claims nothing, and is remembered, so that an earlier version arriving later
finds itself outranked. So the claims standing at the end are those of the highest version, whatever came when.

What rules seek near to one another is put on *cells*: a square of the map, and a stretch of time, so that the timeline
of a town centre does not grow for ever (`stretches.py`). A report goes into the square it lies in and the eight around
it, in its own stretch and in the next: whatever is no further away than a square is wide, and no longer ago than a
stretch is long, stands on the timeline of the cell a report lies in. That is eighteen timelines, so only reports that
may concern a rule on cells are put there. An LSOA has stretches too, and no neighbours; it is the one a partner states,
however coarse the rest of the place may be.

Nor does every report lead to others. One that does has a key of its own, `linked:` and its incident id, and names with
it whom and what it is about; which group it is in is the business of the stage `link`.

Else whom and what a report names is told only of reports on which a finding may rest that some rule reads on other keys
(`rules/carrying.py`): others it would only make larger.

Persons may go by several tokens (`persons.py`). A claim is made of the version as told of persons, each by the token
that person goes by, and remembers which tokens it took for others; the version it keeps is the partner's own, so that a
split can be made of it. A report about a person who may be another one is put under that one's keys besides, marked as
possible, unless it names both.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import product
from operator import attrgetter
from typing import Final, get_args

import msgspec
from msgspec.structs import replace

from safety_stream.core.catalogue import ONE, WEIGHT, Catalogue, Indicator
from safety_stream.core.linking import entities_of, linked_key
from safety_stream.core.model.facts import number_of, value_of
from safety_stream.core.model.incidents import IncidentVersion, Role
from safety_stream.core.model.sightings import KeyKind, Sighting, key_kind
from safety_stream.core.model.stretches import HERE, NEARBY, STRETCHED, STRETCHES
from safety_stream.core.model.tallies import lsoa_area, ward_area
from safety_stream.core.model.times import DAY_LENGTH, Day, Instant, day_of, period_of
from safety_stream.core.persons import STRANGERS, Who, told_of_persons
from safety_stream.core.rules.chains import carried_to, with_all_beneath
from safety_stream.core.rules.rule import Field, Rule, Selector, Test
from safety_stream.core.rules.selectors import Readable, Remembered, Selection, compiled

_THINGS: Final[tuple[KeyKind, ...]] = ("place", "household", "vehicle", "phone", "group")
_OUT = frozenset({"withdraw", "erase", "restrict"})
_RANK = {"new": 0, "correct": 1, "dispute": 2, "restrict": 3, "withdraw": 4, "erase": 4}

ROLES_UNDER: Final[Mapping[KeyKind, frozenset[str]]] = {
    # Whoever is a victim in one report may be a suspect in the same.
    **dict.fromkeys(("person", "victim", "suspect"), frozenset[str](get_args(Role))),
    "victim-perpetrator": frozenset({"victim"}),
    **{kind: frozenset[str]({kind}) for kind in _THINGS},
    **dict.fromkeys(STRETCHED, frozenset({HERE, NEARBY})),
    "linked": frozenset(),
}
"""By kind of key the roles in which whose key it is may stand in a report; an area has no timeline of reports."""

_COMPLAINT_KINDS = frozenset({"asb-case", "hate-report", "housing-concern"})
_COMPLAINANT_ROLES = frozenset({"victim", "reporter", "subject"})
_VICTIM_ROLES = frozenset({"victim"})
_PAIRED_ROLES = frozenset({"victim", "subject"})
_SUSPECT_ROLES = frozenset({"suspect", "perpetrator"})
_CHILD_ROLES = frozenset({"victim", "subject", "missing"})
_ENCODER = msgspec.msgpack.Encoder()
_DIGESTED = msgspec.msgpack.Encoder(order="deterministic")
_AROUND = tuple(product((-1, 0, 1), repeat=2))
"""The square something lies in and the eight around it."""


class Series(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One cell of one series a version counts in: `count` more of `indicator` in `area` on `event_day`."""

    area: str
    indicator: str
    event_day: Day
    by_month: bool
    count: int


class Keyed(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A key an incident is seen under, the roles its entity has in it, and whom it is about (of a thing: nobody).

    `possible`: only an unconfirmed match of persons puts it there; those it is about are then those it names.
    """

    key: str
    roles: tuple[str, ...]
    persons: tuple[str, ...] = ()
    possible: bool = False


class Claim(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What the last-ranking version of an incident put where: its sightings on `keys`, its counts in `series`.

    `linking` is what its sightings say of whom and what it names. They themselves are not kept: they follow from the
    version, the key, and `same`: for which tokens of the version another stands, and which, sorted.
    """

    version: IncidentVersion
    keys: tuple[Keyed, ...]
    series: tuple[Series, ...]
    linking: tuple[str, ...] = ()
    same: tuple[tuple[str, str], ...] = ()


class Scope:
    """What of an incident is kept: the kinds of key live rules read, and the indicators and areas it counts in.

    `digest` stands for all that a claim depends on beside the version: scopes of the same digest claim the same.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        """Work out once what every claim asks."""
        live = [rule for rule in catalogue.rules if rule.status != "retired"]
        self.key_kinds = frozenset(kind for rule in live for limb in rule.limbs for kind in limb.keys)
        self.areas: Callable[[str, Day], tuple[str, ...]] = lru_cache(_AREA_DAYS)(catalogue.areas.roll_ups)
        """The areas an incident in an area counts in on a day."""
        self._ward_of = catalogue.areas.ward_of
        own = [indicator for indicator in catalogue.indicators if indicator.rule is None]
        chosen = [(indicator, compiled(indicator.select)) for indicator in own]

        def counted(report: Readable) -> tuple[tuple[Indicator, Selection], ...]:
            return tuple((one, select) for one, select in chosen if (select.but_for_lateness or select.passes)(report))

        self._counted = Remembered([one.select for one in own], IncidentVersion, counted)
        self._metres = catalogue.bounds.cell_metres
        self._stretch = catalogue.bounds.cell_days * DAY_LENGTH
        sought = {kind: _sought(live, kind) for kind in sorted(STRETCHED)}
        self._is_sought: Mapping[KeyKind, Remembered[bool]] = {
            kind: _may_concern(steps) for kind, steps in sought.items()
        }
        self.linked = catalogue.linked
        self._is_linking = Remembered([self.linked.select], IncidentVersion, compiled(self.linked.select).passes)
        self.carried_to = carried_to(live)
        """Of each rule whose findings are read on other keys, the kinds of these."""
        followed = [
            _of_anybody(step)
            for rule in live
            if rule.id in self.carried_to
            for beneath in with_all_beneath(rule, live)
            for limb in beneath.limbs
            for step in limb.steps.values()
            if not step.finding
        ]
        self._is_followed = _may_concern(followed)
        said = (
            self.key_kinds,
            catalogue.areas.by_code,
            [(one.id, one.select, one.adds, sorted(one.weights.items()), one.drill) for one in own],
            (self._metres, self._stretch, sought),
            self.linked.select if "linked" in self.key_kinds else None,
            *([followed] if followed else ()),
            *([self._ward_of] if any("ward" in one.drill for one in own) else ()),
            # How far decisions reach; and claims older than this have no index by person.
            ("by person", catalogue.persons),
        )
        self.digest = sha256(_DIGESTED.encode(said)).digest()
        self._of_roles: dict[tuple[tuple[Role, ...], bool], tuple[tuple[str, tuple[str, ...]], ...]] = {}

    def within(self, lsoa: str, indicator: Indicator) -> Iterator[str]:
        """The areas within its district that something in an LSOA counts in."""
        if "lsoa" in indicator.drill:
            yield lsoa_area(lsoa)
        if "ward" in indicator.drill and lsoa in self._ward_of:
            yield ward_area(self._ward_of[lsoa])

    def indicators(self, version: IncidentVersion) -> list[Indicator]:
        """The indicators an incident counts in."""
        # How soon it was reported is no trait that could be remembered.
        counted = self._counted.of(version)
        return [one for one, select in counted if select.but_for_lateness is None or select.passes(version)]

    def is_sought(self, kind: KeyKind, version: IncidentVersion) -> bool:
        """Whether a rule on such keys may count this incident, or would but for its origin or lateness."""
        return self._is_sought[kind].of(version)

    def is_followed(self, version: IncidentVersion) -> bool:
        """Whether a finding may rest on this incident that some rule reads on the keys of what the incident names."""
        return self._is_followed.of(version)

    def is_linking(self, version: IncidentVersion) -> bool:
        """Whether a rule follows what this incident's report names to other reports."""
        return "linked" in self.key_kinds and self._is_linking.of(version)

    def cells(self, easting: int, northing: int, at: Instant) -> Iterator[tuple[str, str]]:
        """The key of each cell something at a point and time is seen under, and its role there."""
        own = (easting // self._metres, northing // self._metres, at // self._stretch)
        for (east, north), later in product(_AROUND, STRETCHES):
            role = NEARBY if east or north or later else HERE
            yield f"cell:{own[0] + east}.{own[1] + north}.{own[2] + later}", role

    def lsoas(self, code: str, at: Instant) -> Iterator[tuple[str, str]]:
        """The keys something in an LSOA at a time is seen under, and its role there."""
        for later in STRETCHES:
            yield f"lsoa:{code}.{at // self._stretch + later}", NEARBY if later else HERE

    def keys_of_roles(self, own: tuple[Role, ...], *, is_complaint: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The kinds of key some rule reads that a person in these roles has, each with the roles it is seen in."""
        found = self._of_roles.get((own, is_complaint))
        if found is None:
            held = frozenset(own)
            kinds: dict[str, tuple[str, ...]] = {"person": own}
            if held & _harmed_roles(is_complaint=is_complaint):
                kinds["victim"] = tuple(sorted(held | _VICTIM_ROLES))
            if held & _SUSPECT_ROLES:
                kinds["suspect"] = own
            found = tuple((kind, roles) for kind, roles in kinds.items() if kind in self.key_kinds)
            self._of_roles[own, is_complaint] = found
        return found


_AREA_DAYS = 16_384
"""How many are remembered: forty years of a county."""


def claim_of(version: IncidentVersion, scope: Scope, who: Who = STRANGERS) -> Claim:
    """What this version puts on timelines and into series, by what is known of the persons it names."""
    if is_out(version):
        return Claim(version, (), ())
    told = told_of_persons(version, who.same)
    return Claim(
        version,
        _keys_of(told, scope, who.possible),
        tuple(_series_of(version, scope)),
        entities_of(told) if scope.is_followed(version) else (),
        tuple(sorted(who.same.items())),
    )


def is_out(version: IncidentVersion) -> bool:
    """Whether a version takes its incident back: it claims nothing."""
    return version.action in _OUT


def outranks(new: IncidentVersion, old: IncidentVersion) -> bool:
    """Whether `new` takes the place of `old`: by source version, then action, then content (any fixed order will do).

    An erasure outranks every version, whatever its number: what is erased does not come back. When a version was
    received is no part of what was said: the same message twice outranks nothing.
    """
    ranks = [(v.action == "erase", v.source_version, _RANK[v.action]) for v in (new, old)]
    if ranks[0] != ranks[1]:
        return ranks[0] > ranks[1]
    return _content(new) > _content(old)


def highest_of(versions: Iterable[IncidentVersion]) -> dict[str, IncidentVersion]:
    """Of each incident, by its id, the version among these that outranks all others, whatever order they come in."""
    highest: dict[str, IncidentVersion] = {}
    for version in versions:
        known = highest.get(version.incident_id)
        if known is None or outranks(version, known):
            highest[version.incident_id] = version
    return highest


def differences(old: Claim | None, new: Claim) -> list[tuple[str, Sighting | None, Sighting | None]]:
    """Per key what leaves and what joins when the new claim takes the old one's place; what both say alike stays."""
    claimed = sightings_of(new)
    if old is None:
        return [(key, None, sighting) for key, sighting in claimed.items()]
    standing = sightings_of(old)
    return [
        (key, standing.get(key), claimed.get(key))
        for key in sorted(standing.keys() | claimed.keys())
        if not _same_said(standing.get(key), claimed.get(key))
    ]


def sightings_of(claim: Claim) -> dict[str, Sighting]:
    """The sighting of each claimed key, in order of key."""
    if not claim.keys:
        return {}
    version = told_of_persons(claim.version, dict(claim.same)) if claim.same else claim.version
    persons: set[str] = set()
    complainants: set[str] = set()
    victims: set[str] = set()
    minors: set[str] = set()
    children: set[str] = set()
    is_of_child = False
    for party in version.parties:
        happened_to_child = party.child and party.role in _CHILD_ROLES
        is_of_child = is_of_child or happened_to_child
        if party.token is not None:
            persons.add(party.token)
            if party.role in _COMPLAINANT_ROLES:
                complainants.add(party.token)
            if party.role in _PAIRED_ROLES:
                victims.add(party.token)
            if party.child:
                minors.add(party.token)
            if happened_to_child:
                children.add(party.token)
    harmed, young = tuple(sorted(victims)), tuple(sorted(children))
    # Written once, for the many fields that all keys share; a copy with other roles costs a fraction of that.
    alike = Sighting(
        incident_id=version.incident_id,
        source=version.source,
        organisation=version.organisation,
        kind=version.kind,
        subtype=version.subtype,
        category=version.category,
        family=version.family,
        themes=version.themes,
        flags=version.flags,
        origin=version.origin,
        grade=version.grade,
        occurred_from=version.occurred_from,
        occurred_to=version.occurred_to,
        reported_at=version.reported_at,
        received_at=version.received_at,
        area=version.area,
        place=version.place,
        roles=(),
        persons=tuple(sorted(persons)),
        complainants=tuple(sorted(complainants)),
        child=is_of_child,
        disputed=version.action == "dispute",
        facts=version.facts,
        marking=version.marking,
    )
    return {
        keyed.key: replace(
            alike,
            roles=keyed.roles,
            child=is_of_child or (bool(minors) and not minors.isdisjoint(keyed.persons)),
            linking=entities_of(version) if key_kind(keyed.key) == "linked" else claim.linking,
            possible=keyed.possible,
            # Somebody who may be whose key it is would be counted as another.
            victims=tuple(one for one in harmed if one not in keyed.persons) if keyed.possible else harmed,
            children=tuple(one for one in young if one not in keyed.persons) if keyed.possible else young,
        )
        for keyed in claim.keys
    }


def _content(version: IncidentVersion) -> bytes:
    return _ENCODER.encode(replace(version, received_at=0))


def _same_said(one: Sighting | None, other: Sighting | None) -> bool:
    if one is None or other is None:
        return False
    return one == replace(other, received_at=one.received_at)


def _keys_of(version: IncidentVersion, scope: Scope, possible: Mapping[str, tuple[str, ...]]) -> tuple[Keyed, ...]:
    """The keys some rule reads, in order. A missing value never makes one."""
    keys = [*_person_keys(version, scope, possible), *_thing_keys(version, scope.key_kinds)]
    keys.extend(_stretched_keys(version, scope))
    if scope.is_linking(version) and entities_of(version):
        keys.append(Keyed(linked_key(version.incident_id), ()))
    keys.sort(key=_by_key)
    return tuple(keys)


_by_key = attrgetter("key")


def _person_keys(version: IncidentVersion, scope: Scope, possible: Mapping[str, tuple[str, ...]]) -> Iterator[Keyed]:
    roles: dict[str, tuple[Role, ...]] = {}
    for party in version.parties:
        if party.token is not None:
            # Parties are sorted by role, so these are too; one role is by far the commonest.
            held = roles.get(party.token, ())
            roles[party.token] = held if party.role in held else (*held, party.role)
    is_complaint = version.kind in _COMPLAINT_KINDS
    for token, own in roles.items():
        for kind, seen_as in scope.keys_of_roles(own, is_complaint=is_complaint):
            yield Keyed(f"{kind}:{token}", seen_as, (token,))
    pairs = _pairs_of(roles) if len(roles) > 1 and "victim-perpetrator" in scope.key_kinds else []
    for token, other in pairs:
        yield Keyed(f"victim-perpetrator:{token}|{other}", ("victim",), (token, other))
    if possible:
        yield from _keys_of_others(roles, scope, possible, is_complaint=is_complaint)
        yield from _keys_of_other_pairs(pairs, roles, possible)


def _pairs_of(roles: Mapping[str, tuple[Role, ...]]) -> list[tuple[str, str]]:
    """Whom it happened to, and somebody else who did it."""
    accused = [token for token, own in roles.items() if not _SUSPECT_ROLES.isdisjoint(own)]
    if not accused:
        return []
    harmed = [token for token, own in roles.items() if not _PAIRED_ROLES.isdisjoint(own)]
    return [(token, other) for token in harmed for other in accused if other != token]


def _keys_of_others(
    roles: Mapping[str, tuple[Role, ...]],
    scope: Scope,
    possible: Mapping[str, tuple[str, ...]],
    *,
    is_complaint: bool,
) -> Iterator[Keyed]:
    """The keys of those who may be somebody it names, and are not named themselves."""
    meant: dict[str, list[str]] = {}
    for token in roles:
        for other in possible.get(token, ()):
            if other not in roles:
                meant.setdefault(other, []).append(token)
    for other, named in meant.items():
        held: tuple[Role, ...] = tuple(sorted({role for token in named for role in roles[token]}))
        for kind, seen_as in scope.keys_of_roles(held, is_complaint=is_complaint):
            yield Keyed(f"{kind}:{other}", seen_as, tuple(sorted(named)), possible=True)


def _keys_of_other_pairs(
    pairs: Iterable[tuple[str, str]], named: Container[str], possible: Mapping[str, tuple[str, ...]]
) -> Iterator[Keyed]:
    """The keys of the pairs that a pair it names may be, either of them or both being somebody else."""
    meant: dict[str, set[str]] = {}
    for pair in pairs:
        victims, others = ((token, *(one for one in possible.get(token, ()) if one not in named)) for token in pair)
        for one, other in product(victims, others):
            if one != other and (one, other) != pair:
                meant.setdefault(f"victim-perpetrator:{one}|{other}", set()).update(pair)
    for key, persons in meant.items():
        yield Keyed(key, ("victim",), tuple(sorted(persons)), possible=True)


def _thing_keys(version: IncidentVersion, kinds: frozenset[str]) -> Iterator[Keyed]:
    if version.place.uprn is not None and version.place.exact:
        if "place" in kinds:
            yield Keyed(f"place:{version.place.uprn}", ("place",))
        if "household" in kinds:
            yield from _household_keys(version, version.place.uprn)
    if "vehicle" in kinds:
        for token in version.vehicles:
            yield Keyed(f"vehicle:{token}", ("vehicle",))
    if "phone" in kinds:
        for token in version.phones:
            yield Keyed(f"phone:{token}", ("phone",))
    if version.group is not None and "group" in kinds:
        yield Keyed(f"group:{version.group}", ("group",))


def _household_keys(version: IncidentVersion, uprn: str) -> Iterator[Keyed]:
    """An address is a household's where somebody is named to whom it happened, if only as somebody unknown."""
    roles = _harmed_roles(is_complaint=version.kind in _COMPLAINT_KINDS)
    harmed = [party.token for party in version.parties if party.role in roles]
    if harmed:
        tokens = {token for token in harmed if token is not None}
        yield Keyed(f"household:{uprn}", ("household",), tuple(sorted(tokens)))


def _stretched_keys(version: IncidentVersion, scope: Scope) -> Iterator[Keyed]:
    place, at = version.place, version.occurred_from
    if place.exact and place.easting is not None and place.northing is not None and scope.is_sought("cell", version):
        for key, role in scope.cells(place.easting, place.northing, at):
            yield Keyed(key, (role,))
    if place.lsoa is not None and scope.is_sought("lsoa", version):
        for key, role in scope.lsoas(place.lsoa, at):
            yield Keyed(key, (role,))


def _harmed_roles(*, is_complaint: bool) -> frozenset[str]:
    """The roles of those to whom it happened: who complains of a neighbour is the one who is harmed."""
    return _COMPLAINANT_ROLES if is_complaint else _VICTIM_ROLES


def _sought(rules: list[Rule], kind: KeyKind) -> list[Selector]:
    """What the steps of rules on such keys ask for."""
    limbs = [limb for rule in rules for limb in rule.limbs if kind in limb.keys]
    return [_in_any_role(step) for limb in limbs for step in limb.steps.values()]


def _in_any_role(selector: Selector) -> Selector:
    """The selector without its tests of roles: a cell has others than a person, and they are not made yet."""
    return replace(selector, tests=_but(selector.tests, "role"), none_of=_but(selector.none_of, "role"))


def _of_anybody(selector: Selector) -> Selector:
    """The selector without its tests of the key's own entity: which key it will be seen under is another question."""
    return replace(
        selector, tests=_but(selector.tests, "role", "child"), none_of=_but(selector.none_of, "role", "child")
    )


def _but(tests: tuple[Test, ...], *fields: Field) -> tuple[Test, ...]:
    return tuple(test for test in tests if test.field not in fields)


def _may_concern(selectors: Sequence[Selector]) -> Remembered[bool]:
    """Whether an incident passes one of these, or would but for its origin or lateness."""
    concerned = [compiled(one).concerns for one in selectors]
    return Remembered(selectors, IncidentVersion, lambda report: any(concerns(report) for concerns in concerned))


def _series_of(version: IncidentVersion, scope: Scope) -> Iterator[Series]:
    counted = scope.indicators(version)
    if counted:
        day = day_of(version.occurred_from)
        by_month = version.precision == "month"
        event_day = period_of(day, "month").starts if by_month else day
        areas, lsoa = scope.areas(version.area, day), version.place.lsoa
        for indicator in counted:
            count = added_by(version, indicator)
            if count:
                for area in areas:
                    yield Series(area, indicator.id, event_day, by_month, count)
                for area in scope.within(lsoa, indicator) if lsoa else ():
                    yield Series(area, indicator.id, event_day, by_month, count)


def added_by(version: IncidentVersion, indicator: Indicator) -> int:
    """What an incident adds to an indicator it counts in: of a count of incidents, as much for each.

    A fact is stated of all of them together.
    """
    if indicator.adds == ONE:
        return version.count
    if indicator.adds == WEIGHT:
        return indicator.weights.get(version.category, 0) * version.count
    return number_of(value_of(version.facts, indicator.adds)) or 0
