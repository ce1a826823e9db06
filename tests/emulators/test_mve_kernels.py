"""The kernels for the M-profile vector extension equal the numpy reference in every byte, with both
compilers, and read nothing behind their inputs.

All cases of a compiler and a target are one firmware; each test looks at the cases of one topic.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import cycle, product

import numpy as np
import pytest

from edge.ir import DType, Quantization, Rounding, TensorType, Value
from edge.planning.choice import kernel_named
from tests.emulators.dsp_firmware import Case, Outcome, run_cases
from tests.emulators.dsp_graphs import Spec, one_node, random_weights, tensor
from tests.emulators.neon_cases import Random, case, conv, depthwise, linear, pointwise

Topic = Callable[[Random], Iterator[Case]]

ROUNDINGS = (Rounding.TFLITE, Rounding.SINGLE)
POINTWISE, LINEAR, CONV = "mve/pointwise_conv2d_s8", "mve/linear_s8", "mve/conv2d_s8"
DEPTHWISE, LARGE = "mve/depthwise_conv2d_s8", "mve/depthwise_conv2d_large_s8"
ADD, AVERAGE = "mve/add_s8", "mve/avg_pool2d_s8"
MEAN, LOOKUP = "mve/mean_s8", "mve/lookup_s8"


def tails_of_pixels_and_channels(rng: Random) -> Iterator[Case]:
    """1 to 9 pixels; all remainders of output channels and of taps, more vectors than unrolled."""
    for pixels, in_c in product(range(1, 10), (1, 3, 8, 16, 24)):
        graph = pointwise(pixels, random_weights((6, in_c), rng), Spec(), rng)
        yield case(f"{pixels} pixels of {in_c}", graph, POINTWISE, rng)
    for in_c in (*range(1, 50), 127, 128, 129, 144, 145, 272, 273, 400):
        spec = Spec(rounding=ROUNDINGS[in_c % 2], zero_point=9)
        weight = random_weights((5, in_c), rng)
        yield case(f"{in_c} taps", pointwise(5, weight, spec, rng), POINTWISE, rng)
        yield case(f"{in_c} inputs", linear(weight, spec, rng), LINEAR, rng)
    for out_c in range(1, 14):
        spec = Spec(rounding=ROUNDINGS[out_c % 2], per_channel=out_c % 3 > 0)
        weight = random_weights((out_c, 12), rng)
        yield case(f"{out_c} channels", pointwise(3, weight, spec, rng), POINTWISE, rng)
        yield case(f"{out_c} outputs", linear(weight, spec, rng, 2), LINEAR, rng)


def outputs_below_their_inputs(rng: Random) -> Iterator[Case]:
    """A pair of pixels of output fits between the start of the output and that of the input."""
    for in_c, out_c, pixels in product((16, 20, 7), (3, 7, 8), (1, 4, 9)):
        if out_c <= in_c:
            graph = pointwise(pixels, random_weights((out_c, in_c), rng), Spec(), rng)
            name = f"{in_c}->{out_c}, {pixels} pixels"
            yield case(name, graph, POINTWISE, rng, distance=2 * out_c)


def convolutions(rng: Random) -> Iterator[Case]:
    """Widths, depths, kernels, strides, dilations and paddings, wider than the input included."""
    for width in range(1, 11):
        graph = conv((4, width, 3), (5, 3, 3), Spec(), rng, padding=(1, 1, 1, 1))
        yield case(f"width {width}", graph, CONV, rng)
    for depth, rounding in product((1, 2, 4, 5, 8, 16, 17), ROUNDINGS):
        spec = Spec(rounding=rounding, zero_point=17)
        graph = conv((5, 9, depth), (6, 3, 3), spec, rng, (2, 2), (0, 1, 0, 1))
        yield case(f"depth {depth} {rounding}", graph, CONV, rng)
    for kernel, out_c in product(((1, 1), (1, 3), (3, 1), (2, 2), (5, 5), (10, 4)), (3, 8)):
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


def depthwise_convolutions(rng: Random) -> Iterator[Case]:
    """Widths around the borders of blocks, channels around multiples of 4 and 16, all paddings."""
    for width, channels, stride in product((1, 2, 3, 5, 13, 14, 15, 16, 33), (4, 16, 20), (1, 2)):
        spec = Spec(zero_point=-90)
        graph = depthwise((2, width, channels), (3, 3), spec, rng, (stride,) * 2, (1, 1, 1, 1))
        yield case(f"width {width}, {channels} channels, stride {stride}", graph, DEPTHWISE, rng)
    for channels, rounding in product((*range(1, 20), 31, 33, 50), ROUNDINGS):
        spec = Spec(rounding=rounding, zero_point=7)
        graph = depthwise((4, 5, channels), (3, 3), spec, rng, (2, 2), (0, 1, 0, 1))
        yield case(f"{channels} channels {rounding}", graph, DEPTHWISE, rng)
    for left, right, stride in product((0, 1, 2), (0, 1, 2, 3), (1, 2, 3)):
        graph = depthwise((3, 8, 18), (3, 3), Spec(), rng, (1, stride), (2, 2, left, right))
        yield case(f"padding {left}, {right}, stride {stride}", graph, DEPTHWISE, rng)
    for kernel, channels in product(product((1, 2, 3), (1, 2, 3, 4)), (3, 18)):
        graph = depthwise((7, 9, channels), kernel, Spec(), rng, (1, 1), (1, 1, 1, 1), (2, 1))
        yield case(f"kernel {kernel}, {channels} channels", graph, DEPTHWISE, rng)
    graph = depthwise((2, 3, 20), (3, 3), Spec(), rng, padding=(4, 4, 4, 5))
    yield case("windows that miss the input", graph, DEPTHWISE, rng)


def large_depthwise_kernels(rng: Random) -> Iterator[Case]:
    """More taps than one vector holds: all sizes, channels around a block, blocks of one output."""
    sizes = [k for k in product(range(1, 10), range(1, 9)) if k[0] > 3 or k[1] > 4]
    for (kernel, channels), stride in zip(product(sizes, (3, 18)), cycle((1, 2)), strict=False):
        spec = Spec(rounding=ROUNDINGS[sum(kernel) % 2], zero_point=-77)
        pads = (kernel[0] // 2, kernel[0] // 2, kernel[1] // 2, kernel[1] // 2)
        graph = depthwise((9, 11, channels), kernel, spec, rng, (stride, stride), pads)
        name = f"kernel {kernel}, {channels} channels, stride {stride}"
        yield case(name, graph, LARGE, rng, at_end=True)
    for width, channels in product((5, 14, 33), (4, 16, 40)):
        spec = Spec(activation="relu", out_zero_point=-128)
        graph = depthwise((5, width, channels), (5, 5), spec, rng, padding=(2, 2, 2, 2))
        yield case(f"width {width}, {channels} channels", graph, LARGE, rng)
    for kernel, name in (((3, 3), DEPTHWISE), ((7, 7), LARGE)):
        graph = depthwise((7, 40, 20), kernel, Spec(), rng, (1, 15), (1, 1, 1, 1))
        yield case(f"kernel {kernel}, stride 15", graph, name, rng)


def linear_layers(rng: Random) -> Iterator[Case]:
    """All forms of rounding: LiteRT's scales of a linear layer have shifts but round once."""
    for rounding, in_c, out_c in product(
        (Rounding.TFLITE, Rounding.TFLM, Rounding.SINGLE), (1, 7, 16, 100, 256), (1, 4, 6)
    ):
        spec = Spec(rounding=rounding)
        weight = random_weights((out_c, in_c), rng)
        graph = linear(weight, spec, rng, 3)
        yield case(f"{in_c}->{out_c} {rounding}", graph, LINEAR, rng)
        yield case(f"{in_c}->{out_c} {rounding}, pairs", graph, POINTWISE, rng)
        graph = linear(weight, replace(spec, per_channel=False), rng)
        yield case(f"{in_c}->{out_c} {rounding}, one scale", graph, LINEAR, rng)


