"""Copies of the shipped catalogue, for tests to change."""

from __future__ import annotations

import shutil
from pathlib import Path

from safety_stream.data_files import catalogue_folder

MORE_RULES = Path(__file__).parents[1] / "fixtures" / "rules"
"""Rules made up to try out conditions, or parts of one, that no rule that ships uses."""

WEST_YORKSHIRE = Path(__file__).parents[2] / "examples" / "west-yorkshire"
"""Another county's catalogue, with one partner."""

FOREIGN = Path(__file__).parents[2] / "examples" / "conformance" / "catalogue"
"""A small catalogue in words that are not ours."""


def copied(folder: Path) -> Path:
    """The shipped catalogue as `folder`, which is made."""
    return Path(shutil.copytree(catalogue_folder(), folder))


def with_more_rules(folder: Path) -> Path:
    """The shipped catalogue as `folder`, with those rules beside its own."""
    copied(folder)
    shutil.copytree(MORE_RULES, folder / "rules", dirs_exist_ok=True)
    return folder


def another_county(folder: Path) -> Path:
    """West Yorkshire's catalogue as `folder`, to be used on a Kafka that tests of the shipped one use, too.

    So topics of both are kept for as long as the shipped one says: whoever came second would find them differing.
    """
    shutil.copytree(WEST_YORKSHIRE, folder)
    shutil.copy(catalogue_folder() / "retention.yaml", folder)
    return folder


def with_another_desk(folder: Path, audience: str) -> None:
    """Let an audience more hear and be granted what duty officers are."""
    for name, starts in (("audiences/audiences.yaml", "audiences:\n"), ("policy/policy.yaml", "grants:\n")):
        file = folder / name
        text = file.read_text(encoding="utf-8")
        entry = next(part for part in text.split("  - ") if part.startswith("{id: duty-officer")).split("profiles:")[0]
        for key in ("id", "subscriber"):
            entry = entry.replace(f"{key}: duty-officer", f"{key}: {audience}")
        file.write_text(text.replace(starts, f"{starts}  - {entry}", 1), encoding="utf-8")
