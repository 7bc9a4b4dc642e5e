"""`links`: what stewards decide about persons' tokens, and who is who by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import msgspec
import typer

from safety_stream.catalogue.consulting import load_consulting
from safety_stream.cli.consulting import WhoLooks, WhyRead, put_look_on_record
from safety_stream.cli.project import DatabaseUrl
from safety_stream.cli.published import moment
from safety_stream.cli.sealing import SealingFile, as_sealed, sealed_decision, sealed_decisions
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    CatalogueFolder,
    DataFolder,
    Json,
    Wrong,
    catalogue_of,
    connect,
    default_data_folder,
    epilog,
    how_many,
    needing,
    on_kafka,
    out,
    print_json,
    print_table,
    wall,
)
from safety_stream.config import Connection
from safety_stream.core.catalogue import PersonBounds
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.links import LinkMethod, LinkState, PersonLink
from safety_stream.core.model.times import Instant, to_iso
from safety_stream.core.persons import Persons, standing, to_decide
from safety_stream.core.stages.intake import checked_link
from safety_stream.core.weighing import naming
from safety_stream.data_files import catalogue_folder
from safety_stream.edge import canonical
from safety_stream.edge.producer import ReportProducer
from safety_stream.streaming.reading import read_to_end
from safety_stream.wire.records import Records

if TYPE_CHECKING:
    from safety_stream.readmodel.matches import Match

app = typer.Typer(
    no_args_is_help=True, help="Persons who go by several tokens: link, split, doubt, and see who is who."
)

METHODS: tuple[LinkMethod, ...] = get_args(LinkMethod)


def _method(asked: str) -> str:
    if asked not in METHODS:
        raise typer.BadParameter(f"there is no method {asked}; the methods are {', '.join(METHODS)}")
    return asked


def time_of(text: str) -> Instant:
    """The instant a time on the command line means."""
    try:
        return canonical.instant_of(text)
    except ValueError:
        raise typer.BadParameter("write ISO 8601 with a zone: 2026-03-01T09:30:00Z") from None


First = Annotated[str, typer.Argument(help="One token.")]
Second = Annotated[str, typer.Argument(help="The other token.")]
By = Annotated[str, typer.Option("--by", help="Who answers for it: a role or a pseudonym, never a name.")]
MethodOption = Annotated[str, typer.Option("--method", callback=_method, help=f"On what: {', '.join(METHODS)}.")]
DecidedAt = Annotated[
    Instant | None,
    typer.Option("--decided-at", parser=time_of, metavar="TIME", help="When it was decided. Default: now."),
]

_CODES = {0: "the decision is on the bus", 1: "it went wrong, or is no decision"}


@app.command(
    "merge", epilog=epilog("safety-stream links merge tok-a tok-b --by data-steward --method verified-id", _CODES)
)
@on_kafka
def merge(
    kafka: Connection,
    first: First,
    second: Second,
    by: By,
    method: MethodOption,
    decided_at: DecidedAt = None,
    sealing: SealingFile = None,
    as_json: Json = False,
) -> None:
    """Decide that two tokens are one person: their reports count together, past ones too."""
    _decide(kafka, (first, second), "linked", by, method, decided_at, sealing, as_json=as_json)


@app.command("split", epilog=epilog("safety-stream links split tok-a tok-b --by data-steward --method steward", _CODES))
@on_kafka
def split(
    kafka: Connection,
    first: First,
    second: Second,
    by: By,
    method: MethodOption,
    decided_at: DecidedAt = None,
    sealing: SealingFile = None,
    as_json: Json = False,
) -> None:
    """Decide that two tokens are two persons: alerts that rested on their being one are withdrawn, with the cause."""
    _decide(kafka, (first, second), "apart", by, method, decided_at, sealing, as_json=as_json)


@app.command(
    "possible",
    epilog=epilog("safety-stream links possible tok-a tok-b --by matching-job --method probabilistic", _CODES),
)
@on_kafka
def possible(
    kafka: Connection,
    first: First,
    second: Second,
    by: By,
    method: MethodOption,
    decided_at: DecidedAt = None,
    sealing: SealingFile = None,
    as_json: Json = False,
) -> None:
    """Say that two tokens may be one person: rules that count it raise alerts that say so; nothing is suppressed."""
    _decide(kafka, (first, second), "possible", by, method, decided_at, sealing, as_json=as_json)


@app.command(
    "show",
    epilog=epilog(
        "safety-stream links show tok-a --reason quality --by steward-2",
        {0: "shown, also when nobody has decided anything", 1: "it went wrong, or the look cannot be put on record"},
    ),
)
@on_kafka
def show(
    kafka: Connection,
    token: Annotated[str, typer.Argument(help="A token.")],
    reason: WhyRead = "",
    by: WhoLooks = "",
    sealing: SealingFile = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Print who a token stands for: what else the person goes by, who it may be, and the decisions that say so.

    That you looked is put on record first, for each token that is shown, with the reason; the tokens are not.
    """
    bounds = catalogue_of(catalogue, None).persons
    consulting = load_consulting(catalogue or catalogue_folder())
    connect(kafka)
    known = shown(as_sealed(token, sealing), list(sealed_decisions(decisions(kafka), sealing)), bounds)
    put_look_on_record(kafka, consulting, reason, by, subjects=dict.fromkeys((*known.tokens, *known.possible)))
    if as_json:
        print_json(known)
        return
    for sentence in _in_words(known, bounds):
        out.print(sentence, markup=False)
    if known.decisions:
        print_table(
            ("token", "and", "are", "since", "by", "method", "decision"),
            [
                (one.first, one.second, one.state, moment(one.decided_at), one.decided_by, one.method, one.decision_id)
                for one in known.decisions
            ],
        )


