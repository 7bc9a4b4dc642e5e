"""`policy`: the answers a data-protection officer asks for, with their exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.data_files import catalogue_folder


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["policy", *(str(word) for word in words)], env={"COLUMNS": "300"})
    assert "Traceback" not in result.output
    return result.exit_code, result.output


def lines(*words: object) -> list[dict]:
    return [json.loads(line) for line in run(*words, "--json")[1].splitlines()]


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A catalogue in which council leads are told whom it is about."""
    folder = Path(shutil.copytree(catalogue_folder(), tmp_path / "catalogue"))
    file = folder / "policy" / "policy.yaml"
    text = file.read_text(encoding="utf-8")
    before, _, after = text.partition("{id: asb-lead,")
    file.write_text(before + "{id: asb-lead," + after.replace("family, priority", "family, subject, priority", 1))
    return folder


def test_a_field_is_told_under_a_grant_an_agreement_and_a_basis():
    code, said = run("explain", "duty-officer", "subject", "--day", "2026-04-01")

    assert code == 0
    assert said == (
        "On 2026-04-01 duty-officer is told subject (sensitivity: personal).\n"
        "  Grant duty-officer: crime-prevention, on the basis CDA115, to lancashire-police, "
        "under agreement isa-crime-and-disorder (MADE-UP/ISA/1), until 2100-01-01.\n"
        "  Grant duty-officer-safeguarding: safeguarding, on the basis CDA115, to lancashire-police, "
        "under agreement isa-safeguarding (MADE-UP/ISA/2), until 2100-01-01.\n"
        "  Grant duty-officer-asb: anti-social-behaviour, on the basis CDA115, to lancashire-police, "
        "under agreement isa-crime-and-disorder (MADE-UP/ISA/1), until 2100-01-01.\n"
    )


def test_what_no_grant_names_or_no_agreement_covers_any_more_is_not_told():
    assert run("explain", "asb-lead", "subject")[0] == 2
    code, said = run("explain", "duty-officer", "subject", "--day", "2100-01-01")

    assert (code, "agreement isa-crime-and-disorder has ended" in said) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nobody", "subject"), "there is no subscriber nobody: use one of analyst, asb-lead"),
        (("analyst", "name"), "there is no field name: use one of alert_id, area"),
        (("analyst", "title", "--day", "soon"), "--day soon: a day is written 2026-01-31"),
    ],
)
def test_what_there_is_not_is_said_with_what_there_is(words: tuple[str, ...], said: str):
    code, output = run("explain", *words)

    assert (code, said in output) == (1, True)


def test_the_matrix_has_every_field_and_says_by_which_grant_it_is_told():
    told = {line["field"]: line for line in lines("matrix", "--day", "2026-04-01")}

    assert told["subject"]["sensitivity"] == "personal"
    assert told["subject"]["told"]["asb-lead"] == []
    assert told["subject"]["told"]["duty-officer"] == [
        *("duty-officer", "duty-officer-safeguarding", "duty-officer-asb"),
    ]
    assert all(told["rationale"]["told"][who] == [] for who in ("marac-coordinator", "analyst", "daily-meeting"))
    assert not any(any(who) for line in lines("matrix", "--day", "2100-01-01") for who in line["told"].values())
    assert run("matrix")[0] == 0


def test_a_difference_is_told_and_what_somebody_is_told_anew_comes_first(other: Path):
    assert run("diff", catalogue_folder(), catalogue_folder())[0] == 0
    code, said = run("diff", catalogue_folder(), other)

    assert code == 2
    assert said.splitlines()[1].split() == ["more", "field", "subject", "to", "asb-lead", "-", "asb-lead"]
    assert [one["widens"] for one in lines("diff", other, catalogue_folder())] == [False]


def ending(folder: Path, ends: str) -> Path:
    """The catalogue whose agreement on safeguarding ends on a day."""
    file = folder / "policy" / "agreements.yaml"
    before, _, after = file.read_text(encoding="utf-8").partition("id: isa-safeguarding")
    after = after.replace("valid_to: 2100-01-01", f"valid_to: {ends}").replace("review: 2099", "review: 2030")
    file.write_text(f"{before}id: isa-safeguarding{after}", encoding="utf-8")
    return folder


def test_what_ends_soon_is_named_with_whom_it_leaves_without(other: Path):
    of_it = ("--catalogue", ending(other, "2031-05-01"))
    (line,) = lines("expiring", "--day", "2031-04-01", *of_it)

    assert (line["agreement"], line["ends"], line["days_left"]) == ("isa-safeguarding", "2031-05-01", 30)
    assert line["hear_nothing"][:2] == ["childrens-services", "exploitation-team"]
    # They go on hearing of crime.
    assert line["hear_less"] == ["daily-meeting", "duty-officer", "inspector", "sergeant", "superintendent"]
    code, said = run("expiring", "--day", "2031-04-01", *of_it)
    assert (code, "Mend: renew it" in said) == (2, True)
    assert run("expiring", "--day", "2031-06-01", *of_it)[1].count("ended") == 1


def test_what_ends_later_than_the_policy_warns_or_is_asked_about_is_not(other: Path):
    of_it = ("--catalogue", ending(other, "2031-05-01"))

    assert run("expiring", "--day", "2031-01-30", *of_it)[0] == 0
    assert run("expiring", "--day", "2031-01-31", *of_it)[0] == 2
    assert run("expiring", "--day", "2031-04-01", "--within", 29, *of_it)[0] == 0
    assert run("expiring", "--day", "2031-04-01", "--within", 30, *of_it)[0] == 2


def test_where_the_policy_does_not_say_how_long_before_it_has_to_be_asked_for(other: Path):
    file = other / "policy" / "policy.yaml"
    file.write_text(file.read_text(encoding="utf-8").partition("renewal:")[0], encoding="utf-8")

    code, said = run("expiring", "--catalogue", other)
    assert (code, "give --within, or add `renewal` to it" in said) == (1, True)
    assert run("expiring", "--within", 1, "--catalogue", other)[0] == 0
