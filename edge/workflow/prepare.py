"""From an imported graph to the integer graph that is planned: quantize, then legalize."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edge.errors import fail
from edge.ir import DType, Graph, Rounding, check
from edge.passes.pipeline import FLOAT_PASSES, INTEGER_PASSES, run_passes
from edge.quantization.calibration import Source
from edge.quantization.ptq import ignore, quantize
from edge.quantization.ranges import Warn

Calibration = Source | None


def is_float(graph: Graph) -> bool:
    """True if no activation of the graph is quantized."""
    made = (graph.type(output) for node in graph.nodes for output in node.outputs)
    return all(tensor.dtype not in (DType.INT8, DType.INT16) for tensor in made)


def has_quantize_nodes(graph: Graph) -> bool:
    return any(node.op in ("quantize", "dequantize") for node in graph.nodes)


def prepare(
    graph: Graph,
    calibration: Calibration = None,
    *,
    observer: str = "minmax",
    rounding: Rounding | None = None,
    activation_bits: int = 8,
    progress: bool = True,
    dump: Path | None = None,
    checked: bool = False,
    warn: Warn = ignore,
) -> Graph:
    """The int8 graph of a model.

    A float graph is quantized with `calibration` (.npz, .npy or an iterable of inputs); a graph
    with quantize/dequantize nodes keeps the scales it brings. `dump` names a folder that receives
    the graph after each pass; `checked` verifies the graph after each pass; `warn` receives
    diagnostics that do not stop the work.
    Raises EdgeError E0201 if a float graph comes without calibration data, E0016 for other
    `activation_bits` than 8 with a model that is quantized already.
    """
    graph = run_passes(graph, FLOAT_PASSES, check=checked, dump=dump)
    if activation_bits != 8:
        _require_float(graph, activation_bits)
    if has_quantize_nodes(graph):
        from edge.quantization.qdq import absorb_qdq

        graph = absorb_qdq(graph)
    elif is_float(graph):
        _require(graph, calibration)
        graph = quantize(
            graph,
            calibration if calibration is not None else (),
            observer=observer,
            rounding=rounding or Rounding.SINGLE,
            activation_bits=activation_bits,
            progress=progress,
            warn=warn,
        )
    if rounding is not None:
        graph = replace(graph, rounding=rounding)
    return check(run_passes(graph, INTEGER_PASSES, check=checked, dump=dump))


def _require_float(graph: Graph, activation_bits: int) -> None:
    if has_quantize_nodes(graph) or not is_float(graph):
        raise fail(
            "E0016",
            f"{graph.name} is quantized already: its activations cannot get {activation_bits} bits",
            help=["give the float model with --calibration"],
        )


def _require(graph: Graph, calibration: Calibration) -> None:
    if calibration is None:
        raise fail(
            "E0201",
            f"{graph.name} is a float model and needs calibration data to become int8",
            help=[
                "--calibration samples.npz: some hundred real inputs, one a row",
                "or quantize it yourself with PT2E and edge.quantization.quantizer.EdgeQuantizer",
            ],
        )
