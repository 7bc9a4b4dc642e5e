"""Every mistake in a catalogue is told, all at once, with its file, line and mend; one bad file per mistake."""

from __future__ import annotations

import json
import re
from datetime import date
from itertools import product
from pathlib import Path

import msgspec
import pytest
import yaml
from tests.catalogue.copying import with_more_rules

from safety_stream.catalogue import CatalogueError, Issue, lint_catalogue, load_catalogue
from safety_stream.core.catalogue import NOTHING_LINKED
from safety_stream.core.model.times import DAY_LENGTH, HOUR, to_day
from safety_stream.data_files import catalogue_folder

EXAMPLES = Path(__file__).parents[2] / "schemas" / "incident-report" / "examples"
PROFILES = "audiences/audiences.yaml"
GRANTS = "policy/policy.yaml"
SIGNED = "policy/agreements.yaml"
RULE = "rules/rv-graded.yaml"
AREA_RULE = "rules/district-count.yaml"
SIGNAL = "rules/above-expected.yaml"
LIMBS = "rules/asb-case-review.yaml"
ABSENT = "rules/missing-no-return-interview.yaml"
ORDERED = "rules/rv-marac-repeat.yaml"
SOC = "rules/soc-cross-district.yaml"
SIGNS = "rules/soc-cse.yaml"
PLACE = "rules/soc-cuckooing.yaml"
ALL_OF = "rules/all-of.yaml"
UNTIL = "rules/count-until.yaml"
DISTINCT_UNTIL = "rules/distinct-until.yaml"
TOGETHER = "rules/distinct-together.yaml"
FINDING_UNTIL = "rules/finding-until.yaml"
RANGE = "rules/count-range.yaml"
ALL_OF_UNTIL = "rules/all-of-until.yaml"
ORDERED_UNTIL = "rules/ordered-until.yaml"
NEAR_UNTIL = "rules/near-until.yaml"
SHARE_UNTIL = "rules/share-until.yaml"
CALENDAR_UNTIL = "rules/calendar-until.yaml"
BY_CALENDAR = "rules/count-calendar.yaml"
NONE_OF = "rules/ordered-none-of.yaml"
RUNS = "rules/ordered-runs.yaml"
SOME_OF = "rules/all-of-some.yaml"
OF_FINDINGS = "rules/finding-count.yaml"
OF_FINDINGS_OF_FINDINGS = "rules/finding-of-finding.yaml"
ELSEWHERE = "rules/elsewhere-count.yaml"
ELSEWHERE_AGAIN = "rules/elsewhere-again.yaml"
HUB = "rules/soc-hub.yaml"
NEAR = "rules/near.yaml"
IN_LSOA = "rules/lsoa-count.yaml"
SHARE = "rules/share.yaml"
FACTS = "facts.yaml"
FINDINGS = "indicators/findings.yaml"
HARM = "indicators/harm.yaml"
ROADS = "indicators/road-and-fire.yaml"
RESIDENTS = "areas/residents.yaml"
AGREEMENT = "agreement/2015-18.yaml"
SUCCESSORS = "areas/successors.yaml"


def made_up(old: str, new: str, part: str = "") -> str:
    """A table of one successor in place of an empty one."""
    said = f"old: {old}, new: {new}, valid_from: 2028-04-01, source: made up"
    return f"successors: [{{{said}{', ' if part else ''}{part}}}]"


def in_parts(*parts: str) -> str:
    """A table in which one area is divided between others."""
    news = ("E07000118", "E07000119")
    entries = [
        made_up("E07000117", new, part)[len("successors: [") : -1] for new, part in zip(news, parts, strict=True)
    ]
    return f"successors: [{', '.join(entries)}]"


COUNT_FACTS = "rules/count-facts.yaml"
DISTINCT_FACTS = "rules/distinct-facts.yaml"
SUM = "rules/sum-until.yaml"
LINKED = "rules/linked-count.yaml"
LINKING = "linking.yaml"
BESIDES = "rules/besides.yaml"
BEFORE = "rules/absent-before.yaml"
CALENDAR = "calendars/lancashire-school.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue, with rules that use what none that ships does, to spoil."""
    return with_more_rules(tmp_path / "catalogue")


def spoil(folder: Path, file: str, old: str, new: str) -> int:
    """Replace the first `old` in a file; the line it began on."""
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def errors_of(folder: Path) -> list[Issue]:
    return [issue for issue in lint_catalogue(folder) if issue.severity == "error"]


def leave_only(folder: Path, file: str) -> None:
    """Spare reading the other rules where a mistake does not speak of them."""
    if not re.search("/(finding|elsewhere|soc-hub)", file):
        for rule in (folder / "rules").glob("*.yaml"):
            if rule != folder / file:
                rule.unlink()


