"""Every partner's record becomes exactly one incident version or one dead letter that says why."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.core.stages.making import NOON, a_record, a_report, at

from safety_stream.core.catalogue import Catalogue, FactKind
from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.reports import ReportedParty, ReportedPlace
from safety_stream.core.model.times import MINUTE, SECOND
from safety_stream.core.stages import intake
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import EVERY_PARTITION

RECEIVED = NOON + 120 * MINUTE


def taken(catalogue: Catalogue, value: Any, topic: str = "partner.police-crimes") -> Any:
    output, *_ = intake.make_step(catalogue, 1)(MemoryRows(), [a_record(value, topic, received_at=RECEIVED)], None)
    return output.value


def test_a_good_report_is_stamped_with_what_the_catalogue_knows(catalogue: Catalogue) -> None:
    version = taken(catalogue, a_report(flags=("domestic-abuse",)))

    assert isinstance(version, IncidentVersion)
    assert (version.organisation, version.family, version.area) == ("lancashire-police", "violence", "E07000117")
    assert version.themes == ("domestic-abuse", "violence")
    assert version.received_at == RECEIVED


@pytest.mark.parametrize(
    ("changes", "topic", "reason"),
    [
        ({"source": "nobody"}, "partner.nobody", "unknown-source"),
        ({}, "partner.fire", "unknown-source"),
        ({"kind": "fire"}, "partner.police-crimes", "wrong-kind-for-source"),
        ({"details": ("fire",)}, "partner.police-crimes", "schema-violation"),
        ({"category": "no-such"}, "partner.police-crimes", "schema-violation"),
        ({"count": 0}, "partner.police-crimes", "schema-violation"),
        ({"occurred_from": RECEIVED + 5 * MINUTE + 1}, "partner.police-crimes", "impossible-time"),
        ({"reported_at": RECEIVED + 5 * MINUTE + 1}, "partner.police-crimes", "impossible-time"),
        ({"occurred_from": at("1899-12-31T23:59")}, "partner.police-crimes", "impossible-time"),
        ({"occurred_to": NOON - SECOND}, "partner.police-crimes", "impossible-time"),
    ],
)
def test_a_bad_report_becomes_a_dead_letter_with_its_reason(
    catalogue: Catalogue, changes: dict[str, Any], topic: str, reason: str
) -> None:
    letter = taken(catalogue, a_report(**changes), topic)

    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.value, letter.key) == (reason, b"as it came", b"k")


def test_five_minutes_ahead_is_a_partners_clock_not_a_mistake(catalogue: Catalogue) -> None:
    assert isinstance(taken(catalogue, a_report(occurred_from=RECEIVED + 5 * MINUTE)), IncidentVersion)


def test_a_record_that_could_not_be_read_is_kept(catalogue: Catalogue) -> None:
    letter = taken(catalogue, Refused("unreadable-framing", "no magic byte"))

    assert (letter.reason, letter.topic, letter.attempts) == ("unreadable-framing", "partner.police-crimes", 1)


@pytest.mark.parametrize(
    "named",
    [
        {"parties": (ReportedParty(role="victim", token="tok-a"),)},
        {"vehicles": ("veh-a",)},
        {"phones": ("tel-a",)},
        {"group": "grp-a"},
    ],
)
def test_a_place_only_source_carries_nobody(catalogue: Catalogue, named: dict[str, Any]) -> None:
    report = a_report(source="ed-assaults", kind="assault-attendance", **named)

    assert taken(catalogue, report, "partner.ed-assaults").reason == "person-in-place-only-source"


def test_a_place_only_source_may_say_that_somebody_unknown_was_there(catalogue: Catalogue) -> None:
    report = a_report(source="ed-assaults", kind="assault-attendance", parties=(ReportedParty(role="victim"),))

    assert isinstance(taken(catalogue, report, "partner.ed-assaults"), IncidentVersion)


def test_a_dead_letter_repeats_no_value(catalogue: Catalogue) -> None:
    letter = taken(catalogue, a_report(category="tok-secret"))

    assert "tok-secret" not in letter.detail


@pytest.mark.parametrize(
    ("place", "area"),
    [
        (ReportedPlace(area="E06000009"), "E06000009"),
        (ReportedPlace(lsoa="E01012607"), "E06000008"),
        (ReportedPlace(area="E09000001", lsoa="E01012607"), "E06000008"),
        (ReportedPlace(area="E09000001"), "OUTSIDE"),
        (ReportedPlace(), "UNLOCATED"),
        (None, "UNLOCATED"),
        (ReportedPlace(area="L-12"), "OUTSIDE"),
    ],
)
def test_the_district_is_the_stated_one_or_its_lsoas(
    catalogue: Catalogue, place: ReportedPlace | None, area: str
) -> None:
    assert taken(catalogue, a_report(place=place)).area == area


@pytest.mark.parametrize(
    ("place", "exact"),
    [
        (ReportedPlace(uprn="900000000001"), True),
        (ReportedPlace(easting=384_000, northing=432_000), True),
        (ReportedPlace(easting=384_000, northing=432_000, precision_m=100), True),
        (ReportedPlace(easting=384_000, northing=432_000, precision_m=101), False),
        (ReportedPlace(easting=384_000, northing=432_000, snapped=True), False),
        (ReportedPlace(lsoa="E01012607"), False),
    ],
)
def test_only_a_fine_unsnapped_point_is_a_place(catalogue: Catalogue, place: ReportedPlace, exact: bool) -> None:
    assert taken(catalogue, a_report(place=place)).place.exact is exact


def test_degrees_become_grid_metres(catalogue: Catalogue) -> None:
    """Ordnance Survey's own worked point: 52.657979 N, 1.716052 E (WGS84) is 651409, 313177 within 5 m."""
    place = taken(catalogue, a_report(place=ReportedPlace(latitude=52.6579786, longitude=1.7160519))).place

    assert abs(place.easting - 651_409) <= 5
    assert abs(place.northing - 313_177) <= 5


