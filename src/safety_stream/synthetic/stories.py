"""Planted stories: what each rule must find, what it must not, and how near a miss can be.

A story has persons, vehicles and addresses of its own, so what happens in the rest of the county cannot change its
end. What is near to something else lies out at sea, far from any other story. Stories about a district's week cannot
have a district of their own: there the county keeps quiet instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import msgspec

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.incidents import Role
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import (
    DAY_LENGTH,
    HOUR,
    MINUTE,
    SECOND,
    Day,
    Duration,
    Instant,
    before,
    period_of,
    start_of,
    to_date,
)
from safety_stream.synthetic.report import SyntheticReport, detail_name, details_of
from safety_stream.synthetic.settings import AgreedWeek, County

Expected = Literal["fires", "must-not-fire"]


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What was planted: whether an alert of `rule` on `key` must stand at the end, and on which reports.

    `reports` are (source, reference). Where `occurrences` are named, only findings they complete are meant. A story
    may raise an alert under way and have to lose it again.
    """

    story: str
    rule: str
    key: str
    expected: Expected
    begins: Instant
    reports: tuple[tuple[str, str], ...]
    occurrences: tuple[str, ...] = ()


class Planted(msgspec.Struct, frozen=True):
    """All stories, their reports, and the (district, first day) of the weeks in which nothing else may be violent."""

    stories: tuple[Story, ...]
    reports: tuple[SyntheticReport, ...]
    quiet: frozenset[tuple[str, Day]]


def plant(county: County, seed: int, first: Day, days: int) -> Planted:
    """Every story that fits into the days, again and again at the county's interval."""
    rng = Random(f"{seed}/stories")
    stories: list[Story] = []
    reports: list[SyntheticReport] = []
    quiet: set[tuple[str, Day]] = set()
    for copy, offset in enumerate(range(0, days, county.stories.every)):
        for number, (telling, length) in enumerate(_TELLINGS):
            begins = offset + number * 5 % county.stories.every
            begins = begins if begins + length <= days else offset
            if begins + length > days:
                continue
            name = f"{telling.__name__.replace('_', '-')}-{copy}"
            teller = Teller(county, rng, name, first + begins, copy * len(_TELLINGS) + number)
            rule, key, expected = telling(teller)
            references = dict.fromkeys(
                (told.report.source, told.report.source_ref) for told in teller.told if told.report
            )
            stories.append(
                Story(
                    story=teller.name,
                    rule=rule,
                    key=key,
                    expected=expected,
                    begins=start_of(teller.day),
                    reports=tuple(references),
                    occurrences=tuple(f"week:{to_date(week)}" for _, week in sorted(teller.quiet)),
                )
            )
            reports += teller.told
            quiet |= teller.quiet
    return Planted(tuple(stories), tuple(reports), frozenset(quiet))


@dataclass
class Teller:
    """One telling of one story: hands out tokens and addresses, and keeps what was told."""

    county: County
    rng: Random
    name: str
    day: Day
    number: int
    told: list[SyntheticReport] = field(default_factory=list)
    quiet: set[tuple[str, Day]] = field(default_factory=set)

    def token(self) -> str:
        """A person or vehicle that is in no other story."""
        return f"tok-{self.rng.getrandbits(64):016x}"

    def uprn(self) -> str:
        """An address that is in no other story (nor, by its range, in the rest of the county)."""
        return f"{_ADDRESSES + self.rng.randrange(1_000_000)}"

    def spot(self, east: int = 0, north: int = 0, area: str | None = None) -> ReportedPlace:
        """A point of this story, so many metres from the first: out at sea, two kilometres from any other story's."""
        row, column = divmod(self.number % (_ROWS * _COLUMNS), _COLUMNS)
        return ReportedPlace(
            easting=_SEA_EAST + column * _APART + east,
            northing=_SEA_NORTH + row * _APART + north,
            area=area or self.area(),
        )

    def cell(self, report: Report) -> str:
        """The cell of the map a report lies in, as a key."""
        cells, place = self.county.stories.cells, report.place or ReportedPlace()
        east, north = (place.easting or 0) // cells.metres, (place.northing or 0) // cells.metres
        return f"cell:{east}.{north}.{report.occurred_from // (cells.days * DAY_LENGTH)}"

    def neighbourhood(self) -> ReportedPlace:
        """An address in an LSOA that is in no other story, nor is it anywhere."""
        return ReportedPlace(lsoa=f"{_LSOAS}{self.number % 10_000:04}", uprn=self.uprn(), area=self.area())

    def lsoa(self, report: Report) -> str:
        """The LSOA a report states and the stretch of time it begins in, as a key."""
        stretch = report.occurred_from // (self.county.stories.cells.days * DAY_LENGTH)
        return f"lsoa:{(report.place or ReportedPlace()).lsoa}.{stretch}"

    def area(self) -> str:
        """A district where no story needs quiet weeks."""
        weeks = self.county.stories.weeks
        kept = {weeks.over.area, weeks.short.area, weeks.split.area}
        return self.rng.choice([area.code for area in self.county.areas if area.code not in kept])

    def at(self, day: int, hour: float) -> Instant:
        """An hour of a day of the story."""
        return start_of(self.day + day) + int(hour * HOUR)

    def tell(
        self,
        source: str,
        at: Instant,
        *parties: ReportedParty,
        reported: Instant | None = None,
        received: Instant | None = None,
        place: ReportedPlace | None = None,
        facts: tuple[Fact, ...] = (),
        **more: str | tuple[str, ...] | None,
    ) -> Report:
        """A report of something at `at`, told to the partner and to us within the hour unless said otherwise."""
        kind, category = _KINDS[source]
        reported_at = at + 10 * MINUTE if reported is None else reported
        report = msgspec.convert(
            {
                "source": source,
                "source_ref": f"{self.name}-{len(self.told) + 1}",
                "source_version": 1,
                "action": "new",
                "kind": kind,
                "category": category,
                "occurred_from": at,
                "reported_at": reported_at,
                "place": place or ReportedPlace(area=self.area()),
                "parties": parties,
                "details": detail_name(kind),
                "facts": facts,
                **more,
            },
            Report,
            from_attributes=True,
        )
        return self.send(report, reported_at + 20 * MINUTE if received is None else received)

    def send(self, report: Report, received: Instant) -> Report:
        """Let a report arrive."""
        details = details_of(self.rng, report)
        self.told.append(SyntheticReport(received_at=received, source=report.source, report=report, details=details))
        return report

    def withdraw(self, report: Report, received: Instant) -> None:
        """Let the partner take a report back."""
        self.send(msgspec.structs.replace(report, source_version=2, action="withdraw"), received)


_ADDRESSES = 900_009_000_000
_LSOAS = "E0198"
_SEA_EAST, _SEA_NORTH, _APART, _COLUMNS, _ROWS = 250_000, 380_000, 2_000, 30, 60
"""Where nobody lives: room for stories of decades, each out of reach of every other."""

