"""What a backtest counts, by hand; what may be set; and what is held against the budget."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from tests.catalogue.copying import copied, with_more_rules

from safety_stream.catalogue import lint_catalogue, load_catalogue
from safety_stream.catalogue.backtesting import (
    EXAMPLES,
    WHOLE_DAYS,
    Raised,
    Setting,
    Shifts,
    Span,
    Spread,
    Tally,
    Telling,
    Volume,
    changed,
    only_in,
    settable,
    urgent_together,
    volume,
    with_only,
)
from safety_stream.catalogue.formats.parts import instant_of_text
from safety_stream.catalogue.loading import load_volumes
from safety_stream.catalogue.volumes import measured, record
from safety_stream.core.catalogue import Area, Areas, Catalogue, Residents
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.times import DAY_LENGTH, Duration, Instant
from safety_stream.core.rules.rule import Rule
from safety_stream.data_files import catalogue_folder

OFFICERS = Shifts((7, 19))
AREAS = Areas(
    county="made-up",
    by_code={
        code: Area(code=code, name=f"Town {code}", kind="district", division=division)
        for code, division in (("A", "East"), ("B", "East"), ("C", "West"))
    }
    | {"OUTSIDE": Area(code="OUTSIDE", name="Outside", kind="reserved")},
    by_lsoa={},
    residents={"A": (Residents(0, 9_000), Residents(1, 10_000)), "C": (Residents(0, 20_000),)},
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return load_catalogue(with_more_rules(tmp_path_factory.mktemp("more") / "catalogue"))


def rule_of(catalogue: Catalogue, name: str) -> Rule:
    return next(rule for rule in catalogue.rules if rule.id == name)


@pytest.fixture
def rule(catalogue: Catalogue) -> Rule:
    return rule_of(catalogue, "rv-graded")


def at(text: str) -> Instant:
    return instant_of_text(text)


def span(first: str, last: str) -> Span:
    return Span(100, at(first), at(last))


def version(subject: str, when: str, change: str = "raised", **more: Any) -> AlertVersion:
    said: dict[str, Any] = {
        "alert_id": f"alert of {subject}",
        "version": 1,
        "episode": 1,
        "change": change,
        "reason": "new",
        "rule_id": "rv-graded",
        "rule_version": 1,
        "title": "A title",
        "family": "repeat-victimisation",
        "subject": subject,
        "priority": "P3",
        "area": "A",
        "areas": ("A",),
        "first_completed_at": at(when),
        "last_completed_at": at(when),
        "findings": (),
        "explanation": f"About {subject}.",
        "child": False,
        "late": False,
        "notify": True,
        "audiences": (),
        "marking": "OFFICIAL",
        "as_of": at(when),
        "cause": "a report",
    }
    return AlertVersion(**said | more)


def counted(rule: Rule, *versions: AlertVersion, over: Span | None = None, shifts: Shifts = OFFICERS) -> Volume:
    tally = Tally([rule])
    for one in versions:
        tally.take(one)
    return volume(tally.alerts[rule.id].values(), over or span("2026-01-01T00:00", "2026-02-28T00:00"), AREAS, shifts)


# What is counted


def test_an_alert_is_one_however_often_it_is_told_and_each_time_told_counts(rule: Rule):
    found = counted(
        rule,
        version("s1", "2026-01-05T10:00"),
        version("s1", "2026-01-06T10:00", "updated", notify=False),
        version("s1", "2026-01-07T10:00", "updated"),
        version("s1", "2026-01-08T10:00", "withdrawn"),
        version("s1", "2026-01-09T10:00", episode=2),
        version("s2", "2026-02-01T10:00", late=True, notify=False),
        version("s3", "2026-02-02T10:00"),
        version("s3", "2026-02-03T10:00", "withdrawn"),
        version("s4", "2026-02-03T10:00", rule_id="another-rule"),
    )

    assert (found.alerts, found.told, found.told_again, found.late, found.withdrawn) == (3, 7, 4, 1, 1)
    assert found.months == (("2026-01", 4), ("2026-02", 3))
    assert found.priorities == (("P1", 0), ("P2", 0), ("P3", 7), ("P4", 0))
    assert found.shifts == (("07-19", 7), ("19-07", 0))
    assert found.districts[0] == ("Town A", 7, 0.7)
    # In January and February, in three districts.
    assert found.told_per_district_and_month == Spread(round(7 / 6, 3), 4, 4)
    assert found.alerts_per_district_and_month == Spread(0.5, 2, 2)


def test_what_is_told_again_counts_when_where_and_as_urgent_as_it_is_then(rule: Rule):
    """Over ten years the same people harmed again are most of an officer's work, and none of it is new."""
    found = counted(
        rule,
        version("s1", "2026-01-05T10:00", priority="P1"),
        version("s1", "2026-02-06T20:00", "updated", priority="P2", area="C"),
        version("s1", "2026-04-07T10:00", "updated", area="C"),
        over=span("2026-01-05T00:00", "2026-04-30T00:00"),
    )

    assert (found.alerts, found.told, found.told_again, found.urgent) == (1, 3, 2, 2)
    assert found.months == (("2026-01", 1), ("2026-02", 1), ("2026-03", 0), ("2026-04", 1))
    assert found.districts == (("Town A", 1, 0.1), ("Town B", 0, None), ("Town C", 2, 0.1))
    assert found.shifts == (("07-19", 2), ("19-07", 1))
    assert found.priorities == (("P1", 1), ("P2", 1), ("P3", 1), ("P4", 0))
    assert (found.told_per_month, found.alerts_per_month) == (0.8, 0.3)


