"""The door for alerts: projected, numbered without gap, on record, and no end without a beginning."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import NOON, a_record, an_alert, as_granted
from tests.delivery.making import BOUNDS, subscription

from safety_stream.core.audit import Chain, chained, verified
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion, Change
from safety_stream.core.model.findings import Family
from safety_stream.core.model.handling import HandledAlert, Handling, HandlingNews
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.model.sharing import Grant, Withheld
from safety_stream.core.model.times import DAY_LENGTH, MINUTE, Day, day_of
from safety_stream.core.policy import parties_of
from safety_stream.core.putting_right import Notices
from safety_stream.core.stages import handle, publish_alerts
from safety_stream.core.stages.publish_alerts import cause_told
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW, Output, Step
from safety_stream.delivery.deciding import decide

ALERT = an_alert(priority="P3", audiences=("analyst", "duty-officer"))


def alert(**changes: Any) -> AlertVersion:
    return msgspec.structs.replace(ALERT, **changes)


def handled(version: AlertVersion, what: HandlingNews | None = None, **changes: Any) -> HandledAlert:
    """An alert as it comes from `handle`, which here says nothing of its own but what is stated."""
    state = "withdrawn" if version.change == "withdrawn" else "new"
    handling = Handling(
        number=version.version, state=state, since=NOON, what=what or OCCASIONS[version.change], as_of=version.as_of
    )
    handling = msgspec.structs.replace(handling, **changes)
    return HandledAlert(alert=version, handling=handling, notify=version.notify, as_of=version.as_of)


OCCASIONS: dict[Change, HandlingNews] = {"raised": "raised", "updated": "told-again", "withdrawn": "withdrawn"}


def tell(catalogue: Catalogue, *batches: list[AlertVersion] | list[HandledAlert]) -> list[Output]:
    step, rows = publish_alerts.make_step(catalogue, 1), MemoryRows()
    return [
        out
        for batch in batches
        for out in step(rows, [a_record(one if isinstance(one, HandledAlert) else handled(one)) for one in batch], None)
    ]


def on(topic: str, outputs: list[Output]) -> list[Any]:
    return [output.value for output in outputs if output.topic == topic]


def test_an_audience_gets_its_own_fields_and_no_other(catalogue: Catalogue) -> None:
    (published,) = on("alerts.analyst", tell(catalogue, [ALERT]))

    assert (published.explanation, published.cause) == ("Harmed three times.", cause_told(ALERT.cause))
    assert (published.subject, published.findings, published.child, published.audiences) == (None, None, None, None)


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ("00000000-0000-5000-8000-00000000000a erase", "a report came, changed or was taken back"),
        ("00000000-0000-5000-8000-00000000000a new", "a report came, changed or was taken back"),
        ("persons linked: decision 00000000-0000-5000-8000-00000000000b", "persons linked"),
        ("persons possibly the same: decision 00000000-0000-5000-8000-00000000000b", "persons possibly the same"),
        ("persons split: decision 00000000-0000-5000-8000-00000000000b", "persons split"),
        ("rule rv-graded became version 3", "rule rv-graded became version 3"),
        ("clock as_of", "clock as_of"),
    ],
)
def test_which_report_it_was_and_what_became_of_it_stays_inside(catalogue: Catalogue, cause: str, told: str) -> None:
    (heard,) = on("alerts.duty-officer", tell(catalogue, [alert(cause=cause)]))

    assert heard.cause == told


@pytest.mark.parametrize(
    ("audience", "rule_id", "family"),
    [
        ("asb-lead", "asb-case-review", "repeat-victimisation"),
        ("marac-coordinator", "rv-marac-repeat", "repeat-victimisation"),
        ("repeat-victim-list", "rv-generic", "repeat-victimisation"),
        ("landlord", "soc-cuckooing", "organised-crime"),
        ("childrens-services", "missing-no-return-interview", "safeguarding"),
        ("analyst", "rv-graded", "repeat-victimisation"),
    ],
)
def test_whoever_was_told_hears_why_it_is_taken_back(
    catalogue: Catalogue, audience: str, rule_id: str, family: Family
) -> None:
    first = alert(audiences=(audience,), rule_id=rule_id, family=family)
    why = f"rule {rule_id} is retired"
    gone = msgspec.structs.replace(first, version=2, change="withdrawn", reason="withdrawn", findings=(), cause=why)
    told, taken_back = on(f"alerts.{audience}", tell(catalogue, [first], [gone]))

    assert (told.change, taken_back.change, taken_back.cause) == ("raised", "withdrawn", why)


def test_whom_the_alert_does_not_reach_hears_nothing(catalogue: Catalogue) -> None:
    topics = {output.topic for output in tell(catalogue, [ALERT])}

    assert topics == {"alerts.analyst", "alerts.duty-officer", "audit.alerts"}


def run_for(catalogue: Catalogue, *purposes: str) -> Catalogue:
    """The catalogue with the rule of the alert run for these purposes."""
    return msgspec.structs.replace(catalogue, purposes={**catalogue.purposes, ALERT.rule_id: purposes})


def test_a_team_that_is_granted_alerts_for_another_purpose_hears_nothing(catalogue: Catalogue) -> None:
    """An analyst is granted nothing for safeguarding; that this was so is put out, as whatever is barred."""
    outputs = tell(run_for(catalogue, "safeguarding"), [ALERT])

    assert {output.topic for output in outputs} == {"alerts.duty-officer", "audit.alerts", "withheld"}
    assert [(one.audience, one.agreements) for one in on("withheld", outputs)] == [("analyst", ())]
    assert "is not run for" in on("withheld", outputs)[0].why


def test_of_a_rule_nobody_says_a_purpose_of_nothing_leaves(catalogue: Catalogue) -> None:
    outputs = tell(msgspec.structs.replace(catalogue, purposes={}), [ALERT])

    assert {output.topic for output in outputs} == {"withheld"}


def test_the_record_of_a_disclosure_says_for_which_purpose(catalogue: Catalogue) -> None:
    both, one = (
        {record.audience: record.reason for record in on("audit.alerts", tell(known, [ALERT]))}
        for known in (catalogue, run_for(catalogue, "safeguarding"))
    )

    assert both == {"analyst": "crime-prevention", "duty-officer": "crime-prevention and safeguarding"}
    assert one == {"duty-officer": "safeguarding"}


def test_that_a_key_is_a_hub_is_told_whatever_rules_are_for(catalogue: Catalogue) -> None:
    hub = alert(rule_id="hub", family="feed", priority="P4", audiences=("duty-officer",))

    assert len(on("alerts.duty-officer", tell(catalogue, [hub]))) == 1


def test_a_withdrawal_reaches_everyone_who_was_told_and_nobody_else(catalogue: Catalogue) -> None:
    gone = alert(version=2, change="withdrawn", audiences=())
    outputs = tell(catalogue, [ALERT], [gone])

    assert [told.change for told in on("alerts.analyst", outputs)] == ["raised", "withdrawn"]
    assert on("alerts.analyst", outputs)[1].prior_version == 1
    assert on("alerts.soc-unit", outputs) == []


def test_an_end_without_a_beginning_is_not_told(catalogue: Catalogue) -> None:
    assert tell(catalogue, [alert(change="withdrawn")]) == []


def test_who_hears_of_an_alert_first_hears_that_it_is_raised(catalogue: Catalogue) -> None:
    outputs = tell(catalogue, [alert(audiences=("duty-officer",))], [alert(version=2, change="updated")])

    assert [told.change for told in on("alerts.analyst", outputs)] == ["raised"]
    assert [told.change for told in on("alerts.duty-officer", outputs)] == ["raised", "updated"]


def on_trial(catalogue: Catalogue) -> Catalogue:
    """The catalogue with the rule of the alert on trial."""
    rules = (
        msgspec.structs.replace(rule, status="trial") if rule.id == ALERT.rule_id else rule for rule in catalogue.rules
    )
    return msgspec.structs.replace(catalogue, rules=tuple(rules))


def tell_each(*batches: tuple[Catalogue, AlertVersion]) -> list[Output]:
    """Each version told under a catalogue of its own, and then all that it lets go of."""
    rows = MemoryRows()
    return [
        out
        for said, one in batches
        for step in [publish_alerts.make_step(said, 1)]
        for out in (*step(rows, [a_record(handled(one))], None), *the_rest(step, rows))
    ]


def the_rest(step: Step, rows: MemoryRows) -> list[Output]:
    """What the step goes on with until there is no more, as the loop calls it."""
    outputs = []
    while rows.get(MORE_ROW) is not None:
        outputs += step(rows, [], None)
    return outputs


def test_nobody_hears_of_a_rule_on_trial(catalogue: Catalogue) -> None:
    """Not even of what reached them when the alert was made."""
    assert tell(on_trial(catalogue), [ALERT]) == []


def test_an_alert_whose_rule_goes_on_trial_is_taken_back_and_nothing_it_found_is_told(catalogue: Catalogue) -> None:
    found = alert(
        version=2,
        change="updated",
        reason="restated",
        rule_version=2,
        title="Only tried",
        priority="P1",
        explanation="Only tried.",
        audiences=(),
        notify=False,
    )
    more = msgspec.structs.replace(found, version=3)
    outputs = tell_each((catalogue, ALERT), (on_trial(catalogue), found), (on_trial(catalogue), more))

    for audience in ("duty-officer", "analyst"):
        first, last = on(f"alerts.{audience}", outputs)
        assert (first.change, last.change, last.reason, last.prior_version) == ("raised", "withdrawn", "withdrawn", 1)
        assert (last.title, last.priority, last.explanation, last.findings, last.rule_version) == (None,) * 5
        assert "tried" not in str(last)
    assert on("alerts.duty-officer", outputs)[1].cause == "rule rv-graded is on trial"
    assert on("alerts.duty-officer", outputs)[1].notify
    records = on("audit.alerts", outputs)
    assert [set(record.fields) & {"title", "explanation"} for record in records] == [{"title", "explanation"}] * 2 + [
        set(),
        set(),
    ]


def below(catalogue: Catalogue, audience: str) -> Catalogue:
    """The catalogue with an audience that is told nothing marked higher than OFFICIAL."""
    audiences = tuple(
        msgspec.structs.replace(one, marked_at_most="OFFICIAL") if one.id == audience else one
        for one in catalogue.audiences
    )
    return msgspec.structs.replace(catalogue, audiences=audiences)


def test_what_comes_to_be_marked_higher_is_taken_back_from_those_who_may_not_be_told_it(catalogue: Catalogue) -> None:
    low = alert(marking="OFFICIAL")
    high = alert(version=2, change="updated", title="Kept closely", audiences=("duty-officer",))
    again = alert(version=3, change="updated", marking="OFFICIAL")
    outputs = tell(below(catalogue, "analyst"), [low], [high], [again])

    heard = on("alerts.analyst", outputs)
    assert [(one.change, one.title) for one in heard] == [
        ("raised", "Repeat victim"),
        ("withdrawn", None),
        ("raised", "Repeat victim"),
    ]
    assert [one.change for one in on("alerts.duty-officer", outputs)] == ["raised", "updated", "updated"]


def test_a_rung_is_told_nothing_above_its_ceiling(catalogue: Catalogue) -> None:
    paged = alert(priority="P1")
    assert on("alerts.inspector", tell(below(catalogue, "inspector"), [up("inspector", version=paged)])) == []
    assert on("alerts.inspector", tell(catalogue, [up("inspector", version=paged)])) != []


def test_what_ends_on_trial_was_never_told_or_is_taken_back_in_few_words(catalogue: Catalogue) -> None:
    gone = alert(version=2, change="withdrawn", reason="withdrawn", title="Only tried", audiences=())

    assert tell_each((on_trial(catalogue), ALERT), (on_trial(catalogue), gone)) == []
    (_, last) = on("alerts.analyst", tell_each((catalogue, ALERT), (on_trial(catalogue), gone)))
    assert (last.change, last.title) == ("withdrawn", None)


def test_a_rule_that_is_released_again_is_told_of_anew(catalogue: Catalogue) -> None:
    later = [alert(version=number, change="updated") for number in (2, 3)]
    outputs = tell_each((catalogue, ALERT), (on_trial(catalogue), later[0]), (catalogue, later[1]))

    assert [told.change for told in on("alerts.analyst", outputs)] == ["raised", "withdrawn", "raised"]


@given(
    changes=st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["raised", "updated", "withdrawn"])), max_size=12
    ),
    cut=st.integers(0, 12),
)
def test_every_feed_is_numbered_without_gap_and_every_disclosure_is_on_record(
    catalogue: Catalogue, changes: list[tuple[str, Any]], cut: int
) -> None:
    versions = [alert(alert_id=who, version=n + 1, change=change) for n, (who, change) in enumerate(changes)]
    outputs = tell(catalogue, versions[:cut], versions[cut:])
    trail: list[AuditRecord] = on("audit.alerts", outputs)

    for feed in ("alerts.analyst", "alerts.duty-officer"):
        numbers = [published.seq for published in on(feed, outputs)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert numbers == [record.from_seq for record in trail if record.topic == feed]
    assert [record.seq for record in trail] == list(range(1, len(trail) + 1))
    assert all(later.previous_hash == earlier.hash for earlier, later in pairwise(trail))
    assert all(record.hash == chained(record) for record in trail)


def test_how_it_is_handled_is_told_to_those_who_may_know_and_why_to_those_who_may_know_that(
    catalogue: Catalogue,
) -> None:
    said = {"actor": "officer-7", "owner": "officer-7", "role": "duty-officer", "rationale": "seen", "reason": "other"}
    what = handled(ALERT, "acknowledge", state="acknowledged", **said)
    audiences = tuple(
        msgspec.structs.replace(one, fields=(*one.fields, *more))
        for one, more in zip(
            [audience for audience in catalogue.audiences if audience.id in ("analyst", "duty-officer")],
            [("handling", "rationale"), ("handling",)],
            strict=True,
        )
    )
    catalogue = as_granted(catalogue, audiences)
    outputs = tell(catalogue, [handled(ALERT), what])

    for audience, words in zip(audiences, ["seen", ""], strict=True):
        first, second = on(f"alerts.{audience.id}", outputs)
        assert (first.change, first.handling.state) == ("raised", "new")
        assert (second.change, second.handling.state, second.reason) == ("updated", "acknowledged", "handled")
        assert second.handling.rationale == words
        assert {bool(getattr(second.handling, name)) for name in said} == {bool(words)}


def test_whoever_may_not_know_how_it_is_handled_hears_of_the_alert_alone(catalogue: Catalogue) -> None:
    outputs = tell(catalogue, [handled(ALERT), handled(ALERT, "acknowledge", state="acknowledged")])

    assert [one.seq for one in on("alerts.analyst", outputs)] == [1]


GONE = alert(version=2, change="withdrawn", reason="withdrawn")


def test_who_was_told_that_it_is_withdrawn_hears_what_is_still_done_about_it(catalogue: Catalogue) -> None:
    """Until it is forgotten."""
    closed, forgotten = handled(GONE, "close", state="closed"), handled(GONE, "forgotten", state="closed")
    outputs = tell(catalogue, [handled(ALERT)], [handled(GONE), closed], [forgotten, closed])

    heard = on("alerts.duty-officer", outputs)
    assert [(one.change, one.reason, one.prior_version) for one in heard] == [
        ("raised", "new", None),
        ("withdrawn", "withdrawn", 1),
        ("withdrawn", "handled", 2),
    ]


def test_what_is_raised_again_after_a_withdrawal_is_told_as_if_it_were_the_first(catalogue: Catalogue) -> None:
    again = alert(version=3, change="raised")
    heard = on("alerts.duty-officer", tell(catalogue, [ALERT], [GONE], [again]))

    assert [(one.change, one.prior_seq) for one in heard] == [("raised", None), ("withdrawn", 1), ("raised", None)]


def test_nobody_hears_how_that_is_handled_which_they_were_not_told_of(catalogue: Catalogue) -> None:
    unheard = alert(audiences=())

    assert tell(catalogue, [handled(unheard), handled(unheard, "note")], [handled(GONE), handled(GONE, "close")]) == []


def up(to: str, what: HandlingNews = "overdue", version: AlertVersion = ALERT) -> HandledAlert:
    """The alert once it has gone up the ladder."""
    return msgspec.structs.replace(handled(version, what, escalated_to=to, overdue=True), notify=True, rungs=(to,))


@pytest.mark.parametrize(("what", "reason"), [("overdue", "overdue"), ("escalate", "escalated")])
def test_whom_it_has_gone_up_to_hears_of_it_from_then_on(catalogue: Catalogue, what: Any, reason: str) -> None:
    paged = alert(priority="P1")
    late = alert(priority="P1", version=2, change="updated", late=True, notify=False)
    more = msgspec.structs.replace(handled(late), rungs=("inspector",))
    gone = alert(priority="P1", version=3, change="withdrawn", reason="withdrawn")
    outputs = tell(catalogue, [handled(paged)], [up("inspector", what, late), more], [handled(gone)])

    heard = on("alerts.inspector", outputs)
    assert [(one.seq, one.version, one.change, one.reason, one.notify) for one in heard] == [
        (1, 2, "raised", reason, True),
        (2, 2, "updated", "new", False),
        (3, 3, "withdrawn", "withdrawn", True),
    ]
    assert on("alerts.duty-officer", outputs)[1].reason == reason
    assert on("alerts.superintendent", outputs) == []


def test_a_late_report_on_an_alert_that_was_paged_keeps_no_later_page_of_it_back(catalogue: Catalogue) -> None:
    """From the handling to what a subscription is told: nobody answers, a late report comes, the ladder is climbed."""
    paged = alert(priority="P1", audiences=("duty-officer",))
    late = msgspec.structs.replace(
        paged, version=2, change="updated", reason="evidence-added", late=True, notify=False, as_of=NOON + 5 * MINUTE
    )
    step, rows = handle.make_step(catalogue, 1), MemoryRows()
    records = [
        msgspec.structs.replace(a_record(one), topic="alert-changes", received_at=one.as_of) for one in (paged, late)
    ]
    news = [out.value for out in step(rows, records, NOON + 90 * MINUTE)]

    def heard_by(audience: str) -> list[Any]:
        pager = subscription(audience=audience)
        return [
            (one.reason, (one.as_of - NOON) // MINUTE, decide(pager, one, None, one.as_of, BOUNDS).when)
            for one in on(f"alerts.{audience}", tell(catalogue, news))
        ]

    climbed = [("overdue", 15, "now"), ("overdue", 30, "now"), ("overdue", 60, "now")]
    assert heard_by("duty-officer") == [("new", 0, "now"), ("evidence-added", 5, "digest"), *climbed]
    assert heard_by("inspector") == climbed
    assert heard_by("superintendent") == climbed[1:]


def test_a_rung_hears_of_nothing_it_does_not_take_and_of_nothing_that_is_over(catalogue: Catalogue) -> None:
    assert on("alerts.inspector", tell(catalogue, [handled(ALERT), up("inspector")])) == []
    gone = alert(version=2, change="withdrawn", reason="withdrawn", priority="P1")
    assert on("alerts.inspector", tell(catalogue, [up("inspector", version=gone)])) == []


def test_a_withdrawal_reaches_who_was_told_even_after_the_alert_was_forgotten(catalogue: Catalogue) -> None:
    forgotten = handled(ALERT, "forgotten", state="closed")
    heard = on("alerts.duty-officer", tell(catalogue, [handled(ALERT), forgotten], [handled(GONE)]))

    assert [one.change for one in heard] == ["raised", "withdrawn"]


def test_why_it_was_merged_no_more_is_told_to_whoever_may_know_how_it_is_handled(catalogue: Catalogue) -> None:
    """It is nobody's words."""
    partner = [one for one in catalogue.audiences if one.id == "marac-coordinator"]
    reopened = handled(ALERT, "unmerged", state="reopened", reason="withdrawn")
    first = alert(audiences=("marac-coordinator",))
    heard = on(
        "alerts.marac-coordinator",
        tell(msgspec.structs.replace(catalogue, audiences=tuple(partner)), [handled(first), reopened]),
    )

    assert (heard[1].reason, heard[1].handling.reason) == ("reminder", "withdrawn")


