"""A year of Lancashire's recorded crime beside what the synthetic county would report of the same year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from bench.study.comparison import Cell, Table
from bench.study_real.files import Row

from safety_stream.synthetic.settings import County

COLUMNS = ("Financial_Quarter", "Number_of_Offences", "Policeuk_Cat")
NAMES = {
    "violence": "Violence and Sexual Offences",
    "possession-of-weapons": "Possession of Weapons",
    "drugs": "Drugs",
    "burglary": "Burglary",
    "robbery": "Robbery",
    "shoplifting": "Shoplifting",
    "other-theft": "Other Theft",
    "bicycle-theft": "Bicycle Theft",
    "theft-from-the-person": "Theft from the Person",
    "vehicle-crime": "Vehicle Crime",
    "public-order": "Public Order",
    "criminal-damage-arson": "Criminal Damage and Arson",
    "other-crime": "Other crime",
}
"""What the Home Office calls the county's categories of police crimes."""

_DAYS = [date(2017, 4, 1) + timedelta(days=step) for step in range(365)]
_SOURCE = "police-crimes"


def recorded(rows: Iterable[Row], county: County) -> dict[str, Table]:
    """By category and by quarter: recorded, and expected of the synthetic county in the same financial year."""
    offences: Counter[str] = Counter()
    quarters: Counter[str] = Counter()
    for row in rows:
        number = int(row["Number_of_Offences"].replace(",", ""))
        offences[row["Policeuk_Cat"]] += number
        quarters[row["Financial_Quarter"]] += number
    unknown = sorted(set(offences) - set(NAMES.values()))
    if unknown:
        raise ValueError(f"the county has no category for {', '.join(unknown)}; give it one in NAMES")
    declared, expected = declared_year(county), expected_year(county)
    by_category: Table = [
        _beside(
            {"category": category.replace("-", " "), "recorded": offences[name], "declared": round(declared[category])},
            sum(expected[category].values()),
        )
        for category, name in NAMES.items()
    ]
    by_category.append(
        _beside(
            {"category": "all", "recorded": offences.total(), "declared": round(sum(declared.values()))},
            sum(sum(of_quarters.values()) for of_quarters in expected.values()),
        )
    )
    by_quarter: Table = [
        _beside(
            {"quarter": quarter, "recorded": quarters[quarter]},
            sum(of_quarters[quarter] for of_quarters in expected.values()),
        )
        for quarter in sorted(quarters)
    ]
    return {"real levels": by_category, "real quarters": by_quarter}


def declared_year(county: County) -> dict[str, float]:
    """What the catalogue says of each category, at the level of the financial year's days."""
    level = sum(county.levels.get(day.year, 1.0) for day in _DAYS) / len(_DAYS)
    return {
        category: number * level
        for stream in county.streams
        if stream.source == _SOURCE
        for category, number in stream.categories.items()
    }


def expected_year(county: County) -> dict[str, dict[str, float]]:
    """What `synthetic.background` makes of it on average, by category and by quarter (1 from April)."""
    shapes = {shape.id: shape for shape in county.shapes}
    expected: dict[str, dict[str, float]] = {}
    for stream in county.streams:
        if stream.source != _SOURCE:
            continue
        quarters = dict.fromkeys("1234", 0.0)
        shape = shapes[stream.shape]
        for day in _DAYS:
            factor = shape.days[day.weekday()] * shape.months[day.month - 1] * county.levels.get(day.year, 1.0)
            for season in county.seasons:
                if season.first <= f"{day:%m-%d}" <= season.last:
                    factor *= season.shapes.get(stream.shape, 1.0)
            quarters[str((day.month - 4) % 12 // 3 + 1)] += factor / len(_DAYS)
        for category, number in stream.categories.items():
            expected[category] = {quarter: number * factor for quarter, factor in quarters.items()}
    return expected


def _beside(row: dict[str, Cell], generated: float) -> dict[str, Cell]:
    real = row["recorded"]
    ratio = round(generated / real, 2) if isinstance(real, int) and real else None
    return row | {"generated": round(generated), "generated / recorded": ratio}
