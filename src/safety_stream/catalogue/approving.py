"""`rules release`: one person's approval of rules as they are now, added to `releases.yaml`.

What somebody approves is what runs, so it is judged as it would run if it were released: the catalogue must be without
errors and within its budget. When the second person has approved a rule its file is copied to `released/`, and the next
who is to approve it reads what has changed since; the copy is believed only as far as its digest is one that was
released.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from pydantic import ValidationError

from safety_stream.catalogue.differing import RuleDifference, difference_in
from safety_stream.catalogue.documents import UnreadableError, parse_document
from safety_stream.catalogue.formats.parts import BECAUSE_MAX, approver_of_text
from safety_stream.catalogue.formats.releases import ApprovalEntry, ReleasesFile
from safety_stream.catalogue.formats.volumes import MeasuredEntry
from safety_stream.catalogue.issues import CatalogueError
from safety_stream.catalogue.loading import Loaded, lint_catalogue, load_volumes, load_whole
from safety_stream.catalogue.releases import (
    FIRST_DIGEST,
    RELEASES,
    approvals_of,
    digest_of,
    is_approved,
    line_digest,
)
from safety_stream.core.rules.rule import Rule

RELEASED: Final = "released"
"""The folder of the files of rules as they were when they were last released."""

_BEGINNING: Final = """\
# Who approved which rule for release: a line for each, added by `safety-stream rules release` and never changed. Each
# carries the digest of the line before. A stable rule that two people have not approved as it is runs on trial.
releases:
"""


class NotReleasable(Exception):
    """Approvals that cannot be given; nothing was written. Each of `reasons` names the rule and the mend."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("; ".join(reasons))


class Approved(msgspec.Struct, frozen=True):
    """A rule with the approvals it has now, what differs from what was last released, and how loud it was.

    `difference` is None where nothing differs or nothing was released; `since` is the version last released, None where
    none was or its copy is not to be had.
    """

    rule: str
    version: int
    digest: str
    runs_as: str
    approved_by: tuple[str, ...]
    since: int | None
    difference: RuleDifference | None
    measured: MeasuredEntry | None


class Approval(msgspec.Struct, frozen=True):
    """What came of it: the rules, the digest of the last line, and how many rules run how."""

    rules: tuple[Approved, ...]
    last_line: str
    stable: int
    on_trial: int


def approve(folder: Path, rules: Sequence[str] | None, by: str, because: str, now: datetime) -> Approval:
    """Add this person's approval of these rules as they are (None: of all that lack it).

    Raises `CatalogueError` when the catalogue has errors, and `NotReleasable`.
    """
    _refuse_words(by, because)
    issues = lint_catalogue(folder)
    if any(issue.severity == "error" for issue in issues):
        raise CatalogueError(issues)
    loaded = load_whole(folder)
    releases = loaded.releases or ReleasesFile(releases=[])
    by_id = {rule.id: rule for rule in loaded.catalogue.rules}
    if rules is None:
        chosen = [one for one in by_id.values() if _objection(loaded, releases, one, by) is None]
    else:
        _refuse(loaded, releases, by_id, rules, by)
        chosen = [by_id[one] for one in dict.fromkeys(rules)]
    _refuse_time(releases, now)
    before = {rule.id: _last_released(folder, releases, rule, loaded) for rule in chosen}
    lines = _lines(releases, chosen, by, because, now)
    if lines:
        _add(folder, releases, lines)
    after = load_whole(folder)
    return _told(folder, after, [rule.id for rule in chosen], before)


def _refuse(loaded: Loaded, releases: ReleasesFile, by_id: dict[str, Rule], rules: Sequence[str], by: str) -> None:
    reasons = []
    for one in dict.fromkeys(rules):
        if one not in by_id:
            reasons.append(f"there is no rule {one}; the rules are {', '.join(sorted(by_id))}")
        elif objection := _objection(loaded, releases, by_id[one], by):
            reasons.append(objection)
    if reasons:
        raise NotReleasable(reasons)


def _objection(loaded: Loaded, releases: ReleasesFile, rule: Rule, by: str) -> str | None:
    """Why this person cannot approve the rule, in words; None if they can."""
    status = loaded.rule_files[rule.id].status
    if status != "stable":
        return f"rule {rule.id} is {status} in its own file: say status: stable there, under a new version"
    if is_approved(releases, rule):
        return f"rule {rule.id}, version {rule.version}, is released and unchanged: there is nothing to approve"
    if any(one.by == by for one in approvals_of(releases, rule)):
        return f"{by} has approved rule {rule.id}, version {rule.version}: now another person must"
    if any(_is_other_content(one, rule) for one in releases.releases):
        return f"version {rule.version} of rule {rule.id} was approved and has changed since: raise its version"
    return None