def test_whom_it_is_referred_to_is_paged_and_of_what_comes_back_everybody_else(catalogue: Catalogue) -> None:
    audiences = tuple(
        msgspec.structs.replace(one, fields=(*one.fields, "notify", "handling"))
        for one in catalogue.audiences
        if one.id in ("analyst", "duty-officer")
    )
    catalogue = as_granted(catalogue, audiences)
    referred = handled(ALERT, "refer", state="referred", referred_to="analyst")
    bounced = handled(ALERT, "bounce", state="assessing", role="analyst")
    unheard = [msgspec.structs.replace(one, notify=False) for one in (referred, bounced)]
    outputs = tell(catalogue, [handled(ALERT), *unheard])

    assert [one.notify for one in on("alerts.analyst", outputs)] == [True, True, False]
    assert [one.notify for one in on("alerts.duty-officer", outputs)] == [True, False, True]


def test_whoever_hears_of_it_first_by_news_of_less_hears_all_the_same(catalogue: Catalogue) -> None:
    first = alert(audiences=("duty-officer",))
    less = alert(version=2, change="updated", reason="evidence-removed", notify=False)
    outputs = tell(catalogue, [first, less])

    (heard,) = on("alerts.analyst", outputs)
    assert (heard.change, heard.reason) == ("raised", "new")
    assert on("alerts.duty-officer", outputs)[1].notify is False


