"""The shipped catalogue, read once, without the rules that list almost everybody who is told of twice."""

from __future__ import annotations

import msgspec
import pytest

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.data_files import catalogue_folder


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    shipped = load_catalogue(catalogue_folder())
    rules = tuple(rule for rule in shipped.rules if rule.audiences != ("repeat-victim-list",))
    return msgspec.structs.replace(shipped, rules=rules)