def _is_other_content(entry: ApprovalEntry, rule: Rule) -> bool:
    return (entry.rule, entry.version) == (rule.id, rule.version) and entry.digest != digest_of(rule)


def _refuse_words(by: str, because: str) -> None:
    try:
        approver_of_text(by)
    except ValueError as error:
        raise NotReleasable([f"--by: {error}"]) from None
    if not 0 < len(because.strip()) <= BECAUSE_MAX:
        raise NotReleasable([f"--because: say in 1 to {BECAUSE_MAX} characters why"])


def _refuse_time(releases: ReleasesFile, now: datetime) -> None:
    if releases.releases and _written(now) < releases.releases[-1].at:
        raise NotReleasable(["the last approval is later than this machine's clock: set the clock"])


def _lines(releases: ReleasesFile, rules: Sequence[Rule], by: str, because: str, now: datetime) -> list[ApprovalEntry]:
    """The lines to add, each with the digest of the one before."""
    after = line_digest(releases.releases[-1]) if releases.releases else FIRST_DIGEST
    lines = []
    for rule in rules:
        said = {"rule": rule.id, "version": rule.version, "digest": digest_of(rule), "by": by}
        lines.append(ApprovalEntry.model_validate({**said, "at": _written(now), "because": because, "after": after}))
        after = line_digest(lines[-1])
    return lines


def _written(now: datetime) -> str:
    return f"{now:%Y-%m-%dT%H:%M:%SZ}"


def _add(folder: Path, releases: ReleasesFile, lines: Sequence[ApprovalEntry]) -> None:
    path = folder / RELEASES
    before = path.read_text(encoding="utf-8") if releases.releases else _BEGINNING
    added = ("" if before.endswith("\n") else "\n") + "".join(f"{_line(one)}\n" for one in lines)
    try:
        said = ReleasesFile.model_validate(parse_document(before + added).value).releases
    except (UnreadableError, ValidationError):
        said = []
    if said != [*releases.releases, *lines]:
        mend = f"use plain words for --because, and leave the lines of {RELEASES} as they were written here"
        raise NotReleasable([f"the approval cannot be added to {RELEASES} so that it reads as it should: {mend}"])
    if releases.releases:
        with path.open("a", encoding="utf-8") as file:
            file.write(added)
    else:
        path.write_text(before + added, encoding="utf-8")


def _line(entry: ApprovalEntry) -> str:
    # A JSON string is a YAML one.
    said = {**entry.model_dump(), "because": json.dumps(entry.because, ensure_ascii=False)}
    return f"  - {{{', '.join(f'{name}: {value}' for name, value in said.items())}}}"


_Before = tuple[int, RuleDifference | None] | None
"""The version last released, and what differs from it."""


def _last_released(folder: Path, releases: ReleasesFile, rule: Rule, loaded: Loaded) -> _Before:
    copy = folder / RELEASED / f"{rule.id}.yaml"
    if not copy.exists():
        return None
    try:
        old = load_whole(folder, instead=copy)
    except CatalogueError:
        # Written in words the catalogue has no longer.
        return None
    was = next(one for one in old.catalogue.rules if one.id == rule.id)
    if not is_approved(releases, was):
        return None
    return was.version, difference_in(rule.id, old, loaded)


def _told(folder: Path, loaded: Loaded, chosen: Sequence[str], before: dict[str, _Before]) -> Approval:
    releases = loaded.releases or ReleasesFile(releases=[])
    volumes = load_volumes(folder)
    measured = {(one.rule, one.version): one for one in (volumes.measured if volumes else ())}
    by_id = {rule.id: rule for rule in loaded.catalogue.rules}
    for rule_id in chosen:
        if is_approved(releases, by_id[rule_id]):
            (folder / RELEASED).mkdir(exist_ok=True)
            shutil.copyfile(folder / "rules" / f"{rule_id}.yaml", folder / RELEASED / f"{rule_id}.yaml")
    approved = []
    for rule_id in chosen:
        rule, (since, difference) = by_id[rule_id], before[rule_id] or (None, None)
        approved.append(
            Approved(
                rule=rule_id,
                version=rule.version,
                digest=digest_of(rule),
                runs_as=rule.status,
                approved_by=tuple(one.by for one in approvals_of(releases, rule)),
                since=since,
                difference=difference,
                measured=measured.get((rule_id, rule.version)),
            )
        )
    statuses = [rule.status for rule in loaded.catalogue.rules]
    last_line = line_digest(releases.releases[-1]) if releases.releases else FIRST_DIGEST
    return Approval(tuple(approved), last_line, statuses.count("stable"), statuses.count("trial"))
