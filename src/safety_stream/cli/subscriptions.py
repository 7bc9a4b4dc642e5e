"""`alerts subscribe`, `subscriptions` and `unsubscribe`: who is told of which alerts, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, TypeVar, get_args

import msgspec
import typer

from safety_stream.catalogue.delivering import minute_of_text
from safety_stream.cli.published import moment
from safety_stream.cli.terminal import (
    TO_DO,
    AreasFile,
    CatalogueFolder,
    DataFolder,
    Json,
    Wrong,
    catalogue_of,
    default_data_folder,
    epilog,
    needing,
    out,
    print_json,
    print_table,
    say,
    wall,
)
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.subscribing import NoSubscription, Wish
from safety_stream.delivery.model import Outcome, Quiet, Refusal, Subscription, Taken, Trouble
from safety_stream.delivery.settings import DeliverySettings, SettingsFault, read_delivery_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

SUBSCRIBE_EPILOG = epilog(
    "safety-stream alerts subscribe --delivery delivery.yaml --audience duty-officer"
    " --webhook https://example.org/alerts --priority P1",
    {0: "subscribed", 1: "it went wrong, or is no subscription"},
)
LIST_EPILOG = epilog("safety-stream alerts subscriptions --json", {0: "shown", 1: "it went wrong"})
TRY_EPILOG = epilog(
    "safety-stream alerts try 5b2f81c0 --delivery delivery.yaml",
    {
        0: "a provider took it",
        1: "it went wrong, or there is no such subscription",
        2: "nobody took it, and it is said why",
    },
)
UNSUBSCRIBE_EPILOG = epilog(
    "safety-stream alerts unsubscribe 5b2f81c0", {0: "ended", 1: "it went wrong, or there is no such subscription"}
)

FAMILIES: tuple[Family, ...] = get_args(Family)
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
_ID_SHOWN = 8

OutboxOption = Annotated[
    str | None,
    typer.Option(
        "--outbox",
        envvar="SAFETY_STREAM_OUTBOX",
        metavar="URL",
        help="Database of subscriptions and messages: sqlite:///FILE or postgresql://USER@HOST/NAME. "
        "Default: a file in the data folder.",
    ),
]
SettingsOption = Annotated[
    Path,
    typer.Option(
        "--delivery",
        envvar="SAFETY_STREAM_DELIVERY",
        exists=True,
        dir_okay=False,
        help="File with the channels that are set up, and what the addresses in subscriptions stand for.",
    ),
]
SettingsIfAny = Annotated[
    Path | None,
    typer.Option(
        "--delivery",
        envvar="SAFETY_STREAM_DELIVERY",
        exists=True,
        dir_okay=False,
        help="File with the settings of delivery, where there is one.",
    ),
]

T = TypeVar("T")


def with_extra(module: str) -> ModuleType:
    """A module of delivery's edge. Raises `Wrong` where what it rests on is not installed."""
    # Whoever tells nobody does without it.
    with needing("delivery", "which delivery needs"):
        return import_module(module)


def database_of(url: str | None, data: Path) -> Engine:
    """The database that was named, or the data folder's own. Raises `Wrong`."""
    database = with_extra("safety_stream.delivery.database")
    if url is None:
        data.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{data / 'delivery.sqlite'}"
    try:
        engine: Engine = database.open_database(url)
    except with_extra("safety_stream.database").UnusableDatabase as error:
        raise Wrong(str(error)) from None
    return engine


def settings_of(path: Path) -> DeliverySettings:
    """The settings of delivery. Raises `Wrong`."""
    try:
        return read_delivery_settings(path)
    except SettingsFault as error:
        raise Wrong(str(error)) from None


def _checked(parse: Callable[[str], T]) -> Callable[[str], T]:
    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return parsed


