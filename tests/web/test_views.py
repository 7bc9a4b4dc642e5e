"""What pages say, from rows alone."""

import re
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.conftest import Pages
from tests.web.filling import LOADED, NOW, alert, handled
from tests.web.reading_html import Read

from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, to_datetime
from safety_stream.core.oversight import Oversight, Use
from safety_stream.readmodel.reading import Answered, FeedHealth, ProjectionHealth
from safety_stream.web.filters import Filter, read_filter
from safety_stream.web.views.alert import AboutAlert, AlertView, Fired, alert_view
from safety_stream.web.views.emergency import reviews_view
from safety_stream.web.views.handover import Lists, handover_view, shift_of
from safety_stream.web.views.health import UNHEARD_AFTER, UNKEPT_AFTER, blindness, feeds_view
from safety_stream.web.views.row import Some, clock_of

CATALOGUE = LOADED.catalogue


@pytest.mark.parametrize(
    ("handling", "text", "level"),
    [
        (handled("new", acknowledge_by=NOW + 4 * MINUTE, decide_by=NOW + HOUR), "Acknowledge within 4 minutes", "soon"),
        (handled("new", acknowledge_by=NOW - 1), "Acknowledge: late by 0 minutes", "late"),
        (handled("new", acknowledge_by=NOW), "Acknowledge within 0 minutes", "soon"),
        (handled("acknowledged", decide_by=NOW + 3 * HOUR), "Decide within 3 hours", "calm"),
        (handled("snoozed", snoozed_until=NOW + HOUR), "Snoozed until 2 Mar 2026, 21:30", "calm"),
    ],
)
def test_a_clock_says_what_is_asked_and_by_when(handling: object, text: str, level: str):
    clock = clock_of(alert(1, handling=handling), NOW)

    assert (clock.text, clock.level) == (text, level)


@pytest.mark.parametrize("state", ["closed", "withdrawn", "expired", "merged", "no-further-action"])
def test_of_what_is_settled_nothing_is_asked(state: str):
    assert clock_of(alert(1, handling=handled(state, decide_by=NOW - HOUR)), NOW) is None


def test_an_alert_tells_each_step_of_its_handling_once_the_newest_first():
    raised = alert(1)
    done = handled("acknowledged", number=2, what="acknowledge", actor="7", role="duty-officer")
    told = [
        msgspec.structs.replace(raised, handling=handled("new")),
        msgspec.structs.replace(
            raised,
            seq=2,
            handling=done,
        ),
        # The same handling, told again with a new version of the alert.
        msgspec.structs.replace(
            raised,
            seq=3,
            version=2,
            change="updated",
            reason="evidence-added",
            handling=done,
        ),
    ]
    view = alert_view(
        AboutAlert(alert=told[-1], versions=told, explanation=None, fired_here=None, answers=(), acts_as=""),
        CATALOGUE,
        NOW,
    )

    assert [(step.what, step.by) for step in view.history] == [
        ("changed", "the rules"), ("acknowledged", "duty-officer 7"), ("raised", "the rules")
    ]  # fmt: skip
    assert view.allowed is None


def test_what_is_done_after_a_withdrawal_does_not_change_when_that_was_told():
    gone = alert(2, change="withdrawn", reason="withdrawn", version=2, handling=handled("withdrawn", number=3))
    noted = msgspec.structs.replace(
        gone, seq=3, as_of=NOW + HOUR, reason="handled", handling=handled("withdrawn", number=4, what="note", actor="7")
    )
    # Forgotten in between: it counts from 1 again.
    again = alert(4, version=3, handling=handled("new", number=1, what="raised"))
    taken = msgspec.structs.replace(
        again, seq=5, handling=handled("acknowledged", number=2, what="acknowledge", actor="8")
    )

    def view_of(*told: PublishedAlert) -> AlertView:
        about = AboutAlert(alert=told[-1], versions=told, explanation=None, fired_here=None, answers=(), acts_as="")
        return alert_view(about, CATALOGUE, NOW)

    assert view_of(gone, noted).withdrawn_because == view_of(gone).withdrawn_because
    assert next(step.what for step in view_of(gone, noted, again, taken).history) == "acknowledged"


def test_an_alert_tells_who_has_it_now():
    handling = handled("referred", overdue=True, escalated_to="inspector", referred_to="soc-unit", merged_into="x")
    told = alert(1, handling=handling)
    about = AboutAlert(alert=told, versions=(), explanation=None, fired_here=None, answers=(), acts_as="")
    view = alert_view(about, CATALOGUE, NOW)

    assert view.handled == (
        "A clock has run out, and nobody has answered since.", "Escalated to inspector.", "Referred to soc unit."
    )  # fmt: skip
    assert view.merged_href == "/alerts/x"


