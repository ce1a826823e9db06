"""Recurrent networks from torch: quantized, exported, equal to numpy on every target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import edge
from edge.ir import Graph
from edge.reference import run_batch
from edge.workflow.samples import dequantize, quantize
from tests.models import gru, lstm

WORDS = 96  # to calibrate with


def words(seed: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(WORDS, gru.FRAMES, gru.FEATURES, generator=generator)


def stored(graph: Graph, x: np.ndarray) -> np.ndarray:
    quantization = graph.type(graph.inputs[0]).quantization
    assert quantization is not None
    return quantize(x, quantization.scale[0], quantization.zero_point[0])


def sqnr_db(graph: Graph, made: np.ndarray, expected: np.ndarray) -> float:
    quantization = graph.type(graph.outputs[0]).quantization
    assert quantization is not None
    port = {"scale": quantization.scale[0], "zero_point": quantization.zero_point[0]}
    noise = dequantize(made, port).reshape(expected.shape) - expected
    return float(10 * np.log10((expected**2).sum() / (noise**2).sum()))


@pytest.fixture(scope="module")
def whole() -> Graph:
    return edge.quantize(gru.make(), words().numpy(), progress=False)


@pytest.fixture(scope="module")
def streaming() -> Graph:
    frames = words().numpy().reshape(-1, 1, gru.FEATURES)
    return edge.quantize(gru.make(streaming=True), frames, progress=False)


@pytest.fixture(scope="module")
def memory() -> Graph:
    return edge.quantize(lstm.make(), steps(), progress=False)


def steps(count: int = 150) -> np.ndarray:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(count, 1, lstm.FEATURES, generator=generator).numpy()


def test_gru_keeps_its_scores(whole: Graph) -> None:
    x = words(seed=5)
    with torch.no_grad():
        expected = gru.make()[0](x).numpy()
    assert sqnr_db(whole, run_batch(whole, [stored(whole, x.numpy())])[0], expected) > 30


def test_lstm_keeps_its_scores_along_a_sequence(memory: Graph) -> None:
    module, _ = lstm.make()
    with torch.no_grad():
        expected = torch.cat([module(x[None]) for x in torch.from_numpy(steps())]).numpy()
    assert sqnr_db(memory, run_batch(memory, [stored(memory, steps())])[0], expected) > 28


def test_cell_values_live_on_in_int16(memory: Graph) -> None:
    types = {state.read: str(memory.type(state.read).dtype) for state in memory.states}
    assert types == {"b_hidden": "int8", "b_cells": "int16"}


def test_the_streaming_gru_ends_a_word_where_the_whole_one_does() -> None:
    x = words()[:1]
    streamed = run_batch(edge.load(gru.make(streaming=True)).graph, [x.numpy()[0][:, None, :]])[0]
    whole = run_batch(edge.load(gru.make()).graph, [x.numpy()])[0]
    np.testing.assert_allclose(streamed[-1], whole[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("target", ["host", "cortex-m7", "aarch64", "wasm32"])
@pytest.mark.parametrize("name", ["whole", "streaming", "memory"])
def test_exported_programs_equal_the_reference(
    name: str, target: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    edge.export(request.getfixturevalue(name), target, tmp_path / name)
    assert edge.verify(tmp_path / name).mismatches == 0
