"""What people do about alerts: forms become actions, and their answers are shown."""

import re
import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from html import unescape
from typing import get_args
from urllib.parse import quote
from uuid import uuid4

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.web.conftest import Pages, token
from tests.web.filling import LOADED, NOW
from tests.web.reading_html import Read, faults

from safety_stream.core.alerts.handling import ladder, partners, unfilled
from safety_stream.core.model.handling import ActionAnswer, AlertAction, HandlingAction
from safety_stream.core.model.times import HOUR
from safety_stream.web.acting import Unfinished, action_of, check
from safety_stream.web.policy import Person
from safety_stream.web.site import Answers, NotSent

ALERT = "00000000-0000-5000-8000-000000000001"
PAGE = f"/alerts/{ALERT}"


def test_a_form_becomes_an_action(pages: Pages):
    client = pages.as_person("dev-duty-officer")
    form = {"csrf": token(client.get(PAGE).text), "action": "snooze", "until": "2026-03-02T22:30", "seen": "1",
            "rationale": "visit at eleven", "to": "nobody", "useful": "yes"}  # fmt: skip
    done = client.post(f"{PAGE}/actions", data=form)

    assert done.status_code == 200
    (action,) = pages.sent
    assert (action.alert_id, action.action, action.actor, action.role) == (
        ALERT, "snooze", "dev-duty-officer", "duty-officer"
    )  # fmt: skip
    assert (action.acted_at, action.until, action.seen) == (NOW, NOW + 2 * HOUR, 1)
    # What belongs to other actions is not sent with this one.
    assert (action.rationale, action.to, action.useful) == ("visit at eleven", "", None)


def test_a_partner_acts_in_its_own_role(pages: Pages):
    client = pages.as_person("dev-marac")
    form = {"csrf": token(client.get(PAGE).text), "action": "accept"}
    client.post(f"{PAGE}/actions", data=form)

    assert [action.role for action in pages.sent] == ["marac-coordinator"]


@pytest.mark.parametrize("csrf", [None, "", "guessed"])
@pytest.mark.parametrize("path", [f"{PAGE}/actions", "/inbox/acknowledge", "/handover", "/inbox/seen", "/sign-out"])
def test_a_form_of_another_page_does_nothing(pages: Pages, path: str, csrf: str | None):
    client = pages.as_person("dev-duty-officer")
    client.get(PAGE)
    form = {"action": "acknowledge", "alert": f"{ALERT}:1", "takes_over": "7"} | (
        {} if csrf is None else {"csrf": csrf}
    )

    assert client.post(path, data=form).status_code == 403
    assert pages.sent == []


def test_the_token_of_another_session_is_none(pages: Pages):
    other = token(pages.as_person("dev-supervisor").get(PAGE).text)
    done = pages.as_person("dev-duty-officer").post(f"{PAGE}/actions", data={"csrf": other, "action": "acknowledge"})

    assert (done.status_code, pages.sent) == (403, [])


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Choose what to do."),
        ({"action": "explode"}, "Choose what to do."),
        ({"action": "snooze"}, "Say until when it is snoozed."),
        ({"action": "snooze", "until": "soon"}, "Write the end of the snooze"),
        ({"action": "refer"}, "Say which partner it is referred to."),
        ({"action": "merge", "rationale": "one matter"}, "Say which alert it is merged into."),
        ({"action": "judge"}, "Say whether the alert was useful."),
        ({"action": "judge", "useful": "maybe"}, "Say whether the alert was useful."),
        ({"action": "note"}, "Write why."),
        ({"action": "action"}, "Write why."),
        ({"action": "refer", "to": "childrens-services"}, "Write why."),
        ({"action": "refer", "to": "inspector", "rationale": "theirs"}, "Say which partner it is referred to."),
        ({"action": "escalate", "rationale": "beyond me"}, "Say to whom it is escalated."),
        ({"action": "escalate", "rationale": "beyond me", "to": "asb-lead"}, "Say to whom it is escalated."),
        ({"action": "no-further-action", "rationale": "known"}, "Choose a reason."),
        ({"action": "no-further-action", "reason": "made-up", "rationale": "known"}, "Choose a reason."),
        ({"action": "no-further-action", "reason": "wrong-person"}, "Write why."),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_sent(pages: Pages, form: dict[str, str], said: str):
    client = pages.as_person("dev-duty-officer")
    done = client.post(f"{PAGE}/actions", data={"csrf": token(client.get(PAGE).text)} | form)

    assert (done.status_code, pages.sent) == (400, [])
    assert said in Read(done.text).text


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "action"),
        ({"action": "action"}, "rationale"),
        ({"action": "snooze", "rationale": "later"}, "until"),
        ({"action": "escalate", "rationale": "beyond me"}, "to"),
        ({"action": "judge"}, "useful"),
    ],
)
def test_what_is_missing_leads_to_its_field_which_is_open_to_be_seen(pages: Pages, form: dict[str, str], field: str):
    client = pages.as_person("dev-duty-officer")
    page = client.post(f"{PAGE}/actions", data={"csrf": token(client.get(PAGE).text)} | form).text

    assert f'href="#{field}"' in page
    assert f'id="{field}"' in page
    is_folded = "<details" in page[: page.index(f'id="{field}"')].rpartition("</details>")[2]
    assert not is_folded or re.search(r"<details[^>]* open>", page)