def test_each_occurrence_says_who_told_of_it_and_how_and_the_alert_who_holds_a_record():
    about = AboutAlert(alert=alert(1), versions=(), explanation=None, fired_here=None, answers=(), acts_as="")
    view = alert_view(about, CATALOGUE, NOW)

    assert [one.told for one in view.happened] == [
        "1 report, told by police (police crime, as victim)",
        "1 report, told by ambulance service (ambulance call) and police (police incident, as suspect and victim)",
        "1 report, told by district councils (asb case)",
        "1 report",
    ]
    assert view.holders == (
        "A record of this is held by ambulance service, district councils and police, who told of it. "
        "Who else holds one is not known here."
    )


def test_beside_its_priority_an_alert_says_what_its_rule_makes_more_urgent(pages: Pages):
    page = pages.as_person("dev-duty-officer").get(f"/alerts/{alert(1).alert_id}").text

    why = "Why it is P1: P2 to begin with; P1 is the most urgent. One tier more urgent with a child."
    assert why in " ".join(re.sub(r"<[^>]+>", " ", page).split())
    # It is said once: not again with the rest of the rule.
    assert page.count("P1 is the most urgent") == 1


def made_of(*answered: Answered, handling: object = "told") -> tuple[str, ...]:
    told = alert(1, handling=handled("new") if handling == "told" else None)
    fired = Fired(times=9, answered=answered)
    about = AboutAlert(alert=told, versions=(), explanation=None, fired_here=fired, answers=(), acts_as="")
    return alert_view(about, CATALOGUE, NOW).judged_here


def answered(useful: bool | None, decided: str | None = None, reason: str = "") -> Answered:
    return Answered(alert_id="a", useful=useful, decided=decided, reason=reason)


def test_an_alert_tells_what_was_made_of_its_like():
    assert made_of(
        answered(True, "actioned"),
        answered(False, "no-further-action", "known-and-managed"),
        answered(False, "no-further-action", "wrong-person"),
        answered(None, "no-further-action", "known-and-managed"),
        answered(None, "no-further-action"),
        answered(None, "accepted"),
        answered(None),
    ) == (
        "Found useful: 1. Found of no use: 2. Judged by nobody: 4.",
        "Acted on: 1. Accepted by a partner: 1. No further action: 4.",
        "Why no further action: known and managed 2, no reason told 1, wrong person 1.",
        "Nothing decided: 1.",
    )
    assert made_of(answered(None))[1:] == ("Nothing has been decided about any.",)


def test_where_handling_is_not_told_nothing_is_said_of_judgements_but_that():
    assert made_of(handling=None) == ("What people made of them is not told to this audience.",)
    assert made_of() == ()


def test_an_audience_that_is_told_little_is_shown_little_and_told_so(pages: Pages):
    client = pages.as_person("dev-marac")
    page = Read(client.get("/alerts/00000000-0000-5000-8000-000000000001").text).text

    assert "This audience is told the sentence above, and not the reports it rests on." in page
    assert "report-1-0" not in page


@pytest.mark.parametrize(("hour", "began", "ends"), [(6, 19, 7), (7, 7, 19), (18, 7, 19), (19, 19, 7), (0, 19, 7)])
def test_a_shift_is_the_one_the_time_is_in(hour: int, began: int, ends: int):
    now = NOW + (hour - 20) * HOUR
    shift = shift_of(now, (7, 19))

    assert (to_datetime(shift.began).hour, to_datetime(shift.ends).hour) == (began, ends)
    assert shift.began <= now < shift.ends


def test_a_handover_has_what_the_next_shift_must_know():
    snoozed = alert(4, handling=handled("snoozed", snoozed_until=NOW + HOUR))
    late = alert(5, as_of=NOW - 20 * HOUR, handling=handled("new", acknowledge_by=NOW - HOUR))
    far = alert(6, handling=handled("acknowledged", decide_by=NOW + 30 * HOUR))
    lists = Lists(
        urgent=Some([late], 1),
        late=Some([late], 1),
        snoozed=Some([snoozed], 1),
        new=Some([far], 9_000),
        blind=["Blind."],
        silent_feeds=["Ambulance"],
    )
    view = handover_view(lists, "Officers", CATALOGUE, shift_of(NOW, (7, 19)), NOW)

    assert {part.id: [row.id[-1] for row in part.rows] for part in view.parts} == {
        "urgent": ["5"], "clocks": ["5"], "snoozed": ["4"], "new": ["6"], "worked": [], "withdrawn": []
    }  # fmt: skip
    assert view.is_cut
    assert len(view.blind) == 2
    assert [row.id[-1] for row in view.to_note] == ["5", "4"]


