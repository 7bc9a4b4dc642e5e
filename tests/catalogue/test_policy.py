"""What the law forbids no grant can give: a catalogue with such a one is refused, so nothing runs by it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.catalogue.copying import WEST_YORKSHIRE

from safety_stream.catalogue import Issue, lint_catalogue
from safety_stream.catalogue.declarations import read_declarations
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.policy import ALERT_FIELDS, sensitivities
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.sharing import Sharing
from safety_stream.core.model.times import Day
from safety_stream.data_files import catalogue_folder, schemas_folder
from safety_stream.wire.schema import read_schema, sensitivity_of

GRANTS, SIGNED = "policy/policy.yaml", "policy/agreements.yaml"
ENCOMPASS = "alert_id, version, change, as_of, subject, last_completed_at, marking"
DUTY = "alert_id, version, change, as_of, family, priority, area, areas, marking"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue, without the rules, which say nothing of this and take long to read."""
    folder = Path(shutil.copytree(catalogue_folder(), tmp_path / "catalogue"))
    for file in ("rules", "indicators"):
        for path in (folder / file).glob("*.yaml"):
            path.unlink()
    return folder


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def errors_of(folder: Path) -> list[Issue]:
    return [issue for issue in lint_catalogue(folder) if issue.severity == "error" and issue.file.startswith("policy/")]


def policy_of(folder: Path) -> Sharing:
    files = Files(folder)
    known, _ = read_declarations(files, None)
    return known.sharing


def add_grant(folder: Path, basis: str, fields: str) -> None:
    """A grant to analysts on a basis that an agreement names."""
    spoil(folder, SIGNED, "legal_bases: [CDA17,", f"legal_bases: [{basis}, CDA17,")
    grant = (
        "  - {id: more, subscriber: analyst, party: probation, agreement: isa-crime-and-disorder,\n"
        f"     purpose: crime-prevention, legal_basis: {basis}, handling: P, fields: [{fields}]}}\n"
    )
    spoil(folder, GRANTS, "# What no grant", f"{grant}# What no grant")


@pytest.mark.parametrize(
    ("basis", "fields"), [("SVD-PCSC2022", DUTY), ("VPA2024-ENCOMPASS", ENCOMPASS)], ids=["violence-duty", "encompass"]
)
def test_what_the_law_allows_can_be_granted(folder: Path, basis: str, fields: str):
    add_grant(folder, basis, fields)

    assert errors_of(folder) == []
    (granted,) = [one for one in policy_of(folder).grants if one.id == "more"]
    assert granted.of_persons is (basis != "SVD-PCSC2022")


@pytest.mark.parametrize("field", sorted(name for name, kept in sensitivities().items() if kept != "none"))
def test_the_serious_violence_duty_tells_nothing_personal(folder: Path, field: str):
    """Whoever reported it: an alert may rest on what a health or social-care authority reported."""
    always = DUTY.split(", ")[:4]
    add_grant(folder, "SVD-PCSC2022", f"{DUTY}, {field}")

    expected = [] if field in always else [f"SVD-PCSC2022 authorises nobody to tell {field}, which is"]
    assert [issue.what.rpartition(" is ")[0] + " is" for issue in errors_of(folder)] == [
        one.rpartition(" is")[0] + " is" for one in expected
    ]


@pytest.mark.parametrize("fields", [f"{ENCOMPASS}, explanation", ENCOMPASS.replace(", subject", "")])
def test_encompass_is_told_exactly_and_nothing_of_the_circumstances(folder: Path, fields: str):
    add_grant(folder, "VPA2024-ENCOMPASS", fields)

    (issue,) = errors_of(folder)
    assert issue.what.startswith("on the basis VPA2024-ENCOMPASS exactly what is agreed is told, and ")


def test_a_day_before_an_agreement_ends_or_is_due_for_review_lint_says_so(folder: Path):
    def said(today: Day) -> list[str]:
        return [issue.what for issue in lint_catalogue(folder, today=today) if issue.file == SIGNED]

    ends, review = 47_482, 47_117
    assert said(review - 1) == []
    assert "agreement isa-safeguarding is due for review" in said(review)
    assert [one for one in said(ends - 91) if "ends in" in one] == []
    (soon, *_) = [one for one in said(ends - 90) if "isa-safeguarding ends in" in one]
    assert soon.startswith("agreement isa-safeguarding ends in 90 days, on 2100-01-01: childrens-services, ")
    assert soon.endswith("then hears nothing")
    assert "agreement isa-safeguarding has ended: nothing is told under it" in said(ends)


def test_a_policy_that_warns_of_no_end_is_told_so(folder: Path):
    spoil(folder, GRANTS, "renewal: {warn_days", "# renewal: {warn_days")

    (told,) = [issue for issue in lint_catalogue(folder) if "nobody is warned before" in issue.what]
    assert (told.severity, told.file) == ("warning", GRANTS)
    assert "add renewal: {warn_days" in told.mend


@pytest.mark.parametrize("of", [catalogue_folder(), WEST_YORKSHIRE], ids=["shipped", "west-yorkshire"])
def test_whoever_hears_of_alerts_hears_what_brought_a_change_about(of: Path):
    """A withdrawal goes to everybody who was told, with its cause; but where the law says exactly what is told."""
    sharing = policy_of(of)

    assert sharing.grants
    assert [one.id for one in sharing.grants if "cause" not in one.fields and one.basis != "VPA2024-ENCOMPASS"] == []


def test_a_catalogue_without_a_policy_tells_nobody_anything(folder: Path):
    for file in (GRANTS, SIGNED):
        (folder / file).unlink()

    assert policy_of(folder).grants == ()
    told = [issue.what for issue in lint_catalogue(folder) if issue.file == GRANTS]
    assert "nothing is granted to audience analyst: it hears nothing" in told


def test_every_field_that_can_be_granted_is_tagged():
    assert set(sensitivities()) == ALERT_FIELDS


def test_nobody_can_be_granted_the_reports_an_alert_does_not_show():
    assert "also_rests_on" not in ALERT_FIELDS | {*PublishedAlert.__struct_fields__}


def test_what_goes_out_by_profiles_is_about_nobody():
    """So indicators need no grant: there is nothing personal in them to be granted."""
    schema = read_schema(schemas_folder(), "published-indicator/v4.avsc")

    assert {sensitivity_of(field) for field in schema.fields} == {"none"}
