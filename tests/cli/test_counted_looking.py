"""When the pages' database could last be read is said as it was, for as long as it cannot."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from safety_stream.cli import counted
from safety_stream.cli.counted import Looking
from safety_stream.core.model.times import SECOND
from safety_stream.observability.metrics import WebMetrics


def test_a_database_that_is_away_is_one_that_was_read_when_it_last_was(monkeypatch: pytest.MonkeyPatch):
    faults: list[Exception] = [OperationalError("", {}, Exception())]
    monkeypatch.setattr(counted, "wall", lambda: 90 * SECOND)

    def look() -> None:
        if faults:
            raise faults[0]

    metrics = WebMetrics()
    metrics.looks(Looking(look))

    def said() -> float | None:
        return metrics.registry.get_sample_value("safety_stream_web_looked_at_seconds")

    assert said() == 0
    faults.clear()
    assert said() == 90
    monkeypatch.setattr(counted, "wall", lambda: 95 * SECOND)
    faults.append(OperationalError("", {}, Exception()))
    assert said() == 90
