"""How much rests on a possible match of two tokens: the reports that name each, by the partner's feed they came on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable

from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.persons import named_in
from safety_stream.core.register import highest_of, is_out

Versions = Callable[[], Iterable[IncidentVersion]]
"""Every version there is, from the first, in any order and some of them twice; may be asked for again."""


def naming(versions: Versions, tokens: Collection[str]) -> dict[str, dict[str, int]]:
    """How many reports that stand name each of these tokens, by source.

    They are read twice, so that no more need be remembered than what names one: a version that no longer does may come
    before the one that did.
    """
    wanted = frozenset(tokens)
    concerned = {one.incident_id for one in versions() if not wanted.isdisjoint(named_in(one))}
    found: dict[str, Counter[str]] = {}
    for version in highest_of(one for one in versions() if one.incident_id in concerned).values():
        if not is_out(version):
            for token in wanted & named_in(version):
                found.setdefault(token, Counter())[version.source] += 1
    return {token: dict(counts) for token, counts in found.items()}