@pytest.mark.parametrize("what", get_args(HandlingAction))
@hypothesis.given(data=st.data())
def test_what_is_sent_is_never_refused_for_what_the_form_could_have_said(what: HandlingAction, data: st.DataObject):
    """The form knows no rules of its own: whatever it lets through, the core asks for nothing more of it."""
    policy = LOADED.catalogue.handling
    words = {
        "rationale": data.draw(st.sampled_from(["", " ", "why", "x" * 501])),
        "reason": data.draw(st.sampled_from(["", "made-up", "other", "not-ours"])),
        "to": data.draw(st.sampled_from(["", "inspector", "asb-lead", "nobody"])),
        "useful": data.draw(st.sampled_from(["", "yes", "no", "maybe"])),
        "until": "2026-03-02T22:30",
        "into": OTHER,
    }
    person = Person(id="officer-7", role="duty-officer", audience="duty-officer")
    action = action_of({"action": what} | words, ALERT, person, "duty-officer", NOW)
    lacks, _ = unfilled(action, policy)
    whom = {"refer": partners(policy), "escalate": ladder("P1", policy)}.get(what)
    if lacks or (whom is not None and action.to not in whom):
        with pytest.raises(Unfinished) as raised:
            check(action, "P1", policy)
        assert raised.value.field in (lacks, "to")
    else:
        check(action, "P1", policy)


def test_partners_and_rungs_are_not_one_list(pages: Pages):
    """One who has acknowledged may do both."""
    page = pages.as_person("dev-duty-officer").get("/alerts/00000000-0000-5000-8000-000000000003").text
    groups = dict(re.findall(r'<optgroup label="([^"]+)">(.*?)</optgroup>', page, re.DOTALL))

    assert set(groups) == {"Refer to a partner", "Escalate to"}
    assert "asb-lead" in groups["Refer to a partner"]
    assert "inspector" not in groups["Refer to a partner"]
    assert "inspector" in groups["Escalate to"]


def test_nobody_acts_on_what_they_may_not_see(pages: Pages):
    west = pages.as_person("dev-duty-officer-west")
    form = {"csrf": token(west.get("/inbox").text), "action": "acknowledge", "alert": f"{ALERT}:1"}

    assert west.post(f"{PAGE}/actions", data=form).status_code == 404
    west.post("/inbox/acknowledge", data=form)
    assert pages.sent == []


def test_its_answer_is_on_the_pages_next_view(pages: Pages):
    client = pages.as_person("dev-duty-officer")
    form = {"csrf": token(client.get(PAGE).text), "action": "acknowledge", "seen": "1"}
    assert "Acknowledge: sent, and not answered yet" in Read(client.post(f"{PAGE}/actions", data=form).text).text

    answer = ActionAnswer(
        action_id=pages.sent[0].action_id,
        alert_id=ALERT,
        done=False,
        why="it is <b>closed</b> already",
        state="closed",
        number=3,
        as_of=NOW,
    )
    pages.site.answers.take(answer)
    page = client.get(PAGE).text
    assert "Acknowledge: refused: it is <b>closed</b> already" in Read(page).text
    assert "<b>closed" not in page
    # It is nobody else's answer, nor one about another alert.
    assert "refused" not in pages.as_person("dev-supervisor").get(PAGE).text


