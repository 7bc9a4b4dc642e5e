"""Every question a page has, on both databases."""

from typing import Any, get_args

import pytest
from sqlalchemy import Engine
from tests.readmodel.making import NOON, alert, handling, holding, letter, plain, records, status, told, value

from safety_stream.core.model.handling import HandlingState
from safety_stream.core.model.times import HOUR
from safety_stream.readmodel.projection import Place, TopicRecord, note_ends, reached
from safety_stream.readmodel.reading import ClockCount, MissingFromFeed, NumberingFault, ReadModel, place_of
from safety_stream.readmodel.rows import RESTING


def ids(found: list) -> list[str]:
    return [one.alert_id for one in found]


# The inbox.


def test_the_most_urgent_comes_first_then_the_next_clock_then_the_newest(engine: Engine):
    model = holding(
        engine,
        alert(1, "untold", priority=None),
        alert(2, "p3-no-clock", priority="P3"),
        alert(3, "p1-later", priority="P1", handling=handling("new", acknowledge_by=NOON + 2 * HOUR)),
        alert(4, "p1-none", priority="P1"),
        alert(5, "p1-none-newer", priority="P1"),
        # What is to be decided soon comes before what is to be acknowledged later.
        alert(6, "p1-sooner", priority="P1", handling=handling("acknowledged", decide_by=NOON + HOUR)),
        alert(
            7,
            "p1-both",
            priority="P1",
            handling=handling("new", acknowledge_by=NOON, decide_by=NOON + 3 * HOUR),
        ),
        alert(8, "p2", priority="P2"),
    )

    in_order = ["p1-both", "p1-sooner", "p1-later", "p1-none-newer", "p1-none", "p2", "p3-no-clock", "untold"]
    assert ids(model.inbox("desk")) == in_order
    # Page by page it is the same.
    paged: list[str] = []
    after = None
    for _ in range(3):
        page = model.inbox("desk", limit=3, after=after)
        paged += ids(page)
        after = place_of(page[-1])
    assert paged == in_order
    assert model.inbox("desk", after=after) == []


def test_clocks_are_counted_by_priority_as_they_stand_at_an_instant(engine: Engine):
    model = holding(
        engine,
        alert(1, "late", priority="P1", handling=handling("new", acknowledge_by=NOON - 1)),
        alert(2, "just in time", priority="P1", handling=handling("new", acknowledge_by=NOON)),
        alert(3, "no clock", priority="P1"),
        alert(4, "settled", priority="P1", handling=handling("closed", decide_by=NOON - HOUR)),
        alert(5, "untold", priority=None, handling=handling("acknowledged", decide_by=NOON + HOUR)),
        alert(6, "another's", priority="P1", audience="other"),
    )

    assert model.count_clocks("desk", NOON) == [
        ClockCount(priority="P1", late=1, running=1, unclocked=1),
        ClockCount(priority=None, late=0, running=1, unclocked=0),
    ]
    assert model.count_clocks("nobody", NOON) == []


def test_a_page_goes_on_behind_its_place_whatever_has_moved(engine: Engine):
    model = holding(engine, *(alert(seq, f"a{seq}", priority="P2") for seq in range(1, 6)))
    first = model.inbox("desk", limit=2)
    told(engine, [TopicRecord("alerts.desk", 0, 5, alert(6, "a4", 2, "withdrawn"))])

    assert ids(first) == ["a5", "a4"]
    assert ids(model.inbox("desk", after=place_of(first[-1]))) == ["a3", "a2", "a1"]


def test_a_place_that_is_none_is_refused(engine: Engine):
    with pytest.raises(ValueError, match="begin at its first page"):
        ReadModel(engine).inbox("desk", after="0.1.x")


def test_only_what_is_open_is_shown_unless_states_are_asked_for(engine: Engine):
    states = sorted({"new", "acknowledged", "assessing", "referred", "accepted", "actioned", "reopened", *RESTING})
    model = holding(
        engine,
        *(alert(seq, state, handling=handling(state)) for seq, state in enumerate(states, 1)),
        # Of these two no handling is told.
        alert(50, "stands"),
        alert(51, "gone", 2, "withdrawn"),
    )

    assert set(ids(model.inbox("desk"))) == {*states, "stands"} - RESTING
    assert ids(model.inbox("desk", states=["withdrawn"])) == ["gone", "withdrawn"]
    # Open ones first, whatever their number.
    assert ids(model.inbox("desk", states=["accepted", "snoozed", "closed"])) == ["accepted", "snoozed", "closed"]
    after = place_of(model.inbox("desk", states=["withdrawn"], limit=1)[0])
    assert ids(model.inbox("desk", states=["withdrawn"], after=after)) == ["withdrawn"]


