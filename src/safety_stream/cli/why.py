"""`rules why`: an alert recomputed from its evidence, what it rests on, and what would take it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer

from safety_stream.catalogue.consulting import load_consulting
from safety_stream.catalogue.loading import Loaded, load_whole
from safety_stream.cli.consulting import WhoLooks, WhyRead, put_look_on_record
from safety_stream.cli.history import LinksFile, put_through, read_history, say_what_is_left_out
from safety_stream.cli.published import moment
from safety_stream.cli.terminal import (
    OK,
    WRONG,
    AreasFile,
    CatalogueFolder,
    Json,
    Wrong,
    connect,
    epilog,
    on_kafka,
    out,
    print_json,
    print_table,
    wall,
)
from safety_stream.config import Connection
from safety_stream.core.catalogue import Areas, Catalogue
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.ids import alert_id as id_of_alert
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.stretches import subject_of
from safety_stream.core.model.times import Instant, length_in_words
from safety_stream.core.persons import Persons, Who, named_in
from safety_stream.core.persons import standing as decisions_of
from safety_stream.core.register import Scope
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import HUB_RULE
from safety_stream.core.rules.rule import Rule
from safety_stream.core.rules.signal import signals_of
from safety_stream.core.rules.why import (
    LOOKED_BACK,
    Account,
    Grounds,
    Without,
    account_of,
    found_beneath,
    grounds_of,
)
from safety_stream.core.stages.detect import now_by
from safety_stream.core.stages.publish_alerts import cause_told
from safety_stream.core.stages.stage import Clock, Output
from safety_stream.data_files import catalogue_folder
from safety_stream.replay import Pipeline
from safety_stream.streaming.reading import high_watermarks, read_to_end
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.topology import row_of

EPILOG = epilog(
    "safety-stream rules why 3f1c8a6e --reason quality --by analyst-7",
    {
        0: "every finding of the alert was recomputed the same",
        1: "one was not, or would be another today; or the alert stands no more, or there is no such alert",
    },
)

REASONS = {
    "reported-late": "it was reported too late to count",
    "discovered": "it was found by looking; nobody told of it",
}
"""Why a report was left out, in words."""


class Past(NamedTuple):
    """What an alert is explained from.

    Findings by id, by alert there ever was what last changed of it, the versions of incidents, and who is who.
    """

    standing: Mapping[str, Finding]
    last: Mapping[str, FindingChange]
    versions: Callable[[], Iterable[IncidentVersion]]
    now: Now
    persons: Persons


@on_kafka
def why(
    kafka: Connection,
    alert_id: Annotated[str, typer.Argument(help="One alert, by its id or the beginning of it.")],
    history: Annotated[
        list[Path] | None,
        typer.Option(
            "--history",
            exists=True,
            dir_okay=False,
            help="Replay these reports (canonical JSON Lines, also gzip) instead of asking the running backbone.",
        ),
    ] = None,
    links: LinksFile = None,
    reason: WhyRead = "",
    by: WhoLooks = "",
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Recompute an alert from its evidence; say on what it rests, what was left out, and what would take it back.

    Of an alert about a person that takes a --reason, and is put on record before anything is shown. Files of a history
    are whoever's they are: of them nothing is.

    Of an alert that stands no more it says what it last said, when it was taken back, and because of what.

    It reads everything that was reported, so it takes a while on a backbone that has run for years.
    """
    loaded = load_whole(catalogue or catalogue_folder(), areas)
    known = loaded.catalogue
    past = _replayed(history, links, known) if history else _of_the_backbone(kafka, known)
    alert = _meant(alert_id, past, _FILES_TELL if history else _BACKBONE_TELLS)
    _refuse_judged_weeks(alert, past, known)
    if not history:
        consulting = load_consulting(catalogue or catalogue_folder())
        if consulting.are_about_a_person([past.last[alert].finding]):
            put_look_on_record(kafka, consulting, reason, by, alert_id=alert)
    explained = _explained(alert, past, loaded)
    if as_json:
        print_json(explained)
    else:
        _print(explained, known.areas)
    raise typer.Exit(OK if explained.same else WRONG)


