"""`alerts` and `indicators`: what was published, as its readers see it.

Of an alert about a person a list tells nothing by which anybody could be found; one alert is told whole to whoever says
why they look (`cli.consulting`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from confluent_kafka.admin import AdminClient

from safety_stream.catalogue.cap import load_cap
from safety_stream.catalogue.consulting import load_consulting
from safety_stream.cli.cap import SENDER, CapSender, CapStatus, speaker_of
from safety_stream.cli.consulting import LEFT_OUT, Looker, RoleOfLook, WhoLooks, WhyLooked, check_reason, record_look
from safety_stream.cli.keys import KEY_DAYS, KeyDays, show_key
from safety_stream.cli.project import DatabaseUrl
from safety_stream.cli.terminal import (
    AreasFile,
    CatalogueFolder,
    DataFolder,
    Json,
    Wrong,
    catalogue_of,
    connect,
    default_data_folder,
    epilog,
    on_kafka,
    out,
    print_json,
    print_table,
    say,
)
from safety_stream.config import Connection
from safety_stream.core.cap import Speaker, cap_message
from safety_stream.core.consulting import Consulting, without_the_person
from safety_stream.core.model.findings import Evidence, Priority
from safety_stream.core.model.published import PublishedAlert, PublishedIndicator
from safety_stream.core.model.times import (
    DAY_LENGTH,
    LONDON,
    Instant,
    PeriodKind,
    beyond_the_calendar,
    to_date,
    to_datetime,
)
from safety_stream.data_files import catalogue_folder
from safety_stream.keyring import FEED_KEY, is_owner, new_key
from safety_stream.streaming.ports import Incoming
from safety_stream.streaming.reading import follow, read_to_end
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.topology import row_of

alerts = typer.Typer(no_args_is_help=True, help="Alerts, as an audience sees them.")
indicators = typer.Typer(no_args_is_help=True, help="Indicator values, as a disclosure profile shows them.")

AudienceOption = Annotated[str, typer.Option("--audience", help="Whose alerts: an audience of the catalogue.")]
AreaOption = Annotated[str | None, typer.Option("--area", help="Only this area, by its code.")]
ProfileOption = Annotated[str, typer.Option("--profile", help="A disclosure profile of the catalogue.")]
FromBeginning = Annotated[bool, typer.Option("--from-beginning", help="Begin with the oldest, not with the next.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many.")]

ID_SHOWN = 8
"""So much of an alert's id tells it from the others; the beginning is enough to ask for it."""


LEAST_URGENT: Priority = "P4"

READ_CODES = {0: "read (Ctrl-C ends a tail)", 1: "it went wrong"}

T = TypeVar("T")


