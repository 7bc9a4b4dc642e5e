"""Tables come from migrations, on both databases, whoever else makes them at the same time."""

import threading
from pathlib import Path

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, column, insert, inspect, select, table, update
from sqlalchemy.exc import ArgumentError
from tests.readmodel.making import NOON, alert, handling, told
from tests.readmodel.test_people import look

from safety_stream import database as shared
from safety_stream import readmodel
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.people import Consultation, Consultations
from safety_stream.readmodel.projection import AnotherTopic, Place, TopicRecord, apply, claim, next_offsets
from safety_stream.readmodel.reading import ReadModel
from safety_stream.readmodel.tables import ALERTS, METADATA, PROJECTION

MIGRATIONS = Path(readmodel.__file__).parent / "migrations"


def test_migrations_make_the_tables_that_the_code_knows(engine: Engine):
    with engine.connect() as connection:
        # Indexes on expressions and descending ones are not compared by alembic; their names are, below.
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
        found = inspect(connection)
        for table in METADATA.sorted_tables:
            indexes = {index["name"] for index in found.get_indexes(table.name)}
            assert indexes == {index.name for index in table.indexes}
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [one.name for one in table.primary_key]

    assert differences == []


def test_migrating_again_changes_nothing(engine: Engine):
    told(engine, [TopicRecord("alerts.desk", 0, 0, alert(1, "a"))])

    migrate(engine)

    assert [one.alert_id for one in ReadModel(engine).inbox("desk")] == ["a"]
    with engine.connect() as connection:
        assert len(connection.execute(select(PROJECTION)).all()) == 1


def test_a_migration_that_fails_leaves_nothing_behind(empty: Engine, monkeypatch: pytest.MonkeyPatch):
    upgrade = shared.command.upgrade

    def torn(settings: Config, revision: str) -> None:
        upgrade(settings, revision)
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(shared.command, "upgrade", torn)
        with pytest.raises(RuntimeError):
            migrate(empty)

    assert inspect(empty).get_table_names() == []
    migrate(empty)
    assert "alerts" in inspect(empty).get_table_names()


def test_what_was_written_before_is_written_anew(empty: Engine):
    """Of more alerts than one statement takes: words that name somebody, an end of a snooze nobody had asked for."""
    with empty.begin() as connection:
        shared.command.upgrade(shared.settings_of(connection, MIGRATIONS), "0004")
        connection.exec_driver_sql("ALTER TABLE alerts ADD COLUMN changed_seq BIGINT NOT NULL DEFAULT 0")
    asleep = handling("snoozed", snoozed_until=NOON + 7, owner="officer-7")
    alerts = [alert(seq, f"a{seq}", title="Burglary", subject="victim:tok-b") for seq in range(1, 1_100)]
    log = [TopicRecord("alerts.desk", 0, one.seq, one) for one in [*alerts, alert(1_100, "asleep", handling=asleep)]]
    told(empty, [*log, TopicRecord("alerts.school", 0, 1, alert(1, "other", audience="school"))])
    with empty.begin() as connection:
        connection.execute(update(ALERTS).values(words=ALERTS.c.words + "\nvictim:tok-b", next_clock=0))
        connection.exec_driver_sql("ALTER TABLE alerts DROP COLUMN holder")
        connection.exec_driver_sql("ALTER TABLE alerts DROP COLUMN changed_seq")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
    model = ReadModel(empty)
    assert model.count("desk", text="tok-b") == 1_099

    migrate(empty)

    assert model.count("desk", text="tok-b") == 0
    assert model.count("desk", text="burglary") == 1_099
    assert model.count("desk", due_before=NOON) == model.count("school", due_before=NOON) == 0
    assert model.count("desk", states=["snoozed"], due_before=NOON + 8) == 1
    with empty.connect() as connection:
        holders = connection.execute(select(ALERTS.c.holder).where(ALERTS.c.alert_id.in_(["asleep", "a1"]))).scalars()
        assert sorted(holders) == ["", "officer-7"]
    assert model.count("desk", changed_after_seq=1_098) == 1