def clamps_and_zero_points(rng: Random) -> Iterator[Case]:
    """Fused activations at every output zero point: below it outputs show, or do not."""
    for activation, zero, rounding in product(
        ("none", "relu", "relu6", "relu_n1_to_1"), (-128, -5, 127), ROUNDINGS
    ):
        spec = Spec(activation=activation, out_zero_point=zero, zero_point=zero, rounding=rounding)
        name = f"{activation} at {zero} {rounding}"
        weight = random_weights((5, 9), rng)
        yield case(f"pointwise {name}", pointwise(7, weight, spec, rng), POINTWISE, rng)
        yield case(f"linear {name}", linear(weight, spec, rng), LINEAR, rng)
        graph = conv((4, 6, 3), (5, 3, 3), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"conv {name}", graph, CONV, rng)
        graph = depthwise((4, 6, 5), (3, 3), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"depthwise {name}", graph, DEPTHWISE, rng)


def saturation(rng: Random) -> Iterator[Case]:
    """Outputs far outside int8 and int16, inputs and weights at the ends of their range."""
    for rounding, value in product((Rounding.TFLM, Rounding.SINGLE), (-128, 127)):
        spec = Spec(rounding=rounding, spread=20.0)
        weight = rng.choice(np.array([-128, 127], np.int8), (6, 64))
        fill = np.full((1, 1, 5, 64), value, np.int8)
        graph = pointwise(5, weight, spec, rng)
        yield Case(f"pointwise {value} {rounding}", graph, POINTWISE, (fill,))
        graph = linear(weight, spec, rng)
        yield Case(f"linear {value} {rounding}", graph, LINEAR, (fill[0, 0, :1],))
        graph = depthwise((5, 7, 8), (3, 3), spec, rng, padding=(1, 1, 1, 1))
        fill = np.full((1, 5, 7, 8), value, np.int8)
        yield Case(f"depthwise {value} {rounding}", graph, DEPTHWISE, (fill,))


