"""A file of the catalogue as a place where issues are found, and the checks that need nothing but the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pydantic import BaseModel

from safety_stream.catalogue.documents import Document, Where
from safety_stream.catalogue.issues import Issue, Severity
from safety_stream.catalogue.refusals import Mistake, nearest_to, refusal_of

ISSUES_MAX = 100
"""Of one file so many are told: whoever mends them may ask again."""

DECLARED: Final = {
    "agreement": "sign one in policy/agreements.yaml",
    "area": "declare areas in areas/",
    "audience": "declare audiences in audiences/audiences.yaml",
    "calendar": "put one into calendars/",
    "category": "declare categories in categories.yaml",
    "fact": "declare facts in facts.yaml",
    "family": "declare families of categories in categories.yaml",
    "feed": "declare feeds in sources.yaml",
    "indicator": "declare indicators in indicators/",
    "judged indicator": "say in signals.yaml which indicators are judged",
    "kind": "declare kinds under their source in sources.yaml",
    "organisation": "declare organisations with their source in sources.yaml",
    "rule": "put rules into rules/",
    "source": "declare sources in sources.yaml",
    "step": "name steps under select",
    "theme": "declare themes under categories in categories.yaml",
}
"""By what a name is of, where such names are declared."""


class Place:
    """A file in which issues are found."""

    def __init__(self, issues: set[Issue], file: str, document: Document | None) -> None:
        self._issues = issues
        self._told = 0
        self._file = file
        self._document = document
        # The names that were listed, each with the line for which; and by what is unknown on a line, its mend.
        self._listed: dict[frozenset[str], int] = {}
        self._mends: dict[tuple[int, str], str] = {}

    @property
    def is_sound(self) -> bool:
        """Whether no error has been found in the file so far."""
        return not any(issue.file == self._file and issue.severity == "error" for issue in self._issues)

    def line_of(self, where: Where) -> int:
        """The line of the value at `where`."""
        return 1 if self._document is None else self._document.line_of(where)

    def error(self, where: Where, what: str, mend: str) -> None:
        """Something without which the catalogue cannot be meant."""
        self.add("error", self.line_of(where), what, mend)

    def warning(self, where: Where, what: str, mend: str) -> None:
        """Something that runs but can hardly be meant."""
        self.add("warning", self.line_of(where), what, mend)

    def notice(self, where: Where, what: str, mend: str) -> None:
        """Something to know and to do in time: nothing is wrong."""
        self.add("info", self.line_of(where), what, mend)

    def add(self, severity: Severity, line: int, what: str, mend: str) -> None:
        """An issue on a line. Beyond so many of one file only that there are more."""
        if self._told == ISSUES_MAX:
            # As an error: what is not told may be one.
            self._issues.add(Issue(self._file, line, "error", "there are more issues in this file", "mend these first"))
        if self._told < ISSUES_MAX:
            self._issues.add(Issue(self._file, line, severity, what, mend))
        self._told += 1

    def refuse(self, mistake: Mistake, model: type[BaseModel]) -> None:
        """What a format refused. Its path also names branches of unions, which no line of the file has."""
        lines = self._document.lines if self._document else {}
        where: Where = ()
        for step in mistake.loc:
            if (*where, step) in lines:
                where = (*where, step)
        name = ".".join(str(step) for step in where) or "the file"
        what, mend = refusal_of(mistake, model)
        self.error(where, f"{name}: {what}", mend)

    def know(self, where: Where, what: str, name: str, known: Iterable[str] | None, otherwise: str = "") -> None:
        """Tell of a name that is not among the known, with the nearest of them; None where nobody knows them.

        All of them are listed once in a file, however often one is missed. `otherwise` is what may be done about it
        instead, if anything.
        """
        if known is not None and name not in (names := frozenset(known)):
            told = f"unknown {what} {name}"
            # One mistake is one issue, however often it is come upon.
            on_line = (self.line_of(where), told)
            if on_line not in self._mends:
                self._mends[on_line] = "; ".join(self._ways(what, name, names, on_line[0], otherwise))
            self.error(where, told, self._mends[on_line])

    def _ways(self, what: str, name: str, names: frozenset[str], line: int, otherwise: str) -> Iterator[str]:
        nearest = nearest_to(name, names)
        if nearest:
            yield f"nearest is {nearest}"
        if not names:
            yield "there is none yet" if otherwise or what not in DECLARED else f"there is none yet: {DECLARED[what]}"
        elif names not in self._listed:
            self._listed[names] = line
            yield f"use one of {listing(names)}"
        elif not nearest:
            yield f"use one of those listed for line {self._listed[names]}"
        if otherwise:
            yield f"or {otherwise}"

    def refuse_repeats(self, list_name: str, ids: Sequence[str], what: str = "id") -> None:
        """Tell of what stands in a list of the file twice."""
        for index, one in enumerate(ids):
            if one in ids[:index]:
                self.error((list_name, index, what), f"{what} {one} is there already", "rename one of them")

    def check_days(self, where: Where, valid_from: int | None, valid_to: int | None) -> None:
        """Tell of a stretch of days that ends before it begins."""
        if valid_from is not None and valid_to is not None and valid_to <= valid_from:
            self.error((*where, "valid_to"), "valid_to is not after valid_from", "valid_to is the first day after")


def listing(names: Iterable[str]) -> str:
    """Names as a mend lists them."""
    return ", ".join(sorted(names)) or "nothing: there is none"
