"""The tables that normalising reads: titles, spellings, nicknames, and dates that say nothing (catalogue/tokens).

Two partners get the same tokens of one person only when both normalise alike. So tables have a digest, which the key
file of an epoch names: a changed line is a new digest, and a new digest is a new epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import yaml

from safety_stream.edge.tokens.unusable import BadSetup

FORM: Final = "1"
"""Of the normalising code itself: another number wherever the same text would come out otherwise."""

FILES: Final = ("births.yaml", "nicknames.yaml", "titles.yaml", "variants.yaml")

T = TypeVar("T")


class _Titles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    titles: frozenset[str]
    suffixes: frozenset[str]
    placeholders: frozenset[str]


class _Variants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    letters: dict[str, str]
    forenames: list[list[str]]
    surnames: list[list[str]]
    joined: frozenset[str]
    leading: frozenset[str]
    marks: frozenset[str]
    particles: frozenset[str]


class _Nicknames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    nicknames: dict[str, tuple[str, ...]]


class _Births(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    years_at_most: int
    default_days: frozenset[str]
    default_dates: frozenset[str]
    placeholders: frozenset[str]


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """All tables, looked up by folded text. `digest` is of their files and of the code's `FORM`."""

    digest: str
    letters: Mapping[int, str]
    titles: frozenset[str]
    suffixes: frozenset[str]
    placeholders: frozenset[str]
    forenames: Mapping[str, str]
    surnames: Mapping[str, str]
    joined: frozenset[str]
    leading: frozenset[str]
    marks: frozenset[str]
    particles: frozenset[str]
    nicknames: Mapping[str, tuple[str, ...]]
    years_at_most: int
    default_days: frozenset[str]
    default_dates: frozenset[str]
    no_dates: frozenset[str]


def load_tables(folder: Path) -> Tables:
    """The tables in a folder. Raises `BadSetup` naming the file, and `OSError` when one cannot be read."""
    contents = {name: (folder / name).read_bytes() for name in FILES}
    titles = _read(folder, contents, "titles.yaml", _Titles)
    variants = _read(folder, contents, "variants.yaml", _Variants)
    births = _read(folder, contents, "births.yaml", _Births)
    return Tables(
        digest=_digest(contents.values()),
        letters=str.maketrans(variants.letters),
        titles=titles.titles,
        suffixes=titles.suffixes,
        placeholders=titles.placeholders,
        forenames=_spellings(folder, variants.forenames),
        surnames=_spellings(folder, variants.surnames),
        joined=variants.joined,
        leading=variants.leading,
        marks=variants.marks,
        particles=variants.particles,
        nicknames=_read(folder, contents, "nicknames.yaml", _Nicknames).nicknames,
        years_at_most=births.years_at_most,
        default_days=births.default_days,
        default_dates=births.default_dates,
        no_dates=births.placeholders,
    )


def _read(folder: Path, contents: Mapping[str, bytes], name: str, kind: type[T]) -> T:
    try:
        return msgspec.convert(yaml.safe_load(contents[name]), kind)
    except (yaml.YAMLError, msgspec.ValidationError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise BadSetup(f"{folder / name} is no table of ours ({said}): put the shipped one back, or mend it") from error


def _spellings(folder: Path, groups: Iterable[list[str]]) -> dict[str, str]:
    """What each spelling is taken for: the first of its line."""
    taken: dict[str, str] = {}
    for group in groups:
        for spelling in group:
            if spelling in taken:
                raise BadSetup(f"{folder / 'variants.yaml'}: {spelling} stands twice: leave one out")
            taken[spelling] = group[0]
    return taken


def _digest(contents: Iterable[bytes]) -> str:
    digest = hashlib.sha256(FORM.encode())
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:16]
