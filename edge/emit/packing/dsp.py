"""Weights and constants in the layouts of runtime/kernels/dsp, described at the top of each file.

Layers are packed only if `edge.planning.kernels_dsp` accepts them, so constants always exist here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed
from edge.quantization.constants import Weighted
from edge.quantization.dsp_words import PAIR_LIMIT, WIDE_LIMIT, DspConstants, dsp_constants

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]


def pack_conv2d(weights: Int8s, weighted: Weighted) -> Packed:
    """conv2d_s8: weights int8[out_c, kernel_h, kernel_w, in_c]."""
    constants = _constants(weighted, weights.reshape(len(weights), -1))
    steps = _padded(_without_fixed(_steps(weights), constants), 2)
    return _records_only(_pair_words(steps).ravel(), _pair_records(constants))


def pack_conv2d_wide(weights: Int8s, weighted: Weighted) -> Packed:
    """conv2d_wide_s8: weights int8[out_c, kernel_h, kernel_w, in_c]."""
    constants = _constants(weighted, weights.reshape(len(weights), -1), WIDE_LIMIT)
    steps = _padded(_without_fixed(_steps(weights), constants), 2)
    words = np.stack([steps[0::2], steps[1::2]], axis=-1).astype(np.int8)
    return _records_only(_little_words(words), _wide_records(constants))


def pack_pointwise(weights: Int8s, weighted: Weighted) -> Packed:
    """pointwise_conv2d_s8: weights int8[out_c, 1, 1, in_c] or int8[out_c, in_c]."""
    return pack_conv2d(weights.reshape(len(weights), 1, 1, -1), weighted)


def pack_pointwise_wide(weights: Int8s, weighted: Weighted) -> Packed:
    """pointwise_conv2d_wide_s8: weights int8[out_c, 1, 1, in_c] or int8[out_c, in_c]."""
    return pack_conv2d_wide(weights.reshape(len(weights), 1, 1, -1), weighted)


def pack_linear(weights: Int8s, weighted: Weighted) -> Packed:
    """linear_s8: weights int8[out_c, in_c] (or [out_c, 1, 1, in_c]).

    With one scale, or one a channel where f is 0 for all.
    """
    rows = weights.reshape(len(weights), -1)
    constants = _constants(weighted, rows, fold=False)
    per_channel = weighted.requantize.multiplier.size > 1
    scales = None if per_channel else 1
    return Packed(
        quads(rows),
        quad_starts(constants.bias),
        _padded(constants.multiplier, 4)[:scales].astype(np.int32),
        constants.f[:scales].astype(np.int8),
        per_channel,
    )


def quads(rows: Int8s) -> Int32s:
    """The weights of linear_1x4.S and project_1x4.S: int8[rows, size], 4 rows at a time."""
    order = _tap_order(rows.shape[1]).reshape(-1, 2)
    steps = rows[:, order] * _tap_used(rows.shape[1]).reshape(-1, 2)
    if len(steps[0]) % 2:
        steps = np.pad(steps, ((0, 0), (0, 1), (0, 0)))
    words = _pair_words(_padded(steps, 4))
    units = words.reshape(len(words) // 2, 2, -1, 2).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(units).reshape(-1)


def quad_starts(bias: npt.NDArray[np.generic]) -> Int32s:
    """Where the sums of `quads` start, one a row."""
    return _pair_starts(_padded(bias, 4))


def pack_depthwise(weights: Int8s, weighted: Weighted) -> Packed:
    """depthwise_conv2d_s8: weights int8[1, 3, 3, channels]."""
    w = weights.reshape(3, 3, -1).transpose(2, 0, 1)
    constants = _constants(weighted, w.reshape(len(w), -1))
    w = _without_fixed(w, constants)
    zero = np.zeros(len(w), np.int8)
    taps = (
        (w[:, 0, 0], w[:, 0, 1], w[:, 1, 0], w[:, 1, 1]),
        (w[:, 0, 2], zero, w[:, 1, 2], zero),
        (w[:, 2, 0], w[:, 2, 1], w[:, 2, 1], w[:, 2, 2]),
    )
    bytes_ = np.stack([np.stack(word, axis=-1) for word in taps], axis=1)
    words = _little_words(bytes_).reshape(len(w), 3)
    scale = np.stack([constants.words, constants.multiplier], axis=1).astype(np.int32)
    return _records_only(np.concatenate([words, scale], axis=1).ravel(), _NO_WORDS)


def pack_depthwise_window(weights: Int8s, weighted: Weighted) -> Packed:
    """depthwise_window_s8: weights int8[1, kernel_h, kernel_w, channels]."""
    return _pack_window(weights, weighted, 1)


def pack_depthwise_window_s2(weights: Int8s, weighted: Weighted) -> Packed:
    """depthwise_window_s2_s8: weights int8[1, kernel_h, kernel_w, channels]."""
    return _pack_window(weights, weighted, 2)


def _pack_window(weights: Int8s, weighted: Weighted, stride: int) -> Packed:
    w = weights[0].transpose(2, 0, 1)
    constants = _constants(weighted, w.reshape(len(w), -1))
    w = _without_fixed(w, constants)
    w = np.pad(w, ((0, 0), (0, w.shape[1] % 2), (0, 0)))
    segments = [
        _segment(w[:, row : row + 2, phase::stride])
        for row in range(0, w.shape[1], 2)
        for phase in range(min(stride, w.shape[2]))
    ]
    packed = np.append(np.concatenate(segments, axis=1).ravel(), np.int8(0))
    records = np.stack([constants.words, constants.multiplier], axis=1).astype(np.int32)
    return Packed(packed, records.ravel(), _NO_WORDS, np.zeros(0, np.int8), True)


def _segment(rows: Int8s) -> Int8s:
    """int8[channels, bytes] of int8[channels, 2, taps] as depthwise_1x4.S reads them."""
    odd = rows.shape[2] % 2
    first = np.stack([rows[:, 0, :odd], 0 * rows[:, 0, :odd], rows[:, 1, :odd]], axis=-1)
    twos = rows[:, :, odd:].reshape(len(rows), 2, -1, 2).transpose(0, 2, 1, 3)
    return np.concatenate([first.reshape(len(rows), -1), twos.reshape(len(rows), -1)], axis=1)


_NO_WORDS = np.zeros(0, np.int32)


def _records_only(weights: Int32s, records: Int32s) -> Packed:
    return Packed(weights, records, _NO_WORDS, np.zeros(0, np.int8), True)


def _pair_records(constants: DspConstants) -> Int32s:
    """For each pair of channels two words and two multipliers."""
    fields = (_padded(constants.words, 2), _padded(constants.multiplier, 2))
    return np.concatenate([f.reshape(-1, 2) for f in fields], axis=1).astype(np.int32).ravel()


def _wide_records(constants: DspConstants) -> Int32s:
    """For each pair of channels two biases, two multipliers, and both f in a word."""
    bias, multiplier, f = (
        _padded(field, 2).astype(np.int64).reshape(-1, 2)
        for field in (constants.bias, constants.multiplier, constants.f)
    )
    shifts = f[:, :1] + 256 * f[:, 1:]
    return np.concatenate([bias, multiplier, shifts], axis=1).astype(np.int32).ravel()


def _steps(weights: Int8s) -> Int8s:
    """int8[out_c, steps, 2] of int8[out_c, kernel_h, kernel_w, in_c]: kernel row by kernel row."""
    rows = weights.reshape(*weights.shape[:2], -1)
    steps = rows[..., _tap_order(rows.shape[-1])] * _tap_used(rows.shape[-1])
    return steps.reshape(len(weights), -1, 2)


def _little_words(values: npt.NDArray[np.int8]) -> Int32s:
    """int32[n] of 4 * n bytes in order, the first one lowest."""
    return np.ascontiguousarray(values).reshape(-1).view("<i4").astype(np.int32)


def _without_fixed(weights: Int8s, constants: DspConstants) -> Int8s:
    """[channels, ...] with zeros in the channels that need no weights."""
    axes = tuple(range(1, weights.ndim))
    return np.where(np.expand_dims(constants.fixed, axes), np.int8(0), weights)


def _constants(
    weighted: Weighted, rows: Int8s, limit: int = PAIR_LIMIT, fold: bool = True
) -> DspConstants:
    constants = dsp_constants(weighted, rows, limit, fold)
    if constants is None:
        raise ValueError("a layer that the dsp kernels do not accept")
    return constants


def _tap_order(count: int) -> npt.NDArray[np.intp]:
    """[steps * 2] the tap of each halfword: bytes (0, 2), (1, 3) of each word, in order.

    The last word ends at the last byte, so it may repeat taps and start before the first.
    """
    words = [4 * i for i in range(count // 4)]
    order = [word + byte for word in words for byte in (0, 2, 1, 3)]
    if count % 4:
        last = (0, 2, 1, 3) if count % 4 > 1 else (1, 3)
        order += [count - 4 + byte for byte in last]
    return np.maximum(np.array(order, np.intp), 0)


def _tap_used(count: int) -> Int8s:
    """[steps * 2] 0 for the halfwords that repeat a tap or precede the first one."""
    used = np.ones(len(_tap_order(count)), np.int8)
    if count % 4:
        first_new = 4 * (count // 4)
        last = (0, 2, 1, 3) if count % 4 > 1 else (1, 3)
        used[-len(last) :] = [count - 4 + byte >= first_new for byte in last]
    return used


def _padded(array: npt.NDArray[np.generic], multiple: int) -> npt.NDArray[np.generic]:
    """Zeros appended along the first axis up to a multiple."""
    missing = -len(array) % multiple
    return np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))


def _pair_words(steps: npt.NDArray[np.generic]) -> Int32s:
    """int32[channels / 2, steps] of int8[channels, steps, 2]: halfwords w_even + 256 * w_odd."""
    wide = steps.astype(np.int32)
    halves = (wide[0::2] + 256 * wide[1::2]).astype("<i2")
    return np.ascontiguousarray(halves).view("<i4").reshape(len(halves), -1).astype(np.int32)


def _pair_starts(bias: npt.NDArray[np.generic]) -> Int32s:
    """Start values of accumulators: even, even + 256 * odd."""
    even, odd = bias[0::2].astype(np.int64), bias[1::2].astype(np.int64)
    return np.stack([even, even + 256 * odd], axis=1).astype(np.int32).ravel()
