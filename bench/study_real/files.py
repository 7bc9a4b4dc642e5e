"""The folder of real data: what must lie in it, and rows out of it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

TORONTO = "toronto_major_crime_2014_2021.csv.gz"
STREETS = (
    "2016-07-west-yorkshire-street.csv.gz",
    "2017-07-west-yorkshire-street.csv.gz",
    "2018-07-west-yorkshire-street.csv.gz",
)
RECORDED = "lancashire_recorded_crime_2017_18.csv"

Row = dict[str, str]


def missing(folder: Path, names: tuple[str, ...]) -> list[str]:
    """The files that are not there."""
    return [name for name in names if not (folder / name).is_file()]


def read(file: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a CSV file, packed or not; `ValueError` names the file and the columns it lacks."""
    with (
        gzip.open(file, "rt", encoding="utf-8", newline="")
        if file.suffix == ".gz"
        else file.open(encoding="utf-8", newline="") as lines
    ):
        rows = csv.DictReader(lines)
        lacking = [column for column in columns if column not in (rows.fieldnames or ())]
        if lacking:
            raise ValueError(f"{file.name} has no column {', '.join(lacking)}; fetch it anew")
        yield from rows
