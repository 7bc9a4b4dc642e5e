"""Which tests begin first: long ones, since whatever is begun last is waited for while the other cores are idle."""

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def long_ones_first(tests: Sequence[T], long: Sequence[T], workers: int) -> list[T]:
    """The same tests, the long ones among them dealt out to the front of each worker's share.

    `--dist worksteal` cuts the list into as many shares of one length. Both kinds stay in the order they are in, which
    is one of chance.
    """
    kept = set(long)
    others = (test for test in tests if test not in kept)
    ordered: list[T] = []
    for worker in range(workers):
        share = (len(tests) - len(ordered)) // (workers - worker)
        front = long[worker::workers]
        ordered += [*front, *islice(others, max(0, share - len(front)))]
    return [*ordered, *others]