@pytest.mark.parametrize(
    "changes",
    [
        {"parties": (ReportedParty(role="victim", token="t" * 65),)},
        {"parties": (ReportedParty(role="victim", token="tok a"),)},
        {"parties": (ReportedParty(role="victim", token="tok|a"),)},
        {"vehicles": tuple(f"veh-{number}" for number in range(17))},
        {"phones": ("tel\n",)},
        {"group": "g" * 65},
        {"flags": ("f" * 33,)},
        {"subtype": "s" * 33},
        {"place": ReportedPlace(uprn="9" * 13)},
        {"place": ReportedPlace(uprn="nine")},
        {"count": 1_000_001},
    ],
)
def test_nothing_a_key_or_a_row_is_made_of_is_without_bound(catalogue: Catalogue, changes: dict[str, Any]) -> None:
    assert taken(catalogue, a_report(**changes)).reason == "schema-violation"


def test_an_end_in_the_far_future_is_impossible(catalogue: Catalogue) -> None:
    assert taken(catalogue, a_report(occurred_to=at("9999-01-01T00:00"))).reason == "impossible-time"


def test_a_backfill_stamped_in_microseconds_is_refused_and_stops_nobody(catalogue: Catalogue) -> None:
    record = msgspec.structs.replace(a_record(a_report(), "backfill.police-crimes"), received_at=RECEIVED * 1000)
    output, collected = intake.make_step(catalogue, 1)(MemoryRows(), [record], None)

    assert (output.value.reason, output.topic) == ("impossible-time", "dead-letters.intake")
    assert (collected.value.as_of, collected.value.count) == (intake.LATEST, 0)


def test_a_record_too_large_for_the_dead_letters_stays_where_it_is(catalogue: Catalogue) -> None:
    record = msgspec.structs.replace(
        a_record(Refused("oversize", "too long"), "partner.fire"), raw_value=b"x" * (intake.KEPT_VERBATIM + 1)
    )
    output, *_ = intake.make_step(catalogue, 1)(MemoryRows(), [record], None)

    assert output.value.value is None
    assert "stay at this offset" in output.value.detail


