"""Who can be chosen at the development sign-in."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.web import words
from safety_stream.web.policy import Person


class PersonLine(msgspec.Struct, frozen=True):
    """Somebody who can be chosen, and what they may see."""

    id: str
    role: str
    sees: str


def people_view(people: Sequence[Person], catalogue: Catalogue) -> tuple[PersonLine, ...]:
    """Everybody who can be chosen."""
    titles = {one.id: one.title for one in catalogue.audiences}

    def sees(person: Person) -> str:
        where = words.listed([words.area_name(catalogue, code) for code in person.areas]) or "everywhere"
        alerts = (
            f"alerts for {titles.get(person.audience, person.audience)}, {where}" if person.audience else "no alerts"
        )
        return f"{alerts}; {f'{person.profile} numbers' if person.profile else 'no numbers'}"

    return tuple(PersonLine(person.id, words.plain(person.role).capitalize(), sees(person)) for person in people)