def test_the_shipped_catalogue_has_no_issue():
    assert lint_catalogue(catalogue_folder()) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        # Shape
        (RULE, "version: 3", "version: 0", "version: `0` is less than 1"),
        (RULE, "version: 3", "version: one", "version: `one` is no whole number"),
        (RULE, "status: stable", "status: sturdy", "status: `sturdy` may not stand there"),
        (RULE, "title: ", "titel: ", "titel: unknown key"),
        (SUM, "at_least: 10", "at_least: 10, at_most: 12", "condition.at_most: unknown key"),
        (RULE, "within: 12 months", "within: a year", "condition.within: `a year` is no length"),
        (
            RULE,
            "within: 12 months",
            "within: 12 moons",
            "condition.within: `12 moons` is no length",
        ),
        (RULE, "type: count", "type: counting", "condition: there is no type `counting`"),
        (RULE, "base: P3", "base: P5", "priority.base: `P5` may not stand there"),
        (RULE, "at: 2025-04-01T10:00,", "at: 2025-04-01T10:00Z,", "a time is London local time without offset"),
        (LIMBS, "    set: {enabled: false}\n", "    set: {}\n", "the override sets nothing"),
        (ALL_OF, ", within: 6 months}", "}", "condition: the key `within` is missing"),
        (ALL_OF, "steps: [nuisance, hatred], ", "", "condition: the key `steps` is missing"),
        (
            ALL_OF,
            "steps: [nuisance, hatred]",
            "steps: [nuisance]",
            "condition.steps: too few entries: at least",
        ),
        (
            ALL_OF,
            "steps: [nuisance, hatred]",
            "steps: [a, b, c, d, e, f, g]",
            "condition.steps: too many entries: at most",
        ),
        (ALL_OF, "at_least: {nuisance: 2}", "at_least: {nuisance: 0}", "at_least.nuisance: `0` is less than 1"),
        (ALL_OF, "at_least: {nuisance: 2}", "at_least: {nuisance: 100}", "at_least.nuisance: `100` is more than 99"),
        (ALL_OF, "at_least: {nuisance: 2}", "at_least: 2", "condition.at_least: `2` is no mapping of keys to values"),
        (ALL_OF, "at_least: {nuisance: 2}", "runs: 2", "condition.runs: unknown key"),
        (RUNS, "runs: 2", "runs: 0", "condition.runs: `0` is less than 1"),
        (RUNS, "runs: 2", "runs: 100", "condition.runs: `100` is more than 99"),
        (RUNS, "runs: 2", "runs: twice", "condition.runs: `twice` is no whole number"),
        (RUNS, "steps: [complaint, crime]", "steps: [crime]", "condition.steps: too few entries: at least 2"),
        (RUNS, ", within: 6 months", "", "condition: the key `within` is missing"),
        (NONE_OF, "none_of: [visit, arrest]", "none_of: visit", "condition.none_of: `visit` is no list"),
        (UNTIL, "until: visit", "until: [visit]", "condition.until: a list is no text"),
        (UNTIL, "until: visit", "till: visit", "condition.till: unknown key"),
        (UNTIL, "at_least: 2, ", "", "condition: the key `at_least` is missing"),
        (UNTIL, "at_least: 2", "at_least: 0", "condition.at_least: `0` is less than 1"),
        (DISTINCT_UNTIL, ", within: 28 days", "", "condition: the key `within` is missing"),
        (NEAR, "metres: 100, ", "", "condition: the key `metres` is missing"),
        (NEAR, "metres: 100", "metres: 0", "condition.metres: `0` is less than 1"),
        (NEAR, "metres: 100", "metres: 99.5", "condition.metres: `99.5` is no whole number"),
        (NEAR, "set: {at_least: 2,", "set: {metres: 50,", "set.metres: unknown key"),
        (SHARE, "percent: 50, ", "", "condition: the key `percent` is missing"),
        (SHARE, "percent: 50", "percent: 101", "condition.percent: `101` is more than 100"),
        (SHARE, "percent: 50", "percent: -1", "condition.percent: `-1` is less than 0"),
        (SHARE, "percent: 50", "percent: 33.3", "condition.percent: `33.3` is no whole number"),
        (SHARE, "set: {at_least: 3,", "set: {percent: 40,", "set.percent: unknown key"),
        ("categories.yaml", "cell_metres: 800, ", "", "bounds: the key `cell_metres` is missing"),
        ("areas/lancashire.yaml", "valid_from: 1974-04-01", "valid_from: 1974-04-31", "a day is written 2026-01-31"),
        ("sources.yaml", "expected_within: 1 hour", "expected_within: 1 month", "months have no exact"),
        ("sources.yaml", "usual_latency: 15 minutes", "usual_latency: 1 month", "months have no exact"),
        ("categories.yaml", "kept: 1024", "kept: 256", "kept is not above hub"),
        # Names
        (RULE, "id: rv-graded", "id: rv-gradual", "id rv-gradual is not the file's name"),
        (RULE, "of: harm", "of: harms", "unknown step harms"),
        (ORDERED, "steps: [referral, abuse]", "steps: [referral, abuses]", "unknown step abuses"),
        (RULE, "kind: [police-crime,", "kind: [police-crimes,", "unknown kind police-crimes"),
        (RULE, "origin: reported", "origin: rumoured", "unknown origin rumoured"),
        (RULE, "role: victim", "role: victims", "unknown role victims"),
        (SOC, "family: [burglary,", "family: [burglaries,", "unknown family burglaries"),
        (SOC, "same: [family]", "same: [families]", "unknown field families"),
        (SOC, "field: area", "field: address", "unknown field address"),
        (ORDERED, "theme: domestic-abuse", "theme: domestic", "unknown theme domestic"),
        (ORDERED, "measured_from: last referral", "measured_from: first referral", "an order is always measured from"),
        (RULE, "audience: [duty-officer, analyst]", "audience: [duty-officer, press]", "unknown audience press"),
        (
            UNTIL,
            "source: made up, to try out the condition",
            "source: none",
            "source none says nothing of where the numbers are from",
        ),
        (
            LIMBS,
            "source: Burnley and Preston council pages publish no five-people limb",
            "source: tbc",
            "source tbc says nothing of where the numbers are from",
        ),
        (RULE, "purposes: [safeguarding, crime-prevention]", "purposes: [safeguarding, fun]", "unknown purpose fun"),
        (RULE, "bases: [CDA115, CDA17]", "bases: [CDA115, MAGNA]", "unknown legal basis MAGNA"),
        (
            "rules/serial-perpetrator.yaml",
            "audience: [marac-coordinator]",
            "audience: [asb-lead]",
            "nothing is granted to audience asb-lead for safeguarding",
        ),
        (ABSENT, "feeds: [childrens-services]", "feeds: [school-nurses]", "unknown feed school-nurses"),
        (AREA_RULE, "indicator: violence", "indicator: violents", "unknown indicator violents"),
        (AREA_RULE, "areas: [E06000008]", "areas: [E06000007]", "unknown area E06000007"),
        (LIMBS, "limb: people\n    set", "limb: folk\n    set", "unknown limb folk"),
        (LIMBS, "areas: [E07000117, E07000123]", "areas: [L-12]", "L-12 groups areas"),
        (LIMBS, "limb: complaints\n", "limb: complaint\n", "unknown limb complaint"),
        (RULE, "category: burglary", "category: burglaries", "unknown category burglaries"),
        (RULE, "organisation: district-councils", "organisation: burnley-council", "unknown organisation burnley-"),
        ("indicators/counts.yaml", "feeds: [police-crimes]", "feeds: [crimes]", "unknown feed crimes"),
        ("indicators/counts.yaml", "tags: [violence,", "tags: [violent,", "unknown tag violent"),
        (FINDINGS, "rule: rv-generic,", "rule: rv-generic, select: {kind: fire},", "has both select and rule"),
        (FINDINGS, "rule: rv-generic, ", "", "indicator repeat-victimisation has neither select nor rule"),
        (FINDINGS, "rule: rv-generic,", "rule: rv-generic, drill: [lsoa],", "repeat-victimisation counts findings"),
        (FINDINGS, "among: victimisation", "among: victims", "unknown indicator victims"),
        (HARM, "    adds: weight\n", "", "indicator crime-harm has weights, and adds one"),
        (HARM, "      of: {violence: ", "      of: {violents: ", "unknown category violents"),
        (HARM, "of: crime\n", "of: crimes\n", "unknown indicator crimes"),
        (HARM, "areas: [E06000009]", "areas: [E06000001]", "unknown area E06000001"),
        (ROADS, "adds: collision-casualties", "adds: casualties", "unknown fact casualties"),
        (ROADS, "adds: collision-casualties", "adds: fire-level", "fact fire-level is a word, which adds nothing"),
        (
            ROADS,
            "among: collisions,",
            "among: collisions, least_base: 19,",
            "least_base: `19` is less than 20",
        ),
        (ROADS, "id: ksi-rate", "id: ksi-share", "indicator ksi-share is there already"),
        (RESIDENTS, "area: E06000008", "area: E06000007", "unknown area E06000007"),
        (RESIDENTS, "area: E06000009", "area: L-14", "area L-14 is a grouping, whose residents are those of its"),
        (RESIDENTS, "area: E06000009", "area: E06000008", "area E06000008 is counted twice for one day"),
        (SUCCESSORS, "successors: []", made_up("E07000999", "E07000118"), "unknown area E07000999"),
        (SUCCESSORS, "successors: []", made_up("E07000117", "E07000118", "percent: 60"), "come to 60 per cent"),
        (
            SUCCESSORS,
            "successors: []",
            made_up("E07000117", "E07000118", "percent: 100, lsoas: [E01000001]"),
            "E07000118 has both percent and lsoas",
        ),
        (SUCCESSORS, "successors: []", in_parts("", ""), "E07000117 goes whole to 2 areas"),
        (SUCCESSORS, "successors: []", in_parts("lsoas: [E01000001]", ""), "parts of E07000117 are LSOAs and whole"),
        (
            SUCCESSORS,
            "successors: []",
            in_parts("percent: 100", "lsoas: [E01000001]"),
            "parts of E07000117 are LSOAs and per cent",
        ),
        (SUCCESSORS, "successors: []", in_parts("percent: 100", "percent: 20"), "come to 120 per cent"),
        (
            SUCCESSORS,
            "successors: []",
            in_parts("lsoas: [E01000001, E01000002]", "lsoas: [E01000002]"),
            "LSOA E01000002 of E07000117 is in two parts",
        ),
        (
            SUCCESSORS,
            "successors: []",
            in_parts("percent: 50", "percent: 50").replace("2028-04-01", "2027-04-01", 1),
            "the parts of E07000117 begin on different days",
        ),
        (AGREEMENT, "id: 2015-18", "id: 2016-19", "id 2016-19 is not the file's name"),
        (AGREEMENT, "id: prevent,", "id: towards-zero,", "id towards-zero is there already"),
        (AGREEMENT, "valid_to: 2018-04-01", "valid_to: 2015-04-01", "valid_to is not after valid_from"),
        ("areas/lancashire.yaml", "division: D-EAST", "division: D-NORTH", "unknown division D-NORTH"),
        (
            "areas/lancashire.yaml",
            "parents: [L-14]",
            "parents: [{area: L-14, valid_from: 2020-01-01, valid_to: 2020-01-01}]",
            "valid_to is not after valid_from",
        ),
        (FACTS, "{id: alcohol, type: word,", "{id: alcohol, type: word, at_least: 1,", "alcohol is a word, and has no"),
        (FACTS, "at_least: 0, at_most: 1000,", "at_least: 9, at_most: 1,", "no number is within the bounds of fact"),
        ("indicators/counts.yaml", "id: burglary", "id: violence", "indicator violence is there already"),
        ("sources.yaml", "id: police-hate", "id: police-crimes", "id police-crimes is there already"),
        ("categories.yaml", "id: asb-neighbour", "id: asb-noise", "id asb-noise is there already"),
        ("categories.yaml", "  asb-case: [asb]", "  asb-cases: [asb]", "unknown kind asb-cases"),
        ("areas/lancashire.yaml", "code: E07000118", "code: E07000117", "code E07000117 is there already"),
        ("areas/lancashire.yaml", "parents: [L-12]", "parents: [L-13]", "unknown area L-13"),
        (GRANTS, "fields: [alert_id,", "fields: [alert,", "unknown field of an alert alert"),
        (GRANTS, "subscriber: asb-lead", "subscriber: asb-leads", "unknown audience asb-leads"),
        (GRANTS, "agreement: isa-safeguarding", "agreement: isa-none", "unknown agreement isa-none"),
        (GRANTS, "party: marac,", "party: mappa,", "unknown party of agreement isa-safeguarding mappa"),
        (
            GRANTS,
            "purpose: anti-social",
            "purpose: social",
            "unknown purpose of agreement isa-crime-and-disorder social",
        ),
        (GRANTS, "basis: DAA2021,", "basis: VITAL,", "unknown basis of agreement isa-safeguarding VITAL"),
        (GRANTS, "areas: [], handling: C", "areas: [L-15], handling: C", "unknown area L-15"),
        (GRANTS, "id: daily-meeting,", "id: analyst,", "id analyst is there already"),
        (GRANTS, "exactly: [alert_id, version", "exactly: [alert_id, versions", "unknown field of an alert versions"),
        (GRANTS, "organisation: lancashire-police", "organisation: police", "unknown organisation police"),
        (GRANTS, "to: [duty-officer,", "to: [duty-officers,", "unknown audience duty-officers"),
        (
            GRANTS,
            "protected_places:",
            "members: [{subscriber: x, tokens: [t]}]\nprotected_places:",
            "unknown audience x",
        ),
        (SIGNED, "id: isa-safeguarding", "id: isa-crime-and-disorder", "id isa-crime-and-disorder is there already"),
        (SIGNED, "valid_to: 2100-01-01", "valid_to: 2000-01-01", "valid_to is not after valid_from"),
        ("audiences/audiences.yaml", "areas: [], periods: [day", "areas: [L-15], periods: [day", "unknown area L-15"),
        ("audiences/audiences.yaml", "shows: [expected,", "shows: [expects,", "unknown field beside a value expects"),
        (ALL_OF, "steps: [nuisance, hatred]", "steps: [nuisance, hate]", "unknown step hate"),
        (ALL_OF, "at_least: {nuisance: 2}", "at_least: {noise: 2}", "unknown step noise"),
        (SOME_OF, "always: [nuisance]", "always: [noise]", "unknown step noise"),
        (NONE_OF, "none_of: [visit, arrest]", "none_of: [visit, arrests]", "unknown step arrests"),
        (UNTIL, "until: visit", "until: visits", "unknown step visits"),
        (DISTINCT_UNTIL, "until: visit", "until: visits", "unknown step visits"),
        (ORDERED, "referrals: {of: referral,", "referrals: {of: referals,", "unknown step referals"),
        (BESIDES, "latest: found-area", "latest: found-aera", "unknown fact found-aera"),
        (BESIDES, "latest: found-area", "latest: found-area, quietens: true", "tells what was last said, and quietens"),
        ("rules/soc-cse.yaml", "audience: [exploitation-team]", "audience: [landlord]", "what is quietened is P4"),
        (OF_FINDINGS, "finding: count-until", "finding: count-till", "unknown rule count-till"),
        (NEAR, "after: complaint", "after: complaints", "unknown step complaints"),
        (SHARE, "also: complaint", "also: complaints", "unknown step complaints"),
        # Sense
        (OF_FINDINGS, "finding: count-until", "finding: soc-cross-district", "finds nothing on key victim"),
        (OF_FINDINGS, "finding: count-until", "finding: count-until, origin: reported", "a finding is no report"),
        (ELSEWHERE, "elsewhere-base]", "elsewhere-bass]", "unknown rule elsewhere-bass"),
        (ELSEWHERE, "elsewhere-base]}", "elsewhere-base], origin: reported}", "a finding is no report to be tested"),
        (ELSEWHERE, "key: [person, vehicle]", "key: [person, suspect]", "nothing found elsewhere comes to key suspect"),
        (ELSEWHERE, "[count-until,", "[district-count,", "rule district-count counts in areas and names nobody"),
        (ELSEWHERE, "[count-until,", "[linked-count,", "rule linked-count finds groups of reports"),
        (ELSEWHERE, "same: [area]", "same: [facts.subject]", "unknown field of a finding facts.subject"),
        (ELSEWHERE, "same: [area]", "same: [category]", "unknown field of a finding category"),
        (ELSEWHERE, "same: [area]", "until: case", "step case is named twice"),
        (ELSEWHERE, "type: count,", "type: sum, field: area,", "step case means findings, which have no numbers"),
        (
            ELSEWHERE,
            "{type: count, of: case, at_least: 1, within: 28 days, same: [area]}",
            "{type: calendar, of: case, at_least: 1, per: week}",
            "limb main waits for a time to pass, and what is found elsewhere may come after it",
        ),
        (ELSEWHERE, "action_time", "safeguards: {organisations: 2}\naction_time", "nothing to guard it by"),
        (ELSEWHERE, "rule: elsewhere-base", "rule: rv-graded", "unknown rule beneath this one: rv-graded"),
        (HUB, "field: facts.subject", "field: facts.dash-score", "unknown field of a finding facts.dash-score"),
        (HUB, "also: [facts.completed-by]", "also: [persons]", "unknown field of a finding persons"),
        ("rules/soc-cross-district.yaml", "field: area", "field: area, also: [x]", "unknown field x"),
        ("sources.yaml", "kinds: [", "kinds: [finding, ", "no feed sends the kind finding"),
        ("facts.yaml", "id: dash-score", "id: subject", "fact subject is said by findings, and by no report"),
        (FACTS, "part_of: survey-asked", "part_of: nobody", "fact survey-felt-safe cannot be a part of nobody"),
        (
            FACTS,
            "id: survey-asked, type: number,",
            "id: survey-asked, type: number, part_of: survey-asked,",
            "fact survey-asked cannot be a part of survey-asked",
        ),
        (FACTS, "id: found-area, ", "id: found-area, part_of: dash-score, ", "fact found-area cannot be a part"),
        (
            "indicators/counts.yaml",
            "select: {",
            "select: {finding_elsewhere: rv-graded, ",
            "an indicator counts reports",
        ),
        (
            OF_FINDINGS,
            "until: visit}",
            "until: visit, same: [area]}",
            "step neglect means findings, which have no fields",
        ),
        ("indicators/counts.yaml", "select: {", "select: {finding: rv-graded, ", "an indicator counts reports"),
        (NEAR, "key: cell", "key: place", "near is asked of cells alone"),
        (NEAR, "key: cell", "key: [cell, place]", "near is asked of cells alone"),
        (RULE, "key: victim\n", "key: [victim, cell]\n", "of a cell only near may be asked"),
        (
            NEAR,
            "complaint: {kind: [asb-case, hate-report], origin: reported, reported_within: 1 month}",
            "complaint: {finding: rv-graded}",
            "step complaint means a finding, which has no place",
        ),
        (
            NEAR,
            "overrides:",
            "besides: {all: {of: crime, within: 1 day}}\noverrides:",
            "besides would count all that nine",
        ),
        (RULE, "key: victim\n", "key: victim\nlinked_within: 1\n", "only on key linked one thing leads to another"),
        (LINKED, "key: linked", "key: [linked, victim]", "linked beside other kinds of key"),
        (LINKED, "at_least: 2, within: 28", "at_least: 1, within: 28", "one report alone is linked with nothing"),
        (LINKED, "within: 28 days", "within: 29 days", "29 days may be longer than a link lasts"),
        (LINKED, "within: 28 days", "within: 1 month", "1 month may be longer than a link lasts"),
        (LINKED, "within: 28 days", "within: 15 days, chain: 2", "2 times 15 days may be longer than a link lasts"),
        (LINKED, "within: 7 days", "within: 29 days", "29 days may be longer than a link lasts"),
        (LINKED, "at_least: 3, within: 7", "at_least: 1, within: 7", "one report alone is linked with nothing"),
        (
            LINKED,
            "visit: {kind: intervention}",
            "visit: {finding: rv-graded}",
            "step visit means a finding,",
        ),
        (
            LINKED,
            "overrides:",
            "besides: {all: {of: visit, within: 1 day}}\noverrides:",
            "besides would count the whole group",
        ),
        (
            LINKED,
            "type: count, of: complaint, at_least: 2, within: 28 days, same: [area], until: visit",
            "type: absent, after: complaint, unless: visit, within: 3 days, feeds: [police-crimes]",
            "absent waits for clocks, and what is linked comes when it comes",
        ),
        (LINKED, "by the {path}", "by the {way}", "explain names {way}, which is no fact"),
        (
            LINKED,
            "key: linked",
            "key: linked\nlinked_within: 3",
            "linked_within: `3` is more than 2",
        ),
        (LINKED, "names: [vehicle:a]", "names: [car:a]", "names.0: it does not fit the pattern"),
        (LINKING, "reports_at_most: 60", "reports_at_most: 257", "a group of 257 reports would be a hub"),
        (LINKING, "theme: [serious", "reported_within: 1 day, theme: [serious", "what leads to others is a report"),
        (LINKING, "degree_cap: 20", "degree_cap: 0", "linked.degree_cap: `0` is less than 1"),
        (LINKING, "drugs, exploit", "drunkenness, exploit", "unknown theme drunkenness"),
        (
            BESIDES,
            "crime: {kind: police-crime, origin: reported}",
            "crime: {finding: rv-graded}",
            "step crime means a finding, which says nothing of fact found-area",
        ),
        (BEFORE, "before: 3rd school day", "before: 3rd term day", "unknown calendar term"),
        (BEFORE, "before: 3rd school day", "before: 3th school day", "a day ahead is the next of a calendar"),
        (BEFORE, "before: 3rd school day", "before: some school day", "a day ahead is the next of a calendar"),
        (BEFORE, "before: 3rd school day, ", "", "no deadline"),
        (BEFORE, "before: 3rd school day, ", "before: 3rd school day, within: 1 day, ", "two deadlines"),
        (BEFORE, "set: {enabled: false}", "set: {within: 3 days}", "limb main has no within"),
        (CALENDAR, 'opens: "09:00"', 'opens: "9:00"', "opens: it does not fit the pattern"),
        (CALENDAR, "known: {first: 2024-09-02", "known: {first: 2024-9-2", "a day is written 2026-01-31"),
        (CALENDAR, "known: {first: 2024-09-02", "known: {first: null", "a day is written 2026-01-31"),
        (CALENDAR, "known: {first: 2024-09-02", "known: {first: 2028-09-02", "the last day is before the first"),
        (CALENDAR, "- {first: 2024-10-28", "- {first: 2024-08-28", "these days are not within those"),
        (CALENDAR, "last: 2024-11-01", "last: 2024-10-01", "the last day is before the first"),
        (CALENDAR, "first: 2024-12-23", "first: 2024-11-01", "it begins before the one above has ended"),
        (DISTINCT_UNTIL, "until: visit}", "until: visit, unconnected: true}", "one report has one"),
        (RANGE, "at_most: 3", "at_most: 1", "at most 1 is fewer than at least 2: it is never met"),
        (RANGE, "at_most: 3", "at_most: 0", "condition.at_most: `0` is less than 1"),
        (
            RANGE,
            "set: {at_least: 3}",
            "set: {at_least: 4}",
            "limb main asks for at most 3: with at least 4 it is never",
        ),
        (ALL_OF_UNTIL, "until: visit", "until: crime", "step crime is named twice"),
        (ALL_OF_UNTIL, "until: visit", "until: visits", "unknown step visits"),
        (ORDERED_UNTIL, "until: visit", "until: complaint", "step complaint is named twice"),
        (ORDERED_UNTIL, "until: visit", "until: arrest", "step arrest is named twice"),
        (NEAR_UNTIL, "until: visit", "until: complaint", "step complaint is named twice"),
        (
            NEAR_UNTIL,
            "visit: {kind: intervention,",
            "visit: {finding: near,",
            "step visit means a finding, which has no",
        ),
        (SHARE_UNTIL, "until: visit", "until: complaint", "step complaint is named twice"),
        (SHARE_UNTIL, "until: visit", "until: crime", "step crime is named twice"),
        (CALENDAR_UNTIL, "until: visit", "until: complaint", "step complaint is named twice"),
        (AREA_RULE, "type: calendar,", "type: calendar, until: visit,", "an area's indicator has its own select"),
        (
            ABSENT,
            "type: absent,",
            "type: absent, until: interview,",
            "until closes nothing here: name under unless what",
        ),
        (SIGNAL, "reaches: red", "reaches: red, until: visit", "until closes nothing here: a signal is of weeks as"),
        (BY_CALENDAR, "2, within: 181 days", "2, within: 6 months", "months are those of the calendar anyway"),
        (
            BY_CALENDAR,
            "complaints in {within}",
            "complaints in 181 days",
            "explain says how long, and would say so of limb main",
        ),
        (BY_CALENDAR, "in {within}", "in {within:a month|# months}", "explain says {within:a month|# months}, and wi"),
        (BY_CALENDAR, "in {within}", "in {within", "explain has a stray brace"),
        (BY_CALENDAR, "{count} complaints in", "{count complaints in", "explain has a stray brace"),
        (BY_CALENDAR, "in {within}", "in a fortnight", "explain says how long, and would say so of limb main"),
        (
            BY_CALENDAR,
            "title: Two complaints",
            "title: Within 28 days",
            "the title says how long, and would say so of lim",
        ),
        (BY_CALENDAR, "visits: {of", "within: {of", "the condition states within itself"),
        (BY_CALENDAR, "2, within: 181 days", "2, within: 36 hours", "36 hours are no days to be counted by the cal"),
        (BY_CALENDAR, "visit, within: 181 days", "visit, within: 6 months", "months are those of the calendar anyway"),
        (
            BY_CALENDAR,
            "calendar: true}\nbesides",
            "calendar: yes}\nbesides",
            "calendar: `yes` is neither",
        ),
        (
            BY_CALENDAR,
            "set: {within: 4 weeks}",
            "set: {within: 36 hours}",
            "limb main counts days by the calendar, and",
        ),
        (TOGETHER, "ignore: [", "unconnected: true, ignore: [", "one report is a value of its own, which connects it"),
        (TOGETHER, "field: [kind, area]", "field: [kind, kind]", "field kind is named twice"),
        (TOGETHER, "field: [kind, area]", "field: [kind, colour]", "unknown field colour"),
        (TOGETHER, "field: [kind, area]", "field: [kind, area, origin, family]", "too many entries: at most 3"),
        (TOGETHER, "field: [kind, area]", "field: [persons, victims]", "persons and victims are lists: which of the"),
        (HUB, "field: facts.subject", "field: [facts.subject, facts.subject]", "field facts.subject is named twice"),
        (NEAR, "metres: 100", "metres: 801", "801 metres is further than a cell is wide"),
        (NEAR, "after: complaint, metres: 100", "chain: 2, metres: 401", "2 times 401 metres is further than a cell"),
        (NEAR, "metres: 100", "metres: 100, chain: 2", "a chain is of one step, and after names another"),
        (NEAR, "metres: 100", "metres: 100, chain: 10", "condition.chain: `10` is more than 9"),
        (NEAR, "within: 28 days", "within: 24 days, chain: 4", "4 times 24 days may be longer than a cell lasts"),
        (NEAR, "within: 28 days", "within: 93 days", "93 days may be longer than a cell lasts"),
        (NEAR, "within: 28 days", "within: 3 months", "3 months may be longer than a cell lasts"),
        (NEAR, "within: 7 days", "within: 93 days", "93 days may be longer than a cell lasts"),
        (NEAR, "after: complaint", "after: crime", "step crime is named twice"),
        (
            NEAR,
            "base: P3, by_count: {4: P2}}\naction_time: 7 days\nsuppress: {for: 30 days}\naudience: [duty-officer]",
            "base: P4}\naction_time: 7 days\nsuppress: {for: 30 days}\naudience: [asb-lead]",
            "what is found may be P4, and no audience of the rule hears of P4",
        ),
        (IN_LSOA, "key: lsoa", "key: [lsoa, place]", "key lsoa stands alone"),
        (IN_LSOA, "key: lsoa", "key: [lsoa, cell]", "of a cell only near may be asked"),
        (IN_LSOA, "within: 28 days", "within: 93 days", "93 days may be longer than a stretch of an LSOA lasts"),
        (IN_LSOA, "within: 28 days", "within: 31 days, chain: 3", "3 times 31 days may be longer than a stretch of an"),
        (IN_LSOA, "within: 28 days", "within: 3 months", "3 months may be longer than a stretch of an LSOA lasts"),
        (IN_LSOA, "within: 92 days}\noverrides", "within: 93 days}\noverrides", "longer than a stretch of an LSOA"),
        (IN_LSOA, "at_least: 3, within: 92 days", "at_least: 3, within: 93 days", "longer than a stretch of an LSOA"),
        (IN_LSOA, "noises: {of", "lsoa: {of", "the condition states lsoa itself"),
        (IN_LSOA, "noise: {kind: asb-case}", "noise: {finding: near}", "step noise means a finding, which is told on"),
        (
            IN_LSOA,
            "type: count, of: crime, at_least: 2, within: 28 days",
            "type: calendar, per: week, of: crime, at_least: 2",
            "of an LSOA calendar cannot be asked",
        ),
        (
            IN_LSOA,
            "type: count, of: crime, at_least: 2, within: 28 days",
            "type: absent, after: crime, unless: noise, within: 1 day, feeds: [police-crimes]",
            "of an LSOA absent cannot be asked",
        ),
        (RULE, '"', '"{lsoa}', "explain names {lsoa}, which is no fact"),
        (SHARE, "also: complaint", "also: crime", "step crime is named twice"),
        (SHARE, "organisation: district-councils", "finding: near", "step complaint means findings, which nobody else"),
        (SHARE, "origin: reported, ", "", "at a place step crime counts what is found by looking"),
        (NEAR, "{nearest_m} metres", "{nearest} metres", "explain names {nearest}, which is no fact"),
        (ALL_OF, "steps: [nuisance, hatred]", "steps: [nuisance, nuisance]", "step nuisance is named twice"),
        (SOME_OF, "always: [nuisance]", "always: [nuisance, nuisance]", "step nuisance is named twice"),
        (SOME_OF, "needed: 2, ", "", "all steps are needed anyway"),
        (SOME_OF, "needed: 2", "needed: 1", "1 needed of 4 steps, 1 of them always"),
        (SOME_OF, "needed: 2", "needed: 4", "4 needed of 4 steps, 1 of them always"),
        (ALL_OF, "{count_hatred} of", "{count_hate} of", "explain names {count_hate}, which is no fact"),
        (ALL_OF, "set: {within: 28 days}", "set: {at_least: 2}", "limb main has no at_least"),
        (NONE_OF, "none_of: [visit, arrest]", "none_of: [visit, visit]", "step visit is named twice"),
        (NONE_OF, "none_of: [visit, arrest]", "none_of: [visit, crime]", "step crime is asked for and ruled out"),
        (UNTIL, "until: visit", "until: complaint", "step complaint is named twice"),
        (DISTINCT_UNTIL, "until: visit", "until: complaint", "step complaint is named twice"),
        (RULE, "{count} times", "{counts} times", "explain names {counts}, which is no fact"),
        (RULE, "{count} times", "{count.real} times", "explain names {count.real}, which is no fact"),
        (RULE, "{count} times", "{count!r} times", "explain names {count}, which is no fact"),
        (RULE, "{count} times", "{count times", "explain has a stray brace"),
        (RULE, "{count} times", "{count:once}", "explain says {count:once}, which is not how it is said of one"),
        (RULE, "{count} times", "{count:once|often}", "explain says {count:once|often}, which is not how"),
        (RULE, "{count} times", "{count:|# times}", "explain says {count:|# times}, which is not how"),
        (RULE, "{count} times", "{count:3d}", "explain says {count:3d}, which is not how"),
        (RULE, "by_count: {4: P2}", "by_count: {4: P2, 5: P3}", "a higher count has a lower priority"),
        (RULE, "key: victim\n", "key: victim\nindicator: violence\n", "only key area has an indicator"),
        (
            RULE,
            "{type: count, of: harm, at_least: 3, within: 12 months}",
            "{type: calendar, per: week, at_least: 2}",
            "a calendar condition on a timeline needs a step to count",
        ),
        (AREA_RULE, "condition: {", "select: {harm: {kind: fire}}\ncondition: {", "an area's indicator has its own"),
        (AREA_RULE, "condition: {type: calendar, ", "condition: {type: calendar, of: harm, ", "indicator has its own"),
        (AREA_RULE, "priority: {base: P3}", "safeguards: {organisations: 2}\npriority: {base: P3}", "to guard"),
        (AREA_RULE, "    area: E07000124\n", "", "nobody knows of which area these are"),
        (AREA_RULE, "    area: E07000124\n", "    area: E07000999\n", "unknown area E07000999"),
        (AREA_RULE, "counts: {2026-01-05: ", "counts: {2026-02-30: ", "a day is written 2026-01-31"),
        (RULE, "role: victim}", "role: victm}", "unknown role victm"),
        (RULE, "  - name: a third", "  - limb: other\n    name: a third", "unknown limb other"),
        (
            "areas/lancashire.yaml",
            "valid_from: 1974-04-01,",
            "valid_from: 1974-04-01, valid_to: 1974-04-01,",
            "valid_to is not after valid_from",
        ),
        ("areas/lancashire.yaml", "lancashire-lsoa-2011.csv", "lancashire-lsoa-2111.csv", "cannot be read"),
        ("areas/lancashire.yaml", "lancashire-ward-2019.csv", "lancashire-ward-2119.csv", "cannot be read"),
        ("audiences/audiences.yaml", "id: public,", "id: internal,", "profile internal is there already"),
        (
            PROFILES,
            "periods: [week],",
            "periods: [week, month],",
            "hides counts and shows 2 kinds of period, which nest",
        ),
        (
            PROFILES,
            "[month], final_only: true",
            "[week], final_only: true",
            "hide counts and show ambulance-violence per week",
        ),
        (PROFILES, "[week], final_only: true", "[week], final_only: false", "hides counts and shows provisional ones"),
        (PROFILES, "shows: [complete_to,", "shows: [expected, complete_to,", "shows expected, which is made of hidden"),
        (
            PROFILES,
            "shows: [complete_to,",
            "shows: [signal, complete_to,",
            "shows signal, which is made of hidden ones",
        ),
        (
            PROFILES,
            "shows: [complete_to,",
            "shows: [causes, complete_to,",
            "shows causes, which is made of hidden ones",
        ),
        (PROFILES, "indicators: [violence,", "indicators: [violents,", "unknown indicator violents"),
        (PROFILES, "suppress_below: 0", "suppress_below: 3", "profile internal hides counts and names no indicators"),
        (PROFILES, "suppress_below: 5", "suppress_below: 1", "which hides nothing: there is no count from 1 to 0"),
        (PROFILES, "suppress_below: 5", "suppress_below: 2", "which hides nothing: every count that is hidden is 1"),
        (PROFILES, "readers: [analyst, ", "readers: [asb-lead, ", "asb-lead is an audience of a partner"),
        (PROFILES, "readers: [analyst, ", "readers: [analysts, ", "unknown audience analysts"),
        (
            PROFILES,
            "readers: [analyst, duty-officer, sergeant, inspector, superintendent, soc-unit], ",
            "",
            "profile internal shows every count as it is, and nothing says to whom",
        ),
        (PROFILES, "deliberate-fires]", "crime]", "partner hides counts and shows both violence and crime, which may"),
        (
            PROFILES,
            "deliberate-fires]",
            "theft]",
            "profile partner can show nothing of theft, which is not counted by its period",
        ),
        (PROFILES, "deliberate-fires]", "crime-harm]", "nothing of crime-harm, which counts no incidents"),
        (
            PROFILES,
            "suppress_below: 0",
            "suppress_below: 3",
            "nothing says where the numbers of profile internal are from",
        ),
        (RULE, "key: victim\n", "key: area\n", "key area needs an indicator and a calendar condition"),
        (
            ORDERED,
            "priority: ",
            "overrides: [{areas: [E07000117], set: {at_least: 2}, source: x}]\npriority: ",
            "no at_least",
        ),
        (AREA_RULE, "set: {at_least: 153}", "set: {within: 3 days}", "has no within"),
        (SIGNAL, "set: {enabled: false}", "set: {within: 3 days}", "has no within"),
        (SIGNAL, "set: {enabled: false}", "set: {at_least: 3}", "has no at_least"),
        (SIGNAL, "key: area\n", "key: victim\n", "only areas have signals"),
        (SIGNAL, "key: area\n", "key: lsoa\n", "only areas have signals"),
        (SIGNAL, "key: area\n", "key: area\nselect: {harm: {kind: fire}}\n", "which has its own select"),
        (SIGNAL, "key: area\n", "key: area\nindicator: asb-reports\n", "unknown judged indicator asb-reports"),
        (SIGNAL, "reaches: red", "reaches: improvement", "reaches: `improvement` may not stand there"),
        (SIGNAL, "    indicator: burglary\n", "    indicator: asb-reports\n", "unknown judged indicator asb-reports"),
        (SIGNAL, "    indicator: burglary\n", "", "nobody knows of which indicator these are"),
        (SIGNAL, "    area: E07000117\n", "", "nobody knows of which area these are"),
        (SIGNAL, "signals: {2026-01-05: ", "signals: {2026-01-06: ", "a week is named by its Monday"),
        (SIGNAL, "{value} recorded", "{count} recorded", "explain names {count}, which is no fact"),
        (AREA_RULE, "priority: {base: P3}", "priority: {base: P3, raise_when: [weapon]}", "no evidence to raise"),
        (LIMBS, "limbs:", "key: victim\nlimbs:", "key beside limbs"),
        (LIMBS, "limbs:", "besides: {x: {of: harm, within: 1 day}}\nlimbs:", "besides beside limbs"),
        (ORDERED, "  times: {of", "  days_since_referral: {of", "the condition states days_since_referral itself"),
        (PLACE, ", origin: reported}", "}", "at a place step nuisance counts what is found by looking"),
        (PLACE, ", origin: reported}", ", origin: [reported, discovered]}", "at a place step nuisance counts what is"),
        (PLACE, "  concern: Drugs", "  nuisance: Drugs", "step nuisance counts nothing at a place that is found"),
        (RULE, "condition:", "discovered_because: {harm: x}\ncondition:", "step harm counts nothing at a place"),
        # What nothing can pass
        (UNTIL, "kind: intervention", "kind: intervention, organisation: ambulance", "no source sends what is asked"),
        (UNTIL, "kind: intervention", "kind: intervention, source: fire", "asked for, kind intervention, source fire"),
        (UNTIL, "kind: intervention", "source: fire, organisation: ambulance", "organisation ambulance, source fire"),
        (
            UNTIL,
            "kind: intervention",
            "kind: fire, not: {organisation: fire-and-rescue}",
            "no source sends what is asked for, kind fire: no report",
        ),
        (ROADS, "kind: collision,", "kind: collision, source: ambulance,", "no source sends what is asked for, kind"),
        (UNTIL, "kind: intervention", "kind: fire, not: {kind: fire}", "kind fire is asked for and refused: nothing"),
        (
            UNTIL,
            "kind: intervention",
            "flag: [weapon], not: {flag: [weapon, child]}",
            "flag weapon is asked for and refused: nothing",
        ),
        (
            COUNT_FACTS,
            "not: {facts: {found-d",
            "not: {facts: {found-out-of-area: true, found-d",
            "fact found-out-of-area",
        ),
        (COUNT_FACTS, "at_least: 9, at_most: 99}", "at_least: -3}", "fact found-distance-km is asked for and refused"),
        (
            PLACE,
            "flag: vulnerable\n",
            "flag: vulnerable\n    role: victim\n",
            "on key place nothing stands in role victim",
        ),
        (
            LINKED,
            "kind: intervention",
            "kind: intervention, role: victim",
            "on key linked nothing stands in role victim",
        ),
        (
            NEAR,
            "kind: [police-crime, ",
            "role: place, kind: [police-crime, ",
            "on key cell nothing stands in role place",
        ),
        (
            ORDERED,
            "referral: {kind: marac-referral",
            "referral: {kind: marac-referral, role: suspect",
            "on key victim-perpetrator nothing stands in role suspect",
        ),
        (
            BEFORE,
            "feeds: [childrens-services]",
            "feeds: [fire, ambulance]",
            "none of ambulance, fire sends what step visit",
        ),
    ],
)
def test_a_mistake_is_told_on_its_line_with_its_mend(folder: Path, file: str, old: str, new: str, what: str):
    line = spoil(folder, file, old, new)
    leave_only(folder, file)
    found = [issue for issue in errors_of(folder) if issue.file == file and what in issue.what]
    assert [(issue.line in (line, line + 1), bool(issue.mend)) for issue in found] == [(True, True)] * len(found)
    assert found, errors_of(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            RULE,
            "at_least: 3,",
            "at_least: three,",
            "condition.at_least: `three` is no whole number; write a whole number from 1; see docs/rules.md",
        ),
        (
            RULE,
            "base: P3",
            "base: P5",
            "priority.base: `P5` may not stand there; write one of P1, P2, P3, P4; see docs",
        ),
        (
            RULE,
            "status: stable",
            "status: stabel",
            "status: `stabel` may not stand there; nearest is stable; write one",
        ),
        (RULE, "key: victim\n", "key: address\n", "key: `address` may not stand there; write one of victim, suspect, "),
        (RULE, "version: 3", "version:", "version: nothing stands there; write a whole number from 1; see docs"),
        (
            RULE,
            "suppress: {for: ",
            "suppress: {lasts: ",
            "suppress: the key `for` is missing; add it: a length such as ",
        ),
        (
            RULE,
            "audience: [duty-officer, analyst]\n",
            "",
            "the file: the key `audience` is missing; add it: a list, each a name of small letters, digits and hyphens",
        ),
        (RULE, "lawful: {purposes", "lawful: {aims", "lawful.aims: unknown key; there may stand bases, purposes; or"),
        (
            RULE,
            "within: 12 months",
            "witin: 12 months",
            "condition.witin: unknown key; nearest is within; or leave it out",
        ),
        (
            RULE,
            "within: 12 months",
            "within: 12 months, organisations: 2",
            "condition.organisations: unknown key; organisations belongs under safeguards; or leave it out",
        ),
        (
            RULE,
            "version: 3",
            "version: 3\nruns: 3",
            "runs: unknown key; runs belongs under condition of type ordered; or leave it out",
        ),
        (
            SUM,
            "at_least: 10",
            "at_least: 10, title: x",
            "condition.title: unknown key; title belongs at the top of the",
        ),
        (
            RULE,
            "type: count",
            "type: cuont",
            "condition: there is no type `cuont`; nearest is count; write one of absent,",
        ),
        (
            RULE,
            "type: count, ",
            "",
            "condition: the key `type` is missing; add it: one of absent, all_of, calendar, count",
        ),
        (
            RULE,
            "within: 12 months",
            "within: 14d",
            "condition.within: `14d` is no length, which is a number and minutes",
        ),
        (
            RULE,
            "within: 12 months",
            "within: 14",
            "condition.within: `14` is no length, which is a number and minutes,",
        ),
        (
            BEFORE,
            "before: 3rd school",
            "before: some school",
            "condition.before: a day ahead is the next of a calendar",
        ),
        (IN_LSOA, "of: crime,", "of: crimes,", "unknown step crimes; name it under select, or use crime, noise"),
        (
            RULE,
            "\n  - name: a third",
            "\n\t- name: a third",
            "there is a tab at the beginning of the line; indent with",
        ),
        (
            NEAR,
            "base: P3, by_count: {4: P2}}\naction_time: 7 days\nsuppress: {for: 30 days}\naudience: [duty-officer]",
            "base: P4}\naction_time: 7 days\nsuppress: {for: 30 days}\naudience: [asb-lead]",
            "hears of P4; name one that does (duty-officer, repeat-victim-list), or let one",
        ),
        (
            FACTS,
            "open: true, ",
            "open: yes, ",
            "`yes` is neither true nor false; write true or fal",
        ),
    ],
)
def test_a_mistake_is_told_with_what_was_written_and_what_may_stand_there(
    folder: Path, file: str, old: str, new: str, told: str
):
    spoil(folder, file, old, new)
    leave_only(folder, file)
    said = [f"{issue.what}; {issue.mend}" for issue in errors_of(folder) if issue.file == file]
    assert [one for one in said if told in one], said


