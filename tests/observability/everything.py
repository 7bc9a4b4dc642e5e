"""Every process's figures with everything told once, for tests that ask what there is."""

from __future__ import annotations

from safety_stream.observability.metrics import DeliveryMetrics, GatewayMetrics, Metrics, ProjectionMetrics, WebMetrics


def worker_metrics() -> Metrics:
    metrics = Metrics(lambda: 0)
    metrics.committed("publish-alerts", 1, 0.1, 0.1)
    metrics.aborted("detect", "NoLongerOurs")
    metrics.dead_letter("intake", "empty")
    metrics.state("detect", 0, 1)
    metrics.as_of("publish-alerts", 0, 0)
    metrics.lag("detect", "sightings", 0, 1)
    metrics.taken_over("detect", 0, 1, 0.1)
    metrics.waits_for_keys(True)
    return metrics


def delivery_metrics() -> DeliveryMetrics:
    metrics = DeliveryMetrics()
    metrics.took({("now", "urgent"): 2, ("never", "unwanted"): 5}, 3)
    metrics.attempted("mail", "busy")
    metrics.handed_over("P1", 1.5)
    metrics.ended("notify", "delivered")
    metrics.standing({"waiting": 4, "sent": 9}, 12.5, 1_800_000_000.0)
    metrics.unheard({("superintendent", "P1"): True})
    return metrics


def projection_metrics() -> ProjectionMetrics:
    metrics = ProjectionMetrics()
    metrics.copied(7, {("duty-officer", "P1"): 2})
    metrics.looked(1_800_000_000.0, 12, 1)
    metrics.alerts_open("duty-officer", {("P1", "late"): 3})
    metrics.feeds_heard({"police-crimes": "silent"}, 90.0)
    metrics.feeds_silent({"police-crimes": 90_000.0}, {"police-crimes": 86_400.0})
    return metrics


def web_metrics() -> WebMetrics:
    metrics = WebMetrics()
    metrics.answered(200, 0.1)
    metrics.looks_on(1)
    metrics.looks(lambda: 1_800_000_000.0)
    return metrics


def gateway_metrics() -> GatewayMetrics:
    metrics = GatewayMetrics(["acknowledged"])
    metrics.answered(202, 0.1)
    metrics.reported("acknowledged", 1)
    return metrics


def every_sample() -> dict[str, set[str]]:
    """The labels of each sample our processes serve, by name."""
    found: dict[str, set[str]] = {}
    everybody = (worker_metrics(), delivery_metrics(), projection_metrics(), web_metrics(), gateway_metrics())
    for metrics in everybody:
        for family in metrics.registry.collect():
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found
