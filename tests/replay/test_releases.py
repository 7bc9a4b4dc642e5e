"""Who hears what a rule finds, as the record of its release has it: its owner alone, or its audiences."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.replay.running import World, arrivals, received
from tests.replay.telling import a_report

from safety_stream.catalogue import approve, approving, load_catalogue, loading, releases
from safety_stream.core.alerts.condition import advance
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.rules.rule import Rule
from safety_stream.core.stages import alert, publish_alerts
from safety_stream.core.stages.stage import Output, Rows
from safety_stream.replay import Pipeline
from safety_stream.testing.publication import publication_faults

RULE = "rv-graded"
NOON = datetime(2026, 2, 2, 12, tzinfo=UTC)
HARMS = [
    a_report("police-crimes", f"C/{number}", f"2026-01-0{number}T12:00", people={"victim": "tok-a"})
    for number in range(1, 7)
]


@pytest.fixture
def folder(tmp_path: Path, small: World) -> Path:
    """The small catalogue, which begins to keep releases: one of two people has approved everything."""
    copy = Path(shutil.copytree(small.folder, tmp_path / "catalogue"))
    for rule in (copy / "rules").glob("*.yaml"):
        if rule.stem != RULE:
            rule.unlink()
    (copy / "volumes.yaml").unlink()
    approve(copy, [RULE], "analyst-7", "measured on a year", NOON)
    return copy


class Deployment:
    """A backbone whose catalogue can change; reports come three at a time."""

    def __init__(self, folder: Path) -> None:
        self.outputs: list[Output] = []
        self._folder = folder
        self._arrived = arrivals(received(HARMS))
        self._pipeline = Pipeline(load_catalogue(folder), self.outputs.append)

    def change(self) -> None:
        self.outputs.clear()
        self._pipeline.change(load_catalogue(self._folder))

    def report(self, number: int) -> None:
        self.outputs.clear()
        for _ in self._pipeline.run(self._arrived[:number]):
            pass
        del self._arrived[:number]

    @property
    def owner_hears(self) -> bool:
        return any(isinstance(one.value, AlertVersion) and one.value.rule_id == RULE for one in self.outputs)

    @property
    def heard(self) -> dict[str, list[str]]:
        """By audience, what becomes of the alert for it."""
        found: dict[str, list[str]] = {}
        for one in self.outputs:
            if isinstance(one.value, PublishedAlert):
                found.setdefault(one.value.audience, []).append(one.value.change)
        return found


def both(changes: list[str]) -> dict[str, list[str]]:
    """The two audiences of the rule are told the same."""
    return {"analyst": changes, "duty-officer": changes}


def test_with_one_approval_only_the_owner_hears(folder: Path):
    deployment = Deployment(folder)
    deployment.report(3)

    assert deployment.owner_hears
    assert deployment.heard == {}


def test_with_two_approvals_its_audiences_hear(folder: Path):
    approve(folder, [RULE], "chair-1", "seen", NOON)
    deployment = Deployment(folder)
    deployment.report(3)

    assert deployment.owner_hears
    assert deployment.heard == both(["raised", "updated"])


def test_what_nobody_approved_goes_to_the_owner_and_is_taken_back(folder: Path):
    approve(folder, [RULE], "chair-1", "seen", NOON)
    deployment = Deployment(folder)
    seen: list[Output] = []
    deployment.report(3)
    seen += deployment.outputs

    file = folder / "rules" / f"{RULE}.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("Harmed {count} times", "Tried: {count} times"), encoding="utf-8")
    deployment.change()
    seen += deployment.outputs
    assert deployment.owner_hears
    assert deployment.heard == both(["withdrawn"])
    deployment.report(1)
    seen += deployment.outputs
    assert deployment.owner_hears
    assert deployment.heard == {}
    assert not any("Tried" in str(one.value) for one in seen if isinstance(one.value, PublishedAlert))

    changed = file.read_text(encoding="utf-8").replace("version: 3", "version: 4", 1)
    file.write_text(changed, encoding="utf-8")
    for by in ("analyst-7", "chair-1"):
        approve(folder, [RULE], by, "seen", NOON)
    deployment.change()
    seen += deployment.outputs
    assert deployment.heard == both(["raised", "updated", "updated"])
    published = [one for one in seen if one.topic.startswith(("alerts.", "audit.alerts"))]
    assert publication_faults((one.topic, one.value) for one in published) == []


Patch = pytest.MonkeyPatch


def one_person_is_enough(patch: Patch) -> None:
    patch.setattr(releases, "PEOPLE", 1)


def one_person_counts_for_two(patch: Patch) -> None:
    patch.setattr(releases, "is_approved", lambda said, rule: bool(releases.approvals_of(said, rule)))


def what_a_rule_says_is_approved_for_good(patch: Patch) -> None:
    """Its digest stays what it was at first."""
    right, first = releases.digest_of, dict[str, str]()

    def digest_of(rule: Rule) -> str:
        return first.setdefault(rule.id, right(rule))

    for module in (releases, approving):
        patch.setattr(module, "digest_of", digest_of)


def nobody_looks_at_the_releases(patch: Patch) -> None:
    patch.setattr(loading, "on_trial", lambda *_: frozenset())


def a_rule_on_trial_reaches_its_audiences(patch: Patch) -> None:
    def everybody(*_: object) -> tuple[str, ...]:
        return ("analyst", "duty-officer")

    patch.setattr(alert, "advance", lambda state, change, rule, reach: advance(state, change, rule, everybody))
    patch.setattr(publish_alerts._AlertDoor, "__init__", not_minding_trials)


def not_minding_trials(self: publish_alerts._AlertDoor, rows: Rows, catalogue: Catalogue) -> None:
    rules = tuple(msgspec.structs.replace(rule, status="stable") for rule in catalogue.rules)
    AS_IT_IS(self, rows, msgspec.structs.replace(catalogue, rules=rules))


AS_IT_IS = publish_alerts._AlertDoor.__init__


def whoever_was_told_before_hears_on(patch: Patch) -> None:
    patch.setattr(publish_alerts._AlertDoor, "__init__", not_minding_trials)


def a_withdrawal_says_what_the_trial_found(patch: Patch) -> None:
    patch.setattr(publish_alerts, "_known_anyway", lambda audience: frozenset(audience.fields))


@pytest.mark.parametrize(
    ("broken", "scene"),
    [
        (one_person_is_enough, test_with_one_approval_only_the_owner_hears),
        (one_person_counts_for_two, test_with_one_approval_only_the_owner_hears),
        (nobody_looks_at_the_releases, test_with_one_approval_only_the_owner_hears),
        (a_rule_on_trial_reaches_its_audiences, test_with_one_approval_only_the_owner_hears),
        (what_a_rule_says_is_approved_for_good, test_what_nobody_approved_goes_to_the_owner_and_is_taken_back),
        (whoever_was_told_before_hears_on, test_what_nobody_approved_goes_to_the_owner_and_is_taken_back),
        (a_withdrawal_says_what_the_trial_found, test_what_nobody_approved_goes_to_the_owner_and_is_taken_back),
    ],
)
def test_a_defect_is_noticed(
    folder: Path, monkeypatch: Patch, broken: Callable[[Patch], None], scene: Callable[[Path], None]
):
    broken(monkeypatch)
    with pytest.raises(AssertionError):
        scene(folder)