_KINDS = {
    "police-incidents": ("police-incident", "anti-social-behaviour"),
    "police-crimes": ("police-crime", "violence"),
    "police-hate": ("hate-report", "hate-incident"),
    "police-missing": ("missing-episode", "missing"),
    "council-asb": ("asb-case", "asb-noise"),
    "housing": ("housing-concern", "asb-noise"),
    "domestic-abuse": ("domestic-abuse", "domestic-abuse"),
    "marac": ("marac-referral", "domestic-abuse"),
    "ed-assaults": ("assault-attendance", "violence"),
    "ambulance": ("ambulance-call", "violence"),
    "fire": ("fire", "deliberate-fire"),
    "childrens-services": ("intervention", "intervention"),
    "interventions": ("intervention", "intervention"),
    "health-aggregates": ("aggregate-count", "overdose"),
}
_YEAR = Duration(months=12)
_BURNLEY, _LANCASTER, _PRESTON, _SOUTH_RIBBLE = "E07000117", "E07000121", "E07000123", "E07000126"
_EAST = ("E07000117", "E07000122", "E07000120")

Verdict = tuple[str, str, Expected]


def _party(role: Role, token: str, *, child: bool = False) -> ReportedParty:
    return ReportedParty(role=role, token=token, child=child)


# --- repeat victims ---------------------------------------------------------------------------------------------------


def repeat_victim(t: Teller) -> Verdict:
    """Three harms in five days, told by three agencies."""
    victim = _party("victim", t.token())
    t.tell("police-crimes", t.at(0, 21), victim)
    t.tell("council-asb", t.at(2, 20), victim)
    t.tell("housing", t.at(4, 19), victim)
    return "rv-graded", f"victim:{victim.token}", "fires"


def late_harm_dates_back(t: Teller) -> Verdict:
    """The earliest of four harms is heard of four days after the latest one."""
    victim = _party("victim", t.token())
    t.tell("police-crimes", t.at(0, 9), victim)
    t.tell("police-crimes", t.at(0, 12), victim)
    t.tell("police-crimes", t.at(1, 21), victim)
    t.tell("police-crimes", t.at(0, 21), victim, reported=t.at(5, 10))
    return "rv-graded", f"victim:{victim.token}", "fires"


def one_assault_told_twice(t: Teller) -> Verdict:
    """Police and landlord speak of one assault at one address within the hour, months after another harm."""
    victim, place = _party("victim", t.token()), ReportedPlace(uprn=t.uprn(), area=t.area())
    t.tell("police-crimes", t.at(-90, 21), victim, reported=t.at(0, 20))
    t.tell("police-crimes", t.at(0, 21), victim, place=place)
    t.tell("housing", t.at(0, 21.5), victim, place=place, category="violence")
    return "rv-graded", f"victim:{victim.token}", "must-not-fire"


def harm_a_year_and_a_second_apart(t: Teller) -> Verdict:
    """Three harms, heard of together, the first and the last one second too far apart."""
    victim, at = _party("victim", t.token()), t.at(0, 21)
    t.tell("police-crimes", at, victim)
    t.tell("police-crimes", t.at(-90, 21), victim, reported=t.at(0, 22))
    t.tell("police-crimes", before(at, _YEAR) - SECOND, victim, reported=t.at(0, 22))
    return "rv-graded", f"victim:{victim.token}", "must-not-fire"


def harm_withdrawn_before_it_came(t: Teller) -> Verdict:
    """The withdrawal of the third harm overtakes its report."""
    victim = _party("victim", t.token())
    t.tell("police-crimes", t.at(0, 21), victim)
    t.tell("police-crimes", t.at(0, 12), victim)
    third = t.tell("police-crimes", t.at(1, 21), victim, received=t.at(3, 9))
    t.withdraw(third, t.at(2, 9))
    return "rv-graded", f"victim:{victim.token}", "must-not-fire"


def harm_corrected_to_another(t: Teller) -> Verdict:
    """The third harm turns out to have been somebody else's: the alert is raised and withdrawn."""
    victim = _party("victim", t.token())
    t.tell("police-crimes", t.at(0, 21), victim)
    t.tell("police-crimes", t.at(0, 12), victim)
    third = t.tell("police-crimes", t.at(1, 21), victim)
    other = (_party("victim", t.token()),)
    t.send(msgspec.structs.replace(third, source_version=2, action="correct", parties=other), t.at(3, 9))
    return "rv-graded", f"victim:{victim.token}", "must-not-fire"


def witness_is_no_victim(t: Teller) -> Verdict:
    """Twice a victim, who then sees another crime."""
    token = t.token()
    t.tell("police-crimes", t.at(0, 21), _party("victim", token))
    t.tell("police-crimes", t.at(0, 12), _party("victim", token))
    t.tell("police-crimes", t.at(1, 21), _party("victim", t.token()), _party("witness", token))
    return "rv-graded", f"victim:{token}", "must-not-fire"


# --- MARAC ------------------------------------------------------------------------------------------------------------


def contact_after_referral(t: Teller) -> Verdict:
    """A housing officer hears of unwanted contact five days after the referral."""
    victim, perpetrator = _party("victim", t.token()), _party("perpetrator", t.token())
    t.tell("marac", t.at(0, 9), victim, perpetrator)
    t.tell("housing", t.at(5, 9), victim, perpetrator, category="domestic-abuse")
    return "rv-marac-repeat", f"victim-perpetrator:{victim.token}|{perpetrator.token}", "fires"


def contact_by_another(t: Teller) -> Verdict:
    """Abuse by somebody whom no referral named."""
    victim, other = _party("victim", t.token()), _party("perpetrator", t.token())
    t.tell("marac", t.at(0, 9), victim, _party("perpetrator", t.token()))
    t.tell("housing", t.at(5, 9), victim, other, category="domestic-abuse")
    return "rv-marac-repeat", f"victim-perpetrator:{victim.token}|{other.token}", "must-not-fire"


def contact_before_referral(t: Teller) -> Verdict:
    """The abuse that led to the referral is no repeat of it."""
    victim, perpetrator = _party("victim", t.token()), _party("perpetrator", t.token())
    t.tell("housing", t.at(0, 9), victim, perpetrator, category="domestic-abuse")
    t.tell("marac", t.at(5, 9), victim, perpetrator)
    return "rv-marac-repeat", f"victim-perpetrator:{victim.token}|{perpetrator.token}", "must-not-fire"


def contact_a_year_and_a_day_later(t: Teller) -> Verdict:
    """Later than twelve months it is a new referral."""
    victim, perpetrator, at = _party("victim", t.token()), _party("perpetrator", t.token()), t.at(0, 9)
    t.tell("marac", before(at, _YEAR) - DAY_LENGTH, victim, perpetrator, reported=at - HOUR)
    t.tell("housing", at, victim, perpetrator, category="domestic-abuse")
    return "rv-marac-repeat", f"victim-perpetrator:{victim.token}|{perpetrator.token}", "must-not-fire"


def abuse_three_times(t: Teller) -> Verdict:
    """Two calls to the police and a report of a service."""
    victim = _party("victim", t.token())
    for day, source in ((0, "police-incidents"), (2, "domestic-abuse"), (4, "police-incidents")):
        t.tell(source, t.at(day, 22), victim, category="domestic-abuse")
    return "rv-marac-escalation", f"person:{victim.token}", "fires"


