"""Arithmetic of tensors, pools, mean, softmax and changes of quantization equal LiteRT's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frontends.tflite_builder import Operator, Tensor, build_model, constant
from tests.reference.oracle import (
    RELU,
    RELU6,
    RELU_N1_TO_1,
    SAME,
    VALID,
    activation,
    assert_agrees,
    int8s,
    single_operator,
)

SHAPES = [
    ((1, 6, 5, 8), (1, 6, 5, 8)),
    ((1, 6, 5, 8), (1, 1, 1, 8)),
    ((1, 6, 5, 8), (1, 1, 1, 1)),
    ((1, 1, 5, 8), (1, 6, 5, 1)),
]
EVERY = np.arange(-128, 128, dtype=np.int8)[None]
FUSED = [0, RELU, RELU6, RELU_N1_TO_1]


def broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(np.broadcast_shapes(a, b))


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("fused", FUSED)
@pytest.mark.parametrize("op", ["ADD", "SUB"])
def test_add_and_sub(op: str, fused: int, shapes: Any) -> None:
    rng = np.random.default_rng(len(op) + 7 * fused)
    a_scale, b_scale = (float(s) for s in np.exp(rng.uniform(-5, -1, 2)))
    a, b = activation(rng, "a", shapes[0], a_scale), activation(rng, "b", shapes[1], b_scale)
    y = activation(rng, "y", broadcast(*shapes), 1.3 * max(a_scale, b_scale))
    file = single_operator(op, (a, b), y, options={"fusedActivationFunction": fused})
    assert_agrees(file, int8s(rng, 8, *shapes[0][1:]), int8s(rng, 8, *shapes[1][1:]), varied=False)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("op", ["ADD", "SUB"])
def test_add_and_sub_of_all_pairs(op: str, seed: int) -> None:
    """All 65,536 pairs of stored values, for scales that differ by up to 2**5."""
    rng = np.random.default_rng(seed)
    a_scale, b_scale = (float(s) for s in 2.0 ** rng.uniform(-5, 0, 2))
    if seed < 4:  # powers of two: sums fall onto halves
        a_scale, b_scale = 0.5, 0.5 / 2**seed
    a, b = activation(rng, "a", (1, 256, 1), a_scale), activation(rng, "b", (1, 1, 256), b_scale)
    y = activation(rng, "y", (1, 256, 256), float(max(a_scale, b_scale) * rng.choice([1, 1.37, 2])))
    every = np.arange(-128, 128, dtype=np.int8)
    assert_agrees(
        single_operator(op, (a, b), y), every.reshape(1, 256, 1), every.reshape(1, 1, 256)
    )


@pytest.mark.parametrize("shapes", SHAPES)
def test_add_of_a_constant(shapes: Any) -> None:
    rng = np.random.default_rng(3)
    a = activation(rng, "a", shapes[0], 0.05)
    b = constant("b", int8s(rng, *shapes[1]), scale=0.03, zero_point=4)
    y = activation(rng, "y", broadcast(*shapes), 0.07)
    assert_agrees(single_operator("ADD", (a,), y, (b,)), int8s(rng, 5, *shapes[0][1:]))


@pytest.mark.parametrize("seed", range(12))
def test_mul_of_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a_scale, b_scale = (float(s) for s in 2.0 ** rng.uniform(-7, -2, 2))
    a, b = activation(rng, "a", (1, 256, 1), a_scale), activation(rng, "b", (1, 1, 256), b_scale)
    y = activation(rng, "y", (1, 256, 256), a_scale * b_scale * float(rng.choice([64, 100.3, 256])))
    options = {"fusedActivationFunction": FUSED[seed % 3]}
    file = single_operator("MUL", (a, b), y, options=options)
    assert_agrees(file, EVERY.reshape(1, 256, 1), EVERY.reshape(1, 1, 256), varied=False)


POOLS = [
    # input, kernel, stride, padding
    ((9, 7, 8), (2, 2), (2, 2), VALID),
    ((9, 7, 8), (3, 3), (2, 2), SAME),
    ((8, 8, 5), (3, 2), (1, 1), SAME),
    ((25, 5, 6), (25, 5), (1, 1), VALID),
    ((6, 6, 3), (5, 5), (3, 3), SAME),
]


@pytest.mark.parametrize("case", POOLS)
@pytest.mark.parametrize("fused", [0, RELU, RELU6])
@pytest.mark.parametrize("op", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_pools(op: str, fused: int, case: Any) -> None:
    (height, width, channels), kernel, stride, padding = case
    rng = np.random.default_rng(height)
    zero_point = int(rng.integers(-40, 40))
    out = [
        -(-size // s) if padding == SAME else (size - k) // s + 1
        for size, k, s in zip((height, width), kernel, stride, strict=True)
    ]
    x = Tensor("x", (1, height, width, channels), scale=0.05, zero_point=zero_point)
    y = Tensor("y", (1, *out, channels), scale=0.05, zero_point=zero_point)
    options = {
        "filterHeight": kernel[0], "filterWidth": kernel[1],
        "strideH": stride[0], "strideW": stride[1],
        "padding": padding, "fusedActivationFunction": fused,
    }  # fmt: skip
    file = single_operator(op, (x,), y, options=options)
    assert_agrees(file, int8s(rng, 6, height, width, channels), varied=False)


@pytest.mark.parametrize("axes", [(1, 2), (2,), (1,), (3,), (1, 2, 3)])
@pytest.mark.parametrize("keep", [True, False])
def test_mean(axes: tuple[int, ...], keep: bool) -> None:
    rng = np.random.default_rng(len(axes))
    shape = (1, 7, 6, 9)
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    out = kept if keep else tuple(n for i, n in enumerate(shape) if i not in axes)
    for ratio in (1.0, 0.31, 0.13):
        x = activation(rng, "x", shape, 0.05)
        y = Tensor("y", out, scale=0.05 * ratio, zero_point=int(rng.integers(-30, 30)))
        axis = constant("axes", np.array(axes, np.int32))
        file = single_operator("MEAN", (x,), y, (axis,), {"keepDims": keep})
        assert_agrees(file, int8s(rng, 40, *shape[1:]), varied=False)


def test_concat() -> None:
    rng = np.random.default_rng(0)
    tensors = [Tensor(n, (1, 4, c), scale=0.1, zero_point=3) for n, c in (("a", 2), ("b", 5))]
    y = Tensor("y", (1, 4, 7), scale=0.1, zero_point=3)
    file = single_operator("CONCATENATION", tuple(tensors), y, options={"axis": 2})
    assert_agrees(file, int8s(rng, 3, 4, 2), int8s(rng, 3, 4, 5))


@pytest.mark.parametrize("classes", [2, 10, 12, 256])
@pytest.mark.parametrize("scale", [0.004, 0.05, 0.19, 0.5, 3.0])
@pytest.mark.parametrize("beta", [1.0, 0.37])
def test_softmax(classes: int, scale: float, beta: float) -> None:
    rng = np.random.default_rng(classes)
    x = activation(rng, "x", (1, 3, classes), scale)
    y = Tensor("y", (1, 3, classes), scale=1 / 256, zero_point=-128)
    file = single_operator("SOFTMAX", (x,), y, options={"beta": beta})
    inputs = int8s(rng, 60, 3, classes)
    inputs[0] = 5
    inputs[1, :, 0] = 127
    inputs[1, :, 1:] = -128
    inputs[2:20] //= 16
    assert_agrees(file, inputs, varied=False)


def test_quantize_rounds_halves_away_from_zero() -> None:
    rng = np.random.default_rng(0)
    x = Tensor("x", (1, 4000), dtype="float32")
    for scale in (0.5, 0.0371):
        y = activation(rng, "y", (1, 4000), scale)
        file = single_operator("QUANTIZE", (x,), y)
        halves = (rng.integers(-300, 300, 2000) + 0.5) * np.float32(scale)
        inputs = np.concatenate([halves, rng.normal(0, 60 * scale, 1990), [0, -0.0] * 5])
        assert_agrees(file, inputs.astype(np.float32)[None])


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.3, 0.011, 1.7, 4.0, 39.0])
def test_requantize(ratio: float) -> None:
    rng = np.random.default_rng(int(ratio * 1000))
    x = activation(rng, "x", (1, 256), 0.05)
    y = activation(rng, "y", (1, 256), 0.05 / ratio)
    assert_agrees(single_operator("QUANTIZE", (x,), y), EVERY, varied=False)


def test_dequantize() -> None:
    rng = np.random.default_rng(0)
    x = activation(rng, "x", (1, 256), 0.0471)
    y = Tensor("y", (1, 256), dtype="float32")
    file = single_operator("DEQUANTIZE", (x,), y)
    assert_agrees(file, EVERY)


def test_a_chain_of_operators() -> None:
    """Values are kept as long as something reads them: y = (x + x * x) + x."""
    rng = np.random.default_rng(0)
    tensors = [
        activation(rng, n, (1, 5, 6), s) for n, s in zip("xmsy", (0.1, 0.2, 0.2, 0.3), strict=True)
    ]
    operators = [
        Operator("MUL", ("x", "x"), ("m",)),
        Operator("ADD", ("x", "m"), ("s",)),
        Operator("ADD", ("s", "x"), ("y",)),
    ]
    file = build_model(tensors, operators, ("x",), ("y", "m"))
    assert_agrees(file, int8s(rng, 4, 5, 6), varied=False)
