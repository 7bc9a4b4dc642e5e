"""No mistake that can be told of a catalogue goes without a bad file: each place that tells one is seen to do so.

The places are read from the source, so a new one is missed here until a test of a module named in `runs` spoils a file
for it. Their tests are run once more, with an eye on who tells what.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import pytest
from hypothesis import is_hypothesis_test
from tests.catalogue import (
    test_agreements,
    test_backtesting,
    test_consulting,
    test_delivering,
    test_extracts,
    test_handling,
    test_hostile,
    test_judging,
    test_lint,
    test_matching,
    test_near_repeats,
    test_oversight,
    test_policy,
    test_proofs,
    test_releases,
    test_retention,
    test_signals,
)
from tests.catalogue.copying import copied, with_more_rules

from safety_stream import catalogue
from safety_stream.catalogue import documents, places

TELLS = {"error", "warning", "add", "refuse"}
Place = tuple[str, int]


def modules() -> list[ModuleType]:
    """All that read a catalogue."""
    names = (found.name for found in iter_modules(catalogue.__path__, prefix=f"{catalogue.__name__}."))
    return [import_module(name) for name in names]


def told_at(module: ModuleType) -> Iterator[tuple[Place, range, str]]:
    """Every call of a module that tells an issue: where it is, the lines it takes, and how it reads."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and is_telling(node.func):
            text = " ".join(ast.get_source_segment(source, node).split())
            yield (module.__name__, node.lineno), range(node.lineno, node.end_lineno + 1), text


def is_telling(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute):
        return (
            called.attr in TELLS and isinstance(called.value, ast.Name) and called.value.id in {"at", "table", "self"}
        )
    return isinstance(called, ast.Name) and called.id in {"Issue", "UnreadableError"}


def runs() -> Iterator[tuple[Callable[..., None], dict[str, object], Callable[[Path], Path]]]:
    """Every test that spoils a folder at most, with each set of its parameters, and what makes its folder.

    What spoils it at random is left out: it may tell anything.
    """
    makers = (
        (test_lint, with_more_rules),
        (test_hostile, test_hostile.small_catalogue),
        (test_backtesting, copied),
        (test_agreements, copied),
        (test_judging, copied),
        (test_signals, copied),
        (test_extracts, copied),
        (test_handling, copied),
        (test_delivering, copied),
        (test_consulting, copied),
        (test_matching, copied),
        (test_near_repeats, copied),
        (test_oversight, copied),
        (test_policy, copied),
        (test_proofs, copied),
        (test_releases, test_releases.two_rules),
        (test_retention, copied),
    )
    for module, make in makers:
        for name, test in vars(module).items():
            if name.startswith("test_") and inspect.isfunction(test) and not is_hypothesis_test(test):
                for values in parameters(test):
                    if inspect.signature(test).parameters.keys() - values.keys() <= {"folder", "monkeypatch"}:
                        yield test, values, make


def parameters(test: Callable[..., None]) -> list[dict[str, object]]:
    for mark in getattr(test, "pytestmark", ()):
        if mark.name == "parametrize":
            names, sets = mark.args
            return [{names: one} if isinstance(names, str) else dict(zip(names, one, strict=True)) for one in sets]
    return [{}]


@pytest.mark.slow
def test_every_place_that_tells_an_issue_is_seen_to_tell_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: set[Place] = set()

    def watch(owner: object, name: str) -> None:
        tell = getattr(owner, name)

        def watched(*arguments: object, **named: object):
            frame = sys._getframe(1)
            seen.add((frame.f_globals["__name__"], frame.f_lineno))
            return tell(*arguments, **named)

        monkeypatch.setattr(owner, name, watched)

    for name in TELLS:
        watch(places.Place, name)
    watch(places, "Issue")
    watch(documents.UnreadableError, "__init__")
    for number, (test, values, make) in enumerate(runs()):
        wanted = inspect.signature(test).parameters.keys()
        fixtures = {"folder": make(tmp_path / str(number))} if "folder" in wanted else {}
        with pytest.MonkeyPatch.context() as patch:
            test(**values, **fixtures, **({"monkeypatch": patch} if "monkeypatch" in wanted else {}))

    told = [place for module in modules() for place in told_at(module)]
    assert len(told) > 70
    assert [text for (module, _), lines, text in told if not any((module, line) in seen for line in lines)] == []
