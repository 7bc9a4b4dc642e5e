"""Where the reviewed data lies: beside the code in a checkout, inside the package when installed from a wheel.

The only place that knows. A deployment that keeps its own catalogue elsewhere passes that folder instead.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def schemas_folder() -> Path:
    """The folder of the Avro schemas and their registry. Raises `FileNotFoundError` when the installation lacks it."""
    return _folder("schemas")


def catalogue_folder() -> Path:
    """The folder of rules, areas and other reviewed data. Raises `FileNotFoundError` when it is missing."""
    return _folder("catalogue")


def web_styles() -> Path | None:
    """The style sheet of the web pages; None where it was not fetched, which pages do without."""
    for path in (_PACKAGE / "_data" / "web", _PACKAGE.parents[1] / "build" / "web"):
        if (path / "govuk-frontend.css").is_file():
            return path / "govuk-frontend.css"
    return None


def _folder(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    in_checkout = _PACKAGE.parents[1] / name
    for folder in (installed, in_checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"neither {installed} nor {in_checkout} exists: install the package again")
