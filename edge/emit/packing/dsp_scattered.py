"""Weights at places of their own, as runtime/kernels/dsp/scattered.S and row_pairs.S read them.

The streams are described in edge/dsp_sparse.h.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed
from edge.quantization.constants import Form, Weighted
from edge.quantization.dsp_words import DUO_LIMIT, PAIR_LIMIT, DspConstants, dsp_constants
from edge.quantization.fixed_point import Int64s
from edge.sparsity.block_rows import BlockRows
from edge.sparsity.column_pairs import FOUR, ColumnPairs

Int8s = npt.NDArray[np.int8]
Bytes = npt.NDArray[np.uint8]

_END = 255
_UNROLLED = 8
_DUO = (1 << 23) + 1  # two pixels that start alike
_NONE = np.zeros(0, np.int32)


def pack_pointwise(weights: Int8s, weighted: Weighted) -> Packed:
    """pointwise_conv2d_scattered_s8: int8[out_c, 1, 1, in_c] or int8[out_c, in_c]."""
    rows, constants = _varying(weights, weighted, DUO_LIMIT)
    kept = BlockRows.from_dense(rows, (1, 1)).bridged(_END - 2)
    return _packed(kept, 1, (constants.bias * _DUO).astype("<i8"), constants, weighted)


def pack_pairs(weights: Int8s, weighted: Weighted) -> Packed:
    """pointwise_conv2d_pairs_s8: int8[out_c, 1, 1, in_c] or int8[out_c, in_c]."""
    rows, constants = _varying(weights, weighted, PAIR_LIMIT)
    pairs = ColumnPairs.from_dense(rows, FOUR, 1)
    places = len(FOUR.pairs) * FOUR.count(rows.shape[1])
    kept = BlockRows(
        (len(rows), 2 * places), (1, 2), pairs.counts.astype(np.int32),
        pairs.places.astype(np.uint16), pairs.data,
    ).bridged(_END - 1)  # fmt: skip
    return _packed(kept, 0, constants.bias.astype("<i4"), constants, weighted)


def _varying(weights: Int8s, weighted: Weighted, limit: int) -> tuple[Int8s, DspConstants]:
    """Weights int8[out_c, in_c], zeros in channels that are constant, and their constants."""
    rows = weights.reshape(len(weights), -1)
    constants = dsp_constants(weighted, rows, limit)
    if constants is None:
        raise ValueError("a layer that the dsp kernels of scattered weights do not accept")
    return np.where(constants.fixed[:, None], np.int8(0), rows), constants


def _packed(
    kept: BlockRows, first: int, starts: Int64s, constants: DspConstants, weighted: Weighted
) -> Packed:
    """The stream; `first` is the step from one place to the next."""
    counts = (kept.counts % _UNROLLED).astype(np.uint8)[:, None]
    heads = np.concatenate([counts, starts[:, None].view(np.uint8)], axis=1)
    ends = [np.zeros((len(counts), 0), np.uint8)]
    if weighted.requantize.form is Form.TWICE:
        ends.append(constants.f.astype(np.uint8)[:, None])
    ends.append(constants.multiplier.astype("<i4")[:, None].view(np.uint8))
    parts = zip(heads, _entries(kept, first), np.concatenate(ends, axis=1), strict=True)
    stream = np.concatenate([part for channel in parts for part in channel])
    return Packed(stream.view(np.int8), _NONE, _NONE, np.zeros(0, np.int8), True)


def _entries(kept: BlockRows, first: int) -> list[Bytes]:
    """For each channel the first step, and its weights with the steps to those that follow."""
    weights = kept.data.reshape(-1, kept.block[1]).view(np.uint8)
    steps = (kept.skipped + first).astype(np.uint8)
    ends = np.cumsum(kept.counts)
    channels = []
    for start, end in zip(ends - kept.counts, ends, strict=True):
        behind = np.append(steps[start:end], np.uint8(_END))
        columns = [weights[start:end, :1], behind[1:, None], weights[start:end, 1:]]
        channels.append(np.append(behind[0], np.concatenate(columns, axis=1)))
    return channels
