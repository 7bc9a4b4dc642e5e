"""The files that declare what rules may name, in the order in which they name one another.

Sources, categories, facts, links, areas, agreements, indicators, audiences: each is held against the vocabulary of
those before it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from safety_stream.catalogue.agreements import read_agreements
from safety_stream.catalogue.areas import read_lookup, read_ward_lookup
from safety_stream.catalogue.calendars import read_calendars
from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.areas import AreaEntry, AreasFile, ParentEntry
from safety_stream.catalogue.formats.officers import AudienceEntry, AudiencesFile, ProfileEntry
from safety_stream.catalogue.formats.vocabulary import (
    CategoriesFile,
    FactEntry,
    FactsFile,
    PersonsFile,
    SourceEntry,
    SourcesFile,
)
from safety_stream.catalogue.linking import read_linked
from safety_stream.catalogue.measures import read_measures
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.policy import read_policy
from safety_stream.catalogue.reforms import BESIDE_AREAS, read_residents, read_successors
from safety_stream.catalogue.vocabulary import DECLARE_FLAG, Categories, Vocabulary
from safety_stream.core.catalogue import (
    GROUPINGS,
    Area,
    Areas,
    Audience,
    Bounds,
    Category,
    FactKind,
    Parent,
    PersonBounds,
    Profile,
    Source,
)
from safety_stream.core.model.incidents import OUTSIDE, UNLOCATED
from safety_stream.core.model.published import OF_ONE_VALUE, OPTIONAL_FIELDS
from safety_stream.core.model.sharing import Sharing
from safety_stream.core.model.sightings import FINDING
from safety_stream.core.model.times import Day, Duration
from safety_stream.core.policy import fields_of
from safety_stream.core.rules.apart import are_apart
from safety_stream.core.rules.carrying import FINDING_FACTS
from safety_stream.core.rules.engine import HUB_RULE

RowT = TypeVar("RowT", bound=tuple[object, ...])

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


def read_declarations(files: Files, areas: Path | None, today: Day | None = None) -> tuple[Vocabulary, list[Profile]]:
    """What rules may name, and the profiles, which none does; `areas` is another county's area file.

    With `today` it is told when calendars end soon, and agreements have to be looked at.
    """
    known = Vocabulary(at_home=areas is None, sources=_read_sources(files))
    known = msgspec.structs.replace(known, categories=_read_categories(files, known))
    known = msgspec.structs.replace(known, persons=_read_persons(files), facts=_read_facts(files))
    known = msgspec.structs.replace(known, linked=read_linked(files, known))
    known = msgspec.structs.replace(known, calendars=read_calendars(files, today))
    known = msgspec.structs.replace(known, areas=_read_areas(files, areas or _only_area_file(files)))
    known = msgspec.structs.replace(known, agreements=read_agreements(files))
    known = msgspec.structs.replace(known, measures=read_measures(files, known))
    audiences, profiles = _read_audiences(files, known)
    known = msgspec.structs.replace(known, audiences=audiences)
    sharing = read_policy(files, known, today)
    return msgspec.structs.replace(known, audiences=_as_granted(audiences, sharing), sharing=sharing), profiles


def _as_granted(audiences: Mapping[str, Audience] | None, sharing: Sharing) -> dict[str, Audience] | None:
    if audiences is None:
        return None
    return {
        name: msgspec.structs.replace(
            one, fields=fields_of(grant for grant in sharing.grants if grant.subscriber == name)
        )
        for name, one in audiences.items()
    }


def _read_sources(files: Files) -> dict[str, Source] | None:
    read = files.read(files.folder / "sources.yaml", SourcesFile)
    if read is None:
        return None
    at, model = read
    at.refuse_repeats("sources", [entry.id for entry in model.sources])
    for index, entry in enumerate(model.sources):
        if FINDING in entry.kinds:
            what = f"no feed sends the kind {FINDING}: so the backbone calls what it finds itself"
            at.error(("sources", index, "kinds"), what, "give it another name")
    return {
        entry.id: Source(
            id=entry.id,
            organisation=entry.organisation,
            title=entry.title,
            kinds=tuple(entry.kinds),
            identity=entry.identity,
            usual_latency=_exact_length(at, ("sources", index, "usual_latency"), entry.usual_latency),
            covers_from=entry.covers_from,
            expected_within=_expected_within(at, index, entry),
        )
        for index, entry in enumerate(model.sources)
    }


def _expected_within(at: Place, index: int, entry: SourceEntry) -> int | None:
    if entry.expected_within is None:
        return None
    return _exact_length(at, ("sources", index, "expected_within"), entry.expected_within)


def _exact_length(at: Place, where: Where, length: Duration) -> int:
    if not length.millis:
        at.error(where, "months have no exact length", "say it in days")
    return length.millis


def _read_categories(files: Files, vocabulary: Vocabulary) -> Categories | None:
    read = files.read(files.folder / "categories.yaml", CategoriesFile)
    if read is None:
        return None
    at, model = read
    at.refuse_repeats("categories", [entry.id for entry in model.categories])
    for kind in model.kind_themes:
        at.know(("kind_themes", kind), "kind", kind, vocabulary.kinds())
    flags = None if model.flags is None else [entry.id for entry in model.flags]
    at.refuse_repeats("flags", flags or [])
    for flag in model.flag_themes:
        at.know(("flag_themes", flag), "flag", flag, flags, DECLARE_FLAG)
    subtypes = {entry.id: frozenset(entry.subtypes) for entry in model.categories}
    if model.bounds.kept <= model.bounds.hub:
        at.error(("bounds",), "kept is not above hub", "a hub must be remembered for it to come back: raise kept")
    return Categories(
        by_id={
            entry.id: Category(id=entry.id, family=entry.family, themes=tuple(sorted(entry.themes)))
            for entry in model.categories
        },
        kind_themes={kind: tuple(sorted(themes)) for kind, themes in model.kind_themes.items()},
        flag_themes={flag: tuple(sorted(themes)) for flag, themes in model.flag_themes.items()},
        bounds=Bounds(
            hub=model.bounds.hub,
            kept=model.bounds.kept,
            cell_metres=model.bounds.cell_metres,
            cell_days=model.bounds.cell_days,
        ),
        flags=None if flags is None else frozenset(flags),
        subtypes=subtypes if any(subtypes.values()) else None,
    )


_LEAST_BELOW: Final = 3
"""The least limit under which a hidden count may be more than one number."""

_LINKS_NOBODY = PersonBounds(merged_at_most=1, possible_at_most=0)


def _read_persons(files: Files) -> PersonBounds:
    """A catalogue without such a file goes by no decision about persons."""
    path = files.folder / "persons.yaml"
    read = files.read(path, PersonsFile) if path.exists() else None
    if read is None:
        return _LINKS_NOBODY
    _, model = read
    return PersonBounds(merged_at_most=model.persons.merged_at_most, possible_at_most=model.persons.possible_at_most)


def _read_facts(files: Files) -> dict[str, FactKind] | None:
    path = files.folder / "facts.yaml"
    if not path.exists():
        return {}
    read = files.read(path, FactsFile)
    if read is None:
        return None
    at, model = read
    at.refuse_repeats("facts", [entry.id for entry in model.facts])
    # A whole is part of nothing: so no fact is, by way of others, a part of itself.
    wholes = {entry.id for entry in model.facts if entry.type == "number" and entry.part_of is None}
    for index, entry in enumerate(model.facts):
        _check_fact(at, ("facts", index), entry)
        if entry.part_of is not None and (entry.type != "number" or entry.part_of not in wholes):
            at.error(
                ("facts", index, "part_of"),
                f"fact {entry.id} cannot be a part of {entry.part_of}",
                "only a number is a part, and of a number in facts.yaml that is no part itself",
            )
    return {
        entry.id: FactKind(
            id=entry.id,
            type=entry.type,
            title=entry.title,
            values=None if entry.values is None else frozenset(entry.values),
            at_least=entry.at_least,
            at_most=entry.at_most,
            part_of=entry.part_of,
        )
        for entry in model.facts
    }


def _check_fact(at: Place, where: Where, entry: FactEntry) -> None:
    if entry.id in FINDING_FACTS:
        at.error((*where, "id"), f"fact {entry.id} is said by findings, and by no report", "give it another name")
    for word in sorted(_NOT_TO_BE_READ.intersection(entry.id.split("-"))):
        at.error((*where, "id"), f"fact {entry.id}: no rule may read of {word}", "leave it out (rules.md 3.11)")
    if entry.type == "number" and (entry.values is not None or entry.open):
        at.error(where, f"fact {entry.id} is a number; it has neither values nor open", "leave them out")
    if entry.type == "word" and (entry.at_least, entry.at_most) != (None, None):
        at.error(where, f"fact {entry.id} is a word, and has no bounds", "leave at_least and at_most out")
    if entry.at_least is not None and entry.at_most is not None and entry.at_least > entry.at_most:
        at.error(where, f"no number is within the bounds of fact {entry.id}", "at_least is not above at_most")
    if entry.type == "word" and (entry.values is None) != entry.open:
        what = "both values and open" if entry.open else "no values"
        at.error(where, f"fact {entry.id} has {what}", "list the words it may be, or else say open: true")


def _read_areas(files: Files, file: Path | None) -> Areas | None:
    read = None if file is None else files.read(file, AreasFile)
    if file is None or read is None:
        return None
    at, model = read
    at.refuse_repeats("areas", [entry.code for entry in model.areas], what="code")
    divisions = {entry.code for entry in model.areas if entry.kind == "division"}
    by_code = {
        entry.code: Area(
            code=entry.code,
            name=entry.name,
            kind=entry.kind,
            parents=tuple(_parents(entry, divisions)),
            valid_from=entry.valid_from,
            valid_to=entry.valid_to,
            division=entry.division,
        )
        for entry in model.areas
    }
    for index, entry in enumerate(model.areas):
        where: Where = ("areas", index)
        for parent in by_code[entry.code].parents:
            at.know((*where, "parents"), "area", parent.code, by_code)
            at.check_days((*where, "parents"), parent.valid_from, parent.valid_to)
        if entry.division is not None and divisions:
            at.know((*where, "division"), "division", entry.division, divisions)
        if _is_above_itself(entry.code, by_code):
            at.error((*where, "parents"), f"area {entry.code} is above itself", "break the circle of parents")
        at.check_days(where, entry.valid_from, entry.valid_to)
    for reserved in (OUTSIDE, UNLOCATED):
        if reserved not in by_code or by_code[reserved].kind != "reserved":
            at.error(("areas",), f"area {reserved} of kind reserved is missing", "add it: sums must be whole")
    by_lsoa = _read_lsoas(files, at, file, model, by_code)
    ward_of, wards = _read_wards(files, at, file, model, by_code, by_lsoa)
    return Areas(
        county=model.county,
        by_code=by_code,
        by_lsoa=by_lsoa,
        ward_of=ward_of,
        wards=wards,
        residents=read_residents(files, file.parent, by_code),
        successors=read_successors(files, file.parent, by_code),
    )


def _parents(entry: AreaEntry, divisions: Collection[str]) -> Iterator[Parent]:
    for parent in entry.parents:
        if isinstance(parent, ParentEntry):
            yield Parent(parent.area, parent.valid_from, parent.valid_to)
        else:
            yield Parent(parent)
    if entry.division is not None and entry.division in divisions:
        yield Parent(entry.division)


def _only_area_file(files: Files) -> Path | None:
    folder = files.folder / "areas"
    found = [path for path in files.in_folder(folder) if path.name not in BESIDE_AREAS]
    if len(found) != 1:
        at = files.place(folder)
        what = "there is no area file" if not found else f"there are {len(found)} area files"
        at.error((), what, "keep one, or say which one to use")
        return None
    return found[0]


def _rows_of(
    files: Files, at: Place, path: Path, named_in: str, read: Callable[[Path], Iterator[RowT]]
) -> Sequence[RowT]:
    """The rows of a look-up that a field of the area set names; none where it cannot be read, which is said."""
    if path.exists() and not (path.is_file() and path.stat().st_size <= LOOKUP_BYTES_MAX and files.is_inside(path)):
        what = f"{path.name} is no file of this folder, or has more than {LOOKUP_BYTES_MAX} bytes"
        at.error((named_in,), what, "keep the county's rows in a file there")
        return ()
    try:
        rows = tuple(read(path))
    except (OSError, ValueError, csv.Error) as error:
        at.error((named_in,), f"{path.name} cannot be read: {error}", "mend the look-up")
        return ()
    files.count(path.read_bytes())
    return rows


def _read_lsoas(files: Files, at: Place, file: Path, model: AreasFile, by_code: Mapping[str, Area]) -> dict[str, str]:
    if model.lsoa_lookup is None:
        return {}
    path = file.parent / model.lsoa_lookup
    table = files.place(path)
    by_lsoa: dict[str, str] = {}
    for line, lsoa, code in _rows_of(files, at, path, "lsoa_lookup", read_lookup):
        if code not in by_code or by_code[code].kind != "district":
            table.add("error", line, f"{code} is no district of {files.name_of(file)}", "add the area or mend the code")
        if by_lsoa.setdefault(lsoa, code) != code:
            table.add("error", line, f"LSOA {lsoa} is in two districts", "keep one row")
    return by_lsoa


def _read_wards(
    files: Files, at: Place, file: Path, model: AreasFile, by_code: Mapping[str, Area], by_lsoa: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The ward of each LSOA, and each ward's name."""
    ward_of: dict[str, str] = {}
    wards: dict[str, str] = {}
    if model.ward_lookup is None:
        return ward_of, wards
    path = file.parent / model.ward_lookup
    table = files.place(path)
    district_of: dict[str, str] = {}
    for line, lsoa, code, name in _rows_of(files, at, path, "ward_lookup", read_ward_lookup):
        if lsoa not in by_lsoa:
            table.add("error", line, f"LSOA {lsoa} has no district", "add it to the look-up of LSOAs, or leave it out")
        # A district that is none has been told of where LSOAs are.
        elif by_lsoa[lsoa] in by_code and district_of.setdefault(code, by_lsoa[lsoa]) != by_lsoa[lsoa]:
            table.add("error", line, f"ward {code} is in two districts", "mend the code: a ward is a part of one")
        if wards.setdefault(code, name) != name:
            table.add("error", line, f"ward {code} has two names", "keep one")
        if ward_of.setdefault(lsoa, code) != code:
            table.add("error", line, f"LSOA {lsoa} is in two wards", "keep one row")
    without = sorted(set(by_lsoa) - set(ward_of)) if ward_of else []
    if without:
        what = f"{len(without)} LSOAs have no ward, {without[0]} among them"
        at.error(("ward_lookup",), what, "give each a row: what happens there would be counted in no ward")
    return ward_of, wards


