"""Quantizing a float model, and the account of what it costs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import fail
from edge.frontends import load
from edge.ir import Graph, Rounding, to_text
from edge.ir.types import Array
from edge.quantization.sqnr import compare
from edge.workflow.prepare import Calibration, prepare


def quantize(
    model: Any,
    calibration: Calibration = None,
    *,
    observer: str = "minmax",
    rounding: str | Rounding | None = None,
    activation_bits: int = 8,
    progress: bool = True,
) -> Graph:
    """The int8 graph of `model` (anything `edge.load` takes), ready for `edge.export`.

    A float model needs `calibration` (.npz, .npy or an iterable of inputs); a model with PT2E
    quantize/dequantize nodes keeps the scales it brings. `activation_bits` 7 lets what convolutions
    and linear layers read hold 0..127 alone, for `wasm32-relaxed`. Raises EdgeError.
    """
    wanted = Rounding(rounding) if rounding else None
    graph = load(model, wanted).graph
    return prepare(
        graph, calibration, observer=observer, rounding=wanted, activation_bits=activation_bits,
        progress=progress,
    )  # fmt: skip


def quantize_file(
    model: Any,
    calibration: Path,
    *,
    observer: str = "minmax",
    activation_bits: int = 8,
    labels: Path | None = None,
    out: Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """What `edge quantize` does: quantize, compare with the float model, write the int8 graph.

    Returns the fields of edge.quantization.sqnr.Report as plain data.
    """
    float_graph = load(model).graph
    int8_graph = quantize(
        float_graph, calibration, observer=observer, activation_bits=activation_bits,
        progress=progress,
    )  # fmt: skip
    known = None if labels is None else _labels(labels)
    report = compare(float_graph, int8_graph, calibration, labels=known).to_json()
    if out is not None:
        _write(out, to_text(int8_graph))
        report["out"] = str(out)
    return report


def _labels(path: Path) -> Array:
    try:
        labels: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise fail("E0030", f"cannot read {path} as .npy", notes=[str(error)]) from error
    return labels


def _write(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as staged:
        staged.write(text)
    os.chmod(staged.name, 0o644)
    os.replace(staged.name, path)
