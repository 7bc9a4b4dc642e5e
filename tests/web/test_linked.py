"""An alert found over linked identifiers says by what one report leads to another, and to nobody whose it is."""

import msgspec
from tests.web.filling import LOADED, NOW, alert

from safety_stream.core.model.findings import Evidence, Finding
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.web.views.alert import AboutAlert, AlertView, alert_view
from safety_stream.web.views.links import LinksView, links_view

CATALOGUE = LOADED.catalogue
BURNLEY, PRESTON = "E07000117", "E07000123"


def found(*facts: tuple[str, str], first: int = 0) -> Finding:
    """Three occurrences, a day apart, the second in another town."""
    evidence = tuple(
        Evidence(
            f"o{first + n}", NOW - (9 - first - n) * DAY_LENGTH, BURNLEY if n != 1 else PRESTON, (f"r{first + n}",)
        )
        for n in range(3)
    )
    return msgspec.structs.replace(alert(1).findings[0], evidence=evidence, facts=facts)


def told(view: LinksView) -> list[str]:
    return [f"{one.first_at} {one.first_area} > {one.then_at} {one.then_area}: {one.by}" for one in view.links]


def page(*findings: Finding) -> AlertView:
    about = AboutAlert(
        alert=alert(1, findings=findings), versions=(), explanation=None, fired_here=None, answers=(), acts_as=""
    )
    return alert_view(about, CATALOGUE, NOW)


def test_each_link_says_from_when_and_where_to_when_and_where_and_by_what():
    view = links_view([found(("links", "1 to 3: phone; 2 to 1: place and vehicle"), ("path", "…"))], CATALOGUE)

    assert told(view) == [
        "21 Feb 2026, 20:30 Burnley > 22 Feb 2026, 20:30 Preston: the same address and vehicle",
        "21 Feb 2026, 20:30 Burnley > 23 Feb 2026, 20:30 Burnley: the same phone",
    ]
    assert view.ways == ()


def test_what_several_findings_say_is_said_once():
    view = links_view([found(("links", "2 to 3: phone")), found(("links", "1 to 2: phone"), first=1)], CATALOGUE)

    assert len(view.links) == 1


def test_a_finding_from_before_links_were_kept_tells_its_ways():
    view = links_view([found(("path", "same vehicle, then same phone; same place"))], CATALOGUE)

    assert view == LinksView((), ("The same vehicle, then the same phone.", "The same address."))


def test_a_link_to_what_is_not_there_is_passed_over():
    assert links_view([found(("links", "1 to 4: phone; 0 to 1: phone"))], CATALOGUE).links == ()


def test_what_no_link_led_to_has_none():
    assert links_view(alert(1).findings, CATALOGUE) == LinksView((), ())


def test_the_page_tells_links_once_and_in_words():
    view = page(found(("count", "2"), ("links", "1 to 2: person"), ("path", "same person")))

    assert [one.by for one in view.linked.links] == ["the same person"]
    assert dict(view.numbers) == {"count": "2", "path": "same person"}
