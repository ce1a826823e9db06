"""The WebAssembly SIMD kernels equal the numpy reference in every byte, under wasmtime.

All cases are one module; each test looks at the cases of one topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from edge.emit.packing import PACKERS
from edge.ir import Graph, Rounding
from edge.quantization import constants
from edge.quantization.fixed_point import once, twice
from edge.quantization.requantize import Form, Requantize
from edge.quantization.simd128_scale import vector_scale
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
from tests.emulators.wasm_module import failures

Random = np.random.Generator
ROUNDINGS = (Rounding.TFLITE, Rounding.SINGLE)
POINTWISE, CONV = "simd128/pointwise_conv2d_s8", "simd128/conv2d_s8"
DEPTHWISE, ADD = "simd128/depthwise_conv2d_s8", "simd128/add_s8"


def pointwise(pixels: int, weight: Int8s, spec: Spec, rng: Random, bias: object = None) -> Graph:
    out_c, in_c = weight.shape
    weight = weight.reshape(out_c, 1, 1, in_c)
    return weighted("conv2d", (1, 1, pixels, in_c), weight, spec, rng, bias=bias)


def linear(weight: Int8s, spec: Spec, rng: Random, pixels: int = 1) -> Graph:
    spec = replace(spec, per_channel=False)
    return weighted("linear", (pixels, weight.shape[1]), weight, spec, rng)


def conv(
    x: tuple[int, int, int], weight: tuple[int, int, int], spec: Spec, rng: Random, **attrs: object
) -> Graph:
    weights = random_weights((*weight, x[2]), rng)
    return weighted("conv2d", (1, *x), weights, spec, rng, attrs)


def depthwise(x: tuple[int, int, int], spec: Spec, rng: Random, **attrs: object) -> Graph:
    weights = random_weights((1, 3, 3, x[2]), rng)
    return weighted("depthwise_conv2d", (1, *x), weights, spec, rng, attrs)


def case(name: str, graph: Graph, kernel: str, rng: Random, **options: int) -> Case:
    inputs = tuple(random_input(graph, rng, i) for i in range(len(graph.inputs)))
    return Case(name, graph, kernel, inputs, **options)


def tails_of_pixels_and_channels(rng: Random) -> Iterator[Case]:
    """1 to 9 pixels; input and output channels that are no multiples of 8."""
    for pixels in range(1, 10):
        weight = random_weights((12, 16), rng)
        yield case(f"{pixels} pixels", pointwise(pixels, weight, Spec(), rng), POINTWISE, rng)
    for in_c, out_c in product((1, 3, 7, 8, 9, 24, 33), (1, 2, 7, 8, 9, 16, 20)):
        spec = Spec(rounding=ROUNDINGS[(in_c + out_c) % 2])
        weight = random_weights((out_c, in_c), rng)
        yield case(f"{in_c}->{out_c}", pointwise(5, weight, spec, rng), POINTWISE, rng)


def groups_of_strips(rng: Random) -> Iterator[Case]:
    """More pixels than are widened at once: for few inputs 256, for many 40."""
    for pixels, in_c in ((255, 4), (257, 4), (261, 4), (40, 1600), (41, 1600), (83, 1600)):
        graph = pointwise(pixels, random_weights((9, in_c), rng), Spec(), rng)
        yield case(f"{pixels} pixels of {in_c}", graph, POINTWISE, rng)


def pixels_in_place(rng: Random) -> Iterator[Case]:
    """The output starts at, or below, its input where it has no more channels."""
    for (in_c, out_c), distance, pixels in product(
        ((8, 8), (12, 5), (7, 7), (16, 8)), (0, 4, 16), (4, 9, 14)
    ):
        graph = pointwise(pixels, random_weights((out_c, in_c), rng), Spec(), rng)
        name = f"{in_c}->{out_c}, {pixels} pixels, {distance} apart"
        yield case(name, graph, POINTWISE, rng, distance=distance)


def convolutions(rng: Random) -> Iterator[Case]:
    """Widths, depths, kernels, strides, dilations and paddings, wider than the input included."""
    for width in range(1, 11):
        graph = conv((4, width, 3), (4, 3, 3), Spec(), rng, padding=(1, 1, 1, 1))
        yield case(f"width {width}", graph, CONV, rng)
    for depth, rounding in product((1, 2, 4, 5, 8, 16), ROUNDINGS):
        spec = Spec(rounding=rounding, zero_point=17)
        graph = conv((5, 9, depth), (6, 3, 3), spec, rng, stride=(2, 2), padding=(0, 1, 0, 1))
        yield case(f"depth {depth} {rounding}", graph, CONV, rng)
    kernels = ((1, 1), (1, 3), (3, 1), (2, 2), (5, 5), (10, 4), (4, 7))
    for kernel, out_c in product(kernels, (3, 8, 17)):
        padding = (kernel[0] - 1, 1, kernel[1] - 1, 2)
        graph = conv((11, 9, 2), (out_c, *kernel), Spec(), rng, stride=(2, 1), padding=padding)
        yield case(f"kernel {kernel}, {out_c} channels", graph, CONV, rng)
    for dilation, depth in product(((2, 2), (1, 3), (3, 1)), (1, 3, 8)):
        attrs = {"stride": (1, 2), "padding": (2, 2, 3, 1), "dilation": dilation}
        graph = conv((9, 14, depth), (4, 3, 3), Spec(), rng, **attrs)
        yield case(f"dilation {dilation}, depth {depth}", graph, CONV, rng)
    graph = conv((2, 3, 4), (4, 3, 3), Spec(), rng, padding=(5, 4, 6, 5))
    yield case("windows that miss the input", graph, CONV, rng)


def depthwise_convolutions(rng: Random) -> Iterator[Case]:
    """Widths, channels beside multiples of 8, strides, dilations, all paddings."""
    for width, stride in product((1, 2, 3, 4, 5, 9, 14), ((1, 1), (2, 2), (1, 3))):
        graph = depthwise((4, width, 8), Spec(), rng, stride=stride, padding=(1, 1, 1, 1))
        yield case(f"width {width}, stride {stride}", graph, DEPTHWISE, rng)
    for channels, rounding, stride in product((8, 9, 12, 15, 16, 31), ROUNDINGS, (1, 2)):
        spec = Spec(rounding=rounding, zero_point=-90)
        attrs = {"stride": (stride, stride), "padding": (0, 1, 0, 1)}
        graph = depthwise((5, 6, channels), spec, rng, **attrs)
        yield case(f"{channels} channels, stride {stride} {rounding}", graph, DEPTHWISE, rng)
    for left, right, stride in product((0, 1, 2), (0, 1, 2, 3), (1, 2)):
        attrs = {"stride": (stride, stride), "padding": (2, 2, left, right)}
        graph = depthwise((3, 8, 8), Spec(), rng, **attrs)
        yield case(f"padding {left}, {right}, stride {stride}", graph, DEPTHWISE, rng)
    for dilation in ((2, 2), (1, 3), (3, 1)):
        graph = depthwise((9, 10, 8), Spec(), rng, dilation=dilation, padding=(1, 2, 3, 2))
        yield case(f"dilation {dilation}", graph, DEPTHWISE, rng)
    graph = depthwise((2, 3, 8), Spec(), rng, padding=(4, 4, 4, 5))
    yield case("windows that miss the input", graph, DEPTHWISE, rng)


def linear_layers(rng: Random) -> Iterator[Case]:
    """All three arithmetics, one and several vectors."""
    roundings = (Rounding.TFLITE, Rounding.TFLM, Rounding.SINGLE)
    for rounding, in_c, out_c in product(roundings, (1, 5, 16, 260), (1, 9, 16)):
        for pixels in (1, 2):
            spec = Spec(rounding=rounding)
            graph = linear(random_weights((out_c, in_c), rng), spec, rng, pixels)
            yield case(f"{pixels} x {in_c}->{out_c} {rounding}", graph, POINTWISE, rng)


def clamps_and_zero_points(rng: Random) -> Iterator[Case]:
    """Fused activations at every output zero point, inputs at their ends."""
    activations = ("relu", "relu6", "relu_n1_to_1")
    for activation, zero, rounding in product(activations, (-128, -5, 127), ROUNDINGS):
        spec = Spec(activation=activation, out_zero_point=zero, zero_point=zero, rounding=rounding)
        name = f"{activation} at {zero} {rounding}"
        weight = random_weights((9, 9), rng)
        yield case(f"pointwise {name}", pointwise(7, weight, spec, rng), POINTWISE, rng)
        graph = conv((4, 6, 3), (5, 3, 3), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"conv {name}", graph, CONV, rng)
        graph = depthwise((4, 6, 9), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"depthwise {name}", graph, DEPTHWISE, rng)


def saturation(rng: Random) -> Iterator[Case]:
    """Outputs far outside int8, inputs and weights at the ends of their range."""
    for rounding, value in product((Rounding.TFLM, Rounding.SINGLE), (-128, 127)):
        spec = Spec(rounding=rounding, spread=20.0)
        weight = rng.choice(np.array([-127, 127], np.int8), (6, 64))
        fill = np.full((1, 1, 5, 64), value, np.int8)
        yield Case(f"{value} {rounding}", pointwise(5, weight, spec, rng), POINTWISE, (fill,))
        graph = depthwise((5, 7, 8), spec, rng, padding=(1, 1, 1, 1))
        fill = np.full((1, 5, 7, 8), value, np.int8)
        yield Case(f"depthwise {value} {rounding}", graph, DEPTHWISE, (fill,))


def scales_of_every_size(rng: Random) -> Iterator[Case]:
    """Right shifts of all sizes, scales around and above 1."""
    for rounding, spread in product((Rounding.TFLM, Rounding.SINGLE), 2.0 ** np.arange(-16, 9, 2)):
        spec = Spec(rounding=rounding, spread=float(spread), bias=1 << 12)
        name = f"spread {spread} {rounding}"
        weight = random_weights((8, 12), rng)
        yield case(f"pointwise {name}", pointwise(5, weight, spec, rng), POINTWISE, rng)
        graph = depthwise((3, 5, 8), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"depthwise {name}", graph, DEPTHWISE, rng)


def channels_that_never_leave_one_output(rng: Random) -> Iterator[Case]:
    """Constant channels, and biases from which the weights cannot bring the output back."""
    for rounding, activation in product(ROUNDINGS, ("none", "relu6")):
        spec = Spec(rounding=rounding, activation=activation)
        weight = random_weights((8, 16), rng)
        weight[2] = 0
        bias = rng.integers(-1000, 1000, 8).astype(np.int32)
        bias[[1, 2, 4]] = [12 << 20, 1 << 30, -(1 << 28)]
        graph = pointwise(5, weight, spec, rng, bias)
        yield case(f"pointwise {rounding} {activation}", graph, POINTWISE, rng)
        taps = np.ascontiguousarray(weight[:, :9].T).reshape(1, 3, 3, 8)
        graph = weighted("depthwise_conv2d", (1, 3, 5, 8), taps, spec, rng, bias=bias)
        yield case(f"depthwise {rounding} {activation}", graph, DEPTHWISE, rng)


def blocks_in_float_beside_blocks_in_integers(rng: Random) -> Iterator[Case]:
    """Scales so small that float32 is exact for some channels only."""
    for rounding, pixels in product(ROUNDINGS, (1, 4, 6)):
        spec = Spec(rounding=rounding, activation="relu", out_zero_point=-128)
        graph = pointwise(pixels, random_weights((44, 300), rng), spec, rng)
        assert kinds_of_blocks(graph, POINTWISE) == {0, 1}
        yield case(f"{pixels} pixels {rounding}", graph, POINTWISE, rng)


def kinds_of_blocks(graph: Graph, kernel: str) -> set[int]:
    """Of blocks of 8 channels: 1 for those with float records; see scale.h."""
    (node,) = graph.nodes
    weights = graph.constant(node.inputs[1]).astype(np.int8)
    packed = PACKERS[kernel](weights, constants.weighted(graph, node))
    return set(packed.bias.reshape(-1, 24)[:, 21].tolist())


def additions(rng: Random) -> Iterator[Case]:
    """Both roundings, equal and unequal scales, all tails, in place."""
    scales = ((0.05, 0.05), (0.05, 0.011), (0.003, 0.2), (0.05, 0.026), (0.07, 0.0001))
    for index, (op, rounding, (a, b), activation) in enumerate(
        product(("add", "sub"), ROUNDINGS, scales, ("none", "relu6"))
    ):
        shape = (1, 2, 3, 1 + index % 9)
        types = (tensor(shape, a, -128 + 17 * index % 256), tensor(shape, b, 4))
        graph = one_node(op, types, (), (0.07, -9), {"activation": activation}, rounding)
        name = f"{op} {a} {b} {activation} {rounding}"
        yield case(name, graph, ADD, rng)
        yield case(f"{name} in place", graph, ADD, rng, distance=0)
        for ends in product((-128, 127), repeat=2):
            fill = tuple(np.full(shape, end, np.int8) for end in ends)
            yield Case(f"{name}, {ends}", graph, ADD, fill)


def pools(rng: Random) -> Iterator[Case]:
    """Windows, strides, paddings and channels; global pools."""
    for kernel, stride, channels, rounding in product(
        ((2, 2), (3, 3), (5, 6)), ((1, 1), (2, 2)), (1, 8, 17), ROUNDINGS
    ):
        attrs = {"kernel": kernel, "stride": stride, "padding": (1, 0, 1, 1)}
        x = (tensor((1, 5, 6, channels), 0.05, 3),)
        name = f"{kernel} {stride} {channels} {rounding}"
        for activation in ("none", "relu"):
            options = {**attrs, "activation": activation}
            graph = one_node("max_pool2d", x, (), (0.05, 3), options, rounding)
            yield case(f"max {name} {activation}", graph, "simd128/max_pool2d_s8", rng)
            graph = one_node("avg_pool2d", x, (), (0.05, 3), options, rounding)
            yield case(f"average {name} {activation}", graph, "simd128/avg_pool2d_s8", rng)
    x = (tensor((1, 25, 10, 8), 0.05, -128),)
    graph = one_node("avg_pool2d", x, (), (0.05, -128), {"kernel": (25, 10)}, Rounding.TFLITE)
    ends = np.full((1, 25, 10, 8), -128, np.int8)
    yield Case("average of 250, ends", graph, "simd128/avg_pool2d_s8", (ends,))
    for rounding, size, channels in product(ROUNDINGS, ((3, 3), (16, 16), (30, 21)), (3, 8)):
        x = (tensor((1, *size, channels), 0.05, 11),)
        graph = one_node("mean", x, (), (0.03, -4), {"axes": (1, 2), "keepdims": False}, rounding)
        yield case(f"mean {size} {channels} {rounding}", graph, "simd128/mean_s8", rng)


TOPICS: tuple[Callable[[Random], Iterator[Case]], ...] = (
    tails_of_pixels_and_channels,
    groups_of_strips,
    pixels_in_place,
    convolutions,
    depthwise_convolutions,
    linear_layers,
    clamps_and_zero_points,
    saturation,
    scales_of_every_size,
    channels_that_never_leave_one_output,
    blocks_in_float_beside_blocks_in_integers,
    additions,
    pools,
)


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    pytest.importorskip("wasmtime", reason="pip install wasmtime")
    rng = np.random.default_rng(20)
    cases = [
        replace(found, name=f"{topic.__name__}: {found.name}")
        for topic in TOPICS
        for found in topic(rng)
    ]
    return failures(cases, tmp_path_factory.mktemp("simd128"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__)
def test_every_byte_equals_the_reference(failed: list[str], topic: Callable[..., object]) -> None:
    assert [name for name in failed if name.startswith(f"{topic.__name__}:")] == []


@pytest.mark.parametrize("form", Form)
def test_the_vector_form_of_requantization_is_exact(form: Form) -> None:
    """Ties, both signs of zero and the largest accumulators, for channels of unequal scale."""
    rng = np.random.default_rng(4)
    for shifts in ((-1, -5, -9, -3), (0, -1, -2, 0), (2, -4, 1, -8), (-12, -12, -13, -11)):
        multiplier = rng.integers(1 << 30, (1 << 31) - 1, 4).astype(np.int32)
        multiplier[0] = 1 << 30
        requantize = Requantize(multiplier, np.array(shifts, np.int8), form, 0)
        largest = np.full(4, 1 << 17)
        scale = vector_scale(requantize, largest)
        assert scale is not None
        near = np.arange(-2050, 2051)[:, None] * np.ones(4, np.int64)
        far = rng.integers(-largest, largest + 1, (4000, 4))
        for acc in (near, far, near << 5):
            high = (acc * scale.factor * scale.multiplier) >> 32
            made = (high + scale.add + np.where(acc < 0, scale.sign, 0)) >> scale.shift
            expected = (once if form is Form.ONCE else twice)(acc, multiplier, requantize.shift)
            np.testing.assert_array_equal(made, expected)
