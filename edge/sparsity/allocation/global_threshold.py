"""One threshold for all layers: what matters least goes, wherever it is (Han et al. 2015,
arXiv:1506.02626; Blalock et al. 2020, arXiv:2003.03033)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.sparsity.patterns import Pattern, Scores, check_sparsity


def global_threshold(
    scores: Mapping[str, Scores], pattern: Pattern, sparsity: float, most: float = 0.95
) -> dict[str, float]:
    """Sparsities by layer: the share of each layer's units that score below a common threshold.

    The threshold is where the units below it hold `sparsity` of the weights that units can hold.
    No layer gets more than `most`, lest it lose its last path; what that spares is not made up.
    """
    check_sparsity(sparsity)
    units = {name: np.sort(pattern.unit_scores(score)) for name, score in scores.items()}
    sizes = {name: scores[name].size / len(unit) for name, unit in units.items()}
    pooled = np.concatenate(list(units.values()))
    weights = np.concatenate([np.full(len(unit), sizes[name]) for name, unit in units.items()])
    order = np.argsort(pooled, kind="stable")
    reached = np.cumsum(weights[order]) <= sparsity * weights.sum() + 1e-9
    threshold = pooled[order[reached.sum()]]  # the first unit that stays
    return {
        name: min(float(np.searchsorted(unit, threshold)) / len(unit), most)
        for name, unit in units.items()
    }
