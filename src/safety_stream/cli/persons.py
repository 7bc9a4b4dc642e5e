"""`persons`: the keys of persons, by which their tokens are sealed: erase one, and keep the store of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal
from uuid import uuid4

import msgspec
import typer

from safety_stream.cli import auditing
from safety_stream.cli.audit import REASONS, By, check_before_sending, reason_asked
from safety_stream.cli.links import decisions
from safety_stream.cli.published import moment
from safety_stream.cli.sealing import key_of, key_store, settings_of
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    connect,
    epilog,
    how_many,
    needing,
    on_kafka,
    out,
    print_json,
    print_table,
    say,
    wall,
)
from safety_stream.config import Connection
from safety_stream.core.audit import subject_of
from safety_stream.core.erasing import (
    Confirmation,
    Request,
    StandingReport,
    confirmation_of,
    reach_of,
    standing_request,
)
from safety_stream.core.model.published import AuditEntry
from safety_stream.core.model.times import MINUTE, Instant, after
from safety_stream.core.retention import Holding, Retention
from safety_stream.core.sealing import is_seal
from safety_stream.edge.producer import ReportProducer
from safety_stream.streaming.reading import high_watermarks

if TYPE_CHECKING:
    from safety_stream.sealing.store import KeyStore

app = typer.Typer(no_args_is_help=True, help="The keys of persons: erase a person, and keep the store of the keys.")

NeededSealingFile = Annotated[
    Path,
    typer.Option(
        "--sealing",
        envvar="SAFETY_STREAM_SEALING",
        exists=True,
        dir_okay=False,
        help="File that says where the keys of persons are.",
    ),
]


class Erased(msgspec.Struct, frozen=True):
    """What came of an erasure. `seals` are what the person went by, which nobody can tie to anybody any more.

    `keys` is how many keys were destroyed: the person's, and of the `things` that were told of nobody else; `shared`
    were told of others too. `standing` are reports that their sources have yet to erase; `unsealed` decisions on
    `person-links` that were written with the token itself. Where it is not `on_record` yet no key was destroyed here;
    of what it was ordered of, `recorded` are the seals and things whose erasure is. `on_disk`: the files of the key
    store's database may hold bytes of the keys until intake ends that.
    """

    seals: tuple[str, ...]
    things: tuple[str, ...]
    keys: int
    on_record: bool
    on_disk: bool
    recorded: tuple[str, ...]
    shared: tuple[str, ...]
    standing: tuple[StandingReport, ...]
    unsealed: int

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left for anybody to do."""
        return self.on_record and not (self.on_disk or self.standing or self.unsealed)


class Requested(msgspec.Struct, frozen=True):
    """That somebody has requested an erasure, which somebody else may confirm until then.

    `seals` are what the person goes by, `things` what only reports about the person name.
    """

    seals: tuple[str, ...]
    things: tuple[str, ...]
    requested_by: str
    until: Instant


_WHY_NOT: Mapping[Confirmation, str] = {
    "never-requested": "nobody has requested this erasure, or it is not on record yet: see that a worker runs, or "
    "request it with --because",
    "too-late": "the time to confirm this erasure is over: request it again with --because",
    "grown": "more belongs to this person by now than was to be erased: request it again with --because",
    "same-person": "whoever requests an erasure does not confirm it: let somebody else do it, with --confirm --by",
}
"""Why an erasure is not to be confirmed, and the mend."""


_NO_KEY: Final = (
    "there is no key for this token: nobody was reported by it, or not since it was erased; what sources have yet to "
    "erase is found by the seal that the erasure told"
)

_MARGIN: Final = 5 * MINUTE
"""Whether a confirmation came in time is for the broker's clock to say. So long before the end it is too late here:
otherwise a key might be destroyed whose erasure is then refused, and on record nowhere."""


def _reason_if_any(asked: str) -> str:
    return reason_asked(asked) if asked else ""


