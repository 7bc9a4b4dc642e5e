"""The key store: one key for each person, wrapped, found by whoever has the token and by nobody else.

Theory of operation
-------------------
    key-encryption key     in a file, in Vault, in an HSM; never here   wraps
    store key              `sealing_roots`, one                         wraps (AES-256-GCM)
      ├─ index key         `sealing_roots`                              token ──HMAC──▶ lookup, which finds a row
      └─ key of a person   `sealing_persons`, one a row                 token ──HMAC──▶ seal (`core/sealing.py`)

The store is begun by whoever first has something sealed; to look for it makes nothing. Its *fingerprint* is a keyed
hash of a fixed text under the index key, which a rewrap leaves as it is: the same in every backup of this store and in
no other store, and it says nothing of the key.

So the file of the store, or a backup of it, says nothing without the key-encryption key: not how often anybody was
reported, and not whether anybody was.

*To seal* a batch is to read the rows of its tokens, and in one transaction to make those that are missing. A key that
is there is never made anew, so a batch that is done again is sealed alike, whoever died in between; of two processes
that make the same person's key at once, one does, and both use it.

*To destroy* a key is to delete its row, and to see to it that no file has it any more. What is left is a digest of the
seal, which leads to the logs and not to the token; it says so until no file has the key any more, and whoever destroys
next ends what somebody was stopped at. The same digest is in the audit, so what was destroyed can be destroyed again
when somebody has put back a backup that is older (`destroy` with all that the audit says). A backup's own bytes nobody
can take back: it is worth something as long as the key-encryption key of its time is. To *rewrap* is to end that: a
new store key under a new key-encryption key, every row wrapped anew, and the old ones gone; the old store key is then
destroyed as a person's is.

Seals that were looked up are remembered in the process, up to a bound. Each batch asks first whether anything has been
destroyed or rewrapped since, by whichever process, and then remembers nothing; and whether this is still the store that
was opened. It is another where the index key is another, where SQLite's file is another than was opened, or where what
we know to have been written is not there: then an older backup was put back, and whatever is sealed by what is
remembered would be somebody else's after a restart.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

import msgspec
from cryptography.exceptions import InvalidTag
from sqlalchemy import Column, Connection, Engine, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from safety_stream.core.audit import subject_of
from safety_stream.core.model.times import Instant
from safety_stream.core.sealing import KEY_BYTES, seal_of
from safety_stream.database import beginning, wait_for_others
from safety_stream.sealing.database import LOCK, FileId, file_of, has_tables, make_tables, scrub
from safety_stream.sealing.providers import KeyEncryptionKey, decrypted, encrypted, wrapped_for_sure
from safety_stream.sealing.tables import DESTROYED, PERSONS, ROOTS

REMEMBERED_AT_MOST: Final = 200_000
"""Seals remembered in a process: some 40 MB."""

_ASKED_AT_MOST: Final = 500
"""Rows asked for by one statement."""

_ON_DISK: Final = 0
"""As the time of a destruction: the row is gone, and a file of the database may have its bytes still."""

_INDEX: Final = b"safety-stream index key"

_FINGERPRINT: Final = "safety-stream key store, by its index key"
"""No token has a space in it, so nobody's row is found by this."""

_FINGERPRINT_DIGITS: Final = 32


class KeyStoreDown(Exception):
    """The key store cannot be used now: one sentence that says why. The same call may work later."""


class StillOnDisk(KeyStoreDown):
    """What was asked for is done, and nobody can be told by the key any more; only its bytes are there yet."""

    def __init__(self, keys: int) -> None:
        """Say it, of so many `keys`, and who ends it."""
        self.keys = keys
        super().__init__(
            "it is done, but others use the key store's database, its tables are not this user's, or the server keeps "
            "what is deleted (vacuum_defer_cleanup_age), so its files may still have it: intake ends that within a "
            "minute after they are through, if it owns the tables; or do it again as their owner"
        )


class NoKeyStore(KeyStoreDown):
    """There is no key store here, and this is no time to make one."""

    def __init__(self) -> None:
        """Say it, and the mend."""
        super().__init__(
            "there is no key store in this database: mount its volume, name the right one in the file of --sealing or "
            "put its backup back. A first one is made when intake first seals, or by safety-stream persons seal"
        )


class _Root(msgspec.Struct, frozen=True):
    """What all rows of a generation are wrapped with, and found by."""

    generation: int
    store_key: bytes
    index_key: bytes

    def lookup(self, token: str) -> str:
        """By what the row of a token is found."""
        return hmac.digest(self.index_key, token.encode(), "sha256").hex()

    def about(self, lookup: str) -> bytes:
        """What a wrapped key is bound to: it opens in no other row, nor under another generation."""
        return f"{lookup}|{self.generation}".encode()


