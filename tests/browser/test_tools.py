"""What `make access` needs, and what it says where that is missing: nothing is passed over in silence."""

from pathlib import Path

import pytest
from tests.browser import tools

ROOT = Path(__file__).parents[2]


def test_without_chromium_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tools.shutil, "which", lambda _: None)

    with pytest.raises(tools.NoTool, match="apt install chromium"):
        tools.chromium()


def test_axe_is_fetched_once_and_in_one_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []

    class Fetching:
        @staticmethod
        def from_npm(*what: str) -> str:
            asked.append(what)
            return "axe"

    monkeypatch.setattr(tools, "_hatch_build", lambda: Fetching)

    assert (tools.axe(tmp_path / "axe"), tools.axe(tmp_path / "axe")) == ("axe", "axe")
    assert asked == [(tools.AXE, tools.AXE_SHA512, tools.AXE_FILE)]


def test_only_make_access_looks_in_a_browser():
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()

    assert [line.strip() for line in lines if "pytest -m" in line and "not browser" not in line] == [
        "$(BIN)/python -m pytest -m browser tests/browser $(ARGS)"
    ]