OTHER = "00000000-0000-5000-8000-000000000002"


def answered(action: AlertAction, why: str = "") -> ActionAnswer:
    return ActionAnswer(
        action_id=action.action_id, alert_id=action.alert_id, done=not why, why=why, state="new", number=2, as_of=NOW
    )


class AnsweredMeanwhile(Answers):
    """Each answer comes while somebody waits for it, and not before."""

    def __init__(self, why: str = "") -> None:
        super().__init__()
        self.why = why
        self.sent: list[AlertAction] = []

    def wait_for(self, action_ids: Sequence[str]) -> None:
        for one in self.sent:
            assert one.action_id in action_ids
            self.take(answered(one, self.why))


def test_an_answer_that_comes_soon_is_on_the_page_that_follows(make_pages: Callable[..., Pages]):
    answers = AnsweredMeanwhile("it is closed already")
    client = make_pages(answers=answers, send=answers.sent.append).as_person("dev-duty-officer")
    form = {"csrf": token(client.get(PAGE).text), "action": "acknowledge", "seen": "1"}

    assert "Acknowledge: refused: it is closed already" in Read(client.post(f"{PAGE}/actions", data=form).text).text


def test_answers_to_many_that_come_soon_are_on_the_page_that_follows(make_pages: Callable[..., Pages]):
    answers = AnsweredMeanwhile()
    client = make_pages(answers=answers, send=answers.sent.append).as_person("dev-duty-officer")
    ticked = [f"{ALERT}:1", f"{OTHER}:1"]
    done = client.post("/inbox/acknowledge", data={"csrf": token(client.get("/inbox").text), "alert": ticked})

    assert "Of 2 alerts: 2 acknowledged." in Read(done.text).text


def an_action(action_id: str) -> AlertAction:
    return AlertAction(
        action_id=action_id, alert_id=ALERT, action="acknowledge", actor="a", role="duty-officer", acted_at=NOW
    )


def test_whoever_waits_goes_on_as_soon_as_all_is_answered():
    """Patience is a day here."""
    answers = Answers(86_400)
    waiting = threading.Thread(target=answers.wait_for, args=(["first", "second"],), daemon=True)
    waiting.start()
    for one in ("another", "first", "second"):
        answers.take(answered(an_action(one)))
    waiting.join(60)

    assert not waiting.is_alive()
    answers.wait_for(["first"])
    answers.wait_for([])


def test_nobody_waits_for_ever():
    answers = Answers(0.001)
    answers.wait_for(["never"])
    assert answers.to("never") is None


def test_of_several_acknowledged_at_once_each_refusal_is_told_with_its_reason(pages: Pages):
    client = pages.as_person("dev-duty-officer")
    ticked = [f"{ALERT}:1", f"{OTHER}:1", "no-such-alert:1"]
    done = client.post("/inbox/acknowledge", data={"csrf": token(client.get("/inbox").text), "alert": ticked})

    assert [(one.action, one.alert_id, one.seen) for one in pages.sent] == [
        ("acknowledge", ALERT, 1),
        ("acknowledge", OTHER, 1),
    ]
    assert "Of 3 alerts: 1 not found and 2 not answered yet." in Read(done.text).text

    pages.site.answers.take(answered(pages.sent[0]))
    pages.site.answers.take(answered(pages.sent[1], "it has become <b>worse</b>: look first"))
    page = client.get(str(done.url)).text
    said = Read(page).text
    assert "Of 3 alerts: 1 refused, 1 not found and 1 acknowledged." in said
    assert said.index("Refused: it has become <b>worse</b>: look first.") < said.index("There is no such alert")
    assert list(faults(Read(page))) == []
    # Of another sending nothing is known, and what is none is refused.
    assert "1 not answered yet" in client.get(f"/inbox/acknowledged?of={uuid4()}&alert={ALERT}").text
    assert client.get("/inbox/acknowledged?of=7").status_code == 400


