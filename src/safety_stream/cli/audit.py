"""`audit`: whether what is on record is whole, what it says, and what was put right. The work is in `auditing`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, get_args
from uuid import uuid4

import msgspec
import typer

from safety_stream.cli import auditing
from safety_stream.cli.links import time_of
from safety_stream.cli.published import moment
from safety_stream.cli.sealing import SealingFile, as_sealed
from safety_stream.cli.spreadsheets import as_csv
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    AreasFile,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    connect,
    day_asked,
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
from safety_stream.core.audit import Checkpoint, Verified, subject_of
from safety_stream.core.model import ids
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.published import AuditEntry
from safety_stream.core.model.times import DAY_LENGTH, Day, Instant
from safety_stream.core.stages.enter import check_entry
from safety_stream.core.subject_access import AccessReason, PersonAnswer, Use
from safety_stream.edge.producer import ReportProducer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safety_stream.cli.auditing import Ordered
    from safety_stream.core.retention import Hold
    from safety_stream.edge.seals import Signer, Verifier

app = typer.Typer(no_args_is_help=True, help="What was done with whose data, and is the record of it whole.")

HASH_SHOWN = 16
"""So much of a hash is enough for a person to compare."""

REASONS: tuple[AccessReason, ...] = get_args(AccessReason)


def reason_asked(asked: str) -> str:
    """The reason, if it is one, as the callback of an option. Raises `BadParameter`."""
    if asked not in REASONS:
        raise typer.BadParameter(f"there is no reason {asked}; the reasons are {', '.join(REASONS)}")
    return asked


By = Annotated[str, typer.Option("--by", help="Who does it: a role and a number or a pseudonym, never a name.")]
KeyFile = Annotated[
    Path,
    typer.Option(
        "--key",
        envvar="SAFETY_STREAM_AUDIT_KEY",
        exists=True,
        dir_okay=False,
        help="The private key to sign with, readable by you alone.",
    ),
]
PublicKeys = Annotated[
    list[Path] | None,
    typer.Option(
        "--public-key", exists=True, dir_okay=False, help="Whose checkpoints are believed; again for an older key."
    ),
]
FileOfRecords = Annotated[
    Path | None,
    typer.Option(
        "--from",
        exists=True,
        dir_okay=False,
        help="A file of `audit export` (also gzip), in place of what Kafka holds.",
    ),
]


PagesDatabase = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="SAFETY_STREAM_DATABASE",
        metavar="URL",
        help="The pages' database, which knows who looked at which alert there: `postgresql://…` or `sqlite:///…`.",
    ),
]

SIGNING = ("audit", "which signs")
"""The extra of what signs and verifies; whoever does neither does without it."""


@app.command(
    "key",
    epilog=epilog("safety-stream audit key audit.pem", {0: "written", 1: "it went wrong, or there is such a file"}),
)
def key(
    into: Annotated[Path, typer.Argument(dir_okay=False, help="The private key's file; the public one is FILE.pub.")],
    as_json: Json = False,
) -> None:
    """Make a key to sign checkpoints and certificates with. Give the public half to whoever is to verify them."""
    with needing(*SIGNING):
        from safety_stream.edge import seals  # noqa: PLC0415
    try:
        name = seals.new_key(into)
    except seals.BadKey as error:
        raise Wrong(str(error)) from None
    public = seals.public_path(into)
    if as_json:
        print_json({"key_id": name, "private": str(into), "public": str(public)})
    else:
        say(f"Key {name} is written: {into} is yours alone, {public} is for others")


@app.command(
    "checkpoint",
    epilog=epilog(
        "safety-stream audit checkpoint --key audit.pem --out checkpoints.jsonl",
        {0: "written, or nothing has been put on record since the last", 1: "it went wrong, or a chain is broken"},
    ),
)
@on_kafka
def checkpoint(
    kafka: Connection,
    key: KeyFile,
    into: Annotated[
        Path, typer.Option("--out", dir_okay=False, help="File of checkpoints, a line each; one is added.")
    ],
    database: PagesDatabase = None,
    as_json: Json = False,
) -> None:
    """Sign how far each chain of the audit is, for others to hold. Run it at least daily, and after much was disclosed.

    The chains are verified first, and against the checkpoints the file has: nothing broken is ever signed. With the
    pages' database the chain of looks there is signed, too.
    """
    signer = _signer(key)
    before = auditing.read_checkpoints(into) if into.exists() else []
    found = [one for one in auditing.verified_in_kafka(kafka, before) if one.chain.topic != auditing.OF_PAGES]
    if database is not None:
        found.append(auditing.verified_on_pages(database, before))
    faults = [fault for one in found for fault in one.faults]
    if faults:
        raise Wrong(f"{auditing.in_words(faults[0])}: nothing is signed; see safety-stream audit verify")
    marks = tuple(sorted(one.mark for one in found if one.last))
    if before and before[-1].marks == marks:
        made = before[-1]
        say("Nothing has been put on record since the last checkpoint: none is added")
    else:
        made = signer.checkpoint(Checkpoint(wall(), marks))
        auditing.add_checkpoint(into, made)
    if as_json:
        print_json(made)
    else:
        print_table(
            ("chain", "records", "hash"),
            [(str(one.chain), f"{one.seq:,}", one.hash[:HASH_SHOWN]) for one in made.marks],
        )


@app.command(
    "verify",
    epilog=epilog(
        "safety-stream audit verify --checkpoints checkpoints.jsonl --public-key audit.pem.pub",
        {
            0: "every chain is whole; with --certificate: it is believed, and nothing is open",
            1: "it went wrong, or the certificate is not to be believed",
            2: "somebody has touched the audit, each place is named; or something of the certificate is open",
        },
    ),
)
@on_kafka
def verify(
    kafka: Connection,
    records: FileOfRecords = None,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option("--checkpoints", exists=True, dir_okay=False, help="Checkpoints that you hold; of several files."),
    ] = None,
    public_keys: PublicKeys = None,
    is_part: Annotated[
        bool, typer.Option("--part", help="The file is of a period: its chains may begin and end anywhere.")
    ] = False,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate",
            exists=True,
            dir_okay=False,
            help="A file of `audit certificate`: who signed it, whether it is whole, what is open. Needs no Kafka.",
        ),
    ] = None,
    database: PagesDatabase = None,
    as_json: Json = False,
) -> None:
    """Find what was edited, dropped, inserted or moved; by checkpoints, also what was cut off or made anew.

    With the pages' database also the chain of looks at alerts there, which no topic has. Or, with --certificate,
    whether a certificate is to be believed.
    """
    if certificate is not None:
        if records is not None or checkpoints or is_part or database is not None:
            raise Wrong("a certificate is verified by itself: leave out --from, --checkpoints, --part and --database")
        _verify_certificate(certificate, public_keys or [], as_json=as_json)
    held = [one for path in checkpoints or () for one in auditing.read_checkpoints(path)]
    if held and not public_keys:
        raise Wrong("checkpoints are believed by whose key they were signed with: name it with --public-key")
    held, bad = _believed(held, public_keys or [])
    if records is None:
        found = list(auditing.verified_in_kafka(kafka, held))
    else:
        found = auditing.verified_in_file(records, held, is_whole=not is_part)
    found = _with_those_of_pages(found, database, held)
    faults = [fault for one in found for fault in one.faults]
    _tell_chains(found, as_json=as_json)
    for why in bad:
        say(f"A checkpoint cannot be believed: {why}")
    if not held:
        say("Without checkpoints nobody can tell whether the end was cut off, or all of it made anew")
    raise typer.Exit(TO_DO if faults or bad else OK)


def _with_those_of_pages(found: list[Verified], database: str | None, checkpoints: list[Checkpoint]) -> list[Verified]:
    """What was found in the topics, and what their database says of the looks on the pages."""
    of_topics = [one for one in found if one.chain.topic != auditing.OF_PAGES]
    if database is not None:
        return [*of_topics, auditing.verified_on_pages(database, checkpoints)]
    if of_topics != found:
        say("Checkpoints know the looks on the pages, which are in their database: name it with --database")
    return of_topics


def _tell_chains(found: list[Verified], *, as_json: bool) -> None:
    if as_json:
        for one in found:
            print_json(
                {"chain": str(one.chain), "first": one.first, "last": one.last, "hash": one.hash, "faults": one.faults}
            )
        return
    print_table(
        ("chain", "from", "to", "hash", "faults"),
        [(str(one.chain), one.first, one.last, one.hash[:HASH_SHOWN], len(one.faults) or "") for one in found],
    )
    for fault in (fault for one in found for fault in one.faults):
        out.print(auditing.in_words(fault), markup=False)


def _verify_certificate(path: Path, public_keys: list[Path], *, as_json: bool) -> NoReturn:
    """Say whether it is to be believed; what it says is shown only then."""
    if not public_keys:
        raise Wrong("a certificate is believed by whose key it was signed with: name it with --public-key")
    made = auditing.read_certificate(path)
    why = _verifier(public_keys).why_no_certificate(made)
    if as_json:
        still_open = None if why else auditing.open_of(made)
        is_complete = None if why else made.is_complete
        print_json(
            {"key_id": made.key_id, "believed": not why, "why_not": why, "complete": is_complete, "open": still_open}
        )
    elif not why:
        out.print(f"It is whole, as signed with key {made.key_id} at {moment(made.at)}", markup=False)
        for sentence in auditing.certificate_in_words(made):
            out.print(sentence, markup=False)
    if why:
        raise Wrong(f"{path} is not to be believed: {why}")
    raise typer.Exit(OK if made.is_complete else TO_DO)


def _believed(held: list[Checkpoint], public_keys: list[Path]) -> tuple[list[Checkpoint], list[str]]:
    """The checkpoints that are to be believed, and why the others are not."""
    if not held:
        return [], []
    verifier = _verifier(public_keys)
    whys = [verifier.why_no_checkpoint(one) for one in held]
    return [one for one, why in zip(held, whys, strict=True) if not why], [why for why in whys if why]


def _signer(key: Path) -> Signer:
    with needing(*SIGNING):
        from safety_stream.edge import seals  # noqa: PLC0415
    try:
        return seals.read_signer(key)
    except seals.BadKey as error:
        raise Wrong(str(error)) from None


def _verifier(public_keys: list[Path]) -> Verifier:
    with needing(*SIGNING):
        from safety_stream.edge import seals  # noqa: PLC0415
    try:
        return seals.read_verifier(public_keys)
    except seals.BadKey as error:
        raise Wrong(str(error)) from None


@app.command(
    "export",
    epilog=epilog(
        "safety-stream audit export --from-day 2026-01-01 --to-day 2026-03-31 --out audit.jsonl",
        {0: "written", 1: "it went wrong"},
    ),
)
@on_kafka
def export(
    kafka: Connection,
    into: Annotated[Path, typer.Option("--out", dir_okay=False, help="The file to write.")],
    from_day: Annotated[
        Day | None,
        typer.Option("--from-day", parser=day_asked, metavar="DAY", help="The first day. Default: all there is."),
    ] = None,
    to_day: Annotated[
        Day | None,
        typer.Option("--to-day", parser=day_asked, metavar="DAY", help="The last day, by the London calendar."),
    ] = None,
    file_format: Annotated[
        Literal["jsonl", "csv"],
        typer.Option("--format", help="JSON Lines, which `verify` reads, or a table for people."),
    ] = "jsonl",
    as_json: Json = False,
) -> None:
    """Write the records of a period, a line each: what the Information Commissioner may ask for. It names nobody.

    Of each chain it is the unbroken run from the first record of the period to the last, with what lies between: a
    backfill puts records of other days there.
    """
    connect(kafka)
    rows = auditing.records_of(kafka, from_day, to_day)
    if file_format == "csv":
        table = [auditing.as_row(row) for row in rows]
        into.write_bytes(as_csv(auditing.COLUMNS, table))
        written = len(table)
    else:
        written = auditing.write_lines(into, rows)
    if as_json:
        print_json({"written": str(into), "records": written})
    else:
        say(f"{into} is written: {how_many(written, 'record')}")


def check_before_sending(entry: AuditEntry) -> None:
    """See that it will be put on record before anything is shown or said to be done."""
    try:
        check_entry(entry)
    except Refused as refused:
        raise Wrong(f"it would not be put on record: {refused.detail}") from None


@app.command(
    "person",
    epilog=epilog(
        "safety-stream audit person tok-a --because subject-access --by data-protection-officer-1",
        {0: "answered, also when nothing is held", 1: "it went wrong, and nothing is shown"},
    ),
)
@on_kafka
def person(
    kafka: Connection,
    token: Annotated[str, typer.Argument(help="A token of the person.")],
    because: Annotated[
        str, typer.Option("--because", callback=reason_asked, help=f"Why you may look: {', '.join(REASONS)}.")
    ],
    by: By,
    database: PagesDatabase = None,
    sealing: SealingFile = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Print all that is held about a person: reports, the alerts that rested on them, who was told, who looked.

    That you looked is put on record first, with the reason; the token is not. The answer holds the tokens the person
    goes by, and ids: it is for the person, so see to it that nobody else's data is in what you hand over. Legal holds
    and erasures are told at its end, for you: whether the person may know of a hold is for whoever ordered it to say.
    """
    token = as_sealed(token, sealing)
    look = AuditEntry(
        entry_id=str(uuid4()),
        kind="consultation",
        actor=by,
        acted_at=wall(),
        subject=subject_of(token),
        reason=because,
    )
    check_before_sending(look)
    bounds = catalogue_of(catalogue, None).persons
    connect(kafka)
    tokens = auditing.tokens_of(kafka, token, bounds)
    with ReportProducer(kafka) as producer:
        for one in tokens:
            producer.send_entry(msgspec.structs.replace(look, entry_id=str(uuid4()), subject=subject_of(one)))
    answer = auditing.held_about(kafka, tokens)
    if database is None:
        say("Who looked at the alerts on the pages is not in this: name their database with --database")
    else:
        answer = auditing.with_looks_on_pages(answer, database)
    ordered, now = auditing.ordered_about(kafka, answer), wall()
    if as_json:
        holds = [{**msgspec.structs.asdict(one), "stands": one.stands(now)} for one in ordered.holds]
        print_json({**msgspec.structs.asdict(answer), **msgspec.structs.asdict(ordered), "holds": holds})
    else:
        _print_answer(answer)
        _print_ordered(ordered, now)


