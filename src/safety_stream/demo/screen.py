"""The demonstration's screen: what it promised and what was seen, alerts as they come with their reasons, feeds, areas.

It fills a terminal of any size from 80 by 24 on: what there is no room for is left out from the end, and said.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from time import monotonic

from rich.console import ConsoleDimensions, Group, RenderableType
from rich.layout import Layout
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import Change
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import LONDON, Instant, to_date, to_datetime
from safety_stream.demo.watching import MILESTONES, Seen, quantile

COLUMNS = ("violence", "burglary", "robbery", "vehicle-crime", "police-asb", "domestic-abuse", "missing-children")
"""The indicators shown, as many as there is room for."""

REASONS: dict[str, str] = {
    "worsened": "It got worse.",
    "evidence-added": "There is more evidence.",
    "evidence-removed": "Some evidence was taken back.",
    "back-dated": "It began earlier than was known.",
    "restated": "What it rests on was corrected.",
    "withdrawn": "This is no longer so.",
}
"""Why somebody is told of an alert again, in words; a new one explains itself."""

_STYLES: dict[Change, str] = {"raised": "bold green", "updated": "yellow", "withdrawn": "bold red"}
_SIGNS: dict[Change, str] = {"raised": "+ raised", "updated": "~ updated", "withdrawn": "- withdrawn"}
_HEAD_LINES = 2
_STORY_LINES = 1 + len(MILESTONES)
_ALERT_LINES_MIN = 7
_TABLE_HEAD_LINES = 3
_WIDE = 120
_FEEDS_WIDTH, _FEEDS_WIDTH_NARROW = 45, 37
_AREA_WIDTH, _COLUMN_WIDTH = 22, 10


def screen(
    seen: Seen, catalogue: Catalogue, seconds: float, size: ConsoleDimensions, pages: str = ""
) -> RenderableType:
    """One picture of everything, for a terminal of this size, after so many seconds; `pages` is where they are."""
    areas = _areas(catalogue)
    room = size.height - _HEAD_LINES - _STORY_LINES
    alert_lines = max(_ALERT_LINES_MIN, room - _TABLE_HEAD_LINES - len(areas))
    feeds_width = _FEEDS_WIDTH if size.width >= _WIDE else _FEEDS_WIDTH_NARROW
    rows = room - alert_lines - _TABLE_HEAD_LINES
    columns = COLUMNS[: (size.width - feeds_width - _AREA_WIDTH) // _COLUMN_WIDTH]
    layout = Layout()
    with seen.looking():
        layout.split_column(
            Layout(_head(seen, seconds, size.width, pages), size=_HEAD_LINES),
            Layout(
                Group(_title("What it promised, and what was seen"), _cut(story_lines(seen, catalogue))),
                size=_STORY_LINES,
            ),
            Layout(_alerts(seen, catalogue, alert_lines - 1), size=alert_lines),
            Layout(name="tables"),
        )
        layout["tables"].split_row(
            Layout(_feeds(seen, rows, is_wide=size.width >= _WIDE), size=feeds_width),
            Layout(_indicators(seen, catalogue, areas, columns, rows)),
        )
    return layout


def story_lines(seen: Seen, catalogue: Catalogue) -> list[Text]:
    """Each thing a demonstration is sure to show: after how many seconds it was seen, and what was said of it."""
    lines = []
    for milestone in MILESTONES:
        reached = seen.milestones.get(milestone)
        if reached is None:
            lines.append(Text(f"         {milestone}", style="dim"))
            continue
        said = _what(reached.by, catalogue)
        after = (f"{reached.seconds:3.0f} s  ", "dim")
        lines.append(Text.assemble(("✓ ", "bold green"), after, (f"{milestone:<37}", "bold"), said))
    return lines


def line(alert: PublishedAlert, catalogue: Catalogue) -> Text:
    """One alert version in one line of words."""
    return Text.assemble(
        (f"{_date(alert.as_of)}  ", "dim"),
        (f"{_SIGNS[alert.change]:<13}", _STYLES[alert.change]),
        (f"{alert.priority or '':<4}", "bold"),
        _what(alert, catalogue),
    )


def _what(seen_by: PublishedAlert | DeadLetter, catalogue: Catalogue) -> Text:
    if isinstance(seen_by, DeadLetter):
        return Text.assemble((f"{_source(seen_by)}: ", "cyan"), seen_by.detail)
    area = catalogue.areas.by_code.get(seen_by.area or "")
    place = area.name if area else seen_by.area or "somewhere"
    reason = REASONS.get(seen_by.reason or "")
    # What is new of it comes first: a line is cut off where the terminal ends.
    return Text.assemble(
        (f"{place}: ", "cyan"), (f"{reason} " if reason else "", "magenta"), seen_by.explanation or seen_by.title or ""
    )


def _head(seen: Seen, seconds: float, width: int, pages: str) -> RenderableType:
    middle, slow = quantile(seen.latencies, 0.5), quantile(seen.latencies, 0.99)
    pieces = [
        *([f"pages: {pages}"] if pages else []),
        _date(seen.simulated),
        f"{seen.reports:,} reports",
        f"{seen.incidents:,} incidents ({seen.incidents_per_second(monotonic()):,.0f} a second)",
        f"{sum(seen.dead_letters.values()):,} dead letters",
        f"{sum(seen.changes.values()):,} alert versions",
    ]
    if middle is not None and slow is not None:
        pieces.append(f"report to alert p50 {middle:.1f} s, p99 {slow:.1f} s")
    ends = accumulate(len(piece) + 3 for piece in pieces)
    fitting = [piece for piece, end in zip(pieces, ends, strict=True) if end - 3 <= width]
    title = f"Community safety backbone: a made-up county, a day in every second; {seconds:.0f} s gone"
    return Group(_title(title), Text("   ".join(fitting), style="bold", no_wrap=True))


def _alerts(seen: Seen, catalogue: Catalogue, rows: int) -> RenderableType:
    # Each change has rows of its own: withdrawals are few, and would be gone before anybody had read them.
    withdrawn, updated = rows // 4, rows // 3
    shown: tuple[tuple[Change, int], ...] = (
        ("raised", rows - updated - withdrawn),
        ("updated", updated),
        ("withdrawn", withdrawn),
    )
    lines: list[Text] = []
    for change, count in shown:
        newest = list(seen.alerts[change])[-count:]
        lines += [line(alert, catalogue) for alert in newest]
        lines += [Text("")] * (count - len(newest))
    return Group(_title("Alerts to the duty officer, newest of each kind"), _cut(lines))


def _feeds(seen: Seen, rows: int, *, is_wide: bool) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("\nfeed", no_wrap=True)
    table.add_column("\nsent", justify="right", no_wrap=True)
    table.add_column("\nrefused", justify="right", no_wrap=True)
    if is_wide:
        table.add_column("\nnewest", justify="right", no_wrap=True)
    cells = []
    for source in sorted(seen.feeds, key=lambda source: (-seen.feeds[source].sent, source)):
        feed = seen.feeds[source]
        newest = to_datetime(feed.newest).astimezone(LONDON).strftime("%d %b") if feed.newest else ""
        cells.append((source, f"{feed.sent:,}", f"{feed.refused:,}" if feed.refused else "", newest))
    _fill(table, [row if is_wide else row[:3] for row in cells], rows)
    # One column stays free before the next title.
    return Padding(Group(_title("Feeds"), table), (0, 1, 0, 0))


def _indicators(
    seen: Seen, catalogue: Catalogue, areas: Sequence[str], columns: Sequence[str], rows: int
) -> RenderableType:
    week = max((value.starts for value in seen.indicators.values()), default=None)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("\narea", no_wrap=True, min_width=_AREA_WIDTH - 2)
    for indicator in columns:
        # Two short lines, so that seven of them fit.
        before, dash, after = indicator.partition("-")
        header = f"{before}\n{after}" if dash else f"\n{indicator}"
        table.add_column(header, justify="right", no_wrap=True, min_width=_COLUMN_WIDTH - 2)
    cells = []
    for code in areas:
        values = [seen.indicators.get((code, indicator)) for indicator in columns]
        # A district that has no count of this week yet must not show last week's.
        counts = ["" if value is None or value.starts != week else f"{value.value or 0:,}" for value in values]
        name = catalogue.areas.by_code[code].name
        cells.append((f"[bold red]{name}[/]" if code in seen.above else name, *counts))
    _fill(table, cells, rows)
    since = "" if week is None else f" from {to_date(week):%a %d %b}"
    return Group(_title(f"Week{since}; red: alert stands"), table)


def _fill(table: Table, cells: Sequence[Sequence[str]], rows: int) -> None:
    """As many rows as fit, the last of which says how many do not."""
    fitting = len(cells) if len(cells) <= rows else rows - 1
    for row in cells[:fitting]:
        table.add_row(*row)
    if fitting < len(cells):
        table.add_row(f"[dim]… and {len(cells) - fitting} more[/]")


def _areas(catalogue: Catalogue) -> list[str]:
    return [code for code, area in catalogue.areas.by_code.items() if area.kind in ("district", "county")]


def _source(letter: DeadLetter) -> str:
    return letter.topic.partition(".")[2]


def _title(text: str) -> RenderableType:
    return Rule(Text(text, style="bold", no_wrap=True, overflow="ellipsis"), align="left", style="blue")


def _cut(lines: Sequence[Text]) -> RenderableType:
    """Each line on one line of the terminal."""
    table = Table.grid()
    table.add_column(no_wrap=True, overflow="ellipsis")
    for one in lines:
        table.add_row(one)
    return table


def _date(instant: Instant) -> str:
    return to_datetime(instant).astimezone(LONDON).strftime("%a %d %b %H:%M") if instant else ""
