"""How an alert is handled, as tables: what people may do in which state, and what its condition and the clock do to it.

Theory of operation
-------------------
Two machines run side by side. The condition of an alert (`condition.py`) says whether it is true; this one says how far
people have got with it. They meet in one place: a change of the condition is an *occasion* here, and moves the handling
as an action does.

    raised      true again, or for the first time: everybody begins anew
    worsened    more severe than before: whoever has dealt with it must look again
    told-again  more of the same that must be heard: what was settled is open again
    restated    anything else: nothing moves
    withdrawn   no longer true: there is nothing left to do

What comes too late to act on at once pages nobody (rules.md 3.7), and so begins no clock: nobody is overdue with what
they were not told. Late news that makes an alert worse opens again what was settled or merged, with no clock but its
end. What somebody was paged for and still has open stays with them, and its clocks run anew by the higher priority.

An alert can be merged only into one that is looked after as soon and of which the same hear. Whoever relied on it there
must look at this one again (*unmerged*) when that one is gone (withdrawn or expired) or has become less urgent than
this, and when there is more of this one while nobody looks after that.

The tables say everything. What is not in `ACTIONS` is refused with a reason and changes nothing; every occasion has a
row for every state.

An alert that must be dealt with has two clocks, by its priority (`handling.yaml`): by when somebody must have
acknowledged it, and by when it must have been decided. They run in *rounds*. A round begins when an alert is raised,
worsens or is opened again, or when what was settled is assessed or referred after all, and each *deadline* of it falls
due once: the steps of the ladder while nobody has acknowledged it, both clocks, and the end of what nobody need care
for. What is not decided in time, acknowledged or not, goes on up the ladder from where it is, by the same steps, to its
top: whoever took it on may have forgotten it.
While an alert is snoozed nothing of that falls due; what would have does so when the snooze is over, and what was
overdue is so again. So what is due follows from the state, the round and the time, and is the same after a restart.

An alert goes up its ladder, and to whoever it has gone hears of it from then on (`Case.rungs`).

What has come to an end is remembered for so long after the last that happened to it, and then forgotten. If its
condition changes after that, its case begins anew, as one at rest: so what only restates it opens nothing, and what
would have opened it again does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, cast

import msgspec

from safety_stream.core.model.alerts import Alert, AlertVersion
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.handling import (
    AlertAction,
    HandledAlert,
    Handling,
    HandlingAction,
    HandlingNews,
    HandlingState,
)
from safety_stream.core.model.markings import conditions_of
from safety_stream.core.model.times import DAY_LENGTH, Instant

UNANSWERED: Final[frozenset[HandlingState]] = frozenset({"new", "reopened"})
"""Nobody has acknowledged it: the ladder runs."""

UNDECIDED: Final[frozenset[HandlingState]] = UNANSWERED | {"acknowledged", "assessing", "referred"}
"""Nothing has been decided. A referral is none until the partner has taken it on."""

_SETTLED: Final[frozenset[HandlingState]] = frozenset({"actioned", "accepted", "no-further-action", "closed"})
_AT_REST: Final[frozenset[HandlingState]] = frozenset({"withdrawn", "expired"})
_ALL: Final[frozenset[HandlingState]] = UNDECIDED | _SETTLED | _AT_REST | {"snoozed", "merged"}


def _from(states: frozenset[HandlingState], to: HandlingState) -> dict[HandlingState, HandlingState]:
    return dict.fromkeys(states, to)


_STAY: Final[dict[HandlingState, HandlingState]] = {state: state for state in _ALL}

ACTIONS: Final[Mapping[HandlingAction, Mapping[HandlingState, HandlingState]]] = {
    "acknowledge": _from(UNANSWERED | {"snoozed"}, "acknowledged"),
    "assess": _from(UNANSWERED | {"snoozed", "acknowledged", "actioned", "no-further-action"}, "assessing"),
    "action": _from(frozenset({"acknowledged", "assessing", "accepted"}), "actioned"),
    "refer": _from(frozenset({"acknowledged", "assessing", "actioned"}), "referred"),
    "accept": {"referred": "accepted"},
    "bounce": {"referred": "assessing"},
    "no-further-action": _from(frozenset({"acknowledged", "assessing"}), "no-further-action"),
    "snooze": _from(UNANSWERED | {"acknowledged", "assessing"}, "snoozed"),
    # To where it was before: `_moved` knows.
    "wake": {"snoozed": "snoozed"},
    "merge": _from(UNANSWERED | {"acknowledged", "assessing", "snoozed"}, "merged"),
    "escalate": {state: state for state in UNDECIDED},
    "close": _from(_SETTLED - {"closed"} | _AT_REST, "closed"),
    "reopen": _from(_SETTLED | {"referred", "merged"}, "reopened"),
    "note": _STAY,
    "judge": _STAY,
}
"""What each action makes of each state it may be taken in."""

OCCASIONS: Final[Mapping[HandlingNews, Mapping[HandlingState, HandlingState]]] = {
    "raised": _from(_ALL, "new"),
    "worsened": _from(_ALL, "reopened") | {"new": "new"},
    "told-again": _STAY | _from(_SETTLED | {"expired"}, "reopened"),
    "restated": _STAY,
    "withdrawn": _from(_ALL, "withdrawn"),
    "overdue": _STAY,
    "slept": _STAY,
    "outlived": _from(_ALL, "expired"),
    "unmerged": _STAY | _from(frozenset({"merged"}), "reopened"),
    "forgotten": _STAY,
}
"""What befalls an alert in each state. A snooze that is over goes back to where it was before: `_moved` knows."""

_WORSE_TOO_LATE: Final = _STAY | _from(_SETTLED | _AT_REST | {"merged"}, "reopened")
"""What "worsened" makes of each state where it comes too late to page anybody."""

OF_CONDITION: Final[frozenset[HandlingNews]] = frozenset({"raised", "worsened", "told-again", "restated", "withdrawn"})
"""What is news of the alert itself; all else is of its handling."""

GONE: Final[frozenset[HandlingNews]] = frozenset({"withdrawn", "outlived"})
"""After these nobody looks after what was merged into an alert."""

ASIDE: Final[frozenset[HandlingNews]] = frozenset({"note", "judge"})
"""What is said about an alert and changes nothing of it: nobody has to look at it again for that."""

_ENDED: Final[frozenset[HandlingState]] = _AT_REST | {"closed"}
_BEGINS_A_ROUND: Final[frozenset[HandlingNews]] = frozenset({"raised", "worsened", "told-again", "reopen", "unmerged"})
_NEEDS_RATIONALE: Final[frozenset[HandlingAction]] = frozenset(
    {"action", "refer", "bounce", "no-further-action", "snooze", "merge", "escalate", "reopen", "note"}
)
_NEEDS_A_LOOK: Final[frozenset[HandlingAction]] = frozenset(
    {"acknowledge", "assess", "action", "refer", "no-further-action", "snooze", "merge", "close"}
)
"""What stops a clock: nobody stops one of what they have not seen."""

_QUIET: Final[frozenset[HandlingState]] = frozenset({"snoozed", "merged"})

ANSWERS_KEPT: Final = 64
"""How many actions of an alert are remembered, the newest: sent again, they are the same actions."""

RATIONALE_AT_MOST: Final = 500
"""How many characters a rationale may have: a note beside a record, and no record."""


class Rung(msgspec.Struct, frozen=True, gc=False):
    """A step of the ladder: after so many milliseconds without an answer an alert goes to this role."""

    after: int
    to: str


class Clocks(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an alert of one priority asks for; lengths in milliseconds, None where nothing is asked.

    `kept` is how long one that nobody need answer stays before it is outlived.
    """

    acknowledge: int | None = None
    decide: int | None = None
    ladder: tuple[Rung, ...] = ()
    snooze_at_most: int = 0
    kept: int | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Who may do what about alerts, and by when: `handling.yaml`.

    `reasons` are those an action asks for. Whoever may accept is a partner that alerts can be referred to. `remembered`
    is how long after its end an alert can still be acted on; None: for ever.
    """

    clocks: dict[Priority, Clocks] = {}
    roles: dict[str, frozenset[HandlingAction]] = {}
    reasons: dict[HandlingAction, tuple[str, ...]] = {}
    remembered: int | None = None


class Case(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is remembered of one alert: its newest version, how far it has been handled, and its round.

    `before` is the state a snooze goes back to, and `was_overdue` whether it was overdue then. `is_paged` says that
    somebody was paged in this episode: before that no clock runs. `began` is when the round did, and `fallen` the
    deadlines of it that have fallen due; none falls due before `not_before`. `rungs` are those of the ladder it has
    gone to in this episode, in order. `graver_in` is the version that last opened it or made it worse. `answered` are
    the last actions, each with the reason it was refused, "" for done.
    """

    alert: Alert
    handling: Handling
    before: HandlingState = "new"
    was_overdue: bool = False
    is_paged: bool = False
    began: Instant = 0
    not_before: Instant = 0
    fallen: tuple[str, ...] = ()
    rungs: tuple[str, ...] = ()
    graver_in: int = 0
    answered: dict[str, str] = {}


