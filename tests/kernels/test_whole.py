"""Kernels that see whole tensors: numpy == C."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.ir import DType, Quantization, Rounding
from edge.ir.graph import Attr
from edge.ir.types import Array

from .cases import Case, activation, one_node, run
from .draws import (
    PROPERTY,
    Rng,
    assert_same,
    int8s,
    kinds,
    quantizations,
    rngs,
    roundings,
)
from .host import Kernels

tensors = st.lists(st.integers(1, 5), min_size=1, max_size=5).map(tuple)


@st.composite
def means(draw: st.DrawFn) -> Case:
    rng = draw(rngs)
    shape = (1, draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 6)))
    attrs: dict[str, Attr] = {"axes": (1, 2), "keepdims": draw(st.booleans())}
    inputs = [activation("x", shape, draw(quantizations))]
    graph = one_node("mean", inputs, attrs, draw(roundings), draw(quantizations))
    return Case(graph, (int8s(rng, draw(kinds), shape),), "mean_s8")


@PROPERTY
@given(case=means())
def test_mean(kernels: Kernels, case: Case) -> None:
    assert_same(run(kernels, case), case.expected)


def _data(rng: Rng, shape: tuple[int, ...], quantization: Quantization | None) -> Array:
    if quantization is None:
        return rng.normal(size=shape).astype(np.float32)
    return int8s(rng, "random", shape)


def _gather(draw: st.DrawFn, op: str, shape: tuple[int, ...], attrs: Mapping[str, Attr]) -> Case:
    """An operator that moves int8 or float32 elements."""
    quantization = draw(st.one_of(st.none(), quantizations))
    dtype = DType.INT8 if quantization else DType.FLOAT32
    inputs = [activation("x", shape, quantization)]
    graph = one_node(op, inputs, attrs, Rounding.SINGLE, quantization, dtype)
    return Case(graph, (_data(draw(rngs), shape, quantization),), "strided")


@st.composite
def transpositions(draw: st.DrawFn) -> Case:
    shape = draw(tensors)
    permutation = tuple(draw(st.permutations(range(len(shape)))))
    return _gather(draw, "transpose", shape, {"permutation": permutation})


@st.composite
def slices(draw: st.DrawFn) -> Case:
    shape = draw(tensors)
    begin = tuple(draw(st.integers(0, n - 1)) for n in shape)
    end = tuple(draw(st.integers(b + 1, n)) for b, n in zip(begin, shape, strict=True))
    strides = tuple(draw(st.integers(1, 3)) for _ in shape)
    return _gather(draw, "slice", shape, {"begin": begin, "end": end, "strides": strides})


@PROPERTY
@given(case=transpositions())
def test_transpose(kernels: Kernels, case: Case) -> None:
    assert_same(run(kernels, case), case.expected)


@PROPERTY
@given(case=slices())
def test_slice(kernels: Kernels, case: Case) -> None:
    assert_same(run(kernels, case), case.expected)


@st.composite
def pads(draw: st.DrawFn) -> Case:
    rng, shape, x = draw(rngs), draw(tensors), draw(quantizations)
    padding = tuple(draw(st.integers(0, 3)) for _ in range(2 * len(shape)))
    attrs: dict[str, Attr] = {
        "padding": padding,
        "value": draw(st.sampled_from((0.0, -1.5, 1000.0))),
    }
    graph = one_node("pad", [activation("x", shape, x)], attrs, draw(roundings), x)
    return Case(graph, (int8s(rng, "random", shape),), "pad_s8")


@PROPERTY
@given(case=pads())
def test_pad(kernels: Kernels, case: Case) -> None:
    assert_same(run(kernels, case), case.expected)


@st.composite
def concatenations(draw: st.DrawFn) -> Case:
    rng, shape, x = draw(rngs), draw(tensors), draw(quantizations)
    axis = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    shapes = [(*shape[:axis], n, *shape[axis + 1 :]) for n in sizes]
    inputs = [activation(f"x{i}", each, x) for i, each in enumerate(shapes)]
    graph = one_node("concat", inputs, {"axis": axis}, Rounding.TFLITE, x)
    return Case(graph, tuple(int8s(rng, "random", each) for each in shapes), "concat")


@PROPERTY
@given(case=concatenations())
def test_concat(kernels: Kernels, case: Case) -> None:
    assert_same(run(kernels, case), case.expected)


@st.composite
def resizes(draw: st.DrawFn, mode: str, kernel: str) -> Case:
    rng, x = draw(rngs), draw(quantizations)
    shape = (1, draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(st.integers(1, 4)))
    corners, centers = draw(st.sampled_from(((False, False), (True, False), (False, True))))
    attrs: dict[str, Attr] = {
        "size": (draw(st.integers(1, 15)), draw(st.integers(1, 15))),
        "mode": mode,
        "align_corners": corners,
        "half_pixel_centers": centers,
    }
    graph = one_node("resize", [activation("x", shape, x)], attrs, draw(roundings), x)
    return Case(graph, (int8s(rng, draw(kinds), shape),), kernel)


@PROPERTY
@given(case=resizes("nearest", "resize_nearest"))
def test_resize_nearest(kernels: Kernels, case: Case) -> None:
    assert_same(run(kernels, case), case.expected)


@PROPERTY
@given(case=resizes("bilinear", "resize_bilinear_s8"))
def test_resize_bilinear(kernels: Kernels, case: Case) -> None:
    assert_same(run(kernels, case), case.expected)
