"""A rule file made to do harm, or by a hand that slipped badly, is refused like any mistake: with its line and mend.

Nothing here is timed. That the work is bounded is shown by what would never end: a file of a terabyte, a pipe nobody
writes to, a device without an end.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.catalogue.copying import FOREIGN

from safety_stream.catalogue import Issue, lint_catalogue, run_examples
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.parts import Strict
from safety_stream.catalogue.places import ISSUES_MAX

AUDIENCES = """audiences:
  - {id: duty-officer, title: The watch, families: [repeat-victimisation], priorities: [P3, P4]}
"""
AGREEMENTS = """agreements:
  - {id: made-up, title: Made up, reference: MADE-UP/1, parties: [watch, guild], purposes: [watching],
     legal_bases: [VITAL], valid_from: 2000-01-01, valid_to: 2100-01-01, review: 2099-01-01}
"""
POLICY = """grants:
  - {id: watch, subscriber: duty-officer, party: watch, agreement: made-up, purpose: watching, legal_basis: VITAL,
     handling: P, fields: [alert_id]}
renewal: {warn_days: 30, source: default}
"""
RULE = """id: a-rule
version: 1
title: Twice
status: trial
family: repeat-victimisation
key: victim
select:
  harm: {kind: loss, flag: weapon}
condition: {type: count, of: harm, at_least: 2, within: 7 days, same: [category]}
priority: {base: P4, by_count: {3: P3}}
action_time: 7 days
suppress: {for: 7 days}
audience: [duty-officer]
lawful: {purposes: [watching], bases: [VITAL]}
source: default
explain: "It happened {count} times."
false_positives: Known.
known_gaps: Many.
withdrawn_when: It is taken back.
examples:
  - name: twice
    sightings:
      - {at: 2026-02-02T10:00, kind: loss, category: oar-theft, flags: [weapon]}
      - {at: 2026-02-03T10:00, kind: loss, category: oar-theft, flags: [weapon]}
    fires: [{at: 2026-02-03T10:00}]
  - name: once
    sightings: [{at: 2026-02-02T10:00, kind: loss, category: oar-theft, flags: [weapon]}]
    fires: []