CaseOf = Callable[[str], Case | None]
"""An alert's id to its case; None where there is none, or it has been forgotten."""

WhyUntold = Callable[[str, Alert], str]
"""A partner and an alert to why the partner is told nothing of it; "" where it is told."""


def meet(case: Case | None, version: AlertVersion) -> Case:
    """The case after a new version of its alert. A version that was met before changes nothing."""
    if case is None:
        # What is met in the middle of its life has been forgotten: it was at rest.
        state: HandlingState = "new" if version.change == "raised" else "expired"
        first = Handling(number=0, state=state, since=version.as_of, what="raised", as_of=version.as_of)
        case = Case(alert=version.to_tell(), handling=first)
    elif version.version <= case.alert.version:
        return case
    what = _occasion(version)
    is_worse_too_late = what == "worsened" and version.late
    state = (_WORSE_TOO_LATE if is_worse_too_late else OCCASIONS[what])[case.handling.state]
    is_first_page = version.notify and not case.is_paged
    is_left_open = is_worse_too_late and state == case.handling.state
    goes_on = case.is_paged and what != "raised" and (is_left_open or not is_worse_too_late)
    case = msgspec.structs.replace(
        case,
        alert=version.to_tell(),
        is_paged=version.change != "withdrawn" and (version.notify or goes_on),
        rungs=() if what == "raised" else case.rungs,
        graver_in=version.version if what in ("raised", "worsened") else case.graver_in,
    )
    case = _moved(case, what, state, version.as_of)
    return _in_new_round(case, version.as_of) if is_first_page or is_left_open else case


