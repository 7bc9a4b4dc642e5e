"""What the rows of a partition stand under, and how far they have gone over to something else.

Theory of operation
-------------------
What a stage made of its rows depends on the catalogue. So a partition remembers, in the row `rules`, under what its
rows stand. A catalogue that says otherwise does not simply take its place: nobody would hear of the difference. The
partition goes over to it slice by slice, in order of row, and puts out the difference of each slice:

    rows:       a  b  c  d | e  f  g
                   new     ^   old
                      gone over up to here

What it is going over to is kept in the row `changing`, how far it has come in `gone-over`. Rows up to there are
governed by the new, rows beyond by the old, whatever arrives in between; and since rows and outputs are committed as
one, a crash changes nothing. A further catalogue that turns up meanwhile waits: the change under way is ended first,
because rows must stand under one of two things, not of three. (`begin_anew` is for a stage that needs no governing:
its rows say themselves what was made of them.)

`~more` is kept in the rows for as long as there is something to go over to. Records never wait for more than one slice:
a stage goes on with it only when it is called with neither records nor a time (see `stage.MORE_ROW`). So a slice is
bounded twice, in rows and in work: how much a row is only its stage can say, and only once it has gone over. A slice
ends with the row that reaches either bound; it is never less than one row, and no longer than the bound and that row.

A partition that remembers nothing begins under the present catalogue. So does one whose rows are older than this
memory: under what they stand nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from safety_stream.core.stages.stage import Rows, mark_more

_STANDING = b"rules"
_TARGET = b"changing"
_GONE_OVER = b"gone-over"


class Change:
    """How a partition's rows go over from what they stand under to what the present catalogue says, packed."""

    def __init__(self, rows: Rows, present: bytes) -> None:
        """See what the rows remember; nothing is written before `go_over` or `close`."""
        self._rows = rows
        self._present = present
        known = rows.get(_STANDING)
        self._is_known = known is not None
        self._gone_over = rows.get(_GONE_OVER) or b""
        # Mostly nothing differs: then it is one object, that whoever looks it up need not hash anew.
        self.standing = present if known is None or known == present else known
        self.target = rows.get(_TARGET)

    def is_over(self, row: bytes) -> bool:
        """Whether this row stands under the target already."""
        return self.target is not None and row <= self._gone_over

    def begin(self) -> bytes | None:
        """What there is to go over to: that of the change under way, else the present, if it is another; else None."""
        if self.target is None and self.standing != self._present:
            self.target = self._present
            self._rows.put(_TARGET, self.target)
        return self.target

    def begin_anew(self) -> bool:
        """Go over to the present, from the first row again if the aim was another; False when nothing is left to do.

        For a stage that does by the present whatever arrives, be the row gone over or not. So it may not end what was
        begun for another: rows behind it would stay as that other, or the present, left them. To be called in every
        step, before anything is done.
        """
        if (self.standing if self.target is None else self.target) != self._present:
            self.target, self._gone_over = self._present, b""
            self._rows.put(_TARGET, self.target)
            self._rows.delete(_GONE_OVER)
        return self.target is not None

    def go_over(
        self,
        ranges: Sequence[tuple[bytes, bytes]],
        most: int,
        work: int,
        take_over: Callable[[bytes], int],
        end_of: Callable[[bytes], bytes] = bytes,
    ) -> None:
        """Go over the next rows, all inside `ranges` (in order), each by `take_over`, which says how much work it was.

        At most so many, and no more once they were so much work; after the last, all have. Rows that go over together
        have one `end_of` them, which no other row lies before; they count as one, and it is given in their stead.
        """
        done = 0
        for number, (end, _) in enumerate(groupby(self._rows_left(ranges), end_of), start=1):
            done += take_over(end)
            if number == most or done >= work:
                self._gone_over = end
                self._rows.put(_GONE_OVER, end)
                return
        if self.target is not None:
            self._rows.put(_STANDING, self.target)
            self._rows.delete(_TARGET)
            self._rows.delete(_GONE_OVER)
            self.standing, self.target, self._gone_over = self.target, None, b""

    def close(self, *, has_read: bool) -> None:
        """Remember under what the rows stand, once there are any, and whether there is more to do."""
        if has_read and not self._is_known:
            self._rows.put(_STANDING, self.standing)
        mark_more(self._rows, has_more=self.target is not None or self.standing != self._present)

    def _rows_left(self, ranges: Sequence[tuple[bytes, bytes]]) -> Iterator[bytes]:
        for start, stop in ranges:
            for row, _ in self._rows.scan(max(start, self._gone_over + b"\x00"), stop):
                yield row
