"""The file of partners: every issue at once, two keys each, and a change that counts within seconds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from safety_stream.catalogue.issues import CatalogueError
from safety_stream.edge.canonical import instant_of
from safety_stream.edge.gateway.partners import BEGIN, PartnersOnDisk, read_partners
from safety_stream.keyring import LOOK_SECONDS, NewKey, digest_of, is_owner, new_key, owner_of

SOURCES = ("council-asb", "housing", "police-incidents")
NOON = instant_of("2026-03-02T12:00:00Z")
KEY, OTHER = new_key(BEGIN, "council"), new_key(BEGIN, "council")


def line(key: NewKey, expires: str = "2026-06-30") -> str:
    return f"{{prefix: {key.prefix}, sha256: {key.sha256}, expires: {expires}}}"


def written(path: Path, *keys: str, sources: str = "council-asb, housing") -> Path:
    path.write_text(
        f"partners:\n  - id: council\n    sources: [{sources}]\n    keys: [{', '.join(keys)}]\n", encoding="utf-8"
    )
    return path


def test_a_key_is_made_once_and_kept_as_a_digest():
    assert (owner_of(BEGIN, KEY.key), digest_of(KEY.key)) == ("council", KEY.sha256)
    assert KEY.key.startswith(KEY.prefix)
    assert len(KEY.key) - len(KEY.prefix) == 39
    assert KEY != OTHER
    assert [is_owner(one) for one in ("council", "a-b", "A", "a_b", "a-", "")] == [True, True, *[False] * 4]
    assert owner_of("csf_", KEY.key) is None
    assert [owner_of(BEGIN, one) for one in ("", "csp_", "csp_council_x", KEY.key + "=", "x" + KEY.key)] == [None] * 5


def test_a_file_says_who_may_send(tmp_path: Path):
    known = read_partners(written(tmp_path / "partners.yaml", line(KEY), line(OTHER, "2026-03-01")), SOURCES)

    caller = known.by_key(KEY.key, NOON)
    assert caller is not None
    assert (caller.partner, sorted(caller.sources), caller.per_minute) == ("council", ["council-asb", "housing"], 6_000)
    assert known.by_key(OTHER.key, NOON) is None
    assert known.by_key(OTHER.key, instant_of("2026-03-01T23:59:59Z")) is not None
    assert known.by_key(new_key(BEGIN, "council").key, NOON) is None
    assert known.by_key(new_key(BEGIN, "nobody").key, NOON) is None


FAULTY = f"""\
partners:
  - id: council
    sources: [council-asb, nowhere]
    keys:
      - {line(KEY)}
      - {line(KEY)}
    client_id: c
  - id: council
    sources: [council-asb]
    client_id: c
  - id: police
    sources: [police-incidents]
    keys: [{line(OTHER)}]
"""


def test_every_issue_is_told_with_its_line(tmp_path: Path):
    path = tmp_path / "partners.yaml"
    path.write_text(FAULTY, encoding="utf-8")
    with pytest.raises(CatalogueError) as told:
        read_partners(path, SOURCES)

    assert {(one.line, one.what) for one in told.value.issues} == {
        (3, "unknown source nowhere"),
        (6, "the key is there already"),
        (7, "nobody issues tokens"),
        (8, "id council is there already"),
        (10, "another partner is this client"),
        (10, "nobody issues tokens"),
        (13, "the key is somebody else's"),
    }


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "partners"),
        ("partners: []\n", "partners"),
        (f"partners: [{{id: a, sources: [housing], keys: [{line(KEY)}, {line(KEY)}, {line(KEY)}]}}]\n", "at most 2"),
        (f"partners: [{{id: a, sources: [housing], keys: [{line(KEY, '30 June')}]}}]\n", "2027-03-31"),
        ("partners: [{id: a_b, sources: [housing]}]\n", "pattern"),
        ("partners: [{id: a, sources: []}]\n", "at least 1"),
        ("partners: [{id: a, sources: [housing], key: x}]\n", "unknown key"),
        (
            "issuer: {url: 'http://a', audience: b, jwks: 'https://a/k'}\npartners: [{id: a, sources: [housing]}]",
            "issuer",
        ),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str, what: str):
    path = tmp_path / "partners.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match=what):
        read_partners(path, SOURCES)


def test_two_partners_have_no_source_in_common(tmp_path: Path):
    path = tmp_path / "partners.yaml"
    path.write_text("partners:\n  - {id: a, sources: [housing]}\n  - {id: b, sources: [housing]}\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"partners\.yaml:3: error: housing is another partner's"):
        read_partners(path, SOURCES)


def test_a_change_counts_within_seconds_and_one_with_issues_not_at_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    seconds = 0.0
    path = written(tmp_path / "partners.yaml", line(KEY))
    known = PartnersOnDisk(path, SOURCES, lambda: seconds)

    def lets_in(key: str) -> bool:
        return known.now().by_key(key, NOON) is not None

    written(path, line(OTHER))
    os.utime(path, ns=(1, 1))
    assert [lets_in(one.key) for one in (KEY, OTHER)] == [True, False]
    seconds += LOOK_SECONDS
    assert [lets_in(one.key) for one in (KEY, OTHER)] == [False, True]

    written(path, line(KEY), sources="nowhere")
    seconds += LOOK_SECONDS
    assert [lets_in(one.key) for one in (KEY, OTHER)] == [False, True]
    assert "unknown source nowhere" in caplog.text
    path.unlink()
    seconds += LOOK_SECONDS
    assert lets_in(OTHER.key)
