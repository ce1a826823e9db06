"""Depthwise weights with zeros: the taps left of each channel; depthwise_conv2d_sparse_s8.c."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed, plain
from edge.quantization.constants import Weighted


def pack_taps(weights: npt.NDArray[np.int8], weighted: Weighted) -> Packed:
    """Weights int8[1, kernel_h, kernel_w, out_c]: a count, positions and weights, by channel."""
    rows = weights.reshape(-1, weights.shape[-1]).T
    stream = np.concatenate([_channel(row) for row in rows])
    return replace(plain(weights, weighted), weights=stream.view(np.int8))


def _channel(row: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    positions = np.flatnonzero(row)
    pairs = np.stack([positions.astype(np.uint8), row[positions].view(np.uint8)], axis=1)
    return np.append(np.uint8(len(positions)), pairs.ravel())
