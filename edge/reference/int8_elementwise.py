"""int8 add, sub, mul, tables, softmax and changes of quantization."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization import constants
from edge.quantization.activation_tables import lookup_table
from edge.quantization.affine import dequantize as dequantize_constant
from edge.quantization.constants import Operand, Requantize
from edge.quantization.fixed_point import (
    Int64s,
    high_product,
    reciprocal_of_one_plus,
    rounding_shift,
    twice,
)
from edge.quantization.requantize import INT8_MAX, INT8_MIN, Form
from edge.quantization.softmax_table import OUTPUT_ZERO_POINT, SUM_SHIFT, softmax_table
from edge.reference.call import Call
from edge.reference.int8_dense import requantized


def add(call: Call) -> Array:
    """add and sub."""
    c = constants.add(call.graph, call.node)
    return np.asarray(np.clip(unclamped_sum(call), c.minimum, c.maximum), np.int8)


def unclamped_sum(call: Call) -> Int64s:
    """What `add` clamps."""
    c = constants.add(call.graph, call.node)
    operand = _operand_once if c.form is Form.ONCE else _operand_twice
    a, b = operand(call.input(0), c.a), operand(call.input(1), c.b)
    total = a - b if c.subtract else a + b
    if c.form is Form.ONCE:
        scaled = (total + (1 << (c.out_shift - 1))) >> c.out_shift
    else:
        scaled = twice(total, c.out_multiplier, c.out_shift)
    return scaled + c.zero_point


def _operand_once(x: Array, operand: Operand) -> Int64s:
    return (x.astype(np.int64) - operand.zero_point) * operand.multiplier


def _operand_twice(x: Array, operand: Operand) -> Int64s:
    centered = x.astype(np.int64) - operand.zero_point
    return twice(centered << 20, operand.multiplier, operand.shift)


def mul(call: Call) -> Array:
    return requantized(*product(call))


def product(call: Call) -> tuple[Int64s, Requantize]:
    """The accumulators of mul and how they are requantized."""
    c = constants.mul(call.graph, call.node)
    a, b = (call.input(i).astype(np.int64) for i in range(2))
    return (a - c.a_zero_point) * (b - c.b_zero_point), c.requantize


def requantize(call: Call) -> Array:
    return requantized(*rescaled(call))


def rescaled(call: Call) -> tuple[Int64s, Requantize]:
    """The accumulators of requantize and how they are requantized."""
    c = constants.rescale(call.graph, call.node)
    return call.input(0).astype(np.int64) - c.in_zero_point, c.requantize


def unary(call: Call) -> Array:
    return _looked_up(call.input(0), lookup_table(call.graph, call.node))


def lookup(call: Call) -> Array:
    return _looked_up(call.input(0), call.input(1))


def _looked_up(x: Array, table: Array) -> Array:
    return np.asarray(table[x.astype(np.int16) + 128])


def softmax(call: Call) -> Array:
    """Over the last axis; the formula is in `edge.quantization.softmax_table`."""
    table = softmax_table(call.graph, call.node).astype(np.int64)
    x = call.input(0).astype(np.int64)
    exponentials = table[x.max(axis=-1, keepdims=True) - x]
    total = rounding_shift(exponentials, SUM_SHIFT).sum(axis=-1, keepdims=True)
    leading_zeros = 32 - np.frexp(total)[1].astype(np.int64)
    reciprocal = reciprocal_of_one_plus((total << leading_zeros) - (1 << 31))
    shift = 35 - leading_zeros
    quotient = rounding_shift(high_product(reciprocal, exponentials), shift)
    stored = np.where(shift > 31, 0, quotient) + OUTPUT_ZERO_POINT
    return np.asarray(np.clip(stored, INT8_MIN, INT8_MAX), np.int8)


def quantize(call: Call) -> Array:
    """float32 to int8."""
    c = constants.affine(call.graph, call.node)
    ratio = call.input(0).astype(np.float32) / np.float32(c.scale)
    nearest = np.rint(ratio) if c.form is Form.ONCE else _half_away(ratio)
    stored = np.clip(nearest, -1e6, 1e6) + c.zero_point
    return np.asarray(np.clip(stored, INT8_MIN, INT8_MAX), np.int8)


def _half_away(value: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    whole = np.trunc(value)
    away = np.where(np.abs(value - whole) >= np.float32(0.5), np.sign(value), np.float32(0))
    return np.asarray(whole + away, np.float32)


def dequantize(call: Call) -> Array:
    """int8 to float32. Constants may have one scale a channel."""
    kind = call.graph.type(call.node.inputs[0])
    if kind.quantization and not kind.quantization.is_per_tensor:
        return dequantize_constant(call.input(0), kind.quantization)
    c = constants.affine(call.graph, call.node)
    centered = call.input(0).astype(np.float32) - np.float32(c.zero_point)
    return np.asarray(centered * np.float32(c.scale), np.float32)
