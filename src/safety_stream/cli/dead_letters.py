"""`dead-letters`: records that were refused: which, why, and back again after repair."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, get_args

import msgspec
import typer

from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    Json,
    Wrong,
    connect,
    epilog,
    how_many,
    on_kafka,
    out,
    print_json,
    print_table,
    say,
)
from safety_stream.config import Connection
from safety_stream.core.model.dead_letters import Reason
from safety_stream.core.model.times import to_datetime
from safety_stream.streaming.redrive import Letter, Redrive, letters
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.topology import DEAD_LETTER_TOPICS, NEVER_PUT_BACK

app = typer.Typer(no_args_is_help=True, help="Records that were refused: which, why, and back again after repair.")


def _reason(asked: str | None) -> str | None:
    if asked is not None and asked not in REASONS:
        raise typer.BadParameter(f"there is no reason {asked}; the reasons are {', '.join(REASONS)}")
    return asked


REASONS = get_args(Reason)
ReasonOption = Annotated[
    str | None, typer.Option("--reason", callback=_reason, help="Only what was refused for this reason.")
]

BYTES_SHOWN = 256


@app.command(
    "list", epilog=epilog("safety-stream dead-letters list --reason oversize", {0: "listed", 1: "it went wrong"})
)
@on_kafka
def list_command(
    kafka: Connection,
    reason: ReasonOption = None,
    as_json: Json = False,
) -> None:
    """List the dead letters, oldest first."""
    found = _chosen(kafka, reason, ())
    if as_json:
        for one in found:
            print_json(_as_json(one))
        return
    print_table(
        ("letter", "received", "from", "reason", "detail", "attempts", "redriven"),
        [
            (
                one.id,
                to_datetime(one.letter.received_at).strftime("%Y-%m-%d %H:%M:%SZ"),
                f"{one.letter.topic}/{one.letter.partition}/{one.letter.offset}",
                one.letter.reason,
                one.letter.detail,
                one.letter.attempts,
                one.redriven or "",
            )
            for one in found
        ],
    )
    say(f"{len(found):,} dead letters")


@app.command(
    "show",
    epilog=epilog(
        "safety-stream dead-letters show dead-letters.intake/0/17",
        {0: "shown", 1: "it went wrong, or there is no such letter"},
    ),
)
@on_kafka
def show(
    letter: Annotated[str, typer.Argument(help="A letter, as `list` names it.")],
    kafka: Connection,
    as_json: Json = False,
) -> None:
    """Print one dead letter with the first bytes of what was refused."""
    (one,) = _chosen(kafka, None, (letter,))
    if as_json:
        print_json(_as_json(one) | {"key": _hex(one.letter.key), "value": _hex(one.letter.value)})
        return
    for name, value in _as_json(one).items():
        out.print(f"{name:12} {value}", markup=False)
    value = one.letter.value or b""
    out.print(f"{'value':12} {len(value):,} bytes: {value[:BYTES_SHOWN].hex(' ')}", markup=False)


@app.command(
    "redrive",
    epilog=epilog(
        "safety-stream dead-letters redrive --reason unknown-schema",
        {
            0: "put back (or there was nothing to put back); what never can be is named",
            1: "it went wrong",
            2: "some were put back before and were left; --again puts them back once more",
        },
    ),
)
@on_kafka
def redrive(
    kafka: Connection,
    letter: Annotated[list[str] | None, typer.Argument(help="Letters, as `list` names them.")] = None,
    reason: ReasonOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also those that were put back before.")] = False,
    as_json: Json = False,
) -> None:
    """Put dead letters back where they came from, byte for byte.

    Mend the cause first, or they come back. What is refused again is a new letter, with one attempt more. Orders are
    given anew, and what is empty is sent again by its partner: --all and --reason pass over both, and name them.
    """
    if not (letter or reason or everything):
        raise Wrong("nothing is chosen: name letters, --reason, or --all")
    came = put_back(kafka, reason, tuple(letter or ()), again=again)
    if as_json:
        print_json({"redriven": came.done, "left": len(came.left), "passed_over": came.passed_over})
    else:
        out.print(f"{len(came.done):,} put back, {len(came.left):,} left because they were put back before")
        for why in dict.fromkeys(came.passed_over.values()):
            names = [one for one, is_why in came.passed_over.items() if is_why == why]
            say(f"{how_many(len(names), 'letter')} passed over, {', '.join(names)}: {why}")
    raise typer.Exit(TO_DO if came.left else OK)


class Came(msgspec.Struct, frozen=True):
    """What became of the letters that were chosen, by their ids.

    They were put back, or `left` because they had been before, or `passed_over` because they never can be, with why.
    """

    done: list[str]
    left: list[str]
    passed_over: dict[str, str]


def put_back(kafka: Connection, reason: str | None, ids: tuple[str, ...], *, again: bool = False) -> Came:
    """Put back the letters of these ids, or where there are none all of the reason; those before only `again`.

    Raises `Wrong` where one that is named never can be, and then nothing was; and what Kafka raises.
    """
    connect(kafka)
    right = Redrive(kafka)
    found = _chosen(kafka, reason, ids)
    due = [one for one in found if again or not one.redriven]
    never = {one.id: why for one in due if (why := why_never(one))}
    if ids and never:
        raise Wrong("; ".join(f"{one}: {why}" for one, why in never.items()))
    back = [one for one in due if one.id not in never]
    right.put_back(back)
    return Came([one.id for one in back], [one.id for one in found if one.redriven and not again], never)


def why_never(one: Letter) -> str:
    """Why a letter can never be put back, and what to do instead; empty where it can be."""
    if one.letter.topic in NEVER_PUT_BACK:
        return "an order is given anew by whoever may give it, and not put back"
    if one.letter.value is None:
        return "empty, or too large to be kept here; send it again from the partner's side"
    return ""


def _chosen(kafka: Connection, reason: str | None, ids: tuple[str, ...]) -> list[Letter]:
    connect(kafka)
    found = letters(kafka, DEAD_LETTER_TOPICS, shipped_codecs())
    chosen = [one for one in found if (reason is None or one.letter.reason == reason) and (not ids or one.id in ids)]
    _all_there(ids, chosen)
    return sorted(chosen, key=lambda one: (one.topic, one.partition, one.offset))


def _all_there(ids: Iterable[str], chosen: Iterable[Letter]) -> None:
    missing = sorted(set(ids) - {one.id for one in chosen})
    if missing:
        raise Wrong(f"there is no dead letter {missing[0]} (with this --reason): see dead-letters list")


def _as_json(one: Letter) -> dict[str, object]:
    letter = one.letter
    return {
        "letter": one.id,
        "stage": letter.stage,
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "received_at": letter.received_at,
        "attempts": letter.attempts,
        "redriven": one.redriven,
    }


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