def test_months_are_londons_and_go_on_as_long_as_alerts_come(rule: Rule):
    # Half past midnight on 1 April in London is still March in Greenwich.
    found = counted(rule, version("s1", "2026-04-01T00:30"), over=span("2026-01-20T00:00", "2026-02-03T00:00"))

    assert found.months == (("2026-01", 0), ("2026-02", 0), ("2026-03", 0), ("2026-04", 1))


def test_the_mean_of_a_month_is_over_the_time_in_which_things_happen(rule: Rule):
    versions = [version(f"s{number}", "2026-01-05T10:00") for number in range(24)]

    found = counted(rule, *versions, over=span("2025-01-01T00:00", "2027-01-01T00:00"))
    assert (found.alerts_per_month, found.told_per_month) == (1.0, 1.0)
    # A history of an instant is taken for a day's.
    assert Span(1, 0, 0).months == Span(1, 0, DAY_LENGTH).months


def test_districts_are_named_and_told_per_thousand_residents_where_they_are_known(rule: Rule):
    found = counted(
        rule,
        *(version(f"a{number}", "2026-01-05T10:00", area="A") for number in range(3)),
        version("b", "2026-01-05T10:00", area="B"),
        version("x", "2026-01-05T10:00", area="OUTSIDE"),
    )

    assert found.districts == (("Town A", 3, 0.3), ("Town B", 1, None), ("Town C", 0, 0.0), ("Outside", 1, None))