def test_what_is_withdrawn_may_still_be_handled(engine: Engine):
    model = holding(engine, alert(1, "a", 2, "withdrawn", handling=handling("assessing")))

    assert ids(model.inbox("desk")) == ["a"]


def test_an_inbox_is_chosen_by_everything_an_alert_has(engine: Engine):
    model = holding(
        engine,
        alert(1, "a", priority="P1", area="north", areas=("north",), family="threshold", title="Burglary in Ashton"),
        alert(2, "b", priority="P2", area="south", areas=("north", "south"), family="feed", subject="place:tok-b"),
        alert(3, "c", priority="P3", area="south", family="threshold", explanation="Harmed 100% more_often."),
        alert(1, "d", audience="school", priority="P1", area="north"),
    )

    assert ids(model.inbox("desk", priorities=["P1", "P3"])) == ["a", "c"]
    assert ids(model.inbox("desk", areas=["north"])) == ["a", "b"]
    assert ids(model.inbox("desk", areas=["south", "north"])) == ["a", "b", "c"]
    assert ids(model.inbox("desk", families=["threshold"])) == ["a", "c"]
    assert ids(model.inbox("desk", changed_after_seq=1)) == ["b", "c"]
    assert ids(model.inbox("desk", text="ASHTON burglary")) == ["a"]
    # No sign has a meaning of its own.
    assert ids(model.inbox("desk", text="100%")) == ["c"]
    assert ids(model.inbox("desk", text="more_often")) == ["c"]
    assert ids(model.inbox("desk", text="t_")) == []
    assert ids(model.inbox("desk", areas=["south"], priorities=["P3"], families=["threshold"])) == ["c"]
    assert ids(model.inbox("school")) == ["d"]
    assert ids(model.inbox("desk", limit=1)) == ["a"]


def test_an_alert_that_moves_is_where_it_was_until_something_else_is_told(engine: Engine):
    model = holding(
        engine, alert(1, "a", area="north", areas=("north",)), alert(2, "a", 2, "updated", area="south", priority="P1")
    )

    # Who had it has to see that it moved.
    assert ids(model.inbox("desk", areas=["north"])) == ["a"]
    assert plain(model.inbox("desk", areas=["south"])) == [("a", 2)]
    told(engine, [TopicRecord("alerts.desk", 0, 2, alert(3, "a", 3, "updated", area="south", priority="P1"))])
    assert ids(model.inbox("desk", areas=["north"])) == []
    assert plain(model.inbox("desk", areas=["south"])) == [("a", 3)]
    assert model.count_by_priority("desk") == {"P1": 1, "P2": 0, "P3": 0, "P4": 0}


def test_open_alerts_are_counted_by_priority(engine: Engine):
    model = holding(
        engine,
        alert(1, "a", priority="P1"),
        alert(2, "b", priority="P1"),
        alert(3, "c", priority=None),
        alert(4, "d", 2, "withdrawn", priority="P4"),
    )

    assert model.count_by_priority("desk") == {"P1": 2, "P2": 0, "P3": 0, "P4": 0, "": 1}
    assert model.count_by_priority("nobody") == {"P1": 0, "P2": 0, "P3": 0, "P4": 0}


# An alert's life.


def test_an_alert_is_its_newest_version_and_has_all_of_them(engine: Engine):
    first, other, second = alert(1, "a"), alert(2, "b"), alert(3, "a", 2, "updated", title="T")
    model = holding(engine, first, other, second)

    assert model.alert("desk", "a") == second
    assert model.alert("school", "a") is None
    assert model.alert("desk", "zz") is None
    assert model.versions("desk", "a") == [first, second]
    assert model.versions("desk", "zz") == []