def act(
    case: Case | None,
    action: AlertAction,
    now: Instant,
    policy: Policy,
    case_of: CaseOf,
    why_untold: WhyUntold = lambda _partner, _alert: "",
) -> tuple[Case | None, str]:
    """The case after an action, and "" if it was done, else why not: then nothing has changed but the memory of it."""
    if case is None:
        return None, _unknown(policy)
    if action.action_id in case.answered:
        return case, case.answered[action.action_id]
    why = _refusal(case, action, now, policy, case_of)
    if not why and action.action == "refer" and (untold := why_untold(action.to, case.alert)):
        why = f"it cannot be referred to {action.to}, who may not be told of it: {untold}"
    if not why:
        case = _done(case, action, now)
    kept = list(case.answered.items())[1 - ANSWERS_KEPT :]
    return msgspec.structs.replace(case, answered=dict([*kept, (action.action_id, why)])), why


def pass_time(case: Case, now: Instant, policy: Policy) -> Case | None:
    """The case after the earliest deadline that is due by now; None when none is."""
    due = [(at, name) for at, name in _deadlines(case, policy) if at <= now]
    if not due:
        return None
    at = min(due)[0]
    names = tuple(name for when, name in due if when == at)
    if "sleep" in names:
        woken = msgspec.structs.replace(case, not_before=at)
        return _moved(woken, "slept", case.before, at, snoozed_until=None, overdue=case.was_overdue)
    if "forget" in names:
        return _moved(case, "forgotten", OCCASIONS["forgotten"][case.handling.state], at)
    case = msgspec.structs.replace(case, fallen=case.fallen + names)
    if "outlive" in names:
        return _moved(case, "outlived", OCCASIONS["outlived"][case.handling.state], at)
    climbed = _climbed(names, case, policy)
    return _moved(
        _gone_to(case, *_in_order([*_fallen_rungs(names, case, policy), *climbed], case, policy)),
        "overdue",
        case.handling.state,
        at,
        overdue=True,
        escalated_to=climbed[-1] if climbed else case.handling.escalated_to,
    )


def neglect_of(target: Case | None) -> str:
    """Why nobody looks after an alert that another was merged into; "" where somebody does, or its clocks still run."""
    if target is None:
        return "forgotten"
    if target.handling.state not in UNDECIDED:
        return target.handling.state
    return "overdue" if target.handling.overdue else ""


def lose_target(case: Case, why: str, at: Instant) -> Case:
    """The case once it can no longer rely on the alert it was merged into: it is open again, and says why."""
    return _moved(case, "unmerged", OCCASIONS["unmerged"][case.handling.state], at, reason=why)


