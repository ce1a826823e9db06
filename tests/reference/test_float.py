"""Float operators against torch, within the rounding of float32 sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.ir import DType, Graph, Node, TensorType, Value, check
from edge.ir.graph import Attr
from edge.ir.ops import infer_shapes
from edge.reference import run

torch = pytest.importorskip("torch", reason="pip install 'edge-nn[torch]'")
F = torch.nn.functional
Floats = np.ndarray[Any, Any]


def normal(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def output(op: str, x: tuple[Floats, ...], constants: tuple[Floats, ...] = (), **a: Attr) -> Floats:
    """Run one float operator: `x` are its activations, then come constants."""
    values = {f"x{i}": Value(f"x{i}", TensorType(v.shape, DType.FLOAT32)) for i, v in enumerate(x)}
    inputs = tuple(values)
    values |= {
        f"c{i}": Value(f"c{i}", TensorType(v.shape, DType.FLOAT32), v)
        for i, v in enumerate(constants)
    }
    node = Node("node", op, tuple(values), ("y",), a)
    graph = Graph("g", inputs, ("y",), (node,), values)
    (shape,) = infer_shapes(graph, node)
    graph = graph.with_nodes([node], [Value("y", TensorType(shape, DType.FLOAT32))])
    y = run(check(graph), x)["y"]
    assert y.dtype == np.float32
    assert y.shape == shape
    return y


def nchw(x: Floats) -> Any:
    return torch.from_numpy(x).permute(0, 3, 1, 2)


def nhwc(x: Any) -> Floats:
    return np.asarray(x.permute(0, 2, 3, 1).numpy())


def near(actual: Floats, expected: Any) -> None:
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-5)


def test_conv2d() -> None:
    x, w, b = normal(1, 9, 8, 4), normal(6, 3, 2, 2, seed=1), normal(6, seed=2)
    attrs: dict[str, Attr] = {"stride": (2, 1), "padding": (1, 1, 1, 1), "dilation": (1, 2)}
    expected = F.conv2d(
        nchw(x), nchw(w), torch.from_numpy(b), (2, 1), (1, 1), (1, 2), groups=2
    ).relu()
    near(output("conv2d", (x,), (w, b), **attrs, groups=2, activation="relu"), nhwc(expected))


def test_depthwise_conv2d() -> None:
    x, w, b = normal(1, 9, 8, 3), normal(1, 3, 3, 6, seed=1), normal(6, seed=2)
    filters = torch.from_numpy(w[0]).permute(2, 0, 1)[:, None]
    expected = F.conv2d(nchw(x), filters, torch.from_numpy(b), 2, 1, groups=3)
    attrs: dict[str, Attr] = {"stride": (2, 2), "padding": (1, 1, 1, 1)}
    near(output("depthwise_conv2d", (x,), (w, b), **attrs), nhwc(expected))


def test_linear_on_the_last_axis() -> None:
    x, w, b = normal(1, 5, 7), normal(4, 7, seed=1), normal(4, seed=2)
    near(output("linear", (x,), (w, b)), F.linear(*map(torch.from_numpy, (x, w, b))).numpy())


def test_batch_norm() -> None:
    x = normal(1, 4, 5, 3)
    weight, bias, mean, variance = (normal(3, seed=i) for i in range(1, 5))
    variance = np.abs(variance)
    expected = F.batch_norm(
        nchw(x), *map(torch.from_numpy, (mean, variance, weight, bias)), eps=1e-3
    )
    constants = (weight, bias, mean, variance)
    near(output("batch_norm", (x,), constants, epsilon=1e-3), nhwc(expected))


POOL: dict[str, Attr] = {"kernel": (3, 2), "stride": (2, 1), "padding": (1, 1, 1, 1)}


def test_max_pool2d() -> None:
    x = normal(1, 7, 6, 3)
    near(output("max_pool2d", (x,), **POOL), nhwc(F.max_pool2d(nchw(x), (3, 2), (2, 1), 1)))


def test_avg_pool2d_leaves_padding_out_of_the_count() -> None:
    x = normal(1, 7, 6, 3)
    expected = F.avg_pool2d(nchw(x), (3, 2), (2, 1), 1, count_include_pad=False)
    near(output("avg_pool2d", (x,), **POOL), nhwc(expected))


def test_mean() -> None:
    x = normal(1, 7, 6, 3)
    near(output("mean", (x,), axes=(1, 2), keepdims=False), x.mean((1, 2)))


@pytest.mark.parametrize("op", ["add", "sub", "mul"])
def test_arithmetic_broadcasts(op: str) -> None:
    a, b = normal(1, 4, 1, 3), normal(1, 1, 5, 3, seed=1)
    near(output(op, (a, b)), getattr(torch, op)(*map(torch.from_numpy, (a, b))).numpy())


def test_softmax_with_beta() -> None:
    x = 30 * normal(1, 4, 10)
    near(output("softmax", (x,), beta=0.5), torch.softmax(0.5 * torch.from_numpy(x), -1).numpy())


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "relu_n1_to_1": F.hardtanh,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "hard_swish": F.hardswish,
    "hard_sigmoid": F.hardsigmoid,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "elu": F.elu,
    "exp": torch.exp,
    "abs": torch.abs,
    "negate": torch.neg,
    "square": torch.square,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_unary_functions(function: str) -> None:
    x = 4 * normal(1, 500)
    if function in ("log", "sqrt", "rsqrt"):
        x = np.abs(x) + np.float32(0.01)
    expected = FUNCTIONS[function](torch.from_numpy(x)).numpy()
    near(output("unary", (x,), function=function, alpha=0.2), expected)


@pytest.mark.parametrize("corners", [True, False])
def test_bilinear_resize(corners: bool) -> None:
    x = normal(1, 5, 6, 3)
    expected = F.interpolate(nchw(x), (9, 4), mode="bilinear", align_corners=corners)
    grid: dict[str, Attr] = {"align_corners": corners, "half_pixel_centers": not corners}
    near(output("resize", (x,), size=(9, 4), mode="bilinear", **grid), nhwc(expected))


def test_nearest_resize() -> None:
    x = normal(1, 5, 6, 3)
    near(output("resize", (x,), size=(12, 7)), nhwc(F.interpolate(nchw(x), (12, 7))))


def test_pad_transpose_slice_concat_and_reshape() -> None:
    x, y = normal(1, 4, 5, 3), normal(1, 4, 5, 2, seed=1)
    padded = np.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)), constant_values=1.5)
    near(output("pad", (x,), padding=(0, 0, 1, 2, 0, 1, 0, 0), value=1.5), padded)
    near(output("transpose", (x,), permutation=(0, 3, 1, 2)), x.transpose(0, 3, 1, 2))
    sliced = output("slice", (x,), begin=(0, 1, 0, 0), end=(1, 4, 5, 2), strides=(1, 2, 3, 1))
    near(sliced, x[:, 1:4:2, ::3, :2])
    near(output("concat", (x, y), axis=3), np.concatenate([x, y], 3))
    near(output("reshape", (x,), shape=(1, 60)), x.reshape(1, 60))
