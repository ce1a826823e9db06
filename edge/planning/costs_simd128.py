"""Costs of the kernels in runtime/kernels/simd128.

Coefficients are fuel of wasmtime, about one for each WebAssembly operator, found by
tests/bench/fit_costs.py on wasm32. Those of the dense products stay at a third of an operation for
a multiply-accumulate, by which the sparse kernels' costs are measured; relaxed ones take a quarter.
"""

from __future__ import annotations

from edge.ir import Graph, Node, macs
from edge.planning.channel_groups import ChannelGroups
from edge.planning.costs import calls, once, outputs, pixels, rounded_twice, total
from edge.planning.kernels import pair

_EIGHTS = ChannelGroups(8)
_SIXTEENS = ChannelGroups(16)
_OVERLAPPING = ChannelGroups(8, overlap=True)


def _borders(graph: Graph, node: Node) -> int:
    """Outputs at the sides of a depthwise convolution, whose windows are copied."""
    width, stride = graph.type(node.output).shape[2], pair(node, "stride")[1]
    left, right = pair(node, "padding")[2:]
    return calls(graph, node) * min(-(-left // stride) + -(-right // stride), width)


def _border_groups(graph: Graph, node: Node) -> int:
    return _borders(graph, node) * (_OVERLAPPING.groups(graph, node) // pixels(graph, node))


DOTS = total((1 / 3, macs), (5, outputs))
FOURS = total((1 / 4, macs), (5, outputs))
DEPTHWISE = total(
    (122, _OVERLAPPING.groups), (3.39, rounded_twice), (146, _border_groups), (1870, _borders)
)
ADD = total((9.37, outputs), (14.9, rounded_twice), (303, once))
AVERAGE = total(
    (11.1, _EIGHTS.window_groups), (18.8, _EIGHTS.positions_alone), (80.6, outputs), (399, pixels)
)
MAXIMUM = total(
    (6.78, _SIXTEENS.window_groups), (287, _SIXTEENS.groups), (18.1, _SIXTEENS.positions_alone),
    (193, _SIXTEENS.outputs_alone), (174, calls),
)  # fmt: skip
MEAN = total(
    (15.3, _EIGHTS.input_groups), (8.54, _EIGHTS.inputs_alone), (83.5, outputs),
    (24.6, rounded_twice), (121, once),
)  # fmt: skip
