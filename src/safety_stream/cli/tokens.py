"""`tokens`: what a partner runs, so that nothing readable leaves it. The work itself is in `tokenising`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from safety_stream.cli.terminal import OK, TO_DO, Json, Production, Wrong, epilog, needing

app = typer.Typer(no_args_is_help=True, help="Persons' tokens, made where the persons are known.")
key_app = typer.Typer(no_args_is_help=True, help="The keys tokens are made with, by purpose and epoch.")
app.add_typer(key_app, name="key")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write YYYY-MM-DD") from None


FileOfPersons = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with a heading, or JSON Lines.")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="FIELD=COLUMN", help="Which column a field is in, where its heading does not say."
    ),
]
FormOption = Annotated[
    str | None, typer.Option("--format", metavar="csv|jsonl", help="What the file is. Default: by its name.")
]
Encoding = Annotated[str, typer.Option("--encoding", help="How its letters are written: utf-8, cp1252.")]
TablesFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--tables",
        exists=True,
        file_okay=False,
        help="Folder of tables; again for those of an epoch that is ending. Default: those that ship.",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--keys", envvar="SAFETY_STREAM_TOKEN_KEYS", dir_okay=False, help="The key file, readable by you alone."
    ),
]
Purpose = Annotated[str, typer.Option("--purpose", help="What the tokens are for: only of one purpose do they join.")]
Development = Annotated[
    bool,
    typer.Option(
        "--development",
        help="Use the key everybody knows, or take a file that holds it: for trials, never in production.",
    ),
]
AsOf = Annotated[
    date | None,
    typer.Option("--as-of", parser=_day, metavar="DAY", help="The day that counts as today. Default: this machine's."),
]
Into = Annotated[Path, typer.Argument(dir_okay=False, help="The key file.")]
EpochName = Annotated[str, typer.Option("--epoch", help="A short name for the new epoch; it stands in every token.")]


MAKING = ("partner", "which tokens need")
"""The extra of what makes them; whoever makes none does without it."""


@app.command(
    "make",
    epilog=epilog(
        "safety-stream tokens make persons.csv --keys keys.json --purpose safeguarding --out tokens.jsonl",
        {
            0: "every row has its line",
            1: "it went wrong, and nothing is written",
            2: "done, but some rows were refused",
        },
    ),
)
def make(
    file: FileOfPersons,
    purpose: Purpose,
    into: Annotated[Path, typer.Option("--out", dir_okay=False, help="File for reports' parties (JSON Lines).")],
    keys: KeyFile = None,
    linking: Annotated[
        Path | None,
        typer.Option("--linking", dir_okay=False, help="File for the steward: secondary and weak tokens (JSON Lines)."),
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option("--links", dir_okay=False, help="File for decisions that old and new tokens are one person."),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", dir_okay=False, help="File for what was wrong, by line (JSON Lines).")
    ] = None,
    column: Columns = None,
    form: FormOption = None,
    encoding: Encoding = "utf-8",
    role: Annotated[str, typer.Option("--role", help="The persons' part, where no column says it.")] = "subject",
    tables: TablesFolders = None,
    development: Development = False,
    production: Production = False,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Make the tokens of a file of persons. No name, date or number of it is in anything that is written or said."""
    with needing(*MAKING):
        from safety_stream.cli import tokenising  # noqa: PLC0415
    if development and production:
        raise Wrong("everybody knows the development key, and this is production: leave --development out, take --keys")
    asked = tokenising.Asked(file, column or (), form, encoding, tables or ())
    into_files = tokenising.Files(out=into, linking=linking, links=links, rejects=rejects)
    day = as_of or tokenising.today()
    refused = tokenising.make(asked, into_files, keys, purpose, role, day, is_development=development, as_json=as_json)
    raise typer.Exit(TO_DO if refused else OK)


@app.command(
    "check",
    epilog=epilog(
        "safety-stream tokens check persons.csv --column born='Date of Birth'",
        {0: "every row can have a token", 1: "it went wrong", 2: "some rows would be refused"},
    ),
)
def check(
    file: FileOfPersons,
    column: Columns = None,
    form: FormOption = None,
    encoding: Encoding = "utf-8",
    tables: TablesFolders = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Say what would become of a file, without a key: what is refused or weak and why, and how full each column is."""
    with needing(*MAKING):
        from safety_stream.cli import tokenising  # noqa: PLC0415
    asked = tokenising.Asked(file, column or (), form, encoding, tables or ())
    refused = tokenising.check(asked, as_of or tokenising.today(), as_json=as_json)
    raise typer.Exit(TO_DO if refused else OK)


@key_app.command(
    "new",
    epilog=epilog(
        "safety-stream tokens key new keys.json --epoch e1 --purpose safeguarding --purpose violence",
        {0: "written", 1: "it went wrong, or there is such a file already"},
    ),
)
def key_new(
    into: Into,
    epoch: EpochName,
    purpose: Annotated[list[str], typer.Option("--purpose", help="A purpose to make a key for; as often as needed.")],
    tables: TablesFolders = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Make a key file, with a random key for each purpose. No key is ever printed."""
    with needing(*MAKING):
        from safety_stream.cli import tokenising  # noqa: PLC0415
    tokenising.key_new(into, epoch, purpose, tables or (), as_of or tokenising.today(), as_json=as_json)


@key_app.command(
    "rotate",
    epilog=epilog(
        "safety-stream tokens key rotate keys.json --epoch e2 --overlap-days 30",
        {0: "written", 1: "it went wrong, and the file is as it was"},
    ),
)
def key_rotate(
    into: Into,
    epoch: EpochName,
    overlap_days: Annotated[
        int, typer.Option("--overlap-days", min=0, max=400, help="How long the old epoch's tokens are made beside.")
    ],
    tables: TablesFolders = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Add an epoch with new keys; until the overlap ends, `make --links` says which old token is which new one."""
    with needing(*MAKING):
        from safety_stream.cli import tokenising  # noqa: PLC0415
    tokenising.key_rotate(into, epoch, overlap_days, tables or (), as_of or tokenising.today(), as_json=as_json)
