"""What `project` does between records: no Kafka is needed to see it."""

from pathlib import Path

import pytest

from safety_stream.cli import projecting
from safety_stream.cli.projecting import Projecting
from safety_stream.config import Connection
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
