"""Which class runs which type of condition. A new type is one file, one test, and one line here."""

from __future__ import annotations

from safety_stream.core.rules.absent import AbsentCondition
from safety_stream.core.rules.all_of import AllOfCondition
from safety_stream.core.rules.calendar import CalendarCondition
from safety_stream.core.rules.condition import ConditionType
from safety_stream.core.rules.count import CountCondition
from safety_stream.core.rules.distinct import DistinctCondition
from safety_stream.core.rules.near import NearCondition
from safety_stream.core.rules.ordered import OrderedCondition
from safety_stream.core.rules.rule import (
    Absent,
    AllOf,
    Calendar,
    Condition,
    Count,
    Distinct,
    Near,
    Ordered,
    Share,
    Signalled,
    Sum,
)
from safety_stream.core.rules.share import ShareCondition
from safety_stream.core.rules.signal import SignalCondition
from safety_stream.core.rules.summing import SumCondition


def condition_type(condition: Condition) -> ConditionType:  # noqa: C901, PLR0911 - a line per type
    """The condition, ready to read timelines. The type checker refuses a type without its line."""
    match condition:
        case Count():
            return CountCondition(condition)
        case Distinct():
            return DistinctCondition(condition)
        case Sum():
            return SumCondition(condition)
        case AllOf():
            return AllOfCondition(condition)
        case Ordered():
            return OrderedCondition(condition)
        case Absent():
            return AbsentCondition(condition)
        case Calendar():
            return CalendarCondition(condition)
        case Near():
            return NearCondition(condition)
        case Share():
            return ShareCondition(condition)
        case Signalled():
            return SignalCondition(condition)