def test_what_an_earlier_release_remembered_of_who_was_told_is_read() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode([4, 2]), type=publish_alerts.Told) == publish_alerts.Told(4, 2)


TODAY = day_of(NOON)


def agreed(catalogue: Catalogue, ends: Day, begins: Day = 0, name: str = "isa") -> Catalogue:
    """The catalogue with one agreement for all that is granted, which ends on a day."""

    def anew(grant: Grant) -> Grant:
        agreement = msgspec.structs.replace(grant.agreement, id=name, valid_from=begins, valid_to=ends)
        return msgspec.structs.replace(grant, id=f"{name}-{grant.id}", agreement=agreement)

    grants = tuple(anew(grant) for grant in catalogue.sharing.grants)
    return msgspec.structs.replace(catalogue, sharing=msgspec.structs.replace(catalogue.sharing, grants=grants))


def told_of(outputs: list[Output], audience: str = "duty-officer") -> list[tuple[int, str, int]]:
    return [(one.version, one.change, one.seq) for one in on(f"alerts.{audience}", outputs)]


def test_an_agreement_that_has_ended_ends_disclosure_and_its_renewal_tells_what_waited(catalogue: Catalogue) -> None:
    """The feed is numbered on as if nothing had happened, live alerts first; what became of it is on record."""
    ended, renewed = agreed(catalogue, TODAY), agreed(catalogue, TODAY + 99)
    more, another = alert(version=2, change="updated"), alert(alert_id="alert-b")

    outputs = tell_each((renewed, ALERT), (ended, more), (ended, another), (renewed, alert(alert_id="alert-c")))

    assert told_of(outputs) == [(1, "raised", 1), (1, "raised", 2), (2, "updated", 3), (1, "raised", 4)]
    withheld = [one for one in on("withheld", outputs) if one.audience == "duty-officer"]
    assert [(one.state, one.alert_id, one.version, one.agreements, one.told_as) for one in withheld] == [
        ("waits", "alert-a", 2, ("isa",), None),
        ("waits", "alert-b", 1, ("isa",), None),
        ("told", "alert-a", 2, (), 3),
        ("told", "alert-b", 1, (), 4),
    ]
    assert [one.seq for one in on("withheld", outputs)] == [*range(1, 9)]
    assert {one.priority for one in withheld} == {"P3"}
    assert ("not in force: isa", "it was told under number 3") == (withheld[0].why, withheld[2].why)
    assert verified(Chain("withheld", 0), on("withheld", outputs)).faults == ()


