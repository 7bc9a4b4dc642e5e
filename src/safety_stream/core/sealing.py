"""Sealing: what a partner's token is turned into at the door in, by a key of that person's own.

Theory of operation
-------------------
A partner's token is the same for ever, and whoever made it can make it again. A topic is a log, and nothing can be
taken out of one. So what goes further than intake is not the partner's token but its *seal*, a keyed hash of it under a
key that this person alone has:

    partner.*  tok-a ──▶ intake ──▶ sealed.3f… ──▶ incidents, sightings, findings, alerts, feeds, stores, pages
                           │
                       key of tok-a  (edge: `safety_stream.sealing`)

As long as the key is there, every report about tok-a gets the same seal, and everything works by seals as it would by
tokens. When the key is destroyed, nobody can tell any more whose the seals are that stand in the logs, neither from the
token nor from a later report: that gets another key, and so another seal. That is what erases a person.

Vehicles, telephones and groups are named by tokens too, and sealed alike, each by a key of its own.

What is here is pure: which tokens a stage's outputs hold, and the outputs with their seals in place. Where keys come
from is the business of the edge. Sealing an intake's output is the same as giving it reports with seals in place of
tokens: what it puts in order by token is put in order again, and a decision has the identity of its seals.

Who was erased stays so: a decision that would join the seal of somebody whose key was destroyed to anybody else is
refused before intake sees it, whoever wrote it, for the other's reports would be theirs again.

With another key store everybody would get another seal, and so be somebody else, without a word: an empty one lies
where a volume was not mounted. So intake remembers the fingerprint of the store that it has sealed by.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model import ids
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.incidents import IncidentVersion, Party
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.intake import party_order
from safety_stream.core.stages.stage import Output, Record, Rows, Step

KEY_BYTES: Final = 32
"""As long as what SHA-256 gives: a longer key is no stronger."""

SEALED_ROW: Final = b"sealed"
"""The row of intake that says that what it passed on was sealed, and by which key store: its fingerprint, in ASCII.

Empty where no token came by yet, or the version that wrote it did not ask by which.
"""

_PREFIX: Final = "sealed."
_DIGITS: Final = 32
"""128 bits, as a token has."""

_PURPOSE: Final = b"safety-stream sealed token 1\x1f"
_IS_SEAL = re.compile(rf"{re.escape(_PREFIX)}[0-9a-f]{{{_DIGITS}}}").fullmatch

_SEALED_KEYS = frozenset({"person", "vehicle", "phone", "group"})
"""The kinds of key that are made of tokens; a place's is its UPRN."""

_TAKEN = (b"number/", b"number0")
"""Where intake remembers how far its record of what it collected is: there from its first batch on."""


class SealingChanged(Exception):
    """Intake has sealed so far and is not to, or the other way round: half of a person's reports would be another's."""


class OtherKeyStore(Exception):
    """The key store is not the one that intake has sealed by: everybody would be somebody else."""


def unsealed_in(catalogue: Catalogue) -> tuple[str, ...]:
    """The places of a catalogue that name somebody by a token, where seals are what is known behind intake."""
    found = [f"members of {one}" for one, tokens in catalogue.sharing.members.items() if not all(map(is_seal, tokens))]
    named = [entity for entity in catalogue.linked.blocklist if entity.partition(":")[0] in _SEALED_KEYS]
    if not all(is_seal(entity.partition(":")[2]) for entity in named):
        found.append("the blocklist of linking.yaml")
    return tuple(sorted(found))


def seal_of(key: bytes, token: str) -> str:
    """What stands for a token downstream: made with the key of whom the token is of."""
    return _PREFIX + hmac.digest(key, _PURPOSE + token.encode(), "sha256").hex()[:_DIGITS]


def is_seal(token: str) -> bool:
    """Whether this is what stands for a token, and not a partner's token."""
    return _IS_SEAL(token) is not None


def tokens_in(outputs: Iterable[Output]) -> set[str]:
    """The tokens that are to be sealed in what intake gives out."""
    found: set[str] = set()
    for output in outputs:
        value = output.value
        if isinstance(value, IncidentVersion):
            found.update(party.token for party in value.parties if party.token is not None)
            found.update(value.vehicles, value.phones)
            if value.group is not None:
                found.add(value.group)
        elif isinstance(value, PersonLink):
            found.update(tokens_of_link(value))
    return found


