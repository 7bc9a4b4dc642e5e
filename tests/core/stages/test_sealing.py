"""What goes further than intake names everybody by a seal, and is what intake would give out of sealed reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec
import pytest
from tests.core.stages.making import NOON, a_record
from tests.replay.telling import a_report

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.links import LinkState, PersonLink
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.model.reports import Report, ReportedParty
from safety_stream.core.sealing import (
    SEALED_ROW,
    OtherKeyStore,
    SealingChanged,
    hold_to_key_store,
    is_seal,
    keeping_to_it,
    seal_of,
    sealed_link,
    sealed_outputs,
    seals_joined,
    tokens_in,
    tokens_of_link,
    unsealed_in,
    without_who_was_erased,
)
from safety_stream.core.stages import intake
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Output

T = TypeVar("T")

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
TOKENS = ("tok-a", "tok-b", "tok-c", "tok-car", "tok-phone", "tok-group")
SEALS = {token: seal_of(KEY, token) for token in TOKENS}


def named(*tokens: str, vehicles: tuple[str, ...] = ("tok-car",), phones: tuple[str, ...] = ("tok-phone",)) -> Report:
    report = a_report("police-crimes", "C-1", "2026-01-04T20:00", vehicles=vehicles, phones=phones, group="tok-group")
    return msgspec.structs.replace(
        report, parties=tuple(ReportedParty(role="witness", token=token) for token in tokens)
    )


def taken_in(catalogue: Catalogue, *values: msgspec.Struct) -> list[Output]:
    step = intake.make_step(catalogue, 1)
    records = [
        a_record(value, "person-links" if isinstance(value, PersonLink) else "partner.police-crimes", received_at=NOON)
        for value in values
    ]
    return step(MemoryRows(), records, None)


def a_link(first: str, second: str) -> PersonLink:
    return PersonLink(
        first=first, second=second, state="linked", method="steward", decided_by="steward-1", decided_at=NOON
    )


def values_of(outputs: Sequence[Output], kind: type[T]) -> list[T]:
    return [output.value for output in outputs if isinstance(output.value, kind)]


def values(outputs: Sequence[Output]) -> list[msgspec.Struct]:
    return [output.value for output in outputs if isinstance(output.value, IncidentVersion | PersonLink)]


def test_a_seal_looks_like_a_token_and_is_the_same_under_one_key_alone():
    seal = seal_of(KEY, "tok-a")

    assert is_seal(seal)
    assert intake.TOKEN_LENGTH >= len(seal)
    assert seal == seal_of(KEY, "tok-a")
    assert len({seal, seal_of(OTHER_KEY, "tok-a"), seal_of(KEY, "tok-b")}) == 3
    assert not any(is_seal(token) for token in ("tok-a", "e1.person." + "0" * 32, seal + "0", seal.upper()))


def test_no_token_is_left_in_what_intake_gives_out(catalogue: Catalogue):
    outputs = taken_in(catalogue, named("tok-a", "tok-b"), a_link("tok-b", "tok-c"))

    assert tokens_in(outputs) == set(TOKENS)
    said = str([output.value for output in sealed_outputs(outputs, SEALS)])
    assert [token for token in TOKENS if token in said] == []
    assert [seal for seal in SEALS.values() if seal not in said] == []


def test_sealing_what_came_of_reports_is_taking_in_sealed_reports(catalogue: Catalogue):
    """Orders and identities that rest on tokens are those of the seals."""
    plain = (named("tok-c", "tok-a", "tok-b", vehicles=("tok-b", "tok-car")), a_link("tok-a", "tok-c"))
    by_hand = (
        msgspec.structs.replace(
            plain[0],
            parties=tuple(msgspec.structs.replace(one, token=SEALS[one.token or ""]) for one in plain[0].parties),
            vehicles=tuple(SEALS[token] for token in plain[0].vehicles),
            phones=tuple(SEALS[token] for token in plain[0].phones),
            group=SEALS["tok-group"],
        ),
        a_link(SEALS["tok-a"], SEALS["tok-c"]),
    )

    sealed = values(sealed_outputs(taken_in(catalogue, *plain), SEALS))
    assert len(sealed) == len(plain)
    assert sealed == values(taken_in(catalogue, *by_hand))


def test_a_report_that_takes_back_names_nobody_and_asks_for_no_key(catalogue: Catalogue):
    erased = msgspec.structs.replace(named("tok-a"), source_version=2, action="erase", parties=())

    outputs = taken_in(catalogue, erased)

    assert tokens_in(outputs) == set()
    assert list(outputs) == sealed_outputs(outputs, {})


def test_what_is_refused_is_kept_as_it_came_and_asks_for_no_key(catalogue: Catalogue):
    outputs = taken_in(catalogue, named("no token, but words"))

    assert tokens_in(outputs) == set()
    assert list(outputs) == sealed_outputs(outputs, {})


def test_a_token_without_a_seal_goes_nowhere(catalogue: Catalogue):
    outputs = taken_in(catalogue, named("tok-unheard"))

    with pytest.raises(KeyError):
        sealed_outputs(outputs, SEALS)


def test_stewards_may_decide_about_seals_and_partners_may_not_pass_one_off(catalogue: Catalogue):
    """Who reports under the seal of somebody else's has another person, however it came by it."""
    seal = SEALS["tok-a"]

    assert tokens_of_link(a_link(seal, "tok-b")) == ("tok-b",)
    assert {sealed_link(a_link(seal, "tok-b"), SEALS).first, SEALS["tok-b"]} >= {min(seal, SEALS["tok-b"])}
    assert seal in tokens_in(taken_in(catalogue, named(seal)))


