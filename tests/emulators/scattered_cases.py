"""Pointwise convolutions of single weights, for the kernel that makes two pixels at once."""

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

KERNEL = "dsp/pointwise_conv2d_scattered_s8"


def _single(family: Family) -> Family:
    return replace(family, pointwise=(KERNEL,), block=(1, 1))


def scattered_pixels_of_every_count(family: Family, rng: Random) -> Iterator[Case]:
    """All divisions into strips of 8, 6, 4 and 2 pixels."""
    yield from pixels_of_every_count(_single(family), rng)


def scattered_in_place(family: Family, rng: Random) -> Iterator[Case]:
    """Outputs on, or below, the inputs they replace; nothing behind the input is read."""
    yield from in_place_and_at_the_end_of_memory(_single(family), rng)
    yield from a_scale_for_each_channel(_single(family), rng)


def scattered_masks(family: Family, rng: Random) -> Iterator[Case]:
    """All entries into the unrolled loop; empty and full rows; gaps around what a byte holds."""
    columns = product(MASKS, (4, 8, 12, 36, 68), (1, 4, 9, 20))
    for index, (kind, inputs, pixels) in enumerate(columns):
        weight = masked(random_weights((1 + index % 6, inputs), rng), kind, (1, 1), rng)
        graph = pointwise(pixels, weight, Spec(ROUNDINGS[index % 2]), rng)
        yield case(f"{kind} {inputs} inputs {pixels} pixels", graph, KERNEL, rng)
    for gap, pixels in product((252, 253, 254, 255, 506, 507, 508, 509, 762), (1, 3, 6, 19)):
        weight = np.zeros((3, -(-(gap + 2) // 4) * 4), np.int8)
        weight[0, 0], weight[0, gap + 1], weight[2, gap] = 9, -7, 127
        graph = pointwise(pixels, weight, Spec(spread=30.0), rng)
        yield case(f"gap {gap} {pixels} pixels", graph, KERNEL, rng)


def scattered_ends(family: Family, rng: Random) -> Iterator[Case]:
    """Sums just below 2^22 of both signs; clamps and zero points; scales down to nothing."""
    for rounding, value, activation in product(ROUNDINGS, (-128, 127), ("none", "relu6")):
        spec = Spec(rounding, spread=20.0, activation=activation)
        weight = extreme_weights((6, 252), rng)
        weight[0], weight[1] = 127, -127
        for pixels in (1, 5, 18):
            graph = pointwise(pixels, weight, spec, rng)
            yield end_case(f"{pixels} {value} {activation} {rounding}", graph, KERNEL, value)
    for rounding, spread in product(ROUNDINGS, (1e-2, 1e-4, 1e-6)):
        spec = Spec(rounding, spread=spread, bias=1 << 21)
        weight = masked(random_weights((8, 32), rng), "half", (1, 1), rng)
        yield case(f"spread {spread} {rounding}", pointwise(25, weight, spec, rng), KERNEL, rng)
