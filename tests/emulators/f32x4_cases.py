"""Cases for the float kernels in vectors of four: one operator each, by topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from edge.ir import Graph, Rounding
from tests.emulators.dsp_firmware import Case
from tests.kernels.float_cases import KINDS, floats, pair, single, weighted

Random = np.random.Generator
Topic = Callable[[Random], Iterator[Case]]

POINTWISE, CONV = "f32x4/pointwise_conv2d_f32", "f32x4/conv2d_f32"
SPARSE = "f32x4/sparse_pointwise_conv2d_f32"
DEPTHWISE, ADD, MEAN = "f32x4/depthwise_conv2d_f32", "f32x4/add_f32", "f32x4/mean_f32"


def case(
    name: str, graph: Graph, kernel: str, rng: Random, kind: str = "normal", **more: int
) -> Case:
    inputs = tuple(floats(rng, graph.type(x).shape, kind) for x in graph.inputs)
    return Case(f"{name} {kind}", graph, kernel, inputs, **more)


def pointwise(pixels: int, in_c: int, out_c: int, rng: Random, **attrs: object) -> Graph:
    weight = floats(rng, (out_c, 1, 1, in_c))
    return weighted("conv2d", (1, 1, pixels, in_c), weight, rng, attrs)


def pixels_channels_and_depths(rng: Random) -> Iterator[Case]:
    """All remainders of pixels, channels and depth, more pixels than a group of strips has."""
    for pixels in (*range(1, 10), 67):
        yield case(f"{pixels} pixels", pointwise(pixels, 9, 12, rng), POINTWISE, rng)
    for (in_c, out_c), kind in product(product((1, 2, 3, 4, 7, 40), (1, 3, 4, 5, 8, 17)), KINDS):
        graph = pointwise(5, in_c, out_c, rng, activation="relu6")
        yield case(f"{in_c}->{out_c}", graph, POINTWISE, rng, kind)
    yield case("deep", pointwise(9, 1500, 9, rng), POINTWISE, rng)


def pixels_in_place(rng: Random) -> Iterator[Case]:
    """The output starts at, or below, its input where it has no more channels."""
    for (in_c, out_c), distance in product(((8, 8), (12, 5), (7, 7)), (0, 16)):
        graph = pointwise(14, in_c, out_c, rng)
        name = f"{in_c}->{out_c}, {distance} apart"
        yield case(name, graph, POINTWISE, rng, distance=distance)


def sparse(
    pixels: int, in_c: int, out_c: int, size: int, kept: float, rng: Random, kind: str = "normal"
) -> Graph:
    """A pointwise convolution of which a share of the blocks of `size` output channels is kept."""
    rows = -(-out_c // size)
    mask = np.repeat(rng.random((rows, in_c)) < kept, size, axis=0)[:out_c]
    weight = np.where(mask, floats(rng, (out_c, in_c)), np.float32(0)).reshape(out_c, 1, 1, in_c)
    attrs = {"activation": "relu6"}
    return weighted("conv2d", (1, 1, pixels, in_c), weight, rng, attrs, kind)


def sparse_convolutions(rng: Random) -> Iterator[Case]:
    """Blocks of every size, all remainders of pixels and channels, empty and full rows, zeros."""
    for size, pixels in product((1, 2, 4), (1, 3, 4, 9, 31, 32, 53)):
        graph = sparse(pixels, 9, 11, size, 0.3, rng)
        yield case(f"size {size}, {pixels} pixels", graph, SPARSE, rng)
    for size, in_c, out_c in product((1, 2, 4), (1, 3, 4, 40), (1, 4, 6, 17)):
        graph = sparse(10, in_c, out_c, size, 0.3, rng)
        yield case(f"size {size}, {in_c}->{out_c}", graph, SPARSE, rng, "zeros")
    for size, kept in product((1, 2, 4), (0.0, 0.01, 1.0)):
        graph = sparse(21, 30, 12, size, kept, rng, "zeros")
        yield case(f"size {size}, {kept} kept", graph, SPARSE, rng, "wide")
    for size, in_c in ((1, 257), (2, 700), (4, 1025)):
        graph = sparse(35 // size, in_c, 6, size, 0.2, rng)
        yield case(f"size {size}, {in_c} deep", graph, SPARSE, rng)
    for distance in (0, 16):
        graph = sparse(37, 12, 8, 1, 0.3, rng)
        yield case(f"{distance} apart", graph, SPARSE, rng, distance=distance)


def linear_layers(rng: Random) -> Iterator[Case]:
    for vectors, in_c, out_c in product((1, 3), (5, 64), (1, 9)):
        graph = weighted("linear", (vectors, in_c), floats(rng, (out_c, in_c)), rng)
        yield case(f"{vectors} x {in_c}->{out_c}", graph, POINTWISE, rng)


def convolutions(rng: Random) -> Iterator[Case]:
    """Widths, depths, kernels, strides, dilations and paddings, wider than the input included."""
    for width, depth in product((2, 3, 4, 5, 9, 21), (1, 3, 8)):
        attrs = {"stride": (2, 2), "padding": (0, 1, 0, 1), "activation": "relu"}
        graph = weighted("conv2d", (1, 4, width, depth), floats(rng, (9, 3, 3, depth)), rng, attrs)
        yield case(f"width {width}, depth {depth}", graph, CONV, rng)
    for kernel, dilation in product(((1, 1), (1, 3), (2, 2), (5, 4)), ((1, 1), (2, 3))):
        attrs = {"stride": (1, 2), "padding": (4, 3, 5, 9), "dilation": dilation}
        graph = weighted("conv2d", (1, 9, 14, 3), floats(rng, (5, *kernel, 3)), rng, attrs)
        yield case(f"kernel {kernel}, dilation {dilation}", graph, CONV, rng, "wide")


def depthwise_convolutions(rng: Random) -> Iterator[Case]:
    """Widths, channels beside multiples of 4, kernels, strides, dilations, all paddings."""
    for width, stride, channels in product((1, 3, 5, 14), (1, 2), (4, 5, 7, 16)):
        attrs = {"stride": (stride, stride), "padding": (1, 1, 1, 1), "activation": "relu6"}
        weight = floats(rng, (1, 3, 3, channels))
        graph = weighted("depthwise_conv2d", (1, 5, width, channels), weight, rng, attrs)
        yield case(f"width {width}, stride {stride}, {channels}", graph, DEPTHWISE, rng)
    for kernel, dilation in product(((1, 1), (3, 3), (5, 5), (7, 2)), ((1, 1), (2, 3))):
        attrs = {"padding": (6, 7, 5, 9), "dilation": dilation}
        weight = floats(rng, (1, *kernel, 6))
        graph = weighted("depthwise_conv2d", (1, 6, 9, 6), weight, rng, attrs)
        yield case(f"kernel {kernel}, dilation {dilation}", graph, DEPTHWISE, rng, "wide")


def sums_and_means(rng: Random) -> Iterator[Case]:
    for op, channels, kind in product(("add", "sub"), (1, 4, 7), KINDS):
        shape = (1, 2, 3, channels)
        graph = pair(op, shape, shape, {"activation": "relu"})
        yield case(f"{op} {channels}", graph, ADD, rng, kind)
        yield case(f"{op} {channels} in place", graph, ADD, rng, kind, distance=0)
    for size, channels, kind in product(((1, 1), (7, 5)), (4, 6, 16), KINDS):
        graph = single("mean", (1, *size, channels), {"axes": (1, 2), "keepdims": False})
        yield case(f"mean {size} {channels}", graph, MEAN, rng, kind)


TOPICS: tuple[Topic, ...] = (
    pixels_channels_and_depths,
    pixels_in_place,
    sparse_convolutions,
    linear_layers,
    convolutions,
    depthwise_convolutions,
    sums_and_means,
)


def all_cases() -> list[Case]:
    """The cases of all topics, their names led by the topic's."""
    rng = np.random.default_rng(31)
    return [
        replace(found, name=f"{topic.__name__}: {found.name}")
        for topic in TOPICS
        for found in topic(rng)
    ]


def fused(found: Case) -> Case:
    """The case in fused arithmetic."""
    graph = replace(found.graph, rounding=Rounding.FLOAT_FUSED)
    return replace(found, graph=graph, kernel=found.kernel.replace("f32x4/", "fused/"))


def is_product(found: Case) -> bool:
    """Whether the kernel multiplies, so that there is one of fused arithmetic."""
    return found.kernel not in (ADD, MEAN)


def fused_cases() -> list[Case]:
    """`all_cases` of the kernels that multiply, in fused arithmetic."""
    return [fused(found) for found in all_cases() if is_product(found)]
