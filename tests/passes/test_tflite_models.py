"""Imported int8 models go through all passes without changing a bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge import reference
from edge.frontends import load
from edge.passes.pipeline import FLOAT_PASSES, INTEGER_PASSES, run_passes

MODELS = Path(__file__).parents[3] / "shared" / "models" / "mlperf-tiny"
NAMES = ("ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8")


@pytest.mark.skipif(not MODELS.is_dir(), reason="needs the MLPerf Tiny models in ../shared")
@pytest.mark.parametrize("name", NAMES)
def test_mlperf_tiny_models_keep_every_bit(name):
    graph = load(MODELS / f"{name}.tflite").graph
    passed = run_passes(graph, (*FLOAT_PASSES, *INTEGER_PASSES), check=True)
    shape = graph.type(graph.inputs[0]).shape
    inputs = [np.random.default_rng(0).integers(-128, 128, shape).astype(np.int8)]
    expected = reference.run_batch(graph, inputs)[0]
    np.testing.assert_array_equal(reference.run_batch(passed, inputs)[0], expected)
