"""From a float graph and the quantization of its tensors to an int8 graph.

One rule per kind of operator builds the integer node and its constants. Where a tensor is needed
in another quantization than it was made in, a `requantize` node is inserted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from edge.errors import Diagnostic, EdgeError
from edge.ir import DType, Graph, Node, Quantization, State, TensorType, Value
from edge.ir.types import Array
from edge.quantization.affine import (
    dequantize,
    from_range,
    quantize_constant,
    quantize_wide_constant,
)
from edge.quantization.constants import WEIGHT_AXIS
from edge.quantization.integer_form import require_integer_form, require_quantization
from edge.quantization.recurrent import GATE_SCALE
from edge.quantization.sharing import (
    CELLS,
    RECURRENT,
    SIGNED_UNIT,
    activations,
    complete,
    shares_quantization,
    wide,
)
from edge.quantization.weights import (
    NO_BIAS,
    quantize_bias,
    quantize_weight,
    scale_empty_channels,
    weight_quantization,
)

NO_WEIGHTS: Mapping[str, Value] = {}


def lower(
    graph: Graph,
    annotations: Mapping[str, Quantization],
    weights: Mapping[str, Value] = NO_WEIGHTS,
) -> Graph:
    """The int8 graph of a float graph.

    `annotations` gives the per-tensor quantization of activations by value name; what follows from
    others (moves, softmax, sigmoid, tanh) may be left out. `weights` gives constants that are
    quantized already, by the name of the float constant; all others are quantized here. A float
    `requantize` node becomes an integer one.

    Raises EdgeError: E0204 operators without an integer form, E0205 tensors without quantization,
    E0203 constants with NaN, E0206 biases that exceed int32; all findings of a kind at once.
    """
    known = complete(graph, annotations)
    require_integer_form(graph, weights)
    require_quantization(graph, known)
    lowering = _Lowering(graph, known, weights)
    for node in graph.nodes:
        lowering.nodes.extend(_RULES.get(node.op, _elementwise)(lowering, node))
    if lowering.problems:
        raise EdgeError(*lowering.problems)
    graph = replace(graph, states=tuple(_state(lowering, state) for state in graph.states))
    activation_values = [
        Value(name, TensorType(graph.type(name).shape, lowering.dtype(name), known[name]))
        for name in activations(graph)
    ]
    lowered = graph.with_nodes(lowering.nodes, [*lowering.values.values(), *activation_values])
    return replace(lowered, values=_in_order(lowered))


def _in_order(graph: Graph) -> dict[str, Value]:
    """Values in the order of their first use, so that the text form reads well."""
    names = dict.fromkeys(graph.given)
    for node in graph.nodes:
        names.update(dict.fromkeys(name for name in (*node.inputs, *node.outputs) if name))
    return {name: graph.values[name] for name in (*names, *graph.kept)}


@dataclass
class _Lowering:
    """What the rules read, and the nodes, new values and problems they gather."""

    graph: Graph
    known: Mapping[str, Quantization]
    given: Mapping[str, Value]
    nodes: list[Node] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)

    @cached_property
    def _wide(self) -> set[str]:
        return wide(self.graph)

    def dtype(self, name: str) -> DType:
        """The element type of an activation."""
        return DType.INT16 if name in self._wide else DType.INT8

    def store(self, value: Value) -> str:
        """Keep a constant; shared float constants may be quantized differently for each user."""
        stem, count = value.name, 0
        while self._is_taken(value, stem):
            count += 1
            value = replace(value, name=f"{stem}_{count}")
        self.values[value.name] = value
        return value.name

    def _is_taken(self, value: Value, stem: str) -> bool:
        held = self.values.get(value.name)
        if held is None:
            return value.name != stem and value.name in self.graph.values
        return not _same(held, value)

    def requantized(self, name: str, target: Quantization, reader: str, where: str = "") -> str:
        """`name` itself, or a copy in the target quantization made now, for `reader`."""
        if self.known[name] == target:
            return name
        copy = self.graph.fresh(f"{name}_for_{reader}")
        if copy not in self.values:
            shape = self.graph.type(name).shape
            self.values[copy] = Value(copy, TensorType(shape, DType.INT8, target))
            self.nodes.append(Node(copy, "requantize", (name,), (copy,), where=where))
        return copy


def _same(a: Value, b: Value) -> bool:
    return a.type == b.type and np.array_equal(_data(a), _data(b))


def _data(value: Value) -> Array:
    return np.asarray(value.data)


_Rule = Callable[[_Lowering, Node], Iterator[Node]]


def _weighted(lowering: _Lowering, node: Node) -> Iterator[Node]:
    """Convolution and linear: int8 weights, int32 bias, both per output channel."""
    x, weight_name, bias_name = (*node.inputs, "")[:3]
    in_q, out_q = lowering.known[x], lowering.known[node.output]
    bias = _data(lowering.graph.values[bias_name]) if bias_name else NO_BIAS
    weight = lowering.given.get(weight_name)
    if weight is not None and bias_name not in lowering.given:
        weight = scale_empty_channels(weight, bias, in_q.scale[0], out_q.scale[0])
    if weight is None:
        data, axis = _data(lowering.graph.values[weight_name]), WEIGHT_AXIS[node.op]
        scales = weight_quantization(data, axis, bias, in_q.scale[0], out_q.scale[0])
        weight = quantize_weight(weight_name, data, scales)
    inputs = [x, lowering.store(replace(weight, name=weight_name))]
    if bias_name:
        inputs.append(_bias(lowering, node, bias_name, weight))
    yield replace(node, inputs=tuple(inputs))


def _bias(lowering: _Lowering, node: Node, name: str, weight: Value) -> str:
    given = lowering.given.get(name)
    if given is not None:
        return lowering.store(replace(given, name=name))
    data, in_q = _data(lowering.graph.values[name]), lowering.known[node.inputs[0]]
    try:
        return lowering.store(quantize_bias(name, data, in_q.scale[0], _scales(weight)))
    except OverflowError as error:
        place = node.where or f"node {node.name}"
        lowering.problems.append(Diagnostic("E0206", f"{node.op}: {error}", place))
        return name


def _scales(weight: Value) -> Quantization:
    if weight.type.quantization is None:
        raise ValueError(f"weight {weight.name} has no quantization")
    return weight.type.quantization


def _moved(lowering: _Lowering, node: Node) -> Iterator[Node]:
    """Moves are exact once all inputs are in the output's quantization."""
    target = lowering.known[node.output]
    inputs = (_in_quantization(lowering, name, target, node) for name in node.inputs)
    yield replace(node, inputs=tuple(inputs))


