"""A request's reports, from text to receipts: read, allowed, sent, acknowledged, written down; each for itself.

What is wrong with one report keeps none of the others. A receipt is made of what the broker said of it, and stands for
nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from safety_stream.core.model.incidents import Action
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import Instant, to_iso
from safety_stream.edge.entries import Entry, Fault, Reject
from safety_stream.edge.gateway.broker import Broker, Placed
from safety_stream.edge.gateway.partners import Caller
from safety_stream.edge.gateway.problems import Problem
from safety_stream.edge.gateway.reading import report_in
from safety_stream.edge.gateway.receipts import Answer, Book, Claim, Keeping, NotWritten, Receipt
from safety_stream.edge.producer import record_of
from safety_stream.wire.general import DocumentFault
from safety_stream.wire.reports import LARGEST_REPORT, event_id
from safety_stream.wire.specialised import Unsuitable

_log = logging.getLogger(__name__)

_AGAIN: Final = "Send the same again later: that changes nothing twice."

ACCEPTED: Final = 202
EACH_FOR_ITSELF: Final = 207


class Address(msgspec.Struct, frozen=True):
    """What an address says of its report: which one, and what becomes of it."""

    ref: str
    action: Action


class _Ready(msgspec.Struct, frozen=True):
    """A report that may be sent."""

    report: Report
    record: dict[str, Any]


class Accepting:
    """Takes reports for callers. `wall` is when a receipt is made."""

    def __init__(self, broker: Broker, book: Book, wall: Callable[[], Instant]) -> None:
        self._broker = broker
        self._book = book
        self._wall = wall

    async def take(
        self, caller: Caller, texts: Sequence[bytes], address: Address | None, claim: Claim | None, *, is_many: bool
    ) -> tuple[Answer, Sequence[Problem | Receipt]]:
        """The answer, and what became of each report.

        Raises `Problem` where nothing was written down: the only report, or none of them, was taken.
        """
        ready = [_prepared(caller, text, number, address) for number, text in enumerate(texts, 1)]
        fates = await self._sent(ready)
        kept = tuple(one for one in fates if isinstance(one, Receipt))
        if not is_many and isinstance(fates[0], Problem):
            raise fates[0]
        if not kept:
            raise _none_of(fates)
        # What may be otherwise next time is no answer to keep.
        is_final = all(isinstance(one, Receipt) or one.status < 500 for one in fates)  # noqa: PLR2004

        def answer(standing: Sequence[Receipt]) -> Answer:
            return _answer(fates, standing, is_many=is_many)

        keeping = Keeping(kept, answer, claim if is_final else None)
        try:
            written = await self._book.keep(keeping)
        except NotWritten:
            raise Problem("not-written-down", _AGAIN) from None
        return written.answer or answer(written.receipts), fates

    async def _sent(self, ready: Sequence[_Ready | Problem]) -> list[Receipt | Problem]:
        records = [one.record for one in ready if isinstance(one, _Ready)]
        told = iter(await self._broker.send(records) if records else ())
        now = self._wall()
        fates: list[Receipt | Problem] = []
        reasons: set[str] = set()
        for one in ready:
            if isinstance(one, Problem):
                fates.append(one)
                continue
            fate = next(told)
            if isinstance(fate, Placed):
                fates.append(_receipt(one.report, fate, now))
            elif fate.is_senders:
                fates.append(Problem("not-a-report", f"The broker does not take it: {fate.reason}."))
            else:
                reasons.add(fate.reason)
                fates.append(Problem("not-acknowledged", _AGAIN))
        for reason in sorted(reasons):
            # For whoever runs this: partners can do nothing about it but wait.
            _log.warning("gateway.not_acknowledged: %s", reason)
        return fates


def _prepared(caller: Caller, text: bytes, number: int, address: Address | None) -> _Ready | Problem:
    entry = report_in(text, number)
    if isinstance(entry, Reject):
        return Problem("not-a-report", _sentence(entry.reason), faults=entry.faults)
    problem = _not_allowed(caller, entry.report) or _elsewhere(entry.report, address)
    return problem or _encoded(entry)


def _not_allowed(caller: Caller, report: Report) -> Problem | None:
    if report.source in caller.sources:
        return None
    fault = Fault("source", "it is none of the sources this caller may send for")
    return Problem("not-yours", "State a source of your own.", faults=(fault,))


def _elsewhere(report: Report, address: Address | None) -> Problem | None:
    if address is None:
        return None
    faults = []
    if report.source_ref != address.ref:
        faults.append(Fault("source_ref", "it is not the reference in the address"))
    if report.action != address.action:
        faults.append(Fault("action", f"this address takes {address.action} alone"))
    return Problem("another-address", "Send it to its own address.", faults=tuple(faults)) if faults else None


def _encoded(entry: Entry) -> _Ready | Problem:
    try:
        record = record_of(entry.report, entry.details)
    except (DocumentFault, Unsuitable) as error:
        return Problem("not-a-report", _sentence(str(error)))
    if len(record["value"]) > LARGEST_REPORT:
        return Problem("not-a-report", f"It has more than {LARGEST_REPORT:,} bytes: leave details out.")
    return _Ready(entry.report, record)


def _receipt(report: Report, placed: Placed, now: Instant) -> Receipt:
    return Receipt(
        receipt_id=event_id(report),
        source=report.source,
        source_ref=report.source_ref,
        source_version=report.source_version,
        action=report.action,
        acknowledged_at=now,
        topic=placed.topic,
        partition=placed.partition,
        offset=placed.offset,
    )


def _none_of(fates: Sequence[Receipt | Problem]) -> Problem:
    """One problem for reports of which none was taken: the one they have in common, else one that holds them."""
    problems = [one for one in fates if isinstance(one, Problem)]
    items = [_item(number, one) for number, one in enumerate(fates)]
    names = {one.name for one in problems}
    if "not-acknowledged" in names:
        return Problem("not-acknowledged", _AGAIN, items=items)
    if names == {"not-yours"}:
        return Problem("not-yours", "State sources of your own.", items=items)
    return Problem("none-taken", "Mend what each item says and send them again.", items=items)


def _answer(fates: Sequence[Receipt | Problem], standing: Sequence[Receipt], *, is_many: bool) -> Answer:
    if not is_many:
        return Answer(ACCEPTED, msgspec.json.encode(said_of(standing[0])))
    receipts = iter(standing)
    items = [_item(number, next(receipts) if isinstance(one, Receipt) else one) for number, one in enumerate(fates)]
    is_whole = all(isinstance(one, Receipt) for one in fates)
    return Answer(ACCEPTED if is_whole else EACH_FOR_ITSELF, msgspec.json.encode({"items": items}))


def _item(number: int, fate: Receipt | Problem) -> dict[str, object]:
    if isinstance(fate, Problem):
        return {"index": number, "status": fate.status, "problem": fate.said()}
    return {"index": number, "status": ACCEPTED, "receipt": said_of(fate)}


def said_of(receipt: Receipt) -> dict[str, object]:
    """A receipt as an object of JSON."""
    return {
        "id": receipt.receipt_id,
        "source": receipt.source,
        "source_ref": receipt.source_ref,
        "source_version": receipt.source_version,
        "action": receipt.action,
        "acknowledged_at": to_iso(receipt.acknowledged_at),
        "topic": receipt.topic,
        "partition": receipt.partition,
        "offset": receipt.offset,
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
