"""How alerts are handled and who hears of it, written down a second time: minute by minute, from docs/handling.md.

It shares nothing with the core but the table of actions the tests hold by hand. Alerts are P1, but for `alert-c`, which
is P4, and what has become less urgent, which is so until it is worse again. What is raised `late` need not be heard,
nor what more of it comes too soon (`add`), nor a restatement, nor what makes it worse too late (`worse`); every other
change must be.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.core.alerts.test_handling import EXPECTED, SHORT, STATES

ACKNOWLEDGE, DECIDE, LADDER = 15, 60, {"inspector": 15, "superintendent": 30}
KEPT, REMEMBERED, SLEEP = 100, 120, 20
AUDIENCES = ("asb-lead", "childrens-services", "duty-officer")
LEAST_TRUSTED = "asb-lead"
"""They are told nothing that is marked higher."""
KNOW_HOW_IT_IS_HANDLED = ("childrens-services", "duty-officer", "inspector", "superintendent")

Event = tuple[int, str, str]
"""At which minute, to which alert, what: `raise`, `late`, `worsen`, `worse`, `more`, `add`, `restate`, `withdraw`, a
restatement that makes it less urgent (`ease`), marks it higher (`mark`) or as at first (`unmark`), or an action (of
`merge` and `escalate` with what follows a colon)."""

WORDS = {"raise": "raised", "late": "raised", "worsen": "worsened", "worse": "worsened", "more": "told-again"}
SETTLED = {"actioned", "accepted", "no-further-action", "closed"}
OPEN = {"new", "reopened", "acknowledged", "assessing", "referred"}


class NaiveAlert:
    def __init__(self, alert_id: str, minute: int, state: str) -> None:
        self.id, self.state, self.last = alert_id, state, minute
        self.number = 0
        self.overdue = self.was_overdue = self.paged = False
        self.back_to = self.escalated_to = self.into = ""
        self.until = self.began = self.not_before = 0
        self.over: set[str] = set()
        self.rungs: list[str] = []

    def begin_round(self, minute: int) -> None:
        self.began = self.not_before = minute
        self.over = set()
        self.overdue, self.escalated_to = False, ""


class Naive:
    """All alerts, what has been told of them (`news`) and to whom (`heard`)."""

    def __init__(self) -> None:
        self.known: dict[str, NaiveAlert] = {}
        self.true: dict[str, bool] = {}
        self.marked: dict[str, bool] = {}
        self.eased: dict[str, bool] = {}
        self.news: list[tuple[Any, ...]] = []
        self.heard: list[tuple[Any, ...]] = []
        self.answers: list[bool] = []
        self.told: dict[tuple[str, str], str] = {}

    def run(self, events: Iterable[Event], until: int) -> None:
        waiting = sorted(events, key=lambda event: event[0])
        for minute in range(until + 1):
            self.fall_due(minute)
            while waiting and waiting[0][0] == minute:
                _, alert_id, what = waiting.pop(0)
                self.take(minute, alert_id, what)
                self.fall_due(minute)

    # What comes of an alert's condition and of people.

    def take(self, minute: int, alert_id: str, what: str) -> None:
        if what in ("raise", "late", "mark", "unmark"):
            self.marked[alert_id] = what == "mark"
        if what in ("raise", "late", "worsen", "worse", "ease"):
            self.eased[alert_id] = what == "ease"
        if what in ("raise", "late", "worsen", "worse", "more", "add", "restate", "ease", "withdraw", "mark", "unmark"):
            self.change(minute, alert_id, what)
        else:
            self.answers.append(self.act(minute, alert_id, *what.split(":")))

    def change(self, minute: int, alert_id: str, what: str) -> None:
        alert = self.known.setdefault(alert_id, NaiveAlert(alert_id, minute, "expired"))
        self.true[alert_id] = what != "withdraw"
        word = WORDS.get(what, "restated")
        if what == "withdraw":
            alert.state, alert.overdue, alert.into, alert.paged = "withdrawn", False, "", False
            self.tell(minute, alert, "withdrawn")
            self.leave_behind(minute, alert)
            return
        was_settled = alert.state in SETTLED | {"expired"}
        if what == "worse":
            self.worsen_too_late(minute, alert)
            return
        if what in ("raise", "late"):
            alert.state, alert.rungs = "new", []
        elif (what == "worsen" and alert.state != "new") or (what == "more" and was_settled):
            alert.state = "reopened"
        if what in ("raise", "late", "worsen") or (what == "more" and was_settled):
            alert.begin_round(minute)
            alert.into = ""
        if word != "restated" and what != "late" and not alert.paged:
            alert.paged = True
            alert.began = alert.not_before = minute
            alert.over = set()
        self.tell(minute, alert, word)
        if what == "ease":
            self.leave_behind(minute, alert)
        if what in ("more", "add") and alert.state == "merged" and self.is_neglected(alert.into):
            self.open_again(minute, alert)

    def worsen_too_late(self, minute: int, alert: NaiveAlert) -> None:
        """Nobody is paged. What was paged for and is open or asleep has its clocks anew, all else none but its end."""
        if alert.state in OPEN | {"snoozed"}:
            alert.began = alert.not_before = minute
            alert.over = set()
        else:
            alert.state, alert.into, alert.paged = "reopened", "", False
            alert.begin_round(minute)
        self.tell(minute, alert, "worsened")

    def is_less_urgent(self, alert_id: str) -> bool:
        return alert_id == "alert-c" or self.eased[alert_id]

    def is_neglected(self, alert_id: str) -> bool:
        alert = self.known.get(alert_id)
        return alert is None or alert.state not in OPEN or alert.overdue

    def act(self, minute: int, alert_id: str, what: str, to: str = "") -> bool:
        alert = self.known.get(alert_id)
        if alert is None:
            return False
        short = EXPECTED[what].split()[STATES.index(alert.state)]  # type: ignore[index, arg-type]
        is_impossible = {"merge": not self.can_merge(alert, to), "escalate": self.is_less_urgent(alert.id)}
        if short == "." or is_impossible.get(what):
            return False
        before = alert.state
        alert.state = SHORT[short]
        if what == "wake":
            alert.state, alert.overdue, alert.not_before = alert.back_to, alert.was_overdue, minute
        elif what == "snooze":
            alert.back_to, alert.was_overdue, alert.until = before, alert.overdue, minute + SLEEP
        elif what == "escalate":
            alert.escalated_to = to
            alert.rungs += [] if to in alert.rungs else [to]
        elif what == "reopen" or (before in SETTLED and alert.state in OPEN):
            alert.begin_round(minute)
        elif what == "bounce":
            # The time to decide is given anew; whom it had gone up to keeps it.
            alert.began, alert.not_before, alert.over, alert.overdue = minute, minute, set(), False
        is_answered = what in ("acknowledge", "assess") and before in ("new", "reopened", "snoozed")
        alert.overdue = alert.overdue and alert.state in OPEN and not is_answered
        alert.into = to if what == "merge" else "" if alert.state != "merged" else alert.into
        self.tell(minute, alert, what)
        return True

    def can_merge(self, alert: NaiveAlert, into: str) -> bool:
        other = self.known.get(into)
        return (
            other is not None
            and other is not alert
            and other.state in OPEN
            and all(rung in other.rungs for rung in alert.rungs)
            and (self.marked[alert.id] or not self.marked[other.id])
            and (self.is_less_urgent(alert.id) or not self.is_less_urgent(other.id))
            and (other.paged or not alert.paged)
        )

    def leave_behind(self, minute: int, gone: NaiveAlert) -> None:
        for alert in sorted(self.known.values(), key=lambda one: one.id):
            if alert.state != "merged" or alert.into != gone.id:
                continue
            if gone.state in ("withdrawn", "expired") or not self.is_less_urgent(alert.id):
                self.open_again(minute, alert)

    def open_again(self, minute: int, alert: NaiveAlert) -> None:
        alert.state, alert.into = "reopened", ""
        alert.begin_round(minute)
        self.tell(minute, alert, "unmerged")

    # What comes of time.

    def fall_due(self, minute: int) -> None:
        for alert in list(self.known.values()):
            while self.falls_due(minute, alert):
                pass

    def falls_due(self, minute: int, alert: NaiveAlert) -> bool:
        if alert.state == "snoozed" and minute >= alert.until:
            alert.state, alert.overdue, alert.not_before = alert.back_to, alert.was_overdue, alert.until
            self.tell(minute, alert, "slept")
            return True
        if alert.state in ("closed", "withdrawn", "expired") and minute >= alert.last + REMEMBERED:
            self.tell(minute, alert, "forgotten")
            del self.known[alert.id]
            return False
        if alert.state not in OPEN:
            return False
        if not alert.paged or self.is_less_urgent(alert.id):
            return self.is_outlived(minute, alert)
        return self.clocks_run_out(minute, alert)

    def is_outlived(self, minute: int, alert: NaiveAlert) -> bool:
        if minute < max(alert.began + KEPT, alert.not_before):
            return False
        alert.state, alert.overdue = "expired", False
        self.tell(minute, alert, "outlived")
        self.leave_behind(minute, alert)
        return True

    def clocks_run_out(self, minute: int, alert: NaiveAlert) -> bool:
        lengths = {"decide": DECIDE}
        if alert.state in ("new", "reopened"):
            lengths |= {"acknowledge": ACKNOWLEDGE, **LADDER}
        if alert.escalated_to != "superintendent":
            lengths["further up"] = DECIDE + LADDER["superintendent"] - LADDER["inspector"]
        fallen = [
            name
            for name, length in lengths.items()
            if name not in alert.over and minute >= max(alert.began + length, alert.not_before)
        ]
        if not fallen:
            return False
        alert.over |= set(fallen)
        rungs = list(LADDER)
        height = sum(one in alert.over for one in (*rungs, "decide", "further up"))
        reached = rungs.index(alert.escalated_to) + 1 if alert.escalated_to else 0
        # Undecided in time it goes up from where it is, and nobody on the way is left out.
        height = min(max(height, reached + sum(one in fallen for one in ("decide", "further up"))), len(rungs))
        if height:
            alert.escalated_to = rungs[height - 1]
        on_the_way = [*rungs[reached:height], *fallen]
        alert.rungs += [rung for rung in rungs if rung in on_the_way and rung not in alert.rungs]
        alert.overdue = True
        self.tell(minute, alert, "overdue")
        return True

    # What goes out, and to whom.

    def tell(self, minute: int, alert: NaiveAlert, what: str | None) -> None:
        alert.number += 1
        alert.last = minute
        self.news.append(
            (minute, alert.id, alert.number, what, alert.state, alert.overdue, alert.escalated_to, tuple(alert.rungs))
        )
        if what == "forgotten":
            self.told = {
                (who, which): how
                for (who, which), how in self.told.items()
                if which != alert.id or how != "that it is over"
            }
            return
        is_of_condition = what in ("raised", "worsened", "told-again", "restated", "withdrawn")
        for who in (*AUDIENCES, *LADDER):
            how = self.told.get((who, alert.id), "nothing")
            if who == LEAST_TRUSTED and self.marked[alert.id]:
                if how == "of it":
                    self.heard.append((who, alert.id, minute, what, False))
                    del self.told[who, alert.id]
                continue
            if is_of_condition and how == "that it is over":
                how = "nothing"
            if how == "nothing":
                may_begin = who in alert.rungs or (who in AUDIENCES and is_of_condition)
                hears = may_begin and self.true[alert.id]
            else:
                hears = is_of_condition or who in KNOW_HOW_IT_IS_HANDLED
            if hears:
                self.told[who, alert.id] = "of it" if self.true[alert.id] else "that it is over"
                self.heard.append((who, alert.id, minute, what, how == "nothing"))
