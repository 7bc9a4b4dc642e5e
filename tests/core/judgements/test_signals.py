"""A week judged as a batch: rarity, what a batch brings by chance, runs, and what opens and closes a breach."""

from __future__ import annotations

from math import exp, lgamma, log
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core import statistics
from safety_stream.core.judgements.settings import Levels
from safety_stream.core.judgements.signals import Breach, Judged, Weighed, _is_enough, judged_week
from safety_stream.core.statistics.expecting import Expected
from safety_stream.core.statistics.multiple import has_enough_cases

WEEK = 7
LEVELS = Levels(
    red=0.001,
    amber=0.01,
    improvement=0.01,
    false_discoveries=0.1,
    least=(5, 4),
    least_now=3,
    sigmas=2.0,
    run=8,
    rare_below=2.0,
    rare_together=4,
    rare_least=3,
    clear_after=2,
)


def weighed(value: int, mean: float = 10.0, spread: float = 1.0, **changes: Any) -> Weighed:
    values: dict[str, Any] = {
        "value": value,
        "final": True,
        "recent": (0,) * 7 + (value,),
        "past_years": (),
        "target": None,
        "expected": Expected(mean, spread, weaker=False),
    }
    return Weighed(**(values | changes))


def told(weeks: list[Weighed], levels: Levels = LEVELS) -> list[Judged]:
    """The judgements of one series, week by week."""
    rows: list[dict[str, Judged]] = []
    counts: list[int] = []
    for number, one in enumerate(weeks):
        counts.append(one.value)
        recent = ([0] * 8 + counts)[-8:]
        week = {"a|x": msgspec.structs.replace(one, recent=tuple(recent))}
        rows.append(judged_week(number * WEEK, week, ([{}] * 7 + rows)[-7:], levels))
    return [row["a|x"] for row in rows]


@given(st.lists(st.integers(0, 6), min_size=8, max_size=8), st.integers(1, 9), st.integers(1, 8), st.integers(1, 5))
def test_enough_incidents_are_those_of_the_rule_the_study_measured(values: list[int], least: int, weeks: int, now: int):
    levels = msgspec.structs.replace(LEVELS, least=(least, weeks), least_now=now)
    one = weighed(values[-1], recent=tuple(values))
    ((expected,),) = has_enough_cases([values], [7], recent=(least, weeks), current=now)

    assert _is_enough(one, 1, one.value, levels) == expected


def test_no_stage_reads_what_serves_the_study_alone():
    """The package says so of these."""
    root = Path(statistics.__file__).parents[2]
    bench_only = ("charts", "pooling", "rare", "recent")
    read = [
        (path.name, name)
        for path in root.rglob("*.py")
        for name in bench_only
        if f"core.statistics.{name} import" in path.read_text() and path.parent != Path(statistics.__file__).parent
    ]

    assert read == []
    assert all(f"`{name}`" in (statistics.__doc__ or "") for name in bench_only)


def signals(weeks: list[Weighed]) -> list[str]:
    return [one.signal for one in told(weeks)]


def poisson_or_more(count: int, mean: float) -> float:
    """By adding up, apart from the code under test."""
    return 1 - sum(exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(count))


@given(mean=st.floats(2, 60), value=st.integers(0, 120))
def test_the_bounds_are_where_the_probabilities_cross_their_levels(mean: float, value: int):
    (one,) = told([weighed(value, mean)])

    assert one.rarity.p == pytest.approx(poisson_or_more(value, mean), abs=1e-9)
    assert one.rarity.p_low == pytest.approx(1 - poisson_or_more(value + 1, mean), abs=1e-9)
    for bound, level in ((one.rarity.amber_above, LEVELS.amber), (one.rarity.red_above, LEVELS.red)):
        assert poisson_or_more(bound + 1, mean) <= level < poisson_or_more(bound, mean)
    assert (value < one.rarity.low_below) == (one.rarity.p_low < LEVELS.improvement)


@pytest.mark.parametrize(
    ("value", "signal", "reasons"),
    [
        (10, "none", ()),
        (18, "none", ()),
        (19, "amber", ("rarer-than-amber",)),
        (22, "red", ("rarer-than-red",)),
        (2, "improvement", ("rarer-below",)),
    ],
)
def test_counts_against_ten_expected(value: int, signal: str, reasons: tuple[str, ...]):
    """The table of domain.md 5: amber is a count of 19 and more there, red one of 22."""
    (one,) = told([weighed(value)])

    assert (one.signal, one.reasons) == (signal, reasons)


def test_one_rare_count_among_many_series_is_no_discovery():
    """Of four hundred series, one at p = 0.0007 is what chance brings."""
    batch = {f"a|{number}": weighed(10) for number in range(400)} | {"a|high": weighed(22)}

    judged = judged_week(0, batch, [{}] * 7, LEVELS)

    assert (judged["a|high"].signal, judged["a|high"].reasons) == ("amber", ("alone-in-its-batch",))
    assert (judged["a|high"].tests, judged["a|high"].discoveries) == (401, 0)
    assert judged["a|0"].tests == 0


def test_many_at_once_bear_one_another_out():
    batch = {f"a|{number}": weighed(10) for number in range(380)} | {f"a|high{n}": weighed(22) for n in range(20)}

    judged = judged_week(0, batch, [{}] * 7, LEVELS)

    assert {judged[f"a|high{n}"].signal for n in range(20)} == {"red"}


