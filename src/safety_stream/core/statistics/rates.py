"""Between which counts chance alone keeps a count whose mean is known."""

from __future__ import annotations

import numpy as np

from safety_stream.core.statistics.distributions import negative_binomial_survival, negative_binomial_upper_quantile


def poisson_interval(mean: float, alpha: float) -> tuple[int, int]:
    """The counts, both ends in, that a Poisson variable of this mean leaves with a probability of at most `alpha`.

    Central and exact: it falls below the interval with at most `alpha` / 2, and above it likewise; no shorter interval
    of which both is true begins later or ends earlier. 0 < alpha < 1, mean >= 0.
    """
    if mean == 0:
        return 0, 0
    means, one = np.array([mean]), np.ones(1)
    above = int(negative_binomial_upper_quantile(alpha / 2, means, one)[0])
    below = 0
    # Halving: P(X < k) grows with k; the greatest k at which it is still small enough is where the interval begins.
    beyond = above + 1
    while beyond - below > 1:
        middle = (below + beyond) // 2
        is_small = 1 - negative_binomial_survival(np.array([float(middle)]), means, one)[0] <= alpha / 2
        below, beyond = (middle, beyond) if is_small else (below, middle)
    return below, above
