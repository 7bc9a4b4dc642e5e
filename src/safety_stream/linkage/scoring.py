"""How probable it is that two tokens are one person's: weighed by splink, which learns without labels (Fellegi-Sunter).

Theory of operation
-------------------
A record of the restricted store has no name and no date, but tokens that are each made of several of them
(`edge/tokens/tokens.py`). So what two records agree in follows from which kinds of token they share:

    kind       surname  forename  birth  postcode          shared by two records, it says
    area          x                 x       x              surname, date and postcode agree
    known-as      x        x        x                      surname, forename or its short form, and date agree
    given                  x        x       x              forename, date and postcode agree: another surname
    order         x        x        x                      the same words, in another order
    swap          x        x       (x)                     day and month in either order
    year, home    x        x      year      x              year of birth, or postcode
    sound        ( )      ( )       x                      surname sounds alike, initial of the forename, date

Each of surname, forename, date of birth and postcode is a *comparison* of splink's, made of these; the verified numbers
and the property are each one more. That a surname, a date or a postcode alone has no token is on purpose: such a token
would give away common surnames by how common they are.

*Pairs.* Two records are looked at when they share any token but a property's, unless more share it than the catalogue
allows. Each pair is looked at once, by the smallest token both have: a row for each token of a record that somebody
else has, and two rows are a pair when it is the same token and the smallest.

*Weights.* How often something agrees of two persons is the catalogue's; it cannot be learned from these tokens, for two
records that agree in one thing alone share none. How many pairs are matches is reckoned from how many share `known-as`.
How often something agrees of one person is learned from the pairs by expectation maximisation, but of numbers: those
are verified. What no pair shows stays as the catalogue has it.

Nothing here is drawn by chance, and one thread adds up in one order: the same store gives the same weights. Tokens are
numbers by the time DuckDB sees them; it works in memory, writes no file and loads nothing from anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker, SettingsCreator

from safety_stream.core.matching import How, Matching, Pair, Part
from safety_stream.linkage.restricted import KINDS, Store

_COLUMNS: Final = {kind: f"t_{kind.replace('-', '_')}" for kind in KINDS}
_NAMED: Final = ("person", "sound", "area", "known-as", "given", "order", "year", "home")
_DATED: Final = ("person", "sound", "area", "known-as")
_PLACED: Final = ("area", "given", "home")
_NUMBERS: Final = ("nhs", "upn", "pnc")

_IS_PAIR: Final = (
    "l.shared = r.shared AND l.record != r.record AND list_min(list_intersect(l.tokens, r.tokens)) = l.shared"
)
"""Of two rows: whether they are of two records, and this is the token by which that pair is looked at."""

_ROUNDS: Final = 200
_CONVERGED: Final = 1e-4


def scored(store: Store, terms: Matching) -> list[Pair]:
    """Every pair of tokens of which any record shares something with another's, by token."""
    names = sorted(store.beside)
    rows = _Rows(names, store, terms.shared_at_most)
    if not rows.have_pairs:
        return []
    with closing(_database()) as database:
        linker = _fitted(database, rows.table(), terms, rows.are_matches(terms.share_name_and_birth))
        found = linker.inference.predict(warning_mode="never").as_record_list()
    pairs = [_pair_of(row, names) for row in found]
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


class _Rows:
    """The records as splink gets them: a row for each token of a record that it shares with another."""

    def __init__(self, names: Sequence[str], store: Store, shared_at_most: int) -> None:
        # By their order and no other: so the same store makes the same rows, in the same order.
        every = {token for beside in store.beside.values() for tokens in beside.values() for token in tokens}
        numbers = {token: number for number, token in enumerate(sorted(every))}
        self._held = [
            {kind: sorted(numbers[token] for token in store.beside[name].get(kind, ())) for kind in KINDS}
            for name in names
        ]
        holders: dict[int, list[int]] = {}
        for record, held in enumerate(self._held):
            for kind, tokens in held.items():
                for token in tokens if kind != "uprn" else ():
                    holders.setdefault(token, []).append(record)
        self._shared: dict[int, list[int]] = {}
        for token, records in sorted(holders.items()):
            if 1 < len(records) <= shared_at_most:
                for record in records:
                    self._shared.setdefault(record, []).append(token)
        self._by_name_and_birth = {
            pair
            for held in self._held
            for token in held["known-as"]
            if len(holders[token]) <= shared_at_most
            for pair in _pairs_in(holders[token])
        }

    @property
    def have_pairs(self) -> bool:
        """Whether any two records share anything."""
        return bool(self._shared)

    def are_matches(self, share_name_and_birth: float) -> float:
        """How probable it is that two records, whichever, are one person's."""
        every = len(self._held) * (len(self._held) - 1) / 2
        # One at the least: where there is none, none is to be found.
        return min(max(len(self._by_name_and_birth), 1) / share_name_and_birth / every, 0.5)

    def table(self) -> pa.Table:
        """The rows."""
        rows = [(record, token, sorted(tokens)) for record, tokens in sorted(self._shared.items()) for token in tokens]
        numbers, lists = pa.int64(), pa.list_(pa.int64())
        columns: dict[str, Any] = {
            "unique_id": pa.array(range(len(rows)), numbers),
            "record": pa.array([record for record, _, _ in rows], numbers),
            "shared": pa.array([token for _, token, _ in rows], numbers),
            "tokens": pa.array([tokens for _, _, tokens in rows], lists),
        }
        for kind, name in _COLUMNS.items():
            columns[name] = pa.array([self._held[record][kind] for record, _, _ in rows], lists)
        return pa.table(columns)


