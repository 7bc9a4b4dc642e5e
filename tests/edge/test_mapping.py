"""Mappings: what each mistake in one is told as, with its line and its mend."""

from pathlib import Path

import pytest

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.mapping import BadMapping, parse_mapping, read_mapping
from safety_stream.edge.personal import looks_personal

EXAMPLE = Path(__file__).parents[2] / "examples" / "partners" / "council-asb" / "mapping.yaml"
GOOD = """\
source: council-asb
kind: asb-case
fields:
  source_ref: {column: Ref}
  source_version: {value: 1}
  action: {value: new}
  category: {value: asb-noise}
  occurred_from: {column: When}
  reported_at: {column: Logged}
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


def issues(catalogue: Catalogue, text: str) -> list[str]:
    with pytest.raises(BadMapping) as bad:
        parse_mapping(text, catalogue)
    return [f"{issue.line}: {issue.what}" for issue in bad.value.issues]


def test_the_example_has_no_issue_and_the_shortest_mapping_has_none(catalogue: Catalogue):
    assert "Case ref" in read_mapping(EXAMPLE, catalogue).headings
    assert parse_mapping(GOOD, catalogue).headings == ("Ref", "When", "Logged")


@pytest.mark.parametrize(
    ("was", "becomes", "issue"),
    [
        ("council-asb", "council", "1: unknown source council"),
        ("asb-case", "fire", "2: unknown kind of source council-asb fire"),
        ("  action: {value: new}\n", "", "3: fields: action is missing"),
        ("{column: Ref}", "{column: Victim name}", "4: a column that looks like a person's goes into no field"),
        ("{column: Ref}", "{column: Ref, value: 1}", "4: fields.source_ref: exactly one of column, columns and value"),
        ("{column: Ref}", "{column: Ref, sort: 1}", "4: fields.source_ref.sort: unknown key"),
        ("{column: Ref}", "{column: Ref, format: '%Y'}", "4: format means nothing for a code"),
        ("{value: 1}", "{value: one}", "5: it is no number"),
        ("{value: new}", "{value: create}", "6: unknown word create"),
        ("{value: new}", "{column: Status}", "6: a word from a column needs `values`"),
        ("{value: new}", "{column: S, values: {1: new, 2: gone}}", "6: unknown word gone"),
        ("{value: asb-noise}", "{column: T, values: {N: noise}}", "7: unknown word noise"),
        ("{column: When}", "{column: When, format: '%H:%M'}", "8: by this format no day can be told"),
        ("{column: When}", "{column: When, format: '%d/%m/%Y %H:%M %Z'}", "8: %Z reads the name of a zone"),
        ("{column: When}", "{column: When, format: '%d/%m/%Y %H:%M %p'}", "8: %p says nothing beside %H"),
        ("{column: When}", "{column: When, format: '%d/%m/%Y %I:%M'}", "8: %I is an hour of a half day"),
        ("{column: When}", "{value: 2026-01-01}", "8: value means nothing for a time"),
        ("{column: Logged}\n", "{column: Logged}\n  colour: {value: red}\n", "10: unknown field colour"),
        ("{column: Logged}\n", "{column: Logged}\nfacts: {mood: {value: low}}\n", "10: unknown fact mood"),
        ("{column: Logged}\n", "{column: Logged}\nfacts: {drugs: {value: maybe}}\n", "10: unknown word maybe"),
        (
            "{column: Logged}\n",
            "{column: Logged}\ndetails: {actions: {value: 1}}\n",
            "10: details of kind asb-case",
        ),
        ("{column: Logged}\n", "{column: Logged}\nplace: {snapped: {value: 1}}\n", "10: it is neither true nor false"),
        (
            "{column: Logged}\n",
            "{column: Logged}\nplace: {area: {column: D, values: {Burnley: E07000171}}}\n",
            "10: unknown district E07000171",
        ),
        ("{column: Logged}\n", "{column: Logged}\nplace: {area: {value: L-14}}\n", "10: unknown district L-14"),
        (
            "{column: Logged}\n",
            "{column: Logged}\nplace: {lsoa: {column: L, values: {A: E01025000}}}\n",
            "10: values means nothing for a code",
        ),
        (
            "{column: Logged}\n",
            "{column: Logged}\nphones: [{column: Phone}]\n",
            "10: a column that looks like",
        ),
        ("{column: Logged}\n", "{column: Logged}\nflags: [{value: Big Words}]\n", "10: a word has 1 to 32 lower-case"),
        ("source", "&a source", "1: anchors and aliases are not read"),
    ],
)
def test_each_mistake_is_told_with_its_line(catalogue: Catalogue, was: str, becomes: str, issue: str):
    (told,) = issues(catalogue, GOOD.replace(was, becomes, 1))

    assert told.startswith(issue)


def test_a_source_that_names_nobody_has_no_tokens(catalogue: Catalogue):
    text = GOOD.replace("council-asb", "fire").replace("asb-case", "fire")
    party = "parties: [{role: victim, token: {column: T}}]\n"

    assert issues(catalogue, text + party) == ["10: source fire is place-only: it names nobody"]


def test_all_issues_are_told_at_once(catalogue: Catalogue):
    text = GOOD.replace("{value: 1}", "{value: one}").replace("{value: new}", "{value: create}")

    assert len(issues(catalogue, text)) == 2


@pytest.mark.parametrize(
    "heading",
    [
        *("Surname", "Victim Name", "D.O.B", "Date of Birth", "NHS no", "E-mail", "Home address"),
        *("DateOfBirth", "NHSNumber", "NHSNo", "VictimName", "VictimSurname", "DriverName", "PhoneNumber", "MobileNo"),
        *("EmailAddress", "HomeAddress", "ClientDOB", "NI Number", "National Insurance", "VehicleReg", "Tel"),
        *("DATEOFBIRTH", "ni_number", "PostCode"),
    ],
)
def test_a_heading_that_speaks_of_a_person_is_seen(heading: str):
    assert looks_personal(heading)


@pytest.mark.parametrize(
    "heading",
    [
        *("Ward name", "Street name", "Incident date", "UPRN", "Adobe version", "Renamed"),
        *("WardName", "StreetName", "IncidentDate", "CaseRef", "RegionCode", "Hotel"),
    ],
)
def test_a_heading_that_speaks_of_something_else_is_none(heading: str):
    assert not looks_personal(heading)
