"""Records as bytes, one JSON object per line: what no format holds, above all records that must be refused.

Fields: `topic`, `received_at` (ISO 8601), `value` (base64; null for none), `refused` (the reason intake must give).
"""

from __future__ import annotations

import base64
import json

from safety_stream.core.model.dead_letters import Reason
from safety_stream.core.model.times import Instant, to_iso


def to_raw_line(topic: str, received_at: Instant, value: bytes | None, refused: Reason) -> str:
    """One record as a line of text without its end."""
    fields = {
        "topic": topic,
        "received_at": to_iso(received_at),
        "value": None if value is None else base64.b64encode(value).decode(),
        "refused": refused,
    }
    return json.dumps(fields, separators=(",", ":"))
