"""`rules`: which there are, what each means, is the catalogue right, and does each do what its examples say?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.tree import Tree

from safety_stream.catalogue import (
    Link,
    RuleDifference,
    diff_rules,
    explain_rule,
    link_rules,
    lint_catalogue,
    list_rules,
    rule_schema,
    run_examples,
)
from safety_stream.catalogue.examples import Fired
from safety_stream.catalogue.explaining import Approver
from safety_stream.cli import backtest, catalogue_page, fairness, knox, release, why
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    WRONG,
    AreasFile,
    CatalogueFolder,
    Json,
    Wrong,
    epilog,
    how_many,
    out,
    print_json,
    print_table,
    say,
)
from safety_stream.core.model.times import LONDON, to_day
from safety_stream.data_files import catalogue_folder

app = typer.Typer(no_args_is_help=True, help="Read and check the rules and the data they name.")
app.command("page", epilog=catalogue_page.EPILOG)(catalogue_page.page)
app.command("why", epilog=why.EPILOG)(why.why)

app.command("backtest", epilog=backtest.EPILOG)(backtest.backtest)
app.command("release", epilog=release.EPILOG)(release.release)
app.command("fairness", epilog=fairness.EPILOG)(fairness.fairness_command)
app.command("knox", epilog=knox.EPILOG)(knox.knox)


@app.command(
    "list",
    epilog=epilog("safety-stream rules list --catalogue my-catalogue", {0: "listed", 1: "the catalogue has errors"}),
)
def list_command(catalogue: CatalogueFolder = None, as_json: Json = False) -> None:
    """List the rules, a line each."""
    entries = list_rules(catalogue or catalogue_folder())
    if as_json:
        for entry in entries:
            print_json(entry)
        return
    has_releases = any(one.approved is not None for one in entries)
    print_table(
        ("rule", "version", "status", "family", "of", "priority", "examples", "title", *_APPROVED[:has_releases]),
        [
            (
                *(one.rule, one.version, one.status, one.family, ", ".join(one.keys), one.priority, one.examples),
                *(one.title, _approvers(one.approved or ()))[: 1 + has_releases],
            )
            for one in entries
        ],
    )


_APPROVED = ("approved by",)


def _approvers(approved: Sequence[Approver]) -> str:
    return ", ".join(f"{one.by} on {one.at[:10]}" for one in approved)


@app.command(
    epilog=epilog(
        "safety-stream rules explain rv-marac-repeat",
        {0: "explained", 1: "there is no such rule, or the catalogue has errors"},
    )
)
def explain(
    rule: Annotated[str, typer.Argument(help="A rule, as `list` names it.")],
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Say in plain English what a rule means, and where every number in it is from."""
    try:
        explanation = explain_rule(catalogue or catalogue_folder(), rule)
    except KeyError as error:
        raise Wrong(error.args[0]) from None
    if as_json:
        print_json(explanation)
        return
    out.print(
        f"{explanation.title} ({explanation.rule}, version {explanation.version}, {explanation.status})", markup=False
    )
    for section in explanation.sections:
        out.print(f"\n{section.heading}", markup=False)
        for sentence in section.sentences:
            out.print(f"  {sentence}", markup=False)


@app.command(
    epilog=epilog("safety-stream rules graph --catalogue my-catalogue", {0: "drawn", 1: "the catalogue has errors"})
)
def graph(catalogue: CatalogueFolder = None, as_json: Json = False) -> None:
    """Draw which rules rest on the findings of which: each stands below what it rests on.

    One that reads what is found on other keys than its own says so.
    """
    links = link_rules(catalogue or catalogue_folder())
    if as_json:
        for link in links:
            print_json(link)
        return
    tree = Tree("reports")
    for link in links:
        if link.depth == 1:
            _draw(tree, link.rule, links)
    out.print(tree)


def _draw(above: Tree, rule: str, links: Sequence[Link], how: str = "") -> None:
    branch = above.add(rule + how)
    for link in links:
        if rule in link.rests_on:
            _draw(branch, link.rule, links)
        if rule in link.elsewhere:
            _draw(branch, link.rule, links, ", on other keys")


