"""Small universes of reports for hypothesis: few names, places and times, chosen to meet at the edges of every rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, TypeVar

from hypothesis import strategies as st

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, HOUR, LONDON, MINUTE, Duration, Instant, after, to_instant

T = TypeVar("T")

BURNLEY, HYNDBURN, LANCASTER, PENDLE, PRESTON = "E07000117", "E07000120", "E07000121", "E07000122", "E07000123"
BLACKPOOL, RIBBLE_VALLEY = "E06000009", "E07000124"
LEEDS = "E08000035"

SOURCES = {
    "police-incidents": ("police-incident", ("asb-noise", "asb-vehicle", "burglary", "domestic-abuse", "violence")),
    "police-crimes": ("police-crime", ("violence", "burglary", "robbery")),
    "police-hate": ("hate-report", ("hate-crime", "hate-incident")),
    "police-missing": ("missing-episode", ("missing",)),
    "council-asb": ("asb-case", ("asb-noise", "asb-vehicle")),
    "housing": ("housing-concern", ("asb-noise", "burglary", "domestic-abuse", "violence")),
    "domestic-abuse": ("domestic-abuse", ("domestic-abuse",)),
    "marac": ("marac-referral", ("domestic-abuse",)),
    "childrens-services": ("intervention", ("intervention",)),
    "ed-assaults": ("assault-attendance", ("violence",)),
    "fire": ("fire", ("deliberate-fire", "accidental-fire")),
}
CATEGORIES = tuple(sorted({category for _, categories in SOURCES.values() for category in categories}))
SILENT = {"withdraw", "erase", "restrict"}
NAMELESS = {"ed-assaults", "fire"}
SUBTYPES = {
    "police-missing": ("returned", "returned", "reported"),
    "childrens-services": ("return-interview", "return-interview", "safeguarding-visit"),
}

_BEGINNINGS = tuple(
    to_instant(datetime.fromisoformat(text).replace(tzinfo=LONDON))
    # An ordinary Monday; the night the clocks go back; the last of a short month; the end of a week.
    for text in ("2026-01-05T12:00", "2025-10-25T23:30", "2025-02-28T20:00", "2025-03-30T23:59:59")
)
_LENGTHS = (
    *(0, 1, 20 * MINUTE, HOUR, HOUR + 1, 2 * HOUR, 30 * HOUR),
    *(72 * HOUR - 1, 72 * HOUR, 72 * HOUR + 1, 7 * DAY_LENGTH, 28 * DAY_LENGTH, 28 * DAY_LENGTH + 1),
)
_MONTHS = (0, 0, 0, 1, 6, 12)

DISTRICTS = (*(ReportedPlace(area=area) for area in (BURNLEY, PENDLE, HYNDBURN, PRESTON, LEEDS)), None)
PLACES = (
    None,
    ReportedPlace(area=BURNLEY),
    ReportedPlace(lsoa="E01999999"),
    ReportedPlace(area=LANCASTER, uprn="900000000001"),
    ReportedPlace(area=BURNLEY, uprn="900000000001"),
    ReportedPlace(area=LANCASTER, uprn="900000000001", precision_m=500),
    ReportedPlace(area=LANCASTER, uprn="900000000002", snapped=True),
    ReportedPlace(area=RIBBLE_VALLEY, easting=370_000, northing=440_000),
    # 100 m away, then a little more, then as near but not known as well.
    ReportedPlace(area=RIBBLE_VALLEY, easting=370_060, northing=440_080, precision_m=100),
    ReportedPlace(area=RIBBLE_VALLEY, easting=370_061, northing=440_080),
    ReportedPlace(area=RIBBLE_VALLEY, easting=370_000, northing=440_001, precision_m=101),
)

HOMES = tuple(
    ReportedPlace(area=area, uprn=f"90000000000{number}") for area in (BURNLEY, PENDLE) for number in (1, 2, 3)
)

# About the corner of four cells: on either side, at 100 and 400 metres from it, and a little more.
STREETS = tuple(
    ReportedPlace(area=area, easting=370_000 + east, northing=440_000 + north)
    for area in (BURNLEY, PENDLE)
    for east, north in ((0, 0), (-1, 0), (0, -1), (60, 80), (61, 80), (240, 320), (241, 320), (-300, -100))
)


class Cast(NamedTuple):
    """What one universe is made of: a handful of everything, so that its reports meet."""

    sources: tuple[str, ...]
    category: str
    people: list[tuple[ReportedParty, ...]]
    places: list[ReportedPlace | None]
    instants: list[Instant]
    vehicles: tuple[str, ...]


class Plot(NamedTuple):
    """Sources that tell of one sort of thing, the roles people have in it, where, what, and the vehicles seen."""

    sources: tuple[str, ...]
    roles: tuple[str, ...]
    places: tuple[ReportedPlace | None, ...] = PLACES
    categories: tuple[str, ...] = CATEGORIES
    vehicles: tuple[tuple[str, ...], ...] = ((),)


HOMES = tuple(
    ReportedPlace(area=area, uprn=uprn)
    for area in (BURNLEY, PENDLE)
    for uprn in ("900000000001", "900000000001", "900000000002", "900000000003")
)
NETWORKS = (
    Plot(
        ("council-asb", "housing"),
        ("victim", "suspect", "reporter"),
        HOMES,
        ("asb-noise",),
        (("veh-a",), ("veh-a", "veh-b")),
    ),
    Plot(("police-crimes", "housing"), ("suspect", "victim"), HOMES, ("violence", "burglary"), ((), ("veh-a",))),
)
"""Where much happens at a few addresses, of which reports name the same few people and vehicles."""

_PLOTS = (
    Plot(("police-crimes", "council-asb", "housing"), ("victim",)),
    Plot(("council-asb", "police-incidents", "housing", "police-hate"), ("victim", "reporter", "subject")),
    Plot(("marac", "domestic-abuse", "housing"), ("victim", "perpetrator")),
    Plot(
        ("police-crimes", "police-incidents", "housing"),
        ("suspect", "perpetrator", "witness"),
        DISTRICTS,
        ("burglary",),
        (("veh-a",), ("veh-a", "veh-b")),
    ),
    Plot(("police-crimes", "housing"), ("victim",), STREETS, ("burglary", "violence")),
    Plot(("police-missing", "childrens-services"), ("missing", "subject")),
    # Much happens at a few addresses, and the same people and vehicles are named there.
    Plot(
        ("council-asb", "housing", "police-crimes"),
        ("victim", "suspect"),
        HOMES,
        vehicles=(("veh-a",), ("veh-a", "veh-b")),
    ),
    Plot(
        tuple(sorted(SOURCES)),
        ("victim", "suspect", "perpetrator", "reporter", "subject", "missing", "witness"),
        PLACES + DISTRICTS,
        vehicles=((), ("veh-a",)),
    ),
)


# Made once: to make a strategy takes longer than to draw from it.
_markings = st.sampled_from(["OFFICIAL", "OFFICIAL", "OFFICIAL", "OFFICIAL-SENSITIVE"])
_booleans = st.booleans()
_beginnings = st.sampled_from(_BEGINNINGS)
_plots = st.sampled_from(_PLOTS)
_months = st.sampled_from(_MONTHS)
_lengths = st.sampled_from(_LENGTHS)
_short_of = st.sampled_from((0, 0, 0, 1, HOUR))
_one_or_two = st.sampled_from((1, 2, 2))
_told_after = st.sampled_from((0, 0, HOUR, 3 * DAY_LENGTH, 40 * DAY_LENGTH, None))
_refs = st.integers(0, 11)
_versions = st.sampled_from((1, 1, 1, 1, 2, 2, 3))
_subtypes = {source: st.sampled_from(SUBTYPES.get(source, ("",))) for source in SOURCES}
_flags = st.sampled_from(((), (), (), ("weapon",), ("hate",), ("domestic-abuse",)))
_origins = st.sampled_from(("reported", "reported", "reported", "discovered"))
_grades = st.sampled_from((None, None, None, "A", "D", "E"))
_lasted = st.sampled_from((None, None, 0, HOUR, DAY_LENGTH))
_precisions = st.sampled_from(("instant", "instant", "day", "month"))
_phones = st.sampled_from(((), ("pho-a",)))
_groups = st.sampled_from((None, "grp-a"))


@lru_cache(maxsize=1_000)
def _one_of(of: tuple[T, ...]) -> st.SearchStrategy[T]:
    return st.sampled_from(of)


def _some(of: Sequence[T], least: int, most: int) -> st.SearchStrategy[list[T]]:
    return st.lists(st.sampled_from(of), min_size=least, max_size=most)


@st.composite
def _instants(draw: st.DrawFn, begins: Instant) -> Instant:
    at = after(begins, Duration(months=draw(_months)))
    return at + draw(_lengths) - draw(_short_of)


@st.composite
def _companies(draw: st.DrawFn, roles: tuple[str, ...]) -> tuple[ReportedParty, ...]:
    return tuple(
        ReportedParty(
            role=role,
            token=draw(_one_of((f"tok-{role}", f"tok-{role}", f"tok-{role}", "tok-a", "tok-b", None))),
            child=draw(_booleans),
        )
        for role in draw(st.permutations(roles))[: draw(_one_or_two)]
    )


@st.composite
def _casts(draw: st.DrawFn) -> Cast:
    begins = draw(_beginnings)
    plot = draw(_plots)
    return Cast(
        sources=plot.sources,
        category=draw(_one_of(plot.categories)),
        people=draw(st.lists(_companies(plot.roles), min_size=1, max_size=3)),
        places=draw(st.lists(st.sampled_from(plot.places), min_size=1, max_size=5, unique=True)),
        instants=draw(st.lists(_instants(begins), min_size=2, max_size=8)),
        vehicles=draw(_one_of(plot.vehicles)),
    )


@st.composite
def _reports(draw: st.DrawFn, cast: Cast) -> Report:
    source = draw(_one_of(cast.sources))
    kind, categories = SOURCES[source]
    is_named = source not in NAMELESS
    occurred = draw(_one_of(tuple(cast.instants)))
    lasted = draw(_lasted)
    action = draw(_actions)
    # What takes a report back need not say again what it was about.
    is_silent = action in SILENT and draw(_booleans)
    category = cast.category if cast.category in categories else categories[0]
    told_after = draw(_told_after)
    return Report(
        source=source,
        source_ref=f"r{draw(_refs)}",
        source_version=draw(_versions),
        action=action,
        kind=kind,
        subtype=draw(_subtypes[source]),
        category="" if is_silent else category,
        flags=draw(_flags),
        origin=draw(_origins),
        grade=draw(_grades),
        occurred_from=occurred,
        occurred_to=None if lasted is None else occurred + lasted,
        precision=draw(_precisions),
        # At the last instant that still counts as reported in time, when it is not some days.
        reported_at=after(occurred, Duration(months=1)) if told_after is None else occurred + told_after,
        place=draw(_one_of(tuple(cast.places))),
        parties=draw(_one_of(tuple(cast.people))) if is_named else (),
        vehicles=cast.vehicles if is_named else (),
        phones=draw(_phones) if is_named else (),
        group=draw(_groups) if is_named else None,
        facts=draw(_facts),
        marking=draw(_markings),
    )


_FACTS = (
    *((),) * 3,
    (Fact("dash-score", "13"),),
    (Fact("dash-score", "14"),),
    (Fact("found-distance-km", "20"), Fact("found-out-of-area", "false")),
    (Fact("found-area", "e08000035"), Fact("found-distance-km", "019"), Fact("found-out-of-area", "true")),
)
_ACTIONS = (*("new",) * 9, "correct", "correct", "withdraw", "erase", "restrict", "dispute")
_facts = st.sampled_from(_FACTS)
_actions = st.sampled_from(_ACTIONS)


@st.composite
def universes(draw: st.DrawFn, most: int = 24) -> list[Report]:
    """Some reports about the same few people, places and times; some of them sent twice."""
    told = draw(st.lists(_reports(draw(_casts())), min_size=5, max_size=most))
    again = draw(_some(told, 0, 3))
    return [*told, *again]
