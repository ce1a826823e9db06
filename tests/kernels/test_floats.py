"""The float32 kernels on this machine: numpy == C in every bit, whole, by rows and in place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import reference
from edge.ir import Rounding
from edge.ir.ops import UNARY_FUNCTIONS
from edge.planning.recurrent import float_gates_bytes

from .cases import Case, activation, constant, run, run_in_place, run_in_ring
from .draws import PROPERTY, activations, last_rows, padded_window, rngs
from .float_cases import GATES, KINDS, Floats, float_node, floats, pair, recurrent, single, weighted
from .host import GuardedBytes, Kernels, rows_of

kinds = st.sampled_from(KINDS)
images = st.tuples(st.just(1), st.integers(1, 4), st.integers(1, 4), st.integers(1, 6))


def assert_same_bits(made: Floats, expected: Floats) -> None:
    """Bit for bit; every NaN is the same one."""
    np.testing.assert_array_equal(np.isnan(made), np.isnan(expected))
    bits = (np.where(np.isnan(x), np.float32(0), x).view(np.uint32) for x in (made, expected))
    np.testing.assert_array_equal(*bits)


def _in_rows(case: Case) -> Case:
    """The case with one call for each image row."""
    rows = case.graph.type("out").shape[1]
    return replace(case, rows=rows, in_rows=tuple(x.shape[1] for x in case.inputs))


@st.composite
def windows(draw: st.DrawFn, op: str) -> Case:
    """Convolutions of every geometry, groups and channel multipliers, and pools."""
    rng, kind = draw(rngs), draw(kinds)
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    pools = op.endswith("pool2d")
    dilation = (1, 1) if pools else (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    most = [min(kernel) - 1] * 2 if pools else [3, 3]
    axes = [draw(padded_window(k, d, m)) for k, d, m in zip(kernel, dilation, most, strict=True)]
    padding = (*axes[0][2:], *axes[1][2:])
    groups = draw(st.integers(1, 3))
    depth = draw(st.integers(1, 5))
    channels = depth * (groups if op == "conv2d" else 1)
    attrs = {
        "stride": (axes[0][1], axes[1][1]),
        "padding": padding,
        "activation": draw(activations),
    }
    x = (1, axes[0][0], axes[1][0], channels)
    data = floats(rng, x, kind)
    if pools:
        graph = single(op, x, {"kernel": kernel, **attrs})
        return Case(graph, (data,), f"{op}_f32", graph.type("out").shape[1], (x[1],))
    attrs["dilation"] = dilation
    shape = (1, *kernel, depth * groups)
    if op == "conv2d":
        shape = (groups * draw(st.integers(1, 4)), *kernel, depth)
        attrs["groups"] = groups
    graph = weighted(op, x, floats(rng, shape, kind), rng, attrs, kind)
    return Case(graph, (data,), f"{op}_f32", graph.type("out").shape[1], (x[1],))


@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d", "avg_pool2d", "max_pool2d"])
def test_window_operators(kernels: Kernels, op: str) -> None:
    @PROPERTY
    @given(case=windows(op))
    def holds(case: Case) -> None:
        expected = case.expected
        assert_same_bits(run(kernels, case), expected)
        attrs, (x,) = case.node.attrs, case.inputs
        kernel = attrs["kernel"] if "kernel" in attrs else case.graph.type("w").shape[1:3]
        span = (kernel[0] - 1) * attrs.get("dilation", (1, 1))[0] + 1
        last = last_rows(case.rows, attrs["stride"][0], attrs["padding"][0], span)
        ring = min(span + attrs["stride"][0], x.shape[1])
        assert_same_bits(run_in_ring(kernels, case, ring, last), expected)

    holds()


@PROPERTY
@given(rng=rngs, kind=kinds, sizes=st.tuples(*[st.integers(1, 30)] * 3), function=activations)
def test_matrix_products(
    kernels: Kernels, rng: np.random.Generator, kind: str, sizes: tuple[int, ...], function: str
) -> None:
    pixels, in_c, out_c = sizes
    weight = floats(rng, (out_c, in_c), kind)
    graph = weighted("linear", (pixels, in_c), weight, rng, {"activation": function}, kind)
    case = Case(graph, (floats(rng, (pixels, in_c), kind),), "linear_f32")
    assert_same_bits(run(kernels, case), case.expected)
    x = (1, 1, pixels, in_c)
    graph = weighted("conv2d", x, weight.reshape(out_c, 1, 1, in_c), rng, kind=kind)
    case = Case(graph, (floats(rng, x, kind),), "linear_f32")
    assert_same_bits(run(kernels, case), case.expected)


@pytest.mark.parametrize("op", ["add", "sub", "mul"])
def test_pairs_of_tensors(kernels: Kernels, op: str) -> None:
    @PROPERTY
    @given(rng=rngs, kind=kinds, shape=images, kept=st.integers(0, 4), function=activations)
    def holds(
        rng: np.random.Generator, kind: str, shape: tuple[int, ...], kept: int, function: str
    ) -> None:
        repeated = (1,) * (4 - kept) + shape[4 - kept :]
        graph = pair(op, shape, repeated, {"activation": function})
        kernel = "mul_f32" if op == "mul" else "add_f32"
        case = Case(graph, (floats(rng, shape, kind), floats(rng, repeated, kind)), kernel)
        expected = case.expected
        assert_same_bits(run(kernels, case), expected)
        assert_same_bits(run(kernels, _in_rows(case)), expected)
        assert_same_bits(run_in_place(kernels, case), expected)

    holds()


@st.composite
def broadcasts(draw: st.DrawFn, op: str) -> Case:
    """Operands of which either repeats along any axes."""
    rng, kind = draw(rngs), draw(kinds)
    made = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=5)))
    repeat = [draw(st.sampled_from((0, 0, 1, 2))) for _ in made]
    a, b = (tuple(1 if r == i else n for n, r in zip(made, repeat, strict=True)) for i in (1, 2))
    graph = pair(op, a, b, {"activation": draw(activations)})
    kernel = "mul_broadcast_f32" if op == "mul" else "add_broadcast_f32"
    return Case(graph, (floats(rng, a, kind), floats(rng, b, kind)), kernel)


@PROPERTY
@given(case=st.sampled_from(("add", "sub", "mul")).flatmap(broadcasts))
def test_pairs_that_broadcast_in_any_way(kernels: Kernels, case: Case) -> None:
    assert_same_bits(run(kernels, case), case.expected)


def _in_arithmetic(case: Case, fused: bool) -> Case:
    """The case with products rounded, or added unrounded by a kernel of its own."""
    if not fused:
        return case
    graph = replace(case.graph, rounding=Rounding.FLOAT_FUSED)
    return replace(case, graph=graph, kernel=case.kernel.replace("_f32", "_fused_f32"))


@st.composite
def transposed_convolutions(draw: st.DrawFn) -> Case:
    rng, kind = draw(rngs), draw(kinds)
    kernel, stride = ((draw(st.integers(1, m)), draw(st.integers(1, m))) for m in (4, 3))
    height, width, in_c, out_c = (draw(st.integers(1, 5)) for _ in range(4))
    room = [(n - 1) * s + k - 1 for n, s, k in zip((height, width), stride, kernel, strict=True)]
    attrs = {
        "stride": stride,
        "padding": tuple(draw(st.integers(0, min(r // 2, 3))) for r in room for _ in range(2)),
        "output_padding": tuple(draw(st.integers(0, s - 1)) for s in stride),
        "activation": draw(activations),
    }
    x = (1, height, width, in_c)
    weight = floats(rng, (out_c, *kernel, in_c), kind)
    graph = weighted("conv_transpose2d", x, weight, rng, attrs, kind)
    case = Case(graph, (floats(rng, x, kind),), "conv_transpose2d_f32")
    return _in_rows(_in_arithmetic(case, draw(st.booleans())))


@PROPERTY
@given(case=transposed_convolutions())
def test_transposed_convolutions(kernels: Kernels, case: Case) -> None:
    assert_same_bits(run(kernels, case), case.expected)


@st.composite
def recurrent_layers(draw: st.DrawFn, op: str) -> Case:
    rng, kind = draw(rngs), draw(kinds)
    steps, features, units = (draw(st.integers(1, most)) for most in (5, 12, 9))
    sizes = steps, features, units
    graph = recurrent(op, sizes, rng, initial=draw(st.booleans()), kind=kind)
    data = tuple(floats(rng, graph.type(name).shape, kind) for name in graph.inputs)
    return _in_arithmetic(Case(graph, data, f"{op}_f32"), draw(st.booleans()))


@PROPERTY
@given(case=st.sampled_from(sorted(GATES)).flatmap(recurrent_layers))
def test_recurrent_layers(kernels: Kernels, case: Case) -> None:
    out = GuardedBytes(case.graph.type("out").nbytes)
    scratch = GuardedBytes(float_gates_bytes(case.graph, case.node))
    kernels.call(case.kernel, case.descriptor, case.presented, 0, out.inside, scratch.inside)
    out.check()
    scratch.check()
    assert_same_bits(case.shaped(out), case.expected)


@PROPERTY
@given(rng=rngs, kind=kinds, shape=images, beta=st.sampled_from((1.0, 0.5, 3.0)))
def test_softmax(
    kernels: Kernels, rng: np.random.Generator, kind: str, shape: tuple[int, ...], beta: float
) -> None:
    case = Case(
        single("softmax", shape, {"beta": beta}), (floats(rng, shape, kind),), "softmax_f32"
    )
    assert_same_bits(run(kernels, case), case.expected)
    assert_same_bits(run_in_place(kernels, case), case.expected)


@PROPERTY
@given(rng=rngs, kind=kinds, sizes=st.tuples(*[st.integers(1, 9)] * 4), transposed=st.booleans())
def test_products_of_activations(
    kernels: Kernels, rng: np.random.Generator, kind: str, sizes: tuple[int, ...], transposed: bool
) -> None:
    batches, rows, depth, columns = sizes
    b = (batches, columns, depth) if transposed else (batches, depth, columns)
    graph = pair("matmul", (batches, rows, depth), b, {"transpose_b": transposed})
    data = floats(rng, (batches, rows, depth), kind), floats(rng, b, kind)
    case = Case(graph, data, "matmul_f32")
    assert_same_bits(run(kernels, case), case.expected)


@PROPERTY
@given(rng=rngs, kind=kinds, vectors=st.integers(1, 4), channels=st.integers(1, 20))
def test_layer_norm(
    kernels: Kernels, rng: np.random.Generator, kind: str, vectors: int, channels: int
) -> None:
    x = (vectors, channels)
    names = [constant(name, floats(rng, (channels,))) for name in ("gain", "offset")]
    graph = float_node("layer_norm", [activation("x", x, None), *names], {"epsilon": 1e-3})
    case = Case(graph, (floats(rng, x, kind),), "layer_norm_f32")
    assert_same_bits(run(kernels, case), case.expected)
    assert_same_bits(run_in_place(kernels, case), case.expected)


@PROPERTY
@given(rng=rngs, kind=kinds, shape=images)
def test_means_whole_and_by_rows(
    kernels: Kernels, rng: np.random.Generator, kind: str, shape: tuple[int, ...]
) -> None:
    x = floats(rng, shape, kind)
    case = Case(single("mean", shape, {"axes": (1, 2), "keepdims": False}), (x,), "mean_f32")
    assert_same_bits(run(kernels, case), case.expected)
    pool = single("avg_pool2d", shape, {"kernel": shape[1:3], "activation": "relu"})
    for graph, kernel in ((case.graph, "mean_rows_f32"), (pool, "avg_pool2d_rows_f32")):
        gathered = Case(graph, (x,), kernel)
        assert_same_bits(_gathered(kernels, gathered), gathered.expected)


def _gathered(kernels: Kernels, case: Case) -> Floats:
    """The output of a kernel that is called once for each row of its input."""
    (x,) = case.inputs
    sums, out = np.full(x.shape[3], np.nan, np.float32), np.zeros(x.shape[3], np.float32)
    for y in range(x.shape[1]):
        rows = [rows_of(x, x.shape[1])]
        kernels.call(case.kernel, case.descriptor, rows, y, out.view(np.uint8), sums.view(np.uint8))
    return out.reshape(case.graph.type("out").shape)


@PROPERTY
@given(rng=rngs, shape=images, around=st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_pad(
    kernels: Kernels, rng: np.random.Generator, shape: tuple[int, ...], around: list[int]
) -> None:
    graph = single("pad", shape, {"padding": (0, 0, *around), "value": -0.75})
    case = Case(graph, (floats(rng, shape),), "pad_f32")
    assert_same_bits(run(kernels, case), case.expected)


@PROPERTY
@given(
    rng=rngs, shape=images, size=st.tuples(*[st.integers(1, 9)] * 2),
    corners=st.booleans(), centers=st.booleans(), mode=st.sampled_from(("nearest", "bilinear")),
)  # fmt: skip
def test_resize(
    kernels: Kernels, rng: np.random.Generator, shape: tuple[int, ...], size: tuple[int, int],
    corners: bool, centers: bool, mode: str,
) -> None:  # fmt: skip
    modes = {"align_corners": corners, "half_pixel_centers": centers}
    graph = single("resize", shape, {"size": size, "mode": mode, **modes})
    kernel = "resize_nearest" if mode == "nearest" else "resize_bilinear_f32"
    case = Case(graph, (floats(rng, shape),), kernel)
    assert_same_bits(run(kernels, case), case.expected)


def _every_magnitude() -> Floats:
    """65,536 floats of every exponent, and the special ones."""
    rng = np.random.default_rng(3)
    bits = (np.arange(1 << 16, dtype=np.uint32) << 16) | rng.integers(
        0, 1 << 16, 1 << 16, np.uint32
    )
    edges = [0.0, -0.0, np.inf, -np.inf, np.nan, 88.72284, -103.97, -104.0, 0.34, -0.34, 10.0, 15.0]
    dense = rng.standard_normal(1 << 15) * 4
    return np.concatenate([bits.view(np.float32), np.array([*edges, *dense], np.float32)])


@pytest.mark.parametrize("function", UNARY_FUNCTIONS)
def test_functions_equal_numpy_on_floats_of_every_magnitude(
    kernels: Kernels, function: str
) -> None:
    x = _every_magnitude()
    graph = single("unary", x.shape, {"function": function, "alpha": 0.3})
    case = Case(graph, (x,), "unary_f32")
    assert_same_bits(run(kernels, case), case.expected)


def test_a_product_with_a_weight_of_zero_changes_no_bit() -> None:
    """What lets kernels leave them out; also where bias and all products are -0."""
    rng = np.random.default_rng(5)
    x = floats(rng, (40, 60), "zeros")
    weight = floats(rng, (30, 60), "zeros") * (rng.random((30, 60)) < 0.3)
    graph = weighted("linear", x.shape, weight.astype(np.float32), rng, kind="zeros")
    kept = np.flatnonzero(weight.any(axis=0))
    bias = graph.constant("b") + np.float32(0)
    sums = np.repeat(bias[None], len(x), axis=0)
    for o in range(len(weight)):
        for k in np.flatnonzero(weight[o]):
            sums[:, o] += x[:, k] * np.float32(weight[o, k])
    assert kept.size
    assert_same_bits(reference.run(graph, [x])["out"], sums)
