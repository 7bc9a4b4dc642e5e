"""An alert about an indicator shows its numbers, as far as they are for the reader, and which week it is about."""

from collections.abc import Callable, Sequence

import msgspec
import pytest
from tests.web.conftest import Pages
from tests.web.filling import LOADED, alert, numbers
from tests.web.reading_html import Read, faults

from safety_stream.core.model.published import PublishedAlert, PublishedIndicator
from safety_stream.web.policy import Person
from safety_stream.web.views.breach import Breach, BreachView, breach_of, breach_view
from safety_stream.web.views.numbers import Address

PAGE = "/alerts/00000000-0000-5000-8000-000000000008"
CATALOGUE = LOADED.catalogue
BURNLEY = CATALOGUE.areas.by_code["E07000117"]
BURGLARY = next(one for one in CATALOGUE.indicators if one.id == "burglary")


def about(occurrence: str, *facts: tuple[str, str], rule: str = "above-expected", limb: str = "main") -> PublishedAlert:
    finding = msgspec.structs.replace(
        alert(1).findings[0], rule_id=rule, limb=limb, occurrence_id=occurrence, facts=facts
    )
    return alert(1, area="E07000117", rule_id=rule, findings=(finding,))


def weeks(profile: str = "internal") -> list[PublishedIndicator]:
    found = (one for one in numbers(profile, "week", 12) if (one.indicator, one.area) == ("burglary", "E07000117"))
    return list({one.starts: one for one in found}.values())


def seen(values: Sequence[PublishedIndicator], breach: Breach, profile: str = "internal") -> BreachView:
    return breach_view(breach, values, BURGLARY, BURNLEY, CATALOGUE, profile, Address(""))


def breach(week: int, **changes: object) -> Breach:
    known = {"indicator": "burglary", "area": "E07000117", "first": week, "last": week, "counted": 60, "expected": 31.2}
    return Breach(**(known | changes))  # type: ignore[arg-type]


def test_a_signal_says_its_week_and_what_was_counted_and_expected():
    found = breach_of(
        about("week:2026-02-23", ("expected", "1,031.2"), ("from", "2026-02-23"), ("indicator", "burglary"),
              ("value", "1,060")), CATALOGUE.rules
    )  # fmt: skip

    assert (found.indicator, found.area, found.counted, found.expected) == ("burglary", "E07000117", 1060, 1031.2)
    assert found.is_about(found.last)
    assert not found.is_about(found.last - 7)


def test_weeks_that_were_judged_as_one_are_all_meant_and_of_none_a_count_is_told():
    found = breach_of(
        about("week:2026-02-23", ("expected", "2.0"), ("from", "2026-02-02"), ("indicator", "burglary"),
              ("value", "9"), ("weeks", "4 weeks")), CATALOGUE.rules
    )  # fmt: skip

    assert (found.last - found.first, found.counted, found.expected) == (21, None, None)


def test_of_an_agreed_number_the_indicator_is_that_of_its_rule():
    limb = next(one for one in CATALOGUE.rules if one.id == "district-count").limbs[0].name
    told = about(
        "week:2026-02-23", ("at_least", "114"), ("count", "120"), ("from", "2026-02-23"),
        rule="district-count", limb=limb,
    )  # fmt: skip
    found = breach_of(told, CATALOGUE.rules)

    assert (found.indicator, found.counted, found.expected) == ("violence", 120, None)


@pytest.mark.parametrize(
    "told",
    [alert(1), alert(1, findings=None), alert(1, findings=()), about("week:soon", ("indicator", "burglary"))],
    ids=["of reports", "findings not told", "withdrawn", "no week"],
)
def test_what_is_about_no_indicator_has_no_numbers(told: PublishedAlert):
    assert breach_of(told, CATALOGUE.rules) is None


def test_the_week_of_the_alert_is_pointed_at_in_chart_and_table():
    values = weeks()
    view = seen(values, breach(values[-1].starts))

    assert [row.pointed_at for row in view.rows] == [True] + [False] * (len(values) - 1)
    assert view.rows[0].number == "60"
    assert view.chart.count('stroke-dasharray="2 4"') == 1
    assert view.sentence.endswith("It counted 60, and does still.")
    assert view.notes == ()


def test_what_has_come_since_is_said():
    values = weeks()
    values[-1] = msgspec.structs.replace(values[-1], value=63)

    assert seen(values, breach(values[-1].starts)).sentence.endswith(
        "It counted 60 when this was told, and counts 63 now."
    )


def test_a_profile_without_expectations_sees_that_of_the_alert_and_of_its_week_alone():
    values = [msgspec.structs.replace(one, expected=None, low=None, high=None, signal=None) for one in weeks()]
    view = seen(values, breach(values[-2].starts), "partner")

    assert [row.expected for row in view.rows[:3]] == ["", "31.2", ""]
    assert "drawn for the week of the alert alone" in view.notes[0]
    # As short as one week, and there to be seen.
    (dash,) = (part for part in view.chart.split("<polyline ")[1:] if 'stroke-dasharray="6 4"' in part)
    (left, _), (right, _) = (corner.split(",") for corner in dash.split('"')[1].split())
    assert float(right) > float(left)
    assert "so none is drawn" in seen(values, breach(values[-1].starts, expected=None), "partner").notes[0]


def test_a_count_that_is_hidden_from_the_profile_is_not_told_by_the_alerts_page():
    values = weeks()
    values[-1] = msgspec.structs.replace(values[-1], value=None)
    view = seen(values, breach(values[-1].starts), "partner")

    assert view.rows[0].number == "*"
    assert "60" not in view.sentence


def test_no_data_is_said_and_drawn_as_nothing():
    view = seen([], breach(20_000))

    assert view.chart == ""
    assert "Your numbers hold nothing of the week from" in view.sentence


def test_its_page_has_the_chart_and_under_it_table_and_file(pages: Pages):
    client = pages.as_person("dev-supervisor")
    text = client.get(PAGE).text
    page = Read(text)

    assert list(faults(page)) == []
    assert '<svg class="chart"' in text
    assert "week from 23 Feb 2026 (this alert)" in page.text
    csv = next(link for link in page.links if "numbers.csv" in link)
    assert "2026-02-23" in client.get(csv).text
    assert "/indicators/burglary/E07000117" in page.links


def test_officers_see_it_by_the_numbers_of_their_own_profile(pages: Pages):
    page = Read(pages.as_person("dev-duty-officer").get(PAGE).text)

    assert "Numbers for partner organisations do not say what was expected" in page.text
    assert list(faults(page)) == []


def test_who_sees_no_numbers_is_told_that_there_are_some(make_pages: Callable[..., Pages]):
    person = Person(id="of no profile", role="duty-officer", audience="duty-officer")
    page = make_pages(people=(person,)).as_person(person.id).get(PAGE).text

    assert "The numbers behind it are not among those you are shown." in page
    assert "<svg" not in page


def test_an_alert_about_somebody_has_no_chart(pages: Pages):
    page = pages.as_person("dev-supervisor").get("/alerts/00000000-0000-5000-8000-000000000003").text

    assert "<svg" not in page
    assert "not among those you are shown" not in page