def test_another_agreement_in_its_place_tells_what_waited_too_at_the_next_tick_of_the_clock(
    catalogue: Catalogue,
) -> None:
    rows, other = MemoryRows(), agreed(catalogue, TODAY + 99, name="other")
    publish_alerts.make_step(agreed(catalogue, TODAY), 1)(rows, [a_record(handled(ALERT))], None)

    assert told_of(publish_alerts.make_step(other, 1)(rows, [], None)) == []
    assert told_of(publish_alerts.make_step(other, 1)(rows, [], NOON)) == [(1, "raised", 1)]
    assert told_of(publish_alerts.make_step(other, 1)(rows, [], NOON)) == []


def test_it_ends_in_the_middle_of_a_batch_and_begins_in_one(catalogue: Catalogue) -> None:
    """By the day of each record, and never of the batch."""
    for_a_day = agreed(catalogue, TODAY + 2, begins=TODAY + 1)
    days = [a_record(handled(alert(alert_id=f"alert-{day}")), received_at=NOON + day * DAY_LENGTH) for day in range(3)]
    step, rows = publish_alerts.make_step(for_a_day, 1), MemoryRows()

    outputs = step(rows, days, None)

    assert [one.alert_id for one in on("alerts.duty-officer", outputs)] == ["alert-1"]
    assert {one.alert_id for one in on("withheld", outputs)} == {"alert-0", "alert-2"}
    assert the_rest(step, rows) == []


