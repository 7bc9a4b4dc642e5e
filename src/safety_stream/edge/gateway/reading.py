"""A request's body as reports: one object, a list of them, or one a line; each read by `edge.canonical` alone.

Bounded before it is read: in bytes while it comes, in number when it is cut up, in depth before a report is looked at.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from safety_stream.edge import canonical
from safety_stream.edge.entries import Entry, Fault, Reject
from safety_stream.edge.gateway.problems import Problem

BYTES_MAX: Final = 4_000_000
"""Of one body. A default: five hundred reports have a quarter of it."""

REPORTS_MAX: Final = 500
"""In one request. A default: what a broker acknowledges in a blink, and what is lost when a connection is."""

DEPTH_MAX: Final = 12
"""Objects and lists within one another in a report; the native details of none go beyond half of it."""

JSON: Final = "application/json"
LINES: Final = ("application/x-ndjson", "application/jsonl")

_OPENINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


async def read_whole(chunks: AsyncIterator[bytes], declared: str | None) -> bytes:
    """The body. Raises `Problem` as soon as it is known to be too large."""
    too_large = Problem("too-large", f"Send at most {BYTES_MAX:,} bytes in one request.")
    if declared is not None and declared.isdigit() and int(declared) > BYTES_MAX:
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > BYTES_MAX:
            raise too_large
        parts.append(chunk)
    return b"".join(parts)


def texts_of(body: bytes, content_type: str, encoding: str) -> tuple[list[bytes], bool]:
    """The text of each report, and whether there may be many. Raises `Problem`."""
    kind, _, charset = content_type.partition(";")
    kind = kind.strip().lower()
    if encoding not in ("", "identity"):
        raise Problem("unknown-content-type", "Send the body as it is, without Content-Encoding.")
    if kind not in (JSON, *LINES) or charset.strip().lower().replace('"', "") not in ("", "charset=utf-8"):
        raise Problem("unknown-content-type", f"Send {JSON} or {LINES[0]}, in UTF-8.")
    if kind in LINES:
        texts, is_many = [line for line in body.split(b"\n") if line.strip()], True
    elif body.lstrip()[:1] == b"[":
        texts, is_many = _elements(body), True
    else:
        texts, is_many = [body], False
    if not texts:
        raise Problem("not-json", "There is no report in the body.")
    if len(texts) > REPORTS_MAX:
        raise Problem("too-many", f"Send at most {REPORTS_MAX} reports in one request.")
    return texts, is_many


def _elements(body: bytes) -> list[bytes]:
    try:
        return [bytes(one) for one in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Problem("not-json", "The body is not a list in JSON: see that it is whole.") from None


def report_in(text: bytes, number: int) -> Entry | Reject:
    """The report in a text, the `number`-th of its request, or why it is none."""
    if _is_too_deep(text):
        return Reject(line=number, reason=f"more than {DEPTH_MAX} objects and lists within one another")
    entry = canonical.parse(text, number)
    if isinstance(entry, Entry) and entry.received_at is not None:
        fault = Fault("received_at", "it is the backbone that receives: leave it out")
        return Reject(line=number, reason=str(fault), faults=(fault,))
    return entry


def _is_too_deep(text: bytes) -> bool:
    # No text is deeper than it has openings, and nearly all have few.
    if text.count(b"{") + text.count(b"[") <= DEPTH_MAX:
        return False
    depth = 0
    for found in _OPENINGS.finditer(text):
        sign = found[0]
        if sign in (b"{", b"["):
            depth += 1
            if depth > DEPTH_MAX:
                return True
        elif sign in (b"}", b"]"):
            depth -= 1
    return False
