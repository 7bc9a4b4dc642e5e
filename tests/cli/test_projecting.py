"""What `project` does between records: no Kafka is needed to see it."""

from math import inf
from pathlib import Path

import pytest
from tests.observability.test_delivery_metrics import figures
from tests.web.filling import LOADED, NOW, alert, fill

from safety_stream.cli import projecting
from safety_stream.cli.projecting import Figures, Projecting
from safety_stream.config import Connection
from safety_stream.observability.metrics import ProjectionMetrics
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.reading import ReadModel


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
    figures_ = Figures(metrics, ReadModel(engine), LOADED.catalogue)
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
    Figures(metrics, ReadModel(engine), LOADED.catalogue).copied([alert(1, priority="P1")], 0)
    engine.dispose()

    told = "safety_stream_alerts_told_total{'audience': 'duty-officer', 'priority': 'P1'}"
    assert figures(metrics)[told] == 0


def test_a_backbone_that_never_spoke_is_silent_without_end(tmp_path: Path):
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    migrate(engine)
    metrics = ProjectionMetrics()
    Figures(metrics, ReadModel(engine), LOADED.catalogue).look()
    engine.dispose()

    assert figures(metrics)["safety_stream_feeds_unspoken_seconds{}"] == inf


def test_figures_move_whenever_the_copy_is_looked_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    migrate(engine)
    metrics = ProjectionMetrics()
    figures_ = Figures(metrics, ReadModel(engine), LOADED.catalogue)
    copy = Projecting(Connection("nowhere:9"), engine, (), as_json=False, figures=figures_)
    monkeypatch.setattr(projecting, "high_watermarks", lambda *_: {("alerts.desk", 0): 7})
    copy._note_ends()
    engine.dispose()

    assert figures(metrics)["safety_stream_projection_behind_records{}"] == 7
