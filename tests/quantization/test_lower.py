"""Float graph and quantization of its tensors in, int8 graph out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir import DType, Quantization, Rounding, TensorType, Value, check, to_text
from edge.quantization.lower import lower

Q = Quantization.per_tensor
ANNOTATIONS = {
    "x": Q(0.03, 2),
    "stem": Q(0.02, -128),
    "deep": Q(0.025, -128),
    "wide": Q(0.04, 10),
    "sum": Q(0.05, -20),
    "gated": Q(0.04, 10),
    "both": Q(0.04, 10),
    "pooled": Q(0.01, -50),
    "scores": Q(0.02, 3),
}


@pytest.fixture
def lowered(net):
    return check(lower(net, ANNOTATIONS))


def test_every_operator_becomes_its_int8_form(net, lowered):
    assert [node.op for node in lowered.nodes] == [node.op for node in net.nodes]
    assert {graph_type.dtype for graph_type in map(lowered.type, ANNOTATIONS)} == {DType.INT8}
    for name, quantization in ANNOTATIONS.items():
        assert lowered.type(name).quantization == quantization


def test_attributes_and_places_are_kept(net):
    placed = replace(net, nodes=tuple(replace(n, where=f"line {n.name}") for n in net.nodes))
    for before, after in zip(placed.nodes, lower(placed, ANNOTATIONS).nodes, strict=True):
        assert (after.attrs, after.where) == (before.attrs, before.where)


def test_moves_and_bounded_functions_need_no_annotation(lowered):
    assert lowered.type("small").quantization == ANNOTATIONS["both"]
    assert lowered.type("probabilities").quantization == Q(1 / 256, -128)


def test_weights_are_symmetric_per_output_channel(lowered, weights):
    for name, axis in {"w0": 0, "w1": 3, "w2": 0, "w3": 0}.items():
        others = tuple(i for i in range(weights[name].ndim) if i != axis)
        quantization = lowered.type(name).quantization
        assert quantization.axis == axis
        assert set(quantization.zero_point) == {0}
        largest = np.abs(weights[name].astype(np.float64)).max(others)
        np.testing.assert_allclose(quantization.scale, largest / 127, rtol=1e-12)
        np.testing.assert_array_equal(np.abs(lowered.constant(name)).max(others), 127)


def test_zero_weights_stay_zero(net_text, read_graph, weights):
    pruned = {name: np.where(np.abs(w) < 0.3, 0, w) for name, w in weights.items()}
    graph = lower(read_graph(net_text, **pruned), ANNOTATIONS)
    for name in ("w0", "w1", "w2", "w3"):
        assert not graph.constant(name)[pruned[name] == 0].any()


def test_biases_are_counted_in_accumulator_units(lowered, weights):
    scale = ANNOTATIONS["x"].scale[0] * np.array(lowered.type("w0").quantization.scale)
    np.testing.assert_array_equal(lowered.constant("b0"), np.rint(weights["b0"] / scale))
    assert lowered.type("b0").dtype is DType.INT32
    np.testing.assert_allclose(lowered.type("b0").quantization.scale, scale)


def test_a_zero_channel_keeps_its_bias(net_text, read_graph, weights):
    weights["w0"][3] = 0
    weights["b0"][3] = 0.7
    graph = lower(read_graph(net_text, **weights), ANNOTATIONS)
    real = graph.constant("b0")[3] * graph.type("b0").quantization.scale[3]
    assert real == pytest.approx(0.7, abs=ANNOTATIONS["stem"].scale[0] / 1000)
    assert not graph.constant("w0")[3].any()


def test_a_bias_far_above_its_weights_fits_int32(net_text, read_graph, weights):
    weights["w0"][3] *= 1e-9
    graph = lower(read_graph(net_text, **weights), ANNOTATIONS)
    real = graph.constant("b0")[3] * graph.type("b0").quantization.scale[3]
    assert real == pytest.approx(weights["b0"][3], rel=1e-3)
    assert abs(graph.constant("b0")[3]) <= 2**24


def test_concat_inputs_are_brought_to_its_quantization(net):
    graph = check(lower(net, {**ANNOTATIONS, "both": Q(0.05, 0), "wide": Q(0.05, 0)}))
    rescale = [node for node in graph.nodes if node.op == "requantize"]
    assert [node.inputs for node in rescale] == [("gated",)]
    assert graph.producers["both"].inputs == (rescale[0].output, "wide")
    assert graph.type(rescale[0].output).quantization == Q(0.05, 0)


def test_a_move_into_another_quantization_is_rescaled_first(net):
    graph = check(lower(net, {**ANNOTATIONS, "small": Q(0.03, -1)}))
    assert graph.producers["small"].inputs == ("both_for_small",)
    assert graph.producers["both_for_small"].op == "requantize"


def test_litert_average_pool_does_not_rescale(read_graph):
    text = """
