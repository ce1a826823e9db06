"""Whole .tflite files: the MLPerf Tiny models and networks that LiteRT runs as well."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.frontends.tflite import load_tflite
from edge.ir import DType, Quantization, Rounding, macs, parse, to_text
from edge.reference import run_batch
from edge.reference.litert import run_litert
from tests.frontends.tflite_networks import float_network, int8_network

MODELS = Path(__file__).parents[3] / "shared" / "models" / "mlperf-tiny"


CLASSIFIER = {"avg_pool2d": 1, "reshape": 1, "linear": 1, "softmax": 1}


@pytest.mark.parametrize(
    ("file", "expected_macs", "ops"),
    [
        ("vww_96_int8", 7_489_664, {"conv2d": 14, "depthwise_conv2d": 13, **CLASSIFIER}),
        ("kws_ref_model", 2_656_768, {"conv2d": 5, "depthwise_conv2d": 4, **CLASSIFIER}),
        ("pretrainedResnet_quant", 12_501_632, {"conv2d": 9, "add": 3, **CLASSIFIER}),
        ("ad01_int8", 264_192, {"linear": 10}),
    ],
)
def test_mlperf_tiny_models_have_the_published_size(
    file: str, expected_macs: int, ops: dict[str, int]
) -> None:
    if not MODELS.is_dir():
        pytest.skip(f"no models in {MODELS}")
    graph = load_tflite(MODELS / f"{file}.tflite")
    assert sum(macs(graph, node) for node in graph.nodes) == expected_macs
    found = [node.op for node in graph.nodes]
    assert {op: found.count(op) for op in found} == ops
    assert graph.name == file
    assert graph.rounding is Rounding.TFLITE
    assert to_text(parse(to_text(graph))) == to_text(graph)


def test_vww_loads_in_well_under_a_second() -> None:
    if not MODELS.is_dir():
        pytest.skip(f"no models in {MODELS}")
    start = time.perf_counter()
    load_tflite(MODELS / "vww_96_int8.tflite")
    assert time.perf_counter() - start < 0.3


def test_vww_constants_keep_their_quantization() -> None:
    if not MODELS.is_dir():
        pytest.skip(f"no models in {MODELS}")
    graph = load_tflite(MODELS / "vww_96_int8.tflite")
    (x,) = graph.inputs
    assert graph.type(x).shape == (1, 96, 96, 3)
    assert graph.type(x).quantization == Quantization.per_tensor(float(np.float32(1 / 255)), -128)
    depthwise = next(node for node in graph.nodes if node.op == "depthwise_conv2d")
    weight, bias = (graph.type(name) for name in depthwise.inputs[1:])
    assert weight.shape == (1, 3, 3, 8)
    assert weight.quantization is not None
    assert weight.quantization.axis == 3
    assert bias.dtype is DType.INT32
    assert depthwise.attrs["activation"] == "relu"


@pytest.mark.parametrize("network", [int8_network, float_network])
def test_an_imported_network_computes_what_litert_computes(network: Callable[[], bytes]) -> None:
    file = network()
    graph = load_tflite(file)
    shape, dtype = graph.type(graph.inputs[0]).shape, graph.type(graph.inputs[0]).dtype
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, *shape[1:])).astype(np.float32)
    if dtype is DType.INT8:
        x = np.clip(np.rint(x * 60), -128, 127).astype(np.int8)
    (expected,) = run_litert(file, [x])
    (actual,) = run_batch(graph, [x])
    assert len(np.unique(expected)) > 10
    np.testing.assert_allclose(actual, expected, rtol=1e-5 if dtype is DType.FLOAT32 else 0)
