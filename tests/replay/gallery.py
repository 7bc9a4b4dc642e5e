"""One universe with every edge in it, for tests that break the core on purpose: each scene has names of its own."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from tests.replay.running import SMALL_HUB, Decided, Told
from tests.replay.telling import a_report, at, withdrawn

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.links import LinkState, PersonLink
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE

BURNLEY, HYNDBURN, LANCASTER, PENDLE, RIBBLE_VALLEY = "E07000117", "E07000120", "E07000121", "E07000122", "E07000124"
LEEDS = "E08000035"


def gallery() -> list[Told]:
    """Every scene, in order of receipt."""
    scenes = (
        _windows,
        _mergers,
        _versions,
        _returns,
        _hubs,
        _weeks,
        _complaints,
        _referrals,
        _abuse,
        _assessed,
        _graded,
        _marked,
        _partners,
        _hate,
        _missing,
        _exploited,
        _found,
        _addresses,
        _lines,
        _signs,
        _visits,
        _networks,
        _cases,
        _cars,
        _reviews,
        _streets,
        _crowds,
        _answers,
        _spots,
        _unreported,
        _links,
        _drawn_out,
        _groups,
        _news,
        _feeds,
    )
    told = [told for scene in scenes for told in scene()]
    return sorted(told, key=lambda one: one.received_at)


def persons() -> list[Told | Decided]:
    """What stewards decide about persons, in order of receipt: for tests that break that on purpose."""
    scenes = (_merges, _splits, _crowded_persons, _maybes, _unconfirmed_answers, _neighbours)
    told = [told for scene in scenes for told in scene()]
    return sorted(told, key=lambda one: one.received_at)


def _decision(first: str, second: str, state: LinkState, when: str, *, received: str | None = None) -> Decided:
    link = PersonLink(
        first=first, second=second, state=state, method="steward", decided_by="steward-1", decided_at=at(when)
    )
    return Decided(link, at(received or when))


def _merges() -> Iterator[Told | Decided]:
    """Three harms under two tokens: linked before them all, between, after, and by way of a third; each said twice."""
    for name, when in (("before", "2025-01-01T10:00"), ("between", "2025-02-15T10:00"), ("after", "2025-06-01T10:00")):
        yield from _three_harms(name)
        yield _decision(f"tok-z-{name}", f"tok-a-{name}", "linked", when)
        yield _decision(f"tok-z-{name}", f"tok-a-{name}", "linked", when, received="2025-07-01T10:00")
    yield from _three_harms("through")
    yield _decision("tok-z-through", "tok-m-through", "linked", "2025-03-01T10:00")
    yield _decision("tok-a-through", "tok-m-through", "linked", "2025-01-01T10:00")


def _splits() -> Iterator[Told | Decided]:
    """A merge taken back; one that a later decision, which came first, had taken back; and one made again."""
    for name in ("split", "stale", "again"):
        yield from _three_harms(name)
    yield _decision("tok-a-split", "tok-z-split", "linked", "2025-05-01T10:00")
    yield _decision("tok-a-split", "tok-z-split", "apart", "2025-05-02T10:00")
    yield _decision("tok-a-stale", "tok-z-stale", "apart", "2025-05-02T10:00")
    yield _decision("tok-a-stale", "tok-z-stale", "linked", "2025-05-01T10:00", received="2025-05-03T10:00")
    yield _decision("tok-a-again", "tok-z-again", "linked", "2025-01-01T10:00")
    yield _decision("tok-a-again", "tok-z-again", "apart", "2025-02-15T10:00")
    yield _decision("tok-a-again", "tok-z-again", "linked", "2025-05-02T10:00")


def _three_harms(name: str) -> Iterator[Told]:
    for number, token in enumerate((f"tok-z-{name}", f"tok-a-{name}", f"tok-z-{name}"), 1):
        yield _now(_harm(f"{name}-{number}", f"2025-0{number}-10T10:00", token))


def _crowded_persons() -> Iterator[Told | Decided]:
    """Nine tokens of one person are too many, and five others one may be."""
    for number in range(9):
        yield _now(_harm(f"nine-{number}", f"2025-01-{number + 10}T10:00", f"tok-nine-{number}"))
        if number:
            yield _decision(f"tok-nine-{number - 1}", f"tok-nine-{number}", "linked", "2025-01-02T10:00")
    for number in range(6):
        yield _now(_gone(f"five-{number}", f"2025-01-{number + 10}T10:00", f"tok-five-{number}"))
        if number:
            yield _decision("tok-five-0", f"tok-five-{number}", "possible", "2025-01-02T10:00")


def _gone(ref: str, when: str, token: str, subtype: str = "reported") -> Report:
    return a_report("police-missing", ref, when, people={"missing": token}, child=True, subtype=subtype)


def _maybes() -> Iterator[Told | Decided]:
    """Three episodes of three children, one of whom may be either other; two pairs who may be others; one confirmed."""
    for number, token in enumerate(("tok-left", "tok-middle", "tok-right"), 1):
        yield _now(_gone(f"maybe-{number}", f"2025-01-0{number}T10:00", token))
    yield _decision("tok-left", "tok-middle", "possible", "2025-01-05T10:00")
    yield _decision("tok-middle", "tok-right", "possible", "2025-01-05T10:00")
    home = ReportedPlace(area=BURNLEY, uprn="900000000071")
    for name in ("pair", "sure"):
        people = {"victim": f"tok-v-{name}", "perpetrator": f"tok-p-{name}"}
        others = {"victim": f"tok-w-{name}", "perpetrator": f"tok-q-{name}"}
        yield _now(a_report("marac", f"{name}-1", "2025-02-01T10:00", people=people))
        yield _now(a_report("domestic-abuse", f"{name}-2", "2025-03-01T10:00", people=others, place=home))
        # One evening told by two, of whom one means somebody who may be another.
        yield _now(
            a_report("housing", f"{name}-3", "2025-03-01T10:30", people=people, place=home, category="domestic-abuse")
        )
        yield _decision(f"tok-v-{name}", f"tok-w-{name}", "possible", "2025-03-05T10:00")
        yield _decision(f"tok-p-{name}", f"tok-q-{name}", "possible", "2025-03-05T10:00")
    yield _decision("tok-v-sure", "tok-w-sure", "linked", "2025-03-06T10:00")
    yield _decision("tok-p-sure", "tok-q-sure", "linked", "2025-03-06T10:00")


def _unconfirmed_answers() -> Iterator[Told | Decided]:
    """A child who comes back and may be the one who was asked: that cancels nothing until a steward is sure."""
    for name in ("asked-maybe", "asked-sure"):
        yield _now(_gone(name, "2025-04-01T10:00", f"tok-{name}", "returned"))
        subject = {"subject": f"tok-other-{name}"}
        yield _now(
            a_report(
                "childrens-services", name, "2025-04-02T10:00", people=subject, child=True, subtype="return-interview"
            )
        )
        yield _decision(f"tok-{name}", f"tok-other-{name}", "possible", "2025-04-03T10:00")
    yield _decision("tok-asked-sure", "tok-other-asked-sure", "linked", "2025-04-09T10:00")
    visit = a_report("childrens-services", "visit-of-persons", "2025-08-12T10:00", subtype="safeguarding-visit")
    yield _now(visit)


def _neighbours() -> Iterator[Told | Decided]:
    """Five tokens of four neighbours are four."""
    home = ReportedPlace(area=HYNDBURN, uprn="900000000072")
    for number in range(5):
        people = {"reporter": f"tok-neighbour-{number}"}
        yield _now(
            a_report("council-asb", f"neighbour-{number}", f"2025-01-0{number + 1}T20:00", place=home, people=people)
        )
    yield _decision("tok-neighbour-1", "tok-neighbour-3", "linked", "2025-02-01T10:00")


def _now(report: Report, later: int = 0) -> Told:
    """Received as soon as it was made, or so much later."""
    return Told(report, max(report.reported_at, report.occurred_to or 0, report.occurred_from) + later)


def _harm(ref: str, when: str, victim: str, **more: object) -> Report:
    return a_report("police-crimes", ref, when, people={"victim": victim}, **more)


def _moved(report: Report, by: int) -> Report:
    return msgspec.structs.replace(report, occurred_from=report.occurred_from + by, reported_at=report.reported_at + by)


def _windows() -> Iterator[Told]:
    """Twelve months to the millisecond, and one more; a harm that is heard of after a later one."""
    yield _now(_harm("w1", "2025-01-10T10:00", "tok-edge"))
    yield _now(_harm("w2", "2026-01-10T10:00", "tok-edge"))
    yield _now(_harm("w3", "2025-01-10T10:00", "tok-past"))
    yield _now(_moved(_harm("w4", "2026-01-10T10:00", "tok-past"), 1))
    yield _now(_harm("w5", "2025-10-10T10:00", "tok-late"))
    yield _now(_harm("w6", "2025-09-10T10:00", "tok-late", reported="2025-11-10T10:00"))


def _mergers() -> Iterator[Told]:
    """One assault told to two, at the edges of what is one place and one time; and twice to one organisation."""
    home = ReportedPlace(area=BURNLEY, uprn="900000000001")
    here = ReportedPlace(area=BURNLEY, easting=384_000, northing=432_000)
    near = ReportedPlace(area=BURNLEY, easting=384_060, northing=432_080)
    far = ReportedPlace(area=BURNLEY, easting=384_061, northing=432_080)
    pairs = [
        ("m1", home, home, "housing", HOUR),
        ("m2", home, home, "housing", HOUR + 1),
        ("m3", here, near, "housing", 0),
        ("m4", here, far, "housing", 0),
        ("m5", home, home, "police-hate", 0),
        ("m6", msgspec.structs.replace(here, snapped=True), here, "housing", 0),
    ]
    for number, (ref, one, other, source, later) in enumerate(pairs):
        day, people = f"2025-03-1{number}T10:00", {"victim": f"tok-{ref}"}
        yield _now(a_report("police-crimes", ref, day, place=one, people=people, category="violence"))
        yield _now(_moved(a_report(source, ref, day, place=other, people=people, category="violence"), later))


def _versions() -> Iterator[Told]:
    """What takes a second harm away, what does not, and what is said of one version twice."""
    for action in ("withdraw", "erase", "restrict", "dispute"):
        yield _now(_harm(f"{action}-1", "2025-04-01T10:00", f"tok-{action}"))
        second = _harm(f"{action}-2", "2025-04-02T10:00", f"tok-{action}")
        yield _now(second)
        yield _now(msgspec.structs.replace(second, source_version=2, action=action), DAY_LENGTH)
    yield _now(_harm("before-1", "2025-04-01T10:00", "tok-before"))
    second = _harm("before-2", "2025-04-02T10:00", "tok-before")
    yield _now(withdrawn(second))
    yield _now(second, DAY_LENGTH)
    # The same version in two ways: new and corrected. The correction counts, whichever came last.
    for name, first, last in (("tie-a", "new", "correct"), ("tie-b", "correct", "new")):
        yield _now(_harm(f"{name}-1", "2025-04-01T10:00", f"tok-{name}"))
        for hours, action in enumerate((first, last)):
            victim = f"tok-{name}" if action == "correct" else "tok-nobody"
            yield _now(_harm(f"{name}-2", "2025-04-02T10:00", victim, action=action), hours * HOUR)
    # A higher version that comes first stays.
    corrected = _harm("order-2", "2025-04-02T10:00", "tok-else", action="correct", source_version=2)
    yield _now(_harm("order-1", "2025-04-01T10:00", "tok-order"))
    yield _now(corrected)
    yield _now(_harm("order-2", "2025-04-02T10:00", "tok-order"), DAY_LENGTH)


def _returns() -> Iterator[Told]:
    """Children who come back: never asked, asked at the last instant, and too lately for anybody to know."""
    for ref, when, asked in (("never", "2025-05-01T20:00", None), ("in-time", "2025-05-01T20:00", 72 * HOUR)):
        child = {"people": {"missing": f"tok-{ref}"}, "child": True, "subtype": "returned"}
        yield _now(a_report("police-missing", ref, when, **child))
        if asked is not None:
            answer = a_report(
                "childrens-services",
                ref,
                when,
                people={"subject": f"tok-{ref}"},
                child=True,
                subtype="return-interview",
            )
            yield _now(_moved(answer, asked))
    child = {"people": {"missing": "tok-unknown"}, "child": True, "subtype": "returned"}
    yield _now(a_report("police-missing", "unknown", "2026-02-10T20:00", **child))


def _hubs() -> Iterator[Told]:
    """As many reports as a key may have, and one more."""
    for name, number in (("full", SMALL_HUB), ("hub", SMALL_HUB + 1)):
        for at_hour in range(number):
            yield _now(_harm(f"{name}-{at_hour}", f"2025-06-01T{at_hour:02}:00", f"tok-{name}"))


def _weeks() -> Iterator[Told]:
    """Weeks of violence at their number, one short, split, known to the month only, and corrected below it."""
    place = ReportedPlace(area=RIBBLE_VALLEY)
    days = ["2025-07-07", "2025-07-08", "2025-07-13", "2025-07-21", "2025-07-22", "2025-08-10", "2025-08-10"]
    # Half past midnight in summer is still yesterday in Greenwich.
    for number, when in enumerate([*(f"{day}T10:00" for day in days), "2025-08-11T00:30"]):
        yield _now(a_report("police-crimes", f"v{number}", when, place=place))
    for number in range(3):
        yield _now(a_report("police-crimes", f"month{number}", "2025-09-10T10:00", place=place, precision="month"))
    for number in range(3):
        yield _now(a_report("police-crimes", f"less{number}", "2025-10-08T10:00", place=place))
    gone = a_report("police-crimes", "less2", "2025-10-08T10:00", place=place)
    yield _now(
        msgspec.structs.replace(gone, source_version=2, action="correct", category="public-order"), 14 * DAY_LENGTH
    )


def _complaints() -> Iterator[Told]:
    """Three complaints: of two problems, found and not told, told too late; five neighbours here and in Burnley."""
    for name, last in (
        ("whole", {}),
        ("mixed", {"category": "asb-vehicle"}),
        ("found", {"origin": "discovered"}),
        ("slow", {"reported": "2025-12-05T20:00"}),
    ):
        for month, more in ((9, {}), (10, {}), (11, last)):
            yield _now(
                a_report("council-asb", f"{name}{month}", f"2025-{month:02}-04T20:00", people={"victim": f"tok-{name}"},
                         **more)
            )  # fmt: skip
    # One evening, and each of three, that the police log besides, twenty minutes earlier and as something else.
    for name, logged in (("logged", (10,)), ("logged-last", (11,)), ("both", (9, 10, 11))):
        home = {"people": {"victim": f"tok-{name}"}, "place": ReportedPlace(area=HYNDBURN, uprn="900000000023")}
        for month in (9, 10, 11):
            if month in logged:
                yield _now(a_report("police-incidents", f"{name}-log{month}", f"2025-{month:02}-04T19:40",
                                    category="anti-social-behaviour", **home))  # fmt: skip
            yield _now(a_report("council-asb", f"{name}{month}", f"2025-{month:02}-04T20:00", **home))
    for name, area in (("lancaster", LANCASTER), ("burnley", BURNLEY)):
        place = ReportedPlace(area=area, uprn="900000000021" if area == LANCASTER else "900000000022")
        for number in range(5):
            yield _now(
                a_report("council-asb", f"{name}{number}", f"2025-11-0{number + 1}T20:00", place=place,
                         people={"reporter": f"tok-{name}-{number}"}, category="asb-vehicle")
            )  # fmt: skip


def _referrals() -> Iterator[Told]:
    """Abuse after a referral, at its very instant, and with a weapon."""
    for name, hours, flags in (("after", 48, ()), ("at-once", 0, ()), ("armed", 48, ("weapon",))):
        pair = {"victim": f"tok-{name}-v", "perpetrator": f"tok-{name}-p"}
        yield _now(a_report("marac", name, "2025-10-01T09:00", people=pair))
        abuse = a_report("domestic-abuse", name, "2025-10-01T09:00", people=pair, flags=flags)
        yield _now(_moved(abuse, hours * HOUR))


def _abuse() -> Iterator[Told]:
    """Abuse three times: in logs, in crimes, a millisecond past the year, and twice with a log and a crime of each."""
    marked = {"flags": ("domestic-abuse",), "category": "violence"}
    for name, sources, last in (
        ("calls", ("police-incidents", "domestic-abuse", "police-incidents"), 0),
        ("crimes", ("police-crimes", "housing", "police-crimes"), 0),
        ("long", ("police-crimes", "housing", "police-crimes"), 1),
        ("mixed", ("police-incidents", "police-crimes", "police-crimes"), 0),
    ):
        days = ("2025-01-20T22:00", "2025-06-20T22:00", "2026-01-20T22:00")
        for source, when in zip(sources, days, strict=True):
            report = a_report(source, f"abuse-{name}-{when}", when, people={"victim": f"tok-abuse-{name}"}, **marked)
            yield _now(_moved(report, last if when == days[-1] else 0))
    for source in ("police-incidents", "police-crimes"):
        for day in ("03", "17"):
            twice = {"people": {"victim": "tok-abuse-twice"}, **marked}
            yield _now(a_report(source, f"abuse-twice-{day}", f"2025-07-{day}T22:00", **twice))


def _assessed() -> Iterator[Told]:
    """Abuse assessed just below and at what is high risk, as a referral, and corrected to either side of it."""
    for name, source, score, more in (
        ("at", "domestic-abuse", "14", {}),
        ("below", "domestic-abuse", "13", {}),
        ("referred", "marac", "18", {}),
        ("armed", "police-incidents", "20", {"flags": ("domestic-abuse", "weapon")}),
    ):
        people, facts = {"victim": f"tok-dash-{name}"}, (Fact("dash-score", score),)
        yield _now(a_report(source, f"dash-{name}", "2025-08-20T20:00", people=people, facts=facts, **more))
    for name, first, last in (("lowered", "14", "13"), ("raised", "13", "14")):
        people = {"victim": f"tok-dash-{name}"}
        for version, score in enumerate((first, last), 1):
            report = a_report("domestic-abuse", f"dash-{name}", "2025-08-21T20:00", people=people,
                              facts=(Fact("dash-score", score),), source_version=version)  # fmt: skip
            yield _now(report, version * HOUR)


def _graded() -> Iterator[Told]:
    """What was known of the risk when high risk was found: said before, said then, said a year ago, and never."""
    for name, before, risk in (
        ("before", DAY_LENGTH, "high"),
        ("then", 0, "high"),
        ("year", 366 * DAY_LENGTH, "medium"),
        ("never", DAY_LENGTH, None),
    ):
        people = {"victim": f"tok-graded-{name}"}
        high = a_report("domestic-abuse", f"graded-{name}", "2026-01-22T20:00", people=people,
                        facts=(Fact("dash-score", "15"), Fact("risk-level", "very-high")))  # fmt: skip
        yield _now(high)
        facts = () if risk is None else (Fact("risk-level", risk),)
        earlier = a_report("police-incidents", f"graded-{name}", "2026-01-22T20:00", people=people, facts=facts,
                           flags=("domestic-abuse", "serial-perpetrator"), category="violence")  # fmt: skip
        yield _now(_moved(earlier, -before))


def _marked() -> Iterator[Told]:
    """What is to be kept closely only because of one of its reports, and what is not."""
    for name, marking in (("closely", "OFFICIAL-SENSITIVE"), ("openly", "OFFICIAL")):
        for day in (5, 6):
            yield _now(
                a_report("police-crimes", f"marked-{name}-{day}", f"2026-02-0{day}T20:00",
                         people={"victim": f"tok-marked-{name}"}, marking=marking if day == 5 else "OFFICIAL")
            )  # fmt: skip


def _partners() -> Iterator[Told]:
    """Abuse of one and then another: in a year, in a millisecond more, of one home, by each other, connected later."""
    one, other = "2025-01-25T22:00", "2026-01-25T22:00"
    for name, told, last in (
        ("two", (({"victim": "a"}, one), ({"victim": "b"}, other)), 0),
        ("long", (({"victim": "a"}, one), ({"victim": "b"}, other)), 1),
        ("home", (({"victim": "a", "subject": "b"}, one), ({"subject": "b"}, other)), 0),
        ("back", (({"victim": "a"}, one), ({"victim": "p"}, other)), 0),
        ("known", (({"victim": "a"}, one), ({"victim": "b"}, one), ({"victim": "a", "subject": "b"}, other)), 0),
        ("seen", (({"victim": "a"}, one), ({"witness": "b"}, other)), 0),
        ("homes", (({"victim": "a", "subject": "b"}, one), ({"victim": "c", "subject": "d"}, other)), 0),
    ):
        for number, (harmed, when) in enumerate(told):
            people = {role: f"tok-{name}-{token}" for role, token in harmed.items()} | {"suspect": f"tok-{name}-p"}
            report = a_report("domestic-abuse", f"partner-{name}-{number}", when, people=people)
            yield _now(_moved(report, last if number == len(told) - 1 else 0))
    for number, when in enumerate((one, other)):
        weak = {"victim": f"tok-weak-{number}", "suspect": "tok-weak-p"}
        yield _now(a_report("domestic-abuse", f"partner-weak-{number}", when, people=weak, grade="E"))


def _found() -> Iterator[Told]:
    """Children missing twice and found away, near, far and less far; and with a weapon, in time and too late."""
    for name, facts in (
        ("away", (Fact("found-out-of-area", "true"),)),
        ("near", (Fact("found-out-of-area", "false"),)),
        ("far", (Fact("found-distance-km", "20"),)),
        ("less", (Fact("found-distance-km", "19"),)),
    ):
        for number, days in enumerate((0, 40)):
            report = a_report("police-missing", f"found-{name}-{number}", "2025-06-03T20:00", subtype="reported",
                              people={"missing": f"tok-found-{name}"}, child=True)  # fmt: skip
            yield _now(_moved(report, days * DAY_LENGTH))
        yield _now(a_report("childrens-services", f"found-{name}", "2025-07-20T20:00", subtype="return-interview",
                            people={"subject": f"tok-found-{name}"}, child=True, facts=facts))  # fmt: skip
    for name, last in (("armed", 0), ("too-late", 1)):
        away = {"people": {"missing": f"tok-found-{name}"}, "facts": (Fact("found-out-of-area", "true"),)}
        yield _now(a_report("police-missing", f"found-{name}", "2025-09-03T20:00", subtype="returned", child=True,
                            **away))  # fmt: skip
        sign = a_report("police-crimes", f"found-{name}", "2025-09-03T20:00", people={"suspect": f"tok-found-{name}"},
                        child=True, category="possession-of-weapons", origin="discovered")  # fmt: skip
        yield _now(_moved(sign, 90 * DAY_LENGTH + last))


def _hate() -> Iterator[Told]:
    """Hate twice: one victim, one address, a reporter for others, a second one found and not told."""
    home = ReportedPlace(area=PENDLE, uprn="900000000031")
    for day in ("05", "12"):
        when = f"2025-08-{day}T17:00"
        yield _now(a_report("police-hate", f"hate-victim-{day}", when, people={"victim": "tok-hate"}))
        yield _now(a_report("police-hate", f"hate-place-{day}", when, place=home))
        yield _now(a_report("police-hate", f"hate-teacher-{day}", when, people={"reporter": "tok-hate-teacher"}))
        found = {"origin": "discovered"} if day == "12" else {}
        yield _now(a_report("police-hate", f"hate-found-{day}", when, people={"victim": "tok-hate-found"}, **found))


def _missing() -> Iterator[Told]:
    """Three episodes in ninety days, and in a millisecond more; of an adult; two with their returns."""
    for name, child, last in (("whole", True, 0), ("long", True, 1), ("adult", False, 0)):
        for number, days in enumerate((0, 40, 90)):
            report = a_report("police-missing", f"gone-{name}-{number}", "2025-06-01T20:00", subtype="reported",
                              people={"missing": f"tok-gone-{name}"}, child=child)  # fmt: skip
            yield _now(_moved(report, days * DAY_LENGTH + (last if days == 90 else 0)))
    for subtype, when in (("reported", "20:00"), ("returned", "23:00")):
        for day in ("01", "02"):
            yield _now(
                a_report("police-missing", f"gone-back-{day}-{subtype}", f"2025-08-{day}T{when}", subtype=subtype,
                         people={"missing": "tok-gone-back"}, child=True)
            )  # fmt: skip


def _exploited() -> Iterator[Told]:
    """Missing twice and a sign: in ninety days, in a millisecond more, as a witness alone, with a weapon."""
    for name, source, sign, last in (
        ("sign", "council-exclusions", {"people": {"subject": "tok-lost-sign"}}, 0),
        ("late", "council-exclusions", {"people": {"subject": "tok-lost-late"}}, 1),
        ("seen", "police-crimes", {"people": {"witness": "tok-lost-seen"}, "category": "drugs"}, 0),
        ("armed", "police-crimes", {"people": {"suspect": "tok-lost-armed"}, "category": "possession-of-weapons",
                                    "flags": ("weapon",), "origin": "discovered"}, 0),
    ):  # fmt: skip
        yield _now(a_report(source, f"lost-{name}", "2025-06-02T20:00", child=True, **sign))
        for number, days in enumerate((40, 90)):
            report = a_report("police-missing", f"lost-{name}-{number}", "2025-06-02T20:00", subtype="reported",
                              people={"missing": f"tok-lost-{name}"}, child=True)  # fmt: skip
            yield _now(_moved(report, days * DAY_LENGTH + (last if days == 90 else 0)))


def _addresses() -> Iterator[Told]:
    """Addresses with violence, with nuisance and a concern, with a fire; each in time, too late, and from one feed."""
    noise, worry = {"category": "asb-noise"}, {"category": "cuckooing-concern"}
    drugs = {"category": "drugs", "origin": "discovered"}
    damage = {"category": "criminal-damage-arson"}
    assault, seen, hospital = ("police-crimes", {}), ("police-incidents", noise), ("ed-assaults", {})
    told, landlord, burnt = ("council-asb", noise), ("housing", noise), ("fire", {})
    four_weeks, month = 28 * DAY_LENGTH, 30 * DAY_LENGTH
    for number, (steps, last) in enumerate((
        ((assault, hospital, assault), four_weeks),
        ((assault, hospital, assault), four_weeks + 1),
        ((assault, assault, assault), four_weeks),
        ((assault, hospital, ("police-crimes", {"flags": ("domestic-abuse",), "category": "violence"})), four_weeks),
        ((told, seen, told, ("housing", worry)), four_weeks),
        ((("police-crimes", drugs), told, told, seen), four_weeks + 1),
        ((landlord, landlord, landlord, ("housing", worry)), four_weeks),
        ((told, seen, ("council-asb", {**noise, "origin": "discovered"}), ("housing", worry)), four_weeks),
        ((assault, burnt), month),
        ((assault, burnt), month + 1),
        ((assault, ("police-crimes", damage)), month),
        ((("police-crimes", drugs), ("housing", damage)), 0),
        ((seen, seen, seen, ("police-crimes", drugs)), four_weeks),
    )):  # fmt: skip
        place = ReportedPlace(area=PENDLE, uprn=f"9000000000{41 + number}")
        for step, (source, more) in enumerate(steps):
            report = a_report(source, f"address-{number}-{step}", "2025-09-01T22:00", place=place, **more)
            yield _now(_moved(report, last if step == len(steps) - 1 else 2 * step * DAY_LENGTH))


def _lines() -> Iterator[Told]:
    """Phones in three events: of two districts in 28 days and in more, of one district or feed, partly elsewhere."""
    found, worry, gone = ("police-incidents", "drugs"), ("housing", "cuckooing-concern"), ("police-missing", "missing")
    for name, told, areas, last in (
        ("whole", (found, worry, gone), (BURNLEY, BURNLEY, PENDLE), 28 * DAY_LENGTH),
        ("long", (found, worry, gone), (BURNLEY, BURNLEY, PENDLE), 28 * DAY_LENGTH + 1),
        ("near", (found, worry, gone), (BURNLEY, BURNLEY, BURNLEY), DAY_LENGTH),
        ("alone", (found, found, found), (BURNLEY, BURNLEY, PENDLE), DAY_LENGTH),
        ("away", (found, worry, gone), (BURNLEY, BURNLEY, LEEDS), DAY_LENGTH),
        ("short", (found, worry), (BURNLEY, PENDLE), DAY_LENGTH),
    ):
        for number, ((source, category), area) in enumerate(zip(told, areas, strict=True)):
            report = a_report(source, f"line-{name}-{number}", "2025-11-03T20:00", category=category,
                              place=ReportedPlace(area=area), phones=(f"tel-{name}",))  # fmt: skip
            yield _now(_moved(report, last if number == len(told) - 1 else number * 3 * HOUR))


def _signs() -> Iterator[Told]:
    """Children with signs of exploitation: three in 180 days, in more, two of them at once; told by one or by two.

    A panel closed two cases before the third sign: ninety days, and a moment more.
    """
    associate, gifts, retracted = ("older-associate",), ("unexplained-gifts",), ("disclosure-withdrawn",)
    police, landlord = "police-incidents", "housing"
    for name, told, last in (
        ("whole", ((police, associate), (landlord, gifts), (police, retracted)), 180 * DAY_LENGTH),
        ("long", ((police, associate), (landlord, gifts), (police, retracted)), 180 * DAY_LENGTH + 1),
        ("double", ((police, associate + gifts), (landlord, retracted)), DAY_LENGTH),
        ("alone", ((police, associate), (police, gifts), (police, retracted)), DAY_LENGTH),
        ("same", ((police, associate), (landlord, associate), (police, gifts)), DAY_LENGTH),
        ("closed", ((police, associate), (landlord, gifts), (police, retracted)), DAY_LENGTH),
        ("closed-long-ago", ((police, associate), (landlord, gifts), (police, retracted)), DAY_LENGTH),
    ):
        for number, (source, flags) in enumerate(told):
            report = a_report(source, f"sign-{name}-{number}", "2025-08-04T16:00", category="cuckooing-concern",
                              flags=flags, people={"subject": f"tok-sign-{name}"}, child=True)  # fmt: skip
            yield _now(_moved(report, last if number == len(told) - 1 else number * 3 * HOUR))
    for name, earlier in (("closed", 0), ("closed-long-ago", 1)):
        child = {"people": {"subject": f"tok-sign-{name}"}, "child": True}
        closed = a_report("childrens-services", f"panel-{name}", "2025-08-05T16:00", subtype="panel-closed", **child)
        yield _now(_moved(closed, -90 * DAY_LENGTH - earlier))


def _home(name: str, uprn: int, begins: int, car: str, **more: object) -> list[Report]:
    """An address with signs of a takeover that are complete after five days; the first report names a vehicle."""
    place = ReportedPlace(area=BURNLEY, uprn=f"9000000003{uprn:02d}")
    told = [
        a_report(source, f"home-{name}-{number}", "2025-10-06T22:00", place=place, category=category)
        for number, (source, category) in enumerate((
            ("council-asb", "asb-noise"),
            ("police-incidents", "asb-noise"),
            ("council-asb", "asb-vehicle"),
            ("housing", "cuckooing-concern"),
        ))
    ]  # fmt: skip
    told[0] = msgspec.structs.replace(told[0], vehicles=(car,), **more)
    return [_moved(report, begins + number * 40 * HOUR) for number, report in enumerate(told)]


def _networks() -> Iterator[Told]:
    """Vehicles at homes that show the signs: two homes, a moment too late, one alone, and what is corrected later."""
    day, four_weeks = DAY_LENGTH, 28 * DAY_LENGTH
    for number, (name, later) in enumerate(
        (("two", four_weeks), ("late", four_weeks + 1), ("gone", day), ("moved", day), ("child", day))
    ):
        told = [
            *_home(f"{name}-a", 2 * number, 0, f"veh-{name}"),
            *_home(f"{name}-b", 2 * number + 1, later, f"veh-{name}"),
        ]
        yield from map(_now, told)
        child = a_report("housing", "any", "2025-10-06T22:00", people={"victim": "tok-net"}, child=True)
        otherwise = {
            "gone": withdrawn(told[7]),
            "moved": _corrected(told[4], vehicles=("veh-else",)),
            "child": _corrected(told[4], parties=child.parties),
        }
        if name in otherwise:
            yield _now(otherwise[name], 20 * DAY_LENGTH)
    once = _home("once", 10, 0, "veh-once")
    yield from map(_now, (*once, _moved(msgspec.structs.replace(once[3], source_ref="home-once-4"), DAY_LENGTH)))


def _corrected(report: Report, **changes: object) -> Report:
    return msgspec.structs.replace(report, source_version=2, action="correct", **changes)


def _cases() -> Iterator[Told]:
    """A car that joins two cases, by two reports and by one; and somebody in a car of their own.

    However often something is found of that car, to whom it belongs it is one case, and their own is none to them. At
    last a phone that joins two cars of which nobody knows who drove them.
    """
    for name, at_once in (("joined", False), ("at-once", True)):
        *home, worry = _home(name, 30 + at_once, 0, f"veh-{name}")
        yield from map(_now, (*home, msgspec.structs.replace(worry, phones=(f"tel-{name}",) if at_once else ())))
        for number, (source, category, area) in enumerate((
            ("police-incidents", "drugs", BURNLEY),
            ("police-missing", "missing", PENDLE),
            *(() if at_once else (("housing", "cuckooing-concern", BURNLEY),)),
        )):  # fmt: skip
            report = a_report(source, f"case-{name}-{number}", "2025-10-07T20:00", category=category,
                              place=ReportedPlace(area=area), phones=(f"tel-{name}",),
                              vehicles=(f"veh-{name}",))  # fmt: skip
            yield _now(_moved(report, number * 3 * HOUR))
    told = (("police-crimes", BURNLEY), ("housing", PENDLE), ("police-crimes", HYNDBURN), ("police-crimes", LANCASTER))
    for number, (source, area) in enumerate(told):
        report = a_report(source, f"own-{number}", "2025-09-01T02:00", category="burglary",
                          place=ReportedPlace(area=area), people={"suspect": "tok-own-car"},
                          vehicles=("veh-own-car",))  # fmt: skip
        yield _now(_moved(report, number * DAY_LENGTH))
    for later, car in enumerate(("veh-phoned-a", "veh-phoned-b")):
        for number, (source, area) in enumerate(told[:3]):
            report = a_report(source, f"{car}-{number}", "2025-09-02T02:00", category="burglary",
                              place=ReportedPlace(area=area), vehicles=(car,),
                              phones=() if number else ("tel-of-both",))  # fmt: skip
            yield _now(_moved(report, number * DAY_LENGTH + later * HOUR))


def _visits() -> Iterator[Told]:
    """Addresses: children go missing from them, they are inspected, an ambulance comes; and a school, told or not."""
    for name, tokens, last in (
        ("three", "abc", 60 * DAY_LENGTH),
        ("late", "abc", 60 * DAY_LENGTH + 1),
        ("one", "aaa", DAY_LENGTH),
    ):
        place = ReportedPlace(area=LANCASTER, uprn=f"9000000001{len(name)}{last % 2}")
        for number, token in enumerate(tokens):
            report = a_report("police-missing", f"home-{name}-{number}", "2025-04-07T20:00", subtype="reported",
                              place=place, people={"missing": f"tok-home-{name}-{token}"}, child=True)  # fmt: skip
            yield _now(_moved(report, last if number == 2 else number * 3 * HOUR))
    crowd, alarm = ("housing", "overcrowding"), ("fire", "fire-safety-failure")
    for number, (told, last) in enumerate((
        ((crowd, alarm), 180 * DAY_LENGTH),
        ((crowd, alarm), 180 * DAY_LENGTH + 1),
        ((crowd, ("council-asb", "overcrowding")), DAY_LENGTH),
        ((crowd, ("housing", "fire-safety-failure")), DAY_LENGTH),
    )):  # fmt: skip
        place = ReportedPlace(area=LANCASTER, uprn=f"90000000012{number}")
        for step, (source, category) in enumerate(told):
            report = a_report(source, f"inspected-{number}-{step}", "2025-04-07T10:00", place=place,
                              category=category, origin="discovered")  # fmt: skip
            yield _now(_moved(report, step * last))
    for number, last in enumerate((0, 1)):
        place = ReportedPlace(area=LANCASTER, uprn=f"90000000013{number}")
        for call in range(3):
            report = a_report("ambulance", f"call-{number}-{call}", "2025-05-05T10:00", place=place)
            # Thirty-one days: a month from the fifth to the fifth.
            yield _now(_moved(report, 31 * DAY_LENGTH + last if call == 2 else call * 3 * HOUR))
    # A Monday; a Friday; before half term, in which the clocks go back; in a holiday.
    for name, night, morning, told_after in (
        ("never", "2025-06-09T22:00", "2025-06-10T09:00", None),
        ("last", "2025-06-09T22:00", "2025-06-10T09:00", 0),
        ("late", "2025-06-09T22:00", "2025-06-10T09:00", 1),
        ("weekend", "2025-06-13T22:00", "2025-06-16T09:00", 0),
        ("monday", "2025-06-13T22:00", "2025-06-16T09:00", 1),
        ("half-term", "2025-10-24T16:00", "2025-11-03T09:00", 0),
        ("november", "2025-10-24T16:00", "2025-11-03T09:00", 1),
        ("new-year", "2025-12-31T23:00", "2026-01-05T09:00", 1),
    ):
        child = {"people": {"subject": f"tok-school-{name}"}, "child": True}
        yield _now(a_report("police-incidents", f"night-{name}", night, category="domestic-abuse", **child))
        if told_after is not None:
            told = a_report("childrens-services", f"school-{name}", morning, subtype="school-notification", **child)
            yield _now(_moved(told, told_after))


def _reviews() -> Iterator[Told]:
    """Asked for, or held, before Easter and in February: ten working days later it is too late."""
    for name, step, answer, begun, late, told_after in (
        ("never", "requested", "details", "2026-03-26T11:00", "2026-04-14T00:00", None),
        ("last", "requested", "details", "2026-03-26T11:00", "2026-04-14T00:00", 0),
        ("late", "requested", "details", "2026-03-26T11:00", "2026-04-14T00:00", 1),
        ("other", "requested", "outcome", "2026-02-02T11:00", "2026-02-17T00:00", -DAY_LENGTH),
        ("met", "meeting", "outcome", "2026-02-02T14:00", "2026-02-17T00:00", 1),
        ("met-in-time", "meeting", "outcome", "2026-02-02T14:00", "2026-02-17T00:00", -HOUR),
    ):
        asked = {"people": {"subject": f"tok-review-{name}"}}
        yield _now(a_report("interventions", f"review-{name}", begun, subtype=f"case-review-{step}", **asked))
        if told_after is not None:
            told = a_report("interventions", f"answer-{name}", late, subtype=f"case-review-{answer}", **asked)
            yield _now(_moved(told, told_after))


def _cars() -> Iterator[Told]:
    """Cars in three districts: in 28 days, in more, in one feed alone, graded low, with a child, partly elsewhere."""
    sources = ("police-crimes", "housing", "police-incidents")
    low = {"grade": "E"}
    for name, sent_by, areas, last, more in (
        ("car-whole", sources, (BURNLEY, PENDLE, HYNDBURN), 28 * DAY_LENGTH, {}),
        ("car-long", sources, (BURNLEY, PENDLE, HYNDBURN), 28 * DAY_LENGTH + 1, {}),
        ("car-alone", ("police-crimes",) * 3, (BURNLEY, PENDLE, HYNDBURN), DAY_LENGTH, {}),
        ("car-graded", sources, (BURNLEY, PENDLE, HYNDBURN), DAY_LENGTH, low),
        ("car-child", sources, (BURNLEY, PENDLE, HYNDBURN), DAY_LENGTH, {"child": True, "people": {"victim": None}}),
        ("car-away", sources, (BURNLEY, PENDLE, LEEDS), DAY_LENGTH, {}),
    ):
        for number, (source, area, later) in enumerate(zip(sent_by, areas, (0, MINUTE, last), strict=True)):
            report = a_report(
                source,
                f"{name}{number}",
                "2025-12-01T02:00",
                place=ReportedPlace(area=area),
                category="burglary",
                vehicles=(f"veh-{name}",),
                **more,
            )
            yield _now(_moved(report, later))


def _attack(ref: str, when: str, **more: object) -> Report:
    return a_report("police-crimes", ref, when, **({"category": "violence", "flags": ("weapon",)} | more))


def _drugs(ref: str, when: str, **more: object) -> Report:
    return a_report("police-incidents", ref, when, category="drugs", **more)


def _drawn_out() -> Iterator[Told]:
    """Attacks that lead to one another one after another, in time and too late; and by what was too long before."""
    # One car three times, fourteen days each; and two attacks of which what leads to the other was too long before.
    for number, day in enumerate(("06-02", "06-16", "06-30")):
        yield _now(_attack(f"drawn-{number}", f"2025-{day}T22:00", vehicles=("veh-drawn",)))
    for number, (day, named) in enumerate((
        ("06-02", {"vehicles": ("veh-late",)}),
        ("06-16", {"phones": ("tel-late",)}),
        ("06-30", {"vehicles": ("veh-late",), "phones": ("tel-late",)}),
    )):  # fmt: skip
        yield _now(_attack(f"late-{number}", f"2025-{day}T22:00", **named))
    yield _now(_drugs("old-by", "2025-06-01T22:00", vehicles=("veh-old",), phones=("tel-old",)))
    yield _now(_attack("old-0", "2025-06-15T22:00", vehicles=("veh-old",)))
    yield _now(_attack("old-1", "2025-06-16T22:00", phones=("tel-old",)))


def _links() -> Iterator[Told]:
    """Attacks that lead to one another by what they name: in time and too late, near and too far, and by a hub."""
    for name, later in (("in-time", 14 * DAY_LENGTH), ("too-late", 14 * DAY_LENGTH + 1)):
        yield _now(_attack(f"{name}-0", "2025-06-02T22:00", vehicles=(f"veh-{name}",)))
        yield _now(_moved(_attack(f"{name}-1", "2025-06-02T22:00", vehicles=(f"veh-{name}",)), later))
    # By way of one report, and of two, which is too far; of one that somebody else is on as well.
    for name, between in (("one", 1), ("two", 2)):
        yield _now(_attack(f"way-{name}-0", "2025-06-02T22:00", vehicles=(f"veh-{name}-0",)))
        for number in range(between):
            near = (f"veh-{name}-{number}", f"veh-{name}-{number + 1}")
            yield _now(_drugs(f"way-{name}-by-{number}", f"2025-06-0{number + 3}T22:00", vehicles=near))
        yield _now(_attack(f"way-{name}-1", "2025-06-08T22:00", vehicles=(f"veh-{name}-{between}",)))
    # Two near one another with a third too far from both between them, and what was found and not told.
    yield _now(_attack("amid-0", "2025-06-02T22:00", vehicles=("veh-amid",)))
    yield _now(_drugs("amid-by-0", "2025-06-02T23:00", vehicles=("veh-amid",), phones=("tel-amid-0",)))
    yield _now(_drugs("amid-by-1", "2025-06-03T00:00", phones=("tel-amid-0", "tel-amid-1")))
    yield _now(_attack("amid-1", "2025-06-03T22:00", phones=("tel-amid-1",)))
    yield _now(_attack("amid-2", "2025-06-04T22:00", vehicles=("veh-amid",), phones=("tel-amid-2",)))
    yield _now(_attack("amid-3", "2025-06-04T21:00", phones=("tel-amid-2",), origin="discovered"))
    # A third, a child, poor intelligence, a witness, and a group.
    for number in range(3):
        yield _now(_attack(f"chain-{number}", f"2025-06-0{number + 2}T22:00", people={"suspect": "tok-chain"}))
        people = {"suspect": "tok-poor"}
        if number < 2:
            yield _now(_attack(f"poor-{number}", f"2025-06-0{number + 2}T22:00", people=people, grade="DE"[number]))
            people = {"witness": "tok-seen"}
            yield _now(_attack(f"seen-{number}", f"2025-06-0{number + 2}T22:00", people=people))
            yield _now(_attack(f"gang-{number}", f"2025-06-0{number + 2}T22:00", group="grp-gang"))
    yield _now(_drugs("poor-by", "2025-06-03T12:00", people={"suspect": "tok-poor"}))
    # Two that are too far from one another, and were at a place where everybody is.
    home = ReportedPlace(area=PENDLE, uprn="900000007766")
    yield _now(_attack("past-hub-0", "2025-06-02T22:00", vehicles=("veh-hub-0",), place=home))
    yield _now(_attack("past-hub-1", "2025-06-05T22:00", vehicles=("veh-hub-2",), place=home))
    for number in range(2):
        near = (f"veh-hub-{number}", f"veh-hub-{number + 1}")
        yield _now(_drugs(f"past-hub-by-{number}", f"2025-06-0{number + 3}T22:00", vehicles=near))
        yield _now(_drugs(f"past-hub-else-{number}", f"2025-06-0{number + 3}T23:00", place=home))
    # Three at one address lead to one another; four are a hub, until one is withdrawn.
    for name, number in (("three", 3), ("four", 4), ("fewer", 4)):
        home = ReportedPlace(area=PENDLE, uprn=f"9000000077{number}{len(name)}")
        told = [_attack(f"home-{name}-{one}", f"2025-06-1{one}T22:00", place=home) for one in range(number)]
        yield from map(_now, told)
        if name == "fewer":
            yield _now(withdrawn(told[1]), 30 * DAY_LENGTH)


def _groups() -> Iterator[Told]:
    """Groups that a late report joins or renames, and that a correction splits; too large, and not quite."""
    yield _now(_attack("joined-0", "2025-07-01T22:00", vehicles=("veh-joined",)))
    yield _now(_attack("joined-1", "2025-07-02T22:00", vehicles=("veh-joined",)))
    yield _now(_attack("joined-2", "2025-07-03T22:00", phones=("tel-joined",)))
    yield _now(_attack("joined-3", "2025-07-04T22:00", phones=("tel-joined",)))
    bridge = _drugs("joined-by", "2025-07-03T12:00", vehicles=("veh-joined",), phones=("tel-joined",))
    yield _now(bridge, 9 * DAY_LENGTH)
    first = _attack("split-0", "2025-07-01T22:00", vehicles=("veh-split",))
    yield _now(first)
    bridge = _drugs("split-by", "2025-07-02T22:00", vehicles=("veh-split",), phones=("tel-split",))
    yield _now(bridge)
    yield _now(_attack("split-1", "2025-07-03T22:00", phones=("tel-split",)))
    other = msgspec.structs.replace(bridge, source_version=2, action="correct", vehicles=())
    yield _now(other, 9 * DAY_LENGTH)
    # The earliest of a group is heard of last, and it is as long ago as a link lasts, or longer.
    for name, begins in (("earliest", "2025-06-10T22:00"), ("past", "2025-06-10T21:00")):
        yield _now(_attack(f"{name}-1", "2025-07-08T22:00", phones=(f"tel-{name}",)))
        yield _now(_attack(f"{name}-2", "2025-07-13T22:00", phones=(f"tel-{name}",)))
        yield _now(_drugs(f"{name}-0", begins, phones=(f"tel-{name}",), reported="2025-07-20T10:00"))
    # Seven are no group; when one goes six are, and where it stood in the middle, three and three.
    for name, goes in (("large", None), ("less", 6), ("middle", 3)):
        told = []
        for number in range(7):
            phones = (f"tel-{name}-{number // 2}", f"tel-{name}-{(number + 1) // 2}-by")
            kind = _attack if number in (0, 1, 4, 5) else _drugs
            told.append(kind(f"{name}-{number}", f"2025-07-2{number}T22:00", phones=phones))
        yield from map(_now, told)
        if goes is not None:
            yield _now(withdrawn(told[goes]), 30 * DAY_LENGTH)


def _streets() -> Iterator[Told]:
    """Burglaries across each edge and corner of a cell and of a stretch of time; to the last metre and beyond."""
    first, within = (250, 250), {"later": DAY_LENGTH}
    edges = {-1: 0, 0: 400, 1: 799}
    pairs: list[tuple[tuple[int, int], tuple[int, int], dict[str, int]]] = [
        *(((edges[east], edges[north]), (50 * east, 50 * north), within)
          for east in edges for north in edges),
        (first, (60, 80), within),
        (first, (61, 80), within),
        (first, (240, 320), within),
        (first, (241, 320), within),
        (first, (0, 0), {"later": 7 * DAY_LENGTH}),
        (first, (0, 0), {"later": 7 * DAY_LENGTH + 1}),
        (first, (0, 0), {"later": 28 * DAY_LENGTH}),
        (first, (0, 0), {"later": 28 * DAY_LENGTH + 1}),
        (first, (0, 0), {"later": 0}),
    ]  # fmt: skip
    for number, ((east, north), (more_east, more_north), when) in enumerate(pairs):
        # The first instant of a stretch of 92 days is on 2 December; most pairs lie on either side of it.
        one = _burglary(f"street-{number}-0", "2025-12-01T12:00", number, east, north)
        yield _now(one)
        other = _burglary(f"street-{number}-1", "2025-12-01T12:00", number, east + more_east, north + more_north)
        yield _now(_moved(other, when["later"]))
    # Found out and not told; moved on the map; corrected to another street, and withdrawn.
    yield _now(_burglary("found-0", "2025-10-01T12:00", 30))
    yield _now(_burglary("found-1", "2025-10-02T12:00", 30, origin="discovered"))
    yield _now(_burglary("found-2", "2025-10-03T12:00", 30))
    for number, more in ((31, {"snapped": True}), (32, {"precision_m": 101}), (33, {"precision_m": 100})):
        yield _now(_burglary(f"moved-{number}-0", "2025-10-01T12:00", number))
        moved = _burglary(f"moved-{number}-1", "2025-10-02T12:00", number)
        yield _now(msgspec.structs.replace(moved, place=msgspec.structs.replace(moved.place, **more)))
    for number, action in ((34, "correct"), (35, "withdraw")):
        yield _now(_burglary(f"back-{number}-0", "2025-10-01T12:00", number))
        second = _burglary(f"back-{number}-1", "2025-10-02T12:00", number)
        yield _now(second)
        yield _now(
            msgspec.structs.replace(
                _burglary(f"back-{number}-1", "2025-10-02T12:00", number, 901), source_version=2, action=action
            ),
            DAY_LENGTH,
        )


def _burglary(ref: str, when: str, number: int, east: int = 250, north: int = 250, **more: object) -> Report:
    """A burglary, so many metres from the corner of a cell of its own."""
    place = ReportedPlace(area=PENDLE, easting=400_000 + 8_000 * number + east, northing=448_000 + north)
    return a_report("police-crimes", ref, when, place=place, category="burglary", **more)


def _crowds() -> Iterator[Told]:
    """More burglaries in one street than a person could suffer before being a hub."""
    for number in range(SMALL_HUB + 1):
        yield _now(_burglary(f"crowd-{number}", f"2025-10-{number + 1:02}T12:00", 40, 250 + 10 * number))


def _answers() -> Iterator[Told]:
    """Attacks answered in the next district: in time and near, too late, too far; told by two; three times; at home.

    And chains down a road: to the last metre and instant, beyond each, and longer than anybody follows them.
    """
    armed, day = {"flags": ("weapon",)}, DAY_LENGTH
    for number, (steps, more) in enumerate((
        (((0, 0), (390, 13 * day)), {}),
        (((0, 0), (390, 15 * day)), {}),
        (((0, 0), (410, 13 * day)), {}),
        (((0, 0), (400, 14 * day)), {}),
        (((0, 0), (400, 14 * day + 1)), {}),
        (((0, 0), (50, HOUR)), {"source": "ambulance"}),
        (((0, 0), (50, HOUR + 1)), {"source": "ambulance"}),
        (((0, 0), (100, day), (200, 2 * day)), {}),
        (((0, 0), (400, 14 * day), (800, 28 * day)), {}),
        (((0, 0), (400, 14 * day), (801, 28 * day)), {}),
        (((0, 0), (400, 14 * day), (800, 28 * day + 1)), {}),
        (((0, 0), (300, 10 * day), (600, 20 * day), (700, 30 * day)), {}),
        (((0, 0), (0, day)), {"flags": ("weapon", "domestic-abuse")}),
        (((0, 0), (0, day)), {"flags": ()}),
        (((0, 0), (0, day)), {"grade": "E"}),
        (((0, 0), (0, day)), {"child": True, "people": {"victim": None}}),
    )):  # fmt: skip
        for step, (metres, later) in enumerate(steps):
            given = {"source": "police-crimes", **armed, **({} if step == 0 and "grade" not in more else more)}
            source = str(given.pop("source"))
            place = ReportedPlace(
                area=BURNLEY if step == 0 else PENDLE, easting=300_000 + 10_000 * number, northing=460_250 - metres
            )
            yield _now(
                _moved(a_report(source, f"answer-{number}-{step}", "2025-11-03T23:00", place=place, **given), later)
            )
    # An attack that the ambulance places too far off, and was told of before the police, who place it near.
    for number, (source, later, metres) in enumerate((
        ("police-crimes", 0, 0), ("ambulance", 9 * day, 485), ("police-crimes", 9 * day + 10 * MINUTE, 395),
    )):  # fmt: skip
        place = ReportedPlace(area=BURNLEY, easting=490_000, northing=460_250 - metres)
        yield _now(_moved(a_report(source, f"placed-{number}", "2025-11-03T22:00", place=place, **armed), later))
    # Weapons found beside a road of three: near to the first and after it, near to the last and too long before it, and
    # near to one in its time.
    road, found = ((0, 0), (390, 13 * day), (780, 26 * day)), ((-300, day), (1_100, 5 * day), (500, 20 * day))
    for origin, steps in (("reported", road), ("discovered", found)):
        for metres, later in steps:
            place = ReportedPlace(area=BURNLEY, easting=480_000, northing=460_250 - metres)
            told = a_report(
                "police-crimes", f"{origin}-{later}", "2025-11-03T23:00", place=place, origin=origin, **armed
            )
            yield _now(_moved(told, later))


def _spots() -> Iterator[Told]:
    """Signs of drug supply in LSOAs, about where a stretch ends: enough, too few, in too long, from one feed."""
    asked, found, week = ("council-asb", "asb-drugs"), ("police-crimes", "drugs"), ("health-aggregates", "overdose")
    needles, cars = ("council-asb", "discarded-needles"), ("police-incidents", "asb-vehicle")
    fortnight = 14 * DAY_LENGTH
    for number, (told, last) in enumerate((
        ((asked, needles, asked, found), fortnight),
        ((asked, needles, asked, found), fortnight + 1),
        ((week, cars, cars, asked), 2 * DAY_LENGTH),
        ((asked, needles, found), DAY_LENGTH),
        ((asked, needles, needles, asked), DAY_LENGTH),
        ((asked, cars, cars, asked), DAY_LENGTH),
        ((asked, needles, asked, ("council-asb", "asb-vehicle")), DAY_LENGTH),
        # Past the edge there are two more findings of one alert.
        ((asked, needles, cars, found, asked, found), 3 * DAY_LENGTH),
        ((("police-incidents", "asb-noise"), needles, asked, found), DAY_LENGTH),
    )):  # fmt: skip
        for step, (source, category) in enumerate(told):
            # The first instant of a stretch of 92 days is midnight of 2 December.
            report = a_report(source, f"spot-{number}-{step}", "2025-12-01T12:00", category=category,
                              origin="discovered" if category == "drugs" else "reported",
                              place=ReportedPlace(area=BURNLEY, lsoa=f"E0102{number:04}"))  # fmt: skip
            yield _now(_moved(report, last if step == len(told) - 1 else step * 5 * HOUR))
    # Of another LSOA each, though of one district; at one address, of no LSOA; and taken back.
    for step, (source, category) in enumerate((asked, needles, asked, found)):
        for name, place in (
            ("apart", ReportedPlace(area=BURNLEY, lsoa=f"E0103{step:04}")),
            ("nowhere", ReportedPlace(area=BURNLEY, uprn="900000000141")),
            ("back", ReportedPlace(area=BURNLEY, lsoa="E01040000")),
        ):
            report = _moved(a_report(source, f"{name}-{step}", "2025-12-01T12:00", category=category, place=place),
                            step * 5 * HOUR)  # fmt: skip
            yield _now(report)
            if name == "back" and category == "discarded-needles":
                yield _now(withdrawn(report), 3 * DAY_LENGTH)


def _unreported() -> Iterator[Told]:
    """Violence that hospital or ambulance tell of, and how much of it the police do, about where a stretch ends."""
    hospital, ambulance, crime, log = "ed-assaults", "ambulance", "police-crimes", "police-incidents"
    four_weeks = 28 * DAY_LENGTH
    for number, (told, last, more) in enumerate((
        (((hospital, crime), (hospital, log), (ambulance,), (ambulance,), (hospital,)), four_weeks, {}),
        (((hospital, crime), (hospital, log), (ambulance,), (ambulance,), (hospital,)), four_weeks + 1, {}),
        (((hospital, crime), (hospital, log), (ambulance, crime), (ambulance,), (hospital,)), DAY_LENGTH, {}),
        (((hospital, ambulance),) * 4, DAY_LENGTH, {}),
        (((hospital, ambulance),) * 5, DAY_LENGTH, {}),
        # The log and the crime of one attack match it once.
        (((hospital, crime, log), (hospital, crime, log), (hospital,), (hospital,), (hospital,)), DAY_LENGTH, {}),
        (((hospital,),) * 5, DAY_LENGTH, {"uprn": None}),
        (((hospital,),) * 5, DAY_LENGTH, {"lsoa": None}),
    )):  # fmt: skip
        where = ReportedPlace(area=BURNLEY, lsoa=f"E0105{number:04}", uprn=f"9000000015{number:02}")
        for step, sources in enumerate(told):
            for turn, source in enumerate(sources):
                report = a_report(source, f"seen-{number}-{step}-{turn}", "2025-12-01T14:00", category="violence",
                                  place=msgspec.structs.replace(where, **more))  # fmt: skip
                later = last if step == len(told) - 1 else step * 4 * HOUR
                yield _now(_moved(report, later + turn * 20 * MINUTE))
    # The hospital knows the evening alone; each report matches one crime. And what the police tell late takes it back.
    # These two are in wards, too.
    for name, known in (("vague", 3), ("late", 3)):
        where = ReportedPlace(area=BURNLEY, lsoa="E01024855" if name == "vague" else "E01024856", uprn="900000000161")
        for step in range(5):
            seen = _moved(a_report(hospital, f"{name}-{step}", "2025-11-03T18:00", place=where), step * DAY_LENGTH)
            ends = seen.occurred_from + (8 * HOUR if name == "vague" else 0)
            yield _now(msgspec.structs.replace(seen, occurred_to=ends, reported_at=ends))
        for step in range(known):
            at_once = name == "vague"
            crime_at = step * HOUR + 5 * HOUR if at_once else step * DAY_LENGTH
            told_of = _moved(a_report(crime, f"{name}-known-{step}", "2025-11-03T18:00", place=where), crime_at)
            yield _now(told_of, 0 if at_once else 20 * DAY_LENGTH)


def _news() -> Iterator[Told]:
    """What is told, and what is not: more of the same, soon and late; worse; taken back; true again; known too late."""
    for number, when in enumerate(("01-05", "01-06", "01-07", "01-08", "01-09", "01-30", "03-09")):
        yield _now(_harm(f"more-{number}", f"2025-{when}T10:00", "tok-more"))
    for name, later in (("again", 0), ("too-late", 9 * DAY_LENGTH)):
        first, second, third = (_harm(f"{name}-{n}", f"2025-02-0{n}T10:00", f"tok-{name}") for n in (1, 2, 3))
        yield _now(first)
        yield _now(second)
        yield _now(withdrawn(second), HOUR)
        # True again, and taken back again; by then it may be too late for anybody to be told.
        yield _now(third, later)
        yield _now(withdrawn(third), later + HOUR)
    for day in (1, 2, 3, 4):
        late = {"reported": "2025-04-10T20:00"} if day == 3 else {}
        complaint = {"people": {"victim": "tok-left-out"}, **late}
        yield _now(a_report("council-asb", f"left-out-{day}", f"2025-03-0{day}T20:00", **complaint))


def _feeds() -> Iterator[Told]:
    """The last word of two feeds: one that is late, and one that makes everything of the police's final."""
    visit = a_report("childrens-services", "visit", "2026-02-12T10:00", subtype="safeguarding-visit")
    yield _now(visit)
    yield Told(
        a_report("police-crimes", "end", "2026-02-20T10:00", place=ReportedPlace(area=LEEDS)), at("2026-02-20T11:00")
    )
