"""Key files: who may read them, which keys are refused, and how one epoch follows another."""

import base64
import json
import stat
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.tokens.making import KEY, OTHER_KEY

from safety_stream.edge.tokens.keys import (
    DEVELOPMENT_KEY,
    KeyRing,
    development_ring,
    new_ring,
    read_keys,
    rotated,
    write_keys,
)
from safety_stream.edge.tokens.unusable import BadSetup

DAY = date(2026, 1, 10)
TABLES = "0123456789abcdef"


def written(folder: Path, *epochs: dict[str, Any], mode: int = 0o600) -> Path:
    path = folder / "keys.json"
    path.write_text(json.dumps({"epochs": list(epochs)}), encoding="utf-8")
    path.chmod(mode)
    return path


def epoch(name: str = "e1", *, begins: str = "2026-01-01", until: str | None = None, **keys: bytes) -> dict[str, Any]:
    texts = {purpose: base64.b64encode(key).decode() for purpose, key in (keys or {"safeguarding": KEY}).items()}
    return {"epoch": name, "begins": begins, "until": until, "tables": TABLES, "keys": texts}


def names(ring: KeyRing, day: date) -> list[str]:
    return [one.epoch for one in ring.in_use("safeguarding", day)]


def test_what_was_written_is_read_and_is_its_owners_alone(tmp_path: Path):
    ring = new_ring("e1", ["safeguarding", "violence"], TABLES, DAY)
    write_keys(tmp_path / "keys.json", ring, is_new=True)

    assert read_keys(tmp_path / "keys.json") == ring
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path):
    write_keys(tmp_path / "keys.json", new_ring("e1", ["safeguarding"], TABLES, DAY), is_new=True)

    with pytest.raises(FileExistsError):
        write_keys(tmp_path / "keys.json", new_ring("e1", ["safeguarding"], TABLES, DAY), is_new=True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o610])
def test_a_file_others_may_open_is_refused(tmp_path: Path, mode: int):
    with pytest.raises(BadSetup, match="chmod 600"):
        read_keys(written(tmp_path, epoch(), mode=mode))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (b"", "shorter"),
        (KEY[:31], "shorter"),
        (bytes(32), "pattern"),
        (bytes(range(32)), "pattern"),
        (b"\xf0\x9a" * 16, "pattern"),
        (KEY[:16] * 2, "pattern"),
        (b"correct horse battery staple, four times over", "text"),
        (DEVELOPMENT_KEY, "development key"),
    ],
    ids=["none", "short", "zeros", "steps", "two bytes", "twice the same", "a sentence", "development"],
)
def test_a_weak_key_is_refused_and_not_repeated(tmp_path: Path, key: bytes, said: str):
    with pytest.raises(BadSetup, match=said) as fault:
        read_keys(written(tmp_path, epoch(safeguarding=key)))

    assert len(key) < 8 or base64.b64encode(key).decode()[:8] not in str(fault.value)


@given(st.integers(0, 2**64))
def test_no_random_key_is_called_weak(seed: int):
    from hashlib import sha256

    from safety_stream.edge.tokens.keys import _weakness

    assert not _weakness(sha256(seed.to_bytes(9, "big")).digest(), is_development=False)


def test_the_development_key_is_taken_in_development_only(tmp_path: Path):
    path = written(tmp_path, epoch("dev", safeguarding=DEVELOPMENT_KEY))

    assert read_keys(path, is_development=True).epochs[0].epoch == "dev"
    with pytest.raises(BadSetup):
        read_keys(path)
    assert development_ring("safeguarding", TABLES).epochs[0].keys["safeguarding"] == DEVELOPMENT_KEY


def test_one_key_for_two_purposes_would_join_them(tmp_path: Path):
    with pytest.raises(BadSetup, match="there twice"):
        read_keys(written(tmp_path, epoch(safeguarding=KEY, violence=KEY)))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"epochs": 1}', '{"epochs": [{}]}', '{"epochs": []}', '{"epochs": [{"epoch": "e1", "keys": 3}]}'],
)
def test_what_is_no_key_file_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "keys.json"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)

    with pytest.raises(BadSetup):
        read_keys(path)


@pytest.mark.parametrize(
    "epochs",
    [
        [epoch("E1")],
        [epoch("e1"), epoch("e2", begins="2026-02-01", safeguarding=OTHER_KEY)],
        [epoch("e1", until="2026-03-01")],
        [epoch("e1", until="2026-03-01"), epoch("e1", begins="2026-02-01", safeguarding=OTHER_KEY)],
        [epoch("e2", begins="2026-02-01", until="2026-03-01"), epoch("e1", safeguarding=OTHER_KEY)],
        [epoch(**{"Mrs Smith": KEY})],
    ],
    ids=["a name", "two without an end", "the last with an end", "one name twice", "out of order", "a purpose"],
)
def test_epochs_that_make_no_sense_are_refused(tmp_path: Path, epochs: list[dict[str, Any]]):
    with pytest.raises(BadSetup):
        read_keys(written(tmp_path, *epochs))


def test_a_key_that_is_not_base64_is_not_repeated(tmp_path: Path):
    one = epoch()
    one["keys"]["safeguarding"] = "s3cret-pass-phrase!"

    with pytest.raises(BadSetup) as fault:
        read_keys(written(tmp_path, one))
    assert "s3cret" not in str(fault.value)
    assert fault.value.__cause__ is None


def test_both_epochs_are_in_use_until_the_overlap_ends():
    #          e1 begins      e2 begins       overlap ends
    # ---------|10 Jan--------|1 Feb----------|3 Mar-----
    ring = rotated(new_ring("e1", ["safeguarding"], TABLES, DAY), "e2", TABLES, date(2026, 2, 1), timedelta(days=30))

    assert names(ring, date(2026, 1, 31)) == ["e1"]
    assert names(ring, date(2026, 2, 1)) == ["e2", "e1"]
    assert names(ring, date(2026, 3, 2)) == ["e2", "e1"]
    assert names(ring, date(2026, 3, 3)) == ["e2"]
    assert ring.epochs[0].keys != ring.epochs[1].keys


def test_a_key_whose_overlap_is_over_leaves_the_file():
    ring = new_ring("e1", ["safeguarding"], TABLES, DAY)
    for month, name in ((2, "e2"), (4, "e3"), (6, "e4")):
        ring = rotated(ring, name, TABLES, date(2026, month, 1), timedelta(days=30))

    assert [one.epoch for one in ring.epochs] == ["e3", "e4"]


def test_without_an_overlap_the_old_key_is_gone_at_once():
    ring = rotated(new_ring("e1", ["safeguarding"], TABLES, DAY), "e2", TABLES, date(2026, 2, 1), timedelta())

    assert [one.epoch for one in ring.epochs] == ["e2"]


def test_before_any_epoch_has_begun_nothing_is_made():
    with pytest.raises(BadSetup, match="has begun"):
        new_ring("e1", ["safeguarding"], TABLES, DAY).in_use("safeguarding", date(2026, 1, 9))


def test_a_purpose_there_is_no_key_for_makes_nothing():
    with pytest.raises(BadSetup, match="it has safeguarding"):
        new_ring("e1", ["safeguarding"], TABLES, DAY).in_use("violence", DAY)


def test_rotating_twice_on_a_day_is_refused():
    with pytest.raises(BadSetup, match="a later day"):
        rotated(new_ring("e1", ["safeguarding"], TABLES, DAY), "e2", TABLES, DAY, timedelta(days=30))