def test_names_that_are_known_are_listed_once_in_a_file(folder: Path):
    for number in range(3):
        spoil(folder, RULE, "category: burglary", f"category: burglarie{'sz'[number % 2]}")
    spoil(folder, RULE, "category: burglary", "category: q")
    leave_only(folder, RULE)

    mends = [issue.mend for issue in errors_of(folder) if issue.what.startswith("unknown category")]

    first, *others = mends
    assert first.startswith("nearest is burglary; use one of accidental-fire, ")
    line = re.search(r"rv-graded.yaml:(\d+): error: unknown category", str(errors_of(folder)[0]))
    assert others == ["nearest is burglary"] * 2 + [f"use one of those listed for line {line[1]}"]


def test_where_there_is_nothing_of_a_sort_it_is_said_where_it_is_declared(folder: Path):
    (folder / FACTS).write_text("facts: []\n", encoding="utf-8")
    leave_only(folder, COUNT_FACTS)

    told = {issue.mend for issue in errors_of(folder) if issue.what.startswith("unknown fact found-area")}

    assert told == {"there is none yet: declare facts in facts.yaml"}


def test_a_rule_without_key_and_condition_is_told_of_both(folder: Path):
    spoil(folder, RULE, "condition: {type: count, of: harm, at_least: 3, within: 12 months}\n", "")
    spoil(folder, RULE, "key: victim\n", "")
    leave_only(folder, RULE)
    what = "the keys `key` and `condition` are missing, and there are no `limbs`"
    assert what in [issue.what for issue in errors_of(folder) if issue.file == RULE]


