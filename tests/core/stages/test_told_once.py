"""What people hear on the way, not only what stands at the end: a correction is no withdrawal."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.core.stages.making import NOON, a_record, a_version, at

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.incidents import Party, Place
from safety_stream.core.model.times import DAY_LENGTH, HOUR
from safety_stream.core.stages import alert, detect, register
from safety_stream.core.stages.rows import MemoryRows


class Pipeline:
    """Register, detect and alert, one partition each."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._steps = [(stage.make_step(catalogue, 1), MemoryRows()) for stage in (register, detect, alert)]

    def tell(self, *versions: Any) -> list[tuple[str, str, bool]]:
        """What becomes of alerts: change, reason and whether anybody must hear."""
        values: list[Any] = list(versions)
        for (step, rows), topic in zip(self._steps, ("sightings", "findings", "alert-changes"), strict=True):
            records = [a_record(value, received_at=getattr(value, "received_at", None)) for value in values]
            values = [output.value for output in step(rows, records, None) if output.topic == topic]
        return [(value.change, value.reason, value.notify) for value in values]


BEFORE = a_version(incident_id="00000000-0000-5000-8000-000000000009", occurred_from=NOON - 2 * DAY_LENGTH)
FIRST = a_version(incident_id="00000000-0000-5000-8000-00000000000a", occurred_from=NOON - DAY_LENGTH)
SECOND = a_version(incident_id="00000000-0000-5000-8000-00000000000b")


@pytest.mark.parametrize(
    ("changes", "heard"),
    [
        ({"action": "correct", "subtype": "attempted"}, []),
        ({"action": "dispute"}, []),
        ({"action": "correct", "flags": ("weapon",)}, [("updated", "worsened", True)]),
        ({"action": "correct", "area": "E07000122"}, [("updated", "restated", False)]),
        ({"action": "correct", "parties": (Party("victim", "tok-z"),)}, [("withdrawn", "withdrawn", True)]),
        ({"action": "withdraw"}, [("withdrawn", "withdrawn", True)]),
    ],
)
def test_a_correction_under_a_standing_alert_says_what_changed_and_nothing_else(
    catalogue: Catalogue, changes: dict[str, Any], heard: list[tuple[str, str, bool]]
) -> None:
    pipeline = Pipeline(catalogue)

    assert pipeline.tell(BEFORE, FIRST, SECOND) == [("raised", "new", True)]
    assert pipeline.tell(msgspec.structs.replace(SECOND, source_version=2, **changes)) == heard


def test_a_return_is_not_melted_into_the_going_missing_before_it(catalogue: Catalogue) -> None:
    """The interview is 71 hours after the return: in time, though more than 72 hours after the child was gone."""
    child = {"kind": "missing-episode", "category": "missing", "family": "missing", "themes": ("safeguarding",)}
    home = Place(uprn="900000000001", exact=True)
    gone, back, met = at("2026-01-01T10:00"), at("2026-01-01T22:00"), at("2026-01-04T21:00")
    missing = a_version(
        **child, incident_id="a", source="police-missing", subtype="reported", occurred_from=gone, occurred_to=back,
        place=home, parties=(Party("missing", "tok-c", child=True),), received_at=back, reported_at=back,
    )  # fmt: skip
    returned = a_version(
        **child, incident_id="b", source="childrens-services", organisation="childrens-services", subtype="returned",
        occurred_from=back, occurred_to=back, place=home, parties=(Party("missing", "tok-c", child=True),),
        received_at=back + HOUR, reported_at=back,
    )  # fmt: skip
    interview = a_version(
        incident_id="c", kind="intervention", subtype="return-interview", category="intervention",
        family="intervention",
        themes=(), source="childrens-services", organisation="childrens-services", occurred_from=met, occurred_to=met,
        place=home, parties=(Party("subject", "tok-c", child=True),), received_at=met + HOUR, reported_at=met,
    )  # fmt: skip
    much_later = a_version(
        incident_id="d", source="childrens-services", parties=(), received_at=met + 9 * DAY_LENGTH,
        reported_at=met + 9 * DAY_LENGTH,
    )  # fmt: skip

    assert Pipeline(catalogue).tell(missing, returned, interview, much_later) == []
