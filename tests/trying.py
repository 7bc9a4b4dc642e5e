"""How hard properties are tried: in every run as often as finds a defect, and by `make test-deep` ten times as often.

What takes long to try says by `often` on how many examples it is tried usually; whatever says nothing, on hypothesis'
own hundred. The examples are others each time.
"""

from hypothesis import settings

USUAL = 100
"""Examples under the profile every run has."""


def often(usual: int) -> int:
    """So many, times what the profile that is loaded has of the usual one."""
    return usual * settings().max_examples // USUAL