graph g {} (x) -> (y)
x : float32[1,4,4,2]
y : float32[1,2,2,2]
p avg_pool2d(x) -> y kernel=(2,2) stride=(2,2)
"""
    annotations = {"x": Q(0.1, 0), "y": Q(0.05, 0)}
    operators = {
        rounding: [n.op for n in lower(read_graph(text.format(rounding)), annotations).nodes]
        for rounding in Rounding
    }
    assert operators[Rounding.SINGLE] == ["avg_pool2d"]
    assert operators[Rounding.TFLITE] == ["requantize", "avg_pool2d"]


CONSTANTS = """
graph g single (x) -> (y, z)
x : float32[1,2,2,3]
s : float32[1,2,2,3]
y : float32[1,2,2,3]
z : float32[1,2,2,4]
m mul(x, gain) -> s
a add(s, shift) -> y
c concat(x, column) -> z axis=3
"""


def test_constant_operands_get_a_range_of_their_own(read_graph):
    constants = {
        "gain": np.array([0.4, 1.2, 2.0], np.float32),
        "shift": np.array([-1.0, 0.0, 1.55], np.float32),
        "column": np.full((1, 2, 2, 1), 0.25, np.float32),
    }
    graph = check(
        lower(
            read_graph(CONSTANTS, **constants),
            {"x": Q(0.1, 0), "s": Q(0.2, 0), "y": Q(0.2, 0), "z": Q(0.1, 5)},
        )
    )
    np.testing.assert_array_equal(graph.constant("gain"), [-77, 25, 127])
    np.testing.assert_array_equal(graph.constant("shift"), [-128, -28, 127])
    assert graph.type("column").quantization == Q(0.1, 5)
    assert (graph.constant("column") == 7).all()  # 2.5 rounds to 2


def test_constants_that_are_quantized_already_are_taken_as_they_are(net, weights):
    given = Value(
        "frozen",
        TensorType((5, 16), DType.INT8, Quantization((0.01,) * 5, (0,) * 5, axis=0)),
        np.arange(-40, 40, dtype=np.int8).reshape(5, 16),
    )
    graph = check(lower(net, ANNOTATIONS, {"w3": given}))
    np.testing.assert_array_equal(graph.constant("w3"), given.data)
    scale = 0.01 * ANNOTATIONS["pooled"].scale[0]
    np.testing.assert_array_equal(graph.constant("b3"), np.rint(weights["b3"] / scale))


def test_constants_given_in_another_quantization_are_moved_into_the_concats(read_graph):
    text = """
graph g single (x) -> (y)
x : float32[1,3]
y : float32[1,5]
c concat(x, column) -> y axis=1
"""
    graph = read_graph(text, column=np.zeros((1, 2), np.float32))
    data = np.array([[10, -4]], np.int8)
    given = Value("column", TensorType((1, 2), DType.INT8, Q(0.5, 2)), data)
    lowered = check(lower(graph, {"x": Q(0.25, 0)}, {"column": given}))
    np.testing.assert_array_equal(lowered.constant("column"), [[16, -12]])


def test_layers_that_share_weights_but_not_scales_get_their_own_constants(read_graph):
    text = """
