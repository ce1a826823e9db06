"""Transposed convolutions and products of activations equal LiteRT's in every bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import EdgeError
from edge.frontends.tflite import load_tflite
from tests.frontends.tflite_builder import Tensor, constant
from tests.reference.oracle import (
    RELU,
    SAME,
    VALID,
    activation,
    assert_agrees,
    bias_like,
    int8s,
    single_operator,
    weights,
)
from tests.reference.test_litert_dense import channel_scales, spread_scale

SAMPLES = 3


def transposed(case: dict[str, Any], rng: np.random.Generator) -> tuple[bytes, Any]:
    """A file with one TRANSPOSE_CONV, with a bias or without, and inputs for it."""
    (height, width), in_c, out_c, kernel = case["size"], case["in_c"], case["out"], case["kernel"]
    stride, same = case["stride"], case["padding"] == SAME
    sizes = zip((height, width), kernel, stride, case["short"], strict=True)
    out = [n * s - short if same else (n - 1) * s + k for n, k, s, short in sizes]
    scales = channel_scales(rng, out_c)
    x = activation(rng, "x", (1, height, width, in_c), 0.05)
    terms = max(in_c * kernel[0] * kernel[1] // (stride[0] * stride[1]), 1)
    y = activation(rng, "y", (1, *out, out_c), spread_scale(0.05, 0.008, terms))
    shape = constant("shape", np.array([1, *out, out_c], np.int32))
    filters = constant("w", weights(rng, out_c, *kernel, in_c), scale=scales)
    bias = bias_like(rng, out_c, [0.05 * s for s in scales]) if case["bias"] else None
    options = {
        "strideH": stride[0], "strideW": stride[1], "padding": case["padding"],
        "fusedActivationFunction": case["fused"],
    }  # fmt: skip
    operands = [shape, filters, x, *([bias] if bias is not None else [])]
    file = single_operator("TRANSPOSE_CONV", (x,), y, (), options, operands)
    return file, int8s(rng, SAMPLES, height, width, in_c)


@st.composite
def geometries(draw: st.DrawFn) -> dict[str, Any]:
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return {
        "size": draw(st.tuples(st.integers(1, 7), st.integers(1, 7))),
        "kernel": draw(st.tuples(st.integers(1, 5), st.integers(1, 5))),
        "stride": stride,
        "short": [draw(st.integers(0, s - 1)) for s in stride],
        "padding": draw(st.sampled_from([SAME, VALID])),
        "in_c": draw(st.integers(1, 9)),
        "out": draw(st.integers(1, 9)),
        "bias": draw(st.booleans()),
        "fused": draw(st.sampled_from([0, RELU])),
    }


@given(case=geometries(), seed=st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_transpose_conv_of_any_geometry(case: dict[str, Any], seed: int) -> None:
    file, x = transposed(case, np.random.default_rng(seed))
    assert_agrees(file, x, varied=False)


def test_transpose_conv_of_a_decoder() -> None:
    case = {
        "size": (8, 6), "kernel": (4, 4), "stride": (2, 2), "short": (0, 0), "padding": SAME,
        "in_c": 16, "out": 8, "bias": True, "fused": 0,
    }  # fmt: skip
    file, x = transposed(case, np.random.default_rng(0))
    assert_agrees(file, x)


@pytest.mark.parametrize("adjoint", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("leading", [(1,), (1, 3)])
def test_batch_matmul(adjoint: tuple[bool, bool], leading: tuple[int, ...]) -> None:
    rng = np.random.default_rng(sum(adjoint) + len(leading))
    m, k, n = 5, 37, 9
    a = (*leading, k, m) if adjoint[0] else (*leading, m, k)
    b = (*leading, n, k) if adjoint[1] else (*leading, k, n)
    operands = Tensor("a", a, scale=0.05, zero_point=-3), Tensor("b", b, scale=0.0081, zero_point=7)
    y = activation(rng, "y", (*leading, m, n), spread_scale(0.05, 0.0081, k))
    options = {"adjX": adjoint[0], "adjY": adjoint[1]}
    file = single_operator("BATCH_MATMUL", operands, y, (), options)
    assert_agrees(file, int8s(rng, SAMPLES, *a[1:]), int8s(rng, SAMPLES, *b[1:]))


def test_batch_matmul_by_a_constant() -> None:
    rng = np.random.default_rng(3)
    a = Tensor("a", (1, 6, 20), scale=0.05, zero_point=11)
    b = constant("b", weights(rng, 1, 20, 9), scale=0.0077, zero_point=0)
    y = activation(rng, "y", (1, 6, 9), spread_scale(0.05, 0.0077, 20))
    file = single_operator("BATCH_MATMUL", (a,), y, (b,), {})
    assert_agrees(file, int8s(rng, SAMPLES, 6, 20))


def test_batch_matmul_that_repeats_an_operand_is_refused() -> None:
    a, b = (Tensor(n, s, scale=0.1) for n, s in (("a", (1, 3, 2, 4)), ("b", (1, 1, 4, 2))))
    y = Tensor("y", (1, 3, 2, 2), scale=0.5)
    with pytest.raises(EdgeError, match="leading axes"):
        load_tflite(single_operator("BATCH_MATMUL", (a, b), y))


def test_transpose_conv_with_another_shape_than_it_declares_is_refused() -> None:
    rng = np.random.default_rng(0)
    x, y = activation(rng, "x", (1, 3, 3, 2), 0.1), activation(rng, "y", (1, 6, 6, 2), 0.1)
    shape = constant("shape", np.array([1, 6, 5, 2], np.int32))
    filters = constant("w", weights(rng, 2, 2, 2, 2), scale=0.01)
    options = {"strideH": 2, "strideW": 2, "padding": SAME}
    operands = (shape, filters, x)
    with pytest.raises(EdgeError, match="declares"):
        load_tflite(single_operator("TRANSPOSE_CONV", (x,), y, (), options, operands))
