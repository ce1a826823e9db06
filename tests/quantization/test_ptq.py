"""Post-training quantization of a small network that has one of everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge import reference
from edge.errors import EdgeError
from edge.ir import DType, Quantization, Rounding, check, to_text
from edge.passes.pipeline import INTEGER_PASSES, run_passes
from edge.quantization import constants
from edge.quantization.observers import OBSERVERS
from edge.quantization.ptq import observe, quantize
from edge.quantization.sqnr import compare

UNIT = Quantization.per_tensor(1 / 256, -128)


@pytest.fixture
def fresh_images() -> np.ndarray:
    """Inputs that calibration has not seen."""
    return np.random.default_rng(9).standard_normal((32, 12, 12, 3)).astype(np.float32)


@pytest.mark.parametrize("observer", OBSERVERS)
def test_int8_stays_close_to_float(net, images, fresh_images, observer):
    quantized = check(quantize(net, images, observer=observer))
    report = compare(net, quantized, fresh_images)
    # The moving average forgets extremes, and clips them.
    assert report.output_sqnr_db > (12 if observer == "moving_average" else 20)
    assert all(layer.sqnr_db > 18 for layer in report.layers), report.layers
    assert report.agreement >= 0.8


def test_ranges_are_those_of_the_interpreted_activations(net, images):
    samples = [{"x": image[None]} for image in images]
    ranges = observe(net, samples)
    values = [reference.run(net, [sample["x"]], values=True) for sample in samples]
    for name, (low, high) in ranges.items():
        seen = np.stack([value[name] for value in values])
        assert (low, high) == pytest.approx((seen.min(), seen.max()), rel=1e-5)


def test_every_activation_is_int8(net, images):
    quantized = quantize(net, images)
    types = [quantized.type(name) for node in quantized.nodes for name in node.outputs]
    assert {tensor.dtype for tensor in (quantized.type("x"), *types)} == {DType.INT8}


def test_results_of_relu_start_at_the_smallest_stored_value(net, images):
    quantized = quantize(net, images)
    for name in ("stem", "deep"):
        assert quantized.type(name).quantization.zero_point == (-128,)


def test_concat_and_its_inputs_share_one_quantization(net, images):
    quantized = quantize(net, images)
    shared = {quantized.type(n).quantization for n in ("gated", "wide", "both", "small")}
    assert len(shared) == 1
    assert "requantize" not in [node.op for node in quantized.nodes]


def test_softmax_has_its_fixed_quantization(net, images):
    assert quantize(net, images).type("probabilities").quantization == UNIT


@pytest.mark.parametrize(
    ("function", "scale", "zero_point"), [("sigmoid", 1 / 256, -128), ("tanh", 1 / 128, 0)]
)
def test_bounded_functions_have_their_fixed_quantization(
    function, scale, zero_point, read_graph, images
):
    text = f"""
graph g single (x) -> (y)
x : float32[1,12,12,3]
h : float32[1,12,12,3]
y : float32[1,432]
u unary(x) -> h function="{function}"
r reshape(h) -> y shape=(1,432)
"""
    quantized = check(quantize(read_graph(text), images))
    fixed = Quantization.per_tensor(scale, zero_point)
    assert quantized.type("h").quantization == quantized.type("y").quantization == fixed


def test_a_fixed_quantization_is_not_forced_on_a_concat(read_graph, images):
    text = """
graph g single (x) -> (y)
x : float32[1,12,12,3]
h : float32[1,12,12,3]
y : float32[1,12,12,6]
u unary(x) -> h function="sigmoid"
k concat(x, h) -> y axis=3
"""
    quantized = check(quantize(read_graph(text), images))
    assert quantized.type("h").quantization == UNIT
    assert quantized.type("x").quantization == quantized.type("y").quantization
    assert [node.op for node in quantized.nodes] == ["unary", "requantize", "concat"]


def test_a_constant_beside_a_bounded_function_is_not_clipped(read_graph, images):
    text = """
graph g single (x) -> (y)
x : float32[1,12,12,3]
h : float32[1,12,12,3]
y : float32[1,12,12,4]
u unary(x) -> h function="sigmoid"
k concat(h, five) -> y axis=3
"""
    graph = read_graph(text, five=np.full((1, 12, 12, 1), 5, np.float32))
    quantized = check(quantize(graph, images))
    assert compare(graph, quantized, images).output_sqnr_db > 45


def test_pruned_weights_stay_zero(net_text, read_graph, weights, images):
    pruned = {name: np.where(np.abs(w) < 0.3, 0, w) for name, w in weights.items()}
    quantized = quantize(read_graph(net_text, **pruned), images)
    for name in ("w0", "w1", "w2", "w3"):
        assert not quantized.constant(name)[pruned[name] == 0].any()


def test_quantization_is_deterministic(net, images):
    assert to_text(quantize(net, images)) == to_text(quantize(net, iter(images)))


def test_rounding_is_chosen_by_the_caller(net, images):
    assert quantize(net, images).rounding is Rounding.SINGLE
    quantized = check(quantize(net, images, rounding=Rounding.TFLITE))
    assert quantized.rounding is Rounding.TFLITE
    assert compare(net, quantized, images[:8]).output_sqnr_db > 20


def test_batch_norm_and_activations_are_folded_first(read_graph, images):
    text = """
