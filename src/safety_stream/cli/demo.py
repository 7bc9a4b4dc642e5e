"""`demo`: the whole backbone on this machine, on a synthetic county, to watch; with a verdict at the end."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console, ConsoleDimensions, RenderableType
from rich.live import Live

from safety_stream.cli.terminal import OK, WRONG, Json, Wrong, epilog, out, print_json, print_table, say
from safety_stream.demo.run import Demo, Summary, WorkerEnded
from safety_stream.demo.screen import screen, story_lines

EPILOG = epilog(
    "safety-stream demo --headless --for 60 --json",
    {0: "the standing alerts are those the oracle recomputes", 1: "they are not, or something failed"},
)
_PICTURES_PER_SECOND = 4


def demo(
    seconds: Annotated[float, typer.Option("--for", min=1, help="Seconds to play; a day passes in each.")] = 60,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another county.")] = 1,
    scale: Annotated[float, typer.Option("--scale", min=0.01, max=2, help="Size of the county; 1: Lancashire.")] = 0.3,
    headless: Annotated[
        bool, typer.Option("--headless", help="No screen and no pages: only what is said on the way.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start Kafka, a worker and a synthetic county, and show what happens.

    Within half a minute: a repeat victim, a pattern across districts, a district above its number, a correction
    that withdraws an alert, a late report that back-dates one, and broken reports in the dead letters. The same can be
    followed on the pages, where they are installed, at the address that is printed.
    """
    # A closed terminal and SIGTERM stop it as Ctrl-C does: through the block, for the worker must not outlive it.
    for closing in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(closing, signal.default_int_handler)
    try:
        with Demo(seed, scale, say, with_pages=not headless) as running:
            if headless or not out.is_terminal:
                running.play(seconds, lambda _: None)
            else:
                _show(running, seconds)
            summary = running.conclude()
            if as_json:
                print_json(summary)
            else:
                _print(running, summary)
            if running.pages and out.is_terminal and sys.stdin.isatty():
                _stay(running.pages)
    except WorkerEnded as ended:
        raise Wrong(str(ended)) from None
    raise typer.Exit(OK if summary.is_good else WRONG)


def _show(running: Demo, seconds: float) -> None:
    console = Console()
    with Live(console=console, refresh_per_second=_PICTURES_PER_SECOND, screen=True) as live:
        running.play(seconds, lambda gone: live.update(_picture(running, gone, console.size)))


def _picture(running: Demo, gone: float, size: ConsoleDimensions) -> RenderableType:
    return screen(running.seen, running.catalogue, gone, size, running.pages)


def _stay(pages: str) -> None:
    """Who reads a page must not have it taken away."""
    say(f"The pages stay at {pages}/sign-in until you press Enter")
    with suppress(EOFError, KeyboardInterrupt):
        input()


def _print(running: Demo, summary: Summary) -> None:
    with running.seen.looking() as seen:
        for seen_line in story_lines(seen, running.catalogue):
            out.print(seen_line, soft_wrap=False)
    rows = [
        (
            "reports sent",
            f"{summary.reports:,} in {summary.seconds:.0f} s, {summary.simulated_days:.0f} days of the county",
        ),
        ("incidents", f"{summary.incidents:,}"),
        ("dead letters", f"{summary.dead_letters:,} of {summary.dead_letters_expected:,} broken on purpose"),
        *(
            (f"told the duty officer, {family}", ", ".join(f"{n:,} {change}" for change, n in told.items()))
            for family, told in summary.alerts.items()
        ),
        ("alerts that stand, of every audience", f"{summary.standing_alerts:,}"),
        ("report to alert", f"p50 {summary.latency_p50 or 0:.2f} s, p99 {summary.latency_p99 or 0:.2f} s"),
    ]
    out.print()
    print_table(("what", "how much"), rows)
    out.print()
    _print_verdict(summary)


def _print_verdict(summary: Summary) -> None:
    if summary.is_good:
        out.print(
            "[bold green]Right:[/] findings, alerts and counts are those that other code makes of the same "
            f"{summary.reports:,} reports in one go.",
            soft_wrap=False,
        )
        return
    out.print("[bold red]Wrong:[/] what came out is not what other code makes of the same reports in one go.")
    if summary.dead_letters != summary.dead_letters_expected:
        out.print(f"{summary.dead_letters:,} reports were refused; {summary.dead_letters_expected:,} had to be.")
    for difference in summary.differences:
        out.print(difference, markup=False)
