"""Which linear layers linear_1x4.S multiplies exactly, dense and sparse."""

from __future__ import annotations

from edge.ir import Graph, Node
from edge.planning.weight_rows import weight_rows
from edge.quantization import constants
from edge.quantization.constants import Form
from edge.quantization.dsp_words import dsp_constants, pairs_fit


def linear_fits(graph: Graph, node: Node) -> bool:
    """One scale, or one a channel, rounded once and without shifts; constant weights."""
    weighted, rows = constants.weighted(graph, node), weight_rows(graph, node)
    found = dsp_constants(weighted, rows, fold=False)
    if found is None or not pairs_fit(rows):
        return False
    requantize = weighted.requantize
    unshifted = requantize.form is Form.ONCE and not found.f.any()
    return requantize.multiplier.size == 1 or unshifted
