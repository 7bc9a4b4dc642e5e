"""Names, so that one person's come out alike whoever wrote them down. Pure.

Theory of operation
-------------------
A name is *folded* first: NFKC, small letters, no accents, no apostrophes (O'Brien is obrien), every other mark a space.
Then titles, suffixes and placeholders go, and each part is taken for the usual spelling of its name.

What follows joins persons at once, so it stays on the side of telling two apart:

- A **surname** is its parts run together: Smith-Jones, Smith Jones and SMITH JONES are smithjones; Mc Donald, McDonald
  and MacDonald are macdonald. Marks of faith or courtesy (Singh, Kaur, Begum) go when another part remains.
- A **forename** is the first given name. A hyphen makes one name of two (Anne-Marie is not Anne-Louise), Abdul is one
  with what follows, and Mohammed or Syed are passed over when another name follows: two brothers may share them.
- **Nicknames** stand beside, as what the forename may stand for: John and Jack may be twins.

Parts, sounds and nicknames only make tokens that somebody looks at before two are taken for one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import jellyfish
import msgspec

from safety_stream.edge.tokens.framing import framed
from safety_stream.edge.tokens.tables import Tables
from safety_stream.edge.tokens.unusable import Unusable

CACHED: Final = 1 << 16
"""How many different texts of a field are remembered: names repeat, and folding one is most of a token's cost."""

PARTS_AT_MOST: Final = 3
"""So many parts of a name make tokens of their own; whoever has more is found by the first ones."""

LENGTH_AT_MOST: Final = 200

_OTHER_NAME = re.compile(
    r"""[()\[\]{};/"“”«»]|(?<=[\s(])(?:a\.?k\.?a\.?|alias|formerly|previously|n[eé]e|known\s+as)(?=[\s:.]|$):?""",
    re.IGNORECASE,
)
# Before NFKC, which makes a space of an acute accent that stands alone.
_TYPED: Final = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("'’‘ʼ`´ʻ′＇", ""))  # noqa: RUF001
"""What people and word processors type for a hyphen or an apostrophe."""


class Surname(msgspec.Struct, frozen=True):
    """A surname, framed: `whole` of all its parts; `sounds` are the Soundex codes of it and of each part alone.

    `words` are what the field would give if it were the forename's, too.
    """

    whole: bytes
    words: tuple[bytes, ...]
    sounds: tuple[bytes, ...]


class Forename(msgspec.Struct, frozen=True):
    """Given names, framed: the `first` tells who it is; `stands_for` is what it may be short for, at least itself.

    `words` are what the field would give if it were the surname's, too.
    """

    first: bytes
    words: tuple[bytes, ...]
    initials: tuple[bytes, ...]
    stands_for: tuple[bytes, ...]
    is_initial: bool
    """Whether only a letter is known, which many share."""