def test_what_waited_is_told_while_its_agreement_is_in_force_and_not_once_that_has_ended_again(
    catalogue: Catalogue,
) -> None:
    for_a_day = agreed(catalogue, TODAY + 2, begins=TODAY + 1)
    days = [a_record(handled(alert(alert_id=f"alert-{day}")), received_at=NOON + day * DAY_LENGTH) for day in range(3)]
    step, rows = publish_alerts.make_step(for_a_day, 1), MemoryRows()

    outputs = [out for day in days for out in (*step(rows, [day], None), *the_rest(step, rows))]

    assert [one.alert_id for one in on("alerts.duty-officer", outputs)] == ["alert-1", "alert-0"]


def test_what_was_told_and_is_no_longer_true_is_taken_back_after_the_agreement_has_ended(catalogue: Catalogue) -> None:
    """Article 19: and nothing goes with it that they do not know. Of what they were not told they hear nothing."""
    ended = agreed(catalogue, TODAY)
    gone = alert(version=2, change="withdrawn", explanation="Something new.", audiences=())
    unheard = alert(alert_id="alert-b")
    outputs = tell_each(
        (catalogue, ALERT),
        (ended, gone),
        (ended, unheard),
        (ended, msgspec.structs.replace(unheard, version=2, change="withdrawn", audiences=())),
        (catalogue, alert(alert_id="alert-c")),
    )

    assert told_of(outputs) == [(1, "raised", 1), (2, "withdrawn", 2), (1, "raised", 3)]
    ended_for = [one.state for one in on("withheld", outputs) if one.audience == "duty-officer"]
    assert ended_for == ["waits", "over"]
    taken = on("alerts.duty-officer", outputs)[1]
    assert (taken.explanation, taken.findings, taken.title) == (None, None, None)


def test_what_is_done_about_an_alert_that_waits_waits_with_it(catalogue: Catalogue) -> None:
    ended = agreed(catalogue, TODAY)
    rows = MemoryRows()
    acknowledged = handled(ALERT, "acknowledge", state="acknowledged", actor="officer-7", role="duty-officer")
    for one in (handled(ALERT), acknowledged):
        publish_alerts.make_step(ended, 1)(rows, [a_record(one)], None)

    (heard,) = on("alerts.duty-officer", publish_alerts.make_step(catalogue, 1)(rows, [], NOON))

    assert (heard.change, heard.reason, heard.handling.state, heard.notify) == ("raised", "new", "acknowledged", True)