def test_a_feed_is_silent_by_its_own_measure():
    copy = ProjectionHealth(behind=0, partitions=(), faults=(), looked_at=NOW)
    feeds = [health("fire", silent_for=7 * HOUR), health("council-asb", silent_for=7 * HOUR)]

    lines = {line.source: line.level for line in feeds_view(feeds, copy, [], CATALOGUE, NOW).lines}
    assert (lines["fire"], lines["council-asb"]) == ("silent", "heard")


def health(source: str, *, silent_for: int) -> FeedHealth:
    return FeedHealth(source=source, newest=NOW - HOUR, silent_since=NOW - silent_for, passed=NOW - HOUR, as_of=NOW)


def test_silence_is_no_quiet():
    copy = ProjectionHealth(behind=0, looked_at=NOW, partitions=(), faults=())
    names = sorted(CATALOGUE.sources)
    heard = [health(name, silent_for=HOUR) for name in names]

    assert feeds_view(heard, copy, [], CATALOGUE, NOW).summary == "Every feed is heard."
    silent = feeds_view([*heard[1:-1], health(names[-1], silent_for=1_000 * 24 * HOUR)], copy, [], CATALOGUE, NOW)
    assert silent.is_blind
    assert {line.level for line in silent.lines if line.source in (names[0], names[-1])} == {"never", "silent"}
    behind = feeds_view(heard, msgspec.structs.replace(copy, behind=2), [], CATALOGUE, NOW)
    assert behind.is_blind


@pytest.mark.parametrize("path", ["/inbox", "/alerts/00000000-0000-5000-8000-000000000001", "/handover"])
def test_a_page_over_a_copy_that_nobody_keeps_says_that_it_may_be_blind(make_pages: Callable[..., Pages], path: str):
    today = Read(make_pages().as_person("dev-duty-officer").get(path).text).text
    later = Read(make_pages(now=lambda: NOW + 30 * DAY_LENGTH).as_person("dev-duty-officer").get(path).text).text

    assert "may be blind" not in today
    assert "This page may be blind: nothing was copied since 2 Mar 2026, 20:30." in later
    assert "the backbone has said nothing of any feed since 2 Mar 2026, 20:30." in later


def test_feeds_are_silent_against_the_clock_and_not_against_what_was_said_last(make_pages: Callable[..., Pages]):
    later = make_pages(now=lambda: NOW + 30 * DAY_LENGTH).as_person("dev-auditor").get("/feeds").text

    assert "silent for 30 days: no new data" in later
    assert "nothing was copied since 2 Mar 2026, 20:30" in later
    assert "when it was last asked" not in later


@pytest.mark.parametrize(
    ("looked_at", "as_of", "said"),
    [
        (NOW, NOW, []),
        (NOW - UNKEPT_AFTER, NOW - UNHEARD_AFTER, []),
        (NOW - UNKEPT_AFTER - 1, NOW, ["nothing was copied since"]),
        (NOW, NOW - UNHEARD_AFTER - 1, ["the backbone has said nothing of any feed since"]),
        (None, None, ["nothing says when anything was last copied", "the backbone has never said anything"]),
    ],
)
def test_whoever_has_died_is_told_by_the_clock(looked_at: int | None, as_of: int | None, said: list[str]):
    copy = ProjectionHealth(behind=0, looked_at=looked_at, partitions=(), faults=())
    feeds = [] if as_of is None else [msgspec.structs.replace(health("police", silent_for=0), as_of=as_of)]
    found = blindness(copy, feeds, NOW)

    assert len(found) == len(said)
    assert all(part in sentence for part, sentence in zip(said, found, strict=True))


FILTERS = st.builds(
    Filter,
    priorities=st.sets(st.sampled_from(["P1", "P2", "P3", "P4"])).map(lambda some: tuple(sorted(some))),
    areas=st.sets(st.sampled_from(sorted(CATALOGUE.areas.by_code))).map(lambda some: tuple(sorted(some))),
    families=st.sampled_from([(), ("safeguarding",)]),
    states=st.sampled_from([(), ("snoozed",)]),
    text=st.text(max_size=50).map(str.strip),
    since=st.integers(0, 10**12),
)