def abuse_in_log_and_crime(t: Teller) -> Verdict:
    """Two events, each of them in the log of the call and in a recorded crime."""
    victim = _party("victim", t.token())
    for day in (0, 3):
        t.tell("police-incidents", t.at(day, 22), victim, flags=("domestic-abuse",))
        t.tell("police-crimes", t.at(day, 22), victim, flags=("domestic-abuse",))
    return "rv-marac-escalation", f"person:{victim.token}", "must-not-fire"


def _assessed(t: Teller, *scores: int) -> str:
    """Abuse assessed at these scores; what a report states goes before what its details say."""
    victim = _party("victim", t.token())
    for day, score in enumerate(scores):
        facts = (Fact("dash-score", str(score)),)
        t.tell("domestic-abuse", t.at(day, 22), victim, category="domestic-abuse", facts=facts)
    return f"victim:{victim.token}"


def abuse_at_high_risk(t: Teller) -> Verdict:
    """Fourteen answers of the DASH form are yes."""
    return "rv-marac-vhr", _assessed(t, 14), "fires"


def abuse_just_below_high_risk(t: Teller) -> Verdict:
    """Thirteen, twice."""
    return "rv-marac-vhr", _assessed(t, 13, 13), "must-not-fire"


def risk_corrected_to_below(t: Teller) -> Verdict:
    """The form was added up wrongly: the alert is raised and withdrawn."""
    key = _assessed(t, 17)
    first = t.told[-1].report
    if first is not None:
        facts = (Fact("dash-score", "7"),)
        t.send(msgspec.structs.replace(first, source_version=2, action="correct", facts=facts), t.at(2, 9))
    return "rv-marac-vhr", key, "must-not-fire"


def _harmed(t: Teller, *victims: tuple[str, ...]) -> str:
    """Somebody abuses these, one report after another; who is named in one report is of one home."""
    perpetrator = _party("perpetrator", t.token())
    for day, home in enumerate(victims):
        roles: tuple[Role, ...] = ("victim", "subject")
        people = [_party(role, token) for role, token in zip(roles, home, strict=False)]
        t.tell("domestic-abuse", t.at(day, 22), *people, perpetrator)
    return f"suspect:{perpetrator.token}"


def abuse_of_two(t: Teller) -> Verdict:
    """One partner, and the next with a child."""
    return "serial-perpetrator", _harmed(t, (t.token(),), (t.token(), t.token())), "fires"


def abuse_of_one_home(t: Teller) -> Verdict:
    """A mother and her child, and the child again."""
    child = t.token()
    return "serial-perpetrator", _harmed(t, (t.token(), child), (child,)), "must-not-fire"


def abuse_by_each_other(t: Teller) -> Verdict:
    """Two who accuse each other: neither is the victim of more than the other."""
    one, other = t.token(), t.token()
    for day, (victim, accused) in enumerate(((one, other), (other, one))):
        t.tell("police-incidents", t.at(day, 22), _party("victim", victim), _party("suspect", accused),
               category="domestic-abuse")  # fmt: skip
    both = (_party("victim", one), _party("suspect", one), _party("victim", other), _party("suspect", other))
    t.tell("police-incidents", t.at(3, 22), *both, category="domestic-abuse")
    return "serial-perpetrator", f"suspect:{one}", "must-not-fire"


def twice_on_the_list(t: Teller) -> Verdict:
    """A crime and a case of noise."""
    victim = _party("victim", t.token())
    t.tell("police-crimes", t.at(0, 21), victim)
    t.tell("council-asb", t.at(2, 20), victim)
    return "rv-generic", f"victim:{victim.token}", "fires"


def log_and_crime_are_one(t: Teller) -> Verdict:
    """One event in the log of the call and in the recorded crime."""
    victim = _party("victim", t.token())
    t.tell("police-incidents", t.at(0, 21), victim, category="violence")
    t.tell("police-crimes", t.at(0, 21), victim)
    return "rv-generic", f"victim:{victim.token}", "must-not-fire"


def burgled_again(t: Teller) -> Verdict:
    """Two burglaries of one victim."""
    victim = _party("victim", t.token())
    for day in (0, 3):
        t.tell("police-crimes", t.at(day, 21), victim, category="burglary")
    return "rv-similar", f"victim:{victim.token}", "fires"


def burgled_and_robbed(t: Teller) -> Verdict:
    """Two crimes that are not alike."""
    victim = _party("victim", t.token())
    for day, category in ((0, "burglary"), (3, "robbery")):
        t.tell("police-crimes", t.at(day, 21), victim, category=category)
    return "rv-similar", f"victim:{victim.token}", "must-not-fire"


def violence_at_one_address(t: Teller) -> Verdict:
    """Three assaults at one address, of which one is known from the hospital alone."""
    uprn = t.uprn()
    place = ReportedPlace(uprn=uprn, area=t.area())
    for day, source in ((0, "police-crimes"), (2, "ed-assaults"), (4, "police-crimes")):
        t.tell(source, t.at(day, 23), place=place)
    return "premises-violence", f"place:{uprn}", "fires"


def violence_known_from_one_feed(t: Teller) -> Verdict:
    """Four assaults at one address, all of them known from the police alone."""
    uprn = t.uprn()
    place = ReportedPlace(uprn=uprn, area=t.area())
    for day in range(4):
        t.tell("police-crimes", t.at(day, 23), place=place)
    return "premises-violence", f"place:{uprn}", "must-not-fire"


def harmed_at_one_address(t: Teller) -> Verdict:
    """A burglary, noise and an assault at one address, whoever they happened to."""
    return "rv-graded-place", _harm_at_an_address(t), "fires"


def harmed_at_one_address_and_abused(t: Teller) -> Verdict:
    """The same, but that the assault was domestic abuse, for which no home is listed."""
    return "rv-graded-place", _harm_at_an_address(t, "domestic-abuse"), "must-not-fire"


def _harm_at_an_address(t: Teller, *flags: str) -> str:
    uprn = t.uprn()
    place = ReportedPlace(uprn=uprn, area=t.area())
    t.tell("police-crimes", t.at(0, 21), place=place, category="burglary")
    t.tell("council-asb", t.at(2, 21), place=place)
    t.tell("police-crimes", t.at(4, 21), place=place, flags=flags)
    return f"place:{uprn}"


# --- anti-social behaviour and hate -----------------------------------------------------------------------------------


def three_complaints(t: Teller) -> Verdict:
    """One neighbour, one problem, three evenings."""
    reporter = _party("reporter", t.token())
    for day in (0, 2, 4):
        t.tell("council-asb", t.at(day, 20), reporter)
    return "asb-case-review", f"victim:{reporter.token}", "fires"


def one_evening_told_to_three(t: Teller) -> Verdict:
    """One noisy evening told to council, police and landlord within the hour."""
    victim, place = _party("victim", t.token()), ReportedPlace(uprn=t.uprn(), area=t.area())
    for number, source in enumerate(("council-asb", "police-incidents", "housing")):
        t.tell(source, t.at(0, 20) + number * 20 * MINUTE, victim, place=place, category="asb-noise")
    return "asb-case-review", f"victim:{victim.token}", "must-not-fire"