def _is_above_itself(code: str, by_code: Mapping[str, Area]) -> bool:
    above = [parent.code for parent in by_code[code].parents]
    for parent in above:
        if parent == code:
            return True
        area = by_code.get(parent)
        above.extend(one.code for one in (area.parents if area else ()) if one.code not in above)
    return False


def _read_audiences(files: Files, vocabulary: Vocabulary) -> tuple[dict[str, Audience] | None, list[Profile]]:
    audiences: dict[str, Audience] = {}
    profiles: dict[str, Profile] = {}
    every: list[tuple[Place, Where, ProfileEntry]] = []
    whole = True
    for path in files.in_folder(files.folder / "audiences"):
        read = files.read(path, AudiencesFile)
        if read is None:
            whole = False
            continue
        at, model = read
        _take_audiences(at, model, audiences)
        for index, profile in enumerate(model.profiles):
            where: Where = ("profiles", index)
            if profile.id in profiles:
                at.error((*where, "id"), f"profile {profile.id} is there already", "rename one of them")
            _check_profile(at, where, profile, vocabulary)
            for other in profiles.values():
                _check_beside(at, where, profile, other)
            profiles[profile.id] = _profile(profile, vocabulary.areas)
            every.append((at, where, profile))
        if not any(audience in HUB_RULE.audiences for audience in audiences):
            at.warning(("audiences",), "nobody hears of hubs", f"keep an audience {HUB_RULE.audiences[0]}")
    if whole:
        _check_readers(every, audiences)
    return audiences if whole else None, list(profiles.values())


