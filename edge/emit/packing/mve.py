"""Weights and records in the layouts of runtime/kernels/mve, described in edge/mve.h.

Layers are packed only if `edge.planning.kernels_mve` accepts them, so shifts always exist here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed
from edge.quantization.constants import Form, Weighted
from edge.quantization.mve_scale import right_shifts

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]

_GROUP = 4  # channels
_VECTOR = 16  # bytes
_ROWS = 3  # of a woven word


def pack_conv2d(weights: Int8s, weighted: Weighted) -> Packed:
    """Matrix products: weights int8[out_c, ...] with all taps of an output channel in order."""
    taps = weights.reshape(len(weights), -1)
    padded = np.pad(
        taps, [(0, -size % unit) for size, unit in zip(taps.shape, (_GROUP, _VECTOR), strict=True)]
    )
    groups = padded.reshape(len(padded) // _GROUP, _GROUP, -1, _VECTOR)
    return _packed(groups.transpose(0, 2, 1, 3), weighted)


def pack_depthwise(weights: Int8s, weighted: Weighted) -> Packed:
    """depthwise_conv2d_s8: weights int8[1, kernel_h, kernel_w, channels], in pieces of 3 rows and
    4 columns; rows become the inner dimension, with a fourth one of zeros."""
    _, kernel_h, kernel_w, channels = weights.shape
    missing = ((0, -kernel_h % _ROWS), (0, max(4 - kernel_w, 0)), (0, -channels % _GROUP))
    padded = np.pad(weights[0], missing)
    pieces = [
        _piece(padded[row : row + _ROWS], column)
        for row in range(0, kernel_h, _ROWS)
        for column in range(0, kernel_w, 4)
    ]
    return _packed(np.stack(pieces, axis=1), weighted)


def _piece(rows: Int8s, column: int) -> Int8s:
    """int8[groups, 4 channels, 4 columns, 4 rows] of int8[3, kernel_w, channels] from a column on.

    The last piece ends with the last column; the columns it shares with the one before are zeros.
    """
    start = min(column, rows.shape[1] - 4)
    taps = rows[:, start : start + 4].copy()
    taps[:, : column - start] = 0
    columns = np.pad(taps, ((0, 1), (0, 0), (0, 0))).transpose(2, 1, 0)
    return columns.reshape(-1, _GROUP, 4, 4)


def _packed(weights: Int8s, weighted: Weighted) -> Packed:
    shifts = right_shifts(weighted.requantize)
    if shifts is None:
        raise ValueError("a layer that the mve kernels do not accept")
    shifted = bool(shifts.any()) or weighted.requantize.form is Form.TWICE
    return Packed(
        np.ascontiguousarray(weights).reshape(-1),
        _records(weighted, shifts),
        np.zeros(0, np.int32),
        np.zeros(int(shifted), np.int8),
        False,
    )


def _records(weighted: Weighted, shifts: Int32s) -> Int32s:
    """For each group of 4 channels: start values, multipliers, shifts (negative: to the right)."""
    count = len(weighted.bias)
    fields = (weighted.bias, weighted.requantize.multiplier, -shifts)
    rows = np.stack([np.broadcast_to(field, count) for field in fields]).astype(np.int32)
    padded = np.pad(rows, ((0, 0), (0, -count % _GROUP)))
    return padded.reshape(len(fields), -1, _GROUP).transpose(1, 0, 2).reshape(-1)
