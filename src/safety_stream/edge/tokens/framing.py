"""Fields as bytes whose borders cannot be moved: each with its length before it."""

from __future__ import annotations


def framed(text: str) -> bytes:
    """The text as bytes, with their number before them: a list of such says where each one ends."""
    content = text.encode()
    return len(content).to_bytes(4, "big") + content
