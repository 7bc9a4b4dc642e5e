"""docs/partner-kit.md is what a partner goes by: its formats, fields and snippet are those there are."""

import re
from pathlib import Path
from typing import get_args

import pytest

from safety_stream.core.model.reports import Report
from safety_stream.edge import producer
from safety_stream.edge.formats import Format
from safety_stream.edge.mapping import REQUIRED

PAGE = (Path(__file__).parents[2] / "docs" / "partner-kit.md").read_text(encoding="utf-8")


def test_every_format_has_its_line():
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \| .+ \| .+ \|$", PAGE, re.MULTILINE)) == {*get_args(Format)}


def test_every_field_a_mapping_needs_is_spoken_of():
    assert [name for name in REQUIRED if f"`{name}`" not in PAGE] == []


def test_the_snippet_sends_a_report(monkeypatch: pytest.MonkeyPatch):
    sent: list[Report] = []
    monkeypatch.setattr(producer.ReportProducer, "__init__", lambda _, kafka: None)
    monkeypatch.setattr(producer.ReportProducer, "__exit__", lambda *_: None)
    monkeypatch.setattr(producer.ReportProducer, "send", lambda _, report: sent.append(report))
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(snippet, {})  # noqa: S102 - the page's own

    assert [report.source_ref for report in sent] == ["ASB-26-0001"]