def test_several_processes_may_migrate_at_once(empty: Engine):
    faults: list[BaseException] = []

    def run() -> None:
        try:
            other = open_database(empty.url)
            migrate(other)
            other.dispose()
        except BaseException as fault:  # noqa: BLE001 - the test tells of it
            faults.append(fault)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert "alerts" in inspect(empty).get_table_names()


def test_several_projections_of_one_database_take_turns(engine: Engine):
    log = [TopicRecord("alerts.desk", 0, offset, alert(offset + 1, f"a{offset % 7}")) for offset in range(60)]
    new: list[int] = []

    def run() -> None:
        other = open_database(engine.url)
        new.extend(told(other, log[start : start + 5]).new for start in range(0, 60, 5))
        other.dispose()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(new) == 60
    assert [one.seq for one in ReadModel(engine).feed("desk", 0, 100)] == list(range(1, 61))
    assert ReadModel(engine).health().faults == ()


def test_threads_share_one_read_model_while_a_projection_writes(engine: Engine):
    model, found = ReadModel(engine), []

    def read() -> None:
        for _ in range(20):
            told_of = [one.seq for one in model.feed("desk", 0, 100)]
            found.append(told_of == list(range(1, len(told_of) + 1)))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for offset in range(20):
        told(engine, [TopicRecord("alerts.desk", 0, offset, alert(offset + 1, "a"))])
    for thread in threads:
        thread.join()

    assert found == [True] * 80


def test_pages_are_read_while_a_projection_writes(engine: Engine):
    told(engine, [TopicRecord("alerts.desk", 0, 0, alert(1, "a"))])
    with engine.begin() as connection:
        apply(connection, [TopicRecord("alerts.desk", 0, 1, alert(2, "b"))])

        assert [one.alert_id for one in ReadModel(engine).inbox("desk")] == ["a"]
    assert [one.alert_id for one in ReadModel(engine).inbox("desk")] == ["b", "a"]


def test_a_copy_is_of_one_topic_and_not_of_its_namesake(engine: Engine):
    with engine.begin() as connection:
        claim(connection, {"alerts.desk": "one", "feed-status": "two"})
        apply(connection, [TopicRecord("alerts.desk", 0, 4, alert(1, "a"))])
    with engine.begin() as connection:
        claim(connection, {"alerts.desk": "one", "alerts.school": "three"})
        assert next_offsets(connection) == {Place("alerts.desk", 0): 5}
    with engine.connect() as connection, pytest.raises(AnotherTopic, match=r"alerts\.school is not the topic .* empty"):
        claim(connection, {"alerts.school": "four"})
    assert ReadModel(engine).newest_seq("desk") == 1


def test_what_is_not_copied_is_refused(engine: Engine):
    with engine.connect() as connection, pytest.raises(TypeError, match="audit: a Handling is not copied for pages"):
        apply(connection, [TopicRecord("audit", 0, 0, handling("new"))])


def test_sqlite_keeps_a_write_ahead_log(tmp_path: Path):
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()


@pytest.mark.parametrize("url", ["postgres://h/d", "postgresql://h/d", "postgresql+psycopg://h/d"])
def test_postgresql_is_reached_by_the_driver_that_is_installed(url: str):
    assert open_database(url).dialect.driver == "psycopg"


@pytest.mark.parametrize("url", ["not a database", "mysql://h/d"])
def test_what_is_no_database_of_ours_is_refused(url: str):
    with pytest.raises(ArgumentError):
        open_database(url)


def test_looks_of_before_they_were_a_chain_are_chained_and_go_on(empty: Engine):
    with empty.begin() as connection:
        shared.command.upgrade(shared.settings_of(connection, MIGRATIONS), "0005")
        looks = table("consultations", *map(column, Consultation.__struct_fields__))
        connection.execute(insert(looks), [msgspec.structs.asdict(look(at=number)) for number in (1, 2)])
    migrate(empty)
    kept = Consultations(empty)
    kept.note(look())

    assert (kept.verified().faults, kept.verified().last) == ((), 3)
