"""The four MLPerf Tiny models give what LiteRT and TensorFlow Lite Micro gave, value by value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.frontends.tflite import load_tflite
from edge.ir import Graph, Node, Rounding
from edge.reference import run, run_batch
from edge.reference.litert import litert_interpreter

FOLDER = Path(__file__).parents[3] / "shared" / "models" / "mlperf-tiny"
FILES = {
    "vww": "vww_96_int8",
    "kws": "kws_ref_model",
    "resnet": "pretrainedResnet_quant",
    "ad": "ad01_int8",
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs the models in {FOLDER}")


def load(model: str, rounding: Rounding = Rounding.TFLITE) -> Graph:
    return load_tflite(FOLDER / f"{FILES[model]}.tflite", rounding=rounding)


def golden(model: str, what: str) -> np.ndarray[Any, Any]:
    return np.asarray(np.load(FOLDER / "golden" / f"{model}_{what}.npy"))


def inputs(model: str, graph: Graph) -> np.ndarray[Any, Any]:
    return golden(model, "in").reshape(-1, *graph.type(graph.inputs[0]).shape[1:])


@pytest.mark.parametrize("model", FILES)
def test_equals_litert(model: str) -> None:
    graph = load(model)
    (actual,) = run_batch(graph, [inputs(model, graph)])
    expected = golden(model, "out_litert_ref")
    np.testing.assert_array_equal(actual.reshape(expected.shape), expected)


@pytest.mark.parametrize("model", FILES)
def test_equals_tensorflow_lite_micro(model: str) -> None:
    graph = load(model, Rounding.TFLM)
    expected = golden(model, "out_tflm_ref")
    rows = len(expected) // graph.type(graph.outputs[0]).elements
    (actual,) = run_batch(graph, [inputs(model, graph)[:rows]])
    np.testing.assert_array_equal(actual.ravel(), expected)


@pytest.mark.parametrize("model", FILES)
def test_every_layer_equals_litert(model: str) -> None:
    """Random inputs reach values that real ones do not; a wrong layer is named."""
    graph, interpreter = load(model), litert_interpreter(FOLDER / f"{FILES[model]}.tflite")
    rng = np.random.default_rng(0)
    x = rng.integers(-128, 128, graph.type(graph.inputs[0]).shape).astype(np.int8)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    operators = {op["index"]: op["outputs"][0] for op in interpreter._get_ops_details()}
    ours = run(graph, [x], values=True)
    for node in graph.nodes:
        theirs = interpreter.get_tensor(operators[operator_index(node)])
        actual = ours[node.output].reshape(theirs.shape)
        np.testing.assert_array_equal(actual, theirs, err_msg=f"{node.where} {node.name}")


def operator_index(node: Node) -> int:
    """Nodes remember the operator of the file that they come from."""
    match = re.search(r"\d+", node.where)
    assert match is not None
    return int(match.group())
