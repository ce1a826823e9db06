"""Products of activations and layer normalization: numpy == C, at once and row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.ir import Quantization, Rounding
from edge.ir.graph import Attr
from edge.quantization.layer_norm import MOST_CHANNELS

from .cases import Case, activation, constant, one_node, run, run_in_place, run_trailing
from .draws import (
    PROPERTY,
    assert_same,
    int8s,
    kinds,
    quantizations,
    rngs,
    roundings,
    scales,
    zero_points,
)
from .host import Kernels


@st.composite
def products(draw: st.DrawFn) -> Case:
    rng = draw(rngs)
    leading = draw(st.sampled_from(((), (1,), (1, 3), (2, 2))))
    m, k, n = (draw(st.integers(1, most)) for most in (6, 40, 6))
    transposed = draw(st.booleans())
    a, b = (*leading, m, k), (*leading, n, k) if transposed else (*leading, k, n)
    a_q, b_q = draw(quantizations), draw(quantizations)
    unit = 2.0 ** draw(st.floats(-16.0, 1.0))
    made_scale = float(np.float32(a_q.scale[0] * b_q.scale[0] / unit))
    made = Quantization.per_tensor(made_scale, draw(zero_points))
    inputs = [activation("a", a, a_q), activation("b", b, b_q)]
    attrs: dict[str, Attr] = {"transpose_b": transposed}
    graph = one_node("matmul", inputs, attrs, draw(roundings), made)
    data = int8s(rng, draw(kinds), a), int8s(rng, draw(kinds), b)
    return Case(graph, data, "matmul_s8")


@PROPERTY
@given(case=products())
def test_matmul_at_once_and_batch_by_batch(kernels: Kernels, case: Case) -> None:
    expected = case.expected
    assert_same(run(kernels, case), expected)
    if expected.ndim == 4 and expected.shape[0] == 1:
        rows = expected.shape[1]
        assert_same(run(kernels, replace(case, rows=rows, in_rows=(rows, rows))), expected)


@st.composite
def norms(draw: st.DrawFn) -> Case:
    rng = draw(rngs)
    channels = draw(st.one_of(st.integers(1, 40), st.sampled_from((255, 1024, MOST_CHANNELS))))
    shape = (1, 1 if channels > 300 else draw(st.integers(1, 4)), channels)
    size = 2.0 ** draw(st.floats(-3.0, 3.0))
    weight = rng.normal(size, size * draw(st.sampled_from((0.0, 0.5))), channels)
    offset = rng.normal(0.0, size * draw(st.sampled_from((0.0, 1.0))), channels)
    attrs: dict[str, Attr] = {"epsilon": draw(st.sampled_from((1e-5, 1e-12, 1.0)))}
    inputs = [
        activation("x", shape, Quantization.per_tensor(draw(scales), draw(zero_points))),
        constant("w", weight.astype(np.float32)),
        constant("b", offset.astype(np.float32)),
    ]
    made = Quantization.per_tensor(draw(scales), draw(zero_points))
    graph = one_node("layer_norm", inputs, attrs, draw(roundings), made)
    return Case(graph, (int8s(rng, draw(kinds), shape),), "layer_norm_s8")


@PROPERTY
@given(case=norms())
def test_layer_norm(kernels: Kernels, case: Case) -> None:
    expected = case.expected
    assert_same(run(kernels, case), expected)
    assert_same(run_in_place(kernels, case), expected)
    assert_same(run_trailing(kernels, case, 3), expected)
    rows = case.inputs[0].shape[1]
    assert_same(run(kernels, replace(case, rows=rows, in_rows=(rows,))), expected)


def test_layer_norm_of_one_extreme_value_among_equal_ones(kernels: Kernels) -> None:
    """The largest h that n values allow: sqrt(n - 1) deviations."""
    for channels in (1, 2, 4, 5, 64, 65, 4096, MOST_CHANNELS):
        data = np.full((1, 2, channels), -128, np.int8)
        data[0, 0, -1] = 127
        data[0, 1] = -data[0, 0] - 1
        ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
        given_q, made = Quantization.per_tensor(0.1, 5), Quantization.per_tensor(0.5, -3)
        inputs = [activation("x", data.shape, given_q), constant("w", ones), constant("b", zeros)]
        graph = one_node("layer_norm", inputs, {}, Rounding.SINGLE, made)
        case = Case(graph, (data,), "layer_norm_s8")
        assert_same(run(kernels, case), case.expected)
