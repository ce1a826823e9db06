"""The Armv7E-M kernels equal the numpy reference in every byte, on both compilers and both cores.

All cases of a compiler and a core are one firmware; each test looks at the cases of one topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from edge.ir import DType, Graph, Rounding, TensorType, Value
from tests.emulators.dsp_firmware import Case, Outcome, run_cases
from tests.emulators.dsp_graphs import (
    Int8s,
    Spec,
    one_node,
    random_input,
    random_weights,
    tensor,
    weighted,
)
from tests.emulators.installed import need

Random = np.random.Generator
ROUNDINGS = (Rounding.TFLITE, Rounding.SINGLE)
POINTWISE, LINEAR, CONV = "dsp/pointwise_conv2d_s8", "dsp/linear_s8", "dsp/conv2d_s8"
POINTWISE_WIDE, CONV_WIDE = "dsp/pointwise_conv2d_wide_s8", "dsp/conv2d_wide_s8"
CONV_LEAN = "dsp/conv2d_lean_s8"
DEPTHWISE, ADD = "dsp/depthwise_conv2d_s8", "dsp/add_s8"
WINDOW, WINDOW_S2 = "dsp/depthwise_window_s8", "dsp/depthwise_window_s2_s8"
LEAN, LEAN_S2 = "dsp/depthwise_window_lean_s8", "dsp/depthwise_window_s2_lean_s8"
MUL, LOOKUP = "dsp/mul_s8", "dsp/lookup_s8"


def pointwise(pixels: int, weight: Int8s, spec: Spec, rng: Random, bias: object = None) -> Graph:
    out_c, in_c = weight.shape
    weight = weight.reshape(out_c, 1, 1, in_c)
    return weighted("conv2d", (1, 1, pixels, in_c), weight, spec, rng, bias=bias)


def linear(weight: Int8s, spec: Spec, rng: Random, pixels: int = 1, bias: object = None) -> Graph:
    spec = replace(spec, per_channel=False)
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
    spec: Spec,
    rng: Random,
    stride: int,
    padding: tuple[int, int, int, int],
) -> Graph:
    attrs = {"stride": (stride, stride), "padding": padding}
    weights = random_weights((1, 3, 3, x[2]), rng)
    return weighted("depthwise_conv2d", (1, *x), weights, spec, rng, attrs)


def window(
    x: tuple[int, int, int],
    kernel: tuple[int, int],
    spec: Spec,
    rng: Random,
    filters: int = 1,
    **attrs: tuple[int, ...],
) -> Graph:
    """depthwise_conv2d with `filters` output channels for each input channel."""
    weights = random_weights((1, *kernel, x[2] * filters), rng)
    return weighted("depthwise_conv2d", (1, *x), weights, spec, rng, attrs)


def product_of(
    a: tuple[int, ...],
    b: tuple[int, ...],
    spec: Spec,
    scale: float = 0.01,
) -> Graph:
    """mul of operands with different zero points; `scale` of the product of integers."""
    types = (tensor(a, 0.05, spec.zero_point), tensor(b, 0.02, spec.zero_point // 2 + 9))
    out = (0.05 * 0.02 / scale, spec.out_zero_point)
    return one_node("mul", types, (), out, {"activation": spec.activation}, spec.rounding)


def case(name: str, graph: Graph, kernel: str, rng: Random, **options: int) -> Case:
    inputs = tuple(random_input(graph, rng, i) for i in range(len(graph.inputs)))
    return Case(name, graph, kernel, inputs, **options)


def tails_of_pixels_and_channels(rng: Random) -> Iterator[Case]:
    """1 to 9 pixels; input and output channels that are no multiples of 4 or 2."""
    for pixels in range(1, 10):
        weight = random_weights((6, 12), rng)
        yield case(f"{pixels} pixels", pointwise(pixels, weight, Spec(), rng), POINTWISE, rng)
    channels = (1, 2, 3, 4, 5, 8)
    for in_c, out_c in product((*channels, 7, 33, 40), channels):
        spec = Spec(rounding=ROUNDINGS[(in_c + out_c) % 2])
        weight = random_weights((out_c, in_c), rng)
        yield case(f"{in_c}->{out_c}", pointwise(5, weight, spec, rng), POINTWISE, rng)


def steps_of_every_count(rng: Random) -> Iterator[Case]:
    """All remainders of the unrolled inner loops."""
    for in_c in range(1, 42):
        weight = random_weights((4, in_c), rng)
        yield case(f"{in_c} taps", pointwise(5, weight, Spec(), rng), POINTWISE, rng)
        yield case(f"{in_c} inputs", linear(weight, Spec(), rng), LINEAR, rng)


def pixels_in_place(rng: Random) -> Iterator[Case]:
    """The output starts at, or below, its input where it has no more channels."""
    for (in_c, out_c), distance, pixels in product(
        ((8, 8), (12, 5), (7, 7), (4, 4)), (0, 4, 16), (4, 9, 14)
    ):
        graph = pointwise(pixels, random_weights((out_c, in_c), rng), Spec(), rng)
        name = f"{in_c}->{out_c}, {pixels} pixels, {distance} apart"
        yield case(name, graph, POINTWISE, rng, distance=distance)


def convolutions(rng: Random) -> Iterator[Case]:
    """Widths, depths, kernels, strides, dilations and paddings, wider than the input included."""
    for width in range(1, 11):
        graph = conv((4, width, 3), (4, 3, 3), Spec(), rng, padding=(1, 1, 1, 1))
        yield case(f"width {width}", graph, CONV, rng)
    for depth, rounding in product((1, 2, 4, 5, 8, 12), ROUNDINGS):
        spec = Spec(rounding=rounding, zero_point=17)
        graph = conv((5, 9, depth), (6, 3, 3), spec, rng, (2, 2), (0, 1, 0, 1))
        yield case(f"depth {depth} {rounding}", graph, CONV, rng)
    kernels = ((1, 1), (1, 3), (3, 1), (2, 2), (5, 5), (10, 4), (4, 7))
    for kernel, out_c in product(kernels, (3, 8)):
        padding = (kernel[0] - 1, 1, kernel[1] - 1, 2)
        graph = conv((11, 9, 2), (out_c, *kernel), Spec(), rng, (2, 1), padding)
        yield case(f"kernel {kernel}, {out_c} channels", graph, CONV, rng)
    for stride in ((1, 3), (3, 2), (4, 4)):
        graph = conv((9, 13, 4), (4, 3, 3), Spec(), rng, stride, (2, 0, 1, 3))
        yield case(f"stride {stride}", graph, CONV, rng)
    for dilation, depth in product(((2, 2), (1, 3), (3, 1)), (1, 3, 8)):
        graph = conv((9, 14, depth), (4, 3, 3), Spec(), rng, (1, 2), (2, 2, 3, 1), dilation)
        yield case(f"dilation {dilation}, depth {depth}", graph, CONV, rng)
    graph = conv((2, 3, 4), (4, 3, 3), Spec(), rng, padding=(5, 4, 6, 5))
    yield case("windows that miss the input", graph, CONV, rng)


def lean_convolutions(rng: Random) -> Iterator[Case]:
    """The same convolutions, one pixel at a time."""
    for found in convolutions(rng):
        yield replace(found, kernel=CONV_LEAN)


def depthwise_convolutions(rng: Random) -> Iterator[Case]:
    """Widths around the borders of blocks, channels beside multiples of 4, all paddings."""
    for width, stride in product((1, 2, 3, 4, 5, 6, 7, 9, 23, 24, 25, 26, 48, 51, 75), (1, 2)):
        graph = depthwise((2, width, 4), Spec(), rng, stride, (1, 1, 1, 1))
        yield case(f"width {width}, stride {stride}", graph, DEPTHWISE, rng)
    for channels, rounding, stride in product((4, 5, 6, 7, 8, 13, 16), ROUNDINGS, (1, 2)):
        spec = Spec(rounding=rounding, zero_point=-90)
        graph = depthwise((5, 6, channels), spec, rng, stride, (0, 1, 0, 1))
        yield case(f"{channels} channels, stride {stride} {rounding}", graph, DEPTHWISE, rng)
    for left, right, stride in product((0, 1, 2), (0, 1, 2, 3), (1, 2)):
        graph = depthwise((3, 8, 4), Spec(), rng, stride, (2, 2, left, right))
        yield case(f"padding {left}, {right}, stride {stride}", graph, DEPTHWISE, rng)
    graph = depthwise((2, 3, 4), Spec(), rng, 1, (4, 4, 4, 5))
    yield case("windows that miss the input", graph, DEPTHWISE, rng)


def depthwise_windows(rng: Random) -> Iterator[Case]:
    """Kernels of all sizes, every width around the border of blocks, paddings, strides."""
    sizes = [(k, k) for k in range(1, 12)] + [(1, 5), (5, 1), (1, 2), (2, 3), (7, 4), (3, 11)]
    for index, ((kernel_h, kernel_w), stride) in enumerate(product(sizes, (1, 2))):
        spec = Spec(rounding=ROUNDINGS[index % 2], zero_point=-90, per_channel=index % 3 > 0)
        padding = (kernel_h // 2, (kernel_h - 1) // 2, kernel_w // 2, (kernel_w - 1) // 2)
        strides = {"stride": (stride, stride), "padding": padding}
        graph = window((9, 10, 5), (kernel_h, kernel_w), spec, rng, **strides)
        name = f"{kernel_h}x{kernel_w}, stride {stride} {spec.rounding}"
        yield case(name, graph, WINDOW_S2 if min(stride, kernel_w) == 2 else WINDOW, rng)
    for width, (kernel, stride) in product((1, 2, 3, 4, 5, 17, 35, 39, 77), ((5, 1), (5, 2))):
        strides = {"stride": (1, stride), "padding": (2, 2, 2, 2)}
        graph = window((2, width, 4), (kernel, kernel), Spec(), rng, **strides)
        for kernels in ((WINDOW, WINDOW_S2), (LEAN, LEAN_S2)):
            yield case(f"width {width}, {kernels[stride - 1]}", graph, kernels[stride - 1], rng)
    for left, right, stride in product((0, 1, 4), (0, 3, 4), (1, 2)):
        strides = {"stride": (3, stride), "padding": (4, 0, left, right)}
        graph = window((6, 9, 4), (5, 5), Spec(), rng, **strides)
        name = f"padding {left}, {right}, stride {stride}"
        yield case(name, graph, (WINDOW, WINDOW_S2)[stride - 1], rng)
    graph = window((2, 3, 4), (5, 5), Spec(), rng, padding=(7, 6, 9, 8))
    yield case("windows that miss the input", graph, WINDOW, rng)
    graph = window((9, 7, 4), (3, 3), Spec(), rng, dilation=(3, 1), padding=(3, 3, 1, 1))
    yield case("dilated rows", graph, WINDOW, rng)
    graph = window((9, 14, 6), (4, 1), Spec(), rng, stride=(2, 3), dilation=(1, 4))
    yield case("stride 3 under one column", graph, WINDOW, rng)


def depthwise_channels(rng: Random) -> Iterator[Case]:
    """1 to 9 channels and 1 to 3 filters for each; nothing behind the input is read."""
    for channels, filters, stride in product(range(1, 10), (1, 2, 3), (1, 2)):
        spec = Spec(rounding=ROUNDINGS[(channels + filters) % 2], zero_point=33)
        options = {"stride": (stride, stride), "padding": (1, 0, 1, 0)}
        graph = window((5, 11, channels), (3, 3), spec, rng, filters, **options)
        name = f"{channels} channels, {filters} filters, stride {stride}"
        kernel = (WINDOW, WINDOW_S2)[stride - 1]
        yield case(name, graph, kernel, rng, at_end=channels < 6)


def depthwise_clamps_and_scales(rng: Random) -> Iterator[Case]:
    """Fused activations, zero points, saturation and scales down to nothing."""
    for activation, rounding, zero in product(("relu", "relu6"), ROUNDINGS, (-128, 127)):
        spec = Spec(rounding, activation=activation, out_zero_point=-zero // 2, zero_point=zero)
        graph = window((6, 6, 6), (5, 5), spec, rng, padding=(2, 2, 2, 2))
        yield case(f"{activation} {rounding} {zero}", graph, WINDOW, rng)
    for rounding, spread in product(ROUNDINGS, (20.0, 1e-3, 1e-6, 1e-9)):
        graph = window((6, 6, 6), (5, 5), Spec(rounding, spread=spread), rng)
        yield case(f"{rounding} spread {spread}", graph, WINDOW, rng)
    weight = np.full((1, 11, 11, 4), 127, np.int8)
    weight[..., 1], weight[..., 2] = -127, -128
    for rounding, end in product(ROUNDINGS, (-128, 127)):
        spec = Spec(rounding, spread=0.05, bias=1 << 19)
        graph = weighted("depthwise_conv2d", (1, 11, 12, 4), weight, spec, rng)
        ends = np.full((1, 11, 12, 4), end, np.int8)
        yield Case(f"largest sums {rounding} {end}", graph, WINDOW, (ends,))
    bias = np.array([1 << 29, 5, -(1 << 30), 9, 0], np.int32)
    weights = random_weights((1, 5, 5, 5), rng)
    graph = weighted("depthwise_conv2d", (1, 6, 6, 5), weights, Spec(), rng, bias=bias)
    yield case("channels that always saturate", graph, WINDOW, rng)


def products(rng: Random) -> Iterator[Case]:
    """Both roundings, repeated operands on either side, all tails, in place, every scale."""
    whole = (1, 3, 5, 6)
    shapes = ((whole, whole), (whole, (1, 1, 1, 6)), ((1, 1, 5, 6), whole), (whole, (1, 1, 1, 1)))
    for (a, b), rounding, activation in product(shapes, ROUNDINGS, ("none", "relu6")):
        graph = product_of(a, b, Spec(rounding, activation=activation))
        yield case(f"{a} {b} {rounding} {activation}", graph, MUL, rng)
        if a == whole:
            yield case(f"{a} {b} {rounding} {activation} in place", graph, MUL, rng, distance=0)
    for elements, rounding in product(range(1, 10), ROUNDINGS):
        graph = product_of((1, elements), (1, elements), Spec(rounding, zero_point=-128))
        yield case(f"{elements} elements {rounding}", graph, MUL, rng)
    for rounding, scale in product(ROUNDINGS, (0.249, 0.1, 1 / 64, 3e-3, 1e-4, 3e-6, 4e-7)):
        graph = product_of((1, 64, 8), (1, 64, 8), Spec(rounding), scale)
        yield case(f"scale {scale} {rounding}", graph, MUL, rng)
    for rounding, ends in product(ROUNDINGS, product((-128, 127), (-128, 127))):
        graph = product_of((1, 9), (1, 9), Spec(rounding, zero_point=-128), 0.01)
        inputs = tuple(np.full((1, 9), end, np.int8) for end in ends)
        yield Case(f"ends {ends} {rounding}", graph, MUL, inputs)


def lookups(rng: Random) -> Iterator[Case]:
    """All values, all tails, in place and behind."""
    table = rng.permutation(256).astype(np.uint8).view(np.int8)
    entries = (Value("t", TensorType((256,), DType.INT8), table),)
    for elements in (*range(1, 18), 256):
        x = (tensor((1, elements), 0.05, 3),)
        graph = one_node("lookup", x, entries, (0.03, -4), {}, Rounding.TFLITE)
        values = np.arange(-128, elements - 128).astype(np.int8).reshape(1, elements)
        yield Case(f"{elements}", graph, LOOKUP, (values,))
        yield case(f"{elements} in place", graph, LOOKUP, rng, distance=0)
        yield case(f"{elements} behind", graph, LOOKUP, rng, distance=1)


def linear_layers(rng: Random) -> Iterator[Case]:
    """Channels that are no multiples of 4; inputs around the border of the narrow form."""
    for rounding, in_c, out_c in product(
        (Rounding.TFLITE, Rounding.TFLM, Rounding.SINGLE),
        (1, 2, 3, 5, 16, 255, 257, 260),
        (1, 6, 9),
    ):
        graph = linear(random_weights((out_c, in_c), rng), Spec(rounding=rounding), rng, pixels=2)
        yield case(f"{in_c}->{out_c} {rounding}", graph, LINEAR, rng)
    for rounding in (Rounding.TFLM, Rounding.SINGLE):
        spec = Spec(rounding=rounding)
        graph = weighted("linear", (3, 20), random_weights((5, 20), rng), spec, rng)
        yield case(f"a scale for each channel {rounding}", graph, POINTWISE, rng)
    for in_c, out_c in product((1, 3, 16, 255, 257, 260), (1, 4, 6, 9, 16)):
        weight, spec = random_weights((out_c, in_c), rng), Spec(rounding=Rounding.SINGLE)
        graph = weighted("linear", (1 + in_c % 2, in_c), weight, spec, rng)
        yield case(f"{in_c}->{out_c}, a scale for each channel", graph, LINEAR, rng)


def clamps_and_zero_points(rng: Random) -> Iterator[Case]:
    """Fused activations at every output zero point, inputs at their ends."""
    for activation, zero, rounding in product(
        ("relu", "relu6", "relu_n1_to_1"), (-128, -5, 127), ROUNDINGS
    ):
        spec = Spec(activation=activation, out_zero_point=zero, zero_point=zero, rounding=rounding)
        name = f"{activation} at {zero} {rounding}"
        weight = random_weights((5, 9), rng)
        yield case(f"pointwise {name}", pointwise(7, weight, spec, rng), POINTWISE, rng)
        yield case(f"linear {name}", linear(weight, spec, rng), LINEAR, rng)
        graph = conv((4, 6, 3), (5, 3, 3), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"conv {name}", graph, CONV, rng)
        graph = depthwise((4, 6, 5), spec, rng, 1, (1, 1, 1, 1))
        yield case(f"depthwise {name}", graph, DEPTHWISE, rng)


def saturation(rng: Random) -> Iterator[Case]:
    """Outputs far outside int8, inputs and weights at the ends of their range."""
    for rounding, value in product((Rounding.TFLM, Rounding.SINGLE), (-128, 127)):
        spec = Spec(rounding=rounding, spread=20.0)
        weight = rng.choice(np.array([-127, 127], np.int8), (6, 64))
        fill = np.full((1, 1, 5, 64), value, np.int8)
        graph = pointwise(5, weight, spec, rng)
        yield Case(f"pointwise {value} {rounding}", graph, POINTWISE, (fill,))
        graph = linear(weight, spec, rng)
        yield Case(f"linear {value} {rounding}", graph, LINEAR, (fill[0, 0, :1],))
        graph = depthwise((5, 7, 8), spec, rng, 1, (1, 1, 1, 1))
        fill = np.full((1, 5, 7, 8), value, np.int8)
        yield Case(f"depthwise {value} {rounding}", graph, DEPTHWISE, (fill,))


def scales_of_every_size(rng: Random) -> Iterator[Case]:
    """Shifts from 1 up to those whose outputs are all the zero point."""
    for rounding, spread in product((Rounding.TFLM, Rounding.SINGLE), 2.0 ** np.arange(-24, 5, 2)):
        spec = Spec(rounding=rounding, spread=float(spread), bias=1 << 22)
        weight = random_weights((4, 12), rng)
        name = f"spread {spread} {rounding}"
        yield case(f"pointwise {name}", pointwise(5, weight, spec, rng), POINTWISE, rng)
        yield case(f"linear {name}", linear(weight, spec, rng), LINEAR, rng)
        graph = depthwise((3, 5, 4), spec, rng, 1, (1, 1, 1, 1))
        yield case(f"depthwise {name}", graph, DEPTHWISE, rng)


def channels_without_weights(rng: Random) -> Iterator[Case]:
    """Constant channels with biases up to the end of int32, beside ordinary ones."""
    for rounding in ROUNDINGS:
        spec = Spec(rounding=rounding, spread=2e-5)
        weight = random_weights((8, 16), rng)
        weight[::2] = 0
        bias = rng.integers(-(1 << 20), 1 << 20, 8).astype(np.int32)
        bias[::2] = [-(1 << 30), 1 << 30, 12345678, -(2**31) + 1]
        graph = pointwise(5, weight, spec, rng, bias)
        yield case(f"pointwise {rounding}", graph, POINTWISE, rng)
        taps = np.ascontiguousarray(weight[:, :9].T).reshape(1, 3, 3, 8)
        graph = weighted("depthwise_conv2d", (1, 3, 5, 8), taps, spec, rng, bias=bias)
        yield case(f"depthwise {rounding}", graph, DEPTHWISE, rng)


def channels_that_never_leave_one_output(rng: Random) -> Iterator[Case]:
    """Biases beyond 2**23 whose weights cannot bring the output back from where it saturates."""
    for rounding, activation in product(ROUNDINGS, ("none", "relu6")):
        spec = Spec(rounding=rounding, activation=activation)
        weight = random_weights((6, 16), rng)
        bias = rng.integers(-1000, 1000, 6).astype(np.int32)
        bias[[1, 4]] = [12 << 20, -(1 << 28)]
        graph = pointwise(5, weight, spec, rng, bias)
        yield case(f"pointwise {rounding} {activation}", graph, POINTWISE, rng)
        taps = np.ascontiguousarray(weight[:, :9].T).reshape(1, 3, 3, 6)
        graph = weighted("depthwise_conv2d", (1, 3, 5, 6), taps, spec, rng, bias=bias)
        yield case(f"depthwise {rounding} {activation}", graph, DEPTHWISE, rng)


def sums_up_to_the_bound(rng: Random) -> Iterator[Case]:
    """|acc| just below 2**23, where the two channels of a pair would mix."""
    for rounding, sign in product((Rounding.TFLM, Rounding.SINGLE), (-1, 1)):
        spec = Spec(rounding=rounding, spread=0.3, zero_point=0)
        weight = np.full((4, 500), 127, np.int8)
        bias = np.full(4, sign * ((1 << 23) - 2 - 128 * 127 * 500), np.int32)
        fill = np.full((1, 1, 5, 500), -128 if sign < 0 else 127, np.int8)
        graph = pointwise(5, weight, spec, rng, bias)
        yield Case(f"pointwise {sign} {rounding}", graph, POINTWISE, (fill,))
        yield Case(
            f"linear {sign} {rounding}", linear(weight, spec, rng, 5, bias), LINEAR, (fill[0, 0],)
        )


def wide_packing(rng: Random) -> Iterator[Case]:
    """Sums up to 2**28 and weights of -128; all tails of pixels, channels and steps."""
    for rounding, sign in product((Rounding.TFLM, Rounding.SINGLE), (-1, 1)):
        spec = Spec(rounding=rounding, spread=0.01, zero_point=0)
        weight = np.full((4, 600), -128, np.int8)
        bias = np.full(4, sign * ((1 << 28) - 2 - 128 * 128 * 600), np.int32)
        fill = np.full((1, 1, 5, 600), -128 if sign > 0 else 127, np.int8)
        graph = pointwise(5, weight, spec, rng, bias)
        yield Case(f"sums {sign} {rounding}", graph, POINTWISE_WIDE, (fill,))
    for in_c, out_c in product((*range(1, 20), 33), (1, 2, 3, 8)):
        spec = Spec(rounding=ROUNDINGS[in_c % 2], zero_point=9)
        weight = rng.choice(np.array([-128, -77, 3, 127], np.int8), (out_c, in_c))
        yield case(f"{in_c}->{out_c}", pointwise(6, weight, spec, rng), POINTWISE_WIDE, rng)
    for depth, rounding in product((1, 3, 4, 8), ROUNDINGS):
        spec = Spec(rounding=rounding, zero_point=17)
        graph = conv((5, 9, depth), (6, 3, 3), spec, rng, (2, 2), (1, 1, 1, 1))
        yield case(f"depth {depth} {rounding}", graph, CONV_WIDE, rng)
    for rounding in (Rounding.TFLM, Rounding.SINGLE):
        graph = weighted("linear", (3, 20), random_weights((5, 20), rng), Spec(rounding), rng)
        yield case(f"a scale for each channel {rounding}", graph, POINTWISE_WIDE, rng)
    spec = Spec(spread=2e-5)
    weight = random_weights((8, 16), rng)
    weight[::2] = 0
    bias = rng.integers(-(1 << 20), 1 << 20, 8).astype(np.int32)
    bias[::2] = [-(1 << 30), 1 << 30, 12345678, -(2**31) + 1]
    yield case("no weights", pointwise(5, weight, spec, rng, bias), POINTWISE_WIDE, rng)


def additions(rng: Random) -> Iterator[Case]:
    """Both roundings, equal and unequal scales, all tails, in place."""
    scales = ((0.05, 0.05), (0.05, 0.011), (0.003, 0.2), (0.05, 0.026), (0.07, 0.0001))
    for index, (op, rounding, (a, b), activation) in enumerate(
        product(("add", "sub"), ROUNDINGS, scales, ("none", "relu6"))
    ):
        if op == "sub" and rounding is not Rounding.SINGLE:
            continue
        shape = (1, 2, 3, 1 + index % 9)
        types = (tensor(shape, a, -128 + 17 * index % 256), tensor(shape, b, 4))
        graph = one_node(op, types, (), (0.07, -9), {"activation": activation}, rounding)
        name = f"{op} {a} {b} {activation} {rounding}"
        yield case(name, graph, ADD, rng)
        yield case(f"{name} in place", graph, ADD, rng, distance=0)
        ends = tuple(np.full(shape, end, np.int8) for end in (-128, 127))
        yield Case(f"{name}, ends", graph, ADD, ends)


def pools(rng: Random) -> Iterator[Case]:
    """Windows, strides, paddings and channels; global pools."""
    for kernel, stride, channels, rounding in product(
        ((2, 2), (3, 3), (5, 6)), ((1, 1), (2, 2)), (1, 4, 7), ROUNDINGS
    ):
        attrs = {"kernel": kernel, "stride": stride, "padding": (1, 0, 1, 1)}
        x = (tensor((1, 5, 6, channels), 0.05, 3),)
        name = f"{kernel} {stride} {channels} {rounding}"
        for activation in ("none", "relu"):
            options = {**attrs, "activation": activation}
            graph = one_node("max_pool2d", x, (), (0.05, 3), options, rounding)
            yield case(f"max {name} {activation}", graph, "dsp/max_pool2d_s8", rng)
            graph = one_node("avg_pool2d", x, (), (0.05, 3), options, rounding)
            yield case(f"average {name} {activation}", graph, "dsp/avg_pool2d_s8", rng)
    x = (tensor((1, 25, 10, 6), 0.05, -128),)
    graph = one_node("avg_pool2d", x, (), (0.05, -128), {"kernel": (25, 10)}, Rounding.TFLITE)
    yield case("average of 250", graph, "dsp/avg_pool2d_s8", rng)
    ends = np.full((1, 25, 10, 6), -128, np.int8)
    yield Case("average of 250, ends", graph, "dsp/avg_pool2d_s8", (ends,))
    for rounding, size, channels in product(ROUNDINGS, ((3, 3), (16, 16), (30, 21)), (3, 8)):
        x = (tensor((1, *size, channels), 0.05, 11),)
        graph = one_node("mean", x, (), (0.03, -4), {"axes": (1, 2), "keepdims": False}, rounding)
        yield case(f"mean {size} {channels} {rounding}", graph, "dsp/mean_s8", rng)


TOPICS: tuple[Callable[[Random], Iterator[Case]], ...] = (
    tails_of_pixels_and_channels,
    steps_of_every_count,
    pixels_in_place,
    convolutions,
    lean_convolutions,
    depthwise_convolutions,
    depthwise_windows,
    depthwise_channels,
    depthwise_clamps_and_scales,
    linear_layers,
    clamps_and_zero_points,
    saturation,
    scales_of_every_size,
    channels_without_weights,
    channels_that_never_leave_one_output,
    sums_up_to_the_bound,
    wide_packing,
    additions,
    products,
    lookups,
    pools,
)


def all_cases() -> list[Case]:
    rng = np.random.default_rng(20)
    return [
        replace(found, name=f"{topic.__name__}: {found.name}")
        for topic in TOPICS
        for found in topic(rng)
    ]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return all_cases()


@pytest.fixture(
    scope="module",
    params=[("cortex-m7", "gcc"), ("cortex-m7", "zig"), ("cortex-m4", "gcc"), ("cortex-m4", "zig")],
    ids="-".join,
)
def outcome(
    request: pytest.FixtureRequest, cases: list[Case], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    target, toolchain = request.param
    need(target, toolchain)
    return run_cases(cases, target, toolchain, tmp_path_factory.mktemp("dsp"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__)
def test_every_byte_equals_the_reference(
    outcome: Outcome, topic: Callable[[Random], Iterator[Case]]
) -> None:
    assert [name for name in outcome.failed if name.startswith(f"{topic.__name__}:")] == []


def test_the_planner_accepts_every_case(cases: list[Case]) -> None:
    refused = [c.name for c in cases if not c.chosen.accepts(c.graph, c.graph.nodes[0])]
    assert refused == []


def test_outputs_are_not_all_alike(cases: list[Case]) -> None:
    """Cases that only compare constants would prove nothing."""
    varied = sum(len(np.unique(c.expected)) > 1 for c in cases)
    assert varied > 0.8 * len(cases)
