"""Packers of transposed convolutions, whose layout depends on the stride.

Output positions that are the same modulo the stride share a phase: the kernel positions k, k +
stride, .. that reach them, with k from 0 to stride - 1 along each axis.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed
from edge.quantization.constants import Weighted

Int8s = npt.NDArray[np.int8]
Stride = tuple[int, ...]


def pack_pairs(weights: Int8s, weighted: Weighted, stride: Stride) -> Packed:
    """dsp/conv_transpose2d_s8, weights int8[out_c, kernel_h, kernel_w, in_c].

    For each phase, rows outside, words [channels / 2][steps][2 channels] of int16 pairs; a group of
    4 values makes two steps, the pairs (0, 2) and (1, 3). Channels are filled up to an even number,
    values to a multiple of 8, with zeros.
    """
    requantize = weighted.requantize
    phases = product(range(stride[0]), range(stride[1]))
    parts = [_pairs(weights[:, y :: stride[0], x :: stride[1]]) for y, x in phases]
    return Packed(
        np.concatenate(parts), weighted.bias, requantize.multiplier, requantize.shift,
        requantize.multiplier.size > 1,
    )  # fmt: skip


def _pairs(phase: Int8s) -> npt.NDArray[np.int32]:
    rows = phase.reshape(len(phase), -1)
    rows = np.pad(rows, [(0, len(rows) % 2), (0, -rows.shape[1] % 8)]).astype("<i2")
    groups = rows.reshape(len(rows) // 2, 2, -1, 4)[..., [0, 2, 1, 3]]
    steps = groups.reshape(len(groups), 2, -1, 2).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(steps).view("<i4").ravel().astype(np.int32)


STRIDE_PACKERS: dict[str, Callable[[Int8s, Weighted, Stride], Packed]] = {
    "dsp/conv_transpose2d_s8": pack_pairs,
}
