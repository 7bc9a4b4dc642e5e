"""A rule is released when two people have approved it as it is, and whoever tampers with the record of that is seen.

The catalogue is small: one stable rule, and another that rests on it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalogue.test_hostile import RULE, small_catalogue

from safety_stream.catalogue import (
    Approval,
    CatalogueError,
    NotReleasable,
    approve,
    catalogue_page,
    diff_rules,
    lint_catalogue,
    list_rules,
    load_catalogue,
)
from safety_stream.catalogue.formats.releases import ApprovalEntry, ReleasesFile
from safety_stream.catalogue.releases import FIRST_DIGEST, digest_of, is_approved, line_digest
from safety_stream.core.rules.rule import Rule
from safety_stream.data_files import catalogue_folder

NOON = datetime(2026, 2, 2, 12, tzinfo=UTC)
STABLE = (
    RULE.replace("status: trial", "status: stable").replace(
        "priority:", "safeguards: {without: {two_sources: It is so., weak_intelligence: It is so.}}\npriority:"
    )
    + """  - name: twice in another week
    sightings:
      - {at: 2026-03-02T10:00, kind: loss, category: oar-theft, flags: [weapon]}
      - {at: 2026-03-03T10:00, kind: loss, category: oar-theft, flags: [weapon]}
    fires: [{at: 2026-03-03T10:00}]
  - name: a second too late
    sightings:
      - {at: 2026-02-02T10:00, kind: loss, category: oar-theft, flags: [weapon]}
      - {at: 2026-02-09T10:00:01, kind: loss, category: oar-theft, flags: [weapon]}
    fires: []
  - name: never
    fires: []
"""
)
RESTING = (
    (
        STABLE.replace("id: a-rule", "id: b-rule")
        .replace("{kind: loss, flag: weapon}", "{finding: a-rule}")
        .replace(", same: [category]", "")
        .partition("examples:")[0]
    )
    + """examples:
  - name: twice twice
    limb: main
    sightings:
      - {at: 2026-02-02T10:00, kind: loss, category: oar-theft, flags: [weapon]}
      - {at: 2026-02-03T10:00, kind: loss, category: oar-theft, flags: [weapon]}
      - {at: 2026-02-04T10:00, kind: loss, category: oar-theft, flags: [weapon]}
    fires: [{at: 2026-02-04T10:00}]
  - name: twice twice in another week
    sightings:
      - {at: 2026-03-02T10:00, kind: loss, category: oar-theft, flags: [weapon]}
      - {at: 2026-03-03T10:00, kind: loss, category: oar-theft, flags: [weapon]}
      - {at: 2026-03-04T10:00, kind: loss, category: oar-theft, flags: [weapon]}
    fires: [{at: 2026-03-04T10:00}]
  - name: twice once
    sightings: [{at: 2026-02-02T10:00, kind: loss, category: oar-theft, flags: [weapon]}]
    fires: []
  - name: twice, which is once
    sightings:
      - {at: 2026-02-02T10:00, kind: loss, category: oar-theft, flags: [weapon]}
      - {at: 2026-02-03T10:00, kind: loss, category: oar-theft, flags: [weapon]}
    fires: []
  - name: never
    fires: []
