"""Get rid of the transposes that an NCHW model leaves in front of linear layers.

flatten() of an NHWC image in torch's order needs a transpose; a linear layer behind it can have its
weight columns in the stored order instead. Transposes also sink below functions of one value, so
that they meet the linear layer, or another transpose that cancels them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.ir import Graph, Node, Value
from edge.ir.types import Array
from edge.passes.rewrite import ints, sole_reader, substitute, sweep

_POINTWISE = frozenset({"unary", "lookup", "quantize", "dequantize", "requantize"})


def run(graph: Graph) -> Graph:
    return sweep(sweep(graph, _sink), _absorb)


def _sink(graph: Graph, node: Node) -> Graph | None:
    """function(transpose(x)) becomes transpose(function(x))."""
    if node.op not in _POINTWISE:
        return None
    above = graph.producers.get(node.inputs[0])
    if above is None or above.op != "transpose" or not sole_reader(graph, above.output):
        return None
    name = graph.fresh(f"{node.output}_untransposed")
    kind = replace(graph.type(node.output), shape=graph.type(above.inputs[0]).shape)
    inputs = (above.inputs[0], *node.inputs[1:])
    function = replace(node, name=name, inputs=inputs, outputs=(name,))
    below = replace(above, name=node.name, inputs=(name,), outputs=node.outputs)
    return substitute(graph, {above.name: [], node.name: [function, below]}, [Value(name, kind)])


def _absorb(graph: Graph, node: Node) -> Graph | None:
    """linear(reshape(transpose(x))) reads x as it is stored, with its weight columns moved."""
    if node.op != "transpose":
        return None
    flatten = sole_reader(graph, node.output)
    if flatten is None or not _flattens_all_but_batch(graph, node, flatten):
        return None
    layers = _linear_layers(graph, flatten.output)
    if not layers:
        return None
    order = _stored_order(graph, node)
    weights = {n: graph.fresh(f"{n}_as_stored") for n in dict.fromkeys(n.inputs[1] for n in layers)}
    moved = [
        replace(
            graph.values[name],
            name=fresh,
            data=np.ascontiguousarray(graph.constant(name)[:, order]),
        )
        for name, fresh in weights.items()
    ]
    replacements = {
        layer.name: [
            replace(layer, inputs=(layer.inputs[0], weights[layer.inputs[1]], *layer.inputs[2:]))
        ]
        for layer in layers
    }
    replacements[node.name] = []
    replacements[flatten.name] = [replace(flatten, inputs=node.inputs)]
    return substitute(graph, replacements, moved)


def _flattens_all_but_batch(graph: Graph, transpose: Node, reshape: Node) -> bool:
    shape = graph.type(reshape.output).shape
    batch = graph.type(transpose.output).shape[0]
    keeps_batch = ints(transpose, "permutation")[0] == 0
    return reshape.op == "reshape" and len(shape) == 2 and shape[0] == batch and keeps_batch


def _linear_layers(graph: Graph, name: str) -> list[Node]:
    """The linear layers that are all that reads a value, functions in between allowed."""
    while (reader := sole_reader(graph, name)) and reader.op in _POINTWISE:
        name = reader.output
    readers = graph.consumers[name]
    absorbing = all(
        n.op == "linear" and n.inputs[0] == name and graph.is_constant(n.inputs[1]) for n in readers
    )
    return list(readers) if absorbing and name not in graph.kept else []


def _stored_order(graph: Graph, transpose: Node) -> Array:
    """For each feature in stored order, its number in the transposed order."""
    shape = graph.type(transpose.output).shape[1:]
    inverse = np.argsort([axis - 1 for axis in ints(transpose, "permutation")[1:]])
    return np.arange(np.prod(shape)).reshape(shape).transpose(inverse).reshape(-1)
