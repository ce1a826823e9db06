"""Operators of a language model, one token at a time; `edge.quantization.decoder` defines them."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from edge.ir import DType
from edge.ir.types import Array
from edge.quantization import decoder as constants
from edge.quantization.fixed_point import Int64s, once
from edge.quantization.layer_norm import reciprocal_root
from edge.reference.call import Call


def embedding(call: Call) -> Array:
    """int16[1, width] of the token, or of the last one."""
    c = constants.embedding(call.graph, call.node)
    token, last, table = int(call.input(0)[0]), int(call.input(1)[0]), call.input(2)
    row = token if 0 <= token < len(table) else last
    multiplier = int(c.multiplier[row if c.multiplier.size > 1 else 0])
    return _int16(_shifted(table[row].astype(np.int64) * multiplier, c.shift))[None]


def residual(call: Call) -> Array:
    c = constants.residual(call.graph, call.node)
    a, b = (call.input(slot).astype(np.int64) for slot in (0, 1))
    return _int16(a + _shifted(b * c.multiplier, c.shift))


def rms_norm(call: Call) -> Array:
    c = constants.rms_norm(call.graph, call.node)
    x = call.input(0).astype(np.int64)
    root, exponent = reciprocal_root((x * x).sum(axis=-1, keepdims=True) + c.epsilon)
    right = 43 + exponent - constants.NORM_BITS
    h = (x * root + (np.int64(1) << (right - 1))) >> right
    return _int8((h * c.gain + c.offset) >> c.shift)


def rotary(call: Call) -> Array:
    right = constants.rotary_shift(call.graph, call.node)
    fine, coarse = (call.input(slot).astype(np.int64) for slot in (2, 3))
    step, rest = divmod(int(call.input(1)[0]), len(fine))
    (c1, s1), (c2, s2) = coarse[step].T, fine[rest].T
    c = _shifted(c1 * c2 - s1 * s2, constants.ROTARY_BITS)
    s = _shifted(s1 * c2 + c1 * s2, constants.ROTARY_BITS)
    x = call.input(0).astype(np.int64)
    even, odd = np.moveaxis(x.reshape(-1, len(c), 2), -1, 0)
    turned = np.stack([even * c - odd * s, even * s + odd * c], axis=-1)
    made = _shifted(turned, right).reshape(x.shape)
    return _int8(made) if call.output.dtype is DType.INT8 else _int16(made)


def append(call: Call) -> Array:
    ring, x = call.input(0).copy(), call.input(1)[0]
    row = int(call.input(2)[0]) % ring.shape[1]
    if call.attrs["pairs"]:
        _pairs(ring)[row // 2, :, row % 2] = x.reshape(-1, 2)
    else:
        ring[0, row] = x
    return ring


def _pairs(ring: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """A view of a ring: [pair of rows, pair of channels, row, channel]."""
    _, window, channels = ring.shape
    return ring.reshape(window // 2, channels // 2, 2, 2)


def ring_attention(call: Call) -> Array:
    c = constants.ring_attention(call.graph, call.node)
    q, keys, values, position = (call.input(slot) for slot in range(4))
    rows = min(int(position[0]) + 1, keys.shape[1])
    grouped = q.reshape(c.groups, c.heads // c.groups, -1).astype(np.int64)
    held = _pairs(values).swapaxes(1, 2).reshape(keys.shape)
    k, v = (x[0, :rows].reshape(rows, c.groups, -1).astype(np.int64) for x in (keys, held))
    scores = np.einsum("ghi,tgi->ght", grouped, k)
    distance = scores.max(axis=-1, keepdims=True) - scores
    index = np.minimum(once(distance, c.multiplier, 0), len(c.table) - 1)
    weights = c.table.astype(np.int64)[index]
    sums = np.einsum("ght,tgi->ghi", weights, v)
    return _int8(_means(sums, weights.sum(axis=-1, keepdims=True), c)).reshape(q.shape)


def _means(sums: Int64s, total: Int64s, c: constants.RingAttention) -> Int64s:
    bits = np.frexp(total.astype(np.float64))[1].astype(np.int64)  # exact: totals are below 2**31
    right = bits - 16
    narrow = (total << np.maximum(-right, 0)) >> np.maximum(right, 0)
    factor = c.scale * ((np.int64(1) << 31) // narrow)
    shift = c.shift + right
    return np.asarray((sums * factor + (np.int64(1) << (shift - 1))) >> shift, np.int64)


def argmax(call: Call) -> Array:
    """int32[1]: the first of the largest."""
    return np.asarray(np.argmax(call.input(0), axis=-1), np.int32)


def advance(call: Call) -> Array:
    limit = cast(int, call.attrs["limit"])
    return np.asarray(np.minimum(call.input(0) + 1, limit - 1), np.int32)


def _shifted(x: Int64s, right: int) -> Int64s:
    return np.asarray((x + (1 << (right - 1))) >> right, np.int64)


def _int8(x: Int64s) -> npt.NDArray[np.int8]:
    return np.clip(x, -128, 127).astype(np.int8)


def _int16(x: Int64s) -> npt.NDArray[np.int16]:
    return np.clip(x, -(2**15), 2**15 - 1).astype(np.int16)