def test_what_comes_to_stand_under_code_c_is_taken_back_and_told_to_the_originators_list_alone(
    catalogue: Catalogue,
) -> None:
    now_c = alert(version=2, change="updated", marking="OFFICIAL-SENSITIVE C:lancashire-police")
    outputs = tell(catalogue, [ALERT], [now_c], [msgspec.structs.replace(now_c, alert_id="alert-b")])

    assert [one.change for one in on("alerts.duty-officer", outputs)] == ["raised", "updated", "raised"]
    assert [one.change for one in on("alerts.analyst", outputs)] == ["raised", "withdrawn"]
    assert [(one.audience, one.alert_id, one.agreements) for one in on("withheld", outputs)] == [
        ("analyst", "alert-a", ()),
        ("analyst", "alert-b", ()),
    ]
    assert {one.why for one in on("withheld", outputs)} == {
        "handling code C: lancashire-police has not let analyst hear of it"
    }


def hearing_why(catalogue: Catalogue) -> Catalogue:
    """The catalogue in which analysts may hear how an alert is marked and what brings a change about."""
    analyst = next(one for one in catalogue.audiences if one.id == "analyst")
    analyst = msgspec.structs.replace(analyst, fields=(*analyst.fields, "marking", "cause", "subject"))
    audiences = tuple(analyst if one.id == "analyst" else one for one in catalogue.audiences)
    return msgspec.structs.replace(as_granted(catalogue, [analyst]), audiences=audiences)


IN_CONFIDENCE = "OFFICIAL-SENSITIVE C:lancashire-police"


def test_why_something_may_not_be_told_any_more_is_told_to_nobody_it_is_taken_back_from(catalogue: Catalogue) -> None:
    """Who has spoken in confidence, or that one of them is a party to it: to know would be to be tipped off."""
    catalogue = hearing_why(catalogue)
    sharing = msgspec.structs.replace(catalogue.sharing, members={"analyst": parties_of(ALERT)})
    theirs = msgspec.structs.replace(catalogue, sharing=sharing)
    more = alert(version=2, change="updated")
    gone = alert(version=2, change="withdrawn", marking=IN_CONFIDENCE, audiences=())
    for later in (
        (catalogue, alert(version=2, change="updated", marking=IN_CONFIDENCE)),
        (theirs, more),
        (agreed(catalogue, TODAY), gone),
        (catalogue, gone),
    ):
        first, last = on("alerts.analyst", tell_each((catalogue, ALERT), later))

        assert (first.change, last.change) == ("raised", "withdrawn")
        assert last.marking == "OFFICIAL-SENSITIVE"
        assert last.cause in ("it may not be told any more", cause_told(ALERT.cause))
        assert "lancashire-police" not in str(last)
    withheld = on("withheld", tell_each((catalogue, ALERT), (theirs, more)))
    assert [one.why for one in withheld if one.audience == "analyst"] == ["a member of analyst is a party to it"]


def test_what_waited_is_published_when_it_is_told_and_pages_whom_it_must(catalogue: Catalogue) -> None:
    """An agreement that was renewed after eight days: it is no history to those who hear of it now."""
    later, rows = NOON + 8 * DAY_LENGTH, MemoryRows()
    publish_alerts.make_step(agreed(catalogue, TODAY), 1)(rows, [a_record(handled(alert(priority="P1")))], None)
    (heard,) = on("alerts.duty-officer", publish_alerts.make_step(agreed(catalogue, TODAY + 99), 1)(rows, [], later))

    found = decide(subscription(audience="duty-officer", since=NOON), heard, None, later + MINUTE, BOUNDS)
    assert (heard.as_of, found.when, found.because) == (later, "now", "urgent")


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["raise", "update", "bar", "withdraw"]), st.booleans())))
def test_under_any_agreements_nothing_is_lost_and_nothing_told_that_is_not_granted(
    catalogue: Catalogue, events: list[tuple[int, str, bool]]
) -> None:
    """At the end everybody stands where they would if the agreements had never ended; meanwhile they heard no more.

    What is barred reaches nobody, whatever they would have heard of it before.
    """
    apart = {True: agreed(catalogue, TODAY + 9), False: agreed(catalogue, TODAY)}
    rows, always, versions, outputs, straight = MemoryRows(), MemoryRows(), {}, [], []
    true: set[int] = set()
    for number, what, in_force in events:
        if (what == "raise") == (number in true):
            continue
        true = true - {number} if what == "withdraw" else true | {number}
        versions[number] = versions.get(number, 0) + 1
        change = {"raise": "raised", "update": "updated", "bar": "updated", "withdraw": "withdrawn"}[what]
        marking = "OFFICIAL-SENSITIVE C:nobody-listed" if what == "bar" else "OFFICIAL-SENSITIVE"
        news = a_record(
            handled(alert(alert_id=f"alert-{number}", version=versions[number], change=change, marking=marking))
        )
        told = publish_alerts.make_step(apart[in_force], 1)(rows, [news], None)
        assert in_force or all(one.change == "withdrawn" for one in on("alerts.duty-officer", told))
        outputs += told
        straight += publish_alerts.make_step(apart[True], 1)(always, [news], None)
    renewed = publish_alerts.make_step(apart[True], 1)
    outputs += [*renewed(rows, [], NOON), *the_rest(renewed, rows)]

    feed = on("alerts.duty-officer", outputs)
    assert [one.seq for one in feed] == list(range(1, len(feed) + 1))
    assert standing(outputs) == standing(straight)


