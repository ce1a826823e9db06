"""From an imported graph to the float32 graph that is planned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from edge.errors import fail
from edge.ir import DType, Graph, Rounding, check
from edge.passes.pipeline import FLOAT_PASSES, run_passes


def prepare_float(
    graph: Graph, *, fused: bool = False, dump: Path | None = None, checked: bool = False
) -> Graph:
    """The float32 graph of a float model, with the arithmetic of the kernels.

    `fused` takes Rounding.FLOAT_FUSED. `dump` and `checked` as in `prepare`. Raises EdgeError
    E0209 for a model that is quantized, or whose constants are not all finite: sums leave out
    products with zeros.
    """
    graph = run_passes(graph, FLOAT_PASSES, check=checked, dump=dump)
    _refuse_quantized(graph)
    _refuse_infinite(graph)
    rounding = Rounding.FLOAT_FUSED if fused else Rounding.FLOAT
    return check(replace(graph, rounding=rounding))


def _refuse_quantized(graph: Graph) -> None:
    converted = [n for n in graph.nodes if n.op in ("quantize", "dequantize", "requantize")]
    stored = [n for n in graph.nodes if graph.type(n.output).dtype is DType.INT8]
    for node in (*converted, *stored):
        raise fail(
            "E0209", f"{graph.name} is a quantized model and has no fp32 form",
            node.where or node.name, help=["--precision int8, or the float model"],
        )  # fmt: skip


def _refuse_infinite(graph: Graph) -> None:
    for name, value in graph.values.items():
        floats = value.data is not None and value.type.dtype is DType.FLOAT32
        if floats and not np.isfinite(graph.constant(name)).all():
            raise fail("E0209", f"{graph.name}: the constant {name} holds NaN or infinity")
