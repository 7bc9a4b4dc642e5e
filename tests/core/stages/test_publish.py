"""The only door out: projected, numbered without gap, on record, and no end without a beginning."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import NOON, a_record

from safety_stream.core.catalogue import Catalogue, Profile
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.stages import publish
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Output

ALERT = AlertVersion(
    alert_id="alert-a",
    version=1,
    episode=1,
    change="raised",
    reason="new",
    rule_id="rv-graded",
    rule_version=1,
    title="Repeat victim",
    family="repeat-victimisation",
    subject="victim:tok-a",
    priority="P3",
    area="E07000117",
    areas=("E07000117",),
    first_completed_at=NOON,
    last_completed_at=NOON,
    findings=(),
    explanation="Harmed three times.",
    child=False,
    late=False,
    notify=True,
    audiences=("analyst", "duty-officer"),
    marking="OFFICIAL-SENSITIVE",
    as_of=NOON,
    cause="incident-a new",
)
VALUE = IndicatorValue(
    area="L-14",
    indicator="violence",
    period="month",
    starts=20_454,
    ends=20_485,
    value=23,
    final=True,
    revision=1,
    restates=None,
    as_of=NOON,
)


def alert(**changes: Any) -> AlertVersion:
    return msgspec.structs.replace(ALERT, **changes)


def value(**changes: Any) -> IndicatorValue:
    return msgspec.structs.replace(VALUE, **changes)


def tell(catalogue: Catalogue, *batches: list[AlertVersion]) -> list[Output]:
    step, rows = publish.make_alert_step(catalogue, 1), MemoryRows()
    return [out for batch in batches for out in step(rows, [a_record(version) for version in batch], None)]


def show(catalogue: Catalogue, *batches: list[IndicatorValue]) -> list[Output]:
    step, rows = publish.make_indicator_step(catalogue, 1), MemoryRows()
    return [out for batch in batches for out in step(rows, [a_record(one) for one in batch], None)]


def on(topic: str, outputs: list[Output]) -> list[Any]:
    return [output.value for output in outputs if output.topic == topic]


def test_an_audience_gets_its_own_fields_and_no_other(catalogue: Catalogue) -> None:
    (published,) = on("alerts.analyst", tell(catalogue, [ALERT]))

    assert published.explanation == "Harmed three times."
    assert (published.subject, published.findings, published.cause, published.audiences) == (None, None, None, None)


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ("00000000-0000-5000-8000-00000000000a erase", "a report came, changed or was taken back"),
        ("00000000-0000-5000-8000-00000000000a new", "a report came, changed or was taken back"),
        ("rule rv-graded became version 3", "rule rv-graded became version 3"),
        ("clock as_of", "clock as_of"),
    ],
)
def test_which_report_it_was_and_what_became_of_it_stays_inside(catalogue: Catalogue, cause: str, told: str) -> None:
    (heard,) = on("alerts.duty-officer", tell(catalogue, [alert(cause=cause)]))

    assert heard.cause == told


def test_whom_the_alert_does_not_reach_hears_nothing(catalogue: Catalogue) -> None:
    topics = {output.topic for output in tell(catalogue, [ALERT])}

    assert topics == {"alerts.analyst", "alerts.duty-officer", "audit.alerts"}


def test_a_withdrawal_reaches_everyone_who_was_told_and_nobody_else(catalogue: Catalogue) -> None:
    gone = alert(version=2, change="withdrawn", audiences=())
    outputs = tell(catalogue, [ALERT], [gone])

    assert [told.change for told in on("alerts.analyst", outputs)] == ["raised", "withdrawn"]
    assert on("alerts.analyst", outputs)[1].prior_version == 1
    assert on("alerts.soc-unit", outputs) == []


def test_an_end_without_a_beginning_is_not_told(catalogue: Catalogue) -> None:
    assert tell(catalogue, [alert(change="withdrawn")]) == []


def test_who_hears_of_an_alert_first_hears_that_it_is_raised(catalogue: Catalogue) -> None:
    outputs = tell(catalogue, [alert(audiences=("duty-officer",))], [alert(version=2, change="updated")])

    assert [told.change for told in on("alerts.analyst", outputs)] == ["raised"]
    assert [told.change for told in on("alerts.duty-officer", outputs)] == ["raised", "updated"]


def on_trial(catalogue: Catalogue) -> Catalogue:
    """The catalogue with the rule of the alert on trial."""
    rules = (
        msgspec.structs.replace(rule, status="trial") if rule.id == ALERT.rule_id else rule for rule in catalogue.rules
    )
    return msgspec.structs.replace(catalogue, rules=tuple(rules))


def tell_each(*batches: tuple[Catalogue, AlertVersion]) -> list[Output]:
    """Each version told under a catalogue of its own."""
    rows = MemoryRows()
    return [out for said, one in batches for out in publish.make_alert_step(said, 1)(rows, [a_record(one)], None)]


def test_nobody_hears_of_a_rule_on_trial(catalogue: Catalogue) -> None:
    """Not even of what reached them when the alert was made."""
    assert tell(on_trial(catalogue), [ALERT]) == []


def test_an_alert_whose_rule_goes_on_trial_is_taken_back_and_nothing_it_found_is_told(catalogue: Catalogue) -> None:
    found = alert(
        version=2,
        change="updated",
        reason="restated",
        rule_version=2,
        title="Only tried",
        priority="P1",
        explanation="Only tried.",
        audiences=(),
        notify=False,
    )
    more = msgspec.structs.replace(found, version=3)
    outputs = tell_each((catalogue, ALERT), (on_trial(catalogue), found), (on_trial(catalogue), more))

    for audience in ("duty-officer", "analyst"):
        first, last = on(f"alerts.{audience}", outputs)
        assert (first.change, last.change, last.reason, last.prior_version) == ("raised", "withdrawn", "withdrawn", 1)
        assert (last.title, last.priority, last.explanation, last.findings, last.rule_version) == (None,) * 5
        assert "tried" not in str(last)
    assert on("alerts.duty-officer", outputs)[1].cause == "rule rv-graded is on trial"
    assert on("alerts.duty-officer", outputs)[1].notify
    records = on("audit.alerts", outputs)
    assert [set(record.fields) & {"title", "explanation"} for record in records] == [{"title", "explanation"}] * 2 + [
        set(),
        set(),
    ]


def test_what_ends_on_trial_was_never_told_or_is_taken_back_in_few_words(catalogue: Catalogue) -> None:
    gone = alert(version=2, change="withdrawn", reason="withdrawn", title="Only tried", audiences=())

    assert tell_each((on_trial(catalogue), ALERT), (on_trial(catalogue), gone)) == []
    (_, last) = on("alerts.analyst", tell_each((catalogue, ALERT), (on_trial(catalogue), gone)))
    assert (last.change, last.title) == ("withdrawn", None)


def test_a_rule_that_is_released_again_is_told_of_anew(catalogue: Catalogue) -> None:
    later = [alert(version=number, change="updated") for number in (2, 3)]
    outputs = tell_each((catalogue, ALERT), (on_trial(catalogue), later[0]), (catalogue, later[1]))

    assert [told.change for told in on("alerts.analyst", outputs)] == ["raised", "withdrawn", "raised"]


@given(
    changes=st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["raised", "updated", "withdrawn"])), max_size=12
    ),
    cut=st.integers(0, 12),
)
def test_every_feed_is_numbered_without_gap_and_every_disclosure_is_on_record(
    catalogue: Catalogue, changes: list[tuple[str, Any]], cut: int
) -> None:
    versions = [alert(alert_id=who, version=n + 1, change=change) for n, (who, change) in enumerate(changes)]
    outputs = tell(catalogue, versions[:cut], versions[cut:])
    trail: list[AuditRecord] = on("audit.alerts", outputs)

    for feed in ("alerts.analyst", "alerts.duty-officer"):
        numbers = [published.seq for published in on(feed, outputs)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert numbers == [record.from_seq for record in trail if record.topic == feed]
    assert [record.seq for record in trail] == list(range(1, len(trail) + 1))
    assert all(later.previous_hash == earlier.hash for earlier, later in pairwise(trail))
    assert all(record.hash == publish.chained(record) for record in trail)


def test_the_exact_profile_passes_values_on(catalogue: Catalogue) -> None:
    outputs = show(catalogue, [value(area="E07000117", value=3, final=False), value(revision=2, restates=22)])

    assert [shown.value for shown in on("indicators.internal", outputs)] == [3, 23]
    assert [(a.from_seq, a.to_seq) for a in on("audit.indicators", outputs) if a.audience == "internal"] == [(1, 2)]


@pytest.mark.parametrize(
    ("exact", "shown"), [(0, 0), (1, None), (7, None), (8, 10), (12, 10), (13, 15), (22, 20), (23, 25)]
)
def test_the_public_sees_no_small_count_and_others_to_the_nearest_five(
    catalogue: Catalogue, exact: int, shown: int | None
) -> None:
    assert [one.value for one in on("indicators.public", show(catalogue, [value(value=exact)]))] == [shown]


@pytest.mark.parametrize("hidden", [{"area": "L-12"}, {"area": "E07000117"}, {"period": "week"}, {"final": False}])
def test_the_public_sees_one_area_one_period_and_final_values(catalogue: Catalogue, hidden: dict[str, Any]) -> None:
    assert on("indicators.public", show(catalogue, [value(**hidden)])) == []


@pytest.mark.parametrize(("hiding", "told"), [({}, [3]), ({"suppress_below": 8}, []), ({"round_to": 5}, [])])
def test_what_is_counted_within_a_district_goes_to_profiles_that_show_everything_alone(
    catalogue: Catalogue, hiding: dict[str, int], told: list[int]
) -> None:
    every = Profile(id="x", title="", areas=(), periods=("month",), final_only=False, suppress_below=0, round_to=1)
    catalogue = msgspec.structs.replace(catalogue, profiles=(msgspec.structs.replace(every, **hiding),))

    assert [one.value for one in on("indicators.x", show(catalogue, [value(area="lsoa:E01012571", value=3)]))] == told


def test_a_restatement_that_rounds_to_the_same_number_is_not_told_to_the_public(catalogue: Catalogue) -> None:
    outputs = show(catalogue, [value()], [value(value=24, revision=2)], [value(value=33, revision=3)])

    assert [(one.value, one.revision, one.restates) for one in on("indicators.public", outputs)] == [
        (25, 1, None),
        (35, 2, 25),
    ]


def test_half_rounds_up() -> None:
    profile = Profile(id="x", title="", areas=(), periods=(), final_only=False, suppress_below=0, round_to=10)

    assert publish.shown_count(25, profile) == 30


def test_a_profile_of_final_values_tells_nothing_of_what_they_were_before(catalogue: Catalogue) -> None:
    final_only = Profile(
        id="final", title="", areas=(), periods=("month",), final_only=True, suppress_below=0, round_to=1
    )
    catalogue = msgspec.structs.replace(catalogue, profiles=(final_only,))

    outputs = show(catalogue, [value(final=False)], [value(value=24, revision=2, restates=23, final=True)])

    assert [(one.value, one.revision, one.restates) for one in on("indicators.final", outputs)] == [(24, 1, None)]