def is_more(version: AlertVersion) -> bool:
    """Whether there is more of an alert than before, be it too soon to tell it again; what is late disturbs nobody."""
    return version.notify or (version.reason == "evidence-added" and not version.late)


def next_deadline(case: Case, policy: Policy) -> Instant | None:
    """When this case must be looked at again; None when nothing of it can fall due."""
    return min((at for at, _ in _deadlines(case, policy)), default=None)


def told(case: Case, policy: Policy) -> HandledAlert:
    """What goes out of a case: the alert, how far it has been handled, and whether anybody must hear of it now."""
    handling, alert = case.handling, case.alert
    clocks = _clocks(case, policy)
    handling = msgspec.structs.replace(
        handling,
        acknowledge_by=_by(case, clocks.acknowledge) if handling.state in UNANSWERED else None,
        decide_by=_by(case, clocks.decide) if handling.state in UNDECIDED else None,
    )
    if handling.what in OF_CONDITION:
        notify = alert.notify and handling.state not in _QUIET
    else:
        notify = handling.what in ("overdue", "slept", "unmerged")
    return HandledAlert(alert=alert, handling=handling, notify=notify, as_of=handling.as_of, rungs=case.rungs)


def is_forgotten(case: Case) -> bool:
    """Whether nothing of it need be remembered any more."""
    return case.handling.what == "forgotten"


# --- How a case moves.


def _occasion(version: AlertVersion) -> HandlingNews:
    if version.change == "raised":
        return "raised"
    if version.change == "withdrawn":
        return "withdrawn"
    if version.reason == "worsened":
        return "worsened"
    return "told-again" if version.notify else "restated"


def _moved(case: Case, what: HandlingNews, state: HandlingState, at: Instant, **changes: object) -> Case:
    before = case.handling
    at = max(at, before.as_of)
    # Where nothing was settled, more of the same begins no round, nor does what has come too late: it is in hand.
    leaves_open = what == "told-again" or (what == "worsened" and case.alert.late)
    begins = what in _BEGINS_A_ROUND and not (leaves_open and state == before.state)
    handling = Handling(
        number=before.number + 1,
        state=state,
        since=before.since if state == before.state else at,
        what=what,
        as_of=at,
        owner="" if begins else before.owner,
        escalated_to="" if begins else before.escalated_to,
        overdue=before.overdue and not begins and state in UNDECIDED,
        snoozed_until=before.snoozed_until if state == "snoozed" else None,
        referred_to=before.referred_to if state in ("referred", "accepted") else "",
        merged_into=before.merged_into if state == "merged" else "",
        useful=None if what == "raised" else before.useful,
    )
    case = msgspec.structs.replace(case, handling=msgspec.structs.replace(handling, **changes))
    return _in_new_round(case, at) if begins else case


def _gone_to(case: Case, *rungs: str) -> Case:
    """The case having gone to these rungs, too."""
    return msgspec.structs.replace(case, rungs=tuple(dict.fromkeys((*case.rungs, *(rung for rung in rungs if rung)))))


def _in_new_round(case: Case, at: Instant) -> Case:
    return msgspec.structs.replace(case, began=at, not_before=at, fallen=())


def _done(case: Case, action: AlertAction, now: Instant) -> Case:
    before = case.handling
    state = case.before if action.action == "wake" else ACTIONS[action.action][before.state]
    changes: dict[str, object] = {
        "actor": action.actor,
        "role": action.role,
        "reason": action.reason,
        "rationale": action.rationale,
    }
    if before.state in UNANSWERED | {"snoozed"} and action.action in ("acknowledge", "assess"):
        changes |= {"owner": action.actor, "overdue": False}
    if action.action == "escalate":
        changes["escalated_to"] = action.to
        case = _gone_to(case, action.to)
    if action.action == "refer":
        changes["referred_to"] = action.to
    if action.action == "merge":
        changes["merged_into"] = action.into
    if action.action == "judge":
        changes["useful"] = action.useful
    if action.action == "snooze":
        changes["snoozed_until"] = action.until
        case = msgspec.structs.replace(case, before=before.state, was_overdue=before.overdue)
    if action.action == "wake":
        changes["overdue"] = case.was_overdue
        case = msgspec.structs.replace(case, not_before=now)
    if action.action == "bounce":
        # Whoever referred it must decide anew, and is given the time: nothing of that is overdue yet.
        changes["overdue"] = False
        case = _in_new_round(case, now)
    if before.state in _SETTLED and state in UNDECIDED:
        # What was settled is to be decided anew: the clocks of that begin now, and the ladder from its foot.
        changes |= {"overdue": False, "escalated_to": ""}
        case = _in_new_round(case, now)
    return _moved(case, cast(HandlingNews, action.action), state, now, **changes)


