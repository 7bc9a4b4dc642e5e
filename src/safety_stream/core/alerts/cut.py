"""What was cut from the findings of an alert, so that it is known which reports the alert rests on all the same.

Theory of operation
-------------------
An alert remembers its findings with the newest of their evidence only (`condition`). Of what was cut the reports' ids
are remembered, since a report may be disputed or held that no version shows. The findings of one timeline rest on much
the same reports: of a thousand of them each may lack the thousand reports before it. To name these with each finding
would not fit a record of the changelog. So every report is named once, and each finding has a bit for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from itertools import compress
from operator import or_

import msgspec


class Cut(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was cut: `reports`, each lacked by a finding at least, and by the finding's id those that it lacks.

    Bit n of `lacked` (little-endian) is of the nth report. A finding that lacks none is not in it.
    """

    reports: tuple[str, ...] = ()
    lacked: dict[str, bytes] = msgspec.field(default_factory=dict)

    def but(self, finding_id: str, reports: Collection[str]) -> Cut:
        """The same, but that this finding lacks these reports."""
        if not reports and finding_id not in self.lacked:
            return self
        places = {report: n for n, report in enumerate(self.reports)}
        for report in sorted(reports):
            places.setdefault(report, len(places))
        lacked = {one: int.from_bytes(bits, "little") for one, bits in self.lacked.items() if one != finding_id}
        if reports:
            lacked[finding_id] = sum(1 << places[report] for report in reports)
        return _packed(tuple(places), lacked)


def _packed(reports: tuple[str, ...], lacked: Mapping[str, int]) -> Cut:
    """A report that no finding lacks any more is forgotten, and the others move up."""
    in_use = reduce(or_, lacked.values(), 0)
    kept = [bool(in_use >> n & 1) for n in range(len(reports))]
    if not all(kept):
        lacked = {one: _only(bits, kept) for one, bits in lacked.items()}
    return Cut(
        tuple(compress(reports, kept)),
        {one: bits.to_bytes((bits.bit_length() + 7) // 8, "little") for one, bits in lacked.items()},
    )


def _only(bits: int, kept: Sequence[bool]) -> int:
    """Those of the bits that are kept, the first of them lowest."""
    lowest_first = format(bits, f"0{len(kept)}b")[::-1]
    return int("".join(compress(lowest_first, kept))[::-1] or "0", 2)
