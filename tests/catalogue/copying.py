"""Copies of the shipped catalogue, for tests to change."""

from __future__ import annotations

import shutil
from pathlib import Path

from safety_stream.data_files import catalogue_folder

MORE_RULES = Path(__file__).parents[1] / "fixtures" / "rules"
"""Rules made up to try out conditions, or parts of one, that no rule that ships uses."""

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


def with_another_desk(folder: Path, audience: str) -> None:
    """Let an audience more hear and be granted what duty officers are."""
    for name, starts in (("audiences/audiences.yaml", "audiences:\n"), ("policy/policy.yaml", "grants:\n")):
        file = folder / name
        text = file.read_text(encoding="utf-8")
        entry = next(part for part in text.split("  - ") if part.startswith("{id: duty-officer")).split("profiles:")[0]
        for key in ("id", "subscriber"):
            entry = entry.replace(f"{key}: duty-officer", f"{key}: {audience}")
        file.write_text(text.replace(starts, f"{starts}  - {entry}", 1), encoding="utf-8")