def test_what_has_too_few_counts_among_the_tests_all_the_same():
    """Seen in the counts themselves, too few would choose whom the rest is compared with."""
    none = weighed(0, 2.0)
    batch = {f"a|{number}": none for number in range(400)} | {"a|high": weighed(22)}

    high = judged_week(0, batch, [{}] * 7, LEVELS)["a|high"]

    assert (high.reasons, high.tests, high.discoveries) == (("alone-in-its-batch",), 401, 0)


def test_what_a_batch_bears_out_is_no_signal_of_too_few_incidents():
    batch = {f"a|{number}": weighed(10) for number in range(10)} | {"a|few": weighed(2, 0.01)}

    few = judged_week(0, batch, [{}] * 7, LEVELS)["a|few"]

    assert few.rarity.p < LEVELS.red
    assert few.signal == "none"


def test_two_incidents_are_no_signal_however_rare():
    (one,) = told([weighed(2, 0.01)])

    assert one.rarity.p < LEVELS.red
    assert one.signal == "none"


def test_two_of_three_weeks_far_above_are_amber():
    assert signals([weighed(17), weighed(10), weighed(17)]) == ["none", "none", "amber"]
    assert signals([weighed(17), weighed(10), weighed(10), weighed(17)])[-1] == "none"
    assert told([weighed(17), weighed(17)])[-1].reasons == ("two-of-three",)


def test_eight_weeks_above_are_amber_and_seven_are_not():
    above = [weighed(11) for _ in range(8)]

    assert signals(above) == ["none"] * 7 + ["amber"]
    assert signals([*above[:7], weighed(10)])[-1] == "none"


def test_eight_weeks_at_the_commonest_count_of_a_small_mean_are_no_run():
    """Of Poisson counts with the mean 2.1 two in three are 2 or fewer: eight of them one after another are no news."""
    assert signals([weighed(2, 2.1)] * 8)[-1] == "none"


def test_eight_complete_weeks_below_are_an_improvement():
    below = [weighed(9) for _ in range(8)]
    late = [weighed(9, final=number != 3) for number in range(8)]

    assert signals(below) == ["none"] * 7 + ["improvement"]
    assert signals(late)[-1] == "none"


def test_a_week_whose_feeds_are_incomplete_never_looks_like_a_fall():
    assert signals([weighed(0, final=False)]) == ["none"]
    assert signals([weighed(22, final=False)]) == ["red"]


def test_of_rare_events_four_weeks_are_judged_as_one():
    weeks = [weighed(value, 0.5) for value in (0, 1, 2, 2)]

    judged = told(weeks)

    assert [(one.together, one.counted) for one in judged] == [(1, 0), (1, 1), (1, 2), (4, 5)]
    assert judged[-1].over.mean == pytest.approx(2.0)
    assert judged[-1].rarity.p == pytest.approx(poisson_or_more(5, 2.0), abs=1e-9)


@pytest.mark.parametrize(("mean", "weeks"), [(0.02, 35), (1.5, 35), (0.7, 7)])
def test_weeks_of_a_rate_known_from_n_weeks_waver_together_by_k_in_n_more(mean: float, weeks: int):
    """The sum of k Poisson counts whose rate is gamma distributed has the variance mean x (1 + k / n)."""
    one = Expected(mean, 1 + 1 / weeks, weaker=False, error=1 / weeks)

    (*_, judged) = told([weighed(0, expected=one)] * 4)

    assert (judged.together, judged.over.mean) == (4, pytest.approx(4 * mean))
    assert (judged.over.spread, judged.over.error) == (pytest.approx(1 + 4 / weeks), pytest.approx(4 / weeks))


def test_two_rare_events_in_four_weeks_are_none():
    assert signals([weighed(value, 0.01) for value in (0, 0, 1, 1)])[-1] == "none"
    assert signals([weighed(value, 0.01) for value in (0, 1, 1, 1)])[-1] == "red"


def test_what_rests_on_a_few_weeks_is_amber_at_most():
    (one,) = told([weighed(40, expected=Expected(10.0, 1.0, weaker=True))])

    assert (one.signal, one.reasons) == ("amber", ("rarer-than-red",))


def test_a_breach_is_one_until_two_weeks_are_inside():
    breaches = [one.breach for one in told([weighed(value) for value in (10, 19, 10, 22, 10, 10, 22)])]

    assert breaches == [
        None,
        Breach(7, None, 0),
        Breach(7, None, 1),
        Breach(7, 21, 0),
        Breach(7, 21, 1),
        None,
        Breach(42, 42, 0),
    ]


def test_a_breach_does_not_close_for_want_of_reports():
    weeks = [weighed(22), weighed(0, final=False), weighed(0, final=False), weighed(0)]

    assert [one.breach and one.breach.quiet for one in told(weeks)] == [0, 0, 0, 1]


def test_a_week_that_was_not_judged_breaks_what_was_before():
    first = judged_week(0, {"a|x": weighed(22)}, [{}] * 7, LEVELS)

    later = judged_week(2 * WEEK, {"a|x": weighed(10)}, [*[{}] * 5, first, {}], LEVELS)

    assert later["a|x"].breach is None


@given(st.lists(st.integers(0, 40), min_size=1, max_size=20), st.integers(0, 40), st.data())
def test_a_week_says_nothing_of_the_weeks_before_it(values: list[int], other: int, data: st.DataObject):
    at = data.draw(st.integers(0, len(values) - 1))
    changed = [*values[:at], other, *values[at + 1 :]]

    assert told([weighed(value) for value in values])[:at] == told([weighed(value) for value in changed])[:at]
