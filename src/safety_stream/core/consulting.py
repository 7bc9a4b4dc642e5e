"""Why somebody may look at an alert about a person, and for how long a reason holds: data of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from safety_stream.core.model.findings import Family, Finding
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.sightings import persons_of
from safety_stream.core.model.times import Instant


class Consulting(msgspec.Struct, frozen=True, kw_only=True):
    """`reasons` by id, in words; each holds for `holds` milliseconds. Alerts of `of_nobody` are about no person."""

    reasons: Mapping[str, str]
    holds: Instant
    of_nobody: frozenset[Family]

    def is_about_a_person(self, alert: PublishedAlert) -> bool:
        """Whether a reason is needed to look at an alert. What is not known to be about nobody is about somebody."""
        return alert.family not in self.of_nobody or bool(persons_of(alert.subject or ""))

    def are_about_a_person(self, findings: Iterable[Finding]) -> bool:
        """The same of what an alert was found by."""
        return any(one.family not in self.of_nobody or bool(persons_of(one.key)) for one in findings)


def without_the_person(alert: PublishedAlert) -> PublishedAlert:
    """An alert as a list tells it: nothing by which a person or a report could be found."""
    handling = alert.handling
    return msgspec.structs.replace(
        alert,
        subject=None,
        findings=None,
        cause=None,
        handling=None if handling is None else msgspec.structs.replace(handling, rationale=""),
    )