def _take_audiences(at: Place, model: AudiencesFile, audiences: dict[str, Audience]) -> None:
    for index, entry in enumerate(model.audiences):
        where: Where = ("audiences", index)
        if entry.id in audiences:
            at.error((*where, "id"), f"audience {entry.id} is there already", "rename one of them")
        audiences[entry.id] = _audience(entry)


def _audience(entry: AudienceEntry) -> Audience:
    return Audience(
        id=entry.id,
        title=entry.title,
        families=tuple(entry.families),
        priorities=tuple(entry.priorities),
        hears=entry.hears,
        marked_at_most=entry.marked_at_most,
        partner=entry.partner,
        read_by=tuple(entry.read_by),
        stewards=entry.stewards,
    )


def _check_readers(profiles: Iterable[tuple[Place, Where, ProfileEntry]], audiences: Mapping[str, Audience]) -> None:
    """Who sees exact numbers is said by name, and is nobody of a partner."""
    for at, where, profile in profiles:
        is_exact = not profile.suppress_below
        if is_exact and not profile.readers:
            what = f"profile {profile.id} shows every count as it is, and nothing says to whom"
            at.error(where, what, "name the audiences that may see it as readers, or hide small counts")
        for position, name in enumerate(profile.readers):
            place = (*where, "readers", position)
            at.know(place, "audience", name, audiences)
            if is_exact and name in audiences and audiences[name].partner:
                what = f"profile {profile.id} shows every count as it is, and {name} is an audience of a partner"
                at.error(place, what, "leave it out: partners see a profile that hides small counts")


