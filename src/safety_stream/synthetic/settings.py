"""What the synthetic county is made of: the words and numbers of `catalogue/synthetic/<county>.yaml` as values."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml

from safety_stream.core.model.incidents import Origin


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of the file; a word that means nothing is refused rather than ignored."""


class District(_Words, frozen=True, kw_only=True):
    """A district: its crimes a year (its share of everything), its centre in degrees and grid metres, its radius."""

    code: str
    crimes: int
    latitude: float
    longitude: float
    easting: int
    northing: int
    spread: int
    lsoas: tuple[str, ...]


class Shape(_Words, frozen=True, kw_only=True):
    """When things happen: weights of six four-hour blocks, factors of seven days and twelve months."""

    id: str
    hours: tuple[float, ...]
    days: tuple[float, ...]
    months: tuple[float, ...]
    source: str


class Season(_Words, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """Days of the year (`MM-DD`, both ends in) on which some shapes run higher by a factor."""

    first: str
    last: str
    shapes: dict[str, float]
    source: str


class Also(_Words, frozen=True, kw_only=True):
    """Another agency that is told of a share of the same occurrences."""

    source: str
    kind: str
    share: float


class Stream(_Words, frozen=True, kw_only=True):
    """One sort of report: whose, of what, how many a year, who takes part; see the file's own words."""

    id: str
    source: str
    kind: str
    categories: dict[str, float]
    shape: str
    people: str
    address: float
    evidence: str
    subtypes: dict[str, float] = {}
    victim: float = 0.0
    accused: float = 0.0
    child: float = 0.0
    vehicle: float = 0.0
    flags: dict[str, float] = {}
    origin: Origin = "reported"
    hours_wide: float = 0.0
    degrees: bool = False
    monthly: bool = False
    also: Also | None = None


class Delay(_Words, frozen=True, kw_only=True):
    """Median minutes until a partner is told and until it tells us, log-normal with `sigma`, or sent once a month."""

    source: str
    told: float
    sent: float
    sigma: float
    day_of_month: int | None = None


class Habits(_Words, frozen=True, kw_only=True):
    """Shares of what people do again and of what goes wrong; see the file's own words."""

    again: float
    offends_again: float
    known: int
    addresses: int
    interviewed: float
    interview_in_time: float
    corrected: float
    withdrawn: float
    withdrawn_first: float
    disputed: float
    restricted: float
    erased: float
    sent_twice: float
    badly_located: float
    dirty: float
    spread: float
    poorly_graded: float


class AgreedWeek(_Words, frozen=True, kw_only=True):
    """A district and its agreed number of violent crimes a week."""

    area: str
    at_least: int


class Weeks(_Words, frozen=True, kw_only=True):
    """The district whose week goes over its number, the one that stays one short, the one split over two weeks."""

    over: AgreedWeek
    short: AgreedWeek
    split: AgreedWeek


class Cells(_Words, frozen=True, kw_only=True):
    """How wide and how long a cell of the map is."""

    metres: int
    days: int


class Planting(_Words, frozen=True, kw_only=True):
    """Each story is told again after `every` days; `weeks` of violence are laid down exactly."""

    every: int
    weeks: Weeks
    cells: Cells
    source: str


class County(_Words, frozen=True, kw_only=True):
    """A whole county."""

    county: str
    areas: tuple[District, ...]
    shapes: tuple[Shape, ...]
    levels: dict[int, float]
    seasons: tuple[Season, ...]
    streams: tuple[Stream, ...]
    delays: tuple[Delay, ...]
    habits: Habits
    stories: Planting


def read_county(file: Path) -> County:
    """The county of a file. Raises `msgspec.ValidationError` naming the word at fault, `OSError` when unreadable."""
    return msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), County)
