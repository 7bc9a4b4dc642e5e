"""`watch`: the inbox in a terminal, over the copy that `project` keeps; or once, as text or JSON, for scripts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from safety_stream.catalogue.consulting import load_consulting
from safety_stream.catalogue.loading import load_whole
from safety_stream.cli.project import DatabaseUrl
from safety_stream.cli.published import AudienceOption
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    WRONG,
    CatalogueFolder,
    DataFolder,
    Json,
    Wrong,
    connect,
    default_data_folder,
    epilog,
    needing,
    on_kafka,
    print_json,
    print_table,
    say,
    wall,
)
from safety_stream.cli.web import NO_ACTIONS_THEN
from safety_stream.cli.worker import TimeBy
from safety_stream.config import Connection
from safety_stream.core.model.findings import Priority
from safety_stream.data_files import catalogue_folder
from safety_stream.web.filters import Filter
from safety_stream.web.policy import Person, Role

if TYPE_CHECKING:
    from safety_stream.cli.watching import Look
    from safety_stream.web.site import Site

EPILOG = epilog(
    "safety-stream watch --once --json --priority P2",
    {
        0: "left by q, or with --once or --json, no alert as asked for is open",
        1: "it went wrong, or with --once or --json, the copy may not show all there is",
        2: "with --once or --json, alerts as asked for are open",
    },
)

NOBODY = "watch"
"""Who looks on without acting."""


@on_kafka
def watch(
    kafka: Connection,
    database: DatabaseUrl = "",
    audience: AudienceOption = "duty-officer",
    area: Annotated[
        list[str] | None, typer.Option("--area", help="Only this area or grouping, by its code; may be repeated.")
    ] = None,
    priority: Annotated[
        Priority | None, typer.Option("--priority", help="Only what is at least so urgent, P1 being the most.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print what is open now, and stop.")] = False,
    by: Annotated[
        str, typer.Option("--by", help="Acknowledge as this person: a role and a number or a pseudonym, never a name.")
    ] = "",
    role: Annotated[Role, typer.Option("--role", help="In which role --by acts.")] = "duty-officer",
    clock: Annotated[
        TimeBy,
        typer.Option("--clock", help="`wall`: now is now. `log`: now is when the backbone last spoke (replays)."),
    ] = TimeBy.WALL,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Show the alerts that are open, by priority and clock, what each says, and whether every feed is heard.

    It follows the copy that `project` keeps. With `--by` alerts can be acknowledged, and then Kafka has to be there.
    With `--once` or `--json` it prints what is open and ends.
    """
    once = once or as_json
    if clock is TimeBy.LOG and by:
        raise Wrong(NO_ACTIONS_THEN.format("no --by"))
    # `web` is for the copy and its words, `watch` for the screen.
    with needing("watch,web", "which watching needs"):
        from safety_stream.cli.projecting import database_of, last_spoken  # noqa: PLC0415
        from safety_stream.readmodel.matches import Matches  # noqa: PLC0415
        from safety_stream.readmodel.owed import Owed  # noqa: PLC0415
        from safety_stream.readmodel.people import Consultations, Deeds, EndedSessions, SavedChoices  # noqa: PLC0415
        from safety_stream.readmodel.reading import ReadModel  # noqa: PLC0415
        from safety_stream.web.site import Site  # noqa: PLC0415

        if not once:
            import textual  # noqa: F401, PLC0415
    folder = catalogue or catalogue_folder()
    loaded = load_whole(folder)
    _check("audience", [audience], {one.id for one in loaded.catalogue.audiences})
    _check("area", area or (), loaded.catalogue.areas.by_code)
    person = Person(id=by or NOBODY, role=role, audience=audience, areas=tuple(area or ()))
    wanted = Filter(priorities=tuple(one for one in get_args(Priority) if priority is not None and one <= priority))
    engine = database_of(database, data)
    # No cookie is signed here, and no shift is asked for.
    model = ReadModel(engine)
    now = wall if clock is TimeBy.WALL else partial(last_spoken, model)
    site = Site(
        read_model=model,
        consultations=Consultations(engine),
        saved_choices=SavedChoices(engine),
        deeds=Deeds(engine),
        ended_sessions=EndedSessions(engine),
        matches=Matches(engine),
        owed=Owed(engine),
        loaded=loaded,
        consulting=load_consulting(folder),
        now=now,
        wall=wall,
        secret="",
        shift_starts=(0,),
    )
    try:
        if once:
            raise typer.Exit(_once(site, person, wanted, as_json=as_json))
        _show(site, person, wanted, kafka if by else None)
    finally:
        engine.dispose()


def _check(what: str, asked: Iterable[str], known: Iterable[str]) -> None:
    for one in asked:
        if one not in known:
            raise Wrong(f"there is no {what} {one} in the catalogue: one of {', '.join(sorted(known))}")


def _once(site: Site, person: Person, wanted: Filter, *, as_json: bool) -> int:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from safety_stream.cli.watching import heading, line_of, look, of_feeds  # noqa: PLC0415

    try:
        seen = look(site, person, wanted)
    except SQLAlchemyError as error:
        raise Wrong(f"the database cannot be read ({type(error).__name__}): see that it is there") from None
    if as_json:
        print_json(
            {
                "audience": person.audience,
                "at": seen.at,
                "open": seen.counts,
                "alerts": [line_of(row) for row in seen.rows],
                "is_more": seen.is_more,
                "unheard": [{"source": feed.source, "state": feed.state} for feed in seen.unheard],
                "blind": seen.blind,
            }
        )
    else:
        rows = (line_of(row) for row in seen.rows)
        print_table(
            ("", "clock", "state", "area", "what", "alert"),
            [(one.priority, one.clock, one.state, one.area, one.title, one.alert_id) for one in rows],
        )
        for sentence in (heading(seen), of_feeds(seen), *seen.blind):
            say(sentence)
    return _code(seen)


def _code(seen: Look) -> int:
    if seen.blind:
        return WRONG
    return TO_DO if seen.rows else OK


def _show(site: Site, person: Person, wanted: Filter, kafka: Connection | None) -> None:
    from safety_stream.cli.desk import Desk, hear  # noqa: PLC0415
    from safety_stream.cli.watch_screen import Inbox  # noqa: PLC0415

    if kafka is not None:
        connect(kafka)
        site = replace(site, send=Desk(kafka).send)
        hear(kafka, site.answers.take)
    Inbox(site, person, wanted, can_act=kafka is not None).run()