class _Mark(msgspec.Struct, frozen=True):
    """What the store is at: anything remembered under another mark may be true no longer.

    `destroyed` and `subject` are the number of the last destruction, and whose key that was.
    """

    destroyed: int
    subject: str
    root: bytes
    file: FileId | None


_NOWHERE: Final = _Mark(0, "", b"", None)


class KeyStore:
    """An open key store. One thread uses it at a time."""

    def __init__(self, engine: Engine, key: KeyEncryptionKey, now: Callable[[], Instant]) -> None:
        """Open it, if it was begun; if not, nothing is made.

        Raises `KeyStoreDown`, also where the store's own key is wrapped by another key-encryption key than this.
        """
        self._engine = engine
        self._reading = beginning(engine, "BEGIN")
        self._key = key
        self._now = now
        self._known: dict[str, str] = {}
        self._found: _Root | None = None
        self._mark = _NOWHERE
        self._last_made = ""
        try:
            with _answering():
                self._find()
        except Exception:
            engine.dispose()
            raise

    def fingerprint(self) -> str | None:
        """By what this store is told from every other one; None where it is not begun. Raises `KeyStoreDown`."""
        with _answering():
            self._find()
        if self._found is None:
            return None
        return hmac.digest(self._found.index_key, _FINGERPRINT.encode(), "sha256").hex()[:_FINGERPRINT_DIGITS]

    def begin(self) -> bool:
        """Make the store, unless it is there; whether it was made.

        Raises `KeyStoreDown`, `UnusableDatabase`, and `BadKeyEncryptionKey`.
        """
        with _answering():
            self._find()
            if self._found is not None:
                return False
            make_tables(self._engine)
            with self._engine.begin() as db:
                wait_for_others(db, LOCK)
                found = self._opened(db)
                root = found or self._made(db, self._key, 1)
                mark = self._marked(db)
            # Not before it is written down for good.
            self._found, self._mark = root, mark
        return found is None

    def known(self, tokens: Collection[str]) -> dict[str, str]:
        """The seals of those of these tokens that have a key; none is made. Raises `KeyStoreDown`."""
        with _answering():
            self._look_round()
            found = {token: self._known[token] for token in tokens if token in self._known}
            missing = sorted(set(tokens) - found.keys())
            if missing:
                with self._reading.begin() as db:
                    read = self._read(db, missing)
                self._remember(read)
                found |= read
        return found

    def sealed(self, tokens: Collection[str]) -> dict[str, str]:
        """The seal of each token; keys that are missing are made, all in one transaction.

        Where no store is, it is begun. Raises as `begin` does.
        """
        self.begin()
        found = self.known(tokens)
        missing = sorted(set(tokens) - found.keys())
        if missing:
            with _answering():
                with self._engine.begin() as db:
                    self._still_ours(db)
                    self._make_keys(db, missing)
                    made = self._read(db, missing)
                # Not before they are written down for good, where the next process looks for them: a seal without its
                # key would be somebody else's tomorrow.
                if file_of(self._engine) != self._mark.file:
                    self._is_another()
                self._last_made = subject_of(made[missing[-1]])
                self._remember(made)
            found |= made
        return found

    def destroyed(self, seals: Collection[str]) -> set[str]:
        """Those of these seals whose keys were destroyed. Raises `KeyStoreDown`."""
        by_subject = {subject_of(seal): seal for seal in seals}
        with _answering():
            self._look_round()
            with self._reading.begin() as db:
                return {by_subject[one] for one in _among(db, DESTROYED.c.subject, sorted(by_subject))}

    def destroy(self, subjects: Collection[str]) -> int:
        """Destroy the keys of these subjects (`core.audit.subject_of` of seals); how many there were to destroy.

        When it returns they are in no file of the tables, nor is any that somebody was stopped at destroying; what is
        remembered elsewhere is given up with the next batch. What was destroyed before is left as it is. Raises
        `StillOnDisk` where it is done but for the bytes, which whoever destroys next ends; else `KeyStoreDown`.
        """
        asked = sorted(set(subjects))
        with _answering():
            self._look_round()
            with self._engine.begin() as db:
                wait_for_others(db, LOCK)
                _overwrite_deleted(db)
                gone = _among(db, PERSONS.c.subject, asked)
                known = _among(db, DESTROYED.c.subject, asked)
                for some in _by_the_hundred(sorted(gone)):
                    db.execute(delete(PERSONS).where(PERSONS.c.subject.in_(some)))
                for some in _by_the_hundred(sorted(gone & known)):
                    db.execute(DESTROYED.update().where(DESTROYED.c.subject.in_(some)).values(destroyed_at=_ON_DISK))
                if new := sorted(set(asked) - known):
                    db.execute(insert(DESTROYED), [{"subject": one, "destroyed_at": _ON_DISK} for one in new])
            self._known.clear()
            self._scrub(len(gone), is_needed=bool(gone))
        return len(gone)

    def rewrap(self, key: KeyEncryptionKey) -> int:
        """Wrap every key anew, under a new store key wrapped by `key`; how many persons' there are.

        All or nothing; if it is stopped before the old ones are in no file any more, whoever destroys next ends that.
        Whoever has the store open by the old key-encryption key can use it no longer. Raises `KeyStoreDown`,
        `StillOnDisk` where it is done but for that, and `BadKeyEncryptionKey`.
        """
        with _answering():
            self._look_round()
            with self._engine.begin() as db:
                self._still_ours(db)
                _overwrite_deleted(db)
                old = self._root
                new = self._made(db, key, old.generation + 1, old.index_key)
                rows = db.execute(select(PERSONS.c.lookup, PERSONS.c.wrapped)).all()
                for row in rows:
                    plain = _unwrapped(old, row.lookup, row.wrapped)
                    wrapped = encrypted(new.store_key, plain, new.about(row.lookup))
                    changed = {"wrapped": wrapped, "generation": new.generation}
                    db.execute(PERSONS.update().where(PERSONS.c.lookup == row.lookup).values(changed))
                db.execute(delete(ROOTS).where(ROOTS.c.generation == old.generation))
                # The old store key is one that was destroyed, too: whoever destroys next ends what is left of it.
                gone = {"subject": subject_of(f"store key {old.generation}"), "destroyed_at": _ON_DISK}
                db.execute(insert(DESTROYED), [gone])
            self._found, self._key = new, key
            self._scrub(len(rows), is_needed=True)
        return len(rows)

    def close(self) -> None:
        """Give up the connection."""
        self._known.clear()
        self._engine.dispose()

    def _scrub(self, keys: int, *, is_needed: bool) -> None:
        """Leave no byte of a key that was destroyed, also where another process was stopped at that.

        Raises `StillOnDisk`, of so many keys.
        """
        is_on_disk = DESTROYED.c.destroyed_at == _ON_DISK
        with self._reading.begin() as db:
            newest = db.scalar(select(func.max(DESTROYED.c.number)).where(is_on_disk))
        if newest is None and not is_needed:
            return
        if not scrub(self._engine):
            raise StillOnDisk(keys)
        with self._engine.begin() as db:
            wait_for_others(db, LOCK)
            done = DESTROYED.update().where(is_on_disk, DESTROYED.c.number <= (newest or 0))
            db.execute(done.values(destroyed_at=self._now()))

    @property
    def _root(self) -> _Root:
        """The store's own keys, of a store that is there."""
        if self._found is None:
            raise NoKeyStore
        return self._found

    def _see_that_it_is_there(self) -> None:
        """Raises `NoKeyStore`, and what `_find` does."""
        self._find()
        if self._found is None:
            raise NoKeyStore

    def _find(self) -> None:
        """Look for the store, if it was not there so far."""
        if self._found is None and has_tables(self._engine):
            with self._reading.begin() as db:
                # First: what is rewrapped while its key is asked for, which may take a while, is noticed then.
                mark = self._marked(db)
                found = self._opened(db)
            self._found, self._mark = found, mark

    def _look_round(self) -> None:
        """Forget what may be true no longer. Raises `NoKeyStore`, and `KeyStoreDown` where another lies there now."""
        self._see_that_it_is_there()
        with self._reading.begin() as db:
            mark = self._marked(db)
            root = self._root if mark.root == self._mark.root else self._opened(db)
            is_ours = root is not None and root.index_key == self._root.index_key and self._goes_on(db)
        if not is_ours or mark.file != self._mark.file:
            self._is_another()
        if mark != self._mark:
            self._known.clear()
            self._found, self._mark = root, mark

    def _goes_on(self, db: Connection) -> bool:
        """Whether what we know to have been written into it is there: the last destruction, and our last key.

        Their numbers say nothing: a backup that is older gives them out once more.
        """
        number, subject = self._mark.destroyed, self._mark.subject
        if number and db.scalar(select(DESTROYED.c.subject).where(DESTROYED.c.number == number)) != subject:
            return False
        made = [self._last_made] if self._last_made else []
        return not made or bool(_among(db, PERSONS.c.subject, made) or _among(db, DESTROYED.c.subject, made))

    def _is_another(self) -> NoReturn:
        """Give up what was known of the store that was there, and the connection to it."""
        self._known.clear()
        self._found, self._mark, self._last_made = None, _NOWHERE, ""
        self._engine.dispose()
        raise KeyStoreDown("another key store lies there now, or an older backup of this one: open it anew")

    def _marked(self, db: Connection) -> _Mark:
        last = db.execute(select(DESTROYED).order_by(DESTROYED.c.number.desc()).limit(1)).first()
        number, subject = (0, "") if last is None else (last.number, last.subject)
        return _Mark(number, subject, _newest_root(db), file_of(self._engine))

    def _still_ours(self, db: Connection) -> None:
        """Nobody else writes until this transaction's end, and nobody has rewrapped meanwhile."""
        wait_for_others(db, LOCK)
        if _newest_root(db) != self._mark.root:
            raise KeyStoreDown("the key store has just been rewrapped, or exchanged: the next look will tell")

    def _opened(self, db: Connection) -> _Root | None:
        row = db.execute(select(ROOTS).order_by(ROOTS.c.generation.desc())).first()
        if row is None:
            return None
        if row.wrapped_by != self._key.name:
            raise KeyStoreDown(
                f"the key store is wrapped by {row.wrapped_by}, and {self._key.name} was named: name that one"
            )
        store_key = self._key.unwrap(row.store_key)
        return _Root(row.generation, store_key, decrypted(store_key, row.index_key, _INDEX))

    def _made(self, db: Connection, key: KeyEncryptionKey, generation: int, index_key: bytes | None = None) -> _Root:
        """A new generation, written down; lookups stay what they are if the index key does."""
        root = _Root(generation, secrets.token_bytes(KEY_BYTES), index_key or secrets.token_bytes(KEY_BYTES))
        row = {
            "generation": generation,
            "wrapped_by": key.name,
            "store_key": wrapped_for_sure(key, root.store_key),
            "index_key": encrypted(root.store_key, root.index_key, _INDEX),
            "made_at": self._now(),
        }
        db.execute(insert(ROOTS), [row])
        return root

    def _make_keys(self, db: Connection, tokens: Sequence[str]) -> None:
        """A key for each of these tokens, except where somebody else has just made one."""
        rows = []
        for token in tokens:
            key, lookup = secrets.token_bytes(KEY_BYTES), self._root.lookup(token)
            rows.append(
                {
                    "subject": subject_of(seal_of(key, token)),
                    "lookup": lookup,
                    "generation": self._root.generation,
                    "wrapped": encrypted(self._root.store_key, key, self._root.about(lookup)),
                    "made_at": self._now(),
                }
            )
        made = postgresql.insert(PERSONS) if db.dialect.name == "postgresql" else sqlite.insert(PERSONS)
        db.execute(made.on_conflict_do_nothing(), rows)

    def _read(self, db: Connection, tokens: Sequence[str]) -> dict[str, str]:
        by_lookup = {self._root.lookup(token): token for token in tokens}
        found = {}
        for some in _by_the_hundred(sorted(by_lookup)):
            asked = select(PERSONS.c.lookup, PERSONS.c.wrapped).where(PERSONS.c.lookup.in_(some))
            for row in db.execute(asked):
                token = by_lookup[row.lookup]
                found[token] = seal_of(_unwrapped(self._root, row.lookup, row.wrapped), token)
        return found

    def _remember(self, found: dict[str, str]) -> None:
        self._known |= found
        while len(self._known) > REMEMBERED_AT_MOST:
            # The one that was looked up first: a dict keeps the order.
            del self._known[next(iter(self._known))]


