"""docs/sharing.md: each claim has a test, and it is there."""

import re
from pathlib import Path

from safety_stream.wire.rights import USERS, WORKER

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sharing.md").read_text(encoding="utf-8")
CLAIMS = [line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith(("| Claim |", "|---"))]


def test_every_claim_is_held_by_a_test_that_is_there():
    assert CLAIMS
    for claim in CLAIMS:
        tests = re.findall(r"\[(test_[a-z_]+)\]\(\.\./(tests/[a-z_/]+\.py)\)", claim)
        assert tests, claim
        for name, file in tests:
            assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), (name, file)


def test_every_user_of_kafka_is_named():
    for name in (WORKER, *(row.name for row in USERS)):
        assert f"`{name}`" in PAGE or f"`{name}<" in PAGE
