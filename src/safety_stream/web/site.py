"""What pages are made from: the read model, the catalogue, who may sign in, and where actions go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Condition
from typing import Final

from safety_stream.catalogue.cap import load_cap
from safety_stream.catalogue.explaining import Explanation, explained
from safety_stream.catalogue.loading import Loaded
from safety_stream.core.cap import CapWords, Status
from safety_stream.core.catalogue import Area, Catalogue, Indicator, Profile
from safety_stream.core.consulting import Consulting
from safety_stream.core.model.handling import ActionAnswer, AlertAction
from safety_stream.core.model.published import AuditEntry, PublishedAlert
from safety_stream.core.model.times import Instant, day_of
from safety_stream.data_files import catalogue_folder
from safety_stream.readmodel.matches import Matches
from safety_stream.readmodel.owed import Owed
from safety_stream.readmodel.people import Consultations, Deeds, EndedSessions, SavedChoices
from safety_stream.readmodel.reading import ReadModel
from safety_stream.readmodel.rows import areas_told
from safety_stream.web.policy import DEVELOPMENT, Page, Person, Viewer, acts_as, areas_of, may
from safety_stream.web.programs import Programs
from safety_stream.web.sign_in import USUAL_LENGTH, SessionLength, SignInSettings
from safety_stream.web.stewarding import Steward
from safety_stream.web.subscribing import Subscriptions

PATIENCE_SECONDS: Final = 1.5
"""How long a page waits for what becomes of an action: the answer mostly comes within one. A thread waits that long."""

ANSWERS_KEPT: Final = 10_000
"""Answers to actions remembered, the newest: a page asks for one within seconds of its action."""


class NotSent(Exception):
    """An action could not be handed on: one sentence on why, and the mend."""


class Answers:
    """What became of the actions people sent from here; older ones are forgotten. Threads may share one."""

    def __init__(self, patience_seconds: float = 0.0) -> None:
        """Nothing has been answered; whoever waits for answers does so no longer than this."""
        self._by_action: OrderedDict[str, ActionAnswer] = OrderedDict()
        self._patience = patience_seconds
        self._news = Condition()

    def take(self, answer: ActionAnswer) -> None:
        """Remember an answer."""
        with self._news:
            self._by_action[answer.action_id] = answer
            while len(self._by_action) > ANSWERS_KEPT:
                self._by_action.popitem(last=False)
            self._news.notify_all()

    def to(self, action_id: str) -> ActionAnswer | None:
        """The answer to an action; None where none came, or long ago."""
        with self._news:
            return self._by_action.get(action_id)

    def wait_for(self, action_ids: Sequence[str]) -> None:
        """Wait until all of these are answered, or patience has ended: what is not answered then is said to be sent."""
        with self._news:
            self._news.wait_for(lambda: all(one in self._by_action for one in action_ids), self._patience)


@dataclass(frozen=True)
class Site:
    """All that pages are made from.

    `send` hands an action on to whoever decides about it, or raises `NotSent`; None where nobody can be reached, and
    then pages offer no actions. `enter` puts something on record in the same way, and where there is none nothing is
    acknowledged and no glass can be broken; `owed` is what waits for an answer or a review.
    `now` is the time pages tell of, which is that of a history where one is shown; sessions end and what people do is
    recorded by `wall`, the clock of this machine. `shift_starts` are hours of London time. `secret` signs cookies.
    `consulting` says who is asked why they look at an alert, and `consultations` is where that is recorded. With
    `sign_in` people come with an organisation's accounts; without it they choose who they are of `people`, which is for
    development. `subscriptions` keeps those of delivery and `steward` puts refused records back and hands on decisions
    about persons; None where there is none, and then pages offer neither. `deeds` is where both are recorded, and
    `ended_sessions` knows who signed out. `programs` are those that may read a feed by a key of their own; None where
    none may. `sender` is who says CAP
    messages, `status` whether they are to be acted on, and `cap` their words.
    """

    read_model: ReadModel
    consultations: Consultations
    saved_choices: SavedChoices
    deeds: Deeds
    ended_sessions: EndedSessions
    matches: Matches
    owed: Owed
    loaded: Loaded
    consulting: Consulting
    now: Callable[[], Instant]
    wall: Callable[[], Instant]
    secret: str
    shift_starts: Sequence[int]
    send: Callable[[AlertAction], None] | None = None
    enter: Callable[[AuditEntry], None] | None = None
    answers: Answers = field(default_factory=Answers)
    people: Sequence[Person] = DEVELOPMENT
    sender: str = "safety-stream"
    status: Status = "Actual"
    cap: CapWords = field(default_factory=lambda: load_cap(catalogue_folder()))
    sign_in: SignInSettings | None = None
    subscriptions: Subscriptions | None = None
    steward: Steward | None = None
    programs: Callable[[], Programs] | None = None

    @property
    def session_length(self) -> SessionLength:
        """When a session ends."""
        return USUAL_LENGTH if self.sign_in is None else self.sign_in.sessions

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue."""
        return self.loaded.catalogue

    @cached_property
    def by_id(self) -> Mapping[str, Person]:
        """Those who may sign in."""
        return {person.id: person for person in self.people}

    @cached_property
    def indicators(self) -> Mapping[str, Indicator]:
        """The indicators by id."""
        return {one.id: one for one in self.catalogue.indicators}

    @cached_property
    def profiles(self) -> Mapping[str, Profile]:
        """The disclosure profiles by id."""
        return {one.id: one for one in self.catalogue.profiles}

    def area(self, code: str) -> Area | None:
        """An area by its code."""
        return self.catalogue.areas.by_code.get(code)

    def explanation(self, rule_id: str) -> Explanation | None:
        """A rule in words; None where the catalogue no longer has it."""
        file = self.loaded.rule_files.get(rule_id)
        rule = next((one for one in self.catalogue.rules if one.id == rule_id), None)
        return None if file is None or rule is None else explained(rule, file, self.catalogue)

    def may(self, person: Person, page: Page) -> bool:
        """Whether a person may see a page."""
        return may(person, page, self.catalogue.audiences, self.catalogue.oversight.break_glass.roles)

    def acts_as(self, person: Person) -> str:
        """The role in which a person acts on alerts."""
        return acts_as(person, self.catalogue.handling)

    def areas_of(self, viewer: Viewer) -> frozenset[str] | None:
        """The areas somebody sees alerts of; None for all."""
        return areas_of(viewer, self.catalogue.areas, day_of(self.now()))

    def seen_by(self, viewer: Viewer, alerts: Sequence[PublishedAlert]) -> list[PublishedAlert]:
        """Those of an audience's alerts that are of an area the viewer may see; one that tells no area is of none.

        What moved or was taken back is also of the areas told before: who was told there has to be told this too.
        """
        allowed = self.areas_of(viewer)
        if allowed is None:
            return list(alerts)
        elsewhere = [alert.seq for alert in alerts if allowed.isdisjoint(areas_told(alert))]
        before = self.read_model.areas_before(viewer.audience, elsewhere) if elsewhere else {}
        return [
            alert for alert in alerts if not allowed.isdisjoint(areas_told(alert) | before.get(alert.seq, frozenset()))
        ]