def third_complaint_too_late(t: Teller) -> Verdict:
    """The third complaint is about an evening forty days ago."""
    reporter = _party("reporter", t.token())
    for day, told in ((0, 0), (2, 2), (-40, 4)):
        t.tell("council-asb", t.at(day, 20), reporter, reported=t.at(told, 21))
    return "asb-case-review", f"victim:{reporter.token}", "must-not-fire"


def third_complaint_withdrawn(t: Teller) -> Verdict:
    """Three complaints raise the alert; without one of them it must go."""
    reporter = _party("reporter", t.token())
    complaints = [t.tell("council-asb", t.at(day, 20), reporter) for day in (0, 2, 4)]
    t.withdraw(complaints[1], t.at(6, 10))
    return "asb-case-review", f"victim:{reporter.token}", "must-not-fire"


def _neighbours(t: Teller, number: int, area: str) -> str:
    uprn = t.uprn()
    for day in range(number):
        place = ReportedPlace(uprn=uprn, area=area)
        t.tell("council-asb", t.at(day, 20), _party("reporter", t.token()), place=place, category="asb-vehicle")
    return f"place:{uprn}"


def five_neighbours(t: Teller) -> Verdict:
    """Five people about one place in Lancaster."""
    return "asb-case-review", _neighbours(t, 5, _LANCASTER), "fires"


def five_neighbours_in_burnley(t: Teller) -> Verdict:
    """Burnley publishes no such limb."""
    return "asb-case-review", _neighbours(t, 5, _BURNLEY), "must-not-fire"


def four_neighbours(t: Teller) -> Verdict:
    """One too few."""
    return "asb-case-review", _neighbours(t, 4, _LANCASTER), "must-not-fire"


def hate_once(t: Teller) -> Verdict:
    """One hate-motivated incident is enough."""
    victim = _party("victim", t.token())
    t.tell("police-hate", t.at(0, 17), victim)
    return "asb-case-review", f"victim:{victim.token}", "fires"


def hate_told_too_late(t: Teller) -> Verdict:
    """Told forty days later, it does not qualify."""
    victim = _party("victim", t.token())
    t.tell("police-hate", t.at(-40, 17), victim, reported=t.at(0, 17))
    return "asb-case-review", f"victim:{victim.token}", "must-not-fire"


def hate_again(t: Teller) -> Verdict:
    """One victim, twice in a week."""
    victim = _party("victim", t.token())
    t.tell("police-hate", t.at(0, 17), victim)
    t.tell("police-hate", t.at(4, 17), victim, category="hate-crime")
    return "hate-repeat", f"person:{victim.token}", "fires"


def hate_told_to_police_and_council(t: Teller) -> Verdict:
    """One incident at one address, told to both."""
    uprn, victim = t.uprn(), _party("victim", t.token())
    place, kind = ReportedPlace(uprn=uprn, area=t.area()), "hate-report"
    t.tell("police-hate", t.at(0, 17), victim, place=place)
    details = detail_name(kind)
    t.tell("council-asb", t.at(0, 17.5), victim, place=place, kind=kind, category="hate-incident", details=details)
    return "hate-repeat", f"place:{uprn}", "must-not-fire"


# --- missing children, and return interviews --------------------------------------------------------------------------


def _return(t: Teller, *, child: bool = True) -> str:
    """Somebody comes back on day 0 at 20:00; on day 5 the feed that could cancel is complete to the deadline."""
    token = t.token()
    t.tell("police-missing", t.at(0, 20), _party("missing", token, child=child), subtype="returned")
    other = _party("subject", t.token(), child=True)
    t.tell("childrens-services", t.at(5, 12), other, subtype="safeguarding-visit")
    return token


def _interview(t: Teller, token: str, at: Instant, received: Instant | None = None) -> None:
    child = _party("subject", token, child=True)
    t.tell("childrens-services", at, child, subtype="return-interview", received=received)


def no_interview(t: Teller) -> Verdict:
    """Nobody asks the child."""
    return "missing-no-return-interview", f"person:{_return(t)}", "fires"


def interview_a_second_late(t: Teller) -> Verdict:
    """One second past the 72 hours."""
    token = _return(t)
    _interview(t, token, t.at(0, 20) + 72 * HOUR + SECOND)
    return "missing-no-return-interview", f"person:{token}", "fires"


def interview_at_the_last_instant(t: Teller) -> Verdict:
    """At the deadline is in time."""
    token = _return(t)
    _interview(t, token, t.at(0, 20) + 72 * HOUR)
    return "missing-no-return-interview", f"person:{token}", "must-not-fire"


def interview_heard_of_late(t: Teller) -> Verdict:
    """In time, but known only when the alert stands: it must go."""
    token = _return(t)
    _interview(t, token, t.at(2, 10), received=t.at(7, 10))
    return "missing-no-return-interview", f"person:{token}", "must-not-fire"


def adult_returns(t: Teller) -> Verdict:
    """The duty is to children."""
    return "missing-no-return-interview", f"person:{_return(t, child=False)}", "must-not-fire"


def _goes_missing(t: Teller, token: str, at: Instant) -> None:
    t.tell("police-missing", at, _party("missing", token, child=True), subtype="reported")


def child_missing_three_times(t: Teller) -> Verdict:
    """Three evenings in a week."""
    token = t.token()
    for day in (0, 3, 6):
        _goes_missing(t, token, t.at(day, 20))
    return "missing-repeat", f"person:{token}", "fires"


def child_missing_a_second_too_early(t: Teller) -> Verdict:
    """The first of three episodes lies ninety days and a second before the third."""
    token, last = t.token(), t.at(4, 20)
    t.tell(
        "police-missing",
        last - 90 * DAY_LENGTH - SECOND,
        _party("missing", token, child=True),
        subtype="reported",
        reported=t.at(0, 9),
    )
    _goes_missing(t, token, t.at(2, 20))
    _goes_missing(t, token, last)
    return "missing-repeat", f"person:{token}", "must-not-fire"


# --- organised crime --------------------------------------------------------------------------------------------------


def _burglary(
    t: Teller, source: str, at: Instant, area: str, vehicle: str, category: str = "burglary", grade: str | None = None
) -> Report:
    place = ReportedPlace(uprn=t.uprn(), area=area)
    reported = max(at, t.at(0, 0)) + HOUR
    return t.tell(source, at, place=place, vehicles=(vehicle,), reported=reported, category=category, grade=grade)


def car_in_three_districts(t: Teller) -> Verdict:
    """One car, three burglaries, three districts, two agencies."""
    car = t.token()
    for day, (source, area) in enumerate(zip(("police-crimes", "police-crimes", "housing"), _EAST, strict=True)):
        _burglary(t, source, t.at(3 * day, 2), area, car)
    return "soc-cross-district", f"vehicle:{car}", "fires"