def _print_answer(answer: PersonAnswer) -> None:
    print_table(
        ("received", "report", "from", "kind", "category", "roles", "stands as"),
        [
            (
                moment(one.received_at),
                one.incident_id,
                one.source,
                one.kind,
                one.category,
                ", ".join(one.roles),
                one.stands_as,
            )
            for one in answer.reports
        ],
        title=f"Reports that name {' or '.join(answer.tokens)}",
    )
    print_table(
        ("raised", "alert", "rule", "versions", "", "rests on"),
        [
            (
                moment(one.raised_at),
                one.alert_id,
                one.rule_id,
                one.versions,
                "withdrawn" if one.is_over else "stands",
                how_many(len(one.reports), "report"),
            )
            for one in answer.alerts
        ],
        title="Alerts that rested on them",
    )
    _print_uses("Told to", answer.disclosures)
    _print_uses("Looked up by", answer.consultations)
    _print_uses("Done to the reports", answer.changes)


def _print_ordered(ordered: Ordered, now: Instant) -> None:
    print_holds(ordered.holds, now)
    print_table(
        ("requested by", "because of", "may be confirmed until"),
        [(one.actor, one.reason, moment(one.until)) for one in ordered.erasure_requests],
        title="Erasures requested",
    )
    print_table(
        ("when", "confirmed by", "because of", "on record as"),
        [(moment(one.as_of), one.actor, one.reason, f"{auditing.ON_RECORD} {one.seq}") for one in ordered.erasures],
        title="Erased",
    )
    if any(one.stands(now) for one in ordered.holds):
        say("Under a legal hold: nobody erases this person before it is released")


