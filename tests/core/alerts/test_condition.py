"""An alert is what its standing findings say; why somebody hears of it now is a decision with a reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import NOON

from safety_stream.core.alerts.condition import SHOWN_EVIDENCE, SHOWN_FINDINGS, AlertState, advance
from safety_stream.core.alerts.handling import meet
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.findings import Evidence, Excluded, Finding, FindingChange
from safety_stream.core.model.times import DAY_LENGTH, HOUR, Duration, Instant
from safety_stream.core.putting_right import reports_under
from safety_stream.core.rules.carrying import reports_of
from safety_stream.core.rules.rule import Count, Limb, PriorityRule, Rule, Safeguards

RULE = Rule(
    id="rv-example",
    version=1,
    title="Example",
    status="stable",
    family="repeat-victimisation",
    limbs=(
        Limb(
            name="",
            keys=("victim",),
            steps={},
            condition=Count(of="harm", at_least=2, within=Duration(months=12)),
            explain="",
        ),
    ),
    overrides=(),
    priority=PriorityRule(base="P3"),
    safeguards=Safeguards(),
    action_time=Duration(millis=7 * DAY_LENGTH),
    suppress_for=Duration(millis=30 * DAY_LENGTH),
    audiences=("duty-officer",),
)


def a_finding(name: str, completed_at: Instant = NOON, **changes: Any) -> Finding:
    return msgspec.structs.replace(
        Finding(
            finding_id=name,
            rule_id=RULE.id,
            rule_version=1,
            limb="",
            family=RULE.family,
            key="victim:tok-a",
            occurrence_id=name,
            completed_at=completed_at,
            priority="P3",
            area="E07000117",
            areas=("E07000117",),
            evidence=(),
            excluded=(),
            facts=(),
            child=False,
            explanation=f"because {name}",
        ),
        **changes,
    )


def told(*changes: tuple[str, Finding, Instant]) -> list[AlertVersion]:
    """The versions an alert goes through."""
    state, versions = AlertState(), []
    for change, finding, as_of in changes:
        value = FindingChange(change=change, finding=finding, as_of=as_of, cause="c")  # type: ignore[arg-type]
        advanced = advance(
            state,
            value,
            RULE,
            lambda rule, priority, marking: rule.audiences if marking == "OFFICIAL-SENSITIVE" else (),
        )
        if advanced is not None:
            state, version = advanced
            versions.append(version)
    return versions


def test_the_first_finding_raises_and_is_heard() -> None:
    (version,) = told(("raised", a_finding("a"), NOON))

    assert (version.change, version.reason, version.episode, version.notify) == ("raised", "new", 1, True)


def test_more_evidence_updates_and_is_heard_only_after_the_stated_time() -> None:
    _, soon, later = told(
        ("raised", a_finding("a"), NOON),
        ("raised", a_finding("b", NOON + HOUR), NOON + HOUR),
        ("raised", a_finding("c", NOON + 30 * DAY_LENGTH), NOON + 30 * DAY_LENGTH),
    )

    assert (soon.change, soon.reason, soon.notify) == ("updated", "evidence-added", False)
    assert (later.reason, later.notify) == ("evidence-added", True)


def test_a_priority_that_rises_is_heard_at_once() -> None:
    _, worse = told(
        ("raised", a_finding("a"), NOON), ("raised", a_finding("b", NOON + HOUR, priority="P1"), NOON + HOUR)
    )

    assert (worse.reason, worse.priority, worse.notify) == ("worsened", "P1", True)


def test_what_worsens_again_after_it_was_quietly_restated_is_heard_after_the_stated_time() -> None:
    """Told of P2, which fell to P4 unheard: a rise to P3 is no more than they know, but it is news by then."""
    better, later = a_finding("a", priority="P4"), NOON + 30 * DAY_LENGTH
    grave = a_finding("a", priority="P2")

    *_, soon = told(
        ("raised", grave, NOON), ("updated", better, NOON), ("raised", a_finding("b", NOON + HOUR), NOON + HOUR)
    )
    *_, late = told(("raised", grave, NOON), ("updated", better, NOON), ("raised", a_finding("b", later), later))

    assert (soon.reason, soon.priority, soon.notify) == ("worsened", "P3", False)
    assert (late.reason, late.priority, late.notify) == ("worsened", "P3", True)


def test_an_earlier_completion_back_dates_the_alert_and_keeps_its_id() -> None:
    first, second = told(("raised", a_finding("a"), NOON), ("raised", a_finding("b", NOON - DAY_LENGTH), NOON + HOUR))

    assert second.reason == "back-dated"
    assert second.first_completed_at == NOON - DAY_LENGTH
    assert first.alert_id == second.alert_id


def test_it_stands_while_any_finding_stands_and_then_is_withdrawn_from_all_who_heard() -> None:
    finding = a_finding("a")
    *_, fewer, gone = told(
        ("raised", finding, NOON),
        ("raised", a_finding("b", NOON + HOUR), NOON + HOUR),
        ("withdrawn", a_finding("b", NOON + HOUR), NOON + HOUR),
        ("withdrawn", finding, NOON + HOUR),
    )

    assert (fewer.change, fewer.reason) == ("updated", "evidence-removed")
    assert (gone.change, gone.reason, gone.notify, gone.findings) == ("withdrawn", "withdrawn", True, ())
    assert gone.explanation == "because a"


def test_true_again_opens_the_next_episode_of_the_same_alert() -> None:
    finding = a_finding("a")
    versions = told(("raised", finding, NOON), ("withdrawn", finding, NOON), ("raised", finding, NOON))

    assert [version.version for version in versions] == [1, 2, 3]
    assert [version.episode for version in versions] == [1, 1, 2]
    assert versions[-1].change == "raised"


@pytest.mark.parametrize(("lateness", "late"), [(7 * DAY_LENGTH, False), (7 * DAY_LENGTH + 1, True)])
def test_what_completed_longer_ago_than_the_action_time_pages_nobody(lateness: int, late: bool) -> None:
    (version,) = told(("raised", a_finding("a"), NOON + lateness))

    assert (version.late, version.notify) == (late, not late)


def test_a_version_carries_the_newest_findings_only() -> None:
    many = [("raised", a_finding(f"f{n:02}", NOON + n), NOON) for n in range(SHOWN_FINDINGS + 4)]
    version = told(*many)[-1]

    assert [finding.finding_id for finding in version.findings] == [f"f{n:02}" for n in range(4, SHOWN_FINDINGS + 4)]
    assert version.first_completed_at == NOON


def test_what_never_stood_cannot_be_withdrawn() -> None:
    assert told(("withdrawn", a_finding("a"), NOON)) == []


def test_an_alert_of_a_much_harmed_person_stays_small() -> None:
    evidence = tuple(Evidence(f"o{n:03}", NOON + n, "E07000117", (f"o{n:03}",)) for n in range(256))
    many = [("raised", a_finding(f"f{n:03}", NOON + n, evidence=evidence), NOON) for n in range(256)]
    version = told(*many)[-1]

    assert len(msgspec.msgpack.encode(version)) < 64_000
    assert version.findings[-1].evidence == evidence[-SHOWN_EVIDENCE:]


def test_late_findings_page_nobody_whatever_becomes_of_them() -> None:
    """Rules.md 3.7: neither when one of them goes, nor when all have gone."""
    late = NOON + 30 * DAY_LENGTH
    first, second = a_finding("a"), a_finding("b", NOON + HOUR)
    versions = told(
        ("raised", first, late), ("raised", second, late), ("withdrawn", second, late), ("withdrawn", first, late)
    )

    assert [version.notify for version in versions] == [False] * 4
    assert [version.late for version in versions] == [True, True, True, False]


def test_a_new_episode_tells_nobody_of_its_end_who_did_not_hear_of_its_beginning() -> None:
    late = NOON + 30 * DAY_LENGTH
    versions = told(
        ("raised", a_finding("a"), NOON),
        ("withdrawn", a_finding("a"), NOON),
        ("raised", a_finding("a"), late),
        ("withdrawn", a_finding("a"), late),
    )

    assert [version.notify for version in versions] == [True, True, False, False]


def test_what_is_long_past_pages_nobody_beside_what_is_not() -> None:
    """Two years ago something happened that is reported only now, about somebody an alert stands of already."""
    later = NOON + 60 * DAY_LENGTH
    ancient = a_finding("old", NOON - 700 * DAY_LENGTH)

    *_, version = told(
        ("raised", a_finding("a"), NOON),
        ("raised", a_finding("b", later), later),
        ("raised", ancient, later + 31 * DAY_LENGTH),
    )

    assert (version.reason, version.late, version.notify) == ("back-dated", True, False)


def test_what_is_long_past_pages_nobody_however_grave() -> None:
    grave = a_finding("old", NOON - 700 * DAY_LENGTH, priority="P1")

    *_, version = told(("raised", a_finding("a"), NOON), ("raised", grave, NOON + HOUR))

    assert (version.reason, version.priority, version.late, version.notify) == ("worsened", "P1", True, False)


POSSIBLE = (("match", "possible"),)


def test_what_is_certain_is_told_at_once_to_those_who_heard_of_possible_matches_alone() -> None:
    """Though it is more of the same, and soon: what nobody has confirmed keeps nothing back."""
    versions = told(
        ("raised", a_finding("a", facts=POSSIBLE), NOON),
        ("raised", a_finding("b", NOON + HOUR, facts=POSSIBLE), NOON + HOUR),
        ("raised", a_finding("c", NOON + 2 * HOUR), NOON + 2 * HOUR),
        ("raised", a_finding("d", NOON + 3 * HOUR), NOON + 3 * HOUR),
    )

    assert [version.notify for version in versions] == [True, False, True, False]


def test_a_match_that_is_confirmed_is_told() -> None:
    versions = told(
        ("raised", a_finding("a", facts=POSSIBLE), NOON),
        ("updated", a_finding("a"), NOON + HOUR),
        ("updated", a_finding("a", facts=POSSIBLE), NOON + 2 * HOUR),
    )

    assert [(version.reason, version.notify) for version in versions] == [
        ("new", True),
        ("restated", True),
        ("restated", False),
    ]


def test_it_is_marked_as_its_rule_or_as_the_highest_of_its_findings_and_reaches_whoever_may_be_told_that():
    one, other = a_finding("a"), a_finding("b", marking="OFFICIAL-SENSITIVE")
    rule = msgspec.structs.replace(RULE, marking="OFFICIAL")
    state, said = AlertState(), []
    for change, finding in (("raised", one), ("raised", other), ("withdrawn", other)):
        value = FindingChange(change=change, finding=finding, as_of=NOON, cause="c")  # type: ignore[arg-type]
        advanced = advance(state, value, rule, lambda _, __, marking: (marking,))
        assert advanced is not None
        state, version = advanced
        said.append((version.marking, version.audiences))

    assert said == [(one, (one,)) for one in ("OFFICIAL", "OFFICIAL-SENSITIVE", "OFFICIAL")]
    assert [version.marking for version in told(("raised", one, NOON))] == ["OFFICIAL-SENSITIVE"]


def of_reports(name: str, first: int, last: int, completed_at: Instant = NOON, **changes: Any) -> Finding:
    """A finding that rests on these reports, each an occurrence of its own."""
    evidence = tuple(Evidence(f"o-{n:02}", NOON + n, "E07000117", (f"r-{n:02}",)) for n in range(first, last + 1))
    return a_finding(name, completed_at, evidence=evidence, **changes)


def names(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"r-{n:02}" for n in range(first, last + 1))


def test_a_version_names_the_reports_it_does_not_show() -> None:
    """Of nine the oldest; of eight none; nor what was looked at and not counted."""
    excluded = tuple(Excluded(f"x-{n:02}", "discovered") for n in range(SHOWN_EVIDENCE + 1))
    (eight,) = told(("raised", of_reports("a", 1, 8, excluded=excluded), NOON))
    (nine,) = told(("raised", of_reports("a", 1, 9, excluded=excluded), NOON))

    assert (eight.also_rests_on, nine.also_rests_on) == ((), ("r-01",))
    assert reports_under(eight) == {*names(1, 8)}
    assert reports_under(nine) == {*names(1, 9)}


def test_it_names_the_reports_of_findings_it_does_not_show() -> None:
    many = [("raised", of_reports(f"f{n:02}", n, n, NOON + n), NOON) for n in range(SHOWN_FINDINGS + 1)]
    *_, sixteen, seventeen = told(*many)

    assert (sixteen.also_rests_on, seventeen.also_rests_on) == ((), ("r-00",))


def test_it_names_the_reports_that_are_too_many_of_one_occurrence() -> None:
    reports = names(1, SHOWN_EVIDENCE + 2)
    (version,) = told(("raised", a_finding("a", evidence=(Evidence("o", NOON, "E07000117", reports),)), NOON))

    assert version.also_rests_on == names(1, 2)


def test_what_another_finding_shows_is_not_named_besides() -> None:
    *_, version = told(
        ("raised", of_reports("a", 1, 9), NOON), ("raised", of_reports("b", 1, 1, NOON + HOUR), NOON + HOUR)
    )

    assert version.also_rests_on == ()


def test_what_a_finding_rested_on_alone_goes_with_it() -> None:
    first, second = of_reports("a", 1, 10), of_reports("b", 2, 11, NOON + HOUR)
    both, one, again, gone = told(
        ("raised", first, NOON),
        ("raised", second, NOON),
        ("withdrawn", first, NOON),
        ("updated", of_reports("b", 3, 10, NOON + HOUR), NOON),
        ("withdrawn", second, NOON),
    )[1:]

    assert both.also_rests_on == names(1, 2)
    assert one.also_rests_on == names(2, 3)
    assert again.also_rests_on == ()
    assert (gone.change, gone.also_rests_on) == ("withdrawn", ())


def test_what_an_earlier_release_remembered_goes_on_and_says_what_was_cut_once_it_changes() -> None:
    """It cut as well, and did not remember what: then of that alone nothing is known."""
    older = {
        name: FindingChange(change="raised", finding=of_reports(name, 1, 9), as_of=NOON, cause="c") for name in "ab"
    }
    state = AlertState()
    for change in older.values():
        state, _ = advanced(state, change)
    kept = msgspec.to_builtins(state)
    assert kept.pop("cut") != [[], {}]
    restored = msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=AlertState)

    state, version = advanced(
        restored, msgspec.structs.replace(older["b"], change="updated", finding=of_reports("b", 1, 10))
    )
    assert version.also_rests_on == names(1, 1), "report 2 is shown by the other"
    assert [one.finding_id for one in version.findings] == ["a", "b"]
    _, version = advanced(state, msgspec.structs.replace(older["a"], change="withdrawn"))
    assert version.also_rests_on == names(1, 2)


def advanced(state: AlertState, change: FindingChange) -> tuple[AlertState, AlertVersion]:
    found = advance(state, change, RULE, lambda rule, *_: rule.audiences)
    assert found is not None
    return found


@given(data=st.data())
def test_what_it_shows_and_names_besides_is_what_its_standing_findings_rest_on(data: st.DataObject) -> None:
    """Whatever came, changed and went, and whatever the state went through in between."""
    state, standing = AlertState(), dict[str, Finding]()
    for step in range(data.draw(st.integers(1, 40))):
        name = f"f{data.draw(st.integers(0, SHOWN_FINDINGS + 4)):02}"
        goes = name in standing and data.draw(st.booleans())
        first = data.draw(st.integers(1, 20))
        finding = of_reports(name, first, first + data.draw(st.integers(0, 15)), NOON + data.draw(st.integers(0, 9)))
        change = "withdrawn" if goes else "updated" if name in standing else "raised"
        state, version = advanced(state, FindingChange(change=change, finding=finding, as_of=NOON + step, cause="c"))
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=AlertState)
        if goes:
            del standing[name]
        else:
            standing[name] = finding

        shown = frozenset[str]().union(*map(reports_of, version.findings))
        resting = frozenset[str]().union(*map(reports_of, standing.values()))
        assert version.also_rests_on == tuple(sorted(resting - shown))
        assert reports_under(version) == resting


def test_what_is_handled_and_told_does_not_have_it() -> None:
    (version,) = told(("raised", of_reports("a", 1, 9), NOON))
    case = meet(None, version)

    assert not hasattr(case.alert, "also_rests_on")
    assert msgspec.structs.asdict(version) == msgspec.structs.asdict(case.alert) | {"also_rests_on": ("r-01",)}
