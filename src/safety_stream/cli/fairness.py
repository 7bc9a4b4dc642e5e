"""`rules fairness`: are a rule's alerts spread over the districts as their residents are?"""

from __future__ import annotations

from safety_stream.catalogue.fairness import Fairness, fairness
from safety_stream.cli.backtest import Against, Rules, chosen
from safety_stream.cli.history import read_history, tally
from safety_stream.cli.terminal import (
    AreasFile,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    epilog,
    out,
    print_json,
    print_table,
)

EPILOG = epilog(
    "safety-stream rules fairness rv-graded --against reports.jsonl.gz",
    {0: "done", 1: "there is no such rule, residents are unknown, or a file could not be read"},
)

_MEANING = (
    "Expected: with one rate for all residents, and the counts chance alone keeps to in 19 of 20 districts. "
    "Outside is a question, not a verdict: more may happen there, or more of it be reported; visitors are no residents."
)


def fairness_command(
    against: Against,
    rules: Rules = None,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Tell how the alerts of each rule on a history are spread over the districts, per 1,000 residents.

    Live rules only, each alert counted once, in the district where it was first raised.
    """
    known = catalogue_of(catalogue, areas)
    live = chosen(known, rules or [])
    history = read_history(against, known)
    span = history.span
    alerts = tally(known, live, history).alerts
    try:
        found = [fairness(rule.id, rule.version, alerts[rule.id].values(), known.areas) for rule in live]
    except ValueError as error:
        raise Wrong(str(error)) from None
    if as_json:
        print_json({"history": span, "rejects": len(history.rejects), "rules": found})
        return
    out.print(span.in_words, markup=False)
    print_table(_SUMMARY, [_summary(one) for one in found], title=" ")
    if len(found) == 1:
        _print_districts(found[0])
    out.print(f"\n{_MEANING}", markup=False)


_SUMMARY = (
    "rule",
    "version",
    "alerts",
    "elsewhere",
    "highest per 1,000",
    "lowest per 1,000",
    "ratio",
    "outside chance",
)


def _summary(one: Fairness) -> tuple[object, ...]:
    if not one.alerts:
        return (one.rule, one.version, 0, one.elsewhere, "", "", "", "")
    highest, lowest = one.districts[0], one.districts[-1]
    return (
        one.rule,
        one.version,
        one.alerts,
        one.elsewhere,
        f"{highest.per_1000} {highest.district}",
        f"{lowest.per_1000} {lowest.district}",
        one.ratio,
        f"{len(one.outside)} of {len(one.districts)}",
    )


def _print_districts(one: Fairness) -> None:
    print_table(
        ("district", "residents", "alerts", "per 1,000", "expected", "by chance", ""),
        [
            (
                share.district,
                f"{share.residents:,}",
                share.alerts,
                share.per_1000,
                share.expected,
                f"{share.low} to {share.high}",
                "outside" if share.is_outside else "",
            )
            for share in one.districts
        ],
        title=" ",
    )