def print_holds(holds: Sequence[Hold], now: Instant) -> None:
    """Holds as a table: by whom, why, since and until when, and whether they hold."""
    print_table(
        ("number", "of", "", "because", "by", "since", "until", ""),
        [
            (
                one.seq or "",
                one.kind,
                one.of,
                one.reason,
                one.actor,
                moment(one.at),
                moment(one.until),
                "over" if not one.stands(now) else "" if one.seq else "not on record yet",
            )
            for one in holds
        ],
        title="Holds",
    )


def _print_uses(title: str, uses: tuple[Use, ...]) -> None:
    print_table(
        ("when", "who", "what", "number", "reason", "on record as"),
        [
            (
                moment(one.at),
                one.to or one.actor,
                one.alert_id or one.incident_id,
                f"{one.topic} {one.number}" if one.topic else "",
                one.reason,
                f"{one.chain} {one.seq}",
            )
            for one in uses
        ],
        title=title,
    )


@app.command(
    "notices",
    epilog=epilog(
        "safety-stream audit notices --overdue-after 7",
        {0: "nothing is open for longer", 1: "it went wrong", 2: "somebody has to be asked: each is named"},
    ),
)
@on_kafka
def notices(
    kafka: Connection,
    overdue_after: Annotated[
        int | None, typer.Option("--overdue-after", min=0, metavar="DAYS", help="What is open longer has to be chased.")
    ] = None,
    audience: Annotated[str | None, typer.Option("--audience", help="Only this audience.")] = None,
    with_answered: Annotated[bool, typer.Option("--all", help="Also those that have been acknowledged.")] = False,
    as_json: Json = False,
) -> None:
    """Print who was told that something is so no longer, and has not said that it was put right at home."""
    connect(kafka)
    now, found = wall(), auditing.notices_of(kafka)
    wanted = [one for one in found if audience in (None, one.audience) and (with_answered or not one.acknowledged_by)]
    late = [
        one
        for one in wanted
        if overdue_after is not None and not one.acknowledged_by and now - one.opened_at > overdue_after * DAY_LENGTH
    ]
    if as_json:
        for one in wanted:
            print_json({**msgspec.structs.asdict(one), "overdue": one in late})
    else:
        print_table(
            ("told", "audience", "number", "alert", "", "because of", "acknowledged", ""),
            [
                (
                    moment(one.told_at),
                    one.audience,
                    one.seq,
                    one.alert_id,
                    one.change if one.why == "restated" else one.why,
                    f"{one.incident_id} {one.action}",
                    one.acknowledged_by,
                    "overdue" if one in late else "",
                )
                for one in wanted
            ],
        )
        say(f"{how_many(len(wanted), 'notice')}, {len(late)} overdue")
    raise typer.Exit(TO_DO if late else OK)