"""
)


def two_rules(folder: Path) -> Path:
    """The small catalogue as `folder`, its rule stable, with another that rests on it."""
    small_catalogue(folder)
    (folder / "rules" / "a-rule.yaml").write_text(STABLE)
    (folder / "rules" / "b-rule.yaml").write_text(RESTING)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return two_rules(tmp_path / "catalogue")


def spoil(folder: Path, old: str, new: str, file: str = "rules/a-rule.yaml") -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))


def agree(folder: Path, by: str, *rules: str, now: datetime = NOON) -> Approval:
    """Approve these rules, or all."""
    return approve(folder, rules or None, by, "it was measured", now)


def add_copy(folder: Path, rule: str) -> None:
    """Another rule that says what the first does."""
    (folder / "rules" / f"{rule}.yaml").write_text(STABLE.replace("id: a-rule", f"id: {rule}"))


def released(folder: Path) -> None:
    """Both rules are approved by two people: four lines."""
    agree(folder, "analyst-7")
    agree(folder, "chair-1")


def statuses(folder: Path) -> dict[str, str]:
    return {rule.id: rule.status for rule in load_catalogue(folder).rules}


def warned(folder: Path) -> list[tuple[str, str]]:
    issues = lint_catalogue(folder)
    assert {issue.severity for issue in issues} <= {"warning"}
    assert all(issue.line == 4 for issue in issues)
    return [(issue.what, issue.mend) for issue in issues]


def errors(folder: Path) -> list[tuple[int, str]]:
    """What is wrong with the releases, of which alone something is."""
    issues = [issue for issue in lint_catalogue(folder) if issue.severity == "error"]
    assert {issue.file for issue in issues} <= {"releases.yaml"}
    assert all(issue.mend for issue in issues)
    return [(issue.line, issue.what) for issue in issues]


def lines(folder: Path) -> list[str]:
    return (folder / "releases.yaml").read_text().splitlines()[3:]


def put(folder: Path, lines: list[str]) -> None:
    head = (folder / "releases.yaml").read_text().splitlines()[:3]
    (folder / "releases.yaml").write_text("\n".join([*head, *lines]) + "\n")


# --- what runs how


def test_without_the_file_a_rules_own_status_is_all(folder: Path):
    assert statuses(folder) == {"a-rule": "stable", "b-rule": "stable"}
    assert lint_catalogue(folder) == []


def test_with_an_empty_file_nothing_is_released(folder: Path):
    (folder / "releases.yaml").write_text("releases: []\n")

    assert statuses(folder) == {"a-rule": "trial", "b-rule": "trial"}


def test_of_rules_that_nobody_ever_approved_one_warning_tells_with_the_command_for_all(folder: Path):
    """Else whoever begins the file with one rule sees a page of warnings, and not the one that matters."""
    add_copy(folder, "c-rule")
    agree(folder, "analyst-7", "a-rule")
    agree(folder, "chair-1", "a-rule")

    assert [(issue.file, issue.line, issue.severity, issue.what, issue.mend) for issue in lint_catalogue(folder)] == [
        (
            "releases.yaml",
            3,
            "warning",
            "2 stable rules run on trial: nobody has ever approved them (b-rule is the first)",
            "let 2 people run safety-stream rules release --all --by WHO --because TEXT",
        )
    ]
    assert statuses(folder) == {"a-rule": "stable", "b-rule": "trial", "c-rule": "trial"}

    agree(folder, "analyst-7")
    agree(folder, "chair-1")
    assert lint_catalogue(folder) == []


def test_one_rule_that_nobody_ever_approved_is_told_of_by_itself(folder: Path):
    agree(folder, "analyst-7", "a-rule")

    assert warned(folder) == [
        (
            "rule a-rule runs on trial: 1 of 2 people have approved version 1",
            "let another person run safety-stream rules release a-rule --by WHO --because TEXT",
        ),
        (
            "rule b-rule runs on trial: nobody has approved version 1",
            "run safety-stream rules release b-rule --by WHO --because TEXT",
        ),
    ]


def test_one_person_is_not_enough_and_two_are(folder: Path):
    agree(folder, "analyst-7")
    assert statuses(folder) == {"a-rule": "trial", "b-rule": "trial"}
    assert warned(folder)[0] == (
        "rule a-rule runs on trial: 1 of 2 people have approved version 1",
        "let another person run safety-stream rules release a-rule --by WHO --because TEXT",
    )

    agree(folder, "chair-1")
    assert statuses(folder) == {"a-rule": "stable", "b-rule": "stable"}
    assert lint_catalogue(folder) == []


def test_the_same_words_in_the_hand_of_one_person_count_once(folder: Path):
    agree(folder, "analyst-7", "a-rule")
    (rule, _) = load_catalogue(folder).rules
    (one,) = entries(folder).releases
    twice = ReleasesFile(releases=[one, one.model_copy(update={"at": "2026-02-02T13:00:00Z"})])

    assert not is_approved(twice, rule)


def test_other_content_under_the_same_version_is_on_trial_until_it_has_a_version_of_its_own(folder: Path):
    released(folder)
    spoil(folder, "at_least: 2", "at_least: 3")
    assert statuses(folder)["a-rule"] == "trial"
    assert warned(folder)[0] == (
        "rule a-rule runs on trial: what was approved as version 1 is not what it says now",
        "raise its version, then run safety-stream rules release a-rule --by WHO --because TEXT",
    )
    with pytest.raises(NotReleasable, match="version 1 of rule a-rule was approved and has changed since"):
        agree(folder, "analyst-7", "a-rule")

    spoil(folder, "version: 1", "version: 2")
    assert warned(folder)[0][0] == "rule a-rule runs on trial: nobody has approved version 2"
    agree(folder, "analyst-7", "a-rule")
    agree(folder, "chair-1", "a-rule")
    assert statuses(folder) == {"a-rule": "stable", "b-rule": "stable"}


def test_another_version_with_the_same_content_must_be_approved_too(folder: Path):
    released(folder)
    spoil(folder, "version: 1", "version: 2")

    assert statuses(folder)["a-rule"] == "trial"


def test_going_back_to_what_was_approved_needs_no_more(folder: Path):
    released(folder)
    spoil(folder, "at_least: 2", "at_least: 3")
    spoil(folder, "at_least: 3", "at_least: 2")

    assert statuses(folder)["a-rule"] == "stable"


def test_what_rests_on_a_rule_on_trial_is_on_trial(folder: Path):
    released(folder)
    spoil(folder, "title: Twice", "title: Two times")

    assert statuses(folder) == {"a-rule": "trial", "b-rule": "trial"}
    assert warned(folder)[1] == ("rule b-rule runs on trial, as a-rule does, on which it rests", "release a-rule")


def test_what_is_on_trial_or_retired_by_its_own_file_stays_so(folder: Path):
    released(folder)
    for rule, status in (("a-rule", "trial"), ("b-rule", "retired")):
        spoil(folder, "status: stable", f"status: {status}", f"rules/{rule}.yaml")

    assert statuses(folder) == {"a-rule": "trial", "b-rule": "retired"}
    assert lint_catalogue(folder) == []


def test_rules_for_a_replay_are_released_to_nobody(folder: Path):
    (folder / "releases.yaml").write_text("releases: []\n")

    assert {rule.status for rule in load_catalogue(folder, rules=folder / "rules").rules} == {"stable"}


# --- the digest


def test_the_digest_of_a_rule_is_the_same_in_every_version_of_this_software(folder: Path):
    """Where this fails every deployment must approve its rules anew: be sure that this is meant."""
    (rule, _) = load_catalogue(folder).rules

    assert digest_of(rule) == "cfcf51973727a226d5ea4581026eeb9e1433ee6d996c720ec174dc8a7797c262"


SHIPPED = load_catalogue(catalogue_folder()).rules


def test_rules_that_are_not_the_same_have_other_digests():
    assert len({digest_of(rule) for rule in SHIPPED}) == len(SHIPPED)


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "version": st.integers(1, 3),
        "status": st.sampled_from(["stable", "trial", "retired"]),
        "title": st.sampled_from(["Twice", "Thrice"]),
        "audiences": st.lists(st.sampled_from(["a", "b"]), unique=True).map(tuple),
        "marking": st.sampled_from(["OFFICIAL", "OFFICIAL-SENSITIVE"]),
        "limbs": st.sampled_from([rule.limbs for rule in SHIPPED]),
        "overrides": st.sampled_from([rule.overrides for rule in SHIPPED]),
        "priority": st.sampled_from([rule.priority for rule in SHIPPED]),
        "safeguards": st.sampled_from([rule.safeguards for rule in SHIPPED]),
    },
)


@given(st.sampled_from(SHIPPED), CHANGES, CHANGES)
def test_two_rules_have_one_digest_when_all_but_version_and_status_is_the_same(
    rule: Rule, one: dict[str, object], other: dict[str, object]
):
    first, second = msgspec.structs.replace(rule, **one), msgspec.structs.replace(rule, **other)
    second_as_first = msgspec.structs.replace(second, version=first.version, status=first.status)

    assert (digest_of(first) == digest_of(second)) == (first == second_as_first)


def test_a_digest_survives_what_rules_learn_to_say_later():
    """A field that has its default is left out; one that has another value is not."""
    fields = {one.name: getattr(SHIPPED[0], one.name) for one in msgspec.structs.fields(Rule)}
    later = msgspec.defstruct("Rule", [("since", str, ""), ("notes", dict, {})], bases=(Rule,), kw_only=True)

    assert digest_of(later(**fields)) == digest_of(SHIPPED[0])
    assert digest_of(later(**fields, since="now")) != digest_of(SHIPPED[0])


def test_the_difference_of_two_catalogues_and_the_digest_speak_of_the_same(folder: Path, tmp_path: Path):
    other = two_rules(tmp_path / "other")
    spoil(other, "known_gaps: Many.", "known_gaps: Few.")
    (one,) = diff_rules(folder, other)
    assert not one.lacks_version
    spoil(other, "at_least: 2", "at_least: 3")
    (one,) = diff_rules(folder, other)
    assert one.lacks_version


# --- the record


def entries(folder: Path) -> ReleasesFile:
    values = [msgspec.yaml.decode(line.strip().removeprefix("- ")) for line in lines(folder)]
    for value in values:
        value["at"] = f"{value['at']:%Y-%m-%dT%H:%M:%SZ}"
        value["after"] = f"{value['after']:064d}" if isinstance(value["after"], int) else value["after"]
    return ReleasesFile.model_validate({"releases": values})


def chained(said: list[ApprovalEntry]) -> list[str]:
    """Lines that follow one another, whatever they say."""
    after, made = FIRST_DIGEST, []
    for one in said:
        entry = one.model_copy(update={"after": after})
        after = line_digest(entry)
        words = ", ".join(f"{name}: {value}" for name, value in entry.model_dump().items())
        made.append(f"  - {{{words}}}")
    return made


CHAIN = "the line above is not the one after which this was added"


@pytest.mark.parametrize("number", range(3))
def test_a_line_that_was_altered_shows_in_the_next(folder: Path, number: int):
    released(folder)
    all_of_them = lines(folder)
    all_of_them[number] = all_of_them[number].replace("it was measured", "it was not measured")
    put(folder, all_of_them)

    assert errors(folder) == [(number + 5, CHAIN)]
    with pytest.raises(CatalogueError):
        load_catalogue(folder)


@pytest.mark.parametrize("number", range(3))
def test_a_line_that_was_taken_out_shows_in_the_next(folder: Path, number: int):
    released(folder)
    put(folder, [line for at, line in enumerate(lines(folder)) if at != number])

    assert errors(folder) == [(number + 4, CHAIN)]


def test_lines_in_another_order_show(folder: Path):
    released(folder)
    first, second, *rest = lines(folder)
    put(folder, [second, first, *rest])

    assert errors(folder) == [(4, CHAIN), (5, CHAIN), (6, CHAIN)]


def test_of_the_last_line_only_its_digest_tells(folder: Path):
    agree(folder, "analyst-7")
    last = agree(folder, "chair-1").last_line
    put(folder, lines(folder)[:-1])

    assert errors(folder) == []
    assert line_digest(entries(folder).releases[-1]) != last


@pytest.mark.parametrize(
    ("number", "changes", "line", "what"),
    [
        (1, {"at": "2026-02-02T11:59:59Z"}, 5, "the time is before that of the line above"),
        (2, {"by": "analyst-7"}, 6, "one person approves version 1 of a-rule twice"),
        (0, {"rule": "c-rule"}, 4, "rule c-rule is approved and is no rule"),
        (3, {"version": 2}, 7, "version 2 of b-rule is approved and never was"),
    ],
)
def test_a_line_that_cannot_have_been_added_is_told(
    folder: Path, number: int, changes: dict[str, object], line: int, what: str
):
    released(folder)
    said = [one.model_copy(update=changes if at == number else {}) for at, one in enumerate(entries(folder).releases)]
    put(folder, chained(said))

    assert errors(folder) == [(line, what)]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("by: analyst-7", "by: Somebody-7", "releases.0.by: who approves is a role and a number"),
        ("by: analyst-7", "by: somebody", "releases.0.by: who approves is a role and a number"),
        ("by: analyst-7", "by: s.body@example.org", "releases.0.by: who approves is a role and a number"),
        ("by: analyst-7", "by: 7", "releases.0.by: who approves is a role and a number"),
        ("by: analyst-7", 'by: "analyst-7\\n"', "releases.0.by: who approves is a role and a number"),
        ("by: analyst-7", "by: \u0430nalyst-7", "releases.0.by: who approves is a role and a number"),
        ("12:00:00Z", "12:00:00", "releases.0.at: a time of approval is written 2026-01-31T20:00:00Z"),
        ("2026-02-02T", "2026-02-30T", "releases.0.at: a time of approval is written 2026-01-31T20:00:00Z"),
        (f"after: {FIRST_DIGEST}", "after: 0", "releases.0.after: `0` is no text"),
        (f"after: {FIRST_DIGEST}", f"after: {'0' * 63}", "releases.0.after: it does not fit the pattern"),
        ("digest: ", "digest: X", "releases.0.digest: it does not fit the pattern"),
        ("version: 1", "version: 0", "releases.0.version: `0` is less than 1"),
        ('because: "it was measured"', 'because: ""', "releases.0.because: it says nothing"),
        ("it was measured", "x" * 501, "releases.0.because: it has more than 500 characters"),
        ("it was measured", "it was \u202e measured", "there is a character nobody can see"),
        ("{rule", "{who: me, rule", "releases.0.who: unknown key"),
        ("rule: a-rule, ", "", "releases.0: the key `rule` is missing"),
        ("{rule: a-rule", "{rule: ../a-rule", "releases.0.rule: it does not fit the pattern"),
        ("{rule: a-rule", "{rule: &a a-rule", "anchors and aliases are not read"),
        ("releases:", "releases: {}\nmore:", "releases: a mapping is no list"),
    ],
)
def test_a_mistake_in_a_line_is_told(folder: Path, old: str, new: str, what: str):
    agree(folder, "analyst-7")
    spoil(folder, old, new, "releases.yaml")

    told = [sentence for _, sentence in errors(folder)]
    assert any(what in sentence for sentence in told), told
    assert not any("somebody" in sentence.lower() or "s.body" in sentence for sentence in told)


def test_a_file_that_is_none_lets_nothing_run(folder: Path):
    os.mkfifo(folder / "releases.yaml")

    assert errors(folder) == [(1, "it is no file")]


@pytest.mark.parametrize("target", ["/dev/zero", "nowhere.yaml", "releases.yaml"])
def test_a_link_lets_nothing_run_unreleased(folder: Path, target: str):
    """A link that leads nowhere is not a catalogue without releases."""
    (folder / "releases.yaml").symlink_to(target)

    ((line, what),) = errors(folder)
    assert line == 1
    assert "leads out of the catalogue" in what or "cannot be read" in what


def test_many_rules_without_an_approval_are_no_error(folder: Path):
    """A catalogue that runs must not stop because it has many of them."""
    for number in range(120):
        text = STABLE.replace("id: a-rule", f"id: c-{number}")
        (folder / "rules" / f"c-{number}.yaml").write_text(text)
    (folder / "releases.yaml").write_text("releases: []\n")

    assert errors(folder) == []
    assert set(statuses(folder).values()) == {"trial"}


# --- approving


def test_an_approval_tells_what_runs_how_and_since_when(folder: Path):
    first = agree(folder, "analyst-7", "a-rule")
    assert [(one.rule, one.runs_as, one.approved_by, one.since) for one in first.rules] == [
        ("a-rule", "trial", ("analyst-7",), None)
    ]
    assert (first.stable, first.on_trial) == (0, 2)

    second = agree(folder, "chair-1", "a-rule")
    assert [(one.runs_as, one.approved_by) for one in second.rules] == [("stable", ("analyst-7", "chair-1"))]
    assert second.last_line == line_digest(entries(folder).releases[-1])


def test_whoever_approves_a_change_reads_what_has_changed_since_the_last_release(folder: Path):
    released(folder)
    spoil(folder, "at_least: 2", "at_least: 3")
    spoil(folder, "version: 1", "version: 2")

    for by in ("analyst-7", "chair-1"):
        (one,) = agree(folder, by, "a-rule").rules
        assert one.since == 1
        assert one.difference is not None
        assert any("2 times or more" in sentence for _, sentence in one.difference.gone)
        assert any("3 times or more" in sentence for _, sentence in one.difference.come)


def test_a_copy_that_is_not_what_was_released_is_not_believed(folder: Path):
    released(folder)
    spoil(folder, "at_least: 2", "at_least: 9", "released/a-rule.yaml")
    spoil(folder, "version: 1", "version: 2")

    (one,) = agree(folder, "analyst-7", "a-rule").rules
    assert (one.since, one.difference) == (None, None)


def test_a_copy_in_words_that_are_gone_is_passed_over(folder: Path):
    released(folder)
    spoil(folder, "kind: loss", "kind: was", "released/a-rule.yaml")
    spoil(folder, "version: 1", "version: 2")

    assert [one.since for one in agree(folder, "analyst-7", "a-rule").rules] == [None]


@pytest.mark.parametrize(
    ("rules", "by", "why"),
    [
        (("a-rule",), "analyst-7", "rule a-rule, version 1, is released and unchanged"),
        (("b-rule",), "analyst-7", "analyst-7 has approved rule b-rule, version 1: now another person must"),
        (("c-rule",), "analyst-7", "there is no rule c-rule; the rules are a-rule, b-rule"),
        (("b-rule",), "Somebody", "--by: who approves is a role and a number"),
    ],
)
def test_what_cannot_be_approved_is_refused_with_nothing_written(
    folder: Path, rules: tuple[str, ...], by: str, why: str
):
    agree(folder, "analyst-7")
    agree(folder, "chair-1", "a-rule")
    before = (folder / "releases.yaml").read_bytes()

    with pytest.raises(NotReleasable, match=why):
        agree(folder, by, *rules)
    with pytest.raises(NotReleasable):
        agree(folder, "chair-1", "b-rule", "c-rule")
    assert (folder / "releases.yaml").read_bytes() == before


def test_a_rule_that_is_not_stable_in_its_file_cannot_be_approved(folder: Path):
    spoil(folder, "status: stable", "status: trial", "rules/b-rule.yaml")

    with pytest.raises(NotReleasable, match="rule b-rule is trial in its own file"):
        agree(folder, "analyst-7", "b-rule")
    assert [one.rule for one in agree(folder, "analyst-7").rules] == ["a-rule"]


def test_nothing_is_approved_in_a_catalogue_with_errors(folder: Path):
    spoil(folder, "of: harm", "of: nothing")

    with pytest.raises(CatalogueError):
        agree(folder, "analyst-7")
    assert not (folder / "releases.yaml").exists()


@pytest.mark.parametrize("because", ["", " ", "x" * 501, "be\u202ecause", "be\x1bcause"])
def test_a_reason_that_cannot_be_read_is_refused(folder: Path, because: str):
    with pytest.raises(NotReleasable):
        approve(folder, None, "analyst-7", because, NOON)
    assert not (folder / "releases.yaml").exists()


@pytest.mark.parametrize("because", ['"quoted", {braces}: # and more', "l'été, à 5 °C", "a: b", "- x", "1:30", "no"])
def test_any_reason_that_can_be_read_comes_back(folder: Path, because: str):
    approve(folder, None, "analyst-7", because, NOON)

    assert errors(folder) == []
    assert {one.because for one in entries(folder).releases} == {because}


@pytest.mark.parametrize("more", ["more: []\n", "...\n"])
def test_a_file_that_does_not_end_in_its_lines_is_not_added_to(folder: Path, more: str):
    agree(folder, "analyst-7")
    file = folder / "releases.yaml"
    file.write_text(file.read_text().replace("\n  - ", "\n- "))
    assert errors(folder) == []
    before = file.read_bytes()

    with pytest.raises(NotReleasable, match=r"leave the lines of releases\.yaml as they were written here"):
        agree(folder, "chair-1")
    assert file.read_bytes() == before
    file.write_text(file.read_text() + more)
    with pytest.raises((NotReleasable, CatalogueError)):
        agree(folder, "chair-1")


def test_a_clock_that_is_behind_is_refused(folder: Path):
    agree(folder, "analyst-7")

    with pytest.raises(NotReleasable, match="set the clock"):
        agree(folder, "chair-1", now=NOON - timedelta(seconds=1))


def test_lines_are_added_and_never_changed(folder: Path):
    agree(folder, "analyst-7")
    before = (folder / "releases.yaml").read_text()
    agree(folder, "chair-1")

    assert (folder / "releases.yaml").read_text().startswith(before)


def test_all_approves_what_this_person_still_may_and_no_more(folder: Path):
    agree(folder, "analyst-7", "a-rule")
    assert [one.rule for one in agree(folder, "chair-1").rules] == ["a-rule", "b-rule"]
    assert [one.rule for one in agree(folder, "analyst-7").rules] == ["b-rule"]
    assert agree(folder, "analyst-7").rules == ()


# --- who released what


def test_the_list_and_the_page_say_who_released_what_when(folder: Path):
    assert {one.approved for one in list_rules(folder)} == {None}
    assert "Who released what" not in catalogue_page(folder, "md")
    released(folder)
    spoil(folder, "version: 1", "version: 2", "rules/b-rule.yaml")

    assert [[(who.by, who.at) for who in one.approved or ()] for one in list_rules(folder)] == [
        [("analyst-7", "2026-02-02T12:00:00Z"), ("chair-1", "2026-02-02T12:00:00Z")],
        [],
    ]
    page = catalogue_page(folder, "md")
    assert "Who released what" in page
    assert page.count("it was measured") == 4
