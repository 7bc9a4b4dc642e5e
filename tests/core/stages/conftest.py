"""The shipped catalogue, read once."""

from __future__ import annotations

import pytest

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.data_files import catalogue_folder


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())
