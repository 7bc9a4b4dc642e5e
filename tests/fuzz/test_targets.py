"""Everything that is fuzzed takes its seeds, what was found once, and both of them damaged."""

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.edge.entries import Entry
from safety_stream.edge.formats import FORMATS

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "fuzz"))

from targets import TARGETS  # noqa: E402 - scripts, and no package

SEEDS = {name: list(target.seeds()) for name, target in TARGETS.items()}

every_target = pytest.mark.parametrize("name", TARGETS)


@every_target
def test_what_is_good_and_what_left_it_once_is_a_value_or_refused(name: str):
    left_it_once = [path.read_bytes() for path in sorted((ROOT / "fuzz" / "found" / name).glob("*"))]
    assert SEEDS[name]
    for raw in SEEDS[name] + left_it_once:
        TARGETS[name].take(raw)


@pytest.mark.parametrize("name", FORMATS)
def test_of_the_seeds_of_each_format_there_are_reports(name: str):
    found = [one for raw in SEEDS[f"file-{name}"] for one in FORMATS[name](io.BytesIO(raw), None)]

    assert any(isinstance(one, Entry) for one in found)


@every_target
@given(data=st.data())
def test_whatever_is_damaged_is_a_value_or_refused(name: str, data: st.DataObject):
    raw = bytearray(data.draw(st.sampled_from(SEEDS[name]))[:20_000])
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, max(len(raw) - 1, 0)))
        raw[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=6))
    TARGETS[name].take(bytes(raw))
