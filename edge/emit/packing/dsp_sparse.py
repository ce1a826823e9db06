"""Sparse weights in the layouts of runtime/kernels/dsp, described in edge/dsp_sparse.h.

Layers are packed only if `edge.planning.kernels_dsp_sparse` accepts them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge.emit.packing import dsp
from edge.emit.packing.packed import Packed
from edge.quantization.constants import Form, Weighted
from edge.quantization.dsp_words import dsp_constants
from edge.quantization.fixed_point import Int64s
from edge.sparsity.block_rows import BlockRows

Int8s = npt.NDArray[np.int8]
Bytes = npt.NDArray[np.uint8]

_BLOCK = (1, 4)
_WIDEST_GAP = 84  # words; 3 times as many fit a byte beside the end mark
_END = 255
_UNROLLED = 8


def pack_conv2d(weights: Int8s, weighted: Weighted) -> Packed:
    """conv2d_sparse_s8, pointwise_conv2d_sparse_s8: int8[out_c, ...], all taps in order."""
    rows = weights.reshape(len(weights), -1)
    constants = dsp_constants(weighted, rows)
    if constants is None:
        raise ValueError("a layer that the sparse dsp kernels do not accept")
    rows = np.where(constants.fixed[:, None], np.int8(0), rows)
    blocks = BlockRows.from_dense(rows, _BLOCK).bridged(_WIDEST_GAP)
    heads = _bytes(constants.bias * 256 + (blocks.counts % _UNROLLED << 5))
    tails = [np.full((len(rows), 1), _END, np.uint8), _bytes(constants.multiplier)]
    if weighted.requantize.form is Form.TWICE:
        tails.insert(1, constants.f.astype(np.uint8)[:, None])
    stream = _stream(blocks, heads, np.concatenate(tails, axis=1))
    return Packed(stream, _NONE, _NONE, np.zeros(0, np.int8), True)


def pack_linear(weights: Int8s, weighted: Weighted) -> Packed:
    """linear_sparse_s8: int8[out_c, in_c] (or [out_c, 1, 1, in_c]) with one scale."""
    rows = weights.reshape(len(weights), -1)
    dense = dsp.pack_linear(weights, weighted)
    blocks = BlockRows.from_dense(rows, (4, 4)).bridged(_END - 1)
    units = dense.weights.reshape(len(blocks.counts), -1, 4)[blocks.rows, blocks.columns]
    skips = _skips(blocks)
    skips = np.pad(skips, (0, -len(skips) % 4)).view("<i4")
    stored = np.concatenate([[blocks.blocks], units.ravel(), skips]).astype(np.int32)
    return replace(dense, weights=stored)


def _skips(blocks: BlockRows) -> Bytes:
    """For each 4 channels the blocks modulo 4, the units skipped before each, and the end mark."""
    rows = np.split(blocks.skipped.astype(np.uint8), np.cumsum(blocks.counts)[:-1])
    heads = (blocks.counts % 4).astype(np.uint8)
    parts = [part for head, row in zip(heads, rows, strict=True) for part in ([head], row, [_END])]
    return np.concatenate(parts).astype(np.uint8)


_NONE = np.zeros(0, np.int32)


def _bytes(values: Int64s) -> Bytes:
    """uint8[n, 4], little endian, of int32[n]."""
    return values.astype("<i4")[:, None].view(np.uint8)


def _stream(blocks: BlockRows, heads: Bytes, tails: Bytes) -> Int8s:
    """For each channel its head, its blocks behind 3 times the words they skip, and its tail."""
    skips = (3 * blocks.skipped).astype(np.uint8)[:, None]
    stored = np.concatenate([skips, blocks.data.reshape(-1, 4).view(np.uint8)], axis=1)
    rows = np.split(stored, np.cumsum(blocks.counts)[:-1])
    parts = [part.ravel() for channel in zip(heads, rows, tails, strict=True) for part in channel]
    return np.concatenate(parts).view(np.int8)
