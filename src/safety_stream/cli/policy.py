"""`policy`: who is told what of an alert, under which agreement, and how two policies differ."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from safety_stream.catalogue.policy import ALERT_FIELDS, ALWAYS_TOLD, RENEW, sensitivities
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    epilog,
    out,
    print_json,
    print_table,
    wall,
)
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.times import Day, day_of, to_date, to_day
from safety_stream.core.policy import Reason, differences, endings, explain

app = typer.Typer(no_args_is_help=True, help="Say who is told what of an alert, and under which agreement.")

OnDay = Annotated[str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="As it is on that day. Default: today.")]


@app.command(
    "explain",
    epilog=epilog(
        "safety-stream policy explain asb-lead subject",
        {0: "it is told", 1: "there is no such subscriber or field", 2: "it is not told"},
    ),
)
def explain_command(
    subscriber: Annotated[str, typer.Argument(help="An audience, as `policy matrix` names it.")],
    field: Annotated[str, typer.Argument(help="A field of an alert.")],
    day: OnDay = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Say whether a subscriber is told a field, by which grant, for what, on which basis and until when, or why not."""
    known, asked = catalogue_of(catalogue, None), _day(day)
    _know("subscriber", subscriber, [one.id for one in known.audiences])
    _know("field", field, ALERT_FIELDS)
    reasons = list(explain(known.sharing, subscriber, field, asked))
    is_told, kept = any(one.gives for one in reasons), sensitivities().get(field, "none")
    if as_json:
        print_json(
            {
                "subscriber": subscriber,
                "field": field,
                "sensitivity": kept,
                "told": is_told,
                "grants": [_reason_as_json(one) for one in reasons],
            }
        )
    else:
        verb = "is told" if is_told else "is not told"
        out.print(f"On {to_date(asked)} {subscriber} {verb} {field} (sensitivity: {kept}).", markup=False)
        for one in reasons:
            out.print(f"  {_in_words(one)}", markup=False)
        if not reasons:
            out.print(f"  Nothing is granted to {subscriber} at all.", markup=False)
    raise typer.Exit(OK if is_told else TO_DO)


@app.command(
    "diff",
    epilog=epilog(
        "safety-stream policy diff catalogue-of-last-year catalogue",
        {0: "the two say the same", 1: "one of them has errors", 2: "they differ"},
    ),
)
def diff_command(
    old: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A catalogue's folder.")],
    new: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Another's.")],
    as_json: Json = False,
) -> None:
    """Say how two catalogues differ in what is told to whom; first, marked, what somebody would be told anew."""
    found = differences(catalogue_of(old, None).sharing, catalogue_of(new, None).sharing)
    found.sort(key=lambda one: not one.widens)
    if as_json:
        for one in found:
            print_json({"what": one.what, "old": one.old, "new": one.new, "widens": one.widens})
    elif found:
        print_table(
            ("", "what", "old", "new"),
            [("more" if one.widens else "", one.what, one.old or "-", one.new or "-") for one in found],
        )
    else:
        out.print("Both tell everybody the same, under the same agreements.")
    raise typer.Exit(TO_DO if found else OK)


@app.command(
    "expiring",
    epilog=epilog(
        "safety-stream policy expiring --within 30",
        {0: "nobody is left without", 1: "the catalogue has errors", 2: "somebody hears nothing or less: renew it"},
    ),
)
def expiring_command(
    within: Annotated[
        int | None,
        typer.Option("--within", min=0, metavar="DAYS", help="What ends within so many days. Default: the policy's."),
    ] = None,
    day: OnDay = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Name the agreements that have ended or soon do, and who then hears nothing, or less, as no other takes over."""
    known, asked = catalogue_of(catalogue, None), _day(day)
    days = known.sharing.warn_days if within is None else within
    if days is None:
        raise Wrong("the policy does not say how long before an end to warn: give --within, or add `renewal` to it")
    found = endings(known.sharing, asked, days)
    if as_json:
        for one in found:
            print_json(
                {
                    "agreement": one.agreement.id,
                    "reference": one.agreement.reference,
                    "ends": str(to_date(one.agreement.valid_to)),
                    "days_left": one.days_left,
                    "hear_nothing": one.silenced,
                    "hear_less": one.narrowed,
                }
            )
    elif found:
        print_table(
            ("agreement", "ends", "days left", "hear nothing then", "hear less then"),
            [
                (
                    one.agreement.id,
                    to_date(one.agreement.valid_to),
                    max(one.days_left, 0) or "ended",
                    ", ".join(one.silenced),
                    ", ".join(one.narrowed),
                )
                for one in found
            ],
        )
        out.print(f"Mend: {RENEW}.", markup=False)
    else:
        out.print(f"Nobody is left without an agreement within {days} days.", markup=False)
    raise typer.Exit(TO_DO if found else OK)


@app.command(
    "matrix",
    epilog=epilog("safety-stream policy matrix --day 2026-04-01", {0: "printed", 1: "the catalogue has errors"}),
)
def matrix_command(day: OnDay = None, catalogue: CatalogueFolder = None, as_json: Json = False) -> None:
    """Show every field of an alert against every subscriber, and by which grant it is told."""
    known, asked = catalogue_of(catalogue, None), _day(day)
    names, fields = [one.id for one in known.audiences], sorted(ALERT_FIELDS)
    if as_json:
        for field in fields:
            told = {name: _granted_by(known, name, field, asked) for name in names}
            print_json({"field": field, "sensitivity": sensitivities().get(field, "none"), "told": told})
        return
    print_table(
        ("field", "sensitivity", *names),
        [
            (
                field,
                sensitivities().get(field, "none"),
                *("yes" if _granted_by(known, name, field, asked) else "" for name in names),
            )
            for field in fields
        ],
    )
    out.print(f"Whoever is told of an alert at all is told {', '.join(sorted(ALWAYS_TOLD))}.")


def _granted_by(known: Catalogue, subscriber: str, field: str, day: Day) -> list[str]:
    return [one.grant.id for one in explain(known.sharing, subscriber, field, day) if one.gives]


def _reason_as_json(one: Reason) -> dict[str, object]:
    grant = one.grant
    return {
        "grant": grant.id,
        "gives": one.gives,
        "why": one.why,
        "party": grant.party,
        "purpose": grant.purpose,
        "legal_basis": grant.basis,
        "areas": grant.areas,
        "handling": grant.handling,
        "agreement": grant.agreement.id,
        "reference": grant.agreement.reference,
        "valid_from": str(to_date(grant.agreement.valid_from)),
        "valid_to": str(to_date(grant.agreement.valid_to)),
    }


def _in_words(one: Reason) -> str:
    agreement = one.grant.agreement
    if not one.gives:
        return f"Grant {one.grant.id}: {one.why}."
    where = f" in {', '.join(one.grant.areas)}" if one.grant.areas else ""
    return (
        f"Grant {one.grant.id}: {one.why}{where}, to {one.grant.party}, "
        f"under agreement {agreement.id} ({agreement.reference}), until {to_date(agreement.valid_to)}."
    )


def _know(what: str, name: str, known: list[str] | frozenset[str]) -> None:
    if name not in known:
        raise Wrong(f"there is no {what} {name}: use one of {', '.join(sorted(known))}")


def _day(text: str | None) -> Day:
    if text is None:
        return day_of(wall())
    try:
        return to_day(date.fromisoformat(text))
    except ValueError:
        raise Wrong(f"--day {text}: a day is written 2026-01-31") from None
