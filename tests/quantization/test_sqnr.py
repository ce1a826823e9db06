import json

import numpy as np
import pytest

from edge import reference
from edge.errors import EdgeError
from edge.passes.pipeline import INTEGER_PASSES, run_passes
from edge.quantization.ptq import quantize
from edge.quantization.sqnr import SILENT, compare


@pytest.fixture
def quantized(net, images):
    return quantize(net, images)


def decibels(expected: np.ndarray, actual: np.ndarray) -> float:
    noise = np.square(expected.astype(np.float64) - actual).sum()
    return 10 * np.log10(np.square(expected.astype(np.float64)).sum() / noise)


def real(graph, name: str, stored: np.ndarray) -> np.ndarray:
    quantization = graph.type(name).quantization
    return quantization.scale[0] * (stored.astype(float) - quantization.zero_point[0])


def stored(graph, name: str, values: np.ndarray) -> np.ndarray:
    quantization = graph.type(name).quantization
    units = np.rint(values / np.float32(quantization.scale[0])) + quantization.zero_point[0]
    return np.clip(units, -128, 127).astype(np.int8)


def test_cumulative_error_is_that_of_the_int8_network(net, quantized, images):
    report = compare(net, quantized, images)
    expected = reference.run_batch(net, [images])[0]
    actual = reference.run_batch(quantized, [stored(quantized, "x", images)])[0]
    actual = real(quantized, "probabilities", actual)
    assert report.output_sqnr_db == pytest.approx(decibels(expected, actual))
    assert report.layers[-1].cumulative_db == pytest.approx(decibels(expected, actual))
    assert report.output_max_error == pytest.approx(np.abs(expected - actual).max(), rel=1e-4)


def test_a_layers_own_error_is_measured_on_float_inputs(net, quantized, images):
    report = {layer.output: layer for layer in compare(net, quantized, images[:1]).layers}
    floats = reference.run(net, [images[:1]], values=True)
    # The average of `small` alone: quantize its exact input, average in int8, compare.
    exact = real(quantized, "small", stored(quantized, "small", floats["small"]))
    output = quantized.type("pooled").quantization
    averaged = np.rint(exact.mean((1, 2)) / output.scale[0]) * output.scale[0]
    assert report["pooled"].sqnr_db == pytest.approx(decibels(floats["pooled"], averaged), abs=0.1)


def test_the_first_layer_adds_all_of_its_cumulative_error(net, quantized, images):
    first = compare(net, quantized, images).layers[0]
    assert first.sqnr_db == first.cumulative_db


def test_every_layer_of_the_legalized_graph_has_a_row(net, quantized, images):
    legal = run_passes(quantized, INTEGER_PASSES)
    report = compare(net, legal, images)
    assert [layer.output for layer in report.layers] == [n.output for n in legal.nodes]


def test_a_layer_made_worse_stands_out(net, images, net_text, read_graph, weights):
    weights["w2"] = np.sign(weights["w2"]) * np.float32(0.3)
    broken = quantize(read_graph(net_text, **weights), images)
    assert compare(net, broken, images).worst[0].output == "wide"


def test_a_network_of_exact_moves_has_no_error(read_graph):
    text = """
graph g single (x) -> (y)
x : float32[1,4]
y : float32[1,2,2]
r reshape(x) -> y shape=(1,2,2)
"""
    graph = read_graph(text)
    data = np.arange(-128, 128, dtype=np.float32).reshape(-1, 4)
    report = compare(graph, quantize(graph, data), data)
    assert report.output_sqnr_db == report.layers[0].sqnr_db == SILENT


def test_agreement_and_accuracy_count_largest_outputs(net, quantized, images):
    expected = reference.run_batch(net, [images])[0].argmax(1)
    actual = reference.run_batch(quantized, [stored(quantized, "x", images)])[0].argmax(1)
    labels = (np.arange(64) % 5).tolist()
    report = compare(net, quantized, images, labels)
    assert report.samples == 64
    assert report.agreement == (expected == actual).mean()
    assert report.float_accuracy == (expected == labels).mean()
    assert report.int8_accuracy == (actual == labels).mean()


def test_without_labels_there_is_no_accuracy(net, quantized, images):
    report = compare(net, quantized, images[:4])
    assert (report.float_accuracy, report.int8_accuracy) == (None, None)


def test_labels_of_another_number_are_refused(net, quantized, images):
    with pytest.raises(EdgeError, match=r"labels of shape \(3,\) for 4 samples"):
        compare(net, quantized, images[:4], [0, 1, 2])


def test_the_report_is_plain_json(net, quantized, images):
    report = compare(net, quantized, images[:4], [0, 1, 2, 3])
    read = json.loads(json.dumps(report.to_json()))
    assert read["samples"] == 4
    assert set(read["layers"][0]) == {"name", "op", "output", "sqnr_db", "cumulative_db"}