@app.command(
    "erase",
    epilog=epilog(
        "safety-stream persons erase tok-a --sealing sealing.yaml --because erasure --by data-protection-officer-1",
        {
            0: "the keys are destroyed, and nothing is left to do",
            1: "it went wrong, or may not be; or there is no key for this token",
            2: "it is requested and somebody else has to confirm it; or it is confirmed and not on record yet, so that "
            "no key is destroyed; or sources have yet to erase the reports named; or files may hold bytes of the keys",
        },
    ),
)
@on_kafka
def erase(
    kafka: Connection,
    token: Annotated[str, typer.Argument(help="A token of the person, as its partner makes it, or a seal.")],
    by: By,
    sealing: NeededSealingFile,
    because: Annotated[
        str, typer.Option("--because", callback=_reason_if_any, help=f"Why it is requested: {', '.join(REASONS)}.")
    ] = "",
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Confirm what somebody else has requested, and destroy the keys.")
    ] = False,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Destroy a person's keys, for ever: nobody can tell any more whose the seals are that stand in the logs.

    It takes two people: one requests it with --because, another confirms it with --confirm; both go on record. What
    stewards have linked is one person and goes together, with the vehicles, telephones and groups that were told of
    nobody else. Counts stay what they are. See with `audit person` before whom it is about.
    """
    if bool(because) == confirm:
        raise typer.BadParameter("say --because to request it, or --confirm what somebody else has requested")
    known = catalogue_of(catalogue, None)
    connect(kafka)
    with key_store(sealing) as store:
        found = {token: token} if is_seal(token) else store.known([token])
        if not found:
            # Whoever was stopped between the row and its bytes in the files asks by the token once more.
            _destroyed(store, ())
            raise Wrong(_NO_KEY)
        seals = auditing.tokens_of(kafka, found[token], known.persons)
        reach = reach_of(lambda: auditing.versions_of(kafka), seals)
        named = {subject_of(one): one for one in (*seals, *reach.things)}
        subjects = list(named)
        requests = auditing.requests_of(kafka)
        if not (confirm and any(requests[one].has_begun for one in subjects if one in requests)):
            # Last, because a hold that comes between this look and what is sent is not seen.
            _refuse_held(kafka, subjects, seals, reach.reports)
        if not confirm:
            request = _requested(kafka, requests, subjects, because, by, known.retention)
            _tell_requested(Requested(seals, reach.things, request.actor, request.until), as_json=as_json)
            raise typer.Exit(TO_DO)
        waiting = _confirmed(kafka, requests, subjects, by)
        # On record before it is done: who is stopped in between does it again, or intake does within a minute.
        keys, on_disk = _destroyed(store, subjects) if not waiting else (0, "")
    done = Erased(
        seals=seals,
        things=reach.things,
        keys=keys,
        on_record=not waiting,
        on_disk=bool(on_disk),
        recorded=tuple(one for subject, one in named.items() if subject not in waiting),
        shared=reach.shared,
        standing=reach.standing,
        unsealed=0 if is_seal(token) else sum(token in (link.first, link.second) for link in decisions(kafka)),
    )
    if as_json:
        print_json(done)
    else:
        _print(done)
    if on_disk:
        say(f"Still {on_disk}")
    raise typer.Exit(OK if done.is_complete else TO_DO)


def _requested(
    kafka: Connection,
    requests: Mapping[str, Request],
    subjects: Sequence[str],
    because: str,
    by: str,
    retention: Retention,
) -> Request:
    """The request that stands for these: a new one, unless somebody has made one. Raises `Wrong`."""
    if retention.confirm_within is None:
        raise Wrong(
            "the catalogue does not say how long an erasure waits to be confirmed: add erasure to retention.yaml"
        )
    now = wall()
    known = standing_request(requests, subjects, now)
    if known is not None:
        return known
    made = Request(by, because, after(now, retention.confirm_within))
    _send(kafka, [_entry("erasure-request", one, made, by, now) for one in subjects])
    return made


def _confirmed(kafka: Connection, requests: Mapping[str, Request], subjects: Sequence[str], by: str) -> set[str | None]:
    """Order what somebody else has requested. What is not on record yet: all else may be done. Raises `Wrong`."""
    now = wall()
    came = confirmation_of(requests, subjects, by, now + _MARGIN)
    if came != "confirmed":
        raise Wrong(_WHY_NOT[came])
    entries = [_entry("erasure", one, requests[one], by, now) for one in subjects]
    since = high_watermarks(kafka, [auditing.ON_RECORD])
    _send(kafka, entries)
    return {entry.subject for entry in auditing.not_put_on_record(kafka, entries, since)}


def _destroyed(store: KeyStore, subjects: Sequence[str]) -> tuple[int, str]:
    """How many keys are destroyed, and why their bytes may be on disk still; empty where they are not."""
    from safety_stream.sealing.store import StillOnDisk  # noqa: PLC0415 - the extra `sealing`

    try:
        return store.destroy(subjects), ""
    except StillOnDisk as error:
        return error.keys, str(error)


def _entry(
    kind: Literal["erasure", "erasure-request"], subject: str, request: Request, by: str, at: Instant
) -> AuditEntry:
    return AuditEntry(
        entry_id=str(uuid4()),
        kind=kind,
        actor=by,
        acted_at=at,
        subject=subject,
        reason=request.reason,
        until=request.until if kind == "erasure-request" else None,
    )


def _send(kafka: Connection, entries: Sequence[AuditEntry]) -> None:
    """Send all of them, if all of them are what they must be. Raises `Wrong`."""
    for entry in entries:
        check_before_sending(entry)
    with ReportProducer(kafka) as producer:
        for entry in entries:
            producer.send_entry(entry)


def _tell_requested(made: Requested, *, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    what = how_many(len(made.seals) + len(made.things), "key")
    out.print(f"Requested by {made.requested_by}: {what} to destroy. Nothing is destroyed yet", markup=False)
    say(f"Until {moment(made.until)} somebody else may confirm it: the same command with --confirm --by, no --because")


def _refuse_held(
    kafka: Connection, subjects: Collection[str], seals: Collection[str], reports: Collection[str]
) -> None:
    """Whoever is under a legal hold is not erased, nor is somebody of whom a report or an alert is. Raises `Wrong`."""
    holding = Holding(auditing.holds_of(kafka), wall())
    held = holding.of("alert")
    if not holding.of("subject").isdisjoint(subjects):
        what = "this person"
    elif not holding.of("report").isdisjoint(reports):
        what = "a report that names this person"
    elif held and any(one.alert_id in held for one in auditing.held_about(kafka, seals).alerts):
        what = "an alert about this person"
    else:
        return
    raise Wrong(f"a legal hold is on {what}: see safety-stream retention show, and release it first")


def _print(done: Erased) -> None:
    if done.on_record:
        out.print(f"{how_many(done.keys, 'key')} destroyed, on record {len(done.seals) + len(done.things)} times")
    elif done.recorded:
        every = len(done.seals) + len(done.things)
        out.print(f"{len(done.recorded)} of {every} are on record, so no key is destroyed here", markup=False)
        say(f"Intake destroys the keys of what is on record: {', '.join(done.recorded)}")
        # By one that is on record: by its token the person is found no more, once intake has destroyed the key.
        by = next((one for one in done.seals if one in done.recorded), "SEAL")
        say(f"Confirm it again for the others, once a worker runs, by a seal: persons erase {by} --confirm --by …")
    else:
        out.print("It is not on record yet, so no key is destroyed")
        say("Once a worker has put it on record, intake destroys the keys; a hold that came before refuses it")
    if done.shared:
        say(f"{how_many(len(done.shared), 'thing')} named in the reports stay: they were told of others too")
    if done.standing:
        print_table(
            ("source", "report", "stands as"),
            [(one.source, one.incident_id, one.stands_as) for one in done.standing],
            title="Reports that their sources have yet to erase",
        )
        say(f"By the token nobody finds them any more. Ask again by seal: audit person {' '.join(done.seals)}")
    if done.unsealed:
        say(
            f"{how_many(done.unsealed, 'decision')} on person-links hold the token: they were written without --sealing"
        )


@app.command(
    "seal",
    epilog=epilog("safety-stream persons seal tok-a --sealing sealing.yaml", {0: "shown", 1: "it went wrong"}),
)
def seal(
    token: Annotated[str, typer.Argument(help="A token, as its partner makes it.")],
    sealing: NeededSealingFile,
    as_json: Json = False,
) -> None:
    """Print what stands for a token behind intake; a key is made if there is none. For `members` and the blocklist."""
    with key_store(sealing) as store:
        found = store.sealed([token])[token]
    if as_json:
        print_json({"seal": found})
    else:
        out.print(found)


@app.command(
    "key",
    epilog=epilog("safety-stream persons key kek", {0: "written", 1: "it went wrong, or there is such a file"}),
)
def key(
    into: Annotated[Path, typer.Argument(dir_okay=False, help="The file of the key, readable by you alone.")],
    keep: Annotated[bool, typer.Option("--keep", help="Where there is such a key already, leave it.")] = False,
    as_json: Json = False,
) -> None:
    """Make a key-encryption key. Keep a copy of it, apart from the key store and its backups: both together are all."""
    with needing("sealing", "which seals tokens"):
        from safety_stream.sealing import providers  # noqa: PLC0415 - the extra `sealing`
    try:
        is_there = keep and into.exists()
        made = providers.FileKey(into) if is_there else providers.new_file_key(into)
    except providers.BadKeyEncryptionKey as error:
        raise Wrong(str(error)) from None
    if as_json:
        print_json({"key": str(into), "name": made.name})
    else:
        say(f"Key-encryption key {made.name} is {'there' if is_there else 'written'}: {into} is yours alone")


@app.command(
    "rewrap",
    epilog=epilog(
        "safety-stream persons rewrap --sealing sealing.yaml --to new-sealing.yaml",
        {
            0: "every key is wrapped anew",
            1: "it went wrong; what it says tells whether the store is by the new key already",
        },
    ),
)
def rewrap(
    sealing: NeededSealingFile,
    to: Annotated[
        Path,
        typer.Option(
            "--to", exists=True, dir_okay=False, help="The settings from now on: the same store, another key."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Wrap every key anew under another key-encryption key; then destroy the old one, and old backups with it.

    Stop the workers that run intake before, and start them with the new settings: with the old ones they wait.
    """
    old, new = settings_of(sealing), settings_of(to)
    if old.store != new.store:
        raise Wrong(f"{to} names another store: a rewrap is of the one that {sealing} names")
    key = key_of(new)
    if key.name == key_of(old).name:
        raise Wrong(f"{to} names the same key-encryption key: make another one with safety-stream persons key")
    with key_store(sealing) as store:
        keys = store.rewrap(key)
    if as_json:
        print_json({"keys": keys})
    else:
        say(f"{how_many(keys, 'key')} wrapped anew: start the workers with {to}, then destroy the old key")