def test_each_withdrawal_is_told_once_whatever_is_done_about_it_later(engine: Engine):
    model = holding(
        engine,
        alert(1, "a"),
        alert(2, "a", 2, "withdrawn"),
        alert(3, "b", 1, "raised"),
        alert(4, "b", 2, "withdrawn"),
        # Only its handling is news.
        alert(5, "a", 2, "withdrawn", handling=handling("closed")),
        alert(6, "b", 3, "raised"),
        alert(7, "b", 4, "withdrawn"),
    )

    assert plain(model.withdrawn_since("desk", NOON)) == [("b", 7), ("b", 4), ("a", 2)]
    assert plain(model.withdrawn_since("desk", NOON + 4)) == [("b", 7), ("b", 4)]
    assert model.withdrawn_since("desk", NOON + 8) == []


def test_what_a_trial_takes_back_under_the_number_it_had_is_a_withdrawal(engine: Engine):
    model = holding(engine, alert(1, "a", area="north"), alert(2, "a", change="withdrawn"))

    assert plain(model.withdrawn_since("desk", NOON)) == [("a", 2)]
    assert model.areas_before("desk", [1, 2]) == {1: frozenset(), 2: {"north"}}


def test_firings_of_a_rule_in_an_area_are_counted_once_each(engine: Engine):
    def fired(seq: int, alert_id: str, version: int, change: str = "raised", **fields: object):
        return alert(seq, alert_id, version, change, **{"rule_id": "rv", "area": "north", **fields})

    model = holding(
        engine,
        fired(1, "a", 1),
        # Only its handling is news.
        fired(2, "a", 1),
        fired(3, "a", 2, "updated"),
        fired(4, "a", 3, "withdrawn"),
        fired(5, "a", 4),
        fired(6, "b", 1),
        fired(7, "c", 1, area="south"),
        fired(8, "d", 1, rule_id="hub"),
    )

    assert model.fired_here("desk", "rv", "north", NOON) == 3
    assert model.fired_here("desk", "rv", "north", NOON + 6) == 1
    assert model.fired_here("school", "rv", "north", NOON) == 0


def test_nobody_is_found_by_a_search(engine: Engine):
    model = holding(
        engine,
        *(alert(seq, f"a{seq}", subject="victim:tok-b", title="Burglary") for seq in range(1, 8)),
        # It comes last.
        alert(8, "x", priority="P4", subject="victim:tok-c", title="About a tok-b of nobody"),
    )
    assert ids(model.inbox("desk", text="tok-b")) == ["x"]
    assert ids(model.inbox("desk", text="TOK-B burglary")) == []
    assert len(model.inbox("desk", text="burglary", limit=3)) == 3


def test_what_is_listed_is_what_is_counted(engine: Engine):
    model = holding(
        engine,
        alert(1, "soon", priority="P1", area="north", handling=handling("new", acknowledge_by=NOON + 5)),
        alert(2, "later", priority="P1", area="south", handling=handling("assessing", decide_by=NOON + 9, owner="7")),
        alert(3, "never", area="north"),
        alert(4, "asleep", area="north", handling=handling("snoozed", snoozed_until=NOON + 5, decide_by=NOON)),
        alert(5, "moved", area="north", handling=handling("referred", owner="7", referred_to="unit")),
        alert(
            6,
            "moved",
            2,
            "updated",
            area="south",
            handling=handling("referred", what="refer", owner="7", referred_to="unit"),
        ),
        alert(7, "closed", area="north", handling=handling("closed", owner="7")),
    )
    choices = [
        ({}, ["soon", "later", "moved", "never"]),
        ({"due_before": NOON + 6}, ["soon"]),
        ({"not_due_before": NOON + 6, "priorities": ["P1"]}, ["later"]),
        ({"states": ["snoozed"], "due_before": NOON + 6}, ["asleep"]),
        ({"states": ["snoozed"], "due_before": NOON + 5}, []),
        ({"told_since": NOON + 3}, ["moved", "never"]),
        ({"told_since": NOON + 3, "change": "raised"}, ["never"]),
        ({"states": ["closed", "referred"], "told_since": NOON + 6, "areas": ["north"]}, ["moved", "closed"]),
        ({"states": get_args(HandlingState), "changed_after_seq": 5}, ["moved", "closed"]),
    ]
    for chosen, expected in choices:
        assert (ids(model.inbox("desk", **chosen)), model.count("desk", **chosen)) == (expected, len(expected)), chosen

    assert model.count_by_priority("desk", ["south"]) == {"P1": 1, "P2": 0, "P3": 1, "P4": 0}
    assert [(one.priority, one.late) for one in model.count_clocks("desk", NOON + 6, ["north"])] == [
        ("P1", 1), ("P3", 0)
    ]  # fmt: skip
    assert [(one.holder, one.open, one.late) for one in model.count_holders("desk", NOON + 10)] == [
        ("", 2, 1), ("7", 1, 1), ("unit", 1, 0)
    ]  # fmt: skip
    assert [one.holder for one in model.count_holders("desk", NOON, ["south"])] == ["7", "unit"]


