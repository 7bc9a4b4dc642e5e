"""The catalogue as a page to read: every rule in plain English, what it is held to, and where its numbers are from.

Made from the files that run and from the words of `rules explain`, so it cannot say anything else than what runs. The
same catalogue gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from safety_stream.catalogue.blocks import Block, Bullets, Cell, Heading, Link, Paragraph, Table, to_html, to_markdown
from safety_stream.catalogue.budgets import is_held
from safety_stream.catalogue.examples import area_of, said_by
from safety_stream.catalogue.explaining import EXAMPLES, explained, keys_in_words
from safety_stream.catalogue.formats.near_repeats import NearRepeatsFile
from safety_stream.catalogue.formats.rules import ExampleEntry, ExampleFinding, ExampleSighting, RuleFile
from safety_stream.catalogue.formats.volumes import VolumesFile
from safety_stream.catalogue.loading import Loaded, load_near_repeats, load_volumes, load_whole
from safety_stream.catalogue.near_repeats import bands, in_words, meaning, newest_of, ratio
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.findings import Family
from safety_stream.core.model.times import (
    DAY_LENGTH,
    LONDON,
    Duration,
    Instant,
    length_in_words,
    to_date,
    to_datetime,
)
from safety_stream.core.rules.rule import Rule

Form = Literal["html", "md"]
"""How a page is written."""

TITLE = "The rules"

_INTRODUCTION = (
    "Every rule that looks for patterns in what partners report: what must happen, how urgent it is, who hears of it, "
    "what it does not see, and the examples it is tested with. Nothing here is written by hand: the command "
    "safety-stream rules page makes it from the rules that run."
)

_READING = (
    "What is counted are occurrences, not reports: several agencies' reports of one assault are one.",
    "A step, in quotation marks, is a kind of report; a rule says how often which steps must happen within what time.",
    "Priorities go from P1, critical, to P4, for information.",
    "“default” in a source says that a number is this project's proposal, to be agreed before anybody acts on it.",
    "Examples are made up. They say which reports come in and when the rule then fires, and are run as tests.",
    "Times are London time. In an example a report is made an hour after what it tells of, unless it says so.",
)

_LIST, _SOURCES = "list", "sources"


def catalogue_page(folder: Path, form: Form) -> str:
    """The page on the catalogue in `folder`, as `html` or `md`. Raises `CatalogueError` when it has errors."""
    loaded = load_whole(folder)
    blocks = [
        *_blocks(loaded.catalogue, loaded.rule_files, load_volumes(folder)),
        *_near_repeats(loaded.catalogue, load_near_repeats(folder)),
        *_releases(loaded),
    ]
    return to_html(TITLE, blocks) if form == "html" else to_markdown(blocks)


def _blocks(catalogue: Catalogue, files: Mapping[str, RuleFile], volumes: VolumesFile | None) -> Iterator[Block]:
    rules = sorted(catalogue.rules, key=lambda rule: rule.id)
    yield Heading(1, TITLE)
    yield Paragraph(_INTRODUCTION)
    county = catalogue.areas.county.replace("-", " ").title()
    yield Paragraph(f"{len(rules)} rules for {county}, catalogue version {catalogue.version}.")
    yield Heading(2, "How to read it")
    yield Bullets(_READING)
    yield Heading(2, "Which rules there are", _LIST)
    yield from _index(rules, catalogue)
    for rule in rules:
        yield from _rule(rule, files[rule.id], catalogue)
    yield Heading(2, "Where the numbers are from", _SOURCES)
    yield Table(
        "Of each rule, and of what is agreed for some areas",
        ("rule", "source"),
        tuple(row for rule in rules for row in _sources(files[rule.id], catalogue)),
    )
    if volumes is not None:
        yield Heading(2, "How loud they are")
        yield from _volumes(rules, volumes)
    yield Heading(2, "Who reports")
    yield Table(
        "The partners' feeds",
        ("feed", "what", "whose", "tells of", "says of people", "usually late by", "covers things from"),
        tuple(
            (
                one.id,
                one.title,
                one.organisation,
                ", ".join(one.kinds),
                one.identity,
                length_in_words(Duration(millis=one.usual_latency)),
                to_date(one.covers_from).isoformat(),
            )
            for one in sorted(catalogue.sources.values(), key=lambda source: source.id)
        ),
    )


def _near_repeats(catalogue: Catalogue, file: NearRepeatsFile | None) -> Iterator[Block]:
    """The newest evidence of each near-repeat rule as it stands; what was not measured is not there."""
    if file is None or not file.measured:
        return
    titles = {rule.id: rule.title for rule in catalogue.rules}
    newest = [(band, one) for band in bands(catalogue.rules) if (one := newest_of(band, file)) is not None]
    yield Heading(2, "Whether near repeats are more than chance")
    yield Paragraph(
        f"Looked at each month, over the {length_in_words(file.measuring.over.length)} that end with it. "
        f"{meaning(file.measuring)}"
    )
    yield Table(
        "The newest evidence",
        ("rule", "up to", "within", "month", "reports with a point", "pairs", "by chance", "ratio", "p", "found", "on"),
        tuple(
            (
                Link(titles[one.rule], one.rule),
                f"{one.metres:,} m",
                length_in_words(Duration(millis=one.days * DAY_LENGTH)),
                one.month,
                f"{one.located:,} of {one.reports:,}",
                f"{one.pairs:,}",
                f"{one.expected:,}",
                f"{ratio(one) or ''}",
                f"{one.p}",
                in_words(one, file.measuring),
                one.history,
            )
            for _, one in newest
        ),
    )


def _releases(loaded: Loaded) -> Iterator[Block]:
    """Who approved which version, the newest first; a version that is not that of the list is history."""
    if loaded.releases is None:
        return
    titles = {rule.id: rule.title for rule in loaded.catalogue.rules}
    yield Heading(2, "Who released what")
    yield Paragraph("A rule runs on trial, for its owner alone, until two people have approved it as it is.")
    yield Table(
        "Approvals, the newest first",
        ("rule", "version", "by", "at", "because"),
        tuple(
            (Link(titles[one.rule], one.rule), str(one.version), one.by, one.at, one.because)
            for one in reversed(loaded.releases.releases)
        ),
    )


def _index(rules: Sequence[Rule], catalogue: Catalogue) -> Iterator[Block]:
    for family in get_args(Family):
        rows = tuple(
            (
                Link(rule.title, rule.id),
                _key(rule),
                rule.priority.base,
                ", ".join(one.title for one in catalogue.audiences if one.id in rule.audiences),
                rule.status,
            )
            for rule in rules
            if rule.family == family
        )
        if rows:
            yield Table(_in_words(family), ("rule", "looks at", "priority", "may be heard by", "status"), rows)


def _volumes(rules: Sequence[Rule], volumes: VolumesFile) -> Iterator[Block]:
    """What was measured of each rule as it stands; what was not measured is not there."""
    budget = volumes.budget
    yield Paragraph(
        f"In a division and shift urgent alerts of all rules together may be told at most "
        f"{budget.urgent.per_division_and_shift:,} times and those of one {budget.urgent.of_one_rule:,} times, and "
        f"alerts of one rule at most {budget.alerts.per_district_and_month:,} times in a district and month: in most "
        "of them, all but the loudest twentieth. A list to be looked through is measured and held to none of this. "
        "Where the times told were not measured yet, each alert is counted once."
    )
    by_rule = {(one.rule, one.version): one for one in volumes.measured}
    measured = [(rule, by_rule[rule.id, rule.version]) for rule in rules if (rule.id, rule.version) in by_rule]
    yield Table(
        "As measured",
        (
            *("rule", "alerts a month", "told a month", "urgent in a division and shift", "in a district and month"),
            *("held to the budget", "on"),
        ),
        tuple(
            (
                Link(rule.title, rule.id),
                f"{one.alerts_per_month:,}",
                f"{one.told.per_month:,}",
                f"{one.told.urgent_per_division_and_shift:,}",
                f"{one.told.per_district_and_month:,}",
                "yes" if is_held(rule.audiences, budget) else "no, a list",
                one.history,
            )
            for rule, one in measured
        ),
    )


def _key(rule: Rule) -> str:
    return keys_in_words(tuple(dict.fromkeys(key for limb in rule.limbs for key in limb.keys)))


def _in_words(family: Family) -> str:
    return family.replace("-", " ").capitalize()


def _rule(rule: Rule, file: RuleFile, catalogue: Catalogue) -> Iterator[Block]:
    yield Heading(2, rule.title, rule.id)
    yield Paragraph(f"{rule.id}, version {rule.version}, {rule.status}, {_in_words(rule.family).lower()}")
    for section in explained(rule, file, catalogue).sections:
        if section.heading != EXAMPLES:
            yield Heading(3, section.heading)
            yield Paragraph(section.sentences[0]) if len(section.sentences) == 1 else Bullets(section.sentences)
    yield Heading(3, EXAMPLES)
    for example in file.examples:
        yield from _example(example, catalogue)
    yield Paragraph(Link("Back to the list", _LIST))


def _example(example: ExampleEntry, catalogue: Catalogue) -> Iterator[Block]:
    name = f"{'Fires' if example.fires else 'Does not fire'}: {example.name}"
    if example.sightings:
        yield _reports(name, example.sightings, catalogue)
    if example.found_elsewhere:
        yield _found_elsewhere(name, example.found_elsewhere, catalogue)
    if example.counts:
        columns = (f"day, in {_area(example.area or '', catalogue)}", "how many")
        yield Table(name, columns, tuple((day, f"{count:,}") for day, count in example.counts.items()))
    if example.signals:
        yield Table(
            name,
            (f"week from, in {_area(example.area or '', catalogue)}", "how many", "expected", "signal", ""),
            tuple(
                (week, f"{one.value:,}", f"{one.expected:g}", one.signal, "" if one.final else "feeds incomplete")
                for week, one in example.signals.items()
            ),
        )
    yield Paragraph(" ".join(_outcome(example)))


def _reports(name: str, sightings: Sequence[ExampleSighting], catalogue: Catalogue) -> Table:
    """The reports of an example; a column of which nothing is said in any of them is left out."""
    columns = ("when", "what", "in the role of", "said by", "in", "besides")
    rows = [
        (
            _moment(one.at),
            ", ".join((one.kind, *([one.subtype] if one.subtype else []), one.category)),
            ", ".join(one.role),
            said_by(one, catalogue),
            _area(area_of(one, catalogue), catalogue),
            "; ".join(_besides(one)),
        )
        for one in sightings
    ]
    told = [number for number in range(len(columns)) if any(row[number] for row in rows)]
    return Table(
        name, tuple(columns[number] for number in told), tuple(tuple(row[number] for number in told) for row in rows)
    )


def _found_elsewhere(name: str, found: Sequence[ExampleFinding], catalogue: Catalogue) -> Table:
    columns = ("when", "found elsewhere", "about", "completed by", "in", "besides")
    return Table(
        name,
        columns,
        tuple(
            (
                _moment(one.at),
                one.rule,
                one.subject,
                one.completed_by or "a report of its own",
                _area(area_of(one, catalogue), catalogue),
                "a child" if one.child else "",
            )
            for one in found
        ),
    )


def _besides(stated: ExampleSighting) -> Iterator[str]:
    if stated.reported_at is not None:
        yield f"reported {_moment(stated.reported_at)}"
    if stated.child:
        yield "a child"
    if stated.flags:
        yield f"marked {', '.join(stated.flags)}"
    if stated.origin == "discovered":
        yield "found by looking"
    if stated.grade is not None:
        yield f"grade {stated.grade}"
    yield from _places(stated)
    for name, value in stated.facts.items():
        yield f"{name} {str(value).lower()}"
    people = (
        ("people", stated.persons),
        ("complainants", stated.complainants),
        ("victims", stated.victims),
        ("children", stated.children),
    )
    for called, tokens in people:
        if tokens:
            yield f"{called} {', '.join(tokens)}"


def _places(stated: ExampleSighting) -> Iterator[str]:
    if stated.uprn is not None:
        yield f"address {stated.uprn}"
    if stated.easting is not None and stated.northing is not None:
        yield f"at {stated.easting:,} east and {stated.northing:,} north, in metres"


def _outcome(example: ExampleEntry) -> Iterator[str]:
    if example.as_of is not None:
        yield f"Looked at {_moment(example.as_of)}."
    for feed, at in example.complete_to.items():
        yield f"The feed {feed} is complete up to {_moment(at)}."
    if not example.fires:
        yield "Nothing fires."
    for fires in example.fires:
        yield f"It fires at {_moment(fires.at)}{f' as {fires.priority}' if fires.priority else ''}."


def _sources(file: RuleFile, catalogue: Catalogue) -> Iterator[tuple[Cell, ...]]:
    yield Link(file.title, file.id), file.source
    for over in file.overrides:
        places = ", ".join(_area(code, catalogue) for code in over.areas)
        yield Link(f"{file.title}: {places}", file.id), over.source


def _area(code: str, catalogue: Catalogue) -> str:
    area = catalogue.areas.by_code.get(code)
    return code if area is None else area.name


def _moment(instant: Instant) -> str:
    """London time; seconds only where they matter."""
    local = to_datetime(instant).astimezone(LONDON)
    return f"{local:%Y-%m-%d %H:%M:%S}" if local.second else f"{local:%Y-%m-%d %H:%M}"