def test_what_of_several_could_not_be_sent_is_told(make_pages: Callable[..., Pages]):
    sent: list[AlertAction] = []

    def send(action: AlertAction) -> None:
        if sent:
            raise NotSent("no broker answers; is Kafka running?")
        sent.append(action)

    client = make_pages(send=send).as_person("dev-duty-officer")
    form = {"csrf": token(client.get("/inbox").text), "alert": [f"{ALERT}:1", f"{OTHER}:1"]}
    done = client.post("/inbox/acknowledge", data=form)

    assert (done.status_code, len(sent)) == (503, 1)
    assert "Of 2 alerts: 1 not sent and 1 not answered yet." in Read(done.text).text
    assert "Not all of them were sent: no broker answers" in Read(done.text).text
    assert "Nothing was ticked." in client.post("/inbox/acknowledge", data={"csrf": form["csrf"]}).text


WRITTEN = {"action": "snooze", "rationale": 'visit "at" <eleven>', "until": "2026-03-02T22:30", "useful": "no"}


def written(page: str) -> dict[str, str]:
    """What stands in the form of an alert."""
    found = {}
    for tag, given in Read(page).elements:
        is_chosen = "selected" in given or "checked" in given
        if (tag == "input" and given.get("name") in ("until", "into")) or (given.get("type") == "radio" and is_chosen):
            found[given["name"]] = given.get("value", "")
    found["action"] = next(iter(re.findall(r'<option value="([a-z-]+)" selected', page)), "")
    found["rationale"] = unescape(re.search(r'<textarea[^>]*id="rationale"[^>]*>(.*?)</textarea>', page, re.DOTALL)[1])
    return {name: value for name, value in found.items() if value}


def test_what_was_written_stands_there_until_it_is_done(pages: Pages):
    client = pages.as_person("dev-duty-officer")
    form = {"csrf": token(client.get(PAGE).text), "seen": "1"} | WRITTEN
    # While it is not answered nobody is led to send it again.
    assert written(client.post(f"{PAGE}/actions", data=form).text) == {}
    pages.site.answers.take(answered(pages.sent[-1], "it sleeps for 60 minutes at most"))
    assert written(client.get(PAGE).text) == WRITTEN
    assert written(client.get(f"/alerts/{OTHER}").text) == {}

    client.post(f"{PAGE}/actions", data=form)
    pages.site.answers.take(answered(pages.sent[-1]))
    assert written(client.get(PAGE).text) == {}
    assert "written" not in client.cookies


@pytest.mark.parametrize("change", [{"until": "soon"}, {"rationale": "x" * 501}])
def test_what_lacked_something_stands_there_still(pages: Pages, change: dict[str, str]):
    client = pages.as_person("dev-duty-officer")
    form = {"csrf": token(client.get(PAGE).text)} | WRITTEN | change

    assert written(client.post(f"{PAGE}/actions", data=form).text) == WRITTEN | change
    assert pages.sent == []


def test_what_is_kept_of_what_was_written_is_small_enough_for_a_browser(make_pages: Callable[..., Pages]):
    clock = [NOW]
    client = make_pages(wall=lambda: clock[0]).as_person("dev-duty-officer")
    form = {"csrf": token(client.get(PAGE).text)} | WRITTEN
    clock[0] += 2 * HOUR
    # What nobody can pack any smaller.
    long = "".join(sha256(str(number).encode()).hexdigest() for number in range(200))

    done = client.post(f"{PAGE}/actions", data=form | {"rationale": long}, follow_redirects=False)

    (kept,) = (one for one in done.headers.get_list("set-cookie") if one.startswith("written="))
    assert len(kept.encode()) < 4096


