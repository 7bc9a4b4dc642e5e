"""`edge`: what a partner runs before anything is sent: does a file fit, and what do its columns mean?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from safety_stream.cli.choosing import FormatOption, MappingOption, TokensOption, choose
from safety_stream.cli.rejects import rejects_to
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    WRONG,
    AreasFile,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    epilog,
    file_bar,
    how_many,
    named,
    out,
    print_json,
    print_table,
    say,
    wall,
)
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.incidents import OUTSIDE
from safety_stream.edge.canonical import to_line
from safety_stream.edge.checking import Check, Summary
from safety_stream.edge.entries import Reject, UnreadableFile
from safety_stream.edge.formats import Adapter
from safety_stream.edge.mapped import adapter_of
from safety_stream.edge.mapping import BadMapping, parse_mapping
from safety_stream.edge.suggesting import Draft, first_rows, suggest
from safety_stream.edge.tabular import Layout, open_table

ROWS_SHOWN = 5
"""How many rows a preview shows."""

app = typer.Typer(no_args_is_help=True, help="A partner's files, before anything is sent: no broker is needed.")


@app.command(
    epilog=epilog(
        "safety-stream edge check cases.csv --mapping mapping.yaml",
        {0: "every line would be taken", 1: "some would be rejected, or the file cannot be read"},
    ),
)
def check(
    path: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A file, plain or gzip.")],
    form: FormatOption = None,
    mapping: MappingOption = None,
    tokens: TokensOption = None,
    backfill: Annotated[
        bool, typer.Option("--backfill/--live", help="As history, or as received now: as it will be ingested.")
    ] = True,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", dir_okay=False, help="File for rejected lines and reasons (JSON Lines).")
    ] = None,
    areas: AreasFile = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Say what would be rejected of a file, with line and reason, by the code that would reject it. Sends nothing."""
    known = catalogue_of(catalogue, areas)
    adapter = choose(form, mapping, tokens, known).adapter
    summary = Summary()
    with (
        rejects_to(rejects, append=False) as write,
        file_bar(quiet=as_json) as bar,
        bar.open(path, "rb", description=path.name) as file,
    ):
        entries = named(path, adapter(file, known.areas if areas else None))
        for reject in Check(known, wall(), is_history=backfill).rejects(entries, summary):
            write(path, reject)
    reasons = summary.reasons()
    if as_json:
        print_json(
            {
                "file": str(path),
                "taken": summary.taken,
                "rejected": summary.rejected,
                "reasons": reasons,
                "without_area": summary.without_area,
                "outside": summary.outside,
                "repeated": summary.repeated,
                "conflicting": summary.conflicting,
                "repeats": summary.repeats,
            }
        )
    else:
        if reasons:
            print_table(
                ("lines", "first", "reason"),
                [(f"{one.count:,}", ", ".join(map(str, one.lines)), one.reason) for one in reasons],
            )
        _say_repeats(path, summary)
        _say_what_counts_nowhere(path, summary, known.areas.name_of(OUTSIDE))
        taken = how_many(summary.taken, "line")
        nothing = "changes" if summary.repeated == 1 else "change"
        of_these = f" ({summary.repeated:,} of them {nothing} nothing)" if summary.repeated else ""
        say(f"{path.name}: {taken} would be taken{of_these}, {summary.rejected:,} rejected")
    raise typer.Exit(WRONG if summary.rejected else OK)


def _say_repeats(path: Path, summary: Summary) -> None:
    for one in summary.repeats:
        say(f"{path.name}:{one.line}: {one}")
    more = summary.repeated + summary.conflicting - len(summary.repeats)
    if more:
        say(f"… and {how_many(more, 'more line')} with the reference and version of an earlier one")


def _say_what_counts_nowhere(path: Path, summary: Summary, outside: str) -> None:
    """Of what would be taken, what no district has."""
    for count, what, cost in (
        (summary.without_area, "no area", "in no district"),
        (summary.outside, "no district of this county", f"as {outside}"),
    ):
        if count:
            name, counts = ("names", "it counts") if count == 1 else ("name", "they count")
            of = f"{count:,} of {how_many(summary.claiming, 'line')}"
            say(f"{path.name}: {of} {name} {what}: {counts} {cost}")


