"""Pointwise convolutions of weights at places of their own: single ones, and pairs of 4 inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from tests.emulators.dsp_firmware import Case
from tests.emulators.dsp_graphs import Spec, random_weights
from tests.emulators.sparse_cases import (
    MASKS,
    ROUNDINGS,
    Family,
    Random,
    a_scale_for_each_channel,
    case,
    end_case,
    extreme_weights,
    in_place_and_at_the_end_of_memory,
    masked,
    pixels_of_every_count,
    pointwise,
)

SINGLES, PAIRS = "dsp/pointwise_conv2d_scattered_s8", "dsp/pointwise_conv2d_pairs_s8"
KERNELS = (SINGLES, PAIRS)


def _scattered(family: Family) -> Family:
    return replace(family, pointwise=KERNELS, block=(1, 1))


def scattered_pixels_of_every_count(family: Family, rng: Random) -> Iterator[Case]:
    """All divisions into strips of 8, 6, 4 and 2 pixels."""
    yield from pixels_of_every_count(_scattered(family), rng)


def scattered_in_place(family: Family, rng: Random) -> Iterator[Case]:
    """Outputs on, or below, the inputs they replace; nothing behind the input is read."""
    yield from in_place_and_at_the_end_of_memory(_scattered(family), rng)
    yield from a_scale_for_each_channel(_scattered(family), rng)


def scattered_masks(family: Family, rng: Random) -> Iterator[Case]:
    """All entries into the unrolled loop; empty and full rows."""
    columns = product(MASKS, (4, 8, 12, 36, 68), (1, 4, 9, 20))
    for index, (kind, inputs, pixels) in enumerate(columns):
        weight = masked(random_weights((1 + index % 6, inputs), rng), kind, (1, 1), rng)
        graph = pointwise(pixels, weight, Spec(ROUNDINGS[index % 2]), rng)
        for kernel in KERNELS:
            yield case(f"{kernel} {kind} {inputs} inputs {pixels} pixels", graph, kernel, rng)


def scattered_gaps(family: Family, rng: Random) -> Iterator[Case]:
    """Gaps around what a byte holds: of inputs, and of the 6 pairs of each 4 inputs."""
    inputs = product((0,), (253, 254, 255, 256, 507, 508, 509, 510, 763))
    pairs = ((a, 4 * windows + b) for a, b in product(range(4), repeat=2) for windows in (42, 43))
    for index, (first, last) in enumerate((*inputs, *pairs, (2, 343))):
        weight = np.zeros((3, last // 4 * 4 + 4), np.int8)
        weight[0, first], weight[0, last], weight[2, last - 1] = 9, -7, 127
        graph = pointwise((1, 3, 6, 19)[index % 4], weight, Spec(spread=30.0), rng)
        for kernel in KERNELS:
            yield case(f"{kernel} {first} to {last}", graph, kernel, rng)


def scattered_ends(family: Family, rng: Random) -> Iterator[Case]:
    """Sums just below their limit of both signs; clamps and zero points; scales down to nothing."""
    for rounding, value, activation in product(ROUNDINGS, (-128, 127), ("none", "relu6")):
        spec = Spec(rounding, spread=20.0, activation=activation)
        for kernel, pixels in product(KERNELS, (1, 5, 18)):
            weight = extreme_weights((6, 252 if kernel == SINGLES else 508), rng)
            weight[0], weight[1] = 127, -127
            graph = pointwise(pixels, weight, spec, rng)
            name = f"{kernel} {pixels} {value} {activation} {rounding}"
            yield end_case(name, graph, kernel, value)
    for rounding, spread in product(ROUNDINGS, (1e-2, 1e-4, 1e-6)):
        spec = Spec(rounding, spread=spread, bias=1 << 21)
        weight = masked(random_weights((8, 32), rng), "half", (1, 1), rng)
        graph = pointwise(25, weight, spec, rng)
        for kernel in KERNELS:
            yield case(f"{kernel} spread {spread} {rounding}", graph, kernel, rng)
