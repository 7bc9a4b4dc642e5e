"""Another county's area set, from a look-up of its LSOAs or from a month of police.uk."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue import build_areas, lint_catalogue, load_catalogue
from safety_stream.data_files import catalogue_folder

LOOKUP = """lsoa_code,lsoa_name,local_authority_code,local_authority_name
E01000001,Ayborough 001A,E07000901,Ayborough
E01000002,Ayborough 001B,E07000901,Ayborough
E01000003,Bee Valley 001A,E07000902,"Bee ""the"" Valley"
"""
STREET = """Crime ID,Month,Falls within,LSOA code,LSOA name,Crime type
,2016-07,Somewhere Police,E01000001,Ayborough 001A,Burglary
,2016-07,Somewhere Police,,,Burglary
,2016-07,Somewhere Police,E01000003,Bee Valley 001A,Drugs
"""


def built(tmp_path: Path, name: str, text: str) -> dict[str, str]:
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return build_areas(path, "West Somewhere")


def test_a_look_up_gives_its_districts_and_their_lsoas(tmp_path: Path):
    files = built(tmp_path, "lookup.csv", LOOKUP)
    assert sorted(files) == ["west-somewhere-lsoa.csv", "west-somewhere.yaml"]
    assert files["west-somewhere-lsoa.csv"].splitlines() == [
        "lsoa_code,local_authority_code",
        "E01000001,E07000901",
        "E01000002,E07000901",
        "E01000003,E07000902",
    ]


@pytest.mark.parametrize("name", ["street.csv", "street.csv.gz"])
def test_a_street_file_gives_districts_by_the_names_of_its_lsoas(tmp_path: Path, name: str):
    files = built(tmp_path, name, STREET)
    assert files["west-somewhere-lsoa.csv"].splitlines()[1:] == ["E01000001,ayborough", "E01000003,bee-valley"]


@pytest.mark.parametrize(("name", "text"), [("lookup.csv", LOOKUP), ("street.csv", STREET)])
def test_what_was_built_is_a_set_the_catalogue_runs_on(tmp_path: Path, name: str, text: str):
    """The home county's own names in the rules are then idle, which is told as warnings."""
    for file, content in built(tmp_path, name, text).items():
        (tmp_path / file).write_text(content)
    areas = load_catalogue(catalogue_folder(), tmp_path / "west-somewhere.yaml").areas
    district = areas.district(None, "E01000003", 16_000)
    assert areas.by_code[district].name in ('Bee "the" Valley', "Bee Valley")
    assert areas.roll_ups(district, 16_000) == (district, "west-somewhere")
    issues = lint_catalogue(catalogue_folder(), tmp_path / "west-somewhere.yaml")
    assert {issue.severity for issue in issues} == {"warning"}


def test_a_file_without_the_columns_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="has no column LSOA code, LSOA name"):
        built(tmp_path, "other.csv", "a,b\n1,2\n")


def test_a_file_without_districts_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="names no LSOA with its district"):
        built(tmp_path, "street.csv", STREET.splitlines()[0] + "\n")


def test_two_area_files_must_be_told_apart(tmp_path: Path):
    folder = copied(tmp_path / "catalogue")
    shutil.copy(folder / "areas" / "lancashire.yaml", folder / "areas" / "other.yaml")
    assert [issue.what for issue in lint_catalogue(folder)] == ["there are 2 area files"]


def test_the_shipped_set_is_lancashire_with_its_groupings():
    areas = load_catalogue(catalogue_folder()).areas
    assert areas.county == "lancashire"
    assert sum(area.kind == "district" for area in areas.by_code.values()) == 14
    assert areas.roll_ups("E07000117", 20_000) == ("E07000117", "L-12", "C-PENNINE", "D-EAST", "L-14")
    assert areas.roll_ups("E06000009", 20_000) == ("E06000009", "L-14", "D-WEST")
