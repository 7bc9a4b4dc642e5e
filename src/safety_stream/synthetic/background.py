"""Everyday reports: how many, when, where, about whom, how late, and what goes wrong with them.

One seeded source of chance is drawn from in a fixed order, so the same seed makes the same county. A person, vehicle
or address that was drawn once may come again, the longer known the likelier: few of them carry many reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import cos, exp, log, radians, sqrt
from random import Random

from msgspec.structs import replace

from safety_stream.core.model.dead_letters import Reason
from safety_stream.core.model.incidents import Action
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import (
    DAY_LENGTH,
    HOUR,
    MINUTE,
    SECOND,
    Day,
    Instant,
    day_of,
    period_of,
    start_of,
    to_date,
)
from safety_stream.synthetic.report import SyntheticReport, detail_name, details_of
from safety_stream.synthetic.settings import Also, County, Delay, District, Shape, Stream

_DAYS_A_YEAR = 365.25
_FIRST_ADDRESS = 900_000_000_000
_ADDRESSES_APART = 100_000
_METRES_A_DEGREE = 111_320
_MANY = 30.0
_ELSEWHERE = "E08000035"
_NO_SUCH_LSOA = "E01999999"
_RECLASSIFIED = {
    "violence": "public-order",
    "shoplifting": "other-theft",
    "other-theft": "shoplifting",
    "asb-noise": "asb-neighbour",
    "asb-neighbour": "asb-noise",
    "hate-incident": "hate-crime",
}
"""What a report is corrected to. Nothing becomes violence: quiet weeks must stay as they were laid down."""

_PLACE_ONLY = ("fire", "ed-assaults", "ambulance", "collisions")


class Background:
    """The everyday reports of a county, one day after the other."""

    def __init__(self, county: County, seed: int, scale: float, quiet: frozenset[tuple[str, Day]]) -> None:
        """`quiet` are the districts and weeks (first day) without any recorded violence of ours."""
        self._county = county
        self._habits = county.habits
        self._quiet = quiet
        self._scale = scale
        self._rng = Random(f"{seed}/background")
        self._shapes = {shape.id: shape for shape in county.shapes}
        self._delays = {delay.source: delay for delay in county.delays}
        self._hours = {shape.id: _hourly(shape) for shape in county.shapes}
        self._districts = [(number, district) for number, district in enumerate(county.areas)]
        self._district_weights = list(accumulate(district.crimes for district in county.areas))
        self._known: dict[tuple[str, str], list[str]] = {}
        self._pairs: dict[str, list[tuple[str, str]]] = {}
        self._told = 0
        self._arriving: list[SyntheticReport] = []

    def day(self, day: Day) -> list[SyntheticReport]:
        """What will arrive, from this day on, of what happened on it."""
        self._arriving = []
        for stream in self._county.streams:
            if stream.monthly:
                self._count_month(stream, day)
            else:
                self._report_day(stream, day)
        return self._arriving

    # --- how many, when and where ---

    def _expected(self, stream: Stream, day: Day) -> float:
        when = to_date(day)
        shape = self._shapes[stream.shape]
        factor = shape.days[when.weekday()] * shape.months[when.month - 1]
        if stream.source.startswith("police-"):
            factor *= self._county.levels.get(when.year, 1.0)
        for season in self._county.seasons:
            if season.first <= f"{when:%m-%d}" <= season.last:
                factor *= season.shapes.get(stream.shape, 1.0)
        return sum(stream.categories.values()) / _DAYS_A_YEAR * factor * self._scale

    def _report_day(self, stream: Stream, day: Day) -> None:
        rng, starts = self._rng, start_of(day)
        length = start_of(day + 1) - starts
        number = _scattered(rng, self._expected(stream, day), self._habits.spread)
        hours = rng.choices(range(24), cum_weights=self._hours[stream.shape], k=number)
        places = rng.choices(self._districts, cum_weights=self._district_weights, k=number)
        categories = _choices(rng, stream.categories, number)
        subtypes = _choices(rng, stream.subtypes, number) if stream.subtypes else [""] * number
        week = period_of(day, "week").starts
        for hour, (at, district), category, subtype in zip(hours, places, categories, subtypes, strict=True):
            if stream.id == "violence" and (district.code, week) in self._quiet:
                continue
            # A share of the day rather than hours of it: a night may last an hour less or more.
            occurred = starts + int((hour + rng.random()) / 24 * length)
            report = self._report(stream, occurred, at, district, category, subtype)
            self._arrive(report)
            if stream.people == "missing":
                self._come_back(report)
            also = stream.also
            if also and report.place and report.place.uprn and rng.random() < also.share:
                self._tell_also(report, also)

    def _count_month(self, stream: Stream, day: Day) -> None:
        if to_date(day).day == 1:
            for _, district in self._districts:
                report = Report(
                    source=stream.source,
                    source_ref=f"{stream.id}-{district.code}-{to_date(day):%Y-%m}",
                    source_version=1,
                    action="new",
                    kind=stream.kind,
                    category=next(iter(stream.categories)),
                    occurred_from=start_of(day),
                    occurred_to=start_of(period_of(day, "month").ends) - 1,
                    precision="month",
                    reported_at=self._told_at(stream.source, start_of(period_of(day, "month").ends)),
                    place=ReportedPlace(area=district.code),
                    count=self._rng.randint(5, 80),
                    details=detail_name(stream.kind),
                )
                self._send(report, self._received_at(report))

    # --- what, about whom ---

    def _report(
        self, stream: Stream, occurred: Instant, at: int, district: District, category: str, subtype: str
    ) -> Report:
        rng = self._rng
        self._told += 1
        until = occurred + int(rng.random() * stream.hours_wide * HOUR) if stream.hours_wide else None
        flags = tuple(flag for flag, share in stream.flags.items() if rng.random() < share)
        vehicles: tuple[str, ...] = ()
        if stream.vehicle and rng.random() < stream.vehicle:
            vehicles = (self._somebody("", "vehicle", self._habits.again),)
        return Report(
            source=stream.source,
            source_ref=f"{stream.id}-{self._told:07}",
            source_version=1,
            action="new",
            kind=stream.kind,
            subtype=subtype,
            category=category,
            flags=flags,
            origin=stream.origin,
            grade=rng.choice("DE") if rng.random() < self._habits.poorly_graded else None,
            occurred_from=occurred,
            occurred_to=until,
            reported_at=self._told_at(stream.source, until or occurred),
            place=self._place(stream, at, district),
            parties=self._people(stream, district.code),
            vehicles=vehicles,
            details=detail_name(stream.kind),
        )

    def _people(self, stream: Stream, area: str) -> tuple[ReportedParty, ...]:
        rng, people, habits = self._rng, stream.people, self._habits
        if people == "none":
            return ()
        child = rng.random() < stream.child
        if people == "child":
            return (ReportedParty(role="subject", token=self._somebody(area, "child", habits.again), child=True),)
        if people == "person":
            return (ReportedParty(role="subject", token=self._somebody(area, "accused", habits.offends_again)),)
        harmed = self._somebody(area, "child" if child else "adult", habits.again)
        if people == "missing":
            return (ReportedParty(role="missing", token=harmed, child=child),)
        parties: list[ReportedParty] = []
        accused = self._somebody(area, "accused", habits.offends_again) if rng.random() < stream.accused else None
        if people == "pair" and accused:
            harmed, accused = self._pair(area, harmed, accused)
        if rng.random() < stream.victim:
            told_by_another = people == "complaint" and rng.random() < 1 / 2
            parties.append(ReportedParty(role="reporter" if told_by_another else "victim", token=harmed, child=child))
        if accused:
            parties.append(ReportedParty(role="suspect" if people == "crime" else "perpetrator", token=accused))
        return tuple(parties)

    def _somebody(self, area: str, role: str, again: float) -> str:
        known = self._known.setdefault((area, role), [])
        if known and self._rng.random() < again:
            # The longer known come oftener; a square would make one offender a hub within the year.
            return known[int(self._rng.random() ** 1.5 * len(known))]
        token = f"tok-{self._rng.getrandbits(64):016x}"
        if len(known) < self._habits.known:
            known.append(token)
        else:
            known[int(self._rng.random() * len(known))] = token
        return token

    def _pair(self, area: str, harmed: str, accused: str) -> tuple[str, str]:
        known = self._pairs.setdefault(area, [])
        if known and self._rng.random() < self._habits.again:
            return self._rng.choice(known)
        known.append((harmed, accused))
        if len(known) > self._habits.known:
            del known[0]
        return harmed, accused

    def _place(self, stream: Stream, at: int, district: District) -> ReportedPlace | None:
        rng = self._rng
        if rng.random() < self._habits.badly_located:
            return self._bad_place(district)
        if stream.degrees:
            return _point_in_degrees(rng, district)
        if rng.random() < stream.address:
            return _address(at, district, int(self._habits.addresses * rng.random() ** 2))
        if stream.people in {"child", "person", "pair"}:
            return ReportedPlace(area=district.code)
        easting = district.easting + int((2 * rng.random() - 1) * district.spread)
        northing = district.northing + int((2 * rng.random() - 1) * district.spread)
        if rng.random() < 1 / 5:
            return ReportedPlace(lsoa=rng.choice(district.lsoas))
        return ReportedPlace(easting=easting, northing=northing, precision_m=50, area=district.code)

    def _bad_place(self, district: District) -> ReportedPlace | None:
        """No place; one in another county; one that is nowhere; one too coarse; one moved for disclosure control."""
        east, north = district.easting, district.northing
        return self._rng.choice(
            (
                None,
                ReportedPlace(area=_ELSEWHERE),
                ReportedPlace(lsoa=_NO_SUCH_LSOA),
                ReportedPlace(easting=east, northing=north, precision_m=2000),
                ReportedPlace(easting=east, northing=north, snapped=True, area=district.code),
            )
        )

    # --- what follows from it ---

    def _tell_also(self, report: Report, also: Also) -> None:
        """The same occurrence as another agency tells it."""
        occurred = report.occurred_from + int(self._rng.random() * 30 * MINUTE)
        told = replace(
            report,
            source=also.source,
            source_ref=f"{report.source_ref}-also",
            kind=also.kind,
            occurred_from=occurred,
            occurred_to=max(occurred, report.occurred_to) if report.occurred_to else None,
            reported_at=self._told_at(also.source, max(occurred, report.occurred_to or occurred)),
            details=detail_name(also.kind),
        )
        self._arrive(told)

    def _come_back(self, episode: Report) -> None:
        """Who went missing comes back after some hours, and a child is mostly asked why."""
        rng = self._rng
        back = episode.occurred_from + int(rng.lognormvariate(log(8), 0.9) * HOUR)
        returned = replace(
            episode,
            source_ref=f"{episode.source_ref}-back",
            subtype="returned",
            occurred_from=back,
            reported_at=self._told_at(episode.source, back),
        )
        self._arrive(returned)
        (missing,) = episode.parties
        if missing.child and rng.random() < self._habits.interviewed:
            in_time = rng.random() < self._habits.interview_in_time
            asked = back + int((1 + rng.random() * 70 + (0 if in_time else 72)) * HOUR)
            self._arrive(
                Report(
                    source="childrens-services",
                    source_ref=f"{episode.source_ref}-asked",
                    source_version=1,
                    action="new",
                    kind="intervention",
                    subtype="return-interview",
                    category="intervention",
                    occurred_from=asked,
                    reported_at=self._told_at("childrens-services", asked),
                    parties=(replace(missing, role="subject"),),
                    details=detail_name("intervention"),
                )
            )

    # --- how late, and what goes wrong ---

    def _told_at(self, source: str, occurred: Instant) -> Instant:
        delay = self._delays[source]
        return occurred + self._lasting(delay.told, delay)

    def _received_at(self, report: Report) -> Instant:
        delay = self._delays[report.source]
        if delay.day_of_month is None:
            return report.reported_at + self._lasting(delay.sent, delay)
        next_month = period_of(day_of(report.reported_at), "month").ends
        return start_of(next_month + delay.day_of_month - 1) + 6 * HOUR + int(self._rng.random() * HOUR)

    def _lasting(self, median: float, delay: Delay) -> int:
        return int(median * exp(self._rng.gauss(0, delay.sigma)) * MINUTE)

    def _arrive(self, report: Report) -> None:
        """Send a report, and whatever its partner makes of it afterwards."""
        rng, habits = self._rng, self._habits
        received = self._received_at(report)
        sent = self._send(report, received)
        if rng.random() < habits.sent_twice:
            self._arriving.append(replace(sent, received_at=received + SECOND + int(rng.random() * HOUR)))
        chance = rng.random()
        changes: tuple[tuple[float, Action], ...] = (
            (habits.corrected, "correct"),
            (habits.withdrawn, "withdraw"),
            (habits.disputed, "dispute"),
            (habits.restricted, "restrict"),
            (habits.erased, "erase"),
        )
        for share, action in changes:
            if chance < share:
                self._change(report, action, received)
                break
            chance -= share
        if rng.random() < habits.dirty:
            self._arriving.append(self._dirt(report, received))

    def _send(self, report: Report, received: Instant) -> SyntheticReport:
        details = details_of(self._rng, report)
        sent = SyntheticReport(received_at=received, source=report.source, report=report, details=details)
        self._arriving.append(sent)
        return sent

    def _change(self, report: Report, action: Action, received: Instant) -> None:
        rng = self._rng
        changed = replace(report, source_version=2, action=action)
        if action == "correct":
            changed = self._correction(changed)
        if action == "withdraw" and rng.random() < self._habits.withdrawn_first:
            at = report.reported_at + int(rng.random() * (received - report.reported_at))
        else:
            at = received + int(rng.lognormvariate(log(2), 1) * DAY_LENGTH)
        self._send(changed, at)

    def _correction(self, report: Report) -> Report:
        """The area and the day stay: what was laid down exactly for a district's week must stay exact."""
        category = _RECLASSIFIED.get(report.category)
        if category and self._rng.random() < 1 / 2:
            return replace(report, category=category)
        return replace(report, flags=tuple(sorted({*report.flags, "alcohol"})))

    def _dirt(self, report: Report, received: Instant) -> SyntheticReport:
        """A record that must be refused, as it might come after this report."""
        rng = self._rng
        broken = replace(report, source_ref=f"{report.source_ref}-broken")
        reason = rng.choice(_DIRT)
        at = received + int(rng.random() * HOUR)
        if reason in _UNREADABLE:
            return SyntheticReport(
                received_at=at, source=report.source, report=None, raw=_UNREADABLE[reason], refused=reason
            )
        source = report.source
        if reason == "impossible-time":
            broken = replace(broken, occurred_from=at + 2 * DAY_LENGTH, occurred_to=None)
        elif reason == "unknown-source":
            broken = replace(broken, source="no-such-feed")
        elif reason == "wrong-kind-for-source":
            source = "probation"
            kind = "exclusion"
            broken = replace(broken, source=source, kind=kind, subtype="", details=detail_name(kind))
        elif reason == "person-in-place-only-source":
            source = rng.choice(_PLACE_ONLY)
            kind = next(stream.kind for stream in self._county.streams if stream.source == source)
            token = f"tok-{rng.getrandbits(64):016x}"
            broken = replace(
                broken,
                source=source,
                kind=kind,
                subtype="",
                parties=(ReportedParty(role="victim", token=token),),
                details=detail_name(kind),
            )
        return SyntheticReport(
            received_at=at,
            source=source,
            report=broken,
            details=details_of(rng, broken),
            refused=reason,
            is_cut=reason == "schema-violation",
        )


