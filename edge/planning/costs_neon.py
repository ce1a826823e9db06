"""Costs of the kernels in runtime/kernels/neon, neondot and neoni8mm: what their routines repeat.

Coefficients: tests/bench/fit_costs.py on aarch64, aarch64-dotprod and aarch64-i8mm.
"""

from __future__ import annotations

import math

import numpy as np

from edge.ir import Graph, Node
from edge.planning.channel_groups import ChannelGroups
from edge.planning.costs import (
    Cost,
    Quantity,
    calls,
    channels,
    once,
    outputs,
    pixels,
    repeats_of_operand,
    rounded_twice,
    total,
)
from edge.planning.runs import Runs

_WIDE, _NARROW = 16, 4  # channels of a tile
_GROUP = 8  # elements at a time elsewhere
_GROUPS, _OVERLAPPING = ChannelGroups(_GROUP), ChannelGroups(_GROUP, overlap=True)


def _taps(graph: Graph, node: Node) -> int:
    return math.prod(graph.type(node.inputs[1]).shape[1:])


def _products(runs: Runs, step: int) -> tuple[Quantity, ...]:
    """Steps of tiles of 16 channels and of 4, with 4 pixels and with one, and what is made."""

    def steps(graph: Graph, node: Node) -> int:
        return -(-_taps(graph, node) // step)

    def tiles(graph: Graph, node: Node) -> tuple[int, int]:
        wide, rest = divmod(channels(graph, node), _WIDE)
        return wide, -(-rest // _NARROW)

    def wide_tiles(graph: Graph, node: Node) -> int:
        return runs.blocks(graph, node) * tiles(graph, node)[0]

    def narrow_tiles(graph: Graph, node: Node) -> int:
        return runs.blocks(graph, node) * tiles(graph, node)[1]

    def wide_tiles_alone(graph: Graph, node: Node) -> int:
        return runs.singles(graph, node) * tiles(graph, node)[0]

    def narrow_tiles_alone(graph: Graph, node: Node) -> int:
        return runs.singles(graph, node) * tiles(graph, node)[1]

    def wide_steps(graph: Graph, node: Node) -> int:
        return wide_tiles(graph, node) * steps(graph, node)

    def narrow_steps(graph: Graph, node: Node) -> int:
        return narrow_tiles(graph, node) * steps(graph, node)

    def wide_steps_alone(graph: Graph, node: Node) -> int:
        return wide_tiles_alone(graph, node) * steps(graph, node)

    def narrow_steps_alone(graph: Graph, node: Node) -> int:
        return narrow_tiles_alone(graph, node) * steps(graph, node)

    return (
        wide_steps, wide_tiles, narrow_steps, narrow_tiles, wide_steps_alone, wide_tiles_alone,
        narrow_steps_alone, narrow_tiles_alone, rounded_twice, runs.turns, runs.kernel_calls,
    )  # fmt: skip


def _gathered_rows(graph: Graph, node: Node) -> int:
    return pixels(graph, node) * graph.type(node.inputs[1]).shape[1]


def _padded_taps(graph: Graph, node: Node) -> int:
    """Window positions of the outputs at the sides, which are gathered one by one."""
    _, kernel_h, kernel_w, _ = graph.type(node.inputs[1]).shape
    return calls(graph, node) * kernel_h * kernel_w * (kernel_w - 1)


def transform_cost(step: int, *factors: float) -> Cost:
    """Of transform.c with a routine that adds `step` taps at a time; factors of `_products`."""
    return total(*zip(factors, _products(Runs(flat=True), step), strict=True))


def convolve_cost(step: int, *factors: float) -> Cost:
    """Of convolve.c: the same, and rows and taps at the sides of windows to gather."""
    gathered = (_gathered_rows, _padded_taps)
    quantities = (*_products(Runs(flat=False), step), *gathered)
    return total(*zip(factors, quantities, strict=True))


def _channel_vectors(graph: Graph, node: Node) -> int:
    return pixels(graph, node) * -(-channels(graph, node) // _WIDE)


def _tap_vectors(graph: Graph, node: Node) -> int:
    """Pairs of taps for 16 channels."""
    pairs = -(-math.prod(graph.type(node.inputs[1]).shape[1:3]) // 2)
    return _channel_vectors(graph, node) * pairs


def kept_pairs(graph: Graph, node: Node) -> int:
    """Pairs of taps that are not zero in all of 16 neighbouring channels, of all such groups."""
    weight = np.asarray(graph.constant(node.inputs[1])).reshape(-1, channels(graph, node))
    kept = (weight != 0).reshape(len(weight), -1, _WIDE).any(axis=2).sum(axis=0)
    return int((-(-kept // 2)).sum())


def _kept_vectors(graph: Graph, node: Node) -> int:
    return pixels(graph, node) * kept_pairs(graph, node)


def _taps_found(graph: Graph, node: Node) -> int:
    return pixels(graph, node) * math.prod(graph.type(node.inputs[1]).shape[1:3])


def _gathered(graph: Graph, node: Node) -> int:
    """Elements of an operand that repeats which are fetched one by one: where it starts anew."""
    size = min(graph.type(name).elements for name in node.inputs)
    if size < _GROUP:
        return outputs(graph, node)
    return _GROUP * repeats_of_operand(graph, node) if size % _GROUP else 0


CONVOLVE = convolve_cost(8, 119, 551, 39.5, 111, 42, 292, 9.44, 124, 0.655, 0, 51.8, 77.6, 26.3)
TRANSFORM = transform_cost(8, 124, 480, 15.5, 127, 36.9, 280, 8.77, 65.2, 0.357, 226, 0)
CONVOLVE_DOT = convolve_cost(4, 22, 110, 9.67, 89.1, 8.68, 73, 3.65, 113, 0.78, 0, 61.5, 77.4, 26)
TRANSFORM_DOT = transform_cost(4, 21.4, 94.7, 0, 131, 6.94, 60.1, 2.49, 71.4, 0.613, 135, 49.1)
CONVOLVE_MATRIX = convolve_cost(
    8, 30.4, 145, 30.2, 112, 23.1, 75.8, 14.6, 112, 0.87, 0, 53.5, 76.8, 25.2
)
TRANSFORM_MATRIX = transform_cost(8, 29.4, 127, 11.5, 164, 19.6, 57.9, 11.3, 85.9, 0.71, 126, 60.9)
DEPTHWISE = total((22.7, _tap_vectors), (0.85, rounded_twice), (9.2, _taps_found), (339, calls))
DEPTHWISE_SPARSE = total(
    (18, _kept_vectors), (33.2, _channel_vectors), (0.97, rounded_twice), (7.69, _taps_found),
    (617, calls),
)  # fmt: skip
ADD = total((3.37, outputs), (3.27, rounded_twice), (103, once))
MUL = total((5.77, outputs), (0.92, rounded_twice), (4.44, _gathered), (172, once))
LOOKUP = total((0.812, outputs), (51, once))
MEAN = total(
    (6, _GROUPS.input_groups), (48.3, _GROUPS.groups), (5.01, _GROUPS.inputs_alone),
    (34.6, _GROUPS.outputs_alone), (33, once),
)  # fmt: skip
AVERAGE = total(
    (8.59, _OVERLAPPING.window_groups), (86, _OVERLAPPING.groups),
    (9.3, _OVERLAPPING.positions_alone), (64.8, _OVERLAPPING.outputs_alone), (34.5, pixels),
    (7.37, calls),
)  # fmt: skip
MAXIMUM = total(
    (6.8, _OVERLAPPING.window_groups), (11, _OVERLAPPING.positions_alone),
    (33, _OVERLAPPING.outputs_alone), (87.4, pixels),
)  # fmt: skip
