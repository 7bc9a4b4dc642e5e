"""Every metric is set by what the loop tells, named and explained as Prometheus wants it, and served."""

from __future__ import annotations

import inspect
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.kafka.authority import Authority
from tests.observability.everything import AGREEMENT, GRANT, SHARING

from safety_stream.core.model.dead_letters import Reason
from safety_stream.observability.metrics import ALERTING_STAGE, Metrics
from safety_stream.streaming.ports import Observer
from safety_stream.wire.topology import STAGES

NOW = 1_800_000_000_000
LABELS = {"stage", "partition", "topic", "reason", "le", "audience", "priority", "agreement", "hears"}
"""All of them words of the topology, the catalogue or closed lists; a key or a token would need another."""

TELLS: dict[str, tuple[Callable[[Metrics], None], dict[str, float]]] = {
    "committed": (
        lambda metrics: metrics.committed("detect", 7, 0.5, 0.25),
        {
            'safety_stream_records_total{stage="detect"}': 7.0,
            'safety_stream_batch_seconds_sum{stage="detect"}': 0.5,
            'safety_stream_batch_seconds_count{stage="detect"}': 1.0,
            'safety_stream_commit_seconds_sum{stage="detect"}': 0.25,
            'safety_stream_commit_seconds_count{stage="detect"}': 1.0,
        },
    ),
    "aborted": (
        lambda metrics: metrics.aborted("detect", "NoLongerOurs"),
        {'safety_stream_aborted_transactions_total{stage="detect"}': 1.0},
    ),
    "dead_letter": (
        lambda metrics: metrics.dead_letter("intake", "empty"),
        {'safety_stream_dead_letters_total{reason="empty",stage="intake"}': 1.0},
    ),
    "state": (
        lambda metrics: metrics.state("detect", 3, 41),
        {'safety_stream_state_rows{partition="3",stage="detect"}': 41.0},
    ),
    "as_of": (
        lambda metrics: metrics.as_of(ALERTING_STAGE, 0, NOW - 1_500),
        {
            f'safety_stream_watermark_delay_seconds{{partition="0",stage="{ALERTING_STAGE}"}}': 1.5,
            "safety_stream_report_to_alert_seconds_sum": 1.5,
            "safety_stream_report_to_alert_seconds_count": 1.0,
        },
    ),
    "lag": (
        lambda metrics: metrics.lag("detect", "sightings", 3, 12),
        {'safety_stream_lag_records{partition="3",stage="detect",topic="sightings"}': 12.0},
    ),
    "withheld": (
        lambda metrics: metrics.withheld({("duty-officer", "ended", "P1"): 2}),
        {'safety_stream_withheld_alerts{audience="duty-officer",priority="P1",reason="ended"}': 2.0},
    ),
    "taken_over": (
        lambda metrics: metrics.taken_over("detect", 3, 900, 0.75),
        {
            'safety_stream_owned_partitions{stage="detect"}': 1.0,
            'safety_stream_restored_changes_total{stage="detect"}': 900.0,
            'safety_stream_take_over_seconds_sum{stage="detect"}': 0.75,
        },
    ),
    "waits_for_keys": (
        lambda metrics: metrics.waits_for_keys(True),
        {"safety_stream_sealing_waiting": 1.0},
    ),
}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(lambda: NOW)


