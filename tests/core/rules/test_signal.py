"""Signals: which week of a breach makes a finding, where, and in what words."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from tests.core.rules.making import a_rule, an_override, at, days

from safety_stream.core.judgements.signals import Breach, Judged, Weighed
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.times import Day, to_day
from safety_stream.core.rules.rule import Calendar, Count, Limb, PriorityRule, Rule, Signalled
from safety_stream.core.rules.signal import asks_for_signals, signalled, signals_of
from safety_stream.core.statistics.expecting import Expected, Rarity

WEEK = to_day(date(2026, 1, 5))
SERIES = "E07000117|burglary"


def a_limb(condition: Signalled, name: str = "main", explain: str = "it happened") -> Limb:
    return Limb(name=name, keys=("area",), steps={}, condition=condition, explain=explain)


def asking(condition: Signalled, explain: str = "it happened", **changes: object) -> Rule:
    return a_rule(Count(of="x", at_least=1, within=days(1)), limbs=(a_limb(condition, explain=explain),), **changes)


def a_week(breach: Breach | None, p: float = 0.00071, together: int = 1) -> Judged:
    return Judged(
        weighed=Weighed(60, True, (60,), (), None, Expected(31.24, 1.5, weaker=False)),
        together=together,
        counted=1060,
        over=Expected(31.25, 1.5, weaker=False),
        rarity=Rarity(p, 0.9, 48, 57, 12),
        tests=0,
        discoveries=0,
        signal="red",
        reasons=("rarer-than-red", "run-above"),
        breach=breach,
    )


def found(rule: Rule, judged: Judged, series: str = SERIES, week: Day = WEEK) -> Finding | None:
    return signalled(rule, rule.limbs[0], series, week, judged)


RED, AMBER = asking(Signalled(reaches="red")), asking(Signalled(reaches="amber"))


@pytest.mark.parametrize(
    ("breach", "red", "amber"),
    [
        (None, False, False),
        (Breach(WEEK, None, 0), False, True),
        (Breach(WEEK, WEEK, 0), True, True),
        (Breach(WEEK - 7, WEEK, 0), True, False),
        (Breach(WEEK - 7, WEEK - 7, 0), False, False),
        (Breach(WEEK - 7, None, 1), False, False),
    ],
)
def test_a_breach_is_one_finding_with_its_first_week_that_reaches_the_signal(
    breach: Breach | None, red: bool, amber: bool
):
    assert [found(rule, a_week(breach)) is not None for rule in (RED, AMBER)] == [red, amber]


def test_it_completes_when_the_week_is_over_and_names_nobodys_report():
    finding = found(RED, a_week(Breach(WEEK, WEEK, 0)))

    assert finding is not None
    assert (finding.key, finding.occurrence_id) == (f"area:{SERIES}", "week:2026-01-05")
    assert (finding.completed_at, finding.area) == (at("2026-01-12T00:00"), "E07000117")
    assert (finding.areas, finding.evidence) == (("E07000117",), ())


def test_the_clocks_going_forward_move_the_end_of_the_week_with_them():
    week = to_day(date(2026, 3, 23))
    finding = found(RED, a_week(Breach(week, week, 0)), week=week)

    assert finding is not None
    assert finding.completed_at == at("2026-03-30T00:00")


@pytest.mark.parametrize(("reaches", "bound"), [("red", "57"), ("amber", "48")])
def test_the_words_have_the_numbers(reaches: str, bound: str):
    condition = Signalled(reaches="red" if reaches == "red" else "amber")
    rule = asking(condition, explain="{indicator} {value} {expected} {bound} {one_in} {from} {weeks} {reasons} {area}")
    limb = msgspec.structs.replace(
        rule.limbs[0], names={"burglary": "Burglary", "run-above": "eight above", "E07000117": "Burnley"}
    )

    finding = signalled(rule, limb, SERIES, WEEK, a_week(Breach(WEEK, WEEK, 0)))

    assert finding is not None
    assert finding.explanation == (
        f"Burglary 1,060 31.2 {bound} 1,400 2026-01-05 week rarer-than-red, eight above Burnley"
    )


@pytest.mark.parametrize(
    ("p", "one_in"),
    [
        (1.0, "1"),
        (0.3, "3"),
        (0.0099, "100"),
        (1 / 123_456, "120,000"),
        (1e-6, "1,000,000"),
        (9e-7, "more than 1,000,000"),
        (0.0, "more than 1,000,000"),
    ],
)
def test_a_rarity_is_told_as_one_week_in_so_many(p: float, one_in: str):
    finding = found(RED, a_week(Breach(WEEK, WEEK, 0), p=p))

    assert finding is not None
    assert dict(finding.facts)["one_in"] == one_in


def test_weeks_judged_as_one_are_told_from_the_first_of_them():
    finding = found(RED, a_week(Breach(WEEK, WEEK, 0), together=4))

    assert finding is not None
    facts = dict(finding.facts)
    assert (facts["weeks"], facts["from"], finding.occurrence_id) == ("4 weeks", "2025-12-15", "week:2026-01-05")


def test_a_limb_on_one_indicator_hears_of_no_other():
    rule = asking(Signalled(reaches="red", indicator="violence"))

    assert found(rule, a_week(Breach(WEEK, WEEK, 0))) is None
    assert found(rule, a_week(Breach(WEEK, WEEK, 0)), "E07000117|violence") is not None


def test_an_override_holds_by_area_and_the_week():
    override = an_override("E07000117", enabled=False, valid_from=WEEK, valid_to=WEEK + 7)
    rule = asking(Signalled(reaches="red"), overrides=(override,))

    def in_week(series: str, week: Day) -> bool:
        return found(rule, a_week(Breach(week, week, 0)), series, week) is not None

    assert not in_week(SERIES, WEEK)
    assert in_week(SERIES, WEEK - 7)
    assert in_week(SERIES, WEEK + 7)
    assert in_week("E07000124|burglary", WEEK)


def test_the_number_may_raise_the_priority():
    rule = asking(Signalled(reaches="red"), priority=PriorityRule(base="P3", by_count=((1060, "P2"),)))
    finding = found(rule, a_week(Breach(WEEK, WEEK, 0)))

    assert finding is not None
    assert finding.priority == "P2"


def test_only_a_limb_that_asks_for_signals_is_met_by_a_judged_week():
    limit = msgspec.structs.replace(RED.limbs[0], condition=Calendar(per="week", at_least=1, indicator="burglary"))
    mixed = msgspec.structs.replace(RED, id="mixed", limbs=(*RED.limbs, limit))

    assert [limb.condition for limb in signals_of(mixed)] == [Signalled(reaches="red")]
    assert asks_for_signals([RED, mixed]) == {RED.id}
    with pytest.raises(TypeError, match="rule a-rule, limb main"):
        signalled(RED, limit, SERIES, WEEK, a_week(None))
