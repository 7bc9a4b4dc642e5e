"""The inbox in a terminal: open alerts on one side, what one of them says on the other, and above both who is heard.

It looks again every second, in the background: the database may be slow, and keys must not wait for it. What was looked
at last stays where the next look fails, and it is said that it is old. The alert somebody reads stays chosen, wherever
it moves to.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final, get_args

from sqlalchemy.exc import SQLAlchemyError
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from safety_stream.cli.watching import Look, about, acknowledging, heading, look, nothing_open, of_feeds, parts_of
from safety_stream.core.model.findings import Priority
from safety_stream.web.filters import LONGEST_TEXT, Filter
from safety_stream.web.policy import Person
from safety_stream.web.site import NotSent, Site
from safety_stream.web.views.alert import AlertView
from safety_stream.web.views.health import FeedLine
from safety_stream.web.views.row import AlertRow

EVERY_SECONDS: Final = 1.0
_WIDE: Final = 130
"""Columns from which on an alert is shown beside the list and not below it."""

_URGENT: Final = {"P1": "bold white on #b00000", "P2": "bold black on yellow", "P3": "bold", "P4": ""}
_CLOCKS: Final = {"late": "bold #ff9090", "soon": "bold yellow", "calm": "dim"}

_HINT: Final = "Keys 1 to 4 choose a priority, / looks for words, Esc shows all again."
_UNTOLD: Final = "-"


class Inbox(App[None]):
    """The screen. What is open is asked of `site` as `person`; `can_act` says whether alerts can be acknowledged."""

    TITLE = "safety-stream watch"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012 - as the base class declares it
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #heading { padding: 0 1; text-style: bold; }
    #feeds { padding: 0 1; }
    #blind { padding: 0 1; background: $error; color: $text; display: none; }
    #blind.-said { display: block; }
    #both { layout: vertical; }
    .-wide #both { layout: horizontal; }
    #alerts { height: 1fr; width: 100%; border: round $primary; }
    #about { height: 1fr; width: 100%; border: round $surface-lighten-2; padding: 0 1; }
    .-wide #alerts, .-wide #about { width: 1fr; height: 100%; }
    #alerts > .option-list--option-highlighted { background: $panel-lighten-2; text-style: bold; }
    #alerts:focus > .option-list--option-highlighted { background: $panel-lighten-2; text-style: bold; }
    #alerts:focus, #about:focus { border: round $accent; }
    #search { display: none; }
    #search.-asked { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move('down')", "Down", show=False),
        Binding("k", "move('up')", "Up", show=False),
        *(Binding(str(n), f"priority('P{n}')", f"P{n}", show=False) for n in range(1, 5)),
        Binding("slash", "search", "Search"),
        Binding("escape", "all", "All"),
        Binding("f", "feeds", "Feeds"),
        Binding("a", "acknowledge", "Acknowledge"),
        Binding("r", "look_again", "Look now"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(
        self, site: Site, person: Person, wanted: Filter, *, can_act: bool, every: float = EVERY_SECONDS
    ) -> None:
        """Begin with what is wanted, and look every so many seconds."""
        super().__init__()
        self._site = site
        self._person = person
        self._can_act = can_act
        self._every = every
        self._wanted = wanted
        self._seen: Look | None = None
        self._is_looking = False
        self._asked_again = False
        self._shows_feeds = False
        self._view: AlertView | None = None
        self._sent: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """What stands where."""
        yield Static("", id="heading", markup=False)
        yield Static("", id="feeds", markup=False)
        yield Static("", id="blind", markup=False)
        with Horizontal(id="both"):
            yield OptionList(id="alerts")
            with VerticalScroll(id="about"):
                yield Static(_HINT, id="said", markup=False)
        yield Input(placeholder="Words of an alert, then Enter", id="search", max_length=LONGEST_TEXT)
        yield Footer()

    def on_mount(self) -> None:
        """Look for the first time, and from then on again and again."""
        self.query_one("#alerts").focus()
        self.action_look_again()
        self.set_interval(self._every, self.action_look_again)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What cannot be done from here is not offered."""
        del parameters
        return action != "acknowledge" or self._can_act

    def action_look_again(self) -> None:
        """Look, once at a time: who asks meanwhile has it looked once more."""
        self._asked_again = self._is_looking
        if not self._is_looking:
            self._is_looking = True
            self.run_worker(self._look(), group="look")

    def action_move(self, where: str) -> None:
        """To the next alert, or the one before."""
        alerts = self.query_one("#alerts", OptionList)
        alerts.action_cursor_down() if where == "down" else alerts.action_cursor_up()

    def action_priority(self, priority: str) -> None:
        """Only this priority too, or not any more."""
        chosen = {*self._wanted.priorities} ^ {priority}
        kept = tuple(one for one in get_args(Priority) if one in chosen)
        self._want(Filter(priorities=kept, text=self._wanted.text))

    def action_all(self) -> None:
        """Everything that is open; the search is closed."""
        search = self.query_one("#search", Input)
        search.remove_class("-asked")
        search.value = ""
        self.query_one("#alerts").focus()
        self._want(Filter())

    def action_search(self) -> None:
        """Ask for words."""
        search = self.query_one("#search", Input)
        search.add_class("-asked")
        search.focus()

    def on_input_submitted(self, asked: Input.Submitted) -> None:
        """Look for these words."""
        asked.input.remove_class("-asked")
        self.query_one("#alerts").focus()
        self._want(Filter(priorities=self._wanted.priorities, text=asked.value.strip()))

    def action_feeds(self) -> None:
        """Each feed and how it is heard, in place of an alert; or the alert again."""
        self._shows_feeds = not self._shows_feeds
        self._show_about()

    def on_option_list_option_highlighted(self, _: OptionList.OptionHighlighted) -> None:
        """Say what this alert says."""
        self._shows_feeds = False
        self.run_worker(self._tell(), group="tell", exclusive=True)

    def action_acknowledge(self) -> None:
        """Acknowledge the alert that is shown, as it is shown."""
        if self._view is None:
            return
        if self._view.allowed is None or not self._view.allowed.can_acknowledge:
            self.notify(f"It is {self._view.row.state}: it cannot be acknowledged.", severity="warning", markup=False)
            return
        self.run_worker(self._acknowledge(self._view.row), group="act")

    def _want(self, wanted: Filter) -> None:
        self._wanted = wanted
        self.action_look_again()

    async def _look(self) -> None:
        try:
            while True:
                self._asked_again = False
                try:
                    seen = await asyncio.to_thread(look, self._site, self._person, self._wanted)
                except SQLAlchemyError as error:
                    self._say_blind(
                        (f"The database cannot be read ({type(error).__name__}): this is as of {self._as_of()}.",)
                    )
                else:
                    self._show(seen)
                    await self._tell()
                if not self._asked_again:
                    return
        finally:
            self._is_looking = False

    def _as_of(self) -> str:
        return self._seen.at if self._seen else "never"

    def _show(self, seen: Look) -> None:
        before, self._seen = self._seen, seen
        self.query_one("#heading", Static).update(f"{heading(seen)} · {seen.at}")
        feeds = self.query_one("#feeds", Static)
        feeds.update(Content.styled(of_feeds(seen), "bold yellow" if seen.unheard else "dim"))
        self._say_blind(seen.blind)
        if before is None or before.rows != seen.rows or not seen.rows:
            self._list(seen)
        for action_id, title in list(self._sent.items()):
            if (answer := self._site.answers.to(action_id)) is not None:
                del self._sent[action_id]
                said = "acknowledged" if answer.done else f"refused: {answer.why}"
                severity = "information" if answer.done else "error"
                self.notify(f"{title}: {said}", severity=severity, markup=False)  # type: ignore[arg-type]

    def _list(self, seen: Look) -> None:
        alerts = self.query_one("#alerts", OptionList)
        at = self._chosen()
        place = alerts.highlighted or 0
        # The list tells of each of these steps, and only where it comes to rest is news.
        with alerts.prevent(OptionList.OptionHighlighted):
            alerts.clear_options()
            alerts.add_options(
                [Option(_in_list(row), id=row.id) for row in seen.rows] or [Option(nothing_open(seen), disabled=True)]
            )
            ids = [row.id for row in seen.rows]
            if ids:
                # One that is open no more leaves its place to the next.
                alerts.highlighted = ids.index(at) if at in ids else min(place, len(ids) - 1)

    def _say_blind(self, why: tuple[str, ...]) -> None:
        blind = self.query_one("#blind", Static)
        blind.update("\n".join(why))
        blind.set_class(bool(why), "-said")

    def _chosen(self) -> str | None:
        alerts = self.query_one("#alerts", OptionList)
        return None if alerts.highlighted is None else alerts.get_option_at_index(alerts.highlighted).id

    async def _tell(self) -> None:
        chosen = self._chosen()
        if chosen is None:
            self._view = None
        else:
            try:
                self._view = await asyncio.to_thread(about, self._site, self._person, chosen)
            except SQLAlchemyError:
                # The next look says so.
                return
        self._show_about()

    def _show_about(self) -> None:
        said = self.query_one("#said", Static)
        if self._shows_feeds and self._seen is not None:
            said.update(_of_feeds(self._seen.feeds))
        elif self._view is None:
            said.update(_HINT)
        else:
            said.update(_about(self._view))

    async def _acknowledge(self, row: AlertRow) -> None:
        action = acknowledging(self._site, self._person, row)
        try:
            if self._site.send is not None:
                await asyncio.to_thread(self._site.send, action)
        except NotSent as error:
            self.notify(f"It was not sent: {error}", severity="error", markup=False)
            return
        self._sent[action.action_id] = row.title
        self.notify("Sent; the answer is awaited.", markup=False)