def figures(metrics: Metrics) -> dict[str, float]:
    """What is served, by name and labels; when a figure was made is left out."""
    return {
        f"{sample.name}{_labelled(sample.labels)}": sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def _labelled(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{labels[name]}"' for name in sorted(labels)) + "}" if labels else ""


def everything_told(metrics: Metrics) -> Metrics:
    for tell, _ in TELLS.values():
        tell(metrics)
    metrics.goes_by(SHARING)
    return metrics


@pytest.mark.parametrize("call", TELLS)
def test_what_the_loop_tells_is_in_the_figures(metrics: Metrics, call: str):
    tell, expected = TELLS[call]

    tell(metrics)

    assert expected == {name: value for name, value in figures(metrics).items() if name in expected}


@pytest.mark.parametrize("call", TELLS)
def test_a_call_sets_no_figures_but_its_own(metrics: Metrics, call: str):
    tell, expected = TELLS[call]
    before = figures(metrics)

    tell(metrics)

    changed = {name for name, value in figures(metrics).items() if before.get(name, 0.0) != value}
    families = {re.sub(r"(_bucket|_sum|_count|_total)?(\{.*)?$", "", name) for name in expected}
    assert {re.sub(r"(_bucket|_sum|_count|_total)?(\{.*)?$", "", name) for name in changed} == families


def test_everything_an_observer_hears_is_tried_here():
    heard = {name for name, _ in inspect.getmembers(Observer, inspect.isfunction) if not name.startswith("_")}

    # What is said of the key store is said by whoever seals.
    assert heard == {*TELLS, "given_up"} - {"waits_for_keys"}


def test_every_metric_is_set_by_some_call(metrics: Metrics):
    silent = {family.name for family in metrics.registry.collect()}
    silent -= {family.name for family in everything_told(metrics).registry.collect() if any_set(family.samples)}

    assert set() == silent


def any_set(samples: list[object]) -> bool:
    return any(sample.value for sample in samples)  # type: ignore[attr-defined]


def test_what_is_given_up_has_no_figures_any_more(metrics: Metrics):
    everything_told(metrics).taken_over("detect", 4, 0, 0.1)
    metrics.state("detect", 4, 5)

    metrics.given_up("detect", 3)

    left = figures(metrics)
    assert 1.0 == left['safety_stream_owned_partitions{stage="detect"}']
    assert [] == [name for name in left if 'partition="3"' in name]
    assert 5.0 == left['safety_stream_state_rows{partition="4",stage="detect"}']


def test_giving_up_what_was_never_ready_or_twice_changes_nothing(metrics: Metrics):
    everything_told(metrics)
    metrics.given_up("detect", 9)
    metrics.given_up("detect", 3)
    metrics.given_up("detect", 3)

    assert 0.0 == figures(metrics)['safety_stream_owned_partitions{stage="detect"}']


def test_a_clock_that_is_behind_makes_no_negative_delay(metrics: Metrics):
    metrics.as_of("detect", 0, NOW + 5_000)

    assert 0.0 == figures(metrics)['safety_stream_watermark_delay_seconds{partition="0",stage="detect"}']


def test_only_the_stage_that_tells_measures_from_report_to_alert(metrics: Metrics):
    metrics.as_of("detect", 0, NOW - 1_000)

    assert 0.0 == figures(metrics)["safety_stream_report_to_alert_seconds_count"]
    assert ALERTING_STAGE in {row.name for row in STAGES}


def test_names_follow_prometheus(metrics: Metrics):
    families = list(metrics.registry.collect())

    assert [] == [one.name for one in families if not re.fullmatch(r"safety_stream_[a-z]+(_[a-z]+)*", one.name)]
    assert [] == [one.name for one in families if one.type == "histogram" and not one.name.endswith("_seconds")]
    # A counter is served with `_total`; a gauge or histogram must not look like one.
    assert [] == [one.name for one in families if one.name.endswith(("_total", "_count", "_sum", "_bucket"))]
    assert [] == [one.name for one in families if re.search(r"_(ms|millis|minutes|mb|kb)$", one.name)]


def test_every_metric_says_what_it_is(metrics: Metrics):
    assert [] == [
        one.name for one in metrics.registry.collect() if not re.fullmatch(r"[A-Z].{15,}\.", one.documentation)
    ]


def test_no_label_can_hold_a_key_or_a_token(metrics: Metrics):
    labels = {
        name
        for family in everything_told(metrics).registry.collect()
        for sample in family.samples
        for name in sample.labels
    }

    assert labels <= LABELS


def test_a_reason_for_an_abort_is_no_label(metrics: Metrics):
    metrics.aborted("detect", "victim:tok-1 is not ours any more")

    assert "tok-1" not in str(figures(metrics))


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_for_a_dead_letter_can_be_a_label(metrics: Metrics, reason: str):
    metrics.dead_letter("intake", reason)

    assert 1.0 == figures(metrics)[f'safety_stream_dead_letters_total{{reason="{reason}",stage="intake"}}']


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def served(metrics: Metrics, port: int) -> Iterator[str]:
    stop = everything_told(metrics).serve(port)
    yield f"http://127.0.0.1:{port}/metrics"
    stop()


def test_they_are_served_for_prometheus(served: str, metrics: Metrics):
    with urlopen(served, timeout=10) as answer:  # noqa: S310 - our own address
        text = answer.read().decode()

    read = {family.name for family in text_string_to_metric_families(text)}
    assert {family.name for family in metrics.registry.collect()} <= read
    assert "# HELP safety_stream_records_total Input records committed." in text


def test_a_port_is_free_again_once_serving_has_stopped(metrics: Metrics, port: int):
    metrics.serve(port)()

    with pytest.raises(URLError):
        urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)
    metrics.serve(port)()