class TakenBack(msgspec.Struct, frozen=True):
    """When the last finding of an alert was withdrawn, what it said until then, and because of what, as it is told."""

    as_of: Instant
    cause: str
    finding: Finding


class Explained(msgspec.Struct, frozen=True):
    """An alert explained, as `--json` prints it: `taken_back` where it stands no more, else an account of each finding.

    `same`: every finding was recomputed the same. `withdrawn_when` is what takes it back in the words of its rule; None
    of a rule without words of its own.
    """

    alert: str
    rule: str
    title: str | None
    key: str
    same: bool
    findings: tuple[Account, ...]
    withdrawn_when: str | None
    taken_back: TakenBack | None


def _explained(alert: str, past: Past, loaded: Loaded) -> Explained:
    last = past.last[alert]
    rule = _rule(loaded.catalogue, last.finding.rule_id)
    file = loaded.rule_files.get(last.finding.rule_id)
    accounts = tuple(_accounts(alert, past, loaded.catalogue))
    return Explained(
        alert=alert,
        rule=last.finding.rule_id,
        title=rule.title if rule else None,
        key=subject_of(last.finding.key),
        same=bool(accounts) and all(one.is_same for one in accounts),
        findings=accounts,
        withdrawn_when=file.withdrawn_when if file else None,
        taken_back=None if accounts else TakenBack(last.as_of, cause_told(last.cause), last.finding),
    )


def _refuse_judged_weeks(alert: str, past: Past, known: Catalogue) -> None:
    """A week is judged by its own past and with all others: that is another account than one of reports."""
    asking = {(rule.id, limb.name) for rule in known.rules for limb in signals_of(rule)}
    for finding in past.standing.values():
        if (finding.rule_id, finding.limb) in asking and _alert_of(finding) == alert:
            raise Wrong(
                f"alert {alert} is of {finding.key.removeprefix('area:')}, {finding.occurrence_id}, which rule "
                f"{finding.rule_id} found judged as a breach: its reports are too many to name. "
                f"What was expected there, and why, says `safety-stream indicators why`"
            )


def _replayed(files: list[Path], links: Path | None, known: Catalogue) -> Past:
    history = read_history(files, known, links)
    say_what_is_left_out(history)
    versions: list[IncidentVersion] = []
    decided: list[PersonLink] = []
    changes: list[FindingChange] = []
    clock = Clock()

    def take(output: Output) -> None:
        nonlocal clock
        if isinstance(output.value, IncidentVersion):
            versions.append(output.value)
        elif isinstance(output.value, PersonLink):
            decided.append(output.value)
        elif isinstance(output.value, FindingChange):
            changes.append(output.value)
        elif output.topic == "sightings":
            clock = clock.at(output.received_at)
            if isinstance(output.value, FeedStatus):
                clock = clock.hear(output.value)

    put_through(history, Pipeline(known, take))
    now = now_by(clock, 1, known.sources)
    return Past(*_stand(changes), lambda: versions, now, Persons(decisions_of(decided), known.persons))


def _of_the_backbone(kafka: Connection, known: Catalogue) -> Past:
    connect(kafka)
    # Findings before incidents: what a finding names has then been read, unless it was taken back meanwhile.
    standing, last = _stand(value for value in _values(kafka, "findings") if isinstance(value, FindingChange))
    clock = Clock(wall())
    for status in _values(kafka, "feed-status"):
        if isinstance(status, FeedStatus):
            clock = clock.hear(status)

    def versions() -> Iterator[IncidentVersion]:
        return (value for value in _values(kafka, "incidents") if isinstance(value, IncidentVersion))

    # Of the copies in all partitions one would do; but which partition is read to its end first, nobody knows.
    decided = (value for value in _values(kafka, "incidents") if isinstance(value, PersonLink))
    persons = Persons(decisions_of(decided), known.persons)
    partitions = len(high_watermarks(kafka, ["incidents"]))
    return Past(standing, last, versions, now_by(clock, partitions, known.sources), persons)