def _check_profile(at: Place, where: Where, profile: ProfileEntry, vocabulary: Vocabulary) -> None:
    for area in profile.areas:
        vocabulary.know_area(at, (*where, "areas"), area)
    for position, field in enumerate(profile.shows):
        at.know((*where, "shows", position), "field beside a value", field, OPTIONAL_FIELDS)
    for position, name in enumerate(profile.indicators):
        at.know((*where, "indicators", position), "indicator", name, vocabulary.indicators)
    if profile.suppress_below:
        _check_hiding(at, where, profile)
        _check_parts(at, (*where, "indicators"), profile, vocabulary)


def _check_parts(at: Place, where: Where, profile: ProfileEntry, vocabulary: Vocabulary) -> None:
    """What a profile that hides small counts may show together: counts without a report in common, of incidents."""
    if not profile.indicators:
        what = (
            f"profile {profile.id} hides counts and names no indicators: one may be a part of another, which tells it"
        )
        at.error(where, what, "name those it shows, no two of which count one report")
    known = vocabulary.indicators or {}
    shown = [known[name] for name in profile.indicators if name in known]
    for one in shown:
        if not _profile(profile, None).periods_of(one):
            why = "is not counted by its period" if one.counts_incidents else "counts no incidents"
            at.error(where, f"profile {profile.id} can show nothing of {one.id}, which {why}", "leave it out")
    for one, other in combinations([one for one in shown if one.counts_incidents], 2):
        if not are_apart(one.select, other.select):
            what = (
                f"profile {profile.id} hides counts and shows both {one.id} and {other.id}, which may count one report"
            )
            at.error(where, what, "show one of them, or let their select test one field for other values")


