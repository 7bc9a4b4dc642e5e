"""Nobody is scored: schemas and models have no field for a person's score or risk, but what partners state as fact."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
from pydantic import BaseModel

import safety_stream.catalogue
import safety_stream.core
from safety_stream.core.rules.rule import Field
from safety_stream.data_files import schemas_folder

SCORE_LIKE = re.compile(r"(?i)score|risk|rating|rank|predict|likel|probab|propens|dangerous|percentile|suspicion")

STATED_BY_PARTNERS = {
    "AsbCaseDetails.risk_score",
    "DomesticAbuseDetails.dash_score",
    "DomesticAbuseDetails.risk",
    "MaracReferralDetails.dash_score",
    "MaracReferralDetails.risk",
    "MissingEpisodeDetails.risk",
    "SupervisionDetails.risk",
}
"""What a professional has assessed and a partner passes on, in the details that no rule can read."""

OF_NOBODY = {"_Model.slope_score", "Pair.probability"}
"""A statistic of weekly counts (the derivative of a likelihood), and how probably two tokens are one person's."""


def schema_fields(schema: Any, record: str = "") -> Iterator[str]:
    """Every field of every record in a schema, with the name of its record."""
    if isinstance(schema, list):
        for one in schema:
            yield from schema_fields(one, record)
    elif isinstance(schema, dict):
        name = schema.get("name", record)
        for field in schema.get("fields", ()):
            yield f"{name}.{field['name']}"
            yield from schema_fields(field["type"], name)
        for part in ("items", "values", "type"):
            yield from schema_fields(schema.get(part), name)


def model_fields() -> Iterator[str]:
    """Every field of every model of the core and of the catalogue's files."""
    for package in (safety_stream.core, safety_stream.catalogue):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for model in vars(importlib.import_module(found.name)).values():
                if not isinstance(model, type) or model.__module__ != found.name:
                    continue
                if issubclass(model, msgspec.Struct):
                    yield from (f"{model.__name__}.{name}" for name in model.__struct_fields__)
                elif issubclass(model, BaseModel):
                    yield from (f"{model.__name__}.{name}" for name in model.model_fields)


def score_like(fields: Iterator[str]) -> set[str]:
    return {field for field in fields if SCORE_LIKE.search(field.partition(".")[2])}


def test_the_only_scores_in_the_schemas_are_what_partners_state():
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in schemas_folder().rglob("*.avsc")]
    fields = [field for schema in schemas for field in schema_fields(schema)]

    assert len(fields) > 100
    assert score_like(iter(fields)) == STATED_BY_PARTNERS
    assert all(name.partition(".")[0].endswith("Details") for name in STATED_BY_PARTNERS)


def test_no_model_has_a_score():
    fields = list(model_fields())

    assert {"Finding.priority", "Sighting.roles", "RuleFile.lawful"} <= set(fields)
    assert score_like(iter(fields)) == OF_NOBODY


def test_no_rule_can_read_a_score():
    assert [field for field in get_args(Field) if SCORE_LIKE.search(field)] == []


def test_the_search_would_find_a_score():
    assert score_like(iter(["Person.riskScore", "Sighting.percentile"])) == {"Person.riskScore", "Sighting.percentile"}
