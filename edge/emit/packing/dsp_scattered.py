"""Single weights in the stream of runtime/kernels/dsp/scattered.S: see edge/dsp_sparse.h."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed
from edge.quantization.constants import Form, Weighted
from edge.quantization.dsp_words import DUO_LIMIT, dsp_constants
from edge.sparsity.block_rows import BlockRows

Int8s = npt.NDArray[np.int8]
Bytes = npt.NDArray[np.uint8]

_END = 255
_UNROLLED = 8
_NONE = np.zeros(0, np.int32)


def pack_pointwise(weights: Int8s, weighted: Weighted) -> Packed:
    """pointwise_conv2d_scattered_s8: int8[out_c, 1, 1, in_c] or int8[out_c, in_c]."""
    rows = weights.reshape(len(weights), -1)
    constants = dsp_constants(weighted, rows, DUO_LIMIT)
    if constants is None:
        raise ValueError("a layer that the dsp kernel of scattered weights does not accept")
    rows = np.where(constants.fixed[:, None], np.int8(0), rows)
    kept = BlockRows.from_dense(rows, (1, 1)).bridged(_END - 2)
    counts = (kept.counts % _UNROLLED).astype(np.uint8)[:, None]
    starts = (constants.bias * ((1 << 23) + 1)).astype("<i8")[:, None].view(np.uint8)
    ends = [np.full((len(rows), 1), _END, np.uint8)]
    if weighted.requantize.form is Form.TWICE:
        ends.append(constants.f.astype(np.uint8)[:, None])
    ends.append(constants.multiplier.astype("<i4")[:, None].view(np.uint8))
    parts = zip(np.concatenate([counts, starts], axis=1), _entries(kept),
                np.concatenate(ends, axis=1), strict=True)  # fmt: skip
    stream = np.concatenate([part.ravel() for channel in parts for part in channel])
    return Packed(stream.view(np.int8), _NONE, _NONE, np.zeros(0, np.int8), True)


def _entries(kept: BlockRows) -> list[Bytes]:
    """For each channel uint8[weights, 2], how far each weight is behind the one before, and it."""
    steps = (kept.skipped + 1).astype(np.uint8)
    entries = np.stack([steps, kept.data.reshape(-1).view(np.uint8)], axis=1)
    return np.split(entries, np.cumsum(kept.counts)[:-1])
