"""Which entities a report names, and which it does not."""

from __future__ import annotations

import pytest
from tests.core.stages.making import a_version

from safety_stream.core.linking import entities_of
from safety_stream.core.model.incidents import Party, Place, Role


def test_a_report_names_whom_and_what_it_is_about():
    version = a_version(
        parties=(Party("suspect", "tok-b"), Party("victim", "tok-a")),
        vehicles=("veh-a",),
        phones=("ph-a",),
        group="grp-a",
        place=Place(uprn="100000000001", exact=True),
    )
    assert entities_of(version) == (
        "group:grp-a",
        "person:tok-a",
        "person:tok-b",
        "phone:ph-a",
        "place:100000000001",
        "vehicle:veh-a",
    )


@pytest.mark.parametrize("role", ["witness", "reporter", "other"])
def test_who_saw_it_or_told_of_it_is_no_link(role: Role):
    assert entities_of(a_version(parties=(Party(role, "tok-a"),), place=Place())) == ()


def test_nobody_known_and_no_exact_place_are_no_link():
    version = a_version(parties=(Party("victim"),), place=Place(uprn="100000000001", exact=False))
    assert entities_of(version) == ()
