"""int8 pools and mean; padded positions take no part."""

from __future__ import annotations

import numpy as np

from edge.ir.types import Array
from edge.quantization.constants import AvgPool, Requantize, activation_range, avg_pool
from edge.quantization.constants import mean as mean_constants
from edge.quantization.fixed_point import Int64s, once
from edge.quantization.requantize import INT8_MIN, Form
from edge.reference.call import Call
from edge.reference.int8_dense import requantized
from edge.reference.windows import Window


def avg_pool2d(call: Call) -> Array:
    requantize = avg_pool(call.graph, call.node).requantize
    stored = unclamped_average(call)
    return np.clip(stored, requantize.minimum, requantize.maximum).astype(np.int8)


def unclamped_average(call: Call) -> Int64s:
    """What `avg_pool2d` clamps."""
    constants = avg_pool(call.graph, call.node)
    window = Window.of(call, call.ints("kernel"))
    x = call.input(0)
    sums = sum((tap for _, _, tap in window.taps(x.astype(np.int64), 0)), start=np.int64(0))
    inside = np.ones((1, *x.shape[1:3], 1), np.int64)
    counts = sum((tap for _, _, tap in window.taps(inside, 0)), start=np.int64(0))
    average = _divided if constants.requantize.form is Form.TWICE else _scaled
    return average(np.asarray(sums), np.asarray(counts), constants)


def _divided(sums: Int64s, counts: Int64s, constants: AvgPool) -> Int64s:
    """Quotient rounded half away from zero."""
    return np.asarray(np.sign(sums) * ((np.abs(sums) + counts // 2) // counts), np.int64)


def _scaled(sums: Int64s, counts: Int64s, constants: AvgPool) -> Int64s:
    requantize = constants.requantize
    entry = counts - 1 if len(requantize.multiplier) > 1 else np.zeros_like(counts)
    centered = sums - counts * constants.in_zero_point
    multiplier, shift = requantize.multiplier[entry], requantize.shift[entry]
    return once(centered, multiplier, shift) + requantize.zero_point


def max_pool2d(call: Call) -> Array:
    window = Window.of(call, call.ints("kernel"))
    taps = (tap for _, _, tap in window.taps(call.input(0), INT8_MIN))
    largest = next(taps)
    for tap in taps:
        largest = np.maximum(largest, tap)
    return np.asarray(np.clip(largest, *activation_range(call.graph, call.node)), np.int8)


def mean(call: Call) -> Array:
    return requantized(*total(call))


def total(call: Call) -> tuple[Int64s, Requantize]:
    """The accumulators of mean and how they are requantized."""
    constants = mean_constants(call.graph, call.node)
    sums = call.input(0).sum(call.ints("axes"), np.int64, keepdims=bool(call.attrs["keepdims"]))
    return np.asarray(sums) + constants.bias, constants.requantize
