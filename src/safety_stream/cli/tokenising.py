"""How `tokens` makes tokens of a partner's file, says what it would make, and keeps keys. Needs the extra `partner`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar, cast

import msgspec

from safety_stream.cli.terminal import Wrong, file_bar, how_many, print_json, print_table, say
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.tokens.files import (
    Beside,
    Checked,
    Form,
    Row,
    Said,
    Workshop,
    each_made,
    form_of,
    normalisers_for,
    opened,
    read_columns,
    rows_of,
)
from safety_stream.edge.tokens.keys import KeyRing, development_ring, new_ring, read_keys, rotated, write_keys
from safety_stream.edge.tokens.tables import Tables, load_tables
from safety_stream.edge.tokens.tokens import FIELDS, Normaliser, Refused
from safety_stream.edge.tokens.unusable import BadSetup

SAID_AT_MOST = 5
"""How many rows that were wrong are said on the way; all go to the rejects file, if there is one."""

P = ParamSpec("P")
T = TypeVar("T")


class Asked(msgspec.Struct, frozen=True):
    """Which file, and how it is to be read."""

    file: Path
    columns: Sequence[str]
    form: str | None
    encoding: str
    tables: Sequence[Path]


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """Where what is made goes."""

    out: Path
    linking: Path | None
    links: Path | None
    rejects: Path | None


def _foreseen(command: Callable[P, T]) -> Callable[P, T]:
    """What cannot be used is said in one sentence."""

    @functools.wraps(command)
    def run(*args: P.args, **named: P.kwargs) -> T:
        try:
            return command(*args, **named)
        except (BadSetup, Refused) as error:
            raise Wrong(str(error)) from None

    return run


def today() -> date:
    """This machine's day."""
    return datetime.now(UTC).date()


@_foreseen
def make(
    asked: Asked,
    files: Files,
    keys: Path | None,
    purpose: str,
    role: str,
    day: date,
    *,
    is_development: bool,
    as_json: bool,
) -> int:
    """Write the files; how many rows were refused."""
    _check_apart(asked.file, files)
    tables = _tables(asked.tables)
    epochs = _ring(keys, purpose, tables[0], is_development=is_development).in_use(purpose, day)
    normalisers = normalisers_for(epochs, tables, day, for_linking=files.linking is not None)
    workshop = Workshop(normalisers, epochs, purpose, role)
    if files.links is None and len(epochs) > 1:
        say(
            f"epoch {epochs[0].epoch} follows another that has not ended: --links FILE says which tokens are one person"
        )
    made, linked = 0, 0
    encode = msgspec.json.Encoder().encode
    with ExitStack() as stack:
        # Entered first, so that they are put in place last, when nothing can go wrong any more.
        out = stack.enter_context(_written(files.out))
        linking = stack.enter_context(_written(files.linking)) if files.linking else None
        links = stack.enter_context(_written(files.links)) if files.links else None
        told = stack.enter_context(_told(asked.file, files.rejects))
        rows = stack.enter_context(_rows(asked, quiet=as_json))
        for one in each_made(rows, workshop, told.hear):
            out.write(encode(one.report) + b"\n")
            if linking is not None:
                linking.write(encode(one.linking) + b"\n")
            if links is not None:
                links.writelines(encode(link) + b"\n" for link in one.links)
            made += 1
            linked += len(one.links)
    if as_json:
        print_json(
            {
                "made": made,
                "refused": told.refused,
                "left_out": told.left_out,
                "linked": linked,
                "epochs": [epoch.epoch for epoch in epochs],
            }
        )
    else:
        say(
            f"{files.out} is written: {how_many(made, 'person')}; {how_many(told.refused, 'row')} refused, "
            f"{how_many(told.left_out, 'field')} left out, {how_many(linked, 'link')} of old and new tokens"
        )
    return told.refused


@_foreseen
def check(asked: Asked, day: date, *, as_json: bool) -> int:
    """Say what would become of a file; how many rows would be refused."""
    normaliser = Normaliser(_tables(asked.tables)[0], day, for_linking=False)
    beside = Beside("subject")
    found = Checked()
    with _rows(asked, quiet=as_json) as rows:
        for row in rows:
            if isinstance(row, Said):
                found.count_unread(row)
                continue
            faulty = normaliser.faulty(row.person)
            try:
                beside.read(row)
                found.count(row, normaliser.claims(row.person), faulty)
            except Refused as refused:
                found.count(row, refused, faulty)
    if as_json:
        print_json(_figures(found))
    else:
        _print(found)
    return found.refused


@_foreseen
def key_new(
    into: Path, epoch: str, purposes: Sequence[str], tables: Sequence[Path], day: date, *, as_json: bool
) -> None:
    """Write a new key file."""
    ring = new_ring(epoch, purposes, _tables(tables)[0].digest, day)
    try:
        write_keys(into, ring, is_new=True)
    except FileExistsError:
        raise Wrong(f"{into} exists: rotate it, or name another; tokens of lost keys can be made no more") from None
    _say_ring(into, ring, as_json=as_json)