class Previewed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a row would become: a canonical line, or why it would be rejected."""

    line: int
    report: str = ""
    rejected: str = ""


@app.command(
    "map",
    epilog=epilog(
        "safety-stream edge map cases.csv --suggest --source council-asb --out mapping.yaml",
        {
            0: "the first rows would be taken",
            1: "it went wrong, or the mapping that was named has errors",
            2: "the draft needs somebody, or some of the first rows would be rejected",
        },
    ),
)
def map_columns(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A table: CSV, plain or gzip, or xlsx.")
    ],
    mapping: MappingOption = None,
    tokens: TokensOption = None,
    suggested: Annotated[bool, typer.Option("--suggest", help="Draft a mapping, in place of naming one.")] = False,
    source: Annotated[str | None, typer.Option("--source", help="Whose reports the rows are, for a draft.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Of which kind they are. Default: the first that the source may send.")
    ] = None,
    encoding: Annotated[str, typer.Option("--encoding", help="How its letters are written: utf-8, cp1252.")] = "utf-8",
    delimiter: Annotated[str, typer.Option("--delimiter", help="What divides its columns.")] = ",",
    heading: Annotated[int, typer.Option("--heading", min=1, help="The line its headings are on.")] = 1,
    sheet: Annotated[str | None, typer.Option("--sheet", help="A workbook's sheet. Default: its first.")] = None,
    into: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="File for the draft. Default: it is printed.")
    ] = None,
    areas: AreasFile = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Draft the mapping of a table from its headings and first rows, or show what a mapping makes of them."""
    known = catalogue_of(catalogue, areas)
    if suggested == (mapping is not None):
        raise Wrong("say --suggest for a draft, or name a mapping with --mapping")
    if mapping is not None:
        shown = _previewed(path, choose(None, mapping, tokens, known).adapter, known)
        _say_preview(shown, as_json=as_json)
        raise typer.Exit(_code(shown))
    layout = Layout(encoding=encoding, delimiter=delimiter, heading=heading, sheet=sheet)
    draft = _drafted(path, layout, source, kind, known)
    try:
        found = parse_mapping(draft.text, known)
    except BadMapping as error:
        shown, issues = [], [f"line {one.line}: {one.what}; {one.mend}" for one in error.issues]
    else:
        shown, issues = _previewed(path, adapter_of(found), known), []
    if into is not None:
        into.write_text(draft.text, encoding="utf-8")
    if as_json:
        print_json(
            {
                "mapping": draft.text,
                "not_used": draft.not_used,
                "issues": issues,
                "look_at": draft.look_at,
                "rows": shown,
            }
        )
    else:
        if into is None:
            out.print(draft.text, markup=False)
        _say_what_to_do(draft, issues)
        if shown:
            _say_preview(shown, as_json=False)
    raise typer.Exit(TO_DO if issues or draft.look_at else _code(shown))


def _drafted(path: Path, layout: Layout, source: str | None, kind: str | None, known: Catalogue) -> Draft:
    owner = known.sources.get(source or "")
    if owner is None:
        raise Wrong(f"say whose reports the rows are with --source: one of {', '.join(sorted(known.sources))}")
    if kind is not None and kind not in owner.kinds:
        raise Wrong(f"--kind: source {owner.id} may send {', '.join(owner.kinds)}")
    try:
        with path.open("rb") as file, open_table(file, layout) as table:
            rows = first_rows(table)
            return suggest(table.headings, rows, layout, owner.id, kind or owner.kinds[0], known)
    except UnreadableFile as error:
        raise UnreadableFile(f"{path}: {error}") from error


def _say_what_to_do(draft: Draft, issues: Sequence[str]) -> None:
    for issue in issues:
        say(f"to be mended by you: {issue}")
    for one in draft.look_at:
        say(f"to be looked at by you: {one}")


def _previewed(path: Path, adapter: Adapter, known: Catalogue) -> list[Previewed]:
    """What the first rows would become."""
    check = Check(known, wall(), is_history=False)
    shown = []
    with path.open("rb") as file:
        for entry in islice(named(path, adapter(file, None)), ROWS_SHOWN):
            reject = entry if isinstance(entry, Reject) else check.verdict(entry)
            if reject is not None:
                shown.append(Previewed(reject.line, rejected=reject.reason))
            elif not isinstance(entry, Reject):
                shown.append(Previewed(entry.line, report=to_line(entry.report, entry.received_at, entry.details)))
    return shown


def _say_preview(shown: Sequence[Previewed], *, as_json: bool) -> None:
    if as_json:
        print_json({"rows": shown})
        return
    say(f"What the first {how_many(len(shown), 'row')} would become:")
    for one in shown:
        out.print(f"{one.line}: {one.report or f'rejected: {one.rejected}'}", markup=False)


def _code(shown: Sequence[Previewed]) -> int:
    return TO_DO if not shown or any(one.rejected for one in shown) else OK
