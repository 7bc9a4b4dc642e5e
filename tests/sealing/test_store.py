"""One key for each person, the same for as long as it is there, and gone for good when it is destroyed."""

from __future__ import annotations

import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from cryptography.exceptions import InvalidTag
from sqlalchemy import Column, Connection, Engine, Executable, MetaData, String, Table, event, inspect, select, update
from sqlalchemy.exc import OperationalError
from tests.readmodel.postgres import Server
from tests.sealing.conftest import Opening

import safety_stream
from safety_stream.core.audit import subject_of
from safety_stream.core.sealing import is_seal
from safety_stream.database import UnusableDatabase, make_engine
from safety_stream.sealing import database
from safety_stream.sealing import store as store_module
from safety_stream.sealing.database import LOCK, make_tables, open_database
from safety_stream.sealing.providers import (
    BadKeyEncryptionKey,
    FileKey,
    decrypted,
    encrypted,
    new_file_key,
)
from safety_stream.sealing.store import KeyStore, KeyStoreDown, NoKeyStore, StillOnDisk
from safety_stream.sealing.tables import DESTROYED, METADATA, PERSONS, ROOTS, VERSIONS

EVERYBODY = ("tok-a", "tok-b", "tok-c")


@contextmanager
def behind_its_back(url: str) -> Iterator[Connection]:
    """The database itself, past the store, in a transaction."""
    engine = make_engine(url, begin="BEGIN", wait_seconds=10, synchronous="FULL")
    with engine.begin() as db:
        yield db
    engine.dispose()


def asked(url: str, *statements: Executable) -> list[list[Any]]:
    """What the database itself has."""
    with behind_its_back(url) as db:
        return [[tuple(row) for row in db.execute(statement)] for statement in statements]


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("keys.sqlite*")))


def put_in_place(folder: Path, backup: Path | None) -> None:
    """Put a backup where the file of the store lies, as operators do, under whoever has it open; or nothing."""
    for path in folder.glob("keys.sqlite*"):
        path.unlink()
    if backup is not None:
        shutil.copy(backup, folder / "keys.sqlite")


def backup_of(folder: Path) -> Path:
    backup = folder / "backup.sqlite"
    with closing(sqlite3.connect(folder / "keys.sqlite")) as db:
        db.execute("VACUUM INTO ?", (str(backup),))
    return backup


def test_everybody_has_one_seal_in_every_process_and_after_a_restart(opening: Opening):
    first, second = opening(), opening()

    seals = first.sealed(EVERYBODY)

    assert len(set(seals.values())) == len(EVERYBODY)
    assert all(map(is_seal, seals.values()))
    assert first.sealed(EVERYBODY) == second.sealed(EVERYBODY) == opening().known(EVERYBODY) == seals


def test_looking_somebody_up_makes_no_key(opening: Opening):
    store = opening()
    store.begin()

    assert store.known(["tok-a"]) == {}
    assert store.known(["tok-a"]) == {}
    assert opening().known(EVERYBODY) == {}


def test_where_no_store_is_looking_makes_none_and_leaves_nothing_behind(opening: Opening, place: str, tmp_path: Path):
    """As where the volume was not mounted."""
    store = opening()

    assert store.fingerprint() is None
    for ask in (
        lambda: store.known(["tok-a"]),
        lambda: store.destroyed([]),
        lambda: store.destroy([subject_of("sealed.of-nobody")]),
        lambda: store.rewrap(new_file_key(tmp_path / "kek-2")),
    ):
        with pytest.raises(NoKeyStore, match="mount its volume"):
            ask()

    assert list(tmp_path.glob("keys.sqlite*")) == []
    engine = open_database(place)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_store_that_somebody_else_begins_is_seen_by_whoever_has_looked_before(opening: Opening):
    looked, before = opening(), opening()

    assert before.begin()
    assert (before.begin(), looked.begin()) == (False, False)
    seals = opening().sealed(EVERYBODY)

    assert looked.known(EVERYBODY) == before.known(EVERYBODY) == seals