"""


def small_catalogue(folder: Path) -> Path:
    """A small catalogue in foreign words as `folder`, with one rule."""
    shutil.copytree(FOREIGN, folder)
    (folder / "audiences").mkdir()
    (folder / "audiences" / "audiences.yaml").write_text(AUDIENCES)
    (folder / "policy").mkdir()
    (folder / "policy" / "agreements.yaml").write_text(AGREEMENTS)
    (folder / "policy" / "policy.yaml").write_text(POLICY)
    (folder / "rules").mkdir()
    (folder / "rules" / "a-rule.yaml").write_text(RULE)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """That catalogue, to spoil."""
    return small_catalogue(tmp_path / "catalogue")


def told(folder: Path, content: str | bytes) -> list[Issue]:
    """What lint says of a rule file with this content; it says nothing of any other file."""
    file = folder / "rules" / "a-rule.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    issues = lint_catalogue(folder)
    assert {issue.file for issue in issues} == {"rules/a-rule.yaml"}
    assert all(issue.mend and len(str(issue)) < 1_000 and str(issue).isprintable() for issue in issues)
    return issues


def said(folder: Path, content: str | bytes) -> list[tuple[int, str]]:
    return [(issue.line, issue.what) for issue in told(folder, content)]


def test_the_rule_to_be_spoiled_is_in_order(folder: Path):
    assert lint_catalogue(folder) == []
    assert [result.passed for result in run_examples(folder)] == [True, True]


BOMB = "bomb: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(30))
DEEP = "holds too much, or nests too deeply"


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (RULE + "deep: " + "[" * 100_000, 29, DEEP),
        (RULE + "deep: " + "{a: " * 50_000, 29, DEEP),
        (RULE + "deep: [" + "1," * 60_000 + "1]\n", 29, DEEP),
        (RULE + BOMB, 29, "anchors and aliases are not read"),
        (RULE + "more: {<<: *a}\n", 29, "anchors and aliases are not read"),
        (RULE + "more: !!python/object/apply:os.system [true]\n", 29, "tags are not read"),
        ("%TAG ! tag:x,2026:\n---\n" + RULE.replace("title: Twice", "title: !y Twice"), 5, "tags are not read"),
        (RULE + "? [a, b]\n: c\n", 29, "a key is neither a word nor a whole number"),
        (RULE + "version: 2\n", 29, "the key version stands twice in one mapping"),
        (RULE + "---\n" + RULE, 29, "there is a second document in the file"),
        (RULE.replace("title: Twice", f"title: {'x' * 5_000}"), 3, "a text has more than 4000 characters"),
        (RULE.replace("title: Twice", f"{'x' * 500}: Twice"), 3, "a key has more than 200 characters"),
        (RULE.replace("title: Twice", f"title: {'x' * 3_000}"), 3, "title: it has more than 2000 characters"),
        (RULE + "# " + "x" * 1_000_000, 1, "the file has more than 1000000 bytes"),
        (RULE.replace("title: Twice", "title: Tw\0ice"), 3, "there is a character nobody can see"),
        (RULE.replace("title: Twice", "title: Tw\x1b[2Jice"), 3, "there is a character nobody can see"),
        (RULE.replace("title: Twice", "title: Tw\u202eeci"), 3, "there is a character nobody can see"),
        (RULE.replace("title: Twice", "title: Twice # \u2066"), 3, "there is a character nobody can see"),
        (RULE.replace("version: 1", "ver\u200bsion: 1"), 2, "there is a character nobody can see"),
        (RULE.replace("7 days, same", "7\u00a0days, same"), 9, "there is a character nobody can see"),
        (RULE.replace("title: Twice", 'title: "Tw\\0ice"'), 3, "a text stands for characters nobody can see"),
        (RULE.replace("title: Twice", 'title: "Tw\\e[2Jice"'), 3, "a text stands for characters nobody can see"),
        (RULE.replace("title: Twice", 'title: "Tw\\u202eeci"'), 3, "a text stands for characters nobody can see"),
        (RULE.replace("title: Twice", '"ti\\u200btle": Twice'), 3, "a text stands for characters nobody can see"),
        (RULE.replace("Twice", "Dvakr\xe1t").encode("latin-1"), 3, "the file is not UTF-8"),
        (RULE.encode("utf-16"), 1, "the file is not UTF-8"),
        (b"", 1, "the file: "),
        ("- a\n", 1, "the file: "),
    ],
    ids=range(28),
)
def test_a_file_that_is_not_what_the_catalogue_reads_is_refused_whole(
    folder: Path, content: str | bytes, line: int, what: str
):
    ((found, sentence),) = said(folder, content)
    assert found == line
    assert what in sentence


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        # Numbers
        ("version: 1", "version: 9999999999", "version: `9999999999` is more than 1000000"),
        ("at_least: 2", f"at_least: {10**17}", f"condition.at_least: `{10**17}` is more than"),
        ("at_least: 2", "at_least: 1" + "0" * 400, f"condition.at_least: `1{'0' * 59}…` is no whole number"),
        ("at_least: 2", "at_least: 1e999", "condition.at_least: `1e999` is no whole number"),
        ("at_least: 2", "at_least: .inf", "condition.at_least: `.inf` is no whole number"),
        ("at_least: 2", "at_least: -1", "condition.at_least: `-1` is less than 1"),
        (
            "within: 7 days, same",
            "within: 9999 years, same",
            "condition.within: `9999 years` is too long",
        ),
        (
            "within: 7 days, same",
            "within: 1201 months, same",
            "condition.within: `1201 months` is too long",
        ),
        (
            "within: 7 days, same",
            "within: 99999 days, same",
            "condition.within: `99999 days` is no length",
        ),
        ("{3: P3}", "{0: P3}", "priority.by_count.0: `0` is less than 1"),
        (
            "{3: P3}",
            f"{{{10**17}: P3}}",
            "`100000000000000000` is more than 1000000",
        ),
        ("{at: 2026-02-03T10:00}", "{at: 9999-12-31T23:59}", "a time is of the years 1900 to 2999"),
        ("{at: 2026-02-03T10:00}", "{at: 2026-W06-2T10:00}", "a time is London local time without offset"),
        # Names that are something else to Python
        ("{count} times", "{count.__class__} times", "explain names {count.__class__}, which is no fact"),
        ("{count} times", "{count.__init__.__globals__} times", "which is no fact"),
        ("{count} times", "{count[0]} times", "explain names {count[0]}, which is no fact"),
        ("{count} times", "{count!r:>9999999} times", "explain names {count}, which is no fact"),
        ("{count} times", "{count:>9999999} times", "explain says {count:>9999999}, which is not how"),
        ("{count} times", "{count:{count}} times", "explain says {count:{count}}, which is not how"),
        ("{count} times", "{} times", "explain names {}, which is no fact"),
        ("{count} times", "{0} times", "explain names {0}, which is no fact"),
        ("same: [category]", "same: [__class__]", "unknown field __class__"),
        ("same: [category]", "same: [place.uprn]", "unknown field place.uprn"),
        ("same: [category]", "same: [persons]", "unknown field persons"),
        ("kind: loss, flag", "__class__: loss, flag", "select.harm.__class__: unknown key"),
        ("type: count", "type: __import__", "condition: there is no type `__import__`"),
        # Letters that look like others: Cyrillic a, e and o; the long s; full width
        ("id: a-rule", "id: \u0430-rule", "id: it does not fit the pattern"),
        ("kind: loss, flag", "kind: l\u043ess, flag", "select.harm.kind: it does not fit the pattern"),
        ("flag: weapon}", "flag: we\u0430pon}", "select.harm.flag: it does not fit the pattern"),
        ("of: harm", "of: h\u0430rm", "condition.of: it does not fit the pattern"),
        ("kind: loss, category", "kind: lo\u017fs, category", "kind: it does not fit the pattern"),
        ("flags: [weapon]}", "flags: [we\u0430pon]}", "flags.0: it does not fit the pattern"),
        ("at_least: 2", "at_least: \uff12", "condition.at_least: `\uff12` is no whole number"),
        (
            "within: 7 days, same",
            "within: \uff17 days, same",
            "condition.within: `\uff17 days` is no length",
        ),
        ("condition:", "c\u043endition:", "c\u043endition: unknown key"),
    ],
)
def test_a_value_that_could_do_harm_is_refused_on_its_line(folder: Path, old: str, new: str, what: str):
    line = RULE[: RULE.index(old)].count("\n") + 1
    issues = said(folder, RULE.replace(old, new, 1))
    assert [at for at, sentence in issues if what in sentence] == [line], issues


def test_of_what_is_long_the_beginning_is_repeated_and_of_what_may_be_a_name_nothing(folder: Path):
    spoiled = RULE.replace("at_least: 2", f"at_least: {'x' * 3_000}").replace("flag: weapon}", "flag: A B}")

    long, pattern = sorted((sentence for _, sentence in said(folder, spoiled)), key=len, reverse=True)

    assert long == f"condition.at_least: `{'x' * 60}…` is no whole number"
    assert pattern == "select.harm.flag: it does not fit the pattern ^[A-Za-z0-9-]+$"


class Kept(Strict):
    """Of some other file that is read as the catalogue's are, such as that of partners and their keys."""

    number: int


