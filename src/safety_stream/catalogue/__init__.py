"""The reviewed data under `catalogue/`: read, checked all at once, and turned into what the core runs on.

`load_catalogue` is for programs and refuses a catalogue with errors; `lint_catalogue` is for people and tells every
issue with its file, line and mend; `run_examples` holds each rule to the examples in its own file; `build_areas` makes
another county's area set from a look-up.
"""

from __future__ import annotations

from safety_stream.catalogue.areas import build_areas
from safety_stream.catalogue.examples import ExampleResult, run_examples
from safety_stream.catalogue.issues import CatalogueError, Issue
from safety_stream.catalogue.loading import lint_catalogue, load_catalogue

__all__ = [
    "CatalogueError",
    "ExampleResult",
    "Issue",
    "build_areas",
    "lint_catalogue",
    "load_catalogue",
    "run_examples",
]
