"""Notices, and what is untold: an audience under an agreement that ended between two versions of an alert."""

from __future__ import annotations

import msgspec
import pytest
from tests.core.alerts.test_condition import a_finding, of_reports
from tests.core.alerts.test_condition import told as versions_of
from tests.core.stages.making import NOON, a_version, an_alert

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.findings import Evidence, FindingChange
from safety_stream.core.model.published import AuditRecord, PublishedAlert
from safety_stream.core.model.sharing import Withheld
from safety_stream.core.model.times import Instant
from safety_stream.core.putting_right import Notices, Tracing
from safety_stream.core.stages.enter import ACKNOWLEDGED
from safety_stream.core.stages.intake import FUTURE_TOLERANCE
from safety_stream.data_files import catalogue_folder

OURS, THEIRS = "00000000-0000-5000-8000-00000000000a", "00000000-0000-5000-8000-00000000000b"

ALERT = an_alert(priority="P1", audiences=("duty-officer",))


def version(number: int, cause: str) -> AlertVersion:
    return msgspec.structs.replace(ALERT, version=number, change="updated" if number > 1 else "raised", cause=cause)


VERSIONS = (
    version(1, f"{OURS} new"),
    version(2, f"{OURS} correct"),
    version(3, f"{THEIRS} withdraw"),
    version(4, f"{OURS} correct"),
    version(5, f"{OURS} new"),
)


def told(seq: int, number: int, prior: int | None, change: str = "updated") -> PublishedAlert:
    return PublishedAlert(
        seq=seq,
        audience="duty-officer",
        alert_id=ALERT.alert_id,
        version=number,
        change=change if prior else "raised",  # type: ignore[arg-type]
        as_of=NOON + seq,
        prior_seq=prior and seq - 1,
        prior_version=prior,
    )


def withheld(seq: int, number: int, state: str = "waits") -> Withheld:
    return Withheld(
        seq=seq,
        audience="duty-officer",
        alert_id=ALERT.alert_id,
        version=number,
        change="updated",
        why="",
        agreements=("isa",) if state in ("waits", "None") else (),
        as_of=NOON + seq,
        state=None if state == "None" else state,  # type: ignore[arg-type]
        priority="P1",
    )


def following(report: str, *values: msgspec.Struct) -> Notices:
    notices = Notices(follows=report)
    for value in (*VERSIONS, *values):
        notices.take(value)
    return notices


def untold(*values: msgspec.Struct, report: str = OURS) -> list[tuple[int, int, str]]:
    found = following(report, *values).untold_of_the_report()
    return [(one.seq, one.version, one.action) for one in found]


def test_who_is_told_of_several_versions_at_once_has_a_notice_of_each_cause():
    """As after a renewal: version 4 alone is told, and versions 2 and 3 were put right by two reports."""
    notices = following(OURS, told(1, 1, None), told(2, 4, 1)).all()

    assert sorted((one.seq, one.version, one.incident_id, one.action) for one in notices) == [
        (2, 4, OURS, "correct"),
        (2, 4, THEIRS, "withdraw"),
    ]
    assert [one.incident_id for one in following(THEIRS, told(1, 1, None), told(2, 4, 1)).of_the_report()] == [THEIRS]


def test_told_of_each_version_by_itself_everybody_has_the_notices_of_each():
    each = [told(1, 1, None), told(2, 2, 1), told(3, 3, 2), told(4, 4, 3), told(5, 5, 4)]

    assert [(one.seq, one.incident_id) for one in following(OURS, *each).all()] == [
        (2, OURS),
        (3, THEIRS),
        (4, OURS),
    ]


def test_who_hears_of_an_alert_first_or_again_of_the_same_version_has_none():
    assert following(OURS, told(1, 4, None), told(2, 4, 4)).all() == []


def test_what_waits_of_what_somebody_holds_is_untold():
    assert untold(told(1, 1, None), withheld(7, 2)) == [(7, 2, "correct")]
    assert untold(told(1, 1, None), withheld(7, 2), withheld(8, 4)) == [(8, 4, "correct")]
    assert untold(told(1, 1, None), withheld(7, 3), report=THEIRS) == [(7, 3, "withdraw")]


def test_what_was_told_in_the_end_or_differs_by_nothing_of_the_report_is_not():
    held = told(1, 1, None)
    assert untold(held, withheld(7, 2), told(2, 2, 1), withheld(8, 2, "told")) == []
    assert untold(held, withheld(7, 2), withheld(8, 3, "over")) == []
    assert untold(held, withheld(7, 2, "barred")) == []
    assert untold(told(1, 4, None), withheld(7, 5)) == []
    assert untold(held, withheld(7, 2), report=THEIRS) == []


def test_who_holds_nothing_has_nothing_untold():
    """Who was never told, and who was told that it is withdrawn."""
    assert untold(withheld(7, 2)) == []
    assert untold(told(1, 1, None), told(2, 1, 1, "withdrawn"), withheld(7, 2)) == []


def test_what_version_1_of_the_record_says_waits_until_the_feed_has_it():
    assert untold(told(1, 1, None), withheld(7, 2, "None")) == [(7, 2, "correct")]
    assert untold(told(1, 1, None), withheld(7, 2, "None"), told(2, 2, 1)) == []


