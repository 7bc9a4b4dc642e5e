"""Ids that are the same on every replay: UUIDv5 of what a thing is, never of when or where it was seen."""

from __future__ import annotations

from hashlib import sha1
from uuid import UUID

from safety_stream.core.model.times import Instant

_NAMESPACE = UUID("8a0f4b54-6f0e-5d55-9d3c-2f6d0c6a7b11").bytes


def incident_id(source: str, source_ref: str) -> str:
    """The identity of a report: its feed and the partner's own reference (rules.md 3.2)."""
    return _uuid5(f"incident\x1f{source}\x1f{source_ref}")


def finding_id(rule_id: str, limb: str, key: str, occurrence_id: str) -> str:
    """The identity of a finding: the rule, the limb of it, the timeline and the occurrence that completed it.

    The rule's version is not part of it: a new version that finds the same thing updates the finding.
    """
    return _uuid5(f"finding\x1f{rule_id}\x1f{limb}\x1f{key}\x1f{occurrence_id}")


def subject_id(key: str) -> str:
    """The identity of whom or what a finding is about, for those who need only know whether two are about the same."""
    return _uuid5(f"subject\x1f{key}")


def alert_id(rule_id: str, subject: str) -> str:
    """The identity of an alert: at most one stands per rule and subject, so a back-dated finding keeps it."""
    return _uuid5(f"alert\x1f{rule_id}\x1f{subject}")


def decision_id(first: str, second: str, state: str, method: str, decided_by: str, decided_at: Instant) -> str:
    """The identity of a steward's decision about a pair of tokens, the smaller first: said twice, it is one."""
    return _uuid5(f"decision\x1f{first}\x1f{second}\x1f{state}\x1f{method}\x1f{decided_by}\x1f{decided_at}")


def _uuid5(name: str) -> str:
    return uuid5_text(_NAMESPACE, name)


def uuid5_text(namespace: bytes, name: str) -> str:
    """`str(uuid.uuid5(namespace, name))` at a quarter of its cost: every report and every finding is named by one."""
    digest = bytearray(sha1(namespace + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
