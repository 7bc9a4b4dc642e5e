"""The spool: arrivals come out in order of receipt, also where there are too many to hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.cli import spool
from safety_stream.cli.spool import Spool
from safety_stream.replay import Arrival

TOPICS = st.sampled_from(["backfill.police", "backfill.fire", "person-links"])
ARRIVED = st.lists(st.tuples(TOPICS, st.integers(-5, 5)), max_size=40)


def spooled(arrivals: list[Arrival]) -> Spool:
    found = Spool()
    for arrival in arrivals:
        found.add(arrival)
    return found


@given(ARRIVED, st.sampled_from([1, 2, 7, 100]))
def test_it_gives_what_sorting_all_of_them_would_give(arrived: list[tuple[str, int]], run: int):
    """Of one moment decisions come first; else each keeps its turn."""
    arrivals = [Arrival(topic, str(number).encode(), at) for number, (topic, at) in enumerate(arrived)]
    decisions = [one for one in arrivals if one.topic == "person-links"]
    reports = [one for one in arrivals if one.topic != "person-links"]
    expected = sorted([*decisions, *reports], key=lambda one: one.received_at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "RUN", run)
        found = spooled(arrivals)

        assert list(found) == expected
        assert list(found) == expected, "it can be gone through again"
    assert len(found) == len(expected)
    times = [one.received_at for one in expected]
    assert (found.first, found.last) == ((times[0], times[-1]) if times else (None, None))


def test_no_more_than_one_run_is_held(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(spool, "RUN", 10)
    held = weigh(spooled([Arrival("backfill.police", b"x", 95 - at) for at in range(95)]))

    assert held == 5


def weigh(found: Spool) -> int:
    return len(vars(found)["_run"])
