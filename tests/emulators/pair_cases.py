"""Linear layers whose zeros 4 neighbouring outputs share, for the kernel of pairs of inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from edge.ir import Graph, Rounding
from edge.sparsity.pattern_names import parse_pattern
from tests.emulators.dsp_firmware import Case
from tests.emulators.dsp_graphs import Int8s, Spec, random_weights, weighted
from tests.emulators.sparse_cases import (
    MASKS,
    Family,
    Random,
    case,
    end_case,
    extreme_weights,
    masked,
)

KERNEL = "dsp/linear_pairs_s8"
SCALINGS = (Spec(Rounding.SINGLE), Spec(Rounding.TFLITE), Spec(Rounding.TFLM))
PATTERNS = {"2:4x4": 0.5, "1:4x4": 0.75, "3:4x4": 0.25, "2:8x4": 0.75, "1:8x4": 0.875}


def shared(weights: Int8s, pattern: str) -> Int8s:
    """The weights that N:M keeps of each row of a matrix, the same ones by 4 rows."""
    scores = np.abs(weights[:, None].astype(np.float32)) + 1
    kept = parse_pattern(pattern).mask(scores, PATTERNS[pattern])[:, 0]
    return np.where(kept, weights, np.int8(0))


def vectors(count: int, weight: Int8s, spec: Spec, rng: Random) -> Graph:
    return weighted("linear", (count, weight.shape[1]), weight, spec, rng)


def shared_by_four_outputs(family: Family, rng: Random) -> Iterator[Case]:
    """N:M of all windows, and inputs that fill half of the last one."""
    sizes = product(PATTERNS, (8, 24, 64), (4, 12))
    for index, (pattern, inputs, outputs) in enumerate(sizes):
        weight = shared(random_weights((outputs, inputs), rng), pattern)
        graph = vectors(1 + index % 2, weight, SCALINGS[index % 3], rng)
        yield case(f"{pattern} {inputs}->{outputs}", graph, KERNEL, rng)
    for index, (kind, words) in enumerate(product(MASKS[:-1], (1, 2, 3, 5, 17))):
        weight = masked(random_weights((32, 4 * words), rng), kind, (4, 1), rng)
        graph = vectors(1, weight, SCALINGS[index % 3], rng)
        yield case(f"{kind} {words} words", graph, KERNEL, rng)


def pairs_of_every_count(family: Family, rng: Random) -> Iterator[Case]:
    """All entries into the unrolled steps, once and again, beside a group without any."""
    for words in range(1, 19):
        weight = random_weights((12, 4 * words), rng)
        weight[4:8], weight[8:, ::2] = 0, 0
        yield case(f"{words} steps", vectors(1, weight, SCALINGS[words % 3], rng), KERNEL, rng)


def pairs_at_their_ends(family: Family, rng: Random) -> Iterator[Case]:
    """Weights and inputs of -127, -128 and 127; clamps; scales down to nothing; in place."""
    for spec, value, activation in product(SCALINGS, (-128, 127), ("none", "relu6")):
        weight = shared(extreme_weights((16, 64), rng), "2:4x4")
        wide = replace(spec, spread=20.0, activation=activation)
        yield end_case(f"{value} {wide}", vectors(2, weight, wide, rng), KERNEL, value)
    for spec, spread in product(SCALINGS, (1e-2, 1e-4, 1e-6)):
        weight = shared(random_weights((8, 32), rng), "1:4x4")
        small = replace(spec, spread=spread, bias=1 << 22)
        yield case(f"spread {spread} {spec.rounding}", vectors(1, weight, small, rng), KERNEL, rng)
    for inputs, outputs in ((8, 8), (12, 4), (24, 8)):
        for pattern in ("2:4x4", "1:4x4")[: 1 + (inputs % 8 == 0)]:
            weight = shared(random_weights((outputs, inputs), rng), pattern)
            graph = vectors(3, weight, SCALINGS[0], rng)
            yield case(f"{pattern} {inputs}, end", graph, KERNEL, rng, at_end=True)
