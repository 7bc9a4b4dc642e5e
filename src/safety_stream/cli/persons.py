"""`persons`: the keys of persons, by which their tokens are sealed: erase one, and keep the store of them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import msgspec
import typer

from safety_stream.cli import auditing
from safety_stream.cli.audit import REASONS, By, check_before_sending, reason_asked
from safety_stream.cli.links import decisions
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
from safety_stream.core.erasing import StandingReport, reach_of
from safety_stream.core.model.published import AuditEntry
from safety_stream.core.retention import Holding
from safety_stream.core.sealing import is_seal
from safety_stream.edge.producer import ReportProducer

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

    `keys` is how many keys were destroyed: the person's, and of the `things` that only reports about the person named.
    `shared` are things that others' reports name too; `standing` reports that their sources have yet to erase;
    `unsealed` decisions on `person-links` that were written with the token itself.
    """

    seals: tuple[str, ...]
    things: tuple[str, ...]
    keys: int
    shared: tuple[str, ...]
    standing: tuple[StandingReport, ...]
    unsealed: int

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left for anybody to do."""
        return not (self.standing or self.unsealed)


@app.command(
    "erase",
    epilog=epilog(
        "safety-stream persons erase tok-a --because erasure --by data-protection-officer-1",
        {
            0: "the keys are destroyed, and nothing is left to do; also when there were none",
            1: "it went wrong",
            2: "the keys are destroyed, and sources have yet to erase the reports that are named",
        },
    ),
)
@on_kafka
def erase(
    kafka: Connection,
    token: Annotated[str, typer.Argument(help="A token of the person, as its partner makes it, or a seal.")],
    because: Annotated[str, typer.Option("--because", callback=reason_asked, help=f"Why: {', '.join(REASONS)}.")],
    by: By,
    sealing: NeededSealingFile,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Destroy a person's keys, for ever: nobody can tell any more whose the seals are that stand in the logs.

    It is on record first. What stewards have linked is one person and goes together, with the vehicles, telephones and
    groups that nobody else's reports name. Counts stay what they are. See with `audit person` before whom it is about.
    """
    bounds = catalogue_of(catalogue, None).persons
    connect(kafka)
    with key_store(sealing) as store:
        known = {token: token} if is_seal(token) else store.known([token])
        seals = auditing.tokens_of(kafka, known[token], bounds) if known else ()
        reach = reach_of(lambda: auditing.versions_of(kafka), seals)
        subjects = [subject_of(one) for one in (*seals, *reach.things)]
        _refuse_held(kafka, subjects)
        entries = [
            AuditEntry(
                entry_id=str(uuid4()), kind="erasure", actor=by, acted_at=wall(), subject=subject, reason=because
            )
            for subject in subjects
        ]
        for entry in entries:
            check_before_sending(entry)
        with ReportProducer(kafka) as producer:
            for entry in entries:
                producer.send_entry(entry)
        # On record before it is done: who is stopped in between does it again, or the next start of intake does.
        keys = store.destroy(subjects)
    done = Erased(
        seals=seals,
        things=reach.things,
        keys=keys,
        shared=reach.shared,
        standing=reach.standing,
        unsealed=0 if is_seal(token) else sum(token in (link.first, link.second) for link in decisions(kafka)),
    )
    if as_json:
        print_json(done)
    else:
        _print(done)
    raise typer.Exit(OK if done.is_complete else TO_DO)


def _refuse_held(kafka: Connection, subjects: Collection[str]) -> None:
    """What is under a legal hold is not erased. Raises `Wrong`."""
    held = Holding(auditing.holds_of(kafka), wall()).of("subject")
    if not held.isdisjoint(subjects):
        raise Wrong("a legal hold is on this person: see safety-stream retention show, and release it first")


def _print(done: Erased) -> None:
    if not done.seals:
        say("There is no key for this token: nobody was reported by it since the last erasure")
    else:
        out.print(f"{how_many(done.keys, 'key')} destroyed, on record {len(done.seals) + len(done.things)} times")
    if done.shared:
        say(f"{how_many(len(done.shared), 'thing')} named in the reports stay: others' reports name them too")
    if done.standing:
        print_table(
            ("source", "report", "stands as"),
            [(one.source, one.incident_id, one.stands_as) for one in done.standing],
            title="Reports that their sources have yet to erase",
        )
    if done.unsealed:
        say(
            f"{how_many(done.unsealed, 'decision')} on person-links hold the token: they were written without --sealing"
        )


@app.command(
    "seal",
    epilog=epilog("safety-stream persons seal tok-a", {0: "shown", 1: "it went wrong"}),
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
        {0: "every key is wrapped anew", 1: "it went wrong, and nothing was changed"},
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
    if old.key == new.key:
        raise Wrong(f"{to} names the same key-encryption key: make another one with safety-stream persons key")
    with key_store(sealing) as store:
        keys = store.rewrap(key_of(new))
    if as_json:
        print_json({"keys": keys})
    else:
        say(f"{how_many(keys, 'key')} wrapped anew: start the workers with {to}, then destroy the old key")
