"""With 100,000 alerts a page is still one look along an index: what SQLite says it does, not how long it took.

SQLite plans without looking at how much there is (nobody asks it to analyse), so an empty table is planned like a full
one.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from tests.readmodel.making import NOON, alert

from safety_stream.core.model.times import DAY_LENGTH, Duration
from safety_stream.core.retention import Class, Retention
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.owed import Owed
from safety_stream.readmodel.people import Consultations
from safety_stream.readmodel.purging import Purger
from safety_stream.readmodel.reading import ReadModel, place_of
from safety_stream.readmodel.tables import METADATA

Ask = Callable[[ReadModel], object]
Explained = Callable[[Ask], list[str]]

PLACE = place_of(alert(7, "a", priority="P2"))


@pytest.fixture
def explained(tmp_path: Path) -> Explained:
    """The plan of every statement a question is put by."""
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    migrate(engine)

    def run(ask: Ask) -> list[str]:
        asked: list[tuple[str, object]] = []

        def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
            asked.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", note)
        ask(ReadModel(engine))
        event.remove(engine, "before_cursor_execute", note)
        return [step for statement, parameters in asked for step in plan(engine, statement, parameters)]

    return run


def plan(engine: Engine, statement: str, parameters: object) -> list[str]:
    if statement.startswith("BEGIN"):
        return []
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [row[3] for row in rows]


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.inbox("desk"),
        lambda model: model.inbox("desk", after=PLACE),
        lambda model: model.inbox("desk", priorities=["P1", "P2"], families=["feed"], text="x"),
        lambda model: model.inbox("desk", areas=["north"]),
        lambda model: model.inbox("desk", states=["withdrawn"]),
        lambda model: model.inbox("desk", states=["withdrawn"], after=PLACE),
        lambda model: model.inbox("desk", due_before=NOON),
    ],
    ids=["first view", "next page", "chosen", "by area", "by state", "by state, next page", "by clock"],
)
def test_an_inbox_is_read_in_its_order_and_never_sorted(explained: Explained, ask: Ask):
    steps = explained(ask)

    assert any("ix_alerts_inbox" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step or step.startswith("SCAN") for step in steps), steps


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda model: Owed(model._engine).notices(), "ix_finding_rests_incident_id (incident_id=?)"),
        (lambda model: Purger(model._engine, ONLY_ALERTS).purge(NOON), "INDEX ix_finding_rests_as_of_finding_id"),
    ],
    ids=["gone up", "purged"],
)
def test_what_findings_rest_on_is_gone_over_by_an_index(explained: Explained, ask: Ask, index: str):
    steps = explained(ask)

    assert any(index in step for step in steps), steps
    assert not any(step.startswith(("SCAN finding_rests", "SCAN alert_rests")) for step in steps), steps


ONLY_ALERTS = Retention(classes={"day": Class(id="day", keep=Duration(millis=DAY_LENGTH))}, tables={"alerts": "day"})
SERIES = ("internal", "burglary", "north", "week")


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda model: model.count_by_priority("desk"), "COVERING INDEX ix_alerts_inbox"),
        (lambda model: model.count_clocks("desk", NOON), "COVERING INDEX ix_alerts_inbox (audience=? AND shelf=?)"),
        (lambda model: model.count("desk", due_before=NOON), "COVERING INDEX ix_alerts_inbox (audience=? AND shelf=?)"),
        (lambda model: model.count("desk", told_since=NOON), "ix_alerts_inbox (audience=? AND shelf=?)"),
        (lambda model: model.count_holders("desk", NOON), "ix_alerts_inbox (audience=? AND shelf=?)"),
        (
            lambda model: model.count_withdrawn("desk", NOON, ["north"]),
            "audience_change_as_of (audience=? AND change=?",
        ),
        (lambda model: model.alert("desk", "a"), "sqlite_autoindex_alerts_1 (audience=? AND alert_id=?)"),
        (lambda model: model.versions("desk", "a"), "ix_alert_versions_audience_alert_id_seq"),
        (lambda model: model.feed("desk", 0, 50), "sqlite_autoindex_alert_versions_1 (audience=? AND seq>?)"),
        (lambda model: model.areas_before("desk", [7, 9]), "sqlite_autoindex_alert_versions_1 (audience=? AND seq=?)"),
        (lambda model: model.newest_seq("desk"), "sqlite_autoindex_topics_1 (topic=?)"),
        (
            lambda model: model.withdrawn_since("desk", NOON),
            "audience_change_as_of (audience=? AND change=? AND as_of>?",
        ),
        (
            lambda model: model.fired_here("desk", "rv", "north", NOON),
            "(audience=? AND rule_id=? AND area=? AND as_of>?)",
        ),
        (
            lambda model: model.judged_here("desk", "rv", "north", NOON),
            "(audience=? AND rule_id=? AND area=? AND as_of>?)",
        ),
        (
            lambda model: model.told_since("desk", NOON),
            "audience_change_as_of (audience=? AND change=? AND as_of>?",
        ),
        (lambda model: model.latest("internal", "week"), "sqlite_autoindex_indicator_series_1 (profile=? AND kind=?)"),
        (lambda model: model.series(*SERIES), "sqlite_autoindex_indicators_1 (profile=? AND kind=? AND indicator=?"),
        (lambda model: model.revisions(*SERIES, 7), "ix_indicator_revisions_series (profile=? AND kind=?"),
        (lambda model: model.known_as_of(*SERIES, NOON), "ix_indicator_revisions_series (profile=? AND kind=?"),
        (lambda model: Consultations(model._engine).given("s", "a"), "ix_consultations_session_alert_id_number"),
        (
            lambda model: Consultations(model._engine).newest(10, alert_id="a", before=7),
            "ix_consultations_alert_id_number",
        ),
        (lambda model: Consultations(model._engine).newest(10, person="7"), "ix_consultations_person_number"),
        (lambda model: model.dead_letters_by_reason(NOON), "ix_dead_letters_received_at (received_at>?)"),
    ],
)
def test_every_question_goes_by_an_index(explained: Explained, ask: Ask, index: str):
    steps = explained(ask)

    assert any(index in step for step in steps), steps
    assert not any(step.startswith("SCAN") and step.split()[1] in METADATA.tables for step in steps), steps
