"""CAP messages one after another: an Atom feed (RFC 4287), each entry holding one message whole.

Where to read on is the link `next`: it is there whether or not anything was told, as `reached` is in the JSON feed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import msgspec

from safety_stream.core.cap import escaped, headline, identifier
from safety_stream.core.model.times import Instant, to_iso
from safety_stream.web.live import News

ATOM: Final = "application/atom+xml"
CAP: Final = "application/cap+xml"
"""As everybody calls it; it was never registered."""


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Whose feed it is, who says it, where its addresses begin, and when it was asked for."""

    audience: str
    sender: str
    base: str
    now: Instant


def in_atom(news: News, messages: Sequence[str], reader: Reader) -> str:
    """The feed of some news, whose alerts are these messages. What never came is said in the subtitle."""
    return "".join(_lines(news, messages, reader))


def _lines(news: News, messages: Sequence[str], reader: Reader) -> Iterator[str]:
    newest = max((alert.as_of for alert in news.alerts), default=reader.now)
    address = f"{reader.base}feed.cap?after={news.reached}"
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
    yield f"<id>{_id(reader, reader.audience)}</id>\n"
    yield f"<title>Alerts for {escaped(reader.audience)}</title>\n"
    if news.missing:
        yield f"<subtitle>{escaped(news.missing)}</subtitle>\n"
    yield f"<updated>{to_iso(newest)}</updated>\n"
    yield f"<author><name>{escaped(reader.sender)}</name></author>\n"
    yield f'<link rel="next" href="{escaped(address)}"/>\n'
    for alert, message in zip(news.alerts, messages, strict=True):
        yield f"<entry>\n<id>{_id(reader, identifier(alert))}</id>\n"
        yield f"<title>{escaped(headline(alert))}</title>\n"
        yield f"<updated>{to_iso(alert.as_of)}</updated>\n"
        yield f'<link rel="alternate" href="{escaped(reader.base)}alerts/{escaped(alert.alert_id)}"/>\n'
        yield f'<content type="{CAP}">\n{message}</content>\n</entry>\n'
    yield "</feed>\n"


def _id(reader: Reader, name: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{reader.sender},{name}')}"