def suspect_in_three_districts(t: Teller) -> Verdict:
    """One suspect, three robberies, three districts, known from crimes and from calls."""
    suspect = _party("suspect", t.token())
    for day, (source, area) in enumerate(
        zip(("police-crimes", "police-incidents", "police-crimes"), _EAST, strict=True)
    ):
        t.tell(source, t.at(3 * day, 23), suspect, place=ReportedPlace(area=area), category="robbery")
    return "soc-cross-district", f"person:{suspect.token}", "fires"


def car_in_two_districts(t: Teller) -> Verdict:
    """Three burglaries in two districts."""
    car = t.token()
    for day, source in enumerate(("police-crimes", "police-crimes", "housing")):
        _burglary(t, source, t.at(3 * day, 2), _EAST[day % 2], car)
    return "soc-cross-district", f"vehicle:{car}", "must-not-fire"


def car_seen_a_second_too_early(t: Teller) -> Verdict:
    """The first district lies 28 days and a second before the third."""
    car = t.token()
    _burglary(t, "police-crimes", t.at(6, 2) - 28 * DAY_LENGTH - SECOND, _EAST[0], car)
    _burglary(t, "police-incidents", t.at(3, 2), _EAST[1], car)
    _burglary(t, "police-crimes", t.at(6, 2), _EAST[2], car)
    return "soc-cross-district", f"vehicle:{car}", "must-not-fire"


def car_known_from_one_feed(t: Teller) -> Verdict:
    """One organisation and one kind of report are not enough."""
    car = t.token()
    for day, area in enumerate(_EAST):
        _burglary(t, "police-crimes", t.at(3 * day, 2), area, car)
    return "soc-cross-district", f"vehicle:{car}", "must-not-fire"


def car_in_two_families_of_crime(t: Teller) -> Verdict:
    """Two burglaries and a drug deal are not the same crime three times."""
    car = t.token()
    for day, category in enumerate(("burglary", "drugs", "burglary")):
        source = ("police-crimes", "police-incidents")[day % 2]
        _burglary(t, source, t.at(3 * day, 2), _EAST[day], car, category=category)
    return "soc-cross-district", f"vehicle:{car}", "must-not-fire"


def car_known_from_poor_intelligence(t: Teller) -> Verdict:
    """All of it graded D or E."""
    car = t.token()
    for day, grade in enumerate("DED"):
        source = ("police-crimes", "police-incidents")[day % 2]
        _burglary(t, source, t.at(3 * day, 2), _EAST[day], car, grade=grade)
    return "soc-cross-district", f"vehicle:{car}", "must-not-fire"


def car_corrected_into_two_districts(t: Teller) -> Verdict:
    """The third burglary was in the second district after all: the alert is raised and withdrawn."""
    car = t.token()
    for day, source in enumerate(("police-crimes", "housing")):
        _burglary(t, source, t.at(3 * day, 2), _EAST[day], car)
    third = _burglary(t, "police-crimes", t.at(6, 2), _EAST[2], car)
    place = ReportedPlace(area=_EAST[1])
    t.send(msgspec.structs.replace(third, source_version=2, action="correct", place=place), t.at(8, 9))
    return "soc-cross-district", f"vehicle:{car}", "must-not-fire"


def child_missing_and_drugs(t: Teller) -> Verdict:
    """A child goes missing twice and is then suspected of a drug offence."""
    token = t.token()
    _goes_missing(t, token, t.at(0, 20))
    _goes_missing(t, token, t.at(3, 20))
    t.tell("police-crimes", t.at(5, 15), _party("suspect", token, child=True), category="drugs", origin="discovered")
    return "soc-child-exploitation-lines", f"person:{token}", "fires"


def child_missing_once_and_drugs(t: Teller) -> Verdict:
    """One episode and its end are not two."""
    token = t.token()
    _goes_missing(t, token, t.at(0, 20))
    t.tell("police-missing", t.at(1, 6), _party("missing", token, child=True), subtype="returned")
    t.tell("police-crimes", t.at(5, 15), _party("suspect", token, child=True), category="drugs", origin="discovered")
    return "soc-child-exploitation-lines", f"person:{token}", "must-not-fire"


def _found(t: Teller, *, away: bool, sign: str) -> str:
    token = t.token()
    child = _party("missing", token, child=True)
    facts = (Fact("found-out-of-area", str(away).lower()),)
    t.tell("police-missing", t.at(0, 20), child, subtype="returned", facts=facts)
    t.tell("police-crimes", t.at(3, 15), _party("suspect", token, child=True), category=sign, origin="discovered")
    # Asked in time, so that only one thing is told of here.
    subject = msgspec.structs.replace(child, role="subject")
    t.tell("childrens-services", t.at(1, 10), subject, subtype="return-interview")
    return f"person:{token}"


def child_found_away_with_a_weapon(t: Teller) -> Verdict:
    """Found in another district, and a weapon three days later."""
    return "soc-child-found-away", _found(t, away=True, sign="possession-of-weapons"), "fires"


def child_found_near_home_with_drugs(t: Teller) -> Verdict:
    """Found in the home district."""
    return "soc-child-found-away", _found(t, away=False, sign="drugs"), "must-not-fire"


def child_found_away_and_robbed(t: Teller) -> Verdict:
    """A robbery is neither drugs nor a weapon."""
    return "soc-child-found-away", _found(t, away=True, sign="robbery"), "must-not-fire"


def child_missing_and_found_far_away(t: Teller) -> Verdict:
    """Missing twice, and the return interview tells of forty kilometres."""
    token = t.token()
    _goes_missing(t, token, t.at(0, 20))
    _goes_missing(t, token, t.at(2, 20))
    subject, facts = _party("subject", token, child=True), (Fact("found-distance-km", "40"),)
    t.tell("childrens-services", t.at(4, 10), subject, subtype="return-interview", facts=facts)
    return "soc-child-exploitation-lines", f"person:{token}", "fires"


def _nuisance_and_concern(t: Teller, *sources: str, since: int = 0, car: str | None = None) -> str:
    """From the day `since` on; the first complaint may name a car."""
    uprn = t.uprn()
    place = ReportedPlace(uprn=uprn, area=t.area())
    for day, source in enumerate(sources):
        vehicles = (car,) if car and not day else ()
        t.tell(source, t.at(since + 2 * day, 22), place=place, category="asb-noise", vehicles=vehicles)
    t.tell("housing", t.at(since + 5, 10), place=place, category="cuckooing-concern")
    return f"place:{uprn}"


def home_taken_over(t: Teller) -> Verdict:
    """Noise told to council and police, then a concern of the landlord."""
    key = _nuisance_and_concern(t, "council-asb", "police-incidents", "council-asb")
    return "soc-cuckooing", key, "fires"


def home_one_landlord_worries_about(t: Teller) -> Verdict:
    """All of it known from the landlord alone."""
    return "soc-cuckooing", _nuisance_and_concern(t, "housing", "housing", "housing"), "must-not-fire"


_COMPLAINTS = ("council-asb", "police-incidents", "council-asb")


def car_at_two_homes(t: Teller) -> Verdict:
    """Both show the signs of a takeover, and neighbours of both noted the same car."""
    car = t.token()
    for since in (0, 1):
        _nuisance_and_concern(t, *_COMPLAINTS, since=since, car=car)
    return "soc-cuckooing-vehicle", f"vehicle:{car}", "fires"


