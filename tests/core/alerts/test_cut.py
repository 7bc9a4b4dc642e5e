"""What was cut is remembered finding by finding, and each report is named once however many lack it."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.alerts.cut import Cut

FINDINGS = st.sampled_from(("f-1", "f-2", "f-3"))
REPORTS = st.frozensets(st.sampled_from([f"r-{n:02}" for n in range(20)]), max_size=12)


def lacked_by_each(cut: Cut) -> dict[str, set[str]]:
    """Read as its docstring says."""
    return {
        finding: {report for n, report in enumerate(cut.reports) if int.from_bytes(bits, "little") >> n & 1}
        for finding, bits in cut.lacked.items()
    }


@given(changes=st.lists(st.tuples(FINDINGS, REPORTS), max_size=12))
def test_it_is_what_each_finding_was_last_said_to_lack(changes: list[tuple[str, frozenset[str]]]) -> None:
    cut, last = Cut(), dict[str, frozenset[str]]()
    for finding, reports in changes:
        cut = cut.but(finding, reports)
        last[finding] = reports

    assert lacked_by_each(cut) == {finding: reports for finding, reports in last.items() if reports}
    assert sorted(cut.reports) == sorted(frozenset[str]().union(*last.values()))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(cut), type=Cut) == cut


def test_what_lacks_nothing_is_not_remembered() -> None:
    assert Cut().but("f-1", {"r"}).but("f-1", ()) == Cut().but("f-1", ()) == Cut()


def test_a_thousand_findings_that_each_lack_all_before_fit_a_record_of_the_changelog_by_far() -> None:
    """A cell of a town centre, at the bound of its timeline (`bounds.kept`); a record is of 4 MB at most."""
    reports = [f"{n:036}" for n in range(1024)]
    cut = Cut(tuple(reports))
    for n in range(0, 1024, 16):
        cut = cut.but(f"{n:036}", reports[:n] or reports[:1])

    assert len(msgspec.msgpack.encode(cut)) < 60_000
    assert lacked_by_each(cut)[f"{512:036}"] == set(reports[:512])
