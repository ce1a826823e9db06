"""The integer constants and tables of recurrent operators.

A projection multiplies a vector with int8 weights, one scale a row, and gives gate inputs in Q3.12:

    p[row] = clamp16(once(bias'[row] + sum over i of w[row][i] * x[i], multiplier[row], shift[row]))

with multiplier * 2**(shift - 31) = in_scale * weight_scale[row] * 2**12, rounded once whatever the
graph's rounding, and bias' = bias - in_zero_point * sum of the row's weights.

Functions of Q3.12 give Q0.15, from 257 points of tanh over [0, 8] and straight lines in between:

    tanh(p)    = sign(p) * (t[i] + (((t[i + 1] - t[i]) * f + 64) >> 7)), i = m >> 7, f = m & 127,
                 m = min(|p|, 32767), t[i] = min(round(2**15 * tanh(i / 32)), 32767)
    sigmoid(p) = (2**15 + 1 + tanh(p >> 1)) >> 1
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import Graph, Node
from edge.quantization.requantize import Doubles, fixed_multiplier
from edge.quantization.sharing import SIGNED_UNIT
from edge.quantization.stored import INT32_END, per_tensor

GATE_ONE = 2**12
"""1.0 of a gate's input."""

GATE_SCALE = 1 / GATE_ONE
_POINTS, _PER_UNIT, _ONE = 257, 32, 2**15


@dataclass(frozen=True, eq=False)
class Projection:
    """weights int8[rows, size]; bias int32, multiplier int32 and shift int8 [rows]."""

    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.int8]

    @property
    def bound(self) -> Doubles:
        """The largest magnitude of each row's sum."""
        return _bound(self.weights, self.bias)


@dataclass(frozen=True, eq=False)
class Recurrent:
    """The projections of the input and of the hidden values."""

    input: Projection
    hidden: Projection


def recurrent(graph: Graph, node: Node) -> Recurrent:
    """Constants of gru and lstm.

    Raises EdgeError E0213 if a sum, E0211 if a scaled one may exceed int32.
    """
    in_scale, in_zero_point = per_tensor(graph, node, node.inputs[0])
    return Recurrent(
        _projection(graph, node, (1, 3), in_scale, in_zero_point),
        _projection(graph, node, (2, 4), SIGNED_UNIT.scale[0], 0),
    )


def _projection(
    graph: Graph, node: Node, slots: tuple[int, int], in_scale: float, in_zero_point: int
) -> Projection:
    name, bias_name = (node.inputs[slot] for slot in slots)
    weights = graph.constant(name).astype(np.int8)
    quantization = graph.type(name).quantization
    if quantization is None or any(quantization.zero_point):
        raise fail("E0212", f"{node.op}: {name} is not quantized symmetrically", node.where)
    sums = weights.astype(np.int64).sum(axis=1)
    bias = graph.constant(bias_name).astype(np.int64) - in_zero_point * sums
    scale = in_scale * np.array(quantization.scale, np.float64) * GATE_ONE
    _check(node, _bound(weights, bias), scale)
    rows = np.broadcast_to(scale, len(weights))
    return Projection(weights, bias.astype(np.int32), *fixed_multiplier(rows))


def _bound(weights: npt.NDArray[np.int8], bias: npt.NDArray[np.signedinteger]) -> Doubles:
    reach = 128.0 * np.abs(weights.astype(np.float64)).sum(axis=1)
    return np.asarray(np.abs(bias.astype(np.float64)) + reach, np.float64)


def _check(node: Node, bound: Doubles, scale: Doubles) -> None:
    if np.any(bound >= INT32_END):
        raise fail("E0213", f"{node.op}: a sum can exceed int32", node.where)
    if np.any(bound * scale + 1 >= INT32_END):
        raise fail("E0211", f"{node.op}: a gate's input can exceed int32", node.where)


def tanh_table() -> npt.NDArray[np.int16]:
    """tanh over [0, 8] in Q0.15, 32 points a unit."""
    points = np.rint(_ONE * np.tanh(np.arange(_POINTS) / _PER_UNIT))
    return np.asarray(np.minimum(points, _ONE - 1), np.int16)
