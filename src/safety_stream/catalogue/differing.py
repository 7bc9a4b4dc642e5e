"""What differs between the rules of two catalogues, in the words in which each is explained.

Two people approve a release, and this is what they read. Whatever runs may change only under a new version: the version
is on every finding, and whoever looks at one later must be able to tell by which wording it was made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from safety_stream.catalogue.explaining import Explanation, explained
from safety_stream.catalogue.loading import Loaded, load_whole
from safety_stream.catalogue.releases import digest_of
from safety_stream.core.rules.rule import Rule

Told = tuple[str, str]
"""A heading and a sentence under it."""


class RuleDifference(msgspec.Struct, frozen=True):
    """How a rule differs: versions before and after, and the sentences about it that have gone and come.

    `lacks_version`: what runs is another and the version is not, or the version has fallen.
    """

    rule: str
    change: Literal["added", "removed", "changed"]
    before: int | None
    after: int | None
    lacks_version: bool
    gone: tuple[Told, ...]
    come: tuple[Told, ...]


def diff_rules(base: Path, folder: Path) -> list[RuleDifference]:
    """What the rules in `folder` differ in from those in `base`, by rule; rules that are the same are left out.

    Raises `CatalogueError` when either catalogue has errors.
    """
    old, new = _by_id(load_whole(base)), _by_id(load_whole(folder))
    found = [_difference(rule, old.get(rule), new.get(rule)) for rule in sorted(old.keys() | new.keys())]
    return [one for one in found if one is not None]


def difference_in(rule: str, base: Loaded, loaded: Loaded) -> RuleDifference | None:
    """What one rule differs in from what it is in another catalogue; None where it does not."""
    return _difference(rule, _by_id(base).get(rule), _by_id(loaded).get(rule))


_Known = tuple[Rule, Explanation]


def _by_id(loaded: Loaded) -> dict[str, _Known]:
    catalogue, files = loaded.catalogue, loaded.rule_files
    return {rule.id: (rule, explained(rule, files[rule.id], catalogue)) for rule in catalogue.rules}


def _difference(rule: str, old: _Known | None, new: _Known | None) -> RuleDifference | None:
    if old is None or new is None:
        return RuleDifference(
            rule=rule,
            change="added" if old is None else "removed",
            before=old[0].version if old else None,
            after=new[0].version if new else None,
            lacks_version=False,
            gone=_told(old[1]) if old else (),
            come=_told(new[1]) if new else (),
        )
    before, after = _told(old[1]), _told(new[1])
    if old[0] == new[0] and before == after:
        return None
    fell = new[0].version < old[0].version
    runs_the_same = old[0].status == new[0].status and digest_of(old[0]) == digest_of(new[0])
    return RuleDifference(
        rule=rule,
        change="changed",
        before=old[0].version,
        after=new[0].version,
        lacks_version=fell or (new[0].version == old[0].version and not runs_the_same),
        gone=tuple(one for one in before if one not in after),
        come=tuple(one for one in after if one not in before),
    )


def _told(explanation: Explanation) -> tuple[Told, ...]:
    sentences = [(section.heading, sentence) for section in explanation.sections for sentence in section.sentences]
    head = [("Title", explanation.title), ("Status", explanation.status), ("Family", explanation.family)]
    return (*head, *sentences)
