"""Kernels that see one row at a time: numpy == C, rows or a single row, in place where allowed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.emit.descriptors import Descriptor
from edge.ir import DType, Quantization, Rounding
from edge.ir.graph import Attr
from edge.quantization.softmax_table import MOST_CLASSES

from .cases import Case, activation, constant, one_node, run, run_in_place, run_trailing
from .draws import (
    PROPERTY,
    Rng,
    activations,
    assert_same,
    bias,
    bias_kinds,
    int8s,
    kinds,
    quantizations,
    rngs,
    roundings,
    scales,
    weight_quantization,
    zero_points,
)
from .host import GuardedBytes, Kernels, rows_of

images = st.tuples(st.just(1), st.integers(1, 4), st.integers(1, 4), st.integers(1, 6))


def _in_rows(case: Case) -> Case:
    """The case with one call for each image row."""
    rows = case.graph.type("out").shape[1]
    counts = tuple(rows if x.ndim == 4 and x.shape[1] == rows else 1 for x in case.inputs)
    return replace(case, rows=rows, in_rows=counts)


@st.composite
def matrix_products(draw: st.DrawFn, pointwise: bool) -> Case:
    rng = draw(rngs)
    in_c, out_c = draw(st.integers(1, 40)), draw(st.integers(1, 9))
    x, made = draw(quantizations), draw(quantizations)
    shape = (out_c, 1, 1, in_c) if pointwise else (out_c, in_c)
    weights = int8s(rng, draw(kinds), shape, lowest=-127)
    weight = weight_quantization(rng, x, made, out_c, 0, draw(st.booleans()))
    pixels = draw(images)[:3] if pointwise else (draw(st.integers(1, 4)),)
    inputs = [
        activation("x", (*pixels, in_c), x),
        constant("w", weights, weight),
        constant("b", bias(rng, draw(bias_kinds), weights, 0, (x, weight, made))),
    ]
    op = "conv2d" if pointwise else "linear"
    graph = one_node(op, inputs, {"activation": draw(activations)}, draw(roundings), made)
    return Case(graph, (int8s(rng, draw(kinds), (*pixels, in_c)),), "linear_s8")


@PROPERTY
@given(case=matrix_products(pointwise=False))
def test_linear(kernels: Kernels, case: Case) -> None:
    assert_same(run(kernels, case), case.expected)


@PROPERTY
@given(case=matrix_products(pointwise=True))
def test_pointwise_convolution_by_rows_and_at_once(kernels: Kernels, case: Case) -> None:
    expected = case.expected
    assert_same(run(kernels, case), expected)
    assert_same(run(kernels, _in_rows(case)), expected)


@PROPERTY
@given(case=matrix_products(pointwise=True))
def test_output_of_linear_may_trail_its_input_pixel_by_pixel(kernels: Kernels, case: Case) -> None:
    in_c, out_c = case.inputs[0].shape[-1], case.graph.type("out").shape[-1]
    pixels = range(case.inputs[0].size // in_c)
    distance = max((p + 1) * out_c - p * in_c for p in pixels)
    assert_same(run_trailing(kernels, case, max(distance, 0)), case.expected)


@st.composite
def binaries(draw: st.DrawFn, op: str) -> Case:
    """Operands of the same shape, or a second one that repeats a trailing part."""
    rng, shape = draw(rngs), draw(images)
    kept = draw(st.integers(0, 4))
    repeated = (1,) * (4 - kept) + shape[4 - kept :]
    a, b, made = draw(quantizations), draw(quantizations), draw(quantizations)
    # A sum in units of the output fits int32.
    assume(max(a.scale[0], b.scale[0]) / made.scale[0] < 2.0**8)
    inputs = [activation("a", shape, a), activation("b", repeated, b)]
    graph = one_node(op, inputs, {"activation": draw(activations)}, draw(roundings), made)
    data = int8s(rng, draw(kinds), shape), int8s(rng, draw(kinds), repeated)
    return Case(graph, data, "mul_s8" if op == "mul" else "add_s8")


def _compare_binary(kernels: Kernels, case: Case) -> None:
    expected = case.expected
    assert_same(run(kernels, case), expected)
    assert_same(run_in_place(kernels, case), expected)
    a, b = (x.shape for x in case.inputs)
    if b in (a, (1, 1, *b[2:])):  # one row of the second operand serves one row, or every row
        assert_same(run(kernels, _in_rows(case)), expected)


@PROPERTY
@given(case=binaries("add"))
def test_add(kernels: Kernels, case: Case) -> None:
    _compare_binary(kernels, case)


@PROPERTY
@given(case=binaries("sub"))
def test_sub(kernels: Kernels, case: Case) -> None:
    _compare_binary(kernels, case)


@PROPERTY
@given(case=binaries("mul"))
def test_mul(kernels: Kernels, case: Case) -> None:
    _compare_binary(kernels, case)


@st.composite
def requantizations(draw: st.DrawFn) -> Case:
    rng, shape = draw(rngs), draw(images)
    inputs = [activation("x", shape, draw(quantizations))]
    graph = one_node("requantize", inputs, {}, draw(roundings), draw(quantizations))
    return Case(graph, (int8s(rng, draw(kinds), shape),), "requantize_s8")


@st.composite
def lookups(draw: st.DrawFn) -> Case:
    rng, shape, x = draw(rngs), draw(images), draw(quantizations)
    table = constant("table", int8s(rng, "random", (256,)))
    graph = one_node("lookup", [activation("x", shape, x), table], {}, draw(roundings), x)
    return Case(graph, (int8s(rng, draw(kinds), shape),), "lookup_s8")


@st.composite
def softmaxes(draw: st.DrawFn) -> Case:
    rng = draw(rngs)
    vectors = draw(st.integers(1, 3))
    shape = (1, vectors, draw(st.one_of(st.integers(1, 40), st.just(MOST_CLASSES))))
    attrs: dict[str, Attr] = {"beta": draw(st.sampled_from((1.0, 0.25, 3.0)))}
    inputs = [activation("x", shape, draw(quantizations))]
    made = Quantization.per_tensor(1 / 256, -128)
    graph = one_node("softmax", inputs, attrs, draw(roundings), made)
    return Case(graph, (int8s(rng, draw(kinds), shape),), "softmax_s8")


def _compare_unary(kernels: Kernels, case: Case) -> None:
    expected = case.expected
    assert_same(run(kernels, case), expected)
    assert_same(run_in_place(kernels, case), expected)
    rows = case.inputs[0].shape[1]
    assert_same(run(kernels, replace(case, rows=rows, in_rows=(rows,))), expected)


@PROPERTY
@given(case=requantizations())
def test_requantize(kernels: Kernels, case: Case) -> None:
    _compare_unary(kernels, case)


@PROPERTY
@given(case=lookups())
def test_lookup(kernels: Kernels, case: Case) -> None:
    _compare_unary(kernels, case)


@PROPERTY
@given(case=softmaxes())
def test_softmax(kernels: Kernels, case: Case) -> None:
    _compare_unary(kernels, case)


@PROPERTY
@given(rng=rngs, scale=scales, zero_point=zero_points, rounding=roundings)
def test_quantize(
    kernels: Kernels, rng: Rng, scale: float, zero_point: int, rounding: Rounding
) -> None:
    """Values on and next to ties, far outside, infinite and subnormal."""
    made = Quantization.per_tensor(scale, zero_point)
    halves = (np.arange(-300, 300) + 0.5).astype(np.float32) * np.float32(scale)
    data = np.concatenate([
        halves, np.nextafter(halves, np.float32(np.inf)), np.nextafter(halves, np.float32(-np.inf)),
        rng.normal(0, 80 * scale, 300).astype(np.float32),
        np.array([0.0, -0.0, 1e-42, 3e38, -3e38, np.inf, -np.inf], np.float32),
    ])[None]  # fmt: skip
    graph = one_node("quantize", [activation("x", data.shape, None)], {}, rounding, made)
    case = Case(graph, (data,), "quantize_f32_s8")
    with np.errstate(over="ignore", invalid="ignore"):
        expected = case.expected
    assert_same(run(kernels, case), expected)


@PROPERTY
@given(scale=scales, zero_point=zero_points, rounding=roundings)
def test_dequantize(kernels: Kernels, scale: float, zero_point: int, rounding: Rounding) -> None:
    data = np.arange(-128, 128).astype(np.int8)[None]
    inputs = [activation("x", data.shape, Quantization.per_tensor(scale, zero_point))]
    graph = one_node("dequantize", inputs, {}, rounding, None, DType.FLOAT32)
    case = Case(graph, (data,), "dequantize_s8_f32")
    assert_same(run(kernels, case), case.expected)
    # The last value lies in the last byte of its result: it is read before that is written.
    assert_same(run_trailing(kernels, case, 3 * data.size), case.expected)


@PROPERTY
@given(data=st.binary(min_size=1, max_size=80), rows=st.integers(1, 3))
def test_copy(kernels: Kernels, data: bytes, rows: int) -> None:
    row = np.frombuffer(data, np.uint8)
    given_rows = rows_of(np.tile(row, rows), rows)
    out = GuardedBytes(len(data))
    kernels.call(
        "copy", Descriptor("edge_copy", {"bytes": len(data)}), [given_rows], rows - 1, out.inside
    )
    out.check()
    assert out.inside.tobytes() == data
