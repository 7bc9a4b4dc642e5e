"""`signal`: a week of an area's indicator breaches what its own past lets expect; complete when that week is over.

On areas alone. The stage `judge` says of each week what is thought of it (`core/judgements/signals.py`), and which
weeks are one breach. One breach is one finding, with the first of its weeks that reaches what the limb asks for: red,
or amber and more. Nobody's report is singled out, so there is no evidence. An override is chosen by that week and the
area; all it can say is that the limb is not asked there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from safety_stream.core.judgements.signals import Breach, Judged
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.times import DAY_LENGTH, Day, Duration, start_of, to_date
from safety_stream.core.rules.condition import Completion, Span, Terms, TermsByArea, View
from safety_stream.core.rules.findings import finding_of
from safety_stream.core.rules.rule import Limb, Rule, Signalled

WEEK: Final = 7

RAREST: Final = 1_000_000
"""Beyond one week in so many a probability is a model's fancy: nothing is said but that it is more."""

_DIGITS: Final = 2
"""How much of a rarity is told: the third figure depends on the model more than on what happened."""


class SignalCondition:
    """Met at the end of the first week of a breach that reaches the signal.

    Facts: `value`, what was recorded in `weeks` from day `from` (ISO) on; `expected` in them; `bound`, the greatest
    number that would not have been that signal; as many or more come by chance in one week of `one_in`; `area`,
    `indicator` and `reasons` by their ids.
    """

    def __init__(self, condition: Signalled) -> None:
        self.steps: tuple[str, ...] = ()
        self.facts: tuple[str, ...] = (
            "area",
            "bound",
            "expected",
            "from",
            "indicator",
            "one_in",
            "reasons",
            "value",
            "weeks",
        )
        self.fewest = 1
        self.terms = Terms(1, Duration(millis=WEEK * DAY_LENGTH))
        judged = "any judged indicator" if condition.indicator is None else f"the indicator {condition.indicator}"
        colour = "red" if condition.reaches == "red" else "amber or red"
        self.words = (
            f"a week of {judged} is {colour} against what its own past lets expect, the first of its breach that is"
        )

    def completions(self, view: View, span: Span) -> Iterator[Completion]:  # noqa: ARG002 - as all types have it
        """See `ConditionType`. No timeline has judged weeks: what they find is `signalled`."""
        yield from ()


def signals_of(rule: Rule) -> Iterator[Limb]:
    """The limbs of a rule that ask for signals."""
    return (limb for limb in rule.limbs if isinstance(limb.condition, Signalled))


def asks_for_signals(rules: Iterable[Rule]) -> frozenset[str]:
    """The rules, by id, of which every limb asks for signals: they need a history of years to find anything."""
    return frozenset(rule.id for rule in rules if rule.limbs and len(list(signals_of(rule))) == len(rule.limbs))


def signalled(rule: Rule, limb: Limb, series: str, week: Day, judged: Judged) -> Finding | None:
    """The finding that the week from day `week` of a series makes, as it was judged, or None.

    Whether the week is over is the caller's to know. Raises `TypeError` for a limb that does not ask for signals.
    """
    condition = limb.condition
    if not isinstance(condition, Signalled):
        raise TypeError(f"rule {rule.id}, limb {limb.name}: only a signal condition is met by a judged week")
    area, indicator = series.split("|")
    if condition.indicator not in (None, indicator) or _reached(condition, judged.breach) != week:
        return None
    overrides = [over for over in rule.overrides if over.limb in (None, limb.name)]
    if not TermsByArea(SignalCondition(condition).terms, overrides).on(area, week).enabled:
        return None
    return finding_of(rule, limb, f"area:{series}", _completion(condition, area, indicator, week, judged))


def _reached(condition: Signalled, breach: Breach | None) -> Day | None:
    """The week in which the breach first was what is asked for."""
    if breach is None:
        return None
    return breach.red_since if condition.reaches == "red" else breach.opened


def _completion(condition: Signalled, area: str, indicator: str, week: Day, judged: Judged) -> Completion:
    rarity = judged.rarity
    bound = rarity.red_above if condition.reaches == "red" else rarity.amber_above
    first_day = week - (judged.together - 1) * WEEK
    return Completion(
        occurrence_id=f"week:{to_date(week).isoformat()}",
        completed_at=start_of(week + WEEK),
        area=area,
        evidence=(),
        number=judged.counted,
        facts=(
            ("area", area),
            ("bound", f"{bound:,}"),
            ("expected", f"{judged.over.mean:,.1f}"),
            ("from", to_date(first_day).isoformat()),
            ("indicator", indicator),
            ("one_in", _one_in(rarity.p)),
            ("reasons", ", ".join(judged.reasons)),
            ("value", f"{judged.counted:,}"),
            ("weeks", "week" if judged.together == 1 else f"{judged.together} weeks"),
        ),
    )


def _one_in(probability: float) -> str:
    """How many weeks there are to one of this probability, to two figures."""
    if probability * RAREST < 1:
        return f"more than {RAREST:,}"
    weeks = 1 / probability
    return f"{int(float(f'{weeks:.{_DIGITS}g}')):,}"
