"""Who may see what: one table of role, page and audience. What is not in it is refused.

A page about alerts is asked for as somebody of an audience, a page about numbers as somebody of a disclosure profile;
the other pages are the same for everybody who may see them at all. Whoever may open a page sees of it what was
published to that audience or profile, and of alerts those of the person's own areas: both are given out by the read
model alone. The public profile is for anybody and asks nobody to sign in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from safety_stream.core.catalogue import Areas
from safety_stream.core.model.times import Day

Role = Literal["analyst", "duty-officer", "supervisor", "data-protection-officer", "auditor", "operator"]
Page = Literal[
    "inbox",
    "alert",
    "act",
    "handover",
    "meeting",
    "feed",
    "county",
    "area",
    "indicator",
    "catalogue",
    "feeds",
    "data-quality",
    "consultations",
    "subscriptions",
    "redrive",
    "matches",
]

ABOUT_ALERTS: Final[frozenset[Page]] = frozenset(
    {"inbox", "alert", "act", "handover", "meeting", "feed", "subscriptions", "matches"}
)
ABOUT_NUMBERS: Final[frozenset[Page]] = frozenset({"county", "area", "indicator"})

EVERYBODYS: Final = "-"
"""In place of an audience, for a page that is the same for all who may see it."""

PUBLIC: Final = "public"
"""The one profile anybody may see."""

_PARTNERS = frozenset(
    {
        *("soc-unit", "exploitation-team", "marac-coordinator", "childrens-services", "asb-lead"),
        *("landlord", "neighbourhood-team"),
    }
)
_HANDLE = _PARTNERS | {"duty-officer"}
_RUNGS = frozenset({"sergeant", "inspector", "superintendent", "daily-meeting"})
"""Whoever an alert goes up to (`handling.yaml`): they read it as supervisors do."""
_ANALYSE = frozenset({"analyst", "repeat-victim-list"})
_STEWARD = frozenset({"analyst"})
"""The partnership's own analysts keep its data: they decide who is who, and put back what was refused.

Data-protection officers and auditors judge how that is done, so they do not do it; operators run machines, and have no
business with persons.
"""
_OUTSIDERS = frozenset(
    {"exploitation-team", "marac-coordinator", "childrens-services", "asb-lead", "repeat-victim-list"}
)
"""Audiences of partners (`partner: true` in the catalogue): nobody of them is shown exact numbers, in any role."""
_EXACT, _PARTNER = frozenset({"internal"}), frozenset({"partner"})
_ALL = frozenset({EVERYBODYS})

PERMITTED: Final[Mapping[Role, Mapping[Page, frozenset[str]]]] = {
    "analyst": {
        "inbox": _ANALYSE,
        "alert": _ANALYSE,
        "act": _ANALYSE,
        "feed": _ANALYSE,
        "subscriptions": _ANALYSE,
        "county": _EXACT | _PARTNER,
        "area": _EXACT | _PARTNER,
        "indicator": _EXACT | _PARTNER,
        "catalogue": _ALL,
        "feeds": _ALL,
        "data-quality": _ALL,
        "redrive": _ALL,
        "matches": _STEWARD,
    },
    "duty-officer": {
        "inbox": _HANDLE,
        "alert": _HANDLE,
        "act": _HANDLE,
        "handover": _HANDLE,
        "meeting": _HANDLE,
        "feed": _HANDLE,
        "subscriptions": _HANDLE,
        "county": _EXACT | _PARTNER,
        "area": _EXACT | _PARTNER,
        "indicator": _EXACT | _PARTNER,
        "catalogue": _ALL,
        "feeds": _ALL,
    },
    "supervisor": {
        "inbox": _HANDLE | _RUNGS,
        "alert": _HANDLE | _RUNGS,
        "act": _HANDLE | _RUNGS,
        "handover": _HANDLE | _RUNGS,
        "meeting": _HANDLE | _RUNGS,
        "feed": _HANDLE | _RUNGS,
        "subscriptions": _HANDLE | _RUNGS,
        "county": _EXACT | _PARTNER,
        "area": _EXACT | _PARTNER,
        "indicator": _EXACT | _PARTNER,
        "catalogue": _ALL,
        "feeds": _ALL,
        "data-quality": _ALL,
    },
    # Both look at how it is done and who looked at what, and at nobody's alert.
    "data-protection-officer": {
        "county": _PARTNER,
        "area": _PARTNER,
        "indicator": _PARTNER,
        "catalogue": _ALL,
        "feeds": _ALL,
        "data-quality": _ALL,
        "consultations": _ALL,
    },
    "auditor": {
        "county": _PARTNER,
        "area": _PARTNER,
        "indicator": _PARTNER,
        "catalogue": _ALL,
        "feeds": _ALL,
        "data-quality": _ALL,
        "consultations": _ALL,
    },
    "operator": {"catalogue": _ALL, "feeds": _ALL, "data-quality": _ALL, "redrive": _ALL},
}


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever reads alerts, a person or a program: whose alerts, "" for nobody's, and of where.

    `areas` are districts and groupings of them; without any they see alerts of everywhere.
    """

    id: str
    audience: str = ""
    areas: tuple[str, ...] = ()


class Person(Viewer, frozen=True, kw_only=True):
    """Somebody who has signed in: a number or pseudonym, never a name; a role; and `profile`, whose numbers they read.

    It is "" for nobody's.
    """

    role: Role
    profile: str = ""


def may(person: Person, page: Page) -> bool:
    """Whether the table lets this person see the page."""
    if page == "matches" and person.areas:
        # A person is of no area: whoever sees those of some alone decides about none.
        return False
    if page in ABOUT_NUMBERS and person.profile in _EXACT and person.audience in _OUTSIDERS:
        return False
    return asked_as(person, page) in PERMITTED[person.role].get(page, frozenset())


def asked_as(person: Person, page: Page) -> str:
    """The audience or profile the page is seen as."""
    if page in ABOUT_ALERTS:
        return person.audience
    return person.profile if page in ABOUT_NUMBERS else EVERYBODYS


def acts_as(person: Person) -> str:
    """The role an action is sent in: a partner's own, for one an alert may be referred to (`handling.yaml`)."""
    return person.audience if person.audience in _PARTNERS else person.role


def areas_of(viewer: Viewer, areas: Areas, day: Day) -> frozenset[str] | None:
    """The codes an alert may be of for somebody to see it, groupings taken apart into districts; None: any."""
    if not viewer.areas:
        return None
    within = {
        area.code
        for area in areas.by_code.values()
        if area.division in viewer.areas or not set(viewer.areas).isdisjoint(areas.roll_ups(area.code, day))
    }
    return frozenset(within | set(viewer.areas))


DEVELOPMENT: Final[tuple[Person, ...]] = (
    Person(id="dev-analyst", role="analyst", audience="analyst", profile="internal"),
    Person(id="dev-duty-officer", role="duty-officer", audience="duty-officer", profile="partner"),
    Person(
        id="dev-duty-officer-west", role="duty-officer", audience="duty-officer", profile="partner", areas=("D-WEST",)
    ),
    Person(id="dev-marac", role="duty-officer", audience="marac-coordinator", profile="partner"),
    Person(id="dev-supervisor", role="supervisor", audience="duty-officer", profile="internal"),
    Person(id="dev-data-protection", role="data-protection-officer", profile="partner"),
    Person(id="dev-auditor", role="auditor", profile="partner"),
    Person(id="dev-operator", role="operator"),
)
"""Who can be chosen without a password, where pages are served to this machine alone."""