def test_withdrawals_are_counted_and_read_so_many_at_a_time(engine: Engine):
    model = holding(
        engine,
        *(alert(seq, f"a{seq}", area="north" if seq % 2 else "south") for seq in range(1, 5)),
        *(alert(seq + 4, f"a{seq}", 2, "withdrawn", area="north" if seq % 2 else None) for seq in range(1, 5)),
        alert(9, "a1", 2, "withdrawn", area="north", handling=handling("closed")),
        # True again, elsewhere: who was told there is still told that it was taken back.
        alert(10, "a1", 3, "raised", area="east"),
        alert(11, "a1", 4, "updated", area="west"),
    )

    assert plain(model.withdrawn_since("desk", NOON, limit=3)) == [("a4", 8), ("a3", 7), ("a2", 6)]
    assert model.count_withdrawn("desk", NOON) == 4
    for area, expected in (("north", [("a3", 7), ("a1", 5)]), ("south", [("a4", 8), ("a2", 6)])):
        assert plain(model.withdrawn_since("desk", NOON, [area])) == expected
        assert model.count_withdrawn("desk", NOON, [area]) == 2
    assert model.count_withdrawn("desk", NOON + 8) == 1


def test_what_people_made_of_a_rules_alerts_is_the_newest_of_each(engine: Engine):
    def step(seq: int, alert_id: str, what: str, state: str, change: str = "updated", **fields: object):
        done = handling(state, what=what, **fields)
        return alert(seq, alert_id, 1, change, rule_id="rv", area="north", handling=done)

    model = holding(
        engine,
        step(1, "a", "raised", "new", "raised"),
        step(2, "a", "action", "actioned"),
        step(3, "a", "judge", "actioned", useful=False),
        step(4, "a", "judge", "actioned", useful=True),
        # It came again, which undoes no decision and no judgement of what was.
        step(5, "a", "raised", "new", "raised"),
        step(6, "b", "raised", "new", "raised"),
        step(7, "b", "no-further-action", "no-further-action", reason="known-and-managed"),
        step(8, "b", "close", "closed"),
        step(9, "c", "raised", "new", "raised"),
        step(10, "c", "refer", "referred"),
        step(11, "c", "bounce", "assessing", reason="not-ours"),
        step(12, "d", "raised", "new", "raised"),
        step(13, "d", "action", "actioned"),
        step(14, "d", "reopen", "reopened"),
        # Raised before, elsewhere, by another rule, and where nothing is told of the handling.
        step(15, "e", "action", "actioned"),
        alert(16, "f", rule_id="rv", area="south", handling=handling("new")),
        alert(17, "g", rule_id="hub", area="north", handling=handling("new")),
        alert(18, "h", rule_id="rv", area="north"),
    )

    assert [
        (one.alert_id, one.useful, one.decided, one.reason) for one in model.judged_here("desk", "rv", "north", NOON)
    ] == [
        ("a", True, "actioned", ""),
        ("b", None, "no-further-action", "known-and-managed"),
        ("c", None, None, ""),
        ("d", None, None, ""),
    ]
    assert [one.alert_id for one in model.judged_here("desk", "rv", "north", NOON + 6)] == ["b", "c", "d"]


def test_all_that_was_told_since_is_read_in_order(engine: Engine):
    model = holding(
        engine, alert(1, "a"), alert(2, "b"), alert(3, "a", 2, "updated"), alert(4, "b", 2, "withdrawn"), alert(5, "c")
    )

    assert plain(model.told_since("desk", NOON + 2)) == [("b", 2), ("a", 3), ("b", 4), ("c", 5)]
    assert model.told_since("desk", NOON + 6) == []
    assert model.told_since("school", NOON) == []


