"""What the shipped indicators count is what their titles say, and what must be said beside them is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.core.stages.making import a_version

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.incidents import Party
from safety_stream.core.rules.selectors import compiled
from safety_stream.data_files import catalogue_folder

UNVERIFIED = "[M]"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


def entries() -> list[dict[str, Any]]:
    files = sorted(Path(catalogue_folder() / "indicators").glob("*.yaml"))
    return [one for file in files for one in yaml.safe_load(file.read_text()).get("indicators", [])]


def test_weights_nobody_has_verified_are_said_to_be_beside_every_value(catalogue: Catalogue):
    """`export` shows caveats, and no sources."""
    weighted = [one for one in entries() if UNVERIFIED in str(one.get("weights", {}).get("source"))]
    caveats = {one.id: one.caveats for one in catalogue.indicators}

    assert [one["id"] for one in weighted] == ["crime-harm"]
    for one in weighted:
        assert any(UNVERIFIED in caveat.text and not caveat.areas for caveat in caveats[one["id"]])


@pytest.mark.parametrize(
    ("party", "is_counted"),
    [
        (Party("missing", "tok-a", child=True), True),
        (Party("missing", "tok-a", child=False), False),
        (Party("reporter", "tok-a", child=True), False),
    ],
)
def test_missing_episodes_of_children_are_those_of_children(catalogue: Catalogue, party: Party, is_counted: bool):
    (indicator,) = [one for one in catalogue.indicators if one.id == "missing-children"]
    version = a_version(kind="missing-episode", subtype="reported", source="police-missing", parties=(party,))

    assert compiled(indicator.select).passes(version) is is_counted


def test_children_missing_again_and_again_are_found_by_a_rule_about_children(catalogue: Catalogue):
    (indicator,) = [one for one in catalogue.indicators if one.id == "missing-repeats"]
    (rule,) = [one for one in catalogue.rules if one.id == indicator.rule]
    steps = [step for limb in rule.limbs for step in limb.steps.values()]

    assert steps
    assert all(any(test.field == "child" and test.values == {"true"} for test in step.tests) for step in steps)
