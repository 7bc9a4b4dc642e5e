"""Why a finding stands: recomputed from its evidence alone, and asked of the whole timeline what would take it back."""

import msgspec
import pytest
from tests.core.rules.making import (
    BOUNDS,
    KEY,
    a_rule,
    a_sighting,
    a_timeline,
    finds,
    known,
    months,
    of_kind,
)

from safety_stream.core.catalogue import Bounds
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.incidents import Place
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import HOUR
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import HUB_RULE, RuleSet, evaluate
from safety_stream.core.rules.rule import Besides, Count, Ordered, PriorityRule, Rule, Selector
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.rules.why import Account, Grounds, Without, account_of

TOLD = Selector(tests=(FieldTest("origin", frozenset({"reported"})),))
TWICE = a_rule(Count(of="harm", at_least=2, within=months(12)), {"harm": TOLD})
GRADED = msgspec.structs.replace(TWICE, priority=PriorityRule(base="P4", by_count=((3, "P3"),)))

FIRST = a_sighting("2026-01-05T10:00", "a")
SECOND = a_sighting("2026-02-05T10:00", "b")
THIRD = a_sighting("2026-03-05T10:00", "c")
HOME = Place(uprn="900000000001", exact=True)


def account(
    finding: Finding, rule: Rule | None, *sightings: Sighting, now: Now | None = None, bounds: Bounds = BOUNDS
) -> Account:
    timeline = a_timeline(*sightings, bounds=bounds)
    standing = finds(rule, *sightings) if rule is not None else [finding]
    return account_of(finding, [] if rule is None else [rule], Grounds(timeline, (), now or known()), standing, bounds)


def test_a_finding_is_recomputed_from_the_reports_it_names():
    (found,) = finds(TWICE, FIRST, SECOND)

    said = account(found, TWICE, FIRST, SECOND)

    assert (said.verdict, said.recomputed, said.differs_in) == ("same", found, ())
    assert [at.occurrence_id for at in said.occurrences] == ["a", "b"]
    assert [(one.incident_id, one.organisation, one.kind) for at in said.occurrences for one in at.reports] == [
        ("a", "lancashire-police", "police-crime"),
        ("b", "lancashire-police", "police-crime"),
    ]


def test_only_the_evidence_is_asked_and_not_what_else_the_key_has_seen():
    """Two in twelve months, and one a year before that: it adds nothing, and would not be missed."""
    long_ago = a_sighting("2024-12-01T10:00", "old")
    found = finds(TWICE, long_ago, FIRST, SECOND)[-1]

    said = account(found, TWICE, long_ago, FIRST, SECOND)

    assert said.verdict == "same"
    assert {one.reports for one in said.without} == {("a",), ("b",)}


def test_a_report_the_finding_did_not_know_of_is_no_part_of_its_recomputing():
    """As when workers lag behind what was reported: it is right by what it names, and overtaken."""
    (found,) = finds(TWICE, FIRST, THIRD)

    said = account(found, TWICE, FIRST, SECOND, THIRD)

    assert (said.verdict, said.recomputed) == ("overtaken", found)
    assert said.differs_in == ("evidence", "facts")


def test_without_either_of_two_there_would_be_nothing():
    (found,) = finds(TWICE, FIRST, SECOND)

    said = account(found, TWICE, FIRST, SECOND)

    assert said.without == (Without(("a",), stands=False), Without(("b",), stands=False))
    assert said.hangs_on_one


def test_without_one_of_three_it_would_stand_less_urgent():
    found = finds(GRADED, FIRST, SECOND, THIRD)[-1]

    said = account(found, GRADED, FIRST, SECOND, THIRD)

    assert found.priority == "P3"
    assert said.without == (
        Without(("a",), stands=True, priority="P4"),
        Without(("b",), stands=True, priority="P4"),
        Without(("c",), stands=False),
    )


def test_without_the_link_of_a_chain_it_would_stand_on_another():
    """A chain takes the latest referral; without it the one before would do."""
    rule = a_rule(
        Ordered(steps=("referral", "abuse"), within=months(12)),
        {"referral": of_kind("marac-referral"), "abuse": of_kind("police-crime")},
    )
    referrals = [
        a_sighting(when, name, kind="marac-referral")
        for name, when in (("r1", "2026-01-01T10:00"), ("r2", "2026-01-02T10:00"))
    ]
    (found,) = finds(rule, *referrals, SECOND)

    said = account(found, rule, *referrals, SECOND)

    assert said.verdict == "same"
    assert said.without == (
        Without(("r2",), stands=True, priority="P4", instead=("r1",)),
        Without(("b",), stands=False),
    )


def test_what_remains_of_an_occurrence_completes_under_its_own_name():
    """Two agencies told of the second harm: either report alone still makes it."""
    council = a_sighting(SECOND.occurred_from, "b0", place=HOME, organisation="burnley-council")
    police = a_sighting(SECOND.occurred_from + 1, "b1", place=HOME)
    (found,) = finds(TWICE, FIRST, council, police)

    said = account(found, TWICE, FIRST, council, police)

    assert found.occurrence_id == "b0"
    assert said.verdict == "same"
    alone = [(("a",), False), (("b0",), True), (("b1",), True)]
    assert [(one.reports, one.stands) for one in said.without] == [*alone, (("b0", "b1"), False)]


