"""Possible matches, on both databases: made whole each time, the weightiest first, and gone once they are decided."""

import msgspec
from sqlalchemy import Engine
from tests.readmodel.making import NOON, letter

from safety_stream.core.model.links import PersonLink
from safety_stream.readmodel.matches import Match, Matches, match_of
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.readmodel.reading import ReadModel


def link(first: str, second: str, **changes: object) -> PersonLink:
    said = {"state": "possible", "method": "probabilistic", "decided_by": "matching-job", "decided_at": NOON}
    return PersonLink(first=first, second=second, **(said | changes))  # type: ignore[arg-type]


LIGHT = Match(link("tok-a", "tok-b"), {"police": 1}, {})
HEAVY = Match(link("tok-c", "tok-d"), {"police": 2}, {"council": 3})


def test_a_pair_knows_what_rests_on_both():
    named = {"tok-a": {"police": 2}, "tok-b": {"council": 1, "police": 1}, "tok-z": {"police": 9}}

    assert match_of(link("tok-a", "tok-b"), named) == Match(
        link("tok-a", "tok-b"), {"police": 2}, {"council": 1, "police": 1}
    )
    assert match_of(link("tok-a", "tok-y"), named).reports == 2


def test_they_are_put_in_place_of_all_there_were(engine: Engine):
    kept = Matches(engine)
    assert (kept.weighed_at(), kept.count(), kept.weightiest(9)) == (None, 0, [])

    kept.replace([LIGHT, HEAVY], NOON)
    assert (kept.weighed_at(), kept.count(), kept.weightiest(9)) == (NOON, 2, [HEAVY, LIGHT])
    assert kept.weightiest(1) == [HEAVY]
    kept.replace([LIGHT], NOON + 1)
    assert (kept.weighed_at(), kept.weightiest(9)) == (NOON + 1, [LIGHT])
    kept.replace([], NOON + 2)
    assert (kept.weighed_at(), kept.count()) == (NOON + 2, 0)


def test_one_that_is_decided_goes_and_one_left_undecided_says_by_whom(engine: Engine):
    kept = Matches(engine)
    kept.replace([LIGHT, HEAVY], NOON)
    kept.decided(link("tok-a", "tok-b", state="apart"))
    again = link("tok-c", "tok-d", decided_by="analyst-7", method="steward", decided_at=NOON + 1)
    kept.decided(again)
    kept.decided(link("tok-x", "tok-y", state="possible"))

    assert kept.weightiest(9) == [msgspec.structs.replace(HEAVY, link=again)]
    assert kept.one("tok-c", "tok-d") == kept.weightiest(1)[0]
    assert kept.one("tok-d", "tok-c") is None
    assert kept.one("tok-a", "tok-b") is None


def test_refused_records_are_listed_the_newest_first_and_named_as_they_lie(engine: Engine):
    letters = [
        letter("empty", NOON),
        letter("oversize", NOON + 2),
        letter("empty", NOON + 1, topic="partner.council"),
        letter("empty", NOON - 1),
    ]
    with engine.begin() as connection:
        apply(connection, [TopicRecord("dead-letters.intake", 0, at, one) for at, one in enumerate(letters)])
    model = ReadModel(engine)

    def found(**asked: str) -> list[str]:
        return [one.letter.rpartition("/")[2] for one in model.dead_letters(NOON, 9, **asked)]

    assert found() == ["1", "2", "0"]
    assert found(reason="empty") == ["2", "0"]
    assert found(topic="partner.police") == ["1", "0"]
    assert found(topic="partner.police", reason="empty") == ["0"]
    (newest,) = model.dead_letters(NOON, 1)
    assert (newest.letter, newest.reason, newest.received_at) == ("dead-letters.intake/0/1", "oversize", NOON + 2)
