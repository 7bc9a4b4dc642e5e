"""Who may be told what: only what a grant of an agreement in force covers, whatever the policy says besides."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import NOON, an_alert

from safety_stream.core.catalogue import Area, Areas, Parent
from safety_stream.core.model.sharing import Grant, Sharing, SharingAgreement
from safety_stream.core.model.times import DAY_LENGTH, Day, day_of
from safety_stream.core.policy import Policy, differences, endings, explain

TODAY = day_of(NOON)
ALERT = msgspec.structs.replace(an_alert(priority="P3", audiences=("team",)), area="N-1", areas=("N-1",))
AREAS = Areas(
    county="A county",
    by_code={
        "NORTH": Area(code="NORTH", name="North", kind="csp"),
        "N-1": Area(code="N-1", name="N-1", kind="district", parents=(Parent("NORTH"),)),
        "S-1": Area(code="S-1", name="S-1", kind="district"),
    },
    by_lsoa={},
)


def an_agreement(name: str = "isa", valid_from: Day = TODAY - 9, valid_to: Day = TODAY + 9) -> SharingAgreement:
    return SharingAgreement(
        id=name,
        title="Made up",
        reference="MADE-UP/1",
        parties=("team", "police"),
        purposes=("safeguarding",),
        bases=("CDA115",),
        valid_from=valid_from,
        valid_to=valid_to,
        review=TODAY,
    )


def a_grant(name: str = "one", agreement: SharingAgreement | None = None, **changes: object) -> Grant:
    grant = Grant(
        id=name,
        subscriber="team",
        party="team",
        purpose="safeguarding",
        basis="CDA115",
        agreement=agreement or an_agreement(),
        fields=("title",),
    )
    return msgspec.structs.replace(grant, **changes)


def verdict_of(*grants: Grant, alert: object = ALERT, at: int = NOON, **rest: object):
    policy = Policy(Sharing(grants=grants, **rest), AREAS, {ALERT.rule_id: ("safeguarding",)})
    return policy.of_alert("team", alert, at)


def test_who_is_granted_nothing_is_told_nothing() -> None:
    verdict = verdict_of(a_grant(subscriber="others"))

    assert (verdict.fields, verdict.bars, verdict.why) == ((), True, "nothing is granted to team")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["team", "others"]),
            st.sets(st.sampled_from(["title", "subject", "area"]), min_size=1),
            st.integers(TODAY - 2, TODAY + 2),
            st.integers(TODAY - 2, TODAY + 2),
            st.sampled_from([(), ("NORTH",), ("S-1",)]),
        ),
        max_size=4,
    )
)
def test_a_field_is_told_exactly_when_some_grant_in_force_gives_it(drawn: list) -> None:
    """By other words than the policy's own: each line of the table by itself."""
    grants = [
        a_grant(
            str(number),
            an_agreement(str(number), valid_from, valid_to),
            subscriber=subscriber,
            fields=tuple(sorted(fields)),
            areas=areas,
        )
        for number, (subscriber, fields, valid_from, valid_to, areas) in enumerate(drawn)
    ]
    expected = {
        field
        for subscriber, fields, valid_from, valid_to, areas in drawn
        if subscriber == "team" and valid_from <= TODAY < valid_to and areas != ("S-1",)
        for field in fields
    }

    assert set(verdict_of(*grants).fields) == expected


def test_an_alert_is_told_for_a_purpose_of_its_rule_or_not_at_all() -> None:
    grants = (a_grant("one"), a_grant("two", purpose="crime-prevention", fields=("title", "subject")))
    sharing = Sharing(grants=grants)

    def told_for(purposes: dict[str, tuple[str, ...]]):
        return Policy(sharing, AREAS, purposes).of_alert("team", ALERT, NOON)

    both = told_for({ALERT.rule_id: ("crime-prevention", "safeguarding")})
    assert (both.fields, both.purposes) == (("title", "subject"), ("crime-prevention", "safeguarding"))
    one = told_for({ALERT.rule_id: ("safeguarding",)})
    assert (one.fields, one.grants, one.purposes) == (("title",), ("one",), ("safeguarding",))
    # Of another purpose, or of a rule nobody says a purpose of, nothing: whatever is granted.
    assert told_for({ALERT.rule_id: ("anti-social-behaviour",)}).bars
    assert told_for({"another-rule": ("safeguarding",)}).why == f"rule {ALERT.rule_id} is not run for safeguarding"


def test_an_agreement_for_another_purpose_is_not_waited_for() -> None:
    """What would never be told does not wait, and nothing is said of the agreement."""
    grant = a_grant(agreement=an_agreement(valid_to=TODAY), purpose="crime-prevention")

    verdict = verdict_of(grant)

    assert (verdict.bars, verdict.lapsed, verdict.awaited) == (True, (), ())