def test_what_is_set_for_several_limbs_is_counted_in_one_way(folder: Path):
    spoil(folder, LIMBS, "at_least: 3, within: 6 months,", "at_least: 3, within: 180 days, calendar: true,")
    spoil(folder, LIMBS, "limb: people\n    set: {enabled: false}", "set: {within: 28 days}")
    for _ in range(2):
        spoil(folder, LIMBS, "in six months", "in {within}")
    leave_only(folder, LIMBS)
    assert [issue.what for issue in errors_of(folder)] == ["some limbs count days by the calendar, and others do not"]
    spoil(folder, LIMBS, "set: {within: 28 days}", "set: {within: 1 month}")
    assert errors_of(folder) == []


def test_days_of_the_calendar_may_be_longer_than_exact_ones(folder: Path):
    spoil(folder, NEAR, "within: 28 days", "within: 92 days, calendar: true")
    spoil(folder, IN_LSOA, "at_least: 2, within: 28 days", "at_least: 2, within: 91 days, calendar: true")
    # That of the LSOA is what an override of it sets.
    told = [f"92 calendar days may be longer than {of} lasts" for of in ("a stretch of an LSOA", "a cell")]
    assert [issue.what for issue in errors_of(folder)] == told


def test_a_rule_may_look_as_far_and_as_long_as_a_cell_is(folder: Path):
    spoil(folder, NEAR, "metres: 100, within: 28 days", "metres: 500, within: 92 days")
    spoil(folder, IN_LSOA, "at_least: 2, within: 28 days", "at_least: 2, within: 92 days")
    assert errors_of(folder) == []


