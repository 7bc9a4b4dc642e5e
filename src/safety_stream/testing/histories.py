"""Whether each alert came to be what it is in a way that could be: its numbers, its words, and who was told when.

What stands at the end says nothing of that: whether somebody had to be told depends on everything said before. So the
versions of an alert are read as a story and held against rules.md 3.6 to 3.8, from what they say of themselves and the
rule files alone.

- Versions count from 1, episodes count openings. Within an episode comes first `raised`, then `updated`, last
  `withdrawn`, each for a reason that goes with it.
- A version is late when the finding it is about (the one that came or changed; the newest that is left when one went)
  completed longer ago than the rule's action time. Of late ones nobody is
  told.
- Else people are told of the first that is known, and again when the priority is higher than what they were told, or
  when there is more to know and the rule's time between notices is over, or when all they were told rests on possible
  matches of persons and now there is something that does not. Of less they are not told, until it is all taken back:
  that they are told if they were told of anything in that episode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from safety_stream.testing.oracle import TIERS, Plain, instant, moment, shift

_REASONS = {
    "raised": {"new"},
    "updated": {"worsened", "evidence-added", "back-dated", "evidence-removed", "restated"},
    "withdrawn": {"withdrawn"},
}
_MORE = {"new", "worsened", "evidence-added", "back-dated"}


def history_faults(rules: Mapping[str, Plain], versions: Iterable[Plain]) -> list[str]:
    """Everything that cannot be in the stories of these alerts, as lines for people.

    `versions` are all versions of all alerts as `msgspec.to_builtins` gives them, each alert's in order of publication;
    `rules` the live rules as their files say them (`Truth.rules`).
    """
    stories: dict[tuple[str, str], Story] = {}
    faults = []
    for version in versions:
        subject = (version["rule_id"], version["subject"])
        name = f"alert {subject[0]} on {subject[1]}, version {version['version']}"
        if version["rule_id"] not in rules:
            faults.append(f"{name}: there is no such rule")
            continue
        story = stories.setdefault(subject, Story(rules[version["rule_id"]], version["alert_id"]))
        faults += [f"{name}: {fault}" for fault in story.faults_in(version)]
        story.go_on(version)
    return faults


@dataclass
class Story:
    """How far the story of one alert has come: its last version, and what was told last in this episode and when."""

    rule: Plain
    alert_id: str
    last: Plain | None = None
    told: tuple[int, str, bool] | None = None

    @property
    def stands(self) -> bool:
        """Whether an episode is open."""
        return self.last is not None and self.last["change"] != "withdrawn"

    def faults_in(self, version: Plain) -> Iterator[str]:
        """What of the next version cannot be."""
        yield from self._wrong_numbers(version)
        yield from self._wrong_words(version)
        if version["late"] != self._is_late(version):
            yield f"late is {version['late']} as of {version['as_of']}, about what completed at {self._about(version)}"
        if version["notify"] != self._must_be_told(version):
            told = "nobody was told" if self.told is None else f"{self.told[1]} was told at {self.told[0]}"
            yield f"notify is {version['notify']}: {version['reason']} as of {version['as_of']}; {told} in this episode"

    def go_on(self, version: Plain) -> None:
        """Take the version in."""
        self.last = version
        if version["change"] == "withdrawn":
            self.told = None
        elif version["notify"]:
            self.told = (version["as_of"], version["priority"], _is_certain(version))

    def _wrong_numbers(self, version: Plain) -> Iterator[str]:
        before = self.last or {"version": 0, "episode": 0}
        if version["alert_id"] != self.alert_id:
            yield f"is called {version['alert_id']}, and was called {self.alert_id}"
        if version["version"] != before["version"] + 1:
            yield f"comes after version {before['version']}"
        if version["episode"] != before["episode"] + (not self.stands):
            yield f"is of episode {version['episode']} after episode {before['episode']}"

    def _wrong_words(self, version: Plain) -> Iterator[str]:
        change, reason = version["change"], version["reason"]
        if (change == "raised") == self.stands:
            yield f"{change}, and the alert {'stands' if self.stands else 'does not stand'}"
        if reason not in _REASONS[change]:
            yield f"{change} because {reason}"
        if bool(version["findings"]) != (change != "withdrawn"):
            yield f"{change} with {len(version['findings'])} findings"
        if self.last is None or change != "updated":
            return
        if (reason == "worsened") != _is_higher(version["priority"], self.last["priority"]):
            yield f"{reason} from {self.last['priority']} to {version['priority']}"
        has_earlier = version["first_completed_at"] < self.last["first_completed_at"]
        if (reason == "back-dated" and not has_earlier) or (reason == "evidence-added" and has_earlier):
            yield f"{reason} from {self.last['first_completed_at']} to {version['first_completed_at']}"

    def _is_late(self, version: Plain) -> bool:
        about = self._about(version)
        if version["change"] == "withdrawn" or about is None:
            return bool(version["late"] and version["change"] != "withdrawn")
        return bool(version["as_of"] > _later(about, self.rule["action_time"]))

    def _about(self, version: Plain) -> int | None:
        """When that completed which the version is about; None when it is too old to be among the findings shown."""
        if version["reason"] == "evidence-removed":
            return int(version["last_completed_at"])
        before = {one["finding_id"]: one for one in (self.last["findings"] if self.stands and self.last else ())}
        changed = [one for one in version["findings"] if before.get(one["finding_id"]) != one]
        if len(changed) != 1:
            return None
        completed = int(changed[0]["completed_at"])
        # One that was too old to be shown comes up when a shown one goes, or becomes older than all that are shown.
        gone = before.keys() - {one["finding_id"] for one in version["findings"]}
        return None if any(completed <= before[one]["completed_at"] for one in gone) else completed

    def _must_be_told(self, version: Plain) -> bool:
        if self._is_late(version):
            return False
        if self.told is None:
            return version["reason"] in _MORE
        told_at, told_priority, told_certain = self.told
        if version["change"] == "withdrawn" or _is_higher(version["priority"], told_priority):
            return True
        if _is_certain(version) and not told_certain and version["reason"] != "evidence-removed":
            return True
        return version["reason"] in _MORE and version["as_of"] >= _later(told_at, self.rule["suppress"]["for"])


def _is_certain(version: Plain) -> bool:
    return any(["match", "possible"] not in [list(fact) for fact in one["facts"]] for one in version["findings"])


def _is_higher(priority: str, other: str) -> bool:
    return TIERS.index(priority) > TIERS.index(other)


def _later(at: int, length: str) -> int:
    return instant(shift(moment(at), length, +1))
