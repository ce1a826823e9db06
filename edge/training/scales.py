"""The static factors of a training step: what a sum is worth, and how far an update goes.

With respect to stored integers, a layer's output changes by e[c] = s_x * s_w[c] / s_y for each
unit of its accumulator. Quantization-aware scaling (Lin et al., NeurIPS 2022, section 2.2) makes
steps on stored weights as large, relative to the weights, as they would be in floating point: the
gradient of a weight is divided by s_w[c]**2, that of a bias by (s_w[c] * s_x)**2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import Graph, Node
from edge.quantization.constants import WEIGHT_AXIS, per_tensor
from edge.quantization.requantize import Doubles, Form, Requantize

MANTISSA_BITS = 14
"""Multipliers are int16 in [2**14, 2**15), or 0."""

LOGIT_BITS = 19
"""Fraction bits of the exponentials of a softmax gradient: 4095 of them fit int32."""

PROBABILITY_BITS = 15

_DEGENERATE = 2.0**-10
"""Channels with a weight scale below this share of the layer's median are never trained."""

_LARGEST_TERM = 255 * 128  # |x - zero point| * |w|
_BIAS_BITS = 30


@dataclass(frozen=True, eq=False)
class Multipliers:
    """Factors mantissa * 2**-shift; mantissa int16[n], shift int8[n]."""

    mantissa: npt.NDArray[np.int16]
    shift: npt.NDArray[np.int8]


def output_factors(graph: Graph, node: Node) -> Doubles:
    """e[c] of a layer, one value a channel or one for all."""
    in_scale, _ = per_tensor(graph, node, node.inputs[0])
    out_scale, _ = per_tensor(graph, node, node.output)
    return in_scale * weight_scales(graph, node) / out_scale


def weight_scales(graph: Graph, node: Node) -> Doubles:
    quantization = graph.type(node.inputs[1]).quantization
    if quantization is None:
        raise fail("E0210", f"{node.op}: the weight is not quantized to int8", node.where)
    return np.array(quantization.scale, np.float64)


def trainable_channels(
    graph: Graph, node: Node, bias: npt.NDArray[np.int32], limit: int
) -> npt.NDArray[np.bool_]:
    """Channels with a usable scale and a bias inside of its limit; the others stay as they are.

    Networks quantized after training hold dead channels with scales near 0 and biases at the ends
    of int32: their multipliers would exceed everything else by many orders.
    """
    scales = np.broadcast_to(weight_scales(graph, node), bias.shape)
    return np.asarray((scales > _DEGENERATE * np.median(scales)) & (np.abs(bias) <= limit))


def bias_limit(graph: Graph, node: Node, requantize: Requantize) -> int:
    """The largest |bias|, a power of two less one, that keeps every accumulator inside int32.

    Whatever int8 weights training makes. Raises EdgeError E0213 if there is none.
    """
    weight = graph.type(node.inputs[1])
    terms = weight.elements // weight.shape[WEIGHT_AXIS[node.op]]
    left = 0
    if requantize.form is Form.TWICE:
        left = max(int(requantize.shift.max()), 0)
    room = (2**31 - 1) // 2**left - _LARGEST_TERM * terms
    if room < 1:
        raise fail("E0213", f"{node.op}: {terms} terms a sum are too many to train", node.where)
    return int(2 ** min(room.bit_length() - 1, _BIAS_BITS)) - 1


def weight_steps(scales: Doubles, learning_rate: float, unit: float) -> Doubles:
    """256 * lr * s_w**-2 * unit: how far, in 1/256 of a stored weight, a gradient of 1 goes."""
    with np.errstate(divide="ignore", over="ignore"):
        return 256.0 * learning_rate * unit / scales**2


def bias_steps(scales: Doubles, in_scale: float, learning_rate: float, unit: float) -> Doubles:
    """lr * (s_w * s_x)**-2 * unit, in stored units."""
    with np.errstate(divide="ignore", over="ignore"):
        return learning_rate * unit / (scales * in_scale) ** 2


def multipliers(factors: Doubles) -> Multipliers:
    """The nearest mantissas and shifts; factors too small or too large for a shift become 0."""
    finite = np.where(np.isfinite(factors), factors, 0.0)
    fraction, exponent = np.frexp(finite)
    mantissa = np.rint(fraction * 2.0 ** (MANTISSA_BITS + 1)).astype(np.int64)
    carry = np.abs(mantissa) == 1 << (MANTISSA_BITS + 1)
    mantissa, exponent = np.where(carry, mantissa >> 1, mantissa), exponent + carry
    shift = MANTISSA_BITS + 1 - exponent
    usable = (mantissa != 0) & (np.abs(shift) <= 120)
    return Multipliers(
        np.where(usable, mantissa, 0).astype(np.int16), np.where(usable, shift, 0).astype(np.int8)
    )


def normalized(factors: Doubles) -> tuple[npt.NDArray[np.int16], float]:
    """(m, unit) with factors ~ m * unit and the largest |m| equal to 2**14."""
    largest = float(np.max(np.abs(factors)))
    if not (largest > 0 and math.isfinite(largest)):
        return np.zeros(factors.shape, np.int16), 1.0
    unit = largest * 2.0**-MANTISSA_BITS
    return np.rint(factors / unit).astype(np.int16), unit