def test_in_a_neighbourhood_it_must_be_said_why_what_is_found_by_looking_counts(folder: Path):
    spoil(folder, IN_LSOA, "discovered_because:\n  crime: It is made up, to try out the key.\n", "")
    what = "at a place step crime counts what is found by looking"
    assert [issue.what for issue in errors_of(folder)] == [what]


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        (
            "areas/lancashire.yaml",
            "name: Lancashire-14, kind: county",
            "name: L, kind: county, parents: [L-12]",
            "above itself",
        ),
        ("areas/lancashire.yaml", "code: OUTSIDE", "code: ELSEWHERE", "area OUTSIDE of kind reserved is missing"),
        ("audiences/audiences.yaml", "id: asb-lead", "id: soc-unit", "audience soc-unit is there already"),
        (
            RULE,
            "condition: {type: count, of: harm, at_least: 3, within: 12 months}\n",
            "",
            "the key `condition` is missing",
        ),
    ],
)
def test_a_mistake_of_several_places_is_told_at_one_of_them(folder: Path, file: str, old: str, new: str, what: str):
    spoil(folder, file, old, new)
    assert [issue.file for issue in errors_of(folder) if what in issue.what and issue.mend][:1] == [file]


def test_a_rule_that_rests_on_a_retired_one_is_refused(folder: Path):
    spoil(folder, UNTIL, "status: trial", "status: retired")
    told = "rule count-until is retired and finds nothing"
    names = ("elsewhere-count", "finding-absent", "finding-count", "finding-ordered", "finding-until")
    resting = [f"rules/{name}.yaml" for name in names]
    assert [(issue.file, issue.what) for issue in errors_of(folder)] == [(file, told) for file in resting]