def test_what_was_written_outlives_the_session_for_the_same_person_alone(make_pages: Callable[..., Pages]):
    clock = [NOW]
    pages = make_pages(wall=lambda: clock[0])
    client = pages.as_person("dev-duty-officer")
    form = {"csrf": token(client.get(PAGE).text), "seen": "1"} | WRITTEN
    clock[0] += 2 * HOUR
    # A form of another page is kept no more than it is taken.
    assert client.post(f"{PAGE}/actions", data=form | {"csrf": "guessed"}).status_code == 403
    assert "written" not in client.cookies
    done = client.post(f"{PAGE}/actions", data=form)
    assert (done.url.path, pages.sent) == ("/sign-in", [])

    def comes_back_as(who: str) -> str:
        page = client.get("/sign-in?next=" + PAGE).text
        client.post("/sign-in", data={"csrf": token(page), "person": who, "next": PAGE})
        return client.get(PAGE).text

    other = comes_back_as("dev-supervisor")
    assert (written(other), "Your session had ended" in other) == ({}, False)
    same = comes_back_as("dev-duty-officer")
    assert (written(same), "Your session had ended" in same) == (WRITTEN, True)
    client.post("/sign-out", data={"csrf": token(same)})
    assert written(comes_back_as("dev-duty-officer")) == {}


def test_a_handover_is_noted_on_what_is_handed_over(pages: Pages):
    client = pages.as_person("dev-duty-officer")
    form = {"csrf": token(client.get("/handover").text)}
    assert "Say who takes over" in Read(client.post("/handover", data=form).text).text
    assert pages.sent == []

    form["alert"] = re.findall(r'name="alert" value="([^"]+)"', client.get("/handover").text)
    client.post("/handover", data=form | {"takes_over": "1234"})
    assert {one.rationale for one in pages.sent} == {"Handed over by dev-duty-officer to 1234."}
    assert {one.alert_id[-1] for one in pages.sent} >= {"1", "2", "3", "4"}


def test_where_nobody_can_be_reached_nothing_is_offered(make_pages: Callable[..., Pages]):
    client = make_pages(send=None).as_person("dev-duty-officer")
    page = client.get(PAGE).text

    assert f"{PAGE}/actions" not in page
    form = {"csrf": token(page), "action": "acknowledge"}
    assert client.post(f"{PAGE}/actions", data=form).status_code == 503


def offered(page: str) -> set[str]:
    select = page[page.index('id="action"') :] if 'id="action"' in page else ""
    return set(re.findall(r'<option value="([^"]+)"', select[: select.find("</select>")]))


def test_what_is_offered_is_what_the_tables_allow(pages: Pages):
    officer, partner = pages.as_person("dev-duty-officer"), pages.as_person("dev-marac")

    new, snoozed = officer.get(PAGE).text, officer.get("/alerts/00000000-0000-5000-8000-000000000004").text
    assert offered(new) == {"acknowledge", "assess", "snooze", "merge", "escalate", "note", "judge"}
    assert "wake" in offered(snoozed)
    assert "snooze" not in offered(snoozed)
    # A partner may take on what was referred to it, and this was not.
    assert offered(partner.get(PAGE).text) == {"note", "judge"}


def test_an_analyst_notes_and_judges_alone(pages: Pages):
    client = pages.as_person("dev-analyst")

    assert offered(client.get(PAGE).text) == {"note", "judge"}
    assert "Acknowledge the chosen" not in client.get("/inbox").text


def test_what_could_not_be_sent_is_said(make_pages: Callable[..., Pages]):
    def send(_: AlertAction) -> None:
        raise NotSent("no broker answers; is Kafka running?")

    client = make_pages(send=send).as_person("dev-duty-officer")
    done = client.post(f"{PAGE}/actions", data={"csrf": token(client.get(PAGE).text), "action": "acknowledge"})

    assert done.status_code == 503
    assert "It was not sent: no broker answers" in done.text
    assert written(done.text) == {"action": "acknowledge"}
    assert "not answered yet" not in client.get(PAGE).text


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f"])
def test_what_nobody_types_is_refused_before_anything_is_asked_of_a_database(pages: Pages, character: str):
    """Some databases cannot hold it: one and the same answer on all of them."""
    client = pages.as_person("dev-duty-officer")
    form = {"csrf": token(client.get(PAGE).text), "action": "note"}

    assert client.post(f"{PAGE}/actions", data=form | {"rationale": f"a{character}b"}).status_code == 400
    for path in (f"/alerts/{quote(character)}", f"/inbox?text={quote(character)}", f"/public/areas/{quote(character)}"):
        assert client.get(path).status_code == 400
    assert pages.sent == []
    # What stands between lines is typed.
    assert client.post(f"{PAGE}/actions", data=form | {"rationale": "a\r\n\tb"}).status_code == 200
