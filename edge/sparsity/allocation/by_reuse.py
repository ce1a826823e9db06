"""By reuse: layers whose weights are used at more positions are sparser.

A weight removed from a layer of 144 pixels saves 144 multiply-accumulates, one removed from a layer
of 9 pixels saves 9. At the same sparsity of the whole model this allocation makes it quicker than
equal sparsities do, the more so the larger the exponent.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge.sparsity.patterns import check_sparsity

_BISECTIONS = 60


def by_reuse(
    weights: Mapping[str, int],
    positions: Mapping[str, int],
    sparsity: float,
    exponent: float = 0.25,
    most: float = 0.95,
) -> dict[str, float]:
    """Sparsities by layer of which `sparsity` is the mean over all weights.

    A layer's density is proportional to positions^-exponent, at most 1 and at least 1 - `most`.
    `weights` and `positions` are the weights of each layer and the outputs that each contributes
    to. An exponent of 0 gives equal sparsities.
    """
    wanted = (1 - check_sparsity(sparsity)) * sum(weights.values())
    low, high = 0.0, max(positions.values()) ** max(exponent, 0.0)
    for _ in range(_BISECTIONS):
        scale = (low + high) / 2
        density = {
            name: min(1.0, max(1 - most, scale * count**-exponent))
            for name, count in positions.items()
        }
        if sum(weights[name] * density[name] for name in weights) < wanted:
            low = scale
        else:
            high = scale
    return {name: round(1 - density[name], 6) for name in weights}