def _each_of(known: Sequence[str]) -> Callable[[list[str] | None], list[str]]:
    def checked(asked: list[str] | None) -> list[str]:
        for one in asked or ():
            if one not in known:
                raise typer.BadParameter(f"{one} is none of {', '.join(known)}")
        return asked or []

    return checked


def _quiet(text: str) -> str:
    starts, dash, ends = text.partition("-")
    if not dash:
        raise ValueError("quiet hours are written 22:00-07:00")
    Quiet(minute_of_text(starts), minute_of_text(ends))
    return text


def _time(text: str) -> str:
    minute_of_text(text)
    return text


def subscribe(
    audience: Annotated[str, typer.Option("--audience", help="Whose alerts: an audience of the catalogue.")],
    delivery: SettingsOption,
    webhook: Annotated[
        str | None, typer.Option("--webhook", metavar="URL", help="Post them, signed, to this address.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="CHANNEL:ADDRESS", help="Or another channel, and the name of an address in it."),
    ] = None,
    area: Annotated[list[str] | None, typer.Option("--area", help="Only this area and all within it; repeat.")] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(
            "--family", callback=_each_of(FAMILIES), help=f"Only this family of rules; repeat: {', '.join(FAMILIES)}."
        ),
    ] = None,
    priority: Annotated[
        list[str] | None,
        typer.Option("--priority", callback=_each_of(PRIORITIES), help="Only this priority, P1 to P4; repeat."),
    ] = None,
    marking: Annotated[list[str] | None, typer.Option("--marking", help="Only of this marking; repeat.")] = None,
    quiet: Annotated[
        str | None,
        typer.Option(
            "--quiet",
            parser=_checked(_quiet),
            metavar="HH:MM-HH:MM",
            help="Hours, in London, that hold P3 and P4 (delivery.yaml may say others) for a digest at their end.",
        ),
    ] = None,
    digest_at: Annotated[
        str | None,
        typer.Option(
            "--digest-at",
            parser=_checked(_time),
            metavar="HH:MM",
            help="When what is not urgent comes, in London. Default: as the catalogue says.",
        ),
    ] = None,
    outbox: OutboxOption = None,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Have alerts sent: from now on, as far as they are asked for. A web hook's secret is shown now and never again."""
    known = catalogue_of(catalogue, areas)
    settings = settings_of(delivery)
    channel, address = _destination(webhook, to)
    starts, _, ends = (quiet or "").partition("-")
    wish = Wish(
        audience=audience,
        channel=channel,
        address=address,
        areas=tuple(area or ()),
        families=tuple(one for one in FAMILIES if one in (family or ())),
        priorities=tuple(one for one in PRIORITIES if one in (priority or ())),
        markings=tuple(marking or ()),
        quiet_from=starts,
        quiet_until=ends,
        digest_at=digest_at or "",
    )
    asking = with_extra("safety_stream.delivery.asking")
    try:
        asked: Subscription = asking.ask(database_of(outbox, data), wish, known, settings, wall())
    except NoSubscription as error:
        raise Wrong(str(error)) from None
    secret: str | None = asking.secret_of(asked, settings)
    if as_json:
        print_json(msgspec.to_builtins(asked) | ({} if secret is None else {"secret": secret}))
        return
    out.print(f"Subscribed: {asked.subscription_id}", markup=False)
    if secret is not None:
        out.print(f"What comes is signed with {secret}", markup=False)
        say("Keep the secret: it is not shown again")
    say(f"Told is what deliver reads from alerts.{audience}; doctor --delivery says where that is not there to be read")
    say(f"See whether it arrives: safety-stream alerts try {asked.subscription_id[:_ID_SHOWN]}")


def list_subscriptions(
    ended: Annotated[bool, typer.Option("--ended", help="Those that have ended, too.")] = False,
    outbox: OutboxOption = None,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    as_json: Json = False,
) -> None:
    """Print who is told of what."""
    every: list[Subscription] = with_extra("safety_stream.delivery.subscriptions").subscriptions(
        database_of(outbox, data)
    )
    found = [one for one in every if ended or one.ended is None]
    if as_json:
        for one in found:
            print_json(one)
        return
    clock: Callable[[int], str] = with_extra("safety_stream.delivery.asking").clock
    print_table(
        ("subscription", "audience", "by", "to", "only", "quiet", "digest at", "since", "ended"),
        [
            (
                one.subscription_id[:_ID_SHOWN],
                one.audience,
                one.channel,
                one.address,
                ", ".join((*one.areas, *one.families, *one.priorities, *one.markings)),
                None if one.quiet is None else f"{clock(one.quiet.starts)}-{clock(one.quiet.ends)}",
                None if one.digest_at is None else clock(one.digest_at),
                moment(one.since),
                moment(one.ended),
            )
            for one in found
        ],
    )


WHY_NOT: dict[Trouble | Refusal, str] = {
    "unreachable": "nobody answers at the address: see that it is right and that this machine may reach it",
    "timed-out": "it did not answer in time, and may have taken it",
    "busy": "it is busy: try again later",
    "broken": "it answered that it failed, or as it must not; its own log says more",
    "shut-out": "it does not let us in: see the user, password or key in the file named by --delivery",
    "unknown-address": "the address leads nowhere: see `addresses:` in the file named by --delivery",
    "refused": "it refuses such a message",
    "gone": "it says that it is there no more",
}
"""What to tell of an attempt that came to nothing; the others are no answers to an attempt."""


def try_out(
    subscription: Annotated[str, typer.Argument(help="A subscription, by its id or the beginning of it.")],
    delivery: SettingsOption,
    outbox: OutboxOption = None,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    as_json: Json = False,
) -> None:
    """Send a trial message, as alerts will be sent: signed, and about no alert. It is tried once."""
    settings = settings_of(delivery)
    asked = _the_one(database_of(outbox, data), subscription)
    sending = with_extra("safety_stream.delivery.sending")
    addresses = {name: value.get_secret_value() for name, value in settings.addresses.items()}
    outcome: Outcome = sending.trial(asked, sending.channels_of(settings), addresses, wall())
    why = None if isinstance(outcome, Taken) else outcome.why
    if as_json:
        print_json({"subscription": asked.subscription_id, "taken": why is None, "why": why})
    else:
        said = "Taken: see whether it has arrived" if why is None else f"Not taken ({why}): {WHY_NOT.get(why, why)}"
        out.print(said, markup=False)
    if why is not None:
        raise typer.Exit(TO_DO)


def _the_one(engine: Engine, beginning: str) -> Subscription:
    kept = with_extra("safety_stream.delivery.subscriptions")
    try:
        found: Subscription = kept.the_one(engine, beginning)
    except kept.NoSuchSubscription as error:
        raise Wrong(str(error)) from None
    return found


def unsubscribe(
    subscription: Annotated[str, typer.Argument(help="A subscription, by its id or the beginning of it.")],
    outbox: OutboxOption = None,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    as_json: Json = False,
) -> None:
    """End a subscription. That something it was told of is withdrawn is still told."""
    edited = with_extra("safety_stream.delivery.subscriptions")
    try:
        ended: Subscription = edited.unsubscribe(database_of(outbox, data), subscription, wall())
    except edited.NoSuchSubscription as error:
        raise Wrong(str(error)) from None
    if as_json:
        print_json(ended)
    else:
        out.print(f"Ended: {ended.subscription_id}", markup=False)


def _destination(webhook: str | None, to: str | None) -> tuple[str, str]:
    if (webhook is None) == (to is None):
        raise Wrong("say where to: either --webhook URL or --to CHANNEL:ADDRESS")
    if webhook is not None:
        return "webhook", webhook
    channel, colon, address = (to or "").partition(":")
    if not colon or not address:
        raise Wrong("a destination is written --to mail:duty-desk, the channel and the name of an address in it")
    return channel, address
