"""Erdős-Rényi-Kernel: large layers are sparser (Evci et al. 2020, arXiv:1911.11134, section 3)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge.sparsity.patterns import Shape, check_sparsity


def erk(
    shapes: Mapping[str, Shape], kernels: Mapping[str, tuple[int, ...]], sparsity: float
) -> dict[str, float]:
    """Sparsities by layer whose weighted mean is `sparsity`.

    The density of a layer is proportional to (out + in + kernel sides) / (out * in * positions);
    layers that would exceed 1 are dense and the others share what is left. `shapes` are (out,
    positions, in), `kernels` the kernel's sides, () for linear layers.
    """
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    raw = {
        name: (shape[0] + shape[2] + sum(kernels.get(name, ()))) / sizes[name]
        for name, shape in shapes.items()
    }
    budget = (1 - check_sparsity(sparsity)) * sum(sizes.values())
    dense: set[str] = set()
    while True:
        rest = [name for name in shapes if name not in dense]
        left = budget - sum(sizes[name] for name in dense)
        factor = left / sum(raw[name] * sizes[name] for name in rest) if rest else 0.0
        beyond = {name for name in rest if factor * raw[name] > 1}
        if not beyond:
            return {name: 0.0 if name in dense else 1 - factor * raw[name] for name in shapes}
        dense |= beyond