_UNREADABLE: dict[Reason, bytes] = {
    "unreadable-framing": b"<report>not Avro</report>",
    "unknown-schema": b"\x00\x7f\xff\xff\xff\x02\x04\x06",
    "empty": b"",
}
_DIRT: tuple[Reason, ...] = (
    *_UNREADABLE,
    "schema-violation",
    "impossible-time",
    "unknown-source",
    "wrong-kind-for-source",
    "person-in-place-only-source",
)


def _hourly(shape: Shape) -> list[float]:
    return list(accumulate(shape.hours[hour // 4] for hour in range(24)))


def _choices(rng: Random, weights: dict[str, float], number: int) -> Sequence[str]:
    if len(weights) == 1:
        return [*weights] * number
    return rng.choices(tuple(weights), weights=tuple(weights.values()), k=number)


def _scattered(rng: Random, mean: float, spread: float) -> int:
    """A count with this mean and `spread` times the mean as its variance: a Poisson count of a gamma mean."""
    if mean <= 0:
        return 0
    mean = rng.gammavariate(mean / (spread - 1), spread - 1)
    if mean > _MANY:
        return max(0, round(rng.gauss(mean, sqrt(mean))))
    number, left = 0, rng.random()
    while left > exp(-mean):
        number, left = number + 1, left * rng.random()
    return number


def _address(at: int, district: District, number: int) -> ReportedPlace:
    """The address of that number: always the same place."""
    width = 2 * district.spread
    return ReportedPlace(
        uprn=str(_FIRST_ADDRESS + at * _ADDRESSES_APART + number),
        easting=district.easting - district.spread + number * 7919 % width,
        northing=district.northing - district.spread + number * 104_729 % width,
        area=district.code,
    )


def _point_in_degrees(rng: Random, district: District) -> ReportedPlace:
    north = (2 * rng.random() - 1) * district.spread / _METRES_A_DEGREE
    east = (2 * rng.random() - 1) * district.spread / _METRES_A_DEGREE / cos(radians(district.latitude))
    return ReportedPlace(
        latitude=round(district.latitude + north, 5),
        longitude=round(district.longitude + east, 5),
        precision_m=30,
        area=district.code,
    )
