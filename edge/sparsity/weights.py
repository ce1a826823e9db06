"""Weights of a graph as scores, and graphs with pruned weights. No torch here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edge.errors import fail
from edge.ir import Graph
from edge.ir.types import Array
from edge.sparsity.patterns import (
    KernelPattern,
    Mask,
    Pattern,
    Scores,
    check_sparsity,
    matrix_shape,
)


def as_matrix(weight: Array) -> Array:
    """[out, positions, inputs] of an OHWI or [out, in] weight."""
    return weight.reshape(weight.shape[0], -1, weight.shape[-1])


def _depthwise_matrix(weight: Array) -> Array:
    """[out, positions, 1] of a 1HWC weight."""
    return weight.reshape(-1, weight.shape[-1]).T[:, :, None]


_MATRIX: dict[str, Callable[[Array], Array]] = {
    "conv2d": as_matrix,
    "linear": as_matrix,
    "depthwise_conv2d": _depthwise_matrix,
}


def prunable_weights(graph: Graph) -> dict[str, str]:
    """The constant weights of a graph and the operator that reads each, in network order."""
    return {
        node.inputs[1]: node.op
        for node in graph.nodes
        if node.op in _MATRIX and graph.is_constant(node.inputs[1])
    }


def weight_scores(graph: Graph, name: str, squared: bool = False) -> Scores:
    """|w| or w^2 of a weight as [out, positions, inputs], float32.

    Quantized weights count by their real values.
    """
    value = graph.values[name]
    stored = _MATRIX[prunable_weights(graph)[name]](graph.constant(name)).astype(np.float32)
    quantization = value.type.quantization
    if quantization is not None:
        scale = np.asarray(quantization.scale, np.float32)
        stored = stored * scale.reshape(-1, 1, 1)
    return np.square(stored) if squared else np.abs(stored)


def masked(graph: Graph, name: str, mask: Mask) -> Graph:
    """The graph with a weight that is zero where the mask [out, positions, inputs] is False.

    Quantized weights are symmetric here, so that zero is stored as 0.
    """
    value, weight = graph.values[name], graph.constant(name)
    depthwise = prunable_weights(graph)[name] == "depthwise_conv2d"
    kept = (mask[:, :, 0].T if depthwise else mask).reshape(weight.shape)
    zeroed = np.where(kept, weight, np.zeros((), weight.dtype))
    return replace(graph, values={**graph.values, name: replace(value, data=zeroed)})


def prune_graph(graph: Graph, pattern: Pattern, sparsity: float) -> Graph:
    """The graph with the least weights of every layer that the pattern fits removed, by |w|.

    Depthwise convolutions take part in kernel patterns only. Raises EdgeError E0040 for a sparsity
    that is none, E0042 if the pattern fits no layer.
    """
    check_sparsity(sparsity)
    scores = {name: weight_scores(graph, name) for name in fitting_weights(graph, pattern)}
    for name, score in scores.items():
        graph = masked(graph, name, pattern.mask(score, sparsity))
    return graph


def fitting_weights(graph: Graph, pattern: Pattern) -> list[str]:
    """The weights that a pattern is for. Raises EdgeError E0042 with reasons if there are none."""
    weights = prunable_weights(graph)
    misfits = {
        name: pattern.misfit(matrix_shape(weight_scores(graph, name)))
        for name, op in weights.items()
        if op != "depthwise_conv2d" or isinstance(pattern, KernelPattern)
    }
    fitting = [name for name, reason in misfits.items() if reason is None]
    if not fitting:
        help = [f"{name}: {reason}" for name, reason in misfits.items()][:8]
        raise fail("E0042", f"pattern {pattern} fits no layer of {graph.name}", help=help)
    return fitting


def sparsity_of(graph: Graph, name: str) -> float:
    """The fraction of zeros in a constant."""
    return float((graph.constant(name) == 0).mean())