# --- What is refused.


def _unknown(policy: Policy) -> str:
    if policy.remembered is None:
        return "there is no such alert"
    days = policy.remembered // DAY_LENGTH
    return f"there is no such alert, or it has been forgotten, as one is {days} days after its end: nothing can be done"


def _refusal(case: Case, action: AlertAction, now: Instant, policy: Policy, case_of: CaseOf) -> str:
    """Why an action is not done, and what to do instead; "" if it can be."""
    state, what = case.handling.state, action.action
    if what not in policy.roles.get(action.role, ()):
        return f"role {action.role} may not {what}: {_who_may(what, policy)}"
    if state not in ACTIONS[what]:
        return f"{what} is not possible while it is {state}: it is from {_listed(ACTIONS[what])}"
    if what in ("accept", "bounce") and action.role != case.handling.referred_to:
        return f"it was referred to {case.handling.referred_to}, who alone may {what} it"
    if what in _NEEDS_A_LOOK and not 1 <= action.seen <= case.alert.version:
        return f"{what} names the version that was seen, and this names {action.seen}: look at {case.alert.version}"
    if what in _NEEDS_A_LOOK and action.seen < case.graver_in:
        return f"it has become worse since version {action.seen}: look at version {case.graver_in} first"
    return _lacking(case, action, now, policy, case_of)


def _lacking(case: Case, action: AlertAction, now: Instant, policy: Policy, case_of: CaseOf) -> str:
    _, why = unfilled(action, policy)
    return why or _misdirected(case, action, now, policy, case_of)


def unfilled(action: AlertAction, policy: Policy) -> tuple[str, str]:
    """What an action lacks by itself, whatever alert it is about: the field, and why it is refused; "" for nothing."""
    what = action.action
    if len(action.rationale) > RATIONALE_AT_MOST:
        said = f"the rationale has more than {RATIONALE_AT_MOST} characters: keep the record where records are kept"
        return "rationale", said
    if what in _NEEDS_RATIONALE and not action.rationale.strip():
        return "rationale", f"{what} needs a rationale"
    reasons = policy.reasons.get(what, ())
    if reasons and action.reason not in reasons:
        return "reason", f"{what} needs one of the reasons {_listed(reasons)}"
    if what == "judge" and action.useful is None:
        return "useful", "judge says whether it was useful"
    return "", ""


def _misdirected(case: Case, action: AlertAction, now: Instant, policy: Policy, case_of: CaseOf) -> str:
    what = action.action
    if what == "refer" and action.to not in (may_take := partners(policy) & {*case.alert.audiences}):
        return f"it can be referred to {_listed(may_take) or 'nobody'}: partners who hear of it"
    if what == "escalate" and action.to not in (rungs := ladder(case.alert.priority, policy)):
        return f"it can be escalated to {_listed(rungs) or 'nobody'}"
    if what == "merge":
        return _no_merging(case, case_of(action.into))
    return _no_snooze(case, action.until, now, policy) if what == "snooze" else ""


def _no_merging(case: Case, into: Case | None) -> str:  # noqa: PLR0911 - one for each reason
    if into is None or into.alert.alert_id == case.alert.alert_id:
        return "merge names another alert that there is"
    if into.handling.state not in UNDECIDED:
        return f"merge names an alert that is undecided and not merged itself: that one is {into.handling.state}"
    if unheard := {*case.alert.audiences, *case.rungs} - {*into.alert.audiences, *into.rungs}:
        return f"merge names an alert of which whoever hears of this one hears: {_listed(unheard)} would not"
    if into.alert.priority > case.alert.priority:
        return f"{into.alert.priority} is looked after less soon than {case.alert.priority}: merge that one into this"
    if added := conditions_beyond(into, case):
        return f"that one may be told under the conditions of {_listed(added)} alone: merge that one into this"
    if case.is_paged and not into.is_paged:
        return "nobody was paged for that one, so no clock of it runs: merge that one into this"
    return ""


def conditions_beyond(into: Case, case: Case) -> frozenset[str]:
    """Under whose conditions an alert may be told, but not the other: some who hear of the other would not of it."""
    return frozenset(conditions_of(into.alert.marking)) - frozenset(conditions_of(case.alert.marking))


