"""A key that was made, as it is shown: this once, with its line for the file that names it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import typer

from safety_stream.cli.terminal import out, print_json, say, wall
from safety_stream.core.model.times import to_datetime
from safety_stream.keyring import NewKey

KEY_DAYS = 365
"""For how long a key lets in when nobody says: a default."""

KeyDays = Annotated[int, typer.Option("--days", min=1, max=1_000, help="For how many days it lets in.")]


def show_key(key: NewKey, days: int, whom: str, where: str, *, as_json: bool) -> None:
    """Show it: the key to give to `whom`, and its line to put `where`."""
    line = line_of(key, days)
    if as_json:
        print_json({"key": key.key, "line": line})
        return
    say(f"Give {whom} this, by a way on which nobody reads it; it is shown this once:")
    out.print(key.key)
    say(f"and put this under {where}:")
    out.print(f"- {{prefix: {key.prefix}, sha256: {key.sha256}, expires: {line['expires']}}}")


def line_of(key: NewKey, days: int) -> dict[str, str]:
    """What stands for a key in a file, where it lets in for so many days from today."""
    ends: date = to_datetime(wall()).date() + timedelta(days=days)
    return {"prefix": key.prefix, "sha256": key.sha256, "expires": ends.isoformat()}
