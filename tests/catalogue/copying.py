"""Copies of the shipped catalogue, for tests to change."""

from __future__ import annotations

import shutil
from pathlib import Path

from safety_stream.data_files import catalogue_folder

MORE_RULES = Path(__file__).parents[1] / "fixtures" / "rules"
"""Rules made up to try out conditions, or parts of one, that no rule that ships uses."""


def with_more_rules(folder: Path) -> Path:
    """The shipped catalogue in `folder`, with those rules beside its own."""
    shutil.copytree(catalogue_folder(), folder)
    shutil.copytree(MORE_RULES, folder / "rules", dirs_exist_ok=True)
    return folder