def partners(policy: Policy) -> frozenset[str]:
    """Whom an alert can be referred to: the roles that may accept one."""
    return frozenset(role for role, may in policy.roles.items() if "accept" in may)


def ladder(priority: Priority, policy: Policy) -> frozenset[str]:
    """Whom an alert can be escalated to: whoever stands on the ladder of its priority."""
    return frozenset(rung.to for rung in policy.clocks.get(priority, Clocks()).ladder)


def _no_snooze(case: Case, until: Instant | None, now: Instant, policy: Policy) -> str:
    longest = policy.clocks.get(case.alert.priority, Clocks()).snooze_at_most
    if until is None or until <= now:
        return "snooze says until when, and that is to come"
    if until > now + longest:
        return f"a {case.alert.priority} alert sleeps for {longest // 60_000} minutes at most"
    return ""


def _who_may(what: HandlingAction, policy: Policy) -> str:
    roles = [role for role, may in policy.roles.items() if what in may]
    return f"{_listed(roles)} may" if roles else "nobody may"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


# --- What falls due.


def _deadlines(case: Case, policy: Policy) -> list[tuple[Instant, str]]:
    """What is still to fall due in this round, each with its name."""
    handling = case.handling
    if handling.snoozed_until is not None:
        return [(handling.snoozed_until, "sleep")]
    if handling.state in _ENDED:
        is_kept = policy.remembered is None or is_forgotten(case)
        return [] if is_kept else [(handling.as_of + (policy.remembered or 0), "forget")]
    clocks = _clocks(case, policy)
    lengths: list[tuple[str, int | None]] = []
    if handling.state in UNANSWERED:
        lengths.append(("acknowledge", clocks.acknowledge))
        lengths += [(f"rung {number}", rung.after) for number, rung in enumerate(clocks.ladder)]
    if handling.state in UNDECIDED:
        lengths.append(("decide", clocks.decide))
        lengths += _further_up(handling.escalated_to, clocks)
    if handling.state in UNDECIDED and clocks.decide is None:
        lengths.append(("outlive", clocks.kept))
    return [
        (max(case.began + length, case.not_before), name)
        for name, length in lengths
        if length is not None and name not in case.fallen
    ]


def _further_up(already: str, clocks: Clocks) -> list[tuple[str, int | None]]:
    """The steps up from the clock of the decision, as far apart as the rungs are; none from the top."""
    if clocks.decide is None or not clocks.ladder or already == clocks.ladder[-1].to:
        return []
    first = clocks.ladder[0].after
    return [
        (f"up {number}", clocks.decide + rung.after - first) for number, rung in enumerate(clocks.ladder[1:], start=1)
    ]


def _clocks(case: Case, policy: Policy) -> Clocks:
    """The clocks of a case: none where nobody hears of it, and none but its end where nobody was paged."""
    if not case.alert.audiences:
        return Clocks()
    clocks = policy.clocks.get(case.alert.priority, Clocks())
    return clocks if case.is_paged else Clocks(kept=clocks.kept)


def _by(case: Case, length: int | None) -> Instant | None:
    return None if length is None else max(case.began + length, case.not_before)


def _fallen_rungs(names: Iterable[str], case: Case, policy: Policy) -> list[str]:
    rungs = enumerate(_clocks(case, policy).ladder)
    return [rung.to for number, rung in rungs if f"rung {number}" in names]


def _climbed(names: Iterable[str], case: Case, policy: Policy) -> list[str]:
    """The rungs it goes up by what falls due, from the lowest: several at once, as after a snooze, pass over none.

    It goes to the highest rung that has fallen due or, undecided in time, to the next above whom it had gone to. What
    somebody has taken up by hand no clock takes down again.
    """
    rungs = [rung.to for rung in _clocks(case, policy).ladder]
    fallen = sum(name.startswith("rung ") or _is_step_up(name) for name in case.fallen)
    already = case.handling.escalated_to
    reached = rungs.index(already) + 1 if already in rungs else 0
    return rungs[reached : max(fallen, reached + sum(map(_is_step_up, names)))]


def _is_step_up(name: str) -> bool:
    return name == "decide" or name.startswith("up ")


def _in_order(rungs: list[str], case: Case, policy: Policy) -> list[str]:
    return [rung.to for rung in _clocks(case, policy).ladder if rung.to in rungs]