@pytest.mark.parametrize(
    ("when", "shift"),
    [
        ("2026-01-05T06:59:59", ("2026-01-04T12:00", 1)),
        ("2026-01-05T07:00", ("2026-01-05T12:00", 0)),
        ("2026-01-05T18:59:59", ("2026-01-05T12:00", 0)),
        ("2026-01-05T19:00", ("2026-01-05T12:00", 1)),
        # Seven in London is six in Greenwich in summer.
        ("2026-07-05T07:00", ("2026-07-05T12:00", 0)),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(when: str, shift: tuple[str, int]):
    day, number = shift
    assert OFFICERS.of(at(when)) == (at(day) // DAY_LENGTH, number)


def test_shifts_have_names_and_follow_one_another(rule: Rule):
    found = counted(rule, version("s1", "2026-01-05T10:00"), version("s2", "2026-01-05T23:00"))

    assert found.shifts == (("07-19", 1), ("19-07", 1))
    day = at("2026-01-05T12:00") // DAY_LENGTH
    assert list(OFFICERS.between(at("2026-01-05T20:00"), at("2026-01-06T20:00"))) == [
        (day, 1),
        (day + 1, 0),
        (day + 1, 1),
    ]
    assert counted(rule, version("s1", "2026-01-05T10:00"), shifts=WHOLE_DAYS).shifts == (("00-24", 1),)


def test_urgent_is_each_page_at_the_two_highest_priorities(rule: Rule):
    # Two days: 4 shifts in each of two divisions.
    two_days = span("2026-01-05T07:00", "2026-01-07T06:59")
    found = counted(
        rule,
        version("s1", "2026-01-05T10:00", priority="P2"),
        version("s1", "2026-01-05T11:00", "updated", priority="P1"),
        version("s2", "2026-01-05T10:00"),
        version("s2", "2026-01-05T18:00", "updated", priority="P2", area="C"),
        version("s3", "2026-01-05T10:00", priority="P2", late=True, notify=False),
        version("s4", "2026-01-05T12:00", priority="P1", area="B"),
        version("s4", "2026-01-05T13:00", "withdrawn", priority="P1", area="B"),
        over=two_days,
    )

    # Of the four of the first day's shift in the east one is the same alert once more; what is taken back is no page.
    assert found.urgent == 4
    assert found.told_urgent_per_division_and_shift == Spread(round(4 / 8, 3), 3, 3)
    assert found.alerts_urgent_per_division_and_shift == Spread(round(3 / 8, 3), 2, 2)


def test_what_is_urgent_of_all_rules_together_is_no_sum_of_what_is_of_each():
    """Each pages twice in two shifts of forty, which are the loudest twentieth of one rule, and not of both."""
    over = span("2026-01-05T07:00", "2026-01-15T06:59")

    def alert(subject: str, *days: int) -> Raised:
        told = [Telling(at(f"2026-01-{day:02}T10:00"), "A", "P1", is_urgent=True) for day in days for _ in range(2)]
        return Raised(subject, over.first, late=False, explanation="", told=told)

    one, other = alert("s1", 6, 7), alert("s2", 8, 9)
    assert [urgent_together([each], over, AREAS, OFFICERS).most_of_them for each in (one, other)] == [0, 0]
    assert urgent_together([one, other], over, AREAS, OFFICERS) == Spread(8 / 40, 2, 2)
    at_once = urgent_together([one, alert("s3", 6, 7)], over, AREAS, OFFICERS)
    assert at_once == Spread(8 / 40, 0, 4)


def test_the_loudest_twentieth_is_told_apart(rule: Rule):
    # Ten days are 20 shifts in each of two divisions, 40 in all: two of them are loud.
    loud = [version(f"l{number}", "2026-01-05T10:00", priority="P1") for number in range(9)]
    louder = [version(f"m{number}", "2026-01-06T10:00", priority="P1") for number in range(12)]
    quiet = [version("q", "2026-01-08T10:00", priority="P1")]
    over = span("2026-01-05T07:00", "2026-01-15T06:59")

    assert counted(rule, *loud, *louder, *quiet, over=over).told_urgent_per_division_and_shift == Spread(22 / 40, 1, 12)
    third = [version(f"t{number}", "2026-01-09T10:00", priority="P1") for number in range(5)]
    assert counted(rule, *loud, *louder, *third, over=over).told_urgent_per_division_and_shift.most_of_them == 5


# What is compared


def test_only_what_one_version_alone_raises_is_gained_or_lost(rule: Rule):
    tally = Tally([rule])
    for number in range(EXAMPLES + 2):
        tally.take(version(f"s{number}", f"2026-07-0{number + 1}T10:00"))
    raised = tally.alerts[rule.id]
    others = {"s1": raised["s1"]}

    lost = only_in(raised, others, AREAS)
    assert (lost.number, [one.subject for one in lost.examples]) == (EXAMPLES + 1, ["s0", "s2", "s3", "s4", "s5"])
    assert lost.examples[0] == type(lost.examples[0])("s0", "2026-07-01 10:00", "Town A", "About s0.")
    assert only_in(others, raised, AREAS).number == 0


# What may be set


def test_what_an_override_may_set_may_be_set(catalogue: Catalogue):
    names = {rule.id: list(settable(rule)) for rule in catalogue.rules}

    assert names["rv-graded"] == ["at_least", "within"]
    assert names["district-count"] == ["at_least"]
    assert names["rv-marac-repeat"] == ["within"]
    assert names["asb-case-review"] == [
        "at_least",
        "complaints.at_least",
        "complaints.within",
        "hate.at_least",
        "hate.within",
        "people.at_least",
        "people.within",
        "within",
    ]


def test_a_parameter_is_set_in_every_limb_that_has_it_or_in_one(catalogue: Catalogue):
    review = rule_of(catalogue, "asb-case-review")

    everywhere = changed(review, [Setting("within", "3 months")], catalogue)
    one = changed(review, [Setting("people.at_least", "7"), Setting("people.within", "10 days")], catalogue)

    assert {limb.condition.within for limb in everywhere.limbs} == {Duration(months=3)}
    assert [(limb.condition.at_least, limb.condition.within) for limb in one.limbs] == [
        (3, Duration(months=6)),
        (7, Duration(millis=10 * DAY_LENGTH)),
        (1, Duration(months=6)),
    ]
    assert msgspec.structs.replace(one, limbs=review.limbs) == review


def test_days_are_tried_by_the_calendar_where_they_are_counted_so(catalogue: Catalogue, rule: Rule):
    (limb,) = rule.limbs
    by_calendar = msgspec.structs.replace(limb.condition, within=Duration(days=90))
    rule = msgspec.structs.replace(rule, limbs=(msgspec.structs.replace(limb, condition=by_calendar),))

    tried = [changed(rule, [Setting("within", length)], catalogue).limbs[0] for length in ("4 weeks", "6 months")]

    assert [limb.condition.within for limb in tried] == [Duration(days=28), Duration(months=6)]
    with pytest.raises(ValueError, match="limb main counts days by the calendar, and 36 hours are none: ask for days"):
        changed(rule, [Setting("within", "36 hours")], catalogue)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("atleast", "3", "rv-graded has no parameter atleast to set; it has at_least, within"),
        ("metres", "3", "rv-graded has no parameter metres to set; it has at_least, within"),
        ("main.within", "3 days", "rv-graded has no parameter main.within"),
        ("at_least", "three", "at_least=three: `three` is no whole number"),
        ("at_least", "0", "at_least=0: `0` is less than 1"),
        ("at_least", "1000001", "at_least=1000001: `1000001` is more than 1000000"),
        ("within", "6", "within=6: `6` is no length, which is a number and"),
    ],
)
def test_what_cannot_be_set_is_said(catalogue: Catalogue, rule: Rule, name: str, value: str, said: str):
    with pytest.raises(ValueError, match=said):
        changed(rule, [Setting(name, value)], catalogue)


@pytest.mark.parametrize(
    ("name", "setting", "value", "said"),
    [
        (
            "soc-retaliation",
            "near.within",
            "6 months",
            "2 times 6 months may be longer than a cell lasts: ask for less",
        ),
        ("soc-retaliation", "near.within", "47 days", "2 times 47 days may be longer than a cell lasts"),
        ("soc-retaliation", "linked.within", "90 days", "2 times 90 days may be longer than a link lasts"),
        ("soc-retaliation", "within", "15 days", "2 times 15 days may be longer than a link lasts"),
        ("soc-retaliation", "linked.at_least", "1", "one report alone is linked with nothing: ask for two or more"),
        ("burg-near-repeat-high", "within", "9 months", "9 months may be longer than a cell lasts"),
        ("soc-drug-cluster", "within", "4 months", "4 months may be longer than a stretch of an LSOA lasts"),
        ("count-range", "at_least", "4", "limb main asks for at most 3: with at least 4 it is never met"),
    ],
)
def test_what_lint_would_refuse_in_an_override_is_not_tried(
    more: Catalogue, name: str, setting: str, value: str, said: str
):
    with pytest.raises(ValueError, match=f"^{re.escape(f'{setting}={value}: {said}')}"):
        changed(rule_of(more, name), [Setting(setting, value)], more)


def test_the_longest_that_may_be_can_be_tried(catalogue: Catalogue):
    retaliation = rule_of(catalogue, "soc-retaliation")

    tried = changed(retaliation, [Setting("near.within", "46 days"), Setting("linked.within", "14 days")], catalogue)

    assert [limb.condition.within.millis for limb in tried.limbs] == [46 * DAY_LENGTH, 14 * DAY_LENGTH]


def test_a_rule_alone_runs_whatever_its_status(catalogue: Catalogue, rule: Rule):
    weekly = rule_of(catalogue, "district-count")
    alone = with_only(catalogue, [msgspec.structs.replace(rule, status="retired"), weekly])

    assert [(one.id, one.status) for one in alone.rules] == [("rv-graded", "stable"), ("district-count", "stable")]
    assert [one.id for one in alone.indicators] == ["violence"]
    assert (alone.audiences, alone.profiles) == ((), ())


def test_what_happened_in_no_district_counts_as_if_it_were_one(rule: Rule):
    outside = {"area": "OUTSIDE", "areas": ("OUTSIDE",), "priority": "P1"}
    found = counted(rule, *(version(f"s{number}", "2026-01-05T10:00", **outside) for number in range(7)))

    assert (found.told_urgent_per_division_and_shift.most, found.told_per_district_and_month.most) == (7, 7)


# What is written down, and held against the budget


def volumes_in(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / "volumes.yaml").read_text(encoding="utf-8")))


