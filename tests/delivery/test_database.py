"""Tables come from migrations, on both databases; those of before are taken over with all that is in them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect
from tests.delivery.making import NOON, TOPIC, alert, outbox, subscription

from safety_stream import database as shared
from safety_stream.database import UnusableDatabase
from safety_stream.delivery import database
from safety_stream.delivery.database import migrate, open_database
from safety_stream.delivery.subscriptions import subscribe, subscriptions
from safety_stream.delivery.tables import METADATA, VERSIONS
from safety_stream.readmodel import database as copy


@pytest.fixture
def bare(place: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The same, open and without tables."""
    with monkeypatch.context() as patched:
        patched.setattr(database, "migrate", lambda _: None)
        engine = open_database(place)
    yield engine
    engine.dispose()


ADDED_SINCE = {
    "delivery_notices": ("late_by",),
    "delivery_positions": ("topic_id", "began", "recorded_from"),
}
"""What migrations have added to the tables there were before there were migrations."""


def names(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_migrations_make_the_tables_that_the_code_knows(bare: Engine):
    migrate(bare)
    with bare.connect() as db:
        context = MigrationContext.configure(
            db, opts={"include_name": lambda name, kind, _: kind != "table" or name != VERSIONS, "compare_type": True}
        )
        differences = compare_metadata(context, METADATA)
        found = inspect(db)
        for table in METADATA.sorted_tables:
            assert {one["name"] for one in found.get_indexes(table.name)} == {one.name for one in table.indexes}
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [one.name for one in table.primary_key]
            assert len(found.get_foreign_keys(table.name)) == len(table.foreign_keys)

    assert differences == []


def filled(engine: Engine) -> None:
    subscribe(engine, subscription())
    outbox(engine).take(TOPIC, 0, [(0, alert())], NOON)


def test_opening_again_changes_nothing(place: str):
    for number in range(3):
        engine = open_database(place)
        if number == 0:
            filled(engine)
        assert outbox(engine).counts() == {"waiting": 1}
        engine.dispose()


def test_a_database_of_before_is_taken_over_with_all_that_is_in_it(bare: Engine):
    METADATA.create_all(bare)
    filled(bare)
    with bare.begin() as db:
        db.exec_driver_sql("DROP TABLE delivery_owed")
        for table, columns in ADDED_SINCE.items():
            for column in columns:
                db.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
    migrate(bare)

    assert VERSIONS in names(bare)
    assert subscriptions(bare) == [subscription()]
    claimed = outbox(bare).claim(NOON)
    assert claimed is not None
    migrate(bare)
    assert outbox(bare).counts() == {"sending": 1}


def test_tables_no_release_made_are_refused_and_left_alone(bare: Engine, place: str):
    METADATA.create_all(bare)
    with bare.begin() as db:
        db.exec_driver_sql("ALTER TABLE delivery_notices DROP COLUMN number")

    with pytest.raises(UnusableDatabase, match="delivery_notices without number"):
        open_database(place)
    assert VERSIONS not in names(bare)


def test_a_migration_that_fails_leaves_nothing_behind(bare: Engine, monkeypatch: pytest.MonkeyPatch):
    upgrade = shared.command.upgrade

    def torn(*words: object) -> None:
        upgrade(*words)  # type: ignore[arg-type]
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(shared.command, "upgrade", torn)
        with pytest.raises(RuntimeError):
            migrate(bare)

    assert names(bare) == set()
    migrate(bare)
    assert names(bare) == {*METADATA.tables, VERSIONS}


def test_several_may_open_an_empty_database_at_once(place: str, bare: Engine):
    faults: list[BaseException] = []

    def run() -> None:
        try:
            open_database(place).dispose()
        except BaseException as fault:  # noqa: BLE001 - the test tells of it
            faults.append(fault)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert faults == []
    assert names(bare) == {*METADATA.tables, VERSIONS}


def test_the_copy_for_pages_may_lie_in_the_same_database(place: str):
    pages = copy.open_database(place)
    copy.migrate(pages)
    engine = open_database(place)
    filled(engine)
    copy.migrate(pages)

    assert {"alerts", "delivery_messages"} <= names(engine)
    assert outbox(engine).counts() == {"waiting": 1}
    for one in (pages, engine):
        one.dispose()