def scales_of_every_size(rng: Random) -> Iterator[Case]:
    """Shifts from 1 up to those whose outputs are all the zero point."""
    for rounding, spread in product((Rounding.TFLM, Rounding.SINGLE), 2.0 ** np.arange(-24, 5, 2)):
        spec = Spec(rounding=rounding, spread=float(spread), bias=1 << 28)
        weight = random_weights((4, 12), rng)
        name = f"spread {spread} {rounding}"
        yield case(f"pointwise {name}", pointwise(5, weight, spec, rng), POINTWISE, rng)
        yield case(f"linear {name}", linear(weight, spec, rng), LINEAR, rng)
        graph = depthwise((3, 5, 4), (3, 3), spec, rng, padding=(1, 1, 1, 1))
        yield case(f"depthwise {name}", graph, DEPTHWISE, rng)


def halves(rng: Random) -> Iterator[Case]:
    """Sums exactly between two outputs, of both signs: in TFLITE they round away from zero."""
    every = np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 256, 1)
    scale = Quantization((0.5, 0.25), (0, 0), 0)
    for activation, rounding, zero in product(("none", "relu"), ROUNDINGS, (0, -128)):
        weight = np.array([1, 3], np.int8).reshape(2, 1, 1, 1)
        constant = Value("w", TensorType(weight.shape, DType.INT8, scale), weight)
        x = (tensor(every.shape, 0.5, 0),)
        attrs = {"activation": activation}
        graph = one_node("conv2d", x, (constant,), (2.0, zero), attrs, rounding)
        yield Case(f"{activation} {rounding} {zero}", graph, POINTWISE, (every,))


