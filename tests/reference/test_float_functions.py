"""The deterministic float32 functions against double precision, ordered sums against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edge import reference
from edge.ir import DType, Graph, Node, Rounding, TensorType, Value
from edge.quantization.functions import FUNCTIONS as DOUBLE
from edge.reference.float_functions import FUNCTIONS
from edge.reference.float_ordered import sums_of_products

ULPS = {
    "exp": 1.0, "log": 1.0, "sigmoid": 2.5, "tanh": 3.0, "elu": 2.5, "silu": 3.5, "rsqrt": 1.5,
    "sqrt": 0.5, "gelu": 8.0, "gelu_tanh": 24.0, "hard_swish": 2.5, "hard_sigmoid": 1.5,
}  # fmt: skip
"""The largest error in units in the last place, down to results of 2**-126."""


def _arguments(function: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    rng = np.random.default_rng(8)
    near = rng.standard_normal(200_000) * 4
    far = rng.uniform(-87, 88, 100_000)
    x = np.concatenate([near, far, near * 1e-3, near * 1e-20]).astype(np.float32)
    return np.abs(x) if function in ("log", "sqrt", "rsqrt") else x


@pytest.mark.parametrize("function", ULPS)
def test_errors_are_a_few_units_in_the_last_place(function: str) -> None:
    x = _arguments(function)
    made = FUNCTIONS[function](x, 0.0).astype(np.float64)
    exact = DOUBLE[function](x.astype(np.float64), 0.0)
    unit = np.spacing(np.maximum(np.abs(exact), 2.0**-126).astype(np.float32)).astype(np.float64)
    if function.startswith(("gelu", "hard")):
        # Their definitions cancel near the zeros of the negative side: errors relative to x.
        unit = np.maximum(unit, np.spacing(np.abs(x)).astype(np.float64) * 2.0**-3)
    assert np.max(np.abs(made - exact) / unit) <= ULPS[function]


@pytest.mark.parametrize("function", ["gelu", "silu", "tanh", "sigmoid", "exp"])
def test_functions_agree_with_torch(function: str) -> None:
    x = np.linspace(-20, 20, 100_001).astype(np.float32)
    ours = FUNCTIONS[function](x, 0.0)
    functional = getattr(torch.nn.functional, function, None) or getattr(torch, function)
    np.testing.assert_allclose(ours, functional(torch.from_numpy(x)).numpy(), rtol=1e-6, atol=2e-6)


def test_sums_take_their_products_in_order() -> None:
    rng = np.random.default_rng(2)
    for pixels, depth, channels in ((1, 7, 90), (200, 13, 3), (70, 40, 70)):
        x, weight = (
            rng.standard_normal(s).astype(np.float32) for s in ((pixels, depth), (channels, depth))
        )
        bias = rng.standard_normal(channels).astype(np.float32)
        made = sums_of_products(x, weight, bias)
        for p, o in ((0, 0), (pixels - 1, channels - 1), (pixels // 2, channels // 2)):
            acc = bias[o]
            for a, b in zip(x[p], weight[o], strict=True):
                acc = np.float32(acc + np.float32(a * b))
            assert made[p, o] == acc


def test_a_sum_that_starts_at_minus_zero_ends_at_zero() -> None:
    zero = np.full((1, 1), -0.0, np.float32)
    kind = TensorType((1, 1), DType.FLOAT32)
    values = {
        "x": Value("x", kind),
        "w": Value("w", kind, np.abs(zero)),
        "b": Value("b", TensorType((1,), DType.FLOAT32), zero[0]),
        "y": Value("y", kind),
    }
    node = Node("n", "linear", ("x", "w", "b"), ("y",))
    graph = Graph("g", ("x",), ("y",), (node,), values, Rounding.FLOAT)
    assert not np.signbit(reference.run(graph, [zero])["y"]).any()
