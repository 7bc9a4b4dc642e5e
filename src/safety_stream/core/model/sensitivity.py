"""How closely the law keeps what a field may hold: the tags of the schemas, and which of two is the closer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, get_args

Sensitivity = Literal["none", "personal", "criminal", "special-category"]
"""What a field of a schema may hold of somebody: nothing; what is about a person, pseudonyms included; offences,
allegations and proceedings (UK GDPR article 10); health, sexual life, beliefs, origin (article 9), or somebody's own
words, which may hold any of these."""

SENSITIVITIES: Final[tuple[Sensitivity, ...]] = get_args(Sensitivity)
"""From the least kept to the closest."""


def closest(tags: Iterable[Sensitivity]) -> Sensitivity:
    """What is made of several things is kept as closely as the closest of them; of nothing, it is about nobody."""
    return max(tags, key=SENSITIVITIES.index, default="none")
