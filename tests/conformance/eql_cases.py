"""Cases that can be said in EQL and in our rules, and what our rules find in them.

A sequence of EQL is an `ordered` condition, and its join an `all_of`; `by` a field is a rule on that key, and `by` a
field of each step's own is a rule on key `person` whose steps ask for roles; `until` is `none_of` or a fresh start.

Their words and ours part in one thing above all. EQL's engine is a machine that keeps one partial sequence per key and
step, and **consumes** it: what has moved on or completed is gone, and what would need it again finds nothing. A rule of
ours is a function of the timeline: whatever ends a chain is a finding. With `fork=true` on every step but the first EQL
consumes nothing, and both must say the same. Without it they do where no two of our chains share an event
(`shares_nothing`). Its join forgets everything once it has completed, and has no time limit; ours is begun anew to
match (`in_rounds`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.incidents import Role
from safety_stream.core.model.reports import Report, ReportedParty
from safety_stream.core.model.times import MINUTE
from safety_stream.replay import Arrival, Pipeline, Result
from safety_stream.wire.reports import encode_report

CATALOGUE = Path(__file__).parents[2] / "examples" / "conformance" / "catalogue"
KINDS = ("loss", "assault", "noise")
CLOSING = "visit"
BEGINS = 1_770_000_000_000
LONG = 9_999
"""Minutes no case lasts: where EQL has no `maxspan`."""

Event = tuple[int, str, dict[str, str]]
"""Milliseconds, type, and the tokens by field: victim, suspect, vehicle, phone, group."""

Found = tuple[int, ...]
"""The events of a sequence, in order of time: the last completes it."""


@dataclass(frozen=True)
class Case:
    """A query and the rule that says the same, and the events both are held to."""

    name: str
    query: str
    key: str
    select: dict[str, str]
    condition: str
    events: Sequence[Event]

    @property
    def rule(self) -> str:
        steps = "".join(f"  {step}: {selector}\n" for step, selector in self.select.items())
        return f"id: a-rule\nkey: {self.key}\nselect:\n{steps}condition: {self.condition}\n"

    def ours(self, folder: Path, events: Sequence[Event] | None = None) -> list[Found]:
        """What our rule finds, through the whole pipeline; of these events instead, if given."""
        (folder / "a-rule.yaml").write_text(self.rule)
        known = load_catalogue(CATALOGUE, rules=folder)
        numbers: dict[str, str] = {}
        result = Result()
        told = list(enumerate(self.events if events is None else events))
        for number, _ in told:
            numbers[incident_id("watch", str(number))] = str(number)
        for _ in Pipeline(known, result.take).run(list(_arrivals(told))):
            pass
        assert result.dead_letters == []
        times = [at for _, (at, _, _) in told]
        found = [tuple(sorted(map(int, one.contributing), key=times.__getitem__)) for one in result.standing(numbers)]
        assert all(one[-1] == int(two.completed_by) for one, two in zip(found, result.standing(numbers), strict=True))
        return sorted(found)


def _arrivals(told: Sequence[tuple[int, Event]]) -> Iterator[Arrival]:
    received_at = 0
    for number, (at, kind, tokens) in told:
        received_at = max(received_at, BEGINS + at)
        roles: tuple[Role, ...] = ("victim", "suspect")
        report = Report(
            source="watch",
            source_ref=str(number),
            source_version=1,
            action="new",
            kind=kind,
            category="contact",
            occurred_from=BEGINS + at,
            reported_at=BEGINS + at,
            parties=tuple(ReportedParty(role=role, token=tokens[role]) for role in roles if role in tokens),
            vehicles=tuple(tokens[name] for name in ("vehicle",) if name in tokens),
            phones=tuple(tokens[name] for name in ("phone",) if name in tokens),
            group=tokens.get("group"),
        )
        yield Arrival("backfill.watch", encode_report(report), received_at)


# --- generated --------------------------------------------------------------------------------------------------------


def some_events(random: Random, kinds: Sequence[str], fields: Sequence[str], number: int) -> list[Event]:
    """Events a minute or two apart, so that spans of whole minutes are often met to the millisecond."""
    at, events = 0, []
    for _ in range(number):
        at += random.choice((1, 1, 1, 2)) * MINUTE + random.choice((0, 0, 0, 1))
        events.append((at, random.choice(kinds), {name: random.choice(("tok-a", "tok-b")) for name in fields}))
    return events


def a_sequence(seed: int, *, fork: bool) -> Case:
    """`sequence by KEY with maxspan [A] [B] ... until [C]`."""
    random = Random(seed)
    steps = [random.choice(KINDS) for _ in range(random.choice((2, 2, 3, 4)))]
    key = random.choice(("victim", "suspect", "vehicle", "phone", "group"))
    within = random.choice((3, 6, 12, LONG))
    until = random.random() < 0.5
    terms = "".join(
        f" [{kind} where true]{' fork=true' if fork and position else ''}" for position, kind in enumerate(steps)
    )
    span = f" with maxspan={within}m" if within != LONG else ""
    kinds = [*KINDS, *((CLOSING,) if until else ())]
    return Case(
        name=f"sequence-{seed}",
        query=f"sequence by {key}{span}{terms}{f' until [{CLOSING} where true]' if until else ''}",
        key=key,
        select={kind: f"{{kind: {kind}}}" for kind in (*steps, *((CLOSING,) if until else ()))},
        condition=f"{{type: ordered, steps: [{', '.join(steps)}], within: {within} minutes"
        f"{f', none_of: [{CLOSING}]' if until else ''}}}",
        events=some_events(random, kinds, [key], random.randint(8, 24)),
    )


def a_sequence_through_roles(seed: int) -> Case:
    """`sequence [A] by suspect [B] by victim`: steps bound by different fields."""
    random = Random(seed)
    steps = [(random.choice(KINDS[:2]), random.choice(("victim", "suspect"))) for _ in range(random.randint(2, 3))]
    within = random.choice((3, 6, 12))
    terms = "".join(
        f" [{kind} where true]{' fork=true' if position else ''} by {role}"
        for position, (kind, role) in enumerate(steps)
    )
    names = [f"{kind}_{role}" for kind, role in steps]
    return Case(
        name=f"roles-{seed}",
        query=f"sequence with maxspan={within}m{terms}",
        key="person",
        select={f"{kind}_{role}": f"{{kind: {kind}, role: {role}}}" for kind, role in steps},
        condition=f"{{type: ordered, steps: [{', '.join(names)}], within: {within} minutes}}",
        events=some_events(random, KINDS[:2], ["victim", "suspect"], random.randint(6, 16)),
    )


def a_join(seed: int) -> Case:
    """`join by KEY [A] [B] until [C]`: each of different steps, in any order."""
    random = Random(seed)
    steps = random.sample(KINDS, random.choice((2, 3)))
    key = random.choice(("victim", "vehicle", "phone"))
    until = random.random() < 0.5
    kinds = [*KINDS, *((CLOSING,) if until else ())]
    terms = "".join(f" [{kind} where true]" for kind in steps)
    return Case(
        name=f"join-{seed}",
        query=f"join by {key}{terms}{f' until [{CLOSING} where true]' if until else ''}",
        key=key,
        select={kind: f"{{kind: {kind}}}" for kind in steps},
        condition=f"{{type: all_of, steps: [{', '.join(steps)}], within: {LONG} minutes}}",
        events=some_events(random, kinds, [key], random.randint(8, 20)),
    )


def shares_nothing(found: Sequence[Found]) -> bool:
    """Whether no event is in two of these chains: then there is nothing EQL could have consumed before."""
    return len({event for chain in found for event in chain}) == sum(map(len, found))


def in_rounds(case: Case, folder: Path) -> list[int]:
    """Where our rule completes when each key is begun anew after it has, and after what closes it: as EQL's join is."""
    completed = []
    for token in ("tok-a", "tok-b"):
        mine = [number for number, event in enumerate(case.events) if event[2][case.key] == token]
        closing = [number for number in mine if case.events[number][1] == CLOSING]
        since = 0
        for ends in [*closing, len(case.events)]:
            left = [number for number in mine if since <= number < ends]
            while found := case.ours(folder, [case.events[number] for number in left]):
                first = min(one[-1] for one in found)
                completed.append(left[first])
                left = left[first + 1 :]
            since = ends + 1
    return sorted(completed)