def _pairs_in(records: Sequence[int]) -> Iterator[tuple[int, int]]:
    return ((one, other) for one in records for other in records if one < other)


def _database() -> duckdb.DuckDBPyConnection:
    """A database in memory."""
    return duckdb.connect(
        config={
            "threads": 1,
            "temp_directory": "",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )


def _fitted(database: duckdb.DuckDBPyConnection, table: pa.Table, terms: Matching, are_matches: float) -> Linker:
    """The model, fitted to these rows."""
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="unique_id",
        probability_two_random_records_match=are_matches,
        blocking_rules_to_generate_predictions=[_IS_PAIR],
        comparisons=_comparisons(terms),
        additional_columns_to_retain=["record"],
        max_iterations=_ROUNDS,
        em_convergence=_CONVERGED,
    )
    linker = Linker(DuckDBAPI(database).register(table), settings, log_level=logging.ERROR)
    linker.training.estimate_parameters_using_expectation_maximisation(
        _IS_PAIR, fix_u_probabilities=True, fix_probability_two_random_records_match=True
    )
    return linker


def _comparisons(terms: Matching) -> list[dict[str, Any]]:
    surname = _share("person", "area", "known-as", "order", "swap", "year", "home")
    forename = _share("person", "known-as", "given", "order", "swap", "year", "home")
    birth = _share("person", "sound", "area", "known-as", "given", "order")
    # Where fewer than two of the others agree, no token they could share has the postcode in it.
    is_told = f"CAST({surname} AS INT) + CAST({forename} AS INT) + CAST({birth} AS INT) >= 2"
    return [
        _comparison(terms, "surname", _lacking(_NAMED), {"agree": surname, "alike": _share("sound")}),
        _comparison(terms, "forename", _lacking(_NAMED), {"agree": forename, "alike": _share("sound")}),
        _comparison(
            terms, "birth", _lacking(_DATED), {"agree": birth, "swapped": _share("swap"), "year": _share("year")}
        ),
        _comparison(terms, "postcode", f"{_lacking(_PLACED)} OR NOT ({is_told})", {"agree": _share(*_PLACED)}),
        _comparison(terms, "property", _lacking(("uprn",)), {"agree": _share("uprn")}),
        *(
            _comparison(terms, "number", _lacking((kind,)), {"agree": _share(kind)}, named=kind, is_fitted=False)
            for kind in _NUMBERS
        ),
    ]


def _comparison(
    terms: Matching, part: Part, unknown: str, levels: Mapping[How, str], *, named: str = "", is_fitted: bool = True
) -> dict[str, Any]:
    """A comparison of splink's: of its levels the first that holds, by name."""
    often = {how: terms.agreeing[part, how] for how in levels}
    differ = {
        "two_persons": 1 - sum(one.two_persons for one in often.values()),
        "one_person": 1 - sum(one.one_person for one in often.values()),
    }
    return {
        "output_column_name": named or part,
        "comparison_levels": [
            {"sql_condition": unknown, "label_for_charts": "unknown", "is_null_level": True},
            *(
                _level(sql, how, often[how].two_persons, often[how].one_person, is_fitted=is_fitted)
                for how, sql in levels.items()
            ),
            _level("ELSE", "differ", differ["two_persons"], differ["one_person"], is_fitted=is_fitted),
        ],
    }


def _level(sql: str, how: How, two_persons: float, one_person: float, *, is_fitted: bool) -> dict[str, Any]:
    return {
        "sql_condition": sql,
        "label_for_charts": how,
        "u_probability": two_persons,
        "m_probability": one_person,
        "fix_m_probability": not is_fitted,
    }


def _share(*kinds: str) -> str:
    """That two records have a token of one of these kinds in common."""
    return "(" + " OR ".join(f"list_has_any({_COLUMNS[one]}_l, {_COLUMNS[one]}_r)" for one in kinds) + ")"


def _lacking(kinds: Sequence[str]) -> str:
    """That either record has none of these kinds."""
    sides = (" AND ".join(f"len({_COLUMNS[one]}_{side}) = 0" for one in kinds) for side in "lr")
    return " OR ".join(f"({one})" for one in sides)


_HOWS: Final[Mapping[str, tuple[How, ...]]] = {
    "surname": ("differ", "alike", "agree"),
    "forename": ("differ", "alike", "agree"),
    "birth": ("differ", "year", "swapped", "agree"),
}
"""What splink's numbers of levels mean: the last level is 0, and -1 that it is not known."""

_EITHER: Final[tuple[How, ...]] = ("differ", "agree")


def _pair_of(row: Mapping[str, Any], names: Sequence[str]) -> Pair:
    first, second = sorted((names[row["record_l"]], names[row["record_r"]]))
    numbers = (_how(row, kind) for kind in _NUMBERS)
    return Pair(
        first=first,
        second=second,
        probability=row["match_probability"],
        weight=row["match_weight"],
        surname=_how(row, "surname"),
        forename=_how(row, "forename"),
        birth=_how(row, "birth"),
        postcode=_how(row, "postcode"),
        property=_how(row, "property"),
        numbers=tuple(how for how in numbers if how != "unknown"),
    )


def _how(row: Mapping[str, Any], comparison: str) -> How:
    level = row[f"gamma_{comparison}"]
    return "unknown" if level < 0 else _HOWS.get(comparison, _EITHER)[level]