def car_at_a_home_and_at_one_that_is_only_noisy(t: Teller) -> Verdict:
    """The signs are there at one of the two."""
    car = t.token()
    _nuisance_and_concern(t, *_COMPLAINTS, car=car)
    _nuisance_and_concern(t, "housing", "housing", "housing", since=1, car=car)
    return "soc-cuckooing-vehicle", f"vehicle:{car}", "must-not-fire"


def car_of_a_home_and_a_line(t: Teller) -> Verdict:
    """A neighbour noted it at a home that was taken over, and police where a deal line was answered."""
    car = t.token()
    _nuisance_and_concern(t, *_COMPLAINTS, car=car)
    _line(t, _EAST[0], _EAST[0], _EAST[1], car=car)
    return "soc-hub", f"vehicle:{car}", "fires"


def car_of_a_line_alone(t: Teller) -> Verdict:
    """Its deal line is one case, and the home next to it none."""
    car = t.token()
    _nuisance_and_concern(t, "housing", "housing", "housing", car=car)
    _line(t, _EAST[0], _EAST[0], _EAST[1], car=car)
    return "soc-hub", f"vehicle:{car}", "must-not-fire"


def _fire_after(t: Teller, later: int) -> str:
    uprn, burnt = t.uprn(), t.at(3, 2)
    place = ReportedPlace(uprn=uprn, area=t.area())
    t.tell("police-crimes", burnt - later, place=place, reported=t.at(0, 9) if burnt - later < t.at(0, 0) else None)
    t.tell("fire", burnt, place=place)
    return f"place:{uprn}"


def fire_after_violence(t: Teller) -> Verdict:
    """Two days after an assault at the same address."""
    return "soc-intimidation-fire", _fire_after(t, 2 * DAY_LENGTH), "fires"


def fire_thirty_days_and_a_second_after(t: Teller) -> Verdict:
    """One second too late to be joined."""
    return "soc-intimidation-fire", _fire_after(t, 30 * DAY_LENGTH + SECOND), "must-not-fire"


# --- near to one another ----------------------------------------------------------------------------------------------


def _burgled_near(t: Teller, metres: int, later: int) -> str:
    """Two burglaries so far and so long apart; the earlier may be found late. The cell of the later one."""
    second, area = t.at(1, 14), t.area()
    first = second - later
    t.tell(
        "police-crimes", first, place=t.spot(area=area), category="burglary",
        reported=t.at(0, 9) if first < t.at(0, 0) else None,
    )  # fmt: skip
    return t.cell(t.tell("police-crimes", second, place=t.spot(metres, area=area), category="burglary"))


def burglary_next_door(t: Teller) -> Verdict:
    """The day after, twelve metres away."""
    return "burg-near-repeat-high", _burgled_near(t, 12, DAY_LENGTH), "fires"


def burglary_a_metre_too_far(t: Teller) -> Verdict:
    """The day after, a hundred metres away and one."""
    return "burg-near-repeat-high", _burgled_near(t, 101, DAY_LENGTH), "must-not-fire"


def burglary_streets_away(t: Teller) -> Verdict:
    """As far and as long apart as may be."""
    return "burg-near-repeat-medium", _burgled_near(t, 400, 28 * DAY_LENGTH), "fires"


def burglary_four_weeks_and_a_second_later(t: Teller) -> Verdict:
    """Next door, and one second too late."""
    return "burg-near-repeat-medium", _burgled_near(t, 12, 28 * DAY_LENGTH + SECOND), "must-not-fire"


def _answered(t: Teller, metres: int, later: int) -> str:
    """Two attacks with a weapon on either side of the Ribble. The cell of the later one."""
    second, armed = t.at(1, 23), ("weapon",)
    first = second - later
    t.tell(
        "police-crimes", first, place=t.spot(area=_PRESTON), flags=armed,
        reported=t.at(0, 9) if first < t.at(0, 0) else None,
    )  # fmt: skip
    return t.cell(t.tell("police-crimes", second, place=t.spot(0, -metres, _SOUTH_RIBBLE), flags=armed))


def attack_answered(t: Teller) -> Verdict:
    """Thirteen days later and 390 metres away, in the next district."""
    return "soc-retaliation", _answered(t, 390, 13 * DAY_LENGTH), "fires"


def attack_410_metres_away(t: Teller) -> Verdict:
    """Ten metres too far."""
    return "soc-retaliation", _answered(t, 410, 13 * DAY_LENGTH), "must-not-fire"


def attack_fifteen_days_later(t: Teller) -> Verdict:
    """A day too late."""
    return "soc-retaliation", _answered(t, 390, 15 * DAY_LENGTH), "must-not-fire"


def _led_to(t: Teller, *, finds: int) -> str:
    """An attack whose car is found with drugs and a phone, that phone with another, and so on to who attacks next."""
    armed, car, phone = ("weapon",), t.token(), t.token()
    first = t.tell("police-crimes", t.at(0, 20), flags=armed, vehicles=(car,))
    t.tell("police-incidents", t.at(1, 20), category="drugs", vehicles=(car,), phones=(phone,))
    for number in range(1, finds):
        called = t.token()
        t.tell("police-incidents", t.at(1, 20 + number), category="drugs", phones=(phone, called))
        phone = called
    t.tell("police-crimes", t.at(3, 20), flags=armed, phones=(phone,))
    return f"linked:{incident_id(first.source, first.source_ref)}"


def attack_led_to(t: Teller) -> Verdict:
    """The car of one attack leads to the phone of the next, by a find of drugs."""
    return "soc-retaliation", _led_to(t, finds=1), "fires"


def attack_led_to_from_afar(t: Teller) -> Verdict:
    """The same, one phone further."""
    return "soc-retaliation", _led_to(t, finds=2), "must-not-fire"


def _line(t: Teller, *areas: str, car: str | None = None) -> str:
    phone = t.token()
    told = (("police-incidents", "drugs"), ("housing", "cuckooing-concern"), ("police-missing", "missing"))
    for day, ((source, category), area) in enumerate(zip(told, areas, strict=True)):
        subtype = "reported" if category == "missing" else ""
        place = ReportedPlace(area=area)
        vehicles = (car,) if car and not day else ()
        t.tell(
            source, t.at(2 * day, 20), place=place, category=category, subtype=subtype,
            phones=(phone,), vehicles=vehicles,
        )  # fmt: skip
    return f"phone:{phone}"


def deal_line_in_two_districts(t: Teller) -> Verdict:
    """One phone in a find of drugs, a landlord's concern and a missing person's report."""
    return "soc-deal-line", _line(t, _EAST[0], _EAST[0], _EAST[1]), "fires"


def deal_line_in_one_district(t: Teller) -> Verdict:
    """The same, all of it in one district."""
    return "soc-deal-line", _line(t, _EAST[0], _EAST[0], _EAST[0]), "must-not-fire"


def _signs(t: Teller, *flags: str) -> str:
    token = t.token()
    child = _party("subject", token, child=True)
    for day, flag in enumerate(flags):
        source = ("police-incidents", "housing")[day % 2]
        t.tell(source, t.at(2 * day, 16), child, category="cuckooing-concern", flags=(flag,))
    return f"person:{token}"


