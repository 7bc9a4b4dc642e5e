"""Who may be told what of an alert, when, and under which agreement. Nothing is told that no grant covers.

Theory of operation
-------------------
Partners sign *agreements*; under an agreement the policy *grants* a subscriber fields, for one purpose, on one legal
basis (`model/sharing.py`). Of one alert at one time a grant either covers it or does not:

    grant ──covers the alert?──▶ a purpose of its rule · areas · handling codes · nobody's own matter ·
      │                          nothing about persons where none may be
      └────in force then?──────▶ its agreement, by the day in London at which the alert is published

What a subscriber is told is the union of the fields of the grants that do both. So a projection is derived and written
down nowhere: take the grant away, and the field is gone. Where there is none, the answer says which of two it was:

- *barred*: no grant covers the alert, whatever the day. A new agreement or another alert is needed.
- *lapsed*: some would, and their agreements are not in force. That may change: what is held back waits
  (`stages/publish_alerts.py`).

A rule says for which purposes it is run (`lawful`), a grant for which one it is given. An alert is told for a purpose
of its rule or not at all: of a rule nobody has said a purpose of, nothing leaves.

An alert is told to a subscriber who is granted some areas only if everything it rests on lies in them: the evidence
from elsewhere would be told with it. Of reports under code C the condition travels in the marking of what is made of
them (`model/markings.py`), so that it cannot be lost on the way.

The day is that of the record which brings the news, never a clock's: a replay decides as was decided then.

What is not known here: which persons read a feed. An audience is a team, and `members` says, by the same keyed tokens
as reports, who belongs to it; an alert tells whom it is about, not everybody its evidence names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from safety_stream.core.catalogue import Areas
from safety_stream.core.model.alerts import Alert
from safety_stream.core.model.markings import conditions_of
from safety_stream.core.model.sharing import Grant, Sharing, SharingAgreement, WaitsBecause
from safety_stream.core.model.sightings import key_kind, persons_of
from safety_stream.core.model.times import Day, Instant, day_of

OF_NOBODY = frozenset({"area", "lsoa", "cell"})
"""Kinds of key that many people share: an alert about one is about nobody. A property, a vehicle or a phone leads to
somebody."""


class Verdict(msgspec.Struct, frozen=True):
    """What one subscriber may be told of one alert: the fields, and by which grants, for which purposes.

    With no field, `why` says why not; `lapsed` are the agreements that would have to be in force, and `awaited` the
    fields they would give. Both are empty where no agreement would help.
    """

    fields: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    why: str = ""
    lapsed: tuple[str, ...] = ()
    awaited: tuple[str, ...] = ()

    @property
    def bars(self) -> bool:
        """Whether nothing is told, and no agreement would help."""
        return not self.fields and not self.lapsed

    @property
    def granted(self) -> tuple[str, ...]:
        """The fields that are told, or would be."""
        return self.fields or self.awaited


class Policy:
    """A policy over the areas of a county."""

    def __init__(self, sharing: Sharing, areas: Areas, purposes: Mapping[str, Collection[str]]) -> None:
        """Answer by these grants; `purposes` are, by rule, what it may be told of for."""
        self._sharing = sharing
        self._areas = areas
        self._purposes = purposes
        self._of: dict[str, list[Grant]] = {}
        for grant in sharing.grants:
            self._of.setdefault(grant.subscriber, []).append(grant)

    def of_alert(self, subscriber: str, alert: Alert, at: Instant) -> Verdict:
        """What a subscriber may be told of an alert that is published at that time."""
        if not self._sharing.members.get(subscriber, frozenset()).isdisjoint(parties_of(alert)):
            return Verdict(why=f"a member of {subscriber} is a party to it")
        day = day_of(at)
        grants = self._of.get(subscriber, [])
        refusals = [self._refusal(grant, alert, day) for grant in grants]
        covering = [grant for grant, refusal in zip(grants, refusals, strict=True) if not refusal]
        if not covering:
            return Verdict(why=next(iter(refusals), f"nothing is granted to {subscriber}"))
        live = [grant for grant in covering if grant.agreement.is_in_force(day)]
        if live:
            return Verdict(
                fields=fields_of(live),
                grants=tuple(grant.id for grant in live),
                purposes=tuple(sorted({grant.purpose for grant in live})),
            )
        lapsed = tuple(sorted({grant.agreement.id for grant in covering}))
        return Verdict(why=f"not in force: {', '.join(lapsed)}", lapsed=lapsed, awaited=fields_of(covering))

    def in_force(self, subscriber: str, at: Instant) -> tuple[str, ...]:
        """The grants of a subscriber whose agreements are in force."""
        day = day_of(at)
        return tuple(grant.id for grant in self._of.get(subscriber, []) if grant.agreement.is_in_force(day))

    def why_waits(self, subscriber: str, at: Instant) -> WaitsBecause:
        """Why something waits for an agreement of a subscriber: one has ended, else they have yet to begin."""
        day = day_of(at)
        ends = (grant.agreement.valid_to for grant in self._of.get(subscriber, []))
        return "ended" if any(end <= day for end in ends) else "not-begun"

    def _refusal(self, grant: Grant, alert: Alert, day: Day) -> str:
        """Why a grant does not cover an alert; "" if it does."""
        if grant.purpose not in self._purposes.get(alert.rule_id, ()):
            return f"rule {alert.rule_id} is not run for {grant.purpose}"
        if not grant.of_persons and key_kind(alert.subject) not in OF_NOBODY:
            return f"{grant.basis} tells of nothing that leads to a person"
        for code in sorted({alert.area, *alert.areas}) if grant.areas else ():
            if set(grant.areas).isdisjoint(self._areas.roll_ups(code, day)):
                return f"{code} is not among the areas of grant {grant.id}"
        for originator in conditions_of(alert.marking):
            listed = self._sharing.conditional_to.get(originator, frozenset())
            if grant.handling != "C" or grant.subscriber not in listed:
                return f"handling code C: {originator} has not let {grant.subscriber} hear of it"
        return ""


def parties_of(alert: Alert) -> frozenset[str]:
    """The tokens of the persons an alert says it is about."""
    keys = {alert.subject, *(finding.key for finding in alert.findings)}
    return frozenset(token for key in keys for token in persons_of(key))


def fields_of(grants: Iterable[Grant]) -> tuple[str, ...]:
    """The fields some of these grants give, each once, in the order in which they are stated."""
    return tuple(dict.fromkeys(field for grant in grants for field in grant.fields))


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """What one grant says of one field: that it gives it from when to when, or why it does not."""

    grant: Grant
    gives: bool
    why: str


def explain(sharing: Sharing, subscriber: str, field: str, day: Day) -> Iterator[Reason]:
    """What each grant of a subscriber says of a field on a day."""
    for grant in sharing.grants:
        if grant.subscriber != subscriber:
            continue
        agreement = grant.agreement
        if field not in grant.fields:
            yield Reason(grant=grant, gives=False, why="does not name it")
        elif not agreement.is_in_force(day):
            when = "has ended" if agreement.valid_to <= day else "has not begun"
            yield Reason(grant=grant, gives=False, why=f"agreement {agreement.id} {when}")
        else:
            yield Reason(grant=grant, gives=True, why=f"{grant.purpose}, on the basis {grant.basis}")


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement that ends, and with it what is told under it: no other takes its place.

    `silenced` are the subscribers that hear nothing at all from then on, `narrowed` those that hear less. `days_left`
    is how many days it is in force from the day asked about; nought or less: it has ended.
    """

    agreement: SharingAgreement
    days_left: int
    silenced: tuple[str, ...]
    narrowed: tuple[str, ...]


