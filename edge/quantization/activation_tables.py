"""Tables of unary int8 operators: table[x + 128] is the stored output for the stored input x.

`single`: the exact function in double, divided by the output scale, rounded half to even.
`tflite` and `tflm`: what LiteRT's reference kernel computes, which depends on the function: a
table in float32, integer requantization, or 16-bit fixed point. Functions that LiteRT has no int8
kernel for (silu, hard_sigmoid, square) are exact in every mode.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import Graph, Node, Rounding
from edge.ir.ops import attributes
from edge.quantization.constants import per_tensor, quantized_bounds
from edge.quantization.fixed_point import Int64s, inverse_sqrt, rounding_shift, twice
from edge.quantization.functions import FUNCTIONS, GELU_CUBIC, SQRT_2_OVER_PI, erfc
from edge.quantization.requantize import INT8_MAX, INT8_MIN, normalized_multiplier
from edge.quantization.stored import lowest_stored

Table = npt.NDArray[np.int8]

_INT16_MIN, _INT16_MAX = -(2**15), 2**15 - 1


@dataclass(frozen=True)
class _Unary:
    """What a table depends on."""

    function: str
    alpha: float
    in_scale: float
    in_zero_point: int
    out_scale: float
    out_zero_point: int
    where: str

    @property
    def centered(self) -> Int64s:
        """The 256 stored inputs without their zero point."""
        return np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64) - self.in_zero_point

    def stored(self, scaled: npt.NDArray[Any]) -> Table:
        """Add the zero point to values in units of the output scale, and clamp."""
        return np.asarray(np.clip(scaled + self.out_zero_point, INT8_MIN, INT8_MAX), np.int8)


def lookup_table(graph: Graph, node: Node) -> Table:
    """int8[256] of a `unary` node with int8 input and output, in the graph's arithmetic."""
    attrs = attributes(node)
    unary = _Unary(
        str(attrs["function"]),
        cast(float, attrs["alpha"]),
        *per_tensor(graph, node, node.inputs[0]),
        *per_tensor(graph, node, node.output),
        node.where,
    )
    litert = graph.rounding is not Rounding.SINGLE
    table = (_LITERT.get(unary.function, _exact) if litert else _exact)(unary)
    return np.maximum(table, np.int8(lowest_stored(graph, node.output)))


def _exact(unary: _Unary) -> Table:
    x = unary.centered * unary.in_scale
    with np.errstate(all="ignore"):
        real = FUNCTIONS[unary.function](x, unary.alpha) / unary.out_scale
    # Outside of its domain a function has no value; roots of negative numbers become 0.
    real = np.nan_to_num(real, nan=0.0, posinf=1e9, neginf=-1e9)
    return unary.stored(np.rint(np.clip(real, -1e9, 1e9)))


def _float32_table(unary: _Unary) -> Table:
    """LiteRT multiplies by the inverse of the output scale, in float32."""
    x = (np.float32(unary.in_scale) * unary.centered.astype(np.float32)).astype(np.float32)
    with np.errstate(all="ignore"):
        real = _FLOAT32_FUNCTIONS[unary.function](x)
        if unary.function == "log":
            lowest = np.float32(INT8_MIN - unary.out_zero_point) * np.float32(unary.out_scale)
            real = np.where(x <= 0, lowest, real)
        scaled = real * (np.float32(1) / np.float32(unary.out_scale))
    return unary.stored(_half_away(np.clip(scaled, -1e9, 1e9)))


Floats = npt.NDArray[np.float32]


def _libm(function: str) -> Callable[[Floats], Floats]:
    """A function of the C library in float32: nearly always the double result, rounded."""
    return lambda x: FUNCTIONS[function](x.astype(np.float64), 0.0).astype(np.float32)


def _sigmoid(x: Floats) -> Floats:
    one = np.float32(1)
    return np.asarray(one / (one + _libm("exp")(-x)), np.float32)


def _gelu(x: Floats) -> Floats:
    tail: Floats = erfc((x * np.float32(-math.sqrt(0.5))).astype(np.float64)).astype(np.float32)
    return np.asarray(np.float32(0.5) * x * tail, np.float32)


def _gelu_tanh(x: Floats) -> Floats:
    cubic = x + np.float32(GELU_CUBIC) * x * x * x
    gate = np.float32(1) + _libm("tanh")(np.float32(SQRT_2_OVER_PI) * cubic)
    return np.asarray(np.float32(0.5) * x * gate, np.float32)


_FLOAT32_FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "sigmoid": _sigmoid,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    **{name: _libm(name) for name in ("tanh", "elu", "exp", "log")},
}


