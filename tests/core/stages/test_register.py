"""Versions become signed differences; the highest version decides, whatever came when."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.rules.making import a_rule, days
from tests.core.stages.making import NOON, a_record, a_version, at

from safety_stream.core.catalogue import Catalogue, Indicator
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.incidents import IncidentVersion, Party, Place, Role
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.model.sightings import SightingChange, key_kind
from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import HOUR, MINUTE
from safety_stream.core.register import ROLES_UNDER, Keyed, Scope, claim_of, sightings_of
from safety_stream.core.rules.chains import found_elsewhere
from safety_stream.core.rules.rule import Count, FactTest, Selector
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.stages import register
from safety_stream.core.stages.rows import MemoryRows

V1 = a_version()
V2 = a_version(source_version=2, action="correct", parties=(Party("victim", "tok-b"),), reported_at=NOON + 2 * HOUR)
V3 = a_version(source_version=3, action="withdraw", reported_at=NOON + 3 * HOUR)


def run(catalogue: Catalogue, *batches: list[IncidentVersion | FeedStatus | PersonLink]) -> list[Any]:
    step, rows = register.make_step(catalogue, 1), MemoryRows()
    values = []
    for batch in batches:
        values += [output.value for output in step(rows, [a_record(version) for version in batch], None)]
    return values


def standing(values: list[Any]) -> dict[tuple[str, str], int]:
    """The sum of signs of every (key, incident) that is not nought."""
    sums: dict[tuple[str, str], int] = {}
    for change in values:
        if isinstance(change, SightingChange):
            of = (change.key, change.sighting.incident_id)
            sums[of] = sums.get(of, 0) + (change.sign if change.replaces is None else 0)
    return {of: total for of, total in sums.items() if total}


def counted(values: list[Any]) -> dict[tuple[str, str, int], int]:
    sums: dict[tuple[str, str, int], int] = {}
    for tally in values:
        if isinstance(tally, Tally):
            of = (tally.area, tally.indicator, tally.event_day)
            sums[of] = sums.get(of, 0) + tally.count
    return {of: total for of, total in sums.items() if total}


def test_a_report_joins_the_timelines_of_its_victim_and_is_counted_in_its_area_and_above(catalogue: Catalogue) -> None:
    values = run(catalogue, [V1])

    assert set(standing(values)) == {("person:tok-a", V1.incident_id), ("victim:tok-a", V1.incident_id)}
    areas = {area for area, indicator, _ in counted(values) if indicator == "violence"}
    assert areas == {"E07000117", "D-EAST", "C-PENNINE", "L-12", "L-14"}


def test_a_unitary_counts_in_no_county_but_l14(catalogue: Catalogue) -> None:
    values = run(catalogue, [a_version(area="E06000009")])

    assert {area for area, _, _ in counted(values)} == {"E06000009", "D-WEST", "L-14"}


@pytest.mark.parametrize(
    ("stated", "adds"), [((Fact("hurt", "3"),), {"hurt": 3}), ((Fact("hurt", "0"),), {}), ((), {})]
)
def test_what_a_report_states_is_added_and_what_it_does_not_state_is_not(
    catalogue: Catalogue, stated: tuple[Fact, ...], adds: dict[str, int]
) -> None:
    """Of a count of reports a number is stated once, of all of them together."""
    hurt = Indicator(id="hurt", title="", select=Selector(), feeds=(), periods=("month",), adds="hurt")
    known = msgspec.structs.replace(catalogue, indicators=(hurt,))

    found = counted(run(known, [a_version(facts=stated, count=2)]))

    assert {indicator: number for (area, indicator, _), number in found.items() if area == "L-14"} == adds


def test_the_same_message_twice_changes_nothing(catalogue: Catalogue) -> None:
    again = a_version(received_at=V1.received_at + MINUTE)

    assert [
        v for v in run(catalogue, [V1], [again])[len(run(catalogue, [V1])) :] if not isinstance(v, FeedStatus)
    ] == []


def causes(values: list[Any]) -> tuple[list[str], list[str]]:
    """Why each tally of violence in the whole county came, and why each sighting of a person."""
    tallies = [one.cause for one in values if isinstance(one, Tally) and (one.area, one.indicator) == TOLD_OF]
    seen = [one.why for one in values if isinstance(one, SightingChange) and one.key.startswith("person:")]
    return sorted(tallies), seen


TOLD_OF = ("L-14", "violence")
MOVED = {"occurred_from": V1.occurred_from - 24 * HOUR, "occurred_to": V1.occurred_from - 24 * HOUR}


@pytest.mark.parametrize(
    ("changes", "tallies", "cause"),
    [
        ({"action": "correct", **MOVED}, 2, "corrected"),
        ({"action": "new", **MOVED}, 2, "corrected"),
        ({"action": "dispute", **MOVED}, 2, "corrected"),
        ({"action": "withdraw"}, 1, "withdrawn"),
        ({"action": "erase"}, 1, "withdrawn"),
        ({"action": "restrict"}, 1, "withdrawn"),
    ],
)
def test_tallies_and_sightings_say_why_and_not_in_which_way_a_report_was_taken_back(
    catalogue: Catalogue, changes: dict[str, Any], tallies: int, cause: str
) -> None:
    second = a_version(source_version=2, **changes)

    both = (sorted(["reported", *[cause] * tallies]), ["reported", cause])
    assert causes(run(catalogue, [V1], [second])) == both
    assert causes(run(catalogue, [V1, second])) == both, "what has different causes does not cancel out"
    alone = [] if cause == "withdrawn" else ["reported"]
    assert causes(run(catalogue, [second])) == (alone, alone)


@pytest.mark.parametrize("order", list(permutations([V1, V2])))
def test_a_correction_moves_the_report_to_another_victim(
    catalogue: Catalogue, order: tuple[IncidentVersion, ...]
) -> None:
    assert {key for key, _ in standing(run(catalogue, list(order)))} == {"person:tok-b", "victim:tok-b"}


@pytest.mark.parametrize("order", list(permutations([V1, V2, V3])))
def test_a_withdrawn_report_leaves_nothing_even_when_its_withdrawal_came_first(
    catalogue: Catalogue, order: tuple[IncidentVersion, ...]
) -> None:
    values = run(catalogue, *[[version] for version in order])

    assert (standing(values), counted(values)) == ({}, {})


@pytest.mark.parametrize("action", ["erase", "restrict"])
def test_erased_and_restricted_reports_are_out(catalogue: Catalogue, action: str) -> None:
    assert standing(run(catalogue, [V1], [a_version(source_version=2, action=action)])) == {}


def test_a_disputed_report_stays_and_is_marked(catalogue: Catalogue) -> None:
    values = run(catalogue, [V1], [a_version(source_version=2, action="dispute")])
    last = [change for change in values if isinstance(change, SightingChange) and change.sign > 0][-1]

    assert last.sighting.disputed
    assert len(standing(values)) == 2


def test_a_correction_that_changes_no_word_is_on_record_and_sends_nothing(catalogue: Catalogue) -> None:
    first = run(catalogue, [V1])
    values = run(catalogue, [V1], [a_version(source_version=2, action="correct")])[len(first) :]

    assert [type(value) for value in values if not isinstance(value, FeedStatus)] == [AuditRecord]


def test_every_partition_hears_how_far_the_feeds_have_come(catalogue: Catalogue) -> None:
    word = FeedStatus(as_of=V1.received_at, newest={"police-crimes": V1.reported_at}, partition=0)
    values = run(catalogue, [V1, word])

    statuses = [value for value in values if isinstance(value, FeedStatus)]
    assert statuses == values[-3:], "after all that was made of the incidents it speaks of"
    assert {(one.as_of, one.newest["police-crimes"]) for one in statuses} == {(V1.received_at, V1.reported_at)}


def test_an_incident_by_itself_says_nothing_of_its_feed(catalogue: Catalogue) -> None:
    """Others of the same feed may lie before it on another partition."""
    statuses = [value for value in run(catalogue, [V1]) if isinstance(value, FeedStatus)]

    assert [status.newest for status in statuses] == [{}, {}, {}]


def test_how_far_a_feed_has_come_never_goes_back(catalogue: Catalogue) -> None:
    late, early = (FeedStatus(as_of=NOON, newest={"police-crimes": at}, partition=0) for at in (NOON, NOON - HOUR))

    assert run(catalogue, [late], [early])[-1].newest == {"police-crimes": NOON}


def test_a_report_known_to_the_month_counts_from_the_first(catalogue: Catalogue) -> None:
    values = run(catalogue, [a_version(precision="month", occurred_from=at("2026-01-20T00:00"))])
    tally = next(value for value in values if isinstance(value, Tally))

    assert (tally.precision, tally.event_day) == ("month", 20_454)  # 2026-01-01


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"parties": (Party("victim", None),)}, set()),
        ({"parties": (), "vehicles": ("veh-a",)}, {"vehicle:veh-a"}),
        ({"parties": (), "place": Place(uprn="900000000001", exact=True)}, {"place:900000000001"}),
        ({"parties": (), "place": Place(uprn="900000000001", exact=False)}, set()),
        (
            {"parties": (Party("victim", "tok-a"), Party("perpetrator", "tok-p"))},
            {"person:tok-a", "person:tok-p", "suspect:tok-p", "victim:tok-a", "victim-perpetrator:tok-a|tok-p"},
        ),
        ({"kind": "asb-case", "parties": (Party("reporter", "tok-r"),)}, {"person:tok-r", "victim:tok-r"}),
        ({"parties": (Party("reporter", "tok-r"),)}, {"person:tok-r"}),
    ],
)
def test_keys_are_made_of_what_is_known_and_of_nothing_else(
    catalogue: Catalogue, changes: dict[str, Any], keys: set[str]
) -> None:
    assert {key for key, _ in standing(run(catalogue, [a_version(**changes)]))} == keys


HOME = Place(uprn="900000000001", exact=True)


@pytest.mark.parametrize(
    ("changes", "persons"),
    [
        ({"parties": (Party("victim", "tok-a"), Party("victim", "tok-b"))}, ("tok-a", "tok-b")),
        ({"parties": (Party("victim", None),)}, ()),
        ({"parties": (Party("reporter", "tok-r"),), "kind": "asb-case"}, ("tok-r",)),
        ({"parties": (Party("subject", "tok-s", child=True),), "kind": "hate-report"}, ("tok-s",)),
        ({"parties": (Party("reporter", "tok-r"), Party("suspect", "tok-s"))}, None),
        ({"parties": ()}, None),
        ({"place": msgspec.structs.replace(HOME, exact=False)}, None),
        ({"place": Place(easting=384_000, northing=432_000, exact=True)}, None),
    ],
    ids=["victims", "somebody", "who complains", "a child", "who reports", "nobody", "a moved one", "no address"],
)
def test_an_address_is_a_households_where_somebody_is_named_to_whom_it_happened(
    catalogue: Catalogue, changes: dict[str, Any], persons: tuple[str, ...] | None
) -> None:
    limb = msgspec.structs.replace(catalogue.rules[0].limbs[0], keys=("household",))
    rule = msgspec.structs.replace(catalogue.rules[0], limbs=(limb,), status="stable")
    scope = Scope(msgspec.structs.replace(catalogue, rules=(rule,)))

    claim = claim_of(a_version(**({"place": HOME} | changes)), scope)

    expected = () if persons is None else (Keyed("household:900000000001", ("household",), persons),)
    assert claim.keys == expected
    is_child = any(party.child for party in claim.version.parties)
    assert all(sighting.child == is_child for sighting in sightings_of(claim).values())


def test_whose_key_it_is_stands_there_in_no_role_but_those_of_its_kind(catalogue: Catalogue) -> None:
    """What lint refuses to ask for is what never is, and of things all of the rest is."""
    kinds = tuple(sorted(ROLES_UNDER))
    limb = msgspec.structs.replace(catalogue.rules[0].limbs[0], keys=kinds, steps={"any": Selector()})
    rule = msgspec.structs.replace(catalogue.rules[0], limbs=(limb,), status="stable")
    scope = Scope(msgspec.structs.replace(catalogue, rules=(rule,)))
    place = msgspec.structs.replace(HOME, easting=384_000, northing=432_000, lsoa="E01024897")
    seen: dict[str, set[str]] = {kind: set() for kind in kinds}
    for kind in ("police-crime", "asb-case"):
        for role, other in product(get_args(Role), repeat=2):
            ours = (Party(one, "tok-a") for one in sorted({role, other}))
            parties = (*ours, Party("suspect", "tok-c"), Party("victim", "tok-b"))
            version = a_version(
                kind=kind,
                themes=("drugs",),
                parties=parties,
                place=place,
                vehicles=("veh-a",),
                phones=("tel-a",),
                group="group-a",
            )
            for key, sighting in sightings_of(claim_of(version, scope)).items():
                seen[key_kind(key)].update(sighting.roles)

    assert {kind: roles - ROLES_UNDER[kind] for kind, roles in seen.items()} == {kind: set() for kind in kinds}
    assert seen == ROLES_UNDER


VERSIONS = st.builds(
    a_version,
    source_version=st.integers(1, 4),
    action=st.sampled_from(["new", "correct", "withdraw", "restrict", "dispute", "erase"]),
    area=st.sampled_from(["E07000117", "E06000009", "OUTSIDE"]),
    parties=st.sampled_from([(), (Party("victim", "tok-a"),), (Party("victim", "tok-b"),)]),
)


@given(versions=st.lists(VERSIONS, max_size=6), data=st.data())
def test_what_stands_does_not_depend_on_order_duplication_or_batches(
    catalogue: Catalogue, versions: list[IncidentVersion], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(versions + versions[:2]))
    cut = data.draw(st.integers(0, len(shuffled)))
    straight, other = run(catalogue, versions), run(catalogue, shuffled[:cut], shuffled[cut:])

    assert (standing(straight), counted(straight)) == (standing(other), counted(other))


def test_a_correction_that_stays_under_its_key_is_one_change(catalogue: Catalogue) -> None:
    corrected = a_version(source_version=2, action="correct", flags=("weapon",))
    changes = [value for value in run(catalogue, [V1], [corrected]) if isinstance(value, SightingChange)][2:]

    assert [(change.key, change.sign, change.replaces is not None) for change in changes] == [
        ("person:tok-a", 1, True),
        ("victim:tok-a", 1, True),
    ]


@pytest.mark.parametrize("order", list(permutations([V1, a_version(action="erase"), V2])))
def test_what_is_erased_does_not_come_back(catalogue: Catalogue, order: tuple[IncidentVersion, ...]) -> None:
    assert standing(run(catalogue, *[[version] for version in order])) == {}


def test_a_correction_of_facts_alone_changes_the_timelines_and_nothing_else(catalogue: Catalogue) -> None:
    assessed = a_version(facts=(Fact("dash-score", "14"),))
    again = a_version(source_version=2, action="correct", facts=(Fact("dash-score", "13"),))

    values = run(catalogue, [assessed], [again])

    changes = [change for change in values if isinstance(change, SightingChange) and change.replaces is not None]
    assert {change.key for change in changes} == {"person:tok-a", "victim:tok-a"}
    assert {(change.replaces.facts, change.sighting.facts) for change in changes} == {(assessed.facts, again.facts)}
    assert counted(values) == counted(run(catalogue, [again]))


def test_an_indicator_counts_by_facts(catalogue: Catalogue) -> None:
    high = Selector(facts=(FactTest("dash-score", None, 14),))
    indicator = Indicator(id="high-risk", title="High risk", select=high, feeds=("domestic-abuse",), periods=("week",))
    with_facts = msgspec.structs.replace(catalogue, indicators=(indicator,))
    scores = [a_version(incident_id=f"i{score}", facts=(Fact("dash-score", f"{score}"),)) for score in (13, 14, 15)]

    found = counted(run(with_facts, [a_version(), *scores]))

    assert {count for (area, _, _), count in found.items() if area == "E07000117"} == {2}


def test_what_was_remembered_before_there_were_facts_is_read_without_any() -> None:
    """Rows of a release before this one lack the last place; their records are of an older version."""
    packed = msgspec.msgpack.decode(msgspec.msgpack.encode(V1))

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(packed[:-1]), type=IncidentVersion) == V1


def test_reports_say_whom_they_name_where_a_finding_on_them_is_read_elsewhere(catalogue: Catalogue) -> None:
    """Whatever the role of anybody in them, since under which key they will be seen is another question."""
    counting = a_rule(
        Count(of="harm", at_least=2, within=days(28)),
        {
            "harm": Selector(
                tests=(FieldTest("kind", frozenset({"police-crime"})), FieldTest("role", frozenset({"place"})))
            )
        },
        id="beneath",
    )
    reading = a_rule(
        Count(of="case", at_least=1, within=days(1)), {"case": Selector(tests=found_elsewhere(["beneath"]))}
    )
    alone, read = (
        Scope(msgspec.structs.replace(catalogue, rules=rules)) for rules in ((counting,), (counting, reading))
    )
    crime, noise = a_version(vehicles=("veh-a",)), a_version(kind="asb-case", vehicles=("veh-a",))

    assert [claim_of(crime, scope).linking for scope in (alone, read)] == [(), ("person:tok-a", "vehicle:veh-a")]
    assert claim_of(noise, read).linking == ()
    assert {one.linking for one in sightings_of(claim_of(crime, read)).values()} == {("person:tok-a", "vehicle:veh-a")}
    assert alone.digest != read.digest
    assert claim_of(msgspec.structs.replace(crime, action="withdraw"), read).linking == ()


def on_record(values: list[Any]) -> list[tuple[str, str | None, str | None, int | None]]:
    return [(one.verb, one.actor, one.reason, one.count) for one in values if isinstance(one, AuditRecord)]


def test_what_takes_effect_is_on_record_and_what_is_outranked_is_not(catalogue: Catalogue) -> None:
    erased = a_version(source_version=4, action="erase", parties=())

    values = run(catalogue, [V1], [V3], [V2], [erased], [V3, erased])

    assert on_record(values) == [
        ("alteration", "police-crimes", "withdraw", 1),
        ("erasure", "police-crimes", "erase", 1),
    ]


def test_an_erasure_of_what_was_never_heard_of_is_on_record(catalogue: Catalogue) -> None:
    values = run(catalogue, [a_version(action="erase", parties=())])

    assert on_record(values) == [("erasure", "police-crimes", "erase", 1)]


def test_a_decision_about_persons_is_on_record_once_with_how_many_reports_it_moved(catalogue: Catalogue) -> None:
    link = PersonLink(
        first="tok-a", second="tok-b", state="linked", method="steward", decided_by="steward-1", decided_at=NOON,
        decision_id="d-1",
    )  # fmt: skip
    other = a_version(incident_id="incident-b", parties=(Party("victim", "tok-b"),))

    values = run(catalogue, [V1, other], [link, link, V1], [link])

    assert on_record(values) == [("combination", "steward-1", "persons linked: decision d-1", 1)]
    assert "tok-" not in str([one for one in values if isinstance(one, AuditRecord)])
