"""From the files of a catalogue to the values the core runs on, telling everything that is wrong with them at once.

Theory of operation
-------------------
Files are read in the order in which they name one another: sources, categories, facts, areas, indicators, audiences,
rules.
Each is read (`documents.py`), held against its format (`formats.py`), and its names against the vocabulary of the
files before it. A broken file leaves its part of the vocabulary unknown (None), and what cannot be judged is not
complained about: one mistake, one issue.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import TypeVar, get_args

import msgspec
from pydantic import BaseModel, ValidationError

from safety_stream.catalogue.areas import read_lookup
from safety_stream.catalogue.documents import Document, UnreadableError, Where, read_document
from safety_stream.catalogue.formats import (
    AllOfEntry,
    AreasFile,
    AudiencesFile,
    BareRuleFile,
    BudgetEntry,
    CalendarEntry,
    CategoriesFile,
    ExampleSighting,
    FactEntry,
    FactsFile,
    IndicatorsFile,
    LimbEntry,
    NearEntry,
    OrderedEntry,
    OverrideEntry,
    RangeEntry,
    RuleFile,
    SelectEntry,
    SourcesFile,
    StepEntry,
    VolumesFile,
)
from safety_stream.catalogue.issues import CatalogueError, Issue, Severity
from safety_stream.core.catalogue import (
    Area,
    Areas,
    Audience,
    Bounds,
    Catalogue,
    Category,
    FactKind,
    Indicator,
    Profile,
    Source,
)
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.facts import fact_in, number_of
from safety_stream.core.model.incidents import OUTSIDE, UNLOCATED, Role
from safety_stream.core.model.times import DAY_LENGTH, Duration, length_in_words
from safety_stream.core.rules.chains import DEEPEST, circle_in, depth_of, rests_on
from safety_stream.core.rules.engine import HUB_RULE
from safety_stream.core.rules.near import HERE, NEARBY
from safety_stream.core.rules.registry import condition_type
from safety_stream.core.rules.rule import (
    Absent,
    AllOf,
    Besides,
    Calendar,
    Condition,
    Count,
    Distinct,
    FactTest,
    Field,
    Limb,
    Near,
    Ordered,
    Override,
    PriorityRule,
    Rule,
    Safeguards,
    Selector,
    Sum,
    Test,
)
from safety_stream.core.rules.windows import longest

_PLACES = frozenset({"household", "place", "cell"})
"""Kinds of key whose reports partners find by looking there, so that who looks more finds more (rules.md 3.10)."""

_ROLES = frozenset(get_args(Role)) | {"vehicle", "phone", "place", "household", "group", HERE, NEARBY}
_TEXT_FIELDS = frozenset({"kind", "subtype", "category", "family", "origin", "grade", "organisation", "source", "area"})
_LISTED_FIELDS = frozenset({"themes", "flags", "roles", "persons", "complainants"})
_GRADES = frozenset("ABCDE")

ISSUES_MAX = 100
"""Of one file so many are told: whoever mends them may ask again."""

LOOKUP_BYTES_MAX = 20_000_000
"""Ten times a look-up of the whole country."""

_NOT_TO_BE_READ = frozenset(
    {
        *("ethnic", "ethnicity", "race", "racial", "nationality", "immigration", "caste", "skin"),
        *("religion", "religious", "faith", "belief", "beliefs", "political", "politics", "union"),
        *("sex", "sexual", "sexuality", "orientation", "gender", "transgender", "trans", "pregnancy", "pregnant"),
        *("health", "mental", "medical", "diagnosis", "disability", "disabled", "illness", "medication", "addiction"),
        *("genetic", "biometric"),
    }
)
"""Words that no fact's name may hold: no rule reads what the law protects most (design/rules.md 3.11; Data Protection
Act 2018 s.10, UK GDPR article 9; Equality Act 2010 s.4). Here and not in the catalogue, so that no rule's author can
take one out."""

M = TypeVar("M", bound=BaseModel)


def load_catalogue(
    folder: Path, areas: Path | None = None, rules: Path | None = None, instead: Path | None = None
) -> Catalogue:
    """The catalogue in `folder`; `areas` names another area file (`<county>.yaml`), `rules` another folder of rules.

    Of such other rules only what makes them fire has to be said (`BareRuleFile`): they are for a replay. `instead` is
    one rule's file that takes the place of its namesake.

    Raises `CatalogueError` with every issue when there is an error among them.
    """
    reading = Reading(folder, areas, rules, instead)
    catalogue = reading.catalogue()
    if catalogue is None:
        raise CatalogueError(reading.sorted_issues())
    return catalogue


def load_with_files(folder: Path) -> tuple[Catalogue, dict[str, RuleFile]]:
    """The catalogue in `folder` and, by rule, the file each was made from. Raises `CatalogueError`."""
    reading = Reading(folder)
    catalogue = reading.catalogue()
    if catalogue is None:
        raise CatalogueError(reading.sorted_issues())
    return catalogue, {name: file for name, file in reading.rule_files.items() if isinstance(file, RuleFile)}


def load_volumes(folder: Path) -> VolumesFile | None:
    """How loud rules may be and were; None in a catalogue without a budget. Raises `CatalogueError`."""
    reading = Reading(folder)
    volumes = reading.volumes()
    if reading.sorted_issues():
        raise CatalogueError(reading.sorted_issues())
    return volumes


def lint_catalogue(folder: Path, areas: Path | None = None) -> list[Issue]:
    """Every issue of the catalogue in `folder`, in order of file and line; empty when there is none.

    Whether rules keep to their budget is told here and nowhere else: what is too loud must not be released, but what
    runs must not stop over it, and a backtest has to load what it is to mend.
    """
    reading = Reading(folder, areas)
    if reading.catalogue() is not None and areas is None:
        reading.check_volumes()
    return reading.sorted_issues()


class Reading:
    """One reading of a catalogue folder: the issues found so far, and the rule files as they were written."""

    def __init__(
        self, folder: Path, areas: Path | None = None, rules: Path | None = None, instead: Path | None = None
    ) -> None:
        self.rule_files: dict[str, BareRuleFile] = {}
        self._folder = folder
        self._areas_file = areas
        self._rules_folder = rules or folder / "rules"
        self._instead = {} if instead is None else {instead.name: instead}
        self._rule_format = RuleFile if rules is None else BareRuleFile
        self._issues: set[Issue] = set()
        self._digest = hashlib.sha256()
        self._sources: dict[str, Source] | None = None
        self._categories: dict[str, Category] | None = None
        self._themes: frozenset[str] | None = None
        self._bounds: Bounds | None = None
        self._facts: dict[str, FactKind] | None = None
        self._areas: Areas | None = None
        self._indicators: dict[str, Indicator] | None = None
        self._audiences: dict[str, Audience] | None = None

    def sorted_issues(self) -> list[Issue]:
        """What was found, in order of file and line."""
        return sorted(self._issues)

    def catalogue(self) -> Catalogue | None:
        """Read everything; None when there is an error."""
        self._sources = self._read_sources()
        categories = self._read_categories()
        self._facts = self._read_facts()
        self._areas = self._read_areas()
        self._indicators = self._read_indicators()
        profiles = self._read_audiences()
        rules = self._read_rules()
        if categories is None or any(issue.severity == "error" for issue in self._issues):
            return None
        kind_themes, flag_themes, bounds = categories
        return Catalogue(
            version=self._digest.hexdigest()[:12],
            sources=self._sources or {},
            areas=self._areas or Areas(county="", by_code={}, by_lsoa={}),
            categories=self._categories or {},
            kind_themes=kind_themes,
            flag_themes=flag_themes,
            indicators=tuple((self._indicators or {}).values()),
            rules=tuple(rules),
            audiences=tuple((self._audiences or {}).values()),
            profiles=tuple(profiles),
            bounds=bounds,
            facts=self._facts or {},
        )

    def volumes(self) -> VolumesFile | None:
        """Read how loud rules may be and were; None when there is no such file, or an error in it."""
        read = self._read_volumes()
        return None if read is None else read[1]

    def check_volumes(self) -> None:
        """Hold what was measured of the rules read against their budget."""
        read = self._read_volumes()
        if read is None:
            return
        at, model = read
        self._refuse_repeats(at, "measured", [entry.rule for entry in model.measured], what="rule")
        stable = {rule: file.version for rule, file in self.rule_files.items() if file.status == "stable"}
        together = 0
        for index, entry in enumerate(model.measured):
            if entry.rule not in self.rule_files:
                at.warning(("measured", index), f"rule {entry.rule} is measured and is no rule", "leave it out")
            if stable.get(entry.rule) != entry.version:
                continue
            del stable[entry.rule]
            urgent, alerts = entry.urgent_per_division_and_shift, entry.alerts_per_district_and_month
            together += urgent
            for excess in excesses(urgent, alerts, model.budget):
                mend = "make it trial, raise its threshold or narrow its select, and measure it again"
                at.error(("measured", index), f"{entry.rule} is too loud to be stable: {excess}", mend)
        most = model.budget.urgent.per_division_and_shift
        if together > most:
            what = f"all rules together make {together:,} urgent in a division and shift, where the budget is {most:,}"
            at.error(("budget", "urgent"), what, "make one of them trial, or quieter")
        for rule, version in stable.items():
            mend = f"run safety-stream rules backtest {rule} --against HISTORY --record NAME-OF-HISTORY"
            at.warning(("measured",), f"version {version} of {rule} has no measured volume", mend)

    def _read_volumes(self) -> tuple[_Place, VolumesFile] | None:
        path = self._folder / "volumes.yaml"
        read = self._read(path, VolumesFile) if path.exists() else None
        if read is not None:
            starts = read[1].budget.shifts.starts
            if starts != sorted(set(starts)):
                read[0].error(("budget", "shifts", "starts"), "shifts do not begin in order", "write [7, 19]")
        return read

    # One file at a time

    def _read_sources(self) -> dict[str, Source] | None:
        read = self._read(self._folder / "sources.yaml", SourcesFile)
        if read is None:
            return None
        at, model = read
        self._refuse_repeats(at, "sources", [entry.id for entry in model.sources])
        return {
            entry.id: Source(
                id=entry.id,
                organisation=entry.organisation,
                title=entry.title,
                kinds=tuple(entry.kinds),
                identity=entry.identity,
                usual_latency=self._exact_length(at, ("sources", index, "usual_latency"), entry.usual_latency),
            )
            for index, entry in enumerate(model.sources)
        }

    def _read_categories(
        self,
    ) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], Bounds] | None:
        read = self._read(self._folder / "categories.yaml", CategoriesFile)
        if read is None:
            return None
        at, model = read
        self._refuse_repeats(at, "categories", [entry.id for entry in model.categories])
        self._categories = {
            entry.id: Category(id=entry.id, family=entry.family, themes=tuple(sorted(entry.themes)))
            for entry in model.categories
        }
        by_kind = {kind: tuple(sorted(themes)) for kind, themes in model.kind_themes.items()}
        by_flag = {flag: tuple(sorted(themes)) for flag, themes in model.flag_themes.items()}
        for kind in by_kind:
            self._know(at, ("kind_themes", kind), "kind", kind, self._kinds())
        themes = [*by_kind.values(), *by_flag.values(), *(category.themes for category in self._categories.values())]
        self._themes = frozenset(theme for some in themes for theme in some)
        if model.bounds.kept <= model.bounds.hub:
            at.error(("bounds",), "kept is not above hub", "a hub must be remembered for it to come back: raise kept")
        self._bounds = Bounds(
            hub=model.bounds.hub,
            kept=model.bounds.kept,
            cell_metres=model.bounds.cell_metres,
            cell_days=model.bounds.cell_days,
        )
        return by_kind, by_flag, self._bounds

    def _read_facts(self) -> dict[str, FactKind] | None:
        path = self._folder / "facts.yaml"
        if not path.exists():
            return {}
        read = self._read(path, FactsFile)
        if read is None:
            return None
        at, model = read
        self._refuse_repeats(at, "facts", [entry.id for entry in model.facts])
        for index, entry in enumerate(model.facts):
            self._check_fact(at, ("facts", index), entry)
        return {
            entry.id: FactKind(
                id=entry.id,
                type=entry.type,
                title=entry.title,
                values=None if entry.values is None else frozenset(entry.values),
            )
            for entry in model.facts
        }

    def _check_fact(self, at: _Place, where: Where, entry: FactEntry) -> None:
        for word in sorted(_NOT_TO_BE_READ.intersection(entry.id.split("-"))):
            at.error((*where, "id"), f"fact {entry.id}: no rule may read of {word}", "leave it out (rules.md 3.11)")
        if entry.type == "number" and (entry.values is not None or entry.open):
            at.error(where, f"fact {entry.id} is a number; it has neither values nor open", "leave them out")
        if entry.type == "word" and (entry.values is None) != entry.open:
            what = "both values and open" if entry.open else "no values"
            at.error(where, f"fact {entry.id} has {what}", "list the words it may be, or else say open: true")

    def _read_areas(self) -> Areas | None:
        file = self._areas_file or self._only_area_file()
        read = None if file is None else self._read(file, AreasFile)
        if file is None or read is None:
            return None
        at, model = read
        self._refuse_repeats(at, "areas", [entry.code for entry in model.areas], what="code")
        by_code = {
            entry.code: Area(
                code=entry.code,
                name=entry.name,
                kind=entry.kind,
                parents=tuple(entry.parents),
                valid_from=entry.valid_from,
                valid_to=entry.valid_to,
                division=entry.division,
                residents=entry.residents,
            )
            for entry in model.areas
        }
        for index, entry in enumerate(model.areas):
            where: Where = ("areas", index)
            for parent in entry.parents:
                self._know(at, (*where, "parents"), "area", parent, by_code)
            if _is_above_itself(entry.code, by_code):
                at.error((*where, "parents"), f"area {entry.code} is above itself", "break the circle of parents")
            self._check_days(at, where, entry.valid_from, entry.valid_to)
        for reserved in (OUTSIDE, UNLOCATED):
            if reserved not in by_code or by_code[reserved].kind != "reserved":
                at.error(("areas",), f"area {reserved} of kind reserved is missing", "add it: sums must be whole")
        return Areas(county=model.county, by_code=by_code, by_lsoa=self._read_lsoas(at, file, model, by_code))

    def _read_lsoas(self, at: _Place, file: Path, model: AreasFile, by_code: Mapping[str, Area]) -> dict[str, str]:
        if model.lsoa_lookup is None:
            return {}
        path = file.parent / model.lsoa_lookup
        if path.exists() and not (path.is_file() and path.stat().st_size <= LOOKUP_BYTES_MAX and self._is_inside(path)):
            what = f"{model.lsoa_lookup} is no file of this folder, or has more than {LOOKUP_BYTES_MAX} bytes"
            at.error(("lsoa_lookup",), what, "keep the county's rows in a file there")
            return {}
        try:
            rows = list(read_lookup(path))
        except (OSError, ValueError, csv.Error) as error:
            at.error(("lsoa_lookup",), f"{model.lsoa_lookup} cannot be read: {error}", "mend the look-up")
            return {}
        self._digest.update(path.read_bytes())
        table = _Place(self._issues, self._name_of(path), None)
        by_lsoa: dict[str, str] = {}
        for line, lsoa, code in rows:
            if code not in by_code or by_code[code].kind != "district":
                table.add(
                    "error", line, f"{code} is no district of {self._name_of(file)}", "add the area or mend the code"
                )
            if by_lsoa.setdefault(lsoa, code) != code:
                table.add("error", line, f"LSOA {lsoa} is in two districts", "keep one row")
        return by_lsoa

    def _read_indicators(self) -> dict[str, Indicator] | None:
        found: dict[str, Indicator] = {}
        whole = True
        for path in self._files(self._folder / "indicators"):
            read = self._read(path, IndicatorsFile)
            if read is None:
                whole = False
                continue
            at, model = read
            for index, entry in enumerate(model.indicators):
                where: Where = ("indicators", index)
                if entry.id in found:
                    at.error(
                        (*where, "id"), f"indicator {entry.id} is there already", "ids are never reused: rename it"
                    )
                for feed in entry.feeds:
                    self._know(at, (*where, "feeds"), "feed", feed, self._sources)
                found[entry.id] = Indicator(
                    id=entry.id,
                    title=entry.title,
                    select=self._selector_of_reports(at, (*where, "select"), entry.select),
                    feeds=tuple(entry.feeds),
                    periods=tuple(entry.periods),
                )
        return found if whole else None

    def _read_audiences(self) -> list[Profile]:
        audiences: dict[str, Audience] = {}
        profiles: dict[str, Profile] = {}
        whole = True
        for path in self._files(self._folder / "audiences"):
            read = self._read(path, AudiencesFile)
            if read is None:
                whole = False
                continue
            at, model = read
            for index, entry in enumerate(model.audiences):
                where: Where = ("audiences", index)
                if entry.id in audiences:
                    at.error((*where, "id"), f"audience {entry.id} is there already", "rename one of them")
                for position, field in enumerate(entry.fields):
                    self._know(at, (*where, "fields", position), "field of an alert", field, _ALERT_FIELDS)
                audiences[entry.id] = Audience(
                    id=entry.id,
                    title=entry.title,
                    families=tuple(entry.families),
                    priorities=tuple(entry.priorities),
                    fields=tuple(entry.fields),
                )
            for index, profile in enumerate(model.profiles):
                where = ("profiles", index)
                if profile.id in profiles:
                    at.error((*where, "id"), f"profile {profile.id} is there already", "rename one of them")
                for area in profile.areas:
                    self._know_area(at, (*where, "areas"), area)
                profiles[profile.id] = Profile(
                    id=profile.id,
                    title=profile.title,
                    areas=tuple(profile.areas),
                    periods=tuple(profile.periods),
                    final_only=profile.final_only,
                    suppress_below=profile.suppress_below,
                    round_to=profile.round_to,
                )
            if not any(audience in HUB_RULE.audiences for audience in audiences):
                at.warning(("audiences",), "nobody hears of hubs", f"keep an audience {HUB_RULE.audiences[0]}")
        self._audiences = audiences if whole else None
        return list(profiles.values())

    def _read_rules(self) -> list[Rule]:
        rules: dict[str, tuple[_Place, Rule]] = {}
        by_name = {path.name: path for path in self._files(self._rules_folder)} | self._instead
        paths = [by_name[name] for name in sorted(by_name)]
        for path in paths:
            read = self._read(path, self._rule_format)
            if read is not None:
                at, model = read
                if model.id != path.stem:
                    at.error(("id",), f"id {model.id} is not the file's name", f"rename the file to {model.id}.yaml")
                rule = self._rule(at, model)
                if rule is not None:
                    self.rule_files[rule.id] = model
                    rules[rule.id] = at, rule
        self._check_chains(rules, frozenset(path.stem for path in paths))
        return [rule for _, rule in rules.values()]

    def _check_chains(self, rules: Mapping[str, tuple[_Place, Rule]], named: frozenset[str]) -> None:
        """That every rule whose findings a step means is there and can be rested on; `named` are those with a file."""
        for at, rule in rules.values():
            is_split = self.rule_files[rule.id].limbs is not None
            for limb in rule.limbs:
                for step, selector in limb.steps.items():
                    where: Where = (*(("limbs", limb.name) if is_split else ()), "select", step, "finding")
                    for other in sorted(selector.finding):
                        self._know(at, where, "rule", other, named)
                        if other in rules:
                            _check_rests_on(at, where, rule, limb, rules[other][1])
        resting = {rule_id: rests_on(rule) & rules.keys() for rule_id, (_, rule) in rules.items()}
        circle = circle_in(resting)
        if circle:
            at, _ = rules[circle[0]]
            at.error((), f"rules rest on one another in a circle: {' on '.join(circle)}", "let one of them go")
            return
        for rule_id, (at, _) in rules.items():
            depth = depth_of(rule_id, resting)
            if depth > DEEPEST:
                at.error((), f"{depth} rules rest one on another", f"{DEEPEST} at most: rest on one further below")

    # A rule

    def _rule(self, at: _Place, model: BareRuleFile) -> Rule | None:
        entries = self._limb_entries(at, model)
        limbs = [limb for name, entry in entries for limb in self._limb(at, model, name, entry)]
        self._check_audience(at, model)
        self._check_priority(at, model)
        self._check_safeguards(at, model)
        self._check_examples(at, model)
        if not limbs:
            return None
        return Rule(
            id=model.id,
            version=model.version,
            title=model.title,
            status=model.status,
            family=model.family,
            limbs=tuple(limbs),
            overrides=tuple(self._override(at, ("overrides", i), o, limbs) for i, o in enumerate(model.overrides)),
            priority=PriorityRule(
                base=model.priority.base,
                by_count=tuple(sorted(model.priority.by_count.items())),
                raise_when=tuple(model.priority.raise_when),
                child_raises=model.priority.child_raises,
            ),
            safeguards=Safeguards(
                organisations=model.safeguards.organisations,
                organisations_or_kinds=model.safeguards.organisations_or_kinds,
                grades_alone=tuple(model.safeguards.grades_alone),
            ),
            action_time=model.action_time,
            suppress_for=model.suppress.length,
            audiences=tuple(model.audience),
        )

    def _limb_entries(self, at: _Place, model: BareRuleFile) -> list[tuple[str, LimbEntry]]:
        named = ("key", "select", "condition", "besides", "indicator", "discovered_because")
        at_top = [name for name in named if getattr(model, name) not in (None, {})]
        if model.limbs is not None and at_top:
            at.error((at_top[0],), f"{', '.join(at_top)} beside limbs", "put it into each limb")
        if model.limbs is None and (model.key is None or model.condition is None):
            at.error((), "neither key and condition nor limbs", "say what the rule reads and tests")
        return list(model.each_limb().items())

    def _limb(self, at: _Place, model: BareRuleFile, name: str, entry: LimbEntry) -> Iterator[Limb]:
        where: Where = ("limbs", name) if model.limbs is not None else ()
        condition = _condition(entry)
        reads = condition_type(condition)
        self._check_kind_of_limb(at, where, entry)
        for step in sorted(set(reads.steps) - set(entry.select)):
            at.error(
                (*where, "condition"), f"unknown step {step}", f"name it under select, or use {_listing(entry.select)}"
            )
        self._check_besides(at, where, entry, reads.facts)
        told_besides = {one.of for one in entry.besides.values()}
        for step in sorted(set(entry.select) - set(reads.steps) - told_besides):
            at.warning((*where, "select", step), f"step {step} is used by nothing", "use it or leave it out")
        self._check_condition(at, (*where, "condition"), condition, entry)
        self._check_words(at, (*where, "explain"), entry.explain, (*reads.facts, *entry.besides))
        if isinstance(model, RuleFile):
            self._check_origin(at, where, entry)
        steps = {
            step: self._selector(at, (*where, "select", step), selected) for step, selected in entry.select.items()
        }
        if {*reads.steps, *told_besides} <= set(steps):
            yield Limb(
                name=name,
                keys=tuple(entry.key),
                steps=steps,
                condition=condition,
                explain=entry.explain,
                names=self._names_of(condition),
                besides={name: Besides(of=one.of, within=one.within) for name, one in entry.besides.items()},
            )

    def _check_besides(self, at: _Place, where: Where, entry: LimbEntry, facts: Sequence[str]) -> None:
        for name, one in entry.besides.items():
            self._know(at, (*where, "besides", name, "of"), "step", one.of, entry.select)
            if name in facts:
                at.error((*where, "besides", name), f"the condition states {name} itself", "give it another name")

    def _names_of(self, condition: Condition) -> dict[str, str]:
        """How a condition's values are called in explanations: areas have names."""
        if not isinstance(condition, Distinct) or condition.field != "area" or self._areas is None:
            return {}
        return {code: area.name for code, area in self._areas.by_code.items()}

    def _check_kind_of_limb(self, at: _Place, where: Where, entry: LimbEntry) -> None:
        if "area" in entry.key:
            if entry.key != ["area"] or not isinstance(entry.condition, CalendarEntry) or entry.indicator is None:
                at.error(
                    (*where, "key"), "key area needs an indicator and a calendar condition", "see district-count.yaml"
                )
            elif entry.select or entry.condition.of is not None:
                place = "select" if entry.select else "condition"
                at.error((*where, place), "an area's indicator has its own select", "leave select and of out")
            if entry.indicator is not None:
                self._know(at, (*where, "indicator"), "indicator", entry.indicator, self._indicators)
            return
        if entry.indicator is not None:
            at.error((*where, "indicator"), "only key area has an indicator", "leave it out")
        if isinstance(entry.condition, NearEntry):
            self._check_limb_of_near(at, where, entry)
        elif "cell" in entry.key:
            at.error((*where, "key"), "of a cell only near may be asked", "choose another kind of key")
        if isinstance(entry.condition, CalendarEntry) and entry.condition.of is None:
            at.error((*where, "condition"), "a calendar condition on a timeline needs a step to count", "add `of`")

    def _check_limb_of_near(self, at: _Place, where: Where, entry: LimbEntry) -> None:
        if entry.key != ["cell"]:
            at.error((*where, "key"), "near is asked of cells alone", "write `key: cell`")
        if entry.besides:
            at.error((*where, "besides"), "besides would count all that nine cells hold, near or not", "leave it out")
        for step, selected in entry.select.items():
            if selected.finding is not None:
                at.error(
                    (*where, "select", step),
                    f"step {step} means a finding, which has no place",
                    "let near speak of reports",
                )

    def _check_condition(self, at: _Place, where: Where, condition: Condition, entry: LimbEntry) -> None:
        if isinstance(condition, Count | Distinct | Sum):
            self._check_window(at, where, condition, entry.select.get(condition.of))
        if isinstance(condition, Absent):
            for feed in condition.feeds:
                self._know(at, (*where, "feeds"), "feed", feed, self._sources)
        if isinstance(condition, Near):
            self._check_reach(at, where, condition)
        if isinstance(entry.condition, AllOfEntry):
            self._check_all_of(at, where, entry.condition)
        if isinstance(entry.condition, OrderedEntry):
            self._check_order(at, where, entry.condition)

    def _check_all_of(self, at: _Place, where: Where, stated: AllOfEntry) -> None:
        self._check_steps(at, (*where, "steps"), stated.steps)
        for step in stated.at_least:
            self._know(at, (*where, "at_least", step), "step", step, stated.steps)
        self._check_needed(at, where, stated)

    def _check_needed(self, at: _Place, where: Where, stated: AllOfEntry) -> None:
        self._check_steps(at, (*where, "always"), stated.always)
        for step in stated.always:
            self._know(at, (*where, "always"), "step", step, stated.steps)
        if stated.needed is None and stated.always:
            at.error((*where, "always"), "all steps are needed anyway", "say how many are needed, or leave always out")
        if stated.needed is not None and not len(stated.always) < stated.needed < len(stated.steps):
            at.error(
                (*where, "needed"),
                f"{stated.needed} needed of {len(stated.steps)} steps, {len(stated.always)} of them always",
                "let needed lie between the number always needed and the number of steps, or leave it out",
            )

    def _check_reach(self, at: _Place, where: Where, condition: Near) -> None:
        if condition.after == condition.of:
            at.error((*where, "after"), f"step {condition.of} is named twice", "leave after out: it is the same anyway")
        if self._bounds is not None and condition.metres > self._bounds.cell_metres:
            what = f"{condition.metres} metres is further than a cell is wide"
            at.error((*where, "metres"), what, "ask for less, or raise cell_metres in categories.yaml")
        self._check_stretch(at, (*where, "within"), condition.within)

    def _check_stretch(self, at: _Place, where: Where, within: Duration) -> None:
        """A length of months counts as the longest it can be."""
        if self._bounds is not None and (within.millis or longest(within)) > self._bounds.cell_days * DAY_LENGTH:
            what = f"{length_in_words(within)} may be longer than a cell lasts"
            at.error(where, what, "ask for less, or raise cell_days in categories.yaml")

    def _check_origin(self, at: _Place, where: Where, entry: LimbEntry) -> None:
        counted = _counted_steps(entry) if _PLACES.intersection(entry.key) else ()
        for step in counted:
            selected = entry.select.get(step)
            if selected is None or selected.finding is not None or step in entry.discovered_because:
                continue
            if selected.origin == ["reported"]:
                continue
            mend = f"add origin: reported, or say why it counts there: discovered_because: {{{step}: …}}"
            at.error((*where, "select", step), f"at a place step {step} counts what is found by looking", mend)
        for step in sorted(entry.discovered_because):
            selected = entry.select.get(step)
            if step not in counted or selected is None or selected.origin == ["reported"]:
                what = f"step {step} counts nothing at a place that is found by looking"
                at.error((*where, "discovered_because", step), what, "leave the reason out")

    def _check_window(
        self, at: _Place, where: Where, condition: Count | Distinct | Sum, selected: StepEntry | None
    ) -> None:
        for field in condition.same:
            self._know_field(at, (*where, "same"), field, _TEXT_FIELDS)
        if condition.until == condition.of:
            at.error((*where, "until"), f"step {condition.of} is named twice", "close by another step")
        if isinstance(condition, Distinct):
            self._know_field(at, (*where, "field"), condition.field, _TEXT_FIELDS | _LISTED_FIELDS)
        if isinstance(condition, Sum):
            self._check_summed(at, (*where, "field"), condition.field)
        if (
            selected is not None
            and selected.finding is not None
            and (condition.same or not isinstance(condition, Count))
        ):
            what = f"step {condition.of} means findings, which have no fields of their own"
            at.error((*where, "of"), what, "count them, without same")

    def _check_summed(self, at: _Place, where: Where, field: str) -> None:
        if self._facts is None:
            return
        numbers = [f"facts.{fact.id}" for fact in self._facts.values() if fact.type == "number"]
        self._know(at, where, "number to add up:", field, numbers)

    def _check_order(self, at: _Place, where: Where, stated: OrderedEntry) -> None:
        self._check_steps(at, (*where, "none_of"), stated.none_of)
        for step in sorted(set(stated.none_of).intersection(stated.steps)):
            at.error((*where, "none_of"), f"step {step} is asked for and ruled out", "keep it in one of both")
        meant = f"last {stated.steps[0]}"
        if stated.measured_from not in (None, meant):
            at.error((*where, "measured_from"), "an order is always measured from its first step", f"write {meant}")

    def _check_steps(self, at: _Place, where: Where, steps: Sequence[str]) -> None:
        for index, step in enumerate(steps):
            if step in steps[:index]:
                at.error((*where, index), f"step {step} is named twice", "name it once")

    def _check_words(self, at: _Place, where: Where, words: str, facts: Sequence[str]) -> None:
        try:
            fields = list(Formatter().parse(words))
        except ValueError:
            at.error(where, "explain has a stray brace", "write {count} for a fact, and no other braces")
            return
        for _, name, form, conversion in fields:
            if name is not None and (name not in facts or form or conversion):
                at.error(
                    where, f"explain names {{{name}}}, which is no fact of this condition", f"use {_listing(facts)}"
                )

    def _check_audience(self, at: _Place, model: BareRuleFile) -> None:
        for index, audience in enumerate(model.audience):
            self._know(at, ("audience", index), "audience", audience, self._audiences)
            known = (self._audiences or {}).get(audience)
            if known is not None and model.family not in known.families:
                at.warning(("audience", index), f"audience {audience} takes no {model.family} alerts", "leave it out")

    def _check_priority(self, at: _Place, model: BareRuleFile) -> None:
        tiers = [model.priority.base, *(tier for _, tier in sorted(model.priority.by_count.items()))]
        if tiers != sorted(tiers, reverse=True):
            at.error(("priority", "by_count"), "a higher count has a lower priority", "P1 is the highest: order them")

    def _check_safeguards(self, at: _Place, model: BareRuleFile) -> None:
        if all(entry.key != ["area"] for entry in model.each_limb().values()):
            return
        guards = model.safeguards
        if guards.organisations > 1 or guards.organisations_or_kinds > 1 or guards.grades_alone:
            at.error(("safeguards",), "an area's count has no evidence to guard", "leave safeguards out")
        if model.priority.raise_when or model.priority.child_raises:
            at.error(("priority",), "an area's count has no evidence to raise its priority", "raise it by_count")

    def _check_examples(self, at: _Place, model: BareRuleFile) -> None:
        if isinstance(model, RuleFile):
            if not any(example.fires for example in model.examples):
                at.error(("examples",), "no example fires", "add a story that must fire")
            if all(example.fires for example in model.examples):
                at.error(("examples",), "no example is a near miss", "add a story that must not fire")
        for index, example in enumerate(model.examples):
            if example.limb is not None and example.limb not in model.each_limb():
                limbs = _listing(model.each_limb())
                at.error(("examples", index, "limb"), f"unknown limb {example.limb}", f"use {limbs}")
            if example.area is not None:
                self._know_area(at, ("examples", index, "area"), example.area)
            elif example.counts:
                at.error(("examples", index, "counts"), "nobody knows of which area these are", "add `area`")
            for number, sighting in enumerate(example.sightings):
                self._check_sighting(at, ("examples", index, "sightings", number), sighting)
            for feed in example.complete_to:
                self._know(at, ("examples", index, "complete_to", feed), "feed", feed, self._sources)

    def _check_sighting(self, at: _Place, where: Where, sighting: ExampleSighting) -> None:
        self._know(at, (*where, "kind"), "kind", sighting.kind, self._kinds())
        self._know(at, (*where, "category"), "category", sighting.category, self._categories)
        for role in sighting.role:
            self._know(at, (*where, "role"), "role", role, _ROLES)
        if sighting.organisation is not None:
            known = self._organisations()
            self._know(at, (*where, "organisation"), "organisation", sighting.organisation, known)
        if sighting.area is not None:
            self._know_area(at, (*where, "area"), sighting.area)
        for fact, value in sighting.facts.items():
            self._check_values(at, (*where, "facts", fact), fact, (str(value).lower(),))

    def _override(self, at: _Place, where: Where, entry: OverrideEntry, limbs: Sequence[Limb]) -> Override:
        touched = [limb for limb in limbs if entry.limb in (None, limb.name)]
        for area in entry.areas:
            self._know_area(at, (*where, "areas"), area)
            known = self._areas.by_code.get(area) if self._areas else None
            if known is not None and known.kind == "county" and any(limb.keys != ("area",) for limb in touched):
                at.error((*where, "areas"), f"{area} groups areas; nothing happens in it as such", "name its districts")
        self._check_days(at, where, entry.valid_from, entry.valid_to)
        if not touched:
            at.error((*where, "limb"), f"unknown limb {entry.limb}", f"use {_listing(limb.name for limb in limbs)}")
        set_to = entry.values
        if set_to.at_least is None and set_to.within is None and set_to.enabled:
            at.error((*where, "set"), "the override sets nothing", "set at_least, within or enabled: false")
        for limb in touched:
            if set_to.at_least is not None and isinstance(limb.condition, AllOf | Ordered | Absent):
                at.error((*where, "set"), f"limb {limb.name} has no at_least", "leave it out")
            if set_to.within is not None and isinstance(limb.condition, Calendar):
                at.error((*where, "set"), f"limb {limb.name} has no within", "leave it out")
            if set_to.within is not None and isinstance(limb.condition, Near):
                self._check_stretch(at, (*where, "set"), set_to.within)
        return Override(
            areas=frozenset(entry.areas),
            limb=entry.limb,
            valid_from=entry.valid_from,
            valid_to=entry.valid_to,
            at_least=set_to.at_least,
            within=set_to.within,
            enabled=set_to.enabled,
        )

    # Selectors and names

    def _selector(self, at: _Place, where: Where, entry: StepEntry) -> Selector:
        if entry.finding is not None and entry.model_fields_set != {"finding"}:
            at.error((*where, "finding"), "a finding is no report to be tested", "let finding stand alone in its step")
        unless = SelectEntry() if entry.none_of is None else entry.none_of
        return Selector(
            tests=self._tests(at, where, entry),
            none_of=self._tests(at, (*where, "not"), unless),
            facts=tuple(self._fact_tests(at, (*where, "facts"), entry)),
            none_of_facts=tuple(self._fact_tests(at, (*where, "not", "facts"), unless)),
            reported_within=entry.reported_within,
            finding=frozenset(entry.finding or ()),
        )

    def _selector_of_reports(self, at: _Place, where: Where, entry: StepEntry) -> Selector:
        if entry.finding is not None:
            at.error((*where, "finding"), "an indicator counts reports, not findings", "test the reports' fields")
        return self._selector(at, where, entry)

    def _tests(self, at: _Place, where: Where, entry: SelectEntry) -> tuple[Test, ...]:
        known: dict[Field, Iterable[str] | None] = {
            "kind": self._kinds(),
            "category": self._categories,
            "family": None if self._categories is None else {one.family for one in self._categories.values()},
            "theme": self._themes,
            "origin": ("reported", "discovered"),
            "grade": _GRADES,
            "role": _ROLES,
            "organisation": self._organisations(),
            "source": self._sources,
            "child": ("true", "false"),
        }
        tests = []
        for field in get_args(Field):
            values = getattr(entry, field)
            for value in values or ():
                self._know(at, (*where, field), field, value, known.get(field))
            if values:
                tests.append(Test(field, frozenset(values)))
        return tuple(tests)

    def _fact_tests(self, at: _Place, where: Where, entry: SelectEntry) -> Iterator[FactTest]:
        for name, wanted in entry.facts.items():
            if isinstance(wanted, RangeEntry):
                self._check_range(at, (*where, name), name, wanted)
                yield FactTest(name, None, wanted.at_least, wanted.at_most)
            else:
                self._check_values(at, (*where, name), name, wanted)
                yield FactTest(name, frozenset(wanted))

    def _check_range(self, at: _Place, where: Where, name: str, wanted: RangeEntry) -> None:
        self._know(at, where, "fact", name, self._facts)
        known = (self._facts or {}).get(name)
        if known is not None and known.type != "number":
            at.error(where, f"fact {name} is a word, which is neither more nor less", "name the words that are meant")
        if wanted.at_least is None and wanted.at_most is None:
            at.error(where, f"the test of fact {name} tests nothing", "say at_least, at_most, or a value")
        elif wanted.at_least is not None and wanted.at_most is not None and wanted.at_least > wanted.at_most:
            at.error(where, f"no number passes the test of fact {name}", "at_least is not above at_most")

    def _check_values(self, at: _Place, where: Where, name: str, values: Iterable[str]) -> None:
        self._know(at, where, "fact", name, self._facts)
        known = (self._facts or {}).get(name)
        for value in values:
            if known is not None and known.type == "number" and str(number_of(value)) != value:
                at.error(where, f"fact {name} is a number, which {value} is not", "write a whole number")
            elif known is not None and known.type == "word":
                self._know(at, where, f"value of fact {name}:", value, known.values)

    def _know_field(self, at: _Place, where: Where, field: str, known: frozenset[str]) -> None:
        """A field of a sighting, or a fact by its dotted name."""
        fact = fact_in(field)
        if fact is None:
            self._know(at, where, "field", field, known)
        else:
            self._know(at, where, "fact", fact, self._facts)

    def _kinds(self) -> frozenset[str] | None:
        return (
            None if self._sources is None else frozenset(k for source in self._sources.values() for k in source.kinds)
        )

    def _organisations(self) -> frozenset[str] | None:
        return None if self._sources is None else frozenset(source.organisation for source in self._sources.values())

    def _know(self, at: _Place, where: Where, what: str, name: str, known: Iterable[str] | None) -> None:
        if known is not None and name not in (names := frozenset(known)):
            at.error(where, f"unknown {what} {name}", f"use one of {_listing(names)}")

    def _know_area(self, at: _Place, where: Where, code: str) -> None:
        if self._areas is None or code in self._areas.by_code:
            return
        # The reviewed files are the home county's; under another county's areas its names are merely idle.
        severity: Severity = "error" if self._areas_file is None else "warning"
        at.add(severity, at.line_of(where), f"unknown area {code}", f"name an area of {self._areas.county}")

    # Small checks

    def _refuse_repeats(self, at: _Place, list_name: str, ids: Sequence[str], what: str = "id") -> None:
        for index, one in enumerate(ids):
            if one in ids[:index]:
                at.error((list_name, index, what), f"{what} {one} is there already", "rename one of them")

    def _check_days(self, at: _Place, where: Where, valid_from: int | None, valid_to: int | None) -> None:
        if valid_from is not None and valid_to is not None and valid_to <= valid_from:
            at.error((*where, "valid_to"), "valid_to is not after valid_from", "valid_to is the first day after")

    def _exact_length(self, at: _Place, where: Where, length: msgspec.Struct) -> int:
        millis: int = getattr(length, "millis", 0)
        if not millis:
            at.error(where, "a latency in months has no exact length", "say it in days")
        return millis

    # Files

    def _only_area_file(self) -> Path | None:
        files = self._files(self._folder / "areas")
        if len(files) != 1:
            what = "there is no area file" if not files else f"there are {len(files)} area files"
            self._issues.add(Issue("areas", 1, "error", what, "keep one, or say which one to use"))
            return None
        return files[0]

    def _files(self, folder: Path) -> list[Path]:
        found = sorted(folder.glob("*"))
        for path in found:
            if path.suffix in (".yml", ".YAML", ".json"):
                self._issues.add(
                    Issue(self._name_of(path), 1, "error", "the file is not read", "its name must end in .yaml")
                )
        return [path for path in found if path.suffix == ".yaml"]

    def _is_inside(self, path: Path) -> bool:
        """Whether a file is where it seems to be: a reviewer sees the folder, and not where a link in it leads.

        Links within the folder are how some deployments mount it.
        """
        try:
            target = path.resolve()
        except (OSError, RuntimeError):
            # A link that leads to itself: no file either way.
            return False
        return target.is_relative_to(self._folder.resolve()) or target.is_relative_to(path.parent.resolve())

    def _name_of(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else path.name

    def _read(self, path: Path, kind: type[M]) -> tuple[_Place, M] | None:
        at = _Place(self._issues, self._name_of(path), None)
        if not self._is_inside(path):
            at.add("error", 1, "the file leads out of the catalogue", "put the file itself there, and no link")
            return None
        try:
            document = read_document(path)
        except OSError as error:
            at.add("error", 1, f"the file cannot be read: {error.strerror}", "put it there")
            return None
        except UnreadableError as error:
            at.add("error", error.line, error.what, error.mend)
            return None
        self._digest.update(path.name.encode() + b"\0" + document.content)
        at = _Place(self._issues, self._name_of(path), document)
        try:
            return at, kind.model_validate(document.value)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                at.refuse(detail["loc"], detail["type"], detail["msg"], kind)
            return None


class _Place:
    """A file in which issues are found."""

    def __init__(self, issues: set[Issue], file: str, document: Document | None) -> None:
        self._issues = issues
        self._told = 0
        self._file = file
        self._document = document

    def line_of(self, where: Where) -> int:
        """The line of the value at `where`."""
        return 1 if self._document is None else self._document.line_of(where)

    def error(self, where: Where, what: str, mend: str) -> None:
        """Something without which the catalogue cannot be meant."""
        self.add("error", self.line_of(where), what, mend)

    def warning(self, where: Where, what: str, mend: str) -> None:
        """Something that runs but can hardly be meant."""
        self.add("warning", self.line_of(where), what, mend)

    def add(self, severity: Severity, line: int, what: str, mend: str) -> None:
        """An issue on a line. Beyond so many of one file only that there are more."""
        if self._told == ISSUES_MAX:
            # As an error: what is not told may be one.
            self._issues.add(Issue(self._file, line, "error", "there are more issues in this file", "mend these first"))
        if self._told < ISSUES_MAX:
            self._issues.add(Issue(self._file, line, severity, what, mend))
        self._told += 1

    def refuse(self, loc: Where, kind: str, message: str, model: type[BaseModel]) -> None:
        """What a format refused. Its path also names branches of unions, which no line of the file has."""
        lines = self._document.lines if self._document else {}
        where: Where = ()
        for step in loc:
            if (*where, step) in lines:
                where = (*where, step)
        name = ".".join(str(step) for step in where) or "the file"
        if kind == "missing":
            self.error(where, f"{name}: the key {loc[-1]} is missing", "add it")
        elif kind == "extra_forbidden":
            self.error(where, f"{name}: unknown key", "leave it out, or mend its spelling")
        else:
            self.error(where, f"{name}: {message.removeprefix('Value error, ')}", f"see {model.__name__} in formats.py")


def excesses(urgent: int, alerts: int, budget: BudgetEntry) -> list[str]:
    """What of one rule's volume is beyond the budget, in words."""
    limits = (
        (urgent, budget.urgent.of_one_rule, "urgent in a division and shift"),
        (alerts, budget.alerts.per_district_and_month, "in a district and month"),
    )
    return [f"{number:,} {where}, where the budget is {most:,}" for number, most, where in limits if number > most]


_ALERT_FIELDS = frozenset(AlertVersion.__struct_fields__)


def _condition(entry: LimbEntry) -> Condition:  # noqa: PLR0911 - a line per type
    stated = entry.condition
    match stated.type:
        case "count":
            return Count(
                of=stated.of,
                at_least=stated.at_least,
                within=stated.within,
                same=tuple(stated.same),
                until=stated.until,
            )
        case "distinct":
            return Distinct(
                of=stated.of,
                field=stated.field,
                at_least=stated.at_least,
                occurrences=stated.occurrences,
                within=stated.within,
                same=tuple(stated.same),
                ignore=tuple(stated.ignore),
                until=stated.until,
            )
        case "sum":
            return Sum(
                of=stated.of,
                field=stated.field,
                at_least=stated.at_least,
                within=stated.within,
                same=tuple(stated.same),
                until=stated.until,
            )
        case "all_of":
            needed = {step: stated.at_least.get(step, 1) for step in stated.steps}
            return AllOf(steps=needed, within=stated.within, needed=stated.needed, always=tuple(stated.always))
        case "ordered":
            return Ordered(
                steps=tuple(stated.steps), within=stated.within, runs=stated.runs, none_of=tuple(stated.none_of)
            )
        case "absent":
            return Absent(after=stated.after, unless=stated.unless, within=stated.within, feeds=tuple(stated.feeds))
        case "near":
            return Near(
                of=stated.of,
                metres=stated.metres,
                within=stated.within,
                at_least=stated.at_least,
                after=stated.after,
            )
        case "calendar":
            return Calendar(per=stated.per, at_least=stated.at_least, of=stated.of, indicator=entry.indicator)


def _check_rests_on(at: _Place, where: Where, rule: Rule, limb: Limb, other: Rule) -> None:
    if other.status == "retired":
        at.error(where, f"rule {other.id} is retired and finds nothing", "name the one that took its place")
    if other.status == "trial" and rule.status == "stable":
        at.error(where, f"rule {other.id} is on trial: only its owner may hear of it", "put this one on trial too")
    for kind in sorted(set(limb.keys) - {kind for one in other.limbs for kind in one.keys}):
        at.error(where, f"rule {other.id} finds nothing on key {kind}", "let both read the same kind of key")


def _counted_steps(entry: LimbEntry) -> tuple[str, ...]:
    """The steps that make a limb fire; those that close, cancel or rule out are not among them."""
    stated = entry.condition
    match stated.type:
        case "count" | "distinct" | "sum":
            return (stated.of,)
        case "all_of" | "ordered":
            return tuple(dict.fromkeys(stated.steps))
        case "absent":
            return (stated.after,)
        case "calendar":
            return () if stated.of is None else (stated.of,)
        case "near":
            return tuple(dict.fromkeys((stated.of, stated.after or stated.of)))


def _is_above_itself(code: str, by_code: Mapping[str, Area]) -> bool:
    above = list(by_code[code].parents)
    for parent in above:
        if parent == code:
            return True
        area = by_code.get(parent)
        above.extend(one for one in (area.parents if area else ()) if one not in above)
    return False


def _listing(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing: there is none"
