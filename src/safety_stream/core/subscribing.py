"""What somebody asks to be told of, and what of it an audience can never have: the same for pages and the command line.

A wish is what was written; delivery makes a subscription of it, or says every mistake beside the field it is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from safety_stream.core.catalogue import Audience, Catalogue
from safety_stream.core.model.markings import MARKINGS, is_above
from safety_stream.core.model.times import Instant

WishField = Literal["audience", "to", "areas", "families", "priorities", "markings", "quiet", "digest_at"]
"""Where a mistake is; `to` is the channel with its address."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as somebody writes it. An empty list leaves a choice open; times of day are written 22:00."""

    audience: str
    channel: str
    address: str
    areas: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    markings: tuple[str, ...] = ()
    quiet_from: str = ""
    quiet_until: str = ""
    digest_at: str = ""


class Kept(msgspec.Struct, frozen=True):
    """A subscription there is, as it would be written."""

    subscription_id: str
    since: Instant
    wish: Wish


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong with a wish, and where."""

    field: WishField
    said: str


class NoSubscription(Exception):
    """A wish has mistakes, all of them here."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Keep them; the sentence holds them all."""
        super().__init__("; ".join(one.said for one in mistakes))
        self.mistakes = tuple(mistakes)


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """By what an audience can choose among its alerts; nothing where it is not told that of an alert."""

    by_area: bool
    families: tuple[str, ...]
    priorities: tuple[str, ...]
    markings: tuple[str, ...]


_CHOSEN_BY: Final[Mapping[WishField, str]] = {
    "areas": "area",
    "families": "family",
    "priorities": "priority",
    "markings": "marking",
}


def choices_for(audience: Audience, known: Catalogue) -> Choices:
    """What may be chosen."""
    had = _had_by(audience, known)
    told: dict[WishField, tuple[str, ...]] = {
        chosen: tuple(had.get(chosen, ())) if _is_told(audience, field) else () for chosen, field in _CHOSEN_BY.items()
    }
    return Choices(
        by_area=_is_told(audience, "area"),
        families=told["families"],
        priorities=told["priorities"],
        markings=told["markings"],
    )


def mistakes_of(wish: Wish, known: Catalogue) -> Iterator[Mistake]:
    """Why a wish would never be told anything, by the catalogue alone."""
    if wish.audience and wish.audience == known.oversight.office:
        yield from _of_the_office(wish)
        return
    audience = next((one for one in known.audiences if one.id == wish.audience), None)
    if audience is None:
        office = known.oversight.office
        audiences = ", ".join([*(one.id for one in known.audiences), *([office] if office else [])])
        yield Mistake("audience", f"there is no audience {wish.audience}, only {audiences}")
        return
    chosen_by: dict[WishField, tuple[str, ...]] = {
        "areas": wish.areas,
        "families": wish.families,
        "priorities": wish.priorities,
        "markings": wish.markings,
    }
    had = _had_by(audience, known)
    for chosen, field in _CHOSEN_BY.items():
        asked = chosen_by[chosen]
        if asked and not _is_told(audience, field):
            yield Mistake(chosen, f"{audience.id} is not told the {field} of an alert, so it cannot choose by it")
        elif chosen in had:
            yield from _never_had(audience, chosen, field, asked, had[chosen])
    yield from _strange(wish.areas, known)


def _of_the_office(wish: Wish) -> Iterator[Mistake]:
    """Whoever answers for the data hears of no alert, so there is nothing to choose among."""
    for chosen in _CHOSEN_BY:
        if getattr(wish, chosen):
            yield Mistake(chosen, f"{wish.audience} hears what is owed, and no alerts: leave its {chosen} open")


def _strange(areas: Sequence[str], known: Catalogue) -> Iterator[Mistake]:
    strange = [code for code in areas if code not in known.areas.by_code]
    if strange:
        yield Mistake("areas", f"there is no area {strange[0]}: the codes are in the catalogue's areas")


def _never_had(
    audience: Audience, chosen: WishField, field: str, asked: Sequence[str], had: Sequence[str]
) -> Iterator[Mistake]:
    never = [one for one in asked if one not in had]
    if not never:
        return
    said = f"{audience.id} has no alerts of the {field} {never[0]}, only of {', '.join(had) or 'none'}"
    if chosen == "markings" and is_above(never[0], audience.marked_at_most):
        said += f": it is told nothing marked higher than {audience.marked_at_most}"
    yield Mistake(chosen, said)


def _had_by(audience: Audience, known: Catalogue) -> dict[WishField, Sequence[str]]:
    """What of each choice the audience can ever have; an alert is marked as its rule says, or higher."""
    rules = [rule for rule in known.rules if audience.id in rule.audiences or audience.hears == "escalated"]
    markings = [
        marking
        for marking in MARKINGS
        if not is_above(marking, audience.marked_at_most) and any(not is_above(one.marking, marking) for one in rules)
    ]
    return {"families": audience.families, "priorities": audience.priorities, "markings": markings}


def _is_told(audience: Audience, field: str) -> bool:
    return field in audience.fields or (field == "area" and "areas" in audience.fields)