def measured_in(folder: Path) -> list[dict[str, Any]]:
    return list(volumes_in(folder)["measured"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path / "catalogue")


def spoil(folder: Path, pattern: str, by: str, file: str = "volumes.yaml") -> None:
    path = folder / file
    text, number = re.subn(pattern, by, path.read_text(encoding="utf-8"), count=1)
    assert number == 1
    path.write_text(text, encoding="utf-8")


def told_of(folder: Path) -> list[tuple[str, str]]:
    """Severity and words of every issue, each of the volumes and with a mend."""
    issues = lint_catalogue(folder)
    assert all(issue.file == "volumes.yaml" and issue.mend for issue in issues)
    return [(issue.severity, issue.what) for issue in issues]


def test_every_rule_that_ships_was_measured_as_it_is(catalogue: Catalogue):
    measured = {one["rule"]: one["version"] for one in measured_in(catalogue_folder())}

    assert measured == {rule.id: rule.version for rule in catalogue.rules if rule.status != "retired"}


def test_a_rule_whose_version_was_not_measured_is_a_warning(folder: Path):
    spoil(folder, "rule: hate-repeat, version: 1", "rule: hate-repeat, version: 9")

    assert told_of(folder) == [("warning", "version 1 of hate-repeat has no measured volume")]


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        ("urgent_per_division_and_shift", 6, "6 urgent in a division and shift, where the budget is 5"),
        ("per_district_and_month", 91, "91 in a district and month, where the budget is 90"),
    ],
)
def test_a_stable_rule_over_its_budget_is_an_error(folder: Path, name: str, number: int, said: str):
    spoil(folder, "per_division_and_shift: 10,", "per_division_and_shift: 999,")
    spoil(folder, rf"(rule: hate-repeat.*{name}: )\d+", rf"\g<1>{number}")

    assert told_of(folder) == [("error", f"hate-repeat is too loud to be stable: {said}")]
    # What runs does not stop over it, and a backtest can load what it is to mend.
    load_catalogue(folder)


