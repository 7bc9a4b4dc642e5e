"""How what an alert rests on hangs together: by what one report leads to another, and never by whose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.findings import Evidence, Finding
from safety_stream.core.rules.linked import LINKS, PATH
from safety_stream.web import words

_LINK: Final = re.compile(r"(\d+) to (\d+): ([a-z ]+)")
_KINDS: Final[Mapping[str, str]] = {"place": "address"}
"""What people call a kind of identifier, where it is not its own name."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Two occurrences that name the same, the earlier first; `by` is what: a kind of identifier, or several."""

    first_at: str
    first_iso: str
    first_area: str
    then_at: str
    then_iso: str
    then_area: str
    by: str


class LinksView(msgspec.Struct, frozen=True):
    """The links in order of time; or, where a finding is from before they were kept, its ways in words."""

    links: tuple[Link, ...]
    ways: tuple[str, ...]


def links_view(findings: Sequence[Finding], catalogue: Catalogue) -> LinksView:
    """The links of all findings of an alert, each once; nothing where none was found over linked identifiers."""
    found = {
        (one.occurred_at, one.occurrence_id, then.occurred_at, then.occurrence_id): _link(one, then, by, catalogue)
        for finding in findings
        for one, then, by in _links_of(finding)
    }
    told = (dict(finding.facts) for finding in findings)
    ways = [way for facts in told if LINKS not in facts for way in facts.get(PATH, "").split("; ") if way]
    return LinksView(tuple(found[key] for key in sorted(found)), tuple(dict.fromkeys(map(_way, ways))))


def _links_of(finding: Finding) -> Iterator[tuple[Evidence, Evidence, str]]:
    for one, other, by in _LINK.findall(dict(finding.facts).get(LINKS, "")):
        pair = [
            finding.evidence[int(number) - 1] for number in (one, other) if 0 < int(number) <= len(finding.evidence)
        ]
        if len(pair) > 1:
            first, then = sorted(pair, key=lambda item: (item.occurred_at, item.occurrence_id))
            yield first, then, by


def _link(first: Evidence, then: Evidence, by: str, catalogue: Catalogue) -> Link:
    kinds = [_KINDS.get(kind, kind) for kind in by.split(" and ")]
    return Link(
        first_at=words.at(first.occurred_at),
        first_iso=words.iso(first.occurred_at),
        first_area=words.area_name(catalogue, first.area),
        then_at=words.at(then.occurred_at),
        then_iso=words.iso(then.occurred_at),
        then_area=words.area_name(catalogue, then.area),
        by=f"the same {words.listed(kinds)}",
    )


def _way(path: str) -> str:
    """`same place, then same phone` as people say it."""
    said = re.sub(r"same (\w+)", lambda found: f"the same {_KINDS.get(found[1], found[1])}", path)
    return f"{said[:1].upper()}{said[1:]}."
