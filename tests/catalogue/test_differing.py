"""What two catalogues' rules differ in: every change is told, and none that matters goes without a version."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue import CatalogueError, RuleDifference, diff_rules
from safety_stream.data_files import catalogue_folder


def difference_after(tmp_path: Path, *changes: tuple[str, str]) -> RuleDifference | None:
    """What `rv-graded` differs in after these changes of its file."""
    folder = copied(tmp_path / "catalogue")
    file = folder / "rules" / "rv-graded.yaml"
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8")
    found = diff_rules(catalogue_folder(), folder)
    assert [one.rule for one in found] in ([], ["rv-graded"])
    return found[0] if found else None


NEXT_VERSION = ("version: 3", "version: 4")


def test_a_catalogue_does_not_differ_from_itself():
    assert diff_rules(catalogue_folder(), catalogue_folder()) == []


def test_a_changed_number_is_told_as_the_sentence_it_was_and_the_one_it_is(tmp_path: Path):
    one = difference_after(tmp_path, ("at_least: 3, within", "at_least: 4, within"), NEXT_VERSION)

    assert one == RuleDifference(
        rule="rv-graded",
        change="changed",
        before=3,
        after=4,
        lacks_version=False,
        gone=(("When it fires", "Of a victim: “harm” happens 3 times or more within 12 months."),),
        come=(("When it fires", "Of a victim: “harm” happens 4 times or more within 12 months."),),
    )


@pytest.mark.parametrize(
    "change",
    [
        ("at_least: 3, within", "at_least: 4, within"),
        ("within: 12 months", "within: 6 months"),
        ("role: victim", "role: subject"),
        ("base: P3", "base: P4"),
        ("action_time: 7 days", "action_time: 8 days"),
        ("suppress: {for: 30 days}", "suppress: {for: 29 days}"),
        ("audience: [duty-officer, analyst]", "audience: [duty-officer]"),
        ('explain: "Harmed', 'explain: "Hurt'),
        ("status: stable", "status: trial"),
    ],
    ids=lambda change: change[0],
)
def test_what_runs_may_not_change_without_a_version(tmp_path: Path, change: tuple[str, str]):
    silent = difference_after(tmp_path / "silent", change)
    versioned = difference_after(tmp_path / "versioned", change, NEXT_VERSION)

    assert silent is not None
    assert silent.lacks_version
    assert silent.gone != silent.come
    assert versioned is not None
    assert not versioned.lacks_version


def test_words_about_a_rule_may_change_without_one(tmp_path: Path):
    one = difference_after(tmp_path, ("source: Gwent", "source: The Gwent"))

    assert one is not None
    assert not one.lacks_version
    assert [heading for heading, _ in one.come] == ["Where the numbers are from"]


def test_a_version_does_not_fall(tmp_path: Path):
    newer, older = tmp_path / "newer", tmp_path / "older"
    difference_after(newer, NEXT_VERSION)
    difference_after(older)

    (one,) = diff_rules(newer / "catalogue", older / "catalogue")

    assert (one.before, one.after, one.lacks_version) == (4, 3, True)


def test_rules_that_come_and_go_are_told_whole(tmp_path: Path):
    folder = copied(tmp_path / "catalogue")
    (folder / "rules" / "rv-marac-repeat.yaml").unlink()

    (gone,) = diff_rules(catalogue_folder(), folder)
    (come,) = diff_rules(folder, catalogue_folder())

    assert (gone.change, gone.before, gone.after, gone.come) == ("removed", 3, None, ())
    assert (come.change, come.before, come.after, come.gone) == ("added", None, 3, ())
    assert gone.gone == come.come
    assert ("Title", "Abuse within twelve months of a MARAC referral") in gone.gone


@pytest.mark.parametrize(
    "ordered", [lambda bad, good: (bad, good), lambda bad, good: (good, bad)], ids=["the old", "the new"]
)
def test_a_catalogue_with_errors_is_not_compared(tmp_path: Path, ordered: Callable[[Path, Path], tuple[Path, Path]]):
    bad = copied(tmp_path / "catalogue")
    (bad / "sources.yaml").write_text("sources: none", encoding="utf-8")

    with pytest.raises(CatalogueError):
        diff_rules(*ordered(bad, catalogue_folder()))
