"""A value of which no token can be made, and a folder or file that cannot be used: said without repeating a value."""

from __future__ import annotations


class Unusable(ValueError):
    """A value that is not what its field holds. The sentence names the mend and never the value."""


class BadSetup(Exception):
    """Tables, keys or a mapping of columns that cannot be used. The sentence names the thing and the mend."""
