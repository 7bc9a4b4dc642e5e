"""Which alerts rest on the reports about a person, also where they show neither the finding nor the report any more."""

from __future__ import annotations

import msgspec
from tests.core.stages.making import a_version, an_alert

from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.incidents import Party
from safety_stream.core.subject_access import Search

THEIRS, OF_OTHERS = "r-01", "r-02"


def alerts_about(*versions: AlertVersion) -> list[tuple[str, tuple[str, ...]]]:
    """Of whom the one report names, with the reports their alerts rest on."""
    search = Search(["tok-b"])
    for name, token in ((THEIRS, "tok-b"), (OF_OTHERS, "tok-c")):
        search.take("incidents", a_version(incident_id=name, parties=(Party("suspect", token),)))
    for version in versions:
        search.take("alert-changes", version)
    return [(one.alert_id, one.reports) for one in search.answer().alerts]


def resting_on(*reports: str) -> AlertVersion:
    alert = an_alert(priority="P2", audiences=())
    return msgspec.structs.replace(alert, subject="victim:tok-a", findings=(), also_rests_on=reports)


def test_an_alert_that_does_not_show_what_it_rests_on_is_found():
    version = resting_on(THEIRS, OF_OTHERS)

    assert alerts_about(version) == [(version.alert_id, (THEIRS,))]
    assert alerts_about(resting_on(OF_OTHERS)) == []
