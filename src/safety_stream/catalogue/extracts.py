"""What authorities must disclose to one another, as data, and which indicators answer it."""

from __future__ import annotations

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.indicators import ExtractFile, ItemEntry
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.catalogue import Extract, Item

FOLDER = "extracts"


def read_extracts(files: Files, vocabulary: Vocabulary) -> tuple[Extract, ...]:
    """The extracts in order of their files; one that cannot be had is told of and left out."""
    found: list[Extract] = []
    for path in files.in_folder(files.folder / FOLDER):
        read = files.read(path, ExtractFile)
        if read is None:
            continue
        at, model = read
        if model.id != path.stem:
            at.error(("id",), f"id {model.id} is not the file's name", f"call the file {model.id}.yaml")
        at.refuse_repeats("items", [entry.id for entry in model.items])
        found.append(
            Extract(
                id=model.id,
                title=model.title,
                due_quarters_after=model.due_quarters_after,
                form=model.form,
                marking=model.marking,
                readers=tuple(model.readers),
                sources={
                    "police": model.sources.police,
                    "fire": model.sources.fire,
                    "local-authority": model.sources.local_authority,
                    "health": model.sources.health,
                },
                items=tuple(_item(at, ("items", index), entry, vocabulary) for index, entry in enumerate(model.items)),
            )
        )
    return tuple(found)


def _item(at: Place, where: Where, entry: ItemEntry, vocabulary: Vocabulary) -> Item:
    if bool(entry.indicators) == (entry.without is not None):
        what = "both indicators and without" if entry.indicators else "neither indicators nor without"
        at.error(where, f"item {entry.id} has {what}", "name what answers it, or say why nothing does")
    for number, name in enumerate(entry.indicators):
        place = (*where, "indicators", number)
        at.know(place, "indicator", name, vocabulary.indicators)
        if name in entry.indicators[:number]:
            at.error(place, f"item {entry.id} names {name} twice", "leave one out: else it is counted twice")
        indicator = (vocabulary.indicators or {}).get(name)
        if indicator is not None and "month" not in indicator.periods:
            at.error(place, f"indicator {name} is not counted by the month", "give it the period month")
    return Item(
        id=entry.id,
        holder=entry.holder,
        words=entry.words,
        indicators=tuple(entry.indicators),
        short=entry.short,
        without=entry.without,
    )
