"""Integer operators of a language model that is run token by token: definitions and constants.

The residual stream is int16 with one scale, everything else int8 with one scale each; the
arithmetic is the same in every rounding of the graph, as no .tflite file has these operators.
`>>` rounds down, `half(S)` is 2**(S - 1).

embedding: row t of a table int8[tokens, width] with one scale a row, t = last if the token is none:
    out[i] = clamp16((table[t][i] * multiplier[t] + half(S)) >> S)

residual: a int16, b int8:
    out[i] = clamp16(a[i] + ((b[i] * multiplier + half(S)) >> S))

rms_norm (Zhang and Sennrich 2019, arXiv:1910.07467): x int16[n],
    D = sum of x[i]^2 + epsilon           n times the operator's epsilon, in units of D
    h[i] = x[i] / sqrt(D)                 half up, 15 fraction bits, |h| <= 2^15
    out[i] = clamp8((h[i] * gain[i] + offset) >> P)
with the root of `edge.quantization.layer_norm`; gain is weight * sqrt(n) in output steps.

rotary (Su et al. 2021, arXiv:2104.09864): tables hold cos and sin in Q14. The angle of a position
is that of its multiple of the fine table's rows plus that of the rest:
    c = (c1 * c2 - s1 * s2 + half(14)) >> 14, s = (s1 * c2 + c1 * s2 + half(14)) >> 14
    out[2j] = clamp((x[2j] * c - x[2j + 1] * s + half(R)) >> R), and so on
R is 14 where keys stay int8, and 7 where queries become int16, with a finer scale.

ring_attention, for each head over the n rows that the rings hold, n = min(position + 1, window):
    score[t] = sum of q[i] * keys[t][i]
    e[t] = table[min((d * multiplier + half(31)) >> 31, 511)], d = the largest score - score[t]
    P = sum of e[t], r = bits(P) - 16, factor = scale * (2^31 // (P >> r)) with P in 16 bits
    out[i] = clamp8((sum of e[t] * values[t][i] * factor + half(S + r)) >> (S + r))
where scale < 2^15 and S are what a step of the values is in steps of the output;
table[j] = round(one * exp(-j / 32)), one = 2^15 - 1 or what keeps the sums below 2^31.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import DType, Graph, Node
from edge.ir.ops import attributes
from edge.quantization.requantize import Doubles
from edge.quantization.stored import INT32_END, per_tensor

NORM_BITS = 15
ROTARY_BITS = 14
EXP_STEPS, EXP_ENTRIES = 32, 512
MOST_HEAD = 256  # channels, for scores below 2**30
FINER = 128  # steps of turned queries in one of int8
_MOST_SHIFT = 16
_MOST_EXPONENT = 8  # of the ratio of values to means
_LARGEST_EPSILON = 2.0**60
_INT16_END = 2.0**15


@dataclass(frozen=True, eq=False)
class Embedding:
    """multiplier int32[tokens], or one for all; `shift` S."""

    multiplier: npt.NDArray[np.int32]
    shift: int


@dataclass(frozen=True)
class Residual:
    """`multiplier` of the int8 operand and `shift` S."""

    multiplier: int
    shift: int


@dataclass(frozen=True, eq=False)
class RmsNorm:
    """`epsilon` at least 1; gain int16[channels]; `offset` and `shift` P."""

    epsilon: int
    gain: npt.NDArray[np.int16]
    offset: int
    shift: int


@dataclass(frozen=True, eq=False)
class RingAttention:
    """`multiplier` of distances, `table` int16[512] of their exponentials; `scale`, `shift` S."""

    heads: int
    groups: int
    multiplier: int
    table: npt.NDArray[np.int16]
    scale: int
    shift: int


def stream_scale(graph: Graph, node: Node, name: str) -> float:
    """The scale of an int16 tensor. Raises EdgeError E0210 if it has no usable one."""
    tensor = graph.type(name)
    quantization = tensor.quantization
    if tensor.dtype is not DType.INT16 or quantization is None or quantization.scale[0] <= 0:
        raise fail("E0210", f"{node.op}: {name} is not an int16 tensor with a scale", node.where)
    return quantization.scale[0]


def centred_scale(graph: Graph, node: Node, name: str) -> float:
    """The scale of an int8 tensor whose zero point is 0. Raises EdgeError E0210 for others."""
    scale, zero_point = per_tensor(graph, node, name)
    if zero_point:
        raise fail("E0210", f"{node.op}: {name} has the zero point {zero_point}", node.where,
                   help=["quantize it symmetrically"])  # fmt: skip
    return scale


def embedding(graph: Graph, node: Node) -> Embedding:
    """Constants of an embedding node."""
    quantization = graph.type(node.inputs[2]).quantization
    if quantization is None or any(quantization.zero_point) or quantization.axis not in (None, 0):
        raise fail("E0210", f"embedding: {node.inputs[2]} has no scale a row", node.where)
    ratio = np.array(quantization.scale) / stream_scale(graph, node, node.output)
    multiplier, shift = _into_stream(node, ratio)
    return Embedding(multiplier, shift)


def residual(graph: Graph, node: Node) -> Residual:
    """Constants of a residual node, whose output has the scale of its first input."""
    scale = stream_scale(graph, node, node.output)
    if stream_scale(graph, node, node.inputs[0]) != scale:
        raise fail("E0210", f"residual: {node.output} and {node.inputs[0]} differ in their scales")
    ratio = np.array([centred_scale(graph, node, node.inputs[1]) / scale])
    multiplier, shift = _into_stream(node, ratio)
    return Residual(int(multiplier[0]), shift)


def _into_stream(node: Node, ratio: Doubles) -> tuple[npt.NDArray[np.int32], int]:
    """Multipliers of int8 values and the largest S for which products stay within int32."""
    room = (INT32_END / 256 - 1) / max(float(ratio.max()), 2.0**-_MOST_SHIFT)
    shift = min(math.floor(math.log2(room)), _MOST_SHIFT) if room >= 2 else 0
    if shift < 1:
        raise fail("E0211", f"{node.op}: {ratio.max():.3g} steps of the stream for one of int8",
                   node.where, notes=["the scale of the stream is far too small"])  # fmt: skip
    return np.floor(ratio * 2.0**shift + 0.5).astype(np.int32), shift


def rms_norm(graph: Graph, node: Node) -> RmsNorm:
    """Constants of an rms_norm node, whose weight is a float32 constant."""
    in_scale = stream_scale(graph, node, node.inputs[0])
    out_scale, zero_point = per_tensor(graph, node, node.output)
    weight = graph.constant(node.inputs[1]).astype(np.float64)
    wanted = weight * math.sqrt(weight.size) / out_scale
    largest = max(float(np.abs(wanted).max()), 2.0**-10)
    shift = NORM_BITS + math.floor(math.log2((_INT16_END - 1) / largest))
    shift = min(shift, 22)
    if shift < 1:
        raise fail("E0211", f"rms_norm: weights reach {largest:.3g} output steps", node.where)
    epsilon = cast(float, attributes(node)["epsilon"]) * weight.size / in_scale**2
    return RmsNorm(
        int(min(max(math.floor(epsilon + 0.5), 1), _LARGEST_EPSILON)),
        np.floor(wanted * 2.0 ** (shift - NORM_BITS) + 0.5).astype(np.int16),
        (2 * zero_point + 1) << (shift - 1),
        shift,
    )


def rotary_shift(graph: Graph, node: Node) -> int:
    """R of a rotary node. Raises EdgeError E0210 unless the scale of its output fits."""
    scale, made = centred_scale(graph, node, node.inputs[0]), graph.type(node.output)
    if made.dtype is DType.INT8 and centred_scale(graph, node, node.output) == scale:
        return ROTARY_BITS
    if made.dtype is DType.INT16 and stream_scale(graph, node, node.output) == scale / FINER:
        return ROTARY_BITS - int(math.log2(FINER))
    raise fail("E0210", f"rotary: {node.output} has another scale than its input", node.where)


def ring_attention(graph: Graph, node: Node) -> RingAttention:
    """Constants of a ring_attention node."""
    attrs = attributes(node)
    q = stream_scale(graph, node, node.inputs[0])
    keys, values = (centred_scale(graph, node, name) for name in node.inputs[1:3])
    out = centred_scale(graph, node, node.output)
    heads, groups = cast(int, attrs["heads"]), cast(int, attrs["groups"])
    window = graph.type(node.inputs[1]).shape[1]
    size = graph.type(node.inputs[0]).shape[-1] // heads
    steps = q * keys / math.sqrt(size) * EXP_STEPS
    fraction, exponent = math.frexp(values / out)
    if size > MOST_HEAD or steps >= 0.5 or exponent > _MOST_EXPONENT:
        raise fail(
            "E0211", f"ring_attention: heads of {size}, scores in steps of {steps / EXP_STEPS:.3g}",
            node.where, notes=[f"heads have {MOST_HEAD} channels at most"],
        )  # fmt: skip
    multiplier = math.floor(steps * 2.0**31 + 0.5)
    scale, shift = math.floor(fraction * (_INT16_END - 1)), 31 + 15 - exponent
    return RingAttention(heads, groups, multiplier, exp_table(window), scale, shift)


def exp_table(window: int) -> npt.NDArray[np.int16]:
    """Exponentials whose products with int8, summed over a window, stay below 2**31."""
    one = min(2**15 - 1, (2**31 - 1) // (128 * window))
    exponentials = np.exp(-np.arange(EXP_ENTRIES) / EXP_STEPS)
    return np.asarray(np.rint(one * exponentials), np.int16)


def rotary_tables(
    context: int, size: int, base: float = 10000.0, rows: int = 32
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Tables of a head of `size` for positions 0 to context - 1: fine, coarse."""
    angles = base ** (-np.arange(0, size, 2) / size)
    fine = _turns(np.arange(rows)[:, None] * angles)
    return fine, _turns(rows * np.arange(-(-context // rows))[:, None] * angles)


def _turns(angles: Doubles) -> npt.NDArray[np.int16]:
    both = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return np.asarray(np.rint(both * 2.0**ROTARY_BITS), np.int16)