def _values(kafka: Connection, topic: str) -> Iterator[object]:
    decode = shipped_codecs().decoder(row_of(topic).subjects)
    return (decode(record.value) for record in read_to_end(kafka, [topic]))


def _stand(changes: Iterable[FindingChange]) -> tuple[dict[str, Finding], dict[str, FindingChange]]:
    """The findings that stand after these changes, by id, and by alert there ever was the last change of it."""
    standing: dict[str, Finding] = {}
    last: dict[str, FindingChange] = {}
    for change in changes:
        alert = _alert_of(change.finding)
        # An alert on a neighbourhood is told of on several keys, which are read one after the other.
        if alert not in last or change.as_of >= last[alert].as_of:
            last[alert] = change
        if change.change == "withdrawn":
            standing.pop(change.finding.finding_id, None)
        else:
            standing[change.finding.finding_id] = change.finding
    return standing, last


def _meant(asked: str, past: Past, told_by: str) -> str:
    meant = sorted(one for one in past.last if one.startswith(asked))
    if not meant:
        raise Wrong(f"no alert {asked} is known: {told_by}")
    if len(meant) > 1:
        raise Wrong(f"{asked} begins {len(meant)} alerts, such as {meant[0]} and {meant[1]}: write more of it")
    return meant[0]


_BACKBONE_TELLS = "see `safety-stream alerts show`"
_FILES_TELL = "see alerts.jsonl in the folder that `safety-stream replay … --out FOLDER` makes of these files"


def _accounts(alert: str, past: Past, known: Catalogue) -> Iterator[Account]:
    """Why each standing finding of an alert stands, earliest first."""
    mine = [finding for finding in past.standing.values() if _alert_of(finding) == alert]
    scope = Scope(known)

    @cache
    def grounds(key: str) -> Grounds:
        return grounds_of(past.versions, key, scope, known.bounds, past.now, past.standing, who)

    def who(version: IncidentVersion) -> Who:
        return past.persons.who(named_in(version))

    @cache
    def account(finding_id: str) -> Account:
        finding = past.standing[finding_id]
        beneath = [account(one.finding_id) for one in found_beneath(finding, past.standing)]
        return account_of(finding, _rules(known), grounds(finding.key), past.standing.values(), known.bounds, beneath)

    for finding in sorted(mine, key=lambda one: (one.completed_at, one.finding_id)):
        yield account(finding.finding_id)


def _alert_of(finding: Finding) -> str:
    return id_of_alert(finding.rule_id, subject_of(finding.key))


def _rules(known: Catalogue) -> tuple[Rule, ...]:
    return (*known.rules, HUB_RULE)


def _rule(known: Catalogue, rule_id: str) -> Rule | None:
    return next((rule for rule in _rules(known) if rule.id == rule_id), None)


def _print(explained: Explained, areas: Areas) -> None:
    title = explained.rule if explained.title is None else f"{explained.title} ({explained.rule})"
    out.print(f"{title}, on {explained.key}", markup=False)
    out.print(f"alert {explained.alert}", markup=False)
    for account in explained.findings:
        _print_account(account, areas)
        _print_beneath(account, areas)
    back = explained.taken_back
    if back is not None:
        last = back.finding
        out.print(
            f"\n{moment(last.completed_at)}  {last.priority}  {last.explanation}\n"
            f"It stands no more: it was taken back {moment(back.as_of)}, because: {back.cause}.",
            markup=False,
        )
    if explained.withdrawn_when is not None:
        out.print(f"\nWhat takes it back: {explained.withdrawn_when}", markup=False)


def _print_beneath(account: Account, areas: Areas) -> None:
    """What it rests on that was found elsewhere, and what that rests on."""
    for one in account.beneath:
        out.print(
            f"\nFound elsewhere ({one.finding.finding_id}): {one.finding.rule_id}, on {one.finding.key}", markup=False
        )
        _print_account(one, areas)
        _print_beneath(one, areas)


