"""The demonstration's screen: what was seen so far, feeds, alerts as they come with their reasons, the districts."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import LONDON, Instant, to_datetime
from safety_stream.demo.watching import MILESTONES, Seen, quantile

COLUMNS = ("violence", "burglary", "robbery", "vehicle-crime", "police-asb", "domestic-abuse", "missing-children")
_STYLES = {"raised": "bold green", "updated": "yellow", "withdrawn": "bold red"}
_SIGNS = {"raised": "+ raised", "updated": "~ updated", "withdrawn": "- withdrawn"}
_FEEDS_WIDTH = 48
_HEAD_LINES = 3


def screen(seen: Seen, catalogue: Catalogue, seconds: float, height: int) -> RenderableType:
    """One picture of everything, for a terminal of `height` lines, after so many seconds."""
    with seen.looking():
        districts = _districts(seen, catalogue)
        room = max(6, height - _HEAD_LINES - len(_district_codes(catalogue)) - 6)
        layout = Layout()
        layout.split_column(
            Layout(_head(seen, seconds), size=_HEAD_LINES),
            Layout(name="middle", size=room),
            Layout(districts),
        )
        layout["middle"].split_row(Layout(name="left", size=_FEEDS_WIDTH), Layout(_alerts(seen, catalogue, room - 2)))
        milestones = len(MILESTONES) + 2
        layout["left"].split_column(
            Layout(_milestones(seen), size=milestones), Layout(_feeds(seen, max(1, room - milestones - 3)))
        )
        return layout


def line(alert: PublishedAlert, catalogue: Catalogue) -> Text:
    """One alert version in one line of words."""
    area = catalogue.areas.by_code.get(alert.area or "")
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{_date(alert.as_of)}  ", style="dim")
    text.append(f"{_SIGNS[alert.change]:<12}", style=_STYLES[alert.change])
    text.append(f"{alert.priority or '':<3}", style="bold")
    text.append(f"{area.name if area else (alert.area or '')}: ", style="cyan")
    text.append(f"{alert.explanation or ''} ")
    if alert.reason not in ("new", "withdrawn", None):
        text.append(f"{alert.reason} ", style="magenta")
    text.append(f"{alert.rule_id or ''}", style="dim")
    return text


def _head(seen: Seen, seconds: float) -> RenderableType:
    rate = seen.reports / seconds if seconds else 0.0
    middle, slow = quantile(seen.latencies, 0.5), quantile(seen.latencies, 0.99)
    timing = "" if middle is None or slow is None else f"report to alert p50 {middle:.2f} s, p99 {slow:.2f} s   "
    told = sum(seen.changes.values())
    text = (
        f"[bold]{_date(seen.simulated)}[/]   {seen.reports:,} reports ({rate:,.0f}/s)   "
        f"{told:,} alert versions   {sum(seen.dead_letters.values())} dead letters   {timing}{seconds:.0f} s"
    )
    return Panel(Text.from_markup(text), title="Community safety backbone: a synthetic county, accelerated")


def _milestones(seen: Seen) -> RenderableType:
    lines = []
    for milestone in MILESTONES:
        seconds = seen.milestones.get(milestone)
        text = Text(f"  {milestone}", style="dim") if seconds is None else Text(f"✓ {milestone}, {seconds:.0f} s")
        lines.append(text)
    return Panel(Group(*lines), title="Seen so far")


def _feeds(seen: Seen, rows: int) -> RenderableType:
    table = Table(expand=True, box=None)
    table.add_column("feed", no_wrap=True)
    table.add_column("sent", justify="right", no_wrap=True)
    table.add_column("refused", justify="right", no_wrap=True)
    table.add_column("newest", justify="right", no_wrap=True)
    for source in sorted(seen.feeds, key=lambda source: -seen.feeds[source].sent)[:rows]:
        feed = seen.feeds[source]
        table.add_row(source, f"{feed.sent:,}", f"{feed.refused}" if feed.refused else "", _date(feed.newest)[4:10])
    return Panel(table, title="Feeds")


def _alerts(seen: Seen, catalogue: Catalogue, rows: int) -> RenderableType:
    newest = list(seen.alerts)[-rows:]
    return Panel(Group(*(line(alert, catalogue) for alert in newest)), title="Alerts to the duty officer")


def _districts(seen: Seen, catalogue: Catalogue) -> RenderableType:
    table = Table(expand=True, box=None)
    table.add_column("week's count so far")
    for indicator in COLUMNS:
        table.add_column(indicator, justify="right")
    for code in _district_codes(catalogue):
        values = [seen.indicators.get((code, indicator)) for indicator in COLUMNS]
        name = catalogue.areas.by_code[code].name
        table.add_row(name, *("" if value is None else f"{value.value:,}" for value in values))
    return Panel(table, title="Indicators, newest week of each (provisional)")


def _district_codes(catalogue: Catalogue) -> list[str]:
    return [code for code, area in catalogue.areas.by_code.items() if area.kind in ("district", "county")]


def _date(instant: Instant) -> str:
    return to_datetime(instant).astimezone(LONDON).strftime("%a %d %b %H:%M") if instant else ""
