"""Sparse weights: numpy == portable C over blocks, shapes, masks and values at their ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.emit.descriptors import Descriptor
from edge.emit.packing.blocks import pack_blocks
from edge.ir import Quantization, Rounding
from edge.ir.shapes import ints
from edge.quantization import constants

from .cases import Case, activation, constant, one_node, run, run_in_ring
from .draws import (
    PROPERTY,
    Int8s,
    Rng,
    activations,
    assert_same,
    bias,
    bias_kinds,
    int8s,
    kinds,
    last_rows,
    padded_window,
    quantizations,
    rngs,
    roundings,
    weight_quantization,
)
from .host import Kernels

blocks = st.tuples(st.sampled_from((1, 2, 4, 8, 16)), st.sampled_from((1, 2, 3, 4, 8, 16)))
masks = st.sampled_from(("some", "few", "no row", "one row", "last block", "nothing", "all"))


@dataclass(frozen=True, eq=False)
class SparseCase(Case):
    """A case whose weights are packed in blocks of this size."""

    block: tuple[int, int] = (1, 4)

    @property
    def descriptor(self) -> Descriptor:
        dense = super().descriptor
        weighted = constants.weighted(self.graph, self.node)
        packed = pack_blocks(self.graph.constant("w").astype(np.int8), weighted, self.block)
        arrays = (replace(dense.arrays[0], data=packed.weights), *dense.arrays[1:])
        return replace(dense, arrays=arrays)


def masked(rng: Rng, weights: Int8s, kind: str) -> Int8s:
    """The weights with zeros; `kind` names where they are."""
    rows = weights.reshape(len(weights), -1)
    keep = np.ones(rows.shape, bool)
    if kind in ("some", "few"):
        keep = rng.random(rows.shape) < {"some": 0.4, "few": 0.05}[kind]
    elif kind in ("no row", "one row"):
        keep[rng.integers(len(rows))] = False
        keep ^= kind == "one row"
    elif kind == "last block":
        keep[:, :-1] = False
    elif kind == "nothing":
        keep[:] = False
    return np.where(keep, rows, np.int8(0)).reshape(weights.shape)


@st.composite
def convolutions(draw: st.DrawFn) -> SparseCase:
    rng, dilation = draw(rngs), (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    height, stride_h, top, bottom = draw(padded_window(kernel[0], dilation[0], 4))
    width, stride_w, left, right = draw(padded_window(kernel[1], dilation[1], 4))
    in_c, out_c = draw(st.integers(1, 9)), draw(st.integers(1, 18))
    x, made = draw(quantizations), draw(quantizations)
    weights = masked(rng, int8s(rng, draw(kinds), (out_c, *kernel, in_c)), draw(masks))
    weight = weight_quantization(rng, x, made, out_c, 0, draw(st.booleans()))
    inputs = [
        activation("x", (1, height, width, in_c), x),
        constant("w", weights, weight),
        constant("b", bias(rng, draw(bias_kinds), weights, 0, (x, weight, made))),
    ]
    attrs = {
        "stride": (stride_h, stride_w),
        "padding": (top, bottom, left, right),
        "dilation": dilation,
        "activation": draw(activations),
    }
    graph = one_node("conv2d", inputs, attrs, draw(roundings), made)
    data = int8s(rng, draw(kinds), (1, height, width, in_c))
    rows = graph.type("out").shape[1]
    return SparseCase(graph, (data,), "conv2d_sparse_s8", rows, (height,), draw(blocks))


@PROPERTY
@given(case=convolutions(), spare_rows=st.integers(0, 2))
def test_conv2d(kernels: Kernels, case: SparseCase, spare_rows: int) -> None:
    _assert_rows(kernels, case, spare_rows)


def _assert_rows(kernels: Kernels, case: Case, spare_rows: int) -> None:
    """The reference's output, also where the input is a ring of few rows."""
    attrs, expected = case.node.attrs, case.expected
    assert_same(run(kernels, case), expected)
    span = (case.graph.type("w").shape[1] - 1) * ints(attrs, "dilation")[0] + 1
    last = last_rows(case.rows, ints(attrs, "stride")[0], ints(attrs, "padding")[0], span)
    ring = min(span + spare_rows, case.in_rows[0])
    assert_same(run_in_ring(kernels, case, ring, last), expected)