@given(FILTERS)
def test_the_address_of_a_choice_is_that_choice(chosen: Filter):
    from urllib.parse import parse_qsl

    pairs = parse_qsl(chosen.query().removeprefix("?"), keep_blank_values=True)

    assert read_filter(pairs, CATALOGUE.areas.by_code) == chosen


def test_pages_of_the_inbox_hold_every_alert_once(pages: Pages):
    client = pages.as_person("dev-duty-officer")
    path, seen = "/inbox", []
    while path:
        page = Read(client.get(path).text)
        seen += [link for link in page.links if link.startswith("/alerts/")]
        path = next((link for link in page.links if "after=" in link), "")

    # One of them is not open, but was taken back this shift: every page says so.
    ids = [link for link in seen if not link.endswith("000006")]
    assert len(ids) == len(set(ids)) == 71
    assert client.get("/inbox?after=nowhere").status_code == 400


def test_what_is_chosen_is_what_is_shown(pages: Pages):
    client = pages.as_person("dev-duty-officer")

    def shown(query: str) -> set[str]:
        links = Read(client.get(f"/inbox?{query}").text).links
        return {link[-2:] for link in links if link.startswith("/alerts/")} - {"06"}

    assert shown("priority=P1") == {"01", "02"}
    assert shown("state=snoozed") == {"04"}
    assert shown("family=organised-crime") == {"01", "09"}
    assert shown("area=E07000123&priority=P1") == {"01"}
    assert shown("area=D-WEST&priority=P1") == {"02"}
    assert shown("text=drugs+Child") == {"01"}


def test_what_was_known_on_a_day_is_what_is_shown_of_it(pages: Pages):
    client = pages.as_person("dev-analyst")
    path = "/indicators/violence/E07000123/numbers.csv"
    now, then = client.get(path).text, client.get(f"{path}?known=2026-02-20").text

    assert len(then.splitlines()) < len(now.splitlines())
    assert client.get(f"{path}?known=soon").status_code == 400


@pytest.mark.parametrize("day", ["9999-12-31", "2026-03-03", "0000-01-01", "2026-02-30", "9" * 400])
@pytest.mark.parametrize("end", ["", "/numbers.csv"])
@pytest.mark.parametrize("way", ["/public", ""])
def test_a_day_that_nobody_can_know_of_is_refused_whoever_asks(pages: Pages, way: str, end: str, day: str):
    """Without having signed in, too."""
    client = pages.as_person("dev-analyst") if not way else pages.browser()
    path = f"{way}/indicators/burglary/E07000117{end}"

    assert client.get(path, params={"known": day}).status_code == 400
    assert {client.get(path, params={"known": known}).status_code for known in ("2026-03-02", "0001-01-01")} == {200}


def test_a_number_that_was_restated_says_what_it_was(pages: Pages):
    client = pages.as_person("dev-analyst")
    said = [
        Read(client.get(f"/indicators/{one}/E07000123").text).text
        for one in ("violence", "burglary", "robbery", "drugs")
    ]

    assert any(re.search(r"shown 2 times; before: \d+", page) for page in said)


def test_a_rise_an_alert_tells_of_leads_to_its_chart(pages: Pages):
    client = pages.as_person("dev-supervisor")
    page = client.get("/alerts/00000000-0000-5000-8000-000000000008").text

    assert 'href="/indicators/burglary/E07000117"' in page
    assert "far above expected" in Read(client.get("/indicators/burglary/E07000117").text).text


def test_no_data_is_said_and_is_no_nought(pages: Pages):
    page = Read(pages.as_person("dev-analyst").get("/indicators/burglary/E07000125").text).text

    assert "There is no data of recorded burglary in Rossendale for this profile: that is not nought." in page


def test_a_database_that_is_gone_is_said_in_a_sentence(make_pages: Callable[..., Pages]):
    from sqlalchemy.exc import OperationalError

    pages = make_pages()
    client = pages.as_person("dev-auditor")

    def gone() -> object:
        raise OperationalError("select secret", {}, Exception("password=hunter2"))

    pages.site.read_model.health = gone  # type: ignore[method-assign]
    answer = client.get("/feeds")

    assert answer.status_code == 503
    assert "cannot be read at the moment" in answer.text
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(("until", "said"), [(2**62, "after the year 9999"), (-(2**62), "before the year 2")])
def test_a_view_that_ends_beyond_the_calendar_breaks_no_review(until: int, said: str):
    use = Use(seq=1, at=NOW, actor="officer-1", audience="desk", alert_id="a", reason="danger", until=until)

    (line,) = reviews_view([use], Oversight(), NOW).waiting

    assert line.until == said
