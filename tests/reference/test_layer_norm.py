"""The integer layer norm: exact where its definition says so, close to the real one."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import reference
from edge.errors import EdgeError
from edge.ir import DType, Graph, Node, Quantization, Rounding, TensorType, Value, check
from edge.quantization.layer_norm import layer_norm, normalized


def graph_of(
    shape: tuple[int, ...],
    in_scale: float = 0.05,
    made: tuple[float, int] = (0.03, -4),
    weight: np.ndarray | None = None,
    bias: np.ndarray | None = None,
) -> Graph:
    n = shape[-1]
    constants = {
        "w": np.ones(n, np.float32) if weight is None else weight,
        "b": np.zeros(n, np.float32) if bias is None else bias,
    }
    values = {
        name: Value(name, TensorType((n,), DType.FLOAT32), c) for name, c in constants.items()
    }
    for name, q in (("x", (in_scale, 3)), ("y", made)):
        values[name] = Value(name, TensorType(shape, DType.INT8, Quantization.per_tensor(*q)))
    node = Node("norm", "layer_norm", ("x", "w", "b"), ("y",))
    return check(Graph("g", ("x",), ("y",), (node,), values, Rounding.SINGLE))


def real(x: np.ndarray, graph: Graph) -> np.ndarray:
    """The definition in double, before the output is rounded."""
    q = graph.type("x").quantization
    assert q is not None
    value = (x.astype(np.float64) - q.zero_point[0]) * q.scale[0]
    centered = value - value.mean(-1, keepdims=True)
    deviation = np.sqrt(np.square(centered).mean(-1, keepdims=True) + 1e-5)
    result: np.ndarray = centered / deviation * graph.constant("w") + graph.constant("b")
    return result


@given(st.lists(st.integers(-128, 127), min_size=2, max_size=70))
@settings(max_examples=200, deadline=None)
def test_normalized_values_are_within_one_step_of_exact_ones(values: list[int]) -> None:
    constants = layer_norm(*_only(graph_of((1, len(values)))))
    h = normalized(np.array([values], np.int64), constants)[0]
    n, total = len(values), sum(values)
    spread = n * sum(v * v for v in values) - total * total + constants.epsilon
    for made, value in zip(h.tolist(), values, strict=True):
        square = Fraction((n * value - total) ** 2, spread) * 4**constants.fraction_bits
        exact = math.copysign(math.sqrt(square), n * value - total)
        assert abs(made - exact) <= 0.51
        assert abs(made) <= 2**15


def _only(graph: Graph) -> tuple[Graph, Node]:
    return graph, graph.nodes[0]


@pytest.mark.parametrize("channels", [8, 64, 197, 768, 4096])
def test_outputs_are_the_nearest_steps_of_the_real_ones(channels: int) -> None:
    """Nearly always: integer constants shift a few that lie next to a half."""
    rng = np.random.default_rng(channels)
    weight = rng.normal(1.0, 0.3, channels).astype(np.float32)
    bias = rng.normal(0.0, 0.5, channels).astype(np.float32)
    graph = graph_of((1, 40, channels), weight=weight, bias=bias)
    x = rng.normal(3, 40, (1, 40, channels)).clip(-128, 127).astype(np.int8)
    made = reference.run(graph, [x])["y"].astype(np.float64)
    exact = np.clip(real(x, graph) / 0.03 - 4, -128, 127)
    half_of_h = 2.0 ** -(layer_norm(*_only(graph)).fraction_bits + 1)
    assert np.abs(made - exact).max() < 0.51 + half_of_h * np.abs(weight).max() / 0.03
    noise = 10 * np.log10(np.square(exact + 4).sum() / np.square(made - exact).sum())
    assert noise > 38  # what rounding to steps of 0.03 alone leaves is 39 dB


def test_constant_vectors_give_the_bias() -> None:
    bias = np.array([0.3, -0.6, 0.0, 0.9], np.float32)
    graph = graph_of((1, 2, 4), bias=bias)
    x = np.array([[[7] * 4, [-128] * 4]], np.int8)
    assert reference.run(graph, [x])["y"].tolist() == [[[6, -24, -4, 26]] * 2]


def test_epsilon_counts_where_values_hardly_differ() -> None:
    graph = graph_of((1, 4), in_scale=1e-3)
    x = np.array([[3, 4, 3, 4]], np.int8)
    made = reference.run(graph, [x])["y"]
    assert made.tolist() == np.rint(real(x, graph) / 0.03 - 4).tolist()


def test_weights_beyond_the_output_scale_are_refused() -> None:
    with pytest.raises(EdgeError, match="E0211"):
        layer_norm(*_only(graph_of((1, 4), weight=np.full(4, 1e9, np.float32))))