@st.composite
def depthwise_convolutions(draw: st.DrawFn) -> Case:
    rng, dilation = draw(rngs), (draw(st.integers(1, 3)), draw(st.integers(1, 2)))
    kernel = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    height, stride_h, top, bottom = draw(padded_window(kernel[0], dilation[0], 4))
    width, stride_w, left, right = draw(padded_window(kernel[1], dilation[1], 4))
    in_c = draw(st.integers(1, 9))
    out_c = in_c * draw(st.integers(1, 3))
    x, made = draw(quantizations), draw(quantizations)
    rows = masked(rng, int8s(rng, draw(kinds), (out_c, *kernel)), draw(masks))
    weights = np.ascontiguousarray(rows.transpose(1, 2, 0))[None]
    weight = weight_quantization(rng, x, made, out_c, 3, draw(st.booleans()))
    inputs = [
        activation("x", (1, height, width, in_c), x),
        constant("w", weights, weight),
        constant("b", bias(rng, draw(bias_kinds), weights, 3, (x, weight, made))),
    ]
    attrs = {
        "stride": (stride_h, stride_w),
        "padding": (top, bottom, left, right),
        "dilation": dilation,
        "activation": draw(activations),
    }
    graph = one_node("depthwise_conv2d", inputs, attrs, draw(roundings), made)
    data = int8s(rng, draw(kinds), (1, height, width, in_c))
    rows_made = graph.type("out").shape[1]
    return Case(graph, (data,), "depthwise_conv2d_sparse_s8", rows_made, (height,))


@PROPERTY
@given(case=depthwise_convolutions(), spare_rows=st.integers(0, 2))
def test_depthwise_conv2d(kernels: Kernels, case: Case, spare_rows: int) -> None:
    _assert_rows(kernels, case, spare_rows)


@st.composite
def linear_layers(draw: st.DrawFn) -> SparseCase:
    rng = draw(rngs)
    pixels, in_c, out_c = (
        draw(st.integers(1, 5)),
        draw(st.integers(1, 70)),
        draw(st.integers(1, 20)),
    )
    x, made = draw(quantizations), draw(quantizations)
    weights = masked(rng, int8s(rng, draw(kinds), (out_c, in_c)), draw(masks))
    weight = weight_quantization(rng, x, made, out_c, 0, draw(st.booleans()))
    inputs = [
        activation("x", (pixels, in_c), x),
        constant("w", weights, weight),
        constant("b", bias(rng, draw(bias_kinds), weights, 0, (x, weight, made))),
    ]
    attrs = {"activation": draw(activations)}
    graph = one_node("linear", inputs, attrs, draw(roundings), made)
    data = int8s(rng, draw(kinds), (pixels, in_c))
    return SparseCase(graph, (data,), "linear_sparse_s8", block=draw(blocks))


@PROPERTY
@given(case=linear_layers())
def test_linear(kernels: Kernels, case: SparseCase) -> None:
    assert_same(run(kernels, case), case.expected)


def test_gaps_wider_than_a_byte_counts(kernels: Kernels) -> None:
    rng = np.random.default_rng(5)
    weights = np.zeros((3, 1400), np.int8)
    weights[0, [0, 1399]], weights[2, 1203] = (-128, 127), 5
    x = Quantization.per_tensor(0.05, 3)
    inputs = [
        activation("x", (2, 1400), x),
        constant("w", weights, weight_quantization(rng, x, x, 3, 0, True)),
        constant("b", np.array([1, -2, 3], np.int32)),
    ]
    graph = one_node("linear", inputs, {"activation": "none"}, Rounding.SINGLE, x)
    data = int8s(rng, "random", (2, 1400))
    for block in ((1, 1), (1, 4), (2, 2)):
        case = SparseCase(graph, (data,), "linear_sparse_s8", block=block)
        assert_same(run(kernels, case), case.expected)
