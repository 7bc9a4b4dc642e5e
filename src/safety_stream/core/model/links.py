"""What a steward decided about two persons' tokens: that they are one person, that they may be, or that they are two.

Partners make tokens each in their own way, so one person may go by several. Nobody but a steward, or a matching job in
a steward's charge, can tell; what is decided can be decided otherwise later.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from safety_stream.core.model.times import Instant

LinkState = Literal["linked", "possible", "apart"]
"""What two tokens are to each other: one person, perhaps one, or two."""

LinkMethod = Literal["verified-id", "full-name-and-birth", "steward", "probabilistic"]
"""What the decision rests on, the surest first (domain.md 7): a closed list."""

_STATES: Final[dict[LinkState, int]] = {"linked": 0, "possible": 1, "apart": 2}


class PersonLink(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One decision about one pair of tokens, `first < second`.

    `decided_by` is the role or the pseudonym of whoever answers for it, never a name. `decision_id` follows from the
    other fields; empty until intake has stamped it.
    """

    first: str
    second: str
    state: LinkState
    method: LinkMethod
    decided_by: str
    decided_at: Instant
    decision_id: str = ""

    def other(self, token: str) -> str:
        """The other token of the pair."""
        return self.second if token == self.first else self.first


def supersedes(new: PersonLink, old: PersonLink) -> bool:
    """Whether `new` takes the place of `old`, about the same pair: by time, then what keeps apart, then content.

    So what stands does not depend on the order in which decisions arrive, and the same one twice supersedes nothing.
    """
    return _rank(new) > _rank(old)


def _rank(link: PersonLink) -> tuple[Instant, int, str, str]:
    return link.decided_at, _STATES[link.state], link.method, link.decided_by
