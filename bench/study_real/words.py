"""The sentences of the page that hold figures: each is written from its tables, so that none can grow old.

What a sentence concludes was read off the run; a test on the files' own figures would need the files.
"""

from __future__ import annotations

from bench.study.report import Rows
from bench.study_real.alarms import WINDOWS
from bench.study_real.judging import ALPHA, FEW, Q

Cell = str | int | float | None


def sentences(every: dict[str, Rows]) -> dict[str, str]:
    """Sentences by the name of their place, for the tables there are."""
    found: dict[str, str] = {}
    if "real alarms" in every and "real nothing" in every:
        found["real alarms"] = _alarms(every)
    if "real periods" in every:
        found["real closing"] = _closing(every)
    if "real put in" in every:
        found["real recombined"] = _recombined(every)
    if "real street alarms" in every:
        found["real streets"] = _streets(every)
    if "real levels" in every:
        found["real levels"] = _levels(every)
    return found


def _alarms(every: dict[str, Rows]) -> str:
    series = sum(int(row["series"] or 0) for row in every["real sizes"])
    alone, together = (_row(every, "real alarms", judged=name) for name in ("alone", "together"))
    chance, chance_together = (_row(every, "real nothing", judged=name) for name in ("alone", "together"))
    few = f"on {FEW} or fewer"
    return _lines(
        f"{series} series a week at {ALPHA} mean {series * ALPHA:.2f} alarms by chance alone. "
        f"Alone it is {alone['p']}, and {chance['p']} in weeks dealt anew, where nothing happens at all (second "
        "table): most alarms of a plain threshold are the price of watching so many series.",
        f"{alone[f'p: {few}']} % of them rest on {FEW} events or fewer. "
        f"With the minimum-count rule {alone[f'p, rule: {few}']} % do, and {alone['p, rule']} alarms a week are left.",
        f"Benjamini and Hochberg's procedure without the rule makes it worse: {alone[f'BH: {few}']} % of its alarms "
        f"rest on so few, since the smallest p-values are those of series in which next to nothing ever happened. "
        f"After the rule it leaves {alone['BH, rule']} a week; where nothing happens {chance['BH, rule']}, each of "
        "them false.",
        f"Together there are {together['p, rule']} a week with the rule and {together['BH, rule']} with both "
        f"({chance_together['BH, rule']} where nothing happens): here more is left than chance explains.",
    )


def _closing(every: dict[str, Rows]) -> str:
    none, first, whole = WINDOWS
    after = "after June 2021"

    def of(period: str, window: str) -> dict[str, Cell]:
        return _row(every, "real periods", period=period, baselines=window)

    closed = of("first closing", none)
    return _lines(
        f"In the first closing the city had {closed['observed, % of expected']} % of what was expected. Nothing here "
        f"watches for falls; what is left are {closed['alone: p, rule']} alarms a week instead of "
        f"{of('before the closing', none)['alone: p, rule']}.",
        "The fear was that low weeks in the baselines would make a return to normal an alarm. That did not happen: "
        f"{after} there were {of(after, none)['alone: p, rule']} a week with nothing left out, and the city had "
        f"{of(after, none)['observed, % of expected']} % of what was expected.",
        f"Leaving weeks out is no mend here. With the first closing left out the city had "
        f"{of(after, first)['observed, % of expected']} % of what was expected, with all until June 2021 left out "
        f"{of(after, whole)['observed, % of expected']} %: the trend of the years before is drawn on over the gap, to "
        f"a level the city did not come back to, and the detector is half blind "
        f"({of(after, whole)['alone: p, rule']} alarms a week). A window must be short; when the level has changed for "
        "good, no window helps.",
    )