def test_an_erased_report_names_nobody_any_more(catalogue: Catalogue) -> None:
    erased = a_report(action="erase", parties=(ReportedParty(role="victim", token="tok-a"),), vehicles=("veh-a",))
    version = taken(catalogue, erased)

    assert (version.parties, version.vehicles, version.phones, version.group) == ((), (), (), None)


def test_every_partition_hears_how_far_the_feeds_have_come_after_their_incidents(catalogue: Catalogue) -> None:
    reports = [a_report(source_ref=f"C/{n}", reported_at=a_report().reported_at + n) for n in (5, 9, 2)]
    bad = Refused("unreadable-framing", "not ours")
    records = [
        a_record(value, "partner.police-crimes", received_at=RECEIVED + n) for n, value in enumerate([*reports, bad])
    ]

    *_, last = intake.make_step(catalogue, 1)(MemoryRows(), records, None)

    assert last.value == FeedStatus(
        as_of=RECEIVED + 2, newest={"police-crimes": a_report().reported_at + 9}, partition=0
    )
    assert (last.topic, last.partition) == ("incidents", EVERY_PARTITION)


def test_what_is_refused_says_nothing_of_its_feed(catalogue: Catalogue) -> None:
    record = a_record(a_report(source_version=1, kind="fire"), "partner.police-crimes", received_at=RECEIVED)

    outputs = intake.make_step(catalogue, 1)(MemoryRows(), [record], None)

    assert [output.topic for output in outputs] == ["dead-letters.intake", "audit.collection"]


@pytest.mark.parametrize("lsoa", ["the house by the church", "E0101260", "e01012607", "E01012607 ", "x" * 200_000])
def test_an_lsoa_is_a_code_and_no_text(catalogue: Catalogue, lsoa: str) -> None:
    """It would go with every sighting; and a timeline at its bound must fit one record."""
    refused = taken(catalogue, a_report(place=ReportedPlace(lsoa=lsoa)))

    assert (refused.reason, "field location.lsoa" in refused.detail) == ("schema-violation", True)


@pytest.mark.parametrize(("latitude", "longitude"), [(91.0, 0.0), (-90.5, 0.0), (53.7, 180.5), (1e308, -1e308)])
def test_degrees_beyond_the_earth_are_refused(catalogue: Catalogue, latitude: float, longitude: float) -> None:
    refused = taken(catalogue, a_report(place=ReportedPlace(latitude=latitude, longitude=longitude)))

    assert (refused.reason, "degrees" in refused.detail) == ("schema-violation", True)


def test_what_a_withdrawal_calls_its_category_goes_no_further(catalogue: Catalogue) -> None:
    version = taken(catalogue, a_report(action="withdraw", source_version=2, category="what the neighbour said"))

    assert (version.action, version.category) == ("withdraw", "")


def test_every_text_that_goes_further_has_a_bound(catalogue: Catalogue) -> None:
    """Whatever text of a report is made as long as the wire allows, the version stays small or there is none."""
    long = "E" * 200_000
    reports = [
        a_report(**{name: long}) for name in ("source_ref", "subtype", "category", "group", "grade", "marking", "kind")
    ]
    reports += [a_report(**{name: (long,)}) for name in ("vehicles", "phones", "flags")]
    reports += [a_report(place=ReportedPlace(**{name: long})) for name in ("uprn", "lsoa", "area")]
    reports.append(a_report(parties=(ReportedParty(role="victim", token=long),)))

    stamped = [taken(catalogue, report) for report in reports if report.grade is None and report.marking == "OFFICIAL"]

    assert [value for value in stamped if len(msgspec.json.encode(getattr(value, "detail", value))) > 5_000] == []


# --- facts

DECLARED = {
    "score": FactKind(id="score", type="number", title="Score"),
    "colour": FactKind(id="colour", type="word", title="Colour", values=frozenset({"red", "blue"})),
    "place": FactKind(id="place", type="word", title="Place"),
}


def stating(
    catalogue: Catalogue, *facts: tuple[str, str], native: tuple[tuple[str, str], ...] = (), **more: Any
) -> Any:
    """What becomes of a report that states these facts, and whose details say those."""
    report = a_report(facts=tuple(Fact(*one) for one in facts), native=tuple(Fact(*one) for one in native), **more)
    return taken(msgspec.structs.replace(catalogue, facts=DECLARED), report)