@app.command(
    "acknowledge",
    epilog=epilog(
        "safety-stream audit acknowledge --audience duty-officer --number 17 --by duty-officer-7",
        {0: "on the bus, to be put on record", 1: "it went wrong, or there is no such number"},
    ),
)
@on_kafka
def acknowledge(
    kafka: Connection,
    audience: Annotated[str, typer.Option("--audience", help="Whose copy has been put right.")],
    number: Annotated[
        int, typer.Option("--number", min=1, help="The number of its feed that said what is so no longer.")
    ],
    by: By,
    acted_at: Annotated[
        Instant | None, typer.Option("--acted-at", parser=time_of, metavar="TIME", help="When. Default: now.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say that an audience has put right at home what it was told is so no longer, up to this number of the alert."""
    entry = AuditEntry(
        entry_id=str(uuid4()),
        kind="acknowledgement",
        actor=by,
        acted_at=acted_at or wall(),
        audience=audience,
        seq=number,
    )
    check_before_sending(entry)
    connect(kafka)
    entry = msgspec.structs.replace(entry, alert_id=auditing.alert_of(kafka, audience, number))
    with ReportProducer(kafka) as producer:
        producer.send_entry(entry)
    if as_json:
        print_json(entry)
    else:
        say(f"Number {number} of {audience} is acknowledged")


@app.command(
    "break-glass",
    epilog=epilog(
        "safety-stream audit break-glass --json",
        {0: "nothing waits for a review for too long", 1: "it went wrong", 2: "a review is overdue: each is marked"},
    ),
)
@on_kafka
def break_glass(
    kafka: Connection,
    with_reviewed: Annotated[bool, typer.Option("--all", help="Also those that have been reviewed.")] = False,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Print which alerts were opened in an emergency by somebody they were not for, and wait for a review."""
    glass = catalogue_of(catalogue, None).oversight.break_glass
    connect(kafka)
    now, found = wall(), auditing.uses_of(kafka)
    wanted = [one for one in found if with_reviewed or one.reviewed_at is None]
    late = [one for one in found if one.is_overdue(now, glass.review_within)]
    if as_json:
        for one in wanted:
            print_json({**msgspec.structs.asdict(one), "overdue": one in late})
    else:
        print_table(
            ("number", "opened", "until", "by", "alert", "because of", "reviewed by", "outcome", ""),
            [
                (
                    one.seq,
                    moment(one.at),
                    moment(one.until),
                    one.actor,
                    one.alert_id,
                    one.reason,
                    one.reviewed_by,
                    one.outcome,
                    "overdue" if one in late else "",
                )
                for one in wanted
            ],
        )
        say(f"{how_many(len(wanted), 'opened alert')}, {len(late)} overdue")
    raise typer.Exit(TO_DO if late else OK)


@app.command(
    "review",
    epilog=epilog(
        "safety-stream audit review 17 --outcome justified --by data-protection-officer-1",
        {0: "on the bus, to be put on record", 1: "it went wrong, or there is nothing of this number to review"},
    ),
)
@on_kafka
def review(
    kafka: Connection,
    number: Annotated[int, typer.Argument(min=1, help="The number of `audit break-glass`.")],
    outcome: Annotated[str, typer.Option("--outcome", help="What came of it: an outcome of oversight.yaml.")],
    by: By,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Say what came of the review of an alert that was opened in an emergency. Whoever opened it cannot."""
    glass = catalogue_of(catalogue, None).oversight.break_glass
    if outcome not in glass.outcomes:
        raise Wrong(f"there is no outcome {outcome}; the outcomes are {', '.join(glass.outcomes) or 'none'}")
    connect(kafka)
    used = next((one for one in auditing.uses_of(kafka) if one.seq == number), None)
    if used is None or used.reviewed_at is not None:
        raise Wrong(f"number {number} waits for no review: see safety-stream audit break-glass")
    if used.actor == by:
        raise Wrong(f"{by} opened it: somebody else reviews it")
    entry = AuditEntry(
        entry_id=str(uuid4()),
        kind="review",
        actor=by,
        acted_at=wall(),
        alert_id=used.alert_id,
        seq=number,
        reason=outcome,
    )
    check_before_sending(entry)
    with ReportProducer(kafka) as producer:
        producer.send_entry(entry)
    if as_json:
        print_json(entry)
    else:
        say(f"The review of number {number} is sent: {outcome}. See with audit break-glass that it is on record")


@app.command(
    "certificate",
    epilog=epilog(
        "safety-stream audit certificate police-crimes/C-2026-17 --key audit.pem",
        {
            0: "everything has been put right, and acknowledged",
            1: "it went wrong, or there is no such report",
            2: "something is left to do: it is named",
        },
    ),
)
@on_kafka
def certificate(
    kafka: Connection,
    report: Annotated[str, typer.Argument(help="The report: SOURCE/REFERENCE, or its id.")],
    key: KeyFile,
    into: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="Also write it to this file, as JSON.")
    ] = None,
    outbox: Annotated[
        str | None,
        typer.Option(
            "--outbox",
            envvar="SAFETY_STREAM_OUTBOX",
            metavar="URL",
            help="Delivery's database, which knows by which messages it was told: sqlite:///FILE or postgresql://….",
        ),
    ] = None,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Say, signed, where a report had gone and what was put right there. It names the report by its id, and nobody."""
    signer = _signer(key)
    known = catalogue_of(catalogue, areas)
    connect(kafka)
    source, is_reference, reference = report.partition("/")
    incident_id = ids.incident_id(source, reference) if is_reference else report
    made = auditing.certificate_of(kafka, incident_id, known, wall())
    if made is None:
        raise Wrong(f"there is no report {report}: write its source and the reference its partner gave it")
    if outbox is None:
        say("By which messages it was told is not in this: name delivery's database with --outbox")
    else:
        made = auditing.with_deliveries(made, outbox)
    made = signer.certificate(made)
    if into is not None:
        auditing.write_certificate(into, made)
    if as_json:
        print_json(made)
    else:
        for sentence in auditing.certificate_in_words(made):
            out.print(sentence, markup=False)
    raise typer.Exit(OK if made.is_complete else TO_DO)
