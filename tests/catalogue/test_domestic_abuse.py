"""What a call handler must know first is told by every rule on domestic abuse (APP, domain.md 3), and by none other."""

from __future__ import annotations

from string import Formatter

import pytest
import yaml

from safety_stream.catalogue.conditions import counted_steps
from safety_stream.catalogue.examples import story_of
from safety_stream.catalogue.formats.conditions import StepEntry
from safety_stream.catalogue.formats.rules import LimbEntry
from safety_stream.catalogue.loading import load_with_files
from safety_stream.data_files import catalogue_folder

LOADED, FILES = load_with_files(catalogue_folder())

MINIMAL = {"encompass-not-told"}
"""For a school, which is told that there is something to know of a child, and nothing more (Operation Encompass)."""


def is_of_abuse(step: StepEntry) -> bool:
    """Whether a step asks for domestic abuse, by its theme or its kind of report; a referral to MARAC is no event."""
    return step.theme == ["domestic-abuse"] or "domestic-abuse" in (step.kind or ())


LIMBS = [
    (f"{rule}/{name}", limb)
    for rule, file in FILES.items()
    for name, limb in file.each_limb().items()
    if any(is_of_abuse(limb.select[step]) for step in counted_steps(limb)) and rule not in MINIMAL
]
EACH = pytest.mark.parametrize("limb", [limb for _, limb in LIMBS], ids=[name for name, _ in LIMBS])


def test_there_are_such_rules():
    assert {name.split("/")[0] for name, _ in LIMBS} == {
        *("rv-graded", "rv-marac-escalation", "rv-marac-repeat", "rv-marac-vhr", "serial-perpetrator"),
    }


@EACH
def test_it_tells_whether_of_a_serial_perpetrator_how_often_at_what_risk_and_of_referrals(limb: LimbEntry):
    in_words = {name for _, name, _, _ in Formatter().parse(limb.explain)}
    told = in_words & {*limb.besides, "count"}
    by_step = {name: limb.select[limb.besides[name].of] for name in told & limb.besides.keys()}

    assert by_step["serial"].flag == ["serial-perpetrator"]
    assert limb.besides["risk"].latest == "risk-level"
    assert by_step["referrals"].kind == ["marac-referral"]
    # How often: by what is counted, or else beside it.
    assert told & {"times", "count"}
    assert {str(limb.besides[name].within) for name in by_step} == {str(limb.besides["serial"].within)}


@EACH
def test_where_somebody_stands_in_every_role_the_referral_is_of_her(limb: LimbEntry):
    """On the timeline of a person a referral may name her as suspected, of somebody else."""
    step = limb.select[limb.besides["referrals"].of]

    assert "person" not in limb.key or set(step.role or ()) == {"victim", "subject"}


@pytest.mark.parametrize(("role", "referrals"), [("suspect", 0), ("witness", 0), ("victim", 1), ("subject", 1)])
def test_a_referral_of_somebody_else_is_none_of_hers(role: str, referrals: int):
    rule = next(rule for rule in LOADED.rules if rule.id == "rv-marac-escalation")
    example = next(one for one in FILES[rule.id].examples if "at which the victim is the suspect" in one.name)
    told = [
        one.model_copy(update={"role": [role]}) if one.kind == "marac-referral" else one for one in example.sightings
    ]

    (found,) = story_of(rule, example.model_copy(update={"sightings": told}), LOADED).found()

    assert f"MARAC referrals {referrals}." in found.explanation


def test_the_fact_is_one_that_services_details_say():
    facts = yaml.safe_load((catalogue_folder() / "facts.yaml").read_text(encoding="utf-8"))["facts"]

    assert "high" in next(fact["values"] for fact in facts if fact["id"] == "risk-level")
