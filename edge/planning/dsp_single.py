"""When runtime/kernels/dsp/depthwise_single_s8.c takes a layer, and what it costs."""

from __future__ import annotations

import numpy as np

from edge.ir import Graph, Node
from edge.planning.costs import Cost, per_mac, per_output
from edge.planning.kernels import has_weights, is_single_image, pair
from edge.quantization import constants
from edge.quantization.constants import Form

_LIMIT, _LARGEST_SHIFT = 2.0**23, 7
_POINTER_BYTES = 4

COST = Cost((*per_mac(2.5).terms, *per_output(20).terms))


def is_one_window(graph: Graph, node: Node) -> bool:
    """Whether the window of a depthwise convolution is the whole input."""
    if not (is_single_image(graph, node) and has_weights(graph, node)):
        return False
    x, weight = (graph.type(name).shape for name in node.inputs[:2])
    whole = weight[1:3] == x[1:3] and not any(pair(node, "padding"))
    plain = weight[3] == x[3] and x[3] % 4 == 0 and pair(node, "dilation") == (1, 1)
    return whole and plain and _is_exact(graph, node)


def _is_exact(graph: Graph, node: Node) -> bool:
    """The limits of sums and shifts, for sums that are rounded once."""
    weighted = constants.weighted(graph, node)
    weights = graph.constant(node.inputs[1]).astype(np.float64)
    reach = np.abs(weighted.bias) + 128.0 * np.abs(weights).sum(axis=(0, 1, 2))
    shift = weighted.requantize.shift
    fits = reach.max() < _LIMIT and 0 <= shift.min() <= shift.max() <= _LARGEST_SHIFT
    return weighted.requantize.form is Form.ONCE and bool(fits)


def pointers(graph: Graph, node: Node) -> int:
    """One for each tap, of an even number."""
    _, height, width, _ = graph.type(node.inputs[1]).shape
    return _POINTER_BYTES * (height * width + height * width % 2)
