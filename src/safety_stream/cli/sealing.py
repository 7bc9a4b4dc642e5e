"""What commands have in common that come by persons' tokens: where the keys are, by which tokens are sealed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Final

import structlog
import typer
from confluent_kafka import KafkaException

from safety_stream.cli.terminal import Wrong, needing, say, wall
from safety_stream.config import Connection
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.sealing import (
    KEY_BYTES,
    OtherKeyStore,
    hold_to_key_store,
    is_seal,
    seal_of,
    sealed_link,
    sealed_outputs,
    seals_joined,
    tokens_in,
    tokens_of_link,
    without_who_was_erased,
)
from safety_stream.core.stages.stage import Output, Record, Rows
from safety_stream.streaming.ports import Retriable
from safety_stream.streaming.reading import NeverEnds, NoSuchTopic, high_watermarks, low_watermarks, read_between
from safety_stream.wire.records import Records

if TYPE_CHECKING:
    from safety_stream.sealing.providers import KeyEncryptionKey
    from safety_stream.sealing.settings import SealingSettings
    from safety_stream.sealing.store import KeyStore

SealingFile = Annotated[
    Path | None,
    typer.Option(
        "--sealing",
        envvar="SAFETY_STREAM_SEALING",
        exists=True,
        dir_okay=False,
        help="File that says where the keys of persons are, by which tokens are sealed. Default: nothing is sealed.",
    ),
]

_EXTRA = ("sealing", "which seals tokens")

_ON_RECORD: Final = "audit.entries"
"""Where it is on record whose keys were destroyed."""

_LOOKS_EVERY_SECONDS: Final = 60.0


def settings_of(path: Path) -> SealingSettings:
    """The settings of sealing. Raises `Wrong`."""
    with needing(*_EXTRA):
        from safety_stream.sealing import settings  # noqa: PLC0415 - the extra `sealing`
    try:
        return settings.read_sealing_settings(path)
    except settings.SettingsFault as error:
        raise Wrong(str(error)) from None


def key_of(settings: SealingSettings) -> KeyEncryptionKey:
    """The key-encryption key they name. Raises `Wrong`, and `OSError`."""
    with needing(*_EXTRA):
        from safety_stream.sealing import providers  # noqa: PLC0415 - the extra `sealing`
        from safety_stream.sealing.hsm import HsmKey  # noqa: PLC0415
        from safety_stream.sealing.settings import InHsmSettings, InVaultSettings  # noqa: PLC0415
        from safety_stream.sealing.vault import VaultKey  # noqa: PLC0415
    if isinstance(settings.key, InVaultSettings):
        where = settings.key.vault
        return VaultKey(where.url, where.mount, where.key, where.token_file, where.ca)
    if isinstance(settings.key, InHsmSettings):
        at = settings.key.hsm
        return HsmKey(at.module, at.token, at.key, at.pin_file)
    try:
        return providers.FileKey(settings.key.file)
    except providers.BadKeyEncryptionKey as error:
        raise Wrong(str(error)) from None


@contextmanager
def key_store(path: Path) -> Iterator[KeyStore]:
    """The key store that a file of settings names, for a command. Raises `Wrong`, also for what goes wrong with it.

    A command that begins one says so: where a store was before, everybody it was made for is somebody else by it.
    """
    settings = settings_of(path)
    key = key_of(settings)
    from safety_stream.database import UnusableDatabase  # noqa: PLC0415 - the extra is there by now
    from safety_stream.sealing.providers import BadKeyEncryptionKey  # noqa: PLC0415
    from safety_stream.sealing.store import KeyStoreDown  # noqa: PLC0415

    try:
        store = _opened(settings, key)
        try:
            was_there = store.fingerprint() is not None
            yield store
            if not was_there and store.fingerprint() is not None:
                say("There was no key store, and a new one was made: if there was one before, put that back instead")
        finally:
            store.close()
    except (UnusableDatabase, BadKeyEncryptionKey, KeyStoreDown) as error:
        raise Wrong(str(error)) from None


def as_sealed(token: str, path: Path | None) -> str:
    """What a person's token is downstream, where a key store is named; a seal is what it is. No key is made.

    A token that has no key becomes a seal that nobody has: nothing is found by it, and what is put on record of it can
    be tied to nobody. Raises `Wrong`.
    """
    if path is None or is_seal(token):
        return token
    with key_store(path) as store:
        return store.known([token]).get(token) or seal_of(secrets.token_bytes(KEY_BYTES), token)


def seal_held(token: str, path: Path | None) -> str:
    """What a person's token is downstream, who has to be there. Raises `Wrong`, also where the token has no key."""
    if path is None or is_seal(token):
        return token
    with key_store(path) as store:
        found = store.known([token])
    if not found:
        raise Wrong("there is no key for this token: nobody was reported by it, or not since it was erased")
    return found[token]


