"""`replay`: canonical reports through the whole pipeline in this process, without a broker."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer

from safety_stream.cli.history import LinksFile, put_through, read_history
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    AreasFile,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    epilog,
    print_json,
    print_table,
    say,
)
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import Instant, to_iso
from safety_stream.core.stages.stage import Output
from safety_stream.edge import canonical
from safety_stream.replay import Pipeline, Result, Told
from safety_stream.wire.topology import members

EPILOG = epilog(
    "safety-stream replay reports.jsonl.gz --out result",
    {
        0: "done",
        1: "a file could not be read, or a rule is wrong",
        2: "done, but some lines were rejected (rejects.jsonl), or intake refused what they say (dead-letters.jsonl)",
    },
)


def _time(text: str) -> Instant:
    try:
        return canonical.instant_of(text)
    except ValueError:
        raise typer.BadParameter("write ISO 8601 with a zone: 2026-03-01T09:30:00Z") from None


def replay(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Canonical JSON Lines, also gzip.")],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="Folder for the results.")],
    rules: Annotated[
        Path | None,
        typer.Option(
            "--rules",
            exists=True,
            file_okay=False,
            help="Other rules: a folder of rule files, which need say only what makes them fire.",
        ),
    ] = None,
    links: LinksFile = None,
    until: Annotated[
        Instant | None,
        typer.Option(
            "--until",
            parser=_time,
            metavar="TIME",
            help="At the end, let time pass to this, every feed complete to it: deadlines up to then pass.",
        ),
    ] = None,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Put reports through every stage and write what stands at the end: findings, alerts, indicators, dead letters.

    Also every tally, for `indicators known`, and in `feeds` every record of each topic that people and partners read:
    what each audience and profile was told in its turn, the judgements, and the record of what was disclosed.

    Reports go in by order of receipt (`received_at`); one that does not say when it was received came right after the
    one before it in its file, though not before its own `reported_at`. The same files give the same bytes.
    """
    known = catalogue_of(catalogue, areas, rules)
    names: dict[str, str] = {}
    history = read_history(files, known, links, names)
    last = history.arrivals.last
    if until is not None and last is not None and until < last:
        raise Wrong(f"--until is before the last report came, at {to_iso(last)}: name a later time")
    result, told = Result(), Told()
    out.mkdir(parents=True, exist_ok=True)
    tallies = 0
    with ExitStack() as opened:
        feeds = _feeds(out / "feeds", known, opened)
        kept = opened.enter_context((out / "tallies.jsonl").open("wb"))

        def take(output: Output) -> None:
            # Written as it comes: of ten years there is too much to hold.
            nonlocal tallies
            result.take(output)
            for value in told.take(output):
                kept.write(msgspec.json.encode(value) + b"\n")
                tallies += isinstance(value, Tally)
            if output.topic in feeds:
                feeds[output.topic].write(msgspec.json.encode(output.value) + b"\n")

        put_through(history, Pipeline(known, take), until=until)
    counts = result.write(out, names) | {"tallies": tallies}
    with (out / "rejects.jsonl").open("wb") as file:
        file.writelines(msgspec.json.encode(reject) + b"\n" for reject in history.rejects)
    counts["rejects"] = len(history.rejects)
    if history.rejects:
        lines = "1 line was" if len(history.rejects) == 1 else f"{len(history.rejects):,} lines were"
        say(f"{lines} rejected and left out: {out / 'rejects.jsonl'} says which and why")
    if result.dead_letters:
        reports = "1 report was" if len(result.dead_letters) == 1 else f"{len(result.dead_letters):,} reports were"
        say(f"{reports} refused: {out / 'dead-letters.jsonl'} says why")
    is_whole = not (history.rejects or result.dead_letters)
    if not is_whole:
        say("What a line may say is in docs/conformance.md, What goes in")
    put_in = {"reports": len(history.arrivals) - history.decisions}
    if links is not None:
        put_in["decisions"] = history.decisions
    if as_json:
        print_json(put_in | counts)
    else:
        print_table(("what", "how many"), (put_in | counts).items())
    raise typer.Exit(OK if is_whole else TO_DO)


_FEEDS = ("signals", "alerts.", "indicators.", "audit.")


def _feeds(folder: Path, known: Catalogue, opened: ExitStack) -> dict[str, BinaryIO]:
    """A file for each topic somebody reads, by its name, also for one nobody was told anything by; none of before."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.jsonl"):
        old.unlink()
    topics = [topic for family in _FEEDS for topic in members(family, known)]
    return {topic: opened.enter_context((folder / f"{topic}.jsonl").open("wb")) for topic in topics}
