"""`alerts act`: what somebody does about an alert, and what became of it."""

from __future__ import annotations

import time
from typing import Annotated, get_args
from uuid import uuid4

import typer

from safety_stream.cli.links import time_of
from safety_stream.cli.published import read_values
from safety_stream.cli.terminal import Json, Wrong, connect, epilog, on_kafka, out, print_json
from safety_stream.config import Connection
from safety_stream.core.model.handling import ActionAnswer, AlertAction, HandlingAction
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import Instant
from safety_stream.edge.producer import ReportProducer

ANSWER_SECONDS = 30
"""How long an answer is waited for: a running worker gives one in well under a second."""

ACTIONS: tuple[HandlingAction, ...] = get_args(HandlingAction)


def _action(asked: str) -> str:
    if asked not in ACTIONS:
        raise typer.BadParameter(f"there is no action {asked}; the actions are {', '.join(ACTIONS)}")
    return asked


EPILOG = epilog(
    "safety-stream alerts act 3f1c8a6e acknowledge --by officer-7 --role duty-officer",
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
    useful: Annotated[bool | None, typer.Option("--useful/--useless", help="What `judge` says.")] = None,
    audience: Annotated[str, typer.Option("--audience", help="As whose alert it is looked up.")] = "duty-officer",
    as_json: Json = False,
) -> None:
    """Do something about an alert, and wait for the answer."""
    connect(kafka)
    found = list(read_values(kafka, f"alerts.{audience}", PublishedAlert, from_beginning=True, go_on=False))
    alert = _newest(alert_id, found, audience)
    sent = AlertAction(
        action_id=str(uuid4()),
        alert_id=alert.alert_id,
        action=next(one for one in ACTIONS if one == action),
        actor=by,
        role=role,
        acted_at=time.time_ns() // 1_000_000,
        rationale=rationale,
        reason=reason,
        until=until,
        to=to,
        into=into,
        seen=alert.version,
        useful=useful,
    )
    with ReportProducer(kafka) as producer:
        producer.send_action(sent)
    answer = _answer(kafka, sent)
    if as_json:
        print_json(answer)
    elif answer.done:
        out.print(f"done: it is {answer.state} now", markup=False)
    if not answer.done:
        raise Wrong(f"not done: {answer.why}")


def _newest(beginning: str, found: list[PublishedAlert], audience: str) -> PublishedAlert:
    """The newest version of the alert an id, or its beginning, means."""
    newest = {alert.alert_id: alert for alert in found if alert.alert_id.startswith(beginning)}
    if len(newest) != 1:
        what = "several alerts" if newest else "no alert"
        raise Wrong(f"{what} of {audience} with an id that begins with {beginning}: see safety-stream alerts show")
    return next(iter(newest.values()))


def _answer(kafka: Connection, sent: AlertAction) -> ActionAnswer:
    until = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < until:
        for answer in read_values(kafka, "action-answers", ActionAnswer, from_beginning=True, go_on=False):
            if answer.action_id == sent.action_id:
                return answer
        time.sleep(0.2)
    raise Wrong(
        f"the action is on the bus, and no worker has answered it within {ANSWER_SECONDS} s: is one running "
        f"(safety-stream doctor)? It will be answered on action-answers, as {sent.action_id}"
    )