def test_what_is_on_the_budget_is_within_it(folder: Path):
    spoil(folder, "per_division_and_shift: 10,", "per_division_and_shift: 999,")
    spoil(folder, r"(rule: hate-repeat.*urgent_per_division_and_shift: )\d+", r"\g<1>5")

    assert told_of(folder) == []


def test_a_trial_rule_may_be_loud_and_need_not_be_measured(folder: Path):
    spoil(folder, "status: stable", "status: trial", "rules/hate-repeat.yaml")
    spoil(folder, r"(together: .*)hate-repeat: 1, ", r"\g<1>")
    spoil(folder, r"(rule: hate-repeat.*urgent_per_division_and_shift: )\d+", r"\g<1>600")
    assert told_of(folder) == []
    spoil(folder, r"  - \{rule: hate-repeat.*\n", "")
    assert told_of(folder) == []


def test_all_stable_rules_together_have_a_budget_too(folder: Path):
    together = volumes_in(folder)["together"]["urgent_per_division_and_shift"]
    spoil(folder, "per_division_and_shift: 10,", f"per_division_and_shift: {together},")
    assert told_of(folder) == []
    spoil(folder, f"per_division_and_shift: {together},", f"per_division_and_shift: {together - 1},")

    assert told_of(folder) == [("error", too_urgent(together, together - 1))]


def test_what_was_not_measured_together_with_the_others_comes_on_top(folder: Path):
    together = volumes_in(folder)["together"]["urgent_per_division_and_shift"]
    spoil(folder, r"(rule: hate-repeat.*urgent_per_division_and_shift: )\d+", r"\g<1>2")
    spoil(folder, "per_division_and_shift: 10,", f"per_division_and_shift: {together},")
    assert told_of(folder) == []

    spoil(folder, r"(together: .*hate-repeat: )1", r"\g<1>9")
    assert told_of(folder) == [
        ("error", too_urgent(together + 2, together)),
        ("warning", "the rules were not all measured together as they are now: hate-repeat"),
    ]


def test_where_nothing_was_measured_together_each_rule_comes_on_top_of_the_others(folder: Path):
    among = volumes_in(folder)["together"]["of"]
    spoil(folder, r"together: .*\n", "")
    one_by_one = sum(
        one["told"]["urgent_per_division_and_shift"] for one in measured_in(folder) if one["rule"] in among
    )

    error, warning = told_of(folder)
    assert warning == ("warning", f"the rules were not all measured together as they are now: {', '.join(among)}")
    assert error == ("error", too_urgent(one_by_one, 10))


