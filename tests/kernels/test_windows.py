"""Convolutions and pools: numpy == C over shapes, paddings, strides, dilations, groups, rings."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.ir import Rounding
from edge.ir.graph import Attr
from edge.ir.shapes import ints

from .cases import Case, activation, constant, one_node, run, run_in_ring
from .draws import (
    PROPERTY,
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


def _compare(kernels: Kernels, case: Case, kernel_h: int, dilation_h: int, spare_rows: int) -> None:
    """Whole tensor and ring of rows, both against numpy."""
    attrs = case.node.attrs
    stride, before = ints(attrs, "stride")[0], ints(attrs, "padding")[0]
    span = (kernel_h - 1) * dilation_h + 1
    expected = case.expected
    assert_same(run(kernels, case), expected)
    ring = min(span + spare_rows, case.in_rows[0])
    last = last_rows(case.rows, stride, before, span)
    assert_same(run_in_ring(kernels, case, ring, last), expected)


def _rows(case: Case) -> Case:
    graph = case.graph
    rows = graph.type("out").shape[1]
    return replace(case, rows=rows, in_rows=(graph.type("x").shape[1],))


@st.composite
def convolutions(draw: st.DrawFn, depthwise: bool) -> Case:
    rng, rounding = draw(rngs), draw(roundings)
    kernel_h, kernel_w = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    height, stride_h, top, bottom = draw(padded_window(kernel_h, dilation[0], 4))
    width, stride_w, left, right = draw(padded_window(kernel_w, dilation[1], 4))
    attrs: dict[str, Attr] = {
        "stride": (stride_h, stride_w),
        "padding": (top, bottom, left, right),
        "dilation": dilation,
        "activation": draw(activations),
    }
    if depthwise:
        op, axis, in_c = "depthwise_conv2d", 3, draw(st.integers(1, 20))
        shape = (1, kernel_h, kernel_w, in_c * draw(st.integers(1, 3)))
    else:
        op, axis, groups = "conv2d", 0, draw(st.integers(1, 3))
        depth = draw(st.integers(1, 9))
        in_c, attrs["groups"] = depth * groups, groups
        shape = (groups * draw(st.integers(1, 4)), kernel_h, kernel_w, depth)
    x, made = draw(quantizations), draw(quantizations)
    weights = int8s(rng, draw(kinds), shape, lowest=-127)
    weight = weight_quantization(rng, x, made, shape[axis], axis, draw(st.booleans()))
    inputs = [
        activation("x", (1, height, width, in_c), x),
        constant("w", weights, weight),
        constant("b", bias(rng, draw(bias_kinds), weights, axis, (x, weight, made))),
    ]
    data = int8s(rng, draw(kinds), (1, height, width, in_c))
    return _rows(Case(one_node(op, inputs, attrs, rounding, made), (data,), f"{op}_s8"))


def _compare_convolution(kernels: Kernels, case: Case, spare_rows: int) -> None:
    weight = case.graph.type("w").shape
    _compare(kernels, case, weight[1], ints(case.node.attrs, "dilation")[0], spare_rows)


@PROPERTY
@given(case=convolutions(depthwise=False), spare_rows=st.integers(0, 2))
def test_conv2d(kernels: Kernels, case: Case, spare_rows: int) -> None:
    _compare_convolution(kernels, case, spare_rows)


@PROPERTY
@given(case=convolutions(depthwise=True), spare_rows=st.integers(0, 2))
def test_depthwise_conv2d(kernels: Kernels, case: Case, spare_rows: int) -> None:
    _compare_convolution(kernels, case, spare_rows)


@st.composite
def transposed_convolutions(draw: st.DrawFn) -> Case:
    rng = draw(rngs)
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    height, width, in_c, out_c = (draw(st.integers(1, 5)) for _ in range(4))
    extra = tuple(draw(st.integers(0, s - 1)) for s in stride)
    room = [(n - 1) * s + k - 1 for n, s, k in zip((height, width), stride, kernel, strict=True)]
    padding = [draw(st.integers(0, min(r // 2, 3))) for r in room for _ in range(2)]
    attrs: dict[str, Attr] = {
        "stride": stride,
        "padding": tuple(padding),
        "output_padding": extra,
        "activation": draw(activations),
    }
    x, made = draw(quantizations), draw(quantizations)
    weights = int8s(rng, draw(kinds), (out_c, *kernel, in_c), lowest=-127)
    weight = weight_quantization(rng, x, made, out_c, 0, draw(st.booleans()))
    inputs = [
        activation("x", (1, height, width, in_c), x),
        constant("w", weights, weight),
        constant("b", bias(rng, draw(bias_kinds), weights, 0, (x, weight, made))),
    ]
    graph = one_node("conv_transpose2d", inputs, attrs, draw(roundings), made)
    data = int8s(rng, draw(kinds), (1, height, width, in_c))
    return _rows(Case(graph, (data,), "conv_transpose2d_s8"))


@PROPERTY
@given(case=transposed_convolutions())
def test_conv_transpose2d(kernels: Kernels, case: Case) -> None:
    expected, attrs = case.expected, case.node.attrs
    assert_same(run(kernels, case), expected)
    height, stride = case.in_rows[0], ints(attrs, "stride")[0]
    reaches = [y + ints(attrs, "padding")[0] for y in range(case.rows)]
    last = [min(reach // stride, height - 1) for reach in reaches]
    ring = min(-(-case.graph.type("w").shape[1] // stride), height)
    assert_same(run_in_ring(kernels, case, ring, last), expected)


@st.composite
def pools(draw: st.DrawFn, op: str) -> Case:
    rng, rounding = draw(rngs), draw(roundings)
    kernel = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    height, stride_h, top, bottom = draw(padded_window(kernel[0], 1, kernel[0] - 1))
    width, stride_w, left, right = draw(padded_window(kernel[1], 1, kernel[1] - 1))
    shape = (1, height, width, draw(st.integers(1, 5)))
    x = draw(quantizations)
    keeps = op == "max_pool2d" or rounding is not Rounding.SINGLE
    attrs: dict[str, Attr] = {
        "kernel": kernel,
        "stride": (stride_h, stride_w),
        "padding": (top, bottom, left, right),
        "activation": draw(activations),
    }
    made = x if keeps else draw(quantizations)
    graph = one_node(op, [activation("x", shape, x)], attrs, rounding, made)
    return _rows(Case(graph, (int8s(rng, draw(kinds), shape),), f"{op}_s8"))


@PROPERTY
@given(case=pools("avg_pool2d"), spare_rows=st.integers(0, 2))
def test_avg_pool2d(kernels: Kernels, case: Case, spare_rows: int) -> None:
    _compare(kernels, case, ints(case.node.attrs, "kernel")[0], 1, spare_rows)


@PROPERTY
@given(case=pools("max_pool2d"), spare_rows=st.integers(0, 2))
def test_max_pool2d(kernels: Kernels, case: Case, spare_rows: int) -> None:
    _compare(kernels, case, ints(case.node.attrs, "kernel")[0], 1, spare_rows)
