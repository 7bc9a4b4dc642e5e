"""`policy/`: the register of agreements and the grants under them, held against one another and against the law.

A grant that its agreement does not cover, or that a limit forbids, is an error: a catalogue that has one is not loaded,
so nothing is ever told under it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.policy import (
    GrantEntry,
    LimitEntry,
    PolicyFile,
    SharingAgreementEntry,
    SharingAgreementsFile,
)
from safety_stream.catalogue.places import Place, listing
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.model.alerts import Alert
from safety_stream.core.model.sensitivity import Sensitivity
from safety_stream.core.model.sharing import Grant, QuotaOf, Sharing, SharingAgreement, UseLimit
from safety_stream.core.model.times import Day, to_date
from safety_stream.core.policy import Ending, endings
from safety_stream.core.stages.publish_alerts import RATIONALE
from safety_stream.wire.reports import shipped_registry
from safety_stream.wire.schema import Record, sensitivity_of

FOLDER = "policy"

ALERT_FIELDS = frozenset({*Alert.__struct_fields__, "handling", RATIONALE})
"""What of an alert can be granted."""

ALWAYS_TOLD = frozenset({"alert_id", "version", "change", "as_of"})
"""Without these nothing can be read, and taken back: whoever is told of an alert is told them."""


_FAMILIES: Mapping[str, QuotaOf] = {"partner": "partner.", "audience": "audience.", "profile": "profile."}


@lru_cache(maxsize=1)
def sensitivities() -> Mapping[str, Sensitivity]:
    """How closely each field of an alert is kept, as the schemas say."""
    schema: Record = shipped_registry().newest("published-alert").schema
    kept = {field.name: sensitivity_of(field) for field in schema.fields if field.name in ALERT_FIELDS}
    return kept | {RATIONALE: "special-category"}


def read_policy(files: Files, known: Vocabulary, today: Day | None = None) -> Sharing:
    """The policy; without its files, one that grants nobody anything. With `today` it is told what is to be renewed."""
    register, agreements = _read_agreements(files, today)
    path = files.folder / FOLDER / "policy.yaml"
    read = files.read(path, PolicyFile) if path.exists() else None
    if read is None:
        _tell_who_hears_nothing(files.place(path), known, ())
        return Sharing(agreements=tuple(agreements.values()))
    at, model = read
    at.refuse_repeats("grants", [entry.id for entry in model.grants])
    at.refuse_repeats("quotas", [entry.of for entry in model.quotas], what="of")
    limits = {limit.legal_basis: limit for limit in model.limits}
    for index, limit in enumerate(model.limits):
        _know_fields(at, ("limits", index, "exactly"), limit.exactly)
    for index, entry in enumerate(model.grants):
        _check_grant(at, ("grants", index), entry, known, agreements, limits.get(entry.legal_basis))
    organisations = known.organisations()
    for index, one in enumerate(model.conditional):
        at.know(("conditional", index, "organisation"), "organisation", one.organisation, organisations)
        _know_subscribers(at, ("conditional", index, "to"), one.to, known)
    for index, member in enumerate(model.members):
        at.know(("members", index, "subscriber"), "audience", member.subscriber, known.audiences)
    conditional_to = {one.organisation: frozenset(one.to) for one in model.conditional}
    _check_conditions(at, model.grants, conditional_to)
    _tell_who_hears_nothing(at, known, [entry.subscriber for entry in model.grants])
    sharing = Sharing(
        agreements=tuple(agreements.values()),
        grants=tuple(
            _grant(entry, agreements[entry.agreement], limits.get(entry.legal_basis))
            for entry in model.grants
            if entry.agreement in agreements
        ),
        conditional_to=conditional_to,
        members={one.subscriber: frozenset(one.tokens) for one in model.members},
        protected_places=frozenset(model.protected_places),
        quotas=tuple(UseLimit(of=_FAMILIES[one.of], written=one.written, read=one.read) for one in model.quotas),
        warn_days=None if model.renewal is None else model.renewal.warn_days,
    )
    if model.renewal is None:
        what = "nobody is warned before an agreement ends: no `renewal` says how many days before"
        at.warning((), what, "add renewal: {warn_days: ..., source: ...} to policy.yaml")
    elif today is not None:
        _tell_what_ends(register, sharing, today, model.renewal.warn_days)
    return sharing


def _tell_what_ends(at: Place, sharing: Sharing, today: Day, warn_days: int) -> None:
    """What ends soon, at its line of the register; what has ended is told when that is read."""
    places = {agreement.id: index for index, agreement in enumerate(sharing.agreements)}
    for ending in endings(sharing, today, warn_days):
        if ending.days_left > 0:
            at.warning(("agreements", places[ending.agreement.id], "valid_to"), ending_in_words(ending), RENEW)


RENEW = "renew it before then: state its new valid_to in policy/agreements.yaml, or grant under another agreement"


def ending_in_words(ending: Ending) -> str:
    """Which agreement ends when, and who hears no more or less."""
    left = ending.days_left
    when = f"ends in {left} day{'s' * (left != 1)}" if left > 0 else "has ended"
    heard = [
        f"{', '.join(names)} {said}"
        for names, said in (
            (ending.silenced, "then hears nothing" if left > 0 else "hears nothing"),
            (ending.narrowed, "then hears less" if left > 0 else "hears less"),
        )
        if names
    ]
    return f"agreement {ending.agreement.id} {when}, on {to_date(ending.agreement.valid_to)}: {'; '.join(heard)}"


def _read_agreements(files: Files, today: Day | None) -> tuple[Place, dict[str, SharingAgreement]]:
    path = files.folder / FOLDER / "agreements.yaml"
    read = files.read(path, SharingAgreementsFile) if path.exists() else None
    if read is None:
        return files.place(path), {}
    at, model = read
    at.refuse_repeats("agreements", [entry.id for entry in model.agreements])
    for index, entry in enumerate(model.agreements):
        where: Where = ("agreements", index)
        at.check_days(where, entry.valid_from, entry.valid_to)
        if today is not None and entry.valid_to <= today:
            at.warning(where, f"agreement {entry.id} has ended: nothing is told under it", "renew it")
        elif today is not None and entry.review <= today:
            at.notice((*where, "review"), f"agreement {entry.id} is due for review", "review it, and say when next")
    return at, {entry.id: _agreement(entry) for entry in model.agreements}


def _agreement(entry: SharingAgreementEntry) -> SharingAgreement:
    return SharingAgreement(
        id=entry.id,
        title=entry.title,
        reference=entry.reference,
        parties=tuple(entry.parties),
        purposes=tuple(entry.purposes),
        bases=tuple(entry.legal_bases),
        valid_from=entry.valid_from,
        valid_to=entry.valid_to,
        review=entry.review,
        made_up=entry.made_up,
    )


def _grant(entry: GrantEntry, agreement: SharingAgreement, limit: LimitEntry | None) -> Grant:
    return Grant(
        id=entry.id,
        subscriber=entry.subscriber,
        party=entry.party,
        purpose=entry.purpose,
        basis=entry.legal_basis,
        agreement=agreement,
        fields=tuple(entry.fields),
        areas=tuple(entry.areas),
        handling=entry.handling,
        of_persons=limit is None or limit.personal,
    )


def _check_grant(
    at: Place,
    where: Where,
    entry: GrantEntry,
    known: Vocabulary,
    agreements: Mapping[str, SharingAgreement],
    limit: LimitEntry | None,
) -> None:
    at.know((*where, "subscriber"), "audience", entry.subscriber, known.audiences)
    at.know((*where, "agreement"), "agreement", entry.agreement, agreements)
    for area in entry.areas:
        known.know_area(at, (*where, "areas"), area)
    _know_fields(at, (*where, "fields"), entry.fields)
    agreement = agreements.get(entry.agreement)
    if agreement is not None:
        at.know((*where, "party"), f"party of agreement {agreement.id}", entry.party, agreement.parties)
        at.know((*where, "purpose"), f"purpose of agreement {agreement.id}", entry.purpose, agreement.purposes)
        at.know((*where, "legal_basis"), f"basis of agreement {agreement.id}", entry.legal_basis, agreement.bases)
    if limit is not None:
        _check_limit(at, where, entry, limit)


def _check_limit(at: Place, where: Where, entry: GrantEntry, limit: LimitEntry) -> None:
    personal = [
        field
        for field in entry.fields
        if field not in ALWAYS_TOLD and sensitivities().get(field, "none") != "none" and not limit.personal
    ]
    for field in personal:
        what = f"{entry.legal_basis} authorises nobody to tell {field}, which is {sensitivities()[field]}"
        at.error((*where, "fields", entry.fields.index(field)), what, "leave it out, or grant it on another basis")
    if limit.exactly and set(entry.fields) != set(limit.exactly):
        other = sorted(set(entry.fields) ^ set(limit.exactly))
        what = f"on the basis {entry.legal_basis} exactly what is agreed is told, and {listing(other)} differs"
        at.error((*where, "fields"), what, f"name {listing(limit.exactly)}")


def _check_conditions(at: Place, grants: Iterable[GrantEntry], conditional_to: Mapping[str, Collection[str]]) -> None:
    listed = {subscriber for named in conditional_to.values() for subscriber in named}
    for index, entry in enumerate(grants):
        if entry.handling == "C" and entry.subscriber not in listed:
            what = f"grant {entry.id} takes handling code C, and no organisation has {entry.subscriber} on its list"
            at.warning(("grants", index, "handling"), what, "write P, or let the organisation put it on its list")


def _know_fields(at: Place, where: Where, fields: Iterable[str]) -> None:
    for position, field in enumerate(fields):
        at.know((*where, position), "field of an alert", field, ALERT_FIELDS)


def _know_subscribers(at: Place, where: Where, subscribers: Iterable[str], known: Vocabulary) -> None:
    for position, subscriber in enumerate(subscribers):
        at.know((*where, position), "audience", subscriber, known.audiences)


def _tell_who_hears_nothing(at: Place, known: Vocabulary, granted: Collection[str]) -> None:
    for audience in known.audiences or {}:
        if audience not in granted:
            at.warning((), f"nothing is granted to audience {audience}: it hears nothing", "add a grant to policy.yaml")
