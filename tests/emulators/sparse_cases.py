"""Masks, and what every folder's sparse kernels are tested on: graphs of one operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from edge.ir import Graph, Rounding
from edge.ir.graph import Attr
from tests.emulators.dsp_firmware import Case
from tests.emulators.dsp_graphs import Int8s, Spec, random_input, random_weights, weighted

Random = np.random.Generator

MASKS = ("half", "few", "empty row", "full row", "last block", "nothing", "dense")


def masked(weights: Int8s, kind: str, block: tuple[int, int], rng: Random) -> Int8s:
    """The weights without some blocks; a row is that of an output channel."""
    rows = weights.reshape(len(weights), -1)
    tiles = [-(-size // side) for size, side in zip(rows.shape, block, strict=True)]
    kept = rng.random(tiles) < {"few": 0.08, "most": 0.75, "dense": 1.0, "nothing": 0.0}.get(
        kind, 0.5
    )
    if kind in ("empty row", "full row"):
        kept[rng.integers(tiles[0])] = kind == "full row"
    if kind == "last block":
        kept[:] = False
        kept[:, -1] = True
    whole = np.kron(kept, np.ones(block, bool))[: rows.shape[0], : rows.shape[1]]
    return np.where(whole, rows, np.int8(0)).reshape(weights.shape)


def extreme_weights(shape: tuple[int, ...], rng: Random, lowest: int = -127) -> Int8s:
    """The ends of the range only."""
    return rng.choice(np.array([lowest, 127], np.int8), shape)


def pointwise(pixels: int, weight: Int8s, spec: Spec, rng: Random) -> Graph:
    out_c, in_c = weight.shape
    return weighted("conv2d", (1, 1, pixels, in_c), weight.reshape(out_c, 1, 1, in_c), spec, rng)


def linear(pixels: int, weight: Int8s, spec: Spec, rng: Random) -> Graph:
    """A linear layer with one scale for all channels."""
    shared = replace(spec, per_channel=False)
    return weighted("linear", (pixels, weight.shape[1]), weight, shared, rng)


def convolution(
    x: tuple[int, int, int], weight: Int8s, spec: Spec, rng: Random, **attrs: Attr
) -> Graph:
    return weighted("conv2d", (1, *x), weight, spec, rng, attrs)


def case(name: str, graph: Graph, kernel: str, rng: Random, **options: int) -> Case:
    return Case(name, graph, kernel, (random_input(graph, rng),), **options)


def end_case(name: str, graph: Graph, kernel: str, value: int) -> Case:
    """All inputs at one end of their range."""
    return Case(name, graph, kernel, (np.full(graph.type("x0").shape, value, np.int8),))


Topic = Callable[["Family", Random], Iterator[Case]]
ROUNDINGS = (Rounding.TFLITE, Rounding.SINGLE)


@dataclass(frozen=True)
class Family:
    """The sparse kernels of a folder, the blocks they take, and how their layers may be sized.

    depth: input channels of convolutions are multiples of it; gaps: block columns to leave out;
    word: inputs of other layers are multiples of it.
    """

    pointwise: tuple[str, ...]
    conv: str
    linear: str
    block: tuple[int, int]
    linear_block: tuple[int, int]
    depth: int
    gaps: tuple[int, ...]
    linear_gaps: tuple[int, ...]
    word: int = 4

    def channels(self, count: int) -> int:
        return count * self.block[0]

    def mask(self, weights: Int8s, kind: str, rng: Random) -> Int8s:
        return masked(weights, kind, self.block, rng)

    def linear_mask(self, weights: Int8s, kind: str, rng: Random) -> Int8s:
        return masked(weights, kind, self.linear_block, rng)


def pixels_of_every_count(family: Family, rng: Random) -> Iterator[Case]:
    """All divisions into strips, several strips at once included."""
    for pixels, rounding in product((*range(1, 27), 36, 43, 50, 74), ROUNDINGS):
        weight = family.mask(random_weights((family.channels(5), 24), rng), "half", rng)
        graph = pointwise(pixels, weight, Spec(rounding), rng)
        for kernel in family.pointwise:
            yield case(f"{kernel} {pixels} {rounding}", graph, kernel, rng)


def masks_and_channels(family: Family, rng: Random) -> Iterator[Case]:
    """All remainders of the unrolled loops; empty and full rows."""
    columns = product(MASKS, (1, 2, 4, 7, 8, 9, 17), (1, 4, 9, 20))
    for index, (kind, blocks, pixels) in enumerate(columns):
        shape = family.channels(1 + index % 6), family.block[1] * blocks
        weight = family.mask(random_weights(shape, rng), kind, rng)
        graph = pointwise(pixels, weight, Spec(ROUNDINGS[index % 2]), rng)
        yield case(f"{kind} {blocks} blocks {pixels} pixels", graph, family.pointwise[0], rng)
    for index, (kind, words, groups) in enumerate(product(MASKS, (1, 3, 4, 5, 9), (1, 3))):
        weight = family.linear_mask(
            random_weights((4 * groups, family.word * words), rng), kind, rng
        )
        graph = linear(1 + index % 2, weight, Spec(ROUNDINGS[index % 2]), rng)
        yield case(f"linear {kind} {words} words {groups} groups", graph, family.linear, rng)


def wide_gaps(family: Family, rng: Random) -> Iterator[Case]:
    """Gaps around what a byte holds, and more than 254 blocks where rows may be so long."""
    for gap, pixels in product(family.gaps, (1, 3, 19)):
        weight = np.zeros((family.channels(3), family.block[1] * (gap + 2)), np.int8)
        weight[0, :4], weight[0, -4:], weight[-1, -1] = 9, -7, 127
        graph = pointwise(pixels, weight, Spec(spread=30.0), rng)
        yield case(f"gap {gap} {pixels} pixels", graph, family.pointwise[0], rng)
    for gap, rounding in product(family.linear_gaps, ROUNDINGS):
        weight = np.zeros((8, family.word * (gap + 2)), np.int8)
        weight[0, :4], weight[3, -4:], weight[6, -1] = 9, -7, 127
        graph = linear(1, weight, Spec(rounding, spread=30.0), rng)
        yield case(f"linear gap {gap} {rounding}", graph, family.linear, rng)


def values_at_their_ends(family: Family, rng: Random) -> Iterator[Case]:
    """Weights of -128, -127 and 127, inputs at both ends, outputs far outside int8."""
    for rounding, value, lowest in product(ROUNDINGS, (-128, 127), (-128, -127)):
        spec = Spec(rounding, spread=20.0)
        weight = family.mask(extreme_weights((8, 64), rng, lowest), "half", rng)
        for pixels in (1, 5, 18):
            graph = pointwise(pixels, weight, spec, rng)
            name = f"{pixels} {value} {lowest} {rounding}"
            yield end_case(name, graph, family.pointwise[0], value)
    for rounding, value in product((Rounding.TFLM, Rounding.SINGLE), (-128, 127)):
        weight = family.linear_mask(extreme_weights((8, 64), rng), "half", rng)
        graph = linear(2, weight, Spec(rounding, spread=20.0), rng)
        yield end_case(f"linear {value} {rounding}", graph, family.linear, value)


def clamps_and_zero_points(family: Family, rng: Random) -> Iterator[Case]:
    """Fused activations at every output zero point; scales down to nothing."""
    for activation, zero, rounding in product(("relu", "relu6"), (-128, -5, 127), ROUNDINGS):
        spec = Spec(rounding, activation=activation, out_zero_point=zero, zero_point=zero)
        weight = family.mask(random_weights((8, 32), rng), "half", rng)
        name = f"{activation} at {zero} {rounding}"
        yield case(name, pointwise(25, weight, spec, rng), family.pointwise[0], rng)
        yield case(f"linear {name}", linear(3, weight, spec, rng), family.linear, rng)
    for rounding, spread in product(ROUNDINGS, (1e-2, 1e-4, 1e-6)):
        spec = Spec(rounding, spread=spread, bias=1 << 22)
        weight = family.mask(random_weights((8, 32), rng), "half", rng)
        name = f"{spread} {rounding}"
        yield case(name, pointwise(25, weight, spec, rng), family.pointwise[0], rng)
        yield case(f"linear {name}", linear(1, weight, spec, rng), family.linear, rng)


def in_place_and_at_the_end_of_memory(family: Family, rng: Random) -> Iterator[Case]:
    """Outputs on, or below, the inputs they replace; nothing behind the input is read."""
    for (words, out_c), pixels in product(((2, 8), (3, 4), (5, 8)), (1, 5, 9, 20, 40)):
        in_c = words * family.word
        weight = family.mask(random_weights((out_c, in_c), rng), "half", rng)
        graph = pointwise(pixels, weight, Spec(), rng)
        for kernel in family.pointwise:
            name = f"{kernel} {in_c}->{out_c}, {pixels} pixels"
            yield case(name, graph, kernel, rng, distance=4 * (pixels % 3))
            yield case(f"{name}, end", graph, kernel, rng, at_end=True)


def convolutions(family: Family, rng: Random) -> Iterator[Case]:
    """Widths, kernels, strides, dilations and paddings, wider than the input included."""
    depth, out_c = family.depth, family.channels(2)
    for width, rounding in product(range(1, 17), ROUNDINGS):
        weight = family.mask(random_weights((out_c, 3, 3, depth), rng), "half", rng)
        graph = convolution((4, width, depth), weight, Spec(rounding), rng, padding=(1, 1, 1, 1))
        yield case(f"width {width} {rounding}", graph, family.conv, rng)
    kernels = ((1, 1), (1, 3), (3, 1), (2, 2), (5, 5))
    forms = product(kernels, ((1, 1), (2, 2), (3, 1)), MASKS)
    for index, (kernel, stride, kind) in enumerate(forms):
        weight = family.mask(random_weights((out_c, *kernel, 2 * depth), rng), kind, rng)
        padding = (kernel[0] - 1, 1, kernel[1] - 1, 0)
        spec = Spec(ROUNDINGS[index % 2], zero_point=17)
        attrs = {"stride": stride, "padding": padding}
        graph = convolution((7, 11, 2 * depth), weight, spec, rng, **attrs)
        yield case(f"{kernel} {stride} {kind}", graph, family.conv, rng)
    weight = family.mask(random_weights((out_c, 3, 1, depth), rng), "half", rng)
    graph = convolution((9, 8, depth), weight, Spec(), rng, dilation=(3, 2), padding=(3, 3, 0, 0))
    yield case("dilated rows", graph, family.conv, rng)
    weight = family.mask(random_weights((out_c, 3, 3, depth), rng), "half", rng)
    graph = convolution((2, 3, depth), weight, Spec(), rng, padding=(5, 4, 6, 5))
    yield case("windows that miss the input", graph, family.conv, rng)
    for value in (-128, 127):
        weight = family.mask(extreme_weights((out_c, 3, 3, depth), rng, -128), "half", rng)
        graph = convolution((5, 9, depth), weight, Spec(spread=9.0), rng, padding=(1, 1, 1, 1))
        yield end_case(f"ends {value}", graph, family.conv, value)


def a_scale_for_each_channel(family: Family, rng: Random) -> Iterator[Case]:
    """Linear layers of several vectors by the pointwise kernel."""
    for rounding, pixels in product((Rounding.TFLM, Rounding.SINGLE), (4, 19)):
        weight = family.mask(random_weights((8, 5 * family.word), rng), "half", rng)
        graph = weighted("linear", (pixels, weight.shape[1]), weight, Spec(rounding), rng)
        yield case(f"{pixels} {rounding}", graph, family.pointwise[0], rng)


TOPICS: tuple[Topic, ...] = (
    pixels_of_every_count,
    masks_and_channels,
    wide_gaps,
    values_at_their_ends,
    clamps_and_zero_points,
    in_place_and_at_the_end_of_memory,
    convolutions,
    a_scale_for_each_channel,
)


def all_cases(family: Family, *more: Topic) -> list[Case]:
    """The cases of all topics, named <topic>: <case>."""
    rng = np.random.default_rng(21)
    return [
        replace(found, name=f"{topic.__name__}: {found.name}")
        for topic in (*TOPICS, *more)
        for found in topic(family, rng)
    ]
