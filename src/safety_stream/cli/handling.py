"""`alerts act`: what somebody does about an alert, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, get_args
from uuid import uuid4

import typer

from safety_stream.cli.links import time_of
from safety_stream.cli.published import life_of, read_values
from safety_stream.cli.terminal import Json, Wrong, connect, epilog, on_kafka, out, print_json, wall
from safety_stream.config import Connection
from safety_stream.core.model.handling import ActionAnswer, AlertAction, HandlingAction
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import Instant
from safety_stream.edge.producer import ReportProducer
from safety_stream.streaming.ports import Incoming
from safety_stream.streaming.reading import follow_from, high_watermarks
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.topology import row_of

ANSWERS = "action-answers"

ANSWER_SECONDS = 30
"""How long an answer is waited for: a running worker gives one in well under a second."""

ACTIONS: tuple[HandlingAction, ...] = get_args(HandlingAction)


def _action(asked: str) -> str:
    if asked not in ACTIONS:
        raise typer.BadParameter(f"there is no action {asked}; the actions are {', '.join(ACTIONS)}")
    return asked


EPILOG = epilog(
    "safety-stream alerts act 3f1c8a6e acknowledge --seen 1 --by officer-7 --role duty-officer",
    {0: "done", 1: "it went wrong, there is no such alert, or it was refused, with the reason"},
)


@on_kafka
def act(
    kafka: Connection,
    alert_id: Annotated[str, typer.Argument(help="An alert, by its id or the beginning of it.")],
    action: Annotated[str, typer.Argument(callback=_action, help=f"What is done: {', '.join(ACTIONS)}.")],
    by: Annotated[str, typer.Option("--by", help="Who does it: a role and a number or a pseudonym, never a name.")],
    role: Annotated[str, typer.Option("--role", help="In which role of the catalogue (handling.yaml).")],
    rationale: Annotated[str, typer.Option("--because", help="Why, without anything that names a person.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="A reason of the catalogue, where one is asked for.")] = "",
    until: Annotated[
        Instant | None, typer.Option("--until", parser=time_of, metavar="TIME", help="When a snooze ends.")
    ] = None,
    to: Annotated[str, typer.Option("--to", help="Whom a referral or an escalation goes to.")] = "",
    into: Annotated[str, typer.Option("--into", help="The alert this one is merged into.")] = "",
    seen: Annotated[
        int, typer.Option("--seen", min=0, help="The version you looked at; what stops a clock asks for it.")
    ] = 0,
    useful: Annotated[bool | None, typer.Option("--useful/--useless", help="What `judge` says.")] = None,
    audience: Annotated[str, typer.Option("--audience", help="As whose alert it is looked up.")] = "duty-officer",
    as_json: Json = False,
) -> None:
    """Do something about an alert, and wait for the answer."""
    connect(kafka)
    *_, alert = life_of(alert_id, read_values(kafka, f"alerts.{audience}", PublishedAlert), audience)
    sent = AlertAction(
        action_id=str(uuid4()),
        alert_id=alert.alert_id,
        action=next(one for one in ACTIONS if one == action),
        actor=by,
        role=role,
        acted_at=wall(),
        rationale=rationale,
        reason=reason,
        until=until,
        to=to,
        into=into,
        seen=seen,
        useful=useful,
    )
    before = high_watermarks(kafka, [ANSWERS])
    with ReportProducer(kafka) as producer:
        producer.send_action(sent)
    answer = _answer(kafka, before, sent)
    if as_json:
        print_json(answer)
    elif answer.done:
        out.print(f"done: it is {answer.state} now", markup=False)
    if not answer.done:
        raise Wrong(f"not done: {answer.why}")


def _answer(kafka: Connection, before: Mapping[tuple[str, int], int], sent: AlertAction) -> ActionAnswer:
    """The answer to an action, among those that have come since."""
    decode = shipped_codecs().decoder(row_of(ANSWERS).subjects)
    until = time.monotonic() + ANSWER_SECONDS
    for found in follow_from(kafka, before):
        answer = decode(found.value) if isinstance(found, Incoming) else None
        if isinstance(answer, ActionAnswer) and answer.action_id == sent.action_id:
            return answer
        if time.monotonic() >= until:
            break
    raise Wrong(
        f"the action is on the bus, and no worker has answered it within {ANSWER_SECONDS} s: is one running "
        f"(safety-stream doctor)? It will be answered on action-answers, as {sent.action_id}"
    )