def test_what_two_told_of_is_asked_about_as_one():
    """Neither of the two reports of the second harm is missed; had it not happened, the third would be too few."""
    council = a_sighting(SECOND.occurred_from, "b0", place=HOME, organisation="burnley-council")
    police = a_sighting(SECOND.occurred_from + 1, "b1", place=HOME)
    found = finds(GRADED, FIRST, council, police, THIRD)[-1]

    said = account(found, GRADED, FIRST, council, police, THIRD)

    assert [(one.reports, one.priority) for one in said.without] == [
        (("a",), "P4"),
        (("b0",), "P3"),
        (("b1",), "P3"),
        (("c",), None),
        (("b0", "b1"), "P4"),
    ]


def test_each_report_says_in_which_role_the_person_stands_and_of_a_place_none_does():
    accused = a_sighting("2026-02-05T10:00", "b", roles=("perpetrator", "victim"))
    (found,) = finds(TWICE, FIRST, accused)

    said = account(found, TWICE, FIRST, accused)

    assert [one.roles for at in said.occurrences for one in at.reports] == [("victim",), ("perpetrator", "victim")]
    assert [one.roles for at in found.evidence for one in at.told] == [("victim",), ("perpetrator", "victim")]


def test_what_was_left_out_is_told_with_its_reason():
    looked_for = a_sighting("2026-01-20T10:00", "x", origin="discovered")
    (found,) = finds(TWICE, FIRST, looked_for, SECOND)

    said = account(found, TWICE, FIRST, looked_for, SECOND)

    assert said.verdict == "same"
    assert [(one.report.incident_id, one.reason) for one in said.left_out] == [("x", "discovered")]


def test_a_report_left_out_is_looked_at_together_with_its_occurrence():
    """It began after the last harm, but is part of something that began before: by that time it was looked at.

    12:00  13:00  14:00  14:30
    [intervention-like report of no step .....]
                  [last harm]
                         [found by looking]
    """
    rule = a_rule(Count(of="harm", at_least=2, within=months(12)), {"harm": _of_police_and_told()})
    began = a_sighting("2026-02-05T12:00", "s", kind="housing-concern", organisation="housing", place=HOME)
    began = msgspec.structs.replace(began, occurred_to=began.occurred_from + 4 * HOUR)
    last = a_sighting("2026-02-05T14:00", "t")
    found_later = a_sighting("2026-02-05T14:30", "u", origin="discovered", place=HOME, organisation="council")
    (found,) = finds(rule, FIRST, began, last, found_later)

    said = account(found, rule, FIRST, began, last, found_later)

    assert [item.incident_id for item in found.excluded] == ["u"]
    assert said.verdict == "same"


def _of_police_and_told() -> Selector:
    return Selector(
        tests=(FieldTest("kind", frozenset({"police-crime"})), FieldTest("origin", frozenset({"reported"})))
    )


@pytest.mark.parametrize(
    ("changes", "differs_in"),
    [
        ({}, ()),
        ({"priority": PriorityRule(base="P2")}, ("priority",)),
    ],
    ids=["the same", "more urgent"],
)
def test_a_finding_of_an_earlier_version_is_answered_under_the_rule_as_it_is(
    changes: dict[str, object], differs_in: tuple[str, ...]
):
    (found,) = finds(TWICE, FIRST, SECOND)
    later = msgspec.structs.replace(TWICE, version=2, **changes)

    said = account(found, later, FIRST, SECOND)

    assert (said.verdict, said.version_now, said.differs_in) == ("new-version", 2, differs_in)


def test_under_a_later_version_there_may_be_nothing():
    (found,) = finds(TWICE, FIRST, SECOND)
    later = a_rule(Count(of="harm", at_least=3, within=months(12)), {"harm": TOLD}, version=2)

    said = account(found, later, FIRST, SECOND)

    assert (said.verdict, said.today) == ("new-version", None)


def test_a_later_version_is_asked_of_everything_and_not_of_what_the_earlier_one_named():
    """What ends a series now was nothing then, and is not in the evidence."""
    visit = a_sighting("2026-01-20T10:00", "v", kind="intervention")
    harm = {"harm": of_kind("police-crime"), "visit": of_kind("intervention")}
    (found,) = finds(a_rule(Count(of="harm", at_least=2, within=months(12)), harm), FIRST, visit, SECOND)
    later = a_rule(Count(of="harm", at_least=2, within=months(12), until="visit"), harm, version=2)

    said = account(found, later, FIRST, visit, SECOND)

    assert (said.verdict, said.today) == ("new-version", None)


def test_a_rule_changed_without_a_new_version_is_found_out():
    (found,) = finds(TWICE, FIRST, SECOND)
    changed = msgspec.structs.replace(TWICE, priority=PriorityRule(base="P1"))

    assert account(found, changed, FIRST, SECOND).verdict == "differs"
    assert account(found, changed, FIRST, SECOND).differs_in == ("priority",)