def test_of_a_file_that_is_not_the_catalogues_nothing_that_was_written_is_repeated(folder: Path):
    (folder / "kept.yaml").write_text("number: hush\n", encoding="utf-8")
    files = Files(folder)

    assert files.read(folder / "kept.yaml", Kept) is None
    (issue,) = files.sorted_issues()
    assert (issue.what, "hush" in str(issue)) == ("number: it is no whole number", False)


def many(number: int, text: str) -> str:
    return ", ".join(text.format(n) for n in range(number))


LIMB = (
    "{{key: victim, select: {{harm: {{kind: loss}}}}, condition: {{type: count, of: harm, at_least: 2, within: 1 day}}"
)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            "kind: loss, flag: weapon",
            f"kind: [{many(3_000, 'k{}')}]",
            "select.harm.kind: too many entries",
        ),
        (
            "select:",
            "select:\n" + "".join(f"  s{n}: {{kind: loss}}\n" for n in range(3_000)),
            "select: too many",
        ),
        (
            "type: count, of: harm, at_least: 2",
            f"type: ordered, steps: [{many(3_000, 's{}')}]",
            "condition.steps: too many entries",
        ),
        ("same: [category]", f"same: [{many(3_000, 'category')}]", "condition.same: too many entries: at most 20"),
        ("examples:", "examples:\n" + "  - {name: x, fires: []}\n" * 3_000, "examples: too many entries: at most 300"),
        (
            "    sightings:\n",
            "    sightings:\n" + "      - {at: 2026-02-02T10:00, kind: loss, category: oar-theft}\n" * 3_000,
            "examples.0.sightings: too many entries: at most 300",
        ),
        ("{3: P3}", f"{{{many(3_000, '{}: P3')}}}", "priority.by_count: "),
        (
            "key: victim\n",
            "limbs:\n" + "".join(f"  l{n}: {LIMB.format()}, explain: x}}\n" for n in range(1_000)),
            "limbs: too many entries: at most 20",
        ),
    ],
    ids=range(8),
)
def test_thousands_of_anything_are_refused(folder: Path, old: str, new: str, what: str):
    issues = said(folder, RULE.replace(old, new, 1))
    assert [sentence for _, sentence in issues if sentence.startswith(what)], issues
    assert len(issues) <= ISSUES_MAX + 1


def test_of_a_file_that_is_all_wrong_so_many_issues_are_told(folder: Path):
    wrong = "      - {at: 2026-02-02T10:00, kind: losses, category: oar-thefts}\n"
    issues = said(folder, RULE.replace("    sightings:\n", "    sightings:\n" + wrong * 200, 1))
    assert len(issues) == ISSUES_MAX + 1
    assert "there are more issues in this file" in {sentence for _, sentence in issues}