def test_it_ends_at_midnight_in_london_of_the_day_it_ends() -> None:
    grant = a_grant(agreement=an_agreement(valid_to=TODAY + 1))

    assert verdict_of(grant, at=NOON + DAY_LENGTH // 2 - 1).fields == ("title",)
    assert verdict_of(grant, at=NOON + DAY_LENGTH // 2).lapsed == ("isa",)


def test_what_rests_on_anything_elsewhere_is_not_told_to_a_neighbour() -> None:
    both = msgspec.structs.replace(ALERT, areas=("N-1", "S-1"))
    north = a_grant(areas=("NORTH",))

    assert verdict_of(north).fields == ("title",)
    assert verdict_of(north, alert=both).why == "S-1 is not among the areas of grant one"


def test_handling_code_c_goes_to_the_originators_list_alone() -> None:
    """Both must say so: the originator that it may hear, the agreement that the code is shared at all."""
    held = msgspec.structs.replace(ALERT, marking="OFFICIAL C:police")
    listed, may = {"police": frozenset({"team"})}, a_grant(handling="C")

    assert verdict_of(may, alert=held, conditional_to=listed).fields == ("title",)
    assert verdict_of(may, alert=held).why == "handling code C: police has not let team hear of it"
    assert verdict_of(a_grant(), alert=held, conditional_to=listed).bars
    assert verdict_of(may, alert=msgspec.structs.replace(held, marking="OFFICIAL C:marac C:police")).bars


def test_a_party_to_the_matter_is_never_its_recipient() -> None:
    party = {"team": frozenset({"tok-a"})}

    assert verdict_of(a_grant(), members=party).why == "a member of team is a party to it"
    assert verdict_of(a_grant(), members={"team": frozenset({"tok-b"})}).fields == ("title",)


def test_where_nothing_personal_may_be_told_only_what_leads_to_nobody_is() -> None:
    duty = a_grant(basis="SVD-PCSC2022", of_persons=False)

    subjects = (
        "victim:tok-a",
        "household:1",
        "place:1",
        "vehicle:v",
        "phone:p",
        "linked:i",
        "area:N-1",
        "lsoa:E01000001",
    )
    told = {one for one in subjects if verdict_of(duty, alert=msgspec.structs.replace(ALERT, subject=one)).fields}
    assert told == {"area:N-1", "lsoa:E01000001"}


def test_each_grant_says_of_a_field_whether_it_gives_it_and_why_not() -> None:
    grants = (
        a_grant("gives"),
        a_grant("other", fields=("area",)),
        a_grant("over", an_agreement("old", TODAY - 9, TODAY)),
        a_grant("early", an_agreement("new", TODAY + 1, TODAY + 9)),
        a_grant("theirs", subscriber="others"),
    )

    assert [(one.grant.id, one.gives, one.why) for one in explain(Sharing(grants=grants), "team", "title", TODAY)] == [
        ("gives", True, "safeguarding, on the basis CDA115"),
        ("other", False, "does not name it"),
        ("over", False, "agreement old has ended"),
        ("early", False, "agreement new has not begun"),
    ]


def test_a_difference_that_tells_somebody_more_stands_out() -> None:
    isa = an_agreement()
    old = Sharing(agreements=(isa,), grants=(a_grant(fields=("title", "area")),))
    longer = an_agreement(valid_to=TODAY + 99)
    new = Sharing(agreements=(longer,), grants=(a_grant(agreement=longer, fields=("title", "subject")),))

    found = differences(old, new)

    assert [(one.what, one.old, one.new, one.widens) for one in found[:2]] == [
        ("field area to team", "one", "", False),
        ("field subject to team", "", "one", True),
    ]
    assert [one.what for one in found[2:]] == ["agreement isa"]
    assert differences(old, old) == []


SOON, LATER = an_agreement("soon", valid_to=TODAY + 9), an_agreement("later", valid_to=TODAY + 99)


def left_without(*grants: Grant, within: int = 30, day: Day = TODAY) -> list[tuple[str, int, tuple[str, ...], ...]]:
    agreements = {grant.agreement.id: grant.agreement for grant in grants}
    sharing = Sharing(agreements=tuple(agreements.values()), grants=grants)
    return [(one.agreement.id, one.days_left, one.silenced, one.narrowed) for one in endings(sharing, day, within)]


def test_whom_an_agreement_leaves_without_anything_when_it_ends_is_silenced() -> None:
    grants = (a_grant(agreement=SOON), a_grant("two", SOON, subscriber="others"), a_grant("three", LATER))
    grants = (*grants[:2], msgspec.structs.replace(grants[2], fields=("subject",)))

    assert left_without(*grants) == [("soon", 9, ("others",), ("team",))]
    assert left_without(*grants, within=8) == []
    assert left_without(*grants, within=100) == [("soon", 9, ("others",), ("team",)), ("later", 99, ("team",), ())]


def test_an_agreement_another_takes_over_from_leaves_nobody_without() -> None:
    before, taken_over = a_grant(agreement=SOON, areas=("NORTH",)), a_grant("two", LATER)

    assert left_without(before, taken_over) == []
    for less in ({"fields": ("subject",)}, {"areas": ("S-1",)}, {"of_persons": False}):
        assert left_without(before, msgspec.structs.replace(taken_over, **less)) == [("soon", 9, (), ("team",))]
    whole = a_grant(agreement=SOON, handling="C")
    assert left_without(whole, taken_over) == [("soon", 9, (), ("team",))]


def test_one_that_has_ended_is_told_until_another_is_in_force() -> None:
    """As of the day asked about: there may be days between the two."""
    after = an_agreement("after", valid_from=TODAY + 20, valid_to=TODAY + 999)
    grants = (a_grant(agreement=SOON), a_grant("two", after))

    assert left_without(*grants) == [("soon", 9, ("team",), ())]
    assert left_without(*grants, day=TODAY + 15, within=0) == [("soon", -6, ("team",), ())]
    assert left_without(*grants, day=TODAY + 20, within=0) == []


def test_why_something_waits_is_that_an_agreement_has_ended_or_has_yet_to_begin() -> None:
    begins, ended = an_agreement(valid_from=TODAY + 1), an_agreement("ended", valid_to=TODAY)
    policy = Policy(Sharing(grants=(a_grant(agreement=begins), a_grant("two", ended, subscriber="others"))), AREAS, {})

    assert (policy.why_waits("team", NOON), policy.why_waits("others", NOON)) == ("not-begun", "ended")
