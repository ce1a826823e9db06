"""What must hold before a float graph can become an int8 graph; all problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from edge.errors import Diagnostic, EdgeError
from edge.ir import DType, Graph, Node, Quantization, Value
from edge.quantization.constants import WEIGHT_AXIS
from edge.quantization.sharing import activations

_NO_INTEGER_FORM = {
    "batch_norm": "run edge.passes.FLOAT_PASSES first: they fold or replace it",
    "quantize": "absorb quantize and dequantize nodes first (edge.quantization.qdq)",
    "dequantize": "absorb quantize and dequantize nodes first (edge.quantization.qdq)",
    "lookup": "a lookup exists only in int8 graphs",
}


def require_integer_form(graph: Graph, given: Mapping[str, Value]) -> None:
    """Raise EdgeError E0204 for operators that int8 kernels lack, E0203 for NaN in constants.

    `given` holds constants that are quantized already.
    """
    _raise(_without_integer_form(graph, given))


def require_quantization(graph: Graph, known: Mapping[str, Quantization]) -> None:
    """Raise EdgeError E0205 for activations without a quantization per tensor."""
    _raise(_without_quantization(graph, known))


def _raise(problems: Iterable[Diagnostic]) -> None:
    if found := list(problems):
        raise EdgeError(*found)


def _finding(code: str, title: str, node: Node, *help: str) -> Diagnostic:
    return Diagnostic(code, title, node.where or f"node {node.name}", help=help)


def _without_integer_form(graph: Graph, given: Mapping[str, Value]) -> Iterator[Diagnostic]:
    for node in graph.nodes:
        if node.op in _NO_INTEGER_FORM:
            title = f"operator {node.op} has no integer form"
            yield _finding("E0204", title, node, _NO_INTEGER_FORM[node.op])
        for name in dict.fromkeys(filter(None, (*node.inputs, *node.outputs))):
            value = given.get(name, graph.values[name])
            if name not in given and value.type.dtype is not DType.FLOAT32:
                title = f"{node.op}: {name} is {value.type.dtype}, not float32"
                yield _finding("E0204", title, node)
            elif value.data is not None and not np.isfinite(value.data).all():
                yield _finding("E0203", f"{node.op}: {name} holds NaN or infinity", node)
        if node.op in WEIGHT_AXIS:
            yield from _weights_without_integer_form(graph, node, given)


def _weights_without_integer_form(
    graph: Graph, node: Node, given: Mapping[str, Value]
) -> Iterator[Diagnostic]:
    for name in filter(None, node.inputs[1:]):
        value = given.get(name, graph.values[name])
        if value.data is None:
            title = f"{node.op}: weight {name} is computed in the graph, not a constant"
            yield _finding("E0204", title, node)
        elif value.type.quantization and any(value.type.quantization.zero_point):
            title = f"{node.op}: {name} has a zero point; weights must be symmetric"
            yield _finding("E0204", title, node)


def _without_quantization(graph: Graph, known: Mapping[str, Quantization]) -> Iterator[Diagnostic]:
    for name in activations(graph):
        if name not in known:
            node = graph.producers.get(name)
            where = (node.where or f"{node.op} {node.name}") if node else f"graph input {name}"
            yield Diagnostic("E0205", f"{name} has no quantization", where)
        elif not known[name].is_per_tensor:
            yield Diagnostic("E0205", f"activation {name} must be quantized per tensor", name)