def _check_beside(at: Place, where: Where, profile: ProfileEntry, other: Profile) -> None:
    """Two that hide small counts of one table hide others of them: who sees both may subtract."""
    both = sorted(set(profile.indicators) & set(other.indicators))
    kinds = sorted(set(profile.periods) & set(other.periods))
    if profile.suppress_below and other.suppresses and both and kinds:
        what = f"profiles {other.id} and {profile.id} hide counts and show {both[0]} per {kinds[0]}, each its own way"
        at.error((*where, "periods"), what, "let one of them show another kind of period, or leave the indicator out")


def _check_hiding(at: Place, where: Where, profile: ProfileEntry) -> None:
    """What a profile that hides small counts may not do: each would tell them."""
    if profile.suppress_below < _LEAST_BELOW:
        hidden = "there is no count from 1 to 0" if profile.suppress_below == 1 else "every count that is hidden is 1"
        what = f"profile {profile.id} hides counts below {profile.suppress_below}, which hides nothing: {hidden}"
        at.error((*where, "suppress_below"), what, f"write {_LEAST_BELOW} or more, or 0 where every count may be seen")
    if len(profile.periods) > 1:
        what = f"profile {profile.id} hides counts and shows {len(profile.periods)} kinds of period, which nest"
        at.error((*where, "periods"), what, "show one; give another profile the other")
    if not profile.final_only:
        what = f"profile {profile.id} hides counts and shows provisional ones, in which each report can be seen to come"
        at.error((*where, "final_only"), what, "show final ones only")
    for field in sorted((OPTIONAL_FIELDS - OF_ONE_VALUE) & set(profile.shows)):
        what = f"profile {profile.id} hides counts and shows {field}, which is made of hidden ones"
        at.error((*where, "shows"), what, f"show none but {', '.join(sorted(OF_ONE_VALUE))}")
    if profile.source is None:
        at.error(where, f"nothing says where the numbers of profile {profile.id} are from", "add source, or default")


def _profile(entry: ProfileEntry, areas: Areas | None) -> Profile:
    known = () if areas is None else areas.by_code.values()
    of_kinds = [
        area.code
        for area in known
        if (area.kind == "district" and "districts" in entry.area_kinds)
        or (area.kind in GROUPINGS and "groupings" in entry.area_kinds)
    ]
    return Profile(
        id=entry.id,
        title=entry.title,
        areas=(*entry.areas, *of_kinds),
        indicators=tuple(entry.indicators),
        periods=tuple(entry.periods),
        final_only=entry.final_only,
        suppress_below=entry.suppress_below,
        round_to=entry.round_to,
        shows=tuple(entry.shows),
        readers=tuple(entry.readers),
    )
