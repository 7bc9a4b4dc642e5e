"""Files are parsed once: most of a copied catalogue is as it was for the last test, and what is spoilt is new text."""

from __future__ import annotations

from functools import lru_cache

import pytest

from safety_stream.catalogue import documents

parsed = lru_cache(maxsize=2_000)(documents.parse_document)


@pytest.fixture(autouse=True)
def _parse_each_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "parse_document", parsed)
