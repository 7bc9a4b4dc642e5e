"""The gateway from outside: what is answered to whom, and that a receipt stands for what was acknowledged alone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from tests.edge.gateway.making import KEY, POLICE_KEY, SECOND_KEY, Clock, Site, partners, report, serving

from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.edge.canonical import parse
from safety_stream.edge.entries import Entry
from safety_stream.edge.gateway.app import ACTIONS
from safety_stream.edge.gateway.problems import MEDIA_TYPE, TITLES, TYPE
from safety_stream.edge.gateway.reading import BYTES_MAX, DEPTH_MAX, REPORTS_MAX
from safety_stream.edge.gateway.receipts import REQUEST_DAYS
from safety_stream.edge.producer import record_of
from safety_stream.testing.broker import FakeBroker


def name_of(answer: Any) -> str:
    assert answer.headers["content-type"] == MEDIA_TYPE
    said = answer.json()
    name = said["type"].removeprefix(TYPE)
    assert (said["status"], said["title"]) == (answer.status_code, TITLES[name][1])
    return name


def test_a_report_that_is_acknowledged_has_a_receipt(site: Site):
    answer = site.send(report())

    assert answer.status_code == 202
    said = answer.json()
    assert {name: said[name] for name in ("source", "source_ref", "source_version", "action", "topic", "offset")} == {
        "source": "council-asb",
        "source_ref": "case-1",
        "source_version": 1,
        "action": "new",
        "topic": "partner.council-asb",
        "offset": 0,
    }
    assert site.get(f"/v1/receipts/{said['id']}").json() == said
    assert site.get("/v1/receipts").json() == {"receipts": [said], "next": None}


def test_what_is_sent_is_what_any_producer_would_send(site: Site):
    site.send(report())
    entry = parse(json.dumps(report()))

    assert isinstance(entry, Entry)
    assert site.broker.log == [record_of(entry.report, entry.details)]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps([report(), report(source_ref="case-2")]).encode(), "application/json"),
        (b"\n".join(json.dumps(report(source_ref=f"case-{n}")).encode() for n in (1, 2)), "application/x-ndjson"),
        (b"\n".join(json.dumps(report(source_ref=f"case-{n}")).encode() for n in (1, 2)), "application/jsonl"),
    ],
)
def test_many_may_come_in_one_request(site: Site, body: bytes, content_type: str):
    answer = site.send(body, content_type=content_type)

    assert answer.status_code == 202
    assert [one["receipt"]["source_ref"] for one in answer.json()["items"]] == ["case-1", "case-2"]
    assert len(site.broker.log) == 2


def test_of_many_each_stands_for_itself(site: Site):
    site.broker.silent_about = {1}
    answer = site.send(
        [
            report(),
            report(kind="Not A Word"),
            report(source="police-incidents"),
            report(source_ref="case-2"),
            report(source_ref="case-3"),
        ]
    )

    assert answer.status_code == 207
    items = answer.json()["items"]
    assert [one["status"] for one in items] == [202, 422, 403, 503, 202]
    assert [one["index"] for one in items] == [0, 1, 2, 3, 4]
    assert {one["source_ref"] for one in site.get("/v1/receipts").json()["receipts"]} == {"case-1", "case-3"}
    assert len(site.broker.log) == 2


def test_what_nobody_acknowledged_has_no_receipt_and_may_come_again(site: Site):
    site.broker.mood = "is-silent"
    answer = site.send(report())

    assert (answer.status_code, name_of(answer)) == (503, "not-acknowledged")
    assert int(answer.headers["retry-after"]) >= 1
    assert site.get("/v1/receipts").json()["receipts"] == []

    site.broker.mood = "acknowledges"
    assert site.send(report()).status_code == 202
    assert len(site.get("/v1/receipts").json()["receipts"]) == 1


def test_of_many_that_nobody_acknowledged_none_has_a_receipt(site: Site):
    site.broker.mood = "is-silent"
    answer = site.send([report(), report(source_ref="case-2"), report(kind="Not A Word")])

    assert (answer.status_code, name_of(answer)) == (503, "not-acknowledged")
    assert [one["status"] for one in answer.json()["items"]] == [503, 503, 422]
    assert "retry-after" in answer.headers


def test_what_the_broker_refuses_for_good_is_said(site: Site):
    site.broker.mood = "refuses"
    answer = site.send(report())

    assert name_of(answer) == "not-a-report"
    assert answer.json()["detail"] == "The broker does not take it: the report is larger than the topic takes."


def test_a_month_that_is_played_again_has_the_same_receipts(site: Site):
    month = [report(source_ref=f"case-{number}", source_version=1 + number % 3) for number in range(90)]
    first = [site.send(month[start : start + 30]).json() for start in (0, 30, 60)]
    site.clock.pass_by(31 * 86_400)
    again = [site.send(month[start : start + 30], key=SECOND_KEY.key).json() for start in (0, 30, 60)]

    assert again == first
    assert len(site.get("/v1/receipts", limit=500, key=SECOND_KEY.key).json()["receipts"]) == 90


def test_one_report_twice_in_a_request_has_one_receipt(site: Site):
    items = site.send([report(), report()]).json()["items"]

    assert items[0]["receipt"] == items[1]["receipt"]


@pytest.mark.parametrize(("last", "action"), ACTIONS.items())
def test_what_becomes_of_a_report_is_sent_to_its_address(site: Site, last: str, action: str):
    answer = site.send(report(action=action, source_ref="2026/A 7"), f"/v1/reports/2026%2FA%207/{last}")

    assert (answer.status_code, answer.json()["action"]) == (202, action)


def test_an_address_takes_its_own_report_alone(site: Site):
    answer = site.send(report(action="withdraw"), "/v1/reports/case-2/corrections")

    assert name_of(answer) == "another-address"
    assert [one["field"] for one in answer.json()["errors"]] == ["source_ref", "action"]
    assert name_of(site.send([report(action="correct")], "/v1/reports/case-1/corrections")) == "not-json"
    assert site.broker.log == []


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {KEY.key}",
        KEY.key,
        f"Bearer {KEY.key}x",
        f"Bearer {KEY.key[:-1]}",
        f"Bearer {KEY.key.replace('council', 'police')}",
        f"Bearer {KEY.key.replace('council', 'nobody')}",
        f"Bearer csp_council_{KEY.sha256}",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
    ],
    # Keys are new in each process, and every process must name the tests alike.
    ids=[
        *("nothing", "empty", "no key", "blank", "another scheme", "no scheme", "one letter more", "one letter fewer"),
        *("another partner's name", "a name nobody has", "the digest", "an unsigned token"),
    ],
)
def test_nobody_else_is_let_in(site: Site, authorization: str | None):
    headers = {"Content-Type": "application/json"} | ({} if authorization is None else {"Authorization": authorization})
    answer = site.client.post("/v1/reports", content=json.dumps(report()), headers=headers)

    assert (answer.status_code, name_of(answer), answer.headers["www-authenticate"]) == (401, "not-let-in", "Bearer")
    for path in ("/v1/receipts", "/v1/receipts/1776935a-87b3-5b77-bede-76e1c7575939"):
        assert site.client.get(path, headers=headers).status_code == 401
    assert site.broker.log == []


def test_two_keys_let_in_until_the_end_of_their_last_day(site: Site):
    assert [site.send(report(), key=one.key).status_code for one in (KEY, SECOND_KEY)] == [202, 202]

    site.clock.pass_by(12 * 3_600 - 1)
    assert site.send(report()).status_code == 202
    site.clock.pass_by(1)
    assert [site.send(report(), key=one.key).status_code for one in (KEY, SECOND_KEY)] == [401, 202]


def test_a_source_is_its_own_partners_alone(site: Site):
    answer = site.send(report(source="police-incidents"))

    assert (answer.status_code, name_of(answer)) == (403, "not-yours")
    assert site.broker.log == []


def test_another_partners_receipts_are_not_there(site: Site):
    receipt = site.send(report()).json()["id"]

    assert name_of(site.get(f"/v1/receipts/{receipt}", key=POLICE_KEY.key)) == "not-found"
    assert site.get("/v1/receipts", key=POLICE_KEY.key).json()["receipts"] == []
    assert name_of(site.get("/v1/receipts", key=POLICE_KEY.key, after=receipt)) == "not-found"
    assert name_of(site.get("/v1/receipts", key=POLICE_KEY.key, source="council-asb")) == "not-yours"


def test_receipts_come_in_pages(site: Site):
    for number in range(5):
        site.send(report(source_ref=f"case-{number}"))
        site.clock.pass_by(0.001)
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = site.get("/v1/receipts", limit=2, **after).json()
        found += [one["source_ref"] for one in page["receipts"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}

    assert found == [f"case-{number}" for number in range(5)]
    assert [one["source_ref"] for one in site.get("/v1/receipts", ref="case-3").json()["receipts"]] == ["case-3"]


@pytest.mark.parametrize(
    "asked",
    [{"limit": "0"}, {"limit": "501"}, {"limit": "x"}, {"ref": "a\nb"}, {"ref": ""}, {"no": "1"}],
)
def test_what_is_asked_wrongly_is_said(site: Site, asked: dict[str, str]):
    assert name_of(site.get("/v1/receipts", **asked)) == "bad-parameter"


def test_an_idempotency_key_has_one_answer(site: Site):
    first = site.send([report(), report(kind="Not A Word")], idempotency_key="night")
    site.broker.mood = "is-silent"
    again = site.send([report(), report(kind="Not A Word")], idempotency_key="night")

    assert (first.status_code, first.content) == (207, again.content)
    assert again.status_code == 207
    assert len(site.broker.log) == 1


def test_an_idempotency_key_with_another_body_is_refused_and_nothing_is_sent(site: Site):
    site.send(report(), idempotency_key="night")
    answer = site.send(report(source_ref="case-2"), idempotency_key="night")
    elsewhere = site.send(report(), "/v1/reports/case-1/corrections", idempotency_key="night")

    assert (answer.status_code, name_of(answer), name_of(elsewhere)) == (422, "key-used-before", "key-used-before")
    assert len(site.broker.log) == 1


def test_an_idempotency_key_is_its_partners(site: Site):
    site.send(report(), idempotency_key="night")

    answer = site.send(report(source="police-incidents"), key=POLICE_KEY.key, idempotency_key="night")
    assert answer.status_code == 202


def test_a_request_that_was_not_acknowledged_may_come_again_with_its_key(site: Site):
    site.broker.silent_about = {1}
    partly = site.send([report(), report(source_ref="case-2")], idempotency_key="night")
    again = site.send([report(), report(source_ref="case-2")], idempotency_key="night")

    assert (partly.status_code, again.status_code) == (207, 202)
    assert partly.json()["items"][0]["receipt"] == again.json()["items"][0]["receipt"]


def test_an_idempotency_key_is_forgotten_in_the_end(site: Site):
    site.send(report(), key=SECOND_KEY.key, idempotency_key="night")
    site.clock.wall += REQUEST_DAYS * DAY_LENGTH + 1
    site.send(report(source_ref="case-2"), key=SECOND_KEY.key)

    answer = site.send(report(source_ref="case-3"), key=SECOND_KEY.key, idempotency_key="night")
    assert answer.status_code == 202


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "n\u00e4chtlich"])
def test_an_idempotency_key_is_plain(site: Site, key: str):
    answer = site.client.post(
        "/v1/reports",
        content=json.dumps(report()),
        headers={
            b"Authorization": f"Bearer {KEY.key}".encode(),
            b"Content-Type": b"application/json",
            b"Idempotency-Key": key.encode("latin-1"),
        },
    )

    assert name_of(answer) == "bad-parameter"


@pytest.mark.parametrize(
    ("body", "headers", "name"),
    [
        (b"{", {}, "not-a-report"),
        (b"", {}, "not-a-report"),
        (b"[", {}, "not-json"),
        (b"[]", {}, "not-json"),
        (b"\n", {"content_type": "application/jsonl"}, "not-json"),
        (b"[" * 100_000, {}, "not-json"),
        (b"{}", {"content_type": "text/plain"}, "unknown-content-type"),
        (b"{}", {"content_type": ""}, "unknown-content-type"),
        (b"{}", {"content_type": "application/json; charset=latin-1"}, "unknown-content-type"),
        (b"{}", {"content_encoding": "gzip"}, "unknown-content-type"),
        (b"[" + b"{}," * REPORTS_MAX + b"{}]", {}, "too-many"),
        (b" " * (BYTES_MAX + 1), {}, "too-large"),
    ],
)
def test_a_body_that_is_none_is_refused(site: Site, body: bytes, headers: dict[str, str], name: str):
    assert name_of(site.send(body, **headers)) == name
    assert site.broker.log == []


def test_a_body_is_cut_off_when_it_does_not_say_how_long_it_is(site: Site):
    headers = {"Authorization": f"Bearer {KEY.key}", "Content-Type": "application/json"}
    answer = site.client.post("/v1/reports", content=(b" " * 1_000_000 for _ in range(6)), headers=headers)

    assert name_of(answer) == "too-large"


def test_a_report_has_a_depth(site: Site):
    deep: Any = "x"
    for _ in range(DEPTH_MAX):
        deep = {"a": deep}
    brackets = {"asb": {"a": "[" * 50}}

    said = site.send(report(details={"asb": deep})).json()
    assert said["detail"] == f"More than {DEPTH_MAX} objects and lists within one another."
    assert "within one another" not in site.send(report(details=brackets)).text


def test_no_problem_repeats_a_value_or_a_name_nobody_knows(site: Site):
    secret = "Jane-Example-1980"
    wrong = [
        report(parties=[{"role": "victim", "token": f"{secret} Road"}]),
        report(kind=f"K {secret}"),
        report(**{secret: 1}),
        report(source=secret),
        report(source_ref="x" * 201 + secret),
        report(details={secret: {"a": 1}}),
        report(details={"police_crime": {secret: 1}}),
        report(facts={secret: "x y"}),
        report(occurred_from=secret),
        report(received_at="2026-03-01T09:30:00Z"),
    ]
    for one in wrong:
        answer = site.send(one)
        assert answer.status_code == 422, one
        assert secret not in answer.text
    assert secret not in site.send(wrong).text
    assert site.broker.log == []


def test_what_is_wrong_is_said_field_by_field(site: Site):
    said = site.send(report(source_version=0, place={"easting": -1})).json()

    assert said["errors"] == [
        {"field": "source_version", "reason": "input should be greater than or equal to 1"},
        {"field": "place.easting", "reason": "input should be greater than or equal to 0"},
    ]


@pytest.mark.parametrize("skew", [-DAY_LENGTH, DAY_LENGTH])
def test_what_a_partners_clock_says_is_for_intake_to_judge(site: Site, skew: int):
    then = site.clock.wall + skew

    assert site.send(report(occurred_from=then, reported_at=then)).status_code == 202


def test_a_partner_has_a_rate(tmp_path: Path):
    with serving(tmp_path, known=partners(per_minute=60)) as site:
        assert site.send([report(source_ref=f"case-{n}") for n in range(60)]).status_code == 202
        answer = site.send(report())
        assert (answer.status_code, name_of(answer), answer.headers["retry-after"]) == (429, "too-fast", "1")
        assert site.send(report(source="police-incidents"), key=POLICE_KEY.key).status_code == 202
        assert site.send([report()] * 30).headers["retry-after"] == "30"
        site.clock.pass_by(1)
        assert [site.send(report()).status_code for _ in range(2)] == [202, 429]
        assert name_of(site.send([report()] * 61)) == "too-many"


def test_a_database_that_is_gone_makes_no_receipt(tmp_path: Path):
    with serving(tmp_path) as site:
        site.send(report())
        for file in tmp_path.glob("receipts.sqlite*"):
            file.write_bytes(b"no database" * 1_000)
        answer = site.send(report(source_ref="case-2"))
        keyed = site.send(report(source_ref="case-3"), idempotency_key="night")

        assert (answer.status_code, name_of(answer)) == (503, "not-written-down")
        assert name_of(keyed) == "not-written-down"
        assert name_of(site.get("/v1/receipts")) == "not-written-down"
        assert site.client.get("/v1/health").status_code == 503
        assert len(site.broker.log) == 2


def test_health_is_that_of_what_it_stands_on(site: Site):
    assert site.client.get("/v1/health").json() == {"status": "ok"}
    site.broker.mood = "is-silent"
    assert site.client.get("/v1/health").status_code == 200
    site.clock.pass_by(6)
    assert site.client.get("/v1/health").status_code == 503


def test_every_answer_says_how_it_is_to_be_treated(site: Site):
    for answer in (site.send(report()), site.client.get("/no"), site.client.get("/v1/health"), site.send(b"{")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_what_is_not_there_is_a_problem(site: Site):
    assert name_of(site.client.get("/docs")) == "not-found"
    wrong = site.client.put("/v1/reports")
    assert (name_of(wrong), wrong.headers["allow"]) == ("no-such-method", "POST")


def test_what_nobody_foresaw_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    class Broken(FakeBroker):
        async def send(self, records: Any) -> Any:
            raise RuntimeError(str(records))

    with serving(tmp_path, Broken()) as site:
        answer = site.send(report(source_ref="tok-in-a-reference"))

    assert (answer.status_code, name_of(answer)) == (500, "gone-wrong")
    assert "tok-" not in answer.text
    assert "tok-" not in caplog.text


def test_figures_count_reports_by_outcome(site: Site):
    site.send([report(), report(kind="A B"), report(source="police-incidents")])
    site.send(b"[")
    site.send([report(kind="A B"), report(kind="A B")])
    told = generate_latest(site.metrics.registry).decode()

    for line in (
        'safety_stream_gateway_reports_total{outcome="acknowledged"} 1.0',
        'safety_stream_gateway_reports_total{outcome="not-a-report"} 3.0',
        'safety_stream_gateway_reports_total{outcome="not-yours"} 1.0',
        'safety_stream_gateway_reports_total{outcome="not-json"} 1.0',
        'safety_stream_gateway_answers_total{status="2xx"} 1.0',
        'safety_stream_gateway_answers_total{status="4xx"} 2.0',
        "safety_stream_gateway_answer_seconds_count 3.0",
    ):
        assert line in told
    assert "council" not in told


def test_two_gateways_agree(place: str):
    clock = Clock()
    with serving(place, clock=clock) as one, serving(place, clock=clock) as other:
        first = one.send(report(), idempotency_key="night")
        clock.pass_by(5)
        assert other.send(report(), idempotency_key="night").content == first.content
        assert other.broker.log == []
        assert name_of(other.send(report(source_ref="case-2"), idempotency_key="night")) == "key-used-before"
        assert other.send(report()).content == first.content
        assert other.get("/v1/receipts").json() == one.get("/v1/receipts").json()


def test_two_gateways_that_are_asked_at_once_give_one_answer(place: str):
    with serving(place) as one, serving(place) as other:
        other.clock.pass_by(7)

        def send(asked: tuple[Site, int]) -> bytes:
            return asked[0].send([report(source_ref=f"case-{asked[1]}")], idempotency_key=f"k{asked[1]}").content

        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(send, [(site, number) for number in range(10) for site in (one, other)]))

    assert answers[::2] == answers[1::2]
    assert len(set(answers)) == 10


def test_one_key_with_two_bodies_at_once_is_for_one_of_them(place: str):
    with serving(place) as one, serving(place) as other:

        def send(asked: tuple[Site, str]) -> int:
            return asked[0].send(report(source_ref=asked[1]), idempotency_key="night").status_code

        with ThreadPoolExecutor(2) as threads:
            statuses = list(threads.map(send, [(one, "case-1"), (other, "case-2")]))

        assert sorted(statuses) == [202, 422]
        assert len(one.broker.log) + len(other.broker.log) == 1
