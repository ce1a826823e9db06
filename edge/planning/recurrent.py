"""What kernels of recurrent operators share: acceptance and scratch."""

from __future__ import annotations

from edge.ir import DType, Graph, Node
from edge.planning.dsp_windows import fours
from edge.planning.kernels import has_types
from edge.quantization.recurrent import recurrent

_CONSTANTS = ((1, DType.INT8), (2, DType.INT8), (3, DType.INT32), (4, DType.INT32))


def recurs(graph: Graph, node: Node) -> bool:
    """Whether weights are constant int8, biases int32, and one sequence is made of one."""
    constants = all(
        graph.is_constant(node.inputs[slot]) and graph.type(node.inputs[slot]).dtype is dtype
        for slot, dtype in _CONSTANTS
    )
    made = DType.INT16 if node.op == "lstm" else DType.INT8
    single = graph.type(node.output).shape[0] == 1
    return single and constants and has_types(graph, node, DType.INT8, made)


def takes_hidden(graph: Graph, node: Node) -> bool:
    """Whether hidden values become int8."""
    return has_types(graph, node, DType.INT16, DType.INT8)


def gates_bytes(graph: Graph, node: Node) -> int:
    """The gate inputs of both projections, int16; an lstm keeps its values there too."""
    units = graph.type(node.inputs[2]).shape[1]
    kept = fours(units) + fours(2 * units) if node.op == "lstm" else 0
    return 2 * 2 * graph.type(node.inputs[3]).elements + kept


def recurs_in_floats(graph: Graph, node: Node) -> bool:
    """Whether weights and biases are constant float32, and one sequence is made of one."""
    constants = all(
        graph.is_constant(name) and graph.type(name).dtype is DType.FLOAT32
        for name in node.inputs[1:5]
    )
    single = graph.type(node.output).shape[0] == 1
    return single and constants and has_types(graph, node, DType.FLOAT32, DType.FLOAT32)


def float_gates_bytes(graph: Graph, node: Node) -> int:
    """The gate inputs of both projections, float32."""
    return 4 * 2 * graph.type(node.inputs[3]).elements


DSP_GATES = ("dsp/gate_inputs.c", "dsp/project_1x4.S", "dsp/widen_1.S")
_LEAST_SIZE, _LARGEST_SHIFT = 4, 7  # of edge/dsp_recurrent.h
_DSP_LIMIT = 2**23


def recurs_with_dsp(graph: Graph, node: Node) -> bool:
    """Whether both projections keep to the limits of edge/dsp_recurrent.h."""
    if not recurs(graph, node):
        return False
    constants = recurrent(graph, node)
    return all(
        projection.bound.max() < _DSP_LIMIT
        and 0 <= projection.shift.min() <= projection.shift.max() <= _LARGEST_SHIFT
        and projection.weights.shape[1] >= _LEAST_SIZE
        for projection in (constants.input, constants.hidden)
    )


def dsp_scratch(graph: Graph, node: Node) -> int:
    """The gate inputs, and the longer vector widened."""
    longest = max(graph.type(node.inputs[slot]).shape[1] for slot in (1, 2))
    return gates_bytes(graph, node) + 8 * -(-longest // 4) + 4