def child_with_three_signs(t: Teller) -> Verdict:
    """An older associate, unexplained gifts, and a disclosure that was withdrawn."""
    return "soc-cse", _signs(t, "older-associate", "unexplained-gifts", "disclosure-withdrawn"), "fires"


def child_with_one_sign_three_times(t: Teller) -> Verdict:
    """The older associate, again and again."""
    return "soc-cse", _signs(t, "older-associate", "older-associate", "older-associate"), "must-not-fire"


def _missing_from(t: Teller, *tokens: str) -> str:
    uprn = t.uprn()
    place = ReportedPlace(uprn=uprn, area=t.area())
    for day, token in enumerate(tokens):
        missing = _party("missing", token, child=True)
        t.tell("police-missing", t.at(2 * day, 21), missing, place=place, subtype="reported")
    return f"place:{uprn}"


def three_children_at_one_address(t: Teller) -> Verdict:
    """Three children, each missing from the same address."""
    return "soc-cse-place", _missing_from(t, t.token(), t.token(), t.token()), "fires"


def one_child_three_times_from_home(t: Teller) -> Verdict:
    """One child, three times missing from home."""
    child = t.token()
    return "soc-cse-place", _missing_from(t, child, child, child), "must-not-fire"


def _inspected(t: Teller, *found: tuple[str, str]) -> str:
    uprn = t.uprn()
    place = ReportedPlace(uprn=uprn, area=t.area())
    for day, (source, category) in enumerate(found):
        t.tell(source, t.at(3 * day, 10), place=place, category=category, origin="discovered")
    return f"place:{uprn}"


def two_signs_of_forced_labour(t: Teller) -> Verdict:
    """A landlord finds too many people, the fire service no alarm."""
    found = (("housing", "overcrowding"), ("fire", "fire-safety-failure"))
    return "soc-modern-slavery", _inspected(t, *found), "fires"


def one_sign_of_forced_labour_twice(t: Teller) -> Verdict:
    """Too many people, as landlord and council find."""
    found = (("housing", "overcrowding"), ("council-asb", "overcrowding"))
    return "soc-modern-slavery", _inspected(t, *found), "must-not-fire"


# --- neighbourhoods ---------------------------------------------------------------------------------------------------


def _signs_of_supply(t: Teller, *signs: tuple[str, str]) -> str:
    """One every two days, none at an address. The LSOA of the last."""
    place = msgspec.structs.replace(t.neighbourhood(), uprn=None)
    told = [
        t.tell(source, t.at(2 * day, 21), place=place, category=category,
               origin="discovered" if category == "drugs" else "reported")
        for day, (source, category) in enumerate(signs)
    ]  # fmt: skip
    return t.lsoa(told[-1])


def supply_in_one_neighbourhood(t: Teller) -> Verdict:
    """An overdose, complaints, needles, and an arrest."""
    signs = (("health-aggregates", "overdose"), ("council-asb", "asb-drugs"), ("council-asb", "discarded-needles"),
             ("police-crimes", "drugs"))  # fmt: skip
    return "soc-drug-cluster", _signs_of_supply(t, *signs), "fires"


def supply_known_to_the_council_alone(t: Teller) -> Verdict:
    """As many kinds and events, all told by the council."""
    kinds = ("asb-drugs", "discarded-needles", "asb-vehicle", "asb-drugs")
    return "soc-drug-cluster", _signs_of_supply(t, *(("council-asb", kind) for kind in kinds)), "must-not-fire"


def _attacks(t: Teller, known: int, *, late: bool = False) -> str:
    """Five attacks in one neighbourhood, told by hospital or ambulance, so many of them by the police as well."""
    place = t.neighbourhood()
    told = [t.tell(("ed-assaults", "ambulance")[day % 2], t.at(day, 22), place=place) for day in range(5)]
    for day in range(known):
        reported = t.at(10, 9) if late else t.at(day, 23)
        t.tell("police-crimes", t.at(day, 22.5), place=place, reported=reported)
    return t.lsoa(told[-1])


def violence_the_police_do_not_know_of(t: Teller) -> Verdict:
    """They know of two in five."""
    return "soc-violence-unreported", _attacks(t, 2), "fires"


def violence_the_police_know_of(t: Teller) -> Verdict:
    """They know of three in five."""
    return "soc-violence-unreported", _attacks(t, 3), "must-not-fire"


def violence_the_police_tell_of_late(t: Teller) -> Verdict:
    """They know of four, and tell of them a week later: the alert is raised and withdrawn."""
    return "soc-violence-unreported", _attacks(t, 4, late=True), "must-not-fire"


# --- safeguarding of households ---------------------------------------------------------------------------------------


