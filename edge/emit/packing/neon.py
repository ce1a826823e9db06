"""Weights and constants in the layouts of runtime/kernels/neon, neondot and neoni8mm.

The layouts are described at the top of multiply.c, depthwise_conv2d_s8.c and scale.h.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed
from edge.quantization.constants import Form, Weighted

_Number = TypeVar("_Number", np.int8, np.int32)
Array = np.ndarray[Any, np.dtype[_Number]]
Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]

_NEAREST, _FLOOR, _TWICE = range(3)  # of scale.h
_MIN_DEPTH = 8  # EDGE_NEON_MIN_DEPTH of multiply.h


def pack_dot(weights: Int8s, weighted: Weighted) -> Packed:
    """neondot/conv2d_s8 and linear_s8: weights int8[out_c, ...], taps of a channel in order."""
    return _pack_steps(weights, weighted, 4)


def pack_matrix(weights: Int8s, weighted: Weighted) -> Packed:
    """neoni8mm/conv2d_s8 and linear_s8: weights int8[out_c, ...], taps of a channel in order."""
    return _pack_steps(weights, weighted, 8)


def _pack_steps(weights: Int8s, weighted: Weighted, step: int) -> Packed:
    rows = _deep_enough(weights.reshape(len(weights), -1))
    whole = len(rows) // 16 * 16
    steps = _ending_at_the_last(rows, step)
    parts = [_grouped(steps[:whole], 16), _grouped(_padded(steps[whole:], 4), 4)]
    return _packed(np.concatenate(parts), weighted, len(rows))


def pack_wide(weights: Int8s, weighted: Weighted) -> Packed:
    """neon/conv2d_s8 and linear_s8: weights int8[out_c, ...], taps of a channel in order."""
    rows = _deep_enough(weights.reshape(len(weights), -1))
    wide = rows.shape[1] // 16 * 16
    channels = _padded(rows, 4)
    groups = channels.reshape(-1, 4, channels.shape[1])
    units = groups[..., :wide].reshape(len(groups), 4, -1, 16).transpose(0, 2, 1, 3)
    parts = [units.reshape(len(groups), -1)]
    if rows.shape[1] > wide:
        rest = _ending_at_the_last(channels, 8)[:, wide // 8 :].reshape(len(groups), 4, -1, 8)
        parts.append(rest.transpose(0, 2, 1, 3).reshape(len(groups), -1))
    return _packed(np.concatenate(parts, axis=1).ravel(), weighted, len(rows))


def pack_depthwise(weights: Int8s, weighted: Weighted) -> Packed:
    """neon/depthwise_conv2d_s8: weights int8[1, kernel_h, kernel_w, channels]."""
    taps = weights.reshape(-1, weights.shape[-1])
    return _packed(_padded(taps, 2).ravel(), weighted, weights.shape[-1])


def _deep_enough(rows: Int8s) -> Int8s:
    """[out_c, depth] with zeros behind the taps of a channel that has too few of them."""
    return np.pad(rows, ((0, 0), (0, max(0, _MIN_DEPTH - rows.shape[1]))))


def _ending_at_the_last(rows: Int8s, step: int) -> Int8s:
    """[out_c, steps, step]: a last step that is not full ends at the last tap.

    The taps before it, which it repeats, are zeros there.
    """
    missing = -rows.shape[1] % step
    whole = rows.shape[1] // step * step
    zeros = np.zeros((len(rows), missing), np.int8)
    return np.concatenate([rows[:, :whole], zeros, rows[:, whole:]], axis=1).reshape(
        len(rows), -1, step
    )


def _grouped(steps: Int8s, channels: int) -> Int8s:
    """[groups][steps][channels][step] of [out_c, steps, step], flat."""
    groups = steps.reshape(-1, channels, *steps.shape[1:])
    return np.ascontiguousarray(groups.transpose(0, 2, 1, 3)).ravel()


def _padded(array: Array[_Number], multiple: int) -> Array[_Number]:
    """Zeros appended along the first axis up to a multiple."""
    return np.pad(array, [(0, -len(array) % multiple)] + [(0, 0)] * (array.ndim - 1))


def _packed(weights: Int8s, weighted: Weighted, channels: int) -> Packed:
    return Packed(
        np.ascontiguousarray(weights),
        _scale_words(weighted, channels),
        np.zeros(0, np.int32),
        np.zeros(0, np.int8),
        True,
    )


def _scale_words(weighted: Weighted, channels: int) -> Int32s:
    """The head and the four words a channel of scale.h."""
    requantize = weighted.requantize
    multiplier = np.broadcast_to(requantize.multiplier, channels)
    shift = np.broadcast_to(requantize.shift, channels).astype(np.int32)
    right, left = np.minimum(shift, 0), np.maximum(shift, 0)
    form = _TWICE if requantize.form is Form.TWICE else _FLOOR if right.any() else _NEAREST
    if form == _FLOOR:
        left, right = np.where(right < 0, 0, left + 1), np.where(right < 0, right, -1)
    head = np.array([form, left.any(), 0, 0], np.int32)
    words = [_padded(words, 4) for words in (weighted.bias, multiplier, right, left)]
    return np.concatenate([head, *words]).astype(np.int32)
