"""Fold batch normalization into the convolution or linear layer before it.

y = (x - mean) * g + bias with g = weight / sqrt(variance + epsilon) per channel. Without a producer
to fold into, an image is normalized by a 1x1 depthwise convolution and any other tensor by mul and
add, which have integer forms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt

from edge.ir import DType, Graph, Node, TensorType, Value
from edge.ir.ops import attributes
from edge.passes.rewrite import sole_reader, substitute, sweep
from edge.quantization.constants import WEIGHT_AXIS

_Doubles = npt.NDArray[np.float64]


def run(graph: Graph) -> Graph:
    return sweep(graph, _fold)


def _fold(graph: Graph, node: Node) -> Graph | None:
    if node.op != "batch_norm" or not all(map(graph.is_constant, node.inputs[1:])):
        return None
    gain, offset = _affine(graph, node)
    producer = graph.producers.get(node.inputs[0])
    if producer and _takes_affine(graph, producer):
        return _into_producer(graph, producer, node, gain, offset)
    if len(graph.type(node.inputs[0]).shape) == 4:
        return _as_depthwise(graph, node, gain, offset)
    return _as_mul_add(graph, node, gain, offset)


def _affine(graph: Graph, node: Node) -> tuple[_Doubles, _Doubles]:
    weight, bias, mean, variance = (_double(graph, name) for name in node.inputs[1:])
    gain = weight / np.sqrt(variance + cast(float, attributes(node)["epsilon"]))
    return gain, bias - mean * gain


def _double(graph: Graph, name: str) -> _Doubles:
    return graph.constant(name).astype(np.float64)


def _takes_affine(graph: Graph, producer: Node) -> bool:
    if producer.op not in WEIGHT_AXIS or attributes(producer)["activation"] != "none":
        return False
    constant = all(graph.is_constant(name) for name in producer.inputs[1:] if name)
    return constant and sole_reader(graph, producer.output) is not None


def _into_producer(
    graph: Graph, producer: Node, node: Node, gain: _Doubles, offset: _Doubles
) -> Graph:
    x, weight, bias = (*producer.inputs, "")[:3]
    axis, weights = WEIGHT_AXIS[producer.op], _double(graph, weight)
    along = [1] * weights.ndim
    along[axis] = -1
    values = [
        _constant(_own_name(graph, weight), weights * gain.reshape(along)),
        _constant(
            _own_name(graph, bias) if bias else graph.fresh(f"{producer.name}_bias"),
            (_double(graph, bias) * gain if bias else 0.0) + offset,
        ),
    ]
    folded = replace(producer, inputs=(x, values[0].name, values[1].name), outputs=node.outputs)
    return substitute(graph, {producer.name: [folded], node.name: []}, values)


def _own_name(graph: Graph, name: str) -> str:
    """The constant's name, or a new one if other nodes read it too."""
    return name if sole_reader(graph, name) else graph.fresh(f"{name}_folded")


def _as_depthwise(graph: Graph, node: Node, gain: _Doubles, offset: _Doubles) -> Graph:
    weight = _constant(graph.fresh(f"{node.name}_gain"), gain.reshape(1, 1, 1, -1))
    bias = _constant(graph.fresh(f"{node.name}_offset"), offset)
    inputs = (node.inputs[0], weight.name, bias.name)
    depthwise = replace(node, op="depthwise_conv2d", inputs=inputs, attrs={})
    return substitute(graph, {node.name: [depthwise]}, [weight, bias])


def _as_mul_add(graph: Graph, node: Node, gain: _Doubles, offset: _Doubles) -> Graph:
    weight = _constant(graph.fresh(f"{node.name}_gain"), gain)
    bias = _constant(graph.fresh(f"{node.name}_offset"), offset)
    scaled = Value(graph.fresh(f"{node.output}_scaled"), graph.type(node.output))
    mul = Node(scaled.name, "mul", (node.inputs[0], weight.name), (scaled.name,), where=node.where)
    add = replace(node, op="add", inputs=(scaled.name, bias.name), attrs={})
    return substitute(graph, {node.name: [mul, add]}, [weight, bias, scaled])


def _constant(name: str, data: _Doubles) -> Value:
    return Value(name, TensorType(data.shape, DType.FLOAT32), data.astype(np.float32))