def _called_to(t: Teller, times: int) -> str:
    uprn = t.uprn()
    place = ReportedPlace(uprn=uprn, area=t.area())
    for number in range(times):
        t.tell("ambulance", t.at(number // 2, 9 + 12 * (number % 2)), place=place)
    return f"place:{uprn}"


def ambulance_fifteen_times(t: Teller) -> Verdict:
    """Twice a day for a week, and once more."""
    return "frequent-caller", _called_to(t, 15), "fires"


def ambulance_fourteen_times(t: Teller) -> Verdict:
    """Once less."""
    return "frequent-caller", _called_to(t, 14), "must-not-fire"


def school_night(before: Day) -> Day:
    """The last Monday before a day on which, wherever the holidays lie, schools are open, and on the day after it."""
    for back in range(1, 366):
        when = to_date(before - back)
        if when.isoweekday() == 1 and (when.month, (when.day - 1) // 7) in _WEEKS_OF_SCHOOL:
            return before - back
    raise AssertionError(_WEEKS_OF_SCHOOL)


_WEEKS_OF_SCHOOL = {(1, 2), (3, 1), (6, 1), (11, 1)}
"""Month, and which week of it: in the middle of terms. A test holds the calendar that ships against them."""


def _school_of(t: Teller, told_later: int | None) -> str:
    """A child's report of a school night, heard of late; and word that the school was told so long after nine."""
    token, night = t.token(), school_night(t.day)
    child = _party("subject", token, child=True)
    t.tell("police-incidents", start_of(night) + 22 * HOUR, child, category="domestic-abuse", reported=t.at(0, 9))
    if told_later is not None:
        morning = start_of(night + 1) + 9 * HOUR
        at = morning + told_later
        t.tell("childrens-services", at, child, reported=t.at(0, 10), subtype="school-notification")
    return f"person:{token}"


def no_school_told(t: Teller) -> Verdict:
    """Nobody tells the school of the night before."""
    return "encompass-not-told", _school_of(t, None), "fires"


def school_told_at_the_last_instant(t: Teller) -> Verdict:
    """When the school day begins."""
    return "encompass-not-told", _school_of(t, 0), "must-not-fire"


def school_told_a_second_late(t: Teller) -> Verdict:
    """The school day has begun."""
    return "encompass-not-told", _school_of(t, SECOND), "fires"


def _review_of(t: Teller, answered_later: int | None) -> str:
    """A case review asked for two working weeks and more ago, and the agencies' details so long after it was late."""
    token, monday = t.token(), school_night(t.day - 15)
    subject = _party("subject", token)
    asked = start_of(monday) + 11 * HOUR
    t.tell("interventions", asked, subject, reported=t.at(0, 9), subtype="case-review-requested")
    if answered_later is not None:
        # Two weeks of five days are over when the Tuesday after begins.
        at = start_of(monday + 15) + answered_later
        t.tell("interventions", at, subject, reported=t.at(0, 10), subtype="case-review-details")
    return f"person:{token}"


def review_never_answered(t: Teller) -> Verdict:
    """The agencies tell nothing of what they know."""
    return "asb-case-review-late", _review_of(t, None), "fires"


def review_answered_at_the_last_instant(t: Teller) -> Verdict:
    """When the eleventh working day begins."""
    return "asb-case-review-late", _review_of(t, 0), "must-not-fire"


# --- a district's week ------------------------------------------------------------------------------------------------


def _monday(t: Teller, weeks: int, area: str) -> Day:
    """The first Monday from the story's day on; nothing else may be violent there in so many weeks from it."""
    monday = period_of(t.day + 6, "week").starts
    t.quiet |= {(area, monday + 7 * week) for week in range(weeks)}
    return monday


def _violence(t: Teller, area: str, day: Day, number: int) -> None:
    """So many violent crimes on one day; we hear of them two days later, past the end of any week they are in."""
    for one in range(number):
        at = start_of(day) + 8 * HOUR + one * 7 * MINUTE
        t.tell("police-crimes", at, place=ReportedPlace(area=area), received=start_of(day + 2) + 9 * HOUR)


def _violent_week(t: Teller, week: AgreedWeek, number: int) -> str:
    monday = _monday(t, 1, week.area)
    for day in range(7):
        _violence(t, week.area, monday + day, number // 7 + (day < number % 7))
    return f"area:{week.area}|violence"


def week_at_its_number(t: Teller) -> Verdict:
    """Exactly the agreed number in one week."""
    week = t.county.stories.weeks.over
    return "district-count", _violent_week(t, week, week.at_least), "fires"


def week_one_short(t: Teller) -> Verdict:
    """One fewer."""
    week = t.county.stories.weeks.short
    return "district-count", _violent_week(t, week, week.at_least - 1), "must-not-fire"


def sunday_and_monday(t: Teller) -> Verdict:
    """More than the number in two days, but they are two weeks."""
    week = t.county.stories.weeks.split
    monday = _monday(t, 2, week.area)
    for day in (6, 7):
        _violence(t, week.area, monday + day, week.at_least * 2 // 3)
    return "district-count", f"area:{week.area}|violence", "must-not-fire"


_TELLINGS: tuple[tuple[Callable[[Teller], Verdict], int], ...] = (
    (week_at_its_number, 16),
    (week_one_short, 16),
    (sunday_and_monday, 23),
    (repeat_victim, 6),
    (late_harm_dates_back, 7),
    (one_assault_told_twice, 2),
    (harm_a_year_and_a_second_apart, 2),
    (harm_withdrawn_before_it_came, 4),
    (harm_corrected_to_another, 4),
    (witness_is_no_victim, 3),
    (contact_after_referral, 7),
    (contact_by_another, 7),
    (contact_before_referral, 7),
    (contact_a_year_and_a_day_later, 2),
    (three_complaints, 6),
    (one_evening_told_to_three, 2),
    (third_complaint_too_late, 6),
    (third_complaint_withdrawn, 8),
    (five_neighbours, 6),
    (five_neighbours_in_burnley, 6),
    (four_neighbours, 6),
    (hate_once, 2),
    (hate_told_too_late, 2),
    (no_interview, 7),
    (interview_a_second_late, 7),
    (interview_at_the_last_instant, 7),
    (interview_heard_of_late, 9),
    (adult_returns, 7),
    (car_in_three_districts, 8),
    (suspect_in_three_districts, 8),
    (car_in_two_districts, 8),
    (car_seen_a_second_too_early, 8),
    (car_known_from_one_feed, 8),
    (car_in_two_families_of_crime, 8),
    (car_known_from_poor_intelligence, 8),
    (car_corrected_into_two_districts, 10),
    (abuse_three_times, 6),
    (abuse_in_log_and_crime, 5),
    (hate_again, 6),
    (hate_told_to_police_and_council, 2),
    (child_missing_three_times, 8),
    (child_missing_a_second_too_early, 6),
    (violence_at_one_address, 6),
    (violence_known_from_one_feed, 5),
    (child_missing_and_drugs, 7),
    (child_missing_once_and_drugs, 7),
    (home_taken_over, 7),
    (home_one_landlord_worries_about, 7),
    (fire_after_violence, 5),
    (fire_thirty_days_and_a_second_after, 5),
    (burglary_next_door, 4),
    (burglary_a_metre_too_far, 4),
    (burglary_streets_away, 4),
    (burglary_four_weeks_and_a_second_later, 4),
    (attack_answered, 4),
    (attack_410_metres_away, 4),
    (attack_fifteen_days_later, 4),
    (deal_line_in_two_districts, 6),
    (deal_line_in_one_district, 6),
    (child_with_three_signs, 6),
    (child_with_one_sign_three_times, 6),
    (three_children_at_one_address, 6),
    (one_child_three_times_from_home, 6),
    (two_signs_of_forced_labour, 5),
    (one_sign_of_forced_labour_twice, 5),
    (ambulance_fifteen_times, 9),
    (ambulance_fourteen_times, 9),
    (no_school_told, 7),
    (school_told_at_the_last_instant, 7),
    (abuse_at_high_risk, 2),
    (abuse_just_below_high_risk, 3),
    (risk_corrected_to_below, 4),
    (child_found_away_with_a_weapon, 5),
    (child_found_near_home_with_drugs, 5),
    (child_found_away_and_robbed, 5),
    (child_missing_and_found_far_away, 6),
    (supply_in_one_neighbourhood, 8),
    (supply_known_to_the_council_alone, 8),
    (violence_the_police_do_not_know_of, 7),
    (violence_the_police_know_of, 7),
    (violence_the_police_tell_of_late, 12),
    (car_at_two_homes, 7),
    (car_at_a_home_and_at_one_that_is_only_noisy, 7),
    (car_of_a_home_and_a_line, 6),
    (car_of_a_line_alone, 6),
    (attack_led_to, 5),
    (attack_led_to_from_afar, 5),
    (abuse_of_two, 4),
    (abuse_of_one_home, 4),
    (abuse_by_each_other, 5),
    (twice_on_the_list, 4),
    (log_and_crime_are_one, 2),
    (burgled_again, 5),
    (burgled_and_robbed, 5),
    (school_told_a_second_late, 7),
    (review_never_answered, 8),
    (review_answered_at_the_last_instant, 8),
    (harmed_at_one_address, 6),
    (harmed_at_one_address_and_abused, 6),
)
"""Each story and the days it needs; the numbering above sets when it is told, so new ones go to the end."""