def test_a_stable_rule_may_not_rest_on_one_on_trial(folder: Path):
    spoil(folder, OF_FINDINGS, "status: trial", "status: stable")
    assert [(issue.file, issue.what) for issue in errors_of(folder)] == [
        (OF_FINDINGS, "rule count-until is on trial: only its owner may hear of it")
    ]


def test_rules_that_rest_on_one_another_in_a_circle_are_refused_once(folder: Path):
    spoil(folder, OF_FINDINGS, "finding: count-until", "finding: finding-of-finding")
    (circle,) = errors_of(folder)
    assert circle.what == (
        "rules rest on one another in a circle: finding-of-finding on finding-count on finding-of-finding"
    )


def test_a_circle_over_keys_is_refused_like_one_on_a_key(folder: Path):
    spoil(folder, ELSEWHERE, "elsewhere-base]", "elsewhere-again]")
    (circle,) = [issue for issue in errors_of(folder) if "circle" in issue.what]
    assert circle.what == (
        "rules rest on one another in a circle: elsewhere-count on elsewhere-again on elsewhere-count"
    )


def test_links_on_a_key_and_over_keys_count_together(folder: Path):
    spoil(folder, "rules/elsewhere-base.yaml", "{origin: reported}", "{finding: asb-case-review}")
    spoil(folder, "rules/asb-case-review.yaml", "key: ", "key: [place, suspect] # ")
    assert "4 rules rest one on another" in [issue.what for issue in errors_of(folder)]


def test_what_waits_may_not_rest_on_a_rule_that_hears_of_elsewhere(folder: Path):
    spoil(folder, "rules/finding-absent.yaml", "finding: count-until", "finding: elsewhere-count")
    told = "limb main waits for a time to pass, and what is found elsewhere may come after it"
    assert ("rules/finding-absent.yaml", told) in [(issue.file, issue.what) for issue in errors_of(folder)]


def test_a_fourth_rule_on_top_of_three_is_refused(folder: Path):
    on_top = (folder / OF_FINDINGS).read_text().replace("id: finding-count", "id: on-top")
    on_top = on_top.replace("finding: count-until", "finding: finding-of-finding")
    (folder / "rules" / "on-top.yaml").write_text(on_top)
    assert [(issue.file, issue.what) for issue in errors_of(folder)] == [
        ("rules/on-top.yaml", "4 rules rest one on another")
    ]


def test_a_rule_whose_file_is_broken_is_not_missed_by_those_that_rest_on_it(folder: Path):
    spoil(folder, UNTIL, "version: 1", "version: 0")
    assert {issue.file for issue in errors_of(folder)} == {UNTIL}


def test_all_issues_are_told_at_once(folder: Path):
    spoil(folder, RULE, "version: 3", "version: 0")
    spoil(folder, "sources.yaml", "identity: aggregate", "identity: nobody")
    spoil(folder, ABSENT, "within: 72 hours", "within: soon")
    assert [issue.file for issue in errors_of(folder)] == [ABSENT, RULE, "sources.yaml"]


def test_a_mistake_in_one_file_hides_nothing_that_another_owes(folder: Path):
    """Not its proofs, nor that it is too loud."""
    spoil(folder, RULE, "version: 3", "version: 0")
    spoil(folder, PLACE, "grades_alone: [D, E]", "grades_alone: [E]")
    said = (folder / "volumes.yaml").read_text()
    line = next(line for line in said.splitlines() if "rule: soc-hub," in line)
    spoil(folder, "volumes.yaml", line, re.sub(r"(told: .*urgent_per_division_and_shift): \d+", r"\1: 6", line))

    assert [(issue.file, issue.what) for issue in errors_of(folder)] == [
        (RULE, "version: `0` is less than 1"),
        (PLACE, "intelligence of grade D or E may be all that stands behind a finding"),
        ("volumes.yaml", "soc-hub is too loud to be stable: 6 urgent in a division and shift, where the budget is 5"),
    ]


def test_of_a_rule_with_a_mistake_in_it_nothing_more_is_said(folder: Path):
    """What it owes may be what the mistake took away."""
    spoil(folder, PLACE, "flag: vulnerable", "flag: vulnerabel")
    spoil(folder, PLACE, "grades_alone: [D, E]", "grades_alone: [E]")

    assert [issue.what for issue in errors_of(folder)] == ["unknown flag vulnerabel"]


def test_a_broken_file_is_not_blamed_on_those_that_name_it(folder: Path):
    (folder / "sources.yaml").write_text("sources: [")
    assert [issue.file for issue in lint_catalogue(folder)] == ["sources.yaml"]


def test_a_missing_file_is_told(folder: Path):
    (folder / "categories.yaml").unlink()
    assert [(issue.file, issue.what) for issue in errors_of(folder)] == [
        ("categories.yaml", "the file cannot be read: No such file or directory")
    ]


def test_loading_refuses_a_catalogue_with_errors_and_says_all_of_them(folder: Path):
    spoil(folder, RULE, "version: 3", "version: 0")
    with pytest.raises(CatalogueError, match=re.escape("rules/rv-graded.yaml:2: error: version: ")) as refused:
        load_catalogue(folder)
    assert refused.value.issues == tuple(lint_catalogue(folder))


def test_an_lsoa_of_two_districts_is_told_with_its_line(folder: Path):
    path = folder / "areas" / "lancashire-lsoa-2011.csv"
    lines = path.read_text().splitlines()
    other = next(code for code in ("E07000117", "E07000118") if code not in lines[4])
    path.write_text("\n".join([*lines, lines[4].split(",")[0] + f",{other}"]) + "\n")
    assert [(issue.line, issue.what[-19:]) for issue in errors_of(folder)] == [(len(lines) + 1, "is in two districts")]


def test_two_area_files_are_told(folder: Path):
    (folder / "areas" / "another.yaml").write_text((folder / "areas" / "lancashire.yaml").read_text())
    assert [(issue.file, issue.what) for issue in errors_of(folder)] == [("areas", "there are 2 area files")]


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        (RULE, "select:\n", "select:\n  unused: {kind: asb-case}\n", "step unused is used by nothing"),
        (
            RULE,
            "audience: [duty-officer, analyst]",
            "audience: [duty-officer, childrens-services]",
            "audience childrens-services takes no repeat-victimisation alerts",
        ),
        (
            UNTIL,
            "kind: intervention",
            "kind: [intervention, fire], not: {kind: fire}",
            "kind fire is asked for and refused: only the others pass",
        ),
        (
            DISTINCT_FACTS,
            "facts: {found-distance-km: {at_most: 5}}",
            "facts: {found-area: [bradford, leeds]}, not: {facts: {found-area: leeds}}",
            "fact found-area leeds is asked for and refused: only the others pass",
        ),
        (
            ABSENT,
            "feeds: [childrens-services]",
            "feeds: [childrens-services, fire]",
            "feed fire sends nothing that step interview asks for, and it is waited for",
        ),
        (
            ABSENT,
            "kind: intervention, subtype: return-interview",
            "kind: intervention",
            "step interview may come from interventions as well, and nobody waits for that",
        ),
        (
            ABSENT,
            "kind: intervention, subtype",
            "kind: intervention, source: [childrens-services, interventions], subtype",
            "step interview may come from interventions as well, and nobody waits for that",
        ),
        (
            LINKED,
            "kind: [asb-case, police-crime, hate-report], ",
            "kind: [asb-case, police-crime, hate-report], grade: E, ",
            "all that counts is of grade E, and evidence of those alone makes no finding",
        ),
        ("audiences/audiences.yaml", "safeguarding, threshold, feed]", "safeguarding, threshold]", None),
    ],
)
def test_a_warning_does_not_keep_a_catalogue_from_being_loaded(folder: Path, file: str, old: str, new: str, what: str):
    spoil(folder, file, old, new)
    assert [issue.severity for issue in lint_catalogue(folder) if what and issue.what == what] == ["warning"][
        : bool(what)
    ]
    load_catalogue(folder)


