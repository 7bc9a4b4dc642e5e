"""What a rule says it may be run for, held against what was agreed and granted: `lawful`, the agreements, the policy.

An alert is told for a purpose of its rule or not at all (`core/policy.py`), so a rule that names a purpose nobody
agreed to, or an audience that is granted nothing for any of its purposes, would run and be told to nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

from safety_stream.catalogue.formats.rules import BareRuleFile, PriorityEntry
from safety_stream.catalogue.places import Place, listing
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.model.findings import Priority

_TIERS: Final = get_args(Priority)
_AGREE: Final = "have an agreement name it in policy/agreements.yaml"
_GRANT: Final = "add a grant for such a purpose to policy/policy.yaml"


def check_lawful(at: Place, model: BareRuleFile, vocabulary: Vocabulary) -> None:
    """Tell of purposes and bases no agreement has, and of audiences that are granted nothing for them."""
    agreements = vocabulary.sharing.agreements
    if model.lawful is None or not agreements:
        return
    agreed = {purpose for one in agreements for purpose in one.purposes}
    bases: set[str] = {basis for one in agreements for basis in one.bases}
    for index, purpose in enumerate(model.lawful.purposes):
        at.know(("lawful", "purposes", index), "purpose", purpose, agreed, _AGREE)
    for index, basis in enumerate(model.lawful.bases):
        at.know(("lawful", "bases", index), "legal basis", basis, bases, _AGREE)
    if agreed.issuperset(model.lawful.purposes):
        _check_grants(at, model, model.lawful.purposes, vocabulary)


def _check_grants(at: Place, model: BareRuleFile, purposes: list[str], vocabulary: Vocabulary) -> None:
    known = vocabulary.audiences or {}
    granted = granted_for(purposes, vocabulary) or frozenset()
    for index, audience in enumerate(model.audience):
        if audience in known and audience not in granted:
            what = f"nothing is granted to audience {audience} for {listing(purposes)}: it hears nothing of this rule"
            at.error(("audience", index), what, f"{_GRANT}, or leave the audience out")
    reached = priorities_of(model.priority)
    for name, rung in known.items():
        climbs_to = rung.hears == "escalated" and model.family in rung.families and reached & set(rung.priorities)
        if climbs_to and name not in granted:
            what = f"nothing is granted to {name} for {listing(purposes)}: what goes up the ladder is not told there"
            at.warning(("lawful", "purposes"), what, _GRANT)


def granted_for(purposes: Sequence[str], vocabulary: Vocabulary) -> frozenset[str] | None:
    """Who is granted anything for one of these purposes; None where nothing is agreed, and nobody needs a grant."""
    if not vocabulary.sharing.agreements:
        return None
    return frozenset(grant.subscriber for grant in vocabulary.sharing.grants if grant.purpose in purposes)


def priorities_of(priority: PriorityEntry) -> set[str]:
    """The priorities a finding of the rule can have, quiet ones aside."""
    tiers = [_TIERS.index(one) for one in (priority.base, *priority.by_count.values())]
    raised = bool(priority.raise_when) + priority.child_raises
    return {_TIERS[max(tier - step, 0)] for tier in tiers for step in range(raised + 1)}
