"""int8 convolution, depthwise convolution and linear layers.

    out = requantized bias'[c] + sum over the window of x * w[c], padded positions hold the input's
    zero point, which the bias accounts for

Sums are exact: the export check bounds every partial sum, so a float32 (below 2**24) or float64
(below 2**53) matrix product returns the integer whatever order it adds in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization.constants import Requantize, weighted
from edge.quantization.fixed_point import Int64s, once, twice
from edge.quantization.requantize import Form
from edge.reference.call import Call
from edge.reference.windows import Spread, Window

Int8s = npt.NDArray[np.int8]

_FLOAT32_EXACT = 2**24


def requantized(accumulator: Int64s, requantize: Requantize) -> Int8s:
    """int8 of accumulators whose last axis is the channel."""
    stored = unclamped(accumulator, requantize)
    return np.asarray(np.clip(stored, requantize.minimum, requantize.maximum), np.int8)


def unclamped(accumulator: Int64s, requantize: Requantize) -> Int64s:
    """What `requantized` clamps; training asks which values lie outside."""
    scaled = _ARITHMETIC[requantize.form](accumulator, requantize.multiplier, requantize.shift)
    return scaled + requantize.zero_point


_ARITHMETIC = {Form.ONCE: once, Form.TWICE: twice}


def conv2d(call: Call) -> Array:
    constants = weighted(call.graph, call.node)
    weight, groups = call.input(1), int(call.number("groups"))
    window = Window.of(call, weight.shape[1:3])
    patches = window.patches(call.input(0), constants.in_zero_point)
    in_c, out_c = weight.shape[3], weight.shape[0] // groups
    sums = [
        exact_product(patches[..., g * in_c : (g + 1) * in_c], weight[g * out_c : (g + 1) * out_c])
        for g in range(groups)
    ]
    accumulator = sums[0] if groups == 1 else np.concatenate(sums, axis=-1)
    return requantized(accumulator + constants.bias, constants.requantize)


def exact_product(patches: Array, weight: Array) -> Int64s:
    """[..., out_c] sums over the trailing axes of `patches` times weight [out_c, ...]."""
    rows = weight.reshape(weight.shape[0], -1)
    leading = patches.shape[: patches.ndim - weight.ndim + 1]
    bound = 128 * int(np.abs(rows.astype(np.int64)).sum(axis=1).max())
    dtype: npt.DTypeLike = np.float32 if bound < _FLOAT32_EXACT else np.float64
    left = patches.astype(dtype).reshape(-1, rows.shape[1])
    product: npt.NDArray[Any] = left @ rows.astype(dtype).T
    return product.astype(np.int64).reshape(*leading, rows.shape[0])


def depthwise_conv2d(call: Call) -> Array:
    constants = weighted(call.graph, call.node)
    x, weight = call.input(0), call.input(1)
    channels = x.shape[3]
    window = Window.of(call, weight.shape[1:3])
    filters = weight[0].reshape(*weight.shape[1:3], channels, -1).astype(np.int32)
    shape = (x.shape[0], *window.output_size(x.shape[1], x.shape[2]), *filters.shape[2:])
    accumulator = np.zeros(shape, np.int32)
    for ky, kx, tap in window.taps(x.astype(np.int32), constants.in_zero_point):
        accumulator += tap[..., None] * filters[ky, kx]
    sums = accumulator.reshape(*shape[:3], -1).astype(np.int64)
    return requantized(sums + constants.bias, constants.requantize)


def conv_transpose2d(call: Call) -> Array:
    constants = weighted(call.graph, call.node)
    x, weight = call.input(0), call.input(1)
    sums = weight.astype(np.int64).sum(axis=3)
    spread = Spread.of(call)
    full = np.zeros((x.shape[0], *spread.full, weight.shape[0]), np.int64)
    for ky, kx, reached in spread.taps(full):
        tap = np.ascontiguousarray(weight[:, ky, kx])
        reached += exact_product(x, tap) - constants.in_zero_point * sums[:, ky, kx]
    accumulator = np.asarray(spread.cut(full) + constants.bias, np.int64)
    return requantized(accumulator, constants.requantize)


def linear(call: Call) -> Array:
    constants = weighted(call.graph, call.node)
    accumulator = exact_product(call.input(0), call.input(1))
    return requantized(accumulator + constants.bias, constants.requantize)