@pytest.mark.parametrize("rule", [None, msgspec.structs.replace(TWICE, status="retired")], ids=["none", "retired"])
def test_without_its_rule_nothing_can_be_recomputed(rule: Rule | None):
    (found,) = finds(TWICE, FIRST, SECOND)

    said = account(found, rule, FIRST, SECOND)

    assert (said.verdict, said.version_now, said.recomputed) == ("no-rule", None, None)


def test_reports_that_are_no_more_are_named():
    (found,) = finds(TWICE, FIRST, SECOND)

    said = account(found, TWICE, SECOND)

    assert (said.verdict, said.gone, said.recomputed) == ("reports-gone", ("a",), None)
    assert [one.incident_id for at in said.occurrences for one in at.reports] == ["b"]


def test_how_often_it_completed_is_counted_over_twelve_months_here_and_on_the_key():
    found = finds(TWICE, FIRST, SECOND)[-1]
    at = found.completed_at
    like = [
        found,
        msgspec.structs.replace(found, finding_id="same area", key="victim:t2", completed_at=at - HOUR),
        msgspec.structs.replace(found, finding_id="same key", area="E07000118", completed_at=at - HOUR),
        msgspec.structs.replace(found, finding_id="later", completed_at=at + 1),
        msgspec.structs.replace(found, finding_id="before", completed_at=at - 366 * 24 * HOUR),
        msgspec.structs.replace(found, finding_id="other rule", rule_id="b-rule", completed_at=at - HOUR),
    ]

    said = account_of(found, [TWICE], Grounds(a_timeline(FIRST, SECOND), (), known()), like, BOUNDS)

    assert (said.times_here, said.times_on_key) == (2, 2)


@pytest.mark.parametrize(("more", "hangs"), [(1, True), (2, False)])
def test_a_hub_rests_on_how_many_reports_there_are(more: int, hangs: bool):
    bounds = msgspec.structs.replace(BOUNDS, hub=3, kept=8)
    sightings = [a_sighting(f"2026-01-0{day}T10:00", f"h{day}") for day in range(1, 4 + more)]
    (found,) = evaluate(RuleSet([TWICE], bounds), KEY, a_timeline(*sightings, bounds=bounds), known()).values()

    said = account(found, HUB_RULE, *sightings, bounds=bounds)

    assert (said.verdict, said.rests_on_reports, said.hangs_on_one) == ("same", 3 + more, hangs)
    assert said.without == ()


def test_what_rests_on_findings_is_recomputed_with_them_and_falls_with_each_of_their_reports():
    again = a_rule(
        Count(of="repeat", at_least=1, within=months(1)),
        {"repeat": Selector(finding=frozenset({TWICE.id}))},
        id="again",
    )
    timeline = a_timeline(FIRST, SECOND)
    found = evaluate(RuleSet([again, TWICE], BOUNDS), KEY, timeline, known()).values()
    (finding,) = [one for one in found if one.rule_id == "again"]

    said = account_of(finding, [again, TWICE], Grounds(timeline, (), known()), found, BOUNDS)

    assert (said.verdict, said.recomputed, said.rests_on_reports) == ("same", finding, 2)
    assert said.without == tuple(Without(gone, stands=False) for gone in (("a",), ("b",), ("a", "b")))


def test_what_is_told_besides_the_evidence_is_counted_again():
    limb = msgspec.structs.replace(
        TWICE.limbs[0],
        steps={"harm": of_kind("police-crime"), "complaint": of_kind("asb-case")},
        besides={"complaints": Besides(of="complaint", within=months(12))},
    )
    rule = msgspec.structs.replace(TWICE, limbs=(limb,))
    told = (
        a_sighting("2026-01-20T10:00", "told", kind="asb-case"),
        a_sighting("2024-01-20T10:00", "old", kind="asb-case"),
    )
    (found,) = finds(rule, FIRST, SECOND, *told)

    said = account(found, rule, FIRST, SECOND, *told)

    assert dict(found.facts)["complaints"] == "1"
    assert (said.verdict, said.recomputed) == ("same", found)


def test_a_finding_of_before_roles_were_kept_is_recomputed_the_same():
    (found,) = finds(TWICE, FIRST, SECOND)
    bare = tuple(
        msgspec.structs.replace(at, told=tuple(msgspec.structs.replace(one, roles=()) for one in at.told))
        for at in found.evidence
    )
    others = (msgspec.structs.replace(bare[0], area="leeds"), bare[1])

    for evidence, verdict, differs_in in ((bare, "same", ()), (others, "differs", ("evidence",))):
        said = account(msgspec.structs.replace(found, evidence=evidence), TWICE, FIRST, SECOND)
        assert (said.verdict, said.differs_in) == (verdict, differs_in)
    later = msgspec.structs.replace(TWICE, version=TWICE.version + 1)
    said = account(msgspec.structs.replace(found, evidence=bare), later, FIRST, SECOND)
    assert (said.verdict, said.differs_in) == ("new-version", ())