def test_a_certificate_in_which_something_is_untold_is_not_complete():
    tracing = Tracing(OURS, load_catalogue(catalogue_folder()))
    tracing.take("incidents", a_version(incident_id=OURS, action="withdraw"))
    found = following(OURS, told(1, 1, None), withheld(7, 2)).untold_of_the_report()

    nothing_open, left = tracing.certificate([], [], NOON), tracing.certificate([], found, NOON)

    assert nothing_open is not None
    assert left is not None
    assert (nothing_open.is_complete, nothing_open.untold) == (True, ())
    assert (left.is_complete, left.untold) == (False, tuple(found))


def of_the_alert(version: AlertVersion, seq: int = 1, prior: int | None = None) -> PublishedAlert:
    return msgspec.structs.replace(told(seq, version.version, prior, version.change), alert_id=version.alert_id)


def test_a_dispute_of_the_oldest_of_nine_reports_is_a_notice_while_the_alert_rests_on_it():
    """The alert shows the newest eight."""
    nine = of_reports("a", 1, 9)
    raised, without, withdrawn = versions_of(
        ("raised", nine, NOON), ("updated", of_reports("a", 2, 9), NOON), ("withdrawn", nine, NOON)
    )
    assert "r-01" not in {report for one in raised.findings[0].evidence for report in one.reports}

    def notices(*versions: AlertVersion) -> list[tuple[str, str, str]]:
        found = Notices({"r-01": NOON + 9, "r-00": NOON + 9})
        for value in (*versions, of_the_alert(raised)):
            found.take(value)
        return [(one.alert_id, one.why, one.incident_id) for one in found.all()]

    assert notices(raised) == [(raised.alert_id, "disputed", "r-01")]
    assert notices(raised, without) == notices(raised, withdrawn) == []


def acknowledged(seq: int, at: Instant) -> AuditRecord:
    return AuditRecord(
        seq=1, previous_hash="", hash="", verb="alteration", audience="duty-officer", topic="", from_seq=seq,
        to_seq=seq, alert_id=ALERT.alert_id, fields=(), as_of=at, actor="desk-7", reason=ACKNOWLEDGED,
    )  # fmt: skip


def test_each_disputed_report_of_an_alert_is_a_notice_of_its_own():
    (raised,) = versions_of(("raised", of_reports("a", 1, 3), NOON))
    notices = Notices({"r-01": NOON + 100, "r-02": NOON + 300})
    answer = msgspec.structs.replace(acknowledged(1, NOON + 200), alert_id=raised.alert_id)
    for value in (raised, of_the_alert(raised), answer):
        notices.take(value)

    # Whoever answered the dispute of the first has heard nothing yet of that of the second.
    assert [(one.incident_id, one.acknowledged_by) for one in notices.all()] == [("r-01", "desk-7"), ("r-02", "")]


def test_a_dispute_of_what_lies_beneath_a_finding_that_stands_for_a_report_is_a_notice():
    beneath = FindingChange(change="raised", finding=of_reports("below", 1, 3), as_of=NOON, cause="c")
    place = Evidence("o", NOON, "E07000117", (beneath.finding.finding_id,))
    (raised,) = versions_of(("raised", a_finding("above", NOON, evidence=(place,)), NOON))
    notices = Notices({"r-02": NOON + 9})
    for value in (beneath, raised, of_the_alert(raised)):
        notices.take(value)

    assert [(one.alert_id, one.incident_id) for one in notices.all()] == [(raised.alert_id, "r-02")]


TOLD_AT = NOON + 2


@pytest.mark.parametrize(
    ("at", "is_answered"),
    # The clocks of whoever tells and whoever answers may differ by as much as that of a partner.
    [(TOLD_AT - FUTURE_TOLERANCE - 1, False), (TOLD_AT - FUTURE_TOLERANCE, True)],
)
def test_nobody_acknowledges_what_is_not_told_yet(at: Instant, *, is_answered: bool):
    notices = Notices(follows=OURS)
    for value in (*VERSIONS[:2], told(1, 1, None), told(2, 2, 1), acknowledged(2**62, at)):
        notices.take(value)

    assert [bool(one.acknowledged_by) for one in notices.all()] == [is_answered]


def test_a_finding_that_is_shown_no_more_has_not_ended():
    """Another report, put right, brings about the version that shows the seventeenth finding, and the first no more."""
    changes = [
        FindingChange(change="raised", finding=of_reports(f"f{n:02}", n, n, NOON + n), as_of=NOON, cause="c")
        for n in range(17)
    ]
    versions = versions_of(*[("raised", change.finding, NOON) for change in changes])
    last = msgspec.structs.replace(versions[-1], cause=f"{THEIRS} correct")
    notices = Notices(follows="r-00")
    for value in (*changes, *versions[:-1], last, of_the_alert(versions[-2]), of_the_alert(last, 2, 16)):
        notices.take(value)

    assert (len(last.findings), last.also_rests_on) == (16, ("r-00",))
    assert [one.incident_id for one in notices.all()] == [THEIRS]
    assert notices.of_the_report() == []