def _half_away(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    whole = np.trunc(value)
    return np.asarray(whole + np.where(np.abs(value - whole) >= 0.5, np.sign(value), 0))


def _rescaled(value: Int64s, scale: float) -> Int64s:
    multiplier, shift = normalized_multiplier(np.array([scale]))
    return twice(value, multiplier, shift)


def _ratio(unary: _Unary) -> float:
    return float(np.float32(unary.in_scale) / np.float32(unary.out_scale))


def _relu(unary: _Unary) -> Table:
    low, high = quantized_bounds(unary.function, unary.out_scale, unary.out_zero_point)
    scaled = _rescaled(unary.centered, _ratio(unary)) + unary.out_zero_point
    return np.clip(scaled, low, high).astype(np.int8)


def _leaky_relu(unary: _Unary) -> Table:
    slope = np.float32(unary.in_scale) * np.float32(unary.alpha) / np.float32(unary.out_scale)
    negative = _rescaled(unary.centered, abs(float(slope)))
    positive = _rescaled(unary.centered, _ratio(unary))
    sign = -1 if slope < 0 else 1
    return unary.stored(np.where(unary.centered >= 0, positive, sign * negative))


def _abs(unary: _Unary) -> Table:
    magnitude = np.abs(unary.centered)
    same = unary.in_scale == unary.out_scale
    return unary.stored(magnitude if same else _rescaled(magnitude, _ratio(unary)))


def _negate(unary: _Unary) -> Table:
    """LiteRT negates the stored integer, which is right only without zero points."""
    quantization = unary.in_scale, unary.in_zero_point
    if quantization != (unary.out_scale, unary.out_zero_point) or unary.in_zero_point:
        raise fail(
            "E0214", "negate: input and output need one scale and no zero point", unary.where
        )
    return (-unary.centered).astype(np.int8)


def _sqrt(unary: _Unary) -> Table:
    x = np.float32(unary.in_scale) * np.maximum(unary.centered, 0).astype(np.float32)
    scaled = np.sqrt(x) / np.float32(unary.out_scale)
    return unary.stored(np.trunc(np.clip(scaled, 0, 1e9)))


def _rsqrt(unary: _Unary) -> Table:
    """A 20-bit inverse root of the stored integer, requantized; 127 where it is not positive."""
    scale = 1 / (np.sqrt(np.float32(unary.in_scale)) * np.float32(unary.out_scale))
    multiplier, shift = normalized_multiplier(np.array([float(scale)]))
    roots = np.zeros(256, np.int64)
    for i, value in enumerate(unary.centered):
        root, root_shift = inverse_sqrt(max(int(value), 1))
        roots[i] = twice(np.array(1), root, root_shift + 20)
    table = unary.stored(twice(roots, multiplier, shift - 20))
    return np.where(unary.centered > 0, table, INT8_MAX).astype(np.int8)


def _hard_swish(unary: _Unary) -> Table:
    """16-bit fixed point: x scaled to the output times x + 3 over 6 as a saturated fraction."""
    fine_scale = np.float32(1 / 128) * np.float32(unary.in_scale)
    out_multiplier, out_exponent = _int16_multiplier(fine_scale / np.float32(unary.out_scale))
    if out_exponent > 0:
        raise fail("E0211", "hard_swish: the output scale is too small", unary.where)
    gate_multiplier, gate_exponent = _int16_multiplier(fine_scale / np.float32(3 / 32768))
    fine = unary.centered << 7
    scaled = _high_product16(fine, out_multiplier)
    gate = _saturating16(fine, max(gate_exponent - 1, 0))
    gate = _high_product16(gate, gate_multiplier)
    gate = _saturating16(gate, 1) if gate_exponent > 0 else rounding_shift(gate, -gate_exponent)
    gate = (gate + (1 << 15)) >> 1
    product = gate * scaled
    truncated = np.sign(product) * (np.abs(product) >> 15)
    return unary.stored(rounding_shift(truncated, -out_exponent))


def _int16_multiplier(scale: np.floating[Any]) -> tuple[int, int]:
    multiplier, shift = normalized_multiplier(np.array([float(scale)]))
    return min((int(multiplier[0]) + (1 << 15)) >> 16, _INT16_MAX), int(shift[0])


def _high_product16(a: Int64s, b: int) -> Int64s:
    return (a * b + (1 << 14)) >> 15


def _saturating16(value: Int64s, left: int) -> Int64s:
    return np.asarray(np.clip(value << left, _INT16_MIN, _INT16_MAX), np.int64)


_LITERT: dict[str, Callable[[_Unary], Table]] = {
    "relu": _relu,
    "relu6": _relu,
    "relu_n1_to_1": _relu,
    "leaky_relu": _leaky_relu,
    "sigmoid": _float32_table,
    "tanh": _float32_table,
    "elu": _float32_table,
    "exp": _float32_table,
    "log": _float32_table,
    "gelu": _float32_table,
    "gelu_tanh": _float32_table,
    "hard_swish": _hard_swish,
    "abs": _abs,
    "negate": _negate,
    "sqrt": _sqrt,
    "rsqrt": _rsqrt,
}
