"""What partners have agreed to work for, as data, and whether indicators measure it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.indicators import AgreementFile
from safety_stream.catalogue.issues import Issue
from safety_stream.core.catalogue import Agreement, Catalogue, Indicator, Rate, Sentence, Share

FOLDER = "agreement"


def read_agreements(files: Files) -> tuple[Agreement, ...] | None:
    """The agreements in order of their files; None when one of them cannot be had."""
    found: list[Agreement] = []
    whole = True
    for path in files.in_folder(files.folder / FOLDER):
        read = files.read(path, AgreementFile)
        if read is None:
            whole = False
            continue
        at, model = read
        if model.id != path.stem:
            at.error(("id",), f"id {model.id} is not the file's name", f"call the file {model.id}.yaml")
        at.check_days((), model.valid_from, model.valid_to)
        at.refuse_repeats("sentences", [entry.id for entry in model.sentences])
        found.append(
            Agreement(
                id=model.id,
                title=model.title,
                valid_from=model.valid_from,
                valid_to=model.valid_to,
                sentences=tuple(
                    Sentence(id=entry.id, part=entry.part, words=entry.words, without=entry.without)
                    for entry in model.sentences
                ),
            )
        )
    return tuple(found) if whole else None


def tags_of(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """By tag, what measures it: indicators, shares and rates, in the catalogue's order."""
    found: dict[str, list[str]] = {}
    measures: tuple[Indicator | Share | Rate, ...] = (*catalogue.indicators, *catalogue.shares, *catalogue.rates)
    for one in measures:
        for tag in one.tags:
            found.setdefault(tag, []).append(one.id)
    return {tag: tuple(names) for tag, names in found.items()}


def unmeasured(folder: Path, catalogue: Catalogue, chosen: str | None = None) -> list[Issue]:
    """What the agreements, or the chosen one, ask for and no indicator measures; and what says the contrary of itself.

    Raises `KeyError` naming the agreements there are when there is none of that id.
    """
    known = {agreement.id for agreement in catalogue.agreements}
    if chosen is not None and chosen not in known:
        raise KeyError(f"no agreement {chosen!r}; the agreements are {', '.join(sorted(known)) or 'none'}")
    files = Files(folder)
    measured = tags_of(catalogue)
    for agreement in catalogue.agreements:
        path = folder / FOLDER / f"{agreement.id}.yaml"
        read = files.read(path, AgreementFile) if chosen in (None, agreement.id) else None
        if read is None:
            continue
        at, _ = read
        for index, sentence in enumerate(agreement.sentences):
            what = f"no indicator measures {sentence.id}: {sentence.words}"
            if sentence.id in measured and sentence.without is not None:
                what = f"{sentence.id} is said to need no indicator, and has {', '.join(measured[sentence.id])}"
                at.warning(("sentences", index), what, "leave without out")
            elif sentence.id not in measured and sentence.without is None:
                at.warning(("sentences", index), what, f"tag one with {sentence.id}, or say without what it does")
    return files.sorted_issues()


def sentences_of(catalogue: Catalogue, chosen: str | None = None) -> Iterator[tuple[Agreement, Sentence]]:
    """Every sentence of the agreements, or of the chosen one."""
    for agreement in catalogue.agreements:
        if chosen in (None, agreement.id):
            for sentence in agreement.sentences:
                yield agreement, sentence