def _print_account(account: Account, areas: Areas) -> None:
    finding = account.finding
    out.print(f"\n{moment(finding.completed_at)}  {finding.priority}  {finding.explanation}", markup=False)
    out.print(f"recomputed: {recomputed_in_words(account)}", markup=False)
    without = {one.reports: without_in_words(one, account) for one in account.without}
    if account.occurrences:
        print_table(
            ("when", "where", "what", "as", "said by", "report", "without it"),
            [
                (
                    moment(at.occurred_at) if number == 0 else "",
                    areas.name_of(at.area) if number == 0 else "",
                    f"{one.kind}, {one.category}",
                    ", ".join(one.roles),
                    one.organisation,
                    one.incident_id,
                    without.get((one.incident_id,), ""),
                )
                for at in account.occurrences
                for number, one in enumerate(at.reports)
            ],
        )
        for at in account.occurrences:
            if len(at.reports) > 1:
                whole = without[tuple(one.incident_id for one in at.reports)]
                together = f"Without the {len(at.reports)} reports of {moment(at.occurred_at)} together"
                out.print(f"{together}: {whole}.", markup=False)
    else:
        out.print(f"It rests on {account.rests_on_reports:,} reports, none of them singled out.", markup=False)
    for left in account.left_out:
        one = left.report
        out.print(
            f"Left out: {one.kind}, {one.category}, of {one.organisation} ({one.incident_id}), "
            f"reported {moment(one.reported_at)}: {REASONS.get(left.reason, left.reason)}.",
            markup=False,
        )
    if account.hangs_on_one:
        out.print(_hanging(account), markup=False)
    if account.is_full:
        out.print("One more in that time, told late, would take it back: the rule asks for no more.", markup=False)
    out.print(
        f"In the {length_in_words(LOOKED_BACK)} to then this rule completed {_times(account.times_here)} in "
        f"{areas.name_of(finding.area)}, and {_times(account.times_on_key)} on this key.",
        markup=False,
    )


def _hanging(account: Account) -> str:
    needed = sum(not one.stands for one in account.without if len(one.reports) == 1)
    if not needed:
        return "There is a report without which this would not be."
    return f"Without {'the report' if needed == 1 else f'any one of the {needed} reports'} so marked this would not be."


def recomputed_in_words(account: Account) -> str:
    """What recomputing a finding gave, as half a sentence."""
    match account.verdict:
        case "same":
            return "same"
        case "no-rule":
            return f"not; {account.finding.rule_id} is retired, or no rule of this catalogue any more"
        case "new-version":
            return (
                f"the rule is now version {account.version_now}, and this was found by version "
                f"{account.finding.rule_version}; under it the answer is: {_answer(account, account.today)}"
            )
        case "reports-gone":
            return (
                f"differs, because reports it names were taken back since, or are kept no longer: "
                f"{', '.join(account.gone)}; run it again once the workers have caught up, or name files with --history"
            )
        case "differs":
            return (
                f"differs: {_answer(account, account.recomputed)}; the rule was changed without a new version, or this "
                "is a defect"
            )
        case "overtaken":
            return (
                f"same, but by all that is known of this key today the answer is: {_answer(account, account.today)}; "
                "run it again once the workers have caught up"
            )


def _answer(account: Account, found: Finding | None) -> str:
    if found is None:
        return "nothing is found"
    return f"another in {', '.join(account.differs_in)}" if account.differs_in else "the same"


def without_in_words(without: Without, account: Account) -> str:
    """What would be without these reports of the evidence, as half a sentence."""
    if not without.stands:
        return "this would not be"
    changed = without.priority != account.finding.priority
    as_urgent = f", as {without.priority} instead of {account.finding.priority}" if changed else ""
    return f"stands{as_urgent}{', on other reports' if without.instead else ''}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"