graph g single (x) -> (y)
x : float32[1,12,12,3]
h : float32[1,12,12,4]
n : float32[1,12,12,4]
y : float32[1,12,12,4]
c conv2d(x, w) -> h
bn batch_norm(h, one, one, one, one) -> n
r unary(n) -> y function="relu"
"""
    w = np.random.default_rng(0).standard_normal((4, 1, 1, 3)).astype(np.float32)
    graph = read_graph(text, w=w, one=np.ones(4, np.float32))
    quantized = quantize(graph, images)
    assert [node.op for node in quantized.nodes] == ["conv2d"]
    assert compare(graph, quantized, images).output_sqnr_db > 35


def multipliers(graph):
    legal = run_passes(graph, INTEGER_PASSES)
    for node in legal.nodes:
        if node.op in constants.WEIGHT_AXIS:
            yield node.name, constants.weighted(legal, node).requantize


def test_multipliers_of_single_rounding_need_no_shift(net, images):
    for name, requantize in multipliers(quantize(net, images)):
        assert not requantize.shift.any(), name
        assert requantize.multiplier.min() >= 2**16  # 2**-14 and more, but for float32 scales


@pytest.mark.parametrize("factor", [1e-12, 1e-4, 1e4, 1e12])
def test_layers_of_any_magnitude_keep_the_preconditions(
    factor, net_text, read_graph, weights, images, fresh_images
):
    """The second layer undoes the factor of the first, so the function stays."""
    weights["w0"] *= np.float32(factor)
    weights["b0"] *= np.float32(factor)
    weights["w1"] /= np.float32(factor)
    graph = read_graph(net_text, **weights)
    quantized = check(quantize(graph, images))
    for name, requantize in multipliers(quantized):
        assert not requantize.shift.any(), name
    assert compare(graph, quantized, fresh_images).output_sqnr_db > 20


def test_a_difference_that_cancels_keeps_a_usable_scale(read_graph, images):
    text = """
graph g single (x) -> (y)
x : float32[1,12,12,3]
h : float32[1,12,12,3]
y : float32[1,12,12,3]
a add(x, tiny) -> h
s sub(h, x) -> y
"""
    graph = read_graph(text, tiny=np.full((1, 1, 1, 3), 1e-7, np.float32))
    quantized = check(quantize(graph, images))
    ratio = quantized.type("x").quantization.scale[0] / quantized.type("y").quantization.scale[0]
    assert ratio < 4
    stored = reference.run(quantized, [np.full((1, 12, 12, 3), 100, np.int8)])["y"]
    assert np.abs(stored.astype(int) - quantized.type("y").quantization.zero_point[0]).max() <= 4


def test_a_tensor_that_is_always_zero_is_reported(net_text, read_graph, weights, images):
    weights["w1"][:] = 0
    weights["b1"][:] = -1
    found = []
    quantized = check(quantize(read_graph(net_text, **weights), images, warn=found.append))
    assert {(d.code, d.severity) for d in found} == {("E0207", "warning")}
    assert [d.title.split()[0] for d in found] == ["deep", "wide", "sum", "pooled"]
    stored = reference.run_batch(quantized, [np.zeros((1, 12, 12, 3), np.int8)])
    assert np.isfinite(stored[0]).all()


def test_no_warning_for_ordinary_data(net, images):
    found = []
    quantize(net, images, warn=found.append)
    assert not found


def code(error) -> str:
    return error.value.diagnostics[0].code


def test_an_unknown_observer_is_refused(net, images):
    with pytest.raises(EdgeError, match="minmax, moving_average, percentile, mse") as caught:
        quantize(net, images, observer="entropy")
    assert code(caught) == "E0031"


def test_an_operator_without_integer_form_is_refused_before_any_calibration(read_graph):
    text = """
graph g single (a, b) -> (y)
a : float32[1,6]
b : float32[6,6]
y : float32[1,6]
n linear(a, b) -> y
"""

    def never():
        pytest.fail("calibration data was read")
        yield

    with pytest.raises(EdgeError, match="weight b is computed") as caught:
        quantize(read_graph(text), never())
    assert code(caught) == "E0204"


def test_no_calibration_data_is_refused(net):
    with pytest.raises(EdgeError) as caught:
        quantize(net, [])
    assert code(caught) == "E0201"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_activations_that_overflow_are_named(net_text, read_graph, weights, images):
    weights["w2"] *= np.float32(1e38)
    with pytest.raises(EdgeError, match="wide is not finite") as caught:
        quantize(read_graph(net_text, **weights), images)
    assert code(caught) == "E0203"


def test_a_model_with_two_inputs_is_calibrated_on_both(read_graph):
    text = """
graph g single (a, b) -> (y)
a : float32[1,6]
b : float32[1,6]
y : float32[1,6]
n mul(a, b) -> y
"""
    rng = np.random.default_rng(0)
    source = {"a": rng.uniform(0, 4, (50, 6)), "b": rng.uniform(-1, 1, (50, 6))}
    quantized = check(quantize(read_graph(text), source))
    assert quantized.type("a").quantization.scale[0] == pytest.approx(4 / 255, rel=0.05)
    assert quantized.type("b").quantization.scale[0] == pytest.approx(2 / 255, rel=0.05)


def test_node_names_and_places_survive(net, images):
    placed = replace(net, nodes=tuple(replace(n, where=f"line {n.name}") for n in net.nodes))
    quantized = quantize(placed, images)
    assert [(n.name, n.where) for n in quantized.nodes] == [(n.name, n.where) for n in placed.nodes]