def test_figures_go_over_tls_1_3_alone(metrics: Metrics, port: int, tmp_path: Path):
    secret, public = Authority(tmp_path).issue("figures")
    both = tmp_path / "figures.pem"
    both.write_bytes(public.read_bytes() + secret.read_bytes())
    context = ssl.create_default_context(cafile=tmp_path / "authority.pem")
    stop = metrics.serve(port, tls=both)
    try:
        with urlopen(f"https://127.0.0.1:{port}/metrics", timeout=30, context=context) as answer:
            assert b"safety_stream" in answer.read()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(URLError, match="PROTOCOL_VERSION"):
            urlopen(f"https://127.0.0.1:{port}/metrics", timeout=30, context=context)
    finally:
        stop()


def test_a_port_that_is_taken_is_an_error(metrics: Metrics):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            metrics.serve(int(taken.getsockname()[1]))


def test_what_a_stage_may_refuse_is_told_from_nought_on():
    """Else the first burst of a reason is no increase to Prometheus."""
    metrics = Metrics(lambda: 0)
    metrics.runs(["intake", "detect"], ["intake", "handle"], ["empty", "oversize"])
    name = "safety_stream_dead_letters_total"
    told = {
        (sample.labels["stage"], sample.labels["reason"]): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }

    assert told == {("intake", "empty"): 0, ("intake", "oversize"): 0}


def waiting(metrics: Metrics) -> dict[str, float]:
    return {name: value for name, value in figures(metrics).items() if name.startswith("safety_stream_withheld")}


def test_what_waits_no_more_is_nought_and_gone_with_the_partition(metrics: Metrics):
    metrics.taken_over(ALERTING_STAGE, 0, 0, 0.1)
    metrics.withheld({("duty-officer", "ended", "P1"): 2, ("analyst", "ended", "P3"): 1})
    metrics.withheld({("duty-officer", "being-told", "P1"): 1})

    assert sorted(waiting(metrics).values()) == [0.0, 0.0, 1.0]
    metrics.given_up(ALERTING_STAGE, 0)
    assert waiting(metrics) == {}


def ends(metrics: Metrics) -> dict[str, float]:
    return {name: value for name, value in figures(metrics).items() if name.startswith("safety_stream_agreement")}


def test_when_an_agreement_ends_is_told_with_whom_that_leaves_without(metrics: Metrics):
    metrics.goes_by(SHARING)
    until = 'safety_stream_agreement_ends_seconds{agreement="isa",audience="duty-officer",hears="nothing"}'

    # The London midnight at which the 21,000th day begins, in summer.
    assert ends(metrics) == {until: 21_000 * 86_400 - 3_600, "safety_stream_agreement_warn_seconds": 90 * 86_400}


def test_an_agreement_that_another_takes_over_from_is_not_told(metrics: Metrics):
    another = msgspec.structs.replace(AGREEMENT, id="isb", valid_from=20_900, valid_to=30_000)
    grants = (GRANT, msgspec.structs.replace(GRANT, id="b-grant", agreement=another))
    metrics.goes_by(msgspec.structs.replace(SHARING, agreements=(AGREEMENT, another), grants=grants))

    assert [name for name in ends(metrics) if 'agreement="isa"' in name] == []
    assert [name for name in ends(metrics) if 'agreement="isb"' in name] != []
