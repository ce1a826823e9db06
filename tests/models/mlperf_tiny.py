"""The four MLPerf Tiny models and their golden outputs, where the checkout has them beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.ir.types import Array

FOLDER = Path(__file__).parents[3] / "shared" / "models" / "mlperf-tiny"
FILES = {
    "vww": FOLDER / "vww_96_int8.tflite",
    "kws": FOLDER / "kws_ref_model.tflite",
    "resnet": FOLDER / "pretrainedResnet_quant.tflite",
    "ad": FOLDER / "ad01_int8.tflite",
}
needed = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs the models in {FOLDER}")


def golden(model: str, what: str) -> Array:
    """`what` is "in", "out_litert_ref" or "out_tflm_ref"; one row an inference (tflm: flat)."""
    data: Array = np.load(FOLDER / "golden" / f"{model}_{what}.npy")
    return data
