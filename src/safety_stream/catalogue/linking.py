"""What leads from one report to another: the file that says so, and what key `linked` asks of a rule's limb."""

from __future__ import annotations

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.conditions import AbsentEntry, CalendarEntry
from safety_stream.catalogue.formats.linking import LinkingFile
from safety_stream.catalogue.formats.rules import LimbEntry
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.selecting import selector_of
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.catalogue import NOTHING_LINKED, Linked
from safety_stream.core.model.times import DAY_LENGTH, length_in_words
from safety_stream.core.rules.condition import ConditionType, Terms
from safety_stream.core.rules.windows import longest


def read_linked(files: Files, vocabulary: Vocabulary) -> Linked | None:
    """Which reports lead from one to another; a catalogue without the file links nothing. None if it is broken."""
    path = files.folder / "linking.yaml"
    if not path.exists():
        return NOTHING_LINKED
    read = files.read(path, LinkingFile)
    if read is None:
        return None
    at, entry = read[0], read[1].linked
    where: Where = ("linked",)
    if entry.select.finding is not None or entry.select.reported_within is not None:
        what = "what leads to others is a report, whenever it was made"
        at.error((*where, "select"), what, "leave finding and reported_within out")
    categories = vocabulary.categories
    if categories is not None and entry.reports_at_most > categories.bounds.hub:
        what = f"a group of {entry.reports_at_most} reports would be a hub"
        at.error((*where, "reports_at_most"), what, "ask for less, or raise hub in categories.yaml")
    return Linked(
        select=selector_of(at, (*where, "select"), entry.select, vocabulary),
        age=entry.age_days * DAY_LENGTH,
        degree_cap=entry.degree_cap,
        blocklist=frozenset(entry.blocklist),
        reports_at_most=entry.reports_at_most,
        within=entry.linked_within,
    )


def linked_within(entry: LimbEntry, vocabulary: Vocabulary) -> int | None:
    """How many identifiers may lie between what counts together; of other keys than `linked` nothing."""
    if "linked" not in entry.key:
        return None
    return entry.linked_within or (vocabulary.linked or NOTHING_LINKED).within


def check_linked(at: Place, where: Where, entry: LimbEntry, reads: ConditionType, vocabulary: Vocabulary) -> None:
    """That a limb on key `linked` asks what can be asked of linked reports, and no other limb says how far they are."""
    if "linked" not in entry.key:
        if entry.linked_within is not None:
            at.error((*where, "linked_within"), "only on key linked one thing leads to another", "leave it out")
        return
    if entry.key != ["linked"]:
        at.error((*where, "key"), "linked beside other kinds of key", "give it a limb of its own")
    if isinstance(entry.condition, AbsentEntry | CalendarEntry):
        what = f"{entry.condition.type} waits for clocks, and what is linked comes when it comes"
        at.error((*where, "condition"), what, "ask for what happens: count, distinct, sum, all_of or ordered")
    else:
        check_two_ends(at, (*where, "condition"), reads)
    if entry.besides:
        at.error((*where, "besides"), "besides would count the whole group, near or not", "leave it out")
    for step, selected in entry.select.items():
        if selected.finding is not None:
            what = f"step {step} means a finding, which names nobody"
            at.error((*where, "select", step), what, "let linked speak of reports")
    if vocabulary.linked is NOTHING_LINKED:
        at.error((*where, "key"), "nothing is linked: there is no linking.yaml", "add the file")
    else:
        check_age(at, (*where, "condition"), reads.terms, vocabulary)


def check_two_ends(at: Place, where: Where, reads: ConditionType) -> None:
    """That no report is enough by itself."""
    if reads.fewest < 2:  # noqa: PLR2004 - a link has two ends
        at.error(where, "one report alone is linked with nothing", "ask for two or more")


def check_age(at: Place, where: Where, terms: Terms, vocabulary: Vocabulary) -> None:
    """That no window, nor a chain of them, is longer than a link lasts."""
    linked = vocabulary.linked
    if linked not in (None, NOTHING_LINKED) and longest_of(terms) > linked.age:
        what = f"{in_all(terms)} may be longer than a link lasts"
        at.error(where, what, "ask for less, or raise age_days in linking.yaml")


def longest_of(terms: Terms) -> int:
    """Milliseconds a condition looks back at most. A length of months counts as the longest it can be."""
    return terms.chain * (terms.within.millis or longest(terms.within))


def in_all(terms: Terms) -> str:
    """How long it looks back, in words: `14 days`, or of a chain `3 times 14 days`."""
    return times_over(terms.chain) + length_in_words(terms.within)


def times_over(chain: int) -> str:
    """That something is there once for each link of a chain; nothing where it is no chain."""
    return "" if chain == 1 else f"{chain} times "
