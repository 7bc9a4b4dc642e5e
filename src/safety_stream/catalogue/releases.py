"""Who approved which rule for release (`releases.yaml`), and what runs on trial for want of it.

Theory of operation
-------------------
Two people approve a rule before anybody but its owner hears what it finds (domain.md 8). Each approval is a line, of a
version of a rule and of the digest of what runs under it; a rule is released when two people have approved its very
version and digest. So whatever changes in it later, be it under the same version, was approved by nobody: the rule runs
on trial, and so does whatever rests on it. That is a warning, for the catalogue means something, only not what its
author may have hoped for.

Lines are added and never changed. Each carries the digest of the line before, so an earlier one that was altered, taken
out or put in shows; that is an error, for then nobody knows what was approved. Of the last line only its own digest
tells, which `rules release` prints; and who may write the file can write all of it anew: version control says who did.

A catalogue without the file has no releases, and a rule's own status is all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

import msgspec

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.releases import ApprovalEntry, ReleasesFile
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.rule_reading import ReadRule
from safety_stream.core.rules.chains import rests_anywhere_on
from safety_stream.core.rules.rule import Rule

RELEASES: Final = "releases.yaml"

PEOPLE: Final = 2
"""So many must approve (domain.md 8, two-person approval). Here and not in the catalogue, so that no rule's author can
do with one."""

FIRST_DIGEST: Final = "0" * 64
"""What the first line names as the one before it."""


def digest_of(rule: Rule) -> str:
    """The digest of what runs: all of a rule but its version, which an approval names itself, and its status.

    What has its default is left out, so that a rule stays what it was when there is more that rules can say.
    """
    said = _plain(msgspec.structs.replace(rule, version=1, status="stable"))
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def line_digest(entry: ApprovalEntry) -> str:
    """The digest of a line, which the next one carries."""
    return hashlib.sha256(json.dumps(entry.model_dump(), sort_keys=True).encode()).hexdigest()


def approvals_of(releases: ReleasesFile, rule: Rule) -> tuple[ApprovalEntry, ...]:
    """The approvals of a rule as it is, in order: of its very version and digest."""
    wanted = rule.id, rule.version, digest_of(rule)
    return tuple(one for one in releases.releases if (one.rule, one.version, one.digest) == wanted)


def is_approved(releases: ReleasesFile, rule: Rule) -> bool:
    """Whether enough people have approved the rule as it is."""
    return len({one.by for one in approvals_of(releases, rule)}) >= PEOPLE


def read_releases(files: Files) -> tuple[Place, ReleasesFile] | None:
    """Who approved what; None when there is no such file, or one not of its format."""
    path = files.folder / RELEASES
    # A link that leads nowhere is no catalogue without releases.
    return files.read(path, ReleasesFile) if path.exists() or path.is_symlink() else None


def check_releases(files: Files, at: Place, releases: ReleasesFile, rules: Mapping[str, ReadRule]) -> None:
    """That the lines are those that were added, in order, and of rules and versions that were."""
    before, time = FIRST_DIGEST, ""
    seen: set[tuple[str, int, str, str]] = set()
    for index, entry in enumerate(releases.releases):
        where: Where = ("releases", index)
        if entry.after != before:
            what = "the line above is not the one after which this was added"
            at.error((*where, "after"), what, "a line was altered, taken out or put in: restore the file as it was")
        if entry.at < time:
            at.error((*where, "at"), "the time is before that of the line above", "add lines, and put none in between")
        approval = entry.rule, entry.version, entry.digest, entry.by
        if approval in seen:
            what = f"one person approves version {entry.version} of {entry.rule} twice"
            at.error((*where, "by"), what, "somebody else must approve it")
        _check_version(files, at, where, entry, rules)
        seen.add(approval)
        before, time = line_digest(entry), entry.at


def _check_version(files: Files, at: Place, where: Where, entry: ApprovalEntry, rules: Mapping[str, ReadRule]) -> None:
    if not (files.folder / "rules" / f"{entry.rule}.yaml").exists():
        at.error(
            (*where, "rule"), f"rule {entry.rule} is approved and is no rule", "keep its file, with status: retired"
        )
    elif entry.rule in rules and entry.version > rules[entry.rule].rule.version:
        what = f"version {entry.version} of {entry.rule} is approved and never was"
        at.error((*where, "version"), what, "a version never falls: raise the one in the rule's file")


def on_trial(at: Place, releases: ReleasesFile, rules: Mapping[str, ReadRule]) -> frozenset[str]:
    """The stable rules that run on trial for want of approvals; warnings say what is missing."""
    stable = {rule_id: read for rule_id, read in rules.items() if read.rule.status == "stable"}
    found = {rule_id for rule_id, read in stable.items() if not is_approved(releases, read.rule)}
    _warn_of(at, releases, {rule_id: stable[rule_id] for rule_id in sorted(found)})
    # Whatever rests on it may say what it finds.
    while resting := {
        one: beneath for one in stable.keys() - found if (beneath := rests_anywhere_on(stable[one].rule) & found)
    }:
        for rule_id, beneath in resting.items():
            what = f"rule {rule_id} runs on trial, as {min(beneath)} does, on which it rests"
            stable[rule_id].at.warning(("status",), what, f"release {min(beneath)}")
        found |= resting.keys()
    return frozenset(found)


def _warn_of(at: Place, releases: ReleasesFile, found: Mapping[str, ReadRule]) -> None:
    """Warn of each rule, but once of all that were never approved in any version: the file was begun without them."""
    never = found.keys() - {one.rule for one in releases.releases}
    if len(never) > 1:
        what = f"{len(never)} stable rules run on trial: nobody has ever approved them ({min(never)} is the first)"
        at.warning(("releases",), what, f"let {PEOPLE} people run {_RELEASE} --all {_REASONED}")
        found = {rule_id: read for rule_id, read in found.items() if rule_id not in never}
    for rule_id, read in found.items():
        what, mend = _missing(releases, read.rule)
        read.at.warning(("status",), f"rule {rule_id} runs on trial: {what}", mend)


_RELEASE: Final = "safety-stream rules release"
_REASONED: Final = "--by WHO --because TEXT"


def _missing(releases: ReleasesFile, rule: Rule) -> tuple[str, str]:
    mend = f"run {_RELEASE} {rule.id} {_REASONED}"
    approved = approvals_of(releases, rule)
    if approved:
        return f"{len(approved)} of {PEOPLE} people have approved version {rule.version}", f"let another person {mend}"
    if any((one.rule, one.version) == (rule.id, rule.version) for one in releases.releases):
        what = f"what was approved as version {rule.version} is not what it says now"
        return what, f"raise its version, then {mend}"
    return f"nobody has approved version {rule.version}", mend


def _plain(value: object) -> object:
    """A value as JSON can say it, the same for the same; a structure by its name and what is not its default."""
    if isinstance(value, msgspec.Struct):
        return {"": type(value).__name__} | {
            field.name: _plain(getattr(value, field.name))
            for field in msgspec.structs.fields(value)
            if getattr(value, field.name) != _default(field)
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _default(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