class Names:
    """Normalises names by tables. What it has seen it remembers, up to a bound, and never says to anybody."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.folded = lru_cache(CACHED)(self._folded)
        self.surnames = lru_cache(CACHED)(self._surnames)
        self.forenames = lru_cache(CACHED)(self._forenames)

    def _surnames(self, text: str) -> tuple[Surname, ...]:
        """The surname in a field, then others it names (née, aka, in brackets). None at all for a placeholder.

        Raises `Unusable`.
        """
        found = (self._surname(piece) for piece in self._pieces(text))
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def _forenames(self, text: str) -> tuple[Forename, ...]:
        """The given names in a field, then others it names, likewise. Raises `Unusable`."""
        found = (self._forename(piece) for piece in self._pieces(text))
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def _pieces(self, text: str) -> list[str]:
        if len(text) > LENGTH_AT_MOST:
            raise Unusable(f"longer than {LENGTH_AT_MOST} characters: a name stands alone in its column")
        if " ".join(self._all_folded(text).replace("-", " ").split()) in self._tables.placeholders:
            return []
        first, *others = [piece for piece in _OTHER_NAME.split(text) if piece.strip()] or [""]
        # A title in brackets is nobody's other name.
        titles = self._tables.titles | self._tables.suffixes
        named = [piece for piece in others if not titles.issuperset(self._all_folded(piece).split())]
        return [first, *named][:PARTS_AT_MOST]

    def _all_folded(self, text: str) -> str:
        # Word by word: of two given names each is remembered, where both together are as good as new.
        return " ".join([self.folded(word) for word in text.split()])

    def _folded(self, text: str) -> str:
        """A word in small letters without marks; hyphens are left. Raises `Unusable` for what no name has."""
        small = unicodedata.normalize("NFKC", text.translate(_TYPED)).casefold()
        small = small.translate(self._tables.letters)
        if small.isascii() and small.isalpha():
            return small
        letters = []
        for letter in unicodedata.normalize("NFKD", small):
            kind = unicodedata.category(letter)
            if kind == "Nd":
                raise Unusable("a name has no digits: is it the right column?")
            if kind in ("Cs", "Co", "Cc") and not letter.isspace():
                raise Unusable("holds characters that are no text: name the file's --encoding")
            if kind not in {"Mn", "Cf"}:
                letters.append(letter if kind[0] in "LM" or letter == "-" else " ")
        return "".join(letters)

    def _surname(self, text: str) -> Surname | None:
        folded = self._all_folded(text)
        words = self._without_titles(folded.replace("-", " ").split())
        while len(words) > 1 and words[-1] in self._tables.suffixes:
            words.pop()
        parts = [self._surname_part(part) for part in _joined(words, self._tables.particles)]
        if not parts or " ".join(parts) in self._tables.placeholders:
            return None
        kept = [part for part in parts if part not in self._tables.marks] or parts
        whole = "".join(kept)
        shown = tuple(dict.fromkeys((whole, *kept, *parts)))[: PARTS_AT_MOST + 1]
        sounds = tuple(dict.fromkeys(framed(_sound(part)) for part in shown))[:PARTS_AT_MOST]
        return Surname(whole=framed(whole), words=self._words(folded), sounds=sounds)

    def _words(self, folded: str) -> tuple[bytes, ...]:
        """The words of a field whichever it is: names are put into each other's field."""
        words = self._without_titles(folded.replace("-", " ").split())
        parts = [self._surname_part(part) for part in _joined(words, self._tables.particles | self._tables.joined)]
        parts = [self._tables.forenames.get(part, part) for part in parts]
        return tuple(framed(part) for part in parts if part not in self._tables.marks) or tuple(map(framed, parts))

    def _surname_part(self, part: str) -> str:
        if part.startswith("mc") and len(part) > len("mc") + 2:
            part = f"mac{part[2:]}"
        return self._tables.surnames.get(part, part)

    def _forename(self, text: str) -> Forename | None:
        folded = self._all_folded(text)
        words = self._without_titles([word.replace("-", "") for word in folded.split()])
        parts = [self._tables.forenames.get(part, part) for part in _joined(words, self._tables.joined) if part]
        if not parts or " ".join(parts) in self._tables.placeholders:
            return None
        named = [parts[0], *(part for part in parts[1:] if part not in self._tables.marks)]
        telling = [part for part in named if part not in self._tables.leading] or named
        first = telling[0]
        return Forename(
            first=framed(first),
            words=self._words(folded),
            initials=tuple(dict.fromkeys(framed(part[0]) for part in (first, *parts)))[:PARTS_AT_MOST],
            stands_for=self._stands_for(first),
            # In other writing than Latin a letter may be a whole name.
            is_initial=len(first) == 1 and first.isascii(),
        )

    def _stands_for(self, first: str) -> tuple[bytes, ...]:
        known = self._tables.nicknames.get(first, (first,))
        return tuple(dict.fromkeys(framed(self._tables.forenames.get(name, name)) for name in known))[:PARTS_AT_MOST]

    def _without_titles(self, words: list[str]) -> list[str]:
        while len(words) > 1 and words[0] in self._tables.titles:
            words = words[1:]
        return words


def _joined(words: Sequence[str], openers: frozenset[str]) -> list[str]:
    """The words, each of the `openers` run together with the one that follows."""
    parts: list[str] = []
    opened = ""
    for word in words:
        opened += word
        if word not in openers:
            parts.append(opened)
            opened = ""
    return [*parts, opened] if opened else parts


def _sound(part: str) -> str:
    """The Soundex code; of a name in other letters than Latin itself."""
    return jellyfish.soundex(part) if part.isascii() else part
