"""What went wrong, as RFC 9457 has it: a problem names the field and the reason, and never repeats a value."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final

import msgspec
from starlette.responses import Response

from safety_stream.edge.entries import Fault

MEDIA_TYPE: Final = "application/problem+json"

TYPE: Final = "urn:safety-stream:problem:"

TITLES: Final[Mapping[str, tuple[int, str]]] = {
    "not-json": (400, "The body is not what its content type says"),
    "bad-parameter": (400, "A parameter or header is not what it should be"),
    "not-let-in": (401, "Who is calling is not known"),
    "not-yours": (403, "The caller may not send for this source"),
    "not-found": (404, "There is nothing here"),
    "no-such-method": (405, "This address takes another method"),
    "too-slow": (408, "The body did not come in time"),
    "too-large": (413, "The body is too large"),
    "too-many": (413, "There are too many reports in one request"),
    "unknown-content-type": (415, "The body is of a type that is not read"),
    "not-a-report": (422, "The body is no report"),
    "another-address": (422, "The report is not the one its address names"),
    "key-used-before": (422, "The idempotency key came with another request before"),
    "none-taken": (422, "None of the reports was taken"),
    "too-fast": (429, "The partner sends more than agreed"),
    "gone-wrong": (500, "The gateway itself failed"),
    "not-acknowledged": (503, "Nobody acknowledged the reports in time"),
    "not-written-down": (503, "The receipts could not be written down"),
    "not-verified": (503, "Whoever issues tokens cannot be asked"),
}
"""Every problem: its status and title, by the last part of its type."""

RETRY_SECONDS: Final = 5
"""After how long to send again what nobody could take: a default."""


class Problem(Exception):
    """A request, or one report of it, cannot be answered as was asked."""

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        faults: tuple[Fault, ...] = (),
        retry_seconds: float | None = None,
        items: list[dict[str, object]] | None = None,
    ) -> None:
        """A problem of `TITLES`; `detail` says what to do about it."""
        super().__init__(name)
        self.name = name
        self.status, self.title = TITLES[name]
        self.detail = detail
        self.faults = faults
        self.retry_seconds = RETRY_SECONDS if self.status == 503 and retry_seconds is None else retry_seconds  # noqa: PLR2004
        self.items = items

    def said(self) -> dict[str, object]:
        """The problem as an object of JSON."""
        fields: dict[str, object] = {
            "type": TYPE + self.name,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.faults:
            fields["errors"] = [{"field": fault.field, "reason": fault.reason} for fault in self.faults]
        if self.items is not None:
            fields["items"] = self.items
        return fields

    def response(self) -> Response:
        """The problem as an answer."""
        headers = {}
        if self.retry_seconds is not None:
            headers["Retry-After"] = str(max(1, ceil(self.retry_seconds)))
        if self.name == "not-let-in":
            headers["WWW-Authenticate"] = "Bearer"
        return Response(msgspec.json.encode(self.said()), self.status, headers, MEDIA_TYPE)
