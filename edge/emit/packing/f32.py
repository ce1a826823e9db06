"""Float weights and biases in the layouts that the float32 kernels read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.planning.sparse_blocks import QUAD, STRIP, best_size, blocks_of, part

Floats = npt.NDArray[np.float32]
Words = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class PackedFloats:
    """What the pointers of edge_conv2d_f32 and edge_linear_f32 lead to.

    `weights` in the kernel's own layout, as floats or as the bytes of floats and offsets; `bias`
    float32[out_channels].
    """

    weights: Array
    bias: Floats


FloatPacker = Callable[[Floats, Floats], PackedFloats]


def plain(weights: Floats, bias: Floats) -> PackedFloats:
    """The layout of the portable kernels: weights as in the graph."""
    return PackedFloats(weights.reshape(-1), bias)


_BLOCK = 8  # EDGE_F32X4_BLOCK of f32x4_product.h


def pack_products(weights: Floats, bias: Floats) -> PackedFloats:
    """Sums of products: weights float32[out_c, ...]; layout in f32x4_product.h."""
    rows = weights.reshape(len(weights), -1)
    missing = -len(rows) % _BLOCK
    padded = np.pad(rows, ((0, missing), (0, 0)))
    blocks = padded.reshape(len(padded) // _BLOCK, _BLOCK, -1).transpose(0, 2, 1)
    return PackedFloats(_bytes(blocks), np.pad(bias, (0, missing)))


def pack_sparse(weights: Floats, bias: Floats) -> PackedFloats:
    """The sparse pointwise kernels: weights float32[out_c, ..., in_c]; layout in f32x4_sparse.h."""
    rows = weights.reshape(len(weights), -1)
    size, missing = best_size(rows), -len(rows) % QUAD
    padded = np.pad(rows, ((0, missing), (0, 0)))
    stream = [np.array([size], np.int32)]
    for start in range(0, rows.shape[1], part(size)):
        columns = padded[:, start : start + part(size)]
        stream.extend(_singles(columns) if size == 1 else _blocks(columns, size))
    return PackedFloats(_bytes(np.concatenate(stream)), np.pad(bias, (0, missing)))


def _blocks(rows: Floats, size: int) -> Iterator[Words]:
    """For each row of blocks their number, then offset and weights of each."""
    for block_row, held in zip(
        rows.reshape(-1, size, rows.shape[1]), blocks_of(rows, size), strict=True
    ):
        columns = np.flatnonzero(held).astype(np.int32)
        values = np.ascontiguousarray(block_row[:, columns].T).view(np.int32)
        yield np.array([len(columns)], np.int32)
        yield np.concatenate([columns[:, None] * (4 * STRIP[size]), values], axis=1).reshape(-1)


def _singles(rows: Floats) -> Iterator[Words]:
    """For each row the number of its weights, filled up to an even one, then weights and offsets
    by fours, the last two by twos."""
    for row in rows:
        columns = np.flatnonzero(row).astype(np.int32)
        filled = len(columns) + len(columns) % 2
        words = np.zeros((2, filled), np.int32)
        words[:, : len(columns)] = row[columns].view(np.int32), columns * (4 * STRIP[1])
        fours = filled // 4 * 4
        yield np.array([filled], np.int32)
        yield words[:, :fours].reshape(2, -1, 4).transpose(1, 0, 2).reshape(-1)
        yield words[:, fours:].reshape(-1)


def _bytes(array: Array) -> npt.NDArray[np.int8]:
    """The little-endian bytes of an array, which compilers read faster than a list of floats."""
    return np.frombuffer(np.ascontiguousarray(array).tobytes(), np.int8)


FLOAT_PACKERS: dict[str, FloatPacker] = {
    "ref/conv2d_f32": plain,
    "ref/conv_transpose2d_f32": plain,
    "ref/conv_transpose2d_fused_f32": plain,
    "ref/depthwise_conv2d_f32": plain,
    "ref/conv2d_fused_f32": plain,
    "ref/depthwise_conv2d_fused_f32": plain,
    "ref/linear_fused_f32": plain,
    "ref/linear_f32": plain,
    "f32x4/conv2d_f32": pack_products,
    "f32x4/depthwise_conv2d_f32": plain,
    "f32x4/pointwise_conv2d_f32": pack_products,
    "f32x4/sparse_pointwise_conv2d_f32": pack_sparse,
    "fused/conv2d_f32": pack_products,
    "fused/depthwise_conv2d_f32": plain,
    "fused/pointwise_conv2d_f32": pack_products,
    "fused/sparse_pointwise_conv2d_f32": pack_sparse,
}