@alerts.command("tail", epilog=epilog("safety-stream alerts tail --audience duty-officer", READ_CODES))
@on_kafka
def alerts_tail(
    kafka: Connection,
    audience: AudienceOption = "duty-officer",
    from_beginning: FromBeginning = False,
    limit: Limit = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Print each change of an alert as it is published, without whom it is about and which reports it rests on."""
    topic = f"alerts.{audience}"
    consulting = load_consulting(catalogue or catalogue_folder())
    found = read_values(kafka, topic, PublishedAlert, from_beginning=from_beginning, go_on=True)
    told = (_listed(alert, consulting) for alert in found)
    _print_as_they_come(_limited(told, limit), _alert_line, as_json=as_json)


@alerts.command(
    "key", epilog=epilog("safety-stream alerts key --program county-dashboard", {0: "made", 1: "it went wrong"})
)
def alerts_key(
    program: Annotated[str, typer.Option("--program", help="Whose key: the program's id in the file of programs.")],
    days: KeyDays = KEY_DAYS,
    as_json: Json = False,
) -> None:
    """Make a key by which a program reads a feed of the pages; it is shown this once, and its line with it."""
    if not is_owner(program):
        raise Wrong("--program: an id is of small letters and digits, with hyphens between")
    where = "`keys` of the program in the file of programs (web --programs)"
    show_key(new_key(FEED_KEY, program), days, "whoever runs the program", where, as_json=as_json)


@alerts.command(
    "show",
    epilog=epilog(
        "safety-stream alerts show 3f1c8a6e --reason on-shift --by officer-7 --role duty-officer",
        {0: "shown", 1: "it went wrong, there is no such alert, or the look cannot be recorded"},
    ),
)
@on_kafka
def alerts_show(
    kafka: Connection,
    alert_id: Annotated[
        str | None, typer.Argument(help="One alert, by its id or the beginning of it: every version, oldest first.")
    ] = None,
    audience: AudienceOption = "duty-officer",
    area: AreaOption = None,
    priority: Annotated[
        Priority | None, typer.Option("--priority", help="Only what is at least so urgent, P1 being the most.")
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Only alerts of this rule, by its id.")] = None,
    as_cap: Annotated[
        bool, typer.Option("--cap", help="The newest of one alert as a CAP message: XML that other systems read.")
    ] = False,
    cap_sender: CapSender = SENDER,
    cap_status: CapStatus = "Actual",
    reason: WhyLooked = "",
    by: WhoLooks = "",
    role: RoleOfLook = "",
    database: DatabaseUrl = "",
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Print the alerts that stand now, or one alert's whole life; with --reason also about whom, and what it rests on.

    Of an alert about nobody, such as one about a count, everything is shown.
    """
    if as_cap and alert_id is None:
        raise Wrong("a CAP message is of one alert: safety-stream alerts show 3f1c8a6e --cap")
    consulting = load_consulting(catalogue or catalogue_folder())
    looker = Looker(reason=reason, by=by, role=role, database=database, data=data) if reason else None
    if looker is not None:
        if alert_id is None:
            raise Wrong("a reason is given for one alert: safety-stream alerts show 3f1c8a6e --reason on-shift")
        check_reason(looker, consulting)
    found = read_values(kafka, f"alerts.{audience}", PublishedAlert, from_beginning=True, go_on=False)
    if alert_id is not None:
        life = life_of(alert_id, found, audience)
        if as_cap:
            _print_cap(life, speaker_of(cap_sender, cap_status), catalogue, areas)
        else:
            _print_life(_looked_at(life, looker, consulting), as_json=as_json)
        return
    known = catalogue_of(catalogue, areas).areas
    newest = {alert.alert_id: _listed(alert, consulting) for alert in found}
    wanted = [
        alert
        for alert in newest.values()
        if area in (None, alert.area)
        and rule in (None, alert.rule_id)
        and (priority is None or (alert.priority or LEAST_URGENT) <= priority)
    ]
    standing = sorted(
        (alert for alert in wanted if alert.change != "withdrawn"),
        key=lambda alert: (alert.priority or "", -(alert.last_completed_at or 0), alert.alert_id),
    )
    if as_json:
        for alert in standing:
            print_json(alert)
        return
    print_table(
        ("", "since", "latest", "alert", "area", "why"),
        [
            (
                alert.priority,
                moment(alert.first_completed_at),
                moment(alert.last_completed_at),
                alert.alert_id[:ID_SHOWN],
                alert.area and known.name_of(alert.area),
                alert.explanation,
            )
            for alert in standing
        ],
    )
    say(f"{len(standing):,} alerts of {audience} stand; {len(wanted) - len(standing):,} are withdrawn")


@indicators.command("tail", epilog=epilog("safety-stream indicators tail --profile internal --json", READ_CODES))
@on_kafka
def indicators_tail(
    kafka: Connection,
    profile: ProfileOption = "internal",
    from_beginning: FromBeginning = False,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Print each indicator value as it is published."""
    topic = f"indicators.{profile}"
    found = read_values(kafka, topic, PublishedIndicator, from_beginning=from_beginning, go_on=True)
    _print_as_they_come(_limited(found, limit), _indicator_line, as_json=as_json)


@indicators.command("show", epilog=epilog("safety-stream indicators show --area E07000117 --period month", READ_CODES))
@on_kafka
def indicators_show(
    kafka: Connection,
    profile: ProfileOption = "internal",
    area: AreaOption = None,
    indicator: Annotated[str | None, typer.Option("--indicator", help="Only this indicator, by its id.")] = None,
    period: Annotated[PeriodKind | None, typer.Option("--period", help="Only this kind of period.")] = None,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Print the newest value of every series and period."""
    known = catalogue_of(catalogue, areas).areas
    newest = {}
    for value in read_values(kafka, f"indicators.{profile}", PublishedIndicator, from_beginning=True, go_on=False):
        wanted = ((area, value.area), (indicator, value.indicator), (period, value.period))
        if all(asked is None or asked == found for asked, found in wanted):
            newest[value.area, value.indicator, value.period, value.starts] = value
    rows = [newest[key] for key in sorted(newest)]
    if as_json:
        for value in rows:
            print_json(value)
        return
    print_table(
        (
            *("area", "indicator", "period", "from", "value", "", "revision", "because"),
            *("expected", "signal", "complete to", "late"),
        ),
        [
            (
                known.name_of(value.area),
                value.indicator,
                value.period,
                to_date(value.starts).isoformat(),
                "*" if value.value is None else f"{value.value:,}",
                "final" if value.final else "provisional",
                value.revision,
                ", ".join(value.causes or ()),
                _expectation(value),
                _signal(value),
                "" if value.complete_to is None else to_date(value.complete_to).isoformat(),
                "" if value.late is None else f"{value.late / DAY_LENGTH:,.0f} d",
            )
            for value in rows
        ],
    )
    if not rows:
        say(f"No value on indicators.{profile} is of that kind; without options all of them are shown")
    if any(value.value is None for value in rows):
        say("* is a number too small to be shown, or one that would tell such a number")


def _print_as_they_come(values: Iterable[T], line: Callable[[T], str], *, as_json: bool) -> None:
    """A line for each, until they end or somebody has seen enough."""
    with suppress(KeyboardInterrupt):
        for value in values:
            if as_json:
                print_json(value)
            else:
                out.print(line(value), markup=False)


def read_values(
    kafka: Connection, topic: str, kind: type[T], *, from_beginning: bool = True, go_on: bool = False
) -> Iterator[T]:
    """The values of one type on a topic, from the beginning or from the next on, to the end or for ever."""
    _check_there(connect(kafka), topic)
    if go_on and not from_beginning:
        say(f"Waiting for what comes next on {topic}; --from-beginning shows what there was")
    decode = shipped_codecs().decoder(row_of(topic).subjects)
    for record in _records(kafka, topic, from_beginning=from_beginning, go_on=go_on):
        value = decode(record.value)
        if isinstance(value, kind):
            yield value


def _check_there(admin: AdminClient, topic: str) -> None:
    """Raise `Wrong` when there is no such audience or profile; that there are no topics at all is said elsewhere."""
    family, _, asked = topic.partition(".")
    there = sorted(
        name.partition(".")[2] for name in admin.list_topics(timeout=5).topics if name.startswith(f"{family}.")
    )
    if there and asked not in there:
        raise Wrong(f"there are no {family} for {asked}, only for {', '.join(there)}")


def _records(kafka: Connection, topic: str, *, from_beginning: bool, go_on: bool) -> Iterator[Incoming]:
    if not go_on:
        yield from read_to_end(kafka, [topic])
        return
    for record in follow(kafka, [topic], from_beginning=from_beginning):
        if record is not None:
            yield record


def _limited(values: Iterable[T], limit: int | None) -> Iterator[T]:
    for number, value in enumerate(values, 1):
        yield value
        if number == limit:
            return


def life_of(alert_id: str, found: Iterable[PublishedAlert], audience: str) -> list[PublishedAlert]:
    """Every version of the alert an id, or its beginning, means. Raises `Wrong` when that is none, or several."""
    versions = [alert for alert in found if alert.alert_id.startswith(alert_id)]
    meant = sorted({alert.alert_id for alert in versions})
    if not meant:
        raise Wrong(f"{audience} was never told of alert {alert_id}: see `safety-stream alerts show`")
    if len(meant) > 1:
        raise Wrong(f"{alert_id} begins {len(meant)} alerts, such as {meant[0]} and {meant[1]}: write more of it")
    return versions


def _listed(alert: PublishedAlert, consulting: Consulting) -> PublishedAlert:
    """An alert as a list tells it."""
    return without_the_person(alert) if consulting.is_about_a_person(alert) else alert


def _looked_at(life: list[PublishedAlert], looker: Looker | None, consulting: Consulting) -> list[PublishedAlert]:
    """What whoever looks may see of an alert: all of it once it is recorded why, else what lists tell. Raises `Wrong`.

    An alert about nobody asks for no reason.
    """
    if not any(map(consulting.is_about_a_person, life)):
        return life
    if looker is None:
        say(LEFT_OUT)
        return [_listed(alert, consulting) for alert in life]
    record_look(looker, life[-1])
    return life


def _print_cap(versions: list[PublishedAlert], speaker: Speaker, catalogue: Path | None, areas: Path | None) -> None:
    names = {code: area.name for code, area in catalogue_of(catalogue, areas).areas.by_code.items()}
    words = load_cap(catalogue or catalogue_folder())
    typer.echo(cap_message(versions[-1], versions, words, speaker, names), nl=False)


def _print_life(versions: list[PublishedAlert], *, as_json: bool) -> None:
    for alert in versions:
        if as_json:
            print_json(alert)
        else:
            out.print(_alert_line(alert), markup=False)
    if as_json:
        return
    # The evidence of the newest version that has any: each version's own is there with --json.
    newest = next((alert for alert in reversed(versions) if alert.findings), versions[-1])
    for finding in newest.findings or ():
        out.print(f"    {moment(finding.completed_at)}  {finding.explanation}", markup=False)
        for evidence in finding.evidence:
            parts = (moment(evidence.occurred_at), evidence.area, _told(evidence), ", ".join(evidence.reports))
            out.print(f"        {'  '.join(part for part in parts if part)}", markup=False)


def _told(evidence: Evidence) -> str:
    """Who told of it by what, and what the person whose alert it is was there."""
    told = [(f"{one.organisation}: {one.kind}", ", ".join(one.roles)) for one in evidence.told]
    return "; ".join(f"{what}, as {roles}" if roles else what for what, roles in told)


def _alert_line(alert: PublishedAlert) -> str:
    parts = (
        moment(alert.as_of),
        alert.priority,
        alert.change,
        f"({alert.reason})" if alert.reason not in (None, alert.change) else None,
        alert.title,
        alert.subject,
        alert.area,
        f"version {alert.version}",
        alert.alert_id,
        alert.explanation,
    )
    return "  ".join(part for part in parts if part)


def _indicator_line(value: PublishedIndicator) -> str:
    number = "*" if value.value is None else f"{value.value:,}"
    before = "" if value.restates is None else f" (was {value.restates:,})"
    causes = f"because of {', '.join(value.causes)}" if value.causes else ""
    state = "final" if value.final else "provisional"
    starts = to_date(value.starts).isoformat()
    parts = (
        moment(value.as_of),
        value.area,
        value.indicator,
        f"{value.period} {starts}",
        f"{number}{before}",
        causes,
        state,
        f"expected {_expectation(value)}" if value.expected is not None else "",
        _signal(value),
    )
    return "  ".join(part for part in parts if part)


def _expectation(value: PublishedIndicator) -> str:
    """What was expected, and from where to where a count is no signal by itself: `12.3 (5 to 20)`."""
    if value.expected is None:
        return ""
    bounds = "" if value.low is None or value.high is None else f" ({value.low:,} to {value.high:,})"
    return f"{value.expected:,.1f}{bounds}"


def _signal(value: PublishedIndicator) -> str:
    """What is thought of the value, and since when: `red since 2026-01-05`."""
    if value.signal is None:
        return ""
    return value.signal if value.opened is None else f"{value.signal} since {to_date(value.opened).isoformat()}"


def moment(instant: Instant | None) -> str:
    """London time to the minute, as people read it; of what is beyond any calendar, that it is."""
    if instant is None:
        return ""
    return beyond_the_calendar(instant) or to_datetime(instant).astimezone(LONDON).strftime("%Y-%m-%d %H:%M")