# Feeds.


def test_a_feed_is_read_on_from_a_number(engine: Engine):
    model = holding(engine, *(alert(seq, f"a{seq}") for seq in range(1, 6)))

    assert plain(model.feed("desk", 2, 2)) == [("a3", 3), ("a4", 4)]
    assert plain(model.feed("desk", 5, 2)) == []
    assert (model.newest_seq("desk"), model.newest_seq("nobody")) == (5, 0)


def test_a_feed_ends_before_a_gap_and_says_what_is_missing(engine: Engine):
    model = holding(engine, alert(1, "a"), alert(2, "b"), alert(5, "c"), alert(6, "d"))

    assert plain(model.feed("desk", 0, 10)) == [("a", 1), ("b", 2)]
    with pytest.raises(MissingFromFeed, match=r"numbers 3 to 4 of alerts\.desk never came.*go on after 4") as missing:
        model.feed("desk", 2, 10)
    assert (missing.value.first, missing.value.last) == (3, 4)
    assert plain(model.feed("desk", 4, 10)) == [("c", 5), ("d", 6)]


def test_how_every_feed_stands(engine: Engine):
    model = holding(
        engine,
        status(0, NOON + 10, police=100, council=50),
        status(1, NOON + 20, police=90),
        status(1, NOON + 30, police=100, hospital=7),
        # Nothing new, only said again; and a feed that seems to go back does not.
        status(0, NOON + 40, police=100, council=40),
    )

    feeds = {one.source: one for one in model.feeds()}
    assert list(feeds) == ["council", "hospital", "police"]
    police = feeds["police"]
    assert (police.newest, police.silent_since, police.passed, police.as_of) == (100, NOON + 10, 100, NOON + 40)
    assert police.complete_to(60) == 40
    # Not all partitions have heard of these two.
    assert (feeds["council"].newest, feeds["council"].passed, feeds["council"].complete_to(1)) == (50, None, None)
    assert feeds["hospital"].silent_since == NOON + 30


def test_a_feed_is_as_far_as_its_last_partition(engine: Engine):
    model = holding(engine, status(0, NOON, police=100), status(1, NOON + 5, police=90))

    (police,) = model.feeds()
    assert (police.newest, police.silent_since, police.passed) == (100, NOON, 90)
    assert ReadModel(engine).feeds() == [police]


def test_what_was_refused_is_counted_by_topic_and_reason_and_its_bytes_are_not_kept(engine: Engine):
    model = holding(
        engine,
        letter("oversize", NOON),
        letter("oversize", NOON + 5),
        letter("empty", NOON + 6),
        letter("oversize", NOON + 7, topic="partner.council"),
    )

    assert [(one.source_topic, one.reason, one.count) for one in model.dead_letters_by_reason(NOON)] == [
        ("partner.council", "oversize", 1),
        ("partner.police", "empty", 1),
        ("partner.police", "oversize", 2),
    ]
    (council, _, newer) = model.dead_letters_by_reason(NOON + 5)
    assert (newer.count, newer.first_received_at, newer.last_received_at) == (1, NOON + 5, NOON + 5)
    assert council.source_topic == "partner.council"


# Indicators.


def test_the_newest_period_of_each_series_is_the_latest(engine: Engine):
    model = holding(
        engine,
        value(1, 14, 5),
        value(2, 21, 6),
        value(3, 14, 7, revision=2, restates=5),
        value(4, 14, 1, area="south"),
        value(5, 14, 2, indicator="arson"),
        value(6, 28, 9, period="month"),
        value(1, 99, 9, profile="public"),
    )

    found = model.latest("internal", "week")
    assert [(one.indicator, one.area, one.starts, one.value) for one in found] == [
        ("arson", "E07000117", 14, 2),
        ("burglary", "E07000117", 21, 6),
        ("burglary", "south", 14, 1),
    ]
    assert [one.seq for one in model.latest("internal", "week", indicators=["burglary"], areas=["south"])] == [4]
    assert model.latest("internal", "year") == []


