"""What is held is kept whatever its time, and what is not goes by its class and no sooner."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.readmodel.making import alert
from tests.readmodel.test_owed import record, resting_on

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.core.audit import subject_of
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.model.times import DAY_LENGTH, Duration
from safety_stream.core.retention import Class, Holding, HoldKind, Retention, TableClass, holds_in
from safety_stream.data_files import catalogue_folder
from safety_stream.wire.topology import KEPT_WHOLE, TOPICS, retention_ms, topics

CATALOGUE = load_catalogue(catalogue_folder())
SHIPPED = CATALOGUE.retention
MONTHS = 13 * 31 * DAY_LENGTH
FIELDS = {"subject": "subject", "alert": "alert_id", "report": "incident_id", "topic": "topic"}
THINGS = [(kind, name) for kind in FIELDS for name in ("a", "b")]
STEPS = st.lists(
    st.tuples(st.sampled_from(["hold", "release"]), st.sampled_from(THINGS), st.none() | st.integers(0, 60)),
    max_size=12,
)


def on_record(steps: list[tuple[str, tuple[str, str], int | None]]) -> list[AuditRecord]:
    return [
        record(seq, reason=f"{what}: court-order", as_of=seq, actor="officer-1", until=until, **{FIELDS[kind]: name})
        for seq, (what, (kind, name), until) in enumerate(steps, 1)
    ]


@given(steps=STEPS, now=st.integers(0, 60))
def test_what_stands_under_a_hold_is_what_was_held_last_and_neither_released_since_nor_over(
    steps: list[tuple[str, tuple[str, str], int | None]], now: int
):
    holding = Holding(holds_in(on_record(steps)), now)

    for thing in THINGS:
        kept = False
        for what, of, until in steps:
            if of == thing and what == "release":
                kept = False
            elif of == thing and (until is None or now < until):
                kept = True
        assert (thing[1] in holding.of(thing[0])) == kept


def test_what_else_is_on_record_holds_nothing():
    others = [
        record(1, reason="acknowledged", audience="desk", alert_id="a"),
        record(2, verb="consultation", reason="hold: court-order", alert_id="a"),
        record(3, reason="hold: court-order"),
    ]

    assert holds_in(others) == []


@pytest.mark.parametrize(
    ("kind", "name", "keeps"),
    [
        ("alert", "a", True),
        ("alert", "b", False),
        ("report", "r-1", True),
        ("report", "r-2", True),
        ("report", "r-3", False),
        ("subject", subject_of("tok-a"), True),
        ("subject", subject_of("tok-b"), False),
        ("topic", "alerts.desk", False),
    ],
)
def test_a_hold_on_a_report_or_a_person_keeps_the_alerts_that_rest_on_it_or_are_about_them(
    kind: HoldKind, name: str, *, keeps: bool
):
    holds = holds_in([record(1, reason="hold: court-order", **{FIELDS[kind]: name})])
    told = alert(1, "a", findings=(resting_on("r-1"),))

    # Report r-2 is one the alert rested on by what the topics say, though no audience was told of it.
    assert Holding(holds, 5).keeps_alert("a", [told], {"r-2"}) == keeps


def test_every_topic_and_every_part_of_a_database_has_its_class():
    assert {row.name for row in TOPICS} == set(SHIPPED.topics)
    assert set(get_args(TableClass)) == set(SHIPPED.tables)


def test_identified_reports_are_kept_for_at_least_thirteen_months_and_no_calendar_makes_it_less():
    settings = {topic.name: topic.settings for topic in topics(CATALOGUE, 4)}

    assert int(settings["partner.police-crimes"]["retention.ms"]) == MONTHS
    assert SHIPPED.classes["raw-identified"].keep == Duration(months=13)


def test_what_bears_the_time_of_a_history_goes_by_age_only_where_the_catalogue_says_so():
    by_age = msgspec.structs.replace(SHIPPED, all_by_age=True)
    rows = {row.name: row for row in TOPICS}

    assert retention_ms(rows["incidents"], SHIPPED) == -1
    assert retention_ms(rows["incidents"], by_age) == MONTHS
    assert retention_ms(rows["backfill."], SHIPPED) == -1


def test_what_proves_itself_from_its_first_record_and_what_is_compacted_never_goes_by_age():
    short = Class(id="short", keep=Duration(millis=1))
    retention = Retention(classes={"short": short}, topics={row.name: "short" for row in TOPICS}, all_by_age=True)
    kept = {row.name for row in TOPICS if retention_ms(row, retention) == -1}

    assert kept == KEPT_WHOLE | {row.name for row in TOPICS if row.keep == "latest"}


def test_a_catalogue_that_says_nothing_of_it_lets_nothing_go_by_age():
    assert {retention_ms(row, Retention()) for row in TOPICS} == {-1}
    assert {Retention().cutoff(table, 5) for table in get_args(TableClass)} == {None}
