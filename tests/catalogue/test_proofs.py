"""What a stable rule owes before it is released is told with its mend, and keeps nothing from running."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue import Issue, lint_catalogue, load_catalogue

LINE = "rules/soc-deal-line.yaml"
HOME = "rules/soc-cuckooing.yaml"
VICTIM = "rules/rv-graded.yaml"
CHILD = "rules/missing-no-return-interview.yaml"
LIMBS = "rules/hate-repeat.yaml"
SLAVERY = "rules/soc-modern-slavery.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue, to spoil."""
    return copied(tmp_path / "catalogue")


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    """Replace the first `old` in a rule, and leave no other rule to be read."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    for rule in (folder / "rules").glob("*.yaml"):
        if rule != path:
            rule.unlink()


def keep_examples(folder: Path, file: str, keep: dict[bool, int], limb: str = "") -> None:
    """Leave so many of a rule's examples that fire, and so many that do not, of this limb or of any."""
    path = folder / file
    head, *examples = path.read_text(encoding="utf-8").split("\n  - name: ")
    kept = []
    for example in examples:
        fires = "fires: []" not in example
        if keep[fires] and limb in example:
            keep[fires] -= 1
            kept.append(example)
    spoil(
        folder, file, head + "\n  - name: " + "\n  - name: ".join(examples), "\n  - name: ".join([head, *kept]) + "\n"
    )


def owed(folder: Path, file: str) -> list[Issue]:
    return [issue for issue in lint_catalogue(folder) if issue.file == file]


@pytest.mark.parametrize(
    ("file", "old", "new", "what", "mend"),
    [
        (LINE, "  organisations: 2\n", "", "one report of one organisation may be all", "organisations_or_kinds: 2"),
        (LINE, "  grades_alone: [D, E]\n", "  grades_alone: [E]\n", "intelligence of grade D or E", "[D, E]"),
        (LINE, ", child_raises: true", "", "a child makes what is found no more urgent", "child_raises: true"),
        (HOME, "quietens: true", "quietens: false", "nothing quietens the rule", "quietens: true"),
        (VICTIM, "    two_sources:", "    children: None.\n  #", "one report of one organisation", "organisations_or"),
        (VICTIM, "    weak_intelligence:", "    # was:", "intelligence of grade D or E may be all", "[D, E]"),
        (CHILD, "    children:", "    # was:", "a child makes what is found no more urgent", "child_raises: true"),
    ],
)
def test_a_default_safeguard_that_is_missing_is_told_with_both_ways_to_mend_it(
    folder: Path, file: str, old: str, new: str, what: str, mend: str
):
    spoil(folder, file, old, new)

    (issue,) = [issue for issue in owed(folder, file) if issue.severity == "error"]

    assert issue.what.startswith(what)
    assert mend in issue.mend
    assert "say why not: safeguards: {without: {" in issue.mend


@pytest.mark.parametrize(
    ("file", "name", "why"),
    [(LINE, "two_sources", "the rule has it"), (VICTIM, "negative_evidence", "such a rule is not asked for it")],
)
def test_a_reason_for_what_needs_none_is_a_warning(folder: Path, file: str, name: str, why: str):
    spoil(folder, file, "  without:\n", f"  without:\n    {name}: It is so.\n")

    (issue,) = owed(folder, file)

    assert (issue.severity, issue.what) == ("warning", f"a reason for doing without {name}: {why}")


@pytest.mark.parametrize(
    ("file", "keep", "limb", "what"),
    [
        (LINE, {True: 1, False: 9}, "", "1 example fires, where a stable rule has 2 at least"),
        (LINE, {True: 9, False: 2}, "", "2 of the examples are near misses, where a stable rule has 3 at least"),
        (LIMBS, {True: 9, False: 9}, "limb: victim", "no example shows limb place fire"),
    ],
    ids=["firing", "near-misses", "limb"],
)
def test_too_few_examples_are_told(folder: Path, file: str, keep: dict[bool, int], limb: str, what: str):
    keep_examples(folder, file, dict(keep), limb)

    (issue,) = owed(folder, file)

    assert issue.what == what
    assert "add a story" in issue.mend


@pytest.mark.parametrize("name", ["a second past the 180 days", "too many live there, and the alarm does not work"])
def test_a_story_told_again_under_another_name_is_refused(folder: Path, name: str):
    path = folder / SLAVERY
    text = path.read_text(encoding="utf-8")
    story = text[text.index(f"  - name: {name}\n") :].split("\n  - name: ")[0] + "\n"
    again = story.replace(name, "the same once more")
    spoil(folder, SLAVERY, story, story + again)

    (issue,) = owed(folder, SLAVERY)

    assert (issue.severity, issue.what) == ("error", f"“the same once more” is the story of “{name}” told again")
    assert path.read_text(encoding="utf-8").splitlines()[issue.line - 1] == "  - name: the same once more"


def test_a_rule_that_ships_on_trial_has_the_examples_of_a_stable_one(tmp_path: Path):
    folder = copied(tmp_path / "catalogue")
    for rule in (folder / "rules").glob("*.yaml"):
        text = rule.read_text(encoding="utf-8")
        rule.write_text(text.replace("status: trial", "status: stable", 1), encoding="utf-8")

    said = [issue.what for issue in lint_catalogue(folder) if "example" in issue.what or "near miss" in issue.what]

    assert said == []


def test_what_a_rule_owes_stops_nothing_that_runs_and_a_rule_on_trial_owes_nothing(folder: Path):
    spoil(folder, LINE, "  organisations: 2\n", "")
    assert [issue.severity for issue in owed(folder, LINE)] == ["error"]
    assert [rule.status for rule in load_catalogue(folder).rules] == ["stable"]

    spoil(folder, LINE, "status: stable", "status: trial")
    assert owed(folder, LINE) == []