def standing(outputs: list[Output]) -> dict[str, int]:
    """What somebody holds to be true after hearing it all: the newest version of each alert that is not withdrawn."""
    heard = {one.alert_id: one for one in on("alerts.duty-officer", outputs)}
    return {name: one.version for name, one in heard.items() if one.change != "withdrawn"}


Happening = tuple[int, str, str, bool]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from(["raise", "update", "note", "bar", "withdraw", "forget"]),
            st.sampled_from(["P1", "P3"]),
            st.booleans(),
        ),
        max_size=30,
    ),
    st.integers(1, 3),
)
def test_told_in_slices_everybody_is_told_of_each_alert_what_they_would_be_told_of_it_at_once(
    catalogue: Catalogue, events: list[Happening], slice_size: int
) -> None:
    """Between two slices comes the next news. Only where one alert stands among others, and its number, may differ."""
    at_once, in_slices = (played_under_agreements(catalogue, events, size) for size in (None, slice_size))

    for audience in ("duty-officer", "analyst"):
        assert by_alert(at_once, audience) == by_alert(in_slices, audience)
        numbers = [one.seq for one in on(f"alerts.{audience}", in_slices)]
        assert numbers == [*range(1, len(numbers) + 1)]
    assert verified(Chain("withheld", 0), on("withheld", in_slices)).faults == ()
    assert {one.alert_id for one in left_waiting(in_slices)} == set()


def played_under_agreements(catalogue: Catalogue, events: list[Happening], slice_size: int | None) -> list[Output]:
    """What is put out where news comes and agreements end and begin, a slice after each, and the rest at the end.

    Without a size everything that waited is told before any news.
    """
    rows, outputs, versions = MemoryRows(), [], dict[int, int]()
    steps = {True: publish_alerts.make_step(agreed(catalogue, TODAY + 9), 1)}
    steps[False] = publish_alerts.make_step(agreed(catalogue, TODAY), 1)
    whole, publish_alerts.SLICE = publish_alerts.SLICE, slice_size or 10**6
    try:
        for number, what, priority, in_force in events:
            step = steps[in_force]
            if not in_force:
                # What may be told so far is told before the agreement ends.
                outputs += the_rest(steps[True], rows)
            if what not in ("note", "forget"):
                versions[number] = versions.get(number, 0) + 1
            if slice_size is None:
                outputs += step(rows, [], NOON)
            news = a_record(news_of(number, versions.get(number, 1), what, priority))
            outputs += [*step(rows, [news], None), *step(rows, [], None)]
        outputs += [*steps[True](rows, [], NOON), *the_rest(steps[True], rows)]
    finally:
        publish_alerts.SLICE = whole
    return outputs


def news_of(number: int, version: int, what: str, priority: Any) -> HandledAlert:
    change: Change = {"raise": "raised", "withdraw": "withdrawn"}.get(what, "updated")  # type: ignore[assignment]
    marking = IN_CONFIDENCE.replace("lancashire-police", "nobody") if what == "bar" else "OFFICIAL-SENSITIVE"
    said = alert(alert_id=f"alert-{number}", version=version, change=change, priority=priority, marking=marking)
    return handled(said, {"note": "note", "forget": "forgotten"}.get(what))  # type: ignore[arg-type]


def by_alert(outputs: list[Output], audience: str) -> dict[str, list[Any]]:
    """What an audience was told of each alert, in order, but for the numbers and when that was."""
    told: dict[str, list[Any]] = {}
    for one in on(f"alerts.{audience}", outputs):
        said = msgspec.structs.replace(one, seq=0, prior_seq=one.prior_seq and 1, as_of=0)
        told.setdefault(one.alert_id, []).append(said)
    return told


def left_waiting(outputs: list[Output]) -> list[Any]:
    """What `withheld` says waits still."""
    newest = {(one.audience, one.alert_id): one for one in on("withheld", outputs)}
    return [one for one in newest.values() if one.state == "waits"]


def kept_back(catalogue: Catalogue, alerts: list[AlertVersion]) -> MemoryRows:
    """The rows of a door whose agreement has ended, after these alerts."""
    rows = MemoryRows()
    publish_alerts.make_step(agreed(catalogue, TODAY), 1)(rows, [a_record(handled(one)) for one in alerts], None)
    return rows


MANY = [
    alert(alert_id=f"alert-{number:02}", priority="P1" if number == 17 else "P3", audiences=("duty-officer",))
    for number in range(20)
]


def test_a_live_alert_is_told_before_what_waited_and_of_that_the_most_urgent_first(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_alerts, "SLICE", 8)
    rows, renewed = kept_back(catalogue, MANY), publish_alerts.make_step(agreed(catalogue, TODAY + 99), 1)
    steps = [renewed(rows, [a_record(handled(alert(alert_id="alert-live")))], None)]
    while rows.get(MORE_ROW) is not None:
        steps.append(renewed(rows, [], None))

    told = [[one.alert_id for one in on("alerts.duty-officer", step)] for step in steps]
    assert told[0] == ["alert-live"]
    assert told[1][:3] == ["alert-17", "alert-00", "alert-01"]
    assert [len(one) for one in told] == [1, 8, 8, 4]


