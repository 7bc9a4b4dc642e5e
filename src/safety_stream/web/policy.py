"""Who may see what: which pages a role has, and of whose alerts and numbers. What is not permitted is refused.

Which role reads which audience is stated with the audience, in the catalogue (`read_by`). A page about alerts is asked
for as somebody of an audience, a page about numbers as somebody of a disclosure profile; the other pages are the same
for everybody who may see them at all. Whoever may open a page sees of it what was published to that audience or
profile, and of alerts those of the person's own areas: both are given out by the read model alone. The public profile
is for anybody and asks nobody to sign in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal

import msgspec

from safety_stream.core.alerts.handling import Policy, partners
from safety_stream.core.catalogue import Areas, Audience
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
    "notices",
    "break-glass",
    "reviews",
    "review",
]

ABOUT_ALERTS: Final[frozenset[Page]] = frozenset(
    {"inbox", "alert", "act", "handover", "meeting", "feed", "subscriptions", "matches", "notices"}
)
ABOUT_NUMBERS: Final[frozenset[Page]] = frozenset({"county", "area", "indicator"})

PUBLIC: Final = "public"
"""The one profile anybody may see."""

_EXACT: Final = "internal"
"""The profile that shows exact numbers: to nobody of a partner (`partner: true` in the catalogue), in any role."""
_READ_ALERTS: Final[frozenset[Page]] = frozenset({"inbox", "alert", "act", "feed", "subscriptions", "notices"})
_RUN_A_SHIFT: Final[frozenset[Page]] = frozenset({"handover", "meeting"})
_SAME_FOR_ALL: Final[frozenset[Page]] = frozenset({"catalogue", "feeds"})
_IN_AN_EMERGENCY: Final[frozenset[Page]] = frozenset({"break-glass"})
"""What opens an alert that is not for its reader: for those alone of these roles that `oversight.yaml` names."""

PERMITTED: Final[Mapping[Role, frozenset[Page]]] = {
    # The partnership's own analysts keep its data: they decide who is who, and put back what was refused.
    "analyst": _READ_ALERTS | ABOUT_NUMBERS | _IN_AN_EMERGENCY | _SAME_FOR_ALL | {"data-quality", "redrive", "matches"},
    "duty-officer": _READ_ALERTS | _IN_AN_EMERGENCY | _RUN_A_SHIFT | ABOUT_NUMBERS | _SAME_FOR_ALL,
    "supervisor": _READ_ALERTS | _IN_AN_EMERGENCY | _RUN_A_SHIFT | ABOUT_NUMBERS | _SAME_FOR_ALL | {"data-quality"},
    # Both look at how it is done and who looked at what, and at nobody's alert; as they judge it, they do not do it.
    # The one reviews what was opened in an emergency, the other sees that it was reviewed.
    "data-protection-officer": ABOUT_NUMBERS | _SAME_FOR_ALL | {"data-quality", "consultations", "reviews", "review"},
    "auditor": ABOUT_NUMBERS | _SAME_FOR_ALL | {"data-quality", "consultations", "reviews"},
    # They run machines, and have no business with persons.
    "operator": _SAME_FOR_ALL | {"data-quality", "redrive"},
}

PROFILES: Final[Mapping[Role, frozenset[str]]] = {
    "analyst": frozenset({"internal", "partner"}),
    "duty-officer": frozenset({"internal", "partner"}),
    "supervisor": frozenset({"internal", "partner"}),
    "data-protection-officer": frozenset({"partner"}),
    "auditor": frozenset({"partner"}),
    "operator": frozenset(),
}
"""Whose numbers each may see."""


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


def may(person: Person, page: Page, audiences: Iterable[Audience], breaks_glass: Collection[str] = ()) -> bool:
    """Whether the tables and the audiences of the catalogue let this person see the page.

    `breaks_glass` are the roles the catalogue lets open an alert in an emergency.
    """
    if page not in PERMITTED[person.role] or (page in _IN_AN_EMERGENCY and person.role not in breaks_glass):
        return False
    audience = next((one for one in audiences if one.id == person.audience), None)
    if page in ABOUT_NUMBERS:
        is_outside = audience is not None and audience.partner
        return person.profile in PROFILES[person.role] and not (is_outside and person.profile == _EXACT)
    if page not in ABOUT_ALERTS:
        return True
    if audience is None or person.role not in audience.read_by:
        return False
    # A person is of no area: whoever sees those of some alone decides about none.
    return page != "matches" or (audience.stewards and not person.areas)


def acts_as(person: Person, policy: Policy) -> str:
    """The role an action is sent in: a partner's own, for one an alert may be referred to (`handling.yaml`)."""
    return person.audience if person.audience in partners(policy) else person.role


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
    Person(id="dev-inspector", role="supervisor", audience="inspector", profile="partner"),
    Person(id="dev-data-protection", role="data-protection-officer", profile="partner"),
    Person(id="dev-auditor", role="auditor", profile="partner"),
    Person(id="dev-operator", role="operator"),
)
"""Who can be chosen without a password, where pages are served to this machine alone."""
