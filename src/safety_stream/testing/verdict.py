"""The verdict on what came out: what stands and how it came to, held against the oracle's batch recomputation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.grid import to_grid
from safety_stream.replay import Result
from safety_stream.synthetic import SyntheticReport
from safety_stream.testing.comparison import differences
from safety_stream.testing.histories import history_faults
from safety_stream.testing.oracle import recompute
from safety_stream.wire.codecs import decode_report
from safety_stream.wire.reports import encode_report


class Witnessed(Result):
    """What stands, and every version of every alert on the way there."""

    def __init__(self) -> None:
        """Nothing stands, and nothing was said."""
        super().__init__()
        self.versions: list[AlertVersion] = []

    def fold(self, value: msgspec.Struct) -> None:
        """Fold one value in; values of one key come in order."""
        super().fold(value)
        if isinstance(value, AlertVersion):
            self.versions.append(value)


def compare(
    witnessed: Witnessed,
    accepted: Sequence[dict[str, Any]],
    catalogue_folder: Path,
    links: Sequence[dict[str, Any]] = (),
) -> list[str]:
    """Every difference from the batch recomputation of the accepted reports, and all that could not be; none passes.

    `links` are the accepted decisions about persons.
    """
    truth = recompute(list(accepted), catalogue_folder, to_grid=to_grid, links=links)
    return [
        *differences(
            truth,
            _plain(witnessed.findings.values()),
            _plain(witnessed.alerts.values()),
            _plain(witnessed.indicators.values()),
        ),
        *history_faults(truth.rules, _plain(witnessed.versions)),
    ]


def _plain(values: Iterable[msgspec.Struct]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(value) for value in values]


def as_read(told: SyntheticReport) -> dict[str, Any]:
    """A good synthetic report as the oracle takes it; what its native details say shows once it is on the wire."""
    if told.report is None:
        raise ValueError("what is no report cannot be read")
    read = decode_report(encode_report(told.report, details=told.details))
    return {**msgspec.to_builtins(read), "received_at": told.received_at}
