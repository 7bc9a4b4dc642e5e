"""`rules release`: approve rules for release."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from safety_stream.catalogue import Approved, NotReleasable, RuleDifference, approve
from safety_stream.catalogue.releases import PEOPLE
from safety_stream.cli.terminal import OK, TO_DO, CatalogueFolder, Json, Wrong, epilog, out, print_json, say

EPILOG = epilog(
    "safety-stream rules release rv-graded --by analyst-7 --because 'measured on a year' --catalogue my-catalogue",
    {
        0: "recorded, and each of these rules runs as stable",
        1: "refused, and nothing was written: a rule cannot be approved, or the catalogue has errors",
        2: "recorded, and another person must approve",
    },
)


def release(
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Who approves: a role and a number, as analyst-7.")],
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, for whoever reads it in years.")],
    rules: Annotated[list[str] | None, typer.Argument(help="Rules, as `list` names them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every stable rule this person may still approve.")] = False,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Approve rules as they are now. Two people must, before anybody but its owner hears what a rule finds.

    Once a catalogue holds an approval, every stable rule in it that lacks one runs on trial: begin with --all. Which
    catalogue must be said: the one that ships is everybody's.
    """
    if catalogue is None:
        raise typer.BadParameter("say whose: the folder of your own catalogue", param_hint="--catalogue")
    if bool(rules) == everything:
        raise typer.BadParameter("name rules, or say --all", param_hint="RULES")
    try:
        done = approve(catalogue, rules, by, because, datetime.now(UTC))
    except NotReleasable as error:
        raise Wrong(f"nothing was approved: {error}") from None
    if as_json:
        print_json(done)
    else:
        for one in done.rules:
            _print(one)
        say(f"{done.stable} rules run as stable, {done.on_trial} on trial; the last line has digest {done.last_line}")
    raise typer.Exit(OK if all(one.runs_as == "stable" for one in done.rules) else TO_DO)


def _print(one: Approved) -> None:
    runs = "runs as stable" if one.runs_as == "stable" else "runs on trial, for its owner alone"
    people = f"{len(one.approved_by)} of {PEOPLE} ({', '.join(one.approved_by)})"
    out.print(f"{one.rule}, version {one.version}: approved by {people}; it {runs}", markup=False)
    if one.since is None:
        out.print("    no version of it was released before", markup=False)
    elif one.difference is None:
        out.print(f"    it says what version {one.since} said, which was released last", markup=False)
    else:
        out.print(f"    since version {one.since}, which was released last:", markup=False)
        print_sentences(one.difference)
    if one.measured is None:
        out.print("    how loud this version is was not measured: safety-stream rules backtest", markup=False)
    else:
        told = one.measured.told
        out.print(
            f"    {one.measured.alerts_per_month:,} alerts a month, told {told.per_month:,} times; in most divisions "
            f"and shifts up to {told.urgent_per_division_and_shift:,} urgent, in most districts and months up to "
            f"{told.per_district_and_month:,} ({one.measured.history})",
            markup=False,
        )


def print_sentences(one: RuleDifference) -> None:
    """What a rule says no more, and what it says now."""
    for sign, sentences in (("-", one.gone), ("+", one.come)):
        for heading, sentence in sentences:
            out.print(f"  {sign} {heading}: {sentence}", markup=False)
