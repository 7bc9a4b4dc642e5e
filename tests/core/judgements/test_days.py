"""A day judged: how rare by the table of domain.md 5, what is too few to say anything, and what ends a breach."""

from __future__ import annotations

import msgspec
import pytest

from safety_stream.core.judgements.days import judged_day, rarity_of_days
from safety_stream.core.judgements.settings import DayLevels
from safety_stream.core.judgements.signals import Breach, Judged, Weighed
from safety_stream.core.statistics.expecting import Expected

LEVELS = DayLevels(red=0.001, amber=0.01, least=3, clear_after=2)


def weighed(value: int, mean: float = 0.4, *, final: bool = True) -> Weighed:
    return Weighed(value, final, (value,), (), None, Expected(mean, 1.0, weaker=False))


def told(days: list[Weighed | None]) -> list[Judged | None]:
    """The judgements of one series, day by day; None is a day that is not judged."""
    rows: list[dict[str, Judged]] = [{}] * 7
    for number, one in enumerate(days):
        rows.append(judged_day(number, {} if one is None else {"a|x": one}, rows[-7:], LEVELS))
    return [row.get("a|x") for row in rows[7:]]


def breaches(days: list[Weighed | None]) -> list[Breach | None]:
    return [one.breach if one else None for one in told(days)]


@pytest.mark.parametrize(
    ("expected", "amber", "red"),
    [(0.4, 3, 4), (1, 5, 6), (2, 7, 9), (5, 12, 14), (10, 19, 22), (20, 32, 36), (50, 68, 74), (100, 125, 133)],
)
def test_the_bounds_are_those_of_the_table(expected: float, amber: int, red: int):
    """Exact Poisson triggers of domain.md 5."""
    (rarity,) = rarity_of_days([0], [Expected(expected, 1.0, weaker=False)], LEVELS)

    assert (rarity.amber_above, rarity.red_above, rarity.low_below) == (amber - 1, red - 1, 0)


@pytest.mark.parametrize(
    ("value", "signal", "reasons"),
    [(2, "none", ()), (3, "amber", ("rarer-than-amber",)), (4, "red", ("rarer-than-red",))],
)
def test_counts_against_two_in_five_days(value: int, signal: str, reasons: tuple[str, ...]):
    (one,) = told([weighed(value)])

    assert one is not None
    assert (one.signal, one.reasons, one.together, one.counted) == (signal, reasons, 1, value)


def test_two_incidents_are_no_signal_however_rare():
    (one,) = told([weighed(2, 0.01)])

    assert one is not None
    assert one.rarity.p < LEVELS.red
    assert one.signal == "none"


def test_a_quiet_day_is_no_news():
    (one,) = told([weighed(0, 50.0)])

    assert one is not None
    assert one.rarity.p_low < 1e-20
    assert one.signal == "none"


def test_a_day_is_judged_for_itself_whatever_the_others_are():
    alone = judged_day(0, {"a|x": weighed(4)}, [{}] * 7, LEVELS)
    many = judged_day(0, {"a|x": weighed(4)} | {f"a|{number}": weighed(3) for number in range(400)}, [{}] * 7, LEVELS)

    assert many["a|x"] == alone["a|x"]


def test_a_breach_is_one_until_two_days_are_quiet():
    days = [weighed(value) for value in (3, 0, 4, 0, 0, 3)]

    assert breaches([*days]) == [
        Breach(0, None, 0),
        Breach(0, None, 1),
        Breach(0, 2, 0),
        Breach(0, 2, 1),
        None,
        Breach(5, None, 0),
    ]


def test_a_breach_lasts_over_days_that_are_not_judged():
    assert breaches([weighed(4), None, None, weighed(0), None, weighed(0)]) == [
        Breach(0, 0, 0),
        None,
        None,
        Breach(0, 0, 1),
        None,
        None,
    ]


def test_a_breach_does_not_close_for_want_of_reports():
    days = [weighed(4), weighed(0, final=False), weighed(0, final=False), weighed(0)]

    assert [one and one.quiet for one in breaches([*days])] == [0, 0, 0, 1]


def test_what_is_not_final_may_be_a_signal():
    (one,) = told([weighed(4, final=False)])

    assert one == msgspec.structs.replace(told([weighed(4)])[0] or one, weighed=weighed(4, final=False))