@_foreseen
def key_rotate(into: Path, epoch: str, overlap_days: int, tables: Sequence[Path], day: date, *, as_json: bool) -> None:
    """Add an epoch to a key file."""
    ring = rotated(read_keys(into), epoch, _tables(tables)[0].digest, day, timedelta(days=overlap_days))
    write_keys(into, ring, is_new=False)
    _say_ring(into, ring, as_json=as_json)


def _check_apart(source: Path, files: Files) -> None:
    named = [source, *(path for path in msgspec.structs.astuple(files) if path is not None)]
    if len({path.resolve() for path in named}) < len(named):
        raise Wrong("one file is named twice, as what is read or written: name another for each")


def _say_ring(into: Path, ring: KeyRing, *, as_json: bool) -> None:
    epochs = [
        {"epoch": one.epoch, "begins": str(one.begins), "until": str(one.until or ""), "purposes": sorted(one.keys)}
        for one in ring.epochs
    ]
    if as_json:
        print_json({"written": str(into), "epochs": epochs})
    else:
        say(f"{into} is written, for you alone to read: keep a copy where it is as safe, and send it to nobody by mail")
        print_table(
            ("epoch", "from", "until", "purposes"),
            [(one["epoch"], one["begins"], one["until"], ", ".join(one["purposes"])) for one in epochs],
        )


def _tables(folders: Sequence[Path]) -> list[Tables]:
    return [load_tables(folder) for folder in folders or (catalogue_folder() / "tokens",)]


def _ring(keys: Path | None, purpose: str, tables: Tables, *, is_development: bool) -> KeyRing:
    if keys is not None:
        return read_keys(keys, is_development=is_development)
    if is_development:
        say("these tokens are made with the key everybody knows: whoever has them can find out who is meant")
        return development_ring(purpose, tables.digest)
    raise Wrong("name a key file with --keys or SAFETY_STREAM_TOKEN_KEYS; safety-stream tokens key new makes one")


@contextmanager
def _rows(asked: Asked, *, quiet: bool) -> Iterator[Iterator[Row | Said]]:
    form = _form(asked)
    with file_bar(quiet=quiet) as bar, bar.open(asked.file, "rb", description=asked.file.name) as file:
        text = opened(BufferedReader(cast(RawIOBase, file)), asked.encoding)
        yield rows_of(text, form, read_columns(asked.columns))


def _form(asked: Asked) -> Form:
    if asked.form is None:
        return form_of(asked.file)
    if asked.form == "csv":
        return "csv"
    if asked.form == "jsonl":
        return "jsonl"
    raise Wrong("--format is csv or jsonl")


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """A file for its owner alone, there whole or not at all."""
    writing = path.with_name(f".{path.name}.writing")
    writing.unlink(missing_ok=True)
    handle = os.open(writing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        writing.replace(path)
    finally:
        writing.unlink(missing_ok=True)


class _Heard:
    """What was wrong with rows, counted, said and written down."""

    def __init__(self, name: str, file: BinaryIO | None) -> None:
        self._name = name
        self._file = file
        self.refused = 0
        self.left_out = 0

    def hear(self, said: Said) -> None:
        """One more."""
        if self.refused + self.left_out < SAID_AT_MOST:
            say(f"{self._name}:{said.line}: {_in_words(said)}")
        self.refused += said.is_refused
        self.left_out += not said.is_refused
        if self._file is not None:
            self._file.write(msgspec.json.encode(said) + b"\n")


def _in_words(said: Said) -> str:
    what = "refused" if said.is_refused else "left out"
    return f"{what}: {f'field {said.field}: ' if said.field else ''}{said.reason}"


@contextmanager
def _told(source: Path, rejects: Path | None) -> Iterator[_Heard]:
    with ExitStack() as stack:
        heard = _Heard(source.name, stack.enter_context(_written(rejects)) if rejects else None)
        yield heard
    more = heard.refused + heard.left_out - SAID_AT_MOST
    if more > 0:
        where = f"all of them are in {rejects}" if rejects else "--rejects FILE keeps them all"
        say(f"… and {more:,} more; {where}")


def _figures(found: Checked) -> Mapping[str, object]:
    return {
        "rows": found.rows,
        "refused": found.refused,
        "with_primary_token": found.with_primary,
        "with_date_of_birth": found.with_birth,
        "with_default_date_of_birth": found.with_default_birth,
        "stated": {name: found.stated[name] for name in FIELDS if found.stated[name]},
        "valid": {name: found.usable[name] for name in FIELDS if found.stated[name]},
        "why": dict(found.why.most_common()),
    }


def _print(found: Checked) -> None:
    rows = max(found.rows, 1)
    print_table(
        ("column", "stated", "of rows", "valid", "of stated"),
        [
            (
                name,
                f"{found.stated[name]:,}",
                f"{found.stated[name] / rows:.1%}",
                f"{found.usable[name]:,}",
                f"{found.usable[name] / found.stated[name]:.1%}",
            )
            for name in FIELDS
            if found.stated[name]
        ],
    )
    say(
        f"{how_many(found.rows, 'row')}: {found.with_primary / rows:.1%} have a primary token, "
        f"{found.with_birth / rows:.1%} a date of birth worth the name, "
        f"{found.with_default_birth / rows:.1%} a default one; {found.refused:,} would be refused"
    )
    print_table(("rows", "why"), [(f"{count:,}", why) for why, count in found.why.most_common()])
