"""Rows `tokens`, `tokens-linking` and `tokens-file`: what making persons' tokens costs a partner.

    row_tokens.py party|linking|file

*party* makes what goes into reports: one token of a person. *linking* makes the secondary and weak ones too. *file* is
the first from rows of CSV to written lines. Beside each stands what the same number of tokens costs in a plain loop of
`hmac.digest` over sixty bytes in the same process: what no code around it can save. Names repeat as names do, few often
and many seldom; nobody is real, and there is no broker.
"""

from __future__ import annotations

import hmac
import io
import sys
import time
from datetime import date
from random import Random

import msgspec
from measured import Stopwatch, profile_if_asked, tell

from safety_stream.data_files import catalogue_folder
from safety_stream.edge.tokens.files import Said, Workshop, each_made, normalisers_for, rows_of
from safety_stream.edge.tokens.keys import development_ring
from safety_stream.edge.tokens.tables import load_tables
from safety_stream.edge.tokens.tokens import Minter

_PERSONS = 100_000
_SURNAMES = 4_000
_FORENAMES = 600
_SYLLABLES = ("ba", "ro", "mi", "tan", "ver", "lo", "ke", "shi", "dun", "far", "wen", "hol")
_PURPOSE = "safeguarding"


def main(what: str) -> None:
    """Measure one of the rows."""
    tables = load_tables(catalogue_folder() / "tokens")
    epochs = development_ring(_PURPOSE, tables.digest).epochs
    normalisers = normalisers_for(epochs, [tables], date(2026, 1, 1), for_linking=what == "linking")
    workshop, encode, watch = Workshop(normalisers, epochs, _PURPOSE), msgspec.json.Encoder().encode, Stopwatch()
    rows = rows_of(io.StringIO(_file(Random(1))), "csv", {})
    minter, (normaliser,) = Minter(epochs[0], _PURPOSE), normalisers.values()
    tokens = 0
    if what == "file":
        profile_if_asked()
        watch.begin()
        for made in each_made(rows, workshop, _refused):
            tokens += len(encode(made.report)) > 0
    else:
        persons = [row.person for row in rows if not isinstance(row, Said)]
        profile_if_asked()
        watch.begin()
        for person in persons:
            made_of = minter.tokens(normaliser.claims(person))
            tokens += (made_of.primary is not None) + len(made_of.secondary) + len(made_of.weak)
    watch.end()
    result = watch.result(_PERSONS, tokens=tokens)
    plain = _plain_seconds(tokens)
    tell(result | {"plain_cpu_seconds": plain, "times_plain": float(str(result["cpu_seconds"])) / plain})


def _file(chance: Random) -> str:
    surnames, forenames = _names(chance, _SURNAMES, 3), _names(chance, _FORENAMES, 2)
    lines = ["surname,forename,born,sex,postcode,reference"]
    for number in range(_PERSONS):
        forename = forenames[int(_FORENAMES * chance.random() ** 2)]
        if chance.random() < 0.3:
            forename += f" {chance.choice(forenames)}"
        born = f"{chance.randint(1930, 2020)}-{chance.randint(1, 12):02}-{chance.randint(2, 28):02}"
        outward = f"BB{chance.randint(1, 20)} {chance.randint(1, 9)}AA"
        surname = surnames[int(_SURNAMES * chance.random() ** 2)]
        lines.append(f"{surname},{forename},{born},{chance.choice('MF')},{outward},R-{number}")
    return "\n".join(lines) + "\n"


def _names(chance: Random, count: int, syllables: int) -> list[str]:
    return ["".join(chance.choices(_SYLLABLES, k=syllables)).title() for _ in range(count)]


def _refused(said: Said) -> None:
    raise AssertionError(said.reason)


def _plain_seconds(tokens: int) -> float:
    key, message = bytes(range(32)), bytes(60)
    began = time.process_time()
    for _ in range(tokens):
        hmac.digest(key, message, "sha256").hex()
    return time.process_time() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
