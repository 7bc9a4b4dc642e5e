"""The rules and indicators there are, as people read them: from the files that run, so that no page says otherwise."""

from __future__ import annotations

import msgspec

from safety_stream.catalogue.explaining import Explanation
from safety_stream.core.catalogue import Catalogue
from safety_stream.web import words


class RuleLine(msgspec.Struct, frozen=True):
    """A rule in one line."""

    href: str
    id: str
    title: str
    family: str
    priority: str
    status: str
    audiences: str


class IndicatorLine(msgspec.Struct, frozen=True):
    """An indicator in one line."""

    id: str
    title: str
    feeds: str
    periods: str
    caveats: tuple[str, ...]


class CatalogueView(msgspec.Struct, frozen=True):
    """All there are."""

    version: str
    rules: tuple[RuleLine, ...]
    indicators: tuple[IndicatorLine, ...]


class RuleView(msgspec.Struct, frozen=True):
    """One rule."""

    explanation: Explanation
    family: str


def catalogue_view(catalogue: Catalogue) -> CatalogueView:
    """The page of all rules and indicators."""
    titles = {one.id: one.title for one in catalogue.audiences}
    rules = tuple(
        RuleLine(
            f"/rules/{rule.id}",
            rule.id,
            rule.title,
            words.FAMILIES[rule.family],
            rule.priority.base,
            rule.status,
            words.listed([titles.get(one, one) for one in rule.audiences]),
        )
        for rule in sorted(catalogue.rules, key=lambda rule: (rule.family, rule.id))
    )
    indicators = tuple(
        IndicatorLine(
            one.id,
            one.title,
            words.listed(one.feeds),
            words.listed([words.PERIODS[kind] for kind in one.periods]),
            tuple(f"{caveat.text} ({caveat.source})" for caveat in one.caveats),
        )
        for one in catalogue.indicators
    )
    return CatalogueView(catalogue.version, rules, indicators)


def rule_view(explanation: Explanation) -> RuleView:
    """The page of one rule."""
    return RuleView(explanation, next(said for one, said in words.FAMILIES.items() if one == explanation.family))