def test_which_feed_sends_a_subtype_the_rule_says_by_waiting_for_it():
    """Children's services make interviews after a return, and others send interventions of other sorts."""
    assert [issue for issue in lint_catalogue(catalogue_folder()) if "nobody waits for that" in issue.what] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "mend"),
    [
        (
            UNTIL,
            "kind: intervention",
            "kind: intervention, organisation: ambulance",
            "intervention comes from childrens-services of childrens-services, interventions of district-councils",
        ),
        (UNTIL, "kind: intervention", "source: fire, organisation: ambulance", "fire is of fire-and-rescue; name one"),
        (BEFORE, "feeds: [childrens-services]", "feeds: [fire]", "wait for childrens-services, interventions"),
        (PLACE, "flag: vulnerable\n", "flag: vulnerable\n    role: victim\n", "ask for place, leave role out, or look"),
        (LINKED, "kind: intervention", "kind: intervention, role: victim", "leave role out, or look at the timelines"),
    ],
)
def test_what_nothing_passes_is_told_with_what_would(folder: Path, file: str, old: str, new: str, mend: str):
    spoil(folder, file, old, new)
    leave_only(folder, file)

    assert [issue.mend.startswith(mend) for issue in errors_of(folder)] == [True]


def test_where_a_name_is_unknown_it_alone_is_told(folder: Path):
    spoil(folder, UNTIL, "kind: intervention", "kind: intervension, organisation: ambulance")
    leave_only(folder, UNTIL)

    assert [issue.what for issue in errors_of(folder)] == ["unknown kind intervension"]


def test_a_rung_of_the_ladder_that_is_granted_nothing_for_a_rule_is_warned_of(folder: Path):
    leave_only(folder, ABSENT)
    spoil(folder, GRANTS, "id: sergeant-safeguarding, subscriber: sergeant", "id: another, subscriber: inspector")
    line = 1 + (folder / ABSENT).read_text()[: (folder / ABSENT).read_text().index("lawful:")].count("\n")

    said = "nothing is granted to sergeant for safeguarding: what goes up the ladder is not told there"
    assert [(issue.severity, issue.line) for issue in lint_catalogue(folder) if issue.what == said] == [
        ("warning", line)
    ]


def test_a_rule_without_a_near_miss_is_refused(folder: Path):
    path = folder / AREA_RULE
    text = path.read_text()
    path.write_text(text[: text.index("  - name: one fewer")])
    assert [issue.what for issue in errors_of(folder)] == ["no example is a near miss"]


def test_a_rule_without_an_example_that_fires_is_refused(folder: Path):
    path = folder / AREA_RULE
    text = path.read_text()
    path.write_text(text[: text.index("examples:\n")] + "examples:\n  - {name: nothing at all, fires: []}\n")
    assert [issue.what for issue in errors_of(folder)] == ["no example fires"]


def test_a_catalogue_in_which_nobody_hears_of_hubs_is_warned_of(folder: Path):
    spoil(folder, "audiences/audiences.yaml", "id: duty-officer", "id: night-officer")
    spoil(folder, "audiences/audiences.yaml", "readers: [analyst, duty-officer", "readers: [analyst, night-officer")
    for _ in range((folder / GRANTS).read_text().count("subscriber: duty-officer")):
        spoil(folder, GRANTS, "subscriber: duty-officer", "subscriber: night-officer")
    spoil(folder, GRANTS, "to: [duty-officer", "to: [night-officer")
    spoil(folder, "oversight.yaml", "shown_as: duty-officer", "shown_as: night-officer")
    for rule in (folder / "rules").glob("*.yaml"):
        rule.unlink()
    (folder / "volumes.yaml").unlink()
    (folder / "near-repeats.yaml").unlink()
    (folder / "indicators" / "findings.yaml").unlink()
    assert [(issue.severity, issue.what) for issue in lint_catalogue(folder)] == [("warning", "nobody hears of hubs")]


def test_a_file_that_would_silently_not_be_read_is_told(folder: Path):
    (folder / "rules" / "a-rule.yml").write_text("id: a-rule")
    assert [(issue.file, issue.what) for issue in errors_of(folder)] == [("rules/a-rule.yml", "the file is not read")]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("E01012571,E05011509,Bastwell & Daisyfield", "LSOA E01012571 is in two wards"),
        ("E01012571,E05011508,Audley", "ward E05011508 has two names"),
        ("E01024897,E05011508,Audley & Queen's Park", "ward E05011508 is in two districts"),
        ("E01999999,E05011508,Audley & Queen's Park", "LSOA E01999999 has no district"),
    ],
)
def test_a_row_of_wards_that_cannot_be_is_told_with_its_line(folder: Path, row: str, what: str):
    path = folder / "areas" / "lancashire-ward-2019.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, row]) + "\n")
    told = [(issue.file, issue.line, issue.what) for issue in errors_of(folder)]
    assert ("areas/lancashire-ward-2019.csv", len(lines) + 1, what) in told


def test_nothing_is_counted_by_ward_where_nobody_has_said_which_lsoa_is_in_which(folder: Path):
    spoil(folder, "areas/lancashire.yaml", "ward_lookup: lancashire-ward-2019.csv\n", "")
    told = [(issue.file, issue.what) for issue in lint_catalogue(folder) if issue.severity == "warning"]
    assert told[0] == (
        "indicators/counts.yaml",
        "indicator violence is counted by ward, and nobody has said which LSOA is in which",
    )


def test_an_lsoa_without_a_ward_is_told_where_the_look_up_is_named(folder: Path):
    path = folder / "areas" / "lancashire-ward-2019.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[3:]]) + "\n")
    ((file, what),) = [(issue.file, issue.what) for issue in errors_of(folder)]
    assert (file, what) == ("areas/lancashire.yaml", "2 LSOAs have no ward, E01012571 among them")


def test_an_lsoa_of_no_district_is_told_with_its_line(folder: Path):
    path = folder / "areas" / "lancashire-lsoa-2011.csv"
    lines = path.read_text().splitlines()
    lines[4] = lines[4].split(",")[0] + ",E99999999"
    path.write_text("\n".join(lines) + "\n")
    assert [(issue.file, issue.line) for issue in errors_of(folder)] == [("areas/lancashire-lsoa-2011.csv", 5)]


def test_the_version_changes_with_any_word(folder: Path):
    before = load_catalogue(folder).version
    spoil(folder, RULE, "Repeat victim", "A repeat victim")
    assert load_catalogue(folder).version != before


# --- facts


@pytest.mark.parametrize(
    ("file", "old", "new", "what", "mend"),
    [
        (FACTS, "id: found-area", "id: dash-score", "id dash-score is there already", "rename one of them"),
        (FACTS, "type: number, title: Pos", "type: text, title: Pos", "facts.0.type: `text` may not stand there", ""),
        (FACTS, "type: number, title: Pos", "type: number, open: true, title: Pos", "dash-score is a number", "leave"),
        (FACTS, "open: true, ", "", "fact found-area has no values", "list the words it may be, or else say open"),
        (FACTS, "values: [true, false]", "open: true, values: [true]", "has both values and open", "list the words"),
        (FACTS, "values: [true, false]", "values: [Yes, no]", "facts.2.values.0: it does not fit the pattern", ""),
        (FACTS, "values: [true, false]", "values: []", "facts.2.values: too few entries: at least 1", ""),
        (FACTS, "id: found-area", "id: mental-health-state", "no rule may read of health", "leave it out"),
        (FACTS, "id: found-area", "id: religion", "fact religion: no rule may read of religion", "leave it out"),
        (FACTS, "id: found-area", "id: ethnicity-code", "no rule may read of ethnicity", "leave it out"),
        (FACTS, "id: found-area", "id: sexuality", "no rule may read of sexuality", "leave it out"),
        (COUNT_FACTS, "facts: {found-out-of", "facts: {foundout-of", "unknown fact foundout", "nearest is"),
        (COUNT_FACTS, "of-area: true, found-d", "of-area: yes, found-d", "unknown value of fact found", "use one of"),
        (COUNT_FACTS, "{at_least: -3}", "near", "is a number, which near is not", "write"),
        (COUNT_FACTS, "{at_least: -3}", '"007"', "is a number, which 007 is not", "write"),
        (COUNT_FACTS, "{at_least: -3}", "{}", "the test of fact found-distance-km tests nothing", "say at_least"),
        (COUNT_FACTS, "{at_least: -3}", "{at_leest: -3}", "-km.at_leest: unknown key", "nearest is at"),
        (COUNT_FACTS, "{at_least: -3}", "{at_least: 1.5}", "at_least: `1.5` is no whole number", ""),
        (COUNT_FACTS, "{at_least: -3}", "{at_least: 1000000000000000}", "`1000000000000000` is not less", ""),
        (COUNT_FACTS, "at_most: 99", "at_most: 8", "no number passes the test of fact", "at_least"),
        (COUNT_FACTS, "found-area: bradford", "found-area: {at_least: 1}", "fact found-area is a word", "name"),
        (COUNT_FACTS, "found-area: bradford", "found-where: bradford", "unknown fact found-where", "nearest"),
        (COUNT_FACTS, "[facts.found-area]", "[facts.found-where]", "unknown fact found-where", "nearest is found-a"),
        (COUNT_FACTS, "found-distance-km: 8", "found-distance-km: far", "a number, which far is not", "write"),
        (COUNT_FACTS, "found-distance-km: 8", "found-distance: 8", "unknown fact found-distance", "nearest is found-"),
        (DISTINCT_FACTS, "field: facts.found-area", "field: facts.colour", "unknown fact colour", "use one of"),
        (SUM, "field: facts.found-distance-km", "field: facts.found-area", "unknown number to add", "nearest is f"),
        (SUM, "field: facts.found-distance-km", "field: category", "unknown number to add up", "use one of facts"),
        (SUM, "same: [area]", "same: [place]", "unknown field place", "use one of"),
        (SUM, "until: visit", "until: harm", "step harm is named twice", "close by another step"),
        (SUM, "at_least: 10,", "", "condition: the key `at_least` is missing", "add it"),
    ],
)  # fmt: skip
def test_a_mistake_about_facts_is_told_with_its_mend(folder: Path, file: str, old: str, new: str, what: str, mend: str):
    line = spoil(folder, file, old, new)

    found = [issue for issue in errors_of(folder) if what in issue.what and issue.mend.startswith(mend)]

    assert [(issue.file, issue.line) for issue in found][:1] == [(file, line)]


