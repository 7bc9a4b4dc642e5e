"""A file of the catalogue as a place where issues are found, and the checks that need nothing but the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pydantic import BaseModel

from safety_stream.catalogue.documents import Document, Where
from safety_stream.catalogue.issues import Issue, Severity

ISSUES_MAX = 100
"""Of one file so many are told: whoever mends them may ask again."""


class Place:
    """A file in which issues are found."""

    def __init__(self, issues: set[Issue], file: str, document: Document | None) -> None:
        self._issues = issues
        self._told = 0
        self._file = file
        self._document = document

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

    def refuse(self, loc: Where, kind: str, message: str, model: type[BaseModel]) -> None:
        """What a format refused. Its path also names branches of unions, which no line of the file has."""
        lines = self._document.lines if self._document else {}
        where: Where = ()
        for step in loc:
            if (*where, step) in lines:
                where = (*where, step)
        name = ".".join(str(step) for step in where) or "the file"
        if kind == "missing":
            self.error(where, f"{name}: the key {loc[-1]} is missing", "add it")
        elif kind == "extra_forbidden":
            self.error(where, f"{name}: unknown key", "leave it out, or mend its spelling")
        else:
            self.error(where, f"{name}: {message.removeprefix('Value error, ')}", f"see {_page_of(model)}")

    def know(self, where: Where, what: str, name: str, known: Iterable[str] | None, otherwise: str = "") -> None:
        """Tell of a name that is not among the known, with the nearest of them; None where nobody knows them.

        `otherwise` is what may be done about it instead, if anything.
        """
        if known is not None and name not in (names := frozenset(known)):
            mend = f"use one of {listing(names)}"
            for nearest in get_close_matches(name, sorted(names), n=1):
                mend += f"; nearest is {nearest}"
            self.error(where, f"unknown {what} {name}", f"{mend}; or {otherwise}" if otherwise else mend)

    def refuse_repeats(self, list_name: str, ids: Sequence[str], what: str = "id") -> None:
        """Tell of what stands in a list of the file twice."""
        for index, one in enumerate(ids):
            if one in ids[:index]:
                self.error((list_name, index, what), f"{what} {one} is there already", "rename one of them")

    def check_days(self, where: Where, valid_from: int | None, valid_to: int | None) -> None:
        """Tell of a stretch of days that ends before it begins."""
        if valid_from is not None and valid_to is not None and valid_to <= valid_from:
            self.error((*where, "valid_to"), "valid_to is not after valid_from", "valid_to is the first day after")


def _page_of(model: type[BaseModel]) -> str:
    """Where people read what a format asks for: a page, if there is one."""
    if model.__module__.endswith(".formats.rules"):
        return "docs/rules.md, The fields of a rule"
    file = model.__module__.removeprefix("safety_stream.").replace(".", "/")
    return f"{model.__name__} in {file}.py"


def listing(names: Iterable[str]) -> str:
    """Names as a mend lists them."""
    return ", ".join(sorted(names)) or "nothing: there is none"