def test_how_much_waits_is_known_by_audience_why_and_priority(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_alerts, "SLICE", 8)
    rows, renewed = kept_back(catalogue, MANY), publish_alerts.make_step(agreed(catalogue, TODAY + 99), 1)

    def waits() -> dict[tuple[str, str, str], int]:
        return {labels: count for labels, count in publish_alerts.waiting_now(rows).items() if count}

    assert waits() == {("duty-officer", "ended", "P1"): 1, ("duty-officer", "ended", "P3"): 19}
    renewed(rows, [], NOON)
    assert waits() == {("duty-officer", "being-told", "P3"): 12}
    the_rest(renewed, rows)
    assert publish_alerts.waiting_now(rows) == {}

    rows, gone = kept_back(catalogue, MANY[:2]), msgspec.structs.replace(MANY[0], version=2, change="withdrawn")
    publish_alerts.make_step(agreed(catalogue, TODAY), 1)(rows, [a_record(handled(gone))], None)
    more = msgspec.structs.replace(MANY[1], version=2, change="updated", priority="P2")
    publish_alerts.make_step(agreed(catalogue, TODAY), 1)(rows, [a_record(handled(more))], None)
    assert waits() == {("duty-officer", "ended", "P2"): 1}


def test_what_waits_for_an_agreement_to_begin_is_told_apart_from_what_waits_for_a_renewal(catalogue: Catalogue) -> None:
    rows, one = MemoryRows(), alert(audiences=("duty-officer",))
    publish_alerts.make_step(agreed(catalogue, TODAY + 9, begins=TODAY + 1), 1)(rows, [a_record(handled(one))], None)

    assert publish_alerts.waiting_now(rows)["duty-officer", "not-begun", "P3"] == 1


def test_a_record_of_a_day_gone_by_tells_nothing_that_waits_today(catalogue: Catalogue) -> None:
    """A backfill brings records of days on which the agreement was in force: what is new is told by its own day."""
    ended = publish_alerts.make_step(agreed(catalogue, TODAY), 1)
    rows, old = kept_back(catalogue, MANY[:1]), alert(alert_id="alert-old")
    outputs = [*ended(rows, [a_record(handled(old), received_at=NOON - DAY_LENGTH)], None), *the_rest(ended, rows)]

    assert [one.alert_id for one in on("alerts.duty-officer", outputs)] == ["alert-old"]


def test_what_a_day_gone_by_held_back_is_told_today(catalogue: Catalogue) -> None:
    """A backfill from before the agreement began, while something waits that it does not cover."""
    (grant,) = [one for one in catalogue.sharing.grants if one.id == "duty-officer"]
    over = msgspec.structs.replace(grant.agreement, valid_to=TODAY)
    begun = msgspec.structs.replace(grant.agreement, valid_from=TODAY)
    grants = (
        msgspec.structs.replace(grant, id="over", agreement=over, areas=("E07000120",)),
        msgspec.structs.replace(grant, id="begun", agreement=begun, areas=("E07000117",)),
    )
    sharing = msgspec.structs.replace(catalogue.sharing, grants=grants)
    step, rows = publish_alerts.make_step(msgspec.structs.replace(catalogue, sharing=sharing), 1), MemoryRows()
    elsewhere = alert(alert_id="alert-b", area="E07000120", areas=("E07000120",), audiences=("duty-officer",))

    assert on("withheld", step(rows, [a_record(handled(elsewhere))], None)) != []
    old = a_record(handled(alert(audiences=("duty-officer",))), received_at=NOON - DAY_LENGTH)
    outputs = [*step(rows, [old], None), *the_rest(step, rows)]

    assert [one.alert_id for one in on("alerts.duty-officer", outputs)] == ["alert-a"]
    assert publish_alerts.waiting_now(rows)["duty-officer", "ended", "P3"] == 1


def test_what_a_store_kept_before_there_was_an_order_is_told_too(catalogue: Catalogue) -> None:
    rows = MemoryRows()
    rows.put(b"waiting/duty-officer", msgspec.msgpack.encode([["isa-duty-officer"]]))
    rows.put(b"held/duty-officer/0a", msgspec.msgpack.encode(handled(alert(alert_id="0a"))))
    renewed = publish_alerts.make_step(catalogue, 1)
    outputs = [*renewed(rows, [], NOON), *the_rest(renewed, rows)]

    assert told_of(outputs) == [(1, "raised", 1)]
    assert not list(rows.scan(b"held/", b"held0"))


def test_what_was_put_right_and_waits_is_untold_and_a_renewal_makes_a_notice_of_each_cause(
    catalogue: Catalogue,
) -> None:
    """Versions 2 and 3 were brought about by two reports, while the agreement had ended."""
    first, second = (f"00000000-0000-5000-8000-00000000000{letter}" for letter in "ab")
    ended, renewed = agreed(catalogue, TODAY), agreed(catalogue, TODAY + 99)
    versions = [
        ALERT,
        alert(version=2, change="updated", cause=f"{first} correct"),
        alert(version=3, change="updated", cause=f"{second} withdraw"),
    ]
    meanwhile = [(renewed, versions[0]), (ended, versions[1]), (ended, versions[2])]

    def of_the_first(outputs: list[Output]) -> Notices:
        notices = Notices(follows=first)
        told = sorted((out.value for out in outputs), key=lambda one: isinstance(one, Withheld))
        for value in (*versions, *told):
            notices.take(value)
        return notices

    waiting = of_the_first(tell_each(*meanwhile))
    assert {(one.audience, one.version, one.action) for one in waiting.untold_of_the_report()} == {
        ("analyst", 3, "correct"),
        ("duty-officer", 3, "correct"),
    }
    assert waiting.all() == []
    told = of_the_first(tell_each(*meanwhile, (renewed, alert(alert_id="alert-c"))))
    assert told.untold_of_the_report() == []
    assert [(one.audience, one.version) for one in told.of_the_report()] == [("analyst", 3), ("duty-officer", 3)]
    assert {(one.incident_id, one.action) for one in told.all()} == {(first, "correct"), (second, "withdraw")}
