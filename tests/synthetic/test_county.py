"""The synthetic county is the same for the same seed, is as dirty as it says, and names nobody."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import yaml

from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import MINUTE
from safety_stream.synthetic import SyntheticReport, generate, ground_truth, read_county

ROOT = Path(__file__).parents[2]
COUNTY = read_county(ROOT / "catalogue" / "synthetic" / "lancashire.yaml")
START = date(2026, 1, 1)


@pytest.fixture(scope="module")
def month() -> list[SyntheticReport]:
    """Thirty days of the whole county."""
    return list(generate(COUNTY, seed=7, start=START, days=30))


@pytest.fixture(scope="module")
def accepted(month: list[SyntheticReport]) -> list[Report]:
    """What of it must be accepted."""
    return [told.report for told in month if told.report and told.refused is None]


def packed(seed: int, days: int = 14) -> bytes:
    told = list(generate(COUNTY, seed=seed, start=START, days=days, scale=0.1))
    return msgspec.msgpack.encode((told, ground_truth(COUNTY, seed=seed, start=START, days=days)))


def test_the_same_seed_gives_the_same_bytes():
    assert packed(3) == packed(3)


def test_another_seed_gives_another_county():
    assert packed(3) != packed(4)


def test_reports_come_in_order_of_receipt(month: list[SyntheticReport]):
    assert all(a.received_at <= b.received_at for a, b in pairwise(month))


def test_nothing_is_told_before_it_happened_nor_received_before_it_was_told(month: list[SyntheticReport]):
    for told in month:
        if told.report and told.refused is None:
            report = told.report
            times = [report.occurred_from, report.occurred_to, report.reported_at, told.received_at]
            known = [at for at in times if at is not None]
            assert known == sorted(known)


def test_a_scale_of_one_is_about_as_many_reports_as_the_county_has(accepted: list[Report]):
    a_year = sum(sum(stream.categories.values()) for stream in COUNTY.streams)
    everyday = [r for r in accepted if r.source_version == 1 and re.search(r"\d{7}$", r.source_ref)]

    # January lies below the year's mean by its month shapes, and every day scatters.
    assert 0.8 < len(everyday) / (a_year * 30 / 365.25) < 1.05


@pytest.mark.parametrize(
    ("share", "least", "most"),
    [
        ("dirty", 0.01, 0.02),
        ("told by two agencies", 0.01, 0.03),
        ("corrected", 0.03, 0.05),
        ("withdrawn", 0.007, 0.013),
        ("sent twice", 0.003, 0.007),
        ("badly located", 0.04, 0.07),
    ],
)
def test_what_goes_wrong_stays_within_its_bounds(
    month: list[SyntheticReport], accepted: list[Report], share: str, least: float, most: float
):
    versions = Counter((r.source, r.source_ref, r.source_version) for r in accepted)
    actions = Counter(r.action for r in accepted)
    wrong = {
        "dirty": sum(told.refused is not None for told in month) / len(month),
        "told by two agencies": sum(r.source_ref.endswith("-also") for r in accepted) / len(accepted),
        "corrected": actions["correct"] / len(accepted),
        "withdrawn": actions["withdraw"] / len(accepted),
        "sent twice": (len(accepted) - len(versions)) / len(accepted),
        "badly located": sum(is_badly_located(r) for r in accepted) / len(accepted),
    }

    assert least <= wrong[share] <= most


def is_badly_located(report: Report) -> bool:
    place, districts = report.place, {area.code for area in COUNTY.areas}
    is_in_a_district = place is not None and (place.area in districts or (place.lsoa or "") < "E019")
    return place is None or place.snapped or not is_in_a_district or (place.area or place.lsoa) is None


def test_some_withdrawals_overtake_their_report(month: list[SyntheticReport]):
    came: dict[tuple[str, str], int] = {}
    overtaken = 0
    for told in month:
        if told.report and told.refused is None:
            name = (told.report.source, told.report.source_ref)
            came.setdefault(name, told.report.source_version)
            overtaken += told.report.source_version == 1 and came[name] > 1

    assert overtaken > 10


def test_every_kind_of_dirt_is_there_and_says_why_it_must_be_refused(month: list[SyntheticReport]):
    reasons = Counter(told.refused for told in month if told.refused)

    assert set(reasons) == {
        "unreadable-framing",
        "unknown-schema",
        "empty",
        "schema-violation",
        "impossible-time",
        "unknown-source",
        "wrong-kind-for-source",
        "person-in-place-only-source",
    }
    for told in month:
        assert (told.report is None) == (told.raw is not None)
        assert told.is_cut == (told.refused == "schema-violation")


def test_each_source_sends_only_what_the_catalogue_allows_it(accepted: list[Report]):
    sources = {s["id"]: s for s in yaml.safe_load((ROOT / "catalogue" / "sources.yaml").read_text())["sources"]}

    for report in accepted:
        assert report.kind in sources[report.source]["kinds"]
        if sources[report.source]["identity"] in {"place-only", "aggregate"}:
            assert (report.parties, report.vehicles, report.phones, report.group) == ((), (), (), None)


def test_persons_vehicles_and_addresses_are_made_up(accepted: list[Report]):
    for report in accepted:
        tokens = [*(party.token or "" for party in report.parties), *report.vehicles]
        assert all(re.fullmatch(r"tok-[0-9a-f]{16}", token) for token in tokens)
        if report.place and report.place.uprn:
            assert re.fullmatch(r"90000\d{7}", report.place.uprn)


def test_few_people_carry_many_reports(accepted: list[Report]):
    victims = Counter(p.token for r in accepted if r.source_version == 1 for p in r.parties if p.role == "victim")
    counts = sorted(victims.values(), reverse=True)
    top = sum(counts[: len(counts) // 25]) / sum(counts)

    assert top > 0.1
    assert counts[0] >= 8


def test_slow_feeds_are_slow_and_quick_ones_quick(month: list[SyntheticReport]):
    delays: dict[str, list[int]] = {}
    for told in month:
        if told.report and told.refused is None and told.report.action == "new":
            delays.setdefault(told.source, []).append(told.received_at - told.report.occurred_from)
    median = {source: sorted(values)[len(values) // 2] / MINUTE for source, values in delays.items()}

    assert median["police-incidents"] < 15
    assert 500 < median["police-crimes"] < 2_000
    assert median["ed-assaults"] > 10_000
    assert median["collisions"] > 30_000


def test_details_are_those_of_the_schema(month: list[SyntheticReport]):
    types = {}
    for path in (ROOT / "schemas" / "types").glob("*-details.avsc"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        types[path.stem.removesuffix("-details").replace("-", "_")] = {f["name"]: f["type"] for f in schema["fields"]}

    for told in month:
        if told.report:
            assert tuple(told.details) == told.report.details
        for name, values in told.details.items():
            for field, value in values.items():
                kind = types[name][field]
                if isinstance(kind, dict) and kind["type"] == "enum":
                    assert value in kind["symbols"]


def test_a_word_that_means_nothing_is_refused(tmp_path: Path):
    text = (ROOT / "catalogue" / "synthetic" / "lancashire.yaml").read_text(encoding="utf-8")
    (tmp_path / "county.yaml").write_text(text.replace("every: 28", "every: 28\n  evry: 3"), encoding="utf-8")

    with pytest.raises(msgspec.ValidationError, match="evry"):
        read_county(tmp_path / "county.yaml")
