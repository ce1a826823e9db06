"""Integer layer normalization: its definition and its constants.

For a vector x of n stored values, whose zero point cancels:

    S = sum of x,  d[i] = n * x[i] - S            n times the distance to the mean, exact
    D = n * sum of x[i]^2 - S^2 + epsilon         n^2 times the variance, exact
    h[i] = d[i] / sqrt(D)                         half up, F fraction bits, |h| <= 2^15
    out[i] = clamp((h[i] * gain[i] + offset[i]) >> P)

epsilon is that of the operator in units of D. F = 15 - ceil(bits(n - 1) / 2), because no value is
more than sqrt(n - 1) deviations from the mean. gain int16 and offset int32 hold weight and bias in
output steps with P - F and P fraction bits; offset holds the zero point and one half as well. P is
the largest for which h * gain and offset stay below 2^30 each, at most 30.

1 / sqrt(D): D = m * 4^e with m in [2^28, 2^30), low bits dropped; with v = m / 2^30 in [1/4, 1),
y = 1 / sqrt(v) starts at 2.2 - 1.3 v, off by 10 % at most, and three steps of Newton's method,
y = y * (3 - v * y^2) / 2, leave an error below 2^-22. y has 28 fraction bits and every product is
rounded down. Then h[i] = (d[i] * y + 2^(r - 1)) >> r with r = 43 + e - F.

The scheme, integer sums, and a root by Newton's method without floating point, is that of I-BERT
(Kim et al. 2021, arXiv:2101.01321). There the mean is rounded and the root divides; here the sums
stay exact, and the reciprocal of the root needs no division. It is the same in every rounding of
the graph: .tflite files have no such operator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.quantization.fixed_point import Int64s
from edge.quantization.requantize import INT8_MAX, INT8_MIN, Doubles
from edge.quantization.stored import lowest_stored, per_tensor

MOST_CHANNELS = 2**15 - 1
ROOT_STEPS = 3
ROOT_START, ROOT_SLOPE = 590558003, 348966093  # 2.2 and 1.3 with 28 fraction bits

_MOST_FRACTION_BITS = 30
_LARGEST_EPSILON = 2.0**60
_GAIN_END = 2.0**15 - 1
_OFFSET_END = 2.0**30 - 1


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """Constants of layer_norm; `epsilon`, `fraction_bits` F and `shift` P as in the definition."""

    channels: int
    epsilon: int
    fraction_bits: int
    gain: npt.NDArray[np.int16]
    offset: npt.NDArray[np.int32]
    shift: int
    minimum: int = INT8_MIN
    maximum: int = INT8_MAX


def layer_norm(graph: Graph, node: Node) -> LayerNorm:
    """Constants of a layer_norm node, whose weight and bias are float32 constants.

    Raises EdgeError E0210 for unusable quantization, E0213 for more than 32767 channels, E0211 if
    weight or bias exceed the output scale beyond what int32 holds.
    """
    in_scale, _ = per_tensor(graph, node, node.inputs[0])
    out_scale, zero_point = per_tensor(graph, node, node.output)
    weight, bias = (graph.constant(n).astype(np.float64) / out_scale for n in node.inputs[1:3])
    n = weight.size
    if n > MOST_CHANNELS:
        raise fail("E0213", f"layer_norm: {n} channels exceed {MOST_CHANNELS}", node.where)
    fraction_bits = 15 - (((n - 1).bit_length() + 1) // 2)
    shift = _shift(node, weight, bias, fraction_bits)
    gain = np.floor(weight * 2.0 ** (shift - fraction_bits) + 0.5)
    offset = np.floor((bias + zero_point + 0.5) * 2.0**shift + 0.5)
    epsilon = cast(float, attributes(node)["epsilon"]) * (n / in_scale) ** 2
    whole = int(min(max(math.floor(epsilon + 0.5), 1), _LARGEST_EPSILON))
    return LayerNorm(
        n, whole, fraction_bits, gain.astype(np.int16), offset.astype(np.int32), shift,
        minimum=lowest_stored(graph, node.output),
    )  # fmt: skip


def _shift(node: Node, weight: Doubles, bias: Doubles, fraction_bits: int) -> int:
    """The largest P; weight and bias are in output steps."""
    gain = np.abs(weight).max()
    offset = np.abs(bias).max() + 129
    room = [math.floor(math.log2(_OFFSET_END / offset)), _MOST_FRACTION_BITS]
    if gain:
        room.append(math.floor(math.log2(_GAIN_END / gain)) + fraction_bits)
    if min(room) < 1:
        raise fail(
            "E0211",
            f"layer_norm: weight and bias reach {gain:.3g} and {offset - 129:.3g} output steps",
            node.where,
            notes=["the output scale is far too small for weight and bias"],
        )
    return min(room)


def normalized(x: Int64s, constants: LayerNorm) -> Int64s:
    """h of the definition, for int64[..., n] of stored values."""
    n = constants.channels
    total = x.sum(axis=-1, keepdims=True)
    squares = (x * x).sum(axis=-1, keepdims=True)
    root, exponent = reciprocal_root(n * squares - total * total + constants.epsilon)
    right = 43 + exponent - constants.fraction_bits
    scaled: Int64s = (n * x - total) * root + (np.int64(1) << (right - 1))
    return np.asarray(scaled >> right, np.int64)


def reciprocal_root(number: Int64s) -> tuple[Int64s, Int64s]:
    """(y, e) of the definition, for numbers from 1 to below 2**62."""
    exponent = np.zeros_like(number)
    while (large := number >= 1 << 30).any():
        number, exponent = np.where(large, number >> 2, number), exponent + large
    while (small := number < 1 << 28).any():
        number, exponent = np.where(small, number << 2, number), exponent - small
    y = ROOT_START - ((ROOT_SLOPE * number) >> 30)
    for _ in range(ROOT_STEPS):
        product = (number * ((y * y) >> 28)) >> 30
        y = (y * ((3 << 28) - product)) >> 29
    return y, exponent
