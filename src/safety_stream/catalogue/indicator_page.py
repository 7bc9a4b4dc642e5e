"""The indicators as a table to read, and into the page that tells of them."""

from __future__ import annotations

from collections.abc import Iterator

from safety_stream.catalogue.agreements import sentences_of, tags_of
from safety_stream.catalogue.blocks import Block, Heading, Table, to_markdown
from safety_stream.core.catalogue import ONE, WEIGHT, Catalogue, Caveat, Indicator, Profile, Share

BEGIN, END = "<!-- indicators: begin -->", "<!-- indicators: end -->"
"""Between these a page has what is made from the catalogue."""


def indicator_tables(catalogue: Catalogue) -> str:
    """What is counted, who is shown it, what follows from it, and what measures each agreement, in Markdown."""
    return to_markdown([*_blocks(catalogue)])


def renewed(page: str, catalogue: Catalogue) -> str:
    """A page with the tables between its marks made anew. Raises `ValueError` for a page without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} and {END}: put them where the tables are to stand")
    return f"{before}{BEGIN}\n\n{indicator_tables(catalogue)}\n{END}{after}"


def _blocks(catalogue: Catalogue) -> Iterator[Block]:
    yield Heading(2, "What is counted")
    yield Table(
        "Indicators",
        ("indicator", "what", "adds", "of the feeds", "per", "measures", "to be said with it"),
        tuple(
            (
                one.id,
                one.title,
                _adds(one),
                ", ".join(one.feeds),
                ", ".join((*one.periods, *(f"by {drill}" for drill in one.drill))),
                ", ".join(one.tags),
                _said(one.caveats),
            )
            for one in catalogue.indicators
        ),
    )
    yield Heading(2, "Who is shown what")
    yield Table(
        "Profiles",
        ("profile", "for whom", "what is shown"),
        tuple((one.id, one.title, _shown(one)) for one in catalogue.profiles),
    )
    yield Table(
        "In which periods",
        ("indicator", *(one.id for one in catalogue.profiles)),
        tuple(
            (one.id, *(", ".join(profile.periods_of(one)) or _why_not(profile, one) for profile in catalogue.profiles))
            for one in catalogue.indicators
        ),
    )
    yield Heading(2, "What follows from it")
    yield Table(
        "Shares and rates",
        ("id", "what", "how", "measures", "to be said with it"),
        tuple((one.id, one.title, _how(one), ", ".join(one.tags), _said(one.caveats)) for one in catalogue.shares)
        + tuple(
            (one.id, one.title, f"{one.of} per {one.times:,} residents", ", ".join(one.tags), _said(one.caveats))
            for one in catalogue.rates
        ),
    )
    measured = tags_of(catalogue)
    for agreement in catalogue.agreements:
        yield Heading(2, agreement.title)
        yield Table(
            f"{agreement.id}, sentence by sentence",
            ("part", "sentence", "measured by"),
            tuple(
                (sentence.part, sentence.words, sentence.without or ", ".join(measured.get(sentence.id, ())))
                for _, sentence in sentences_of(catalogue, agreement.id)
            ),
        )


def _shown(profile: Profile) -> str:
    said = [
        "final values only" if profile.final_only else "provisional values, too",
        f"1 to {profile.suppress_below - 1} hidden, and what would tell them" if profile.suppresses else "",
        f"to the nearest {profile.round_to}" if profile.round_to > 1 else "",
        f"beside them {', '.join(profile.shows)}" if profile.shows else "",
    ]
    return "; ".join(filter(None, said))


def _why_not(profile: Profile, one: Indicator) -> str:
    """Why a profile is not shown an indicator, by what holds of it whatever else does."""
    if profile.suppresses and not one.counts_incidents:
        return "no count of incidents"
    if not set(one.periods) & set(profile.periods):
        return f"not per {' or '.join(profile.periods)}"
    return "not named"


def _adds(one: Indicator) -> str:
    if one.rule is not None:
        return f"each finding of {one.rule}"
    return {ONE: "each report", WEIGHT: "the weight of its category"}.get(one.adds, f"the fact {one.adds}")


def _how(one: Share) -> str:
    return f"{one.of} in per cent of {one.among}, where that is {one.least_base} or more"


def _said(caveats: tuple[Caveat, ...]) -> str:
    return " ".join(f"{', '.join(one.areas)}: {one.text}" if one.areas else one.text for one in caveats)
