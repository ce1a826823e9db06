"""From a graph with quantize/dequantize nodes to an int8 graph.

A quantize node behind a float value says how the device stores that value; a dequantize node says
nothing new. So the nodes are taken out, what they said becomes annotations of a float graph, and
the lowering that post-training quantization uses makes the integer operators. Weights that were
stored as int8 stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from edge.errors import Diagnostic, EdgeError
from edge.ir import DType, Graph, Node, Quantization, TensorType, Value
from edge.ir.ops import attributes
from edge.passes import dead_code, fuse_activation
from edge.quantization.affine import INT8_MAX, INT8_MIN, dequantize, from_range
from edge.quantization.functions import FUNCTIONS
from edge.quantization.lower import lower
from edge.quantization.sharing import activations, complete

_KEEPS_RANGE = frozenset({"mean", "avg_pool2d"})


def absorb_qdq(graph: Graph) -> Graph:
    """The int8 graph, inputs and outputs included, of a graph with quantize/dequantize nodes.

    A convolution, linear layer or sum whose only reader is a relu takes over its quantization: the
    value between is never stored. Values without a quantize node get what follows from others:
    moves, mean and average keep their input's; softmax, sigmoid and tanh have fixed ones; another
    function of one int8 value gets the range of its 256 possible results.

    Raises EdgeError: E0208 quantizations that int8 kernels cannot use, E0205 values that stay in
    float with the operator that makes them, E0206 biases that do not fit int32.
    """
    stripped = _strip(graph)
    float_graph = dead_code.run(stripped.graph)
    annotations = _derived(float_graph, stripped.annotations)
    return lower(fuse_activation.run(float_graph), annotations, stripped.weights)


@dataclass
class _Stripped:
    """The float graph under construction, and what its quantize/dequantize nodes said."""

    graph: Graph
    annotations: dict[str, Quantization]
    weights: dict[str, Value] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def resolve(self, name: str) -> str:
        return self.renamed.get(name, name)


def _strip(graph: Graph) -> _Stripped:
    """Take out quantize and dequantize nodes; values that are int8 already become float."""
    stripped = _Stripped(graph, _stored_quantizations(graph))
    nodes = [new for node in graph.nodes for new in _RULES.get(node.op, _other)(stripped, node)]
    outputs = tuple(map(stripped.resolve, graph.outputs))
    states = tuple(replace(s, written=stripped.resolve(s.written)) for s in graph.states)
    bare = replace(graph, outputs=outputs, states=states).with_nodes(
        nodes, stripped.values.values()
    )
    values = {name: _as_float(value) for name, value in bare.values.items()}
    stripped.graph = replace(bare, values=values)
    return stripped


def _stored_quantizations(graph: Graph) -> dict[str, Quantization]:
    """The quantizations of all quantized activations. Raises EdgeError E0208."""
    problems, found = [], {}
    for name in activations(graph):
        kind = graph.type(name)
        if kind.quantization is None:
            continue
        found[name] = kind.quantization
        if kind.dtype is not DType.INT8 or not kind.quantization.is_per_tensor:
            problems.append(_unusable(graph, name))
    if problems:
        raise EdgeError(*problems)
    return found


def _unusable(graph: Graph, name: str) -> Diagnostic:
    kind, node = graph.type(name), graph.producers.get(name)
    granularity = (
        "per tensor" if kind.quantization and kind.quantization.is_per_tensor else "per channel"
    )
    return Diagnostic(
        "E0208",
        f"{name} is quantized to {kind.dtype} {granularity}; kernels take int8 per tensor",
        (node.where or f"{node.op} {node.name}") if node else f"graph input {name}",
        help=("quantize with edge.quantization.quantizer.EdgeQuantizer",),
    )


def _quantize(stripped: _Stripped, node: Node) -> Iterator[Node]:
    """The first quantize node of a value annotates it; one that differs becomes a requantize."""
    x, quantization = stripped.resolve(node.inputs[0]), stripped.annotations[node.output]
    if stripped.annotations.setdefault(x, quantization) == quantization:
        stripped.renamed[node.output] = x
    else:
        yield replace(node, op="requantize", inputs=(x,))


def _dequantize(stripped: _Stripped, node: Node) -> Iterator[Node]:
    x = stripped.resolve(node.inputs[0])
    stripped.renamed[node.output] = _kept(stripped, x)
    yield from ()


def _other(stripped: _Stripped, node: Node) -> Iterator[Node]:
    inputs = tuple(_kept(stripped, stripped.resolve(name)) for name in node.inputs)
    yield replace(node, inputs=inputs)


def _kept(stripped: _Stripped, name: str) -> str:
    """Stored integers of constants are kept for the lowering; the float graph has real values."""
    value = stripped.graph.values.get(name)
    if value is not None and value.data is not None and value.type.quantization:
        stripped.weights[name] = value
        real = dequantize(value.data, value.type.quantization)
        stripped.values[name] = Value(name, TensorType(value.type.shape, DType.FLOAT32), real)
    return name


def _as_float(value: Value) -> Value:
    if value.is_constant or value.type.quantization is None:
        return value
    return replace(value, type=TensorType(value.type.shape, DType.FLOAT32))


_RULES = {"quantize": _quantize, "dequantize": _dequantize}


def _derived(graph: Graph, annotations: Mapping[str, Quantization]) -> dict[str, Quantization]:
    """Annotations, with those that follow from a function's or an average's input."""
    known = complete(graph, annotations)
    for node in graph.nodes:
        if node.output in known or node.inputs[0] not in known:
            continue
        source = known[node.inputs[0]]
        if node.op in _KEEPS_RANGE:
            known = complete(graph, {**known, node.output: source})
        elif node.op == "unary":
            known = complete(graph, {**known, node.output: _image(node, source)})
    return known


def _image(node: Node, source: Quantization) -> Quantization:
    """The quantization of all values that a function can take on int8 input."""
    attrs = attributes(node)
    x = dequantize(np.arange(INT8_MIN, INT8_MAX + 1), source)
    with np.errstate(all="ignore"):
        image = FUNCTIONS[str(attrs["function"])](x, float(cast("float", attrs["alpha"])))
    finite = image[np.isfinite(image)]
    return from_range(float(finite.min(initial=0.0)), float(finite.max(initial=0.0)))
