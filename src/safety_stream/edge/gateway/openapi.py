"""The gateway described to machines: OpenAPI 3.1, whose report is the canonical one and no copy of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from safety_stream.core.model.facts import DIGITS_AT_MOST
from safety_stream.edge.canonical import ReportLine
from safety_stream.edge.gateway.problems import MEDIA_TYPE, TITLES, TYPE
from safety_stream.edge.gateway.reading import JSON, LINES, REPORTS_MAX
from safety_stream.wire.reports import SUBJECT, details_of, shipped_registry

Schema = dict[str, Any]

EXAMPLE: Final[Mapping[str, object]] = {
    "source": "council-asb",
    "source_ref": "case-4711",
    "source_version": 1,
    "action": "new",
    "kind": "asb-case",
    "category": "asb-noise",
    "occurred_from": "2026-03-01T09:00:00Z",
    "reported_at": "2026-03-01T09:30:00Z",
    "place": {"uprn": "100012345678"},
    "parties": [{"role": "victim", "token": "tok-a"}],
}

_RECEIPT: Final[Mapping[str, object]] = {
    "id": "0f0c1a0e-5d0f-5b43-8f0a-3f8c2f1f7c11",
    "source": "council-asb",
    "source_ref": "case-4711",
    "source_version": 1,
    "action": "new",
    "acknowledged_at": "2026-03-01T09:30:01.250Z",
    "topic": "partner.council-asb",
    "partition": 2,
    "offset": 1041,
}
_REFERENCE: Final[Schema] = {"type": "string", "pattern": r"^[^\x00-\x1f\x7f]{1,200}$"}

SENDING: Final[tuple[Schema, ...]] = (
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "With the same body it is given the same answer for a week.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        "example": "night-batch-2026-03-01",
    },
)

REF: Final[Schema] = {
    "name": "ref",
    "in": "path",
    "required": True,
    "description": "The `source_ref` of the report.",
    "schema": _REFERENCE,
    "example": "case-4711",
}

ID: Final[Schema] = {
    "name": "receipt_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "example": _RECEIPT["id"],
}

ASKING: Final[tuple[Schema, ...]] = (
    {"name": "source", "in": "query", "schema": {"type": "string"}, "example": "council-asb"},
    {
        "name": "ref",
        "in": "query",
        "schema": _REFERENCE,
        "example": "case-4711",
    },
    {"name": "after", "in": "query", "schema": {"type": "string", "format": "uuid"}},
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 500}, "example": 100},
)


def components() -> Schema:
    """The schemas other parts point to."""
    report = _from_here(ReportLine.model_json_schema())
    parts = report.pop("$defs")
    # The backbone says when it received a report; in files of the past it is stated.
    del report["properties"]["received_at"]
    report["description"] = "A report. Each field is described with the schema of incident-report."
    report["properties"]["details"] = _details()
    report["properties"]["facts"] = {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9-]{1,64}$"},
        "additionalProperties": {
            "anyOf": [
                {"type": "boolean"},
                {"type": "integer", "minimum": 1 - 10**DIGITS_AT_MOST, "maximum": 10**DIGITS_AT_MOST - 1},
                {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
            ]
        },
    }
    return {
        **parts,
        "Report": report,
        "Receipt": _strict({name: _kind_of(one) for name, one in _RECEIPT.items()}),
        "Problem": _problem(),
        "Item": {
            "type": "object",
            "required": ["index", "status"],
            "additionalProperties": False,
            "properties": {
                "index": {"type": "integer"},
                "status": {"type": "integer"},
                "receipt": _ref("Receipt"),
                "problem": _ref("Problem"),
            },
        },
        "Items": _strict({"items": {"type": "array", "items": _ref("Item")}}),
        "Receipts": _strict(
            {"receipts": {"type": "array", "items": _ref("Receipt")}, "next": {"type": ["string", "null"]}}
        ),
    }


def taking_many() -> Schema:
    """What `POST /v1/reports` takes and answers."""
    one = {"$ref": "#/components/schemas/Report"}
    many = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": REPORTS_MAX}]}
    content = {
        JSON: {
            "schema": many,
            "examples": {"one": {"value": dict(EXAMPLE)}, "many": {"value": [dict(EXAMPLE)]}},
        },
        **{kind: {"schema": {"type": "string", "description": "One report a line."}} for kind in LINES},
    }
    accepted = _json({"anyOf": [_ref("Receipt"), _ref("Items")]}, "Acknowledged.", dict(_RECEIPT))
    return {
        "requestBody": {"required": True, "content": content},
        "responses": {
            "202": accepted,
            "207": _json(_ref("Items"), "Some were acknowledged, and others not: each item says."),
            **_problems(400, 401, 403, 408, 413, 415, 422, 429, 503),
        },
    }


def taking_one(action: str) -> Schema:
    """What an address of one report takes and answers."""
    schema = {"allOf": [_ref("Report"), {"properties": {"action": {"const": action}}}]}
    example = dict(EXAMPLE) | {"action": action, "source_version": 2}
    return {
        "requestBody": {"required": True, "content": {JSON: {"schema": schema, "example": example}}},
        "responses": {
            "202": _json(_ref("Receipt"), "Acknowledged.", dict(_RECEIPT) | {"action": action, "source_version": 2}),
            **_problems(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
        },
    }


def one_receipt() -> Schema:
    """What `GET /v1/receipts/{receipt_id}` answers."""
    return {"responses": {"200": _json(_ref("Receipt"), "The receipt.", dict(_RECEIPT)), **_problems(401, 404, 503)}}


def many_receipts() -> Schema:
    """What `GET /v1/receipts` answers."""
    example = {"receipts": [dict(_RECEIPT)], "next": None}
    found = _json(_ref("Receipts"), "Receipts, the oldest first.", example)
    return {"responses": {"200": found, **_problems(400, 401, 403, 404, 503)}}


def health() -> Schema:
    """What `GET /v1/health` answers."""
    schema = _strict({"status": {"const": "ok"}})
    return {"responses": {"200": _json(schema, "Reports are taken.", {"status": "ok"}), **_problems(503)}}


def _problem() -> Schema:
    error = _strict({"field": {"type": "string"}, "reason": {"type": "string"}})
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "additionalProperties": False,
        "properties": {
            "type": {"enum": [TYPE + name for name in TITLES]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": error},
            "items": {"type": "array", "items": _ref("Item")},
        },
    }


def _problems(*statuses: int) -> Schema:
    return {str(status): _problems_of(status) for status in statuses}


def _problems_of(status: int) -> Schema:
    names = [name for name, (one, _) in TITLES.items() if one == status]
    said = "; ".join(f"`{name}`: {TITLES[name][1]}" for name in names)
    answer: Schema = {"description": said, "content": {MEDIA_TYPE: {"schema": _ref("Problem")}}}
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "required": True}}
    return answer


def _details() -> Schema:
    named = details_of(shipped_registry().newest(SUBJECT).schema)
    return {
        "type": "object",
        "description": "Native detail records by name, with the fields of their schemas.",
        "additionalProperties": False,
        "properties": {name: {"type": "object"} for name in named},
    }


def _kind_of(example: object) -> Schema:
    return {"type": "integer" if isinstance(example, int) else "string"}


def _strict(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": dict(properties),
    }


def _json(schema: Schema, description: str, example: object | None = None) -> Schema:
    content: Schema = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {"description": description, "content": {JSON: content}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _from_here(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """A schema of pydantic's, which points into itself, as part of a whole document."""
    if isinstance(schema, dict):
        return {
            key: one.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _from_here(one)
            for key, one in schema.items()
        }
    return [_from_here(one) for one in schema] if isinstance(schema, list) else schema