def test_two_that_begin_the_store_at_once_begin_the_same(opening: Opening):
    stores = [opening() for _ in range(4)]
    met, begun = threading.Barrier(len(stores)), []

    def begin(store: KeyStore) -> None:
        met.wait()
        begun.append(store.begin())

    threads = [threading.Thread(target=begin, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(begun) == [False, False, False, True]
    assert len({store.fingerprint() for store in stores}) == 1


def test_a_store_is_told_by_its_fingerprint_which_says_nothing_of_its_keys(
    opening: Opening, place: str, tmp_path: Path, key: FileKey
):
    store, other = opening(), KeyStore(open_database(f"sqlite:///{tmp_path}/other.sqlite"), key, lambda: 0)
    seals = store.sealed(EVERYBODY)
    other.begin()

    fingerprint = store.fingerprint()
    assert fingerprint not in (None, other.fingerprint())
    assert fingerprint == opening().fingerprint()
    store.destroy([subject_of(seals["tok-a"])])
    new = new_file_key(tmp_path / "kek-2")
    store.rewrap(new)
    assert fingerprint == store.fingerprint() == opening(new).fingerprint(), "a rewrap leaves it as it is"
    assert str(fingerprint) not in repr(asked(place, *(select(table) for table in METADATA.sorted_tables)))
    other.close()


def test_two_processes_that_make_a_key_at_once_use_the_same(opening: Opening):
    stores = [opening() for _ in range(4)]
    met, found = threading.Barrier(len(stores)), []

    def seal(store: KeyStore) -> None:
        met.wait()
        found.append(store.sealed([f"tok-{number}" for number in range(50)]))

    threads = [threading.Thread(target=seal, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == len(stores)
    assert all(one == found[0] for one in found)


def test_who_is_erased_is_nobody_and_comes_back_as_somebody_else(opening: Opening):
    store, other = opening(), opening()
    before = store.sealed(EVERYBODY)
    assert other.sealed(EVERYBODY) == before

    assert store.destroy([subject_of(before["tok-b"])]) == 1

    for one in (store, other, opening()):
        assert one.known(EVERYBODY) == {token: before[token] for token in ("tok-a", "tok-c")}, "also what it remembers"
    after = other.sealed(EVERYBODY)
    assert after["tok-b"] != before["tok-b"]
    assert {token: after[token] for token in ("tok-a", "tok-c")} == {
        token: before[token] for token in ("tok-a", "tok-c")
    }
    assert store.destroy([subject_of(before["tok-b"])]) == 0, "a second time there is nothing to destroy"
    assert store.sealed(EVERYBODY) == after


def test_the_store_holds_neither_tokens_nor_seals_nor_keys_that_open_without_its_own(opening: Opening, place: str):
    seals = opening().sealed(EVERYBODY)

    said = repr(asked(place, *(select(table) for table in METADATA.sorted_tables)))

    assert [word for word in (*EVERYBODY, *seals.values()) if word in said] == []


def test_whose_keys_were_destroyed_is_known_by_their_seals(opening: Opening):
    store, other = opening(), opening()
    seals = store.sealed(EVERYBODY)
    store.destroy([subject_of(seals["tok-a"]), subject_of("sealed.of-another-store")])

    assert other.destroyed(seals.values()) == {seals["tok-a"]}
    assert other.destroyed([store.sealed(["tok-a"])["tok-a"]]) == set(), "the new key of the same token is another"
    assert other.destroyed(["sealed.of-another-store", "sealed.of-nobody"]) == {"sealed.of-another-store"}
    assert other.destroyed([]) == set()


def test_a_destroyed_key_is_in_no_byte_on_disk(opening: Opening, place: str, tmp_path: Path):
    if not place.startswith("sqlite"):
        pytest.skip("which bytes PostgreSQL leaves behind is for its VACUUM to say")
    store = opening()
    seals = store.sealed([f"tok-{number}" for number in range(200)])
    subject = subject_of(seals["tok-77"])
    ((row,),) = asked(place, select(PERSONS.c.wrapped, PERSONS.c.lookup).where(PERSONS.c.subject == subject))
    wrapped, lookup = row
    assert wrapped in bytes_of(tmp_path), "the search finds what is there"

    store.destroy([subject])

    left = bytes_of(tmp_path)
    assert wrapped not in left
    assert lookup.encode() not in left
    assert wrapped[12:28] not in left, "nor a part of it"


def on_disk(server: Server, place: str) -> bytes:
    """All that the tables' files have, of a database on PostgreSQL."""
    with psycopg.connect(place, autocommit=True) as db:
        db.execute("CHECKPOINT")
        (number,) = db.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone() or (0,)
    return b"".join(path.read_bytes() for path in (server.folder / "data" / "base" / str(number)).iterdir())


def wrapped_key(place: str, subject: str) -> bytes:
    ((row,),) = asked(place, select(PERSONS.c.wrapped).where(PERSONS.c.subject == subject))
    return bytes(row[0])


def times_of_destruction(place: str) -> list[int]:
    ((*rows,),) = asked(place, select(DESTROYED.c.destroyed_at).order_by(DESTROYED.c.number))
    return [at for (at,) in rows]


@pytest.fixture
def on_postgres(request: pytest.FixtureRequest, place: str) -> Server:
    if not place.startswith("postgresql"):
        pytest.skip("of SQLite another test tells")
    server: Server = request.getfixturevalue("postgres")
    return server


def test_on_postgresql_a_destroyed_key_is_in_no_byte_of_the_tables_either(
    opening: Opening, place: str, on_postgres: Server
):
    store = opening()
    seals = store.sealed([f"tok-{number}" for number in range(200)])
    newest = list(seals.values())[-1]
    wrapped = {wrapped_key(place, subject_of(seal)) for seal in (seals["tok-77"], newest)}
    before = on_disk(on_postgres, place)
    assert all(one in before for one in wrapped), "the search finds what is there"

    store.destroy([subject_of(seals["tok-77"]), subject_of(newest)])

    left = on_disk(on_postgres, place)
    assert [one for one in wrapped if one in left or one[12:28] in left] == []
    assert store.known(seals) == {token: seal for token, seal in seals.items() if seal not in (seals["tok-77"], newest)}


def reads_it_from_before(place: str) -> psycopg.Connection[Any]:
    """Somebody who sees the tables as they were."""
    reader = psycopg.connect(place)
    reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    reader.execute("SELECT 1")
    return reader


def writes_elsewhere(place: str) -> psycopg.Connection[Any]:
    """Somebody in the same database whose transaction began before, and who has not looked at our tables at all."""
    writer = psycopg.connect(place)
    writer.execute("CREATE TABLE elsewhere (a integer)")
    return writer


def has_read(place: str) -> psycopg.Connection[Any]:
    """Somebody who sees what is there now, and has looked at our tables in a transaction that goes on."""
    reader = psycopg.connect(place)
    reader.execute("SELECT 1 FROM sealing_persons")
    return reader


@pytest.mark.parametrize("does", [reads_it_from_before, writes_elsewhere, has_read])
@pytest.mark.parametrize("how", ["destroy", "rewrap"])
def test_a_key_is_not_marked_destroyed_while_somebody_keeps_its_bytes_on_postgresql(
    opening: Opening,
    place: str,
    on_postgres: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    does: Callable[[str], psycopg.Connection[Any]],
    how: str,
):
    monkeypatch.setattr(database, "_WAIT_SECONDS", 0.05)
    store, new = opening(), new_file_key(tmp_path / "kek-2")
    subject = subject_of(store.sealed(EVERYBODY)["tok-c"])
    wrapped = wrapped_key(place, subject)

    with does(place):
        with pytest.raises(StillOnDisk, match="others use"):
            store.destroy([subject]) if how == "destroy" else store.rewrap(new)
        assert times_of_destruction(place) == [0]
        assert wrapped in on_disk(on_postgres, place), "they are there indeed"
        with pytest.raises(StillOnDisk):
            opening(new if how == "rewrap" else store._key).destroy([])

    # As intake does every minute.
    assert opening(new if how == "rewrap" else store._key).destroy([]) == 0
    assert 0 not in times_of_destruction(place)
    assert wrapped not in on_disk(on_postgres, place)


def test_whoever_was_stopped_before_the_bytes_were_gone_or_another_ends_it(
    opening: Opening, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scrubbed = store_module.scrub
    store, times = opening(), iter((KeyboardInterrupt(), OperationalError("VACUUM", {}, OSError("no space")), None))
    subject = subject_of(store.sealed(EVERYBODY)["tok-b"])
    ((row,),) = asked(place, select(PERSONS.c.wrapped).where(PERSONS.c.subject == subject))

    def scrub(engine: Engine) -> bool:
        stopped = next(times)
        if stopped is not None:
            raise stopped
        return scrubbed(engine)

    monkeypatch.setattr(store_module, "scrub", scrub)
    with pytest.raises(KeyboardInterrupt):
        store.destroy([subject])
    with pytest.raises(KeyStoreDown):
        opening().destroy([])

    assert opening().destroy([]) == 0
    assert next(times, "nothing left") == "nothing left", "it was scrubbed once more"
    assert not place.startswith("sqlite") or row[0] not in bytes_of(tmp_path)
    assert opening().destroy([subject]) == 0, "and is not, once it is done"


@pytest.mark.parametrize("is_there", [False, True])
def test_what_could_not_be_committed_stands_for_nobody(opening: Opening, *, is_there: bool):
    store = opening()
    if is_there:
        store.sealed(["tok-b"])

    written: list[str] = []

    def noted(*told: Any) -> None:
        written.append(told[2])

    def full(_: object) -> None:
        if any("INSERT INTO sealing_persons" in statement for statement in written):
            written.clear()
            raise OperationalError("COMMIT", {}, OSError("database or disk is full"))

    event.listen(store._engine, "before_cursor_execute", noted)
    event.listen(store._engine, "commit", full)
    for tokens in (["tok-a"], ["tok-a"], ["tok-a", "tok-b"]):
        with pytest.raises(KeyStoreDown):
            store.sealed(tokens)
    event.remove(store._engine, "commit", full)

    assert store.sealed(["tok-a"]) == opening().sealed(["tok-a"])


def test_a_backup_brings_nobody_back(opening: Opening, place: str, tmp_path: Path):
    if not place.startswith("sqlite"):
        pytest.skip("a file that is copied is SQLite's kind of backup")
    store = opening()
    seals = store.sealed(EVERYBODY)
    backup = backup_of(tmp_path)
    erased = [subject_of(seals["tok-a"]), subject_of(seals["tok-c"])]
    store.destroy(erased)
    store.close()

    put_in_place(tmp_path, backup)
    restored = opening()
    assert restored.known(EVERYBODY) == seals, "a backup does bring everybody back, until"
    assert restored.destroy(erased) == 2, "what is on record as destroyed is destroyed again"

    assert restored.known(EVERYBODY) == {"tok-b": seals["tok-b"]}


def test_rewrapped_everybody_is_who_they_were_and_the_old_key_opens_nothing(opening: Opening, tmp_path: Path):
    other_key = new_file_key(tmp_path / "kek-2")
    store, running = opening(), opening()
    seals = store.sealed(EVERYBODY)
    assert running.sealed(EVERYBODY) == seals

    assert store.rewrap(other_key) == len(EVERYBODY)

    assert store.sealed(EVERYBODY) == opening(other_key).known(EVERYBODY) == seals
    with pytest.raises(KeyStoreDown, match=other_key.name):
        running.known(EVERYBODY)
    with pytest.raises(KeyStoreDown, match=other_key.name):
        opening()


def test_after_a_rewrap_nothing_of_the_old_generation_is_on_disk(opening: Opening, place: str, tmp_path: Path):
    if not place.startswith("sqlite"):
        pytest.skip("which bytes PostgreSQL leaves behind is for its VACUUM to say")
    store = opening()
    store.sealed(EVERYBODY)
    old = [value for found in asked(place, select(PERSONS.c.wrapped), select(ROOTS.c.store_key)) for (value,) in found]

    store.rewrap(new_file_key(tmp_path / "kek-2"))

    assert [one for one in old if one in bytes_of(tmp_path)] == []


def test_a_rewrap_that_was_stopped_before_the_bytes_were_gone_is_ended_by_whoever_destroys_next(
    opening: Opening, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store, new = opening(), new_file_key(tmp_path / "kek-2")
    store.sealed(EVERYBODY)
    old = [value for found in asked(place, select(PERSONS.c.wrapped), select(ROOTS.c.store_key)) for (value,) in found]
    scrubbed, times = store_module.scrub, []

    def scrub(engine: Engine) -> bool:
        times.append(engine)
        return scrubbed(engine)

    monkeypatch.setattr(store_module, "scrub", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        store.rewrap(new)
    monkeypatch.setattr(store_module, "scrub", scrub)

    # As intake does every minute.
    assert [opening(new).destroy([]) for _ in range(2)] == [0, 0]
    assert len(times) == 1, "it was scrubbed once more, and is not, once it is done"
    assert not place.startswith("sqlite") or [one for one in old if one in bytes_of(tmp_path)] == []


def test_a_wrapped_key_opens_in_its_own_row_alone(opening: Opening, place: str):
    store = opening()
    seals = store.sealed(EVERYBODY)
    engine = open_database(place)
    with engine.begin() as db:
        wrapped = db.scalar(select(PERSONS.c.wrapped).where(PERSONS.c.subject == subject_of(seals["tok-a"])))
        db.execute(update(PERSONS).where(PERSONS.c.subject == subject_of(seals["tok-b"])).values(wrapped=wrapped))
    engine.dispose()

    with pytest.raises(KeyStoreDown, match="does not open"):
        opening().known(["tok-b"])


def test_a_store_that_does_not_answer_says_so_and_goes_on_when_it_does(opening: Opening):
    store = opening()
    seals = store.sealed(EVERYBODY)

    def away(*_: object) -> None:
        raise store_module.SQLAlchemyError("away")

    event.listen(store._engine, "begin", away)
    with pytest.raises(KeyStoreDown, match="does not answer") as down:
        store.sealed(EVERYBODY)
    event.remove(store._engine, "begin", away)

    assert "away" not in str(down.value)
    assert store.sealed(EVERYBODY) == seals


def test_what_is_remembered_has_a_bound(opening: Opening, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store_module, "REMEMBERED_AT_MOST", 10)
    store = opening()
    tokens = [f"tok-{number}" for number in range(25)]

    seals = store.sealed(tokens)

    assert len(store._known) == 10
    assert store.sealed(tokens) == seals


def test_what_is_remembered_is_not_looked_up_again(opening: Opening):
    store, heard = opening(), []
    seals = store.sealed(EVERYBODY)
    event.listen(store._engine, "before_cursor_execute", lambda *told: heard.append(told[2]))

    assert store.sealed(EVERYBODY) == seals
    assert [statement for statement in heard if "wrapped" in statement] == []
    assert heard, "but whether anything was destroyed is"


def test_each_of_our_locks_on_postgresql_has_a_number_of_its_own():
    """They may be of one database: whoever adds to another chain must not wait for who writes keys."""
    lock = re.compile(r"^_?[A-Z_]*LOCK(?:: Final)? = ([0-9_]+)$", re.MULTILINE)
    sources = {path: path.read_text(encoding="utf-8") for path in Path(safety_stream.__file__).parent.rglob("*.py")}

    numbers = [number for source in sources.values() if "wait_for_others" in source for number in lock.findall(source)]

    assert f"{LOCK:_}" in numbers
    assert len(numbers) > 4, "the search finds what is there"
    assert sorted(numbers) == sorted({*numbers})


def test_migrations_make_the_tables_that_the_code_knows(place: str):
    engine = open_database(place)
    make_tables(engine)
    with engine.connect() as db:
        context = MigrationContext.configure(
            db, opts={"include_name": lambda name, kind, _: kind != "table" or name != VERSIONS, "compare_type": True}
        )
        differences = compare_metadata(context, METADATA)
    engine.dispose()

    assert differences == []


def test_a_key_in_a_file_is_its_owners_alone_and_is_told_by_its_name(tmp_path: Path):
    made = new_file_key(tmp_path / "kek")

    assert FileKey(tmp_path / "kek").name == made.name
    assert (tmp_path / "kek").read_text().strip() not in made.name
    with pytest.raises(BadKeyEncryptionKey, match="is there already"):
        new_file_key(tmp_path / "kek")
    (tmp_path / "kek").chmod(0o640)
    with pytest.raises(BadKeyEncryptionKey, match="chmod 600"):
        FileKey(tmp_path / "kek")
    (tmp_path / "short").touch(0o600)
    (tmp_path / "short").write_text("0123")
    with pytest.raises(BadKeyEncryptionKey, match="persons key"):
        FileKey(tmp_path / "short")


def test_what_is_wrapped_opens_by_the_same_key_and_for_the_same_purpose_alone(tmp_path: Path):
    first, second = new_file_key(tmp_path / "first"), new_file_key(tmp_path / "second")
    wrapped = first.wrap(b"s" * 32)

    assert first.unwrap(wrapped) == b"s" * 32
    assert first.wrap(b"s" * 32) != wrapped, "never twice under one nonce"
    for other, content in ((second, wrapped), (first, wrapped[:-1] + bytes([wrapped[-1] ^ 1]))):
        with pytest.raises(BadKeyEncryptionKey, match="does not open"):
            other.unwrap(content)
    with pytest.raises(InvalidTag):
        decrypted(b"k" * 32, encrypted(b"k" * 32, b"plain", b"one row"), b"another row")


def exchanged_for(place: str, other: str) -> None:
    """Put the roots of another store where one lies, as a database is put in the place of another."""
    ((root,),) = asked(other, select(ROOTS))
    with behind_its_back(place) as db:
        db.execute(ROOTS.delete())
        db.execute(ROOTS.insert(), [dict(zip(ROOTS.c.keys(), root, strict=True))])


def test_a_store_that_is_exchanged_under_a_running_process_is_noticed(opening: Opening, place: str, tmp_path: Path):
    elsewhere = f"sqlite:///{tmp_path / 'other.sqlite'}"
    other = opening(where=elsewhere)
    other.begin()
    store = opening()
    store.sealed(EVERYBODY)
    was = store.fingerprint()

    exchanged_for(place, elsewhere)
    with pytest.raises(KeyStoreDown, match="another key store lies there now"):
        store.sealed(["tok-new"])
    assert store.fingerprint() == other.fingerprint() != was


def test_an_older_backup_put_under_a_running_process_is_noticed(opening: Opening, place: str):
    store = opening()
    seals = store.sealed(EVERYBODY)
    store.destroy([subject_of(seals["tok-a"])])
    store.known(EVERYBODY)
    with behind_its_back(place) as db:
        db.execute(DESTROYED.delete())

    with pytest.raises(KeyStoreDown, match="an older backup"):
        store.known(EVERYBODY)


@pytest.mark.parametrize("is_there", [True, False], ids=["a backup", "nothing"])
@pytest.mark.parametrize("ask", ["sealed", "known", "destroyed", "destroy"])
def test_a_file_that_is_put_in_the_place_of_sqlites_is_noticed(
    opening: Opening, place: str, tmp_path: Path, ask: str, *, is_there: bool
):
    """The connection that is open reads and writes the file that was there, which has no name any more."""
    if not place.startswith("sqlite"):
        pytest.skip("PostgreSQL's files are its own")
    store = opening()
    seals = store.sealed(EVERYBODY)
    put_in_place(tmp_path, backup_of(tmp_path) if is_there else None)
    asked_for = ["tok-a"] if ask in ("sealed", "known") else [subject_of(seals["tok-a"])]

    with pytest.raises(KeyStoreDown):
        getattr(store, ask)(asked_for)

    assert store.known(EVERYBODY) == seals if is_there else store.fingerprint() is None, "what lies there is found next"


def test_keys_that_were_written_into_a_file_without_a_name_stand_for_nobody(
    opening: Opening, place: str, tmp_path: Path
):
    if not place.startswith("sqlite"):
        pytest.skip("PostgreSQL's files are its own")
    store = opening()
    store.sealed(EVERYBODY)
    backup = backup_of(tmp_path)
    event.listen(store._engine, "commit", lambda _: put_in_place(tmp_path, backup))

    with pytest.raises(KeyStoreDown, match="another key store"):
        store.sealed(["tok-new"])


def rows_put_back(place: str, rows: list[list[Any]]) -> None:
    """Put back what the database had then, as restoring a backup does."""
    with behind_its_back(place) as db:
        for table, found in zip((PERSONS, DESTROYED), rows, strict=True):
            db.execute(table.delete())
            if found:
                db.execute(table.insert(), [dict(zip(table.c.keys(), row, strict=True)) for row in found])


def test_an_older_backup_is_noticed_though_its_next_destruction_has_the_same_number(opening: Opening, place: str):
    store, other = opening(), opening()
    seals = store.sealed(EVERYBODY)
    before = asked(place, select(PERSONS), select(DESTROYED))
    store.destroy([subject_of(seals["tok-a"])])
    store.known(EVERYBODY)
    ((number, subject, at),) = asked(place, select(DESTROYED))[0]
    rows_put_back(place, [before[0], [[number, subject_of(seals["tok-b"]), at]]])

    with pytest.raises(KeyStoreDown, match="an older backup"):
        store.destroyed([seals["tok-a"]])
    assert subject != subject_of(seals["tok-b"])
    assert other.known(EVERYBODY) == seals, "who has known of no destruction finds what is there"


def test_an_older_backup_is_noticed_by_the_key_that_was_made_last_where_none_was_destroyed(
    opening: Opening, place: str
):
    store = opening()
    store.sealed(EVERYBODY)
    before = asked(place, select(PERSONS), select(DESTROYED))
    new = store.sealed(["tok-new"])
    assert store.sealed(["tok-new"]) == new
    opening().destroy([subject_of(new["tok-new"])])
    assert store.known(["tok-new"]) == {}, "one that was destroyed since says nothing"
    store.sealed(["tok-newer"])
    rows_put_back(place, [before[0], asked(place, select(DESTROYED))[0]])

    with pytest.raises(KeyStoreDown, match="an older backup"):
        store.known(EVERYBODY)


class Shaky:
    """A key-encryption key that does something else than others do when it is asked to open what it wrapped."""

    def __init__(self, key: FileKey, does: Callable[[bytes], bytes]) -> None:
        self.name, self.wrap, self.unwrap = key.name, key.wrap, does


def not_its_own(_: bytes) -> bytes:
    return b"something else that it kept here"


def refused(_: bytes) -> bytes:
    raise BadKeyEncryptionKey("may not decrypt")


@pytest.mark.parametrize("does", [not_its_own, refused])
def test_a_key_that_does_not_give_back_what_it_wraps_begins_no_store_and_takes_nobodys_place(
    opening: Opening, key: FileKey, tmp_path: Path, does: Callable[[bytes], bytes]
):
    """It would be found out at the next start, when the key that did is destroyed."""
    with pytest.raises(BadKeyEncryptionKey, match="does not give back"):
        opening(Shaky(key, does)).begin()
    store = opening()
    seals = store.sealed(EVERYBODY)

    with pytest.raises(BadKeyEncryptionKey, match="does not give back"):
        store.rewrap(Shaky(new_file_key(tmp_path / "kek-2"), does))

    assert opening().known(EVERYBODY) == store.known(EVERYBODY) == seals


def test_who_opens_the_store_while_it_is_rewrapped_makes_no_key_by_the_old_one(
    opening: Opening, key: FileKey, tmp_path: Path
):
    """Nobody could open it any more, and every later rewrap would end at it."""
    opening().sealed(EVERYBODY)
    other, new = opening(), new_file_key(tmp_path / "kek-2")

    def takes_a_while(wrapped: bytes) -> bytes:
        with suppress(StillOnDisk):
            other.rewrap(new)
        return key.unwrap(wrapped)

    late = opening(Shaky(key, takes_a_while))

    with pytest.raises(KeyStoreDown, match=new.name):
        late.sealed(["tok-new"])
    assert opening(new).known(["tok-new"]) == {}
    assert other.rewrap(new_file_key(tmp_path / "kek-3")) == len(EVERYBODY)


def test_what_sqlite_itself_says_of_a_full_disk_is_a_store_that_does_not_answer(
    opening: Opening, place: str, monkeypatch: pytest.MonkeyPatch
):
    if not place.startswith("sqlite"):
        pytest.skip("it is written anew past SQLAlchemy on SQLite alone")
    store = opening()
    subject = subject_of(store.sealed(EVERYBODY)["tok-a"])

    def full(_: object) -> bool:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(database, "_written_back", full)
    with pytest.raises(KeyStoreDown, match="does not answer"):
        store.destroy([subject])
    monkeypatch.undo()
    assert store.destroy([]) == 0
    assert 0 not in times_of_destruction(place)


def test_on_sqlite_the_file_is_written_anew_so_that_no_page_keeps_a_copy_of_what_was_deleted(
    opening: Opening, place: str, tmp_path: Path
):
    if not place.startswith("sqlite"):
        pytest.skip("of PostgreSQL another test tells")
    store = opening()
    seals = store.sealed([f"tok-{number}" for number in range(600)])
    wrapped = asked(place, select(PERSONS.c.wrapped))[0]
    gone = [subject_of(seal) for seal in [*seals.values()][2:]]

    for start in range(0, len(gone), 60):
        store.destroy(gone[start : start + 60])

    left = {row[0] for row in asked(place, select(PERSONS.c.wrapped))[0]}
    content = bytes_of(tmp_path)
    assert [one for (one,) in wrapped if one not in left and (one in content or one[12:28] in content)] == []
    with closing(sqlite3.connect(tmp_path / "keys.sqlite")) as db:
        assert db.execute("PRAGMA freelist_count").fetchone() == (0,)


@pytest.mark.usefixtures("on_postgres")
def test_a_writer_that_never_ends_is_a_store_that_does_not_answer_on_postgresql(
    opening: Opening, place: str, monkeypatch: pytest.MonkeyPatch
):
    """As a command that was stopped within its transaction: intake would say nothing for as long as it is."""
    monkeypatch.setattr("safety_stream.database._WAIT_SECONDS", 0.05)
    store = opening()
    store.begin()

    with psycopg.connect(place) as db:
        db.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        with pytest.raises(KeyStoreDown, match="does not answer"):
            store.sealed(["tok-a"])

    assert store.sealed(["tok-a"])


@pytest.mark.usefixtures("on_postgres")
def test_a_server_that_keeps_what_is_deleted_marks_no_key_destroyed_on_postgresql(
    opening: Opening, place: str, monkeypatch: pytest.MonkeyPatch
):
    store = opening()
    subject = subject_of(store.sealed(EVERYBODY)["tok-a"])

    with monkeypatch.context() as told:
        told.setattr(database, "_KEEPS_WHAT_IS_DELETED", "SELECT true")
        with pytest.raises(StillOnDisk, match="vacuum_defer_cleanup_age"):
            store.destroy([subject])

    assert times_of_destruction(place) == [0]
    assert store.destroy([]) == 0


def test_a_store_of_a_newer_release_is_one_that_cannot_be_used(opening: Opening, place: str):
    opening().begin()
    with behind_its_back(place) as db:
        db.execute(Table(VERSIONS, MetaData(), Column("version_num", String)).update().values(version_num="9999"))

    with pytest.raises(UnusableDatabase, match="newer release"):
        open_database(place)


def test_a_password_that_spoils_the_url_is_said_nowhere():
    with pytest.raises(UnusableDatabase, match="named wrongly") as said:
        open_database("postgresql://pages:w0rd-secret@db.example:54x32@host/keys")
    assert "secret" not in str(said.value)


def test_who_does_not_own_the_tables_marks_no_key_destroyed_on_postgresql(
    opening: Opening, place: str, on_postgres: Server
):
    """PostgreSQL passes over others' tables without a fault."""
    store = opening()
    subject = subject_of(store.sealed(EVERYBODY)["tok-b"])
    wrapped, role = wrapped_key(place, subject), f"r{abs(hash(place))}"
    with psycopg.connect(place, autocommit=True) as db:
        db.execute(f"CREATE ROLE {role} LOGIN")
        db.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
        db.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")

    with pytest.raises(StillOnDisk, match="as their owner"):
        opening(where=place.replace("//pages@", f"//{role}@")).destroy([subject])
    assert times_of_destruction(place) == [0]
    assert wrapped in on_disk(on_postgres, place)

    assert store.destroy([]) == 0
    assert 0 not in times_of_destruction(place)
    assert wrapped not in on_disk(on_postgres, place)


def test_a_file_that_cannot_be_looked_at_is_a_database_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def refused(_: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "exists", refused)
    with pytest.raises(UnusableDatabase, match="PermissionError"):
        open_database(f"sqlite:///{tmp_path / 'keys.sqlite'}")
