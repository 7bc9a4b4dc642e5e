"""However records are cut into batches, delivered again and interrupted, the tables are the naive fold of the log."""

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select
from tests.readmodel.making import NOON, alert, handling, letter, status, topic_of, value
from tests.readmodel.naive import Naive
from tests.trying import often

from safety_stream.core.model.handling import Handling
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.readmodel.reading import MissingFromFeed, ReadModel
from safety_stream.readmodel.tables import CONSULTATIONS, DEEDS, METADATA, OFFSETS, PROJECTION, SAVED_CHOICES

AREAS = ("north", "south")
STATES = ("new", "acknowledged", "assessing", "snoozed", "closed", "withdrawn", "reopened")


@st.composite
def handlings(draw: st.DrawFn) -> Handling | None:
    if draw(st.booleans()):
        return None
    clocks = st.one_of(st.none(), st.integers(NOON, NOON + 3))
    return handling(draw(st.sampled_from(STATES)), acknowledge_by=draw(clocks), decide_by=draw(clocks))


@st.composite
def values(draw: st.DrawFn, numbers: Counter[str]):
    """The next value of some topic, mostly with the next number of its feed."""
    what = draw(st.sampled_from(("alert", "alert", "alert", "indicator", "indicator", "status", "letter")))
    step = draw(st.sampled_from((1, 1, 1, 1, 1, 1, 2, 4, 0)))
    as_of = NOON + sum(numbers.values())
    if what == "alert":
        audience = draw(st.sampled_from(("desk", "school")))
        numbers[audience] = max(numbers[audience] + step, 1)
        return alert(
            numbers[audience],
            draw(st.sampled_from("abcd")),
            draw(st.integers(1, 3)),
            draw(st.sampled_from(("raised", "updated", "withdrawn"))),
            audience=audience,
            as_of=as_of,
            priority=draw(st.sampled_from((None, "P1", "P2"))),
            area=draw(st.sampled_from((None, *AREAS))),
            areas=draw(st.sampled_from((None, ("north",), AREAS))),
            handling=draw(handlings()),
        )
    if what == "indicator":
        profile = draw(st.sampled_from(("internal", "public")))
        numbers[profile] = max(numbers[profile] + step, 1)
        return value(
            numbers[profile],
            draw(st.integers(1, 3)) * 7,
            draw(st.one_of(st.none(), st.integers(0, 9))),
            profile=profile,
            area=draw(st.sampled_from(AREAS)),
            period=draw(st.sampled_from(("week", "month"))),
            as_of=as_of,
        )
    numbers["other"] += 1
    if what == "status":
        heard = draw(st.dictionaries(st.sampled_from(("police", "council")), st.integers(1, 5), max_size=2))
        return status(draw(st.integers(0, 1)), as_of, **heard)
    return letter(draw(st.sampled_from(("oversize", "empty"))), as_of)


@st.composite
def logs(draw: st.DrawFn) -> list[TopicRecord]:
    """A log of several topics. Between records lie ends of transactions, which take an offset each."""
    numbers: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    log = []
    for _ in range(draw(st.integers(0, 25))):
        one = draw(values(numbers))
        topic = topic_of(one)
        log.append(TopicRecord(topic, 0, ends[topic], one))
        ends[topic] += draw(st.sampled_from((1, 1, 2)))
    return log


def killed_before_commit(engine: Engine, log: list[TopicRecord]) -> None:
    with engine.connect() as connection:
        apply(connection, log)


def deliver(engine: Engine, log: list[TopicRecord], chance: random.Random) -> None:
    """The log in batches of any size, some again from anywhere before, some interrupted and so read again."""
    at = 0
    while at < len(log):
        begin = chance.choice((at, at, at, chance.randint(0, at)))
        end = chance.randint(at, min(at + 8, len(log)))
        if chance.random() < 0.2:
            killed_before_commit(engine, log[begin:end])
            continue
        with engine.begin() as connection:
            applied = apply(connection, log[begin:end])
        assert (applied.new, applied.passed_over) == (end - at, at - begin)
        at = end


def wipe(engine: Engine) -> None:
    """Empty what is a copy; consultations and deeds are none, and let nobody delete them."""
    with engine.begin() as connection:
        for table in METADATA.sorted_tables:
            if table not in (PROJECTION, CONSULTATIONS, DEEDS, SAVED_CHOICES):
                connection.execute(delete(table))


@pytest.mark.slow
@settings(max_examples=often(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=logs(), chance=st.randoms(use_true_random=False))
def test_the_tables_are_the_naive_fold_however_the_log_is_delivered(
    engine: Engine, log: list[TopicRecord], chance: random.Random
):
    wipe(engine)
    deliver(engine, log, chance)
    model, naive = ReadModel(engine), Naive(log)

    for audience in ("desk", "school"):
        assert model.inbox(audience) == naive.inbox(audience)
        assert model.count_by_priority(audience) == naive.counts(audience)
        assert model.newest_seq(audience) == naive.newest.get(f"alerts.{audience}", 0)
        for area in AREAS:
            assert model.inbox(audience, areas=[area]) == naive.in_area(audience, area)
        for alert_id in "abcd":
            life = naive.versions(audience, alert_id)
            assert model.versions(audience, alert_id) == life
            before = {one.seq: naive.areas_before(audience, one) for one in life}
            assert model.areas_before(audience, list(before)) == before
            assert model.alert(audience, alert_id) == (life[-1] if life else None)
        assert read_through(model, audience) == [one for one in naive.alerts if one.audience == audience]
    instant = chance.randint(NOON, NOON + 40)
    for of, periods in naive.values().items():
        profile, indicator, area, kind = of
        assert model.series(*of) == [periods[starts][-1] for starts in sorted(periods)]
        assert model.latest(profile, kind, [indicator], [area]) == [periods[max(periods)][-1]]
        shown = {starts: [one for one in periods[starts] if one.as_of <= instant][-1:] for starts in sorted(periods)}
        assert model.known_as_of(*of, instant) == [one for found in shown.values() for one in found]
        for starts, found in periods.items():
            assert model.revisions(*of, starts) == found
    assert {one.source: (one.newest, one.silent_since, one.passed) for one in model.feeds()} == naive.feeds()
    refused = {one.reason: one.count for one in model.dead_letters_by_reason(NOON)}
    assert refused == Counter(one.reason for one in naive.letters)
    faults = model.health().faults
    missing = [one for one in faults if one.kind == "missing"]
    assert naive.missing == {
        (one.topic, number) for one in missing for number in range(one.first_seq, one.last_seq + 1)
    }
    repeated = [(one.topic, one.first_seq) for one in faults if one.kind == "repeated"]
    assert repeated == sorted(naive.repeated, key=lambda one: one[0])


def read_through(model: ReadModel, audience: str) -> list:
    """A whole feed, in pages, with every gap noticed and passed."""
    found: list = []
    after = 0
    while after < model.newest_seq(audience):
        try:
            found += model.feed(audience, after, 3)
        except MissingFromFeed as missing:
            after = missing.last
        else:
            after = found[-1].seq
    assert model.feed(audience, after, 3) == []
    return found


def test_what_was_not_committed_has_not_happened(engine: Engine):
    log = [TopicRecord("alerts.desk", 0, 0, alert(1, "a"))]
    killed_before_commit(engine, log)

    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(OFFSETS)) == 0
    assert ReadModel(engine).inbox("desk") == []
    with engine.begin() as connection:
        assert apply(connection, log).new == 1
