"""Every process's figures with everything told once, for tests that ask what there is."""

from __future__ import annotations

from safety_stream.core.model.sharing import Grant, Sharing, SharingAgreement
from safety_stream.observability.metrics import DeliveryMetrics, GatewayMetrics, Metrics, ProjectionMetrics, WebMetrics

AGREEMENT = SharingAgreement(
    id="isa", title="An agreement", reference="MADE-UP/1", parties=("police", "council"),
    purposes=("safeguarding",), bases=("CDA115",), valid_from=0, valid_to=21_000, review=20_900,
)  # fmt: skip
GRANT = Grant(
    id="a-grant", subscriber="duty-officer", party="police", purpose="safeguarding", basis="CDA115",
    agreement=AGREEMENT, fields=("title",),
)  # fmt: skip
SHARING = Sharing(agreements=(AGREEMENT,), grants=(GRANT,), warn_days=90)
"""One grant, under an agreement that ends in July 2027."""


def worker_metrics() -> Metrics:
    metrics = Metrics(lambda: 0)
    metrics.committed("publish-alerts", 1, 0.1, 0.1)
    metrics.aborted("detect", "NoLongerOurs")
    metrics.dead_letter("intake", "empty")
    metrics.state("detect", 0, 1)
    metrics.as_of("publish-alerts", 0, 0)
    metrics.lag("detect", "sightings", 0, 1)
    metrics.taken_over("detect", 0, 1, 0.1)
    metrics.withheld({("duty-officer", "ended", "P1"): 2})
    metrics.goes_by(SHARING)
    metrics.waits_for_keys(True)
    return metrics


def delivery_metrics() -> DeliveryMetrics:
    metrics = DeliveryMetrics()
    metrics.took({("now", "urgent"): 2, ("never", "unwanted"): 5}, 3)
    metrics.attempted("mail", "busy")
    metrics.handed_over("P1", 1.5)
    metrics.ended("notify", "delivered")
    metrics.standing({"waiting": 4, "sent": 9}, 12.5, 1_800_000_000.0)
    metrics.purged(3)
    metrics.chased(1_800_000_000.0)
    metrics.unheard({("superintendent", "P1"): True})
    return metrics


def projection_metrics() -> ProjectionMetrics:
    metrics = ProjectionMetrics()
    metrics.copied(7, {("duty-officer", "P1"): 2})
    metrics.looked(1_800_000_000.0, 12, 1)
    metrics.alerts_open("duty-officer", {("P1", "late"): 3})
    metrics.feeds_heard({"police-crimes": "silent"}, 90.0)
    metrics.purged({"alerts": 3}, 1_800_000_000.0)
    metrics.owed({("duty-officer", "escalated"): 1}, {"overdue": 1})
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
