"""When runtime/kernels/dsp/linear_pairs_s8.c takes a layer, and what it costs."""

from __future__ import annotations

from edge.ir import Graph, Node
from edge.planning.costs import once, pixels, rounded_twice, total
from edge.planning.kernels import Kernel, has_weights
from edge.planning.weight_rows import weight_rows
from edge.quantization import constants
from edge.quantization.dsp_words import dsp_constants, pairs_fit
from edge.sparsity.column_pairs import (
    CHANNELS,
    CROSSED,
    EIGHT,
    FOUR,
    WINDOWS,
    Int8s,
    Window,
    kept_in_four,
)

_FULLEST = 3.4  # inputs of a block of 4; units of 4 x 4 weights take less flash where it has more
_STEP = 15.2
_WIDENED = {FOUR: 10, CROSSED: 27, EIGHT: 36}  # instructions a window


def _widening(rows: Int8s, window: Window) -> int:
    return window.count(rows.shape[1]) * _WIDENED[window]


def best_window(rows: Int8s) -> Window:
    """The windows with which int8[out_channels, inputs] take least; the first of equals."""
    return min(WINDOWS, key=lambda w: _STEP * w.steps(rows) + _widening(rows, w))


def _multiplies(graph: Graph, node: Node) -> bool:
    if not has_weights(graph, node):
        return False
    weighted, rows = constants.weighted(graph, node), weight_rows(graph, node)
    if any(size % CHANNELS for size in rows.shape) or kept_in_four(rows) > _FULLEST:
        return False
    return pairs_fit(rows) and dsp_constants(weighted, rows, fold=False) is not None


def _scratch(graph: Graph, node: Node) -> int:
    rows = weight_rows(graph, node)
    window = best_window(rows)
    return 4 * len(window.pairs) * window.count(rows.shape[1])


def _steps(graph: Graph, node: Node) -> int:
    """Steps of two pairs of inputs, of all vectors."""
    rows = weight_rows(graph, node)
    return pixels(graph, node) * best_window(rows).steps(rows)


def _widened(graph: Graph, node: Node) -> float:
    """Instructions that widen all vectors."""
    rows = weight_rows(graph, node)
    return pixels(graph, node) * _widening(rows, best_window(rows))


def _groups(graph: Graph, node: Node) -> int:
    """Groups of 4 channels of all vectors."""
    return pixels(graph, node) * (graph.type(node.output).shape[-1] // CHANNELS)


LINEAR_PAIRS = Kernel(
    "dsp/linear_pairs_s8", "linear", _multiplies,
    total(
        (_STEP, _steps), (1, _widened), (20.3, _groups), (3.2, rounded_twice), (45, pixels),
        (55, once),
    ),
    _scratch, flat=True, sources=("dsp/linear_pairs.S", "dsp/widen_pairs.S"), sparse=True,
)  # fmt: skip