def endings(sharing: Sharing, day: Day, within: int) -> list[Ending]:
    """The agreements that have ended on a day, or do so within so many days, and whom that leaves without; by when.

    Whoever is told no less by other grants, on the day it ends or, where it has ended, on the day asked about, is left
    out; and so is an agreement by which nobody would miss anything.
    """
    found = []
    for agreement in sharing.agreements:
        if agreement.valid_to - day > within:
            continue
        left = _left_without(sharing, agreement, max(agreement.valid_to, day))
        if left:
            found.append(
                Ending(
                    agreement=agreement,
                    days_left=agreement.valid_to - day,
                    silenced=tuple(name for name, is_silenced in left.items() if is_silenced),
                    narrowed=tuple(name for name, is_silenced in left.items() if not is_silenced),
                )
            )
    return sorted(found, key=lambda one: (one.agreement.valid_to, one.agreement.id))


def _left_without(sharing: Sharing, agreement: SharingAgreement, day: Day) -> dict[str, bool]:
    """Who is told less on that day without the agreement; True where it is nothing at all."""
    left = {}
    for subscriber in sorted({grant.subscriber for grant in sharing.grants if grant.agreement.id == agreement.id}):
        theirs = [grant for grant in sharing.grants if grant.subscriber == subscriber]
        live = [grant for grant in theirs if grant.agreement.is_in_force(day)]
        lost = [grant for grant in theirs if grant.agreement.id == agreement.id]
        if any(not any(_gives_as_much(other, grant) for other in live) for grant in lost):
            left[subscriber] = not live
    return left