def sealed_decision(link: PersonLink, path: Path | None) -> PersonLink:
    """The decision as it may stand on a topic that keeps everything: about seals, and of nobody who was erased.

    Raises `Wrong`.
    """
    tokens, joined = tokens_of_link(link), seals_joined([link])
    if path is None or not (tokens or joined):
        return link
    with key_store(path) as store:
        # It also sees that there is a store: who decides about somebody who was reported comes after intake.
        if store.destroyed(joined):
            raise Wrong(
                "one of the two is the seal of somebody who was erased: nobody is joined to them any more. Whoever was "
                "reported since goes by the token, as somebody else"
            )
        return sealed_link(link, store.sealed(tokens))


def sealed_decisions(links: Iterable[PersonLink], path: Path | None) -> Iterable[PersonLink]:
    """The decisions as intake passed them on, by whom is known yet: none joins who was erased. Raises `Wrong`."""
    if path is None:
        return links
    every = list(links)
    tokens, joined = {token for link in every for token in tokens_of_link(link)}, seals_joined(every)
    if not (tokens or joined):
        return every
    with key_store(path) as store:
        seals, erased = store.known(tokens), store.destroyed(joined)
    return [
        sealed_link(link, seals)
        for link in every
        if seals.keys() >= set(tokens_of_link(link)) and seals_joined([link]).isdisjoint(erased)
    ]


class Erasures:
    """Whose keys were destroyed, by the audit: each time what has come since the time before."""

    def __init__(self, kafka: Connection) -> None:
        """Nothing is asked yet."""
        self._kafka = kafka
        self._decode = Records()
        self._read_to: dict[tuple[str, int], int] | None = None

    def newly(self) -> set[str]:
        """The subjects. Raises as `read_between` and `high_watermarks` do; then the same are told again."""
        begins = low_watermarks(self._kafka, [_ON_RECORD]) if self._read_to is None else self._read_to
        ends = high_watermarks(self._kafka, [_ON_RECORD])
        found = set()
        for one in read_between(self._kafka, begins, ends):
            value = self._decode.value(_ON_RECORD, one.value)
            if isinstance(value, AuditRecord) and value.verb == "erasure" and value.subject is not None:
                found.add(value.subject)
        self._read_to = ends
        return found