def test_a_rule_that_is_on_trial_since_it_was_measured_with_the_others_asks_for_another_run(folder: Path):
    spoil(folder, "status: stable", "status: trial", "rules/hate-repeat.yaml")

    assert told_of(folder) == [("warning", "the rules were not all measured together as they are now: hate-repeat")]


def too_urgent(number: int, budget: int) -> str:
    return f"all rules together make {number} urgent in a division and shift, where the budget is {budget}"


def test_a_list_is_measured_and_may_be_as_long_as_it_is(folder: Path):
    spoil(folder, r"(together: .*)hate-repeat: 1, ", r"\g<1>")
    # A list hears of P4 alone.
    spoil(folder, r"audience: \[.*\]", "audience: [repeat-victim-list]", "rules/hate-repeat.yaml")
    spoil(folder, r"priority:\n(  .*\n){3}", "priority: {base: P4}\n", "rules/hate-repeat.yaml")
    spoil(folder, r"(rule: hate-repeat.*urgent_per_division_and_shift: )\d+", r"\g<1>600")
    assert told_of(folder) == []
    spoil(folder, r"held: \{audiences: \[", "held: {audiences: [repeat-victim-list, ")
    assert (
        "error",
        "hate-repeat is too loud to be stable: 600 urgent in a division and shift, where the budget is 5",
    ) in (told_of(folder))


@pytest.mark.parametrize(
    ("pattern", "by", "said"),
    [
        (r"audiences: \[duty-officer,", "audiences: [duty-offiser,", "unknown audience duty-offiser"),
        (r"starts: \[7, 19\]", "starts: [19, 7]", "shifts do not begin in order"),
        (r"starts: \[7, 19\]", "starts: [7, 24]", "budget.shifts.starts.1: `24` is more than 23"),
        (r"of_one_rule: 5", "of_one_rule: few", "budget.urgent.of_one_rule: `few` is no whole number"),
        (r"\{rule: hate-repeat", "{rule: rv-graded", "rule rv-graded is there already"),
    ],
)
def test_a_mistake_in_the_volumes_is_told(folder: Path, pattern: str, by: str, said: str):
    spoil(folder, pattern, by)

    assert said in [what for severity, what in told_of(folder) if severity == "error"]


def test_a_rule_that_is_gone_need_not_be_measured(folder: Path):
    spoil(folder, r"\{rule: hate-repeat", "{rule: hate-gone")

    assert told_of(folder) == [
        ("warning", "version 1 of hate-repeat has no measured volume"),
        ("warning", "rule hate-gone is measured and is no rule"),
    ]


def test_what_is_recorded_is_what_most_have_and_leaves_the_rest_as_it_is(rule: Rule, folder: Path):
    volumes = load_volumes(folder)
    assert volumes is not None
    found = msgspec.structs.replace(
        counted(rule, version("s1", "2026-01-05T10:00")),
        alerts_per_district_and_month=Spread(1.5, 7, 99),
        alerts_urgent_per_division_and_shift=Spread(0.5, 2, 88),
        told_per_district_and_month=Spread(1.5, 8, 99),
        told_urgent_per_division_and_shift=Spread(0.5, 3, 88),
    )
    by_hand = (folder / "volumes.yaml").read_text(encoding="utf-8").partition("\nmeasured:")[0]
    before = measured_in(folder)

    record(folder, volumes, [measured("rv-graded", 3, 'a week: "small"', found)])

    after = measured_in(folder)
    assert (folder / "volumes.yaml").read_text(encoding="utf-8").partition("\nmeasured:")[0] == by_hand
    assert [one for one in after if one["rule"] != "rv-graded"] == [one for one in before if one["rule"] != "rv-graded"]
    assert next(one for one in after if one["rule"] == "rv-graded") == {
        "rule": "rv-graded",
        "version": 3,
        "history": 'a week: "small"',
        "alerts_per_month": found.alerts_per_month,
        "urgent_per_division_and_shift": 2,
        "alerts_per_district_and_month": 7,
        "told": {
            "per_month": found.told_per_month,
            "urgent_per_division_and_shift": 3,
            "per_district_and_month": 8,
        },
    }
    assert told_of(folder) == []


def test_what_a_rule_rests_on_runs_with_it(tmp_path: Path):
    catalogue = load_catalogue(with_more_rules(tmp_path / "catalogue"))
    alone = with_only(catalogue, [rule_of(catalogue, "finding-of-finding")])

    assert [one.id for one in alone.rules] == [
        "count-until",
        "finding-absent",
        "finding-count",
        "finding-of-finding",
    ]