# --- flags and subtypes


@pytest.mark.parametrize(
    ("file", "old", "new", "what", "nearest"),
    [
        (RULE, "raise_when: [weapon, ", "raise_when: [wepon, ", "unknown flag wepon", "weapon"),
        (SIGNS, "flag: older-associate", "flag: older-asociate", "unknown flag older-asociate", "older-associate"),
        (SIGNS, "flags: [older-associate]", "flags: [older]", "unknown flag older", None),
        (
            ABSENT,
            "subtype: return-interview",
            "subtype: retrun-interview",
            "unknown subtype retrun-",
            "return-interview",
        ),
        (ABSENT, "kind: intervention, sub", "category: missing, sub", "unknown subtype return-interview", None),
        (ABSENT, "kind: intervention, sub", "family: missing, sub", "unknown subtype return-interview", None),
        (ABSENT, "subtype: returned, category", "subtype: retuned, category", "unknown subtype retuned", "returned"),
        (ROADS, "subtype: [fatal, serious]", "subtype: [fatal, grave]", "unknown subtype grave", None),
        ("indicators/factors.yaml", "flag: alcohol", "flag: alcohl", "unknown flag alcohl", "alcohol"),
        ("categories.yaml", "  weapon: [serious", "  weapons: [serious", "unknown flag weapons", "weapon"),
    ],
)
def test_what_no_report_can_be_marked_with_is_told_with_the_nearest_that_can(
    folder: Path, file: str, old: str, new: str, what: str, nearest: str | None
):
    leave_only(folder, file)
    line = spoil(folder, file, old, new)

    (issue,) = [one for one in errors_of(folder) if what in one.what]

    assert (issue.file, issue.line) == (file, line)
    assert issue.mend.startswith(f"nearest is {nearest}; " if nearest else "use one of ")
    assert issue.mend.endswith("in categories.yaml")


def test_a_flag_that_is_declared_may_be_named_and_one_that_is_there_already_may_not(folder: Path):
    leave_only(folder, RULE)
    spoil(folder, RULE, "raise_when: [weapon, ", "raise_when: [dog, ")
    spoil(folder, "categories.yaml", "flags:\n", "flags:\n  - {id: dog, title: A dog}\n")
    assert errors_of(folder) == []

    spoil(folder, "categories.yaml", "flags:\n", "flags:\n  - {id: dog, title: A dog}\n")
    assert [issue.what for issue in errors_of(folder)] == ["id dog is there already"]


def test_what_reports_of_ours_are_marked_with_is_declared():
    declared = yaml.safe_load((catalogue_folder() / "categories.yaml").read_text(encoding="utf-8"))
    synthetic = yaml.safe_load((catalogue_folder() / "synthetic" / "lancashire.yaml").read_text(encoding="utf-8"))
    examples = [json.loads(path.read_text(encoding="utf-8")) for path in EXAMPLES.glob("*.json")]
    flags = {flag for stream in synthetic["streams"] for flag in stream.get("flags", ())}
    flags.update(flag for report in examples for flag in report["flags"])
    subtypes = {(report["category"], report["subtype"]) for report in examples if report["subtype"]}
    for stream in synthetic["streams"]:
        subtypes.update(product(stream["categories"], stream.get("subtypes", ())))

    assert flags <= {entry["id"] for entry in declared["flags"]}
    assert subtypes <= {(entry["id"], one) for entry in declared["categories"] for one in entry.get("subtypes", ())}


def test_where_a_vocabulary_declares_no_flags_and_subtypes_and_in_a_replay_any_may_be_named(folder: Path):
    leave_only(folder, SIGNS)
    spoil(folder, SIGNS, "flag: older-associate", "flag: of-their-own")
    spoil(folder, SIGNS, "subtype: panel-closed", "subtype: of-their-own")

    assert len(errors_of(folder)) == 2
    assert load_catalogue(catalogue_folder(), rules=folder / "rules").rules[0].id == "soc-cse"

    path = folder / "categories.yaml"
    bare = re.sub(", subtypes: .*?]", "", path.read_text())
    path.write_text(re.sub(r"flags:\n(  - .*\n)+", "", bare))
    assert errors_of(folder) == []


def test_a_catalogue_without_facts_has_none(folder: Path):
    (folder / FACTS).unlink()

    assert {issue.what.partition(" ")[0] for issue in errors_of(folder)} == {"unknown"}
    assert load_catalogue(catalogue_folder()).facts.keys() > {"dash-score"}


def test_without_the_file_of_links_nothing_is_linked(folder: Path):
    (folder / LINKING).unlink()
    leave_only(folder, LINKED)
    assert [issue.what for issue in errors_of(folder)] == ["nothing is linked: there is no linking.yaml"]
    (folder / LINKED).unlink()
    assert load_catalogue(folder).linked is NOTHING_LINKED


def test_a_calendar_there_is_already_is_told(folder: Path):
    text = (folder / CALENDAR).read_text(encoding="utf-8")
    (folder / "calendars" / "other.yaml").write_text(text, encoding="utf-8")

    assert [issue.what for issue in errors_of(folder)] == ["calendar school is there already"]


def test_a_calendar_that_ends_soon_is_a_warning_half_a_year_before(folder: Path):
    for today, told in ((date(2027, 2, 27), []), (date(2027, 2, 28), [("warning", ENDS)])):
        issues = [issue for issue in lint_catalogue(folder, today=to_day(today)) if issue.file == CALENDAR]

        assert [(one.severity, one.what) for one in issues] == told


ENDS = "calendar school ends on 2027-08-31, in 6 months or less"


def test_a_rule_that_counts_no_possible_match_may_not_rest_on_one_that_does(folder: Path):
    spoil(folder, UNTIL, "\npriority:", "\npossible_matches: counted\npriority:")
    told = "rule count-until counts possible matches of persons"
    resting = [f"rules/finding-{name}.yaml" for name in ("absent", "count", "ordered", "until")]
    assert [(issue.file, issue.what) for issue in errors_of(folder)] == [(file, told) for file in resting]


def test_what_nobody_has_confirmed_may_be_none_too_many(folder: Path):
    line = spoil(folder, RANGE, "condition:", "possible_matches: counted\ncondition:")
    leave_only(folder, RANGE)
    told = "a possible match of persons would be one too many, and keep a finding away that nobody has confirmed"
    assert [(issue.line, issue.what) for issue in errors_of(folder)] == [(line + 1, told)]


def test_what_nobody_has_confirmed_may_close_nothing_by_way_of_a_finding(folder: Path):
    for name in ("count-until", "finding-absent", "finding-count", "finding-ordered", "finding-of-finding"):
        spoil(folder, f"rules/{name}.yaml", "\npriority:", "\npossible_matches: counted\npriority:")
    spoil(folder, FINDING_UNTIL, "\npriority:", "\npossible_matches: counted\npriority:")
    closing = "rule finding-absent counts possible matches of persons, which must close or rule out nothing"
    assert [(issue.file, issue.what) for issue in errors_of(folder)] == [(FINDING_UNTIL, closing)]
    (folder / FINDING_UNTIL).unlink()
    assert errors_of(folder) == []

    spoil(folder, "rules/finding-absent.yaml", "after: neglect, unless: visit", "after: visit, unless: neglect")
    told = "rule count-until counts possible matches of persons, which must close or rule out nothing"
    assert ("rules/finding-absent.yaml", told) in [(issue.file, issue.what) for issue in errors_of(folder)]


def test_an_indicator_of_a_rule_that_is_not_there_is_warned_of(folder: Path):
    spoil(folder, FINDINGS, "rule: rv-generic", "rule: rv-general")
    (issue,) = [one for one in lint_catalogue(folder) if one.file == FINDINGS]
    assert (issue.severity, issue.what) == (
        "warning",
        "indicator repeat-victimisation counts rule rv-general, which is not there",
    )


def test_an_indicator_does_not_count_what_is_found_of_indicators(folder: Path):
    spoil(folder, FINDINGS, "rule: rv-generic", "rule: district-count")
    (issue,) = errors_of(folder)
    assert issue.what == "indicator repeat-victimisation counts rule district-count, which is about an area's numbers"


def test_without_signals_no_rule_may_ask_for_them(folder: Path):
    (folder / "signals.yaml").unlink()

    said = {(issue.file, issue.what) for issue in errors_of(folder)}

    assert said >= {(SIGNAL, "no signals.yaml says which indicators are judged")}


def test_with_broken_signals_nobody_knows_what_is_judged(folder: Path):
    (folder / "signals.yaml").write_text("signals: 7\n", encoding="utf-8")

    assert {issue.file for issue in errors_of(folder)} == {"signals.yaml"}


def test_each_feed_that_ships_says_when_it_is_silent_and_one_that_does_not_is_after_a_day_or_its_latency():
    sources = load_catalogue(catalogue_folder()).sources
    assert [one.id for one in sources.values() if one.expected_within is None] == []
    assert (sources["fire"].silent_after, sources["ed-assaults"].silent_after) == (6 * HOUR, 35 * DAY_LENGTH)
    assert msgspec.structs.replace(sources["fire"], expected_within=None).silent_after == DAY_LENGTH
    assert msgspec.structs.replace(sources["ambulance"], expected_within=None).silent_after == 7 * DAY_LENGTH