def test_a_series_is_its_current_values_and_a_period_all_it_had(engine: Engine):
    first, other, again = value(1, 14, 5), value(2, 21, None), value(3, 14, 7, revision=2, restates=5)
    model = holding(engine, first, other, again, value(4, 14, 9, area="south"))

    of = ("internal", "burglary", "E07000117", "week")
    assert model.series(*of) == [again, other]
    assert model.series(*of, since=15) == [other]
    assert model.revisions(*of, 14) == [first, again]
    assert model.known_as_of(*of, NOON) == []
    assert model.known_as_of(*of, NOON + 1) == [first]
    assert model.known_as_of(*of, NOON + 2) == [first, other]
    assert model.known_as_of(*of, NOON + 3) == [again, other]


# Health.


def test_how_far_behind_the_copy_is(engine: Engine):
    model = holding(engine, alert(1, "a"), alert(2, "b"))
    with engine.begin() as connection:
        note_ends(connection, {Place("alerts.desk", 0): 7, Place("alerts.school", 0): 3}, NOON)

    health = model.health()
    assert (health.behind, health.looked_at) == (8, NOON)
    assert [(one.topic, one.next_offset, one.behind) for one in health.partitions] == [
        ("alerts.desk", 2, 5),
        ("alerts.school", 0, 3),
    ]
    # What is left of the topic are ends of transactions.
    with engine.begin() as connection:
        reached(connection, {Place("alerts.desk", 0): 7, Place("alerts.school", 0): 0})
    assert model.health().behind == 3
    # Who is late in saying so takes nothing back.
    with engine.begin() as connection:
        reached(connection, {Place("alerts.desk", 0): 1})
    assert model.health().behind == 3


def test_when_somebody_last_looked_is_told_also_where_nothing_came(engine: Engine):
    model = holding(engine, alert(1, "a"))
    assert model.health().looked_at is None

    for looked_at in (NOON, NOON + HOUR):
        with engine.begin() as connection:
            note_ends(connection, {Place("alerts.desk", 0): 1}, looked_at)
    # Records alone say nothing of the clock.
    told(engine, [TopicRecord("alerts.desk", 0, 1, alert(2, "b"))])

    assert model.health().looked_at == NOON + HOUR


def test_what_is_missing_from_a_numbered_feed_and_what_comes_twice_is_shown(engine: Engine):
    model = holding(engine, alert(3, "a"), alert(4, "b"), alert(4, "b"), alert(6, "c"), value(1, 7))

    assert list(model.health().faults) == [
        NumberingFault(topic="alerts.desk", at_offset=0, kind="missing", first_seq=1, last_seq=2),
        NumberingFault(topic="alerts.desk", at_offset=2, kind="repeated", first_seq=4, last_seq=4),
        NumberingFault(topic="alerts.desk", at_offset=3, kind="missing", first_seq=5, last_seq=5),
    ]
    assert plain(model.versions("desk", "b")) == [("b", 4)]


def test_a_healthy_copy_has_no_faults(engine: Engine):
    model = holding(engine, alert(1, "a"), alert(1, "d", audience="school"), value(1, 7))

    assert (model.health().behind, model.health().faults) == (0, ())
    assert {one.behind for one in model.health().partitions} == {None}
    assert len(records([])) == 0


def test_a_note_or_a_judgement_is_no_change_and_hides_none(engine: Engine):
    """Whether it comes with the change in one batch, or long after; the first that somebody hears is one."""

    def of(seq: int, alert_id: str, what: str, **changes: Any) -> TopicRecord:
        fields = {"change": "updated", "handling": handling("new", what=what)} | changes
        return TopicRecord("alerts.desk", 0, seq, alert(seq, alert_id, **fields))

    told(engine, [of(1, "a", "raised", change="raised"), of(2, "b", "raised", change="raised"), of(3, "a", "note")])
    told(engine, [of(4, "b", "judge")])
    told(engine, [of(5, "a", "told-again"), of(6, "a", "note"), of(7, "c", "note", change="raised")])
    model = ReadModel(engine)

    assert {one.alert_id for one in model.inbox("desk", changed_after_seq=2)} == {"a", "c"}
    assert model.count("desk", changed_after_seq=5) == 1
    assert model.changed_after("desk", 4, ["a", "b", "c"]) == {"a", "c"}
    assert model.changed_after("desk", 5, ["a", "b"]) == frozenset()
    # The feed and the alert's own history have them all the same.
    assert [one.seq for one in model.feed("desk", 2, 9)] == [3, 4, 5, 6, 7]
