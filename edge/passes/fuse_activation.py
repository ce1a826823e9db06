"""Fuse relu, relu6 and relu_n1_to_1 into the operator that makes their input.

In an int8 graph this is done where it keeps every bit: the operator must already produce the
quantization of the activation's output, and clamping must equal the activation's table.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.ir import DType, Graph, Node
from edge.ir.ops import ACTIVATIONS, OPS, attributes
from edge.passes.rewrite import quantization_of, same_quantization, sole_reader, substitute, sweep
from edge.quantization.activation_tables import lookup_table
from edge.quantization.constants import quantized_bounds


def run(graph: Graph) -> Graph:
    return sweep(graph, _fuse)


def _fuse(graph: Graph, node: Node) -> Graph | None:
    if node.op != "unary" or node.attrs["function"] not in ACTIVATIONS:
        return None
    producer = graph.producers.get(node.inputs[0])
    if producer is None or "activation" not in OPS[producer.op].attrs:
        return None
    if attributes(producer)["activation"] != "none" or not sole_reader(graph, producer.output):
        return None
    if graph.type(node.output).dtype is not DType.FLOAT32 and not _clamp_is_exact(graph, node):
        return None
    attrs = {**producer.attrs, "activation": node.attrs["function"]}
    fused = replace(producer, outputs=node.outputs, attrs=attrs)
    return substitute(graph, {producer.name: [fused], node.name: []})


def _clamp_is_exact(graph: Graph, node: Node) -> bool:
    if not same_quantization(graph, node.inputs[0], node.output):
        return False
    output = quantization_of(graph, node.output)
    low, high = quantized_bounds(str(node.attrs["function"]), output.scale[0], output.zero_point[0])
    clamped = np.clip(np.arange(-128, 128), low, high)
    return np.array_equal(lookup_table(graph, node), clamped)
