"""Costs of the kernels in runtime/kernels/dsp: what their routines repeat.

Coefficients: tests/bench/fit_costs.py on Cortex-M7 (Cortex-M4 executes the same instructions).
"""

from __future__ import annotations

import math

from edge.ir import Graph, Node
from edge.planning.costs import (
    Cost,
    calls,
    channels,
    inputs,
    once,
    outputs,
    pixels,
    positions,
    repeats_of_operand,
    rounded_twice,
    total,
)
from edge.planning.dsp_windows import (
    PLANES_BYTES,
    fours,
    window_block,
    window_planes,
    window_stride,
)
from edge.planning.kernels import pair
from edge.planning.runs import Runs

_NARROW_FROM = 256  # NARROW_FROM of linear_s8.c


def is_narrow(in_c: int) -> bool:
    """Whether linear_s8.c reads the input itself, without widening it before."""
    return in_c > _NARROW_FROM and in_c % 4 == 0


def dots_cost(factors: tuple[float, ...], *, flat: bool, together: int = 4) -> Cost:
    """Dot products of `together` pixels at a time and the rest one by one.

    `factors` of: products and outputs made together, those made alone, outputs rounded twice,
    words of strips, strips, calls and, if not flat, rows of strips.
    """
    runs = Runs(flat, together)
    common = (
        runs.macs_together, runs.outputs_together, runs.macs_alone, runs.outputs_alone,
        rounded_twice, _strip_words, runs.turns, runs.kernel_calls,
    )  # fmt: skip
    quantities = common if flat else (*common, runs.turns_by_rows)
    return total(*zip(factors, quantities, strict=True))


def _strip_words(graph: Graph, node: Node) -> float:
    """Pairs of inputs that are widened."""
    return pixels(graph, node) * math.prod(graph.type(node.inputs[1]).shape[1:]) / 2


PAIR_ROWS = dots_cost((0.781, 5.14, 0.883, 18.9, 3.07, 1.55, 75.2, 257, 152), flat=False)
WIDE_ROWS = dots_cost((0.846, 3.85, 1.13, 17.4, 3.58, 1.41, 74.4, 256, 155), flat=False)
LEAN_ROWS = dots_cost((0, 0, 0.875, 19.5, 1.5, 3.23, 80.5, 416, 85.5), flat=False, together=1)
PAIR_PIXELS = dots_cost((0.759, 5.93, 0.915, 18, 2.94, 1.56, 138, 120), flat=True)
WIDE_PIXELS = dots_cost((0.823, 4.68, 1.17, 15.8, 3.43, 1.49, 138, 122), flat=True)


def _words(graph: Graph, node: Node) -> int:
    """Words of 4 inputs of all vectors."""
    return pixels(graph, node) * -(-graph.type(node.inputs[1]).shape[-1] // 4)


def _fours(graph: Graph, node: Node) -> int:
    """Groups of 4 output channels."""
    return -(-graph.type(node.output).shape[-1] // 4)


def _narrow_units(graph: Graph, node: Node) -> int:
    """Units of 4 inputs by 4 channels that read the input itself."""
    narrow = is_narrow(graph.type(node.inputs[1]).shape[-1])
    return _words(graph, node) * _fours(graph, node) if narrow else 0


def _wide_units(graph: Graph, node: Node) -> int:
    """Units of 4 inputs by 4 channels that read widened inputs."""
    return _words(graph, node) * _fours(graph, node) - _narrow_units(graph, node)


def _widened_words(graph: Graph, node: Node) -> int:
    return 0 if is_narrow(graph.type(node.inputs[1]).shape[-1]) else _words(graph, node)


def _requantized_fours(graph: Graph, node: Node) -> int:
    return pixels(graph, node) * _fours(graph, node)


LINEAR = total(
    (16.5, _narrow_units), (14.5, _wide_units), (3.74, _widened_words), (34.4, _requantized_fours),
    (117, pixels), (123, once),
)  # fmt: skip


def _row_channels(graph: Graph, node: Node) -> int:
    """Channels of all rows: each has weights to load."""
    return calls(graph, node) * graph.type(node.output).shape[-1]


def _row_columns(graph: Graph, node: Node) -> int:
    """Columns of three rows that are gathered for all rows of the output."""
    width = (graph.type(node.output).shape[2] - 1) * pair(node, "stride")[1] + 3
    return calls(graph, node) * width


def _column_channels(graph: Graph, node: Node) -> int:
    return _row_columns(graph, node) * fours(graph.type(node.output).shape[3])


DEPTHWISE_3X3 = total(
    (9.97, outputs), (3.7, rounded_twice), (6.96, _column_channels), (23.7, _row_columns),
    (19.4, _row_channels), (318, calls),
)  # fmt: skip


def window_cost(factors: tuple[float, ...], planes_bytes: int) -> Cost:
    """Taps of an output of two rows each, its scaling, and its part in the planes.

    `factors` of: taps, outputs, those rounded twice, columns of planes, planes and channels of
    blocks, blocks, calls.
    """

    def made(graph: Graph, node: Node) -> int:
        width, channels = graph.type(node.output).shape[2:]
        return calls(graph, node) * fours(width) * channels

    def taps(graph: Graph, node: Node) -> int:
        planes, _ = window_planes(graph, node)
        kernel_w = graph.type(node.inputs[1]).shape[2]
        return made(graph, node) * (planes // window_stride(graph, node) * kernel_w)

    def blocks(graph: Graph, node: Node) -> int:
        width = graph.type(node.output).shape[2]
        return calls(graph, node) * -(-width // window_block(graph, node, planes_bytes))

    def block_planes(graph: Graph, node: Node) -> int:
        planes, _ = window_planes(graph, node)
        return blocks(graph, node) * planes * graph.type(node.inputs[0]).shape[3]

    def plane_columns(graph: Graph, node: Node) -> int:
        planes, more = window_planes(graph, node)
        width = calls(graph, node) * graph.type(node.output).shape[2]
        channels = graph.type(node.inputs[0]).shape[3]
        return planes * channels * (width + blocks(graph, node) * more)

    def block_channels(graph: Graph, node: Node) -> int:
        return blocks(graph, node) * graph.type(node.output).shape[3]

    quantities = (
        taps, made, rounded_twice, plane_columns, block_planes, block_channels, blocks, calls
    )  # fmt: skip
    return total(*zip(factors, quantities, strict=True))


WINDOW = window_cost((1.9, 13.1, 4, 0.93, 34.9, 0, 380, 380), PLANES_BYTES)
LEAN_WINDOW = window_cost((1.37, 17.7, 4.85, 3.25, 19.7, 4.42, 131, 771), 0)

ADD = total((9.97, outputs), (5.06, rounded_twice), (121, once))
MUL = total((6.82, outputs), (2.54, rounded_twice), (44.8, repeats_of_operand), (205, once))
LOOKUP = total((3.5, outputs), (43.8, once))
AVERAGE = total((1.01, positions), (52.5, outputs), (479, calls))
MAXIMUM = total((1.36, positions), (14.2, outputs), (532, calls))
MEAN = total((1.36, inputs), (59.1, channels), (2.09, rounded_twice), (272, once))