def tokens_of_link(link: PersonLink) -> tuple[str, ...]:
    """The tokens of a decision that are to be sealed: stewards also decide about seals, as pages show them."""
    return tuple(token for token in (link.first, link.second) if not is_seal(token))


def seals_joined(links: Iterable[PersonLink]) -> set[str]:
    """The seals that decisions join to somebody, surely or perhaps; what keeps two apart joins nobody."""
    joining = (link for link in links if link.state != "apart")
    return {token for link in joining for token in (link.first, link.second) if is_seal(token)}


def without_who_was_erased(records: Sequence[Record], erased: Collection[str]) -> list[Record]:
    """The records, each decision that joins one of these seals to somebody refused."""
    return [
        replace(record, value=_JOINS_THE_ERASED)
        if isinstance(record.value, PersonLink) and not seals_joined([record.value]).isdisjoint(erased)
        else record
        for record in records
    ]


_JOINS_THE_ERASED: Final = Refused(
    "schema-violation",
    "field first or second is the seal of somebody who was erased, whom nobody is joined to: make no such decision",
)


def sealed_outputs(outputs: Sequence[Output], seals: Mapping[str, str]) -> list[Output]:
    """What intake gives out, with a seal for each token. Raises `KeyError` for a token without one."""
    return [_sealed_output(output, seals) for output in outputs]


def _sealed_output(output: Output, seals: Mapping[str, str]) -> Output:
    value = output.value
    if isinstance(value, IncidentVersion):
        return replace(output, value=sealed_version(value, seals))
    if isinstance(value, PersonLink):
        return replace(output, value=sealed_link(value, seals))
    return output


def sealed_version(version: IncidentVersion, seals: Mapping[str, str]) -> IncidentVersion:
    """The version, naming whom and what it names by their seals. Raises `KeyError`."""
    if not (version.parties or version.vehicles or version.phones or version.group):
        return version
    parties = [
        Party(party.role, None if party.token is None else seals[party.token], party.child) for party in version.parties
    ]
    return replace(
        version,
        parties=tuple(sorted(parties, key=party_order)),
        vehicles=tuple(sorted(seals[token] for token in version.vehicles)),
        phones=tuple(sorted(seals[token] for token in version.phones)),
        group=None if version.group is None else seals[version.group],
    )


def sealed_link(link: PersonLink, seals: Mapping[str, str]) -> PersonLink:
    """The decision, about the seals of its tokens, with the identity it has then. Raises `KeyError`."""
    first, second = sorted(token if is_seal(token) else seals[token] for token in (link.first, link.second))
    identity = link.decision_id and ids.decision_id(
        first, second, link.state, link.method, link.decided_by, link.decided_at
    )
    return replace(link, first=first, second=second, decision_id=identity)


def keeping_to_it(step: Step, *, is_on: bool) -> Step:
    """The step of intake, which goes on as it began: sealed or not. Raises `SealingChanged`."""

    def guarded(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        was_on = rows.get(SEALED_ROW) is not None
        if was_on and not is_on:
            raise SealingChanged(
                "intake has sealed tokens so far, and would pass them on as they are: start it with --sealing"
            )
        if is_on and not was_on:
            if next(iter(rows.scan(*_TAKEN)), None) is not None:
                raise SealingChanged(
                    "intake has passed tokens on as they are so far, and is to seal them: everybody would be two "
                    "persons. Begin with new topics and put the history in again (safety-stream ingest)"
                )
            if records:
                rows.put(SEALED_ROW, b"")
        return step(rows, records, idle_at)

    return guarded


def hold_to_key_store(rows: Rows, fingerprint: str | None, lost: str | None) -> None:
    """Intake goes on with the key store that it has sealed by, or begins with this one. Raises `OtherKeyStore`.

    `fingerprint` tells one from another; None: there is none yet. `lost` is that of a store which is gone for good, as
    whoever answers for it says: another may take its place.
    """
    row = rows.get(SEALED_ROW)
    known = (row or b"").decode("ascii")
    if known not in ("", lost, fingerprint):
        raise OtherKeyStore(
            f"{'there is no key store' if fingerprint is None else 'this is another key store'}, and intake has sealed "
            "by one so far: everybody would be somebody else. Mount its volume, name it in the file of --sealing or "
            f"put its backup back; if it is lost for good, write `lost: {known}` into that file"
        )
    # Where there is no row yet the step has still to say whether intake may be sealed at all (`keeping_to_it`).
    if row is not None and fingerprint not in (None, known):
        rows.put(SEALED_ROW, fingerprint.encode("ascii"))
