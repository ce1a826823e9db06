"""The `single` mode: each operator's output against its definition on exact rational numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value, check
from edge.ir.graph import Attr
from edge.ir.ops import infer_shapes
from edge.reference import run
from edge.reference.int8_dense import exact_product
from tests.reference.exact import half_even, half_up, int8

Int8 = np.ndarray[Any, Any]
Quantized = tuple[float, int]
EVERY = np.arange(-128, 128, dtype=np.int8)


def operator(
    op: str,
    inputs: dict[str, tuple[tuple[int, ...], Quantized]],
    out: Quantized,
    constants: tuple[Value, ...] = (),
    **attrs: Attr,
) -> Graph:
    """A `single` graph of one int8 operator."""
    values = {
        name: Value(name, TensorType(shape, DType.INT8, Quantization.per_tensor(*quantization)))
        for name, (shape, quantization) in inputs.items()
    }
    values |= {value.name: value for value in constants}
    node = Node("node", op, (*inputs, *(v.name for v in constants)), ("y",), attrs, "here")
    graph = Graph("g", tuple(inputs), ("y",), (node,), values, Rounding.SINGLE)
    (shape,) = infer_shapes(graph, node)
    out_type = TensorType(shape, DType.INT8, Quantization.per_tensor(*out))
    return check(graph.with_nodes([node], [Value("y", out_type)]))


def filters(data: Int8, scale: tuple[float, ...], axis: int) -> Value:
    quantization = Quantization(scale, (0,) * len(scale), axis)
    return Value("w", TensorType(data.shape, DType.INT8, quantization), data)


def biases(data: Int8) -> Value:
    return Value("b", TensorType(data.shape, DType.INT32), data.astype(np.int32))


def multiplier(scale: float) -> int:
    return half_up(Fraction(scale) * 2**31)


def requantized(accumulator: int, scale: float, zero_point: int) -> int:
    return int8(half_up(Fraction(accumulator * multiplier(scale), 2**31)) + zero_point)


def indices(*shape: int) -> Iterator[tuple[int, ...]]:
    return itertools.product(*map(range, shape))


def test_conv2d_sums_every_tap_of_its_group() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-128, 128, (1, 6, 5, 4)).astype(np.int8)
    w = rng.integers(-127, 128, (6, 3, 2, 2)).astype(np.int8)
    b = rng.integers(-3000, 3000, 6)
    scales = tuple(rng.uniform(0.001, 0.01, 6).tolist())
    graph = operator(
        "conv2d", {"x": (x.shape, (0.05, 9))}, (0.11, -20), (filters(w, scales, 0), biases(b)),
        stride=(2, 1), padding=(1, 0, 2, 1), dilation=(1, 2), groups=2,
    )  # fmt: skip
    y = run(graph, [x])["y"]
    for _, oy, ox, oc in indices(*y.shape):
        accumulator = int(b[oc])
        for ky, kx, ic in indices(3, 2, 2):
            iy, ix = oy * 2 + ky - 1, ox + 2 * kx - 2
            if 0 <= iy < 6 and 0 <= ix < 5:
                value = int(x[0, iy, ix, 2 * (oc // 3) + ic]) - 9
                accumulator += value * int(w[oc, ky, kx, ic])
        assert y[0, oy, ox, oc] == requantized(accumulator, 0.05 * scales[oc] / 0.11, -20)


def test_depthwise_conv2d_filters_each_channel_alone() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(-128, 128, (1, 5, 6, 3)).astype(np.int8)
    w = rng.integers(-127, 128, (1, 3, 3, 6)).astype(np.int8)
    scales = tuple(rng.uniform(0.001, 0.01, 6).tolist())
    graph = operator(
        "depthwise_conv2d", {"x": (x.shape, (0.05, -9))}, (0.04, 3), (filters(w, scales, 3),),
        stride=(1, 2), padding=(1, 1, 0, 1), activation="relu6",
    )  # fmt: skip
    y = run(graph, [x])["y"]
    for _, oy, ox, oc in indices(*y.shape):
        accumulator = 0
        for ky, kx in indices(3, 3):
            iy, ix = oy + ky - 1, ox * 2 + kx
            if 0 <= iy < 5 and ix < 6:
                accumulator += (int(x[0, iy, ix, oc // 2]) + 9) * int(w[0, ky, kx, oc])
        expected = requantized(accumulator, 0.05 * scales[oc] / 0.04, 3)
        assert y[0, oy, ox, oc] == min(max(expected, 3), 127)


@pytest.mark.parametrize("features", [1, 40, 1041, 2001])
def test_linear_requantizes_the_whole_sum(features: int) -> None:
    rng = np.random.default_rng(features)
    x = rng.integers(-128, 128, (1, features)).astype(np.int8)
    w = rng.integers(-127, 128, (7, features)).astype(np.int8)
    out_scale = 0.5 * 0.01 * 73 * 73 * math.sqrt(features) / 60
    graph = operator(
        "linear", {"x": (x.shape, (0.5, 20))}, (out_scale, 5), (filters(w, (0.01,), 0),)
    )
    y = run(graph, [x])["y"]
    for unit in range(7):
        accumulator = int(((x.astype(int) - 20) * w[unit].astype(int)).sum())
        assert y[0, unit] == requantized(accumulator, 0.5 * 0.01 / out_scale, 5)


@pytest.mark.parametrize("features", [1, 1041, 2001, 70001])
def test_sums_stay_exact_beyond_the_integers_of_float32(features: int) -> None:
    """Odd products of one sign add up to odd numbers above 2**24."""
    x, w = np.full((3, features), -127, np.int8), np.full((2, features), 127, np.int8)
    assert (exact_product(x, w) == -127 * 127 * features).all()


RATIOS = [(0.4173, 0.7291), (1.0071, 1.0), (3.9, 0.0113), (5.513, 9.077), (301.3, 0.3)]


@pytest.mark.parametrize("ratios", RATIOS)
@pytest.mark.parametrize("op", ["add", "sub"])
def test_add_is_within_one_of_the_exact_sum(op: str, ratios: tuple[float, float]) -> None:
    a, b = EVERY.reshape(1, 256, 1), EVERY.reshape(1, 1, 256)
    out = 0.013
    scales = [ratio * out for ratio in ratios]
    graph = operator(
        op, {"a": (a.shape, (scales[0], 7)), "b": (b.shape, (scales[1], -31))}, (out, 11)
    )
    y = run(graph, [a, b])["y"].astype(int)
    sign = 1 if op == "add" else -1
    real = scales[0] * (a.astype(int) - 7) + sign * scales[1] * (b.astype(int) + 31)
    exact = np.clip(np.round(real / out) + 11, -128, 127)
    assert np.abs(y - exact).max() <= 1
    assert (y != exact).mean() < 0.001


def test_add_of_equal_scales_is_integer_addition() -> None:
    a, b = EVERY.reshape(1, 256, 1), EVERY.reshape(1, 1, 256)
    graph = operator("add", {"a": (a.shape, (0.1, 4)), "b": (b.shape, (0.1, -6))}, (0.1, 2))
    expected = np.clip(a.astype(int) - 4 + b.astype(int) + 6 + 2, -128, 127)
    np.testing.assert_array_equal(run(graph, [a, b])["y"][0], expected[0])


def test_mul_requantizes_the_product_once() -> None:
    a, b = EVERY[::5].reshape(1, -1, 1), EVERY[::7].reshape(1, 1, -1)
    quantized = {"a": (a.shape, (0.02, 7)), "b": (b.shape, (0.05, -31))}
    y = run(operator("mul", quantized, (0.031, 9)), [a, b])["y"]
    for _, i, j in indices(*y.shape):
        accumulator = (int(a[0, i, 0]) - 7) * (int(b[0, 0, j]) + 31)
        assert y[0, i, j] == requantized(accumulator, 0.02 * 0.05 / 0.031, 9)


def test_avg_pool2d_divides_by_the_positions_inside() -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(-128, 128, (1, 5, 4, 3)).astype(np.int8)
    graph = operator(
        "avg_pool2d", {"x": (x.shape, (0.05, -4))}, (0.03, 8),
        kernel=(3, 2), stride=(2, 1), padding=(1, 1, 1, 0),
    )  # fmt: skip
    y = run(graph, [x])["y"]
    for _, oy, ox, c in indices(*y.shape):
        inside = x[0, max(oy * 2 - 1, 0) : oy * 2 + 2, max(ox - 1, 0) : ox + 1, c].astype(int)
        accumulator = int(inside.sum()) + 4 * inside.size
        assert y[0, oy, ox, c] == requantized(accumulator, 0.05 / (0.03 * inside.size), 8)


def test_mean_is_one_requantized_sum() -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(-128, 128, (1, 7, 5, 6)).astype(np.int8)
    graph = operator("mean", {"x": (x.shape, (0.05, -4))}, (0.02, 8), axes=(1, 2), keepdims=False)
    y = run(graph, [x])["y"]
    for c in range(6):
        accumulator = int(x[0, :, :, c].astype(int).sum()) + 4 * 35
        assert y[0, c] == requantized(accumulator, 0.05 / (0.02 * 35), 8)


def test_max_pool2d_ignores_padding() -> None:
    x = np.full((1, 3, 3, 1), -120, np.int8)
    graph = operator(
        "max_pool2d", {"x": (x.shape, (0.05, 60))}, (0.05, 60),
        kernel=(2, 2), padding=(1, 1, 1, 1),
    )  # fmt: skip
    assert (run(graph, [x])["y"] == -120).all()


FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
    "relu6": lambda x: min(max(x, 0), 6),
    "hard_swish": lambda x: x * min(max(x + 3, 0), 6) / 6,
    "hard_sigmoid": lambda x: min(max(x + 3, 0), 6) / 6,
    "silu": lambda x: x / (1 + math.exp(-x)),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "elu": lambda x: x if x >= 0 else math.exp(x) - 1,
    "leaky_relu": lambda x: x if x >= 0 else 0.1 * x,
    "exp": math.exp,
    "abs": abs,
    "square": lambda x: x * x,
    "negate": lambda x: -x,
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_unary_functions_are_tables_of_the_exact_function(function: str) -> None:
    in_scale, out_scale = 0.041, 0.027
    x = EVERY.reshape(1, 256)
    graph = operator(
        "unary", {"x": (x.shape, (in_scale, 12))}, (out_scale, -9), function=function, alpha=0.1
    )
    y = run(graph, [x])["y"]
    for stored, actual in zip(EVERY.tolist(), y[0].tolist(), strict=True):
        real = FUNCTIONS[function](in_scale * (stored - 12)) / out_scale
        # Two ways to compute a function in double may differ in the last bit, never more.
        near = {int8(half_even(Fraction(real) + e) - 9) for e in (0, Fraction(1, 10**9))}
        assert actual in near


@pytest.mark.parametrize("classes", [2, 10, 300])
@pytest.mark.parametrize("scale", [0.01, 0.1, 1.5])
def test_softmax_is_within_one_of_the_real_function(classes: int, scale: float) -> None:
    rng = np.random.default_rng(classes)
    x = rng.integers(-128, 128, (20, classes)).astype(np.int8)
    graph = operator("softmax", {"x": (x.shape, (scale, 3))}, (1 / 256, -128))
    y = run(graph, [x])["y"].astype(float)
    exponentials = np.exp(scale * (x - x.max(axis=1, keepdims=True).astype(float)))
    expected = 256 * exponentials / exponentials.sum(axis=1, keepdims=True)
    assert np.abs(y + 128 - np.minimum(expected, 255)).max() < 0.51


def test_quantize_rounds_halves_to_even() -> None:
    values = {
        "x": Value("x", TensorType((1, 6), DType.FLOAT32)),
        "y": Value("y", TensorType((1, 6), DType.INT8, Quantization.per_tensor(0.5, 10))),
    }
    graph = Graph("g", ("x",), ("y",), (Node("q", "quantize", ("x",), ("y",)),), values)
    x = np.array([[0.25, 0.75, -0.25, -0.75, 1e9, -1e9]], np.float32)
    assert run(check(graph), [x])["y"].tolist() == [[10, 12, 10, 8, 127, -128]]


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.6])
def test_requantize_of_every_value(ratio: float) -> None:
    x = EVERY.reshape(1, 256)
    graph = operator("requantize", {"x": (x.shape, (0.1 * ratio, 4))}, (0.1, -3))
    y = run(graph, [x])["y"][0].tolist()
    expected = [int8(half_up(Fraction(0.1 * ratio / 0.1) * (v - 4)) - 3) for v in EVERY.tolist()]
    assert y == expected


def test_bilinear_resize_is_within_one_of_real_interpolation() -> None:
    rng = np.random.default_rng(5)
    x = rng.integers(-128, 128, (1, 5, 6, 3)).astype(np.int8)
    quantization = {"x": (x.shape, (0.1, 0))}
    graph = operator(
        "resize", quantization, (0.1, 0), size=(9, 13), mode="bilinear", half_pixel_centers=True
    )
    y = run(graph, [x])["y"].astype(float)
    torch = pytest.importorskip("torch")
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(x.astype(np.float32)).permute(0, 3, 1, 2), (9, 13), mode="bilinear"
    )
    assert np.abs(y - expected.permute(0, 2, 3, 1).numpy()).max() < 1


def test_modes_differ_by_one_at_most_in_a_layer() -> None:
    rng = np.random.default_rng(6)
    x = rng.integers(-128, 128, (1, 16, 16, 32)).astype(np.int8)
    w = rng.integers(-127, 128, (32, 1, 1, 32)).astype(np.int8)
    scales = tuple(rng.uniform(0.004, 0.012, 32).tolist())
    graph = operator("conv2d", {"x": (x.shape, (0.05, 3))}, (0.25, 4), (filters(w, scales, 0),))
    tflite = Graph(
        graph.name, graph.inputs, graph.outputs, graph.nodes, graph.values, Rounding.TFLITE
    )
    difference = np.abs(run(graph, [x])["y"].astype(int) - run(tflite, [x])["y"])
    assert difference.max() == 1
    assert difference.mean() < 0.02
