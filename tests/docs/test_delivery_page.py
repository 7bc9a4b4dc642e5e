"""What the page on delivery says is what is: channels, statuses, settings, figures and numbers."""

import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry

from safety_stream.catalogue.delivering import load_delivering
from safety_stream.catalogue.documents import parse_document
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, SECOND
from safety_stream.data_files import catalogue_folder
from safety_stream.delivery.channels import CHANNELS
from safety_stream.delivery.model import Status
from safety_stream.delivery.outbox import LEASE
from safety_stream.delivery.settings import DeliverySettings
from safety_stream.observability.metrics import DeliveryMetrics

PAGE = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_channel_has_its_row_and_no_other():
    rows = re.findall(r"^\| ([^|]+) \| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", section("Channels"), re.MULTILINE)

    assert {name: title for title, name, *_ in rows} == {name: kind.title for name, kind in CHANNELS.items()}
    for _, name, repeat, confirms, fails in rows:
        kind = CHANNELS[name]
        assert ("is recognised" in repeat or "is asked for" in repeat) == kind.recognises_repeats
        assert confirms.startswith("yes") == kind.confirms
        assert ("by itself" in fails) == kind.fails_alone


def test_every_status_is_explained():
    found = re.findall(r"^\| `([\w-]+)` \|", section("How far a message has come"), re.MULTILINE)

    assert found == list(get_args(Status))


def test_the_settings_shown_can_be_read_and_set_up_every_channel():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    settings = DeliverySettings.model_validate(parse_document(text).value)

    assert [name for name, kind in CHANNELS.items() if kind.make(settings) is None] == []


@pytest.mark.parametrize("name", re.findall(r"`(safety_stream_\w+)", PAGE))
def test_every_figure_named_is_told(name: str):
    registry: CollectorRegistry = DeliveryMetrics().registry

    assert name.removesuffix("_total") in {family.name for family in registry.collect()}


def test_the_numbers_are_those_of_the_catalogue():
    bounds = load_delivering(catalogue_folder())
    retrying = bounds.retrying

    assert f"more than {bounds.tell_within // DAY_LENGTH} days ago" in PAGE
    assert f"alone for {retrying.first // SECOND} seconds" in PAGE
    assert f"up to {retrying.most // MINUTE} minutes" in PAGE
    assert f"no success in {retrying.give_up_after // HOUR} hours" in PAGE
    assert f"not delivered after {bounds.confirming.within // HOUR} hours" in PAGE
    assert (LEASE, "after two minutes" in PAGE) == (2 * MINUTE, True)
    assert bounds.digest_only == {"P4"}
