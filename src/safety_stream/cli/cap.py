"""Who says CAP messages, and whether they are to be acted on: said once for an installation, to every command."""

from __future__ import annotations

from typing import Annotated

import typer

from safety_stream.cli.terminal import Wrong
from safety_stream.core.cap import Speaker, Status

CapSender = Annotated[
    str,
    typer.Option(
        "--cap-sender",
        envvar="SAFETY_STREAM_CAP_SENDER",
        help="Who says CAP messages, known among all there are by a domain's name.",
    ),
]
CapStatus = Annotated[
    Status,
    typer.Option(
        "--cap-status",
        envvar="SAFETY_STREAM_CAP_STATUS",
        help="Whether CAP messages are to be acted on (Actual), or belong to an Exercise or a Test.",
    ),
]

SENDER = "safety-stream"


def speaker_of(sender: str, status: Status, link: str = "") -> Speaker:
    """Who says it. Raises `Wrong`."""
    try:
        return Speaker(sender=sender, status=status, link=link)
    except ValueError as error:
        raise Wrong(str(error)) from None