@app.command(
    "weigh",
    epilog=epilog(
        "safety-stream links weigh --every 15", {0: "the pairs are in the copy for pages", 1: "it went wrong"}
    ),
)
@on_kafka
def weigh(
    kafka: Connection,
    database: DatabaseUrl = "",
    every: Annotated[
        int, typer.Option("--every", min=0, max=1_440, metavar="MINUTES", help="Again so long after; 0: once.")
    ] = 0,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    sealing: SealingFile = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Count what rests on each possible match, into the copy that pages are made from, for stewards to decide.

    It reads the decisions and, twice, all reports there are; of tokens it keeps those of such pairs alone.
    """
    with needing("web", "which this needs"):
        from safety_stream.cli.projecting import database_of  # noqa: PLC0415 - the extra `web`
        from safety_stream.readmodel.matches import Matches  # noqa: PLC0415
    bounds = catalogue_of(catalogue, None).persons
    connect(kafka)
    matches = Matches(database_of(database, data))
    while True:
        weighed = weighed_of(kafka, bounds, sealing)
        matches.replace(weighed, wall())
        if as_json:
            print_json({"pairs": len(weighed), "reports": sum(one.reports for one in weighed)})
        else:
            out.print(f"{how_many(len(weighed), 'pair')} to decide", markup=False)
        if not every:
            return
        time.sleep(every * 60)


def weighed_of(kafka: Connection, bounds: PersonBounds, sealing: Path | None = None) -> list[Match]:
    """The pairs there are to decide, with what rests on each."""
    from safety_stream.readmodel.matches import match_of  # noqa: PLC0415 - as above

    links = to_decide(sealed_decisions(decisions(kafka), sealing), bounds)
    tokens = {token for link in links for token in (link.first, link.second)}
    named = naming(lambda: _versions(kafka), tokens) if tokens else {}
    return [match_of(link, named) for link in links]


@app.command(
    "propose",
    epilog=epilog(
        "safety-stream links propose linking-*.jsonl --by matching-job --out pairs.jsonl",
        {
            0: "nothing is to be decided, or the decisions are on the bus",
            1: "it went wrong",
            2: "there is something to decide: look at it, then --apply",
        },
    ),
)
@on_kafka
def propose(
    kafka: Connection,
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, help="The restricted store: files of tokens make --linking."),
    ],
    by: By,
    apply: Annotated[bool, typer.Option("--apply", help="Decide it; without, it is only said.")] = False,
    into: Annotated[
        Path | None,
        typer.Option("--out", dir_okay=False, help="File of every pair with its weight, for its owner alone to read."),
    ] = None,
    sealing: SealingFile = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Weigh which tokens may be one person's: link the sure pairs, and leave the likely ones to a steward as possible.

    What a steward has decided stands. All it decides is `links split` away, as any other decision; docs/linkage.md says
    how pairs are weighed.
    """
    with needing("linkage", "which weighs pairs"):
        from safety_stream.cli import proposing  # noqa: PLC0415 - the extra `linkage`
    folder = catalogue or catalogue_folder()
    bounds = catalogue_of(catalogue, None).persons
    connect(kafka)
    store = proposing.store_of(files, sealing)
    found = proposing.found_in(store, folder, sealed_decisions(decisions(kafka), sealing), bounds, by)
    if into is not None:
        proposing.write_pairs(into, found)
    if apply:
        with ReportProducer(kafka) as producer:
            for link in found.proposal.links:
                producer.send_link(link)
    proposing.say_found(store, found, is_applied=apply, as_json=as_json)
    raise typer.Exit(TO_DO if found.proposal.links and not apply else OK)


class Shown(msgspec.Struct, frozen=True):
    """Who a token stands for.

    `goes_by` is what the person goes by, `tokens` are all of the person's, `possible` by what those go who may be the
    same. `too_many_tokens` and `too_many_possible` say that a bound of the catalogue holds back what was decided,
    `contradicts` that two tokens are linked through others and decided to be apart.
    `decisions` are the standing ones about any token concerned.
    """

    token: str
    goes_by: str
    tokens: tuple[str, ...]
    too_many_tokens: bool
    contradicts: bool
    possible: tuple[str, ...]
    too_many_possible: bool
    decisions: tuple[PersonLink, ...]


def shown(token: str, links: list[PersonLink], bounds: PersonBounds) -> Shown:
    """Who a token stands for by these decisions."""
    decided = standing(links)
    persons = Persons(decided, bounds)
    linked, tokens, may_be = persons.linked(token), persons.tokens(token), persons.possible(token)
    concerned = {link.decision_id: link for one in {*linked, *tokens} for link in decided(one)}
    return Shown(
        token=token,
        goes_by=tokens[0],
        tokens=tokens,
        too_many_tokens=len(linked) > bounds.merged_at_most,
        contradicts=persons.contradicts(linked),
        possible=may_be,
        too_many_possible=may_be != persons.maybe(token),
        decisions=tuple(sorted(concerned.values(), key=lambda link: (link.decided_at, link.first, link.second))),
    )


def _in_words(known: Shown, bounds: PersonBounds) -> Iterator[str]:
    others = [token for token in known.tokens if token != known.token]
    also = f", also {', '.join(others)}" if others else ""
    yield f"{known.token} goes by {known.goes_by}{also}"
    if known.too_many_tokens:
        yield f"More than {bounds.merged_at_most} tokens are linked to it: none of them is merged until some are split"
    if known.contradicts:
        yield "Two of those linked to it are decided to be apart: none is merged until a link between is split"
    if known.possible:
        yield f"It may be the same person as {', '.join(known.possible)}"
    if known.too_many_possible:
        most = bounds.possible_at_most
        yield f"It, or one it may be, may be the same as more than {most} others: those matches count for nothing"


def decisions(kafka: Connection) -> Iterator[PersonLink]:
    """The decisions on the bus, as intake takes them; what it refuses is among the dead letters."""
    wire = Records(read_here=())
    for record in read_to_end(kafka, ["person-links"]):
        try:
            value = wire.value("person-links", record.value)
            if isinstance(value, PersonLink):
                yield checked_link(value, record.timestamp)
        except Refused:
            continue


def _versions(kafka: Connection) -> Iterator[IncidentVersion]:
    """Every version of every report, as intake took it."""
    wire = Records(read_here=())
    values = (wire.value("incidents", record.value) for record in read_to_end(kafka, ["incidents"]))
    return (value for value in values if isinstance(value, IncidentVersion))


def _decide(
    kafka: Connection,
    pair: tuple[str, str],
    state: LinkState,
    by: str,
    method: str,
    decided_at: Instant | None,
    sealing: Path | None,
    *,
    as_json: bool,
) -> None:
    now = wall()
    link = PersonLink(
        first=pair[0],
        second=pair[1],
        state=state,
        method=next(one for one in METHODS if one == method),
        decided_by=by,
        decided_at=now if decided_at is None else decided_at,
    )
    try:
        link = checked_link(link, now)
    except Refused as refused:
        raise Wrong(f"this is no decision: {refused.detail}") from None
    connect(kafka)
    link = sealed_decision(link, sealing)
    with ReportProducer(kafka) as producer:
        producer.send_link(link)
    if as_json:
        print_json(link)
    else:
        out.print(f"decision {link.decision_id} of {to_iso(link.decided_at)}: {link.state}", markup=False)
