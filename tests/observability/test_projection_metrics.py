"""The figures of the copy: each set by what is told, and none of them left standing."""

from __future__ import annotations

import pytest
from tests.observability.everything import projection_metrics
from tests.observability.test_delivery_metrics import figures

from safety_stream.observability.metrics import ProjectionMetrics


def test_what_is_told_is_in_the_figures():
    found = figures(projection_metrics())

    assert found == {
        "safety_stream_projection_records_total{}": 7,
        "safety_stream_alerts_told_total{'audience': 'duty-officer', 'priority': 'P1'}": 2,
        "safety_stream_projection_behind_records{}": 12,
        "safety_stream_projection_looked_at_seconds{}": 1_800_000_000,
        "safety_stream_projection_numbering_faults{}": 1,
        "safety_stream_open_alerts{'audience': 'duty-officer', 'clock': 'late', 'priority': 'P1'}": 3,
        "safety_stream_feed_state{'source': 'police-crimes', 'state': 'heard'}": 0,
        "safety_stream_feed_state{'source': 'police-crimes', 'state': 'silent'}": 1,
        "safety_stream_feed_state{'source': 'police-crimes', 'state': 'never'}": 0,
        "safety_stream_feed_silent_seconds{'source': 'police-crimes'}": 90_000,
        "safety_stream_feed_may_be_silent_seconds{'source': 'police-crimes'}": 86_400,
        "safety_stream_feeds_unspoken_seconds{}": 90,
        "safety_stream_notices{'audience': 'duty-officer', 'state': 'escalated'}": 1,
        "safety_stream_break_glass_uses{'state': 'overdue'}": 1,
        "safety_stream_projection_purged_total{'what': 'alerts'}": 3,
        "safety_stream_projection_purged_at_seconds{}": 1_800_000_000,
    }


def test_a_feed_is_in_one_state_at_a_time():
    metrics = projection_metrics()
    metrics.feeds_heard({"police-crimes": "heard"}, 1.0)
    of_feed = {name: value for name, value in figures(metrics).items() if "police-crimes" in name and "state" in name}

    assert [name for name, value in of_feed.items() if value] == [
        "safety_stream_feed_state{'source': 'police-crimes', 'state': 'heard'}"
    ]


def test_labels_are_words_of_closed_lists():
    labels = {
        name
        for family in projection_metrics().registry.collect()
        for sample in family.samples
        for name in sample.labels
    }

    assert labels <= {"audience", "priority", "clock", "source", "state", "what"}


@pytest.mark.parametrize("family", [*ProjectionMetrics().registry.collect()], ids=lambda family: family.name)
def test_every_metric_says_what_it_is(family: object):
    assert family.name.startswith("safety_stream_")
    assert family.documentation.endswith(".")
