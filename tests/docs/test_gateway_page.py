"""docs/gateway.md says what the gateway does: every problem, every address, and its bounds."""

import re
from pathlib import Path

from safety_stream.edge.gateway.app import ACTIONS
from safety_stream.edge.gateway.problems import TITLES, TYPE
from safety_stream.edge.gateway.reading import BYTES_MAX, DEPTH_MAX, REPORTS_MAX
from safety_stream.edge.gateway.receipts import RECEIPT_DAYS

PAGE = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text(encoding="utf-8")


def test_every_problem_has_its_line():
    found = re.findall(r"^\| `([a-z-]+)` \| ([0-9]{3}) \| .+ \|$", PAGE, re.MULTILINE)

    assert [(name, int(status)) for name, status in found] == [(name, one[0]) for name, one in TITLES.items()]
    assert f"`{TYPE}`" in PAGE


def test_addresses_and_bounds_are_those_of_the_code():
    for name in ACTIONS:
        assert f"`POST /v1/reports/{{ref}}/{name}`" in PAGE
    assert f"At most {REPORTS_MAX} reports and {BYTES_MAX:,} bytes in a request, {DEPTH_MAX} objects" in PAGE
    assert f"kept for {RECEIPT_DAYS} days" in PAGE