graph g single (x) -> (z)
x : float32[1,4]
b_1 : float32[1,4]
z : float32[1,4]
a linear(x, w, b) -> b_1
c linear(b_1, w, b) -> z
"""
    w = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)
    graph = read_graph(text, w=w, b=w[0])
    lowered = check(lower(graph, {"x": Q(0.1, 0), "b_1": Q(0.2, 0), "z": Q(0.3, 0)}))
    first, second = (node.inputs for node in lowered.nodes)
    assert first[1] == second[1]
    assert first[2] != second[2]
    ratio = lowered.constant(first[2]) / lowered.constant(second[2])
    np.testing.assert_allclose(ratio, 2.0, rtol=0.02)


def test_a_float_requantize_becomes_an_integer_one(read_graph):
    text = """
graph g single (x) -> (y)
x : float32[1,4]
y : float32[1,4]
r requantize(x) -> y
"""
    graph = check(lower(read_graph(text), {"x": Q(0.1, 0), "y": Q(0.2, 3)}))
    assert "r requantize(x) -> y" in to_text(graph)
    assert graph.type("y").quantization == Q(0.2, 3)


def test_lowering_is_deterministic(net):
    assert to_text(lower(net, ANNOTATIONS)) == to_text(lower(net, ANNOTATIONS))


def codes(error) -> list[str]:
    return [diagnostic.code for diagnostic in error.value.diagnostics]


def test_all_tensors_without_quantization_are_reported(net):
    with pytest.raises(EdgeError) as caught:
        lower(net, {"x": Q(0.1, 0), "stem": Q(0.1, 0)})
    titles = [diagnostic.title.split()[0] for diagnostic in caught.value.diagnostics]
    assert set(codes(caught)) == {"E0205"}
    assert titles == ["deep", "wide", "sum", "gated", "both", "small", "pooled", "scores"]


def test_activations_quantized_per_channel_are_refused(net):
    per_channel = Quantization((0.1,) * 8, (0,) * 8, axis=3)
    with pytest.raises(EdgeError, match="per tensor") as caught:
        lower(net, {**ANNOTATIONS, "stem": per_channel})
    assert codes(caught) == ["E0205"]


def test_all_operators_without_integer_form_are_reported(read_graph):
    text = """
graph g single (x) -> (z)
x : float32[1,4]
q : int8[1,4] q(0.1;0)
d : float32[1,4]
y : float32[1,4]
z : float32[1,4]
one quantize(x) -> q
two dequantize(q) -> d
bn batch_norm(d, g, g, g, g) -> y
dot linear(y, m) -> z
m1 reshape(four) -> m shape=(4,4)
"""
    text = text.replace("z : ", "m : float32[4,4]\nz : ")
    lines = text.strip().split("\n")
    text = "\n".join([*lines[:-2], lines[-1], lines[-2]])
    graph = read_graph(text, g=np.ones(4, np.float32), four=np.ones((2, 8), np.float32))
    with pytest.raises(EdgeError) as caught:
        lower(graph, {})
    assert set(codes(caught)) == {"E0204"}
    report = str(caught.value)
    for fact in ("quantize has", "dequantize has", "batch_norm has", "weight m is computed"):
        assert fact in report
    assert caught.value.exit_status == 3


def test_given_weights_with_a_zero_point_are_refused(net):
    given = Value("w3", TensorType((5, 16), DType.INT8, Q(0.01, 5)), np.zeros((5, 16), np.int8))
    with pytest.raises(EdgeError, match="symmetric") as caught:
        lower(net, ANNOTATIONS, {"w3": given})
    assert codes(caught) == ["E0204"]


def test_a_bias_that_given_weights_make_overflow_is_refused(net):
    tiny = TensorType((5, 16), DType.INT8, Q(1e-12, 0))
    with pytest.raises(EdgeError, match="more than int32 holds") as caught:
        lower(net, ANNOTATIONS, {"w3": Value("w3", tiny, np.ones((5, 16), np.int8))})
    assert codes(caught) == ["E0206"]


def test_weights_with_nan_are_refused(net_text, read_graph, weights):
    weights["w0"][0, 0, 0, 0] = np.nan
    weights["b3"][1] = np.inf
    with pytest.raises(EdgeError) as caught:
        lower(read_graph(net_text, **weights), ANNOTATIONS)
    assert codes(caught) == ["E0203", "E0203"]
