"""Compute at export time what depends on constants only.

In a graph with `quantize` nodes, dequantized constants stay: they carry the scales of the weights.
"""

from __future__ import annotations

from edge import reference
from edge.ir import DType, Graph, Node, Value
from edge.ir.types import Array
from edge.passes.rewrite import sweep
from edge.quantization.affine import dequantize


def run(graph: Graph) -> Graph:
    carries_scales = any(node.op == "quantize" for node in graph.nodes)

    def fold(graph: Graph, node: Node) -> Graph | None:
        if carries_scales and node.op == "dequantize":
            return None
        return _folded(graph, node) if _is_foldable(graph, node) else None

    return sweep(graph, fold)


def _is_foldable(graph: Graph, node: Node) -> bool:
    """All inputs are constants of a type that the interpreter computes with.

    What a state becomes stays computed.
    """
    names = [name for name in node.inputs if name]
    return node.output not in {state.written for state in graph.states} and all(
        graph.is_constant(name) and graph.type(name).dtype in (DType.FLOAT32, DType.INT8)
        for name in names
    )


def _folded(graph: Graph, node: Node) -> Graph:
    rest = (other for other in graph.nodes if other is not node)
    return graph.with_nodes(
        rest, [Value(node.output, graph.type(node.output), _result(graph, node))]
    )


def _result(graph: Graph, node: Node) -> Array:
    quantization = graph.type(node.inputs[0]).quantization
    if node.op == "dequantize" and quantization:
        # Weights may be quantized per channel, which no operator on activations is.
        return dequantize(graph.constant(node.inputs[0]), quantization)
    alone = Graph(graph.name, (), node.outputs, (node,), graph.values, graph.rounding)
    return reference.run(alone, [])[node.output]