def _recombined(every: dict[str, Rows]) -> str:
    def put(weeks: str, judged: str) -> dict[str, Cell]:
        return _row(every, "real put in", weeks=weeks, judged=judged)

    def found(judged: str, way: str) -> dict[str, Cell]:
        return _row(every, "real moved", judged=judged, alarms=way)

    real, dealt = "as they were", "dealt anew"
    least = _row(every, "real found", judged="together, two weeks", **{"events a week": "0 to 0.25"})
    return _lines(
        f"Dealt anew, every alarm is false: {put(dealt, 'alone')['FPR']} % of weeks alone and "
        f"{put(dealt, 'together')['FPR']} % together, with the rule, where {100 * ALPHA} % are meant. In the real "
        f"weeks it is {put(real, 'alone')['FPR']} and {put(real, 'together')['FPR']} %; the difference is what really "
        "happened and what a model does not know.",
        f"At 1 % alarms in the real weeks, {put(real, 'alone')['POD at 1.0%']} % of the outbreaks put in are found "
        f"alone, {put(real, 'alone, two weeks')['POD at 1.0%']} % by two weeks, {put(real, 'together')['POD at 1.0%']} "
        f"% together and {put(real, 'together, two weeks')['POD at 1.0%']} % by two weeks together. Where all is known "
        f"(dealt anew) it is {put(dealt, 'told the truth')['POD at 1.0%']} and "
        f"{put(dealt, 'told the truth, two weeks')['POD at 1.0%']} % for whoever is told the truth: the count rule and "
        "sparse series set the limit, not the model.",
        f"Under the same rule Bayes 2, with one year of memory, finds {put(real, 'Bayes 2')['POD at 1.0%']} % and EARS "
        f"C2 {put(real, 'EARS C2')['POD at 1.0%']} %. Where a series has an event a week or less and neither season "
        "nor trend to speak of, five years know hardly more than one.",
        f"In series below a quarter of an event a week an outbreak of ten standard deviations is "
        f"{least['cases, k = 10']} cases, and {least['k = 10']} % are found: districts are too small for such "
        "categories; watch them over larger areas.",
        f"Of the {found('alone', 'p')['outbreaks']} moved outbreaks {found('alone', 'p, rule')['POD']} % are found "
        f"alone and {found('together', 'p, rule')['POD']} % together, with the rule; "
        f"{found('alone', 'p, rule')['false alarms']} and {found('together', 'p, rule')['false alarms']} % of all "
        "alarms are false. Most moved outbreaks are a single week, since single weeks were looked for; two weeks come "
        "off badly here and nowhere else.",
        f"The stated share of false alarms, {100 * Q:.0f} %, is kept together, where all p-values are compared: "
        f"{found('together', 'BH')['false alarms']} % of {found('together', 'BH')['a week']} alarms a week, which is "
        "too few to be sure. It is not if the count rule chooses first whose p-values are "
        f"compared ({found('alone', 'BH, rule')['false alarms']} % alone, "
        f"{found('together', 'BH, rule')['false alarms']} % together), since it chooses by the very count that is "
        "judged.",
    )


def _streets(every: dict[str, Rows]) -> str:
    district, msoa, lsoa = every["real street alarms"]
    least = f"on {FEW} or fewer, %"
    return _lines(
        f"By district {district['alarms']} of {district['series']} series would be an alarm in the last July, by MSOA "
        f"{msoa['alarms']} of {msoa['series']}, by LSOA {lsoa['alarms']} of {lsoa['series']}, where chance means "
        f"{district['alarms meant by chance']}, {msoa['alarms meant by chance']} and "
        f"{lsoa['alarms meant by chance']}. By LSOA {lsoa[least]} % rest on {FEW} events or fewer.",
        "Between the first two Julys the counts of districts vary "
        f"{district['variance / mean of the first two']} times as much as chance would have it, those of LSOAs "
        f"{lsoa['variance / mean of the first two']} times: whole categories grow or shrink, for whatever reason of "
        "crime or recording, and the data of a month cannot tell which. Month-only data are for pictures and shares; "
        "nothing of them may raise an alert.",
    )


def _levels(every: dict[str, Rows]) -> str:
    total, violence, burglary = (_row(every, "real levels", category=name) for name in ("all", "violence", "burglary"))
    return _lines(
        f"The county's total for the year is {total['generated / recorded']} times what was recorded. It does not take "
        "its categories from that year but from the year to September 2024, by one level for all: recorded violence "
        f"has risen since ({violence['generated / recorded']} times) and burglary fallen "
        f"({burglary['generated / recorded']} times).",
        f"What is declared for violence comes to {violence['declared']} in that year and what is generated to "
        f"{violence['generated']}, since the seven day factors of its shape are more than 1 on average. "
        "Both are left as they are: every volume measured so far rests on them.",
    )


def _row(every: dict[str, Rows], table: str, **where: str) -> dict[str, Cell]:
    """The one row of a table in which these columns say so."""
    return next(row for row in every[table] if all(row[head] == cell for head, cell in where.items()))


def _lines(*paragraphs: str) -> str:
    """A numbered list."""
    return "".join(f"{number}. {text}\n" for number, text in enumerate(paragraphs, 1))