def said_in(version: Any) -> dict[str, str]:
    assert isinstance(version, IncidentVersion)
    assert [fact.name for fact in version.facts] == sorted({fact.name for fact in version.facts})
    return {fact.name: fact.value for fact in version.facts}


def test_declared_facts_go_further_in_order_of_name(catalogue: Catalogue) -> None:
    version = stating(catalogue, ("score", "15"), ("colour", "red"), ("place", "e07000117"))

    assert said_in(version) == {"score": "15", "colour": "red", "place": "e07000117"}


@pytest.mark.parametrize(("said", "meant"), [("007", "7"), ("-0", "0"), ("-12", "-12"), ("9" * 15, "9" * 15)])
def test_a_number_goes_further_as_everybody_writes_it(catalogue: Catalogue, said: str, meant: str) -> None:
    assert said_in(stating(catalogue, ("score", said))) == {"score": meant}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ([("score", "1"), ("zzsecretzz", "zzsecretzz")], "fact number 2 is not in the catalogue"),
        ([("score", "zzsecretzz")], "fact number 1 is not a whole number of at most 15 digits"),
        ([("score", "1" * 16)], "fact number 1 is not a whole number of at most 15 digits"),
        ([("score", "1.5")], "fact number 1 is not a whole number of at most 15 digits"),
        ([("score", "")], "fact number 1 is not a whole number of at most 15 digits"),
        ([("colour", "zzsecretzz")], "fact number 1 is not one of the words"),
        ([("colour", "Red")], "fact number 1 is not one of the words"),
        ([("place", "Zzsecretzz Road")], "fact number 1 is not a word of 1 to 64 lower-case letters"),
        ([("place", "x" * 65)], "fact number 1 is not a word of 1 to 64 lower-case letters"),
        ([("place", "")], "fact number 1 is not a word of 1 to 64 lower-case letters"),
        ([("score", "1"), ("score", "1")], "fact number 2 is stated twice"),
        ([("score", "1")] * 33, "more than 32 facts"),
    ],
)
def test_a_stated_fact_that_is_none_is_refused_by_its_place(
    catalogue: Catalogue, facts: list[tuple[str, str]], said: str
) -> None:
    letter = stating(catalogue, *facts)

    assert isinstance(letter, DeadLetter)
    assert letter.reason == "schema-violation"
    assert letter.detail.startswith(said)
    assert "secret" not in letter.detail


def test_what_details_say_is_a_fact_only_if_it_is_declared_and_a_value(catalogue: Catalogue) -> None:
    native = (("colour", "green"), ("other", "Some Body"), ("place", "two words"), ("score", "15"))

    assert said_in(stating(catalogue, native=native)) == {"score": "15"}


def test_what_is_stated_goes_before_what_details_say(catalogue: Catalogue) -> None:
    version = stating(catalogue, ("score", "3"), native=(("colour", "red"), ("score", "15")))

    assert said_in(version) == {"score": "3", "colour": "red"}


@pytest.mark.parametrize("action", ["withdraw", "erase", "restrict"])
def test_what_takes_a_report_back_says_nothing_and_is_not_refused_for_it(catalogue: Catalogue, action: str) -> None:
    assert said_in(stating(catalogue, ("nobody-declared", "x"), native=(("score", "15"),), action=action)) == {}


def test_facts_are_short_enough_for_a_timeline_at_its_bound_to_fit_one_record(catalogue: Catalogue) -> None:
    long = {f"long-{number}": FactKind(id=f"long-{number}", type="word", title="Long") for number in range(8)}
    wordy = msgspec.structs.replace(catalogue, facts=long)
    facts = tuple(Fact(name, "x" * 58) for name in long)

    assert isinstance(taken(wordy, a_report(facts=facts)), IncidentVersion)
    letter = taken(wordy, a_report(facts=(*facts[:-1], Fact("long-7", "x" * 59))))
    assert letter.detail.startswith("facts have more than 512 characters together")


