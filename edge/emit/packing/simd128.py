"""Weights and constants in the layouts of runtime/kernels/simd128, described in its files.

Layers are packed only if `edge.planning.kernels_simd128` accepts them, so constants always exist
here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed
from edge.quantization.constants import Weighted
from edge.quantization.simd128_float import FloatScale, float_scale
from edge.quantization.simd128_scale import (
    BLOCK,
    LANES,
    filled_blocks,
    overlapping_blocks,
    weighted_scale,
)

Int8s = npt.NDArray[np.int8]
Ints = npt.NDArray[np.int32]

_DEPTH = 8
_IS_FLOAT = 21  # in a record
# Taps (row, column) of the pairs of depthwise_conv2d_s8.c; None is a tap of weight 0.
_PAIRS = (
    ((0, 0), (1, 0)),
    ((0, 1), (1, 1)),
    ((0, 2), (1, 2)),
    ((2, 0), (2, 1)),
    ((2, 2), None),
    (None, (2, 0)),
    ((2, 1), (2, 2)),
)


def pack_conv2d(weights: Int8s, weighted: Weighted) -> Packed:
    """conv2d_s8: weights int8[out_c, kernel_h, kernel_w, in_c]; layout in dot.h."""
    rows = weights.reshape(len(weights), -1)
    padded = np.pad(rows, ((0, -len(rows) % BLOCK), (0, -rows.shape[1] % _DEPTH)))
    pairs = padded.reshape(len(padded) // BLOCK, BLOCK, -1, 2).transpose(0, 2, 1, 3)
    return with_records(rows, weighted, filled_blocks(len(rows)), pairs)


def pack_pointwise(weights: Int8s, weighted: Weighted) -> Packed:
    """pointwise_conv2d_s8: weights int8[out_c, 1, 1, in_c] or int8[out_c, in_c]."""
    return pack_conv2d(weights, weighted)


def pack_depthwise(weights: Int8s, weighted: Weighted) -> Packed:
    """depthwise_conv2d_s8: weights int8[1, 3, 3, channels]."""
    taps = weights.reshape(3, 3, -1)
    zero = np.zeros(taps.shape[2], np.int8)
    pairs = [[zero if tap is None else taps[tap] for tap in pair] for pair in _PAIRS]
    channels = overlapping_blocks(taps.shape[2])
    blocks = np.array(pairs, np.int8)[:, :, channels.reshape(-1, BLOCK)].transpose(2, 0, 3, 1)
    return with_records(taps.reshape(9, -1).T, weighted, channels, blocks)


def with_records(
    rows: Int8s, weighted: Weighted, channels: npt.NDArray[np.int64], weights: Int8s
) -> Packed:
    """`weights` in blocks, with records (scale.h) of 4 channels each, taken from `channels`.

    `shift` is empty where all records shift alike.
    """
    scale = weighted_scale(weighted, rows, channels)
    if scale is None:
        raise ValueError("a layer that the simd128 kernels do not accept")
    bias = weighted.bias[channels].reshape(-1, LANES)
    records = _records(
        np.concatenate([bias, scale.records], axis=1), float_scale(weighted, rows, channels)
    )
    flat = np.ascontiguousarray(weights).reshape(-1)
    shift = np.zeros(0 if scale.common else 1, np.int8)
    return Packed(flat, records.reshape(-1), np.zeros(0, np.int32), shift, True)


def _records(integer: Ints, found: FloatScale) -> Ints:
    """int32[n / 4, 24] records: of the float form in blocks where all 8 channels are proven."""
    floats = np.zeros_like(integer)
    floats[:, : found.records.shape[1]] = found.records
    floats[:, _IS_FLOAT] = 1
    proven = found.proven.reshape(-1, BLOCK).all(axis=1).repeat(BLOCK // LANES)
    return np.where(proven[:, None], floats, integer).astype(np.int32)
