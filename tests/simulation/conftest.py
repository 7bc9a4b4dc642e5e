from __future__ import annotations

import pytest


@pytest.fixture
def soak(request):
    """How many schedules to run on top of the default ones, given by `--soak`."""
    count = request.config.getoption("--soak", default=0)
    if not count:
        pytest.skip("give a number of schedules by --soak")
    return count
