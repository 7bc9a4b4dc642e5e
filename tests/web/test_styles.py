"""The style sheet shows nothing that only pages of GOV.UK may show."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
hatch_build = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(hatch_build)


def test_the_typeface_and_the_crest_are_taken_out():
    sheet = (
        "@font-face{font-family:GDS Transport;src:url(/assets/fonts/light.woff2)}"
        "a{font-family:GDS Transport,arial,sans-serif;background:url(/assets/images/govuk-crest.svg) no-repeat}"
    )

    assert hatch_build.without_what_is_govuks(sheet) == (
        "a{font-family:arial,helvetica,sans-serif;background:none no-repeat}"
    )


@pytest.mark.parametrize("left", ["a{font-family:GDS Transport, x}", "a{background:url(https://example.org/a.png)}"])
def test_what_it_does_not_know_to_take_out_is_an_error(left: str):
    with pytest.raises(hatch_build.NoStyles, match="teach"):
        hatch_build.without_what_is_govuks(left)


def test_our_own_sheet_and_script_fetch_nothing():
    static = ROOT / "src" / "safety_stream" / "web" / "static"
    for path in static.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")

        assert "://" not in text
        assert "url(" not in text
