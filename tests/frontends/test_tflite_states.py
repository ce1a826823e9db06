"""Resource variables of .tflite files become states; LiteRT runs the same sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge
from edge.errors import EdgeError
from edge.frontends.tflite.load import load_tflite
from edge.reference import run_batch
from edge.reference.litert import run_litert
from tests.frontends.tflite_builder import pack
from tests.frontends.tflite_streaming import CHANNELS, first_rows, streaming_object


def frames(count: int = 12) -> np.ndarray:
    return np.random.default_rng(2).integers(-128, 128, (count, 1, 1, CHANNELS)).astype(np.int8)


@pytest.mark.parametrize("read_again", [False, True])
def test_sequences_equal_litert(read_again: bool) -> None:
    file = pack(streaming_object(first_rows(), read_again=read_again))
    graph = load_tflite(file, "stream")
    assert [state.read for state in graph.states] == ["old"]
    expected = run_litert(file, [frames()])
    for made, wanted in zip(run_batch(graph, [frames()]), expected, strict=True):
        np.testing.assert_array_equal(made, wanted)


@pytest.mark.parametrize("target", ["host", "cortex-m7"])
def test_the_exported_program_equals_litert(target: str, tmp_path: Path) -> None:
    file = tmp_path / "stream.tflite"
    file.write_bytes(pack(streaming_object(first_rows())))
    edge.export(str(file), target, tmp_path / "stream")
    result = edge.verify(tmp_path / "stream", reference="litert", inputs=[frames()])
    assert (result.mismatches, result.samples) == (0, 12)


def test_a_variable_that_is_never_assigned_is_a_constant() -> None:
    model = streaming_object(first_rows())
    graph = model.subgraphs[0]
    graph.operators = [op for op in graph.operators if op.outputs or len(op.inputs) < 2]
    file = pack(model)
    imported = load_tflite(file, "stream")
    assert imported.states == ()
    np.testing.assert_array_equal(
        run_batch(imported, [frames()])[0], run_litert(file, [frames()])[0]
    )


def refusal(model: Any) -> EdgeError:
    with pytest.raises(EdgeError) as raised:
        load_tflite(pack(model), "stream")
    return raised.value


def test_a_variable_without_a_first_value_is_refused_by_name() -> None:
    model = streaming_object(first_rows())
    model.subgraphs[0].operators = model.subgraphs[0].operators[1:]
    model.subgraphs = model.subgraphs[:1]
    assert "variable 'rows' has no first value" in str(refusal(model))


def test_a_first_value_of_another_shape_is_damage() -> None:
    model = streaming_object(first_rows()[:, :2])
    assert refusal(model).diagnostics[0].code == "E0021"


def test_a_subgraph_that_does_not_exist_is_damage() -> None:
    model = streaming_object(first_rows())
    model.subgraphs = model.subgraphs[:1]
    assert refusal(model).diagnostics[0].code == "E0021"


def test_a_first_value_that_nothing_makes_is_damage() -> None:
    model = streaming_object(first_rows())
    model.subgraphs[1].tensors[1].buffer = 0
    assert refusal(model).diagnostics[0].code == "E0021"
