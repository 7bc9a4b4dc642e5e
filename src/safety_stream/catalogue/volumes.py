"""How loud each rule was on a history, written down beside how loud a rule may be (`volumes.yaml`).

What a person writes stands above `measured:` and stays as it is; what was measured is written anew, a rule a line, so
that a reviewer sees in a difference of two lines what a release makes louder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from safety_stream.catalogue.backtesting import Volume
from safety_stream.catalogue.formats.volumes import MeasuredEntry, TogetherEntry, ToldEntry, VolumesFile

_MEASURED = "measured:"


def measured(rule: str, version: int, history: str, found: Volume) -> MeasuredEntry:
    """What is written down of a volume: what most shifts and months have, not the loudest of all."""
    return MeasuredEntry(
        rule=rule,
        version=version,
        history=history,
        alerts_per_month=found.alerts_per_month,
        urgent_per_division_and_shift=found.alerts_urgent_per_division_and_shift.most_of_them,
        alerts_per_district_and_month=found.alerts_per_district_and_month.most_of_them,
        told=ToldEntry(
            per_month=found.told_per_month,
            urgent_per_division_and_shift=found.told_urgent_per_division_and_shift.most_of_them,
            per_district_and_month=found.told_per_district_and_month.most_of_them,
        ),
    )


def record(
    folder: Path, volumes: VolumesFile, entries: Sequence[MeasuredEntry], together: TogetherEntry | None = None
) -> Path:
    """Write these entries into the catalogue's file in place of older ones of the same rules. Raises `OSError`.

    And what was measured `together`, where it was; else what was before stays.
    """
    path = folder / "volumes.yaml"
    by_hand = path.read_text(encoding="utf-8").split(f"\n{_MEASURED}", maxsplit=1)[0].rstrip("\n")
    by_rule = {entry.rule: entry for entry in (*volumes.measured, *entries)}
    lines = [by_hand, _MEASURED, *(_line(by_rule[rule]) for rule in sorted(by_rule))]
    together = together or volumes.together
    if together is not None:
        said = together.model_dump() | {"history": _text(together.history), "of": _in_braces(together.of)}
        lines.append(f"together: {_in_braces(said)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _line(entry: MeasuredEntry) -> str:
    said = entry.model_dump() | {"history": _text(entry.history), "told": _in_braces(entry.told.model_dump())}
    return f"  - {_in_braces(said)}"


def _text(said: str) -> str:
    # A JSON string is a YAML one.
    return json.dumps(said, ensure_ascii=False)


def _in_braces(said: Mapping[str, object]) -> str:
    return f"{{{', '.join(f'{name}: {value}' for name, value in said.items())}}}"
