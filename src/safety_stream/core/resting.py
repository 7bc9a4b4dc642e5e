"""What rests on certain reports, also by way of findings that stand in the place of one.

Theory of operation
-------------------
A rule that rests on what others find elsewhere has, in its evidence, the ids of findings where reports would be named
(`core.rules.carrying`); so has every alert of it. Whoever asks of a report what rests on it has to go up through these.
They lie in any partition of `findings`, so in a single pass one may come before what it rests on: fold the topic in as
often as `DEEPEST` says, each time from its beginning.

What ever rested on one of the reports is remembered, and of it what it names now; so that of a finding which lost the
report meanwhile nothing rests on it any more, whichever of them was read first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from safety_stream.core.model.findings import FindingChange
from safety_stream.core.rules.carrying import reports_of


class Resting:
    """The findings that rest on certain reports, while `findings` are being read."""

    def __init__(self, reports: Iterable[str]) -> None:
        """Look for what rests on these."""
        self._reports = frozenset(reports)
        self._ever: set[str] = set()
        self._names: dict[str, frozenset[str]] = {}

    def take(self, change: FindingChange) -> None:
        """Fold one change of a finding in."""
        finding, names = change.finding.finding_id, reports_of(change.finding)
        if self.ever(names):
            self._ever.add(finding)
        if finding in self._ever:
            self._names[finding] = names
        if change.change == "withdrawn":
            self._names.pop(finding, None)

    def ever(self, names: Collection[str]) -> bool:
        """Whether one of these is such a report, or a finding that rested on one at any time."""
        return not self._reports.isdisjoint(names) or not self._ever.isdisjoint(names)

    def beneath(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the reports that are among these, or beneath a finding among them as it stands."""
        found: set[str] = set()
        waiting = set(names)
        while waiting:
            found |= waiting
            waiting = {below for one in waiting for below in self._names.get(one, ())} - found
        return self._reports & found

    def standing(self) -> list[str]:
        """The ids of the findings that rest on one of the reports as they stand, sorted."""
        return sorted(finding for finding, names in self._names.items() if self.beneath(names))
