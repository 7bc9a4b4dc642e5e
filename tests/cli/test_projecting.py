"""What `project` does between records: no Kafka is needed to see it."""

from math import inf
from pathlib import Path

import pytest
from tests.observability.test_delivery_metrics import figures
from tests.web.filling import LOADED, NOW, alert, fill

from safety_stream.cli import projecting
from safety_stream.cli.projecting import Figures, Projecting, topics_of
from safety_stream.config import Connection
from safety_stream.core.model.times import DAY_LENGTH, day_of
from safety_stream.observability.metrics import ProjectionMetrics
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.owed import Owed
from safety_stream.readmodel.purging import Purger
from safety_stream.readmodel.reading import ReadModel
from safety_stream.wire.rights import acls_of


def test_what_is_copied_is_what_its_user_may_read():
    acls = acls_of(LOADED.catalogue, day_of(NOW))
    own = {acl.name for acl in acls if (acl.user, acl.resource, acl.operation) == ("project", "topic", "read")}

    assert {*topics_of(LOADED.catalogue)} == own


def test_a_copy_that_has_nothing_to_do_still_says_that_it_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    migrate(engine)
    copy = Projecting(Connection("nowhere:9"), engine, (), as_json=False)
    monkeypatch.setattr(projecting, "high_watermarks", lambda *_: {("alerts.desk", 0): 7})
    looked = []
    for millis in (1_000, 6_000):
        monkeypatch.setattr(projecting.time, "time_ns", lambda millis=millis: millis * 1_000_000)
        copy._note_ends()
        looked.append(ReadModel(engine).health().looked_at)
    engine.dispose()

    assert looked == [1_000, 6_000]


def test_figures_say_how_clocks_feeds_and_the_copy_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    engine = fill(tmp_path / "copy.sqlite", weeks=1)
    monkeypatch.setattr(projecting, "wall", lambda: NOW)
    metrics = ProjectionMetrics()
    figures_ = Figures(metrics, ReadModel(engine), Owed(engine), LOADED.catalogue)
    before = figures(metrics)
    figures_.look()
    figures_.copied([alert(1, priority="P1"), alert(2, notify=False), alert(3, priority=None)], 3)
    engine.dispose()
    found = figures(metrics)

    told = "safety_stream_alerts_told_total{{'audience': 'duty-officer', 'priority': '{}'}}".format
    assert [before[told(one)] for one in ("P1", "P2", "untold")] == [0, 0, 0]
    assert [found[told(one)] for one in ("P1", "P2", "untold")] == [1, 0, 1]
    open_ = "safety_stream_open_alerts{{'audience': 'duty-officer', 'clock': '{}', 'priority': '{}'}}".format
    assert [found[open_(clock, "P1")] for clock in ("late", "running", "none")] == [1, 1, 0]
    assert [found[open_(clock, "P2")] for clock in ("late", "running", "none")] == [0, 1, 1]
    assert found[open_("none", "P4")] == 22
    states = [name for name, value in found.items() if "feed_state" in name and value]
    assert len(states) == len(LOADED.catalogue.sources)
    assert sum("'silent'" in one for one in states) == sum("'never'" in one for one in states) == 1
    assert found["safety_stream_projection_looked_at_seconds{}"] == NOW / 1000
    assert found["safety_stream_feeds_unspoken_seconds{}"] == 0


def test_what_was_copied_before_is_not_told_again(tmp_path: Path):
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    metrics = ProjectionMetrics()
    Figures(metrics, ReadModel(engine), Owed(engine), LOADED.catalogue).copied([alert(1, priority="P1")], 0)
    engine.dispose()

    told = "safety_stream_alerts_told_total{'audience': 'duty-officer', 'priority': 'P1'}"
    assert figures(metrics)[told] == 0


def test_a_backbone_that_never_spoke_is_silent_without_end(tmp_path: Path):
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    migrate(engine)
    metrics = ProjectionMetrics()
    Figures(metrics, ReadModel(engine), Owed(engine), LOADED.catalogue).look()
    engine.dispose()

    assert figures(metrics)["safety_stream_feeds_unspoken_seconds{}"] == inf


def test_figures_move_whenever_the_copy_is_looked_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    migrate(engine)
    metrics = ProjectionMetrics()
    figures_ = Figures(metrics, ReadModel(engine), Owed(engine), LOADED.catalogue)
    copy = Projecting(Connection("nowhere:9"), engine, (), as_json=False, figures=figures_)
    monkeypatch.setattr(projecting, "high_watermarks", lambda *_: {("alerts.desk", 0): 7})
    copy._note_ends()
    engine.dispose()

    assert figures(metrics)["safety_stream_projection_behind_records{}"] == 7


def test_figures_say_what_is_owed_of_each_audience_and_which_reviews_are_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    engine = fill(tmp_path / "copy.sqlite", weeks=1)
    counted = []
    for days in (0, 8, 15):
        monkeypatch.setattr(projecting, "wall", lambda days=days: NOW + days * DAY_LENGTH)
        metrics = ProjectionMetrics()
        Figures(metrics, ReadModel(engine), Owed(engine), LOADED.catalogue).look()
        found = figures(metrics)
        notices = "safety_stream_notices{{'audience': 'duty-officer', 'state': '{}'}}".format
        counted.append([found[notices(state)] for state in ("waiting", "reminded", "escalated")])
    engine.dispose()

    assert counted == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    # It was opened three days before, and two are there for its review.
    uses = "safety_stream_break_glass_uses{{'state': '{}'}}".format
    assert [found[uses(state)] for state in ("waiting", "overdue")] == [0, 1]


def test_the_copy_is_purged_as_it_is_kept_and_not_while_it_may_lack_a_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    engine = fill(tmp_path / "copy.sqlite", weeks=1)
    late = NOW + 3 * 365 * DAY_LENGTH
    monkeypatch.setattr(projecting, "wall", lambda: late)
    ends = {("alerts.duty-officer", 0): 1_000}
    monkeypatch.setattr(projecting, "high_watermarks", lambda *_: ends)
    metrics = ProjectionMetrics()
    figures_ = Figures(metrics, ReadModel(engine), Owed(engine), LOADED.catalogue)
    purger = Purger(engine, LOADED.catalogue.retention)
    copy = Projecting(Connection("nowhere:9"), engine, (), as_json=False, figures=figures_, purger=purger)
    copy._note_ends()
    behind = figures(metrics)["safety_stream_projection_purged_at_seconds{}"]
    ends["alerts.duty-officer", 0] = 74
    copy._note_ends()
    engine.dispose()

    found = figures(metrics)
    assert (behind, found["safety_stream_projection_purged_at_seconds{}"]) == (0, late / 1000)
    assert found["safety_stream_projection_purged_total{'what': 'alerts'}"] > 0
