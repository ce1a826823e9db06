"""Cases for the NEON kernels: one operator each, by topic, with the kernel that should run it.

A topic takes a random generator and the folder of the products: neon, neondot or neoni8mm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from edge.ir import DType, Graph, Rounding, TensorType, Value
from tests.emulators.dsp_firmware import Case
from tests.emulators.dsp_graphs import (
    Int8s,
    Spec,
    one_node,
    random_input,
    random_weights,
    tensor,
    weighted,
)

Random = np.random.Generator
Topic = Callable[[Random, str], Iterator[Case]]

ROUNDINGS = (Rounding.TFLITE, Rounding.SINGLE)
ALL_ROUNDINGS = (Rounding.TFLITE, Rounding.TFLM, Rounding.SINGLE)


def pointwise(pixels: int, weight: Int8s, spec: Spec, rng: Random, bias: object = None) -> Graph:
    out_c, in_c = weight.shape
    weight = weight.reshape(out_c, 1, 1, in_c)
    return weighted("conv2d", (1, 1, pixels, in_c), weight, spec, rng, bias=bias)


def linear(weight: Int8s, spec: Spec, rng: Random, pixels: int = 1, bias: object = None) -> Graph:
    return weighted("linear", (pixels, weight.shape[1]), weight, spec, rng, bias=bias)


def conv(
    x: tuple[int, int, int],
    weight: tuple[int, int, int],
    spec: Spec,
    rng: Random,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
) -> Graph:
    weights = random_weights((*weight, x[2]), rng)
    attrs = {"stride": stride, "padding": padding, "dilation": dilation}
    return weighted("conv2d", (1, *x), weights, spec, rng, attrs)


def depthwise(
    x: tuple[int, int, int],
    kernel: tuple[int, int],
    spec: Spec,
    rng: Random,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
) -> Graph:
    attrs = {"stride": stride, "padding": padding, "dilation": dilation}
    weights = random_weights((1, *kernel, x[2]), rng)
    return weighted("depthwise_conv2d", (1, *x), weights, spec, rng, attrs)


def case(name: str, graph: Graph, kernel: str, rng: Random, **options: int) -> Case:
    inputs = tuple(random_input(graph, rng, i) for i in range(len(graph.inputs)))
    return Case(name, graph, kernel, inputs, **options)


def tails_of_pixels_and_channels(rng: Random, folder: str) -> Iterator[Case]:
    """1 to 9 pixels; all remainders of output channels and of taps."""
    kernel = f"{folder}/linear_s8"
    for pixels in range(1, 10):
        graph = pointwise(pixels, random_weights((21, 20), rng), Spec(), rng)
        yield case(f"{pixels} pixels", graph, kernel, rng)
    for in_c, rounding in product(range(1, 42), ROUNDINGS):
        weight = random_weights((5 if in_c % 2 else 18, in_c), rng)
        graph = pointwise(5, weight, Spec(rounding=rounding), rng)
        yield case(f"{in_c} taps {rounding}", graph, kernel, rng)
    for out_c in range(1, 40):
        spec = Spec(rounding=ROUNDINGS[out_c % 2], per_channel=out_c % 3 > 0)
        graph = pointwise(5, random_weights((out_c, 12), rng), spec, rng)
        yield case(f"{out_c} channels", graph, kernel, rng)


def outputs_below_their_inputs(rng: Random, folder: str) -> Iterator[Case]:
    """Four pixels of output fit between the start of the output and that of the input."""
    for in_c, out_c, pixels in product((20, 32, 39), (3, 16, 20), (4, 9, 14)):
        graph = pointwise(pixels, random_weights((out_c, in_c), rng), Spec(), rng)
        name = f"{in_c}->{out_c}, {pixels} pixels"
        yield case(name, graph, f"{folder}/linear_s8", rng, distance=4 * out_c)


def linear_layers(rng: Random, folder: str) -> Iterator[Case]:
    for rounding, in_c, out_c, per_channel in product(
        ALL_ROUNDINGS, (1, 7, 16, 100, 257), (1, 16, 23), (False, True)
    ):
        spec = Spec(rounding=rounding, per_channel=per_channel)
        graph = linear(random_weights((out_c, in_c), rng), spec, rng, pixels=2)
        name = f"{in_c}->{out_c} {rounding} {'each' if per_channel else 'one'}"
        yield case(name, graph, f"{folder}/linear_s8", rng)


def convolutions(rng: Random, folder: str) -> Iterator[Case]:
    """Widths, depths, kernels, strides, dilations and paddings, wider than the input included."""
    name = f"{folder}/conv2d_s8"
    for width in range(1, 11):
        graph = conv((4, width, 3), (18, 3, 3), Spec(), rng, padding=(1, 1, 1, 1))
        yield case(f"width {width}", graph, name, rng)
    for depth, rounding in product((1, 2, 4, 5, 8, 17), ROUNDINGS):
        spec = Spec(rounding=rounding, zero_point=17)
        graph = conv((5, 9, depth), (6, 3, 3), spec, rng, (2, 2), (0, 1, 0, 1))
        yield case(f"depth {depth} {rounding}", graph, name, rng)
    for kernel, out_c in product(((1, 1), (1, 3), (3, 1), (2, 2), (5, 5), (10, 4)), (3, 16)):
        padding = (kernel[0] - 1, 1, kernel[1] - 1, 2)
        graph = conv((11, 9, 2), (out_c, *kernel), Spec(), rng, (2, 1), padding)
        yield case(f"kernel {kernel}, {out_c} channels", graph, name, rng)
    for stride in ((1, 3), (3, 2), (4, 4)):
        graph = conv((9, 13, 4), (4, 3, 3), Spec(), rng, stride, (2, 0, 1, 2))
        yield case(f"stride {stride}", graph, name, rng)
    for dilation, depth in product(((2, 2), (1, 3), (3, 1)), (1, 3, 16)):
        graph = conv((9, 14, depth), (4, 3, 3), Spec(), rng, (1, 2), (2, 2, 3, 1), dilation)
        yield case(f"dilation {dilation}, depth {depth}", graph, name, rng)


def depthwise_convolutions(rng: Random, folder: str) -> Iterator[Case]:
    """Channels beside multiples of 8 and 16, kernels of odd and even size, all borders."""
    name = "neon/depthwise_conv2d_s8"
    for channels, rounding, stride in product(
        (8, 9, 15, 16, 17, 24, 40), ALL_ROUNDINGS, ((1, 1), (2, 2))
    ):
        spec = Spec(rounding=rounding, zero_point=-90, per_channel=channels % 2 > 0)
        graph = depthwise((5, 7, channels), (3, 3), spec, rng, stride, (0, 1, 1, 1))
        yield case(f"{channels} channels, stride {stride} {rounding}", graph, name, rng)
    for kernel, channels in product(((1, 1), (1, 4), (3, 2), (5, 5), (8, 8)), (11, 16, 21)):
        padding = (kernel[0] - 1, 0, 0, kernel[1] - 1)
        graph = depthwise((9, 10, channels), kernel, Spec(), rng, (1, 2), padding)
        yield case(f"kernel {kernel}, {channels} channels", graph, name, rng)
    for dilation in ((2, 2), (1, 3), (3, 1)):
        graph = depthwise((9, 14, 16), (3, 3), Spec(), rng, (1, 1), (2, 2, 3, 1), dilation)
        yield case(f"dilation {dilation}", graph, name, rng)
    for left, right, stride in product((0, 1, 2), (0, 1, 2), (1, 2, 3)):
        graph = depthwise((3, 8, 8), (3, 3), Spec(), rng, (stride, stride), (2, 2, left, right))
        yield case(f"padding {left}, {right}, stride {stride}", graph, name, rng)


def without_taps(graph: Graph, kept: int, rng: Random) -> Graph:
    """With zeros at all but `kept` positions of a window, others for each 16 channels."""
    value = graph.values["w"]
    taps = np.array(graph.constant("w")).reshape(-1, value.type.shape[-1])
    for first in range(0, taps.shape[1], 16):
        taps[rng.permutation(len(taps))[kept:], first : first + 16] = 0
    changed = replace(value, data=taps.reshape(value.type.shape))
    return replace(graph, values={**graph.values, "w": changed})


def depthwise_patterns(rng: Random, folder: str) -> Iterator[Case]:
    """Every number of taps, no tap in some channels, and windows beyond the borders."""
    name = "neon/depthwise_conv2d_sparse_s8"
    for kept, channels, rounding in product(range(7), (16, 48), ALL_ROUNDINGS):
        spec = Spec(rounding=rounding, zero_point=-90)
        graph = depthwise((5, 7, channels), (3, 3), spec, rng, padding=(0, 1, 1, 1))
        yield case(
            f"{kept} of 9, {channels} channels {rounding}",
            without_taps(graph, kept, rng),
            name,
            rng,
        )
    for kernel, stride, dilation in product(((2, 5), (5, 5), (8, 8)), (1, 2), ((1, 1), (2, 3))):
        padding = (kernel[0] - 1, 1, 2, kernel[1] - 1)
        graph = depthwise((16, 15, 32), kernel, Spec(), rng, (stride, 1), padding, dilation)
        yield case(f"{kernel} {stride} {dilation}", without_taps(graph, 5, rng), name, rng)
    for value, lowest in product((-128, 127), (-127, 127)):
        graph = depthwise((4, 5, 16), (3, 3), Spec(spread=9.0), rng, padding=(1, 1, 1, 1))
        data = np.full(graph.type("w").shape, lowest, np.int8)
        graph = replace(graph, values={**graph.values, "w": replace(graph.values["w"], data=data)})
        ends = np.full(graph.type("x0").shape, value, np.int8)
        yield Case(f"{value} times {lowest}", without_taps(graph, 5, rng), name, (ends,))


def clamps_and_zero_points(rng: Random, folder: str) -> Iterator[Case]:
    """Fused activations at every output zero point."""
    for activation, zero, rounding in product(
        ("relu", "relu6", "relu_n1_to_1"), (-128, -5, 127), ROUNDINGS
    ):
        spec = Spec(activation=activation, out_zero_point=zero, zero_point=zero, rounding=rounding)
        name = f"{activation} at {zero} {rounding}"
        graph = pointwise(7, random_weights((21, 9), rng), spec, rng)
        yield case(f"pointwise {name}", graph, f"{folder}/linear_s8", rng)
        graph = conv((4, 6, 3), (5, 3, 3), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"conv {name}", graph, f"{folder}/conv2d_s8", rng)
        graph = depthwise((4, 6, 17), (3, 3), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"depthwise {name}", graph, "neon/depthwise_conv2d_s8", rng)


def saturation(rng: Random, folder: str) -> Iterator[Case]:
    """Outputs far outside int8, inputs and weights at the ends of their range."""
    for rounding, value in product(ALL_ROUNDINGS, (-128, 127)):
        spec = Spec(rounding=rounding, spread=20.0)
        weight = rng.choice(np.array([-127, 127], np.int8), (20, 64))
        fill = np.full((1, 1, 5, 64), value, np.int8)
        graph = pointwise(5, weight, spec, rng)
        yield Case(f"pointwise {value} {rounding}", graph, f"{folder}/linear_s8", (fill,))
        graph = linear(weight, spec, rng)
        yield Case(f"linear {value} {rounding}", graph, f"{folder}/linear_s8", (fill[0, 0, :1],))
        taps = np.ascontiguousarray(weight[:, :9].T).reshape(1, 3, 3, 20)
        graph = weighted("depthwise_conv2d", (1, 5, 7, 20), taps, spec, rng)
        fill = np.full((1, 5, 7, 20), value, np.int8)
        name = f"depthwise {value} {rounding}"
        yield Case(name, graph, "neon/depthwise_conv2d_s8", (fill,))


def scales_of_every_size(rng: Random, folder: str) -> Iterator[Case]:
    """Right shifts up to those whose outputs are all the zero point, and left shifts."""
    for rounding, power in product(ALL_ROUNDINGS, range(-24, 15)):
        bias = 1 << 22 if power < 5 else 1000
        spec = Spec(rounding=rounding, spread=2.0**power, bias=bias)
        weight = random_weights((20, 12), rng)
        name = f"2^{power} {rounding}"
        graph = pointwise(5, weight, spec, rng)
        yield case(f"pointwise {name}", graph, f"{folder}/linear_s8", rng)
        yield case(f"linear {name}", linear(weight, spec, rng), f"{folder}/linear_s8", rng)
        graph = depthwise((3, 5, 17), (3, 3), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"depthwise {name}", graph, "neon/depthwise_conv2d_s8", rng)


def large_biases(rng: Random, folder: str) -> Iterator[Case]:
    """Accumulators up to the end of int32, beside ordinary ones."""
    for rounding in ALL_ROUNDINGS:
        spec = Spec(rounding=rounding, spread=2e-5)
        bias = rng.integers(-(1 << 20), 1 << 20, 8).astype(np.int32)
        bias[::2] = [-(1 << 30), 1 << 30, 12345678, -(2**31) + 500_000]
        weight = random_weights((8, 16), rng)
        graph = pointwise(5, weight, spec, rng, bias)
        yield case(f"pointwise {rounding}", graph, f"{folder}/linear_s8", rng)
        taps = np.ascontiguousarray(weight[:, :9].T).reshape(1, 3, 3, 8)
        graph = weighted("depthwise_conv2d", (1, 3, 5, 8), taps, spec, rng, bias=bias)
        yield case(f"depthwise {rounding}", graph, "neon/depthwise_conv2d_s8", rng)


def additions(rng: Random, folder: str) -> Iterator[Case]:
    """Equal and unequal scales, all tails, in place, values at their ends."""
    scales = ((0.05, 0.05), (0.05, 0.011), (0.003, 0.2), (0.05, 0.026), (0.07, 0.0001))
    for index, (op, rounding, (a, b), activation, out) in enumerate(
        product(("add", "sub"), ROUNDINGS, scales, ("none", "relu6"), (0.07, 0.01))
    ):
        if op == "sub" and rounding is not Rounding.SINGLE:
            continue
        shape = (1, 2, 3, 1 + index % 9)
        types = (tensor(shape, a, -128 + 17 * index % 256), tensor(shape, b, 4))
        graph = one_node(op, types, (), (out, -9), {"activation": activation}, rounding)
        name = f"{op} {a} {b} {out} {activation} {rounding}"
        yield case(name, graph, "neon/add_s8", rng)
        yield case(f"{name} in place", graph, "neon/add_s8", rng, distance=0)
        ends = tuple(np.full(shape, end, np.int8) for end in (-128, 127))
        yield Case(f"{name}, ends", graph, "neon/add_s8", ends)


def multiplications(rng: Random, folder: str) -> Iterator[Case]:
    """Operands of the same size and repeating ones, all tails, in place, values at their ends."""
    for index, (rounding, out, other) in enumerate(
        product(ROUNDINGS, (0.02, 0.0004, 0.3), ("same", "channels", "one", "columns"))
    ):
        shape = (1, 2, 5, 1 + (index * 7) % 19)
        b = {"same": shape, "channels": (1, 1, 1, shape[3]), "one": (1, 1, 1, 1),
             "columns": (1, 1, *shape[2:])}[other]  # fmt: skip
        types = tensor(shape, 0.05, -128 + 17 * index % 256), tensor(b, 0.03, 4)
        attrs = {"activation": "relu" if index % 2 else "none"}
        graph = one_node("mul", types, (), (out, -9), attrs, rounding)
        name = f"{other} {shape[3]} channels to {out} {rounding}"
        yield case(name, graph, "neon/mul_s8", rng)
        yield case(f"{name} in place", graph, "neon/mul_s8", rng, distance=0)
        ends = np.full(shape, -128, np.int8), np.full(b, 127, np.int8)
        yield Case(f"{name}, ends", graph, "neon/mul_s8", ends)
    types = tensor((1, 1, 1, 5), 0.05, 3), tensor((1, 2, 3, 5), 0.03, 4)
    graph = one_node("mul", types, (), (0.02, 0), {}, Rounding.SINGLE)
    yield case("the first one repeats", graph, "neon/mul_s8", rng)


def lookups(rng: Random, folder: str) -> Iterator[Case]:
    """Every value in every lane, all tails, in place."""
    for elements in (*range(1, 36), 4096):
        table = rng.integers(-128, 128, 256).astype(np.int8)
        x = tensor((1, elements), 0.05, 3)
        constants = (Value("table", TensorType((256,), DType.INT8), table),)
        graph = one_node("lookup", (x,), constants, (0.1, -5), {}, Rounding.TFLITE)
        yield case(f"{elements} elements", graph, "neon/lookup_s8", rng)
        yield case(f"{elements} elements in place", graph, "neon/lookup_s8", rng, distance=0)


def pools(rng: Random, folder: str) -> Iterator[Case]:
    """Windows, strides, paddings and channels; global pools and means."""
    for kernel, stride, channels, rounding in product(
        ((2, 2), (3, 3), (5, 6)), ((1, 1), (2, 2)), (1, 7, 8, 13, 16, 19), ROUNDINGS
    ):
        attrs = {"kernel": kernel, "stride": stride, "padding": (1, 0, 1, 1)}
        x = (tensor((1, 5, 6, channels), 0.05, 3),)
        name = f"{kernel} {stride} {channels} {rounding}"
        for activation in ("none", "relu"):
            options = {**attrs, "activation": activation}
            graph = one_node("max_pool2d", x, (), (0.05, 3), options, rounding)
            yield case(f"max {name} {activation}", graph, "neon/max_pool2d_s8", rng)
            graph = one_node("avg_pool2d", x, (), (0.05, 3), options, rounding)
            yield case(f"average {name} {activation}", graph, "neon/avg_pool2d_s8", rng)
    for out, value in product((0.05, 0.002, 0.3), (-128, 127)):
        x = (tensor((1, 17, 15, 9), 0.05, -20),)
        graph = one_node("avg_pool2d", x, (), (out, 2), {"kernel": (17, 15)}, Rounding.SINGLE)
        ends = np.full((1, 17, 15, 9), value, np.int8)
        yield Case(f"average of 255 times {value} to {out}", graph, "neon/avg_pool2d_s8", (ends,))
    for rounding, size, channels in product(ROUNDINGS, ((3, 3), (16, 16), (30, 21)), (3, 8, 21)):
        x = (tensor((1, *size, channels), 0.05, 11),)
        graph = one_node("mean", x, (), (0.03, -4), {"axes": (1, 2), "keepdims": False}, rounding)
        yield case(f"mean {size} {channels} {rounding}", graph, "neon/mean_s8", rng)


TOPICS: tuple[Topic, ...] = (
    tails_of_pixels_and_channels,
    outputs_below_their_inputs,
    linear_layers,
    convolutions,
    depthwise_convolutions,
    depthwise_patterns,
    clamps_and_zero_points,
    saturation,
    scales_of_every_size,
    large_biases,
    additions,
    multiplications,
    lookups,
    pools,
)


def all_cases(folder: str) -> list[Case]:
    """Every case of every topic, named "topic: case"."""
    rng = np.random.default_rng(31)
    return [
        replace(found, name=f"{topic.__name__}: {found.name}")
        for topic in TOPICS
        for found in topic(rng, folder)
    ]
