"""The Armv7E-M kernels refuse what they cannot compute bit for bit; the portable ones take it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.emit.packing import PACKERS
from edge.ir import Graph, Rounding
from edge.planning.choice import candidates, cheapest, kernel_named
from edge.quantization import constants
from tests.emulators.dsp_graphs import (
    Int8s,
    Spec,
    one_node,
    random_weights,
    tensor,
    weighted,
)

FOLDERS = ("dsp", "ref")
RNG = np.random.default_rng(3)


def chosen(graph: Graph) -> str:
    return cheapest(graph, FOLDERS)["n"].name


def is_accepted(graph: Graph, kernel: str) -> bool:
    return kernel in [found.name for found in candidates(graph, FOLDERS)["n"]]


def pointwise(weight: Int8s, spec: Spec | None = None, bias: list[int] | None = None) -> Graph:
    values = None if bias is None else np.array(bias, np.int32)
    shape = (1, 2, 4, weight.shape[1])
    weight = weight.reshape(len(weight), 1, 1, -1)
    return weighted("conv2d", shape, weight, spec or Spec(zero_point=0), RNG, bias=values)


def depthwise(kernel: int, channels: int, multiplier: int, **attrs: tuple[int, ...]) -> Graph:
    weight = random_weights((1, kernel, kernel, channels * multiplier), RNG)
    return weighted("depthwise_conv2d", (1, 9, 9, channels), weight, Spec(), RNG, attrs)


def test_ordinary_layers_get_the_fast_kernels() -> None:
    assert chosen(pointwise(random_weights((8, 16), RNG))) == "dsp/pointwise_conv2d_s8"
    assert chosen(depthwise(3, 8, 1)) == "dsp/depthwise_conv2d_s8"
    shared = replace(Spec(), per_channel=False)
    linear = weighted("linear", (1, 64), random_weights((10, 64), RNG), shared, RNG)
    assert chosen(linear) == "dsp/linear_s8"


@pytest.mark.parametrize(
    ("even", "odd", "fast"), [(-127, -127, True), (5, -128, True), (-1, -128, False)]
)
def test_pairs_of_weights_must_fit_a_halfword(even: int, odd: int, fast: bool) -> None:
    weight = np.array([[even, 3], [odd, 3]], np.int8)
    assert is_accepted(pointwise(weight), "dsp/pointwise_conv2d_s8") is fast


def test_sums_stay_below_the_bound_of_a_pair() -> None:
    weight = np.full((2, 512), 127, np.int8)
    room = (1 << 23) - 1 - 128 * 127 * 512
    spec = Spec(spread=0.2, zero_point=0)
    assert chosen(pointwise(weight, spec, [room, -room])) == "dsp/pointwise_conv2d_s8"
    wide = pointwise(weight, spec, [room + 1 + 127 * 512, 0])
    assert chosen(wide) == "dsp/pointwise_conv2d_wide_s8"


def test_a_channel_that_always_saturates_may_have_any_bias() -> None:
    graph = pointwise(random_weights((8, 16), RNG), Spec(), [1 << 29, *range(7)])
    assert chosen(graph) == "dsp/pointwise_conv2d_s8"


@pytest.mark.parametrize(("rounding", "limit"), [(Rounding.TFLITE, 0.5), (Rounding.SINGLE, 0.25)])
def test_large_scales_are_left_to_the_portable_kernels(rounding: Rounding, limit: float) -> None:
    for factor, fast in ((0.99, True), (1.01, False)):
        graph = pointwise(random_weights((2, 4), RNG), Spec(rounding=rounding, per_channel=False))
        in_scale, weight_scale = 0.02, graph.type("w").quantization
        assert weight_scale is not None
        out_scale = in_scale * weight_scale.scale[0] / (limit * factor)
        out = replace(graph.values["y"], type=tensor(graph.type("y").shape, out_scale, 0))
        graph = replace(graph, values={**graph.values, "y": out})
        assert is_accepted(graph, "dsp/pointwise_conv2d_s8") is fast


@pytest.mark.parametrize(
    ("graph", "kernel"),
    [
        (depthwise(5, 8, 1), "dsp/depthwise_window_s8"),
        (depthwise(3, 8, 2), "dsp/depthwise_window_s8"),
        (depthwise(3, 3, 1), "dsp/depthwise_window_s8"),
        (depthwise(3, 8, 1, stride=(1, 2)), "dsp/depthwise_window_s2_s8"),
        (depthwise(3, 8, 1, dilation=(2, 1)), "dsp/depthwise_window_s8"),
        (depthwise(3, 8, 1, dilation=(2, 2)), "ref/depthwise_conv2d_s8"),
        (depthwise(3, 8, 1, stride=(3, 3)), "ref/depthwise_conv2d_s8"),
    ],
    ids=[
        "5x5", "two filters a channel", "3 channels", "unequal strides", "dilated rows",
        "dilated columns", "stride 3",
    ],
)  # fmt: skip
def test_other_depthwise_layers_get_the_kernel_of_their_stride(graph: Graph, kernel: str) -> None:
    assert chosen(graph) == kernel


def test_windows_have_a_kernel_of_half_the_scratch() -> None:
    graph = depthwise(5, 8, 1, padding=(2, 2, 2, 2))
    quick, lean = (
        kernel_named(f"dsp/depthwise_window{name}_s8", "depthwise_conv2d") for name in ("", "_lean")
    )
    node = graph.nodes[0]
    assert (quick.scratch(graph, node), lean.scratch(graph, node)) == (864, 480)
    assert quick.cost(graph, node) < lean.cost(graph, node)


@pytest.mark.parametrize(("kernel", "bytes_"), [(3, 14), (5, 33), (7, 60)])
def test_weights_of_windows_pair_rows(kernel: int, bytes_: int) -> None:
    graph = depthwise(kernel, 6, 1)
    packed = PACKERS["dsp/depthwise_window_s8"](
        np.asarray(graph.constant("w"), np.int8), constants.weighted(graph, graph.nodes[0])
    )
    assert packed.weights.nbytes == 6 * bytes_ + 1
    assert packed.bias.nbytes == 8 * 6


@pytest.mark.parametrize(
    ("other", "scale", "fast"),
    [
        ((1, 4, 6, 8), 0.01, True),
        ((1, 1, 1, 8), 0.01, True),
        ((1, 1, 1, 1), 0.01, True),
        ((1, 4, 6, 8), 0.6, False),
    ],
)
def test_products_whole_or_repeated_are_fast(
    other: tuple[int, ...], scale: float, fast: bool
) -> None:
    types = tensor((1, 4, 6, 8), 0.5, 0), tensor(other, 0.1, 7)
    for rounding in (Rounding.TFLITE, Rounding.SINGLE):
        graph = one_node("mul", types, (), (0.05 / scale, 0), {}, rounding)
        assert (chosen(graph) == "dsp/mul_s8") is fast


def test_grouped_convolutions_are_left_to_the_portable_kernel() -> None:
    weight = random_weights((8, 3, 3, 4), RNG)
    graph = weighted("conv2d", (1, 5, 5, 8), weight, Spec(), RNG, {"groups": 2})
    assert chosen(graph) == "ref/conv2d_s8"


def test_repeating_operands_are_left_to_the_portable_kernel() -> None:
    types = tensor((1, 2, 3, 4), 0.05, 0), tensor((1, 1, 1, 4), 0.05, 0)
    graph = one_node("add", types, (), (0.1, 0), {}, Rounding.TFLITE)
    assert chosen(graph) == "ref/add_s8"


@pytest.mark.parametrize(("in_c", "out_c"), [(8, 16), (64, 64), (40, 32)])
def test_constants_take_eight_bytes_a_channel_beside_the_weights(in_c: int, out_c: int) -> None:
    graph = pointwise(random_weights((out_c, in_c), RNG))
    packed = PACKERS["dsp/pointwise_conv2d_s8"](
        np.asarray(graph.constant("w"), np.int8), constants.weighted(graph, graph.nodes[0])
    )
    assert packed.weights.nbytes == out_c * in_c
    assert packed.bias.nbytes == 8 * out_c
    assert packed.multiplier.size == packed.shift.size == 0
