"""When runtime/kernels/dsp/pointwise_conv2d_scattered_s8.c takes a layer, and what it costs."""

from __future__ import annotations

import numpy as np

from edge.ir import Graph, Node
from edge.planning.costs import Cost, channels, once, pixels, rounded_twice, total
from edge.planning.kernels import Kernel, has_weights, is_pointwise
from edge.planning.weight_rows import weight_rows
from edge.quantization import constants
from edge.quantization.constants import Form
from edge.quantization.dsp_words import DUO_LIMIT, dsp_constants

_PLACE = 16  # bytes of an input channel in a strip
_WEIGHT = {8: 9.25, 6: 7.25, 4: 6.25, 2: 5.25}  # instructions, by the pixels of a strip


def strips(count: int) -> list[int]:
    """The pixels, 8, 6, 4 or 2, that the strips of a run of pixels are made for."""
    made = []
    while count > 0:
        taken = 8 if count > 12 else 6 if count > 8 else count
        made.append(taken + taken % 2)
        count -= taken
    return made


def _multiplies(graph: Graph, node: Node) -> bool:
    if not has_weights(graph, node) or graph.type(node.inputs[1]).shape[-1] % 4:
        return False
    weighted = constants.weighted(graph, node)
    found = dsp_constants(weighted, weight_rows(graph, node), DUO_LIMIT)
    return found is not None and (weighted.requantize.form is Form.TWICE or not found.f.any())


def _pointwise(graph: Graph, node: Node) -> bool:
    return is_pointwise(graph, node) and _multiplies(graph, node)


def _scratch(graph: Graph, node: Node) -> int:
    return _PLACE * graph.type(node.inputs[1]).shape[-1]


def _products(graph: Graph, node: Node) -> float:
    """Instructions that load and multiply the weights."""
    weights = int(np.count_nonzero(graph.constant(node.inputs[1])))
    return weights * sum(_WEIGHT[made] for made in strips(pixels(graph, node)))


def _made(graph: Graph, node: Node) -> int:
    """Outputs, those that are made twice included."""
    return channels(graph, node) * sum(strips(pixels(graph, node)))


def _rows(graph: Graph, node: Node) -> int:
    """Channels of all strips."""
    return channels(graph, node) * len(strips(pixels(graph, node)))


def _widened(graph: Graph, node: Node) -> int:
    """Words of 4 inputs of two pixels each."""
    return graph.type(node.inputs[1]).shape[-1] // 4 * sum(strips(pixels(graph, node))) // 2


def _strips(graph: Graph, node: Node) -> int:
    return len(strips(pixels(graph, node)))


COST: Cost = total(
    (1, _products), (5.43, _made), (15.3, _rows), (3.36, rounded_twice), (19.7, _widened),
    (130, _strips), (16, once),
)  # fmt: skip

SCATTERED = tuple(
    Kernel(
        "dsp/pointwise_conv2d_scattered_s8", op, accepts, COST, _scratch, flat=True, buffered=True,
        sources=("dsp/scattered.S",), sparse=True,
    )
    for op, accepts in (("conv2d", _pointwise), ("linear", _multiplies))
)  # fmt: skip
