"""The five bytes before every value: a nought, and the schema's id, as Confluent's serialisers write them."""

from __future__ import annotations

from safety_stream.core.model.dead_letters import Refused

HEADER_LENGTH = 5
_MAGIC = b"\x00"


def header(schema_id: int) -> bytes:
    """The framing of a value written with this schema: magic byte 0 and the id, four bytes big-endian."""
    return _MAGIC + schema_id.to_bytes(4, "big")


def schema_id_of(raw: bytes | None, limit: int | None = None) -> int:
    """The schema id of a framed value of at most `limit` bytes (None: any length).

    Raises `Refused`: empty, oversize, or unreadable-framing.
    """
    if not raw:
        raise Refused("empty", "the record has no value: send the whole report, and a withdrawal as an action")
    if limit is not None and len(raw) > limit:
        raise Refused("oversize", f"{len(raw)} bytes, and {limit} are allowed: send fewer parties or shorter codes")
    if len(raw) < HEADER_LENGTH or raw[:1] != _MAGIC:
        raise Refused(
            "unreadable-framing",
            "it does not begin with byte 0 and a four-byte schema id: write it with a Confluent-compatible serialiser",
        )
    return int.from_bytes(raw[1:HEADER_LENGTH], "big")