def _in_quantization(lowering: _Lowering, name: str, target: Quantization, node: Node) -> str:
    """An input of `node` in the target quantization."""
    if lowering.graph.is_constant(name):
        return _constant(lowering, name, target)
    return lowering.requantized(name, target, node.output, node.where)


def _state(lowering: _Lowering, state: State) -> State:
    """What a state becomes is in the quantization in which it is read."""
    target = lowering.known[state.read]
    initial = _stored(state.read, state.initial, target, lowering.dtype(state.read))
    written = lowering.requantized(state.written, target, state.read)
    return State(state.read, written, _data(initial))


def _elementwise(lowering: _Lowering, node: Node) -> Iterator[Node]:
    """Operators that rescale by themselves; constant operands get a range of their own."""
    if shares_quantization(lowering.graph, node):
        yield from _moved(lowering, node)
        return
    inputs = tuple(
        _constant(lowering, name) if name and lowering.graph.is_constant(name) else name
        for name in node.inputs
    )
    yield replace(node, inputs=inputs)


def _constant(lowering: _Lowering, name: str, target: Quantization | None = None) -> str:
    """The constant in the target quantization; without one in that given, or of its own range."""
    given, data = lowering.given.get(name), _data(lowering.graph.values[name])
    if given is not None:
        if target is None or given.type.quantization == target:
            return lowering.store(replace(given, name=name))
        data = dequantize(_data(given), _scales(given))
    own = lowering.known.get(name) or from_range(float(data.min()), float(data.max()))
    dtype = DType.INT16 if target == CELLS else DType.INT8
    return lowering.store(_stored(name, data, target or own, dtype))


def _stored(name: str, data: Array, quantization: Quantization, dtype: DType) -> Value:
    if dtype is DType.INT16:
        return quantize_wide_constant(name, data, quantization)
    return quantize_constant(name, data, quantization)


def _normalized(lowering: _Lowering, node: Node) -> Iterator[Node]:
    """Weight and bias stay real: the integer constants are made from them."""
    yield node


def _recurrent(lowering: _Lowering, node: Node) -> Iterator[Node]:
    """Both projections have int8 weights per row; the initial hidden values are as the others."""
    x, input_weight, hidden_weight, input_bias, hidden_bias, *initial = node.inputs
    projections = (
        (lowering.known[x].scale[0], input_weight, input_bias),
        (SIGNED_UNIT.scale[0], hidden_weight, hidden_bias),
    )
    (weight, bias), (inner, inner_bias) = (_projection(lowering, node, *p) for p in projections)
    inputs = [x, weight, inner, bias, inner_bias]
    for name, target in zip(initial, (SIGNED_UNIT, CELLS), strict=False):
        inputs.append(_in_quantization(lowering, name, target, node))
    yield replace(node, inputs=tuple(inputs))


def _projection(
    lowering: _Lowering, node: Node, in_scale: float, weight_name: str, bias_name: str
) -> tuple[str, str]:
    data, bias = (_data(lowering.graph.values[name]) for name in (weight_name, bias_name))
    scales = weight_quantization(data, 0, bias, in_scale, GATE_SCALE)
    weight = quantize_weight(weight_name, data, scales)
    name = lowering.store(replace(weight, name=weight_name))
    try:
        return name, lowering.store(quantize_bias(bias_name, bias, in_scale, scales))
    except OverflowError as error:
        place = node.where or f"node {node.name}"
        lowering.problems.append(Diagnostic("E0206", f"{node.op}: {error}", place))
        return name, bias_name


_RULES: Mapping[str, _Rule] = {
    **dict.fromkeys(WEIGHT_AXIS, _weighted),
    **dict.fromkeys(RECURRENT, _recurrent),
    "layer_norm": _normalized,
}
