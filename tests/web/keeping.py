"""Stand-ins for what pages ask of others: they keep what they were told, and answer as the real ones do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.times import Instant
from safety_stream.core.subscribing import Kept, Mistake, NoSubscription, Wish
from safety_stream.web.stewarding import NotDone, PutBack
from safety_stream.web.subscribing import ANY_ADDRESS, Made, Way


@dataclass
class Bus:
    """Puts back whatever it is given, but what was before, and takes every decision, unless it is down."""

    put: list[str] = field(default_factory=list)
    decided: list[PersonLink] = field(default_factory=list)
    is_down: bool = False

    def put_back(self, letters: Sequence[str]) -> PutBack:
        if self.is_down:
            raise NotDone("Kafka says: nobody is there.")
        done = tuple(one for one in letters if one not in self.put)
        self.put += done
        return PutBack(done, tuple(one for one in letters if one not in done))

    def decide(self, link: PersonLink) -> None:
        if self.is_down:
            raise NotDone("Kafka says: nobody is there.")
        self.decided.append(link)


@dataclass
class Keeping:
    """Takes every wish, but for one: that its digest comes at no time."""

    wishes: list[Wish] = field(default_factory=list)
    known: list[Kept] = field(default_factory=list)

    def kept(self) -> Sequence[Kept]:
        return self.known

    def ways(self) -> Sequence[Way]:
        return [Way("webhook", "Signed web hook", ANY_ADDRESS), Way("mail", "Mail (SMTP)", "duty-desk")]

    def add(self, wish: Wish, now: Instant) -> Made:  # noqa: ARG002 - as the protocol has it
        if wish.digest_at and ":" not in wish.digest_at:
            times = "a time of day is written as 08:30, from 00:00 to 23:59"
            hours = "quiet hours have a beginning and an end: write both, or neither"
            raise NoSubscription(
                [Mistake("to", "choose how to be told"), Mistake("quiet", hours), Mistake("digest_at", times)]
            )
        self.wishes.append(wish)
        return Made("made", None)

    def change(self, subscription_id: str, wish: Wish) -> None:  # noqa: ARG002 - as the protocol has it
        self.wishes.append(wish)

    def end(self, subscription_id: str, now: Instant) -> None:  # noqa: ARG002 - as the protocol has it
        self.wishes.append(Wish(audience=subscription_id, channel="", address=""))
