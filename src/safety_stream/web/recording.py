"""Putting on record what somebody does on the pages: by whom, without a name, and checked before it is sent."""

from __future__ import annotations

import hashlib
import uuid
from typing import Final

import msgspec

from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.published import AuditEntry
from safety_stream.core.stages.enter import check_entry, is_word
from safety_stream.web.site import NotSent, Site

NOWHERE: Final = "Nothing can be put on record here, as these pages look on: ask whoever runs them for others."


def put_on_record(site: Site, entry: AuditEntry) -> None:
    """Hand an entry on; it is with the broker when this returns. Raises `NotSent`: then nothing has been done."""
    if site.enter is None:
        raise NotSent(NOWHERE)
    try:
        check_entry(entry)
    except Refused as refused:
        raise NotSent(f"It would not be put on record: {refused.detail}.") from None
    site.enter(entry)


def entry_of(site: Site, kind: str, actor: str, **said: object) -> AuditEntry:
    """An entry of now."""
    fields = {"entry_id": str(uuid.uuid4()), "kind": kind, "actor": actor, "acted_at": site.wall()}
    return msgspec.convert(fields | said, AuditEntry)


def actor_of(who: str) -> str:
    """Whom the audit names: what somebody is called here where that is a word of its own kind, else a digest of it.

    The same person is always the same, so nobody reviews themselves.
    """
    return who if is_word(who) else f"person-{hashlib.sha256(who.encode()).hexdigest()[:16]}"
