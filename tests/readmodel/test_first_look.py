"""What is told is read back."""

from pathlib import Path

from safety_stream.core.model.published import PublishedAlert
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.readmodel.reading import ReadModel


def test_what_is_told_is_read_back(tmp_path: Path):
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    migrate(engine)
    told = PublishedAlert(seq=1, audience="desk", alert_id="aaaa", version=1, change="raised", as_of=1, priority="P1")

    with engine.begin() as connection:
        apply(connection, [TopicRecord("alerts.desk", 0, 0, told)])

    assert ReadModel(engine).inbox("desk") == [told]
    engine.dispose()
