"""What Kafka's tool is told of quotas, and what it says."""

from __future__ import annotations

import pytest

from safety_stream.wire.quotas import QuotaChange, alteration, plan_quotas, read_described
from safety_stream.wire.rights import Quota

SAID = """
Quota configs for user-principal 'partner.fire' are producer_byte_rate=1048576.0
Quota configs for user-principal 'audience.analyst' are consumer_byte_rate=1.048576E7, request_percentage=50.0
Quota configs for user-principal 'mirror' are consumer_byte_rate=5.0
Quota configs for user-principal 'partner.fire', client-id 'loader' are producer_byte_rate=1.0
Quota configs for the default user-principal are producer_byte_rate=9.0
"""


def test_what_the_tool_says_is_read_and_what_is_of_no_user_alone_is_left_out():
    assert read_described(SAID) == {
        "partner.fire": Quota("partner.fire", 1_048_576, None),
        "audience.analyst": Quota("audience.analyst", None, 10_485_760),
        "mirror": Quota("mirror", None, 5),
    }


def test_who_has_what_is_planned_is_left_alone_and_so_is_whoever_is_not_ours():
    wanted = [Quota("partner.fire", 1_048_576, None), Quota("audience.analyst", None, 10_485_760)]

    assert plan_quotas(read_described(SAID), wanted) == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Quota("partner.fire", 7, None), ["--add-config", "producer_byte_rate=7"]),
        (Quota("partner.fire", 1_048_576, 9), ["--add-config", "producer_byte_rate=1048576,consumer_byte_rate=9"]),
        (
            Quota("partner.fire", None, 9),
            ["--add-config", "consumer_byte_rate=9", "--delete-config", "producer_byte_rate"],
        ),
        (None, ["--delete-config", "producer_byte_rate"]),
    ],
)
def test_the_tool_is_told_what_makes_it_so(wanted: Quota | None, words: list[str]):
    found = {"partner.fire": Quota("partner.fire", 1_048_576, None)}

    (change,) = plan_quotas(found, [] if wanted is None else [wanted])

    assert alteration(change) == ["--alter", "--entity-type", "users", "--entity-name", "partner.fire", *words]


def test_a_user_that_has_none_yet_is_given_one():
    wanted = Quota("profile.public", None, 3)

    assert plan_quotas({}, [wanted]) == [QuotaChange("profile.public", wanted, Quota("profile.public", None, None))]