def test_no_pattern_of_a_rule_file_is_ever_compiled(folder: Path, monkeypatch: pytest.MonkeyPatch):
    evil, seen = "(a+)+$", []
    compile_ = re._compile
    monkeypatch.setattr(re, "_compile", lambda pattern, flags: (seen.append(pattern), compile_(pattern, flags))[1])

    for old in ("Twice", "weapon}", "loss, flag", "7 days, same", "[category]", "Known.", "default", "oar-theft"):
        told_or_fine = folder / "rules" / "a-rule.yaml"
        told_or_fine.write_text(RULE.replace(old, f'"{evil}"', 1))
        lint_catalogue(folder)

    re.compile("to see that the watch is kept")
    assert "to see that the watch is kept" in seen
    assert not [pattern for pattern in seen if evil in str(pattern)]


SCRAPS = (
    "[",
    "]",
    "{",
    "}",
    ": ",
    ", ",
    "\n- ",
    "null",
    "true",
    "-1",
    "''",
    "limbs: {}",
    "{count}",
    "~",
    "|",
    "#",
    "%",
)


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(RULE)), st.integers(0, 20), st.sampled_from(SCRAPS) | st.sampled_from(RULE.split())
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_slips_into_a_file_lint_has_an_answer_and_so_have_the_examples(
    folder: Path, slips: list[tuple[int, int, str]]
):
    text = RULE
    for at, length, scrap in slips:
        text = text[:at] + scrap + text[at + length :]
    (folder / "rules" / "a-rule.yaml").write_text(text)

    if all(issue.severity == "warning" for issue in lint_catalogue(folder)):
        run_examples(folder)


# --- what is no file of the folder ------------------------------------------------------------------------------------


def test_a_file_without_end_is_refused_unread(folder: Path):
    file = folder / "rules" / "a-rule.yaml"
    os.truncate(file, 10**12)
    assert [issue.what for issue in lint_catalogue(folder)] == ["the file has more than 1000000 bytes"]


def test_a_pipe_is_not_waited_for(folder: Path):
    os.mkfifo(folder / "rules" / "pipe.yaml")
    assert [(issue.file, issue.what) for issue in lint_catalogue(folder)] == [("rules/pipe.yaml", "it is no file")]


def test_a_folder_with_the_name_of_a_file_is_told(folder: Path):
    (folder / "rules" / "folder.yaml").mkdir()
    assert [(issue.file, issue.what) for issue in lint_catalogue(folder)] == [("rules/folder.yaml", "it is no file")]


@pytest.mark.parametrize("target", ["/etc/passwd", "/dev/zero", "../../elsewhere.yaml", "loop.yaml"])
def test_a_link_that_leads_out_of_the_folder_or_nowhere_is_refused(folder: Path, target: str):
    (folder.parent / "elsewhere.yaml").write_text(RULE)
    (folder / "rules" / "loop.yaml").symlink_to(target)
    ((file, line, what),) = [(issue.file, issue.line, issue.what) for issue in lint_catalogue(folder)]
    assert (file, line) == ("rules/loop.yaml", 1)
    assert what in (
        "the file leads out of the catalogue",
        "the file cannot be read: Too many levels of symbolic links",
    )


def test_a_link_within_the_folder_is_how_some_mount_it(folder: Path):
    kept = folder / "rules" / "..data"
    kept.mkdir()
    (folder / "rules" / "a-rule.yaml").rename(kept / "a-rule.yaml")
    (folder / "rules" / "a-rule.yaml").symlink_to("..data/a-rule.yaml")
    assert lint_catalogue(folder) == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("lsoa_code,local_authority_code\n" + "x" * 200_000 + ",north-quay\n", "field larger than field limit"),
        ("lsoa_code,local_authority_code\nE0100\n", "the row is short of columns"),
        (b"lsoa_code,local_authority_code\n\xff,north-quay\n", "codec can't decode"),
        (None, "is no file of this folder, or has more than 20000000 bytes"),
    ],
    ids=range(4),
)
def test_a_look_up_that_is_none_is_told_at_the_line_that_names_it(folder: Path, content: str | bytes | None, what: str):
    areas, table = folder / "areas" / "harbour.yaml", folder / "areas" / "lookup.csv"
    areas.write_text(areas.read_text().replace("county: harbour\n", "county: harbour\nlsoa_lookup: lookup.csv\n"))
    table.write_bytes(content.encode() if isinstance(content, str) else content or b"")
    if content is None:
        os.truncate(table, 10**12)
    ((file, line, sentence),) = [(issue.file, issue.line, issue.what) for issue in lint_catalogue(folder)]
    assert (file, line) == ("areas/harbour.yaml", 3)
    assert what in sentence
