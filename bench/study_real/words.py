"""The sentences of the page that hold figures of the run."""

from __future__ import annotations

from bench.study.report import Rows


def sentences(every: dict[str, Rows]) -> dict[str, str]:
    """Sentences by the name of their place, for the tables there are."""
    return {}