class Sealing:
    """What intake's outputs go through on their way out: each token becomes its seal (`core/sealing.py`).

    On the way in, a decision that would join somebody who was erased to anybody is refused: it need not have come by a
    command of ours.

    The key store is opened when first needed, and whatever the audit says was destroyed is destroyed again then: it may
    be a backup that somebody has put back. What goes on record later is looked for once a minute, for whoever confirmed
    an erasure may have been stopped before the key was destroyed. While the store does not answer, or is not the one
    that intake has sealed by, nothing passes; another is looked for each time, so it is enough to put the right one
    there.
    """

    def __init__(
        self, path: Path, kafka: Connection, waits: Callable[[bool], None], clock: Callable[[], float] = monotonic
    ) -> None:
        """`waits` hears whether intake waits for the key store; `clock` gives seconds.

        Raises `Wrong` for settings that are none.
        """
        self._settings = settings_of(path)
        self._key = _asked_once(key_of(self._settings))
        self._kafka = kafka
        self._erasures = Erasures(kafka)
        self._owed: set[str] = set()
        self._waits = waits
        self._clock = clock
        self._looks_at: float | None = None
        self._idle_until: float | None = None
        self._why: str | None = None
        self._store: KeyStore | None = None
        self._log = structlog.get_logger()

    def screen(self, rows: Rows, records: Sequence[Record]) -> Sequence[Record]:
        """The records, refused what joins somebody who was erased. Raises `Retriable` while that cannot be said."""
        joined = seals_joined(record.value for record in records if isinstance(record.value, PersonLink))
        if not joined:
            return records
        with self._asking():
            erased = self._ready(rows).destroyed(joined)
        return without_who_was_erased(records, erased) if erased else records

    def seal(self, rows: Rows, outputs: Sequence[Output]) -> Sequence[Output]:
        """The outputs with seals in place of tokens. Raises `Retriable` while that cannot be done."""
        tokens = tokens_in(outputs)
        if not tokens:
            self._look(rows)
            return outputs
        with self._asking():
            seals = self._ready(rows).sealed(tokens)
        return sealed_outputs(outputs, seals)

    def _look(self, rows: Rows) -> None:
        """Destroy what has gone on record, also while nobody is reported. What needs no seal does not wait for it."""
        now = self._clock()
        if self._idle_until is not None and now >= self._idle_until:
            self._idle_until = now + _LOOKS_EVERY_SECONDS
            with suppress(Retriable), self._asking():
                self._ready(rows)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around what asks the key store. Raises `Retriable`, having said why."""
        from safety_stream.database import UnusableDatabase  # noqa: PLC0415 - the extra was there at the start
        from safety_stream.sealing.providers import BadKeyEncryptionKey  # noqa: PLC0415
        from safety_stream.sealing.store import KeyStoreDown  # noqa: PLC0415

        try:
            yield
        except (OtherKeyStore, KeyStoreDown, UnusableDatabase, BadKeyEncryptionKey) as error:
            # What answers next may be another store, or a backup that somebody has put back meanwhile.
            self._give_up()
            self._tell(why=str(error))
            raise Retriable("the key store does not answer, or is not the one that intake has sealed by") from None
        except (KafkaException, NoSuchTopic, NeverEnds) as error:
            self._tell(why=str(error))
            raise Retriable("the audit does not say who was erased") from None
        self._tell(why=None)

    def _ready(self, rows: Rows) -> KeyStore:
        """The key store that intake seals by, with nobody in it who was erased."""
        store = self._store = self._store or _opened(self._settings, self._key)
        hold_to_key_store(rows, store.fingerprint(), self._settings.lost)
        if store.begin():
            self._log.warning("sealing.store_made")
            hold_to_key_store(rows, store.fingerprint(), self._settings.lost)
        now = self._clock()
        if self._looks_at is None or now >= self._looks_at:
            self._owed |= self._erasures.newly()
            self._destroy(store)
            self._looks_at = self._idle_until = now + _LOOKS_EVERY_SECONDS
        return store

    def _destroy(self, store: KeyStore) -> None:
        """Destroy what is owed. Nobody waits for bytes that others' reading keeps on disk: that is ended later."""
        from safety_stream.sealing.store import StillOnDisk  # noqa: PLC0415 - the extra was there at the start

        try:
            again = store.destroy(self._owed)
        except StillOnDisk as error:
            self._log.warning("sealing.still_on_disk", why=str(error))
        else:
            if again:
                self._log.warning("sealing.destroyed_again", keys=again)
        self._owed.clear()

    def _give_up(self) -> None:
        """Forget the store that was looked at: of another, all that was ever erased is to be destroyed again."""
        if self._store is not None:
            self._store.close()
        self._store, self._looks_at, self._erasures = None, None, Erasures(self._kafka)

    def _tell(self, why: str | None) -> None:
        """Say it once, when it begins, when it is for another reason, and when it is over."""
        if why == self._why:
            return
        self._why = why
        self._waits(why is not None)
        if why is not None:
            self._log.error("sealing.waiting", why=why)
        else:
            self._log.info("sealing.goes_on")


def _asked_once(key: KeyEncryptionKey) -> KeyEncryptionKey:
    from safety_stream.sealing.providers import Remembering  # noqa: PLC0415 - the extra `sealing`

    return Remembering(key)


def _opened(settings: SealingSettings, key: KeyEncryptionKey) -> KeyStore:
    from safety_stream.sealing.database import open_database  # noqa: PLC0415 - the extra `sealing`
    from safety_stream.sealing.store import KeyStore  # noqa: PLC0415

    return KeyStore(open_database(settings.store), key, wall)