def sums_up_to_int32(rng: Random) -> Iterator[Case]:
    for rounding, sign in product((Rounding.TFLM, Rounding.SINGLE), (-1, 1)):
        spec = Spec(rounding=rounding, spread=1e-3, zero_point=0)
        weight = np.full((4, 500), 127, np.int8)
        bias = np.full(4, sign * (2**31 - 2 - 128 * 127 * 500), np.int32)
        fill = np.full((1, 1, 5, 500), -128 if sign < 0 else 127, np.int8)
        graph = pointwise(5, weight, spec, rng, bias)
        yield Case(f"pointwise {sign} {rounding}", graph, POINTWISE, (fill,))
        graph = linear(weight, spec, rng, 5, bias)
        yield Case(f"linear {sign} {rounding}", graph, LINEAR, (fill[0, 0],))


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


def averages(rng: Random) -> Iterator[Case]:
    """Windows, strides, paddings and channels; a global pool."""
    for kernel, stride, channels, rounding in product(
        ((2, 2), (3, 3), (5, 6)), ((1, 1), (2, 2)), (1, 8, 11), ROUNDINGS
    ):
        attrs = {"kernel": kernel, "stride": stride, "padding": (1, 0, 1, 1), "activation": "relu"}
        x = (tensor((1, 5, 6, channels), 0.05, 3),)
        graph = one_node("avg_pool2d", x, (), (0.05, 3), attrs, rounding)
        yield case(f"{kernel} {stride} {channels} {rounding}", graph, AVERAGE, rng)
    x = (tensor((1, 25, 10, 6), 0.05, -128),)
    graph = one_node("avg_pool2d", x, (), (0.05, -128), {"kernel": (25, 10)}, Rounding.TFLITE)
    ends = np.full((1, 25, 10, 6), -128, np.int8)
    yield Case("average of 250, ends", graph, AVERAGE, (ends,))


def means(rng: Random) -> Iterator[Case]:
    """More positions than int16 holds; channels around a vector."""
    for rounding, size, channels in product(ROUNDINGS, ((3, 3), (16, 16), (30, 21)), (3, 8, 13)):
        x = (tensor((1, *size, channels), 0.05, 11),)
        graph = one_node("mean", x, (), (0.03, -4), {"axes": (1, 2), "keepdims": False}, rounding)
        yield case(f"{size} {channels} {rounding}", graph, MEAN, rng, at_end=True)


def lookups(rng: Random) -> Iterator[Case]:
    """All values, tails of vectors, in place."""
    table = rng.integers(-128, 128, 256).astype(np.int8)
    constant = Value("t", TensorType((256,), DType.INT8), table)
    for elements in (1, 15, 16, 17, 256):
        x = (tensor((1, elements), 0.05, 3),)
        graph = one_node("lookup", x, (constant,), (0.05, 3), {}, Rounding.TFLITE)
        every = np.arange(elements).reshape(1, elements).astype(np.int8)
        yield Case(f"{elements}", graph, LOOKUP, (every,), distance=0)
        yield Case(f"{elements} at the end", graph, LOOKUP, (every,), at_end=True)


def inputs_at_the_end_of_memory(rng: Random) -> Iterator[Case]:
    """A read behind the input would fault, and the firmware would not come to its end."""
    for in_c in (1, 3, 8, 15, 16, 17, 33):
        graph = pointwise(5, random_weights((4, in_c), rng), Spec(), rng)
        yield case(f"pointwise {in_c}", graph, POINTWISE, rng, at_end=True)
        graph = linear(random_weights((4, in_c), rng), Spec(), rng)
        yield case(f"linear {in_c}", graph, LINEAR, rng, at_end=True)
        graph = conv((4, 5, in_c), (4, 3, 3), Spec(), rng, padding=(1, 1, 1, 1))
        yield case(f"conv {in_c}", graph, CONV, rng, at_end=True)
        graph = depthwise((4, 5, in_c), (3, 3), Spec(), rng)
        yield case(f"depthwise {in_c}", graph, DEPTHWISE, rng, at_end=True)
        x = (tensor((1, 5, 6, in_c), 0.05, 3),)
        graph = one_node("avg_pool2d", x, (), (0.05, 3), {"kernel": (2, 2)}, Rounding.TFLITE)
        yield case(f"average {in_c}", graph, AVERAGE, rng, at_end=True)
        graph = one_node("add", (*x, *x), (), (0.07, -9), {}, Rounding.TFLITE)
        yield case(f"add {in_c}", graph, ADD, rng, at_end=True)