def _unwrapped(root: _Root, lookup: str, wrapped: bytes) -> bytes:
    return decrypted(root.store_key, wrapped, root.about(lookup))


def _newest_root(db: Connection) -> bytes:
    """The store key of the newest generation as it is wrapped: no two generations or stores have the same."""
    return db.scalar(select(ROOTS.c.store_key).order_by(ROOTS.c.generation.desc()).limit(1)) or b""


def _overwrite_deleted(db: Connection) -> None:
    """On SQLite what is deleted would else stand on in the free pages of the file."""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete=ON")


def _among(db: Connection, column: Column[str], asked: Sequence[str]) -> set[str]:
    """Those that the column has."""
    return {one for some in _by_the_hundred(asked) for one in db.scalars(select(column).where(column.in_(some)))}


def _by_the_hundred(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _ASKED_AT_MOST] for start in range(0, len(values), _ASKED_AT_MOST))


@contextmanager
def _answering() -> Iterator[None]:
    """Around what asks the database. Raises `KeyStoreDown`, with no part of a URL or a value in it."""
    try:
        yield
    except SQLAlchemyError as error:
        raise KeyStoreDown(f"the key store's database does not answer ({type(error).__name__})") from None
    except OSError as error:
        raise KeyStoreDown(f"the key store's file cannot be looked at ({type(error).__name__})") from None
    except InvalidTag:
        raise KeyStoreDown(
            "a key in the key store does not open: it was changed, or another backup lies there"
        ) from None
