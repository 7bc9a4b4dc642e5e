"""Ids are version 5 UUIDs of what they name, the same on every replay."""

from __future__ import annotations

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.model import ids

NAMESPACE = UUID("8a0f4b54-6f0e-5d55-9d3c-2f6d0c6a7b11")


@given(st.text(), st.text())
def test_an_id_is_the_standard_librarys(one: str, other: str):
    assert ids.incident_id(one, other) == str(uuid5(NAMESPACE, f"incident\x1f{one}\x1f{other}"))
    assert ids.finding_id(one, "main", other, "o") == str(uuid5(NAMESPACE, f"finding\x1f{one}\x1fmain\x1f{other}\x1fo"))
    assert ids.alert_id(one, other) == str(uuid5(NAMESPACE, f"alert\x1f{one}\x1f{other}"))