def _in_list(row: AlertRow) -> Content:
    """Two lines: how urgent, by when and how far it is handled; where, and what."""
    clock = (row.clock.text, _CLOCKS[row.clock.level]) if row.clock else ("no clock", "dim")
    return Content.assemble(
        _priority(row),
        " ",
        clock,
        f" · {row.state}{f', {row.owner}' if row.owner else ''}{' · a child' if row.child else ''}",
        f"\n  {row.area}: {row.title}",
    )


def _priority(row: AlertRow) -> tuple[str, str]:
    return f" {row.priority or _UNTOLD} {row.priority_words} ", _URGENT.get(row.priority or "", "")


def _about(view: AlertView) -> Content:
    row = view.row
    pieces: list[Content | str | tuple[str, str]] = [
        (row.title, "bold"),
        "\n",
        _priority(row),
        f" {row.area}{' · a child is concerned' if row.child else ''}\n",
    ]
    if row.sentence:
        pieces.append(f"\n{row.sentence}\n")
    for part in parts_of(view):
        pieces += ["\n", (part.heading, "bold underline"), "\n", *(f"{line}\n" for line in part.lines)]
    return Content.assemble(*pieces)


def _of_feeds(feeds: tuple[FeedLine, ...]) -> Content:
    pieces: list[Content | str | tuple[str, str]] = [("Partners' feeds", "bold"), "\n"]
    for feed in feeds:
        pieces += ["\n", (feed.title, "bold"), f" ({feed.organisation})\n  "]
        pieces.append((feed.state, "" if feed.level == "heard" else "bold yellow"))
        newest = f"; newest report {feed.newest}, complete to {feed.complete_to}" if feed.newest else ""
        pieces.append(f"{newest}{f'; {feed.refused} refused' if feed.refused else ''}\n")
    return Content.assemble(*pieces)
