"""How alerts are spread over districts: by hand, and on histories that are fair or not by construction."""

from __future__ import annotations

from collections import Counter
from datetime import date
from random import Random

import msgspec
import pytest

from safety_stream.catalogue import load_catalogue
from safety_stream.catalogue.backtesting import Raised, Tally, Telling, with_only
from safety_stream.catalogue.fairness import Share, fairness
from safety_stream.core.catalogue import Area, Areas, Catalogue, Residents
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.rules.rule import Override, Rule
from safety_stream.core.stages.stage import Output
from safety_stream.core.statistics.rates import poisson_interval
from safety_stream.data_files import catalogue_folder
from safety_stream.replay import Arrival, Pipeline
from safety_stream.synthetic import SyntheticReport, generate, read_county
from safety_stream.wire.reports import encode_report


def areas(**residents: int | None) -> Areas:
    by_code = {code: Area(code=code, name=code, kind="district") for code in residents}
    counted = {code: (Residents(0, many),) for code, many in residents.items() if many is not None}
    return Areas(county="made-up", by_code=by_code, by_lsoa={}, residents=counted)


def raised(number: int, area: str) -> list[Raised]:
    return [
        Raised(f"{area}{n}", n, late=False, explanation="", told=[Telling(n, area, "P3", is_urgent=False)])
        for n in range(number)
    ]


def test_each_district_is_held_against_one_common_rate():
    alerts = [*raised(30, "Few"), *raised(10, "Many"), *raised(5, "Nobody"), *raised(2, "OUTSIDE")]

    found = fairness("a-rule", 3, alerts, areas(Few=10_000, Many=30_000, Nobody=None))

    assert (found.rule, found.version, found.alerts, found.elsewhere, found.ratio) == ("a-rule", 3, 40, 7, 9.01)
    assert found.districts == (
        Share("Few", 10_000, 30, 3.0, 10.0, *poisson_interval(10.0, 0.05)),
        Share("Many", 30_000, 10, 0.333, 30.0, *poisson_interval(30.0, 0.05)),
    )
    assert found.outside == ("Few", "Many")


def test_without_alerts_nothing_is_outside_and_there_is_no_ratio():
    found = fairness("a-rule", 1, [], areas(A=10, B=20))

    assert (found.alerts, found.ratio, found.outside) == (0, None, ())


def test_without_residents_there_is_no_rate():
    with pytest.raises(ValueError, match="the areas of made-up say of no district how many live there"):
        fairness("a-rule", 1, [], areas(A=None))


# Districts dealt out by chance

AT_LEAST = {
    "rv-graded": 300,
    "rv-similar": 300,
    "serial-perpetrator": 100,
    "rv-marac-escalation": 40,
    # Eight weeks have too few of these to tell much by; that they would be noticed all the same is shown below.
    "missing-repeat": 5,
    "hate-repeat": 3,
}
"""Rules that read no area, to which it must not matter where something happened; and how many alerts there must be."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


@pytest.fixture(scope="module")
def shuffled() -> list[SyntheticReport]:
    """A small county whose districts have been dealt out anew among its incidents."""
    county = read_county(catalogue_folder() / "synthetic" / "lancashire.yaml")
    made = [
        one
        for one in generate(county, seed=5, start=date(2026, 1, 2), days=56, scale=0.5)
        if one.refused is None and one.report is not None and one.report.place is not None
    ]
    incidents = {(one.report.source, one.report.source_ref): one.report.place.area for one in made}
    districts = list(incidents.values())
    Random(5).shuffle(districts)
    dealt = dict(zip(incidents, districts, strict=True))
    return [
        msgspec.structs.replace(
            one,
            report=msgspec.structs.replace(
                one.report,
                place=msgspec.structs.replace(
                    one.report.place, area=dealt[one.report.source, one.report.source_ref], lsoa=None
                ),
            ),
        )
        for one in made
    ]


def alerts_of(catalogue: Catalogue, rules: list[Rule], county: list[SyntheticReport]) -> dict[str, Counter[str]]:
    tally = Tally(rules)

    def take(output: Output) -> None:
        if isinstance(output.value, AlertVersion):
            tally.take(output.value)

    arrivals = [Arrival(one.topic, encode_report(one.report), one.received_at) for one in county]
    for _ in Pipeline(with_only(catalogue, rules), take).run(arrivals):
        pass
    return {rule: Counter(alert.area for alert in alerts.values()) for rule, alerts in tally.alerts.items()}


def beyond_chance(alerts: Counter[str], incidents: Counter[str]) -> list[str]:
    """The districts whose alerts are not what chance gives their share of the incidents; all of them at once."""
    rate = sum(alerts[district] for district in incidents) / incidents.total()
    found = []
    for district, number in sorted(incidents.items()):
        low, high = poisson_interval(number * rate, 0.01 / len(incidents))
        if not low <= alerts[district] <= high:
            found.append(district)
    return found


@pytest.fixture(scope="module")
def incidents(catalogue: Catalogue, shuffled: list[SyntheticReport]) -> Counter[str]:
    """How many incidents each district was dealt."""
    dealt = {(one.report.source, one.report.source_ref): one.report.place.area for one in shuffled}
    districts = [code for code, area in catalogue.areas.by_code.items() if area.kind == "district"]
    counts = Counter(dealt.values())
    return Counter({district: counts[district] for district in districts})


def chosen(catalogue: Catalogue) -> list[Rule]:
    return [rule for rule in catalogue.rules if rule.id in AT_LEAST]


def test_where_districts_are_dealt_out_by_chance_every_district_has_its_share_of_alerts(
    catalogue: Catalogue, shuffled: list[SyntheticReport], incidents: Counter[str]
):
    found = alerts_of(catalogue, chosen(catalogue), shuffled)

    assert {rule: beyond_chance(alerts, incidents) for rule, alerts in found.items()} == {rule: [] for rule in AT_LEAST}
    assert [rule for rule, least in AT_LEAST.items() if found[rule].total() < least] == []
    assert found["rv-graded"].total() > 14 * 20
    # Pearson's chi-square over the districts; 34.5 is exceeded once in a thousand times with 13 degrees of freedom.
    alerts = found["rv-graded"]
    rate = sum(alerts[district] for district in incidents) / incidents.total()
    assert sum((alerts[d] - n * rate) ** 2 / (n * rate) for d, n in incidents.items()) < 34.5


def test_a_rule_that_treats_one_district_otherwise_is_noticed(
    catalogue: Catalogue, shuffled: list[SyntheticReport], incidents: Counter[str]
):
    """The same history, with one district judged by a smaller number: the check above can fail, for every rule."""
    lower = (Override(areas=frozenset({"E07000123"}), at_least=1),)
    unfair = [msgspec.structs.replace(rule, overrides=lower) for rule in chosen(catalogue)]

    found = alerts_of(catalogue, unfair, shuffled)

    assert [rule for rule, alerts in found.items() if "E07000123" not in beyond_chance(alerts, incidents)] == []
