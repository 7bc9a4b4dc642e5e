"""From the files of a catalogue to the values the core runs on, telling everything that is wrong with them at once.

Theory of operation
-------------------
Files are read in the order in which they name one another: what declares names (`declarations.py`), then the rules, one
by one (`rule_reading.py`) and as they rest on one another (`chains.py`), then who released them (`releases.py`) and,
where people ask for it, the budget (`budgets.py`).
Each is read (`documents.py`), held against its format (`formats/`), and its names against the vocabulary of the
files before it (`vocabulary.py`). A broken file leaves its part of the vocabulary unknown, and what cannot be judged is
not complained about: one mistake, one issue. So of one file the names are looked at once its format is right; a mistake
in one file keeps nothing of another from being looked at, but what that one would have declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from safety_stream.catalogue import cap, consulting, delivering, matching
from safety_stream.catalogue.budgets import check_volumes, read_volumes
from safety_stream.catalogue.chains import check_chains
from safety_stream.catalogue.declarations import read_declarations
from safety_stream.catalogue.extracts import read_extracts
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.near_repeats import NearRepeatsFile
from safety_stream.catalogue.formats.releases import ReleasesFile
from safety_stream.catalogue.formats.rules import BareRuleFile, RuleFile
from safety_stream.catalogue.formats.volumes import VolumesFile
from safety_stream.catalogue.handling import read_handling
from safety_stream.catalogue.issues import CatalogueError, Issue
from safety_stream.catalogue.judging import read_judging
from safety_stream.catalogue.measures import check_counted_rules
from safety_stream.catalogue.near_repeats import check_near_repeats, read_near_repeats
from safety_stream.catalogue.oversight import read_oversight
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.proofs import check_proofs
from safety_stream.catalogue.releases import check_releases, on_trial, read_releases
from safety_stream.catalogue.retention import read_retention
from safety_stream.catalogue.rule_reading import ReadRule, read_rule
from safety_stream.catalogue.signals import judged_in, read_signals
from safety_stream.catalogue.vocabulary import Measures, Vocabulary
from safety_stream.core.catalogue import NOTHING_LINKED, Areas, Catalogue
from safety_stream.core.judging import Judging
from safety_stream.core.model.times import Day
from safety_stream.core.rules.engine import HUB_RULE
from safety_stream.core.rules.rule import Rule


def load_catalogue(
    folder: Path, areas: Path | None = None, rules: Path | None = None, instead: Path | None = None
) -> Catalogue:
    """The catalogue in `folder`; `areas` names another area file (`<county>.yaml`), `rules` another folder of rules.

    Of such other rules only what makes them fire has to be said (`BareRuleFile`): they are for a replay. `instead` is
    one rule's file that takes the place of its namesake.

    Raises `CatalogueError` with every issue when there is an error among them.
    """
    files = Files(folder)
    catalogue = _read(files, areas, rules, instead).catalogue
    if catalogue is None:
        raise CatalogueError(files.sorted_issues())
    return catalogue


def load_with_files(folder: Path) -> tuple[Catalogue, dict[str, RuleFile]]:
    """The catalogue in `folder` and, by rule, the file each was made from. Raises `CatalogueError`."""
    loaded = load_whole(folder)
    return loaded.catalogue, loaded.rule_files


class Loaded(msgspec.Struct, frozen=True):
    """A catalogue, by rule the file each was made from, and who released them; None where that is not on record."""

    catalogue: Catalogue
    rule_files: dict[str, RuleFile]
    releases: ReleasesFile | None


def load_whole(folder: Path, areas: Path | None = None, instead: Path | None = None) -> Loaded:
    """The catalogue in `folder` with all that people read of it; `areas` and `instead` as in `load_catalogue`.

    Raises `CatalogueError`.
    """
    files = Files(folder)
    read = _read(files, areas, instead=instead)
    if read.catalogue is None:
        raise CatalogueError(files.sorted_issues())
    rule_files = {name: one.file for name, one in read.rules.items() if isinstance(one.file, RuleFile)}
    return Loaded(read.catalogue, rule_files, read.releases)


def load_volumes(folder: Path) -> VolumesFile | None:
    """How loud rules may be and were; None in a catalogue without a budget. Raises `CatalogueError`."""
    files = Files(folder)
    read = read_volumes(files)
    if files.sorted_issues():
        raise CatalogueError(files.sorted_issues())
    return None if read is None else read[1]


def load_near_repeats(folder: Path) -> NearRepeatsFile | None:
    """How near repeats are looked for and what was found; None without such a file. Raises `CatalogueError`."""
    files = Files(folder)
    read = read_near_repeats(files)
    if files.sorted_issues():
        raise CatalogueError(files.sorted_issues())
    return None if read is None else read[1]


def lint_catalogue(folder: Path, areas: Path | None = None, today: Day | None = None) -> list[Issue]:
    """Every issue of the catalogue in `folder`, in order of file and line; empty when there is none.

    What stable rules owe (`proofs.py`), whether they keep to their budget, whether delivery's bounds, CAP's words and
    the reasons of consultations are in order, and, with `today`, whether calendars end soon or evidence of near repeats
    is old, is told here and nowhere else.
    """
    files = Files(folder)
    read = _read(files, areas, today=today)
    # Of a rule with an error of its own nothing more is said; what is wrong elsewhere is no reason to say less of it.
    sound = {rule_id: one for rule_id, one in read.rules.items() if one.at.is_sound}
    check_proofs(sound)
    if areas is None:
        rule_files = {rule_id: one.file for rule_id, one in sound.items()}
        named = frozenset(path.stem for path in (folder / "rules").glob("*.yaml"))
        check_volumes(files, rule_files, named, read.audiences)
        check_near_repeats(files, [one.rule for one in sound.values()], named, today)
    if (folder / delivering.FILE).is_file():
        delivering.read_delivering(files)
    if (folder / cap.FILE).is_file():
        cap.read_cap(files)
    if (folder / consulting.FILE).is_file():
        consulting.read_consulting(files)
    if (folder / matching.FILE).is_file():
        matching.read_matching(files)
    return files.sorted_issues()


class _Read(msgspec.Struct, frozen=True):
    """A catalogue, None where there is an error; the rules that could be read, and who released them.

    `audiences` are those there are, None where that is not known.
    """

    catalogue: Catalogue | None
    rules: dict[str, ReadRule]
    releases: ReleasesFile | None
    audiences: tuple[str, ...] | None


def _read(
    files: Files,
    areas: Path | None = None,
    rules: Path | None = None,
    instead: Path | None = None,
    today: Day | None = None,
) -> _Read:
    """Read everything."""
    vocabulary, profiles = read_declarations(files, areas, today)
    judging = read_judging(files, vocabulary, today)
    signals = read_signals(files, vocabulary, judging)
    vocabulary = msgspec.structs.replace(vocabulary, judged=judged_in(files, signals))
    # Rules for a replay may speak of whatever the reports to be replayed say.
    known = vocabulary if rules is None else vocabulary.of_whatever_reports_say()
    by_id = _read_rules(files, known, rules, instead)
    measures = vocabulary.measures or Measures({}, {}, {})
    check_counted_rules(files, measures.indicators.values(), [read.rule for read in by_id.values()])
    # Rules for a replay are released to nobody.
    releases = None if rules is not None else _read_releases(files, by_id, instead)
    extracts = read_extracts(files, vocabulary)
    handling = read_handling(files, vocabulary)
    oversight = read_oversight(files, vocabulary)
    retention = read_retention(files)
    said = None if releases is None else releases[1]
    audiences = None if vocabulary.audiences is None else tuple(vocabulary.audiences)
    categories, persons = vocabulary.categories, vocabulary.persons
    if categories is None or persons is None or files.have_errors:
        return _Read(None, by_id, said, audiences)
    catalogue = Catalogue(
        version=files.version,
        sources=vocabulary.sources or {},
        areas=vocabulary.areas or Areas(county="", by_code={}, by_lsoa={}),
        categories=categories.by_id,
        kind_themes=categories.kind_themes,
        flag_themes=categories.flag_themes,
        indicators=tuple(measures.indicators.values()),
        rules=_as_released(by_id, releases),
        audiences=tuple((vocabulary.audiences or {}).values()),
        profiles=tuple(profiles),
        bounds=categories.bounds,
        persons=persons,
        facts=vocabulary.facts or {},
        linked=vocabulary.linked or NOTHING_LINKED,
        judging=judging or Judging(),
        signals=signals,
        shares=tuple(measures.shares.values()),
        rates=tuple(measures.rates.values()),
        agreements=vocabulary.agreements or (),
        extracts=extracts,
        handling=handling,
        oversight=oversight,
        retention=retention,
        sharing=vocabulary.sharing,
        purposes=_purposes(by_id),
    )
    return _Read(catalogue, by_id, said, audiences)


def _purposes(by_id: Mapping[str, ReadRule]) -> dict[str, tuple[str, ...]]:
    """By rule what it is run for. A hub keeps rules of every purpose from looking, and is told for all of them."""
    stated = {name: read.file.lawful for name, read in by_id.items()}
    by_rule = {name: tuple(lawful.purposes) for name, lawful in stated.items() if lawful is not None}
    every = frozenset(purpose for purposes in by_rule.values() for purpose in purposes)
    return {**by_rule, HUB_RULE.id: tuple(sorted(every))}


_Releases = tuple[Place, ReleasesFile] | None


def _read_releases(files: Files, by_id: Mapping[str, ReadRule], instead: Path | None) -> _Releases:
    read = read_releases(files)
    if read is None:
        return None
    # What takes the place of a rule for a comparison may be older than what was approved since.
    others = {rule_id: one for rule_id, one in by_id.items() if instead is None or rule_id != instead.stem}
    check_releases(files, *read, others)
    return read


def _as_released(by_id: Mapping[str, ReadRule], releases: _Releases) -> tuple[Rule, ...]:
    """The rules as they run: a stable one that is not released is on trial."""
    held = frozenset() if releases is None else on_trial(*releases, by_id)
    return tuple(
        msgspec.structs.replace(read.rule, status="trial") if rule_id in held else read.rule
        for rule_id, read in by_id.items()
    )


def _read_rules(files: Files, vocabulary: Vocabulary, folder: Path | None, instead: Path | None) -> dict[str, ReadRule]:
    by_name = {path.name: path for path in files.in_folder(folder or files.folder / "rules")}
    if instead is not None:
        by_name[instead.name] = instead
    paths = [by_name[name] for name in sorted(by_name)]
    found = [read_rule(files, path, RuleFile if folder is None else BareRuleFile, vocabulary) for path in paths]
    by_id = {read.rule.id: read for read in found if read is not None}
    check_chains(by_id, named=frozenset(path.stem for path in paths))
    return by_id
