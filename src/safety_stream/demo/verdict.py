"""The verdict on a demonstration: what stands, held against the batch recomputation by the oracle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from safety_stream.core.model.grid import to_grid
from safety_stream.replay import Result
from safety_stream.testing.comparison import differences
from safety_stream.testing.oracle import recompute


def compare(standing: Result, accepted: Sequence[dict[str, Any]], catalogue_folder: Path) -> list[str]:
    """Every difference between what stands and the batch recomputation of the accepted reports; none is a pass."""
    truth = recompute(list(accepted), catalogue_folder, to_grid=to_grid)
    return differences(
        truth,
        _plain(standing.findings.values()),
        _plain(standing.alerts.values()),
        _plain(standing.indicators.values()),
    )


def _plain(values: Iterable[msgspec.Struct]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(value) for value in values]
