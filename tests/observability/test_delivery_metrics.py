"""The figures of delivery: each set by what is told, none with a label that names anybody."""

from __future__ import annotations

from tests.observability.everything import delivery_metrics

from safety_stream.observability.metrics import DeliveryMetrics


def figures(metrics: DeliveryMetrics) -> dict[str, float]:
    return {
        f"{sample.name}{dict(sorted(sample.labels.items()))}": sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_what_is_told_is_in_the_figures():
    found = figures(delivery_metrics())

    assert found["safety_stream_delivery_decisions_total{'because': 'urgent', 'when': 'now'}"] == 2
    assert found["safety_stream_delivery_missing_numbers_total{}"] == 3
    assert found["safety_stream_delivery_attempts_total{'channel': 'mail', 'outcome': 'busy'}"] == 1
    assert found["safety_stream_alert_to_provider_seconds_sum{'priority': 'P1'}"] == 1.5
    assert found["safety_stream_delivery_ended_total{'channel': 'notify', 'status': 'delivered'}"] == 1
    assert found["safety_stream_delivery_messages{'status': 'waiting'}"] == 4
    assert found["safety_stream_delivery_oldest_seconds{}"] == 12.5


def test_every_metric_is_set_by_some_call():
    silent = [
        family.name
        for family in delivery_metrics().registry.collect()
        if not any(sample.value for sample in family.samples)
    ]

    assert silent == []


def test_what_is_there_no_more_is_nought():
    metrics = delivery_metrics()
    metrics.standing({"sent": 13}, 0.0, 1.0)

    assert figures(metrics)["safety_stream_delivery_messages{'status': 'waiting'}"] == 0


def test_labels_are_words_of_closed_lists():
    labels = {
        name for family in delivery_metrics().registry.collect() for sample in family.samples for name in sample.labels
    }

    assert labels == {"when", "because", "channel", "outcome", "status", "priority", "audience", "le"}


def test_the_first_message_that_is_given_up_is_an_increase():
    metrics = DeliveryMetrics()
    metrics.offers(["mail"])
    before = figures(metrics)["safety_stream_delivery_ended_total{'channel': 'mail', 'status': 'given-up'}"]
    metrics.ended("mail", "given-up")

    assert (
        before,
        figures(metrics)["safety_stream_delivery_ended_total{'channel': 'mail', 'status': 'given-up'}"],
    ) == (
        0,
        1,
    )


def test_whoever_need_not_be_told_any_more_is_not_unheard():
    metrics = DeliveryMetrics()
    metrics.unheard({("gone", "P1"): True, ("desk", "P1"): True})
    metrics.unheard({("desk", "P1"): True})

    found = figures(metrics)
    assert found["safety_stream_delivery_unheard{'audience': 'gone', 'priority': 'P1'}"] == 0
    assert found["safety_stream_delivery_unheard{'audience': 'desk', 'priority': 'P1'}"] == 1