TOPICS: tuple[Topic, ...] = (
    tails_of_pixels_and_channels,
    outputs_below_their_inputs,
    convolutions,
    depthwise_convolutions,
    large_depthwise_kernels,
    linear_layers,
    clamps_and_zero_points,
    saturation,
    scales_of_every_size,
    halves,
    sums_up_to_int32,
    additions,
    averages,
    means,
    lookups,
    inputs_at_the_end_of_memory,
)


@cache
def all_cases() -> list[Case]:
    rng = np.random.default_rng(55)
    return [
        replace(found, name=f"{topic.__name__}: {found.name}")
        for topic in TOPICS
        for found in topic(rng)
    ]


@pytest.fixture(
    scope="module",
    params=[("cortex-m55", "gcc"), ("cortex-m55", "zig"), ("cortex-m85", "zig")],
    ids="-".join,
)
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    target, toolchain = request.param
    if not shutil.which("qemu-system-arm"):
        pytest.skip("qemu-system-arm is missing: apt-get install qemu-system-arm")
    if toolchain == "gcc" and not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("arm-none-eabi-gcc is missing: apt-get install gcc-arm-none-eabi")
    return run_cases(all_cases(), target, toolchain, tmp_path_factory.mktemp("mve"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__)
def test_every_byte_equals_the_reference(outcome: Outcome, topic: Topic) -> None:
    assert [name for name in outcome.failed if name.startswith(f"{topic.__name__}:")] == []


def test_the_planner_accepts_every_case() -> None:
    refused = [c.name for c in all_cases() if not c.chosen.accepts(c.graph, c.graph.nodes[0])]
    assert refused == []


def test_outputs_are_not_all_alike() -> None:
    """Cases that only compare constants would prove nothing."""
    varied = sum(len(np.unique(c.expected)) > 1 for c in all_cases())
    assert varied > 0.8 * len(all_cases())


@pytest.mark.parametrize(
    ("rounding", "scale", "accepted"),
    [
        (Rounding.TFLITE, 1.0, False),
        (Rounding.TFLITE, 0.5, False),
        (Rounding.TFLITE, 0.25, True),
        (Rounding.SINGLE, 1.0, False),
        (Rounding.SINGLE, 0.5, True),
    ],
)
def test_scales_that_need_a_left_shift_or_none_are_left_to_other_kernels(
    rounding: Rounding, scale: float, accepted: bool
) -> None:
    weight = np.ones((4, 1, 1, 4), np.int8)
    constant = Value("w", TensorType(weight.shape, DType.INT8, Quantization((0.5,), (0,))), weight)
    x = (tensor((1, 2, 2, 4), 0.5, 0),)
    graph = one_node("conv2d", x, (constant,), (0.25 / scale, 0), {}, rounding)
    for kernel in (POINTWISE, CONV):
        assert kernel_named(kernel, "conv2d").accepts(graph, graph.nodes[0]) is accepted


def test_dilated_columns_of_depthwise_layers_are_left_to_other_kernels() -> None:
    for dilation, accepted in (((2, 1), True), ((1, 2), False)):
        rng = np.random.default_rng(0)
        graph = depthwise((9, 9, 4), (3, 3), Spec(), rng, dilation=dilation)
        kernel = kernel_named(DEPTHWISE, "depthwise_conv2d")
        assert kernel.accepts(graph, graph.nodes[0]) is accepted