@pytest.mark.parametrize("state", ["linked", "possible", "apart"])
def test_whoever_was_erased_is_joined_to_nobody_and_may_be_kept_apart(catalogue: Catalogue, state: LinkState):
    erased, alive = SEALS["tok-a"], SEALS["tok-b"]
    links = [
        msgspec.structs.replace(a_link(first, second), state=state)
        for first, second in ((erased, "tok-c"), ("tok-c", erased), (erased, alive), (alive, "tok-c"), (alive, "tok-a"))
    ]
    records = [a_record(link, "person-links", received_at=NOON) for link in links]
    records.append(a_record(named("tok-a"), "partner.police-crimes", received_at=NOON))

    screened = without_who_was_erased(records, {erased})

    outputs = intake.make_step(catalogue, 1)(MemoryRows(), screened, None)
    letters = [output.value for output in outputs if isinstance(output.value, DeadLetter)]
    assert seals_joined(links) == ({erased, alive} if state != "apart" else set())
    assert len(letters) == (3 if state != "apart" else 0)
    assert {(one.reason, "erased" in one.detail, erased in one.detail) for one in letters} <= {
        ("schema-violation", True, False)
    }
    assert screened[3:] == records[3:], "the token of whoever was erased is somebody else's by now"
    (collected,) = [one for one in values_of(outputs, AuditRecord) if one.topic == "person-links"]
    assert collected.count == len(links) - len(letters)


def test_a_catalogue_that_names_somebody_by_a_token_is_found_out(catalogue: Catalogue):
    def with_(members: dict[str, frozenset[str]], blocklist: set[str]) -> Catalogue:
        return msgspec.structs.replace(
            catalogue,
            sharing=msgspec.structs.replace(catalogue.sharing, members=members),
            linked=msgspec.structs.replace(catalogue.linked, blocklist=frozenset(blocklist)),
        )

    seal = SEALS["tok-a"]

    assert unsealed_in(catalogue) == ()
    assert unsealed_in(with_({"desk": frozenset({seal})}, {f"phone:{seal}", "place:900000000001"})) == ()
    assert unsealed_in(with_({"desk": frozenset({seal, "tok-b"})}, {"phone:tok-a"})) == (
        "members of desk",
        "the blocklist of linking.yaml",
    )


def test_intake_goes_on_as_it_began(catalogue: Catalogue):
    step = intake.make_step(catalogue, 1)
    sealed, open_ = keeping_to_it(step, is_on=True), keeping_to_it(step, is_on=False)
    records = [a_record(named("tok-a"), "partner.police-crimes", received_at=NOON)]

    was_sealed, was_open = MemoryRows(), MemoryRows()
    for _ in range(2):
        sealed(was_sealed, records, None)
        open_(was_open, records, None)

    with pytest.raises(SealingChanged, match="--sealing"):
        open_(was_sealed, records, None)
    with pytest.raises(SealingChanged, match="two persons"):
        sealed(was_open, records, None)
    # As whoever screens does, before the step has said whether intake may be sealed at all.
    hold_to_key_store(was_open, "f" * 32, lost=None)
    with pytest.raises(SealingChanged, match="two persons"):
        sealed(was_open, records, None)


def about_to_seal() -> MemoryRows:
    """The rows of intake when it seals for the first time, or has by a version that did not ask by which store."""
    rows = MemoryRows()
    rows.put(SEALED_ROW, b"")
    return rows


def test_intake_goes_on_by_the_key_store_that_it_first_saw():
    rows = about_to_seal()

    hold_to_key_store(rows, None, lost=None)
    assert rows.get(SEALED_ROW) == b"", "of a store that is not there yet nothing is known"
    for _ in range(2):
        hold_to_key_store(rows, "f" * 32, lost=None)
    assert rows.get(SEALED_ROW) == b"f" * 32

    with pytest.raises(OtherKeyStore, match=r"another key store.*Mount its volume.*backup.*lost: ffff"):
        hold_to_key_store(rows, "0" * 32, lost=None)
    with pytest.raises(OtherKeyStore, match="there is no key store"):
        hold_to_key_store(rows, None, lost="0" * 32)
    assert rows.get(SEALED_ROW) == b"f" * 32


def test_another_key_store_takes_the_place_of_the_one_that_is_said_to_be_lost():
    rows = about_to_seal()
    hold_to_key_store(rows, "f" * 32, lost=None)

    hold_to_key_store(rows, None, lost="f" * 32)
    hold_to_key_store(rows, "0" * 32, lost="f" * 32)

    with pytest.raises(OtherKeyStore):
        hold_to_key_store(rows, "f" * 32, lost="f" * 32)


def test_that_intake_seals_does_not_make_it_forget_by_which_key_store(catalogue: Catalogue):
    sealed, rows = keeping_to_it(intake.make_step(catalogue, 1), is_on=True), MemoryRows()
    records = [a_record(named("tok-a"), "partner.police-crimes", received_at=NOON)]

    sealed(rows, records, None)
    hold_to_key_store(rows, "f" * 32, lost=None)
    sealed(rows, records, None)

    assert rows.get(SEALED_ROW) == b"f" * 32
