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
