"""What the demonstration makes of what it sent and what came out."""

from __future__ import annotations

import msgspec
import pytest
from tests.core.stages.making import a_version
from tests.demo.making import Told, an_alert, an_indicator

from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.published import PublishedAlert
from safety_stream.demo.run import START
from safety_stream.demo.story import story
from safety_stream.demo.watching import MILESTONES, RATE_SECONDS, SHOWN_ALERTS, Seen, quantile
from safety_stream.synthetic import SyntheticReport

FIRST = story(START)[0]


def caused(told: Told, alert: PublishedAlert, cause: str) -> AlertVersion:
    """The version behind a published alert, with this cause."""
    some = next(iter(told.standing.alerts.values()))
    return msgspec.structs.replace(some, alert_id=alert.alert_id, version=alert.version, cause=cause)


@pytest.fixture
def seen() -> Seen:
    """A report went out at second 10."""
    seen = Seen()
    seen.sent(FIRST, 10.0)
    return seen


def test_the_story_reaches_every_milestone(told: Told):
    assert set(MILESTONES) == set(told.seen.milestones)


def test_a_milestone_is_dated_from_the_first_report_and_says_what_was_seen(told: Told):
    breach = told.seen.milestones["a district above its number"]
    withdrawal = told.seen.milestones["a correction withdraws an alert"]

    assert isinstance(breach.by, PublishedAlert)
    assert ("district-count", "E07000124") == (breach.by.rule_id, breach.by.area)
    assert isinstance(withdrawal.by, PublishedAlert)
    assert "withdrawn" == withdrawal.by.change
    assert breach.seconds < withdrawal.seconds


def test_only_the_first_time_counts(seen: Seen):
    seen.came_out(an_alert(), 12.0)
    seen.came_out(an_alert(alert_id="b"), 15.0)

    assert 2.0 == seen.milestones["a repeat victim"].seconds


def test_what_was_there_before_the_first_report_is_no_milestone():
    seen = Seen()
    seen.came_out(an_alert(), 1.0)

    assert {} == seen.milestones


@pytest.mark.parametrize(("action", "reached"), [("correct", True), ("withdraw", False)])
def test_a_withdrawal_counts_when_a_correction_caused_it_in_whatever_order_that_is_learned(
    told: Told, action: str, reached: bool
):
    withdrawn = an_alert(change="withdrawn", reason="withdrawn", version=2)
    records = [withdrawn, caused(told, withdrawn, f"some-incident {action}")]
    for order in (records, records[::-1]):
        seen = Seen()
        seen.sent(FIRST, 10.0)
        for record in order:
            seen.came_out(record, 11.0)

        assert reached == ("a correction withdraws an alert" in seen.milestones)


def test_latency_is_from_the_report_that_caused_it_to_the_alert(told: Told, seen: Seen):
    assert FIRST.report is not None
    cause = f"{incident_id(FIRST.report.source, FIRST.report.source_ref)} new"
    seen.came_out(an_alert(), 10.5)
    seen.came_out(caused(told, an_alert(), cause), 11.0)

    assert [0.5] == seen.latencies


def test_what_a_clock_caused_has_no_latency(told: Told, seen: Seen):
    seen.came_out(caused(told, an_alert(), "clock"), 11.0)
    seen.came_out(an_alert(), 11.0)

    assert [] == seen.latencies


def test_alerts_are_kept_by_change_the_newest_only_and_only_those_to_be_heard(seen: Seen):
    for version in range(SHOWN_ALERTS + 5):
        seen.came_out(an_alert(version=version), 11.0)
    seen.came_out(an_alert(change="updated", notify=False), 11.0)

    assert list(range(5, SHOWN_ALERTS + 5)) == [alert.version for alert in seen.alerts["raised"]]
    assert [] == list(seen.alerts["updated"])
    assert 1 == seen.changes["repeat-victimisation", "updated"]


def test_a_district_is_above_its_number_until_the_alert_is_withdrawn(seen: Seen):
    breach = an_alert(rule_id="district-count", family="threshold")
    seen.came_out(breach, 11.0)
    assert {"E07000117"} == seen.above

    seen.came_out(msgspec.structs.replace(breach, change="withdrawn"), 12.0)
    assert set() == seen.above


def test_incidents_a_second_are_those_of_the_last_seconds():
    seen = Seen()
    for second in (0.0, 1.0, RATE_SECONDS + 0.5, RATE_SECONDS + 0.6):
        seen.came_out(a_version(), second)

    assert 3 / RATE_SECONDS == seen.incidents_per_second(RATE_SECONDS + 0.7)
    assert 0 == seen.incidents_per_second(100.0)
    assert 4 == seen.incidents


def test_the_newest_week_of_each_count_is_kept(seen: Seen):
    for value in (an_indicator(), an_indicator(starts=0, value=9), an_indicator(value=4), an_indicator(period="day")):
        seen.came_out(value, 11.0)

    assert an_indicator(value=4) == seen.indicators["E07000117", "violence"]


def test_feeds_count_what_was_sent_and_refused(seen: Seen):
    broken = SyntheticReport(received_at=START, source="fire", report=None, raw=b"?", refused="unreadable-framing")
    seen.sent(broken, 11.0)
    seen.came_out(a_letter("backfill.fire"), 12.0)

    assert (1, 1) == (seen.feeds["fire"].sent, seen.feeds["fire"].refused)
    assert {"unreadable-framing": 1} == dict(seen.dead_letters)
    assert 1 == seen.refused_expected
    assert 1 == len(seen.accepted)


def a_letter(topic: str) -> DeadLetter:
    return DeadLetter(
        stage="intake",
        topic=topic,
        partition=0,
        offset=0,
        reason="unreadable-framing",
        detail="no magic byte",
        key=None,
        value=b"?",
        received_at=START,
    )


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 3.0), (0.99, 4.0), (1.0, 4.0)])
def test_a_quantile_is_a_value_there_is(share: float, expected: float):
    assert expected == quantile([4.0, 1.0, 3.0, 2.0], share)


def test_nothing_has_no_quantile():
    assert quantile([], 0.5) is None
