"""Follow an audience's feed over HTTP: every alert once and in order, from where the last run ended.

    SAFETY_STREAM_KEY=csf_... python follow.py https://alerts.example.org mark.txt

The key is one that `safety-stream alerts key` made for this program (docs/web.md). Needs httpx alone.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx


def follow(http: httpx.Client, mark: Path) -> Iterator[dict[str, Any]]:
    """What is new, to the newest. A number is written down when the next is asked for: what fails comes again."""
    after = int(mark.read_text()) if mark.exists() else 0
    while (told := http.get("/feed", params={"after": after}).raise_for_status().json())["reached"] > after:
        if told["missing"]:
            print(told["missing"], file=sys.stderr)
        for alert in told["alerts"]:
            yield alert
            mark.write_text(str(alert["seq"]))
        mark.write_text(str(after := told["reached"]))


if __name__ == "__main__":
    key = {"authorization": f"Bearer {os.environ['SAFETY_STREAM_KEY']}"}
    with httpx.Client(base_url=sys.argv[1], headers=key) as client:
        try:
            for one in follow(client, Path(sys.argv[2])):
                print(json.dumps(one))
        except httpx.HTTPStatusError as refused:
            # 410: the feed was begun anew. Look what becomes of what you have, delete the mark, and read from 0.
            sys.exit(refused.response.text)
