"""Packers: for each kernel with weights, how they and their constants are laid out in flash."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edge.emit.packing import (
    blocks,
    dsp,
    dsp_pairs,
    dsp_scattered,
    dsp_single,
    dsp_sparse,
    mve,
    mve_sparse,
    neon,
    neon_sparse,
    relaxed,
    simd128,
    simd128_sparse,
    taps,
)
from edge.emit.packing.packed import Packed, plain
from edge.quantization.constants import Weighted

__all__ = ["PACKERS", "Packed"]

Packer = Callable[[npt.NDArray[np.int8], Weighted], Packed]

PACKERS: dict[str, Packer] = {
    "ref/conv2d_s8": plain,
    "ref/conv_transpose2d_s8": plain,
    "ref/depthwise_conv2d_s8": plain,
    "ref/linear_s8": plain,
    "ref/conv2d_sparse_s8": blocks.pack_blocks,
    "ref/linear_sparse_s8": blocks.pack_blocks,
    "ref/depthwise_conv2d_sparse_s8": taps.pack_taps,
    "dsp/conv2d_s8": dsp.pack_conv2d,
    "dsp/conv2d_lean_s8": dsp.pack_conv2d,
    "dsp/conv2d_wide_s8": dsp.pack_conv2d_wide,
    "dsp/pointwise_conv2d_s8": dsp.pack_pointwise,
    "dsp/pointwise_conv2d_wide_s8": dsp.pack_pointwise_wide,
    "dsp/linear_s8": dsp.pack_linear,
    "dsp/depthwise_conv2d_s8": dsp.pack_depthwise,
    "dsp/depthwise_single_s8": dsp_single.pack_depthwise,
    "dsp/depthwise_window_s8": dsp.pack_depthwise_window,
    "dsp/depthwise_window_lean_s8": dsp.pack_depthwise_window,
    "dsp/depthwise_window_s2_s8": dsp.pack_depthwise_window_s2,
    "dsp/depthwise_window_s2_lean_s8": dsp.pack_depthwise_window_s2,
    "dsp/conv2d_sparse_s8": dsp_sparse.pack_conv2d,
    "dsp/linear_pairs_s8": dsp_pairs.pack_linear,
    "dsp/linear_sparse_s8": dsp_sparse.pack_linear,
    "dsp/pointwise_conv2d_pairs_s8": dsp_scattered.pack_pairs,
    "dsp/pointwise_conv2d_scattered_s8": dsp_scattered.pack_pointwise,
    "dsp/pointwise_conv2d_sparse_s8": dsp_sparse.pack_conv2d,
    "dsp/pointwise_conv2d_sparse_few_s8": dsp_sparse.pack_conv2d,
    "dsp/pointwise_conv2d_sparse_lean_s8": dsp_sparse.pack_conv2d,
    "simd128/conv2d_s8": simd128.pack_conv2d,
    "simd128/pointwise_conv2d_s8": simd128.pack_pointwise,
    "simd128/depthwise_conv2d_s8": simd128.pack_depthwise,
    "simd128/conv2d_duos_s8": simd128_sparse.pack_duos,
    "simd128/conv2d_quads_s8": simd128_sparse.pack_quads,
    "simd128/pointwise_conv2d_duos_s8": simd128_sparse.pack_duos,
    "simd128/pointwise_conv2d_quads_s8": simd128_sparse.pack_quads,
    "relaxed/conv2d_s8": relaxed.pack_conv2d,
    "relaxed/pointwise_conv2d_s8": relaxed.pack_pointwise,
    "neon/conv2d_s8": neon.pack_wide,
    "neon/linear_s8": neon.pack_wide,
    "neon/depthwise_conv2d_s8": neon.pack_depthwise,
    "neon/depthwise_conv2d_sparse_s8": neon_sparse.pack_taps,
    "neondot/conv2d_s8": neon.pack_dot,
    "neondot/conv2d_sparse_s8": neon_sparse.pack_dot,
    "neondot/linear_sparse_s8": neon_sparse.pack_dot,
    "neondot/linear_s8": neon.pack_dot,
    "neoni8mm/conv2d_s8": neon.pack_matrix,
    "neoni8mm/linear_s8": neon.pack_matrix,
    "neoni8mm/conv2d_sparse_s8": neon_sparse.pack_matrix,
    "neoni8mm/linear_sparse_s8": neon_sparse.pack_matrix,
    "mve/conv2d_s8": mve.pack_conv2d,
    "mve/pointwise_conv2d_s8": mve.pack_conv2d,
    "mve/linear_s8": mve.pack_conv2d,
    "mve/conv2d_sparse_s8": mve_sparse.pack_conv2d,
    "mve/pointwise_conv2d_sparse_s8": mve_sparse.pack_conv2d,
    "mve/conv2d_sparse_words_s8": mve_sparse.pack_words,
    "mve/pointwise_conv2d_sparse_words_s8": mve_sparse.pack_words,
    "mve/linear_sparse_s8": mve_sparse.pack_linear,
    "mve/depthwise_conv2d_s8": mve.pack_depthwise,
    "mve/depthwise_conv2d_large_s8": mve.pack_depthwise,
}