@pytest.mark.parametrize("number", ["-1", "100001"])
def test_a_number_out_of_its_bounds_is_refused_where_stated_and_passed_over_in_details(
    catalogue: Catalogue, number: str
) -> None:
    bounded = {"score": FactKind(id="score", type="number", title="S", at_least=0, at_most=100_000)}
    known = msgspec.structs.replace(catalogue, facts=bounded)

    refused = taken(known, a_report(facts=(Fact("score", number),)))

    assert refused.detail == "fact number 1 is not a whole number of at most 15 digits, not below 0, not above 100000"
    assert said_in(taken(known, a_report(native=(Fact("score", number),)))) == {}
    assert said_in(taken(known, a_report(facts=(Fact("score", "100000"),)))) == {"score": "100000"}


@pytest.mark.parametrize(
    ("stated", "detail"),
    [
        ({"survey-asked": "250", "survey-felt-safe": "250"}, ""),
        ({"survey-asked": "250", "survey-felt-safe": "251"}, "fact survey-felt-safe is more than survey-asked"),
        ({"survey-named-asb": "1"}, "fact survey-named-asb is a part of survey-asked: state that as well"),
    ],
)
def test_a_part_is_stated_with_its_whole_and_is_no_more(catalogue: Catalogue, stated: dict, detail: str) -> None:
    found = taken(catalogue, a_report(facts=tuple(Fact(name, value) for name, value in stated.items())))

    assert getattr(found, "detail", "").startswith(detail)
    assert isinstance(found, IncidentVersion) is (detail == "")


@pytest.mark.parametrize(("action", "is_refused"), [("new", True), ("correct", True), ("withdraw", False)])
def test_a_report_of_one_incident_is_not_of_several(catalogue: Catalogue, action: Any, is_refused: bool) -> None:
    found = taken(catalogue, a_report(count=2, action=action))

    assert (getattr(found, "detail", None) is not None) is is_refused
    assert not is_refused or found.detail.startswith("field count: a report of kind police-crime is of one")


@pytest.mark.parametrize(
    ("count", "details", "native", "detail"),
    [
        (0, False, None, ""),
        (0, True, "0", ""),
        (7, True, "7", ""),
        (7, True, None, ""),
        (-1, False, None, "field count must be 0 or more"),
        # A partner that fills the details alone says 1 in the envelope: the schema's default.
        (1, True, "7", "fields count and aggregate_count.value are not the same number"),
        (1, True, "-7", "fields count and aggregate_count.value are not the same number"),
        (1, True, "9999999999999999", "fields count and aggregate_count.value are not the same number"),
        (0, True, None, "field count is 0 and aggregate_count.value is null"),
        (1_000_001, True, "1000001", "field count is more than 1000000"),
    ],
)
def test_a_count_is_one_number_and_what_was_suppressed_is_none(
    catalogue: Catalogue, count: int, details: bool, native: str | None, detail: str
) -> None:
    report = a_report(
        source="partnership-counts",
        kind="aggregate-count",
        category="aggregate",
        subtype="survey",
        place=ReportedPlace(area="E07000117"),
        parties=(),
        count=count,
        details=("aggregate_count",) if details else (),
        native=() if native is None else (Fact("counted", native),),
    )

    found = taken(catalogue, report, "partner.partnership-counts")

    assert getattr(found, "detail", "").startswith(detail)
    assert isinstance(found, IncidentVersion) is (detail == "")


@pytest.mark.parametrize(
    ("place", "action", "is_refused"),
    [
        (ReportedPlace(area="E07000117"), "new", False),
        (ReportedPlace(area="E07000999"), "new", True),
        (ReportedPlace(area="L-12"), "new", True),
        (None, "new", True),
        (None, "withdraw", False),
    ],
)
def test_a_count_is_of_a_district_or_refused(
    catalogue: Catalogue, place: ReportedPlace | None, action: Any, is_refused: bool
) -> None:
    report = a_report(
        source="partnership-counts",
        kind="aggregate-count",
        category="aggregate",
        subtype="survey",
        place=place,
        action=action,
        parties=(),
        details=(),
        facts=(Fact("survey-asked", "250"),),
    )

    found = taken(catalogue, report, "partner.partnership-counts")

    assert (getattr(found, "reason", None) == "schema-violation") is is_refused
