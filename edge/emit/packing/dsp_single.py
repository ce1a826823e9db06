"""The layout of runtime/kernels/dsp/depthwise_single_s8.c."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed, plain
from edge.quantization.constants import Weighted


def pack_depthwise(weights: npt.NDArray[np.int8], weighted: Weighted) -> Packed:
    """weights int8[1, kernel_h, kernel_w, channels] as [channels / 4][pairs][4] pairs of int16."""
    taps = weights.reshape(-1, weights.shape[-1]).astype("<i2")
    taps = np.pad(taps, ((0, len(taps) % 2), (0, 0)))
    pairs = taps.reshape(-1, 2, taps.shape[1] // 4, 4).transpose(2, 0, 3, 1)
    words = np.ascontiguousarray(pairs).reshape(-1).view("<i4").astype(np.int32)
    return replace(plain(weights, weighted), weights=words)
