"""Weights and constants in the layout of runtime/kernels/relaxed/dot.h."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed
from edge.emit.packing.simd128 import Int8s, with_records
from edge.quantization.constants import Weighted
from edge.quantization.requantize import INT8_MAX
from edge.quantization.simd128_scale import BLOCK, LANES, filled_blocks

_STEP, _FOUR = 8, 4
_FIRST_EXTRA, _EXTRAS = 22, 23  # in a record
_INT16_MAX = 2**15 - 1
_MOST_EXTRAS = 0.2  # of all steps of 8 inputs: then 5 operations and 3 extra ones cost 6


def pack_conv2d(weights: Int8s, weighted: Weighted) -> Packed:
    """conv2d_s8: weights int8[out_c, kernel_h, kernel_w, in_c]."""
    rows = weights.reshape(len(weights), -1)
    padded = np.pad(rows, ((0, -len(rows) % BLOCK), (0, -rows.shape[1] % _STEP)))
    fours = padded.reshape(len(padded) // BLOCK, BLOCK, -1, _FOUR).transpose(0, 2, 1, 3)
    kept, block, four = without_extras(fours)
    packed = with_records(rows, weighted, filled_blocks(len(rows)), kept)
    records = packed.bias.reshape(len(kept), BLOCK // LANES, -1)
    records[:, :, _FIRST_EXTRA] = np.searchsorted(block, np.arange(len(kept)))[:, None]
    count = np.bincount(block, minlength=len(kept))
    records[:, :, _EXTRAS] = np.where(_has_too_many(_leaves_16_bits(fours)), -1, count)[:, None]
    extras = _extras(fours[block, four], four)
    return replace(packed, weights=np.concatenate([packed.weights.reshape(-1), extras]))


def pack_pointwise(weights: Int8s, weighted: Weighted) -> Packed:
    """pointwise_conv2d_s8: weights int8[out_c, 1, 1, in_c] or int8[out_c, in_c]."""
    return pack_conv2d(weights, weighted)


def without_extras(fours: Int8s) -> tuple[Int8s, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The weights int8[blocks, inputs / 4, 8, 4] with zeros where a four is taken out; its places.

    Of two neighbouring fours the second is taken out where the like pairs of both, of one channel,
    could sum up to more than int16 holds, with inputs in 0..127. Blocks that would lose too many
    keep all.
    """
    leaves = _leaves_16_bits(fours)
    block, step = np.nonzero(leaves & ~_has_too_many(leaves)[:, None])
    kept = fours.copy()
    kept[block, 2 * step + 1] = 0
    return kept, block, 2 * step + 1


def _leaves_16_bits(fours: Int8s) -> npt.NDArray[np.bool_]:
    """bool[blocks, inputs / 8]: whether the sums of two fours might leave int16."""
    blocks, count = fours.shape[:2]
    pairs = fours.astype(np.int64).reshape(blocks, count // 2, 2, BLOCK, 2, 2)
    positive, negative = (pairs.clip(*ends).sum(axis=(2, 5)) for ends in ((0, None), (None, 0)))
    largest = np.maximum(positive, -negative).max(axis=(2, 3)) * INT8_MAX
    return np.asarray(largest > _INT16_MAX)


def _has_too_many(leaves: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """bool[blocks]: whether it is quicker to add the pairs of all fours alone."""
    return np.asarray(leaves.mean(axis=1) > _MOST_EXTRAS)


def _extras(weights: Int8s, four: npt.NDArray[np.int64]) -> Int8s:
    """int8[36 * extras]: the first input of each, little endian, and its weights."""
    first = (_FOUR * four).astype("<i4").view(np.int8).reshape(-1, 4)
    return np.concatenate([first, weights.reshape(len(four), _FOUR * BLOCK)], axis=1).reshape(-1)