@app.command(
    epilog=epilog(
        "safety-stream rules diff released-catalogue --catalogue my-catalogue",
        {
            0: "no rule differs",
            1: "what runs has changed without a new version, or a catalogue has errors",
            2: "rules differ, each under a new version where what runs has changed",
        },
    )
)
def diff(
    base: Annotated[Path, typer.Argument(help="The catalogue to compare with.", exists=True, file_okay=False)],
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Tell in plain English what has changed in the rules since another catalogue."""
    differences = diff_rules(base, catalogue or catalogue_folder())
    for one in differences:
        if as_json:
            print_json(one)
        else:
            _print_difference(one)
    if not as_json:
        verb = "differs" if len(differences) == 1 else "differ"
        say(f"{how_many(len(differences), 'rule')} {verb}" if differences else "No rule differs")
    if any(one.lacks_version for one in differences):
        raise typer.Exit(WRONG)
    raise typer.Exit(TO_DO if differences else OK)


@app.command(epilog=epilog("safety-stream rules schema > rule.schema.json", {0: "printed", 1: "it went wrong"}))
def schema(as_json: Json = False) -> None:
    """Print the format of a rule's file as JSON Schema, with which an editor completes and checks it.

    With most editors a first line `# yaml-language-server: $schema=rule.schema.json` in the rule's file turns it on.
    """
    print_json(rule_schema()) if as_json else typer.echo(json.dumps(rule_schema(), indent=2, ensure_ascii=False))


@app.command(
    epilog=epilog(
        "safety-stream rules lint --catalogue my-catalogue",
        {
            0: "nothing to say, or something for information only",
            1: "there are errors: nothing runs on this catalogue",
            2: "there are warnings only",
        },
    )
)
def lint(
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    today: Annotated[
        datetime | None,
        typer.Option("--today", formats=["%Y-%m-%d"], help="Tell what is due as of this day. Default: the day it is."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell everything that is wrong with the catalogue, with file, line and mend, and which calendars end soon.

    Of each file first whether it has the right fields; once it has, whether its names are known and its proofs enough.
    So lint again after mending.

    For information only: of which near-repeat rules the evidence is old.
    """
    when = datetime.now(LONDON) if today is None else today
    issues = lint_catalogue(catalogue or catalogue_folder(), areas, to_day(when.date()))
    for issue in issues:
        if as_json:
            print_json(issue)
        else:
            out.print(str(issue), markup=False)
    if not as_json:
        wrong = sum(issue.severity != "info" for issue in issues)
        say(how_many(wrong, "issue") if wrong else "The catalogue is in order")
    severities = {issue.severity for issue in issues}
    if "error" in severities:
        raise typer.Exit(WRONG)
    raise typer.Exit(TO_DO if "warning" in severities else OK)


@app.command(
    "test",
    epilog=epilog(
        "safety-stream rules test noise-at-one-address --catalogue my-catalogue",
        {0: "every example holds", 1: "an example fails, there is no such rule, or the catalogue has errors"},
    ),
)
def examples(
    rules: Annotated[list[str] | None, typer.Argument(help="Rules, as `list` names them. Default: every rule.")] = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Hold each rule to the examples in its own file."""
    try:
        results = run_examples(catalogue or catalogue_folder(), rules or ())
    except KeyError as error:
        raise Wrong(error.args[0]) from None
    failed = [result for result in results if not result.passed]
    if as_json:
        for result in results:
            print_json({"rule": result.rule_id, "example": result.name, "passed": result.passed, "found": result.found})
    else:
        for result in failed:
            out.print(f"{result.rule_id}: {result.name}", markup=False)
            out.print(f"    expected {_told(result.expected)}", markup=False)
            out.print(f"    found    {_told(result.found)}", markup=False)
        say(f"{len(results) - len(failed)} of {len(results)} examples hold")
    raise typer.Exit(WRONG if failed else OK)


def _print_difference(one: RuleDifference) -> None:
    versions = " to ".join(str(version) for version in (one.before, one.after) if version is not None)
    out.print(f"{one.rule}: {one.change}, version {versions}", markup=False)
    if one.lacks_version:
        out.print("    what runs has changed: raise the version", markup=False)
    release.print_sentences(one)


def _told(fired: tuple[Fired, ...]) -> str:
    return ", ".join(f"{one.at} {one.priority or ''}".strip() for one in fired) or "nothing"