def _gives_as_much(other: Grant, grant: Grant) -> bool:
    """Whether another grant gives all that this one does."""
    is_everywhere = not other.areas
    return (
        set(grant.fields) <= set(other.fields)
        and (is_everywhere or (bool(grant.areas) and set(grant.areas) <= set(other.areas)))
        and (other.handling == "C" or grant.handling != "C")
        and (other.of_persons or not grant.of_persons)
        and other.purpose == grant.purpose
    )


class Difference(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A line of one policy that another has otherwise: `old` and `new` in words, "" where there is none."""

    what: str
    old: str
    new: str

    @property
    def widens(self) -> bool:
        """Whether somebody is told something now that they were not: what to look at first."""
        return self.what.startswith("field ") and not self.old


def differences(old: Sharing, new: Sharing) -> list[Difference]:
    """All that differs between two policies, first what somebody is told or not told any more."""
    found = [
        Difference(what=f"field {field} to {subscriber}", old=before, new=after)
        for subscriber in sorted({grant.subscriber for grant in (*old.grants, *new.grants)})
        for field, before, after in _fields_told(subscriber, old, new)
    ]
    return found + [
        Difference(what=what, old=before, new=after)
        for what, before, after in _paired(_lines(old), _lines(new))
        if before != after
    ]


def _fields_told(subscriber: str, old: Sharing, new: Sharing) -> Iterator[tuple[str, str, str]]:
    before, after = _given_by(subscriber, old), _given_by(subscriber, new)
    for field in sorted(before.keys() ^ after.keys()):
        yield field, before.get(field, ""), after.get(field, "")


def _given_by(subscriber: str, sharing: Sharing) -> dict[str, str]:
    """By field, the grants that give it."""
    grants = [grant for grant in sharing.grants if grant.subscriber == subscriber]
    return {field: ", ".join(grant.id for grant in grants if field in grant.fields) for field in fields_of(grants)}


def _lines(sharing: Sharing) -> dict[str, str]:
    """Everything but fields, each by its name."""
    lines = {f"agreement {one.id}": _agreement_in_words(one) for one in sharing.agreements}
    lines |= {f"grant {one.id}": _grant_in_words(one) for one in sharing.grants}
    for name, table in (("code C of", sharing.conditional_to), ("members of", sharing.members)):
        lines |= {f"{name} {who}": _listed(of) for who, of in table.items()}
    lines |= {f"quota of {one.of}": f"writes {one.written}, reads {one.read}" for one in sharing.quotas}
    lines["protected places"] = _listed(sharing.protected_places)
    return lines | {"days of warning": "" if sharing.warn_days is None else str(sharing.warn_days)}


def _agreement_in_words(one: msgspec.Struct) -> str:
    return ", ".join(f"{name} {value}" for name, value in msgspec.to_builtins(one).items() if name != "id")


def _grant_in_words(one: Grant) -> str:
    areas = _listed(one.areas) or "everywhere"
    return f"{one.subscriber} of {one.party}, {one.purpose}, {one.basis}, {one.agreement.id}, {areas}, {one.handling}"


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _paired(old: dict[str, str], new: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted(old.keys() | new.keys()):
        yield name, old.get(name, ""), new.get(name, "")
