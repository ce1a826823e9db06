"""A text form of graphs that prints and parses: `parse(to_text(g))` is `g`.

    graph tiny single (x) -> (y)
    x : int8[1,4,4,1] q(0.5;-3)
    z : int8[1,4,4,1] q(0.5;3;seven_bits)
    w : int8[2,3,3,1] q(0.1,0.2;0,0;axis=0) = "base64 of the little-endian bytes"
    y : int8[1,2,2,2] q(0.4;1)
    state h <- h_next = "base64 of the initial value"
    conv conv2d(x, w, -) -> y stride=(1,1) activation="relu" @ "op 0"

Scales are printed so that they read back as the same double.
"""

from __future__ import annotations

import ast
import base64
import re

import numpy as np

from edge.ir.graph import Attr, Graph, Node, State, Value
from edge.ir.types import Array, DType, Quantization, Rounding, TensorType


def to_text(graph: Graph) -> str:
    """Print a graph: header, one line a value, one line a node."""
    inputs, outputs = ", ".join(graph.inputs), ", ".join(graph.outputs)
    lines = [f"graph {graph.name} {graph.rounding} ({inputs}) -> ({outputs})"]
    lines += [_value_text(value) for value in graph.values.values()]
    lines += [_state_text(state) for state in graph.states]
    lines += [_node_text(node) for node in graph.nodes]
    return "\n".join(lines) + "\n"


def _value_text(value: Value) -> str:
    tensor = value.type
    text = f"{value.name} : {tensor.dtype}[{','.join(map(str, tensor.shape))}]"
    if tensor.quantization:
        q = tensor.quantization
        axis = "" if q.axis is None else f";axis={q.axis}"
        bits = ";seven_bits" if q.seven_bits else ""
        text += f" q({','.join(map(repr, q.scale))};{','.join(map(str, q.zero_point))}{axis}{bits})"
    if value.data is not None:
        text += f" = {_data_text(value.data)}"
    return text


def _state_text(state: State) -> str:
    return f"state {state.read} <- {state.written} = {_data_text(state.initial)}"


def _data_text(data: Array) -> str:
    return f'"{base64.b64encode(np.ascontiguousarray(data).tobytes()).decode()}"'


def _attr_text(value: Attr) -> str:
    if isinstance(value, tuple):
        return f"({','.join(map(str, value))})"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _node_text(node: Node) -> str:
    inputs = ", ".join(name or "-" for name in node.inputs)
    text = f"{node.name} {node.op}({inputs}) -> {', '.join(node.outputs)}"
    text += "".join(f" {name}={_attr_text(value)}" for name, value in node.attrs.items())
    return text + (f" @ {node.where!r}" if node.where else "")


_HEADER = re.compile(r"graph (\S+) (\w+) \((.*)\) -> \((.*)\)$")
_VALUE = re.compile(r'(\S+) : (\w+)\[([\d,]*)\](?: q\((.*?)\))?(?: = "(.*)")?$')
_NODE = re.compile(r"(\S+) (\w+)\((.*?)\) -> (\S+(?:, \S+)*?)((?: \w+=\S+)*)(?: @ (.*))?$")
_STATE = re.compile(r'state (\S+) <- (\S+) = "(.*)"$')
_ATTR = re.compile(r" (\w+)=(\S+)")


def parse(text: str) -> Graph:
    """Read a graph printed by `to_text`. Raises ValueError naming the line that does not parse."""
    header, *lines = [line for line in text.splitlines() if line.strip()]
    if not (match := _HEADER.match(header)):
        raise ValueError(f"not a graph header: {header!r}")
    name, rounding, inputs, outputs = match.groups()
    values: dict[str, Value] = {}
    nodes: list[Node] = []
    states: list[State] = []
    for line in lines:
        if match := _VALUE.match(line):
            value = _parse_value(*match.groups())
            values[value.name] = value
        elif match := _STATE.match(line):
            read, written, data = match.groups()
            states.append(State(read, written, _parse_data(data, values[read].type)))
        elif match := _NODE.match(line):
            nodes.append(_parse_node(*match.groups()))
        else:
            raise ValueError(f"neither a value nor a node: {line!r}")
    return Graph(
        name, _names(inputs), _names(outputs), tuple(nodes), values, Rounding(rounding),
        tuple(states),
    )  # fmt: skip


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(", ") if name)


def _parse_value(
    name: str, dtype: str, shape: str, quantization: str | None, data: str | None
) -> Value:
    tensor = TensorType(
        tuple(int(n) for n in shape.split(",") if n),
        DType(dtype),
        None if quantization is None else _parse_quantization(quantization),
    )
    if data is None:
        return Value(name, tensor)
    return Value(name, tensor, _parse_data(data, tensor))


def _parse_data(data: str, tensor: TensorType) -> Array:
    return np.frombuffer(base64.b64decode(data), tensor.dtype.numpy).reshape(tensor.shape)


def _parse_quantization(text: str) -> Quantization:
    scale, zero_point, *more = text.split(";")
    axes = [int(part.removeprefix("axis=")) for part in more if part.startswith("axis=")]
    return Quantization(
        tuple(map(float, scale.split(","))),
        tuple(map(int, zero_point.split(","))),
        axes[0] if axes else None,
        "seven_bits" in more,
    )


def _parse_node(
    name: str, op: str, inputs: str, outputs: str, attrs: str, where: str | None
) -> Node:
    read = tuple("" if n == "-" else n for n in _names(inputs))
    attributes = {key: _parse_attr(value) for key, value in _ATTR.findall(attrs)}
    return Node(
        name, op, read, _names(outputs), attributes, ast.literal_eval(where) if where else ""
    )


def _parse_attr(text: str) -> Attr:
    if text.startswith("("):
        return tuple(int(n) for n in text[1:-1].split(",") if n)
    if text.startswith('"'):
        return text[1:-1]
    if text in ("True", "False"):
        return text == "True"
    return int(text) if text.lstrip("-").isdigit() else float(text)
