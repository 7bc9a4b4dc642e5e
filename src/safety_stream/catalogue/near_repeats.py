"""Whether what near-repeat rules rest on is so here: is a crime followed by another nearby oftener than chance has it?

A near-repeat rule says that one happened close to another. That many do is known of other places; whether it holds in
this county, at the rule's distance and time, is looked at anew each month on the reports of so many months
(`near-repeats.yaml`), by the Knox ratio (`core/statistics/knox.py`). What is looked at is what the rule reads: live
reports of its step with an exact point, and the pairs of them it would call near, edges in. It differs in one thing:
two at one and the same instant are a pair here, and to the rule neither comes before the other.

Chance is seeded by the rule and the month: the same reports give the same record. The last record of a month and rule
takes the place of the one before; what a person writes stands above `measured:` and stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from random import Random

import msgspec

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.near_repeats import EvidenceEntry, MeasuringEntry, NearRepeatsFile
from safety_stream.catalogue.places import Place
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.times import (
    DAY_LENGTH,
    Day,
    Duration,
    after,
    before,
    day_of,
    period_of,
    start_of,
    to_date,
    to_day,
)
from safety_stream.core.rules.rule import Near, Rule, Selector
from safety_stream.core.rules.selectors import compiled
from safety_stream.core.statistics.knox import knox

FILE = "near-repeats.yaml"
FAMILY = "repeat-victimisation"
_MEASURED = "measured:"
_FEWEST = 2
"""Reports that make a pair."""


class Band(msgspec.Struct, frozen=True):
    """Up to how many metres and days a rule calls two of the same step near, edges in."""

    rule: str
    version: int
    select: Selector
    metres: int
    days: int


def bands(rules: Iterable[Rule]) -> Iterator[Band]:
    """The bands of near-repeat rules in force, in order of rule: of a kind of crime near the same, in whole days."""
    for rule in sorted(rules, key=lambda one: one.id):
        for limb in rule.limbs if rule.family == FAMILY and rule.status != "retired" else ():
            near = limb.condition
            if isinstance(near, Near) and near.after in (None, near.of) and near.within.is_whole_days:
                days = near.within.millis // DAY_LENGTH
                yield Band(rule.id, rule.version, limb.steps[near.of], near.metres, days)


def months_of(month: date, over: Duration) -> tuple[Day, Day]:
    """The first day of so many months that end with this one, and the first day after it."""
    ends = period_of(to_day(month), "month").ends
    return day_of(before(start_of(ends), over)), ends


def evidence(
    band: Band, versions: Iterable[IncidentVersion], month: date, measuring: MeasuringEntry, history: str
) -> EvidenceEntry:
    """What is found of the live `versions` in the months that end with this one."""
    starts, ends = months_of(month, measuring.over.length)
    passes = compiled(band.select).passes
    reports = [one for one in versions if starts <= day_of(one.occurred_from) < ends and passes(one)]
    located = [
        ((one.place.easting, one.place.northing), one.occurred_from)
        for one in sorted(reports, key=lambda one: one.incident_id)
        if one.place.exact and one.place.easting is not None and one.place.northing is not None
    ]
    pairs, expected, p_value = 0, 0.0, 1.0
    if len(located) >= _FEWEST:
        # Times stay whole milliseconds: what lies on the edge lies on it.
        places, times = zip(*located, strict=True)
        orders = _dealt_out(len(located), measuring.chance.permutations, f"{band.rule}/{month:%Y-%m}")
        found = knox(places, times, [band.metres], [band.days * DAY_LENGTH], orders, within=True)
        pairs, expected = int(found.observed[0, 0]), float(found.expected[0, 0])
        p_value = float(found.p_value[0, 0])
    return EvidenceEntry(
        month=f"{month:%Y-%m}",
        rule=band.rule,
        version=band.version,
        metres=band.metres,
        days=band.days,
        history=history,
        reports=len(reports),
        located=len(located),
        pairs=pairs,
        expected=round(expected, 2),
        p=round(p_value, 4),
    )


def _dealt_out(number: int, times: int, seed: str) -> Iterator[list[int]]:
    random = Random(seed)  # noqa: S311 - chance that can be repeated
    for _ in range(times):
        yield random.sample(range(number), number)


def ratio(one: EvidenceEntry) -> float | None:
    """How many times as many pairs there are as chance would bring about; None where it would bring about none."""
    return round(one.pairs / one.expected, 2) if one.expected else None


def is_found(one: EvidenceEntry, measuring: MeasuringEntry) -> bool:
    """Whether there are so many more pairs than chance would bring about that chance is no likely reason."""
    return one.pairs > one.expected and one.p <= measuring.chance.at_most


def in_words(one: EvidenceEntry, measuring: MeasuringEntry) -> str:
    """What was found, in a few words."""
    if one.located < _FEWEST:
        return "too few to say"
    return "near-repeat evidence" if is_found(one, measuring) else "no near-repeat evidence"


def meaning(measuring: MeasuringEntry) -> str:
    """What these words mean, for whoever reads them."""
    return (
        f"Near-repeat evidence: more pairs this near and this soon than chance brings about, when the same times are "
        f"dealt out anew to the same places, in all but {measuring.chance.at_most:.0%} of the ways. No near-repeat "
        f"evidence: chance alone may well bring about as many, so an alert of the rule says here no more than that two "
        f"happened close together. It does not say that one never leads to another: where few are reported with a "
        f"point of their own, much goes unseen. The band of a wider rule holds the pairs of a narrower one."
    )


def read_near_repeats(files: Files) -> tuple[Place, NearRepeatsFile] | None:
    """How near repeats are looked at and what was found; None when there is no such file, or one not of its format."""
    path = files.folder / FILE
    read = files.read(path, NearRepeatsFile) if path.exists() else None
    if read is not None and not read[1].measuring.over.length.months:
        at = read[0]
        at.error(("measuring", "over", "length"), "reports are looked at over whole months", "write 12 months")
    return read


def check_near_repeats(files: Files, rules: Sequence[Rule], named: Collection[str], today: Day | None) -> None:
    """Tell of mistakes in the file and, with `today`, of rules whose evidence is old or none: as of notice, not more.

    `rules` are those that could be read, `named` all there is a file of.
    The clock is the calendar: a month's evidence is there to be had once the month is over.
    """
    read = read_near_repeats(files)
    if read is None:
        return
    at, model = read
    seen = set()
    for index, entry in enumerate(model.measured):
        if entry.rule not in named:
            at.warning(("measured", index), f"rule {entry.rule} is measured and is no rule", "leave it out")
        if (entry.month, entry.rule) in seen:
            at.error(("measured", index), f"{entry.rule} is measured twice for {entry.month}", "leave one of them out")
        seen.add((entry.month, entry.rule))
    if today is None:
        return
    for band in bands(rules):
        newest = newest_of(band, model)
        mend = f"run safety-stream rules knox HISTORY --record NAME-OF-HISTORY, every month: {band.rule}"
        if newest is None:
            at.notice(("measured",), f"version {band.version} of {band.rule} has no near-repeat evidence", mend)
        elif _is_old(newest, model.measuring, today):
            at.notice(("measured",), f"the newest near-repeat evidence of {band.rule} is of {newest.month}", mend)


def newest_of(band: Band, model: NearRepeatsFile) -> EvidenceEntry | None:
    """The newest record of a rule as it stands."""
    of_it = [one for one in model.measured if (one.rule, one.version) == (band.rule, band.version)]
    return max(of_it, key=lambda one: one.month, default=None)


def _is_old(one: EvidenceEntry, measuring: MeasuringEntry, today: Day) -> bool:
    ended = period_of(to_day(month_of(one.month)), "month").ends
    return day_of(after(start_of(ended), measuring.renew_after.length)) <= today


def month_of(text: str) -> date:
    """The first day of a month as the file writes it."""
    return date.fromisoformat(f"{text}-01")


def month_before(day: Day) -> date:
    """The month before that of a day: the last one that is over."""
    return to_date(period_of(period_of(day, "month").starts - 1, "month").starts)


def record(folder: Path, model: NearRepeatsFile, entries: Sequence[EvidenceEntry]) -> Path:
    """Write these entries into the catalogue's file, each in place of one of its month and rule. Raises `OSError`."""
    path = folder / FILE
    by_hand = path.read_text(encoding="utf-8").split(f"\n{_MEASURED}", maxsplit=1)[0].rstrip("\n")
    of_each = {(one.month, one.rule): one for one in (*model.measured, *entries)}
    lines = [by_hand, _MEASURED, *(_line(of_each[key]) for key in sorted(of_each))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _line(entry: EvidenceEntry) -> str:
    # A JSON string is a YAML one.
    said = {**entry.model_dump(), "history": json.dumps(entry.history, ensure_ascii=False)}
    return f"  - {{{', '.join(f'{name}: {value}' for name, value in said.items())}}}"
