"""Charts: readable without colour, with their words, and never with anybody's markup."""

from typing import get_args
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.filling import DISTRICTS, HOSTILE

from safety_stream.core.model.judgements import Signal
from safety_stream.web import charts
from safety_stream.web.charts import Point, Tile, control_chart, sparkline, tile_map
from safety_stream.web.tiles import places_of
from safety_stream.web.words import SIGNALS

SIGNS = [*get_args(Signal), None]
COUNTS = st.none() | st.integers(0, 10**6)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast_to_white(colour: str) -> float:
    return 1.05 / (luminance(colour) + 0.05)


@pytest.mark.parametrize("signal", SIGNS)
def test_white_words_on_a_signals_colour_can_be_read(signal: Signal | None):
    assert contrast_to_white(charts.COLOURS[signal]) >= 4.5


def test_lines_stand_out_from_the_paper():
    assert min(contrast_to_white(colour) for colour in (charts.GREY, charts.BLUE, charts.INK)) >= 3


def test_every_signal_has_a_sign_and_words_of_its_own():
    assert len({said.sign for said in SIGNALS.values()}) == len(SIGNALS) == len(SIGNS)
    assert len({said.text for said in SIGNALS.values()}) == len(SIGNALS)


@st.composite
def points(draw: st.DrawFn) -> Point:
    low, high = draw(st.just((None, None)) | st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(sorted))
    return Point(
        label=draw(st.sampled_from(["5 Jan", "Jan 2026", "<5>"])),
        value=draw(COUNTS),
        expected=draw(st.none() | st.floats(0, 1e6)),
        low=low,
        high=high,
        signal=draw(st.sampled_from(SIGNS)),
        final=draw(st.booleans()),
    )


@given(st.lists(points(), max_size=12))
def test_whatever_is_counted_is_drawn_within_the_picture(counted: list[Point]):
    picture = ET.fromstring(control_chart("c", "Title", "What it shows.", counted))  # noqa: S314 - we wrote it

    texts = [one.text for one in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert picture.find("{http://www.w3.org/2000/svg}title").text == "Title"
    # What is not shown has its sign, and is no nought.
    assert texts.count("*") == sum(point.value is None for point in counted)
    for shape in picture.iter():
        for corner in shape.get("points", "").split():
            x, y = map(float, corner.split(","))
            assert -10 <= x <= 730
            assert -10 <= y <= 310


def test_a_chart_of_markup_is_of_words():
    picture = control_chart(HOSTILE, HOSTILE, HOSTILE, [Point(HOSTILE, 3)])

    assert "<script>" not in picture
    assert ET.fromstring(picture) is not None  # noqa: S314 - we wrote it


def test_no_data_looks_unlike_nought_and_unlike_not_shown():
    place = places_of(["E07000117"])[0]
    nought, hidden, nothing = (
        tile_map("m", "t", "d", [Tile(place, "Burnley", number, signal, known, "/x")])
        for number, signal, known in (("0", "none", True), ("*", None, True), ("no data", None, False))
    )

    assert "url(#no-data)" in nothing
    assert "url(#no-data)" not in nought + hidden
    assert 'aria-label="Burnley no data"' in nothing
    assert 'aria-label="Burnley 0, as expected"' in nought


def test_every_area_has_a_tile_of_its_own_also_one_nobody_has_placed():
    codes = [*DISTRICTS, *(f"X{number}" for number in range(12))]
    places = places_of(codes)

    assert sorted(place.code for place in places) == sorted(codes)
    assert len({(place.column, place.row) for place in places}) == len(codes)
    assert all(0 <= place.column < 5 for place in places)


def test_a_trend_is_for_the_eye_alone():
    assert 'aria-hidden="true"' in sparkline([1, None, 3])
    assert sparkline([1, 2, None, 4, 5]).count("<polyline") == 2
